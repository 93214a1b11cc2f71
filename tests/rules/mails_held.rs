//! Mails that are more than a person would want to send unseen (T15, R12). Against a real mail server. Run by `make test`.

use crate::mail::{START, company, send};
use crate::passwords::secret;
use crate::support::post::Post;
use crate::support::{Report, annotated, boss, condition, member, on_both, phase, set, tenant};

// T15, R12: more than 100 mails of one batch wait for a person's word; as many as 100 go by themselves.
#[test]
fn more_than_a_hundred_mails_of_one_batch_are_held() {
    on_both(|roll| {
        let post = Post::start();
        let crowd = |of: &str, count: usize| (0..count).map(|n| member(&format!("{of}{n:03}"), "acme", "")).collect::<Vec<_>>();
        send(roll, &post, START, &company(&crowd("a", 99))).expect_code(0);
        assert_eq!(post.mails("a000@home.example").len(), 1);
        let more = set(&crowd("b", 101));
        let report = send(roll, &post, "2027-03-02T09:00:00Z", &more);
        let (reason, count, fingerprint) = report.held("Tenant", "acme").expect("they are held");
        assert_eq!((reason.as_str(), count), ("MailsHeld", 101));
        assert_eq!(post.mails("b000@home.example").len(), 0);
        let acme = roll.get("Tenant", "acme");
        let message = condition(&acme, "Held").map(|held| held["message"].to_string()).unwrap_or_default();
        assert!(message.contains("b000, b001") && message.contains(&fingerprint), "{message}");
        assert_eq!(phase(&roll.get("Member", "b000")), "Pending");
        let all = set(&[tenant("acme", ""), more]);
        assert_eq!(roll.plan("2027-03-02T09:00:00Z", &all, &[]).held("Tenant", "acme"), report.held("Tenant", "acme"));
        let id = roll.query("SELECT min(id) FROM outbox WHERE held").unwrap_or_default();
        let retried = roll.run(&["outbox", "retry", &id, "--now", "2027-03-02T10:00:00Z"], "");
        assert!(retried.code == 1 && retried.stdout.is_empty() && retried.stderr.contains("is held"), "{retried}");
        send(roll, &post, "2027-03-03T09:00:00Z", &annotated(&tenant("acme", ""), "approve", &fingerprint)).expect_code(0);
        assert_eq!(post.mails("b000@home.example").len(), 1);
        assert!(condition(&roll.get("Tenant", "acme"), "Held").is_none());
        assert_eq!(roll.query("SELECT count(*) FROM holds").as_deref(), Some("0"));
    });
}

// T15, R12: a word counts once: the same mails to the same people another time are held again, under another fingerprint.
#[test]
fn a_word_that_is_left_on_the_tenant_lets_no_later_mails_go() {
    on_both(|roll| {
        let invited = |resend: &str| -> Vec<String> {
            let spec = format!("  password: {{mode: CreationLink}}\n{resend}");
            (0..101).map(|n| member(&format!("a{n:03}"), "acme", &spec)).collect()
        };
        let held = |report: &Report| report.held("Tenant", "acme").map(|(_, count, fingerprint)| (count, fingerprint));
        let fingerprint = held(&roll.apply(START, &company(&invited("")))).expect("they are held").1;
        let approved = annotated(&tenant("acme", ""), "approve", &fingerprint);
        roll.apply("2027-03-02T09:00:00Z", &approved).expect_code(0);
        let held_now = || roll.query("SELECT count(*) FROM outbox WHERE held").unwrap();
        assert_eq!(held_now(), "0");
        roll.sql("UPDATE outbox SET acknowledged_at = 1").unwrap();
        let again = set(&[vec![approved], invited("  resendInvitation: again")].concat());
        let planned = held(&roll.plan("2027-03-09T09:00:00Z", &again, &[])).expect("it is told before");
        let (count, another) = held(&roll.apply("2027-03-09T09:00:00Z", &again)).expect("they are held again");
        assert_eq!((count, held_now().as_str(), &another), (101, "101", &planned.1));
        assert_ne!(another, fingerprint);
        // Acknowledged, they need no word any more.
        roll.sql("UPDATE outbox SET acknowledged_at = 1 WHERE acknowledged_at IS NULL").unwrap();
        roll.tick("2027-03-10T09:00:00Z");
        assert!(condition(&roll.get("Tenant", "acme"), "Held").is_none());
    });
}

