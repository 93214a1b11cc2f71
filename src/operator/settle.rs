//! What vanished (R9): it settles first, then it is looked for once more, and only what is really gone, in a
//! namespace, of a kind and of a tenant that are there and stay, is handed on. Called by the session.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::Api;
use kube::{Client, ResourceExt};

use super::object::is_terminating;
use super::watch::{crd_name, objects};
use crate::api::{Handle, Key, Kind};

/// No further object of the tenant may have vanished for this long; no further mail of it may have been ordered.
pub const QUIET: Duration = Duration::from_secs(3);
/// But nothing waits longer than this.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// After a look that could not be had.
const AGAIN: Duration = Duration::from_secs(2);
/// How many objects are looked for at once.
const AT_ONCE: usize = 16;

/// What vanished of one tenant: each object, and the source under which it was declared.
struct Group {
    since: Instant,
    act_at: Instant,
    objects: BTreeMap<Key, String>,
}

/// What vanished and is not acted on yet.
#[derive(Default)]
pub struct Settling {
    tenants: HashMap<Handle, Group>,
}

impl Settling {
    fn group(&mut self, tenant: Handle, now: Instant) -> &mut Group {
        self.tenants.entry(tenant).or_insert_with(|| Group { since: now, act_at: now, objects: BTreeMap::new() })
    }

    /// An object of a tenant vanished, which was declared under a source.
    pub fn add(&mut self, tenant: Handle, key: Key, source: String, now: Instant) {
        let group = self.group(tenant, now);
        group.objects.insert(key, source);
        group.act_at = (now + QUIET).min(group.since + PATIENCE);
    }

    /// An object is back.
    pub fn back(&mut self, key: &Key) {
        for group in self.tenants.values_mut() {
            group.objects.remove(key);
        }
    }

    /// Objects whose look could not be had are looked for again in a while.
    pub fn again(&mut self, tenant: Handle, objects: BTreeMap<Key, String>, now: Instant) {
        let group = self.group(tenant, now);
        group.objects.extend(objects);
        group.act_at = group.act_at.max(now + AGAIN);
    }

    /// What has settled, by tenant.
    pub fn settled(&mut self, now: Instant) -> Vec<(Handle, BTreeMap<Key, String>)> {
        self.tenants.retain(|_, group| !group.objects.is_empty());
        let due: Vec<Handle> =
            self.tenants.iter().filter(|(_, group)| group.act_at <= now).map(|(tenant, _)| tenant.clone()).collect();
        due.into_iter().filter_map(|tenant| self.tenants.remove(&tenant).map(|group| (tenant, group.objects))).collect()
    }
}

/// What a look at the cluster told of objects that vanished.
pub struct Looked {
    pub tenant: Handle,
    /// Really gone, and to be acted on.
    pub gone: BTreeMap<Key, String>,
    /// The look could not be had; it means no, for now.
    pub unsaid: BTreeMap<Key, String>,
}

/// Looks once more, at the live cluster, for objects and for the sources under which they were declared.
pub async fn look(client: Client, tenant: Handle, objects: BTreeMap<Key, String>) -> Looked {
    let looks = objects.into_iter().map(|(key, source)| {
        let client = client.clone();
        async move { (is_gone(&client, &key).await, key, source) }
    });
    let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
    let mut looked = Looked { tenant, gone: BTreeMap::new(), unsaid: BTreeMap::new() };
    let mut gone = Vec::new();
    while let Some((is_gone, key, source)) = looks.next().await {
        match is_gone {
            // A Tenant that is gone is unmanaged, however it went (T14): nothing is lost by saying so.
            Ok(true) if key.kind == Kind::Tenant => drop(looked.gone.insert(key, source)),
            Ok(true) => gone.push((key, source)),
            Ok(false) => {}
            Err(_) => drop(looked.unsaid.insert(key, source)),
        }
    }
    // Afterwards: what is gone from a place that goes itself is orphaned, and nothing happens to its record.
    let mut sources: HashMap<(Kind, String), kube::Result<bool>> = HashMap::new();
    for (key, source) in gone {
        let of = (key.kind, source);
        if !sources.contains_key(&of) {
            sources.insert(of.clone(), stays(&client, &looked.tenant, of.0, &of.1).await);
        }
        match sources.get(&of) {
            Some(Ok(true)) => drop(looked.gone.insert(key, of.1)),
            Some(Ok(false)) => {}
            Some(Err(_)) | None => drop(looked.unsaid.insert(key, of.1)),
        }
    }
    looked
}

/// Whether a source is there and stays: the namespace, the kind's CRD and the Tenant resource.
async fn stays(client: &Client, tenant: &Handle, kind: Kind, source: &str) -> kube::Result<bool> {
    let Some((crd_uid, tenant_uid)) = source.split_once('/') else { return Ok(false) };
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = namespaces.get_metadata_opt(&tenant.namespace).await?;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let crd = definitions.get_metadata_opt(&crd_name(kind)).await?;
    let resource = objects(client, Kind::Tenant, Some(&tenant.namespace)).get_metadata_opt(&tenant.name).await?;
    Ok(namespace.is_some_and(|namespace| !is_terminating(&namespace))
        && crd.is_some_and(|crd| !is_terminating(&crd) && crd.uid().as_deref() == Some(crd_uid))
        && resource.is_some_and(|resource| !is_terminating(&resource) && resource.uid().as_deref() == Some(tenant_uid)))
}

async fn is_gone(client: &Client, key: &Key) -> kube::Result<bool> {
    let found = objects(client, key.kind, Some(&key.handle.namespace)).get_metadata_opt(&key.handle.name).await?;
    Ok(found.is_none())
}
