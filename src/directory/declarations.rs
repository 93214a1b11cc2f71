//! Declarations: everything that people declare, accepted or not, with its outcome and status, and what each
//! waits for. Called by the engine, and by the commands that show what is known.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use ring::digest;
use serde_json::Value;

use super::Error;
use super::facts;
use super::frozen::declared_is_frozen;
use super::sql::{Cell, Row, Table, Tx, keys};
use crate::api::{FROZEN_ANNOTATION, Handle, Key, Kind};

pub const DECLARATIONS: Table = Table {
    name: "declarations",
    columns: &[
        "kind",
        "namespace",
        "name",
        "tenant",
        "source",
        "spec",
        "annotations",
        "digest",
        "generation",
        "manager",
        "commit_id",
        "created_at",
        "declared_at",
        "uid",
        "settled",
        "reason",
        "removal",
        "removal_at",
        "status",
        "status_digest",
    ],
    key: &["kind", "namespace", "name"],
};

pub const WAITS: Table =
    Table { name: "waits", columns: &["key", "kind", "namespace", "name"], key: &["key", "kind", "namespace", "name"] };

/// What is declared of one object, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    pub key: Key,
    /// The name of the tenant that it belongs to, in its namespace; of a tenant, its own.
    pub tenant: String,
    /// Under which it was last seen (R9): `files`, or the identifiers of a cluster's objects.
    pub source: String,
    pub spec: Arc<Value>,
    /// Rollcall's own annotations.
    pub annotations: Value,
    pub digest: String,
    pub generation: i64,
    pub manager: Option<String>,
    pub commit: Option<String>,
    /// When the resource was created, or first seen.
    pub created_at: Timestamp,
    /// When this generation was declared.
    pub declared_at: Timestamp,
    /// The record's identifier, once there is one.
    pub uid: Option<String>,
    /// Whether nothing is waited for: taken, or refused until the manifest changes.
    pub settled: bool,
    pub reason: String,
    /// Why its record may not go yet, where the resource is gone (R9).
    pub removal: Option<String>,
    pub removal_at: Option<Timestamp>,
    pub status: Arc<Value>,
    /// Tells one status from another, without reading it.
    pub status_digest: u128,
    pub waits: BTreeSet<String>,
}

impl Declaration {
    /// Whether what it declared is erased: the person or the tenant is gone for good (M25, T12).
    pub fn is_erased(&self) -> bool {
        self.spec.as_object().is_some_and(|spec| spec.is_empty())
    }
}

fn read(row: &Row) -> Result<Declaration, Error> {
    let kind: Kind = row.text(0)?.parse().map_err(Error::Corrupt)?;
    Ok(Declaration {
        key: Key::new(kind, Handle::new(row.text(1)?, row.text(2)?)),
        tenant: row.text(3)?,
        source: row.text(4)?,
        spec: row.json(5)?.into(),
        annotations: row.json(6)?,
        digest: row.text(7)?,
        generation: row.get(8)?,
        manager: row.get(9)?,
        commit: row.get(10)?,
        created_at: row.instant(11)?,
        declared_at: row.instant(12)?,
        uid: row.get(13)?,
        settled: row.get(14)?,
        reason: row.text(15)?,
        removal: row.get(16)?,
        removal_at: row.maybe_instant(17)?,
        status: row.json(18)?.into(),
        status_digest: number(&row.text(19)?),
        waits: BTreeSet::new(),
    })
}

fn write(declaration: &Declaration) -> Vec<Cell> {
    let Declaration {
        key,
        tenant,
        source,
        spec,
        annotations,
        digest,
        generation,
        manager,
        commit,
        created_at,
        declared_at,
        uid,
        settled,
        reason,
        removal,
        removal_at,
        status,
        status_digest,
        waits: _,
    } = declaration;
    vec![
        key.kind.name().into(),
        key.handle.namespace.as_ref().into(),
        key.handle.name.as_ref().into(),
        tenant.as_str().into(),
        source.as_str().into(),
        spec.into(),
        annotations.clone().into(),
        digest.as_str().into(),
        (*generation).into(),
        manager.clone().into(),
        commit.clone().into(),
        (*created_at).into(),
        (*declared_at).into(),
        uid.clone().into(),
        (*settled).into(),
        reason.as_str().into(),
        removal.clone().into(),
        (*removal_at).into(),
        status.into(),
        format!("{status_digest:032x}").into(),
    ]
}

