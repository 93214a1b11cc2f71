//! What others must do, typed: each order of the outbox with its consumer (I2). Plain data. Used by the engine,
//! which writes orders, and by whoever takes or lists them.

use serde_json::{Value, json};

use super::Mail;

/// Who carries an order out and acknowledges it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Consumer {
    /// Rollcall's own sender of mails.
    Mail,
    /// The service that keeps message rooms.
    Messages,
    /// The service that keeps what members store.
    Storage,
}

impl Consumer {
    pub const ALL: [Consumer; 3] = [Consumer::Mail, Consumer::Messages, Consumer::Storage];

    /// The consumer as the outbox names it.
    pub fn name(self) -> &'static str {
        match self {
            Consumer::Mail => "mail",
            Consumer::Messages => "messages",
            Consumer::Storage => "storage",
        }
    }
}

/// What a service keeps of a member and erases with it (M25).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    Mailbox,
    Messages,
    PersonalCalendar,
    PersonalDriveFolder,
}

impl Kept {
    pub const ALL: [Kept; 4] = [Kept::Mailbox, Kept::Messages, Kept::PersonalCalendar, Kept::PersonalDriveFolder];

    /// The data as the outbox names them.
    pub fn name(self) -> &'static str {
        match self {
            Kept::Mailbox => "mailbox",
            Kept::Messages => "messages",
            Kept::PersonalCalendar => "personalCalendar",
            Kept::PersonalDriveFolder => "personalDriveFolder",
        }
    }
}

/// Something that another must do about a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// The member leaves all message rooms (M23).
    LeaveRooms,
    /// These data of the member are erased (M25).
    Erase(Kept),
    /// This mail is sent to the member (M34). Where to, and its text, follow from the record when it is sent.
    Mail(Mail),
    /// The person at this address, who is no member, is asked to be an external contact (X3).
    Invite(String),
}

impl Order {
    /// Who carries it out.
    pub fn consumer(&self) -> Consumer {
        match self {
            Order::LeaveRooms => Consumer::Messages,
            Order::Erase(_) => Consumer::Storage,
            Order::Mail(_) | Order::Invite(_) => Consumer::Mail,
        }
    }

    /// What is to be done, as the outbox names it.
    pub fn effect(&self) -> &'static str {
        match self {
            Order::LeaveRooms => "LeaveRooms",
            Order::Erase(_) => "Erase",
            Order::Mail(mail) => mail.name(),
            Order::Invite(_) => Mail::ExternalInvitation.name(),
        }
    }

    /// What else the consumer needs to know.
    pub fn payload(&self) -> Value {
        match self {
            Order::LeaveRooms | Order::Mail(_) => json!({}),
            Order::Erase(kept) => json!({ "data": kept.name() }),
            Order::Invite(address) => json!({ "to": address }),
        }
    }
}
