//! Records that no manifest leads to: those whose time has come, and those that nobody declares now. Called by the
//! timer, and by the commands that show what is there.

use std::sync::Arc;

use jiff::Timestamp;

use super::Error;
use super::declarations::Filter;
use super::frozen::{member_is_frozen, tenant_is_frozen};
use super::records::{By, load};
use super::sql::{Cell, Row, Tx, keys};
use crate::api::{Handle, Key, Kind};
use crate::record::{Record, Uid};

/// What fell due, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub at: Timestamp,
    pub key: Key,
}

/// A page of the members, contacts and tenants whose time has come, the earliest first: those after another, since some
/// stay where they are. Deleted ones and tenants wait while nothing irreversible may happen: the clocks differ (R4), or
/// nobody declares the tenant (T14).
pub async fn due(tx: &mut Tx, now: Timestamp, irreversible: bool, after: Option<&Due>, limit: i64) -> Result<Vec<Due>, Error> {
    let mut cells: Vec<Cell> = vec![now.into(), irreversible.into()];
    cells.extend(match after {
        Some(Due { at, key }) => {
            [(*at).into(), key.kind.name().into(), key.handle.namespace.as_ref().into(), key.handle.name.as_ref().into()]
        }
        None => [Timestamp::MIN.into(), "".into(), "".into(), "".into()],
    });
    cells.push(limit.into());
    tx.fetch(DUE, cells).await?.iter().map(|row| Ok(Due { at: row.instant(3)?, key: key(row)? })).collect()
}

// What is frozen is told of once, and waits for the thaw (R14). The last are those whose tenant is to be cancelled and does
// not wait for the end of their grace (T12).
const DUE: &str = concat!(
    "SELECT kind, namespace, name, at FROM (\
     SELECT 'Member' AS kind, m.namespace, m.name, m.wake_at AS at FROM members m JOIN tenants t ON t.uid = m.tenant \
     LEFT JOIN declarations d ON d.kind = 'Member' AND d.namespace = m.namespace AND d.name = m.name \
     WHERE m.wake_at <= $1 AND (m.deleted_at IS NULL OR ($2 AND t.managed)) \
     AND NOT ((d.name IS NULL OR d.removal IS NOT NULL OR CAST(d.status AS TEXT) LIKE '%something fell due%') AND ",
    member_is_frozen!(),
    ") UNION ALL SELECT 'ExternalContact', c.namespace, c.name, c.purge_at FROM contacts c JOIN tenants t ON t.uid = c.tenant \
     WHERE c.purge_at <= $1 AND $2 AND t.managed AND NOT ",
    tenant_is_frozen!(),
    " UNION ALL SELECT 'Tenant', t.namespace, t.name, t.wake_at FROM tenants t \
     LEFT JOIN declarations d ON d.kind = 'Tenant' AND d.namespace = t.namespace AND d.name = t.name \
     WHERE t.wake_at <= $1 AND $2 AND t.managed AND NOT (CAST(d.status AS TEXT) LIKE '%something fell due%' AND ",
    tenant_is_frozen!(),
    ") UNION ALL SELECT 'Member', m.namespace, m.name, t.purges_from FROM tenants t JOIN members m ON m.tenant = t.uid \
     WHERE t.purges_from <= $1 AND $2 AND t.managed AND m.deleted_at IS NOT NULL AND NOT ",
    member_is_frozen!(),
    ") AS due WHERE (at, kind, namespace, name) > ($3, $4, $5, $6) ORDER BY at, kind, namespace, name LIMIT $7"
);

/// Members of these tenants in their grace period.
pub async fn in_grace(tx: &mut Tx, tenants: &[Uid]) -> Result<Vec<Key>, Error> {
    let deleted = "(SELECT tenant, namespace, name FROM members WHERE deleted_at IS NOT NULL)";
    let rows = tx.lookup("namespace, name", deleted, &["tenant"], keys(tenants)).await?;
    rows.iter().map(|row| Ok(Key::new(Kind::Member, Handle::new(row.text(0)?, row.text(1)?)))).collect()
}

