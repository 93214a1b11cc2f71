//! What a kill does to an apply, and what two applies do to each other: the real process, SIGKILL, on both
//! databases. Kills come when the directory has grown so far, never after a while. Run by `make test`.

#[path = "../benches/roster.rs"]
mod roster;
#[path = "rules/support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};

use support::{Roster, on_both};

/// How many members are applied: enough for a few batches, or as many as `make crash` says.
fn members_in_all() -> usize {
    setting("ROLLCALL_CRASH_MEMBERS").unwrap_or(1_200)
}

/// In how many directories the apply is killed.
fn kills() -> usize {
    setting("ROLLCALL_CRASH_KILLS").unwrap_or(2)
}

fn setting(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

const REHEARSED: &[&str] = &["--now", "2027-01-10T00:00:00Z"];

/// Starts an apply of a large roster in the background, with further arguments.
fn start(roll: &Roster, arguments: &[&str]) -> Child {
    let files = roll.folder().join("roster");
    if !files.exists() {
        roster::write(&files, members_in_all()).unwrap();
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

/// The whole directory but for what chance makes, as one text a table.
fn dump(roll: &Roster) -> Vec<String> {
    let tables = [
        (
            "name || ' ' || id || ' ' || phase || ' ' || family_name || ' ' || coalesce(activated_at, 0) || ' ' || digest",
            "members",
        ),
        (
            "m.name || ' ' || a.ordinal || ' ' || o.name || ' ' || a.is_primary",
            "assignments a JOIN members m ON m.uid = a.member JOIN organizations o ON o.uid = a.organization",
        ),
        // A sibling's name stands behind its parent's uid.
        (
            "c.space || ' ' || CASE WHEN c.space = 'sibling-name' THEN substr(c.key, 38) ELSE c.key END || ' ' || coalesce(m.name, '')",
            "claims c LEFT JOIN members m ON m.uid = c.holder",
        ),
        ("kind || ' ' || name || ' ' || digest || ' ' || reason || ' ' || generation", "declarations"),
        ("key || ' ' || name", "waits WHERE key NOT LIKE '%-%-%-%-%'"),
        (
            // Not the cause: what waited for the next commit is declared anew after a kill.
            "a.kind || ' ' || coalesce(m.name, '') || ' ' || a.action || ' ' || a.due",
            "audit a LEFT JOIN members m ON m.uid = a.uid",
        ),
    ];
    let all = |(row, table)| roll.query(&format!("SELECT string_agg({row}, '\n' ORDER BY {row}) FROM {table}"));
    let all = |table| all(table).unwrap_or_default();
    tables.into_iter().map(all).collect()
}

// R6: each change has its one row, also after a kill.
#[test]
fn an_apply_that_is_killed_and_run_again_ends_as_one_that_was_not() {
    on_both(|undisturbed| {
        assert!(start(undisturbed, REHEARSED).wait().unwrap().success());
        let whole = dump(undisturbed);
        assert_eq!(whole[0].lines().count(), members_in_all());
        let mut chance: usize = 7;
        for round in 0..kills() {
            let roll = undisturbed.another();
            // Anywhere between the first member and the last, every second time twice, every fourth time early on.
            chance = (chance * 1_103 + 377) % members_in_all();
            for wanted in [chance, members_in_all() - 1].into_iter().take(1 + round % 2) {
                let mut child = start(&roll, REHEARSED);
                grown_to(&roll, &mut child, if round % 4 == 3 { wanted / 50 } else { wanted });
                child.kill().unwrap();
                child.wait().unwrap();
            }
            assert!(start(&roll, REHEARSED).wait().unwrap().success());
            for (killed, whole) in dump(&roll).iter().zip(&whole) {
                let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
                let (killed, whole) = (lines(killed), lines(whole));
                let differ: Vec<_> = killed.symmetric_difference(&whole).take(10).collect();
                assert!(differ.is_empty(), "killed at {chance} members, the directory differs: {differ:#?}");
            }
        }
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
