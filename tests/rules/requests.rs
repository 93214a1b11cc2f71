//! Registration by request: the link, the request, what approves and what ends it (M35).
//! Run by `make test`.

use serde_json::{Value, json};

use crate::support::{Output, Roster, annotated, boss, condition, member, on_both, phase, set, tenant};

const NOW: &str = "2027-03-01T09:00:00Z";
const LATER: &str = "2027-03-02T09:00:00Z";

const OPEN: &str = "  registrationLink: {enabled: true, token: spring}";

fn company(link: &str) -> String {
    set(&[tenant("acme", link), boss("acme")])
}

fn ask(roll: &Roster, now: &str, link: &str, id: &str) -> Output {
    let person = ["--family", "Hong", "--given", "Gil", "--id", id, "--email", "gil@home.example"];
    let args = [&["record", "registration-request", "acme", "--link", link, "--now", now, "-n", "hr"], &person[..]].concat();
    roll.run(&args, "")
}

fn asked(roll: &Roster, now: &str, id: &str) -> String {
    ask(roll, now, "spring", id).ok().stdout.trim().to_owned()
}

fn requests(roll: &Roster, now: &str) -> Value {
    roll.run(&["requests", "acme", "-o", "json", "--now", now, "-n", "hr"], "").ok().json()
}

fn status(roll: &Roster) -> Value {
    roll.get("Tenant", "acme")["status"].clone()
}

/// What the tenant's trail tells of a request: the causes and the states.
fn trail(roll: &Roster, id: &str) -> Vec<(String, String)> {
    let path = format!("registrationRequests.{id}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = roll.history("Tenant", "acme");
    rows.iter()
        .filter(|row| row["fields"][0]["path"] == path.as_str())
        .map(|row| (text(&row["cause"]), text(&row["fields"][0]["to"])))
        .collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(cause, state)| ((*cause).to_owned(), (*state).to_owned())).collect()
}

// M35
#[test]
fn a_request_is_listed_and_is_no_account() {
    on_both(|roll| {
        roll.apply(NOW, &company(OPEN)).expect_code(0);
        let id = asked(roll, LATER, "gil.hong");
        let told = &status(roll)["registrationRequests"][0];
        assert_eq!(told, &json!({"id": id, "displayName": "Gil Hong", "wishedId": "gil.hong", "requestedAt": LATER}));
        assert_eq!((&status(roll)["registrationRequestCount"], &status(roll)["members"]), (&json!(1), &json!(1)));
        assert_eq!(requests(roll, LATER)[0]["email"], "gil@home.example");
        let described = roll.run(&["describe", "tenant", "acme", "-n", "hr"], "").ok().stdout;
        assert!(described.contains(&id), "{described}");
        assert_eq!(trail(roll, &id), pairs(&[("Service", "Open")]));
        assert!(!roll.trail().iter().any(|row| row.to_string().contains("gil@home")), "nothing of the person is in the trail");
    });
}

// M35, M8: what a stranger writes moves no cursor and fakes no line, neither where it is taken nor where it is shown.
#[test]
fn a_request_holds_no_control_characters() {
    on_both(|roll| {
        roll.apply(NOW, &company(OPEN)).expect_code(0);
        let send = |family: &str, email: &str| {
            let person = ["--family", family, "--given", "Gil", "--id", "gil.hong", "--email", email];
            let args = ["record", "registration-request", "acme", "--link", "spring", "--now", LATER, "-n", "hr"];
            roll.run(&[&args[..], &person].concat(), "")
        };
        for (family, email) in [
            ("Ho\u{1b}[2Kng", "gil@home.example"),
            ("Hong\nboss", "gil@home.example"),
            ("Hong\u{2028}boss", "gil@home.example"),
            ("Hong", "gil\u{1b}[31m@home.example"),
            ("Hong", "gil\n@home.example"),
        ] {
            let refused = send(family, email);
            assert_eq!(refused.code, 1, "{family:?} {email:?} {refused}");
            assert!(!refused.stderr.trim_end().contains(['\u{1b}', '\n', '\u{2028}']), "{refused:?}");
        }
        // What is there all the same, from before or by somebody's SQL, is shown without.
        send("Hong", "gil@home.example").ok();
        roll.sql("UPDATE registration_requests SET family_name = 'Ho\u{1b}[31mng\nx\ty\u{202e}'").expect("somebody's SQL");
        let listed = roll.run(&["requests", "--now", LATER, "-n", "hr"], "").ok().stdout;
        assert!(listed.contains("Gil Ho\u{fffd}[31mng x y\u{fffd}") && listed.lines().count() == 2, "{listed:?}");
        assert!(!listed.contains(['\u{1b}', '\t', '\u{202e}']), "{listed:?}");
    });
}

