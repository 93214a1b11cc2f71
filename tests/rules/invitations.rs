//! When the link of an invitation ends before its time (M32, M34). Against a real mail server. Run by `make test`.

use serde_json::Value;

use crate::mail::{JANE, company, has, jane, last, linked, send};
use crate::support::on_both;
use crate::support::post::Post;

// M32, M12: who is to have a password in another way, or none, needs the link no more.
#[test]
fn an_invitation_ends_when_the_member_registers_by_link_no_more() {
    on_both(|roll| {
        let post = Post::start();
        for (day, instead) in ["", "  password: {mode: Generate}"].into_iter().enumerate() {
            let at = |hour: u8| format!("2027-03-0{}T{hour:02}:00:00Z", day + 1);
            send(roll, &post, &at(9), &company(&[linked(&format!("  resendInvitation: day{day}"))])).expect_code(0);
            let token = last(&post, JANE).link("https://login.acme.example/register/");
            send(roll, &post, &at(10), &jane(instead)).expect_code(0);
            assert_eq!(roll.get("Member", "jane")["status"]["invitedUntil"], Value::Null);
            let follow =
                |hour| roll.run(&["record", "password", "--by-link", "--now", &at(hour)], &format!("{token}\nWinter-Sun-42\n"));
            let refused = follow(11);
            assert_eq!(refused.code, 1, "{refused}");
            assert!(refused.stderr.contains("withdrawn"), "{refused}");
            // Not even after it is to register by link again.
            send(roll, &post, &at(12), &linked("")).expect_code(0);
            assert_eq!(follow(13).code, 1);
        }
        assert!(!has(roll, "jane", "RegistrationExpired"));
    });
}
