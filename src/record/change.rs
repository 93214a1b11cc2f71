//! The difference between a record before and after, as the audit trail tells it (R6), and what else
//! follows from it. One place for all kinds: no change can miss its row. Pure.

use serde_json::Value;

use super::account::DeviceOrder;
use super::mail::mails;
use super::outbox::{Data, Order, Sharing};
use super::{MemberRecord, Record, TenantRecord, Uid};
use crate::api::member::{Administrator, DeviceOrderState, EasyLogin, MemberPhase};

/// What was done to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    Create,
    Update,
    Activate,
    Suspend,
    Unsuspend,
    Leave,
    Return,
    Rename,
    Transfer,
    Delete,
    Restore,
    Purge,
    /// The member became an administrator (M10).
    Grant,
    /// The member is no administrator any more (M10).
    Revoke,
    Cancel,
}

impl Action {
    /// The action as the trail names it.
    pub fn name(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Update => "update",
            Action::Activate => "activate",
            Action::Suspend => "suspend",
            Action::Unsuspend => "unsuspend",
            Action::Leave => "leave",
            Action::Return => "return",
            Action::Rename => "rename",
            Action::Transfer => "transfer",
            Action::Delete => "delete",
            Action::Restore => "restore",
            Action::Purge => "purge",
            Action::Grant => "grant",
            Action::Revoke => "revoke",
            Action::Cancel => "cancel",
        }
    }
}

/// Why a record changed (R6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Somebody declared it.
    Declared,
    /// Its time came.
    Scheduled,
    /// Something it depends on changed.
    Dependency,
    /// Somebody had changed the directory behind the manifest's back; it was set back.
    Drift,
    /// An administrator's order outside the manifests.
    Administrative,
    /// A service reported it.
    Service,
}

impl Cause {
    /// The cause as the trail names it.
    pub fn name(self) -> &'static str {
        match self {
            Cause::Declared => "Declared",
            Cause::Scheduled => "Scheduled",
            Cause::Dependency => "Dependency",
            Cause::Drift => "Drift",
            Cause::Administrative => "Administrative",
            Cause::Service => "Service",
        }
    }
}

/// One field of a record, from what to what.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    pub path: String,
    pub from: Value,
    pub to: Value,
}

/// One row of the trail: an action and the fields that belong to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub action: Action,
    pub fields: Vec<FieldChange>,
}

/// What follows from a change beyond the record itself. It is written in the same transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Every session of the member is closed.
    SignOut,
    /// Every session of the member but those on the web is closed (M27).
    CloseApps,
    /// Another must do something.
    Order(Order),
    /// The enrolled second step is erased (M26).
    EraseSecondStep,
    /// The easy login is turned off (M27).
    EndEasyLogin,
    /// The picture is erased (M3).
    ErasePhoto,
    /// Everything personal of the record is erased (M25).
    Erase,
    /// The member has another address: mails that were refused, or wait, are tried again at once (M34).
    Readdress,
}

/// What happened between two states of a record, one row per action. Nothing, when they are equal.
pub fn changes(before: Option<&Record>, after: Option<&Record>) -> Vec<Change> {
    let none = Vec::new;
    match (before, after) {
        (None, None) => Vec::new(),
        (None, Some(after)) => {
            let (granted, fields): (Vec<_>, Vec<_>) = difference(none(), after.fields()).into_iter().partition(|field| {
                let is_nobody = field.to == Administrator::None.name();
                field.path == "administrator" && !is_nobody
            });
            let mut rows = vec![Change { action: Action::Create, fields }];
            if !granted.is_empty() {
                rows.push(Change { action: Action::Grant, fields: granted });
            }
            rows
        }
        // A purge tells no values: they are what it erases.
        (Some(Record::Member(before)), None) => {
            let phase = FieldChange { path: "phase".into(), from: before.state.phase.name().into(), to: Value::Null };
            vec![Change { action: Action::Purge, fields: vec![phase] }]
        }
        // Nor does a cancellation (T12).
        (Some(Record::Tenant(before)), Some(Record::Tenant(after))) if is_cancelled(before, after) => {
            let (from, to) = (before.phase().name().into(), after.phase().name().into());
            vec![Change { action: Action::Cancel, fields: vec![FieldChange { path: "phase".into(), from, to }] }]
        }
        (Some(before), None) => {
            let fields = difference(before.fields(), none());
            vec![Change { action: Action::Delete, fields }]
        }
        (Some(before), Some(after)) => split(before, after, difference(before.fields(), after.fields())),
    }
}

