//! Decisions about external contacts (X1–X5). Their effect is not built yet: a declared contact is kept as
//! a declaration and told so. Pure. Called by the set.

use super::{Decision, Declared, Removal, Spec, Visit};
use crate::api::support::unsupported_in_contact;
use crate::api::{Reason, Verdict};

/// Decides about one contact.
pub fn decide(visit: &Visit) -> Decision {
    let mut decision = Decision::unchanged(visit, None);
    match &visit.declared {
        Declared::Nothing => {}
        Declared::Removed => decision.removal = Removal::Done,
        Declared::Present(manifest) => match &manifest.spec {
            Err(problems) => return decision.invalid(problems),
            Ok(Spec::ExternalContact(spec)) => {
                let fields = unsupported_in_contact(spec).join(", ");
                let message = format!("declared and kept, without effect in this version: {fields}");
                decision.verdict = Some(Verdict::new(Reason::NotYetSupported, message));
            }
            Ok(Spec::Tenant(_) | Spec::Organization(_) | Spec::Member(_)) => {}
        },
    }
    decision
}
