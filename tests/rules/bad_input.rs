//! What is wrong is told once and clearly (file, line, object, field, what would be right), and the rest goes on (R8).
//! Never about which values a rule allows, but for an example of each kind of mistake. Run by `make test`.

use std::fs;
use std::ops::RangeInclusive;
use std::process::Command;

use crate::support::{Output, Report, Roster, boss, member, on_both, organization, phase, ready, set, tenant};

const NOW: &str = "2027-03-01T09:00:00Z";
const LATER: &str = "2027-03-02T09:00:00Z";

/// A tenant and its boss, who are in the directory before anything goes wrong.
fn company() -> String {
    set(&[tenant("acme", ""), boss("acme")])
}

fn jane(fields: &str) -> String {
    member("jane", "acme", fields)
}

/// `apply` of what is in the folder of the scenario: a file, or a folder of files.
fn apply(roll: &Roster, path: &str, args: &[&str]) -> Report {
    let fixed = ["apply", "-f", path, "--yes", "-o", "json", "--now", LATER, "-n", "hr"];
    Report::read(roll.run(&[&fixed[..], args].concat(), ""))
}

fn write(roll: &Roster, path: &str, text: &str) {
    let path = roll.folder().join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
    fs::write(path, text).expect("the file is written");
}

/// What was said, without the frame and the line breaks in which it was drawn.
fn said(stderr: &str) -> String {
    let plain: String = stderr.chars().map(|letter| if "│╭╰─├┬▲·".contains(letter) { ' ' } else { letter }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn tells(stderr: &str, parts: &[&str]) {
    let said = said(stderr);
    for part in parts {
        assert!(said.contains(part), "`{part}` is not in:\n{stderr}");
    }
}

/// The lines of a file that are named, as `FILE:LINE`.
fn named_lines(stderr: &str, file: &str) -> Vec<usize> {
    let file = format!("{file}:");
    let places = stderr.split(&file).skip(1);
    places.filter_map(|place| place.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()).collect()
}

#[track_caller]
fn points_into(stderr: &str, file: &str, lines: RangeInclusive<usize>) {
    assert!(named_lines(stderr, file).iter().any(|line| lines.contains(line)), "{file}:{lines:?} is not named in:\n{stderr}");
}

/// The line of a text in which this stands.
#[track_caller]
fn line_of(text: &str, part: &str) -> usize {
    text.lines().position(|line| line.contains(part)).unwrap_or_else(|| panic!("`{part}` is not in:\n{text}")) + 1
}

/// Applies a bad object between two good ones: it is told with its place and the words, the good ones go on.
///
/// `at` is what stands in the line to be named.
#[track_caller]
fn is_refused_and_the_rest_goes_on(bad: &str, (kind, name): (&str, &str), at: &str, words: &[&str]) {
    on_both(|roll| {
        roll.apply(NOW, &company()).expect_code(0);
        let text = set(&[member("ann", "acme", ""), bad.to_owned(), member("zoe", "acme", "")]);
        write(roll, "people.yaml", &text);
        let report = apply(roll, "people.yaml", &[]).expect_code(1);
        let line = line_of(&text, at);
        points_into(&report.stderr, "people.yaml", line..=line);
        tells(&report.stderr, &[name]);
        tells(&report.stderr, words);
        assert_eq!(report.refused(kind, name).as_deref(), Some("Invalid"), "{:#}", report.json);
        for name in ["ann", "zoe"] {
            assert_eq!(phase(&roll.get("Member", name)), "Pending", "{name}");
        }
    });
}

// What can't be read

// R8
#[test]
fn a_file_that_is_no_yaml_is_named_and_the_other_files_go_on() {
    on_both(|roll| {
        roll.apply(NOW, &company()).expect_code(0);
        write(roll, "roster/bad.yaml", "kind: Member\nmetadata: {name: jane\nspec: [oh");
        write(roll, "roster/good.yaml", &member("zoe", "acme", ""));
        let report = apply(roll, "roster", &[]).expect_code(1);
        points_into(&report.stderr, "bad.yaml", 1..=3);
        assert_eq!(ready(&roll.get("Member", "zoe")).0, "True");
    });
}

// R8
#[test]
fn what_is_wrong_on_standard_input_is_named_so() {
    on_both(|roll| {
        roll.apply(NOW, &company()).expect_code(0);
        let text = set(&[member("zoe", "acme", ""), jane("  nickName: J")]);
        let report = roll.apply(LATER, &text).expect_code(1);
        let line = line_of(&text, "nickName");
        points_into(&report.stderr, "<stdin>", line..=line);
        assert_eq!(ready(&roll.get("Member", "zoe")).0, "True");
    });
}

// R8
#[test]
fn an_unknown_kind_is_an_error_with_the_nearest_one() {
    on_both(|roll| {
        roll.apply(NOW, &company()).expect_code(0);
        let text = set(&[jane("").replace("kind: Member", "kind: Membr"), member("zoe", "acme", "")]);
        write(roll, "people.yaml", &text);
        let report = apply(roll, "people.yaml", &[]).expect_code(1);
        points_into(&report.stderr, "people.yaml", 1..=line_of(&text, "---"));
        tells(&report.stderr, &["Membr", "Member", "jane"]);
        assert_eq!(ready(&roll.get("Member", "zoe")).0, "True");
    });
}

#[test]
fn a_file_that_is_not_there_is_named() {
    on_both(|roll| {
        roll.apply(NOW, &company()).expect_code(0);
        let report = apply(roll, "nowhere.yaml", &[]);
        assert_ne!(report.code, 0);
        tells(&report.stderr, &["nowhere.yaml"]);
    });
}

// R8
#[test]
fn an_object_that_stands_there_twice_is_named() {
    on_both(|roll| {
        roll.apply(NOW, &company()).expect_code(0);
        write(roll, "roster/one.yaml", &jane(""));
        write(roll, "roster/two.yaml", &set(&[member("zoe", "acme", ""), jane("  nickname: J")]));
        let report = apply(roll, "roster", &[]).expect_code(1);
        let named = [named_lines(&report.stderr, "one.yaml"), named_lines(&report.stderr, "two.yaml")].concat();
        assert!(!named.is_empty(), "{}", report.stderr);
        tells(&report.stderr, &["jane"]);
        assert_eq!(ready(&roll.get("Member", "zoe")).0, "True");
    });
}

#[test]
fn all_mistakes_of_a_run_are_told_at_once() {
    on_both(|roll| {
        roll.apply(NOW, &company()).expect_code(0);
        let text = set(&[jane("  nickName: J\n  jobTitel: Boss"), member("joe", "acme", "  birthday: \"1990-02-30\"")]);
        write(roll, "people.yaml", &text);
        let report = apply(roll, "people.yaml", &[]).expect_code(1);
        for part in ["nickName", "jobTitel", "birthday"] {
            let line = line_of(&text, part);
            points_into(&report.stderr, "people.yaml", line..=line);
        }
    });
}

// R8, M21, T8: what is wrong by itself, and what is wrong beside the tenant.
#[test]
fn all_mistakes_of_one_manifest_are_told_at_once() {
    on_both(|roll| {
        roll.apply(NOW, &company()).expect_code(0);
        let text = jane("  userType: Wizard\n  suspension: {from: 2027-05-02, until: 2027-05-01}");
        write(roll, "people.yaml", &text);
        let report = apply(roll, "people.yaml", &[]).expect_code(1);
        for part in ["Wizard", "until"] {
            let line = line_of(&text, part);
            points_into(&report.stderr, "people.yaml", line..=line);
        }
        tells(&report.stderr, &["spec.userType", "spec.suspension.until"]);
    });
}

// R8: what the schema says, what its rules say, and what neither can say.
#[test]
fn mistakes_of_every_sort_are_told_at_once() {
    on_both(|roll| {
        let wrong = "  passwordPolicy: {minLength: 7, expiresAfter: 31}\n  accessBudget: {window: 1w}\n  languages: [en_US, en_US]\n  \
                     timeZone: Mars/Base\n  deletionGrace: 31d\n";
        let report = roll.apply(NOW, &set(&[tenant("acme", wrong), boss("acme")])).expect_code(1);
        let fields =
            ["passwordPolicy.minLength", "passwordPolicy.expiresAfter", "accessBudget", "languages", "timeZone", "deletionGrace"];
        tells(&report.stderr, &fields.map(|field| format!("spec.{field}")).each_ref().map(String::as_str));
    });
}

// What breaks the schema

// R8
#[test]
fn an_unknown_field_is_told_with_the_nearest_one() {
    let words = ["spec.nickName", "did you mean `nickname`?"];
    is_refused_and_the_rest_goes_on(&jane("  nickName: J"), ("Member", "jane"), "nickName", &words);
}

// R8
#[test]
fn a_wrong_type_is_told_with_the_right_one() {
    let words = ["spec.employeeNumber", "put it in quotes"];
    is_refused_and_the_rest_goes_on(&jane("  employeeNumber: 1001"), ("Member", "jane"), "employeeNumber", &words);
}

// R8
#[test]
fn a_number_in_the_place_of_text_is_told_as_it_stands_there() {
    let words = ["spec.employeeNumber: a number where text is expected; put it in quotes", "007"];
    is_refused_and_the_rest_goes_on(&jane("  employeeNumber: 007"), ("Member", "jane"), "employeeNumber", &words);
}

// R8
#[test]
fn a_number_beyond_its_limit_is_told_with_the_limit() {
    on_both(|roll| {
        let report = roll.apply(NOW, &set(&[tenant("acme", "  accessBudget: {maxPercent: 101}"), boss("acme")])).expect_code(1);
        tells(&report.stderr, &["spec.accessBudget.maxPercent: `101` is more than 100"]);
    });
}

// R8
#[test]
fn a_key_that_stands_twice_is_named() {
    on_both(|roll| {
        roll.apply(NOW, &company()).expect_code(0);
        let report = roll.apply(LATER, &jane("  nickname: J\n  nickname: K")).expect_code(2);
        assert!(
            said(&report.stderr).contains("not YAML: the key `nickname` stands twice in one mapping")
                && !report.stderr.contains("DuplicateKey"),
            "{}",
            report.stderr
        );
    });
}

// R8
#[test]
fn another_version_is_told_with_its_object() {
    on_both(|roll| {
        roll.apply(NOW, &company()).expect_code(0);
        let report = roll.apply(LATER, &jane("").replace("v1alpha1", "v1")).expect_code(2);
        tells(&report.stderr, &["`jane`: apiVersion: `rollcall.dev/v1` is not known; write rollcall.dev/v1alpha1"]);
    });
}

// M2, R8
#[test]
fn a_missing_field_is_named() {
    on_both(|roll| {
        roll.apply(NOW, &company()).expect_code(0);
        let text = set(&[jane("").replace("  name: {family: Doe, given: Jane}\n", ""), member("zoe", "acme", "")]);
        write(roll, "people.yaml", &text);
        let report = apply(roll, "people.yaml", &[]).expect_code(1);
        points_into(&report.stderr, "people.yaml", 1..=line_of(&text, "---"));
        tells(&report.stderr, &["jane", "`name` is required"]);
        assert_eq!(ready(&roll.get("Member", "zoe")).0, "True");
    });
}

// R8
#[test]
fn a_date_that_does_not_exist_is_told_with_how_one_is_written() {
    let words = ["spec.activation.at", "a day that exists", "2027-03-01"];
    is_refused_and_the_rest_goes_on(&jane("  activation: {at: \"2027-02-30\"}"), ("Member", "jane"), "2027-02-30", &words);
}

// M1, R8
#[test]
fn an_id_of_forty_one_characters_is_told_with_the_limit() {
    let id = "j".repeat(41);
    let words = ["spec.id", "41 characters", "at most 40"];
    is_refused_and_the_rest_goes_on(&jane(&format!("  id: {id}")), ("Member", "jane"), &id, &words);
}

// M8, R8
#[test]
fn an_uppercase_email_is_told_to_be_lowercase() {
    let words = ["spec.personalEmail", "lowercase"];
    let bad = jane("  personalEmail: Jane@home.example");
    is_refused_and_the_rest_goes_on(&bad, ("Member", "jane"), "Jane@home", &words);
}

// M4, R8
#[test]
fn twenty_one_organizations_are_told_with_the_limit() {
    let list: Vec<_> = (1..=21).map(|number| format!("{{organizationRef: {{name: team{number}}}}}")).collect();
    let bad = jane(&format!("  organizations: [{}]", list.join(", ")));
    let words = ["spec.organizations", "21 entries", "at most 20"];
    is_refused_and_the_rest_goes_on(&bad, ("Member", "jane"), "organizations", &words);
}

// M4, R8
#[test]
fn two_primary_organizations_are_told_to_be_one() {
    let bad =
        jane("  organizations: [{organizationRef: {name: one}, primary: true}, {organizationRef: {name: two}, primary: true}]");
    let words = ["spec.organizations", "at most one organization is primary"];
    is_refused_and_the_rest_goes_on(&bad, ("Member", "jane"), "organizations", &words);
}

// R4, R8
#[test]
fn a_time_zone_that_does_not_exist_is_named_with_its_field() {
    let bad = tenant("globex", "  timeZone: Asia/Soul");
    let words = ["spec.timeZone", "Asia/Soul"];
    is_refused_and_the_rest_goes_on(&bad, ("Tenant", "globex"), "Asia/Soul", &words);
}

// What is wrong only beside others

// O4, R8
#[test]
fn a_reference_to_nothing_is_named_with_its_field() {
    on_both(|roll| {
        roll.apply(NOW, &company()).expect_code(0);
        let text = set(&[jane("  organizations: [{organizationRef: {name: nowhere}}]"), member("zoe", "acme", "")]);
        write(roll, "people.yaml", &text);
        let report = apply(roll, "people.yaml", &[]).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("OrganizationNotFound"));
        points_into(&report.stderr, "people.yaml", 1..=line_of(&text, "---"));
        tells(&report.stderr, &["jane", "organizationRef", "nowhere"]);
        assert_eq!(ready(&roll.get("Member", "zoe")).0, "True");
        let lost = roll.apply(LATER, &member("ann", "globex", "")).expect_code(1);
        tells(&lost.stderr, &["the namespace `hr` has no tenant `globex` yet"]);
    });
}

// O2, R8
#[test]
fn a_cycle_is_named_with_its_path_and_its_field() {
    on_both(|roll| {
        roll.apply(NOW, &company()).expect_code(0);
        let under = |parent: &str, name: &str| organization(name, "acme", &format!("  parentRef: {{name: {parent}}}"));
        let text = set(&[under("green", "red"), under("red", "green"), organization("blue", "acme", "")]);
        write(roll, "tree.yaml", &text);
        let report = apply(roll, "tree.yaml", &[]).expect_code(1);
        for name in ["red", "green"] {
            assert_eq!(report.refused("Organization", name).as_deref(), Some("CycleDetected"), "{name}");
        }
        let end = line_of(&text, "name: blue") - 3;
        points_into(&report.stderr, "tree.yaml", 1..=end);
        tells(&report.stderr.to_lowercase(), &["red", "green", "parentref"]);
        assert_eq!(ready(&roll.get("Organization", "blue")).0, "True");
    });
}

// R9: what can't be read removes nothing.
#[test]
fn a_set_with_an_unreadable_document_removes_nobody() {
    on_both(|roll| {
        roll.apply(NOW, &set(&[company(), jane("")])).expect_code(0);
        write(roll, "roster/acme.yaml", &set(&[company(), member("zoe", "acme", "")]));
        write(roll, "roster/jane.yaml", "apiVersion: rollcall.dev/v1alpha1\nkind: Member\nmetadata: {name: jane\nspec: [oh");
        let report = apply(roll, "roster", &["--prune"]).expect_code(1);
        tells(&report.stderr, &["jane.yaml"]);
        assert!(report.all_actions().iter().all(|action| !action.starts_with("delete")), "{:#}", report.json);
        assert_eq!(phase(&roll.get("Member", "jane")), "Pending");
        assert_eq!(ready(&roll.get("Member", "zoe")).0, "True");
    });
}

// R9
#[test]
fn an_object_that_can_not_be_decoded_is_there() {
    on_both(|roll| {
        roll.apply(NOW, &set(&[company(), jane("")])).expect_code(0);
        write(roll, "people.yaml", &set(&[company(), jane("  nickname: [J]")]));
        let report = apply(roll, "people.yaml", &["--prune"]).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("Invalid"));
        assert_eq!(report.actions("Member", "jane"), [""; 0]);
        roll.tick(LATER);
        assert_eq!(phase(&roll.get("Member", "jane")), "Pending");
    });
}

