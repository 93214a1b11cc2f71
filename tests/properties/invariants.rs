//! What must hold of a directory whatever was done to it: of its records, their claims, the trail, sessions, orders,
//! and of what was erased. Only reads.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rollcall::api::Kind;
use rollcall::directory::erasure::{CONTENTS, Erased};
use rollcall::directory::sql::{self, Tx};
use rollcall::directory::{audit, records};
use rollcall::lifecycle::tenant::places;
use rollcall::record::Record;
use serde_json::Value;

use crate::world::World;

/// What nothing may be found by: what would break the invariant, and how it is looked for.
const NEVER: &[(&str, &str)] = &[
    ("no two records hold an ID", "SELECT id FROM members GROUP BY tenant, id HAVING count(*) > 1"),
    (
        "nobody gets a second first notice",
        "SELECT uid FROM outbox WHERE effect = 'FirstNotice' AND (acknowledged_at IS NULL OR error IS NULL) GROUP BY uid \
         HAVING count(*) > 1",
    ),
    (
        "nothing is sent to whom is gone",
        "SELECT effect FROM outbox WHERE consumer = 'mail' AND uid IN (SELECT uid FROM tombstones)",
    ),
    (
        "the supreme administrator is live, at work, of the tenant, and can be reached",
        "SELECT t.name FROM tenants t LEFT JOIN members m ON m.uid = t.supreme_admin WHERE t.supreme_admin IS NOT NULL \
         AND (m.uid IS NULL OR m.tenant <> t.uid OR m.phase NOT IN ('Pending', 'Active') OR m.personal_email IS NULL \
         OR m.on_leave IS NOT NULL)",
    ),
    ("no administrator is deleted", "SELECT name FROM members WHERE deleted_at IS NOT NULL AND administrator <> 'None'"),
    (
        "only who may sign in is signed in",
        "SELECT s.member FROM sessions s LEFT JOIN members m ON m.uid = s.member \
         WHERE s.closed_at IS NULL AND (m.uid IS NULL OR m.phase NOT IN ('Pending', 'Active'))",
    ),
    (
        "who may use no apps is signed in to none",
        "SELECT m.name FROM sessions s JOIN members m ON m.uid = s.member \
         WHERE s.closed_at IS NULL AND s.app <> 'Web' AND m.intent ->> 'appUsage' = 'Blocked'",
    ),
    (
        "the phase follows from what happened",
        "SELECT name FROM members WHERE phase <> CASE WHEN deleted_at IS NOT NULL THEN 'Deleted' \
         WHEN activated_at IS NULL THEN 'Scheduled' WHEN suspended_at IS NOT NULL THEN 'Suspended' \
         WHEN first_sign_in_at IS NOT NULL THEN 'Active' ELSE 'Pending' END",
    ),
    (
        "who is suspended or deleted is not on leave",
        "SELECT name FROM members WHERE on_leave IS NOT NULL AND phase NOT IN ('Pending', 'Active')",
    ),
    (
        "nobody is purged before it is deleted",
        "SELECT name FROM members WHERE (deleted_at IS NULL) <> (purge_at IS NULL) OR purge_at < deleted_at",
    ),
    ("a temporary ID is no account", "SELECT name FROM members WHERE id LIKE 'tmp-%' AND activated_at IS NOT NULL"),
    (
        "who is there is declared",
        "SELECT m.name FROM members m LEFT JOIN declarations d ON d.kind = 'Member' AND d.namespace = m.namespace AND d.name = m.name \
         WHERE m.deleted_at IS NULL AND d.name IS NULL UNION \
         SELECT o.name FROM organizations o LEFT JOIN declarations d ON d.kind = 'Organization' AND d.namespace = o.namespace \
         AND d.name = o.name WHERE d.name IS NULL",
    ),
    (
        "who is there works in organizations of the tenant",
        "SELECT m.name FROM assignments a JOIN members m ON m.uid = a.member LEFT JOIN organizations o ON o.uid = a.organization \
         WHERE m.deleted_at IS NULL AND (o.uid IS NULL OR o.tenant <> m.tenant)",
    ),
    (
        "the primary organization is one and comes first",
        "SELECT member FROM assignments GROUP BY member HAVING sum(CASE WHEN is_primary THEN 1 ELSE 0 END) <> 1 \
         OR min(ordinal) <> min(CASE WHEN is_primary THEN ordinal END)",
    ),
    ("no assignment outlives its member", "SELECT member FROM assignments WHERE member NOT IN (SELECT uid FROM members)"),
    (
        "the organization above is of the tenant",
        "SELECT o.name FROM organizations o LEFT JOIN organizations p ON p.uid = o.parent \
         WHERE o.parent IS NOT NULL AND (p.uid IS NULL OR p.tenant <> o.tenant)",
    ),
    (
        "a contact is connected with somebody of another company that allows it, as its own does",
        "SELECT c.name FROM contacts c JOIN tenants h ON h.uid = c.tenant LEFT JOIN members m ON m.uid = c.target \
         LEFT JOIN tenants t ON t.uid = m.tenant WHERE c.phase = 'Connected' AND (m.uid IS NULL OR m.tenant = c.tenant \
         OR COALESCE(CAST(h.intent -> 'externalConnections' ->> 'allowed' AS TEXT), 'no') NOT IN ('true', '1') \
         OR COALESCE(CAST(t.intent -> 'externalConnections' ->> 'allowed' AS TEXT), 'no') NOT IN ('true', '1'))",
    ),
    ("a contact goes with its owner", "SELECT name FROM contacts WHERE owner NOT IN (SELECT uid FROM members)"),
    (
        "a record comes back under its uid only until the purge",
        "SELECT uid FROM members WHERE uid IN (SELECT uid FROM tombstones)",
    ),
    (
        "each value acts once",
        "SELECT m.name FROM outbox o JOIN members m ON m.uid = o.uid WHERE o.effect = 'NotifyUpdate' \
         GROUP BY m.name, m.spent HAVING count(*) > 1 AND CAST(m.spent AS TEXT) NOT LIKE '%\"two\"%'",
    ),
    (
        "a request that was decided keeps nothing of the person",
        "SELECT id FROM registration_requests WHERE state <> 'Open' AND (family_name || given_name || wished_id || email) <> ''",
    ),
    (
        "a cancelled tenant leaves its name and dates",
        "SELECT name FROM tenants WHERE cancelled_at IS NOT NULL AND (display_name || domain) <> '' OR cancelled_at IS NOT NULL \
         AND (supreme_admin IS NOT NULL OR CAST(intent AS TEXT) LIKE '%example%')",
    ),
    (
        "nothing of a cancelled tenant is left",
        "SELECT t.name FROM tenants t WHERE t.cancelled_at IS NOT NULL AND (EXISTS (SELECT 1 FROM members x WHERE x.tenant = t.uid) \
         OR EXISTS (SELECT 1 FROM organizations x WHERE x.tenant = t.uid) OR EXISTS (SELECT 1 FROM contacts x WHERE x.tenant = t.uid) \
         OR EXISTS (SELECT 1 FROM claims x WHERE x.scope = t.uid) OR EXISTS (SELECT 1 FROM charges x WHERE x.tenant = t.uid) \
         OR EXISTS (SELECT 1 FROM registration_requests x WHERE x.tenant = t.uid) \
         OR EXISTS (SELECT 1 FROM audit_values x JOIN audit a ON a.seq = x.seq WHERE x.tenant = t.uid \
         AND CAST(a.fields AS TEXT) NOT LIKE '%managed%') \
         OR EXISTS (SELECT 1 FROM outbox x WHERE x.tenant = t.uid AND x.consumer = 'mail') \
         OR EXISTS (SELECT 1 FROM holds x WHERE x.namespace = t.namespace AND x.name = t.name))",
    ),
    (
        "what was declared of a cancelled tenant is erased",
        "SELECT d.name FROM declarations d JOIN tenants t ON t.namespace = d.namespace AND t.name = d.tenant \
         WHERE t.cancelled_at IS NOT NULL AND CAST(d.spec AS TEXT) LIKE '%tenantRef%' AND d.uid IN (SELECT uid FROM tombstones)",
    ),
    ("no object is refused by the database", "SELECT name FROM declarations WHERE reason = 'DatabaseConflict'"),
];

