//! What is wrong with a member's spec beyond its schema: alone, against its tenant, and where it names a request. Pure.
//! Called by `validate` and by the decision about a member.

use jiff::tz::TimeZone;
use serde_json::Value;

use super::transitions::Dates;
use crate::api::{MemberSpec, Problem, TenantSpec, When};
use crate::lifecycle::tenant::{languages, zone};
use crate::record::MemberRecord;

/// What is wrong with a spec by itself.
pub fn alone(spec: &MemberSpec) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut ends_before = |path: &str, from: Option<When>, until: Option<When>| {
        if let (Some(from), Some(until)) = (from, until)
            && from.start(&TimeZone::UTC) >= until.end(&TimeZone::UTC)
        {
            problems.push(Problem::new(path, format!("{until} is not after {from}")));
        }
    };
    if let Some(suspension) = &spec.suspension {
        ends_before("spec.suspension.until", suspension.from, suspension.until);
    }
    if let Some(leave) = &spec.leave_of_absence {
        ends_before("spec.leaveOfAbsence.until", leave.from, leave.until);
    }
    for (index, assignment) in spec.organizations.iter().enumerate() {
        ends_before(&format!("spec.organizations[{index}].until"), assignment.from, assignment.until);
    }
    for (index, order) in spec.devices.iter().enumerate() {
        if spec.devices[..index].contains(order) {
            let message = format!(
                "`{}` of `{}` is ordered twice with the token `{}`; give a second order a token of its own (M28)",
                order.action.name(),
                order.id.as_str(),
                order.token.as_str()
            );
            problems.push(Problem::new(format!("spec.devices[{index}]"), message));
        }
    }
    if spec.is_temporary() && spec.concurrent_of.is_some() {
        problems.push(Problem::new(
            "spec.temporaryId",
            "a temporary ID follows nobody: leave out one of temporaryId and concurrentOf (M31)",
        ));
    }
    let name = |index: usize| spec.organizations[index].organization_ref.name();
    for index in 0..spec.organizations.len() {
        if (0..index).any(|earlier| name(earlier) == name(index)) {
            let message = format!("`{}` is listed twice (M4)", name(index));
            problems.push(Problem::new(format!("spec.organizations[{index}].organizationRef.name"), message));
        }
    }
    let id = spec.id.as_ref().map(|id| id.as_str());
    for (index, part) in spec.secondary_emails.iter().enumerate() {
        let earlier = spec.secondary_emails[..index].iter().map(|earlier| earlier.as_str()).chain(id);
        if earlier.into_iter().any(|earlier| earlier == part.as_str()) {
            problems.push(Problem::new(format!("spec.secondaryEmails[{index}]"), format!("`{part}` is given twice (M8)")));
        }
    }
    problems
}

/// What is wrong with a spec in its tenant (T1, T8), and in its time zone (R4).
pub fn against(spec: &MemberSpec, tenant: &TenantSpec) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut listed = |path: String, value: Option<&str>, list: &[crate::api::text::Label], field: &str| {
        if let Some(value) = value
            && !list.iter().any(|known| known.as_str() == value)
        {
            let known: Vec<&str> = list.iter().map(|label| label.as_str()).collect();
            let known = if known.is_empty() { ", which are empty".to_owned() } else { format!(": {}", known.join(", ")) };
            problems.push(Problem::new(path, format!("`{value}` is not in the tenant's {field}{known} (T8)")));
        }
    };
    listed("spec.userType".into(), spec.user_type.as_ref().map(|v| v.as_str()), &tenant.user_types, "userTypes");
    listed("spec.jobLevel".into(), spec.job_level.as_ref().map(|v| v.as_str()), &tenant.job_levels, "jobLevels");
    for (index, assignment) in spec.organizations.iter().enumerate() {
        let path = format!("spec.organizations[{index}].position");
        listed(path, assignment.position.as_ref().map(|v| v.as_str()), &tenant.positions, "positions");
    }
    let dates = Dates::of(spec, &Value::Null, &zone(tenant));
    if dates.departure.is_some_and(|departure| dates.activation.is_some_and(|activation| departure < activation)) {
        let message = "after spec.departure: there would be no account (M20, M23)";
        problems.push(Problem::new("spec.activation.at", message));
    }
    let known = || languages(tenant).iter().map(|language| language.tag()).collect::<Vec<_>>();
    for language in spec.names.keys().filter(|language| !known().contains(&language.as_str())) {
        let message = format!("not one of the tenant's languages: {} (T1)", known().join(", "));
        problems.push(Problem::new(format!("spec.names.{language}"), message));
    }
    problems
}

/// What is wrong where a member who is there already is to be somebody's who asked for an account: an approval makes a
/// member, and gives nobody another's account.
pub fn of_another(member: &MemberRecord, spec: &MemberSpec) -> Option<Problem> {
    let id = spec.registration.as_ref().filter(|_| spec.registration != member.intent.spec.registration)?;
    let message = format!(
        "the request `{id}` makes a new member, and {} is another person's account; give the manifest another metadata.name (M35)",
        member.handle
    );
    Some(Problem::new("spec.registration", message))
}
