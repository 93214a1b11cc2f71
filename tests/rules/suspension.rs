//! Suspension (M21): access ends at once, account and data stay, all leave is spent.
//! Never about leave as such, which is `leave`. Run by `make test`.

use std::thread;

use crate::life::{
    START, begin_with_jane_signed_in, change, company, company_of, jane, jane_with, on_leave, open_sessions, row, timing, uid,
};
use crate::support::{boss, condition, member, on_both, phase, ready, set, tenant};

const LEAVE: &str = "  leaveOfAbsence: {from: \"2027-03-05\", until: \"2027-03-31\", message: Away}\n";
const SUSPENDED: &str = "  suspended: true\n";

// M21: signed out in the transaction of the change.
#[test]
fn a_suspended_member_is_signed_out_at_once_and_keeps_the_account() {
    on_both(|roll| {
        begin_with_jane_signed_in(roll, "");
        let before = uid(&jane(roll));
        let report = roll.apply("2027-03-02T00:00:00Z", &jane_with(SUSPENDED)).expect_code(0);
        assert!(report.actions("Member", "jane").contains(&"suspend".to_owned()), "{:?}", report.all_actions());
        assert_eq!((phase(&jane(roll)), ready(&jane(roll)).0), ("Suspended", "True"));
        assert_eq!(uid(&jane(roll)), before);
        assert_eq!(open_sessions(roll), 0);
        assert_eq!(roll.sign_in("2027-03-02T00:00:01Z", "jane").code, 1);
        let suspended = row(roll, "suspend");
        assert_eq!(suspended["cause"], "Declared");
        assert_eq!(change(&suspended, "phase"), ("Active", "Suspended"));
    });
}

// M21, R5: `from` absent is the instant of the declaration, not of every look at it.
#[test]
fn applying_a_suspension_again_changes_nothing() {
    for suspension in [SUSPENDED, "  suspension: {reason: Lost badge}"] {
        on_both(|roll| {
            roll.apply(START, &company("")).expect_code(0);
            roll.apply("2027-03-02T00:00:00Z", &jane_with(suspension)).expect_code(0);
            assert_eq!(roll.apply("2027-03-03T00:00:00Z", &jane_with(suspension)).expect_code(0).all_actions(), [""; 0]);
            assert_eq!(roll.tick("2027-06-01T00:00:00Z").expect_code(0).all_actions(), [""; 0]);
            assert_eq!(phase(&jane(roll)), "Suspended");
        });
    }
}

// M21, also of a first sign-in that no run had folded in yet (I2).
#[test]
fn an_unsuspended_member_is_what_it_was() {
    on_both(|roll| {
        roll.apply(START, &(company("") + "---\n" + &member("june", "acme", ""))).expect_code(0);
        roll.sign_in("2027-03-01T10:00:00Z", "jane").ok();
        let suspended = set(&[jane_with(SUSPENDED), member("june", "acme", SUSPENDED)]);
        roll.apply("2027-03-02T00:00:00Z", &suspended).expect_code(0);
        assert_eq!((phase(&jane(roll)), phase(&roll.get("Member", "june"))), ("Suspended", "Suspended"));
        assert_eq!(open_sessions(roll), 0);
        roll.apply("2027-03-03T00:00:00Z", &set(&[jane_with(""), member("june", "acme", "")])).expect_code(0);
        assert_eq!((phase(&jane(roll)), phase(&roll.get("Member", "june"))), ("Active", "Pending"));
        assert_eq!(row(roll, "unsuspend")["cause"], "Declared");
        roll.sign_in("2027-03-03T09:00:00Z", "jane").ok();
    });
}

// M21, R4: in the tenant's time zone, a plain `until` included.
#[test]
fn a_suspension_with_dates_begins_and_ends_by_itself() {
    on_both(|roll| {
        let dates = "  suspension: {from: \"2027-03-10\", until: \"2027-03-12\"}";
        roll.apply(START, &company_of("  timeZone: Asia/Seoul", dates)).expect_code(0);
        roll.sign_in("2027-03-02T09:00:00Z", "jane").ok();
        roll.tick("2027-03-09T14:59:59Z").expect_code(0);
        assert_eq!((phase(&jane(roll)), open_sessions(roll)), ("Active", 1));
        roll.tick("2027-03-09T15:00:00Z").expect_code(0);
        assert_eq!((phase(&jane(roll)), open_sessions(roll)), ("Suspended", 0));
        assert_eq!(timing(&row(roll, "suspend")), ("2027-03-09T15:00:00Z", "2027-03-09T15:00:00Z", "Scheduled"));
        assert_eq!(roll.tick("2027-03-12T14:59:59Z").expect_code(0).all_actions(), [""; 0]);
        assert_eq!(roll.tick("2027-03-12T15:00:00Z").expect_code(0).all_actions(), ["unsuspend Member/jane"]);
        assert_eq!(phase(&jane(roll)), "Active");
        assert_eq!(timing(&row(roll, "unsuspend")).0, "2027-03-12T15:00:00Z");
    });
}

