//! What is left of a person and of a tenant: nothing but dates and identifiers (M25, T12). Every value that a
//! test can mark carries a mark; afterwards every column of every table is searched for it. Run by `make test`.

use crate::cancellation::{FREE, ending, secret, set_password};
use crate::support::{Roster, boss, member, on_both, organization, set, tenant};

const NOW: &str = "2027-03-01T09:00:00Z";
const LATER: &str = "2027-03-02T09:00:00Z";
const PURGED: &str = "2027-03-09T09:00:00Z";

/// In every text of a person, in one case or the other.
const MARKS: &[&str] = &["qz7", "1012345678", "1987-06-05", "2019-05-04"];

/// Every field that says something of a person and means nothing to anybody else.
const PERSON: &str = "  id: qz7.jane
  name: {family: Qz7family, given: Qz7given}
  names: {ko_KR: {family: Qz7홍, given: Qz7길동}}
  nickname: Qz7nick
  personalEmail: qz7@home.example
  secondaryEmails: [qz7.second]
  mobilePhone: +82 10-1234-5678
  phoneSearchable: true
  extension: qz7-12
  placeOfWork: Qz7place
  responsibilities: Qz7duties
  messenger: {protocol: Qz7talk, id: qz7id}
  birthday: \"1987-06-05\"
  dateEmployed: \"2019-05-04\"
  employeeNumber: QZ7-1
  externalKey: qz7-key
  jobLevel: Senior
  relatedContacts: [{memberRef: {name: boss}, label: Qz7secretary}]
  organizations: [{organizationRef: {name: platform}, position: Lead, leader: true}]
";

const LISTS: &str = "  languages: [en_US, ko_KR]\n  jobLevels: [Senior]\n  positions: [Lead]\n";

