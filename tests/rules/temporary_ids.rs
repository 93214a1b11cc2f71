//! Temporary IDs (M31): a record that is no account yet, and how it becomes one. Never about other IDs, which is
//! `identity`. Run by `make test`.

use crate::life::{START, company, count, jane, jane_with, row, text, uid};
use crate::passwords::{answer, password_set, secret};
use crate::support::{Roster, boss, condition, member, on_both, phase, ready, set, tenant};

const TEMPORARY: &str = "  temporaryId: true";
const FROM_SECRET: &str = "  password: {mode: FromSecret, secretKeyRef: {name: jane-password, key: password}}";
const LATER: &str = "2027-03-02T09:00:00Z";

fn id(roll: &Roster) -> String {
    text(&jane(roll)["status"], "id").to_owned()
}

/// How many mails there are to Jane.
fn mails(roll: &Roster) -> u32 {
    count(
        roll,
        "outbox WHERE effect IN ('FirstNotice', 'Invitation', 'NewPassword', 'ChangeRequest') AND uid = (SELECT uid FROM members WHERE name = 'jane')",
    )
}

// M31: an ID is made and kept; the record is scheduled whatever its date says, and nobody signs in to it.
#[test]
fn a_temporary_id_is_made_and_kept_and_is_no_account() {
    on_both(|roll| {
        let report = roll.apply(START, &company(&format!("{TEMPORARY}\n  activation: {{at: 2027-03-01}}"))).expect_code(0);
        assert_eq!(report.actions("Member", "jane"), ["create"]);
        let made = id(roll);
        assert!(made.starts_with("tmp-") && made.len() > 12, "{made}");
        assert_eq!(text(&jane(roll)["status"], "messageId"), format!("{made}@acme.example"));
        assert_eq!((phase(&jane(roll)), ready(&jane(roll))), ("Scheduled", ("True", "InDirectory")));
        assert!(condition(&jane(roll), "NotYetSupported").is_none());
        assert!(jane(roll)["status"]["nextTransitionAt"].is_null());
        assert_ne!(roll.sign_in(LATER, "jane").code, 0);
        assert_eq!(roll.tick("2027-06-01T00:00:00Z").all_actions(), [""; 0]);
        let rows = roll.trail().len();
        // Another change of the manifest keeps the ID, and the same again changes nothing.
        roll.apply("2027-06-02T00:00:00Z", &jane_with(&format!("{TEMPORARY}\n  nickname: J"))).expect_code(0);
        roll.apply("2027-06-03T00:00:00Z", &jane_with(&format!("{TEMPORARY}\n  nickname: J"))).expect_code(0);
        assert_eq!((id(roll), roll.trail().len()), (made, rows + 1));
    });
}

// M31: no mail is made, and no password work done, until it is an account.
#[test]
fn a_temporary_id_gets_neither_mail_nor_password() {
    on_both(|roll| {
        let temporary = format!("{TEMPORARY}\n{FROM_SECRET}");
        roll.apply(START, &set(&[company(&temporary), secret("Kx7Tm2Qw")])).expect_code(0);
        let with_tokens = temporary.replace("}}", "}, resetToken: a, requestChange: b}");
        roll.apply(START, &set(&[company(&with_tokens), secret("Kx7Tm2Qw")])).expect_code(0);
        assert_eq!((mails(roll), count(roll, "password_orders")), (0, 0));
        assert_eq!(count(roll, "credentials"), 0);
        assert_eq!(password_set(roll), ("False".into(), "NoAccountYet".into()));
        assert_eq!(answer(roll, LATER, "jane", "Kx7Tm2Qw"), "Refused");
    });
}

