//! What a company declares of itself: domain, time zone, products, places, its supreme administrator, its own values.
//! Never about one member's life, which has files of its own. Run by `make test`.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde_json::Value;

use crate::support::{Roster, boss, condition, member, on_both, organization, phase, ready, set, tenant};

const NOW: &str = "2027-03-01T09:00:00Z";
const LATER: &str = "2027-03-02T09:00:00Z";

const FREE: &str = "  products: {core: {plan: Free}}";

/// The members `m01`, `m02` and so on, so that the order of their names is the order of their numbers.
fn crowd(numbers: RangeInclusive<u32>) -> Vec<String> {
    numbers.map(|number| member(&format!("m{number:02}"), "acme", "")).collect()
}

/// A tenant, its boss and whoever else there is, in one text.
fn company(extra: &str, others: Vec<String>) -> String {
    set(&[vec![tenant("acme", extra), boss("acme")], others].concat())
}

/// A manifest without one of the fields that the harness gives it.
fn without(manifest: &str, field: &str) -> String {
    let start = format!("  {field}:");
    manifest.lines().filter(|line| !line.starts_with(&start)).map(|line| line.to_owned() + "\n").collect()
}

fn supreme_admin(roll: &Roster) -> Value {
    roll.get("Tenant", "acme")["status"]["supremeAdmin"].clone()
}

fn instant(value: &Value) -> Timestamp {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value} is no instant"))
}

// T1
#[test]
fn a_domain_belongs_to_one_tenant_and_nobody_learns_whose_it_is() {
    on_both(|roll| {
        roll.apply(NOW, &company("  domain: shared.example", vec![])).expect_code(0);
        let elsewhere = tenant("globex", "  domain: shared.example\n  supremeAdminRef: {name: chief}")
            .replace("{name: globex}", "{name: globex, namespace: elsewhere}");
        let report = roll.apply(LATER, &elsewhere).expect_code(1);
        assert_eq!(report.refused("Tenant", "globex").as_deref(), Some("DomainTaken"));
        let said = format!("{}{}", report.json, report.stderr).to_lowercase();
        assert!(!said.contains("acme") && !said.contains("hr/"), "{said}");
    });
}

// T1, R11
#[test]
fn a_tenant_whose_domain_falls_free_goes_on_by_itself() {
    on_both(|roll| {
        roll.apply(NOW, &company("  domain: shared.example", vec![])).expect_code(0);
        let globex = tenant("globex", "  domain: shared.example\n  supremeAdminRef: {name: chief}");
        roll.apply(NOW, &set(&[globex, member("chief", "globex", "")])).expect_code(1);
        assert_eq!(ready(&roll.get("Tenant", "globex")), ("False", "DomainTaken"));
        roll.apply(LATER, &tenant("acme", "  domain: acme.example")).expect_code(0);
        assert_eq!(ready(&roll.get("Tenant", "globex")).0, "True");
        assert_eq!(ready(&roll.get("Member", "chief")).0, "True");
    });
}

// T1
#[test]
fn a_domain_is_lowercase_and_has_a_dot() {
    on_both(|roll| {
        let label = |length: usize| "a".repeat(length);
        let long = [format!("{}.example", label(64)), format!("acme.{}", label(64))];
        for domain in ["Acme.example", "acme", "acme_.example", &long[0], &long[1]] {
            let report = roll.apply(NOW, &company(&format!("  domain: {domain}"), vec![]));
            assert_eq!(report.refused("Tenant", "acme").as_deref(), Some("Invalid"), "{domain}");
        }
        roll.apply(NOW, &company(&format!("  domain: {}.example", label(63)), vec![])).expect_code(0);
    });
}

// T1, R4
#[test]
fn a_time_zone_that_does_not_exist_is_refused() {
    on_both(|roll| {
        let report = roll.apply(NOW, &company("  timeZone: Mars/Olympus_Mons", vec![]));
        assert_eq!(report.refused("Tenant", "acme").as_deref(), Some("Invalid"));
        let message = report.refused_message("Tenant", "acme").unwrap_or_default();
        assert!(message.contains("timeZone") && message.contains("Mars/Olympus_Mons"), "{message}");
    });
}

