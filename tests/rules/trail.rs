//! The audit trail, and that nothing is written when nothing changed: idempotence, drift, rows that stay (R3, R5, R6).
//! Never about what a purge erases. Run by `make test`.

use serde_json::Value;

use crate::support::{Roster, boss, member, on_both, organization, phase, ready, set, tenant};

const NOW: &str = "2027-03-01T09:00:00Z";
const LATER: &str = "2027-03-02T09:00:00Z";

const IN_PLATFORM: &str = "  organizations: [{organizationRef: {name: platform}}]";

/// A tenant with an organization, its boss and jane, who has these fields.
fn company(jane: &str) -> String {
    set(&[tenant("acme", ""), boss("acme"), organization("platform", "acme", ""), member("jane", "acme", jane)])
}

/// What nobody may have written to: the trail, the records, and all that people are told.
fn everything(roll: &Roster) -> Vec<String> {
    let counts = ["count(*) FROM audit", "count(*) FROM audit_values", "sum(revision) FROM members", "count(*) FROM claims"];
    let told = ["tenants", "organizations", "members"];
    let counts = counts.map(|what| roll.query(&format!("SELECT {what}")).unwrap_or_default());
    let told = told.map(|kind| roll.run(&["get", kind, "-A", "--all", "-o", "json"], "").ok().stdout);
    counts.into_iter().chain(told).collect()
}

/// Jane's newest row.
fn last_row(roll: &Roster) -> Value {
    roll.history("Member", "jane").pop().unwrap_or_default()
}

/// The change of a field in a row: the field is known by a part of its path.
fn change(row: &Value, part: &str) -> Option<Value> {
    let fields = row["fields"].as_array().cloned().unwrap_or_default();
    fields.into_iter().find(|field| field["path"].as_str().unwrap_or_default().to_lowercase().contains(part))
}

/// `metadata` with the annotation that tells of a commit.
fn committed(manifest: &str, name: &str, commit: &str) -> String {
    let annotated = format!("metadata: {{name: {name}, annotations: {{\"rollcall.dev/commit\": \"{commit}\"}}}}");
    manifest.replace(&format!("metadata: {{name: {name}}}"), &annotated)
}

// R3
#[test]
fn a_uid_never_changes_whatever_is_changed() {
    on_both(|roll| {
        roll.apply(NOW, &company(IN_PLATFORM)).expect_code(0);
        let uid = |roll: &Roster| roll.get("Member", "jane")["status"]["uid"].as_str().unwrap_or_default().to_owned();
        let before = uid(roll);
        assert_eq!(before.len(), "00000000-0000-0000-0000-000000000000".len(), "{before}");
        for fields in ["  id: jane.doe", "  name: {family: Smith, given: Jane}", "  suspended: true", ""] {
            roll.apply(LATER, &company(fields)).expect_code(0);
            assert_eq!(uid(roll), before, "{fields}");
        }
        let rows = roll.history("Member", "jane");
        assert!(rows.len() > 4 && rows.iter().all(|row| row["uid"] == *before), "{rows:#?}");
    });
}

// R5
#[test]
fn applying_the_same_twice_writes_nothing() {
    on_both(|roll| {
        roll.apply(NOW, &company(IN_PLATFORM)).expect_code(0);
        let before = everything(roll);
        assert_eq!(roll.apply(NOW, &company(IN_PLATFORM)).expect_code(0).all_actions(), [""; 0]);
        assert_eq!(roll.apply_with(LATER, &company(IN_PLATFORM), &["--prune"]).expect_code(0).all_actions(), [""; 0]);
        roll.tick("2027-04-01T00:00:00Z");
        assert_eq!(everything(roll), before);
    });
}

// R5
#[test]
fn what_was_refused_is_refused_again_without_a_trace() {
    on_both(|roll| {
        let nowhere = company("  organizations: [{organizationRef: {name: nowhere}}]");
        roll.apply(NOW, &nowhere).expect_code(1);
        let before = everything(roll);
        let report = roll.apply(LATER, &nowhere).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("OrganizationNotFound"));
        assert_eq!(everything(roll), before);
    });
}

