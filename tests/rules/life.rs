//! What the tests of a member's life (section 4) share: the company they play in, and what they ask about Jane.
//! Never asserts a rule. Used by `activation`, `suspension`, `leave`, `departure`, `deletion` and `walk`.

use serde_json::Value;

use crate::support::{Roster, boss, member, set, tenant};

/// When the company is first applied. Every date in these tests is later, unless it is about the past.
pub const START: &str = "2027-03-01T09:00:00Z";

/// The tenant `acme`, its supreme administrator, and Jane with this under her `spec`.
#[track_caller]
pub fn company(jane: &str) -> String {
    company_of("", jane)
}

/// The same with this under the tenant's `spec`.
#[track_caller]
pub fn company_of(acme: &str, jane: &str) -> String {
    set(&[tenant("acme", acme), boss("acme"), jane_with(jane)])
}

/// The same when Jane's manifest is gone.
pub fn company_without_jane() -> String {
    set(&[tenant("acme", ""), boss("acme")])
}

/// Jane's manifest alone.
#[track_caller]
pub fn jane_with(extra: &str) -> String {
    member("jane", "acme", extra)
}

/// Applies the company and lets Jane sign in, which is folded in: one session is open from 09:30 on.
#[track_caller]
pub fn begin_with_jane_signed_in(roll: &Roster, jane: &str) {
    roll.apply(START, &company(jane)).expect_code(0);
    roll.sign_in("2027-03-01T09:30:00Z", "jane").ok();
    roll.tick("2027-03-01T09:30:01Z").expect_code(0);
    assert_eq!(open_sessions(roll), 1, "a sign-in opens a session");
}

/// Jane as `get` shows her.
#[track_caller]
pub fn jane(roll: &Roster) -> Value {
    roll.get("Member", "jane")
}

/// `status.uid`, which must be there.
#[track_caller]
pub fn uid(object: &Value) -> String {
    object["status"]["uid"].as_str().unwrap_or_else(|| panic!("no uid in {object:#}")).to_owned()
}

/// `status.purgeAt`, or nothing.
pub fn purge_at(object: &Value) -> &str {
    object["status"]["purgeAt"].as_str().unwrap_or_default()
}

/// `status.onLeave`; none if the member is not on leave.
pub fn on_leave(object: &Value) -> Option<&Value> {
    Some(&object["status"]["onLeave"]).filter(|period| !period.is_null())
}

/// The actions in Jane's history, oldest first.
#[track_caller]
pub fn actions(roll: &Roster) -> Vec<String> {
    roll.history("Member", "jane").iter().map(|row| text(row, "action").to_owned()).collect()
}

/// The latest row of Jane's history that tells of this action.
#[track_caller]
pub fn row(roll: &Roster, action: &str) -> Value {
    let mut rows = roll.history("Member", "jane");
    let place = rows.iter().rposition(|row| row["action"] == action);
    rows.swap_remove(place.unwrap_or_else(|| panic!("no row tells of `{action}`: {rows:#?}")))
}

/// What a row tells of time: when it was due, when it was carried out, and why.
pub fn timing(row: &Value) -> (&str, &str, &str) {
    (text(row, "due"), text(row, "at"), text(row, "cause"))
}

/// From what to what a row says that a field went; a value that was not there is empty.
#[track_caller]
pub fn change<'a>(row: &'a Value, path: &str) -> (&'a str, &'a str) {
    let field = row["fields"].as_array().into_iter().flatten().find(|field| field["path"] == path);
    let field = field.unwrap_or_else(|| panic!("`{path}` is not among the fields of {row:#}"));
    (text(field, "from"), text(field, "to"))
}

/// How many sessions of the directory are open, whoever's.
#[track_caller]
pub fn open_sessions(roll: &Roster) -> u32 {
    count(roll, "sessions WHERE closed_at IS NULL")
}

/// How many rows there are: `count(roll, "members WHERE name = 'jane'")`.
#[track_caller]
pub fn count(roll: &Roster, from: &str) -> u32 {
    let number = roll.query(&format!("SELECT count(*) FROM {from}"));
    number.and_then(|number| number.parse().ok()).expect("a count is a number")
}

/// The removals that the tenant `acme` says are pending (R9), as `Kind/name reason`.
#[track_caller]
pub fn pending_removals(roll: &Roster) -> Vec<String> {
    let tenant = roll.get("Tenant", "acme");
    let pending = tenant["status"]["pendingRemovals"].as_array().into_iter().flatten();
    pending.map(|removal| format!("{}/{} {}", text(removal, "kind"), text(removal, "name"), text(removal, "reason"))).collect()
}

/// A field as text; empty if it is none.
pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}
