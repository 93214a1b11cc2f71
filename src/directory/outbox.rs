//! The outbox: what others must do, written in the transaction of the change, taken and acknowledged by its
//! consumer (I2). Written by the engine; taken by the sender of mails and by services.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::Error;
use super::sql::{Cell, Row, Table, Tx, keys};
use crate::api::{Handle, Key, Kind};
use crate::record::mail::RefusedMail;
use crate::record::{Consumer, Mail, Order, Uid};

pub const OUTBOX: Table = Table {
    name: "outbox",
    columns: &[
        "id",
        "at",
        "uid",
        "tenant",
        "consumer",
        "effect",
        "payload",
        "attempts",
        "next_at",
        "error",
        "refused_at",
        "acknowledged_at",
        "changed_at",
        "folded",
        "held",
    ],
    key: &["id"],
};

/// An order on its way into the outbox.
#[derive(Clone, Debug)]
pub struct Ordered {
    pub id: String,
    /// As of when it is.
    pub at: Timestamp,
    pub uid: Uid,
    pub tenant: Uid,
    pub order: Order,
    /// Whether it waits until its batch, or run of the password work, is whole, or for a person's word (T15).
    pub held: bool,
}

/// Puts orders into the outbox. A new invitation takes the place of one that still waits, and of a first notice: it says all
/// that is in there, too. Nobody gets a second first notice (M34).
pub async fn order(tx: &mut Tx, mut orders: Vec<Ordered>, now: Timestamp) -> Result<(), Error> {
    let is_notice = |ordered: &Ordered| ordered.order == Order::Mail(Mail::FirstNotice);
    let noticed = keys(orders.iter().filter(|ordered| is_notice(ordered)).map(|ordered| &ordered.uid));
    if !noticed.is_empty() {
        let rows = tx.lookup("found.uid", NOTICED, &["uid"], noticed).await?;
        let noticed: HashSet<Uid> = rows.iter().map(|row| Ok(row.text(0)?.into())).collect::<Result<_, Error>>()?;
        orders.retain(|ordered| !(is_notice(ordered) && noticed.contains(&ordered.uid)));
    }
    let invited = orders.iter().filter(|ordered| ordered.order == Order::Mail(Mail::Invitation));
    let first = [Mail::FirstNotice, Mail::Invitation];
    let of = |ordered: &Ordered| first.map(|mail| vec![Cell::from(ordered.uid.as_str()), mail.name().into()]);
    let invited: Vec<_> = invited.flat_map(of).collect();
    let superseded = [("acknowledged_at", now.into()), ("error", "superseded".into())];
    change_open(tx, &superseded, &["uid", "effect"], invited, now).await?;
    let rows = orders.into_iter().map(|Ordered { id, at, uid, tenant, order, held }| {
        vec![
            id.into(),
            at.into(),
            uid.as_str().into(),
            tenant.as_str().into(),
            order.consumer().name().into(),
            order.effect().into(),
            order.payload().into(),
            0_i64.into(),
            now.into(),
            Cell::Text(None),
            Cell::Int(None),
            Cell::Int(None),
            now.into(),
            true.into(),
            held.into(),
        ]
    });
    tx.insert(&OUTBOX, rows.collect()).await
}

// What was superseded, or dropped for another cause, never left.
const NOTICED: &str = "(SELECT uid FROM outbox WHERE effect = 'FirstNotice' AND acknowledged_at IS NOT NULL AND error IS NULL)";

/// A mail whose time has come.
#[derive(Clone, Debug)]
pub struct Due {
    pub id: String,
    pub uid: Uid,
    pub tenant: Uid,
    pub mail: Mail,
    /// The address that the order names; else it follows from the member.
    pub to: Option<String>,
    /// How often it was tried, this time included.
    pub attempts: i64,
}

