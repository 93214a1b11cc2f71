//! The Secrets and ConfigMaps that manifests may refer to: followed by their metadata, in the namespaces that were opened,
//! and told to those who work with them. Reads no content. Started by the session.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, PartialObjectMeta};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, Resource};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

use super::Settings;
use crate::api::Handle;
use crate::api::photo::Source;
use crate::credentials::MEMBER_ANNOTATION;

/// An object that is there, in a version that may be new.
#[derive(Clone, Debug)]
pub struct Referent {
    pub source: Source,
    pub handle: Handle,
    /// Which object it is, and which of its versions.
    pub version: String,
}

/// Follows both kinds in every opened namespace, for as long as the tasks are kept.
pub fn follow(settings: &Settings, tasks: &mut JoinSet<()>, listeners: &[UnboundedSender<Referent>]) {
    let namespaces: BTreeSet<&Arc<str>> = settings.secret_namespaces.iter().collect();
    for namespace in namespaces {
        let client = &settings.clients.watching;
        tasks.spawn(watch::<Secret>(client.clone(), namespace.clone(), Source::Secret, listeners.to_vec()));
        tasks.spawn(watch::<ConfigMap>(client.clone(), namespace.clone(), Source::ConfigMap, listeners.to_vec()));
    }
}

/// Which object it is, and which of its versions.
pub fn version(metadata: &kube::api::ObjectMeta) -> String {
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    format!("{}/{}", part(&metadata.uid), part(&metadata.resource_version))
}

/// Follows a kind in a namespace, for as long as somebody listens.
async fn watch<K>(client: Client, namespace: Arc<str>, source: Source, listeners: Vec<UnboundedSender<Referent>>)
where
    K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope> + Clone + Debug + Send + 'static,
{
    let objects: Api<PartialObjectMeta<K>> = Api::namespaced(client, &namespace);
    let events = watcher(objects, watcher::Config::default()).default_backoff();
    let mut events = pin!(events.map_err(|error| error.to_string()));
    while let Some(event) = events.next().await {
        let metadata = match event {
            Ok(watcher::Event::InitApply(object) | watcher::Event::Apply(object)) => object.metadata,
            Ok(watcher::Event::Init | watcher::Event::InitDone | watcher::Event::Delete(_)) => continue,
            Err(error) => {
                tracing::warn!(%namespace, kind = source.name(), %error, "watching failed; trying again");
                continue;
            }
        };
        // What is written here is nothing new.
        let is_ours = metadata.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(MEMBER_ANNOTATION));
        if is_ours {
            continue;
        }
        let version = version(&metadata);
        let handle = Handle::new(namespace.clone(), metadata.name.unwrap_or_default());
        let referent = Referent { source, handle, version };
        // Whoever listens hears it, also where another no longer does.
        let heard = listeners.iter().filter(|listener| listener.send(referent.clone()).is_ok()).count();
        if heard == 0 {
            return;
        }
    }
}
