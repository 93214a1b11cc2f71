//! The tree of a company: any order of arrival, depth, cycles, names, moves, removal, figures, mail addresses (O1–O6).
//! Never about a member's own fields. Run by `make test`.

use serde_json::Value;

use crate::support::{Report, Roster, boss, member, on_both, organization, phase, ready, set, tenant};

const NOW: &str = "2027-03-01T09:00:00Z";
const LATER: &str = "2027-03-02T09:00:00Z";
const LATER_STILL: &str = "2027-06-01T09:00:00Z";

/// A tenant, its boss and whatever else there is, in one text.
fn company(others: &[String]) -> String {
    set(&[&[tenant("acme", ""), boss("acme")], others].concat())
}

fn top(name: &str) -> String {
    organization(name, "acme", "")
}

fn under(parent: &str, name: &str) -> String {
    organization(name, "acme", &format!("  parentRef: {{name: {parent}}}"))
}

fn member_in(name: &str, organizations: &[&str]) -> String {
    let list: Vec<_> = organizations.iter().map(|name| format!("{{organizationRef: {{name: {name}}}}}")).collect();
    member(name, "acme", &format!("  organizations: [{}]", list.join(", ")))
}

/// A branch of so many organizations, each under the one before: `PREFIX01`, `PREFIX02` and so on.
fn branch(prefix: &str, length: u32) -> Vec<String> {
    let name = |number| format!("{prefix}{number:02}");
    (1..=length).map(|n| if n == 1 { top(&name(1)) } else { under(&name(n - 1), &name(n)) }).collect()
}

fn status(roll: &Roster, name: &str) -> Value {
    roll.get("Organization", name)["status"].clone()
}

fn uid(roll: &Roster, name: &str) -> String {
    status(roll, name)["uid"].as_str().expect("a uid").to_owned()
}

#[track_caller]
fn is_refused(report: &Report, name: &str, reason: &str) -> String {
    assert_eq!(report.refused("Organization", name).as_deref(), Some(reason), "{name}: {:#}", report.json);
    report.refused_message("Organization", name).unwrap_or_default()
}

/// What the tenant tells of its pending removals, as `Kind name reason`, sorted.
fn pending(roll: &Roster) -> Vec<String> {
    let status = roll.get("Tenant", "acme")["status"].clone();
    let text = |entry: &Value, field: &str| entry[field].as_str().unwrap_or_default().to_owned();
    let entries = status["pendingRemovals"].as_array().cloned().unwrap_or_default();
    let mut list: Vec<_> =
        entries.iter().map(|entry| ["kind", "name", "reason"].map(|field| text(entry, field)).join(" ")).collect();
    list.sort();
    assert_eq!(status["pendingRemovalCount"].as_u64().unwrap_or(0), list.len() as u64);
    list
}

// O4, R11
#[test]
fn a_child_waits_for_its_parent_and_goes_on_by_itself() {
    on_both(|roll| {
        let report = roll.apply(NOW, &company(&[under("engineering", "platform"), under("platform", "sre")])).expect_code(1);
        is_refused(&report, "platform", "ParentNotFound");
        is_refused(&report, "sre", "ParentNotFound");
        assert_eq!(ready(&roll.get("Organization", "platform")), ("False", "ParentNotFound"));
        let report = roll.apply(LATER, &top("engineering")).expect_code(0);
        for (name, depth) in [("engineering", 1), ("platform", 2), ("sre", 3)] {
            assert_eq!(report.actions("Organization", name), ["create"], "{name}");
            assert_eq!(ready(&roll.get("Organization", name)).0, "True", "{name}");
            assert_eq!(status(roll, name)["depth"], depth, "{name}");
        }
    });
}

// O4
#[test]
fn a_member_waits_for_its_organization_and_goes_on_by_itself() {
    on_both(|roll| {
        let report = roll.apply(NOW, &company(&[member_in("jane", &["platform"])])).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("OrganizationNotFound"));
        let report = roll.apply(LATER, &top("platform")).expect_code(0);
        assert_eq!(report.actions("Member", "jane").first().map(String::as_str), Some("create"));
        assert_eq!(ready(&roll.get("Member", "jane")).0, "True");
    });
}

