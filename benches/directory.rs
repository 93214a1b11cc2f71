//! How fast and how large: an apply against a bare bulk insert of the same rows, and against reading the
//! same files. Every figure is a ratio measured in one run, against the limit that is named beside it. The
//! exit code is 1 where a limit is not kept. `make bench` runs it; arguments are sizes, 1000 10000 100000
//! if there are none, and databases, `sqlite` and `postgres` if there are none.

mod bulk;
mod roster;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rollcall::directory::{Absent, Address, Directory};
use rollcall::manifests;
use sqlx::Connection;

/// The argument with which this program only reads files.
const PARSE: &str = "--parse";

const COLD: f64 = 3.0;
const UNCHANGED: f64 = 1.5;
const GROWTH: f64 = 11.0;
const MEMORY: f64 = 400.0;
/// Each time is the best of so many: the machine's noise only ever adds.
const RUNS: usize = 3;

struct Measured {
    cold: Duration,
    bulk: Duration,
    again: Duration,
    parse: Duration,
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
        let mut of_ten_thousand = None;
        for size in &sizes {
            let files = folder.path().join(format!("roster-{size}"));
            if !files.exists() {
                roster::write(&files, *size).expect("the roster is written");
            }
            let runs = if *size > 10_000 { 2 } else { RUNS };
            let measured = measure(database, &files, folder.path(), runs).await;
            let (cold, again) = (ratio(measured.cold, measured.bulk), ratio(measured.again, measured.parse));
            if *size == 10_000 {
                of_ten_thousand = Some(measured.cold);
            }
            let growth = of_ten_thousand.filter(|_| *size == 100_000).map(|base| ratio(measured.cold, base));
            println!(
                "{database:<9} {size:>9} {:>10.2} s {:>11.2} s {cold:>7.2} {:>9.3} s {:>8.3} s {again:>7.2} {:>10.0} MB {}",
                measured.cold.as_secs_f64(),
                measured.bulk.as_secs_f64(),
                measured.again.as_secs_f64(),
                measured.parse.as_secs_f64(),
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

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

async fn measure(database: &str, files: &Path, folder: &Path, runs: usize) -> Measured {
    let mut best: Option<Measured> = None;
    for _ in 0..runs {
        let url = fresh(database, folder).await;
        let started = Instant::now();
        let peak = apply(&url, files);
        let cold = started.elapsed();
        let directory = Directory::open(address(&url), Absent::Refuse).await.expect("the directory opens");

        let before = written(&directory).await;
        let started = Instant::now();
        apply(&url, files);
        let again = started.elapsed();
        let writes = written(&directory).await - before;

        let started = Instant::now();
        parse(files);
        let parse = started.elapsed();

        let rows = bulk::rows(&directory).await;
        let other = bulk::empty(&fresh(database, folder).await).await;
        let started = Instant::now();
        bulk::insert(&other, rows).await;
        let bulk = started.elapsed();
        other.close().await;
        directory.close().await;
        let this = Measured { cold, bulk, again, parse, peak, writes };
        best = Some(match best {
            None => this,
            Some(best) => Measured {
                cold: best.cold.min(this.cold),
                bulk: best.bulk.min(this.bulk),
                again: best.again.min(this.again),
                parse: best.parse.min(this.parse),
                peak: best.peak.max(this.peak),
                writes: best.writes.max(this.writes),
            },
        });
    }
    best.expect("at least one run")
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
