//! Decisions about members (M1–M25, M37): what is declared of one is carried out, and what time and services do. Pure.
//! Called by the set.

pub mod account;
mod assignments;
pub mod check;
pub mod concurrent;
mod declared;
pub mod facts;
pub mod id;
pub mod loss;
pub mod mail;
pub mod once;
pub mod password;
mod restore;
mod told;
pub mod transfer;
pub mod transitions;

use std::sync::Arc;

use jiff::Timestamp;

use super::identity::kept;
use super::{Block, Decision, Declared, Removal, Trigger, Visit, World, cancellation, record_key};
use crate::api::member::{Administrator, DeviceOrderState};
use crate::api::{Key, Kind, Reason, Verdict};
use crate::record::{Cause, Fired, Lived, MemberDeclared, MemberRecord, Record, TenantRecord};
use declared::declared;
use loss::Fate;
use restore::{is_wanted_back, told_of_purge};
pub use told::verdict_of;
use transitions::{Dates, Guard, advance, delete, state};

/// Decides about one member.
pub fn decide(world: &World, visit: &Visit, blocked: Option<&Block>) -> Decision {
    let current = match world.record(&visit.key) {
        Some(Record::Member(member)) => Some(member),
        // Somebody's SQL may have given the record another handle; its declaration still knows it.
        Some(Record::Tenant(_) | Record::Organization(_) | Record::ExternalContact(_)) | None => {
            world.members.get(&visit.fresh.uid).cloned()
        }
    };
    let mut decision = Decision::unchanged(visit, current.clone().map(Record::Member));
    if let Some(decided) = cancellation::of_cancelled(world, visit, &decision) {
        return decided;
    }
    // What follows from the member's own dates was expected, and what drifted is set back first.
    let expects = current.as_deref().filter(|member| !world.touched.contains(&member.uid));
    if let Some(member) = expects
        && let Declared::Present(_) = &visit.declared
        && let Some(what) = loss::redated(world, member, guard(world, member))
    {
        // Whose manifest is taken and departs otherwise loses nothing by the time zone.
        let otherwise = loss::departs_otherwise(world, visit, member)
            .then(|| carry_on(world, visit, blocked, decision.clone(), Departure::Withdrawn))
            .filter(|decision| decision.loss.is_none() && decision.verdict.as_ref().is_some_and(Verdict::is_ready));
        if let Some(decision) = otherwise {
            return decision;
        }
        match loss::fate(world, member, &what, &mut decision) {
            Fate::PutOff => return decision,
            Fate::Held(reason, message) => return decision.refuse(reason, message),
            Fate::Happens => {}
        }
    }
    carry_on(world, visit, blocked, decision, Departure::Stands)
}

/// Whether the departure of the stored intent is carried out where it is due.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Departure {
    Stands,
    Withdrawn,
}

/// Brings a record up to the present, and carries out what is declared of it.
fn carry_on(world: &World, visit: &Visit, blocked: Option<&Block>, mut decision: Decision, departure: Departure) -> Decision {
    let current = member_of(&decision);
    concurrent::follows(world, visit, current.as_deref(), &mut decision);
    catch_up(world, visit, blocked, &mut decision, departure);
    let mut decision = match &visit.declared {
        Declared::Nothing => decision,
        Declared::Removed => removed(world, visit, decision),
        Declared::Present(manifest) => told_of_purge(world, visit, declared(world, visit, manifest, decision, blocked)),
    };
    // By this an organization that is to go finds who will be in it (O5).
    if let Some(member) = member_of(&decision) {
        let key = |name: &str| record_key(&Key::new(Kind::Organization, member.handle.sibling(name)));
        decision.follows.extend(member.organizations_to_come().map(key));
    }
    decision
}

/// The member that a decision speaks of so far.
fn member_of(decision: &Decision) -> Option<Arc<MemberRecord>> {
    match &decision.record {
        Some(Record::Member(member)) => Some(member.clone()),
        Some(Record::Tenant(_) | Record::Organization(_) | Record::ExternalContact(_)) | None => None,
    }
}

