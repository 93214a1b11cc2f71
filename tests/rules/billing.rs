//! Charges: what the billing system tells, and what the tenant's status tells of it (T13).
//! Never about a cancellation, which waits for charges. Run by `make test`.

use serde_json::{Value, json};

use crate::support::{Output, Roster, boss, on_both, set, tenant};

const NOW: &str = "2027-03-01T09:00:00Z";
const LATER: &str = "2027-03-02T09:00:00Z";

fn acme(roll: &Roster) {
    roll.apply(NOW, &set(&[tenant("acme", "  timeZone: Asia/Seoul"), boss("acme")])).expect_code(0);
}

fn billing(roll: &Roster, now: &str, args: &[&str]) -> Output {
    roll.run(&[&["billing"], args, &["--now", now, "-n", "hr"]].concat(), "")
}

fn charge(roll: &Roster, now: &str, month: &str, amount: &str) -> Output {
    let due = format!("{month}-25");
    billing(roll, now, &["add", "acme", "--month", month, "--amount", amount, "--currency", "krw", "--due", &due])
}

fn status(roll: &Roster) -> Value {
    roll.get("Tenant", "acme")["status"].clone()
}

// T13
#[test]
fn a_charge_that_is_not_paid_is_told_in_the_status_until_it_is() {
    on_both(|roll| {
        acme(roll);
        charge(roll, LATER, "2027-02", "120000").ok();
        charge(roll, LATER, "2027-03", "130000").ok();
        // The tenant's own time zone says when the day begins.
        let february = json!({"month": "2027-02", "amount": 120_000, "currency": "KRW", "dueAt": "2027-02-24T15:00:00Z"});
        assert_eq!(status(roll)["charges"][0], february);
        assert_eq!((&status(roll)["charges"][1]["month"], &status(roll)["chargeCount"]), (&json!("2027-03"), &json!(2)));
        billing(roll, LATER, &["pay", "acme", "--month", "2027-02"]).ok();
        assert_eq!(status(roll)["charges"][0]["month"], "2027-03");
        billing(roll, LATER, &["pay", "acme"]).ok();
        assert_eq!((&status(roll)["charges"], &status(roll)["chargeCount"]), (&Value::Null, &Value::Null));
        let list = billing(roll, LATER, &["list", "acme", "-o", "json"]).ok().json();
        assert_eq!((&list[0]["paidAt"], &list[1]["month"]), (&json!(LATER), &json!("2027-03")));
        // What others know of a tenant is no change of its record.
        assert_eq!(roll.history("Tenant", "acme").len(), 2);
    });
}

// T13
#[test]
fn a_charge_is_corrected_until_it_is_paid_and_then_stays() {
    on_both(|roll| {
        acme(roll);
        charge(roll, LATER, "2027-02", "120000").ok();
        charge(roll, LATER, "2027-02", "110000").ok();
        assert_eq!((&status(roll)["charges"][0]["amount"], &status(roll)["chargeCount"]), (&json!(110_000), &json!(1)));
        billing(roll, LATER, &["pay", "acme", "--month", "2027-02"]).ok();
        assert_eq!(charge(roll, LATER, "2027-02", "1").code, 1);
        assert_eq!(billing(roll, LATER, &["pay", "acme", "--month", "2027-02"]).code, 0);
        assert_eq!(billing(roll, LATER, &["pay", "acme", "--month", "2026-02"]).code, 1);
        assert_eq!(billing(roll, LATER, &["list", "globex"]).code, 1);
    });
}

// T13, T12: an amount of nothing is paid.
#[test]
fn a_charge_of_nothing_is_not_outstanding() {
    on_both(|roll| {
        acme(roll);
        charge(roll, LATER, "2027-02", "0").ok();
        assert_eq!(status(roll)["charges"], Value::Null);
        for wrong in ["--month=2027-13", "--amount=-1", "--currency=WON2", "--currency=XXQ"] {
            let right = ["add", "acme", "--month", "2027-02", "--amount", "1", "--currency", "KRW", "--due", "2027-02-25"];
            let (name, _) = wrong.split_once('=').unwrap();
            let place = right.iter().position(|arg| *arg == name).unwrap();
            let mut args = right.to_vec();
            args.splice(place..place + 2, [wrong]);
            assert_eq!(billing(roll, LATER, &args).code, 2, "{wrong}");
        }
    });
}

// T13: facts are never held up by who leads; who leads tells them.
#[test]
fn a_charge_written_while_nobody_leads_is_told_by_the_next_who_does() {
    on_both(|roll| {
        acme(roll);
        let uid = roll.query("SELECT uid FROM tenants").unwrap();
        roll.sql(&format!("INSERT INTO charges VALUES ('{uid}', '2027-02', 5, 'KRW', 0, NULL, 1, 0)")).unwrap();
        roll.tick(LATER).expect_code(0);
        assert_eq!(status(roll)["charges"][0]["amount"], 5);
        assert_eq!(roll.query("SELECT count(*) FROM charges WHERE told < revision").as_deref(), Some("0"));
    });
}
