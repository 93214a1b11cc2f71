//! The audit trail: one row for each action on a record, append-only in the database itself; the values
//! beside it, which a purge erases (R6). Written by the engine in the transaction of the change; read by `history`.

use jiff::Timestamp;
use ring::hmac;
use serde_json::{Value, json};

use super::Error;
use super::sql::{Cell, Table, Tx};
use crate::api::{Handle, Key, Kind};
use crate::record::{FieldChange, Uid};

pub const AUDIT: Table = Table {
    name: "audit",
    columns: &[
        "seq",
        "due",
        "at",
        "uid",
        "kind",
        "action",
        "cause",
        "fields",
        "digests",
        "generation",
        "manager",
        "commit_id",
        "epoch",
    ],
    key: &["seq"],
};

pub const AUDIT_VALUES: Table = Table {
    name: "audit_values",
    columns: &["seq", "uid", "about_before", "about_after", "namespace", "name", "changes", "tenant"],
    key: &["seq"],
};

/// One row of the trail.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When it was to happen.
    pub due: Timestamp,
    /// When it was carried out.
    pub at: Timestamp,
    pub uid: Uid,
    /// Whom its values tell of besides the record itself, before and after: they go with each of them too (M25).
    pub about: [Option<Uid>; 2],
    pub kind: Kind,
    /// The tenant with which the values are erased, where that is known.
    pub tenant: Option<Uid>,
    /// The handle; erased with the values.
    pub handle: Option<Handle>,
    pub action: String,
    pub cause: String,
    /// The fields, from what to what; erased values are null.
    pub fields: Vec<FieldChange>,
    pub generation: Option<i64>,
    pub manager: Option<String>,
    pub commit: Option<String>,
}

impl Entry {
    /// The object, unless its name was erased.
    pub fn key(&self) -> Option<Key> {
        self.handle.clone().map(|handle| Key::new(self.kind, handle))
    }
}

/// Appends rows. Only the leader writes, so it numbers them itself.
pub async fn append(tx: &mut Tx, entries: &[Entry], epoch: i64, key: &hmac::Key) -> Result<(), Error> {
    if entries.is_empty() {
        return Ok(());
    }
    let last: i64 = tx.fetch_one(LAST, vec![]).await?.map_or(Ok(0), |row| row.get(0))?;
    let (mut rows, mut values) = (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
    for (seq, entry) in (last + 1..).zip(entries) {
        let Entry { due, at, uid, about, kind, tenant, handle, action, cause, fields, generation, manager, commit } = entry;
        let [about_before, about_after] = about.each_ref().map(|about| about.as_ref().map(Uid::to_string));
        let paths: Vec<&str> = fields.iter().map(|field| field.path.as_str()).collect();
        let digests: Vec<String> = fields.iter().map(|field| digest(key, uid, field)).collect();
        rows.push(vec![
            seq.into(),
            (*due).into(),
            (*at).into(),
            uid.as_str().into(),
            kind.name().into(),
            action.as_str().into(),
            cause.as_str().into(),
            json!(paths).into(),
            json!(digests).into(),
            Cell::Int(*generation),
            manager.clone().into(),
            commit.clone().into(),
            epoch.into(),
        ]);
        let Some(handle) = handle else { continue };
        let changes: Vec<Value> = fields.iter().map(|field| json!([field.from, field.to])).collect();
        values.push(vec![
            seq.into(),
            uid.as_str().into(),
            about_before.into(),
            about_after.into(),
            handle.namespace.as_ref().into(),
            handle.name.as_ref().into(),
            Value::Array(changes).into(),
            tenant.as_ref().map_or("", Uid::as_str).into(),
        ]);
    }
    tx.insert(&AUDIT, rows).await?;
    tx.insert(&AUDIT_VALUES, values).await
}

const LAST: &str = "SELECT coalesce(max(seq), 0) FROM audit";

/// A keyed digest of what a field became: who has the key and the value can prove the row, long after the
/// value itself was erased.
fn digest(key: &hmac::Key, uid: &Uid, field: &FieldChange) -> String {
    let mut context = hmac::Context::with_key(key);
    for part in [uid.as_str(), &field.path, &field.to.to_string()] {
        context.update(part.as_bytes());
        context.update(&[0]);
    }
    hex(&context.sign().as_ref()[..16])
}

/// Bytes as lowercase hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Of what the trail is asked.
#[derive(Clone, Debug)]
pub enum Of {
    Everything,
    /// The records that ever stood under a handle.
    Handle(Key),
    /// One record, also when nothing else is left of it (M25).
    Uid(Uid),
}

/// The rows of the trail, oldest first.
pub async fn history(tx: &mut Tx, of: &Of) -> Result<Vec<Entry>, Error> {
    let (which, cells) = match of {
        Of::Everything => ("", vec![]),
        Of::Handle(Key { kind, handle }) => {
            (OF_HANDLE, vec![kind.name().into(), handle.namespace.as_ref().into(), handle.name.as_ref().into()])
        }
        Of::Uid(uid) => (OF_UID, vec![uid.as_str().into()]),
    };
    let mut sql = [HISTORY, which].concat();
    sql.push_str(" ORDER BY a.seq");
    let mut entries = Vec::new();
    for row in tx.fetch(sql, cells).await? {
        let paths: Vec<String> = serde_json::from_value(row.json(6)?).unwrap_or_default();
        let values = row.maybe_json(12)?.unwrap_or(Value::Null);
        let fields = paths.into_iter().enumerate().map(|(index, path)| FieldChange {
            path,
            from: values[index][0].clone(),
            to: values[index][1].clone(),
        });
        let handle = match (row.get::<Option<String>>(10)?, row.get::<Option<String>>(11)?) {
            (Some(namespace), Some(name)) => Some(Handle::new(namespace, name)),
            _ => None,
        };
        entries.push(Entry {
            due: row.instant(0)?,
            at: row.instant(1)?,
            uid: row.text(2)?.into(),
            about: [row.get::<Option<String>>(13)?.map(Uid::from), row.get::<Option<String>>(14)?.map(Uid::from)],
            kind: row.text(3)?.parse().map_err(Error::Corrupt)?,
            action: row.text(4)?,
            cause: row.text(5)?,
            fields: fields.collect(),
            generation: row.get(7)?,
            manager: row.get(8)?,
            commit: row.get(9)?,
            tenant: None,
            handle,
        });
    }
    Ok(entries)
}

const HISTORY: &str = "SELECT a.due, a.at, a.uid, a.kind, a.action, a.cause, a.fields, a.generation, a.manager, a.commit_id, \
     v.namespace, v.name, v.changes, v.about_before, v.about_after FROM audit a LEFT JOIN audit_values v ON v.seq = a.seq";
// A purge leaves the name of a record nowhere but in the declaration that still stands, if one does, or in the record
// of a cancelled tenant.
const OF_HANDLE: &str = " WHERE a.kind = $1 AND a.uid IN (SELECT uid FROM audit_values WHERE namespace = $2 AND name = $3 \
     UNION SELECT uid FROM declarations WHERE kind = $1 AND namespace = $2 AND name = $3 \
     UNION SELECT uid FROM tenants WHERE $1 = 'Tenant' AND namespace = $2 AND name = $3)";

const OF_UID: &str = " WHERE a.uid = $1";

/// Every statement of this file that stands by itself.
pub const STATEMENTS: &[&str] = &[LAST, HISTORY];
