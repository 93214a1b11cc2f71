//! How much of a line a complaint may show (R7). Of a manifest: what the schema of its kind knows, up to the first word
//! that it does not know or that may be a secret; what is not known can be anything, such as another object's password.
//! Of what is not YAML: a line, if no secret can be anywhere in it. Pure. Called when a complaint is made.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::locate::{Level, Node, Place, walk};
use crate::api::confidential::is_confidential;
use crate::api::schema::{self, nearest};
use crate::api::{ANNOTATION_PREFIX, APPROVE_ANNOTATION, COMMIT_ANNOTATION, FROZEN_ANNOTATION, Kind, Language};

/// A line as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub text: String,
    /// Bytes of the text: what the complaint is about.
    pub meant: Range<usize>,
}

/// Stands for the rest of a line.
const REST: &str = "…";

/// The line of a place in a manifest of this kind, if that is known. `within` is its number in a `List`, with whose
/// other objects it may share the line.
pub fn in_manifest(document: &str, place: Place, kind: Option<Kind>, within: Option<usize>) -> Option<Line> {
    let line = line_around(document, place.offset);
    // Of each byte that belongs to a name or a value, whether that may be shown.
    let mut told = vec![None; line.len()];
    walk(document, |levels, node, at| {
        let (start, end) = (at.offset.max(line.start), (at.offset + at.length).min(line.end));
        if start < end {
            let is_known = own(levels, within).is_some_and(|levels| is_known(manifest(kind), levels, node));
            told[start - line.start..end - line.start].fill(Some(is_known));
        }
    });
    let is_mark = |letter: char| letter.is_whitespace() || "-,:[]{}|>".contains(letter);
    let is_untold = |(index, letter): &(usize, char)| !told[*index].unwrap_or_else(|| is_mark(*letter));
    let rest = document[line.clone()].char_indices().find(is_untold).map(|(index, _)| index);
    up_to(rest, document, line, place)
}

/// The line of a place in a text that is not YAML, and that [`holds_no_secret`]; without its comment.
pub fn in_text(text: &str, place: Place) -> Option<Line> {
    let line = line_around(text, place.offset);
    up_to(text[line.clone()].find('#'), text, line, place)
}

/// Whether nothing in a text that is not YAML can be a secret: it is a manifest of Rollcall's, before each colon stands
/// a field of its kinds, and it speaks of nothing that is secret.
pub fn holds_no_secret(text: &str) -> bool {
    static FIELDS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
        let mut fields: HashSet<&str> = Language::ALL.map(Language::tag).into();
        MANIFESTS.values().for_each(|manifest| collect_fields(manifest, &mut fields));
        fields
    });
    let lower = text.to_lowercase();
    let is_part = |letter: char| letter.is_alphanumeric() || "_-./".contains(letter);
    let is_field = |before: &str| {
        let word = before.trim_end_matches([' ', '"', '\'']).rsplit(|letter| !is_part(letter)).next().unwrap_or_default();
        // 09:00
        word.starts_with(|letter: char| letter.is_ascii_digit()) || FIELDS.contains(word)
    };
    text.contains(ANNOTATION_PREFIX)
        && !["secret", "password", "token", "registrationlink"].iter().any(|word| lower.contains(word))
        && text.rsplit(':').skip(1).all(is_field)
}

fn collect_fields(schema: &'static Value, fields: &mut HashSet<&'static str>) {
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        fields.insert(name);
        collect_fields(inner, fields);
    }
    ["items", "additionalProperties"]
        .iter()
        .filter_map(|inner| schema.get(*inner))
        .for_each(|inner| collect_fields(inner, fields));
}

/// The bytes of the line in which this byte is, without its end.
fn line_around(text: &str, offset: usize) -> Range<usize> {
    let start = text[..offset].rfind('\n').map_or(0, |end| end + 1);
    let line = text[start..].split('\n').next().unwrap_or_default();
    start..start + line.strip_suffix('\r').unwrap_or(line).len()
}

/// A line up to its rest, which nobody may see; the place may begin there, and not behind it.
fn up_to(rest: Option<usize>, text: &str, line: Range<usize>, place: Place) -> Option<Line> {
    let (line, start) = (&text[line.clone()], place.offset - line.start);
    let told = &line[..rest.unwrap_or(line.len())];
    if told.trim().is_empty() || told.len() < start {
        return None;
    }
    let text = format!("{told}{}", if rest.is_some() { REST } else { "" });
    let end = (start + place.length.max(1)).min(text.len().max(start + 1));
    Some(Line { text, meant: start..end })
}

/// The way within an object itself, where it is one of a `List`; nothing, if it leads elsewhere.
fn own(levels: &[Level], within: Option<usize>) -> Option<&[Level]> {
    match (within, levels) {
        (None, own) => Some(own),
        (Some(item), [Level::Mapping { key: Some(key) }, Level::Sequence { index }, own @ ..]) => {
            (key == "items" && *index == item).then_some(own)
        }
        (Some(_), _) => None,
    }
}

/// Whether what is there is known and no secret.
fn is_known(manifest: &Value, levels: &[Level], node: Node) -> bool {
    let tells = |levels: &[Level]| field_at(manifest, levels).is_some_and(|path| !is_confidential(&path));
    match (node, levels) {
        (Node::Value, levels) => tells(levels),
        // A mistyped name is to be seen; but where a secret belongs it may be the secret.
        (Node::Name, [.., _]) => tells(&levels[..levels.len() - 1]) || field_at(manifest, levels).is_some(),
        (Node::Name, []) => false,
    }
}

/// The field to which this way leads, if the schema knows it. A name that is nearly one is taken for it, and a list for
/// what it should be.
fn field_at(manifest: &Value, levels: &[Level]) -> Option<String> {
    let (mut schema, mut path) = (manifest, String::new());
    for level in levels {
        let entry = schema.get("items").unwrap_or(schema);
        let name = match level {
            Level::Sequence { .. } => {
                schema = entry;
                continue;
            }
            Level::Mapping { key } => key.as_deref()?,
        };
        let name = match entry["properties"].as_object() {
            Some(fields) => {
                let known = nearest(name, fields.keys().map(String::as_str))?;
                schema = &fields[known];
                known
            }
            None => {
                schema = entry.get("additionalProperties")?;
                name
            }
        };
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
    }
    Some(path)
}

/// The schema of a whole manifest of a kind, and of what all have in common.
fn manifest(kind: Option<Kind>) -> &'static Value {
    MANIFESTS.get(&kind).unwrap_or(&Value::Null)
}

static MANIFESTS: LazyLock<HashMap<Option<Kind>, Value>> = LazyLock::new(|| {
    let of = |kind: Option<Kind>| {
        let annotations = json!({FROZEN_ANNOTATION: {}, APPROVE_ANNOTATION: {}, COMMIT_ANNOTATION: {}});
        let metadata = json!({"name": {}, "namespace": {}, "annotations": {"properties": annotations}});
        let mut fields = json!({"apiVersion": {}, "kind": {}, "metadata": {"properties": metadata}});
        if let Some(kind) = kind {
            fields["spec"] = schema::spec(kind).clone();
        }
        (kind, json!({"properties": fields}))
    };
    Kind::ALL.into_iter().map(Some).chain([None]).map(of).collect()
});
