//! The telling of statuses: what each object should carry, what of that is on its way, what could not be written, and
//! when figures are due. Never decides what a status says. Kept by the session, feeds the writer.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::known::Cluster;
use super::writer::{Outcome, Write, Writer, Written};
use crate::api::{Key, Kind};
use crate::directory::declarations::{Filter, status_digest};
use crate::directory::{Directory, Error, outbox};
use crate::reconcile::figures;

/// The kinds whose statuses hold figures beside what is stored.
const WITH_FIGURES: [Kind; 2] = [Kind::Tenant, Kind::Organization];
/// Aggregated figures reach a status no more often than this (R11).
const FIGURES: Duration = Duration::from_secs(1);
/// While other statuses are on their way, figures wait; but no longer than this.
const FIGURES_AT_LAST: Duration = Duration::from_secs(30);
/// After how long statuses that could not be written are tried again.
const UNWRITTEN: Duration = Duration::from_secs(10);
/// How long statuses that are on their way may take when the operator ends.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// The statuses of everything that is there, on their way to it.
pub struct Statuses {
    writer: Writer,
    /// How many are on their way.
    on_their_way: usize,
    /// Those that could not be written, and when that is tried again.
    unwritten: BTreeSet<Key>,
    unwritten_at: Instant,
    figures: Figures,
}

/// When aggregated figures are to be told.
struct Figures {
    stale: bool,
    /// It is not the figures alone that changed.
    urgent: bool,
    told_at: Instant,
    took: Duration,
    /// When the outbox was last written, as far as it was told.
    outbox: Option<Timestamp>,
}

impl Statuses {
    /// None is known yet, and all figures are to be told.
    pub fn new(writer: Writer) -> Self {
        let at = Instant::now();
        let figures = Figures { stale: true, urgent: false, told_at: at, took: Duration::ZERO, outbox: None };
        Statuses { writer, on_their_way: 0, unwritten: BTreeSet::new(), unwritten_at: at, figures }
    }

    /// Whether some are on their way.
    pub fn are_on_their_way(&self) -> bool {
        self.on_their_way > 0
    }

    /// What became of the next; none once the writer has ended.
    pub async fn next_written(&mut self) -> Option<Written> {
        self.writer.done.recv().await
    }

    /// Figures may have changed.
    pub fn figures_changed(&mut self) {
        self.figures.stale = true;
    }

    /// An object itself changed. Where it has figures, they do not wait for other statuses.
    pub fn hurry(&mut self, kind: Kind) {
        self.figures.urgent |= has_figures(kind);
    }

    /// An object should carry this status, which may be another than before. Those with figures are told apart.
    pub fn desire(&mut self, cluster: &mut Cluster, key: &Key, digest: u128) {
        if has_figures(key.kind) {
            self.figures.stale = true;
        } else if let Some(known) = cluster.get_mut(key) {
            known.desired = Some(digest);
            self.write(cluster, key);
        }
    }

    /// Has an object's status written, if it is not there and not on its way.
    pub fn write(&mut self, cluster: &mut Cluster, key: &Key) {
        if has_figures(key.kind) {
            let known = cluster.get(key);
            self.figures.stale |= known.is_some_and(|known| known.desired != known.seen);
        } else {
            self.send(cluster, key.clone(), None);
        }
    }

    /// Hands a status to the writer: the one in the directory, or this one.
    fn send(&mut self, cluster: &mut Cluster, key: Key, status: Option<serde_json::Value>) {
        let Some(known) = cluster.get_mut(&key).filter(|known| known.sent.is_none()) else { return };
        let Some(digest) = known.desired.filter(|desired| Some(*desired) != known.seen && known.refused != Some(*desired)) else {
            return;
        };
        known.sent = Some(digest);
        self.on_their_way += 1;
        // Without a writer the session ends.
        let first = known.seen.is_none();
        let _ = self.writer.queue.send(Write { key, digest, status, first });
    }

    /// The writer told what became of a status.
    pub fn written(&mut self, cluster: &mut Cluster, written: Written) {
        self.on_their_way = self.on_their_way.saturating_sub(1);
        let Some(known) = cluster.get_mut(&written.key) else { return };
        let asked = known.sent.take();
        match written.outcome {
            Outcome::Told(digest) => {
                known.seen = Some(digest);
                // By the time it was written it was something newer.
                if known.desired == asked {
                    known.desired = Some(digest);
                }
            }
            // Not again before there is something new to tell.
            Outcome::Refused => known.refused = asked,
            Outcome::Failed => {
                self.figures.stale |= has_figures(written.key.kind);
                self.unwritten.insert(written.key);
                return;
            }
        }
        self.write(cluster, &written.key);
    }

    /// Now and then has those written again that could not be.
    pub fn write_again(&mut self, cluster: &mut Cluster) {
        if self.unwritten_at.elapsed() > UNWRITTEN {
            self.unwritten_at = Instant::now();
            std::mem::take(&mut self.unwritten).iter().for_each(|key| self.write(cluster, key));
        }
    }

    /// Tells Tenants and Organizations their figures, at most once a second, and less often where counting takes long.
    pub async fn tell_figures(&mut self, cluster: &mut Cluster, directory: &Directory) -> Result<(), Error> {
        let Figures { stale, urgent, told_at, took, outbox: known } = self.figures;
        let pause = FIGURES.max(took * 10);
        let busy = self.are_on_their_way() && !urgent && told_at.elapsed() < FIGURES_AT_LAST;
        if told_at.elapsed() < pause || busy {
            return Ok(());
        }
        let started = Instant::now();
        let mut tx = directory.read().await?;
        // Services acknowledge, and mails are sent, beside the engine.
        let changed_at = outbox::changed_at(&mut tx).await?;
        if !stale && changed_at == known {
            return Ok(());
        }
        self.figures.outbox = changed_at;
        (self.figures.stale, self.figures.urgent) = (false, false);
        for kind in WITH_FIGURES {
            for (declaration, status) in figures::list(&mut tx, kind, &Filter::default()).await? {
                let Some(known) = cluster.get_mut(&declaration.key) else { continue };
                known.desired = Some(status_digest(&status));
                // One that is on its way is looked at again when it has arrived.
                self.send(cluster, declaration.key, Some(status));
            }
        }
        self.figures.told_at = Instant::now();
        self.figures.took = started.elapsed();
        Ok(())
    }

    /// Begins nothing new. In order, what is on its way arrives.
    pub async fn end(self, in_order: bool) {
        let Writer { queue, done: _, mut task } = self.writer;
        drop(queue);
        if !in_order || tokio::time::timeout(LAST_WRITES, &mut task).await.is_err() {
            task.abort();
        }
    }
}

/// Whether statuses of a kind hold figures beside what is stored.
fn has_figures(kind: Kind) -> bool {
    WITH_FIGURES.contains(&kind)
}
