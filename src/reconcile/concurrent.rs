//! Gathering around members who are the same person in several companies (M30): whom each declares to follow, and
//! their tenants. Only reads. Called by the gathering.

use std::collections::{BTreeSet, HashMap};

use super::gathered::Gathered;
use crate::api::{Handle, Key, Kind};
use crate::directory::records::{By, load};
use crate::directory::sql::{Tx, keys};
use crate::directory::{Error, declarations};
use crate::lifecycle::Declared;
use crate::lifecycle::member::concurrent::followed_in;
use crate::record::{Record, Uid};

/// Gathers whom the members of a batch follow, up each chain.
pub(super) async fn gather(tx: &mut Tx, gathered: &mut Gathered) -> Result<(), Error> {
    let mut declares: HashMap<Handle, Option<Handle>> = HashMap::new();
    let mut names_somebody = false;
    for visit in gathered.visits.iter().filter(|visit| visit.key.kind == Kind::Member) {
        let handle = &visit.key.handle;
        if let Declared::Present(manifest) = &visit.declared {
            names_somebody |= manifest.json.get("concurrentOf").is_some();
            declares.insert(handle.clone(), followed_in(&manifest.json, handle));
        }
        let member = gathered.world.member(handle);
        names_somebody |= member.is_some_and(|member| member.intent.spec.concurrent_of.is_some());
    }
    if !names_somebody {
        return Ok(());
    }
    loop {
        let unknown: BTreeSet<&Handle> = declares.values().flatten().filter(|handle| !declares.contains_key(*handle)).collect();
        if unknown.is_empty() {
            break;
        }
        let asked: Vec<Key> = unknown.into_iter().map(|handle| Key::new(Kind::Member, handle.clone())).collect();
        for declaration in declarations::load(tx, &asked).await? {
            let handle = declaration.key.handle.clone();
            let followed = followed_in(&declaration.spec, &handle);
            declares.insert(handle, followed);
        }
        for key in asked {
            declares.entry(key.handle).or_insert(None);
        }
    }
    let world = &mut gathered.world;
    world.concurrent = declares;
    let unknown: BTreeSet<&Uid> =
        world.members.values().map(|member| &member.tenant).filter(|tenant| !world.tenants.contains_key(*tenant)).collect();
    let tenants: Vec<Record> = load(tx, Kind::Tenant, By::Uid, keys(unknown)).await?;
    tenants.into_iter().for_each(|tenant| world.insert(tenant));
    Ok(())
}
