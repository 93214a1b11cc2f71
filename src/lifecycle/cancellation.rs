//! Decisions about a tenant's end (T12): what still stands in its way, when it is carried out, what is left
//! of it, and what becomes of the objects of a cancelled tenant. Pure. Called by the decisions about all kinds.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use serde_json::json;

use super::{
    Decision, Declared, Removal, Visit, World, clocks_differ, declared_key, is_frozen, place_key, secret_key, vacated_key,
};
use crate::api::tenant::{Cancellation, Plan};
use crate::api::time::rfc3339;
use crate::api::{Kind, LocalRef, Reason, TenantSpec, Verdict};
use crate::record::account::DeviceOrder;
use crate::record::charge::month_of;
use crate::record::{Cause, Intent, MemberRecord, TenantDeclared, TenantRecord};

/// The members of a tenant that are still in the directory, the supreme administrator among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remaining {
    pub live: i64,
    pub in_grace: i64,
    /// When the last of those in grace is purged.
    pub last_purge_at: Option<Timestamp>,
}

/// What a password from a Secret was found to be beside that of a supreme administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// It is the one. The text tells that password hash and that Secret key from others.
    Right(String),
    Wrong,
    /// The member has no password.
    NoPassword,
    /// The Secret, or its key, can't be read: why.
    Unreadable(String),
}

/// Everything that stands in the way of a cancellation, each with what is left.
pub fn blocks(world: &World, tenant: &TenantRecord, spec: &Cancellation) -> Vec<(Reason, String)> {
    let mut list = Vec::new();
    list.extend(members_remain(world, tenant, spec));
    list.extend(frozen_holder(world, tenant));
    list.extend(charges(world, tenant));
    list.extend(unconfirmed(world, tenant, spec));
    if !world.irreversible {
        list.push(clocks_differ("nothing irreversible happens"));
    }
    list
}

fn members_remain(world: &World, tenant: &TenantRecord, spec: &Cancellation) -> Option<(Reason, String)> {
    let Remaining { live, in_grace, last_purge_at } = world.remaining.get(&tenant.uid).copied().unwrap_or_default();
    let live = live - i64::from(tenant.supreme_admin.is_some());
    let is_to_come = effective_at(spec, &tenant.zone).is_some_and(|at| at > world.now);
    // Those in grace go at its instant, if that is declared: till then they stand in nobody's way.
    let in_grace = if spec.purge_deleted_members == Some(true) && is_to_come { 0 } else { in_grace };
    let is_ordered = |member: &MemberRecord| member.lived.account.orders.iter().any(DeviceOrder::is_in_progress);
    let mut left = Vec::new();
    if live > 0 {
        left.push(format!(
            "{live} beside the supreme administrator: remove their manifests, and see to the tenant's pendingRemovals"
        ));
    }
    if let Some(last) = last_purge_at.filter(|_| in_grace > 0) {
        let last = rfc3339(last);
        left.push(match spec.purge_deleted_members {
            Some(true) => format!(
                "{in_grace} in grace, who go once the password is confirmed; not while one is frozen, wanted back by a manifest, \
                 or has an order for a device in progress"
            ),
            Some(false) | None => {
                format!("{in_grace} in grace, the last until {last}: wait, or declare purgeDeletedMembers: true")
            }
        });
    }
    // What is ordered for devices is finished first (M25).
    if let Some(holder) = holder(world, tenant).filter(|holder| is_ordered(holder)) {
        left.push(format!("an order for a device of the supreme administrator `{}` is in progress", holder.handle.name));
    }
    (!left.is_empty()).then(|| (Reason::MembersRemain, left.join("; ")))
}

/// The supreme administrator, who goes with the tenant: not while frozen (R14).
fn frozen_holder(world: &World, tenant: &TenantRecord) -> Option<(Reason, String)> {
    let key = holder(world, tenant)?.key();
    let reason = world.frozen.get(&key)?;
    let frozen = is_frozen("the supreme administrator", &key, reason);
    Some((Reason::Frozen, format!("{frozen}; take the annotation off (R14)")))
}

fn holder<'w>(world: &'w World, tenant: &TenantRecord) -> Option<&'w MemberRecord> {
    world.members.get(tenant.supreme_admin.as_ref()?).map(|member| &**member)
}

fn charges(world: &World, tenant: &TenantRecord) -> Vec<(Reason, String)> {
    let mut list = Vec::new();
    let charges = world.charges.get(&tenant.uid).map(Vec::as_slice).unwrap_or_default();
    let this_month = month_of(world.now, &tenant.zone);
    let earlier = charges.iter().filter(|charge| charge.month < this_month && charge.is_outstanding());
    let unpaid: Vec<String> = earlier.map(|charge| format!("{} ({} {})", charge.month, charge.amount, charge.currency)).collect();
    if !unpaid.is_empty() {
        list.push((Reason::UnpaidCharges, format!("pay {}", unpaid.join(", "))));
    }
    if is_paid_use(tenant) {
        match charges.iter().find(|charge| charge.month == this_month) {
            None => list.push((Reason::CurrentMonthUnpaid, format!("there is no charge of {this_month} yet"))),
            Some(charge) if charge.is_outstanding() => {
                let message = format!("pay {this_month} ({} {})", charge.amount, charge.currency);
                list.push((Reason::CurrentMonthUnpaid, message));
            }
            Some(_) => {}
        }
    }
    list
}

