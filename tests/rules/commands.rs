//! The commands as people and scripts use them: validate, plan, get, describe, history, crds, record.
//! Never about one rule of the roster. Run by `make test`.

use std::fs;

use serde_json::Value;

use crate::support::{Output, Roster, boss, member, on_both, organization, phase, ready, set, tenant};

const NOW: &str = "2027-03-01T09:00:00Z";
const LATER: &str = "2027-03-02T09:00:00Z";

/// A tenant, its boss and whoever else there is, in one text.
pub fn company(others: &[String]) -> String {
    set(&[&[tenant("acme", ""), boss("acme")], others].concat())
}

/// The same in another namespace, with a domain of its own.
fn elsewhere() -> String {
    let text = set(&[tenant("globex", "  supremeAdminRef: {name: chief}"), member("chief", "globex", "")]);
    text.replace("{name: globex}\nspec", "{name: globex, namespace: elsewhere}\nspec")
        .replace("{name: chief}\nspec", "{name: chief, namespace: elsewhere}\nspec")
}

/// Whether nothing at all was made: no file, no table.
fn is_untouched(roll: &Roster) -> bool {
    if roll.url().starts_with("sqlite:") {
        fs::read_dir(roll.folder()).expect("the folder is there").next().is_none()
    } else {
        let tables =
            "SELECT count(*) FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema')";
        roll.query(tables).as_deref() == Some("0")
    }
}

/// What the database holds, in figures that any write would change.
fn figures(roll: &Roster) -> Vec<Option<String>> {
    ["count(*) FROM audit", "count(*) FROM declarations", "count(*) FROM members", "sum(revision) FROM members"]
        .map(|what| roll.query(&format!("SELECT {what}")))
        .to_vec()
}

#[track_caller]
fn ends_with_2_and_a_word(output: &Output) {
    assert!(output.code == 2 && !output.stderr.trim().is_empty(), "{output}");
}

// validate

#[test]
fn validate_needs_no_directory_and_makes_none() {
    on_both(|roll| {
        assert_eq!(roll.run(&["validate", "-f", "-"], &company(&[member("jane", "acme", "")])).code, 0);
        let output = roll.run(&["validate", "-f", "-"], &company(&[member("jane", "acme", "  nickName: J")]));
        assert_eq!(output.code, 1, "{output}");
        assert!(output.stderr.contains("spec.nickName") && output.stderr.contains("jane"), "{output}");
        assert!(is_untouched(roll));
    });
}

// plan

#[test]
fn a_plan_writes_nothing() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[])).expect_code(0);
        let before = figures(roll);
        roll.plan(LATER, &company(&[member("jane", "acme", "")]), &[]).expect_code(1);
        roll.plan(LATER, &company(&[member("jane", "acme", "")]), &["--at", "2028-01-01"]).expect_code(1);
        roll.apply_with(LATER, &company(&[member("jane", "acme", "")]), &["--dry-run"]);
        assert_eq!(figures(roll), before);
        assert_eq!(roll.find("Member", "jane"), None);
    });
}

#[test]
fn the_exit_code_of_a_plan_tells_whether_something_would_change() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[])).expect_code(0);
        roll.plan(LATER, &company(&[]), &[]).expect_code(0);
        roll.plan(LATER, &company(&[member("jane", "acme", "")]), &[]).expect_code(1);
        let report = roll.plan(LATER, &company(&[member("jane", "acme", "  jobLevel: Junior")]), &[]).expect_code(2);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("Invalid"));
    });
}

/// That two lists of changes tell the same; what an apply generates, a plan can't know.
#[track_caller]
fn are_equal(planned: &Value, done: &Value) {
    let list = |changes: &Value| changes.as_array().cloned().unwrap_or_default();
    let (planned, done) = (list(planned), list(done));
    assert_eq!(planned.len(), done.len(), "{planned:#?}\n{done:#?}");
    for (planned, done) in planned.iter().zip(&done) {
        for key in ["kind", "namespace", "name", "action", "at", "reason"] {
            assert_eq!(planned[key], done[key], "{planned:#}\n{done:#}");
        }
        let (fields, done_fields) = (list(&planned["fields"]), list(&done["fields"]));
        assert_eq!(fields.len(), done_fields.len(), "{planned:#}\n{done:#}");
        for (field, done) in fields.iter().zip(&done_fields) {
            assert_eq!((&field["path"], &field["from"]), (&done["path"], &done["from"]));
            assert!(field["to"] == done["to"] || field["to"].to_string().contains("(generated)"), "{field}\n{done}");
        }
    }
}