// T1, R4: the tenth of March begins in Seoul nine hours before it does in UTC.
#[test]
fn a_plain_date_begins_in_the_time_zone_of_the_tenant() {
    on_both(|roll| {
        let starter = member("starter", "acme", "  activation: {at: \"2027-03-10\"}");
        roll.apply(NOW, &company("  timeZone: Asia/Seoul", vec![starter])).expect_code(0);
        roll.tick("2027-03-09T14:59:59Z");
        assert_eq!(phase(&roll.get("Member", "starter")), "Scheduled");
        roll.tick("2027-03-09T15:00:00Z");
        assert_eq!(phase(&roll.get("Member", "starter")), "Pending");
    });
}

// T2
#[test]
fn a_tenant_uses_one_product_at_least() {
    on_both(|roll| {
        let report = roll.apply(NOW, &company("  products: {}", vec![]));
        assert_eq!(report.refused("Tenant", "acme").as_deref(), Some("Invalid"));
        roll.apply(NOW, &company("  products: {drive: {}}", vec![])).expect_code(0);
    });
}

// T2
#[test]
fn a_plan_that_is_not_sold_is_refused() {
    on_both(|roll| {
        let report = roll.apply(NOW, &company("  products: {core: {plan: Gold}}", vec![]));
        assert_eq!(report.refused("Tenant", "acme").as_deref(), Some("Invalid"));
        let message = report.refused_message("Tenant", "acme").unwrap_or_default();
        assert!(message.contains("spec.products.core.plan") && message.contains("StandardPlus"), "{message}");
    });
}

// T3, R11
#[test]
fn on_free_the_thirty_first_member_waits_for_a_place() {
    on_both(|roll| {
        let report = roll.apply(NOW, &company(FREE, crowd(1..=30))).expect_code(1);
        assert_eq!(report.refused("Member", "m30").as_deref(), Some("QuotaExceeded"));
        assert_eq!(report.refused("Member", "m29"), None);
        assert_eq!(ready(&roll.get("Member", "m30")), ("False", "QuotaExceeded"));
        assert!(condition(&roll.get("Member", "m30"), "Reconciling").is_some());
        assert_eq!(roll.get("Tenant", "acme")["status"]["members"], 30);
        assert_eq!(roll.query("SELECT count(*) FROM members").as_deref(), Some("30"));
    });
}

// T3
#[test]
fn a_member_in_grace_holds_its_place_until_the_purge_hands_it_on() {
    on_both(|roll| {
        roll.apply(NOW, &company(FREE, crowd(1..=30))).expect_code(1);
        let rest = [crowd(1..=4), crowd(6..=30)].concat();
        let report = roll.apply_with(LATER, &company(FREE, rest), &["--prune"]);
        assert_eq!(report.actions("Member", "m05"), ["delete"]);
        assert_eq!(report.refused("Member", "m30").as_deref(), Some("QuotaExceeded"));
        assert_eq!(roll.get("Tenant", "acme")["status"]["members"], 30);
        let report = roll.tick("2027-03-09T09:00:00Z");
        assert_eq!(report.actions("Member", "m30").first().map(String::as_str), Some("create"));
        assert_eq!(phase(&roll.get("Member", "m30")), "Pending");
    });
}

// T3
#[test]
fn a_larger_plan_takes_up_who_waits() {
    on_both(|roll| {
        roll.apply(NOW, &company(FREE, crowd(1..=31))).expect_code(1);
        let report = roll.apply(LATER, &tenant("acme", "  products: {core: {plan: Lite}}")).expect_code(0);
        for name in ["m30", "m31"] {
            assert_eq!(report.actions("Member", name).first().map(String::as_str), Some("create"), "{name}");
            assert_eq!(ready(&roll.get("Member", name)).0, "True", "{name}");
        }
    });
}

