//! Finds the place of a field in the text of a document: `spec.organizations[3].position` → line, column.
//! Reads the text again, so it costs nothing where nothing is wrong. Called when a complaint is made.

use granit_parser::{Event, Parser};

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Bytes from the beginning of the text.
    pub offset: usize,
    /// Bytes; none where a value is left out.
    pub length: usize,
}

/// A level of the text that is being walked through.
pub enum Level {
    Mapping { key: Option<String> },
    Sequence { index: usize },
}

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// The name of a field, the last on the way to it.
    Name,
    /// A value that is neither a mapping nor a list.
    Value,
}

/// The place of the deepest field on a path that the text has. The key of a mapping, where its value is a
/// mapping or a list; else the value.
pub fn locate(text: &str, path: &str) -> Option<Place> {
    let wanted = segments(path);
    let mut best: Option<(usize, Place)> = None;
    walk(text, |levels, _, place| {
        let depth = agreement(levels, &wanted);
        if depth == Some(levels.len()) && best.is_none_or(|(found, _)| found <= levels.len()) {
            best = Some((levels.len(), place));
        }
    });
    best.map(|(_, place)| place)
}

/// Walks through the first document of a text, as far as it is YAML, and tells of every name and value with the way to
/// it. What an alias stands for is told where it stands itself.
pub fn walk(text: &str, mut tell: impl FnMut(&[Level], Node, Place)) {
    let mut levels: Vec<Level> = Vec::new();
    for next in Parser::new_from_str(text) {
        let Ok((event, span)) = next else { break };
        let here = || {
            let offset = span.start.byte_offset().unwrap_or(0);
            let end = span.end.byte_offset().unwrap_or(offset);
            Place { line: span.start.line(), column: span.start.col() + 1, offset, length: end.saturating_sub(offset) }
        };
        match event {
            Event::Scalar(value, ..) => {
                if let Some(name) = awaited(&mut levels) {
                    *name = Some(value.into_owned());
                    tell(&levels, Node::Name, here());
                } else {
                    tell(&levels, Node::Value, here());
                    step(&mut levels);
                }
            }
            Event::Alias(..) => match awaited(&mut levels) {
                Some(name) => *name = Some(String::new()),
                None => step(&mut levels),
            },
            Event::MappingStart(..) => levels.push(Level::Mapping { key: None }),
            Event::SequenceStart(..) => {
                levels.push(Level::Sequence { index: 0 });
            }
            Event::MappingEnd | Event::SequenceEnd => {
                levels.pop();
                step(&mut levels);
            }
            Event::DocumentEnd => break,
            _ => {}
        }
    }
}

/// Where the next name goes, if a name comes next.
fn awaited(levels: &mut [Level]) -> Option<&mut Option<String>> {
    match levels.last_mut() {
        Some(Level::Mapping { key }) if key.is_none() => Some(key),
        Some(Level::Mapping { .. } | Level::Sequence { .. }) | None => None,
    }
}

/// The value at this place is over.
fn step(levels: &mut [Level]) {
    match levels.last_mut() {
        Some(Level::Mapping { key }) => *key = None,
        Some(Level::Sequence { index }) => *index += 1,
        None => {}
    }
}

/// How many levels there are, if all of them lie on the path.
fn agreement(levels: &[Level], wanted: &[String]) -> Option<usize> {
    if levels.is_empty() || levels.len() > wanted.len() {
        return None;
    }
    let same = levels.iter().zip(wanted).all(|(level, wanted)| match level {
        Level::Mapping { key } => key.as_deref() == Some(wanted),
        Level::Sequence { index } => *wanted == format!("[{index}]"),
    });
    same.then_some(levels.len())
}

/// `spec.organizations[3].position` → `spec`, `organizations`, `[3]`, `position`.
fn segments(path: &str) -> Vec<String> {
    let mut list = Vec::new();
    for part in path.split('.') {
        let mut rest = part;
        while let Some(open) = rest.find('[') {
            if open > 0 {
                list.push(rest[..open].to_owned());
            }
            let close = rest.find(']').map_or(rest.len(), |close| close + 1);
            list.push(rest[open..close].to_owned());
            rest = &rest[close..];
        }
        if !rest.is_empty() {
            list.push(rest.to_owned());
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "kind: Member\nspec:\n  id: jane\n  organizations:\n  - organizationRef: {name: a}\n  - organizationRef: {name: b}\n    position: Boss\n";

    #[track_caller]
    fn found(path: &str, line: usize, column: usize, words: &str) {
        let place = locate(TEXT, path).unwrap();
        assert_eq!((place.line, place.column, &TEXT[place.offset..place.offset + place.length]), (line, column, words));
    }

    #[test]
    fn a_value_is_found() {
        found("spec.id", 3, 7, "jane");
        found("spec.organizations[1].position", 7, 15, "Boss");
        found("spec.organizations[0].organizationRef.name", 5, 29, "a");
    }

    #[test]
    fn what_is_not_there_is_shown_at_the_nearest_above() {
        found("spec.name", 2, 1, "spec");
        found("spec.organizations[1].leader", 4, 3, "organizations");
    }
}
