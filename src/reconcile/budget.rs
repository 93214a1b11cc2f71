//! The budget of lost access (T11): losses that a run finds are put off until everything else is done, judged
//! together for each tenant, and then carried out or held. Called by the engine at the end of a run.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::engine::Engine;
use super::gathered::Gathered;
use super::mails;
use super::request::{Request, What};
use super::{Done, Set};
use crate::api::{APPROVE_ANNOTATION, Handle, Hold, Key, Kind, Reason};
use crate::directory::cells::handle_keys;
use crate::directory::declarations::Declaration;
use crate::directory::holds::{self, Held};
use crate::directory::records::By;
use crate::directory::sql::Tx;
use crate::directory::{Error, declarations, records};
use crate::lifecycle::hold::{approves, hold};
use crate::lifecycle::member::concurrent::renamed;
use crate::lifecycle::{Decision, Declared, Judgement, Loss, Trigger, Visit};
use crate::record::{Record, TenantRecord, Uid};

/// The losses of one tenant that are not judged yet, each with the request to take up again.
type New<'a> = BTreeMap<&'a Key, (&'a Request, &'a Loss)>;

/// What a run put off, and what may change what is held.
#[derive(Debug, Default)]
pub(super) struct PutOff {
    /// Losses that are not judged yet, with the request to take up again.
    pub losses: BTreeMap<Key, (Handle, Request, Loss)>,
    /// Tenants whose manifest may approve what is held.
    pub approving: BTreeSet<Handle>,
    /// Members that were held and lose nothing any more: each with its tenant.
    pub released: BTreeSet<(Handle, Key)>,
}

impl PutOff {
    /// Takes what is put off out of a batch that was decided.
    pub fn of(gathered: &Gathered, requests: &[Request], decisions: Vec<Decision>) -> (Vec<Decision>, PutOff) {
        let world = &gathered.world;
        let mut put_off = PutOff::default();
        let requests: HashMap<&Key, &Request> = requests.iter().map(|request| (&request.key, request)).collect();
        let visits: HashMap<&Key, &Visit> = gathered.visits.iter().map(|visit| (&visit.key, visit)).collect();
        let handle = |tenant: &Uid| world.tenants.get(tenant).map(|tenant| tenant.handle.clone());
        let mut decided = Vec::with_capacity(decisions.len());
        for decision in decisions {
            let key = &decision.key;
            let unjudged = decision.loss.as_ref().filter(|_| !world.judged.contains_key(key));
            if let Some((loss, tenant, request)) =
                unjudged.and_then(|loss| Some((loss, handle(&loss.tenant)?, *requests.get(key)?)))
            {
                put_off.losses.insert(key.clone(), (tenant, request.clone(), loss.clone()));
                // Whose ID it follows changes now, and it with that one (M30).
                if renamed(&decision).is_some()
                    && let Some(Declared::Present(_)) = visits.get(key).map(|visit| &visit.declared)
                {
                    decided.push(Decision { loss: None, verdict: None, ..decision });
                }
                continue;
            }
            let held = Reason::AccessLossHeld.name();
            let was_held = |stored: &&Declaration| stored.reason == held || stored.removal.as_deref() == Some(held);
            if let Some(stored) = gathered.stored.get(key).filter(was_held)
                && decision.loss.is_none()
            {
                put_off.released.insert((key.handle.sibling(&stored.tenant), key.clone()));
            }
            // Who has another name now is no longer held under the old one.
            if let Some(Record::Member(before)) = decision.steps.first().and_then(|step| step.before.as_ref())
                && before.handle != key.handle
                && let Some(tenant) = handle(&before.tenant)
            {
                put_off.released.insert((tenant, before.key()));
            }
            if let Some(Declared::Present(manifest)) = visits.get(key).map(|visit| &visit.declared)
                && key.kind == Kind::Tenant
                && !world.judged.contains_key(key)
                && decision.record.as_ref().is_some_and(|tenant| world.holds.contains_key(tenant.uid()))
                && manifest.annotations.contains_key(APPROVE_ANNOTATION)
            {
                put_off.approving.insert(key.handle.clone());
            }
            decided.push(decision);
        }
        (decided, put_off)
    }

    /// Adds what another batch put off.
    pub fn extend(&mut self, other: PutOff) {
        let PutOff { losses, approving, released } = other;
        for (key, loss) in losses {
            // What was declared anew counts, not another look at what was declared before.
            let is_newer = |known: &Request| !matches!((&known.what, &loss.1.what), (What::Submitted(_), What::Revisit));
            if self.losses.get(&key).is_none_or(|(_, known, _)| is_newer(known)) {
                self.losses.insert(key, loss);
            }
        }
        self.approving.extend(approving);
        self.released.extend(released);
    }

    pub fn is_empty(&self) -> bool {
        let PutOff { losses, approving, released } = self;
        losses.is_empty() && approving.is_empty() && released.is_empty()
    }
}

/// A hold of lost access, as it is told.
fn told(items: &[(String, String)]) -> Hold {
    let items = items.iter().cloned().collect();
    hold(Reason::AccessLossHeld, "members would lose access, more than spec.accessBudget allows at once", &items)
}

/// What is held on a tenant, as it is told.
pub(super) fn stored(held: &Held) -> Hold {
    let Held { tenant: _, reason, fingerprint, items, number, since: _ } = held;
    if reason == Reason::AccessLossHeld.name() { told(items) } else { mails::told(items, *number, fingerprint.clone()) }
}

