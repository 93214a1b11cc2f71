//! The trash of external contacts (X4, T10). Run by `make test`.

use crate::cancellation::{FREE, ending, secret, set_password};
use crate::contacts::{BY_ID, LATER, NOW, OPEN, acme, companies, contact, globex, last, shown, taro, told};
use crate::life::{count, pending_removals, text, timing, uid};
use crate::support::{Report, Roster, annotated, boss, condition, member, on_both, phase, set, tenant};

fn begin(roll: &Roster) {
    roll.apply(NOW, &companies(&[taro(""), contact(BY_ID)])).expect_code(0);
}

/// The contact's manifest is gone.
#[track_caller]
pub fn remove(roll: &Roster, now: &str) -> Report {
    roll.apply_with(now, &companies(&[taro("")]), &["--prune"])
}

fn room(roll: &Roster, now: &str, args: &[&str]) {
    roll.run(&[&["record", "room", "r1"], args, &["--now", now, "-n", "hr"]].concat(), "").ok();
}

// X4, T10
#[test]
fn a_deleted_contact_lies_in_the_trash_and_is_restored_by_applying_it_again() {
    on_both(|roll| {
        begin(roll);
        let before = uid(&shown(roll));
        let done = remove(roll, LATER).expect_code(0);
        assert_eq!(done.actions("ExternalContact", "taro"), ["delete"]);
        let trashed = shown(roll);
        assert_eq!((phase(&trashed), text(&trashed["status"], "purgeAt")), ("Trashed", "2027-04-01T09:00:00Z"));
        let messages = "outbox WHERE consumer = 'messages' AND effect = 'CloseContact'";
        assert_eq!(count(roll, messages), 1);
        // It follows nobody there, and catches up.
        roll.apply("2027-03-03T09:00:00Z", &taro("  name: {family: Doe, given: Tom}")).expect_code(0);
        assert_eq!(told(&shown(roll)).1, "Taro Doe");
        let back = roll.apply("2027-03-31T09:00:00Z", &contact(BY_ID)).expect_code(0);
        assert_eq!(back.actions("ExternalContact", "taro")[0], "restore");
        let restored = shown(roll);
        assert_eq!((phase(&restored), uid(&restored), told(&restored).1), ("Connected", before, "Tom Doe"));
        assert_eq!(roll.tick("2027-05-01T00:00:00Z").all_actions(), Vec::<String>::new());
    });
}

// R14: what belongs to a frozen tenant stays as it is, and goes on with the thaw.
#[test]
fn contacts_of_a_frozen_tenant_are_frozen() {
    on_both(|roll| {
        begin(roll);
        let frozen = |more: &[String]| {
            let acme = annotated(&acme(OPEN), "frozen", "audit");
            set(&[vec![acme, globex(OPEN), taro("")], more.to_vec()].concat())
        };
        roll.apply(LATER, &frozen(&[contact(BY_ID)])).expect_code(0);
        assert!(condition(&shown(roll), "Frozen").is_some());
        let other = roll.apply(LATER, &frozen(&[contact(&format!("{BY_ID}\n  memo: other"))])).expect_code(1);
        assert_eq!(other.refused("ExternalContact", "taro").as_deref(), Some("Frozen"));
        // The person is another company's, and goes on.
        roll.apply(LATER, &taro("  name: {family: Doe, given: Tom}"));
        assert_eq!(told(&shown(roll)).1, "Taro Doe");
        roll.apply_with("2027-03-03T09:00:00Z", &frozen(&[]), &["--prune"]);
        assert_eq!(pending_removals(roll), ["ExternalContact/taro Frozen"]);
        assert_eq!(roll.tick("2027-05-01T00:00:00Z").all_actions(), Vec::<String>::new());
        let thaw = roll.apply("2027-05-02T00:00:00Z", &acme(OPEN));
        assert_eq!((thaw.all_actions(), phase(&shown(roll))), (vec!["delete ExternalContact/taro".to_owned()], "Trashed"));
        // Nor is the trash emptied.
        roll.apply("2027-05-02T00:00:00Z", &annotated(&acme(OPEN), "frozen", "audit")).expect_code(0);
        assert_eq!(roll.tick("2027-08-01T00:00:00Z").all_actions(), Vec::<String>::new());
        roll.apply("2027-08-02T00:00:00Z", &acme(OPEN)).expect_code(0);
        roll.tick("2027-08-02T00:00:01Z").expect_code(0);
        assert_eq!(count(roll, "contacts"), 0);
    });
}

