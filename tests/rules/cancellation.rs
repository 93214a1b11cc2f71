//! The end of a tenant: what blocks it, when it is carried out, what is left of it (T12).
//! Never about the search for what was not erased, which is `erasure`. Run by `make test`.

use serde_json::{Value, json};

use crate::password;
use crate::support::{
    Output, Report, Roster, annotated, boss, condition, member, on_both, organization, phase, ready, set, tenant,
};

const NOW: &str = "2027-03-01T09:00:00Z";
const LATER: &str = "2027-03-02T09:00:00Z";
const AFTERWARDS: &str = "2027-03-03T09:00:00Z";

pub const FREE: &str = "  products: {core: {plan: Free}}\n";

/// `acme` to be cancelled, with further lines of its spec and of the cancellation.
pub fn ending(spec: &str, more: &str) -> String {
    let confirmation = "confirmation: {secretKeyRef: {name: farewell, key: password}}";
    tenant("acme", &format!("{spec}  cancellation: {{reason: CompanyClosed, {confirmation}{more}}}"))
}

/// The Secret that confirms.
pub fn secret(password: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: farewell}}\nstringData: {{password: {password}}}\n")
}

/// Sets the password of a member behind Rollcall's back.
pub fn set_password(roll: &Roster, member: &str, text: &str) {
    let uid = roll.query(&format!("SELECT uid FROM members WHERE name = '{member}'")).unwrap();
    password::set(roll, &uid, text);
}

/// `acme` with a boss who has a password.
fn begin(roll: &Roster, spec: &str, others: Vec<String>) {
    roll.apply(NOW, &set(&[vec![tenant("acme", spec), boss("acme")], others].concat())).expect_code(0);
    set_password(roll, "boss", "correct-horse");
}

fn end(roll: &Roster, now: &str, spec: &str, more: &str) -> Report {
    roll.apply(now, &set(&[ending(spec, more), secret("correct-horse")]))
}

fn blocked(roll: &Roster) -> Vec<String> {
    let acme = roll.get("Tenant", "acme");
    let list = acme["status"]["cancellation"]["blockedBy"].as_array().cloned().unwrap_or_default();
    let reasons: Vec<String> = list.iter().map(|block| block["reason"].as_str().unwrap_or_default().to_owned()).collect();
    let told = condition(&acme, "CancellationBlocked").map(|condition| condition["reason"].as_str().unwrap_or_default());
    assert_eq!(told.unwrap_or_default(), reasons.join(","));
    reasons
}

fn billing(roll: &Roster, now: &str, args: &[&str]) -> Output {
    roll.run(&[&["billing"], args, &["--now", now, "-n", "hr"]].concat(), "").ok()
}

fn charge(roll: &Roster, now: &str, month: &str, amount: &str) {
    billing(roll, now, &["add", "acme", "--month", month, "--amount", amount, "--currency", "KRW", "--due", "2027-03-25"]);
}

// T12
#[test]
fn everything_that_blocks_is_told_at_once() {
    on_both(|roll| {
        begin(roll, "", vec![member("jane", "acme", ""), member("june", "acme", "")]);
        let both = set(&[tenant("acme", ""), boss("acme"), member("june", "acme", "")]);
        roll.apply_with(LATER, &both, &["--prune"]).expect_code(0);
        charge(roll, LATER, "2027-01", "5");
        let report = roll.apply(LATER, &set(&[ending("", ""), secret("wrong")])).expect_code(1);
        assert_eq!(report.refused("Tenant", "acme").as_deref(), Some("CancellationBlocked"));
        let message = report.refused_message("Tenant", "acme").unwrap_or_default();
        for part in [
            "MembersRemain: 1 beside the supreme administrator",
            "1 in grace, the last until 2027-03-09T09:00:00Z",
            "UnpaidCharges: pay 2027-01 (5 KRW)",
            "CurrentMonthUnpaid: there is no charge of 2027-03 yet",
            "ConfirmationRejected",
        ] {
            assert!(message.contains(part), "{part} is not in {message}");
        }
        assert!(!format!("{}{}", report.json, report.stderr).contains("wrong"), "R7");
        assert_eq!(blocked(roll), ["MembersRemain", "UnpaidCharges", "CurrentMonthUnpaid", "ConfirmationRejected"]);
        let acme = roll.get("Tenant", "acme");
        assert_eq!((phase(&acme), ready(&acme)), ("Cancelling", ("False", "CancellationBlocked")));
        assert!(condition(&acme, "Reconciling").is_some());
        let described = roll.run(&["describe", "tenant", "acme", "-n", "hr"], "").ok().stdout;
        for part in ["month 2027-01", "reason MembersRemain", "CancellationBlocked=True MembersRemain,UnpaidCharges"] {
            assert!(described.contains(part), "{part} is not in {described}");
        }
    });
}

