//! Names of manifests that are passed on, and renamed manifests that can't be taken (M11, R9): nobody is lost to one.
//! Run by `make test`.

use serde_json::Value;

use crate::identity::{LATER, NOW, company, ids, is_refused, open_sessions, status, uid};
use crate::support::{Report, Roster, boss, member, on_both, organization, phase, set, tenant};

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

/// A company with no grace, whose members and organizations stand under names in a row, from one of them on.
fn in_a_row(names: &[&str], from: usize, supreme: &str) -> String {
    let mut list = vec![tenant("acme", &format!("  deletionGrace: \"0\"\n  supremeAdminRef: {{name: {supreme}}}")), boss("acme")];
    for (number, name) in names[from..from + 3].iter().enumerate() {
        list.push(organization(name, "acme", &format!("  displayName: Team {number}\n  externalKey: o{number}")));
        let place = format!("  organizations: [{{organizationRef: {{name: {name}}}}}]\n");
        list.push(keyed(name, &format!("k{number}"), &format!("id{number}"), &place));
    }
    set(&list)
}

// M11, O3, T4: each record follows its key, people into their teams and the role to its holder, whatever the order of names.
#[test]
fn names_may_be_passed_on_along_a_row() {
    for names in [["aa", "bb", "cc", "dd"], ["dd", "cc", "bb", "aa"], ["bb", "dd", "aa", "cc"]] {
        on_both(|roll| {
            roll.apply(NOW, &in_a_row(&names, 0, names[0])).expect_code(0);
            roll.sign_in(NOW, names[0]).ok();
            let truth = |roll: &Roster| {
                let places = "SELECT count(*) FROM assignments a JOIN members m ON m.uid = a.member \
                              JOIN organizations o ON o.uid = a.organization WHERE substr(o.external_key, 2) = substr(m.id, 3)";
                let holder = "SELECT m.id FROM tenants t JOIN members m ON m.uid = t.supreme_admin";
                (roll.query(places), roll.query(holder), open_sessions(roll))
            };
            let uids = |from: usize| names[from..from + 3].iter().map(|name| uid(roll, name)).collect::<Vec<_>>();
            let (before, held) = (truth(roll), uids(0));
            assert_eq!(before, (Some("3".into()), Some("id0".into()), Some("1".into())));
            let report = roll.apply_with(LATER, &in_a_row(&names, 1, names[1]), &["--prune"]).expect_code(0);
            let kept = |action: &String| action.starts_with("rename ") || action.starts_with("update ");
            assert!(report.all_actions().iter().all(kept), "{names:?}: {:?}", report.all_actions());
            assert_eq!((truth(roll), uids(1)), (before, held), "{names:?}");
            let again = roll.apply_with("2027-03-03T09:00:00Z", &in_a_row(&names, 1, names[1]), &["--prune"]).expect_code(0);
            assert_eq!(again.all_actions(), [""; 0], "{names:?}");
        });
    }
}

// M11, R9: what is written wrong in the renamed manifest loses nobody, nor does a tenant that is not there.
#[test]
fn a_renamed_manifest_of_an_unknown_tenant_loses_nobody() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[keyed("aa", "k1", "ann", "")])).expect_code(0);
        let ann = uid(roll, "aa");
        let report = prune(roll, LATER, &[keyed("bb", "k1", "ann", "  tenantRef: {name: acmee}\n")]).expect_code(1);
        assert_eq!(report.refused("Member", "bb").as_deref(), Some("TenantNotFound"));
        assert_eq!(report.refused("Member", "aa").as_deref(), Some("RenamePending"));
        assert_eq!(report.all_actions(), [""; 0]);
        let report = prune(roll, "2027-06-01T09:00:00Z", &[keyed("bb", "k1", "ann", "")]).expect_code(0);
        assert_eq!((report.all_actions(), uid(roll, "bb")), (vec!["rename Member/bb".to_owned()], ann));
    });
}

