//! Decisions about members (M1–M25, M37): who a manifest speaks of, whether it can be taken, what it makes
//! of the record, and what time does. Pure. Called by the set.

pub mod account;
mod assignments;
pub mod check;
pub mod concurrent;
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

use super::identity::{Identity, identify, kept};
use super::tenant::places;
use super::{Block, Decision, Declared, Manifest, Removal, Spec, Trigger, Visit, World, cancellation, place_key, record_key};
use crate::api::member::{Administrator, DeviceOrderState};
use crate::api::{Key, Kind, MemberPhase, MemberSpec, Reason, Verdict};
use crate::record::{Cause, Claim, Fired, Intent, Lived, MemberDeclared, MemberRecord, MemberState, Record, Space, TenantRecord};
use assignments::{Unassigned, assignments};
use concurrent::NoId;
use loss::Fate;
use restore::{is_wanted_back, told_of_purge, wants_account};
pub use told::verdict_of;
use told::{departed_verdict, warnings};
use transfer::Transfer;
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
        Declared::Present(manifest) => told_of_purge(visit, declared(world, visit, manifest, decision, blocked)),
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
    let before_due = match member.state.wake_at {
        Some(due) if due <= world.now => due.checked_sub(jiff::SignedDuration::from_micros(1)).unwrap_or(due),
        Some(_) | None => world.now,
    };
    let mut rebuilt = rebuilt(world, &member, &tenant, before_due);
    if drifted && member.uid == visit.fresh.uid {
        rebuilt.handle = visit.key.handle.clone();
    }
    concurrent::follow(world, visit, &tenant, blocked, &mut rebuilt);
    decision.step(cause, world.now, Some(Record::Member(Arc::new(rebuilt))));

    facts::fold(world, &tenant, decision, &|member, lived| settled(world, member, &tenant, lived, before_due));

    while let Some(member) = member_of(decision)
        && let Some(due) = member.state.wake_at
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

