//! The record of a tenant. Plain data; nothing is decided here.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Claim, Intent, Record, Space, Uid, instant, long_tail, push_tail};
use crate::api::tenant::{Notifications, Plan};
use crate::api::{Handle, Key, Kind, Length, TenantPhase, TenantSpec};

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
    /// Stricter policies of before, which hold for a while yet (T11).
    pub former: Vec<Former>,
    /// What tells the password hash and the Secret key by which a cancellation was confirmed (T12).
    pub confirmed: Option<String>,
    /// When it was cancelled: nothing else of it is left (T12).
    pub cancelled_at: Option<Timestamp>,
    /// When time alone will change it.
    pub wake_at: Option<Timestamp>,
    /// What the row tells that follows from the rest.
    pub state: TenantState,
    pub created_at: Timestamp,
    pub revision: i64,
}

/// Where a tenant is in its life, for whoever asks the tables.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantState {
    pub phase: TenantPhase,
    pub purges_from: Option<Timestamp>,
}

/// A policy that was loosened: it holds until an instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Former {
    pub budget: Budget,
    pub deletion_grace: Length,
    pub until: Timestamp,
}

/// How many members may lose access by declarations within a window (T11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    pub max_percent: u8,
    pub max_count: u32,
    pub window: Length,
}

impl Budget {
    /// How many of so many live members.
    pub fn of(self, live: i64) -> i64 {
        (live * i64::from(self.max_percent) / 100).max(i64::from(self.max_count))
    }

    /// The budget as people read it.
    pub fn shown(self) -> String {
        let Budget { max_percent, max_count, window } = self;
        format!("the larger of {max_percent} % and {max_count} within {window}")
    }

    /// Whether more may be lost than under another.
    fn is_looser(self, other: Budget) -> bool {
        let Budget { max_percent, max_count, window } = self;
        max_percent > other.max_percent || max_count > other.max_count || window < other.window
    }
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

fn budget(spec: &TenantSpec) -> Budget {
    let declared = spec.access_budget.as_ref();
    Budget {
        max_percent: declared.and_then(|budget| budget.max_percent).unwrap_or(10),
        max_count: declared.and_then(|budget| budget.max_count).unwrap_or(5),
        window: declared.and_then(|budget| budget.window).unwrap_or(Length::HOUR),
    }
}

fn deletion_grace(spec: &TenantSpec) -> Length {
    spec.deletion_grace.unwrap_or(Length::days(7))
}

impl TenantRecord {
    /// The kind and handle of its resource.
    pub fn key(&self) -> Key {
        Key::new(Kind::Tenant, self.handle.clone())
    }

    /// The plan of the core product, if that is in use.
    pub fn plan(&self) -> Option<Plan> {
        self.intent.spec.products.core.as_ref().map(|core| core.plan)
    }

    /// How long a member that is deleted now can be restored (T10). What was shortened counts a while later (T11).
    pub fn deletion_grace(&self, now: Timestamp) -> Length {
        self.former_at(now).map(|former| former.deletion_grace).fold(deletion_grace(&self.intent.spec), Length::max)
    }

    /// The budgets of lost access in force: a loss must fit into each (T11).
    pub fn budgets(&self, now: Timestamp) -> Vec<Budget> {
        std::iter::once(budget(&self.intent.spec)).chain(self.former_at(now).map(|former| former.budget)).collect()
    }

    /// The budgets of before that are in force although a larger one is declared: each with the instant at which it ends.
    pub fn stricter_budgets(&self, now: Timestamp) -> impl Iterator<Item = (Budget, Timestamp)> {
        let declared = budget(&self.intent.spec);
        let former = self.former_at(now).filter(move |former| declared.is_looser(former.budget));
        former.map(|former| (former.budget, former.until))
    }

    fn former_at(&self, now: Timestamp) -> impl Iterator<Item = &Former> {
        self.former.iter().filter(move |former| now < former.until)
    }

    /// What of the former policies is kept under another intent: where that is looser, this one holds for one window
    /// more (T11).
    pub fn former_under(&self, next: &TenantSpec, now: Timestamp) -> Vec<Former> {
        let spec = &self.intent.spec;
        let (was, is) = (budget(spec), budget(next));
        if !is.is_looser(was) && deletion_grace(next) >= deletion_grace(spec) {
            return self.former.clone();
        }
        // A shorter window is itself a loosening, and not in force before its time.
        let window = self.former_at(now).map(|former| former.budget.window).fold(was.window, Ord::max);
        let this = Former { budget: was, deletion_grace: deletion_grace(spec), until: window.after(now) };
        self.former_at(now).cloned().chain([this]).collect()
    }

    /// Whether mails go to its members (T15).
    pub fn notifies(&self) -> bool {
        match self.intent.spec.notifications {
            Some(Notifications::Disabled) => false,
            Some(Notifications::Enabled) | None => true,
        }
    }

    /// Where the tenant is in its life (T12, T14).
    pub fn phase(&self) -> TenantPhase {
        if self.cancelled_at.is_some() {
            TenantPhase::Cancelled
        } else if !self.managed {
            TenantPhase::Unmanaged
        } else if self.intent.spec.cancellation.is_some() {
            TenantPhase::Cancelling
        } else {
            TenantPhase::Active
        }
    }

    /// From when on members in grace are purged at once (T12): once the cancellation is confirmed, and its instant has come.
    pub fn purges_from(&self) -> Option<Timestamp> {
        let cancellation = self.intent.spec.cancellation.as_ref().filter(|_| self.cancelled_at.is_none())?;
        let declared = cancellation.purge_deleted_members == Some(true) && self.confirmed.is_some();
        declared.then(|| cancellation.effective_at.map_or(self.created_at, |at| at.start(&self.zone)))
    }

    /// The record as it is kept: its state follows from the rest.
    pub fn in_state(self) -> Record {
        let state = TenantState { phase: self.phase(), purges_from: self.purges_from() };
        Record::Tenant(Arc::new(TenantRecord { state, ..self }))
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
        // The domain of a cancelled tenant is free (T12).
        if self.cancelled_at.is_some() {
            return Vec::new();
        }
        vec![Claim::global(Space::Domain, &self.declared.domain)]
    }

    pub(super) fn fields(&self) -> Vec<(String, Value)> {
        // The intent is told through its columns; the zone follows from its name.
        let TenantRecord {
            uid: _,
            handle,
            intent: _,
            declared,
            zone: _,
            supreme_admin,
            managed,
            former: _,
            confirmed: _,
            cancelled_at,
            wake_at: _,
            state,
            created_at,
            revision: _,
        } = self;
        let TenantDeclared { display_name, domain, time_zone, plan, profile } = declared;
        let TenantState { phase, purges_from } = state;
        let mut fields: Vec<(String, Value)> = vec![
            ("handle".into(), handle.to_string().into()),
            ("displayName".into(), display_name.clone().into()),
            ("domain".into(), domain.clone().into()),
            ("timeZone".into(), time_zone.clone().into()),
            ("plan".into(), plan.clone().into()),
            ("supremeAdmin".into(), supreme_admin.as_ref().map(Uid::to_string).into()),
            ("managed".into(), (*managed).into()),
            ("phase".into(), phase.name().into()),
            ("purgesFrom".into(), instant(*purges_from)),
            ("cancelledAt".into(), instant(*cancelled_at)),
            ("createdAt".into(), instant(Some(*created_at))),
        ];
        push_tail(&mut fields, profile);
        fields
    }
}
