//! What a resource is told: its status, from the record and the verdict. Pure. Called when a batch is committed.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::api::contact::ExternalContactStatus;
use crate::api::member::{LeavePeriod, MemberStatus};
use crate::api::organization::OrganizationStatus;
use crate::api::tenant::TenantStatus;
use crate::api::time::rfc3339;
use crate::api::{Kind, MemberPhase, TenantPhase, Verdict};
use crate::record::{ContactRecord, MemberRecord, OrganizationRecord, Record, TenantRecord, Uid};

/// The status of an object. `name` gives the names of records by uid; `before` is the status that was stored.
pub fn status(
    kind: Kind,
    record: Option<&Record>,
    verdict: &Verdict,
    generation: i64,
    now: Timestamp,
    before: &Value,
    name: &dyn Fn(&Uid) -> Option<String>,
) -> Value {
    let mut status = of(record, name);
    // A departed person's record is gone, or told above; nothing else of the kind is kept.
    debug_assert!(record.is_none_or(|record| record.kind() == kind));
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
        phase: Some(if tenant.managed { TenantPhase::Active } else { TenantPhase::Unmanaged }),
        supreme_admin: tenant.supreme_admin.as_ref().and_then(name),
        ..TenantStatus::default()
    }
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
        deleted_at: at(lived.deleted_at),
        purge_at: at(lived.purge_at),
        next_transition_at: at(member.state.wake_at).filter(|_| member.state.phase != MemberPhase::Deleted),
        message_id: Some(member.declared.message_id.clone()),
        contact_url: Some(member.contact_url()),
        qr_token: Some(lived.qr_token.clone()),
        ..MemberStatus::default()
    }
}
