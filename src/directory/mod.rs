//! The database: connections, migrations, queries, the transaction, leadership, the audit trail, the outbox.
//! Decides nothing about people. Used by the engine, which alone writes records, and by the commands that read.

pub mod accounts;
pub mod audit;
pub mod cells;
pub mod charges;
pub mod claims;
pub mod contacts;
pub mod copy;
pub mod declarations;
pub mod erasure;
pub mod facts;
pub mod figures;
pub mod frozen;
pub mod holds;
pub mod leadership;
pub mod links;
pub mod outbox;
pub mod passwords;
pub mod pending;
pub mod people;
pub mod photos;
pub mod random;
pub mod records;
pub mod registrations;
pub mod sql;
pub mod store;
pub mod tree;
pub mod unattended;
pub mod unfinished;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use ring::hmac;
use sqlx::Connection;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use sql::{Cell, Pool, Tx};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// An instant as the directory keeps it: in whole microseconds.
pub fn kept(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

/// What can go wrong with a directory.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the directory's address `{0}` is not understood; write sqlite:PATH or postgres://USER@HOST/DATABASE")]
    Address(String),
    #[error("there is no directory at {0}; `rollcall apply` makes one")]
    Missing(String),
    #[error("the directory at {address} can't be reached: {source}")]
    Unreachable { address: String, source: sqlx::Error },
    #[error("the directory at {0} has a newer schema than this version of rollcall knows; use the newer version")]
    Newer(String),
    #[error("the directory at {0} has an older schema than this version of rollcall; `rollcall apply` brings it up to date")]
    Older(String),
    #[error("the schema of the directory can't be brought up to date: {0}")]
    Migration(MigrateError),
    #[error("{0}")]
    Led(String),
    #[error("leadership was lost: another process leads the directory now; nothing of this batch was written")]
    Deposed,
    #[error("the directory is {is}, and this command is {asked}; the two are never mixed (--now is for rehearsals)")]
    Mixed { is: &'static str, asked: &'static str },
    #[error("the directory holds what it should not: {0}")]
    Corrupt(String),
    #[error("the database has no room left: {0}; nothing of this batch was written, make room and run again")]
    Full(String),
    #[error("the database: {0}")]
    Database(sqlx::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let full = error.as_database_error().is_some_and(|database| {
            // SQLITE_FULL, and PostgreSQL's disk_full.
            matches!(database.code().as_deref(), Some("13" | "53100"))
        });
        if full { Error::Full(error.to_string()) } else { Error::Database(error) }
    }
}

impl Error {
    /// Whether the same batch may succeed when it is gathered again, or all of it but one object. A database that
    /// is locked or away is nobody's fault: that is tried again as a whole.
    pub fn is_conflict(&self) -> bool {
        match self {
            Error::Database(error) => error.as_database_error().is_some_and(|database| {
                let code = database.code().unwrap_or_default();
                // Serialization failure, deadlock; a value that PostgreSQL does not take.
                database.is_unique_violation()
                    || matches!(&*code, "40001" | "40P01")
                    || (code.len() == 5 && code.starts_with("22"))
            }),
            Error::Corrupt(_) => true,
            Error::Address(_)
            | Error::Missing(_)
            | Error::Unreachable { .. }
            | Error::Newer(_)
            | Error::Older(_)
            | Error::Migration(_)
            | Error::Led(_)
            | Error::Deposed
            | Error::Mixed { .. }
            | Error::Full(_) => false,
        }
    }
}

/// Where a directory is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A file.
    Sqlite(PathBuf),
    /// A server.
    Postgres(String),
    /// Memory: a rehearsal that nobody else sees.
    Memory,
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Address::Postgres(text.to_owned()));
        }
        match text.strip_prefix("sqlite:") {
            Some(":memory:" | "") => Err(Error::Address(text.to_owned())),
            Some(path) => {
                let path = path.strip_prefix("//").unwrap_or(path);
                Ok(Address::Sqlite(PathBuf::from(path)))
            }
            None => Err(not_understood(text)),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Address::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Address::Postgres(url) => f.write_str(&without_password(url)),
            Address::Memory => f.write_str("memory"),
        }
    }
}

/// A database URL as it may be shown (R7): without what stands before the last `@`, but for the user, and without the
/// query. Where the query may have begun before that, either may be a password.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return CONCEALED.to_owned() };
    let (user, host) = rest.rsplit_once('@').map_or((None, rest), |(user, host)| (Some(user), host));
    let host = host.split(['?', '#']).next().unwrap_or_default();
    match user {
        Some(user) if user.contains(['?', '#']) => format!("{scheme}://{CONCEALED}"),
        Some(user) => format!("{scheme}://{}@{host}", user.split(':').next().unwrap_or_default()),
        None => format!("{scheme}://{host}"),
    }
}

