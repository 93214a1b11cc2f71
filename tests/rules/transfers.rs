//! Transfers between group companies (T9, M40, M41) and the holds that they may meet (R12).
//! Never about lost access as such, which is `budget`. Run by `make test`.

use serde_json::json;

use crate::life::{START, count, row};
use crate::mail::send;
use crate::support::post::Post;
use crate::support::{Roster, annotated, boss, condition, member, on_both, organization, phase, ready, set, tenant};

const LATER: &str = "2027-03-02T09:00:00Z";
const GROUP: &str = "  corporateGroup: Blue\n";
const DRIVE_ONLY: &str = "  corporateGroup: Blue\n  products: {approval: {}}\n  supremeAdminRef: {name: chief}\n";

/// Two group companies, the second with this under its `spec`, and Jane.
fn companies(umbra: &str, jane: &str) -> String {
    let umbra =
        if umbra.contains("supremeAdminRef") { umbra.to_owned() } else { format!("{umbra}  supremeAdminRef: {{name: chief}}\n") };
    let chief = member("chief", "umbra", "");
    set(&[tenant("acme", GROUP), boss("acme"), tenant("umbra", &umbra), chief, jane.to_owned()])
}

fn jane(tenant: &str, extra: &str) -> String {
    member("jane", tenant, extra)
}

fn orders(roll: &Roster, effect: &str) -> u32 {
    count(roll, &format!("outbox WHERE effect = '{effect}'"))
}

// T9, M40, M37: the uid stays; organizations, rooms and sessions of the old company end; what led to the old address is renewed.
#[test]
fn a_member_moves_to_a_group_company_as_the_same_person() {
    on_both(|roll| {
        let team = organization("team", "acme", "");
        let lab = organization("lab", "umbra", "");
        let set_of = |jane: String| set(&[companies(GROUP, &jane), team.clone(), lab.clone()]);
        roll.apply(START, &set_of(jane("acme", "  organizations: [{organizationRef: {name: team}}]"))).expect_code(0);
        roll.sign_in("2027-03-01T10:00:00Z", "jane").ok();
        let before = roll.get("Member", "jane");
        let moved = jane("umbra", "  organizations: [{organizationRef: {name: lab}}]");
        let plan = roll.plan(LATER, &set_of(moved.clone()), &[]);
        assert_eq!(plan.actions("Member", "jane"), ["transfer", "update"]);
        let report = roll.apply(LATER, &set_of(moved)).expect_code(0);
        assert_eq!(report.actions("Member", "jane"), ["transfer", "update"]);
        let after = roll.get("Member", "jane");
        assert_eq!(before["status"]["uid"], after["status"]["uid"]);
        assert_eq!((phase(&after), &after["status"]["organization"]), ("Active", &json!("lab")));
        assert_eq!(after["status"]["messageId"], "jane@umbra.example");
        for renewed in ["qrToken", "contactUrl"] {
            assert_ne!(before["status"][renewed], after["status"][renewed]);
        }
        assert_eq!(count(roll, "sessions WHERE closed_at IS NULL"), 0);
        assert_eq!((orders(roll, "LeaveRooms"), orders(roll, "Erase")), (1, 0));
        let fields = row(roll, "transfer")["fields"].clone();
        assert_eq!(fields[0], json!({"path": "tenant", "from": "acme", "to": "umbra"}));
        assert_eq!(roll.get("Tenant", "acme")["status"]["members"], 1);
        assert_eq!(
            roll.apply(LATER, &set_of(jane("umbra", "  organizations: [{organizationRef: {name: lab}}]"))).all_actions(),
            [""; 0]
        );
    });
}

