//! Several things at once, in the order in which bad days bring them: purge and return, time zones, drift beside dates,
//! names handed on. Each of these once went wrong.

use crate::support::*;

const NOW: &str = "2027-01-10T00:00:00Z";

fn company(extra: &str, more: &[String]) -> String {
    let mut all = vec![tenant("acme", extra), boss("acme")];
    all.extend_from_slice(more);
    set(&all)
}

// M11, R11
#[test]
fn a_person_who_waits_for_a_handle_comes_when_its_holder_is_purged() {
    on_both(|roll| {
        roll.apply(NOW, &company("", &[member("jane", "acme", "  externalKey: K1")])).expect_code(0);
        roll.apply_with("2027-01-11T00:00:00Z", &company("", &[]), &["--prune"]).expect_code(0);
        let other = member("jane", "acme", "  externalKey: K2");
        let report = roll.apply("2027-01-12T00:00:00Z", &other).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("IdentityConflict"));
        assert_eq!(roll.tick("2027-01-19T00:00:00Z").all_actions(), ["purge Member/jane", "create Member/jane"]);
        assert_eq!(ready(&roll.get("member", "jane")).0, "True");
    });
}

// R4
#[test]
fn a_change_of_the_time_zone_undoes_nothing_that_has_fired() {
    on_both(|roll| {
        let people = [
            member("jane", "acme", "  departure: {at: \"2027-03-01\"}"),
            member("kim", "acme", "  suspension: {from: \"2027-03-01\"}"),
            member("lee", "acme", "  leaveOfAbsence: {from: \"2027-03-01\"}"),
            member("max", "acme", "  suspension: {from: \"2027-02-01\", until: \"2027-02-28\"}"),
        ];
        roll.apply(NOW, &company("  timeZone: Asia/Seoul", &people)).expect_code(0);
        roll.tick("2027-02-28T16:00:00Z").expect_code(0);
        let report = roll.apply("2027-02-28T16:30:00Z", &company("  timeZone: UTC", &people)).expect_code(0);
        assert_eq!(report.all_actions(), ["update Tenant/acme"]);
        assert_eq!(phase(&roll.get("member", "jane")), "Deleted");
        assert_eq!(phase(&roll.get("member", "kim")), "Suspended");
        assert!(roll.get("member", "lee")["status"]["onLeave"].is_object());
        assert_eq!(phase(&roll.get("member", "max")), "Pending");
    });
}

// R4, M22: nor does it date anew what has begun; what is declared anew does.
#[test]
fn a_change_of_the_time_zone_dates_no_leave_anew_that_has_begun() {
    on_both(|roll| {
        let lee = |leave: &str| [member("lee", "acme", &format!("  leaveOfAbsence: {{{leave}}}"))];
        let since = |roll: &Roster| roll.get("member", "lee")["status"]["onLeave"]["from"].clone();
        let march = lee("from: \"2027-03-01\"");
        roll.apply(NOW, &company("  timeZone: UTC", &march)).expect_code(0);
        roll.tick("2027-03-02T00:00:00Z").expect_code(0);
        let report = roll.apply("2027-03-02T01:00:00Z", &company("  timeZone: Asia/Seoul", &march)).expect_code(0);
        assert_eq!((report.all_actions(), since(roll)), (vec!["update Tenant/acme".to_owned()], "2027-03-01T00:00:00Z".into()));
        for (day, from) in [("2027-02-20", "2027-02-19T15:00:00Z"), ("2027-03-02", "2027-03-01T15:00:00Z")] {
            let leave = lee(&format!("from: \"{day}\""));
            roll.apply("2027-03-02T02:00:00Z", &company("  timeZone: Asia/Seoul", &leave)).expect_code(0);
            assert_eq!(since(roll), from);
        }
    });
}

// R4, M23
#[test]
fn a_departure_happens_though_a_newer_manifest_waits_and_the_zone_moved_past_it() {
    on_both(|roll| {
        let departing = "  departure: {at: \"2027-03-01\"}";
        roll.apply(NOW, &company("", &[member("jane", "acme", departing)])).expect_code(0);
        let waiting = format!("{departing}\n  organizations: [{{organizationRef: {{name: nowhere}}}}]");
        roll.apply("2027-01-11T00:00:00Z", &member("jane", "acme", &waiting)).expect_code(1);
        roll.apply("2027-02-28T16:00:00Z", &tenant("acme", "  timeZone: Asia/Seoul")).expect_code(0);
        assert_eq!(phase(&roll.get("member", "jane")), "Deleted");
        let row = roll.history("member", "jane").pop().unwrap();
        assert_eq!((&row["cause"], &row["due"]), (&"Scheduled".into(), &"2027-02-28T15:00:00Z".into()));
    });
}

