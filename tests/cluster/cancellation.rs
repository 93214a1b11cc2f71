//! A tenant that declares its end: what blocks it is told on the resource, and once nothing does, it is over (T12).

use std::process::Command;

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};

use crate::support::{becomes, company, tenant, with_secrets, within};

// T12
#[test]
fn a_tenant_tells_what_blocks_its_cancellation_and_ends_once_nothing_does() {
    let (plane, directory, _operator) = with_secrets();
    plane.apply(&company("hr", &["jane"]));
    plane.wait_ready("hr", &["tenant/acme", "member/boss", "member/jane"]);
    assert_eq!(plane.status("tenant", "hr", "acme", "phase"), "Active");
    let least = Params::new(8, 1, 1, None).unwrap();
    let hash = Argon2::new(Algorithm::Argon2id, Version::V0x13, least).hash_password(b"correct-horse").unwrap();
    let boss = directory.uid("boss").unwrap();
    directory.execute(&format!(
        "INSERT INTO credentials (member, hash, must_change, changed_at, generated) VALUES ('{boss}', '{hash}', FALSE, 0, FALSE)"
    ));
    let free = tenant("hr").replace("{core: {plan: Advanced}}", "{core: {plan: Free}}");
    let cancellation =
        "{reason: CompanyClosed, purgeDeletedMembers: true, confirmation: {secretKeyRef: {name: farewell, key: password}}}";
    plane.apply(&format!("{free}  cancellation: {cancellation}\n"));
    becomes(10, "Cancelling".to_owned(), || plane.status("tenant", "hr", "acme", "phase"));
    becomes(10, "False CancellationBlocked".to_owned(), || plane.ready("tenant", "hr", "acme"));
    let blocked = "{.status.conditions[?(@.type=='CancellationBlocked')].reason}";
    let reasons = || plane.kubectl(&["get", "tenant", "acme", "-n", "hr", "-o", &format!("jsonpath={blocked}")]);
    becomes(10, "MembersRemain,ConfirmationRejected".to_owned(), reasons);
    // A Secret that is made later is looked at as it comes.
    plane.kubectl(&["create", "secret", "generic", "farewell", "-n", "hr", "--from-literal=password=correct-horse"]);
    becomes(5, "MembersRemain".to_owned(), reasons);

    // T13: what others write while the operator leads is told within a second, and a little for the status to arrive.
    let billing = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rollcall"));
        command.args(["billing"]).args(args).args(["-n", "hr", "--directory", directory.url()]);
        assert!(command.status().unwrap().success(), "{args:?}");
    };
    billing(&["add", "acme", "--month", "2020-01", "--amount", "5", "--currency", "KRW", "--due", "2020-01-25"]);
    becomes(3, "MembersRemain,UnpaidCharges".to_owned(), reasons);
    assert!(plane.status("tenant", "hr", "acme", "charges").contains("2020-01"));
    billing(&["pay", "acme", "--month", "2020-01"]);
    becomes(3, "MembersRemain".to_owned(), reasons);

    plane.kubectl(&["delete", "member", "jane", "-n", "hr"]);
    becomes(30, "Cancelled".to_owned(), || plane.status("tenant", "hr", "acme", "phase"));
    becomes(10, "True Cancelled".to_owned(), || plane.ready("tenant", "hr", "acme"));
    becomes(10, "False TenantCancelled".to_owned(), || plane.ready("member", "hr", "boss"));
    becomes(10, "False TenantCancelled".to_owned(), || plane.ready("organization", "hr", "platform"));
    assert_eq!((directory.count("members"), directory.count("organizations"), directory.count("credentials")), (0, 0, 0));
    within(10, || {
        let columns = "jsonpath={range .items[*]}{.regarding.name} {.reason}{'\\n'}{end}";
        let events = plane.kubectl(&["get", "events.events.k8s.io", "-n", "hr", "-o", columns]);
        if events.lines().any(|line| line == "acme Cancelled") { Ok(()) } else { Err(events) }
    });
    // R7: what the Secret holds stays there.
    assert_eq!(directory.count("declarations WHERE CAST(status AS TEXT) LIKE '%correct-horse%'"), 0);
}