// R2: the same function serves both.
#[test]
fn a_plan_is_what_the_apply_after_it_does() {
    on_both(|roll| {
        let keyed = |name: &str, key: &str| member(name, "acme", &format!("  id: {key}\n  externalKey: {key}"));
        let before = [
            organization("platform", "acme", ""),
            keyed("jane", "jane"),
            keyed("joe", "joe"),
            keyed("sam", "sam"),
            member("due", "acme", "  activation: {at: \"2027-03-02T08:00:00Z\"}"),
        ];
        roll.apply(NOW, &company(&before)).expect_code(0);
        let after = company(&[
            organization("platform", "acme", "  displayName: Foundation"),
            keyed("jane-doe", "jane"),
            member("joe", "acme", "  externalKey: joe\n  nickname: J\n  suspended: true"),
            member("due", "acme", "  activation: {at: \"2027-03-02T08:00:00Z\"}"),
            member("kim", "acme", "  organizations: [{organizationRef: {name: platform}}]"),
            member("lee", "acme", "  organizations: [{organizationRef: {name: nowhere}}]"),
        ]);
        let plan = roll.plan(LATER, &after, &["--prune"]);
        let report = roll.apply_with(LATER, &after, &["--prune"]).expect_code(1);
        for (kind, name, action) in [
            ("Organization", "platform", "update"),
            ("Member", "jane-doe", "rename"),
            ("Member", "joe", "suspend"),
            ("Member", "sam", "delete"),
            ("Member", "due", "activate"),
            ("Member", "kim", "create"),
        ] {
            assert!(plan.actions(kind, name).contains(&action.to_owned()), "{action} {kind}/{name}: {:#}", plan.json);
        }
        are_equal(&plan.json["changes"], &report.json["changes"]);
        for part in ["refused", "held", "summary", "fingerprint"] {
            assert_eq!(plan.json[part], report.json[part], "{part}");
        }
        assert!(plan.json["fingerprint"].as_str().is_some_and(|fingerprint| !fingerprint.is_empty()));
    });
}

// R2: the same function serves the forecast.
#[test]
fn a_forecast_tells_what_time_will_have_done() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[])).expect_code(0);
        let dated = "  activation: {at: \"2027-03-10\"}\n  departure: {at: \"2027-05-01\"}";
        let roster = company(&[member("jane", "acme", dated)]);
        let actions = |at: &str| roll.plan(NOW, &roster, &["--at", at]).expect_code(1).actions("Member", "jane");
        assert_eq!(roll.plan(NOW, &roster, &[]).expect_code(1).actions("Member", "jane"), ["create"]);
        assert_eq!(actions("2027-04-01"), ["create", "activate"]);
        assert_eq!(actions("2027-06-01"), ["create", "activate", "delete", "purge"]);
        let plan = roll.plan(NOW, &roster, &["--at", "2027-04-01"]);
        let changes = plan.json["changes"].as_array().cloned().unwrap_or_default();
        let activation = changes.iter().find(|change| change["action"] == "activate").expect("an activation");
        assert_eq!(activation["at"], "2027-03-10T00:00:00Z");
    });
}

#[test]
fn an_expected_plan_is_done() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[])).expect_code(0);
        let roster = company(&[member("jane", "acme", "")]);
        let plan = roll.plan(LATER, &roster, &[]).expect_code(1);
        let fingerprint = plan.json["fingerprint"].as_str().expect("a fingerprint");
        let report = roll.apply_with(LATER, &roster, &["--expect", fingerprint]).expect_code(0);
        assert_eq!(report.actions("Member", "jane").first().map(String::as_str), Some("create"));
    });
}

#[test]
fn another_than_the_expected_plan_is_not_begun() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[])).expect_code(0);
        let plan = roll.plan(LATER, &company(&[member("jane", "acme", "")]), &[]).expect_code(1);
        let fingerprint = plan.json["fingerprint"].as_str().expect("a fingerprint");
        let before = figures(roll);
        let other = company(&[member("jane", "acme", "  nickname: J")]);
        let report = roll.apply_with(LATER, &other, &["--expect", fingerprint]).expect_code(2);
        assert!(!report.stderr.trim().is_empty());
        assert_eq!(figures(roll), before);
        assert_eq!(roll.find("Member", "jane"), None);
    });
}

