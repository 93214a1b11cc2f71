//! Departure (M23): the declared end of an account, its grace, and the ways back (M24).
//! Never about manifests that are gone, which is `deletion`. Run by `make test`.

use crate::life::{
    START, begin_with_jane_signed_in, company, company_of, company_without_jane, count, jane, jane_with, open_sessions,
    pending_removals, purge_at, row, text, timing, uid,
};
use crate::support::{boss, condition, member, on_both, organization, phase, ready, set, tenant};

const TENTH: &str = "  departure: {at: \"2027-03-10\"}";

// M23: purgeAt is the instant it was due plus the grace, 7 days by default (T10).
#[test]
fn a_departure_deletes_the_member_on_its_day() {
    on_both(|roll| {
        begin_with_jane_signed_in(roll, TENTH);
        let before = uid(&jane(roll));
        roll.tick("2027-03-09T23:59:59Z").expect_code(0);
        assert_eq!((phase(&jane(roll)), open_sessions(roll)), ("Active", 1));
        assert_eq!(roll.tick("2027-03-10T00:00:00Z").expect_code(0).all_actions(), ["delete Member/jane"]);
        let departed = jane(roll);
        assert_eq!((phase(&departed), ready(&departed)), ("Deleted", ("True", "Departed")));
        assert_eq!((uid(&departed), purge_at(&departed)), (before, "2027-03-17T00:00:00Z"));
        assert_eq!(open_sessions(roll), 0);
        assert_eq!(roll.sign_in("2027-03-10T00:00:01Z", "jane").code, 1);
        assert_eq!(timing(&row(roll, "delete")), ("2027-03-10T00:00:00Z", "2027-03-10T00:00:00Z", "Scheduled"));
        // The manifest stays the user's, and brings nobody back.
        assert_eq!(roll.apply("2027-03-11T00:00:00Z", &company(TENTH)).expect_code(0).all_actions(), [""; 0]);
        assert_eq!(phase(&jane(roll)), "Deleted");
    });
}

// M23, R4.
#[test]
fn the_last_day_is_a_day_with_an_account() {
    on_both(|roll| {
        let roster = company_of("  timeZone: Asia/Seoul", "  departure: {lastDay: \"2027-03-09\"}");
        roll.apply(START, &roster).expect_code(0);
        assert_eq!(roll.tick("2027-03-09T14:59:59Z").expect_code(0).all_actions(), [""; 0]);
        assert_eq!(roll.tick("2027-03-09T15:00:00Z").expect_code(0).all_actions(), ["delete Member/jane"]);
        assert_eq!(purge_at(&jane(roll)), "2027-03-16T15:00:00Z");
    });
}

// M23: not in the future neither creates …
#[test]
fn a_past_departure_creates_nobody() {
    on_both(|roll| {
        let report = roll.apply(START, &company("  departure: {at: \"2027-02-01\"}")).expect_code(0);
        assert!(report.actions("Member", "jane").is_empty());
        assert_eq!(count(roll, "members WHERE name = 'jane'"), 0);
        assert_eq!(ready(&jane(roll)), ("True", "Departed"));
    });
}

// M23: … nor restores.
#[test]
fn a_past_departure_restores_nobody() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        roll.apply_with("2027-03-02T00:00:00Z", &company_without_jane(), &["--prune"]).expect_code(0);
        roll.apply("2027-03-03T00:00:00Z", &jane_with("  departure: {at: \"2027-03-03\"}")).expect_code(0);
        assert_eq!((phase(&jane(roll)), purge_at(&jane(roll))), ("Deleted", "2027-03-09T00:00:00Z"));
        assert_eq!(ready(&jane(roll)), ("True", "Departed"));
    });
}

