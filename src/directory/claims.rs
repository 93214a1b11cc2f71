//! Claims in the directory: who holds what only one may hold, under the constraint that says so. Called by
//! the engine, and where records are stored.

use std::collections::HashMap;

use super::Error;
use super::sql::{Cell, Table, Tx, keys, table};
use crate::api::{Handle, Key, Kind};
use crate::record::{Claim, Record, Uid};

pub const CLAIMS: Table =
    Table { name: "claims", columns: &["scope", "space", "key", "holder"], key: &["scope", "space", "key"] };

/// Who holds these claims: identifier, kind and handle.
pub async fn holders(tx: &mut Tx, claims: &[Claim]) -> Result<Vec<(Claim, Uid, Key)>, Error> {
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = claims
        .iter()
        .map(|claim| vec![claim.scope.as_str().into(), claim.space.name().into(), claim.key.as_str().into()])
        .collect();
    let rows = tx.lookup("scope, space, key, holder", "claims", &["scope", "space", "key"], wanted).await?;
    let known: HashMap<(&str, &str, &str), &Claim> =
        claims.iter().map(|claim| ((claim.scope.as_str(), claim.space.name(), claim.key.as_str()), claim)).collect();
    let mut found = Vec::new();
    for row in rows {
        let (scope, space, key) = (row.text(0)?, row.text(1)?, row.text(2)?);
        if let Some(claim) = known.get(&(scope.as_str(), space.as_str(), key.as_str())) {
            found.push((Claim::clone(claim), Uid::from(row.text(3)?)));
        }
    }
    let mut handles: HashMap<String, Key> = HashMap::new();
    for kind in [Kind::Tenant, Kind::Organization, Kind::Member] {
        for row in tx.lookup("uid, namespace, name", table(kind), &["uid"], keys(found.iter().map(|(_, uid)| uid))).await? {
            handles.insert(row.text(0)?, Key::new(kind, Handle::new(row.text(1)?, row.text(2)?)));
        }
    }
    Ok(found.into_iter().filter_map(|(claim, uid)| handles.get(uid.as_str()).cloned().map(|key| (claim, uid, key))).collect())
}

/// Writes the claims of records anew: somebody may have taken some away.
pub async fn claim(tx: &mut Tx, records: &[Record]) -> Result<(), Error> {
    tx.delete("claims", &["holder"], keys(records.iter().map(Record::uid))).await?;
    let rows = records.iter().flat_map(|record| record.claims().into_iter().map(|claim| claim_row(&claim, record.uid())));
    tx.insert(&CLAIMS, rows.collect()).await
}

/// Takes away what is left of records whose rows somebody deleted.
pub async fn forget(tx: &mut Tx, uids: &[Uid]) -> Result<(), Error> {
    tx.delete("claims", &["holder"], keys(uids)).await?;
    tx.delete("assignments", &["member"], keys(uids)).await?;
    Ok(())
}

/// The row of a claim.
pub fn claim_row(claim: &Claim, holder: &Uid) -> Vec<Cell> {
    vec![claim.scope.as_str().into(), claim.space.name().into(), claim.key.as_str().into(), holder.as_str().into()]
}