// M11, M23: a departure that comes with another name is that person's, its devices included.
#[test]
fn a_renamed_manifest_may_declare_a_departure() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[keyed("aa", "k1", "ann", "")])).expect_code(0);
        roll.run(&["record", "device", "aa", "phone", "--app", "mobile", "-n", "hr", "--now", NOW], "").ok();
        let ann = uid(roll, "aa");
        let departed = keyed("bb", "k1", "ann", "  departure: {at: \"2027-03-01\", devices: DeviceReset}\n");
        let report = prune(roll, LATER, std::slice::from_ref(&departed)).expect_code(0);
        assert_eq!(report.all_actions(), ["rename Member/bb", "delete Member/bb", "update Member/bb"]);
        assert_eq!((uid(roll, "bb"), phase(&roll.get("Member", "bb"))), (ann, "Deleted"));
        assert_eq!(roll.query("SELECT count(*) FROM outbox WHERE consumer = 'devices'").as_deref(), Some("1"));
        assert_eq!(prune(roll, "2027-03-03T09:00:00Z", &[departed]).expect_code(0).all_actions(), [""; 0]);
    });
}

// M11: a person follows the key, and who comes under the old name is another.
#[test]
fn a_newcomer_without_a_key_may_take_the_name_of_a_renamed_manifest() {
    for new_name in ["aa", "cc"] {
        on_both(|roll| {
            roll.apply(NOW, &company(&[keyed("bb", "k1", "ann", "")])).expect_code(0);
            let ann = uid(roll, "bb");
            let newcomer = member("bb", "acme", "  id: bob\n  name: {family: Doe, given: bob}\n");
            let unfit = keyed(new_name, "k1", "ann", "  jobLevel: Nope\n");
            let report = prune(roll, LATER, &[unfit, newcomer.clone()]).expect_code(1);
            assert_eq!(report.refused("Member", "bb").as_deref(), Some("IdentityConflict"));
            assert_eq!((report.all_actions(), uid(roll, "bb")), (vec![], ann.clone()));
            let report = prune(roll, LATER, &[keyed(new_name, "k1", "ann", ""), newcomer]).expect_code(0);
            assert_eq!(report.all_actions(), [format!("rename Member/{new_name}"), "create Member/bb".to_owned()]);
            assert_eq!(uid(roll, new_name), ann);
            assert_ne!(uid(roll, "bb"), ann);
        });
    }
}

// M11, T11: whoever comes under a name that is left comes in the same run, also where the one that leaves it loses access.
#[test]
fn a_successor_comes_though_the_one_before_is_suspended_with_the_change_of_name() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[keyed("aa", "k1", "ann", "")])).expect_code(0);
        let ann = uid(roll, "aa");
        let set = [keyed("bb", "k1", "bea", "  suspended: true"), member("aa", "acme", "  id: ann")];
        let report = prune(roll, LATER, &set).expect_code(0);
        assert_eq!(report.actions("Member", "aa"), ["create"]);
        assert_eq!((uid(roll, "bb"), phase(&roll.get("Member", "bb"))), (ann, "Suspended"));
        assert_eq!(prune(roll, "2027-03-03T09:00:00Z", &set).expect_code(0).all_actions(), [""; 0]);
    });
}

// M11, R9: after an exchange of names that was refused, too, nobody is taken for gone.
#[test]
fn names_may_be_passed_on_after_an_exchange_that_was_refused() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[keyed("aa", "k1", "ann", ""), keyed("bb", "k2", "bob", "")])).expect_code(0);
        let (ann, bob) = (uid(roll, "aa"), uid(roll, "bb"));
        roll.apply(LATER, &company(&[keyed("bb", "k1", "ann", ""), keyed("aa", "k2", "bob", "")])).expect_code(1);
        let passed_on = [keyed("bb", "k1", "ann", ""), keyed("cc", "k2", "bob", "")];
        let report = prune(roll, "2027-03-03T09:00:00Z", &passed_on).expect_code(0);
        assert!(report.all_actions().iter().all(|action| action.starts_with("rename ")), "{:?}", report.all_actions());
        assert_eq!((uid(roll, "bb"), uid(roll, "cc")), (ann, bob));
    });
}

