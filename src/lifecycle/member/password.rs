//! What a member's resource is told of its password (M32, M33): whether it has one, and why not. Never knows
//! one. Pure. Called by the decision about a member.

use crate::api::condition::State;
use crate::api::member::PasswordMode;
use crate::api::{MemberSpec, Reason};
use crate::record::MemberRecord;
use crate::record::password::awaits_registration;

/// The condition `PasswordSet`: it holds while the member has a password, also where another one could not be set.
pub fn told(member: &MemberRecord) -> State {
    let state = |holds, reason, message: &str| State { condition: "PasswordSet", holds, reason, message: message.to_owned() };
    let lived = &member.lived;
    if member.intent.spec.is_temporary() {
        return state(false, Reason::NoAccountYet, "a temporary ID has no password; spec.id makes it an account (M31)");
    }
    let has_one = lived.has_password();
    if let Some((reason, message)) = &lived.password_trouble {
        let still = if has_one { "the password of before counts, and another was not set: " } else { "" };
        return state(has_one, *reason, &format!("{still}{message}"));
    }
    match mode(&member.intent.spec) {
        Some(_) if has_one => state(true, Reason::PasswordSet, "the member has a password"),
        None if has_one => {
            let message = "spec.password is not declared, but the password of before is the member's and still signs in; a declared password with a new resetToken replaces it, spec.suspended ends access (M32)";
            state(true, Reason::NoPasswordDeclared, message)
        }
        None => state(false, Reason::NoPasswordDeclared, "spec.password is not declared: single sign-on only (M32)"),
        Some(PasswordMode::CreationLink) => {
            state(false, Reason::NotRegistered, "the person has not chosen a password through the link yet (M32)")
        }
        Some(PasswordMode::Generate | PasswordMode::FromSecret) => {
            state(false, Reason::PasswordPending, "the password is being made (M32)")
        }
    }
}

/// The warning about values that can't act as the member is (M33).
pub fn not_applicable(member: &MemberRecord) -> Option<(Reason, String)> {
    let password = member.intent.spec.password.as_ref()?;
    let set = [("resetToken", password.reset_token.is_some()), ("requestChange", password.request_change.is_some())];
    let (field, _) = set.into_iter().find(|(_, is_set)| *is_set && awaits_registration(member))?;
    let message = format!("spec.password.{field}: not before the member has registered; use spec.resendInvitation (M33)");
    Some((Reason::NotApplicable, message))
}

fn mode(spec: &MemberSpec) -> Option<PasswordMode> {
    spec.password.as_ref().map(|password| password.mode)
}
