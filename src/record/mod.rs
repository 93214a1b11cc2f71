//! What the directory keeps, as plain data: records, their claims, their difference as the trail tells it.
//! Never does I/O and decides nothing. Used by the decisions, the directory and the engine.

pub mod account;
pub mod change;
pub mod charge;
pub mod claim;
pub mod contact;
pub mod effect;
pub mod mail;
pub mod member;
pub mod organization;
pub mod outbox;
pub mod password;
pub mod registration;
pub mod tenant;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

pub use account::Account;
pub use change::{Action, Cause, Change, FieldChange};
pub use charge::Charge;
pub use claim::{Claim, Space};
pub use contact::{ContactDeclared, ContactLived, ContactRecord, ContactState, Severed, Sought, Synced};
pub use effect::Effect;
pub use mail::{Mail, MailNews, Welcome};
pub use member::{AssignmentRecord, Fired, LeaveInForce, Lived, MemberDeclared, MemberRecord, MemberState, Spent};
pub use organization::{OrganizationDeclared, OrganizationRecord};
pub use outbox::{Consumer, Data, Order};
pub use password::PasswordEffect;
pub use registration::{Request, RequestState, RequestStep};
pub use tenant::{Budget, Former, TenantDeclared, TenantRecord, TenantState};

use crate::api::{Handle, Key, Kind};

/// The identifier of a record, which never changes (R3): a UUID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(pub Arc<str>);

impl Uid {
    /// The UUID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Uid {
    fn from(text: String) -> Self {
        Uid(text.into())
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What was declared, as it was last accepted: the typed spec, its JSON, its digest and the resource's generation.
#[derive(Clone, Debug)]
pub struct Intent<S> {
    pub spec: S,
    pub json: Arc<Value>,
    pub digest: String,
    pub generation: i64,
}

impl<S> PartialEq for Intent<S> {
    /// Two intents are the same when they declare the same; a generation alone is nothing.
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

/// A record of any kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    Tenant(Arc<TenantRecord>),
    Organization(Arc<OrganizationRecord>),
    Member(Arc<MemberRecord>),
    ExternalContact(Arc<ContactRecord>),
}

impl Record {
    /// The kind and handle of the record's resource.
    pub fn key(&self) -> Key {
        Key::new(self.kind(), self.handle().clone())
    }

    /// The record's kind.
    pub fn kind(&self) -> Kind {
        match self {
            Record::Tenant(_) => Kind::Tenant,
            Record::Organization(_) => Kind::Organization,
            Record::Member(_) => Kind::Member,
            Record::ExternalContact(_) => Kind::ExternalContact,
        }
    }

    /// The handle of the record's resource.
    pub fn handle(&self) -> &Handle {
        match self {
            Record::Tenant(tenant) => &tenant.handle,
            Record::Organization(organization) => &organization.handle,
            Record::Member(member) => &member.handle,
            Record::ExternalContact(contact) => &contact.handle,
        }
    }

    /// The manifest that was accepted last.
    pub fn intent_json(&self) -> &serde_json::Value {
        match self {
            Record::Tenant(tenant) => &tenant.intent.json,
            Record::Organization(organization) => &organization.intent.json,
            Record::Member(member) => &member.intent.json,
            Record::ExternalContact(contact) => &contact.intent.json,
        }
    }

    /// The record's identifier.
    pub fn uid(&self) -> &Uid {
        match self {
            Record::Tenant(tenant) => &tenant.uid,
            Record::Organization(organization) => &organization.uid,
            Record::Member(member) => &member.uid,
            Record::ExternalContact(contact) => &contact.uid,
        }
    }

    /// What was declared of it last, that manifest's generation, and when the record was made.
    pub fn declared(&self) -> (&Value, i64, Timestamp) {
        match self {
            Record::Tenant(tenant) => (&tenant.intent.json, tenant.intent.generation, tenant.created_at),
            Record::Organization(organization) => {
                (&organization.intent.json, organization.intent.generation, organization.created_at)
            }
            Record::Member(member) => (&member.intent.json, member.intent.generation, member.created_at),
            Record::ExternalContact(contact) => (&contact.intent.json, contact.intent.generation, contact.created_at),
        }
    }

    /// When time alone will change the record.
    pub fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Record::Tenant(tenant) => tenant.wake_at,
            Record::Organization(_) => None,
            Record::Member(member) => member.state.wake_at,
            Record::ExternalContact(contact) => contact.lived.purge_at,
        }
    }

    /// Everything that the record alone may hold in the directory.
    pub fn claims(&self) -> Vec<Claim> {
        match self {
            Record::Tenant(tenant) => tenant.claims(),
            Record::Organization(organization) => organization.claims(),
            Record::Member(member) => member.claims(),
            Record::ExternalContact(_) => Vec::new(),
        }
    }

    /// The key of another system by which a renamed manifest finds it, if it has one (M11).
    pub fn external_key(&self) -> Option<Claim> {
        self.claims().into_iter().find(|claim| match claim.space {
            Space::MemberKey | Space::OrganizationKey => true,
            Space::Domain | Space::Address | Space::EmployeeNumber | Space::SiblingName => false,
        })
    }

    /// The fields that the trail tells of, by path.
    pub fn fields(&self) -> Vec<(String, Value)> {
        match self {
            Record::Tenant(tenant) => tenant.fields(),
            Record::Organization(organization) => organization.fields(),
            Record::Member(member) => member.fields(),
            Record::ExternalContact(contact) => contact.fields(),
        }
    }

    /// Whom the record tells of besides itself: what is told of that person goes with it (M25, X5).
    pub fn about(&self) -> Option<&Uid> {
        match self {
            Record::Tenant(_) | Record::Organization(_) | Record::Member(_) => None,
            Record::ExternalContact(contact) => contact.lived.target.as_ref(),
        }
    }

    /// The tenant that the record belongs to.
    pub fn tenant(&self) -> &Uid {
        match self {
            Record::Tenant(tenant) => &tenant.uid,
            Record::Organization(organization) => &organization.tenant,
            Record::Member(member) => &member.tenant,
            Record::ExternalContact(contact) => &contact.tenant,
        }
    }
}

/// The fields of a JSON object, each under its path, without those that have a column of their own.
pub(crate) fn long_tail(spec: &Value, columns: &[&str]) -> Value {
    let fields = spec.as_object().into_iter().flatten();
    Value::Object(
        fields.filter(|(name, _)| !columns.contains(&name.as_str())).map(|(name, value)| (name.clone(), value.clone())).collect(),
    )
}

/// Adds the fields of a long tail to a list of fields.
pub(crate) fn push_tail(fields: &mut Vec<(String, Value)>, tail: &Value) {
    fields.extend(tail.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
}

/// An instant as the trail shows it.
pub(crate) fn instant(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| Value::String(at.to_string()))
}
