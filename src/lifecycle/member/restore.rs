//! Who comes back (M23, M24): whether a manifest wants a deleted member restored, and until when that can be. Pure. Called by
//! the decision about a member.

use super::member_of;
use super::transitions::Dates;
use crate::api::time::rfc3339;
use crate::lifecycle::{Decision, Declared, Manifest, Spec, Visit, World};
use crate::record::{MemberRecord, TenantRecord};

/// A manifest that would restore a deleted member, and can't yet, tells until when it can (M24).
pub(super) fn told_of_purge(mut decision: Decision) -> Decision {
    let purge_at = member_of(&decision).and_then(|member| member.lived.purge_at);
    if let (Some(verdict), Some(purge_at)) = (decision.verdict.as_mut().filter(|verdict| !verdict.is_ready()), purge_at) {
        verdict.message.push_str(&format!("; the deleted account can be restored until {}", rfc3339(purge_at)));
    }
    decision
}

/// Whether dates make an account, or bring one back: who departed comes back with the date moved or removed (M23, M24). A time
/// zone moves nothing that fired.
pub(super) fn wants_account(world: &World, dates: &Dates, current: Option<&MemberRecord>) -> bool {
    let departed = dates.departure.is_some_and(|departure| departure <= world.now);
    let fired = current.filter(|current| current.lived.departed).and_then(|current| current.lived.fired.departure.as_ref());
    !departed && (fired.is_none() || fired != dates.declared.departure.as_ref())
}

/// Whether a manifest brings a deleted member back, at once or when what it waits for is there.
pub(super) fn is_wanted_back(world: &World, visit: &Visit, member: &MemberRecord, tenant: &TenantRecord) -> bool {
    let in_time = member.lived.purge_at.is_none_or(|purge_at| world.now < purge_at);
    match &visit.declared {
        Declared::Present(Manifest { spec: Ok(Spec::Member(spec)), json, .. }) => {
            in_time && wants_account(world, &Dates::of(spec, json, &tenant.zone), Some(member))
        }
        Declared::Present(_) | Declared::Removed | Declared::Nothing => false,
    }
}
