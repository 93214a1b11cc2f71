//! The budget of lost access (T11, R12): what fits, what is held, how it is released.
//! Never about what a loss does, which is the life of a member. Run by `make test`.

use crate::life::START;
use crate::support::{Report, Roster, annotated, boss, condition, member, on_both, phase, ready, set, tenant};

const HOLD: &str = "AccessLossHeld";
const LATER: &str = "2027-03-02T09:00:00Z";

/// The tenant with this under its `spec`, its boss, and members `m0` to `m{count - 1}`, from the one with this number on.
fn company(acme: &str, from: usize, count: usize) -> String {
    let mut all = vec![tenant("acme", acme), boss("acme")];
    all.extend((from..count).map(|n| member(&format!("m{n}"), "acme", "")));
    set(&all)
}

fn prune(roll: &Roster, now: &str, yaml: &str) -> Report {
    roll.apply_with(now, yaml, &["--prune"])
}

fn deleted(report: &Report) -> usize {
    report.all_actions().iter().filter(|action| action.starts_with("delete ")).count()
}

// T11: what fits happens; what does not is held whole, and nothing of it happens.
#[test]
fn a_batch_that_takes_too_much_access_is_held_whole() {
    on_both(|roll| {
        roll.apply(START, &company("", 0, 20)).expect_code(0);
        let report = prune(roll, LATER, &company("", 6, 20)).expect_code(1);
        assert_eq!(deleted(&report), 0);
        let (reason, count, _) = report.held("Tenant", "acme").expect("it is held");
        assert_eq!((reason.as_str(), count), (HOLD, 6));
        let acme = roll.get("Tenant", "acme");
        assert_eq!(ready(&acme), ("True", "InDirectory"));
        let message = condition(&acme, "Held").map(|held| held["message"].to_string()).unwrap_or_default();
        assert!(message.contains("m0, m1, m2, m3, m4 and 1 more"), "{message}");
        assert_eq!(acme["status"]["pendingRemovalCount"], 6);
        assert_eq!(acme["status"]["pendingRemovals"][0]["reason"], HOLD);
        assert_eq!(phase(&roll.get("Member", "m0")), "Pending");
        // Asked again, it is told again: with its fingerprint it can be approved.
        let told = report.held("Tenant", "acme");
        assert_eq!(prune(roll, LATER, &company("", 6, 20)).held("Tenant", "acme"), told);
        assert_eq!(roll.plan(LATER, &company("", 6, 20), &["--prune"]).expect_code(2).held("Tenant", "acme"), told);
        // Time alone releases nothing.
        assert_eq!(prune(roll, "2027-03-05T09:00:00Z", &company("", 6, 20)).all_actions(), [""; 0]);
    });
}

// R12: what is held is told whatever else is wrong with the tenant, in the plan and in the apply.
#[test]
fn what_is_held_is_told_beside_other_troubles_of_the_tenant() {
    on_both(|roll| {
        roll.apply(START, &company("", 0, 20)).expect_code(0);
        for trouble in ["  supremeAdminRef: {name: nobody}\n", "  timeZone: Nowhere/Here\n"] {
            let plan = roll.plan(LATER, &company(trouble, 6, 20), &["--prune"]).expect_code(2);
            let done = prune(roll, LATER, &company(trouble, 6, 20)).expect_code(1);
            let (reason, count, fingerprint) = done.held("Tenant", "acme").expect("it is held");
            assert_eq!((reason.as_str(), count), (HOLD, 6), "{trouble}");
            for report in [&plan, &done] {
                assert!(
                    report.stderr.contains("held: Tenant hr/acme") && report.stderr.contains(&fingerprint),
                    "{}",
                    report.stderr
                );
            }
        }
    });
}

