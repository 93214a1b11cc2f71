//! How passwords come about, change and are verified (T5, M32, M33, M36), offline. Never about the second step.
//! Run by `make test`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::Value;

use crate::life::{START, company, company_of, company_without_jane, count, text};
use crate::support::{Report, Roster, condition, on_both, phase, set};

const FROM_SECRET: &str = "  password: {mode: FromSecret, secretKeyRef: {name: jane-password, key: password}}";
const GENERATE: &str = "  password: {mode: Generate}";
const LATER: &str = "2027-03-02T09:00:00Z";

/// The manifest of the Secret that [`FROM_SECRET`] names.
pub fn secret(password: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: jane-password}}\nstringData: {{password: '{password}'}}\n")
}

/// `record sign-in MEMBER --password-stdin`: what the outside is answered.
pub fn answer(roll: &Roster, now: &str, member: &str, password: &str) -> String {
    let args = ["record", "sign-in", member, "--password-stdin", "--now", now, "-n", "hr"];
    let output = roll.run(&args, &format!("{password}\n"));
    assert_eq!(output.code == 0, output.stdout.trim() == "Granted", "{output}");
    assert!(password.is_empty() || !output.stderr.contains(password), "{output}");
    output.stdout.trim().to_owned()
}

/// `record password jane`: what it printed on both, without line breaks at the ends.
pub fn change(roll: &Roster, now: &str, present: &str, new: &str) -> (String, String) {
    let output = roll.run(&["record", "password", "jane", "--now", now, "-n", "hr"], &format!("{present}\n{new}\n"));
    (output.stdout.trim().to_owned(), output.stderr.trim().to_owned())
}

/// Status and reason of the condition `PasswordSet` of jane.
pub fn password_set(roll: &Roster) -> (String, String) {
    let told = password_condition(roll);
    (text(&told, "status").to_owned(), text(&told, "reason").to_owned())
}

/// What that condition says.
fn password_message(roll: &Roster) -> String {
    text(&password_condition(roll), "message").to_owned()
}

fn password_condition(roll: &Roster) -> Value {
    condition(&roll.get("Member", "jane"), "PasswordSet").cloned().unwrap_or_default()
}

