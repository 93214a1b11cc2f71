//! What is known of a person: names, organizations, phones, mail addresses, language, administration (M2–M10).
//! Never about when an account begins or ends. Run by `make test`.

use serde_json::Value;

use crate::support::{Report, Roster, boss, condition, member, on_both, organization, ready, set, tenant};

const NOW: &str = "2027-03-01T09:00:00Z";
const LATER: &str = "2027-03-02T09:00:00Z";

/// A tenant with three languages and a position, its boss, two organizations and whoever else there is.
fn company(others: &[String]) -> String {
    let tenant = tenant("acme", "  languages: [en_US, ko_KR, ja_JP]\n  positions: [Lead]");
    let teams = ["engineering", "platform"].map(|name| organization(name, "acme", ""));
    set(&[&[tenant, boss("acme")], &teams, others].concat())
}

fn jane(fields: &str) -> String {
    member("jane", "acme", fields)
}

/// A manifest without one of the fields that the harness gives it.
fn without(manifest: &str, field: &str) -> String {
    let start = format!("  {field}:");
    manifest.lines().filter(|line| !line.starts_with(&start)).map(|line| line.to_owned() + "\n").collect()
}

/// That jane is refused with these fields, as invalid, for a reason that names the field.
#[track_caller]
fn is_invalid(report: &Report, path: &str, told: &str) {
    assert_eq!(report.refused("Member", "jane").as_deref(), Some("Invalid"), "{:#}", report.json);
    let message = report.refused_message("Member", "jane").unwrap_or_default();
    assert!(message.contains(path) && message.contains(told), "`{path}` and `{told}` are not in: {message}");
}

/// Status of a warning about jane, and whether she is ready all the same.
fn warning(roll: &Roster, kind: &str) -> (Option<Value>, String) {
    let jane = roll.get("Member", "jane");
    (condition(&jane, kind).map(|condition| condition["status"].clone()), ready(&jane).0.to_owned())
}

// M2, T1
#[test]
fn names_are_taken_in_the_languages_of_the_tenant_only() {
    on_both(|roll| {
        let named = |language: &str| jane(&format!("  names: {{{language}: {{family: 도, given: 제인}}}}"));
        roll.apply(NOW, &company(&[named("ko_KR")])).expect_code(0);
        is_invalid(&roll.apply(LATER, &named("zh_TW")).expect_code(1), "spec.names", "zh_TW");
        is_invalid(&roll.apply(LATER, &named("fr_FR")).expect_code(1), "spec.names", "zh_TW");
    });
}

// M2
#[test]
fn family_and_given_name_have_eighty_characters_together() {
    on_both(|roll| {
        // Characters, not bytes: each of these has three.
        let long = |given: usize| jane(&format!("  name: {{family: {}, given: {}}}", "가".repeat(40), "나".repeat(given)));
        roll.apply(NOW, &company(&[long(40)])).expect_code(0);
        is_invalid(&roll.apply(LATER, &long(41)).expect_code(1), "spec.name", "80");
    });
}

// M2
#[test]
fn a_person_has_a_family_and_a_given_name() {
    on_both(|roll| {
        is_invalid(&roll.apply(NOW, &company(&[jane("  name: {family: Doe}")])).expect_code(1), "spec.name", "given");
        is_invalid(&roll.apply(LATER, &jane("  name: {family: \"\", given: Jane}")).expect_code(1), "spec.name.family", "");
    });
}

// M2
#[test]
fn a_nickname_has_a_hundred_characters_at_most() {
    on_both(|roll| {
        let nicknamed = |length| jane(&format!("  nickname: {}", "별".repeat(length)));
        roll.apply(NOW, &company(&[nicknamed(100)])).expect_code(0);
        is_invalid(&roll.apply(LATER, &nicknamed(101)).expect_code(1), "spec.nickname", "100");
    });
}

/// Whether exactly one assignment of jane's is primary, and it comes first.
fn primary_is_first(roll: &Roster) -> bool {
    let primary = "CAST(is_primary AS text) IN ('1', 'true')";
    let first = "ordinal = (SELECT min(ordinal) FROM assignments)";
    let count = |condition: &str| roll.query(&format!("SELECT count(*) FROM assignments WHERE {condition}"));
    count(primary).as_deref() == Some("1") && count(&format!("{primary} AND {first}")).as_deref() == Some("1")
}

