//! What commands say, where nobody reads it. Run by `make test`.

use crate::commands::company;
use crate::support::{member, on_both, phase};

const NOW: &str = "2027-03-01T09:00:00Z";
const LATER: &str = "2027-03-02T09:00:00Z";
/// What shells tell of a program that SIGPIPE ended.
const UNREAD: i32 = 141;

// R8: the reader of a pipe that went away, as in `rollcall apply … | head -1`, takes nothing of the work with it.
#[test]
fn what_nobody_reads_is_done_all_the_same() {
    on_both(|roll| {
        let jane = member("jane", "acme", "  activation: {at: 2027-03-02}\n  password: {mode: CreationLink}");
        let apply = ["apply", "-f", "-", "--yes", "--now", NOW, "-n", "hr"];
        assert_eq!(roll.run_unread(&apply, &company(&[jane.clone(), member("joe", "nobody", "")])), UNREAD);
        assert_eq!(phase(&roll.get("Member", "jane")), "Scheduled");
        // Leadership was given up: the next need not wait for it.
        roll.tick(LATER).expect_code(0);
        assert_eq!(phase(&roll.get("Member", "jane")), "Pending");

        let ids = roll.query("SELECT id FROM outbox WHERE acknowledged_at IS NULL LIMIT 1").expect("an order");
        assert_eq!(roll.run_unread(&["record", "acknowledge", &ids, "--now", LATER], ""), UNREAD);
        let acknowledged = format!("SELECT id FROM outbox WHERE acknowledged_at IS NOT NULL AND id = '{ids}'");
        assert_eq!(roll.query(&acknowledged), Some(ids));
        for command in
            [&["get", "members", "-A"][..], &["describe", "member", "jane", "-n", "hr"], &["history"], &["completions", "bash"]]
        {
            assert_eq!(roll.run_unread(command, ""), UNREAD, "{command:?}");
        }
        // A sentence on standard error is no reason to end.
        assert_eq!(roll.run_unread(&["describe", "member", "nobody", "-n", "hr"], ""), 1);
    });
}

// R9: a set without its Tenant is not complete, and whoever thought so is told.
#[test]
fn a_set_that_removes_nothing_says_why() {
    on_both(|roll| {
        let jane = member("jane", "acme", "");
        roll.apply(NOW, &company(&[jane.clone(), member("joe", "acme", "")])).expect_code(0);
        for command in ["plan", "apply"] {
            let run = |yaml: &str, prune: &[&str]| {
                roll.run(&[&[command, "-f", "-", "--now", LATER, "-n", "hr"], prune].concat(), yaml).stderr
            };
            assert!(run(&jane, &["--prune"]).contains("nothing is removed, since no Tenant is in the set"), "{command}");
            let unread = company(&[jane.clone(), "kind: [".to_owned()]);
            assert!(run(&unread, &["--prune"]).contains("nothing is removed, since a document could not be read"), "{command}");
            assert!(!run(&jane, &[]).contains("nothing is removed"), "{command}");
        }
        assert_eq!(phase(&roll.get("Member", "joe")), "Pending");
    });
}
