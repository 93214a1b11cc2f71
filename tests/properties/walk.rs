//! A random walk over everything that people declare, that time does, that services report, and over the engine's ends
//! and beginnings: after every step the invariants hold, nothing waits that is due, and twice is once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rollcall::api::secret::Contents;
use rollcall::api::{APPROVE_ANNOTATION, Confidential, FROZEN_ANNOTATION, Handle, Key, Reason};
use rollcall::credentials::{Hasher, Worker};
use rollcall::directory::passwords::Which;
use rollcall::directory::{Directory, Error};
use rollcall::manifests::secrets::{Files, Rehearsal};
use rollcall::reconcile::plan::{Run, carry_out, rehearse};
use rollcall::reconcile::{Done, Engine, Presence, Set, Submission};
use serde_json::{Value, json};

use crate::intents::{Change, Step, Way, walks};
use crate::invariants::Standing;
use crate::manifests::{CROWD, FIRST, OBJECTS, first};
use crate::services::Services;
use crate::world::{self, Database, World, key};
use crate::{AT, holds_in};

/// What is in Secrets, and what members choose. Found nowhere in the directory (R7).
pub const SECRET: &str = "zQ9k-2mV7-hT4w";
pub const OWN: &str = "zQ9b-5nX8-rG3c-pL6d-sK2f";
const ANOTHER: &str = "zQ9t-6pB3-fW8n-jC4y-gM7v";

/// A manifest: what it says, what is annotated, whether it is there, and what marks the person in it.
struct File {
    spec: Value,
    annotations: BTreeMap<String, String>,
    is_there: bool,
    mark: usize,
}

/// Somebody's mark: a text that is in every value of one person.
fn mark(number: usize) -> String {
    format!("qz-{number}-x")
}

/// A walk on its way.
struct Walk<'w> {
    world: &'w World,
    engine: Option<Engine>,
    batch: usize,
    now: Timestamp,
    files: BTreeMap<Key, File>,
    /// What needs a person's word, as it was told last.
    held: BTreeMap<Key, String>,
    /// Whose record had which mark.
    marked: BTreeMap<usize, BTreeSet<String>>,
    standing: Standing,
    services: Services,
    hasher: Hasher,
    secrets: Arc<Contents>,
    out: tempfile::TempDir,
}

impl<'w> Walk<'w> {
    async fn begin(world: &'w World, batch: usize) -> Walk<'w> {
        let crowd: Vec<String> = (0..CROWD).map(|number| format!("f{number:02}")).collect();
        let all = OBJECTS.iter().copied().chain(crowd.iter().map(|name| ("Member", name.as_str())));
        let file = |(mark, (kind, name)): (usize, (&str, &str))| {
            let is_there = FIRST.contains(&name) || name.starts_with('f');
            (key(kind, name), File { spec: first(kind, name), annotations: BTreeMap::new(), is_there, mark })
        };
        let mut walk = Walk {
            world,
            engine: Some(world.engine().await),
            batch: 500,
            now: AT.parse().unwrap(),
            files: all.enumerate().map(file).collect(),
            held: BTreeMap::new(),
            marked: BTreeMap::new(),
            standing: Standing::default(),
            services: Services::default(),
            hasher: Hasher::new("m=8,t=1,p=1".parse().unwrap()),
            secrets: secrets(SECRET),
            out: tempfile::tempdir().unwrap(),
        };
        walk.apply(false).await;
        walk.batch = batch;
        walk.restart().await;
        walk.passwords().await;
        walk.check().await;
        walk
    }

    fn engine(&mut self) -> &mut Engine {
        self.engine.as_mut().unwrap()
    }

    async fn restart(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.release().await.unwrap();
        }
        let mut engine = self.world.engine().await;
        engine.set_batch(self.batch);
        self.engine = Some(engine);
    }

    /// Every manifest that is there.
    fn set(&self) -> (Vec<Arc<Submission>>, Set) {
        let there = self.files.iter().filter(|(_, file)| file.is_there);
        world::set_of(there.map(|(key, file)| (key.clone(), marked(&file.spec, file.mark), file.annotations.clone())))
    }

    fn run(&self, prune: bool) -> Run {
        Run { secrets: self.secrets.clone(), ..world::run(self.set(), self.now, prune) }
    }

    async fn apply(&mut self, prune: bool) -> Done {
        let run = self.run(prune);
        let done = carry_out(self.engine(), run, &mut |_| (), world::no_passwords).await.unwrap();
        self.hear(&done);
        done
    }

    /// Keeps what was told of holds.
    fn hear(&mut self, done: &Done) {
        for (key, outcome) in &done.outcomes {
            assert_ne!(outcome.verdict.reason, Reason::DatabaseConflict, "{key}: {}", outcome.verdict.message);
            match outcome.verdict.holds.first() {
                Some(hold) => drop(self.held.insert(key.clone(), hold.fingerprint.clone())),
                None => drop(self.held.remove(key)),
            }
        }
    }

