//! The surroundings of a set of decisions: the records, claims, counts and facts that they need, as plain
//! data. Filled by the engine before the first decision, moved on by each. Holds no connection, reads no clock.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::Decision;
use super::cancellation::{Confirmation, Remaining};
use crate::api::{Handle, Hold, Key, Kind, LocalRef, Reason};
use crate::record::account::AccountFacts;
use crate::record::{
    Cause, Charge, Claim, ContactRecord, MailNews, MemberRecord, OrganizationRecord, Record, Request, TenantRecord, Uid,
};

/// Who holds a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub uid: Uid,
    pub key: Key,
}

/// What became of a member's password. The password itself is nowhere near.
#[derive(Clone, Debug)]
pub struct PasswordNews {
    /// What tells it from later news.
    pub id: String,
    pub changed_at: Option<Timestamp>,
    pub trouble: Option<(Reason, String)>,
    pub cause: Cause,
    pub at: Timestamp,
}

/// Everything that a set of decisions may look at.
#[derive(Clone, Debug)]
pub struct World {
    /// The instant of the decisions.
    pub now: Timestamp,
    /// Whether irreversible steps may be taken: the clocks agree (R4).
    pub irreversible: bool,
    pub tenants: HashMap<Uid, Arc<TenantRecord>>,
    pub organizations: HashMap<Uid, Arc<OrganizationRecord>>,
    pub members: HashMap<Uid, Arc<MemberRecord>>,
    pub contacts: HashMap<Uid, Arc<ContactRecord>>,
    handles: HashMap<Key, Uid>,
    pub claims: HashMap<Claim, Holder>,
    /// How many records of a kind a tenant has (T3).
    pub places: HashMap<(Uid, Kind), i64>,
    /// The live members who are, or will be, assigned directly to an organization that is to go (O5).
    pub assigned: HashMap<Uid, HashSet<Uid>>,
    /// The organizations directly below one that is to go.
    pub children: HashMap<Uid, HashSet<Uid>>,
    /// The parent that each organization declares, accepted or not.
    pub declared_parents: HashMap<Handle, Option<Handle>>,
    /// The member whose ID each member declares to follow, accepted or not (M30).
    pub concurrent: HashMap<Handle, Option<Handle>>,
    /// Why tenants, and members of the set, are frozen (R14).
    pub frozen: HashMap<Key, String>,
    /// Manifests that carry the external key of the record under their handle.
    pub present: HashSet<Key>,
    /// Members' first sign-ins, as services reported them.
    pub first_sign_ins: HashMap<Uid, Timestamp>,
    /// What became of members' passwords, that no record knows of yet.
    pub passwords: HashMap<Uid, PasswordNews>,
    /// What happened to members' mails and links, and what was refused.
    pub mail_news: HashMap<Uid, MailNews>,
    /// What is known of members' accounts, as far as decisions look at it.
    pub accounts: HashMap<Uid, AccountFacts>,
    /// Contacts whose person shares a message room with a colleague of the owner (X4).
    pub in_shared_room: HashSet<Uid>,
    /// Manifests that carry the external key of a record under another handle, or of none, by that key (M11).
    pub seekers: HashMap<Claim, Key>,
    /// Who accepted a contact's invitation (X3).
    pub accepted: HashMap<Uid, Uid>,
    /// Members that are purged (M25).
    pub at_rest: HashSet<Uid>,
    /// Records that somebody changed behind the engine's back.
    pub touched: HashSet<Uid>,
    /// What was judged of losses of access (T11). One that was not is put off until it is.
    pub judged: HashMap<Key, Judgement>,
    /// What needs a person's word, by tenant (R12).
    pub holds: HashMap<Uid, Vec<Hold>>,
    /// What the billing system wrote of tenants, by month (T13).
    pub charges: HashMap<Uid, Vec<Charge>>,
    /// Who is still there of a tenant that is to be cancelled (T12).
    pub remaining: HashMap<Uid, Remaining>,
    /// What the declared confirmations are beside the password of a supreme administrator (T12).
    pub confirmations: HashMap<Uid, Confirmation>,
    /// Requests for an account, by identifier (M35).
    pub requests: HashMap<String, Request>,
}

/// Whether a member may lose access by a declaration (T11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It fits into the tenant's budget.
    Cleared,
    /// A person gave their word.
    Approved,
    /// It waits for a person's word.
    Held,
}

