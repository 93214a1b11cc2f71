//! What commands say, where nobody reads it. Run by `make test`.

use crate::commands::company;
use crate::support::{boss, member, on_both, organization, phase, set, tenant};

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

// R6: what changes within a mapping or a list is told, in a plan, as it is applied, as drift, and in the trail.
#[test]
fn a_change_within_a_field_is_told_by_what_differs() {
    on_both(|roll| {
        let jane = |position: &str, secret: &str, until: &str| {
            let spec = format!(
                "  organizations: [{{organizationRef: {{name: sub}}, position: {position}}}, {{organizationRef: {{name: top}}}}]\n  \
                 password: {{mode: FromSecret, secretKeyRef: {{name: {secret}, key: p}}}}\n  \
                 leaveOfAbsence: {{from: 2027-03-01, until: {until}}}"
            );
            member("jane", "acme", &spec)
        };
        let teams = [organization("sub", "acme", ""), organization("top", "acme", "")];
        let positions = tenant("acme", "  positions: [Lead, Head]");
        roll.apply(NOW, &set(&[&[positions, boss("acme"), jane("Lead", "a", "2027-04-01")], &teams[..]].concat()));
        let changed = jane("Head", "b", "2027-05-01");
        let run = |command: &str| roll.run(&[command, "-f", "-", "--now", LATER, "-n", "hr"], &changed).stdout;
        let (plan, applied) = (run("plan"), run("apply"));
        let history = || roll.run(&["history", "member", "jane", "-n", "hr"], "").stdout;
        for told in [plan, applied, history()] {
            for difference in [
                "organizations.sub.position: Lead → Head",
                "password.secretKeyRef.name: a → b",
                "onLeave.until: 2027-04-02T00:00:00Z → 2027-05-02T00:00:00Z",
            ] {
                assert!(told.contains(difference), "{difference}: {told}");
            }
        }
        roll.sql("UPDATE assignments SET leader = TRUE WHERE organization = (SELECT uid FROM organizations WHERE name = 'top')")
            .expect("somebody's SQL");
        roll.tick(LATER);
        let last = history();
        assert!(last.contains("Drift") && last.contains("organizations.top.leader: true → false"), "{last}");
    });
}

#[test]
fn a_summary_counts_each_object_once() {
    on_both(|roll| {
        let post = |id: &str| {
            let group = "  corporateGroup: Blue\n";
            let umbra = tenant("umbra", &format!("{group}  supremeAdminRef: {{name: chief}}"));
            let jane = [member("jane", "acme", &format!("  id: {id}")), member("post", "umbra", "  concurrentOf: {name: jane}")];
            set(&[&[tenant("acme", group), boss("acme"), umbra, member("chief", "umbra", "")][..], &jane].concat())
        };
        roll.apply(NOW, &post("one")).expect_code(0);
        for command in ["plan", "apply"] {
            let told = roll.run(&[command, "-f", "-", "--now", LATER, "-n", "hr"], &post("two")).stdout;
            assert!(told.contains("2 rename; 4 unchanged"), "{told}");
        }
    });
}
