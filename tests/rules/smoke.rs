//! The shortest way through the whole program, and the harness held to what it promises.
//! Never about one rule: those have files of their own. Run by `make test`.

use std::panic;

use crate::support::{boss, member, on_both, organization, phase, ready, set, tenant};

const NOW: &str = "2027-03-01T09:00:00Z";

fn roster() -> String {
    set(&[
        tenant("acme", ""),
        boss("acme"),
        organization("platform", "acme", ""),
        member("jane", "acme", "  organizations:\n  - organizationRef: {name: platform}\n    leader: true"),
    ])
}

// R2, R6
#[test]
fn an_applied_roster_is_in_the_directory() {
    on_both(|roll| {
        let report = roll.apply(NOW, &roster()).expect_code(0);
        for (kind, name) in [("Tenant", "acme"), ("Organization", "platform"), ("Member", "boss"), ("Member", "jane")] {
            assert_eq!(report.actions(kind, name).first().map(String::as_str), Some("create"), "{kind} {name}");
            assert_eq!(ready(&roll.get(kind, name)).0, "True", "{kind} {name}");
            assert_eq!(roll.history(kind, name)[0]["action"], "create", "{kind} {name}");
        }
        assert_eq!(phase(&roll.get("Member", "jane")), "Pending");
        assert_eq!(roll.list("Member").len(), 2);
        assert_eq!(roll.find("Member", "nobody"), None);
        assert!(roll.trail().len() >= 4);
    });
}

// R2
#[test]
fn a_plan_tells_what_apply_then_does() {
    on_both(|roll| {
        roll.apply(NOW, &set(&[tenant("acme", ""), boss("acme")])).expect_code(0);
        let plan = roll.plan(NOW, &roster(), &[]).expect_code(1);
        let report = roll.apply(NOW, &roster()).expect_code(0);
        assert_eq!(plan.all_actions(), report.all_actions());
        assert_eq!(roll.plan(NOW, &roster(), &[]).expect_code(0).all_actions(), [""; 0]);
    });
}

// R5
#[test]
fn applying_the_same_again_changes_nothing() {
    on_both(|roll| {
        roll.apply(NOW, &roster()).expect_code(0);
        assert_eq!(roll.apply(NOW, &roster()).expect_code(0).all_actions(), [""; 0]);
        assert_eq!(roll.tick(NOW).expect_code(0).all_actions(), [""; 0]);
    });
}

// M20
#[test]
fn a_member_who_signs_in_is_active() {
    on_both(|roll| {
        roll.apply(NOW, &roster()).expect_code(0);
        roll.sign_in("2027-03-01T10:00:00Z", "jane").ok();
        roll.tick("2027-03-01T10:00:01Z").expect_code(0);
        assert_eq!(phase(&roll.get("Member", "jane")), "Active");
    });
}

#[test]
fn a_directory_can_be_asked_in_sql() {
    on_both(|roll| {
        roll.apply(NOW, &roster()).expect_code(0);
        assert_eq!(roll.query("SELECT count(*) FROM members").as_deref(), Some("2"));
        assert_eq!(roll.query("SELECT NULL"), None);
        assert_eq!(roll.query("SELECT 1 WHERE 1 = 0"), None);
        assert_eq!(roll.sql("CREATE TABLE mine (n bigint); INSERT INTO mine VALUES (1), (2)"), Ok(2));
        assert!(roll.sql("DELETE FROM nothing").unwrap_err().contains("nothing"));
    });
}

#[test]
fn a_failure_tells_on_which_database_it_was() {
    let failure = panic::catch_unwind(|| on_both(|roll| assert!(roll.url().starts_with("sqlite:"), "as it was to be")));
    let message = failure.unwrap_err().downcast_ref::<String>().cloned().unwrap_or_default();
    assert_eq!(message, "the scenario failed on PostgreSQL: as it was to be");
}

#[test]
fn what_a_test_writes_takes_the_place_of_the_default() {
    let given = member(
        "jane",
        "acme",
        "  id: jane.doe\n  organizations:\n  - organizationRef:\n      name: platform\n  language: ja_JP\n",
    );
    let expected = "\
apiVersion: rollcall.dev/v1alpha1
kind: Member
metadata: {name: jane}
spec:
  tenantRef: {name: acme}
  name: {family: Doe, given: Jane}
  personalEmail: jane@home.example
  id: jane.doe
  organizations:
  - organizationRef:
      name: platform
  language: ja_JP
";
    assert_eq!(given, expected);
    assert!(member("jane", "acme", "").contains("\n  id: jane\n"));
    assert!(!member("temp", "acme", "  temporaryId: true").contains("  id:"));
}