// M24: for a departed one, with the date moved.
#[test]
fn moving_the_date_restores_the_same_member_until_the_new_one() {
    on_both(|roll| {
        begin_with_jane_signed_in(roll, TENTH);
        let before = uid(&jane(roll));
        roll.tick("2027-03-10T00:00:00Z").expect_code(0);
        roll.apply("2027-03-12T00:00:00Z", &jane_with("  departure: {at: \"2027-05-01\"}")).expect_code(0);
        let restored = jane(roll);
        assert_eq!((phase(&restored), ready(&restored), uid(&restored)), ("Active", ("True", "InDirectory"), before.clone()));
        assert!(restored["status"]["purgeAt"].is_null() && restored["status"]["deletedAt"].is_null(), "{restored:#}");
        assert_eq!(row(roll, "restore")["cause"], "Declared");
        // What was closed at the departure stays closed.
        assert_eq!(open_sessions(roll), 0);
        roll.sign_in("2027-03-12T09:00:00Z", "jane").ok();
        roll.tick("2027-05-01T00:00:00Z").expect_code(0);
        let again = jane(roll);
        assert_eq!((phase(&again), uid(&again), purge_at(&again)), ("Deleted", before, "2027-05-08T00:00:00Z"));
    });
}

// M24: … or removed.
#[test]
fn removing_the_date_restores_the_member_before_the_purge_and_makes_a_new_one_after_it() {
    for (now, same) in [("2027-03-16T23:59:59Z", true), ("2027-03-17T00:00:01Z", false)] {
        on_both(|roll| {
            roll.apply(START, &company(TENTH)).expect_code(0);
            let before = uid(&jane(roll));
            roll.tick("2027-03-10T00:00:00Z").expect_code(0);
            let report = roll.apply(now, &jane_with("")).expect_code(0);
            assert_eq!(phase(&jane(roll)), "Pending", "at {now}");
            assert_eq!(uid(&jane(roll)) == before, same, "at {now}");
            let last = if same { "restore" } else { "create" };
            assert!(report.actions("Member", "jane").contains(&last.to_owned()), "at {now}: {:?}", report.all_actions());
        });
    }
}

// M23: never less than the smaller of the grace and 24 h after it was carried out.
#[test]
fn a_departure_that_was_missed_for_weeks_still_leaves_a_day_to_come_back() {
    on_both(|roll| {
        roll.apply(START, &company(TENTH)).expect_code(0);
        let before = uid(&jane(roll));
        roll.tick("2027-05-01T06:00:00Z").expect_code(0);
        assert_eq!(timing(&row(roll, "delete")), ("2027-03-10T00:00:00Z", "2027-05-01T06:00:00Z", "Scheduled"));
        assert_eq!((phase(&jane(roll)), purge_at(&jane(roll))), ("Deleted", "2027-05-02T06:00:00Z"));
        roll.apply("2027-05-02T05:59:59Z", &jane_with("")).expect_code(0);
        assert_eq!((phase(&jane(roll)), uid(&jane(roll))), ("Pending", before));
    });
}

// M23: the smaller of the two.
#[test]
fn a_grace_shorter_than_a_day_is_given_in_full_after_a_missed_departure() {
    on_both(|roll| {
        roll.apply(START, &company_of("  deletionGrace: 6h", TENTH)).expect_code(0);
        roll.tick("2027-03-10T05:00:00Z").expect_code(0);
        assert_eq!(purge_at(&jane(roll)), "2027-03-10T11:00:00Z");
    });
}

// M23: due on 2 March, carried out on 20 March.
#[test]
fn a_departure_declared_afterwards_is_carried_out_at_once_and_leaves_a_day() {
    on_both(|roll| {
        begin_with_jane_signed_in(roll, "");
        roll.apply("2027-03-20T00:00:00Z", &jane_with("  departure: {at: \"2027-03-02\"}")).expect_code(0);
        assert_eq!((phase(&jane(roll)), open_sessions(roll)), ("Deleted", 0));
        assert_eq!(purge_at(&jane(roll)), "2027-03-21T00:00:00Z");
    });
}

