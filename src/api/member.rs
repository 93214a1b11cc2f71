//! `Member`: a person's account (rules M1–M41). Its types, its schema and the rules that need only the
//! object itself. No I/O. Used by everything that reads or decides about a member.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{KeyRef, LANGUAGE_KEYS, Language, LocalRef, PersonName};
use super::photo::Photo;
use super::text::{Email, ExternalKey, Label, Line, LoginId, PhoneNumber, Token};
use super::time::{Day, When};

pub use super::device::{DeviceAction, DeviceOrder, DeviceOrderState, DeviceOrderStatus};

/// A person's account.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "rollcall.dev",
    version = "v1alpha1",
    kind = "Member",
    plural = "members",
    shortname = "mem",
    category = "rollcall",
    namespaced,
    status = "MemberStatus",
    doc = "A person's account.",
    printcolumn(name = "ID", type_ = "string", json_path = ".status.id"),
    printcolumn(name = "Display name", type_ = "string", json_path = ".status.displayName"),
    printcolumn(name = "Organization", type_ = "string", json_path = ".status.organization"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "On leave since", type_ = "string", json_path = ".status.onLeave.from"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!(has(self.id) && has(self.temporaryId) && self.temporaryId)", "id and temporaryId exclude each other (M31)"))]
#[x_kube(validation = (
    "has(self.id) || (has(self.temporaryId) && self.temporaryId) || has(self.concurrentOf)",
    "id is required, unless temporaryId is true or concurrentOf is given (M1)"
))]
#[x_kube(validation = ("!(has(self.suspended) && has(self.suspension))", "give suspended or suspension, never both (M21)"))]
pub struct MemberSpec {
    /// The tenant the person belongs to.
    pub tenant_ref: LocalRef,
    /// The login ID (M1): 2–40 of `a-z 0-9 . - _`, unique in the tenant over all its addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<LoginId>,
    /// A record that is no account yet: an ID is generated until one is given (M31).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temporary_id: Option<bool>,
    /// The same person's member in a group company, whose ID is followed (M30).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrent_of: Option<LocalRef>,
    /// The person's name.
    pub name: PersonName,
    /// The person's name in further languages of the tenant (M2).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 5))]
    #[x_kube(validation = LANGUAGE_KEYS)]
    pub names: BTreeMap<String, PersonName>,
    /// What colleagues call the person (M2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nickname: Option<Label>,
    /// The person's picture (M3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo: Option<Photo>,
    /// The organizations the person works in, up to 20 (M4). The first is primary unless one is marked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(validation = ("self.filter(o, has(o.primary) && o.primary).size() <= 1", "at most one organization is primary (M4)"))]
    pub organizations: Vec<Assignment>,
    /// One of the tenant's user types (M6, T8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_type: Option<Label>,
    /// One of the tenant's job levels (M6, T8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_level: Option<Label>,
    /// The extension of the person's desk phone (M7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<Label>,
    /// The person's mobile phone, in international form (M7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile_phone: Option<PhoneNumber>,
    /// Whether people outside may find the person by the phone number (M7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_searchable: Option<bool>,
    /// Where the person works (M7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place_of_work: Option<Label>,
    /// What the person is responsible for (M7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responsibilities: Option<Line>,
    /// An account of another messenger (M7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messenger: Option<Messenger>,
    /// The person's birthday (M7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birthday: Option<Day>,
    /// The first day of employment (M7). It has no effect on the account; see `activation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_employed: Option<Day>,
    /// The employee number, unique in the tenant (M7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee_number: Option<Label>,
    /// Members to turn to, such as a secretary (M7).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub related_contacts: Vec<RelatedContact>,
    /// Further local parts at which the person receives mail, up to 10 (M8).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub secondary_emails: Vec<LoginId>,
    /// The person's private mail address, lowercase (M8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal_email: Option<Email>,
    /// The language of the first sign-in (M9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Whether the person administers the tenant (M10). `None` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub administrator: Option<Administrator>,
    /// A key given by another system (M11), unique in the tenant; a renamed manifest finds its record by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_key: Option<ExternalKey>,
    /// When the account begins (M20).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
    /// Whether access is suspended, without dates (M21).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<bool>,
    /// A suspension with dates or a reason (M21).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspension: Option<Suspension>,
    /// A leave of absence (M22).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leave_of_absence: Option<LeaveOfAbsence>,
    /// When the account ends (M23).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departure: Option<Departure>,
    /// Two-step verification of this member, where the tenant leaves it open (M26).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub two_step_verification: Option<bool>,
    /// A new value resets the enrolled second step once (M26).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_two_step_verification: Option<Token>,
    /// Whether apps may be used besides the web (M27). `Allowed` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_usage: Option<AppUsage>,
    /// Whether the LINE or phone login may be used (M27). `Enabled` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub easy_login: Option<EasyLogin>,
    /// Whether the member is found by search and autocompletion (M27). `true` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_autocomplete: Option<bool>,
    /// Orders for single devices (M28).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub devices: Vec<DeviceOrder>,
    /// A new value sends one message that an update of the app is there (M28).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify_update: Option<Token>,
    /// How the first password comes about (M32); none is made if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Password>,
    /// A new value sends the invitation again (M34).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resend_invitation: Option<Token>,
    /// The request for registration that this member answers (M35).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<Token>,
}

/// A person's place in an organization (M4, M5).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Assignment {
    /// The organization.
    pub organization_ref: LocalRef,
    /// Whether it is the primary one. At most one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
    /// One of the tenant's positions (T8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Label>,
    /// Whether the person leads the organization. Several may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<bool>,
    /// Whether the assignment is hidden from everybody but administrators (M5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private: Option<bool>,
    /// Whether the person takes part in the team's shared functions (M5). `true` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_in_team_sharing: Option<bool>,
    /// When the assignment begins; at once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<When>,
    /// When it ends, a plain date included; never if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<When>,
}

