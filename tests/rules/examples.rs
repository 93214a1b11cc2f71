//! The examples work as they are, and go on working as time passes. Nothing in them is without effect.

use crate::support::*;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/acme");

// R5, R11
#[test]
fn the_example_is_taken_as_it_is() {
    on_both(|roll| {
        let applied = roll.run(&["apply", "-f", EXAMPLE, "--yes", "--now", "2026-12-01T00:00:00Z"], "").ok();
        assert!(!applied.stderr.contains("NotYetSupported"), "{applied}");
        let members = roll.list("members");
        assert_eq!(members.len(), 21);
        for member in &members {
            assert_eq!(ready(member).0, "True", "{member}");
        }
        let again = roll.run(&["apply", "-f", EXAMPLE, "--yes", "--now", "2026-12-01T00:00:00Z", "-o", "json"], "").ok();
        assert_eq!(again.json()["changes"], serde_json::json!([]));
    });
}

// R4, M20–M23, M25
#[test]
fn the_example_lives_on_as_time_passes() {
    on_both(|roll| {
        roll.run(&["apply", "-f", EXAMPLE, "--yes", "--now", "2026-12-01T00:00:00Z"], "").ok();
        let told = |now: &str| roll.tick(now).expect_code(0).all_actions();
        assert_eq!(told("2029-09-03T00:00:00Z"), ["leave Member/inigo"]);
        assert_eq!(told("2030-01-01T00:00:00Z"), ["delete Member/joerg"]);
        assert_eq!(told("2030-01-08T00:00:00Z"), ["suspend Member/siobhan", "purge Member/joerg"]);
        assert_eq!(told("2030-03-04T00:00:00Z"), ["unsuspend Member/siobhan", "return Member/inigo", "activate Member/minji"]);
        let row = roll.trail().into_iter().next_back().unwrap();
        assert_eq!((&row["cause"], &row["due"]), (&"Scheduled".into(), &"2030-03-03T15:00:00Z".into()));
    });
}
