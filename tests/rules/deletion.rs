//! What `apply --prune` does to a member whose manifest is gone: delete (M23), restore (M24), purge (M25).
//! Never about a declared departure, which is `departure`. Run by `make test`.

use serde_json::Value;

use crate::life::{
    START, begin_with_jane_signed_in, company, company_of, company_without_jane, count, jane, jane_with, open_sessions,
    pending_removals, purge_at, row, text, uid,
};
use crate::support::{Report, Roster, boss, condition, member, on_both, organization, phase, set, tenant};

const PRUNED: &str = "2027-03-02T00:00:00Z";
const PURGED: &str = "2027-03-09T00:00:00Z";

/// Removes Jane's manifest from the set, at `PRUNED`.
#[track_caller]
fn prune(roll: &Roster) -> Report {
    roll.apply_with(PRUNED, &company_without_jane(), &["--prune"])
}

// M23, T10: 7 days of grace by default.
#[test]
fn a_member_whose_manifest_is_gone_is_deleted_and_signed_out() {
    on_both(|roll| {
        begin_with_jane_signed_in(roll, "");
        let before = uid(&jane(roll));
        let plan = roll.plan(PRUNED, &company_without_jane(), &["--prune"]).expect_code(1);
        assert_eq!(plan.all_actions(), ["delete Member/jane"]);
        assert_eq!(prune(roll).expect_code(0).all_actions(), ["delete Member/jane"]);
        let deleted = jane(roll);
        assert_eq!((phase(&deleted), uid(&deleted), purge_at(&deleted)), ("Deleted", before, PURGED));
        assert_eq!(deleted["status"]["deletedAt"], PRUNED);
        assert_eq!(row(roll, "delete")["cause"], "Declared");
        assert_eq!(open_sessions(roll), 0);
        assert_eq!(roll.sign_in("2027-03-02T00:00:01Z", "jane").code, 1);
        // Shown with `--all` only.
        let listed = roll.run(&["get", "Member", "-n", "hr", "-o", "json"], "").ok().json();
        let names: Vec<&str> =
            listed["items"].as_array().into_iter().flatten().map(|item| text(&item["metadata"], "name")).collect();
        assert_eq!(names, ["boss"]);
        assert_eq!(roll.tick("2027-03-08T23:59:59Z").expect_code(0).all_actions(), [""; 0]);
    });
}

// R9: without being told that the set is complete, nothing is missing from it; and never what a tenant outside of it has.
#[test]
fn nothing_is_removed_without_prune_nor_of_a_tenant_outside_the_set() {
    on_both(|roll| {
        let beta = [tenant("beta", "  supremeAdminRef: {name: bob}"), member("bob", "beta", "")];
        let both = [company(""), set(&beta), member("june", "beta", "")];
        roll.apply(START, &set(&both)).expect_code(0);
        assert_eq!(roll.apply(PRUNED, &company_without_jane()).expect_code(0).all_actions(), [""; 0]);
        let report = roll.apply_with("2027-03-03T00:00:00Z", &set(&beta), &["--prune"]).expect_code(0);
        assert_eq!(report.all_actions(), ["delete Member/june"]);
        // The tenant's own manifest is what speaks for it.
        let report = roll.apply_with("2027-03-04T00:00:00Z", &boss("acme"), &["--prune"]).expect_code(0);
        assert_eq!(report.all_actions(), [""; 0]);
        assert_eq!(phase(&jane(roll)), "Pending");
        assert_eq!(phase(&roll.get("Tenant", "acme")), "Active");
    });
}

// R9: a set that could not be read as a whole is not complete, and what can't be decoded is present.
#[test]
fn nothing_is_removed_when_a_document_could_not_be_read() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        let torn = set(&[tenant("acme", ""), boss("acme"), "kind: [Member\n".to_owned()]);
        let undecodable = set(&[tenant("acme", ""), boss("acme"), jane_with("  organizations: 7")]);
        for (now, roster) in [("2027-03-02T00:00:00Z", torn), ("2027-03-03T00:00:00Z", undecodable)] {
            let report = roll.apply_with(now, &roster, &["--prune"]);
            assert_ne!(report.code, 0, "{roster}");
            assert!(report.actions("Member", "jane").is_empty(), "{roster}");
            assert_eq!(phase(&jane(roll)), "Pending", "{roster}");
        }
    });
}