/// Whether the tenant is cancelled now and was not before.
fn is_cancelled(before: &TenantRecord, after: &TenantRecord) -> bool {
    before.cancelled_at.is_none() && after.cancelled_at.is_some()
}

fn difference(before: Vec<(String, Value)>, after: Vec<(String, Value)>) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    let take = |list: &[(String, Value)], path: &str| {
        list.iter().find(|(name, _)| name == path).map_or(Value::Null, |(_, value)| value.clone())
    };
    for (path, to) in &after {
        let from = take(&before, path);
        if from != *to && !(is_empty(&from) && is_empty(to)) {
            changes.push(FieldChange { path: path.clone(), from, to: to.clone() });
        }
    }
    for (path, from) in before {
        if !is_empty(&from) && !after.iter().any(|(name, _)| *name == path) {
            changes.push(FieldChange { path, from, to: Value::Null });
        }
    }
    changes
}

/// Absent, empty and `false` are all "nothing said".
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(_) | Value::Bool(true) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Splits the changed fields among the actions that took place; `update` is the rest.
fn split(before: &Record, after: &Record, fields: Vec<FieldChange>) -> Vec<Change> {
    let happened = actions(before, after, &fields);
    let mut rows: Vec<Change> = happened.iter().map(|action| Change { action: *action, fields: Vec::new() }).collect();
    let mut rest = Vec::new();
    for field in fields {
        let belongs = |action: &Action| family(&field.path).contains(action);
        match rows.iter_mut().find(|row| belongs(&row.action)) {
            Some(row) => row.fields.push(field),
            None => rest.push(field),
        }
    }
    if !rest.is_empty() {
        rows.push(Change { action: Action::Update, fields: rest });
    }
    rows.retain(|row| !row.fields.is_empty());
    rows
}

/// The actions between two states, in the order in which they are told.
fn actions(before: &Record, after: &Record, fields: &[FieldChange]) -> Vec<Action> {
    let mut list = Vec::new();
    let changed = |path: &str| fields.iter().any(|field| field.path == path);
    if changed("tenant") {
        list.push(Action::Transfer);
    }
    if changed("id") || changed("handle") {
        list.push(Action::Rename);
    }
    if let (Record::Member(before), Record::Member(after)) = (before, after) {
        let (was, is) = (&before.lived, &after.lived);
        let mut turned = |was: bool, is: bool, on: Action, off: Action| {
            if was != is {
                list.push(if is { on } else { off });
            }
        };
        turned(was.deleted_at.is_some(), is.deleted_at.is_some(), Action::Delete, Action::Restore);
        turned(was.activated_at.is_some(), is.activated_at.is_some(), Action::Activate, Action::Activate);
        turned(was.suspended_at.is_some(), is.suspended_at.is_some(), Action::Suspend, Action::Unsuspend);
        let administers = |member: &MemberRecord| member.declared.administrator != Administrator::None.name();
        turned(administers(before), administers(after), Action::Grant, Action::Revoke);
        turned(before.state.on_leave.is_some(), after.state.on_leave.is_some(), Action::Leave, Action::Return);
    }
    list
}

/// The actions to which a field belongs, the first that took place; none means `update`.
fn family(path: &str) -> &'static [Action] {
    use Action::{Activate, Delete, Grant, Leave, Rename, Restore, Return, Revoke, Suspend, Transfer, Unsuspend};
    match path {
        "tenant" | "erased" => &[Transfer],
        "id" | "handle" => &[Rename],
        "messageId" | "contactUrl" | "qrToken" => &[Transfer, Rename],
        "phase" => &[Delete, Restore, Suspend, Unsuspend, Activate],
        "deletedAt" | "purgeAt" | "departed" | "departure" => &[Delete, Restore],
        "activatedAt" | "activation" => &[Activate],
        "suspendedAt" | "suspended" | "suspension" => &[Suspend, Unsuspend],
        "spentLeave" => &[Suspend, Leave],
        "onLeave" | "leaveOfAbsence" => &[Leave, Return],
        "administrator" => &[Grant, Revoke],
        _ => &[],
    }
}

