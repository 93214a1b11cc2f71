//! The work that decisions order: passwords are generated or taken from Secrets, hashed on all cores, and written
//! with what follows from it. Carried out after the commit that ordered it, and again until it is done. Called by
//! the shells; it is the same for files and for a cluster.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use futures::{StreamExt, stream};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::maker::{Made, Maker};
use super::own::{former_hashes, is_among};
use super::verify::Account;
use super::{Hasher, Initial, Secrets, Trouble, below};
use crate::api::member::PasswordMode;
use crate::api::{Confidential, Handle, Kind, Reason};
use crate::directory::facts::{Sessions, sign_out};
use crate::directory::outbox::{self, Ordered};
use crate::directory::passwords::{self, By, Credential, Fact, Order, Seen, Source, Which, Why};
use crate::directory::random::identifier;
use crate::directory::records::{self, By as Found};
use crate::directory::sql::{Tx, keys};
use crate::directory::{Directory, Error};
use crate::lifecycle::password::Policy;
use crate::record::{self, Mail, MemberRecord, Record, TenantRecord, Uid};

/// How many orders are taken up at once.
const PAGE: i64 = 1_000;
/// How many are written in one transaction.
const BATCH: usize = 64;
/// How many Secrets are read or written at once, beside those that are hashed.
const AT_ONCE: usize = 8;

/// What became of the work on one member's password.
#[derive(Clone, Debug)]
pub struct Told {
    pub member: Handle,
    /// Why there is no other password, if there is none.
    pub trouble: Option<(Reason, String)>,
    /// Whether it is tried again.
    pub waits: bool,
    /// Whether this is another than was told before.
    pub is_new: bool,
}

/// Carries out what is ordered.
#[derive(Clone, Debug)]
pub struct Worker<S> {
    directory: Directory,
    maker: Maker<S>,
}

/// An order with everything that it takes.
struct Task {
    order: Order,
    account: Account,
    /// Hashes of passwords that may not be used again.
    former: Vec<String>,
}

/// The mail that tells of a new password, without it (M34). It waits until all of its run are there (T15).
fn notice(member: &MemberRecord, now: Timestamp) -> Ordered {
    let (uid, tenant) = (member.uid.clone(), member.tenant.clone());
    Ordered { id: identifier(), at: now, uid, tenant, order: record::Order::Mail(Mail::NewPassword), held: true }
}

/// An order that is ready to be written.
struct Prepared {
    task: Task,
    outcome: Outcome,
}

impl Prepared {
    /// Whether a Secret that is not this member's lies where its own is to lie.
    fn is_blocked(&self) -> bool {
        matches!(self.outcome, Outcome::Waits(Reason::SecretExists, _))
    }
}

/// What became of a page of orders.
#[derive(Default)]
struct Page {
    told: Vec<Told>,
    /// What a Secret is in the way of, not written yet.
    blocked: Vec<Prepared>,
}

enum Outcome {
    /// There is a new password.
    Set(Credential),
    /// There is a password from elsewhere; what the Secret holds is noted by this digest, and told with this message.
    PassedOver(String, String),
    /// There is nothing to do any more; the password is as old as it was.
    Nothing(Option<Timestamp>),
    /// It waits.
    Waits(Reason, String),
    /// Tidied up; the password is as it was.
    Tidied,
    /// It waits, and the member's resource need not tell.
    WaitsQuietly,
}

impl Outcome {
    /// Whether the order stays.
    fn waits(&self) -> bool {
        match self {
            Outcome::Waits(..) | Outcome::WaitsQuietly => true,
            Outcome::Set(_) | Outcome::PassedOver(..) | Outcome::Nothing(_) | Outcome::Tidied => false,
        }
    }
}

impl<S: Secrets> Worker<S> {
    /// A worker on a directory.
    pub async fn new(directory: Directory, hasher: Hasher, secrets: S) -> Result<Self, Error> {
        let digest_key = directory.digest_key().await?;
        Ok(Worker { directory, maker: Maker { hasher, digest_key, secrets } })
    }