// R9
#[test]
fn a_set_without_the_tenant_removes_nobody_of_it() {
    on_both(|roll| {
        roll.apply(NOW, &set(&[company(), jane("")])).expect_code(0);
        roll.apply_with(LATER, &member("zoe", "acme", ""), &["--prune"]).expect_code(0);
        assert_eq!(phase(&roll.get("Member", "jane")), "Pending");
        assert_eq!(phase(&roll.get("Member", "boss")), "Pending");
    });
}

// Directories

/// `rollcall` with a directory that is none; the folder is where it runs.
fn rollcall(args: &[&str], folder: &tempfile::TempDir) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollcall"));
    command
        .args(args)
        .current_dir(folder.path())
        .env("NO_COLOR", "1")
        .env_remove("ROLLCALL_DIRECTORY")
        .env_remove("ROLLCALL_NOW");
    let output = command.output().expect("rollcall starts");
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// That `apply` and `get` end with 2 in such a directory and say these words, never these.
#[track_caller]
fn is_no_directory(url: &str, folder: &tempfile::TempDir, words: &[&str], never: &str) {
    fs::write(folder.path().join("acme.yaml"), company()).expect("the file is written");
    for args in [&["apply", "-f", "acme.yaml", "--yes", "--now", NOW][..], &["get", "members"]] {
        let output = rollcall(&[args, &["--directory", url]].concat(), folder);
        assert_eq!(output.code, 2, "{url}: {output}");
        tells(&output.stderr, words);
        assert!(never.is_empty() || !format!("{}{}", output.stdout, output.stderr).contains(never), "{output}");
    }
}

