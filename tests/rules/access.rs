//! What a member may use (M27). Never about whether the member may sign in at all, which is the life of one.
//! Run by `make test`.

use crate::life::{START, company, count, jane_with, row};
use crate::support::{Roster, on_both};

const BLOCKED: &str = "  appUsage: Blocked";

fn sign_in(roll: &Roster, now: &str, app: &str) -> i32 {
    roll.run(&["record", "sign-in", "jane", "--app", app, "--now", now, "-n", "hr"], "").code
}

// M27: every session but web ones is closed, in the transaction of the change; all apps are refused, the web stays.
#[test]
fn a_member_whose_apps_are_blocked_keeps_the_web() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        for (minute, app) in ["web", "mobile", "pc", "drive-app"].into_iter().enumerate() {
            assert_eq!(sign_in(roll, &format!("2027-03-01T09:3{minute}:00Z"), app), 0);
        }
        roll.apply("2027-03-02T00:00:00Z", &jane_with(BLOCKED)).expect_code(0);
        assert_eq!(roll.query("SELECT app FROM sessions WHERE closed_at IS NULL").as_deref(), Some("Web"));
        assert_eq!(count(roll, "sessions WHERE closed_at IS NULL"), 1);
        assert_eq!(row(roll, "update")["fields"][0]["path"], "appUsage");
        assert_eq!(sign_in(roll, "2027-03-02T00:01:00Z", "mobile"), 1);
        assert_eq!(sign_in(roll, "2027-03-02T00:02:00Z", "web"), 0);
        roll.apply("2027-03-03T00:00:00Z", &jane_with("")).expect_code(0);
        assert_eq!(sign_in(roll, "2027-03-03T00:01:00Z", "mobile"), 0);
        assert_eq!(count(roll, "sessions WHERE closed_at IS NULL"), 3);
    });
}
