//! Leave of absence (M22): an overlay on Pending and Active that comes and goes by itself.
//! Never about what a suspension does to it, which is `suspension`. Run by `make test`.

use serde_json::json;

use crate::life::{START, begin_with_jane_signed_in, company, company_of, jane, jane_with, on_leave, open_sessions, row, timing};
use crate::support::{boss, member, on_both, organization, phase, ready, set, tenant};

// M22, R4.
#[test]
fn a_leave_begins_and_ends_by_itself() {
    on_both(|roll| {
        let leave = "  leaveOfAbsence: {from: \"2027-03-10T08:00:00Z\", until: \"2027-03-12T17:00:00Z\", message: Back soon}";
        roll.apply(START, &company(leave)).expect_code(0);
        assert_eq!(roll.tick("2027-03-10T07:59:59Z").expect_code(0).all_actions(), [""; 0]);
        assert_eq!(on_leave(&jane(roll)), None);
        assert_eq!(roll.tick("2027-03-10T08:00:00Z").expect_code(0).all_actions(), ["leave Member/jane"]);
        let period = json!({"from": "2027-03-10T08:00:00Z", "until": "2027-03-12T17:00:00Z", "message": "Back soon"});
        assert_eq!(on_leave(&jane(roll)), Some(&period));
        assert_eq!(roll.tick("2027-03-12T16:59:59Z").expect_code(0).all_actions(), [""; 0]);
        assert_eq!(roll.tick("2027-03-12T17:00:00Z").expect_code(0).all_actions(), ["return Member/jane"]);
        assert_eq!(on_leave(&jane(roll)), None);
        assert_eq!(timing(&row(roll, "leave")), ("2027-03-10T08:00:00Z", "2027-03-10T08:00:00Z", "Scheduled"));
        assert_eq!(timing(&row(roll, "return")), ("2027-03-12T17:00:00Z", "2027-03-12T17:00:00Z", "Scheduled"));
    });
}

// R4: in an `until` a plain date is the end of that day; `status.onLeave.until` is the first instant after it.
#[test]
fn the_last_day_of_a_leave_belongs_to_it() {
    on_both(|roll| {
        let leave = "  leaveOfAbsence: {from: \"2027-03-10\", until: \"2027-03-10\"}";
        roll.apply(START, &company_of("  timeZone: Asia/Seoul", leave)).expect_code(0);
        roll.tick("2027-03-09T15:00:00Z").expect_code(0);
        let period = json!({"from": "2027-03-09T15:00:00Z", "until": "2027-03-10T15:00:00Z"});
        assert_eq!(on_leave(&jane(roll)), Some(&period));
        roll.tick("2027-03-10T14:59:59Z").expect_code(0);
        assert!(on_leave(&jane(roll)).is_some());
        roll.tick("2027-03-10T15:00:00Z").expect_code(0);
        assert_eq!(on_leave(&jane(roll)), None);
    });
}

// M22: `onLeave` is an overlay on Pending and Active, so a person on leave may sign in.
#[test]
fn a_leave_leaves_the_phase_alone() {
    on_both(|roll| {
        roll.apply(START, &company("  leaveOfAbsence: {until: \"2027-03-31\"}")).expect_code(0);
        assert_eq!((phase(&jane(roll)), ready(&jane(roll)).0), ("Pending", "True"));
        assert!(on_leave(&jane(roll)).is_some());
        roll.sign_in("2027-03-02T09:00:00Z", "jane").ok();
        roll.tick("2027-03-02T09:00:01Z").expect_code(0);
        assert_eq!(phase(&jane(roll)), "Active");
        assert!(on_leave(&jane(roll)).is_some());
        roll.tick("2027-04-01T00:00:00Z").expect_code(0);
        assert_eq!((phase(&jane(roll)), on_leave(&jane(roll))), ("Active", None));
    });
}

// M22: unlike a suspension, it ends no access.
#[test]
fn a_leave_signs_nobody_out() {
    on_both(|roll| {
        begin_with_jane_signed_in(roll, "");
        roll.apply("2027-03-02T00:00:00Z", &jane_with("  leaveOfAbsence: {message: Away}")).expect_code(0);
        assert!(on_leave(&jane(roll)).is_some());
        assert_eq!(open_sessions(roll), 1);
    });
}

// R4: `from` absent is now, `until` absent open-ended.
// M12: leaving it out ends it.
#[test]
fn a_leave_without_dates_lasts_from_its_declaration_until_it_is_removed() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        let leave = jane_with("  leaveOfAbsence: {message: Sabbatical}");
        roll.apply("2027-03-02T10:00:00Z", &leave).expect_code(0);
        let period = json!({"from": "2027-03-02T10:00:00Z", "message": "Sabbatical"});
        assert_eq!(on_leave(&jane(roll)), Some(&period));
        assert_eq!(row(roll, "leave")["cause"], "Declared");
        assert_eq!(roll.apply("2028-03-02T10:00:00Z", &leave).expect_code(0).all_actions(), [""; 0]);
        assert_eq!(on_leave(&jane(roll)), Some(&period));
        roll.apply("2028-06-01T00:00:00Z", &jane_with("")).expect_code(0);
        assert_eq!(on_leave(&jane(roll)), None);
        assert_eq!(row(roll, "return")["cause"], "Declared");
    });
}

