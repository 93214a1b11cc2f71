//! Who somebody is: IDs and addresses, exchanges of them, external keys, renamed manifests, changed IDs (M1, M11, M12, M30).
//! Never about phases and dates. Run by `make test`.

use serde_json::Value;

use crate::support::{Report, Roster, boss, member, on_both, organization, phase, ready, set, tenant};

pub const NOW: &str = "2027-03-01T09:00:00Z";
pub const LATER: &str = "2027-03-02T09:00:00Z";

/// A tenant, its boss and whoever else there is, in one text.
pub fn company(others: &[String]) -> String {
    set(&[&[tenant("acme", ""), boss("acme")], others].concat())
}

/// A member of this ID.
fn with_id(name: &str, id: &str) -> String {
    member(name, "acme", &format!("  id: {id}"))
}

/// Jane with an external key, under any name of a manifest.
fn jane_as(name: &str) -> String {
    let fields = "  id: jane\n  name: {family: Doe, given: Jane}\n  personalEmail: jane@home.example\n  externalKey: hr-1001";
    member(name, "acme", fields)
}

pub fn status(roll: &Roster, name: &str, field: &str) -> String {
    let status = roll.get("Member", name)["status"].clone();
    status[field].as_str().unwrap_or_else(|| panic!("{name} has no {field}: {status:#}")).to_owned()
}

pub fn uid(roll: &Roster, name: &str) -> String {
    status(roll, name, "uid")
}

pub fn ids(roll: &Roster, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| status(roll, name, "id")).collect()
}

pub fn open_sessions(roll: &Roster) -> Option<String> {
    roll.query("SELECT count(*) FROM sessions WHERE closed_at IS NULL")
}

fn last_row(roll: &Roster, name: &str) -> Value {
    roll.history("Member", name).pop().unwrap_or_default()
}

#[track_caller]
pub fn is_refused(report: &Report, name: &str, reason: &str) -> String {
    assert_eq!(report.refused("Member", name).as_deref(), Some(reason), "{name}: {:#}", report.json);
    report.refused_message("Member", name).unwrap_or_default()
}

// M1, M8
#[test]
fn an_id_is_unique_over_ids_secondary_emails_and_organizations() {
    on_both(|roll| {
        let jane = member("jane", "acme", "  id: jane.doe\n  secondaryEmails: [press]");
        let platform = organization("platform", "acme", "  mailId: platform\n  mailAliases: [infra]");
        roll.apply(NOW, &company(&[jane, platform])).expect_code(0);
        for (declared, holder) in [
            ("  id: jane.doe", "hr/jane"),
            ("  id: press", "hr/jane"),
            ("  secondaryEmails: [jane.doe]", "hr/jane"),
            ("  secondaryEmails: [press]", "hr/jane"),
            ("  id: platform", "hr/platform"),
            ("  id: infra", "hr/platform"),
        ] {
            let report = roll.apply(LATER, &member("joe", "acme", declared)).expect_code(1);
            let message = is_refused(&report, "joe", "IdTaken");
            assert!(message.contains(holder), "{declared}: {message}");
        }
    });
}

// M1
#[test]
fn of_two_who_want_one_id_in_one_set_one_has_it_and_the_other_waits() {
    on_both(|roll| {
        let report = roll.apply(NOW, &company(&[with_id("jane", "doe"), with_id("john", "doe")])).expect_code(1);
        let refused = ["jane", "john"].map(|name| report.refused("Member", name));
        assert_eq!(refused.iter().flatten().collect::<Vec<_>>(), ["IdTaken"]);
        assert_eq!(roll.query("SELECT count(*) FROM members WHERE id = 'doe'").as_deref(), Some("1"));
    });
}

// M1
#[test]
fn another_tenant_may_use_the_same_id() {
    on_both(|roll| {
        let globex = tenant("globex", "  supremeAdminRef: {name: chief}");
        let theirs = member("jane-of-globex", "globex", "  id: jane");
        roll.apply(NOW, &company(&[with_id("jane", "jane"), globex, member("chief", "globex", ""), theirs])).expect_code(0);
    });
}

