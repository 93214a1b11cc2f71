//! Products and plans that change, and the places that they have (T2, T3).
//! Never about what a product does. Run by `make test`.

use std::ops::RangeInclusive;

use serde_json::Value;

use crate::life::count;
use crate::support::{Roster, boss, member, on_both, organization, phase, ready, set, tenant};

const NOW: &str = "2027-03-01T09:00:00Z";
const LATER: &str = "2027-03-02T09:00:00Z";
const AFTERWARDS: &str = "2027-03-03T09:00:00Z";

const FREE: &str = "  products: {core: {plan: Free}}";
const LITE: &str = "  products: {core: {plan: Lite}}";

fn crowd(numbers: RangeInclusive<u32>) -> Vec<String> {
    numbers.map(|number| member(&format!("m{number:02}"), "acme", "")).collect()
}

fn teams(numbers: RangeInclusive<u32>) -> Vec<String> {
    numbers.map(|number| organization(&format!("o{number:03}"), "acme", "")).collect()
}

fn company(products: &str, others: &[Vec<String>]) -> String {
    set(&[vec![tenant("acme", products), boss("acme")], others.concat()].concat())
}

fn waits(roll: &Roster, kind: &str, name: &str) -> bool {
    ready(&roll.get(kind, name)) == ("False", "QuotaExceeded")
}

// T2
#[test]
fn a_change_of_product_or_plan_removes_nobody_and_erases_nothing() {
    on_both(|roll| {
        let everything = "  products: {core: {plan: Advanced}, drive: {}, approval: {}}";
        roll.apply(NOW, &company(everything, &[crowd(1..=31), teams(1..=2)])).expect_code(0);
        let uid = roll.query("SELECT uid FROM members WHERE name = 'm01'").unwrap();
        roll.sql(&format!("INSERT INTO storage VALUES ('{uid}', 'Drive', 5, 0)")).unwrap();
        roll.sign_in(NOW, "m01").ok();
        for products in ["{core: {plan: Free}}", "{drive: {}}", "{approval: {}}", "{core: {plan: Trial}}", "{core: {plan: Lite}}"]
        {
            let report = roll.apply(LATER, &tenant("acme", &format!("  products: {products}"))).expect_code(0);
            assert_eq!(report.all_actions(), ["update Tenant/acme"], "{products}");
        }
        assert_eq!((count(roll, "members WHERE deleted_at IS NULL"), count(roll, "organizations")), (32, 2));
        let orders = count(roll, "outbox WHERE consumer <> 'mail'");
        assert_eq!((count(roll, "storage"), count(roll, "sessions WHERE closed_at IS NULL"), orders), (1, 1, 0));
    });
}

// T3
#[test]
fn a_lowered_plan_takes_no_place_away_and_a_raised_one_takes_everybody_up() {
    on_both(|roll| {
        roll.apply(NOW, &company(LITE, &[crowd(1..=31), teams(1..=101)])).expect_code(0);
        let more = [crowd(32..=32), teams(102..=102)];
        let report = roll.apply(LATER, &company(FREE, &more)).expect_code(1);
        for (kind, name) in [("Member", "m32"), ("Organization", "o102")] {
            assert_eq!(report.refused(kind, name).as_deref(), Some("QuotaExceeded"), "{name}");
        }
        assert_eq!((count(roll, "members"), count(roll, "organizations")), (32, 101));
        // Those that are there may change.
        let report = roll
            .apply(LATER, &set(&[member("m31", "acme", "  nickname: Last"), organization("o101", "acme", "  description: D")]));
        assert_eq!(report.all_actions(), ["update Organization/o101", "update Member/m31"]);
        let report = roll.apply(AFTERWARDS, &tenant("acme", LITE)).expect_code(0);
        assert_eq!(
            (report.actions("Member", "m32")[0].as_str(), report.actions("Organization", "o102")[0].as_str()),
            ("create", "create")
        );
        assert!(!waits(roll, "Member", "m32") && !waits(roll, "Organization", "o102"));
    });
}

