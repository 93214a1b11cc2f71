//! A session: from the moment this process leads until it no longer does. Takes in what the watches tell,
//! hands what is new to the engine, what vanished to the settling, what is to be told to the writer.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, Receiver, Sender, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;

use super::events::{self, Told as Event};
use super::health::{By, Health};
use super::known::{News, Presence};
use super::object::Object;
use super::settle::{Looked, Settling, look};
use super::watch::{Seen, follow};
use super::writer::{self, Write, Writer};
use super::{Settings, now};
use crate::api::{Handle, Key, Kind};
use crate::directory::Error;
use crate::directory::declarations::{self, Filter, Quiet, status_digest};
use crate::reconcile::{Done, Engine, Presence as Present, Submission, Told, figures};

/// The order in which the kinds are listed: what others belong to comes first.
const ORDER: [Kind; 4] = [Kind::Tenant, Kind::Organization, Kind::Member, Kind::ExternalContact];
/// How many objects wait to be taken in. The watches wait when there are more.
const BACKLOG: usize = 1_000;
/// How many of them are taken in at once.
const BATCH: usize = 500;
/// How often it is looked for what fell due.
const TICK: Duration = Duration::from_millis(250);
/// Aggregated figures reach a status no more often than this (R11).
const FIGURES: Duration = Duration::from_secs(1);
/// While other statuses are on their way, figures wait; but no longer than this.
const FIGURES_AT_LAST: Duration = Duration::from_secs(10);
/// How long statuses that are on their way may take when the operator ends.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// Why a session ended.
pub enum Ended {
    /// Somebody asked for it.
    Asked,
    /// Another process leads.
    Deposed,
}

/// Everything of one session.
pub struct Session {
    settings: Settings,
    health: Arc<Health>,
    engine: Engine,
    present: Presence,
    settling: Settling,
    /// What the directory knew when the session began.
    quiet: Quiet,
    watches: JoinSet<()>,
    to_seen: Sender<Seen>,
    seen: Receiver<Seen>,
    to_looked: UnboundedSender<Looked>,
    looked: UnboundedReceiver<Looked>,
    writer: Writer,
    events: Sender<Event>,
    /// Lists that are not complete yet, of the kinds that are watched so far.
    unlisted: HashSet<(Kind, Option<Arc<str>>)>,
    /// How many statuses are on their way.
    on_their_way: usize,
    figures: Figures,
}

/// When aggregated figures are to be told.
struct Figures {
    stale: bool,
    told_at: Instant,
    took: Duration,
}

impl Session {
    /// Begins: recalls what the directory knows, and watches the first kind.
    pub async fn start(settings: Settings, health: Arc<Health>, mut engine: Engine) -> Result<Session, Error> {
        // Whatever fell due meanwhile is done before anything is decided with it.
        let late = engine.advance(now()).await?;
        let quiet = engine.recall(now()).await?;
        engine.told();
        let (to_seen, seen) = mpsc::channel(BACKLOG);
        let (to_looked, looked) = mpsc::unbounded_channel();
        let writer = writer::start(settings.calling.clone(), settings.directory.clone(), health.clone());
        let events = events::start(settings.calling.clone());
        let figures = Figures { stale: true, told_at: Instant::now(), took: Duration::ZERO };
        let mut session = Session {
            health,
            engine,
            present: Presence::default(),
            settling: Settling::default(),
            quiet,
            watches: JoinSet::new(),
            to_seen,
            seen,
            to_looked,
            looked,
            writer,
            events,
            unlisted: HashSet::new(),
            on_their_way: 0,
            figures,
            settings,
        };
        session.count(&late);
        session.watch(Kind::Tenant);
        Ok(session)
    }

