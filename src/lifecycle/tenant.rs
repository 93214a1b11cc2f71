//! Decisions about tenants (T1–T4, T8, T10, T14). Pure. Called by the set.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{
    Block, Decision, Declared, Manifest, Removal, Spec, Visit, World, cancellation, clocks_differ, record_key, without_effect,
};
use crate::api::member::MemberPhase;
use crate::api::tenant::Plan;
use crate::api::time::rfc3339;
use crate::api::{Key, Kind, Language, Length, Problem, Reason, TenantPhase, TenantSpec, Verdict};
use crate::record::{Cause, Intent, MemberRecord, Record, TenantDeclared, TenantRecord, TenantState};

/// The most members and organizations that a plan has places for (T3).
pub fn places(plan: Option<Plan>, kind: Kind) -> Option<i64> {
    match (kind, plan) {
        (Kind::Member, Some(Plan::Free)) => Some(30),
        (Kind::Member, _) => None,
        (Kind::Organization, Some(Plan::Free)) => Some(100),
        (Kind::Organization, _) => Some(10_000),
        (Kind::Tenant | Kind::ExternalContact, _) => None,
    }
}

/// The languages of a tenant (T1): `en_US` where none is declared.
pub fn languages(spec: &TenantSpec) -> &[Language] {
    if spec.languages.is_empty() { &[Language::en_US] } else { &spec.languages }
}

/// What is wrong with a spec beyond its schema.
pub fn check(spec: &TenantSpec) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(zone) = &spec.time_zone
        && TimeZone::get(zone.as_str()).is_err()
    {
        problems.push(Problem::new("spec.timeZone", format!("`{zone}` is no IANA time zone; write one such as Asia/Seoul (R4)")));
    }
    for (path, length) in [("spec.deletionGrace", spec.deletion_grace), ("spec.contactRetention", spec.contact_retention)] {
        if length.is_some_and(|length| length > Length::days(30)) {
            problems.push(Problem::new(path, "at most 30d (T10)"));
        }
    }
    if let Some(link) = &spec.registration_link
        && link.enabled
        && link.token.is_none()
    {
        let message = "required while the link is enabled: it is what the link carries, and a new one renews it (M35)";
        problems.push(Problem::new("spec.registrationLink.token", message));
    }
    for language in spec.display_names.keys() {
        if !languages(spec).iter().any(|known| known.tag() == language) {
            problems.push(Problem::new(format!("spec.displayNames.{language}"), "not one of spec.languages (T1)"));
        }
    }
    problems
}

/// Decides about one tenant.
pub fn decide(world: &World, visit: &Visit, blocked: Option<&Block>) -> Decision {
    let record = world.record(&visit.key);
    let mut decision = Decision::unchanged(visit, record.clone());
    let current = match record {
        Some(Record::Tenant(tenant)) => Some(tenant),
        Some(Record::Organization(_) | Record::Member(_) | Record::ExternalContact(_)) | None => None,
    };
    let cancelled = current.as_ref().is_some_and(|tenant| tenant.cancelled_at.is_some());
    if let Some(tenant) = current.as_ref().filter(|_| !cancelled) {
        let cause = if world.touched.contains(&tenant.uid) { Cause::Drift } else { Cause::Dependency };
        let rebuilt = rebuilt(tenant, &tenant.intent);
        decision.step(cause, world.now, Some(rebuilt.in_state()));
    }
    match &visit.declared {
        Declared::Nothing => decision,
        Declared::Removed => {
            // T14: the record outlives its resource.
            if let Some(tenant) = &current {
                let mut next = TenantRecord::clone(tenant);
                next.managed = false;
                decision.step(visit.trigger.cause(), world.now, Some(next.in_state()));
            }
            decision.removal = Removal::Done;
            decision
        }
        Declared::Present(manifest) if cancelled => over(world, visit, manifest, decision),
        Declared::Present(manifest) => with_holds(world, declared(world, visit, manifest, decision, blocked)),
    }
}