    /// Carries out what is ordered, each order once; tells what became of the members' passwords.
    pub async fn carry_out(&self, which: Which, now: Timestamp) -> Result<Vec<Told>, Error> {
        let (mut told, mut blocked) = (Vec::new(), Vec::new());
        let mut after = String::new();
        loop {
            let mut tx = self.directory.read().await?;
            let orders = passwords::orders(&mut tx, which, &after, PAGE).await?;
            let Some(last) = orders.last() else { break };
            after = last.id.clone();
            let (tasks, left) = tasks(&mut tx, orders).await?;
            drop(tx);
            self.tidy(left, now).await?;
            let page = self.page(tasks, now).await?;
            told.extend(page.told);
            blocked.extend(page.blocked);
        }
        // What was in the way may have been the Secret of a member whose own has moved since, as names go down a chain.
        let mut before = 0;
        while blocked.len() != before {
            before = blocked.len();
            let page = self.page(blocked.into_iter().map(|prepared| prepared.task).collect(), now).await?;
            told.extend(page.told);
            blocked = page.blocked;
        }
        told.extend(self.write(blocked, now).await?);
        Ok(told)
    }

    /// Orders the work on members whose Secret has another content than was last taken (M33). `concerns` says which
    /// Secrets there is something new of. Returns the members that may have waited for one of them.
    pub async fn look(&self, namespace: &str, concerns: impl Fn(&Handle) -> bool, now: Timestamp) -> Result<Vec<Uid>, Error> {
        let mut sources = passwords::sources(&mut self.directory.read().await?, namespace).await?;
        sources.retain(|source| concerns(&source.handle.sibling(&source.secret)));
        let looks = stream::iter(sources).map(|source| async move {
            let differs = self.differs(&source).await;
            (source, differs)
        });
        let looked: Vec<(Source, bool)> = looks.buffer_unordered(AT_ONCE).collect().await;
        let (mut orders, mut waiting) = (Vec::new(), Vec::new());
        for (source, differs) in looked {
            if differs && !source.ordered {
                orders.push(Order { id: identifier(), member: source.member, why: Why::FromSecret, at: now });
            } else {
                waiting.push(source.member);
            }
        }
        if !orders.is_empty() {
            let mut tx = self.directory.write().await?;
            passwords::order(&mut tx, &orders).await?;
            tx.commit().await?;
        }
        Ok(waiting)
    }

    /// Has what waits of these members tried again at once.
    pub async fn try_again(&self, members: &[Uid]) -> Result<(), Error> {
        let mut tx = self.directory.write().await?;
        passwords::try_again(&mut tx, members).await?;
        tx.commit().await
    }

    /// Whether there is another content than was last taken. One that can't be read is none.
    async fn differs(&self, source: &Source) -> bool {
        let Some(taken) = &source.taken else { return false };
        match self.maker.secrets.read(&source.handle.sibling(&source.secret), &source.key).await {
            Ok(content) => self.maker.digest(&source.member, &content.without_line_break()) != *taken,
            Err(_) => false,
        }
    }

    /// Removes the Secrets of members who are purged (M25).
    async fn tidy(&self, left: Vec<Order>, now: Timestamp) -> Result<(), Error> {
        if left.is_empty() {
            return Ok(());
        }
        let (mut done, mut waits) = (Vec::new(), Vec::new());
        for order in left {
            match self.remove(&order.member, None).await {
                Ok(()) => done.push(order.id),
                Err(_) => waits.push(order.id),
            }
        }
        let mut tx = self.directory.write().await?;
        passwords::settle(&mut tx, &done).await?;
        passwords::tried(&mut tx, &waits, now).await?;
        tx.commit().await
    }

