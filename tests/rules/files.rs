//! Manifests as `apply` reads them: from files, folders and standard input, and what of them is left alone.
//! Never about one rule of the roster. Run by `make test`.

use std::fs;

use serde_json::Value;

use crate::commands::company;
use crate::support::{Report, Roster, boss, member, on_both, ready, set, tenant};

const NOW: &str = "2027-03-01T09:00:00Z";

/// Writes a file into the folder of the scenario.
fn write(roll: &Roster, path: &str, text: &str) {
    let path = roll.folder().join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
    fs::write(path, text).expect("the file is written");
}

/// `apply` from files, as `-f PATH` for each.
fn apply_files(roll: &Roster, paths: &[&str]) -> Report {
    let files = paths.iter().flat_map(|path| ["-f", path]);
    let args: Vec<_> = ["apply", "--yes", "-o", "json", "--now", NOW, "-n", "hr"].into_iter().chain(files).collect();
    Report::read(roll.run(&args, ""))
}

#[test]
fn files_and_folders_are_read_recursively_in_yaml_and_json() {
    on_both(|roll| {
        write(roll, "roster/tenant.yaml", &tenant("acme", ""));
        write(roll, "roster/people/boss.yml", &boss("acme"));
        let jane: Value = serde_yaml::from_str(&member("jane", "acme", "")).expect("YAML");
        write(roll, "roster/people/deep/jane.json", &jane.to_string());
        write(roll, "roster/README.md", "kind: [this is no manifest");
        write(roll, "more.yaml", &set(&[member("joe", "acme", ""), member("jim", "acme", "")]));
        write(roll, "unnamed.yaml", "kind: [not read, as nobody named it");
        apply_files(roll, &["roster", "more.yaml"]).expect_code(0);
        for name in ["boss", "jane", "joe", "jim"] {
            assert_eq!(ready(&roll.get("Member", name)).0, "True", "{name}");
        }
    });
}

#[test]
fn standard_input_and_files_go_together() {
    on_both(|roll| {
        write(roll, "tenant.yaml", &company(&[]));
        let args = ["apply", "-f", "tenant.yaml", "-f", "-", "--yes", "-o", "json", "--now", NOW, "-n", "hr"];
        Report::read(roll.run(&args, &member("jane", "acme", ""))).expect_code(0);
        assert_eq!(ready(&roll.get("Member", "jane")).0, "True");
    });
}

#[test]
fn an_apply_without_json_is_for_people() {
    on_both(|roll| {
        let output = roll.run(&["apply", "-f", "-", "--yes", "--now", NOW, "-n", "hr"], &company(&[])).ok();
        assert!(output.stdout.contains("boss") && output.stdout.contains("create"), "{output}");
        assert!(!output.stdout.contains('\u{1b}') && !output.stderr.contains('\u{1b}'), "{output}");
    });
}

#[test]
fn documents_of_other_groups_are_skipped_and_counted() {
    on_both(|roll| {
        write(roll, "roster/acme.yaml", &company(&[]));
        let kustomization = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- acme.yaml\n";
        write(roll, "roster/kustomization.yaml", kustomization);
        let others = "apiVersion: v1\nkind: Namespace\nmetadata: {name: hr}\n---\n\
                      apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: passwords}\nspec: {anything: [1, 2]}\n";
        write(roll, "roster/others.yaml", others);
        let report = apply_files(roll, &["roster"]).expect_code(0);
        let skipped = report.stderr.lines().find(|line| line.contains("skipped")).unwrap_or_else(|| panic!("{}", report.stderr));
        assert!(skipped.contains('3'), "{skipped}");
        assert_eq!(report.json["refused"].as_array().map_or(0, Vec::len), 0);
    });
}

#[test]
fn empty_documents_are_no_mistake() {
    on_both(|roll| {
        let text = format!("---\n# Nothing but a comment.\n---\n{}---\n---\n", company(&[]));
        roll.apply(NOW, &text).expect_code(0);
        assert_eq!(ready(&roll.get("Member", "boss")).0, "True");
    });
}
