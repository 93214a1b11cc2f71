//! A copy of a directory in memory, for a rehearsal: one consistent state, all tenants, no trail. Hashes are copied, since
//! what is declared may bring another password, or confirm with one (M33, T12). Only reads from where it copies. Called by
//! planning.

use std::sync::Arc;

use super::sql::{Cell, Row, Table, Tx};
use super::{
    Absent, Address, Directory, Error, accounts, audit, charges, claims, contacts, declarations, holds, outbox, passwords,
    photos, records, registrations, unfinished,
};

/// What is declared, and the records that it makes.
pub const RECORDED: &[&Table] = &[
    &declarations::DECLARATIONS,
    &declarations::WAITS,
    &records::TENANTS,
    &records::ORGANIZATIONS,
    &records::MEMBERS,
    &records::ASSIGNMENTS,
    &claims::CLAIMS,
    &contacts::CONTACTS,
];
/// How the records came about, and what followed from it.
pub const TRAIL: &[&Table] = &[&audit::AUDIT, &audit::AUDIT_VALUES, &outbox::OUTBOX];
/// Facts, as far as decisions look at them.
const FACTS: &[&Table] = &[
    &Table { name: "sign_ins", columns: &["id", "member", "app", "at", "location", "folded"], key: &["id"] },
    &passwords::ORDERS,
    &passwords::FACTS,
    &super::links::LINKS,
    &Table { name: "tombstones", columns: &["uid", "kind", "purged_at"], key: &["uid"] },
    &accounts::CHOICES,
    &accounts::DEVICES,
    &accounts::DEVICE_REQUESTS,
    &accounts::NEWS,
    &photos::PHOTOS,
    &contacts::ACCEPTANCES,
    &Table { name: "rooms", columns: &["room", "member"], key: &["room", "member"] },
    &Table { name: "touched", columns: &["uid"], key: &["uid"] },
    &holds::HOLDS,
    &holds::LOSSES,
    &holds::APPROVALS,
    &charges::CHARGES,
    &registrations::REQUESTS,
];

/// What tells one password from another.
const HASHES: &[&Table] =
    &[&passwords::CREDENTIALS, &passwords::HISTORY, &Table { name: "secrets", columns: &["key", "value"], key: &["key"] }];

/// The columns that hold whole numbers, truths and JSON; all others are text.
const NUMBERS: &[&str] = &[
    "generation",
    "created_at",
    "declared_at",
    "removal_at",
    "wake_at",
    "activated_at",
    "first_sign_in_at",
    "suspended_at",
    "leave_at",
    "deleted_at",
    "purge_at",
    "trashed_at",
    "ordinal",
    "at",
    "purged_at",
    "revision",
    "seq",
    "due",
    "since",
    "epoch",
    "password_changed_at",
    "changed_at",
    "expires_at",
    "sent_at",
    "ended_at",
    "used_at",
    "seen_at",
    "width",
    "height",
    "amount",
    "due_at",
    "paid_at",
    "requested_at",
    "decided_at",
    "told",
    "cancelled_at",
    "attempts",
    "next_at",
    "tried_at",
    "refused_at",
    "acknowledged_at",
    "number",
    "purges_from",
];
const TRUTHS: &[&str] = &[
    "settled",
    "managed",
    "is_primary",
    "leader",
    "private",
    "include_in_team_sharing",
    "departed",
    "folded",
    "by_member",
    "missing",
    "held",
    "photo",
    "with_owner",
    "must_change",
    "generated",
    "passed_over",
];
const DOCUMENTS: &[&str] = &[
    "spec",
    "annotations",
    "status",
    "profile",
    "intent",
    "fired",
    "spent",
    "erased",
    "former",
    "items",
    "welcome",
    "account",
    "on_leave",
    "spent_leave",
    "fields",
    "digests",
    "changes",
    "payload",
];

/// The orders that decisions look at: what is held counts with what comes (T15), and news is yet to be told.
const ORDERS: &str = "held OR refused_at IS NOT NULL OR NOT folded";

/// Every row of a table, as it would be written.
pub async fn rows(tx: &mut Tx, table: &Table) -> Result<Vec<Vec<Cell>>, Error> {
    rows_where(tx, table, "TRUE").await
}

async fn rows_where(tx: &mut Tx, table: &Table, condition: &str) -> Result<Vec<Vec<Cell>>, Error> {
    let select = format!("SELECT {} FROM {} WHERE {condition}", table.columns.join(", "), table.name);
    tx.fetch(select, vec![]).await?.iter().map(|row| cells(table, row)).collect()
}

/// Copies a directory into memory, and tells whether the hashes are in the copy: a role that only reads may be kept from them.
pub async fn into_memory(from: &Directory) -> Result<(Directory, bool), Error> {
    let copy = Directory::open(Address::Memory, Absent::Create).await?;
    copy.migrate().await?;
    let mut read = from.read().await?;
    let mut write = copy.write().await?;
    let with_hashes = match &mut read {
        Tx::Sqlite(_) => true,
        Tx::Postgres(_) => read.fetch_one(MAY_READ_HASHES, vec![]).await?.is_some(),
    };
    let hashes = if with_hashes { HASHES } else { &[] };
    for table in RECORDED.iter().chain(FACTS).chain(hashes) {
        write.insert(table, rows(&mut read, table).await?).await?;
    }
    write.insert(&outbox::OUTBOX, rows_where(&mut read, &outbox::OUTBOX, ORDERS).await?).await?;
    // What the next run does first is planned too.
    if unfinished::is_noted(&mut read).await? {
        unfinished::note(&mut write).await?;
    }
    write.commit().await?;
    Ok((copy, with_hashes))
}

const MAY_READ_HASHES: &str = "SELECT 1 WHERE has_table_privilege('credentials', 'SELECT') AND \
     has_table_privilege('password_history', 'SELECT') AND has_table_privilege('secrets', 'SELECT')";

/// The statements of this file that stand by themselves; they are PostgreSQL's alone.
pub const POSTGRES_STATEMENTS: &[&str] = &[MAY_READ_HASHES];

fn cells(table: &Table, row: &Row) -> Result<Vec<Cell>, Error> {
    let cell = |(index, column): (usize, &&str)| {
        Ok(if NUMBERS.contains(column) {
            Cell::Int(row.get(index)?)
        } else if TRUTHS.contains(column) {
            Cell::Bool(row.get(index)?)
        } else if DOCUMENTS.contains(column) {
            // What somebody damaged is so in the copy, too.
            row.maybe_json(index).map(|json| Cell::Json(json.map(Arc::new))).or_else(|_| row.get(index).map(Cell::Text))?
        } else {
            Cell::Text(row.get(index)?)
        })
    };
    table.columns.iter().enumerate().map(cell).collect()
}
