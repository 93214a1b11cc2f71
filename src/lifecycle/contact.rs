//! Decisions about external contacts (X1–X5): who is sought and may be found, what follows that person, what the
//! trash keeps, and what ends a connection. Pure. Called by the set, after the members.

use std::sync::Arc;

use super::identity::kept;
use super::{
    Decision, Declared, Manifest, Removal, Spec, Trigger, Visit, World, cancellation, home_key, record_key, without_effect,
};
use crate::api::{ContactPhase, ExternalContactSpec, Key, Kind, LocalRef, Problem, Reason, Verdict};
use crate::record::mail::RefusedMail;
use crate::record::{
    Cause, ContactDeclared, ContactLived, ContactRecord, ContactState, MemberRecord, Record, Severed, Sought, Synced,
    TenantRecord, Uid,
};

/// The key under which contacts wait for tenants to allow connections, or to forbid them (T7).
pub const CONNECTIONS: &str = "connections";

/// What is wrong with a spec beyond its schema.
pub fn check(spec: &ExternalContactSpec) -> Vec<Problem> {
    let refs = spec.visibility.as_ref().map_or(&[][..], |visibility| &visibility.member_refs);
    let twice = |index: usize| refs[..index].iter().any(|earlier| earlier.name() == refs[index].name());
    let problem = |index: usize| {
        let message = format!("`{}` is listed twice (X3)", refs[index].name());
        Problem::new(format!("spec.visibility.memberRefs[{index}]"), message)
    };
    (0..refs.len()).filter(|index| twice(*index)).map(problem).collect()
}

/// Decides about one contact.
pub fn decide(world: &World, visit: &Visit) -> Decision {
    let current = match world.record(&visit.key) {
        Some(Record::ExternalContact(contact)) => Some(contact),
        // Somebody's SQL may have given the record another handle; its declaration still knows it.
        Some(Record::Tenant(_) | Record::Organization(_) | Record::Member(_)) | None => {
            world.contacts.get(&visit.fresh.uid).cloned()
        }
    };
    let mut decision = Decision::unchanged(visit, current.map(Record::ExternalContact));
    if let Some(decided) = cancellation::of_cancelled(world, visit, &decision) {
        return decided;
    }
    catch_up(world, visit, &mut decision);
    match &visit.declared {
        Declared::Nothing => decision,
        Declared::Removed => removed(world, visit, decision),
        Declared::Present(manifest) => declared(world, visit, manifest, decision),
    }
}

/// Whether an owner is gone from a tenant, and its contacts with it: deleted, or in another company now (X5, M40).
fn is_gone(owner: &MemberRecord, tenant: &Uid) -> bool {
    owner.is_deleted() || owner.tenant != *tenant
}

/// The contact that a decision speaks of so far.
fn contact_of(decision: &Decision) -> Option<ContactRecord> {
    match &decision.record {
        Some(Record::ExternalContact(contact)) => Some(ContactRecord::clone(contact)),
        Some(Record::Tenant(_) | Record::Organization(_) | Record::Member(_)) | None => None,
    }
}

/// Moves the record on.
fn step(decision: &mut Decision, cause: Cause, world: &World, next: ContactRecord) {
    decision.step(cause, world.now, Some(Record::ExternalContact(Arc::new(settled(next)))));
}

/// What was known of a purged person goes, also out of a contact of which nothing else may change (M25, X5).
pub fn forget(world: &World, decision: &mut Decision) {
    let Some(contact) = contact_of(decision) else { return };
    if let Some(lived) = forgotten(world, &contact.lived) {
        step(decision, Cause::Dependency, world, ContactRecord { lived, ..contact });
    }
}

/// Brings a record up to the present by its stored intent: what drifted is set back, it goes and returns with its
/// owner, an accepted invitation connects, what follows the person follows, and the trash is emptied.
fn catch_up(world: &World, visit: &Visit, decision: &mut Decision) {
    let Some(contact) = contact_of(decision) else { return };
    let Some(here) = world.tenants.get(&contact.tenant).cloned() else { return };
    if world.at_rest.contains(&contact.declared.owner) {
        decision.step(Cause::Dependency, world.now, None);
        return;
    }
    let touched = world.touched.contains(&contact.uid);
    let mut next = rebuilt(world, &contact);
    if touched && contact.uid == visit.fresh.uid {
        next.handle = visit.key.handle.clone();
    }
    let owner = world.members.get(&next.declared.owner);
    next.lived.with_owner = owner.map_or(next.lived.with_owner, |owner| is_gone(owner, &next.tenant));
    let accepted = accepted(world, &next, &here);
    let cause = match &accepted {
        _ if touched => Cause::Drift,
        Some(_) => Cause::Service,
        None if visit.trigger == Trigger::Scan => Cause::Drift,
        None => Cause::Dependency,
    };
    next.lived.target = next.lived.target.take().or(accepted).or_else(|| found_again(world, &next, &here));
    next.lived = followed(world, &next, &here);
    step(decision, cause, world, next);
    purge_if_due(world, &here, decision);
}

