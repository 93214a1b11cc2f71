//! What ends the connection of an external contact, for good or for a while (X5). Run by `make test`.

use crate::cancellation::{FREE, ending, secret, set_password};
use crate::contacts::{BY_ID, LATER, NOW, OPEN, acme, companies, contact, globex, last, shown, taro, told};
use crate::life::{change, count, text, uid};
use crate::support::{Roster, annotated, boss, condition, member, on_both, phase, ready, set, tenant};

const NAMED: &str = "  lookup: {messageId: taro@globex.example}\n  memo: met in Osaka";

#[track_caller]
fn begin(roll: &Roster, extra: &str) {
    roll.apply(NOW, &companies(&[taro(""), contact(extra)])).expect_code(0);
}

/// What allows connections is withdrawn on a side, and given back.
fn withdrawn_and_given_back(roll: &Roster, withdrawn: &str, given_back: &str, reason: &str) {
    begin(roll, NAMED);
    let done = roll.apply(LATER, withdrawn);
    assert_eq!(done.actions("ExternalContact", "taro"), ["disconnect"], "{reason}");
    let kept = shown(roll);
    assert_eq!((phase(&kept), ready(&kept)), ("Disconnected", ("False", reason)));
    assert_eq!(told(&kept), ("Taro Doe", "Taro Doe", "Globex"));
    // Of another company is told what it may be, and no more.
    let message = condition(&kept, "Ready").map(|ready| text(ready, "message").to_owned()).unwrap_or_default();
    let may_be = "the person's company does not allow external connections, or uses neither core nor approval";
    assert_eq!(message.contains(may_be), reason == "NotAllowedThere", "{message}");
    assert_eq!((text(&last(roll), "cause"), change(&last(roll), "phase")), ("Dependency", ("Connected", "Disconnected")));
    // It follows nobody meanwhile, and what the owner enters is taken.
    roll.apply(LATER, &taro("  name: {family: Doe, given: Tom}"));
    roll.apply(LATER, &contact(&format!("{BY_ID}\n  memo: met in Kobe")));
    assert_eq!(
        (told(&shown(roll)).1, roll.query("SELECT profile ->> 'memo' FROM contacts")),
        ("Taro Doe", Some("met in Kobe".into()))
    );
    roll.apply("2027-03-03T09:00:00Z", given_back).expect_code(0);
    let back = shown(roll);
    assert_eq!((phase(&back), told(&back).1), ("Connected", "Tom Doe"));
    assert_eq!(text(&last(roll), "cause"), "Dependency");
}

// X5, T7
#[test]
fn it_is_disconnected_while_the_own_company_withdraws_connections() {
    on_both(|roll| withdrawn_and_given_back(roll, &acme(""), &acme(OPEN), "NotAllowedHere"));
}

// X5, T7
#[test]
fn it_is_disconnected_while_the_other_company_withdraws_connections() {
    on_both(|roll| withdrawn_and_given_back(roll, &globex(""), &globex(OPEN), "NotAllowedThere"));
}

// X5, T2
#[test]
fn it_is_disconnected_while_the_other_company_has_no_product_for_it() {
    on_both(|roll| {
        let drive = format!("{OPEN}  products: {{drive: {{}}}}\n");
        withdrawn_and_given_back(roll, &globex(&drive), &globex(OPEN), "NotAllowedThere");
    });
}

// X5, M25
#[test]
fn it_is_disconnected_for_good_when_the_person_is_purged_and_what_was_known_goes() {
    on_both(|roll| {
        begin(roll, NAMED);
        let (before, person) = (uid(&shown(roll)), uid(&roll.get("Member", "taro")));
        let deleted = roll.apply_with(LATER, &set(&[globex(OPEN)]), &["--prune"]).expect_code(0);
        assert_eq!(deleted.all_actions(), ["delete Member/taro"]);
        assert_eq!(phase(&shown(roll)), "Connected");
        let purged = roll.tick("2027-03-09T09:00:00Z");
        assert_eq!(purged.json["summary"], serde_json::json!({"disconnect": 1, "purge": 1}));
        let gone = shown(roll);
        assert_eq!((phase(&gone), ready(&gone), told(&gone)), ("Disconnected", ("False", "TargetGone"), ("", "", "")));
        assert_eq!(roll.query("SELECT profile ->> 'memo' FROM contacts").as_deref(), Some("met in Osaka"));
        // Nowhere is the person's name left: not in the contact, not in the trail.
        assert_eq!(count(roll, &format!("audit_values WHERE '{person}' IN (about_before, about_after)")), 0);
        assert_eq!(count(roll, "audit_values WHERE CAST(changes AS TEXT) LIKE '%Taro%'"), 0);
        assert_eq!(count(roll, "declarations WHERE CAST(status AS TEXT) LIKE '%Taro%'"), 0);
        // Another of the same ID is another.
        roll.apply("2027-03-10T09:00:00Z", &taro("")).expect_code(0);
        assert_eq!(phase(&shown(roll)), "Disconnected");
        let again = roll.apply("2027-03-10T09:00:00Z", &contact("  lookup: {messageId: chief@globex.example}")).expect_code(0);
        assert_eq!(again.refused("ExternalContact", "taro"), None);
        assert_eq!((phase(&shown(roll)), uid(&shown(roll))), ("Connected", before));
    });
}

