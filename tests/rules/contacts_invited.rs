//! Who sees an external contact, and invitations (X3). Run by `make test`.

use crate::contacts::{BY_ID, LATER, NOW, OPEN, acme, companies, contact, globex, last, shown, taro, told};
use crate::life::{count, text, uid};
use crate::mail::send;
use crate::support::post::Post;
use crate::support::{Output, Roster, boss, condition, member, on_both, phase, ready, set, tenant};

const INVITE: &str = "  invite: {email: taro@home.example}";

fn accept(roll: &Roster, now: &str, member: &str) -> Output {
    roll.run(&["record", "accept-invitation", "taro", member, "--now", now, "-n", "hr"], "")
}

fn invitations(roll: &Roster) -> u32 {
    count(roll, "outbox WHERE consumer = 'mail' AND effect = 'ExternalInvitation'")
}

// X3
#[test]
fn an_invitation_is_sent_once_and_connects_when_a_member_with_that_address_accepts() {
    on_both(|roll| {
        let all = companies(&[taro(""), contact(INVITE)]);
        roll.plan(NOW, &all, &[]);
        assert_eq!(roll.apply(NOW, &all).expect_code(0).actions("ExternalContact", "taro"), ["create"]);
        let invited = shown(roll);
        assert_eq!((phase(&invited), ready(&invited)), ("Invited", ("True", "Invited")));
        assert_eq!((told(&invited).1, invitations(roll)), ("", 1));
        assert_eq!(
            roll.query("SELECT payload ->> 'to' FROM outbox WHERE effect = 'ExternalInvitation'").as_deref(),
            Some("taro@home.example")
        );
        roll.apply(NOW, &contact(&format!("{INVITE}\n  memo: a note"))).expect_code(0);
        assert_eq!(invitations(roll), 1);
        // Who has another address has no part in it.
        assert_eq!(accept(roll, LATER, "chief").code, 1);
        assert_eq!(phase(&shown(roll)), "Invited");
        accept(roll, LATER, "taro").ok();
        let connected = shown(roll);
        assert_eq!((phase(&connected), told(&connected)), ("Connected", ("Taro Doe", "Taro Doe", "Globex")));
        assert_eq!(text(&last(roll), "cause"), "Service");
        assert_eq!(accept(roll, LATER, "taro").code, 1);
        assert_eq!(roll.tick(LATER).all_actions(), Vec::<String>::new());
        // From then on it follows.
        roll.apply(LATER, &taro("  name: {family: Doe, given: Tom}")).expect_code(0);
        assert_eq!(told(&shown(roll)).0, "Tom Doe");
    });
}

// X1, X3: an external contact is a person of another company; the outbox tells a member of the same name from it.
#[test]
fn a_colleague_can_not_accept_an_invitation() {
    on_both(|roll| {
        let colleague = member("jiro", "acme", "  personalEmail: taro@home.example");
        roll.apply(NOW, &companies(&[taro(""), colleague, contact(INVITE)])).expect_code(0);
        let refused = accept(roll, LATER, "jiro");
        assert!(refused.code == 1 && refused.stderr.contains("colleague"), "{refused}");
        let listed = roll.run(&["outbox"], "").ok().stdout;
        assert!(listed.contains("ExternalContact hr/taro") && listed.contains("Member hr/taro"), "{listed}");
        let json = roll.run(&["outbox", "-o", "json"], "").ok().json();
        let kinds: Vec<&str> =
            json.as_array().into_iter().flatten().filter(|row| row["name"] == "taro").map(|row| text(row, "kind")).collect();
        assert!(kinds.contains(&"Member") && kinds.contains(&"ExternalContact"), "{kinds:?}");
        accept(roll, LATER, "taro").ok();
        assert_eq!(phase(&shown(roll)), "Connected");
    });
}

// X3: to a person who is no member, in the tenant's language.
#[test]
fn an_external_person_is_invited_by_mail() {
    on_both(|roll| {
        let post = Post::start();
        send(roll, &post, NOW, &companies(&[contact(INVITE)])).expect_code(0);
        let mails = post.mails("taro@home.example");
        assert_eq!(mails.iter().map(|mail| mail.subject.as_str()).collect::<Vec<_>>(), ["Acme would like to connect with you"]);
        assert_eq!(mails[0].link("https://login.acme.example/contact/"), text(&shown(roll)["status"], "uid"));
    });
}

