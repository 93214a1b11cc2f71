//! The queue and its worker: drains what is queued in batches, retries a batch that met a conflict, halves
//! it when that repeats, and goes on with what a commit has woken. Reads no clock: the instant is an argument.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ring::hmac;

use super::budget::PutOff;
use super::commit::{self, Told};
use super::decide::Presence;
use super::gather::{Terms, gather};
use super::request::{Request, What};
use super::unfinished::Unfinished;
use super::{Done, Outcome, Secrets, Submission};
use crate::api::secret::Contents;
use crate::api::{Handle, Key, Kind, Reason, Verdict};
use crate::directory::audit::Entry;
use crate::directory::declarations::Quiet;
use crate::directory::leadership::Leader;
use crate::directory::{Directory, Error, declarations};
use crate::lifecycle::{Judgement, Trigger};

/// The most objects in one batch.
pub const BATCH: usize = 500;
/// How often a batch that met a conflict is gathered again before it is halved.
const ATTEMPTS: usize = 3;
/// The clocks may differ by this much before irreversible steps wait (R4).
const TOLERATED_SKEW: u64 = 60_000_000;

/// The engine of one directory.
pub struct Engine {
    pub directory: Directory,
    pub(super) leader: Leader,
    digest_key: hmac::Key,
    /// Whether records are taken that another source declares (R9).
    pub(super) take_over: bool,
    /// Whether the directory comes from a backup (R13).
    pub(super) restored: bool,
    pub(super) presence: Presence,
    /// What is declared and whose manifest is gone, as far as that is known: nothing that it says is acted on any more (R9).
    pub(super) going: HashSet<Key>,
    pub(super) queue: VecDeque<Request>,
    /// How many changes are kept to be told.
    pub(super) keep: usize,
    /// The most objects in one batch.
    batch: usize,
    /// Whether Tenants were told that the clocks agree, or that they don't.
    pub(super) told_of_clocks: Option<bool>,
    other_skew: i64,
    /// What objects were told, where that is collected.
    told: Option<Vec<Told>>,
    /// What was recalled of earlier declarations.
    quiet: Quiet,
    /// Losses of access that are not judged yet, and what was judged of others in this run (T11).
    pub(super) put_off: PutOff,
    pub(super) judged: HashMap<Key, Judgement>,
    /// Whether there may be mails that wait until their batch is whole (T15): also those of a run that was killed.
    pub(super) mails_ordered: bool,
    /// Whether this engine ordered some, or changed them, and they were not judged since.
    pub(super) mails_new: bool,
    /// What follows from commits that were made, and is not done yet.
    pub(super) unfinished: Unfinished,
    /// Whether some of them are judged the next time.
    pub(super) mails_put_off: bool,
    /// How long no mail may have been ordered before those of a batch are judged, and how long they wait at most.
    pub(super) mails_settle: (Duration, Duration),
    /// Where Secrets are found.
    pub(super) secrets: Arc<dyn Secrets>,
}

impl Engine {
    /// An engine on a directory that this process leads.
    pub async fn new(directory: Directory, leader: Leader) -> Result<Engine, Error> {
        let digest_key = directory.digest_key().await?;
        Ok(Engine {
            secrets: Arc::new(Contents::new()),
            directory,
            leader,
            digest_key,
            take_over: false,
            restored: false,
            presence: Presence::Declared,
            going: HashSet::new(),
            queue: VecDeque::new(),
            keep: usize::MAX,
            batch: BATCH,
            told_of_clocks: None,
            other_skew: 0,
            told: None,
            quiet: Quiet::default(),
            put_off: PutOff::default(),
            judged: HashMap::new(),
            mails_ordered: true,
            mails_new: false,
            unfinished: Unfinished::Unknown,
            mails_put_off: false,
            mails_settle: (Duration::ZERO, Duration::ZERO),
        })
    }

    /// Takes records that another source declares.
    pub fn take_over(&mut self) {
        self.take_over = true;
    }

    /// Recalls what was declared before, for as long as something else takes: a large set is read in the
    /// same time. Returns what that gives.
    pub async fn recall_during<T>(&mut self, other: impl Future<Output = T>) -> Result<T, Error> {
        tokio::pin!(other);
        let mut tx = self.directory.read().await?;
        let mut more = true;
        loop {
            tokio::select! {
                biased;
                done = &mut other => return Ok(done),
                recalled = self.quiet.recall(&mut tx), if more => more = recalled?,
            }
        }
    }

