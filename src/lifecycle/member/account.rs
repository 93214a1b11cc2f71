//! What becomes of a member's account beside its life (M3, M9, M26–M28): what services report is folded in, and what
//! is declared of second step, easy login, photo and devices is carried out. Pure. Called by the decision about a member.

use jiff::Timestamp;

use crate::api::member::{DepartureDevices, DeviceAction, DeviceOrderState, EasyLogin};
use crate::api::tenant::TwoStepVerification;
use crate::api::{MemberSpec, Reason, TenantSpec};
use crate::lifecycle::World;
use crate::record::account::{Account, DeviceOrder, Photo, PhotoFact, Reported, order_field};
use crate::record::{Cause, Lived, MemberRecord, TenantRecord};

/// Whether a member must verify a sign-in by a second step (T6, M26).
pub fn second_step_required(tenant: &TenantSpec, member: &MemberSpec) -> bool {
    match policy(tenant) {
        TwoStepVerification::Disabled => false,
        TwoStepVerification::Optional => member.two_step_verification == Some(true),
        TwoStepVerification::Required => true,
    }
}

fn policy(tenant: &TenantSpec) -> TwoStepVerification {
    tenant.two_step_verification.unwrap_or(TwoStepVerification::Disabled)
}

/// What services and administrators reported, one after another: the cause of each step, its instant, and what
/// happened to the member so far.
pub fn folded(world: &World, tenant: &TenantRecord, member: &MemberRecord) -> Vec<(Cause, Timestamp, Lived)> {
    let facts = world.accounts.get(&member.uid);
    let Some(news) = facts.and_then(|facts| facts.news.as_ref()) else { return Vec::new() };
    let mut lived = member.lived.clone();
    lived.account.second_step = news.second_step.clone();
    lived.account.easy_login = news.easy_login.filter(|_| !easy_login_disabled(&member.intent.spec));
    lived.account.language = news.language.clone();
    let mut steps = vec![(Cause::Service, world.now, lived.clone())];
    for report in &news.reports {
        let order = lived.account.orders.iter_mut().find(|order| order.is(&report.device, report.action, &report.token));
        match (report.what, order) {
            (Reported::Done, Some(order)) if order.is_in_progress() => {
                order.state = DeviceOrderState::Done;
                order.done_at = Some(report.at);
            }
            (Reported::Requested, None) => {
                let asked = Asked { device: &report.device, action: report.action, token: report.token.clone() };
                // Each token acts once (R13).
                if lived.spent.entry(order_field(asked.device, asked.action)).or_default().insert(asked.token.clone()) {
                    order_device(world, tenant, member, &mut lived.account, asked, Due::Now);
                }
            }
            (Reported::Done | Reported::Requested, _) => continue,
        }
        steps.push((report.what.cause(), report.at.min(world.now), lived.clone()));
    }
    steps
}

/// Carries out what a manifest declares of the account, given what the member was; a record that is made or restored
/// orders nothing (R13).
pub fn declared(world: &World, tenant: &TenantRecord, before: Option<&MemberRecord>, next: &mut MemberRecord) {
    let spec = next.intent.spec.clone();
    if easy_login_disabled(&spec) {
        next.lived.account.easy_login = None;
    }
    let facts = world.accounts.get(&next.uid);
    match (&spec.photo, facts.and_then(|facts| facts.photo.as_ref())) {
        (None, _) => next.lived.account.photo = None,
        (Some(_), Some(PhotoFact::Kept(photo))) => next.lived.account.photo = Some(photo.clone()),
        // What can't be had now takes nothing away.
        (Some(_), Some(PhotoFact::NotFound(_) | PhotoFact::Invalid(_)) | None) => {}
    }
    let Some(before) = before else { return };
    let newly: Vec<String> = next.newly_spent(before).map(str::to_owned).collect();
    if newly.iter().any(|field| field == "resetTwoStepVerification")
        && policy(&tenant.intent.spec) == TwoStepVerification::Required
    {
        next.lived.account.second_step = None;
        next.lived.account.second_step_reset_at = Some(world.now);
    }
    for order in &spec.devices {
        let field = order_field(order.id.as_str(), order.action);
        let is_spent = before.lived.spent.get(&field).is_some_and(|spent| spent.contains(order.token.as_str()));
        if newly.contains(&field) && !is_spent {
            let asked = Asked { device: order.id.as_str(), action: order.action, token: order.token.as_str().to_owned() };
            let mut account = std::mem::take(&mut next.lived.account);
            order_device(world, tenant, next, &mut account, asked, Due::Now);
            next.lived.account = account;
        }
    }
}

/// Orders what a departure that took place declares for all devices (M23). One that was withdrawn and comes again is another,
/// also where it is as of the same instant.
pub fn departed(world: &World, tenant: &TenantRecord, member: &MemberRecord, lived: &mut Lived) {
    let wanted = member.intent.spec.departure.as_ref().and_then(|departure| departure.devices);
    let (Some(wanted), Some(at), true) = (wanted, lived.deleted_at, lived.departed && !member.lived.departed) else { return };
    let action = match wanted {
        DepartureDevices::AppDataDeleted => DeviceAction::AppDataDeleted,
        DepartureDevices::DeviceReset => DeviceAction::DeviceReset,
    };
    let devices = world.accounts.get(&member.uid).map(|facts| facts.devices.as_slice()).unwrap_or_default();
    for device in devices {
        let spent = lived.spent.entry(order_field(&device.id, action)).or_default();
        let mut token = format!("departure-{at}");
        for number in 2.. {
            if spent.insert(token.clone()) {
                break;
            }
            token = format!("departure-{at}-{number}");
        }
        let asked = Asked { device: &device.id, action, token };
        order_device(world, tenant, member, &mut lived.account, asked, Due::Scheduled);
    }
}