// M4
#[test]
fn the_primary_organization_comes_first() {
    on_both(|roll| {
        let primary =
            |roll: &Roster| roll.get("Member", "jane")["status"]["organization"].as_str().unwrap_or_default().to_lowercase();
        for (declared, expected) in [
            ("[{organizationRef: {name: platform}}]", "platform"),
            ("[{organizationRef: {name: platform}}, {organizationRef: {name: engineering}}]", "platform"),
            ("[{organizationRef: {name: platform}}, {organizationRef: {name: engineering}, primary: true}]", "engineering"),
        ] {
            roll.apply(NOW, &company(&[jane(&format!("  organizations: {declared}"))])).expect_code(0);
            assert_eq!(primary(roll), expected, "{declared}");
            assert!(primary_is_first(roll), "{declared}");
        }
    });
}

// M4
#[test]
fn a_member_may_be_in_no_organization_and_in_twenty() {
    on_both(|roll| {
        let names: Vec<_> = (1..=20).map(|number| format!("team{number}")).collect();
        let teams: Vec<_> = names.iter().map(|name| organization(name, "acme", "")).collect();
        let list: Vec<_> = names.iter().map(|name| format!("{{organizationRef: {{name: {name}}}}}")).collect();
        let everywhere = jane(&format!("  organizations: [{}]", list.join(", ")));
        roll.apply(NOW, &company(&[&teams[..], &[everywhere, member("joe", "acme", "")]].concat())).expect_code(0);
        assert_eq!(roll.query("SELECT count(*) FROM assignments").as_deref(), Some("20"));
    });
}

// M4, O6
#[test]
fn an_organization_may_have_several_leaders() {
    on_both(|roll| {
        let leader = |name: &str| member(name, "acme", "  organizations: [{organizationRef: {name: platform}, leader: true}]");
        roll.apply(NOW, &company(&[leader("jane"), leader("john")])).expect_code(0);
        let leaders = roll.get("Organization", "platform")["status"]["leaders"].clone();
        assert_eq!(leaders.as_array().map(Vec::len), Some(2), "{leaders}");
    });
}

// T8, R2: taken or refused whole.
#[test]
fn a_position_that_is_not_listed_is_named_with_its_place() {
    on_both(|roll| {
        let declared = "  organizations: [{organizationRef: {name: platform}, position: Lead}, \
                        {organizationRef: {name: engineering}, position: Emperor}]";
        let report = roll.apply(NOW, &company(&[jane(declared)])).expect_code(1);
        is_invalid(&report, "spec.organizations[1].position", "Emperor");
        // R2: taken or refused whole.
        assert_eq!(roll.query("SELECT count(*) FROM members WHERE name = 'jane'").as_deref(), Some("0"));
    });
}

// R2
#[test]
fn a_refused_change_leaves_the_record_as_it_was() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[jane("  mobilePhone: +82 10-1234-5678")])).expect_code(0);
        let before = roll.history("Member", "jane");
        let declared =
            "  mobilePhone: +82 10-8765-4321\n  organizations: [{organizationRef: {name: platform}, position: Emperor}]";
        is_invalid(&roll.apply(LATER, &jane(declared)).expect_code(1), "spec.organizations[0].position", "Emperor");
        assert_eq!(roll.query("SELECT mobile_phone FROM members WHERE name = 'jane'").as_deref(), Some("+821012345678"));
        assert_eq!(roll.history("Member", "jane"), before);
    });
}

// M7
#[test]
fn a_phone_number_is_kept_in_international_form_however_it_is_written() {
    on_both(|roll| {
        for (written, kept) in
            [("+82 10-1234-5678", "+821012345678"), ("\"+821012345678\"", "+821012345678"), ("+1 (212) 555.0100", "+12125550100")]
        {
            roll.apply(NOW, &company(&[jane(&format!("  mobilePhone: {written}"))])).expect_code(0);
            assert_eq!(roll.query("SELECT mobile_phone FROM members WHERE name = 'jane'").as_deref(), Some(kept), "{written}");
        }
        for written in ["010-1234-5678", "+82 phone me", "\"+12345\""] {
            let report = roll.apply(LATER, &jane(&format!("  mobilePhone: {written}"))).expect_code(1);
            is_invalid(&report, "spec.mobilePhone", "");
        }
    });
}

