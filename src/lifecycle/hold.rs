//! Holds: what needs a person's word before it happens (R12). One shape for all of them: whom it concerns, and a
//! fingerprint of exactly what would happen. Pure. Used by the decisions and by the engine.

use std::collections::BTreeMap;

use ring::digest;

use crate::api::{APPROVE_ANNOTATION, Hold, Reason};

/// How many names are told.
const NAMES: usize = 5;

/// A hold of what would happen: to whom, and what.
pub fn hold(reason: Reason, what: impl Into<String>, items: &BTreeMap<String, String>) -> Hold {
    let names = items.keys().take(NAMES).cloned().collect();
    Hold { reason, what: what.into(), names, count: items.len(), fingerprint: fingerprint(reason, items) }
}

/// Tells one set of what would happen from any other.
fn fingerprint(reason: Reason, items: &BTreeMap<String, String>) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(reason.name().as_bytes());
    for (name, what) in items {
        for part in [name, what] {
            context.update(&[0]);
            context.update(part.as_bytes());
        }
    }
    context.finish().as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Whether annotations give a person's word for a fingerprint.
pub fn approves(annotations: &BTreeMap<String, String>, fingerprint: &str) -> bool {
    let given = annotations.get(APPROVE_ANNOTATION).map(String::as_str).unwrap_or_default();
    given.split([',', ' ']).any(|word| word == fingerprint)
}
