//! What is frozen (R14): told and not acted on, until it thaws. Never about holds, which a person approves. Run by
//! `make test`.

use serde_json::Value;

use crate::cancellation::{FREE, ending, secret as confirmation, set_password};
use crate::life::{
    START, actions, change, company, company_without_jane, count, jane, jane_with, open_sessions, pending_removals, row, text,
    timing, uid,
};
use crate::passwords::{answer, secret};
use crate::support::{annotated, boss, condition, member, on_both, organization, phase, ready, set, tenant};

const LATER: &str = "2027-03-02T09:00:00Z";
const EVENING: &str = "2027-03-02T18:00:00Z";
const WHY: &str = "under audit";

fn frozen(manifest: &str) -> String {
    annotated(manifest, "frozen", WHY)
}

/// What is told of the freeze beside `Ready`.
fn told(object: &Value) -> String {
    condition(object, "Frozen").map(|told| text(told, "message").to_owned()).unwrap_or_default()
}

/// The company with Jane, and a team; frozen as a whole.
fn frozen_company(jane: &str) -> String {
    set(&[frozen(&tenant("acme", "")), boss("acme"), organization("team", "acme", ""), jane_with(jane)])
}

// R14: nothing of a frozen member changes; what is declared is kept and waits, and happens on thaw.
#[test]
fn a_changed_manifest_of_a_frozen_member_waits_for_the_thaw() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        roll.apply(LATER, &frozen(&jane_with(""))).expect_code(0);
        assert_eq!(ready(&jane(roll)), ("True", "InDirectory"));
        assert!(told(&jane(roll)).contains(WHY), "{:#}", jane(roll));
        assert!(condition(&jane(roll), "NotYetSupported").is_none());
        let rows = roll.trail().len();
        let other = jane_with("  id: jane.doe\n  suspended: true");
        let report = roll.apply(LATER, &frozen(&other)).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("Frozen"));
        let message = report.refused_message("Member", "jane").unwrap_or_default();
        assert!(message.contains(WHY) && message.contains("rename") && message.contains("suspend"), "{message}");
        let waits = jane(roll);
        assert!(condition(&waits, "Reconciling").is_some());
        assert_eq!((text(&waits["spec"], "id"), text(&waits["status"], "id")), ("jane.doe", "jane"));
        // Twice is once (R5).
        roll.apply(EVENING, &frozen(&other)).expect_code(1);
        assert_eq!((roll.trail().len(), jane(roll)["status"].clone()), (rows, waits["status"].clone()));
        let report = roll.apply(EVENING, &other).expect_code(0);
        assert_eq!(report.actions("Member", "jane"), ["rename", "suspend"]);
        assert_eq!(told(&jane(roll)), "");
    });
}

// R14, R4: what fell due is told, and happens on thaw, in order, each as of its own instant.
#[test]
fn what_fell_due_happens_on_thaw_in_order() {
    on_both(|roll| {
        let dates = "  leaveOfAbsence: {from: 2027-04-01, until: 2027-04-10}\n  departure: {at: 2027-05-01}";
        roll.apply(START, &company(dates)).expect_code(0);
        roll.apply(LATER, &frozen(&jane_with(dates))).expect_code(0);
        assert!(told(&jane(roll)).contains("2027-04-01T00:00:00Z"), "{}", told(&jane(roll)));
        for now in ["2027-04-02T00:00:00Z", "2027-05-02T00:00:00Z"] {
            assert_eq!(roll.tick(now).expect_code(0).all_actions(), [""; 0]);
        }
        assert!(
            told(&jane(roll)).contains("fell due") && told(&jane(roll)).contains("leave as of 2027-04-01"),
            "{}",
            told(&jane(roll))
        );
        assert_eq!((phase(&jane(roll)), jane(roll)["status"]["onLeave"].clone()), ("Pending", Value::Null));
        let before = jane(roll)["status"].clone();
        roll.tick("2027-05-02T00:00:10Z").expect_code(0);
        assert_eq!(jane(roll)["status"], before, "told once");
        let thaw = "2027-05-03T00:00:00Z";
        roll.apply(thaw, &jane_with(dates)).expect_code(0);
        assert_eq!(actions(roll), ["create", "leave", "return", "delete"]);
        assert_eq!(timing(&row(roll, "leave")), ("2027-04-01T00:00:00Z", thaw, "Scheduled"));
        assert_eq!(timing(&row(roll, "return")), ("2027-04-11T00:00:00Z", thaw, "Scheduled"));
        assert_eq!(timing(&row(roll, "delete")), ("2027-05-01T00:00:00Z", thaw, "Scheduled"));
    });
}

