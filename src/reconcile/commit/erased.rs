//! Whether nothing is kept of what is declared, and what its resource is told then: of a person who is purged (M25), or of
//! a tenant that is cancelled (T12). Never writes. Called by the commit.

use std::borrow::Cow;

use super::Gathered;
use crate::api::condition::Class;
use crate::api::{Kind, Reason, Verdict};
use crate::directory::declarations::Declaration;
use crate::lifecycle::Decision;
use crate::record::Uid;

/// Whether nothing is kept of what is declared. A manifest that waits makes another person's record by itself, and is kept
/// for that.
pub(super) fn is_erased(gathered: &Gathered, stored: Option<&Declaration>, decision: &Decision, verdict: &Verdict) -> bool {
    match (verdict.reason, verdict.reason.class()) {
        (Reason::TenantCancelled | Reason::Cancelled, _) => true,
        _ if decision.record.is_some() => false,
        (Reason::Departed, _) => true,
        (_, Class::Waits) => false,
        (_, Class::Ready | Class::Stalled | Class::Warning | Class::Password) => {
            let purged = decision.steps.iter().any(|step| step.after.is_none());
            let uid = stored.and_then(|stored| stored.uid.clone()).map(Uid::from);
            decision.key.kind == Kind::Member && (purged || uid.is_some_and(|uid| gathered.world.at_rest.contains(&uid)))
        }
    }
}

/// What is told of a manifest of which nothing is kept: not what was wrong with its values, but where.
pub(super) fn told(verdict: &Verdict) -> Cow<'_, Verdict> {
    match verdict.reason {
        Reason::TenantCancelled | Reason::Cancelled | Reason::Departed => Cow::Borrowed(verdict),
        reason => {
            let paths: Vec<&str> = verdict.problems.iter().map(|problem| problem.path.as_str()).collect();
            let at = if paths.is_empty() { String::new() } else { format!("{}: ", paths.join(", ")) };
            let message = format!("{at}the member is purged, and nothing is kept of a manifest that is refused (M25)");
            Cow::Owned(Verdict::new(reason, message))
        }
    }
}
