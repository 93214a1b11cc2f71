//! Secrets that passwords are taken from (M32, M33): which content is an administrator's change, and what is told where there is
//! nothing to take. Offline. Run by `make test`.

use crate::life::{START, company, count, text};
use crate::passwords::{answer, change, password_set, secret};
use crate::support::{Report, Roster, annotated, boss, condition, member, on_both, set, tenant};

const LATER: &str = "2027-03-02T09:00:00Z";
const AFTER: &str = "2027-03-03T09:00:00Z";
const LAST: &str = "2027-03-04T09:00:00Z";

/// Jane's password from the key of a Secret, with more beside.
fn from(name: &str, more: &str) -> String {
    format!("  password: {{mode: FromSecret, secretKeyRef: {{name: {name}, key: password}}{more}}}")
}

fn with(jane: &str, password: &str) -> String {
    set(&[company(jane), secret(password)])
}

fn apply(roll: &Roster, now: &str, yaml: &str) -> Report {
    roll.apply_with(now, yaml, &["--secrets-out", "secrets"])
}

/// What the condition `PasswordSet` of Jane says.
fn told(roll: &Roster) -> String {
    condition(&roll.get("Member", "jane"), "PasswordSet").map(|told| text(told, "message").to_owned()).unwrap_or_default()
}

