//! Members' pictures on a cluster (M3): read from Secrets and ConfigMaps of the namespaces that were opened.

use crate::support::{Directory, Operator, Plane, becomes, company, member, with_secrets, within};

/// The Base64 of the beginning of a PNG of 640x640 pixels, and of one of 512x512.
const SQUARE: &str = "iVBORw0KGgoAAAANSUhEUgAAAoAAAAKACAYAAAA=";
const SMALLER: &str = "iVBORw0KGgoAAAANSUhEUgAAAgAAAAIACAYAAAA=";
const JANE: &str = "  photo: {configMapKeyRef: {name: faces, key: jane.png}}";
const JUNE: &str = "  photo: {secretKeyRef: {name: june, key: face}}";

fn config_map(content: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: faces, namespace: hr}}\nbinaryData: {{jane.png: {content}}}\n")
}

fn secret(data: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: june, namespace: hr}}\n{data}\n")
}

/// The conditions about a member's photo.
fn told(plane: &Plane, namespace: &str, member: &str) -> Vec<(String, String)> {
    let object = plane.get("member", namespace, member).unwrap_or_default();
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let text = |condition: &serde_json::Value, field: &str| condition[field].as_str().unwrap_or_default().to_owned();
    let all = conditions.iter().map(|condition| (text(condition, "type"), text(condition, "message")));
    all.filter(|(kind, _)| kind.starts_with("Photo")).collect()
}

/// Waits until one thing is told of a member's photo, or nothing.
fn waits_for(plane: &Plane, namespace: &str, member: &str, wanted: &[(&str, &str)]) {
    within(15, || {
        let told = told(plane, namespace, member);
        let fits = |((kind, message), (is, says)): (&(String, String), &(&str, &str))| kind == is && message.contains(says);
        let all = told.len() == wanted.len() && told.iter().zip(wanted).all(fits);
        if all { Ok(()) } else { Err(format!("{told:?}")) }
    });
}

fn kept(directory: &Directory) -> i64 {
    directory.count("photos WHERE content IS NOT NULL AND problem IS NULL")
}

// M3, R7
#[test]
fn a_photo_comes_from_a_config_map_or_a_secret_and_follows_it() {
    let (plane, directory, operator) = with_secrets();
    plane.apply(&(company("hr", &[]) + &member("hr", "jane", JANE) + &member("hr", "june", JUNE)));
    plane.wait_ready("hr", &["member/jane", "member/june"]);
    waits_for(&plane, "hr", "jane", &[("PhotoNotFound", "the ConfigMap `faces` is not there (M3)")]);
    waits_for(&plane, "hr", "june", &[("PhotoNotFound", "the Secret `june` is not there (M3)")]);

    plane.apply(&config_map(SQUARE));
    plane.apply(&secret("stringData: {face: marked-1b7e}"));
    waits_for(&plane, "hr", "jane", &[]);
    waits_for(&plane, "hr", "june", &[("PhotoInvalid", "neither PNG nor JPEG")]);
    becomes(5, 1, || kept(&directory));
    // What is no picture is nowhere to be read.
    let said = plane.kubectl(&["get", "events.events.k8s.io,members", "-A", "-o", "json"]) + &operator.log();
    assert!(!said.contains("marked-1b7e") && directory.count("photos WHERE CAST(content AS TEXT) LIKE '%marked%'") == 0);

    plane.apply(&config_map(SMALLER));
    plane.apply(&secret(&format!("data: {{face: {SQUARE}}}")));
    waits_for(&plane, "hr", "jane", &[("PhotoSize", "512x512; 640x640 is recommended")]);
    waits_for(&plane, "hr", "june", &[]);
    becomes(5, 2, || kept(&directory));
    // What goes takes nothing away; another reference is looked for at once.
    plane.kubectl(&["delete", "configmap", "faces", "-n", "hr"]);
    plane.apply(&member("hr", "jane", &JUNE.replace("face}", "profile}")));
    waits_for(&plane, "hr", "jane", &[("PhotoNotFound", "the Secret `june` has no key `profile`")]);
    assert_eq!(directory.count("photos WHERE content IS NOT NULL"), 2);
    plane.apply(&member("hr", "jane", ""));
    becomes(10, 1, || directory.count("photos"));
}

// M3
#[test]
fn a_photo_is_looked_for_where_the_operator_may_and_what_changed_meanwhile_is_seen_at_the_start() {
    let (plane, directory, operator) = with_secrets();
    plane.namespace("it");
    plane.apply(&(company("it", &[]).replace("platform", "lab") + &member("it", "kim", JANE).replace("platform", "lab")));
    plane.apply(&(company("hr", &[]) + &member("hr", "jane", JANE) + &member("hr", "june", "  photo: {file: june.png}")));
    waits_for(&plane, "it", "kim", &[("PhotoNotFound", "`secretNamespaces`")]);
    waits_for(&plane, "hr", "june", &[("PhotoNotFound", "`rollcall apply` only")]);
    waits_for(&plane, "hr", "jane", &[("PhotoNotFound", "is not there")]);
    assert_eq!(operator.end(), 0);
    plane.apply(&config_map(SQUARE));
    let read = || plane.requests().iter().filter(|request| request.verb == "get" && request.name == "faces").count();
    let operator = Operator::spawn(&plane, &directory, &["--secrets-namespace", "hr"]);
    operator.wait_ready(30);
    waits_for(&plane, "hr", "jane", &[]);
    // One that is as it was is not read again.
    let before = read();
    assert_eq!(operator.end(), 0);
    let operator = Operator::spawn(&plane, &directory, &["--secrets-namespace", "hr"]);
    operator.wait_ready(30);
    plane.apply(&config_map(SMALLER));
    waits_for(&plane, "hr", "jane", &[("PhotoSize", "512x512")]);
    assert_eq!(read(), before + 1);
    assert_eq!(operator.end(), 0);
}
