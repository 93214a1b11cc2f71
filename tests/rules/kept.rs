//! What is declared and not accepted is kept, with its outcome, and the last accepted intent stays in force (R2, R5).
//! Never about why something is refused. Run by `make test`.

use crate::life::{START, change, company, company_without_jane, count, jane, jane_with, row, timing};
use crate::support::{boss, member, on_both, phase, ready, set, tenant};

const LATER: &str = "2027-03-02T09:00:00Z";
const UNDECODABLE: &str = "  nickName: J";
const UNLISTED: &str = "  jobLevel: Emperor";

// R2: accepted or not, and as soon as it is right it is taken.
#[test]
fn what_was_never_accepted_is_known_to_every_later_run() {
    for wrong in [UNDECODABLE, UNLISTED] {
        on_both(|roll| {
            roll.apply(START, &company(wrong)).expect_code(1);
            assert_eq!(ready(&jane(roll)), ("False", "Invalid"), "{wrong}");
            roll.tick(LATER);
            assert_eq!(ready(&jane(roll)), ("False", "Invalid"), "{wrong}");
            assert_eq!(count(roll, "members WHERE name = 'jane'"), 0, "{wrong}");
            roll.apply(LATER, &jane_with("")).expect_code(0);
            assert_eq!((phase(&jane(roll)), ready(&jane(roll)).0), ("Pending", "True"), "{wrong}");
        });
    }
}

// R2, R9: nothing is left of it when it is no longer declared.
#[test]
fn what_was_never_accepted_goes_with_its_manifest() {
    for wrong in [UNDECODABLE, UNLISTED] {
        on_both(|roll| {
            roll.apply(START, &company(wrong)).expect_code(1);
            let report = roll.apply_with(LATER, &company_without_jane(), &["--prune"]).expect_code(0);
            assert_eq!(report.all_actions(), [""; 0], "{wrong}");
            assert_eq!(roll.find("Member", "jane"), None, "{wrong}");
        });
    }
}

// R2, R5: what drifted goes back to what was accepted last, not to what was refused.
#[test]
fn under_a_refused_manifest_the_accepted_one_stays_in_force() {
    for wrong in [UNDECODABLE, UNLISTED] {
        on_both(|roll| {
            roll.apply(START, &company("  employeeNumber: \"1\"")).expect_code(0);
            roll.apply(LATER, &jane_with(&format!("  employeeNumber: \"2\"\n{wrong}"))).expect_code(1);
            assert_eq!(roll.sql("UPDATE members SET employee_number = '3' WHERE name = 'jane'"), Ok(1));
            roll.tick("2027-03-03T09:00:00Z");
            assert_eq!(change(&row(roll, "update"), "employeeNumber"), ("3", "1"), "{wrong}");
            assert_eq!(ready(&jane(roll)), ("False", "Invalid"), "{wrong}");
            // The number that was refused is nobody's.
            roll.apply("2027-03-04T09:00:00Z", &member("joe", "acme", "  employeeNumber: \"2\"")).expect_code(0);
        });
    }
}

// R2, R4: dates that were accepted come, those that were refused do not.
#[test]
fn under_a_refused_manifest_the_accepted_dates_come() {
    on_both(|roll| {
        let dated = |day: u32, more: &str| format!("  suspension: {{from: \"2027-03-{day}\"}}\n{more}");
        roll.apply(START, &company(&dated(20, ""))).expect_code(0);
        roll.apply(LATER, &jane_with(&dated(10, UNLISTED))).expect_code(1);
        assert_eq!(roll.tick("2027-03-19T00:00:00Z").all_actions(), [""; 0]);
        assert_eq!(roll.tick("2027-03-20T00:00:00Z").all_actions(), ["suspend Member/jane"]);
        assert_eq!(timing(&row(roll, "suspend")).2, "Scheduled");
    });
}

// R2, T8: a list that grows shorter refuses what names it, and takes nothing from anybody.
#[test]
fn a_value_that_is_taken_from_the_list_stays_in_the_records() {
    on_both(|roll| {
        let listing = |levels: &str| set(&[tenant("acme", &format!("  jobLevels: {levels}")), boss("acme")]);
        roll.apply(START, &set(&[listing("[Senior, Junior]"), jane_with("  jobLevel: Junior")])).expect_code(0);
        roll.apply(LATER, &listing("[Senior]"));
        let level = "SELECT job_level FROM members WHERE name = 'jane'";
        assert_eq!(roll.query(level).as_deref(), Some("Junior"));
        let report = roll.apply("2027-03-03T09:00:00Z", &jane_with("  jobLevel: Junior\n  nickname: J")).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("Invalid"));
        assert_eq!((roll.query(level).as_deref(), phase(&jane(roll))), (Some("Junior"), "Pending"));
    });
}
