//! What somebody's SQL did to an external contact is set back (R5). Run by `make test`.

use crate::contacts::{BY_ID, LATER, NOW, companies, contact, last, shown, taro, told};
use crate::life::{change, count, text, uid};
use crate::support::{Roster, on_both, phase, ready};

const PHONE: &str = "  mobilePhone: +81 90 1234 5678\n";
const BY_PHONE: &str = "  lookup: {phoneNumber: +81 90 1234 5678}";

/// The fields of the latest row of the contact's history.
#[track_caller]
fn fields(roll: &Roster) -> Vec<String> {
    let row = last(roll);
    assert_eq!((text(&row, "action"), text(&row, "cause")), ("update", "Drift"));
    row["fields"].as_array().into_iter().flatten().map(|field| text(field, "path").to_owned()).collect()
}

// R5, X4: only what is in the trash goes from there.
#[test]
fn a_purge_date_of_a_contact_that_is_not_in_the_trash_is_set_back_and_does_nothing() {
    on_both(|roll| {
        roll.apply(NOW, &companies(&[taro(""), contact(BY_ID)])).expect_code(0);
        let before = uid(&shown(roll));
        roll.sql("UPDATE contacts SET purge_at = created_at").unwrap();
        assert_eq!(roll.tick(LATER).expect_code(0).all_actions(), ["update ExternalContact/taro"]);
        assert_eq!((fields(roll), phase(&shown(roll)), uid(&shown(roll))), (vec!["purgeAt".into()], "Connected", before));
        assert_eq!((count(roll, "contacts WHERE purge_at IS NOT NULL"), roll.tick(LATER).all_actions().len()), (0, 0));
    });
}

// R5, R6: what it never was called is in no row.
#[test]
fn what_follows_the_person_is_set_back_in_one_row() {
    on_both(|roll| {
        roll.apply(NOW, &companies(&[taro(""), contact(BY_ID)])).expect_code(0);
        let rows = roll.trail().len();
        roll.sql("UPDATE contacts SET nickname = 'Hax'").unwrap();
        roll.tick(LATER).expect_code(0);
        assert_eq!((roll.trail().len(), fields(roll)), (rows + 1, vec!["nickname".to_owned()]));
        assert_eq!((change(&last(roll), "nickname"), told(&shown(roll)).0), (("Hax", "Taro Doe"), "Taro Doe"));
    });
}

// R5, X1: a look-up that lost its person looks again, and is no invitation meanwhile.
#[test]
fn a_person_whom_somebody_took_out_of_a_contact_is_found_again() {
    on_both(|roll| {
        let found = taro(&format!("{PHONE}  phoneSearchable: true"));
        roll.apply(NOW, &companies(&[found.clone(), contact(BY_PHONE)])).expect_code(0);
        let taken_out = || roll.sql("UPDATE contacts SET target = NULL").unwrap();
        let nobody = "outbox WHERE effect IN ('OpenContact', 'CloseContact') AND payload ->> 'target' IS NULL";
        taken_out();
        roll.tick(LATER).expect_code(0);
        assert_eq!((phase(&shown(roll)), ready(&shown(roll)).0, fields(roll)), ("Connected", "True", vec!["target".into()]));
        assert_eq!(roll.query("SELECT target FROM contacts"), roll.query("SELECT uid FROM members WHERE name = 'taro'"));
        // Who can't be found any more is not there until then.
        roll.apply(LATER, &taro(PHONE)).expect_code(0);
        taken_out();
        roll.tick(LATER);
        assert_eq!((phase(&shown(roll)), ready(&shown(roll))), ("Disconnected", ("False", "TargetNotFound")));
        roll.apply("2027-03-03T09:00:00Z", &found).expect_code(0);
        assert_eq!((phase(&shown(roll)), ready(&shown(roll)).0, count(roll, nobody)), ("Connected", "True", 0));
    });
}