// R5
#[test]
fn a_field_that_somebody_changed_in_the_database_is_set_back_and_told() {
    on_both(|roll| {
        roll.apply(NOW, &company("")).expect_code(0);
        assert_eq!(roll.sql("UPDATE members SET family_name = 'X' WHERE name = 'jane'"), Ok(1));
        let report = roll.apply(LATER, &company("")).expect_code(0);
        assert_eq!(report.actions("Member", "jane").len(), 1, "{:#}", report.json);
        assert_eq!(roll.query("SELECT family_name FROM members WHERE name = 'jane'").as_deref(), Some("Doe"));
        let row = last_row(roll);
        assert_eq!(row["cause"], "Drift");
        let change = change(&row, "family").unwrap_or_else(|| panic!("no family name in {row:#}"));
        assert_eq!((&change["from"], &change["to"]), (&"X".into(), &"Doe".into()));
        assert_eq!(roll.apply(LATER, &company("")).expect_code(0).all_actions(), [""; 0]);
    });
}

// R5
#[test]
fn a_phase_that_somebody_changed_in_the_database_is_set_back_and_told() {
    on_both(|roll| {
        let declared = set(&[company(""), member("sam", "acme", "  suspended: true")]);
        roll.apply(NOW, &declared).expect_code(0);
        let drifted = "UPDATE members SET phase = (SELECT phase FROM members WHERE name = 'sam') WHERE name = 'jane'";
        let before = roll.query("SELECT phase FROM members WHERE name = 'jane'");
        assert_eq!(roll.sql(drifted), Ok(1));
        assert_ne!(roll.query("SELECT phase FROM members WHERE name = 'jane'"), before);
        roll.apply(LATER, &declared).expect_code(0);
        assert_eq!(roll.query("SELECT phase FROM members WHERE name = 'jane'"), before);
        assert_eq!(phase(&roll.get("Member", "jane")), "Pending");
        let row = last_row(roll);
        assert_eq!(row["cause"], "Drift");
        assert!(change(&row, "phase").is_some(), "{row:#}");
    });
}

// R5
#[test]
fn an_assignment_that_somebody_deleted_in_the_database_comes_back() {
    on_both(|roll| {
        roll.apply(NOW, &company(IN_PLATFORM)).expect_code(0);
        assert_eq!(roll.sql("DELETE FROM assignments"), Ok(1));
        roll.apply(LATER, &company(IN_PLATFORM)).expect_code(0);
        assert_eq!(roll.query("SELECT count(*) FROM assignments").as_deref(), Some("1"));
        assert_eq!(roll.get("Organization", "platform")["status"]["members"], 1);
        let row = last_row(roll);
        assert_eq!(row["cause"], "Drift");
        assert!(change(&row, "organization").is_some(), "{row:#}");
    });
}

// R5, R3
#[test]
fn a_record_that_somebody_deleted_in_the_database_comes_back_with_its_uid() {
    on_both(|roll| {
        roll.apply(NOW, &company("")).expect_code(0);
        let before = roll.query("SELECT uid FROM members WHERE name = 'jane'");
        assert_eq!(roll.sql("DELETE FROM members WHERE name = 'jane'"), Ok(1));
        roll.apply(LATER, &company("")).expect_code(0);
        assert_eq!(roll.query("SELECT uid FROM members WHERE name = 'jane'"), before);
        assert_eq!(ready(&roll.get("Member", "jane")).0, "True");
        assert_eq!(last_row(roll)["cause"], "Drift");
        assert_eq!(roll.apply(LATER, &company("")).expect_code(0).all_actions(), [""; 0]);
    });
}

// R5
#[test]
fn a_drifted_organization_is_set_back_and_told() {
    on_both(|roll| {
        roll.apply(NOW, &company("")).expect_code(0);
        assert_eq!(roll.sql("UPDATE organizations SET display_name = 'X' WHERE name = 'platform'"), Ok(1));
        roll.apply(LATER, &company("")).expect_code(0);
        assert_eq!(roll.query("SELECT display_name FROM organizations WHERE name = 'platform'").as_deref(), Some("Platform"));
        assert_eq!(roll.history("Organization", "platform").last().map(|row| row["cause"].clone()), Some("Drift".into()));
    });
}

