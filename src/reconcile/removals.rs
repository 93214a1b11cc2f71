//! Removals: a complete set of what a source declares is compared with its declarations (R9). What is
//! missing follows in order: members, then organizations, deepest first. Called by `apply --prune` and by
//! whatever watches a source.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::request::{Request, What};
use super::{Done, Engine, Set};
use crate::api::{Handle, Key, Kind};
use crate::directory::records::{By, handle_keys};
use crate::directory::{Error, declarations, records};
use crate::lifecycle::Trigger;
use crate::record::Claim;

impl Engine {
    /// Removes what a source no longer declares, in tenants for which the set is complete. Tenants themselves
    /// are never in question here: a set without a Tenant is not complete for it.
    pub async fn prune(&mut self, source: &str, set: &Set, now: Timestamp) -> Result<Done, Error> {
        let mut missing: BTreeSet<(u8, Key)> = BTreeSet::new();
        let mut tx = self.directory.read().await?;
        for tenant in &set.complete {
            for key in declarations::of_source(&mut tx, source, tenant).await? {
                if !set.objects.contains(&key) {
                    missing.insert((rank(key.kind), key));
                }
            }
        }
        drop(tx);
        let mut done = Done::default();
        for kind in [Kind::ExternalContact, Kind::Member, Kind::Organization, Kind::Tenant] {
            let keys: Vec<Key> = missing.iter().filter(|(rank_, _)| *rank_ == rank(kind)).map(|(_, key)| key.clone()).collect();
            let removed = self.remove(keys, now).await?;
            self.add(&mut done, removed);
        }
        Ok(done)
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
        let waiting = if held.is_empty() { BTreeSet::new() } else { declarations::waiting_for(&mut tx, &held).await? };
        drop(tx);
        for key in waiting {
            self.enqueue(Request::revisit(key, Trigger::Dependency));
        }
        self.drain(now, &mut |_| ()).await
    }

    /// Lets records follow their resources, which are gone. One that may not go yet stays, and goes by itself
    /// once it may.
    pub async fn remove(&mut self, gone: Vec<Key>, now: Timestamp) -> Result<Done, Error> {
        for key in gone {
            self.enqueue(Request { key, trigger: Trigger::Declared, what: What::Gone });
        }
        self.drain(now, &mut |_| ()).await
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
