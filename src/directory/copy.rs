//! A copy of a directory in memory, for a rehearsal: one consistent state, all tenants, no credentials, no
//! trail. Only reads from where it copies. Called by planning.

use std::sync::Arc;

use super::sql::{Cell, Row, Table, Tx};
use super::{Absent, Address, Directory, Error, audit, claims, contacts, declarations, records};

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
/// How the records came about.
pub const TRAIL: &[&Table] = &[&audit::AUDIT, &audit::AUDIT_VALUES];
/// Facts, as far as decisions look at them.
const FACTS: &[&Table] = &[
    &Table { name: "sign_ins", columns: &["id", "member", "app", "at", "location", "folded"], key: &["id"] },
    &Table { name: "tombstones", columns: &["uid", "kind", "purged_at"], key: &["uid"] },
    &contacts::ACCEPTANCES,
    &Table { name: "rooms", columns: &["room", "member"], key: &["room", "member"] },
    &Table { name: "touched", columns: &["uid"], key: &["uid"] },
];

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
    "epoch",
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
    "photo",
    "with_owner",
];
const DOCUMENTS: &[&str] = &[
    "spec",
    "annotations",
    "status",
    "profile",
    "intent",
    "fired",
    "spent",
    "on_leave",
    "spent_leave",
    "fields",
    "digests",
    "changes",
];

/// Every row of a table, as it would be written.
pub async fn rows(tx: &mut Tx, table: &Table) -> Result<Vec<Vec<Cell>>, Error> {
    let select = format!("SELECT {} FROM {}", table.columns.join(", "), table.name);
    tx.fetch(select, vec![]).await?.iter().map(|row| cells(table, row)).collect()
}

/// Copies a directory into memory.
pub async fn into_memory(from: &Directory) -> Result<Directory, Error> {
    let copy = Directory::open(Address::Memory, Absent::Create).await?;
    copy.migrate().await?;
    let mut read = from.read().await?;
    let mut write = copy.write().await?;
    for table in RECORDED.iter().chain(FACTS) {
        write.insert(table, rows(&mut read, table).await?).await?;
    }
    write.commit().await?;
    Ok(copy)
}

fn cells(table: &Table, row: &Row) -> Result<Vec<Cell>, Error> {
    let cell = |(index, column): (usize, &&str)| {
        Ok(if NUMBERS.contains(column) {
            Cell::Int(row.get(index)?)
        } else if TRUTHS.contains(column) {
            Cell::Bool(row.get(index)?)
        } else if DOCUMENTS.contains(column) {
            Cell::Json(row.maybe_json(index)?.map(Arc::new))
        } else {
            Cell::Text(row.get(index)?)
        })
    };
    table.columns.iter().enumerate().map(cell).collect()
}
