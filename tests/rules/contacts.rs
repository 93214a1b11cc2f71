//! External contacts: who is found, what follows them (X1, X2). What the tests of contacts share.
//! Run by `make test`.

use serde_json::{Value, json};

use crate::life::{change, count, text, uid};
use crate::support::{Report, Roster, boss, condition, member, on_both, phase, ready, set, tenant};

pub const NOW: &str = "2027-03-01T09:00:00Z";
pub const LATER: &str = "2027-03-02T09:00:00Z";
pub const OPEN: &str = "  externalConnections: {allowed: true}\n";
pub const BY_ID: &str = "  lookup: {messageId: taro@globex.example}";

/// The contact `taro` of Jane's, with this under its `spec`.
pub fn contact(extra: &str) -> String {
    let head = "apiVersion: rollcall.dev/v1alpha1\nkind: ExternalContact\nmetadata: {name: taro}\nspec:";
    format!("{head}\n  tenantRef: {{name: acme}}\n  ownerRef: {{name: jane}}\n{extra}\n")
}

/// The company `acme` with `boss` and Jane, who adds the contact.
pub fn acme(extra: &str) -> String {
    set(&[tenant("acme", extra), boss("acme"), member("jane", "acme", "")])
}

/// Another company, with `chief`.
pub fn globex(extra: &str) -> String {
    let extra = format!("  supremeAdminRef: {{name: chief}}\n{extra}");
    set(&[tenant("globex", &extra), member("chief", "globex", "")])
}

/// Taro Doe of that company.
pub fn taro(extra: &str) -> String {
    member("taro", "globex", extra)
}

/// Both companies, which allow connections, and these.
pub fn companies(more: &[String]) -> String {
    set(&[&[acme(OPEN), globex(OPEN)], more].concat())
}

/// Jane's contact as `get` shows it.
#[track_caller]
pub fn shown(roll: &Roster) -> Value {
    roll.get("ExternalContact", "taro")
}

/// What the contact tells of the person: name, nickname, company.
pub fn told(contact: &Value) -> (&str, &str, &str) {
    let status = &contact["status"];
    (text(status, "name"), text(status, "nickname"), text(status, "company"))
}

/// The latest row of the contact's history.
#[track_caller]
pub fn last(roll: &Roster) -> Value {
    roll.history("ExternalContact", "taro").pop().expect("a row")
}

fn why(report: &Report) -> (String, String) {
    let reason = report.refused("ExternalContact", "taro").unwrap_or_default();
    (reason, report.refused_message("ExternalContact", "taro").unwrap_or_default())
}

// X1
#[test]
fn a_person_is_found_by_message_id_phone_number_and_qr_token() {
    on_both(|roll| {
        let phone = "  mobilePhone: +81 90 1234 5678\n  phoneSearchable: true";
        roll.apply(NOW, &companies(&[taro(phone)])).expect_code(0);
        let token = text(&roll.get("Member", "taro")["status"], "qrToken").to_owned();
        let lookups = ["messageId: taro@globex.example".to_owned(), "phoneNumber: +81-90-1234-5678".to_owned()];
        for lookup in lookups.into_iter().chain([format!("qrToken: {token}")]) {
            let roll = roll.another();
            roll.apply(NOW, &companies(&[taro(phone)])).expect_code(0);
            roll.sql(&format!("UPDATE members SET qr_token = '{token}', revision = revision + 1 WHERE name = 'taro'")).unwrap();
            let done = roll.apply(NOW, &contact(&format!("  lookup: {{{lookup}}}"))).expect_code(0);
            assert_eq!(done.actions("ExternalContact", "taro"), ["create"], "{lookup}");
            let contact = shown(&roll);
            assert_eq!((phase(&contact), ready(&contact)), ("Connected", ("True", "InDirectory")));
            assert_eq!(told(&contact), ("Taro Doe", "Taro Doe", "Globex"));
            let target = roll.query("SELECT target FROM contacts WHERE name = 'taro'");
            assert_eq!(target, roll.query("SELECT uid FROM members WHERE name = 'taro'"));
        }
    });
}