/// All tables with their columns.
fn columns(roll: &Roster) -> Vec<(String, Vec<String>)> {
    let sqlite = roll.url().starts_with("sqlite:");
    let list = |sql: String| -> Vec<String> {
        roll.query(&sql).unwrap_or_default().split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    let tables = if sqlite {
        "SELECT group_concat(name) FROM sqlite_master WHERE type = 'table'".to_owned()
    } else {
        "SELECT string_agg(table_name, ',') FROM information_schema.tables WHERE table_schema = 'public'".to_owned()
    };
    let of = |table: &str| {
        if sqlite {
            format!("SELECT group_concat(name) FROM pragma_table_info('{table}')")
        } else {
            format!(
                "SELECT string_agg(column_name, ',') FROM information_schema.columns WHERE table_name = '{table}' AND table_schema = 'public'"
            )
        }
    };
    list(tables)
        .into_iter()
        .map(|table| {
            let columns = list(of(&table));
            (table, columns)
        })
        .collect()
}

/// Every column in which a mark stands, as `table.column`.
fn marked(roll: &Roster) -> Vec<String> {
    let mut found = Vec::new();
    for (table, columns) in columns(roll) {
        let holds = |column: &String| -> String {
            let each = MARKS.iter().map(|mark| format!("lower(CAST({column} AS TEXT)) LIKE '%{mark}%'"));
            each.collect::<Vec<_>>().join(" OR ")
        };
        let is_found = |condition: &str| roll.query(&format!("SELECT 1 FROM {table} WHERE {condition}")).is_some();
        if is_found(&columns.iter().map(holds).collect::<Vec<_>>().join(" OR ")) {
            let columns = columns.iter().filter(|column| is_found(&holds(column)));
            found.extend(columns.map(|column| format!("{table}.{column}")));
        }
    }
    found
}

/// Everything that services report of a person.
fn report_facts(roll: &Roster, name: &str) {
    let place = ["record", "sign-in", name, "--location", "Qz7city", "--now", NOW, "-n", "hr"];
    roll.run(&place, "").ok();
    let uid = roll.query(&format!("SELECT uid FROM members WHERE name = '{name}'")).unwrap();
    for row in [
        "devices VALUES ('UID', 'qz7phone', 'Mobile', 'qz7', 0, TRUE)",
        "storage VALUES ('UID', 'qz7drive', 5, 0)",
        "usage VALUES ('UID', '1987-06-05', 'qz7', 5)",
        "rooms VALUES ('qz7room', 'UID')",
    ] {
        roll.sql(&format!("INSERT INTO {}", row.replace("UID", &uid))).unwrap();
    }
    set_password(roll, name, "correct-horse");
}

/// The search finds what is there.
fn finds(roll: &Roster, wanted: &[&str]) {
    let found = marked(roll);
    for column in wanted {
        assert!(found.iter().any(|found| found == column), "{column} is not in {found:?}");
    }
}

/// The rows of a uid in the trail: when, what was done, and that no value is told.
fn bare_trail(roll: &Roster, uid: &str) -> Vec<String> {
    let rows = roll.trail().into_iter().filter(|row| row["uid"] == uid);
    rows.map(|row| {
        let values = row["fields"].as_array().into_iter().flatten().flat_map(|field| [&field["from"], &field["to"]]);
        assert!(row["name"].is_null() && values.clone().all(|value| value.is_null()), "{row:#}");
        assert!(row["at"].is_string() && row["due"].is_string());
        row["action"].as_str().unwrap_or_default().to_owned()
    })
    .collect()
}

const EVERYWHERE: &[&str] = &[
    "members.intent",
    "members.id",
    "members.profile",
    "members.mobile_phone",
    "claims.key",
    "audit_values.changes",
    "sign_ins.location",
    "devices.id",
    "storage.product",
    "usage.service",
    "rooms.room",
];

/// The files of an embedded directory that hold a mark.
fn on_disk(roll: &Roster) -> Vec<String> {
    let Some(path) = roll.url().strip_prefix("sqlite:") else { return Vec::new() };
    let is_marked = |file: &String| {
        let bytes = std::fs::read(file).unwrap_or_default().to_ascii_lowercase();
        bytes.windows(3).any(|mark| mark == b"qz7")
    };
    ["", "-wal"].map(|suffix| format!("{path}{suffix}")).into_iter().filter(is_marked).collect()
}

// M25: the manifest is gone, and so is everything else.
#[test]
fn of_a_purged_member_only_dates_and_the_uid_are_left() {
    on_both(|roll| {
        let company = || vec![tenant("acme", LISTS), boss("acme"), organization("platform", "acme", "")];
        let leave = "  leaveOfAbsence: {until: \"2027-12-31\", message: Qz7leave}\n";
        roll.apply(NOW, &set(&[company(), vec![member("qz7-jane", "acme", &format!("{PERSON}{leave}"))]].concat()))
            .expect_code(0);
        report_facts(roll, "qz7-jane");
        finds(roll, EVERYWHERE);
        let uid = roll.query("SELECT uid FROM members WHERE name = 'qz7-jane'").unwrap();
        roll.apply_with(LATER, &set(&company()), &["--prune"]).expect_code(0);
        finds(roll, &["members.intent"]);
        roll.tick(PURGED).expect_code(0);
        assert_eq!(marked(roll), [""; 0]);
        assert_eq!(on_disk(roll), [""; 0]);
        let trail = bare_trail(roll, &uid);
        assert_eq!((trail.first().map(String::as_str), trail.last().map(String::as_str)), (Some("create"), Some("purge")));
        // R6: by the uid it is still to be had.
        assert_eq!(roll.run(&["history", "member", "qz7-jane", "-n", "hr"], "").code, 1);
        let rows = roll.run(&["history", &uid, "-o", "json"], "").ok().json();
        let told: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap().to_owned()).collect();
        assert_eq!(told, trail);
    });
}

