//! Mails to members: which are made, where they go, what becomes of them (M32, M34, T15), and the outbox that they
//! leave through (I2). Against a real mail server. Run by `make test`.

use serde_json::Value;

use crate::support::post::{Mail, Post, REFUSED};
use crate::support::{Report, Roster, boss, condition, member, on_both, ready, set, tenant};

pub const START: &str = "2027-03-01T09:00:00Z";
pub const JANE: &str = "jane@home.example";

/// Applies with a mail server.
pub fn send(roll: &Roster, post: &Post, now: &str, yaml: &str) -> Report {
    let url = post.url();
    let from = "Acme HR <hr@acme.example>";
    let base = "https://login.acme.example/";
    let args = ["--smtp", &url, "--mail-from", from, "--link-base", base, "--secrets-out", "secrets"];
    roll.apply_with(now, yaml, &args)
}

pub fn company(members: &[String]) -> String {
    set(&[&[tenant("acme", ""), boss("acme")], members].concat())
}

pub fn jane(extra: &str) -> String {
    member("jane", "acme", extra)
}

pub fn linked(extra: &str) -> String {
    jane(&format!("  password: {{mode: CreationLink}}\n{extra}"))
}

pub fn outbox(roll: &Roster, args: &[&str]) -> Vec<Value> {
    let output = roll.run(&[&["outbox", "-o", "json"], args].concat(), "").ok();
    output.json().as_array().cloned().unwrap_or_default()
}

/// The mails of a member that are not acknowledged: effect and state.
pub fn waiting(roll: &Roster, name: &str) -> Vec<(String, String)> {
    let text = |row: &Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
    let rows = outbox(roll, &["--consumer", "mail"]);
    rows.iter().filter(|row| row["name"] == name).map(|row| (text(row, "effect"), text(row, "state"))).collect()
}

pub fn last(post: &Post, address: &str) -> Mail {
    post.mails(address).pop().unwrap_or_else(|| panic!("no mail to {address}"))
}

pub fn has(roll: &Roster, name: &str, kind: &str) -> bool {
    condition(&roll.get("Member", name), kind).is_some()
}

// M34
#[test]
fn a_new_member_gets_a_first_notice_once() {
    on_both(|roll| {
        let post = Post::start();
        send(roll, &post, START, &company(&[jane("")])).expect_code(0);
        let mails = post.mails(JANE);
        assert_eq!(mails.len(), 1, "{mails:?}");
        let mail = &mails[0];
        assert_eq!(mail.subject, "Your account at Acme");
        assert!(mail.body.contains("Hello Jane Doe") && mail.body.contains("jane@acme.example"), "{}", mail.body);
        assert_eq!(mail.header("From"), "\"Acme HR\" <hr@acme.example>");
        assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
        let rows = outbox(roll, &["--all", "--consumer", "mail"]);
        let row = rows.iter().find(|row| row["name"] == "jane").expect("a row");
        assert_eq!(mail.header("Message-Id"), format!("<{}@acme.example>", row["id"].as_str().unwrap_or_default()));
        assert_eq!((&row["state"], &row["attempts"]), (&"Acknowledged".into(), &1.into()));
        assert!(outbox(roll, &[]).is_empty());
        send(roll, &post, "2027-03-01T10:00:00Z", &company(&[jane("  nickname: J")])).expect_code(0);
        assert_eq!(post.mails(JANE).len(), 1);
    });
}

// M34, M24, R5: neither a member that is restored, nor one whose record somebody took away, is new.
#[test]
fn a_member_that_comes_back_gets_no_other_first_notice() {
    on_both(|roll| {
        let post = Post::start();
        send(roll, &post, START, &company(&[jane("")])).expect_code(0);
        roll.apply_with("2027-03-02T09:00:00Z", &company(&[]), &["--prune"]).expect_code(0);
        send(roll, &post, "2027-03-03T09:00:00Z", &jane("")).expect_code(0);
        roll.sql("DELETE FROM members WHERE name = 'jane'").expect("somebody's SQL");
        send(roll, &post, "2027-03-04T09:00:00Z", &jane("")).expect_code(0);
        assert_eq!(roll.query("SELECT phase FROM members WHERE name = 'jane'").as_deref(), Some("Pending"));
        assert_eq!(post.mails(JANE).len(), 1);
    });
}

