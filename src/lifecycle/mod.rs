//! The decisions: from what is declared, what is recorded, the surroundings and the instant, what the
//! directory should hold next. Pure: no I/O, no async, no clock, no randomness. Called by the engine only.

pub mod cancellation;
pub mod contact;
pub mod frozen;
pub mod hold;
pub mod identity;
pub mod member;
pub mod organization;
pub mod password;
pub mod registration;
pub mod set;
pub mod tenant;
pub mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

pub use set::decide_set;
pub use world::{Holder, Judgement, PasswordNews, World};

use crate::api::schema;
use crate::api::{
    APPROVE_ANNOTATION, ExternalContactSpec, FROZEN_ANNOTATION, Handle, Hold, Key, Kind, MemberSpec, OrganizationSpec, Problem,
    Reason, TenantSpec, Verdict,
};
use crate::record::{Cause, Claim, Intent, Record, Space, TenantRecord, Uid};

/// Why an object is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// It was declared, or its removal was.
    Declared,
    /// Its time came.
    Time,
    /// Something it depends on, or waits for, changed.
    Dependency,
    /// A service reported a fact.
    Fact,
    /// It is looked at for drift.
    Scan,
}

impl Trigger {
    /// The cause of what a visit changes.
    pub fn cause(self) -> Cause {
        match self {
            Trigger::Declared => Cause::Declared,
            Trigger::Time => Cause::Scheduled,
            Trigger::Dependency => Cause::Dependency,
            Trigger::Fact => Cause::Service,
            Trigger::Scan => Cause::Drift,
        }
    }
}

/// A spec of any kind.
#[derive(Clone, Debug)]
pub enum Spec {
    Tenant(Arc<TenantSpec>),
    Organization(Arc<OrganizationSpec>),
    Member(Arc<MemberSpec>),
    ExternalContact(Arc<ExternalContactSpec>),
}

impl Spec {
    /// Reads a spec that was checked before, such as one from the directory.
    pub fn read(kind: Kind, json: &Value) -> Result<Spec, Problem> {
        Ok(match kind {
            Kind::Tenant => Spec::Tenant(Arc::new(schema::read(json)?)),
            Kind::Organization => Spec::Organization(Arc::new(schema::read(json)?)),
            Kind::Member => Spec::Member(Arc::new(schema::read(json)?)),
            Kind::ExternalContact => Spec::ExternalContact(Arc::new(schema::read(json)?)),
        })
    }

    /// Checks a spec against its schema and reads it. Where the schema says something against it, all else that is wrong with the
    /// fields that are left is told as well, as far as it can be read at all: whoever mends it hears of everything at once.
    pub fn decode(kind: Kind, json: &Value) -> Result<Spec, Vec<Problem>> {
        let mut problems = schema::check(kind, json);
        let read = Spec::read(kind, json);
        if problems.is_empty() {
            return read.map_err(|problem| vec![problem]);
        }
        let told: BTreeSet<String> = problems.iter().map(|problem| problem.path.clone()).collect();
        problems.extend(read.iter().flat_map(Spec::problems).filter(|problem| !told.contains(&problem.path)));
        Err(problems)
    }

    /// What is wrong with it by itself, beyond its schema.
    pub fn problems(&self) -> Vec<Problem> {
        match self {
            Spec::Tenant(spec) => tenant::check(spec),
            Spec::Organization(spec) => organization::check(spec),
            Spec::Member(spec) => member::check::alone(spec),
            Spec::ExternalContact(spec) => contact::check(spec),
        }
    }
}

/// A manifest as it reaches a decision.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The typed spec, or everything that is wrong with it.
    pub spec: Result<Spec, Vec<Problem>>,
    pub json: Arc<Value>,
    pub digest: String,
    pub generation: i64,
    /// Rollcall's own annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// What it declares, as a record keeps it once it is accepted.
    fn intent<S: Clone>(&self, spec: &S) -> Arc<Intent<S>> {
        let Manifest { spec: _, json, digest, generation, annotations: _ } = self;
        Arc::new(Intent { spec: spec.clone(), json: json.clone(), digest: digest.clone(), generation: *generation })
    }

    /// Whether a person's word is given for exactly this (R12).
    pub fn approves(&self, fingerprint: &str) -> bool {
        hold::approves(&self.annotations, fingerprint)
    }
}