// T11: the budget is the larger of a share of the live members and a number, within a window.
#[test]
fn the_budget_is_a_share_or_a_number_within_a_window() {
    on_both(|roll| {
        let acme = "  accessBudget: {maxPercent: 20, maxCount: 2, window: 2h}";
        roll.apply(START, &company(acme, 0, 19)).expect_code(0);
        assert_eq!(deleted(&prune(roll, LATER, &company(acme, 3, 19)).expect_code(0)), 3);
        // One of the four that 20 % of 20 are is left.
        let report = prune(roll, "2027-03-02T10:00:00Z", &company(acme, 5, 19)).expect_code(1);
        assert_eq!(report.held("Tenant", "acme").map(|held| held.1), Some(2));
        prune(roll, "2027-03-02T10:01:00Z", &company(acme, 3, 19)).expect_code(0);
        assert_eq!(deleted(&prune(roll, "2027-03-02T10:02:00Z", &company(acme, 4, 19)).expect_code(0)), 1);
        // The window is over for the first three.
        assert_eq!(deleted(&prune(roll, "2027-03-02T11:01:00Z", &company(acme, 6, 19)).expect_code(0)), 2);
    });
}

// T11: a member counts once within a window, whatever it loses.
#[test]
fn who_lost_access_within_the_window_counts_once() {
    on_both(|roll| {
        let suspended =
            |count: usize, fields: &str| set(&(0..count).map(|n| member(&format!("m{n}"), "acme", fields)).collect::<Vec<_>>());
        roll.apply(START, &company("", 0, 20)).expect_code(0);
        roll.apply("2027-03-02T09:00:00Z", &suspended(3, "  suspended: true")).expect_code(0);
        roll.apply("2027-03-02T09:10:00Z", &suspended(3, "")).expect_code(0);
        roll.apply("2027-03-02T09:20:00Z", &suspended(5, "  suspended: true")).expect_code(0);
        assert_eq!(deleted(&prune(roll, "2027-03-02T09:30:00Z", &company("", 5, 20)).expect_code(0)), 5);
        let report = prune(roll, "2027-03-02T09:40:00Z", &company("", 6, 20)).expect_code(1);
        assert_eq!(report.held("Tenant", "acme").map(|held| held.1), Some(1));
    });
}

// T11: suspensions and departures that are due within the window count; later losses join the hold.
#[test]
fn suspensions_and_departures_count_and_later_losses_join() {
    on_both(|roll| {
        let acme = "  accessBudget: {maxPercent: 0, maxCount: 1}";
        roll.apply(START, &company(acme, 0, 4)).expect_code(0);
        let soon = member("m1", "acme", "  departure: {at: \"2027-03-02T09:30:00Z\"}");
        let late = member("m2", "acme", "  departure: {at: \"2027-03-02T12:00:00Z\"}");
        let suspended = member("m0", "acme", "  suspended: true");
        let report = roll.apply(LATER, &set(&[suspended.clone(), soon.clone(), late])).expect_code(1);
        assert_eq!(report.refused("Member", "m0").as_deref(), Some(HOLD));
        assert_eq!(report.refused("Member", "m1").as_deref(), Some(HOLD));
        assert_eq!(report.refused("Member", "m2"), None);
        assert_eq!(ready(&roll.get("Member", "m0")), ("False", HOLD));
        // Alone it would fit.
        let report = roll.apply("2027-03-02T09:01:00Z", &member("m3", "acme", "  suspended: true")).expect_code(1);
        assert_eq!(report.held("Tenant", "acme").map(|held| held.1), Some(3));
        // Nothing is done twice, and nothing is written when nothing changes.
        let digest = "SELECT string_agg(fingerprint || since, ' ') FROM holds";
        let before = roll.query(digest);
        roll.apply("2027-03-02T09:02:00Z", &set(&[suspended, soon])).expect_code(1);
        assert_eq!(roll.query(digest), before);
    });
}

