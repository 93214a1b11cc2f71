//! A roster applied with kubectl becomes accounts, time does the rest, and what vanishes is not lost.

use crate::support::{becomes, company, member, organization, started, tenant, within};

// O4, O6, R11
#[test]
fn a_member_applied_before_its_tenant_and_organization_becomes_ready_once_they_are_there() {
    let (plane, _directory, _operator) = started();
    plane.apply(&member("hr", "jane", ""));
    becomes(10, "False TenantNotFound".to_owned(), || plane.ready("member", "hr", "jane"));
    plane.apply(&(tenant("hr") + &member("hr", "boss", "  personalEmail: boss@home.example")));
    becomes(10, "False OrganizationNotFound".to_owned(), || plane.ready("member", "hr", "jane"));
    plane.apply(&organization("hr", "platform"));
    plane.wait_ready("hr", &["member/jane", "member/boss", "tenant/acme", "organization/platform"]);
    let table = plane.kubectl(&["get", "members", "-n", "hr"]);
    let (header, jane) = (table.lines().next().unwrap(), table.lines().find(|line| line.starts_with("jane")).unwrap());
    for column in ["ID", "NAME", "ORGANIZATION", "PHASE", "READY", "REASON", "AGE"] {
        assert!(header.contains(column), "{table}");
    }
    for value in ["platform", "Pending", "True", "InDirectory"] {
        assert!(jane.contains(value), "{table}");
    }
    within(10, || match plane.status("tenant", "hr", "acme", "members").as_str() {
        "2" => Ok(()),
        other => Err(other.to_owned()),
    });
    assert_eq!(plane.status("organization", "hr", "platform", "membersWithAllBelow"), "2");
}

// M23, M24, R9
#[test]
fn a_deleted_member_goes_to_grace_and_comes_back_with_the_same_uid() {
    let (plane, directory, _operator) = started();
    plane.apply(&company("hr", &["jane"]));
    plane.wait_ready("hr", &["member/jane"]);
    let uid = plane.status("member", "hr", "jane", "uid");
    plane.kubectl(&["delete", "member", "jane", "-n", "hr"]);
    becomes(15, 1, || directory.count("members WHERE name = 'jane' AND phase = 'Deleted'"));
    plane.apply(&member("hr", "jane", ""));
    plane.wait_ready("hr", &["member/jane"]);
    assert_eq!(plane.status("member", "hr", "jane", "uid"), uid);
    assert_eq!(directory.trail().iter().filter(|action| *action == "delete" || *action == "restore").count(), 2);
}

// M20, R4
#[test]
fn an_activation_fires_within_a_second_of_its_instant() {
    let (plane, directory, _operator) = started();
    plane.apply(&company("hr", &[]));
    plane.wait_ready("hr", &["member/boss"]);
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(4);
    plane.apply(&member("hr", "jane", &format!("  activation: {{at: \"{at:.0}\"}}")));
    becomes(3, "Scheduled".to_owned(), || plane.status("member", "hr", "jane", "phase"));
    becomes(8, "Pending".to_owned(), || plane.status("member", "hr", "jane", "phase"));
    let late =
        directory.rows("SELECT CAST(at - due AS TEXT) FROM audit WHERE action = 'activate' AND due <> at ORDER BY seq DESC");
    let late: i64 = late.first().and_then(|late| late.parse().ok()).unwrap();
    assert!((0..1_000_000).contains(&late), "{late} microseconds late");
    within(10, || {
        let events = plane.events("hr");
        if events.lines().any(|line| line.starts_with("jane Activated ")) { Ok(()) } else { Err(events) }
    });
}

// R6: of several who write to an object, the one counts who wrote its spec last.
#[test]
fn the_trail_tells_who_wrote_the_spec() {
    let (plane, directory, _operator) = started();
    plane.apply(&company("hr", &["jane"]));
    plane.wait_ready("hr", &["member/jane"]);
    let spec = "{\"spec\":{\"nickname\":\"Janey\"}}";
    let patch = ["patch", "member", "jane", "-n", "hr", "--type=merge", "--field-manager=argo", "-p", spec];
    plane.kubectl(&patch);
    plane.kubectl(&["annotate", "member", "jane", "-n", "hr", "--field-manager=somebody", "example.com/note=later"]);
    let who = "SELECT manager FROM audit WHERE kind = 'Member' AND action = 'update' ORDER BY seq DESC LIMIT 1";
    becomes(10, vec!["argo".to_owned()], || directory.rows(who));
    let created = "SELECT manager FROM audit WHERE kind = 'Member' AND action = 'create'";
    assert!(directory.rows(created).iter().all(|manager| manager == "kubectl-client-side-apply"));
}

