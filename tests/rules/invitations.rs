//! Invitations and other links to a password: who is sent one, and when it ends before its time (M32–M34, M36). Against a
//! real mail server. Run by `make test`.

use serde_json::Value;

use crate::life::text;
use crate::mail::{JANE, START, company, has, jane, last, linked, send};
use crate::passwords::{answer, change, password_set, secret};
use crate::support::post::Post;
use crate::support::{boss, condition, member, on_both, set, tenant};

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

// M34, M32: a link at a wrong address is worth nothing once the address is corrected; the person at the right one is invited.
#[test]
fn a_corrected_address_ends_the_link_at_the_wrong_one_and_is_invited_anew() {
    on_both(|roll| {
        let post = Post::start();
        let at = |address: &str| linked(&format!("  personalEmail: {address}\n"));
        let follow = |hour: u8, token: &str| {
            let now = format!("2027-03-02T{hour:02}:00:00Z");
            roll.run(&["record", "password", "--by-link", "--now", &now], &format!("{token}\nWinter-Sun-42\n"))
        };
        send(roll, &post, "2027-03-01T09:00:00Z", &company(&[at("wrong@home.example")])).expect_code(0);
        let wrong = last(&post, "wrong@home.example").link("https://login.acme.example/register/");
        send(roll, &post, "2027-03-02T09:00:00Z", &at(JANE)).expect_code(0);
        let refused = follow(10, &wrong);
        assert!(refused.code == 1 && refused.stderr.contains("withdrawn"), "{refused}");
        assert_eq!(
            (post.subjects(JANE).as_slice(), post.mails("wrong@home.example").len()),
            (&["Invitation to Acme".to_owned()][..], 1)
        );
        assert_eq!(roll.get("Member", "jane")["status"]["invitedUntil"], "2027-04-01T09:00:00Z");
        // While none can be sent, none is told of.
        roll.apply("2027-03-02T11:00:00Z", &at("jane@work.example")).expect_code(0);
        assert_eq!(roll.get("Member", "jane")["status"]["invitedUntil"], Value::Null);
        let superseded = last(&post, JANE).link("https://login.acme.example/register/");
        assert_eq!(follow(12, &superseded).code, 1);
        send(roll, &post, "2027-03-02T13:00:00Z", &at(JANE)).expect_code(0);
        assert_eq!((post.mails(JANE).len(), post.mails("jane@work.example").len()), (2, 0));
        let right = last(&post, JANE).link("https://login.acme.example/register/");
        assert_eq!(follow(14, &right).code, 0);
        // Who has registered is not invited again.
        send(roll, &post, "2027-03-02T15:00:00Z", &at("jane@work.example")).expect_code(0);
        assert_eq!(post.mails("jane@work.example").len(), 0);
    });
}

// M33, M34
#[test]
fn a_corrected_address_ends_the_link_of_a_requested_change() {
    on_both(|roll| {
        let post = Post::start();
        let asked = |token: &str, more: &str| jane(&format!("  password: {{mode: Generate, requestChange: {token}}}\n{more}"));
        send(roll, &post, "2027-03-01T09:00:00Z", &company(&[asked("one", "")])).expect_code(0);
        send(roll, &post, "2027-03-01T10:00:00Z", &asked("two", "")).expect_code(0);
        let token = last(&post, JANE).link("https://login.acme.example/password/");
        send(roll, &post, "2027-03-01T11:00:00Z", &asked("two", "  personalEmail: jane@work.example\n")).expect_code(0);
        let by_link = ["record", "password", "--by-link", "--now", "2027-03-01T12:00:00Z"];
        assert_eq!(roll.run(&by_link, &format!("{token}\nWinter-Sun-42\n")).code, 1);
        send(roll, &post, "2027-03-01T13:00:00Z", &asked("three", "  personalEmail: jane@work.example\n")).expect_code(0);
        assert!(!last(&post, "jane@work.example").link("https://login.acme.example/password/").is_empty());
    });
}

