//! One member's whole life (section 4), from the first declaration to the record that follows the purge.
//! Never about one rule in depth: those have files of their own. Run by `make test`.

use crate::life::{company_of, jane, jane_with, on_leave, open_sessions, purge_at, text, uid};
use crate::support::{Roster, on_both, phase, ready};

/// Jane's life as the trail tells it, read further at each point.
struct Walk<'a> {
    roll: &'a Roster,
    uid: String,
    told: usize,
}

impl Walk<'_> {
    /// What the trail tells of Jane since it was last asked, as `action cause`.
    ///
    /// By her uid, since a purge takes her name out of it.
    #[track_caller]
    fn news(&mut self) -> Vec<String> {
        let rows = self.roll.trail().into_iter().filter(|row| row["uid"] == self.uid.as_str()).skip(self.told);
        let news: Vec<String> = rows.map(|row| format!("{} {}", text(&row, "action"), text(&row, "cause"))).collect();
        self.told += news.len();
        news
    }

    /// What fell due at an instant, and nothing else, was done.
    #[track_caller]
    fn time_did(&mut self, now: &str, action: &str) {
        assert_eq!(self.roll.tick(now).expect_code(0).all_actions(), [format!("{action} Member/jane")], "at {now}");
        assert_eq!(self.news(), [format!("{action} Scheduled")], "at {now}");
    }

    /// Applies Jane's manifest with this beside her activation; the news are these, whatever else comes with them.
    #[track_caller]
    fn declared(&mut self, now: &str, spec: &str, expected: &str) {
        self.roll.apply(now, &jane_with(&declaration(spec))).expect_code(0);
        let news = self.news();
        assert!(news.contains(&expected.to_owned()), "`{expected}` is not among {news:?} at {now}");
    }

    #[track_caller]
    fn stands(&self, expected: &str, reason: &str) {
        let jane = jane(self.roll);
        assert_eq!((phase(&jane), ready(&jane), uid(&jane)), (expected, ("True", reason), self.uid.clone()));
    }
}

fn declaration(spec: &str) -> String {
    format!("  activation: {{at: \"2027-02-01\"}}\n{spec}")
}

// R4, R6, M20–M25. Plain dates begin at 15:00 UTC of the day before in Seoul.
#[test]
fn a_member_walks_from_the_first_declaration_to_the_purge() {
    on_both(|roll| {
        // M20: scheduled, then pending.
        roll.apply("2027-01-04T09:00:00Z", &company_of("  timeZone: Asia/Seoul", &declaration(""))).expect_code(0);
        let mut walk = Walk { roll, uid: uid(&jane(roll)), told: 0 };
        assert_eq!(walk.news(), ["create Declared"]);
        walk.stands("Scheduled", "Scheduled");
        assert_eq!(roll.sign_in("2027-01-20T00:00:00Z", "jane").code, 1);
        walk.time_did("2027-01-31T15:00:00Z", "activate");
        walk.stands("Pending", "InDirectory");

        // M20: the first sign-in.
        roll.sign_in("2027-02-01T00:30:00Z", "jane").ok();
        roll.tick("2027-02-01T00:30:01Z").expect_code(0);
        let news = walk.news();
        assert!(news.len() == 1 && news[0].ends_with(" Service"), "{news:?}");
        walk.stands("Active", "InDirectory");
        assert_eq!(open_sessions(roll), 1);

        // M22: a leave to come, that comes and goes.
        walk.declared(
            "2027-02-02T00:00:00Z",
            "  leaveOfAbsence: {from: \"2027-02-10\", until: \"2027-02-12\", message: Away}",
            "update Declared",
        );
        walk.stands("Active", "InDirectory");
        assert_eq!(on_leave(&jane(roll)), None);
        walk.time_did("2027-02-09T15:00:00Z", "leave");
        walk.stands("Active", "InDirectory");
        assert_eq!(on_leave(&jane(roll)).map(|leave| text(leave, "message")), Some("Away"));
        walk.time_did("2027-02-12T15:00:00Z", "return");
        assert_eq!((on_leave(&jane(roll)), open_sessions(roll)), (None, 1));

        // M21: suspended, which costs the leave to come; unsuspended, what it was.
        let leave = "  leaveOfAbsence: {from: \"2027-02-20\", until: \"2027-02-25\"}\n";
        walk.declared("2027-02-13T00:00:00Z", leave, "update Declared");
        walk.declared("2027-02-14T00:00:00Z", &format!("{leave}  suspended: true"), "suspend Declared");
        walk.stands("Suspended", "InDirectory");
        assert_eq!(open_sessions(roll), 0);
        walk.declared("2027-02-16T00:00:00Z", leave, "unsuspend Declared");
        walk.stands("Active", "InDirectory");
        assert_eq!(roll.tick("2027-02-19T15:00:00Z").expect_code(0).all_actions(), [""; 0]);
        assert_eq!((on_leave(&jane(roll)), walk.news()), (None, vec![]));

        // M23: a last day, and M24: another one, declared in grace.
        roll.sign_in("2027-02-20T00:00:00Z", "jane").ok();
        walk.declared("2027-03-01T00:00:00Z", "  departure: {lastDay: \"2027-03-31\"}", "update Declared");
        walk.stands("Active", "InDirectory");
        walk.time_did("2027-03-31T15:00:00Z", "delete");
        walk.stands("Deleted", "Departed");
        assert_eq!((purge_at(&jane(roll)), open_sessions(roll)), ("2027-04-07T15:00:00Z", 0));
        let may = "  departure: {at: \"2027-05-01\"}";
        walk.declared("2027-04-05T00:00:00Z", may, "restore Declared");
        walk.stands("Active", "InDirectory");

        // R4, M23: the second departure is caught up with two days late.
        walk.time_did("2027-05-02T15:00:00Z", "delete");
        walk.stands("Deleted", "Departed");
        assert_eq!(purge_at(&jane(roll)), "2027-05-07T15:00:00Z");
        assert_eq!(roll.tick("2027-05-07T14:59:59Z").expect_code(0).all_actions(), [""; 0]);

        // M25: gone for good, and the manifest of a departed person makes nobody.
        roll.tick("2027-05-07T15:00:00Z").expect_code(0);
        assert_eq!(walk.news(), ["purge Scheduled"]);
        assert_eq!(roll.query("SELECT count(*) FROM members WHERE name = 'jane'").as_deref(), Some("0"));
        assert_eq!(roll.apply("2027-05-08T00:00:00Z", &jane_with(&declaration(may))).expect_code(0).all_actions(), [""; 0]);
        assert_eq!(ready(&jane(roll)), ("True", "Departed"));

        // M24: without the date, somebody new.
        let report = roll.apply("2027-05-09T00:00:00Z", &jane_with(&declaration(""))).expect_code(0);
        assert_eq!(report.all_actions(), ["create Member/jane"]);
        assert_eq!(phase(&jane(roll)), "Pending");
        assert_ne!(uid(&jane(roll)), walk.uid);
        assert_eq!(walk.news(), [""; 0]);
    });
}