/// Under a manifest that is refused nothing of a cancellation goes on that was declared before: the manifest may withdraw it
/// (T12). It is confirmed anew once one is taken.
fn refused(world: &World, visit: &Visit, mut decision: Decision) -> Decision {
    if let (Some(verdict), Some(Record::Tenant(tenant))) = (&mut decision.verdict, decision.record.clone())
        && tenant.intent.spec.cancellation.is_some()
    {
        let message = "the cancellation that was declared before waits until a manifest is taken";
        verdict.blocks = vec![(verdict.reason, message.to_owned())];
        let next = TenantRecord { confirmed: None, ..TenantRecord::clone(&tenant) };
        decision.step(visit.trigger.cause(), world.now, Some(next.in_state()));
    }
    decision
}

/// What needs a person's word is told whatever else is (R12).
fn with_holds(world: &World, mut decision: Decision) -> Decision {
    if let (Some(verdict), Some(Record::Tenant(tenant))) = (&mut decision.verdict, &decision.record)
        && tenant.cancelled_at.is_none()
    {
        verdict.holds = world.holds.get(&tenant.uid).cloned().unwrap_or_default();
        for hold in verdict.holds.iter_mut().filter(|hold| hold.reason == Reason::AccessLossHeld) {
            hold.what.push_str(&awaited_budget(world, tenant).unwrap_or_default());
        }
    }
    decision
}

/// A tenant that was cancelled stays so, whatever is declared under its name (T12).
fn over(world: &World, visit: &Visit, manifest: &Manifest, mut decision: Decision) -> Decision {
    let (Ok(Spec::Tenant(spec)), Some(Record::Tenant(tenant))) = (&manifest.spec, decision.record.clone()) else {
        return match &manifest.spec {
            Err(problems) => decision.invalid(problems),
            Ok(_) => decision,
        };
    };
    let verdict = cancellation::final_verdict(&tenant, spec);
    let next = TenantRecord { managed: true, ..TenantRecord::clone(&tenant) };
    decision.step(visit.trigger.cause(), world.now, Some(next.in_state()));
    decision.verdict = Some(verdict);
    decision
}

fn declared(world: &World, visit: &Visit, manifest: &Manifest, mut decision: Decision, blocked: Option<&Block>) -> Decision {
    let spec = match &manifest.spec {
        Err(problems) => return refused(world, visit, decision.invalid(problems)),
        Ok(Spec::Tenant(spec)) => spec,
        Ok(Spec::Organization(_) | Spec::Member(_) | Spec::ExternalContact(_)) => return decision,
    };
    let problems = check(spec);
    if !problems.is_empty() {
        return refused(world, visit, decision.invalid(&problems));
    }
    if let Some(block) = blocked {
        return refused(world, visit, decision.taken(world, block, "spec.domain"));
    }
    let intent = manifest.intent::<TenantSpec>(spec);
    let mut next = match &decision.record {
        Some(Record::Tenant(tenant)) => TenantRecord { former: tenant.former_under(spec, world.now), ..rebuilt(tenant, &intent) },
        _ => TenantRecord {
            uid: visit.fresh.uid.clone(),
            handle: visit.key.handle.clone(),
            declared: TenantDeclared::of(spec, &manifest.json),
            zone: zone(spec),
            supreme_admin: None,
            managed: true,
            former: Vec::new(),
            confirmed: None,
            cancelled_at: None,
            wake_at: None,
            state: TenantState { phase: TenantPhase::Active, purges_from: None },
            created_at: world.now,
            revision: 0,
            intent,
        },
    };
    next.managed = true;

    let named = Key::new(Kind::Member, visit.key.handle.sibling(spec.supreme_admin_ref.name()));
    let mut verdict = Verdict::new(Reason::InDirectory, "the directory holds this generation");
    decision.follows.push(record_key(&named));
    match fit_for_supreme(world, &next, &named) {
        Ok(uid) => next.supreme_admin = Some(uid),
        Err((reason, message)) => {
            verdict = Verdict::new(reason, format!("spec.supremeAdminRef: {message} (T4)"));
            decision.waits_for.push(record_key(&named));
        }
    }
    if !world.irreversible {
        verdict.warnings.push(clocks_differ("purges wait"));
    }
    verdict.warnings.extend(without_effect(Kind::Tenant, &manifest.annotations));
    (next.confirmed, next.wake_at) = match &spec.cancellation {
        Some(declared) => (cancellation::confirmed(world, &next), cancellation::wake_at(world, &next, declared)),
        None => (None, None),
    };
    decision.step(visit.trigger.cause(), world.now, Some(next.clone().in_state()));
    cancellation::carry_on(world, visit, next, &mut decision, &mut verdict);
    decision.verdict = Some(verdict);
    decision
}

