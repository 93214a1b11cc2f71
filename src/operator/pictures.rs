//! The picture work of a cluster (M3): looks for what is ordered as soon as it is there, and again where a Secret or
//! ConfigMap has another version. Never holds up the session. Started by it, once a session.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;

use super::Settings;
use super::health::Health;
use super::referents::Referent;
use super::secrets::{Cluster, NOT_ENABLED};
use crate::api::Handle;
use crate::api::photo::{Place, Source};
use crate::credentials::Trouble;
use crate::directory::photos::{self, Order};
use crate::directory::{Directory, Error};
use crate::reconcile::pictures::{Look, Looked, Pictures, carry_out};

/// How often it is looked for orders.
const TICK: Duration = Duration::from_millis(250);
/// How often what the API server did not answer is tried again.
const AGAIN: Duration = Duration::from_secs(30);
/// How long it is waited after the directory failed.
const PAUSE: Duration = Duration::from_secs(1);
/// How many changes are looked at together.
const BATCH: usize = 1_000;

/// Objects of which there is something new, each with its version.
type News = BTreeMap<(Source, Handle), String>;

/// Works for as long as the session lasts.
pub async fn follow(settings: Settings, mut changed: UnboundedReceiver<Referent>, health: Arc<Health>) {
    let cluster = Cluster::of(&settings);
    // What there is something new of, until it was ordered; and who has to wait, until when.
    let (mut news, mut waiting) = (News::new(), (HashSet::new(), Instant::now()));
    loop {
        let mut fresh = Vec::new();
        tokio::select! {
            // Where nothing was opened, nobody tells.
            1.. = changed.recv_many(&mut fresh, BATCH) => {}
            () = tokio::time::sleep(TICK) => {}
        }
        news.extend(fresh.into_iter().map(|Referent { source, handle, version }| ((source, handle), version)));
        if waiting.1 <= Instant::now() {
            waiting = (HashSet::new(), Instant::now() + AGAIN);
        }
        match step(&settings.directory, &cluster, &mut news, &mut waiting.0).await {
            Ok(()) => drop(health.well("pictures")),
            Err(error) => {
                tracing::warn!(%error, "pictures can't be looked for; trying again");
                health.trouble("pictures", &error);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn step(directory: &Directory, cluster: &Cluster, news: &mut News, waiting: &mut HashSet<String>) -> Result<(), Error> {
    while let Some((_, handle)) = news.keys().next() {
        let namespace = handle.namespace.clone();
        order_again(directory, &namespace, news).await?;
        news.retain(|(_, handle), _| handle.namespace != namespace);
    }
    let carried = carry_out(directory, waiting, cluster).await?;
    waiting.extend(carried.again);
    Ok(())
}

/// Orders that the pictures of a namespace are looked for whose objects have another version than they were last looked
/// for in.
async fn order_again(directory: &Directory, namespace: &str, news: &News) -> Result<(), Error> {
    let known = photos::known(&mut directory.read().await?, namespace).await?;
    let is_new = |known: &photos::Known| match Place::of(&known.photo) {
        Some(Place::Key(source, reference)) => {
            let object = (source, Handle::new(namespace, reference.name.as_str()));
            news.get(&object).is_some_and(|version| known.version.as_ref() != Some(version))
        }
        Some(Place::File(_)) | None => false,
    };
    let members: Vec<_> = known.into_iter().filter(is_new).map(|known| known.member).collect();
    if members.is_empty() {
        return Ok(());
    }
    let mut tx = directory.write().await?;
    photos::order(&mut tx, &members).await?;
    tx.commit().await
}

impl Pictures for Cluster {
    async fn look(&self, order: &Order) -> Result<Looked, Error> {
        let (source, reference) = match Place::of(&order.photo) {
            Some(Place::Key(source, reference)) => (source, reference),
            Some(Place::File(_)) => {
                let why = "`file` is looked for by `rollcall apply` only; use secretKeyRef or configMapKeyRef";
                return Ok(Look::Missing(why.to_owned()).into());
            }
            None => return Ok(Look::Missing("its place can't be read".to_owned()).into()),
        };
        let object = order.handle.sibling(reference.name.as_str());
        let named = format!("the {} `{}`", source.name(), reference.name);
        let (why, again) = match self.read_picture(source, &object, reference.key.as_str()).await {
            Ok((content, version)) => {
                let missing = || Look::Missing(format!("{named} has no key `{}`", reference.key));
                return Ok(Looked { look: content.map_or_else(missing, Look::Content), version: Some(version), again: false });
            }
            Err(Trouble::NotEnabled) => (format!("{named}: {NOT_ENABLED}"), false),
            Err(Trouble::Unusable(_) | Trouble::Exists | Trouble::Nowhere) => (format!("{named} is not there"), false),
            Err(Trouble::Failed(why)) => (format!("{named}: {why}; it is tried again"), true),
        };
        Ok(Looked { look: Look::Missing(why), version: None, again })
    }
}
