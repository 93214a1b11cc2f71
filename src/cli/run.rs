//! What `apply` does with a set, and `plan` on a copy: the arguments that both take, and the work on passwords that
//! follows the set. Knows no output.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;

use super::{Failure, Files, Global};
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
    pub take_over: bool,
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
            secrets: roster.secrets.clone(),
            now: global.now(),
        }
    }

    /// The Secrets of a set that was read, and the folder for those that are made.
    pub fn secrets(&self, roster: &Roster) -> secrets::Files {
        secrets::Files { set: roster.secrets.clone(), out: self.secrets_out.clone(), rehearses: false }
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
        let secrets = secrets::Files { rehearses: true, ..self.secrets(roster) };
        let passwords = async |copy: &Directory| {
            // Nobody signs in to a copy.
            let (_, told) = passwords(copy, Hasher::new(Cost::least()), secrets, now).await?;
            Ok(told)
        };
        Ok(rehearse(directory, run, self.take_over, until, passwords).await?)
    }
}

/// Carries out what is ordered of passwords; Secrets with another content than was taken last order another. Returns who goes
/// on with that, and what became of it.
pub async fn passwords(
    directory: &Directory,
    hasher: Hasher,
    secrets: secrets::Files,
    now: Timestamp,
) -> Result<(Worker<secrets::Files>, Vec<Told>), Error> {
    let set = secrets.set.clone();
    let worker = Worker::new(directory.clone(), hasher, secrets).await?;
    let namespaces: BTreeSet<Arc<str>> = set.keys().map(|secret| secret.namespace.clone()).collect();
    for namespace in namespaces {
        worker.look(&namespace, |secret| set.contains_key(secret), now).await?;
    }
    let told = worker.carry_out(Which::All, now).await?;
    Ok((worker, told))
}
