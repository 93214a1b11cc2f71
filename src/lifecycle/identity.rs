//! Which record a manifest speaks of (M11): the one with its `externalKey` where both sides have one, else
//! the one under its handle. Pure. Called by the decisions about members and organizations.

use super::World;
use crate::api::{Handle, Key};
use crate::record::{Claim, Space, Uid};

/// The record that a manifest speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// None yet: a new one is made.
    New,
    /// The one under its handle.
    UnderHandle,
    /// One under another handle, whose manifest is gone: it was renamed.
    Renamed(Uid),
    /// One whose manifest is still there under another handle.
    Taken(Claim, Key),
    /// The record under the handle is another person's or team's.
    Conflict(String),
}

/// Finds the record of a manifest. `under_handle` is the key of the record under the manifest's handle, if
/// there is such a record; `key` is the manifest's own.
pub fn identify(
    world: &World,
    manifest: &Key,
    tenant: &Uid,
    space: Space,
    under_handle: Option<Option<&str>>,
    key: Option<&str>,
) -> Identity {
    let claim = |key: &str| Claim::within(tenant, space, key);
    match (under_handle, key) {
        (Some(Some(recorded)), Some(declared)) if claim(recorded) != claim(declared) => {
            Identity::Conflict(conflict(&manifest.handle, recorded, declared))
        }
        (Some(_), _) => Identity::UnderHandle,
        (None, None) => Identity::New,
        (None, Some(key)) => match world.claims.get(&claim(key)) {
            None => Identity::New,
            Some(holder) if world.present.contains(&holder.key) => Identity::Taken(claim(key), holder.key.clone()),
            Some(holder) => Identity::Renamed(holder.uid.clone()),
        },
    }
}

/// Names both ways out.
fn conflict(handle: &Handle, recorded: &str, declared: &str) -> String {
    format!(
        "spec.externalKey: the record under {handle} has the key `{recorded}`, the manifest `{declared}`. \
         If it is the same one, restore `{recorded}`; if it is another, give it a manifest of another name (M11)"
    )
}