    /// Changes manifests.
    async fn change(&mut self, changes: &[Change]) {
        let at_rest: BTreeSet<String> = self.world.lines("SELECT uid FROM tombstones").await.into_iter().collect();
        for Change { object, field, value } in changes {
            let value = self.filled(value).await;
            let (kind, name) = OBJECTS[*object];
            let next = self.marked.len() + self.files.len();
            let file = self.files.get_mut(&key(kind, name)).unwrap();
            file.is_there = true;
            match *field {
                "" => {}
                "@frozen" => match value.as_str() {
                    Some(why) => drop(file.annotations.insert(FROZEN_ANNOTATION.to_owned(), why.to_owned())),
                    None => drop(file.annotations.remove(FROZEN_ANNOTATION)),
                },
                field => change(&mut file.spec, field, value),
            }
            // Whoever comes after a purge is another person.
            if self.marked.get(&file.mark).is_some_and(|uids| uids.iter().all(|uid| at_rest.contains(uid))) {
                file.mark = next;
            }
        }
    }

    /// A value with its dates and tokens filled in.
    async fn filled(&self, value: &Value) -> Value {
        let query = match value["qrToken"].as_str().and_then(|token| token.strip_prefix("@qr ")) {
            Some(name) => format!("SELECT qr_token FROM members WHERE name = '{name}'"),
            None => "SELECT id FROM registration_requests WHERE state = 'Open'".to_owned(),
        };
        let found = self.world.lines(&query).await.into_iter().next().unwrap_or_else(|| "nothing".to_owned());
        each_text(value, &|text| {
            let after = |hours: i64| self.now + SignedDuration::from_hours(hours);
            match text.split_once(' ') {
                Some(("@day", days)) => after(24 * days.parse::<i64>().unwrap()).to_string()[..10].to_owned(),
                Some(("@hour", hours)) => after(hours.parse().unwrap()).to_string(),
                Some(("@qr", _)) => found.clone(),
                None if text == "@request" => found.clone(),
                Some(_) | None => text.to_owned(),
            }
        })
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Declare(changes) => {
                self.change(changes).await;
                self.apply(false).await;
                self.advance().await;
                let again = self.apply(false).await;
                assert_eq!(again.rows(), 0, "twice is once: {:#?}", again.changes);
            }
            Step::Killed(changes, batches) => self.killed(changes, *batches).await,
            Step::Planned(changes) => self.planned(changes).await,
            Step::Vanish(objects, way) => {
                let gone: Vec<Key> = objects.iter().map(|object| key(OBJECTS[*object].0, OBJECTS[*object].1)).collect();
                self.vanish(gone, *way).await;
            }
            Step::Move(from, to) => {
                let (from, to) = (key("Member", OBJECTS[*from].1), key("Member", OBJECTS[*to].1));
                let (spec, was_there) = self.files.get(&from).map(|file| (file.spec.clone(), file.is_there)).unwrap();
                if was_there && from != to {
                    self.files.get_mut(&from).unwrap().is_there = false;
                    let file = self.files.get_mut(&to).unwrap();
                    (file.spec, file.is_there) = (spec, true);
                    self.apply(true).await;
                }
            }
            Step::Approve => {
                for (key, fingerprint) in std::mem::take(&mut self.held) {
                    let file = self.files.get_mut(&key).unwrap();
                    file.annotations.insert(APPROVE_ANNOTATION.to_owned(), fingerprint);
                }
                self.apply(false).await;
            }
            Step::Wait(hours) => self.now += SignedDuration::from_hours(*hours),
            Step::Report(report) => {
                self.advance().await;
                self.services.write(&self.world.directory, &self.hasher, report, self.now).await;
            }
            Step::Passwords { another } => {
                if *another {
                    self.secrets = secrets(ANOTHER);
                }
                self.passwords().await;
            }
            Step::Restart => self.restart().await,
            Step::Scan => {
                let now = self.now;
                let done = self.engine().scan(now).await.unwrap();
                self.hear(&done);
            }
        }
    }

    /// The engine dies after so many batches of one, and another begins.
    async fn killed(&mut self, changes: &[Change], batches: usize) {
        self.change(changes).await;
        let mut engine = self.engine.take().unwrap();
        engine.set_batch(1);
        world::torn_down(engine, self.run(false), Some(batches)).await;
        self.restart().await;
    }

    /// A plan tells what the apply does that follows.
    async fn planned(&mut self, changes: &[Change]) {
        self.change(changes).await;
        let (mut passwords_planned, mut passwords) = (Vec::new(), Vec::new());
        let rehearsal = Rehearsal::default();
        let rehearsed = async |copy: &Directory| {
            passwords_planned.push(self.work_on_passwords(copy, Some(rehearsal.clone())).await?);
            Ok(())
        };
        let planned = rehearse(&self.world.directory, self.run(false), None, rehearsed).await.unwrap();
        let (run, mut engine) = (self.run(false), self.engine.take().unwrap());
        let carried_out = async |directory: &Directory| {
            passwords.push(self.work_on_passwords(directory, None).await?);
            Ok(())
        };
        let done = carry_out(&mut engine, run, &mut |_| (), carried_out).await.unwrap();
        self.engine = Some(engine);
        self.hear(&done);
        if self.batch > 2 {
            assert_eq!(world::told(&planned), world::told(&done), "planned: {:#?}, done: {:#?}", planned.changes, done.changes);
            assert_eq!(passwords_planned, passwords);
        }
    }

    async fn vanish(&mut self, gone: Vec<Key>, way: Way) {
        for key in &gone {
            self.files.get_mut(key).unwrap().is_there = false;
        }
        match way {
            Way::Pruned => drop(self.apply(true).await),
            Way::Seen => {
                let now = self.now;
                let engine = self.engine();
                engine.set_presence(Presence::DeclaredExcept(gone.iter().cloned().collect()));
                let mut done = engine.renamed(&gone, now).await.unwrap();
                engine.set_presence(Presence::Declared);
                done.extend(engine.remove(gone, now).await.unwrap(), usize::MAX);
                self.hear(&done);
            }
        }
    }

    async fn passwords(&self) {
        self.work_on_passwords(&self.world.directory, None).await.unwrap();
    }

    /// The work on passwords; what became of each.
    async fn work_on_passwords(&self, directory: &Directory, rehearsal: Option<Rehearsal>) -> Result<Vec<String>, Error> {
        let secrets = Files { set: self.secrets.clone(), out: Some(self.out.path().to_owned()), rehearsal };
        let worker = Worker::new(directory.clone(), self.hasher.clone(), secrets).await?;
        worker.look("hr", |_| true, self.now).await?;
        let mut told: Vec<String> =
            worker.carry_out(Which::All, self.now).await?.iter().map(|told| format!("{told:?}")).collect();
        told.sort();
        Ok(told)
    }

    async fn advance(&mut self) -> Done {
        let now = self.now;
        let done = self.engine().advance(now).await.unwrap();
        self.hear(&done);
        done
    }

    /// Does what is due, and looks at everything.
    async fn check(&mut self) {
        self.advance().await;
        let again = self.advance().await;
        assert_eq!(again.rows(), 0, "what is due is done: {:#?}", again.changes);
        self.world.assert_invariants().await;
        self.world.assert_trail_tells_all().await;
        self.world.assert_nothing_is_due(self.now).await;
        self.world.assert_follows(&mut self.standing).await;
        for line in self.world.lines("SELECT family_name || ' ' || uid FROM members").await {
            let (number, uid) = line.strip_prefix("qz-").and_then(|line| line.split_once("-x ")).unwrap();
            self.marked.entry(number.parse().unwrap()).or_default().insert(uid.to_owned());
        }
        let at_rest: BTreeSet<String> = self.world.lines("SELECT uid FROM tombstones").await.into_iter().collect();
        let gone = self.marked.iter().filter(|(_, uids)| uids.iter().all(|uid| at_rest.contains(uid)));
        let texts: Vec<String> =
            gone.map(|(number, _)| mark(*number)).chain([SECRET, OWN, ANOTHER].map(str::to_lowercase)).collect();
        assert_eq!(self.world.found(&texts).await, [""; 0], "whoever is purged is forgotten");
    }
}

