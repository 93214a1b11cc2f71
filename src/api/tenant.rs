//! `Tenant`: a company (rules T1–T15). Its types, its schema and the rules that need only the object itself.
//! No I/O. Used by everything that reads or decides about a tenant.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{DisplayNames, KeyRef, LANGUAGE_KEYS, LISTED_ONCE, Language, LocalRef};
use super::text::{DomainName, Email, Label, Line, Token, ZoneName};
use super::time::{Length, When};

/// A company: its domain, plan, policies and the values its members may name.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "rollcall.dev",
    version = "v1alpha1",
    kind = "Tenant",
    plural = "tenants",
    shortname = "tn",
    category = "rollcall",
    namespaced,
    status = "TenantStatus",
    doc = "A company: its domain, plan, policies and the values its members may name.",
    printcolumn(name = "Domain", type_ = "string", json_path = ".spec.domain"),
    printcolumn(name = "Plan", type_ = "string", json_path = ".spec.products.core.plan"),
    printcolumn(name = "Members", type_ = "integer", json_path = ".status.members"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct TenantSpec {
    /// The company's name.
    pub display_name: Label,
    /// The company's name in further languages.
    #[serde(default, skip_serializing_if = "DisplayNames::is_empty")]
    #[schemars(extend("maxProperties" = 5))]
    #[x_kube(validation = LANGUAGE_KEYS)]
    pub display_names: DisplayNames,
    /// The mail domain, unique in the directory (T1).
    pub domain: DomainName,
    /// The IANA time zone in which plain dates are read; `UTC` if absent (R4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<ZoneName>,
    /// The languages in which names may be given; the first is the default. `en_US` if absent (T1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    #[x_kube(validation = ("self.all(language, self.exists_one(other, other == language))", "a language is listed once (T1)"))]
    pub languages: Vec<Language>,
    /// The products in use, by presence (T2).
    pub products: Products,
    /// The one member who holds the supreme administrator's role (T4).
    pub supreme_admin_ref: LocalRef,
    /// What a password must be (T5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_policy: Option<PasswordPolicy>,
    /// Whether members verify a sign-in by a second step (T6). `Disabled` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub two_step_verification: Option<TwoStepVerification>,
    /// Whether members may connect with persons of other companies (T7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_connections: Option<ExternalConnections>,
    /// The company's job levels, highest first (T8).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    #[x_kube(validation = LISTED_ONCE)]
    pub job_levels: Vec<Label>,
    /// The company's positions, highest first (T8).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    #[x_kube(validation = LISTED_ONCE)]
    pub positions: Vec<Label>,
    /// The company's types of users, such as employee or contractor (T8).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    #[x_kube(validation = LISTED_ONCE)]
    pub user_types: Vec<Label>,
    /// Tenants of one namespace that name the same group are group companies (T9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corporate_group: Option<Label>,
    /// How long a deleted member can be restored: `0` to `30d`, `7d` if absent (T10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_grace: Option<Length>,
    /// How long a deleted external contact stays in the trash: `0` to `30d`, `30d` if absent (T10, X4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_retention: Option<Length>,
    /// How many members may lose access by declarations within a while, without a person's word (T11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_budget: Option<AccessBudget>,
    /// Declares that the tenant is to be cancelled (T12).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancellation: Option<Cancellation>,
    /// Whether mails are sent to members (T15). `Enabled` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifications: Option<Notifications>,
    /// The link by which people ask for an account (M35).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_link: Option<RegistrationLink>,
}

/// The products in use (T2): a product is in use when it is present.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = ("has(self.core) || has(self.drive) || has(self.approval)", "at least one product is in use: core, drive or approval (T2)"))]
pub struct Products {
    /// Messages, calendar, contacts and, on some plans, mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<CoreProduct>,
    /// Files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drive: Option<Product>,
    /// Approvals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Product>,
}

/// The core product and its plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CoreProduct {
    /// The plan of the core product.
    pub plan: Plan,
}

/// A product without settings of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Product {}

/// The plans of the core product (T2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Plan {
    Free,
    Lite,
    Standard,
    StandardPlus,
    Advanced,
    Trial,
}

impl Plan {
    /// Whether the plan has company mail (T2).
    pub fn has_mail(self) -> bool {
        match self {
            Plan::StandardPlus | Plan::Advanced | Plan::Trial => true,
            Plan::Free | Plan::Lite | Plan::Standard => false,
        }
    }

    /// The plan's name.
    pub fn name(self) -> &'static str {
        match self {
            Plan::Free => "Free",
            Plan::Lite => "Lite",
            Plan::Standard => "Standard",
            Plan::StandardPlus => "StandardPlus",
            Plan::Advanced => "Advanced",
            Plan::Trial => "Trial",
        }
    }
}

/// What a password must be (T5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordPolicy {
    /// The least number of characters: 8 to 20, 8 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 8, max = 20))]
    pub min_length: Option<u8>,
    /// The kinds of characters that it must hold; `LettersAndDigits` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complexity: Option<PasswordComplexity>,
    /// Days until a password must be changed: 30, 60, 90, 180 or 365; never if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("self in [30, 60, 90, 180, 365]", "a password expires after 30, 60, 90, 180 or 365 days, or never if the field is left out (T5)"))]
    pub expires_after: Option<u16>,
    /// How many former passwords, the present one among them, may not be used again: 0 to 24, 0 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 24))]
    pub forbid_reuse: Option<u8>,
}