/// What is declared of an object.
#[derive(Clone, Debug)]
pub enum Declared {
    /// A manifest.
    Present(Manifest),
    /// The resource is gone; the record is to follow.
    Removed,
    /// Nothing: a record whose resource is gone already, woken by time.
    Nothing,
}

/// Values that only the shell can make, given in advance so that decisions stay pure.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// The identifier of a new record: that of the declaration, where it had one.
    pub uid: Uid,
    pub contact_token: String,
    pub qr_token: String,
    /// The ID of a record that is no account yet (M31).
    pub temporary_id: String,
}

/// One object to decide about.
#[derive(Clone, Debug)]
pub struct Visit {
    pub key: Key,
    pub trigger: Trigger,
    pub declared: Declared,
    /// When the object was created, or first seen: the order in which places are taken (T3).
    pub since: Timestamp,
    /// Whether it was acted on before, unknown to the directory: another source declared it (R9), or the directory comes from a
    /// backup (R13).
    pub acted_before: bool,
    /// What is made up for a record that is new.
    pub fresh: Fresh,
}

impl Visit {
    /// What a manifest declares of a member, where it can be read.
    pub fn member_spec(&self) -> Option<&MemberSpec> {
        match &self.declared {
            Declared::Present(Manifest { spec: Ok(Spec::Member(spec)), .. }) => Some(spec),
            Declared::Present(_) | Declared::Removed | Declared::Nothing => None,
        }
    }
}

/// A claim that an object of the set can't have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub claim: Claim,
    pub holder: Key,
    /// The member that follows the object's ID and can't have it, where that is what stands in the way (M30).
    pub follower: Option<Key>,
}

/// One transition of a record, as of its own instant.
#[derive(Clone, Debug)]
pub struct Step {
    pub cause: Cause,
    pub due: Timestamp,
    pub before: Option<Record>,
    pub after: Option<Record>,
}

/// What becomes of a removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// None was asked for.
    NotAsked,
    /// The record followed its resource, or there was none.
    Done,
    /// The record may not go yet (R9).
    Pending(Reason, String),
}

/// What is decided of one object.
#[derive(Clone, Debug)]
pub struct Decision {
    pub key: Key,
    /// The transitions, in order; none where nothing changes.
    pub steps: Vec<Step>,
    /// The record after them.
    pub record: Option<Record>,
    /// What the resource is told; nothing where there is none.
    pub verdict: Option<Verdict>,
    pub removal: Removal,
    /// Keys whose change brings the object back.
    pub waits_for: Vec<String>,
    /// Keys whose change brings the object back, though nothing is waited for.
    pub follows: Vec<String>,
    /// Objects that must be decided in the same set, such as the others of a cycle.
    pub pulls: Vec<Key>,
    /// Objects that hold what this one wants; where they wait themselves, both may go on together.
    pub contends: Vec<Key>,
    /// A loss of access that the decision carries out, or that is put off until it is judged (T11).
    pub loss: Option<Loss>,
    /// Whether what drifted is left as it is, and looked at again later (R14).
    pub keeps_drift: bool,
    /// Whether the manifest is decided once more after this.
    pub again: bool,
}

/// A member that loses access by a declaration (T11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    pub member: Uid,
    /// Whose budget it counts against.
    pub tenant: Uid,
    /// What exactly takes the access.
    pub what: String,
}

impl Decision {
    /// A decision that leaves a record as it is.
    fn unchanged(visit: &Visit, record: Option<Record>) -> Self {
        Decision {
            key: visit.key.clone(),
            steps: Vec::new(),
            record,
            verdict: None,
            removal: Removal::NotAsked,
            waits_for: Vec::new(),
            follows: Vec::new(),
            pulls: Vec::new(),
            contends: Vec::new(),
            loss: None,
            keeps_drift: false,
            again: false,
        }
    }