/// The resource is gone (X4): into the trash, unless the person still shares a room with a colleague of the owner.
fn removed(world: &World, visit: &Visit, mut decision: Decision) -> Decision {
    decision.removal = Removal::Done;
    let Some(mut contact) = contact_of(&decision).filter(|contact| contact.lived.trashed_at.is_none()) else { return decision };
    let Some(here) = world.tenants.get(&contact.tenant).cloned() else { return decision };
    if kept(world, &mut decision) {
        return decision;
    }
    if world.in_shared_room.contains(&contact.uid) {
        let message = "the person shares a message room with another member of the tenant (X4)";
        decision.removal = Removal::Pending(Reason::InSharedRoom, message.to_owned());
        return decision;
    }
    contact.lived.trashed_at = Some(world.now);
    contact.lived.purge_at = Some(here.contact_retention().after(world.now));
    step(&mut decision, visit.trigger.cause(), world, contact);
    purge_if_due(world, &here, &mut decision);
    decision
}

/// Empties the trash (X4). While the clocks differ (R4), or nobody declares the tenant (T14), it waits.
fn purge_if_due(world: &World, here: &TenantRecord, decision: &mut Decision) {
    let due = contact_of(decision).and_then(|contact| contact.lived.purge_at);
    if let Some(due) = due.filter(|due| *due <= world.now && world.irreversible && here.managed) {
        decision.step(Cause::Scheduled, due, None);
    }
}