// M33, M32: another mode acts on a member that has no password yet, also on one that had its first mail.
#[test]
fn a_member_without_a_password_is_invited_once_it_is_to_register_by_link() {
    on_both(|roll| {
        let post = Post::start();
        send(roll, &post, "2027-03-01T09:00:00Z", &company(&[jane("")])).expect_code(0);
        assert_eq!(post.subjects(JANE), ["Your account at Acme"]);
        send(roll, &post, "2027-03-02T09:00:00Z", &linked("")).expect_code(0);
        assert_eq!(post.subjects(JANE)[1..], ["Invitation to Acme".to_owned()]);
        assert_eq!(roll.get("Member", "jane")["status"]["invitedUntil"], "2027-04-01T09:00:00Z");
        send(roll, &post, "2027-03-03T09:00:00Z", &linked("  nickname: J")).expect_code(0);
        assert_eq!(post.mails(JANE).len(), 2);
        roll.tick("2027-04-01T09:00:00Z").expect_code(0);
        assert!(has(roll, "jane", "RegistrationExpired"));
        send(roll, &post, "2027-04-02T09:00:00Z", &linked("  resendInvitation: one")).expect_code(0);
        assert!(!has(roll, "jane", "RegistrationExpired"));
        let token = last(&post, JANE).link("https://login.acme.example/register/");
        let by_link = ["record", "password", "--by-link", "--now", "2027-04-03T09:00:00Z"];
        assert_eq!(roll.run(&by_link, &format!("{token}\nWinter-Sun-42\n")).code, 0);
        assert_eq!(roll.get("Member", "jane")["status"]["registeredAt"], "2027-04-03T09:00:00Z");
    });
}

// M33, M32, M34: a password that could be written nowhere is made no more; its first notice has not left yet.
#[test]
fn an_invitation_takes_the_place_of_a_first_notice_that_still_waits() {
    on_both(|roll| {
        let post = Post::start();
        roll.apply("2027-03-01T09:00:00Z", &company(&[jane("  password: {mode: Generate}")])).expect_code(1);
        send(roll, &post, "2027-03-02T09:00:00Z", &linked("")).expect_code(0);
        assert_eq!(post.subjects(JANE), ["Invitation to Acme"]);
        assert_eq!(password_set(roll), ("False".to_owned(), "NotRegistered".to_owned()));
    });
}

// M33, M34: who is to register by a link no more is told of the account all the same.
#[test]
fn a_first_notice_takes_the_place_of_an_invitation_that_still_waits() {
    on_both(|roll| {
        let post = Post::start();
        roll.apply("2027-03-01T09:00:00Z", &company(&[linked("")])).expect_code(0);
        send(roll, &post, "2027-03-02T09:00:00Z", &jane("")).expect_code(0);
        assert_eq!(post.subjects(JANE), ["Your account at Acme"]);
        // Who was invited had it.
        send(roll, &post, "2027-03-03T09:00:00Z", &linked("")).expect_code(0);
        send(roll, &post, "2027-03-04T09:00:00Z", &jane("")).expect_code(0);
        assert_eq!(post.subjects(JANE)[1..], ["Invitation to Acme".to_owned()]);
    });
}

// M34: who had the first notice and was not invited meanwhile had it.
#[test]
fn a_first_notice_that_has_left_is_not_sent_again() {
    on_both(|roll| {
        let post = Post::start();
        send(roll, &post, "2027-03-01T09:00:00Z", &company(&[jane("")])).expect_code(0);
        roll.apply("2027-03-02T09:00:00Z", &linked("")).expect_code(0);
        send(roll, &post, "2027-03-03T09:00:00Z", &jane("")).expect_code(0);
        assert_eq!(post.subjects(JANE), ["Your account at Acme"]);
    });
}