// T3, T2: no change of the plan removes a member.
#[test]
fn a_downgrade_takes_nobodys_place_and_gives_no_new_one() {
    on_both(|roll| {
        roll.apply(NOW, &company("", crowd(1..=31))).expect_code(0);
        let set = [vec![member("m01", "acme", "  nickname: First")], crowd(2..=32)].concat();
        let report = roll.apply(LATER, &company(FREE, set)).expect_code(1);
        assert_eq!(report.refused("Member", "m32").as_deref(), Some("QuotaExceeded"));
        assert_eq!(report.actions("Member", "m01"), ["update"]);
        assert_eq!(roll.query("SELECT count(*) FROM members").as_deref(), Some("32"));
        assert_eq!(phase(&roll.get("Member", "m31")), "Pending");
    });
}

// T3
#[test]
fn on_free_the_hundred_and_first_organization_waits_for_a_place() {
    on_both(|roll| {
        let tree = (1..=101).map(|number| organization(&format!("o{number:03}"), "acme", "")).collect();
        let report = roll.apply(NOW, &company(FREE, tree)).expect_code(1);
        assert_eq!(report.refused("Organization", "o101").as_deref(), Some("QuotaExceeded"));
        assert_eq!(roll.get("Tenant", "acme")["status"]["organizations"], 100);
    });
}

// T4
#[test]
fn a_tenant_waits_for_its_supreme_admin_and_everything_else_goes_on() {
    on_both(|roll| {
        let jane = member("jane", "acme", "  organizations: [{organizationRef: {name: platform}}]");
        let report = roll.apply(NOW, &set(&[tenant("acme", ""), organization("platform", "acme", ""), jane])).expect_code(1);
        assert_eq!(report.refused("Tenant", "acme").as_deref(), Some("SupremeAdminNotFound"));
        assert_eq!(ready(&roll.get("Tenant", "acme")), ("False", "SupremeAdminNotFound"));
        assert_eq!(ready(&roll.get("Member", "jane")).0, "True");
        roll.apply(LATER, &boss("acme")).expect_code(0);
        assert_eq!(ready(&roll.get("Tenant", "acme")).0, "True");
        assert_eq!(supreme_admin(roll), "boss");
    });
}

// T4
#[test]
fn naming_another_member_hands_the_role_over() {
    on_both(|roll| {
        roll.apply(NOW, &company("", vec![member("jane", "acme", "")])).expect_code(0);
        // The former one is free in the very set that hands over.
        let handed_over = tenant("acme", "  supremeAdminRef: {name: jane}");
        roll.apply(LATER, &set(&[handed_over, member("boss", "acme", "  suspended: true")])).expect_code(0);
        assert_eq!(supreme_admin(roll), "jane");
        assert_eq!(phase(&roll.get("Member", "boss")), "Suspended");
        let report = roll.apply(LATER, &member("jane", "acme", "  suspended: true"));
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("SupremeAdminProtected"));
    });
}

// T4
#[test]
fn an_unfit_member_does_not_get_the_role() {
    on_both(|roll| {
        let others = vec![
            member("later", "acme", "  activation: {at: \"2027-04-01\"}"),
            member("suspended", "acme", "  suspended: true"),
            member("away", "acme", "  leaveOfAbsence: {from: \"2027-02-01\", until: \"2027-12-31\"}"),
            member("gone", "acme", ""),
        ];
        roll.apply(NOW, &company("", others)).expect_code(0);
        roll.apply(NOW, &member("gone", "acme", "  departure: {at: \"2027-03-01\"}"));
        assert_eq!(phase(&roll.get("Member", "gone")), "Deleted");
        for name in ["later", "suspended", "away", "gone"] {
            let report = roll.apply(LATER, &tenant("acme", &format!("  supremeAdminRef: {{name: {name}}}"))).expect_code(1);
            assert_eq!(report.refused("Tenant", "acme").as_deref(), Some("SupremeAdminUnfit"), "{name}");
            assert_eq!(supreme_admin(roll), "boss", "{name}");
        }
    });
}

// T4, R11
#[test]
fn a_member_who_becomes_fit_gets_the_role_by_itself() {
    on_both(|roll| {
        let later = member("later", "acme", "  activation: {at: \"2027-04-01\"}");
        roll.apply(NOW, &company("", vec![later])).expect_code(0);
        roll.apply(NOW, &tenant("acme", "  supremeAdminRef: {name: later}")).expect_code(1);
        roll.tick("2027-04-01T00:00:00Z");
        assert_eq!(supreme_admin(roll), "later");
        assert_eq!(ready(&roll.get("Tenant", "acme")).0, "True");
    });
}

