//! Records that can't go yet (R9): their resources are gone, or their departure is due (M23). Decides nothing. Called where
//! a tenant's figures are told.

use jiff::Timestamp;
use serde_json::Value;

use super::Error;
use super::declarations::key_at;
use super::sql::{Cell, Row, Tx};
use crate::api::{Handle, Key};

/// A record that can't go yet (R9).
#[derive(Clone, Debug)]
pub struct Pending {
    pub key: Key,
    pub reason: String,
    pub since: Timestamp,
}

/// Declarations whose records can't go yet, of one tenant, the oldest first, and how many they are (R9): their
/// resources are gone, or their departure is due (M23).
pub async fn of(tx: &mut Tx, tenant: &Handle, limit: i64) -> Result<(Vec<Pending>, i64), Error> {
    let tenant_cells = || vec![Cell::from(tenant.namespace.as_ref()), Cell::from(tenant.name.as_ref())];
    let count = tx.fetch_one(COUNT_PENDING, tenant_cells()).await?.map_or(Ok(0), |row| row.get(0))?;
    if count == 0 {
        return Ok((Vec::new(), 0));
    }
    let mut cells = tenant_cells();
    cells.push(limit.into());
    let pending = |row: &Row| {
        let since = match row.maybe_instant(4)? {
            Some(since) => since,
            // The resource is there: it tells since when.
            None => ready_since(&row.json(5)?).map_or_else(|| row.instant(6), Ok)?,
        };
        Ok(Pending { key: key_at(row, 0)?, reason: row.text(3)?, since })
    };
    let rows = tx.fetch(PENDING, cells).await?;
    Ok((rows.iter().map(pending).collect::<Result<_, Error>>()?, count))
}

/// Since when `Ready` is as it is.
fn ready_since(status: &Value) -> Option<Timestamp> {
    let conditions = status["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == "Ready")?["lastTransitionTime"].as_str()?.parse().ok()
}

/// What can't go yet, as the index `declarations_pending` says it.
macro_rules! is_pending {
    () => {
        "(removal IS NOT NULL OR reason = 'AdministratorProtected')"
    };
}
const COUNT_PENDING: &str = concat!("SELECT count(*) FROM declarations WHERE namespace = $1 AND tenant = $2 AND ", is_pending!());
const PENDING: &str = concat!(
    "SELECT kind, namespace, name, COALESCE(removal, reason), removal_at, status, declared_at FROM declarations \
     WHERE namespace = $1 AND tenant = $2 AND ",
    is_pending!(),
    " ORDER BY COALESCE(removal_at, declared_at), name LIMIT $3"
);

/// Every statement of this file.
pub const STATEMENTS: &[&str] = &[COUNT_PENDING, PENDING];