// R7, M35: who knows the token may ask for an account; that it is another one is told, and not which.
#[test]
fn the_token_of_the_link_is_told_nowhere() {
    on_both(|roll| {
        let with = |token: &str| company(&format!("  registrationLink: {{enabled: true, token: {token}}}"));
        let silent = |told: &str| assert!(!told.contains("qz7") && !told.contains("rj9"), "{told}");
        silent(&roll.plan(NOW, &with("qz7"), &[]).json.to_string());
        silent(&roll.apply(NOW, &with("qz7")).expect_code(0).json.to_string());
        for format in ["table", "json", "markdown"] {
            let plan = roll.run(&["plan", "-f", "-", "--now", LATER, "-n", "hr", "-o", format], &with("rj9"));
            let told = if format == "json" { "(given)" } else { "registrationLink: renewed" };
            assert!(plan.stdout.contains("registrationLink") && plan.stdout.contains(told), "{plan}");
            silent(&plan.to_string());
        }
        let applied = roll.run(&["apply", "-f", "-", "--yes", "--now", LATER, "-n", "hr"], &with("rj9")).ok();
        assert!(applied.stdout.contains("registrationLink"), "{applied}");
        silent(&applied.to_string());
        let history = serde_json::to_string(&roll.history("Tenant", "acme")).unwrap_or_default();
        assert!(history.matches("(given)").count() == 3, "{history}");
        silent(&history);
        silent(&roll.run(&["describe", "tenant", "acme", "-n", "hr"], "").ok().stdout);
        silent(&status(roll).to_string());
        assert_eq!(
            roll.query("SELECT count(*) FROM audit_values WHERE CAST(changes AS TEXT) LIKE '%qz7%'").as_deref(),
            Some("0")
        );
        // What is declared is still what is declared.
        assert_eq!(roll.get("Tenant", "acme")["spec"]["registrationLink"]["token"], "rj9");
        for wrong in ["[qz7]", "\"qz7\\nqz7\"", &"qz7".repeat(50), "qz7, tokn: qz7"] {
            let refused = roll.run(&["apply", "-f", "-", "--yes", "--now", LATER, "-n", "hr"], &with(wrong));
            assert!(refused.code > 0 && refused.stderr.contains("registrationLink"), "{refused}");
            silent(&refused.to_string());
        }
        let refused =
            roll.run(&["validate", "-f", "-", "-n", "hr"], &set(&[tenant("acme", "  registrationLink: qz7"), boss("acme")]));
        assert!(refused.code > 0, "{refused}");
        silent(&refused.to_string());
    });
}

// M35
#[test]
fn the_printed_manifest_approves_the_request() {
    on_both(|roll| {
        roll.apply(NOW, &company(OPEN)).expect_code(0);
        let id = asked(roll, LATER, "gil_hong");
        let manifest = roll.run(&["requests", "-o", "yaml", "--now", LATER, "-n", "hr"], "").ok().stdout;
        roll.apply(LATER, &manifest).expect_code(0);
        let gil = roll.get("Member", "gil-hong");
        assert_eq!(
            (phase(&gil), &gil["status"]["id"], &gil["spec"]["registration"]),
            ("Pending", &json!("gil_hong"), &json!(id))
        );
        assert_eq!(status(roll)["registrationRequests"], Value::Null);
        assert_eq!(requests(roll, LATER), json!([]));
        assert_eq!(trail(roll, &id), pairs(&[("Service", "Open"), ("Declared", "Approved")]));
        assert_eq!(roll.query("SELECT email || family_name || wished_id FROM registration_requests").as_deref(), Some(""));
        // Applied again it is the same member, and nothing is missed.
        assert_eq!(roll.apply("2027-05-01T00:00:00Z", &manifest).expect_code(0).all_actions(), [""; 0]);
        assert!(condition(&roll.get("Member", "gil-hong"), "RegistrationNotFound").is_none());
    });
}