// X4, T10
#[test]
fn the_trash_is_emptied_after_the_contact_retention() {
    on_both(|roll| {
        let brief = format!("{OPEN}  contactRetention: 2d");
        roll.apply(NOW, &set(&[acme(&brief), globex(OPEN), taro(""), contact(BY_ID)])).expect_code(0);
        let before = uid(&shown(roll));
        roll.apply_with(LATER, &set(&[acme(&brief), globex(OPEN), taro("")]), &["--prune"]).expect_code(0);
        assert_eq!(roll.tick("2027-03-04T08:59:59Z").all_actions(), Vec::<String>::new());
        let emptied = roll.tick("2027-03-10T00:00:00Z").expect_code(0);
        assert_eq!(emptied.json["changes"][0]["action"], "purge");
        assert_eq!((count(roll, "contacts"), count(roll, &format!("audit_values WHERE uid = '{before}'"))), (0, 0));
        let trail = roll.trail();
        let row = trail.last().unwrap();
        assert_eq!(timing(row), ("2027-03-04T09:00:00Z", "2027-03-10T00:00:00Z", "Scheduled"));
        // The same manifest is another contact now.
        roll.apply("2027-03-10T00:00:00Z", &contact(BY_ID)).expect_code(0);
        assert_ne!(uid(&shown(roll)), before);
    });
}

// T10
#[test]
fn without_retention_a_deleted_contact_is_gone_at_once() {
    on_both(|roll| {
        let none = format!("{OPEN}  contactRetention: \"0\"");
        roll.apply(NOW, &set(&[acme(&none), globex(OPEN), taro(""), contact(BY_ID)])).expect_code(0);
        let done = roll.apply_with(LATER, &set(&[acme(&none), globex(OPEN), taro("")]), &["--prune"]).expect_code(0);
        assert_eq!(done.json["summary"]["purge"], 1);
        assert_eq!(count(roll, "contacts"), 0);
    });
}

// X4
#[test]
fn it_stays_while_the_person_shares_a_room_with_a_colleague_of_the_owner() {
    on_both(|roll| {
        begin(roll);
        room(roll, NOW, &["--join", "taro", "jane"]);
        room(roll, NOW, &["--join", "boss"]);
        let done = remove(roll, LATER);
        assert_eq!(done.refused("ExternalContact", "taro").as_deref(), Some("InSharedRoom"));
        assert_eq!(
            (phase(&shown(roll)), pending_removals(roll)),
            ("Connected", vec!["ExternalContact/taro InSharedRoom".to_owned()])
        );
        assert_eq!(roll.tick(LATER).all_actions(), Vec::<String>::new());
        // The owner alone does not matter.
        room(roll, "2027-03-03T09:00:00Z", &["--leave", "boss"]);
        let row = last(roll);
        assert_eq!((text(&row, "action"), text(&row, "cause")), ("delete", "Service"));
        assert_eq!((phase(&shown(roll)), pending_removals(roll)), ("Trashed", vec![]));
    });
}

// X4, R9
#[test]
fn one_that_is_applied_again_while_its_removal_is_pending_stays() {
    on_both(|roll| {
        begin(roll);
        room(roll, NOW, &["--join", "taro", "boss"]);
        remove(roll, LATER);
        roll.apply(LATER, &contact(BY_ID)).expect_code(0);
        room(roll, LATER, &["--leave", "boss"]);
        assert_eq!((phase(&shown(roll)), pending_removals(roll)), ("Connected", vec![]));
    });
}