/// An address that is not understood as it may be shown (R7): whole where it is plain, for a password stands behind a
/// `:`, a `=` or a space; else its scheme.
fn not_understood(text: &str) -> Error {
    let is_plain = |text: &str| text.chars().all(|letter| letter.is_alphanumeric() || "-_./".contains(letter));
    Error::Address(match text.split_once("://") {
        Some((scheme, rest)) if is_plain(scheme) && is_plain(rest) => text.to_owned(),
        Some((scheme, _)) if is_plain(scheme) => format!("{scheme}://{CONCEALED}"),
        None if is_plain(text) => text.to_owned(),
        Some(_) | None => CONCEALED.to_owned(),
    })
}

/// Stands for what is not shown.
const CONCEALED: &str = "…";

/// Whether a directory that is not there is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    Create,
    Refuse,
}

/// A directory of people.
#[derive(Clone, Debug)]
pub struct Directory {
    pub address: Address,
    pub(crate) pool: Pool,
}

impl Directory {
    /// Opens a directory. Its schema is left as it is; see [`Directory::migrate`].
    pub async fn open(address: Address, absent: Absent) -> Result<Directory, Error> {
        let unreachable = |source: sqlx::Error| Error::Unreachable { address: address.to_string(), source };
        let pool = match &address {
            Address::Sqlite(path) => {
                if absent == Absent::Refuse && !path.exists() {
                    return Err(Error::Missing(address.to_string()));
                }
                open_sqlite(path, absent).await.map_err(unreachable)?
            }
            Address::Postgres(url) => {
                let options = PgConnectOptions::from_str(url).map_err(|_| not_understood(url))?;
                // A leader that freezes in a transaction blocks its successor for seconds only.
                let options = options.application_name("rollcall").options([
                    ("idle_in_transaction_session_timeout", "5s"),
                    ("lock_timeout", "5s"),
                    // Every statement goes by key. A plan kept from when the tables were empty reads them whole.
                    ("plan_cache_mode", "force_custom_plan"),
                    ("statement_timeout", "30s"),
                ]);
                // A pool would try again until it loses patience, and not say why.
                PgConnection::connect_with(&options).await.map_err(unreachable)?.close().await.map_err(unreachable)?;
                let pool = PgPoolOptions::new().max_connections(8).acquire_timeout(Duration::from_secs(5));
                Pool::Postgres(pool.connect_with(options).await.map_err(unreachable)?)
            }
            Address::Memory => {
                let options =
                    SqliteConnectOptions::from_str("sqlite::memory:").map_err(unreachable)?.statement_cache_capacity(200);
                // Each connection to memory is a database of its own: there is to be one, and it is to stay.
                let pool = SqlitePoolOptions::new()
                    .max_connections(1)
                    .min_connections(1)
                    .test_before_acquire(false)
                    .idle_timeout(None)
                    .max_lifetime(None);
                let only = pool.connect_with(options).await.map_err(unreachable)?;
                Pool::Sqlite { writer: only.clone(), reader: only }
            }
        };
        Ok(Directory { address, pool })
    }

    /// Brings the schema up to date, or makes it. Only who leads may call this.
    pub async fn migrate(&self) -> Result<(), Error> {
        let done = match &self.pool {
            Pool::Sqlite { writer, .. } => SQLITE.run(writer).await,
            Pool::Postgres(pool) => POSTGRES.run(pool).await,
        };
        done.map_err(|error| match error {
            MigrateError::VersionMissing(_) => Error::Newer(self.address.to_string()),
            MigrateError::Execute(error) => Error::from(error),
            other => Error::Migration(other),
        })
    }

    /// Whether the schema is the one that this version knows, an older one, or none.
    pub async fn require_schema(&self) -> Result<(), Error> {
        let known = match &self.pool {
            Pool::Sqlite { .. } => SQLITE.iter().map(|m| m.version).max(),
            Pool::Postgres(_) => POSTGRES.iter().map(|m| m.version).max(),
        };
        match self.schema_version().await? {
            None => Err(Error::Missing(self.address.to_string())),
            Some(version) if Some(version) > known => Err(Error::Newer(self.address.to_string())),
            Some(version) if Some(version) < known => Err(Error::Older(self.address.to_string())),
            Some(_) => Ok(()),
        }
    }

    /// The version of the schema, if there is one.
    async fn schema_version(&self) -> Result<Option<i64>, Error> {
        let mut tx = self.pool.read().await?;
        let there = match &self.pool {
            Pool::Sqlite { .. } => "SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'",
            Pool::Postgres(_) => {
                "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = '_sqlx_migrations'"
            }
        };
        let there: i64 = tx.fetch_one(there, vec![]).await?.map_or(Ok(0), |row| row.get(0))?;
        if there == 0 {
            return Ok(None);
        }
        let row = tx.fetch_one("SELECT max(version) FROM _sqlx_migrations WHERE success", vec![]).await?;
        row.map_or(Ok(None), |row| row.get(0))
    }

    /// A transaction that reads one consistent state.
    pub async fn read(&self) -> Result<Tx, Error> {
        self.pool.read().await
    }