// R5
#[test]
fn what_a_member_did_is_never_drift() {
    on_both(|roll| {
        roll.apply(NOW, &company("")).expect_code(0);
        roll.sign_in(NOW, "jane").ok();
        roll.tick(NOW);
        let first = "SELECT first_sign_in_at FROM members WHERE name = 'jane'";
        assert!(roll.query(first).is_some());
        assert_eq!(roll.sql("UPDATE members SET first_sign_in_at = first_sign_in_at - 60000000 WHERE name = 'jane'"), Ok(1));
        let lived = roll.query(first);
        assert_eq!(roll.apply(LATER, &company("")).expect_code(0).all_actions(), [""; 0]);
        assert_eq!(roll.query(first), lived);
        assert_eq!(phase(&roll.get("Member", "jane")), "Active");
        assert!(roll.trail().iter().all(|row| row["cause"] != "Drift"));
    });
}

// R6
#[test]
fn a_row_tells_when_what_why_and_by_which_commit() {
    on_both(|roll| {
        roll.apply(NOW, &company("")).expect_code(0);
        roll.apply(LATER, &committed(&member("jane", "acme", "  nickname: J"), "jane", "c0ffee")).expect_code(0);
        let row = last_row(roll);
        assert_eq!((&row["kind"], &row["namespace"], &row["name"]), (&"Member".into(), &"hr".into(), &"jane".into()));
        assert_eq!((&row["action"], &row["cause"], &row["commit"]), (&"update".into(), &"Declared".into(), &"c0ffee".into()));
        assert_eq!((&row["at"], &row["due"]), (&LATER.into(), &LATER.into()));
        assert!(row["generation"].is_i64(), "{row:#}");
        let change = change(&row, "nickname").unwrap_or_else(|| panic!("no nickname in {row:#}"));
        assert_eq!((&change["from"], &change["to"]), (&Value::Null, &"J".into()));
        assert_eq!(roll.history("Member", "jane")[0]["commit"], Value::Null);
    });
}

// R6, R5
#[test]
fn another_commit_alone_is_no_change() {
    on_both(|roll| {
        let by = |commit: &str| committed(&company(""), "jane", commit);
        roll.apply(NOW, &by("c0ffee")).expect_code(0);
        assert_eq!(last_row(roll)["commit"], "c0ffee");
        let before = everything(roll);
        roll.apply(LATER, &by("decaf")).expect_code(0);
        // The trail and the records; what `get` shows of the annotations is another matter.
        assert_eq!(everything(roll)[..4], before[..4]);
    });
}

// R6, R4: as of its own instant.
#[test]
fn what_came_late_tells_when_it_was_due() {
    on_both(|roll| {
        roll.apply(NOW, &company("  activation: {at: \"2027-03-10T12:00:00Z\"}")).expect_code(0);
        roll.tick("2027-03-12T08:00:00Z").expect_code(0);
        let row = last_row(roll);
        assert_eq!((&row["action"], &row["cause"]), (&"activate".into(), &"Scheduled".into()));
        assert_eq!(row["due"], "2027-03-10T12:00:00Z");
        assert_eq!(row["at"], "2027-03-12T08:00:00Z");
    });
}

// R4
#[test]
fn what_fell_due_is_told_in_its_order() {
    on_both(|roll| {
        let sam = member("sam", "acme", "  activation: {at: \"2027-03-08\"}");
        roll.apply(NOW, &set(&[company("  activation: {at: \"2027-03-10\"}"), sam])).expect_code(0);
        let report = roll.tick("2027-03-12T08:00:00Z");
        assert_eq!(report.all_actions(), ["activate Member/sam", "activate Member/jane"]);
    });
}

