//! The Kubernetes shell: watches the four kinds, feeds the engine, writes statuses and events. It is
//! `apply --watch` with another source: it decides nothing, puts a finalizer on nothing, and keeps no copy of
//! an object. Called by `rollcall operator`.

mod clock;
pub mod events;
pub mod health;
mod known;
mod object;
mod passwords;
mod pictures;
mod referents;
mod secrets;
mod session;
mod settle;
mod statuses;
mod watch;
mod writer;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;

use crate::credentials::Hasher;
use crate::directory::leadership::{Leader, take_if_free};
use crate::directory::outbox::Sends;
use crate::directory::{Directory, Error, kept};
use crate::mail::{self, Post};
use crate::reconcile::Engine;
use health::{Health, Role};
use session::Session;

/// How long it is waited before what failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a standby looks whether it may lead.
const STANDBY: Duration = Duration::from_millis(500);

/// The ways to the API server.
#[derive(Clone)]
pub struct Clients {
    /// For lists and watches, which may be silent for long.
    pub watching: Client,
    /// For calls, which may not.
    pub calling: Client,
}

/// What an operator works with.
#[derive(Clone)]
pub struct Settings {
    pub clients: Clients,
    pub directory: Directory,
    /// The namespaces to watch; all, if there are none.
    pub namespaces: Vec<Arc<str>>,
    /// The namespaces whose Secrets may be read and written.
    pub secret_namespaces: Vec<Arc<str>>,
    /// Hashes passwords.
    pub hasher: Hasher,
    /// How often every declaration is looked at for drift.
    pub drift_interval: Duration,
    /// The server through which mails leave, if there is one (M34).
    pub post: Option<Arc<Post>>,
}

/// Works until it is told to end: leads, or stands by. Fails only where going on makes no sense.
///
/// # Errors
///
/// [`Error::Newer`] where a newer Rollcall has brought the directory up to date.
pub async fn run(settings: Settings, health: Arc<Health>, end: impl Future<Output = ()>) -> Result<(), Error> {
    tokio::pin!(end);
    loop {
        let leader = tokio::select! {
            () = &mut end => return Ok(()),
            leader = stand_by(&settings.directory, &health) => leader,
        };
        let mut session = None;
        let led = tokio::select! {
            () = &mut end => None,
            led = lead(&settings, &health, leader, &mut session) => Some(led),
        };
        if let Some(session) = session {
            session.end(led.is_none()).await;
        }
        // Whatever was wrong with its parts ended with them.
        health.forget();
        match led {
            None => return Ok(()),
            Some(Ok(())) => tracing::error!("a part of the operator ended; starting anew"),
            Some(Err(Error::Deposed)) => tracing::warn!("another process leads the directory now: stepping down"),
            Some(Err(error @ Error::Newer(_))) => return Err(error),
            Some(Err(error)) => {
                tracing::error!(%error, "starting anew");
                health.engine_errors.inc();
                health.trouble("directory", error);
            }
        }
        health.set_role(Role::Standby);
        tokio::select! {
            () = &mut end => return Ok(()),
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Waits until this process leads the directory.
async fn stand_by(directory: &Directory, health: &Health) -> Leader {
    let mut said = false;
    loop {
        match take_if_free(directory).await {
            Ok(Some(leader)) => return leader,
            Ok(None) => {
                if !std::mem::replace(&mut said, true) {
                    tracing::info!("standing by: another process leads the directory");
                }
                health.well("directory");
                health.set_role(Role::Standby);
                tokio::time::sleep(STANDBY).await;
            }
            Err(error) => {
                tracing::warn!(%error, "the directory can't be reached; trying again");
                health.engine_errors.inc();
                health.trouble("directory", error);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Leads until it can't go on. What it works with is put into `session`, for whoever ends it.
async fn lead(settings: &Settings, health: &Arc<Health>, leader: Leader, session: &mut Option<Session>) -> Result<(), Error> {
    let new = settings.directory.require_schema().await.is_err();
    settings.directory.migrate().await?;
    if new {
        tracing::info!(directory = %settings.directory.address, "the directory is made or brought up to date");
    }
    let clock = settings.directory.setting("clock", || "real".to_owned()).await?;
    if clock != "real" {
        return Err(Error::Mixed { is: "a rehearsal (--now)", asked: "by an operator" });
    }
    let mut engine = Engine::new(settings.directory.clone(), leader).await?;
    // Whoever applies a resource means it, whatever declared the record before.
    engine.take_over();
    engine.set_secrets(Arc::new(secrets::Cluster::of(settings)));
    // The API server hands on one object after another.
    engine.settle_mails(settle::QUIET, settle::PATIENCE);
    health.trouble("lists", "not complete yet");
    health.well("directory");
    health.set_role(Role::Leader);
    tracing::info!("leading the directory");
    mail::note(&settings.directory, if settings.post.is_some() { Sends::Yes } else { Sends::No }).await?;
    let session = session.insert(Session::start(settings.clone(), health.clone(), engine).await?);
    // Mails are sent by whoever leads, and by nobody else.
    tokio::select! {
        led = session.run() => led,
        () = send_mails(settings, health) => Ok(()),
    }
}

/// Sends mails for as long as it is polled; never ends.
async fn send_mails(settings: &Settings, health: &Health) {
    match &settings.post {
        Some(post) => mail::follow(post, &settings.directory, now, |round| health.count_mails(round)).await,
        None => std::future::pending().await,
    }
}

/// This moment, as the directory keeps it.
fn now() -> Timestamp {
    kept(Timestamp::now())
}