// M34, M40: what still waits is written by the company that the member belongs to when it leaves.
#[test]
fn a_mail_that_waits_speaks_of_the_present_company() {
    on_both(|roll| {
        let post = Post::start();
        roll.apply(START, &companies(GROUP, &jane("acme", ""))).expect_code(0);
        send(roll, &post, LATER, &companies(GROUP, &jane("umbra", ""))).expect_code(0);
        let mails = post.mails("jane@home.example");
        assert_eq!(mails.iter().map(|mail| mail.subject.as_str()).collect::<Vec<_>>(), ["Your account at Umbra"]);
        assert!(mails[0].body.contains("jane@umbra.example") && !mails[0].body.contains("Acme"), "{}", mails[0].body);
    });
}

// M40: whole or not at all; it says all that does not fit, and goes on by itself once it does.
#[test]
fn a_member_stays_until_everything_fits() {
    on_both(|roll| {
        roll.apply(START, &companies(GROUP, &jane("acme", ""))).expect_code(0);
        let wish = jane("umbra", "  id: taken\n  jobLevel: L9\n  organizations: [{organizationRef: {name: lab}}]");
        let taken = member("other", "umbra", "  id: taken");
        let report = roll.apply(LATER, &set(&[wish, taken.clone()])).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("TransferBlocked"));
        let message = report.refused_message("Member", "jane").unwrap_or_default();
        assert!(
            message.contains("`L9` is not in the tenant's jobLevels, which are empty") && message.contains("`lab`"),
            "{message}"
        );
        assert_eq!(roll.get("Member", "jane")["status"]["messageId"], "jane@acme.example");
        // The ID is told as soon as the rest is decided.
        let umbra = format!("{GROUP}  jobLevels: [L9]\n  supremeAdminRef: {{name: chief}}\n");
        roll.apply("2027-03-02T10:00:00Z", &set(&[tenant("umbra", &umbra), organization("lab", "umbra", "")])).expect_code(1);
        let waits = roll.get("Member", "jane");
        assert_eq!(ready(&waits).1, "TransferBlocked");
        let report = roll.apply("2027-03-02T11:00:00Z", &member("other", "umbra", "  id: free")).expect_code(0);
        assert_eq!(report.actions("Member", "jane"), ["transfer", "rename", "update"]);
        assert_eq!(roll.get("Member", "jane")["status"]["messageId"], "taken@umbra.example");
    });
}

// M40, M4: an organization of another company is named with that one.
#[test]
fn an_organization_of_the_old_company_blocks_a_move_and_is_named() {
    on_both(|roll| {
        let team = organization("team", "acme", "");
        let in_team = |of: &str| jane(of, "  organizations: [{organizationRef: {name: team}}]");
        roll.apply(START, &set(&[companies(GROUP, &in_team("acme")), team])).expect_code(0);
        let message = roll.apply(LATER, &in_team("umbra")).expect_code(1).refused_message("Member", "jane").unwrap_or_default();
        assert!(message.contains("`team` is an organization of the tenant `acme`"), "{message}");
    });
}

// M40, T3: a company without a place takes nobody.
#[test]
fn a_full_company_blocks_a_transfer_until_a_place_falls_free() {
    on_both(|roll| {
        let crowd: Vec<String> = (0..29).map(|n| member(&format!("m{n}"), "umbra", "")).collect();
        let umbra = format!("{GROUP}  products: {{core: {{plan: Free}}}}\n  deletionGrace: \"0\"\n");
        roll.apply(START, &set(&[companies(&umbra, &jane("acme", "")), set(&crowd)])).expect_code(0);
        let report = roll.apply(LATER, &jane("umbra", "")).expect_code(1);
        assert!(report.refused_message("Member", "jane").unwrap_or_default().contains("30 places"));
        let fewer = set(&[companies(&umbra, &jane("umbra", "")), set(&crowd[1..])]);
        roll.apply_with("2027-03-03T09:00:00Z", &fewer, &["--prune"]);
        assert_eq!(roll.get("Member", "jane")["status"]["messageId"], "jane@umbra.example");
    });
}