// X1, T7
#[test]
fn both_companies_must_allow_connections_and_it_goes_on_once_they_do() {
    on_both(|roll| {
        let waiting = roll.apply(NOW, &set(&[acme(""), globex(""), taro(""), contact(BY_ID)])).expect_code(1);
        assert_eq!(why(&waiting).0, "NotAllowedHere");
        assert_eq!(condition(&shown(roll), "Reconciling").map(|told| told["status"].clone()), Some("True".into()));
        let waiting = roll.apply(NOW, &acme(OPEN)).expect_code(1);
        assert_eq!(why(&waiting).0, "NotAllowedThere");
        let done = roll.apply(LATER, &globex(OPEN)).expect_code(0);
        assert_eq!(done.actions("ExternalContact", "taro"), ["create"]);
        assert_eq!(last(roll)["cause"], "Dependency");
        assert_eq!(phase(&shown(roll)), "Connected");
    });
}

// X1, T2
#[test]
fn core_or_approval_must_be_in_use_on_both_sides() {
    on_both(|roll| {
        let of = |products: &str| format!("{OPEN}  products: {{{products}}}\n");
        let (drive, approval) = (of("drive: {}"), of("approval: {}"));
        let apply = |here: &str, there: &str| {
            why(&roll.another().apply(NOW, &set(&[acme(here), globex(there), taro(""), contact(BY_ID)]))).0
        };
        assert_eq!(apply(&drive, OPEN), "NotAllowedHere");
        assert_eq!(apply(OPEN, &drive), "NotAllowedThere");
        assert_eq!(apply(&approval, &approval), "");
    });
}

// X1: nothing leaks before a match is allowed, nor whether the person exists.
#[test]
fn whether_a_person_exists_who_may_not_be_found_is_not_told() {
    on_both(|roll| {
        let phone = "  mobilePhone: +81 9012345678\n  phoneSearchable: true";
        let told = |there: &str, taro: &[String], lookup: &str| {
            let roll = roll.another();
            let all = [&[acme(OPEN), globex(there)], taro, &[contact(&format!("  lookup: {{{lookup}}}"))]].concat();
            let report = roll.apply(NOW, &set(&all)).expect_code(1);
            assert!(!report.json["refused"].to_string().contains("Taro"), "{:#}", report.json["refused"]);
            assert_eq!(count(&roll, "contacts"), 0);
            assert_eq!(count(&roll, "waits WHERE key LIKE '%globex%' OR key LIKE '%8190%'"), 0);
            why(&report)
        };
        let hidden = [member("taro", "globex", "  mobilePhone: +81 9012345678")];
        let there = [member("taro", "globex", phone)];
        // By its domain, a company is told of alone.
        let by_id = "messageId: taro@globex.example";
        assert_eq!(told("", &there, by_id), told("", &[], by_id));
        assert_eq!(told("", &there, by_id).0, "NotAllowedThere");
        assert_eq!(told(OPEN, &[], by_id).0, "TargetNotFound");
        // By a phone number, nobody is there who is not to be found.
        let by_phone = "phoneNumber: +81 90-1234-5678";
        let nobody = told(OPEN, &[], by_phone);
        assert_eq!(nobody.0, "TargetNotFound");
        assert_eq!(told("", &there, by_phone), nobody);
        assert_eq!(told(OPEN, &hidden, by_phone), nobody);
        // Nor by a QR token.
        let by_token = |there: &str| {
            let roll = roll.another();
            roll.apply(NOW, &set(&[acme(OPEN), globex(there), taro("")])).expect_code(0);
            let token = text(&roll.get("Member", "taro")["status"], "qrToken").to_owned();
            why(&roll.apply(NOW, &contact(&format!("  lookup: {{qrToken: {token}}}"))))
        };
        assert_eq!(by_token(""), told(OPEN, &[], "qrToken: abc"));
        assert_eq!(by_token(OPEN).0, "");
        // A person whose account has not begun, or is deleted, is nobody yet, or any more.
        let later = [member("taro", "globex", "  activation: {at: \"2028-01-01\"}")];
        assert_eq!(told(OPEN, &later, by_id), told(OPEN, &[], by_id));
        // One of the own company is no person of another.
        let (reason, message) = told(OPEN, &[], "messageId: boss@acme.example");
        assert_eq!((reason.as_str(), message.contains("own domain")), ("TargetNotFound", true));
    });
}