    /// Works until it is told to end, or can't go on.
    pub async fn run(&mut self, end: &mut (impl Future<Output = ()> + Unpin)) -> Result<Ended, Error> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut scans = tokio::time::interval(self.settings.drift_interval);
        loop {
            let mut batch = Vec::with_capacity(BATCH);
            let step = tokio::select! {
                biased;
                () = &mut *end => return Ok(Ended::Asked),
                Some(written) = self.writer.done.recv() => {
                    self.written(written);
                    Ok(())
                }
                _ = ticks.tick() => self.tick().await,
                _ = scans.tick() => self.scan().await,
                Some(looked) = self.looked.recv() => self.act(looked).await,
                _ = self.seen.recv_many(&mut batch, BATCH) => self.take(batch).await,
            };
            match step {
                Ok(()) => {
                    if self.health.well("directory") {
                        tracing::info!("the directory can be reached again");
                    }
                }
                Err(Error::Deposed) => return Ok(Ended::Deposed),
                Err(error @ Error::Newer(_)) => return Err(error),
                // Whatever was in hand is looked at again in a new session.
                Err(error) => return Err(error),
            }
        }
    }

    /// Ends in order: nothing new is begun, statuses that are on their way arrive, leadership is given up.
    pub async fn end(self, in_order: bool) {
        let Session { mut watches, writer, engine, .. } = self;
        watches.shutdown().await;
        let Writer { queue, done: _, mut task } = writer;
        drop(queue);
        if !in_order || tokio::time::timeout(LAST_WRITES, &mut task).await.is_err() {
            task.abort();
        }
        // Otherwise there is none, or nobody to give it up to: it ends by itself.
        if in_order && let Err(error) = engine.release().await {
            tracing::warn!(%error, "leadership could not be given up; it ends by itself");
        }
    }

    /// Watches a kind, in every namespace that was asked for.
    fn watch(&mut self, kind: Kind) {
        let scopes: Vec<Option<Arc<str>>> = match self.settings.namespaces.as_slice() {
            [] => vec![None],
            namespaces => namespaces.iter().cloned().map(Some).collect(),
        };
        for scope in scopes {
            self.unlisted.insert((kind, scope.clone()));
            let (client, seen) = (self.settings.watching.clone(), self.to_seen.clone());
            self.watches.spawn(follow(client, kind, scope, seen, self.health.clone()));
        }
    }

    /// Takes in what was seen.
    async fn take(&mut self, batch: Vec<Seen>) -> Result<(), Error> {
        let mut submissions: BTreeMap<Key, Arc<Submission>> = BTreeMap::new();
        let (mut tenants, mut gone, mut listed) = (BTreeSet::new(), Vec::new(), Vec::new());
        for seen in batch {
            match seen {
                Seen::Listing { kind, scope, crd } => self.present.listing(kind, scope, crd),
                Seen::Object(object) => {
                    let (key, tenant) = (object.key().clone(), object.tenant.clone());
                    let same_tenant = self.present.get(&key).is_some_and(|known| known.uid == object.uid);
                    if key.kind == Kind::Tenant && !same_tenant {
                        tenants.insert(tenant);
                    }
                    if let Some(submission) = self.object(*object) {
                        submissions.insert(key, Arc::new(submission));
                    }
                }
                Seen::Gone(key) => {
                    submissions.remove(&key);
                    self.present.gone(&key);
                    gone.push(key);
                }
                Seen::Listed { kind, scope } => {
                    gone.extend(self.present.listed(kind, &scope));
                    listed.push((kind, scope));
                }
            }
        }
        self.health.objects.set(i64::try_from(self.present.len()).unwrap_or(i64::MAX));
        for tenant in tenants {
            self.rebind(&tenant).await?;
        }
        if !submissions.is_empty() {
            self.engine.declare(submissions.into_values().collect());
            let done = self.drain().await?;
            self.tell(&done);
        }
        for (kind, scope) in listed {
            gone.extend(self.missing(kind, &scope).await?);
            self.listed(kind, scope);
        }
        self.vanished(gone).await
    }

    /// Takes in one object; gives back what the engine has to look at.
    fn object(&mut self, object: Object) -> Option<Submission> {
        let Object { uid, tenant, generation, seen, mut submission } = object;
        let key = submission.key.clone();
        let news = self.present.there(&key, &uid, &submission.digest, generation, seen);
        self.settling.back(&key);
        if key.kind != Kind::Member {
            self.figures.stale |= self.present.get(&key).is_some_and(|known| known.desired != Some(seen));
        }
        submission.source = self.present.source(key.kind, &tenant).into();
        let recalled = self.quiet.objects.remove(&key);
        let recalled = recalled.filter(|recalled| recalled.is(&submission.digest, &submission.source, submission.generation));
        match (news, recalled) {
            (News::Same, _) => {
                self.write(&key);
                None
            }
            (News::Declared, Some(recalled)) => {
                self.desire(&key, recalled.status_digest);
                None
            }
            (News::Declared, None) => Some(submission),
        }
    }

    /// A list is complete. The next kind is listed once all lists of this one are.
    fn listed(&mut self, kind: Kind, scope: Option<Arc<str>>) {
        if !self.unlisted.remove(&(kind, scope)) || !self.unlisted.is_empty() {
            return;
        }
        let next = ORDER.iter().position(|ordered| *ordered == kind).and_then(|place| ORDER.get(place + 1));
        match next {
            Some(next) => self.watch(*next),
            None => {
                self.quiet = Quiet::default();
                self.health.well("lists");
                tracing::info!(objects = self.present.len(), "all lists are complete");
            }
        }
    }

    /// A Tenant resource is there that was not, or is another one now: what is declared of it, and is there, is
    /// declared under it from now on (R9).
    async fn rebind(&mut self, tenant: &Handle) -> Result<(), Error> {
        let declared = declarations::of_tenant(&mut self.settings.directory.read().await?, tenant).await?;
        let there = declared.into_iter().filter(|key| self.present.contains(key));
        let sources: Vec<(Key, String)> = there.map(|key| (key.clone(), self.present.source(key.kind, tenant))).collect();
        self.engine.rebind(&sources).await
    }

    /// What a complete list lacks of what was declared under its source (R9).
    async fn missing(&mut self, kind: Kind, scope: &Option<Arc<str>>) -> Result<Vec<Key>, Error> {
        let in_scope = |handle: &Handle| scope.as_ref().is_none_or(|scope| *scope == handle.namespace);
        let mut tx = self.settings.directory.read().await?;
        let mut missing = Vec::new();
        if kind == Kind::Tenant {
            let declared = declarations::list(&mut tx, kind, &Filter::default()).await?;
            let here = declared.into_iter().filter(|tenant| self.present.is_here(kind, &tenant.source));
            missing.extend(here.map(|tenant| tenant.key).filter(|key| in_scope(&key.handle) && !self.present.contains(key)));
            return Ok(missing);
        }
        let tenants: Vec<Handle> = self.present.tenants().filter(|tenant| in_scope(tenant)).cloned().collect();
        for tenant in tenants {
            let source = self.present.source(kind, &tenant);
            let mut after: Option<Handle> = None;
            loop {
                let page = declarations::page_of_source(&mut tx, kind, &source, after.as_ref()).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.handle.clone());
                missing.extend(page.into_iter().filter(|key| !self.present.contains(key)));
            }
        }
        Ok(missing)
    }

    /// Objects are gone. Those of a source that is here settle first; for the others nothing happens.
    async fn vanished(&mut self, gone: Vec<Key>) -> Result<(), Error> {
        if gone.is_empty() {
            return Ok(());
        }
        let sources = declarations::sources(&mut self.settings.directory.read().await?, &gone).await?;
        let at = Instant::now();
        for (key, tenant, source) in sources {
            let here = match key.kind {
                Kind::Tenant => self.present.is_here(key.kind, &source),
                Kind::Organization | Kind::Member | Kind::ExternalContact => source == self.present.source(key.kind, &tenant),
            };
            if here {
                self.settling.add(tenant, key, at);
            }
        }
        // Renames are matched at once: they take nothing from anybody (M11).
        let gone: Vec<Key> = self.settling.all().cloned().collect();
        self.engine.set_presence(Present::DeclaredExcept(gone.iter().cloned().collect()));
        let done = self.engine.renamed(&gone, now()).await?;
        self.tell(&done);
        Ok(())
    }

    /// Does what its time has come for.
    async fn tick(&mut self) -> Result<(), Error> {
        let done = self.engine.advance(now()).await?;
        self.tell(&done);
        for (tenant, keys) in self.settling.settled(Instant::now()) {
            let uid = self.present.get(&Key::new(Kind::Tenant, tenant.clone())).map(|known| known.uid.to_string());
            let kinds: HashSet<Kind> = keys.iter().map(|key| key.kind).filter(|kind| *kind != Kind::Tenant).collect();
            let crds: HashMap<Kind, String> = kinds
                .into_iter()
                .map(|kind| (kind, self.present.source(kind, &tenant).split('/').next().unwrap_or_default().to_owned()))
                .collect();
            let (client, looked) = (self.settings.calling.clone(), self.to_looked.clone());
            tokio::spawn(async move {
                let _ = looked.send(look(client, tenant, uid.unwrap_or_default(), crds, keys).await);
            });
        }
        self.tell_figures().await
    }

    /// Looks at everything, for drift and for clocks.
    async fn scan(&mut self) -> Result<(), Error> {
        if let Some(skew) = api_skew(&self.settings.calling).await {
            self.health.skew.set(skew as f64 / 1e6);
            self.engine.set_other_skew(skew);
        }
        let done = self.engine.scan(now()).await?;
        self.tell(&done);
        Ok(())
    }

    /// Acts on what is really gone.
    async fn act(&mut self, looked: Looked) -> Result<(), Error> {
        let Looked { tenant, gone, unsaid } = looked;
        let is_back = |key: &Key| self.present.contains(key);
        let unsaid: Vec<Key> = unsaid.into_iter().filter(|key| !is_back(key)).collect();
        let gone: Vec<Key> = gone.into_iter().filter(|key| !is_back(key)).collect();
        if !unsaid.is_empty() {
            self.settling.again(tenant, unsaid, Instant::now());
        }
        let mut by_rank = BTreeMap::<Kind, Vec<Key>>::new();
        for key in gone {
            by_rank.entry(key.kind).or_default().push(key);
        }
        for kind in [Kind::ExternalContact, Kind::Member, Kind::Organization, Kind::Tenant] {
            if let Some(keys) = by_rank.remove(&kind) {
                tracing::info!(kind = kind.name(), objects = keys.len(), "resources are gone; their records follow");
                let done = self.engine.remove(keys, now()).await?;
                self.tell(&done);
            }
        }
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
        self.figures.stale |= done.rows() > 0 || !told.is_empty();
        let changed: HashSet<Key> = told.iter().filter(|told| told.changed).map(|told| told.key.clone()).collect();
        for event in events::of(done, &changed, |key| self.present.get(key).map(|known| known.uid.to_string())) {
            // A recorder that is behind drops events rather than hold up the engine.
            let _ = self.events.try_send(event);
        }
        for Told { key, digest, changed: _ } in told {
            self.desire(&key, digest);
        }
    }

    fn count(&self, done: &Done) {
        for (action, count) in &done.counts {
            self.health.changes.get_or_create(&By { by: action.clone() }).inc_by(*count as u64);
        }
    }

    /// An object should carry this status. Those with figures are told apart.
    fn desire(&mut self, key: &Key, digest: u128) {
        if matches!(key.kind, Kind::Tenant | Kind::Organization) {
            self.figures.stale = true;
            return;
        }
        if let Some(known) = self.present.get_mut(key) {
            known.desired = Some(digest);
        }
        self.write(key);
    }

    /// Hands a status to the writer, if it is not there and not on its way.
    fn write(&mut self, key: &Key) {
        if matches!(key.kind, Kind::Tenant | Kind::Organization) {
            return;
        }
        let Some(known) = self.present.get_mut(key) else { return };
        let Some(digest) = known.desired.filter(|desired| *desired != known.seen && known.sent.is_none()) else { return };
        known.sent = Some(digest);
        self.on_their_way += 1;
        // A writer that is gone goes with the session.
        let _ = self.writer.queue.send(Write { key: key.clone(), digest, status: None });
    }

    /// The writer told what became of a status.
    fn written(&mut self, written: writer::Written) {
        self.on_their_way = self.on_their_way.saturating_sub(1);
        let Some(known) = self.present.get_mut(&written.key) else { return };
        known.sent = None;
        match written.digest {
            Some(digest) => known.seen = digest,
            // Not again before there is something new to tell.
            None => known.desired = None,
        }
        self.write(&written.key);
    }

    /// Tells Tenants and Organizations their figures, at most once a second, and less often where counting takes long.
    async fn tell_figures(&mut self) -> Result<(), Error> {
        let Figures { stale, told_at, took } = self.figures;
        let pause = FIGURES.max(took * 10);
        let busy = self.on_their_way > 0 && told_at.elapsed() < FIGURES_AT_LAST;
        if !stale || told_at.elapsed() < pause || busy {
            return Ok(());
        }
        let started = Instant::now();
        self.figures.stale = false;
        let mut tx = self.settings.directory.read().await?;
        for kind in [Kind::Tenant, Kind::Organization] {
            for (declaration, status) in figures::list(&mut tx, kind, &Filter::default()).await? {
                let Some(known) = self.present.get_mut(&declaration.key) else { continue };
                let digest = status_digest(&status);
                known.desired = Some(digest);
                if known.seen != digest && known.sent.is_none() {
                    known.sent = Some(digest);
                    self.on_their_way += 1;
                    let _ = self.writer.queue.send(Write { key: declaration.key, digest, status: Some(status) });
                } else if known.seen != digest {
                    self.figures.stale = true;
                }
            }
        }
        self.figures.told_at = Instant::now();
        self.figures.took = started.elapsed();
        Ok(())
    }
}

/// How far this host's clock is before the API server's, in microseconds; nothing if it can't be told.
async fn api_skew(client: &kube::Client) -> Option<i64> {
    let request = http::Request::get("/version").body(kube::client::Body::empty()).ok()?;
    let answer = tokio::time::timeout(Duration::from_secs(10), client.send(request)).await.ok()?.ok()?;
    let date = answer.headers().get(http::header::DATE)?.to_str().ok()?;
    let date = jiff::fmt::rfc2822::parse(date).ok()?;
    // The header tells whole seconds.
    Some(now().as_microsecond() - date.timestamp().as_microsecond() - 500_000)
}