// M40, T12: a company that is to be cancelled takes nobody; one that is not any more does.
#[test]
fn a_company_that_is_to_be_cancelled_blocks_a_transfer() {
    on_both(|roll| {
        let ends = "{reason: CompanyClosed, confirmation: {secretKeyRef: {name: farewell, key: password}}}";
        roll.apply(START, &companies(&format!("{GROUP}  cancellation: {ends}\n"), &jane("acme", "")));
        let report = roll.apply(LATER, &jane("umbra", ""));
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("TransferBlocked"));
        let umbra = format!("{GROUP}  supremeAdminRef: {{name: chief}}\n");
        roll.apply("2027-03-03T09:00:00Z", &tenant("umbra", &umbra)).expect_code(0);
        assert_eq!(roll.get("Member", "jane")["status"]["messageId"], "jane@umbra.example");
    });
}

// M40, R12: what would be erased is told exactly, held, and done with a person's word only.
#[test]
fn a_transfer_that_erases_waits_for_consent() {
    on_both(|roll| {
        roll.apply(START, &companies(DRIVE_ONLY, &jane("acme", ""))).expect_code(0);
        let plan = roll.plan(LATER, &jane("umbra", ""), &[]).expect_code(2);
        let (reason, number, fingerprint) = plan.held("Member", "jane").expect("it is held");
        assert_eq!((reason.as_str(), number), ("TransferNeedsConsent", 1));
        let report = roll.apply(LATER, &jane("umbra", "")).expect_code(1);
        assert_eq!(report.held("Member", "jane").map(|held| held.2).as_deref(), Some(fingerprint.as_str()));
        let waits = roll.get("Member", "jane");
        assert_eq!((ready(&waits).1, phase(&waits)), ("TransferNeedsConsent", "Pending"));
        let message = condition(&waits, "Held").map(|held| held["message"].to_string()).unwrap_or_default();
        for told in ["messages", "personal calendar", "mailbox", "personal Drive folder", &fingerprint] {
            assert!(message.contains(told), "{told}: {message}");
        }
        roll.apply("2027-03-02T10:00:00Z", &annotated(&jane("umbra", ""), "approve", "0000000000000000")).expect_code(1);
        let approved = annotated(&jane("umbra", ""), "approve", &fingerprint);
        let report = roll.apply("2027-03-02T11:00:00Z", &approved).expect_code(0);
        assert_eq!(report.actions("Member", "jane"), ["transfer"]);
        assert_eq!(orders(roll, "Erase"), 4);
        let after = roll.get("Member", "jane");
        assert!(condition(&after, "Held").is_none());
        assert_eq!(roll.apply("2027-03-02T12:00:00Z", &approved).expect_code(0).all_actions(), [""; 0]);
        // It was a word for this move, and not for the next.
        roll.apply("2027-03-03T09:00:00Z", &jane("acme", "")).expect_code(0);
        let report = roll.apply("2027-03-04T09:00:00Z", &approved).expect_code(1);
        assert_ne!(report.held("Member", "jane").expect("it is held").2, fingerprint);
        assert_eq!(orders(roll, "Erase"), 4);
    });
}

// M40, R6: what is erased is told whole, wherever it is read, and does not seem to come back with the next move.
#[test]
fn what_a_transfer_erases_is_told_whole_and_once() {
    on_both(|roll| {
        let acme = format!("{GROUP}  products: {{core: {{plan: Advanced}}, drive: {{}}}}\n");
        roll.apply(START, &companies(DRIVE_ONLY, &jane("acme", ""))).expect_code(0);
        roll.apply(START, &tenant("acme", &acme)).expect_code(0);
        let fingerprint = roll.plan(LATER, &jane("umbra", ""), &[]).held("Member", "jane").expect("it is held").2;
        let approved = annotated(&jane("umbra", ""), "approve", &fingerprint);
        let plan = |format: &str| roll.run(&["plan", "-f", "-", "--now", LATER, "-n", "hr", "-o", format], &approved).stdout;
        let (table, markdown) = (plan("table"), plan("markdown"));
        roll.apply(LATER, &approved).expect_code(0);
        let history = || roll.run(&["history", "member", "jane", "-n", "hr"], "").stdout;
        let erased = "tenant: acme → umbra; erased: – → messages, personalCalendar, mailbox, personalDriveFolder;";
        for told in [table, markdown, history()] {
            assert!(told.contains(erased), "{told}");
        }
        roll.apply("2027-03-03T09:00:00Z", &jane("acme", "")).expect_code(0);
        assert_eq!(history().matches("erased").count(), 1, "{}", history());
    });
}

