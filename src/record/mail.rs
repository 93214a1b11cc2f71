//! The mails of M34: which of them follow from a member before and after, and where they go. Plain data and
//! pure; never sends, never holds a link. Used by the differences, the decisions, the outbox and the sender.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::MemberRecord;
use super::password::{awaits_registration, resets};
use crate::api::member::PasswordMode;
use crate::api::tenant::Plan;

/// A mail that goes to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mail {
    /// The account is there.
    FirstNotice,
    /// The account is there; a link to choose its password (M32).
    Invitation,
    /// An administrator set another password. It is not in the mail.
    NewPassword,
    /// An administrator asks for another password; a link to choose it (M33).
    ChangeRequest,
    /// Somebody of a tenant wants the person as an external contact (X3).
    ExternalInvitation,
}

impl Mail {
    pub const ALL: [Mail; 5] =
        [Mail::FirstNotice, Mail::Invitation, Mail::NewPassword, Mail::ChangeRequest, Mail::ExternalInvitation];

    /// The mail's name, in the outbox and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Mail::FirstNotice => "FirstNotice",
            Mail::Invitation => "Invitation",
            Mail::NewPassword => "NewPassword",
            Mail::ChangeRequest => "ChangeRequest",
            Mail::ExternalInvitation => "ExternalInvitation",
        }
    }

    /// What the link in the mail is for, where there is one.
    pub fn link(self) -> Option<Purpose> {
        match self {
            Mail::Invitation => Some(Purpose::Registration),
            Mail::ChangeRequest => Some(Purpose::PasswordChange),
            Mail::FirstNotice | Mail::NewPassword | Mail::ExternalInvitation => None,
        }
    }
}

/// What a link is for. Each is for one use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To choose the first password (M32).
    Registration,
    /// To choose another password (M33, M36).
    PasswordChange,
}

impl Purpose {
    pub const ALL: [Purpose; 2] = [Purpose::Registration, Purpose::PasswordChange];

    /// The purpose as the directory keeps it.
    pub fn name(self) -> &'static str {
        match self {
            Purpose::Registration => "Registration",
            Purpose::PasswordChange => "PasswordChange",
        }
    }

    /// From when on a link that is made at an instant works no more.
    pub fn ends(self, made: Timestamp) -> Timestamp {
        let days = match self {
            Purpose::Registration => 30,
            Purpose::PasswordChange => 7,
        };
        made.saturating_add(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MAX)
    }
}

/// What became of a member's first mail, and of its invitation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Welcome {
    /// When the first notice or the first invitation was made, or noted as not wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// When the last invitation was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invited_at: Option<Timestamp>,
    /// Until when its link works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invited_until: Option<Timestamp>,
    /// When it ended without having been used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired_at: Option<Timestamp>,
    /// When the member chose the first password through the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<Timestamp>,
    /// The value of `resendInvitation` that had nothing to send again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsent: Option<Unsent>,
}

/// A value of `resendInvitation` that is spent and sent nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unsent {
    pub value: String,
    pub why: NotInvited,
}

/// Why a member can't be invited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotInvited {
    /// The tenant wants no mails (T15).
    NoNotifications,
    /// The password is to come about in another way, or not at all.
    OtherMode,
    /// There is nothing to invite it to.
    HasPassword,
    /// It has no address to be invited at.
    NoPersonalEmail,
    /// It may not sign in now.
    NoAccess,
}

/// What happened to a member's mails and links that its record does not know yet; and the mail that was refused.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MailNews {
    /// When the last invitation was sent, and until when its link works.
    pub invited: Option<(Timestamp, Timestamp)>,
    /// When a link was used to choose the first password.
    pub registered_at: Option<Timestamp>,
    /// The mail that the server refused for good.
    pub refused: Option<RefusedMail>,
    /// The rows that are news: digests of links, identifiers of the outbox.
    pub links: Vec<String>,
    pub orders: Vec<String>,
}

/// A mail that the server refused for good.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedMail {
    /// Its identifier in the outbox.
    pub id: String,
    pub mail: String,
    /// The server's words.
    pub error: String,
}