    /// Carries out a page of orders: Secrets and hashes on all cores, and meanwhile what is ready is written.
    async fn page(&self, tasks: Vec<Task>, now: Timestamp) -> Result<Page, Error> {
        let (ready, mut waiting) = mpsc::channel::<Prepared>(BATCH);
        let prepare = async move {
            let ready = &ready;
            let at_once = self.maker.hasher.at_once() + AT_ONCE;
            let tasks = stream::iter(tasks).map(Ok::<Task, Error>);
            let done = futures::TryStreamExt::try_for_each_concurrent(tasks, at_once, |task| async move {
                let prepared = self.prepare(task, now).await?;
                // Whoever writes may have failed: then that is told.
                let _ = ready.send(prepared).await;
                Ok(())
            });
            done.await
        };
        let write = async {
            let mut page = Page::default();
            loop {
                let mut batch = Vec::with_capacity(BATCH);
                if waiting.recv_many(&mut batch, BATCH).await == 0 {
                    return Ok(page);
                }
                page.blocked.extend(batch.extract_if(.., |prepared| prepared.is_blocked()));
                page.told.extend(self.write(batch, now).await?);
            }
        };
        let ((), page) = futures::try_join!(prepare, write)?;
        Ok(page)
    }

    /// Does everything of an order that needs no database.
    async fn prepare(&self, mut task: Task, now: Timestamp) -> Result<Prepared, Error> {
        // Who has a password by now has no first one to come.
        if task.order.why == Why::First && task.account.credential.is_some() {
            task.order.why = Why::FromSecret;
        }
        let outcome = self.outcome(&task, now).await?;
        Ok(Prepared { task, outcome })
    }

    async fn outcome(&self, task: &Task, now: Timestamp) -> Result<Outcome, Error> {
        let Task { order, account, former } = task;
        let Account { member, tenant, credential } = account;
        let since = credential.as_ref().map(|credential| credential.changed_at);
        let username = &member.declared.message_id;
        let initial = Initial { member: &member.handle, uid: &member.uid, order: &order.id, username };
        let mode = member.intent.spec.password.as_ref().map(|password| password.mode);
        let seen = credential.as_ref().and_then(|credential| credential.seen.as_ref());
        let is_generated = credential.as_ref().is_some_and(|credential| credential.generated);
        let generates = match (order.why, mode) {
            // Another was generated meanwhile: its Secret stays.
            (Why::RemoveSecret, _) if is_generated => return Ok(Outcome::Tidied),
            (Why::RemoveSecret, _) => {
                return Ok(match self.remove(&member.uid, Some(&initial.secret())).await {
                    Ok(()) => Outcome::Tidied,
                    Err(_) => Outcome::WaitsQuietly,
                });
            }
            // Who may be restored gets then what was ordered; a purge takes the order along (M24, M25).
            _ if member.is_deleted() => return Ok(Outcome::WaitsQuietly),
            (Why::MoveSecret, _) if !is_generated => return Ok(Outcome::Tidied),
            (Why::MoveSecret, _) => return self.moved(&initial, account, now).await,
            (Why::First, Some(PasswordMode::CreationLink) | None) => return Ok(Outcome::Nothing(since)),
            (Why::First, Some(PasswordMode::Generate)) => true,
            (Why::First, Some(PasswordMode::FromSecret)) => false,
            // A token takes what is in the Secret now, where another mode was before; else it generates (M33).
            (Why::Reset, Some(PasswordMode::FromSecret)) => seen.is_some_and(|seen| !seen.passed_over),
            // A token that waited makes none that nobody declares any more, or that the member is to choose (M32).
            (Why::Reset, None) => return Ok(Outcome::Nothing(since)),
            (Why::Reset, Some(PasswordMode::CreationLink)) if credential.is_none() => return Ok(Outcome::Nothing(since)),
            (Why::Reset, Some(PasswordMode::Generate | PasswordMode::CreationLink)) => true,
            (Why::FromSecret, Some(PasswordMode::FromSecret)) => false,
            (Why::FromSecret, _) => return Ok(Outcome::Nothing(since)),
        };
        let policy = Policy::of(&tenant.intent.spec);
        let made = if generates {
            self.maker.generated(&initial, account, &policy).await
        } else {
            self.maker.taken(order.why, account, &policy, former).await?
        };
        let (password, seen) = match made {
            Made::Password(password, digest) => (password, digest.map(|digest| Seen { digest, passed_over: false })),
            Made::Nothing => return Ok(Outcome::Nothing(since)),
            Made::PassedOver(digest, message) => return Ok(Outcome::PassedOver(digest, message)),
            Made::Waits(reason, message) => return Ok(Outcome::Waits(reason, message)),
        };
        let hash = self.maker.hasher.hash(password).await.map_err(Error::Corrupt)?;
        Ok(Outcome::Set(Credential { hash, must_change: true, changed_at: now, seen, generated: generates }))
    }

