//! Passwords on a cluster: generated into Secrets that their members own, and taken from Secrets (M32, M33). Judged
//! by what signs in.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::{Directory, Plane, becomes, company, member, program, with_secrets, within};

/// `rollcall record WHAT MEMBER` with these lines on standard input: what it printed.
pub fn record(directory: &Directory, arguments: &[&str], lines: &str) -> String {
    let mut child = Command::new(program())
        .args(["record"])
        .args(arguments)
        .args(["-n", "hr", "--directory", directory.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
}

fn sign_in(directory: &Directory, member: &str, password: &str) -> String {
    record(directory, &["sign-in", member, "--password-stdin"], &format!("{password}\n"))
}

/// The reason of the condition `PasswordSet`.
pub fn password_set(plane: &Plane, member: &str) -> String {
    let object = plane.get("member", "hr", member).unwrap_or_default();
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let told = conditions.into_iter().find(|condition| condition["type"] == "PasswordSet").unwrap_or_default();
    format!("{} {}", told["status"].as_str().unwrap_or("-"), told["reason"].as_str().unwrap_or("-"))
}

/// The password in the Secret of a member's initial password.
pub fn initial_password(plane: &Plane, member: &str) -> String {
    let secret = format!("{member}-initial-password");
    within(15, || plane.try_kubectl(&["get", "secret", &secret, "-n", "hr"]));
    plane.kubectl(&["get", "secret", &secret, "-n", "hr", "-o", "go-template={{.data.password | base64decode}}"])
}

// M32
#[test]
fn a_generated_password_signs_in_once_changed_and_goes_with_its_member() {
    let (plane, directory, operator) = with_secrets();
    let generate = "  password: {mode: Generate}";
    plane.apply(&(company("hr", &[]) + &member("hr", "jane", generate) + &member("hr", "june", generate)));
    plane.wait_ready("hr", &["member/jane", "member/june"]);
    let password = initial_password(&plane, "jane");
    becomes(10, "True PasswordSet".to_owned(), || password_set(&plane, "jane"));
    assert_eq!(sign_in(&directory, "jane", "another one"), "Refused");
    assert_eq!(sign_in(&directory, "jane", &password), "MustChange");
    assert_eq!(record(&directory, &["password", "jane"], &format!("{password}\nRz4-Pv9-Bn\n")), "Changed");
    assert_eq!(sign_in(&directory, "jane", "Rz4-Pv9-Bn"), "Granted");
    // No longer needed.
    becomes(10, true, || plane.get("secret", "hr", "jane-initial-password").is_none());
    becomes(10, "Active".to_owned(), || plane.status("member", "hr", "jane", "phase"));

    // The other one never signed in: its Secret goes with its Member.
    let other = initial_password(&plane, "june");
    becomes(10, "True PasswordSet".to_owned(), || password_set(&plane, "june"));
    assert_eq!(sign_in(&directory, "june", &other), "MustChange");
    plane.kubectl(&["delete", "member", "june", "-n", "hr"]);
    // The garbage collector looks for new kinds every half minute only.
    becomes(120, true, || plane.get("secret", "hr", "june-initial-password").is_none());
    // R7: what was generated is in no log, status or event.
    let events = plane.kubectl(&["get", "events.events.k8s.io,members", "-A", "-o", "json"]);
    for marked in [&password, &other] {
        assert!(!events.contains(marked.as_str()) && !operator.log().contains(marked.as_str()));
    }
}

// M32: the Secret is the Member's that is there now.
#[test]
fn a_generated_password_outlives_a_member_resource_that_is_made_anew() {
    let (plane, directory, _operator) = with_secrets();
    let jane = member("hr", "jane", "  password: {mode: Generate}");
    plane.apply(&(company("hr", &[]) + &jane));
    plane.wait_ready("hr", &["member/jane"]);
    let password = initial_password(&plane, "jane");
    becomes(10, "True PasswordSet".to_owned(), || password_set(&plane, "jane"));
    let account = plane.status("member", "hr", "jane", "uid");
    let resource = |plane: &Plane| plane.get("member", "hr", "jane").unwrap_or_default()["metadata"]["uid"].clone();
    let before = resource(&plane);
    plane.kubectl(&["delete", "member", "jane", "-n", "hr"]);
    plane.apply(&jane);
    let now = resource(&plane);
    assert_ne!(before, now);
    let owner = || {
        let secret = plane.get("secret", "hr", "jane-initial-password").unwrap_or_default();
        secret["metadata"]["ownerReferences"][0]["uid"].clone()
    };
    becomes(15, now.clone(), owner);
    // Whatever the garbage collector had begun is over by then: it looks for new kinds every half minute.
    std::thread::sleep(std::time::Duration::from_secs(45));
    assert_eq!(owner(), now);
    assert_eq!(plane.status("member", "hr", "jane", "uid"), account);
    let kept = initial_password(&plane, "jane");
    becomes(10, "MustChange".to_owned(), || sign_in(&directory, "jane", &kept));
    assert_eq!(kept, password);
}

// M33
#[test]
fn a_password_follows_its_secret() {
    let (plane, directory, _operator) = with_secrets();
    let mode = "  password: {mode: FromSecret, secretKeyRef: {name: jane-password, key: password}}";
    plane.apply(&(company("hr", &[]) + &member("hr", "jane", mode)));
    becomes(10, "False SecretNotFound".to_owned(), || password_set(&plane, "jane"));
    let secret = |password: &str, label: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: jane-password, namespace: hr, labels: {{v: {label}}}}}\n\
             stringData: {{password: {password}}}\n"
        )
    };
    plane.apply(&secret("Kx7Tm2Qw", "a"));
    becomes(10, "True PasswordSet".to_owned(), || password_set(&plane, "jane"));
    assert_eq!(record(&directory, &["password", "jane"], "Kx7Tm2Qw\nRz4-Pv9-Bn\n"), "Changed");
    assert_eq!(sign_in(&directory, "jane", "Rz4-Pv9-Bn"), "Granted");
    // A new version of the same content is nothing; another content is the administrator's change.
    plane.apply(&secret("Kx7Tm2Qw", "b"));
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(directory.count("sessions WHERE closed_at IS NULL"), 1);
    plane.apply(&secret("Wd5Gh8Yj", "b"));
    becomes(10, 0, || directory.count("sessions WHERE closed_at IS NULL"));
    becomes(10, "MustChange".to_owned(), || sign_in(&directory, "jane", "Wd5Gh8Yj"));
    assert_eq!(sign_in(&directory, "jane", "Rz4-Pv9-Bn"), "Refused");
    // Without a place that was opened nothing is read or written.
    plane.namespace("it");
    plane.apply(&company("it", &[]).replace("platform", "lab"));
    let boss = "  personalEmail: boss@home.example\n  password: {mode: Generate}";
    plane.apply(&member("it", "boss", boss).replace("platform", "lab"));
    within(10, || {
        let object = plane.get("member", "it", "boss").unwrap_or_default().to_string();
        if object.contains("SecretsNotEnabled") { Ok(()) } else { Err(object) }
    });
    assert!(plane.get("secret", "it", "boss-initial-password").is_none());
}