fn declared(world: &World, visit: &Visit, manifest: &Manifest, mut decision: Decision) -> Decision {
    let spec = match &manifest.spec {
        Err(problems) => return decision.invalid(problems),
        Ok(Spec::ExternalContact(spec)) => spec,
        Ok(Spec::Tenant(_) | Spec::Organization(_) | Spec::Member(_)) => return decision,
    };
    let handle = &visit.key.handle;
    let here_key = Key::new(Kind::Tenant, handle.sibling(spec.tenant_ref.name()));
    let Some(here) = world.tenant(&here_key.handle).cloned() else {
        return decision.without_tenant(&here_key);
    };
    let current = contact_of(&decision);
    let mut problems = check(spec);
    if current.as_ref().is_some_and(|current| current.tenant != here.uid) {
        problems.push(Problem::new("spec.tenantRef", "an external contact stays in its tenant (X1)"));
    }
    let owner_key = Key::new(Kind::Member, handle.sibling(spec.owner_ref.name()));
    let owner = world.member(&owner_key.handle).cloned();
    if owner.as_ref().is_some_and(|owner| owner.tenant != here.uid) {
        problems.push(Problem::new("spec.ownerRef", "the owner belongs to another tenant (X1)"));
    }
    // Whoever is named may come to the tenant, or leave it.
    let shown_to = || spec.visibility.iter().flat_map(|visibility| &visibility.member_refs).map(LocalRef::name);
    let named = shown_to().chain([spec.owner_ref.name()]);
    decision.follows.extend(named.map(|name| home_key(&handle.sibling(name))));
    if !problems.is_empty() {
        return decision.invalid(&problems);
    }
    let owner_gone = |told| {
        let message = format!("spec.ownerRef: the member `{}` is {told}", spec.owner_ref.name());
        (Reason::OwnerNotFound, message)
    };
    let Some(owner) = owner else {
        let (reason, message) = owner_gone("not in the directory yet (X1)");
        return decision.wait(reason, message, [record_key(&owner_key)]);
    };
    if owner.is_deleted() && current.is_none() {
        let (reason, message) = owner_gone("deleted (X5)");
        return decision.wait(reason, message, [record_key(&owner_key)]);
    }
    // The schema asks for one of them.
    let Some(sought) = Sought::of(spec) else { return decision };
    let known = current.as_ref().filter(|current| current.lived.sought == sought.key() && !is_lost(current));
    let target = match known {
        Some(known) => known.lived.target.clone(),
        None => match found(world, &here, &sought) {
            Ok(target) => target,
            Err(unfound) => {
                let stays = current.as_ref().is_some_and(|current| current.state.phase == ContactPhase::Connected);
                let meanwhile = if stays { "; until then, the contact stays connected with the person found before" } else { "" };
                let message = format!("spec.{}{meanwhile}", unfound.message);
                let mut keys = vec![sought.key(), CONNECTIONS.to_owned()];
                keys.extend((unfound.reason == Reason::NotAllowedHere).then(|| record_key(&here_key)));
                return decision.wait(unfound.reason, message, keys);
            }
        },
    };
    let intent = manifest.intent::<ExternalContactSpec>(spec);
    let declared = ContactDeclared::of(spec, &manifest.json, owner.uid.clone());
    let cause = visit.trigger.cause();
    let is_another = known.is_none();
    let mut next = match current {
        Some(current) => ContactRecord { handle: handle.clone(), declared, intent, ..current },
        None => ContactRecord {
            uid: visit.fresh.uid.clone(),
            tenant: here.uid.clone(),
            handle: handle.clone(),
            lived: ContactLived { with_owner: owner.is_deleted(), ..ContactLived::default() },
            state: ContactState { phase: ContactPhase::Invited, name: None },
            created_at: world.now,
            revision: 0,
            declared,
            intent,
        },
    };
    // X4: one in the trash comes back.
    (next.lived.trashed_at, next.lived.purge_at) = (None, None);
    next.lived.with_owner = owner.is_deleted();
    if is_another {
        let synced = if next.lived.target == target { next.lived.synced } else { Synced::default() };
        next.lived = ContactLived { sought: sought.key(), target, severed: None, synced, ..next.lived };
    }
    // An acceptance answers the invitation that was there then, and no later one.
    if !is_another && let Some(person) = accepted(world, &next, &here) {
        next.lived.target = Some(person);
    }
    next.lived = followed(world, &next, &here);
    let next = settled(next);
    let mut verdict = verdict_of(&next, spec, &here);
    verdict.warnings = without_effect(Kind::ExternalContact, &manifest.annotations);
    let is_there = |name: &str| world.member(&handle.sibling(name)).is_some_and(|member| member.tenant == here.uid);
    let missing: Vec<&str> = shown_to().filter(|name| !is_there(name)).collect();
    if !missing.is_empty() {
        let message =
            format!("visibility.memberRefs: `{}` is not in the tenant `{}` (X3)", missing.join("`, `"), here.handle.name);
        verdict.warnings.push((Reason::VisibilityMemberNotFound, message));
    }
    if let Some(RefusedMail { id, mail: _, error }) = world.mail_news.get(&next.uid).and_then(|news| news.refused.as_ref())
        && next.state.phase == ContactPhase::Invited
        && !is_another
    {
        let message =
            format!("the invitation was refused: {error}; correct spec.invite.email, or `rollcall outbox retry {id}` (M34)");
        verdict.warnings.push((Reason::MailRefused, message));
    }
    if next.state.phase == ContactPhase::Invited && !is_another && world.accepted.contains_key(&next.uid) {
        // It is accepted by somebody whose company does not allow it yet.
        decision.follows.push(CONNECTIONS.to_owned());
    }
    if !verdict.is_ready() {
        decision.waits_for.push(record_key(&here_key));
    }
    step(&mut decision, cause, world, next);
    decision.verdict = Some(verdict);
    decision
}

/// Why nobody is found.
struct Unfound {
    reason: Reason,
    message: String,
}