// T12: what is done falls off the list by itself, and the last of it carries the cancellation out.
#[test]
fn what_no_longer_blocks_falls_off_the_list() {
    on_both(|roll| {
        begin(roll, "", vec![member("jane", "acme", "")]);
        charge(roll, NOW, "2027-02", "5");
        charge(roll, NOW, "2027-03", "7");
        end(roll, NOW, "", "").expect_code(1);
        assert_eq!(blocked(roll), ["MembersRemain", "UnpaidCharges", "CurrentMonthUnpaid"]);
        billing(roll, NOW, &["pay", "acme", "--month", "2027-02"]);
        assert_eq!(blocked(roll), ["MembersRemain", "CurrentMonthUnpaid"]);
        billing(roll, NOW, &["pay", "acme"]);
        assert_eq!(blocked(roll), ["MembersRemain"]);
        let rest = set(&[ending("", ""), secret("correct-horse"), boss("acme")]);
        roll.apply_with(LATER, &rest, &["--prune"]);
        let message = roll.get("Tenant", "acme")["status"]["cancellation"]["blockedBy"][0]["message"].clone();
        assert_eq!(message, "1 in grace, the last until 2027-03-09T09:00:00Z: wait, or declare purgeDeletedMembers: true");
        // Without the Secret at hand: it was confirmed before.
        assert_eq!(roll.tick("2027-03-09T08:59:59Z").expect_code(0).all_actions(), [""; 0]);
        // What is still declared of it is refused from then on.
        let report = roll.tick("2027-03-09T09:00:00Z").expect_code(1);
        assert_eq!(report.actions("Member", "jane"), ["purge"]);
        assert_eq!(
            (report.actions("Tenant", "acme"), report.actions("Member", "boss")),
            (vec!["cancel".to_owned()], vec!["purge".to_owned()])
        );
        assert_eq!(phase(&roll.get("Tenant", "acme")), "Cancelled");
    });
}

// T12: Free and Trial alone are not paid for; drive and approval are, also without core.
#[test]
fn the_current_month_is_paid_unless_nothing_is_paid_for() {
    on_both(|roll| {
        for (products, paid_for) in [
            ("{core: {plan: Free}, drive: {}}", true),
            ("{core: {plan: Trial}, approval: {}}", true),
            ("{drive: {}}", true),
            ("{core: {plan: Lite}}", true),
            ("{core: {plan: Free}}", false),
            ("{core: {plan: Trial}}", false),
        ] {
            let roll = roll.another();
            let spec = format!("  products: {products}\n");
            begin(&roll, &spec, vec![]);
            // It is March already in Seoul, and there its own charge counts: none of an earlier month is missed.
            end(&roll, LATER, &spec, "");
            assert_eq!(blocked(&roll), if paid_for { vec!["CurrentMonthUnpaid"] } else { vec![] }, "{products}");
            if paid_for {
                charge(&roll, LATER, "2027-03", "0");
            }
            assert_eq!(phase(&roll.get("Tenant", "acme")), "Cancelled", "{products}: an amount of nothing is paid");
        }
    });
}