// T11, R12: a person's word on the tenant lets exactly those happen, also together with the change.
#[test]
fn approval_lets_exactly_those_happen() {
    on_both(|roll| {
        roll.apply(START, &company("", 0, 20)).expect_code(0);
        let fewer = company("", 7, 20);
        let (_, _, fingerprint) = prune(roll, LATER, &fewer).held("Tenant", "acme").expect("it is held");
        prune(roll, "2027-03-02T09:10:00Z", &annotated(&fewer, "approve", "ffffffffffffffff")).expect_code(1);
        let report = prune(roll, "2027-03-02T09:20:00Z", &annotated(&fewer, "approve", &fingerprint)).expect_code(0);
        assert_eq!(deleted(&report), 7);
        assert!(condition(&roll.get("Tenant", "acme"), "Held").is_none());
        assert_eq!(roll.query("SELECT count(*) FROM holds").as_deref(), Some("0"));
        // What was approved does not count against the budget of others.
        assert_eq!(deleted(&prune(roll, "2027-03-02T09:30:00Z", &company("", 8, 20)).expect_code(0)), 1);
        // With the plan's fingerprint in the same change.
        let fewer = company("", 16, 20);
        let plan = roll.plan("2027-03-02T09:40:00Z", &fewer, &["--prune"]);
        let (_, count, fingerprint) = plan.held("Tenant", "acme").expect("it would be held");
        assert_eq!(count, 8);
        let report = prune(roll, "2027-03-02T09:41:00Z", &annotated(&fewer, "approve", &fingerprint)).expect_code(0);
        assert_eq!(deleted(&report), 8);
    });
}

// T11, R12: a word holds while exactly the same would happen, whatever else becomes of those whom it concerns.
#[test]
fn approval_holds_when_somebody_signs_in_meanwhile() {
    on_both(|roll| {
        roll.apply(START, &company("", 0, 20)).expect_code(0);
        let fewer = company("", 7, 20);
        let (_, _, fingerprint) = roll.plan(LATER, &fewer, &["--prune"]).held("Tenant", "acme").expect("it would be held");
        roll.sign_in("2027-03-02T10:00:00Z", "m0").ok();
        let report = prune(roll, "2027-03-02T11:00:00Z", &annotated(&fewer, "approve", &fingerprint)).expect_code(0);
        assert_eq!(deleted(&report), 7);
    });
}

// T11, R12: a word counts once for a suspension, too.
#[test]
fn a_suspension_that_was_approved_once_is_held_the_next_time() {
    on_both(|roll| {
        let acme = "  accessBudget: {maxPercent: 0, maxCount: 0}";
        let with = |fields: &str| set(&[tenant("acme", acme), boss("acme"), member("m0", "acme", fields)]);
        roll.apply(START, &with("")).expect_code(0);
        let (_, _, fingerprint) = roll.apply(LATER, &with("  suspended: true")).held("Tenant", "acme").expect("it is held");
        let approved = |fields: &str| annotated(&with(fields), "approve", &fingerprint);
        roll.apply("2027-03-02T10:00:00Z", &approved("  suspended: true")).expect_code(0);
        assert_eq!(phase(&roll.get("Member", "m0")), "Suspended");
        roll.apply("2027-03-02T11:00:00Z", &approved("")).expect_code(0);
        let again = roll.apply("2027-03-02T12:00:00Z", &approved("  suspended: true")).expect_code(1);
        assert!(again.held("Tenant", "acme").is_some_and(|held| held.2 != fingerprint));
        assert_eq!(phase(&roll.get("Member", "m0")), "Pending");
    });
}

// T11, R12: a word counts once, also where the annotation stays.
#[test]
fn what_was_approved_once_is_held_the_next_time() {
    on_both(|roll| {
        roll.apply(START, &company("", 0, 20)).expect_code(0);
        let (_, _, fingerprint) = prune(roll, LATER, &company("", 7, 20)).held("Tenant", "acme").expect("it is held");
        let approved = |from| annotated(&company("", from, 20), "approve", &fingerprint);
        assert_eq!(deleted(&prune(roll, "2027-03-02T09:20:00Z", &approved(7)).expect_code(0)), 7);
        prune(roll, "2027-03-03T09:00:00Z", &approved(0)).expect_code(0);
        let report = prune(roll, "2027-03-06T09:00:00Z", &approved(7)).expect_code(1);
        assert_eq!((deleted(&report), report.held("Tenant", "acme").map(|held| held.1)), (0, Some(7)));
    });
}