/// Free and Trial alone are not paid for; drive and approval are.
fn is_paid_use(tenant: &TenantRecord) -> bool {
    let products = &tenant.intent.spec.products;
    let free = match tenant.plan() {
        Some(Plan::Free | Plan::Trial) => true,
        Some(Plan::Lite | Plan::Standard | Plan::StandardPlus | Plan::Advanced) | None => false,
    };
    !free || products.drive.is_some() || products.approval.is_some()
}

fn unconfirmed(world: &World, tenant: &TenantRecord, spec: &Cancellation) -> Option<(Reason, String)> {
    let reference = &spec.confirmation.secret_key_ref;
    let (secret, key) = (reference.name.as_str(), reference.key.as_str());
    let confirmation = tenant.supreme_admin.as_ref().and_then(|holder| world.confirmations.get(holder));
    match confirmation {
        Some(Confirmation::Right(_)) => None,
        Some(Confirmation::Wrong) => {
            let message = format!("the Secret `{secret}`, key `{key}`, does not hold the supreme administrator's password");
            Some((Reason::ConfirmationRejected, message))
        }
        Some(Confirmation::Unreadable(why)) => {
            Some((Reason::ConfirmationRejected, format!("the Secret `{secret}`, key `{key}`, can't be read: {why}")))
        }
        Some(Confirmation::NoPassword) | None if tenant.supreme_admin.is_none() => {
            let message = "there is no supreme administrator whose password could confirm it, and no new member is taken: withdraw \
                           spec.cancellation, have spec.supremeAdminRef name a member who is there, and declare it again";
            Some((Reason::ConfirmationImpossible, message.to_owned()))
        }
        Some(Confirmation::NoPassword) | None => {
            let message = "the supreme administrator has no password: give that member one (spec.password), or name another supremeAdminRef";
            Some((Reason::ConfirmationImpossible, message.to_owned()))
        }
    }
}

/// What the record notes of the confirmation: it holds while the password stays, also without the Secret at hand.
pub fn confirmed(world: &World, tenant: &TenantRecord) -> Option<String> {
    match tenant.supreme_admin.as_ref().and_then(|holder| world.confirmations.get(holder)) {
        Some(Confirmation::Right(of)) => Some(of.clone()),
        Some(Confirmation::Wrong | Confirmation::NoPassword | Confirmation::Unreadable(_)) | None => None,
    }
}

/// When a tenant that is to be cancelled is looked at again by time alone: at `effectiveAt`, and as a month begins,
/// whose charge is to be paid then.
pub fn wake_at(world: &World, tenant: &TenantRecord, spec: &Cancellation) -> Option<Timestamp> {
    let effective = effective_at(spec, &tenant.zone).filter(|at| *at > world.now);
    let local = world.now.to_zoned(tenant.zone.clone()).date();
    let (year, month) = if local.month() == 12 { (local.year() + 1, 1) } else { (local.year(), local.month() + 1) };
    let month = date(year, month, 1).to_zoned(tenant.zone.clone()).ok().map(|zoned| zoned.timestamp());
    [effective, month.filter(|at| *at > world.now)].into_iter().flatten().min()
}

/// The instant that is declared.
pub fn effective_at(spec: &Cancellation, zone: &TimeZone) -> Option<Timestamp> {
    spec.effective_at.map(|at| at.start(zone))
}

/// Moves a tenant on whose cancellation is declared: tells what blocks it, waits for its instant, or carries it out.
/// `next` is the tenant as it is declared; the verdict is what it is told.
pub fn carry_on(world: &World, visit: &Visit, next: TenantRecord, decision: &mut Decision, verdict: &mut Verdict) {
    let spec = next.intent.spec.clone();
    let Some(cancellation) = &spec.cancellation else { return };
    let blocks = blocks(world, &next, cancellation);
    let effective = effective_at(cancellation, &next.zone);
    let secret = visit.key.handle.sibling(cancellation.confirmation.secret_key_ref.name.as_str());
    decision.follows.extend([place_key(&next.uid, Kind::Member), vacated_key(&next.uid), secret_key(&secret)]);
    let everything = everything(&next);
    if !blocks.is_empty() {
        let told: Vec<String> = blocks.iter().map(|(reason, message)| format!("{}: {message}", reason.name())).collect();
        let when = effective.filter(|at| *at > world.now).map_or_else(String::new, |at| format!(" on {}", rfc3339(at)));
        let message = format!("spec.cancellation waits; {}. Then{when} {everything} (T12)", told.join(". "));
        verdict.blocks = blocks;
        if verdict.is_ready() {
            (verdict.reason, verdict.message) = (Reason::CancellationBlocked, message);
        }
        decision.waits_for.push(place_key(&next.uid, Kind::Member));
        decision.waits_for.extend(holder(world, &next).map(|holder| declared_key(&holder.key())));
        return;
    }
    if let Some(at) = effective.filter(|at| *at > world.now) {
        if verdict.is_ready() {
            (verdict.reason, verdict.message) = (Reason::Cancelling, format!("on {} {everything} (T12)", rfc3339(at)));
        }
        return;
    }
    // What time does is as of the date that came: that of its instant, or a month's beginning if it was blocked till then.
    let came = world.tenants.get(&next.uid).and_then(|tenant| tenant.wake_at);
    let came = came.filter(|_| visit.trigger == super::Trigger::Time);
    let due = came.map_or(world.now, |came| effective.map_or(came, |at| at.max(came)).min(world.now));
    decision.step(visit.trigger.cause(), due, Some(cancelled(next, world.now).in_state()));
    decision.waits_for.clear();
    decision.follows.clear();
    *verdict = told_cancelled(world.now);
}