// R9, M23: a removal that waited is over once the manifest is there again, whatever else of the set is looked at before it.
#[test]
fn nobody_whose_manifest_is_there_again_is_removed() {
    on_both(|roll| {
        let teams = |of: &[String]| company(&[&[organization("f", "acme", "")], of].concat());
        let in_f = "  organizations: [{organizationRef: {name: f}}]";
        roll.apply(NOW, &teams(&[member("n1", "acme", "  id: i4"), keyed("n0", "k0", "i2", in_f)])).expect_code(0);
        roll.sign_in(NOW, "n0").ok();
        let waits = member("n1", "acme", "  id: i1\n  organizations: [{organizationRef: {name: g}}]");
        let second = [keyed("n4", "k0", "i4", ""), waits, member("n2", "acme", "  id: i0")];
        roll.apply_with(LATER, &teams(&second), &["--prune"]).expect_code(1);
        let back = [keyed("n0", "k0", "i2", in_f), member("n4", "acme", "  id: i0")];
        let report = roll.apply("2027-03-03T09:00:00Z", &company(&back)).expect_code(1);
        assert_eq!(report.all_actions(), [""; 0]);
        assert_eq!(phase(&roll.get("Member", "n0")), "Active");
    });
}

// M11, M24, M25: two who exchanged names while one was in its grace: once that one is purged, the other takes the name.
#[test]
fn whoever_takes_the_name_of_a_purged_person_takes_its_own_record_along() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[keyed("bb", "k1", "ann", ""), keyed("cc", "k2", "bob", "")])).expect_code(0);
        let (ann, bob) = (uid(roll, "bb"), uid(roll, "cc"));
        prune(roll, "2027-03-01T10:00:00Z", &[keyed("bb", "k1", "ann", "")]).expect_code(0);
        let exchanged = [keyed("cc", "k1", "ann", ""), keyed("bb", "k2", "bob", "")];
        prune(roll, LATER, &exchanged).expect_code(1);
        let report = prune(roll, "2027-03-10T09:00:00Z", &exchanged).expect_code(0);
        assert_eq!(report.actions("Member", "cc"), ["purge", "rename"]);
        assert_eq!((uid(roll, "cc"), uid(roll, "bb") == bob), (ann, false));
        assert_eq!(prune(roll, "2027-03-11T09:00:00Z", &exchanged).expect_code(0).all_actions(), [""; 0]);
    });
}

// M1, M11, R11: who wants two things of one that keeps them is told so.
#[test]
fn an_id_of_somebody_who_can_not_change_is_told_to_be_taken() {
    on_both(|roll| {
        let teams = |of: &[String]| company(&[&[organization("f", "acme", "")], of].concat());
        let in_f = "  organizations: [{organizationRef: {name: f}}]";
        roll.apply(NOW, &teams(&[keyed("n1", "k1", "n1", in_f), member("n2", "acme", "")])).expect_code(0);
        let wanted = [keyed("n1", "k0", "n3", in_f), member("n2", "acme", "  id: n1\n  suspended: true")];
        let report = roll.apply(LATER, &teams(&wanted)).expect_code(1);
        assert_eq!(report.refused("Member", "n1").as_deref(), Some("IdentityConflict"));
        assert_eq!(report.refused("Member", "n2").as_deref(), Some("IdTaken"));
        assert_eq!(report.all_actions(), [""; 0]);
    });
}

// M11, M23: who departs goes by its new name, whether that came before or after, and whoever takes the old one comes.
#[test]
fn a_departed_member_is_renamed_too() {
    let departs = "  departure: {at: \"2027-03-10\"}";
    for before in [None, Some("2027-03-10T00:00:00Z")] {
        on_both(|roll| {
            roll.apply(NOW, &company(&[keyed("aa", "k1", "ann", departs)])).expect_code(0);
            let ann = uid(roll, "aa");
            before.into_iter().for_each(|at| drop(roll.tick(at)));
            let set = [keyed("cc", "k1", "ann", departs), keyed("aa", "k2", "eve", "")];
            let report = prune(roll, "2027-03-12T09:00:00Z", &set).expect_code(0);
            assert_eq!(report.actions("Member", "aa").last().map(String::as_str), Some("create"));
            assert_eq!((uid(roll, "cc"), phase(&roll.get("Member", "cc"))), (ann, "Deleted"));
            assert_eq!(prune(roll, "2027-03-13T09:00:00Z", &set).expect_code(0).all_actions(), [""; 0]);
            assert_eq!(roll.tick("2027-03-17T09:00:00Z").actions("Member", "cc"), ["purge"]);
        });
    }
}
