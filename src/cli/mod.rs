//! The command line: one file a command. Turns arguments into calls and outcomes into tables, JSON and exit
//! codes. Data goes to standard output, everything else to standard error. Called by `main` only.

/// Prints a line of data. It fails where nobody reads on, as in `rollcall get members | head`.
macro_rules! say {
    ($($part:tt)*) => {{
        use std::io::Write as _;
        writeln!(std::io::stdout(), $($part)*)
    }};
}

/// Writes a line beside the data. That nobody reads it holds up nothing.
macro_rules! note {
    ($($part:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($part)*);
    }};
}

mod apply;
mod billing;
mod crds;
mod describe;
mod device;
mod fields;
mod get;
mod history;
mod mail;
mod operator;
mod outbox;
mod output;
mod plan;
mod record;
mod reference;
mod requests;
mod run;
mod search;
mod validate;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::api::{Handle, Kind, When};
use crate::credentials::hash::COST_SETTING;
use crate::credentials::{Cost, Hasher};
use crate::directory::{Absent, Address, Directory, Error, kept};

/// A company's staff roster as code: what is declared in YAML becomes accounts in a directory, and time
/// does the rest.
#[derive(Debug, Parser)]
#[command(name = "rollcall", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

/// What every command takes, in any place.
#[derive(Debug, Args)]
pub struct Global {
    /// The directory: sqlite:PATH or postgres://USER@HOST/DATABASE
    #[arg(
        long,
        global = true,
        env = "ROLLCALL_DIRECTORY",
        hide_env_values = true,
        default_value = "sqlite:rollcall.db",
        value_name = "URL"
    )]
    directory: String,
    /// Stands for the clock, for rehearsals: an instant (2027-03-01T09:00:00Z) or a day in UTC
    #[arg(long, global = true, value_name = "INSTANT")]
    now: Option<When>,
    /// The namespace of manifests that name none, and of what is asked for [default: default]
    #[arg(short, long, global = true, value_name = "NAMESPACE")]
    namespace: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the directory agree with what is declared; without -f, do what fell due
    Apply(apply::Apply),
    /// Tell what an apply would do, and what time will do afterwards; nothing is written
    Plan(plan::Plan),
    /// Check manifests without a directory
    Validate(validate::Validate),
    /// List what is declared and what became of it
    Get(get::Get),
    /// Tell everything that is known of one object
    Describe(describe::Describe),
    /// Find members as their colleagues do
    Search(search::Search),
    /// Show the audit trail, newest last
    History(history::History),
    /// Run against Kubernetes: follow its resources, and do what falls due
    Operator(operator::Operator),
    /// Print the CustomResourceDefinitions
    Crds(crds::Crds),
    /// Tell the directory what a tenant is to pay, and what it has paid
    Billing(billing::Billing),
    /// Report what services saw
    Record(record::Record),
    /// List what others must do and have not acknowledged: mails, and orders to services
    Outbox(outbox::Outbox),
    /// Order something for a device of a member who has no manifest any more
    Device(device::Device),
    /// List open requests for an account, print what would approve them, or refuse one
    Requests(requests::Requests),
    /// Write the reference pages of the documentation
    #[command(hide = true)]
    Reference(reference::Reference),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Which manifests to read.
#[derive(Debug, Args)]
pub struct Files {
    /// A file, a folder (recursively: .yaml, .yml, .json) or - for standard input; repeatable
    #[arg(short = 'f', long = "filename", value_name = "PATH")]
    files: Vec<PathBuf>,
}

/// Why a command ends without having done its work.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Directory(#[from] Error),
    #[error("{0}")]
    Usage(String),
    #[error("writing the output: {0}")]
    Output(#[from] std::io::Error),
}

/// Where manifests and names belong that name no namespace.
const DEFAULT_NAMESPACE: &str = "default";

/// The exit code of success.
const OK: u8 = 0;
/// Something was refused, waits, or was not found.
const PARTLY: u8 = 1;
/// Nothing was done.
const NOTHING: u8 = 2;

/// Whoever reads the output had seen enough: the code that shells tell of a program that SIGPIPE ended. Here nothing
/// is ended so: the signal would come from sockets too.
const UNREAD: u8 = 141;