// M35: one request makes one member; who else names it is made all the same, and told so.
#[test]
fn a_request_is_approved_once() {
    on_both(|roll| {
        roll.apply(NOW, &company(OPEN)).expect_code(0);
        let id = asked(roll, LATER, "gil.hong");
        let naming = |name: &str| member(name, "acme", &format!("  registration: {id}"));
        roll.apply(LATER, &set(&[naming("gil"), naming("hong")])).expect_code(0);
        assert_eq!(trail(roll, &id), pairs(&[("Service", "Open"), ("Declared", "Approved")]));
        let warned = |roll: &Roster| {
            ["gil", "hong", "kim"].map(|name| condition(&roll.get("Member", name), "RegistrationNotFound").is_some())
        };
        roll.apply("2027-03-03T09:00:00Z", &naming("kim")).expect_code(0);
        assert_eq!(warned(roll), [false, true, true]);
        let renamed = ["gil", "hong", "kim"].map(|name| format!("{}  nickname: N\n", naming(name)));
        roll.apply("2027-03-04T09:00:00Z", &set(&renamed)).expect_code(0);
        assert_eq!(warned(roll), [false, true, true]);
        assert_eq!(trail(roll, &id), pairs(&[("Service", "Open"), ("Declared", "Approved")]));
    });
}

// M35: any ID that may be wished for makes a manifest that can be applied.
#[test]
fn a_wished_id_of_any_kind_gives_the_manifest_a_name() {
    on_both(|roll| {
        roll.apply(NOW, &company(OPEN)).expect_code(0);
        for id in ["__", "_-", "gil-._hong", "_gil_"] {
            asked(roll, LATER, id);
        }
        let requests = requests(roll, LATER);
        let mut names: Vec<&str> =
            requests.as_array().into_iter().flatten().filter_map(|told| told["manifest"]["metadata"]["name"].as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["gil", "gil.hong", "member", "member-2"]);
        let manifests = roll.run(&["requests", "-o", "yaml", "--now", LATER, "-n", "hr"], "").ok().stdout;
        roll.apply(LATER, &manifests).expect_code(0);
        assert_eq!(status(roll)["registrationRequestCount"], Value::Null);
    });
}

// M35: whoever wishes for somebody's name gets no account of theirs.
#[test]
fn a_request_never_leads_to_another_persons_account() {
    on_both(|roll| {
        let jane = member("gil-hong", "acme", "  administrator: Operations");
        roll.apply(NOW, &set(&[company(OPEN), jane.clone()])).expect_code(0);
        let id = asked(roll, LATER, "gil_hong");
        let printed = roll.run(&["requests", "-o", "yaml", "--now", LATER, "-n", "hr"], "").ok().stdout;
        assert!(printed.contains("name: gil-hong-2\n"), "{printed}");
        // Neither by hand, nor by a manifest that is refused or waits.
        let claimed = jane.replace("administrator", &format!("registration: {id}\n  administrator"));
        for (manifest, wanted) in [(claimed.clone(), "Invalid"), (format!("{claimed}  jobLevel: Wizard\n"), "Invalid")] {
            let report = roll.apply(LATER, &manifest).expect_code(1);
            assert_eq!(report.refused("Member", "gil-hong").as_deref(), Some(wanted));
            assert_eq!(roll.get("Member", "gil-hong")["status"]["id"], "gil-hong");
            assert_eq!(trail(roll, &id), pairs(&[("Service", "Open")]));
        }
        assert_eq!(requests(roll, LATER)[0]["email"], "gil@home.example");
        // One in grace is as little to be had.
        roll.apply(LATER, &jane.replace("  administrator: Operations\n", "")).expect_code(0);
        roll.apply_with(LATER, &company(OPEN), &["--prune"]).expect_code(0);
        assert!(roll.run(&["requests", "-o", "yaml", "--now", LATER, "-n", "hr"], "").ok().stdout.contains("gil-hong-2"));
        let report = roll.apply(LATER, &claimed).expect_code(1);
        assert_eq!(
            (report.refused("Member", "gil-hong").as_deref(), phase(&roll.get("Member", "gil-hong"))),
            (Some("Invalid"), "Deleted")
        );
        let report = roll.apply(LATER, &printed).expect_code(0);
        assert_eq!(report.actions("Member", "gil-hong-2"), ["create"]);
        assert_eq!(trail(roll, &id), pairs(&[("Service", "Open"), ("Declared", "Approved")]));
    });
}

