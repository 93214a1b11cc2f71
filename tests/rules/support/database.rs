//! A fresh database for one run of a scenario, and a way into it behind Rollcall's back.
//! Never touches a database that it did not make. Used by `Roster` only.

use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row, SqliteConnection};
use tokio::runtime::{Builder, Runtime};

/// A database that is there as long as this value.
pub struct Database {
    url: String,
    place: Place,
    runtime: Runtime,
}

enum Place {
    Sqlite { file: PathBuf },
    Postgres { server: String, name: String },
}

impl Database {
    /// The file is left for Rollcall to make; it goes with its folder.
    pub fn sqlite(file: &Path) -> Database {
        Database { url: format!("sqlite:{}", file.display()), place: Place::Sqlite { file: file.to_owned() }, runtime: runtime() }
    }

    /// A database of its own on this server (`postgres://postgres@127.0.0.1:PORT`), dropped with the value.
    pub fn postgres(server: &str) -> Database {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // The instant too: a server that outlives a killed run may still hold the databases of an equal process number.
        let instant = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        let name = format!("rollcall_test_{}_{instant}_{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let database = Database {
            url: at(server, &name),
            place: Place::Postgres { server: server.to_owned(), name: name.clone() },
            runtime: runtime(),
        };
        database
            .on_server(server, format!("CREATE DATABASE {name} TEMPLATE template0"))
            .unwrap_or_else(|error| panic!("no database could be made at {server}: {error}"));
        database
    }

    /// Where Rollcall finds it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Executes statements and tells how many rows they touched.
    pub fn execute(&self, sql: &str) -> Result<u64, sqlx::Error> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        self.runtime.block_on(async {
            match &self.place {
                Place::Sqlite { file } => {
                    let mut connection = open(file).await?;
                    let outcome = sql.execute(&mut connection).await;
                    connection.close().await?;
                    Ok(outcome?.rows_affected())
                }
                Place::Postgres { .. } => {
                    let mut connection = PgConnection::connect(&self.url).await?;
                    let outcome = sql.execute(&mut connection).await;
                    connection.close().await?;
                    Ok(outcome?.rows_affected())
                }
            }
        })
    }

    /// The first column of the first row, as text whatever its type: both databases hand out the text of a value.
    pub fn first_value(&self, sql: &str) -> Result<Option<String>, sqlx::Error> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        self.runtime.block_on(async {
            match &self.place {
                Place::Sqlite { file } => {
                    let mut connection = open(file).await?;
                    let row = sql.fetch_optional(&mut connection).await;
                    connection.close().await?;
                    row?.map_or(Ok(None), |row| row.try_get_unchecked(0))
                }
                Place::Postgres { .. } => {
                    let mut connection = PgConnection::connect(&self.url).await?;
                    let row = sql.fetch_optional(&mut connection).await;
                    connection.close().await?;
                    row?.map_or(Ok(None), |row| row.try_get_unchecked(0))
                }
            }
        })
    }

    /// Executes a statement about databases, which must be done from another one.
    fn on_server(&self, server: &str, sql: String) -> Result<(), sqlx::Error> {
        self.runtime.block_on(async {
            let mut connection = PgConnection::connect(&at(server, "postgres")).await?;
            let outcome = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await;
            connection.close().await?;
            outcome.map(drop)
        })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        match &self.place {
            Place::Sqlite { .. } => {}
            Place::Postgres { server, name } => {
                // By force: a scenario that failed may have left a `rollcall` behind that is still connected.
                if let Err(error) = self.on_server(server, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")) {
                    eprintln!("{name} is left behind: {error}");
                }
            }
        }
    }
}

/// The URL of a database on a server, whose own URL may carry a path or parameters.
fn at(server: &str, name: &str) -> String {
    let (base, parameters) = server.split_once('?').map_or((server, String::new()), |(base, rest)| (base, format!("?{rest}")));
    format!("{}/{name}{parameters}", base.trim_end_matches('/'))
}

async fn open(file: &Path) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnectOptions::new().filename(file).busy_timeout(Duration::from_secs(30)).connect().await
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}
