//! Which fields have no effect yet. A field that is declared and does nothing is told in the warning
//! `NotYetSupported`, never silently nothing. Pure. Used by the decisions; it shrinks as fields are built.

use super::{ExternalContactSpec, Kind, MemberSpec, OrganizationSpec, TenantSpec};

/// A field, and whether a spec sets it.
type Field<S> = (&'static str, fn(&S) -> bool);

const TENANT: &[Field<TenantSpec>] = &[];

const MEMBER: &[Field<MemberSpec>] = &[];

/// All fields of a kind that have no effect yet; `spec` where none has. Used by the generated reference.
pub fn unsupported(kind: Kind) -> Vec<&'static str> {
    match kind {
        Kind::Tenant => TENANT.iter().map(|(field, _)| *field).collect(),
        Kind::Organization | Kind::ExternalContact => Vec::new(),
        Kind::Member => MEMBER.iter().map(|(field, _)| *field).collect(),
    }
}

/// Names the fields of a list that are set.
fn set<S>(fields: &[Field<S>], spec: &S) -> Vec<&'static str> {
    fields.iter().filter_map(|(field, is_set)| is_set(spec).then_some(*field)).collect()
}

/// The fields of a tenant that are declared and have no effect yet.
pub fn unsupported_in_tenant(spec: &TenantSpec) -> Vec<&'static str> {
    set(TENANT, spec)
}

/// The fields of an organization that are declared and have no effect yet.
pub fn unsupported_in_organization(_: &OrganizationSpec) -> Vec<&'static str> {
    Vec::new()
}

/// The fields of a member that are declared and have no effect yet.
pub fn unsupported_in_member(spec: &MemberSpec) -> Vec<&'static str> {
    set(MEMBER, spec)
}

/// The fields of a contact that are declared and have no effect yet.
pub fn unsupported_in_contact(_: &ExternalContactSpec) -> Vec<&'static str> {
    Vec::new()
}
