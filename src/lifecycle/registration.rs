//! Decisions about requests for an account (M35): what ends one, and what the trail is to be told. Pure.
//! Called when decisions are committed.

use super::{Decision, Visit, World, frozen};
use crate::record::{Cause, Record, Request, RequestState, RequestStep};

/// What becomes of the requests that a visit concerns: a tenant's, or the one that a member names. `decided` is what was
/// decided of requests before in the same set.
pub fn decide(world: &World, visit: &Visit, decision: &Decision, decided: &[RequestStep]) -> Vec<RequestStep> {
    match &decision.record {
        Some(Record::Tenant(tenant)) if tenant.cancelled_at.is_none() => {
            let of_it = world.requests.values().filter(|request| request.tenant == tenant.uid);
            // What is frozen ends nothing (R14).
            let may_end = tenant.managed && world.irreversible && !frozen::holds(world, visit);
            let mut steps: Vec<RequestStep> = of_it.filter_map(|request| reported(world, request, may_end)).collect();
            steps.sort_by(|one, other| (one.due, &one.before.id).cmp(&(other.due, &other.before.id)));
            steps
        }
        // By making the member, and by nothing less: a manifest that waits, or is refused, approves nothing.
        Some(Record::Member(member)) if decision.steps.first().is_some_and(|step| step.before.is_none()) => {
            let named = visit.member_spec().and_then(|spec| world.requests.get(spec.registration.as_ref()?.as_str()));
            let open = named.filter(|request| request.is_open(world.now) && request.tenant == member.tenant);
            // Whoever comes first of those that name it.
            let first = open.filter(|request| !decided.iter().any(|step| step.before.id == request.id && step.approves()));
            let approved = |request: &Request| RequestStep {
                cause: visit.trigger.cause(),
                due: world.now,
                before: request.clone(),
                after: request.approved(&member.uid, world.now),
            };
            first.map(approved).into_iter().collect()
        }
        Some(Record::Tenant(_) | Record::Organization(_) | Record::Member(_) | Record::ExternalContact(_)) | None => Vec::new(),
    }
}

/// What the trail does not know of a request yet, or that its time is over.
fn reported(world: &World, request: &Request, may_end: bool) -> Option<RequestStep> {
    let step = |cause, due, after| Some(RequestStep { cause, due, before: request.clone(), after });
    let over = request.state == RequestState::Open && request.expires_at <= world.now;
    if over && may_end {
        step(Cause::Scheduled, request.expires_at, request.decided(RequestState::Ended, request.expires_at))
    } else if request.is_news() {
        let (cause, due) = match request.state {
            RequestState::Rejected => (Cause::Administrative, request.decided_at.unwrap_or(world.now)),
            RequestState::Open => (Cause::Service, request.requested_at),
            RequestState::Approved | RequestState::Ended => return None,
        };
        step(cause, due, request.clone())
    } else {
        None
    }
}
