//! Aggregated figures (T3, O6): counts, leaders, depth and path. They are exact in the directory, computed
//! when they are asked for; they wake nothing and are not audited. Called by the commands that show.

use std::collections::{BTreeSet, HashMap};

use super::Error;
use super::outbox::{self, Open, Sends};
use super::sql::Tx;

/// The figures of a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantFigures {
    /// Members that hold a place, those in grace included.
    pub members: i64,
    pub organizations: i64,
    /// What of it is not acknowledged (I2), and whether mails are sent at all.
    pub open: Open,
    pub sends: Option<Sends>,
}

/// The figures of an organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrganizationFigures {
    pub depth: i64,
    pub path: String,
    pub members: i64,
    pub members_with_all_below: i64,
    /// Names of the members who lead it, in order.
    pub leaders: Vec<String>,
}

/// The figures of every tenant, by uid.
pub async fn tenants(tx: &mut Tx) -> Result<HashMap<String, TenantFigures>, Error> {
    let mut map: HashMap<String, TenantFigures> = HashMap::new();
    for row in tx.fetch(COUNT_MEMBERS, vec![]).await? {
        map.entry(row.text(0)?).or_default().members = row.get(1)?;
    }
    for row in tx.fetch(COUNT_ORGANIZATIONS, vec![]).await? {
        map.entry(row.text(0)?).or_default().organizations = row.get(1)?;
    }
    let sends = outbox::sends(tx).await?;
    for (tenant, open) in outbox::open(tx, sends).await? {
        let figures = map.entry(tenant).or_default();
        (figures.open, figures.sends) = (open, Some(sends));
    }
    Ok(map)
}

const COUNT_MEMBERS: &str = "SELECT tenant, count(*) FROM members GROUP BY tenant";
const COUNT_ORGANIZATIONS: &str = "SELECT tenant, count(*) FROM organizations GROUP BY tenant";

/// The figures of every organization, by uid. Deleted members don't count, and private assignments neither (M5).
pub async fn organizations(tx: &mut Tx) -> Result<HashMap<String, OrganizationFigures>, Error> {
    let mut parents: HashMap<String, Option<String>> = HashMap::new();
    let mut names: HashMap<String, String> = HashMap::new();
    for row in tx.fetch(TREE, vec![]).await? {
        parents.insert(row.text(0)?, row.get(1)?);
        names.insert(row.text(0)?, row.text(2)?);
    }
    let ancestors = |uid: &str| -> Vec<String> {
        let mut path = vec![uid.to_owned()];
        while let Some(Some(parent)) = path.last().and_then(|uid| parents.get(uid))
            && path.len() <= 64
        {
            path.push(parent.clone());
        }
        path
    };
    let mut map: HashMap<String, OrganizationFigures> = HashMap::new();
    for uid in names.keys() {
        let path = ancestors(uid);
        let shown: Vec<&str> = path.iter().rev().filter_map(|uid| names.get(uid)).map(String::as_str).collect();
        let depth = i64::try_from(path.len()).unwrap_or(i64::MAX);
        map.insert(uid.clone(), OrganizationFigures { depth, path: shown.join(" / "), ..OrganizationFigures::default() });
    }
    let mut places: HashMap<String, BTreeSet<String>> = HashMap::new();
    for row in tx.fetch(ASSIGNED, vec![]).await? {
        let (organization, member, leads): (String, String, bool) = (row.text(0)?, row.text(1)?, row.get(2)?);
        if let Some(figures) = map.get_mut(&organization) {
            figures.members += 1;
            if leads {
                figures.leaders.push(row.text(3)?);
            }
        }
        places.entry(member).or_default().extend(ancestors(&organization));
    }
    for organization in places.into_values().flatten() {
        if let Some(figures) = map.get_mut(&organization) {
            figures.members_with_all_below += 1;
        }
    }
    Ok(map)
}

const TREE: &str = "SELECT uid, parent, display_name FROM organizations";
const ASSIGNED: &str = "SELECT a.organization, a.member, a.leader, m.name FROM assignments a JOIN members m ON m.uid = a.member \
     WHERE m.deleted_at IS NULL AND NOT a.private ORDER BY m.namespace, m.name";

/// Every statement of this file.
pub const STATEMENTS: &[&str] = &[COUNT_MEMBERS, COUNT_ORGANIZATIONS, TREE, ASSIGNED];
