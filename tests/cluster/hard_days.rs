//! Kills, freezes, restarts, silence: what the operator does on a bad day, and what it leaves alone on a quiet one.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{Directory, Operator, Plane, becomes, company, member, started, within};

/// A company with so many members, `m0` and on.
fn large(members: usize) -> String {
    let names: Vec<String> = (0..members).map(|number| format!("m{number}")).collect();
    company("hr", &names.iter().map(String::as_str).collect::<Vec<_>>())
}

fn all_ready(plane: &Plane, members: usize) {
    within(120, || {
        let ready = "jsonpath={range .items[*]}{.status.conditions[?(@.type==\"Ready\")].status}{'\\n'}{end}";
        let ready = plane.kubectl(&["get", "members", "-n", "hr", "-o", ready]).lines().filter(|line| *line == "True").count();
        if ready == members { Ok(()) } else { Err(format!("{ready} of {members} are ready")) }
    });
}

// R13: the objects tell that they were acted on, where the directory has forgotten it.
#[test]
fn a_directory_that_is_restored_from_a_backup_does_nothing_a_second_time() {
    let (plane, directory, operator) = started();
    plane.apply(&company("hr", &["jane"]));
    plane.wait_ready("hr", &["member/jane"]);
    let notices = || directory.count("outbox WHERE effect = 'NotifyUpdate'");
    let notice = |token: &str| plane.apply(&member("hr", "jane", &format!("  notifyUpdate: {token}")));
    let backup = plane.path("backup.db");
    directory.execute(&format!("VACUUM INTO '{}'", backup.display()));
    notice("one");
    becomes(10, 1, notices);
    becomes(10, "2".to_owned(), || plane.status("member", "hr", "jane", "observedGeneration"));
    operator.end();
    let file = directory.url().strip_prefix("sqlite:").unwrap();
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{file}{suffix}"));
    }
    std::fs::copy(backup, file).unwrap();
    let _operator = Operator::start(&plane, &directory);
    becomes(20, 1, || directory.count("declarations WHERE name = 'jane' AND generation = 2"));
    assert_eq!(notices(), 0);
    notice("two");
    becomes(10, 1, notices);
}

// R5, R6
#[test]
fn kills_amid_a_thousand_applies_leave_no_trace_and_a_quiet_operator_says_nothing() {
    let (plane, directory) = (Plane::start(), Directory::sqlite());
    plane.namespace("hr");
    let operator = std::thread::scope(|scope| {
        let mut operator = Operator::spawn(&plane, &directory, &[]);
        let applied = scope.spawn(|| plane.apply(&large(999)));
        for grown in [50, 300, 650, 900] {
            within(120, || if directory.count("members") >= grown { Ok(()) } else { Err("growing") });
            operator.kill();
            operator = Operator::spawn(&plane, &directory, &[]);
        }
        applied.join().unwrap();
        operator
    });
    all_ready(&plane, 1_000);
    assert_eq!(directory.count("members"), 1_000);
    assert_eq!(directory.count("audit WHERE kind = 'Member' AND action = 'create'"), 1_000);
    assert_eq!(directory.rows("SELECT uid FROM audit WHERE action = 'create' GROUP BY uid HAVING count(*) > 1").len(), 0);

    // What was told before a kill is not told again after it.
    let mut told = std::collections::HashMap::new();
    for patch in plane.writes().into_iter().filter(|write| write.resource == "members" && write.code == 200) {
        *told.entry(patch.name).or_insert(0) += 1;
    }
    let again: Vec<_> = told.iter().filter(|(name, times)| name.starts_with('m') && **times > 1).collect();
    assert!(again.is_empty(), "{again:?}");

    // Figures settle; then a restart with nothing changed writes nothing, neither here nor there.
    sleep(Duration::from_secs(3));
    let before =
        (directory.rows("SELECT CAST(revision AS TEXT) FROM members ORDER BY uid"), directory.trail(), plane.writes().len());
    assert_eq!(operator.end(), 0);
    let operator = Operator::start(&plane, &directory);
    sleep(Duration::from_secs(3));
    let after =
        (directory.rows("SELECT CAST(revision AS TEXT) FROM members ORDER BY uid"), directory.trail(), plane.writes().len());
    assert!(before.0 == after.0 && before.1 == after.1, "the directory was written to");
    assert_eq!(before.2, after.2, "{:?}", plane.writes().last());

    // An idle minute: watches, and nothing else.
    let asked = plane.requests().len();
    sleep(Duration::from_secs(60));
    let requests = plane.requests();
    let others: Vec<_> = requests[asked..].iter().filter(|request| request.verb != "watch").collect();
    assert!(others.is_empty(), "{others:?}");
    assert_eq!(operator.end(), 0);
}