// R14, M20: an account whose first day passed is not told to begin on a day that is over.
#[test]
fn an_account_that_should_have_begun_begins_with_the_thaw() {
    on_both(|roll| {
        let begins = "  activation: {at: 2027-04-01}";
        roll.apply(START, &company(begins)).expect_code(0);
        roll.apply(LATER, &frozen(&jane_with(begins))).expect_code(0);
        assert_eq!(ready(&jane(roll)), ("True", "Scheduled"));
        roll.tick("2027-04-02T00:00:00Z").expect_code(0);
        assert_eq!((phase(&jane(roll)), ready(&jane(roll))), ("Scheduled", ("True", "Scheduled")));
        let message = condition(&jane(roll), "Ready").map(|ready| text(ready, "message").to_owned()).unwrap_or_default();
        assert!(message.contains(WHY) && message.contains("begins once it thaws"), "{message}");
        assert!(told(&jane(roll)).contains("since 2027-04-01T00:00:00Z something fell due"), "{}", told(&jane(roll)));
        roll.apply("2027-04-03T00:00:00Z", &jane_with(begins)).expect_code(0);
        assert_eq!((phase(&jane(roll)), ready(&jane(roll))), ("Pending", ("True", "InDirectory")));
    });
}

// R14, M25, R2: the end of a grace period that passed meanwhile comes with the thaw, and the plan of the thaw tells it.
#[test]
fn a_thaw_tells_whom_it_purges() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        roll.apply_with(LATER, &company_without_jane(), &["--prune"]).expect_code(0);
        roll.apply(LATER, &set(&[frozen(&tenant("acme", "")), boss("acme")])).expect_code(0);
        assert_eq!(roll.tick("2027-05-01T00:00:00Z").all_actions(), [""; 0]);
        let planned = roll.plan("2027-05-02T00:00:00Z", &company_without_jane(), &[]);
        assert_eq!(planned.actions("Member", "jane"), ["purge"]);
        let done = roll.apply("2027-05-02T00:00:00Z", &company_without_jane()).expect_code(0);
        assert_eq!(done.actions("Member", "jane"), ["purge"]);
        assert_eq!(done.json["fingerprint"], planned.json["fingerprint"]);
    });
}

// R14, M24: who was applied again in time, and could not come back while frozen, does with the thaw.
#[test]
fn who_was_applied_again_in_time_is_restored_on_thaw() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        let before = uid(&jane(roll));
        roll.apply_with(LATER, &company_without_jane(), &["--prune"]).expect_code(0);
        let frozen_with = |more: &[String]| set(&[&[frozen(&tenant("acme", "")), boss("acme")], more].concat());
        roll.apply(LATER, &frozen_with(&[])).expect_code(0);
        roll.apply("2027-03-04T00:00:00Z", &frozen_with(&[jane_with("")])).expect_code(1);
        assert_eq!(roll.tick("2027-05-01T00:00:00Z").all_actions(), [""; 0]);
        let done = roll.apply("2027-05-02T00:00:00Z", &company("")).expect_code(0);
        assert_eq!(done.actions("Member", "jane"), ["restore"]);
        assert_eq!(uid(&jane(roll)), before);
    });
}

// R14, R5: what somebody's SQL changed is told and left as it is until the thaw, and is set back then.
#[test]
fn drift_of_a_frozen_member_is_told_and_set_back_on_thaw() {
    on_both(|roll| {
        roll.apply(START, &set(&[company(""), frozen(&member("john", "acme", ""))])).expect_code(1);
        roll.apply(LATER, &frozen(&jane_with(""))).expect_code(0);
        let rows = roll.trail().len();
        roll.sql("UPDATE members SET given_name = 'Mallory', id = 'boss' WHERE name = 'jane'").unwrap();
        for now in [EVENING, "2027-03-03T00:00:00Z"] {
            assert_eq!(roll.tick(now).expect_code(0).all_actions(), [""; 0]);
            assert!(told(&jane(roll)).contains("drifted") && told(&jane(roll)).contains("name.given"), "{}", told(&jane(roll)));
        }
        assert_eq!(roll.query("SELECT given_name FROM members WHERE name = 'jane'").as_deref(), Some("Mallory"));
        assert_eq!(roll.trail().len(), rows);
        roll.apply("2027-03-04T00:00:00Z", &jane_with("")).expect_code(0);
        let told = row(roll, "update");
        assert_eq!((text(&told, "cause"), change(&told, "name.given")), ("Drift", ("Mallory", "Jane")));
        assert_eq!(text(&jane(roll)["status"], "id"), "jane");
        assert_eq!(roll.query("SELECT count(*) FROM touched").as_deref(), Some("0"));
    });
}

