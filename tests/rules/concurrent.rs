//! Changed IDs, and members whose ID follows that of the same person in a group company (M30). Never about exchanges
//! within one company, which is `identity`. Run by `make test`.

use serde_json::Value;

use crate::life::{START, count, text, uid};
use crate::passwords::{answer, change, secret};
use crate::support::{Report, Roster, boss, condition, member, on_both, phase, ready, set, tenant};

const LATER: &str = "2027-03-02T09:00:00Z";
const EVENING: &str = "2027-03-02T18:00:00Z";
const GROUP: &str = "  corporateGroup: Blue\n";

/// Three companies of a group, each with an administrator.
fn group() -> String {
    let of = |name: &str, chief: &str| tenant(name, &format!("{GROUP}  supremeAdminRef: {{name: {chief}}}\n"));
    set(&[
        of("acme", "boss"),
        boss("acme"),
        of("umbra", "chief"),
        member("chief", "umbra", ""),
        of("initech", "head"),
        member("head", "initech", ""),
    ])
}

fn with_id(name: &str, tenant: &str, id: &str) -> String {
    member(name, tenant, &format!("  id: {id}"))
}

fn following(name: &str, tenant: &str, followed: &str) -> String {
    member(name, tenant, &format!("  concurrentOf: {{name: {followed}}}"))
}

/// Jane of acme with this ID; the same person in umbra, and in initech, which follows that one.
fn janes(id: &str) -> String {
    set(&[
        with_id("jane", "acme", id),
        following("jane-umbra", "umbra", "jane"),
        following("jane-initech", "initech", "jane-umbra"),
    ])
}

const JANES: [&str; 3] = ["jane", "jane-umbra", "jane-initech"];

fn ids(roll: &Roster, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| text(&roll.get("Member", name)["status"], "id").to_owned()).collect()
}

fn reasons(roll: &Roster, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| ready(&roll.get("Member", name)).1.to_owned()).collect()
}

fn told(report: &Report, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| report.refused("Member", name).unwrap_or_default()).collect()
}

// M30, M37: one ID for all posts of a person, changed in one step: each keeps its uid and is signed out, and what leads to it
// is renewed.
#[test]
fn a_concurrent_post_follows_the_id_along_a_chain() {
    on_both(|roll| {
        let report = roll.apply(START, &set(&[group(), janes("jane")])).expect_code(0);
        assert!(!report.stderr.contains("NotYetSupported"), "{}", report.stderr);
        assert_eq!(ids(roll, &JANES), ["jane"; 3]);
        for name in JANES {
            roll.sign_in("2027-03-01T10:00:00Z", name).ok();
        }
        roll.tick("2027-03-01T10:00:01Z").expect_code(0);
        let before: Vec<Value> = JANES.iter().map(|name| roll.get("Member", name)).collect();
        // Only the first is declared anew.
        let report = roll.apply(LATER, &with_id("jane", "acme", "jane.doe")).expect_code(0);
        assert_eq!(ids(roll, &JANES), ["jane.doe"; 3]);
        for (name, before) in JANES.iter().zip(before) {
            assert_eq!(report.actions("Member", name), ["rename"], "{name}");
            let after = roll.get("Member", name);
            assert_eq!(uid(&before), uid(&after));
            assert_eq!((phase(&after), ready(&after).1), ("Active", "InDirectory"));
            for renewed in ["qrToken", "contactUrl"] {
                assert_ne!(before["status"][renewed], after["status"][renewed], "{name} {renewed}");
            }
        }
        assert_eq!(text(&roll.get("Member", "jane-umbra")["status"], "messageId"), "jane.doe@umbra.example");
        assert_eq!(count(roll, "sessions WHERE closed_at IS NULL"), 0);
        // The trail tells them in one go, and why.
        let row = roll.history("Member", "jane-initech").pop().unwrap_or_default();
        assert_eq!((text(&row, "action"), text(&row, "cause"), text(&row, "at")), ("rename", "Dependency", LATER));
        // The old ID is free at once, everywhere.
        assert_eq!(count(roll, "claims WHERE key = 'jane'"), 0);
        let others = [with_id("janet", "acme", "jane"), with_id("janus", "umbra", "jane")];
        roll.apply(EVENING, &set(&others)).expect_code(0);
        assert_eq!(roll.apply(EVENING, &set(&[group(), janes("jane.doe")])).all_actions(), [""; 0]);
    });
}

