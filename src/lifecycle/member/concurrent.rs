//! Members whose ID follows that of the same person in a group company (M30): whose it is, and what keeps both as they
//! are. Pure. Called by the decision about a member and by the set.

use std::collections::HashMap;

use serde_json::Value;

use crate::api::{Handle, Key, Kind, MemberSpec, Problem, Reason};
use crate::lifecycle::{Block, Decision, Declared, Visit, World, declared_key, record_key};
use crate::record::{Claim, MemberRecord, Record, Space, TenantRecord};

/// Why a manifest makes no ID.
pub enum NoId {
    Invalid(Problem),
    Refused(Reason, &'static str),
    /// These keys bring it back.
    Waits(Reason, String, Vec<String>),
}

/// The member whose ID a spec follows: one of its own goes before.
pub fn followed(spec: &MemberSpec, handle: &Handle) -> Option<Handle> {
    let reference = spec.concurrent_of.as_ref().filter(|_| spec.id.is_none() && !spec.is_temporary());
    reference.map(|reference| handle.sibling(reference.name()))
}

/// The same of a spec that may be refused.
pub fn followed_in(spec: &Value, handle: &Handle) -> Option<Handle> {
    let name = spec["concurrentOf"]["name"].as_str().filter(|_| spec["id"].is_null())?;
    Some(handle.sibling(name))
}

/// The key under which the declarations stand whose IDs follow a member's.
pub fn follower_key(followed: &Key) -> String {
    format!("id/{}", record_key(followed))
}

/// Notes what brings a member back that names the same person in another company; and who must be decided with it while
/// both wait for the same ID.
pub fn follows(world: &World, visit: &Visit, current: Option<&MemberRecord>, decision: &mut Decision) {
    let keys = &mut decision.follows;
    let handle = &visit.key.handle;
    for spec in [current.map(|current| &current.intent.spec), visit.member_spec()].into_iter().flatten() {
        let Some(reference) = &spec.concurrent_of else { continue };
        let key = Key::new(Kind::Member, handle.sibling(reference.name()));
        if followed(spec, handle).is_some() {
            keys.push(follower_key(&key));
            decision.contends.push(key.clone());
        }
        let tenant = world.member(&key.handle).and_then(|member| world.tenants.get(&member.tenant));
        keys.extend(tenant.map(|tenant| record_key(&tenant.key())));
        keys.push(record_key(&key));
    }
}

/// What a reference to the same person in another company leads to.
enum Lead {
    Id(String),
    /// Nobody who has an ID yet.
    Nobody(String),
    /// Somebody who is no company's of the group.
    Elsewhere(Problem),
}

fn lead(world: &World, tenant: &TenantRecord, followed: &Handle) -> Lead {
    let path = "spec.concurrentOf";
    let name = &followed.name;
    let Some(member) = world.member(followed) else {
        return Lead::Nobody(format!("{path}: the member `{name}` is not in the directory (M30)"));
    };
    let group = |tenant: &TenantRecord| tenant.intent.spec.corporate_group.clone();
    if member.tenant == tenant.uid {
        let message = format!(
            "`{name}` is a member of the same company: name the same person in another company of the group, or give an id (M30)"
        );
        return Lead::Elsewhere(Problem::new(path, message));
    }
    let other = world.tenants.get(&member.tenant);
    if group(tenant).is_none() || other.is_none_or(|other| group(other) != group(tenant)) {
        let message = format!(
            "`{name}` is no member of another company of the group: both tenants need the same spec.corporateGroup (M30)"
        );
        return Lead::Elsewhere(Problem::new(path, message));
    }
    if member.is_deleted() {
        Lead::Nobody(format!("{path}: the member `{name}` is deleted (M30)"))
    } else if member.intent.spec.is_temporary() {
        Lead::Nobody(format!("{path}: the member `{name}` has only a temporary ID yet (M30, M31)"))
    } else {
        Lead::Id(member.declared.id.clone())
    }
}

/// Whether what a spec names as the same person in another company may be so, whether its ID is followed or not.
pub fn check(world: &World, tenant: &TenantRecord, spec: &MemberSpec, handle: &Handle) -> Result<(), Problem> {
    let Some(reference) = &spec.concurrent_of else { return Ok(()) };
    match lead(world, tenant, &handle.sibling(reference.name())) {
        Lead::Elsewhere(problem) => Err(problem),
        Lead::Id(_) | Lead::Nobody(_) => Ok(()),
    }
}

/// The ID that a manifest gets from the member that it follows. One that followed it before keeps what it has while
/// nobody is there.
pub fn id(world: &World, tenant: &TenantRecord, followed: &Handle, current: Option<&MemberRecord>) -> Result<String, NoId> {
    match lead(world, tenant, followed) {
        Lead::Id(id) => Ok(id),
        Lead::Elsewhere(problem) => Err(NoId::Invalid(problem)),
        Lead::Nobody(message) => {
            let same = |current: &&MemberRecord| self::followed(&current.intent.spec, &current.handle).as_ref() == Some(followed);
            match current.filter(same) {
                Some(current) => Ok(current.declared.id.clone()),
                None => {
                    let key = record_key(&Key::new(Kind::Member, followed.clone()));
                    Err(NoId::Waits(Reason::ConcurrentMemberNotFound, message, vec![key]))
                }
            }
        }
    }
}

/// Why the ID of a member stays as it is although it follows another's.
pub fn stays(world: &World, tenant: &TenantRecord, spec: &MemberSpec, handle: &Handle) -> Option<String> {
    match lead(world, tenant, &followed(spec, handle)?) {
        Lead::Nobody(message) => Some(format!("{message}; the ID stays as it is")),
        Lead::Id(_) | Lead::Elsewhere(_) => None,
    }
}

/// A cycle through a member, by what is declared: the others of it, and why it is refused.
pub fn cycle(world: &World, from: &Handle) -> Option<(Vec<Key>, String)> {
    let mut path = vec![from.clone()];
    let mut next = world.concurrent.get(from).cloned().flatten();
    while let Some(handle) = next.filter(|handle| handle != from) {
        if path.contains(&handle) {
            return None;
        }
        next = world.concurrent.get(&handle).cloned().flatten();
        path.push(handle);
    }
    next_is(world, path.last()?, from).then(|| {
        let names: Vec<&str> = path.iter().map(|handle| handle.name.as_ref()).collect();
        let message = format!("spec.concurrentOf: {} → {} is a cycle (M30)", names.join(" → "), from.name);
        (path[1..].iter().map(|handle| Key::new(Kind::Member, handle.clone())).collect(), message)
    })
}

fn next_is(world: &World, of: &Handle, wanted: &Handle) -> bool {
    world.concurrent.get(of).is_some_and(|next| next.as_ref() == Some(wanted))
}

/// The keys whose change may break a cycle.
pub fn keys_of_cycle(others: &[Key]) -> Vec<String> {
    others.iter().map(declared_key).collect()
}

/// Brings a record's ID to that of the member it follows, by its stored intent: whatever becomes of the manifest, both
/// change together. Not where its manifest says otherwise by now, nor where somebody else has the ID.
pub fn follow(world: &World, visit: &Visit, tenant: &TenantRecord, blocked: Option<&Block>, member: &mut MemberRecord) {
    let followed = |spec| followed(spec, &visit.key.handle);
    let says_otherwise = match &visit.declared {
        Declared::Present(_) => visit.member_spec().is_some_and(|spec| followed(spec) != followed(&member.intent.spec)),
        // Whose removal is pending is still there.
        Declared::Removed => false,
        Declared::Nothing => true,
    };
    let Some(handle) = followed(&member.intent.spec).filter(|_| !says_otherwise && !member.is_deleted()) else { return };
    let Lead::Id(id) = lead(world, tenant, &handle) else { return };
    let claim = Claim::within(&member.tenant, Space::Address, &id);
    if id == member.declared.id || blocked.is_some_and(|block| block.claim == claim) {
        return;
    }
    member.declared.message_id = format!("{id}@{}", tenant.declared.domain);
    member.declared.id = id;
    member.lived.contact_token = visit.fresh.contact_token.clone();
    member.lived.qr_token = visit.fresh.qr_token.clone();
}

/// The member whose ID a decision changes, before and after.
pub fn renamed(decision: &Decision) -> Option<&MemberRecord> {
    let before = decision.steps.first()?.before.as_ref()?;
    match (before, decision.record.as_ref()?) {
        (Record::Member(before), Record::Member(after)) => (before.declared.id != after.declared.id).then_some(after),
        (Record::Tenant(_) | Record::Organization(_) | Record::Member(_) | Record::ExternalContact(_), _) => None,
    }
}

/// If the ID is taken in either tenant, neither changes: who is followed by one that can't have the ID, and would change
/// in this very set, can't either; and so on up the chain.
pub fn held_up(decisions: &[Decision], conflicts: &[(Key, Block)]) -> Vec<(Key, Block)> {
    let renamed: HashMap<&Key, &MemberRecord> =
        decisions.iter().filter_map(|decision| Some((&decision.key, renamed(decision)?))).collect();
    let mut held = Vec::new();
    for (key, block) in conflicts {
        let mut follower = key.clone();
        while let Some(member) = renamed.get(&follower)
            && block.claim.space == Space::Address
            && let Some(next) = followed(&member.intent.spec, &member.handle).map(|handle| Key::new(Kind::Member, handle))
            && renamed.contains_key(&next)
            && !held.iter().any(|(held, _)| *held == next)
        {
            held.push((next.clone(), Block { follower: Some(follower), ..block.clone() }));
            follower = next;
        }
    }
    held
}

/// The member whose ID a visited one follows: it is decided first.
pub fn goes_first(world: &World, visit: &Visit) -> Option<Key> {
    if visit.key.kind != Kind::Member {
        return None;
    }
    let lead = match visit.member_spec() {
        Some(spec) => followed(spec, &visit.key.handle),
        None => world.member(&visit.key.handle).and_then(|member| followed(&member.intent.spec, &member.handle)),
    };
    lead.map(|handle| Key::new(Kind::Member, handle))
}
