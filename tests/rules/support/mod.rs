//! The harness of the black-box tests: drives the built `rollcall` as a person or a script would, in a fresh directory on
//! each database. Never calls the library, never leaves a database out. Used by every module of `tests/rules/`.

#![allow(dead_code, unused_imports, reason = "a harness offers more than the tests of one day use")]

mod database;
mod manifests;
mod outcome;
pub mod post;

use std::any::Any;
use std::env;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use database::Database;
pub use manifests::{annotated, boss, member, organization, set, tenant};
pub use outcome::{Output, Report, condition, phase, ready};

/// The namespace in which the scenarios play.
const NAMESPACE: &str = "hr";

/// Runs a scenario on SQLite and on PostgreSQL, each in a fresh directory that is gone afterwards, also after a panic.
///
/// Both are run even if the first one fails, and the panic tells on which the scenario failed.
#[track_caller]
pub fn on_both(scenario: impl Fn(&Roster)) {
    let Some(server) = env::var("ROLLCALL_TEST_POSTGRES").ok().filter(|url| !url.is_empty()) else {
        panic!("run `make test`: it starts PostgreSQL");
    };
    let failures: Vec<String> = [("SQLite", None), ("PostgreSQL", Some(server.as_str()))]
        .into_iter()
        .filter_map(|(database, server)| {
            let run = AssertUnwindSafe(|| scenario(&Roster::fresh(server)));
            panic::catch_unwind(run).err().map(|cause| format!("on {database}: {}", message(&*cause)))
        })
        .collect();
    assert!(failures.is_empty(), "the scenario failed {}", failures.join("\n"));
}

