//! What the tables of records have alike: handles, phases and intents, from cells and back. Knows no table.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Error;
use super::sql::{Cell, Row};
use crate::api::{Handle, schema};
use crate::record::Intent;

/// The keys of handles.
pub fn handle_keys<'a>(handles: impl IntoIterator<Item = &'a Handle>) -> Vec<Vec<Cell>> {
    handles.into_iter().map(|handle| vec![handle.namespace.as_ref().into(), handle.name.as_ref().into()]).collect()
}

/// A phase by its name. One that nobody knows is somebody's SQL: read as another, and set back by the engine.
pub(super) fn phase_of<P: DeserializeOwned>(name: String, otherwise: P) -> P {
    serde_json::from_value(Value::String(name)).unwrap_or(otherwise)
}

/// A stored intent, whose three columns begin at a place.
pub(super) fn intent<S: DeserializeOwned>(row: &Row, at: usize) -> Result<Arc<Intent<S>>, Error> {
    let json = row.json(at)?;
    let spec = schema::read(&json).map_err(|problem| Error::Corrupt(format!("a stored intent: {problem}")))?;
    Ok(Arc::new(Intent { spec, json: json.into(), digest: row.text(at + 1)?, generation: row.get(at + 2)? }))
}