// M25, M28: what was ordered for a device names it, also once it is done.
#[test]
fn of_a_purged_member_no_order_for_a_device_is_left() {
    on_both(|roll| {
        let company = || vec![tenant("acme", LISTS), boss("acme"), organization("platform", "acme", "")];
        let jane = |spec: &str| member("qz7-jane", "acme", &format!("{PERSON}{spec}"));
        roll.apply(NOW, &set(&[company(), vec![jane("")]].concat())).expect_code(0);
        report_facts(roll, "qz7-jane");
        let order = "  devices: [{id: qz7phone, action: SignedOut, token: lost}]\n";
        roll.apply(NOW, &jane(order)).expect_code(0);
        finds(roll, &["outbox.id", "outbox.payload"]);
        let done = ["record", "device", "qz7-jane", "qz7phone", "--done", "SignedOut/lost", "--now", NOW, "-n", "hr"];
        roll.run(&done, "").ok();
        roll.apply_with(LATER, &set(&company()), &["--prune"]).expect_code(0);
        roll.tick(PURGED).expect_code(0);
        assert_eq!(marked(roll), [""; 0]);
    });
}

// M25, M23: the manifest of one who departed is still there; the directory keeps nothing of it.
#[test]
fn of_one_who_departed_the_directory_keeps_not_even_the_manifest() {
    on_both(|roll| {
        let annotated = |manifest: String| {
            manifest.replace("metadata: {name: jane}", "metadata: {name: jane, annotations: {rollcall.dev/note: Qz7note}}")
        };
        let jane = annotated(member("jane", "acme", &format!("{PERSON}  departure: {{at: \"2027-03-02\"}}\n")));
        let files = set(&[tenant("acme", LISTS), boss("acme"), organization("platform", "acme", ""), jane]);
        roll.apply(NOW, &files).expect_code(0);
        report_facts(roll, "jane");
        finds(roll, EVERYWHERE);
        roll.tick("2027-03-02T00:00:00Z").expect_code(0);
        roll.tick("2027-03-09T00:00:00Z").expect_code(0);
        assert_eq!(marked(roll), [""; 0]);
        // Nor when it is declared again, or looked at again.
        assert_eq!(roll.apply("2027-03-11T00:00:00Z", &files).expect_code(0).all_actions(), [""; 0]);
        let renamed = tenant("acme", &format!("{LISTS}  displayName: Another\n"));
        roll.apply("2027-03-12T00:00:00Z", &renamed).expect_code(0);
        assert_eq!(marked(roll), [""; 0]);
        let jane = roll.get("Member", "jane");
        assert_eq!(crate::support::ready(&jane), ("True", "Departed"));
        // With another date it makes a new record.
        let report = roll.apply("2027-03-13T00:00:00Z", &member("jane", "acme", PERSON)).expect_code(0);
        assert_eq!(report.actions("Member", "jane").first().map(String::as_str), Some("create"));
    });
}

// M25: what was refused of the person's manifest goes too, and is not kept when it is declared again.
#[test]
fn of_a_refused_manifest_nothing_is_kept_once_its_person_is_purged() {
    on_both(|roll| {
        let company = set(&[tenant("acme", LISTS), boss("acme"), organization("platform", "acme", "")]);
        let jane = |more: &str| member("jane", "acme", &format!("{PERSON}{more}  departure: {{at: \"2027-03-02\"}}\n"));
        roll.apply(NOW, &set(&[company.clone(), jane("")])).expect_code(0);
        let refused = jane("  userType: Qz7type\n").replace("qz7id", "qz7other");
        roll.apply(NOW, &refused).expect_code(1);
        roll.tick("2027-03-02T00:00:00Z");
        finds(roll, &["declarations.spec", "declarations.status"]);
        roll.tick("2027-03-09T00:00:00Z");
        assert_eq!(marked(roll), [""; 0]);
        let report = roll.apply("2027-03-10T00:00:00Z", &refused).expect_code(1);
        assert!(report.refused_message("Member", "jane").is_some_and(|told| told.contains("Qz7type")));
        assert_eq!(marked(roll), [""; 0]);
        let object = roll.get("Member", "jane");
        assert_eq!(crate::support::ready(&object), ("False", "Invalid"));
        assert!(crate::support::condition(&object, "Ready").is_some_and(|ready| ready.to_string().contains("userType")));
        // Without the date it makes a new record.
        let report = roll.apply("2027-03-13T00:00:00Z", &member("jane", "acme", PERSON)).expect_code(0);
        assert_eq!(report.actions("Member", "jane").first().map(String::as_str), Some("create"));
    });
}

