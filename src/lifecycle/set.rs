//! Decisions about a set applied at once: in the order tenant, organization by depth, member, contact, so
//! that the set sees itself; and what only one may hold, shared out over the whole set, so that exchanges
//! succeed (M1). Pure. Called by the engine with a world that it gathered.

use std::collections::{HashMap, HashSet};

use super::member::concurrent::{held_up, in_order};
use super::{Block, Decision, Declared, Spec, Visit, World, contact, frozen, identity, member, organization, tenant};
use crate::api::{Handle, Key, Kind};
use crate::record::{Claim, Record, Space, Uid};

/// Decides about every visit of a set. Decisions come in the order in which they were made.
///
/// Claims are shared out at the end: each object is first decided as if whatever others of the set give up
/// were free. Who then finds a claim held is refused, which may hold back what it would have given up, so
/// the set is decided again until nothing changes. Every round refuses one more, so it ends.
pub fn decide_set(world: &World, visits: &[Visit]) -> Vec<Decision> {
    let order = order(world, visits);
    let mut blocked: HashMap<Key, Block> = HashMap::new();
    loop {
        let mut moving = world.clone();
        let decisions: Vec<Decision> = order
            .iter()
            .map(|visit| {
                let decision = decide(&moving, visit, blocked.get(&visit.key));
                moving.apply(&decision);
                decision
            })
            .collect();
        let mut conflicts = conflicts(world, &decisions);
        conflicts.extend(held_up(&decisions, &conflicts));
        if conflicts.is_empty() {
            return decisions;
        }
        blocked.extend(conflicts);
    }
}

fn decide(world: &World, visit: &Visit, blocked: Option<&Block>) -> Decision {
    let mut decision = frozen::decide(world, visit, blocked).unwrap_or_else(|| match visit.key.kind {
        Kind::Tenant => tenant::decide(world, visit, blocked),
        Kind::Organization => organization::decide(world, visit, blocked),
        Kind::Member => member::decide(world, visit, blocked),
        Kind::ExternalContact => contact::decide(world, visit),
    });
    identity::seek(world, visit, &mut decision);
    decision
}

/// The order of decisions. Members are removed before organizations, and those deepest first (R9); places
/// go to those that came first (T3).
fn order<'a>(world: &World, visits: &'a [Visit]) -> Vec<&'a Visit> {
    let parents: HashMap<&Handle, Handle> = visits
        .iter()
        .filter_map(|visit| match &visit.declared {
            Declared::Present(manifest) => match &manifest.spec {
                Ok(Spec::Organization(spec)) => {
                    let parent = spec.parent_ref.as_ref()?;
                    Some((&visit.key.handle, visit.key.handle.sibling(parent.name())))
                }
                Ok(Spec::Tenant(_) | Spec::Member(_) | Spec::ExternalContact(_)) | Err(_) => None,
            },
            Declared::Removed | Declared::Nothing => None,
        })
        .collect();
    let depth_in_set = |handle: &Handle| {
        let mut depth = 0;
        let mut next = parents.get(handle);
        while let Some(parent) = next
            && depth <= parents.len()
        {
            depth += 1;
            next = parents.get(parent);
        }
        depth
    };
    let depth_in_directory = |handle: &Handle| world.organization(handle).map_or(0, |organization| world.depth(organization));
    let rank = |visit: &Visit| match (visit.key.kind, &visit.declared) {
        (Kind::Tenant, _) => (0, 0),
        (Kind::Organization, Declared::Removed) => (4, usize::MAX - depth_in_directory(&visit.key.handle)),
        (Kind::Organization, Declared::Present(_) | Declared::Nothing) => (1, depth_in_set(&visit.key.handle)),
        (Kind::Member, Declared::Removed) => (2, 0),
        (Kind::Member, Declared::Present(_) | Declared::Nothing) => (3, 0),
        (Kind::ExternalContact, _) => (5, 0),
    };
    // A manifest that was renamed frees its old name for another.
    let left: HashSet<&str> = world
        .claims
        .iter()
        .filter(|(claim, holder)| {
            matches!(claim.space, Space::MemberKey | Space::OrganizationKey) && !world.present.contains(&holder.key)
        })
        .map(|(claim, _)| claim.key.as_str())
        .collect();
    let renamed = |visit: &Visit| match &visit.declared {
        Declared::Present(manifest) if !left.is_empty() => {
            let key = manifest.json["externalKey"].as_str().unwrap_or_default();
            left.contains(crate::record::claim::normalized(key).as_str())
        }
        Declared::Present(_) | Declared::Removed | Declared::Nothing => false,
    };
    let mut order: Vec<&Visit> = visits.iter().collect();
    order.sort_by_cached_key(|visit| (rank(visit), !renamed(visit), visit.since, visit.key.handle.clone()));
    in_order(world, order)
}