// M30, O4: in any order, and in one set or in several.
#[test]
fn a_concurrent_post_waits_for_whom_it_follows() {
    on_both(|roll| {
        roll.apply(START, &group()).expect_code(0);
        let later = set(&[following("jane-initech", "initech", "jane-umbra"), following("jane-umbra", "umbra", "jane")]);
        let report = roll.apply(START, &later).expect_code(1);
        assert_eq!(told(&report, &JANES[1..]), ["ConcurrentMemberNotFound"; 2]);
        assert!(condition(&roll.get("Member", "jane-umbra"), "Reconciling").is_some());
        let report = roll.apply(LATER, &with_id("jane", "acme", "jane")).expect_code(0);
        assert_eq!(report.actions("Member", "jane-initech"), ["create"]);
        assert_eq!(ids(roll, &JANES), ["jane"; 3]);
    });
}

// M30, M31: who is no account yet has no ID to follow.
#[test]
fn a_temporary_id_is_not_followed() {
    on_both(|roll| {
        let temporary = member("jane", "acme", "  temporaryId: true");
        roll.apply(START, &set(&[group(), temporary, following("jane-umbra", "umbra", "jane")])).expect_code(1);
        assert_eq!(ready(&roll.get("Member", "jane-umbra")), ("False", "ConcurrentMemberNotFound"));
        roll.apply(LATER, &member("jane", "acme", "  id: jane\n  password: {mode: CreationLink}")).expect_code(0);
        assert_eq!(ids(roll, &JANES[..2]), ["jane"; 2]);
    });
}

// M30: if the ID is taken in either tenant neither changes, up and down the chain; once it is free, all do.
#[test]
fn an_id_that_is_taken_in_one_company_changes_in_none() {
    on_both(|roll| {
        for (tenant, waiting) in [("initech", &JANES[..]), ("umbra", &JANES[..2]), ("acme", &JANES[..1])] {
            let roll = &roll.another();
            roll.apply(START, &set(&[group(), janes("jane"), with_id("other", tenant, "jane.doe")])).expect_code(0);
            let set_of = set(&[group(), janes("jane.doe"), with_id("other", tenant, "jane.doe")]);
            let report = roll.apply(LATER, &set_of).expect_code(1);
            for name in waiting {
                assert_eq!(report.refused("Member", name).as_deref(), Some("IdTaken"), "{tenant} {name}");
                let message = report.refused_message("Member", name).unwrap_or_default();
                assert!(message.contains("hr/other"), "{message}");
                let elsewhere = message.contains(&format!("follows it, and in the tenant `{tenant}` `jane.doe` belongs to"));
                assert_eq!(elsewhere, Some(name) != waiting.last(), "{message}");
            }
            assert_eq!(ids(roll, &JANES), ["jane"; 3]);
            let rows = roll.trail().len();
            // Looked at again, all together or one alone, nothing changes.
            assert_eq!(told(&roll.apply(EVENING, &set_of), waiting), vec!["IdTaken"; waiting.len()]);
            let statuses = || JANES.map(|name| roll.get("Member", name)["status"].clone());
            let before = statuses();
            roll.apply(EVENING, &following("jane-umbra", "umbra", "jane"));
            roll.apply(EVENING, &with_id("jane", "acme", "jane.doe"));
            assert_eq!((statuses(), roll.trail().len()), (before, rows), "{tenant}");
            let report = roll.apply("2027-03-03T09:00:00Z", &with_id("other", tenant, "other")).expect_code(0);
            assert_eq!(report.actions("Member", "jane-initech"), ["rename"], "{tenant}");
            assert_eq!((ids(roll, &JANES), reasons(roll, &JANES)), (vec!["jane.doe".into(); 3], vec!["InDirectory".into(); 3]));
        }
    });
}

