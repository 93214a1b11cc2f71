//! The tree of organizations as the engine asks for it: what stands above and below, who is in it, and how
//! many there are. Only reads.

use std::collections::{HashMap, HashSet};

use super::Error;
use super::records::{By, load};
use super::sql::{Tx, keys, table};
use crate::api::{Handle, Key, Kind};
use crate::record::{Record, Uid};

/// How many records of a kind each of these tenants has (T3).
pub async fn count(tx: &mut Tx, kind: Kind, tenants: &[Uid]) -> Result<HashMap<Uid, i64>, Error> {
    let mut counts = HashMap::new();
    for tenant in tenants {
        let sql = format!("SELECT count(*) FROM {} WHERE tenant = $1", table(kind));
        let count = tx.fetch_one(sql, vec![tenant.as_str().into()]).await?.map_or(Ok(0), |row| row.get(0))?;
        counts.insert(tenant.clone(), count);
    }
    Ok(counts)
}

/// The organizations at and below these, or at and above them.
pub async fn tree(tx: &mut Tx, from: &[Uid], up: bool) -> Result<Vec<Record>, Error> {
    if from.is_empty() {
        return Ok(Vec::new());
    }
    let mut uids: Vec<Uid> = Vec::new();
    for chunk in from.chunks(500) {
        let start = tx.tuples(chunk.len(), 1);
        let step = if up {
            "SELECT o.parent FROM organizations o JOIN tree t ON o.uid = t.uid WHERE o.parent IS NOT NULL"
        } else {
            "SELECT o.uid FROM organizations o JOIN tree t ON o.parent = t.uid"
        };
        let sql = format!("WITH RECURSIVE tree (uid) AS (VALUES {start} UNION {step}) SELECT uid FROM tree");
        let rows = tx.fetch(sql, chunk.iter().map(|uid| uid.as_str().into()).collect()).await?;
        for row in rows {
            uids.push(row.text(0)?.into());
        }
    }
    uids.sort();
    uids.dedup();
    load(tx, Kind::Organization, By::Uid, keys(uids)).await
}

/// The live members assigned directly to each of these organizations.
pub async fn assigned(tx: &mut Tx, organizations: &[Uid]) -> Result<HashMap<Uid, HashSet<Uid>>, Error> {
    let mut assigned: HashMap<Uid, HashSet<Uid>> = organizations.iter().map(|uid| (uid.clone(), HashSet::new())).collect();
    for chunk in organizations.chunks(500) {
        let sql = format!(
            "SELECT a.organization, a.member FROM assignments a JOIN members m ON m.uid = a.member \
             WHERE m.deleted_at IS NULL AND a.organization IN {}",
            tx.tuples(1, chunk.len())
        );
        for row in tx.fetch(sql, chunk.iter().map(|uid| uid.as_str().into()).collect()).await? {
            assigned.entry(row.text(0)?.into()).or_default().insert(row.text(1)?.into());
        }
    }
    Ok(assigned)
}

/// The members assigned to these organizations, and the organizations directly below them.
pub async fn referring_to(tx: &mut Tx, organizations: &[Uid]) -> Result<Vec<Key>, Error> {
    let mut found = Vec::new();
    for row in tx.lookup("member", "assignments", &["organization"], keys(organizations)).await? {
        let member: Uid = row.text(0)?.into();
        for row in tx.lookup("namespace, name", "members", &["uid"], keys([member])).await? {
            found.push(Key::new(Kind::Member, Handle::new(row.text(0)?, row.text(1)?)));
        }
    }
    for row in tx.lookup("namespace, name", "organizations", &["parent"], keys(organizations)).await? {
        found.push(Key::new(Kind::Organization, Handle::new(row.text(0)?, row.text(1)?)));
    }
    Ok(found)
}
