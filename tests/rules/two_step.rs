//! The second step of the sign-in (T6, M26) and the easy login (M27): who must verify, what is enrolled, what a reset
//! does. Never about passwords. Run by `make test`.

use serde_json::Value;

use crate::life::{START, change, company_of, count, jane, jane_with, open_sessions, row, timing};
use crate::support::{Output, Roster, condition, on_both, phase};

const NEXT_DAY: &str = "2027-03-02T09:00:00Z";
const LATER: &str = "2027-03-03T09:00:00Z";
const REQUIRED: &str = "  twoStepVerification: Required";

fn report(roll: &Roster, now: &str, what: &[&str]) -> Output {
    roll.run(&[&["record"], what, &["--now", now, "-n", "hr"]].concat(), "")
}

fn enrol(roll: &Roster, now: &str) {
    report(roll, now, &["two-step", "jane", "--method", "Otp"]).ok();
}

fn enrolled(roll: &Roster) -> Value {
    jane(roll)["status"]["twoStep"]["enrolled"].clone()
}

/// Jane of a company with this policy signs in once and enrols.
fn enrolled_company(roll: &Roster, policy: &str, fields: &str) {
    roll.apply(START, &company_of(policy, fields)).expect_code(0);
    roll.sign_in("2027-03-01T09:30:00Z", "jane").ok();
    enrol(roll, "2027-03-01T09:31:00Z");
    assert_eq!(enrolled(roll), true);
}

// M26, I2: what a service reports is folded in, told in the trail, and shown.
#[test]
fn an_enrolled_second_step_is_in_the_status() {
    on_both(|roll| {
        roll.apply(START, &company_of("", "")).expect_code(0);
        assert_eq!(enrolled(roll), false);
        for nothing in ["", " "] {
            let refused = report(roll, "2027-03-01T09:30:00Z", &["two-step", "jane", "--method", nothing]);
            assert!(refused.code == 1 && refused.stderr.contains("Otp"), "{refused}");
        }
        assert_eq!(enrolled(roll), false);
        enrol(roll, "2027-03-01T10:00:00Z");
        assert_eq!(enrolled(roll), true);
        let told = row(roll, "update");
        assert_eq!(timing(&told).2, "Service");
        assert_eq!(change(&told, "twoStep.method"), ("", "Otp"));
        assert_eq!(count(roll, "news"), 0, "what was folded in is no news");
        report(roll, "2027-03-01T11:00:00Z", &["two-step", "jane", "--method", "none"]).ok();
        assert_eq!(enrolled(roll), false);
    });
}

// T6, M26: under `Required` everyone verifies, under `Optional` who declares it, under `Disabled` nobody.
#[test]
fn who_must_verify_is_asked_to_enrol_at_the_sign_in() {
    on_both(|roll| {
        let mut day = 1;
        let mut asked = |policy: &str, fields: &str| {
            day += 1;
            roll.apply(&format!("2027-03-{day:02}T09:00:00Z"), &company_of(policy, fields)).expect_code(0);
            roll.sign_in(&format!("2027-03-{day:02}T09:01:00Z"), "jane").ok().stdout.contains("enrolment")
        };
        assert!(!asked("", "  twoStepVerification: true"), "without a policy it is disabled");
        assert!(!asked("  twoStepVerification: Disabled", "  twoStepVerification: true"));
        assert!(!asked("  twoStepVerification: Optional", ""));
        assert!(!asked("  twoStepVerification: Optional", "  twoStepVerification: false"));
        assert!(asked("  twoStepVerification: Optional", "  twoStepVerification: true"));
        assert!(asked(REQUIRED, ""));
        enrol(roll, "2027-03-20T09:00:00Z");
        assert!(!roll.sign_in("2027-03-20T09:01:00Z", "jane").ok().stdout.contains("enrolment"));
    });
}

// M26: a new token value is one reset: the method is erased, the member signed out, enrolment asked at the next sign-in.
#[test]
fn a_reset_erases_the_method_signs_out_and_asks_again() {
    on_both(|roll| {
        enrolled_company(roll, REQUIRED, "");
        roll.apply(NEXT_DAY, &jane_with("  resetTwoStepVerification: lost-phone")).expect_code(0);
        assert_eq!(enrolled(roll), false);
        assert_eq!(open_sessions(roll), 0);
        assert_eq!(count(roll, "choices"), 0);
        let told = row(roll, "update");
        assert_eq!(change(&told, "twoStep.method"), ("Otp", ""));
        assert_eq!(change(&told, "resetTwoStepVerification"), ("", "lost-phone"));
        assert!(roll.sign_in("2027-03-02T10:00:00Z", "jane").ok().stdout.contains("enrolment"));
        enrol(roll, "2027-03-02T10:01:00Z");
        let again = roll.apply(LATER, &jane_with("  resetTwoStepVerification: lost-phone\n  nickname: J")).expect_code(0);
        assert_eq!(again.actions("Member", "jane"), ["update"]);
        assert_eq!((enrolled(roll), open_sessions(roll)), (true.into(), 1), "one value resets once");
        roll.apply("2027-03-04T09:00:00Z", &jane_with("  resetTwoStepVerification: lost-again")).expect_code(0);
        assert_eq!((enrolled(roll), open_sessions(roll)), (false.into(), 0));
    });
}

