//! The first mail to a member, its invitation and what is told of both (M32, M34). Pure; never sends. Called by the
//! decision about a member.

use jiff::Timestamp;

use crate::api::{MemberPhase, MemberSpec, Reason};
use crate::record::mail::{MailNews, NotInvited, Purpose, RefusedMail, Unsent, address, ended_links, mails};
use crate::record::password::awaits_registration;
use crate::record::{Mail, MemberRecord, TenantRecord, Welcome};

/// Notes that a member is to have its first mail, once it may sign in and there is an address: what follows from it is
/// told by `record::mail`. A tenant without notifications (T15), and a member who has signed in, had theirs.
pub fn welcome(member: &mut MemberRecord, tenant: &TenantRecord, at: Timestamp) {
    let may_sign_in = member.state.phase.may_sign_in() && !member.intent.spec.is_temporary();
    if member.lived.welcome.at.is_some() || !may_sign_in {
        return;
    }
    let had = member.lived.first_sign_in_at.is_some() || !tenant.notifies();
    if had || address(member, tenant.plan()).is_some() {
        member.lived.welcome.at = Some(at);
    }
}

/// What the sender, and the member by its link, have done since; and as of when.
pub fn heard(welcome: &Welcome, news: &MailNews) -> Option<(Timestamp, Welcome)> {
    let MailNews { invited, registered_at, refused: _, links: _, orders: _ } = news;
    let mut next = welcome.clone();
    let mut at = None;
    if let Some((sent_at, until)) = *invited
        && welcome.invited_until.is_none_or(|known| known < until)
    {
        (next.invited_at, next.invited_until, next.expired_at) = (Some(sent_at), Some(until), None);
        at = Some(sent_at);
    }
    if let Some(registered_at) = *registered_at
        && welcome.registered_at.is_none()
    {
        next.registered_at = Some(registered_at);
        next.expired_at = None;
        at = at.max(Some(registered_at));
    }
    at.map(|at| (at, next))
}

/// Notes that the invitation which was sent is over: its link ends with this change.
pub fn withdraw(next: &mut MemberRecord, before: &MemberRecord) {
    if ended_links(before, next).contains(&Purpose::Registration) {
        (next.lived.welcome.invited_until, next.lived.welcome.expired_at) = (None, None);
    }
}

/// Notes what a change makes of invitations: with another on its way, the one before is not told as over any more; and a new
/// value of `resendInvitation` that has nothing to send is noted, with why.
pub fn resend(next: &mut MemberRecord, before: &MemberRecord, tenant: &TenantRecord) {
    let silent = (!tenant.notifies()).then_some(NotInvited::NoNotifications);
    let invites = silent.is_none() && mails(Some(before), next).contains(&Mail::Invitation);
    let is_new = next.newly_spent(before).any(|field| field == "resendInvitation");
    let is_to_come = next.registers_by_link() && next.state.phase == MemberPhase::Scheduled;
    let why = silent.or(next.not_invited().filter(|_| !is_to_come));
    let value = next.intent.spec.resend_invitation.as_ref();
    let welcome = &mut next.lived.welcome;
    if invites && welcome.expired_at.is_some() {
        (welcome.invited_until, welcome.expired_at) = (None, None);
    }
    if invites || is_new {
        let unsent = value.zip(why).filter(|_| !invites);
        welcome.unsent = unsent.map(|(value, why)| Unsent { value: value.as_str().to_owned(), why });
    }
}

/// What is told of a member's mails beside `Ready`.
pub fn warnings(
    spec: &MemberSpec,
    member: &MemberRecord,
    tenant: &TenantRecord,
    news: Option<&MailNews>,
) -> Vec<(Reason, String)> {
    let mut list = Vec::new();
    let welcome = &member.lived.welcome;
    let registers = awaits_registration(member);
    if registers && member.declared.personal_email.is_none() {
        let message = "spec.personalEmail: without it no invitation can be sent, and no first password chosen (M32)";
        list.push((Reason::PersonalEmailRequired, message.to_owned()));
    } else if member.state.phase.may_sign_in() && tenant.notifies() && address(member, tenant.plan()).is_none() {
        let message = "no mail reaches the member: it has no personalEmail, and no mailbox that it has signed in to (M34)";
        list.push((Reason::NoAddress, message.to_owned()));
    }
    if let Some(expired_at) = welcome.expired_at.filter(|_| registers) {
        let message = format!("the invitation ended on {expired_at} unused; a new resendInvitation sends another (M32)");
        list.push((Reason::RegistrationExpired, message));
    }
    let value = spec.resend_invitation.as_ref().map(|value| value.as_str());
    if let Some(unsent) = welcome.unsent.as_ref().filter(|unsent| Some(unsent.value.as_str()) == value) {
        let message = format!("spec.resendInvitation: the value is spent and sent nothing, since {} (M34)", since(unsent.why));
        list.push((Reason::NotApplicable, message));
    }
    if let Some(RefusedMail { id, mail, error }) = news.and_then(|news| news.refused.as_ref()) {
        let remedy = match address(member, tenant.plan()) {
            Some(mailbox) if mailbox == member.declared.message_id => format!("see to the mailbox {mailbox}, and then"),
            Some(_) | None => "correct personalEmail, or".to_owned(),
        };
        let message = format!("the mail {mail} was refused: {error}; {remedy} `rollcall outbox retry {id}` (M34)");
        list.push((Reason::MailRefused, message));
    }
    list
}

/// Why a value of `resendInvitation` sent nothing, and what sends an invitation.
fn since(why: NotInvited) -> &'static str {
    match why {
        NotInvited::NoNotifications => "the tenant's notifications were Disabled: give a new value once they are Enabled",
        NotInvited::OtherMode => "password.mode was not CreationLink: who has no password is invited as soon as it is",
        NotInvited::HasPassword => "the member had a password already: password.requestChange asks for another",
        NotInvited::NoPersonalEmail => "there was no personalEmail: the member is invited as soon as there is one",
        NotInvited::NoAccess => "the member was suspended: give a new value once it is not",
    }
}
