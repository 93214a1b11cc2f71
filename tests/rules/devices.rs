//! What is ordered for devices (M28), also at a departure (M23) and before a purge (M25). Never about sign-ins, which
//! `access` is about. Run by `make test`.

use serde_json::{Value, json};

use crate::life::{START, company, company_of, company_without_jane, count, jane, jane_with, row, timing};
use crate::support::{Output, Roster, annotated, condition, member, on_both, phase, ready, set, tenant};

const NEXT_DAY: &str = "2027-03-02T09:00:00Z";
const LATER: &str = "2027-03-03T09:00:00Z";

fn run(roll: &Roster, now: &str, words: &[&str]) -> Output {
    roll.run(&[words, &["--now", now, "-n", "hr"]].concat(), "")
}

/// Jane has a phone that is managed, and a laptop that is not.
fn with_devices(roll: &Roster, fields: &str) {
    roll.apply(START, &company(fields)).expect_code(0);
    let phone = ["record", "device", "jane", "phone", "--app", "mobile", "--version", "4.1"];
    run(roll, "2027-03-01T09:30:00Z", &phone).ok();
    run(roll, "2027-03-01T09:31:00Z", &["record", "device", "jane", "laptop", "--app", "pc", "--unmanaged"]).ok();
}

fn order(device: &str, action: &str, token: &str) -> String {
    format!("  devices: [{{id: {device}, action: {action}, token: {token}}}]")
}

fn done(roll: &Roster, now: &str, device: &str, order: &str) -> Output {
    run(roll, now, &["record", "device", "jane", device, "--done", order])
}

/// The orders in Jane's status: device, action and state.
fn orders(roll: &Roster) -> Vec<[String; 3]> {
    let jane = jane(roll);
    let field = |order: &Value, name: &str| order[name].as_str().unwrap_or_default().to_owned();
    let list = jane["status"]["devices"].as_array().into_iter().flatten();
    list.map(|order| ["id", "action", "state"].map(|name| field(order, name))).collect()
}

fn one(device: &str, action: &str, state: &str) -> Vec<[String; 3]> {
    vec![[device.to_owned(), action.to_owned(), state.to_owned()]]
}

/// The tokens of the orders for a device in Jane's status.
fn orders_of(roll: &Roster, device: &str) -> Vec<String> {
    let jane = jane(roll);
    let list = jane["status"]["devices"].as_array().into_iter().flatten();
    list.filter(|order| order["id"] == device).map(|order| order["token"].as_str().unwrap_or_default().to_owned()).collect()
}

/// How many orders there are in the outbox, acknowledged or not.
fn sent(roll: &Roster) -> u32 {
    count(roll, "outbox WHERE consumer = 'devices'")
}

// M28: one order is carried out once, told in the trail, and done when the service says so; a new token orders again.
#[test]
fn an_order_is_carried_out_once_and_done_when_the_service_says_so() {
    on_both(|roll| {
        with_devices(roll, "");
        roll.apply(NEXT_DAY, &jane_with(&order("phone", "DeviceReset", "lost-1"))).expect_code(0);
        assert_eq!(orders(roll), one("phone", "DeviceReset", "Ordered"));
        assert_eq!(count(roll, "outbox WHERE consumer = 'devices' AND acknowledged_at IS NULL"), 1);
        let told = row(roll, "update");
        assert_eq!(timing(&told).2, "Declared");
        let fields = told["fields"].as_array().cloned().unwrap_or_default();
        let change = fields.iter().find(|field| field["path"] == "deviceOrders").map(|field| field["to"].clone());
        assert_eq!(change, Some(json!([{"device": "phone", "action": "DeviceReset", "token": "lost-1", "state": "Ordered"}])));

        done(roll, "2027-03-02T10:00:00Z", "phone", "DeviceReset/lost-1").ok();
        assert_eq!(orders(roll), one("phone", "DeviceReset", "Done"));
        assert_eq!(count(roll, "outbox WHERE consumer = 'devices' AND acknowledged_at IS NULL"), 0);
        assert_eq!(timing(&row(roll, "update")).2, "Service");
        assert_eq!(count(roll, "news") + count(roll, "device_requests"), 0);

        // A later sign-in of the device is not touched.
        run(roll, "2027-03-02T11:00:00Z", &["record", "device", "jane", "phone", "--app", "mobile"]).ok();
        let again = format!("{}\n  nickname: J", order("phone", "DeviceReset", "lost-1"));
        roll.apply(LATER, &jane_with(&again)).expect_code(0);
        assert_eq!((sent(roll), orders(roll)), (1, one("phone", "DeviceReset", "Done")));
        roll.apply("2027-03-04T09:00:00Z", &jane_with(&order("phone", "DeviceReset", "lost-2"))).expect_code(0);
        assert_eq!((sent(roll), orders(roll).len()), (2, 2));
    });
}