// R6
#[test]
fn each_action_has_a_row_of_its_own_with_its_own_fields() {
    on_both(|roll| {
        roll.apply(NOW, &company("")).expect_code(0);
        let before = roll.history("Member", "jane").len();
        roll.apply(LATER, &company("  nickname: J\n  suspended: true")).expect_code(0);
        let rows = roll.history("Member", "jane").split_off(before);
        let row = |action: &str| rows.iter().find(|row| row["action"] == action).unwrap_or_else(|| panic!("{rows:#?}"));
        assert_eq!(rows.len(), 2);
        assert!(change(row("update"), "nickname").is_some() && change(row("update"), "phase").is_none(), "{rows:#?}");
        assert!(change(row("suspend"), "phase").is_some() && change(row("suspend"), "nickname").is_none(), "{rows:#?}");
    });
}

// R6
#[test]
fn the_trail_calls_organizations_by_their_names() {
    on_both(|roll| {
        roll.apply(NOW, &company("")).expect_code(0);
        roll.apply(LATER, &company(IN_PLATFORM)).expect_code(0);
        let row = last_row(roll);
        let platform = roll.get("Organization", "platform")["status"]["uid"].as_str().expect("a uid").to_owned();
        let fields = row["fields"].to_string();
        assert!(fields.contains("platform") && !fields.contains(&platform), "{row:#}");
    });
}

// R6
#[test]
fn the_trail_can_not_be_changed_or_deleted() {
    on_both(|roll| {
        roll.apply(NOW, &company("")).expect_code(0);
        let before = roll.trail();
        let mut attempts = vec!["UPDATE audit SET action = 'nothing'", "UPDATE audit SET seq = seq + 1000", "DELETE FROM audit"];
        if roll.url().starts_with("sqlite:") {
            attempts.push("INSERT OR REPLACE INTO audit SELECT * FROM audit");
            attempts.push("REPLACE INTO audit SELECT * FROM audit ORDER BY seq LIMIT 1");
            attempts.push("UPDATE OR REPLACE audit SET action = 'nothing'");
        } else {
            attempts.push("TRUNCATE audit");
            attempts.push("TRUNCATE audit CASCADE");
        }
        for attempt in attempts {
            assert!(roll.sql(attempt).is_err(), "{attempt}");
            assert_eq!(roll.trail(), before, "{attempt}");
        }
    });
}

// R6
#[test]
fn the_values_beside_the_trail_stay_as_long_as_their_record() {
    on_both(|roll| {
        roll.apply(NOW, &company("")).expect_code(0);
        let before = roll.trail();
        let mut attempts = vec!["DELETE FROM audit_values WHERE name = 'jane'", "DELETE FROM audit_values"];
        if !roll.url().starts_with("sqlite:") {
            attempts.push("TRUNCATE audit_values");
        }
        for attempt in attempts {
            assert!(roll.sql(attempt).is_err(), "{attempt}");
            assert_eq!(roll.trail(), before, "{attempt}");
        }
    });
}

// R6
#[test]
fn the_values_of_a_member_in_grace_stay_too() {
    on_both(|roll| {
        roll.apply(NOW, &company("")).expect_code(0);
        let rest = set(&[tenant("acme", ""), boss("acme"), organization("platform", "acme", "")]);
        roll.apply_with(LATER, &rest, &["--prune"]).expect_code(0);
        assert_eq!(phase(&roll.get("Member", "jane")), "Deleted");
        assert!(roll.sql("DELETE FROM audit_values WHERE name = 'jane'").is_err());
    });
}

// R5: also whose company somebody changed.
#[test]
fn a_member_and_an_organization_put_into_another_company_come_back() {
    on_both(|roll| {
        let globex = set(&[tenant("globex", "  supremeAdminRef: {name: chief}"), member("chief", "globex", "")]);
        let roster =
            set(&[tenant("acme", ""), boss("acme"), globex, member("jane", "acme", ""), organization("lab", "acme", "")]);
        roll.apply(NOW, &roster).expect_code(0);
        let jane = roll.get("Member", "jane")["status"].clone();
        for table in ["members", "organizations"] {
            let moved = format!(
                "UPDATE {table} SET tenant = (SELECT uid FROM tenants WHERE name = 'globex') WHERE name IN ('jane', 'lab')"
            );
            assert_eq!(roll.sql(&moved), Ok(1));
        }
        roll.tick(LATER);
        let stray =
            "SELECT count(*) FROM members m JOIN tenants t ON t.uid = m.tenant WHERE t.name = 'globex' AND m.name = 'jane'";
        assert_eq!(roll.query(stray).as_deref(), Some("0"));
        assert_eq!(roll.query(&stray.replace("members", "organizations").replace("jane", "lab")).as_deref(), Some("0"));
        for (kind, name) in [("Member", "jane"), ("Organization", "lab")] {
            let last = roll.history(kind, name).pop().unwrap();
            assert_eq!(last["cause"], "Drift", "{last:#}");
        }
        assert_eq!(roll.get("Member", "jane")["status"], jane);
        assert_eq!(roll.apply(LATER, &roster).expect_code(0).all_actions(), [""; 0]);
    });
}

