//! Leadership: only the leader's engine writes records. On PostgreSQL it is a row with an expiry by the
//! database's clock and an epoch that only grows and fences every commit; on SQLite it is a file lock,
//! released by death. Taken by `apply` for its run and by whatever stays.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::sql::{Pool, Tx};
use super::{Address, Directory, Error};

/// How long leadership lasts without being renewed, by the database's clock.
const LEASE: Duration = Duration::from_secs(6);
/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(2);
/// How long a lock that another holds is tried again.
const BRIEFLY: Duration = Duration::from_millis(250);
/// The leader steps down by its own clock this long after its last renewal: before the lease is over.
const PATIENCE: Duration = Duration::from_secs(4);

/// Leadership of a directory, until it is dropped or released.
#[derive(Debug)]
pub struct Leader {
    epoch: i64,
    held: Held,
}

#[derive(Debug)]
enum Held {
    /// The lock of the file beside the database.
    File { lock: File, directory: Directory },
    /// The row, and the task that renews it.
    Row { directory: Directory, started: Instant, renewed: Arc<AtomicI64>, skew: Arc<AtomicI64>, task: JoinHandle<()> },
    /// Memory is nobody else's.
    Memory,
}

/// Who this process is, as others are told.
fn myself() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let host = if host.is_empty() { "this host" } else { host };
    format!("process {} on {host}, since {}", std::process::id(), Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ"))
}

/// Takes leadership, or says who has it. The schema may not be there yet. A leader that died on PostgreSQL
/// leaves a lease behind: it is waited for, for as long as nobody renews it.
pub async fn take(directory: &Directory) -> Result<Leader, Error> {
    let mut lease = None;
    let asked = Instant::now();
    loop {
        match attempt(directory).await? {
            Attempt::Taken(leader) => return Ok(leader),
            Attempt::Led { holder, expires_at } => {
                // A lock of a file goes with its holder: another may hold it for a moment only.
                let lives = match expires_at {
                    None => asked.elapsed() > BRIEFLY,
                    Some(_) => lease.is_some_and(|seen| seen != expires_at),
                };
                if lives {
                    return Err(led_by(&holder));
                }
                lease = Some(expires_at);
                tokio::time::sleep(BRIEFLY / 8).await;
            }
        }
    }
}

/// Takes leadership if nobody has it; does not wait.
pub async fn take_if_free(directory: &Directory) -> Result<Option<Leader>, Error> {
    match attempt(directory).await? {
        Attempt::Taken(leader) => Ok(Some(leader)),
        Attempt::Led { .. } => Ok(None),
    }
}

/// What came of trying to take leadership.
enum Attempt {
    Taken(Leader),
    /// Another has it: until when, where it is a lease.
    Led {
        holder: String,
        expires_at: Option<i64>,
    },
}

fn led_by(holder: &str) -> Error {
    let holder = if holder.is_empty() { "another process" } else { holder };
    Error::Led(format!("the directory is led by {holder}; wait for it, or end it; nothing was done"))
}

async fn attempt(directory: &Directory) -> Result<Attempt, Error> {
    match &directory.address {
        Address::Memory => Ok(Attempt::Taken(Leader { epoch: 0, held: Held::Memory })),
        Address::Sqlite(path) => take_file(directory, path),
        Address::Postgres(_) => take_row(directory).await,
    }
}

/// The lock is beside the file itself, whatever name led to it.
fn lock_path(database: &Path) -> PathBuf {
    let database = database.canonicalize().unwrap_or_else(|_| database.to_owned());
    let mut name = database.into_os_string();
    name.push(".lock");
    PathBuf::from(name)
}

fn take_file(directory: &Directory, database: &Path) -> Result<Attempt, Error> {
    let path = lock_path(database);
    let failed = |error: std::io::Error| Error::Led(format!("{} can't be locked: {error}", path.display()));
    let mut lock = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = lock.read_to_string(&mut holder);
            return Ok(Attempt::Led { holder: holder.trim().to_owned(), expires_at: None });
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| lock.write_all(myself().as_bytes())).map_err(failed)?;
    Ok(Attempt::Taken(Leader { epoch: 0, held: Held::File { lock, directory: directory.clone() } }))
}

async fn take_row(directory: &Directory) -> Result<Attempt, Error> {
    let Pool::Postgres(pool) = &directory.pool else { return Err(Error::Corrupt("no PostgreSQL".into())) };
    // The row that leads must be there before a schema is: it is made apart, in one statement.
    sqlx::raw_sql(BOOTSTRAP).execute(pool).await?;
    let started = Instant::now();
    let mut tx = directory.write().await?;
    let row = tx.fetch_one(TAKE, vec![myself().into(), micros(LEASE).into()]).await?;
    let Some(row) = row else {
        let row = tx.fetch_one(HOLDER, vec![]).await?;
        let (holder, expires_at) = row.map_or(Ok((String::new(), 0)), |row| Ok::<_, Error>((row.text(0)?, row.get(1)?)))?;
        return Ok(Attempt::Led { holder, expires_at: Some(expires_at) });
    };
    let (epoch, database_clock): (i64, i64) = (row.get(0)?, row.get(1)?);
    tx.commit().await?;
    let renewed = Arc::new(AtomicI64::new(0));
    let skew = Arc::new(AtomicI64::new(Timestamp::now().as_microsecond() - database_clock));
    let task = tokio::spawn(renew(directory.clone(), epoch, started, renewed.clone(), skew.clone()));
    let held = Held::Row { directory: directory.clone(), started, renewed, skew, task };
    Ok(Attempt::Taken(Leader { epoch, held }))
}

