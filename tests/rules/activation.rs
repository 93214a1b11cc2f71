//! When an account begins (M20), and how what falls due is done in time or caught up with (R4).
//! Never about how an account ends. Run by `make test`.

use crate::life::{
    START, actions, begin_with_jane_signed_in, change, company, company_of, count, jane, jane_with, row, text, timing,
};
use crate::support::{Roster, boss, condition, member, on_both, organization, phase, ready, set, tenant};

// M20, R11: only a date is outstanding, so it is ready.
#[test]
fn a_member_whose_date_is_to_come_is_scheduled_until_then() {
    on_both(|roll| {
        roll.apply(START, &company("  activation: {at: \"2027-03-10\"}")).expect_code(0);
        assert_eq!(phase(&jane(roll)), "Scheduled");
        assert_eq!(ready(&jane(roll)), ("True", "Scheduled"));
        assert_eq!(roll.tick("2027-03-09T23:59:59Z").expect_code(0).all_actions(), [""; 0]);
        assert_eq!(phase(&jane(roll)), "Scheduled");
        assert_eq!(roll.tick("2027-03-10T00:00:00Z").expect_code(0).all_actions(), ["activate Member/jane"]);
        assert_eq!(phase(&jane(roll)), "Pending");
        assert_eq!(ready(&jane(roll)), ("True", "InDirectory"));
        assert_eq!(actions(roll), ["create", "activate"]);
        let activated = row(roll, "activate");
        assert_eq!(timing(&activated), ("2027-03-10T00:00:00Z", "2027-03-10T00:00:00Z", "Scheduled"));
        assert_eq!(change(&activated, "phase"), ("Scheduled", "Pending"));
    });
}

// M20, R11: another date that comes first is not taken for it.
#[test]
fn a_scheduled_member_is_told_the_day_on_which_the_account_begins() {
    on_both(|roll| {
        let jane_comes =
            "  activation: {at: \"2027-06-01\"}\n  organizations: [{organizationRef: {name: lab}, from: \"2027-03-21\"}]";
        roll.apply(START, &set(&[company(jane_comes), organization("lab", "acme", "")])).expect_code(0);
        let told = |roll: &Roster| condition(&jane(roll), "Ready").map(|ready| text(ready, "message").to_owned());
        assert_eq!(told(roll).as_deref(), Some("the account begins at 2027-06-01T00:00:00Z"));
        roll.tick("2027-03-22T00:00:00Z").expect_code(0);
        assert_eq!(told(roll).as_deref(), Some("the account begins at 2027-06-01T00:00:00Z"));
    });
}

// R4: a plain date is the start of the day where the tenant is; what is written with an offset is that instant.
#[test]
fn a_date_is_read_in_the_tenants_time_zone_and_an_instant_is_itself() {
    for (at, due) in [("2027-03-10", "2027-03-09T15:00:00Z"), ("2027-03-10T09:00:00-05:00", "2027-03-10T14:00:00Z")] {
        on_both(|roll| {
            let roster = company_of("  timeZone: Asia/Seoul", &format!("  activation: {{at: \"{at}\"}}"));
            roll.apply(START, &roster).expect_code(0);
            roll.tick(due).expect_code(0);
            assert_eq!(phase(&jane(roll)), "Pending", "{at}");
            assert_eq!(timing(&row(roll, "activate")), (due, due, "Scheduled"), "{at}");
        });
    }
}

// R4: on 14 March 2027 there is no midnight in Havana, the clocks go from 00:00 to 01:00.
#[test]
fn a_day_without_a_midnight_begins_at_its_first_instant() {
    on_both(|roll| {
        let roster = company_of("  timeZone: America/Havana", "  activation: {at: \"2027-03-14\"}");
        roll.apply(START, &roster).expect_code(0);
        assert_eq!(roll.tick("2027-03-14T04:59:59Z").expect_code(0).all_actions(), [""; 0]);
        assert_eq!(roll.tick("2027-03-14T05:00:00Z").expect_code(0).all_actions(), ["activate Member/jane"]);
    });
}

