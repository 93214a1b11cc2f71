//! Credentials and the rows around them: hashes, former hashes, orders for the password work, and what became
//! of it. Knows no password and computes no hash. Used by the password work, by verification and by the engine.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde_json::Value;

use super::cells::{handle_keys, phase_of};
use super::frozen::member_is_frozen;
use super::random::identifier;
use super::sql::{Cell, Row, Table, Tx, keys};
use super::{Directory, Error, links};
use crate::api::{Handle, MemberPhase, Reason};
use crate::record::Uid;
use crate::record::claim::normalized;
use crate::record::mail::Purpose;

pub const CREDENTIALS: Table = Table {
    name: "credentials",
    columns: &["member", "hash", "must_change", "changed_at", "taken", "generated", "passed_over"],
    key: &["member"],
};
pub const HISTORY: Table = Table { name: "password_history", columns: &["id", "member", "hash"], key: &["id"] };
pub const ORDERS: Table =
    Table { name: "password_orders", columns: &["id", "member", "reason", "at", "tried_at"], key: &["member", "reason"] };
/// What became of passwords.
pub const FACTS: Table = Table {
    name: "password_facts",
    columns: &["member", "id", "changed_at", "trouble", "by_member", "at", "folded"],
    key: &["member"],
};
/// How many former hashes are kept: the most that a policy may forbid (T5).
const KEPT: i64 = 24;

/// A member's credential.
#[derive(Clone)]
pub struct Credential {
    /// In the PHC string format, parameters and salt included.
    pub hash: String,
    pub must_change: bool,
    pub changed_at: Timestamp,
    /// What is known of the Secret that the manifest names, if anything is (M33).
    pub seen: Option<Seen>,
    /// Whether it lies in a Secret that Rollcall wrote.
    pub generated: bool,
}

/// The content of a Secret that was there last.
#[derive(Clone)]
pub struct Seen {
    /// Its keyed digest.
    pub digest: String,
    /// Whether it was not taken, since the member had a password before it was there: a reset takes it (M33).
    pub passed_over: bool,
}

impl Seen {
    fn of(digest: Option<String>, passed_over: bool) -> Option<Seen> {
        digest.map(|digest| Seen { digest, passed_over })
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("changed_at", &self.changed_at).finish_non_exhaustive()
    }
}

/// What a sign-in looks at.
#[derive(Clone, Debug)]
pub struct SigningIn {
    pub member: Uid,
    pub handle: Handle,
    pub phase: MemberPhase,
    /// The tenant's `passwordPolicy`, as it is declared.
    pub policy: Value,
    pub credential: Option<Credential>,
}

/// Who signs in with an ID in the tenant with a domain, in one look. A secondary address only receives (M8).
pub async fn signing_in(directory: &Directory, domain: &str, id: &str) -> Result<Option<SigningIn>, Error> {
    let rows = directory.pool.look(SIGNING_IN, vec![normalized(domain).into(), normalized(id).into()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let policy = row.get::<Option<String>>(4)?.unwrap_or_default();
    let credential = match row.get::<Option<String>>(5)? {
        Some(hash) => Some(Credential {
            hash,
            must_change: row.get(6)?,
            changed_at: row.instant(7)?,
            seen: Seen::of(row.get(8)?, row.get(10)?),
            generated: row.get(9)?,
        }),
        None => None,
    };
    Ok(Some(SigningIn {
        member: row.text(0)?.into(),
        handle: Handle::new(row.text(1)?, row.text(2)?),
        phase: phase_of(row.text(3)?, MemberPhase::Suspended),
        policy: serde_json::from_str(&policy).unwrap_or_default(),
        credential,
    }))
}

const SIGNING_IN: &str = "SELECT m.uid, m.namespace, m.name, m.phase, CAST(t.intent -> 'passwordPolicy' AS TEXT), \
     c.hash, c.must_change, c.changed_at, c.taken, c.generated, c.passed_over \
     FROM claims d JOIN tenants t ON t.uid = d.holder JOIN claims a ON a.scope = d.holder AND a.space = 'address' AND a.key = $2 \
     JOIN members m ON m.uid = a.holder AND m.id = a.key LEFT JOIN credentials c ON c.member = m.uid \
     WHERE d.scope = '' AND d.space = 'domain' AND d.key = $1";

/// Why there is work to do on a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The first one is to be made (M32).
    First,
    /// Another is to be made (M33).
    Reset,
    /// The Secret has another content than was last taken, or the manifest names another (M33).
    FromSecret,
    /// The Secret with an initial password is to be where its member is now, with the present message ID (M32).
    MoveSecret,
    /// The Secret with an initial password is no longer needed (M32), or its member is purged (M25).
    RemoveSecret,
}

impl Why {
    const ALL: [Why; 5] = [Why::First, Why::Reset, Why::FromSecret, Why::MoveSecret, Why::RemoveSecret];

    fn name(self) -> &'static str {
        match self {
            Why::First => "First",
            Why::Reset => "Reset",
            Why::FromSecret => "FromSecret",
            Why::MoveSecret => "MoveSecret",
            Why::RemoveSecret => "RemoveSecret",
        }
    }
}

