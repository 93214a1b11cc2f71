//! Decisions about requests for an account (M35): what ends one, and what the trail is to be told. Pure.
//! Called when decisions are committed.

use super::{Decision, Declared, Spec, Visit, World};
use crate::record::{Cause, Record, Request, RequestState, RequestStep};

/// What becomes of the requests that a visit concerns: a tenant's, or the one that a member names.
pub fn decide(world: &World, visit: &Visit, decision: &Decision) -> Vec<RequestStep> {
    match &decision.record {
        Some(Record::Tenant(tenant)) if tenant.cancelled_at.is_none() => {
            let of_it = world.requests.values().filter(|request| request.tenant == tenant.uid);
            let mut steps: Vec<RequestStep> = of_it.filter_map(|request| reported(world, request, tenant.managed)).collect();
            steps.sort_by(|one, other| (one.due, &one.before.id).cmp(&(other.due, &other.before.id)));
            steps
        }
        Some(Record::Member(member)) => {
            let named = approved_by(visit).and_then(|id| world.requests.get(id));
            let open = named.filter(|request| request.state == RequestState::Open && request.tenant == member.tenant);
            open.map(|request| approved(world, visit, request)).into_iter().collect()
        }
        Some(Record::Tenant(_) | Record::Organization(_) | Record::ExternalContact(_)) | None => Vec::new(),
    }
}

/// The request that a manifest names.
pub fn approved_by(visit: &Visit) -> Option<&str> {
    match &visit.declared {
        Declared::Present(manifest) => match &manifest.spec {
            Ok(Spec::Member(spec)) => spec.registration.as_ref().map(|id| id.as_str()),
            Ok(Spec::Tenant(_) | Spec::Organization(_) | Spec::ExternalContact(_)) | Err(_) => None,
        },
        Declared::Removed | Declared::Nothing => None,
    }
}

fn approved(world: &World, visit: &Visit, request: &Request) -> RequestStep {
    let after = request.decided(RequestState::Approved, world.now);
    RequestStep { cause: visit.trigger.cause(), due: world.now, before: request.clone(), after }
}

/// What the trail does not know of a request yet, or that its time is over.
fn reported(world: &World, request: &Request, managed: bool) -> Option<RequestStep> {
    let step = |cause, due, after| Some(RequestStep { cause, due, before: request.clone(), after });
    let over = request.state == RequestState::Open && request.expires_at <= world.now;
    if over && managed && world.irreversible {
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