// M31, M37: with an ID in its place it becomes an account: the same person, its mail and its password follow, what led to
// the temporary ID is renewed.
#[test]
fn a_temporary_id_becomes_an_account_by_an_id_in_its_place() {
    on_both(|roll| {
        roll.apply(START, &company(TEMPORARY)).expect_code(0);
        let before = jane(roll);
        let report = roll.apply(LATER, &set(&[jane_with(FROM_SECRET), secret("Kx7Tm2Qw")])).expect_code(0);
        assert_eq!(report.actions("Member", "jane")[..2], ["rename", "activate"]);
        let after = jane(roll);
        assert_eq!(uid(&before), uid(&after));
        assert_eq!((id(roll).as_str(), phase(&after)), ("jane", "Pending"));
        assert_eq!(text(&after["status"], "activatedAt"), LATER);
        assert_eq!(text(&after["status"], "messageId"), "jane@acme.example");
        for renewed in ["qrToken", "contactUrl"] {
            assert_ne!(before["status"][renewed], after["status"][renewed]);
        }
        assert_eq!(password_set(roll), ("True".into(), "PasswordSet".into()));
        assert_eq!(answer(roll, LATER, "jane", "Kx7Tm2Qw"), "MustChange");
        assert_eq!(mails(roll), 1);
    });
}

// M31, M20: the account begins on its date, also when the ID came earlier.
#[test]
fn an_account_that_was_temporary_begins_on_its_date() {
    on_both(|roll| {
        roll.apply(START, &company(TEMPORARY)).expect_code(0);
        let dated = "  password: {mode: CreationLink}\n  activation: {at: 2027-04-01}";
        roll.apply(LATER, &jane_with(dated)).expect_code(0);
        assert_eq!((phase(&jane(roll)), ready(&jane(roll)).1), ("Scheduled", "Scheduled"));
        roll.tick("2027-04-01T00:00:01Z").expect_code(0);
        assert_eq!(phase(&jane(roll)), "Pending");
    });
}

// M31: without a password the change is refused, and the record stays what it was.
#[test]
fn an_id_without_a_password_is_refused() {
    on_both(|roll| {
        roll.apply(START, &company(TEMPORARY)).expect_code(0);
        let made = id(roll);
        let report = roll.apply(LATER, &jane_with("")).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("PasswordRequired"));
        assert!(report.refused_message("Member", "jane").unwrap_or_default().contains("spec.password"));
        assert!(condition(&jane(roll), "Stalled").is_some());
        assert_eq!((id(roll), phase(&jane(roll))), (made, "Scheduled"));
    });
}

// M31: there is no way back, and no second way beside it.
#[test]
fn an_account_does_not_become_temporary_again() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        let report = roll.apply(LATER, &jane_with(TEMPORARY)).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("Invalid"));
        assert!(report.refused_message("Member", "jane").unwrap_or_default().contains("spec.temporaryId"));
        assert_eq!((id(roll).as_str(), phase(&jane(roll))), ("jane", "Pending"));
        let both = jane_with(&format!("{TEMPORARY}\n  concurrentOf: {{name: boss}}"));
        let report = roll.apply(LATER, &both).expect_code(1);
        assert!(report.refused_message("Member", "jane").unwrap_or_default().contains("spec.temporaryId"));
    });
}

// M31, T3: it takes a place, and can be deleted and restored as any other record.
#[test]
fn a_temporary_id_takes_a_place() {
    on_both(|roll| {
        let free = tenant("acme", "  products: {core: {plan: Free}}");
        let filling = (0..29).map(|n| member(&format!("m{n:02}"), "acme", TEMPORARY));
        let all: Vec<String> = [free, boss("acme")].into_iter().chain(filling).collect();
        roll.apply(START, &set(&all)).expect_code(0);
        let report = roll.apply(LATER, &jane_with("")).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("QuotaExceeded"));
    });
}

// M31, R12: what chance makes is told as generated, and a reviewed plan is what is done.
#[test]
fn a_plan_with_a_temporary_id_can_be_carried_out_as_reviewed() {
    on_both(|roll| {
        let plan = roll.plan(START, &company(TEMPORARY), &[]);
        let told = plan.json["changes"].as_array().into_iter().flatten().find(|change| change["name"] == "jane").cloned();
        assert!(!told.unwrap_or_default().to_string().contains("tmp-"));
        let fingerprint = plan.json["fingerprint"].as_str().unwrap_or_default().to_owned();
        roll.apply_with(START, &company(TEMPORARY), &["--expect", &fingerprint]).expect_code(0);
        assert_eq!(row(roll, "create")["cause"], "Declared");
    });
}