    /// The tenant that the decision cancels, if it does (T12).
    pub fn cancels(&self) -> Option<&TenantRecord> {
        match (self.steps.last(), &self.record) {
            (Some(_), Some(Record::Tenant(tenant))) => {
                let before = self.steps.iter().find_map(|step| step.before.as_ref());
                let was = matches!(before, Some(Record::Tenant(before)) if before.cancelled_at.is_some());
                (tenant.cancelled_at.is_some() && !was).then_some(tenant)
            }
            (_, Some(Record::Tenant(_) | Record::Organization(_) | Record::Member(_) | Record::ExternalContact(_)) | None) => {
                None
            }
        }
    }

    /// Moves the record on, if there is anything to move.
    fn step(&mut self, cause: Cause, due: Timestamp, after: Option<Record>) {
        if self.record != after {
            let before = self.record.take();
            self.steps.push(Step { cause, due, before, after: after.clone() });
            self.record = after;
        }
    }

    /// The object waits, and goes on by itself when one of these keys changes.
    fn wait(mut self, reason: Reason, message: impl Into<String>, keys: impl IntoIterator<Item = String>) -> Self {
        self.verdict = Some(Verdict::new(reason, message));
        self.waits_for.extend(keys);
        self
    }

    /// The object waits for a person's word (R12).
    fn held(mut self, hold: Hold) -> Self {
        let mut verdict = Verdict::new(hold.reason, hold.message());
        verdict.holds.push(hold);
        self.verdict = Some(verdict);
        self
    }

    /// The manifest is refused; the record stays as it is.
    fn refuse(mut self, reason: Reason, message: impl Into<String>) -> Self {
        self.verdict = Some(Verdict::new(reason, message));
        self
    }

    /// The manifest is refused for what is wrong with it.
    fn invalid(self, problems: &[Problem]) -> Self {
        let message = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let mut decision = self.refuse(Reason::Invalid, message);
        decision.verdict.iter_mut().for_each(|verdict| verdict.problems = problems.to_vec());
        decision
    }

    /// The object waits for its tenant, which is looked for in its own namespace.
    fn without_tenant(self, tenant: &Key) -> Self {
        let Handle { namespace, name } = &tenant.handle;
        let message = format!("spec.tenantRef: the namespace `{namespace}` has no tenant `{name}` yet (O4)");
        self.wait(Reason::TenantNotFound, message, [record_key(tenant)])
    }

    /// Something that the object would hold belongs to another. `path` is the field that claims it.
    fn taken(mut self, world: &World, block: &Block, path: &str) -> Self {
        self.contends.push(block.holder.clone());
        let reason = match block.claim.space {
            Space::Domain => Reason::DomainTaken,
            Space::Address => Reason::IdTaken,
            Space::EmployeeNumber => Reason::EmployeeNumberTaken,
            Space::MemberKey | Space::OrganizationKey => Reason::ExternalKeyTaken,
            Space::SiblingName => Reason::NameTaken,
        };
        self.wait(reason, format!("{path}: {}", block.told(world)), block.keys())
    }
}

impl Block {
    /// To whom it belongs, and what can be done about it.
    fn told(&self, world: &World) -> String {
        let Block { claim, holder, follower } = self;
        let key = &claim.key;
        let purge_at =
            world.member(&holder.handle).filter(|_| holder.kind == Kind::Member).and_then(|member| member.lived.purge_at);
        let belongs = match purge_at {
            Some(at) => format!("`{key}` belongs to {holder}, which is deleted and holds it until it is purged at {at}"),
            None => format!("`{key}` belongs to {holder}"),
        };
        match claim.space {
            // Whose it is stays unsaid: tenants do not know of each other (T1).
            Space::Domain => format!("`{key}` belongs to another tenant"),
            Space::Address => {
                // It may be followed along a chain.
                let follows = follower.as_ref().map(|follower| {
                    format!("{follower} follows it, and in {} ", world.shown_tenant(&Uid::from(claim.scope.clone())))
                });
                let free = if purge_at.is_some() { "" } else { ", or free that one" };
                format!("{}{belongs}; choose another{free} (M1)", follows.unwrap_or_default())
            }
            Space::EmployeeNumber => format!("{belongs} (M7)"),
            Space::MemberKey | Space::OrganizationKey => format!("{belongs}; after a rename, remove the old manifest (M11)"),
            Space::SiblingName => format!("{holder} beside it has the same name (O3)"),
        }
    }