// I2, M28: whoever acknowledges the order in the outbox has done it.
#[test]
fn an_order_that_a_service_acknowledges_is_done() {
    on_both(|roll| {
        with_devices(roll, "");
        roll.apply(NEXT_DAY, &jane_with(&order("phone", "AppDataDeleted", "a"))).expect_code(0);
        let acknowledge = "UPDATE outbox SET acknowledged_at = 1803981600000000 WHERE consumer = 'devices'";
        assert_eq!(roll.sql(acknowledge), Ok(1));
        roll.tick("2027-03-02T12:00:00Z").expect_code(0);
        assert_eq!(orders(roll), one("phone", "AppDataDeleted", "Done"));
    });
}

// M28: what is not ordered can't be done; a wrong name says what is in progress.
#[test]
fn only_an_order_in_progress_can_be_reported_done() {
    on_both(|roll| {
        with_devices(roll, &order("phone", "DeviceReset", "at-birth"));
        // R13: a token that was there when the record was made orders nothing.
        assert_eq!((sent(roll), orders(roll)), (0, Vec::new()));
        roll.apply(NEXT_DAY, &jane_with(&order("phone", "SignedOut", "b"))).expect_code(0);
        let refused = done(roll, "2027-03-02T10:00:00Z", "phone", "SignedOut/c");
        assert_eq!(refused.code, 1);
        assert!(refused.stderr.contains("SignedOut/b"), "{refused}");
        assert_eq!(done(roll, "2027-03-02T10:00:00Z", "laptop", "SignedOut/b").code, 1);
        assert_eq!(orders(roll), one("phone", "SignedOut", "Ordered"));
    });
}

// M28: unknown and unmanaged devices are conditions; nothing is ordered for them, now or later.
#[test]
fn unknown_and_unmanaged_devices_are_told_and_left_alone() {
    on_both(|roll| {
        with_devices(roll, "");
        roll.apply(NEXT_DAY, &jane_with(&order("watch", "DeviceReset", "a"))).expect_code(0);
        let told = jane(roll);
        assert!(condition(&told, "DeviceUnknown").is_some_and(|told| told["message"].to_string().contains("watch")));
        assert_eq!((sent(roll), ready(&told).0), (0, "True"));
        run(roll, "2027-03-02T10:00:00Z", &["record", "device", "jane", "watch", "--app", "mobile"]).ok();
        roll.apply("2027-03-02T11:00:00Z", &jane_with(&format!("{}\n  nickname: J", order("watch", "DeviceReset", "a"))))
            .expect_code(0);
        assert_eq!(sent(roll), 0, "a device that comes later is not reset by an old order");

        roll.apply(LATER, &jane_with(&order("laptop", "AppDataDeleted", "b"))).expect_code(0);
        let told = jane(roll);
        assert!(condition(&told, "DeviceUnmanaged").is_some() && condition(&told, "DeviceUnknown").is_none());
        roll.apply("2027-03-04T09:00:00Z", &jane_with(&order("laptop", "SignedOut", "c"))).expect_code(0);
        assert_eq!(sent(roll), 1, "any device can be signed out");
        assert!(condition(&jane(roll), "DeviceUnmanaged").is_none());
    });
}

// M23: a departure orders the same for all devices, as of its own instant.
#[test]
fn a_departure_orders_for_all_devices() {
    on_both(|roll| {
        with_devices(roll, "  departure: {at: \"2027-03-10\", devices: DeviceReset}");
        assert_eq!(orders(roll), Vec::<[String; 3]>::new());
        roll.tick("2027-03-10T08:00:00Z").expect_code(0);
        assert_eq!(phase(&jane(roll)), "Deleted");
        let states = ["laptop", "phone"].map(str::to_owned);
        assert_eq!(orders(roll).iter().map(|order| order[0].clone()).collect::<Vec<_>>(), states);
        assert_eq!(orders(roll).iter().map(|order| order[2].as_str()).collect::<Vec<_>>(), ["DeviceUnmanaged", "Ordered"]);
        assert_eq!(sent(roll), 1);
    });
}

