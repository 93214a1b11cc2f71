//! What others must do, typed: each order of the outbox with its consumer (I2). Plain data. Used by the engine,
//! which writes orders, and by whoever takes or lists them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::DeviceOrder;
use super::{Mail, Uid};

/// Who carries an order out and acknowledges it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Consumer {
    /// Rollcall's own sender of mails.
    Mail,
    /// The service that keeps message rooms.
    Messages,
    /// The service that keeps what members store.
    Storage,
    /// The service that manages devices.
    Devices,
    /// The services of teams: messages, notes, calendars, folders, forms and boards.
    Teams,
}

impl Consumer {
    pub const ALL: [Consumer; 5] = [Consumer::Mail, Consumer::Messages, Consumer::Storage, Consumer::Devices, Consumer::Teams];

    /// The consumer as the outbox names it.
    pub fn name(self) -> &'static str {
        match self {
            Consumer::Mail => "mail",
            Consumer::Messages => "messages",
            Consumer::Storage => "storage",
            Consumer::Devices => "devices",
            Consumer::Teams => "teams",
        }
    }
}

/// What services keep of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Data {
    Messages,
    PersonalCalendar,
    Mailbox,
    PersonalDriveFolder,
}

impl Data {
    pub const ALL: [Data; 4] = [Data::Messages, Data::PersonalCalendar, Data::Mailbox, Data::PersonalDriveFolder];

    /// In words.
    pub fn shown(self) -> &'static str {
        match self {
            Data::Messages => "messages",
            Data::PersonalCalendar => "personal calendar",
            Data::Mailbox => "mailbox",
            Data::PersonalDriveFolder => "personal Drive folder",
        }
    }
}

/// Whether a member takes part in a team's shared functions (M5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    Included,
    Excluded,
}

/// Between whom an external contact is.
#[derive(Clone, Debug, PartialEq)]
pub struct Between {
    pub owner: Uid,
    pub target: Uid,
}

/// Something that another must do about a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// The member leaves all message rooms (M23).
    LeaveRooms,
    /// These data of the member are erased (M25).
    Erase(Data),
    /// All data of the tenant are erased (T12).
    EraseTenant,
    /// Something is done to a device of the member (M28).
    Device(DeviceOrder),
    /// The member is told that an update of the app is there (M28).
    NotifyUpdate,
    /// The team's shared functions are given to the member, or taken away (M5).
    Share { organization: Uid, sharing: Sharing },
    /// This mail is sent to the member (M34). Where to, and its text, follow from the record when it is sent.
    Mail(Mail),
    /// The owner and the contact's person may exchange messages from now on (X2).
    OpenContact(Between),
    /// They may no longer (X4, X5).
    CloseContact(Between),
    /// The person at this address, who is no member, is asked to be an external contact (X3).
    Invite(String),
}

impl Order {
    /// Who carries it out.
    pub fn consumer(&self) -> Consumer {
        match self {
            Order::LeaveRooms | Order::NotifyUpdate | Order::OpenContact(_) | Order::CloseContact(_) => Consumer::Messages,
            Order::Device(_) => Consumer::Devices,
            Order::Share { .. } => Consumer::Teams,
            Order::Erase(_) | Order::EraseTenant => Consumer::Storage,
            Order::Mail(_) | Order::Invite(_) => Consumer::Mail,
        }
    }

    /// What is to be done, as the outbox names it.
    pub fn effect(&self) -> &'static str {
        match self {
            Order::LeaveRooms => "LeaveRooms",
            Order::NotifyUpdate => "NotifyUpdate",
            Order::OpenContact(_) => "OpenContact",
            Order::CloseContact(_) => "CloseContact",
            Order::Device(_) => "OrderDevice",
            Order::Share { sharing: Sharing::Included, .. } => "IncludeInTeamSharing",
            Order::Share { sharing: Sharing::Excluded, .. } => "ExcludeFromTeamSharing",
            Order::Erase(_) | Order::EraseTenant => "Erase",
            Order::Mail(mail) => mail.name(),
            Order::Invite(_) => Mail::ExternalInvitation.name(),
        }
    }

    /// What else the consumer needs to know.
    pub fn payload(&self) -> Value {
        match self {
            Order::LeaveRooms | Order::NotifyUpdate | Order::Mail(_) => json!({}),
            Order::Device(order) => {
                let DeviceOrder { device, action, token, .. } = order;
                json!({"device": device, "action": action.name(), "token": token, "order": order.name()})
            }
            Order::Share { organization, sharing: _ } => json!({ "organization": organization.as_str() }),
            Order::EraseTenant => json!({ "data": "tenant" }),
            Order::Erase(data) => json!({ "data": data }),
            Order::OpenContact(Between { owner, target }) | Order::CloseContact(Between { owner, target }) => {
                json!({ "owner": owner.as_str(), "target": target.as_str() })
            }
            Order::Invite(address) => json!({ "to": address }),
        }
    }
}
