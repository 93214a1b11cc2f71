//! Mails leave by the operator that leads; what waits, and what was refused, is told on the resources.

use crate::support::post::{Post, REFUSED};
use crate::support::{Operator, Plane, becomes, company, member, started};

/// Whether a resource has a condition.
fn has(plane: &Plane, kind: &str, name: &str, condition: &str) -> bool {
    let object = plane.get(kind, "hr", name).unwrap_or_default();
    object["status"]["conditions"].as_array().into_iter().flatten().any(|found| found["type"] == condition)
}

/// How many rows of the outbox a Tenant tells of.
fn waiting(plane: &Plane) -> Option<i64> {
    plane.get("tenant", "hr", "acme").unwrap_or_default()["status"]["outbox"]["waiting"].as_i64()
}

#[test]
fn mails_wait_for_a_server_and_leave_by_the_operator_that_leads() {
    let (plane, directory, operator) = started();
    plane.apply(&company("hr", &[]));
    plane.wait_ready("hr", &["member/boss", "tenant/acme"]);
    becomes(10, true, || has(&plane, "tenant", "acme", "MailWaits"));
    becomes(10, Some(1), || waiting(&plane));
    assert_eq!(operator.end(), 0);

    let post = Post::start();
    let (url, base) = (post.url(), "https://login.hr.example");
    let settings = ["--smtp", &url, "--mail-from", "hr@hr.example", "--link-base", base];
    let operator = Operator::spawn(&plane, &directory, &settings);
    operator.wait_ready(30);
    becomes(10, vec!["Your account at Acme".to_owned()], || post.subjects("boss@home.example"));
    becomes(10, false, || has(&plane, "tenant", "acme", "MailWaits"));
    becomes(10, None, || waiting(&plane));

    let invited = |email: &str| format!("  personalEmail: {email}\n  password: {{mode: CreationLink}}");
    plane.apply(
        &(member("hr", "jane", &invited("jane@home.example")) + &member("hr", "june", &invited(&format!("june@{REFUSED}")))),
    );
    becomes(10, vec!["Invitation to Acme".to_owned()], || post.subjects("jane@home.example"));
    becomes(10, true, || plane.status("member", "hr", "jane", "invitedUntil").ends_with('Z'));
    becomes(10, true, || has(&plane, "member", "june", "MailRefused"));
    plane.wait_ready("hr", &["member/jane", "member/june"]);
    assert_eq!(post.mails("boss@home.example").len(), 1, "sent once");
}

// T15, R12: the API server hands on one object after another; what comes without a pause is one batch.
#[test]
fn the_mails_of_one_kubectl_apply_are_held_together() {
    let (plane, directory, _operator) = started();
    plane.apply(&company("hr", &[]));
    plane.wait_ready("hr", &["member/boss", "tenant/acme"]);
    becomes(15, (1, 0), || (directory.count("outbox"), directory.count("outbox WHERE held")));
    let crowd: Vec<String> =
        (0..101).map(|n| member("hr", &format!("m{n:03}"), &format!("  personalEmail: m{n:03}@home.example"))).collect();
    plane.apply(&crowd.concat());
    let held = || {
        let message = "jsonpath={.status.conditions[?(@.type=='Held')].message}";
        plane.kubectl(&["get", "tenant", "acme", "-n", "hr", "-o", message])
    };
    becomes(60, true, || held().contains("more than 100 (101: m000, m001"));
    assert_eq!(directory.count("outbox WHERE held"), 101);
}
