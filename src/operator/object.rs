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
    pub uid: Arc<str>,
    /// The tenant to which it says it belongs.
    pub tenant: Handle,
    pub generation: i64,
    /// The digest of the status that it carries.
    pub seen: u128,
    /// What it declares; the source is still to be filled in.
    pub submission: Submission,
}

impl Object {
    /// Takes an object in. Whether what it declares can be read is told later, on the object itself (R8).
    pub fn new(kind: Kind, mut object: DynamicObject) -> Self {
        let metadata = std::mem::take(&mut object.metadata);
        let key = key(kind, &metadata);
        let spec = object.data.get_mut("spec").map(Value::take).unwrap_or_default();
        let status = object.data.get_mut("status").map(Value::take).unwrap_or_default();
        let tenant = match kind {
            Kind::Tenant => key.handle.clone(),
            Kind::Organization | Kind::Member | Kind::ExternalContact => {
                key.handle.sibling(spec["tenantRef"]["name"].as_str().unwrap_or_default())
            }
        };
        let manager = spec_manager(&metadata);
        let all = metadata.annotations.unwrap_or_default();
        let annotations: BTreeMap<String, String> =
            all.into_iter().filter(|(name, _)| name.starts_with(ANNOTATION_PREFIX)).collect();
        let mut submission = Submission::new(key, "".into(), &spec, annotations);
        submission.manager = manager;
        submission.generation = metadata.generation;
        submission.created_at = metadata.creation_timestamp.map(|at| at.0);
        Object {
            uid: metadata.uid.unwrap_or_default().into(),
            tenant,
            generation: metadata.generation.unwrap_or_default(),
            seen: status_digest(&status),
            submission,
        }
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
