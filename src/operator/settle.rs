//! What vanished (R9): it settles first, then it is looked for once more, and only what is really gone, in a
//! namespace, of a kind and of a tenant that are there and stay, is handed on. Called by the session.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::Api;
use kube::{Client, ResourceExt};

use super::object::is_terminating;
use super::watch::{crd_name, objects};
use crate::api::{Handle, Key, Kind};

/// No further object of the tenant may have vanished for this long.
const QUIET: Duration = Duration::from_secs(3);
/// But nothing waits longer than this.
const PATIENCE: Duration = Duration::from_secs(60);
/// After a look that could not be had.
const AGAIN: Duration = Duration::from_secs(2);
/// How many objects are looked for at once.
const AT_ONCE: usize = 16;

/// What vanished of one tenant.
struct Group {
    since: Instant,
    act_at: Instant,
    keys: BTreeSet<Key>,
}

/// What vanished and is not acted on yet.
#[derive(Default)]
pub struct Settling {
    tenants: HashMap<Handle, Group>,
}

impl Settling {
    /// An object of a tenant vanished.
    pub fn add(&mut self, tenant: Handle, key: Key, now: Instant) {
        let group = self.tenants.entry(tenant).or_insert_with(|| Group { since: now, act_at: now, keys: BTreeSet::new() });
        group.keys.insert(key);
        group.act_at = (now + QUIET).min(group.since + PATIENCE);
    }

    /// An object is back.
    pub fn back(&mut self, key: &Key) {
        for group in self.tenants.values_mut() {
            group.keys.remove(key);
        }
    }

    /// Objects whose look could not be had are looked for again in a while.
    pub fn again(&mut self, tenant: Handle, keys: Vec<Key>, now: Instant) {
        let group = self.tenants.entry(tenant).or_insert_with(|| Group { since: now, act_at: now, keys: BTreeSet::new() });
        group.keys.extend(keys);
        group.act_at = group.act_at.max(now + AGAIN);
    }

    /// All that vanished.
    pub fn all(&self) -> impl Iterator<Item = &Key> {
        self.tenants.values().flat_map(|group| &group.keys)
    }

    /// What has settled, by tenant.
    pub fn settled(&mut self, now: Instant) -> Vec<(Handle, Vec<Key>)> {
        self.tenants.retain(|_, group| !group.keys.is_empty());
        let due: Vec<Handle> =
            self.tenants.iter().filter(|(_, group)| group.act_at <= now).map(|(tenant, _)| tenant.clone()).collect();
        due.into_iter()
            .filter_map(|tenant| self.tenants.remove(&tenant).map(|group| (tenant, group.keys.into_iter().collect())))
            .collect()
    }
}

/// What a look at the cluster told of objects that vanished.
pub struct Looked {
    pub tenant: Handle,
    /// Really gone, and to be acted on.
    pub gone: Vec<Key>,
    /// The look could not be had; it means no, for now.
    pub unsaid: Vec<Key>,
}

/// Looks once more, at the live cluster. `crds` and `tenant_uid` are what the declarations were made under.
pub async fn look(client: Client, tenant: Handle, tenant_uid: String, crds: HashMap<Kind, String>, keys: Vec<Key>) -> Looked {
    let mut looked = Looked { tenant: tenant.clone(), gone: Vec::new(), unsaid: Vec::new() };
    let (tenants, others): (Vec<Key>, Vec<Key>) = keys.into_iter().partition(|key| key.kind == Kind::Tenant);
    // A Tenant that is gone is unmanaged, however it went (T14): nothing is lost by saying so.
    for key in tenants {
        match is_gone(&client, &key).await {
            Ok(true) => looked.gone.push(key),
            Ok(false) => {}
            Err(_) => looked.unsaid.push(key),
        }
    }
    if others.is_empty() {
        return looked;
    }
    let looks = others.into_iter().map(|key| {
        let client = client.clone();
        async move { (is_gone(&client, &key).await, key) }
    });
    let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
    let mut gone = Vec::new();
    while let Some((is_gone, key)) = looks.next().await {
        match is_gone {
            Ok(true) => gone.push(key),
            Ok(false) => {}
            Err(_) => looked.unsaid.push(key),
        }
    }
    // Afterwards: what is gone from a place that goes itself is orphaned, and nothing happens to its record.
    match stays(&client, &tenant, &tenant_uid, &crds).await {
        Ok(true) => looked.gone.extend(gone),
        Ok(false) => looked.unsaid.clear(),
        Err(_) => looked.unsaid.extend(gone),
    }
    looked
}

/// Whether the namespace, the CRDs and the Tenant are the same and don't go.
async fn stays(client: &Client, tenant: &Handle, uid: &str, crds: &HashMap<Kind, String>) -> kube::Result<bool> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let Some(namespace) = namespaces.get_metadata_opt(&tenant.namespace).await? else { return Ok(false) };
    if is_terminating(&namespace) {
        return Ok(false);
    }
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    for (kind, crd_uid) in crds {
        let Some(crd) = definitions.get_metadata_opt(&crd_name(*kind)).await? else { return Ok(false) };
        if is_terminating(&crd) || crd.uid().as_deref() != Some(crd_uid) {
            return Ok(false);
        }
    }
    let resource = objects(client, Kind::Tenant, Some(&tenant.namespace)).get_metadata_opt(&tenant.name).await?;
    Ok(resource.is_some_and(|resource| !is_terminating(&resource) && resource.uid().as_deref() == Some(uid)))
}

async fn is_gone(client: &Client, key: &Key) -> kube::Result<bool> {
    let found = objects(client, key.kind, Some(&key.handle.namespace)).get_metadata_opt(&key.handle.name).await?;
    Ok(found.is_none())
}