/// One piece of work on a member's password. Its id tells it from later ones.
#[derive(Clone, Debug)]
pub struct Order {
    pub id: String,
    pub member: Uid,
    pub why: Why,
    pub at: Timestamp,
}

/// Who changed a password, or tried to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Member,
    Administrator,
}

/// What became of a member's password.
#[derive(Clone, Debug)]
pub struct Fact {
    pub id: String,
    pub changed_at: Option<Timestamp>,
    pub trouble: Option<(Reason, String)>,
    pub by: By,
    pub at: Timestamp,
}

/// A trouble as it is kept: its reason and its message.
pub fn trouble_text((reason, message): &(Reason, String)) -> String {
    format!("{}: {message}", reason.name())
}

/// A trouble as it was kept.
pub fn trouble(text: &str) -> Option<(Reason, String)> {
    let (name, message) = text.split_once(": ")?;
    let reason = Reason::ALL.iter().find(|reason| reason.name() == name)?;
    Some((*reason, message.to_owned()))
}

/// Orders work on passwords. One that is ordered already is not ordered twice, but for a reset, which is anew, and takes the
/// place of what was to be taken from a Secret.
pub async fn order(tx: &mut Tx, orders: &[Order]) -> Result<(), Error> {
    let resets = orders.iter().filter(|order| order.why == Why::Reset);
    let replaced = resets.map(|reset| vec![reset.member.as_str().into(), Why::FromSecret.name().into()]);
    tx.delete("password_orders", &["member", "reason"], replaced.collect()).await?;
    let rows = orders.iter().map(|Order { id, member, why, at }| {
        vec![id.as_str().into(), member.as_str().into(), why.name().into(), (*at).into(), Cell::Int(None)]
    });
    tx.upsert(&ORDERS, rows.collect()).await
}

/// Those of these orders whose members have an initial password in a Secret. What is to be removed counts as gone: a
/// password that is generated afterwards keeps its own.
pub async fn of_initial(tx: &mut Tx, mut orders: Vec<Order>) -> Result<Vec<Order>, Error> {
    if orders.is_empty() {
        return Ok(orders);
    }
    let members: Vec<Uid> = orders.iter().map(|order| order.member.clone()).collect();
    let credentials = credentials(tx, &members).await?;
    orders.retain(|order| credentials.get(&order.member).is_some_and(|credential| credential.generated));
    let removed = orders.iter().filter(|order| order.why == Why::RemoveSecret).map(|order| &order.member);
    tx.update("credentials", &[("generated", false.into())], &["member"], keys(removed), "generated").await?;
    Ok(orders)
}

/// The members under these handles whose initial passwords lie in Secrets.
pub async fn with_initial(tx: &mut Tx, handles: &[Handle]) -> Result<Vec<Uid>, Error> {
    let initial = "(SELECT m.uid, m.namespace, m.name FROM members m JOIN credentials c ON c.member = m.uid WHERE c.generated)";
    let rows = tx.lookup("found.uid", initial, &["namespace", "name"], handle_keys(handles)).await?;
    rows.iter().map(|row| Ok(row.text(0)?.into())).collect()
}