fn is(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

fn with_secret(jane: &str, password: &str) -> String {
    set(&[company(jane), secret(password)])
}

fn apply_out(roll: &Roster, now: &str, yaml: &str) -> Report {
    roll.apply_with(now, yaml, &["--secrets-out", "secrets"])
}

fn initial(roll: &Roster) -> PathBuf {
    roll.folder().join("secrets/hr.jane-initial-password.yaml")
}

/// The password in the Secret that was written for jane.
fn initial_password(roll: &Roster) -> String {
    let text = fs::read_to_string(initial(roll)).unwrap();
    let line = text.lines().find_map(|line| line.trim().strip_prefix("password: ").map(str::to_owned));
    line.unwrap_or_else(|| panic!("no password in\n{text}")).trim_matches(['\'', '"']).to_owned()
}

fn changed_at(roll: &Roster) -> String {
    roll.get("Member", "jane")["status"]["passwordChangedAt"].as_str().unwrap_or_default().to_owned()
}

// M32: the password of a Secret in the same set; kept as Argon2id only; to be changed at the first sign-in.
#[test]
fn a_password_from_a_secret_is_to_be_changed_at_the_first_sign_in() {
    on_both(|roll| {
        roll.apply(START, &with_secret(FROM_SECRET, "Kx7Tm2Qw")).expect_code(0);
        assert_eq!(password_set(roll), is("True", "PasswordSet"));
        assert_eq!(changed_at(roll), START);
        let hash = roll.query("SELECT hash FROM credentials").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(answer(roll, LATER, "jane", "Kx7Tm2Qx"), "Refused");
        assert_eq!(answer(roll, LATER, "jane", "Kx7Tm2Qw"), "MustChange");
        assert_eq!((phase(&roll.get("Member", "jane")), count(roll, "sessions")), ("Pending", 0));
        assert_eq!(change(roll, LATER, "Kx7Tm2Qw", "Rz4-Pv9-Bn"), ("Changed".into(), String::new()));
        assert_eq!(answer(roll, "2027-03-02T09:05:00Z", "jane", "Rz4-Pv9-Bn"), "Granted");
        assert_eq!(answer(roll, "2027-03-02T09:06:00Z", "jane", "Kx7Tm2Qw"), "Refused");
        assert_eq!((phase(&roll.get("Member", "jane")), changed_at(roll).as_str()), ("Active", LATER));
        let told: Vec<_> =
            roll.history("Member", "jane").into_iter().filter(|row| row["fields"][0]["path"] == "passwordChangedAt").collect();
        let causes: Vec<_> = told.iter().map(|row| row["cause"].as_str().unwrap_or_default()).collect();
        assert_eq!(causes, ["Declared", "Service"]);
    });
}

// M32, R8: the member is there; its password follows once its Secret is.
#[test]
fn a_member_whose_secret_is_missing_is_there_and_gets_its_password_later() {
    on_both(|roll| {
        let report = roll.apply(START, &company(FROM_SECRET)).expect_code(1);
        assert!(report.stderr.contains("SecretNotFound"), "{}", report.stderr);
        assert_eq!(password_set(roll), is("False", "SecretNotFound"));
        assert_eq!(phase(&roll.get("Member", "jane")), "Pending");
        assert_eq!(answer(roll, START, "jane", ""), "Refused");
        let rows = roll.trail().len();
        roll.apply(LATER, &company(FROM_SECRET)).expect_code(1);
        assert_eq!(roll.trail().len(), rows);
        roll.apply(LATER, &secret("Kx7Tm2Qw")).expect_code(0);
        assert_eq!(password_set(roll), is("True", "PasswordSet"));
        assert_eq!(answer(roll, LATER, "jane", "Kx7Tm2Qw"), "MustChange");
    });
}

// M33: another content is the administrator's change; the same content in another form is nothing (R5).
#[test]
fn another_content_of_the_secret_signs_out_and_must_be_changed() {
    on_both(|roll| {
        roll.apply(START, &with_secret(FROM_SECRET, "Kx7Tm2Qw")).expect_code(0);
        change(roll, LATER, "Kx7Tm2Qw", "Rz4-Pv9-Bn");
        assert_eq!(answer(roll, "2027-03-02T10:00:00Z", "jane", "Rz4-Pv9-Bn"), "Granted");
        let rows = roll.trail().len();
        let same =
            "apiVersion: v1\nkind: Secret\nmetadata: {name: jane-password, namespace: hr}\ndata: {password: S3g3VG0yUXcK}\n";
        roll.apply("2027-03-02T11:00:00Z", same).expect_code(0);
        assert_eq!((roll.trail().len(), count(roll, "sessions WHERE closed_at IS NULL")), (rows, 1));
        roll.apply("2027-03-02T12:00:00Z", &secret("Wd5Gh8Yj")).expect_code(0);
        assert_eq!((roll.trail().len(), count(roll, "sessions WHERE closed_at IS NULL")), (rows + 1, 0));
        assert_eq!(answer(roll, "2027-03-02T13:00:00Z", "jane", "Rz4-Pv9-Bn"), "Refused");
        assert_eq!(answer(roll, "2027-03-02T13:00:00Z", "jane", "Wd5Gh8Yj"), "MustChange");
    });
}

// T5, M32: what a Secret holds is held to the policy; what was in force before stays.
#[test]
fn a_password_that_breaks_the_policy_is_not_taken() {
    on_both(|roll| {
        let company = company_of("  passwordPolicy: {minLength: 12, complexity: LettersDigitsAndSymbols}", FROM_SECRET);
        let report = roll.apply(START, &set(&[company, secret("Kx7Tm2Qw")])).expect_code(1);
        assert!(report.stderr.contains("fewer than 12 characters; it has no symbol"), "{}", report.stderr);
        assert!(!report.stderr.contains("Kx7Tm2Qw"), "{}", report.stderr);
        assert_eq!(password_set(roll), is("False", "PolicyViolated"));
        roll.apply(LATER, &secret("Kx7-Tm2-Qw9!")).expect_code(0);
        assert_eq!(password_set(roll), is("True", "PasswordSet"));
        roll.apply("2027-03-03T09:00:00Z", &secret("short")).expect_code(1);
        // The member has one, and is told why it is not that.
        assert_eq!(password_set(roll), is("True", "PolicyViolated"));
        let told = password_message(roll);
        assert!(told.contains("of before counts") && told.contains("fewer than 12 characters"), "{told}");
        assert_eq!(answer(roll, "2027-03-03T10:00:00Z", "jane", "Kx7-Tm2-Qw9!"), "MustChange");
        roll.apply("2027-03-04T09:00:00Z", &secret("Kx7-Tm2-Qw9!")).expect_code(0);
        assert_eq!(password_set(roll), is("True", "PasswordSet"));
    });
}

// T5: a password that has expired is changed at the next sign-in; one of the last is not taken again.
#[test]
fn an_expired_password_is_changed_and_former_ones_are_not_used_again() {
    on_both(|roll| {
        let company = company_of("  passwordPolicy: {expiresAfter: 30, forbidReuse: 2}", FROM_SECRET);
        roll.apply(START, &set(&[company, secret("Kx7Tm2Qw")])).expect_code(0);
        let refused = |new: &str| {
            let (out, err) = change(roll, LATER, "Kx7Tm2Qw", new);
            assert_eq!(out, "Refused");
            err
        };
        assert!(refused("Kx7Tm2Qw").contains("one of the last 2"));
        assert!(refused("jane-4Rz9").contains("the login ID"));
        assert_eq!(change(roll, LATER, "Kx7Tm2Qw", "Rz4-Pv9-Bn").0, "Changed");
        assert_eq!(change(roll, LATER, "Rz4-Pv9-Bn", "Kx7Tm2Qw").0, "Refused");
        assert_eq!(change(roll, LATER, "Rz4-Pv9-Bn", "Wd5Gh8Yj").0, "Changed");
        assert_eq!(change(roll, LATER, "Wd5Gh8Yj", "Kx7Tm2Qw").0, "Changed");
        assert_eq!(answer(roll, "2027-04-01T08:59:59Z", "jane", "Kx7Tm2Qw"), "Granted");
        assert_eq!(answer(roll, "2027-04-01T09:00:00Z", "jane", "Kx7Tm2Qw"), "MustChange");
    });
}

// M32, M36, T5: the present password does not meet "must be changed", also where its reuse is allowed.
#[test]
fn a_password_that_must_be_changed_is_not_met_by_itself() {
    on_both(|roll| {
        let company = company_of("  passwordPolicy: {expiresAfter: 30}", FROM_SECRET);
        roll.apply(START, &set(&[company, secret("Kx7Tm2Qw")])).expect_code(0);
        let (out, err) = change(roll, LATER, "Kx7Tm2Qw", "Kx7Tm2Qw");
        assert!(out == "Refused" && err.contains("the present one, which must be changed"), "{out} {err}");
        assert_eq!(answer(roll, LATER, "jane", "Kx7Tm2Qw"), "MustChange");
        assert_eq!(change(roll, LATER, "Kx7Tm2Qw", "Rz4-Pv9-Bn").0, "Changed");
        assert_eq!(change(roll, LATER, "Rz4-Pv9-Bn", "Rz4-Pv9-Bn").0, "Changed");
        // Nor one that has expired.
        assert_eq!(answer(roll, "2027-04-01T09:00:00Z", "jane", "Rz4-Pv9-Bn"), "MustChange");
        assert!(change(roll, "2027-04-01T09:00:00Z", "Rz4-Pv9-Bn", "Rz4-Pv9-Bn").1.contains("the present one"));
        assert_eq!(change(roll, "2027-04-01T09:00:00Z", "Rz4-Pv9-Bn", "Kx7Tm2Qw").0, "Changed");
    });
}

// M36: by the policy, with the present password; every session is closed; it is the member's, never drift.
#[test]
fn a_members_own_password_closes_every_session_and_is_no_drift() {
    on_both(|roll| {
        let all = with_secret(FROM_SECRET, "Kx7Tm2Qw");
        roll.apply(START, &all).expect_code(0);
        change(roll, "2027-03-01T10:00:00Z", "Kx7Tm2Qw", "Rz4-Pv9-Bn");
        assert_eq!(answer(roll, "2027-03-01T11:00:00Z", "jane", "Rz4-Pv9-Bn"), "Granted");
        assert_eq!(change(roll, LATER, "wrong", "Wd5Gh8Yj"), ("Refused".into(), String::new()));
        assert_eq!(count(roll, "sessions WHERE closed_at IS NULL"), 1);
        assert_eq!(change(roll, LATER, "Rz4-Pv9-Bn", "Wd5Gh8Yj").0, "Changed");
        assert_eq!(count(roll, "sessions WHERE closed_at IS NULL"), 0);
        let rows = roll.trail().len();
        roll.apply("2027-03-03T09:00:00Z", &all).expect_code(0);
        assert_eq!(roll.trail().len(), rows);
        assert_eq!(answer(roll, "2027-03-03T10:00:00Z", "jane", "Wd5Gh8Yj"), "Granted");
    });
}

// M20, M21, M23: a right password opens no account that is not open, and the outside is not told why.
#[test]
fn an_account_that_is_not_open_is_refused_like_one_that_is_not_there() {
    on_both(|roll| {
        let with = |more: &str| with_secret(&format!("{FROM_SECRET}\n{more}"), "Kx7Tm2Qw");
        roll.apply(START, &with("  activation: {at: \"2027-03-05\"}")).expect_code(0);
        assert_eq!(answer(roll, LATER, "jane", "Kx7Tm2Qw"), "Refused");
        assert_eq!(answer(roll, LATER, "nobody", "Kx7Tm2Qw"), "Refused");
        assert_eq!(answer(roll, "2027-03-05T00:00:00Z", "jane", "Kx7Tm2Qw"), "MustChange");
        roll.apply("2027-03-06T00:00:00Z", &with("  suspended: true")).expect_code(0);
        assert_eq!(answer(roll, "2027-03-06T01:00:00Z", "jane", "Kx7Tm2Qw"), "Refused");
        assert_eq!(change(roll, "2027-03-06T01:00:00Z", "Kx7Tm2Qw", "Rz4-Pv9-Bn").0, "Refused");
        let args = ["record", "sign-in", "jane", "--password-stdin", "--now", "2027-03-06T02:00:00Z", "-n", "hr"];
        let told = roll.run_with(&args, "Kx7Tm2Qw\n", &[("ROLLCALL_LOG", "info")]);
        assert_eq!(told.stdout, "Refused\n");
        assert!(told.stderr.contains("Suspended") && !told.stderr.contains("Kx7Tm2Qw"), "{told}");
    });
}

// M32: without a declaration none is made; the person signs in through single sign-on.
#[test]
fn a_member_without_a_declared_password_has_none() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        assert_eq!(password_set(roll), is("False", "NoPasswordDeclared"));
        assert_eq!((answer(roll, LATER, "jane", ""), count(roll, "credentials")), ("Refused".into(), 0));
        assert_eq!(roll.sign_in(LATER, "jane").code, 0);
    });
}