#[test]
fn a_plan_is_stale_once_somebody_else_has_changed_the_directory() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[])).expect_code(0);
        let roster = company(&[member("jane", "acme", "  nickname: J")]);
        let plan = roll.plan(LATER, &roster, &[]).expect_code(1);
        let fingerprint = plan.json["fingerprint"].as_str().expect("a fingerprint");
        roll.apply(LATER, &member("jane", "acme", "")).expect_code(0);
        let before = figures(roll);
        roll.apply_with(LATER, &roster, &["--expect", fingerprint]).expect_code(2);
        assert_eq!(figures(roll), before);
    });
}

// get

#[test]
fn get_takes_a_kind_in_every_form() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[organization("platform", "acme", "")])).expect_code(0);
        for (forms, name) in [
            (["tenant", "tenants", "tn", "Tenant"], "acme"),
            (["organization", "organizations", "org", "Organization"], "platform"),
            (["member", "members", "mem", "Member"], "boss"),
        ] {
            for form in forms {
                let by_name = roll.run(&["get", form, name, "-n", "hr", "-o", "json"], "").ok().json();
                assert_eq!(by_name["metadata"]["name"], name, "{form}");
                let by_slash = roll.run(&["get", &format!("{form}/{name}"), "-n", "hr", "-o", "json"], "").ok().json();
                assert_eq!(by_slash, by_name, "{form}");
            }
        }
        ends_with_2_and_a_word(&roll.run(&["get", "employees", "-n", "hr"], ""));
    });
}

#[test]
fn get_prints_a_list_or_with_a_name_the_object() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[member("jane", "acme", "  nickname: J")])).expect_code(0);
        let list = roll.run(&["get", "members", "-n", "hr", "-o", "json"], "").ok().json();
        assert_eq!(list["kind"], "List");
        let items = list["items"].as_array().cloned().unwrap_or_default();
        assert_eq!(items.len(), 2);
        let jane = roll.run(&["get", "member", "jane", "-n", "hr", "-o", "json"], "").ok().json();
        assert!(items.contains(&jane), "{list:#}");
        assert_eq!((&jane["apiVersion"], &jane["kind"]), (&"rollcall.dev/v1alpha1".into(), &"Member".into()));
        assert_eq!((&jane["metadata"]["name"], &jane["metadata"]["namespace"]), (&"jane".into(), &"hr".into()));
        assert_eq!((&jane["spec"]["nickname"], &jane["status"]["id"]), (&"J".into(), &"jane".into()));
    });
}

#[test]
fn get_stays_in_its_namespace_unless_asked_for_all() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[])).expect_code(0);
        roll.apply(NOW, &elsewhere()).expect_code(0);
        let names = |args: &[&str]| {
            let list = roll.run(&[&["get", "tenants", "-o", "json"], args].concat(), "").ok().json();
            let items = list["items"].as_array().cloned().unwrap_or_default();
            let mut names: Vec<_> =
                items.iter().map(|item| item["metadata"]["name"].as_str().unwrap_or_default().to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&["-n", "hr"]), ["acme"]);
        assert_eq!(names(&["-n", "elsewhere"]), ["globex"]);
        assert_eq!(names(&["-A"]), ["acme", "globex"]);
        assert_eq!(roll.run(&["get", "tenant", "acme", "-n", "elsewhere"], "").code, 1);
    });
}

#[test]
fn without_a_namespace_it_is_the_default_one() {
    on_both(|roll| {
        roll.run(&["apply", "-f", "-", "--yes", "--now", NOW], &company(&[])).ok();
        let tenant = roll.run(&["get", "tenant", "acme", "-o", "json"], "").ok().json();
        assert_eq!(tenant["metadata"]["namespace"], "default");
        assert_eq!(roll.find("Tenant", "acme"), None);
    });
}

#[test]
fn get_prints_tables_names_and_yaml() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[member("jane", "acme", "  id: jane.doe")])).expect_code(0);
        let printed = |format: &[&str]| roll.run(&[&["get", "members", "-n", "hr"], format].concat(), "").ok().stdout;
        for format in [&[][..], &["-o", "table"], &["-o", "wide"]] {
            let table = printed(format);
            let jane = table.lines().find(|line| line.contains("jane.doe")).unwrap_or_else(|| panic!("{table}"));
            assert!(jane.contains("Pending") && jane.contains("True"), "{table}");
            // A heading, and a line for each: no colour where there is no terminal.
            assert_eq!(table.trim_end().lines().count(), 3, "{table}");
            assert!(!table.contains('\u{1b}'), "{table}");
        }
        let names = printed(&["-o", "name"]);
        let names: Vec<_> = names.lines().collect();
        assert_eq!(names.len(), 2);
        assert!(
            names.iter().all(|name| name.starts_with("member")) && names.iter().any(|name| name.ends_with("/jane")),
            "{names:?}"
        );
        let yaml = roll.run(&["get", "member", "jane", "-n", "hr", "-o", "yaml"], "").ok().stdout;
        let jane: Value = serde_yaml::from_str(&yaml).expect("YAML");
        assert_eq!(jane, roll.get("Member", "jane"));
    });
}

