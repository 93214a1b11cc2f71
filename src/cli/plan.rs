//! `rollcall plan`: what an apply would do, and what time will do afterwards.

use clap::Args;
use jiff::tz::TimeZone;

use super::run::Runs;
use super::{Failure, Global, NOTHING, OK, PARTLY, fields, output};
use crate::api::When;
use crate::api::text::one_line;
use crate::api::time::rfc3339;
use crate::directory::{Absent, Address, Directory, Error};
use crate::manifests;
use crate::reconcile::Done;
use crate::reconcile::plan::report;

/// Tells what an apply would do. Nothing is written.
#[derive(Debug, Args)]
pub struct Plan {
    #[command(flatten)]
    runs: Runs,
    /// Forecast: what will have happened by this day or instant
    #[arg(long, value_name = "DATE")]
    at: Option<When>,
    /// How to print the plan
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// How to print a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    #[default]
    Table,
    Json,
    Markdown,
}

impl Plan {
    /// `apply --dry-run` is a plan.
    pub fn of_apply(runs: Runs, json: bool) -> Self {
        Plan { runs, at: None, output: if json { Format::Json } else { Format::Table } }
    }

    pub async fn run(self, global: &Global) -> Result<u8, Failure> {
        let roster = manifests::read(&self.runs.files.files, global.default_namespace());
        let until = self.at.map(|at| at.start(&TimeZone::UTC));
        let (done, passwords) = self.runs.rehearse(&self.from(global).await?, &roster, global, until).await?;
        output::left_out(&roster, self.runs.prune);
        let refused = output::all_refused(&roster, &done);
        output::complaints(&roster.complaints);
        output::refused(&roster, &done.refused().cloned().collect::<Vec<_>>());
        output::warnings(&done);
        output::held(&done);
        match &passwords {
            Some(passwords) => output::passwords(passwords, "to be set"),
            None => note!("warning: nothing is planned of passwords, since the directory's role may not read their hashes (R2)"),
        }
        output::skipped(&roster);
        output::cancellations(&done);
        let told = report(&done, &refused);
        match self.output {
            Format::Json => output::json(&told)?,
            Format::Table => {
                output::changes(&done, self.at.is_some())?;
                say!("{}", output::summary(&done, refused.len(), &roster))?;
                say!("fingerprint {}", told["fingerprint"].as_str().unwrap_or_default())?;
            }
            Format::Markdown => markdown(&done, &refused, told["fingerprint"].as_str().unwrap_or_default())?,
        }
        // That a first password is set is no row of the plan.
        let sets_passwords = passwords.iter().flatten().any(|told| told.trouble.is_none());
        Ok(if !refused.is_empty() || !roster.complaints.is_empty() {
            NOTHING
        } else if done.changes.is_empty() && !sets_passwords {
            OK
        } else {
            PARTLY
        })
    }

    /// The directory to copy: where there is none yet, an empty one.
    async fn from(&self, global: &Global) -> Result<Directory, Failure> {
        match global.open().await {
            Err(Failure::Directory(Error::Missing(_))) => {
                let empty = Directory::open(Address::Memory, Absent::Create).await?;
                empty.migrate().await?;
                Ok(empty)
            }
            opened => opened,
        }
    }
}

/// A plan for a comment on a merge request.
fn markdown(done: &Done, refused: &[crate::reconcile::Outcome], fingerprint: &str) -> std::io::Result<()> {
    let changes = &done.changes;
    let cell = |text: &str| one_line(text).replace('|', "\\|");
    say!("### Rollcall: {} changes, {} refused or waiting\n", changes.len(), refused.len())?;
    if !changes.is_empty() {
        say!("| when | action | kind | name | changes |\n|---|---|---|---|---|")?;
        for entry in changes {
            let name = output::name(entry);
            let (when, action, kind) = (rfc3339(entry.due), &entry.action, entry.kind);
            say!("| {when} | {action} | {kind} | {} | {} |", cell(&name), cell(&fields::told(entry)))?;
        }
        say!()?;
    }
    for outcome in refused {
        say!("- **{}** {}: {}", outcome.verdict.reason.name(), outcome.key, cell(&outcome.verdict.message))?;
    }
    for (key, hold) in done.held() {
        say!("- **held** {key}: {}", cell(&hold.message()))?;
    }
    say!("\nfingerprint `{fingerprint}`")
}