// R4, T14: what falls due and can't be undone waits while nobody declares the tenant.
#[test]
fn the_orders_of_a_departure_wait_while_nobody_declares_the_tenant() {
    on_both(|roll| {
        let departure = "  departure: {at: \"2027-03-10\", devices: DeviceReset}";
        with_devices(roll, departure);
        assert_eq!(roll.sql("UPDATE tenants SET managed = NOT managed, revision = revision + 1"), Ok(1));
        roll.tick("2027-03-10T08:00:00Z").expect_code(0);
        let state = |roll: &Roster| orders(roll).into_iter().map(|[_, _, state]| state).nth(1).unwrap_or_default();
        assert_eq!((phase(&jane(roll)), state(roll).as_str(), sent(roll)), ("Deleted", "Waiting", 0));
        roll.apply("2027-03-11T08:00:00Z", &company_of("  displayName: Acme again", departure)).expect_code(0);
        assert_eq!((state(roll).as_str(), sent(roll)), ("Ordered", 1));
    });
}

// R4, T14, M23: also while an order of before is not acknowledged.
#[test]
fn the_orders_of_a_departure_that_waited_are_sent_beside_one_that_is_in_progress() {
    on_both(|roll| {
        let fields = "  departure: {at: \"2027-03-10\", devices: DeviceReset}";
        with_devices(roll, fields);
        let before = format!("{fields}\n{}", order("phone", "SignedOut", "before"));
        roll.apply(NEXT_DAY, &jane_with(&before)).expect_code(0);
        assert_eq!(roll.sql("UPDATE tenants SET managed = NOT managed, revision = revision + 1"), Ok(1));
        roll.tick("2027-03-10T08:00:00Z").expect_code(0);
        assert_eq!(sent(roll), 1);
        roll.apply("2027-03-11T08:00:00Z", &company_of("  displayName: Acme again", &before)).expect_code(0);
        assert_eq!(sent(roll), 2);
        let acknowledge = "UPDATE outbox SET acknowledged_at = 1805000000000000 WHERE consumer = 'devices'";
        assert_eq!(roll.sql(acknowledge), Ok(2));
        roll.tick("2027-04-10T08:00:00Z").expect_code(0);
        assert_eq!(count(roll, "members WHERE name = 'jane'"), 0, "then the purge goes on");
    });
}

// M23, M24: what a departure ordered is not done to the device of somebody who comes back before it was sent.
#[test]
fn the_orders_of_a_departure_that_wait_are_withdrawn_by_the_restore() {
    on_both(|roll| {
        let departure = |at: &str| format!("  departure: {{at: \"{at}\", devices: DeviceReset}}");
        with_devices(roll, &departure("2027-03-10"));
        assert_eq!(roll.sql("UPDATE tenants SET managed = NOT managed, revision = revision + 1"), Ok(1));
        roll.tick("2027-03-10T08:00:00Z").expect_code(0);
        let nowhere = format!("{}\n  organizations: [{{organizationRef: {{name: lab}}}}]", departure("2027-06-01"));
        roll.apply("2027-03-11T08:00:00Z", &company_of("  displayName: Acme again", &nowhere)).expect_code(1);
        roll.tick("2027-03-11T09:00:00Z").expect_code(1);
        assert_eq!((phase(&jane(roll)), sent(roll)), ("Deleted", 0), "who is to come back, once her team is there");
        roll.apply("2027-03-12T08:00:00Z", &jane_with(&departure("2027-06-01"))).expect_code(0);
        let waiting = orders(roll).into_iter().filter(|[_, _, state]| state == "Waiting").count();
        assert_eq!((phase(&jane(roll)), waiting, sent(roll)), ("Pending", 0, 0));
        roll.tick("2027-06-01T08:00:00Z").expect_code(0);
        assert_eq!((phase(&jane(roll)), sent(roll)), ("Deleted", 1));
    });
}

// M23, M28, R5: one departure orders once, and the next one again, also as of the same instant.
#[test]
fn a_departure_that_was_moved_and_moved_back_orders_again() {
    on_both(|roll| {
        let departure = |at: &str| jane_with(&format!("  departure: {{at: \"{at}\", devices: DeviceReset}}"));
        with_devices(roll, "");
        let planned = roll.plan("2027-03-10T08:00:00Z", &departure("2027-03-10"), &[]);
        let fingerprint = planned.json["fingerprint"].as_str().unwrap_or_default().to_owned();
        roll.apply_with("2027-03-10T09:00:00Z", &departure("2027-03-10"), &["--expect", &fingerprint]).expect_code(0);
        roll.apply("2027-03-10T10:00:00Z", &departure("2027-03-10")).expect_code(0);
        assert_eq!(sent(roll), 1);
        let token = orders_of(roll, "phone").pop().unwrap_or_default();
        done(roll, "2027-03-10T11:00:00Z", "phone", &format!("DeviceReset/{token}")).ok();
        roll.apply("2027-03-11T08:00:00Z", &departure("2027-06-01")).expect_code(0);
        run(roll, "2027-03-11T09:00:00Z", &["record", "device", "jane", "phone", "--app", "mobile"]).ok();
        let planned = roll.plan("2027-03-12T08:00:00Z", &departure("2027-03-10"), &[]);
        let fingerprint = planned.json["fingerprint"].as_str().unwrap_or_default().to_owned();
        roll.apply_with("2027-03-12T09:00:00Z", &departure("2027-03-10"), &["--expect", &fingerprint]).expect_code(0);
        roll.tick("2027-03-12T10:00:00Z").expect_code(0);
        assert_eq!((phase(&jane(roll)), sent(roll)), ("Deleted", 2));
        let tokens = orders_of(roll, "phone");
        assert!(tokens.len() == 2 && tokens[0] == token && tokens[1] != token, "{tokens:?}");
    });
}