// O4
#[test]
fn everything_waits_for_its_tenant_and_goes_on_by_itself() {
    on_both(|roll| {
        let report = roll.apply(NOW, &set(&[member_in("jane", &["platform"]), top("platform"), boss("acme")])).expect_code(1);
        is_refused(&report, "platform", "TenantNotFound");
        assert_eq!(report.refused("Member", "boss").as_deref(), Some("TenantNotFound"));
        roll.apply(LATER, &tenant("acme", "")).expect_code(0);
        assert_eq!(ready(&roll.get("Tenant", "acme")).0, "True");
        assert_eq!(ready(&roll.get("Organization", "platform")).0, "True");
        assert_eq!(ready(&roll.get("Member", "jane")).0, "True");
    });
}

// O4, O6
#[test]
fn the_order_within_a_set_does_not_matter() {
    on_both(|roll| {
        let mut documents = vec![tenant("acme", ""), boss("acme"), top("a"), under("a", "b"), under("b", "c")];
        documents.push(member_in("jane", &["c"]));
        documents.reverse();
        roll.apply(NOW, &set(&documents)).expect_code(0);
        assert_eq!(status(roll, "c")["depth"], 3);
        assert_eq!(status(roll, "a")["membersWithAllBelow"], 1);
    });
}

// O2
#[test]
fn the_fifteenth_level_is_the_deepest() {
    on_both(|roll| {
        roll.apply(NOW, &company(&branch("o", 15))).expect_code(0);
        assert_eq!(status(roll, "o15")["depth"], 15);
        let report = roll.apply(LATER, &under("o15", "o16")).expect_code(1);
        is_refused(&report, "o16", "TooDeep");
        assert_eq!(roll.get("Tenant", "acme")["status"]["organizations"], 15);
    });
}

// O2
#[test]
fn a_branch_is_not_moved_where_its_end_would_be_too_deep() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[branch("a", 10), branch("b", 6)].concat())).expect_code(0);
        let report = roll.apply(LATER, &under("a10", "b01")).expect_code(1);
        is_refused(&report, "b01", "TooDeep");
        assert_eq!((&status(roll, "b01")["depth"], &status(roll, "b06")["depth"]), (&1.into(), &6.into()));
        roll.apply(LATER, &under("a09", "b01")).expect_code(0);
        assert_eq!((&status(roll, "b01")["depth"], &status(roll, "b06")["depth"]), (&10.into(), &15.into()));
    });
}

// O2
#[test]
fn a_cycle_is_refused_on_all_of_it_and_heals_with_one_correction() {
    on_both(|roll| {
        let round = [under("blue", "red"), under("red", "green"), under("green", "blue"), top("apart")];
        let report = roll.apply(NOW, &company(&round)).expect_code(1);
        for name in ["red", "green", "blue"] {
            let message = is_refused(&report, name, "CycleDetected").to_lowercase();
            assert!(["red", "green", "blue"].iter().all(|step| message.contains(step)), "{message}");
        }
        assert_eq!(ready(&roll.get("Organization", "apart")).0, "True");
        roll.apply(LATER, &top("red")).expect_code(0);
        assert_eq!(status(roll, "blue")["path"], "Red / Green / Blue");
    });
}

// O2
#[test]
fn an_organization_is_not_moved_below_itself() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[top("red"), under("red", "green")])).expect_code(0);
        let report = roll.apply(LATER, &under("green", "red")).expect_code(1);
        is_refused(&report, "red", "CycleDetected");
        assert_eq!(status(roll, "green")["path"], "Red / Green");
        let report = roll.apply(LATER, &under("red", "red")).expect_code(1);
        is_refused(&report, "red", "CycleDetected");
    });
}

// O2, O3
#[test]
fn a_parent_and_its_child_change_places_in_one_set() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[top("red"), under("red", "green")])).expect_code(0);
        roll.apply(LATER, &set(&[under("green", "red"), top("green")])).expect_code(0);
        assert_eq!(status(roll, "red")["path"], "Green / Red");
    });
}

