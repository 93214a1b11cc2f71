//! One document of a file: found, read and told apart; and the check of a spec that needs no directory.
//! Pure but for the text it is given. Called for every document, on every core.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};
use serde_saphyr::granit_parser::ErrorKind;
use serde_saphyr::localizer::ExternalMessageSource;

use super::secrets::contents;
use super::shown::holds_no_secret;
use super::{About, Complaint, Origin};
use crate::api::schema::nearest;
use crate::api::secret::Data;
use crate::api::{ANNOTATION_PREFIX, API_VERSION, GROUP, Handle, Key, Kind, Problem};
use crate::lifecycle::Spec;
use crate::reconcile::Submission;

/// A document's text and the line of the file at which it begins.
#[derive(Debug)]
pub struct Part<'t> {
    text: &'t str,
    line: usize,
}

impl Part<'_> {
    /// Whether a word stands in it.
    pub fn mentions(&self, word: &str) -> bool {
        self.text.contains(word)
    }

    /// What it says, if it is YAML.
    pub fn value(&self) -> Option<Value> {
        serde_saphyr::from_str_with_options(self.text, options()).ok()
    }
}

/// What a document turned out to be.
#[derive(Debug)]
pub enum Document {
    /// Of another API group, or empty.
    Foreign,
    /// A Secret, from which passwords may be taken.
    Secret(Handle, Data),
    /// Not to be read: whose it is can't be told.
    Unreadable(Complaint),
    /// An object that can be told, and whose manifest is no resource.
    Refused(Key, Vec<Complaint>),
    /// An object to hand to the engine.
    Manifest(Submission, Origin),
}

/// Takes a text apart at its document markers. A line that begins with `---` or `...` is one wherever it
/// stands: YAML forbids it inside a document.
pub fn parts(text: &str) -> Vec<Part<'_>> {
    let mut list = Vec::new();
    let (mut start, mut start_line, mut offset) = (0, 1, 0);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let marker = ["---", "..."].iter().any(|marker| {
            line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
        });
        if marker {
            if !is_blank(&text[start..offset]) {
                list.push(Part { text: &text[start..offset], line: start_line });
            }
            // What follows the marker on its line belongs to the next document, and so does the marker.
            (start, start_line) = if line.starts_with("---") { (offset, index + 1) } else { (offset + line.len(), index + 2) };
        }
        offset += line.len();
    }
    if !is_blank(&text[start..]) {
        list.push(Part { text: &text[start..], line: start_line });
    }
    list
}

fn is_blank(text: &str) -> bool {
    text.lines().all(|line| {
        let line = line.strip_prefix("---").unwrap_or(line).trim();
        line.is_empty() || line.starts_with('#')
    })
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        // `On`, `yes` and `no` are text; only true and false are truths.
        strict_booleans: true,
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::Error,
    }
}

/// Reads one document: an object, or each object of a `List`.
pub fn read(file: &Arc<str>, text: &Arc<str>, part: &Part<'_>, namespace: &Arc<str>) -> Vec<Document> {
    let value: Value = match serde_saphyr::from_str_with_options(part.text, options()) {
        Ok(value) => value,
        Err(error) => {
            let (line, column) = error.location().map_or((1, 1), |place| (place.line() as usize, place.column() as usize));
            let at = |reason: &str| Complaint::at_place(file, text, part.line + line - 1, column, &format!("not YAML: {reason}"));
            if !holds_no_secret(part.text) {
                return vec![Document::Unreadable(at(&kind_of_mistake(&error)).concealed())];
            }
            let reason = match error.without_snippet() {
                serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
                    format!("the key `{key}` stands twice in one mapping")
                }
                other => other.to_string(),
            };
            // The position is told in front, in the file's own lines.
            return vec![Document::Unreadable(at(reason.split(" at line ").next().unwrap_or(&reason)))];
        }
    };
    let origin = Origin { file: file.clone(), line: part.line, within: None };
    if value["kind"] == "List" && value["apiVersion"] == "v1" {
        let Value::Object(mut list) = value else { return Vec::new() };
        let Some(Value::Array(items)) = list.remove("items") else { return vec![Document::Foreign] };
        let item = |(index, item)| object(&Origin { within: Some(index), ..origin.clone() }, text, item, namespace);
        return items.into_iter().enumerate().map(item).collect();
    }
    vec![object(&origin, text, value, namespace)]
}