// T12: the current month is the one in the tenant's time zone.
#[test]
fn the_month_is_that_of_the_tenants_time_zone() {
    on_both(|roll| {
        let seoul = "  timeZone: Asia/Seoul\n";
        begin(roll, seoul, vec![]);
        let (march, april) = ("2027-03-31T14:59:59Z", "2027-03-31T15:00:00Z");
        charge(roll, march, "2027-03", "5");
        end(roll, march, seoul, "").expect_code(1);
        assert_eq!(blocked(roll), ["CurrentMonthUnpaid"]);
        roll.tick(april).expect_code(1);
        assert_eq!(blocked(roll), ["UnpaidCharges", "CurrentMonthUnpaid"]);
    });
}

// T12
#[test]
fn without_a_password_of_the_supreme_admin_nothing_can_be_confirmed() {
    on_both(|roll| {
        roll.apply(NOW, &set(&[tenant("acme", FREE), boss("acme"), member("jane", "acme", "")])).expect_code(0);
        end(roll, NOW, FREE, "").expect_code(1);
        assert_eq!(blocked(roll), ["MembersRemain", "ConfirmationImpossible"]);
        let message = roll.get("Tenant", "acme")["status"]["cancellation"]["blockedBy"][1]["message"].clone();
        assert!(message.as_str().unwrap_or_default().contains("spec.password"), "{message}");
        set_password(roll, "boss", "correct-horse");
        roll.apply(LATER, &ending(FREE, "")).expect_code(1);
        assert_eq!(blocked(roll), ["MembersRemain", "ConfirmationRejected"]);
        let message = roll.get("Tenant", "acme")["status"]["cancellation"]["blockedBy"][1]["message"].clone();
        assert!(
            message.as_str().unwrap_or_default().contains("the Secret `farewell`")
                && message.to_string().contains("not among the manifests"),
            "{message}"
        );
        let misspelt = secret("correct-horse").replace("password:", "pasword:");
        roll.apply(LATER, &set(&[ending(FREE, ""), misspelt])).expect_code(1);
        let message = roll.get("Tenant", "acme")["status"]["cancellation"]["blockedBy"][1]["message"].clone();
        assert!(message.as_str().unwrap_or_default().contains("the Secret has no such key"), "{message}");
        // In base64, as `kubectl create secret --from-file` leaves it: with a line break at the end.
        let encoded = "apiVersion: v1\nkind: Secret\nmetadata: {name: farewell}\ndata: {password: Y29ycmVjdC1ob3JzZQo=}\n";
        roll.apply(LATER, &set(&[ending(FREE, ""), encoded.to_owned()])).expect_code(1);
        assert_eq!(blocked(roll), ["MembersRemain"]);
        // It is the password of whoever holds the role.
        let handed_over = ending(&format!("{FREE}  supremeAdminRef: {{name: jane}}\n"), "");
        roll.apply(AFTERWARDS, &set(&[handed_over, secret("correct-horse")])).expect_code(1);
        assert_eq!(blocked(roll), ["MembersRemain", "ConfirmationImpossible"]);
    });
}

// T12: a password that was changed is no longer confirmed.
#[test]
fn a_confirmation_holds_while_the_password_stays() {
    on_both(|roll| {
        begin(roll, FREE, vec![]);
        end(roll, NOW, FREE, ", effectiveAt: \"2027-04-01\"").expect_code(0);
        set_password(roll, "boss", "another-horse");
        roll.tick("2027-04-01T00:00:00Z");
        assert_eq!(phase(&roll.get("Tenant", "acme")), "Cancelling");
        assert_eq!(blocked(roll), ["ConfirmationRejected"]);
    });
}

// T12
#[test]
fn a_cancellation_is_carried_out_at_its_instant() {
    on_both(|roll| {
        begin(roll, FREE, vec![organization("platform", "acme", "")]);
        let april = ", effectiveAt: \"2027-04-01\"";
        end(roll, LATER, &format!("{FREE}  timeZone: Asia/Seoul\n"), april).expect_code(0);
        let acme = roll.get("Tenant", "acme");
        assert_eq!((phase(&acme), ready(&acme)), ("Cancelling", ("True", "Cancelling")));
        assert_eq!(acme["status"]["cancellation"]["effectiveAt"], "2027-03-31T15:00:00Z");
        roll.tick("2027-03-31T14:59:59Z").expect_code(0);
        assert_eq!(phase(&roll.get("Tenant", "acme")), "Cancelling");
        let report = roll.tick("2027-03-31T16:00:00Z").expect_code(1);
        assert_eq!(report.actions("Tenant", "acme"), ["cancel"]);
        let row = roll.history("Tenant", "acme").pop().unwrap();
        assert_eq!((&row["action"], &row["cause"]), (&json!("cancel"), &json!("Scheduled")));
        assert_eq!((&row["due"], &row["at"]), (&json!("2027-03-31T15:00:00Z"), &json!("2027-03-31T16:00:00Z")));
    });
}