// X1
#[test]
fn several_people_with_one_number_are_ambiguous_until_one_is_left() {
    on_both(|roll| {
        let phone = "  mobilePhone: +81 9012345678\n  phoneSearchable: true";
        let jiro = |extra: &str| member("jiro", "globex", extra);
        let waiting =
            roll.apply(NOW, &companies(&[taro(phone), jiro(phone), contact("  lookup: {phoneNumber: \"+819012345678\"}")]));
        let (reason, message) = why(&waiting.expect_code(1));
        assert_eq!(reason, "TargetAmbiguous");
        assert!(!message.contains("iro"), "{message}");
        let done = roll.apply(LATER, &jiro("  mobilePhone: +81 9012345678")).expect_code(0);
        assert_eq!(done.actions("ExternalContact", "taro"), ["create"]);
        assert_eq!(told(&shown(roll)).1, "Taro Doe");
    });
}

// X1
#[test]
fn a_contact_goes_on_by_itself_when_the_person_comes_or_lets_itself_be_found() {
    on_both(|roll| {
        let by_phone = contact("  lookup: {phoneNumber: \"+819012345678\"}");
        let waiting = roll.apply(NOW, &companies(&[by_phone])).expect_code(1);
        assert_eq!(why(&waiting).0, "TargetNotFound");
        roll.apply(NOW, &taro("  mobilePhone: +81 9012345678")).expect_code(0);
        assert_eq!(
            roll.find("ExternalContact", "taro").map(|contact| ready(&contact).1.to_owned()),
            Some("TargetNotFound".into())
        );
        let found = roll.apply(LATER, &taro("  mobilePhone: +81 9012345678\n  phoneSearchable: true")).expect_code(0);
        assert_eq!(found.all_actions(), ["update Member/taro", "create ExternalContact/taro"]);

        let roll = roll.another();
        roll.apply(NOW, &companies(&[contact(BY_ID), taro("  activation: {at: \"2027-03-05\"}")])).expect_code(1);
        let begun = roll.tick("2027-03-05T00:00:00Z");
        assert_eq!(begun.all_actions(), ["activate Member/taro", "create ExternalContact/taro"]);
    });
}

// X1
#[test]
fn it_is_resolved_once_and_again_only_by_another_lookup() {
    on_both(|roll| {
        let found = roll.apply(NOW, &companies(&[taro(""), contact(BY_ID)])).expect_code(0);
        assert_eq!(found.actions("ExternalContact", "taro"), ["create"]);
        let bound = uid(&shown(roll));
        // The ID is another's now; the contact stays with the person.
        let others = [taro("  id: taro.doe"), member("jiro", "globex", "  id: taro")];
        let done = roll.apply(LATER, &set(&others)).expect_code(0);
        assert_eq!(done.actions("ExternalContact", "taro"), Vec::<String>::new());
        assert_eq!(
            roll.apply(LATER, &contact(&format!("{BY_ID}\n  memo: a note"))).expect_code(0).all_actions(),
            ["update ExternalContact/taro"]
        );
        assert_eq!(told(&shown(roll)).1, "Taro Doe");
        // One that is not found leaves it as it is.
        let unknown = roll.apply(LATER, &contact("  lookup: {messageId: nobody@globex.example}")).expect_code(1);
        assert_eq!((why(&unknown).0.as_str(), told(&shown(roll)).1), ("TargetNotFound", "Taro Doe"));
        assert!(why(&unknown).1.contains("stays connected"), "{}", why(&unknown).1);
        roll.apply(LATER, &contact("  lookup: {messageId: chief@globex.example}")).expect_code(0);
        let contact = shown(roll);
        assert_eq!((told(&contact).1, uid(&contact)), ("Chief Doe", bound));
    });
}