/// Takes mails whose time has come, the longest due first. Each is tried again by itself: after a minute, then twice
/// as long each time, at most an hour. So a sender that dies loses nothing, and two senders rarely take the same.
pub async fn take(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Due>, Error> {
    let mail = |row: &Row| -> Result<Option<Due>, Error> {
        let effect = row.text(3)?;
        let mail = Mail::ALL.into_iter().find(|mail| mail.name() == effect);
        let (id, uid, tenant, attempts) = (row.text(0)?, row.text(1)?.into(), row.text(2)?.into(), row.get(4)?);
        let to = row.json(5)?["to"].as_str().map(str::to_owned);
        Ok(mail.map(|mail| Due { id, uid, tenant, mail, to, attempts }))
    };
    let rows = tx.fetch(TAKE, vec![now.into(), limit.into()]).await?;
    let due: Vec<Option<Due>> = rows.iter().map(mail).collect::<Result<_, _>>()?;
    Ok(due.into_iter().flatten().collect())
}

const TAKE: &str = "UPDATE outbox SET attempts = attempts + 1, changed_at = $1, \
     next_at = $1 + CASE WHEN attempts < 6 THEN 60000000 * (1 << CAST(attempts AS INTEGER)) ELSE 3600000000 END \
     WHERE id IN (SELECT id FROM outbox WHERE consumer = 'mail' AND acknowledged_at IS NULL AND refused_at IS NULL \
     AND NOT held AND next_at <= $1 ORDER BY next_at, id LIMIT $2) AND next_at <= $1 RETURNING id, uid, tenant, effect, attempts, payload";

/// Whether a mail's time has come.
pub async fn any_due(tx: &mut Tx, now: Timestamp) -> Result<bool, Error> {
    Ok(tx.fetch_one(ANY_DUE, vec![now.into()]).await?.is_some())
}

const ANY_DUE: &str = "SELECT 1 FROM outbox WHERE consumer = 'mail' AND acknowledged_at IS NULL AND refused_at IS NULL \
     AND NOT held AND next_at <= $1 LIMIT 1";

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was carried out.
    Done,
    /// There is nothing left to do, and why.
    Dropped(&'static str),
    /// It was refused for good: it is set aside until somebody tries it again, and its record told.
    Refused(String),
    /// It is tried again at its time.
    PutOff(String),
}

/// Notes what became of an order. No error may hold a secret (R7).
pub async fn end(tx: &mut Tx, id: &str, ended: &Ended, now: Timestamp) -> Result<(), Error> {
    let (sql, error): (&str, Option<String>) = match ended {
        Ended::Done => (DONE, None),
        Ended::Dropped(why) => (DONE, Some((*why).to_owned())),
        Ended::Refused(error) => (REFUSED, Some(error.clone())),
        Ended::PutOff(error) => (PUT_OFF, Some(error.clone())),
    };
    tx.execute(sql, vec![id.into(), error.into(), now.into()]).await.map(drop)
}

const DONE: &str = "UPDATE outbox SET acknowledged_at = $3, error = $2, changed_at = $3, folded = (refused_at IS NULL) \
     WHERE id = $1 AND acknowledged_at IS NULL";
const REFUSED: &str = "UPDATE outbox SET refused_at = $3, error = $2, changed_at = $3, folded = FALSE \
     WHERE id = $1 AND acknowledged_at IS NULL";
const PUT_OFF: &str = "UPDATE outbox SET error = $2, changed_at = $3 WHERE id = $1 AND acknowledged_at IS NULL";

/// Acknowledges an order for its consumer: whether there was one that nobody had acknowledged; nothing, if there is none.
pub async fn acknowledge(tx: &mut Tx, id: &str, now: Timestamp) -> Result<Option<bool>, Error> {
    if tx.fetch_one(KNOWN, vec![id.into()]).await?.is_none() {
        return Ok(None);
    }
    let done = tx.execute(DONE, vec![id.into(), Cell::Text(None), now.into()]).await?;
    // Of somebody who is gone, an order for a device stays until it is done only (M25).
    for sql in [OVER, NEWS_OF_NOBODY] {
        tx.execute(sql, vec![id.into()]).await?;
    }
    Ok(Some(done > 0))
}

const OVER: &str = "DELETE FROM outbox WHERE id = $1 AND consumer = 'devices' AND uid IN (SELECT uid FROM tombstones)";
const NEWS_OF_NOBODY: &str = "DELETE FROM news WHERE id = $1 AND member IN (SELECT uid FROM tombstones)";
const KNOWN: &str = "SELECT 1 FROM outbox WHERE id = $1";

/// What comes of another try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retried {
    /// The mail's time has come.
    Due,
    /// The mail waits for a person's word (T15).
    Held,
    /// It is for a consumer that takes its orders by itself.
    TakenBy(String),
    /// There is no such order that is not acknowledged.
    Unknown,
}

