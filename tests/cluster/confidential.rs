//! What is in Secrets of a cluster appears nowhere (R7): not in the log, however much is logged, not in statuses, events or
//! metrics, and not in the directory.

use crate::passwords::{initial_password, password_set, record};
use crate::support::{Directory, HOME, Operator, Plane, becomes, company, member, tenant, within};

/// Marks that are looked for, and the same in Base64, as Secrets are handed over.
const MARKS: &[(&str, &str)] = &[
    ("Mk1-Taken-4Qz", "TWsxLVRha2VuLTRRe"),
    ("Mk2-Other-7Wn", "TWsyLU90aGVyLTdXb"),
    ("Mk3-Own-9Vb", "TWszLU93bi05Vm"),
    ("Mk4-Photo-2Xc", "TWs0LVBob3RvLTJYY"),
    ("Mk5-Farewell-6Hd", "TWs1LUZhcmV3ZWxsLTZIZ"),
    ("Mk6-Beside-8Lp", "TWs2LUJlc2lkZS04THA"),
    ("Mk7-Mail-3Jf", "TWs3LU1haWwtM0pm"),
];

/// Every column of every table of an embedded directory, as text.
fn dump(directory: &Directory) -> String {
    let tables = directory.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
    let mut all = String::new();
    for table in tables.iter().filter(|table| !table.starts_with("_sqlx")) {
        for column in directory.rows(&format!("SELECT name FROM pragma_table_info('{table}')")) {
            all += &directory.rows(&format!("SELECT COALESCE(CAST(\"{column}\" AS TEXT), '') FROM {table}")).join("\n");
        }
    }
    all
}

fn secret(plane: &Plane, name: &str, data: &str) {
    plane.apply(&format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: hr}}\nstringData: {{{data}}}\n"));
}

// R7
#[test]
fn what_is_in_a_secret_of_a_cluster_appears_nowhere() {
    let (plane, directory) = (Plane::start(), Directory::sqlite());
    plane.namespace("hr");
    let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/rollcall");
    plane.helm(&["upgrade", "rollcall", chart, "-n", HOME, "--set", "secretNamespaces={hr}"]);
    // Nobody listens at port 1.
    let mail =
        ["--smtp", "smtp://hr:Mk7-Mail-3Jf@127.0.0.1:1", "--mail-from", "hr@acme.example", "--link-base", "https://a.example"];
    let arguments = [&["--secrets-namespace", "hr"], &mail[..]].concat();
    let operator = Operator::spawn_with(&plane, &directory, &arguments, &[("ROLLCALL_LOG", "trace"), ("RUST_BACKTRACE", "1")]);
    operator.wait_ready(30);

    secret(&plane, "jane", "password: Mk1-Taken-4Qz, other: Mk6-Beside-8Lp");
    secret(&plane, "face", "face: Mk4-Photo-2Xc");
    secret(&plane, "farewell", "password: Mk5-Farewell-6Hd");
    let jane = member(
        "hr",
        "jane",
        "  password: {mode: FromSecret, secretKeyRef: {name: jane, key: password}}\n  photo: {secretKeyRef: {name: face, key: face}}",
    );
    plane.apply(&(company("hr", &[]) + &jane + &member("hr", "june", "  password: {mode: Generate}")));
    becomes(15, "True PasswordSet".to_owned(), || password_set(&plane, "jane"));
    let made = initial_password(&plane, "june");
    becomes(15, "True PasswordSet".to_owned(), || password_set(&plane, "june"));
    let own = "Mk1-Taken-4Qz\nMk3-Own-9Vb\n";
    assert_eq!(record(&directory, &["password", "jane"], own), "Changed");
    secret(&plane, "jane", "password: Mk2-Other-7Wn, other: Mk6-Beside-8Lp");
    let sign_in = || record(&directory, &["sign-in", "jane", "--password-stdin"], "Mk2-Other-7Wn\n");
    becomes(15, "MustChange".to_owned(), sign_in);
    // What is no picture, and what is not the supreme administrator's password.
    within(15, || {
        let object = plane.get("member", "hr", "jane").unwrap_or_default().to_string();
        if object.contains("PhotoInvalid") { Ok(()) } else { Err(object) }
    });
    let hash = directory.rows("SELECT hash FROM credentials LIMIT 1").remove(0);
    let boss = directory.uid("boss").unwrap();
    directory.execute(&format!(
        "INSERT INTO credentials (member, hash, must_change, changed_at, generated) VALUES ('{boss}', '{hash}', FALSE, 0, FALSE)"
    ));
    let cancellation = "{reason: CompanyClosed, confirmation: {secretKeyRef: {name: farewell, key: password}}}";
    plane.apply(&format!("{}  cancellation: {cancellation}\n", tenant("hr")));
    within(15, || {
        let object = plane.get("tenant", "hr", "acme").unwrap_or_default().to_string();
        if object.contains("ConfirmationRejected") { Ok(()) } else { Err(object) }
    });
    plane.kubectl(&["delete", "member", "june", "-n", "hr"]);
    becomes(15, "Deleted".to_owned(), || directory.rows("SELECT phase FROM members WHERE name = 'june'").join(""));

    let (_, metrics) = operator.probe("/metrics").unwrap();
    let told = plane.kubectl(&["get", "rollcall,events.events.k8s.io", "-A", "-o", "json"]);
    let (log, stored) = (operator.log(), dump(&directory));
    assert!(
        log.contains("TRACE") && stored.contains("$argon2id$") && metrics.contains("rollcall_"),
        "nothing was looked through"
    );
    let made = [(made.as_str(), made.as_str())];
    for (mark, encoded) in MARKS.iter().chain(&made) {
        for (place, text) in [("log", &log), ("cluster", &told), ("metrics", &metrics), ("directory", &stored)] {
            assert!(!text.contains(mark) && !text.contains(encoded), "{mark} is in the {place}");
        }
    }
}