// M34
#[test]
fn without_a_server_mails_wait_and_the_tenant_says_so() {
    on_both(|roll| {
        let report = roll.apply(START, &company(&[jane("")])).expect_code(0);
        assert!(report.stderr.contains("2 mails wait"), "{}", report.stderr);
        let acme = roll.get("Tenant", "acme");
        assert_eq!(ready(&acme), ("True", "InDirectory"));
        let waits = condition(&acme, "MailWaits").expect("the condition");
        assert!(waits["message"].as_str().unwrap_or_default().contains("2 mails wait"), "{waits}");
        assert_eq!(waits["lastTransitionTime"], START);
        assert_eq!(acme["status"]["outbox"], serde_json::json!({"waiting": 2, "since": START}));
        let post = Post::start();
        send(roll, &post, "2027-03-01T09:00:01Z", "").expect_code(0);
        assert_eq!(post.subjects(JANE), ["Your account at Acme"]);
        let acme = roll.get("Tenant", "acme");
        assert_eq!((condition(&acme, "MailWaits"), &acme["status"]["outbox"]), (None, &Value::Null));
    });
}

// M34: at least once, tried again ever more slowly, by the argument's instant.
#[test]
fn a_mail_is_tried_again_when_the_server_was_away() {
    on_both(|roll| {
        let mut post = Post::start();
        post.stop();
        let report = send(roll, &post, START, &company(&[jane("")])).expect_code(0);
        assert!(report.stderr.contains("2 mails wait in the outbox"), "{}", report.stderr);
        assert_eq!(waiting(roll, "jane"), [("FirstNotice".into(), "Waiting".into())]);
        assert!(outbox(roll, &[])[0]["error"].as_str().is_some_and(|error| !error.is_empty()));
        assert_eq!(ready(&roll.get("Member", "jane")), ("True", "InDirectory"));
        assert!(condition(&roll.get("Tenant", "acme"), "MailWaits").is_some());
        post.restart();
        send(roll, &post, "2027-03-01T09:00:30Z", "").expect_code(0);
        assert_eq!(post.subjects(JANE).len(), 0, "not before its time");
        send(roll, &post, "2027-03-01T09:01:00Z", "").expect_code(0);
        assert_eq!(post.subjects(JANE).len(), 1);
        assert_eq!(waiting(roll, "jane"), []);
    });
}

// M34: a crash between sending and noting it sends the mail again, under the same Message-ID.
#[test]
fn a_mail_that_goes_out_twice_is_the_same_mail() {
    on_both(|roll| {
        let post = Post::start();
        send(roll, &post, START, &company(&[jane("")])).expect_code(0);
        roll.sql("UPDATE outbox SET acknowledged_at = NULL").expect("a crash");
        send(roll, &post, "2027-03-01T09:00:30Z", "").expect_code(0);
        assert_eq!(post.mails(JANE).len(), 1, "not before its time");
        send(roll, &post, "2027-03-01T09:01:00Z", "").expect_code(0);
        let mails = post.mails(JANE);
        assert_eq!(mails.len(), 2);
        assert_eq!(mails[0].header("Message-Id"), mails[1].header("Message-Id"));
        assert_eq!(waiting(roll, "jane"), []);
    });
}

// M34: what is refused for good is told on the member, and set aside until somebody wants it tried again.
#[test]
fn a_mail_that_is_refused_is_set_aside_and_told() {
    on_both(|roll| {
        let post = Post::start();
        let wrong = jane(&format!("  personalEmail: jane@{REFUSED}"));
        let report = send(roll, &post, START, &company(&[wrong])).expect_code(0);
        assert!(report.stderr.contains("1 mail was refused"), "{}", report.stderr);
        let object = roll.get("Member", "jane");
        assert_eq!(ready(&object), ("True", "InDirectory"));
        let message = condition(&object, "MailRefused").expect("the condition")["message"].clone();
        assert!(message.as_str().unwrap_or_default().contains("550"), "{message}");
        assert_eq!(waiting(roll, "jane"), [("FirstNotice".into(), "Refused".into())]);
        send(roll, &post, "2027-03-02T09:00:00Z", "").expect_code(0);
        assert_eq!(outbox(roll, &[])[0]["attempts"], 1, "not tried again by itself");
        let id = outbox(roll, &[])[0]["id"].as_str().unwrap_or_default().to_owned();
        let remedy = format!("correct personalEmail, or `rollcall outbox retry {id}`");
        assert!(message.as_str().is_some_and(|message| message.contains(&remedy)), "{message}");
        roll.run(&["outbox", "retry", &id, "--now", "2027-03-02T10:00:00Z"], "").ok();
        send(roll, &post, "2027-03-02T10:00:00Z", "").expect_code(0);
        assert_eq!(outbox(roll, &[])[0]["attempts"], 2, "tried again when it was asked for");
        assert!(has(roll, "jane", "MailRefused"));
        send(roll, &post, "2027-03-02T11:00:00Z", &jane("")).expect_code(0);
        assert_eq!(post.subjects(JANE), ["Your account at Acme"], "another address tries it again");
        assert!(!has(roll, "jane", "MailRefused"));
    });
}