// R14, R9: the resource of a frozen member may go, its record stays and is a pending removal.
#[test]
fn the_removal_of_a_frozen_member_is_pending() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        roll.apply(LATER, &frozen(&jane_with(""))).expect_code(0);
        roll.apply_with(LATER, &company_without_jane(), &["--prune"]);
        assert_eq!((phase(&jane(roll)), pending_removals(roll)), ("Pending", vec!["Member/jane Frozen".to_owned()]));
        roll.tick("2027-04-02T00:00:00Z");
        assert_eq!(phase(&jane(roll)), "Pending");
        roll.apply("2027-04-03T00:00:00Z", &jane_with("")).expect_code(0);
        assert_eq!(pending_removals(roll), [""; 0]);
        roll.apply_with("2027-04-04T00:00:00Z", &company_without_jane(), &["--prune"]).expect_code(0);
        assert_eq!(phase(&jane(roll)), "Deleted");
    });
}

// R14: a frozen tenant freezes itself and all that belongs to it, what is new and what goes included; and it all goes on at once.
#[test]
fn a_frozen_tenant_freezes_everything_of_it() {
    on_both(|roll| {
        let dates = "  suspension: {from: 2027-04-01}";
        let thawed = |jane: &str| frozen_company(jane).replace("annotations: {rollcall.dev/frozen: \"under audit\"}, ", "");
        roll.apply(START, &thawed(dates)).expect_code(0);
        roll.apply(LATER, &frozen_company(dates)).expect_code(0);
        for (kind, name) in [("Tenant", "acme"), ("Organization", "team"), ("Member", "jane"), ("Member", "boss")] {
            let object = roll.get(kind, name);
            assert_eq!(ready(&object).0, "True", "{kind} {name}");
            assert!(told(&object).contains(WHY), "{kind} {name}: {object:#}");
        }
        let rows = roll.trail().len();
        let other = [
            frozen(&tenant("acme", "  displayName: Other")),
            organization("team", "acme", "  displayName: Other"),
            organization("new", "acme", ""),
            jane_with(&format!("  nickname: J\n{dates}")),
            member("john", "acme", ""),
        ];
        let report = roll.apply(LATER, &set(&other)).expect_code(1);
        for (kind, name) in
            [("Tenant", "acme"), ("Organization", "team"), ("Organization", "new"), ("Member", "jane"), ("Member", "john")]
        {
            assert_eq!(report.refused(kind, name).as_deref(), Some("Frozen"), "{kind} {name}");
        }
        assert_eq!(roll.tick("2027-04-02T00:00:00Z").all_actions(), [""; 0]);
        let fewer = set(&[other[0].clone(), other[2].clone(), other[3].clone(), boss("acme"), other[4].clone()]);
        roll.apply_with("2027-04-02T00:00:01Z", &fewer, &["--prune"]);
        assert_eq!(pending_removals(roll), ["Organization/team Frozen"]);
        assert_eq!((roll.trail().len(), phase(&jane(roll))), (rows, "Pending"));
        // Only the Tenant is declared anew.
        let thaw = "2027-04-03T00:00:00Z";
        roll.apply(thaw, &tenant("acme", "  displayName: Other")).expect_code(0);
        assert_eq!(
            (phase(&jane(roll)), timing(&row(roll, "suspend"))),
            ("Suspended", ("2027-04-01T00:00:00Z", thaw, "Scheduled"))
        );
        assert_eq!(count(roll, "members"), 3);
        assert_eq!((roll.find("Organization", "team"), ready(&roll.get("Organization", "new")).0), (None, "True"));
        assert_eq!(pending_removals(roll), [""; 0]);
    });
}

