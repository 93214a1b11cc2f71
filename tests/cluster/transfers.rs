//! Holds on a cluster: a transfer that erases waits for consent, lost access beyond the budget for approval (R12).

use crate::support::{becomes, company, member, started};

/// Umbra, of the same group as Acme, without the services in which members have data; its chief.
const UMBRA: &str = "---\napiVersion: rollcall.dev/v1alpha1\nkind: Tenant\nmetadata: {name: umbra, namespace: hr}\nspec:\n  \
     displayName: Umbra\n  domain: umbra.example\n  corporateGroup: Blue\n  products: {approval: {}}\n  supremeAdminRef: {name: chief}\n";

/// A member of Umbra, in no team.
fn in_umbra(name: &str, more: &str) -> String {
    let text = member("hr", name, more).replace("{name: acme}", "{name: umbra}");
    text.lines().filter(|line| !line.contains("organizationRef")).map(|line| format!("{line}\n")).collect()
}

/// What a person copies out of a condition.
fn fingerprint(message: &str) -> String {
    message.rsplit("rollcall.dev/approve: \"").next().unwrap_or_default().chars().take(16).collect()
}

// M40, R12
#[test]
fn a_transfer_waits_for_consent_and_keeps_the_person() {
    let (plane, directory, _operator) = started();
    let chief = in_umbra("chief", "  personalEmail: chief@home.example");
    plane.apply(&(company("hr", &["jane"]).replace("  products:", "  corporateGroup: Blue\n  products:") + UMBRA + &chief));
    plane.wait_ready("hr", &["tenant/acme", "tenant/umbra", "member/jane", "member/chief"]);
    let uid = plane.status("member", "hr", "jane", "uid");
    plane.apply(&in_umbra("jane", ""));
    becomes(15, "False TransferNeedsConsent".to_owned(), || plane.ready("member", "hr", "jane"));
    assert_eq!(plane.status("member", "hr", "jane", "messageId"), "jane@hr.example");
    let held = "jsonpath={.status.conditions[?(@.type=='Held')].message}";
    let held = plane.kubectl(&["get", "member", "jane", "-n", "hr", "-o", held]);
    assert!(held.contains("mailbox"), "{held}");
    let consent = format!("rollcall.dev/approve={}", fingerprint(&held));
    plane.kubectl(&["annotate", "member", "jane", "-n", "hr", &consent]);
    becomes(15, "jane@umbra.example".to_owned(), || plane.status("member", "hr", "jane", "messageId"));
    plane.wait_ready("hr", &["member/jane"]);
    assert_eq!(plane.status("member", "hr", "jane", "uid"), uid);
    assert_eq!(directory.count("outbox WHERE effect = 'Erase'"), 4);
}

// T11, R12
#[test]
fn members_that_are_deleted_at_once_are_held_and_go_once_it_is_approved() {
    let (plane, directory, _operator) = started();
    let names = ["m1", "m2", "m3", "m4", "m5", "m6", "m7"];
    plane.apply(&company("hr", &names));
    plane.wait_ready("hr", &names.map(|name| format!("member/{name}")).each_ref().map(String::as_str));
    plane.kubectl(&[&["delete", "member", "-n", "hr"][..], &names].concat());
    let held = || {
        let message = "jsonpath={.status.conditions[?(@.type=='Held')].message}";
        plane.kubectl(&["get", "tenant", "acme", "-n", "hr", "-o", message])
    };
    becomes(30, true, || held().contains("(7: m1, m2, m3, m4, m5 and 2 more)"));
    becomes(5, "7".to_owned(), || plane.status("tenant", "hr", "acme", "pendingRemovalCount"));
    assert_eq!(directory.count("members WHERE deleted_at IS NOT NULL"), 0);
    // One that comes back is released; the others go with a person's word.
    plane.apply(&member("hr", "m7", ""));
    becomes(15, true, || held().contains("(6: "));
    let approved = format!("rollcall.dev/approve={}", fingerprint(&held()));
    plane.kubectl(&["annotate", "tenant", "acme", "-n", "hr", &approved]);
    becomes(15, 6, || directory.count("members WHERE deleted_at IS NOT NULL"));
    becomes(10, String::new(), held);
    assert_eq!(plane.ready("member", "hr", "m7"), "True InDirectory");
}