// M24: the same uid, organizations and data.
#[test]
fn a_member_whose_manifest_is_back_in_time_is_restored() {
    on_both(|roll| {
        let platform = organization("platform", "acme", "");
        let roster = company("  nickname: JD\n  organizations:\n  - organizationRef: {name: platform}") + "---\n" + &platform;
        begin_with_jane_signed_in(roll, "");
        roll.apply("2027-03-01T12:00:00Z", &roster).expect_code(0);
        let before = jane(roll);
        roll.apply_with(PRUNED, &set(&[company_without_jane(), platform]), &["--prune"]).expect_code(0);
        assert_eq!(phase(&jane(roll)), "Deleted");
        let report = roll.apply("2027-03-08T23:59:59Z", &roster).expect_code(0);
        assert_eq!(report.all_actions(), ["restore Member/jane"]);
        let after = jane(roll);
        assert_eq!((phase(&after), uid(&after), purge_at(&after)), ("Active", uid(&before), ""));
        for field in ["id", "organization", "activatedAt", "firstSignInAt"] {
            assert!(!before["status"][field].is_null() && after["status"][field] == before["status"][field], "{field}");
        }
        assert_eq!(row(roll, "restore")["cause"], "Declared");
        // It is over: the former instant of the purge means nothing now.
        assert_eq!(roll.tick("2027-03-10T00:00:00Z").expect_code(0).all_actions(), [""; 0]);
    });
}

// M24: after purgeAt the same manifest makes a new record.
#[test]
fn a_member_whose_manifest_is_back_too_late_is_a_new_one() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        let before = uid(&jane(roll));
        prune(roll).expect_code(0);
        // No run in between: what fell due is done first.
        let report = roll.apply("2027-03-09T00:00:01Z", &company("")).expect_code(0);
        assert_eq!(report.actions("Member", "jane").last().map(String::as_str), Some("create"));
        assert_eq!(phase(&jane(roll)), "Pending");
        assert_ne!(uid(&jane(roll)), before);
        assert_eq!(row(roll, "create")["cause"], "Declared");
    });
}

// M25, R6: the person is erased; uid, actions and instants stay in the trail.
#[test]
fn a_purge_erases_the_person_and_keeps_the_trail() {
    on_both(|roll| {
        begin_with_jane_signed_in(roll, "  nickname: Zebedee");
        let uid = uid(&jane(roll));
        prune(roll).expect_code(0);
        let of_her = |rows: Vec<Value>| -> Vec<Value> { rows.into_iter().filter(|row| row["uid"] == uid.as_str()).collect() };
        let rows_before = of_her(roll.trail());
        let values = format!("audit_values WHERE uid = '{uid}'");
        assert!(count(roll, &values) > 0);
        roll.tick("2027-03-09T04:00:00Z").expect_code(0);
        assert_eq!(roll.find("Member", "jane"), None);
        for gone in ["members WHERE name = 'jane'", "declarations WHERE name = 'jane'", "sessions", &values] {
            assert_eq!(count(roll, gone), 0, "{gone}");
        }
        let rows = of_her(roll.trail());
        let kept = |row: &Value| ["action", "kind", "due", "at", "cause"].map(|field| row[field].clone());
        assert_eq!(rows.len(), rows_before.len() + 1);
        assert!(rows.iter().zip(&rows_before).all(|(row, before)| kept(row) == kept(before)), "{rows:#?}");
        let purge = &rows[rows.len() - 1];
        assert_eq!(kept(purge), ["purge", "Member", PURGED, "2027-03-09T04:00:00Z", "Scheduled"].map(Value::from));
        let told = Value::from(rows).to_string().to_lowercase();
        assert!(!told.contains("jane") && !told.contains("zebedee"), "{told}");
    });
}

// M1: deleted members in grace included.
// R11: who waits for it goes on by itself.
#[test]
fn an_id_is_free_after_the_purge_and_not_before() {
    on_both(|roll| {
        roll.apply(START, &company("  id: jd")).expect_code(0);
        prune(roll).expect_code(0);
        let report = roll.apply("2027-03-03T00:00:00Z", &member("june", "acme", "  id: jd")).expect_code(1);
        assert_eq!(report.refused("Member", "june").as_deref(), Some("IdTaken"));
        assert!(report.refused_message("Member", "june").is_some_and(|message| message.contains("jane")));
        assert_eq!(count(roll, "members WHERE name = 'june'"), 0);
        roll.tick(PURGED);
        roll.tick("2027-03-09T00:00:01Z").expect_code(0);
        let june = roll.get("Member", "june");
        assert_eq!((phase(&june), text(&june["status"], "id")), ("Pending", "jd"));
        assert_eq!(roll.history("Member", "june")[0]["cause"], "Dependency");
    });
}

