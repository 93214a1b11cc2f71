//! Decisions about organizations (O1–O6). Pure. Called by the set.

use std::collections::HashSet;
use std::sync::Arc;

use super::identity::{Identity, identify, kept};
use super::tenant::{languages, places};
use super::{
    Block, Decision, Declared, Manifest, Removal, Spec, Visit, World, cancellation, declared_key, place_key, record_key,
    vacated_key, without_effect,
};
use crate::api::{Handle, Key, Kind, OrganizationSpec, Problem, Reason, Verdict};
use crate::record::{Cause, Claim, Intent, OrganizationDeclared, OrganizationRecord, Record, Space, Uid};

/// The deepest that an organization may stand (O2).
pub const MAX_DEPTH: usize = 15;

/// What is wrong with a spec beyond its schema.
pub fn check(spec: &OrganizationSpec) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut seen: Vec<&str> = spec.mail_id.iter().map(|id| id.as_str()).collect();
    for (index, alias) in spec.mail_aliases.iter().enumerate() {
        if seen.contains(&alias.as_str()) {
            problems.push(Problem::new(format!("spec.mailAliases[{index}]"), format!("`{alias}` is given twice (O1)")));
        }
        seen.push(alias.as_str());
    }
    problems
}

/// Decides about one organization.
pub fn decide(world: &World, visit: &Visit, blocked: Option<&Block>) -> Decision {
    let current = match world.record(&visit.key) {
        Some(Record::Organization(organization)) => Some(organization),
        Some(Record::Tenant(_) | Record::Member(_) | Record::ExternalContact(_)) | None => None,
    };
    let mut decision = Decision::unchanged(visit, current.clone().map(Record::Organization));
    if let Some(decided) = cancellation::of_cancelled(world, visit, &decision) {
        return decided;
    }
    if let Some(organization) = &current {
        let cause = if world.touched.contains(&organization.uid) { Cause::Drift } else { Cause::Dependency };
        let above = organization.intent.spec.parent_ref.as_ref().map(|parent| organization.handle.sibling(parent.name()));
        // A parent that is no longer known is no drift: the record keeps what it has.
        let parent = match above {
            None => None,
            Some(above) => world.organization(&above).map(|p| p.uid.clone()).or_else(|| organization.declared.parent.clone()),
        };
        let mut rebuilt = rebuilt(organization, &organization.intent, parent);
        if let Some(home) = world.home(&organization.uid, &organization.handle, &organization.intent.spec.tenant_ref) {
            rebuilt.tenant = home;
        }
        decision.step(cause, world.now, Some(Record::Organization(Arc::new(rebuilt))));
    }
    match &visit.declared {
        Declared::Nothing => decision,
        Declared::Removed => removed(world, visit, decision),
        Declared::Present(manifest) => declared(world, visit, manifest, decision, blocked),
    }
}

/// O5: only an organization with no member in it or below may go, and none that is still declared below.
fn removed(world: &World, visit: &Visit, mut decision: Decision) -> Decision {
    let Some(Record::Organization(organization)) = decision.record.clone() else {
        decision.removal = Removal::Done;
        return decision;
    };
    if kept(world, &mut decision) {
        return decision;
    }
    let members = members_at_or_below(world, &organization.uid);
    let children = world.children.get(&organization.uid).map_or(0, |children| children.len());
    decision.removal = if members > 0 {
        Removal::Pending(Reason::MembersRemain, format!("members still in it or below: {members} (O5)"))
    } else if children > 0 {
        Removal::Pending(Reason::ChildrenRemain, format!("organizations still below: {children} (O5)"))
    } else {
        decision.step(visit.trigger.cause(), world.now, None);
        Removal::Done
    };
    if let Removal::Pending(..) = decision.removal {
        decision.waits_for.push(vacated_key(&organization.tenant));
    }
    decision
}