// T12
#[test]
fn of_a_cancelled_tenant_only_dates_uids_and_its_name_are_left() {
    on_both(|roll| {
        let lists = format!("{LISTS}{FREE}  displayName: Qz7corp\n  domain: qz7.example\n  corporateGroup: Qz7group\n");
        let link = "  registrationLink: {enabled: true, token: qz7token}\n";
        let company = |spec: &str| vec![tenant("acme", &format!("{lists}{link}{spec}")), member("boss", "acme", BOSS)];
        let team = |name: &str| {
            organization(name, "acme", &format!("  displayName: Qz7{name}\n  mailId: qz7{name}\n  description: Qz7\n"))
        };
        let all = [company(""), vec![team("platform"), team("former"), member("qz7-jane", "acme", PERSON)]].concat();
        roll.apply(NOW, &set(&all)).expect_code(0);
        report_facts(roll, "boss");
        report_facts(roll, "qz7-jane");
        let ask = [
            "record",
            "registration-request",
            "acme",
            "--link",
            "qz7token",
            "--family",
            "Qz7",
            "--given",
            "Qz7",
            "--id",
            "qz7.new",
        ];
        roll.run(&[&ask[..], &["--email", "qz7@new.example", "--now", NOW, "-n", "hr"]].concat(), "").ok();
        let bill = ["billing", "add", "acme", "--month", "2027-02", "--amount", "0", "--currency", "KRW", "--due", "2027-02-25"];
        roll.run(&[&bill[..], &["--now", NOW, "-n", "hr"]].concat(), "").ok();
        // One waits and was never taken.
        let waiting = member("waiting", "acme", "  nickname: Qz7\n  organizations: [{organizationRef: {name: nowhere}}]");
        roll.apply(NOW, &waiting).expect_code(1);
        finds(
            roll,
            &[
                EVERYWHERE,
                &[
                    "tenants.display_name",
                    "tenants.domain",
                    "organizations.display_name",
                    "declarations.spec",
                    "declarations.status",
                    "registration_requests.email",
                    "registration_requests.wished_id",
                ][..],
            ]
            .concat(),
        );
        let (acme, boss) =
            (roll.query("SELECT uid FROM tenants").unwrap(), roll.query("SELECT uid FROM members WHERE name = 'boss'").unwrap());
        let former = roll.query("SELECT uid FROM organizations WHERE name = 'former'").unwrap();

        // An organization and a member go before; what the trail tells of them goes with the tenant.
        let rest = [company(""), vec![team("platform"), waiting]].concat();
        roll.apply_with(LATER, &set(&rest), &["--prune"]);
        roll.tick(PURGED);
        let cancellation = ", contactEmail: qz7@bye.example, comment: Qz7bye";
        let last = [ending(&format!("{lists}{link}"), cancellation), secret("correct-horse")];
        roll.apply("2027-03-10T00:00:00Z", &set(&last));
        assert_eq!(crate::support::phase(&roll.get("Tenant", "acme")), "Cancelled");
        assert_eq!(marked(roll), [""; 0]);
        assert_eq!(roll.query("SELECT count(*) FROM charges").as_deref(), Some("0"));
        for (uid, end) in [(&acme, "cancel"), (&boss, "purge"), (&former, "delete")] {
            assert_eq!(bare_trail(roll, uid).last().map(String::as_str), Some(end));
        }
        assert_eq!(roll.history("Tenant", "acme").last().map(|row| row["action"].clone()), Some("cancel".into()));
        // Nor when it is all declared again.
        roll.apply("2027-03-11T00:00:00Z", &set(&rest)).expect_code(1);
        assert_eq!(marked(roll), [""; 0]);
    });
}

const BOSS: &str = "  id: qz7.boss\n  name: {family: Qz7, given: Qz7}\n  personalEmail: qz7@boss.example\n";