// M34: a mail that went to the mailbox is not mended by another private address.
#[test]
fn a_mail_that_the_mailbox_refused_is_told_with_what_helps() {
    on_both(|roll| {
        let post = Post::start();
        let acme = tenant("acme", &format!("  domain: {REFUSED}"));
        let asked = |token: &str| jane(&format!("  password: {{mode: Generate, requestChange: {token}}}"));
        send(roll, &post, START, &set(&[acme, boss("acme"), asked("one")])).expect_code(0);
        roll.sign_in("2027-03-01T10:00:00Z", "jane").ok();
        send(roll, &post, "2027-03-01T11:00:00Z", &asked("two")).expect_code(0);
        let object = roll.get("Member", "jane");
        let message = condition(&object, "MailRefused").expect("the condition")["message"].to_string();
        let id = outbox(roll, &[])[0]["id"].as_str().unwrap_or_default().to_owned();
        let remedy = format!("the mailbox jane@{REFUSED}, and then `rollcall outbox retry {id}`");
        assert!(message.contains(&remedy) && !message.contains("personalEmail"), "{message}");
    });
}

// M34, I2: only a mail can be tried again; of anything else it is said why not.
#[test]
fn what_others_take_by_themselves_is_not_said_to_be_tried_again() {
    on_both(|roll| {
        roll.apply(START, &company(&[jane("")])).expect_code(0);
        roll.apply("2027-03-02T09:00:00Z", &jane("  notifyUpdate: v2")).expect_code(0);
        let of_messages = outbox(roll, &["--consumer", "messages"]);
        let id = of_messages[0]["id"].as_str().unwrap_or_default();
        let retry = |id: &str| roll.run(&["outbox", "retry", id, "--now", "2027-03-02T10:00:00Z"], "");
        let refused = retry(id);
        assert!(refused.code == 1 && refused.stdout.is_empty() && refused.stderr.contains("`messages`"), "{refused}");
        assert_eq!(outbox(roll, &["--consumer", "messages"]), of_messages);
        assert!(retry("nothing").stderr.contains("no such order"));
    });
}

// M34, M20: not before the account begins.
#[test]
fn a_scheduled_member_gets_its_first_notice_when_the_account_begins() {
    on_both(|roll| {
        let post = Post::start();
        send(roll, &post, START, &company(&[jane("  activation: {at: 2027-04-01}")])).expect_code(0);
        assert_eq!(waiting(roll, "jane"), []);
        assert_eq!(post.subjects(JANE).len(), 0);
        send(roll, &post, "2027-04-01T00:00:00Z", "").expect_code(0);
        assert_eq!(post.subjects(JANE).len(), 1);
    });
}

// M32, R7: the link is made when the mail is sent, and kept as a digest only.
#[test]
fn an_invitation_holds_a_link_that_ends_by_itself() {
    on_both(|roll| {
        let post = Post::start();
        send(roll, &post, START, &company(&[linked("")])).expect_code(0);
        let mail = last(&post, JANE);
        assert_eq!(mail.subject, "Invitation to Acme");
        let token = mail.link("https://login.acme.example/register/");
        assert_eq!(token.len(), 64, "{token}");
        assert!(mail.body.contains("2027-03-31"), "{}", mail.body);
        assert_eq!(roll.query("SELECT count(*) FROM links").as_deref(), Some("1"));
        assert_eq!(roll.query(&format!("SELECT count(*) FROM links WHERE digest = '{token}'")).as_deref(), Some("0"));
        let object = roll.get("Member", "jane");
        assert_eq!(object["status"]["invitedUntil"], "2027-03-31T09:00:00Z");
        assert_eq!(object["status"]["nextTransitionAt"], "2027-03-31T09:00:00Z");
        roll.tick("2027-03-31T08:59:59Z").expect_code(0);
        assert!(!has(roll, "jane", "RegistrationExpired"));
        roll.tick("2027-03-31T10:00:00Z").expect_code(0);
        let object = roll.get("Member", "jane");
        assert_eq!(ready(&object), ("True", "InDirectory"));
        assert!(condition(&object, "RegistrationExpired").is_some());
        let row = roll.history("Member", "jane").pop().unwrap_or_default();
        assert_eq!((&row["cause"], &row["due"]), (&"Scheduled".into(), &"2027-03-31T09:00:00Z".into()));
        assert_eq!(row["fields"][0]["path"], "registrationExpiredAt");
    });
}

