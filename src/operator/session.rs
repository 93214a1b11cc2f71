//! A session: from the moment this process leads until it no longer does. Takes in what the watches tell,
//! hands what is new to the engine, what vanished to the settling, what is to be told to the statuses. Whatever
//! fails ends it: the next one lists anew, and nothing is lost.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, Receiver, Sender, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::events::{self, Told as Event};
use super::health::{By, Health};
use super::known::{Cluster, News};
use super::object::Object;
use super::referents::Referent;
use super::settle::{Looked, Settling, look};
use super::statuses::Statuses;
use super::watch::{Scope, Seen, covers, follow};
use super::{Settings, clock, now, passwords, pictures, referents, writer};
use crate::api::photo::Source;
use crate::api::{Handle, Key, Kind, Reason};
use crate::directory::Error;
use crate::directory::declarations::{self, Filter, Quiet};
use crate::lifecycle::secret_key;
use crate::reconcile::{Done, Engine, FILES, Presence, Submission, Told};

/// The order in which the kinds are listed: what others belong to comes first.
const ORDER: [Kind; 4] = [Kind::Tenant, Kind::Organization, Kind::Member, Kind::ExternalContact];
/// How many objects wait to be taken in. The watches wait when there are more.
const BACKLOG: usize = 1_000;
/// How many of them are taken in at once.
const BATCH: usize = 500;
/// How often it is looked for what fell due.
const TICK: Duration = Duration::from_millis(250);
/// How many changes of one step are kept for events.
const KEPT: usize = 2_000;
/// How long it may take to give leadership up when the operator ends.
const LAST_RELEASE: Duration = Duration::from_secs(2);

/// Everything of one session.
pub struct Session {
    settings: Settings,
    health: Arc<Health>,
    engine: Engine,
    cluster: Cluster,
    settling: Settling,
    /// What the directory knew when the session began.
    quiet: Quiet,
    watches: JoinSet<()>,
    to_seen: Sender<Seen>,
    seen: Receiver<Seen>,
    to_looked: UnboundedSender<Looked>,
    looked: UnboundedReceiver<Looked>,
    /// Secrets and ConfigMaps of which there may be something new.
    referents: UnboundedReceiver<Referent>,
    skew: watch::Receiver<Option<i64>>,
    statuses: Statuses,
    events: Sender<Event>,
    /// Lists that were complete once.
    listed: HashSet<(Kind, Scope)>,
    scan: Scan,
}

/// How far the look at everything is, and when the next begins.
struct Scan {
    runs: bool,
    after: Option<Key>,
    next: Instant,
    /// An object could not be written: when the next scan is due, everything is listed anew.
    poisoned: bool,
}

impl Session {
    /// Begins: recalls what the directory knows, and watches the first kind.
    pub async fn start(settings: Settings, health: Arc<Health>, mut engine: Engine) -> Result<Session, Error> {
        // Whether the clocks agree is known before anything irreversible may be done.
        let skew = clock::follow(settings.clients.calling.clone()).await;
        engine.set_other_skew(*skew.borrow());
        engine.keep(KEPT);
        // Whatever fell due meanwhile is done before anything is decided with it.
        let late = engine.advance_before_declared(now()).await?;
        let quiet = engine.recall().await?;
        engine.collect_told();
        let (to_seen, seen) = mpsc::channel(BACKLOG);
        let (to_looked, looked) = mpsc::unbounded_channel();
        let (to_session, referents) = mpsc::unbounded_channel();
        let writer = writer::start(settings.clients.calling.clone(), settings.directory.clone(), health.clone());
        let events = events::start(settings.clients.calling.clone());
        let mut session = Session {
            health,
            engine,
            cluster: Cluster::default(),
            settling: Settling::default(),
            quiet,
            watches: JoinSet::new(),
            to_seen,
            seen,
            to_looked,
            looked,
            referents,
            skew,
            statuses: Statuses::new(writer),
            events,
            listed: HashSet::new(),
            scan: Scan { runs: false, after: None, next: Instant::now(), poisoned: false },
            settings,
        };
        session.count(&late);
        for scope in session.scopes() {
            session.watch(ORDER[0], scope);
        }
        let (to_passwords, for_passwords) = mpsc::unbounded_channel();
        let (to_pictures, for_pictures) = mpsc::unbounded_channel();
        let (settings, health) = (session.settings.clone(), session.health.clone());
        referents::follow(&settings, &mut session.watches, &[to_session, to_passwords, to_pictures]);
        session.watches.spawn(passwords::follow(settings.clone(), for_passwords, health.clone()));
        session.watches.spawn(pictures::follow(settings, for_pictures, health));
        Ok(session)
    }

