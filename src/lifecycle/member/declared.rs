//! Decisions about a manifest of a member (M1–M24): whom it speaks of, whether it can be taken, and what it makes of the
//! record. Pure. Called by the decision about a member.

use std::sync::Arc;

use jiff::Timestamp;

use super::assignments::{Unassigned, assignments};
use super::concurrent::NoId;
use super::loss::Fate;
use super::restore::wants_account;
use super::told::{departed_verdict, verdict_of, warnings};
use super::transfer::Transfer;
use super::transitions::{Dates, Period, advance};
use super::{
    Departure, account, catch_up, check, concurrent, guard, id, loss, mail, member_of, once, password, protected, purge_if_due,
    settled, transfer,
};
use crate::api::{Key, Kind, MemberPhase, MemberSpec, Reason, Verdict};
use crate::lifecycle::identity::{Identity, identify};
use crate::lifecycle::tenant::places;
use crate::lifecycle::{Block, Decision, Manifest, Spec, Visit, World, cancellation, place_key, record_key};
use crate::record::{Claim, Lived, MemberDeclared, MemberRecord, MemberState, Record, Space};

/// Carries out what is declared of a member, or tells why not.
pub(super) fn declared(
    world: &World,
    visit: &Visit,
    manifest: &Manifest,
    mut decision: Decision,
    blocked: Option<&Block>,
) -> Decision {
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
    let under_handle = member_of(&decision);
    let mut problems = check::alone(spec);
    if !problems.is_empty() {
        // All at once, but for what does not fit where the member is to go.
        if under_handle.as_ref().is_none_or(|current| current.tenant == tenant.uid) {
            problems.extend(check::against(spec, &tenant.intent.spec));
        }
        return decision.invalid(&problems);
    }

    let recorded_key = under_handle.as_ref().map(|member| member.declared.external_key.as_deref());
    let external_key = spec.external_key.as_ref().map(|key| key.as_str());
    match identify(world, &visit.key, &tenant.uid, Space::MemberKey, recorded_key, external_key) {
        Identity::New | Identity::UnderHandle => {}
        // Who was under its name is purged just now, and goes first.
        Identity::Renamed(_) if !decision.steps.is_empty() => {
            decision.again = true;
            let message = "the record under its name is purged first (M11)";
            return decision.wait(Reason::IdentityConflict, message, [record_key(&visit.key)]);
        }
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
        // Whoever is gone has its name all the same, and leaves the old one to others (M11).
        if let Some(renamed) = current.as_deref().filter(|current| current.handle != *handle) {
            let renamed = MemberRecord { handle: handle.clone(), ..renamed.clone() };
            decision.step(visit.trigger.cause(), world.now, Some(Record::Member(Arc::new(renamed))));
        }
        decision.verdict = Some(departed_verdict(current.as_deref()));
        return decision;
    }
    if let Some(current) = current.as_deref().filter(|current| world.is_supreme(current) && !current.is_deleted())
        && let Some((reason, message)) = supreme_forbids(spec, &dates, world.now)
    {
        let remedy = if reason == Reason::SupremeAdminProtected { "; take it out, or hand the role over first" } else { "" };
        return decision.refuse(reason, format!("{message}; {} is the supreme administrator{remedy} (T4)", current.handle));
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

    let mut base = record(world, visit, manifest, &wish, &id);
    base.lived.erased = erased.unwrap_or(base.lived.erased);
    // One that did not happen ended the decision.
    base.lived.fired.losses += u32::from(current.is_some() && decision.loss.is_some());
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

/// The record that a manifest makes of a member, before time does anything to it.
fn record(world: &World, visit: &Visit, manifest: &Manifest, wish: &id::Wish, id: &str) -> MemberRecord {
    let id::Wish { tenant, handle, spec, current, fresh } = *wish;
    let intent = manifest.intent::<MemberSpec>(spec);
    let declared = MemberDeclared::of(spec, &manifest.json, id, &tenant.declared.domain, Vec::new());
    let mut next = match current {
        Some(current) => {
            let tenant = tenant.uid.clone();
            MemberRecord { tenant, handle: handle.clone(), declared, intent, ..MemberRecord::clone(current) }
        }
        None => MemberRecord {
            uid: fresh.uid.clone(),
            tenant: tenant.uid.clone(),
            handle: handle.clone(),
            lived: Lived {
                contact_token: fresh.contact_token.clone(),
                qr_token: fresh.qr_token.clone(),
                first_sign_in_at: world.first_sign_ins.get(&fresh.uid).copied(),
                ..Lived::default()
            },
            state: MemberState { phase: MemberPhase::Scheduled, on_leave: None, wake_at: None },
            created_at: world.now,
            revision: 0,
            declared,
            intent,
        },
    };
    if let Some(current) = current {
        if current.is_deleted() {
            // M24: the same person comes back.
            next.lived = Lived { deleted_at: None, purge_at: None, departed: false, ..next.lived };
            account::withdraw(&mut next.lived.account);
        }
        if current.declared.id != id || current.tenant != tenant.uid {
            // M30, M40: what led to the old ID leads nowhere.
            next.lived.contact_token = fresh.contact_token.clone();
            next.lived.qr_token = fresh.qr_token.clone();
        }
        mail::withdraw(&mut next, current);
    }
    let is_news = once::spend(&mut next.lived.spent, spec);
    next.lived.fired.noted += u32::from(is_news && visit.acted_before);
    account::declared(world, tenant, current, &mut next);
    next
}

/// The field of a spec by which it makes a claim.
pub(super) fn claiming_field(spec: &MemberSpec, claim: &Claim) -> String {
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
fn supreme_forbids(spec: &MemberSpec, dates: &Dates, now: Timestamp) -> Option<(Reason, &'static str)> {
    let protected = Reason::SupremeAdminProtected;
    // What is over takes nothing from anybody.
    let is_to_come = |period: Option<Period>| period.is_some_and(|(_, until)| until.is_none_or(|until| until > now));
    if spec.suspended == Some(true) {
        Some((protected, "spec.suspended: not allowed"))
    } else if is_to_come(dates.suspension) {
        Some((protected, "spec.suspension: not allowed"))
    } else if is_to_come(dates.leave) {
        Some((protected, "spec.leaveOfAbsence: not allowed"))
    } else if spec.departure.is_some() {
        Some((protected, "spec.departure: not allowed"))
    } else if spec.personal_email.is_none() {
        Some((Reason::PersonalEmailRequired, "spec.personalEmail: required"))
    } else {
        None
    }
}