fn secrets(content: &str) -> Arc<Contents> {
    let secret = BTreeMap::from([("password".to_owned(), Ok(Confidential::new(content)))]);
    Arc::new(Contents::from([(Handle::new("hr", "password"), secret)]))
}

/// Changes one field; some go together.
fn change(spec: &mut Value, field: &str, value: Value) {
    let (field, other) = match field {
        "suspended" => (field, Some("suspension")),
        "suspension" => (field, Some("suspended")),
        "@invite" => ("invite", Some("lookup")),
        "lookup" => (field, Some("invite")),
        field => (field, None),
    };
    let fields = spec.as_object_mut().unwrap();
    other.map(|other| fields.remove(other));
    if value.is_null() {
        fields.remove(field);
    } else {
        fields.insert(field.to_owned(), value);
    }
}

/// A spec with somebody's mark in it.
fn marked(spec: &Value, number: usize) -> Value {
    each_text(spec, &|text| if text == "@mark" { mark(number) } else { text.to_owned() })
}

fn each_text(value: &Value, change: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => json!(change(text)),
        Value::Array(items) => items.iter().map(|item| each_text(item, change)).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), each_text(value, change))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Walks on each database; `ROLLCALL_WALK_CASES` is another number for the first, and an eighth for the second.
fn cases() -> [(Database, u32); 2] {
    let wanted = std::env::var("ROLLCALL_WALK_CASES").ok().and_then(|text| text.parse::<u32>().ok());
    let (memory, postgres) = wanted.map_or((48, 6), |wanted| (wanted, wanted / 8));
    [(Database::Memory, memory), (Database::Postgres, postgres)]
}

// R4–R7, R14, T3, T4, T12, M1, M21, M23, M25, M27: what must never be otherwise is in `invariants`.
#[test]
fn whatever_happens_the_invariants_hold() {
    holds_in(cases(), walks, async |database, (steps, batch): (Vec<Step>, usize)| {
        let world = World::new(database).await;
        let mut walk = Walk::begin(&world, batch).await;
        for step in &steps {
            walk.step(step).await;
            walk.check().await;
        }
        walk.engine.take().unwrap().release().await.unwrap();
        drop(walk);
        world.end().await;
    });
}