/// What a text that is not YAML suffers from, in words that repeat nothing of it (R7).
fn kind_of_mistake(error: &serde_saphyr::Error) -> String {
    let kind = match error.without_snippet() {
        serde_saphyr::Error::DuplicateMappingKey { .. } => "a key stands twice in one mapping",
        serde_saphyr::Error::UnknownAnchor { .. } => "an alias without its anchor",
        serde_saphyr::Error::ExternalMessage { source, .. } => match &**source {
            ExternalMessageSource::Parser(error) => match error.kind() {
                ErrorKind::UnexpectedCharacter { .. } | ErrorKind::Custom(_) => "an unexpected character",
                kind => return kind.to_string(),
            },
            _ => "a value can't be read",
        },
        _ => "a value can't be read",
    };
    kind.to_owned()
}

/// What files declare is declared by files.
fn source() -> Arc<str> {
    static FILES: LazyLock<Arc<str>> = LazyLock::new(|| crate::reconcile::FILES.into());
    FILES.clone()
}

/// Reads one object.
fn object(origin: &Origin, text: &Arc<str>, value: Value, namespace: &Arc<str>) -> Document {
    let about = About::Unnamed(likely_kind(&value));
    let unreadable = |path: &str, message: String| Document::Unreadable(Complaint::at(origin, text, about, path, &message));
    let Value::Object(mut fields) = value else {
        return unreadable("", "a manifest is a mapping with apiVersion, kind, metadata and spec".into());
    };
    let text_of = |fields: &Map<String, Value>, name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let Some(api_version) = text_of(&fields, "apiVersion") else {
        return unreadable("kind", format!("the field `apiVersion` is required; Rollcall's is {API_VERSION}"));
    };
    let group = api_version.split('/').next().unwrap_or_default();
    if group != GROUP {
        // One of our kinds under nearly our group is a slip of the pen, and must not count as missing.
        let kind = text_of(&fields, "kind").unwrap_or_default();
        if api_version == "v1"
            && kind == "Secret"
            && let Some(name) = fields.get("metadata").and_then(|metadata| metadata["name"].as_str())
        {
            let own = fields.get("metadata").and_then(|metadata| metadata["namespace"].as_str());
            let handle = Handle::new(own.map_or_else(|| namespace.clone(), Arc::from), name);
            return Document::Secret(handle, contents(&fields));
        }
        let ours = Kind::ALL.iter().any(|known| known.name() == kind);
        return match nearest(group, std::iter::once(GROUP)) {
            Some(near) if ours => unreadable("apiVersion", format!("apiVersion: `{group}` is not known; did you mean {near}?")),
            Some(_) | None => Document::Foreign,
        };
    }
    let name = fields.get("metadata").and_then(|metadata| metadata["name"].as_str());
    let object = name.map(|name| format!("`{name}`: ")).unwrap_or_default();
    if api_version != API_VERSION {
        return unreadable("apiVersion", format!("{object}apiVersion: `{api_version}` is not known; write {API_VERSION}"));
    }
    let Some(kind_name) = text_of(&fields, "kind") else {
        return unreadable("apiVersion", "the field `kind` is required".into());
    };
    let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == kind_name) else {
        let known = Kind::ALL.map(Kind::name);
        let hint = nearest(&kind_name, known.into_iter()).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        return unreadable("kind", format!("{object}kind: `{kind_name}` is none of {}{hint}", known.join(", ")));
    };
    let metadata = match fields.remove("metadata") {
        Some(Value::Object(metadata)) => metadata,
        _ => return unreadable("kind", format!("{kind}: the field `metadata` with a `name` is required")),
    };
    let Some(name) = text_of(&metadata, "name") else {
        return unreadable("metadata", format!("{kind}: metadata.name is required, and is text"));
    };
    let namespace = match metadata.get("namespace").and_then(Value::as_str) {
        Some(named) if named != &**namespace => named.into(),
        Some(_) | None => namespace.clone(),
    };
    let key = Key::new(kind, Handle::new(namespace, name));

    let mut problems: Vec<Problem> = Vec::new();
    for (path, label) in [("metadata.name", &key.handle.name), ("metadata.namespace", &key.handle.namespace)] {
        if !is_dns_name(label) {
            let rule = "at most 253 of a-z 0-9 - . , beginning and ending with a letter or digit";
            problems.push(Problem::new(path, format!("`{label}` is no name of a resource: {rule}")));
        }
    }
    for field in fields.keys().filter(|field| !matches!(field.as_str(), "apiVersion" | "kind" | "spec" | "status")) {
        let hint = nearest(field, ["metadata", "spec"].into_iter()).map(|near| format!("; did you mean `{near}`?"));
        problems.push(Problem::new(field.clone(), format!("unknown field{}", hint.unwrap_or_default())));
    }
    let mut annotations: BTreeMap<String, String> = BTreeMap::new();
    if let Some(Value::Object(all)) = metadata.get("annotations") {
        for (name, value) in all.iter().filter(|(name, _)| name.starts_with(ANNOTATION_PREFIX)) {
            match value.as_str() {
                Some(value) => drop(annotations.insert(name.clone(), value.to_owned())),
                None => {
                    problems.push(Problem::new("metadata.annotations", format!("the value of {name} is text: put it in quotes")))
                }
            }
        }
    }
    let mut spec = fields.remove("spec").unwrap_or(Value::Null);
    drop_nulls(&mut spec);
    if !spec.is_object() {
        problems.push(Problem::new("spec", "the field `spec` is required, and is a mapping"));
    }
    if problems.is_empty() {
        return Document::Manifest(Submission::new(key, source(), &spec, annotations), origin.clone());
    }
    let complaint = |problem: &Problem| Complaint::at(origin, text, About::Object(&key), &problem.path, &problem.to_string());
    let complaints = problems.iter().map(complaint).collect();
    Document::Refused(key.clone(), complaints)
}