// M23, R9: not deletable until revoked, and told on the member and in the tenant's list.
#[test]
fn an_administrator_departs_only_once_revoked() {
    on_both(|roll| {
        roll.apply(START, &company("  administrator: Operations")).expect_code(0);
        roll.apply("2027-03-02T00:00:00Z", &jane_with(&format!("  administrator: Operations\n{TENTH}")));
        roll.tick("2027-03-10T00:00:00Z");
        assert_eq!((phase(&jane(roll)), ready(&jane(roll)).1), ("Pending", "AdministratorProtected"));
        assert_eq!(pending_removals(roll), ["Member/jane AdministratorProtected"]);
        let since = &roll.get("Tenant", "acme")["status"]["pendingRemovals"][0]["since"];
        assert_eq!(since, "2027-03-10T00:00:00Z");
        roll.apply("2027-03-11T00:00:00Z", &jane_with(TENTH)).expect_code(0);
        roll.tick("2027-03-11T00:00:01Z").expect_code(0);
        assert_eq!((phase(&jane(roll)), ready(&jane(roll)).1), ("Deleted", "Departed"));
        assert_eq!(pending_removals(roll), [""; 0]);
    });
}

// M23, T4.
#[test]
fn the_supreme_administrator_does_not_depart() {
    on_both(|roll| {
        roll.apply(START, &set(&[tenant("acme", ""), boss("acme")])).expect_code(0);
        roll.apply("2027-03-02T00:00:00Z", &member("boss", "acme", TENTH));
        roll.tick("2027-03-10T00:00:00Z");
        let boss = roll.get("Member", "boss");
        assert_eq!(phase(&boss), "Pending");
        let told = ready(&boss).1 == "SupremeAdminProtected"
            || pending_removals(roll).contains(&"Member/boss SupremeAdminProtected".to_owned());
        assert!(told, "{boss:#}");
        assert_eq!(text(&roll.get("Tenant", "acme")["status"], "supremeAdmin"), "boss");
    });
}

// R2, M23, M25: `plan --at` goes through every date until then, and does nothing.
#[test]
fn a_forecast_tells_of_the_departure_and_the_purge() {
    on_both(|roll| {
        roll.apply(START, &company(TENTH)).expect_code(0);
        let plan = roll.plan(START, &company(TENTH), &["--at", "2027-03-18"]).expect_code(1);
        assert_eq!(plan.all_actions(), ["delete Member/jane", "purge Member/jane"]);
        assert_eq!(phase(&jane(roll)), "Pending");
    });
}

// M23, T10: with no grace, nothing is left to restore, and nobody is told that there is.
#[test]
fn a_departure_without_grace_is_told_as_it_is() {
    on_both(|roll| {
        roll.apply(START, &company_of("  deletionGrace: \"0\"", "")).expect_code(0);
        roll.apply("2027-03-02T09:00:00Z", &jane_with("  departure: {at: \"2027-03-01\"}")).expect_code(0);
        assert_eq!(count(roll, "members WHERE name = 'jane'"), 0);
        let jane = jane(roll);
        let message = condition(&jane, "Ready").map(|ready| text(ready, "message")).unwrap_or_default();
        assert!(message.contains("makes no account") && !message.contains("restorable"), "{message}");
    });
}

// M20, M23.
#[test]
fn an_activation_after_the_departure_is_refused() {
    on_both(|roll| {
        let dates = "  activation: {at: \"2027-03-20\"}\n  departure: {lastDay: \"2027-03-10\"}";
        let report = roll.apply(START, &company(dates)).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("Invalid"));
        let message = report.refused_message("Member", "jane").unwrap_or_default();
        assert!(message.starts_with("spec.activation.at: after spec.departure"), "{message}");
    });
}