fn declared(world: &World, visit: &Visit, manifest: &Manifest, mut decision: Decision, blocked: Option<&Block>) -> Decision {
    let spec = match &manifest.spec {
        Err(problems) => return decision.invalid(problems),
        Ok(Spec::Member(spec)) => spec,
        Ok(Spec::Tenant(_) | Spec::Organization(_) | Spec::ExternalContact(_)) => return decision,
    };
    let handle = &visit.key.handle;
    let tenant_key = Key::new(Kind::Tenant, handle.sibling(spec.tenant_ref.name()));
    let Some(tenant) = world.tenant(&tenant_key.handle).cloned() else {
        return decision.without_tenant(&tenant_key);
    };
    let problems = check::alone(spec);
    if !problems.is_empty() {
        return decision.invalid(&problems);
    }

    let under_handle = member_of(&decision);
    let recorded_key = under_handle.as_ref().map(|member| member.declared.external_key.as_deref());
    let external_key = spec.external_key.as_ref().map(|key| key.as_str());
    match identify(world, &visit.key, &tenant.uid, Space::MemberKey, recorded_key, external_key) {
        Identity::New | Identity::UnderHandle => {}
        Identity::Renamed(uid) => {
            decision.record = world.members.get(&uid).cloned().map(Record::Member);
            catch_up(world, visit, blocked, &mut decision, Departure::Stands);
        }
        Identity::Taken(block) => return decision.taken(world, &block, "spec.externalKey"),
        Identity::Conflict(message) => {
            return decision.wait(Reason::IdentityConflict, message, [record_key(&visit.key)]);
        }
    }
    let current = member_of(&decision);
    if let Some(problem) = current.as_deref().and_then(|current| check::of_another(current, spec)) {
        return decision.invalid(&[problem]);
    }
    // What does not fit in a tenant to which the member is to go blocks the transfer.
    let moves = current.as_ref().is_some_and(|current| current.tenant != tenant.uid);
    let problems = if moves { Vec::new() } else { check::against(spec, &tenant.intent.spec) };
    if !problems.is_empty() {
        return decision.invalid(&problems);
    }
    if let Some((others, message)) = concurrent::cycle(world, handle) {
        let keys = concurrent::keys_of_cycle(&others);
        decision.pulls = others;
        return decision.wait(Reason::CycleDetected, message, keys);
    }
    let wish = id::Wish { tenant: &tenant, handle, spec, current: current.as_deref(), fresh: &visit.fresh };
    let id = match id::declared(world, &wish) {
        Ok(id) => id,
        Err(NoId::Waits(reason, message, keys)) => return decision.wait(reason, message, keys),
        Err(NoId::Invalid(problem)) => return decision.invalid(&[problem]),
        Err(NoId::Refused(reason, message)) => return decision.refuse(reason, message),
    };

    let dates = Dates::of(spec, &manifest.json, &tenant.zone);
    let departed = dates.departure.is_some_and(|departure| departure <= world.now);
    let live = current.as_ref().is_some_and(|current| !current.is_deleted());
    if !live && !wants_account(world, &dates, current.as_deref()) {
        decision.verdict = Some(departed_verdict(current.as_deref()));
        return decision;
    }
    if let Some(current) = current.as_deref().filter(|current| world.is_supreme(current) && !current.is_deleted())
        && let Some((reason, message)) = supreme_forbids(spec)
    {
        return decision.refuse(reason, format!("{message}; {} is the supreme administrator (T4)", current.handle));
    }
    // What is over needs no organization any more.
    let past: Vec<usize> = dates
        .assignments
        .iter()
        .filter(|dated| dated.period.1.is_some_and(|until| until <= world.now))
        .map(|dated| dated.place)
        .collect();
    let counts = |place| !past.contains(&place);
    let mut erased = None;
    if let Some(member) = current.as_deref().filter(|_| moves) {
        let wish = transfer::Wish { member, to: &tenant, handle, spec, manifest };
        // What either company is decides about it.
        let from = world.tenants.get(&member.tenant).map(|from| from.key());
        let both: Vec<String> = from.iter().chain([&tenant_key]).map(record_key).collect();
        match transfer::consider(world, &wish, blocked, counts) {
            Transfer::Refused(reason, message) => return decision.wait(reason, message, both),
            Transfer::Blocked(message, keys) => {
                return decision.wait(Reason::TransferBlocked, message, both.into_iter().chain(keys));
            }
            Transfer::Held(hold) => {
                decision.waits_for.extend(both);
                return decision.held(hold);
            }
            Transfer::Goes(data) => erased = Some(data),
        }
    }
    match assignments(world, spec, &tenant, handle, counts) {
        Ok(_) => {}
        Err(Unassigned::Elsewhere(problem)) => {
            // Another may come under its name.
            let named = spec.organizations.iter().map(|assignment| handle.sibling(assignment.organization_ref.name()));
            decision.follows.extend(named.map(|handle| record_key(&Key::new(Kind::Organization, handle))));
            return decision.invalid(&[problem]);
        }
        Err(Unassigned::Missing(missing)) => {
            let names: Vec<&str> = missing.iter().map(|key| key.handle.name.as_ref()).collect();
            let named = |assignment: &crate::api::member::Assignment| names.contains(&assignment.organization_ref.name());
            let index = spec.organizations.iter().position(named).unwrap_or(0);
            let path = format!("spec.organizations[{index}].organizationRef.name");
            let message = format!("{path}: `{}` is not in the directory yet (O4)", names.join("`, `"));
            return decision.wait(Reason::OrganizationNotFound, message, missing.iter().map(record_key));
        }
    }
    if let Some(block) = blocked {
        return decision.taken(world, block, &claiming_field(spec, &block.claim));
    }
    if current.is_none()
        && let Some(message) = cancellation::takes_nobody(&tenant)
    {
        return decision.wait(Reason::TenantCancelling, message, [record_key(&tenant_key)]);
    }
    if current.is_none()
        && let Some(limit) = places(tenant.plan(), Kind::Member)
        && world.places.get(&(tenant.uid.clone(), Kind::Member)).copied().unwrap_or(0) >= limit
    {
        let message = format!("the plan has {limit} places for members, and all are taken, those in grace included (T3)");
        return decision.wait(Reason::QuotaExceeded, message, [place_key(&tenant.uid, Kind::Member)]);
    }
    if let Some(current) = current.as_deref()
        && let Some(what) = loss::declared(world, current, spec, &dates, &tenant)
    {
        match loss::fate(world, current, &what, &mut decision) {
            Fate::PutOff => return decision,
            Fate::Held(reason, message) => return decision.refuse(reason, message),
            Fate::Happens => {}
        }
    }

    let intent = Arc::new(Intent {
        spec: MemberSpec::clone(spec),
        json: manifest.json.clone(),
        digest: manifest.digest.clone(),
        generation: manifest.generation,
    });
    let declared = MemberDeclared::of(spec, &manifest.json, &id, &tenant.declared.domain, Vec::new());
    let mut base = match &current {
        Some(current) => MemberRecord { handle: handle.clone(), declared, intent, ..MemberRecord::clone(current) },
        None => MemberRecord {
            uid: visit.fresh.uid.clone(),
            tenant: tenant.uid.clone(),
            handle: handle.clone(),
            lived: Lived {
                contact_token: visit.fresh.contact_token.clone(),
                qr_token: visit.fresh.qr_token.clone(),
                first_sign_in_at: world.first_sign_ins.get(&visit.fresh.uid).copied(),
                ..Lived::default()
            },
            state: MemberState { phase: MemberPhase::Scheduled, on_leave: None, wake_at: None },
            created_at: world.now,
            revision: 0,
            declared,
            intent,
        },
    };
    if let Some(current) = &current {
        base.tenant = tenant.uid.clone();
        base.lived.erased = erased.unwrap_or(base.lived.erased);
        // One that did not happen ended the decision.
        base.lived.fired.losses += u32::from(decision.loss.is_some());
        if current.is_deleted() {
            // M24: the same person comes back.
            base.lived = Lived { deleted_at: None, purge_at: None, departed: false, ..base.lived };
            account::withdraw(&mut base.lived.account);
        }
        if current.declared.id != id || moves {
            // M30, M40: what led to the old ID leads nowhere.
            base.lived.contact_token = visit.fresh.contact_token.clone();
            base.lived.qr_token = visit.fresh.qr_token.clone();
        }
        mail::withdraw(&mut base, current);
    }
    let is_news = once::spend(&mut base.lived.spent, spec);
    base.lived.fired.takeovers += u32::from(is_news && visit.takes_over);
    account::declared(world, &tenant, current.as_deref(), &mut base);
    let guard = guard(world, &base);
    let mut lived = advance(&base.lived, &dates, tenant.deletion_grace(world.now), guard, world.now, world.now);
    account::departed(world, &tenant, &base, &mut lived);
    let mut next = settled(world, &base, &tenant, lived, world.now);
    if let Some(current) = &current {
        mail::resend(&mut next, current, &tenant);
    }
    let mut verdict = if departed && let Some((reason, message)) = protected(guard, "set `administrator: None` first") {
        Verdict::new(reason, format!("spec.departure is due: {message}"))
    } else {
        verdict_of(world, &next)
    };
    verdict.warnings = warnings(world, visit, spec, manifest, &next, &mut decision);
    verdict.warnings.extend(password::not_applicable(&next));
    if !next.is_deleted() {
        verdict.states.push(password::told(&next));
    }
    // What was refused at another address is tried again.
    let same_address = current.as_ref().is_none_or(|current| current.declared.personal_email == next.declared.personal_email);
    let news = world.mail_news.get(&next.uid).filter(|_| same_address);
    verdict.warnings.extend(mail::warnings(spec, &next, &tenant, news));
    decision.step(visit.trigger.cause(), world.now, Some(Record::Member(Arc::new(next))));
    purge_if_due(world, visit, &tenant, &mut decision);
    if decision.record.is_none() {
        verdict.message = departed_verdict(None).message;
    }
    decision.verdict = Some(verdict);
    decision
}

