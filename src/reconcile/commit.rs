//! Committing: from decisions to rows, in one transaction with the trail and the effects; and the objects
//! to visit next. What equals what is there is not written. Called by the engine.

mod concerns;
mod contacts;
mod declared;
mod effects;
mod erased;
mod names;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use ring::hmac;

use super::decide::carries;
use super::engine::BATCH;
use super::gathered::Gathered;
use super::request::Request;
use super::{Done, Outcome};
use crate::api::{Handle, Key, Kind, Reason, Verdict};
use crate::directory::accounts::Choice;
use crate::directory::audit::Entry;
use crate::directory::contacts as externals;
use crate::directory::declarations::Declaration;
use crate::directory::facts::Sessions;
use crate::directory::leadership::Leader;
use crate::directory::outbox::Ordered;
use crate::directory::store::Write;
use crate::directory::{
    Directory, Error, accounts, audit, charges, claims, declarations, erasure, facts, holds, links, outbox, passwords, photos,
    registrations, store, tree, unattended, unfinished,
};
use crate::lifecycle::contact::CONNECTIONS;
use crate::lifecycle::member::account::easy_login_disabled;
use crate::lifecycle::{self, Decision, Declared, Judgement, Trigger, Visit};
use crate::record::account::News;
use crate::record::change::changes;
use crate::record::mail::Purpose;
use crate::record::{Claim, MailNews, Record, RequestStep, Sought, Uid};
use names::Names;

/// Everything that a batch writes.
#[derive(Default)]
pub struct Commit {
    writes: Vec<Write>,
    entries: Vec<Entry>,
    declared: Vec<Declaration>,
    waits: Vec<Declaration>,
    gone: Vec<Key>,
    /// Names that records left, each with the external key of who left it.
    left: HashMap<Key, Option<Claim>>,
    /// By the instant as of which they are.
    signed_out: BTreeMap<Timestamp, Vec<Uid>>,
    apps_closed: BTreeMap<Timestamp, Vec<Uid>>,
    orders: Vec<Ordered>,
    readdressed: Vec<Uid>,
    links_ended: Vec<(Uid, Purpose)>,
    erased: Vec<Uid>,
    erased_tenants: Vec<Uid>,
    /// Tenants whose deleted members are purged at once from now on (T12).
    purging: Vec<Uid>,
    /// What the tenants' statuses tell of charges from now on: tenant, month and revision.
    charges_told: Vec<(Uid, String, i64)>,
    requests: Vec<RequestStep>,
    folded: Vec<Uid>,
    /// What became of passwords, and is known to the records from now on.
    passwords_told: Vec<String>,
    password_orders: Vec<passwords::Order>,
    /// The same about Secrets of initial passwords, where there are any.
    initial_orders: Vec<passwords::Order>,
    must_change: Vec<Uid>,
    /// What the records know now of mails and links.
    heard: Vec<MailNews>,
    /// Tenants that want no mails (T15).
    silent: HashSet<Uid>,
    /// News of members that their records know of now.
    news: Vec<(Uid, News)>,
    /// What members chose that is theirs no more.
    withdrawn: Vec<(Choice, Uid)>,
    photos_sought: Vec<Uid>,
    left_rooms: Vec<Uid>,
    photos_erased: Vec<Uid>,
    erased_contacts: Vec<Uid>,
    /// Contacts whose accepted invitation was looked at.
    accepted: Vec<Uid>,
    /// Contacts whose invitation is another now.
    unanswered: Vec<Uid>,
    looked_at: Vec<Uid>,
    /// Records that come back under their uid: what somebody left of them goes first.
    leftovers: Vec<Uid>,
    /// Records whose claims are written anew, whatever became of them.
    claimed: Vec<Record>,
    /// Organizations that have another name now, or none: who refers to them is looked at again.
    renamed: Vec<Uid>,
    /// Members whom contacts follow, or to whom they belong.
    followed: Vec<Uid>,
    /// Contacts that were decided in this batch, after all others: they have seen it.
    seen: HashSet<Key>,
    /// Tenants whose members' contacts elsewhere follow them.
    companies: Vec<Uid>,
    /// By what people can be found now and could not before, or the reverse.
    sought: Vec<Sought>,
    /// Keys that declarations may wait for.
    signals: BTreeSet<String>,
    /// Tenants whose policy changed: all that is declared of them is looked at again.
    tenants: Vec<Handle>,
    /// Objects that are looked at again in any case.
    again: BTreeSet<Key>,
    outcomes: Vec<Outcome>,
    /// What each object is told, by the digest of its status.
    told: Vec<Told>,
    /// Whether something of its batch is judged after it.
    unjudged: bool,
    /// Members who lose access, each with the tenant whose budget that counts against (T11).
    losses: Vec<(Uid, Uid)>,
}