impl World {
    /// A world of nothing, at an instant.
    pub fn new(now: Timestamp, irreversible: bool) -> Self {
        World {
            now,
            irreversible,
            tenants: HashMap::new(),
            organizations: HashMap::new(),
            members: HashMap::new(),
            contacts: HashMap::new(),
            handles: HashMap::new(),
            claims: HashMap::new(),
            places: HashMap::new(),
            assigned: HashMap::new(),
            children: HashMap::new(),
            declared_parents: HashMap::new(),
            concurrent: HashMap::new(),
            frozen: HashMap::new(),
            present: HashSet::new(),
            first_sign_ins: HashMap::new(),
            passwords: HashMap::new(),
            mail_news: HashMap::new(),
            accounts: HashMap::new(),
            in_shared_room: HashSet::new(),
            seekers: HashMap::new(),
            accepted: HashMap::new(),
            at_rest: HashSet::new(),
            touched: HashSet::new(),
            judged: HashMap::new(),
            holds: HashMap::new(),
            charges: HashMap::new(),
            remaining: HashMap::new(),
            confirmations: HashMap::new(),
            requests: HashMap::new(),
        }
    }

    /// Adds a record as it is in the directory.
    pub fn insert(&mut self, record: Record) {
        self.handles.insert(record.key(), record.uid().clone());
        match record {
            Record::Tenant(tenant) => drop(self.tenants.insert(tenant.uid.clone(), tenant)),
            Record::Organization(organization) => drop(self.organizations.insert(organization.uid.clone(), organization)),
            Record::Member(member) => drop(self.members.insert(member.uid.clone(), member)),
            Record::ExternalContact(contact) => drop(self.contacts.insert(contact.uid.clone(), contact)),
        }
    }

    /// The record under a handle.
    pub fn record(&self, key: &Key) -> Option<Record> {
        let uid = self.handles.get(key)?;
        match key.kind {
            Kind::Tenant => self.tenants.get(uid).cloned().map(Record::Tenant),
            Kind::Organization => self.organizations.get(uid).cloned().map(Record::Organization),
            Kind::Member => self.members.get(uid).cloned().map(Record::Member),
            Kind::ExternalContact => self.contacts.get(uid).cloned().map(Record::ExternalContact),
        }
    }

    /// Whether there is a record of this identifier.
    pub fn knows(&self, uid: &Uid) -> bool {
        self.tenants.contains_key(uid)
            || self.organizations.contains_key(uid)
            || self.members.contains_key(uid)
            || self.contacts.contains_key(uid)
    }

    /// The tenant of a stored intent, where somebody's SQL may have put the record into another.
    pub fn home(&self, uid: &Uid, handle: &Handle, tenant: &LocalRef) -> Option<Uid> {
        let home = self.touched.contains(uid).then(|| self.tenant(&handle.sibling(tenant.name())))?;
        home.map(|home| home.uid.clone())
    }

    /// The tenant under a handle.
    pub fn tenant(&self, handle: &Handle) -> Option<&Arc<TenantRecord>> {
        self.tenants.get(self.handles.get(&Key::new(Kind::Tenant, handle.clone()))?)
    }

    /// The organization under a handle.
    pub fn organization(&self, handle: &Handle) -> Option<&Arc<OrganizationRecord>> {
        self.organizations.get(self.handles.get(&Key::new(Kind::Organization, handle.clone()))?)
    }

    /// The member under a handle.
    pub fn member(&self, handle: &Handle) -> Option<&Arc<MemberRecord>> {
        self.members.get(self.handles.get(&Key::new(Kind::Member, handle.clone()))?)
    }

    /// The tenants that are not known, of records that are.
    pub fn tenants_missing(&self) -> Vec<Uid> {
        let organizations = self.organizations.values().map(|organization| &organization.tenant);
        let members = self.members.values().map(|member| &member.tenant);
        let contacts = self.contacts.values().map(|contact| &contact.tenant);
        let missing = organizations.chain(members).chain(contacts).filter(|tenant| !self.tenants.contains_key(*tenant));
        missing.collect::<HashSet<_>>().into_iter().cloned().collect()
    }

    /// A tenant of the namespace at hand, as messages name it.
    pub fn shown_tenant(&self, uid: &Uid) -> String {
        self.tenants.get(uid).map_or_else(|| "another tenant".to_owned(), |tenant| format!("the tenant `{}`", tenant.handle.name))
    }

