//! Members' pictures (M3): kept once each, beside the reason where there is none, and who is to be looked for. Never
//! looks into a picture. Called by whoever reads them from where the manifests say, by gathering and committing.

use std::collections::HashMap;

use serde_json::Value;

use super::Error;
use super::frozen::member_is_frozen;
use super::random::identifier;
use super::sql::{Cell, Row, Table, Tx, keys};
use crate::api::Handle;
use crate::record::Uid;
use crate::record::account::{Photo, PhotoFact};

/// A picture without its content.
pub const PHOTOS: Table = Table {
    name: "photos",
    columns: &["member", "digest", "media_type", "width", "height", "problem", "missing", "version"],
    key: &["member"],
};
const ORDERS: Table = Table { name: "photo_orders", columns: &["id", "member"], key: &["member"] };

/// What is known of these members' pictures.
pub async fn load(tx: &mut Tx, members: &[Uid]) -> Result<HashMap<Uid, PhotoFact>, Error> {
    let columns = PHOTOS.columns.join(", ");
    let rows = tx.lookup(&columns, PHOTOS.name, PHOTOS.key, keys(members)).await?;
    rows.iter()
        .map(|row| {
            let fact = match (row.get::<Option<String>>(5)?, row.get::<bool>(6)?) {
                (Some(problem), true) => PhotoFact::NotFound(problem),
                (Some(problem), false) => PhotoFact::Invalid(problem),
                (None, _) => PhotoFact::Kept(Photo {
                    digest: row.text(1)?,
                    media_type: row.get::<Option<String>>(2)?.unwrap_or_default(),
                    width: row.get::<Option<i64>>(3)?.unwrap_or_default(),
                    height: row.get::<Option<i64>>(4)?.unwrap_or_default(),
                }),
            };
            Ok((row.text(0)?.into(), fact))
        })
        .collect()
}

/// What was found where a member's manifest says that the picture is.
pub struct Found {
    pub fact: PhotoFact,
    /// The picture, where there is one.
    pub content: Option<Vec<u8>>,
    /// The version of the object on a cluster that it was looked for in.
    pub version: Option<String>,
}

/// Keeps what was found; whether that is another than before. What can't be had takes nothing away: the content stays.
pub async fn keep(tx: &mut Tx, member: &Uid, found: Found) -> Result<bool, Error> {
    let Found { fact, content, version } = found;
    let known = load(tx, std::slice::from_ref(member)).await?.remove(member);
    let member = member.as_str();
    if known.as_ref() == Some(&fact) {
        tx.execute(VERSION, vec![member.into(), version.into()]).await?;
        return Ok(false);
    }
    let missing = matches!(fact, PhotoFact::NotFound(_));
    let problem = match fact {
        PhotoFact::Kept(Photo { media_type, width, height, digest }) => {
            let is = [digest.into(), media_type.into(), width.into(), height.into(), Cell::Text(None)];
            tx.upsert(&PHOTOS, vec![[vec![member.into()], is.to_vec(), vec![false.into(), version.into()]].concat()]).await?;
            if let Some(content) = content {
                tx.execute(CONTENT, vec![member.into(), Cell::Bytes(content)]).await?;
            }
            return Ok(true);
        }
        PhotoFact::NotFound(problem) | PhotoFact::Invalid(problem) => problem,
    };
    let told = vec![member.into(), problem.as_str().into(), missing.into(), version.clone().into()];
    if tx.execute(PROBLEM, told).await? == 0 {
        let nothing = ["".into(), Cell::Text(None), Cell::Int(None), Cell::Int(None)];
        let told = vec![problem.into(), missing.into(), version.into()];
        tx.insert(&PHOTOS, vec![[vec![member.into()], nothing.to_vec(), told].concat()]).await?;
    }
    Ok(true)
}

const VERSION: &str = "UPDATE photos SET version = $2 WHERE member = $1";
const CONTENT: &str = "UPDATE photos SET content = $2 WHERE member = $1";
const PROBLEM: &str = "UPDATE photos SET problem = $2, missing = $3, version = $4 WHERE member = $1";

/// Erases the pictures of members.
pub async fn erase(tx: &mut Tx, members: &[Uid]) -> Result<(), Error> {
    for table in [&PHOTOS, &ORDERS] {
        tx.delete(table.name, table.key, keys(members)).await?;
    }
    Ok(())
}

/// Orders that the pictures of members are looked for. One that is ordered already is ordered anew.
pub async fn order(tx: &mut Tx, members: &[Uid]) -> Result<(), Error> {
    let order = |member: &Uid| vec![identifier().into(), member.as_str().into()];
    tx.upsert(&ORDERS, members.iter().map(order).collect()).await
}

/// A member whose picture is to be looked for.
pub struct Order {
    pub id: String,
    pub member: Uid,
    pub handle: Handle,
    /// Where the manifest says that it is.
    pub photo: Value,
}

/// The next orders after an id, in the order of their ids. The picture of who is deleted waits for the restoration, and of
/// who is frozen for the thaw (R14).
pub async fn orders(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Order>, Error> {
    let order = |row: &Row| {
        Ok(Order {
            id: row.text(0)?,
            member: row.text(1)?.into(),
            handle: Handle::new(row.text(2)?, row.text(3)?),
            photo: place(row, 4)?,
        })
    };
    tx.fetch(NEXT, vec![after.into(), limit.into()]).await?.iter().map(order).collect()
}

const NEXT: &str = concat!(
    "SELECT o.id, o.member, m.namespace, m.name, CAST(m.intent -> 'photo' AS TEXT) \
     FROM photo_orders o JOIN members m ON m.uid = o.member JOIN tenants t ON t.uid = m.tenant \
     WHERE o.id > $1 AND m.phase <> 'Deleted' AND NOT ",
    member_is_frozen!(),
    " ORDER BY o.id LIMIT $2"
);

fn place(row: &Row, column: usize) -> Result<Value, Error> {
    let text = row.get::<Option<String>>(column)?.unwrap_or_default();
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

/// Takes orders away, but for what was ordered anew meanwhile.
pub async fn settle(tx: &mut Tx, ids: &[String]) -> Result<(), Error> {
    tx.delete(ORDERS.name, &["id"], keys(ids)).await.map(drop)
}

/// A member whose picture was looked for before.
pub struct Known {
    pub member: Uid,
    /// Where the manifest says that it is.
    pub photo: Value,
    pub version: Option<String>,
}

/// The members of a namespace whose pictures were looked for.
pub async fn known(tx: &mut Tx, namespace: &str) -> Result<Vec<Known>, Error> {
    let known = |row: &Row| Ok(Known { member: row.text(0)?.into(), photo: place(row, 1)?, version: row.get(2)? });
    tx.fetch(KNOWN, vec![namespace.into()]).await?.iter().map(known).collect()
}

const KNOWN: &str = "SELECT p.member, CAST(m.intent -> 'photo' AS TEXT), p.version \
     FROM photos p JOIN members m ON m.uid = p.member WHERE m.namespace = $1";

/// Every statement of this file.
pub const STATEMENTS: &[&str] = &[VERSION, CONTENT, PROBLEM, NEXT, KNOWN];
