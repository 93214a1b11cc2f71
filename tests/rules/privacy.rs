//! Who is seen by whom: private assignments and team sharing (M5), search and autocompletion (M27). Never about access.
//! Run by `make test`.

use serde_json::Value;

use crate::support::{Roster, boss, member, on_both, organization, set, tenant};

const NOW: &str = "2027-03-01T09:00:00Z";
const LATER: &str = "2027-03-02T09:00:00Z";

/// Engineering with platform below it, and Jane, who works in both.
fn company(jane: &str) -> String {
    let platform = organization("platform", "acme", "  parentRef: {name: engineering}");
    set(&[tenant("acme", ""), boss("acme"), organization("engineering", "acme", ""), platform, member("jane", "acme", jane)])
}

fn figures(roll: &Roster, organization: &str) -> (Value, Value, Value) {
    let status = roll.get("Organization", organization)["status"].take();
    (status["members"].clone(), status["membersWithAllBelow"].clone(), status["leaders"].clone())
}

/// Who is found, as `name: organizations`.
fn found(roll: &Roster, words: &str) -> Vec<String> {
    let output = roll.run(&["search", words, "-n", "hr", "-o", "json"], "");
    let people = output.json();
    let person = |person: &Value| {
        let places = person["organizations"].as_array().into_iter().flatten();
        let places: Vec<&str> = places.filter_map(|place| place["organization"].as_str()).collect();
        format!("{}: {}", person["name"].as_str().unwrap_or_default(), places.join(" "))
    };
    people.as_array().into_iter().flatten().map(person).collect()
}

const BOTH: &str = "  organizations:\n  - organizationRef: {name: engineering}\n  - {organizationRef: {name: platform}, leader: true, private: PRIVATE}";

// M5, O6: a private assignment does not count, nor does its leader, nor is it seen in the profile that colleagues find.
#[test]
fn a_private_assignment_is_administrators_business() {
    on_both(|roll| {
        roll.apply(NOW, &company(&BOTH.replace("PRIVATE", "false"))).expect_code(0);
        assert_eq!(figures(roll, "platform"), (1.into(), 1.into(), serde_json::json!(["jane"])));
        assert_eq!(found(roll, "jane"), ["jane: engineering platform"]);
        roll.apply(LATER, &company(&BOTH.replace("PRIVATE", "true"))).expect_code(0);
        assert_eq!(figures(roll, "platform"), (0.into(), 0.into(), Value::Null));
        assert_eq!(figures(roll, "engineering"), (1.into(), 1.into(), Value::Null));
        assert_eq!(found(roll, "jane"), ["jane: engineering"]);
        let page = roll.run(&["describe", "organization", "platform", "-n", "hr"], "").ok().stdout;
        assert!(page.contains("jane: Jane Doe, jane, Pending, leader, private"), "{page}");
    });
}

// M5, O5: what is hidden is there all the same.
#[test]
fn an_organization_with_a_private_member_can_not_be_deleted() {
    on_both(|roll| {
        roll.apply(NOW, &company(&BOTH.replace("PRIVATE", "true"))).expect_code(0);
        let without = set(&[
            tenant("acme", ""),
            boss("acme"),
            organization("engineering", "acme", ""),
            member("jane", "acme", &BOTH.replace("PRIVATE", "true")),
        ]);
        roll.apply_with(LATER, &without, &["--prune"]).expect_code(1);
        assert_eq!(roll.query("SELECT count(*) FROM organizations WHERE name = 'platform'").as_deref(), Some("1"));
    });
}

