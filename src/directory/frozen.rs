//! What is frozen, as SQL sees it (R14): by the annotations of what is declared. Only reads. Called by the gathering, and
//! by the queries that look for something to do.

use std::collections::HashMap;

use super::Error;
use super::declarations::{BY_KEY, key_at, key_cells};
use super::sql::Tx;
use crate::api::{FROZEN_ANNOTATION, Key};

/// SQL that holds where a member `m` of a tenant `t`, or that tenant, is frozen.
macro_rules! member_is_frozen {
    () => {
        "(EXISTS (SELECT 1 FROM declarations f WHERE f.kind = 'Member' AND f.namespace = m.namespace AND f.name = m.name \
         AND CAST(f.annotations AS TEXT) LIKE '%\"rollcall.dev/frozen\":%') \
         OR EXISTS (SELECT 1 FROM declarations f WHERE f.kind = 'Tenant' AND f.namespace = t.namespace AND f.name = t.name \
         AND CAST(f.annotations AS TEXT) LIKE '%\"rollcall.dev/frozen\":%'))"
    };
}
pub(super) use member_is_frozen;

/// SQL that holds where a tenant `t` is frozen.
macro_rules! tenant_is_frozen {
    () => {
        "EXISTS (SELECT 1 FROM declarations f WHERE f.kind = 'Tenant' AND f.namespace = t.namespace AND f.name = t.name \
         AND CAST(f.annotations AS TEXT) LIKE '%\"rollcall.dev/frozen\":%')"
    };
}
pub(super) use tenant_is_frozen;

/// SQL that holds where a declaration `d`, or its tenant, is frozen.
macro_rules! declared_is_frozen {
    () => {
        "(CAST(d.annotations AS TEXT) LIKE '%\"rollcall.dev/frozen\":%' \
         OR EXISTS (SELECT 1 FROM declarations f WHERE f.kind = 'Tenant' AND f.namespace = d.namespace AND f.name = d.tenant \
         AND CAST(f.annotations AS TEXT) LIKE '%\"rollcall.dev/frozen\":%'))"
    };
}
pub(super) use declared_is_frozen;

/// Which of these declared objects are frozen by an annotation of their own, and why.
pub async fn among(tx: &mut Tx, wanted: Vec<Key>) -> Result<HashMap<Key, String>, Error> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let columns = "annotations, kind, namespace, name";
    let mut frozen = HashMap::new();
    for row in tx.lookup(columns, "declarations", BY_KEY, wanted.iter().map(key_cells).collect()).await? {
        if let Some(reason) = row.json(0)?[FROZEN_ANNOTATION].as_str() {
            frozen.insert(key_at(&row, 1)?, reason.to_owned());
        }
    }
    Ok(frozen)
}
