//! Gathering: from a batch of requests to the world that its decisions need, in a few set queries. Only
//! reads. Called by the engine.

mod contacts;
mod reported;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::decide::Presence;
use super::gathered::Gathered;
use super::request::{Request, What};
use super::{Content, Submission, concurrent, frozen};
use crate::api::{Handle, Key, Kind, LocalRef, Reason};
use crate::directory::cells::handle_keys;
use crate::directory::declarations::Declaration;
use crate::directory::random::{self, identifier};
use crate::directory::records::By as Found;
use crate::directory::sql::{Tx, keys};
use crate::directory::{Error, claims, declarations, facts, records, tree};
use crate::lifecycle::identity;
use crate::lifecycle::member::id::TEMPORARY;
use crate::lifecycle::tenant::places;
use crate::lifecycle::{Declared, Fresh, Holder, Judgement, Manifest, Spec, Visit, World, record_key};
use crate::record::{Claim, Record, Space, Uid};

/// What the engine knows besides the directory.
pub struct Terms<'e> {
    pub now: Timestamp,
    /// Whether irreversible steps may be taken (R4).
    pub irreversible: bool,
    /// Whether records are taken that another source declares (R9).
    pub take_over: bool,
    /// Whether the directory comes from a backup (R13).
    pub restored: bool,
    /// What was judged of losses of access in this run (T11).
    pub judged: &'e HashMap<Key, Judgement>,
    /// What is declared and whose manifest is gone (R9).
    pub going: &'e HashSet<Key>,
    pub presence: &'e Presence,
}

/// Gathers everything that the decisions about a batch may look at.
pub async fn gather(tx: &mut Tx, requests: &[Request], terms: &Terms<'_>) -> Result<Gathered, Error> {
    let &Terms { now, irreversible, take_over, restored, judged, going, presence } = terms;
    let wanted: Vec<Key> = requests.iter().map(|request| request.key.clone()).collect();
    let stored: HashMap<Key, Declaration> =
        declarations::load(tx, &wanted).await?.into_iter().map(|declaration| (declaration.key.clone(), declaration)).collect();
    let mut gathered = Gathered {
        world: World::new(now, irreversible),
        visits: Vec::with_capacity(requests.len()),
        stored,
        submitted: HashMap::new(),
        elsewhere: Vec::new(),
        accepted: HashSet::new(),
    };
    gathered.world.judged.extend(wanted.iter().filter_map(|key| Some((key.clone(), *judged.get(key)?))));
    let mut loader = Loader { tx, loaded: HashSet::new() };
    for request in requests {
        let before = gathered.stored.get(&request.key);
        let elsewhere = match &request.what {
            What::Submitted(submission) => before.map(|before| &before.source).filter(|source| **source != *submission.source),
            What::Gone | What::Revisit => None,
        };
        if let Some(source) = elsewhere.filter(|_| !take_over) {
            gathered.elsewhere.push((request.key.clone(), source.clone()));
            continue;
        }
        let declared = match (&request.what, before) {
            (What::Submitted(submission), _) => {
                gathered.submitted.insert(request.key.clone(), submission.clone());
                Declared::Present(self::submitted(submission, before))
            }
            (What::Gone, _) => Declared::Removed,
            // What was to go, and is there again, is looked at in its turn.
            (What::Revisit, Some(before)) if before.removal.is_some() && presence.has(&before.key) => Declared::Nothing,
            (What::Revisit, Some(before)) if before.removal.is_some() => Declared::Removed,
            (What::Revisit, Some(before)) if going.contains(&before.key) => Declared::Nothing,
            // What was erased of it says nothing any more.
            (What::Revisit, Some(before)) if before.is_erased() => Declared::Nothing,
            (What::Revisit, Some(before)) => Declared::Present(declared_before(before)),
            (What::Revisit, None) => Declared::Nothing,
        };
        let since = match &request.what {
            What::Submitted(submission) => submission.created_at.max(before.map(|before| before.created_at)),
            What::Gone | What::Revisit => before.map(|before| before.created_at),
        };
        gathered.visits.push(Visit {
            key: request.key.clone(),
            trigger: request.trigger,
            declared,
            since: since.unwrap_or(now),
            acted_before: elsewhere.is_some() || restored || acted_before(&request.what, before),
            fresh: Fresh {
                uid: Uid::from(identifier()),
                contact_token: random::text::<10>(),
                qr_token: random::ordered_token(),
                temporary_id: format!("{TEMPORARY}{}", random::text::<8>()),
            },
        });
    }
    gathered.world.touched = facts::touched(loader.tx).await?.into_iter().collect();
    loader.subjects(&mut gathered).await?;
    loader.former_uids(&mut gathered).await?;
    loader.external_keys(&mut gathered).await?;
    loader.seekers(&mut gathered).await?;
    loader.what_records_refer_to(&mut gathered).await?;
    loader.organizations(&mut gathered, requests).await?;
    loader.places(&mut gathered).await?;
    loader.contacts(&mut gathered).await?;
    loader.facts(&mut gathered).await?;
    loader.holds(&mut gathered).await?;
    concurrent::gather(loader.tx, &mut gathered).await?;
    frozen::gather(loader.tx, &mut gathered).await?;
    Ok(gathered)
}

