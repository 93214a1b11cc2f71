//! Links that are sent by mail (M32, M33): kept as SHA-256 digests only, each for one use and for its time. Made
//! by the sender of mails, used up by whoever sets a password; what happens to them is news to the record.

use jiff::Timestamp;
use ring::digest::{SHA256, digest};

use super::Error;
use super::audit::hex;
use super::sql::{Cell, Table, Tx, keys};
use crate::record::Uid;
use crate::record::mail::Purpose;

pub const LINKS: Table = Table {
    name: "links",
    columns: &["digest", "member", "purpose", "created_at", "expires_at", "sent_at", "ended_at", "used_at", "folded"],
    key: &["digest"],
};

/// What of a link the directory keeps.
fn digest_of(token: &str) -> String {
    hex(digest(&SHA256, token.as_bytes()).as_ref())
}

/// Makes a link of a member; earlier ones of the same purpose end. `token` is what stands in the mail, and nowhere else.
pub async fn make(tx: &mut Tx, token: &str, member: &Uid, purpose: Purpose, now: Timestamp) -> Result<(), Error> {
    end(tx, &[(member.clone(), purpose)], now).await?;
    let row = vec![
        digest_of(token).into(),
        member.as_str().into(),
        purpose.name().into(),
        now.into(),
        purpose.ends(now).into(),
        Cell::Int(None),
        Cell::Int(None),
        Cell::Int(None),
        true.into(),
    ];
    tx.insert(&LINKS, vec![row]).await
}

/// Ends the open links of these members for a purpose. That one was sent is no news any more.
pub async fn end(tx: &mut Tx, links: &[(Uid, Purpose)], now: Timestamp) -> Result<(), Error> {
    let ended = [("ended_at", now.into()), ("folded", true.into())];
    let keys = links.iter().map(|(member, purpose)| vec![member.as_str().into(), purpose.name().into()]).collect();
    tx.update("links", &ended, &["member", "purpose"], keys, "used_at IS NULL AND ended_at IS NULL").await.map(drop)
}

/// Notes that the mail with a link was sent: from here on the record tells until when it works. Whether it still does:
/// one may end while its mail is on the way.
pub async fn sent(tx: &mut Tx, token: &str, now: Timestamp) -> Result<bool, Error> {
    Ok(tx.execute(SENT, vec![digest_of(token).into(), now.into()]).await? > 0)
}

const SENT: &str = "UPDATE links SET sent_at = $2, folded = (purpose <> 'Registration') WHERE digest = $1 AND ended_at IS NULL";

/// Why a link does not lead on. Which of them it is may be told to whoever holds the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Useless {
    #[error("there is no such link")]
    Unknown,
    #[error("the link was used before")]
    Used,
    #[error("it was withdrawn, or a newer link took its place")]
    Ended,
    #[error("the link is over")]
    Expired,
    #[error("the account may not be used now")]
    NoAccess,
}

/// Whose a link is, or why it does not lead on. It is not used up: a password is checked and hashed first.
pub async fn look(tx: &mut Tx, token: &str, purpose: Purpose, now: Timestamp) -> Result<Result<Uid, Useless>, Error> {
    let Some(row) = tx.fetch_one(LINK, vec![digest_of(token).into(), purpose.name().into()]).await? else {
        return Ok(Err(Useless::Unknown));
    };
    let (member, expires_at) = (row.get::<Option<String>>(0)?, row.instant(1)?);
    Ok(match (row.maybe_instant(3)?, row.maybe_instant(2)?, member) {
        (Some(_), _, _) => Err(Useless::Used),
        (None, Some(_), _) => Err(Useless::Ended),
        (None, None, _) if expires_at <= now => Err(Useless::Expired),
        (None, None, None) => Err(Useless::NoAccess),
        (None, None, Some(member)) => Ok(member.into()),
    })
}

const LINK: &str = "SELECT m.uid, l.expires_at, l.ended_at, l.used_at FROM links l LEFT JOIN members m ON m.uid = l.member \
     AND m.deleted_at IS NULL AND m.suspended_at IS NULL AND m.activated_at IS NOT NULL WHERE l.digest = $1 AND l.purpose = $2";

/// Uses a link up, within the transaction that sets the password: whose it is, or why it does not lead on. Of two that
/// try at once, one succeeds.
pub async fn consume(tx: &mut Tx, token: &str, purpose: Purpose, now: Timestamp) -> Result<Result<Uid, Useless>, Error> {
    let found = look(tx, token, purpose, now).await?;
    if found.is_ok() && tx.execute(USE, vec![digest_of(token).into(), now.into()]).await? == 0 {
        return Ok(Err(Useless::Used));
    }
    Ok(found)
}

const USE: &str = "UPDATE links SET used_at = $2, folded = (purpose <> 'Registration') \
     WHERE digest = $1 AND used_at IS NULL AND ended_at IS NULL";

/// What happened to a link of a member that its record does not know yet.
#[derive(Clone, Debug)]
pub struct News {
    pub digest: String,
    pub member: Uid,
    /// When it was sent, and until when it works.
    pub sent: Option<(Timestamp, Timestamp)>,
    pub used_at: Option<Timestamp>,
}

/// What happened to links of these members that their records do not know yet.
pub async fn unfolded(tx: &mut Tx, members: &[Uid]) -> Result<Vec<News>, Error> {
    if tx.fetch_one(ANY_NEWS, vec![]).await?.is_none() {
        return Ok(Vec::new());
    }
    let news = "(SELECT digest, member, sent_at, expires_at, used_at FROM links WHERE NOT folded)";
    let rows = tx.lookup("digest, member, sent_at, expires_at, used_at", news, &["member"], keys(members)).await?;
    rows.iter()
        .map(|row| {
            let (sent_at, expires_at) = (row.maybe_instant(2)?, row.instant(3)?);
            Ok(News {
                digest: row.text(0)?,
                member: row.text(1)?.into(),
                sent: sent_at.map(|sent_at| (sent_at, expires_at)),
                used_at: row.maybe_instant(4)?,
            })
        })
        .collect()
}

const ANY_NEWS: &str = "SELECT 1 FROM links WHERE NOT folded LIMIT 1";

/// Notes that the records know of these links.
pub async fn fold(tx: &mut Tx, digests: &[String]) -> Result<(), Error> {
    tx.update("links", &[("folded", true.into())], &["digest"], keys(digests), "NOT folded").await.map(drop)
}

/// Every statement of this file.
pub const STATEMENTS: &[&str] = &[SENT, USE, LINK, ANY_NEWS];