/// An account of another messenger (M7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Messenger {
    /// The messenger, such as `LINE`.
    pub protocol: Label,
    /// The account in it.
    pub id: Label,
}

/// A member to turn to (M7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RelatedContact {
    /// The member.
    pub member_ref: LocalRef,
    /// What for, such as `secretary`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
}

/// Whether a member administers the tenant (M10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Administrator {
    #[default]
    None,
    Operations,
}

impl Administrator {
    /// The role's name.
    pub fn name(self) -> &'static str {
        match self {
            Administrator::None => "None",
            Administrator::Operations => "Operations",
        }
    }
}

/// When an account begins (M20).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Activation {
    /// The instant or day; at once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<When>,
}

/// A suspension of access (M21).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Suspension {
    /// When it begins; at once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<When>,
    /// When it ends, a plain date included; open if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<When>,
    /// Why, for administrators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Line>,
}

/// A leave of absence (M22).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeaveOfAbsence {
    /// When it begins; at once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<When>,
    /// When it ends, a plain date included; open if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<When>,
    /// What colleagues read meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Line>,
}

/// When an account ends (M23): the first day without it, or the last day with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.at) != has(self.lastDay)", "give either at, the first day without an account, or lastDay (M23)"))]
pub struct Departure {
    /// The first instant or day without an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<When>,
    /// The last day with an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_day: Option<Day>,
    /// What is ordered for all devices of the person then (M28).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<DepartureDevices>,
}

/// What is ordered for all devices at a departure (M23).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DepartureDevices {
    AppDataDeleted,
    DeviceReset,
}

/// Whether apps may be used besides the web (M27).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AppUsage {
    Allowed,
    Blocked,
}

/// Whether the LINE or phone login may be used (M27).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EasyLogin {
    Enabled,
    Disabled,
}

/// How a password comes about (M32, M33).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("(self.mode == 'FromSecret') == has(self.secretKeyRef)", "secretKeyRef goes with mode FromSecret, and only with it (M32)"))]
pub struct Password {
    /// Generated, taken from a Secret, or chosen by the member through a link.
    pub mode: PasswordMode,
    /// The Secret key that holds it, with mode `FromSecret`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<KeyRef>,
    /// A new value generates a new password once (M33).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_token: Option<Token>,
    /// A new value asks the member once to change the password (M33).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_change: Option<Token>,
}

/// The ways in which a password comes about (M32).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PasswordMode {
    Generate,
    FromSecret,
    CreationLink,
}

/// Where a member is in its life (M20–M25).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MemberPhase {
    /// The account begins later; no sign-in.
    Scheduled,
    /// The account is there; its person has never signed in.
    Pending,
    /// The person has signed in.
    Active,
    /// Access is suspended; account and data stay.
    Suspended,
    /// Deleted, restorable until `purgeAt`.
    Deleted,
}

impl MemberSpec {
    /// Whether it declares a record that is no account yet (M31).
    pub fn is_temporary(&self) -> bool {
        self.temporary_id == Some(true)
    }
}

impl MemberPhase {
    /// The phase's name.
    pub fn name(self) -> &'static str {
        match self {
            MemberPhase::Scheduled => "Scheduled",
            MemberPhase::Pending => "Pending",
            MemberPhase::Active => "Active",
            MemberPhase::Suspended => "Suspended",
            MemberPhase::Deleted => "Deleted",
        }
    }

    /// Whether an account in this phase may sign in.
    pub fn may_sign_in(self) -> bool {
        match self {
            MemberPhase::Pending | MemberPhase::Active => true,
            MemberPhase::Scheduled | MemberPhase::Suspended | MemberPhase::Deleted => false,
        }
    }
}

/// What is known of a member.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The directory's identifier of the member, which never changes (R3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Where the member is in its life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<MemberPhase>,
    /// The login ID in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The person's name as shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The name of the primary organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Whether the member is on leave now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_leave: Option<LeavePeriod>,
    /// When the account began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activated_at: Option<String>,
    /// When the person first signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_sign_in_at: Option<String>,
    /// When the last invitation was sent (M32).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invited_at: Option<String>,
    /// Until when the link of the invitation works; absent once it was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invited_until: Option<String>,
    /// When the member chose its first password through the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<String>,
    /// When the password was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_changed_at: Option<String>,
    /// When the member was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<String>,
    /// Until when a deleted member can be restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purge_at: Option<String>,
    /// The next instant at which time alone changes something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_transition_at: Option<String>,
    /// The message ID, `id@domain` (M37).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The contact link, made to be shown (M37).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_url: Option<String>,
    /// The QR token, made to be shown (M37).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr_token: Option<String>,
    /// The second step of the sign-in (M26).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub two_step: Option<TwoStepStatus>,
    /// The way of the easy login (M27).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub easy_login_method: Option<EasyLoginMethod>,
    /// The member's language: the one that the member chose, or else the declared one (M9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// What was ordered for devices, the oldest first (M28).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceOrderStatus>,
    /// What holds of this object now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// The period of a leave in force (M22).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeavePeriod {
    /// When it began.
    pub from: String,
    /// The first instant after it; open if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// What colleagues read meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The second step of the sign-in (M26).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TwoStepStatus {
    /// Whether the member has enrolled a method.
    pub enrolled: bool,
}

/// The way of the easy login (M27).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EasyLoginMethod {
    Line,
    MobilePhone,
    None,
}
