//! The Kubernetes shell: watches the four kinds, feeds the engine, writes statuses and events. It is
//! `apply --watch` with another source: it decides nothing, puts a finalizer on nothing, and keeps no copy of
//! an object. Called by `rollcall operator`.

pub mod events;
pub mod health;
mod known;
mod object;
mod session;
mod settle;
mod watch;
mod writer;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;

use crate::directory::leadership::{Leader, take_if_free};
use crate::directory::{Directory, Error};
use crate::reconcile::Engine;
use health::{Health, Role};
use session::{Ended, Session};

/// How long it is waited before what failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a standby looks whether it may lead.
const STANDBY: Duration = Duration::from_millis(500);

/// What an operator works with.
#[derive(Clone)]
pub struct Settings {
    /// For lists and watches, which may be silent for long.
    pub watching: Client,
    /// For calls, which may not.
    pub calling: Client,
    pub directory: Directory,
    /// The namespaces to watch; all, if there are none.
    pub namespaces: Vec<Arc<str>>,
    /// How often every declaration is looked at for drift.
    pub drift_interval: Duration,
}

/// Works until it is told to end: leads, or stands by. Fails only where going on makes no sense.
///
/// # Errors
///
/// [`Error::Newer`] where a newer Rollcall has brought the directory up to date.
pub async fn run(settings: Settings, health: Arc<Health>, end: impl Future<Output = ()>) -> Result<(), Error> {
    tokio::pin!(end);
    loop {
        let led = tokio::select! {
            () = &mut end => return Ok(()),
            leader = stand_by(&settings.directory, &health) => lead(&settings, &health, leader, &mut end).await,
        };
        for part in ["watch", "lists", "status"] {
            health.forget(part);
        }
        match led {
            Ok(Ended::Asked) => return Ok(()),
            Ok(Ended::Deposed) => {
                health.set_role(Role::Standby);
                tracing::warn!("another process leads the directory now: stepping down");
            }
            Err(error @ Error::Newer(_)) => return Err(error),
            Err(error) => {
                tracing::error!(%error, "starting anew");
                health.engine_errors.inc();
                health.trouble("directory", error);
                tokio::select! {
                    () = &mut end => return Ok(()),
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
        }
    }
}

/// Waits until this process leads the directory.
async fn stand_by(directory: &Directory, health: &Health) -> Leader {
    loop {
        match take_if_free(directory).await {
            Ok(Some(leader)) => return leader,
            Ok(None) => {
                health.well("directory");
                health.set_role(Role::Standby);
                tokio::time::sleep(STANDBY).await;
            }
            Err(error) => {
                tracing::warn!(%error, "the directory can't be reached; trying again");
                health.trouble("directory", error);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Leads until it is told to end, is deposed, or fails.
async fn lead(
    settings: &Settings,
    health: &Arc<Health>,
    leader: Leader,
    end: &mut (impl Future<Output = ()> + Unpin),
) -> Result<Ended, Error> {
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
    health.trouble("lists", "not complete yet");
    health.well("directory");
    health.set_role(Role::Leader);
    tracing::info!("leading the directory");
    let mut session = Session::start(settings.clone(), health.clone(), engine).await?;
    let ended = session.run(end).await;
    session.end(matches!(ended, Ok(Ended::Asked))).await;
    ended
}

/// This moment, as the directory keeps it.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}
