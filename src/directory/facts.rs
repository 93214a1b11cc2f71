//! Facts that services report, and sessions: the rows around a record that are not the record. Facts are written by
//! anyone, at any time; the leader folds them in.

use std::collections::HashMap;

use jiff::Timestamp;

use super::Error;
use super::sql::{Cell, Table, Tx, keys};
use crate::api::Handle;
use crate::record::Uid;

const SIGN_INS: Table = Table { name: "sign_ins", columns: &["id", "member", "app", "at", "location", "folded"], key: &["id"] };
const SESSIONS: Table =
    Table { name: "sessions", columns: &["id", "member", "app", "opened_at", "closed_at", "closed_by"], key: &["id"] };
/// A sign-in as a service reports it: the fact, and the session that it opens.
#[derive(Clone, Debug)]
pub struct SignIn {
    pub id: String,
    pub member: Uid,
    pub app: String,
    pub at: Timestamp,
    pub location: Option<String>,
}

/// Writes a sign-in.
pub async fn sign_in(tx: &mut Tx, fact: &SignIn) -> Result<(), Error> {
    let SignIn { id, member, app, at, location } = fact;
    let row = vec![
        id.as_str().into(),
        member.as_str().into(),
        app.as_str().into(),
        (*at).into(),
        location.clone().into(),
        false.into(),
    ];
    tx.insert(&SIGN_INS, vec![row]).await?;
    let row =
        vec![id.as_str().into(), member.as_str().into(), app.as_str().into(), (*at).into(), Cell::Int(None), Cell::Text(None)];
    tx.insert(&SESSIONS, vec![row]).await
}

/// The earliest sign-in of each of these members that no record knows of yet.
pub async fn unfolded(tx: &mut Tx, members: &[Uid]) -> Result<HashMap<Uid, Timestamp>, Error> {
    let mut first: HashMap<Uid, Timestamp> = HashMap::new();
    if tx.fetch_one(ANY_NEWS, vec![]).await?.is_none() {
        return Ok(first);
    }
    let news = "(SELECT member, at FROM sign_ins WHERE NOT folded)";
    for row in tx.lookup("member, at", news, &["member"], keys(members)).await? {
        let (member, at) = (Uid::from(row.text(0)?), row.instant(1)?);
        let earliest = first.entry(member).or_insert(at);
        *earliest = at.min(*earliest);
    }
    Ok(first)
}

const ANY_NEWS: &str = "SELECT member FROM sign_ins WHERE NOT folded LIMIT 1";

/// Handles of members with sign-ins, or news of their passwords, mails and links, that no record knows of yet.
pub async fn members_with_news(tx: &mut Tx, limit: i64) -> Result<Vec<Handle>, Error> {
    let rows = tx.fetch(NEWS, vec![limit.into()]).await?;
    rows.iter().map(|row| Ok(Handle::new(row.text(0)?, row.text(1)?))).collect()
}

const NEWS: &str = "SELECT namespace, name FROM members WHERE uid IN (SELECT member FROM sign_ins WHERE NOT folded \
     UNION SELECT member FROM password_facts WHERE NOT folded UNION SELECT member FROM links WHERE NOT folded \
     UNION SELECT uid FROM outbox WHERE NOT folded UNION SELECT member FROM news) LIMIT $1";

/// Notes that the records know of these members' sign-ins.
pub async fn fold(tx: &mut Tx, members: &[Uid]) -> Result<(), Error> {
    tx.update("sign_ins", &[("folded", true.into())], &["member"], keys(members), "NOT folded").await?;
    Ok(())
}

/// Which sessions of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    All,
    /// All but those on the web.
    OfApps,
}

/// Closes open sessions of these members; how many there were.
pub async fn sign_out(tx: &mut Tx, members: &[Uid], which: Sessions, at: Timestamp) -> Result<u64, Error> {
    let closed = [("closed_at", at.into()), ("closed_by", "Rollcall".into())];
    let open = match which {
        Sessions::All => "closed_at IS NULL",
        Sessions::OfApps => "closed_at IS NULL AND app <> 'Web'",
    };
    tx.update("sessions", &closed, &["member"], keys(members), open).await
}

/// How many sessions of a member are open.
pub async fn open_sessions(tx: &mut Tx, member: &Uid) -> Result<i64, Error> {
    tx.fetch_one(OPEN_SESSIONS, vec![member.as_str().into()]).await?.map_or(Ok(0), |row| row.get(0))
}

const OPEN_SESSIONS: &str = "SELECT count(*) FROM sessions WHERE member = $1 AND closed_at IS NULL";

/// The last sign-ins of a member, newest first: when and with which app.
pub async fn last_sign_ins(tx: &mut Tx, member: &Uid, limit: i64) -> Result<Vec<(Timestamp, String)>, Error> {
    let rows = tx.fetch(LAST_SIGN_INS, vec![member.as_str().into(), limit.into()]).await?;
    rows.iter().map(|row| Ok((row.instant(0)?, row.text(1)?))).collect()
}

const LAST_SIGN_INS: &str = "SELECT at, app FROM sign_ins WHERE member = $1 ORDER BY at DESC LIMIT $2";

/// Which of these identifiers are at rest.
pub async fn at_rest(tx: &mut Tx, uids: &[String]) -> Result<Vec<String>, Error> {
    let rows = tx.lookup("uid", "tombstones", &["uid"], keys(uids)).await?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// Which of these records somebody changed without the engine.
pub async fn touched(tx: &mut Tx) -> Result<Vec<Uid>, Error> {
    let rows = tx.fetch(TOUCHED, vec![]).await?;
    rows.iter().map(|row| Ok(Uid::from(row.text(0)?))).collect()
}

const TOUCHED: &str = "SELECT uid FROM touched LIMIT 10000";

/// Notes that these records were looked at.
pub async fn untouch(tx: &mut Tx, uids: &[Uid]) -> Result<u64, Error> {
    tx.delete("touched", &["uid"], keys(uids)).await
}

/// Every statement of this file that stands by itself.
pub const STATEMENTS: &[&str] = &[ANY_NEWS, NEWS, OPEN_SESSIONS, LAST_SIGN_INS, TOUCHED];
