//! The fields of a row of the trail as people read them: of mappings and lists only what differs. Prints nothing. Used by
//! the tables of changes.

use std::collections::BTreeMap;
use std::iter;

use serde_json::Value;

use crate::directory::audit::Entry;
use crate::reconcile::plan::shown;

/// A text is cut after so many characters.
const TEXT: usize = 48;
/// After so many characters no further field is told.
const LINE: usize = 160;
/// How much of what two long texts have in common is told before what differs.
const COMMON: usize = 8;

/// The fields of a row on one line.
pub fn told(entry: &Entry) -> String {
    let mut told = Vec::new();
    match entry.action.as_str() {
        // A new record is told by what one would look for; the rest is in the JSON.
        "create" => told.extend(
            ["displayName", "domain", "parent", "phase", "name", "company", "id", "name.family", "name.given", "organizations"]
                .iter()
                .filter_map(|path| entry.fields.iter().find(|field| field.path == *path))
                .map(|field| format!("{} {}", field.path, brief(&field.to))),
        ),
        _ => {
            for field in &entry.fields {
                difference(&field.path, &shown(&field.path, &field.from), &shown(&field.path, &field.to), &mut told);
            }
        }
    }
    let mut line = String::new();
    for (index, field) in told.iter().enumerate() {
        if line.chars().count() > LINE {
            line.push_str("; …");
            break;
        }
        line.extend([if index == 0 { "" } else { "; " }, field]);
    }
    line
}

/// A value on one line, texts in it short.
pub fn brief(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Array(items) if items.is_empty() => "–".to_owned(),
        Value::String(text) => cut(text),
        Value::Array(items) => items.iter().map(brief).collect::<Vec<_>>().join(", "),
        Value::Object(_) => name(value).map_or_else(|| cut(&value.to_string()), str::to_owned),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() > TEXT { text.chars().take(TEXT - 1).chain(['…']).collect() } else { text.to_owned() }
}

/// What an entry of a list goes by, if it has a name.
fn name(entry: &Value) -> Option<&str> {
    entry["organization"].as_str()
}

/// Tells what differs between two values of a field.
fn difference(path: &str, from: &Value, to: &Value, told: &mut Vec<String>) {
    let before = told.len();
    if let (Some(was), Some(is)) = (parts(from), parts(to)) {
        let named = |value: &Value| value.as_array().is_some_and(|items| items.iter().any(|item| name(item).is_some()));
        let named = named(from) || named(to);
        // What has a name is told by it as it comes or goes.
        if named && !was.keys().eq(is.keys()) {
            told.push(format!("{path}: {} → {}", brief(from), brief(to)));
        }
        let added = is.keys().filter(|part| !was.contains_key(*part));
        for part in was.keys().chain(added) {
            let (from, to) = (was.get(part).copied(), is.get(part).copied());
            if from != to && !(named && (from.is_none() || to.is_none())) {
                difference(&format!("{path}{part}"), from.unwrap_or(&Value::Null), to.unwrap_or(&Value::Null), told);
            }
        }
    }
    if told.len() == before {
        let halves = halves(from, to);
        told.push(halves.map_or_else(|| format!("{path}: renewed"), |(from, to)| format!("{path}: {from} → {to}")));
    }
}

/// What a mapping or a list of entries consists of, each part with what is added to the path.
fn parts(value: &Value) -> Option<BTreeMap<String, &Value>> {
    match value {
        Value::Null => Some(BTreeMap::new()),
        Value::Object(fields) => {
            let said = fields.iter().filter(|(_, value)| !value.is_null());
            Some(said.map(|(key, value)| (format!(".{key}"), value)).collect())
        }
        Value::Array(items) if items.iter().all(Value::is_object) => {
            let part = |index: usize, item| name(item).map_or_else(|| format!("[{index}]"), |name| format!(".{name}"));
            Some(items.iter().enumerate().map(|(index, item)| (part(index, item), item)).collect())
        }
        Value::Array(_) | Value::String(_) | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Both values, long texts from where they differ; nothing, if what differs is not to be told.
fn halves(from: &Value, to: &Value) -> Option<(String, String)> {
    if from == to {
        return None;
    }
    let (short_from, short_to) = (brief(from), brief(to));
    let (Value::String(from), Value::String(to)) = (from, to) else { return Some((short_from, short_to)) };
    if short_from != short_to {
        return Some((short_from, short_to));
    }
    let alike = from.chars().zip(to.chars()).take_while(|(from, to)| from == to).count().saturating_sub(COMMON);
    let rest = |text: &str| cut(&iter::once('…').chain(text.chars().skip(alike)).collect::<String>());
    Some((rest(from), rest(to)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::difference;

    fn told(from: &Value, to: &Value) -> String {
        let mut told = Vec::new();
        difference("it", from, to, &mut told);
        told.join("; ")
    }

    #[test]
    fn of_a_mapping_the_keys_that_differ_are_told() {
        let secret = |name: &str| json!({"mode": "FromSecret", "secretKeyRef": {"key": "p", "name": name}});
        assert_eq!(told(&secret("a"), &secret("b")), "it.secretKeyRef.name: a → b");
        assert_eq!(told(&Value::Null, &json!({"from": "x", "until": null})), "it.from: – → x");
        assert_eq!(told(&json!({"drive": {}}), &Value::Null), "it.drive: {} → –");
        assert_eq!(told(&secret("a"), &secret("a")), "it: renewed");
    }

    #[test]
    fn of_a_list_the_entries_that_differ_are_told() {
        let team = |name: &str, leader: bool| json!({"organization": name, "leader": leader});
        let both = |leader| json!([team("sub", false), team("top", leader)]);
        assert_eq!(told(&both(false), &both(true)), "it.top.leader: false → true");
        assert_eq!(told(&json!([team("sub", true)]), &both(true)), "it: sub → sub, top; it.sub.leader: true → false");
        assert_eq!(told(&json!([team("top", true), team("sub", false)]), &both(true)), "it: top, sub → sub, top");
        assert_eq!(told(&json!(["a"]), &json!(["a", "b"])), "it: a → a, b");
        assert_eq!(told(&json!([{"label": "x"}]), &json!([{"label": "x"}, {"label": "y"}])), "it[1].label: – → y");
    }

    #[test]
    fn long_texts_are_told_from_where_they_differ() {
        let text = |end: &str| json!(format!("{}{end}", "a".repeat(60)));
        assert_eq!(told(&text("b"), &text("c")), "it: …aaaaaaaab → …aaaaaaaac");
    }
}