// O2
#[test]
fn a_parent_in_another_tenant_is_invalid() {
    on_both(|roll| {
        let globex = tenant("globex", "  supremeAdminRef: {name: chief}");
        let theirs = organization("theirs", "globex", "");
        roll.apply(NOW, &company(&[globex, member("chief", "globex", ""), theirs])).expect_code(0);
        let message = is_refused(&roll.apply(LATER, &under("theirs", "ours")).expect_code(1), "ours", "Invalid");
        assert!(message.contains("parentRef"), "{message}");
    });
}

// O3, R11
#[test]
fn siblings_have_different_names_whatever_the_case() {
    on_both(|roll| {
        let named = |name: &str, more: &str| organization(name, "acme", &format!("  displayName: PLATFORM{more}"));
        roll.apply(NOW, &company(&[top("platform"), top("sales"), named("elsewhere", "\n  parentRef: {name: sales}")]))
            .expect_code(0);
        is_refused(&roll.apply(NOW, &named("second", "")).expect_code(1), "second", "NameTaken");
        // It goes on by itself once the name is free.
        roll.apply(LATER, &organization("platform", "acme", "  displayName: Plattform")).expect_code(0);
        assert_eq!(ready(&roll.get("Organization", "second")).0, "True");
    });
}

// O3
#[test]
fn a_move_beside_an_equal_name_is_refused() {
    on_both(|roll| {
        let platform = |name: &str, more: &str| organization(name, "acme", &format!("  displayName: Platform{more}"));
        let other = platform("other", "\n  parentRef: {name: sales}");
        roll.apply(NOW, &company(&[platform("platform", ""), top("sales"), other])).expect_code(0);
        is_refused(&roll.apply(LATER, &platform("other", "")).expect_code(1), "other", "NameTaken");
        assert_eq!(status(roll, "other")["path"], "Sales / Platform");
    });
}

// O3
#[test]
fn two_siblings_exchange_their_names_in_one_set() {
    on_both(|roll| {
        let named = |name: &str, shown: &str| organization(name, "acme", &format!("  displayName: {shown}"));
        roll.apply(NOW, &company(&[named("one", "Left"), named("two", "Right")])).expect_code(0);
        roll.apply(LATER, &set(&[named("one", "Right"), named("two", "Left")])).expect_code(0);
        assert_eq!(status(roll, "one")["path"], "Right");
    });
}

// O3, O6, R3
#[test]
fn a_renamed_and_moved_organization_keeps_its_uid_and_its_members() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[top("platform"), top("engineering"), member_in("jane", &["platform"])])).expect_code(0);
        let before = uid(roll, "platform");
        let moved = organization("platform", "acme", "  displayName: Foundation\n  parentRef: {name: engineering}");
        let report = roll.apply(LATER, &moved).expect_code(0);
        assert_eq!(uid(roll, "platform"), before);
        assert_eq!(status(roll, "platform")["path"], "Engineering / Foundation");
        assert_eq!(status(roll, "platform")["members"], 1);
        assert_eq!(status(roll, "engineering")["membersWithAllBelow"], 1);
        assert_eq!(report.actions("Member", "jane"), [""; 0]);
    });
}

// O5, R9
#[test]
fn an_empty_organization_goes_with_its_manifest() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[top("engineering"), under("engineering", "platform")])).expect_code(0);
        let report = roll.apply_with(LATER, &company(&[]), &["--prune"]).expect_code(0);
        assert_eq!(report.actions("Organization", "platform"), ["delete"]);
        assert_eq!(report.actions("Organization", "engineering"), ["delete"]);
        assert_eq!(roll.find("Organization", "engineering"), None);
    });
}

// R9
#[test]
fn nothing_goes_without_being_asked_to_prune() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[top("platform")])).expect_code(0);
        assert_eq!(roll.apply(LATER, &company(&[])).expect_code(0).all_actions(), [""; 0]);
        assert_eq!(ready(&roll.get("Organization", "platform")).0, "True");
    });
}