impl Declaration {
    /// Rollcall's own annotations, by name.
    pub fn annotations_by_name(&self) -> BTreeMap<String, String> {
        serde_json::from_value(self.annotations.clone()).unwrap_or_default()
    }
}

fn key_cells(key: &Key) -> Vec<Cell> {
    vec![key.kind.name().into(), key.handle.namespace.as_ref().into(), key.handle.name.as_ref().into()]
}

const BY_KEY: &[&str] = &["kind", "namespace", "name"];

/// The declarations of these objects, with what they wait for.
pub async fn load(tx: &mut Tx, wanted: &[Key]) -> Result<Vec<Declaration>, Error> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let columns = DECLARATIONS.columns.join(", ");
    let rows = tx.lookup(&columns, "declarations", BY_KEY, wanted.iter().map(key_cells).collect()).await?;
    let mut list: Vec<Declaration> = rows.iter().map(read).collect::<Result<_, _>>()?;
    let waiting: Vec<Vec<Cell>> = list.iter().map(|declaration| key_cells(&declaration.key)).collect();
    if !waiting.is_empty() {
        let mut waits: HashMap<Key, BTreeSet<String>> = HashMap::new();
        for row in tx.lookup(WAIT_COLUMNS, "waits", BY_KEY, waiting).await? {
            waits.entry(key_at(&row, 1)?).or_default().insert(row.text(0)?);
        }
        for declaration in &mut list {
            declaration.waits = waits.remove(&declaration.key).unwrap_or_default();
        }
    }
    Ok(list)
}

const WAIT_COLUMNS: &str = "key, kind, namespace, name";

pub(super) fn key_at(row: &Row, at: usize) -> Result<Key, Error> {
    let kind: Kind = row.text(at)?.parse().map_err(Error::Corrupt)?;
    Ok(Key::new(kind, Handle::new(row.text(at + 1)?, row.text(at + 2)?)))
}

/// The keys that a query finds.
async fn found(tx: &mut Tx, sql: &'static str, cells: Vec<Cell>) -> Result<Vec<Key>, Error> {
    tx.fetch(sql, cells).await?.iter().map(|row| key_at(row, 0)).collect()
}

