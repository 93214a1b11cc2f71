//! What a member's resource is told: whether it is as declared, and the warnings beside. Pure. Called by the decision
//! about a member.

use super::transitions::Dates;
use super::{account, concurrent};
use crate::api::{Key, Kind, MemberPhase, MemberSpec, Reason, Verdict};
use crate::lifecycle::{Decision, Manifest, Visit, World, record_key, without_effect};
use crate::record::MemberRecord;

/// What the resource of a member is told when its manifest is taken.
pub fn verdict_of(world: &World, member: &MemberRecord) -> Verdict {
    match member.state.phase {
        MemberPhase::Scheduled if member.intent.spec.is_temporary() => {
            let message = "a temporary ID: no account until spec.id stands in its place (M31)";
            Verdict::new(Reason::InDirectory, message)
        }
        MemberPhase::Scheduled => {
            // Another date may come first, such as that of an assignment.
            let tenant = world.tenants.get(&member.tenant);
            let dates = tenant.map(|tenant| Dates::of(&member.intent.spec, &member.intent.json, &tenant.zone));
            let begins = dates.and_then(|dates| dates.activation).map_or_else(String::new, |at| format!(" at {at}"));
            Verdict::new(Reason::Scheduled, format!("the account begins{begins}"))
        }
        MemberPhase::Deleted => departed_verdict(Some(member)),
        MemberPhase::Pending | MemberPhase::Active | MemberPhase::Suspended => {
            Verdict::new(Reason::InDirectory, "the directory holds this generation")
        }
    }
}

pub fn departed_verdict(member: Option<&MemberRecord>) -> Verdict {
    let message = match member.and_then(|member| member.lived.purge_at) {
        Some(purge_at) => format!("departed; restorable until {purge_at} by moving or removing spec.departure (M24)"),
        None => "departed; a manifest whose departure is past makes no account (M23)".to_owned(),
    };
    Verdict::new(Reason::Departed, message)
}

/// What is told beside `Ready`.
pub fn warnings(
    world: &World,
    visit: &Visit,
    spec: &MemberSpec,
    manifest: &Manifest,
    member: &MemberRecord,
    decision: &mut Decision,
) -> Vec<(Reason, String)> {
    let mut list = Vec::new();
    list.extend(without_effect(Kind::Member, &manifest.annotations));
    if spec.mobile_phone.is_none() && spec.personal_email.is_none() {
        let message = "neither mobilePhone nor personalEmail: a lost password can't be recovered (M7)";
        list.push((Reason::NotRecoverable, message.to_owned()));
    }
    let declared = spec.activation.as_ref().and_then(|activation| activation.at);
    let tenant = world.tenants.get(&member.tenant);
    if let (Some(activated), Some(declared)) = (member.lived.activated_at, declared)
        && member.lived.fired.activation.as_ref() != manifest.json.get("activation")
        && tenant.is_none_or(|tenant| declared.start(&tenant.zone) != activated)
    {
        let message = format!("the account began at {activated}; activation.at {declared} is ignored (M20)");
        list.push((Reason::AlreadyActivated, message));
    }
    if member.lived.spent_leave.is_some() {
        let message = "leaveOfAbsence: cleared by a suspension for good; only another value counts again (M21)";
        list.push((Reason::LeaveSpent, message.to_owned()));
    }
    if let Some(tenant) = tenant {
        list.extend(account::warnings(world, &tenant.intent.spec, member));
        let stays = concurrent::stays(world, tenant, spec, &visit.key.handle);
        list.extend(stays.map(|message| (Reason::ConcurrentMemberGone, message)));
    }
    if let Some(id) = spec.registration.as_ref().map(|id| id.as_str())
        && world.requests.get(id).is_none_or(|request| request.tenant != member.tenant || !request.is_of(&member.uid, world.now))
    {
        let message =
            format!("registration: there is no request `{id}` that could be approved; `rollcall requests` lists them (M35)");
        list.push((Reason::RegistrationNotFound, message));
    }
    let related = spec.related_contacts.iter().map(|related| related.member_ref.name());
    let related: Vec<&str> = related.filter(|name| **name != *visit.key.handle.name).collect();
    decision.follows.extend(related.iter().map(|name| record_key(&Key::new(Kind::Member, visit.key.handle.sibling(name)))));
    let missing: Vec<&str> = related.into_iter().filter(|name| world.member(&visit.key.handle.sibling(name)).is_none()).collect();
    if !missing.is_empty() {
        let message = format!("relatedContacts: `{}` is not in the directory (M7)", missing.join("`, `"));
        list.push((Reason::RelatedContactNotFound, message));
    }
    list
}
