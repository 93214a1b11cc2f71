//! Which record a manifest speaks of (M11): the one with its `externalKey` where both sides have one, else
//! the one under its handle. Pure. Called by the decisions about members and organizations.

use super::{Block, Decision, Declared, Removal, Visit, World, declared_key, unmanaged};
use crate::api::{Handle, Key, Kind, Reason, Verdict};
use crate::record::claim::normalized;
use crate::record::{Claim, Record, Space, Uid};

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
    Taken(Block),
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
    if let (Some(Some(recorded)), None) = (under_handle, key)
        && let Some(record) = world.record(manifest)
        && let Some(seeker) = world.sought(&record)
    {
        return Identity::Conflict(passed_on(&manifest.handle, recorded, seeker));
    }
    match (under_handle, key) {
        (Some(Some(recorded)), Some(declared)) if differ(Some(recorded), Some(declared)) => {
            Identity::Conflict(conflict(&manifest.handle, recorded, declared))
        }
        (Some(_), _) => Identity::UnderHandle,
        (None, None) => Identity::New,
        (None, Some(key)) => match world.claims.get(&claim(key)) {
            None => Identity::New,
            Some(holder) if world.present.contains(&holder.key) => {
                Identity::Taken(Block { claim: claim(key), holder: holder.key.clone(), follower: None })
            }
            Some(holder) => Identity::Renamed(holder.uid.clone()),
        },
    }
}

/// Whether two external keys are those of two persons, or teams: where only one side has one, the handle tells.
pub fn differ(recorded: Option<&str>, declared: Option<&str>) -> bool {
    recorded.zip(declared).is_some_and(|(recorded, declared)| normalized(recorded) != normalized(declared))
}

/// What a manifest claims by its external key.
pub fn carried(world: &World, visit: &Visit) -> Option<Claim> {
    let Declared::Present(manifest) = &visit.declared else { return None };
    let space = match visit.key.kind {
        Kind::Member => Space::MemberKey,
        Kind::Organization => Space::OrganizationKey,
        Kind::Tenant | Kind::ExternalContact => return None,
    };
    let key = manifest.json["externalKey"].as_str()?;
    let tenant = manifest.json["tenantRef"]["name"].as_str();
    Some(match tenant.and_then(|tenant| world.tenant(&visit.key.handle.sibling(tenant))) {
        Some(tenant) => Claim::within(&tenant.uid, space, key),
        None => Claim::anywhere(&visit.key.handle.namespace, space, key),
    })
}

/// Notes by which external key a manifest looks for a record that it could not take yet: that one does not go meanwhile (R9).
pub fn seek(world: &World, visit: &Visit, decision: &mut Decision) {
    if decision.verdict.as_ref().is_none_or(Verdict::is_ready) {
        return;
    }
    let own = decision.record.as_ref().filter(|record| *record.handle() == visit.key.handle).and_then(Record::external_key);
    let is_its_own = |claim: &Claim| own.as_ref().is_some_and(|own| own.key == claim.key);
    decision.follows.extend(carried(world, visit).filter(|claim| !is_its_own(claim)).map(|claim| claim.wait_key()));
}

/// The object that is decided before another: the manifest that carries the key of the record under that one's handle,
/// and takes it away.
pub fn goes_first(world: &World, visit: &Visit) -> Option<Key> {
    world.sought(&world.record(&visit.key)?).cloned()
}

/// Whether a record whose resource is gone stays, whatever its kind: nobody declares its tenant (T14), or a manifest of
/// another name looks for it (R9).
pub fn kept(world: &World, decision: &mut Decision) -> bool {
    let Some(record) = decision.record.clone() else { return false };
    let Some(pending) = unmanaged(world, record.tenant()).or_else(|| sought(world, &record, decision)) else { return false };
    decision.removal = pending;
    true
}

fn sought(world: &World, record: &Record, decision: &mut Decision) -> Option<Removal> {
    let seeker = world.sought(record)?;
    decision.waits_for.push(declared_key(seeker));
    let message = format!(
        "{seeker} has the same externalKey and is not taken yet: it may be the new name of this one; correct it, or take it out (M11)"
    );
    Some(Removal::Pending(Reason::RenamePending, message))
}

/// Says what is waited for.
fn passed_on(handle: &Handle, recorded: &str, seeker: &Key) -> String {
    format!(
        "the record under {handle} has the key `{recorded}`, which {seeker} carries: once that one has it, this makes a new one (M11)"
    )
}

/// Names both ways out.
fn conflict(handle: &Handle, recorded: &str, declared: &str) -> String {
    format!(
        "spec.externalKey: the record under {handle} has the key `{recorded}`, the manifest `{declared}`. \
         If it is the same one, restore `{recorded}`; if it is another, give it a manifest of another name (M11)"
    )
}