// X4
#[test]
fn a_plan_tells_of_the_trash_and_of_its_emptying() {
    on_both(|roll| {
        begin(roll);
        let planned = roll.plan(LATER, &companies(&[taro("")]), &["--prune", "--at", "2027-05-01"]);
        assert_eq!(planned.json["summary"], serde_json::json!({"delete": 1, "purge": 1}));
        assert_eq!(phase(&shown(roll)), "Connected");
        // Another's room counts in a plan, too.
        room(roll, LATER, &["--join", "taro", "boss"]);
        let planned = roll.plan(LATER, &companies(&[taro("")]), &["--prune"]);
        assert_eq!(planned.refused("ExternalContact", "taro").as_deref(), Some("InSharedRoom"));
    });
}

// X5, M23, M24
#[test]
fn a_contact_goes_and_returns_with_its_owner() {
    on_both(|roll| {
        begin(roll);
        let before = uid(&shown(roll));
        let without_jane = set(&[tenant("acme", OPEN), boss("acme"), contact(BY_ID)]);
        let done = roll.apply_with(LATER, &without_jane, &["--prune"]);
        assert_eq!(done.all_actions(), ["delete Member/jane", "delete ExternalContact/taro"]);
        assert_eq!((phase(&shown(roll)), text(&last(roll), "cause")), ("Trashed", "Dependency"));
        let back = roll.apply("2027-03-04T09:00:00Z", &member("jane", "acme", "")).expect_code(0);
        assert_eq!(back.actions("ExternalContact", "taro"), ["restore"]);
        assert_eq!((phase(&shown(roll)), uid(&shown(roll))), ("Connected", before.clone()));
        // With the owner, it is purged.
        roll.apply_with("2027-03-05T09:00:00Z", &without_jane, &["--prune"]);
        let gone = roll.tick("2027-03-12T09:00:00Z");
        assert_eq!(gone.json["summary"], serde_json::json!({"purge": 2}));
        assert_eq!((count(roll, "contacts"), count(roll, &format!("audit_values WHERE uid = '{before}'"))), (0, 0));
        let anew = roll.apply("2027-03-13T09:00:00Z", &member("jane", "acme", "")).expect_code(0);
        assert_eq!(anew.actions("ExternalContact", "taro"), ["create"]);
        assert_ne!(uid(&shown(roll)), before);
    });
}

// T14, X4
#[test]
fn while_nobody_declares_the_tenant_nothing_of_it_goes() {
    on_both(|roll| {
        begin(roll);
        remove(roll, LATER).expect_code(0);
        let managed = |truth: &str| {
            roll.sql(&format!("UPDATE tenants SET managed = {truth}, revision = revision + 1 WHERE name = 'acme'")).unwrap();
        };
        managed("FALSE");
        assert_eq!(roll.tick("2027-05-01T00:00:00Z").all_actions(), Vec::<String>::new());
        managed("TRUE");
        assert_eq!(roll.tick("2027-05-01T00:00:00Z").json["summary"], serde_json::json!({"purge": 1}));
    });
}

// X4, M23: who is deleted has left all rooms, and holds nothing back any more.
#[test]
fn a_room_is_shared_no_more_with_who_is_deleted() {
    on_both(|roll| {
        begin(roll);
        room(roll, NOW, &["--join", "taro"]);
        room(roll, NOW, &["--join", "boss"]);
        remove(roll, LATER);
        assert_eq!(pending_removals(roll), ["ExternalContact/taro InSharedRoom"]);
        let without = |roll: &Roster, plan: bool| match plan {
            true => roll.plan("2027-03-03T09:00:00Z", &companies(&[]), &["--prune"]),
            false => roll.apply_with("2027-03-03T09:00:00Z", &companies(&[]), &["--prune"]),
        };
        // It goes in the same run, and the plan tells it.
        for plan in [true, false] {
            assert_eq!(without(roll, plan).actions("ExternalContact", "taro"), ["delete"]);
        }
        assert_eq!((pending_removals(roll), count(roll, "rooms")), (Vec::<String>::new(), 1));
    });
}