/// Tells one status from another.
pub fn status_digest(status: &Value) -> u128 {
    let hash = digest::digest(&digest::SHA256, status.to_string().as_bytes());
    hash.as_ref().iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

fn number(hex: &str) -> u128 {
    u128::from_str_radix(hex, 16).unwrap_or(0)
}

/// What is known of an object that was declared before and has nothing to do.
#[derive(Clone, Debug)]
pub struct Recalled {
    digest: u128,
    source: Arc<str>,
    generation: i64,
    pub status_digest: u128,
}

impl Recalled {
    /// Whether this is what was declared: under the same source, and in the same generation where one is counted.
    pub fn is(&self, digest: &str, source: &str, generation: Option<i64>) -> bool {
        self.digest == number(digest)
            && *self.source == *source
            && generation.is_none_or(|generation| generation == self.generation)
    }
}

/// What was declared before and has nothing to do: settled, and not being removed. Whose time has come, and whom
/// somebody's SQL touched, is looked at before it is used. Recalled page by page, so that it can go on beside other
/// work.
#[derive(Debug, Default)]
pub struct Quiet {
    pub objects: HashMap<Key, Recalled>,
    sources: Vec<Arc<str>>,
    last: Option<Key>,
    complete: bool,
}

impl Quiet {
    /// Recalls one more page; whether there may be another.
    pub async fn recall(&mut self, tx: &mut Tx) -> Result<bool, Error> {
        if self.complete {
            return Ok(false);
        }
        let cells = self.last.as_ref().map_or_else(|| vec!["".into(), "".into(), "".into()], key_cells);
        let rows = tx.fetch(QUIET_PAGE, cells).await?;
        match rows.last() {
            Some(end) => self.last = Some(key_at(end, 0)?),
            None => self.complete = true,
        }
        self.objects.extend(quiet_rows(&rows, &mut self.sources)?);
        Ok(!self.complete)
    }
}

/// The same of some objects only.
pub async fn quiet_among(tx: &mut Tx, wanted: &[Key]) -> Result<HashMap<Key, Recalled>, Error> {
    let columns = "kind, namespace, name, digest, source, generation, status_digest";
    let quiet = format!("(SELECT {columns} FROM declarations WHERE settled AND removal IS NULL)");
    let rows = tx.lookup(columns, &quiet, BY_KEY, wanted.iter().map(key_cells).collect()).await?;
    Ok(quiet_rows(&rows, &mut Vec::new())?.into_iter().collect())
}

/// Sources are few and objects many: each is kept once.
fn quiet_rows(rows: &[Row], sources: &mut Vec<Arc<str>>) -> Result<Vec<(Key, Recalled)>, Error> {
    let read = |row: &Row| {
        let source = row.text(4)?;
        let source = match sources.iter().find(|known| ***known == *source) {
            Some(known) => known.clone(),
            None => {
                sources.push(source.into());
                sources[sources.len() - 1].clone()
            }
        };
        let (digest, status_digest) = (number(&row.text(3)?), number(&row.text(6)?));
        Ok((key_at(row, 0)?, Recalled { digest, source, generation: row.get(5)?, status_digest }))
    };
    rows.iter().map(read).collect()
}

const QUIET_PAGE: &str = "SELECT kind, namespace, name, digest, source, generation, status_digest FROM declarations \
     WHERE settled AND removal IS NULL AND (kind, namespace, name) > ($1, $2, $3) ORDER BY kind, namespace, name LIMIT 2000";

/// Writes declarations, and what they wait for where that differs.
pub async fn store(tx: &mut Tx, changed: &[Declaration], waits_changed: &[Declaration]) -> Result<(), Error> {
    tx.upsert(&DECLARATIONS, changed.iter().map(write).collect()).await?;
    if !waits_changed.is_empty() {
        tx.delete("waits", BY_KEY, waits_changed.iter().map(|declaration| key_cells(&declaration.key)).collect()).await?;
        let rows = waits_changed.iter().flat_map(|declaration| {
            declaration.waits.iter().map(|key| {
                let mut row = vec![Cell::from(key.as_str())];
                row.extend(key_cells(&declaration.key));
                row
            })
        });
        tx.insert(&WAITS, rows.collect()).await?;
    }
    Ok(())
}

/// Binds declarations to other sources.
pub async fn rebind(tx: &mut Tx, sources: &[(Key, String)]) -> Result<(), Error> {
    let mut bound: BTreeMap<&str, Vec<Vec<Cell>>> = BTreeMap::new();
    for (key, source) in sources {
        bound.entry(source).or_default().push(key_cells(key));
    }
    for (source, keys) in bound {
        tx.update("declarations", &[("source", source.into())], BY_KEY, keys, "TRUE").await?;
    }
    Ok(())
}

/// Which of these are frozen by an annotation of their own, and why (R14).
pub async fn frozen(tx: &mut Tx, wanted: &[Key]) -> Result<HashMap<Key, String>, Error> {
    let columns = "annotations, kind, namespace, name";
    let mut frozen = HashMap::new();
    for row in tx.lookup(columns, "declarations", BY_KEY, wanted.iter().map(key_cells).collect()).await? {
        if let Some(reason) = row.json(0)?[FROZEN_ANNOTATION].as_str() {
            frozen.insert(key_at(&row, 1)?, reason.to_owned());
        }
    }
    Ok(frozen)
}

/// The statuses of some objects, with their digests.
pub async fn statuses(tx: &mut Tx, wanted: &[Key]) -> Result<Vec<(Key, (u128, Value))>, Error> {
    let columns = "kind, namespace, name, status_digest, status";
    let rows = tx.lookup(columns, "declarations", BY_KEY, wanted.iter().map(key_cells).collect()).await?;
    rows.iter().map(|row| Ok((key_at(row, 0)?, (number(&row.text(3)?), row.json(4)?)))).collect()
}

/// Whose objects are declared, and by which source: the tenant and the source of each.
pub async fn sources(tx: &mut Tx, wanted: &[Key]) -> Result<Vec<(Key, Handle, String)>, Error> {
    let columns = "kind, namespace, name, tenant, source";
    let rows = tx.lookup(columns, "declarations", BY_KEY, wanted.iter().map(key_cells).collect()).await?;
    rows.iter()
        .map(|row| {
            let key = key_at(row, 0)?;
            let tenant = key.handle.sibling(&row.text(3)?);
            Ok((key, tenant, row.text(4)?))
        })
        .collect()
}

/// One page of what a source declares in a kind, in the order of handles.
pub async fn page_of_source(tx: &mut Tx, kind: Kind, source: &str, after: Option<&Handle>) -> Result<Vec<Key>, Error> {
    let mut cells = vec![kind.name().into(), source.into()];
    cells.extend(after.map_or_else(
        || vec!["".into(), "".into()],
        |handle| vec![handle.namespace.as_ref().into(), handle.name.as_ref().into()],
    ));
    found(tx, PAGE_OF_SOURCE, cells).await
}

const PAGE_OF_SOURCE: &str = "SELECT kind, namespace, name FROM declarations WHERE kind = $1 AND source = $2 \
     AND (namespace, name) > ($3, $4) ORDER BY namespace, name LIMIT 2000";

/// Takes declarations away: their resources are gone.
pub async fn remove(tx: &mut Tx, gone: &[Key]) -> Result<(), Error> {
    tx.delete("waits", BY_KEY, gone.iter().map(key_cells).collect()).await?;
    tx.delete("declarations", BY_KEY, gone.iter().map(key_cells).collect()).await?;
    Ok(())
}

/// The objects that wait for one of these keys.
pub async fn waiting_for(tx: &mut Tx, wanted: &BTreeSet<String>) -> Result<BTreeSet<Key>, Error> {
    Ok(waiting_by_key(tx, wanted).await?.into_iter().map(|(_, key)| key).collect())
}

/// The same, with what each waits for.
pub async fn waiting_by_key(tx: &mut Tx, wanted: &BTreeSet<String>) -> Result<Vec<(String, Key)>, Error> {
    let rows = tx.lookup(WAIT_COLUMNS, "waits", &["key"], super::sql::keys(wanted)).await?;
    rows.iter().map(|row| Ok((row.text(0)?, key_at(row, 1)?))).collect()
}

/// These objects, those first that were created first: the order in which places are taken (T3).
pub async fn by_age(tx: &mut Tx, keys: BTreeSet<Key>) -> Result<Vec<Key>, Error> {
    let rows =
        tx.lookup("kind, namespace, name, created_at", "declarations", BY_KEY, keys.iter().map(key_cells).collect()).await?;
    let mut ages: HashMap<Key, Timestamp> = HashMap::new();
    for row in rows {
        ages.insert(key_at(&row, 0)?, row.instant(3)?);
    }
    let mut list: Vec<Key> = keys.into_iter().collect();
    // Kinds come in the order in which a set is decided.
    list.sort_by_cached_key(|key| (key.kind, ages.get(key).copied(), key.handle.clone()));
    Ok(list)
}

/// Whether anything waits for a key.
pub async fn is_waited_for(tx: &mut Tx, key: &str) -> Result<bool, Error> {
    Ok(tx.fetch_one(WAITED_FOR, vec![key.into()]).await?.is_some())
}

const WAITED_FOR: &str = "SELECT key FROM waits WHERE key = $1 LIMIT 1";

/// Everything that is declared of a tenant, but for the tenant itself.
pub async fn of_tenant(tx: &mut Tx, tenant: &Handle) -> Result<Vec<Key>, Error> {
    found(tx, OF_TENANT, vec![tenant.namespace.as_ref().into(), tenant.name.as_ref().into()]).await
}

/// What is declared of a tenant and not settled.
pub async fn waiting_in(tx: &mut Tx, tenant: &Handle) -> Result<Vec<Key>, Error> {
    found(tx, WAITING_IN, vec![tenant.namespace.as_ref().into(), tenant.name.as_ref().into()]).await
}

const WAITING_IN: &str = "SELECT kind, namespace, name FROM declarations WHERE namespace = $1 AND tenant = $2 AND NOT settled";

/// The Tenants whose warning about clocks is not what it should be (R4): all while they differ, and afterwards
/// those that were told.
pub async fn tenants_to_tell_of_clocks(tx: &mut Tx, agree: bool) -> Result<Vec<Key>, Error> {
    found(tx, CLOCK_TENANTS, vec![agree.into()]).await
}

const CLOCK_TENANTS: &str =
    "SELECT kind, namespace, name FROM declarations WHERE kind = 'Tenant' AND (CAST(status AS TEXT) LIKE '%ClockSkewed%') = $1";

const OF_TENANT: &str =
    "SELECT kind, namespace, name FROM declarations WHERE namespace = $1 AND tenant = $2 AND kind <> 'Tenant'";

/// Everything that one source declares of a tenant, the tenant included: what a complete set of that source
/// is compared with (R9).
pub async fn of_source(tx: &mut Tx, source: &str, tenant: &Handle) -> Result<Vec<Key>, Error> {
    let cells = vec![tenant.namespace.as_ref().into(), tenant.name.as_ref().into(), source.into()];
    found(tx, OF_SOURCE, cells).await
}

const OF_SOURCE: &str = "SELECT kind, namespace, name FROM declarations WHERE namespace = $1 AND tenant = $2 AND source = $3";

/// The declarations whose records somebody changed, and records without a declaration likewise.
pub async fn touched(tx: &mut Tx) -> Result<Vec<Key>, Error> {
    let uids = keys(facts::touched(tx).await?);
    let mut found = Vec::new();
    for records in TOUCHED {
        for row in tx.lookup("kind, namespace, name", records, &["uid"], uids.clone()).await? {
            found.push(key_at(&row, 0)?);
        }
    }
    Ok(found)
}

// What is frozen is told of once, and waits for the thaw (R14).
const TOUCHED: [&str; 3] = [
    concat!(
        "(SELECT kind, namespace, name, uid FROM declarations d WHERE NOT (CAST(status AS TEXT) LIKE '%something drifted%' AND ",
        declared_is_frozen!(),
        "))"
    ),
    "(SELECT 'Member' AS kind, namespace, name, uid FROM members WHERE deleted_at IS NOT NULL)",
    "(SELECT 'ExternalContact' AS kind, namespace, name, uid FROM contacts WHERE trashed_at IS NOT NULL)",
];

/// The keys of declarations of a kind, in order; the scan for drift goes through them.
pub async fn page(tx: &mut Tx, after: Option<&Key>, limit: i64) -> Result<Vec<Key>, Error> {
    let mut cells = after.map_or_else(|| vec!["".into(), "".into(), "".into()], key_cells);
    cells.push(limit.into());
    found(tx, PAGE, cells).await
}

const PAGE: &str = "SELECT kind, namespace, name FROM declarations WHERE (kind, namespace, name) > ($1, $2, $3) \
     ORDER BY kind, namespace, name LIMIT $4";

/// Which declarations to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub namespace: Option<Arc<str>>,
    pub name: Option<Arc<str>>,
}

/// The declarations of a kind, by handle.
pub async fn list(tx: &mut Tx, kind: Kind, filter: &Filter) -> Result<Vec<Declaration>, Error> {
    let mut sql = format!("SELECT {} FROM declarations WHERE kind = $1", DECLARATIONS.columns.join(", "));
    let mut cells = vec![Cell::from(kind.name())];
    for (column, value) in [("namespace", &filter.namespace), ("name", &filter.name)] {
        if let Some(value) = value {
            cells.push(value.as_ref().into());
            sql.push_str(&format!(" AND {column} = ${}", cells.len()));
        }
    }
    sql.push_str(" ORDER BY namespace, name");
    tx.fetch(sql, cells).await?.iter().map(read).collect()
}

/// Every statement of this file that stands by itself.
pub const STATEMENTS: &[&str] = &[QUIET_PAGE, PAGE_OF_SOURCE, CLOCK_TENANTS, WAITED_FOR, OF_TENANT, WAITING_IN, OF_SOURCE, PAGE];