/// Whether a member `m` of a tenant `t` is frozen.
const FROZEN: &str = "EXISTS (SELECT 1 FROM declarations f WHERE CAST(f.annotations AS TEXT) LIKE '%rollcall.dev/frozen%' \
     AND (f.kind = 'Member' AND f.namespace = m.namespace AND f.name = m.name \
     OR f.kind = 'Tenant' AND f.namespace = t.namespace AND f.name = t.name))";

/// What may change in certain ways only: the places that are taken in each tenant, and the frozen.
#[derive(Default)]
pub struct Standing {
    places: BTreeMap<String, i64>,
    frozen: BTreeMap<String, String>,
}

/// People who are gone for good. What is told of a cancelled tenant's manifest later is no value.
const AT_REST: &str = "SELECT uid FROM tombstones WHERE kind <> 'Tenant'";

impl World {
    /// What must never be otherwise.
    pub async fn assert_invariants(&self) {
        for (what, sql) in NEVER {
            assert_eq!(self.lines(sql).await, [""; 0], "{what}");
        }
        self.assert_claims_match_records().await;
        self.assert_facts_go_with_their_member().await;
        self.assert_holds_are_of_the_living().await;
    }

    /// What is due is done, but for the protected and the frozen, while nobody declares the tenant, and for who is wanted
    /// back by a manifest that came between the deletion and the purge (M24).
    pub async fn assert_nothing_is_due(&self, now: Timestamp) {
        let sql = format!(
            "SELECT m.name FROM members m JOIN tenants t ON t.uid = m.tenant WHERE m.wake_at <= {} AND NOT {FROZEN} \
             AND CASE WHEN m.deleted_at IS NULL THEN m.administrator = 'None' AND m.uid <> COALESCE(t.supreme_admin, '') \
             ELSE t.managed AND NOT EXISTS (SELECT 1 FROM declarations d WHERE d.kind = 'Member' AND d.namespace = m.namespace \
             AND d.name = m.name AND d.removal IS NULL AND d.reason <> 'IdentityConflict' \
             AND d.created_at >= m.deleted_at AND d.created_at < m.purge_at) END",
            now.as_microsecond()
        );
        assert_eq!(self.lines(&sql).await, [""; 0], "what is due is done");
    }

