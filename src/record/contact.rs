//! The record of an external contact: what its manifest declares, whom it is bound to and what is known of that
//! person, and the state that both give. By what people are sought. Plain data; nothing is decided here.

use std::sync::Arc;

use jiff::Timestamp;
use ring::digest;
use serde_json::Value;

use super::{Intent, MemberRecord, Record, Uid, instant, long_tail, push_tail};
use crate::api::contact::ContactPhase;
use crate::api::{ExternalContactSpec, Handle, MemberPhase};

/// An external contact as the directory keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct ContactRecord {
    pub uid: Uid,
    pub tenant: Uid,
    pub handle: Handle,
    pub intent: Arc<Intent<ExternalContactSpec>>,
    pub declared: ContactDeclared,
    pub lived: ContactLived,
    pub state: ContactState,
    pub created_at: Timestamp,
    pub revision: i64,
}

/// What of a contact follows from its manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct ContactDeclared {
    /// The member who adds it.
    pub owner: Uid,
    /// What the person is to the company (X2).
    pub classification: String,
    /// The fields without a column of their own.
    pub profile: Value,
}

/// What happened to a contact. The directory is its only truth.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContactLived {
    /// By what the person was sought when that was last resolved: [`Sought::key`]. Only another resolves again (X1).
    pub sought: String,
    /// The person it is bound to; none while an invitation is open (X3).
    pub target: Option<Uid>,
    /// Why it is not connected with that person now (X5).
    pub severed: Option<Severed>,
    pub synced: Synced,
    /// Whether the owner is deleted, and the contact gone with it (X5).
    pub with_owner: bool,
    /// Since when it is in the trash (X4).
    pub trashed_at: Option<Timestamp>,
    /// Until when it can be restored from there.
    pub purge_at: Option<Timestamp>,
}

/// What follows the person (X2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Synced {
    pub nickname: Option<String>,
    pub company: Option<String>,
    /// Whether the person has a photo; it is served as the target's own.
    pub photo: bool,
}

/// Why a contact is not connected with the person it is bound to (X5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severed {
    /// The contact's tenant does not allow connections.
    NotAllowedHere,
    /// The person's tenant does not allow connections.
    NotAllowedThere,
    /// The person moved into the contact's own tenant.
    InOwnTenant,
    /// The person is purged, for good.
    Gone,
}

impl Severed {
    const ALL: [Severed; 4] = [Severed::NotAllowedHere, Severed::NotAllowedThere, Severed::InOwnTenant, Severed::Gone];

    /// The cause as it stands in the directory.
    pub fn name(self) -> &'static str {
        match self {
            Severed::NotAllowedHere => "NotAllowedHere",
            Severed::NotAllowedThere => "NotAllowedThere",
            Severed::InOwnTenant => "InOwnTenant",
            Severed::Gone => "Gone",
        }
    }

    /// Reads what stands in the directory; what nobody knows is somebody's SQL, and found out anew.
    pub fn read(name: &str) -> Option<Severed> {
        Severed::ALL.into_iter().find(|severed| severed.name() == name)
    }
}

/// What a contact is now.
#[derive(Clone, Debug, PartialEq)]
pub struct ContactState {
    pub phase: ContactPhase,
    /// The name shown: the tenant's own, or else the person's (X2).
    pub name: Option<String>,
}

const COLUMNS: &[&str] = &["tenantRef", "ownerRef", "name", "classification"];

impl ContactDeclared {
    /// The declared columns of a spec whose owner is resolved.
    pub fn of(spec: &ExternalContactSpec, json: &Value, owner: Uid) -> Self {
        let classification = spec.classification.as_ref().map_or("ClientsPartners", |label| label.as_str());
        ContactDeclared { owner, classification: classification.to_owned(), profile: long_tail(json, COLUMNS) }
    }
}

impl ContactRecord {
    /// Whether it is in the trash, by itself or with its owner.
    pub fn is_trashed(&self) -> bool {
        self.lived.with_owner || self.lived.trashed_at.is_some()
    }

    /// The address to which an invitation is open.
    pub fn invited(&self) -> Option<&str> {
        let invite = self.intent.spec.invite.as_ref().filter(|_| self.state.phase == ContactPhase::Invited);
        invite.map(|invite| invite.email.as_str())
    }

    pub(super) fn fields(&self) -> Vec<(String, Value)> {
        let ContactRecord { uid: _, tenant, handle, intent: _, declared, lived, state, created_at, revision: _ } = self;
        let ContactDeclared { owner, classification, profile } = declared;
        // By what the person was sought is told by the fields that declare it; that the owner is gone, by the phase.
        let ContactLived { sought: _, target, severed, synced, with_owner: _, trashed_at, purge_at } = lived;
        let Synced { nickname, company, photo } = synced;
        let ContactState { phase, name } = state;
        let mut fields: Vec<(String, Value)> = vec![
            ("handle".into(), handle.to_string().into()),
            ("tenant".into(), tenant.to_string().into()),
            ("owner".into(), owner.to_string().into()),
            ("phase".into(), phase.name().into()),
            ("name".into(), name.clone().into()),
            ("nickname".into(), nickname.clone().into()),
            ("company".into(), company.clone().into()),
            ("photo".into(), photo.then_some(true).into()),
            ("classification".into(), classification.clone().into()),
            ("target".into(), target.as_ref().map(Uid::to_string).into()),
            ("severed".into(), severed.map(Severed::name).into()),
            ("createdAt".into(), instant(Some(*created_at))),
            ("trashedAt".into(), instant(*trashed_at)),
            ("purgeAt".into(), instant(*purge_at)),
        ];
        push_tail(&mut fields, profile);
        fields
    }
}