// M32
#[test]
fn without_a_private_address_nobody_is_invited_until_there_is_one() {
    on_both(|roll| {
        let post = Post::start();
        let without = linked("").replace("  personalEmail: jane@home.example\n", "");
        send(roll, &post, START, &company(std::slice::from_ref(&without))).expect_code(0);
        let object = roll.get("Member", "jane");
        assert_eq!(ready(&object), ("True", "InDirectory"));
        assert!(condition(&object, "PersonalEmailRequired").is_some());
        assert_eq!(waiting(roll, "jane"), []);
        send(roll, &post, "2027-03-02T09:00:00Z", &linked("")).expect_code(0);
        assert_eq!(post.subjects(JANE), ["Invitation to Acme"]);
        assert!(!has(roll, "jane", "PersonalEmailRequired"));
    });
}

// M34
#[test]
fn a_member_without_any_address_is_told_of() {
    on_both(|roll| {
        let without = jane("").replace("  personalEmail: jane@home.example\n", "");
        roll.apply(START, &company(std::slice::from_ref(&without))).expect_code(0);
        assert!(has(roll, "jane", "NoAddress"));
        assert_eq!(waiting(roll, "jane"), []);
        roll.sign_in("2027-03-01T10:00:00Z", "jane").ok();
        assert!(!has(roll, "jane", "NoAddress"), "its mailbox is there now");
        assert_eq!(waiting(roll, "jane"), []);
    });
}

// M32, M36: the link chooses the first password once, by the policy; the password signs in.
#[test]
fn the_link_of_an_invitation_chooses_the_first_password_once() {
    on_both(|roll| {
        let post = Post::start();
        send(roll, &post, START, &company(&[linked("")])).expect_code(0);
        let token = last(&post, JANE).link("https://login.acme.example/register/");
        let choose = |now: &str, token: &str, new: &str| {
            roll.run(&["record", "password", "--by-link", "--now", now], &format!("{token}\n{new}\n"))
        };
        let weak = choose("2027-03-01T10:00:00Z", &token, "short");
        assert_eq!((weak.code, weak.stdout.trim()), (1, "Refused"));
        assert_eq!(choose("2027-03-01T10:01:00Z", "none", "Winter-Sun-42").code, 1);
        let chosen = choose("2027-03-01T10:02:00Z", &token, "Winter-Sun-42");
        assert_eq!((chosen.code, chosen.stdout.trim()), (0, "Changed"));
        let again = choose("2027-03-01T10:03:00Z", &token, "Summer-Sun-42");
        assert!(again.stderr.contains("used before"), "{again}");
        let jane = roll.get("Member", "jane");
        let told = condition(&jane, "PasswordSet").map(|set| set["status"].clone());
        assert_eq!(told, Some("True".into()));
        assert_eq!(jane["status"]["registeredAt"], "2027-03-01T10:02:00Z");
        let sign_in = |password: &str| {
            let args = ["record", "sign-in", "jane", "--password-stdin", "--now", "2027-03-01T10:04:00Z", "-n", "hr"];
            roll.run(&args, &format!("{password}\n")).stdout.trim().to_owned()
        };
        assert_eq!((sign_in("Summer-Sun-42").as_str(), sign_in("Winter-Sun-42").as_str()), ("Refused", "Granted"));
    });
}

