//! The schema of each kind, as the CRD has it, and the check of a manifest against it: types, lengths,
//! enums, unknown fields and CEL rules, from the same text as on the API server. Compiled once, no I/O.
//! Called by the command line before anything else looks at a manifest, and by the engine.

use std::collections::HashMap;
use std::sync::LazyLock;

use jsonschema::JsonType;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use kube::core::cel::{CompiledSchema, Validator, compile_schema};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::confidential::{GIVEN, is_confidential};
use super::text::one_line;
use super::{ExternalContact, Kind, Member, Organization, Problem, Tenant};

/// The CustomResourceDefinition of a kind, as committed under `crds/`.
pub fn crd(kind: Kind) -> CustomResourceDefinition {
    let mut crd = match kind {
        Kind::Tenant => Tenant::crd(),
        Kind::Organization => Organization::crd(),
        Kind::Member => Member::crd(),
        Kind::ExternalContact => ExternalContact::crd(),
    };
    // Helm and people alike remove what they installed; the directory's people must outlive both (T14).
    crd.metadata.annotations.get_or_insert_default().insert("helm.sh/resource-policy".into(), "keep".into());
    for version in &mut crd.spec.versions {
        version.schema.iter_mut().filter_map(|schema| schema.open_api_v3_schema.as_mut()).for_each(drop_formats);
    }
    crd
}