// M26, R13: under another policy the reset does nothing, says so, and is spent.
#[test]
fn a_reset_is_not_applicable_unless_the_second_step_is_required() {
    on_both(|roll| {
        enrolled_company(roll, "  twoStepVerification: Optional", "  twoStepVerification: true");
        let fields = "  twoStepVerification: true\n  resetTwoStepVerification: lost-phone";
        roll.apply(NEXT_DAY, &jane_with(fields)).expect_code(0);
        assert_eq!((enrolled(roll), open_sessions(roll)), (true.into(), 1));
        let told = condition(&jane(roll), "NotApplicable").cloned().unwrap_or_default();
        assert!(told["message"].to_string().contains("resetTwoStepVerification"), "{told}");
        roll.apply(LATER, &company_of(REQUIRED, fields)).expect_code(0);
        assert_eq!((enrolled(roll), open_sessions(roll)), (true.into(), 1), "a later policy resets nothing by surprise");
        assert!(condition(&jane(roll), "NotApplicable").is_none());
    });
}

// R13: a value that is there when the record is made is noted as done.
#[test]
fn a_reset_that_a_new_member_brings_along_is_never_carried_out() {
    on_both(|roll| {
        enrolled_company(roll, REQUIRED, "  resetTwoStepVerification: first");
        roll.apply(NEXT_DAY, &jane_with("  resetTwoStepVerification: first\n  nickname: J")).expect_code(0);
        assert_eq!((enrolled(roll), open_sessions(roll)), (true.into(), 1));
    });
}

// M25
#[test]
fn what_a_member_enrolled_is_erased_with_it() {
    on_both(|roll| {
        enrolled_company(roll, "  deletionGrace: 1d", "");
        let gone = crate::support::set(&[crate::support::tenant("acme", "  deletionGrace: 1d"), crate::support::boss("acme")]);
        roll.apply_with(NEXT_DAY, &gone, &["--prune"]).expect_code(0);
        assert_eq!((phase(&jane(roll)).to_owned(), count(roll, "choices")), ("Deleted".to_owned(), 1));
        roll.tick("2027-03-05T09:00:00Z").expect_code(0);
        assert_eq!(count(roll, "choices"), 0);
    });
}

fn easy_login(roll: &Roster) -> Value {
    jane(roll)["status"]["easyLoginMethod"].clone()
}

// M27: the method is what services report; `Disabled` turns it off and keeps it off.
#[test]
fn the_easy_login_is_turned_off_where_it_is_disabled() {
    on_both(|roll| {
        roll.apply(START, &company_of("", "")).expect_code(0);
        assert_eq!(easy_login(roll), "None");
        report(roll, "2027-03-01T10:00:00Z", &["easy-login", "jane", "line"]).ok();
        assert_eq!(easy_login(roll), "Line");
        roll.apply(NEXT_DAY, &jane_with("  easyLogin: Disabled")).expect_code(0);
        assert_eq!((easy_login(roll), count(roll, "choices")), ("None".into(), 0));
        let refused = report(roll, "2027-03-02T10:00:00Z", &["easy-login", "jane", "mobile-phone"]);
        assert_eq!(refused.code, 1);
        assert!(refused.stderr.contains("M27"), "{refused}");
        roll.apply(LATER, &jane_with("  easyLogin: Enabled")).expect_code(0);
        report(roll, "2027-03-03T10:00:00Z", &["easy-login", "jane", "mobile-phone"]).ok();
        assert_eq!(easy_login(roll), "MobilePhone");
        report(roll, "2027-03-03T11:00:00Z", &["easy-login", "jane", "none"]).ok();
        assert_eq!(easy_login(roll), "None");
    });
}

// R2: a rehearsal knows what services reported, so that it tells what an apply does.
#[test]
fn a_plan_tells_the_reset_that_the_apply_carries_out() {
    on_both(|roll| {
        enrolled_company(roll, REQUIRED, "");
        let manifest = jane_with("  resetTwoStepVerification: lost-phone");
        let plan = roll.plan(NEXT_DAY, &manifest, &[]).expect_code(1);
        assert!(plan.json["changes"].to_string().contains("twoStep.method"), "{:#}", plan.json);
        let fingerprint = plan.json["fingerprint"].as_str().unwrap_or_default().to_owned();
        roll.apply_with(LATER, &manifest, &["--expect", &fingerprint]).expect_code(0);
        assert_eq!(enrolled(roll), false);
    });
}