/// The kinds of characters that a password must hold (T5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PasswordComplexity {
    LettersAndDigits,
    LettersDigitsAndSymbols,
}

/// Whether members verify a sign-in by a second step (T6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TwoStepVerification {
    Disabled,
    Optional,
    Required,
}

/// Whether members may connect with persons of other companies (T7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExternalConnections {
    /// Whether connections are allowed.
    #[serde(default)]
    pub allowed: bool,
}

/// How many members may lose access by declarations within a window (T11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessBudget {
    /// A share of the live members at the window's start, in percent; 10 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 100))]
    pub max_percent: Option<u8>,
    /// A number of members; 5 if absent. The budget is the larger of the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 100_000))]
    pub max_count: Option<u32>,
    /// The length of the window; `1h` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Length>,
}

/// The declared cancellation of a tenant (T12).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cancellation {
    /// Why the tenant is cancelled.
    pub reason: CancellationReason,
    /// The reason in free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Line>,
    /// Where questions about the cancellation go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_email: Option<Email>,
    /// The Secret key that holds the supreme administrator's password.
    pub confirmation: Confirmation,
    /// The instant at which it is carried out; as soon as nothing blocks it if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_at: Option<When>,
    /// Whether members in grace are purged at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purge_deleted_members: Option<bool>,
}

/// Why a tenant is cancelled (T12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CancellationReason {
    SwitchingService,
    CostReduction,
    CompanyClosed,
    NoLongerNeeded,
    MissingFeatures,
    Other,
}

/// Where the supreme administrator's password is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Confirmation {
    /// The Secret and its key.
    pub secret_key_ref: KeyRef,
}

/// Whether mails are sent to members (T15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Notifications {
    Enabled,
    Disabled,
}

/// The link by which people ask for an account (M35).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegistrationLink {
    /// Whether requests are taken.
    pub enabled: bool,
    /// A new value renews the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
}

/// What is known of a tenant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The directory's identifier of the tenant, which never changes (R3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Where the tenant is in its life (T12).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<TenantPhase>,
    /// Members that hold a place, those in grace included (T3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<i64>,
    /// Organizations of the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizations: Option<i64>,
    /// The member who is the supreme administrator now (T4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supreme_admin: Option<String>,
    /// Charges that are not paid, by month (T13): the first 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub charges: Vec<OutstandingCharge>,
    /// How many charges are not paid in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge_count: Option<i64>,
    /// What is declared and left to do of a cancellation (T12).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancellation: Option<CancellationStatus>,
    /// Open requests for an account (M35): the first 20. Their e-mail addresses are told by `rollcall requests` only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub registration_requests: Vec<OpenRequest>,
    /// How many requests are open in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_request_count: Option<i64>,
    /// Records whose resource is gone and that may not go yet (R9): the first 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub pending_removals: Vec<PendingRemoval>,
    /// How many removals are pending in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_removal_count: Option<i64>,
    /// What others have not acknowledged yet: mails, and orders to services (I2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbox: Option<OutboxStatus>,
    /// What holds of this object now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// What others have not acknowledged yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutboxStatus {
    /// How many rows of the outbox wait.
    pub waiting: i64,
    /// Since when the oldest of them does.
    pub since: String,
}

/// A charge that is not paid (T13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutstandingCharge {
    /// The month, such as `2027-03`.
    pub month: String,
    /// The amount in the smallest unit of the currency.
    pub amount: i64,
    /// The ISO 4217 code of the currency.
    pub currency: String,
    /// When it is due.
    pub due_at: String,
}

/// What is declared and left to do of a cancellation (T12).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CancellationStatus {
    /// When it is carried out at the earliest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_at: Option<String>,
    /// Everything that still stands in its way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub blocked_by: Vec<BlockedBy>,
    /// When it was carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<String>,
}

/// Something that stands in the way of a cancellation (T12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlockedBy {
    /// The reason.
    pub reason: String,
    /// What is left to do.
    pub message: String,
}

/// An open request for an account (M35).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenRequest {
    /// What a Member names in `registration` to approve it.
    pub id: String,
    /// The person's name.
    pub display_name: String,
    /// The login ID that the person wishes.
    pub wished_id: String,
    /// When it came.
    pub requested_at: String,
}

/// A record whose resource is gone and that may not go yet (R9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PendingRemoval {
    /// The kind of the record.
    pub kind: String,
    /// The name of its resource.
    pub name: String,
    /// Why it may not go.
    pub reason: String,
    /// Since when it waits.
    pub since: String,
}

/// Where a tenant is in its life (T12, T14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TenantPhase {
    Active,
    Unmanaged,
    Cancelling,
    Cancelled,
}

impl TenantPhase {
    /// The phase as it stands in statuses and in the directory.
    pub fn name(self) -> &'static str {
        match self {
            TenantPhase::Active => "Active",
            TenantPhase::Unmanaged => "Unmanaged",
            TenantPhase::Cancelling => "Cancelling",
            TenantPhase::Cancelled => "Cancelled",
        }
    }
}