// R14: what a frozen tenant was asked for is told, and ends with the thaw.
#[test]
fn no_request_ends_while_the_tenant_is_frozen() {
    on_both(|roll| {
        roll.apply(NOW, &company(OPEN)).expect_code(0);
        let id = asked(roll, LATER, "gil.hong");
        roll.apply(LATER, &annotated(&tenant("acme", OPEN), "frozen", "audit")).expect_code(0);
        assert_eq!(roll.tick("2027-06-01T00:00:00Z").all_actions(), [""; 0]);
        assert_eq!(trail(roll, &id), pairs(&[("Service", "Open")]));
        roll.apply("2027-06-02T00:00:00Z", &tenant("acme", OPEN)).expect_code(0);
        assert_eq!(trail(roll, &id), pairs(&[("Service", "Open"), ("Scheduled", "Ended")]));
    });
}

// M35
#[test]
fn a_rejected_request_is_gone_and_audited() {
    on_both(|roll| {
        roll.apply(NOW, &company(OPEN)).expect_code(0);
        let id = asked(roll, LATER, "gil.hong");
        let reject = || roll.run(&["requests", "reject", &id, "--now", LATER, "-n", "hr"], "");
        reject().ok();
        assert_eq!(status(roll)["registrationRequestCount"], Value::Null);
        assert_eq!(trail(roll, &id), pairs(&[("Service", "Open"), ("Administrative", "Rejected")]));
        assert_eq!(roll.query("SELECT email || given_name FROM registration_requests").as_deref(), Some(""));
        assert_eq!(reject().code, 1);
        // The manifest counts nevertheless: it is the administrator's word; and it is said.
        let late = member("gil", "acme", &format!("  registration: {id}"));
        roll.apply(LATER, &late).expect_code(0);
        assert!(condition(&roll.get("Member", "gil"), "RegistrationNotFound").is_some());
    });
}

// M35
#[test]
fn an_open_request_ends_after_thirty_days() {
    on_both(|roll| {
        roll.apply(NOW, &company(OPEN)).expect_code(0);
        let id = asked(roll, LATER, "gil.hong");
        roll.tick("2027-04-01T08:59:59Z").expect_code(0);
        assert_eq!(status(roll)["registrationRequestCount"], 1);
        roll.tick("2027-04-01T10:00:00Z").expect_code(0);
        assert_eq!(status(roll)["registrationRequestCount"], Value::Null);
        assert_eq!(trail(roll, &id), pairs(&[("Service", "Open"), ("Scheduled", "Ended")]));
        let row = roll.history("Tenant", "acme").pop().unwrap();
        assert_eq!((&row["due"], &row["at"]), (&json!("2027-04-01T09:00:00Z"), &json!("2027-04-01T10:00:00Z")));
        assert_eq!(roll.query("SELECT email FROM registration_requests").as_deref(), Some(""));
    });
}

