//! Where one part of a member's life crosses another: suspended and deleted, on leave and changed, purged with all
//! that services wrote (M21–M25). Never about one transition alone. Run by `make test`.

use crate::life::{
    START, begin_with_jane_signed_in, company, company_without_jane, count, jane, jane_with, on_leave, open_sessions, row, text,
    timing, uid,
};
use crate::support::{on_both, phase};

const SUSPENDED: &str = "  suspended: true\n";
const PRUNED: &str = "2027-03-05T00:00:00Z";

// M21, M24: restored as it is declared, and no more access than before.
#[test]
fn who_was_suspended_when_deleted_is_suspended_when_restored() {
    on_both(|roll| {
        begin_with_jane_signed_in(roll, "");
        roll.apply("2027-03-02T00:00:00Z", &company(SUSPENDED)).expect_code(0);
        roll.apply_with(PRUNED, &company_without_jane(), &["--prune"]).expect_code(0);
        assert_eq!(phase(&jane(roll)), "Deleted");
        roll.apply("2027-03-06T00:00:00Z", &company(SUSPENDED)).expect_code(0);
        assert_eq!((phase(&jane(roll)), open_sessions(roll)), ("Suspended", 0));
        assert_eq!(roll.sign_in("2027-03-06T00:00:01Z", "jane").code, 1);
        roll.apply("2027-03-07T00:00:00Z", &company("")).expect_code(0);
        assert_eq!(phase(&jane(roll)), "Active");
    });
}

// M21, M23: a suspension that would have ended meanwhile gives nobody access.
#[test]
fn the_end_of_a_suspension_restores_nobody_who_is_deleted() {
    on_both(|roll| {
        let suspended = "  suspension: {until: \"2027-03-06\"}";
        roll.apply(START, &company(suspended)).expect_code(0);
        roll.apply_with(PRUNED, &company_without_jane(), &["--prune"]).expect_code(0);
        assert_eq!(roll.tick("2027-03-07T00:00:00Z").expect_code(0).all_actions(), [""; 0]);
        assert_eq!(phase(&jane(roll)), "Deleted");
        roll.apply("2027-03-08T00:00:00Z", &company(suspended)).expect_code(0);
        assert_eq!(phase(&jane(roll)), "Pending");
    });
}

// M21: the same suspension, with an end.
#[test]
fn a_suspension_may_be_given_an_end_while_it_lasts() {
    on_both(|roll| {
        roll.apply(START, &company(SUSPENDED)).expect_code(0);
        roll.apply("2027-03-02T00:00:00Z", &jane_with("  suspension: {until: \"2027-03-09\"}")).expect_code(0);
        assert_eq!(phase(&jane(roll)), "Suspended");
        assert!(roll.history("Member", "jane").iter().all(|row| row["action"] != "unsuspend"));
        assert_eq!(roll.tick("2027-03-09T23:59:59Z").expect_code(0).all_actions(), [""; 0]);
        assert_eq!(roll.tick("2027-03-10T00:00:00Z").expect_code(0).all_actions(), ["unsuspend Member/jane"]);
    });
}

// M22: the same leave, with another end and another message.
#[test]
fn a_leave_may_be_extended_while_it_lasts() {
    on_both(|roll| {
        let leave =
            |until: &str| format!("  leaveOfAbsence: {{from: \"2027-03-02\", until: \"{until}\", message: Until {until}}}");
        roll.apply(START, &company(&leave("2027-03-04"))).expect_code(0);
        roll.tick("2027-03-02T00:00:00Z").expect_code(0);
        roll.apply("2027-03-03T00:00:00Z", &jane_with(&leave("2027-03-20"))).expect_code(0);
        let period = |roll| on_leave(&jane(roll)).cloned().unwrap_or_default();
        assert_eq!(text(&period(roll), "from"), "2027-03-02T00:00:00Z");
        assert_eq!(text(&period(roll), "message"), "Until 2027-03-20");
        assert_eq!(roll.tick("2027-03-20T23:59:59Z").expect_code(0).all_actions(), [""; 0]);
        assert_eq!(roll.tick("2027-03-21T00:00:00Z").expect_code(0).all_actions(), ["return Member/jane"]);
        assert_eq!(timing(&row(roll, "return")).0, "2027-03-21T00:00:00Z");
    });
}

// M20, M23: what is due at one instant; nobody begins who departs with it.
#[test]
fn a_departure_on_the_day_of_the_activation_leaves_no_account() {
    on_both(|roll| {
        let dates = "  activation: {at: \"2027-03-10\"}\n  departure: {at: \"2027-03-10\"}";
        roll.apply(START, &company(dates)).expect_code(0);
        roll.tick("2027-03-10T00:00:00Z").expect_code(0);
        assert_eq!(phase(&jane(roll)), "Deleted");
        assert_eq!(roll.sign_in("2027-03-10T00:00:01Z", "jane").code, 1);
    });
}

// M23, I2: what the message service must do is an order, written once.
#[test]
fn who_is_deleted_leaves_the_message_rooms() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        let orders = format!("outbox WHERE effect = 'LeaveRooms' AND uid = '{}' AND acknowledged_at IS NULL", uid(&jane(roll)));
        assert_eq!(count(roll, &orders), 0);
        roll.apply_with(PRUNED, &company_without_jane(), &["--prune"]).expect_code(0);
        assert_eq!(count(roll, &orders), 1);
        roll.tick("2027-03-06T00:00:00Z").expect_code(0);
        assert_eq!(count(roll, &orders), 1);
    });
}

// M25: what services wrote goes with the person, and only with that one.
#[test]
fn a_purge_erases_what_services_wrote() {
    on_both(|roll| {
        begin_with_jane_signed_in(roll, "");
        let (jane, boss) = (uid(&jane(roll)), uid(&roll.get("Member", "boss")));
        let truth = if roll.url().starts_with("sqlite:") { "1" } else { "true" };
        let written = ["credentials", "devices", "storage", "usage", "rooms"];
        for uid in [&jane, &boss] {
            for row in [
                format!(
                    "credentials (member, hash, must_change, changed_at, generated) VALUES ('{uid}', 'h', {truth}, 1, {truth})"
                ),
                format!(
                    "devices (member, id, app, app_version, seen_at, managed) VALUES ('{uid}', 'd', 'Mobile', '1', 1, {truth})"
                ),
                format!("storage (member, product, bytes, reported_at) VALUES ('{uid}', 'Drive', 1, 1)"),
                format!("usage (member, day, service, uses) VALUES ('{uid}', '2027-03-01', 'Mail', 1)"),
                format!("rooms (room, member) VALUES ('r', '{uid}')"),
            ] {
                assert_eq!(roll.sql(&format!("INSERT INTO {row}")), Ok(1), "{row}");
            }
        }
        roll.apply_with(PRUNED, &company_without_jane(), &["--prune"]).expect_code(0);
        assert_eq!(count(roll, &format!("credentials WHERE member = '{jane}'")), 1, "in grace, nothing is erased");
        roll.tick("2027-03-12T00:00:00Z").expect_code(0);
        for table in written.into_iter().chain(["sessions", "sign_ins"]) {
            assert_eq!(count(roll, &format!("{table} WHERE member = '{jane}'")), 0, "{table}");
        }
        for table in written {
            assert_eq!(count(roll, &format!("{table} WHERE member = '{boss}'")), 1, "{table}");
        }
    });
}
