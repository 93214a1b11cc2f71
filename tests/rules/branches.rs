//! The tree where it is taken apart: a branch below what is gone, another tenant, figures that are no change (O2, O5,
//! R11), and a tenant that drifted (R5). Never about building it up, which is `organizations`. Run by `make test`.

use serde_json::Value;

use crate::support::{Roster, boss, member, on_both, organization, ready, set, tenant};

const NOW: &str = "2027-03-01T09:00:00Z";
const LATER: &str = "2027-03-02T09:00:00Z";

fn company(others: &[String]) -> String {
    set(&[&[tenant("acme", ""), boss("acme")], others].concat())
}

fn under(parent: &str, name: &str) -> String {
    organization(name, "acme", &format!("  parentRef: {{name: {parent}}}"))
}

fn pending(roll: &Roster) -> Vec<String> {
    let status = roll.get("Tenant", "acme")["status"].clone();
    let entries = status["pendingRemovals"].as_array().cloned().unwrap_or_default();
    let text = |entry: &Value, field: &str| entry[field].as_str().unwrap_or_default().to_owned();
    entries.iter().map(|entry| format!("{} {}", text(entry, "name"), text(entry, "reason"))).collect()
}

// O5, R9: nobody is in it, and yet others stand on it.
#[test]
fn an_organization_with_others_below_stays_until_they_are_moved() {
    on_both(|roll| {
        let top = organization("engineering", "acme", "");
        roll.apply(NOW, &company(&[top, under("engineering", "platform")])).expect_code(0);
        let report = roll.apply_with(LATER, &company(&[under("engineering", "platform")]), &["--prune"]);
        assert_eq!(report.all_actions(), [""; 0]);
        assert_eq!(pending(roll), ["engineering ChildrenRemain"]);
        assert_eq!(roll.get("Organization", "platform")["status"]["path"], "Engineering / Platform");
        let report = roll.apply(LATER, &organization("platform", "acme", "")).expect_code(0);
        assert!(report.all_actions().contains(&"delete Organization/engineering".to_owned()), "{:#}", report.json);
        assert_eq!((pending(roll), roll.find("Organization", "engineering")), (Vec::new(), None));
    });
}

// O2
#[test]
fn an_organization_stays_in_its_tenant() {
    on_both(|roll| {
        let globex = [tenant("globex", "  supremeAdminRef: {name: chief}"), member("chief", "globex", "")];
        let jane = member("jane", "acme", "  organizations: [{organizationRef: {name: platform}}]");
        roll.apply(NOW, &company(&[&globex[..], &[organization("platform", "acme", ""), jane]].concat())).expect_code(0);
        let report = roll.apply(LATER, &organization("platform", "globex", "")).expect_code(1);
        assert_eq!(report.refused("Organization", "platform").as_deref(), Some("Invalid"));
        let message = report.refused_message("Organization", "platform").unwrap_or_default();
        assert!(message.contains("spec.tenantRef"), "{message}");
        let tenants = "SELECT t.name FROM organizations o JOIN tenants t ON t.uid = o.tenant WHERE o.name = 'platform'";
        assert_eq!(roll.query(tenants).as_deref(), Some("acme"));
        assert_eq!(ready(&roll.get("Member", "jane")).0, "True");
    });
}

// M4, R1: as little as its parent may be of another tenant, may its members be.
#[test]
fn nobody_is_assigned_to_an_organization_of_another_tenant() {
    on_both(|roll| {
        let globex = [tenant("globex", "  supremeAdminRef: {name: chief}"), member("chief", "globex", "")];
        roll.apply(NOW, &company(&[&globex[..], &[organization("theirs", "globex", "")]].concat())).expect_code(0);
        let jane = member("jane", "acme", "  organizations: [{organizationRef: {name: theirs}}]");
        let report = roll.apply(LATER, &jane).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("Invalid"));
        let message = report.refused_message("Member", "jane").unwrap_or_default();
        assert!(message.contains("spec.organizations[0].organizationRef"), "{message}");
        assert_eq!(roll.query("SELECT count(*) FROM assignments").as_deref(), Some("0"));
    });
}

// R11, O6: figures are exact, and no rows of the trail.
#[test]
fn figures_are_no_change_of_what_they_count() {
    on_both(|roll| {
        let teams = [organization("engineering", "acme", ""), under("engineering", "platform")];
        roll.apply(NOW, &company(&teams)).expect_code(0);
        let told = |roll: &Roster| {
            let of = [("Tenant", "acme"), ("Organization", "engineering"), ("Organization", "platform")];
            of.map(|(kind, name)| roll.history(kind, name))
        };
        let before = told(roll);
        let jane = member("jane", "acme", "  organizations: [{organizationRef: {name: platform}, leader: true}]");
        assert_eq!(roll.apply(LATER, &jane).expect_code(0).all_actions(), ["create Member/jane"]);
        let figures = |roll: &Roster| {
            let tenant = roll.get("Tenant", "acme")["status"]["members"].clone();
            let above = roll.get("Organization", "engineering")["status"]["membersWithAllBelow"].clone();
            let leaders = roll.get("Organization", "platform")["status"]["leaders"].as_array().map_or(0, Vec::len);
            (tenant, above, leaders)
        };
        assert_eq!(figures(roll), (2.into(), 1.into(), 1));
        assert_eq!(told(roll), before);
    });
}

// R5: what the manifest of a tenant declares is set back like any other.
#[test]
fn a_drifted_tenant_is_set_back_and_told() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[])).expect_code(0);
        for (column, declared) in [
            ("display_name", "Acme"),
            ("domain", "acme.example"),
            ("time_zone", "UTC"),
            ("plan", "Advanced"),
            ("phase", "Active"),
        ] {
            assert_eq!(roll.sql(&format!("UPDATE tenants SET {column} = 'x.example'")), Ok(1));
            roll.apply(LATER, &company(&[])).expect_code(0);
            assert_eq!(roll.query(&format!("SELECT {column} FROM tenants")).as_deref(), Some(declared), "{column}");
            assert_eq!(roll.history("Tenant", "acme").pop().unwrap_or_default()["cause"], "Drift", "{column}");
        }
        assert_eq!(roll.sql("UPDATE tenants SET purges_from = created_at"), Ok(1));
        roll.apply(LATER, &company(&[])).expect_code(0);
        assert_eq!(roll.query("SELECT uid FROM tenants WHERE purges_from IS NOT NULL"), None);
        assert_eq!(roll.get("Member", "boss")["status"]["messageId"], "boss@acme.example");
        assert_eq!(roll.apply(LATER, &company(&[])).expect_code(0).all_actions(), [""; 0]);
    });
}

// R5, T4: who holds the role is what the manifest says, whatever somebody's SQL says.
#[test]
fn a_role_that_somebody_gave_away_in_the_database_comes_back() {
    on_both(|roll| {
        let roster = company(&[member("jane", "acme", "")]);
        roll.apply(NOW, &roster).expect_code(0);
        let given = "UPDATE tenants SET supreme_admin = (SELECT uid FROM members WHERE name = 'jane')";
        assert_eq!(roll.sql(given), Ok(1));
        roll.apply(LATER, &roster).expect_code(0);
        assert_eq!(roll.get("Tenant", "acme")["status"]["supremeAdmin"], "boss");
    });
}