// R6: whatever is declared of a member, its change is told, and so is its end.
#[test]
fn every_declared_field_is_told_when_it_changes() {
    let fields = [
        "  names: {ko_KR: {family: a, given: b}}",
        "  userType: U",
        "  jobLevel: J",
        "  nickname: n",
        "  extension: \"1\"",
        "  mobilePhone: +82 10-1234-5678",
        "  phoneSearchable: false",
        "  placeOfWork: x",
        "  responsibilities: y",
        "  messenger: {protocol: L, id: \"1\"}",
        "  birthday: \"1990-01-01\"",
        "  dateEmployed: \"2020-01-01\"",
        "  employeeNumber: \"9\"",
        "  secondaryEmails: [x1]",
        "  language: ko_KR",
        "  administrator: Operations",
        "  externalKey: k1",
        "  searchAutocomplete: false",
        "  easyLogin: Disabled",
        "  appUsage: Blocked",
        "  twoStepVerification: false",
        "  relatedContacts: [{memberRef: {name: boss}}]",
        "  suspension: {from: \"2028-01-01\"}",
        "  leaveOfAbsence: {from: \"2028-01-01\"}",
        "  activation: {at: \"2027-01-01\"}",
        "  departure: {at: \"2029-01-01\"}",
        "  organizations: [{organizationRef: {name: platform}, from: \"2027-01-01\"}]",
    ];
    on_both(|roll| {
        let company = |jane: &str| {
            let lists = "  languages: [en_US, ko_KR]\n  jobLevels: [J]\n  userTypes: [U]";
            set(&[tenant("acme", lists), boss("acme"), organization("platform", "acme", ""), member("jane", "acme", jane)])
        };
        roll.apply(NOW, &company("")).expect_code(0);
        let told = |fields: &str| {
            let report = roll.apply(LATER, &company(fields)).expect_code(0);
            assert!(!report.actions("Member", "jane").is_empty(), "{fields}");
        };
        for field in fields {
            told(field);
            told("");
        }
        for more in ["", ", leader: true", ", until: \"2029-01-01\""] {
            told(&format!("  organizations: [{{organizationRef: {{name: platform}}, from: \"2028-01-01\"{more}}}]"));
        }
        told("");
    });
}

// R5: a departure that was undone behind the manifest's back is no second one.
#[test]
fn a_departure_that_was_undone_is_set_back_as_drift() {
    on_both(|roll| {
        let departure = "  departure: {at: \"2027-03-02\", devices: DeviceReset}";
        roll.apply(NOW, &company(departure)).expect_code(0);
        roll.run(&["record", "device", "jane", "phone", "--app", "mobile", "-n", "hr", "--now", NOW], "").ok();
        roll.tick(LATER).expect_code(0);
        let undone =
            "UPDATE members SET phase = 'Pending', deleted_at = NULL, departed = FALSE, purge_at = NULL WHERE name = 'jane'";
        roll.sql(undone).unwrap();
        assert_eq!(roll.tick("2027-03-03T09:00:00Z").expect_code(0).all_actions(), ["delete Member/jane"]);
        assert_eq!(last_row(roll)["cause"], "Drift");
        assert_eq!(phase(&roll.get("Member", "jane")), "Deleted");
        assert_eq!(roll.query("SELECT count(*) FROM outbox WHERE consumer = 'devices'").as_deref(), Some("1"));
    });
}