/// What a cancellation does, and how to keep a copy.
fn everything(tenant: &TenantRecord) -> String {
    let namespace = &tenant.handle.namespace;
    format!(
        "everything of the tenant is erased for good: the supreme administrator, organizations, contacts, charges, requests; \
         keep a copy first: `rollcall get KIND -n {namespace} -o yaml`"
    )
}

/// What is left of a tenant: its identifiers and dates.
fn cancelled(tenant: TenantRecord, at: Timestamp) -> TenantRecord {
    let spec = TenantSpec {
        display_name: "".into(),
        display_names: std::collections::BTreeMap::new(),
        domain: "".into(),
        time_zone: None,
        languages: Vec::new(),
        products: crate::api::tenant::Products::default(),
        supreme_admin_ref: LocalRef { name: "".into() },
        password_policy: None,
        two_step_verification: None,
        external_connections: None,
        job_levels: Vec::new(),
        positions: Vec::new(),
        user_types: Vec::new(),
        corporate_group: None,
        deletion_grace: None,
        contact_retention: None,
        access_budget: None,
        cancellation: None,
        notifications: None,
        registration_link: None,
    };
    let json = Arc::new(json!(spec));
    TenantRecord {
        declared: TenantDeclared::of(&spec, &json),
        intent: Arc::new(Intent { spec, json, digest: String::new(), generation: tenant.intent.generation }),
        zone: TimeZone::UTC,
        supreme_admin: None,
        confirmed: None,
        cancelled_at: Some(at),
        wake_at: None,
        ..tenant
    }
}

fn told_cancelled(at: Timestamp) -> Verdict {
    Verdict::new(Reason::Cancelled, format!("cancelled at {}; everything of it is erased (T12)", rfc3339(at)))
}

/// What a tenant that was cancelled is told: it is final.
pub fn final_verdict(tenant: &TenantRecord, spec: &TenantSpec) -> Verdict {
    let at = tenant.cancelled_at.unwrap_or(Timestamp::MIN);
    match &spec.cancellation {
        Some(_) => told_cancelled(at),
        None => {
            let message = format!(
                "the tenant was cancelled at {}; that is final, and its name is not used again: give a new tenant another metadata.name (T12)",
                rfc3339(at)
            );
            Verdict::new(Reason::TenantCancelled, message)
        }
    }
}

/// Decides about an object of a tenant that was cancelled: its record goes, nothing comes back. Nothing, where there
/// is no such tenant.
pub fn of_cancelled(world: &World, visit: &Visit, decision: &Decision) -> Option<Decision> {
    let tenant = match (&decision.record, &visit.declared) {
        (Some(record), _) => world.tenants.get(record.tenant()),
        (None, Declared::Present(manifest)) => {
            let named = manifest.json["tenantRef"]["name"].as_str();
            named.and_then(|name| world.tenant(&visit.key.handle.sibling(name)))
        }
        (None, Declared::Removed | Declared::Nothing) => None,
    }?;
    let at = tenant.cancelled_at?;
    let mut decision = decision.clone();
    decision.step(Cause::Dependency, at, None);
    Some(match &visit.declared {
        Declared::Present(_) => {
            let name = &tenant.handle.name;
            let message = format!(
                "spec.tenantRef: the tenant `{name}` was cancelled at {}, for good: take this manifest out (T12)",
                rfc3339(at)
            );
            decision.refuse(Reason::TenantCancelled, message)
        }
        Declared::Removed => {
            decision.removal = Removal::Done;
            decision
        }
        Declared::Nothing => decision,
    })
}

/// What a new member is told while the tenant is to be cancelled: none is taken.
pub fn takes_nobody(tenant: &TenantRecord) -> Option<String> {
    let name = &tenant.handle.name;
    tenant.intent.spec.cancellation.as_ref().map(|_| {
        format!(
            "spec.tenantRef: the tenant `{name}` is to be cancelled and takes no new member; withdraw its spec.cancellation (T12)"
        )
    })
}