// M21, R6.
#[test]
fn the_trail_tells_the_reason_of_a_suspension() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        roll.apply("2027-03-02T00:00:00Z", &jane_with("  suspension: {reason: Lost badge 4711}")).expect_code(0);
        let told = roll.history("Member", "jane").iter().any(|row| row.to_string().contains("Lost badge 4711"));
        assert!(told, "{:#?}", roll.history("Member", "jane"));
    });
}

// M21: only an activated member can be suspended.
#[test]
fn a_suspension_declared_earlier_begins_with_the_activation() {
    for suspension in [SUSPENDED, "  suspension: {from: \"2027-03-05\"}\n"] {
        on_both(|roll| {
            let activation = "  activation: {at: \"2027-03-10\"}\n";
            roll.apply(START, &company(&(activation.to_owned() + suspension))).expect_code(0);
            roll.tick("2027-03-06T00:00:00Z").expect_code(0);
            assert_eq!(phase(&jane(roll)), "Scheduled");
            roll.tick("2027-03-10T00:00:00Z").expect_code(0);
            assert_eq!(phase(&jane(roll)), "Suspended");
            assert_eq!(row(roll, "suspend")["due"], "2027-03-10T00:00:00Z");
            roll.apply("2027-03-11T00:00:00Z", &jane_with(activation)).expect_code(0);
            assert_eq!(phase(&jane(roll)), "Pending");
        });
    }
}

// M21: the declared value is spent and does not return on unsuspend.
#[test]
fn a_suspended_member_loses_leave_for_good() {
    on_both(|roll| {
        roll.apply(START, &company(LEAVE)).expect_code(0);
        roll.tick("2027-03-05T00:00:00Z").expect_code(0);
        assert!(on_leave(&jane(roll)).is_some());
        roll.apply("2027-03-06T00:00:00Z", &jane_with(&format!("{LEAVE}{SUSPENDED}"))).expect_code(0);
        assert_eq!((phase(&jane(roll)), on_leave(&jane(roll))), ("Suspended", None));
        roll.apply("2027-03-07T00:00:00Z", &jane_with(LEAVE)).expect_code(0);
        assert_eq!((phase(&jane(roll)), on_leave(&jane(roll))), ("Pending", None));
        assert_eq!(roll.tick("2027-03-20T00:00:00Z").expect_code(0).all_actions(), [""; 0]);
    });
}

// M21: present and future.
#[test]
fn a_suspended_member_loses_the_leave_to_come_as_well() {
    on_both(|roll| {
        roll.apply(START, &company(LEAVE)).expect_code(0);
        roll.apply("2027-03-02T00:00:00Z", &jane_with(&format!("{LEAVE}{SUSPENDED}"))).expect_code(0);
        roll.apply("2027-03-03T00:00:00Z", &jane_with(LEAVE)).expect_code(0);
        assert_eq!(roll.tick("2027-03-05T00:00:00Z").expect_code(0).all_actions(), [""; 0]);
        assert_eq!((phase(&jane(roll)), on_leave(&jane(roll))), ("Pending", None));
    });
}

// M21.
#[test]
fn leave_declared_while_suspended_is_spent_too() {
    on_both(|roll| {
        roll.apply(START, &company(SUSPENDED)).expect_code(0);
        roll.apply("2027-03-02T00:00:00Z", &jane_with(&format!("{LEAVE}{SUSPENDED}"))).expect_code(0);
        roll.tick("2027-03-05T00:00:00Z").expect_code(0);
        assert_eq!((phase(&jane(roll)), on_leave(&jane(roll))), ("Suspended", None));
        roll.apply("2027-03-06T00:00:00Z", &jane_with(LEAVE)).expect_code(0);
        assert_eq!((phase(&jane(roll)), on_leave(&jane(roll))), ("Pending", None));
    });
}

