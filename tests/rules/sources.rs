//! Who declares what (R9): what another source declares is left to it, until it is taken over.
//! Never about a real cluster, for which somebody's SQL stands here. Run by `make test`.

use crate::life::count;
use crate::support::{Roster, boss, member, on_both, phase, ready, set, tenant};

const NOW: &str = "2027-03-01T09:00:00Z";
const LATER: &str = "2027-03-02T09:00:00Z";

fn company(jane: &[String]) -> String {
    set(&[&[tenant("acme", ""), boss("acme")], jane].concat())
}

fn jane(extra: &str) -> [String; 1] {
    [member("jane", "acme", extra)]
}

/// Jane is declared by a cluster from now on.
fn hand_over(roll: &Roster) {
    let of_a_cluster = "UPDATE declarations SET source = 'uid-of-the-definition/uid-of-the-tenant' WHERE name = 'jane'";
    assert_eq!(roll.sql(of_a_cluster), Ok(1));
}

fn nickname(roll: &Roster) -> String {
    roll.get("Member", "jane")["spec"]["nickname"].as_str().unwrap_or_default().to_owned()
}

// R9, R8: neither changed nor missed; the others go on.
#[test]
fn what_another_source_declares_is_left_to_it() {
    on_both(|roll| {
        roll.apply(NOW, &company(&jane("  nickname: J"))).expect_code(0);
        hand_over(roll);
        let changed = [&jane("  nickname: Johnny")[..], &[member("zoe", "acme", "")]].concat();
        let report = roll.apply(LATER, &company(&changed)).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("DeclaredElsewhere"));
        let message = report.refused_message("Member", "jane").unwrap_or_default();
        assert!(message.contains("--take-over"), "{message}");
        assert_eq!(report.actions("Member", "jane"), [""; 0]);
        assert_eq!((nickname(roll).as_str(), ready(&roll.get("Member", "zoe")).0), ("J", "True"));
        // Of this source's complete set, only zoe is missing.
        let report = roll.apply_with(LATER, &company(&[]), &["--prune"]).expect_code(0);
        assert_eq!(report.all_actions(), ["delete Member/zoe"]);
        assert_eq!(phase(&roll.get("Member", "jane")), "Pending");
    });
}

// R9: told beforehand; afterwards it is this source's, and nobody else.
#[test]
fn what_is_taken_over_is_declared_here_from_then_on() {
    on_both(|roll| {
        roll.apply(NOW, &company(&jane("  nickname: J"))).expect_code(0);
        hand_over(roll);
        let uid = roll.get("Member", "jane")["status"]["uid"].clone();
        let changed = company(&jane("  nickname: Johnny"));
        let plan = roll.plan(LATER, &changed, &["--take-over"]).expect_code(1);
        assert_eq!(plan.all_actions(), ["update Member/jane"]);
        assert_eq!(roll.apply_with(LATER, &changed, &["--take-over"]).expect_code(0).all_actions(), ["update Member/jane"]);
        assert_eq!(roll.apply(LATER, &changed).expect_code(0).all_actions(), [""; 0]);
        assert_eq!((nickname(roll).as_str(), &roll.get("Member", "jane")["status"]["uid"]), ("Johnny", &uid));
        let report = roll.apply_with(LATER, &company(&[]), &["--prune"]).expect_code(0);
        assert_eq!(report.all_actions(), ["delete Member/jane"]);
    });
}

// R9, R5: the same manifest, taken over, changes nothing of the person.
#[test]
fn a_take_over_of_the_same_is_no_change() {
    on_both(|roll| {
        roll.apply(NOW, &company(&jane(""))).expect_code(0);
        hand_over(roll);
        let before = roll.trail();
        assert_eq!(roll.apply_with(LATER, &company(&jane("")), &["--take-over"]).expect_code(0).all_actions(), [""; 0]);
        assert_eq!(roll.trail(), before);
        assert_eq!(roll.query("SELECT source FROM declarations WHERE name = 'jane'").as_deref(), Some("files"));
    });
}

// R13, R9: the value that comes with a taking over is noted as done; the next one acts.
#[test]
fn a_value_that_acts_once_does_not_act_as_it_is_taken_over() {
    on_both(|roll| {
        roll.apply(NOW, &company(&jane(""))).expect_code(0);
        roll.sign_in(NOW, "jane").ok();
        hand_over(roll);
        let notified = "SELECT CAST(count(*) AS TEXT) FROM outbox WHERE effect = 'NotifyUpdate'";
        let notice = |token: &str| company(&jane(&format!("  notifyUpdate: {token}")));
        roll.apply_with(LATER, &notice("one"), &["--take-over"]).expect_code(0);
        assert_eq!(roll.query(notified).as_deref(), Some("0"));
        roll.apply(LATER, &notice("two")).expect_code(0);
        assert_eq!(roll.query(notified).as_deref(), Some("1"));
        roll.apply(LATER, &notice("one")).expect_code(0);
        assert_eq!(roll.query(notified).as_deref(), Some("1"));
    });
}

// R13: so is one that comes first after a backup, of which the directory can't know whether it acted; the next one acts.
#[test]
fn a_value_that_acts_once_does_not_act_again_after_a_backup() {
    on_both(|roll| {
        roll.apply(NOW, &company(&jane(""))).expect_code(0);
        roll.sign_in(NOW, "jane").ok();
        let notices = || count(roll, "outbox WHERE effect = 'NotifyUpdate'");
        let notice = |token: &str| company(&jane(&format!("  notifyUpdate: {token}")));
        roll.plan(LATER, &notice("one"), &["--restored"]).expect_code(1);
        roll.apply_with(LATER, &notice("one"), &["--restored"]).expect_code(0);
        assert_eq!(notices(), 0);
        roll.apply(LATER, &notice("two")).expect_code(0);
        assert_eq!(notices(), 1);
    });
}

// R4, R9: what is declared elsewhere stays in force, and its dates go on.
#[test]
fn dates_of_what_is_declared_elsewhere_go_on() {
    on_both(|roll| {
        roll.apply(NOW, &company(&jane("  departure: {at: \"2027-03-10\"}"))).expect_code(0);
        hand_over(roll);
        assert_eq!(roll.tick("2027-03-10T00:00:00Z").expect_code(0).all_actions(), ["delete Member/jane"]);
    });
}
