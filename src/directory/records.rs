//! The records' tables: how a tenant, an organization, a member and its assignments become rows and rows
//! become them again. Never decides what is written. Called by the engine's gathering, and by `store`.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::json;

use super::cells::{intent, phase_of};
use super::sql::{Cell, Row, Table, Tx, keys};
use super::{Error, contacts, passwords};
use crate::api::{Handle, Key, Kind, MemberPhase, TenantPhase};
use crate::record::{
    AssignmentRecord, LeaveInForce, Lived, MemberDeclared, MemberRecord, MemberState, OrganizationDeclared, OrganizationRecord,
    Record, TenantDeclared, TenantRecord, TenantState, Uid,
};

pub const TENANTS: Table = Table {
    name: "tenants",
    columns: &[
        "uid",
        "namespace",
        "name",
        "display_name",
        "domain",
        "time_zone",
        "plan",
        "profile",
        "supreme_admin",
        "managed",
        "created_at",
        "wake_at",
        "intent",
        "digest",
        "generation",
        "revision",
        "former",
        "phase",
        "purges_from",
        "confirmed",
        "cancelled_at",
    ],
    key: &["uid"],
};

pub const ORGANIZATIONS: Table = Table {
    name: "organizations",
    columns: &[
        "uid",
        "tenant",
        "namespace",
        "name",
        "parent",
        "display_name",
        "mail_id",
        "external_key",
        "profile",
        "created_at",
        "wake_at",
        "intent",
        "digest",
        "generation",
        "revision",
    ],
    key: &["uid"],
};

pub const MEMBERS: Table = Table {
    name: "members",
    columns: &[
        "uid",
        "tenant",
        "namespace",
        "name",
        "id",
        "family_name",
        "given_name",
        "personal_email",
        "mobile_phone",
        "employee_number",
        "external_key",
        "language",
        "administrator",
        "user_type",
        "job_level",
        "profile",
        "message_id",
        "contact_token",
        "qr_token",
        "phase",
        "on_leave",
        "created_at",
        "activated_at",
        "fired",
        "first_sign_in_at",
        "suspended_at",
        "leave_at",
        "spent_leave",
        "deleted_at",
        "departed",
        "purge_at",
        "wake_at",
        "intent",
        "digest",
        "generation",
        "revision",
        "spent",
        "erased",
        "password_changed_at",
        "password_trouble",
        "welcome",
        "account",
    ],
    key: &["uid"],
};

pub const ASSIGNMENTS: Table = Table {
    name: "assignments",
    columns: &[
        "member",
        "ordinal",
        "organization",
        "is_primary",
        "position",
        "leader",
        "private",
        "include_in_team_sharing",
        "revision",
    ],
    key: &["member", "ordinal"],
};

/// The columns by which records are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Uid,
    Handle,
}

impl By {
    fn columns(self) -> &'static [&'static str] {
        match self {
            By::Uid => &["uid"],
            By::Handle => &["namespace", "name"],
        }
    }
}

/// The records of a kind with these identifiers or handles.
pub async fn load(tx: &mut Tx, kind: Kind, by: By, wanted: Vec<Vec<Cell>>) -> Result<Vec<Record>, Error> {
    let table = match kind {
        Kind::Tenant => &TENANTS,
        Kind::Organization => &ORGANIZATIONS,
        Kind::Member => &MEMBERS,
        Kind::ExternalContact => &contacts::CONTACTS,
    };
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx.lookup(&table.columns.join(", "), table.name, by.columns(), wanted).await?;
    match kind {
        Kind::Tenant => read(kind, table, &rows, |row| Ok(Record::Tenant(Arc::new(tenant(row)?)))),
        Kind::Organization => read(kind, table, &rows, |row| Ok(Record::Organization(Arc::new(organization(row)?)))),
        Kind::ExternalContact => read(kind, table, &rows, |row| Ok(Record::ExternalContact(Arc::new(contacts::contact(row)?)))),
        Kind::Member => {
            let mut members = read(kind, table, &rows, member)?;
            let mut assignments = assignments(tx, members.iter().map(|member| &member.uid)).await?;
            for member in &mut members {
                member.declared.assignments = assignments.remove(&member.uid).unwrap_or_default();
            }
            Ok(members.into_iter().map(|member| Record::Member(Arc::new(member))).collect())
        }
    }
}

