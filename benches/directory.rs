//! How fast and how large: an apply against a bare bulk insert of the same rows, and against reading the
//! same files. Every figure is the median of ratios of two times, one measured right after the other, against the limit
//! that is named beside it. The exit code is 1 where a limit is not kept. `make bench` runs it; arguments are sizes, 1000
//! 10000 100000 if there are none, and databases, `sqlite` and `postgres` if there are none.

mod bulk;
mod pairs;
mod roster;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rollcall::directory::{Absent, Address, Directory};
use rollcall::manifests;
use sqlx::Connection;

use pairs::Pairs;

/// What the product is compared with has the same allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The argument with which this program only reads files.
const PARSE: &str = "--parse";

const COLD: f64 = 3.0;
const UNCHANGED: f64 = 1.5;
const GROWTH: f64 = 11.0;
const MEMORY: f64 = 400.0;
/// How many directories are made of each size.
const RUNS: usize = 3;
/// How often each is applied to again.
const AGAIN: usize = 5;

#[derive(Default)]
struct Measured {
    /// A cold apply, beside a bulk insert of the same rows.
    cold: Pairs,
    /// An unchanged apply, beside the parsing of the same files.
    again: Pairs,
    /// A cold apply, beside one of the tenth of it.
    growth: Pairs,
    peak: f64,
    writes: i64,
}

#[tokio::main]
async fn main() -> ExitCode {
    if let Some(files) = std::env::args().skip_while(|argument| argument != PARSE).nth(1) {
        let roster = manifests::read(&[PathBuf::from(files)], "default");
        assert!(roster.complaints.is_empty());
        return ExitCode::SUCCESS;
    }
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![1_000, 10_000, 100_000] } else { sizes };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut kept = true;
    println!("database    members   cold apply   bulk insert   ratio   unchanged    parsing   ratio   peak memory   growth");
    let databases = ["sqlite", "postgres"];
    let named: Vec<&str> = databases.into_iter().filter(|name| std::env::args().any(|argument| argument == *name)).collect();
    for database in if named.is_empty() { databases.to_vec() } else { named } {
        for size in &sizes {
            let files = roster_of(*size, folder.path());
            let tenth = (*size == 100_000).then(|| roster_of(size / 10, folder.path()));
            let measured = measure(database, &files, tenth.as_deref(), folder.path()).await;
            let (cold, again) = (measured.cold.ratio(), measured.again.ratio());
            let ((applied, inserted), (looked, parsed)) = (measured.cold.seconds(), measured.again.seconds());
            let growth = tenth.map(|_| measured.growth.ratio());
            println!(
                "{database:<9} {size:>9} {applied:>10.2} s {inserted:>11.2} s {cold:>7.2} {looked:>9.3} s {parsed:>8.3} s {again:>7.2} {:>10.0} MB {}",
                measured.peak,
                growth.map_or_else(String::new, |growth| format!("{growth:>8.1}")),
            );
            let mut limit = |what: &str, value: f64, most: f64| {
                if value > most {
                    println!("  OVER THE LIMIT: {what} is {value:.2}, at most {most} is allowed");
                    kept = false;
                }
            };
            if *size == 10_000 {
                limit("cold apply to bulk insert", cold, COLD);
                limit("unchanged apply to parsing", again, UNCHANGED);
            }
            if let Some(growth) = growth {
                limit("time of 100,000 to 10,000", growth, GROWTH);
                limit("peak memory in MB", measured.peak, MEMORY);
            }
            limit("rows written by an unchanged apply", measured.writes as f64, 0.0);
        }
    }
    println!(
        "limits: cold {COLD}, unchanged {UNCHANGED} (10,000 members); growth {GROWTH}, memory {MEMORY} MB (100,000 members)"
    );
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The folder of a roster of this size.
fn roster_of(size: usize, folder: &Path) -> PathBuf {
    let files = folder.join(format!("roster-{size}"));
    if !files.exists() {
        roster::write(&files, size).expect("the roster is written");
    }
    files
}