// R9: a live look that it is still gone.
#[test]
fn replacing_a_resource_signs_nobody_out() {
    let (plane, directory, _operator) = started();
    plane.apply(&company("hr", &["jane"]));
    plane.wait_ready("hr", &["member/jane"]);
    let (uid, trail) = (directory.uid("jane"), directory.trail());
    plane.kubectl_with(&["replace", "--force", "-f", "-"], &member("hr", "jane", ""));
    plane.wait_ready("hr", &["member/jane"]);
    std::thread::sleep(std::time::Duration::from_secs(6));
    assert_eq!((directory.uid("jane"), directory.trail()), (uid, trail));
}

// R5
#[test]
fn drift_is_set_back_and_said() {
    let (plane, directory, _operator) = started();
    plane.apply(&company("hr", &["jane"]));
    plane.wait_ready("hr", &["member/jane"]);
    directory.execute("UPDATE members SET given_name = 'Mallory' WHERE name = 'jane'");
    becomes(10, vec!["jane".to_owned()], || directory.rows("SELECT given_name FROM members WHERE name = 'jane'"));
    within(10, || {
        let events = plane.events("hr");
        if events.contains("jane DriftCorrected") { Ok(()) } else { Err(events) }
    });
}

// M11, R9: renames are matched first.
#[test]
fn a_renamed_manifest_keeps_its_person() {
    let (plane, directory, _operator) = started();
    let keyed = |name: &str| member("hr", name, "  externalKey: p-1").replace(&format!("id: {name}"), "id: jane.doe");
    plane.apply(&(company("hr", &[]) + &keyed("jane")));
    plane.wait_ready("hr", &["member/jane"]);
    let uid = plane.status("member", "hr", "jane", "uid");
    plane.apply(&keyed("jane-doe"));
    becomes(10, "False ExternalKeyTaken".to_owned(), || plane.ready("member", "hr", "jane-doe"));
    plane.kubectl(&["delete", "member", "jane", "-n", "hr"]);
    plane.wait_ready("hr", &["member/jane-doe"]);
    assert_eq!(plane.status("member", "hr", "jane-doe", "uid"), uid);
    std::thread::sleep(std::time::Duration::from_secs(5));
    assert_eq!(directory.count("audit WHERE action = 'delete'"), 0);
}

// R9, M23
#[test]
fn members_that_are_there_before_their_tenant_go_when_their_resources_go() {
    let (plane, directory, _operator) = started();
    // In one batch, the Tenant last.
    let team =
        organization("hr", "platform") + &member("hr", "boss", "  personalEmail: boss@home.example") + &member("hr", "jane", "");
    plane.apply(&(team + &tenant("hr")));
    plane.wait_ready("hr", &["member/jane", "tenant/acme"]);
    plane.kubectl(&["delete", "member", "jane", "-n", "hr"]);
    becomes(20, 1, || directory.count("members WHERE name = 'jane' AND phase = 'Deleted'"));
}

// M11
#[test]
fn a_copied_external_key_is_refused_also_after_its_holder_was_away() {
    let (plane, directory, _operator) = started();
    let jane = member("hr", "jane", "  externalKey: p-1");
    plane.apply(&(company("hr", &[]) + &jane));
    plane.wait_ready("hr", &["member/jane"]);
    plane.kubectl(&["delete", "member", "jane", "-n", "hr"]);
    becomes(20, 1, || directory.count("members WHERE name = 'jane' AND phase = 'Deleted'"));
    plane.apply(&jane);
    plane.wait_ready("hr", &["member/jane"]);
    let uid = directory.uid("jane");
    plane.apply(&member("hr", "copy", "  externalKey: p-1"));
    becomes(10, "False ExternalKeyTaken".to_owned(), || plane.ready("member", "hr", "copy"));
    assert_eq!(directory.uid("jane"), uid);
}
