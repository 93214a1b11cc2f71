//! The first mail to a member, its invitation and what is told of both (M32, M34). Pure; never sends. Called by the
//! decision about a member.

use jiff::Timestamp;

use crate::api::{MemberPhase, MemberSpec, Reason};
use crate::record::mail::{MailNews, Purpose, address, ended_links};
use crate::record::password::awaits_registration;
use crate::record::{MemberRecord, TenantRecord, Welcome};

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

/// Notes whether a new value of `resendInvitation` has anything to send again.
pub fn resend(next: &mut MemberRecord, before: &MemberRecord, tenant: &TenantRecord) {
    if !next.newly_spent(before).any(|field| field == "resendInvitation") {
        return;
    }
    let is_to_come = next.registers_by_link() && next.state.phase == MemberPhase::Scheduled;
    let value = next.intent.spec.resend_invitation.as_ref().map(|value| value.as_str().to_owned());
    next.lived.welcome.in_vain = value.filter(|_| !tenant.notifies() || !next.may_be_invited() && !is_to_come);
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
    if value.is_some() && welcome.in_vain.as_deref() == value {
        let message = "spec.resendInvitation: sent only to a member with password.mode CreationLink and a personalEmail, who has not registered and may sign in, of a tenant with notifications (M34)";
        list.push((Reason::NotApplicable, message.to_owned()));
    }
    if let Some((mail, error)) = news.and_then(|news| news.refused.as_ref()) {
        let message = format!("the mail {mail} was refused: {error}; correct personalEmail, or `rollcall outbox retry` (M34)");
        list.push((Reason::MailRefused, message));
    }
    list
}