// T11: the share is one of those who were live when the window began.
#[test]
fn who_came_within_the_window_makes_the_budget_no_larger() {
    on_both(|roll| {
        roll.apply(START, &company("", 0, 9)).expect_code(0);
        roll.apply(LATER, &company("", 0, 100)).expect_code(0);
        let report = prune(roll, "2027-03-02T09:01:00Z", &company("", 6, 100)).expect_code(1);
        assert_eq!((deleted(&report), report.held("Tenant", "acme").map(|held| held.1)), (0, Some(6)));
    });
}

// T11: applying again what should not be lost releases it.
#[test]
fn who_is_applied_again_is_no_longer_held() {
    on_both(|roll| {
        roll.apply(START, &company("", 0, 20)).expect_code(0);
        prune(roll, LATER, &company("", 8, 20)).expect_code(1);
        let report = prune(roll, "2027-03-02T09:10:00Z", &company("", 6, 20)).expect_code(1);
        assert_eq!(report.held("Tenant", "acme").map(|held| held.1), Some(6));
        let report = prune(roll, "2027-03-02T09:20:00Z", &company("", 0, 20)).expect_code(0);
        assert_eq!((report.held("Tenant", "acme"), deleted(&report)), (None, 0));
        assert!(condition(&roll.get("Tenant", "acme"), "Held").is_none());
        assert_eq!(ready(&roll.get("Member", "m0")), ("True", "InDirectory"));
    });
}

// T11: a larger budget and a shorter grace take effect one window after they are declared; a stricter one at once.
#[test]
fn a_loosened_policy_takes_effect_one_window_later() {
    on_both(|roll| {
        roll.apply(START, &company("", 0, 20)).expect_code(0);
        let loose = "  accessBudget: {maxPercent: 100}\n  deletionGrace: \"0\"";
        let report = prune(roll, LATER, &company(loose, 6, 20)).expect_code(1);
        assert_eq!(report.held("Tenant", "acme").map(|held| held.1), Some(6));
        let acme = roll.get("Tenant", "acme");
        let message = condition(&acme, "Held").map(|held| held["message"].to_string()).unwrap_or_default();
        assert!(
            message.contains("counts from 2027-03-02T10:00:00Z on, until then the larger of 10 % and 5 within 1h"),
            "{message}"
        );
        prune(roll, "2027-03-02T09:10:00Z", &company(loose, 0, 20)).expect_code(0);
        // One fits, and has the grace of before.
        prune(roll, "2027-03-02T09:59:00Z", &company(loose, 1, 20)).expect_code(0);
        assert_eq!(roll.get("Member", "m0")["status"]["purgeAt"], "2027-03-09T09:59:00Z");
        let report = prune(roll, "2027-03-02T10:00:00Z", &company(loose, 12, 20)).expect_code(0);
        assert_eq!(report.held("Tenant", "acme"), None);
        assert_eq!(roll.query("SELECT count(*) FROM members").as_deref(), Some("10"));
        let strict = "  accessBudget: {maxPercent: 0, maxCount: 0}";
        let report = prune(roll, "2027-03-02T12:00:00Z", &company(strict, 13, 20)).expect_code(1);
        assert_eq!(report.held("Tenant", "acme").map(|held| held.1), Some(1));
    });
}

// T11: a rename is no loss.
#[test]
fn a_rename_does_not_count() {
    on_both(|roll| {
        let acme = "  accessBudget: {maxPercent: 0, maxCount: 0}";
        let old = member("old", "acme", "  externalKey: k1");
        let new = member("new", "acme", "  id: old\n  externalKey: k1");
        roll.apply(START, &set(&[tenant("acme", acme), boss("acme"), old])).expect_code(0);
        let report = prune(roll, LATER, &set(&[tenant("acme", acme), boss("acme"), new])).expect_code(0);
        assert_eq!(report.all_actions(), ["rename Member/new", "update Member/new"]);
    });
}