// R14, M25: who was deleted before is not purged while the tenant is frozen.
#[test]
fn nobody_is_purged_in_a_frozen_tenant() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        roll.apply_with(LATER, &company_without_jane(), &["--prune"]).expect_code(0);
        roll.apply(EVENING, &frozen(&tenant("acme", ""))).expect_code(0);
        for now in ["2027-04-02T00:00:00Z", "2027-04-03T00:00:00Z"] {
            assert_eq!(roll.tick(now).expect_code(0).all_actions(), [""; 0]);
        }
        assert_eq!(count(roll, "members"), 2);
        let report = roll.apply("2027-04-04T00:00:00Z", &tenant("acme", "")).expect_code(0);
        roll.tick("2027-04-04T00:00:01Z").expect_code(0);
        assert_eq!((count(roll, "members"), report.refused("Tenant", "acme")), (1, None));
    });
}

// R14, I2: what services report is recorded as ever.
#[test]
fn a_sign_in_of_a_frozen_member_is_recorded() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        roll.apply(LATER, &frozen(&jane_with(""))).expect_code(0);
        roll.sign_in(EVENING, "jane").ok();
        roll.tick(EVENING).expect_code(0);
        let before = jane(roll);
        assert_eq!((phase(&before), text(&before["status"], "firstSignInAt"), open_sessions(roll)), ("Active", EVENING, 1));
        assert_eq!(text(&row(roll, "update"), "cause"), "Service");
        assert_eq!(roll.query("SELECT count(*) FROM sign_ins WHERE NOT folded").as_deref(), Some("0"));
        roll.apply("2027-03-03T00:00:00Z", &jane_with("")).expect_code(0);
        assert_eq!((uid(&jane(roll)), phase(&jane(roll))), (uid(&before), "Active"));
    });
}

// R14, M33: another content of the Secret of a frozen member is not taken before the thaw.
#[test]
fn the_password_of_a_frozen_member_stays() {
    on_both(|roll| {
        let from_secret = "  password: {mode: FromSecret, secretKeyRef: {name: jane-password, key: password}}";
        roll.apply(START, &set(&[company(from_secret), secret("Kx7Tm2Qw")])).expect_code(0);
        roll.apply(LATER, &set(&[frozen(&jane_with(from_secret)), secret("Rz4-Pv9-Bn")])).expect_code(0);
        assert_eq!(answer(roll, LATER, "jane", "Kx7Tm2Qw"), "MustChange");
        roll.apply(EVENING, &set(&[jane_with(from_secret), secret("Rz4-Pv9-Bn")])).expect_code(0);
        assert_eq!(answer(roll, EVENING, "jane", "Rz4-Pv9-Bn"), "MustChange");
        assert_eq!(answer(roll, EVENING, "jane", "Kx7Tm2Qw"), "Refused");
    });
}

// R14: the annotation counts on a Tenant or a Member, and says so elsewhere.
#[test]
fn an_organization_is_not_frozen_by_itself() {
    on_both(|roll| {
        roll.apply(START, &set(&[company(""), frozen(&organization("team", "acme", ""))])).expect_code(0);
        let team = roll.get("Organization", "team");
        assert_eq!((ready(&team).0, condition(&team, "Frozen")), ("True", None));
        assert!(condition(&team, "NotApplicable").is_some());
    });
}

// R14, R4, M40: a move to a frozen company waits; what falls due in the member's own does not.
#[test]
fn a_member_that_is_to_move_to_a_frozen_company_lives_on_in_its_own() {
    on_both(|roll| {
        let group = "  corporateGroup: Blue\n";
        let umbra = tenant("umbra", &format!("{group}  supremeAdminRef: {{name: chief}}"));
        let dates = "  suspension: {from: 2027-04-01}";
        let all = |of: &str| {
            set(&[tenant("acme", group), boss("acme"), frozen(&umbra), member("chief", "umbra", ""), member("jane", of, dates)])
        };
        roll.apply(START, &all("acme").replace("annotations: {rollcall.dev/frozen: \"under audit\"}, ", "")).expect_code(0);
        let report = roll.apply(LATER, &all("umbra")).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("Frozen"));
        assert_eq!(roll.tick("2027-04-01T00:00:00Z").actions("Member", "jane"), ["suspend"]);
        assert_eq!((phase(&jane(roll)), ready(&jane(roll)).1), ("Suspended", "Frozen"));
        let report = roll.apply("2027-04-02T00:00:00Z", &umbra).expect_code(0);
        assert_eq!(report.actions("Member", "jane").first().map(String::as_str), Some("transfer"));
    });
}