#[test]
fn of_two_operators_one_leads_and_the_other_takes_over() {
    let (plane, directory) = (Plane::start(), Directory::postgres());
    plane.namespace("hr");
    let first = Operator::start(&plane, &directory);
    let second = Operator::spawn(&plane, &directory, &[]);
    within(20, || match second.probe("/readyz") {
        Some((200, text)) if text.contains("standing by") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    plane.apply(&company("hr", &["jane"]));
    plane.wait_ready("hr", &["member/jane"]);
    let killed = Instant::now();
    first.kill();
    second.wait_ready(30);
    assert!(killed.elapsed() < Duration::from_secs(10), "took over after {:?}", killed.elapsed());

    // Frozen, the leader is passed over; thawed, it writes nothing more and steps down.
    let third = Operator::spawn(&plane, &directory, &[]);
    within(20, || match third.probe("/readyz") {
        Some((200, text)) if text.contains("standing by") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    // What keeps it from its work then is forgotten with its leadership.
    directory.execute("ALTER TABLE password_orders RENAME TO elsewhere");
    within(20, || match second.probe("/readyz") {
        Some((503, text)) if text.contains("passwords") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    second.signal("STOP");
    directory.execute("ALTER TABLE elsewhere RENAME TO password_orders");
    third.wait_ready(30);
    plane.apply(&member("hr", "joe", ""));
    plane.wait_ready("hr", &["member/joe"]);
    let trail = directory.trail();
    second.signal("CONT");
    within(20, || match second.probe("/readyz") {
        Some((200, text)) if text.contains("standing by") => Ok(()),
        other => Err(format!("{other:?}\n{}", second.log())),
    });
    assert!(third.is_leading(), "{:?}", third.probe("/readyz"));
    sleep(Duration::from_secs(2));
    assert_eq!(directory.trail(), trail);
}

// R9: a list that failed is never complete.
#[test]
fn it_goes_on_by_itself_after_the_api_server_was_away_and_slow() {
    let (plane, directory, operator) = started();
    plane.apply(&company("hr", &["jane"]));
    plane.wait_ready("hr", &["member/jane"]);
    let uid = directory.uid("jane");
    // What the kernel says of a connection that is closed amid a write.
    operator.signal("PIPE");
    plane.stop_server();
    within(20, || match operator.probe("/readyz") {
        Some((503, why)) if why.contains("watch members") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(operator.probe("/livez").map(|(code, _)| code), Some(200));
    plane.start_server();
    operator.wait_ready(40);
    plane.apply(&member("hr", "joe", ""));
    plane.wait_ready("hr", &["member/joe"]);
    plane.freeze_server(Duration::from_secs(8));
    plane.apply(&member("hr", "jim", ""));
    plane.wait_ready("hr", &["member/jim"]);
    assert_eq!((directory.uid("jane"), directory.count("audit WHERE action = 'delete'")), (uid, 0));
}

// R8
#[test]
fn it_goes_on_by_itself_after_postgresql_was_away_and_slow() {
    let (plane, directory) = (Plane::start(), Directory::own_server());
    let operator = Operator::start(&plane, &directory);
    plane.namespace("hr");
    plane.apply(&company("hr", &["jane"]));
    plane.wait_ready("hr", &["member/jane"]);
    directory.pg_ctl(&["stop", "-m", "immediate"]);
    within(20, || match operator.probe("/readyz") {
        Some((503, why)) if why.contains("directory") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    plane.apply(&member("hr", "joe", ""));
    directory.pg_ctl(&["restart"]);
    operator.wait_ready(40);
    plane.wait_ready("hr", &["member/joe"]);
    std::thread::scope(|scope| {
        scope.spawn(|| directory.execute("BEGIN; LOCK TABLE members IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(20); COMMIT;"));
        plane.apply(&member("hr", "jim", ""));
    });
    plane.wait_ready("hr", &["member/jim"]);
    // A text that PostgreSQL does not take holds up nobody.
    let bad = "---\napiVersion: rollcall.dev/v1alpha1\nkind: ExternalContact\nmetadata: {name: bad, namespace: hr}\nspec:\n  \
         tenantRef: {name: acme}\n  ownerRef: {name: jane}\n  lookup: {messageId: taro@far.example}\n  memo: \"a\\0b\"\n";
    plane.apply(&(bad.to_owned() + &member("hr", "jill", "")));
    plane.wait_ready("hr", &["member/jill"]);
    becomes(10, "False Invalid".to_owned(), || plane.ready("externalcontact", "hr", "bad"));
    assert_eq!(directory.count("audit WHERE action = 'create' AND kind = 'Member'"), 5);
}

// R8, R9: an object that can't be decoded is present.
#[test]
fn an_object_from_before_a_stricter_schema_is_told_and_holds_up_nothing() {
    let (plane, directory) = (Plane::start(), Directory::sqlite());
    plane.namespace("hr");
    // Before the schema was what it is, anything could be stored.
    let crd = plane.kubectl(&["get", "crd", "members.rollcall.dev", "-o", "json"]);
    let mut loose: serde_json::Value = serde_json::from_str(&crd).unwrap();
    let schema = &mut loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    *schema = serde_json::json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    plane.kubectl_with(&["replace", "-f", "-"], &loose.to_string());
    let old = "apiVersion: rollcall.dev/v1alpha1\nkind: Member\nmetadata: {name: old, namespace: hr}\nspec: {tenantRef: {name: acme}, id: 7, name: Old}\n";
    within(20, || plane.try_kubectl_with(&["apply", "-f", "-"], old));
    plane.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", concat!(env!("CARGO_MANIFEST_DIR"), "/crds")]);
    let operator = Operator::start(&plane, &directory);
    plane.apply(&company("hr", &["jane"]));
    plane.wait_ready("hr", &["member/jane", "member/boss"]);
    // The API server takes no status for it: an event says what is wrong.
    within(20, || {
        let events = plane.events("hr");
        if events.contains("old Invalid spec.") { Ok(()) } else { Err(events) }
    });
    let metrics = operator.probe("/metrics").unwrap().1;
    assert!(metrics.contains("rollcall_status_patches_total{by=\"refused\"} 1"), "{metrics}");
    sleep(Duration::from_secs(5));
    assert_eq!(directory.count("audit WHERE action = 'delete'"), 0);
    assert!(operator.is_leading());
}
