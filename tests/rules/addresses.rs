//! What is made of the mail domain: the message ID, the contact link and the QR token, when it changes and otherwise
//! (T1, M37). Never about login IDs, which are `identity`. Run by `make test`.

use std::collections::BTreeSet;

use crate::support::{Roster, boss, member, on_both, phase, set, tenant};

const NOW: &str = "2027-03-01T09:00:00Z";
const LATER: &str = "2027-03-02T09:00:00Z";

fn company(extra: &str) -> String {
    set(&[tenant("acme", extra), boss("acme"), member("jane", "acme", "")])
}

fn status(roll: &Roster, name: &str, field: &str) -> String {
    roll.get("Member", name)["status"][field].as_str().unwrap_or_default().to_owned()
}

// M37: on every plan, also on those without mail.
#[test]
fn everybody_has_a_message_id_and_links_from_the_beginning() {
    for products in ["{core: {plan: Free}}", "{core: {plan: StandardPlus}}", "{drive: {}}"] {
        on_both(|roll| {
            let later = member("zoe", "acme", "  activation: {at: \"2027-05-01\"}");
            let roster = company(&format!("  products: {products}")) + "---\n" + &later;
            roll.apply(NOW, &roster).expect_code(0);
            let people = ["boss", "jane", "zoe"];
            for name in people {
                assert_eq!(status(roll, name, "messageId"), format!("{name}@acme.example"), "{products}");
            }
            for field in ["contactUrl", "qrToken"] {
                let values: BTreeSet<_> = people.iter().map(|name| status(roll, name, field)).collect();
                assert!(values.len() == 3 && values.iter().all(|value| value.len() > 16), "{field}: {values:?}");
            }
        });
    }
}

// M37, M24: renewed by a new ID and by nothing else, not even by a deletion that is taken back.
#[test]
fn the_links_outlive_suspension_and_deletion() {
    on_both(|roll| {
        roll.apply(NOW, &company("")).expect_code(0);
        let links = |roll: &Roster| ["messageId", "contactUrl", "qrToken"].map(|field| status(roll, "jane", field));
        let before = links(roll);
        roll.apply(LATER, &member("jane", "acme", "  suspended: true")).expect_code(0);
        assert_eq!(links(roll), before);
        roll.apply_with(LATER, &set(&[tenant("acme", ""), boss("acme")]), &["--prune"]).expect_code(0);
        assert_eq!(phase(&roll.get("Member", "jane")), "Deleted");
        roll.apply(LATER, &company("")).expect_code(0);
        assert_eq!((phase(&roll.get("Member", "jane")), links(roll)), ("Pending", before));
    });
}

// T1, M37: a new domain is everybody's, in the same run, and signs nobody out.
#[test]
fn a_new_domain_is_in_every_message_id_and_the_old_one_is_free() {
    on_both(|roll| {
        roll.apply(NOW, &company("")).expect_code(0);
        roll.sign_in(NOW, "jane").ok();
        roll.tick(NOW).expect_code(0);
        // Her manifest is not in the set.
        roll.apply(LATER, &tenant("acme", "  domain: acme.test")).expect_code(0);
        assert_eq!(status(roll, "jane", "messageId"), "jane@acme.test");
        assert!(status(roll, "jane", "contactUrl").starts_with("https://acme.test/"));
        assert_eq!(roll.history("Member", "jane").pop().unwrap_or_default()["cause"], "Dependency");
        assert_eq!(roll.query("SELECT count(*) FROM sessions WHERE closed_at IS NULL").as_deref(), Some("1"));
        let globex = tenant("globex", "  domain: acme.example\n  supremeAdminRef: {name: chief}");
        roll.apply(LATER, &set(&[globex, member("chief", "globex", "")])).expect_code(0);
        assert_eq!(roll.apply(LATER, &company("  domain: acme.test")).expect_code(0).all_actions(), [""; 0]);
    });
}

// T1: as with IDs, an exchange in one set is one step.
#[test]
fn two_companies_exchange_their_domains_in_one_set() {
    on_both(|roll| {
        let companies = |acme: &str, globex: &str| {
            let globex = tenant("globex", &format!("  domain: {globex}\n  supremeAdminRef: {{name: chief}}"));
            set(&[company(&format!("  domain: {acme}")), globex, member("chief", "globex", "")])
        };
        roll.apply(NOW, &companies("one.example", "two.example")).expect_code(0);
        roll.apply(LATER, &companies("two.example", "one.example")).expect_code(0);
        let ids = ["jane", "chief"].map(|name| status(roll, name, "messageId"));
        assert_eq!(ids, ["jane@two.example", "chief@one.example"]);
    });
}

// M24, M30: the same person under another ID; the old one is free, and the links are new.
#[test]
fn who_is_restored_under_another_id_frees_the_old_one() {
    on_both(|roll| {
        roll.apply(NOW, &company("")).expect_code(0);
        let fields = |roll: &Roster| ["uid", "contactUrl", "qrToken"].map(|field| status(roll, "jane", field));
        let before = fields(roll);
        roll.apply_with(LATER, &set(&[tenant("acme", ""), boss("acme")]), &["--prune"]).expect_code(0);
        roll.apply(LATER, &member("jane", "acme", "  id: jane.doe")).expect_code(0);
        let after = fields(roll);
        assert_eq!((phase(&roll.get("Member", "jane")), &after[0]), ("Pending", &before[0]));
        assert!(after[1] != before[1] && after[2] != before[2], "{after:?}");
        assert_eq!(status(roll, "jane", "messageId"), "jane.doe@acme.example");
        roll.apply(LATER, &member("janet", "acme", "  id: jane")).expect_code(0);
        let actions: Vec<_> = roll.history("Member", "jane").iter().map(|row| row["action"].clone()).collect();
        assert!(actions.contains(&"restore".into()) && actions.contains(&"rename".into()), "{actions:?}");
    });
}