// T15, R12: a word for mails to certain addresses lets none go to another.
#[test]
fn a_word_lets_no_mail_go_to_another_address() {
    on_both(|roll| {
        let company_with = |first: &str| {
            let mut crowd: Vec<String> = (1..101).map(|n| member(&format!("m{n:03}"), "acme", "")).collect();
            crowd.push(member("m000", "acme", first));
            company(&crowd)
        };
        let held = |report: &Report| report.held("Tenant", "acme").expect("they are held").2;
        let seen = held(&roll.apply(START, &company_with("")));
        let moved = company_with("  personalEmail: elsewhere@home.example");
        let approved = annotated(&moved, "approve", &seen);
        let next = held(&roll.apply("2027-03-02T09:00:00Z", &approved));
        assert_ne!(next, seen);
        assert_ne!(roll.query("SELECT count(*) FROM outbox WHERE held").as_deref(), Some("0"));
        roll.apply("2027-03-03T09:00:00Z", &annotated(&moved, "approve", &next)).expect_code(0);
        assert_eq!(roll.query("SELECT count(*) FROM outbox WHERE held").as_deref(), Some("0"));
    });
}

// T15, R12: `plan` counts what is held already, and its fingerprint can be merged with the change.
#[test]
fn a_plan_counts_the_mails_that_are_held_already() {
    on_both(|roll| {
        let crowd = |count: usize| (0..count).map(|n| member(&format!("m{n:03}"), "acme", "")).collect::<Vec<_>>();
        roll.apply(START, &company(&crowd(101)));
        let held = |report: &Report| report.held("Tenant", "acme").expect("they are held");
        let all = company(&crowd(102));
        let planned = roll.plan("2027-03-02T09:00:00Z", &all, &[]);
        // The boss has one, too.
        assert_eq!(held(&planned).1, 103);
        let other = roll.another();
        other.apply(START, &company(&crowd(101)));
        assert_eq!(held(&other.apply("2027-03-02T09:00:00Z", &all)), held(&planned));
        roll.apply("2027-03-02T09:00:00Z", &annotated(&all, "approve", &held(&planned).2)).expect_code(0);
        assert!(condition(&roll.get("Tenant", "acme"), "Held").is_none());
        assert_eq!(roll.query("SELECT count(*) FROM outbox WHERE held").as_deref(), Some("0"));
        // Of those that are held elsewhere, some are wanted no more.
        other
            .sql("UPDATE outbox SET acknowledged_at = 1 WHERE held AND uid IN (SELECT uid FROM members WHERE name > 'm049')")
            .unwrap();
        other.tick("2027-03-02T10:00:00Z");
        let message = condition(&other.get("Tenant", "acme"), "Held").map(|held| held["message"].to_string()).unwrap_or_default();
        assert!(message.contains("mails that are left of a batch of more than 100 (51: boss, m000"), "{message}");
    });
}

// T15, M33: as many Secrets with another content are as many mails.
#[test]
fn more_than_a_hundred_new_passwords_of_one_run_are_held() {
    on_both(|roll| {
        let post = Post::start();
        let apply = |now: &str, yaml: &str| {
            let (url, base) = (post.url(), "https://login.acme.example");
            let args = ["apply", "-f", "-", "--yes", "-o", "json", "--now", now, "-n", "hr"];
            let mail = ["--smtp", &url, "--mail-from", "hr@acme.example", "--link-base", base];
            let least = [("ROLLCALL_ARGON2", "m=8,t=1,p=1")];
            Report::read(roll.run_with(&[&args[..], &mail].concat(), yaml, &least)).expect_code(0)
        };
        let crowd: Vec<String> = (0..101)
            .map(|n| {
                let from = format!("  password: {{mode: FromSecret, secretKeyRef: {{name: p{n}, key: password}}}}");
                member(&format!("a{n:03}"), "acme", &from)
            })
            .collect();
        let secrets = |of: usize, password: &str| {
            set(&(0..of).map(|n| secret(password).replace("jane-password", &format!("p{n}"))).collect::<Vec<_>>())
        };
        apply(START, &set(&[company(&crowd), secrets(101, "Kx7Tm2Qw")]));
        roll.sql("DELETE FROM outbox").expect("first notices are not what this is about");
        roll.sql("DELETE FROM holds").expect("nor is their hold");
        let report = apply("2027-03-02T09:00:00Z", &secrets(101, "Rz4-Pv9-Bn"));
        assert_eq!(post.mails("a000@home.example").len(), 0);
        let (reason, count, fingerprint) = report.held("Tenant", "acme").expect("they are held");
        assert_eq!((reason.as_str(), count), ("MailsHeld", 101));
        apply("2027-03-03T09:00:00Z", &annotated(&tenant("acme", ""), "approve", &fingerprint));
        assert_eq!(post.subjects("a000@home.example"), ["Your password at Acme was changed"]);
        // As many as a hundred go by themselves.
        apply("2027-03-04T09:00:00Z", &secrets(100, "Wd5Gh8Yj"));
        assert_eq!(post.mails("a000@home.example").len(), 2);
    });
}

