//! What is frozen (R14): a tenant with all that belongs to it, or a member. Nothing of it changes; what would happen, and
//! what drifted, is told. Pure. Called by the set before anything else is decided of an object.

use super::{
    Block, Decision, Declared, Judgement, Removal, Visit, World, contact, declared_key, is_frozen, member, organization, tenant,
};
use crate::api::{Key, Kind, MemberPhase, Reason, Verdict};
use crate::record::change::changes;
use crate::record::{Cause, Record};

/// How many things are told that would happen.
const TOLD: usize = 10;

/// What holds an object as it is, and the reason that somebody gave.
struct Frozen<'w> {
    by: Key,
    reason: &'w str,
    /// Whether it is the tenant that the record belongs to, or the object itself: else only what is declared waits.
    holds_record: bool,
}

/// Whether an object is frozen.
pub fn holds(world: &World, visit: &Visit) -> bool {
    frozen(world, visit, world.record(&visit.key).as_ref()).is_some()
}

fn frozen<'w>(world: &'w World, visit: &Visit, record: Option<&Record>) -> Option<Frozen<'w>> {
    let tenant = |name: &str| Key::new(Kind::Tenant, visit.key.handle.sibling(name));
    let recorded = record.and_then(|record| world.tenants.get(record.tenant())).map(|of| tenant(&of.handle.name));
    let declared = match &visit.declared {
        Declared::Present(manifest) => manifest.json["tenantRef"]["name"].as_str().map(tenant),
        Declared::Removed | Declared::Nothing => None,
    };
    let held = [Some(visit.key.clone()), recorded].into_iter().flatten().map(|by| (by, true));
    let keys = held.chain(declared.map(|by| (by, record.is_none())));
    keys.filter_map(|(by, holds_record)| Some(Frozen { reason: world.frozen.get(&by)?, by, holds_record })).next()
}

/// Decides about an object that is frozen, if it is.
pub fn decide(world: &World, visit: &Visit, blocked: Option<&Block>) -> Option<Decision> {
    let record = match world.record(&visit.key) {
        None if visit.key.kind == Kind::Member => world.members.get(&visit.fresh.uid).cloned().map(Record::Member),
        record => record,
    };
    // All of a tenant goes with it, in one transaction, and nothing is kept of what is declared of it later (T12).
    let named = match &visit.declared {
        Declared::Present(manifest) => manifest.json["tenantRef"]["name"].as_str(),
        Declared::Removed | Declared::Nothing => None,
    };
    let tenant = match &record {
        Some(record) => world.tenants.get(record.tenant()),
        None => named.and_then(|name| world.tenant(&visit.key.handle.sibling(name))),
    };
    if tenant.is_some_and(|tenant| tenant.cancelled_at.is_some()) {
        return None;
    }
    let frozen = frozen(world, visit, record.as_ref())?;
    if !frozen.holds_record && visit.key.kind == Kind::Member {
        return Some(waits_outside(world, visit, blocked, &frozen));
    }
    let mut decision = Decision::unchanged(visit, record);
    member::facts::fold_only(world, &mut decision);
    contact::forget(world, &mut decision);
    let moved = (!decision.steps.is_empty()).then(|| {
        let mut moved = world.clone();
        moved.apply(&decision);
        moved
    });
    let world = moved.as_ref().unwrap_or(world);
    let would = match (&visit.declared, visit.key.kind) {
        (Declared::Removed | Declared::Nothing, _) => decision.clone(),
        (Declared::Present(_), Kind::Tenant) => tenant::decide(world, visit, None),
        (Declared::Present(_), Kind::Organization) => organization::decide(world, visit, None),
        (Declared::Present(_), Kind::Member) => {
            let would = member::decide(world, visit, None);
            if would.loss.is_some() { member::decide(&cleared(world, &visit.key), visit, None) } else { would }
        }
        (Declared::Present(_), Kind::ExternalContact) => contact::decide(world, visit),
    };
    let is_touched = decision.record.as_ref().is_some_and(|record| world.touched.contains(record.uid()));
    decision.keeps_drift = is_touched && would.steps.iter().any(|step| step.cause == Cause::Drift);
    match &visit.declared {
        Declared::Nothing => {}
        Declared::Removed => {
            let is_there = match &decision.record {
                Some(Record::Member(member)) => !member.is_deleted(),
                Some(Record::ExternalContact(contact)) => contact.lived.trashed_at.is_none(),
                Some(Record::Tenant(_) | Record::Organization(_)) => true,
                None => false,
            };
            decision.removal = if is_there {
                let remedy = if frozen.by == visit.key {
                    "apply it again without the annotation to let it go"
                } else {
                    "it goes once that thaws"
                };
                Removal::Pending(Reason::Frozen, format!("{}; {remedy}", frozen.sentence()))
            } else {
                Removal::Done
            };
        }
        Declared::Present(manifest) => {
            decision.follows.clone_from(&would.follows);
            let told = told(world, &frozen, &decision, &would);
            let mut verdict = match (&manifest.spec, &decision.record) {
                (Err(problems), _) => Decision::unchanged(visit, None).invalid(problems).verdict?,
                (Ok(_), Some(record)) if *record.intent_json() == *manifest.json => as_it_is(world, &frozen, record),
                (Ok(_), _) => Verdict::new(Reason::Frozen, told.clone()),
            };
            if let Some(would) = would.verdict {
                if would.reason == Reason::CancellationBlocked && verdict.is_ready() {
                    (verdict.reason, verdict.message) = (would.reason, would.message);
                }
                (verdict.warnings, verdict.states, verdict.holds) = (would.warnings, would.states, would.holds);
                verdict.blocks = would.blocks;
            }
            verdict.warnings.push((Reason::Frozen, told));
            decision.verdict = Some(verdict);
        }
    }
    Some(decision)
}

