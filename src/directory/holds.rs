//! What needs a person's word, as far as it is more than one object's own matter, and the losses of access that
//! count against a tenant's budget (T11, R12). Decides nothing. Called by the engine.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Error;
use super::sql::{Cell, Row, Table, Tx};
use crate::api::{Handle, Kind};
use crate::record::Uid;

pub const HOLDS: Table = Table {
    name: "holds",
    columns: &["kind", "namespace", "name", "reason", "fingerprint", "items", "number", "since"],
    key: &["kind", "namespace", "name", "reason"],
};
pub const LOSSES: Table = Table { name: "access_losses", columns: &["tenant", "member", "at"], key: &["tenant", "member"] };

pub const APPROVALS: Table = Table {
    name: "approvals",
    columns: &["kind", "namespace", "name", "reason", "fingerprint"],
    key: &["kind", "namespace", "name", "reason"],
};

/// What is held on a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub tenant: Handle,
    pub reason: String,
    pub fingerprint: String,
    /// To whom what would happen: names and, for each, what; of mails the first.
    pub items: Vec<(String, String)>,
    /// How many there are.
    pub number: i64,
    pub since: Timestamp,
}

fn tenant_cells(tenant: &Handle) -> Vec<Cell> {
    vec![Kind::Tenant.name().into(), tenant.namespace.as_ref().into(), tenant.name.as_ref().into()]
}

/// What is held on these tenants.
pub async fn of_tenants(tx: &mut Tx, tenants: &[Handle]) -> Result<Vec<Held>, Error> {
    let columns = "namespace, name, reason, fingerprint, items, number, since";
    let keys = tenants.iter().map(tenant_cells).collect();
    let rows = tx.lookup(columns, HOLDS.name, &["kind", "namespace", "name"], keys).await?;
    rows.iter().map(read).collect()
}

/// What is held for a reason, on all tenants.
pub async fn all(tx: &mut Tx, reason: &str) -> Result<Vec<Held>, Error> {
    tx.fetch(ALL, vec![reason.into()]).await?.iter().map(read).collect()
}

const ALL: &str = "SELECT namespace, name, reason, fingerprint, items, number, since FROM holds WHERE reason = $1";

fn read(row: &Row) -> Result<Held, Error> {
    let held = row.json(4)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = held.as_array().into_iter().flatten().map(|item| (text(&item["name"]), text(&item["what"])));
    Ok(Held {
        tenant: Handle::new(row.text(0)?, row.text(1)?),
        reason: row.text(2)?,
        fingerprint: row.text(3)?,
        items: items.collect(),
        number: row.get(5)?,
        since: row.instant(6)?,
    })
}

/// Keeps what is held.
pub async fn store(tx: &mut Tx, held: &Held) -> Result<(), Error> {
    let Held { tenant, reason, fingerprint, items, number, since } = held;
    let items: Vec<Value> = items.iter().map(|(name, what)| json!({"name": name, "what": what})).collect();
    let mut row = tenant_cells(tenant);
    row.extend([
        reason.as_str().into(),
        fingerprint.as_str().into(),
        Value::Array(items).into(),
        (*number).into(),
        (*since).into(),
    ]);
    tx.upsert(&HOLDS, vec![row]).await
}

/// Nothing is held on a tenant for a reason any more.
pub async fn remove(tx: &mut Tx, tenant: &Handle, reason: &str) -> Result<(), Error> {
    let mut row = tenant_cells(tenant);
    row.push(reason.into());
    tx.delete(HOLDS.name, HOLDS.key, vec![row]).await.map(drop)
}

/// Notes that a word was given on a tenant: it is spent.
pub async fn approve(tx: &mut Tx, tenant: &Handle, reason: &str, fingerprint: &str) -> Result<(), Error> {
    let mut row = tenant_cells(tenant);
    row.extend([reason.into(), fingerprint.into()]);
    tx.upsert(&APPROVALS, vec![row]).await
}

/// The word that was given last on a tenant, for a reason.
pub async fn approved(tx: &mut Tx, tenant: &Handle, reason: &str) -> Result<Option<String>, Error> {
    let mut key = tenant_cells(tenant);
    key.push(reason.into());
    let rows = tx.lookup("fingerprint", APPROVALS.name, APPROVALS.key, vec![key]).await?;
    rows.first().map(|row| row.text(0)).transpose()
}

/// Notes losses of access: tenant and member of each.
pub async fn lose(tx: &mut Tx, losses: &[(Uid, Uid)], at: Timestamp) -> Result<(), Error> {
    let rows = losses.iter().map(|(tenant, member)| vec![tenant.as_str().into(), member.as_str().into(), at.into()]);
    tx.upsert(&LOSSES, rows.collect()).await
}

/// The members of a tenant who lost access after an instant, and how many were live at that instant.
pub async fn lost_after(tx: &mut Tx, tenant: &Uid, after: Timestamp) -> Result<(BTreeSet<Uid>, i64), Error> {
    let cells = || vec![tenant.as_str().into(), after.into()];
    let lost = tx.fetch(LOST, cells()).await?.iter().map(|row| Ok(row.text(0)?.into())).collect::<Result<_, Error>>()?;
    let live = tx.fetch_one(LIVE, cells()).await?.map_or(Ok(0), |row| row.get(0))?;
    Ok((lost, live))
}

const LOST: &str = "SELECT member FROM access_losses WHERE tenant = $1 AND at > $2";
const LIVE: &str = "SELECT count(*) FROM (SELECT uid FROM members WHERE tenant = $1 AND (deleted_at IS NULL OR deleted_at > $2) \
     AND created_at <= $2 UNION SELECT member FROM access_losses WHERE tenant = $1 AND at > $2) AS live";

/// Forgets losses that count no more.
pub async fn forget(tx: &mut Tx, tenant: &Uid, before: Timestamp) -> Result<(), Error> {
    tx.execute(FORGET, vec![tenant.as_str().into(), before.into()]).await.map(drop)
}

const FORGET: &str = "DELETE FROM access_losses WHERE tenant = $1 AND at <= $2";

/// Every statement of this file that stands by itself.
pub const STATEMENTS: &[&str] = &[ALL, LOST, LIVE, FORGET];