/// The members, organizations and contacts of a tenant.
pub async fn of_tenant(tx: &mut Tx, tenant: &Uid) -> Result<Vec<Key>, Error> {
    let rows = tx.fetch(OF_TENANT, vec![tenant.as_str().into()]).await?;
    rows.iter().map(key).collect()
}

fn key(row: &Row) -> Result<Key, Error> {
    let kind: Kind = row.text(0)?.parse().map_err(Error::Corrupt)?;
    Ok(Key::new(kind, Handle::new(row.text(1)?, row.text(2)?)))
}

const OF_TENANT: &str = "SELECT 'Member', namespace, name FROM members WHERE tenant = $1 \
     UNION ALL SELECT 'Organization', namespace, name FROM organizations WHERE tenant = $1 \
     UNION ALL SELECT 'ExternalContact', namespace, name FROM contacts WHERE tenant = $1";

/// Who is still there of a tenant (T12): live members, those in grace, and when the last of these is purged.
pub async fn remaining(tx: &mut Tx, tenant: &Uid) -> Result<(i64, i64, Option<Timestamp>), Error> {
    match tx.fetch_one(REMAINING, vec![tenant.as_str().into()]).await? {
        Some(row) => Ok((row.get(0)?, row.get(1)?, row.maybe_instant(2)?)),
        None => Ok((0, 0, None)),
    }
}

const REMAINING: &str = "SELECT count(*) - count(deleted_at), count(deleted_at), max(purge_at) FROM members WHERE tenant = $1";

/// The earliest instant after another at which time alone will change a record.
pub async fn next_wake(tx: &mut Tx, after: Timestamp) -> Result<Option<Timestamp>, Error> {
    let row = tx.fetch_one(NEXT_WAKE, vec![after.into()]).await?;
    row.map_or(Ok(None), |row| row.maybe_instant(0))
}

const NEXT_WAKE: &str = "SELECT min(wake_at) FROM (SELECT min(wake_at) AS wake_at FROM members WHERE wake_at > $1 \
     UNION ALL SELECT min(wake_at) FROM tenants WHERE wake_at > $1 \
     UNION ALL SELECT min(purge_at) FROM contacts WHERE purge_at > $1 \
     UNION ALL SELECT min(expires_at) FROM registration_requests WHERE state = 'Open' AND expires_at > $1) AS next";

/// Members in their grace period (M24), contacts in the trash (X4), or tenants without a resource (T14).
pub async fn undeclared(tx: &mut Tx, kind: Kind, filter: &Filter) -> Result<Vec<Record>, Error> {
    let sql = match kind {
        Kind::Member => DELETED,
        Kind::Tenant => UNMANAGED,
        Kind::ExternalContact => TRASHED,
        Kind::Organization => return Ok(Vec::new()),
    };
    let any = |wanted: &Option<Arc<str>>| Cell::from(wanted.as_deref().unwrap_or_default());
    let rows = tx.fetch(sql, vec![any(&filter.namespace), any(&filter.name)]).await?;
    let uids: Vec<String> = rows.iter().map(|row| row.text(0)).collect::<Result<_, _>>()?;
    load(tx, kind, By::Uid, keys(uids)).await
}

const DELETED: &str = "SELECT uid FROM members WHERE deleted_at IS NOT NULL \
     AND ($1 = '' OR namespace = $1) AND ($2 = '' OR name = $2)";
const TRASHED: &str = "SELECT uid FROM contacts WHERE trashed_at IS NOT NULL \
     AND ($1 = '' OR namespace = $1) AND ($2 = '' OR name = $2)";
const UNMANAGED: &str = "SELECT uid FROM tenants WHERE NOT managed AND ($1 = '' OR namespace = $1) AND ($2 = '' OR name = $2)";

/// Every statement of this file.
pub const STATEMENTS: &[&str] = &[DUE, OF_TENANT, REMAINING, NEXT_WAKE, DELETED, TRASHED, UNMANAGED];