/// The field of a spec by which it makes a claim.
fn claiming_field(spec: &MemberSpec, claim: &Claim) -> String {
    match claim.space {
        Space::EmployeeNumber => "spec.employeeNumber".into(),
        Space::MemberKey => "spec.externalKey".into(),
        Space::Domain | Space::Address | Space::OrganizationKey | Space::SiblingName => {
            match spec.secondary_emails.iter().position(|part| part.as_str() == claim.key) {
                Some(index) => format!("spec.secondaryEmails[{index}]"),
                None if spec.id.is_none() => "spec.concurrentOf".into(),
                None => "spec.id".into(),
            }
        }
    }
}

/// What the supreme administrator's manifest may not say (T4).
fn supreme_forbids(spec: &MemberSpec) -> Option<(Reason, &'static str)> {
    let protected = Reason::SupremeAdminProtected;
    if spec.suspended == Some(true) {
        Some((protected, "spec.suspended: not allowed"))
    } else if spec.suspension.is_some() {
        Some((protected, "spec.suspension: not allowed"))
    } else if spec.leave_of_absence.is_some() {
        Some((protected, "spec.leaveOfAbsence: not allowed"))
    } else if spec.departure.is_some() {
        Some((protected, "spec.departure: not allowed"))
    } else if spec.personal_email.is_none() {
        Some((Reason::PersonalEmailRequired, "spec.personalEmail: required"))
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