/// How many members are, or will be, in an organization or below it, each counted once.
fn members_at_or_below(world: &World, uid: &Uid) -> usize {
    let below = world.below(uid);
    let members: HashSet<&Uid> = below.iter().flatten().filter_map(|uid| world.assigned.get(uid)).flatten().collect();
    members.len()
}

fn declared(world: &World, visit: &Visit, manifest: &Manifest, mut decision: Decision, blocked: Option<&Block>) -> Decision {
    let spec = match &manifest.spec {
        Err(problems) => return decision.invalid(problems),
        Ok(Spec::Organization(spec)) => spec,
        Ok(Spec::Tenant(_) | Spec::Member(_) | Spec::ExternalContact(_)) => return decision,
    };
    let handle = &visit.key.handle;
    let above = spec.parent_ref.as_ref().map(|parent| handle.sibling(parent.name()));
    if let Some(path) = cycle(world, handle, above.as_ref()) {
        let others: Vec<Key> =
            path.iter().filter(|other| *other != handle).map(|o| Key::new(Kind::Organization, o.clone())).collect();
        let names: Vec<&str> = path.iter().map(|handle| handle.name.as_ref()).collect();
        decision.pulls = others.clone();
        let message = format!("spec.parentRef: {} → {} is a cycle (O2)", names.join(" → "), handle.name);
        let keys = others.iter().map(declared_key).collect::<Vec<_>>();
        return decision.wait(Reason::CycleDetected, message, keys);
    }
    let tenant_key = Key::new(Kind::Tenant, handle.sibling(spec.tenant_ref.name()));
    let Some(tenant) = world.tenant(&tenant_key.handle) else {
        return decision.without_tenant(&tenant_key);
    };
    let mut problems = check(spec);
    for language in spec.display_names.keys() {
        if !languages(&tenant.intent.spec).iter().any(|known| known.tag() == language) {
            problems.push(Problem::new(format!("spec.displayNames.{language}"), "not one of the tenant's languages (T1)"));
        }
    }
    if !problems.is_empty() {
        return decision.invalid(&problems);
    }
    let parent = match &above {
        None => None,
        Some(above) => match world.organization(above) {
            Some(parent) if parent.tenant == tenant.uid => Some(parent.clone()),
            Some(_) => {
                // Another may come under its name.
                decision.follows.push(record_key(&Key::new(Kind::Organization, above.clone())));
                let message = "the parent belongs to another tenant (O2)";
                return decision.invalid(&[Problem::new("spec.parentRef", message)]);
            }
            None => {
                let message = format!("spec.parentRef: the organization `{}` is not in the directory yet (O4)", above.name);
                return decision.wait(
                    Reason::ParentNotFound,
                    message,
                    [record_key(&Key::new(Kind::Organization, above.clone()))],
                );
            }
        },
    };
    let under_handle = match &decision.record {
        Some(Record::Organization(organization)) => Some(organization.declared.external_key.as_deref()),
        _ => None,
    };
    let external_key = spec.external_key.as_ref().map(|key| key.as_str());
    match identify(world, &visit.key, &tenant.uid, Space::OrganizationKey, under_handle, external_key) {
        Identity::New | Identity::UnderHandle => {}
        Identity::Renamed(uid) => decision.record = world.organizations.get(&uid).cloned().map(Record::Organization),
        Identity::Taken(block) => return decision.taken(world, &block, "spec.externalKey"),
        Identity::Conflict(message) => {
            return decision.wait(Reason::IdentityConflict, message, [record_key(&visit.key)]);
        }
    }
    let current = match &decision.record {
        Some(Record::Organization(organization)) => Some(organization.clone()),
        _ => None,
    };
    if let Some(current) = current.as_ref().filter(|current| current.tenant != tenant.uid) {
        let message = format!("{} belongs to another tenant; an organization stays in its tenant (O2)", current.handle);
        return decision.invalid(&[Problem::new("spec.tenantRef", message)]);
    }
    if let (Some(current), Some(parent)) = (&current, &parent)
        && world.below(&current.uid).iter().flatten().any(|uid| *uid == parent.uid)
    {
        let message =
            format!("spec.parentRef: {} stands below {} in the directory: a cycle (O2)", parent.handle.name, handle.name);
        let key = Key::new(Kind::Organization, parent.handle.clone());
        return decision.wait(Reason::CycleDetected, message, [declared_key(&key), record_key(&key)]);
    }
    let depth = parent.as_ref().map_or(1, |parent| world.depth(parent) + 1);
    let below = current.as_ref().map_or(0, |current| world.below(&current.uid).len() - 1);
    if depth + below > MAX_DEPTH {
        let message =
            format!("spec.parentRef: it would stand at depth {depth}, with {below} levels below; {MAX_DEPTH} are allowed (O2)");
        // It fits once others above or below have moved or gone.
        decision.follows.push(vacated_key(&tenant.uid));
        return decision.refuse(Reason::TooDeep, message);
    }
    if let Some(block) = blocked {
        return decision.taken(world, block, &claiming_field(spec, &block.claim));
    }
    let intent = manifest.intent::<OrganizationSpec>(spec);
    let parent = parent.map(|parent| parent.uid.clone());
    let next = match &current {
        Some(current) => OrganizationRecord { handle: handle.clone(), ..rebuilt(current, &intent, parent) },
        None => {
            let taken = world.places.get(&(tenant.uid.clone(), Kind::Organization)).copied().unwrap_or(0);
            if let Some(limit) = places(tenant.plan(), Kind::Organization)
                && taken >= limit
            {
                let message = format!("the plan has {limit} places for organizations, and all are taken (T3)");
                return decision.wait(Reason::QuotaExceeded, message, [place_key(&tenant.uid, Kind::Organization)]);
            }
            OrganizationRecord {
                uid: visit.fresh.uid.clone(),
                tenant: tenant.uid.clone(),
                handle: handle.clone(),
                declared: OrganizationDeclared::of(spec, &manifest.json, parent),
                created_at: world.now,
                revision: 0,
                intent,
            }
        }
    };
    decision.step(visit.trigger.cause(), world.now, Some(Record::Organization(Arc::new(next))));
    let mut verdict = Verdict::new(Reason::InDirectory, "the directory holds this generation");
    verdict.warnings.extend(without_effect(Kind::Organization, &manifest.annotations));
    decision.verdict = Some(verdict);
    decision
}