// R12: the word may come together with the change; when what would happen changes, so does the fingerprint.
#[test]
fn consent_is_given_to_exactly_what_would_happen() {
    on_both(|roll| {
        roll.apply(START, &companies(DRIVE_ONLY, &jane("acme", ""))).expect_code(0);
        let held = |set: &str| roll.plan(LATER, set, &[]).held("Member", "jane").expect("it is held").2;
        let one = held(&jane("umbra", ""));
        let lite = tenant("acme", &format!("{GROUP}  products: {{core: {{plan: Lite}}}}\n"));
        assert_ne!(one, held(&set(&[lite, jane("umbra", "")])));
        roll.apply(LATER, &annotated(&jane("umbra", ""), "approve", &one)).expect_code(0);
        assert_eq!(roll.get("Member", "jane")["status"]["messageId"], "jane@umbra.example");
    });
}

// R12, M40: a word holds while exactly the same would happen, whatever else becomes of the member.
#[test]
fn consent_holds_when_the_member_signs_in_meanwhile() {
    on_both(|roll| {
        roll.apply(START, &companies(DRIVE_ONLY, &jane("acme", ""))).expect_code(0);
        let (_, _, fingerprint) = roll.plan(LATER, &jane("umbra", ""), &[]).held("Member", "jane").expect("it would be held");
        roll.sign_in("2027-03-02T10:00:00Z", "jane").ok();
        let named = jane("umbra", "  nickname: J");
        let report = roll.apply("2027-03-02T11:00:00Z", &annotated(&named, "approve", &fingerprint)).expect_code(0);
        assert_eq!(
            (report.actions("Member", "jane"), orders(roll, "Erase")),
            (vec!["transfer".to_owned(), "update".to_owned()], 4)
        );
    });
}

// M41, T4: nobody moves outside of the group, no supreme administrator, nobody who is deleted.
#[test]
fn a_transfer_that_may_not_be_is_refused() {
    on_both(|roll| {
        let strange = tenant("strange", "  supremeAdminRef: {name: stranger}");
        let all = set(&[companies(GROUP, &jane("acme", "")), strange, member("stranger", "strange", "")]);
        roll.apply(START, &all).expect_code(0);
        let refused = |name: &str, to: &str| roll.plan(LATER, &member(name, to, ""), &[]).refused("Member", name);
        assert_eq!(refused("jane", "strange").as_deref(), Some("TransferRefused"));
        assert_eq!(refused("boss", "umbra").as_deref(), Some("SupremeAdminProtected"));
        // It goes on by itself once both are of one group, whichever of them changes.
        roll.apply(LATER, &set(&[tenant("acme", ""), boss("acme"), jane("umbra", "")])).expect_code(1);
        assert_eq!(ready(&roll.get("Member", "jane")).1, "TransferRefused");
        let report = roll.apply(LATER, &set(&[tenant("acme", GROUP), boss("acme")])).expect_code(0);
        assert_eq!(report.actions("Member", "jane"), ["transfer"]);
        roll.apply(LATER, &jane("acme", "")).expect_code(0);
        roll.apply_with(LATER, &companies(GROUP, ""), &["--prune"]).expect_code(0);
        assert_eq!(phase(&roll.get("Member", "jane")), "Deleted");
        let report = roll.apply("2027-03-02T10:00:00Z", &jane("umbra", "")).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("TransferRefused"));
    });
}