// R7. Nobody listens at port 1.
#[test]
fn a_server_that_is_not_there_is_named_without_the_password() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    for password in ["opensesame", "open@sesame"] {
        let url = format!("postgres://rollcall:{password}@127.0.0.1:1/roster");
        is_no_directory(&url, &folder, &["postgres://rollcall@127.0.0.1:1/roster"], "sesame");
    }
}

#[test]
fn a_file_that_can_not_be_made_is_named() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    fs::write(folder.path().join("file"), "no folder").expect("the file is written");
    let url = format!("sqlite:{}", folder.path().join("file/rollcall.db").display());
    is_no_directory(&url, &folder, &["file/rollcall.db"], "");
}

#[test]
fn a_malformed_url_is_told_with_what_would_be_right() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    for url in ["mysql://localhost/roster", "nonsense"] {
        is_no_directory(url, &folder, &[url, "sqlite:", "postgres:"], "");
    }
}

// R7
#[test]
fn a_malformed_url_is_told_without_what_may_be_a_password() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    for url in [
        "postgres://rollcall:open?sesame@127.0.0.1:1/roster",
        "postgres:rollcall:sesame@127.0.0.1/roster",
        "postgres//rollcall:sesame@127.0.0.1/roster",
        "rollcall:sesame@127.0.0.1/roster",
        "host=127.0.0.1 user=rollcall password=sesame",
        "mysql://rollcall:sesame@127.0.0.1/roster",
    ] {
        is_no_directory(url, &folder, &["not understood", "postgres://USER@HOST/DATABASE"], "sesame");
    }
}

#[test]
fn a_directory_of_a_newer_rollcall_is_left_alone() {
    on_both(|roll| {
        roll.apply(NOW, &company()).expect_code(0);
        let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                     SELECT 9999, 'of a newer one', success, checksum, 0 FROM _sqlx_migrations ORDER BY version LIMIT 1";
        assert_eq!(roll.sql(newer), Ok(1));
        let before = roll.query("SELECT count(*) FROM audit");
        let report = roll.apply(LATER, &set(&[company(), jane("")])).expect_code(2);
        tells(&report.stderr, &["newer"]);
        assert_eq!(roll.query("SELECT count(*) FROM audit"), before);
        assert_eq!(roll.query("SELECT count(*) FROM members").as_deref(), Some("1"));
    });
}

// M8, R8
#[test]
fn an_address_to_which_no_mail_can_be_sent_is_refused() {
    for address in ["jane,doe@home.example", "\u{c9}lodie@home.example", "jane..doe@home.example", "jane@home"] {
        let words = ["spec.personalEmail", "not a mail address"];
        is_refused_and_the_rest_goes_on(&jane(&format!("  personalEmail: \"{address}\"")), ("Member", "jane"), address, &words);
    }
}
