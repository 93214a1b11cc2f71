//! What follows from a change of a record beyond the record itself: sessions that end, orders to others, what is
//! erased. One place for all kinds. Pure. Carried out by the commit.

use std::collections::BTreeSet;

use super::account::DeviceOrder;
use super::change::is_cancelled;
use super::mail::{Purpose, ended_links, mails};
use super::outbox::{Between, Data, Order, Sharing};
use super::{ContactRecord, MemberRecord, Record, Uid};
use crate::api::ContactPhase;
use crate::api::member::{DeviceOrderState, EasyLogin, MemberPhase};

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
    /// The picture is looked for where the manifest says that it is (M3).
    SeekPhoto,
    /// The picture is erased (M3).
    ErasePhoto,
    /// Everything personal of the record is erased (M25, T12; X4, X5).
    Erase,
    /// The member's open links for this purpose lead nowhere any more (M32–M34).
    EndLinks(Purpose),
    /// The contact's invitation is another now, or none: the mails for the one before, and its acceptance, are void (X3).
    EndInvitation,
    /// The member has another address: mails that were refused, or wait, are tried again at once (M34).
    Readdress,
}

/// What follows from a change beyond the record.
pub fn effects(before: Option<&Record>, after: Option<&Record>) -> Vec<Effect> {
    match (before, after) {
        (Some(Record::Tenant(before)), Some(Record::Tenant(after))) if is_cancelled(before, after) => {
            vec![Effect::Order(Order::EraseTenant), Effect::Erase]
        }
        (None, Some(Record::Member(after))) => of_member(None, after),
        (Some(Record::Member(before)), Some(Record::Member(after))) => of_member(Some(before), after),
        (Some(Record::Member(_)), _) => purged(),
        (None, Some(Record::ExternalContact(after))) => of_contact(None, after),
        (Some(Record::ExternalContact(before)), Some(Record::ExternalContact(after))) => of_contact(Some(before), after),
        (Some(Record::ExternalContact(before)), _) => {
            let close = between(before).map(|between| Effect::Order(Order::CloseContact(between)));
            close.into_iter().chain([Effect::Erase]).collect()
        }
        (None | Some(Record::Tenant(_) | Record::Organization(_)), _) => Vec::new(),
    }
}

fn of_member(before: Option<&MemberRecord>, after: &MemberRecord) -> Vec<Effect> {
    let orders = mails(before, after).into_iter().map(Order::Mail).chain(sharing(before, after));
    let mut list: Vec<Effect> = orders.map(Effect::Order).collect();
    let photo = &after.intent.spec.photo;
    if photo.is_some() && before.is_none_or(|before| before.intent.spec.photo != *photo) {
        list.push(Effect::SeekPhoto);
    }
    let Some(before) = before else { return list };
    list.extend(ended_links(before, after).into_iter().map(Effect::EndLinks));
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

/// The teams whose shared functions a member gets or loses (M5). Who comes takes part unless it is said, and what was said
/// ends with the assignment.
fn sharing(before: Option<&MemberRecord>, after: &MemberRecord) -> Vec<Order> {
    if after.is_deleted() {
        return Vec::new();
    }
    let excluded = |member: &MemberRecord| -> BTreeSet<Uid> {
        let assignments = member.declared.assignments.iter().filter(|assignment| !assignment.include_in_team_sharing);
        assignments.map(|assignment| assignment.organization.clone()).collect()
    };
    let (was, is) = (before.map(excluded).unwrap_or_default(), excluded(after));
    let order = |sharing: Sharing| move |organization: &Uid| Order::Share { organization: organization.clone(), sharing };
    was.difference(&is).map(order(Sharing::Included)).chain(is.difference(&was).map(order(Sharing::Excluded))).collect()
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

fn of_contact(before: Option<&ContactRecord>, after: &ContactRecord) -> Vec<Effect> {
    let mut list = Vec::new();
    // One that comes back from the trash was invited before.
    let known = before.is_some_and(|before| before.lived.sought == after.lived.sought);
    if let Some(address) = after.invited().filter(|_| !known) {
        list.push(Effect::Order(Order::Invite(address.to_owned())));
    }
    if before.is_some() && !known {
        list.push(Effect::EndInvitation);
    }
    let (were, are) = (before.and_then(between), between(after));
    if were != are {
        list.extend(were.map(|were| Effect::Order(Order::CloseContact(were))));
        list.extend(are.map(|are| Effect::Order(Order::OpenContact(are))));
    }
    list
}

/// Between whom messages go, where they may.
fn between(contact: &ContactRecord) -> Option<Between> {
    let target = match contact.state.phase {
        ContactPhase::Connected => contact.lived.target.clone(),
        ContactPhase::Invited | ContactPhase::Disconnected | ContactPhase::Trashed => None,
    };
    target.map(|target| Between { owner: contact.declared.owner.clone(), target })
}