/// What an object is told.
#[derive(Clone, Debug)]
pub struct Told {
    pub key: Key,
    /// The digest of its status.
    pub digest: u128,
    /// Whether that is another than before.
    pub changed: bool,
}

/// Turns decisions into what is to be written.
pub fn compile(gathered: &Gathered, decisions: &[Decision]) -> Commit {
    let mut commit = Commit { silent: silent(gathered, decisions), ..Commit::default() };
    let names = Names::new(gathered, decisions);
    let visits: HashMap<&Key, &Visit> = gathered.visits.iter().map(|visit| (&visit.key, visit)).collect();
    for decision in decisions {
        let Some(visit) = visits.get(&decision.key) else { continue };
        if visit.key.kind == Kind::ExternalContact {
            commit.seen.insert(visit.key.clone());
        }
        commit.record(gathered, visit, decision, &names);
        commit.declaration(gathered, visit, decision, &names);
    }
    for (key, source) in &gathered.elsewhere {
        let who = if source == super::FILES { "files" } else { "a cluster" };
        let message = format!("declared by {who}; change it there, or take it over with --take-over (R9)");
        commit.outcomes.push(outcome(key, &Verdict::new(Reason::DeclaredElsewhere, message)));
    }
    commit
}

/// The tenants that want no mails (T15), as they are after these decisions.
fn silent(gathered: &Gathered, decisions: &[Decision]) -> HashSet<Uid> {
    let mut wanted: HashMap<&Uid, bool> = gathered.world.tenants.iter().map(|(uid, tenant)| (uid, tenant.notifies())).collect();
    for record in decisions.iter().filter_map(|decision| decision.record.as_ref()) {
        if let Record::Tenant(tenant) = record {
            wanted.insert(&tenant.uid, tenant.notifies());
        }
    }
    wanted.into_iter().filter(|(_, wanted)| !wanted).map(|(uid, _)| uid.clone()).collect()
}

fn outcome(key: &Key, verdict: &Verdict) -> Outcome {
    Outcome { key: key.clone(), verdict: verdict.clone() }
}

impl Commit {
    /// The record's row, its trail, its effects, and whom its change concerns.
    fn record(&mut self, gathered: &Gathered, visit: &Visit, decision: &Decision, names: &Names) {
        let world = &gathered.world;
        let stored = gathered.stored.get(&visit.key);
        let submitted = gathered.submitted.get(&visit.key);
        let uid = decision.record.as_ref().or(decision.steps.first().and_then(|step| step.before.as_ref())).map(Record::uid);
        if let Some(uid) = uid {
            if world.touched.contains(uid) && !decision.keeps_drift {
                self.looked_at.push(uid.clone());
                self.claimed.extend(decision.record.clone());
            }
            self.passwords_told.extend(world.passwords.get(uid).map(|news| news.id.clone()));
            if world.first_sign_ins.contains_key(uid) {
                self.folded.push(uid.clone());
            }
            let news = world.mail_news.get(uid).filter(|news| !news.links.is_empty() || !news.orders.is_empty());
            self.heard.extend(news.cloned());
            if let Some(news) = world.accounts.get(uid).and_then(|facts| facts.news.clone()) {
                self.news.push((uid.clone(), news));
                if let Some(Record::Member(member)) = &decision.record
                    && easy_login_disabled(&member.intent.spec)
                {
                    self.withdrawn.push((Choice::EasyLogin, uid.clone()));
                }
            }
            if gathered.accepted.contains(uid) && !lifecycle::frozen::holds(world, visit) {
                self.accepted.push(uid.clone());
            }
        }
        if let Some(Record::Tenant(tenant)) = &decision.record {
            let news = world.charges.get(&tenant.uid).into_iter().flatten().filter(|charge| charge.told < charge.revision);
            self.charges_told.extend(news.map(|charge| (tenant.uid.clone(), charge.month.clone(), charge.revision)));
        }
        self.registrations(gathered, visit, decision);
        if let Some(uid) = stored.and_then(|stored| stored.uid.clone()).map(Uid::from).filter(|uid| world.touched.contains(uid))
            && !decision.keeps_drift
        {
            self.looked_at.push(uid);
        }
        let Some(first) = decision.steps.first() else { return };
        if let Some(loss) = &decision.loss
            && world.judged.get(&decision.key) == Some(&Judgement::Cleared)
        {
            self.losses.push((loss.tenant.clone(), loss.member.clone()));
        }
        // A record that goes and another that comes in its place are two.
        let mut before = first.before.clone();
        for (index, step) in decision.steps.iter().enumerate() {
            if step.after.is_none() || index + 1 == decision.steps.len() {
                self.writes.push(Write { before: before.take(), after: step.after.clone() });
            }
        }
        if let (None, Some(uid)) = (&first.before, uid)
            && stored.is_some_and(|stored| stored.uid.as_deref() == Some(uid.as_str()))
        {
            self.leftovers.push(uid.clone());
        }
        for step in &decision.steps {
            let Some(record) = step.after.as_ref().or(step.before.as_ref()) else { continue };
            let generation = match &visit.declared {
                Declared::Present(manifest) => Some(manifest.generation),
                Declared::Removed | Declared::Nothing => stored.map(|stored| stored.generation),
            };
            for change in changes(step.before.as_ref(), step.after.as_ref()) {
                self.entries.push(Entry {
                    due: step.due,
                    at: world.now,
                    uid: record.uid().clone(),
                    about: contacts::about(step, &change.fields),
                    kind: record.kind(),
                    tenant: Some(record.tenant().clone()),
                    handle: Some(record.handle().clone()),
                    action: change.action.name().to_owned(),
                    cause: step.cause.name().to_owned(),
                    fields: names.told(change.fields),
                    generation,
                    manager: match submitted {
                        Some(submitted) => submitted.manager.clone(),
                        None => stored.and_then(|stored| stored.manager.clone()),
                    },
                    commit: match submitted {
                        Some(submitted) => submitted.commit.clone(),
                        None => stored.and_then(|stored| stored.commit.clone()),
                    },
                });
            }
            self.effects(step, record);
            self.concerns(step, names);
        }
    }

