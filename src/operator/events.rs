//! Events on resources: what a person would want to see, told once. Not the creation of accounts, which
//! `kubectl get` shows. Fed by the session; a slow API server makes it drop events, never wait.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::api::{API_VERSION, Class, Key, Reason};
use crate::reconcile::{Done, Outcome};
use crate::record::{Cause, Uid};

/// How many events wait to be sent. What comes beyond is dropped: the trail has it.
const BACKLOG: usize = 2_000;
/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The transitions that are told: the action in the trail, the reason of the event, its words. Other actions are not.
pub const TRANSITIONS: &[(&str, &str, &str)] = &[
    ("activate", "Activated", "the account is activated"),
    ("suspend", "Suspended", "the account is suspended and signed out"),
    ("unsuspend", "Unsuspended", "the suspension is over"),
    ("leave", "LeaveBegan", "on leave"),
    ("return", "LeaveEnded", "back from leave"),
    ("rename", "Renamed", "known under another handle or ID"),
    ("transfer", "Transferred", "moved to another tenant"),
    ("delete", "Deleted", "deleted; can be restored until the grace period is over"),
    ("restore", "Restored", "restored"),
    ("cancel", "Cancelled", "cancelled"),
    ("grant", "AdministratorGranted", "made an administrator"),
    ("revoke", "AdministratorRevoked", "no administrator any more"),
    ("disconnect", "Disconnected", "no longer connected with the person"),
];
/// The reason of the event that tells of drift (R5).
pub const DRIFT: &str = "DriftCorrected";

/// An event on an object.
pub struct Told {
    key: Key,
    uid: String,
    event: Event,
}

/// Starts to send events.
pub fn start(client: Client) -> Sender<Told> {
    let (queue, events) = channel(BACKLOG);
    tokio::spawn(send(client, events));
    queue
}

async fn send(client: Client, mut events: Receiver<Told>) {
    let recorder = Recorder::new(client, Reporter::from("rollcall"));
    while let Some(Told { key, uid, event }) = events.recv().await {
        let regarding = ObjectReference {
            api_version: Some(API_VERSION.to_owned()),
            kind: Some(key.kind.name().to_owned()),
            namespace: Some(key.handle.namespace.to_string()),
            name: Some(key.handle.name.to_string()),
            uid: Some(uid),
            ..ObjectReference::default()
        };
        match tokio::time::timeout(TIMEOUT, recorder.publish(&event, &regarding)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(object = %key, %error, "an event could not be written"),
            Err(_) => tracing::warn!(object = %key, "an event could not be written in time"),
        }
    }
}

/// The events of what was done. `changed` are the objects that are told something new; `uid` gives the uid of
/// a resource that is there.
pub fn of(done: &Done, changed: &HashSet<Key>, uid: impl Fn(&Key) -> Option<String>) -> Vec<Told> {
    let mut list = Vec::new();
    let created: HashSet<&Uid> = done.changes.iter().filter(|entry| entry.action == "create").map(|entry| &entry.uid).collect();
    let mut drifted: HashMap<Key, Vec<&str>> = HashMap::new();
    for entry in &done.changes {
        let Some(key) = entry.key() else { continue };
        if entry.cause == Cause::Drift.name() {
            drifted.entry(key).or_default().extend(entry.fields.iter().map(|field| field.path.as_str()));
            continue;
        }
        let Some((reason, what)) = transition(&entry.action).filter(|_| !created.contains(&entry.uid)) else { continue };
        let Some(uid) = uid(&key) else { continue };
        let note = format!("{what}, due {}, cause {}", entry.due, entry.cause);
        list.push(Told { key, uid, event: event(EventType::Normal, reason, "Transition", note) });
    }
    for (key, fields) in drifted {
        let Some(uid) = uid(&key) else { continue };
        let note = format!("set back to what is declared: {}", fields.join(", "));
        list.push(Told { key, uid, event: event(EventType::Warning, DRIFT, "Correct", note) });
    }
    for Outcome { key, verdict } in done.refused() {
        let grave = match verdict.reason {
            // Nothing else tells of it.
            Reason::DatabaseConflict => true,
            reason => matches!(reason.class(), Class::Stalled | Class::Warning) && changed.contains(key),
        };
        if let Some(uid) = uid(key).filter(|_| grave) {
            let event = event(EventType::Warning, verdict.reason.name(), "Refuse", verdict.message.clone());
            list.push(Told { key: key.clone(), uid, event });
        }
    }
    list
}

fn event(kind: EventType, reason: &str, action: &str, note: String) -> Event {
    // The API server takes 1 kB.
    let note = note.chars().take(900).collect();
    Event { type_: kind, reason: reason.to_owned(), note: Some(note), action: action.to_owned(), secondary: None }
}

/// The reason and the words of an action that is a transition.
fn transition(action: &str) -> Option<(&'static str, &'static str)> {
    TRANSITIONS.iter().find(|(known, _, _)| *known == action).map(|(_, reason, what)| (*reason, *what))
}