/// Which orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that nobody has tried yet.
    Untried,
    All,
}

/// The next orders after an id, in the order of their ids.
pub async fn orders(tx: &mut Tx, which: Which, after: &str, limit: i64) -> Result<Vec<Order>, Error> {
    let sql = match which {
        Which::Untried => UNTRIED,
        Which::All => ALL_ORDERS,
    };
    let rows = tx.fetch(sql, vec![after.into(), limit.into()]).await?;
    let order = |row: &Row| {
        let why = row.text(2)?;
        let why = Why::ALL.into_iter().find(|known| known.name() == why);
        let why = why.ok_or_else(|| Error::Corrupt("a password is ordered for no known reason".into()))?;
        Ok(Order { id: row.text(0)?, member: row.text(1)?.into(), why, at: row.instant(3)? })
    };
    rows.iter().map(order).collect()
}

const UNTRIED: &str = concat!(
    "SELECT id, member, reason, at FROM password_orders WHERE tried_at IS NULL AND id > $1 AND NOT EXISTS \
     (SELECT 1 FROM members m JOIN tenants t ON t.uid = m.tenant WHERE m.uid = password_orders.member AND ",
    member_is_frozen!(),
    ") ORDER BY id LIMIT $2"
);
const ALL_ORDERS: &str = concat!(
    "SELECT id, member, reason, at FROM password_orders WHERE id > $1 AND NOT EXISTS \
     (SELECT 1 FROM members m JOIN tenants t ON t.uid = m.tenant WHERE m.uid = password_orders.member AND ",
    member_is_frozen!(),
    ") ORDER BY id LIMIT $2"
);

/// The tenants with members whose Secrets have another content that nobody has tried to take yet.
pub async fn taking(tx: &mut Tx) -> Result<HashSet<Uid>, Error> {
    tx.fetch(TAKING, vec![]).await?.iter().map(|row| Ok(row.text(0)?.into())).collect()
}

const TAKING: &str = concat!(
    "SELECT DISTINCT m.tenant FROM password_orders o JOIN members m ON m.uid = o.member JOIN tenants t ON t.uid = m.tenant \
     WHERE o.reason = 'FromSecret' AND o.tried_at IS NULL AND NOT ",
    member_is_frozen!()
);

/// Notes that orders were tried and wait.
pub async fn tried(tx: &mut Tx, ids: &[String], at: Timestamp) -> Result<(), Error> {
    tx.update("password_orders", &[("tried_at", at.into())], &["id"], keys(ids), "tried_at IS NULL").await.map(drop)
}

/// Has what waits of these members tried again at once.
pub async fn try_again(tx: &mut Tx, members: &[Uid]) -> Result<(), Error> {
    tx.update("password_orders", &[("tried_at", Cell::Int(None))], &["member"], keys(members), "tried_at IS NOT NULL")
        .await
        .map(drop)
}

/// Takes orders away. Returns those that were still there, which nobody else carried out.
pub async fn settle(tx: &mut Tx, ids: &[String]) -> Result<HashSet<String>, Error> {
    tx.take("password_orders", "id", keys(ids)).await?.iter().map(|row| row.text(0)).collect()
}

/// The credentials of these members.
pub async fn credentials(tx: &mut Tx, members: &[Uid]) -> Result<HashMap<Uid, Credential>, Error> {
    let columns =
        "found.member, found.hash, found.must_change, found.changed_at, found.taken, found.generated, found.passed_over";
    let rows = tx.lookup(columns, "credentials", &["member"], keys(members)).await?;
    let credential = |row: &Row| {
        let credential = Credential {
            hash: row.text(1)?,
            must_change: row.get(2)?,
            changed_at: row.instant(3)?,
            seen: Seen::of(row.get(4)?, row.get(6)?),
            generated: row.get(5)?,
        };
        Ok((Uid::from(row.text(0)?), credential))
    };
    rows.iter().map(credential).collect()
}