// X1, I2, R6, M25: who was found before and who is found now change places in one step, and the trail forgets either of them.
#[test]
fn another_lookup_closes_for_the_one_and_opens_for_the_other() {
    on_both(|roll| {
        let by = |name: &str| contact(&format!("  lookup: {{messageId: {name}@globex.example}}"));
        let people = [taro(""), member("tom", "globex", "")];
        roll.apply(NOW, &companies(&[&people[..], &[by("taro")]].concat())).expect_code(0);
        let done = roll.apply(LATER, &by("tom")).expect_code(0);
        assert_eq!(done.all_actions(), ["update ExternalContact/taro"]);
        assert_eq!((change(&last(roll), "nickname"), phase(&shown(roll))), (("Taro Doe", "Tom Doe"), "Connected"));
        let orders = |effect: &str, to: &str| {
            let to = uid(&roll.get("Member", to));
            count(roll, &format!("outbox WHERE effect = '{effect}' AND payload ->> 'target' = '{to}'"))
        };
        assert_eq!((orders("OpenContact", "taro"), orders("CloseContact", "taro")), (1, 1));
        assert_eq!((orders("OpenContact", "tom"), orders("CloseContact", "tom")), (1, 0));
        // An invitation in its place ends the connection, and opens none.
        let invited = roll.apply(LATER, &contact("  invite: {email: tim@home.example}")).expect_code(0);
        assert_eq!(invited.all_actions(), ["update ExternalContact/taro"]);
        assert_eq!((phase(&shown(roll)), orders("CloseContact", "tom")), ("Invited", 1));
        assert_eq!(count(roll, "outbox WHERE effect IN ('OpenContact', 'CloseContact')"), 4);
        roll.apply_with(LATER, &set(&[globex(OPEN), people[1].clone()]), &["--prune"]).expect_code(0);
        roll.tick("2027-03-10T09:00:00Z").expect_code(0);
        assert_eq!(count(roll, "audit_values WHERE CAST(changes AS TEXT) LIKE '%Taro%'"), 0);
    });
}

// X1, R1: a look-up is no reference; it crosses namespaces.
#[test]
fn a_person_is_found_in_another_namespace() {
    on_both(|roll| {
        let elsewhere = set(&[globex(OPEN), taro("")]).replace("metadata: {name: ", "metadata: {namespace: far, name: ");
        roll.apply(NOW, &set(&[elsewhere, acme(OPEN), contact(BY_ID)])).expect_code(0);
        assert_eq!(told(&shown(roll)), ("Taro Doe", "Taro Doe", "Globex"));
    });
}

// X2
#[test]
fn the_nickname_always_follows_the_person_and_the_name_until_it_is_overridden() {
    on_both(|roll| {
        roll.apply(NOW, &companies(&[taro(""), contact(BY_ID)])).expect_code(0);
        let renamed = |given: &str| taro(&format!("  name: {{family: Doe, given: {given}}}"));
        let done = roll.apply(LATER, &renamed("Tom")).expect_code(0);
        assert_eq!(done.all_actions(), ["update Member/taro", "update ExternalContact/taro"]);
        let row = last(roll);
        assert_eq!((&row["cause"], change(&row, "nickname")), (&json!("Dependency"), ("Taro Doe", "Tom Doe")));
        assert_eq!(told(&shown(roll)), ("Tom Doe", "Tom Doe", "Globex"));
        roll.apply(LATER, &contact(&format!("{BY_ID}\n  name: Tommy"))).expect_code(0);
        roll.apply(LATER, &renamed("Tim")).expect_code(0);
        assert_eq!(told(&shown(roll)), ("Tommy", "Tim Doe", "Globex"));
        roll.apply(LATER, &contact(BY_ID)).expect_code(0);
        assert_eq!(told(&shown(roll)).0, "Tim Doe");
    });
}

// X2
#[test]
fn company_and_photo_follow_and_can_not_be_set() {
    on_both(|roll| {
        roll.apply(NOW, &companies(&[taro(""), contact(BY_ID)])).expect_code(0);
        let renamed = format!("{OPEN}  displayName: Globex International");
        let done = roll.apply(LATER, &set(&[globex(&renamed), taro("  photo: {file: taro.png}")])).expect_code(0);
        assert!(done.all_actions().contains(&"update ExternalContact/taro".to_owned()), "{:?}", done.all_actions());
        assert_eq!(told(&shown(roll)).2, "Globex International");
        assert!(matches!(roll.query("SELECT photo FROM contacts").as_deref(), Some("1" | "t")));
        for field in ["nickname: Taro", "company: Mine"] {
            let refused = roll.apply(LATER, &contact(&format!("{BY_ID}\n  {field}"))).expect_code(1);
            assert_eq!(why(&refused).0, "Invalid");
        }
    });
}