// T12
#[test]
fn members_in_grace_may_be_purged_at_once() {
    on_both(|roll| {
        begin(roll, FREE, vec![member("jane", "acme", ""), member("june", "acme", "")]);
        let june = || member("june", "acme", "");
        roll.apply_with(NOW, &set(&[tenant("acme", FREE), boss("acme"), june()]), &["--prune"]).expect_code(0);
        let purging = || ending(FREE, ", purgeDeletedMembers: true");
        let report = roll.apply(LATER, &set(&[purging(), secret("correct-horse"), boss("acme"), june()])).expect_code(1);
        assert_eq!(report.actions("Member", "jane"), ["purge"]);
        assert_eq!(blocked(roll), ["MembersRemain"]);
        // One that is deleted while the tenant is to be cancelled goes at once, too; and with it the tenant.
        let report = roll.apply_with(LATER, &set(&[purging(), secret("correct-horse"), boss("acme")]), &["--prune"]);
        assert_eq!(report.actions("Member", "june"), ["delete", "purge"]);
        assert_eq!(phase(&roll.get("Tenant", "acme")), "Cancelled");
        assert_eq!(roll.query("SELECT count(*) FROM members").as_deref(), Some("0"));
    });
}

// T12: a declaration that nobody confirmed, or that is for later, purges nobody.
#[test]
fn nobody_is_purged_at_once_before_the_cancellation_is_confirmed_and_due() {
    on_both(|roll| {
        begin(roll, FREE, vec![member("jane", "acme", "")]);
        let set_of = |secret_is: &str, more: &str| set(&[ending(FREE, more), secret(secret_is), boss("acme")]);
        let report = roll.apply_with(NOW, &set_of("wrong", ", purgeDeletedMembers: true"), &["--prune"]);
        assert_eq!(report.actions("Member", "jane"), ["delete"]);
        let later = ", purgeDeletedMembers: true, effectiveAt: \"2027-03-04T00:00:00Z\"";
        let report = roll.apply(LATER, &set_of("correct-horse", later)).expect_code(0);
        assert_eq!(report.actions("Member", "jane"), [""; 0]);
        // Only a date is left (R11).
        let acme = roll.get("Tenant", "acme");
        assert_eq!((phase(&acme), ready(&acme), blocked(roll).len()), ("Cancelling", ("True", "Cancelling"), 0));
        roll.tick("2027-03-04T00:00:01Z");
        assert_eq!(phase(&roll.get("Tenant", "acme")), "Cancelled");
        assert_eq!(roll.query("SELECT count(*) FROM members").as_deref(), Some("0"));
    });
}

// T12
#[test]
fn a_withdrawn_cancellation_returns_to_active() {
    on_both(|roll| {
        begin(roll, FREE, vec![]);
        end(roll, NOW, FREE, ", effectiveAt: \"2027-04-01\"").expect_code(0);
        roll.apply(LATER, &tenant("acme", FREE)).expect_code(0);
        let acme = roll.get("Tenant", "acme");
        assert_eq!((phase(&acme), ready(&acme).0, &acme["status"]["cancellation"]), ("Active", "True", &Value::Null));
        assert_eq!(roll.tick("2027-04-02T00:00:00Z").expect_code(0).all_actions(), [""; 0]);
        assert_eq!(phase(&roll.get("Tenant", "acme")), "Active");
    });
}