// T11: one run is one batch, whether it removes or suspends.
#[test]
fn removals_and_suspensions_of_one_run_are_held_together() {
    on_both(|roll| {
        roll.apply(START, &company("", 0, 20)).expect_code(0);
        let suspended = (0..3).map(|n| member(&format!("m{n}"), "acme", "  suspended: true"));
        let some = [
            vec![tenant("acme", ""), boss("acme")],
            suspended.collect(),
            (6..20).map(|n| member(&format!("m{n}"), "acme", "")).collect(),
        ];
        let report = prune(roll, LATER, &set(&some.concat())).expect_code(1);
        assert_eq!(report.all_actions(), [""; 0]);
        assert_eq!(report.held("Tenant", "acme").map(|(_, count, _)| count), Some(6));
    });
}

// T11: a departure that was declared for later and comes earlier is a loss like any other.
#[test]
fn a_departure_that_is_moved_into_the_window_counts() {
    on_both(|roll| {
        let departing = |at: &str| {
            let spec = format!("  departure: {{at: \"{at}\"}}");
            set(&(0..20).map(|n| member(&format!("m{n}"), "acme", &spec)).collect::<Vec<_>>())
        };
        roll.apply(START, &company("", 0, 20)).expect_code(0);
        roll.apply("2027-03-02T09:00:00Z", &departing("2027-03-02T10:01:00Z")).expect_code(0);
        let report = roll.apply("2027-03-02T09:02:00Z", &departing("2027-03-02T09:02:00Z")).expect_code(1);
        assert_eq!((deleted(&report), report.held("Tenant", "acme").map(|(_, count, _)| count)), (0, Some(20)));
        // Its own time releases nobody, and what was declared first stands.
        roll.apply("2027-03-02T09:03:00Z", &departing("2027-03-02T10:01:00Z")).expect_code(0);
        assert_eq!(deleted(&roll.tick("2027-03-02T10:01:00Z")), 20);
    });
}

// T11, M11: who comes back under another name is no longer held.
#[test]
fn a_member_that_was_renamed_is_held_no_longer() {
    on_both(|roll| {
        let tight = "  accessBudget: {maxPercent: 0, maxCount: 1}";
        let keyed = |name: &str| member(name, "acme", "  id: m0\n  externalKey: k0\n  personalEmail: m0@home.example");
        let rest = |from: usize| (from..4).map(|n| member(&format!("m{n}"), "acme", "")).collect::<Vec<_>>();
        let of = |members: Vec<String>| set(&[vec![tenant("acme", tight), boss("acme")], members].concat());
        roll.apply(START, &of([vec![keyed("m0")], rest(1)].concat())).expect_code(0);
        assert!(prune(roll, LATER, &of(rest(2))).held("Tenant", "acme").is_some());
        prune(roll, LATER, &of([vec![keyed("other")], rest(1)].concat())).expect_code(0);
        assert!(condition(&roll.get("Tenant", "acme"), "Held").is_none());
        let report = prune(roll, "2027-03-12T09:00:00Z", &of([vec![keyed("other")], rest(2)].concat())).expect_code(0);
        assert_eq!(report.all_actions(), ["delete Member/m1"]);
    });
}

// T11, R9: what is declared anew in the run that touches its tenant counts, not the removal before.
#[test]
fn who_is_declared_again_with_another_loss_is_held_for_that_one() {
    on_both(|roll| {
        let none = "  accessBudget: {maxPercent: 0, maxCount: 0}";
        roll.apply(START, &company(none, 0, 2)).expect_code(0);
        assert!(prune(roll, LATER, &company(none, 1, 2)).held("Tenant", "acme").is_some());
        let renamed = tenant("acme", &format!("{none}\n  domain: other.example"));
        let report = roll.apply(LATER, &set(&[renamed.clone(), boss("acme"), member("m0", "acme", "  suspended: true")]));
        assert_eq!(report.refused("Member", "m0").as_deref(), Some(HOLD));
        assert_eq!(roll.get("Tenant", "acme")["status"]["pendingRemovals"], serde_json::Value::Null);
        let fingerprint = roll.apply(LATER, &renamed).held("Tenant", "acme").map(|(_, _, fingerprint)| fingerprint).unwrap();
        roll.apply(LATER, &annotated(&renamed, "approve", &fingerprint)).expect_code(0);
        assert_eq!(phase(&roll.get("Member", "m0")), "Suspended");
    });
}

