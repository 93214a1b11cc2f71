//! The namespace as the boundary (R1), and that nobody changes tenants by the way (M41).
//! Never about who may read a namespace, which is the cluster's. Run by `make test`.

use serde_json::Value;

use crate::support::{Roster, boss, condition, member, on_both, organization, phase, ready, set, tenant};

const NOW: &str = "2027-03-01T09:00:00Z";
const LATER: &str = "2027-03-02T09:00:00Z";

fn company(others: &[String]) -> String {
    set(&[&[tenant("acme", ""), boss("acme")], others].concat())
}

/// A second company in the same namespace, whose chief is Chief.
fn globex(extra: &str) -> [String; 2] {
    [tenant("globex", &format!("  supremeAdminRef: {{name: chief}}\n{extra}")), member("chief", "globex", "")]
}

/// The same manifests in the namespace `elsewhere`.
fn elsewhere(documents: &[String]) -> String {
    let moved = |text: &String| {
        let start = text.find("metadata: {name: ").expect("a manifest of the harness") + "metadata: {".len();
        format!("{}namespace: elsewhere, {}", &text[..start], &text[start..])
    };
    set(&documents.iter().map(moved).collect::<Vec<_>>())
}

fn get_elsewhere(roll: &Roster, kind: &str, name: &str) -> Value {
    roll.run(&["get", kind, name, "-n", "elsewhere", "-o", "json", "--all"], "").ok().json()
}

// R1: each of these names something that is there, in the other namespace.
#[test]
fn a_reference_never_leaves_its_namespace() {
    on_both(|roll| {
        let theirs = [tenant("globex", ""), boss("globex"), organization("platform", "globex", ""), member("zoe", "globex", "")];
        roll.apply(NOW, &elsewhere(&theirs)).expect_code(0);
        roll.apply(NOW, &company(&[])).expect_code(0);
        let ours = [
            member("jane", "globex", ""),
            organization("sales", "globex", ""),
            organization("labs", "acme", "  parentRef: {name: platform}"),
            member("joe", "acme", "  organizations: [{organizationRef: {name: platform}}]"),
            tenant("initech", "  supremeAdminRef: {name: zoe}"),
        ];
        let report = roll.apply(LATER, &set(&ours)).expect_code(1);
        for (kind, name, reason) in [
            ("Member", "jane", "TenantNotFound"),
            ("Organization", "sales", "TenantNotFound"),
            ("Organization", "labs", "ParentNotFound"),
            ("Member", "joe", "OrganizationNotFound"),
            ("Tenant", "initech", "SupremeAdminNotFound"),
        ] {
            assert_eq!(report.refused(kind, name).as_deref(), Some(reason), "{kind} {name}");
        }
        let related = member("jim", "acme", "  relatedContacts: [{memberRef: {name: zoe}}]");
        roll.apply(LATER, &related).expect_code(0);
        assert!(condition(&roll.get("Member", "jim"), "RelatedContactNotFound").is_some());
        assert_eq!(roll.query("SELECT count(*) FROM members WHERE namespace = 'elsewhere'").as_deref(), Some("2"));
    });
}

// R1: a reference is a name and nothing else.
#[test]
fn a_reference_can_not_name_a_namespace() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[])).expect_code(0);
        let jane = member("jane", "acme", "  tenantRef: {name: acme, namespace: hr}");
        let report = roll.apply(LATER, &jane).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("Invalid"));
        let message = report.refused_message("Member", "jane").unwrap_or_default();
        assert!(message.contains("spec.tenantRef.namespace"), "{message}");
    });
}

// R1, R9: what one namespace declares, waits for or no longer has is nothing to the other.
#[test]
fn the_same_names_in_two_namespaces_are_two_companies() {
    on_both(|roll| {
        let jane = member("jane", "acme", "  externalKey: hr-1001\n  employeeNumber: \"1001\"");
        roll.apply(NOW, &company(std::slice::from_ref(&jane))).expect_code(0);
        let theirs = [tenant("acme", "  domain: acme-elsewhere.example"), boss("acme"), jane.clone()];
        roll.apply(NOW, &elsewhere(&theirs)).expect_code(0);
        let (ours, others) = (roll.get("Member", "jane"), get_elsewhere(roll, "Member", "jane"));
        assert_ne!(ours["status"]["uid"], others["status"]["uid"]);
        assert_eq!((phase(&ours), phase(&others)), ("Pending", "Pending"));
        roll.apply_with(LATER, &company(&[]), &["--prune"]).expect_code(0);
        assert_eq!(phase(&roll.get("Member", "jane")), "Deleted");
        assert_eq!(get_elsewhere(roll, "Member", "jane"), others);
    });
}

/// What jane is: her tenant, and who else it could be.
fn jane(roll: &Roster) -> [Option<String>; 3] {
    ["tenant", "uid", "phase"].map(|column| roll.query(&format!("SELECT {column} FROM members WHERE name = 'jane'")))
}

// M41: and it changes nothing of the member, neither its sessions nor its links.
#[test]
fn nobody_is_transferred_outside_the_group() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[&globex("")[..], &[member("jane", "acme", "")]].concat())).expect_code(0);
        roll.sign_in(NOW, "jane").ok();
        roll.tick(NOW).expect_code(0);
        let (before, told) = (jane(roll), roll.get("Member", "jane")["status"]["contactUrl"].clone());
        let report = roll.apply(LATER, &member("jane", "globex", "  nickname: J")).expect_code(1);
        let message = report.refused_message("Member", "jane").unwrap_or_default();
        assert!(message.contains("spec.tenantRef") && message.contains("acme"), "{message}");
        assert_eq!(report.all_actions(), [""; 0]);
        assert_eq!(jane(roll), before);
        let jane = roll.get("Member", "jane");
        assert_eq!((ready(&jane).0, &jane["status"]["contactUrl"]), ("False", &told));
        assert_eq!(roll.query("SELECT count(*) FROM sessions WHERE closed_at IS NULL").as_deref(), Some("1"));
        // Back where she belongs.
        roll.apply("2027-03-03T09:00:00Z", &member("jane", "acme", "")).expect_code(0);
        assert_eq!(ready(&roll.get("Member", "jane")).0, "True");
    });
}

// M41, T4: not within the group either.
#[test]
fn neither_the_supreme_admin_nor_a_deleted_member_is_transferred() {
    on_both(|roll| {
        let group = "  corporateGroup: holding";
        let acme = [tenant("acme", group), boss("acme")];
        roll.apply(NOW, &set(&[&acme[..], &globex(group), &[member("jane", "acme", "")]].concat()));
        roll.apply_with(NOW, &set(&[&acme[..], &globex(group)].concat()), &["--prune"]);
        let before = jane(roll);
        assert_eq!(before[2].as_deref(), Some("Deleted"));
        for name in ["boss", "jane"] {
            let report = roll.apply(LATER, &member(name, "globex", "")).expect_code(1);
            assert!(report.refused("Member", name).is_some(), "{name}: {:#}", report.json);
            assert_eq!(report.all_actions(), [""; 0], "{name}");
        }
        assert_eq!(jane(roll), before);
        assert_eq!(roll.get("Tenant", "acme")["status"]["supremeAdmin"], "boss");
        assert_eq!(roll.query("SELECT count(*) FROM members").as_deref(), Some("3"));
    });
}