// T12, M24: who is wanted back by the set is restored, and in the way.
#[test]
fn nobody_whose_manifest_is_back_is_purged_at_once() {
    on_both(|roll| {
        begin(roll, FREE, vec![member("jane", "acme", "")]);
        roll.apply_with(NOW, &set(&[tenant("acme", FREE), boss("acme")]), &["--prune"]).expect_code(0);
        let back =
            [ending(FREE, ", purgeDeletedMembers: true"), secret("correct-horse"), boss("acme"), member("jane", "acme", "")];
        let report = roll.apply_with(LATER, &set(&back), &["--prune"]).expect_code(1);
        assert_eq!(report.actions("Member", "jane"), ["restore"]);
        assert_eq!(blocked(roll), ["MembersRemain"]);
    });
}

// T12, R14: the supreme administrator goes with the tenant, and not while frozen.
#[test]
fn a_frozen_supreme_admin_is_in_the_way() {
    on_both(|roll| {
        begin(roll, FREE, vec![]);
        roll.apply(NOW, &annotated(&boss("acme"), "frozen", "audit")).expect_code(0);
        let report = end(roll, LATER, FREE, "").expect_code(1);
        let message = report.refused_message("Tenant", "acme").unwrap_or_default();
        assert!(message.contains("the supreme administrator `boss` is frozen: audit"), "{message}");
        assert_eq!(blocked(roll), ["Frozen"]);
        let report = roll.apply(AFTERWARDS, &boss("acme"));
        assert_eq!(report.actions("Tenant", "acme"), ["cancel"]);
    });
}

// T12, M25: what was ordered for a device is finished first.
#[test]
fn an_order_for_a_device_in_progress_is_in_the_way() {
    on_both(|roll| {
        begin(roll, FREE, vec![]);
        let record = |words: &[&str]| {
            roll.run(&[&["record", "device", "boss", "phone"], words, &["--now", LATER, "-n", "hr"]].concat(), "").ok()
        };
        record(&["--app", "mobile"]);
        let ordered = format!("{}  devices: [{{id: phone, action: DeviceReset, token: lost-1}}]\n", boss("acme"));
        roll.apply(LATER, &ordered).expect_code(0);
        let report = end(roll, LATER, FREE, "").expect_code(1);
        let message = report.refused_message("Tenant", "acme").unwrap_or_default();
        assert!(message.contains("an order for a device of the supreme administrator `boss` is in progress"), "{message}");
        assert_eq!((phase(&roll.get("Tenant", "acme")), blocked(roll)), ("Cancelling", vec!["MembersRemain".to_owned()]));
        let told = record(&["--done", "DeviceReset/lost-1"]).stderr;
        assert!(told.contains("with it: cancel Tenant hr/acme"), "{told}");
        assert_eq!(phase(&roll.get("Tenant", "acme")), "Cancelled");
    });
}

// T12, R4: what was withdrawn, or put off, while nobody ran counts, though its instant has passed.
#[test]
fn a_cancellation_that_was_withdrawn_while_nobody_ran_is_not_carried_out() {
    on_both(|roll| {
        begin(roll, FREE, vec![]);
        end(roll, NOW, FREE, ", effectiveAt: \"2027-04-01\"").expect_code(0);
        let report = end(roll, "2027-04-02T00:00:00Z", FREE, ", effectiveAt: \"2027-05-01\"").expect_code(0);
        assert_eq!(report.actions("Tenant", "acme"), ["update"]);
        assert_eq!(phase(&roll.get("Tenant", "acme")), "Cancelling");
        let withdrawn = set(&[tenant("acme", FREE), boss("acme")]);
        assert_eq!(roll.plan("2027-05-02T00:00:00Z", &withdrawn, &[]).actions("Tenant", "acme"), ["update"]);
        roll.apply("2027-05-02T00:00:00Z", &withdrawn).expect_code(0);
        assert_eq!(phase(&roll.get("Tenant", "acme")), "Active");
    });
}