#[test]
fn get_of_what_is_not_there_ends_with_1() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[])).expect_code(0);
        for command in ["get", "describe"] {
            let output = roll.run(&[command, "member", "nobody", "-n", "hr"], "");
            assert_eq!(output.code, 1, "{output}");
            assert!(output.stderr.contains("nobody"), "{output}");
        }
    });
}

#[test]
fn get_shows_deleted_members_only_when_asked() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[member("jane", "acme", "")])).expect_code(0);
        roll.apply_with(LATER, &company(&[]), &["--prune"]).expect_code(0);
        let shown = |args: &[&str]| roll.run(&[&["get", "members", "-n", "hr", "-o", "name"], args].concat(), "").ok().stdout;
        assert!(!shown(&[]).contains("jane"));
        assert!(shown(&["--all"]).contains("jane"));
    });
}

// R2, R11: what was refused is kept with its outcome.
#[test]
fn get_tells_of_what_was_refused() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[member("jane", "acme", "  jobLevel: Junior")])).expect_code(1);
        assert_eq!(ready(&roll.get("Member", "jane")), ("False", "Invalid"));
        let table = roll.run(&["get", "members", "-n", "hr"], "").ok().stdout;
        assert!(table.lines().any(|line| line.contains("jane") && line.contains("Invalid")), "{table}");
    });
}

// R5
#[test]
fn what_get_prints_can_be_applied_and_changes_nothing() {
    on_both(|roll| {
        let jane = "  organizations: [{organizationRef: {name: platform}}]\n  activation: {at: \"2027-04-01\"}\n  birthday: \"1990-02-28\"";
        roll.apply(NOW, &company(&[organization("platform", "acme", ""), member("jane", "acme", jane)])).expect_code(0);
        roll.apply(NOW, &elsewhere()).expect_code(0);
        for format in ["yaml", "json"] {
            for kind in ["tenants", "organizations", "members"] {
                let printed = roll.run(&["get", kind, "-A", "-o", format], "").ok().stdout;
                let report = roll.apply(LATER, &printed).expect_code(0);
                assert_eq!(report.all_actions(), [""; 0], "{kind} as {format}");
            }
            let one = roll.run(&["get", "member", "jane", "-n", "hr", "-o", format], "").ok().stdout;
            assert_eq!(roll.apply(LATER, &one).expect_code(0).all_actions(), [""; 0], "jane as {format}");
        }
    });
}

// describe, history

#[test]
fn describe_tells_what_is_known() {
    on_both(|roll| {
        let jane = "  id: jane.doe\n  organizations: [{organizationRef: {name: platform}}]";
        roll.apply(NOW, &company(&[organization("platform", "acme", ""), member("jane", "acme", jane)])).expect_code(0);
        let page = roll.run(&["describe", "member", "jane", "-n", "hr"], "").ok().stdout;
        for part in ["jane.doe", "Pending", "Platform", "jane@home.example"] {
            assert!(page.to_lowercase().contains(&part.to_lowercase()), "{part} is not in:\n{page}");
        }
        assert_eq!(roll.run(&["describe", "mem/jane", "-n", "hr"], "").ok().stdout, page);
        for (kind, name) in [("tenant", "acme"), ("organization", "platform")] {
            assert!(roll.run(&["describe", kind, name, "-n", "hr"], "").ok().stdout.contains(name));
        }
    });
}

// R6
#[test]
fn history_tells_of_all_or_of_one_the_newest_last() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[member("jane", "acme", "")])).expect_code(0);
        roll.apply(LATER, &member("jane", "acme", "  nickname: J")).expect_code(0);
        let rows = roll.history("Member", "jane");
        assert_eq!(rows.first().map(|row| &row["action"]), Some(&"create".into()));
        assert_eq!(rows.last().map(|row| &row["action"]), Some(&"update".into()));
        assert!(rows.iter().all(|row| row["name"] == "jane"), "{rows:#?}");
        let trail = roll.trail();
        assert!(["acme", "boss", "jane"].iter().all(|name| trail.iter().any(|row| row["name"] == *name)), "{trail:#?}");
        assert_eq!(trail.last(), rows.last());
        let table = roll.run(&["history", "member/jane", "-n", "hr"], "").ok().stdout;
        let (created, updated) = (table.find("create"), table.find("update"));
        assert!(created.is_some() && created < updated, "{table}");
    });
}

