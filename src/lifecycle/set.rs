//! Decisions about a set applied at once: in the order tenant, organization by depth, member, contact, so
//! that the set sees itself; and what only one may hold, shared out over the whole set, so that exchanges
//! succeed (M1). Pure. Called by the engine with a world that it gathered.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::member::concurrent::{self, held_up};
use super::{Block, Decision, Declared, Spec, Visit, World, contact, frozen, identity, member, organization, tenant};
use crate::api::{Handle, Key, Kind};
use crate::record::{Claim, Record, Uid};

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
    let mut order: Vec<&Visit> = visits.iter().collect();
    order.sort_by_cached_key(|visit| (rank(visit), visit.since, visit.key.handle.clone()));
    // Who leaves a name goes before whoever takes it, and before what is gone under it.
    let order = in_order(order, |visit| identity::goes_first(world, visit));
    in_order(order, |visit| concurrent::goes_first(world, visit))
}

/// An order in which each comes after the one that leads it, and stays as it is otherwise.
fn in_order<'a>(order: Vec<&'a Visit>, lead: impl Fn(&Visit) -> Option<Key>) -> Vec<&'a Visit> {
    let there: HashSet<&Key> = order.iter().map(|visit| &visit.key).collect();
    let mut after: BTreeMap<Key, Vec<&'a Visit>> = BTreeMap::new();
    for visit in &order {
        if let Some(lead) = lead(visit).filter(|lead| there.contains(lead) && *lead != visit.key) {
            after.entry(lead).or_default().push(visit);
        }
    }
    if after.is_empty() {
        return order;
    }
    let led: HashSet<&Key> = after.values().flatten().map(|visit| &visit.key).collect();
    let mut next: Vec<&'a Visit> = order.iter().copied().filter(|visit| !led.contains(&visit.key)).collect();
    let mut place = 0;
    while let Some(visit) = next.get(place).copied() {
        place += 1;
        if let Some(followers) = after.remove(&visit.key) {
            next.splice(place..place, followers);
        }
    }
    // What is left is a cycle.
    next.extend(after.into_values().flatten());
    next
}

/// What an object holds before its decision and after it.
struct Held {
    uid: Uid,
    key: Key,
    before: HashSet<Claim>,
    after: Vec<Claim>,
}

impl Held {
    /// What is new to it.
    fn wanted(&self) -> impl Iterator<Item = &Claim> {
        self.after.iter().filter(|claim| !self.before.contains(*claim))
    }

    /// The first that it wants and another has, by who has what.
    fn block(&self, holders: &HashMap<&Claim, (&Uid, &Key)>) -> Option<Block> {
        self.wanted().find_map(|claim| {
            let (_, key) = holders.get(claim).filter(|(uid, _)| **uid != self.uid)?;
            Some(blocked_by(claim, key))
        })
    }
}

fn blocked_by(claim: &Claim, holder: &Key) -> Block {
    Block { claim: claim.clone(), holder: holder.clone(), follower: None }
}

/// The objects whose new claims are held by others once the whole set is decided.
fn conflicts(world: &World, decisions: &[Decision]) -> Vec<(Key, Block)> {
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
    let outside = world.claims.iter().filter(|(_, holder)| !of_the_set.contains(&holder.uid));
    let mut holders: HashMap<&Claim, (&Uid, &Key)> = outside.map(|(claim, holder)| (claim, (&holder.uid, &holder.key))).collect();
    let mut wanting: HashMap<&Claim, Vec<usize>> = HashMap::new();
    for (place, held) in decided.iter().enumerate() {
        for claim in held.after.iter().filter(|claim| held.before.contains(*claim)) {
            holders.insert(claim, (&held.uid, &held.key));
        }
        held.wanted().for_each(|claim| wanting.entry(claim).or_default().push(place));
    }
    let mut refused: BTreeMap<usize, Block> = BTreeMap::new();
    let mut blocked: VecDeque<(usize, Block)> =
        decided.iter().enumerate().filter_map(|(place, held)| Some((place, held.block(&holders)?))).collect();
    loop {
        // Who is refused keeps what it has: who wants that is refused as well.
        while let Some((place, block)) = blocked.pop_front() {
            if refused.contains_key(&place) {
                continue;
            }
            refused.insert(place, block);
            let held = &decided[place];
            for claim in &held.before {
                let others = wanting.get(claim).into_iter().flatten().filter(|other| decided[**other].uid != held.uid);
                blocked.extend(others.map(|other| (*other, blocked_by(claim, &held.key))));
            }
        }
        blocked = late(&decided, &refused);
        if blocked.is_empty() {
            break;
        }
    }
    refused.into_iter().map(|(place, block)| (decided[place].key.clone(), block)).collect()
}

/// Who comes too late, where several want the same: it goes to the first. What one can't have wholly it has no part of:
/// others may.
fn late(decided: &[Held], refused: &BTreeMap<usize, Block>) -> VecDeque<(usize, Block)> {
    let mut given: HashMap<&Claim, (&Uid, &Key)> = HashMap::new();
    let mut late = VecDeque::new();
    for (place, held) in decided.iter().enumerate().filter(|(place, _)| !refused.contains_key(place)) {
        match held.block(&given) {
            Some(block) => late.push_back((place, block)),
            None => given.extend(held.wanted().map(|claim| (claim, (&held.uid, &held.key)))),
        }
    }
    late
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
            acted_before: false,
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