/// The objects whose new claims are held by others once the whole set is decided.
fn conflicts(world: &World, decisions: &[Decision]) -> Vec<(Key, Block)> {
    struct Held {
        uid: Uid,
        key: Key,
        before: HashSet<Claim>,
        after: Vec<Claim>,
    }
    let mut decided: Vec<Held> = Vec::new();
    for decision in decisions {
        let before = decision.steps.first().map_or(decision.record.as_ref(), |step| step.before.as_ref());
        let uid = match (before, &decision.record) {
            (_, Some(record)) | (Some(record), None) => record.uid().clone(),
            (None, None) => continue,
        };
        decided.push(Held {
            uid,
            key: decision.key.clone(),
            before: before.map(Record::claims).unwrap_or_default().into_iter().collect(),
            after: decision.record.as_ref().map(Record::claims).unwrap_or_default(),
        });
    }
    let purged = decisions.iter().flat_map(|decision| &decision.steps).filter_map(|step| step.before.as_ref());
    let of_the_set: HashSet<&Uid> = decided.iter().map(|held| &held.uid).chain(purged.map(Record::uid)).collect();
    let mut holders: HashMap<&Claim, (&Uid, &Key)> = HashMap::new();
    for (claim, holder) in &world.claims {
        if !of_the_set.contains(&holder.uid) {
            holders.insert(claim, (&holder.uid, &holder.key));
        }
    }
    for held in &decided {
        for claim in held.after.iter().filter(|claim| held.before.contains(*claim)) {
            holders.insert(claim, (&held.uid, &held.key));
        }
    }
    let mut conflicts = Vec::new();
    for held in &decided {
        let wanted = || held.after.iter().filter(|claim| !held.before.contains(*claim));
        let taken = wanted().find_map(|claim| {
            let (uid, key) = holders.get(claim)?;
            (*uid != &held.uid).then(|| Block { claim: claim.clone(), holder: (*key).clone(), follower: None })
        });
        match taken {
            // What it can't have wholly it has no part of: others may.
            Some(block) => conflicts.push((held.key.clone(), block)),
            None => holders.extend(wanted().map(|claim| (claim, (&held.uid, &held.key)))),
        }
    }
    conflicts
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::lifecycle::tenant::places;
    use crate::lifecycle::{Fresh, Trigger};

    /// T3.
    #[test]
    fn places_go_to_the_earlier_creation_and_then_by_name() {
        let visit = |name: &str, second: i64| Visit {
            key: Key::new(Kind::Member, Handle::new("hr", name)),
            trigger: Trigger::Declared,
            declared: Declared::Nothing,
            since: Timestamp::from_second(second).unwrap(),
            takes_over: false,
            fresh: Fresh {
                uid: Uid::from(name.to_owned()),
                contact_token: String::new(),
                qr_token: String::new(),
                temporary_id: String::new(),
            },
        };
        let visits = [visit("b", 2), visit("a", 2), visit("z", 1)];
        let order: Vec<String> =
            order(&World::new(Timestamp::UNIX_EPOCH, true), &visits).iter().map(|v| v.key.handle.name.to_string()).collect();
        assert_eq!(order, ["z", "a", "b"]);
    }

    /// T3.
    #[test]
    fn only_the_free_plan_is_short_of_places() {
        use crate::api::tenant::Plan;
        assert_eq!((places(Some(Plan::Free), Kind::Member), places(Some(Plan::Free), Kind::Organization)), (Some(30), Some(100)));
        for plan in
            [Plan::Lite, Plan::Standard, Plan::StandardPlus, Plan::Advanced, Plan::Trial].map(Some).into_iter().chain([None])
        {
            assert_eq!((places(plan, Kind::Member), places(plan, Kind::Organization)), (None, Some(10_000)));
        }
    }
}