/// Runs the command that the arguments name.
pub async fn run() -> ExitCode {
    let Cli { command, global } = Cli::parse();
    let done = match command {
        Command::Apply(apply) => apply.run(&global).await,
        Command::Plan(plan) => plan.run(&global).await,
        Command::Validate(validate) => validate.run(&global),
        Command::Get(get) => get.run(&global).await,
        Command::Describe(describe) => describe.run(&global).await,
        Command::Search(search) => search.run(&global).await,
        Command::History(history) => history.run(&global).await,
        Command::Operator(operator) => operator.run(&global).await,
        Command::Crds(crds) => crds.run(),
        Command::Billing(billing) => billing.run(&global).await,
        Command::Record(record) => record.run(&global).await,
        Command::Outbox(outbox) => outbox.run(&global).await,
        Command::Device(device) => device.run(&global).await,
        Command::Requests(requests) => requests.run(&global).await,
        Command::Reference(reference) => reference.run(),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "rollcall", &mut script);
            std::io::stdout().write_all(&script).map_or_else(|error| Err(error.into()), |()| Ok(OK))
        }
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::from(UNREAD),
        Err(failure) => {
            note!("error: {failure}");
            ExitCode::from(NOTHING)
        }
    }
}

/// A handle that nothing has, as it is told.
fn unknown(handle: &Handle) -> String {
    let hint = if &*handle.namespace == DEFAULT_NAMESPACE { " (-n names another namespace)" } else { "" };
    format!("{handle}{hint}")
}

impl Global {
    /// The namespace of manifests that name none.
    fn default_namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE)
    }

    /// The instant that stands for now.
    fn now(&self) -> Timestamp {
        kept(self.now.map_or_else(Timestamp::now, |when| when.start(&TimeZone::UTC)))
    }

    /// Hashes passwords at the cost that is set.
    fn hasher(&self) -> Result<Hasher, Failure> {
        let cost = match std::env::var(COST_SETTING) {
            Ok(text) => text.parse::<Cost>().map_err(|error| Failure::Usage(format!("{COST_SETTING}: {error}")))?,
            Err(_) => Cost::default(),
        };
        Ok(Hasher::new(cost))
    }

    /// Opens the directory to read what is there.
    async fn open(&self) -> Result<Directory, Failure> {
        let directory = Directory::open(self.directory.parse::<Address>()?, Absent::Refuse).await?;
        directory.require_schema().await?;
        Ok(directory)
    }

    /// A directory is real or a rehearsal from its first write, and its time goes forward only.
    async fn keep_clock(&self, directory: &Directory) -> Result<(), Failure> {
        let asked = if self.now.is_some() { "rehearsed (--now)" } else { "real" };
        let is = directory.setting("clock", || asked.to_owned()).await?;
        if is != asked {
            let is = if is == "real" { "real" } else { "a rehearsal (--now)" };
            return Err(Error::Mixed { is, asked: if self.now.is_some() { "with --now" } else { "without --now" } }.into());
        }
        if self.now.is_none() {
            return Ok(());
        }
        let last = directory.read().await?.fetch_one(LAST_WRITE, vec![]).await?;
        let last = last.map_or(Ok(None), |row| row.maybe_instant(0))?;
        if let Some(last) = last.filter(|last| *last > self.now()) {
            return Err(Failure::Usage(format!(
                "the rehearsal is at {last} already; time goes forward only, give a later --now"
            )));
        }
        Ok(())
    }
}

const LAST_WRITE: &str = "SELECT at FROM audit WHERE seq = (SELECT max(seq) FROM audit)";

/// `KIND NAME`, `KIND/NAME`, or `KIND` alone.
fn object(words: &[String], namespace: &str) -> Result<(Kind, Option<Handle>), Failure> {
    let usage = |message: String| Failure::Usage(message);
    let (kind, name) = match words {
        [one] => match one.split_once('/') {
            Some((kind, name)) => (kind, Some(name)),
            None => (one.as_str(), None),
        },
        [kind, name] => (kind.as_str(), Some(name.as_str())),
        _ => return Err(usage("write KIND, KIND NAME or KIND/NAME".into())),
    };
    Ok((kind.parse::<Kind>().map_err(usage)?, name.map(|name| Handle::new(namespace, name))))
}

/// Describes every command, for the reference.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Ends when the process is told to: Ctrl-C, or a polite kill.
async fn ended() {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}