// M1
#[test]
fn a_deleted_member_keeps_its_addresses_until_the_purge() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[member("jane", "acme", "  secondaryEmails: [press]")])).expect_code(0);
        roll.apply_with(LATER, &company(&[]), &["--prune"]).expect_code(0);
        let successors = [with_id("successor", "jane"), with_id("speaker", "press")];
        let report = roll.apply(LATER, &company(&successors)).expect_code(1);
        for name in ["successor", "speaker"] {
            let message = is_refused(&report, name, "IdTaken");
            assert!(message.contains("hr/jane"), "{message}");
        }
        roll.tick("2027-03-09T09:00:00Z");
        assert_eq!(ids(roll, &["successor", "speaker"]), ["jane", "press"]);
        assert_eq!(ready(&roll.get("Member", "successor")).0, "True");
    });
}

// M1, M30, R11
#[test]
fn an_id_that_falls_free_goes_to_who_waits() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[with_id("jane", "doe")])).expect_code(0);
        roll.apply(NOW, &with_id("john", "doe")).expect_code(1);
        let report = roll.apply(LATER, &with_id("jane", "jane.doe")).expect_code(0);
        assert_eq!(report.actions("Member", "john").first().map(String::as_str), Some("create"));
        assert_eq!(ids(roll, &["jane", "john"]), ["jane.doe", "doe"]);
    });
}

// M1, R8: also where there are more than are decided at once.
#[test]
fn hundreds_of_members_exchange_their_ids_in_one_set() {
    on_both(|roll| {
        let number = 505;
        let shifted = |by: usize| -> Vec<String> {
            (0..number).map(|place| with_id(&format!("m{place:03}"), &format!("id{:03}", (place + by) % number))).collect()
        };
        let quiet = tenant("acme", "  notifications: Disabled");
        roll.apply(NOW, &set(&[&[quiet, boss("acme")], &shifted(0)[..]].concat())).expect_code(0);
        roll.apply(LATER, &set(&shifted(1))).expect_code(0);
        assert_eq!(ids(roll, &["m000", "m499", "m500", "m504"]), ["id001", "id500", "id501", "id000"]);
    });
}

// M1
#[test]
fn two_members_exchange_their_ids_in_one_set() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[with_id("jane", "first"), with_id("john", "second")])).expect_code(0);
        let before = [uid(roll, "jane"), uid(roll, "john")];
        roll.apply(LATER, &set(&[with_id("jane", "second"), with_id("john", "first")])).expect_code(0);
        assert_eq!(ids(roll, &["jane", "john"]), ["second", "first"]);
        assert_eq!([uid(roll, "jane"), uid(roll, "john")], before);
    });
}

// M1
#[test]
fn three_members_pass_their_ids_on_in_one_set() {
    on_both(|roll| {
        let round = |a, b, c| set(&[with_id("jane", a), with_id("john", b), with_id("jill", c)]);
        roll.apply(NOW, &set(&[company(&[]), round("first", "second", "third")])).expect_code(0);
        roll.apply(LATER, &round("second", "third", "first")).expect_code(0);
        assert_eq!(ids(roll, &["jane", "john", "jill"]), ["second", "third", "first"]);
    });
}

// M1
#[test]
fn an_id_and_another_members_secondary_email_are_exchanged_in_one_set() {
    on_both(|roll| {
        let pair =
            |id: &str, other: &str| set(&[with_id("jane", id), member("john", "acme", &format!("  secondaryEmails: [{other}]"))]);
        roll.apply(NOW, &set(&[company(&[]), pair("press", "jane.doe")])).expect_code(0);
        roll.apply(LATER, &pair("jane.doe", "press")).expect_code(0);
        assert_eq!(ids(roll, &["jane"]), ["jane.doe"]);
    });
}