// crds, record

// R1
#[test]
fn crds_prints_the_four_definitions_and_needs_no_directory() {
    on_both(|roll| {
        let printed = roll.run(&["crds"], "").ok().stdout;
        assert_eq!(printed.lines().filter(|line| *line == "kind: CustomResourceDefinition").count(), 4, "{printed}");
        for plural in ["tenants", "organizations", "members", "externalcontacts"] {
            assert!(printed.contains(&format!("name: {plural}.rollcall.dev")), "{plural}");
        }
        assert!(is_untouched(roll));
    });
}

// I2, M20
#[test]
fn a_recorded_sign_in_makes_a_member_active_and_opens_a_session() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[member("jane", "acme", "")])).expect_code(0);
        roll.run(&["record", "sign-in", "jane", "--app", "mobile", "--now", LATER, "-n", "hr"], "").ok();
        roll.tick(LATER);
        let jane = roll.get("Member", "jane");
        assert_eq!(phase(&jane), "Active");
        assert_eq!(jane["status"]["firstSignInAt"], LATER);
        assert_eq!(roll.query("SELECT count(*) FROM sessions WHERE closed_at IS NULL").as_deref(), Some("1"));
    });
}

#[test]
fn a_sign_in_of_nobody_is_an_error() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[])).expect_code(0);
        let output = roll.sign_in(LATER, "nobody");
        assert!(output.code != 0 && output.stderr.contains("nobody"), "{output}");
    });
}

// Directories

#[test]
fn only_apply_makes_a_directory() {
    on_both(|roll| {
        for args in [
            &["get", "members", "-A"][..],
            &["get", "member", "jane"],
            &["describe", "member", "jane"],
            &["history"],
            &["history", "member", "jane"],
            &["record", "sign-in", "jane"],
        ] {
            ends_with_2_and_a_word(&roll.run(args, ""));
            assert!(is_untouched(roll), "{args:?}");
        }
        let output = roll.run(&["plan", "-f", "-", "--now", NOW], &company(&[]));
        assert!(is_untouched(roll), "{output}");
    });
}

#[test]
fn a_rehearsal_and_the_real_time_do_not_mix() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[])).expect_code(0);
        let before = figures(roll);
        let roster = company(&[member("jane", "acme", "")]);
        ends_with_2_and_a_word(&roll.run(&["apply", "-f", "-", "--yes", "-n", "hr"], &roster));
        ends_with_2_and_a_word(&roll.run(&["apply"], ""));
        assert_eq!(figures(roll), before);
    });
    on_both(|roll| {
        roll.run(&["apply", "-f", "-", "--yes", "-n", "hr"], &company(&[])).ok();
        let before = figures(roll);
        roll.apply("2099-01-01T00:00:00Z", &company(&[member("jane", "acme", "")])).expect_code(2);
        roll.tick("2099-01-01T00:00:00Z").expect_code(2);
        assert_eq!(figures(roll), before);
    });
}

// R10: what a reader of YAML 1.1, as kubectl is one, takes for a truth or a number is quoted.
#[test]
fn yaml_is_printed_so_that_every_reader_sees_the_same() {
    on_both(|roll| {
        let no = member("no", "acme", "  id: \"no\"\n  name: {family: \"No\", given: \"On\"}\n  extension: \"0o17\"");
        roll.apply("2027-03-01T09:00:00Z", &set(&[tenant("acme", ""), boss("acme"), no])).expect_code(0);
        let printed = roll.run(&["get", "member", "no", "-n", "hr", "-o", "yaml"], "").ok().stdout;
        for (field, text) in [("family", "No"), ("given", "On"), ("id", "no"), ("extension", "0o17"), ("name", "no")] {
            let quoted = [format!("{field}: '{text}'"), format!("{field}: \"{text}\"")];
            assert!(quoted.iter().any(|quoted| printed.contains(quoted.as_str())), "{field}: {printed}");
        }
        assert_eq!(roll.apply("2027-03-01T09:00:00Z", &printed).expect_code(0).all_actions(), [""; 0]);
    });
}
