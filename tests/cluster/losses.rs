//! The ways in which a cluster loses things. None of them loses a person.

use std::thread::sleep;
use std::time::Duration;

use crate::support::{Directory, HOME, Operator, Plane, becomes, company, member, started, tenant, within};

/// Longer than anything vanished settles.
const SETTLED: Duration = Duration::from_secs(6);

/// What must not change: whom the directory knows, and the actions of its trail that take something from somebody.
fn people(directory: &Directory) -> Vec<String> {
    let mut people = directory.rows("SELECT name || ' ' || uid || ' ' || phase FROM members ORDER BY name");
    people.extend(directory.rows("SELECT action FROM audit WHERE action IN ('delete', 'purge', 'suspend') ORDER BY seq"));
    people.extend(directory.rows("SELECT member FROM sessions WHERE closed_at IS NOT NULL"));
    people
}

/// Waits until whatever vanished has settled: everybody is still there.
#[track_caller]
fn stay(directory: &Directory, before: &[String]) {
    sleep(SETTLED);
    assert_eq!(people(directory), before);
}

/// Declares the company, and waits for it.
#[track_caller]
fn employ(plane: &Plane) {
    plane.apply(&company("hr", &["jane", "joe"]));
    plane.wait_ready("hr", &["member/boss", "member/jane", "member/joe", "tenant/acme"]);
}

/// A cluster with a company in the namespace `hr`, of which the first person has signed in.
fn cluster() -> (Plane, Directory, Operator) {
    let (plane, directory, operator) = started();
    employ(&plane);
    directory.execute(
        "INSERT INTO sessions (id, member, app, opened_at, closed_at, closed_by) SELECT 's1', uid, 'Web', 1, NULL, NULL FROM members WHERE name = 'jane'",
    );
    (plane, directory, operator)
}

// R9, T14
#[test]
fn a_namespace_that_is_deleted_takes_nobody_with_it() {
    let (plane, directory, operator) = cluster();
    let before = people(&directory);
    assert_eq!(before.len(), 3);
    // In the namespace controller's own time: nothing of Rollcall's holds it up.
    plane.kubectl(&["delete", "namespace", "hr", "--timeout=60s"]);
    stay(&directory, &before);
    becomes(10, vec!["0".to_owned()], || directory.rows("SELECT CAST(count(*) AS TEXT) FROM tenants WHERE managed"));
    // The Tenant alone says nothing about members that were declared under another one.
    plane.namespace("hr");
    plane.apply(&tenant("hr"));
    becomes(20, "Active".to_owned(), || plane.status("tenant", "hr", "acme", "phase"));
    stay(&directory, &before);
    employ(&plane);
    assert_eq!(people(&directory), before);
    assert_eq!(operator.end(), 0);
}

// R9, T14
#[test]
fn custom_resource_definitions_that_are_deleted_take_nobody_with_them() {
    let (plane, directory, _operator) = cluster();
    let before = people(&directory);
    plane.kubectl(&[
        "delete",
        "crd",
        "members.rollcall.dev",
        "organizations.rollcall.dev",
        "tenants.rollcall.dev",
        "--timeout=60s",
    ]);
    stay(&directory, &before);
    plane.kubectl(&["apply", "--server-side", "-f", concat!(env!("CARGO_MANIFEST_DIR"), "/crds")]);
    plane.kubectl(&["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"]);
    within(20, || plane.try_kubectl(&["get", "members,tenants,organizations", "-n", "hr"]));
    plane.apply(&tenant("hr"));
    stay(&directory, &before);
    plane.apply(&company("hr", &["jane", "joe"]));
    becomes(60, "True InDirectory".to_owned(), || plane.ready("member", "hr", "jane"));
    assert_eq!(people(&directory), before);
}

// R9, T14
#[test]
fn an_uninstalled_chart_takes_nobody_with_it() {
    let (plane, directory, operator) = cluster();
    let before = people(&directory);
    plane.helm(&["uninstall", "rollcall", "-n", HOME]);
    // The rights are gone while it still runs.
    stay(&directory, &before);
    drop(operator);
    assert!(plane.get("member", "hr", "jane").is_some(), "resources and their definitions are kept");
    let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/rollcall");
    plane.helm(&["install", "rollcall", chart, "-n", HOME]);
    let _operator = Operator::start(&plane, &directory);
    stay(&directory, &before);
}