/// The hashes of a member's last passwords before the present one, the newest first.
pub async fn former(tx: &mut Tx, member: &Uid, count: usize) -> Result<Vec<String>, Error> {
    let count = i64::try_from(count).unwrap_or(KEPT);
    tx.fetch(FORMER, vec![member.as_str().into(), count.into()]).await?.iter().map(|row| row.text(0)).collect()
}

const FORMER: &str = "SELECT hash FROM password_history WHERE member = $1 ORDER BY id DESC LIMIT $2";

/// Sets members' credentials; those before join the history. No link that is open leads to another any more (M33, M36), and no
/// Secret of an initial password stays that is one no more (M32).
pub async fn set(tx: &mut Tx, new: &[(Uid, Credential)], now: Timestamp) -> Result<(), Error> {
    let members: Vec<Uid> = new.iter().map(|(member, _)| member.clone()).collect();
    let before = credentials(tx, &members).await?;
    let former =
        before.iter().map(|(member, before)| vec![identifier().into(), member.as_str().into(), before.hash.as_str().into()]);
    tx.insert(&HISTORY, former.collect()).await?;
    for member in before.keys() {
        tx.execute(FORGET, vec![member.as_str().into(), KEPT.into()]).await?;
    }
    let row = |(member, credential): &(Uid, Credential)| {
        let Credential { hash, must_change, changed_at, seen, generated } = credential;
        vec![
            member.as_str().into(),
            hash.as_str().into(),
            (*must_change).into(),
            (*changed_at).into(),
            seen.as_ref().map(|seen| seen.digest.clone()).into(),
            (*generated).into(),
            seen.as_ref().is_some_and(|seen| seen.passed_over).into(),
        ]
    };
    tx.upsert(&CREDENTIALS, new.iter().map(row).collect()).await?;
    let was_initial = |member: &Uid| before.get(member).is_some_and(|before| before.generated);
    let replaced = new.iter().filter(|(member, credential)| was_initial(member) && !credential.generated);
    let remove =
        |(member, _): &(Uid, Credential)| Order { id: identifier(), member: member.clone(), why: Why::RemoveSecret, at: now };
    order(tx, &replaced.map(remove).collect::<Vec<Order>>()).await?;
    let links: Vec<(Uid, Purpose)> =
        members.iter().flat_map(|member| Purpose::ALL.map(|purpose| (member.clone(), purpose))).collect();
    links::end(tx, &links, now).await
}

const FORGET: &str = "DELETE FROM password_history WHERE member = $1 AND id NOT IN \
     (SELECT id FROM password_history WHERE member = $1 ORDER BY id DESC LIMIT $2)";

/// Notes the content of a Secret that is not taken, since the member has a password from elsewhere.
pub async fn pass_over(tx: &mut Tx, member: &Uid, content: &str) -> Result<(), Error> {
    tx.execute(PASS_OVER, vec![member.as_str().into(), content.into()]).await.map(drop)
}

const PASS_OVER: &str = "UPDATE credentials SET taken = $2, passed_over = TRUE WHERE member = $1";

/// Puts the hash of the same password with other parameters in the place of one; not if it has changed meanwhile.
pub async fn rehash(tx: &mut Tx, member: &Uid, from: &str, to: &str) -> Result<(), Error> {
    tx.execute(REHASH, vec![member.as_str().into(), from.into(), to.into()]).await.map(drop)
}

const REHASH: &str = "UPDATE credentials SET hash = $3 WHERE member = $1 AND hash = $2";

/// Has these members change their passwords at the next sign-in.
pub async fn must_change(tx: &mut Tx, members: &[Uid]) -> Result<(), Error> {
    tx.update("credentials", &[("must_change", true.into())], &["member"], keys(members), "NOT must_change").await.map(drop)
}

/// Tells what became of members' passwords, for their records.
pub async fn tell(tx: &mut Tx, facts: &[(Uid, Fact)]) -> Result<(), Error> {
    let row = |(member, fact): &(Uid, Fact)| {
        let Fact { id, changed_at, trouble, by, at } = fact;
        vec![
            member.as_str().into(),
            id.as_str().into(),
            (*changed_at).into(),
            trouble.as_ref().map(trouble_text).into(),
            (*by == By::Member).into(),
            (*at).into(),
            false.into(),
        ]
    };
    tx.upsert(&FACTS, facts.iter().map(row).collect()).await
}