// T12, R2: a password that comes with the cancellation confirms it, and what that does is told and planned.
#[test]
fn a_cancellation_that_waited_for_the_password_is_told_in_the_same_run() {
    on_both(|roll| {
        roll.apply(NOW, &set(&[tenant("acme", FREE), boss("acme")])).expect_code(0);
        let with_password =
            format!("{}  password: {{mode: FromSecret, secretKeyRef: {{name: farewell, key: password}}}}\n", boss("acme"));
        let everything = set(&[ending(FREE, ""), secret("correct-h0rse"), with_password]);
        let planned = roll.plan(LATER, &everything, &[]);
        let report = roll.apply(LATER, &everything);
        assert_eq!(phase(&roll.get("Tenant", "acme")), "Cancelled");
        for told in [&planned, &report] {
            assert_eq!(told.actions("Tenant", "acme"), ["update", "cancel"]);
        }
        assert_eq!(planned.json["fingerprint"], report.json["fingerprint"]);
    });
}

// T12
#[test]
fn while_cancelling_no_new_member_is_taken() {
    on_both(|roll| {
        begin(roll, FREE, vec![member("jane", "acme", "")]);
        end(roll, NOW, FREE, "").expect_code(1);
        let report =
            roll.apply(LATER, &set(&[member("jane", "acme", "  nickname: J"), member("new", "acme", "")])).expect_code(1);
        assert_eq!(
            (report.refused("Member", "new").as_deref(), report.refused("Member", "jane")),
            (Some("TenantCancelling"), None)
        );
        assert_eq!(report.actions("Member", "jane"), ["update"]);
        roll.apply(AFTERWARDS, &tenant("acme", FREE)).expect_code(0);
        assert_eq!(phase(&roll.get("Member", "new")), "Pending");
    });
}

// T12
#[test]
fn what_is_cancelled_is_final() {
    on_both(|roll| {
        begin(roll, FREE, vec![organization("platform", "acme", "")]);
        let everything = || set(&[ending(FREE, ""), secret("correct-horse"), boss("acme"), organization("platform", "acme", "")]);
        let uid = roll.get("Tenant", "acme")["status"]["uid"].clone();
        let report = roll.apply(LATER, &everything());
        assert_eq!(report.actions("Tenant", "acme"), ["update", "cancel"]);
        assert_eq!(
            (report.actions("Member", "boss"), report.actions("Organization", "platform")),
            (vec!["purge".to_owned()], vec!["delete".to_owned()])
        );
        let acme = roll.get("Tenant", "acme");
        assert_eq!((phase(&acme), ready(&acme), &acme["status"]["uid"]), ("Cancelled", ("True", "Cancelled"), &uid));
        assert_eq!(acme["status"]["cancellation"]["cancelledAt"], LATER);
        for (kind, name) in [("Member", "boss"), ("Organization", "platform")] {
            assert_eq!(ready(&roll.get(kind, name)), ("False", "TenantCancelled"), "{name}");
        }
        for table in ["members", "organizations", "assignments", "claims", "credentials"] {
            assert_eq!(roll.query(&format!("SELECT count(*) FROM {table}")).as_deref(), Some("0"), "{table}");
        }
        // Applied again, nothing comes back.
        let report = roll.apply(AFTERWARDS, &everything()).expect_code(1);
        assert_eq!(report.all_actions(), [""; 0]);
        assert_eq!(report.refused("Member", "boss").as_deref(), Some("TenantCancelled"));
        // Its name is not used again, also when its resource was away.
        roll.apply(AFTERWARDS, &tenant("acme", "")).expect_code(1);
        assert_eq!(ready(&roll.get("Tenant", "acme")), ("False", "TenantCancelled"));
        let report = roll.apply(AFTERWARDS, &member("jane", "acme", "")).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("TenantCancelled"));
        // The domain is free.
        let globex = tenant("globex", "  domain: acme.example\n  supremeAdminRef: {name: chief}");
        roll.apply(AFTERWARDS, &set(&[globex, member("chief", "globex", "")])).expect_code(0);
    });
}

// T12, T13
#[test]
fn a_cancelled_tenant_is_charged_nothing() {
    on_both(|roll| {
        begin(roll, FREE, vec![]);
        charge(roll, NOW, "2027-02", "0");
        end(roll, LATER, FREE, "");
        assert_eq!(roll.query("SELECT count(*) FROM charges").as_deref(), Some("0"));
        let args = ["billing", "pay", "acme", "--now", LATER, "-n", "hr"];
        assert_eq!(roll.run(&args, "").code, 1);
    });
}

