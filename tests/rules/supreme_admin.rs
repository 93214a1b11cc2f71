//! The supreme administrator's role as it is handed over (T4). What that member may not do is in `tenants`.
//! Run by `make test`.

use serde_json::Value;

use crate::support::{Roster, boss, member, on_both, phase, ready, set, tenant};

const NOW: &str = "2027-03-01T09:00:00Z";
const LATER: &str = "2027-03-02T09:00:00Z";

fn named(name: &str) -> String {
    tenant("acme", &format!("  supremeAdminRef: {{name: {name}}}"))
}

fn holder(roll: &Roster) -> Value {
    roll.get("Tenant", "acme")["status"]["supremeAdmin"].clone()
}

// T4
#[test]
fn a_member_of_another_tenant_is_not_found() {
    on_both(|roll| {
        let globex = [tenant("globex", "  supremeAdminRef: {name: chief}"), member("chief", "globex", "")];
        roll.apply(NOW, &set(&[tenant("acme", ""), boss("acme"), set(&globex)])).expect_code(0);
        let report = roll.apply(LATER, &named("chief")).expect_code(1);
        assert_eq!(report.refused("Tenant", "acme").as_deref(), Some("SupremeAdminNotFound"));
        let message = report.refused_message("Tenant", "acme").unwrap_or_default();
        assert!(message.contains("the member `chief` belongs to the tenant `globex`; `boss` holds the role"), "{message}");
        assert_eq!((holder(roll), ready(&roll.get("Tenant", "acme"))), ("boss".into(), ("False", "SupremeAdminNotFound")));
    });
}

// T4, M11: who holds the role under another name by now is told.
#[test]
fn a_holder_that_was_renamed_is_told() {
    on_both(|roll| {
        let keyed = |name: &str| member(name, "acme", "  id: boss\n  externalKey: k1\n  personalEmail: boss@home.example");
        roll.apply(NOW, &set(&[tenant("acme", ""), keyed("boss")])).expect_code(0);
        let report = roll.apply_with(LATER, &set(&[tenant("acme", ""), keyed("chief")]), &["--prune"]).expect_code(1);
        let message = report.refused_message("Tenant", "acme").unwrap_or_default();
        assert!(message.contains("the member `boss` is not in the directory yet; `chief` holds the role"), "{message}");
    });
}

// T4: while the one who is named is unfit, the present one stays and is protected.
#[test]
fn the_present_one_stays_protected_while_the_next_is_unfit() {
    on_both(|roll| {
        let next = member("next", "acme", "  activation: {at: \"2027-04-01\"}");
        roll.apply(NOW, &set(&[tenant("acme", ""), boss("acme"), next])).expect_code(0);
        roll.apply(LATER, &named("next")).expect_code(1);
        let report = roll.apply(LATER, &member("boss", "acme", "  suspended: true")).expect_code(1);
        assert_eq!(report.refused("Member", "boss").as_deref(), Some("SupremeAdminProtected"));
        // Once the role is handed over, what was declared of the former one counts.
        roll.tick("2027-04-01T00:00:00Z");
        assert_eq!((holder(roll), phase(&roll.get("Member", "boss"))), ("next".into(), "Suspended"));
    });
}

// T4: one comes with the very set that names it.
#[test]
fn the_role_may_go_to_a_member_of_the_same_set() {
    on_both(|roll| {
        roll.apply(NOW, &set(&[tenant("acme", ""), boss("acme")])).expect_code(0);
        let report = roll.apply(LATER, &set(&[named("next"), member("next", "acme", "")])).expect_code(0);
        assert_eq!((holder(roll), report.refused("Tenant", "acme")), ("next".into(), None));
        let rows = roll.history("Tenant", "acme");
        let role = |row: &&Value| row["fields"].as_array().into_iter().flatten().any(|field| field["path"] == "supremeAdmin");
        assert_eq!(rows.iter().filter(role).count(), 2, "there is one at any time: {rows:#?}");
    });
}

// T4: the next one's address may come with the same set, and is kept from then on.
#[test]
fn the_next_one_needs_a_personal_email_first() {
    on_both(|roll| {
        let bare = |name: &str| {
            let manifest = member(name, "acme", "  mobilePhone: +82 10-1234-5678");
            manifest.lines().filter(|line| !line.contains("personalEmail")).map(|line| line.to_owned() + "\n").collect::<String>()
        };
        roll.apply(NOW, &set(&[tenant("acme", ""), boss("acme"), bare("next")])).expect_code(0);
        let report = roll.apply(LATER, &named("next")).expect_code(1);
        assert_eq!(report.refused("Tenant", "acme").as_deref(), Some("PersonalEmailRequired"));
        roll.apply(LATER, &member("next", "acme", "")).expect_code(0);
        assert_eq!(holder(roll), "next");
        let report = roll.apply(LATER, &bare("next")).expect_code(1);
        assert_eq!(report.refused("Member", "next").as_deref(), Some("PersonalEmailRequired"));
        roll.apply(LATER, &bare("boss")).expect_code(0);
    });
}

// T4: what is over takes nothing from the holder, and stalls nothing.
#[test]
fn a_suspension_or_a_leave_that_is_over_stalls_no_holder() {
    for over in ["suspension: {from: 2027-01-10, until: 2027-01-12}", "leaveOfAbsence: {from: 2027-01-10, until: 2027-01-12}"] {
        on_both(|roll| {
            roll.apply(NOW, &set(&[tenant("acme", ""), boss("acme")])).expect_code(0);
            let boss_with = |more: &str| member("boss", "acme", more);
            roll.apply(LATER, &boss_with(&format!("  {over}\n  nickname: B"))).expect_code(0);
            assert_eq!((phase(&roll.get("Member", "boss")), ready(&roll.get("Member", "boss")).0), ("Pending", "True"), "{over}");
            let to_come = over.replace("2027-01-12", "2027-05-12");
            let report = roll.apply("2027-03-03T09:00:00Z", &boss_with(&format!("  {to_come}"))).expect_code(1);
            assert_eq!(report.refused("Member", "boss").as_deref(), Some("SupremeAdminProtected"), "{over}");
            let message = report.refused_message("Member", "boss").unwrap_or_default();
            assert!(message.contains("hand the role over first"), "{message}");
        });
    }
}
