//! Statuses with their aggregated figures (T3, O6) and pending removals (R9): what is stored, and beside it
//! what is counted when it is asked for. Only reads. Called by whatever shows statuses.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::api::tenant::OutboxStatus;
use crate::api::time::rfc3339;
use crate::api::{Kind, Reason};
use crate::directory::Error;
use crate::directory::declarations::{self, Declaration, Filter};
use crate::directory::figures::{self, OrganizationFigures, TenantFigures};
use crate::directory::outbox::Sends;
use crate::directory::pending::{self, Pending};
use crate::directory::sql::Tx;

/// The declarations of a kind, each with its whole status.
pub async fn list(tx: &mut Tx, kind: Kind, filter: &Filter) -> Result<Vec<(Declaration, Value)>, Error> {
    let declared = declarations::list(tx, kind, filter).await?;
    let tenants = if kind == Kind::Tenant { figures::tenants(tx).await? } else { HashMap::new() };
    let organizations = if kind == Kind::Organization { figures::organizations(tx).await? } else { HashMap::new() };
    let mut list = Vec::with_capacity(declared.len());
    for declaration in declared {
        let mut status = Value::clone(&declaration.status);
        match (kind, declaration.uid.as_deref()) {
            (Kind::Tenant, Some(uid)) => of_tenant(tx, &mut status, tenants.get(uid), &declaration).await?,
            (Kind::Organization, Some(uid)) => of_organization(&mut status, organizations.get(uid)),
            (Kind::Tenant | Kind::Organization | Kind::Member | Kind::ExternalContact, _) => {}
        }
        list.push((declaration, status));
    }
    Ok(list)
}

async fn of_tenant(
    tx: &mut Tx,
    status: &mut Value,
    figures: Option<&TenantFigures>,
    declaration: &Declaration,
) -> Result<(), Error> {
    let TenantFigures { members, organizations, open, sends } = figures.cloned().unwrap_or_default();
    status["members"] = json!(members);
    status["organizations"] = json!(organizations);
    if let Some(since) = open.since {
        status["outbox"] = json!(OutboxStatus { waiting: open.orders, since: rfc3339(since) });
    }
    if let (Some(since), Some(sends), Some(conditions)) = (open.mails_since, sends, status["conditions"].as_array_mut()) {
        let why = match sends {
            Sends::No => "no server to send them through is configured (--smtp)",
            Sends::Yes => "they could not be sent yet; `rollcall outbox` tells why",
        };
        let mails = if open.mails == 1 { "1 mail waits".to_owned() } else { format!("{} mails wait", open.mails) };
        conditions.push(json!({
            "type": Reason::MailWaits.name(), "status": "True", "reason": Reason::MailWaits.name(),
            "message": format!("{mails}, the oldest since {}: {why} (M34)", rfc3339(since)),
            "observedGeneration": declaration.generation, "lastTransitionTime": rfc3339(since),
        }));
    }
    let (pending, count) = pending::of(tx, &declaration.key.handle, 20).await?;
    if count > 0 {
        let pending = pending.iter().map(|Pending { key, reason, since }| {
            json!({"kind": key.kind.name(), "name": key.handle.name, "reason": reason, "since": rfc3339(*since)})
        });
        status["pendingRemovals"] = pending.collect();
        status["pendingRemovalCount"] = json!(count);
    }
    Ok(())
}

fn of_organization(status: &mut Value, figures: Option<&OrganizationFigures>) {
    let Some(figures) = figures else { return };
    let OrganizationFigures { depth, path, members, members_with_all_below, leaders } = figures;
    status["depth"] = json!(depth);
    status["path"] = json!(path);
    status["members"] = json!(members);
    status["membersWithAllBelow"] = json!(members_with_all_below);
    if !leaders.is_empty() {
        status["leaders"] = json!(leaders);
    }
}