async fn measure(database: &str, files: &Path, tenth: Option<&Path>, folder: &Path) -> Measured {
    let mut measured = Measured::default();
    for _ in 0..RUNS {
        let url = fresh(database, folder).await;
        let (applied, peak) = timed(|| apply(&url, files));
        measured.peak = measured.peak.max(peak);
        if let Some(tenth) = tenth {
            let smaller = fresh(database, folder).await;
            measured.growth.0.push((applied, timed(|| apply(&smaller, tenth)).0));
        }
        let directory = Directory::open(address(&url), Absent::Refuse).await.expect("the directory opens");
        let rows = bulk::rows(&directory).await;
        let other = bulk::empty(&fresh(database, folder).await).await;
        let started = Instant::now();
        bulk::insert(&other, rows).await;
        measured.cold.0.push((applied, started.elapsed()));
        other.close().await;

        let before = written(&directory).await;
        for _ in 0..AGAIN {
            let (looked, _) = timed(|| apply(&url, files));
            let (parsed, ()) = timed(|| parse(files));
            measured.again.0.push((looked, parsed));
        }
        measured.writes = measured.writes.max(written(&directory).await - before);
        directory.close().await;
    }
    measured
}

/// What something takes, and its outcome.
fn timed<T>(what: impl FnOnce() -> T) -> (Duration, T) {
    let started = Instant::now();
    let outcome = what();
    (started.elapsed(), outcome)
}

fn address(url: &str) -> Address {
    url.parse().expect("an address")
}

/// The URL of an empty place for a directory.
async fn fresh(database: &str, folder: &Path) -> String {
    let name = format!("bench_{}", uuid::Uuid::now_v7().simple());
    if database == "sqlite" {
        return format!("sqlite:{}", folder.join(format!("{name}.db")).display());
    }
    let server = std::env::var("ROLLCALL_TEST_POSTGRES").expect("run `make bench`: it starts PostgreSQL");
    let mut connection = sqlx::PgConnection::connect(&format!("{server}/postgres")).await.expect("PostgreSQL is there");
    let sql = format!("CREATE DATABASE {name}");
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.expect("a database is made");
    format!("{server}/{name}")
}

/// Runs the built `rollcall`; its peak memory in MB.
fn apply(url: &str, files: &Path) -> f64 {
    run(Path::new(env!("CARGO_BIN_EXE_rollcall")), &["apply", "--yes", "-f", &files.display().to_string(), "--directory", url])
}

/// Reads the same files with the same reader, and does nothing else, in a process of its own.
fn parse(files: &Path) {
    let myself = std::env::current_exe().expect("this program has a path");
    run(&myself, &[PARSE, &files.display().to_string()]);
}

fn run(program: &Path, arguments: &[&str]) -> f64 {
    let mut child =
        Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("rollcall starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0.0_f64;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        peak = peak.max(kilobytes.unwrap_or(0.0) / 1024.0);
        match child.try_wait().expect("rollcall can be waited for") {
            Some(status) => {
                assert!(status.success(), "rollcall {arguments:?}: {status}");
                return peak;
            }
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// How many rows anything but leadership ever wrote. SQLite: the counter of changes to the file;
/// PostgreSQL: what the server counted.
async fn written(directory: &Directory) -> i64 {
    let mut tx = directory.read().await.expect("a transaction");
    let sql = match directory.address {
        Address::Postgres(_) => {
            drop(tx.fetch("SELECT pg_stat_force_next_flush()", vec![]).await);
            "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint FROM pg_stat_user_tables WHERE relname <> 'leadership'"
        }
        Address::Sqlite(_) | Address::Memory => "SELECT (SELECT count(*) FROM audit) + (SELECT sum(revision) FROM members)",
    };
    let row = tx.fetch_one(sql, vec![]).await.expect("a count").expect("a row");
    row.get(0).expect("a number")
}