    /// No plan takes more than it has places for, but for those who came before it; what is frozen stays as it is.
    pub async fn assert_follows(&self, before: &mut Standing) {
        let mut tx = self.directory.read().await.unwrap();
        let mut after = Standing::default();
        let (tenants, members) = (all(&mut tx, Kind::Tenant).await, all(&mut tx, Kind::Member).await);
        drop(tx);
        for record in &tenants {
            let Record::Tenant(tenant) = record else { continue };
            let taken = members.iter().filter(|member| member.tenant() == record.uid()).count() as i64;
            let limit = places(tenant.plan(), Kind::Member).unwrap_or(i64::MAX);
            let were = before.places.get(record.uid().as_str()).copied().unwrap_or_default();
            assert!(taken <= limit.max(were), "{}: {taken} places are taken of {limit}, {were} before", record.key());
            after.places.insert(record.uid().to_string(), taken);
        }
        let sql = format!(
            "SELECT m.uid || ' ' || m.tenant || ' ' || m.name || ' ' || m.id || ' ' || m.digest || ' ' || m.administrator || ' ' \
             || COALESCE(CAST(m.deleted_at AS TEXT), '-') || ' ' || COALESCE(CAST(m.suspended_at AS TEXT), '-') || ' ' \
             || COALESCE(CAST(m.activated_at AS TEXT), '-') FROM members m JOIN tenants t ON t.uid = m.tenant WHERE {FROZEN}"
        );
        let frozen = self.lines(&sql).await;
        after.frozen.extend(frozen.iter().filter_map(|line| line.split_once(' ')).map(|(uid, rest)| (uid.into(), rest.into())));
        for (uid, is) in &after.frozen {
            assert!(before.frozen.get(uid).is_none_or(|was| was == is), "frozen {uid} was {:?}, is {is}", before.frozen.get(uid));
        }
        *before = after;
    }

    /// Every record holds what it says, and nothing else is held.
    async fn assert_claims_match_records(&self) {
        let mut tx = self.directory.read().await.unwrap();
        let mut said = BTreeSet::new();
        for kind in [Kind::Tenant, Kind::Organization, Kind::Member] {
            for record in all(&mut tx, kind).await {
                let claims = record.claims().into_iter();
                said.extend(claims.map(|claim| format!("{} {} {} {}", claim.scope, claim.space.name(), claim.key, record.uid())));
            }
        }
        drop(tx);
        let held = self.lines("SELECT scope || ' ' || space || ' ' || key || ' ' || holder FROM claims").await;
        assert_eq!(held.into_iter().collect::<BTreeSet<_>>(), said, "claims match records");
    }

    /// No row that goes with a record is of one that is at rest.
    async fn assert_facts_go_with_their_member(&self) {
        for content in CONTENTS {
            if let Erased::With(columns) = content.erased {
                // What is told later about whom a contact followed is none of theirs: that is looked for by its text.
                for (_, column) in columns.iter().filter(|(_, column)| !column.starts_with("about_")) {
                    let table = content.table;
                    // The purge itself orders an initial password's Secret to be removed.
                    let but = if table == "password_orders" { "reason <> 'RemoveSecret'" } else { "TRUE" };
                    let sql = format!("SELECT {column} FROM {table} WHERE {column} IN ({AT_REST}) AND {but}");
                    assert_eq!(self.lines(&sql).await, [""; 0], "{table} keeps nothing of whom is at rest");
                }
            }
        }
    }

