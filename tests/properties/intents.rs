//! Walks made by chance: what people declare, take away, approve and wait for, what services report, and how the engine
//! ends and begins anew. Plain data; carried out by `walk`.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use crate::manifests::{OBJECTS, of_contact, of_member, of_organization, of_tenant};

/// A change of what is declared. `Null` leaves a field out; without a field, the object is declared as it was.
#[derive(Clone, Debug)]
pub struct Change {
    /// The place in `OBJECTS`.
    pub object: usize,
    pub field: &'static str,
    pub value: Value,
}

/// How services and administrators write to the directory beside the manifests. Members, contacts and tenants by name.
#[derive(Clone, Debug)]
pub enum Report {
    SignIn(&'static str, &'static str),
    OwnPassword(&'static str),
    Choices(&'static str),
    Device(&'static str, bool),
    /// Every order of the outbox but mails is carried out.
    Acknowledge,
    /// Every mail that is due is sent.
    Mails,
    /// Whoever got a link by mail uses it.
    Links,
    Room(&'static str, bool),
    Accept(&'static str, &'static str),
    Request(&'static str),
    Reject,
    Charge(&'static str),
    Pay(&'static str),
    /// An order for a device of a member in grace.
    Order(&'static str),
}

/// How objects are found to be gone.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// One after another, as from a cluster.
    Seen,
    /// By a complete set.
    Pruned,
}

/// One step of a walk.
#[derive(Clone, Debug)]
pub enum Step {
    /// These are declared together.
    Declare(Vec<Change>),
    /// The same, and the engine dies after so many batches of one.
    Killed(Vec<Change>, usize),
    /// What is to happen is planned first, and then done.
    Planned(Vec<Change>),
    /// These are gone.
    Vanish(Vec<usize>, Way),
    /// A member's manifest has another name now.
    Move(usize, usize),
    /// Everything that is held is approved.
    Approve,
    /// So many hours go by; some clocks go back.
    Wait(i64),
    Report(Report),
    /// Passwords are made; or the Secret has another content first.
    Passwords {
        another: bool,
    },
    Restart,
    Scan,
}

/// The places in `OBJECTS` of a kind.
fn places(kind: &'static str) -> impl Strategy<Value = usize> {
    let places: Vec<usize> = (0..OBJECTS.len()).filter(|place| OBJECTS[*place].0 == kind).collect();
    select(places)
}

fn change() -> impl Strategy<Value = Change> {
    let of = |kind: &'static str, changes: Vec<(&'static str, Value)>| {
        (places(kind), select(changes)).prop_map(|(object, (field, value))| Change { object, field, value })
    };
    prop_oneof![
        10 => of("Member", of_member()),
        4 => of("Tenant", of_tenant()),
        2 => of("Organization", of_organization()),
        3 => of("ExternalContact", of_contact()),
    ]
}

fn report() -> impl Strategy<Value = Report> {
    let member = || select(&["m0", "m1", "m2", "m3", "m4", "m5", "boss-acme"][..]);
    let tenant = || select(&["acme", "beta", "zeta"][..]);
    let contact = || select(&["c0", "c1", "c2"][..]);
    prop_oneof![
        6 => (member(), select(&["Web", "Mobile"][..])).prop_map(|(member, app)| Report::SignIn(member, app)),
        1 => member().prop_map(Report::OwnPassword),
        2 => member().prop_map(Report::Choices),
        3 => (member(), any::<bool>()).prop_map(|(member, managed)| Report::Device(member, managed)),
        2 => Just(Report::Acknowledge),
        3 => Just(Report::Mails),
        1 => Just(Report::Links),
        2 => (member(), any::<bool>()).prop_map(|(member, joins)| Report::Room(member, joins)),
        2 => (contact(), member()).prop_map(|(contact, member)| Report::Accept(contact, member)),
        1 => tenant().prop_map(Report::Request),
        1 => Just(Report::Reject),
        1 => tenant().prop_map(Report::Charge),
        1 => tenant().prop_map(Report::Pay),
        1 => member().prop_map(Report::Order),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let changes = || prop::collection::vec(change(), 1..4);
    let way = select(&[Way::Seen, Way::Pruned][..]);
    let hours = select(&[1_i64, 25, 73, 200, 750, 2_500, -1, -30][..]);
    prop_oneof![
        8 => changes().prop_map(Step::Declare),
        2 => (changes(), 0_usize..4).prop_map(|(changes, batches)| Step::Killed(changes, batches)),
        2 => changes().prop_map(Step::Planned),
        4 => (prop::collection::vec(0..OBJECTS.len(), 1..4), way).prop_map(|(objects, way)| Step::Vanish(objects, way)),
        1 => (places("Member"), places("Member")).prop_map(|(from, to)| Step::Move(from, to)),
        2 => Just(Step::Approve),
        4 => hours.prop_map(Step::Wait),
        6 => report().prop_map(Step::Report),
        2 => any::<bool>().prop_map(|another| Step::Passwords { another }),
        1 => Just(Step::Restart),
        1 => Just(Step::Scan),
    ]
}

/// Walks of up to 24 steps, and the most objects in one batch.
pub fn walks() -> impl Strategy<Value = (Vec<Step>, usize)> {
    (prop::collection::vec(step(), 1..25), select(&[500_usize, 2][..]))
}
