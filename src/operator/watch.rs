//! Watching one kind in one scope: what the API server tells, as it tells it, with nothing kept. Never
//! decides anything. Started by the session, once a kind and namespace.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::ExponentialBuilder;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, ObjectMeta, PartialObjectMeta};
use kube::runtime::{WatchStreamExt, watcher};
use tokio::sync::mpsc::Sender;

use super::Clients;
use super::health::Health;
use super::object::{Object, key};
use crate::api::{GROUP, Handle, Key, Kind, VERSION};

/// How long it is waited after a first failure, and after many.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(10);

/// How often a watch that failed is asked whether it works again.
const PROBE: Duration = Duration::from_secs(1);

/// A namespace, or all of them.
pub type Scope = Option<Arc<str>>;

/// Whether a scope covers an object.
pub fn covers(scope: &Scope, handle: &Handle) -> bool {
    scope.as_ref().is_none_or(|namespace| *namespace == handle.namespace)
}

/// What was seen.
pub enum Seen {
    /// A list begins. The kind's CRD has this uid.
    Listing { kind: Kind, scope: Scope, crd: Arc<str> },
    /// An object is there.
    Object(Box<Object>),
    /// An object is gone.
    Gone(Key),
    /// The list is complete.
    Listed { kind: Kind, scope: Scope },
}

/// How the API server calls a kind.
pub fn resource(kind: Kind) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, VERSION, kind.name()), kind.plural())
}

/// The name of a kind's CRD.
pub fn crd_name(kind: Kind) -> String {
    format!("{}.{GROUP}", kind.plural())
}

/// The objects of a kind in a scope.
pub fn objects(client: &Client, kind: Kind, scope: Option<&str>) -> Api<DynamicObject> {
    match scope {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource(kind)),
        None => Api::all_with(client.clone(), &resource(kind)),
    }
}

/// Follows a kind in a scope for as long as somebody listens. Errors are told and survived: the stream lists
/// again after a while, and what could not be listed is never taken for gone.
pub async fn follow(clients: Clients, kind: Kind, scope: Scope, seen: Sender<Seen>, health: Arc<Health>) {
    let Clients { watching, calling } = clients;
    let part = format!("watch {}{}", kind.plural(), scope.as_ref().map_or(String::new(), |scope| format!(" in {scope}")));
    let backoff =
        ExponentialBuilder::default().with_min_delay(FIRST_PAUSE).with_max_delay(LAST_PAUSE).with_jitter().without_max_times();
    let events = watcher(objects(&watching, kind, scope.as_deref()), watcher::Config::default())
        .backoff(watcher::ExponentialBackoff::from(backoff));
    let mut events = pin!(events.map_err(|error| error.to_string()));
    // Failures since the watch worked last, and when the last one was.
    let (mut failures, mut failed_at) = (0, Instant::now());
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            // A watch that works again is silent until something happens. One that failed often may fail again.
            () = tokio::time::sleep(PROBE), if failures > 0 => {
                let probe = objects(&calling, kind, scope.as_deref());
                let lists = probe.list_metadata(&ListParams::default().limit(1)).await.is_ok();
                if lists && failed_at.elapsed() > (PROBE * failures).min(LAST_PAUSE + PROBE) {
                    failures = 0;
                    if health.well(&part) {
                        tracing::info!(kind = kind.name(), "watching again");
                    }
                }
                continue;
            }
        };
        let Some(event) = event else { return };
        let told = match event {
            Ok(watcher::Event::Init) => {
                let crd = crd_uid(&calling, kind, &part, &health).await;
                Seen::Listing { kind, scope: scope.clone(), crd }
            }
            Ok(watcher::Event::InitApply(object) | watcher::Event::Apply(object)) => {
                Seen::Object(Box::new(Object::new(kind, object)))
            }
            Ok(watcher::Event::Delete(object)) => Seen::Gone(key(kind, &object.metadata)),
            Ok(watcher::Event::InitDone) => Seen::Listed { kind, scope: scope.clone() },
            Err(error) => {
                health.watch_errors.inc();
                tracing::warn!(kind = kind.name(), %error, "watching failed; trying again");
                health.trouble(&part, error);
                (failures, failed_at) = (failures + 1, Instant::now());
                continue;
            }
        };
        if seen.send(told).await.is_err() {
            return;
        }
    }
}

/// The uid of a kind's CRD; asked for until there is one.
async fn crd_uid(client: &Client, kind: Kind, part: &str, health: &Health) -> Arc<str> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    loop {
        match definitions.get_metadata_opt(&crd_name(kind)).await {
            Ok(Some(PartialObjectMeta { metadata: ObjectMeta { uid: Some(uid), .. }, .. })) => {
                health.well(part);
                return uid.into();
            }
            Ok(_) => health.trouble(part, format!("there is no CustomResourceDefinition {}", crd_name(kind))),
            Err(error) => health.trouble(part, error),
        }
        tokio::time::sleep(PROBE).await;
    }
}
