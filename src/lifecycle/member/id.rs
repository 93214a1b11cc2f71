//! The login ID that a manifest makes of a member (M1, M31): its own, or a temporary one, which is no account yet.
//! Pure; chance is lent by the shell. Called by the decision about a member.

use crate::api::{MemberSpec, Problem, Reason};
use crate::lifecycle::Fresh;
use crate::record::MemberRecord;

/// With what the IDs begin that are made for want of one (M31).
pub const TEMPORARY: &str = "tmp-";

/// Why a manifest makes no ID.
pub enum NoId {
    Invalid(Problem),
    Refused(Reason, &'static str),
}

/// The ID that a manifest makes of the member that it speaks of, if there is one already.
pub fn declared(spec: &MemberSpec, current: Option<&MemberRecord>, fresh: &Fresh) -> Result<String, NoId> {
    if spec.is_temporary() {
        return match current {
            None => Ok(fresh.temporary_id.clone()),
            Some(current) if current.intent.spec.is_temporary() => Ok(current.declared.id.clone()),
            Some(_) => {
                let message = "the member has an account; it can't become temporary again, so give its id (M31)";
                Err(NoId::Invalid(Problem::new("spec.temporaryId", message)))
            }
        };
    }
    if current.is_some_and(|current| current.intent.spec.is_temporary()) && spec.password.is_none() {
        let message =
            "spec.password: with an ID in the place of the temporary one it becomes an account, which needs a password too (M31)";
        return Err(NoId::Refused(Reason::PasswordRequired, message));
    }
    match &spec.id {
        Some(id) => Ok(id.as_str().to_owned()),
        None => Err(NoId::Refused(
            Reason::NotYetSupported,
            "without `id`, a member needs concurrentOf, which is not supported yet (M30)",
        )),
    }
}
