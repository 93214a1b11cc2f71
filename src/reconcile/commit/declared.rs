//! The rows of what is declared: what became of each manifest, and what it waits for. Never writes. Called by the commit.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::names::Names;
use super::{Commit, Told, erased, outcome};
use crate::api::{FROZEN_ANNOTATION, Key, Kind, Reason, Verdict};
use crate::directory::declarations::{self, Declaration};
use crate::lifecycle::identity::carried;
use crate::lifecycle::{Decision, Declared, Removal, Visit, World, declared_key};
use crate::reconcile::gathered::Gathered;
use crate::reconcile::status;
use crate::record::{Record, Uid};

impl Commit {
    /// The declaration: what is declared now, what became of it, what it waits for.
    pub(super) fn declaration(&mut self, gathered: &Gathered, visit: &Visit, decision: &Decision, names: &Names) {
        let now = gathered.world.now;
        let stored = gathered.stored.get(&visit.key);
        match (&visit.declared, &decision.removal) {
            (Declared::Nothing, _) => {}
            (Declared::Removed, Removal::Pending(reason, message)) => {
                if let Some(stored) = stored {
                    let mut next = stored.clone();
                    next.removal = Some(reason.name().to_owned());
                    next.removal_at = stored.removal_at.or(Some(now));
                    next.settled = false;
                    next.waits = decision.waits_for.iter().chain(&decision.follows).cloned().collect();
                    let verdict = Verdict::new(*reason, message.clone());
                    let name = |uid: &Uid| names.get(uid);
                    let record = decision.record.as_ref();
                    let (generation, world) = (stored.generation, &gathered.world);
                    let status = status::status(record, &verdict, generation, now, &stored.status, &name, world);
                    next.status_digest = declarations::status_digest(&status);
                    next.status = status.into();
                    self.outcomes.push(outcome(&visit.key, &verdict));
                    self.compare(Some(stored), next);
                }
            }
            (Declared::Removed, Removal::Done | Removal::NotAsked) => {
                if stored.is_some() {
                    self.gone.push(visit.key.clone());
                    self.signals.insert(declared_key(&visit.key));
                    // Whatever was told of it before holds no longer.
                    let verdict = Verdict::new(Reason::InDirectory, "its resource and its record are gone");
                    self.outcomes.push(outcome(&visit.key, &verdict));
                }
            }
            (Declared::Present(manifest), _) => {
                let Some(verdict) = &decision.verdict else { return };
                let submitted = gathered.submitted.get(&visit.key);
                let changed = stored.is_none_or(|stored| stored.digest != manifest.digest);
                // What it may become the manifest of is not its own yet (M11).
                let own = decision.record.as_ref().filter(|record| *record.handle() == visit.key.handle);
                let uid = own.map(|record| record.uid().to_string());
                let waits: BTreeSet<String> = decision.waits_for.iter().cloned().collect();
                let nothing = Arc::new(Value::Null);
                let before = stored.map_or(&nothing, |stored| &stored.status);
                let name = |uid: &Uid| names.get(uid);
                let (record, world) = (own, &gathered.world);
                let erased = erased::is_erased(gathered, stored, decision, verdict);
                let told = if erased { erased::told(verdict) } else { Cow::Borrowed(verdict) };
                let status = status::status(record, &told, manifest.generation, now, before, &name, world);
                // Until a manifest is taken that says otherwise, it stands where its record is: there it is missed once it is
                // gone (R9).
                let named = tenant_of(&visit.key, &manifest.json);
                let tenant = record.and_then(|record| world.tenants.get(record.tenant())).map(|of| of.handle.name.to_string());
                let tenant = tenant.unwrap_or_else(|| named.clone());
                let next = Declaration {
                    key: visit.key.clone(),
                    source: match (submitted, stored) {
                        (_, Some(stored)) if tenant != named => stored.source.clone(),
                        (Some(submitted), _) => submitted.source.to_string(),
                        (None, Some(stored)) => stored.source.clone(),
                        (None, None) => return,
                    },
                    tenant,
                    spec: if erased { Arc::new(json!({})) } else { manifest.json.clone() },
                    annotations: submitted
                        .filter(|_| !erased)
                        .map(|submitted| json!(submitted.annotations))
                        .or_else(|| stored.filter(|_| !erased).map(|stored| stored.annotations.clone()))
                        .unwrap_or_else(|| json!({})),
                    digest: manifest.digest.clone(),
                    generation: manifest.generation,
                    // Who wrote it and with which commit is told of a real change only.
                    manager: match (changed, submitted) {
                        (true, Some(submitted)) => submitted.manager.clone(),
                        _ => stored.and_then(|stored| stored.manager.clone()),
                    },
                    commit: match (changed, submitted) {
                        (true, Some(submitted)) => submitted.commit.clone(),
                        _ => stored.and_then(|stored| stored.commit.clone()),
                    },
                    created_at: match stored {
                        Some(stored) if brings_back(decision, &stored.spec, &manifest.json) => now,
                        Some(stored) => stored.created_at,
                        None => visit.since,
                    },
                    declared_at: stored.filter(|_| !changed).map_or(now, |stored| stored.declared_at),
                    uid: uid.or_else(|| stored.and_then(|stored| former_uid(world, visit, decision, stored))),
                    settled: verdict.is_ready() && waits.is_empty(),
                    reason: verdict.reason.name().to_owned(),
                    removal: None,
                    removal_at: None,
                    status_digest: declarations::status_digest(&status),
                    status: status.into(),
                    waits: waits.into_iter().chain(decision.follows.iter().cloned()).filter(|_| !erased).collect(),
                };
                let is_frozen = |annotations: &Value| annotations.get(FROZEN_ANNOTATION).is_some();
                if stored.is_some_and(|stored| is_frozen(&stored.annotations) != is_frozen(&json!(manifest.annotations))) {
                    self.signals.insert(declared_key(&visit.key));
                    // All that belongs to a tenant is frozen with it, and thaws with it (R14).
                    self.tenants.extend(Some(visit.key.handle.clone()).filter(|_| visit.key.kind == Kind::Tenant));
                }
                // Who looks for the record under its name may have it, where this one no longer carries its key (M11).
                let left = own.filter(|_| changed).and_then(Record::external_key);
                self.signals
                    .extend(left.filter(|claim| carried(world, visit).as_ref() != Some(claim)).map(|claim| claim.wait_key()));
                let names_another = |spec: &Value| spec.get("concurrentOf").is_some();
                if changed
                    && (visit.key.kind == Kind::Organization
                        || names_another(&manifest.json)
                        || stored.is_some_and(|stored| names_another(&stored.spec)))
                {
                    self.signals.insert(declared_key(&visit.key));
                }
                self.outcomes.push(outcome(&visit.key, verdict));
                self.told.push(Told {
                    key: next.key.clone(),
                    digest: next.status_digest,
                    changed: stored.is_none_or(|stored| stored.status_digest != next.status_digest),
                });
                self.compare(stored, next);
            }
        }
    }