    /// Decides about so many objects at once, and no more.
    pub fn set_batch(&mut self, objects: usize) {
        self.batch = objects.max(1);
    }

    /// Keeps no more changes than these to be told: a large set makes many.
    pub fn keep(&mut self, changes: usize) {
        self.keep = changes;
    }

    /// Adds to what was done, as far as it is kept.
    pub(super) fn add(&self, done: &mut Done, step: Done) {
        done.extend(step, self.keep);
    }

    /// Says which set is at hand.
    pub fn set_presence(&mut self, presence: Presence) {
        self.presence = presence;
    }

    /// A manifest is gone. What becomes of its record is said apart.
    pub fn went(&mut self, key: Key) {
        self.going.insert(key);
    }

    /// A manifest is there again, or what became of its record is said.
    pub fn came_back(&mut self, key: &Key) {
        self.going.remove(key);
    }

    /// Gives leadership up.
    pub async fn release(self) -> Result<(), Error> {
        self.leader.release().await
    }

    /// Says how far this host's clock is before another that matters, in microseconds; nothing, if that is not
    /// known.
    pub fn set_other_skew(&mut self, skew: Option<i64>) {
        self.other_skew = skew.unwrap_or(i64::MAX);
    }

    /// Whether irreversible steps may be taken: this host's clock agrees with the database's, and with that of
    /// the API server where there is one (R4).
    pub fn clocks_agree(&self) -> bool {
        [self.leader.skew(), self.other_skew].iter().all(|skew| skew.unsigned_abs() <= TOLERATED_SKEW)
    }

    /// Puts a request at the end of the queue.
    pub fn enqueue(&mut self, request: Request) {
        self.queue.push_back(request);
    }

    /// Declares a set and does everything that follows from it. `progress` is told how many objects are done.
    pub async fn apply(
        &mut self,
        submissions: Vec<Arc<Submission>>,
        now: Timestamp,
        progress: &mut (dyn FnMut(usize) + Send),
    ) -> Result<Done, Error> {
        self.apply_without(submissions, Vec::new(), now, progress).await
    }

    /// The same, and lets records follow what is missing from the set, once all of it is declared. Losses of access on both
    /// sides are judged together (T11).
    pub async fn apply_without(
        &mut self,
        submissions: Vec<Arc<Submission>>,
        missing: Vec<Key>,
        now: Timestamp,
        progress: &mut (dyn FnMut(usize) + Send),
    ) -> Result<Done, Error> {
        let taken_away = self.taken_away(&missing).await?;
        self.going = missing.iter().filter(|key| !taken_away.contains(key)).cloned().collect();
        let mut done = self.advance_before_declared(now).await?;
        let loud = self.loud(submissions, &mut done).await?;
        self.declare(loud);
        let drained = self.drain_without(missing, now, progress).await;
        self.going.clear();
        done.extend(drained?, self.keep);
        Ok(done)
    }

    /// Puts a set of manifests at the end of the queue, in the order in which it is best taken.
    pub fn declare(&mut self, submissions: Vec<Arc<Submission>>) {
        for submission in in_order(submissions) {
            let key = submission.key.clone();
            self.enqueue(Request { key, trigger: Trigger::Declared, what: What::Submitted(submission) });
        }
    }

    /// What was declared before and has nothing to do, all of it.
    pub async fn recall(&mut self) -> Result<Quiet, Error> {
        let mut quiet = Quiet::default();
        let mut tx = self.directory.read().await?;
        while quiet.recall(&mut tx).await? {}
        Ok(quiet)
    }

    /// From now on, collects what objects are told.
    pub fn collect_told(&mut self) {
        self.told = Some(Vec::new());
    }

