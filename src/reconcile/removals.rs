//! Removals: a complete set of what a source declares is compared with its declarations (R9). What is
//! missing follows in order: members, then organizations, deepest first. Called by `apply --prune` and by
//! whatever watches a source.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;

use super::request::{Request, What};
use super::{Done, Engine, Set};
use crate::api::{Handle, Key, Kind};
use crate::directory::cells::handle_keys;
use crate::directory::records::By;
use crate::directory::sql::keys;
use crate::directory::{Error, declarations, facts, records};
use crate::lifecycle::Trigger;
use crate::record::{Claim, Uid};

impl Engine {
    /// What a source no longer declares, in tenants for which the set is complete. Tenants themselves
    /// are never in question here: a set without a Tenant is not complete for it.
    pub async fn missing_from(&self, source: &str, set: &Set) -> Result<Vec<Key>, Error> {
        let mut missing = Vec::new();
        let mut tx = self.directory.read().await?;
        for tenant in &set.complete {
            let declared = declarations::of_source(&mut tx, source, tenant).await?;
            missing.extend(declared.into_iter().filter(|key| !set.objects.contains(key)));
        }
        Ok(missing)
    }

    /// What a source declares in a kind and is not there (R9).
    pub async fn missing(&self, kind: Kind, source: &str, is_there: impl Fn(&Key) -> bool) -> Result<Vec<Key>, Error> {
        let mut tx = self.directory.read().await?;
        let (mut missing, mut after) = (Vec::new(), None);
        loop {
            let page = declarations::page_of_source(&mut tx, kind, source, after.as_ref()).await?;
            let Some(last) = page.last() else { return Ok(missing) };
            after = Some(last.handle.clone());
            missing.extend(page.into_iter().filter(|key| !is_there(key)));
        }
    }

    /// Of what is to go, that whose record somebody took away: it is set back first (R5), and goes as all else.
    pub(super) async fn taken_away(&self, going: &[Key]) -> Result<HashSet<Key>, Error> {
        let mut tx = self.directory.read().await?;
        let touched: HashSet<Uid> = facts::touched(&mut tx).await?.into_iter().collect();
        if touched.is_empty() || going.is_empty() {
            return Ok(HashSet::new());
        }
        let declared = declarations::load(&mut tx, going).await?;
        let recorded = declared.into_iter().filter_map(|declared| Some((Uid::from(declared.uid?), declared.key)));
        let mut away: HashMap<Uid, Key> = recorded.filter(|(uid, _)| touched.contains(uid)).collect();
        for kind in Kind::ALL {
            for record in records::load(&mut tx, kind, By::Uid, keys(away.keys())).await? {
                away.remove(record.uid());
            }
        }
        Ok(away.into_values().collect())
    }

    /// Looks again at what waits for something that these objects hold: a manifest of another name may be the
    /// same person's (M11). Their own manifests are known to be gone.
    pub async fn renamed(&mut self, gone: &[Key], now: Timestamp) -> Result<Done, Error> {
        let mut tx = self.directory.read().await?;
        let mut held: BTreeSet<String> = BTreeSet::new();
        for kind in [Kind::Organization, Kind::Member] {
            let handles: Vec<Handle> = gone.iter().filter(|key| key.kind == kind).map(|key| key.handle.clone()).collect();
            if handles.is_empty() {
                continue;
            }
            for record in records::load(&mut tx, kind, By::Handle, handle_keys(&handles)).await? {
                held.extend(record.claims().iter().map(Claim::wait_key));
            }
        }
        drop(tx);
        self.wake(&held, now).await
    }

    /// Looks again at what waits for one of these keys.
    pub async fn wake(&mut self, keys: &BTreeSet<String>, now: Timestamp) -> Result<Done, Error> {
        if keys.is_empty() {
            return Ok(Done::default());
        }
        let mut tx = self.directory.read().await?;
        let waiting = declarations::waiting_for(&mut tx, keys).await?;
        drop(tx);
        for key in waiting {
            self.enqueue(Request::revisit(key, Trigger::Dependency));
        }
        self.drain(now, &mut |_| ()).await
    }

    /// Lets records follow their resources, which are gone: members first, then organizations. One that may not
    /// go yet stays, and goes by itself once it may.
    pub async fn remove(&mut self, gone: Vec<Key>, now: Timestamp) -> Result<Done, Error> {
        self.drain_without(gone, now, &mut |_| ()).await
    }

    /// Works on removals, one kind after the other, but for what is put off.
    pub(super) async fn let_go(&mut self, mut gone: Vec<Key>, now: Timestamp, done: &mut Done) -> Result<(), Error> {
        gone.sort_by_cached_key(|key| (rank(key.kind), key.clone()));
        for of_a_kind in gone.chunk_by(|one, other| one.kind == other.kind) {
            for key in of_a_kind {
                self.enqueue(Request { key: key.clone(), trigger: Trigger::Declared, what: What::Gone });
            }
            self.work(now, &mut |_| (), done).await?;
        }
        self.look_again(&gone, now, done).await
    }

    /// Where organizations can't go for those inside, who are to move into others that take their names (O3): all that
    /// waits is decided once more, together.
    async fn look_again(&mut self, gone: &[Key], now: Timestamp, done: &mut Done) -> Result<(), Error> {
        let organizations: Vec<Key> = gone.iter().filter(|key| key.kind == Kind::Organization).cloned().collect();
        if organizations.is_empty() {
            return Ok(());
        }
        let mut tx = self.directory.read().await?;
        let stay = declarations::load(&mut tx, &organizations).await?;
        let tenants: BTreeSet<Handle> = stay.iter().map(|stays| stays.key.handle.sibling(&stays.tenant)).collect();
        let mut waiting = Vec::new();
        for tenant in &tenants {
            waiting.extend(declarations::waiting_in(&mut tx, tenant).await?);
        }
        drop(tx);
        for key in waiting {
            self.enqueue(Request::revisit(key, Trigger::Dependency));
        }
        self.work(now, &mut |_| (), done).await
    }
}

fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::ExternalContact => 0,
        Kind::Member => 1,
        Kind::Organization => 2,
        Kind::Tenant => 3,
    }
}