    /// Writes a declaration where it differs from what is there.
    fn compare(&mut self, stored: Option<&Declaration>, next: Declaration) {
        // It may have looked for a record that stays for it (M11).
        let seeks = |waits: &BTreeSet<String>| waits.iter().any(|key| key.starts_with("claim/"));
        if stored.is_some_and(|stored| stored.waits != next.waits && seeks(&stored.waits)) {
            self.signals.insert(declared_key(&next.key));
        }
        if stored.is_none_or(|stored| stored.waits != next.waits) && !(stored.is_none() && next.waits.is_empty()) {
            self.waits.push(next.clone());
        }
        let same = stored.is_some_and(|stored| Declaration { waits: next.waits.clone(), ..stored.clone() } == next);
        if !same {
            self.declared.push(next);
        }
    }
}

/// Whether a manifest begins to want somebody back who departed by another: from then on it counts whether it came in time, as
/// for one that was gone and is there again (M24). It may have waited since before the departure.
fn brings_back(decision: &Decision, before: &Value, now: &Value) -> bool {
    let Some(Record::Member(member)) = &decision.record else { return false };
    let is_live = |record: &Record| matches!(record, Record::Member(member) if !member.is_deleted());
    let departs_now = || decision.steps.iter().filter_map(|step| step.before.as_ref()).any(is_live);
    member.is_deleted()
        && member.lived.departed
        && !member.departed_by(now.get("departure"))
        && (member.departed_by(before.get("departure")) || departs_now())
}

/// The identifier of the record that a manifest had: of one that somebody took away, or that is at rest. One that is another
/// manifest's by now is forgotten (M11).
fn former_uid(world: &World, visit: &Visit, decision: &Decision, stored: &Declaration) -> Option<String> {
    let former = Uid::from(stored.uid.clone()?);
    let purged = decision.steps.iter().filter(|step| step.after.is_none()).filter_map(|step| step.before.as_ref());
    let is_its_own =
        former == visit.fresh.uid || world.at_rest.contains(&former) || purged.map(Record::uid).any(|uid| *uid == former);
    is_its_own.then(|| former.to_string())
}

/// The name of the tenant that an object belongs to; a tenant's own.
fn tenant_of(key: &Key, spec: &Value) -> String {
    match key.kind {
        Kind::Tenant => key.handle.name.to_string(),
        Kind::Organization | Kind::Member | Kind::ExternalContact => {
            spec["tenantRef"]["name"].as_str().unwrap_or_default().to_owned()
        }
    }
}