/// Keeps the row of a member as it is until the transaction ends, whether it is there: no suspension and no purge comes between.
pub async fn keep_still(tx: &mut Tx, by: By, key: Vec<Cell>) -> Result<bool, Error> {
    tx.keep_still(MEMBERS.name, by.columns(), key).await
}

/// Reads rows of a kind's table; one that can't be read is named.
fn read<T>(kind: Kind, table: &Table, rows: &[Row], one: impl Fn(&Row) -> Result<T, Error>) -> Result<Vec<T>, Error> {
    let place = table.columns.iter().position(|column| *column == "namespace").unwrap_or_default();
    let named = |row: &Row, error| match (&error, row.text(place), row.text(place + 1)) {
        (Error::Corrupt(what), Ok(namespace), Ok(name)) => {
            Error::Corrupt(format!("{}: {what}", Key::new(kind, Handle::new(namespace, name))))
        }
        _ => error,
    };
    rows.iter().map(|row| one(row).map_err(|error| named(row, error))).collect()
}

async fn assignments<'a>(
    tx: &mut Tx,
    members: impl Iterator<Item = &'a Uid>,
) -> Result<HashMap<Uid, Vec<AssignmentRecord>>, Error> {
    let mut rows: Vec<(Uid, i64, AssignmentRecord)> = Vec::new();
    for row in tx.lookup(ASSIGNMENT_COLUMNS, "assignments", &["member"], keys(members)).await? {
        let assignment = AssignmentRecord {
            organization: row.text(2)?.into(),
            primary: row.get(3)?,
            position: row.get(4)?,
            leader: row.get(5)?,
            private: row.get(6)?,
            include_in_team_sharing: row.get(7)?,
        };
        rows.push((row.text(0)?.into(), row.get(1)?, assignment));
    }
    rows.sort_by_key(|(_, ordinal, _)| *ordinal);
    let mut map: HashMap<Uid, Vec<AssignmentRecord>> = HashMap::new();
    for (member, _, assignment) in rows {
        map.entry(member).or_default().push(assignment);
    }
    Ok(map)
}

const ASSIGNMENT_COLUMNS: &str = "member, ordinal, organization, is_primary, position, leader, private, include_in_team_sharing";

fn tenant(row: &Row) -> Result<TenantRecord, Error> {
    let time_zone: String = row.text(5)?;
    Ok(TenantRecord {
        uid: row.text(0)?.into(),
        handle: Handle::new(row.text(1)?, row.text(2)?),
        zone: TimeZone::get(&time_zone).unwrap_or(TimeZone::UTC),
        declared: TenantDeclared {
            display_name: row.text(3)?,
            domain: row.text(4)?,
            time_zone,
            plan: row.get(6)?,
            profile: row.json(7)?,
        },
        supreme_admin: row.get::<Option<String>>(8)?.map(Uid::from),
        managed: row.get(9)?,
        created_at: row.instant(10)?,
        wake_at: row.maybe_instant(11)?,
        intent: intent(row, 12)?,
        revision: row.get(15)?,
        former: serde_json::from_value(row.json(16)?).unwrap_or_default(),
        state: TenantState { phase: phase_of(row.text(17)?, TenantPhase::Cancelled), purges_from: row.maybe_instant(18)? },
        confirmed: row.get(19)?,
        cancelled_at: row.maybe_instant(20)?,
    })
}