    /// What became of requests for an account, in the trail of their tenant (M35).
    fn registrations(&mut self, gathered: &Gathered, visit: &Visit, decision: &Decision) {
        let world = &gathered.world;
        for step in lifecycle::registration::decide(world, visit, decision, &self.requests) {
            let Some(tenant) = world.tenants.get(&step.before.tenant) else { continue };
            let change = step.change();
            self.entries.push(Entry {
                due: step.due,
                at: world.now,
                uid: tenant.uid.clone(),
                about: [None, None],
                kind: Kind::Tenant,
                tenant: Some(tenant.uid.clone()),
                handle: Some(tenant.handle.clone()),
                action: change.action.name().to_owned(),
                cause: step.cause.name().to_owned(),
                fields: change.fields,
                generation: None,
                manager: None,
                commit: None,
            });
            // The tenant tells which are open.
            let key = tenant.key();
            if key != visit.key {
                self.again.insert(key);
            }
            self.requests.push(step);
        }
    }

    /// Whether mails that are held may be others now (T15): there are more, of its own or of the password work; they go to
    /// another address; whoever is erased needs none.
    pub fn changes_mails(&self) -> bool {
        self.orders.iter().any(|ordered| ordered.held)
            || !(self.passwords_told.is_empty()
                && self.readdressed.is_empty()
                && self.erased.is_empty()
                && self.erased_contacts.is_empty())
    }

    /// Notes that something of its batch is judged when all else is done (T11).
    pub fn is_judged_later(&mut self) {
        self.unjudged = true;
    }

    /// Whether there is nothing to write.
    fn is_empty(&self) -> bool {
        self.writes.is_empty()
            && self.declared.is_empty()
            && self.waits.is_empty()
            && self.gone.is_empty()
            && self.left.is_empty()
            && self.folded.is_empty()
            && self.passwords_told.is_empty()
            && self.heard.is_empty()
            && self.news.is_empty()
            && self.accepted.is_empty()
            && self.looked_at.is_empty()
            && self.charges_told.is_empty()
            && self.requests.is_empty()
    }

