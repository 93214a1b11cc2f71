//! The password work of a cluster: carries out what is ordered as soon as it is there, follows Secrets by their
//! metadata, and tries again what waits. Never holds up the session. Started by it, once a session.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::{Api, PartialObjectMeta};
use kube::runtime::{WatchStreamExt, watcher};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::health::Health;
use super::secrets::Cluster;
use super::{Settings, now};
use crate::api::Handle;
use crate::credentials::{MEMBER_ANNOTATION, Worker};
use crate::directory::Error;
use crate::directory::passwords::Which;

/// How often it is looked for orders.
const TICK: Duration = Duration::from_millis(250);
/// How often what waits is tried again.
const AGAIN: Duration = Duration::from_secs(30);
/// How long it is waited after the directory failed.
const PAUSE: Duration = Duration::from_secs(1);
/// How many changes of Secrets are looked at together.
const BATCH: usize = 1_000;

/// Works for as long as the session lasts.
pub async fn follow(settings: Settings, health: Arc<Health>) {
    let namespaces: BTreeSet<Arc<str>> = settings.secret_namespaces.iter().cloned().collect();
    let (to_changed, mut changed) = unbounded_channel();
    let mut watches = JoinSet::new();
    for namespace in &namespaces {
        let (client, told) = (settings.clients.watching.clone(), to_changed.clone());
        watches.spawn(watch(client, namespace.clone(), told));
    }
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

async fn pause(health: &Health, error: &Error) {
    tracing::warn!(%error, "passwords can't be worked on; trying again");
    health.trouble("passwords", error);
    tokio::time::sleep(PAUSE).await;
}

/// Waits for the next tick, or until Secrets have changed.
async fn wait(changed: &mut UnboundedReceiver<Handle>, news: &mut BTreeMap<Arc<str>, BTreeSet<Handle>>) {
    let mut secrets = Vec::new();
    tokio::select! {
        _ = changed.recv_many(&mut secrets, BATCH) => {}
        () = tokio::time::sleep(TICK) => {}
    }
    for secret in secrets {
        news.entry(secret.namespace.clone()).or_default().insert(secret);
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

/// Follows the Secrets of a namespace by their metadata, for as long as somebody listens.
async fn watch(client: Client, namespace: Arc<str>, changed: UnboundedSender<Handle>) {
    let secrets: Api<PartialObjectMeta<Secret>> = Api::namespaced(client, &namespace);
    let events = watcher(secrets, watcher::Config::default()).default_backoff();
    let mut events = pin!(events.map_err(|error| error.to_string()));
    while let Some(event) = events.next().await {
        let secret = match event {
            Ok(watcher::Event::InitApply(secret) | watcher::Event::Apply(secret)) => secret,
            Ok(watcher::Event::Init | watcher::Event::InitDone | watcher::Event::Delete(_)) => continue,
            Err(error) => {
                tracing::warn!(%namespace, %error, "watching Secrets failed; trying again");
                continue;
            }
        };
        // What is written here is nothing new.
        let is_ours = secret.metadata.annotations.is_some_and(|annotations| annotations.contains_key(MEMBER_ANNOTATION));
        if is_ours {
            continue;
        }
        let name = secret.metadata.name.unwrap_or_default();
        if changed.send(Handle::new(namespace.clone(), name)).is_err() {
            return;
        }
    }
}