    /// A transaction for facts and other rows that are no records.
    pub async fn write(&self) -> Result<Tx, Error> {
        self.pool.write().await
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Writes the write-ahead log of SQLite back, where no reader needs it, and empties it: what was erased is to be nowhere
    /// (M25).
    async fn write_back(&self) {
        if let Pool::Sqlite { writer, .. } = &self.pool
            && let Err(error) = sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(writer).await
        {
            tracing::debug!(%error, "the write-ahead log stays as it is");
        }
    }

    /// What the directory knows of itself under a key; `value` is written where there is nothing yet.
    pub async fn setting(&self, key: &str, value: impl FnOnce() -> String) -> Result<String, Error> {
        self.kept(SETTING, NEW_SETTING, key, value).await
    }

    /// What keys the digests of this directory; made by chance where there is none yet.
    pub async fn digest_key(&self) -> Result<hmac::Key, Error> {
        let secret = self.kept(SECRET, NEW_SECRET, "digest_key", random::text::<32>).await?;
        Ok(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
    }

    async fn kept(
        &self,
        known: &'static str,
        new: &'static str,
        key: &str,
        value: impl FnOnce() -> String,
    ) -> Result<String, Error> {
        let read = async |tx: &mut Tx| match tx.fetch_one(known, vec![key.into()]).await? {
            Some(row) => row.text(0).map(Some),
            None => Ok(None),
        };
        if let Some(found) = read(&mut self.read().await?).await? {
            return Ok(found);
        }
        let mut tx = self.write().await?;
        tx.execute(new, vec![key.into(), Cell::from(value())]).await?;
        let found = read(&mut tx).await?.unwrap_or_default();
        tx.commit().await?;
        Ok(found)
    }
}

const SETTING: &str = "SELECT value FROM directory WHERE key = $1";
const NEW_SETTING: &str = "INSERT INTO directory (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
const SECRET: &str = "SELECT value FROM secrets WHERE key = $1";
const NEW_SECRET: &str = "INSERT INTO secrets (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";

async fn open_sqlite(path: &Path, absent: Absent) -> Result<Pool, sqlx::Error> {
    if absent == Absent::Create {
        // Nobody else's business: the companions of the file get the same mode.
        OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(sqlx::Error::Io)?;
    }
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .statement_cache_capacity(200)
        // What is erased is overwritten.
        .pragma("secure_delete", "ON")
        // 32 MiB: random identifiers touch all of an index. Twice as much is no faster with 100,000 members.
        .pragma("cache_size", "-32768");
    let writer = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false);
    let writer = match absent {
        Absent::Create => writer.connect_with(options.clone()).await?,
        // Who only looks may not be allowed to write.
        Absent::Refuse => writer.connect_lazy_with(options.clone()),
    };
    // Who only looks needs no such cache, and there are several.
    let options = options.pragma("cache_size", "-8192");
    let reader = SqlitePoolOptions::new()
        .max_connections(4)
        .test_before_acquire(false)
        .connect_lazy_with(options.create_if_missing(false).read_only(true));
    Ok(Pool::Sqlite { writer, reader })
}

/// Every SQL constant of the directory, for the test that prepares each on both databases.
pub const STATEMENTS: &[&str] = &[SETTING, NEW_SETTING, SECRET, NEW_SECRET];

#[cfg(test)]
mod tests {
    use super::*;

    // R7
    #[test]
    fn a_url_is_shown_without_its_password() {
        for (url, shown) in [
            ("postgres://127.0.0.1:1/x", "postgres://127.0.0.1:1/x"),
            ("postgres://u@h/x", "postgres://u@h/x"),
            ("postgres://u:hunter2@h/x?sslmode=require", "postgres://u@h/x"),
            ("postgres://u:hunt@er2@127.0.0.1:1/x", "postgres://u@127.0.0.1:1/x"),
            ("postgres://u:1/hunter2@h/x", "postgres://u@h/x"),
            ("postgres://u:1?hunter2@h/x", "postgres://…"),
            ("postgres://h/x?password=hunter2", "postgres://h/x"),
            ("postgres://h/x?password=hunter@2", "postgres://…"),
            ("postgresql:///x?host=/run", "postgresql:///x"),
        ] {
            assert_eq!(Address::from_str(url).map(|address| address.to_string()).ok().as_deref(), Some(shown), "{url}");
        }
    }

    // R7
    #[tokio::test]
    async fn an_address_that_is_not_understood_is_repeated_where_no_password_can_be_in_it() {
        for (text, shown) in [
            ("nonsense", "`nonsense`"),
            ("mysql://localhost/roster", "`mysql://localhost/roster`"),
            ("mysql://u:hunter2@h/x", "`mysql://…`"),
            ("postgres://u:hunt?er2@h/x", "`postgres://…`"),
            ("postgres://u:hunt/er2@h/x", "`postgres://…`"),
            ("postgres:u:hunter2@h/x", "`…`"),
            ("postgres//u:hunter2@h/x", "`…`"),
            ("u:hunter2@h/x", "`…`"),
            ("u:hunter2://h/x", "`…`"),
            ("host=h user=u password=hunter2", "`…`"),
            ("sqlite::memory:", "`sqlite::memory:`"),
        ] {
            let error = match Address::from_str(text) {
                Ok(address) => Directory::open(address, Absent::Refuse).await.err(),
                Err(error) => Some(error),
            };
            let told = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(told.contains(&format!("address {shown} is not understood")), "{text}: {told}");
        }
    }
}
