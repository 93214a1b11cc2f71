//! Removals: a complete set of what a source declares is compared with its declarations (R9). What is
//! missing follows in order: members, then organizations, deepest first. Called by `apply --prune` and by
//! whatever watches a source.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::request::{Request, What};
use super::{Done, Engine, Set};
use crate::api::{Key, Kind};
use crate::directory::{Error, declarations};
use crate::lifecycle::Trigger;

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