// M24: whose date was moved in time comes back whenever the manifest can be taken, as the same person; whatever is mended of it
// meanwhile.
#[test]
fn whose_date_was_moved_in_time_is_kept_until_the_manifest_can_be_taken() {
    on_both(|roll| {
        roll.apply(START, &company(TENTH)).expect_code(0);
        let before = uid(&jane(roll));
        roll.tick("2027-03-10T00:00:00Z").expect_code(0);
        let lab = |more: &str| jane_with(&format!("  organizations: [{{organizationRef: {{name: lab}}}}]{more}"));
        let report = roll.apply("2027-03-12T00:00:00Z", &lab("")).expect_code(1);
        let message = report.refused_message("Member", "jane").unwrap_or_default();
        assert!(message.contains("kept for this manifest, which came in time"), "{message}");
        assert_eq!(roll.tick("2027-03-17T00:00:00Z").actions("Member", "jane"), [""; 0]);
        let report = roll.apply("2027-03-18T00:00:00Z", &lab("\n  nickname: J")).expect_code(1);
        let message = report.refused_message("Member", "jane").unwrap_or_default();
        assert!(message.contains("kept for this manifest, which came in time"), "{message}");
        roll.apply("2027-03-19T00:00:00Z", &organization("lab", "acme", "")).expect_code(0);
        assert_eq!((phase(&jane(roll)), uid(&jane(roll))), ("Pending", before));
    });
}

// M24, M25: with the date back in the past nobody is wanted, and the purge takes its course.
#[test]
fn whose_date_is_put_back_is_purged() {
    on_both(|roll| {
        roll.apply(START, &company(TENTH)).expect_code(0);
        roll.tick("2027-03-10T00:00:00Z").expect_code(0);
        let lab = "  organizations: [{organizationRef: {name: lab}}]";
        roll.apply("2027-03-12T00:00:00Z", &jane_with(lab)).expect_code(1);
        assert_eq!(roll.tick("2027-03-18T00:00:00Z").actions("Member", "jane"), [""; 0]);
        let report = roll.apply("2027-03-19T00:00:00Z", &jane_with(TENTH)).expect_code(0);
        assert_eq!(report.actions("Member", "jane"), ["purge"]);
    });
}

// M24: it may have waited since before the departure.
#[test]
fn whose_date_was_moved_before_it_came_is_kept_until_the_manifest_can_be_taken() {
    on_both(|roll| {
        roll.apply(START, &company(TENTH)).expect_code(0);
        let before = uid(&jane(roll));
        let lab = "  organizations: [{organizationRef: {name: lab}}]";
        roll.apply("2027-03-05T00:00:00Z", &jane_with(lab)).expect_code(1);
        assert_eq!(roll.tick("2027-03-10T00:00:00Z").actions("Member", "jane"), ["delete"]);
        let message = condition(&jane(roll), "Ready").map(|ready| text(ready, "message").to_owned()).unwrap_or_default();
        assert!(message.contains("kept for this manifest, which came in time"), "{message}");
        assert_eq!(roll.tick("2027-03-18T00:00:00Z").actions("Member", "jane"), [""; 0]);
        roll.apply("2027-03-19T00:00:00Z", &organization("lab", "acme", "")).expect_code(0);
        assert_eq!((phase(&jane(roll)), uid(&jane(roll))), ("Pending", before));
    });
}

// R4, M25: those who are kept past their purge come first of all that is due, however many they are, and hold nobody up.
#[test]
fn nobody_waits_behind_many_who_are_kept() {
    on_both(|roll| {
        let of_all = |spec: &str| -> String {
            let many: Vec<String> = (0..501).map(|number| member(&format!("kept-{number}"), "acme", spec)).collect();
            set(&[tenant("acme", "  accessBudget: {maxPercent: 100}"), boss("acme"), set(&many)])
        };
        let eleventh = "  departure: {at: \"2027-03-11\"}";
        roll.apply(START, &set(&[of_all(TENTH), jane_with(eleventh)])).expect_code(0);
        assert_eq!(roll.tick("2027-03-11T00:00:00Z").all_actions().len(), 502);
        let waiting = of_all("  organizations: [{organizationRef: {name: lab}}]");
        roll.apply("2027-03-12T00:00:00Z", &set(&[waiting, jane_with(eleventh)])).expect_code(1);
        assert_eq!(roll.tick("2027-03-18T00:00:00Z").all_actions(), ["purge Member/jane"]);
        assert_eq!(count(roll, "members WHERE phase = 'Deleted'"), 501);
    });
}