impl Engine {
    /// Tells again what is held on tenants of a set (R12), which may be as they were and not have been looked at.
    pub(super) async fn tell_holds(&mut self, set: &Set, done: &Done, now: Timestamp) -> Result<Done, Error> {
        let tenants = set.objects.iter().filter(|key| key.kind == Kind::Tenant && !done.outcomes.contains_key(key));
        let tenants: Vec<Handle> = tenants.map(|key| key.handle.clone()).collect();
        for held in holds::of_tenants(&mut self.directory.read().await?, &tenants).await? {
            self.enqueue(Request::revisit(Key::new(Kind::Tenant, held.tenant), Trigger::Dependency));
        }
        self.drain(now, &mut |_| ()).await
    }

    /// Judges what was put off, and queues it again.
    pub(super) async fn judge(&mut self, now: Timestamp) -> Result<(), Error> {
        let PutOff { losses, approving, released } = std::mem::take(&mut self.put_off);
        let mut tenants: BTreeSet<Handle> = approving;
        tenants.extend(released.iter().map(|(tenant, _)| tenant.clone()));
        tenants.extend(losses.values().map(|(tenant, _, _)| tenant.clone()));
        for tenant in tenants {
            let of_tenant = losses.iter().filter(|(_, (of, _, _))| *of == tenant);
            let new: New<'_> = of_tenant.map(|(key, (_, request, loss))| (key, (request, loss))).collect();
            let gone: BTreeSet<&str> =
                released.iter().filter(|(of, _)| *of == tenant).map(|(_, key)| &*key.handle.name).collect();
            self.judge_tenant(&tenant, &new, &gone, now).await?;
        }
        self.judge_mails(now).await
    }

    async fn judge_tenant(&mut self, tenant: &Handle, new: &New<'_>, gone: &BTreeSet<&str>, now: Timestamp) -> Result<(), Error> {
        let key = Key::new(Kind::Tenant, tenant.clone());
        // Once a run is enough.
        self.judged.insert(key.clone(), Judgement::Cleared);
        let mut tx = self.directory.read().await?;
        let Some(record) = tenant_record(&mut tx, tenant).await? else { return Ok(()) };
        let stored = holds::of_tenants(&mut tx, std::slice::from_ref(tenant)).await?;
        let stored = stored.into_iter().find(|held| held.reason == Reason::AccessLossHeld.name());
        let declared = declarations::load(&mut tx, std::slice::from_ref(&key)).await?;
        let annotations = declared.first().map(|declaration| declaration.annotations_by_name()).unwrap_or_default();

        let mut items: BTreeMap<String, String> = stored.iter().flat_map(|held| held.items.iter().cloned()).collect();
        items.retain(|name, _| !gone.contains(name.as_str()));
        let was_held = !items.is_empty();
        items.extend(new.iter().map(|(key, (_, loss))| (key.handle.name.to_string(), format!("{}: {}", loss.member, loss.what))));
        let items: Vec<(String, String)> = items.into_iter().collect();
        let fingerprint = told(&items).fingerprint;
        let judgement = if approves(&annotations, &fingerprint) {
            Judgement::Approved
        } else if was_held || !fits(&mut tx, &record, new, now).await? {
            Judgement::Held
        } else {
            Judgement::Cleared
        };
        drop(tx);

        let keep = judgement == Judgement::Held && !items.is_empty();
        let since = stored.as_ref().map_or(now, |held| held.since);
        let reason = Reason::AccessLossHeld.name().to_owned();
        let number = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let next = keep.then(|| Held { tenant: tenant.clone(), reason, fingerprint, items: items.clone(), number, since });
        if next != stored {
            let mut tx = self.leader.begin(&self.directory).await?;
            match &next {
                Some(held) => holds::store(&mut tx, held).await?,
                None => holds::remove(&mut tx, tenant, Reason::AccessLossHeld.name()).await?,
            }
            let windows = record.budgets(now).into_iter().map(|budget| budget.window);
            let oldest = windows.map(|window| before(now, window.micros)).min().unwrap_or(now);
            holds::forget(&mut tx, &record.uid, oldest).await?;
            tx.commit().await?;
            self.enqueue(Request::revisit(key, Trigger::Dependency));
        }
        if judgement == Judgement::Approved {
            // Exactly those are let happen: the ones that were held before with the new ones.
            for (name, _) in &items {
                let key = Key::new(Kind::Member, tenant.sibling(name));
                if !new.contains_key(&key) {
                    self.judged.insert(key.clone(), judgement);
                    self.enqueue(Request { key, trigger: Trigger::Declared, what: What::Revisit });
                }
            }
        }
        for (key, (request, _)) in new {
            self.judged.insert((*key).clone(), judgement);
            self.enqueue((*request).clone());
        }
        Ok(())
    }
}

/// Whether these members may lose access, too. Who lost it within the window already counts once.
async fn fits(tx: &mut Tx, tenant: &TenantRecord, new: &New<'_>, now: Timestamp) -> Result<bool, Error> {
    for budget in tenant.budgets(now) {
        let (mut lost, live) = holds::lost_after(tx, &tenant.uid, before(now, budget.window.micros)).await?;
        lost.extend(new.values().map(|(_, loss)| loss.member.clone()));
        if i64::try_from(lost.len()).unwrap_or(i64::MAX) > budget.of(live) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn before(now: Timestamp, micros: i64) -> Timestamp {
    now.checked_sub(SignedDuration::from_micros(micros)).unwrap_or(Timestamp::MIN)
}

pub(super) async fn tenant_record(tx: &mut Tx, tenant: &Handle) -> Result<Option<TenantRecord>, Error> {
    let found = records::load(tx, Kind::Tenant, By::Handle, handle_keys([tenant])).await?;
    Ok(found.into_iter().find_map(|record| match record {
        Record::Tenant(tenant) => Some(TenantRecord::clone(&tenant)),
        Record::Organization(_) | Record::Member(_) | Record::ExternalContact(_) => None,
    }))
}