    /// Writes everything in one transaction that only the leader can commit; then tells what was done, and
    /// which objects to look at next.
    pub async fn write(
        mut self,
        directory: &Directory,
        leader: &Leader,
        digest_key: &hmac::Key,
        now: Timestamp,
        done: &mut Done,
    ) -> Result<(Vec<Request>, Vec<Told>), Error> {
        let mut woken = Vec::new();
        if !self.is_empty() {
            let declared_again: HashSet<Key> = self.declared.iter().map(|declaration| declaration.key.clone()).collect();
            // Each as of its own instant, and told in that order (R4).
            self.entries.sort_by_key(|entry| entry.due);
            self.gone.retain(|key| !declared_again.contains(key));
            self.left.retain(|key, _| !declared_again.contains(key));
            let left: Vec<Key> = self.left.keys().cloned().collect();
            let mut tx = leader.begin(directory).await?;
            for declared in declarations::load(&mut tx, &left).await? {
                let claim = self.left.get(&declared.key).and_then(Option::as_ref);
                // Somebody else may be declared under that name by now (M11).
                if declared.is_erased() || claim.is_none_or(|claim| carries(&declared.spec, claim)) {
                    self.gone.push(declared.key);
                } else {
                    self.again.insert(declared.key);
                }
            }
            let mut touched: Vec<Uid> = std::mem::take(&mut self.looked_at);
            // Assignments are replaced, and records taken away, under triggers that can't tell the engine from others.
            touched.extend(self.writes.iter().filter_map(|write| write.before.as_ref()).map(|record| record.uid().clone()));
            claims::forget(&mut tx, &self.leftovers).await?;
            store::store(&mut tx, self.writes).await?;
            claims::claim(&mut tx, &self.claimed).await?;
            declarations::remove(&mut tx, &self.gone).await?;
            declarations::store(&mut tx, &self.declared, &self.waits).await?;
            audit::append(&mut tx, &self.entries, leader.epoch(), digest_key).await?;
            for (due, members) in &self.signed_out {
                facts::sign_out(&mut tx, members, Sessions::All, (*due).min(now)).await?;
            }
            for (due, members) in &self.apps_closed {
                facts::sign_out(&mut tx, members, Sessions::OfApps, (*due).min(now)).await?;
            }
            facts::fold(&mut tx, &self.folded).await?;
            holds::lose(&mut tx, &self.losses, now).await?;
            passwords::fold(&mut tx, &self.passwords_told).await?;
            passwords::must_change(&mut tx, &self.must_change).await?;
            passwords::order(&mut tx, &self.password_orders).await?;
            let initial = passwords::of_initial(&mut tx, self.initial_orders).await?;
            for news in &self.heard {
                links::fold(&mut tx, &news.links).await?;
                outbox::fold(&mut tx, &news.orders).await?;
            }
            links::end(&mut tx, &self.links_ended, now).await?;
            outbox::readdress(&mut tx, &self.readdressed, now).await?;
            externals::forget_acceptances(&mut tx, &self.unanswered).await?;
            outbox::withdraw(&mut tx, &self.unanswered, now).await?;
            outbox::order(&mut tx, self.orders, now).await?;
            accounts::fold(&mut tx, &self.news).await?;
            for (choice, member) in &self.withdrawn {
                accounts::withdraw(&mut tx, std::slice::from_ref(member), *choice).await?;
            }
            photos::order(&mut tx, &self.photos_sought).await?;
            photos::erase(&mut tx, &self.photos_erased).await?;
            charges::tell(&mut tx, &self.charges_told).await?;
            for RequestStep { before, after, .. } in &self.requests {
                registrations::store(&mut tx, before, after).await?;
            }
            externals::fold(&mut tx, &self.accepted).await?;
            externals::leave_rooms(&mut tx, &self.left_rooms).await?;
            let gone = erasure::Gone { members: &self.erased, contacts: &self.erased_contacts, tenants: &self.erased_tenants };
            erasure::erase(&mut tx, gone, now).await?;
            passwords::order(&mut tx, &initial).await?;
            if !touched.is_empty() {
                facts::untouch(&mut tx, &touched).await?;
            }
            // Most people are sought by nobody.
            if !self.sought.is_empty() && declarations::is_waited_for(&mut tx, CONNECTIONS).await? {
                self.signals.extend(self.sought.iter().map(Sought::key));
            }
            let mut keys =
                if self.signals.is_empty() { BTreeSet::new() } else { declarations::waiting_for(&mut tx, &self.signals).await? };
            for tenant in &self.tenants {
                keys.extend(declarations::of_tenant(&mut tx, tenant).await?);
            }
            keys.extend(self.again);
            keys.extend(unattended::in_grace(&mut tx, &self.purging).await?);
            keys.extend(tree::referring_to(&mut tx, &self.renamed).await?);
            keys.extend(externals::of_members(&mut tx, &self.followed).await?);
            keys.extend(externals::of_companies(&mut tx, &self.companies).await?);
            keys.retain(|key| !self.seen.contains(key));
            // Within a batch the decisions see to the order; over several, the queue does.
            let keys = if keys.len() > BATCH { declarations::by_age(&mut tx, keys).await? } else { keys.into_iter().collect() };
            if self.unjudged || !keys.is_empty() {
                unfinished::note(&mut tx).await?;
            }
            tx.commit().await?;
            woken.extend(keys.into_iter().map(|key| Request::revisit(key, Trigger::Dependency)));
        }
        self.entries.iter().for_each(|entry| done.count(&entry.action, 1));
        done.changes.extend(self.entries);
        done.outcomes.extend(self.outcomes.into_iter().map(|outcome| (outcome.key.clone(), outcome)));
        Ok((woken, self.told))
    }
}
