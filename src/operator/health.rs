//! How the operator is: what keeps it from its work, and what it counts. Written by every part of the
//! operator, read by probes and scrapers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::mail::Round;

/// A leader that does nothing for so long is stuck.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the operator does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It has not looked yet.
    Starting,
    /// Another process leads the directory; this one waits to take over.
    Standby,
    /// It leads.
    Leader,
}

/// A label of a metric that counts by one thing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct By {
    pub by: String,
}

/// The state and the counters of one operator process.
pub struct Health {
    role: RwLock<Role>,
    /// What is wrong, by the part that met it.
    troubles: RwLock<BTreeMap<String, String>>,
    /// When the session went round last.
    beat: RwLock<Instant>,
    registry: Registry,
    pub leading: Gauge<i64, AtomicI64>,
    pub objects: Gauge<i64, AtomicI64>,
    pub changes: Family<By, Counter>,
    pub patches: Family<By, Counter>,
    pub mails: Family<By, Counter>,
    pub events_dropped: Counter,
    pub watch_errors: Counter,
    pub engine_errors: Counter,
    pub batches: Histogram,
    pub skew: Gauge<f64, AtomicU64>,
}

impl Default for Health {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("rollcall");
        let health = Health {
            role: RwLock::new(Role::Starting),
            troubles: RwLock::default(),
            leading: Gauge::default(),
            objects: Gauge::default(),
            changes: Family::default(),
            patches: Family::default(),
            mails: Family::default(),
            events_dropped: Counter::default(),
            beat: RwLock::new(Instant::now()),
            watch_errors: Counter::default(),
            engine_errors: Counter::default(),
            batches: Histogram::new(exponential_buckets(0.001, 2.0, 15)),
            skew: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("leader", "Whether this process leads the directory: 1 or 0", health.leading.clone());
        registry.register("objects", "Resources that are watched and there", health.objects.clone());
        registry.register("changes", "Rows of the audit trail, by action", health.changes.clone());
        registry.register(
            "status_patches",
            "Statuses sent to the API server, by outcome: written, gone (the object is), refused or failed (sent again)",
            health.patches.clone(),
        );
        registry.register(
            "mails",
            "Mails handed to the mail server, by outcome: sent, refused (set aside) or put_off (tried again)",
            health.mails.clone(),
        );
        registry.register("events_dropped", "Events that were not written, since too many waited", health.events_dropped.clone());
        registry.register("watch_errors", "Lists and watches that failed", health.watch_errors.clone());
        registry.register("engine_errors", "Batches that could not be carried out", health.engine_errors.clone());
        registry.register_with_unit("batch", "Time from a batch to its commit", Unit::Seconds, health.batches.clone());
        registry.register_with_unit(
            "clock_skew",
            "How far this host's clock is ahead of the API server's",
            Unit::Seconds,
            health.skew.clone(),
        );
        Health { registry, ..health }
    }
}

impl Health {
    /// Says what the operator does now.
    pub fn set_role(&self, role: Role) {
        self.leading.set(i64::from(role == Role::Leader));
        if role != Role::Leader {
            self.objects.set(0);
        }
        self.beat();
        *self.role.write().unwrap_or_else(PoisonError::into_inner) = role;
    }

    /// Counts what became of mails.
    pub fn count_mails(&self, round: &Round) {
        for (by, count) in [("sent", round.sent), ("refused", round.refused), ("put_off", round.put_off)] {
            if count > 0 {
                self.mails.get_or_create(&By { by: by.to_owned() }).inc_by(count as u64);
            }
        }
    }

    /// Says that the session goes round.
    pub fn beat(&self) {
        *self.beat.write().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Says that a part of the operator can't work.
    pub fn trouble(&self, part: &str, what: impl ToString) {
        self.troubles.write().unwrap_or_else(PoisonError::into_inner).insert(part.to_owned(), what.to_string());
    }

    /// Says that a part works; whether it did not before.
    pub fn well(&self, part: &str) -> bool {
        self.troubles.write().unwrap_or_else(PoisonError::into_inner).remove(part).is_some()
    }

    /// Forgets what was wrong: the parts that met it are made anew.
    pub fn forget(&self) {
        self.troubles.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether the operator does its work, or what keeps it from it.
    pub fn ready(&self) -> Result<String, String> {
        let role = *self.role.read().unwrap_or_else(PoisonError::into_inner);
        let troubles = self.troubles.read().unwrap_or_else(PoisonError::into_inner);
        if !troubles.is_empty() {
            return Err(troubles.iter().map(|(part, what)| format!("{part}: {what}")).collect::<Vec<_>>().join("\n"));
        }
        match role {
            Role::Starting => Err("starting".to_owned()),
            Role::Standby => Ok("ok: standing by, another process leads".to_owned()),
            Role::Leader => {
                let silent = self.beat.read().unwrap_or_else(PoisonError::into_inner).elapsed();
                if silent > PATIENCE {
                    Err(format!("nothing was done for {} s", silent.as_secs()))
                } else {
                    Ok("ok: leading".to_owned())
                }
            }
        }
    }

    /// The metrics, in the OpenMetrics text format.
    pub fn metrics(&self) -> String {
        let mut text = String::new();
        // Writing into a string can't fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}