    /// What is held concerns members who are there, and tells of each.
    async fn assert_holds_are_of_the_living(&self) {
        let live: BTreeSet<String> = self.lines("SELECT name FROM members WHERE deleted_at IS NULL").await.into_iter().collect();
        let sql = "SELECT CAST(items AS TEXT) || '|' || CAST(number AS TEXT) FROM holds WHERE reason = 'AccessLossHeld'";
        for line in self.lines(sql).await {
            let (items, number) = line.rsplit_once('|').unwrap();
            let items: Vec<Value> = serde_json::from_str(items).unwrap();
            assert_eq!(items.len().to_string(), number, "{line}");
            assert!(!items.is_empty(), "a hold of nobody");
            let names: Vec<&str> = items.iter().filter_map(|item| item["name"].as_str()).collect();
            assert!(names.iter().all(|name| live.contains(*name)), "held: {names:?}, live: {live:?}");
        }
    }

    /// The trail, told from the beginning, ends in what the records hold.
    pub async fn assert_trail_tells_all(&self) {
        let mut tx = self.directory.read().await.unwrap();
        let mut told: BTreeMap<(String, String), Option<Value>> = BTreeMap::new();
        for entry in audit::history(&mut tx, &audit::Of::Everything).await.unwrap() {
            for field in entry.fields {
                // Of a row that was erased, with the tenant that the member had left, it can't be told.
                let to = entry.handle.as_ref().map(|_| field.to);
                told.insert((entry.uid.to_string(), field.path), to);
            }
        }
        // These are told by name, which is no field of the record.
        let named = ["tenant", "parent", "organizations", "supremeAdmin"];
        for kind in [Kind::Tenant, Kind::Organization, Kind::Member] {
            // A cancellation tells no values.
            let is_over = |record: &Record| matches!(record, Record::Tenant(tenant) if tenant.cancelled_at.is_some());
            for record in all(&mut tx, kind).await.into_iter().filter(|record| !is_over(record)) {
                for (path, mut value) in record.fields().into_iter().filter(|(path, _)| !named.contains(&path.as_str())) {
                    // Whoever has the token may ask for an account: the trail tells that there is one (R7).
                    if path == "registrationLink" && value["token"].is_string() {
                        value["token"] = "(given)".into();
                    }
                    let last = told.get(&(record.uid().to_string(), path.clone())).cloned().unwrap_or(Some(Value::Null));
                    let empty =
                        |value: &Value| matches!(value, Value::Null | Value::Bool(false)) || *value == serde_json::json!([]);
                    assert!(
                        last.as_ref().is_none_or(|last| *last == value || (empty(last) && empty(&value))),
                        "{} {path}: {last:?} told, {value} held",
                        record.key()
                    );
                }
            }
        }
    }

    /// Where in the directory one of these texts stands, as `table: text`. What is declared and still counts is left out.
    pub async fn found(&self, texts: &[String]) -> Vec<String> {
        let mut found = Vec::new();
        for content in CONTENTS {
            let columns = content.personal.iter().chain(content.impersonal);
            let columns: Vec<String> = columns.map(|column| format!("coalesce(CAST({column} AS TEXT), '')")).collect();
            let counts = match content.table {
                "declarations" => " WHERE removal IS NOT NULL OR reason IN ('Departed', 'TenantCancelled', 'Cancelled')",
                _ => "",
            };
            let sql = format!("SELECT {} FROM {}{counts}", columns.join(" || ' ' || "), content.table);
            for row in self.lines(&sql).await {
                let row = row.to_lowercase();
                found.extend(
                    texts.iter().filter(|text| row.contains(*text)).map(|text| format!("{}: {text} in {row}", content.table)),
                );
            }
        }
        found
    }
}

/// Every record of a kind.
async fn all(tx: &mut Tx, kind: Kind) -> Vec<Record> {
    let sql = format!("SELECT uid FROM {}", sql::table(kind));
    let uids: Vec<String> = tx.fetch(sql, vec![]).await.unwrap().iter().map(|row| row.text(0).unwrap()).collect();
    records::load(tx, kind, records::By::Uid, sql::keys(uids)).await.unwrap()
}