/// Who is sought, and may be connected with (X1); nobody yet, where an invitation is to be sent (X3).
///
/// Whatever is told is the same whether the person exists or not: by a phone number or a QR token, all that may not be
/// found is not found; by a message ID, what its domain's company allows is told of the domain alone.
fn found(world: &World, here: &TenantRecord, sought: &Sought) -> Result<Option<Uid>, Unfound> {
    if !here.connects() {
        return Err(Unfound { reason: Reason::NotAllowedHere, message: format!("tenantRef: {}", not_allowed_here(here)) });
    }
    let (path, remedy) = match sought {
        Sought::Invitation(_) => return Ok(None),
        Sought::MessageId(_) => ("lookup.messageId", "correct it"),
        Sought::PhoneNumber(_) => ("lookup.phoneNumber", "correct it, or ask for the person's messageId or qrToken"),
        Sought::QrToken(_) => ("lookup.qrToken", "ask the person for the present one"),
    };
    if let Sought::MessageId(id) = sought
        && let Some((_, domain)) = id.rsplit_once('@')
        && let Some(there) = world.tenants.values().find(|tenant| tenant.declared.domain == domain)
    {
        if there.uid == here.uid {
            let message = format!("{path}: `{domain}` is the tenant's own domain; a contact is a person of another company (X1)");
            return Err(Unfound { reason: Reason::TargetNotFound, message });
        }
        if !there.connects() {
            return Err(Unfound {
                reason: Reason::NotAllowedThere,
                message: format!("{path}: {}", not_allowed_there(&format!("the company `{domain}`"))),
            });
        }
    }
    let may_be_found = |member: &&Arc<MemberRecord>| {
        member.tenant != here.uid
            && sought.leads_to(member)
            && world.tenants.get(&member.tenant).is_some_and(|there| there.connects())
    };
    let mut candidates = world.members.values().filter(may_be_found);
    match (candidates.next(), candidates.next()) {
        (Some(person), None) => Ok(Some(person.uid.clone())),
        (None, _) => {
            let message = format!("{path}: nobody is found who can be connected with; {remedy} (X1)");
            Err(Unfound { reason: Reason::TargetNotFound, message })
        }
        (Some(_), Some(_)) => {
            let message = format!("{path}: several people are found by it; ask for the person's messageId or qrToken (X1)");
            Err(Unfound { reason: Reason::TargetAmbiguous, message })
        }
    }
}

fn not_allowed_here(here: &TenantRecord) -> String {
    let name = &here.handle.name;
    if here.allows_connections() {
        format!("the tenant `{name}` uses neither core nor approval (X1)")
    } else {
        format!("the tenant `{name}` does not allow external connections; set externalConnections.allowed there (T7)")
    }
}

fn not_allowed_there(company: &str) -> String {
    format!("{company} does not allow external connections, or uses neither core nor approval (T7, X1)")
}

/// Who accepted the open invitation (X3): a member who has the address, of a tenant that allows it.
fn accepted(world: &World, contact: &ContactRecord, here: &TenantRecord) -> Option<Uid> {
    if contact.lived.target.is_some() || contact.is_trashed() || !here.connects() {
        return None;
    }
    let person = world.members.get(world.accepted.get(&contact.uid)?)?;
    let there = world.tenants.get(&person.tenant)?;
    let invited = Sought::of(&contact.intent.spec).filter(|sought| matches!(sought, Sought::Invitation(_)))?;
    let fits = person.tenant != here.uid && there.connects() && !person.is_deleted() && invited.leads_to(person);
    fits.then(|| person.uid.clone())
}

/// Whether the person whom a look-up had found is not known any more: somebody's SQL took it away.
fn is_lost(contact: &ContactRecord) -> bool {
    contact.lived.target.is_none() && contact.intent.spec.invite.is_none()
}

/// Whom the look-up of a contact that lost its person leads to (R5).
fn found_again(world: &World, contact: &ContactRecord, here: &TenantRecord) -> Option<Uid> {
    let sought = Sought::of(&contact.intent.spec).filter(|_| is_lost(contact) && !contact.is_trashed())?;
    found(world, here, &sought).ok().flatten()
}

/// What is left of what happened to a contact whose person is purged (X5).
fn forgotten(world: &World, lived: &ContactLived) -> Option<ContactLived> {
    let is_gone = lived.target.as_ref().is_some_and(|target| world.at_rest.contains(target));
    is_gone.then(|| ContactLived { severed: Some(Severed::Gone), synced: Synced::default(), ..lived.clone() })
}

/// What is known of the person by now (X2), or why it is no longer followed (X5).
fn followed(world: &World, contact: &ContactRecord, here: &TenantRecord) -> ContactLived {
    if let Some(forgotten) = forgotten(world, &contact.lived) {
        return forgotten;
    }
    let mut lived = contact.lived.clone();
    let Some(target) = &lived.target else { return lived };
    // What lies in the trash follows nobody; it catches up when it comes back.
    if contact.is_trashed() {
        return lived;
    }
    let Some(person) = world.members.get(target) else { return lived };
    let Some(there) = world.tenants.get(&person.tenant) else { return lived };
    lived.severed = if there.uid == here.uid {
        Some(Severed::InOwnTenant)
    } else if !here.connects() {
        Some(Severed::NotAllowedHere)
    } else if !there.connects() {
        Some(Severed::NotAllowedThere)
    } else {
        lived.synced = Synced {
            nickname: Some(person.display_name()),
            company: Some(there.declared.display_name.clone()),
            photo: person.intent.spec.photo.is_some(),
        };
        None
    };
    lived
}