// R4, R5, M21
#[test]
fn drift_hides_no_transition_that_fell_due() {
    on_both(|roll| {
        let dates = "  suspension: {from: \"2027-03-01\", until: \"2027-03-05\"}\n  leaveOfAbsence: {from: \"2027-03-10\"}";
        roll.apply(NOW, &company("", &[member("jane", "acme", dates)])).expect_code(0);
        roll.sql("UPDATE members SET given_name = 'Drifted' WHERE name = 'jane'").unwrap();
        let actions = roll.tick("2027-03-12T00:00:00Z").all_actions();
        for action in ["update Member/jane", "suspend Member/jane", "unsuspend Member/jane"] {
            assert!(actions.contains(&action.to_owned()), "{actions:?}");
        }
        assert!(!actions.contains(&"leave Member/jane".to_owned()), "the suspension cleared it: {actions:?}");
        assert!(condition(&roll.get("member", "jane"), "LeaveSpent").is_some());
    });
}

// O2
#[test]
fn no_cycle_gets_in_by_way_of_a_manifest_that_waits() {
    on_both(|roll| {
        let under = |name: &str, parent: &str| organization(name, "acme", &format!("  parentRef: {{name: {parent}}}"));
        roll.apply(NOW, &company("", &[organization("b", "acme", ""), under("a", "b")])).expect_code(0);
        let tangled = [under("b", "a"), under("a", "nowhere")];
        let report = roll.apply("2027-01-11T00:00:00Z", &company("", &tangled)).expect_code(1);
        assert_eq!(report.refused("Organization", "b").as_deref(), Some("CycleDetected"));
        roll.apply_with("2027-01-12T00:00:00Z", &company("", &[under("b", "a")]), &["--prune"]).expect_code(1);
        roll.apply("2027-01-13T00:00:00Z", &company("", &[organization("b", "acme", "")])).expect_code(0);
    });
}

// R2, R8: refused whole.
#[test]
fn what_a_refused_manifest_would_have_held_is_free_for_others() {
    on_both(|roll| {
        roll.apply(NOW, &company("", &[member("zoe", "acme", "  employeeNumber: \"1\"")])).expect_code(0);
        let both = [member("bea", "acme", "  id: xx\n  employeeNumber: \"1\""), member("cam", "acme", "  id: xx")];
        let report = roll.apply("2027-01-11T00:00:00Z", &set(&both)).expect_code(1);
        assert_eq!(report.refused("Member", "bea").as_deref(), Some("EmployeeNumberTaken"));
        assert_eq!(report.actions("Member", "cam"), ["create"]);
    });
}

// M11
#[test]
fn a_renamed_manifest_leaves_its_name_to_another_person_in_the_same_set() {
    on_both(|roll| {
        roll.apply(NOW, &company("", &[member("jane", "acme", "  externalKey: K1")])).expect_code(0);
        let uid = roll.get("member", "jane")["status"]["uid"].clone();
        let next = [
            member("jane", "acme", "  id: jane.new\n  externalKey: K2"),
            member("jane2", "acme", "  id: jane\n  externalKey: K1"),
        ];
        roll.apply_with("2027-01-11T00:00:00Z", &company("", &next), &["--prune"]).expect_code(0);
        assert_eq!(roll.get("member", "jane2")["status"]["uid"], uid);
        assert_ne!(roll.get("member", "jane")["status"]["uid"], uid);
    });
}

// R6
#[test]
fn a_commit_is_told_of_the_change_that_names_it_only() {
    on_both(|roll| {
        let of_commit =
            member("jane", "acme", "").replace("metadata:\n", "metadata:\n  annotations: {rollcall.dev/commit: abc}\n");
        let of_commit =
            of_commit.replace("metadata: {name: jane}", "metadata: {name: jane, annotations: {rollcall.dev/commit: abc}}");
        assert!(of_commit.contains("abc"), "{of_commit}");
        roll.apply(NOW, &company("", &[of_commit])).expect_code(0);
        roll.apply("2027-01-11T00:00:00Z", &member("jane", "acme", "  nickname: J")).expect_code(0);
        let commits: Vec<_> = roll.history("member", "jane").iter().map(|row| row["commit"].clone()).collect();
        assert_eq!(commits, [serde_json::json!("abc"), serde_json::Value::Null]);
    });
}

// M23
#[test]
fn a_forecast_goes_on_behind_one_who_may_not_depart() {
    on_both(|roll| {
        let people = [
            member("ada", "acme", "  administrator: Operations\n  departure: {at: \"2027-04-01\"}"),
            member("bob", "acme", "  activation: {at: \"2027-05-01\"}"),
        ];
        roll.apply(NOW, &company("", &people)).expect_code(0);
        let plan = roll.plan(NOW, &company("", &people), &["--at", "2027-06-01"]);
        assert_eq!(plan.all_actions(), ["activate Member/bob"]);
    });
}