// X5, M25
#[test]
fn what_lies_in_the_trash_forgets_a_purged_person_too_and_a_name_of_its_own_stays() {
    on_both(|roll| {
        begin(roll, &format!("{NAMED}\n  name: Tommy"));
        roll.apply_with(LATER, &companies(&[]), &["--prune"]).expect_code(0);
        roll.tick("2027-03-09T09:00:00Z");
        assert_eq!(told(&shown(roll)), ("Tommy", "", ""));
        assert_eq!(phase(&shown(roll)), "Trashed");
        roll.apply("2027-03-10T09:00:00Z", &contact(&format!("{NAMED}\n  name: Tommy"))).expect_code(1);
        assert_eq!((phase(&shown(roll)), told(&shown(roll)).0), ("Disconnected", "Tommy"));
    });
}

// X5, M25, R14: the erasure is the person's right; a freeze of the company that knew of it does not hold it.
#[test]
fn what_is_frozen_forgets_a_purged_person_too() {
    on_both(|roll| {
        let old = contact(NAMED).replace("metadata: {name: taro}", "metadata: {name: old}");
        roll.apply(NOW, &companies(&[taro(""), contact(NAMED), old.clone()])).expect_code(0);
        roll.apply_with(LATER, &companies(&[taro(""), contact(NAMED)]), &["--prune"]).expect_code(0);
        let freezing = annotated(&tenant("acme", OPEN), "frozen", "audit");
        roll.apply_with(
            LATER,
            &set(&[freezing, boss("acme"), member("jane", "acme", ""), contact(NAMED), globex(OPEN)]),
            &["--prune"],
        )
        .expect_code(0);
        let purged = roll.tick("2027-03-09T09:00:00Z");
        assert_eq!(purged.json["summary"], serde_json::json!({"disconnect": 1, "purge": 1, "update": 1}));
        let nothing_is_known = || {
            let contacts = "contacts WHERE coalesce(display_name, nickname, company) IS NOT NULL OR severed IS NULL";
            let changes = "CAST(changes AS TEXT)";
            let trail =
                format!("audit_values WHERE name IN ('taro', 'old') AND ({changes} LIKE '%Taro%' OR {changes} LIKE '%Globex%')");
            assert_eq!((count(roll, contacts), count(roll, &trail)), (0, 0));
        };
        nothing_is_known();
        let gone = shown(roll);
        assert_eq!((phase(&gone), ready(&gone), told(&gone)), ("Disconnected", ("False", "TargetGone"), ("", "", "")));
        let frozen = condition(&gone, "Frozen").map(|frozen| text(frozen, "message").to_owned()).unwrap_or_default();
        assert!(frozen.contains("audit") && !frozen.contains("once it thaws"), "{frozen}");
        let thaw = roll.apply("2027-03-10T09:00:00Z", &tenant("acme", OPEN));
        assert_eq!(thaw.all_actions(), Vec::<String>::new());
        roll.apply("2027-03-10T09:00:00Z", &old).expect_code(1);
        assert_eq!(phase(&roll.get("ExternalContact", "old")), "Disconnected");
        nothing_is_known();
    });
}

// X5, R6: it is disconnected once; that the cause is another by then is an update.
#[test]
fn another_cause_does_not_disconnect_it_again() {
    on_both(|roll| {
        begin(roll, NAMED);
        let actions = |tenant: String| roll.apply(LATER, &tenant).actions("ExternalContact", "taro");
        assert_eq!(actions(acme("")), ["disconnect"]);
        assert_eq!(actions(globex("")), [""; 0]);
        assert_eq!(actions(acme(OPEN)), ["update"]);
        assert_eq!(change(&last(roll), "severed"), ("NotAllowedHere", "NotAllowedThere"));
        assert_eq!((phase(&shown(roll)), ready(&shown(roll)).1), ("Disconnected", "NotAllowedThere"));
    });
}

/// Somebody moves Taro into another tenant (M40), and the contact is looked at.
#[track_caller]
fn moved(roll: &Roster, tenant: &str, memo: &str) {
    let to = format!("(SELECT uid FROM tenants WHERE name = '{tenant}')");
    roll.sql(&format!("UPDATE members SET tenant = {to}, revision = revision + 1 WHERE name = 'taro'")).unwrap();
    roll.apply(LATER, &contact(&format!("{BY_ID}\n  memo: {memo}")));
}