/// The record with its declared columns as its stored intent has them.
fn rebuilt(world: &World, contact: &ContactRecord) -> ContactRecord {
    let spec = &contact.intent.spec;
    // An owner that is no longer known is no drift: the record keeps the one it has.
    let owner = world.member(&contact.handle.sibling(spec.owner_ref.name())).filter(|owner| owner.tenant == contact.tenant);
    let owner = owner.map_or_else(|| contact.declared.owner.clone(), |owner| owner.uid.clone());
    // Only what is in the trash goes from there.
    let purge_at = contact.lived.purge_at.filter(|_| contact.lived.trashed_at.is_some());
    let lived = ContactLived { purge_at, ..contact.lived.clone() };
    ContactRecord { declared: ContactDeclared::of(spec, &contact.intent.json, owner), lived, ..contact.clone() }
}

/// The record with the state that follows.
fn settled(contact: ContactRecord) -> ContactRecord {
    let lived = &contact.lived;
    let phase = if contact.is_trashed() {
        ContactPhase::Trashed
    } else if lived.severed.is_some() || is_lost(&contact) {
        ContactPhase::Disconnected
    } else if lived.target.is_some() {
        ContactPhase::Connected
    } else {
        ContactPhase::Invited
    };
    let name = name(&contact);
    ContactRecord { state: ContactState { phase, name }, ..contact }
}

/// The name shown (X2): the tenant's own, else the person's, else the address that is invited.
fn name(contact: &ContactRecord) -> Option<String> {
    let spec = &contact.intent.spec;
    let own = spec.name.as_ref().map(|name| name.0.clone());
    let invited = spec.invite.as_ref().filter(|_| contact.lived.target.is_none()).map(|invite| invite.email.0.clone());
    own.or_else(|| contact.lived.synced.nickname.clone()).or(invited)
}

/// What the resource of a contact is told whose manifest was taken.
pub fn told(world: &World, contact: &ContactRecord) -> Verdict {
    match world.tenants.get(&contact.tenant) {
        Some(here) => verdict_of(contact, &contact.intent.spec, here),
        None => Verdict::new(Reason::InDirectory, "the directory holds this generation"),
    }
}

/// What the resource of a contact is told when its manifest is taken.
fn verdict_of(contact: &ContactRecord, spec: &ExternalContactSpec, here: &TenantRecord) -> Verdict {
    let severed = contact.lived.severed.filter(|_| contact.state.phase == ContactPhase::Disconnected);
    match (contact.state.phase, severed) {
        (ContactPhase::Trashed, _) => {
            let owner = spec.owner_ref.name();
            let message = format!("spec.ownerRef: the member `{owner}` is deleted; the contact goes and returns with it (X5)");
            Verdict::new(Reason::OwnerNotFound, message)
        }
        (ContactPhase::Invited, _) if !here.connects() => {
            Verdict::new(Reason::NotAllowedHere, format!("spec.tenantRef: {}", not_allowed_here(here)))
        }
        (ContactPhase::Invited, _) => {
            let mail = if here.notifies() {
                "the person is invited by mail"
            } else {
                "no mail invites the person, since the tenant has notifications: Disabled (T15)"
            };
            Verdict::new(Reason::Invited, format!("{mail}; it connects once a member with that address accepts (X3)"))
        }
        (_, Some(Severed::NotAllowedHere)) => {
            let message = format!("spec.tenantRef: {}; the contact is kept as it was (X5)", not_allowed_here(here));
            Verdict::new(Reason::NotAllowedHere, message)
        }
        (_, Some(Severed::NotAllowedThere)) => {
            let message = format!("{}; the contact is kept as it was (X5)", not_allowed_there("the person's company"));
            Verdict::new(Reason::NotAllowedThere, message)
        }
        (_, Some(Severed::InOwnTenant)) => {
            let message = "the person belongs to the contact's own tenant now; the contact is kept as it was (X5)";
            Verdict::new(Reason::TargetInOwnTenant, message)
        }
        (_, Some(Severed::Gone)) => {
            Verdict::new(Reason::TargetGone, "the person's account is gone for good; what you entered is kept (X5)")
        }
        (ContactPhase::Connected | ContactPhase::Disconnected, None) => {
            Verdict::new(Reason::InDirectory, "the directory holds this generation")
        }
    }
}
