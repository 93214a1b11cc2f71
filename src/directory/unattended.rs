//! Records that no manifest leads to: those whose time has come, and those that nobody declares now. Called by the
//! timer, and by the commands that show what is there.

use std::sync::Arc;

use jiff::Timestamp;

use super::Error;
use super::declarations::Filter;
use super::frozen::member_is_frozen;
use super::records::{By, load};
use super::sql::{Cell, Tx, keys};
use crate::api::{Handle, Kind};
use crate::record::Record;

/// Handles of members whose time has come, the earliest first. Deleted ones wait while nothing irreversible may
/// happen: the clocks differ (R4), or nobody declares their tenant (T14).
pub async fn due(tx: &mut Tx, now: Timestamp, limit: i64, irreversible: bool) -> Result<Vec<Handle>, Error> {
    let rows = tx.fetch(DUE, vec![now.into(), irreversible.into(), limit.into()]).await?;
    rows.iter().map(|row| Ok(Handle::new(row.text(0)?, row.text(1)?))).collect()
}

// What is frozen is told of once, and waits for the thaw (R14).
const DUE: &str = concat!(
    "SELECT m.namespace, m.name FROM members m JOIN tenants t ON t.uid = m.tenant \
     LEFT JOIN declarations d ON d.kind = 'Member' AND d.namespace = m.namespace AND d.name = m.name \
     WHERE m.wake_at <= $1 AND (m.deleted_at IS NULL OR ($2 AND t.managed)) \
     AND NOT ((d.name IS NULL OR d.removal IS NOT NULL OR CAST(d.status AS TEXT) LIKE '%fell due%') AND ",
    member_is_frozen!(),
    ") ORDER BY m.wake_at LIMIT $3"
);

/// The earliest instant after another at which time alone will change a record.
pub async fn next_wake(tx: &mut Tx, after: Timestamp) -> Result<Option<Timestamp>, Error> {
    let row = tx.fetch_one(NEXT_WAKE, vec![after.into()]).await?;
    row.map_or(Ok(None), |row| row.maybe_instant(0))
}

const NEXT_WAKE: &str = "SELECT min(wake_at) FROM members WHERE wake_at > $1";

/// Members in their grace period (M24), or tenants without a resource (T14). Of other kinds, none.
pub async fn undeclared(tx: &mut Tx, kind: Kind, filter: &Filter) -> Result<Vec<Record>, Error> {
    let sql = match kind {
        Kind::Member => DELETED,
        Kind::Tenant => UNMANAGED,
        Kind::Organization | Kind::ExternalContact => return Ok(Vec::new()),
    };
    let any = |wanted: &Option<Arc<str>>| Cell::from(wanted.as_deref().unwrap_or_default());
    let rows = tx.fetch(sql, vec![any(&filter.namespace), any(&filter.name)]).await?;
    let uids: Vec<String> = rows.iter().map(|row| row.text(0)).collect::<Result<_, _>>()?;
    load(tx, kind, By::Uid, keys(uids)).await
}

const DELETED: &str = "SELECT uid FROM members WHERE deleted_at IS NOT NULL \
     AND ($1 = '' OR namespace = $1) AND ($2 = '' OR name = $2)";
const UNMANAGED: &str = "SELECT uid FROM tenants WHERE NOT managed AND ($1 = '' OR namespace = $1) AND ($2 = '' OR name = $2)";

/// Every statement of this file.
pub const STATEMENTS: &[&str] = &[DUE, NEXT_WAKE, DELETED, UNMANAGED];