    /// What objects were told since this was asked last, if that is collected: each with the digest of its status,
    /// oldest first.
    pub fn told(&mut self) -> Vec<Told> {
        self.told.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Binds declarations to another source: their resources were seen under it (R9).
    pub async fn rebind(&mut self, sources: &[(Key, String)]) -> Result<(), Error> {
        for page in sources.chunks(BATCH) {
            let mut tx = self.leader.begin(&self.directory).await?;
            declarations::rebind(&mut tx, page).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Works until the queue is empty.
    pub async fn drain(&mut self, now: Timestamp, progress: &mut (dyn FnMut(usize) + Send)) -> Result<Done, Error> {
        self.drain_without(Vec::new(), now, progress).await
    }

    /// Works until the queue is empty, and lets records follow their resources, which are gone.
    pub(super) async fn drain_without(
        &mut self,
        gone: Vec<Key>,
        now: Timestamp,
        progress: &mut (dyn FnMut(usize) + Send),
    ) -> Result<Done, Error> {
        let mut done = Done::default();
        self.judged.clear();
        self.take_up(now, &mut done).await?;
        self.work(now, progress, &mut done).await?;
        self.let_go(gone, now, &mut done).await?;
        while !self.put_off.is_empty() || std::mem::take(&mut self.mails_ordered) {
            self.judge(now).await?;
            self.work(now, &mut |_| (), &mut done).await?;
        }
        self.finish().await?;
        self.mails_ordered = std::mem::take(&mut self.mails_put_off);
        Ok(done)
    }

    /// Works until the queue is empty, but for what is put off.
    pub(super) async fn work(
        &mut self,
        now: Timestamp,
        progress: &mut (dyn FnMut(usize) + Send),
        done: &mut Done,
    ) -> Result<(), Error> {
        while !self.queue.is_empty() {
            let mut batch: Vec<Request> = Vec::with_capacity(BATCH);
            let mut places: HashMap<Key, usize> = HashMap::new();
            while batch.len() < self.batch
                && let Some(request) = self.queue.pop_front()
            {
                match places.get(&request.key) {
                    // A look at what is declared in this very batch adds nothing to it.
                    Some(place) => {
                        if !matches!(request.what, What::Revisit) {
                            batch[*place] = request;
                        }
                    }
                    None => {
                        places.insert(request.key.clone(), batch.len());
                        batch.push(request);
                    }
                }
            }
            let declared = batch.iter().filter(|request| request.trigger == Trigger::Declared).count();
            self.read_ahead();
            if let Err(error) = self.run(batch.clone(), now, done).await {
                // Nothing is lost: whoever goes on takes it up again.
                batch.into_iter().rev().for_each(|request| self.queue.push_front(request));
                return Err(error);
            }
            progress(declared);
        }
        Ok(())
    }

    /// Has the next batch read on another core, while this one is decided and written.
    fn read_ahead(&self) {
        let next: Vec<Arc<Submission>> = self.queue.iter().take(self.batch).filter_map(submitted).cloned().collect();
        if next.len() > 1 {
            tokio::task::spawn_blocking(move || next.iter().for_each(|submission| submission.read()));
        }
    }

    /// Runs one batch: again when it met a conflict, in halves when that repeats.
    async fn run(&mut self, batch: Vec<Request>, now: Timestamp, done: &mut Done) -> Result<(), Error> {
        let mut batches = VecDeque::from([batch]);
        while let Some(mut batch) = batches.pop_front() {
            let mut attempt = 1;
            loop {
                // Uniqueness is a constraint. Who holds what is looked up only where it was hurt.
                let look_up = attempt > 1;
                match self.attempt(&batch, now, look_up).await {
                    Ok((step, woken)) => {
                        done.extend(step, self.keep);
                        self.queue.extend(woken);
                        break;
                    }
                    Err(error) if error.is_conflict() && attempt < ATTEMPTS => {
                        tracing::debug!(%error, objects = batch.len(), attempt, "a batch met a conflict");
                        attempt += 1;
                    }
                    Err(error) if error.is_conflict() && batch.len() > 1 => {
                        batches.push_front(batch.split_off(batch.len() / 2));
                        attempt = 2;
                    }
                    Err(error) if error.is_conflict() => {
                        let Some(request) = batch.pop() else { break };
                        tracing::error!(%error, object = %request.key, "an object could not be written");
                        let verdict = Verdict::new(Reason::DatabaseConflict, format!("the database refused it: {error}"));
                        let outcome = Outcome { key: request.key.clone(), verdict };
                        done.outcomes.insert(request.key, outcome);
                        break;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Gathers, decides and commits one batch once.
    async fn attempt(&mut self, batch: &[Request], now: Timestamp, look_up: bool) -> Result<(Done, Vec<Request>), Error> {
        let mut done = Done::default();
        // Before a transaction begins: none is to wait while manifests are read.
        batch.iter().filter_map(submitted).for_each(|submission| submission.read());
        let mut tx = self.directory.read().await?;
        let mut requests = batch.to_vec();
        let (gathered, decisions) = loop {
            let terms = Terms {
                now,
                irreversible: self.clocks_agree(),
                take_over: self.take_over,
                restored: self.restored,
                judged: &self.judged,
                going: &self.going,
                presence: &self.presence,
            };
            let gathered = gather(&mut tx, &requests, &terms).await?;
            let (gathered, decisions) = self.decide(&mut tx, gathered, look_up).await?;
            let pulled = self.pulled(&mut tx, &requests, &decisions).await?;
            if pulled.is_empty() {
                break (gathered, decisions);
            }
            requests.extend(pulled);
        };
        drop(tx);
        let (decisions, put_off) = PutOff::of(&gathered, &requests, decisions);
        let mut commit = commit::compile(&gathered, &decisions);
        let changes_mails = commit.changes_mails();
        self.mails_ordered |= changes_mails;
        self.mails_new |= changes_mails;
        if !put_off.is_empty() {
            commit.is_judged_later();
        }
        let again: HashSet<&Key> = decisions.iter().filter(|decision| decision.again).map(|decision| &decision.key).collect();
        requests.retain(|request| again.contains(&request.key));
        let (mut woken, told) = commit.write(&self.directory, &self.leader, &self.digest_key, now, &mut done).await?;
        woken.extend(requests);
        self.put_off.extend(put_off);
        if self.unfinished == Unfinished::Nothing && !(woken.is_empty() && self.put_off.is_empty()) {
            self.unfinished = Unfinished::Own;
        }
        self.told.iter_mut().for_each(|all| all.extend_from_slice(&told));
        Ok((done, woken))
    }

    /// Leaves out what was declared before and has nothing to do: the digest is the same, the outcome good. Dates that
    /// came and records that somebody touched were seen to before.
    async fn loud(&mut self, submissions: Vec<Arc<Submission>>, done: &mut Done) -> Result<Vec<Arc<Submission>>, Error> {
        let mut tx = self.directory.read().await?;
        let quiet = if submissions.len() > BATCH {
            let mut quiet = std::mem::take(&mut self.quiet);
            while quiet.recall(&mut tx).await? {}
            quiet.objects
        } else {
            let keys: Vec<Key> = submissions.iter().map(|submission| submission.key.clone()).collect();
            declarations::quiet_among(&mut tx, &keys).await?
        };
        let (unchanged, loud): (Vec<_>, Vec<_>) = submissions.into_iter().partition(|submission| {
            let Submission { digest, source, generation, .. } = &**submission;
            quiet.get(&submission.key).is_some_and(|recalled| recalled.is(digest, source, *generation))
        });
        // What time has changed just now is told already.
        let changed: HashSet<Key> = done.changes.iter().filter_map(Entry::key).collect();
        let keys = unchanged.iter().map(|submission| &submission.key);
        done.unchanged.extend(keys.filter(|key| !changed.contains(*key)).cloned());
        Ok(loud)
    }
}

/// The manifest of a request, if one is handed over with it.
fn submitted(request: &Request) -> Option<&Arc<Submission>> {
    match &request.what {
        What::Submitted(submission) => Some(submission),
        What::Gone | What::Revisit => None,
    }
}

/// The order in which a set is handed over: kind, then organizations by their depth in the set, then as
/// they were created and by handle (T3).
fn in_order(mut submissions: Vec<Arc<Submission>>) -> Vec<Arc<Submission>> {
    let parents: HashMap<Handle, Handle> = submissions
        .iter()
        .filter(|submission| submission.key.kind == Kind::Organization)
        .filter_map(|submission| {
            let spec: serde_json::Value = serde_json::from_str(&submission.spec).ok()?;
            let parent = spec["parentRef"]["name"].as_str()?;
            Some((submission.key.handle.clone(), submission.key.handle.sibling(parent)))
        })
        .collect();
    let depth = |handle: &Handle| {
        let mut depth = 0;
        let mut next = parents.get(handle);
        while let Some(parent) = next
            && depth < 64
        {
            depth += 1;
            next = parents.get(parent);
        }
        depth
    };
    submissions.sort_by_cached_key(|submission| {
        let depth = if submission.key.kind == Kind::Organization { depth(&submission.key.handle) } else { 0 };
        (submission.key.kind, depth, submission.created_at, submission.key.handle.clone())
    });
    submissions
}
