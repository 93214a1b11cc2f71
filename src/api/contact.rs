//! `ExternalContact`: a person of another company (rules X1–X5). Its types and its schema.
//! No I/O. Used by everything that reads or decides about a contact.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::LocalRef;
use super::text::{Email, Label, Paragraph, PhoneNumber, Token};

/// A person of another company, added by a member.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "rollcall.dev",
    version = "v1alpha1",
    kind = "ExternalContact",
    plural = "externalcontacts",
    shortname = "xc",
    category = "rollcall",
    namespaced,
    status = "ExternalContactStatus",
    doc = "A person of another company, added by a member.",
    printcolumn(name = "Name", type_ = "string", json_path = ".status.name"),
    printcolumn(name = "Company", type_ = "string", json_path = ".status.company"),
    printcolumn(name = "Owner", type_ = "string", json_path = ".spec.ownerRef.name"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(validation = ("has(self.lookup) != has(self.invite)", "give either lookup or invite (X1, X3)"))]
#[serde(rename_all = "camelCase")]
pub struct ExternalContactSpec {
    /// The tenant it belongs to.
    pub tenant_ref: LocalRef,
    /// The member who adds it.
    pub owner_ref: LocalRef,
    /// By what the person is found, once (X1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookup: Option<Lookup>,
    /// Sends an invitation in place of a look-up (X3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<Invite>,
    /// The name by which the tenant knows the person; follows the person's own if absent (X2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Label>,
    /// A phone number of the tenant's own record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
    /// A mail address of the tenant's own record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// A note, up to 4,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memo: Option<Paragraph>,
    /// What the person is to the company. `ClientsPartners` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classification: Option<Label>,
    /// Who sees the contact; the owner only if absent (X3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<ContactVisibility>,
}

/// By what the person is found (X1): exactly one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "(has(self.messageId) ? 1 : 0) + (has(self.phoneNumber) ? 1 : 0) + (has(self.qrToken) ? 1 : 0) == 1",
    "give one of messageId, phoneNumber and qrToken (X1)"
))]
pub struct Lookup {
    /// The person's message ID, `id@domain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<Email>,
    /// The person's phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<PhoneNumber>,
    /// The token of the person's QR code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr_token: Option<Token>,
}

/// An invitation (X3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Invite {
    /// Where it is sent.
    pub email: Email,
}

/// Who sees a contact (X3): everybody, or the members listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("self.scope == 'Members' || !has(self.memberRefs)", "memberRefs goes with scope Members (X3)"))]
pub struct ContactVisibility {
    /// Everybody or some members.
    pub scope: ContactScope,
    /// The members who see it besides the owner, up to 500.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 500))]
    pub member_refs: Vec<LocalRef>,
}

/// The scope of a contact's visibility (X3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ContactScope {
    All,
    Members,
}

/// Where a contact is in its life (X1–X5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ContactPhase {
    /// An invitation is open.
    Invited,
    /// It follows the person.
    Connected,
    /// It no longer follows the person.
    Disconnected,
    /// In the trash, or gone with its owner.
    Trashed,
}

impl ContactPhase {
    /// The phase's name.
    pub fn name(self) -> &'static str {
        match self {
            ContactPhase::Invited => "Invited",
            ContactPhase::Connected => "Connected",
            ContactPhase::Disconnected => "Disconnected",
            ContactPhase::Trashed => "Trashed",
        }
    }
}

/// What is known of a contact.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalContactStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The directory's identifier of the contact, which never changes (R3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Where the contact is in its life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<ContactPhase>,
    /// The name shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The person's own name, which follows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// The person's company, which follows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// Until when it can be restored from the trash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purge_at: Option<String>,
    /// What holds of this object now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}
