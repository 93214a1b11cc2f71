//! The engine: gather → decide → commit → report, in batches; planning, removals, the timer. The only
//! writer of records. Driven by `apply`, by `plan` on a copy in memory, and by whatever watches a source.

mod budget;
mod commit;
mod concurrent;
mod confirmation;
mod decide;
mod engine;
pub mod figures;
mod frozen;
mod gather;
mod gathered;
mod mails;
pub mod pictures;
pub mod plan;
pub mod removals;
mod request;
mod status;
mod timer;
mod unfinished;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use ring::digest;
use serde_json::Value;

pub use commit::Told;
pub use confirmation::{Reading, Secrets};
pub use decide::Presence;
pub use engine::Engine;

use crate::api::{Handle, Hold, Key, Problem, Verdict};
use crate::directory::audit::{Entry, hex};
use crate::lifecycle::Spec;
use crate::record::{FieldChange, Record, Uid};

/// The status of a record whose resource is gone, without conditions. `name` gives names of records.
pub fn status_of(record: &Record, name: &dyn Fn(&Uid) -> Option<String>) -> Value {
    Value::Object(status::of(Some(record), name))
}

/// The source of what is declared by files (R9).
pub const FILES: &str = "files";

/// One manifest, as a source hands it over.
#[derive(Clone, Debug)]
pub struct Submission {
    pub key: Key,
    /// Who declares it (R9): `files`, or the identifiers of a cluster's objects.
    pub source: Arc<str>,
    /// The canonical JSON of the spec: a hundred thousand of them are to fit.
    pub spec: Box<str>,
    /// What it says, once it was read.
    content: OnceLock<Content>,
    /// Rollcall's own annotations.
    pub annotations: BTreeMap<String, String>,
    /// What tells one intent from another: spec and annotations, without the commit.
    pub digest: String,
    /// The field manager that last wrote the spec, where the source knows it.
    pub manager: Option<String>,
    pub commit: Option<String>,
    /// The resource's creation, where the source knows it.
    pub created_at: Option<Timestamp>,
    /// The resource's generation, where the source counts it.
    pub generation: Option<i64>,
    /// The generation of which its source was told last what became of it.
    pub observed: Option<i64>,
}

/// A spec, read and checked against its schema.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    json: Arc<Value>,
    spec: Result<Spec, Vec<Problem>>,
}

impl Submission {
    /// What a source declares of an object, by its canonical spec and Rollcall's annotations on it.
    pub fn new(key: Key, source: Arc<str>, spec: &Value, annotations: BTreeMap<String, String>) -> Self {
        let mut annotations: BTreeMap<String, String> =
            annotations.into_iter().map(|(name, value)| (without_nuls(&name), without_nuls(&value))).collect();
        let commit = annotations.remove(crate::api::COMMIT_ANNOTATION);
        let spec = spec.to_string();
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(spec.as_bytes());
        for (name, value) in &annotations {
            for part in [name, value] {
                context.update(&[0]);
                context.update(part.as_bytes());
            }
        }
        let digest = hex(&context.finish().as_ref()[..16]);
        let (manager, created_at, generation, observed) = (None, None, None, None);
        let (spec, content) = (spec.into(), OnceLock::new());
        Submission { key, source, spec, content, annotations, digest, manager, commit, created_at, generation, observed }
    }

    /// Reads and checks it. That is most of the work on a new roster, and may be done ahead, on another core.
    pub fn read(&self) {
        self.content();
    }

    /// What it says.
    fn content(&self) -> &Content {
        self.content.get_or_init(|| {
            let mut json: Value = serde_json::from_str(&self.spec).unwrap_or(Value::Null);
            let spec = Spec::decode(self.key.kind, &json);
            if spec.is_err() {
                replace_nuls(&mut json);
            }
            Content { json: json.into(), spec }
        })
    }
}