    /// The manifest of another name that carries a record's external key, where its own does not: the record is that one's (M11).
    pub fn sought(&self, record: &Record) -> Option<&Key> {
        let claim = record.external_key().filter(|_| !self.present.contains(&record.key()))?;
        let anywhere = Claim::anywhere(&record.handle().namespace, claim.space, &claim.key);
        let seeker = self.seekers.get(&claim).or_else(|| self.seekers.get(&anywhere));
        seeker.filter(|seeker| seeker.handle != *record.handle())
    }

    /// Whether a member is the supreme administrator of its tenant (T4).
    pub fn is_supreme(&self, member: &MemberRecord) -> bool {
        self.tenants.get(&member.tenant).is_some_and(|tenant| tenant.supreme_admin.as_ref() == Some(&member.uid))
    }

    /// The depth of an organization: 1 at the top. Stops at a parent that is not known.
    pub fn depth(&self, organization: &OrganizationRecord) -> usize {
        let mut depth = 1;
        let mut above = organization.declared.parent.as_ref();
        while let Some(parent) = above.and_then(|uid| self.organizations.get(uid)) {
            depth += 1;
            above = parent.declared.parent.as_ref();
            if depth > 64 {
                break;
            }
        }
        depth
    }

    /// An organization and everything below it, level by level.
    pub fn below(&self, uid: &Uid) -> Vec<Vec<Uid>> {
        let mut seen: HashSet<Uid> = HashSet::from([uid.clone()]);
        let mut levels = vec![vec![uid.clone()]];
        loop {
            let last = levels.last().into_iter().flatten();
            let next: Vec<Uid> = last
                .filter_map(|uid| self.children.get(uid))
                .flatten()
                .filter(|child| seen.insert((*child).clone()))
                .cloned()
                .collect();
            if next.is_empty() {
                return levels;
            }
            levels.push(next);
        }
    }

    /// Moves the world on by a decision, so that the next ones of the set see it.
    pub fn apply(&mut self, decision: &Decision) {
        for step in &decision.steps {
            if let Some(before) = &step.before {
                self.count(before, -1);
                self.handles.remove(&before.key());
                match before {
                    Record::Tenant(tenant) => drop(self.tenants.remove(&tenant.uid)),
                    Record::Organization(organization) => drop(self.organizations.remove(&organization.uid)),
                    Record::Member(member) => {
                        self.members.remove(&member.uid);
                        if step.after.is_none() {
                            self.at_rest.insert(member.uid.clone());
                        }
                    }
                    Record::ExternalContact(contact) => drop(self.contacts.remove(&contact.uid)),
                }
            }
            if let Some(after) = &step.after {
                if let (None, Record::Member(member)) = (&step.before, after) {
                    self.approve(member);
                }
                self.count(after, 1);
                self.insert(after.clone());
            }
        }
    }

    /// The organizations that a member is not in yet, and will be (M4).
    pub fn to_come(&self, member: &MemberRecord) -> BTreeSet<Uid> {
        let named = member.organizations_to_come().filter_map(|name| self.organization(&member.handle.sibling(name)));
        let is_in = |uid: &Uid| member.declared.assignments.iter().any(|assignment| assignment.organization == *uid);
        named.map(|organization| organization.uid.clone()).filter(|uid| !is_in(uid)).collect()
    }

    /// A request makes one member (M35).
    fn approve(&mut self, member: &MemberRecord) {
        let named = member.intent.spec.registration.as_ref().and_then(|id| self.requests.get_mut(id.as_str()));
        if let Some(request) = named.filter(|request| request.is_open(self.now) && request.tenant == member.tenant) {
            *request = request.approved(&member.uid, self.now);
        }
    }

    fn count(&mut self, record: &Record, by: i64) {
        *self.places.entry((record.tenant().clone(), record.kind())).or_default() += by;
        match record {
            Record::Tenant(_) | Record::ExternalContact(_) => {}
            Record::Organization(organization) => {
                if let Some(siblings) = organization.declared.parent.as_ref().and_then(|parent| self.children.get_mut(parent)) {
                    if by > 0 {
                        siblings.insert(organization.uid.clone());
                    } else {
                        siblings.remove(&organization.uid);
                    }
                }
            }
            Record::Member(member) if member.is_deleted() => {}
            Record::Member(member) => {
                let present = member.declared.assignments.iter().map(|assignment| assignment.organization.clone());
                for organization in present.chain(self.to_come(member)) {
                    if let Some(members) = self.assigned.get_mut(&organization) {
                        if by > 0 {
                            members.insert(member.uid.clone());
                        } else {
                            members.remove(&member.uid);
                        }
                    }
                }
            }
        }
    }
}