// T4
#[test]
fn the_supreme_admin_keeps_a_personal_email() {
    on_both(|roll| {
        let jane = without(&member("jane", "acme", "  mobilePhone: +82 10-1234-5678"), "personalEmail");
        roll.apply(NOW, &company("", vec![jane])).expect_code(0);
        let report = roll.apply(LATER, &without(&boss("acme"), "personalEmail")).expect_code(1);
        assert_eq!(report.refused("Member", "boss").as_deref(), Some("PersonalEmailRequired"));
        let report = roll.apply(LATER, &tenant("acme", "  supremeAdminRef: {name: jane}")).expect_code(1);
        assert_eq!(report.refused("Tenant", "acme").as_deref(), Some("PersonalEmailRequired"));
        assert_eq!(supreme_admin(roll), "boss");
    });
}

// T4, R11
#[test]
fn the_supreme_admin_is_not_suspended_sent_on_leave_or_let_go() {
    on_both(|roll| {
        roll.apply(NOW, &company("", vec![])).expect_code(0);
        for declared in [
            "  suspended: true",
            "  suspension: {reason: a mistake}",
            "  leaveOfAbsence: {until: \"2027-12-31\"}",
            "  departure: {at: \"2027-03-01\"}",
        ] {
            let report = roll.apply(LATER, &member("boss", "acme", declared)).expect_code(1);
            assert_eq!(report.refused("Member", "boss").as_deref(), Some("SupremeAdminProtected"), "{declared}");
            let boss = roll.get("Member", "boss");
            assert_eq!(phase(&boss), "Pending", "{declared}");
            assert_eq!(boss["status"]["onLeave"], Value::Null, "{declared}");
            assert!(condition(&boss, "Stalled").is_some(), "{declared}");
        }
    });
}

// T4, R9: what may not go yet is a pending removal.
#[test]
fn the_supreme_admin_whose_manifest_is_gone_goes_once_the_role_is_handed_over() {
    on_both(|roll| {
        let jane = member("jane", "acme", "");
        roll.apply(NOW, &company("", vec![jane.clone()])).expect_code(0);
        roll.apply_with(LATER, &set(&[tenant("acme", ""), jane]), &["--prune"]);
        assert_eq!(phase(&roll.get("Member", "boss")), "Pending");
        let status = roll.get("Tenant", "acme")["status"].clone();
        assert_eq!(status["pendingRemovalCount"], 1);
        let pending = &status["pendingRemovals"][0];
        assert_eq!(
            (&pending["kind"], &pending["name"], &pending["reason"]),
            (&"Member".into(), &"boss".into(), &"SupremeAdminProtected".into())
        );
        assert_eq!(instant(&pending["since"]), LATER.parse::<Timestamp>().unwrap());
        roll.apply(LATER, &tenant("acme", "  supremeAdminRef: {name: jane}")).expect_code(0);
        assert_eq!(phase(&roll.get("Member", "boss")), "Deleted");
        assert_eq!(roll.get("Tenant", "acme")["status"]["pendingRemovals"], Value::Null);
    });
}

// T8, M6
#[test]
fn members_may_name_only_what_the_company_lists() {
    on_both(|roll| {
        let lists = "  jobLevels: [Senior]\n  positions: [Lead]\n  userTypes: [Employee]";
        let fitting =
            "  jobLevel: Senior\n  userType: Employee\n  organizations: [{organizationRef: {name: platform}, position: Lead}]";
        let others = vec![
            organization("platform", "acme", ""),
            member("fitting", "acme", fitting),
            member("level", "acme", "  jobLevel: Junior"),
            member("type", "acme", "  userType: Ghost"),
            member("position", "acme", "  organizations: [{organizationRef: {name: platform}, position: Chief}]"),
        ];
        let report = roll.apply(NOW, &company(lists, others)).expect_code(1);
        assert_eq!(report.refused("Member", "fitting"), None);
        for (name, path, value) in [
            ("level", "spec.jobLevel", "Junior"),
            ("type", "spec.userType", "Ghost"),
            ("position", "spec.organizations[0].position", "Chief"),
        ] {
            assert_eq!(report.refused("Member", name).as_deref(), Some("Invalid"), "{name}");
            let message = report.refused_message("Member", name).unwrap_or_default();
            assert!(message.contains(path) && message.contains(value), "{message}");
        }
    });
}