// M7: no `(0)` gets into a number, where it would lead nowhere.
#[test]
fn a_phone_number_with_a_trunk_prefix_in_parentheses_is_refused() {
    on_both(|roll| {
        for number in ["+82 (0)10 1234 5678", "+82( 0 )1012345678"] {
            let report = roll.apply(NOW, &company(&[jane(&format!("  mobilePhone: \"{number}\""))])).expect_code(1);
            assert_eq!(report.refused("Member", "jane").as_deref(), Some("Invalid"));
            let message = report.refused_message("Member", "jane").unwrap_or_default();
            assert!(message.contains("spec.mobilePhone") && message.contains("from abroad"), "{message}");
        }
        roll.apply(NOW, &company(&[jane("  mobilePhone: \"+39 (06) 1234 5678\"")])).expect_code(0);
        assert_eq!(roll.query("SELECT mobile_phone FROM members WHERE name = 'jane'").as_deref(), Some("+390612345678"));
    });
}

// M2: what nobody can see is no name.
#[test]
fn a_blank_name_is_refused() {
    on_both(|roll| {
        for blank in [" ", "\u{3000}\u{a0}", "\u{200b}"] {
            for (path, fields) in [
                ("spec.name.family", format!("  name: {{family: \"{blank}\", given: Jane}}")),
                ("spec.name.given", format!("  name: {{family: Doe, given: \"{blank}\"}}")),
                ("spec.nickname", format!("  nickname: \"{blank}\"")),
            ] {
                let report = roll.apply(NOW, &company(&[jane(&fields)])).expect_code(1);
                let message = report.refused_message("Member", "jane").unwrap_or_default();
                assert!(message.contains(path) && message.contains("not blank"), "{message}");
            }
        }
        // What stands around a name is left as it is written.
        roll.apply(NOW, &company(&[jane("  name: {family: \" Doe\", given: Jane}")])).expect_code(0);
        assert_eq!(roll.query("SELECT family_name FROM members WHERE name = 'jane'").as_deref(), Some(" Doe"));
    });
}

// M7, R11
#[test]
fn who_has_neither_phone_nor_personal_email_is_taken_with_a_warning() {
    on_both(|roll| {
        let unreachable = without(&jane(""), "personalEmail");
        roll.apply(NOW, &company(&[unreachable])).expect_code(0);
        assert_eq!(warning(roll, "NotRecoverable"), (Some("True".into()), "True".to_owned()));
        let by_phone = without(&jane("  mobilePhone: +82 10-1234-5678"), "personalEmail");
        for declared in [by_phone, jane("")] {
            roll.apply(LATER, &declared).expect_code(0);
            assert_ne!(warning(roll, "NotRecoverable").0, Some("True".into()), "{declared}");
        }
    });
}

// M7
#[test]
fn a_related_contact_who_is_not_there_is_a_warning_only() {
    on_both(|roll| {
        let related = jane("  relatedContacts: [{memberRef: {name: zoe}, label: secretary}]");
        roll.apply(NOW, &company(&[related])).expect_code(0);
        assert_eq!(warning(roll, "RelatedContactNotFound"), (Some("True".into()), "True".to_owned()));
    });
}

// M7, R5
#[test]
fn two_members_may_name_each_other_in_one_set() {
    on_both(|roll| {
        let related = |name: &str, other: &str| {
            member(name, "acme", &format!("  relatedContacts: [{{memberRef: {{name: {other}}}, label: deputy}}]"))
        };
        let both = company(&[related("jane", "zoe"), related("zoe", "jane")]);
        roll.apply(NOW, &both).expect_code(0);
        assert_ne!(warning(roll, "RelatedContactNotFound").0, Some("True".into()));
        assert_eq!(roll.apply(LATER, &both).expect_code(0).all_actions(), [""; 0]);
    });
}

// M7, R5
#[test]
fn a_full_profile_is_taken_and_a_second_time_nothing_changes() {
    on_both(|roll| {
        let full = company(&[jane(
            "  name: {family: 남궁, given: 서연}
  names:
    en_US: {family: Namgung, given: Seoyeon}
    ja_JP: {family: ナムグン, given: ソヨン}
  nickname: Yuni
  extension: \"100\"
  mobilePhone: +82 10-0000-1001
  phoneSearchable: true
  placeOfWork: Seoul, 12th floor
  responsibilities: Key accounts
  messenger: {protocol: LINE, id: yuni}
  birthday: \"1992-02-29\"
  dateEmployed: \"2014-03-03\"
  employeeNumber: \"1001\"
  externalKey: hr-1001
  relatedContacts:
  - memberRef: {name: boss}
  secondaryEmails: [press, yuni]
  language: ko_KR
  organizations:
  - organizationRef: {name: platform}
  - organizationRef: {name: engineering}
    primary: true
    position: Lead
    leader: true",
        )]);
        roll.apply(NOW, &full).expect_code(0);
        assert_eq!(ready(&roll.get("Member", "jane")).0, "True");
        assert_eq!(roll.apply(LATER, &full).expect_code(0).all_actions(), [""; 0]);
    });
}

