//! What a change of a member means for its password (M32, M33): which one is to be made, and whether the
//! member must change it. No password is ever here. Pure. Called where the effects of a change are told.

use super::MemberRecord;
use crate::api::common::KeyRef;
use crate::api::member::PasswordMode;

/// The fields that act once on a password (R13).
const RESET: &str = "password.resetToken";
const REQUEST: &str = "password.requestChange";

/// What is to be done about a password. The work itself is the shell's, after the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PasswordEffect {
    /// The first password is made as `password.mode` says (M32).
    First,
    /// Another is made in the place of the one there is (M33).
    Reset,
    /// The member has a password, and the manifest says in another way where one comes from: what is there is looked at (M33).
    Redeclared,
    /// The member must change it at the next sign-in (M33).
    MustChange,
    /// The member has signed in for the first time: the Secret of the initial one goes (M32).
    SignedIn,
    /// The member has another name or message ID, or comes back: the Secret of the initial one is to be under that name, and
    /// to say how to sign in with it (M11, M24, M30, M40).
    Moved,
}

/// What a change of a member, or its creation, means for its password.
pub fn effects(before: Option<&MemberRecord>, after: &MemberRecord) -> Vec<PasswordEffect> {
    let mut list = Vec::new();
    // A temporary ID is no account yet (M31).
    if after.intent.spec.is_temporary() {
        return list;
    }
    if let Some(before) = before {
        if resets(before, after) {
            list.extend([PasswordEffect::MustChange, PasswordEffect::Reset]);
        } else if acts(before, after, REQUEST) {
            list.push(PasswordEffect::MustChange);
        }
        if before.lived.first_sign_in_at.is_none() && after.lived.first_sign_in_at.is_some() {
            list.push(PasswordEffect::SignedIn);
        }
        // What was said of the way before is not true of this one.
        let is_told =
            wish(after).is_some_and(|(mode, _)| mode == PasswordMode::FromSecret) || after.lived.password_trouble.is_some();
        if after.lived.has_password() && wish(before) != wish(after) && is_told && !list.contains(&PasswordEffect::Reset) {
            list.push(PasswordEffect::Redeclared);
        }
        let named_anew = before.handle != after.handle || before.declared.message_id != after.declared.message_id;
        // A reset writes another under that name.
        if (named_anew || before.is_deleted() && !after.is_deleted()) && !list.contains(&PasswordEffect::Reset) {
            list.push(PasswordEffect::Moved);
        }
    }
    if lacks_one(after) && !list.contains(&PasswordEffect::Reset) && before.is_none_or(|before| !same_wish(before, after)) {
        list.push(PasswordEffect::First);
    }
    list
}

/// Whether a change makes the present password void: everybody who came in by it leaves (M33).
pub fn resets(before: &MemberRecord, after: &MemberRecord) -> bool {
    acts(before, after, RESET) && !awaits_registration(after)
}

fn acts(before: &MemberRecord, after: &MemberRecord, field: &str) -> bool {
    after.newly_spent(before).any(|spent| spent == field)
}

/// Whether the member chooses its first password by a link, and has not done so yet.
pub fn awaits_registration(member: &MemberRecord) -> bool {
    member.registers_by_link() && !member.lived.has_password()
}

/// Whether a password is declared that the shell is to make, and there is none yet.
pub fn lacks_one(member: &MemberRecord) -> bool {
    let spec = &member.intent.spec;
    let made = match spec.password.as_ref().map(|password| password.mode) {
        Some(PasswordMode::Generate | PasswordMode::FromSecret) => true,
        Some(PasswordMode::CreationLink) | None => false,
    };
    made && !member.is_deleted() && !spec.is_temporary() && !member.lived.has_password()
}

/// Whether the same was lacking before, so that it is ordered already.
fn same_wish(before: &MemberRecord, after: &MemberRecord) -> bool {
    lacks_one(before) && wish(before) == wish(after)
}

/// Where a password is declared to come from.
fn wish(member: &MemberRecord) -> Option<(PasswordMode, Option<&KeyRef>)> {
    member.intent.spec.password.as_ref().map(|password| (password.mode, password.secret_key_ref.as_ref()))
}