// R9
#[test]
fn an_empty_cluster_on_the_same_directory_takes_nobody_away() {
    let (plane, directory, operator) = cluster();
    let before = people(&directory);
    assert_eq!(operator.end(), 0);
    let other = Plane::start();
    let _operator = Operator::start(&other, &directory);
    stay(&directory, &before);
    other.namespace("hr");
    other.apply(&(tenant("hr") + &member("hr", "boss", "  personalEmail: boss@home.example")));
    other.wait_ready("hr", &["tenant/acme"]);
    stay(&directory, &before);
    drop(plane);
}

// R9: a list that is forbidden is never complete.
#[test]
fn withdrawn_rights_take_nobody_away() {
    let (plane, directory, operator) = cluster();
    let before = people(&directory);
    let name = plane.kubectl(&["get", "clusterrole", "-l", "app.kubernetes.io/name=rollcall", "-o", "name"]);
    let role = plane.kubectl(&["get", name.trim(), "-o", "yaml"]);
    plane.kubectl(&["delete", name.trim()]);
    assert_eq!(operator.end(), 0);
    let operator = Operator::spawn(&plane, &directory, &[]);
    within(20, || match operator.probe("/readyz") {
        Some((503, why)) if why.contains("watch tenants") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    plane.kubectl(&["delete", "member", "joe", "-n", "hr"]);
    stay(&directory, &before);
    // With the rights it goes on by itself, and does what was meant.
    plane.apply(&role);
    operator.wait_ready(40);
    becomes(20, 1, || directory.count("members WHERE name = 'joe' AND phase = 'Deleted'"));
}

// R9: a list that is partial is never complete.
#[test]
fn a_narrowed_list_of_namespaces_takes_nobody_away() {
    let (plane, directory, operator) = cluster();
    let before = people(&directory);
    assert_eq!(operator.end(), 0);
    plane.namespace("elsewhere");
    let operator = Operator::spawn(&plane, &directory, &["--watch-namespace", "elsewhere"]);
    operator.wait_ready(30);
    stay(&directory, &before);
}

// T14, R9
#[test]
fn a_tenant_whose_resource_is_gone_is_unmanaged_and_keeps_its_people() {
    let (plane, directory, _operator) = cluster();
    let before = people(&directory);
    plane.kubectl(&["delete", "tenant", "acme", "-n", "hr"]);
    plane.kubectl(&["delete", "member", "joe", "-n", "hr"]);
    becomes(20, 0, || directory.count("tenants WHERE managed"));
    stay(&directory, &before);
    let shown = std::process::Command::new(crate::support::program())
        .args(["get", "tenants", "-n", "hr", "--directory", directory.url()])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&shown.stdout).contains("Unmanaged"), "{shown:?}");
    plane.apply(&tenant("hr"));
    plane.wait_ready("hr", &["tenant/acme"]);
    becomes(10, 1, || directory.count("tenants WHERE managed"));
    assert_eq!(people(&directory), before);
}

// R9: under another Tenant, it is orphaned.
#[test]
fn a_tenant_that_is_made_anew_at_once_takes_nobody_away() {
    let (plane, directory, _operator) = cluster();
    let before = people(&directory);
    // Everything goes, and the Tenant is back before anything has settled.
    plane.kubectl(&["delete", "members,organizations,tenants", "--all", "-n", "hr"]);
    plane.apply(&tenant("hr"));
    sleep(SETTLED);
    stay(&directory, &before);
    employ(&plane);
    assert_eq!(people(&directory), before);
    // Under the Tenant of today, what goes goes.
    plane.kubectl(&["delete", "member", "joe", "-n", "hr"]);
    becomes(20, 1, || directory.count("members WHERE name = 'joe' AND phase = 'Deleted'"));
}

// R9
#[test]
fn a_definition_that_is_replaced_at_once_takes_nobody_away() {
    let (plane, directory, _operator) = cluster();
    let before = people(&directory);
    plane.kubectl(&["replace", "--force", "-f", concat!(env!("CARGO_MANIFEST_DIR"), "/crds/members.yaml")]);
    sleep(SETTLED);
    stay(&directory, &before);
    within(20, || plane.try_kubectl(&["get", "members", "-n", "hr"]));
    plane.apply(&company("hr", &["jane", "joe"]));
    becomes(60, "True InDirectory".to_owned(), || plane.ready("member", "hr", "jane"));
    assert_eq!(people(&directory), before);
}