// M34, M33: to the mailbox once there is one, on a plan with mail; else to the private address.
#[test]
fn a_mail_goes_to_the_mailbox_of_whoever_has_signed_in_on_a_plan_with_mail() {
    on_both(|roll| {
        let post = Post::start();
        let asked = |token: &str| jane(&format!("  password: {{mode: Generate, requestChange: {token}}}"));
        send(roll, &post, START, &company(&[asked("one")])).expect_code(0);
        send(roll, &post, "2027-03-01T10:00:00Z", &asked("two")).expect_code(0);
        assert_eq!(post.subjects(JANE), ["Your account at Acme", "Please change your password at Acme"]);
        roll.sign_in("2027-03-01T11:00:00Z", "jane").ok();
        send(roll, &post, "2027-03-01T12:00:00Z", &asked("three")).expect_code(0);
        assert_eq!(post.subjects("jane@acme.example"), ["Please change your password at Acme"]);
        assert!(!last(&post, "jane@acme.example").link("https://login.acme.example/password/").is_empty());
        let lite = set(&[tenant("acme", "  products: {core: {plan: Lite}}"), asked("four")]);
        send(roll, &post, "2027-03-01T13:00:00Z", &lite).expect_code(0);
        assert_eq!((post.mails(JANE).len(), post.mails("jane@acme.example").len()), (3, 1));
    });
}

// M33, R7
#[test]
fn a_new_password_is_told_without_the_password() {
    on_both(|roll| {
        let post = Post::start();
        let reset = |token: &str| jane(&format!("  password: {{mode: Generate, resetToken: {token}}}"));
        send(roll, &post, START, &company(&[reset("one")])).expect_code(0);
        send(roll, &post, "2027-03-01T10:00:00Z", &reset("two")).expect_code(0);
        assert_eq!(post.subjects(JANE), ["Your account at Acme", "Your password at Acme was changed"]);
    });
}

// M33, M34: another content of the Secret is told as well.
#[test]
fn a_password_that_was_put_into_the_secret_is_told() {
    on_both(|roll| {
        let post = Post::start();
        let jane = jane("  password: {mode: FromSecret, secretKeyRef: {name: jane-password, key: password}}");
        let with = |password: &str| company(&[jane.clone(), crate::passwords::secret(password)]);
        send(roll, &post, START, &with("Rz4-Pv9-Bn")).expect_code(0);
        assert_eq!(post.subjects(JANE), ["Your account at Acme"]);
        send(roll, &post, "2027-03-01T10:00:00Z", &with("Wd5Gh8Yj")).expect_code(0);
        assert_eq!(post.subjects(JANE), ["Your account at Acme", "Your password at Acme was changed"]);
    });
}

// T15
#[test]
fn a_tenant_without_notifications_makes_no_mails() {
    on_both(|roll| {
        let post = Post::start();
        let silent = tenant("acme", "  notifications: Disabled");
        send(roll, &post, START, &set(&[silent, boss("acme"), jane("")])).expect_code(0);
        assert_eq!(outbox(roll, &["--all"]).len(), 0);
        send(roll, &post, "2027-03-02T09:00:00Z", &company(&[jane(""), member("june", "acme", "")])).expect_code(0);
        assert_eq!(post.mails(JANE).len(), 0, "what was not made is not made up for");
        assert_eq!(post.mails("june@home.example").len(), 1);
        let silent = tenant("acme", "  notifications: Disabled");
        send(roll, &post, "2027-03-03T09:00:00Z", &set(&[silent, linked("  resendInvitation: one")])).expect_code(0);
        assert!(has(roll, "jane", "NotApplicable"));
        send(roll, &post, "2027-03-04T09:00:00Z", &company(&[linked("  resendInvitation: two")])).expect_code(0);
        assert_eq!(post.subjects(JANE), ["Invitation to Acme"]);
        assert!(!has(roll, "jane", "NotApplicable"));
    });
}

// M34, T1: in the member's language, else in the tenant's first.
#[test]
fn a_mail_is_written_in_the_language_of_its_reader() {
    on_both(|roll| {
        let post = Post::start();
        let acme = tenant("acme", "  languages: [ja_JP, ko_KR]\n  displayNames: {ko_KR: 아크메}");
        let names = "  language: ko_KR\n  names: {ko_KR: {family: 도, given: 제인}}";
        send(roll, &post, START, &set(&[acme, boss("acme"), jane(names)])).expect_code(0);
        let mail = last(&post, JANE);
        assert_eq!(mail.subject, "아크메 계정 안내");
        assert!(mail.body.contains("도제인님"), "{}", mail.body);
        assert_eq!(last(&post, "boss@home.example").subject, "Acme アカウントのお知らせ");
    });
}

