//! Requests for accounts, until the service takes them (M35). Called by `rollcall record`.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::Said;
use crate::api::{Handle, Kind, schema};
use crate::cli::Failure;
use crate::directory::cells::handle_keys;
use crate::directory::random::identifier;
use crate::directory::records::By;
use crate::directory::sql::Tx;
use crate::directory::{Directory, records, registrations};
use crate::record::registration::OPEN_FOR;
use crate::record::{Record as Kept, Request, RequestState, TenantRecord};

/// What a person writes by a registration link (M35).
pub struct Asked {
    pub family: String,
    pub given: String,
    pub id: String,
    pub email: String,
}

/// Writes a request for an account, if the link is open and an account could be made of it.
pub async fn request(directory: &Directory, handle: &Handle, link: &str, asked: Asked, now: Timestamp) -> Result<Said, Failure> {
    let mut tx = directory.write().await?;
    let tenant = tenant(&mut tx, handle).await?;
    let open = tenant.as_ref().and_then(|tenant| tenant.intent.spec.registration_link.as_ref()).filter(|link| link.enabled);
    let token = open.and_then(|link| link.token.as_ref()).map(|token| token.as_str());
    // A link that was never there and one that is closed are told alike: whoever has none learns nothing.
    let (Some(tenant), true) = (&tenant, token == Some(link)) else {
        let message = "the link leads nowhere: it was renewed or closed; ask the company for the present one (M35)";
        return Ok(Err(message.to_owned()));
    };
    let Asked { family, given, id, email } = asked;
    let spec = json!({
        "tenantRef": {"name": handle.name}, "id": id, "name": {"family": family, "given": given}, "personalEmail": email,
    });
    let problems = schema::check(Kind::Member, &spec);
    if !problems.is_empty() {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        return Ok(Err(problems.join("; ")));
    }
    let request = Request {
        id: identifier(),
        tenant: tenant.uid.clone(),
        family_name: family,
        given_name: given,
        wished_id: id,
        email,
        requested_at: now,
        expires_at: OPEN_FOR.after(now),
        state: RequestState::Open,
        decided_at: None,
        revision: 1,
        told: 0,
        member: None,
    };
    registrations::add(&mut tx, &request).await?;
    tx.commit().await?;
    Ok(Ok(request.id))
}

/// The tenant under a handle.
pub async fn tenant(tx: &mut Tx, handle: &Handle) -> Result<Option<Arc<TenantRecord>>, Failure> {
    let found = records::load(tx, Kind::Tenant, By::Handle, handle_keys([handle])).await?;
    Ok(found.into_iter().find_map(|record| match record {
        Kept::Tenant(tenant) => Some(tenant),
        Kept::Organization(_) | Kept::Member(_) | Kept::ExternalContact(_) => None,
    }))
}