// M33, M34: who has a password has one under whatever mode: it is asked to change it, and told of another.
#[test]
fn a_member_with_a_password_gets_its_mails_after_a_change_to_a_creation_link() {
    on_both(|roll| {
        let post = Post::start();
        let mode = |text: &str| jane(&format!("  password: {{mode: {text}}}"));
        send(roll, &post, "2027-03-01T09:00:00Z", &company(&[mode("Generate")])).expect_code(0);
        send(roll, &post, "2027-03-01T10:00:00Z", &mode("CreationLink")).expect_code(0);
        assert_eq!(post.subjects(JANE), ["Your account at Acme"]);
        send(roll, &post, "2027-03-01T11:00:00Z", &mode("CreationLink, requestChange: one")).expect_code(0);
        send(roll, &post, "2027-03-01T12:00:00Z", &mode("CreationLink, resetToken: one")).expect_code(0);
        assert_eq!(
            post.subjects(JANE)[1..],
            ["Please change your password at Acme".to_owned(), "Your password at Acme was changed".to_owned()]
        );
        // There is nothing to invite it to.
        send(roll, &post, "2027-03-01T13:00:00Z", &linked("  resendInvitation: one")).expect_code(0);
        assert_eq!((post.mails(JANE).len(), has(roll, "jane", "NotApplicable")), (3, true));
    });
}

// M33, M36: whoever set the new password, nobody sets another by a link from before.
#[test]
fn every_new_password_ends_the_open_links_to_another() {
    on_both(|roll| {
        let post = Post::start();
        let at = |day: u8, hour: u8| format!("2027-03-{day:02}T{hour:02}:00:00Z");
        let mode = |more: &str| format!("mode: FromSecret, secretKeyRef: {{name: jane-password, key: password}}{more}");
        let with = |more: &str, password: &str| set(&[jane(&format!("  password: {{{}}}", mode(more))), secret(password)]);
        let follow = |now: &str, token: &str, new: &str| {
            roll.run(&["record", "password", "--by-link", "--now", now], &format!("{token}\n{new}\n"))
        };
        let withdrawn = |now: &str, token: &str| {
            let refused = follow(now, token, "Winter-Sun-42");
            assert!(refused.code == 1 && refused.stderr.contains("withdrawn"), "{refused}");
        };
        let asked = |day: u8, password: &str| {
            send(roll, &post, &at(day, 9), &with(&format!(", requestChange: day{day}"), password)).expect_code(0);
            // Of one run, another mail may be the last to arrive.
            let mails = post.mails(JANE);
            let request = mails.iter().rfind(|mail| mail.subject.starts_with("Please change your password"));
            request.expect("it is asked for").link("https://login.acme.example/password/")
        };
        send(roll, &post, &at(1, 9), &company(&[with("", "Kx7Tm2Qw")])).expect_code(0);
        // Another content of the Secret.
        let token = asked(2, "Kx7Tm2Qw");
        send(roll, &post, &at(2, 10), &secret("Wd5Gh8Yj")).expect_code(0);
        withdrawn(&at(2, 11), &token);
        // The member's own change.
        let token = asked(3, "Wd5Gh8Yj");
        assert_eq!(change(roll, &at(3, 10), "Wd5Gh8Yj", "Rz4-Pv9-Bn").0, "Changed");
        withdrawn(&at(3, 11), &token);
        // A reset, also while the password that it makes can be written nowhere.
        let token = asked(4, "Wd5Gh8Yj");
        roll.apply(&at(4, 10), &with(", requestChange: day4, resetToken: one", "Wd5Gh8Yj")).expect_code(1);
        withdrawn(&at(4, 11), &token);
        // A change by the link itself: it is used up, and the password is the one.
        let token = asked(5, "Wd5Gh8Yj");
        assert_eq!(follow(&at(5, 10), &token, "Summer-Sun-42").code, 0);
        assert!(follow(&at(5, 11), &token, "Winter-Sun-42").stderr.contains("used before"));
        assert_eq!(answer(roll, &at(5, 12), "jane", "Summer-Sun-42"), "Granted");
    });
}