// R12, T15: the first names are those of so many people, however many mails each is to get.
#[test]
fn who_is_to_get_two_mails_is_named_once() {
    on_both(|roll| {
        let people = |tokens: &str| -> Vec<String> {
            let from = format!("  password: {{mode: FromSecret, secretKeyRef: {{name: jane-password, key: password}}{tokens}}}");
            (0..51).map(|n| member(&format!("a{n:03}"), "acme", &from)).collect()
        };
        let apply = |now: &str, people: &[String]| {
            let args = ["apply", "-f", "-", "--yes", "-o", "json", "--now", now, "-n", "hr", "--secrets-out", "secrets"];
            let yaml = set(&[company(people), secret("Kx7Tm2Qw")]);
            Report::read(roll.run_with(&args, &yaml, &[("ROLLCALL_ARGON2", "m=8,t=1,p=1")])).expect_code(0)
        };
        apply(START, &people(""));
        roll.sql("DELETE FROM outbox").expect("first notices are not what this is about");
        let report = apply("2027-03-02T09:00:00Z", &people(", resetToken: one, requestChange: one"));
        assert_eq!(report.held("Tenant", "acme").map(|(_, count, _)| count), Some(102));
        assert_eq!(report.json["held"][0]["names"], serde_json::json!(["a000", "a001", "a002", "a003", "a004"]));
    });
}

// T15: who was declared before, and waited, is of the batch that lets it in.
#[test]
fn the_mails_of_many_who_waited_are_held() {
    on_both(|roll| {
        let crowd: Vec<String> = (0..101).map(|n| member(&format!("a{n:03}"), "acme", "")).collect();
        roll.apply(START, &set(&crowd)).expect_code(1);
        let report = roll.apply("2027-03-02T09:00:00Z", &company(&[]));
        let (reason, count, _) = report.held("Tenant", "acme").expect("they are held");
        assert_eq!((reason.as_str(), count), ("MailsHeld", 102));
    });
}

// T15, M25: mails go with who was to get them, and the hold, which names them, goes with the last.
#[test]
fn a_hold_goes_with_the_people_of_its_mails() {
    on_both(|roll| {
        roll.apply(START, &company(&[])).expect_code(0);
        let loose = tenant("acme", "  accessBudget: {maxPercent: 100, maxCount: 200}");
        let crowd: Vec<String> = (0..101).map(|n| member(&format!("a{n:03}"), "acme", "")).collect();
        let all = set(&[loose.clone(), boss("acme"), set(&crowd)]);
        assert!(roll.apply("2027-03-02T09:00:00Z", &all).held("Tenant", "acme").is_some());
        roll.apply_with("2027-03-02T12:00:00Z", &set(&[loose, boss("acme")]), &["--prune"]);
        assert_eq!(roll.query("SELECT count(*) FROM holds").as_deref(), Some("1"));
        roll.tick("2027-03-10T12:00:00Z");
        assert_eq!(roll.query("SELECT count(*) FROM members").as_deref(), Some("1"));
        assert_eq!(roll.query("SELECT count(*) FROM holds").as_deref(), Some("0"));
        assert!(condition(&roll.get("Tenant", "acme"), "Held").is_none());
    });
}