    /// The keys whose change may end it.
    fn keys(&self) -> impl Iterator<Item = String> {
        [self.claim.wait_key()].into_iter().chain(self.follower.as_ref().map(record_key))
    }
}

/// While nobody declares the tenant, nothing of it goes (T14). Its return looks at all of it again.
fn unmanaged(world: &World, tenant: &Uid) -> Option<Removal> {
    let tenant = world.tenants.get(tenant).filter(|tenant| !tenant.managed)?;
    let message = format!("nobody declares the tenant `{}` now; while that is so, removals wait (T14)", tenant.handle.name);
    Some(Removal::Pending(Reason::TenantUnmanaged, message))
}

/// The key under which a declaration waits for a resource's record.
pub fn record_key(key: &Key) -> String {
    format!("{}/{}", key.kind.name(), key.handle)
}

/// The key under which one waits for another's declaration to change.
pub fn declared_key(key: &Key) -> String {
    format!("declared/{}", record_key(key))
}

/// The key under which others follow whether a member is there, and in which tenant.
pub fn home_key(member: &Handle) -> String {
    format!("home/{member}")
}

/// The key under which declarations wait for a place in a tenant (T3).
pub fn place_key(tenant: &Uid, kind: Kind) -> String {
    format!("place/{tenant}/{kind}")
}

/// The key under which losses of access wait for a person's word (T11).
pub fn hold_key(tenant: &Uid) -> String {
    format!("hold/{tenant}")
}

/// The key under which removals wait for members to leave the organizations of a tenant (O5).
pub fn vacated_key(tenant: &Uid) -> String {
    format!("vacated/{tenant}")
}

/// The key under which a confirmation waits for a Secret (T12).
pub fn secret_key(secret: &Handle) -> String {
    format!("secret/{secret}")
}

/// Whether a kind may be frozen by an annotation of its own (R14).
pub fn may_be_frozen(kind: Kind) -> bool {
    match kind {
        Kind::Tenant | Kind::Member => true,
        Kind::Organization | Kind::ExternalContact => false,
    }
}

/// Says why something irreversible waits (R4).
fn clocks_differ(waits: &str) -> (Reason, String) {
    let differ = "this host's clock differs from the database's, or from the API server's, by more than 60 s";
    (Reason::ClockSkewed, format!("{differ}; {waits} until they agree (R4)"))
}

/// Says that something is frozen, with the reason that somebody gave.
fn is_frozen(what: &str, key: &Key, reason: &str) -> String {
    let why = if reason.trim().is_empty() { String::new() } else { format!(": {reason}") };
    format!("{what} `{}` is frozen{why}", key.handle.name)
}

/// What a resource is warned of that has annotations of Rollcall which do nothing: this version does not know them, or
/// they count on other kinds.
fn without_effect(kind: Kind, annotations: &BTreeMap<String, String>) -> Vec<(Reason, String)> {
    let known = [APPROVE_ANNOTATION, FROZEN_ANNOTATION];
    let unknown = annotations.keys().filter(|name| !known.contains(&name.as_str()));
    let names: Vec<String> = unknown.map(|name| format!("metadata.annotations[{name}]")).collect();
    let mut warnings = Vec::new();
    if !names.is_empty() {
        warnings.push((Reason::NotYetSupported, format!("accepted, without effect in this version: {}", names.join(", "))));
    }
    if !may_be_frozen(kind) && annotations.contains_key(FROZEN_ANNOTATION) {
        let message = format!("metadata.annotations[{FROZEN_ANNOTATION}]: counts on a Tenant or a Member only (R14)");
        warnings.push((Reason::NotApplicable, message));
    }
    warnings
}