// M35: what is over by its time can't be rejected any more, also where nobody has told the trail yet.
#[test]
fn a_request_whose_time_is_over_is_not_rejected() {
    on_both(|roll| {
        roll.apply(NOW, &company(OPEN)).expect_code(0);
        let id = asked(roll, LATER, "gil.hong");
        let late = roll.run(&["requests", "reject", &id, "--now", "2027-04-01T09:00:00Z", "-n", "hr"], "");
        assert!(late.code == 1 && late.stderr.contains("no open request"), "{late}");
        roll.tick("2027-04-02T09:00:00Z").expect_code(0);
        assert_eq!(trail(roll, &id), pairs(&[("Service", "Open"), ("Scheduled", "Ended")]));
    });
}

// M35
#[test]
fn a_link_that_was_renewed_or_closed_leads_nowhere() {
    on_both(|roll| {
        roll.apply(NOW, &company("")).expect_code(0);
        assert_eq!(ask(roll, NOW, "spring", "gil").code, 1);
        let report = roll.apply(NOW, &company("  registrationLink: {enabled: true}")).expect_code(1);
        assert!(report.refused_message("Tenant", "acme").unwrap_or_default().contains("spec.registrationLink.token"));
        roll.apply(NOW, &company(OPEN)).expect_code(0);
        let id = asked(roll, NOW, "gil");
        roll.apply(LATER, &company("  registrationLink: {enabled: true, token: summer}")).expect_code(0);
        assert_eq!(ask(roll, LATER, "spring", "june").code, 1);
        ask(roll, LATER, "summer", "june").ok();
        roll.apply(LATER, &company("  registrationLink: {enabled: false, token: summer}")).expect_code(0);
        let refused = ask(roll, LATER, "summer", "kim");
        assert!(refused.code == 1 && !refused.stderr.contains("summer"), "{refused}");
        // What came before stays open.
        assert_eq!(
            (requests(roll, LATER)[0]["id"].as_str(), requests(roll, LATER).as_array().map(Vec::len)),
            (Some(id.as_str()), Some(2))
        );
    });
}

// M35: no account could be made of it.
#[test]
fn a_request_is_checked_as_the_member_would_be() {
    on_both(|roll| {
        roll.apply(NOW, &company(OPEN)).expect_code(0);
        let refused = ask(roll, LATER, "spring", "Gil..Hong");
        assert!(refused.code == 1 && refused.stderr.contains("spec.id"), "{refused}");
        assert_eq!(status(roll)["registrationRequestCount"], Value::Null);
    });
}

// M35: the status lists the first 20 and counts all.
#[test]
fn many_requests_are_counted_and_the_first_listed() {
    on_both(|roll| {
        roll.apply(NOW, &company(OPEN)).expect_code(0);
        let uid = roll.query("SELECT uid FROM tenants").unwrap();
        for number in 0..25 {
            roll.sql(&format!(
                "INSERT INTO registration_requests VALUES ('r{number:02}', '{uid}', 'F', 'G', 'id', 'g@home.example', {number}, \
                 4000000000000000, 'Open', NULL, 1, 0, NULL)"
            ))
            .unwrap();
        }
        roll.tick(LATER).expect_code(0);
        let told = status(roll)["registrationRequests"].as_array().cloned().unwrap_or_default();
        assert_eq!((told.len(), &told[0]["id"], &status(roll)["registrationRequestCount"]), (20, &json!("r00"), &json!(25)));
    });
}

// M35: whose time is over is not approved, though nobody ran since.
#[test]
fn a_request_whose_time_is_over_is_not_approved() {
    on_both(|roll| {
        roll.apply(NOW, &company(OPEN)).expect_code(0);
        let id = asked(roll, LATER, "gil.hong");
        let gil = member("gil", "acme", &format!("  registration: {id}"));
        let late = "2027-04-06T09:00:00Z";
        roll.apply(late, &set(&[company(OPEN), gil])).expect_code(0);
        assert!(condition(&roll.get("Member", "gil"), "RegistrationNotFound").is_some());
        assert_eq!(trail(roll, &id), pairs(&[("Service", "Open"), ("Scheduled", "Ended")]));
    });
}