/// Whether a member may hold the supreme administrator's role (T4), or why not.
fn fit_for_supreme(world: &World, tenant: &TenantRecord, named: &Key) -> Result<crate::record::Uid, (Reason, String)> {
    let name = &named.handle.name;
    // Who is about to leave that name is not meant (M11).
    let stays = |member: &Arc<MemberRecord>| world.sought(&Record::Member(member.clone())).is_none();
    let found = world.member(&named.handle).filter(|member| stays(member));
    let Some(member) = found.filter(|member| member.tenant == tenant.uid) else {
        let missing = match found {
            Some(elsewhere) => format!("the member `{name}` belongs to {}", world.shown_tenant(&elsewhere.tenant)),
            None => format!("the member `{name}` is not in the directory yet"),
        };
        let holder = tenant.supreme_admin.as_ref().and_then(|holder| world.members.get(holder));
        let holds = holder.map(|holder| format!("; `{}` holds the role", holder.handle.name));
        return Err((Reason::SupremeAdminNotFound, missing + &holds.unwrap_or_default()));
    };
    let unfit = match member.state.phase {
        MemberPhase::Scheduled => Some("scheduled"),
        MemberPhase::Suspended => Some("suspended"),
        MemberPhase::Deleted => Some("deleted"),
        MemberPhase::Pending | MemberPhase::Active => member.state.on_leave.as_ref().map(|_| "on leave"),
    };
    if let Some(unfit) = unfit
        && tenant.supreme_admin.as_ref() != Some(&member.uid)
    {
        let stays = if tenant.supreme_admin.is_some() { "; the present holder stays" } else { "" };
        return Err((Reason::SupremeAdminUnfit, format!("the member `{name}` is {unfit}{stays}")));
    }
    if member.declared.personal_email.is_none() {
        return Err((Reason::PersonalEmailRequired, format!("the member `{name}` needs a personalEmail")));
    }
    Ok(member.uid.clone())
}

/// From when on the larger budget counts that is declared, and what counts until then (T11).
fn awaited_budget(world: &World, tenant: &TenantRecord) -> Option<String> {
    let from = tenant.stricter_budgets(world.now).map(|(_, until)| until).max()?;
    let stricter: Vec<String> = tenant.stricter_budgets(world.now).map(|(budget, _)| budget.shown()).collect();
    Some(format!(": the larger one that is declared counts from {} on, until then {}", rfc3339(from), stricter.join(", and ")))
}

/// The record with its declared columns as an intent has them.
fn rebuilt(tenant: &TenantRecord, intent: &Arc<Intent<TenantSpec>>) -> TenantRecord {
    TenantRecord {
        declared: TenantDeclared::of(&intent.spec, &intent.json),
        zone: zone(&intent.spec),
        intent: intent.clone(),
        ..tenant.clone()
    }
}

/// The time zone of a spec that was checked: `UTC` where none is declared.
pub fn zone(spec: &TenantSpec) -> TimeZone {
    spec.time_zone.as_ref().and_then(|zone| TimeZone::get(zone.as_str()).ok()).unwrap_or(TimeZone::UTC)
}