// M32, M33: who has a password by another link needs the one to register no more.
#[test]
fn the_link_of_an_invitation_ends_with_the_first_password_however_it_came() {
    on_both(|roll| {
        let post = Post::start();
        let waits = |more: &str| jane(&format!("  password: {{mode: Generate{more}}}"));
        roll.apply("2027-03-01T09:00:00Z", &company(&[waits("")])).expect_code(1);
        roll.apply("2027-03-01T10:00:00Z", &waits(", requestChange: one")).expect_code(1);
        send(roll, &post, "2027-03-01T11:00:00Z", &linked("")).expect_code(0);
        let mails = post.mails(JANE);
        let link = |path: &str| {
            let beginning = format!("https://login.acme.example/{path}/");
            mails.iter().find(|mail| mail.body.contains(&beginning)).unwrap_or_else(|| panic!("{mails:?}")).link(&beginning)
        };
        let follow = |now: &str, token: &str| {
            roll.run(&["record", "password", "--by-link", "--now", now], &format!("{token}\nWinter-Sun-42\n"))
        };
        assert_eq!(follow("2027-03-01T12:00:00Z", &link("password")).code, 0);
        assert!(follow("2027-03-01T13:00:00Z", &link("register")).stderr.contains("withdrawn"));
        assert_eq!(roll.get("Member", "jane")["status"]["invitedUntil"], Value::Null);
        roll.tick("2027-04-10T09:00:00Z").expect_code(0);
        assert!(!has(roll, "jane", "RegistrationExpired"));
    });
}

// M32, M34, R11: an invitation that is on its way is not told as over.
#[test]
fn an_invitation_that_is_sent_again_is_not_told_as_over() {
    on_both(|roll| {
        let post = Post::start();
        send(roll, &post, "2027-03-01T09:00:00Z", &company(&[linked("")])).expect_code(0);
        roll.tick("2027-04-01T09:00:00Z").expect_code(0);
        assert!(has(roll, "jane", "RegistrationExpired"));
        let report = send(roll, &post, "2027-04-02T09:00:00Z", &linked("  resendInvitation: one")).expect_code(0);
        assert!(!report.stderr.contains("RegistrationExpired"), "{}", report.stderr);
        assert_eq!(roll.get("Member", "jane")["status"]["invitedUntil"], "2027-05-02T09:00:00Z");
        roll.tick("2027-05-02T09:00:00Z").expect_code(0);
        assert!(has(roll, "jane", "RegistrationExpired"));
    });
}

// M34, R13, R11: why a value sent nothing, that it is spent, and no more of it once an invitation is sent.
#[test]
fn a_value_that_sent_nothing_is_told_with_why() {
    on_both(|roll| {
        let post = Post::start();
        let why = || {
            let jane = roll.get("Member", "jane");
            condition(&jane, "NotApplicable").map(|told| text(told, "message").to_owned()).unwrap_or_default()
        };
        let without = |more: &str| linked(more).replace("  personalEmail: jane@home.example\n", "");
        send(roll, &post, "2027-03-01T09:00:00Z", &company(&[without("")])).expect_code(0);
        send(roll, &post, "2027-03-01T10:00:00Z", &without("  resendInvitation: a")).expect_code(0);
        assert!(why().contains("spent") && why().contains("no personalEmail"), "{}", why());
        send(roll, &post, "2027-03-01T11:00:00Z", &linked("  resendInvitation: a")).expect_code(0);
        assert_eq!((post.mails(JANE).len(), why().as_str()), (1, ""));
        let suspended = linked("  resendInvitation: b\n  suspended: true");
        send(roll, &post, "2027-03-01T12:00:00Z", &suspended).expect_code(0);
        assert!(why().contains("suspended"), "{}", why());
        send(roll, &post, "2027-03-01T13:00:00Z", &linked("  resendInvitation: b")).expect_code(0);
        assert!(why().contains("give a new value"), "{}", why());
        send(roll, &post, "2027-03-01T14:00:00Z", &linked("  resendInvitation: c")).expect_code(0);
        assert_eq!((post.mails(JANE).len(), why().as_str()), (2, ""));
        send(roll, &post, "2027-03-01T15:00:00Z", &jane("  resendInvitation: d")).expect_code(0);
        assert!(why().contains("mode was not CreationLink"), "{}", why());
    });
}

