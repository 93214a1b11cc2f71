//! Assignments in time (M4): they begin and end by themselves, and the primary one follows.
//! Never about what an assignment holds, which is `profile`. Run by `make test`.

use crate::life::{START, count, jane, jane_with, row, timing};
use crate::support::{Roster, boss, on_both, organization, phase, ready, set, tenant};

const PROJECT: &str = "  organizations:
    - {organizationRef: {name: project}, primary: true, from: \"2027-03-10\", until: \"2027-03-31\"}
    - {organizationRef: {name: home}}
";

fn company(acme: &str, jane: &str) -> String {
    let teams = [organization("home", "acme", ""), organization("project", "acme", "")];
    set(&[&[tenant("acme", acme), boss("acme"), jane_with(jane)], &teams[..]].concat())
}

/// Jane's organizations of the present, the primary one first, as somebody's SQL finds them.
fn organizations(roll: &Roster) -> String {
    let sql = "SELECT string_agg(o.name, ' ' ORDER BY a.ordinal) FROM assignments a \
         JOIN organizations o ON o.uid = a.organization JOIN members m ON m.uid = a.member WHERE m.name = 'jane'";
    roll.query(sql).unwrap_or_default()
}

// M4, R4: a plain date in an `until` is inclusive.
#[test]
fn an_assignment_begins_and_ends_by_itself_and_the_primary_one_follows() {
    on_both(|roll| {
        roll.apply(START, &company("", PROJECT)).expect_code(0);
        assert_eq!(organizations(roll), "home");
        assert_eq!(jane(roll)["status"]["organization"], "home");
        assert_eq!(roll.tick("2027-03-09T23:59:59Z").expect_code(0).all_actions(), [""; 0]);
        assert_eq!(roll.tick("2027-03-10T00:00:00Z").expect_code(0).all_actions(), ["update Member/jane"]);
        assert_eq!(organizations(roll), "project home");
        assert_eq!(jane(roll)["status"]["organization"], "project");
        assert_eq!(timing(&row(roll, "update")), ("2027-03-10T00:00:00Z", "2027-03-10T00:00:00Z", "Scheduled"));
        assert_eq!(roll.tick("2027-03-31T23:59:59Z").expect_code(0).all_actions(), [""; 0]);
        roll.tick("2027-04-01T00:00:00Z").expect_code(0);
        assert_eq!(organizations(roll), "home");
        assert_eq!(jane(roll)["status"]["organization"], "home");
        assert_eq!(roll.apply("2027-04-02T00:00:00Z", &company("", PROJECT)).expect_code(0).all_actions(), [""; 0]);
    });
}

// R4: what was missed happens in order, each as of its own instant; a forecast tells of it before.
#[test]
fn an_assignment_that_was_missed_as_a_whole_is_in_the_trail() {
    on_both(|roll| {
        roll.apply(START, &company("", PROJECT)).expect_code(0);
        let plan = roll.plan("2027-03-02T00:00:00Z", &company("", PROJECT), &["--at", "2027-05-01"]);
        assert_eq!(plan.actions("Member", "jane"), ["update", "update"]);
        roll.tick("2027-05-01T00:00:00Z").expect_code(0);
        assert_eq!(organizations(roll), "home");
        let due: Vec<_> =
            roll.history("Member", "jane").iter().filter(|row| row["action"] == "update").map(|row| row["due"].clone()).collect();
        assert_eq!(due, ["2027-03-10T00:00:00Z", "2027-04-01T00:00:00Z"]);
    });
}

// R4: a change of the time zone re-dates only what has not fired.
#[test]
fn a_time_zone_moves_no_assignment_that_began_or_ended() {
    on_both(|roll| {
        let (seoul, honolulu) = ("  timeZone: Asia/Seoul", "  timeZone: Pacific/Honolulu");
        roll.apply(START, &company(seoul, PROJECT)).expect_code(0);
        roll.tick("2027-03-09T15:00:00Z").expect_code(0);
        assert_eq!(organizations(roll), "project home");
        roll.apply("2027-03-09T16:00:00Z", &company(honolulu, PROJECT)).expect_code(0);
        assert_eq!(organizations(roll), "project home");
        roll.tick("2027-04-01T09:59:59Z").expect_code(0);
        assert_eq!(organizations(roll), "project home");
        roll.tick("2027-04-01T10:00:00Z").expect_code(0);
        assert_eq!(organizations(roll), "home");
        roll.apply("2027-04-01T11:00:00Z", &company("  timeZone: Pacific/Pago_Pago", PROJECT)).expect_code(0);
        assert_eq!(organizations(roll), "home");
    });
}

// O4, O5: an organization to come is waited for; one whose time is over is not, and nobody is in it.
#[test]
fn an_organization_is_needed_until_the_assignment_is_over() {
    on_both(|roll| {
        let only_home = set(&[tenant("acme", ""), boss("acme"), organization("home", "acme", ""), jane_with(PROJECT)]);
        roll.apply(START, &only_home);
        assert_eq!(ready(&jane(roll)).1, "OrganizationNotFound");
        roll.apply("2027-03-02T00:00:00Z", &company("", PROJECT)).expect_code(0);
        roll.tick("2027-04-01T00:00:00Z").expect_code(0);
        let pruned = roll.apply_with("2027-04-02T00:00:00Z", &only_home, &["--prune"]).expect_code(0);
        assert_eq!(pruned.all_actions(), ["delete Organization/project"]);
        let renamed = only_home.replace("given: Jane", "given: Janet");
        roll.apply("2027-04-03T00:00:00Z", &renamed).expect_code(0);
        assert_eq!((phase(&jane(roll)), ready(&jane(roll)).1), ("Pending", "InDirectory"));
    });
}

// M4: what is over ends, also where what begins then has no organization.
#[test]
fn an_assignment_ends_although_the_next_has_no_organization() {
    on_both(|roll| {
        let turns = "  organizations:
    - {organizationRef: {name: home}, until: \"2027-03-31\"}
    - {organizationRef: {name: project}, from: \"2027-04-01\"}
";
        roll.apply(START, &company("", turns)).expect_code(0);
        let without = set(&[tenant("acme", ""), boss("acme"), organization("home", "acme", ""), jane_with(turns)]);
        roll.apply_with("2027-03-02T00:00:00Z", &without, &["--prune"]);
        // It stays, since somebody is to come (O5), unless somebody's SQL takes it away.
        assert_eq!(roll.sql("DELETE FROM organizations WHERE name = 'project'"), Ok(1));
        assert_eq!(roll.sql("DELETE FROM claims WHERE space = 'sibling-name' AND key LIKE '%project'"), Ok(1));
        roll.apply_with("2027-03-02T01:00:00Z", &without, &["--prune"]);
        assert_eq!((roll.find("Organization", "project"), organizations(roll).as_str()), (None, "home"));
        roll.tick("2027-04-01T00:00:00Z");
        assert_eq!(organizations(roll), "");
        roll.apply("2027-04-02T00:00:00Z", &company("", turns)).expect_code(0);
        assert_eq!(organizations(roll), "project");
    });
}

// M4, O3: where the primary organization has another name now, it stays the one, and comes first.
#[test]
fn the_primary_organization_stays_the_one_under_another_name() {
    on_both(|roll| {
        let both = "  organizations: [{organizationRef: {name: project}}, {organizationRef: {name: home}}]";
        let with = |name: &str| {
            let keyed = organization(name, "acme", "  displayName: Project\n  externalKey: org-1");
            set(&[tenant("acme", ""), boss("acme"), organization("home", "acme", ""), keyed, jane_with(both)])
        };
        roll.apply(START, &with("project")).expect_code(0);
        roll.apply("2027-03-02T09:00:00Z", &with("foundation")).expect_code(1);
        assert_eq!(jane(roll)["status"]["organization"], "foundation");
        assert_eq!(organizations(roll), "foundation home");
        let primary = "assignments a JOIN organizations o ON o.uid = a.organization WHERE a.is_primary";
        assert_eq!(count(roll, primary), 1);
        assert_eq!(count(roll, &format!("{primary} AND o.name = 'foundation'")), 1);
    });
}