/// The kind that an object has, or nearly has.
fn likely_kind(object: &Value) -> Option<Kind> {
    let name = object["kind"].as_str()?;
    let named = |name: &str| Kind::ALL.into_iter().find(|kind| kind.name() == name);
    named(name).or_else(|| named(nearest(name, Kind::ALL.iter().map(|kind| kind.name()))?))
}

/// Everything that can be said against a spec without a directory: its schema, its rules, and what those
/// can't express.
pub fn check(kind: Kind, spec: &Value) -> Vec<Problem> {
    Spec::decode(kind, spec).map_or_else(|problems| problems, |spec| spec.problems())
}

/// A field that is left empty is a field that is left out, as on the API server.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_dns_name(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    text.len() <= 253
        && edge(text.chars().next())
        && edge(text.chars().last())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_told_apart_by_their_markers() {
        let text = "# a comment\n---\na: 1\n---\n\n# nothing\n--- {b: 2}\n...\nc: |\n  ---\n  text\n";
        let found: Vec<(usize, &str)> = parts(text).iter().map(|part| (part.line, part.text)).collect();
        assert_eq!(found, [(2, "---\na: 1\n"), (7, "--- {b: 2}\n"), (9, "c: |\n  ---\n  text\n")]);
    }

    fn first(text: &str) -> Document {
        let shared: Arc<str> = text.into();
        let part = parts(text).into_iter().next().unwrap();
        read(&"roster.yaml".into(), &shared, &part, &"hr".into()).into_iter().next().unwrap()
    }

    #[test]
    fn a_manifest_without_a_namespace_gets_the_default() {
        let text = "apiVersion: rollcall.dev/v1alpha1\nkind: Organization\nmetadata: {name: a}\nspec:\n  tenantRef: {name: t}\n  displayName: A\n  description:\n";
        match first(text) {
            Document::Manifest(submission, _) => {
                assert_eq!(submission.key.to_string(), "Organization hr/a");
                assert_eq!(&*submission.spec, r#"{"displayName":"A","tenantRef":{"name":"t"}}"#);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_not_yaml_is_told_with_its_line() {
        match first("a: 1\nb: [1, 2\nc: 3\n") {
            Document::Unreadable(complaint) => {
                assert!(complaint.position().is_some_and(|at| at.starts_with("roster.yaml:")), "{complaint:?}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn documents_of_others_are_left_alone() {
        assert!(matches!(first("apiVersion: v1\nkind: Namespace\nmetadata: {name: hr}\n"), Document::Foreign));
    }
}