// M30: whoever stands in the way by following no more lets the other go on.
#[test]
fn a_follower_that_takes_an_id_of_its_own_lets_the_other_go() {
    on_both(|roll| {
        let two = |id: &str| set(&[with_id("jane", "acme", id), following("jane-umbra", "umbra", "jane")]);
        roll.apply(START, &set(&[group(), two("jane"), with_id("other", "umbra", "jane.doe")])).expect_code(0);
        roll.apply(LATER, &two("jane.doe")).expect_code(1);
        assert_eq!(ids(roll, &JANES[..2]), ["jane"; 2]);
        let own = member("jane-umbra", "umbra", "  id: jane.umbra\n  concurrentOf: {name: jane}");
        roll.apply(EVENING, &own).expect_code(0);
        assert_eq!(ids(roll, &JANES[..2]), ["jane.doe", "jane.umbra"]);
    });
}

// M30: with an ID of its own it does not follow, but is still the same person's in a group company.
#[test]
fn a_post_with_an_id_of_its_own_does_not_follow() {
    on_both(|roll| {
        let own = member("jane-umbra", "umbra", "  id: jane\n  concurrentOf: {name: jane}");
        roll.apply(START, &set(&[group(), with_id("jane", "acme", "jane"), own])).expect_code(0);
        roll.apply(LATER, &with_id("jane", "acme", "jane.doe")).expect_code(0);
        assert_eq!(ids(roll, &JANES[..2]), ["jane.doe", "jane"]);
        // And follows from the moment that it has none.
        roll.apply(EVENING, &following("jane-umbra", "umbra", "jane")).expect_code(0);
        assert_eq!(ids(roll, &JANES[..2]), ["jane.doe"; 2]);
    });
}

// M30, M1: an exchange within one company is one within the others.
#[test]
fn an_exchange_of_ids_is_followed_in_the_same_step() {
    on_both(|roll| {
        let four = |jane: &str, john: &str| {
            let acme = [with_id("jane", "acme", jane), with_id("john", "acme", john)];
            set(&[&acme[..], &[following("jane-umbra", "umbra", "jane"), following("john-umbra", "umbra", "john")]].concat())
        };
        let names = ["jane", "jane-umbra", "john", "john-umbra"];
        roll.apply(START, &set(&[group(), four("one", "two")])).expect_code(0);
        assert_eq!(ids(roll, &names), ["one", "one", "two", "two"]);
        roll.apply(LATER, &set(&[with_id("jane", "acme", "two"), with_id("john", "acme", "one")])).expect_code(0);
        assert_eq!(ids(roll, &names), ["two", "two", "one", "one"]);
    });
}

// M30: it is the same person in another company of the group, and nobody else.
#[test]
fn a_concurrent_post_is_in_another_company_of_the_group() {
    on_both(|roll| {
        let stray = tenant("stray", "  supremeAdminRef: {name: lone}\n");
        let set_of = [
            group(),
            stray,
            member("lone", "stray", ""),
            with_id("jane", "acme", "jane"),
            following("near", "acme", "jane"),
            following("far", "stray", "jane"),
        ];
        let report = roll.apply(START, &set(&set_of)).expect_code(1);
        assert_eq!(told(&report, &["near", "far"]), ["Invalid"; 2]);
        assert!(
            report
                .refused_message("Member", "far")
                .unwrap_or_default()
                .contains("both tenants need the same spec.corporateGroup")
        );
        assert!(report.refused_message("Member", "near").unwrap_or_default().contains("is a member of the same company"));
        // Once the company belongs to the group, it goes on.
        let stray = tenant("stray", &format!("{GROUP}  supremeAdminRef: {{name: lone}}\n"));
        roll.apply(LATER, &set(&[stray, member("near", "acme", "")])).expect_code(0);
        assert_eq!(ids(roll, &["far"]), ["jane"]);
    });
}