// T11, R4: a time zone that makes departures due takes access like any other declaration.
#[test]
fn departures_that_another_time_zone_makes_due_count() {
    on_both(|roll| {
        let departing: Vec<String> =
            (0..20).map(|n| member(&format!("m{n}"), "acme", "  departure: {at: \"2027-03-05\"}")).collect();
        let of = |zone: &str| set(&[tenant("acme", &format!("  deletionGrace: \"0\"\n  timeZone: {zone}")), boss("acme")]);
        roll.apply(START, &set(&[&[of("America/Los_Angeles")], &departing[..]].concat())).expect_code(0);
        let seoul = of("Asia/Seoul");
        let report = roll.apply("2027-03-04T16:00:00Z", &seoul).expect_code(1);
        let (reason, count, fingerprint) = report.held("Tenant", "acme").expect("it is held");
        assert_eq!((reason.as_str(), count, deleted(&report)), (HOLD, 20, 0));
        assert_eq!(ready(&roll.get("Member", "m0")), ("False", HOLD));
        assert_eq!(deleted(&roll.tick("2027-03-04T17:00:00Z")), 0);
        let other = roll.another();
        other.apply(START, &set(&[&[of("America/Los_Angeles")], &departing[..]].concat())).expect_code(0);
        other.apply("2027-03-04T16:00:00Z", &seoul).expect_code(1);
        // Approved, they go; else on the day on which they were to go before.
        let approved = annotated(&tenant("acme", "  deletionGrace: \"0\"\n  timeZone: Asia/Seoul"), "approve", &fingerprint);
        assert_eq!(deleted(&roll.apply("2027-03-04T18:00:00Z", &approved).expect_code(0)), 20);
        assert_eq!(deleted(&other.tick("2027-03-05T07:59:59Z")), 0);
        assert_eq!(deleted(&other.tick("2027-03-05T08:00:00Z")), 20);
        let deletion = |row: &&serde_json::Value| row["action"] == "delete";
        assert_eq!(
            other.history("Member", "m0").iter().find(deletion).map(|row| row["due"].clone()),
            Some("2027-03-05T08:00:00Z".into())
        );
    });
}

// T11, R4: whose manifest departs otherwise by now loses nothing by the time zone: it is released at once, and stays.
#[test]
fn a_departure_that_is_withdrawn_is_held_no_longer_after_a_change_of_the_time_zone() {
    on_both(|roll| {
        let of = |zone: &str| set(&[tenant("acme", &format!("  timeZone: {zone}")), boss("acme")]);
        let people = |stays: &[(usize, &str)]| -> Vec<String> {
            let departure = |number: usize| {
                let otherwise = stays.iter().find(|(other, _)| *other == number).map(|(_, departure)| *departure);
                otherwise.unwrap_or("  departure: {at: \"2027-03-10\"}")
            };
            (0..6).map(|number| member(&format!("p{number}"), "acme", departure(number))).collect()
        };
        let all = |zone: &str, stays: &[(usize, &str)]| set(&[vec![of(zone)], people(stays)].concat());
        roll.apply(START, &all("America/New_York", &[])).expect_code(0);
        let seoul = roll.apply("2027-03-09T16:00:00Z", &all("Asia/Seoul", &[])).expect_code(1);
        assert_eq!(seoul.held("Tenant", "acme").map(|(_, count, _)| count), Some(6));
        let two = [(0, "  nickname: P"), (1, "  departure: {at: \"2027-06-01\"}")];
        let fewer = roll.apply("2027-03-09T16:20:00Z", &all("Asia/Seoul", &two));
        assert_eq!((fewer.refused("Member", "p0"), fewer.refused("Member", "p1")), (None, None));
        assert_eq!(deleted(&fewer), 0);
        assert_eq!(fewer.held("Tenant", "acme").map(|(_, count, _)| count), Some(4));
        // At the instant of the old zone the others go, as was declared.
        let last = roll.apply("2027-03-10T06:00:00Z", &all("Asia/Seoul", &two));
        assert_eq!(deleted(&last), 4);
        for name in ["p0", "p1"] {
            assert_eq!(phase(&roll.get("Member", name)), "Pending");
            assert!(!roll.history("Member", name).iter().any(|row| row["action"] == "delete"));
        }
    });
}

