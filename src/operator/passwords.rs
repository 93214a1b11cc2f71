//! The password work of a cluster: carries out what is ordered as soon as it is there, looks at Secrets of which there is
//! something new, and tries again what waits. Never holds up the session. Started by it, once a session.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;

use super::health::Health;
use super::referents::Referent;
use super::secrets::Cluster;
use super::{Settings, now};
use crate::api::Handle;
use crate::api::photo::Source;
use crate::credentials::Worker;
use crate::directory::passwords::{self, Order, Which, Why};
use crate::directory::random::identifier;
use crate::directory::{Directory, Error};

/// How often it is looked for orders.
const TICK: Duration = Duration::from_millis(250);
/// How often what waits is tried again.
const AGAIN: Duration = Duration::from_secs(30);
/// How long it is waited after the directory failed.
const PAUSE: Duration = Duration::from_secs(1);
/// How many changes of Secrets are looked at together.
const BATCH: usize = 1_000;

/// Works for as long as the session lasts.
pub async fn follow(settings: Settings, mut changed: UnboundedReceiver<Referent>, health: Arc<Health>) {
    let secrets = Cluster::of(&settings);
    let worker = loop {
        match Worker::new(settings.directory.clone(), settings.hasher.clone(), secrets.clone()).await {
            Ok(worker) => break worker,
            Err(error) => pause(&health, &error).await,
        }
    };
    let mut again = Instant::now();
    // What there is something new of, until it was looked at.
    let mut news: BTreeMap<Arc<str>, BTreeSet<Handle>> = BTreeMap::new();
    loop {
        wait(&mut changed, &mut news).await;
        let which = if again <= Instant::now() { Which::All } else { Which::Untried };
        match step(&worker, &mut news, which).await {
            Ok(()) => {
                health.well("passwords");
                if which == Which::All {
                    again = Instant::now() + AGAIN;
                }
            }
            Err(error) => pause(&health, &error).await,
        }
    }
}

/// Member resources are there that were not: the Secrets of their initial passwords were owned by those before them, and
/// go with those. Each is to be owned by the one that is there now (M32).
pub async fn own_anew(directory: &Directory, members: &[Handle]) -> Result<(), Error> {
    if members.is_empty() {
        return Ok(());
    }
    let found = passwords::with_initial(&mut directory.read().await?, members).await?;
    if found.is_empty() {
        return Ok(());
    }
    let at = now();
    let orders: Vec<Order> =
        found.into_iter().map(|member| Order { id: identifier(), member, why: Why::MoveSecret, at }).collect();
    let mut tx = directory.write().await?;
    passwords::order(&mut tx, &orders).await?;
    tx.commit().await
}

async fn pause(health: &Health, error: &Error) {
    tracing::warn!(%error, "passwords can't be worked on; trying again");
    health.trouble("passwords", error);
    tokio::time::sleep(PAUSE).await;
}

/// Waits for the next tick, or until Secrets have changed.
async fn wait(changed: &mut UnboundedReceiver<Referent>, news: &mut BTreeMap<Arc<str>, BTreeSet<Handle>>) {
    let mut referents = Vec::new();
    tokio::select! {
        // Where nothing was opened, nobody tells.
        1.. = changed.recv_many(&mut referents, BATCH) => {}
        () = tokio::time::sleep(TICK) => {}
    }
    for Referent { handle, .. } in referents.into_iter().filter(|referent| referent.source == Source::Secret) {
        news.entry(handle.namespace.clone()).or_default().insert(handle);
    }
}

async fn step(worker: &Worker<Cluster>, news: &mut BTreeMap<Arc<str>, BTreeSet<Handle>>, which: Which) -> Result<(), Error> {
    while let Some((namespace, secrets)) = news.first_key_value() {
        let waiting = worker.look(namespace, |secret| secrets.contains(secret), now()).await?;
        if !waiting.is_empty() {
            worker.try_again(&waiting).await?;
        }
        news.pop_first();
    }
    for told in worker.carry_out(which, now()).await?.into_iter().filter(|told| told.is_new) {
        match told.trouble {
            None => tracing::info!(member = %told.member, "a password was set"),
            Some((reason, message)) => {
                tracing::warn!(member = %told.member, reason = reason.name(), %message, "no password was set");
            }
        }
    }
    Ok(())
}