// M32, M12: what the manifest says no more, the member still has; the resource says so, and how to replace it.
#[test]
fn a_password_that_is_declared_no_more_is_kept_and_told() {
    on_both(|roll| {
        roll.apply(START, &with_secret(FROM_SECRET, "Kx7Tm2Qw")).expect_code(0);
        change(roll, START, "Kx7Tm2Qw", "Rz4-Pv9-Bn");
        roll.apply(LATER, &company("")).expect_code(0);
        assert_eq!(password_set(roll), is("True", "NoPasswordDeclared"));
        let told = password_message(roll);
        assert!(told.contains("still signs in") && told.contains("resetToken"), "{told}");
        assert_eq!(answer(roll, LATER, "jane", "Rz4-Pv9-Bn"), "Granted");
        apply_out(roll, "2027-03-03T09:00:00Z", &company("  password: {mode: Generate, resetToken: one}")).expect_code(0);
        assert_eq!(answer(roll, "2027-03-03T10:00:00Z", "jane", "Rz4-Pv9-Bn"), "Refused");
        assert_eq!(password_set(roll), is("True", "PasswordSet"));
    });
}

// M32: written first to a Secret that only its reader may read, hashed from what is there, gone after the change.
#[test]
fn a_generated_password_is_in_its_secret_until_the_member_has_changed_it() {
    on_both(|roll| {
        apply_out(roll, START, &company(GENERATE)).expect_code(0);
        let mode = fs::metadata(initial(roll)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = fs::read_to_string(initial(roll)).unwrap();
        assert!(text.contains("username: jane@acme.example") && text.contains("name: jane-initial-password"), "{text}");
        let password = initial_password(roll);
        assert_eq!(password_set(roll), is("True", "PasswordSet"));
        apply_out(roll, LATER, &company(GENERATE)).expect_code(0);
        assert_eq!(initial_password(roll), password);
        assert_eq!(answer(roll, LATER, "jane", &password), "MustChange");
        assert_eq!(change(roll, LATER, &password, "Rz4-Pv9-Bn").0, "Changed");
        assert_eq!(answer(roll, "2027-03-02T10:00:00Z", "jane", "Rz4-Pv9-Bn"), "Granted");
        apply_out(roll, "2027-03-03T09:00:00Z", &company(GENERATE)).expect_code(0);
        assert!(!initial(roll).exists());
        assert_eq!(count(roll, "password_orders"), 0);
    });
}

// M32: without a place for it the member is there and is told the remedy; a Secret that is not ours is left alone.
#[test]
fn a_password_that_can_be_written_nowhere_waits() {
    on_both(|roll| {
        let report = roll.apply(START, &company(GENERATE)).expect_code(1);
        assert!(report.stderr.contains("--secrets-out"), "{}", report.stderr);
        assert_eq!(password_set(roll), is("False", "NowhereToWrite"));
        fs::create_dir(roll.folder().join("secrets")).unwrap();
        fs::write(initial(roll), "mine\n").unwrap();
        let blocked = apply_out(roll, START, &company(GENERATE)).expect_code(1);
        assert!(blocked.stderr.contains("delete or rename it"), "{}", blocked.stderr);
        assert_eq!(password_set(roll), is("False", "SecretExists"));
        assert_eq!(fs::read_to_string(initial(roll)).unwrap(), "mine\n");
        fs::remove_file(initial(roll)).unwrap();
        apply_out(roll, START, &company(GENERATE)).expect_code(0);
        assert_eq!(answer(roll, LATER, "jane", &initial_password(roll)), "MustChange");
    });
}

// M32: a Secret that a crash left behind before the hash was written is taken as it is.
#[test]
fn a_password_that_a_crash_left_in_its_secret_is_the_one() {
    on_both(|roll| {
        roll.apply(START, &company(GENERATE)).expect_code(1);
        apply_out(roll, START, &company(GENERATE)).expect_code(0);
        let left = initial_password(roll);
        let order = fs::read_to_string(initial(roll)).unwrap();
        let order = order.lines().find_map(|line| line.trim().strip_prefix("rollcall.dev/password-order: ")).unwrap().to_owned();
        // As it was between the two writes.
        roll.sql("DELETE FROM credentials").unwrap();
        let uid = roll.get("Member", "jane")["status"]["uid"].as_str().unwrap().to_owned();
        roll.sql(&format!("INSERT INTO password_orders (id, member, reason, at) VALUES ('{order}', '{uid}', 'First', 1)"))
            .unwrap();
        apply_out(roll, LATER, &company(GENERATE)).expect_code(0);
        assert_eq!(initial_password(roll), left);
        assert_eq!(answer(roll, LATER, "jane", &left), "MustChange");
    });
}

// M33, R13: a new token acts once; the one that a record is made with is noted as done.
#[test]
fn a_reset_token_makes_another_password_once() {
    on_both(|roll| {
        let with = |token: &str| company(&format!("  password: {{mode: Generate, resetToken: {token}}}"));
        apply_out(roll, START, &with("one")).expect_code(0);
        let first = initial_password(roll);
        change(roll, LATER, &first, "Rz4-Pv9-Bn");
        assert_eq!(answer(roll, LATER, "jane", "Rz4-Pv9-Bn"), "Granted");
        apply_out(roll, "2027-03-03T09:00:00Z", &with("one")).expect_code(0);
        assert_eq!(answer(roll, "2027-03-03T09:00:00Z", "jane", "Rz4-Pv9-Bn"), "Granted");
        apply_out(roll, "2027-03-04T09:00:00Z", &with("two")).expect_code(0);
        assert_eq!(count(roll, "sessions WHERE closed_at IS NULL"), 0);
        let second = initial_password(roll);
        assert_ne!(first, second);
        assert_eq!(answer(roll, "2027-03-04T10:00:00Z", "jane", "Rz4-Pv9-Bn"), "Refused");
        assert_eq!(answer(roll, "2027-03-04T10:00:00Z", "jane", &second), "MustChange");
        assert_eq!(changed_at(roll), "2027-03-04T09:00:00Z");
    });
}

// M33: what is tidied up after one password does not take away the next.
#[test]
fn a_reset_right_after_the_members_own_change_keeps_its_secret() {
    on_both(|roll| {
        apply_out(roll, START, &company(GENERATE)).expect_code(0);
        change(roll, LATER, &initial_password(roll), "Rz4-Pv9-Bn");
        let reset = company("  password: {mode: Generate, resetToken: one}");
        for day in ["2027-03-03T09:00:00Z", "2027-03-04T09:00:00Z"] {
            apply_out(roll, day, &reset).expect_code(0);
            assert_eq!(answer(roll, day, "jane", &initial_password(roll)), "MustChange");
            assert_eq!(changed_at(roll), "2027-03-03T09:00:00Z");
        }
        assert_eq!(count(roll, "password_orders"), 0);
    });
}

// M33: while the new password can be written nowhere, the old one lets nobody stay.
#[test]
fn a_reset_signs_out_at_once_even_where_the_new_password_waits() {
    on_both(|roll| {
        roll.apply(START, &with_secret(FROM_SECRET, "Kx7Tm2Qw")).expect_code(0);
        change(roll, LATER, "Kx7Tm2Qw", "Rz4-Pv9-Bn");
        assert_eq!(answer(roll, LATER, "jane", "Rz4-Pv9-Bn"), "Granted");
        let reset = FROM_SECRET.replace("key: password}", "key: password}, resetToken: one");
        roll.apply("2027-03-03T09:00:00Z", &with_secret(&reset, "Kx7Tm2Qw")).expect_code(1);
        assert_eq!(count(roll, "sessions WHERE closed_at IS NULL"), 0);
        assert_eq!(answer(roll, "2027-03-03T10:00:00Z", "jane", "Rz4-Pv9-Bn"), "MustChange");
        apply_out(roll, "2027-03-03T11:00:00Z", &with_secret(&reset, "Kx7Tm2Qw")).expect_code(0);
        assert_eq!(answer(roll, "2027-03-03T12:00:00Z", "jane", &initial_password(roll)), "MustChange");
        // What was taken from the Secret before is known still.
        apply_out(roll, "2027-03-04T09:00:00Z", &with_secret(&reset, "Kx7Tm2Qw")).expect_code(0);
        assert_eq!(answer(roll, "2027-03-04T10:00:00Z", "jane", "Kx7Tm2Qw"), "Refused");
    });
}

// M33, M24: what was ordered of a member is carried out once it comes back, and never while it is gone.
#[test]
fn a_reset_that_waits_outlasts_a_deletion() {
    on_both(|roll| {
        apply_out(roll, START, &company(GENERATE)).expect_code(0);
        change(roll, START, &initial_password(roll), "Rz4-Pv9-Bn");
        let reset = company("  password: {mode: Generate, resetToken: one}");
        roll.apply(LATER, &reset).expect_code(1);
        roll.apply_with("2027-03-03T09:00:00Z", &company_without_jane(), &["--prune"]).expect_code(0);
        fs::remove_file(initial(roll)).ok();
        apply_out(roll, "2027-03-03T10:00:00Z", &company_without_jane()).expect_code(0);
        assert_eq!((initial(roll).exists(), count(roll, "password_orders WHERE reason = 'Reset'")), (false, 1));
        apply_out(roll, "2027-03-04T09:00:00Z", &reset).expect_code(0);
        assert_eq!(answer(roll, "2027-03-04T10:00:00Z", "jane", "Rz4-Pv9-Bn"), "Refused");
        assert_eq!(answer(roll, "2027-03-04T10:00:00Z", "jane", &initial_password(roll)), "MustChange");
        assert_eq!(changed_at(roll), "2027-03-04T09:00:00Z");
    });
}

// M33, R13: a request asks for a change once, and closes nothing.
#[test]
fn a_requested_change_closes_nothing() {
    on_both(|roll| {
        let with = |token: &str| FROM_SECRET.replace("key: password}", &format!("key: password}}, requestChange: {token}"));
        roll.apply(START, &with_secret(&with("one"), "Kx7Tm2Qw")).expect_code(0);
        change(roll, LATER, "Kx7Tm2Qw", "Rz4-Pv9-Bn");
        assert_eq!(answer(roll, LATER, "jane", "Rz4-Pv9-Bn"), "Granted");
        roll.apply("2027-03-03T09:00:00Z", &with_secret(&with("two"), "Kx7Tm2Qw")).expect_code(0);
        assert_eq!(count(roll, "sessions WHERE closed_at IS NULL"), 1);
        assert_eq!(answer(roll, "2027-03-03T10:00:00Z", "jane", "Rz4-Pv9-Bn"), "MustChange");
        assert_eq!(changed_at(roll), LATER);
        assert_eq!(change(roll, "2027-03-03T11:00:00Z", "Rz4-Pv9-Bn", "Wd5Gh8Yj").0, "Changed");
        assert_eq!(answer(roll, "2027-03-03T12:00:00Z", "jane", "Wd5Gh8Yj"), "Granted");
    });
}

// M33: another mode acts on a member that has no password yet, or with a new token.
#[test]
fn another_mode_acts_with_a_token_only_where_there_is_a_password() {
    on_both(|roll| {
        roll.apply(START, &company(GENERATE)).expect_code(1);
        roll.apply(START, &with_secret(FROM_SECRET, "Kx7Tm2Qw")).expect_code(0);
        assert_eq!(answer(roll, START, "jane", "Kx7Tm2Qw"), "MustChange");
        apply_out(roll, LATER, &company(GENERATE)).expect_code(0);
        assert!(!initial(roll).exists());
        assert_eq!(answer(roll, LATER, "jane", "Kx7Tm2Qw"), "MustChange");
        apply_out(roll, "2027-03-03T09:00:00Z", &company("  password: {mode: Generate, resetToken: one}")).expect_code(0);
        let generated = initial_password(roll);
        assert_eq!(answer(roll, "2027-03-03T10:00:00Z", "jane", &generated), "MustChange");
        // Back again: the Secret counts from the next token on.
        apply_out(roll, "2027-03-04T09:00:00Z", &with_secret(FROM_SECRET, "Wd5Gh8Yj")).expect_code(0);
        assert_eq!(answer(roll, "2027-03-04T10:00:00Z", "jane", &generated), "MustChange");
        let reset = FROM_SECRET.replace("key: password}", "key: password}, resetToken: two");
        apply_out(roll, "2027-03-05T09:00:00Z", &with_secret(&reset, "Wd5Gh8Yj")).expect_code(0);
        assert_eq!(answer(roll, "2027-03-05T10:00:00Z", "jane", "Wd5Gh8Yj"), "MustChange");
    });
}

// M33: before the person has registered there is nothing to reset.
#[test]
fn a_token_does_not_apply_before_the_registration() {
    on_both(|roll| {
        roll.apply(START, &company("  password: {mode: CreationLink}")).expect_code(0);
        let report = roll.apply(LATER, &company("  password: {mode: CreationLink, resetToken: one}")).expect_code(0);
        assert!(report.stderr.contains("NotApplicable"), "{}", report.stderr);
        assert_eq!(password_set(roll), is("False", "NotRegistered"));
        assert_eq!(count(roll, "password_orders"), 0);
    });
}

// M32: hashes follow the cost that is set, at the next sign-in; they are verified by the one they carry.
#[test]
fn a_hash_of_another_cost_is_replaced_at_the_next_sign_in() {
    on_both(|roll| {
        roll.apply(START, &with_secret(FROM_SECRET, "Kx7Tm2Qw")).expect_code(0);
        let args = ["record", "sign-in", "jane", "--password-stdin", "--now", LATER, "-n", "hr"];
        let cost = [("ROLLCALL_ARGON2", "m=1024,t=3,p=1")];
        roll.run_with(&args, "wrong\n", &cost);
        assert!(roll.query("SELECT hash FROM credentials").unwrap().contains("$m=19456,t=2,p=1$"));
        assert_eq!(roll.run_with(&args, "Kx7Tm2Qw\n", &cost).stdout, "MustChange\n");
        assert!(roll.query("SELECT hash FROM credentials").unwrap().contains("$m=1024,t=3,p=1$"));
        assert_eq!(roll.run_with(&args, "Kx7Tm2Qw\n", &cost).stdout, "MustChange\n");
        let wrong = roll.run_with(&args, "Kx7Tm2Qw\n", &[("ROLLCALL_ARGON2", "much")]);
        assert!(wrong.code == 2 && wrong.stderr.contains("m=19456,t=2,p=1"), "{wrong}");
    });
}

// M24, M25: a password is kept through the grace period, and erased with the member.
#[test]
fn a_password_comes_back_with_the_member_and_is_erased_with_it() {
    on_both(|roll| {
        let all = with_secret(FROM_SECRET, "Kx7Tm2Qw");
        roll.apply(START, &all).expect_code(0);
        change(roll, LATER, "Kx7Tm2Qw", "Rz4-Pv9-Bn");
        let without = company_without_jane();
        roll.apply_with("2027-03-03T09:00:00Z", &without, &["--prune"]).expect_code(0);
        assert_eq!(answer(roll, "2027-03-03T10:00:00Z", "jane", "Rz4-Pv9-Bn"), "Refused");
        roll.apply("2027-03-04T09:00:00Z", &all).expect_code(0);
        assert_eq!(answer(roll, "2027-03-04T10:00:00Z", "jane", "Rz4-Pv9-Bn"), "Granted");
        roll.apply_with("2027-03-05T09:00:00Z", &without, &["--prune"]).expect_code(0);
        roll.tick("2027-03-20T09:00:00Z").expect_code(0);
        for table in ["credentials", "password_history", "password_orders", "password_facts"] {
            assert_eq!(count(roll, table), 0, "{table}");
        }
    });
}
