//! A cancellation whose manifest is refused, or may be one that can't be read: nothing of it goes on (T12, R9). Run by
//! `make test`.

use crate::cancellation::{FREE, ending, secret, set_password};
use crate::life::START;
use crate::support::{Roster, boss, condition, member, on_both, phase, set, tenant};

const ON_THE_FIFTH: &str = ", purgeDeletedMembers: true, effectiveAt: \"2027-03-05\"";

/// `acme` to be cancelled on the fifth, with Jane in her grace until the ninth.
fn begin(roll: &Roster) {
    roll.apply(START, &set(&[tenant("acme", FREE), boss("acme"), member("jane", "acme", "")])).expect_code(0);
    set_password(roll, "boss", "correct-horse");
    let ended = set(&[ending(FREE, ON_THE_FIFTH), secret("correct-horse"), boss("acme")]);
    let report = roll.apply_with("2027-03-02T09:00:00Z", &ended, &["--prune"]).expect_code(0);
    assert_eq!(report.actions("Member", "jane"), ["delete"]);
}

fn still_there(roll: &Roster) -> (String, String) {
    (phase(&roll.get("Tenant", "acme")).to_owned(), phase(&roll.get("Member", "jane")).to_owned())
}

fn as_before() -> (String, String) {
    ("Cancelling".to_owned(), "Deleted".to_owned())
}

// T12, M25, R4: who withdraws it and makes a mistake has withdrawn it, whenever that comes.
#[test]
fn under_a_manifest_that_is_refused_nobody_is_purged_and_nothing_is_cancelled() {
    let mistaken = tenant("acme", &format!("{FREE}  timeZone: Mars/X\n"));
    for came in ["2027-03-04T09:00:00Z", "2027-03-06T09:00:00Z"] {
        on_both(|roll| {
            begin(roll);
            let report = roll.apply(came, &mistaken).expect_code(1);
            assert_eq!(report.refused("Tenant", "acme").as_deref(), Some("Invalid"));
            roll.tick("2027-03-07T09:00:00Z");
            assert_eq!(still_there(roll), as_before());
            let blocked = condition(&roll.get("Tenant", "acme"), "CancellationBlocked").expect("it is told").clone();
            assert!(blocked["message"].to_string().contains("waits until a manifest is taken"), "{blocked}");
            roll.apply("2027-03-08T09:00:00Z", &tenant("acme", FREE)).expect_code(0);
            assert_eq!(still_there(roll), ("Active".to_owned(), "Deleted".to_owned()));
        });
    }
}

// T12: declared again, and confirmed, it is carried out.
#[test]
fn a_cancellation_that_was_refused_goes_on_once_it_is_taken() {
    on_both(|roll| {
        begin(roll);
        roll.apply("2027-03-04T09:00:00Z", &ending(&format!("{FREE}  timeZone: Mars/X\n"), ON_THE_FIFTH)).expect_code(1);
        roll.tick("2027-03-06T09:00:00Z");
        assert_eq!(still_there(roll), as_before());
        roll.apply("2027-03-06T10:00:00Z", &set(&[ending(FREE, ON_THE_FIFTH), secret("correct-horse"), boss("acme")]));
        assert_eq!(phase(&roll.get("Tenant", "acme")), "Cancelled");
        assert_eq!(roll.query("SELECT count(*) FROM members").as_deref(), Some("0"));
    });
}

// R9, R4: what can't be read may withdraw it, or bring somebody back.
#[test]
fn no_end_comes_while_a_document_can_not_be_read() {
    on_both(|roll| {
        begin(roll);
        let half = "kind: Tenant\nmetadata: {name: acme}\nspec: {displayName: [\n";
        let report = roll.apply("2027-03-10T09:00:00Z", &set(&[boss("acme"), half.to_owned()])).expect_code(1);
        assert_eq!(report.all_actions(), [""; 0]);
        assert!(report.stderr.contains("purges and cancellations wait"), "{}", report.stderr);
        assert_eq!(still_there(roll), as_before());
        let planned = roll.plan("2027-03-10T09:00:00Z", half, &[]);
        assert_eq!(planned.all_actions(), [""; 0]);
        roll.tick("2027-03-10T10:00:00Z");
        assert_eq!(phase(&roll.get("Tenant", "acme")), "Cancelled");
    });
}
