//! How much and how long: places that fall free, lists that are cut off, the lengths of an organization's fields
//! (R9, T1, T3, O1). Never about a member's own fields, which are `profile`. Run by `make test`.

use crate::support::{Report, boss, member, on_both, organization, ready, set, tenant};

const NOW: &str = "2027-03-01T09:00:00Z";
const LATER: &str = "2027-03-02T09:00:00Z";

const FREE: &str = "  products: {core: {plan: Free}}";

fn company(extra: &str, others: &[String]) -> String {
    set(&[&[tenant("acme", extra), boss("acme")], others].concat())
}

/// The organizations `o001`, `o002` and so on.
fn teams(numbers: impl Iterator<Item = u32>) -> Vec<String> {
    numbers.map(|number| organization(&format!("o{number:03}"), "acme", "")).collect()
}

#[track_caller]
fn is_invalid(report: &Report, (kind, name): (&str, &str), words: &[&str]) {
    assert_eq!(report.refused(kind, name).as_deref(), Some("Invalid"), "{:#}", report.json);
    let message = report.refused_message(kind, name).unwrap_or_default();
    assert!(words.iter().all(|word| message.contains(word)), "{words:?} are not in: {message}");
}

// T3, R11: taken up by itself when a place falls free.
#[test]
fn an_organization_that_goes_hands_its_place_on() {
    on_both(|roll| {
        roll.apply(NOW, &company(FREE, &teams(1..=102))).expect_code(1);
        for name in ["o101", "o102"] {
            assert_eq!(ready(&roll.get("Organization", name)), ("False", "QuotaExceeded"), "{name}");
        }
        let rest = teams((1..=102).filter(|number| *number != 7));
        roll.apply_with(LATER, &company(FREE, &rest), &["--prune"]);
        roll.tick(LATER);
        assert_eq!(roll.get("Tenant", "acme")["status"]["organizations"], 100);
        let waiting = ["o101", "o102"].map(|name| ready(&roll.get("Organization", name)).1 == "QuotaExceeded");
        assert_eq!(waiting, [false, true]);
    });
}

// T3, T2: without core there is no limit of 30, and a change of the products takes nobody away.
#[test]
fn the_limit_is_that_of_free_only() {
    on_both(|roll| {
        let crowd: Vec<_> = (1..=31).map(|number| member(&format!("m{number:02}"), "acme", "")).collect();
        roll.apply(NOW, &company("  products: {drive: {}}", &crowd)).expect_code(0);
        assert_eq!(roll.get("Tenant", "acme")["status"]["members"], 32);
        for products in ["{core: {plan: Free}}", "{approval: {}}", "{core: {plan: Trial}, drive: {}}"] {
            let report = roll.apply(LATER, &tenant("acme", &format!("  products: {products}"))).expect_code(0);
            assert_eq!(report.all_actions(), ["update Tenant/acme"], "{products}");
        }
        assert_eq!(roll.query("SELECT count(*) FROM members WHERE phase = 'Pending'").as_deref(), Some("32"));
    });
}

// R9: the first 20 and a count.
#[test]
fn of_many_pending_removals_the_first_twenty_are_named_and_all_are_counted() {
    on_both(|roll| {
        let crowd = |extra: &str| (1..=23).map(|number| member(&format!("m{number:02}"), "acme", extra)).collect::<Vec<_>>();
        let administrators = crowd("  administrator: Operations");
        // Not a matter of T11.
        let budget = "  accessBudget: {maxPercent: 100}";
        roll.apply(NOW, &company(budget, &administrators)).expect_code(0);
        roll.apply_with(LATER, &company(budget, &[]), &["--prune"]);
        let status = roll.get("Tenant", "acme")["status"].clone();
        assert_eq!(status["pendingRemovalCount"], 23);
        let names: Vec<_> =
            status["pendingRemovals"].as_array().into_iter().flatten().map(|entry| entry["name"].clone()).collect();
        assert_eq!(names, (1..=20).map(|number| format!("m{number:02}")).collect::<Vec<_>>());
        assert_eq!(roll.query("SELECT count(*) FROM members WHERE phase = 'Deleted'").as_deref(), Some("0"));
    });
}

// O1
#[test]
fn the_fields_of_an_organization_have_their_lengths() {
    on_both(|roll| {
        let long = |field: &str, length| format!("  {field}: {}", "가".repeat(length));
        let aliases = |count: u32| {
            let list: Vec<_> = (1..=count).map(|number| format!("team-{number}")).collect();
            format!("  mailAliases: [{}]", list.join(", "))
        };
        let fitting = [
            long("displayName", 100),
            long("description", 300),
            "  displayOrder: 1".to_owned(),
            "  mailId: qa".to_owned(),
            format!("  mailId: {}", "m".repeat(64)),
            aliases(20),
            "  visibility: Private".to_owned(),
        ];
        roll.apply(NOW, &company("", &[])).expect_code(0);
        for extra in fitting {
            roll.apply(NOW, &organization("platform", "acme", &extra)).expect_code(0);
        }
        for (extra, field) in [
            (long("displayName", 101), "spec.displayName"),
            ("  displayName: \"\"".to_owned(), "spec.displayName"),
            (long("description", 301), "spec.description"),
            ("  displayOrder: 0".to_owned(), "spec.displayOrder"),
            ("  mailId: q".to_owned(), "spec.mailId"),
            (format!("  mailId: {}", "m".repeat(65)), "spec.mailId"),
            ("  mailId: Platform".to_owned(), "spec.mailId"),
            (aliases(21), "spec.mailAliases"),
            ("  mailId: qa\n  mailAliases: [qa]".to_owned(), "spec.mailAliases[0]"),
            ("  visibility: Secret".to_owned(), "spec.visibility"),
        ] {
            let report = roll.apply(LATER, &organization("platform", "acme", &extra)).expect_code(1);
            is_invalid(&report, ("Organization", "platform"), &[field]);
        }
        assert_eq!(roll.query("SELECT mail_id FROM organizations"), None, "a refused one leaves the record as it was");
    });
}

// T1, O1: the languages are those that the company lists, English if it lists none.
#[test]
fn names_in_further_languages_are_in_those_of_the_company() {
    on_both(|roll| {
        let named = |language: &str| format!("  displayNames: {{{language}: Name}}");
        let team = |language: &str| organization("platform", "acme", &named(language));
        roll.apply(NOW, &company(&named("en_US"), &[team("en_US")])).expect_code(0);
        let report = roll.apply(LATER, &company(&named("ko_KR"), &[team("ko_KR")])).expect_code(1);
        is_invalid(&report, ("Tenant", "acme"), &["spec.displayNames.ko_KR"]);
        is_invalid(&report, ("Organization", "platform"), &["spec.displayNames.ko_KR"]);
        let korean = "  languages: [ko_KR, en_US]\n";
        roll.apply(LATER, &company(&(korean.to_owned() + &named("ko_KR")), &[team("ko_KR")])).expect_code(0);
        for languages in ["[ko_KR, ko_KR]", "[fr_FR]"] {
            let report = roll.apply(LATER, &tenant("acme", &format!("  languages: {languages}"))).expect_code(1);
            is_invalid(&report, ("Tenant", "acme"), &["spec.languages"]);
        }
    });
}
