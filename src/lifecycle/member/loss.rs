//! Losses of access by a declaration (T11): removals, transfers, newly declared suspensions, and departures due
//! within the window. Whether one may happen is judged for all of a tenant at once, by the engine. Pure. Called by
//! the decision about a member.

use jiff::tz::TimeZone;
use serde_json::Value;

use super::transitions::{Dates, Guard};
use crate::api::{MemberSpec, Reason};
use crate::lifecycle::{Decision, Judgement, Loss, Visit, World, hold_key};
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
    // One that was declared before, for then or earlier, was counted or had its time.
    let is_earlier = |at: &jiff::Timestamp| before.departure.is_none_or(|before| *at < before);
    let departure = dates.departure.filter(|at| *at <= window.after(world.now)).filter(is_earlier)?;
    Some(format!("departure {departure}{}", devices(spec)))
}

/// What another time zone of the tenant takes from a live member (R4): its departure comes within the window, and earlier
/// than the record expected anything to happen.
pub fn redated(world: &World, member: &MemberRecord, guard: Guard) -> Option<String> {
    let tenant = world.tenants.get(&member.tenant).filter(|_| !member.is_deleted() && guard.allows_deletion())?;
    let dates = Dates::of(&member.intent.spec, &member.intent.json, &tenant.zone);
    let window = tenant.budgets(world.now).into_iter().map(|budget| budget.window).max()?;
    let is_earlier = |at: &jiff::Timestamp| member.state.wake_at.is_none_or(|expected| *at < expected && world.now < expected);
    let departure = dates.departure.filter(|at| *at <= window.after(world.now)).filter(is_earlier)?;
    Some(format!("departure {departure}{} by the time zone", devices(&member.intent.spec)))
}

/// What a departure does to devices: a word that is given for it is given for that, too (R12).
fn devices(spec: &MemberSpec) -> String {
    let ordered = spec.departure.as_ref().and_then(|departure| departure.devices);
    ordered.map(|devices| format!(" with {devices:?}")).unwrap_or_default()
}

/// Whether a manifest says of the departure something else than the record's.
pub fn departs_otherwise(world: &World, visit: &Visit, member: &MemberRecord) -> bool {
    let departure = |spec: &MemberSpec, zone: &TimeZone| Dates::of(spec, &Value::Null, zone).departure;
    visit
        .member_spec()
        .zip(world.tenants.get(&member.tenant))
        .is_some_and(|(declared, tenant)| departure(declared, &tenant.zone) != departure(&member.intent.spec, &tenant.zone))
}

/// What becomes of a loss of access.
pub enum Fate {
    /// It is put off until all losses of the run are known.
    PutOff,
    /// It waits for a person's word.
    Held(Reason, String),
    Happens,
}

/// Says what becomes of a loss of a member's access, and notes it on the decision. It is told by how many there were before,
/// too: a word that was given for it does not count for the next of its kind (R12).
pub fn fate(world: &World, member: &MemberRecord, what: &str, decision: &mut Decision) -> Fate {
    let judgement = world.judged.get(&decision.key).copied();
    let what = format!("{what}, after {} others", member.lived.fired.losses);
    decision.loss = Some(Loss { member: member.uid.clone(), tenant: member.tenant.clone(), what });
    match judgement {
        None => Fate::PutOff,
        Some(Judgement::Cleared | Judgement::Approved) => Fate::Happens,
        Some(Judgement::Held) => {
            decision.waits_for.push(hold_key(&member.tenant));
            let tenant = world.tenants.get(&member.tenant).map_or("", |tenant| &tenant.handle.name);
            let message = format!(
                "more members would lose access than the tenant `{tenant}` allows at once; its condition Held says who, and how to approve it (T11)"
            );
            Fate::Held(Reason::AccessLossHeld, message)
        }
    }
}