// M23, M24: any phase → Deleted, and what is deleted does not begin.
#[test]
fn a_scheduled_member_can_be_deleted_and_is_scheduled_again_when_restored() {
    on_both(|roll| {
        let dated = "  activation: {at: \"2027-03-08\"}";
        roll.apply(START, &company(dated)).expect_code(0);
        prune(roll).expect_code(0);
        assert_eq!(phase(&jane(roll)), "Deleted");
        roll.apply("2027-03-03T00:00:00Z", &company(dated)).expect_code(0);
        assert_eq!(phase(&jane(roll)), "Scheduled");
        roll.apply_with("2027-03-04T00:00:00Z", &company_without_jane(), &["--prune"]).expect_code(0);
        assert_eq!(roll.tick("2027-03-08T00:00:00Z").expect_code(0).all_actions(), [""; 0]);
        assert_eq!((phase(&jane(roll)), purge_at(&jane(roll))), ("Deleted", "2027-03-11T00:00:00Z"));
    });
}

// M23, R9: the record stays and the tenant says so, until the manifest is back.
#[test]
fn an_administrator_whose_manifest_is_gone_stays_as_a_pending_removal() {
    on_both(|roll| {
        let administrator = "  administrator: Operations";
        roll.apply(START, &company(administrator)).expect_code(0);
        assert_eq!(prune(roll).all_actions(), [""; 0]);
        assert_eq!(phase(&jane(roll)), "Pending");
        assert_eq!(pending_removals(roll), ["Member/jane AdministratorProtected"]);
        assert_eq!(roll.get("Tenant", "acme")["status"]["pendingRemovals"][0]["since"], PRUNED);
        roll.apply("2027-03-03T00:00:00Z", &company(administrator)).expect_code(0);
        assert_eq!(pending_removals(roll), [""; 0]);
        roll.apply("2027-03-04T00:00:00Z", &company("")).expect_code(0);
        let report = roll.apply_with("2027-03-05T00:00:00Z", &company_without_jane(), &["--prune"]).expect_code(0);
        assert_eq!(report.all_actions(), ["delete Member/jane"]);
    });
}

// M23, T4, R9: it goes by itself once it may.
#[test]
fn the_supreme_administrator_goes_once_the_role_is_handed_over() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        roll.apply_with(PRUNED, &set(&[tenant("acme", ""), jane_with("")]), &["--prune"]);
        assert_eq!(phase(&roll.get("Member", "boss")), "Pending");
        assert_eq!(pending_removals(roll), ["Member/boss SupremeAdminProtected"]);
        roll.apply("2027-03-03T00:00:00Z", &tenant("acme", "  supremeAdminRef: {name: jane}")).expect_code(0);
        roll.tick("2027-03-03T00:00:01Z").expect_code(0);
        assert_eq!(phase(&roll.get("Member", "boss")), "Deleted");
        assert_eq!(pending_removals(roll), [""; 0]);
    });
}

// T10: `0` to `30d`; T11: purgeAt is fixed at deletion.
#[test]
fn the_grace_is_the_tenants_and_is_fixed_at_the_deletion() {
    on_both(|roll| {
        roll.apply(START, &company_of("  deletionGrace: 30d", "")).expect_code(0);
        let without = |grace: &str| set(&[tenant("acme", &format!("  deletionGrace: {grace}")), boss("acme")]);
        roll.apply_with(PRUNED, &without("30d"), &["--prune"]).expect_code(0);
        assert_eq!(purge_at(&jane(roll)), "2027-04-01T00:00:00Z");
        roll.apply("2027-03-03T00:00:00Z", &without("1d")).expect_code(0);
        roll.tick("2027-03-20T00:00:00Z").expect_code(0);
        assert_eq!((phase(&jane(roll)), purge_at(&jane(roll))), ("Deleted", "2027-04-01T00:00:00Z"));
        let report = roll.apply("2027-03-21T00:00:00Z", &without("31d")).expect_code(1);
        assert_eq!(report.refused("Tenant", "acme").as_deref(), Some("Invalid"));
    });
}

