//! What a kill does to an apply, and what two applies do to each other: the real process, SIGKILL, on both
//! databases. Kills come when the directory has grown so far, never after a while. Run by `make test`.

#[path = "../benches/roster.rs"]
mod roster;
#[path = "rules/support/mod.rs"]
mod support;

use std::process::{Child, Command, Stdio};

use support::{Roster, on_both};

const MEMBERS: usize = 1_200;
const REHEARSED: &[&str] = &["--now", "2027-01-10T00:00:00Z"];

/// Starts an apply of a large roster in the background, with further arguments.
fn start(roll: &Roster, arguments: &[&str]) -> Child {
    let files = roll.folder().join("roster");
    if !files.exists() {
        roster::write(&files, MEMBERS).unwrap();
    }
    Command::new(env!("CARGO_BIN_EXE_rollcall"))
        .args(["apply", "--yes", "--directory", roll.url(), "-f"])
        .arg(&files)
        .args(arguments)
        .env_remove("ROLLCALL_DIRECTORY")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// How many members are in the directory; none before there is one.
fn members(roll: &Roster) -> usize {
    let there = !roll.url().starts_with("sqlite:") || roll.folder().join("rollcall.db").exists();
    let count =
        there.then(|| std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| roll.query("SELECT count(*) FROM members"))));
    count.and_then(Result::ok).flatten().and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// Waits until so many members are there, or the process has ended.
fn grown_to(roll: &Roster, child: &mut Child, wanted: usize) {
    while members(roll) < wanted && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
}

fn dump(roll: &Roster) -> Vec<String> {
    [
        "SELECT count(*) FROM members",
        "SELECT count(*) FROM assignments",
        "SELECT count(*) FROM claims",
        "SELECT count(*) FROM declarations",
        "SELECT count(*) FROM waits",
        "SELECT count(*) FROM audit",
        "SELECT count(DISTINCT uid) FROM audit WHERE action = 'create'",
        "SELECT count(*) FROM (SELECT uid, action FROM audit GROUP BY uid, action HAVING count(*) > 1) AS twice",
        "SELECT min(phase) || max(phase) || min(id) || max(id) FROM members",
    ]
    .iter()
    .map(|sql| roll.query(sql).unwrap_or_default())
    .collect()
}

#[test]
fn an_apply_that_is_killed_and_run_again_ends_as_one_that_was_not() {
    on_both(|roll| {
        // A dead leader's lease on PostgreSQL has to pass each time.
        let kills = if roll.url().starts_with("sqlite:") { 8 } else { 2 };
        let mut chance: usize = 7;
        for _ in 0..kills {
            let mut child = start(roll, REHEARSED);
            chance = (chance * 1_103 + 377) % MEMBERS;
            grown_to(roll, &mut child, chance.max(members(roll) + 1));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert!(start(roll, REHEARSED).wait().unwrap().success());
        let killed = dump(roll);
        assert_eq!(killed[0], MEMBERS.to_string());
        assert_eq!(killed[7], "0", "no action is told twice");
        assert_eq!(killed[5], (MEMBERS + MEMBERS / 50 + 2).to_string(), "one row a record, and the role of the supreme admin");
    });
}

#[test]
fn of_two_applies_at_once_one_does_and_the_other_says_who_leads() {
    on_both(|roll| {
        let mut child = start(roll, &["--watch"]);
        grown_to(roll, &mut child, 1);
        let other = roll.run(&["apply"], "");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(other.code, 2, "{other}");
        assert!(other.stderr.contains("is led by process") && other.stderr.contains(&child.id().to_string()), "{other}");
        roll.run(&["apply"], "").ok();
    });
}