/// Takes back what a departure ordered and was not sent: the person comes back (M24).
pub fn withdraw(account: &mut Account) {
    account.orders.retain(|order| order.state != DeviceOrderState::Waiting);
}

/// Sends what waited for the clocks to agree (R4), for somebody to declare the tenant (T14), or for a thaw (R14).
pub fn released(world: &World, tenant: &TenantRecord, account: &Account) -> Account {
    let mut next = account.clone();
    if world.irreversible && tenant.managed {
        let waiting = next.orders.iter_mut().filter(|order| order.state == DeviceOrderState::Waiting);
        waiting.for_each(|order| order.state = DeviceOrderState::Ordered);
    }
    next
}

/// What is asked for.
struct Asked<'a> {
    device: &'a str,
    action: DeviceAction,
    token: String,
}

/// Whether a person asks for it now, or its date has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Due {
    Now,
    Scheduled,
}

fn order_device(world: &World, tenant: &TenantRecord, member: &MemberRecord, account: &mut Account, asked: Asked<'_>, due: Due) {
    let Asked { device, action, token } = asked;
    let devices = world.accounts.get(&member.uid).map(|facts| facts.devices.as_slice()).unwrap_or_default();
    let needs_management = match action {
        DeviceAction::SignedOut => false,
        DeviceAction::AppDataDeleted | DeviceAction::DeviceReset => true,
    };
    // What is frozen sends nothing: it is sent on thaw (R14).
    let is_frozen = [member.key(), tenant.key()].iter().any(|key| world.frozen.contains_key(key));
    let state = match devices.iter().find(|known| known.id == device) {
        None => DeviceOrderState::DeviceUnknown,
        Some(known) if needs_management && !known.managed => DeviceOrderState::DeviceUnmanaged,
        Some(_) if is_frozen || due == Due::Scheduled && !(world.irreversible && tenant.managed) => DeviceOrderState::Waiting,
        Some(_) => DeviceOrderState::Ordered,
    };
    account.add(DeviceOrder { device: device.to_owned(), action, token, state, ordered_at: world.now, done_at: None });
}

/// Whether the LINE or phone login is turned off (M27).
pub fn easy_login_disabled(spec: &MemberSpec) -> bool {
    match spec.easy_login {
        Some(EasyLogin::Disabled) => true,
        Some(EasyLogin::Enabled) | None => false,
    }
}

/// What is told of the account beside `Ready`.
pub fn warnings(world: &World, tenant: &TenantSpec, member: &MemberRecord) -> Vec<(Reason, String)> {
    let spec = &member.intent.spec;
    let mut list = Vec::new();
    let mut idle = Vec::new();
    match (policy(tenant), spec.two_step_verification) {
        (TwoStepVerification::Disabled, Some(true)) | (TwoStepVerification::Required, Some(false)) => {
            idle.push(format!("twoStepVerification counts under Optional only, the tenant's is {:?} (M26)", policy(tenant)));
        }
        (TwoStepVerification::Disabled | TwoStepVerification::Optional | TwoStepVerification::Required, _) => {}
    }
    if spec.reset_two_step_verification.is_some() && policy(tenant) != TwoStepVerification::Required {
        let policy = policy(tenant);
        idle.push(format!(
            "resetTwoStepVerification acts under Required only, the tenant's is {policy:?}; the value is spent (M26)"
        ));
    }
    if !idle.is_empty() {
        list.push((Reason::NotApplicable, idle.join("; ")));
    }
    for (state, reason, why) in [
        (DeviceOrderState::DeviceUnknown, Reason::DeviceUnknown, "not known when it was ordered"),
        (DeviceOrderState::DeviceUnmanaged, Reason::DeviceUnmanaged, "not managed when it was ordered"),
    ] {
        let is_declared = |order: &&DeviceOrder| spec.devices.iter().any(|d| order.is(d.id.as_str(), d.action, d.token.as_str()));
        let orders = member.lived.account.orders.iter().filter(|order| order.state == state).filter(is_declared);
        let named: Vec<String> = orders.map(|order| format!("{} of `{}`", order.name(), order.device)).collect();
        if !named.is_empty() {
            list.push((reason, format!("devices: {why}, so nothing is done: {} (M28)", named.join(", "))));
        }
    }
    list.extend(photo_warning(world, member));
    list
}

/// What is told of the photo (M3): it never holds up the member.
fn photo_warning(world: &World, member: &MemberRecord) -> Option<(Reason, String)> {
    let place = member.intent.spec.photo.clone()?.place()?;
    match world.accounts.get(&member.uid)?.photo.as_ref()? {
        PhotoFact::NotFound(message) => Some((Reason::PhotoNotFound, format!("photo: {message} (M3)"))),
        PhotoFact::Invalid(message) => Some((Reason::PhotoInvalid, format!("photo: {place}: {message} (M3)"))),
        PhotoFact::Kept(Photo { width: 640, height: 640, .. }) => None,
        PhotoFact::Kept(Photo { width, height, .. }) => {
            Some((Reason::PhotoSize, format!("photo: {width}x{height}; 640x640 is recommended (M3)")))
        }
    }
}
