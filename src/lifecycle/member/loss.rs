//! Losses of access by a declaration (T11): removals, transfers, newly declared suspensions, and departures due
//! within the window. Whether one may happen is judged for all of a tenant at once, by the engine. Pure. Called by
//! the decision about a member.

use super::transitions::Dates;
use crate::api::{MemberSpec, Reason};
use crate::lifecycle::{Judgement, Loss, World};
use crate::record::{MemberRecord, TenantRecord};

/// What a declaration takes from a live member, if it takes access.
pub fn declared(world: &World, member: &MemberRecord, spec: &MemberSpec, dates: &Dates, to: &TenantRecord) -> Option<String> {
    let tenant = world.tenants.get(&member.tenant).filter(|_| !member.is_deleted())?;
    if tenant.uid != to.uid {
        return Some(format!("transfer to {}", to.uid));
    }
    let before = Dates::of(&member.intent.spec, &member.intent.json, &tenant.zone);
    let is_suspended = member.lived.suspended_at.is_some();
    if dates.suspension.is_some() && dates.suspension != before.suspension && !is_suspended {
        return Some(format!("suspension {:?} {:?}", spec.suspended, spec.suspension));
    }
    let window = tenant.budgets(world.now).into_iter().map(|budget| budget.window).max()?;
    let within = |at: &jiff::Timestamp| *at <= window.after(world.now);
    let departure = dates.departure.filter(within).filter(|_| !before.departure.as_ref().is_some_and(within))?;
    Some(format!("departure {departure}"))
}

/// What the resource is told of a loss that was judged, or nothing where it may happen.
pub fn held(world: &World, loss: &Loss, judgement: Judgement) -> Option<(Reason, String)> {
    match judgement {
        Judgement::Cleared | Judgement::Approved => None,
        Judgement::Held => {
            let tenant = world.tenants.get(&loss.tenant).map_or("", |tenant| &tenant.handle.name);
            let message = format!(
                "more members would lose access than the tenant `{tenant}` allows at once; its condition Held says who, and how to approve it (T11)"
            );
            Some((Reason::AccessLossHeld, message))
        }
    }
}
