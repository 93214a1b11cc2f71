//! Secrets that passwords are taken from (M32, M33): which content is an administrator's change, and what is told where there is
//! nothing to take. Offline. Run by `make test`.

use crate::life::{START, company, text};
use crate::passwords::password_set;
use crate::support::{Report, Roster, condition, on_both, set};

const LATER: &str = "2027-03-02T09:00:00Z";

/// Jane's password from the key of a Secret, with more beside.
fn from(name: &str, more: &str) -> String {
    format!("  password: {{mode: FromSecret, secretKeyRef: {{name: {name}, key: password}}{more}}}")
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