/// Whether what is declared was acted on already, and the directory does not know: it was restored from a backup (R13).
fn acted_before(what: &What, before: Option<&Declaration>) -> bool {
    match (what, before) {
        (What::Submitted(submission), Some(before)) => submission.observed.is_some_and(|observed| observed > before.generation),
        (What::Submitted(_) | What::Gone | What::Revisit, _) => false,
    }
}

/// A manifest that is handed over now.
fn submitted(submission: &Submission, before: Option<&Declaration>) -> Manifest {
    let Content { json, spec } = submission.content();
    let generation = submission.generation.unwrap_or_else(|| match before {
        None => 1,
        Some(before) if before.digest == submission.digest => before.generation,
        Some(before) => before.generation + 1,
    });
    Manifest {
        spec: spec.clone(),
        json: json.clone(),
        digest: submission.digest.clone(),
        generation,
        annotations: submission.annotations.clone(),
    }
}

/// A manifest as it was declared before.
fn declared_before(before: &Declaration) -> Manifest {
    // What was not refused was checked then.
    let spec = if before.reason == Reason::Invalid.name() {
        Spec::decode(before.key.kind, &before.spec)
    } else {
        Spec::read(before.key.kind, &before.spec).map_err(|problem| vec![problem])
    };
    Manifest {
        spec,
        json: before.spec.clone(),
        digest: before.digest.clone(),
        generation: before.generation,
        annotations: before.annotations_by_name(),
    }
}

/// Every resource that a spec refers to.
fn references(spec: &Spec, handle: &Handle) -> Vec<Key> {
    let key = |kind, reference: &LocalRef| Key::new(kind, handle.sibling(reference.name()));
    match spec {
        Spec::Tenant(spec) => vec![key(Kind::Member, &spec.supreme_admin_ref)],
        Spec::Organization(spec) => std::iter::once(key(Kind::Tenant, &spec.tenant_ref))
            .chain(spec.parent_ref.as_ref().map(|parent| key(Kind::Organization, parent)))
            .collect(),
        Spec::Member(spec) => std::iter::once(key(Kind::Tenant, &spec.tenant_ref))
            .chain(spec.organizations.iter().map(|assignment| key(Kind::Organization, &assignment.organization_ref)))
            .chain(spec.related_contacts.iter().map(|related| key(Kind::Member, &related.member_ref)))
            .chain(spec.concurrent_of.as_ref().map(|other| key(Kind::Member, other)))
            .collect(),
        Spec::ExternalContact(spec) => std::iter::once(key(Kind::Tenant, &spec.tenant_ref))
            .chain(std::iter::once(&spec.owner_ref).chain(contacts::shown_to(spec)).map(|member| key(Kind::Member, member)))
            .collect(),
    }
}

/// The same of a record's stored intent.
fn references_of(record: &Record) -> Vec<Key> {
    match record {
        Record::Tenant(_) => Vec::new(),
        Record::Organization(organization) => {
            references(&Spec::Organization(Arc::new(organization.intent.spec.clone())), &organization.handle)
        }
        Record::Member(member) => references(&Spec::Member(Arc::new(member.intent.spec.clone())), &member.handle),
        Record::ExternalContact(contact) => {
            references(&Spec::ExternalContact(Arc::new(contact.intent.spec.clone())), &contact.handle)
        }
    }
}

/// Loads records once each.
struct Loader<'t> {
    tx: &'t mut Tx,
    loaded: HashSet<Key>,
}

