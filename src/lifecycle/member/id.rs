//! The login ID that a manifest makes of a member (M1, M30, M31): its own, that of the member it follows, or a
//! temporary one, which is no account yet. Pure; chance is lent by the shell. Called by the decision about a member.

use super::concurrent::{self, NoId, followed};
use crate::api::{Handle, MemberSpec, Problem, Reason};
use crate::lifecycle::{Fresh, World};
use crate::record::{MemberRecord, TenantRecord};

/// With what the IDs begin that are made for want of one (M31).
pub const TEMPORARY: &str = "tmp-";

/// A manifest that is to make an ID.
pub struct Wish<'w> {
    pub tenant: &'w TenantRecord,
    pub handle: &'w Handle,
    pub spec: &'w MemberSpec,
    /// The member that it speaks of, if there is one already.
    pub current: Option<&'w MemberRecord>,
    pub fresh: &'w Fresh,
}

/// The ID that a manifest makes.
pub fn declared(world: &World, wish: &Wish) -> Result<String, NoId> {
    let Wish { tenant, handle, spec, current, fresh } = wish;
    let was_temporary = current.is_some_and(|current| current.intent.spec.is_temporary());
    if spec.is_temporary() {
        return match current {
            None => Ok(fresh.temporary_id.clone()),
            Some(current) if was_temporary => Ok(current.declared.id.clone()),
            Some(_) => {
                let message = "the member has an account; it can't become temporary again, so give its id (M31)";
                Err(NoId::Invalid(Problem::new("spec.temporaryId", message)))
            }
        };
    }
    if was_temporary && spec.password.is_none() {
        let message =
            "spec.password: with an ID in the place of the temporary one it becomes an account, which needs a password too (M31)";
        return Err(NoId::Refused(Reason::PasswordRequired, message));
    }
    concurrent::check(world, tenant, spec, handle).map_err(NoId::Invalid)?;
    match (&spec.id, followed(spec, handle)) {
        (Some(id), _) => Ok(id.as_str().to_owned()),
        (None, Some(followed)) => concurrent::id(world, tenant, &followed, *current),
        // The schema refuses it.
        (None, None) => Err(NoId::Invalid(Problem::new("spec.id", "required (M1)"))),
    }
}