// M30: a cycle is refused on every member of it, naming the path; corrected at one place, the others go on.
#[test]
fn a_cycle_of_posts_is_refused_on_each() {
    on_both(|roll| {
        let cycle = [
            following("jane", "acme", "jane-initech"),
            following("jane-umbra", "umbra", "jane"),
            following("jane-initech", "initech", "jane-umbra"),
        ];
        let report = roll.apply(START, &set(&[group(), set(&cycle)])).expect_code(1);
        assert_eq!(told(&report, &JANES), ["CycleDetected"; 3]);
        let message = report.refused_message("Member", "jane").unwrap_or_default();
        assert!(message.contains("jane → jane-initech → jane-umbra → jane"), "{message}");
        let report = roll.apply(START, &following("me", "acme", "me")).expect_code(1);
        assert_eq!(report.refused("Member", "me").as_deref(), Some("CycleDetected"));
        roll.apply(LATER, &with_id("jane", "acme", "jane")).expect_code(0);
        assert_eq!(ids(roll, &JANES), ["jane"; 3]);
        // One that closes later is refused on each as well, and everybody keeps what they have.
        roll.apply(EVENING, &following("jane", "acme", "jane-initech")).expect_code(1);
        assert_eq!((reasons(roll, &JANES), ids(roll, &JANES)), (vec!["CycleDetected".into(); 3], vec!["jane".into(); 3]));
        roll.apply(EVENING, &with_id("jane", "acme", "jane.doe")).expect_code(0);
        assert_eq!((reasons(roll, &JANES), ids(roll, &JANES)), (vec!["InDirectory".into(); 3], vec!["jane.doe".into(); 3]));
    });
}

// M30: who is left alone keeps the ID.
#[test]
fn a_post_keeps_its_id_when_the_followed_one_is_gone() {
    on_both(|roll| {
        roll.apply(START, &set(&[group(), janes("jane")])).expect_code(0);
        let rest = set(&[group(), following("jane-umbra", "umbra", "jane"), following("jane-initech", "initech", "jane-umbra")]);
        roll.apply_with(LATER, &rest, &["--prune"]).expect_code(0);
        assert_eq!(phase(&roll.get("Member", "jane")), "Deleted");
        let rest = rest.replace("given: Jane-umbra", "given: Janet");
        roll.apply("2027-04-02T09:00:00Z", &rest).expect_code(0);
        assert_eq!(ids(roll, &JANES[1..]), ["jane"; 2]);
        assert_eq!(reasons(roll, &JANES[1..]), ["InDirectory"; 2]);
    });
}

// M30, M11: who follows a name that nobody has any more keeps the ID, and is told at once.
#[test]
fn a_post_whose_followed_one_has_another_name_is_told() {
    on_both(|roll| {
        let keyed = |name: &str, id: &str| member(name, "acme", &format!("  id: {id}\n  externalKey: k1"));
        let post = following("jane-umbra", "umbra", "jane");
        roll.apply(START, &set(&[group(), keyed("jane", "jane"), post.clone()])).expect_code(0);
        assert!(condition(&roll.get("Member", "jane-umbra"), "ConcurrentMemberGone").is_none());
        let report = roll.apply_with(LATER, &set(&[group(), keyed("janet", "janet"), post]), &["--prune"]).expect_code(0);
        assert!(
            report.stderr.contains("the member `jane` is not in the directory (M30); the ID stays as it is"),
            "{}",
            report.stderr
        );
        assert_eq!(
            (ids(roll, &["jane-umbra", "janet"]), reasons(roll, &JANES[1..2])),
            (vec!["jane".into(), "janet".into()], vec!["InDirectory".into()])
        );
        assert!(condition(&roll.get("Member", "jane-umbra"), "ConcurrentMemberGone").is_some());
        roll.apply(EVENING, &following("jane-umbra", "umbra", "janet")).expect_code(0);
        assert!(condition(&roll.get("Member", "jane-umbra"), "ConcurrentMemberGone").is_none());
    });
}

// M30, M40: an ID that a follower can't have keeps its member from moving, and both are named.
#[test]
fn a_move_is_told_which_follower_can_not_have_the_id() {
    on_both(|roll| {
        let post = following("post", "initech", "jane");
        roll.apply(START, &set(&[group(), with_id("jane", "acme", "jane"), post, with_id("other", "initech", "x1")]))
            .expect_code(0);
        let report = roll.apply(LATER, &with_id("jane", "umbra", "x1")).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("TransferBlocked"));
        let message = report.refused_message("Member", "jane").unwrap_or_default();
        let told = "Member hr/post follows it, and in the tenant `initech` `x1` belongs to Member hr/other; choose another, or free that one";
        assert!(message.contains(told), "{message}");
        roll.apply(EVENING, &with_id("other", "initech", "x2")).expect_code(0);
        assert_eq!(ids(roll, &["jane", "post"]), ["x1"; 2]);
    });
}