/// By what a person is sought (X1, X3), normalised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sought {
    MessageId(String),
    /// In E.164.
    PhoneNumber(String),
    QrToken(String),
    /// The address to which an invitation is sent.
    Invitation(String),
}

impl Sought {
    /// By what a manifest seeks the person. None for one that its schema refuses.
    pub fn of(spec: &ExternalContactSpec) -> Option<Sought> {
        if let Some(invite) = &spec.invite {
            return Some(Sought::Invitation(invite.email.0.clone()));
        }
        let lookup = spec.lookup.as_ref()?;
        let message_id = lookup.message_id.as_ref().map(|id| Sought::MessageId(id.0.clone()));
        let phone_number = lookup.phone_number.as_ref().map(|number| Sought::PhoneNumber(number.normalized()));
        message_id.or(phone_number).or(lookup.qr_token.as_ref().map(|token| Sought::QrToken(token.0.clone())))
    }

    /// By what a member can be sought, as far as it may be found.
    pub fn all_of(member: &MemberRecord) -> Vec<Sought> {
        if !may_be_found(member) {
            return Vec::new();
        }
        let phone = searchable_phone(member).map(|phone| Sought::PhoneNumber(phone.to_owned()));
        let id = Sought::MessageId(member.declared.message_id.clone());
        [id, Sought::QrToken(member.lived.qr_token.clone())].into_iter().chain(phone).collect()
    }
    /// Whether this leads to a member. An invitation leads to whoever has the address.
    pub fn leads_to(&self, member: &MemberRecord) -> bool {
        match self {
            Sought::Invitation(address) => addresses(member).any(|own| own == *address),
            Sought::MessageId(id) => *id == member.declared.message_id && may_be_found(member),
            Sought::PhoneNumber(number) => searchable_phone(member) == Some(number.as_str()) && may_be_found(member),
            Sought::QrToken(token) => *token == member.lived.qr_token && may_be_found(member),
        }
    }

    /// Tells one from another, and is waited for, without saying what is sought: a digest.
    pub fn key(&self) -> String {
        let (by, value) = match self {
            Sought::MessageId(value) => ("messageId", value),
            Sought::PhoneNumber(value) => ("phoneNumber", value),
            Sought::QrToken(value) => ("qrToken", value),
            Sought::Invitation(value) => ("invite", value),
        };
        let hash = digest::digest(&digest::SHA256, format!("{by}/{value}").as_bytes());
        let number = hash.as_ref().iter().take(16).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        format!("sought/{number:032x}")
    }
}

/// Nobody is found who is deleted, or whose account has not begun.
fn may_be_found(member: &MemberRecord) -> bool {
    match member.state.phase {
        MemberPhase::Scheduled | MemberPhase::Deleted => false,
        MemberPhase::Pending | MemberPhase::Active | MemberPhase::Suspended => true,
    }
}

/// The phone number by which a member lets itself be found (M7).
fn searchable_phone(member: &MemberRecord) -> Option<&str> {
    member.declared.mobile_phone.as_deref().filter(|_| member.intent.spec.phone_searchable == Some(true))
}

/// The member whose contacts look again after a change: what they show of that one, or whether it is there, is another.
pub fn followed<'r>(before: Option<&'r Record>, after: Option<&Record>) -> Option<&'r Uid> {
    fn member(record: Option<&Record>) -> Option<&Arc<MemberRecord>> {
        match record {
            Some(Record::Member(member)) => Some(member),
            Some(Record::Tenant(_) | Record::Organization(_) | Record::ExternalContact(_)) | None => None,
        }
    }
    let seen = |member: &MemberRecord| {
        let photo = member.intent.spec.photo.is_some();
        (member.display_name(), photo, member.tenant.clone(), member.is_deleted())
    };
    let (was, is) = (member(before)?, member(after));
    is.is_none_or(|is| seen(is) != seen(was)).then_some(&was.uid)
}

/// The addresses of a member to which mail goes.
fn addresses(member: &MemberRecord) -> impl Iterator<Item = String> {
    let declared = &member.declared;
    let domain = declared.message_id.rsplit('@').next().unwrap_or_default();
    let secondary = member.intent.spec.secondary_emails.iter().map(move |part| format!("{part}@{domain}"));
    declared.personal_email.clone().into_iter().chain([declared.message_id.clone()]).chain(secondary)
}