// T3: a place that falls free goes to who was there first, whatever its name.
#[test]
fn a_place_that_falls_free_goes_to_who_has_waited_longest() {
    on_both(|roll| {
        let base = crowd(1..=29);
        roll.apply(NOW, &company(FREE, &[base.clone(), vec![member("zoe", "acme", "")]])).expect_code(1);
        let rest: Vec<String> = base.iter().skip(1).cloned().collect();
        let both = vec![member("adam", "acme", ""), member("zoe", "acme", "")];
        roll.apply_with(LATER, &company(FREE, &[rest.clone(), both]), &["--prune"]);
        assert!(waits(roll, "Member", "zoe") && waits(roll, "Member", "adam"), "one in grace holds its place");
        let report = roll.tick("2027-03-09T09:00:00Z").expect_code(1);
        assert_eq!(report.actions("Member", "zoe").first().map(String::as_str), Some("create"));
        assert_eq!((phase(&roll.get("Member", "zoe")), waits(roll, "Member", "adam")), ("Pending", true));
    });
}

// T3: also where more wait than are decided at once.
#[test]
fn of_many_who_wait_the_first_comes_first() {
    on_both(|roll| {
        let base = crowd(1..=29);
        roll.apply(NOW, &company(FREE, &[base.clone(), vec![member("zoe", "acme", "")]])).expect_code(1);
        let others: Vec<String> = (0..520).map(|number| member(&format!("b{number:03}"), "acme", "")).collect();
        let rest: Vec<String> = base.iter().skip(1).cloned().chain([member("zoe", "acme", "")]).collect();
        roll.apply_with(LATER, &company(FREE, &[rest, others]), &["--prune"]);
        roll.tick("2027-03-09T09:00:00Z");
        assert_eq!((phase(&roll.get("Member", "zoe")), count(roll, "members")), ("Pending", 30));
    });
}

// T3: in one batch of equal age the names decide.
#[test]
fn in_one_batch_the_earlier_name_comes_first() {
    on_both(|roll| {
        let reversed: Vec<String> = crowd(1..=30).into_iter().rev().collect();
        roll.apply(NOW, &company(FREE, &[reversed])).expect_code(1);
        assert!(waits(roll, "Member", "m30") && !waits(roll, "Member", "m29"));
    });
}

// T3, M24: one in grace holds its place, and comes back to it.
#[test]
fn one_in_grace_comes_back_to_its_own_place() {
    on_both(|roll| {
        let base = crowd(1..=29);
        roll.apply(NOW, &company(FREE, &[base.clone(), vec![member("zoe", "acme", "")]])).expect_code(1);
        let rest: Vec<String> = base.iter().skip(1).cloned().collect();
        roll.apply_with(LATER, &company(FREE, &[rest, vec![member("zoe", "acme", "")]]), &["--prune"]);
        let report = roll.apply(AFTERWARDS, &member("m01", "acme", "")).expect_code(0);
        assert_eq!(report.actions("Member", "m01"), ["restore"]);
        assert!(waits(roll, "Member", "zoe"));
        assert_eq!(roll.get("Tenant", "acme")["status"]["members"], 30);
    });
}

// T3: organizations likewise.
#[test]
fn an_organization_goes_on_when_another_goes() {
    on_both(|roll| {
        let all = teams(1..=101);
        roll.apply(NOW, &company(FREE, std::slice::from_ref(&all))).expect_code(1);
        assert!(waits(roll, "Organization", "o101"));
        let rest: Vec<String> = all.into_iter().skip(1).collect();
        let report = roll.apply_with(LATER, &company(FREE, &[rest]), &["--prune"]);
        assert_eq!(report.actions("Organization", "o001"), ["delete"]);
        assert_eq!(report.actions("Organization", "o101"), ["create"]);
        assert_eq!(roll.get("Tenant", "acme")["status"]["organizations"], Value::from(100));
    });
}
