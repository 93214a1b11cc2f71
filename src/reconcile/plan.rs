//! Planning: an apply that happens elsewhere. The directory is copied into memory, the same engine applies
//! to the copy, and its trail is the plan; a forecast moves the copy's clock on. Only reads the directory.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use ring::digest;
use serde_json::{Value, json};

use super::decide::Presence;
use super::{Done, Engine, FILES, Outcome, Secrets, Set, Submission, pictures};
use crate::api::Hold;
use crate::directory::audit::{Entry, hex};
use crate::directory::{Directory, Error, copy, leadership, unattended};
use crate::lifecycle::member::id::TEMPORARY;

/// A set, and how it is applied.
pub struct Run {
    pub submissions: Vec<Arc<Submission>>,
    pub set: Set,
    pub prune: bool,
    /// Whether records are taken that another source declares (R9).
    pub take_over: bool,
    /// Whether the directory comes from a backup: what acts once is noted as done (R13).
    pub restored: bool,
    /// The Secrets that confirm (T12).
    pub secrets: Arc<dyn Secrets>,
    pub now: Timestamp,
}

/// Rehearses a run on a copy of a directory, and tells what would be done. The clock is moved on afterwards, as far as is
/// asked. No work on passwords is asked for where their hashes can't be read.
pub async fn rehearse(
    directory: &Directory,
    run: Run,
    until: Option<Timestamp>,
    mut passwords: impl AsyncFnMut(&Directory) -> Result<(), Error>,
) -> Result<Done, Error> {
    let (copy, with_hashes) = copy::into_memory(directory).await?;
    let leader = leadership::take(&copy).await?;
    let mut engine = Engine::new(copy, leader).await?;
    let mut clock = run.now;
    let passwords = async |copy: &Directory| if with_hashes { passwords(copy).await } else { Ok(()) };
    let mut done = carry_out(&mut engine, run, &mut |_| (), passwords).await?;
    if let Some(until) = until {
        loop {
            let next = unattended::next_wake(&mut engine.directory.read().await?, clock).await?;
            let Some(at) = next.filter(|at| *at <= until) else { break };
            let step = engine.advance(at).await?;
            engine.add(&mut done, step);
            clock = at;
        }
    }
    Ok(done)
}

/// Applies a set, and prunes it where that is asked: the one thing that `apply` and `plan` both do. `passwords` carries out
/// the work on passwords, which follow their members. What follows from it is told with all else, and what a thaw lets fall
/// due, and what may go by now, happens in the same run; and so does the work on passwords that this orders.
pub async fn carry_out(
    engine: &mut Engine,
    run: Run,
    progress: &mut (dyn FnMut(usize) + Send),
    mut passwords: impl AsyncFnMut(&Directory) -> Result<(), Error>,
) -> Result<Done, Error> {
    let Run { submissions, set, prune, take_over, restored, secrets, now } = run;
    engine.take_over = take_over;
    engine.restored = restored;
    engine.set_secrets(secrets);
    engine.set_presence(Presence::Set(set.clone()));
    let missing = if prune { engine.missing_from(FILES, &set).await? } else { Vec::new() };
    let mut done = engine.apply_without(submissions, missing, now, progress).await?;
    let kept = pictures::keep(engine, &set.pictures, now).await?;
    engine.add(&mut done, kept);
    let told = engine.tell_holds(&set, &done, now).await?;
    engine.add(&mut done, told);
    loop {
        passwords(&engine.directory).await?;
        let after = engine.advance_after_passwords(now).await?;
        let moved = after.rows() > 0;
        engine.add(&mut done, after);
        if !moved {
            return Ok(done);
        }
    }
}

/// The fields whose values are made by chance.
const GENERATED: &[&str] = &["contactUrl", "qrToken"];
/// The fields whose values follow from the instant at which something is carried out.
const CLOCKED: &[&str] = &[
    "createdAt",
    "activatedAt",
    "suspendedAt",
    "deletedAt",
    "purgeAt",
    "firstSignInAt",
    "onLeave",
    "passwordChangedAt",
    "twoStep.resetAt",
    "trashedAt",
    "target",
];

/// What was or would be done, as JSON (see the reference of `plan -o json`). `refused` are the objects
/// that are not as declared, those that could not be read included.
pub fn report(done: &Done, refused: &[Outcome]) -> Value {
    let changes = &done.changes;
    let mut summary: BTreeMap<&str, usize> = BTreeMap::new();
    let mut list = Vec::new();
    for entry in changes {
        *summary.entry(entry.action.as_str()).or_default() += 1;
        let fields: Vec<Value> = entry
            .fields
            .iter()
            .map(
                |field| json!({"path": field.path, "from": shown(&field.path, &field.from), "to": shown(&field.path, &field.to)}),
            )
            .collect();
        list.push(json!({
            "kind": entry.kind.name(), "namespace": namespace(entry), "name": name(entry), "action": entry.action,
            "at": entry.due.to_string(), "fields": fields, "reason": entry.cause,
        }));
    }
    let refused: Vec<Value> = refused
        .iter()
        .map(|outcome| {
            json!({
                "kind": outcome.key.kind.name(), "namespace": outcome.key.handle.namespace, "name": outcome.key.handle.name,
                "reason": outcome.verdict.reason.name(), "message": outcome.verdict.message,
            })
        })
        .collect();
    let held: Vec<Value> = done
        .held()
        .map(|(key, hold)| {
            let Hold { reason, what: _, names, count, fingerprint } = hold;
            json!({
                "kind": key.kind.name(), "namespace": key.handle.namespace, "name": key.handle.name, "reason": reason.name(),
                "message": hold.message(), "names": names, "count": count, "fingerprint": fingerprint,
            })
        })
        .collect();
    json!({
        "changes": list, "refused": refused, "held": held, "summary": summary, "fingerprint": fingerprint(changes),
    })
}

fn namespace(entry: &Entry) -> &str {
    entry.handle.as_ref().map_or("", |handle| &handle.namespace)
}

fn name(entry: &Entry) -> &str {
    entry.handle.as_ref().map_or("", |handle| &handle.name)
}

/// A value as plans and reports show it: what chance makes is told as such.
pub fn shown(path: &str, value: &Value) -> Value {
    if GENERATED.contains(&path) && !value.is_null() || is_temporary(path, value) { json!("(generated)") } else { value.clone() }
}

/// Whether a value is, or holds, an ID that was made for want of one (M31).
fn is_temporary(path: &str, value: &Value) -> bool {
    ["id", "messageId"].contains(&path) && value.as_str().is_some_and(|text| text.starts_with(TEMPORARY))
}

/// Tells one set of changes from another, whenever it is carried out.
pub fn fingerprint(changes: &[Entry]) -> String {
    let mut lines: Vec<String> = changes
        .iter()
        .map(|entry| {
            let fields: Vec<Value> = entry
                .fields
                .iter()
                .filter(|field| !GENERATED.contains(&field.path.as_str()))
                .map(|field| {
                    let clocked = CLOCKED.contains(&field.path.as_str());
                    let value = |value: &Value| {
                        if clocked { json!(!value.is_null()) } else { shown(&field.path, value) }
                    };
                    json!([field.path, value(&field.from), value(&field.to)])
                })
                .collect();
            json!([entry.kind.name(), namespace(entry), name(entry), entry.action, fields]).to_string()
        })
        .collect();
    lines.sort();
    let mut context = digest::Context::new(&digest::SHA256);
    for line in lines {
        context.update(line.as_bytes());
        context.update(b"\n");
    }
    hex(&context.finish().as_ref()[..8])
}