// O5, R9: a pending removal, the deepest first.
#[test]
fn an_organization_with_members_in_it_or_below_stays_until_they_have_left() {
    on_both(|roll| {
        let jane = member_in("jane", &["platform"]);
        roll.apply(NOW, &company(&[top("engineering"), under("engineering", "platform"), jane.clone()])).expect_code(0);
        roll.apply_with(LATER, &company(&[jane]), &["--prune"]);
        assert_eq!(pending(roll), ["Organization engineering MembersRemain", "Organization platform MembersRemain"]);
        assert_eq!(status(roll, "platform")["members"], 1);
        assert_eq!(ready(&roll.get("Member", "jane")).0, "True");
        // They go by themselves, the deepest first.
        let report = roll.apply(LATER, &member("jane", "acme", "")).expect_code(0);
        let gone: Vec<_> = report.all_actions().into_iter().filter(|action| action.starts_with("delete ")).collect();
        assert_eq!(gone, ["delete Organization/platform", "delete Organization/engineering"]);
        assert_eq!(pending(roll), [""; 0]);
    });
}

// O5, M5: each member counts once, however often it is assigned, and whoever sees it.
#[test]
fn the_members_that_hold_an_organization_are_counted_once() {
    on_both(|roll| {
        let organizations = "[{organizationRef: {name: engineering}}, {organizationRef: {name: platform}, private: true}]";
        let jane = member("jane", "acme", &format!("  organizations: {organizations}"));
        roll.apply(NOW, &company(&[top("engineering"), under("engineering", "platform"), jane.clone()])).expect_code(0);
        let report = roll.apply_with(LATER, &company(&[jane]), &["--prune"]);
        for name in ["engineering", "platform"] {
            let message = report.refused_message("Organization", name).unwrap_or_default();
            assert_eq!(message, "members still in it or below: 1 (O5)", "{name}");
        }
    });
}

// O5, M4: who will be in it counts like who is.
#[test]
fn an_organization_with_assignments_to_come_stays_until_they_are_withdrawn_or_over() {
    on_both(|roll| {
        let dated = |name: &str, dates: &str| {
            member(name, "acme", &format!("  organizations: [{{organizationRef: {{name: platform}}, {dates}}}]"))
        };
        let jane = dated("jane", "from: \"2027-04-01\"");
        let kim = dated("kim", "from: \"2027-04-01\", until: \"2027-04-30\"");
        let both = [jane, kim.clone()];
        roll.apply(NOW, &company(&[&[top("engineering"), under("engineering", "platform")], &both[..]].concat())).expect_code(0);
        roll.apply_with(LATER, &company(&both), &["--prune"]);
        assert_eq!(pending(roll), ["Organization engineering MembersRemain", "Organization platform MembersRemain"]);
        // One who thinks better of it; the other comes and goes.
        assert_eq!(roll.apply(LATER, &member("jane", "acme", "")).refused("Member", "jane"), None);
        assert_eq!(pending(roll).len(), 2);
        roll.tick("2027-04-02T00:00:00Z");
        assert_eq!((status(roll, "platform")["members"].clone(), pending(roll).len()), (1.into(), 2));
        assert_eq!(ready(&roll.get("Member", "kim")).0, "True");
        roll.tick("2027-05-01T00:00:00Z").expect_code(0);
        assert_eq!(pending(roll), [""; 0]);
        assert_eq!(roll.find("Organization", "engineering"), None);

        // In one set with the removal, and for a member that is gone itself.
        roll.apply(LATER_STILL, &company(&[top("platform")])).expect_code(0);
        let lee = dated("lee", "from: \"2027-07-01\"");
        roll.apply_with(LATER_STILL, &company(std::slice::from_ref(&lee)), &["--prune"]);
        assert_eq!(pending(roll), ["Organization platform MembersRemain"]);
        roll.apply_with("2027-06-02T09:00:00Z", &company(&[]), &["--prune"]).expect_code(0);
        assert_eq!((phase(&roll.get("Member", "lee")), pending(roll)), ("Deleted", Vec::new()));
        assert_eq!(roll.find("Organization", "platform"), None);
    });
}