/// What follows from a change beyond the record.
pub fn effects(before: Option<&Record>, after: Option<&Record>) -> Vec<Effect> {
    if let (Some(Record::Tenant(before)), Some(Record::Tenant(after))) = (before, after) {
        return if is_cancelled(before, after) { vec![Effect::Order(Order::EraseTenant), Effect::Erase] } else { Vec::new() };
    }
    let before = match before {
        None => None,
        Some(Record::Member(before)) => Some(before.as_ref()),
        Some(Record::Tenant(_) | Record::Organization(_)) => return Vec::new(),
    };
    let after = match (before, after) {
        (_, Some(Record::Member(after))) => after,
        (Some(_), None) => return purged(),
        (_, Some(Record::Tenant(_) | Record::Organization(_))) | (None, None) => return Vec::new(),
    };
    let orders = mails(before, after).into_iter().map(Order::Mail).chain(sharing(before, after));
    let mut list: Vec<Effect> = orders.map(Effect::Order).collect();
    let Some(before) = before else { return list };
    if before.declared.personal_email != after.declared.personal_email {
        list.push(Effect::Readdress);
    }
    if signs_out(before, after) {
        list.push(Effect::SignOut);
    } else if after.apps_blocked() && !before.apps_blocked() {
        list.push(Effect::CloseApps);
    }
    let transferred = after.tenant != before.tenant;
    if transferred || (after.is_deleted() && !before.is_deleted()) {
        list.push(Effect::Order(Order::LeaveRooms));
    }
    if transferred {
        list.extend(after.lived.erased.iter().map(|data| Effect::Order(Order::Erase(*data))));
    }
    let (was, is) = (&before.lived.account, &after.lived.account);
    if was.second_step_reset_at != is.second_step_reset_at {
        list.push(Effect::EraseSecondStep);
    }
    if after.intent.spec.easy_login == Some(EasyLogin::Disabled) && before.intent.spec.easy_login != Some(EasyLogin::Disabled) {
        list.push(Effect::EndEasyLogin);
    }
    if was.photo.is_some() && is.photo.is_none() {
        list.push(Effect::ErasePhoto);
    }
    let sent = |order: &&DeviceOrder| order.state == DeviceOrderState::Ordered;
    let were_sent: Vec<&DeviceOrder> = was.orders.iter().filter(sent).collect();
    let fresh = |order: &&DeviceOrder| !were_sent.iter().any(|sent| sent.is(&order.device, order.action, &order.token));
    list.extend(is.orders.iter().filter(sent).filter(fresh).map(|order| Effect::Order(Order::Device(order.clone()))));
    if after.newly_spent(before).any(|field| field == "notifyUpdate") {
        list.push(Effect::Order(Order::NotifyUpdate));
    }
    list
}

/// What follows from the end of a member.
fn purged() -> Vec<Effect> {
    let data = Data::ALL.map(|data| Effect::Order(Order::Erase(data)));
    [Effect::SignOut].into_iter().chain(data).chain([Effect::Erase]).collect()
}

/// The teams whose shared functions a member gets or loses (M5). Who comes takes part unless it is said; who leaves
/// the team needs no word.
fn sharing(before: Option<&MemberRecord>, after: &MemberRecord) -> Vec<Order> {
    let was = |organization: &Uid| {
        let assignments = before.filter(|before| !before.is_deleted()).map(|before| before.declared.assignments.as_slice());
        let assignment = assignments.into_iter().flatten().find(|assignment| assignment.organization == *organization);
        assignment.is_none_or(|assignment| assignment.include_in_team_sharing)
    };
    let assignments = after.declared.assignments.iter().filter(|_| !after.is_deleted());
    assignments
        .filter(|assignment| assignment.include_in_team_sharing != was(&assignment.organization))
        .map(|assignment| Order::Share {
            organization: assignment.organization.clone(),
            sharing: if assignment.include_in_team_sharing { Sharing::Included } else { Sharing::Excluded },
        })
        .collect()
}

/// Access ends (M21, M23), the ID is another (M30), or the company (M40); the password is void (M33), or the second
/// step is reset (M26).
fn signs_out(before: &MemberRecord, after: &MemberRecord) -> bool {
    let access = |phase: MemberPhase| phase.may_sign_in();
    (access(before.state.phase) && !access(after.state.phase))
        || before.declared.id != after.declared.id
        || before.tenant != after.tenant
        || super::password::resets(before, after)
        || before.lived.account.second_step_reset_at != after.lived.account.second_step_reset_at
}
