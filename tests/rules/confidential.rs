//! Passwords, and what else is in a Secret, appear nowhere (R7): not in what any command prints, however much is
//! logged, and not in any column of any table. Run by `make test`.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;

use crate::life::{START, company_of, company_without_jane};
use crate::support::{Output, Roster, boss, member, on_both, set, tenant};

/// Marks that are looked for, each in another place of the scenario.
const MARKS: &[&str] =
    &["Mk1-Taken-4Qz", "Mk2-Other-7Wn", "Mk3-Own-9Vb", "Mk4-Wrong-2Xc", "Mk5-Bad", "Mk6-Beside-8Lp", "Mk7-Torn"];

const LOUD: &[(&str, &str)] = &[("ROLLCALL_LOG", "trace"), ("RUST_BACKTRACE", "1")];

/// Every column of every table as text, as the database itself lists them.
fn dump(roll: &Roster) -> String {
    let sqlite = roll.url().starts_with("sqlite:");
    let list = |sql: &str| -> Vec<String> {
        let joined = roll.query(sql).unwrap_or_default();
        joined.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    let tables = list(if sqlite {
        "SELECT group_concat(name) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx_%'"
    } else {
        "SELECT string_agg(table_name, ',') FROM information_schema.tables WHERE table_schema = current_schema() AND table_name NOT LIKE '_sqlx_%'"
    });
    assert!(tables.iter().any(|table| table == "credentials") && tables.len() > 20, "{tables:?}");
    let mut all = String::new();
    for table in tables {
        let columns = list(&if sqlite {
            format!("SELECT group_concat(name) FROM pragma_table_info('{table}')")
        } else {
            format!("SELECT string_agg(column_name, ',') FROM information_schema.columns WHERE table_name = '{table}'")
        });
        for column in columns {
            let text = format!("CAST(\"{column}\" AS TEXT)");
            let joined = if sqlite { format!("group_concat({text}, '\n')") } else { format!("string_agg({text}, E'\\n')") };
            all += &roll.query(&format!("SELECT {joined} FROM {table}")).unwrap_or_default();
            all.push('\n');
        }
    }
    all
}

// R7
#[test]
fn what_is_in_a_secret_appears_nowhere() {
    on_both(|roll| {
        let mut printed = String::new();
        let mut run = |args: &[&str], stdin: &str| -> Output {
            let output = roll.run_with(args, stdin, LOUD);
            printed += &output.stdout;
            printed += &output.stderr;
            output
        };
        let jane = "  password: {mode: FromSecret, secretKeyRef: {name: jane-password, key: password}}";
        let secret = |password: &str| {
            format!(
                "apiVersion: v1\nkind: Secret\nmetadata: {{name: jane-password}}\nstringData:\n  password: {password}\n  other: Mk6-Beside-8Lp\n"
            )
        };
        let policy = "  passwordPolicy: {forbidReuse: 3}";
        let roster = |password: &str| set(&[company_of(policy, jane), secret(password)]);
        let apply =
            |now: &'static str| ["apply", "-f", "-", "--yes", "-o", "json", "-n", "hr", "--secrets-out", "out", "--now", now];
        assert_eq!(run(&["validate", "-f", "-", "-n", "hr"], &roster("Mk1-Taken-4Qz")).code, 0);
        assert_eq!(run(&["plan", "-f", "-", "-n", "hr", "--now", START], &roster("Mk1-Taken-4Qz")).code, 1);
        assert_eq!(run(&apply(START), &roster("Mk1-Taken-4Qz")).code, 0);
        // What breaks the policy, and what is not even YAML.
        assert_eq!(run(&apply("2027-03-01T10:00:00Z"), &roster("Mk5-Bad")).code, 1);
        let torn = "apiVersion: v1\nkind: Secret\nmetadata: {name: torn, annotations: {rollcall.dev/x: y}}\nstringData: {password: \"Mk7-Torn\n";
        assert_ne!(run(&apply("2027-03-01T11:00:00Z"), torn).code, 0);
        assert_eq!(run(&apply("2027-03-01T12:00:00Z"), &roster("Mk2-Other-7Wn")).code, 0);
        let at = |args: &[&'static str], now: &'static str| [args, &["-n", "hr", "--now", now]].concat();
        let sign_in = |now| at(&["record", "sign-in", "jane", "--password-stdin"], now);
        run(&sign_in("2027-03-01T13:00:00Z"), "Mk4-Wrong-2Xc\n");
        assert_eq!(run(&sign_in("2027-03-01T13:00:00Z"), "Mk2-Other-7Wn\n").stdout, "MustChange\n");
        let password = at(&["record", "password", "jane"], "2027-03-01T14:00:00Z");
        assert_eq!(run(&password, "Mk4-Wrong-2Xc\nMk3-Own-9Vb\n").stdout, "Refused\n");
        assert_eq!(run(&password, "Mk2-Other-7Wn\nMk1-Taken-4Qz\n").stdout, "Refused\n");
        assert_eq!(run(&password, "Mk2-Other-7Wn\nMk3-Own-9Vb\n").stdout, "Changed\n");
        assert_eq!(run(&sign_in("2027-03-01T15:00:00Z"), "Mk3-Own-9Vb\n").stdout, "Granted\n");
        // One that is generated is a mark, too.
        let reset = jane.replace("key: password}", "key: password}, resetToken: one");
        let generated = set(&[company_of(policy, &reset), secret("Mk2-Other-7Wn")]);
        assert_eq!(run(&apply("2027-03-02T09:00:00Z"), &generated).code, 0);
        let written = fs::read_to_string(roll.folder().join("out/hr.jane-initial-password.yaml")).unwrap();
        let made = written.lines().find_map(|line| line.trim().strip_prefix("password: ")).unwrap().trim_matches(['\'', '"']);
        assert_eq!(run(&sign_in("2027-03-02T10:00:00Z"), &format!("{made}\n")).stdout, "MustChange\n");
        for args in [
            &["get", "members", "-A", "-o", "json"][..],
            &["get", "member", "jane", "-n", "hr", "-o", "yaml"],
            &["describe", "member", "jane", "-n", "hr"],
            &["history", "-o", "json"],
        ] {
            assert_eq!(run(args, "").code, 0, "{args:?}");
        }
        let plan = ["plan", "-f", "-", "-n", "hr", "-o", "json", "--prune", "--at", "2028-01-01", "--now", "2027-03-03"];
        run(&plan, &company_without_jane());
        let stored = dump(roll);
        assert!(stored.contains("$argon2id$") && printed.contains("TRACE"), "nothing was looked through");
        for mark in MARKS.iter().chain([&made]) {
            assert!(!printed.contains(mark), "{mark} was printed");
            assert!(!stored.contains(mark), "{mark} is stored");
        }
    });
}

/// A Secret on one line of a flow list, and its neighbours, of which one has a mistake.
fn flow_list(between: &str) -> String {
    let secret = r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"},"stringData":{"password":"qz7"}}"#;
    let object = |kind: &str, name: &str, spec: &str| {
        format!(r#"{{"apiVersion":"rollcall.dev/v1alpha1","kind":"{kind}","metadata":{{"name":"{name}"}},"spec":{{{spec}}}}}"#)
    };
    let acme = r#""displayName":"Acme","registrationLink":{"enabled":true,"token":"qz7"}"#;
    let jane = r#""tenantRef":{"name":"acme"},"id":"jane","name":{"family":"Doe","given":"Jane"},"jobLevel":["Boss"]"#;
    let items = [object("Tenant", "acme", acme), secret.to_owned(), object("Member", "jane", jane), secret.to_owned()];
    format!(r#"{{"apiVersion":"v1","kind":"List","items":[{}]}}"#, items.join(between))
}

// R7, R8: what is wrong is told with its place, and the line is shown as far as nothing on it may be a secret.
#[test]
fn a_complaint_shows_nothing_that_may_be_a_secret() {
    let link = |line: &str| tenant("acme", &format!("  registrationLink:\n    enabled: true\n{line}"));
    let secret = "metadata: {name: x, annotations: {rollcall.dev/x: y}}\nstringData: {password: qz7}";
    let mut documents = vec![
        // Lines that several objects share.
        flow_list(","),
        flow_list(",\n"),
        flow_list(" , ").replace("}} , {", "}\n} , {"),
        // What is no object of Rollcall's.
        r#"{"kind":"Secret","metadata":{"name":"x"},"stringData":{"password":"qz7"}}"#.to_owned(),
        r#"{"apiVersion":"rollcall.dev/v1","kind":"Secret","metadata":{"name":"x"},"stringData":{"password":"qz7"}}"#.to_owned(),
        r#"{"apiVersion":"rollcall.dev/v1alpha1","kind":"Secret","stringData":{"password":"qz7"}}"#.to_owned(),
        r#"{"apiVersion":"rolcall.dev/v1alpha1","kind":"Tenant","spec":{"token":"qz7"}}"#.to_owned(),
        format!("apiVersion: v1\nkind:\n  Secret\n{secret}: \n"),
        format!("apiVersion: v1\nkind:\n  Secert\n{secret}: \n"),
        // Where a password or a token does not belong.
        member("jane", "acme", "  password: qz7"),
        member("jane", "acme", "  password: [qz7]"),
        member("jane", "acme", "  pasword: qz7"),
        member("jane", "acme", "  password: {mode: FromSecret, secretKeyRef: qz7}"),
        member("jane", "acme", "  initialSecret: qz7"),
        tenant("acme", "  cancellation: qz7"),
        tenant("acme", "  cancellation: {reason: Other, confirmation: qz7}"),
        tenant("acme", "  cancellation: {reason: Other, confirmation: [qz7]}"),
        tenant("acme", "  cancellation: {reason: Other, confirmation: {secretKeyRef: qz7}}"),
        tenant("acme", "  cancellation: {reason: Other, confirmation: {secretKeyRef: [qz7]}}"),
        member("jane", "acme", "  nickName: J # qz7"),
        tenant("acme", "  registrationLink: {enabled: true}\n  token: qz7"),
        tenant("acme", "  registrationLnk: {enabled: true, token: qz7}"),
        tenant("acme", "  registrationLnk: {enabled: true, token: \"qz7}"),
        tenant("acme", "  registrationLink: {enabled: true, qz7}"),
        tenant("acme", "  registrationLink: {enabled: true, tokn: qz7}"),
        tenant("acme", "  registrationLink: {enabled: true, token: \"qz7}"),
    ];
    // What is not YAML.
    documents.extend(
        ["    token: qz7\n    token: qz8", "      token: qz7", "    token: *qz7", "    qz7: secret: x", "    token: qz7: x"]
            .map(link),
    );
    documents.extend(["@", "%", "`", "!<", "&a *"].map(|sign| link(&format!("    token: {sign}qz7"))));
    on_both(|roll| {
        for document in &documents {
            let output = roll.run(&["apply", "-f", "-", "--yes", "-o", "json", "--now", START, "-n", "hr"], document);
            assert!(output.code != 0 && output.stderr.contains("<stdin>:"), "{document}\n{output}");
            assert!(!output.to_string().contains("qz"), "{document}\n{output}");
        }
    });
}

// R7, R8
#[test]
fn an_ordinary_mistake_is_shown_with_its_line() {
    let flow = r#"{apiVersion: rollcall.dev/v1alpha1, kind: Organization, metadata: {name: lab}, spec: {displayName: [L]}}"#;
    let jane = |extra: &str| member("jane", "acme", extra);
    let cases = [
        (jane("  nickName: J # as she says"), "  nickName: J …\n"),
        (jane("  salary: 100"), "  salary: …\n"),
        (jane("  password: {mode: Genrate}"), "  password: {mode: Genrate}\n"),
        (jane("  organizations:\n  - organizationRef: lab"), "  - organizationRef: lab\n"),
        (jane("  activation: {at: \"2027-02-30\"}\r"), "  activation: {at: \"2027-02-30\"}\n"),
        (jane("  nickname: [J"), "  nickname: [J\n"),
        (jane("").replace("kind: Member", "kind: Membr"), "kind: Membr\n"),
        (tenant("acme", "  timeZone: Asia/Soul"), "  timeZone: Asia/Soul\n"),
        (tenant("acme", "  languages: ko_KR"), "  languages: ko_KR\n"),
        (format!("apiVersion: v1\nkind: List\nitems:\n- {flow}\n"), "spec: {displayName: [L]}}\n"),
        (format!("{flow}\n"), "spec: {displayName: [L]}}\n"),
    ];
    on_both(|roll| {
        for (document, line) in &cases {
            let output = roll.run(&["validate", "-f", "-", "-n", "hr"], document);
            let carets = output.stderr.lines().filter(|line| line.contains("·") && line.contains("─")).count();
            assert!(output.code != 0 && output.stderr.contains(line) && carets > 0, "{document}\n{output}");
        }
    });
}

/// A mail server that lets nobody in and repeats what it is sent, in words of its own; the URL that leads there.
fn parrot() -> String {
    let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = door.local_addr().expect("its number").port();
    thread::spawn(move || {
        for mut caller in door.incoming().flatten() {
            let heard = BufReader::new(caller.try_clone().expect("another end"));
            let mut say = |text: &str| caller.write_all(format!("{text}\r\n").as_bytes()).is_ok();
            say("220 parrot");
            for line in heard.lines().map_while(Result::ok) {
                let heard = match line.split(' ').next() {
                    Some("EHLO") => say("250-parrot\r\n250 AUTH PLAIN"),
                    Some("AUTH") => say(&format!("535 bad credentials p@ss!wordZZ {line}")),
                    Some(_) | None => say("250 so be it"),
                };
                if !heard {
                    break;
                }
            }
        }
    });
    format!("smtp://user:p%40ss%21wordZZ@127.0.0.1:{port}?tls=none")
}

// R7, I2
#[test]
fn a_mail_server_that_repeats_the_password_brings_it_into_no_message() {
    on_both(|roll| {
        let url = parrot();
        let args = ["--smtp", &url, "--mail-from", "hr@acme.example", "--link-base", "https://login.acme.example"];
        let report = roll.apply_with(START, &set(&[tenant("acme", ""), boss("acme")]), &args).expect_code(0);
        let told = roll.run(&["outbox", "-o", "json"], "").ok().stdout;
        assert!(told.contains("bad credentials … AUTH PLAIN …"), "{told}");
        let all = format!("{told}{}{}{}", report.json, report.stderr, dump(roll));
        for form in ["p@ss!wordZZ", "p%40ss%21wordZZ", "cEBzcyF3b3JkWlo", "AHVzZXIAcEBzcyF3b3JkWlo"] {
            assert!(!all.contains(form), "{form} in {told}");
        }
    });
}