// T11, R4: also in the set that changes the time zone.
#[test]
fn a_departure_that_is_withdrawn_with_a_change_of_the_time_zone_takes_no_access() {
    on_both(|roll| {
        let all = |zone: &str, departure: &str| {
            let people = (0..6).map(|number| member(&format!("p{number}"), "acme", departure)).collect();
            set(&[vec![tenant("acme", &format!("  timeZone: {zone}")), boss("acme")], people].concat())
        };
        roll.apply(START, &all("America/New_York", "  departure: {at: \"2027-03-10\"}")).expect_code(0);
        let seoul = roll.apply("2027-03-09T16:00:00Z", &all("Asia/Seoul", "  nickname: P")).expect_code(0);
        assert_eq!((deleted(&seoul), seoul.held("Tenant", "acme")), (0, None));
    });
}

// T11: who lost access with a person's word was live when the window began, too.
#[test]
fn who_went_with_a_word_was_live_before() {
    on_both(|roll| {
        let acme = "  accessBudget: {maxPercent: 10, maxCount: 0}";
        roll.apply(START, &company(acme, 0, 99)).expect_code(0);
        let (_, _, fingerprint) = prune(roll, LATER, &company(acme, 60, 99)).held("Tenant", "acme").expect("it is held");
        let approved = annotated(&company(acme, 60, 99), "approve", &fingerprint);
        assert_eq!(deleted(&prune(roll, "2027-03-02T09:10:00Z", &approved).expect_code(0)), 60);
        assert_eq!(deleted(&prune(roll, "2027-03-02T09:20:00Z", &company(acme, 66, 99)).expect_code(0)), 6);
    });
}

// T11: a shorter window is a loosening itself: what is declared after it takes no effect sooner for it.
#[test]
fn a_shorter_window_shortens_no_waiting_before_its_time() {
    on_both(|roll| {
        roll.apply(START, &company("", 0, 20)).expect_code(0);
        roll.apply(LATER, &tenant("acme", "  accessBudget: {window: 1m}")).expect_code(0);
        let loose = "  accessBudget: {window: 1m, maxPercent: 100}";
        roll.apply("2027-03-02T09:59:00Z", &tenant("acme", loose)).expect_code(0);
        let plan = roll.plan("2027-03-02T10:58:00Z", &company(loose, 6, 20), &["--prune"]);
        assert_eq!(plan.held("Tenant", "acme").map(|held| held.1), Some(6));
        prune(roll, "2027-03-02T10:59:00Z", &company(loose, 6, 20)).expect_code(0);
    });
}

// R12, M28: a word for departures is none for what is ordered for their devices.
#[test]
fn what_a_departure_does_to_devices_is_part_of_what_is_approved() {
    on_both(|roll| {
        let acme = "  accessBudget: {maxPercent: 0, maxCount: 0}";
        roll.apply(START, &company(acme, 0, 1)).expect_code(0);
        let held = |devices: &str| {
            let soon = member("m0", "acme", &format!("  departure: {{at: \"2027-03-02T09:30:00Z\"{devices}}}"));
            roll.plan(LATER, &soon, &[]).held("Tenant", "acme").expect("it would be held").2
        };
        assert_ne!(held(""), held(", devices: DeviceReset"));
    });
}