// X4, I2: with another owner, messages go between others.
#[test]
fn another_owner_closes_for_the_one_and_opens_for_the_other() {
    on_both(|roll| {
        begin(roll);
        roll.apply(NOW, &member("joe", "acme", "")).expect_code(0);
        roll.apply(LATER, &contact(BY_ID).replace("{name: jane}", "{name: joe}")).expect_code(0);
        let uid = |name: &str| roll.query(&format!("SELECT uid FROM members WHERE name = '{name}'")).unwrap();
        let of = |effect: &str, owner: &str| {
            let owner = uid(owner);
            count(roll, &format!("outbox WHERE effect = '{effect}' AND payload ->> 'owner' = '{owner}'"))
        };
        assert_eq!((of("OpenContact", "jane"), of("CloseContact", "jane")), (1, 1));
        assert_eq!((of("OpenContact", "joe"), of("CloseContact", "joe")), (1, 0));
    });
}

// T12, R6, X4: the contacts of a company that is cancelled end like any other.
#[test]
fn the_contacts_of_a_cancelled_company_leave_their_row_and_close() {
    on_both(|roll| {
        let of_boss = |name: &str, how: &str| {
            contact(how)
                .replace("{name: jane}", "{name: boss}")
                .replace("metadata: {name: taro}", &format!("metadata: {{name: {name}}}"))
        };
        let contacts = set(&[of_boss("taro", BY_ID), of_boss("una", "  invite: {email: una@home.example}")]);
        let acme = |ending: &str| format!("{OPEN}{FREE}{ending}");
        let others = set(&[globex(OPEN), taro("")]);
        roll.apply(NOW, &set(&[tenant("acme", &acme("")), boss("acme"), others.clone(), contacts.clone()])).expect_code(0);
        set_password(roll, "boss", "correct-horse");
        let files = set(&[ending(&acme(""), ""), secret("correct-horse"), boss("acme"), others, contacts]);
        let plan = roll.plan(LATER, &files, &[]);
        assert_eq!(
            (plan.actions("ExternalContact", "taro"), plan.actions("ExternalContact", "una")),
            (one("purge"), one("purge"))
        );
        roll.apply(LATER, &files);
        assert_eq!(phase(&roll.get("Tenant", "acme")), "Cancelled");
        assert_eq!(count(roll, "audit WHERE kind = 'ExternalContact' AND action = 'purge'"), 2);
        assert_eq!(count(roll, "outbox WHERE effect = 'CloseContact'"), 1);
        assert_eq!(count(roll, "outbox WHERE consumer = 'mail' AND effect = 'ExternalInvitation'"), 0);
        assert!(condition(&roll.get("Tenant", "acme"), "MailWaits").is_none());
    });
}

fn one(action: &str) -> Vec<String> {
    vec![action.to_owned()]
}

// X4, X5, M40: the person itself is no colleague of the owner, also where it has come to the company.
#[test]
fn a_contact_goes_though_its_person_is_in_a_room_of_the_own_company() {
    on_both(|roll| {
        let group = format!("{OPEN}  corporateGroup: Blue\n");
        let both = |of: &str| set(&[acme(&group), globex(&group), member("taro", of, "")]);
        roll.apply(NOW, &set(&[both("globex"), contact(BY_ID)])).expect_code(0);
        roll.apply(LATER, &both("acme"));
        assert_eq!(phase(&shown(roll)), "Disconnected");
        room(roll, LATER, &["--join", "taro", "jane"]);
        let done = roll.apply_with("2027-03-03T09:00:00Z", &both("acme"), &["--prune"]).expect_code(0);
        assert_eq!((done.refused("ExternalContact", "taro"), phase(&shown(roll))), (None, "Trashed"));
    });
}
