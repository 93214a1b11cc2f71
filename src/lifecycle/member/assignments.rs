//! The organizations of a member in time (M4): those of a spec whose places count now. Pure. Called by the decision about a
//! member.

use std::sync::Arc;

use crate::api::{Handle, Key, Kind, MemberSpec, Problem};
use crate::lifecycle::World;
use crate::record::{AssignmentRecord, MemberRecord, OrganizationRecord, TenantRecord};

/// The assignments of a record, by its stored intent. An organization that is no longer known is no drift: the record keeps
/// what it has of it. What is over is over, whatever became of what begins.
pub(super) fn current(
    world: &World,
    member: &MemberRecord,
    tenant: &TenantRecord,
    counts: impl Fn(usize) -> bool,
) -> Vec<AssignmentRecord> {
    let (spec, handle) = (&member.intent.spec, &member.handle);
    let old = &member.declared.assignments;
    match assignments(world, spec, tenant, handle, &counts) {
        Ok(assignments) => assignments,
        Err(Unassigned::Elsewhere(_)) => old.clone(),
        Err(Unassigned::Missing(_)) => {
            let there = |place| organization_of(world, spec, handle, place);
            let over: Vec<_> = (0..spec.organizations.len()).filter(|place| !counts(*place)).filter_map(there).collect();
            let mut list =
                assignments(world, spec, tenant, handle, |place| counts(place) && there(place).is_some()).unwrap_or_default();
            let is = |uid: &crate::record::Uid, assignment: &AssignmentRecord| assignment.organization == *uid;
            let kept = old.iter().filter(|old| !over.iter().any(|over| is(&over.uid, old)));
            let mut kept: Vec<_> = kept.filter(|old| !list.iter().any(|known| is(&old.organization, known))).cloned().collect();
            // The primary one may be among those that are no longer known: it stays the one.
            if primary(spec, &counts).and_then(there).is_none() && kept.iter().any(|kept| kept.primary) {
                list.iter_mut().for_each(|known| known.primary = false);
            } else if !list.is_empty() {
                kept.iter_mut().for_each(|kept| kept.primary = false);
            }
            list.extend(kept);
            list.sort_by_key(|assignment| !assignment.primary);
            list.iter_mut().take(1).for_each(|first| first.primary = true);
            list
        }
    }
}

/// Why a member's organizations can't be told.
pub(super) enum Unassigned {
    Missing(Vec<Key>),
    Elsewhere(Problem),
}

/// The organization at a place of a spec, if it is there.
fn organization_of<'w>(
    world: &'w World,
    spec: &MemberSpec,
    handle: &Handle,
    place: usize,
) -> Option<&'w Arc<OrganizationRecord>> {
    let assignment = spec.organizations.get(place)?;
    world.organization(&handle.sibling(assignment.organization_ref.name()))
}

/// The place of the primary organization among those that count (M4).
fn primary(spec: &MemberSpec, counts: impl Fn(usize) -> bool) -> Option<usize> {
    let counted = || spec.organizations.iter().enumerate().filter(|(place, _)| counts(*place));
    let primary = counted().find(|(_, assignment)| assignment.primary == Some(true)).or_else(|| counted().next());
    primary.map(|(place, _)| place)
}

/// Those organizations of a spec whose places in it count, the primary one first (M4).
pub(super) fn assignments(
    world: &World,
    spec: &MemberSpec,
    tenant: &TenantRecord,
    handle: &Handle,
    counts: impl Fn(usize) -> bool,
) -> Result<Vec<AssignmentRecord>, Unassigned> {
    let mut list = Vec::with_capacity(spec.organizations.len());
    let mut missing = Vec::new();
    let primary = primary(spec, &counts);
    for (index, assignment) in spec.organizations.iter().enumerate().filter(|(place, _)| counts(*place)) {
        let Some(organization) = organization_of(world, spec, handle, index) else {
            missing.push(Key::new(Kind::Organization, handle.sibling(assignment.organization_ref.name())));
            continue;
        };
        if organization.tenant != tenant.uid {
            let path = format!("spec.organizations[{index}].organizationRef");
            let (name, tenant) = (&organization.handle.name, world.shown_tenant(&organization.tenant));
            return Err(Unassigned::Elsewhere(Problem::new(path, format!("`{name}` is an organization of {tenant} (M4)"))));
        }
        list.push(AssignmentRecord {
            organization: organization.uid.clone(),
            primary: Some(index) == primary,
            position: assignment.position.as_ref().map(|position| position.0.clone()),
            leader: assignment.leader.unwrap_or(false),
            private: assignment.private.unwrap_or(false),
            include_in_team_sharing: assignment.include_in_team_sharing.unwrap_or(true),
        });
    }
    if !missing.is_empty() {
        return Err(Unassigned::Missing(missing));
    }
    list.sort_by_key(|assignment| !assignment.primary);
    Ok(list)
}
