//! One page a kind, from the schema of its CRD: every field of spec and status, the rules that the API server
//! and `validate` check alike, and the columns that `kubectl get` shows.

use serde_json::Value;

use super::markdown::{code, codes, table};
use crate::api::{API_VERSION, Kind, schema};

/// The file of a kind's page.
pub fn file(kind: Kind) -> String {
    format!("{}.md", kind.name().to_lowercase())
}

/// The page of a kind.
pub fn page(kind: Kind) -> String {
    let crd = serde_json::to_value(schema::crd(kind)).unwrap_or_default();
    let version = &crd["spec"]["versions"][0];
    let schema = &version["schema"]["openAPIV3Schema"];
    let (spec, status) = (&schema["properties"]["spec"], &schema["properties"]["status"]);

    let mut rules = Rules::default();
    rules.of(spec, "spec");
    let mut fields = Vec::new();
    walk(spec, "", &mut rules, &mut fields);
    let spec_rows = fields.into_iter().map(|field| {
        let required = if field.required { "yes" } else { "" };
        vec![code(&field.path), field.of_type, required.to_owned(), field.allowed, field.meaning]
    });
    let spec_table = table(&["Field", "Type", "Required", "Allowed", "Meaning"], spec_rows);

    let mut fields = Vec::new();
    walk(status, "", &mut Rules::default(), &mut fields);
    let status_rows = fields.into_iter().map(|field| vec![code(&field.path), field.of_type, field.allowed, field.meaning]);
    let status_table = table(&["Field", "Type", "Allowed", "Meaning"], status_rows);

    let columns = version["additionalPrinterColumns"].as_array().into_iter().flatten();
    let columns = table(
        &["Column", "Value"],
        columns.map(|column| vec![text(&column["name"]).to_owned(), code(text(&column["jsonPath"]))]),
    );
    let names = &crd["spec"]["names"];
    let short = codes(strings(&names["shortNames"]));
    let plural = text(&names["plural"]);
    let description = text(&schema["description"]);
    let rules = rules.table();
    format!(
        "# {kind}\n\n{description}\n\n\
         `apiVersion: {API_VERSION}`, `kind: {kind}`; namespaced; plural `{plural}`, short {short}; in the category \
         `rollcall` (`kubectl get rollcall`).\n\n\
         ## Spec\n\n\
         `[]` stands for each entry of a list, `*` for each key of a map. A field that is required within another must be \
         given where that one is. A field that is not required and left out is empty (M12).\n\n{spec_table}\n\
         ## Rules\n\n\
         What the API server refuses beyond types and bounds; `rollcall validate` and `apply` say the same.\n\n{rules}\n\
         ## Status\n\n\
         Written by Rollcall alone.\n\n{status_table}\n\
         ## Columns\n\nWhat `kubectl get {plural}` shows after the name.\n\n{columns}"
    )
}

/// A field, as a row tells it.
struct Field {
    path: String,
    of_type: String,
    required: bool,
    allowed: String,
    meaning: String,
}

/// Collects the fields of an object below a path.
fn walk(object: &Value, path: &str, rules: &mut Rules, fields: &mut Vec<Field>) {
    let required: Vec<&str> = strings(&object["required"]).collect();
    for (name, schema) in object["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let (inner, inner_path) = inner(schema, &path);
        let mut numbers = rules.of(schema, &path);
        if !std::ptr::eq(inner, schema) {
            numbers.extend(rules.of(inner, &inner_path));
        }
        let mut allowed = bounds(schema);
        allowed.extend(numbers.iter().map(|number| format!("[rule {number}](#rules)")));
        let mut meaning = text(&schema["description"]).to_owned();
        // Kubernetes' own, the same for every kind.
        let own = path != "conditions";
        if !own {
            meaning.push_str(" Each has the fields of a Kubernetes condition; see [conditions.md](conditions.md).");
        }
        fields.push(Field {
            of_type: of_type(schema),
            required: required.contains(&name.as_str()),
            allowed: allowed.join("; "),
            meaning,
            path,
        });
        if own {
            walk(inner, &inner_path, rules, fields);
        }
    }
}

/// What a list holds, or a map, at its path; else the field itself.
fn inner<'s>(schema: &'s Value, path: &str) -> (&'s Value, String) {
    match (schema.get("items"), schema.get("additionalProperties")) {
        (Some(items), _) => (items, format!("{path}[]")),
        (None, Some(values)) => (values, format!("{path}.*")),
        (None, None) => (schema, path.to_owned()),
    }
}

fn of_type(schema: &Value) -> String {
    match (text(&schema["type"]), schema.get("additionalProperties")) {
        ("array", _) => format!("list of {}", of_type(&schema["items"])),
        ("object", Some(values)) => format!("map of {}", of_type(values)),
        ("string", _) if schema["format"] == "date-time" => "instant".to_owned(),
        (known, _) => known.to_owned(),
    }
}

/// What a schema says of values beyond their type.
fn bounds(schema: &Value) -> Vec<String> {
    let mut list = Vec::new();
    let values = schema["enum"].as_array().into_iter().flatten().filter(|value| !value.is_null());
    let values: Vec<String> = values.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect();
    if !values.is_empty() {
        list.push(codes(values.iter().map(String::as_str)));
    }
    for (least, most, unit) in [
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " entries"),
        ("minProperties", "maxProperties", " entries"),
        ("minimum", "maximum", ""),
    ] {
        match (number(&schema[least]), number(&schema[most])) {
            (Some(least), Some(most)) => list.push(format!("{least}–{most}{unit}")),
            (Some(least), None) => list.push(format!("at least {least}{unit}")),
            (None, Some(most)) => list.push(format!("at most {most}{unit}")),
            (None, None) => {}
        }
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        list.push(format!("matches {}", code(pattern)));
    }
    if let Some(default) = schema.get("default") {
        list.push(format!("default {}", code(&default.to_string())));
    }
    let of_each = inner(schema, "").0;
    if !std::ptr::eq(of_each, schema) && of_each.get("properties").is_none() {
        list.extend(bounds(of_each).into_iter().map(|bound| format!("each {bound}")));
    }
    list
}

/// Bounds are numbers with a fraction in a CRD.
fn number(value: &Value) -> Option<String> {
    value.as_i64().map(|number| number.to_string()).or_else(|| value.as_f64().map(|number| number.to_string()))
}

/// The rules of a page, numbered as they come, each with where it holds.
#[derive(Default)]
struct Rules(Vec<Rule>);

struct Rule {
    message: String,
    cel: String,
    paths: Vec<String>,
}

impl Rules {
    /// Takes in the rules of a schema; gives back their numbers.
    fn of(&mut self, schema: &Value, path: &str) -> Vec<usize> {
        let mut numbers = Vec::new();
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            let (message, cel) = (text(&rule["message"]), text(&rule["rule"]));
            let place = self.0.iter().position(|known| known.cel == cel && known.message == message).unwrap_or_else(|| {
                self.0.push(Rule { message: message.to_owned(), cel: cel.to_owned(), paths: Vec::new() });
                self.0.len() - 1
            });
            self.0[place].paths.push(path.to_owned());
            numbers.push(place + 1);
        }
        numbers
    }

    fn table(&self) -> String {
        if self.0.is_empty() {
            return "None.\n".to_owned();
        }
        let rows = self.0.iter().enumerate().map(|(index, Rule { message, cel, paths })| {
            vec![(index + 1).to_string(), message.clone(), code(cel), codes(paths.iter().map(String::as_str))]
        });
        table(&["Rule", "Says", "CEL", "Of"], rows)
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}