// X2
#[test]
fn what_the_tenant_enters_is_its_own() {
    on_both(|roll| {
        let own = |memo: usize| {
            let memo = "m".repeat(memo);
            contact(&format!("{BY_ID}\n  phone: +82 2 123 4567\n  email: taro@home.example\n  memo: {memo}"))
        };
        roll.apply(NOW, &companies(&[taro(""), own(4000)])).expect_code(0);
        assert_eq!(roll.query("SELECT classification FROM contacts").as_deref(), Some("ClientsPartners"));
        assert_eq!(roll.query("SELECT profile ->> 'email' FROM contacts").as_deref(), Some("taro@home.example"));
        assert_eq!(why(&roll.apply(LATER, &own(4001)).expect_code(1)).0, "Invalid");
        roll.apply(LATER, &contact(&format!("{BY_ID}\n  classification: Suppliers"))).expect_code(0);
        assert_eq!(roll.query("SELECT classification FROM contacts").as_deref(), Some("Suppliers"));
    });
}

// R5
#[test]
fn twice_is_once_and_what_drifted_is_set_back() {
    on_both(|roll| {
        let all = companies(&[taro(""), contact(BY_ID)]);
        let planned = roll.plan(NOW, &all, &[]);
        let done = roll.apply(NOW, &all).expect_code(0);
        assert_eq!(planned.json["fingerprint"], done.json["fingerprint"]);
        let again = roll.apply(LATER, &all).expect_code(0);
        assert_eq!(again.all_actions(), Vec::<String>::new());
        for (column, path) in [("nickname", "nickname"), ("classification", "classification"), ("display_name", "name")] {
            roll.sql(&format!("UPDATE contacts SET {column} = 'Somebody'")).unwrap();
            roll.tick(LATER).expect_code(0);
            let row = last(roll);
            assert_eq!((&row["cause"], change(&row, path).0), (&json!("Drift"), "Somebody"), "{column}");
        }
        roll.sql("DELETE FROM contacts").unwrap();
        let former = uid(&shown(roll));
        roll.tick(LATER).expect_code(0);
        assert_eq!((uid(&shown(roll)), told(&shown(roll)).1), (former, "Taro Doe"));
    });
}

// X1
#[test]
fn the_owner_is_a_member_of_the_tenant() {
    on_both(|roll| {
        let of = |owner: &str| contact(BY_ID).replace("ownerRef: {name: jane}", &format!("ownerRef: {{name: {owner}}}"));
        let waiting = roll.apply(NOW, &companies(&[taro(""), of("joe")])).expect_code(1);
        assert_eq!(why(&waiting).0, "OwnerNotFound");
        let done = roll.apply(LATER, &member("joe", "acme", "")).expect_code(0);
        assert_eq!(done.actions("ExternalContact", "taro"), ["create"]);
        assert_eq!(why(&roll.apply(LATER, &of("chief")).expect_code(1)).0, "Invalid");
    });
}

#[test]
fn the_example_of_a_partner_is_taken_as_it_is() {
    on_both(|roll| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
        let (acme, partner) = (format!("{folder}/acme"), format!("{folder}/partner"));
        let applied = roll.run(&["apply", "-f", &acme, "-f", &partner, "--yes", "--now", NOW], "").ok();
        assert!(!applied.stderr.contains("warning: ExternalContact"), "{applied}");
        let contact = roll.list("externalcontacts").pop().unwrap();
        assert_eq!((phase(&contact), told(&contact)), ("Connected", ("Akiko (Globex)", "Akiko Mori", "Globex")));
    });
}

#[test]
fn get_and_describe_show_contacts() {
    on_both(|roll| {
        roll.apply(NOW, &companies(&[taro(""), contact(BY_ID)])).expect_code(0);
        let table = roll.run(&["get", "xc", "-n", "hr", "--now", NOW], "").ok().stdout;
        for word in ["CONTACT", "COMPANY", "OWNER", "Taro Doe", "Globex", "jane", "Connected", "InDirectory"] {
            assert!(table.contains(word), "{table}");
        }
        let page = roll.run(&["describe", "externalcontact", "taro", "-n", "hr", "--now", NOW], "").ok().stdout;
        for word in ["nickname: Taro Doe", "Ready=True InDirectory", "create", "messageId"] {
            assert!(page.contains(word), "{page}");
        }
    });
}