// X3, T15
#[test]
fn a_company_that_wants_no_mails_invites_nobody() {
    on_both(|roll| {
        let post = Post::start();
        let silent = acme(&format!("{OPEN}  notifications: Disabled"));
        send(roll, &post, NOW, &set(&[silent.clone(), globex(OPEN), contact(INVITE)])).expect_code(0);
        assert_eq!(invitations(roll), 0);
        let invited = shown(roll);
        let message = condition(&invited, "Ready").map(|ready| text(ready, "message")).unwrap_or_default();
        assert!(message.contains("no mail invites the person"), "{message}");
        // One that waits is not sent either.
        roll.apply(LATER, &set(&[acme(OPEN), contact("  invite: {email: tom@home.example}")])).expect_code(0);
        assert_eq!(invitations(roll), 1);
        send(roll, &post, LATER, &silent).expect_code(0);
        send(roll, &post, LATER, &acme(OPEN)).expect_code(0);
        assert_eq!(post.mails("taro@home.example").len() + post.mails("tom@home.example").len(), 0);
    });
}

// X3, M34: what waits is sent to nobody whose invitation was withdrawn meanwhile.
#[test]
fn an_invitation_that_was_withdrawn_is_not_sent() {
    on_both(|roll| {
        let post = Post::start();
        let mails = |address: &str| post.mails(address).len();
        roll.apply(NOW, &companies(&[contact(INVITE)])).expect_code(0);
        send(roll, &post, LATER, &contact("  invite: {email: tom@home.example}")).expect_code(0);
        assert_eq!((mails("taro@home.example"), mails("tom@home.example")), (0, 1));
        roll.apply(LATER, &contact(INVITE)).expect_code(0);
        roll.apply_with(LATER, &companies(&[]), &["--prune"]).expect_code(0);
        send(roll, &post, "2027-03-03T09:00:00Z", "").expect_code(0);
        assert_eq!(
            (mails("taro@home.example"), count(roll, "outbox WHERE acknowledged_at IS NULL AND consumer = 'mail'")),
            (0, 0)
        );
    });
}

// X3
#[test]
fn another_address_is_another_invitation() {
    on_both(|roll| {
        roll.apply(NOW, &companies(&[taro(""), contact(INVITE)])).expect_code(0);
        roll.apply(LATER, &contact("  invite: {email: tom@home.example}")).expect_code(0);
        assert_eq!(invitations(roll), 2);
        assert_eq!(accept(roll, LATER, "taro").code, 1);
        roll.apply(LATER, &taro("  personalEmail: tom@home.example")).expect_code(0);
        accept(roll, LATER, "taro").ok();
        assert_eq!(phase(&shown(roll)), "Connected");
    });
}

// X3: an acceptance answers the invitation that was there, and no other one, nor the same one made anew.
#[test]
fn an_acceptance_counts_for_its_own_invitation() {
    on_both(|roll| {
        roll.apply(NOW, &companies(&[taro(""), contact(INVITE)])).expect_code(0);
        accept(roll, NOW, "taro").ok();
        assert_eq!(phase(&shown(roll)), "Connected");
        roll.apply(LATER, &contact("  invite: {email: tom@home.example}")).expect_code(0);
        roll.apply(LATER, &taro("  personalEmail: tom@home.example")).expect_code(0);
        roll.apply(LATER, &contact("  invite: {email: tom@home.example}\n  memo: a note")).expect_code(0);
        assert_eq!((phase(&shown(roll)), told(&shown(roll)).1), ("Invited", ""));
        roll.apply(LATER, &set(&[taro(""), contact(INVITE)])).expect_code(0);
        assert_eq!((phase(&shown(roll)), invitations(roll)), ("Invited", 3));
        accept(roll, LATER, "taro").ok();
        assert_eq!(phase(&shown(roll)), "Connected");
    });
}