pub(super) fn tenant_row(record: &TenantRecord) -> Vec<Cell> {
    let TenantRecord {
        uid,
        handle,
        intent,
        declared,
        zone: _,
        supreme_admin,
        managed,
        former,
        confirmed,
        cancelled_at,
        wake_at,
        state,
        created_at,
        revision,
    } = record;
    let TenantState { phase, purges_from } = state;
    let TenantDeclared { display_name, domain, time_zone, plan, profile } = declared;
    vec![
        uid.as_str().into(),
        handle.namespace.as_ref().into(),
        handle.name.as_ref().into(),
        display_name.as_str().into(),
        domain.as_str().into(),
        time_zone.as_str().into(),
        plan.clone().into(),
        profile.clone().into(),
        supreme_admin.as_ref().map(Uid::to_string).into(),
        (*managed).into(),
        (*created_at).into(),
        (*wake_at).into(),
        (&intent.json).into(),
        intent.digest.as_str().into(),
        intent.generation.into(),
        (revision + 1).into(),
        json!(former).into(),
        phase.name().into(),
        (*purges_from).into(),
        confirmed.clone().into(),
        (*cancelled_at).into(),
    ]
}

fn organization(row: &Row) -> Result<OrganizationRecord, Error> {
    Ok(OrganizationRecord {
        uid: row.text(0)?.into(),
        tenant: row.text(1)?.into(),
        handle: Handle::new(row.text(2)?, row.text(3)?),
        declared: OrganizationDeclared {
            parent: row.get::<Option<String>>(4)?.map(Uid::from),
            display_name: row.text(5)?,
            mail_id: row.get(6)?,
            external_key: row.get(7)?,
            profile: row.json(8)?,
        },
        created_at: row.instant(9)?,
        intent: intent(row, 11)?,
        revision: row.get(14)?,
    })
}

pub(super) fn organization_row(record: &OrganizationRecord) -> Vec<Cell> {
    let OrganizationRecord { uid, tenant, handle, intent, declared, created_at, revision } = record;
    let OrganizationDeclared { parent, display_name, mail_id, external_key, profile } = declared;
    vec![
        uid.as_str().into(),
        tenant.as_str().into(),
        handle.namespace.as_ref().into(),
        handle.name.as_ref().into(),
        parent.as_ref().map(Uid::to_string).into(),
        display_name.as_str().into(),
        mail_id.clone().into(),
        external_key.clone().into(),
        profile.clone().into(),
        (*created_at).into(),
        Cell::Int(None),
        (&intent.json).into(),
        intent.digest.as_str().into(),
        intent.generation.into(),
        (revision + 1).into(),
    ]
}

fn member(row: &Row) -> Result<MemberRecord, Error> {
    let phase = row.text(19)?;
    Ok(MemberRecord {
        uid: row.text(0)?.into(),
        tenant: row.text(1)?.into(),
        handle: Handle::new(row.text(2)?, row.text(3)?),
        declared: MemberDeclared {
            id: row.text(4)?,
            family_name: row.text(5)?,
            given_name: row.text(6)?,
            personal_email: row.get(7)?,
            mobile_phone: row.get(8)?,
            employee_number: row.get(9)?,
            external_key: row.get(10)?,
            language: row.get(11)?,
            administrator: row.text(12)?,
            user_type: row.get(13)?,
            job_level: row.get(14)?,
            profile: row.json(15)?,
            message_id: row.text(16)?,
            assignments: Vec::new(),
        },
        lived: Lived {
            contact_token: row.text(17)?,
            qr_token: row.text(18)?,
            activated_at: row.maybe_instant(22)?,
            fired: serde_json::from_value(row.json(23)?).unwrap_or_default(),
            first_sign_in_at: row.maybe_instant(24)?,
            suspended_at: row.maybe_instant(25)?,
            leave_at: row.maybe_instant(26)?,
            spent_leave: row.maybe_json(27)?,
            deleted_at: row.maybe_instant(28)?,
            departed: row.get(29)?,
            purge_at: row.maybe_instant(30)?,
            spent: serde_json::from_value(row.json(36)?).unwrap_or_default(),
            erased: serde_json::from_value(row.json(37)?).unwrap_or_default(),
            password_changed_at: row.maybe_instant(38)?,
            password_trouble: row.get::<Option<String>>(39)?.as_deref().and_then(passwords::trouble),
            welcome: serde_json::from_value(row.json(40)?).unwrap_or_default(),
            account: serde_json::from_value(row.json(41)?).unwrap_or_default(),
        },
        state: MemberState {
            phase: phase_of(phase, MemberPhase::Suspended),
            on_leave: row.maybe_json(20)?.and_then(|json| LeaveInForce::of_json(&json)),
            wake_at: row.maybe_instant(31)?,
        },
        created_at: row.instant(21)?,
        intent: intent(row, 32)?,
        revision: row.get(35)?,
    })
}

