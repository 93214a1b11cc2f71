//! Deciding a batch: who holds what it wants, which manifests are still there, and what must be decided with it. Never
//! writes. Called by the engine, between gathering and commit.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::Set;
use super::engine::{BATCH, Engine};
use super::gathered::Gathered;
use super::request::Request;
use crate::api::{Handle, Key, Kind};
use crate::directory::records::{self, By};
use crate::directory::sql::{Tx, keys};
use crate::directory::{Error, claims, contacts, declarations, unattended};
use crate::lifecycle::member::concurrent::{follower_key, renamed};
use crate::lifecycle::{Decision, Declared, Holder, Trigger, Visit, decide_set};
use crate::record::claim::normalized;
use crate::record::contact::followed;
use crate::record::{Claim, Record, Uid};

/// How the engine tells whether a manifest is still there.
#[derive(Clone, Debug)]
pub enum Presence {
    /// By the set at hand, where it is complete for the tenant; else by what is declared.
    Set(Set),
    /// By what is declared, but for objects that are known to be gone.
    DeclaredExcept(HashSet<Key>),
    /// By what is declared.
    Declared,
}

impl Presence {
    /// Whether a manifest is at hand, though it may not have been looked at.
    pub fn has(&self, key: &Key) -> bool {
        self.set().is_some_and(|set| set.objects.contains(key))
    }

    /// Whether what is declared is not wholly known.
    pub fn is_partial(&self) -> bool {
        self.set().is_some_and(|set| set.is_partial)
    }

    fn set(&self) -> Option<&Set> {
        match self {
            Presence::Set(set) => Some(set),
            Presence::DeclaredExcept(_) | Presence::Declared => None,
        }
    }

    /// Whether a manifest is there: yes, no, or what the declarations say.
    fn of(&self, key: &Key, tenant: &Handle) -> Option<bool> {
        match self {
            _ if self.has(key) => Some(true),
            Presence::Set(set) if set.complete.contains(tenant) => Some(false),
            Presence::DeclaredExcept(gone) if gone.contains(key) => Some(false),
            Presence::Set(_) | Presence::DeclaredExcept(_) | Presence::Declared => None,
        }
    }
}

/// Whether a manifest carries an external key.
pub(super) fn carries(spec: &Value, claim: &Claim) -> bool {
    spec["externalKey"].as_str().is_some_and(|key| normalized(key) == claim.key)
}

impl Engine {
    /// Decides, looking up who holds what the decisions want to hold, until nothing new is wanted.
    pub(super) async fn decide(
        &self,
        tx: &mut Tx,
        mut gathered: Gathered,
        look_up: bool,
    ) -> Result<(Gathered, Vec<Decision>), Error> {
        let mut known = HashSet::new();
        self.keys_present(tx, &mut gathered).await?;
        self.confirmations(tx, &mut gathered).await?;
        loop {
            let decisions = decide_set(&gathered.world, &gathered.visits);
            let mut wanted = Vec::new();
            for decision in &decisions {
                let before = decision.steps.first().and_then(|step| step.before.as_ref());
                let held: HashSet<_> = before.map(Record::claims).unwrap_or_default().into_iter().collect();
                let holds = decision.record.as_ref().map(Record::claims).unwrap_or_default();
                wanted.extend(holds.into_iter().filter(|claim| !held.contains(claim) && known.insert(claim.clone())));
            }
            if wanted.is_empty() || !look_up {
                return Ok((gathered, decisions));
            }
            let holders = claims::holders(tx, &wanted).await?;
            if holders.is_empty() {
                return Ok((gathered, decisions));
            }
            // Until when they hold it is told.
            let members = holders.iter().filter(|(_, _, key)| key.kind == Kind::Member).map(|(_, uid, _)| uid);
            for record in records::load(tx, Kind::Member, By::Uid, keys(members)).await? {
                gathered.world.insert(record);
            }
            for (claim, uid, key) in holders {
                gathered.world.claims.insert(claim, Holder { uid, key });
            }
        }
    }