/// Has a mail tried again at once.
pub async fn retry(tx: &mut Tx, id: &str, now: Timestamp) -> Result<Retried, Error> {
    if tx.execute(RETRY, vec![id.into(), now.into()]).await? > 0 {
        return Ok(Retried::Due);
    }
    let Some(row) = tx.fetch_one(NOT_RETRIED, vec![id.into()]).await? else { return Ok(Retried::Unknown) };
    let consumer = row.text(0)?;
    Ok(if consumer == Consumer::Mail.name() { Retried::Held } else { Retried::TakenBy(consumer) })
}

const RETRY: &str = "UPDATE outbox SET next_at = $2, changed_at = $2, folded = (refused_at IS NULL), refused_at = NULL \
     WHERE id = $1 AND acknowledged_at IS NULL AND consumer = 'mail' AND NOT held";
const NOT_RETRIED: &str = "SELECT consumer FROM outbox WHERE id = $1 AND acknowledged_at IS NULL";

/// Has the mails of these members tried again at once: they have another address.
pub async fn readdress(tx: &mut Tx, members: &[Uid], now: Timestamp) -> Result<(), Error> {
    let mails = members.iter().map(|uid| vec![Cell::from(uid.as_str()), Consumer::Mail.name().into()]).collect();
    let again = [("next_at", now.into()), ("refused_at", Cell::Int(None))];
    change_open(tx, &again, &["uid", "consumer"], mails, now).await
}

/// The mails to whom these contacts invited are wanted no more.
pub async fn withdraw(tx: &mut Tx, contacts: &[Uid], now: Timestamp) -> Result<(), Error> {
    let mails = contacts.iter().map(|uid| vec![Cell::from(uid.as_str()), Consumer::Mail.name().into()]).collect();
    let over = [("acknowledged_at", now.into()), ("error", "the invitation was withdrawn".into())];
    change_open(tx, &over, &["uid", "consumer"], mails, now).await
}

/// Changes rows that are not acknowledged. One that was refused is news to its record.
async fn change_open(tx: &mut Tx, set: &[(&str, Cell)], by: &[&str], keys: Vec<Vec<Cell>>, now: Timestamp) -> Result<(), Error> {
    for (folded, refused) in [(true, "refused_at IS NULL"), (false, "refused_at IS NOT NULL")] {
        let also = [("changed_at", now.into()), ("folded", folded.into())];
        let set: Vec<(&str, Cell)> = set.iter().cloned().chain(also).collect();
        tx.update("outbox", &set, by, keys.clone(), &format!("acknowledged_at IS NULL AND {refused}")).await?;
    }
    Ok(())
}

/// The mails of a tenant that are held.
pub struct HeldMails {
    pub tenant: Uid,
    /// None, where somebody has acknowledged all that were, or their people are purged.
    pub number: i64,
    /// When the first and the last were ordered.
    pub ordered: Option<(Timestamp, Timestamp)>,
}