// X5, X2, M40
#[test]
fn a_person_who_moves_takes_the_contact_along_but_not_into_a_company_that_does_not_allow_it_or_the_own() {
    on_both(|roll| {
        begin(roll, NAMED);
        let other = |name: &str, extra: &str| {
            let chief = format!("  supremeAdminRef: {{name: {name}-chief}}\n{extra}");
            set(&[tenant(name, &chief), member(&format!("{name}-chief"), name, "")])
        };
        roll.apply(NOW, &set(&[other("initech", OPEN), other("hooli", "")])).expect_code(0);
        moved(roll, "initech", "one");
        assert_eq!((phase(&shown(roll)), told(&shown(roll)).2), ("Connected", "Initech"));
        moved(roll, "hooli", "two");
        let kept = shown(roll);
        assert_eq!((phase(&kept), ready(&kept).1, told(&kept).2), ("Disconnected", "NotAllowedThere", "Initech"));
        moved(roll, "acme", "three");
        let kept = shown(roll);
        assert_eq!((phase(&kept), ready(&kept).1, told(&kept).2), ("Disconnected", "TargetInOwnTenant", "Initech"));
        moved(roll, "globex", "four");
        assert_eq!((phase(&shown(roll)), told(&shown(roll)).2), ("Connected", "Globex"));
    });
}

// X5, M40: the contact of who moves to another company goes with the owner, and returns with it.
#[test]
fn a_contact_goes_while_its_owner_is_in_another_company() {
    on_both(|roll| {
        let group = format!("{OPEN}  corporateGroup: Blue\n");
        let sister = tenant("sister", "  corporateGroup: Blue\n  supremeAdminRef: {name: warden}\n");
        let all = [acme(&group), globex(OPEN), taro(""), contact(BY_ID), sister, member("warden", "sister", "")];
        roll.apply(NOW, &set(&all)).expect_code(0);
        assert_eq!(phase(&shown(roll)), "Connected");
        roll.apply(LATER, &member("jane", "sister", ""));
        assert_eq!((phase(&shown(roll)), ready(&shown(roll)).0), ("Trashed", "False"));
        assert_eq!(count(roll, "outbox WHERE effect = 'CloseContact'"), 1);
        roll.apply("2027-03-03T09:00:00Z", &member("jane", "acme", "")).expect_code(0);
        assert_eq!((phase(&shown(roll)), ready(&shown(roll)).0), ("Connected", "True"));
    });
}

// X2, X5, M40: a move that is declared arrives at the contact in the same run.
#[test]
fn a_declared_move_of_the_person_arrives_at_the_contact_by_itself() {
    on_both(|roll| {
        let group = format!("{OPEN}  corporateGroup: Blue\n");
        let initech = tenant("initech", &format!("  supremeAdminRef: {{name: head}}\n{group}"));
        let all = [acme(&group), globex(&group), initech, member("head", "initech", ""), taro(""), contact(NAMED)];
        roll.apply(NOW, &set(&all)).expect_code(0);
        let report = roll.apply(LATER, &member("taro", "initech", "")).expect_code(0);
        assert_eq!(report.actions("ExternalContact", "taro"), ["update"]);
        assert_eq!((phase(&shown(roll)), told(&shown(roll)).2), ("Connected", "Initech"));
        roll.apply("2027-03-03T09:00:00Z", &member("taro", "acme", ""));
        assert_eq!((phase(&shown(roll)), ready(&shown(roll)).1), ("Disconnected", "TargetInOwnTenant"));
        roll.apply("2027-03-04T09:00:00Z", &member("taro", "globex", "")).expect_code(0);
        assert_eq!((phase(&shown(roll)), told(&shown(roll)).2), ("Connected", "Globex"));
    });
}

// X5, T12: with a company its people are erased, for good.
#[test]
fn it_is_disconnected_for_good_when_the_other_company_is_cancelled() {
    on_both(|roll| {
        let free = format!("{OPEN}{FREE}");
        let chief = contact("  lookup: {messageId: chief@globex.example}\n  memo: met in Osaka");
        roll.apply(NOW, &set(&[acme(OPEN), globex(&free), chief])).expect_code(0);
        assert_eq!((phase(&shown(roll)), told(&shown(roll)).2), ("Connected", "Globex"));
        set_password(roll, "chief", "correct-horse");
        let ended = ending(&format!("{free}  supremeAdminRef: {{name: chief}}\n"), "");
        let ended =
            ended.replace("name: acme", "name: globex").replace("acme.example", "globex.example").replace("Acme", "Globex");
        let report = roll.apply(LATER, &set(&[ended, secret("correct-horse")])).expect_code(1);
        assert_eq!(report.actions("Tenant", "globex"), ["update", "cancel"]);
        assert_eq!(report.actions("ExternalContact", "taro"), ["disconnect"]);
        let gone = shown(roll);
        assert_eq!((phase(&gone), ready(&gone), told(&gone)), ("Disconnected", ("False", "TargetGone"), ("", "", "")));
        assert_eq!(roll.query("SELECT profile ->> 'memo' FROM contacts").as_deref(), Some("met in Osaka"));
    });
}