/// Decides about a member that is declared to move to a tenant that is frozen: its life in its own goes on.
fn waits_outside(world: &World, visit: &Visit, blocked: Option<&Block>, frozen: &Frozen) -> Decision {
    let mut decision = member::decide(world, &Visit { declared: Declared::Nothing, ..visit.clone() }, blocked);
    if let Declared::Present(manifest) = &visit.declared {
        decision.verdict = match &manifest.spec {
            Err(problems) => return decision.invalid(problems),
            Ok(_) => Some(Verdict::new(Reason::Frozen, frozen.sentence())),
        };
        decision.waits_for.push(declared_key(&frozen.by));
    }
    decision
}

/// The same surroundings, where an object may lose access (T11): whether it may is judged after the thaw.
fn cleared(world: &World, key: &Key) -> World {
    let mut world = world.clone();
    world.judged.insert(key.clone(), Judgement::Cleared);
    world
}

/// What a resource is told whose manifest is in the directory.
fn as_it_is(world: &World, frozen: &Frozen, record: &Record) -> Verdict {
    match record {
        Record::Member(member) if member.is_deleted() && !member.lived.departed => Verdict::new(
            Reason::Frozen,
            format!("{}; the member stays deleted, and is restored once it thaws", frozen.sentence()),
        ),
        Record::Member(member)
            if member.state.phase == MemberPhase::Scheduled && member.state.wake_at.is_some_and(|due| due <= world.now) =>
        {
            Verdict::new(Reason::Scheduled, format!("{}; the account begins once it thaws", frozen.sentence()))
        }
        Record::Member(member) => member::verdict_of(world, member),
        Record::ExternalContact(contact) => contact::told(world, contact),
        Record::Tenant(_) | Record::Organization(_) => Verdict::new(Reason::InDirectory, "the directory holds this generation"),
    }
}

impl Frozen<'_> {
    fn sentence(&self) -> String {
        format!("{} (R14)", is_frozen(self.by.kind.name(), &self.by, self.reason))
    }
}

/// What is frozen, and what happens once it thaws. The words `something fell due` and `something drifted` are looked for by
/// `directory::unattended` and `directory::declarations`: what is told once is not told again and again.
fn told(world: &World, frozen: &Frozen, decision: &Decision, would: &Decision) -> String {
    let mut parts = vec![frozen.sentence()];
    let due = match &decision.record {
        Some(Record::Member(member)) => member.state.wake_at,
        Some(Record::Tenant(tenant)) => tenant.wake_at,
        Some(Record::Organization(_) | Record::ExternalContact(_)) | None => None,
    };
    match due {
        Some(due) if due <= world.now => parts.push(format!("since {due} something fell due")),
        Some(due) => parts.push(format!("the next date is {due}")),
        None => {}
    }
    if decision.keeps_drift {
        parts.push("something drifted".into());
    }
    let mut happens = Vec::new();
    for step in &would.steps {
        for change in changes(step.before.as_ref(), step.after.as_ref()) {
            let fields: Vec<&str> = change.fields.iter().map(|field| field.path.as_str()).take(TOLD).collect();
            let as_of = match step.cause {
                Cause::Scheduled if step.due < world.now => format!(" as of {}", step.due),
                Cause::Drift if decision.keeps_drift => " back".into(),
                Cause::Scheduled
                | Cause::Drift
                | Cause::Declared
                | Cause::Dependency
                | Cause::Administrative
                | Cause::Service => String::new(),
            };
            happens.push(format!("{}{as_of} ({})", change.action.name(), fields.join(", ")));
        }
    }
    if !happens.is_empty() {
        happens.truncate(TOLD);
        parts.push(format!("once it thaws: {}", happens.join(", ")));
    }
    parts.join("; ")
}