/// The tenants whose mails are held, or were.
pub async fn held(tx: &mut Tx) -> Result<Vec<HeldMails>, Error> {
    let held = |row: &Row| {
        let (first, last) = (row.maybe_instant(2)?, row.maybe_instant(3)?);
        Ok(HeldMails { tenant: row.text(0)?.into(), number: row.get(1)?, ordered: first.zip(last) })
    };
    tx.fetch(HELD, vec![]).await?.iter().map(held).collect()
}

const HELD: &str = "SELECT tenant, count(*) - count(acknowledged_at), min(at), max(at) FROM outbox WHERE held GROUP BY tenant \
     UNION ALL SELECT t.uid, 0, NULL, NULL FROM holds h JOIN tenants t ON t.namespace = h.namespace AND t.name = h.name \
     WHERE h.reason = 'MailsHeld' AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.held AND o.tenant = t.uid)";

/// A mail that is held: to whom, which, and what tells its address from another.
pub struct HeldMail {
    pub name: String,
    pub effect: String,
    pub id: String,
    pub address: String,
}

/// A page of the mails of a tenant that are held, in the order of names and mails: those after another.
pub async fn held_page(tx: &mut Tx, tenant: &Uid, after: Option<&HeldMail>) -> Result<Vec<HeldMail>, Error> {
    let (name, effect, id) = after.map_or(("", "", ""), |mail| (&mail.name, &mail.effect, &mail.id));
    let rows = tx.fetch(HELD_PAGE, vec![tenant.as_str().into(), name.into(), effect.into(), id.into()]).await?;
    let mail = |row: &Row| Ok(HeldMail { name: row.text(0)?, effect: row.text(1)?, id: row.text(2)?, address: row.text(3)? });
    rows.iter().map(mail).collect()
}

const HELD_PAGE: &str = "SELECT name, effect, id, address FROM (SELECT COALESCE(m.name, c.name, '') AS name, o.effect AS effect, \
     o.id AS id, COALESCE(m.personal_email, c.sought, '') AS address \
     FROM outbox o LEFT JOIN members m ON m.uid = o.uid LEFT JOIN contacts c ON c.uid = o.uid \
     WHERE o.tenant = $1 AND o.held AND o.acknowledged_at IS NULL) AS mails \
     WHERE (name, effect, id) > ($2, $3, $4) ORDER BY name, effect, id LIMIT 20000";

/// Lets the mails of a tenant go that were held.
pub async fn let_go(tx: &mut Tx, tenant: &Uid, now: Timestamp) -> Result<(), Error> {
    tx.execute(LET_GO, vec![tenant.as_str().into(), now.into()]).await.map(drop)
}

const LET_GO: &str = "UPDATE outbox SET held = FALSE, changed_at = $2 WHERE tenant = $1 AND held";

/// A row of the outbox as it is listed.
#[derive(Clone, Debug)]
pub struct Listed {
    pub id: String,
    pub at: Timestamp,
    pub uid: Uid,
    /// The record, while it is there.
    pub of: Option<Key>,
    pub consumer: String,
    pub effect: String,
    pub payload: serde_json::Value,
    pub attempts: i64,
    pub next_at: Timestamp,
    pub error: Option<String>,
    pub refused_at: Option<Timestamp>,
    pub acknowledged_at: Option<Timestamp>,
    /// Whether it waits for a person's word (T15).
    pub held: bool,
}

/// What of the outbox is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// What is not acknowledged.
    Open,
    All,
}

/// The rows of the outbox, oldest first, of one consumer or of all, of one record or of all.
pub async fn list(tx: &mut Tx, which: Which, consumer: Option<Consumer>, uid: Option<&Uid>) -> Result<Vec<Listed>, Error> {
    let (consumer, uid) = (consumer.map_or("", Consumer::name), uid.map_or("", Uid::as_str));
    let rows = tx.fetch(LIST, vec![(which == Which::All).into(), consumer.into(), uid.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Listed {
                id: row.text(0)?,
                at: row.instant(1)?,
                uid: row.text(2)?.into(),
                of: key(row)?,
                consumer: row.text(6)?,
                effect: row.text(7)?,
                payload: row.json(8)?,
                attempts: row.get(9)?,
                next_at: row.instant(10)?,
                error: row.get(11)?,
                refused_at: row.maybe_instant(12)?,
                acknowledged_at: row.maybe_instant(13)?,
                held: row.get(14)?,
            })
        })
        .collect()
}