// R7
#[test]
fn a_document_that_can_not_be_read_shows_nothing_of_a_secret() {
    on_both(|roll| {
        let secret =
            "apiVersion: v1\nkind: Secret\nmetadata: {name: passwords}\nstringData:\n  password: \"hunter2\n  other: x\n";
        let output = roll.run(&["apply", "-f", "-", "--now", NOW], secret);
        assert!(!output.stderr.contains("hunter2") && output.stderr.contains("<stdin>:"), "{output}");
    });
}

// R9
#[test]
fn a_slip_in_the_api_group_removes_nobody() {
    on_both(|roll| {
        let jane = member("jane", "acme", "");
        roll.apply(NOW, &company("", std::slice::from_ref(&jane))).expect_code(0);
        let slipped = company("", &[jane.replace("rollcall.dev/", "rolcall.dev/")]);
        let report = roll.apply_with("2027-01-11T00:00:00Z", &slipped, &["--prune"]).expect_code(1);
        assert!(report.stderr.contains("did you mean rollcall.dev?"), "{}", report.stderr);
        assert_eq!(phase(&roll.get("member", "jane")), "Pending");
    });
}

// M1, R5
#[test]
fn a_claim_that_somebody_took_away_is_held_again() {
    on_both(|roll| {
        roll.apply(NOW, &company("", &[member("kim", "acme", "")])).expect_code(0);
        roll.sql("DELETE FROM claims WHERE key = 'kim'").unwrap();
        let report = roll.apply("2027-01-11T00:00:00Z", &member("lee", "acme", "  id: kim")).expect_code(1);
        assert_eq!(report.refused("Member", "lee").as_deref(), Some("IdTaken"));
    });
}

// O4
#[test]
fn an_organization_with_another_name_is_missed_by_those_who_use_the_old_one() {
    on_both(|roll| {
        let jane = member("jane", "acme", "  organizations: [{organizationRef: {name: old}}]");
        let named = |name: &str| organization(name, "acme", "  externalKey: team");
        roll.apply(NOW, &company("", &[named("old"), jane.clone()])).expect_code(0);
        roll.apply_with("2027-01-11T00:00:00Z", &company("", &[named("new"), jane]), &["--prune"]).expect_code(1);
        assert_eq!(ready(&roll.get("member", "jane")), ("False", "OrganizationNotFound"));
        assert_eq!(phase(&roll.get("member", "jane")), "Pending");
    });
}

// R9, O4: a manifest that is taken out of the set never becomes a person, though what it waited for comes with that set.
#[test]
fn what_is_taken_out_of_the_set_does_not_come_to_be() {
    on_both(|roll| {
        let company = |more: &[String]| set(&[&[tenant("acme", ""), boss("acme")], more].concat());
        let jane = member("jane", "acme", "  organizations: [{organizationRef: {name: lab}}]");
        roll.apply("2027-03-01T09:00:00Z", &company(&[jane])).expect_code(1);
        let lab = organization("lab", "acme", "");
        let report = roll.apply_with("2027-03-02T09:00:00Z", &company(&[lab]), &["--prune"]).expect_code(0);
        assert_eq!(report.all_actions(), ["create Organization/lab"]);
        assert!(roll.find("Member", "jane").is_none());
        assert_eq!(roll.query("SELECT count(*) FROM members WHERE name = 'jane'").as_deref(), Some("0"));
    });
}

// R8: a row that somebody's SQL made unreadable is told by its object and column, and the rest goes on. PostgreSQL takes
// nothing else than JSON there.
#[test]
fn a_damaged_row_stops_only_its_own_object() {
    on_both(|roll| {
        let all = |nickname: &str| {
            company("", &[member("jane", "acme", ""), member("joe", "acme", &format!("  nickname: {nickname}"))])
        };
        roll.apply(NOW, &all("J")).expect_code(0);
        for (column, repaired) in [("profile", "'{}'"), ("on_leave", "NULL"), ("spent_leave", "NULL")] {
            if roll.sql(&format!("UPDATE members SET {column} = 'not json' WHERE name = 'jane'")).is_err() {
                continue;
            }
            let later = "2027-01-11T00:00:00Z";
            let plan = roll.plan(later, &all(column), &[]);
            let report = roll.apply(later, &all(column)).expect_code(1);
            for report in [plan, report] {
                assert_eq!(report.actions("Member", "joe"), ["update"], "{column}");
                let message = report.refused_message("Member", "jane").unwrap_or_default();
                assert!(message.contains(&format!("Member hr/jane: the column `{column}` can't be read")), "{message}");
            }
            roll.sql(&format!("UPDATE members SET {column} = {repaired} WHERE name = 'jane'")).unwrap();
            roll.apply(later, &all(column)).expect_code(0);
            assert_eq!(phase(&roll.get("Member", "jane")), "Pending");
        }
    });
}