// O5, R9
#[test]
fn an_organization_whose_manifest_comes_back_in_time_stays() {
    on_both(|roll| {
        let (platform, jane) = (top("platform"), member_in("jane", &["platform"]));
        roll.apply(NOW, &company(&[platform.clone(), jane.clone()])).expect_code(0);
        roll.apply_with(NOW, &company(std::slice::from_ref(&jane)), &["--prune"]);
        roll.apply(LATER, &company(&[platform, jane])).expect_code(0);
        assert_eq!(pending(roll), [""; 0]);
        roll.apply(LATER, &member("jane", "acme", "")).expect_code(0);
        assert_eq!(ready(&roll.get("Organization", "platform")).0, "True");
    });
}

// O5
#[test]
fn members_in_grace_hold_no_organization_back() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[top("platform"), member_in("jane", &["platform"])])).expect_code(0);
        roll.apply_with(LATER, &company(&[]), &["--prune"]).expect_code(0);
        assert_eq!(phase(&roll.get("Member", "jane")), "Deleted");
        assert_eq!(roll.find("Organization", "platform"), None);
        assert_eq!(pending(roll), [""; 0]);
    });
}

// O5, M24
#[test]
fn a_member_restored_after_its_organization_is_gone_waits_or_names_another() {
    on_both(|roll| {
        let jane = member_in("jane", &["platform"]);
        roll.apply(NOW, &company(&[top("platform"), jane.clone()])).expect_code(0);
        roll.apply_with(LATER, &company(&[]), &["--prune"]).expect_code(0);
        let report = roll.apply(LATER, &company(&[jane])).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("OrganizationNotFound"));
        assert_eq!(phase(&roll.get("Member", "jane")), "Deleted");
        roll.apply(LATER, &company(&[top("sales"), member_in("jane", &["sales"])])).expect_code(0);
        assert_eq!(phase(&roll.get("Member", "jane")), "Pending");
    });
}

// O6
#[test]
fn an_organization_tells_its_place_and_its_members() {
    on_both(|roll| {
        let leader = member("jane", "acme", "  organizations: [{organizationRef: {name: platform}, leader: true}]");
        roll.apply(
            NOW,
            &company(&[
                organization("engineering", "acme", "  displayName: 개발본부"),
                under("engineering", "platform"),
                leader,
                // In both: counted once with all below.
                member_in("joe", &["engineering", "platform"]),
                member_in("sam", &["engineering"]),
            ]),
        )
        .expect_code(0);
        let (above, below) = (status(roll, "engineering"), status(roll, "platform"));
        assert_eq!((&above["depth"], &above["path"]), (&1.into(), &"개발본부".into()));
        assert_eq!((&above["members"], &above["membersWithAllBelow"]), (&2.into(), &3.into()));
        assert_eq!((&below["depth"], &below["path"]), (&2.into(), &"개발본부 / Platform".into()));
        assert_eq!((&below["members"], &below["membersWithAllBelow"]), (&2.into(), &2.into()));
        assert_eq!(above["leaders"].as_array().map_or(0, Vec::len), 0);
        let leaders = below["leaders"].as_array().cloned().unwrap_or_default();
        assert_eq!(leaders.len(), 1);
        assert!(leaders[0].as_str().unwrap_or_default().to_lowercase().contains("jane"), "{leaders:?}");
    });
}

// O6
#[test]
fn a_member_who_leaves_is_counted_no_more() {
    on_both(|roll| {
        let platform = top("platform");
        roll.apply(NOW, &company(&[platform.clone(), member_in("jane", &["platform"]), member_in("joe", &["platform"])]))
            .expect_code(0);
        roll.apply_with(LATER, &company(&[platform, member("joe", "acme", "")]), &["--prune"]).expect_code(0);
        assert_eq!(status(roll, "platform")["members"], 0);
        assert_eq!(status(roll, "platform")["membersWithAllBelow"], 0);
    });
}