/// What was last told of the passwords of these members.
pub async fn told(tx: &mut Tx, members: &[Uid]) -> Result<HashMap<Uid, Fact>, Error> {
    tx.lookup(FACT_COLUMNS, "password_facts", &["member"], keys(members)).await?.iter().map(fact).collect()
}

/// What no record knows of yet of the passwords of these members.
pub async fn unfolded(tx: &mut Tx, members: &[Uid]) -> Result<HashMap<Uid, Fact>, Error> {
    if tx.fetch_one(ANY_NEWS, vec![]).await?.is_none() {
        return Ok(HashMap::new());
    }
    let news = "(SELECT * FROM password_facts WHERE NOT folded)";
    tx.lookup(FACT_COLUMNS, news, &["member"], keys(members)).await?.iter().map(fact).collect()
}

const ANY_NEWS: &str = "SELECT member FROM password_facts WHERE NOT folded LIMIT 1";
const FACT_COLUMNS: &str = "found.member, found.id, found.changed_at, found.trouble, found.by_member, found.at";

fn fact(row: &Row) -> Result<(Uid, Fact), Error> {
    let fact = Fact {
        id: row.text(1)?,
        changed_at: row.maybe_instant(2)?,
        trouble: row.get::<Option<String>>(3)?.as_deref().and_then(trouble),
        by: if row.get(4)? { By::Member } else { By::Administrator },
        at: row.instant(5)?,
    };
    Ok((row.text(0)?.into(), fact))
}

/// Notes that the records know of these facts.
pub async fn fold(tx: &mut Tx, ids: &[String]) -> Result<(), Error> {
    tx.update("password_facts", &[("folded", true.into())], &["id"], keys(ids), "NOT folded").await.map(drop)
}

/// A live member whose password is taken from a Secret, and where that is.
#[derive(Clone, Debug)]
pub struct Source {
    pub member: Uid,
    pub handle: Handle,
    pub secret: String,
    pub key: String,
    /// A keyed digest of the content last taken, if any was.
    pub taken: Option<String>,
    /// Whether another password is ordered already: what the Secret holds then counts as known.
    pub ordered: bool,
}

/// The members of a namespace whose passwords are taken from Secrets.
pub async fn sources(tx: &mut Tx, namespace: &str) -> Result<Vec<Source>, Error> {
    let source = |row: &Row| {
        Ok(Source {
            member: row.text(0)?.into(),
            handle: Handle::new(namespace, row.text(1)?),
            secret: row.get::<Option<String>>(2)?.unwrap_or_default(),
            key: row.get::<Option<String>>(3)?.unwrap_or_default(),
            taken: row.get(4)?,
            ordered: row.get(5)?,
        })
    };
    tx.fetch(SOURCES, vec![namespace.into()]).await?.iter().map(source).collect()
}

// The password of who is frozen waits for the thaw (R14).
const SOURCES: &str = concat!(
    "SELECT m.uid, m.name, m.intent -> 'password' -> 'secretKeyRef' ->> 'name', \
     m.intent -> 'password' -> 'secretKeyRef' ->> 'key', c.taken, \
     EXISTS (SELECT 1 FROM password_orders o WHERE o.member = m.uid AND o.reason IN ('FromSecret', 'Reset')) \
     FROM members m JOIN tenants t ON t.uid = m.tenant LEFT JOIN credentials c ON c.member = m.uid \
     WHERE m.namespace = $1 AND m.deleted_at IS NULL AND m.intent -> 'password' ->> 'mode' = 'FromSecret' AND NOT ",
    member_is_frozen!()
);

/// Every statement of this file that stands by itself.
pub const STATEMENTS: &[&str] = &[SIGNING_IN, UNTRIED, ALL_ORDERS, TAKING, FORMER, FORGET, PASS_OVER, REHASH, ANY_NEWS, SOURCES];