    /// Tells which manifests behind external keys are still there and carry them, and which of other names were put off
    /// (M11).
    async fn keys_present(&self, tx: &mut Tx, gathered: &mut Gathered) -> Result<(), Error> {
        let visits: HashMap<&Key, &Visit> = gathered.visits.iter().map(|visit| (&visit.key, visit)).collect();
        let world = &mut gathered.world;
        let (mut present, mut unsaid) = (Vec::new(), HashMap::new());
        for (claim, holder) in &world.claims {
            let tenant = world.record(&holder.key).and_then(|record| world.tenants.get(record.tenant()).cloned());
            let said = tenant.and_then(|tenant| self.presence.of(&holder.key, &tenant.handle));
            match visits.get(&holder.key).map(|visit| &visit.declared) {
                _ if said == Some(false) => {}
                Some(Declared::Present(manifest)) if carries(&manifest.json, claim) => present.push(holder.key.clone()),
                Some(Declared::Present(_) | Declared::Removed) => {}
                Some(Declared::Nothing) | None => drop(unsaid.insert(holder.key.clone(), (claim.clone(), said))),
            }
        }
        let elsewhere: Vec<Key> = unsaid.keys().cloned().collect();
        for declaration in declarations::load(tx, &elsewhere).await? {
            let Some((claim, said)) = unsaid.get(&declaration.key) else { continue };
            if carries(&declaration.spec, claim) && (said.is_some() || declaration.removal.is_none()) {
                present.push(declaration.key);
            }
        }
        world.present.extend(present);
        for (key, (_, _, loss)) in &self.put_off.losses {
            let record = world.members.get(&loss.member).filter(|member| member.handle != key.handle).cloned();
            let claim = record.and_then(|member| Record::Member(member).external_key());
            world.seekers.extend(claim.map(|claim| (claim, key.clone())));
        }
        Ok(())
    }

    /// What must be decided together with the batch: the others of a cycle, and holders that wait themselves.
    pub(super) async fn pulled(&self, tx: &mut Tx, requests: &[Request], decisions: &[Decision]) -> Result<Vec<Request>, Error> {
        let of_the_batch: HashSet<&Key> = requests.iter().map(|request| &request.key).collect();
        let fresh = |keys: &mut dyn Iterator<Item = &Key>| -> Vec<Key> {
            let unique: HashSet<&Key> = keys.filter(|key| !of_the_batch.contains(key)).collect();
            unique.into_iter().cloned().collect()
        };
        let mut pulled: Vec<Key> = fresh(&mut decisions.iter().flat_map(|decision| &decision.pulls));
        // All of a tenant goes with it, in one transaction (T12).
        for tenant in decisions.iter().filter_map(Decision::cancels) {
            let mut of_it = unattended::of_tenant(tx, &tenant.uid).await?;
            of_it.extend(declarations::of_tenant(tx, &tenant.handle).await?);
            pulled.extend(fresh(&mut of_it.iter()));
        }
        // Who follows an ID changes with it (M30).
        let renamed = decisions.iter().filter_map(|decision| renamed(decision).map(|_| follower_key(&decision.key)));
        let keys: BTreeSet<String> = renamed.collect();
        if !keys.is_empty() {
            pulled.extend(fresh(&mut declarations::waiting_for(tx, &keys).await?.iter()));
        }
        pulled.sort();
        pulled.dedup();
        // A long exchange of IDs lies in several batches: all of it is found at once.
        let mut contended = fresh(&mut decisions.iter().flat_map(|decision| &decision.contends));
        let mut seen: HashSet<Key> = contended.iter().cloned().collect();
        while !contended.is_empty() {
            let declared = declarations::load(tx, &contended).await?;
            let waiting = || declared.iter().filter(|declaration| !declaration.waits.is_empty());
            pulled.extend(waiting().map(|declaration| declaration.key.clone()));
            let waits = waiting().flat_map(|declaration| &declaration.waits);
            let wanted: HashSet<Claim> = waits.filter_map(|key| Claim::waited_for(key)).collect();
            let holders = claims::holders(tx, &wanted.into_iter().collect::<Vec<_>>()).await?;
            contended = fresh(&mut holders.iter().map(|(_, _, key)| key));
            contended.retain(|key| seen.insert(key.clone()));
        }
        // External contacts follow in the same transaction: always where a person goes (M25), else as far as they are not
        // too many.
        for purged in [true, false] {
            let steps = decisions.iter().flat_map(|decision| &decision.steps).filter(|step| step.after.is_none() == purged);
            let members: Vec<Uid> =
                steps.filter_map(|step| followed(step.before.as_ref(), step.after.as_ref()).cloned()).collect();
            let concerned = contacts::of_members(tx, &members).await?;
            if purged || concerned.len() <= BATCH {
                pulled.extend(fresh(&mut concerned.iter()));
            }
        }
        pulled.sort();
        pulled.dedup();
        Ok(pulled.into_iter().map(|key| Request::revisit(key, Trigger::Dependency)).collect())
    }
}