// M22.
#[test]
fn a_leave_that_is_prolonged_ends_on_the_new_day() {
    on_both(|roll| {
        roll.apply(START, &company("  leaveOfAbsence: {from: \"2027-03-02\", until: \"2027-03-05\"}")).expect_code(0);
        roll.tick("2027-03-02T00:00:00Z").expect_code(0);
        let longer = jane_with("  leaveOfAbsence: {from: \"2027-03-02\", until: \"2027-03-08\"}");
        roll.apply("2027-03-04T00:00:00Z", &longer).expect_code(0);
        let period = json!({"from": "2027-03-02T00:00:00Z", "until": "2027-03-09T00:00:00Z"});
        assert_eq!(on_leave(&jane(roll)), Some(&period));
        assert_eq!(roll.tick("2027-03-06T00:00:00Z").expect_code(0).all_actions(), [""; 0]);
        assert_eq!(roll.tick("2027-03-09T00:00:00Z").expect_code(0).all_actions(), ["return Member/jane"]);
    });
}

// M22.
#[test]
fn a_leave_that_is_over_is_none() {
    on_both(|roll| {
        roll.apply(START, &company("  leaveOfAbsence: {from: \"2027-02-01\", until: \"2027-02-14\"}")).expect_code(0);
        assert_eq!((phase(&jane(roll)), ready(&jane(roll)).0, on_leave(&jane(roll))), ("Pending", "True", None));
        assert_eq!(roll.tick("2027-03-02T00:00:00Z").expect_code(0).all_actions(), [""; 0]);
    });
}

// M22: there is no leave of an account that has not begun.
#[test]
fn a_leave_that_the_activation_falls_into_is_not_seen_before_it() {
    on_both(|roll| {
        let dates = "  activation: {at: \"2027-03-10\"}\n  leaveOfAbsence: {from: \"2027-03-05\", until: \"2027-03-20\"}";
        roll.apply(START, &company(dates)).expect_code(0);
        roll.tick("2027-03-06T00:00:00Z").expect_code(0);
        assert_eq!((phase(&jane(roll)), on_leave(&jane(roll))), ("Scheduled", None));
        roll.tick("2027-03-10T00:00:00Z").expect_code(0);
        assert_eq!(phase(&jane(roll)), "Pending");
        assert_eq!(on_leave(&jane(roll)).map(|leave| &leave["until"]), Some(&"2027-03-21T00:00:00Z".into()));
        roll.tick("2027-03-21T00:00:00Z").expect_code(0);
        assert_eq!(on_leave(&jane(roll)), None);
    });
}

// R4: in order, each as of its own instant.
#[test]
fn a_leave_that_was_missed_as_a_whole_is_in_the_trail() {
    on_both(|roll| {
        roll.apply(START, &company("  leaveOfAbsence: {from: \"2027-03-10\", until: \"2027-03-12\"}")).expect_code(0);
        let done = roll.tick("2027-04-01T06:00:00Z").expect_code(0);
        assert_eq!(done.actions("Member", "jane"), ["leave", "return"]);
        assert_eq!(timing(&row(roll, "leave")), ("2027-03-10T00:00:00Z", "2027-04-01T06:00:00Z", "Scheduled"));
        assert_eq!(timing(&row(roll, "return")), ("2027-03-13T00:00:00Z", "2027-04-01T06:00:00Z", "Scheduled"));
        assert_eq!(on_leave(&jane(roll)), None);
    });
}

// R2, M22: `plan --at` moves the clock of a copy: it tells what time will do, and does nothing.
#[test]
fn a_forecast_tells_of_a_leave_to_come() {
    on_both(|roll| {
        let roster = company("  leaveOfAbsence: {from: \"2027-03-10\", until: \"2027-03-12\"}");
        roll.apply(START, &roster).expect_code(0);
        let leaving = roll.plan(START, &roster, &["--at", "2027-03-11"]).expect_code(1);
        assert_eq!(leaving.all_actions(), ["leave Member/jane"]);
        let back = roll.plan(START, &roster, &["--at", "2027-03-14"]).expect_code(1);
        assert_eq!(back.all_actions(), ["leave Member/jane", "return Member/jane"]);
        assert_eq!(on_leave(&jane(roll)), None);
    });
}

// T4.
#[test]
fn the_supreme_administrator_can_not_be_sent_on_leave() {
    on_both(|roll| {
        roll.apply(START, &set(&[tenant("acme", ""), boss("acme")])).expect_code(0);
        let leave = member("boss", "acme", "  leaveOfAbsence: {until: \"2027-03-31\"}");
        let report = roll.apply("2027-03-02T00:00:00Z", &leave).expect_code(1);
        assert_eq!(report.refused("Member", "boss").as_deref(), Some("SupremeAdminProtected"));
        assert_eq!(on_leave(&roll.get("Member", "boss")), None);
    });
}

// M22: a leave that was withdrawn amid and is declared again is a new one.
#[test]
fn a_leave_that_was_withdrawn_can_be_declared_again() {
    on_both(|roll| {
        let leave = "  leaveOfAbsence: {message: Away}";
        roll.apply(START, &company(leave)).expect_code(0);
        roll.apply("2027-03-02T00:00:00Z", &jane_with("")).expect_code(0);
        assert_eq!(on_leave(&jane(roll)), None);
        roll.apply("2027-03-03T00:00:00Z", &jane_with(leave)).expect_code(0);
        assert!(on_leave(&jane(roll)).is_some());
    });
}

// M22: the organization's listing has the period, too.
#[test]
fn the_listing_of_an_organization_tells_the_period() {
    on_both(|roll| {
        let in_team = "  organizations: [{organizationRef: {name: team}}]\n  leaveOfAbsence: {until: \"2027-03-31\"}";
        roll.apply(START, &set(&[company(in_team), organization("team", "acme", "")])).expect_code(0);
        let listed = roll.run(&["describe", "organization", "team", "-n", "hr"], "").ok().stdout;
        assert!(listed.contains("on leave since 2027-03-01T09:00:00Z until 2027-04-01T00:00:00Z"), "{listed}");
    });
}