    /// Removes the Secret of a member's initial password, wherever it is.
    async fn remove(&self, member: &Uid, likely: Option<&Handle>) -> Result<(), Trouble> {
        match self.maker.secrets.find(member, likely).await? {
            Some((secret, _)) => self.maker.secrets.remove(member, &secret).await,
            None => Ok(()),
        }
    }

    /// The same initial password in the Secret under the member's present name and message ID; another one, if the Secret is
    /// lost.
    async fn moved(&self, initial: &Initial<'_>, account: &Account, now: Timestamp) -> Result<Outcome, Error> {
        let about = format!("the Secret `{}`", initial.secret().name);
        let waits = |trouble: Trouble| {
            let (reason, message) = trouble.told(&about);
            Ok(Outcome::Waits(reason, message))
        };
        let found = match self.maker.secrets.find(initial.uid, Some(&initial.secret())).await {
            Ok(found) => found,
            Err(_) => return Ok(Outcome::WaitsQuietly),
        };
        let policy = Policy::of(&account.tenant.intent.spec);
        let (former, password) = found.map_or_else(
            || (None, Confidential::new(policy.generate(&account.member.declared.id, &mut below))),
            |(secret, password)| (Some(secret), password),
        );
        let password = match self.maker.secrets.keep(initial, &password).await {
            Ok(password) => password,
            Err(trouble) => return waits(trouble),
        };
        if let Some(former) = former.filter(|former| *former != initial.secret())
            && let Err(trouble) = self.maker.secrets.remove(initial.uid, &former).await
        {
            return waits(trouble);
        }
        let known: Vec<String> = account.credential.iter().map(|credential| credential.hash.clone()).collect();
        if is_among(&self.maker.hasher, &known, &password).await? {
            return Ok(Outcome::Nothing(account.credential.as_ref().map(|credential| credential.changed_at)));
        }
        let hash = self.maker.hasher.hash(password).await.map_err(Error::Corrupt)?;
        let seen = account.credential.as_ref().and_then(|credential| credential.seen.clone());
        Ok(Outcome::Set(Credential { hash, must_change: true, changed_at: now, seen, generated: true }))
    }

