//! The record of a tenant. Plain data; nothing is decided here.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::{Claim, Intent, Space, Uid, instant, long_tail, push_tail};
use crate::api::tenant::Plan;
use crate::api::{Handle, Length, TenantSpec};

/// A tenant as the directory keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantRecord {
    pub uid: Uid,
    pub handle: Handle,
    pub intent: Arc<Intent<TenantSpec>>,
    pub declared: TenantDeclared,
    /// The zone that `declared.time_zone` names.
    pub zone: TimeZone,
    /// The member who holds the supreme administrator's role (T4).
    pub supreme_admin: Option<Uid>,
    /// Whether a resource declares the tenant (T14).
    pub managed: bool,
    pub created_at: Timestamp,
    pub revision: i64,
}

/// What of a tenant follows from its manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantDeclared {
    pub display_name: String,
    pub domain: String,
    pub time_zone: String,
    pub plan: Option<String>,
    /// The fields without a column of their own.
    pub profile: Value,
}

/// The fields of a spec that have columns of their own, and the reference that `supreme_admin` resolves.
const COLUMNS: &[&str] = &["displayName", "domain", "timeZone"];

impl TenantDeclared {
    /// The declared columns of a spec.
    pub fn of(spec: &TenantSpec, json: &Value) -> Self {
        TenantDeclared {
            display_name: spec.display_name.0.clone(),
            domain: spec.domain.0.clone(),
            time_zone: spec.time_zone.as_ref().map_or("UTC", |zone| zone.as_str()).to_owned(),
            plan: spec.products.core.as_ref().map(|core| core.plan.name().to_owned()),
            profile: long_tail(json, COLUMNS),
        }
    }
}

impl TenantRecord {
    /// The plan of the core product, if that is in use.
    pub fn plan(&self) -> Option<Plan> {
        self.intent.spec.products.core.as_ref().map(|core| core.plan)
    }

    /// How long a deleted member can be restored (T10).
    pub fn deletion_grace(&self) -> Length {
        self.intent.spec.deletion_grace.unwrap_or(Length::days(7))
    }

    /// How long an external contact stays in the trash (T10, X4).
    pub fn contact_retention(&self) -> Length {
        self.intent.spec.contact_retention.unwrap_or(Length::days(30))
    }

    /// Whether its members may be connected with persons of other companies: it allows that (T7), and uses what it
    /// takes (X1).
    pub fn connects(&self) -> bool {
        self.allows_connections() && self.has_contacts()
    }

    /// Whether connections with persons of other companies are allowed (T7).
    pub fn allows_connections(&self) -> bool {
        self.intent.spec.external_connections.as_ref().is_some_and(|connections| connections.allowed)
    }

    /// Whether a product is in use that has external contacts (X1).
    fn has_contacts(&self) -> bool {
        let products = &self.intent.spec.products;
        products.core.is_some() || products.approval.is_some()
    }

    pub(super) fn claims(&self) -> Vec<Claim> {
        vec![Claim::global(Space::Domain, &self.declared.domain)]
    }

    pub(super) fn fields(&self) -> Vec<(String, Value)> {
        // The intent is told through its columns; the zone follows from its name.
        let TenantRecord { uid: _, handle, intent: _, declared, zone: _, supreme_admin, managed, created_at, revision: _ } = self;
        let TenantDeclared { display_name, domain, time_zone, plan, profile } = declared;
        let mut fields: Vec<(String, Value)> = vec![
            ("handle".into(), handle.to_string().into()),
            ("displayName".into(), display_name.clone().into()),
            ("domain".into(), domain.clone().into()),
            ("timeZone".into(), time_zone.clone().into()),
            ("plan".into(), plan.clone().into()),
            ("supremeAdmin".into(), supreme_admin.as_ref().map(Uid::to_string).into()),
            ("managed".into(), (*managed).into()),
            ("createdAt".into(), instant(Some(*created_at))),
        ];
        push_tail(&mut fields, profile);
        fields
    }
}