/// The exit code; of a signal as a shell tells it.
fn code(status: ExitStatus) -> i32 {
    status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

/// What a panic said.
fn message(cause: &(dyn Any + Send)) -> &str {
    let text = cause.downcast_ref::<&str>().copied();
    text.or_else(|| cause.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a text")
}

/// A directory of its own for one run of a scenario, and the command line that works on it.
///
/// Fields are dropped in this order: the database closes before the folder that may hold it goes.
pub struct Roster {
    database: Database,
    folder: TempDir,
}

impl Roster {
    fn fresh(server: Option<&str>) -> Roster {
        let folder = tempfile::Builder::new().prefix("rollcall-test-").tempdir().expect("a scratch folder");
        let database = match server {
            None => Database::sqlite(&folder.path().join("rollcall.db")),
            Some(server) => Database::postgres(server),
        };
        Roster { database, folder }
    }

    /// Another fresh directory on the same database.
    pub fn another(&self) -> Roster {
        let server = env::var("ROLLCALL_TEST_POSTGRES").ok().filter(|_| !self.url().starts_with("sqlite:"));
        Roster::fresh(server.as_deref())
    }

    /// The URL of the directory (`sqlite:/…` or `postgres://…`).
    pub fn url(&self) -> &str {
        self.database.url()
    }

    /// A scratch folder of this scenario. `rollcall` runs in it, so relative paths are the scenario's own.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `rollcall ARGS… --directory URL` with this on standard input; never fails by itself.
    pub fn run(&self, args: &[&str], stdin: &str) -> Output {
        self.run_with(args, stdin, &[])
    }

    /// The same with these variables in the environment.
    pub fn run_with(&self, args: &[&str], stdin: &str, environment: &[(&str, &str)]) -> Output {
        let mut command = self.command(args);
        command.envs(environment.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.stdin(Stdio::piped()).spawn().unwrap_or_else(|error| panic!("{command:?} did not start: {error}"));
        let mut pipe = child.stdin.take().expect("standard input is piped");
        let output = thread::scope(|scope| {
            // Beside the reading, or both sides could wait for each other. A command may end without reading all of it.
            scope.spawn(move || pipe.write_all(stdin.as_bytes()).ok());
            child.wait_with_output().unwrap_or_else(|error| panic!("{command:?} was lost: {error}"))
        });
        Output {
            code: code(output.status),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The same where nobody reads what it says; the exit code.
    pub fn run_unread(&self, args: &[&str], stdin: &str) -> i32 {
        let closed = || std::io::pipe().map(|(_, writer)| writer).unwrap_or_else(|error| panic!("no pipe: {error}"));
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(closed()).stderr(closed());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} did not start: {error}"));
        let mut pipe = child.stdin.take().expect("standard input is piped");
        pipe.write_all(stdin.as_bytes()).unwrap_or_else(|error| panic!("{command:?} did not read: {error}"));
        drop(pipe);
        code(child.wait().unwrap_or_else(|error| panic!("{command:?} was lost: {error}")))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rollcall"));
        command.args(args).args(["--directory", self.url()]).current_dir(self.folder()).env("NO_COLOR", "1");
        // What the developer has set for a directory of their own must not reach the tests.
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("ROLLCALL_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// `rollcall apply -f - --yes -o json --now NOW -n hr` with YAML on standard input.
    #[track_caller]
    pub fn apply(&self, now: &str, yaml: &str) -> Report {
        self.apply_with(now, yaml, &[])
    }

    /// The same with further arguments.
    #[track_caller]
    pub fn apply_with(&self, now: &str, yaml: &str, args: &[&str]) -> Report {
        let fixed = ["apply", "-f", "-", "--yes", "-o", "json", "--now", now, "-n", NAMESPACE];
        Report::read(self.run(&[&fixed[..], args].concat(), yaml))
    }

    /// `rollcall apply --now NOW -o json` without `-f`: does only what fell due.
    #[track_caller]
    pub fn tick(&self, now: &str) -> Report {
        Report::read(self.run(&["apply", "--now", now, "-o", "json"], ""))
    }

    /// `rollcall plan -f - -o json --now NOW -n hr ARGS…` with YAML on standard input.
    #[track_caller]
    pub fn plan(&self, now: &str, yaml: &str, args: &[&str]) -> Report {
        let fixed = ["plan", "-f", "-", "-o", "json", "--now", now, "-n", NAMESPACE];
        Report::read(self.run(&[&fixed[..], args].concat(), yaml))
    }

    /// `rollcall record sign-in MEMBER --now NOW -n hr`.
    pub fn sign_in(&self, now: &str, member: &str) -> Output {
        self.run(&["record", "sign-in", member, "--now", now, "-n", NAMESPACE], "")
    }

    /// `rollcall get KIND NAME -n hr -o json --all`: the object. Panics if there is none.
    #[track_caller]
    pub fn get(&self, kind: &str, name: &str) -> Value {
        self.find(kind, name).unwrap_or_else(|| panic!("there is no {kind} {name}"))
    }

    /// The same; `None` if there is none (exit code 1).
    #[track_caller]
    pub fn find(&self, kind: &str, name: &str) -> Option<Value> {
        let output = self.run(&["get", kind, name, "-n", NAMESPACE, "-o", "json", "--all"], "");
        if output.code == 1 { None } else { Some(output.ok().json()) }
    }

    /// `rollcall get KIND -A --all -o json`: the items.
    #[track_caller]
    pub fn list(&self, kind: &str) -> Vec<Value> {
        let output = self.run(&["get", kind, "-A", "--all", "-o", "json"], "").ok();
        match output.json()["items"].take() {
            Value::Array(items) => items,
            _ => panic!("`get {kind}` printed no list of items\n{output}"),
        }
    }

    /// `rollcall history KIND NAME -n hr -o json`: the rows, oldest first.
    #[track_caller]
    pub fn history(&self, kind: &str, name: &str) -> Vec<Value> {
        self.rows(&["history", kind, name, "-n", NAMESPACE, "-o", "json"])
    }

    /// `rollcall history -o json`: every row of the audit trail, oldest first.
    #[track_caller]
    pub fn trail(&self) -> Vec<Value> {
        self.rows(&["history", "-o", "json"])
    }

    #[track_caller]
    fn rows(&self, args: &[&str]) -> Vec<Value> {
        let output = self.run(args, "").ok();
        match output.json() {
            Value::Array(rows) => rows,
            _ => panic!("{args:?} printed no list\n{output}"),
        }
    }

    /// Somebody's SQL behind Rollcall's back: how many rows it touched, or what the database said against it.
    pub fn sql(&self, statement: &str) -> Result<u64, String> {
        self.database.execute(statement).map_err(|error| error.to_string())
    }

    /// The first column of the first row as text; `None` if there is no row or it is null. Panics if the SQL is wrong.
    ///
    /// A boolean is the database's own text: `1` and `0` on SQLite, `t` and `f` on PostgreSQL.
    #[track_caller]
    pub fn query(&self, sql: &str) -> Option<String> {
        self.database.first_value(sql).unwrap_or_else(|error| panic!("`{sql}`: {error}"))
    }
}
