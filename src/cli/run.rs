//! What `apply` does with a set, and `plan` on a copy: the arguments that both take, and the work on passwords that
//! follows the set. Knows no output.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;

use super::{Failure, Files, Global};
use crate::api::secret::Contents;
use crate::credentials::{Cost, Hasher, Told, Worker};
use crate::directory::passwords::Which;
use crate::directory::{Directory, Error};
use crate::manifests::{Roster, secrets};
use crate::reconcile::Done;
use crate::reconcile::plan::{Run, rehearse};

/// What to apply, and how.
#[derive(Debug, Args)]
pub struct Runs {
    #[command(flatten)]
    pub files: Files,
    /// Remove what is missing from the set, in tenants whose Tenant manifest is in it
    #[arg(long)]
    pub prune: bool,
    /// Take records that another source declares
    #[arg(long)]
    take_over: bool,
    /// The directory was restored from a backup: values that act once are noted as done, never carried out
    #[arg(long)]
    restored: bool,
    /// Write generated passwords into this folder, each as the manifest of a Secret that only you may read
    #[arg(long, value_name = "DIR")]
    secrets_out: Option<PathBuf>,
}

impl Runs {
    /// The run of a set that was read.
    pub fn of(&self, roster: &Roster, global: &Global) -> Run {
        Run {
            submissions: roster.submissions.clone(),
            set: roster.set(),
            prune: self.prune,
            take_over: self.take_over,
            restored: self.restored,
            secrets: roster.secrets.clone(),
            now: global.now(),
        }
    }

    /// The Secrets of a set that was read, and the folder for those that are made.
    pub fn secrets(&self, roster: &Roster) -> secrets::Files {
        secrets::Files { set: roster.secrets.clone(), out: self.secrets_out.clone(), rehearsal: None }
    }

    /// Tells what the run would do, and what would become of passwords, if that can be known. Nothing is written.
    pub async fn rehearse(
        &self,
        directory: &Directory,
        roster: &Roster,
        global: &Global,
        until: Option<Timestamp>,
    ) -> Result<(Done, Option<Vec<Told>>), Failure> {
        let (run, now) = (self.of(roster, global), global.now());
        let secrets = secrets::Files { rehearsal: Some(Arc::default()), ..self.secrets(roster) };
        let mut told = None;
        let passwords = async |copy: &Directory| {
            // Nobody signs in to a copy.
            let worker = Worker::new(copy.clone(), Hasher::new(Cost::least()), secrets.clone()).await?;
            work(&worker, &secrets.set, &mut told, now).await
        };
        let done = rehearse(directory, run, until, passwords).await?;
        Ok((done, told))
    }
}

/// Carries out what is ordered of passwords, and adds what became of them to what is told: at first all of it, Secrets with
/// another content than was taken last ordering another; then what came since.
pub async fn work(
    worker: &Worker<secrets::Files>,
    set: &Contents,
    told: &mut Option<Vec<Told>>,
    now: Timestamp,
) -> Result<(), Error> {
    let which = if told.is_some() { Which::Untried } else { Which::All };
    if which == Which::All {
        let namespaces: BTreeSet<Arc<str>> = set.keys().map(|secret| secret.namespace.clone()).collect();
        for namespace in namespaces {
            worker.look(&namespace, |secret| set.contains_key(secret), now).await?;
        }
    }
    told.get_or_insert_default().extend(worker.carry_out(which, now).await?);
    Ok(())
}
