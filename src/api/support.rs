//! Which fields have no effect yet. A field that is declared and does nothing is told in the warning
//! `NotYetSupported`, never silently nothing. Pure. Used by the decisions; it shrinks as fields are built.

use super::{ExternalContactSpec, MemberSpec, OrganizationSpec, TenantSpec};

/// Names the fields of a list that are set.
fn set<const N: usize>(fields: [(&'static str, bool); N]) -> Vec<&'static str> {
    fields.into_iter().filter_map(|(field, is_set)| is_set.then_some(field)).collect()
}

/// The fields of a tenant that are declared and have no effect yet.
pub fn unsupported_in_tenant(spec: &TenantSpec) -> Vec<&'static str> {
    set([
        ("spec.passwordPolicy", spec.password_policy.is_some()),
        ("spec.twoStepVerification", spec.two_step_verification.is_some()),
        ("spec.externalConnections", spec.external_connections.is_some()),
        ("spec.corporateGroup", spec.corporate_group.is_some()),
        ("spec.contactRetention", spec.contact_retention.is_some()),
        ("spec.accessBudget", spec.access_budget.is_some()),
        ("spec.cancellation", spec.cancellation.is_some()),
        ("spec.notifications", spec.notifications.is_some()),
        ("spec.registrationLink", spec.registration_link.is_some()),
    ])
}

/// The fields of an organization that are declared and have no effect yet.
pub fn unsupported_in_organization(_: &OrganizationSpec) -> Vec<&'static str> {
    Vec::new()
}

/// The fields of a member that are declared and have no effect yet.
pub fn unsupported_in_member(spec: &MemberSpec) -> Vec<&'static str> {
    let assignment = |holds: fn(&super::member::Assignment) -> bool| spec.organizations.iter().any(holds);
    set([
        ("spec.temporaryId", spec.temporary_id == Some(true)),
        ("spec.concurrentOf", spec.concurrent_of.is_some()),
        ("spec.photo", spec.photo.is_some()),
        ("spec.organizations[].private", assignment(|o| o.private == Some(true))),
        ("spec.organizations[].includeInTeamSharing", assignment(|o| o.include_in_team_sharing == Some(false))),
        ("spec.organizations[].from", assignment(|o| o.from.is_some())),
        ("spec.organizations[].until", assignment(|o| o.until.is_some())),
        ("spec.departure.devices", spec.departure.as_ref().is_some_and(|d| d.devices.is_some())),
        ("spec.twoStepVerification", spec.two_step_verification.is_some()),
        ("spec.resetTwoStepVerification", spec.reset_two_step_verification.is_some()),
        ("spec.appUsage", spec.app_usage.is_some()),
        ("spec.easyLogin", spec.easy_login.is_some()),
        ("spec.searchAutocomplete", spec.search_autocomplete.is_some()),
        ("spec.devices", !spec.devices.is_empty()),
        ("spec.notifyUpdate", spec.notify_update.is_some()),
        ("spec.password", spec.password.is_some()),
        ("spec.resendInvitation", spec.resend_invitation.is_some()),
        ("spec.registration", spec.registration.is_some()),
    ])
}

/// The fields of a contact that are declared and have no effect yet: all of them.
pub fn unsupported_in_contact(_: &ExternalContactSpec) -> Vec<&'static str> {
    vec!["spec"]
}