/// Brings a record up to the present by its stored intent: what drifted is set back, what services reported
/// is folded in, and what fell due happens, in order, each as of its own instant (R4, R5).
fn catch_up(world: &World, visit: &Visit, blocked: Option<&Block>, decision: &mut Decision, departure: Departure) {
    let Some(member) = member_of(decision) else { return };
    let member = at_home(world, member);
    let Some(tenant) = world.tenants.get(&member.tenant).cloned() else { return };
    let drifted = world.touched.contains(&member.uid) || visit.trigger == Trigger::Scan;
    let cause = if drifted { Cause::Drift } else { Cause::Dependency };
    let expected = member.state.wake_at.filter(|at| *at <= world.now);
    let just_before = |due: Timestamp| due.checked_sub(jiff::SignedDuration::from_micros(1)).unwrap_or(due);
    let before_due = expected.map_or(world.now, just_before);
    let mut rebuilt = rebuilt(world, &member, &tenant, before_due);
    if drifted && member.uid == visit.fresh.uid {
        rebuilt.handle = visit.key.handle.clone();
    }
    concurrent::follow(world, visit, &tenant, blocked, &mut rebuilt);
    decision.step(cause, world.now, Some(Record::Member(Arc::new(rebuilt))));

    facts::fold(world, &tenant, decision, &|member, lived| settled(world, member, &tenant, lived, before_due));

    while let Some(member) = member_of(decision)
        && let Some(mut due) = member.state.wake_at
        && due <= world.now
    {
        if member.is_deleted() {
            if is_wanted_back(world, visit, &member, &tenant) {
                break;
            }
            let lived = Lived { account: account::released(world, &tenant, &member.lived.account), ..member.lived.clone() };
            let next = settled(world, &member, &tenant, lived, world.now);
            decision.step(Cause::Scheduled, world.now, Some(Record::Member(Arc::new(next))));
            purge_if_due(world, visit, &tenant, decision);
            break;
        }
        let guard = guard(world, &member);
        let mut dates = Dates::of(&member.intent.spec, &member.intent.json, &tenant.zone);
        dates.departure = dates.departure.filter(|_| departure == Departure::Stands);
        // Another time zone that was held brings it no earlier than it was expected (T11).
        if let Some(expected) = expected.filter(|expected| due < *expected && dates.departure == Some(due)) {
            (due, dates.departure) = (expected, Some(expected));
        }
        let mut lived = advance(&member.lived, &dates, tenant.deletion_grace(world.now), guard, due, world.now);
        // A departure that took place and was undone behind its back is set back, and orders nothing again (R5).
        let cause = if drifted && lived.departed && lived.fired.departure == member.lived.fired.departure {
            Cause::Drift
        } else {
            account::departed(world, &tenant, &member, &mut lived);
            Cause::Scheduled
        };
        let next = settled(world, &member, &tenant, lived, due);
        let stuck = next.state.wake_at == Some(due);
        decision.step(cause, due, Some(Record::Member(Arc::new(next))));
        if stuck {
            break;
        }
    }
    purge_if_due(world, visit, &tenant, decision);
}

/// The member in the tenant of its stored intent: somebody's SQL may have put it into another.
fn at_home(world: &World, member: Arc<MemberRecord>) -> Arc<MemberRecord> {
    match world.home(&member.uid, &member.handle, &member.intent.spec.tenant_ref) {
        Some(home) => Arc::new(MemberRecord { tenant: home, ..MemberRecord::clone(&member) }),
        None => member,
    }
}

/// The resource is gone (M23): the member is deleted, restorable for the grace period.
fn removed(world: &World, visit: &Visit, mut decision: Decision) -> Decision {
    decision.removal = Removal::Done;
    let Some(member) = member_of(&decision).filter(|member| !member.is_deleted()) else { return decision };
    let Some(tenant) = world.tenants.get(&member.tenant).cloned() else { return decision };
    if kept(world, &mut decision) {
        return decision;
    }
    let guard = guard(world, &member);
    if let Some((reason, message)) =
        protected(guard, "put its manifest back with `administrator: None`, apply it, then remove it")
    {
        decision.removal = Removal::Pending(reason, message);
        decision.waits_for.push(record_key(&visit.key));
        return decision;
    }
    match loss::fate(world, &member, "removal", &mut decision) {
        Fate::PutOff => return decision,
        Fate::Held(reason, message) => {
            decision.removal = Removal::Pending(reason, message);
            return decision;
        }
        Fate::Happens => {}
    }
    let mut lived = member.lived.clone();
    lived.fired.losses += 1;
    delete(&mut lived, tenant.deletion_grace(world.now), world.now, world.now);
    let next = settled(world, &member, &tenant, lived, world.now);
    decision.step(visit.trigger.cause(), world.now, Some(Record::Member(Arc::new(next))));
    purge_if_due(world, visit, &tenant, &mut decision);
    decision
}

