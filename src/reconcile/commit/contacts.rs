//! What a change means for external contacts: whose follow it, whose wait for it, whom a row of the trail tells of.
//! Never writes. Called by the commit.

use super::Commit;
use crate::lifecycle::contact::CONNECTIONS;
use crate::lifecycle::{Step, home_key};
use crate::record::contact::followed;
use crate::record::{FieldChange, MemberRecord, Record, Sought, TenantRecord, Uid};

impl Commit {
    /// The contacts that a change concerns: those that follow a person, and those that wait for one.
    pub(super) fn concerns_contacts(&mut self, before: Option<&Record>, after: Option<&Record>) {
        let member = |record: Option<&Record>| match record {
            Some(Record::Member(member)) => Some(member.clone()),
            Some(Record::Tenant(_) | Record::Organization(_) | Record::ExternalContact(_)) | None => None,
        };
        let tenant = |record: Option<&Record>| match record {
            Some(Record::Tenant(tenant)) => Some(tenant.clone()),
            Some(Record::Organization(_) | Record::Member(_) | Record::ExternalContact(_)) | None => None,
        };
        let (was, is) = (member(before), member(after));
        let of = |member: Option<&MemberRecord>| member.map(Sought::all_of).unwrap_or_default();
        let (could, can) = (of(was.as_deref()), of(is.as_deref()));
        self.sought.extend(could.iter().filter(|sought| !can.contains(sought)).cloned());
        self.sought.extend(can.into_iter().filter(|sought| !could.contains(sought)));
        self.followed.extend(followed(before, after).cloned());
        let home = |member: &MemberRecord| (member.handle.clone(), member.tenant.clone());
        let homes = [was.as_deref().map(home), is.as_deref().map(home)];
        if homes[0] != homes[1] {
            self.signals.extend(homes.iter().flatten().map(|(handle, _)| home_key(handle)));
        }
        let (was, is) = (tenant(before), tenant(after));
        let allows = |tenant: &TenantRecord| (tenant.connects(), tenant.declared.domain.clone());
        if was.as_deref().map(allows) != is.as_deref().map(allows) {
            self.signals.insert(CONNECTIONS.to_owned());
        }
        let seen = |tenant: &TenantRecord| (tenant.connects(), tenant.declared.display_name.clone());
        if let (Some(was), Some(is)) = (was, is)
            && seen(&was) != seen(&is)
        {
            self.companies.push(is.uid.clone());
        }
    }
}

/// Whom a row of the trail tells of besides the record itself: whom it told of before, and whom it does now.
pub(super) fn about(step: &Step, fields: &[FieldChange]) -> [Option<Uid>; 2] {
    let tells = fields.iter().any(|field| matches!(field.path.as_str(), "name" | "nickname" | "company"));
    [&step.before, &step.after].map(|record| record.as_ref().and_then(Record::about).filter(|_| tells).cloned())
}