// T12: nobody is asked twice, and nothing is done, before the plan was read.
#[test]
fn a_plan_tells_what_is_erased_or_what_is_left_to_do() {
    on_both(|roll| {
        begin(roll, FREE, vec![organization("platform", "acme", ""), member("jane", "acme", "")]);
        let files = set(&[ending(FREE, ""), secret("correct-horse")]);
        let plan = roll.plan(LATER, &files, &[]).expect_code(2);
        let message = plan.refused_message("Tenant", "acme").unwrap_or_default();
        assert!(
            message.contains("MembersRemain") && message.contains("erased for good") && message.contains("rollcall get"),
            "{message}"
        );
        roll.apply_with(NOW, &set(&[tenant("acme", FREE), boss("acme"), organization("platform", "acme", "")]), &["--prune"]);
        roll.tick("2027-03-09T00:00:00Z");
        roll.tick("2027-03-10T00:00:00Z");
        let plan = roll.plan("2027-03-11T00:00:00Z", &files, &[]);
        let mut actions = plan.all_actions();
        actions.sort();
        assert_eq!(actions, ["cancel Tenant/acme", "delete Organization/platform", "purge Member/boss", "update Tenant/acme"]);
        assert!(
            plan.stderr.contains("erases everything") && plan.stderr.contains("1 member, 1 organization,"),
            "{}",
            plan.stderr
        );
        assert_eq!(phase(&roll.get("Tenant", "acme")), "Active", "a plan writes nothing");
        // A forecast carries it out at its instant.
        let dated = set(&[ending(FREE, ", effectiveAt: \"2027-05-01\""), secret("correct-horse")]);
        let forecast = roll.plan("2027-03-11T00:00:00Z", &dated, &["--at", "2027-06-01"]);
        assert_eq!(forecast.actions("Tenant", "acme"), ["update", "cancel"]);
    });
}

// T12, R4: what a month's charge held up is as of the month that lets it go, not of the instant that was declared.
#[test]
fn a_cancellation_that_a_month_held_up_is_as_of_the_next() {
    on_both(|roll| {
        let paid = "  products: {core: {plan: Lite}}\n";
        begin(roll, paid, vec![]);
        charge(roll, NOW, "2027-05", "0");
        let dated = set(&[ending(paid, ", effectiveAt: \"2027-04-10\""), secret("correct-horse")]);
        let cancelled = |report: &Report| {
            let changes = report.json["changes"].as_array().cloned().unwrap_or_default();
            changes.iter().find(|change| change["action"] == "cancel").map(|change| change["at"].clone())
        };
        let forecast = roll.plan(LATER, &dated, &["--at", "2027-06-01"]);
        assert_eq!(cancelled(&forecast), Some(json!("2027-05-01T00:00:00Z")), "{:#}", forecast.json);
        roll.apply(LATER, &dated).expect_code(1);
        assert_eq!(cancelled(&roll.tick("2027-04-30T00:00:00Z")), None);
        assert_eq!(cancelled(&roll.tick("2027-05-02T00:00:00Z")), Some(json!("2027-05-01T00:00:00Z")));
    });
}

// T14: while nobody declares the tenant, its cancellation waits.
#[test]
fn a_tenant_whose_resource_is_gone_is_not_cancelled() {
    on_both(|roll| {
        begin(roll, FREE, vec![]);
        end(roll, NOW, FREE, ", effectiveAt: \"2027-04-01\"").expect_code(0);
        roll.sql("UPDATE tenants SET managed = FALSE, revision = revision + 1").unwrap();
        assert_eq!(roll.tick("2027-04-02T00:00:00Z").all_actions(), [""; 0]);
        assert_eq!(roll.query("SELECT count(*) FROM members").as_deref(), Some("1"));
        end(roll, "2027-04-03T00:00:00Z", FREE, ", effectiveAt: \"2027-04-02\"");
        assert_eq!(phase(&roll.get("Tenant", "acme")), "Cancelled");
    });
}
