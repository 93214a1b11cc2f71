//! What a resource is told: its status, from the record and the verdict. Pure. Called when a batch is committed.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::api::contact::ExternalContactStatus;
use crate::api::member::{DeviceOrderStatus, EasyLoginMethod, LeavePeriod, MemberStatus, TwoStepStatus};
use crate::api::organization::OrganizationStatus;
use crate::api::tenant::{BlockedBy, CancellationStatus, OpenRequest, OutstandingCharge, TenantStatus};
use crate::api::time::rfc3339;
use crate::api::{MemberPhase, Verdict};
use crate::lifecycle::World;
use crate::lifecycle::cancellation::effective_at;
use crate::record::account::DeviceOrder;
use crate::record::{ContactRecord, MemberRecord, OrganizationRecord, Record, Request, TenantRecord, Uid};

/// The status of an object. `name` gives the names of records by uid; `before` is the status that was stored.
pub fn status(
    record: Option<&Record>,
    verdict: &Verdict,
    generation: i64,
    now: Timestamp,
    before: &Value,
    name: &dyn Fn(&Uid) -> Option<String>,
    world: &World,
) -> Value {
    let mut status = of(record, name);
    if let Some(Record::Tenant(tenant)) = record {
        status.extend(to_map(&TenantStatus { cancellation: cancellation(tenant, verdict), ..facts_of(tenant, world) }));
    }
    let conditions = before["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    status.insert("observedGeneration".into(), json!(generation));
    status.insert("conditions".into(), verdict.conditions(generation, &rfc3339(now), conditions).into());
    Value::Object(status)
}

/// What a record tells, without conditions.
pub fn of(record: Option<&Record>, name: &dyn Fn(&Uid) -> Option<String>) -> Map<String, Value> {
    match record {
        Some(Record::Tenant(tenant)) => to_map(&of_tenant(tenant, name)),
        Some(Record::Organization(organization)) => to_map(&of_organization(organization)),
        Some(Record::Member(member)) => to_map(&of_member(member, name)),
        Some(Record::ExternalContact(contact)) => to_map(&of_contact(contact)),
        None => Map::new(),
    }
}

fn to_map(status: &impl serde::Serialize) -> Map<String, Value> {
    match serde_json::to_value(status) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

fn of_tenant(tenant: &TenantRecord, name: &dyn Fn(&Uid) -> Option<String>) -> TenantStatus {
    TenantStatus {
        uid: Some(tenant.uid.to_string()),
        phase: Some(tenant.phase()),
        supreme_admin: tenant.supreme_admin.as_ref().and_then(name),
        ..TenantStatus::default()
    }
}

/// What the directory was told about a tenant: charges (T13) and requests (M35). Of a cancelled one there is nothing.
fn facts_of(tenant: &TenantRecord, world: &World) -> TenantStatus {
    let charges = world.charges.get(&tenant.uid).into_iter().flatten().filter(|charge| charge.is_outstanding());
    let open = |request: &&Request| request.tenant == tenant.uid && request.is_open(world.now);
    let mut requests: Vec<&Request> = world.requests.values().filter(open).collect();
    requests.sort_by_key(|request| (request.requested_at, &request.id));
    let count = |count: usize| i64::try_from(count).ok().filter(|count| *count > 0);
    if tenant.cancelled_at.is_some() {
        return TenantStatus::default();
    }
    TenantStatus {
        charge_count: count(charges.clone().count()),
        charges: charges
            .take(FIRST)
            .map(|charge| OutstandingCharge {
                month: charge.month.clone(),
                amount: charge.amount,
                currency: charge.currency.clone(),
                due_at: rfc3339(charge.due_at),
            })
            .collect(),
        registration_request_count: count(requests.len()),
        registration_requests: requests
            .into_iter()
            .take(FIRST)
            .map(|request| OpenRequest {
                id: request.id.clone(),
                display_name: format!("{} {}", request.given_name, request.family_name),
                wished_id: request.wished_id.clone(),
                requested_at: rfc3339(request.requested_at),
            })
            .collect(),
        ..TenantStatus::default()
    }
}

/// How many of each a status lists.
const FIRST: usize = 20;

fn cancellation(tenant: &TenantRecord, verdict: &Verdict) -> Option<CancellationStatus> {
    if let Some(at) = tenant.cancelled_at {
        return Some(CancellationStatus { cancelled_at: Some(rfc3339(at)), ..CancellationStatus::default() });
    }
    let declared = tenant.intent.spec.cancellation.as_ref()?;
    let blocked =
        verdict.blocks.iter().map(|(reason, message)| BlockedBy { reason: reason.name().into(), message: message.clone() });
    Some(CancellationStatus {
        effective_at: effective_at(declared, &tenant.zone).map(rfc3339),
        blocked_by: blocked.collect(),
        cancelled_at: None,
    })
}

fn of_organization(organization: &OrganizationRecord) -> OrganizationStatus {
    OrganizationStatus { uid: Some(organization.uid.to_string()), ..OrganizationStatus::default() }
}

fn of_contact(contact: &ContactRecord) -> ExternalContactStatus {
    ExternalContactStatus {
        uid: Some(contact.uid.to_string()),
        phase: Some(contact.state.phase),
        name: contact.state.name.clone(),
        nickname: contact.lived.synced.nickname.clone(),
        company: contact.lived.synced.company.clone(),
        purge_at: contact.lived.purge_at.map(rfc3339),
        ..ExternalContactStatus::default()
    }
}

fn of_member(member: &MemberRecord, name: &dyn Fn(&Uid) -> Option<String>) -> MemberStatus {
    let at = |at: Option<Timestamp>| at.map(rfc3339);
    let lived = &member.lived;
    MemberStatus {
        uid: Some(member.uid.to_string()),
        phase: Some(member.state.phase),
        id: Some(member.declared.id.clone()),
        display_name: Some(member.display_name()),
        organization: member.primary_organization().and_then(name),
        on_leave: member.state.on_leave.as_ref().map(|leave| LeavePeriod {
            from: rfc3339(leave.from),
            until: at(leave.until),
            message: leave.message.clone(),
        }),
        activated_at: at(lived.activated_at),
        first_sign_in_at: at(lived.first_sign_in_at),
        invited_at: at(lived.welcome.invited_at),
        invited_until: at(lived.welcome.invited_until.filter(|_| !lived.has_password())),
        registered_at: at(lived.welcome.registered_at),
        password_changed_at: at(lived.password_changed_at),
        deleted_at: at(lived.deleted_at),
        purge_at: at(lived.purge_at),
        next_transition_at: at(member.state.wake_at).filter(|_| member.state.phase != MemberPhase::Deleted),
        message_id: Some(member.declared.message_id.clone()),
        contact_url: Some(member.contact_url()),
        qr_token: Some(lived.qr_token.clone()),
        two_step: Some(TwoStepStatus { enrolled: lived.account.second_step.is_some() }),
        easy_login_method: Some(lived.account.easy_login.unwrap_or(EasyLoginMethod::None)),
        language: lived.account.language.clone().or_else(|| member.declared.language.clone()),
        devices: lived.account.orders.iter().map(device_order).collect(),
        ..MemberStatus::default()
    }
}

fn device_order(order: &DeviceOrder) -> DeviceOrderStatus {
    let DeviceOrder { device, action, token, state, ordered_at, done_at } = order;
    DeviceOrderStatus {
        id: device.clone(),
        action: *action,
        token: token.clone(),
        state: *state,
        ordered_at: rfc3339(*ordered_at),
        done_at: done_at.map(rfc3339),
    }
}