// M25: an order in progress is finished first; then the purge goes on by itself.
#[test]
fn a_purge_waits_for_an_order_in_progress() {
    on_both(|roll| {
        with_devices(roll, "  departure: {at: \"2027-03-10\", devices: AppDataDeleted}");
        roll.tick("2027-03-10T08:00:00Z").expect_code(0);
        roll.tick("2027-04-10T08:00:00Z").expect_code(0);
        assert_eq!((phase(&jane(roll)), count(roll, "devices")), ("Deleted", 2), "the grace period is long over");
        let token = jane(roll)["status"]["devices"][1]["token"].as_str().unwrap_or_default().to_owned();
        done(roll, "2027-04-11T08:00:00Z", "phone", &format!("AppDataDeleted/{token}")).ok();
        assert_eq!(count(roll, "members WHERE name = 'jane'"), 0);
        assert_eq!(count(roll, "devices") + count(roll, "device_requests") + count(roll, "news"), 0);
        assert_eq!(row(roll, "purge")["action"], "purge");
    });
}

// M28: after deletion, during grace, the command orders; while there is a manifest, that does.
#[test]
fn after_deletion_the_command_orders() {
    on_both(|roll| {
        with_devices(roll, "");
        let words = ["device", "order", "jane", "phone", "--action", "device-reset", "--token", "stolen"];
        let refused = run(roll, "2027-03-01T10:00:00Z", &words);
        assert_eq!(refused.code, 1);
        assert!(refused.stderr.contains("spec.devices"), "{refused}");
        roll.apply_with(NEXT_DAY, &company_without_jane(), &["--prune"]).expect_code(0);
        run(roll, "2027-03-02T10:00:00Z", &words).ok();
        assert_eq!(orders(roll), one("phone", "DeviceReset", "Ordered"));
        assert_eq!(timing(&row(roll, "update")).2, "Administrative");
        let again = run(roll, "2027-03-02T11:00:00Z", &words).ok();
        assert_eq!((sent(roll), orders(roll).len()), (1, 1), "the same order is carried out once");
        assert!(again.stdout.contains("was ordered before, and is Ordered"), "{again}");
        let unknown = run(roll, "2027-03-02T12:00:00Z", &["device", "order", "jane", "watch", "--action", "signed-out"]);
        assert_eq!(unknown.code, 1);
        assert!(unknown.stderr.contains("laptop"), "{unknown}");
    });
}

// R14, M28: what is ordered of somebody frozen can't be taken back, so it is sent on thaw.
#[test]
fn an_order_for_a_device_of_a_frozen_company_is_sent_on_thaw() {
    on_both(|roll| {
        with_devices(roll, "");
        roll.apply_with(NEXT_DAY, &company_without_jane(), &["--prune"]).expect_code(0);
        roll.apply(NEXT_DAY, &annotated(&tenant("acme", ""), "frozen", "audit")).expect_code(0);
        let words = ["device", "order", "jane", "phone", "--action", "device-reset", "--token", "stolen"];
        let told = run(roll, "2027-03-02T10:00:00Z", &words).ok().stdout;
        assert!(told.contains("sent once") && told.contains("thaw"), "{told}");
        assert_eq!((orders(roll), sent(roll)), (one("phone", "DeviceReset", "Waiting"), 0));
        assert_eq!(roll.tick("2027-03-02T11:00:00Z").all_actions(), [""; 0]);
        roll.apply("2027-03-02T12:00:00Z", &tenant("acme", "")).expect_code(0);
        assert_eq!((orders(roll), sent(roll)), (one("phone", "DeviceReset", "Ordered"), 1));
        // That it was carried out is a fact, which is taken up meanwhile; what it lets end, ends on thaw (M25).
        roll.apply(LATER, &annotated(&tenant("acme", ""), "frozen", "audit")).expect_code(0);
        done(roll, "2027-03-20T08:00:00Z", "phone", "DeviceReset/stolen").ok();
        assert_eq!(orders(roll), one("phone", "DeviceReset", "Done"));
        roll.apply("2027-03-21T12:00:00Z", &tenant("acme", "")).expect_code(0);
        assert_eq!(count(roll, "members WHERE name = 'jane'"), 0);
    });
}