// T8: which of two equal ones is the higher would not be known.
#[test]
fn a_value_of_the_company_is_listed_once() {
    on_both(|roll| {
        for list in ["jobLevels", "positions", "userTypes"] {
            let twice = tenant("acme", &format!("  {list}: [Lead, Staff, Lead]"));
            let refused = roll.apply(NOW, &set(&[twice, boss("acme")])).expect_code(1);
            assert!(refused.stderr.contains(&format!("spec.{list}: a value ")), "{}", refused.stderr);
            assert!(refused.stderr.contains("value is listed once (T8)"), "{}", refused.stderr);
        }
    });
}

// T8, M6
#[test]
fn a_member_may_name_a_value_once_the_company_lists_it() {
    on_both(|roll| {
        let jane = || vec![member("jane", "acme", "  jobLevel: Junior")];
        roll.apply(NOW, &company("  jobLevels: [Senior]", jane())).expect_code(1);
        roll.apply(LATER, &company("  jobLevels: [Senior, Junior]", jane())).expect_code(0);
        assert_eq!(ready(&roll.get("Member", "jane")).0, "True");
    });
}

/// Declares jane, removes her at `LATER`, and gives the end of her grace.
fn purge_at(roll: &Roster, grace: &str) -> Timestamp {
    roll.apply(NOW, &company(grace, vec![member("jane", "acme", "")])).expect_code(0);
    roll.apply_with(LATER, &company(grace, vec![]), &["--prune"]).expect_code(0);
    instant(&roll.get("Member", "jane")["status"]["purgeAt"])
}

// T10
#[test]
fn a_deleted_member_can_be_restored_for_seven_days() {
    on_both(|roll| assert_eq!(purge_at(roll, "").to_string(), "2027-03-09T09:00:00Z"));
}

// T10: `purgeAt` does not move with a later change of `deletionGrace` (T11).
#[test]
fn a_tenant_may_set_another_grace_which_is_fixed_at_the_deletion() {
    on_both(|roll| {
        assert_eq!(purge_at(roll, "  deletionGrace: 36h").to_string(), "2027-03-03T21:00:00Z");
        roll.apply(LATER, &tenant("acme", "  deletionGrace: 30d")).expect_code(0);
        assert_eq!(instant(&roll.get("Member", "jane")["status"]["purgeAt"]).to_string(), "2027-03-03T21:00:00Z");
    });
}

// T10, M25
#[test]
fn without_a_grace_a_deleted_member_is_gone_at_once() {
    on_both(|roll| {
        let grace = "  deletionGrace: \"0\"";
        roll.apply(NOW, &company(grace, vec![member("jane", "acme", "")])).expect_code(0);
        roll.apply_with(LATER, &company(grace, vec![]), &["--prune"]).expect_code(0);
        roll.tick(LATER);
        assert_eq!(roll.find("Member", "jane"), None);
        assert_eq!(roll.trail().last().map(|row| row["action"].clone()), Some("purge".into()));
    });
}

// T10
#[test]
fn a_grace_is_thirty_days_at_most() {
    on_both(|roll| {
        roll.apply(NOW, &company("  deletionGrace: 30d", vec![])).expect_code(0);
        let report = roll.apply(LATER, &tenant("acme", "  deletionGrace: 31d")).expect_code(1);
        assert_eq!(report.refused("Tenant", "acme").as_deref(), Some("Invalid"));
        let message = report.refused_message("Tenant", "acme").unwrap_or_default();
        assert!(message.contains("spec.deletionGrace") && message.contains("30d"), "{message}");
    });
}
