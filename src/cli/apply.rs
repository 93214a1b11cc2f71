//! `rollcall apply`: make the directory agree with what is declared.

use std::io::{BufRead, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::output::Format;
use super::run::{Runs, work};
use super::{Failure, Global, NOTHING, OK, PARTLY, ended, mail, output, plan};
use crate::credentials::Worker;
use crate::directory::passwords::Which;
use crate::directory::{Absent, Address, Directory, Error, leadership};
use crate::manifests::secrets;
use crate::manifests::watch::Watch;
use crate::manifests::{self, Roster};
use crate::reconcile::pictures::{self, Picture};
use crate::reconcile::plan::{carry_out, fingerprint, report};
use crate::reconcile::{Done, Engine};

/// Makes the directory agree with what is declared.
#[derive(Debug, Args)]
pub struct Apply {
    #[command(flatten)]
    runs: Runs,
    /// Stay: follow the files, and do what falls due as its time comes
    #[arg(long, conflicts_with_all = ["now", "restored"])]
    watch: bool,
    /// Only tell what would be done; the same as `plan`
    #[arg(long)]
    dry_run: bool,
    /// Do exactly the plan with this fingerprint, or nothing
    #[arg(long, value_name = "FINGERPRINT")]
    expect: Option<String>,
    /// Don't ask before what takes access or data away
    #[arg(long, short)]
    yes: bool,
    /// How to print what was done
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    /// How often to look for drift while watching, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    drift_interval: u64,
    #[command(flatten)]
    mailing: mail::Mailing,
}

impl Apply {
    pub async fn run(self, global: &Global) -> Result<u8, Failure> {
        if self.dry_run {
            return plan::Plan::of_apply(self.runs, self.output == Format::Json).run(global).await;
        }
        let address: Address = global.directory.parse()?;
        let post = self.mailing.post()?;
        // What changes while the first set is applied is a change.
        let watch = if self.watch { Some(manifests::watch::watch(&self.runs.files.files).map_err(unwatchable)?) } else { None };
        // The files are read while the directory is opened.
        let (files, namespace) = (self.runs.files.files.clone(), global.default_namespace().to_owned());
        let reading = tokio::task::spawn_blocking(move || manifests::read(&files, &namespace));
        let directory = Directory::open(address.clone(), Absent::Create).await?;
        let leader = leadership::take(&directory).await?;
        let is_new = directory.require_schema().await.is_err();
        directory.migrate().await?;
        if is_new {
            note!("the directory at {address} is made or brought up to date");
        }
        global.keep_clock(&directory).await?;
        let mut engine = Engine::new(directory, leader).await?;
        let roster = engine.recall_during(reading).await?;
        let roster = roster.map_err(|error| Failure::Usage(format!("reading the files: {error}")))?;

        let ask = !self.yes && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if self.expect.is_some() || ask {
            let (done, _) = self.runs.rehearse(&engine.directory, &roster, global, None).await?;
            if let Some(expected) = &self.expect {
                let found = fingerprint(&done.changes);
                if found != *expected {
                    engine.release().await?;
                    let message = format!("the plan is another now: {found} instead of {expected}; nothing was done, plan again");
                    return Err(Failure::Usage(message));
                }
            }
            if ask && !confirmed(&done)? {
                engine.release().await?;
                note!("nothing was done");
                return Ok(NOTHING);
            }
        }

        if !engine.clocks_agree() {
            note!(
                "warning: this host's clock and the database's differ by more than 60 s; irreversible steps wait (ClockSkewed)"
            );
        }
        engine.keep(self.most());
        let (shown, referred) = self.once(&mut engine, roster, global).await?;
        match watch.filter(|_| shown.is_ok()) {
            None => {
                mail::deliver(&mut engine, post.as_ref(), global.now()).await?;
                engine.release().await?;
                shown
            }
            Some(watch) => {
                let mails = mail::follow(&engine.directory, post).await?;
                let code = self.stay(engine, watch, referred, global).await;
                mails.abort();
                code
            }
        }
    }

    /// How many changes are kept to be shown.
    fn most(&self) -> usize {
        match self.output {
            Format::Table => output::MOST,
            Format::Json => usize::MAX,
        }
    }

    /// Applies what was read, and shows what was done: the exit code, or why it could not be shown.
    async fn once(
        &self,
        engine: &mut Engine,
        mut roster: Roster,
        global: &Global,
    ) -> Result<(Result<u8, Failure>, Referred), Failure> {
        let run = self.runs.of(&roster, global);
        roster.submissions.clear();
        let bar = progress(run.submissions.len());
        let mut step = |count: usize| bar.inc(count as u64);
        let worker = Worker::new(engine.directory.clone(), global.hasher()?, self.runs.secrets(&roster)).await?;
        let (now, mut told) = (global.now(), None);
        let passwords = async |_: &Directory| work(&worker, &roster.secrets, &mut told, now).await;
        let done = carry_out(engine, run, &mut step, passwords).await?;
        let told = told.unwrap_or_default();
        bar.finish_and_clear();
        let referred = Referred { worker, pictures: roster.set().pictures };
        output::left_out(&roster, self.runs.prune);
        let refused = output::all_refused(&roster, &done);
        output::complaints(&roster.complaints);
        output::refused(&roster, &done.refused().cloned().collect::<Vec<_>>());
        output::warnings(&done);
        output::held(&done);
        output::passwords(&told, "set");
        output::skipped(&roster);
        let shown = match self.output {
            Format::Json => output::json(&report(&done, &refused)),
            Format::Table => output::changes(&done, false)
                .and_then(|()| say!("{}", output::summary(&done, refused.len(), &roster)).map_err(Failure::from)),
        };
        let waiting = told.iter().any(|told| told.waits);
        let wholly = refused.is_empty() && roster.complaints.is_empty() && !waiting;
        let nothing = roster.present.is_empty() && roster.unread > 0 && done.rows() == 0;
        let code = match (wholly, nothing) {
            (true, _) => OK,
            (false, true) => NOTHING,
            (false, false) => PARTLY,
        };
        Ok((shown.map(|()| code), referred))
    }

    /// Follows the files, and does what falls due as its time comes, until it is told to end.
    async fn stay(self, mut engine: Engine, mut watch: Watch, mut referred: Referred, global: &Global) -> Result<u8, Failure> {
        let mut ticks = tokio::time::interval(Duration::from_millis(250));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut scans = tokio::time::interval(Duration::from_secs(self.drift_interval.max(1)));
        let end = ended();
        tokio::pin!(end);
        note!("watching; end with Ctrl-C");
        loop {
            let step = tokio::select! {
                () = &mut end => break,
                () = watch.changed() => {
                    let roster = manifests::read(&self.runs.files.files, global.default_namespace());
                    self.once(&mut engine, roster, global).await.and_then(|(shown, now)| {
                        referred = now;
                        shown.map(drop)
                    })
                }
                _ = ticks.tick() => self.advance(&mut engine, &referred, global).await,
                _ = scans.tick() => self.scan(&mut engine, global).await,
            };
            match step {
                Ok(()) => {}
                // Another leads, or knows a newer schema: this process has nothing more to do.
                Err(Failure::Directory(error @ (Error::Deposed | Error::Newer(_)))) => return Err(error.into()),
                Err(failure @ Failure::Output(_)) => {
                    engine.release().await?;
                    return Err(failure);
                }
                Err(failure) => {
                    note!("error: {failure}; trying again");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
        engine.release().await?;
        Ok(OK)
    }

    async fn advance(&self, engine: &mut Engine, referred: &Referred, global: &Global) -> Result<(), Failure> {
        self.tell(engine.advance(global.now()).await?)?;
        // What that ordered, without any change of the files.
        output::passwords(&referred.worker.carry_out(Which::Untried, global.now()).await?, "set");
        self.tell(pictures::seek(engine, &referred.pictures, global.now()).await?)
    }

    async fn scan(&self, engine: &mut Engine, global: &Global) -> Result<(), Failure> {
        self.tell(engine.scan(global.now()).await?)
    }

    fn tell(&self, done: Done) -> Result<(), Failure> {
        match self.output {
            _ if done.rows() == 0 => Ok(()),
            Format::Json => output::json(&report(&done, &done.refused().cloned().collect::<Vec<_>>())),
            Format::Table => output::changes(&done, true),
        }
    }
}

/// What the manifests refer to, as they were read last: Secrets with passwords, and pictures.
struct Referred {
    worker: Worker<secrets::Files>,
    pictures: Arc<Vec<Picture>>,
}

fn unwatchable(error: impl std::fmt::Display) -> Failure {
    Failure::Usage(format!("the files can't be watched: {error}"))
}

/// Asks before what takes access or data away.
fn confirmed(done: &Done) -> Result<bool, Failure> {
    let mut grave = Done::default();
    for entry in &done.changes {
        if matches!(entry.action.as_str(), "delete" | "purge" | "transfer" | "cancel") {
            grave.counts.push((entry.action.clone(), 1));
            grave.changes.push(entry.clone());
        }
    }
    if grave.rows() == 0 {
        return Ok(true);
    }
    output::changes(&grave, false)?;
    let _ = write!(std::io::stderr(), "{} of the changes take access or data away. Go on? [y/N] ", grave.rows());
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn progress(objects: usize) -> ProgressBar {
    if objects < 1_000 || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} objects, {eta} to go");
    ProgressBar::new(objects as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
