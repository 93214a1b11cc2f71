//! A directory for one case of a property, driven through the library as the commands drive it, and what
//! can be read out of it. Never looks at how the engine does it.

use std::collections::{BTreeMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rollcall::api::{Handle, Key, Kind};
use rollcall::directory::{Absent, Address, Directory, copy, leadership};
use rollcall::reconcile::plan::{Run, carry_out, fingerprint, rehearse};
use rollcall::reconcile::{Done, Engine, FILES, Set, Submission};
use serde_json::Value;
use sqlx::Connection;

use crate::rosters::Manifest;

/// Where a directory is.
#[derive(Clone, Copy, Debug)]
pub enum Database {
    Memory,
    Postgres,
}

/// A directory for one case.
pub struct World {
    pub directory: Directory,
    database: Option<String>,
}

fn server() -> String {
    std::env::var("ROLLCALL_TEST_POSTGRES").expect("run `make test`: it starts PostgreSQL")
}

async fn on_server(sql: String) {
    let mut connection = sqlx::PgConnection::connect(&format!("{}/postgres", server())).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The key of an object.
pub fn key(kind: &str, name: &str) -> Key {
    Key::new(kind.parse().unwrap(), Handle::new("hr", name))
}

fn submissions(manifests: &[Manifest]) -> (Vec<Arc<Submission>>, Set) {
    set_of(manifests.iter().map(|(kind, name, spec)| (key(kind, name), spec.clone(), BTreeMap::new())))
}

/// What files hand over: each object with its spec and its annotations.
pub fn set_of(manifests: impl IntoIterator<Item = (Key, Value, BTreeMap<String, String>)>) -> (Vec<Arc<Submission>>, Set) {
    let submission = |(key, spec, annotations)| Arc::new(Submission::new(key, FILES.into(), &spec, annotations));
    let list: Vec<Arc<Submission>> = manifests.into_iter().map(submission).collect();
    let objects: HashSet<Key> = list.iter().map(|submission| submission.key.clone()).collect();
    let tenants = objects.iter().filter(|key| key.kind == Kind::Tenant).map(|key| key.handle.clone());
    let set =
        Set { complete: tenants.collect(), is_partial: false, objects: Arc::new(objects.clone()), pictures: Arc::default() };
    (list, set)
}

/// The run of a set without Secrets.
pub fn run((submissions, set): (Vec<Arc<Submission>>, Set), now: Timestamp, prune: bool) -> Run {
    Run {
        submissions,
        set,
        prune,
        take_over: false,
        restored: false,
        secrets: Arc::new(rollcall::api::secret::Contents::new()),
        now,
    }
}

/// Leaves the work on passwords for later.
pub async fn no_passwords(_: &Directory) -> Result<(), rollcall::directory::Error> {
    Ok(())
}

/// Applies a set; after so many commits the run is torn down, as by a kill.
pub async fn torn_down(mut engine: Engine, run: Run, after: Option<usize>) {
    let mut batches = 0;
    let mut count = |_: usize| {
        batches += 1;
        assert!(after.is_none_or(|after| batches <= after), "killed");
    };
    let run = carry_out(&mut engine, run, &mut count, no_passwords);
    let ended = futures::FutureExt::catch_unwind(AssertUnwindSafe(run)).await;
    assert!(ended.is_ok() || after.is_some());
    engine.release().await.unwrap();
}

impl World {
    pub async fn new(database: Database) -> World {
        let (address, name) = match database {
            Database::Memory => (Address::Memory, None),
            Database::Postgres => {
                let name = format!("rollcall_property_{}", uuid::Uuid::now_v7().simple());
                on_server(format!("CREATE DATABASE {name}")).await;
                (format!("{}/{name}", server()).parse().unwrap(), Some(name))
            }
        };
        let directory = Directory::open(address, Absent::Create).await.unwrap();
        let leader = leadership::take(&directory).await.unwrap();
        directory.migrate().await.unwrap();
        leader.release().await.unwrap();
        World { directory, database: name }
    }

    pub async fn end(self) {
        self.directory.close().await;
        if let Some(name) = self.database {
            on_server(format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }

    pub async fn engine(&self) -> Engine {
        let leader = leadership::take(&self.directory).await.unwrap();
        Engine::new(self.directory.clone(), leader).await.unwrap()
    }

    async fn run(&self, manifests: &[Manifest], now: &str, prune: bool) -> Done {
        let mut engine = self.engine().await;
        let run = run(submissions(manifests), instant(now), prune);
        let done = carry_out(&mut engine, run, &mut |_| (), no_passwords).await.unwrap();
        engine.release().await.unwrap();
        done
    }

    pub async fn apply(&self, manifests: &[Manifest], now: &str) -> Done {
        self.run(manifests, now, false).await
    }

    pub async fn apply_and_prune(&self, manifests: &[Manifest], now: &str) -> Done {
        self.run(manifests, now, true).await
    }

    /// Applies in small batches; after so many commits the run is torn down, as by a kill.
    pub async fn apply_in_batches_of(&self, batch: usize, manifests: &[Manifest], now: &str, killed_after: Option<usize>) {
        let mut engine = self.engine().await;
        engine.set_batch(batch);
        torn_down(engine, run(submissions(manifests), instant(now), false), killed_after).await;
    }

    pub async fn advance(&self, now: &str) -> Done {
        let mut engine = self.engine().await;
        let done = engine.advance(instant(now)).await.unwrap();
        engine.release().await.unwrap();
        done
    }

    /// A resource is gone.
    pub async fn remove(&self, kind: &str, name: &str, now: &str) {
        let mut engine = self.engine().await;
        engine.remove(vec![key(kind, name)], instant(now)).await.unwrap();
        engine.release().await.unwrap();
    }

    /// The resources of all members but one are gone; how many of them are deleted.
    pub async fn remove_all_members_but_boss(&self, now: &str) -> usize {
        for name in self.lines("SELECT name FROM members WHERE name <> 'boss'").await {
            self.remove("Member", &name, now).await;
        }
        self.count("SELECT name FROM members WHERE phase = 'Deleted'").await
    }

    pub async fn count(&self, sql: &str) -> usize {
        self.lines(sql).await.len()
    }

    pub async fn plan(&self, manifests: &[Manifest], now: &str, prune: bool) -> Done {
        let run = run(submissions(manifests), instant(now), prune);
        rehearse(&self.directory, run, None, no_passwords).await.unwrap()
    }

    /// Begins a transaction, and gives that up after a while.
    pub async fn give_up(&self, writes: bool, after: Duration) {
        let begun = async { if writes { self.directory.write().await } else { self.directory.read().await } };
        let until = Instant::now() + after;
        let mut begun = pin!(begun);
        while futures::poll!(&mut begun).is_pending() && Instant::now() < until {
            tokio::task::yield_now().await;
        }
    }

    pub async fn lines(&self, sql: &str) -> Vec<String> {
        let mut tx = self.directory.read().await.unwrap();
        let rows = tx.fetch(sql, vec![]).await.unwrap();
        let mut lines: Vec<String> = rows.iter().map(|row| row.get::<Option<String>>(0).unwrap().unwrap_or_default()).collect();
        lines.sort();
        lines
    }

    /// What a user could see of the records, without what chance made.
    pub async fn dump(&self) -> Vec<String> {
        let mut all = Vec::new();
        for sql in [
            "SELECT name || ' ' || id || ' ' || phase || ' ' || given_name || ' ' || administrator || ' ' \
             || coalesce(CAST(activated_at AS TEXT), '-') || ' ' || coalesce(CAST(suspended_at AS TEXT), '-') || ' ' \
             || coalesce(CAST(wake_at AS TEXT), '-') || ' ' || coalesce(CAST(on_leave AS TEXT), '-') FROM members",
            "SELECT m.name || ' in ' || o.name || ' ' || CAST(a.ordinal AS TEXT) FROM assignments a \
             JOIN members m ON m.uid = a.member JOIN organizations o ON o.uid = a.organization",
            "SELECT o.name || ' under ' || coalesce(p.name, '-') || ' ' || o.display_name FROM organizations o \
             LEFT JOIN organizations p ON p.uid = o.parent",
            "SELECT t.name || ' ' || t.time_zone || ' ' || t.plan || ' ' || coalesce(m.name, '-') FROM tenants t \
             LEFT JOIN members m ON m.uid = t.supreme_admin",
            "SELECT kind || ' ' || name || ' ' || reason FROM declarations",
        ] {
            all.extend(self.lines(sql).await);
        }
        all
    }

    /// Every row of every table that an apply may write.
    pub async fn everything(&self) -> Vec<String> {
        let mut all = Vec::new();
        let mut tx = self.directory.read().await.unwrap();
        for table in copy::RECORDED.iter().chain(copy::TRAIL) {
            let mut rows: Vec<String> =
                copy::rows(&mut tx, table).await.unwrap().into_iter().map(|row| format!("{} {row:?}", table.name)).collect();
            rows.sort();
            all.extend(rows);
        }
        all
    }

    /// The trail without what chance made: how often which action was done to what.
    pub async fn trail(&self) -> Vec<String> {
        self.lines("SELECT a.kind || ' ' || v.name || ' ' || a.action FROM audit a JOIN audit_values v ON v.seq = a.seq").await
    }
}

/// What was planned or done: comparable.
pub fn told(done: &Done) -> String {
    let refused: Vec<_> = done.refused().map(|outcome| (&outcome.key, outcome.verdict.reason)).collect();
    format!("{} {refused:?} {:?}", fingerprint(&done.changes), done.counts)
}