/// Where a mail to a member goes (M34): to its mailbox, once it has signed in on a plan with mail; else to the
/// private address.
pub fn address(member: &MemberRecord, plan: Option<Plan>) -> Option<&str> {
    if plan.is_some_and(Plan::has_mail) && member.lived.first_sign_in_at.is_some() {
        Some(&member.declared.message_id)
    } else {
        member.declared.personal_email.as_deref()
    }
}

impl MemberRecord {
    /// Whether the member chooses its first password through a link (M32).
    pub fn registers_by_link(&self) -> bool {
        self.intent.spec.password.as_ref().is_some_and(|password| password.mode == PasswordMode::CreationLink)
    }

    /// Why no invitation can go to the member now, if none can.
    pub fn not_invited(&self) -> Option<NotInvited> {
        if !self.registers_by_link() {
            Some(NotInvited::OtherMode)
        } else if self.lived.has_password() {
            Some(NotInvited::HasPassword)
        } else if self.declared.personal_email.is_none() {
            Some(NotInvited::NoPersonalEmail)
        } else if !self.state.phase.may_sign_in() {
            Some(NotInvited::NoAccess)
        } else {
            None
        }
    }

    /// Whether the member is to choose its first password by an invitation, now or once it may sign in.
    fn is_to_register(&self) -> bool {
        awaits_registration(self) && self.declared.personal_email.is_some()
    }

    /// Whether the member has, or will have, a password that an administrator may replace.
    fn password_may_be_replaced(&self) -> bool {
        !self.intent.spec.is_temporary() && !awaits_registration(self)
    }
}

/// What the open links of a member are no longer for, after a change: those at another address may be in a stranger's hands
/// (M34), who registers in no way or in another one needs no invitation (M32), and a reset is not to be forestalled (M33).
pub fn ended_links(before: &MemberRecord, after: &MemberRecord) -> Vec<Purpose> {
    let moved = before.declared.personal_email != after.declared.personal_email;
    let ends = |purpose: &Purpose| match purpose {
        Purpose::Registration => before.registers_by_link() && !after.registers_by_link(),
        Purpose::PasswordChange => resets(before, after),
    };
    Purpose::ALL.into_iter().filter(|purpose| moved || ends(purpose)).collect()
}

/// The mails that follow from a change of a member.
pub fn mails(before: Option<&MemberRecord>, after: &MemberRecord) -> Vec<Mail> {
    let mut list = Vec::new();
    let was_welcomed = before.is_some_and(|before| before.lived.welcome.at.is_some());
    if !was_welcomed && after.lived.welcome.at.is_some() && after.lived.first_sign_in_at.is_none() {
        list.push(if after.registers_by_link() { Mail::Invitation } else { Mail::FirstNotice });
    }
    let Some(before) = before else { return list };
    for field in after.newly_spent(before) {
        match field {
            "resendInvitation" if was_welcomed && after.not_invited().is_none() => list.push(Mail::Invitation),
            "password.resetToken" if after.lived.has_password() && after.password_may_be_replaced() => {
                list.push(Mail::NewPassword)
            }
            "password.requestChange" if after.password_may_be_replaced() => list.push(Mail::ChangeRequest),
            _ => {}
        }
    }
    // An invitation that has not left takes the first notice's place no more.
    let never_invited = before.is_to_register() && before.lived.welcome.invited_at.is_none();
    if was_welcomed && never_invited && !after.registers_by_link() {
        list.push(Mail::FirstNotice);
    }
    // Who had a first mail is invited as soon as it is to register (M33). An invitation that was sent to another address is
    // sent anew; one that still waits goes to this one by itself.
    let begins = was_welcomed && !before.is_to_register();
    let was_invited = before.lived.welcome.invited_at.is_some();
    let anew = was_invited && ended_links(before, after).contains(&Purpose::Registration);
    if after.is_to_register() && (begins || anew) && !list.contains(&Mail::Invitation) {
        list.push(Mail::Invitation);
    }
    list
}
