//! Who comes back (M23, M24): whether a manifest wants a deleted member restored, and until when that can be. Pure. Called by
//! the decision about a member.

use serde_json::Value;

use super::member_of;
use super::transitions::Dates;
use crate::api::MemberSpec;
use crate::api::time::rfc3339;
use crate::lifecycle::identity::differ;
use crate::lifecycle::{Decision, Declared, Manifest, Spec, Visit, World};
use crate::record::{MemberRecord, TenantRecord};

/// A manifest that would restore a deleted member, and can't yet, tells until when it can (M24).
pub(super) fn told_of_purge(world: &World, visit: &Visit, mut decision: Decision) -> Decision {
    let Some(member) = member_of(&decision) else { return decision };
    if let (Some(verdict), Some(purge_at)) =
        (decision.verdict.as_mut().filter(|verdict| !verdict.is_ready()), member.lived.purge_at)
    {
        verdict.message.push_str(&match came_in_time(world, visit, &member) {
            true => "; the deleted account is kept for this manifest, which came in time".to_owned(),
            false => format!("; the deleted account can be restored until {}", rfc3339(purge_at)),
        });
    }
    decision
}

/// What a manifest says of a deleted member: one of the same identity (M11), for the tenant it was deleted in. Another company
/// can't bring it back (M41).
fn said_of<'v>(world: &World, visit: &'v Visit, member: &MemberRecord) -> Option<(&'v MemberSpec, &'v Value)> {
    let Declared::Present(Manifest { spec: Ok(Spec::Member(spec)), json, .. }) = &visit.declared else { return None };
    let external_key = spec.external_key.as_ref().map(|key| key.as_str());
    let tenant = world.tenant(&visit.key.handle.sibling(spec.tenant_ref.name()));
    let is_of_another =
        differ(member.declared.external_key.as_deref(), external_key) || tenant.is_some_and(|tenant| tenant.uid != member.tenant);
    (!is_of_another).then_some((&**spec, &**json))
}

/// Whether a manifest came after the deletion and before the purge; who departed has one all the time, and what counts is
/// since when it says otherwise. It brings the member back whenever it can: it may be frozen (R14), what it names may not be
/// there, or nobody ran when it came.
fn came_in_time(world: &World, visit: &Visit, member: &MemberRecord) -> bool {
    let (Some(deleted_at), Some(purge_at)) = (member.lived.deleted_at, member.lived.purge_at) else { return false };
    let Some((_, json)) = said_of(world, visit, member) else { return false };
    let says_otherwise = member.lived.departed && !member.departed_by(json.get("departure"));
    let in_grace = deleted_at..purge_at;
    in_grace.contains(&visit.since) || says_otherwise && in_grace.contains(&world.now)
}

/// Whether dates make an account, or bring one back: who departed comes back with the date moved or removed (M23, M24). A time
/// zone moves nothing that fired.
pub(super) fn wants_account(world: &World, dates: &Dates, current: Option<&MemberRecord>) -> bool {
    let departed = dates.departure.is_some_and(|departure| departure <= world.now);
    !departed && !current.is_some_and(|current| current.departed_by(dates.declared.departure.as_ref()))
}

/// Whether a manifest brings a deleted member back, at once or when what it waits for is there.
pub(super) fn is_wanted_back(world: &World, visit: &Visit, member: &MemberRecord, tenant: &TenantRecord) -> bool {
    let in_time = member.lived.purge_at.is_none_or(|purge_at| world.now < purge_at) || came_in_time(world, visit, member);
    let wants = |(spec, json)| wants_account(world, &Dates::of(spec, json, &tenant.zone), Some(member));
    in_time && said_of(world, visit, member).is_some_and(wants)
}