// M27: found by no search, in any assignment, while organization listings stay.
#[test]
fn who_does_not_want_to_be_found_is_not() {
    on_both(|roll| {
        let fields = "  nickname: Janey\n  organizations: [{organizationRef: {name: platform}}]";
        roll.apply(NOW, &company(fields)).expect_code(0);
        for words in ["jane", "JA do", "janey"] {
            assert_eq!(found(roll, words), ["jane: platform"], "{words}");
        }
        assert_eq!(found(roll, "ane"), Vec::<String>::new(), "a name is found by its beginning");
        roll.apply(LATER, &company(&format!("{fields}\n  searchAutocomplete: false"))).expect_code(0);
        for words in ["jane", "doe", "janey"] {
            assert!(!found(roll, words).iter().any(|person| person.starts_with("jane")), "{words}");
        }
        assert_eq!(found(roll, "boss"), ["boss: "]);
        assert_eq!(roll.run(&["search", "janey", "-n", "hr"], "").code, 1);
        assert_eq!(figures(roll, "platform").0, 1);
        let page = roll.run(&["describe", "organization", "platform", "-n", "hr"], "").ok().stdout;
        assert!(page.contains("jane: Jane Doe"), "{page}");
    });
}

// M2, M27: people are found by their names in every language.
#[test]
fn people_are_found_by_their_names_in_every_language() {
    on_both(|roll| {
        let korean = "  languages: [en_US, ko_KR]";
        let jane = member("jane", "acme", "  names: {ko_KR: {family: 도, given: 제인}}");
        roll.apply(NOW, &set(&[tenant("acme", korean), boss("acme"), jane])).expect_code(0);
        for words in ["도제인", "제인", "도"] {
            assert_eq!(found(roll, words), ["jane: "], "{words}");
        }
    });
}

fn sharing(roll: &Roster, effect: &str) -> Option<String> {
    roll.query(&format!("SELECT count(*) FROM outbox WHERE consumer = 'teams' AND effect = '{effect}'"))
}

// M5: the team's services are told when a member loses their functions, or gets them back.
#[test]
fn team_sharing_is_taken_away_and_given_back() {
    on_both(|roll| {
        let jane = |included: &str| {
            company(&format!("  organizations: [{{organizationRef: {{name: platform}}, includeInTeamSharing: {included}}}]"))
        };
        let told = |roll: &Roster| ["ExcludeFromTeamSharing", "IncludeInTeamSharing"].map(|effect| sharing(roll, effect));
        let count = |number: &str| Some(number.to_owned());
        roll.apply(NOW, &jane("true")).expect_code(0);
        assert_eq!(told(roll), [count("0"), count("0")]);
        roll.apply("2027-03-02T09:00:00Z", &jane("false")).expect_code(0);
        roll.apply("2027-03-03T09:00:00Z", &jane("false")).expect_code(0);
        assert_eq!(told(roll), [count("1"), count("0")]);
        roll.apply("2027-03-04T09:00:00Z", &jane("true")).expect_code(0);
        assert_eq!(told(roll), [count("1"), count("1")]);
    });
}

// M5: what was said of an assignment ends with it: who joins the team again takes part.
#[test]
fn an_exclusion_from_team_sharing_ends_with_the_assignment() {
    on_both(|roll| {
        let excluded =
            "  organizations: [{organizationRef: {name: platform}, includeInTeamSharing: false, until: \"2027-03-05\"}]";
        roll.apply(NOW, &company(excluded)).expect_code(0);
        roll.tick("2027-03-06T09:00:00Z").expect_code(0);
        assert_eq!(sharing(roll, "IncludeInTeamSharing").as_deref(), Some("1"));
        roll.apply("2027-03-07T09:00:00Z", &company("  organizations: [{organizationRef: {name: platform}}]")).expect_code(0);
        let told = ["ExcludeFromTeamSharing", "IncludeInTeamSharing"].map(|effect| sharing(roll, effect));
        assert_eq!(told, [Some("1".to_owned()), Some("1".to_owned())]);
    });
}

// M5: also of a member that comes with it.
#[test]
fn a_new_member_without_team_sharing_is_told_at_once() {
    on_both(|roll| {
        roll.apply(NOW, &company("  organizations: [{organizationRef: {name: platform}, includeInTeamSharing: false}]"))
            .expect_code(0);
        assert_eq!(sharing(roll, "ExcludeFromTeamSharing").as_deref(), Some("1"));
    });
}
