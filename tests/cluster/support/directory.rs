//! A directory for the operator, read behind its back.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

pub struct Directory {
    url: String,
    place: Place,
    runtime: Runtime,
}

enum Place {
    File { _folder: TempDir, path: String },
    Server { server: String, name: String },
    Own { process: Child, data: String, programs: String },
}

impl Directory {
    pub fn sqlite() -> Directory {
        let folder = tempfile::Builder::new().prefix("rollcall-directory-").tempdir().unwrap();
        let path = folder.path().join("rollcall.db").display().to_string();
        Directory { url: format!("sqlite:{path}"), place: Place::File { _folder: folder, path }, runtime: runtime() }
    }

    pub fn postgres() -> Directory {
        let server = std::env::var("ROLLCALL_TEST_POSTGRES").expect("run `make test`: it starts PostgreSQL");
        let name = format!("rollcall_cluster_{}", uuid::Uuid::now_v7().simple());
        let directory = Directory {
            url: format!("{server}/{name}"),
            place: Place::Server { server: server.clone(), name: name.clone() },
            runtime: runtime(),
        };
        directory.on_server(&server, &format!("CREATE DATABASE {name} TEMPLATE template0"));
        directory
    }

    /// On a server of its own, which can be restarted.
    pub fn own_server() -> Directory {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/with-postgres.sh");
        let tell = "echo $ROLLCALL_TEST_POSTGRES $ROLLCALL_TEST_POSTGRES_DATA $ROLLCALL_TEST_POSTGRES_PROGRAMS; exec sleep 600";
        let mut command = Command::new(script);
        command.args(["bash", "-c", tell]).env_remove("ROLLCALL_TEST_POSTGRES").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut words = line.split_whitespace().map(str::to_owned);
        let (server, data, programs) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        Directory { url: format!("{server}/postgres"), place: Place::Own { process, data, programs }, runtime: runtime() }
    }

    /// `pg_ctl` with this action on the server of its own.
    pub fn pg_ctl(&self, action: &[&str]) {
        let Place::Own { data, programs, .. } = &self.place else { panic!("the server is not this directory's own") };
        let mut command = if std::fs::metadata(data).unwrap().uid() == 0 || !is_root() {
            Command::new(format!("{programs}/pg_ctl"))
        } else {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(format!("{programs}/pg_ctl"));
            command
        };
        let command =
            command.args(action).args(["-D", data, "-w", "-s", "-l", &format!("{data}/restarted.log")]).current_dir("/");
        assert!(command.status().unwrap().success());
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    fn on_server(&self, server: &str, sql: &str) {
        self.runtime.block_on(async {
            let mut connection = PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
        });
    }

    /// The first column of every row, as text. Nothing while there are no tables.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        let text = |value: Result<Option<String>, sqlx::Error>| value.unwrap().unwrap_or_default();
        self.runtime.block_on(async {
            match &self.place {
                Place::File { path, .. } => {
                    let Ok(mut connection) = SqliteConnection::connect(&format!("sqlite:{path}")).await else {
                        return Vec::new();
                    };
                    let rows = sqlx::raw_sql(sql).fetch_all(&mut connection).await.unwrap_or_default();
                    rows.iter().map(|row| text(row.try_get_unchecked(0))).collect()
                }
                Place::Server { .. } | Place::Own { .. } => {
                    let Ok(mut connection) = PgConnection::connect(&self.url).await else { return Vec::new() };
                    let rows = sqlx::raw_sql(sql).fetch_all(&mut connection).await.unwrap_or_default();
                    rows.iter().map(|row| text(row.try_get_unchecked(0))).collect()
                }
            }
        })
    }

    /// Executes a statement behind everybody's back.
    pub fn execute(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        self.runtime.block_on(async {
            match &self.place {
                Place::File { path, .. } => {
                    let mut connection = SqliteConnection::connect(&format!("sqlite:{path}")).await.unwrap();
                    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
                }
                Place::Server { .. } | Place::Own { .. } => {
                    let mut connection = PgConnection::connect(&self.url).await.unwrap();
                    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
                }
            }
        });
    }

    /// A number.
    pub fn count(&self, from: &str) -> i64 {
        self.rows(&format!("SELECT CAST(count(*) AS TEXT) FROM {from}")).first().and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    /// The actions of the trail, in order.
    pub fn trail(&self) -> Vec<String> {
        self.rows("SELECT action FROM audit ORDER BY seq")
    }

    /// The uid of a member's record.
    pub fn uid(&self, member: &str) -> Option<String> {
        self.rows(&format!("SELECT uid FROM members WHERE name = '{member}'")).into_iter().next()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Place::Own { process, .. } = &mut self.place {
            // By a signal that it can clear away after.
            let _ = Command::new("kill").arg(process.id().to_string()).status();
            let _ = process.wait();
        }
        match &self.place {
            Place::File { .. } | Place::Own { .. } => {}
            Place::Server { server, name } => self.on_server(server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")),
        }
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}
