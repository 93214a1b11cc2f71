//! The difference between a record before and after, as the audit trail tells it (R6). One place for all kinds: no
//! change can miss its row. Pure.

use serde_json::{Value, json};

use super::{ContactRecord, MemberRecord, Record, TenantRecord};
use crate::api::confidential::told;
use crate::api::member::Administrator;

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
    Disconnect,
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
            Action::Disconnect => "disconnect",
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
        (Some(Record::ExternalContact(before)), None) => {
            let phase = FieldChange { path: "phase".into(), from: before.state.phase.name().into(), to: Value::Null };
            vec![Change { action: Action::Purge, fields: vec![phase] }]
        }
        (Some(before), None) => {
            let fields = difference(before.fields(), none());
            vec![Change { action: Action::Delete, fields }]
        }
        (Some(before), Some(after)) => split(before, after, difference(before.fields(), after.fields())),
    }
}

/// Whether the tenant is cancelled now and was not before.
pub(super) fn is_cancelled(before: &TenantRecord, after: &TenantRecord) -> bool {
    before.cancelled_at.is_none() && after.cancelled_at.is_some()
}

/// The fields that differ, as they are told.
fn difference(before: Vec<(String, Value)>, after: Vec<(String, Value)>) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    let take = |list: &[(String, Value)], path: &str| {
        list.iter().find(|(name, _)| name == path).map_or(Value::Null, |(_, value)| value.clone())
    };
    for (path, to) in &after {
        let from = take(&before, path);
        if from != *to && !(is_empty(&from) && is_empty(to)) {
            changes.push(FieldChange { path: path.clone(), from: told(path, &from), to: told(path, to) });
        }
    }
    for (path, from) in before {
        if !is_empty(&from) && !after.iter().any(|(name, _)| *name == path) {
            changes.push(FieldChange { from: told(&path, &from), path, to: Value::Null });
        }
    }
    changes
}

/// Absent and empty are both "nothing said".
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
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
    if let Record::Member(after) = after
        && let Some(transfer) = rows.iter_mut().find(|row| row.action == Action::Transfer)
        && !after.lived.erased.is_empty()
    {
        // The first to be told: it is what can't be undone.
        transfer.fields.insert(1, FieldChange { path: "erased".into(), from: Value::Null, to: json!(after.lived.erased) });
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
    if let (Record::ExternalContact(before), Record::ExternalContact(after)) = (before, after) {
        if before.is_trashed() != after.is_trashed() {
            list.push(if after.is_trashed() { Action::Delete } else { Action::Restore });
        }
        let is_disconnected = |contact: &ContactRecord| contact.lived.severed.is_some() && !contact.is_trashed();
        if is_disconnected(after) && !is_disconnected(before) {
            list.push(Action::Disconnect);
        }
    }
    list
}

/// The actions to which a field belongs, the first that took place; none means `update`.
fn family(path: &str) -> &'static [Action] {
    use Action::{Activate, Delete, Disconnect, Grant, Leave, Rename, Restore, Return, Revoke, Suspend, Transfer, Unsuspend};
    match path {
        "tenant" => &[Transfer],
        "id" | "handle" => &[Rename],
        "messageId" | "contactUrl" | "qrToken" => &[Transfer, Rename],
        "phase" => &[Delete, Restore, Suspend, Unsuspend, Activate, Disconnect],
        "deletedAt" | "trashedAt" | "purgeAt" | "departed" | "departure" => &[Delete, Restore],
        "severed" | "name" | "nickname" | "company" | "photo" => &[Disconnect],
        "activatedAt" | "activation" => &[Activate],
        "suspendedAt" | "suspended" | "suspension" => &[Suspend, Unsuspend],
        "spentLeave" => &[Suspend, Leave],
        "onLeave" | "leaveOfAbsence" => &[Leave, Return],
        "administrator" => &[Grant, Revoke],
        _ => &[],
    }
}
