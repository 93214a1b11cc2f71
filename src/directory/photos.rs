//! Members' pictures (M3): kept once each, beside the reason where there is none. Never looks into a picture. Called by
//! whoever reads them from where the manifests say, and by gathering.

use std::collections::HashMap;

use super::Error;
use super::sql::{Cell, Table, Tx, keys};
use crate::record::Uid;
use crate::record::account::{Photo, PhotoFact};

/// A picture without its content.
pub const PHOTOS: Table = Table {
    name: "photos",
    columns: &["member", "digest", "media_type", "width", "height", "problem", "missing"],
    key: &["member"],
};

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

/// Keeps what was found where a member's manifest says that the picture is; whether that is another than before. What
/// can't be had takes nothing away: the content stays.
pub async fn keep(tx: &mut Tx, member: &Uid, fact: &PhotoFact, content: Option<Vec<u8>>) -> Result<bool, Error> {
    let known = load(tx, std::slice::from_ref(member)).await?.remove(member);
    if known.as_ref() == Some(fact) {
        return Ok(false);
    }
    let member = member.as_str();
    let problem = match fact {
        PhotoFact::Kept(Photo { media_type, width, height, digest }) => {
            let (digest, media_type) = (digest.as_str().into(), media_type.as_str().into());
            let row = vec![member.into(), digest, media_type, (*width).into(), (*height).into(), Cell::Text(None), false.into()];
            tx.upsert(&PHOTOS, vec![row]).await?;
            if let Some(content) = content {
                tx.execute(CONTENT, vec![member.into(), Cell::Bytes(content)]).await?;
            }
            return Ok(true);
        }
        PhotoFact::NotFound(problem) | PhotoFact::Invalid(problem) => problem.as_str(),
    };
    let missing = matches!(fact, PhotoFact::NotFound(_));
    if tx.execute(PROBLEM, vec![member.into(), problem.into(), missing.into()]).await? == 0 {
        let nothing = [Cell::Text(None), Cell::Int(None), Cell::Int(None)];
        let row = [vec![member.into(), "".into()], nothing.to_vec(), vec![problem.into(), missing.into()]].concat();
        tx.insert(&PHOTOS, vec![row]).await?;
    }
    Ok(true)
}

const CONTENT: &str = "UPDATE photos SET content = $2 WHERE member = $1";
const PROBLEM: &str = "UPDATE photos SET problem = $2, missing = $3 WHERE member = $1";

/// Erases the pictures of members.
pub async fn erase(tx: &mut Tx, members: &[Uid]) -> Result<(), Error> {
    tx.delete(PHOTOS.name, PHOTOS.key, keys(members)).await?;
    Ok(())
}

/// Every statement of this file.
pub const STATEMENTS: &[&str] = &[CONTENT, PROBLEM];