/// A text as every database can keep it.
fn without_nuls(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// What is refused is kept as well, as far as every database can keep it: what stands in place of U+0000 is
/// refused like it.
fn replace_nuls(value: &mut Value) {
    match value {
        Value::String(text) => *text = without_nuls(text),
        Value::Array(items) => items.iter_mut().for_each(replace_nuls),
        Value::Object(fields) => {
            fields.values_mut().for_each(replace_nuls);
            *fields = std::mem::take(fields).into_iter().map(|(name, value)| (without_nuls(&name), value)).collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What became of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub key: Key,
    pub verdict: Verdict,
}

/// What a run did.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// Rows of the trail, in order: all of them, or the first that the engine was told to keep.
    pub changes: Vec<Entry>,
    /// How many rows of each action there are, in the order in which they first came.
    pub counts: Vec<(String, usize)>,
    /// The last outcome of every object about which there is something to tell.
    pub outcomes: BTreeMap<Key, Outcome>,
    /// The objects about which there is nothing to tell any more, whatever was told before.
    pub settled: BTreeSet<Key>,
    /// The objects that were found as they were declared before, and stayed so.
    pub unchanged: HashSet<Key>,
}

impl Done {
    /// Adds what another run did. Of its changes, as many are kept as there is room for.
    pub fn extend(&mut self, other: Done, keep: usize) {
        self.unchanged.extend(other.unchanged);
        if !self.unchanged.is_empty() {
            let refused = other.outcomes.iter().filter(|(_, outcome)| !outcome.verdict.is_ready()).map(|(key, _)| key.clone());
            for key in other.changes.iter().filter_map(Entry::key).chain(refused) {
                self.unchanged.remove(&key);
            }
        }
        let room = keep.saturating_sub(self.changes.len());
        self.changes.extend(other.changes.into_iter().take(room));
        for (action, count) in other.counts {
            self.count(&action, count);
        }
        for key in other.settled {
            self.outcomes.remove(&key);
            self.settled.insert(key);
        }
        for (key, outcome) in other.outcomes {
            if outcome.verdict.is_ready() && outcome.verdict.warnings.is_empty() && outcome.verdict.holds.is_empty() {
                self.outcomes.remove(&key);
                self.settled.insert(key);
            } else {
                self.settled.remove(&key);
                self.outcomes.insert(key, outcome);
            }
        }
    }

    /// The same without the rows that only tell of a first password: it is told apart. All rows must have been kept.
    fn beside_first_passwords(self) -> Done {
        let is_first = |field: &FieldChange| field.path == "passwordChangedAt" && field.from.is_null();
        let tells_more = |entry: &Entry| !entry.fields.iter().all(is_first);
        let changes = self.changes.into_iter().filter(tells_more);
        let mut done = Done { changes: changes.collect(), counts: Vec::new(), ..self };
        for action in done.changes.iter().map(|entry| entry.action.clone()).collect::<Vec<_>>() {
            done.count(&action, 1);
        }
        done
    }

    fn count(&mut self, action: &str, by: usize) {
        match self.counts.iter_mut().find(|(name, _)| name == action) {
            Some((_, count)) => *count += by,
            None => self.counts.push((action.to_owned(), by)),
        }
    }

    /// How many rows of the trail there are.
    pub fn rows(&self) -> usize {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// What needs a person's word, each with the object on which it is given (R12).
    pub fn held(&self) -> impl Iterator<Item = (&Key, &Hold)> {
        self.outcomes.values().flat_map(|outcome| outcome.verdict.holds.iter().map(move |hold| (&outcome.key, hold)))
    }

    /// The objects that are not as declared: refused, held, or waiting for something.
    pub fn refused(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.values().filter(|outcome| !outcome.verdict.is_ready())
    }
}

/// The set that a run looks at: every object in it, and the tenants for which it is complete.
#[derive(Clone, Debug, Default)]
pub struct Set {
    pub objects: Arc<HashSet<Key>>,
    pub complete: HashSet<Handle>,
    /// Whether some of it could not be read: it may say anything.
    pub is_partial: bool,
    /// The pictures that its members refer to, as far as they can be looked at.
    pub pictures: Arc<Vec<pictures::Picture>>,
}
