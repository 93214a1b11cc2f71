//! Whom a change concerns: the objects that wait for it, and those that are looked at again because of it. Never
//! writes. Called by the commit.

use std::collections::HashSet;

use super::names::Names;
use super::{Commit, outcome};
use crate::api::{Key, Kind, Reason, Verdict};
use crate::lifecycle::{Step, place_key, record_key, vacated_key};
use crate::record::{Claim, Record};

impl Commit {
    /// Whom a change concerns: what waits for it, and what follows from it.
    pub(super) fn concerns(&mut self, step: &Step, names: &Names) {
        let (before, after) = (step.before.as_ref(), step.after.as_ref());
        for record in [before, after].into_iter().flatten() {
            self.signals.insert(record_key(&record.key()));
        }
        let held: HashSet<_> = before.map(Record::claims).unwrap_or_default().into_iter().collect();
        let holds: HashSet<_> = after.map(Record::claims).unwrap_or_default().into_iter().collect();
        self.signals.extend(held.difference(&holds).map(Claim::wait_key));
        match (before, after) {
            (Some(Record::Tenant(before)), Some(Record::Tenant(after))) => {
                if before.supreme_admin != after.supreme_admin {
                    // Whoever the role left, or came to, may now do what it could not, or the reverse.
                    let holders = [&before.supreme_admin, &after.supreme_admin].into_iter().flatten();
                    let names = holders.filter_map(|uid| names.get(uid));
                    self.again.extend(names.map(|name| Key::new(Kind::Member, after.handle.sibling(&name))));
                }
                if after.purges_from().is_some() && before.purges_from().is_none() {
                    self.purging.push(after.uid.clone());
                }
                if before.declared != after.declared || before.managed != after.managed {
                    self.tenants.push(after.handle.clone());
                    for kind in [Kind::Member, Kind::Organization] {
                        self.signals.insert(place_key(&after.uid, kind));
                    }
                }
            }
            (Some(Record::Member(before)), after) => {
                let left = match after {
                    Some(Record::Member(after)) => {
                        (after.is_deleted() && !before.is_deleted())
                            || before.organizations_to_come().ne(after.organizations_to_come())
                            || before.declared.assignments.iter().any(|assignment| {
                                !after.declared.assignments.iter().any(|other| other.organization == assignment.organization)
                            })
                    }
                    Some(Record::Tenant(_) | Record::Organization(_) | Record::ExternalContact(_)) | None => true,
                };
                if left {
                    self.signals.insert(vacated_key(&before.tenant));
                }
                let stays = match after {
                    Some(Record::Member(after)) => after.tenant == before.tenant,
                    Some(Record::Tenant(_) | Record::Organization(_) | Record::ExternalContact(_)) | None => false,
                };
                if !stays {
                    self.signals.insert(place_key(&before.tenant, Kind::Member));
                }
            }
            (Some(Record::Organization(before)), after) => {
                let moved = match after {
                    Some(Record::Organization(after)) => before.declared.parent != after.declared.parent,
                    Some(Record::Tenant(_) | Record::Member(_) | Record::ExternalContact(_)) | None => true,
                };
                if moved {
                    self.signals.insert(vacated_key(&before.tenant));
                }
                if after.is_none() {
                    self.signals.insert(place_key(&before.tenant, Kind::Organization));
                }
            }
            (Some(Record::Tenant(_) | Record::ExternalContact(_)), _) | (None, _) => {}
        }
        self.concerns_contacts(before, after);
        // A manifest of another name for the same record takes the place of the old one.
        if let (Some(before), Some(after)) = (before, after)
            && before.handle() != after.handle()
        {
            self.left.insert(before.key(), before.external_key());
            let verdict = Verdict::new(Reason::InDirectory, "its record has another name now");
            self.outcomes.push(outcome(&before.key(), &verdict));
            if before.kind() == Kind::Organization {
                self.renamed.push(before.uid().clone());
            }
        }
    }
}