pub(super) fn member_row(record: &MemberRecord) -> Vec<Cell> {
    let MemberRecord { uid, tenant, handle, intent, declared, lived, state, created_at, revision } = record;
    let MemberDeclared {
        id,
        family_name,
        given_name,
        personal_email,
        mobile_phone,
        employee_number,
        external_key,
        language,
        administrator,
        user_type,
        job_level,
        assignments: _,
        message_id,
        profile,
    } = declared;
    let Lived {
        activated_at,
        fired,
        first_sign_in_at,
        suspended_at,
        leave_at,
        spent_leave,
        deleted_at,
        departed,
        purge_at,
        contact_token,
        qr_token,
        spent,
        erased,
        password_changed_at,
        password_trouble,
        welcome,
        account,
    } = lived;
    let MemberState { phase, on_leave, wake_at } = state;
    vec![
        uid.as_str().into(),
        tenant.as_str().into(),
        handle.namespace.as_ref().into(),
        handle.name.as_ref().into(),
        id.as_str().into(),
        family_name.as_str().into(),
        given_name.as_str().into(),
        personal_email.clone().into(),
        mobile_phone.clone().into(),
        employee_number.clone().into(),
        external_key.clone().into(),
        language.clone().into(),
        administrator.as_str().into(),
        user_type.clone().into(),
        job_level.clone().into(),
        profile.clone().into(),
        message_id.as_str().into(),
        contact_token.as_str().into(),
        qr_token.as_str().into(),
        phase.name().into(),
        Cell::Json(on_leave.as_ref().map(|leave| leave.to_json().into())),
        (*created_at).into(),
        (*activated_at).into(),
        json!(fired).into(),
        (*first_sign_in_at).into(),
        (*suspended_at).into(),
        (*leave_at).into(),
        Cell::Json(spent_leave.clone().map(Arc::new)),
        (*deleted_at).into(),
        (*departed).into(),
        (*purge_at).into(),
        (*wake_at).into(),
        (&intent.json).into(),
        intent.digest.as_str().into(),
        intent.generation.into(),
        (revision + 1).into(),
        json!(spent).into(),
        json!(erased).into(),
        (*password_changed_at).into(),
        password_trouble.as_ref().map(passwords::trouble_text).into(),
        json!(welcome).into(),
        json!(account).into(),
    ]
}

pub(super) fn assignment_rows(record: &MemberRecord) -> impl Iterator<Item = Vec<Cell>> {
    record.declared.assignments.iter().enumerate().map(|(ordinal, assignment)| {
        let AssignmentRecord { organization, primary, position, leader, private, include_in_team_sharing } = assignment;
        vec![
            record.uid.as_str().into(),
            i64::try_from(ordinal).unwrap_or(i64::MAX).into(),
            organization.as_str().into(),
            (*primary).into(),
            position.clone().into(),
            (*leader).into(),
            (*private).into(),
            (*include_in_team_sharing).into(),
            (record.revision + 1).into(),
        ]
    })
}