// M8
#[test]
fn an_uppercase_personal_email_is_refused_and_not_folded() {
    on_both(|roll| {
        let report = roll.apply(NOW, &company(&[jane("  personalEmail: Jane@home.example")])).expect_code(1);
        is_invalid(&report, "spec.personalEmail", "lowercase");
        is_invalid(&roll.apply(LATER, &jane("  personalEmail: jane")).expect_code(1), "spec.personalEmail", "");
    });
}

// M8, M1
#[test]
fn ten_secondary_emails_are_taken_each_by_the_rule_of_an_id() {
    on_both(|roll| {
        let list = |count: u32| (1..=count).map(|number| format!("jane{number}")).collect::<Vec<_>>().join(", ");
        let receiving = |list: &str| jane(&format!("  secondaryEmails: [{list}]"));
        roll.apply(NOW, &company(&[receiving(&list(10))])).expect_code(0);
        is_invalid(&roll.apply(LATER, &receiving(&list(11))).expect_code(1), "spec.secondaryEmails", "10");
        for wrong in ["Jane", "jane..doe", ".jane", "jane@acme.example", "j"] {
            is_invalid(&roll.apply(LATER, &receiving(wrong)).expect_code(1), "spec.secondaryEmails[0]", "");
        }
    });
}

// M9
#[test]
fn a_language_is_one_of_five() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[jane("  language: ja_JP")])).expect_code(0);
        is_invalid(&roll.apply(LATER, &jane("  language: fr_FR")).expect_code(1), "spec.language", "ja_JP");
    });
}

// M10, R6
#[test]
fn the_trail_tells_when_an_administrator_is_made_and_unmade() {
    on_both(|roll| {
        let last = |roll: &Roster| {
            let row = roll.history("Member", "jane").pop().unwrap_or_default();
            let fields = row["fields"].as_array().cloned().unwrap_or_default();
            let change = fields.into_iter().find(|field| field["path"].as_str().unwrap_or_default().contains("administrator"));
            change.unwrap_or_else(|| panic!("no administrator in {row:#}"))
        };
        roll.apply(NOW, &company(&[jane("")])).expect_code(0);
        let granted = roll.apply(LATER, &jane("  administrator: Operations\n  nickname: J")).expect_code(0);
        assert_eq!(granted.actions("Member", "jane"), ["grant", "update"], "a row of its own");
        let row = roll.history("Member", "jane").into_iter().rev().nth(1).unwrap_or_default();
        assert_eq!(row["fields"], serde_json::json!([{"path": "administrator", "from": "None", "to": "Operations"}]));
        let revoked = roll.apply(LATER, &jane("  administrator: None")).expect_code(0);
        assert_eq!(revoked.actions("Member", "jane"), ["revoke", "update"]);
        roll.apply(LATER, &jane("")).expect_code(0);
        roll.apply(LATER, &jane("  administrator: Operations")).expect_code(0);
        assert_eq!(last(roll)["to"], "Operations");
    });
}

// M10: also of a member that comes with the role.
#[test]
fn a_new_administrator_is_told_as_one() {
    on_both(|roll| {
        let made = roll.apply(NOW, &company(&[jane("  administrator: Operations")])).expect_code(0);
        assert_eq!(made.actions("Member", "jane"), ["create", "grant"]);
    });
}

// M9: the declared language is the first sign-in's; what the member chooses later is the member's, and never drift.
#[test]
fn a_language_that_the_member_chose_stays() {
    on_both(|roll| {
        let language = |roll: &Roster| roll.get("Member", "jane")["status"]["language"].clone();
        let choose = |now: &str, tag: &str| roll.run(&["record", "language", "jane", tag, "--now", now, "-n", "hr"], "");
        roll.apply(NOW, &company(&[jane("  language: ja_JP")])).expect_code(0);
        assert_eq!(language(roll), "ja_JP");
        choose("2027-03-01T10:00:00Z", "ko_KR").ok();
        assert_eq!(language(roll), "ko_KR");
        roll.apply(LATER, &jane("  language: en_US")).expect_code(0);
        assert_eq!(language(roll), "ko_KR");
        assert_eq!(roll.query("SELECT language FROM members WHERE name = 'jane'").as_deref(), Some("en_US"));
        assert_eq!(choose("2027-03-02T10:00:00Z", "fr_FR").code, 1);
    });
}