// I2
#[test]
fn services_acknowledge_what_they_carried_out() {
    on_both(|roll| {
        roll.apply(START, &set(&[tenant("acme", "  notifications: Disabled"), boss("acme"), jane("")])).expect_code(0);
        let gone = set(&[tenant("acme", "  notifications: Disabled"), boss("acme")]);
        roll.apply_with("2027-03-02T09:00:00Z", &gone, &["--prune"]).expect_code(0);
        let orders = outbox(roll, &[]);
        assert_eq!(orders.iter().map(|row| &row["effect"]).collect::<Vec<_>>(), ["LeaveRooms"]);
        roll.tick("2027-03-10T09:00:00Z").expect_code(0);
        assert_eq!(outbox(roll, &["--consumer", "storage"]).len(), 4);
        assert_eq!(roll.get("Tenant", "acme")["status"]["outbox"]["waiting"], 5);
        for row in outbox(roll, &[]) {
            let id = row["id"].as_str().unwrap_or_default();
            roll.run(&["record", "acknowledge", id, "--now", "2027-03-10T09:00:00Z"], "").ok();
        }
        assert_eq!(outbox(roll, &[]).len(), 0);
        assert_eq!(roll.get("Tenant", "acme")["status"]["outbox"], Value::Null);
        assert_eq!(roll.run(&["record", "acknowledge", "none", "--now", "2027-03-10T09:00:00Z"], "").code, 1);
    });
}

// M25, M34: nothing is sent to one who is gone, and a purge leaves neither mails nor links.
#[test]
fn a_member_that_is_gone_gets_no_mail_and_leaves_none() {
    on_both(|roll| {
        let post = Post::start();
        roll.apply(START, &company(&[linked("")])).expect_code(0);
        roll.apply_with("2027-03-02T09:00:00Z", &company(&[]), &["--prune"]).expect_code(0);
        send(roll, &post, "2027-03-02T10:00:00Z", "").expect_code(0);
        assert_eq!(post.mails(JANE).len(), 0);
        send(roll, &post, "2027-03-03T09:00:00Z", &linked("")).expect_code(0);
        roll.apply_with("2027-03-04T09:00:00Z", &company(&[]), &["--prune"]).expect_code(0);
        roll.tick("2027-04-04T09:00:00Z").expect_code(0);
        assert_eq!(roll.query("SELECT count(*) FROM links").as_deref(), Some("0"));
        let mails = outbox(roll, &["--all", "--consumer", "mail"]);
        assert_eq!(mails.iter().map(|row| &row["name"]).collect::<Vec<_>>(), ["boss"]);
    });
}

// R7
#[test]
fn the_password_of_the_mail_server_is_never_shown() {
    on_both(|roll| {
        let from = ["--mail-from", "hr@acme.example", "--link-base", "https://login.acme.example"];
        let args = |url: &'static str| [&["--smtp", url], &from[..]].concat();
        let away = args("smtp://rollcall:s3cret@127.0.0.1:1");
        let report = roll.apply_with(START, &company(&[jane("")]), &away).expect_code(0);
        let told = format!("{}{}{:?}", report.stderr, report.json, outbox(roll, &[]));
        assert!(!told.contains("s3cret"), "{told}");
        // Over a connection that anybody can read, a password is not even sent.
        let post = Post::start();
        let open = post.url().replace("smtp://", "smtp://rollcall:s3cret@");
        let with = |url: &str, now: &str| roll.apply_with(now, "", &[&["--smtp", url], &from[..]].concat()).expect_code(0);
        with(&open, "2027-03-01T10:00:00Z");
        assert_eq!((post.mails(JANE).len(), waiting(roll, "jane").len()), (0, 1));
        with(&format!("{open}?tls=none"), "2027-03-01T11:00:00Z");
        assert_eq!((post.mails(JANE).len(), waiting(roll, "jane").len()), (1, 0));
        let output = roll.run(&["apply", "--now", "2027-03-02T09:00:00Z", "--smtp", "smtp://rollcall:s3cret@127.0.0.1"], "");
        assert_eq!(output.code, 2, "{output}");
        assert!(output.stderr.contains("--mail-from") && !output.stderr.contains("s3cret"), "{output}");
        let misread = args("smtp://rollcall:s3cret@127.0.0.1:none");
        let output = roll.run(&[&["apply", "--now", "2027-03-02T09:00:00Z"], &misread[..]].concat(), "");
        assert_eq!(output.code, 2, "{output}");
        assert!(output.stderr.contains("--smtp") && !output.stderr.contains("s3cret"), "{output}");
    });
}
