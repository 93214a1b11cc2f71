//! Charges (T13): facts that the billing system writes, by anyone and at any time; the leader tells them in
//! the tenant's status. Decides nothing. Called by `rollcall billing`, by the engine's gathering and committing.

use std::collections::HashMap;

use jiff::Timestamp;

use super::Error;
use super::frozen::tenant_is_frozen;
use super::sql::{Row, Table, Tx, keys};
use crate::api::Handle;
use crate::record::{Charge, Uid};

pub const CHARGES: Table = Table {
    name: "charges",
    columns: &["tenant", "month", "amount", "currency", "due_at", "paid_at", "revision", "told"],
    key: &["tenant", "month"],
};

fn read(row: &Row) -> Result<(Uid, Charge), Error> {
    let charge = Charge {
        month: row.text(1)?,
        amount: row.get(2)?,
        currency: row.text(3)?,
        due_at: row.instant(4)?,
        paid_at: row.maybe_instant(5)?,
        revision: row.get(6)?,
        told: row.get(7)?,
    };
    Ok((row.text(0)?.into(), charge))
}

/// Writes a charge, or corrects it while it is not paid; whether it did.
pub async fn add(tx: &mut Tx, tenant: &Uid, month: &str, amount: i64, currency: &str, due_at: Timestamp) -> Result<bool, Error> {
    let cells = vec![tenant.as_str().into(), month.into(), amount.into(), currency.into(), due_at.into()];
    Ok(tx.execute(ADD, cells).await? > 0)
}

const ADD: &str = "INSERT INTO charges (tenant, month, amount, currency, due_at, paid_at, revision, told) \
     VALUES ($1, $2, $3, $4, $5, NULL, 1, 0) ON CONFLICT (tenant, month) DO UPDATE \
     SET amount = excluded.amount, currency = excluded.currency, due_at = excluded.due_at, revision = charges.revision + 1 \
     WHERE charges.paid_at IS NULL";

/// Notes that a charge is paid; whether it was not before.
pub async fn pay(tx: &mut Tx, tenant: &Uid, month: &str, at: Timestamp) -> Result<bool, Error> {
    Ok(tx.execute(PAY, vec![tenant.as_str().into(), month.into(), at.into()]).await? > 0)
}

const PAY: &str = "UPDATE charges SET paid_at = $3, revision = revision + 1 WHERE tenant = $1 AND month = $2 AND paid_at IS NULL";

/// The charges of tenants, by month.
pub async fn of_tenants(tx: &mut Tx, tenants: &[Uid]) -> Result<HashMap<Uid, Vec<Charge>>, Error> {
    let mut map: HashMap<Uid, Vec<Charge>> = HashMap::new();
    for row in tx.lookup(&CHARGES.columns.join(", "), "charges", &["tenant"], keys(tenants)).await? {
        let (tenant, charge) = read(&row)?;
        map.entry(tenant).or_default().push(charge);
    }
    map.values_mut().for_each(|charges| charges.sort_by(|one, other| one.month.cmp(&other.month)));
    Ok(map)
}

/// Notes which revisions the status knows of.
pub async fn tell(tx: &mut Tx, told: &[(Uid, String, i64)]) -> Result<(), Error> {
    for (tenant, month, revision) in told {
        tx.execute(TELL, vec![tenant.as_str().into(), month.as_str().into(), (*revision).into()]).await?;
    }
    Ok(())
}

const TELL: &str = "UPDATE charges SET told = $3 WHERE tenant = $1 AND month = $2 AND told < $3";

/// Handles of tenants about which something was reported that their status does not tell yet, and of those with
/// requests whose time is over. These wait while nothing irreversible may happen (R4, T14).
pub async fn tenants_with_news(tx: &mut Tx, now: Timestamp, limit: i64, irreversible: bool) -> Result<Vec<Handle>, Error> {
    let rows = tx.fetch(NEWS, vec![now.into(), irreversible.into(), limit.into()]).await?;
    rows.iter().map(|row| Ok(Handle::new(row.text(0)?, row.text(1)?))).collect()
}

const NEWS: &str = concat!(
    "SELECT namespace, name FROM tenants WHERE uid IN (SELECT tenant FROM charges WHERE told < revision) \
     UNION SELECT namespace, name FROM tenants WHERE uid IN (SELECT tenant FROM registration_requests WHERE told < revision) \
     UNION SELECT t.namespace, t.name FROM tenants t WHERE $2 AND t.managed \
         AND t.uid IN (SELECT tenant FROM registration_requests WHERE state = 'Open' AND expires_at <= $1) AND NOT ",
    tenant_is_frozen!(),
    " LIMIT $3"
);

/// Every statement of this file.
pub const STATEMENTS: &[&str] = &[ADD, PAY, TELL, NEWS];