/// The record of a row that is listed.
fn key(row: &Row) -> Result<Option<Key>, Error> {
    let Some(kind) = row.get::<Option<String>>(3)? else { return Ok(None) };
    let kind: Kind = kind.parse().map_err(Error::Corrupt)?;
    Ok(Some(Key::new(kind, Handle::new(row.text(4)?, row.text(5)?))))
}

const LIST: &str = "SELECT o.id, o.at, o.uid, CASE WHEN m.uid IS NOT NULL THEN 'Member' \
     WHEN c.uid IS NOT NULL THEN 'ExternalContact' WHEN t.uid IS NOT NULL THEN 'Tenant' END, COALESCE(m.namespace, c.namespace, t.namespace), \
     COALESCE(m.name, c.name, t.name), o.consumer, o.effect, o.payload, o.attempts, o.next_at, \
     o.error, o.refused_at, o.acknowledged_at, o.held FROM outbox o LEFT JOIN members m ON m.uid = o.uid \
     LEFT JOIN contacts c ON c.uid = o.uid LEFT JOIN tenants t ON t.uid = o.uid \
     WHERE ($1 OR o.acknowledged_at IS NULL) AND ($2 = '' OR o.consumer = $2) AND ($3 = '' OR o.uid = $3) ORDER BY o.at, o.id";

/// What of a tenant is not acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Open {
    pub orders: i64,
    /// The oldest of them.
    pub since: Option<Timestamp>,
    /// Mails among them that wait, where nobody sends any, or some could not be sent; else none is told of.
    pub mails: i64,
    pub mails_since: Option<Timestamp>,
}

/// What is not acknowledged, by tenant. `sends` says whether a server for mails is known.
pub async fn open(tx: &mut Tx, sends: Sends) -> Result<HashMap<String, Open>, Error> {
    let mut map: HashMap<String, Open> = HashMap::new();
    for row in tx.fetch(OPEN, vec![]).await? {
        let open = map.entry(row.text(0)?).or_default();
        (open.orders, open.since) = (row.get(1)?, row.maybe_instant(2)?);
        let failing: i64 = row.get(5)?;
        if sends == Sends::No || failing > 0 {
            (open.mails, open.mails_since) = (row.get(3)?, row.maybe_instant(4)?);
        }
    }
    Ok(map)
}

const OPEN: &str = "SELECT tenant, count(*), min(at), \
     count(CASE WHEN consumer = 'mail' AND refused_at IS NULL THEN 1 END), \
     min(CASE WHEN consumer = 'mail' AND refused_at IS NULL THEN at END), \
     count(CASE WHEN consumer = 'mail' AND refused_at IS NULL AND error IS NOT NULL THEN 1 END) \
     FROM outbox WHERE acknowledged_at IS NULL GROUP BY tenant";

/// Whether whoever led last knows a server to send mails through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    Yes,
    No,
}

/// Notes whether mails are sent, where that is another than before.
pub async fn note_sends(tx: &mut Tx, sends: Sends) -> Result<(), Error> {
    let text = match sends {
        Sends::Yes => "yes",
        Sends::No => "no",
    };
    tx.execute(NOTE_SENDS, vec![text.into()]).await.map(drop)
}

/// Whether mails are sent.
pub async fn sends(tx: &mut Tx) -> Result<Sends, Error> {
    let row = tx.fetch_one(SENDS, vec![]).await?;
    Ok(match row.map(|row| row.text(0)).transpose()?.as_deref() {
        Some("yes") => Sends::Yes,
        Some(_) | None => Sends::No,
    })
}