// T10, M23: the smaller of no grace and 24 h is nothing.
#[test]
fn without_a_grace_a_deleted_member_is_gone_at_once() {
    on_both(|roll| {
        roll.apply(START, &company_of("  deletionGrace: \"0\"", "")).expect_code(0);
        let before = uid(&jane(roll));
        let without = set(&[tenant("acme", "  deletionGrace: \"0\""), boss("acme")]);
        roll.apply_with(PRUNED, &without, &["--prune"]).expect_code(0);
        roll.tick("2027-03-02T00:00:01Z").expect_code(0);
        assert_eq!(roll.find("Member", "jane"), None);
        assert_eq!(count(roll, "members WHERE name = 'jane'"), 0);
        roll.apply("2027-03-02T00:00:02Z", &jane_with("")).expect_code(0);
        assert_ne!(uid(&jane(roll)), before);
    });
}

// R4: irreversible steps wait while the clocks differ, and the Tenant says so. SQLite's clock is the host's own.
#[test]
fn a_purge_waits_while_the_clocks_differ() {
    on_both(|roll| {
        if roll.url().starts_with("sqlite:") {
            return;
        }
        roll.apply(START, &company("")).expect_code(0);
        roll.apply_with(PRUNED, &company_without_jane(), &["--prune"]).expect_code(0);
        // The server's clock, as every connection to this database reads it from now on.
        let clock = "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS \
             $$ SELECT pg_catalog.clock_timestamp() + interval '90 seconds' $$";
        let name = roll.query("SELECT current_database()").unwrap();
        roll.sql(clock).unwrap();
        roll.sql(&format!("ALTER DATABASE {name} SET search_path = public, pg_catalog")).unwrap();
        let told = roll.run(&["apply", "--now", "2027-03-20T00:00:00Z"], "");
        assert!(told.stderr.contains("ClockSkewed"), "{told}");
        assert_eq!(phase(&jane(roll)), "Deleted");
        let skewed = |roll: &Roster| condition(&roll.get("Tenant", "acme"), "ClockSkewed").is_some();
        assert!(skewed(roll));
        roll.sql(&format!("ALTER DATABASE {name} RESET search_path")).unwrap();
        roll.tick("2027-03-20T00:00:01Z").expect_code(0);
        assert_eq!(roll.find("Member", "jane"), None);
        assert!(!skewed(roll));
    });
}

// R9, M23: a manifest that was wrong when it was seen last is missed where its record is.
#[test]
fn one_whose_tenant_was_misspelt_follows_its_manifest() {
    on_both(|roll| {
        for wrong in ["tenantRef: {name: nowhere}", "tenantref: {name: acme}"] {
            roll.apply(PRUNED, &company("")).expect_code(0);
            roll.apply(PRUNED, &jane_with("").replace("tenantRef: {name: acme}", wrong)).expect_code(1);
            assert_eq!(phase(&jane(roll)), "Pending");
            assert_eq!(prune(roll).expect_code(0).all_actions(), ["delete Member/jane"], "{wrong}");
        }
    });
}

// R5, M23, M25: whose row somebody took away is set back first where its manifest is gone, too, and goes like anybody.
#[test]
fn who_was_taken_away_and_is_declared_no_more_goes_like_anybody() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        let before = uid(&jane(roll));
        assert_eq!(roll.sql("DELETE FROM members WHERE name = 'jane'"), Ok(1));
        let report = roll.apply_with("2027-03-02T09:00:00Z", &company_without_jane(), &["--prune"]).expect_code(0);
        assert_eq!(report.actions("Member", "jane").last().map(String::as_str), Some("delete"));
        assert_eq!((phase(&jane(roll)), uid(&jane(roll))), ("Deleted", before));
        assert_eq!(roll.tick("2027-03-09T09:00:00Z").actions("Member", "jane"), ["purge"]);
        assert_eq!(count(roll, "audit_values WHERE CAST(changes AS TEXT) LIKE '%jane@%'"), 0);
        roll.apply("2027-03-10T09:00:00Z", &jane_with("")).expect_code(0);
        assert_eq!(phase(&jane(roll)), "Pending");
    });
}
