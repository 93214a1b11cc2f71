//! What follows from each step beyond the record: sessions that end, orders of the outbox, work on passwords, what is
//! erased. Collected here, written with the batch. Never writes. Called by the commit.

use super::Commit;
use crate::api::Kind;
use crate::directory::accounts::Choice;
use crate::directory::outbox::Ordered;
use crate::directory::passwords;
use crate::directory::random::identifier;
use crate::lifecycle::Step;
use crate::record::account::device_order_id;
use crate::record::effect::effects;
use crate::record::{Cause, Consumer, Effect, Order, PasswordEffect, Record, Uid, password};

impl Commit {
    /// What follows from a step.
    pub(super) fn effects(&mut self, step: &Step, record: &Record) {
        let ordered = |order: Order| Ordered {
            // An order for a device has a name of its own, by which a service acknowledges it.
            id: match &order {
                Order::Device(device) => device_order_id(record.uid(), device),
                Order::LeaveRooms
                | Order::Erase(_)
                | Order::EraseTenant
                | Order::NotifyUpdate
                | Order::Share { .. }
                | Order::OpenContact(_)
                | Order::CloseContact(_)
                | Order::Mail(_)
                | Order::Invite(_) => identifier(),
            },
            at: step.due,
            uid: record.uid().clone(),
            tenant: record.tenant().clone(),
            // Also of what was declared before, and waited for what is declared now.
            held: order.consumer() == Consumer::Mail && matches!(step.cause, Cause::Declared | Cause::Dependency),
            order,
        };
        self.password_effects(step);
        for effect in effects(step.before.as_ref(), step.after.as_ref()) {
            match effect {
                Effect::SignOut => self.signed_out.entry(step.due).or_default().push(record.uid().clone()),
                Effect::CloseApps => self.apps_closed.entry(step.due).or_default().push(record.uid().clone()),
                // Whose record somebody took away, and comes back, had its first mail.
                Effect::Order(order)
                    if order.consumer() == Consumer::Mail
                        && (self.silent.contains(record.tenant())
                            || (step.before.is_none() && self.leftovers.contains(record.uid()))) => {}
                Effect::Order(order @ Order::LeaveRooms) => {
                    self.left_rooms.push(record.uid().clone());
                    self.orders.push(ordered(order));
                }
                Effect::EndLinks(purpose) => self.links_ended.push((record.uid().clone(), purpose)),
                Effect::EndInvitation => self.unanswered.push(record.uid().clone()),
                Effect::Readdress => self.readdressed.push(record.uid().clone()),
                Effect::Order(order) => self.orders.push(ordered(order)),
                Effect::EraseSecondStep => self.withdrawn.push((Choice::SecondStep, record.uid().clone())),
                Effect::EndEasyLogin => self.withdrawn.push((Choice::EasyLogin, record.uid().clone())),
                Effect::SeekPhoto => self.photos_sought.push(record.uid().clone()),
                Effect::ErasePhoto => self.photos_erased.push(record.uid().clone()),
                Effect::Erase => match record.kind() {
                    Kind::Tenant => self.erased_tenants.push(record.uid().clone()),
                    Kind::Member | Kind::Organization => self.erased.push(record.uid().clone()),
                    Kind::ExternalContact => self.erased_contacts.push(record.uid().clone()),
                },
            }
        }
    }

    /// What a change means for the member's password: the work itself comes after the commit (M32, M33).
    fn password_effects(&mut self, step: &Step) {
        let order = |member: &Uid, why| passwords::Order { id: identifier(), member: member.clone(), why, at: step.due };
        let before = match &step.before {
            Some(Record::Member(before)) => Some(before.as_ref()),
            Some(Record::Tenant(_) | Record::Organization(_) | Record::ExternalContact(_)) | None => None,
        };
        let Some(Record::Member(after)) = &step.after else {
            let purged = before.filter(|_| step.after.is_none()).map(|before| &before.uid);
            self.initial_orders.extend(purged.map(|uid| order(uid, passwords::Why::RemoveSecret)));
            return;
        };
        let order = |why| order(&after.uid, why);
        for effect in password::effects(before, after) {
            match effect {
                PasswordEffect::First => self.password_orders.push(order(passwords::Why::First)),
                PasswordEffect::Reset => self.password_orders.push(order(passwords::Why::Reset)),
                PasswordEffect::Redeclared => self.password_orders.push(order(passwords::Why::FromSecret)),
                PasswordEffect::MustChange => self.must_change.push(after.uid.clone()),
                PasswordEffect::SignedIn => self.initial_orders.push(order(passwords::Why::RemoveSecret)),
                PasswordEffect::Moved => self.initial_orders.push(order(passwords::Why::MoveSecret)),
            }
        }
    }
}