async fn renew(directory: Directory, epoch: i64, started: Instant, renewed: Arc<AtomicI64>, skew: Arc<AtomicI64>) {
    let mut ticks = tokio::time::interval(RENEWAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let asked = started.elapsed();
        let renewal = async {
            let mut tx = directory.write().await?;
            let row = tx.fetch_one(RENEW, vec![epoch.into(), micros(LEASE).into()]).await?;
            let clock = row.map(|row| row.get::<i64>(0)).transpose()?;
            tx.commit().await?;
            Ok::<_, Error>(clock)
        };
        match tokio::time::timeout(PATIENCE, renewal).await {
            Ok(Ok(Some(database_clock))) => {
                renewed.store(micros(asked), Ordering::Relaxed);
                skew.store(Timestamp::now().as_microsecond() - database_clock, Ordering::Relaxed);
            }
            Ok(Ok(None)) => return,
            Ok(Err(error)) => tracing::warn!(%error, "leadership could not be renewed"),
            Err(_) => tracing::warn!("leadership could not be renewed in time"),
        }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

const BOOTSTRAP: &str = "DO $$ BEGIN PERFORM pg_advisory_xact_lock(7268340115); \
     IF to_regclass('leadership') IS NULL THEN \
     CREATE TABLE leadership (id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1), holder TEXT NOT NULL, epoch BIGINT NOT NULL, \
     expires_at BIGINT NOT NULL); INSERT INTO leadership VALUES (1, '', 0, 0); END IF; END $$";
const TAKE: &str = "UPDATE leadership SET holder = $1, epoch = epoch + 1, \
     expires_at = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + $2 \
     WHERE id = 1 AND expires_at < (extract(epoch FROM clock_timestamp()) * 1000000)::bigint \
     RETURNING epoch, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
const RENEW: &str = "UPDATE leadership SET expires_at = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + $2 \
     WHERE id = 1 AND epoch = $1 RETURNING (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
const HOLDER: &str = "SELECT holder, expires_at FROM leadership WHERE id = 1";
const FENCE: &str = "SELECT 1 FROM leadership WHERE id = 1 AND epoch = $1 FOR SHARE";
const RELEASE: &str = "UPDATE leadership SET expires_at = 0 WHERE id = 1 AND epoch = $1";

/// The statements of this file; they are PostgreSQL's alone.
pub const POSTGRES_STATEMENTS: &[&str] = &[TAKE, RENEW, HOLDER, FENCE, RELEASE];

impl Leader {
    /// The epoch of this leadership: 0 where a lock does without.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// How far this host's clock is ahead of the database's, in microseconds.
    pub fn skew(&self) -> i64 {
        match &self.held {
            Held::Row { skew, .. } => skew.load(Ordering::Relaxed),
            Held::File { .. } | Held::Memory => 0,
        }
    }

    /// Whether it still leads, by its own clock.
    ///
    /// # Errors
    ///
    /// [`Error::Deposed`] once leadership was not renewed for so long that another may lead.
    pub fn check(&self) -> Result<(), Error> {
        match &self.held {
            Held::Row { started, renewed, .. }
                if micros(started.elapsed()) - renewed.load(Ordering::Relaxed) > micros(PATIENCE) =>
            {
                Err(Error::Deposed)
            }
            Held::Row { .. } | Held::File { .. } | Held::Memory => Ok(()),
        }
    }

    /// Begins a transaction that only this leader can commit.
    pub async fn begin(&self, directory: &Directory) -> Result<Tx, Error> {
        self.check()?;
        let mut tx = directory.write().await?;
        if let Held::Row { started, renewed, .. } = &self.held {
            let asked = micros(started.elapsed());
            if tx.fetch_one(FENCE, vec![self.epoch.into()]).await?.is_none() {
                return Err(Error::Deposed);
            }
            // Nobody else can lead while this transaction holds the row, and no renewal can get through.
            renewed.fetch_max(asked, Ordering::Relaxed);
        }
        Ok(tx)
    }

    /// Gives leadership up, so that the next needs not wait for the lease to end.
    pub async fn release(self) -> Result<(), Error> {
        match self.held {
            Held::Row { ref directory, ref task, .. } => {
                task.abort();
                let mut tx = directory.write().await?;
                tx.execute(RELEASE, vec![self.epoch.into()]).await?;
                tx.commit().await
            }
            Held::File { ref lock, ref directory } => {
                directory.write_back().await;
                let _ = lock.unlock();
                Ok(())
            }
            Held::Memory => Ok(()),
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if let Held::Row { task, .. } = &self.held {
            task.abort();
        }
    }
}
