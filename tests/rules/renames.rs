//! Names of manifests that are passed on, and renamed manifests that can't be taken (M11, R9): nobody is lost to one.
//! Run by `make test`.

use serde_json::Value;

use crate::identity::{LATER, NOW, company, ids, is_refused, open_sessions, status, uid};
use crate::support::{Report, Roster, member, on_both, organization, phase};

/// A member of this external key and ID, under any name of a manifest.
fn keyed(name: &str, key: &str, id: &str, more: &str) -> String {
    let who = format!("  id: {id}\n  name: {{family: Doe, given: {id}}}\n  personalEmail: {id}@home.example\n");
    let fields = format!("{who}  externalKey: {key}\n{more}");
    member(name, "acme", &fields)
}

fn prune(roll: &Roster, now: &str, others: &[String]) -> Report {
    roll.apply_with(now, &company(others), &["--prune"])
}

// M11: each takes its record with it, also where one takes over another's name.
#[test]
fn manifests_may_pass_their_names_on_in_one_set() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[keyed("aa", "k1", "ann", ""), keyed("bb", "k2", "bob", "")])).expect_code(0);
        let (ann, bob) = (uid(roll, "aa"), uid(roll, "bb"));
        let passed_on = [keyed("bb", "k1", "ann", ""), keyed("cc", "k2", "bob", "")];
        let report = prune(roll, LATER, &passed_on).expect_code(0);
        assert_eq!((uid(roll, "bb"), uid(roll, "cc")), (ann, bob));
        assert_eq!(ids(roll, &["bb", "cc"]), ["ann", "bob"]);
        assert!(report.all_actions().iter().all(|action| action.starts_with("rename ")), "{:?}", report.all_actions());
        assert_eq!(prune(roll, LATER, &passed_on).expect_code(0).all_actions(), [""; 0]);
        assert_eq!(roll.query("SELECT count(*) FROM members").as_deref(), Some("3"));
    });
}

// M11: whose record was renamed away has no part in it any more.
#[test]
fn a_name_that_was_passed_on_is_a_new_person_later() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[keyed("aa", "k1", "ann", "")])).expect_code(0);
        let ann = uid(roll, "aa");
        let renamed = keyed("bb", "k1", "ann", "");
        let unfit = keyed("aa", "k2", "bob", "  jobLevel: Nope");
        let report = prune(roll, LATER, &[renamed.clone(), unfit]).expect_code(1);
        assert_eq!(report.refused("Member", "aa").as_deref(), Some("Invalid"));
        assert_eq!(uid(roll, "bb"), ann);
        let bob = member("aa", "acme", "  id: bob\n  name: {family: Doe, given: bob}");
        let report = prune(roll, "2027-03-03T09:00:00Z", &[renamed, bob]).expect_code(0);
        assert_eq!(report.all_actions(), ["create Member/aa"]);
        assert_eq!((uid(roll, "bb"), status(roll, "bb", "id")), (ann.clone(), "ann".to_owned()));
        assert_ne!(uid(roll, "aa"), ann);
    });
}

// M11, R9: whoever a manifest of another name speaks of is not removed while that one can't be taken.
#[test]
fn nobody_is_removed_while_the_manifest_of_another_name_is_refused_or_waits() {
    for unfit in ["  jobLevel: Nope", "  organizations: [{organizationRef: {name: lab}}]"] {
        on_both(|roll| {
            roll.apply(NOW, &company(&[keyed("aa", "k1", "ann", "")])).expect_code(0);
            roll.sign_in(NOW, "aa").ok();
            let ann = uid(roll, "aa");
            let report = prune(roll, LATER, &[keyed("bb", "k1", "ann", unfit)]).expect_code(1);
            assert_eq!(report.all_actions(), [""; 0], "{unfit}");
            assert_eq!(report.refused("Member", "aa").as_deref(), Some("RenamePending"), "{unfit}");
            assert_eq!((phase(&roll.get("Member", "aa")), open_sessions(roll).as_deref()), ("Active", Some("1")), "{unfit}");
            let pending = roll.get("Tenant", "acme")["status"]["pendingRemovals"].clone();
            assert_eq!((&pending[0]["name"], &pending[0]["reason"]), (&"aa".into(), &"RenamePending".into()), "{unfit}");
            // Corrected, it takes the record over, long afterwards too.
            let report = prune(roll, "2027-06-01T09:00:00Z", &[keyed("bb", "k1", "ann", "")]).expect_code(0);
            assert_eq!(report.all_actions(), ["rename Member/bb"], "{unfit}");
            assert_eq!((uid(roll, "bb"), open_sessions(roll).as_deref()), (ann, Some("1")), "{unfit}");
            assert_eq!(roll.get("Tenant", "acme")["status"]["pendingRemovals"], Value::Null, "{unfit}");
        });
    }
}

// M11, R9: taken out, it holds the removal up no longer.
#[test]
fn a_removal_goes_on_when_the_manifest_of_another_name_is_taken_out() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[keyed("aa", "k1", "ann", "")])).expect_code(0);
        prune(roll, LATER, &[keyed("bb", "k1", "ann", "  jobLevel: Nope")]).expect_code(1);
        let report = prune(roll, "2027-03-03T09:00:00Z", &[]).expect_code(0);
        assert_eq!(report.all_actions(), ["delete Member/aa"]);
    });
}

// M11, R9: a declared person is not lost to a manifest that took another's name.
#[test]
fn a_manifest_under_the_name_of_another_saves_the_record_of_its_key() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[keyed("h1", "k1", "ann", ""), keyed("h3", "k3", "bob", "")])).expect_code(0);
        let report = prune(roll, LATER, &[keyed("h1", "k3", "bob", "")]).expect_code(1);
        assert_eq!(report.refused("Member", "h1").as_deref(), Some("IdentityConflict"));
        assert_eq!(report.refused("Member", "h3").as_deref(), Some("RenamePending"));
        assert_eq!(report.all_actions(), [""; 0]);
        assert_eq!(phase(&roll.get("Member", "h3")), "Pending");
    });
}

// M24, O5: who waits to be restored is told until when that can be.
#[test]
fn a_manifest_that_waits_to_restore_tells_until_when() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[keyed("aa", "k1", "ann", "")])).expect_code(0);
        prune(roll, LATER, &[]).expect_code(0);
        let away = keyed("aa", "k1", "ann", "  organizations: [{organizationRef: {name: lab}}]");
        let report = roll.apply("2027-03-03T09:00:00Z", &away).expect_code(1);
        let message = is_refused(&report, "aa", "OrganizationNotFound");
        assert!(message.contains("kept for this manifest, which came in time"), "{message}");
        // However long that takes (M24).
        let before = roll.query("SELECT uid FROM members WHERE name = 'aa'");
        assert_eq!(roll.tick("2027-04-01T00:00:00Z").actions("Member", "aa"), [""; 0]);
        let report = roll.apply("2027-04-02T00:00:00Z", &organization("lab", "acme", "")).expect_code(0);
        assert_eq!(report.actions("Member", "aa"), ["restore", "update"]);
        assert_eq!(roll.query("SELECT uid FROM members WHERE name = 'aa'"), before);
    });
}
