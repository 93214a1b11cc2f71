//! What a plan tells of passwords (R2, M32, M33): the same as the apply, and nothing is written for it. Run by `make test`.

use crate::life::{START, company};
use crate::passwords::{answer, secret};
use crate::support::{Report, Roster, boss, member, on_both, set, tenant};

const LATER: &str = "2027-03-02T09:00:00Z";
const AFTER: &str = "2027-03-03T09:00:00Z";

/// The company with Jane, whose password is what the Secret holds.
fn with(password: &str) -> String {
    set(&[company("  password: {mode: FromSecret, secretKeyRef: {name: jane-password, key: password}}"), secret(password)])
}

/// The company with a member whose password is generated.
fn generated() -> String {
    set(&[tenant("acme", ""), boss("acme"), member("jane", "acme", "  password: {mode: Generate}")])
}

fn plan(roll: &Roster, now: &str, yaml: &str) -> Report {
    roll.plan(now, yaml, &["--secrets-out", "secrets"])
}

fn apply(roll: &Roster, now: &str, yaml: &str) -> Report {
    roll.apply_with(now, yaml, &["--secrets-out", "secrets"])
}

// R2, M33: another content of a Secret signs somebody out; a plan tells that, and `--expect` knows it.
#[test]
fn a_plan_tells_that_a_secret_has_another_content() {
    on_both(|roll| {
        apply(roll, START, &with("Kx7Tm2Qw")).expect_code(0);
        let unchanged = plan(roll, LATER, &with("Kx7Tm2Qw")).expect_code(0);
        assert_eq!((unchanged.all_actions().len(), unchanged.stderr.contains("password")), (0, false), "{}", unchanged.stderr);

        let planned = plan(roll, LATER, &with("Wd5Gh8Yj")).expect_code(1);
        assert_eq!(planned.actions("Member", "jane"), ["update"]);
        assert_eq!(planned.json["changes"][0]["fields"][0]["path"], "passwordChangedAt");
        assert!(planned.stderr.contains("1 password to be set"), "{}", planned.stderr);
        assert_eq!(answer(roll, LATER, "jane", "Kx7Tm2Qw"), "MustChange", "nothing was done");

        let expected = planned.json["fingerprint"].as_str().expect("a fingerprint");
        roll.apply_with(LATER, &with("Rz4Pv9Bn"), &["--expect", unchanged.json["fingerprint"].as_str().unwrap()]).expect_code(2);
        let done = roll.apply_with(LATER, &with("Wd5Gh8Yj"), &["--expect", expected]).expect_code(0);
        assert_eq!((&done.json["changes"], &done.json["fingerprint"]), (&planned.json["changes"], &planned.json["fingerprint"]));
        assert_eq!(answer(roll, AFTER, "jane", "Wd5Gh8Yj"), "MustChange");
    });
}

// R2, M32: a first password is counted; its Secret is not written, and where there is no place for it, a plan says so.
#[test]
fn a_plan_generates_nothing_and_tells_what_is_in_the_way() {
    on_both(|roll| {
        let planned = plan(roll, START, &generated()).expect_code(1);
        assert!(planned.stderr.contains("1 password to be set"), "{}", planned.stderr);
        assert!(!roll.folder().join("secrets").exists());
        let homeless = roll.plan(START, &generated(), &[]);
        assert!(homeless.stderr.contains("NowhereToWrite") && homeless.stderr.contains("--secrets-out"), "{}", homeless.stderr);
        assert_eq!(homeless.json["changes"], planned.json["changes"]);
        let done = roll.apply(START, &generated()).expect_code(1);
        assert_eq!(done.json["fingerprint"], planned.json["fingerprint"]);
        let planned = plan(roll, START, &generated()).expect_code(1);
        assert_eq!(planned.all_actions(), [""; 0], "a first password is told beside the changes");
        assert!(planned.stderr.contains("1 password to be set"), "{}", planned.stderr);
        apply(roll, START, &generated()).expect_code(0);
        // A token makes another: it is planned, and the Secret still holds the first one.
        let file = roll.folder().join("secrets/hr.jane-initial-password.yaml");
        let before = std::fs::read_to_string(&file).unwrap();
        let reset = generated().replace("mode: Generate", "mode: Generate, resetToken: one");
        let planned = plan(roll, LATER, &reset).expect_code(1);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
        let done = apply(roll, LATER, &reset).expect_code(0);
        assert_eq!((&done.json["changes"], &done.json["fingerprint"]), (&planned.json["changes"], &planned.json["fingerprint"]));
        assert_ne!(std::fs::read_to_string(&file).unwrap(), before);
    });
}

// R2: whoever plans need not be trusted with hashes; then a plan leaves passwords out, and says so.
#[test]
fn a_role_that_may_not_read_hashes_plans_all_but_passwords() {
    on_both(|roll| {
        apply(roll, START, &with("Kx7Tm2Qw")).expect_code(0);
        let Some((_, database)) = roll.url().split_once("postgres://").and_then(|(_, place)| place.rsplit_once('/')) else {
            return;
        };
        for statement in [
            format!("CREATE ROLE {database}"),
            format!("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {database}"),
            format!("REVOKE ALL ON credentials, password_history, secrets FROM {database}"),
        ] {
            roll.sql(&statement).expect("a role that only reads");
        }
        let more = set(&[with("Wd5Gh8Yj"), member("june", "acme", "")]);
        let role = format!("-c role={database}");
        let planned = roll.run_with(&["plan", "-f", "-", "-n", "hr", "--now", LATER], &more, &[("PGOPTIONS", &role)]);
        assert_eq!(planned.code, 1, "{planned}");
        assert!(planned.stdout.contains("hr/june") && !planned.stdout.contains("hr/jane"), "{planned}");
        assert!(planned.stderr.contains("nothing is planned of passwords"), "{planned}");
        roll.sql(&format!("DROP OWNED BY {database}")).expect("the role goes");
        roll.sql(&format!("DROP ROLE {database}")).expect("the role goes");
    });
}

// R2, T5: what breaks the policy is told by the plan already.
#[test]
fn a_plan_tells_of_a_password_that_breaks_the_policy() {
    on_both(|roll| {
        apply(roll, START, &with("Kx7Tm2Qw")).expect_code(0);
        for report in [plan(roll, LATER, &with("short")), apply(roll, LATER, &with("short"))] {
            assert!(
                report.stderr.contains("Member hr/jane: no password is set: spec.password.secretKeyRef"),
                "{}",
                report.stderr
            );
            assert!(report.stderr.contains("PolicyViolated"), "{}", report.stderr);
        }
    });
}