// O4, M40, X1: what was wrong since somebody, or something, was another company's goes on by itself.
#[test]
fn whoever_names_what_comes_to_the_tenant_goes_on_by_itself() {
    on_both(|roll| {
        let umbra = format!("{GROUP}  externalConnections: {{allowed: true}}\n");
        let contact = "apiVersion: rollcall.dev/v1alpha1\nkind: ExternalContact\nmetadata: {name: taro}\nspec:\n  \
             tenantRef: {name: umbra}\n  ownerRef: {name: jane}\n  invite: {email: taro@home.example}\n";
        let joe = member("joe", "umbra", "  organizations: [{organizationRef: {name: lab}}]");
        let all = |of: &str| set(&[companies(&umbra, &jane(of, "")), joe.clone(), contact.to_owned()]);
        let report = roll.apply(START, &set(&[all("acme"), organization("lab", "acme", "")])).expect_code(1);
        assert_eq!(report.refused("ExternalContact", "taro").as_deref(), Some("Invalid"));
        assert_eq!(report.refused("Member", "joe").as_deref(), Some("Invalid"));

        roll.apply(LATER, &jane("umbra", "")).expect_code(0);
        assert_eq!(phase(&roll.get("ExternalContact", "taro")), "Invited");
        roll.apply_with(LATER, &all("umbra"), &["--prune"]);
        assert_eq!(ready(&roll.get("Member", "joe")), ("False", "OrganizationNotFound"));
        roll.apply(LATER, &organization("lab", "umbra", "")).expect_code(0);
        assert_eq!(ready(&roll.get("Member", "joe")), ("True", "InDirectory"));
    });
}

// T14, M40: while nobody declares a company, nothing of it is erased, by a move neither.
#[test]
fn a_move_that_erases_waits_while_nobody_declares_the_company() {
    on_both(|roll| {
        roll.apply(START, &companies(DRIVE_ONLY, &jane("acme", ""))).expect_code(0);
        roll.sql("UPDATE tenants SET managed = FALSE, revision = revision + 1 WHERE name = 'acme'").unwrap();
        let report = roll.apply(LATER, &jane("umbra", "")).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("TransferBlocked"));
        let message = report.refused_message("Member", "jane").unwrap_or_default();
        assert!(message.contains("nobody declares `acme`") && message.contains("(T14)"), "{message}");
        let report = roll.apply("2027-03-03T09:00:00Z", &tenant("acme", &format!("{GROUP}  timeZone: Asia/Seoul\n")));
        assert_eq!(ready(&roll.get("Member", "jane")).1, "TransferNeedsConsent", "{:#}", report.json);
        assert_eq!(orders(roll, "Erase"), 0);
    });
}

// M24, M25, M41: a manifest that names another company can't bring back whom it names, and keeps nobody from the purge.
#[test]
fn a_manifest_for_another_company_restores_nobody_and_holds_no_purge_up() {
    on_both(|roll| {
        roll.apply(START, &companies(GROUP, &jane("acme", ""))).expect_code(0);
        roll.apply_with(LATER, &companies(GROUP, ""), &["--prune"]).expect_code(0);
        let report = roll.apply("2027-03-03T09:00:00Z", &jane("umbra", "")).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("TransferRefused"));
        let message = report.refused_message("Member", "jane").unwrap_or_default();
        assert!(message.contains("restore it in its tenant first"), "{message}");
        assert!(message.contains("can be restored until 2027-03-09T09:00:00Z"), "{message}");
        let before = roll.get("Member", "jane")["status"]["uid"].clone();
        let report = roll.tick("2027-03-09T09:00:00Z");
        assert_eq!(report.actions("Member", "jane"), ["purge", "create"]);
        let after = roll.get("Member", "jane");
        assert_eq!((phase(&after), &after["spec"]["tenantRef"]["name"]), ("Pending", &json!("umbra")));
        assert_ne!(after["status"]["uid"], before);
    });
}