// M30: the password stays with the person and goes with the new ID; the old one opens nothing, nor does it for its next holder.
#[test]
fn a_password_goes_with_the_new_id() {
    on_both(|roll| {
        let secret_of = "  password: {mode: FromSecret, secretKeyRef: {name: jane-password, key: password}}";
        let jane = |id: &str| member("jane", "acme", &format!("  id: {id}\n{secret_of}"));
        roll.apply(START, &set(&[group(), jane("jane"), secret("Kx7Tm2Qw")])).expect_code(0);
        assert_eq!(change(roll, START, "Kx7Tm2Qw", "Rz4-Pv9-Bn").0, "Changed");
        assert_eq!(answer(roll, "2027-03-01T10:00:00Z", "jane", "Rz4-Pv9-Bn"), "Granted");
        roll.apply(LATER, &set(&[jane("jane.doe"), secret("Kx7Tm2Qw"), with_id("janet", "acme", "jane")])).expect_code(0);
        assert_eq!(count(roll, "sessions WHERE closed_at IS NULL"), 0);
        assert_eq!(answer(roll, EVENING, "jane", "Rz4-Pv9-Bn"), "Granted");
        assert_eq!(answer(roll, EVENING, "janet", "Rz4-Pv9-Bn"), "Refused");
    });
}

// M30, T11: a loss of access that is judged later does not tear the two apart.
#[test]
fn a_post_that_is_suspended_in_the_same_set_follows_in_the_same_step() {
    on_both(|roll| {
        roll.apply(START, &set(&[group(), janes("jane")])).expect_code(0);
        let suspended = member("jane-umbra", "umbra", "  concurrentOf: {name: jane}\n  suspended: true");
        let report = roll.apply(LATER, &set(&[with_id("jane", "acme", "jane.doe"), suspended])).expect_code(0);
        assert_eq!(report.actions("Member", "jane-umbra"), ["rename", "suspend"]);
        assert_eq!(ids(roll, &JANES), ["jane.doe"; 3]);
    });
}

// M30, R5: somebody's SQL on the ID of a post is set back to the followed one's.
#[test]
fn a_post_whose_id_drifted_is_set_back() {
    on_both(|roll| {
        roll.apply(START, &set(&[group(), janes("jane")])).expect_code(0);
        roll.sql("UPDATE members SET id = 'mallory' WHERE name = 'jane-umbra'").unwrap();
        roll.tick(LATER).expect_code(0);
        assert_eq!(ids(roll, &JANES), ["jane"; 3]);
        let row = roll.history("Member", "jane-umbra").pop().unwrap_or_default();
        assert_eq!(text(&row, "cause"), "Drift");
    });
}

// M30, R9: whose removal is pending is still there, and follows.
#[test]
fn a_post_whose_removal_is_pending_follows() {
    on_both(|roll| {
        let post = member("jane-umbra", "umbra", "  concurrentOf: {name: jane}\n  administrator: Operations");
        roll.apply(START, &set(&[group(), with_id("jane", "acme", "jane"), post])).expect_code(0);
        roll.apply_with(LATER, &set(&[group(), with_id("jane", "acme", "jane")]), &["--prune"]).expect_code(1);
        assert_eq!(phase(&roll.get("Member", "jane-umbra")), "Pending");
        roll.apply(EVENING, &with_id("jane", "acme", "jane.doe"));
        assert_eq!(ids(roll, &JANES[..2]), ["jane.doe"; 2]);
        roll.apply(EVENING, &with_id("other", "umbra", "taken"));
        let report = roll.apply("2027-03-03T09:00:00Z", &with_id("jane", "acme", "taken")).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("IdTaken"));
        assert_eq!(ids(roll, &JANES[..2]), ["jane.doe"; 2]);
    });
}