// M28, R13: the command tells what became of the order.
#[test]
fn what_is_not_ordered_is_not_said_to_be() {
    on_both(|roll| {
        with_devices(roll, &order("phone", "DeviceReset", "at-birth"));
        roll.apply_with(NEXT_DAY, &set(&[company_without_jane(), member("kim", "acme", "")]), &["--prune"]).expect_code(0);
        let reset = |device: &str, token: &str| {
            let words = ["device", "order", "jane", device, "--action", "device-reset", "--token", token];
            run(roll, "2027-03-02T10:00:00Z", &words)
        };
        for _ in 0..2 {
            let unmanaged = reset("laptop", "lost");
            assert!(unmanaged.code == 1 && unmanaged.stdout.is_empty(), "{unmanaged}");
            assert!(unmanaged.stderr.contains("is not ordered: the device is not managed"), "{unmanaged}");
        }
        let spent = reset("phone", "at-birth");
        assert!(spent.code == 1 && spent.stderr.contains("take another one"), "{spent}");
        assert_eq!(sent(roll), 0);
        assert!(reset("phone", "lost").ok().stdout.contains("is ordered"));

        roll.apply_with(LATER, &company_without_jane(), &["--prune"]).expect_code(0);
        let none = run(roll, LATER, &["device", "order", "kim", "phone", "--action", "signed-out"]);
        assert!(none.code == 1 && none.stderr.contains("none is known"), "{none}");
    });
}

// M28
#[test]
fn a_new_value_of_notify_update_sends_one_message() {
    on_both(|roll| {
        roll.apply(START, &company("  notifyUpdate: v1")).expect_code(0);
        let messages = || count(roll, "outbox WHERE effect = 'NotifyUpdate'");
        assert_eq!(messages(), 0, "a value that a new member brings along is noted as done");
        roll.apply(NEXT_DAY, &jane_with("  notifyUpdate: v2")).expect_code(0);
        roll.apply(LATER, &jane_with("  notifyUpdate: v2\n  nickname: J")).expect_code(0);
        assert_eq!(messages(), 1);
    });
}

// M28, I1
#[test]
fn describe_shows_the_devices_of_a_member() {
    on_both(|roll| {
        with_devices(roll, "");
        roll.apply(NEXT_DAY, &jane_with(&order("phone", "SignedOut", "a"))).expect_code(0);
        let page = roll.run(&["describe", "member", "jane", "-n", "hr"], "").ok().stdout;
        assert!(page.contains("phone: Mobile 4.1, seen 2027-03-01T09:30:00Z"), "{page}");
        assert!(page.contains("laptop: PC, seen 2027-03-01T09:31:00Z, unmanaged"), "{page}");
        assert!(page.contains("state Ordered"), "{page}");
    });
}

// M28: one order is declared once, and no two orders have one name.
#[test]
fn the_same_order_twice_is_refused_and_no_two_orders_are_confused() {
    on_both(|roll| {
        with_devices(roll, "");
        let list = |orders: &[(&str, &str)]| {
            let orders: Vec<String> =
                orders.iter().map(|(id, token)| format!("{{id: {id}, action: SignedOut, token: {token}}}")).collect();
            jane_with(&format!("  devices: [{}]", orders.join(", ")))
        };
        let report = roll.apply(NEXT_DAY, &list(&[("phone", "t1"), ("phone", "t1")])).expect_code(1);
        assert_eq!(report.refused("Member", "jane").as_deref(), Some("Invalid"));
        let message = report.refused_message("Member", "jane").unwrap_or_default();
        assert!(message.contains("spec.devices[1]") && message.contains("a token of its own"), "{message}");
        run(roll, NEXT_DAY, &["record", "device", "jane", "phone/SignedOut/t1", "--app", "mobile"]).ok();
        let alike = [("phone", "t1/SignedOut/t2"), ("phone/SignedOut/t1", "t2")];
        roll.apply(LATER, &list(&alike)).expect_code(0);
        assert_eq!(sent(roll), 2);
    });
}