/// The field of a spec by which it makes a claim.
fn claiming_field(spec: &OrganizationSpec, claim: &Claim) -> String {
    match claim.space {
        Space::SiblingName => "spec.displayName".into(),
        Space::OrganizationKey => "spec.externalKey".into(),
        Space::Domain | Space::Address | Space::EmployeeNumber | Space::MemberKey => {
            match spec.mail_aliases.iter().position(|alias| alias.as_str() == claim.key) {
                Some(index) => format!("spec.mailAliases[{index}]"),
                None => "spec.mailId".into(),
            }
        }
    }
}

/// The path of a cycle through an organization, by what is declared, or none.
fn cycle(world: &World, from: &Handle, above: Option<&Handle>) -> Option<Vec<Handle>> {
    let mut path = vec![from.clone()];
    let mut next = above.cloned();
    while let Some(handle) = next {
        if handle == *from {
            return Some(path);
        }
        if path.contains(&handle) {
            return None;
        }
        next = world.declared_parents.get(&handle).cloned().flatten();
        path.push(handle);
    }
    None
}

/// The record with its declared columns as an intent has them.
fn rebuilt(organization: &OrganizationRecord, intent: &Arc<Intent<OrganizationSpec>>, parent: Option<Uid>) -> OrganizationRecord {
    OrganizationRecord {
        declared: OrganizationDeclared::of(&intent.spec, &intent.json, parent),
        intent: intent.clone(),
        ..organization.clone()
    }
}