// R14, T12: what blocks a frozen tenant's cancellation is told, and that its instant came; nothing of it happens.
#[test]
fn a_frozen_tenant_tells_of_its_cancellation_and_waits() {
    on_both(|roll| {
        let ending = ending(FREE, ", effectiveAt: \"2027-03-05\"");
        roll.apply(START, &set(&[tenant("acme", FREE), boss("acme"), member("june", "acme", "")])).expect_code(0);
        set_password(roll, "boss", "correct-horse");
        let all =
            |tenant: &str| set(&[tenant.to_owned(), confirmation("correct-horse"), boss("acme"), member("june", "acme", "")]);
        roll.apply(LATER, &all(&ending)).expect_code(1);
        roll.apply(EVENING, &all(&frozen(&ending))).expect_code(1);
        let acme = roll.get("Tenant", "acme");
        assert_eq!((phase(&acme), ready(&acme)), ("Cancelling", ("False", "CancellationBlocked")));
        assert_eq!(acme["status"]["cancellation"]["blockedBy"][0]["reason"], "MembersRemain");
        assert!(!told(&acme).contains("something fell due"), "{}", told(&acme));
        // Its instant comes, and is told once.
        roll.tick("2027-03-05T00:00:01Z");
        assert!(told(&roll.get("Tenant", "acme")).contains("something fell due"));
        let status = roll.get("Tenant", "acme")["status"].clone();
        roll.tick("2027-03-05T00:00:02Z");
        assert_eq!(roll.get("Tenant", "acme")["status"], status);
        assert_eq!(phase(&roll.get("Member", "june")), "Pending");
    });
}

// R14: whatever somebody gives as the reason, drift and dates are told.
#[test]
fn the_reason_of_a_freeze_hides_nothing() {
    on_both(|roll| {
        let of = |reason: &str| annotated(&jane_with("  suspension: {from: \"2027-03-04\"}"), "frozen", reason);
        roll.apply(START, &company("  suspension: {from: \"2027-03-04\"}")).expect_code(0);
        roll.apply(LATER, &of("it drifted, and fell due")).expect_code(0);
        assert_eq!(roll.sql("UPDATE members SET given_name = 'Janet' WHERE name = 'jane'"), Ok(1));
        roll.tick("2027-03-04T00:00:01Z");
        let told = told(&jane(roll));
        assert!(told.contains("something drifted") && told.contains("something fell due"), "{told}");
    });
}

// R14, R9: a removal that a freeze holds names what lets it go: the annotation of the object itself, or its tenant's thaw.
#[test]
fn a_removal_that_is_frozen_says_what_lets_it_go() {
    on_both(|roll| {
        let team = organization("team", "acme", "");
        roll.apply(START, &set(&[company(""), team.clone()])).expect_code(0);
        roll.apply(LATER, &set(&[frozen(&tenant("acme", "")), annotated(&jane_with(""), "frozen", "")])).expect_code(0);
        assert!(told(&jane(roll)).starts_with("Member `jane` is frozen (R14)"), "{}", told(&jane(roll)));
        let report = roll.apply_with(EVENING, &set(&[frozen(&tenant("acme", "")), boss("acme")]), &["--prune"]);
        let message = |kind: &str, name: &str| report.refused_message(kind, name).unwrap_or_default();
        assert_eq!(message("Organization", "team"), "Tenant `acme` is frozen: under audit (R14); it goes once that thaws");
        let jane = "Member `jane` is frozen (R14); apply it again without the annotation to let it go";
        assert_eq!(message("Member", "jane"), jane);
        // The word that is told is true of each.
        roll.apply("2027-03-03T09:00:00Z", &tenant("acme", "")).expect_code(1);
        assert_eq!((roll.find("Organization", "team"), pending_removals(roll)), (None, vec!["Member/jane Frozen".to_owned()]));
    });
}

// R8, R14: a reason may be any text, also one with what a database can't keep.
#[test]
fn a_reason_with_a_character_that_is_none_freezes_all_the_same() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        roll.apply(LATER, &annotated(&jane_with("  employeeNumber: \"7\""), "frozen", "au\\0dit"));
        assert_eq!(count(roll, "members WHERE employee_number = '7'"), 0);
        assert_eq!(roll.get("Member", "jane")["metadata"]["annotations"]["rollcall.dev/frozen"], "au\u{fffd}dit");
    });
}