impl Loader<'_> {
    async fn load(&mut self, world: &mut World, wanted: impl IntoIterator<Item = Key>) -> Result<(), Error> {
        let mut by_kind: BTreeMap<Kind, Vec<Handle>> = BTreeMap::new();
        for key in wanted {
            if self.loaded.insert(key.clone()) {
                by_kind.entry(key.kind).or_default().push(key.handle);
            }
        }
        for (kind, handles) in by_kind {
            for record in records::load(self.tx, kind, Found::Handle, handle_keys(&handles)).await? {
                world.insert(record);
            }
        }
        Ok(())
    }

    async fn load_by_uid(&mut self, world: &mut World, kind: Kind, uids: Vec<Uid>) -> Result<(), Error> {
        for record in records::load(self.tx, kind, Found::Uid, keys(uids)).await? {
            self.loaded.insert(record.key());
            world.insert(record);
        }
        Ok(())
    }

    /// The objects themselves, and what their manifests refer to.
    async fn subjects(&mut self, gathered: &mut Gathered) -> Result<(), Error> {
        let mut wanted: Vec<Key> = Vec::new();
        for visit in &gathered.visits {
            wanted.push(visit.key.clone());
            if let Declared::Present(Manifest { spec: Ok(spec), .. }) = &visit.declared {
                wanted.extend(references(spec, &visit.key.handle));
            }
        }
        self.load(&mut gathered.world, wanted).await
    }

    /// The records behind external keys, by which renamed manifests find theirs (M11).
    async fn external_keys(&mut self, gathered: &mut Gathered) -> Result<(), Error> {
        let mut claims = Vec::new();
        for visit in &gathered.visits {
            let Declared::Present(Manifest { spec: Ok(spec), .. }) = &visit.declared else { continue };
            let (tenant, space, key) = match spec {
                Spec::Organization(spec) => (&spec.tenant_ref, Space::OrganizationKey, &spec.external_key),
                Spec::Member(spec) => (&spec.tenant_ref, Space::MemberKey, &spec.external_key),
                Spec::Tenant(_) | Spec::ExternalContact(_) => continue,
            };
            if let (Some(tenant), Some(key)) = (gathered.world.tenant(&visit.key.handle.sibling(tenant.name())), key) {
                claims.push(Claim::within(&tenant.uid, space, key.as_str()));
            }
        }
        for (claim, uid, key) in claims::holders(self.tx, &claims).await? {
            self.load(&mut gathered.world, [key.clone()]).await?;
            gathered.world.claims.insert(claim, Holder { uid, key });
        }
        Ok(())
    }

    /// What the loaded records refer to: their tenants, and the references of their stored intents.
    async fn what_records_refer_to(&mut self, gathered: &mut Gathered) -> Result<(), Error> {
        let world = &gathered.world;
        let mut holders: Vec<Uid> = Vec::new();
        let mut within: BTreeSet<Uid> = BTreeSet::new();
        let mut wanted = Vec::new();
        let subjects = gathered.visits.iter().map(|visit| visit.key.clone());
        let renamed = gathered.world.claims.values().map(|holder| holder.key.clone());
        for key in subjects.chain(renamed) {
            if let Some(record) = world.record(&key) {
                wanted.extend(references_of(&record));
                match &record {
                    Record::Tenant(tenant) => holders.extend(tenant.supreme_admin.clone()),
                    Record::Member(member) => {
                        within.extend(member.declared.assignments.iter().map(|assignment| assignment.organization.clone()));
                    }
                    Record::Organization(_) | Record::ExternalContact(_) => {}
                }
            }
        }
        self.load_by_uid(&mut gathered.world, Kind::Member, holders).await?;
        self.load(&mut gathered.world, wanted).await?;
        // An organization in which a member is may have another name than the manifest's by now.
        within.retain(|uid| !gathered.world.organizations.contains_key(uid));
        self.load_by_uid(&mut gathered.world, Kind::Organization, within.into_iter().collect()).await?;
        let tenants = gathered.world.tenants_missing();
        self.load_by_uid(&mut gathered.world, Kind::Tenant, tenants).await
    }

    /// Around organizations: everything above, the declared parents, and what stands below one that moves or goes.
    async fn organizations(&mut self, gathered: &mut Gathered, requests: &[Request]) -> Result<(), Error> {
        let visits: Vec<&Visit> = gathered.visits.iter().filter(|visit| visit.key.kind == Kind::Organization).collect();
        if visits.is_empty() {
            return Ok(());
        }
        let mut parents: HashMap<Handle, Option<Handle>> = HashMap::new();
        let mut unknown: BTreeSet<Handle> = BTreeSet::new();
        for visit in &visits {
            if let Declared::Present(manifest) = &visit.declared {
                let parent = manifest.json["parentRef"]["name"].as_str().map(|name| visit.key.handle.sibling(name));
                unknown.extend(parent.clone());
                parents.insert(visit.key.handle.clone(), parent);
            }
        }
        loop {
            let asked: Vec<Key> = unknown
                .iter()
                .filter(|handle| !parents.contains_key(handle))
                .map(|handle| Key::new(Kind::Organization, handle.clone()))
                .collect();
            if asked.is_empty() {
                break;
            }
            unknown.clear();
            for declaration in declarations::load(self.tx, &asked).await? {
                let handle = &declaration.key.handle;
                let parent = declaration.spec["parentRef"]["name"].as_str().map(|name| handle.sibling(name));
                unknown.extend(parent.clone());
                parents.insert(handle.clone(), parent);
            }
            for key in asked {
                parents.entry(key.handle).or_insert(None);
            }
        }
        gathered.world.declared_parents = parents;

        let known: Vec<Uid> = gathered.world.organizations.keys().cloned().collect();
        for record in tree::tree(self.tx, &known, true).await? {
            self.loaded.insert(record.key());
            gathered.world.insert(record);
        }
        let submitted: HashSet<&Key> =
            requests.iter().filter(|request| !matches!(request.what, What::Revisit)).map(|request| &request.key).collect();
        let roots: Vec<Uid> = gathered
            .visits
            .iter()
            .filter(|visit| {
                let waits = gathered.stored.get(&visit.key).is_some_and(|stored| !stored.settled);
                submitted.contains(&visit.key) || waits || matches!(visit.declared, Declared::Removed)
            })
            .filter_map(|visit| gathered.world.organization(&visit.key.handle).map(|organization| organization.uid.clone()))
            .collect();
        if roots.is_empty() {
            return Ok(());
        }
        let below = tree::tree(self.tx, &roots, false).await?;
        let mut children: HashMap<Uid, HashSet<Uid>> = HashMap::new();
        for record in below {
            children.entry(record.uid().clone()).or_default();
            if let Record::Organization(organization) = &record
                && let Some(parent) = &organization.declared.parent
            {
                children.entry(parent.clone()).or_default().insert(organization.uid.clone());
            }
            self.loaded.insert(record.key());
            gathered.world.insert(record);
        }
        if gathered.visits.iter().any(|visit| visit.key.kind == Kind::Organization && matches!(visit.declared, Declared::Removed))
        {
            let all: Vec<Uid> = children.keys().cloned().collect();
            gathered.world.assigned = tree::assigned(self.tx, &all).await?;
            self.assigned_later(gathered, &all).await?;
        }
        gathered.world.children = children;
        Ok(())
    }

    /// Counts the members, too, whose assignment to one of these organizations is to come (O5).
    async fn assigned_later(&mut self, gathered: &mut Gathered, organizations: &[Uid]) -> Result<(), Error> {
        let known = organizations.iter().filter_map(|uid| gathered.world.organizations.get(uid));
        let keys = known.map(|organization| record_key(&Key::new(Kind::Organization, organization.handle.clone()))).collect();
        let mut followers = declarations::waiting_for(self.tx, &keys).await?;
        followers.retain(|key| key.kind == Kind::Member);
        self.load(&mut gathered.world, followers.clone()).await?;
        let world = &mut gathered.world;
        for member in followers.iter().filter_map(|key| world.member(&key.handle).cloned()).collect::<Vec<_>>() {
            for organization in world.to_come(&member).into_iter().filter(|_| !member.is_deleted()) {
                if let Some(members) = world.assigned.get_mut(&organization) {
                    members.insert(member.uid.clone());
                }
            }
        }
        Ok(())
    }

    /// How many places are taken, in tenants whose plan counts them (T3).
    async fn places(&mut self, gathered: &mut Gathered) -> Result<(), Error> {
        let tenants = gathered.visits.iter().filter(|visit| visit.key.kind == Kind::Tenant);
        let declared_now: HashSet<Handle> = tenants.map(|visit| visit.key.handle.clone()).collect();
        for kind in [Kind::Organization, Kind::Member] {
            if !gathered.visits.iter().any(|visit| visit.key.kind == kind) {
                continue;
            }
            let limited: Vec<Uid> = gathered
                .world
                .tenants
                .values()
                // A plan may change in this very batch.
                .filter(|tenant| places(tenant.plan(), kind).is_some() || declared_now.contains(&tenant.handle))
                .map(|tenant| tenant.uid.clone())
                .collect();
            for (tenant, count) in tree::count(self.tx, kind, &limited).await? {
                gathered.world.places.insert((tenant, kind), count);
            }
        }
        Ok(())
    }

    /// A record that somebody took away comes back as the same one, unless it is at rest.
    async fn former_uids(&mut self, gathered: &mut Gathered) -> Result<(), Error> {
        let former: HashMap<Key, String> = gathered
            .visits
            .iter()
            .filter(|visit| gathered.world.record(&visit.key).is_none())
            .filter_map(|visit| Some((visit.key.clone(), gathered.stored.get(&visit.key)?.uid.clone()?)))
            .collect();
        if former.is_empty() {
            return Ok(());
        }
        let uids: Vec<String> = former.values().cloned().collect();
        let at_rest = facts::at_rest(self.tx, &uids).await?;
        gathered.world.at_rest.extend(at_rest.iter().cloned().map(Uid::from));
        // It may also be there still: under a handle that somebody's SQL gave it, or under another manifest's that it was
        // renamed to. That one is another's by now.
        for kind in Kind::ALL {
            let strayed = former.iter().filter(|(key, _)| key.kind == kind).map(|(_, uid)| Uid::from(uid.clone())).collect();
            self.load_by_uid(&mut gathered.world, kind, strayed).await?;
        }
        for visit in &mut gathered.visits {
            let Some(uid) = former.get(&visit.key).cloned().map(Uid::from) else { continue };
            let is_anothers = gathered.world.knows(&uid) && !gathered.world.touched.contains(&uid);
            if !is_anothers && !gathered.world.at_rest.contains(&uid) {
                visit.fresh.uid = uid;
            }
        }
        Ok(())
    }

    /// Manifests that carry the key of a record under another name (M11): those of the batch; and those that are not taken
    /// and look for what goes, for what has another key now or none, and for who is to be the supreme administrator.
    async fn seekers(&mut self, gathered: &mut Gathered) -> Result<(), Error> {
        let world = &mut gathered.world;
        let mut keys: HashMap<String, Claim> = HashMap::new();
        for visit in &gathered.visits {
            let subject = match &visit.declared {
                Declared::Present(Manifest { spec: Ok(Spec::Tenant(spec)), .. }) => {
                    Key::new(Kind::Member, visit.key.handle.sibling(spec.supreme_admin_ref.name()))
                }
                Declared::Present(_) | Declared::Removed | Declared::Nothing => visit.key.clone(),
            };
            let (record, carried) = (world.record(&subject), identity::carried(world, visit));
            let recorded = record.as_ref().and_then(Record::external_key);
            if recorded.as_ref().map(|claim| &claim.key) == carried.as_ref().map(|claim| &claim.key) {
                continue;
            }
            world.seekers.extend(carried.map(|claim| (claim, visit.key.clone())));
            if let (Some(record), Some(claim)) = (record, recorded) {
                let anywhere = Claim::anywhere(&subject.handle.namespace, claim.space, &claim.key);
                keys.extend([&claim, &anywhere].map(|claim| (claim.wait_key(), claim.clone())));
                world.claims.insert(claim, Holder { uid: record.uid().clone(), key: subject });
            }
        }
        if keys.is_empty() {
            return Ok(());
        }
        let visited: HashSet<&Key> = gathered.visits.iter().map(|visit| &visit.key).collect();
        let waiting = declarations::waiting_by_key(self.tx, &keys.keys().cloned().collect()).await?;
        let waiting: Vec<(String, Key)> = waiting.into_iter().filter(|(_, key)| !visited.contains(key)).collect();
        let declared: Vec<Key> = waiting.iter().map(|(_, key)| key.clone()).collect();
        let declared = declarations::load(self.tx, &declared).await?;
        let stays: HashSet<&Key> =
            declared.iter().filter(|declaration| declaration.removal.is_none()).map(|declaration| &declaration.key).collect();
        let seekers = waiting.iter().filter(|(_, key)| stays.contains(key));
        gathered.world.seekers.extend(seekers.filter_map(|(wanted, key)| Some((keys.get(wanted)?.clone(), key.clone()))));
        Ok(())
    }
}
