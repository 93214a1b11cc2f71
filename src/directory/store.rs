//! Writing records: what of each batch's records and claims is taken away, and what is written, in the order in which
//! no constraint is hurt. Decides nothing. Called by the engine's committing.

use std::collections::HashMap;
use std::sync::Arc;

use super::records::{ASSIGNMENTS, MEMBERS, ORGANIZATIONS, TENANTS, assignment_rows, member_row, organization_row, tenant_row};
use super::sql::{Tx, keys, table};
use super::{Error, claims, contacts};
use crate::api::Kind;
use crate::record::{ContactRecord, MemberRecord, OrganizationRecord, Record, TenantRecord, Uid};

/// A record on its way into the directory: what it was when it was gathered, and what it is to be.
#[derive(Clone, Debug)]
pub struct Write {
    pub before: Option<Record>,
    pub after: Option<Record>,
}

/// Writes records. Claims are let go by all before any takes hold, so that exchanges succeed.
pub async fn store(tx: &mut Tx, writes: Vec<Write>) -> Result<(), Error> {
    let mut gone: HashMap<Kind, Vec<Uid>> = HashMap::new();
    let mut released: Vec<Uid> = Vec::new();
    let mut reassigned: Vec<Uid> = Vec::new();
    let mut renamed: Vec<(Kind, Uid)> = Vec::new();
    let (mut tenants, mut organizations, mut members, mut externals) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut assignments, mut claims) = (Vec::new(), Vec::new());
    for Write { before, after } in writes {
        let held = before.as_ref().map(Record::claims).unwrap_or_default();
        let holds = after.as_ref().map(Record::claims).unwrap_or_default();
        let uid = match (&before, &after) {
            (_, Some(record)) | (Some(record), None) => record.uid().clone(),
            (None, None) => continue,
        };
        if held != holds {
            if !held.is_empty() {
                released.push(uid.clone());
            }
            claims.extend(holds.iter().map(|claim| claims::claim_row(claim, &uid)));
        }
        let Some(after) = after else {
            if let Some(Record::Member(_)) = before {
                reassigned.push(uid.clone());
            }
            gone.entry(before.map_or(Kind::Member, |record| record.kind())).or_default().push(uid);
            continue;
        };
        let revision = before.as_ref().map_or(0, revision) + 1;
        if before.as_ref().is_some_and(|before| before.handle() != after.handle()) {
            renamed.push((after.kind(), uid.clone()));
        }
        match after {
            Record::Tenant(tenant) => tenants.push(tenant_row(&TenantRecord { revision, ..Arc::unwrap_or_clone(tenant) })),
            Record::Organization(organization) => {
                organizations.push(organization_row(&OrganizationRecord { revision, ..Arc::unwrap_or_clone(organization) }));
            }
            Record::Member(member) => {
                let member = MemberRecord { revision, ..Arc::unwrap_or_clone(member) };
                let was = match &before {
                    Some(Record::Member(before)) => before.declared.assignments.as_slice(),
                    Some(Record::Tenant(_) | Record::Organization(_) | Record::ExternalContact(_)) | None => &[],
                };
                if was != member.declared.assignments {
                    if !was.is_empty() {
                        reassigned.push(member.uid.clone());
                    }
                    assignments.extend(assignment_rows(&member));
                }
                members.push(member_row(&member));
            }
            Record::ExternalContact(contact) => {
                externals.push(contacts::contact_row(&ContactRecord { revision, ..Arc::unwrap_or_clone(contact) }));
            }
        }
    }
    tx.delete("claims", &["holder"], keys(released)).await?;
    tx.delete("assignments", &["member"], keys(reassigned)).await?;
    for (kind, uids) in gone {
        tx.delete(table(kind), &["uid"], keys(uids)).await?;
    }
    // Two manifests may exchange their names: handles are let go first, too.
    for (kind, uid) in renamed {
        let sql = format!("UPDATE {} SET name = uid, revision = revision + 1 WHERE uid = $1", table(kind));
        tx.execute(sql, vec![uid.as_str().into()]).await?;
    }
    tx.insert(&claims::CLAIMS, claims).await?;
    tx.upsert(&TENANTS, tenants).await?;
    tx.upsert(&ORGANIZATIONS, organizations).await?;
    tx.upsert(&MEMBERS, members).await?;
    tx.upsert(&contacts::CONTACTS, externals).await?;
    tx.insert(&ASSIGNMENTS, assignments).await
}

fn revision(record: &Record) -> i64 {
    match record {
        Record::Tenant(tenant) => tenant.revision,
        Record::Organization(organization) => organization.revision,
        Record::Member(member) => member.revision,
        Record::ExternalContact(contact) => contact.revision,
    }
}
