//! Whether what follows from commits that were made is still to be done: it is queued in memory, and whoever leads next
//! must know that it was not done. Called by the engine.

use super::Error;
use super::sql::Tx;

/// Notes, within a commit, that something follows from it.
pub async fn note(tx: &mut Tx) -> Result<(), Error> {
    tx.execute(NOTE, vec![]).await.map(drop)
}

const NOTE: &str = "INSERT INTO directory (key, value) VALUES ('unfinished', 'yes') ON CONFLICT DO NOTHING";

/// Whether something follows that nobody has done yet.
pub async fn is_noted(tx: &mut Tx) -> Result<bool, Error> {
    Ok(tx.fetch_one(NOTED, vec![]).await?.is_some())
}

const NOTED: &str = "SELECT 1 FROM directory WHERE key = 'unfinished'";

/// Notes that all is done.
pub async fn clear(tx: &mut Tx) -> Result<(), Error> {
    tx.execute(CLEAR, vec![]).await.map(drop)
}

const CLEAR: &str = "DELETE FROM directory WHERE key = 'unfinished'";

/// Every statement of this file.
pub const STATEMENTS: &[&str] = &[NOTE, NOTED, CLEAR];