// M21: only a changed `leaveOfAbsence` counts again.
#[test]
fn a_changed_leave_counts_again_after_a_suspension() {
    on_both(|roll| {
        roll.apply(START, &company(LEAVE)).expect_code(0);
        roll.apply("2027-03-06T00:00:00Z", &jane_with(&format!("{LEAVE}{SUSPENDED}"))).expect_code(0);
        roll.apply("2027-03-07T00:00:00Z", &jane_with(LEAVE)).expect_code(0);
        assert_eq!(on_leave(&jane(roll)), None);
        let changed = "  leaveOfAbsence: {from: \"2027-03-10\", until: \"2027-03-20\"}";
        roll.apply("2027-03-08T00:00:00Z", &jane_with(changed)).expect_code(0);
        roll.tick("2027-03-10T00:00:00Z").expect_code(0);
        assert_eq!(on_leave(&jane(roll)).map(|leave| &leave["until"]), Some(&"2027-03-21T00:00:00Z".into()));
        roll.tick("2027-03-21T00:00:00Z").expect_code(0);
        assert_eq!(on_leave(&jane(roll)), None);
    });
}

// M21, R8: never both; the others go on.
#[test]
fn suspended_beside_suspension_is_refused() {
    on_both(|roll| {
        let both = "  suspended: true\n  suspension: {from: \"2027-03-10\"}";
        let report = roll.apply(START, &company(both)).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("Invalid"));
        assert_eq!(ready(&jane(roll)), ("False", "Invalid"));
        assert_eq!(phase(&roll.get("Member", "boss")), "Pending");
    });
}

// T4.
#[test]
fn the_supreme_administrator_can_not_be_suspended() {
    for suspension in [SUSPENDED, "  suspension: {reason: Lost badge}\n"] {
        on_both(|roll| {
            roll.apply(START, &set(&[tenant("acme", ""), boss("acme")])).expect_code(0);
            let report = roll.apply("2027-03-02T00:00:00Z", &member("boss", "acme", suspension)).expect_code(1);
            assert_eq!(report.refused("Member", "boss").as_deref(), Some("SupremeAdminProtected"));
            let boss = roll.get("Member", "boss");
            assert_eq!((phase(&boss), ready(&boss)), ("Pending", ("False", "SupremeAdminProtected")));
        });
    }
}

// M21: a suspension that was withdrawn and is declared again is a new one.
#[test]
fn a_member_can_be_suspended_again_and_again() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        for (day, declared, wanted) in
            [(2, SUSPENDED, "Suspended"), (3, "", "Pending"), (4, SUSPENDED, "Suspended"), (5, "", "Pending")]
        {
            roll.apply(&format!("2027-03-0{day}T00:00:00Z"), &jane_with(declared)).expect_code(0);
            assert_eq!(phase(&jane(roll)), wanted);
        }
        roll.apply("2027-03-06T00:00:00Z", &jane_with(SUSPENDED)).expect_code(0);
        assert_eq!(phase(&jane(roll)), "Suspended");
    });
}

// M21: what is over by then is not cleared, also where it ends as the suspension begins.
#[test]
fn a_leave_that_ended_before_is_not_spent() {
    for until in ["2027-03-05", "2027-03-09"] {
        on_both(|roll| {
            let leave = format!("  leaveOfAbsence: {{from: \"2027-03-04\", until: \"{until}\"}}\n");
            roll.apply(START, &company(&format!("{leave}  suspension: {{from: \"2027-03-10\"}}"))).expect_code(0);
            roll.tick("2027-03-12T00:00:00Z").expect_code(0);
            assert_eq!((phase(&jane(roll)), condition(&jane(roll), "LeaveSpent")), ("Suspended", None), "{until}");
        });
    }
}

// M21: a sign-in that comes while the suspension is written waits for it, and finds it.
#[test]
fn nobody_signs_in_beside_a_suspension_that_is_being_written() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        let suspend = "UPDATE members SET phase = 'Suspended' WHERE name = 'jane'";
        // SQLite has one writer at a time, and no way to be slow.
        let is_postgres = roll.url().starts_with("postgres");
        let slowly = format!("BEGIN; {suspend}; SELECT pg_sleep(3); COMMIT");
        let sleeps = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
        thread::scope(|scope| {
            let writing = scope.spawn(|| roll.sql(if is_postgres { &slowly } else { suspend }));
            while !(writing.is_finished() || is_postgres && roll.query(sleeps).is_some()) {
                thread::yield_now();
            }
            assert_eq!(roll.sign_in("2027-03-02T09:00:00Z", "jane").code, 1);
            writing.join().expect("it is written").expect("it is taken");
        });
        assert_eq!(open_sessions(roll), 0);
    });
}