fn is(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

// R5, M33: a token makes another password; what the Secret holds by then is known, and no change of the next run.
#[test]
fn a_token_and_another_content_at_once_make_one_password() {
    on_both(|roll| {
        apply(roll, START, &with(&from("jane-password", ""), "Kx7Tm2Qw")).expect_code(0);
        let both = with(&from("jane-password", ", resetToken: one"), "Wd5Gh8Yj");
        apply(roll, LATER, &both).expect_code(0);
        let mails = count(roll, "outbox");
        for now in [LATER, AFTER] {
            let report = apply(roll, now, &both).expect_code(0);
            assert!(!report.stderr.contains("password"), "{}", report.stderr);
            assert_eq!((count(roll, "outbox"), count(roll, "password_orders")), (mails, 0));
            assert_eq!(answer(roll, now, "jane", "Wd5Gh8Yj"), "Refused");
        }
        apply(roll, LAST, &secret("Rz4Pv9Bn")).expect_code(0);
        assert_eq!(answer(roll, LAST, "jane", "Rz4Pv9Bn"), "MustChange");
    });
}

// M32, M33: a token that waited makes no password that nobody declares any more.
#[test]
fn a_token_that_waited_for_a_secret_makes_nothing_once_no_password_is_declared() {
    on_both(|roll| {
        let link = "  password: {mode: CreationLink}";
        for (now, later, then) in [(START, "  nickname: J", LATER), (AFTER, link, LAST)] {
            roll.apply(now, &company(&from("none", ""))).expect_code(1);
            roll.apply(now, &company(&from("none", &format!(", resetToken: \"{now}\"")))).expect_code(1);
            let told = roll.query("SELECT count(*) FROM outbox WHERE effect = 'NewPassword'");
            assert_eq!(told.as_deref(), Some("0"), "there was none, and is none");
            let report = apply(roll, then, &company(later)).expect_code(0);
            assert!(!report.stderr.contains("password set"), "{}", report.stderr);
            assert_eq!(count(roll, "credentials"), 0);
        }
    });
}

// R14, R5, M33: both of them while the member was frozen.
#[test]
fn a_token_and_another_content_of_a_frozen_member_make_one_password_on_thaw() {
    on_both(|roll| {
        let jane = |more: &str| member("jane", "acme", &from("jane-password", more));
        let all = |jane: String, password: &str| set(&[tenant("acme", ""), boss("acme"), jane, secret(password)]);
        apply(roll, START, &all(jane(""), "Kx7Tm2Qw")).expect_code(0);
        apply(roll, LATER, &all(annotated(&jane(", resetToken: one"), "frozen", "audit"), "Wd5Gh8Yj")).expect_code(1);
        assert_eq!(answer(roll, LATER, "jane", "Kx7Tm2Qw"), "MustChange");
        for now in [AFTER, LAST] {
            apply(roll, now, &all(jane(", resetToken: one"), "Wd5Gh8Yj")).expect_code(0);
            assert_eq!(answer(roll, now, "jane", "Wd5Gh8Yj"), "Refused");
            assert_eq!(roll.get("Member", "jane")["status"]["passwordChangedAt"], AFTER);
        }
    });
}

// M33, R11: another mode acts with a token only, and says so; from then on other content is a change.
#[test]
fn what_a_secret_holds_as_its_mode_comes_back_is_passed_over_and_told() {
    on_both(|roll| {
        apply(roll, START, &with(&from("jane-password", ""), "Kx7Tm2Qw")).expect_code(0);
        apply(roll, LATER, &company("  password: {mode: Generate, resetToken: one}")).expect_code(0);
        let back = from("jane-password", ", resetToken: one");
        let report = apply(roll, AFTER, &with(&back, "Kx7Tm2Qw")).expect_code(0);
        assert!(report.stderr.contains("SecretPassedOver"), "{}", report.stderr);
        assert_eq!(password_set(roll), is("True", "SecretPassedOver"));
        assert!(told(roll).contains("of before counts") && told(roll).contains("resetToken"), "{}", told(roll));
        let rows = roll.trail().len();
        let report = apply(roll, AFTER, &with(&back, "Kx7Tm2Qw")).expect_code(0);
        assert!(!report.stderr.contains("password"), "{}", report.stderr);
        assert_eq!((roll.trail().len(), answer(roll, AFTER, "jane", "Kx7Tm2Qw").as_str()), (rows, "Refused"));
        apply(roll, LAST, &secret("Wd5Gh8Yj")).expect_code(0);
        assert_eq!(answer(roll, LAST, "jane", "Wd5Gh8Yj"), "MustChange");
        assert_eq!(password_set(roll), is("True", "PasswordSet"));
    });
}

// M33, R11: who chose a password before the Secret was there keeps it; other content is an administrator's change.
#[test]
fn a_secret_that_comes_after_the_members_own_password_is_passed_over_and_told() {
    on_both(|roll| {
        apply(roll, START, &company(&from("jane-password", ""))).expect_code(1);
        // As by the link of a requested change.
        crate::cancellation::set_password(roll, "jane", "Rz4-Pv9-Bn");
        apply(roll, LATER, &company(&from("jane-password", ""))).expect_code(1);
        assert_eq!(answer(roll, LATER, "jane", "Rz4-Pv9-Bn"), "Granted");
        apply(roll, AFTER, &secret("Kx7Tm2Qw")).expect_code(0);
        assert_eq!(password_set(roll).1, "SecretPassedOver");
        assert_eq!(answer(roll, AFTER, "jane", "Rz4-Pv9-Bn"), "Granted");
        apply(roll, LAST, &secret("Wd5Gh8Yj")).expect_code(0);
        assert_eq!(answer(roll, LAST, "jane", "Wd5Gh8Yj"), "MustChange");
    });
}

// M33, R11: a name that is mistyped is told, also of a member that has a password.
#[test]
fn a_reference_to_a_secret_that_is_missing_is_told_of_a_member_with_a_password() {
    on_both(|roll| {
        apply(roll, START, &with(&from("jane-password", ""), "Kx7Tm2Qw")).expect_code(0);
        change(roll, START, "Kx7Tm2Qw", "Rz4-Pv9-Bn");
        for now in [LATER, AFTER] {
            let report = apply(roll, now, &with(&from("jane-pasword", ""), "Kx7Tm2Qw")).expect_code(1);
            assert!(report.stderr.contains("`jane-pasword`: the Secret is not there"), "{}", report.stderr);
            assert_eq!(password_set(roll), is("True", "SecretNotFound"));
        }
        apply(roll, LAST, &with(&from("jane-password", ""), "Kx7Tm2Qw")).expect_code(0);
        assert_eq!(password_set(roll), is("True", "PasswordSet"));
        assert_eq!(answer(roll, LAST, "jane", "Rz4-Pv9-Bn"), "Granted");
        // What was said of a Secret is not said of another way to a password.
        apply(roll, LAST, &with(&from("jane-pasword", ""), "Kx7Tm2Qw")).expect_code(1);
        apply(roll, LAST, &company("  password: {mode: Generate}")).expect_code(0);
        assert_eq!((password_set(roll), count(roll, "password_orders")), (is("True", "PasswordSet"), 0));
    });
}

// M32, R7: what is wrong with a Secret is told as it is, and nothing that stands in it.
#[test]
fn a_secret_that_holds_no_password_is_told_truly() {
    on_both(|roll| {
        let holding = |content: &str| {
            let secret = format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: jane-password}}\n{content}\n");
            set(&[company(&from("jane-password", "")), secret])
        };
        let cases = [
            ("stringData: {pasword: Kx7Tm2Qw}", "SecretNotFound", "the Secret has no such key"),
            ("data: {password: Kx7Tm2Qw!}", "SecretInvalid", "is not base64"),
            ("stringData: {password: 31415926}", "SecretInvalid", "is not text; put it in quotes"),
            ("stringData: {password: [Kx7Tm2Qw]}", "SecretInvalid", "is not text"),
        ];
        for (content, reason, words) in cases {
            let report = apply(roll, START, &holding(content)).expect_code(1);
            assert!(report.stderr.contains(words), "{}", report.stderr);
            assert_eq!(password_set(roll), is("False", reason));
            assert!(told(roll).contains("`jane-password`") && told(roll).contains(words), "{}", told(roll));
            assert!(!["Kx7Tm2Qw", "31415926"].iter().any(|content| report.stderr.contains(content)), "{}", report.stderr);
        }
        apply(roll, LATER, &company("")).expect_code(0);
        apply(roll, LATER, &company(&from("jane-password", ""))).expect_code(1);
        assert!(told(roll).contains("the Secret is not there"), "{}", told(roll));
    });
}
