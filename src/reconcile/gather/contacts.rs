//! What decisions about external contacts look at: owners and the people they are bound to, whoever may be found by a
//! look-up, in all tenants, and what services reported. Only reads. Called by the gathering.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Gathered, Loader};
use crate::api::{Key, Kind, LocalRef};
use crate::directory::{Error, claims, contacts, facts};
use crate::lifecycle::{Declared, Manifest, Spec};
use crate::record::{Claim, ContactRecord, Record, Sought, Space, Uid};

impl Loader<'_> {
    /// Around contacts: what their records are bound to, and whoever their manifests may find.
    pub(super) async fn contacts(&mut self, gathered: &mut Gathered) -> Result<(), Error> {
        let world = &gathered.world;
        let visits = || gathered.visits.iter().filter(|visit| visit.key.kind == Kind::ExternalContact);
        if visits().next().is_none() {
            return Ok(());
        }
        let known: Vec<Arc<ContactRecord>> = visits()
            .filter_map(|visit| match world.record(&visit.key) {
                Some(Record::ExternalContact(contact)) => Some(contact),
                Some(Record::Tenant(_) | Record::Organization(_) | Record::Member(_)) | None => {
                    world.contacts.get(&visit.fresh.uid).cloned()
                }
            })
            .collect();
        let mut sought: Vec<Sought> = Vec::new();
        for visit in visits() {
            let Declared::Present(Manifest { spec: Ok(Spec::ExternalContact(spec)), .. }) = &visit.declared else { continue };
            let resolved = match world.record(&visit.key) {
                Some(Record::ExternalContact(contact)) => Some(contact.lived.sought.clone()),
                Some(Record::Tenant(_) | Record::Organization(_) | Record::Member(_)) | None => None,
            };
            sought.extend(Sought::of(spec).filter(|sought| resolved.as_ref() != Some(&sought.key())));
        }
        // Whose person somebody's SQL took away looks again by the intent that was taken.
        let lost = known.iter().filter(|contact| contact.lived.target.is_none());
        sought.extend(lost.filter_map(|contact| Sought::of(&contact.intent.spec)));
        let removed: Vec<Uid> = visits()
            .filter(|visit| matches!(visit.declared, Declared::Removed))
            .filter_map(|visit| world.record(&visit.key).map(|contact| contact.uid().clone()))
            .collect();

        let uids: Vec<Uid> = known.iter().map(|contact| contact.uid.clone()).collect();
        for (contact, member, folded) in contacts::accepted(self.tx, &uids).await? {
            if !folded {
                gathered.accepted.insert(contact.clone());
            }
            gathered.world.accepted.insert(contact, member);
        }
        gathered.world.mail_news.extend(self.mail_news(&uids).await?);
        gathered.world.in_shared_room = contacts::in_shared_room(self.tx, &removed).await?.into_iter().collect();
        let mut people: BTreeSet<Uid> = contacts::sought(self.tx, &sought).await?.into_iter().collect();
        let companies = self.companies(&sought).await?;
        people.extend(self.by_message_id(&sought, &companies).await?);
        people.extend(gathered.world.accepted.values().cloned());
        people.extend(known.iter().flat_map(|contact| contact.lived.target.iter().chain([&contact.declared.owner])).cloned());
        people.retain(|uid| !gathered.world.members.contains_key(uid));
        self.load_by_uid(&mut gathered.world, Kind::Member, people.iter().cloned().collect()).await?;
        let gone = people.iter().filter(|uid| !gathered.world.members.contains_key(uid)).map(Uid::to_string);
        let at_rest = facts::at_rest(self.tx, &gone.collect::<Vec<_>>()).await?;
        gathered.world.at_rest.extend(at_rest.into_iter().map(Uid::from));

        let mut tenants: BTreeSet<Uid> = companies.into_iter().map(|(_, uid, _)| uid).collect();
        tenants.extend(gathered.world.members.values().map(|member| member.tenant.clone()));
        tenants.extend(known.iter().map(|contact| contact.tenant.clone()));
        tenants.retain(|uid| !gathered.world.tenants.contains_key(uid));
        self.load_by_uid(&mut gathered.world, Kind::Tenant, tenants.into_iter().collect()).await
    }

    /// The tenants whose domains message IDs name.
    async fn companies(&mut self, sought: &[Sought]) -> Result<Vec<(Claim, Uid, Key)>, Error> {
        let domains: Vec<Claim> =
            sought.iter().filter_map(message_id).map(|(_, domain)| Claim::global(Space::Domain, domain)).collect();
        claims::holders(self.tx, &domains).await
    }

    /// The members who hold the addresses that message IDs name.
    async fn by_message_id(&mut self, sought: &[Sought], companies: &[(Claim, Uid, Key)]) -> Result<Vec<Uid>, Error> {
        let mut addresses = Vec::new();
        for (part, domain) in sought.iter().filter_map(message_id) {
            let domain = Claim::global(Space::Domain, domain);
            let tenants = companies.iter().filter(|(claim, ..)| *claim == domain);
            addresses.extend(tenants.map(|(_, tenant, _)| Claim::within(tenant, Space::Address, part)));
        }
        let holders = claims::holders(self.tx, &addresses).await?;
        Ok(holders.into_iter().filter(|(_, _, key)| key.kind == Kind::Member).map(|(_, uid, _)| uid).collect())
    }
}

/// The local part and the domain of a message ID.
fn message_id(sought: &Sought) -> Option<(&str, &str)> {
    match sought {
        Sought::MessageId(id) => id.rsplit_once('@'),
        Sought::PhoneNumber(_) | Sought::QrToken(_) | Sought::Invitation(_) => None,
    }
}

/// The members to whom a contact is shown.
pub(super) fn shown_to(spec: &crate::api::ExternalContactSpec) -> impl Iterator<Item = &LocalRef> {
    spec.visibility.iter().flat_map(|visibility| &visibility.member_refs)
}