    /// Writes what is ready, with what follows from it, in one transaction and few statements.
    async fn write(&self, batch: Vec<Prepared>, now: Timestamp) -> Result<Vec<Told>, Error> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let members: Vec<Uid> = batch.iter().map(|prepared| prepared.task.account.member.uid.clone()).collect();
        let mut tx = self.directory.write().await?;
        let known = passwords::told(&mut tx, &members).await?;
        let (waiting, over): (Vec<_>, Vec<_>) = batch.iter().partition(|prepared| prepared.outcome.waits());
        let ids = |of: Vec<&Prepared>| of.into_iter().map(|prepared| prepared.task.order.id.clone()).collect::<Vec<String>>();
        passwords::tried(&mut tx, &ids(waiting), now).await?;
        let settled = passwords::settle(&mut tx, &ids(over)).await?;
        let (mut told, mut facts, mut set, mut signed_out, mut notices) = (vec![], vec![], vec![], vec![], vec![]);
        for Prepared { task, outcome } in batch {
            let Task { order, account: Account { member, tenant, .. }, .. } = task;
            let uid = &member.uid;
            let known = known.get(uid);
            let known_trouble = known.and_then(|fact| fact.trouble.clone());
            let since = known.and_then(|fact| fact.changed_at);
            let (waits, handle) = (outcome.waits(), &member.handle);
            // What was told last is newer than the record may be.
            let still = if known.is_some() { since } else { member.lived.password_changed_at };
            let mut tell = |trouble: (Reason, String)| {
                let trouble = Some(trouble);
                let is_new = known_trouble != trouble;
                told.push(Told { member: handle.clone(), trouble: trouble.clone(), waits, is_new });
                is_new.then_some((still, trouble))
            };
            let fact = match outcome {
                // Somebody else carried it out, or the member is gone.
                Outcome::Set(_) if !settled.contains(&order.id) => None,
                Outcome::Set(credential) => {
                    set.push((uid.clone(), credential));
                    match order.why {
                        Why::Reset | Why::FromSecret => signed_out.push(uid.clone()),
                        Why::First | Why::MoveSecret | Why::RemoveSecret => {}
                    }
                    // That a token asks for another is told as the token is spent.
                    if order.why == Why::FromSecret && tenant.notifies() {
                        notices.push(notice(&member, now));
                    }
                    told.push(Told { member: handle.clone(), trouble: None, waits, is_new: true });
                    Some((Some(now), None))
                }
                Outcome::Nothing(changed_at) => {
                    let same = known_trouble.is_none() && (since == changed_at || changed_at.is_none());
                    (!same || member.lived.password_changed_at != changed_at).then_some((changed_at, None))
                }
                Outcome::PassedOver(digest, message) => {
                    passwords::pass_over(&mut tx, uid, &digest).await?;
                    tell((Reason::SecretPassedOver, message))
                }
                Outcome::Waits(reason, message) => tell((reason, message)),
                Outcome::Tidied | Outcome::WaitsQuietly => None,
            };
            if let Some((changed_at, trouble)) = fact {
                let fact = Fact { id: identifier(), changed_at, trouble, by: By::Administrator, at: now };
                facts.push((uid.clone(), fact));
            }
        }
        passwords::set(&mut tx, &set, now).await?;
        sign_out(&mut tx, &signed_out, Sessions::All, now).await?;
        outbox::order(&mut tx, notices, now).await?;
        passwords::tell(&mut tx, &facts).await?;
        tx.commit().await?;
        Ok(told)
    }
}

/// Which of a member's orders comes first: they concern the same Secret. The others are looked at the next time, when it
/// is known what became of this one.
fn rank(why: Why) -> u8 {
    match why {
        Why::Reset => 0,
        Why::FromSecret => 1,
        Why::First => 2,
        Why::MoveSecret => 3,
        Why::RemoveSecret => 4,
    }
}

/// The orders with their members, tenants and former passwords, one a member; and those whose members are gone.
async fn tasks(tx: &mut Tx, mut orders: Vec<Order>) -> Result<(Vec<Task>, Vec<Order>), Error> {
    orders.sort_by_key(|order| rank(order.why));
    let mut seen: HashSet<Uid> = HashSet::new();
    orders.retain(|order| seen.insert(order.member.clone()));
    let uids: Vec<Uid> = orders.iter().map(|order| order.member.clone()).collect();
    let mut members: HashMap<Uid, Arc<MemberRecord>> = HashMap::new();
    for record in records::load(tx, Kind::Member, Found::Uid, keys(&uids)).await? {
        if let Record::Member(member) = record {
            members.insert(member.uid.clone(), member);
        }
    }
    let of: BTreeMap<Uid, ()> = members.values().map(|member| (member.tenant.clone(), ())).collect();
    let mut tenants: HashMap<Uid, Arc<TenantRecord>> = HashMap::new();
    for record in records::load(tx, Kind::Tenant, Found::Uid, keys(of.keys())).await? {
        if let Record::Tenant(tenant) = record {
            tenants.insert(tenant.uid.clone(), tenant);
        }
    }
    let credentials = passwords::credentials(tx, &uids).await?;
    let (mut tasks, mut left) = (Vec::with_capacity(orders.len()), Vec::new());
    for order in orders {
        let Some(member) = members.get(&order.member) else {
            left.push(order);
            continue;
        };
        let Some(tenant) = tenants.get(&member.tenant) else { continue };
        let credential = credentials.get(&order.member).cloned();
        let account = Account { member: member.clone(), tenant: tenant.clone(), credential };
        let former = former_hashes(tx, &account).await?;
        tasks.push(Task { order, account, former });
    }
    Ok((tasks, left))
}
