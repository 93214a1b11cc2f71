//! What people declare and what they are told: the four kinds, their status, conditions and reasons.
//! Never does I/O, reads no clock. Used by every other module.

// The columns of a resource repeat the names of their parts.
#![allow(clippy::duplicated_attributes)]

pub mod common;
pub mod condition;
pub mod confidential;
pub mod contact;
pub mod device;
pub mod member;
pub mod organization;
pub mod photo;
pub mod schema;
pub mod secret;
pub mod tenant;
pub mod text;
pub mod time;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

pub use common::{Language, LocalRef, PersonName};
pub use condition::{Class, Hold, Reason, Verdict};
pub use confidential::Confidential;
pub use contact::{ContactPhase, ExternalContact, ExternalContactSpec};
pub use member::{Member, MemberPhase, MemberSpec};
pub use organization::{Organization, OrganizationSpec};
pub use tenant::{Tenant, TenantPhase, TenantSpec};
pub use time::{Day, Length, When};

/// The API group of the four kinds.
pub const GROUP: &str = "rollcall.dev";
/// The API group and version of the four kinds.
pub const API_VERSION: &str = "rollcall.dev/v1alpha1";
/// Its version alone.
pub const VERSION: &str = "v1alpha1";
/// The prefix of Rollcall's own annotations.
pub const ANNOTATION_PREFIX: &str = "rollcall.dev/";
/// The annotation that carries the git commit of a change (R6).
pub const COMMIT_ANNOTATION: &str = "rollcall.dev/commit";
/// Gives a person's word for what is held under this fingerprint (R12); several are separated by commas or spaces.
pub const APPROVE_ANNOTATION: &str = "rollcall.dev/approve";

/// Freezes a Tenant with all that belongs to it, or a Member; its value says why (R14).
pub const FROZEN_ANNOTATION: &str = "rollcall.dev/frozen";

/// The four kinds (R1), in the order in which a set is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Tenant,
    Organization,
    Member,
    ExternalContact,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Tenant, Kind::Organization, Kind::Member, Kind::ExternalContact];

    /// The kind as it stands in manifests and in the directory.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Tenant => "Tenant",
            Kind::Organization => "Organization",
            Kind::Member => "Member",
            Kind::ExternalContact => "ExternalContact",
        }
    }

    /// The plural, lowercase, as in `kubectl get members`.
    pub fn plural(self) -> &'static str {
        match self {
            Kind::Tenant => "tenants",
            Kind::Organization => "organizations",
            Kind::Member => "members",
            Kind::ExternalContact => "externalcontacts",
        }
    }

    /// The short name, as in `kubectl get mem`.
    pub fn short(self) -> &'static str {
        match self {
            Kind::Tenant => "tn",
            Kind::Organization => "org",
            Kind::Member => "mem",
            Kind::ExternalContact => "xc",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    /// Reads a kind in any of the forms that kubectl takes: singular, plural or short, in any case.
    fn from_str(text: &str) -> Result<Self, String> {
        // As the directory writes it, and most often asks.
        if let Some(kind) = Kind::ALL.into_iter().find(|kind| text == kind.name()) {
            return Ok(kind);
        }
        let lower = text.to_ascii_lowercase();
        Kind::ALL
            .into_iter()
            .find(|kind| lower == kind.name().to_ascii_lowercase() || lower == kind.plural() || lower == kind.short())
            .ok_or_else(|| {
                let known: Vec<_> = Kind::ALL.iter().map(|kind| format!("{} ({})", kind.plural(), kind.short())).collect();
                format!("no kind is called `{text}`: there are {}", known.join(", "))
            })
    }
}

/// The handle of a resource (R3): `namespace/name`. Shared text: a large set holds each of them many times.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle {
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}

impl Handle {
    /// The handle of a name in a namespace.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Handle { namespace: namespace.into(), name: name.into() }
    }

    /// The handle of another resource of the same namespace (R1).
    pub fn sibling(&self, name: &str) -> Handle {
        Handle::new(self.namespace.clone(), name)
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A resource: its kind and its handle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub kind: Kind,
    pub handle: Handle,
}

impl Key {
    /// The key of a kind and a handle.
    pub fn new(kind: Kind, handle: Handle) -> Self {
        Key { kind, handle }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.handle)
    }
}

/// Something wrong with a manifest, at a path within it such as `spec.organizations[3].position`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub path: String,
    pub message: String,
}

impl Problem {
    /// A problem at a path.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Problem { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}