// O1, M1
#[test]
fn mail_addresses_are_unique_over_organizations_and_members() {
    on_both(|roll| {
        let platform = organization("platform", "acme", "  mailId: platform\n  mailAliases: [infra]");
        let jane = member("jane", "acme", "  secondaryEmails: [press]");
        roll.apply(NOW, &company(&[platform, jane])).expect_code(0);
        for (declared, holder) in [
            ("  mailId: infra", "hr/platform"),
            ("  mailAliases: [platform]", "hr/platform"),
            ("  mailId: jane", "hr/jane"),
            ("  mailAliases: [press]", "hr/jane"),
        ] {
            let report = roll.apply(LATER, &organization("sales", "acme", declared)).expect_code(1);
            let message = is_refused(&report, "sales", "IdTaken");
            assert!(message.contains(holder), "{declared}: {message}");
        }
        for declared in ["  id: platform", "  secondaryEmails: [infra]"] {
            let report = roll.apply(LATER, &member("joe", "acme", declared)).expect_code(1);
            assert_eq!(report.refused("Member", "joe").as_deref(), Some("IdTaken"), "{declared}");
            let message = report.refused_message("Member", "joe").unwrap_or_default();
            assert!(message.contains("hr/platform"), "{declared}: {message}");
        }
    });
}

// O1, R11
#[test]
fn a_mail_address_that_falls_free_goes_to_who_waits() {
    on_both(|roll| {
        roll.apply(NOW, &company(&[organization("platform", "acme", "  mailId: team")])).expect_code(0);
        roll.apply(NOW, &organization("sales", "acme", "  mailId: team")).expect_code(1);
        roll.apply(LATER, &organization("platform", "acme", "  mailId: platform")).expect_code(0);
        assert_eq!(ready(&roll.get("Organization", "sales")).0, "True");
    });
}

// M11, O1: an organization under the name of one that was renamed is another.
#[test]
fn an_organization_under_a_name_that_was_passed_on_is_another() {
    on_both(|roll| {
        let keyed = |name: &str, key: &str, more: &str| organization(name, "acme", &format!("  externalKey: {key}\n{more}"));
        roll.apply(NOW, &company(&[keyed("oa", "k1", "")])).expect_code(0);
        let uid = |name: &str| roll.get("Organization", name)["status"]["uid"].clone();
        let first = uid("oa");
        let passed_on = [keyed("ob", "k1", ""), keyed("oa", "k2", "  parentRef: {name: root}")];
        roll.apply_with(NOW, &company(&passed_on), &["--prune"]).expect_code(1);
        assert_eq!(uid("ob"), first);
        let report = roll.apply_with(LATER, &company(&[&passed_on[..], &[top("root")]].concat()), &["--prune"]);
        assert_eq!(report.expect_code(0).all_actions(), ["create Organization/root", "create Organization/oa"]);
        assert_eq!(uid("ob"), first);
        assert_ne!(uid("oa"), first);
    });
}

// O3, O5, R9: the old one stays for those inside, the new one waits for its name, those inside wait for the new one.
#[test]
fn an_organization_takes_the_place_of_another_of_the_same_name_in_one_set() {
    on_both(|roll| {
        let sales = |name: &str| {
            let team = top(name).replace(&format!("displayName: {name}"), "displayName: Sales");
            company(&[team, under(name, "east"), member_in("jane", &[name]), member_in("joe", &["east"])])
        };
        roll.apply(NOW, &sales("old")).expect_code(0);
        let east = uid(roll, "east");
        let report = roll.apply_with(LATER, &sales("new"), &["--prune"]).expect_code(0);
        let done = ["create Organization/new", "update Organization/east", "update Member/jane", "delete Organization/old"];
        assert_eq!(report.all_actions(), done);
        assert_eq!((uid(roll, "east"), pending(roll)), (east, Vec::new()));
        assert_eq!(roll.apply_with(LATER, &sales("new"), &["--prune"]).expect_code(0).all_actions(), [""; 0]);
    });
}