// M20: it may be changed until it has fired.
#[test]
fn a_date_that_is_changed_in_time_counts_from_then_on() {
    on_both(|roll| {
        roll.apply(START, &company("  activation: {at: \"2027-03-10\"}")).expect_code(0);
        roll.apply("2027-03-05T00:00:00Z", &jane_with("  activation: {at: \"2027-03-20\"}")).expect_code(0);
        assert_eq!(roll.tick("2027-03-19T23:59:59Z").expect_code(0).all_actions(), [""; 0]);
        assert_eq!(phase(&jane(roll)), "Scheduled");
        roll.tick("2027-03-20T00:00:00Z").expect_code(0);
        assert_eq!(phase(&jane(roll)), "Pending");
        assert_eq!(condition(&jane(roll), "AlreadyActivated"), None);
    });
}

// M20: absent means now.
#[test]
fn a_date_that_is_removed_in_time_lets_the_account_begin_at_once() {
    on_both(|roll| {
        roll.apply(START, &company("  activation: {at: \"2027-03-10\"}")).expect_code(0);
        roll.apply("2027-03-05T08:00:00Z", &jane_with("")).expect_code(0);
        assert_eq!(phase(&jane(roll)), "Pending");
        assert_eq!(row(roll, "activate")["cause"], "Declared");
        assert_eq!(jane(roll)["status"]["activatedAt"], "2027-03-05T08:00:00Z");
        assert_eq!(roll.tick("2027-03-10T00:00:00Z").expect_code(0).all_actions(), [""; 0]);
    });
}

// M20, R11: a warning is a condition of its own beside Ready=True.
#[test]
fn a_date_that_is_changed_too_late_is_ignored_with_a_warning() {
    on_both(|roll| {
        roll.apply(START, &company("  activation: {at: \"2027-03-10\"}")).expect_code(0);
        roll.tick("2027-03-10T00:00:00Z").expect_code(0);
        roll.apply("2027-03-11T00:00:00Z", &jane_with("  activation: {at: \"2027-04-01\"}")).expect_code(0);
        let late = jane(roll);
        assert_eq!((phase(&late), ready(&late).0), ("Pending", "True"));
        assert_eq!(condition(&late, "AlreadyActivated").map(|warning| text(warning, "status")), Some("True"));
        assert_eq!(late["status"]["activatedAt"], "2027-03-10T00:00:00Z");
        assert_eq!(roll.tick("2027-04-01T00:00:00Z").expect_code(0).all_actions(), [""; 0]);
        for same in ["2027-03-10", "2027-03-10T09:00:00+09:00"] {
            roll.apply("2027-04-02T00:00:00Z", &jane_with(&format!("  activation: {{at: \"{same}\"}}"))).expect_code(0);
            assert_eq!(condition(&jane(roll), "AlreadyActivated"), None, "{same}");
        }
    });
}

// R4: due while it did not run.
#[test]
fn a_date_that_was_missed_is_caught_up_with_and_the_trail_tells_both_instants() {
    on_both(|roll| {
        roll.apply(START, &company("  activation: {at: \"2027-03-10\"}")).expect_code(0);
        roll.tick("2027-03-12T08:30:00Z").expect_code(0);
        assert_eq!(timing(&row(roll, "activate")), ("2027-03-10T00:00:00Z", "2027-03-12T08:30:00Z", "Scheduled"));
        assert_eq!(jane(roll)["status"]["activatedAt"], "2027-03-10T00:00:00Z");
    });
}