// M32, M34: the day that the mail names is the last on which its link works.
#[test]
fn an_invitation_names_the_last_day_on_which_its_link_works() {
    on_both(|roll| {
        let post = Post::start();
        let acme = tenant("acme", "  timeZone: Asia/Seoul");
        send(roll, &post, "2027-01-01T15:00:00Z", &set(&[acme, boss("acme"), linked("")])).expect_code(0);
        assert_eq!(roll.get("Member", "jane")["status"]["invitedUntil"], "2027-01-31T15:00:00Z");
        let mail = last(&post, JANE);
        assert!(mail.body.contains("until 2027-01-31.") && !mail.body.contains("2027-02-01"), "{}", mail.body);
    });
}

// M34, R13: each new value sends one invitation, and ends the links before it.
#[test]
fn an_invitation_is_sent_again_and_ends_the_earlier_link() {
    on_both(|roll| {
        let post = Post::start();
        send(roll, &post, START, &company(&[linked("  resendInvitation: first")])).expect_code(0);
        assert_eq!(post.mails(JANE).len(), 1, "present at the creation, it is noted as done");
        roll.tick("2027-04-10T00:00:00Z").expect_code(0);
        send(roll, &post, "2027-04-10T09:00:00Z", &linked("  resendInvitation: second")).expect_code(0);
        assert_eq!(post.subjects(JANE), ["Invitation to Acme", "Invitation to Acme"]);
        assert!(!has(roll, "jane", "RegistrationExpired"));
        assert_eq!(roll.get("Member", "jane")["status"]["invitedUntil"], "2027-05-10T09:00:00Z");
        assert_eq!(roll.query("SELECT count(*) FROM links WHERE ended_at IS NULL").as_deref(), Some("1"));
        send(roll, &post, "2027-04-10T10:00:00Z", &linked("  resendInvitation: second\n  nickname: J")).expect_code(0);
        assert_eq!(post.mails(JANE).len(), 2);
    });
}

// M34
#[test]
fn an_invitation_is_not_sent_again_to_whom_it_does_not_apply() {
    on_both(|roll| {
        let post = Post::start();
        send(roll, &post, START, &company(&[linked(""), member("june", "acme", "")])).expect_code(0);
        let june = |extra: &str| member("june", "acme", extra);
        send(roll, &post, "2027-03-02T09:00:00Z", &june("  resendInvitation: again")).expect_code(0);
        assert_eq!(post.mails("june@home.example").len(), 1);
        assert!(has(roll, "june", "NotApplicable"));
        send(roll, &post, "2027-03-02T10:00:00Z", &june("")).expect_code(0);
        assert!(!has(roll, "june", "NotApplicable"));
        let token = last(&post, JANE).link("https://login.acme.example/register/");
        let by_link = ["record", "password", "--by-link", "--now", "2027-03-02T13:00:00Z"];
        roll.run(&by_link, &format!("{token}\nWinter-Sun-42\n")).ok();
        let object = roll.get("Member", "jane");
        assert_eq!(object["status"]["registeredAt"], "2027-03-02T13:00:00Z");
        assert_eq!(object["status"]["invitedUntil"], Value::Null);
        send(roll, &post, "2027-03-04T09:00:00Z", &linked("  resendInvitation: again")).expect_code(0);
        assert_eq!(post.mails(JANE).len(), 1);
        assert!(has(roll, "jane", "NotApplicable"));
        roll.tick("2027-05-01T09:00:00Z").expect_code(0);
        assert!(!has(roll, "jane", "RegistrationExpired"));
    });
}
