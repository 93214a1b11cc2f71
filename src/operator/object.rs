//! An object as the API server hands it over, cut down to what is kept of it: who it is, what it declares,
//! and a digest of what it was told. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::{DynamicObject, ObjectMeta};
use serde_json::Value;

use crate::api::{ANNOTATION_PREFIX, Handle, Key, Kind};
use crate::directory::declarations::status_digest;
use crate::reconcile::Submission;

/// What is taken from an object.
pub struct Object {
    pub key: Key,
    pub uid: Arc<str>,
    /// The tenant to which it says it belongs.
    pub tenant: Handle,
    /// Counts what it declares: the API server moves it with every change of the spec, and of nothing else.
    pub generation: i64,
    /// Rollcall's own annotations, which declare something too.
    pub annotations: BTreeMap<String, String>,
    /// The digest of the status that it carries; nothing while it has none.
    pub seen: Option<u128>,
    /// The generation of which that status tells.
    observed: Option<i64>,
    spec: Value,
    manager: Option<String>,
    created_at: Option<Timestamp>,
}

impl Object {
    /// Takes an object in. Whether what it declares can be read is told later, on the object itself (R8).
    pub fn new(kind: Kind, mut object: DynamicObject) -> Self {
        let metadata = std::mem::take(&mut object.metadata);
        let key = key(kind, &metadata);
        let spec = object.data.get_mut("spec").map(Value::take).unwrap_or_default();
        let tenant = match kind {
            Kind::Tenant => key.handle.clone(),
            Kind::Organization | Kind::Member | Kind::ExternalContact => {
                key.handle.sibling(spec["tenantRef"]["name"].as_str().unwrap_or_default())
            }
        };
        let manager = spec_manager(&metadata);
        let all = metadata.annotations.unwrap_or_default();
        Object {
            uid: metadata.uid.unwrap_or_default().into(),
            generation: metadata.generation.unwrap_or_default(),
            annotations: all.into_iter().filter(|(name, _)| name.starts_with(ANNOTATION_PREFIX)).collect(),
            seen: object.data.get("status").map(status_digest),
            observed: object.data["status"]["observedGeneration"].as_i64(),
            created_at: metadata.creation_timestamp.map(|at| at.0),
            key,
            tenant,
            spec,
            manager,
        }
    }

    /// What it declares, under a source.
    pub fn submission(self, source: Arc<str>) -> Submission {
        let mut submission = Submission::new(self.key, source, &self.spec, self.annotations);
        submission.manager = self.manager;
        submission.generation = Some(self.generation);
        submission.created_at = self.created_at;
        submission.observed = self.observed;
        submission
    }
}

/// Whose metadata these are.
pub fn key(kind: Kind, metadata: &ObjectMeta) -> Key {
    Key::new(kind, Handle::new(metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default()))
}

/// The field manager that last wrote the spec (R6).
fn spec_manager(metadata: &ObjectMeta) -> Option<String> {
    let entries = metadata.managed_fields.as_deref().unwrap_or_default();
    let of_spec = entries.iter().filter(|entry| {
        entry.subresource.as_deref().unwrap_or_default().is_empty()
            && entry.fields_v1.as_ref().is_some_and(|fields| fields.0.get("f:spec").is_some())
    });
    let last = of_spec.max_by_key(|entry| entry.time.as_ref().map_or(Timestamp::MIN, |time| time.0))?;
    last.manager.clone()
}

/// Whether an object goes as soon as somebody lets it.
pub fn is_terminating(object: &impl ResourceExt) -> bool {
    object.meta().deletion_timestamp.is_some()
}