// M1, R11
#[test]
fn an_exchange_in_two_runs_waits_for_the_second() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[with_id("jane", "first"), with_id("john", "second")])).expect_code(0);
        let report = roll.apply(LATER, &with_id("jane", "second")).expect_code(1);
        let message = is_refused(&report, "jane", "IdTaken");
        assert!(message.contains("hr/john"), "{message}");
        assert_eq!(ids(roll, &["jane", "john"]), ["first", "second"]);
        roll.apply(LATER, &with_id("john", "first")).expect_code(0);
        assert_eq!(ids(roll, &["jane", "john"]), ["second", "first"]);
        assert_eq!(ready(&roll.get("Member", "jane")).0, "True");
    });
}

// M30, M37
#[test]
fn a_new_id_keeps_the_uid_signs_out_and_renews_the_links() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[with_id("jane", "jane")])).expect_code(0);
        roll.sign_in(NOW, "jane").ok();
        roll.tick(NOW);
        assert_eq!(open_sessions(roll).as_deref(), Some("1"));
        let fields = |roll: &Roster| ["uid", "contactUrl", "qrToken"].map(|field| status(roll, "jane", field));
        let before = fields(roll);
        assert_eq!(status(roll, "jane", "messageId"), "jane@acme.example");

        roll.apply(LATER, &with_id("jane", "jane.doe")).expect_code(0);
        let after = fields(roll);
        assert_eq!(after[0], before[0]);
        assert_ne!(after[1], before[1]);
        assert_ne!(after[2], before[2]);
        assert_eq!(status(roll, "jane", "messageId"), "jane.doe@acme.example");
        assert_eq!(open_sessions(roll).as_deref(), Some("0"));
        assert_eq!(phase(&roll.get("Member", "jane")), "Active");
    });
}

// M30
#[test]
fn the_old_id_is_free_at_once() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[with_id("jane", "jane")])).expect_code(0);
        roll.apply(LATER, &set(&[with_id("jane", "jane.doe"), with_id("janet", "jane")])).expect_code(0);
        assert_eq!(ids(roll, &["jane", "janet"]), ["jane.doe", "jane"]);
    });
}

// M30, M37: only a new ID does.
#[test]
fn another_change_of_the_manifest_signs_nobody_out() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[with_id("jane", "jane")])).expect_code(0);
        roll.sign_in(NOW, "jane").ok();
        roll.tick(NOW);
        let before = status(roll, "jane", "contactUrl");
        roll.apply(LATER, &member("jane", "acme", "  nickname: J")).expect_code(0);
        assert_eq!(open_sessions(roll).as_deref(), Some("1"));
        assert_eq!(status(roll, "jane", "contactUrl"), before);
    });
}

// M11
#[test]
fn a_renamed_manifest_finds_its_record_by_the_external_key() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[jane_as("jane")])).expect_code(0);
        roll.sign_in(NOW, "jane").ok();
        roll.tick(NOW);
        let before = uid(roll, "jane");
        // Without `--prune`: the set is complete, as its tenant is in it.
        let report = roll.apply(LATER, &company(&[jane_as("jane-doe")])).expect_code(0);
        assert_eq!(report.all_actions(), ["rename Member/jane-doe"]);
        assert_eq!(uid(roll, "jane-doe"), before);
        assert_eq!(roll.find("Member", "jane"), None);
        assert_eq!(open_sessions(roll).as_deref(), Some("1"));
        let row = last_row(roll, "jane-doe");
        assert_eq!((&row["action"], &row["uid"]), (&"rename".into(), &before.into()));
    });
}

// M11, R6: one row an action.
#[test]
fn a_rename_and_a_change_are_told_apart() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[jane_as("jane")])).expect_code(0);
        let before = uid(roll, "jane");
        let changed = jane_as("jane-doe") + "  nickname: J\n";
        let mut actions = roll.apply(LATER, &company(&[changed])).expect_code(0).all_actions();
        actions.sort();
        assert_eq!(actions, ["rename Member/jane-doe", "update Member/jane-doe"]);
        assert_eq!(uid(roll, "jane-doe"), before);
    });
}