// X3, T7, M34: nobody is invited by a company that does not allow connections any more.
#[test]
fn an_invitation_waits_while_connections_are_not_allowed() {
    on_both(|roll| {
        let post = Post::start();
        roll.apply(NOW, &companies(&[contact(INVITE)])).expect_code(0);
        send(roll, &post, LATER, &acme("")).expect_code(1);
        assert_eq!(post.mails("taro@home.example").len(), 0);
        send(roll, &post, "2027-03-03T09:00:00Z", &acme(OPEN)).expect_code(0);
        assert_eq!(post.mails("taro@home.example").len(), 1);
    });
}

// X3, T7
#[test]
fn an_invitation_needs_what_a_lookup_needs() {
    on_both(|roll| {
        let waiting = roll.apply(NOW, &set(&[acme(""), globex(""), taro(""), contact(INVITE)])).expect_code(1);
        assert_eq!(waiting.refused("ExternalContact", "taro").as_deref(), Some("NotAllowedHere"));
        assert_eq!(invitations(roll), 0);
        roll.apply(NOW, &acme(OPEN)).expect_code(0);
        assert_eq!(invitations(roll), 1);
        // Accepted before the other company allows it, nothing is known; it connects once it does.
        accept(roll, LATER, "taro").ok();
        assert_eq!((phase(&shown(roll)), told(&shown(roll)).1), ("Invited", ""));
        assert_eq!(count(roll, "outbox WHERE effect = 'OpenContact'"), 0);
        roll.apply(LATER, &globex(OPEN)).expect_code(0);
        assert_eq!((phase(&shown(roll)), told(&shown(roll)).1), ("Connected", "Taro Doe"));
    });
}

// X3
#[test]
fn a_lookup_or_an_invitation_is_given_and_not_both() {
    on_both(|roll| {
        let two = "  lookup: {messageId: taro@globex.example, qrToken: abc}";
        for neither_nor_both in ["", &format!("{BY_ID}\n{INVITE}"), two, "  lookup: {}"] {
            let refused = roll.apply(NOW, &companies(&[contact(neither_nor_both)])).expect_code(1);
            assert_eq!(refused.refused("ExternalContact", "taro").as_deref(), Some("Invalid"));
        }
    });
}

/// What is told of the members to whom a contact can't be shown.
fn unseen(roll: &Roster) -> String {
    let contact = shown(roll);
    condition(&contact, "VisibilityMemberNotFound").map(|told| text(told, "message").to_owned()).unwrap_or_default()
}

// X3
#[test]
fn a_contact_is_shown_to_the_owner_to_everybody_or_to_a_list() {
    on_both(|roll| {
        let seen_by = |visibility: &str| contact(&format!("{BY_ID}\n  visibility: {visibility}"));
        roll.apply(NOW, &companies(&[taro(""), member("joe", "acme", ""), contact(BY_ID)])).expect_code(0);
        roll.apply(NOW, &seen_by("{scope: All}")).expect_code(0);
        roll.apply(NOW, &seen_by("{scope: Members, memberRefs: [{name: joe}]}")).expect_code(0);
        assert_eq!(
            roll.query("SELECT CAST(profile AS TEXT) LIKE '%joe%' FROM contacts").map(|told| told != "0" && told != "f"),
            Some(true)
        );
        let list = |many: usize| {
            let refs: Vec<String> = (0..many).map(|number| format!("{{name: m{number}}}")).collect();
            seen_by(&format!("{{scope: Members, memberRefs: [{}]}}", refs.join(", ")))
        };
        roll.apply(NOW, &list(500)).expect_code(0);
        assert!(condition(&shown(roll), "VisibilityMemberNotFound").is_some());
        // Whoever belongs to another company is not there either.
        roll.apply(NOW, &seen_by("{scope: Members, memberRefs: [{name: joe}, {name: chief}]}")).expect_code(0);
        assert!(unseen(roll).contains("`chief`") && !unseen(roll).contains("`joe`"), "{}", unseen(roll));
        let refusal = |yaml: &str| roll.apply(NOW, yaml).expect_code(1).refused("ExternalContact", "taro");
        assert_eq!(refusal(&list(501)).as_deref(), Some("Invalid"));
        assert_eq!(refusal(&seen_by("{scope: Members, memberRefs: [{name: joe}, {name: joe}]}")).as_deref(), Some("Invalid"));
        assert_eq!(refusal(&seen_by("{scope: All, memberRefs: [{name: joe}]}")).as_deref(), Some("Invalid"));
    });
}