/// The end of the grace period (M25). While the clocks differ (R4), or nobody declares the tenant (T14), it
/// waits where it is. A grace period of nothing ends as it begins (T10); a tenant that is to be cancelled may end
/// all of them (T12), but for who is wanted back (M24).
fn purge_if_due(world: &World, visit: &Visit, tenant: &TenantRecord, decision: &mut Decision) {
    if let Some(member) = member_of(decision)
        && world.irreversible
        && tenant.managed
        && member.is_deleted()
        && !member.lived.account.has_order(DeviceOrderState::Waiting)
        && let Some(due) = member.state.wake_at
        && !is_wanted_back(world, visit, &member, tenant)
    {
        if due <= world.now {
            decision.step(Cause::Scheduled, due, None);
        } else if tenant.purges_from().is_some_and(|from| from <= world.now) {
            decision.step(Cause::Dependency, world.now, None);
        }
    }
}

/// Why a member may not be deleted, if it may not; `revoking` says how an administrator is one no more.
fn protected(guard: Guard, revoking: &str) -> Option<(Reason, String)> {
    if guard.supreme {
        let message = "the supreme administrator can't be deleted; name another in the tenant first (T4)";
        Some((Reason::SupremeAdminProtected, message.to_owned()))
    } else if guard.administrator {
        Some((Reason::AdministratorProtected, format!("an administrator can't be deleted; {revoking} (M23)")))
    } else {
        None
    }
}

fn guard(world: &World, member: &MemberRecord) -> Guard {
    Guard {
        supreme: world.is_supreme(member),
        administrator: member.intent.spec.administrator.unwrap_or_default() == Administrator::Operations,
    }
}

/// The record with what happened to it, and the state that follows at an instant.
fn settled(world: &World, member: &MemberRecord, tenant: &TenantRecord, lived: Lived, at: Timestamp) -> MemberRecord {
    let spec = &member.intent.spec;
    let dates = Dates::of(spec, &member.intent.json, &tenant.zone);
    let state = state(&lived, &dates, guard(world, member), at);
    let dated = |place| dates.assignments.iter().find(|dated| dated.place == place);
    let is_current = |place| dated(place).is_none_or(|dated| lived.fired.assigned.contains(&dated.declared));
    let assignments = assignments::current(world, member, tenant, is_current);
    let declared = MemberDeclared { assignments, ..member.declared.clone() };
    let mut next = MemberRecord { lived, state, declared, ..member.clone() };
    mail::welcome(&mut next, tenant, at);
    next
}

/// The record as its stored intent and its life make it at an instant. What differs has drifted, or
/// follows from its surroundings.
fn rebuilt(world: &World, member: &MemberRecord, tenant: &TenantRecord, at: Timestamp) -> MemberRecord {
    let spec = &member.intent.spec;
    let id = spec.id.as_ref().map_or(member.declared.id.as_str(), |id| id.as_str());
    let assignments = member.declared.assignments.clone();
    let declared = MemberDeclared::of(spec, &member.intent.json, id, &tenant.declared.domain, assignments);
    let member = MemberRecord { declared, ..member.clone() };
    let mut lived = member.lived.clone();
    if lived.deleted_at.is_none() {
        // Whether access is suspended follows from the intent; since when is lived.
        // A departure is carried out as of its instant, not here.
        let dates = Dates { departure: None, ..Dates::of(spec, &member.intent.json, &tenant.zone) };
        let guard = guard(world, &member);
        let advanced = advance(&lived, &dates, tenant.deletion_grace(world.now), guard, at, world.now);
        lived.suspended_at = advanced.suspended_at;
        lived.leave_at = advanced.leave_at;
        lived.fired = Fired { activation: lived.fired.activation, ..advanced.fired };
        lived.spent_leave = advanced.spent_leave;
    }
    settled(world, &member, tenant, lived, at)
}