// R4: in order, each as of its own instant; an `until` is inclusive.
#[test]
fn all_that_was_missed_is_done_in_order_each_as_of_its_own_instant() {
    on_both(|roll| {
        let dates = "  activation: {at: \"2027-03-10\"}\n  leaveOfAbsence: {from: \"2027-03-12\", until: \"2027-03-13\"}\n  \
                     suspension: {from: \"2027-03-20\", until: \"2027-03-21\"}";
        roll.apply(START, &company(dates)).expect_code(0);
        let done = roll.tick("2027-04-01T00:00:00Z").expect_code(0);
        let expected = ["activate", "leave", "return", "suspend", "unsuspend"];
        assert_eq!(done.actions("Member", "jane"), expected);
        for (action, due) in expected.into_iter().zip(["2027-03-10", "2027-03-12", "2027-03-14", "2027-03-20", "2027-03-22"]) {
            let due = format!("{due}T00:00:00Z");
            assert_eq!(timing(&row(roll, action)), (due.as_str(), "2027-04-01T00:00:00Z", "Scheduled"), "{action}");
        }
        assert_eq!(phase(&jane(roll)), "Pending");
    });
}

// R4: a change of the time zone re-dates only what has not fired.
#[test]
fn a_new_time_zone_moves_only_the_dates_to_come() {
    on_both(|roll| {
        let june = member("june", "acme", "  activation: {at: \"2027-03-05\"}");
        roll.apply(START, &(company("  activation: {at: \"2027-03-10\"}") + "---\n" + &june)).expect_code(0);
        roll.tick("2027-03-05T00:00:00Z").expect_code(0);
        roll.apply("2027-03-05T06:00:00Z", &tenant("acme", "  timeZone: America/New_York")).expect_code(0);
        let fired = roll.get("Member", "june");
        assert_eq!((phase(&fired), fired["status"]["activatedAt"].as_str()), ("Pending", Some("2027-03-05T00:00:00Z")));
        assert_eq!(roll.tick("2027-03-10T04:59:59Z").expect_code(0).all_actions(), [""; 0]);
        assert_eq!(roll.tick("2027-03-10T05:00:00Z").expect_code(0).all_actions(), ["activate Member/jane"]);
    });
}

// M20: scheduled is no account yet.
#[test]
fn nobody_signs_in_before_the_account_begins() {
    on_both(|roll| {
        roll.apply(START, &company("  activation: {at: \"2027-03-10\"}")).expect_code(0);
        assert_eq!(roll.sign_in("2027-03-09T12:00:00Z", "jane").code, 1);
        roll.tick("2027-03-09T12:00:01Z").expect_code(0);
        assert_eq!(phase(&jane(roll)), "Scheduled");
        assert_eq!(count(roll, "sessions"), 0);
        roll.tick("2027-03-10T00:00:00Z").expect_code(0);
        assert_eq!(phase(&jane(roll)), "Pending");
        roll.sign_in("2027-03-10T09:00:00Z", "jane").ok();
    });
}

// M20, I2: a service's fact changes the record, and only the first one.
#[test]
fn the_first_sign_in_makes_a_member_active_and_the_second_changes_nothing() {
    on_both(|roll| {
        begin_with_jane_signed_in(roll, "");
        let rows = roll.history("Member", "jane");
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1]["cause"], "Service");
        assert_eq!(change(&rows[1], "phase"), ("Pending", "Active"));
        assert_eq!(jane(roll)["status"]["firstSignInAt"], "2027-03-01T09:30:00Z");
        roll.sign_in("2027-03-02T09:00:00Z", "jane").ok();
        assert_eq!(roll.tick("2027-03-02T09:00:01Z").expect_code(0).all_actions(), [""; 0]);
        assert_eq!(roll.history("Member", "jane").len(), 2);
        assert_eq!(jane(roll)["status"]["firstSignInAt"], "2027-03-01T09:30:00Z");
    });
}

// M20, T3: Free has 30 places.
#[test]
fn a_scheduled_member_takes_a_place() {
    on_both(|roll| {
        let mut roster = vec![tenant("acme", "  products: {core: {plan: Free}}"), boss("acme")];
        roster.extend((1..30).map(|number| member(&format!("m{number}"), "acme", "  activation: {at: \"2028-01-01\"}")));
        roll.apply(START, &set(&roster)).expect_code(0);
        let report = roll.apply("2027-03-02T00:00:00Z", &jane_with("")).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("QuotaExceeded"));
        assert_eq!(count(roll, "members"), 30);
    });
}