    /// Works until it can't go on; also when a watch or the writer ended, which they never should.
    ///
    /// # Errors
    ///
    /// [`Error::Deposed`] once another process leads, [`Error::Newer`] where the schema is newer, and whatever
    /// the directory says.
    pub async fn run(&mut self) -> Result<(), Error> {
        let mut ticks = tokio::time::interval(TICK);
        loop {
            self.health.beat();
            let (mut batch, mut referents) = (Vec::with_capacity(BATCH), Vec::new());
            tokio::select! {
                written = self.statuses.next_written() => match written {
                    Some(written) => self.statuses.written(&mut self.cluster, written),
                    None => return Ok(()),
                },
                Some(_) = self.watches.join_next() => return Ok(()),
                _ = ticks.tick() => {
                    self.tick().await?;
                    // From here on: whatever else there is to do comes between two ticks.
                    ticks.reset();
                }
                Some(looked) = self.looked.recv() => self.act(looked).await?,
                _ = self.seen.recv_many(&mut batch, BATCH) => self.take(batch).await?,
                // Where nothing was opened, nobody tells.
                1.. = self.referents.recv_many(&mut referents, BATCH) => self.confirm(referents).await?,
            }
        }
    }

    /// Ends: nothing new is begun. In order, statuses that are on their way arrive.
    pub async fn end(self, in_order: bool) {
        let Session { mut watches, statuses, engine, .. } = self;
        watches.shutdown().await;
        statuses.end(in_order).await;
        match tokio::time::timeout(LAST_RELEASE, engine.release()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "leadership could not be given up; it ends by itself"),
            Err(_) => tracing::warn!("leadership could not be given up in time; it ends by itself"),
        }
    }

    /// The namespaces that were asked for, or all at once.
    fn scopes(&self) -> Vec<Scope> {
        match self.settings.namespaces.as_slice() {
            [] => vec![None],
            namespaces => namespaces.iter().cloned().map(Some).collect(),
        }
    }

    fn watch(&mut self, kind: Kind, scope: Scope) {
        let (clients, seen) = (self.settings.clients.clone(), self.to_seen.clone());
        self.watches.spawn(follow(clients, kind, scope, seen, self.health.clone()));
    }

    /// Takes in what was seen.
    async fn take(&mut self, batch: Vec<Seen>) -> Result<(), Error> {
        let mut declared: BTreeMap<Key, Object> = BTreeMap::new();
        let (mut tenants, mut gone, mut listed) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        // Before all was listed once, it is not known who is new.
        let (all_listed, mut new_members) = (self.all_listed(), Vec::new());
        for seen in batch {
            match seen {
                Seen::Listing { kind, scope, crd } => self.cluster.listing(kind, scope, crd),
                Seen::Object(object) => {
                    let key = object.key.clone();
                    if self.cluster.get(&key).is_none_or(|known| known.uid != object.uid) {
                        match key.kind {
                            Kind::Tenant => drop(tenants.insert(object.tenant.clone())),
                            Kind::Member if all_listed => new_members.push(key.handle.clone()),
                            Kind::Member | Kind::Organization | Kind::ExternalContact => {}
                        }
                    }
                    self.settling.back(&key);
                    self.engine.came_back(&key);
                    match self.cluster.there(&object) {
                        News::Same => self.statuses.write(&mut self.cluster, &key),
                        News::Declared => drop(declared.insert(key, *object)),
                    }
                }
                Seen::Gone(key) => {
                    declared.remove(&key);
                    self.cluster.gone(&key);
                    gone.insert(key);
                }
                Seen::Listed { kind, scope } => {
                    gone.extend(self.cluster.listed(kind, &scope));
                    listed.push((kind, scope));
                }
            }
        }
        self.health.objects.set(i64::try_from(self.cluster.len()).unwrap_or(i64::MAX));
        passwords::own_anew(&self.settings.directory, &new_members).await?;
        // Sources are known once all of the batch is: a Tenant may come after its members.
        let fresh: Vec<Arc<Submission>> = declared.into_values().filter_map(|object| self.fresh(object)).collect();
        if !fresh.is_empty() {
            self.engine.declare(fresh);
            let done = self.drain().await?;
            self.tell(&done);
        }
        for tenant in tenants {
            self.rebind(&tenant).await?;
        }
        for (kind, scope) in listed {
            gone.extend(self.missing(kind, &scope).await?);
            self.complete(kind, scope);
        }
        gone.retain(|key| !self.cluster.contains(key));
        self.vanished(gone.into_iter().collect()).await
    }

    /// What the engine has to look at: not what the directory knows already, as it is.
    fn fresh(&mut self, object: Object) -> Option<Arc<Submission>> {
        let key = object.key.clone();
        let source = self.cluster.source(key.kind, &object.tenant);
        let submission = object.submission(source.into());
        let recalled = self.quiet.objects.remove(&key);
        match recalled.filter(|recalled| recalled.is(&submission.digest, &submission.source, submission.generation)) {
            Some(recalled) => {
                self.statuses.desire(&mut self.cluster, &key, recalled.status_digest);
                None
            }
            None => Some(Arc::new(submission)),
        }
    }

    /// Whether all lists were complete once.
    fn all_listed(&self) -> bool {
        self.listed.len() == ORDER.len() * self.scopes().len()
    }

    /// A list is complete. The next kind is listed once this one is: what others belong to comes first.
    fn complete(&mut self, kind: Kind, scope: Scope) {
        if !self.listed.insert((kind, scope.clone())) {
            return;
        }
        if let Some(next) = ORDER.iter().position(|ordered| *ordered == kind).and_then(|place| ORDER.get(place + 1)) {
            self.watch(*next, scope);
        }
        if self.all_listed() {
            self.quiet = Quiet::default();
            self.scan.next = Instant::now() + self.settings.drift_interval;
            self.scan.runs = true;
            self.health.well("lists");
            tracing::info!(objects = self.cluster.len(), "all lists are complete");
        }
    }

    /// A Tenant resource is there that was not, or is another one now: what is declared of it, and is there, is
    /// declared under it from now on (R9).
    async fn rebind(&mut self, tenant: &Handle) -> Result<(), Error> {
        let declared = declarations::of_tenant(&mut self.settings.directory.read().await?, tenant).await?;
        let there = declared.into_iter().filter(|key| self.cluster.contains(key));
        let sources: Vec<(Key, String)> = there.map(|key| (key.clone(), self.cluster.source(key.kind, tenant))).collect();
        self.engine.rebind(&sources).await
    }

    /// What a complete list lacks of what was declared under its source (R9).
    async fn missing(&mut self, kind: Kind, scope: &Scope) -> Result<Vec<Key>, Error> {
        let mut missing = Vec::new();
        if kind == Kind::Tenant {
            let mut tx = self.settings.directory.read().await?;
            let declared = declarations::list(&mut tx, kind, &Filter::default()).await?;
            let keys = declared.into_iter().filter(|tenant| tenant.source != FILES).map(|tenant| tenant.key);
            missing.extend(keys.filter(|key| covers(scope, &key.handle) && !self.cluster.contains(key)));
            return Ok(missing);
        }
        for tenant in self.cluster.tenants().filter(|tenant| covers(scope, tenant)) {
            let source = self.cluster.source(kind, tenant);
            missing.extend(self.engine.missing(kind, &source, |key| self.cluster.contains(key)).await?);
        }
        Ok(missing)
    }

    /// Objects are gone. Those of a source that is here settle first; for the others nothing happens. A Tenant that
    /// is gone takes nothing with it, so its source does not matter (T14).
    async fn vanished(&mut self, gone: Vec<Key>) -> Result<(), Error> {
        if gone.is_empty() {
            return Ok(());
        }
        let sources = declarations::sources(&mut self.settings.directory.read().await?, &gone).await?;
        let at = Instant::now();
        for (key, tenant, source) in sources {
            if key.kind == Kind::Tenant || source == self.cluster.source(key.kind, &tenant) {
                self.engine.went(key.clone());
                self.settling.add(tenant, key, source, at);
            }
        }
        Ok(())
    }

    /// Looks again at what waits for a Secret: a confirmation (T12).
    async fn confirm(&mut self, referents: Vec<Referent>) -> Result<(), Error> {
        let secrets = referents.into_iter().filter(|referent| referent.source == Source::Secret);
        let keys = secrets.map(|secret| secret_key(&secret.handle)).collect();
        let done = self.engine.wake(&keys, now()).await?;
        self.tell(&done);
        Ok(())
    }

    /// Does what its time has come for.
    async fn tick(&mut self) -> Result<(), Error> {
        let skew = *self.skew.borrow();
        self.health.skew.set(skew.map_or(f64::NAN, |skew| skew as f64 / 1e6));
        self.engine.set_other_skew(skew);
        let done = match self.all_listed() {
            true => self.engine.advance(now()).await?,
            false => self.engine.advance_before_declared(now()).await?,
        };
        self.tell(&done);
        for (tenant, objects) in self.settling.settled(Instant::now()) {
            let (client, looked) = (self.settings.clients.calling.clone(), self.to_looked.clone());
            tokio::spawn(async move {
                // Whoever asked may be gone by now.
                let _ = looked.send(look(client, tenant, objects).await);
            });
        }
        self.statuses.write_again(&mut self.cluster);
        self.statuses.tell_figures(&mut self.cluster, &self.settings.directory).await?;
        self.scan().await
    }

    /// Looks at everything for drift, once all lists are complete and then now and again, a page between two looks
    /// for what fell due.
    async fn scan(&mut self) -> Result<(), Error> {
        if self.scan.next <= Instant::now() && self.all_listed() {
            if self.scan.poisoned {
                return Err(Error::Corrupt("an object could not be written; everything is listed anew".into()));
            }
            self.scan.next = Instant::now() + self.settings.drift_interval;
            self.scan.runs = true;
        }
        // Whoever is new, or waits for a status, comes first.
        let busy = self.statuses.are_on_their_way() && self.scan.next > Instant::now() + self.settings.drift_interval / 2;
        if self.scan.runs && !busy {
            let (done, last) = self.engine.scan_page(self.scan.after.as_ref(), now()).await?;
            self.tell(&done);
            self.scan.runs = last.is_some();
            self.scan.after = last;
        }
        Ok(())
    }

    /// Acts on what is really gone: what was renamed keeps its record, what is left follows (R9).
    async fn act(&mut self, looked: Looked) -> Result<(), Error> {
        let Looked { tenant, gone, mut unsaid } = looked;
        unsaid.retain(|key, _| !self.cluster.contains(key));
        if !unsaid.is_empty() {
            self.settling.again(tenant.clone(), unsaid, Instant::now());
        }
        let still = |(key, source): &(Key, String)| {
            let same = key.kind == Kind::Tenant || *source == self.cluster.source(key.kind, &tenant);
            same && !self.cluster.contains(key)
        };
        let gone: Vec<Key> = gone.into_iter().filter(still).map(|(key, _)| key).collect();
        if gone.is_empty() {
            return Ok(());
        }
        tracing::info!(%tenant, objects = gone.len(), "resources are gone; their records follow");
        self.engine.set_presence(Presence::DeclaredExcept(gone.iter().cloned().collect()));
        let renamed = self.engine.renamed(&gone, now()).await;
        self.engine.set_presence(Presence::Declared);
        self.tell(&renamed?);
        let done = self.engine.remove(gone.clone(), now()).await?;
        gone.iter().for_each(|key| self.engine.came_back(key));
        self.tell(&done);
        Ok(())
    }

    async fn drain(&mut self) -> Result<Done, Error> {
        let started = Instant::now();
        let done = self.engine.drain(now(), &mut |_| ()).await?;
        self.health.batches.observe(started.elapsed().as_secs_f64());
        Ok(done)
    }

    /// Passes on what was done: statuses to the writer, events to the recorder, counts to the metrics.
    fn tell(&mut self, done: &Done) {
        let told = self.engine.told();
        self.count(done);
        if done.rows() > 0 || !told.is_empty() {
            self.statuses.figures_changed();
        }
        self.scan.poisoned |= done.refused().any(|outcome| outcome.verdict.reason == Reason::DatabaseConflict);
        let changed: HashSet<Key> = told.iter().filter(|told| told.changed).map(|told| told.key.clone()).collect();
        for event in events::of(done, &changed, |key| self.cluster.get(key).map(|known| known.uid.to_string())) {
            // A recorder that is behind drops events rather than hold up the engine.
            if self.events.try_send(event).is_err() {
                self.health.events_dropped.inc();
            }
        }
        for Told { key, digest, changed } in told {
            // What was recalled of it is over.
            self.quiet.objects.remove(&key);
            if changed {
                self.statuses.hurry(key.kind);
            }
            self.statuses.desire(&mut self.cluster, &key, digest);
        }
    }

    fn count(&self, done: &Done) {
        for (action, count) in &done.counts {
            self.health.changes.get_or_create(&By { by: action.clone() }).inc_by(*count as u64);
        }
    }
}