/// The API server knows no unsigned integers; their bounds say the same.
fn drop_formats(schema: &mut JSONSchemaProps) {
    if schema.format.as_deref().is_some_and(|format| format.starts_with("uint")) {
        schema.format = None;
    }
    schema.properties.iter_mut().flat_map(|properties| properties.values_mut()).for_each(drop_formats);
    match schema.items.as_mut() {
        Some(JSONSchemaPropsOrArray::Schema(items)) => drop_formats(items),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(drop_formats),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = schema.additional_properties.as_mut() {
        drop_formats(values);
    }
}

/// The compiled schema of one kind's `spec`.
struct Checker {
    schema: Value,
    structural: jsonschema::Validator,
    rules: CompiledSchema,
    /// The message of each rule, for values on which the rule itself fails (a date that does not exist).
    messages: HashMap<String, String>,
}

impl Checker {
    fn new(kind: Kind) -> Self {
        let crd = serde_json::to_value(crd(kind)).expect("a CRD is JSON");
        let schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone();
        let mut messages = HashMap::new();
        collect_messages(&compile_schema(&schema), &mut messages);
        let mut hoisted = schema.clone();
        hoist_patterns(&mut hoisted, &mut messages);
        let structural = jsonschema::validator_for(&hoisted).expect("the generated schema is a JSON schema");
        let rules = compile_schema(&hoisted);
        Checker { schema, structural, rules, messages }
    }
}

/// Turns rules that are nothing but a pattern, or that one is not met, into that: CEL compiles it at every evaluation, a
/// JSON schema once. The rule text and its message stay the same.
fn hoist_patterns(schema: &mut Value, messages: &mut HashMap<String, String>) {
    match schema {
        Value::Object(fields) => {
            let rules = fields.get_mut("x-kubernetes-validations").and_then(Value::as_array_mut);
            let mut patterns = Vec::new();
            if let Some(rules) = rules {
                rules.retain(|rule| {
                    let Some(text) = rule["rule"].as_str() else { return true };
                    let (is_met, met) = text.strip_prefix('!').map_or((true, text), |rest| (false, rest));
                    let Some(pattern) = lone_pattern(met) else { return true };
                    messages.extend(rule["message"].as_str().map(|message| (pattern.clone(), message.to_owned())));
                    let schema = json!({"pattern": pattern});
                    patterns.push(if is_met { schema } else { json!({"not": schema}) });
                    false
                });
            }
            if !patterns.is_empty() {
                fields.insert("allOf".into(), patterns.into());
            }
            fields.values_mut().for_each(|inner| hoist_patterns(inner, messages));
        }
        Value::Array(items) => items.iter_mut().for_each(|inner| hoist_patterns(inner, messages)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The pattern of a rule `self.matches('…')`.
fn lone_pattern(rule: &str) -> Option<String> {
    let literal = rule.strip_prefix("self.matches('")?.strip_suffix("')")?;
    (!literal.contains('\'')).then(|| literal.replace(r"\\", r"\"))
}

fn collect_messages(schema: &CompiledSchema, messages: &mut HashMap<String, String>) {
    for rule in schema.validations.iter().flatten().map(|compiled| &compiled.rule) {
        let Some(message) = &rule.message else { continue };
        let other = messages.insert(rule.rule.clone(), message.clone());
        debug_assert!(other.is_none_or(|other| other == *message), "one rule, one message: {}", rule.rule);
    }
    schema.properties.values().chain(schema.items.as_deref()).for_each(|inner| collect_messages(inner, messages));
}

static CHECKERS: LazyLock<[Checker; 4]> = LazyLock::new(|| Kind::ALL.map(Checker::new));

thread_local! {
    // The CEL context is not shared between threads.
    static CEL: Validator = Validator::new();
}

/// Everything that the schema and its rules say against a `spec`; paths begin with `spec`.
pub fn check(kind: Kind, spec: &Value) -> Vec<Problem> {
    let checker = &CHECKERS[kind as usize];
    let mut problems = Vec::new();
    if holds_nul(spec) {
        problems.push(Problem::new("spec", "a text holds the character U+0000 or U+FFFD, which stand for none; take it out"));
    }
    let structural: Vec<_> = checker.structural.iter_errors(spec).collect();
    problems.extend(structural.iter().map(|error| structural_problem(error, &checker.messages)));
    // Rules are evaluated on values of the right shape, whatever bounds these exceed.
    if structural.iter().all(is_of_value)
        && let Err(errors) = CEL.with(|cel| cel.validate_compiled(&checker.rules, spec, None))
    {
        problems.extend(errors.into_vec().into_iter().map(|error| {
            let path = if error.field_path.is_empty() { "spec".to_owned() } else { format!("spec.{}", error.field_path) };
            let message = checker.messages.get(&error.rule).cloned().unwrap_or(error.message);
            Problem::new(path, message)
        }));
    }
    unknown_fields(&checker.schema, spec, "spec", &mut problems);
    problems
}

/// Reads a `spec` that was checked before, such as one from the directory.
pub fn read<T: DeserializeOwned>(spec: &Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(spec).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { "spec".to_owned() } else { format!("spec.{path}") };
        Problem::new(path, error.into_inner().to_string())
    })
}

fn holds_nul(value: &Value) -> bool {
    const NONE: [char; 2] = ['\0', char::REPLACEMENT_CHARACTER];
    match value {
        Value::String(text) => text.contains(NONE),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(fields) => fields.iter().any(|(name, field)| name.contains(NONE) || holds_nul(field)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Finds the fields that the schema does not have, with the nearest that it has.
fn unknown_fields(schema: &Value, value: &Value, path: &str, problems: &mut Vec<Problem>) {
    match value {
        Value::Object(fields) => {
            let Some(properties) = schema["properties"].as_object() else {
                if let Some(inner) = schema.get("additionalProperties") {
                    for (name, field) in fields {
                        unknown_fields(inner, field, &format!("{path}.{name}"), problems);
                    }
                }
                return;
            };
            for (name, field) in fields {
                match properties.get(name) {
                    Some(inner) => unknown_fields(inner, field, &format!("{path}.{name}"), problems),
                    None => problems.push(unknown_field(path, name, properties)),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                unknown_fields(&schema["items"], item, &format!("{path}[{index}]"), problems);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn unknown_field(path: &str, name: &str, properties: &Map<String, Value>) -> Problem {
    let fields = || properties.keys().map(String::as_str);
    let (path, field) = match nearest(name, fields()) {
        Some(known) => {
            return Problem::new(format!("{path}.{name}"), format!("unknown field `{name}`; did you mean `{known}`?"));
        }
        // What resembles no field there may be the secret itself (R7).
        None if is_confidential(path) => (path.to_owned(), String::new()),
        None => (format!("{path}.{name}"), format!(" `{name}`")),
    };
    Problem::new(path, format!("unknown field{field}; the fields here are {}", fields().collect::<Vec<_>>().join(", ")))
}

/// The schema of a kind's spec.
pub fn spec(kind: Kind) -> &'static Value {
    &CHECKERS[kind as usize].schema
}

/// The schema of a kind's status.
pub fn status(kind: Kind) -> &'static Value {
    static STATUSES: LazyLock<HashMap<Kind, Value>> = LazyLock::new(|| {
        let of = |kind| {
            let mut crd = serde_json::to_value(crd(kind)).unwrap_or_default();
            (kind, crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"].take())
        };
        Kind::ALL.map(of).into()
    });
    STATUSES.get(&kind).unwrap_or(&Value::Null)
}

/// The known word that a mistyped one is closest to, if any is close.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(&word.to_ascii_lowercase(), &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 2.max(candidate.len() / 4) && *distance < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Whether a value has the right shape, and is only not one of those that are allowed.
fn is_of_value(error: &jsonschema::ValidationError<'_>) -> bool {
    use ValidationErrorKind::{Enum, MaxItems, MaxLength, MaxProperties, Maximum, MinLength, Minimum, Not, Pattern};
    matches!(
        error.kind(),
        Enum { .. }
            | MaxItems { .. }
            | MaxLength { .. }
            | MaxProperties { .. }
            | Maximum { .. }
            | MinLength { .. }
            | Minimum { .. }
            | Not { .. }
            | Pattern { .. }
    )
}

/// A structural error in the words of someone who writes YAML.
fn structural_problem(error: &jsonschema::ValidationError<'_>, messages: &HashMap<String, String>) -> Problem {
    let mut path = String::from("spec");
    for segment in error.instance_path().as_str().split('/').skip(1) {
        match segment.parse::<usize>() {
            Ok(index) => path.push_str(&format!("[{index}]")),
            Err(_) => path.push_str(&format!(".{segment}")),
        }
    }
    let value = error.instance();
    let is_secret = is_confidential(&path);
    let told = if is_secret && !value.is_object() && !value.is_array() { GIVEN.to_owned() } else { shown(value) };
    let in_its_own_words = || if is_secret { error.masked_with(GIVEN).to_string() } else { error.to_string() };
    let message = match error.kind() {
        ValidationErrorKind::Required { property } => {
            let field = property.as_str().unwrap_or_default();
            format!("the field `{field}` is required")
        }
        ValidationErrorKind::MaxLength { limit } => {
            let length = value.as_str().map_or(0, |text| text.chars().count());
            format!("{told} has {length} characters; at most {limit} are allowed")
        }
        ValidationErrorKind::MinLength { limit } => format!("{told} is too short: at least {limit} characters are needed"),
        ValidationErrorKind::MaxItems { limit } => {
            format!("{} entries; at most {limit} are allowed", value.as_array().map_or(0, Vec::len))
        }
        ValidationErrorKind::MaxProperties { limit } => {
            format!("{} entries; at most {limit} are allowed", value.as_object().map_or(0, |map| map.len()))
        }
        ValidationErrorKind::Enum { options } => {
            let names: Vec<&str> = options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let hint = value.as_str().and_then(|text| nearest(text, names.iter().copied()));
            let hint = hint.map(|known| format!("; did you mean {known}?")).unwrap_or_default();
            format!("{told} is none of {}{hint}", names.join(", "))
        }
        ValidationErrorKind::Pattern { pattern } => match messages.get(pattern) {
            Some(message) => format!("{told}: {message}"),
            None => in_its_own_words(),
        },
        ValidationErrorKind::Not { schema } => match schema["pattern"].as_str().and_then(|pattern| messages.get(pattern)) {
            Some(message) => format!("{told}: {message}"),
            None => in_its_own_words(),
        },
        ValidationErrorKind::Maximum { limit } => format!("{told} is more than {}", whole(limit)),
        ValidationErrorKind::Minimum { limit } => format!("{told} is less than {}", whole(limit)),
        ValidationErrorKind::Type { kind: TypeKind::Single(expected) } => wrong_type(value, &told, *expected),
        _ => in_its_own_words(),
    };
    Problem::new(path, message)
}

/// A limit as people write it: the schema has `100.0` for 100.
fn whole(limit: &Value) -> String {
    limit.as_f64().map_or_else(|| limit.to_string(), |limit| limit.to_string())
}

fn wrong_type(value: &Value, told: &str, expected: JsonType) -> String {
    let expected_words = match expected {
        JsonType::String => "text",
        JsonType::Integer => "a whole number",
        JsonType::Number => "a number",
        JsonType::Boolean => "true or false",
        JsonType::Array => "a list",
        JsonType::Object => "a mapping",
        JsonType::Null => "nothing",
    };
    let remedy = match (expected, value) {
        (JsonType::String, Value::Number(_) | Value::Bool(_)) => "; put it in quotes",
        (JsonType::Array, Value::Object(_)) => "; begin each entry with `- `",
        (JsonType::Boolean, Value::String(text)) if text.parse::<bool>().is_ok() => "; write it without quotes",
        (JsonType::Integer, Value::String(text)) if text.parse::<i64>().is_ok() => "; write it without quotes",
        (_, Value::Null) => "; leave the field out to leave it empty",
        _ => "",
    };
    // YAML reads `007` as 7, so that a number is not told as it stands there.
    let told = if expected == JsonType::String && value.is_number() { "a number" } else { told };
    format!("{told} where {expected_words} is expected{remedy}")
}

/// A value as it fits into a message.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "an empty value".into(),
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        Value::String(text) => format!("`{}`", shortened(&one_line(text))),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "a mapping".into(),
    }
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 60 { text.to_owned() } else { text.chars().take(57).chain("…".chars()).collect() }
}

#[cfg(test)]
mod tests {
    use kube::core::cel::estimate_rule_cost;
    use serde_json::json;

    use super::*;
    use crate::api::MemberSpec;

    fn member() -> Value {
        json!({"tenantRef": {"name": "acme"}, "id": "jane.doe", "name": {"family": "Doe", "given": "Jane"}})
    }

    fn problems(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut spec = member();
        change(&mut spec);
        let mut problems = check(Kind::Member, &spec);
        if problems.is_empty() {
            problems.extend(read::<MemberSpec>(&spec).err());
        }
        problems.iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn refused(change: impl FnOnce(&mut Value), path: &str, words: &str) {
        let found = problems(change);
        assert!(found.iter().any(|problem| problem.starts_with(&format!("{path}: ")) && problem.contains(words)), "{found:#?}");
    }

    #[test]
    fn a_plain_member_is_accepted() {
        assert_eq!(problems(|_| ()), Vec::<String>::new());
    }

    // M1
    #[test]
    fn ids_follow_their_rule() {
        for bad in [".jane", "jane.", "jane..doe", "Jane", "jane doe", "jané"] {
            refused(|spec| spec["id"] = json!(bad), "spec.id", "M1");
        }
        refused(|spec| spec["id"] = json!("a".repeat(41)), "spec.id", "41 characters; at most 40");
        refused(|spec| spec["id"] = json!("a"), "spec.id", "at least 2");
        assert!(problems(|spec| spec["id"] = json!("j.d-o_e9")).is_empty());
    }

    // M8
    #[test]
    fn an_uppercase_address_is_refused_not_folded() {
        refused(|spec| spec["personalEmail"] = json!("Jane@home.example"), "spec.personalEmail", "lowercase");
        refused(|spec| spec["personalEmail"] = json!("jane"), "spec.personalEmail", "not a mail address");
    }

    #[test]
    fn unknown_fields_and_values_get_the_nearest_known() {
        refused(|spec| spec["organisations"] = json!([]), "spec.organisations", "did you mean `organizations`?");
        refused(|spec| spec["administrator"] = json!("operations"), "spec.administrator", "did you mean Operations?");
        refused(|spec| spec["administrator"] = json!(false), "spec.administrator", "");
    }

    #[test]
    fn a_wrong_type_says_what_is_expected() {
        refused(|spec| spec["employeeNumber"] = json!(1234), "spec.employeeNumber", "put it in quotes");
        refused(
            |spec| spec["organizations"] = json!({"organizationRef": {"name": "a"}}),
            "spec.organizations",
            "a list is expected",
        );
    }

    #[test]
    fn dates_that_do_not_exist_are_refused() {
        refused(|spec| spec["activation"] = json!({"at": "2027-02-30"}), "spec.activation.at", "a day that exists");
        refused(|spec| spec["birthday"] = json!("1990-13-01"), "spec.birthday", "a day that exists");
        assert!(problems(|spec| spec["activation"] = json!({"at": "2027-03-01T09:00:00+09:00"})).is_empty());
    }

    // M4
    #[test]
    fn twenty_one_organizations_and_two_primaries_are_refused() {
        let many: Vec<_> = (0..21).map(|n| json!({"organizationRef": {"name": format!("o{n}")}})).collect();
        refused(|spec| spec["organizations"] = json!(many), "spec.organizations", "21 entries; at most 20");
        let two: Vec<_> = (0..2).map(|n| json!({"organizationRef": {"name": format!("o{n}")}, "primary": true})).collect();
        refused(|spec| spec["organizations"] = json!(two), "spec.organizations", "at most one organization is primary");
    }

    #[test]
    fn fields_that_exclude_each_other_are_refused() {
        refused(|spec| spec["temporaryId"] = json!(true), "spec", "exclude each other");
        refused(|spec| drop(spec.as_object_mut().unwrap().remove("id")), "spec", "id is required");
        refused(
            |spec| {
                spec["suspended"] = json!(true);
                spec["suspension"] = json!({});
            },
            "spec",
            "never both",
        );
        refused(|spec| spec["departure"] = json!({}), "spec.departure", "either at");
        refused(|spec| spec["password"] = json!({"mode": "FromSecret"}), "spec.password", "secretKeyRef");
    }

    // M11
    #[test]
    fn external_keys_hold_no_forbidden_character() {
        for bad in ["a%b", "a\\b", "a#b", "a/b", "a?b"] {
            refused(|spec| spec["externalKey"] = json!(bad), "spec.externalKey", "M11");
        }
        assert!(problems(|spec| spec["externalKey"] = json!("HR-0001 (Seoul)")).is_empty());
    }

    #[test]
    fn every_rule_compiles_and_stays_within_its_cost() {
        fn walk(schema: &CompiledSchema) {
            for rule in &schema.validations {
                let rule = rule.as_ref().expect("a rule compiles");
                let warnings = estimate_rule_cost(&rule.rule.rule, schema);
                assert!(warnings.is_empty(), "{warnings:?}");
            }
            schema.properties.values().for_each(walk);
            schema.items.iter().for_each(|items| walk(items));
        }
        CHECKERS.iter().for_each(|checker| walk(&checker.rules));
    }
}