// M11
#[test]
fn a_renamed_manifest_waits_as_long_as_the_old_one_is_there() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[jane_as("jane")])).expect_code(0);
        roll.sign_in(NOW, "jane").ok();
        roll.tick(NOW);
        let before = uid(roll, "jane");
        let report = roll.apply(NOW, &company(&[jane_as("jane"), jane_as("jane-doe")])).expect_code(1);
        is_refused(&report, "jane-doe", "ExternalKeyTaken");
        assert_eq!(report.all_actions(), [""; 0]);
        roll.apply_with(LATER, &company(&[jane_as("jane-doe")]), &["--prune"]).expect_code(0);
        assert_eq!(uid(roll, "jane-doe"), before);
        assert_eq!(open_sessions(roll).as_deref(), Some("1"));
        assert_eq!(roll.query("SELECT count(*) FROM members").as_deref(), Some("2"));
    });
}

// M11, M24: the identity is that of the external key.
#[test]
fn a_manifest_that_comes_back_under_another_name_restores_its_record() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[jane_as("jane")])).expect_code(0);
        let before = uid(roll, "jane");
        roll.apply_with(LATER, &company(&[]), &["--prune"]).expect_code(0);
        let report = roll.apply(LATER, &company(&[jane_as("jane-doe")])).expect_code(0);
        assert!(report.actions("Member", "jane-doe").contains(&"restore".to_owned()), "{:#}", report.json);
        assert_eq!(uid(roll, "jane-doe"), before);
        assert_eq!(phase(&roll.get("Member", "jane-doe")), "Pending");
    });
}

// M11
#[test]
fn a_new_name_without_an_external_key_is_a_new_person() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[with_id("jane", "first")])).expect_code(0);
        let before = uid(roll, "jane");
        let report = roll.apply_with(LATER, &company(&[with_id("jane-doe", "second")]), &["--prune"]).expect_code(0);
        assert_eq!(report.actions("Member", "jane-doe").first().map(String::as_str), Some("create"));
        assert_eq!(report.actions("Member", "jane"), ["delete"]);
        assert_ne!(uid(roll, "jane-doe"), before);
    });
}

// M11
#[test]
fn a_second_person_under_the_handle_of_another_is_refused_with_both_ways_out() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[jane_as("jane")])).expect_code(0);
        let before = uid(roll, "jane");
        let second = |name: &str| member(name, "acme", "  id: jane.smith\n  externalKey: hr-2002");
        let report = roll.apply(LATER, &company(&[second("jane")])).expect_code(1);
        let message = is_refused(&report, "jane", "IdentityConflict");
        assert!(message.contains("externalKey") && message.contains("name"), "{message}");
        assert_eq!(ids(roll, &["jane"]), ["jane"]);
        // Another name for the new person, and the key restored to the old one.
        roll.apply(LATER, &company(&[jane_as("jane"), second("jane-smith")])).expect_code(0);
        assert_eq!(uid(roll, "jane"), before);
        assert_ne!(uid(roll, "jane-smith"), before);
    });
}

// M11: where one side has no key, the handle is the identity.
#[test]
fn a_key_may_be_given_later_and_taken_away() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[member("jane", "acme", "")])).expect_code(0);
        let before = uid(roll, "jane");
        roll.apply(LATER, &company(&[member("jane", "acme", "  externalKey: hr-1001")])).expect_code(0);
        roll.apply(LATER, &company(&[member("jane", "acme", "")])).expect_code(0);
        assert_eq!(uid(roll, "jane"), before);
        // It was emptied, so it is free.
        roll.apply(LATER, &company(&[member("john", "acme", "  externalKey: hr-1001")])).expect_code(0);
        assert_ne!(uid(roll, "john"), before);
    });
}

// M11
#[test]
fn an_external_key_belongs_to_one_member_of_a_tenant() {
    on_both(|roll| {
        let keyed = |name: &str| member(name, "acme", "  externalKey: hr-1001");
        let report = roll.apply(NOW, &company(&[keyed("jane"), keyed("john")])).expect_code(1);
        let refused = ["jane", "john"].map(|name| report.refused("Member", name));
        assert_eq!(refused.iter().flatten().collect::<Vec<_>>(), ["ExternalKeyTaken"]);
    });
}

