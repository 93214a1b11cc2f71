//! The one writer of statuses: patches what differs, a bounded number at once, and again until it is there.
//! Keeps nothing: what is to be told is read from the directory. Fed by the statuses.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use kube::Client;
use kube::api::{Patch, PatchParams};
use kube::core::Request;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::health::{By, Health};
use super::watch::resource;
use crate::api::{Key, schema};
use crate::directory::{Directory, declarations};

/// How many patches are on their way at once.
const AT_ONCE: usize = 32;
/// How many statuses are read from the directory at once.
const PAGE: usize = 200;
/// How long it is waited after each failure, before the object is put aside.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_millis(400), Duration::from_millis(800), Duration::from_millis(1_600)];
/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A status to be sent.
pub struct Write {
    pub key: Key,
    /// The digest of what is to be told.
    pub digest: u128,
    /// What is to be told, where it is not in the directory as it stands.
    pub status: Option<Value>,
    /// Whether the object has no status yet, so that nothing of one need be taken away.
    pub first: bool,
}

/// What became of it.
pub struct Written {
    pub key: Key,
    pub outcome: Outcome,
}

/// What became of a status.
pub enum Outcome {
    /// The object carries the status with this digest.
    Told(u128),
    /// The object or its declaration is gone, or the server takes no status for it.
    Refused,
    /// It failed again and again; others go on meanwhile (R8).
    Failed,
}

/// The field manager under which statuses are written.
pub const MANAGER: &str = "rollcall";

/// The writer and the way to it. It ends when the way is dropped and what was under way is done.
pub struct Writer {
    pub queue: UnboundedSender<Write>,
    pub done: UnboundedReceiver<Written>,
    pub task: JoinHandle<()>,
}

/// Starts the writer.
pub fn start(client: Client, directory: Directory, health: Arc<Health>) -> Writer {
    let (queue, mut asked) = unbounded_channel::<Write>();
    let (told, done) = unbounded_channel();
    let task = tokio::spawn(async move {
        let pages = stream::poll_fn(move |context| asked.poll_recv(context)).ready_chunks(PAGE);
        let writes = pages.then(|page| statuses(&directory, page, &health)).flat_map(stream::iter);
        let (client, health, told) = (&client, &health, &told);
        writes
            .for_each_concurrent(AT_ONCE, |Write { key, digest, status, first }| async move {
                let status = status.map(|status| if first { status } else { complete(&status, schema::status(key.kind)) });
                let outcome = match status {
                    Some(status) => patch(client, &key, digest, status, health).await,
                    None => Outcome::Refused,
                };
                // Whoever asked may be gone by now.
                let _ = told.send(Written { key, outcome });
            })
            .await;
    });
    Writer { queue, done, task }
}

/// What is to be told to whom, read from the directory until it answers. By now that may be something newer.
async fn statuses(directory: &Directory, page: Vec<Write>, health: &Health) -> Vec<Write> {
    let unknown: Vec<Key> = page.iter().filter(|write| write.status.is_none()).map(|write| write.key.clone()).collect();
    let stored: HashMap<Key, (u128, Value)> = loop {
        let read = async { declarations::statuses(&mut directory.read().await?, &unknown).await };
        match read.await {
            Ok(stored) => break stored.into_iter().collect(),
            Err(error) => {
                health.trouble("statuses", error);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    };
    health.well("statuses");
    page.into_iter()
        .map(|write| match (&write.status, stored.get(&write.key)) {
            (None, Some((digest, status))) => Write { digest: *digest, status: Some(status.clone()), ..write },
            (Some(_), _) | (None, None) => write,
        })
        .collect()
}

/// Patches one status: until it is there, but not for ever.
async fn patch(client: &Client, key: &Key, digest: u128, status: Value, health: &Health) -> Outcome {
    let body = json!({ "status": status });
    let parameters = PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
    let url = resource(key.kind);
    let url = format!("/apis/{}/namespaces/{}/{}", url.api_version, key.handle.namespace, url.plural);
    let count = |by: &str| {
        health.patches.get_or_create(&By { by: by.to_owned() }).inc();
    };
    for pause in PAUSES {
        let request = Request::new(&url).patch_subresource("status", &key.handle.name, &parameters, &Patch::Merge(&body));
        let request = match request {
            Ok(request) => request,
            Err(error) => {
                tracing::error!(object = %key, %error, "the status can't be sent");
                return Outcome::Refused;
            }
        };
        let error = match tokio::time::timeout(TIMEOUT, client.request::<IgnoredAny>(request)).await {
            Ok(Ok(_)) => {
                count("written");
                if health.well("status") {
                    tracing::info!("statuses can be written again");
                }
                return Outcome::Told(digest);
            }
            Ok(Err(kube::Error::Api(refusal))) if refusal.code == 404 => {
                count("gone");
                return Outcome::Refused;
            }
            // The status is no longer what the schema on the server takes. Others go on (R8).
            Ok(Err(kube::Error::Api(refusal))) if matches!(refusal.code, 400 | 422) => {
                tracing::error!(object = %key, error = %refusal.message, "the API server refuses the status");
                count("refused");
                return Outcome::Refused;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", TIMEOUT.as_secs()),
        };
        count("failed");
        health.trouble("status", error);
        tokio::time::sleep(pause).await;
    }
    Outcome::Failed
}

/// A status as a merge patch that leaves nothing of the one before: fields that it lacks are null.
fn complete(status: &Value, schema: &Value) -> Value {
    let (Value::Object(fields), Some(properties)) = (status, schema["properties"].as_object()) else { return status.clone() };
    let whole = properties.iter().map(|(name, schema)| {
        let value = fields.get(name).map_or(Value::Null, |value| complete(value, schema));
        (name.clone(), value)
    });
    Value::Object(whole.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;

    #[test]
    fn a_patch_takes_away_what_is_no_longer_told() {
        let status = json!({"phase": "Active", "onLeave": {"from": "2027-03-01T00:00:00Z"}});
        let patch = complete(&status, schema::status(Kind::Member));
        assert_eq!(patch["phase"], "Active");
        assert!(patch["onLeave"]["until"].is_null() && patch["onLeave"]["from"].is_string());
        assert!(patch.as_object().is_some_and(|fields| fields.get("purgeAt").is_some_and(Value::is_null)));
    }
}