const NOTE_SENDS: &str = "INSERT INTO directory (key, value) VALUES ('sends_mail', $1) \
     ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE directory.value <> excluded.value";
const SENDS: &str = "SELECT value FROM directory WHERE key = 'sends_mail'";

/// When the outbox was last written: whoever shows figures of it looks again when this moves.
pub async fn changed_at(tx: &mut Tx) -> Result<Option<Timestamp>, Error> {
    tx.fetch_one(CHANGED_AT, vec![]).await?.map_or(Ok(None), |row| row.maybe_instant(0))
}

const CHANGED_AT: &str = "SELECT max(changed_at) FROM outbox";

/// The mails that were refused to these members.
pub async fn refused(tx: &mut Tx, members: &[Uid]) -> Result<Vec<(Uid, RefusedMail)>, Error> {
    if tx.fetch_one(ANY_REFUSED, vec![]).await?.is_none() {
        return Ok(Vec::new());
    }
    let open = "(SELECT uid, id, effect, error FROM outbox WHERE refused_at IS NOT NULL AND acknowledged_at IS NULL)";
    let rows = tx.lookup("uid, id, effect, error", open, &["uid"], keys(members)).await?;
    let refused = |row: &Row| {
        let error = row.get::<Option<String>>(3)?.unwrap_or_default();
        Ok((row.text(0)?.into(), RefusedMail { id: row.text(1)?, mail: row.text(2)?, error }))
    };
    rows.iter().map(refused).collect()
}

const ANY_REFUSED: &str = "SELECT 1 FROM outbox WHERE refused_at IS NOT NULL AND acknowledged_at IS NULL LIMIT 1";

/// The rows of these members that are news to their records.
pub async fn unfolded(tx: &mut Tx, members: &[Uid]) -> Result<Vec<(Uid, String)>, Error> {
    if tx.fetch_one(ANY_NEWS, vec![]).await?.is_none() {
        return Ok(Vec::new());
    }
    let news = "(SELECT uid, id FROM outbox WHERE NOT folded)";
    let rows = tx.lookup("uid, id", news, &["uid"], keys(members)).await?;
    rows.iter().map(|row| Ok((row.text(0)?.into(), row.text(1)?))).collect()
}

const ANY_NEWS: &str = "SELECT 1 FROM outbox WHERE NOT folded LIMIT 1";

/// Notes that the records know of these rows.
pub async fn fold(tx: &mut Tx, ids: &[String]) -> Result<(), Error> {
    tx.update("outbox", &[("folded", true.into())], &["id"], keys(ids), "NOT folded").await.map(drop)
}

/// Takes away the mails of these members, sent or not: nobody is left to read them (M25). So go the orders for their
/// devices that were carried out: they name these.
pub async fn forget(tx: &mut Tx, members: &[Uid]) -> Result<(), Error> {
    let mails = members.iter().map(|uid| vec![Cell::from(uid.as_str()), Consumer::Mail.name().into()]);
    tx.delete("outbox", &["uid", "consumer"], mails.collect()).await?;
    let carried_out = "(SELECT id, uid FROM outbox WHERE consumer = 'devices' AND acknowledged_at IS NOT NULL)";
    let orders = tx.lookup("id", carried_out, &["uid"], keys(members)).await?;
    let orders: Vec<String> = orders.iter().map(|row| row.text(0)).collect::<Result<_, _>>()?;
    tx.delete("outbox", &["id"], keys(orders)).await.map(drop)
}

/// Every statement of this file.
pub const STATEMENTS: &[&str] = &[
    TAKE,
    ANY_DUE,
    HELD,
    HELD_PAGE,
    LET_GO,
    DONE,
    REFUSED,
    PUT_OFF,
    OVER,
    NEWS_OF_NOBODY,
    KNOWN,
    RETRY,
    NOT_RETRIED,
    LIST,
    OPEN,
    NOTE_SENDS,
    SENDS,
    CHANGED_AT,
    ANY_REFUSED,
    ANY_NEWS,
];
