//! What is known beside what is declared: what services reported, what became of passwords and mails, what is held. Only
//! reads. Called by the gathering.

use std::collections::{BTreeSet, HashMap};

use super::{Gathered, Loader};
use crate::api::{Handle, Kind, MemberSpec};
use crate::directory::passwords::{By, Fact};
use crate::directory::{Error, accounts, charges, facts, holds, links, outbox, passwords, registrations, unattended};
use crate::lifecycle::cancellation::Remaining;
use crate::lifecycle::{Declared, PasswordNews, Visit};
use crate::reconcile::budget;
use crate::record::{Cause, MailNews, Record, Uid};

impl Loader<'_> {
    /// What services reported.
    pub(super) async fn facts(&mut self, gathered: &mut Gathered) -> Result<(), Error> {
        let visited = gathered.visits.iter().filter_map(|visit| gathered.world.record(&visit.key));
        let visited = visited.filter(|record| record.kind() == Kind::Member).map(|record| record.uid().clone());
        let renamed = gathered.world.claims.values().filter(|holder| holder.key.kind == Kind::Member);
        let members: BTreeSet<Uid> = visited.chain(renamed.map(|holder| holder.uid.clone())).collect();
        let members: Vec<Uid> = members.into_iter().collect();
        if !members.is_empty() {
            gathered.world.first_sign_ins = facts::unfolded(self.tx, &members).await?;
            let news = passwords::unfolded(self.tx, &members).await?;
            gathered.world.passwords = news.into_iter().map(|(member, fact)| (member, password_news(fact))).collect();
            gathered.world.mail_news.extend(self.mail_news(&members).await?);
            let (devices, photos) = (wanted(gathered, orders_devices), wanted(gathered, |spec| spec.photo.is_some()));
            gathered.world.accounts = accounts::load(self.tx, &members, &devices, &photos).await?;
        }
        self.facts_of_tenants(gathered).await
    }

    /// What was reported about tenants, and who is still there of one that is to be cancelled.
    async fn facts_of_tenants(&mut self, gathered: &mut Gathered) -> Result<(), Error> {
        let (mut tenants, mut cancelling, mut named) = (Vec::new(), Vec::new(), Vec::new());
        for visit in &gathered.visits {
            named.extend(visit.member_spec().and_then(|spec| Some(spec.registration.as_ref()?.as_str().to_owned())));
            if let Some(Record::Tenant(tenant)) = gathered.world.record(&visit.key) {
                tenants.push(tenant.uid.clone());
                if let Declared::Present(manifest) = &visit.declared
                    && !manifest.json["cancellation"].is_null()
                {
                    cancelling.push(tenant.uid.clone());
                }
            }
        }
        if !tenants.is_empty() {
            gathered.world.charges = charges::of_tenants(self.tx, &tenants).await?;
        }
        for tenant in cancelling {
            let (live, in_grace, last_purge_at) = unattended::remaining(self.tx, &tenant).await?;
            gathered.world.remaining.insert(tenant, Remaining { live, in_grace, last_purge_at });
        }
        let mut requests = registrations::of_tenants(self.tx, &tenants).await?;
        requests.extend(registrations::by_id(self.tx, &named).await?);
        gathered.world.requests = requests.into_iter().map(|request| (request.id.clone(), request)).collect();
        Ok(())
    }

    /// What is held on tenants that are looked at (R12).
    pub(super) async fn holds(&mut self, gathered: &mut Gathered) -> Result<(), Error> {
        let visits = gathered.visits.iter().filter(|visit| visit.key.kind == Kind::Tenant);
        let tenants: Vec<Handle> = visits.map(|visit| visit.key.handle.clone()).collect();
        for held in holds::of_tenants(self.tx, &tenants).await? {
            if let Some(uid) = gathered.world.tenant(&held.tenant).map(|tenant| tenant.uid.clone()) {
                gathered.world.holds.entry(uid).or_default().push(budget::stored(&held));
            }
        }
        Ok(())
    }

    /// What became of mails and links of members, and of invitations of contacts.
    pub(super) async fn mail_news(&mut self, members: &[Uid]) -> Result<HashMap<Uid, MailNews>, Error> {
        let mut all: HashMap<Uid, MailNews> = HashMap::new();
        for links::News { digest, member, sent, used_at } in links::unfolded(self.tx, members).await? {
            let news = all.entry(member).or_default();
            news.links.push(digest);
            news.invited = news.invited.max(sent);
            news.registered_at = news.registered_at.max(used_at);
        }
        for (member, id) in outbox::unfolded(self.tx, members).await? {
            all.entry(member).or_default().orders.push(id);
        }
        for (member, refused) in outbox::refused(self.tx, members).await? {
            all.entry(member).or_default().refused = Some(refused);
        }
        Ok(all)
    }
}

/// What became of a password, as decisions see it.
fn password_news(Fact { id, changed_at, trouble, by, at }: Fact) -> PasswordNews {
    let cause = match by {
        By::Member => Cause::Service,
        By::Administrator => Cause::Declared,
    };
    PasswordNews { id, changed_at, trouble, cause, at }
}

/// The members of a batch whose manifest, or whose record, says something of itself; those that renamed manifests find
/// by their external key among them.
fn wanted(gathered: &Gathered, says: fn(&MemberSpec) -> bool) -> Vec<Uid> {
    let world = &gathered.world;
    let declares = |visit: &Visit| visit.member_spec().is_some_and(says);
    let member = |visit: &Visit| match world.record(&visit.key) {
        Some(Record::Member(member)) => (declares(visit) || says(&member.intent.spec)).then(|| member.uid.clone()),
        Some(Record::Tenant(_) | Record::Organization(_) | Record::ExternalContact(_)) | None => None,
    };
    let mut uids: Vec<Uid> = gathered.visits.iter().filter_map(member).collect();
    if gathered.visits.iter().any(declares) {
        let holders = world.claims.values().filter(|holder| holder.key.kind == Kind::Member);
        uids.extend(holders.map(|holder| holder.uid.clone()));
    }
    uids
}

/// Whether a member's manifest may order something for devices (M23, M28).
fn orders_devices(spec: &MemberSpec) -> bool {
    !spec.devices.is_empty() || spec.departure.as_ref().is_some_and(|departure| departure.devices.is_some())
}