// M11, O3
#[test]
fn a_renamed_organization_finds_its_record_by_the_external_key() {
    on_both(|roll| {
        let platform = |name: &str| organization(name, "acme", "  displayName: Platform\n  externalKey: org-1");
        let jane = |in_it: &str| member("jane", "acme", &format!("  organizations: [{{organizationRef: {{name: {in_it}}}}}]"));
        roll.apply(NOW, &company(&[platform("platform"), jane("platform")])).expect_code(0);
        let before = roll.get("Organization", "platform")["status"]["uid"].clone();
        roll.apply(LATER, &company(&[platform("foundation"), jane("foundation")])).expect_code(0);
        let status = roll.get("Organization", "foundation")["status"].clone();
        assert_eq!((&status["uid"], &status["members"]), (&before, &1.into()));
        assert_eq!(roll.find("Organization", "platform"), None);
    });
}

// M7
#[test]
fn an_employee_number_belongs_to_one_member_of_a_tenant() {
    on_both(|roll| {
        let numbered = |name: &str, number: u32| member(name, "acme", &format!("  employeeNumber: \"{number}\""));
        roll.apply(NOW, &company(&[numbered("jane", 1001)])).expect_code(0);
        is_refused(&roll.apply(NOW, &numbered("john", 1001)).expect_code(1), "john", "EmployeeNumberTaken");
        roll.apply(LATER, &numbered("jane", 1002)).expect_code(0);
        assert_eq!(ready(&roll.get("Member", "john")).0, "True");
        // As with IDs, an exchange in one set is one step.
        roll.apply(LATER, &set(&[numbered("jane", 1001), numbered("john", 1002)])).expect_code(0);
    });
}

// M12
#[test]
fn a_field_that_is_left_out_is_emptied_but_not_what_the_directory_made() {
    on_both(|roll| {
        let full = member(
            "jane",
            "acme",
            "  nickname: J\n  mobilePhone: +82 10-1234-5678\n  employeeNumber: \"1001\"\n  secondaryEmails: [press]\n  \
             organizations: [{organizationRef: {name: platform}}]",
        );
        roll.apply(NOW, &company(&[organization("platform", "acme", ""), full])).expect_code(0);
        let made = |roll: &Roster| ["uid", "contactUrl", "qrToken"].map(|field| status(roll, "jane", field));
        let before = made(roll);
        roll.apply(LATER, &member("jane", "acme", "")).expect_code(0);
        assert_eq!(made(roll), before);
        assert_eq!(roll.query("SELECT mobile_phone FROM members WHERE name = 'jane'"), None);
        assert_eq!(roll.query("SELECT count(*) FROM assignments").as_deref(), Some("0"));
        let row = last_row(roll, "jane");
        let emptied = |field: &str| {
            let fields = row["fields"].as_array().cloned().unwrap_or_default();
            fields.iter().any(|change| change["path"].as_str().unwrap_or_default().contains(field))
        };
        assert!(["nickname", "employeeNumber", "secondaryEmails"].into_iter().all(emptied), "{row:#}");
        // And free for others.
        let taken_up = member("john", "acme", "  employeeNumber: \"1001\"\n  secondaryEmails: [press]");
        roll.apply(LATER, &taken_up).expect_code(0);
    });
}

// M1, M25: an ID that a deleted member holds falls free at its purge, which is told.
#[test]
fn an_id_that_is_held_in_grace_is_told_with_the_purge() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[with_id("jane", "jane")])).expect_code(0);
        roll.apply_with(LATER, &company(&[]), &["--prune"]).expect_code(0);
        let report = roll.apply(LATER, &with_id("janet", "jane")).expect_code(1);
        let message = report.refused_message("Member", "janet").unwrap_or_default();
        assert!(
            message.contains("which is deleted and holds it until it is purged at 2027-03-09T09:00:00Z; choose another (M1)"),
            "{message}"
        );
    });
}