// X3, R11, R5: what a contact names is told at once when it goes, and when it comes.
#[test]
fn a_member_of_the_list_who_moves_away_or_is_purged_is_told_of_at_once() {
    on_both(|roll| {
        let group = format!("{OPEN}  corporateGroup: Blue\n");
        let sister = tenant("sister", "  corporateGroup: Blue\n  supremeAdminRef: {name: warden}\n");
        let list = contact(&format!("{BY_ID}\n  visibility: {{scope: Members, memberRefs: [{{name: joe}}, {{name: june}}]}}"));
        let companies = [acme(&group), globex(OPEN), taro(""), sister, member("warden", "sister", "")];
        let with = |more: &[String]| set(&[&companies[..], std::slice::from_ref(&list), more].concat());
        let (joe, june) = (member("joe", "acme", ""), member("june", "acme", ""));
        roll.apply(NOW, &with(&[joe.clone(), june.clone()])).expect_code(0);
        assert_eq!(unseen(roll), "");
        let elsewhere = [member("joe", "sister", ""), june.clone()];
        roll.apply(LATER, &elsewhere[0]).expect_code(0);
        assert_eq!((ready(&shown(roll)), unseen(roll).contains("`joe`")), (("True", "InDirectory"), true));
        let status = shown(roll)["status"].clone();
        assert_eq!(roll.apply(LATER, &with(&elsewhere)).expect_code(0).all_actions(), Vec::<String>::new());
        assert_eq!(shown(roll)["status"], status);
        roll.apply("2027-03-03T09:00:00Z", &joe).expect_code(0);
        assert_eq!(unseen(roll), "");

        roll.apply_with("2027-03-04T09:00:00Z", &with(&[joe]), &["--prune"]).expect_code(0);
        assert_eq!(unseen(roll), "");
        roll.tick("2027-03-12T09:00:00Z").expect_code(0);
        assert!(unseen(roll).contains("`june`") && !unseen(roll).contains("`joe`"), "{}", unseen(roll));
        roll.apply("2027-03-13T09:00:00Z", &june).expect_code(0);
        assert_eq!(unseen(roll), "");
    });
}

// X1, R11, M11: the same files tell the same of an owner's name, whatever came before.
#[test]
fn an_owner_whose_manifest_has_another_name_is_missed_at_once() {
    on_both(|roll| {
        let keyed = |name: &str| member(name, "acme", "  id: jane\n  externalKey: E1");
        let all = |owner: String| set(&[tenant("acme", OPEN), boss("acme"), globex(OPEN), taro(""), owner, contact(BY_ID)]);
        roll.apply(NOW, &all(keyed("jane"))).expect_code(0);
        let before = uid(&shown(roll));
        let renamed = roll.apply_with(LATER, &all(keyed("jane-doe")), &["--prune"]).expect_code(1);
        assert_eq!(renamed.refused("ExternalContact", "taro").as_deref(), Some("OwnerNotFound"));
        roll.apply_with(LATER, &all(keyed("jane")), &["--prune"]).expect_code(0);
        // One after the other tells the same as both at once.
        roll.apply(LATER, &keyed("jane-doe"));
        roll.apply_with(LATER, &set(&[tenant("acme", OPEN), boss("acme"), keyed("jane-doe"), contact(BY_ID)]), &["--prune"]);
        assert_eq!((phase(&shown(roll)), ready(&shown(roll)).1), ("Connected", "OwnerNotFound"));
        roll.apply(LATER, &contact(BY_ID).replace("ownerRef: {name: jane}", "ownerRef: {name: jane-doe}")).expect_code(0);
        assert_eq!((uid(&shown(roll)), ready(&shown(roll)).0), (before, "True"));
    });
}
