//! `rollcall record`: what services report.

use std::io::{BufRead, Read};
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::{Failure, Global, OK, PARTLY};
use crate::api::{Confidential, Handle, Kind};
use crate::credentials::own::{Changed, Proof, change};
use crate::credentials::{Answer, may_sign_in};
use crate::directory::records::{By, handle_keys};
use crate::directory::sql::Tx;
use crate::directory::{Directory, facts, leadership, outbox, records};
use crate::lifecycle::password::sentence;
use crate::reconcile::Engine;
use crate::record::{MemberRecord, Record as Kept};

/// The longest line that is read of standard input, in bytes.
const LONGEST: u64 = 4_096;

/// Reports what services saw.
#[derive(Debug, Args)]
pub struct Record {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Report that a member signed in
    SignIn {
        /// The member's name
        member: String,
        /// With which app
        #[arg(long, value_enum, default_value_t)]
        app: App,
        /// From where
        #[arg(long)]
        location: Option<String>,
        /// Verify the password on the first line of standard input; only Granted, MustChange or Refused is printed
        #[arg(long)]
        password_stdin: bool,
    },
    /// Set a member's own password: the present one and the new one, each on a line of standard input
    Password {
        /// The member's name
        member: String,
    },
    /// Report that orders of the outbox were carried out
    Acknowledge {
        /// The rows, as `rollcall outbox` lists them
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
}

/// The apps with which people sign in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum App {
    #[default]
    Web,
    Mobile,
    #[value(name = "pc")]
    PC,
    #[value(name = "drive-app")]
    Drive,
    DriveExplorer,
}

impl App {
    fn name(self) -> &'static str {
        match self {
            App::Web => "Web",
            App::Mobile => "Mobile",
            App::PC => "PC",
            App::Drive => "DriveApp",
            App::DriveExplorer => "DriveExplorer",
        }
    }
}

impl Record {
    pub async fn run(self, global: &Global) -> Result<u8, Failure> {
        let member = match &self.what {
            What::SignIn { member, .. } | What::Password { member } => member,
            What::Acknowledge { ids } => return acknowledge(global, ids).await,
        };
        let name = member.strip_prefix("member/").unwrap_or(member);
        let handle = Handle::new(global.default_namespace(), name);
        let directory = global.open().await?;
        global.keep_clock(&directory).await?;
        let now = global.now();
        // Who leads does what falls due and folds facts in within a second. Where nobody does, it is done here;
        // facts themselves are never held up by who leads.
        if overdue(&directory, &handle, now).await? {
            advance(&directory, now).await?;
        }
        let done = match self.what {
            What::SignIn { member: _, app, location, password_stdin: true } => {
                let answer = with_password(&directory, global, &handle, app, location).await?;
                println!("{}", answer.name());
                if answer == Answer::Granted { OK } else { PARTLY }
            }
            What::SignIn { member: _, app, location, password_stdin: false } => {
                match sign_in(&directory, &handle, app, location, now).await? {
                    Ok(()) => {
                        println!("{handle} signed in with {}", app.name());
                        OK
                    }
                    Err(why) => {
                        eprintln!("error: {why}");
                        PARTLY
                    }
                }
            }
            What::Password { member: _ } => own_password(&directory, global, &handle).await?,
            What::Acknowledge { ids } => acknowledge(global, &ids).await?,
        };
        advance(&directory, now).await?;
        Ok(done)
    }
}

/// A sign-in with a password. What the outside is answered does not tell an ID that is wrong from a password that is.
async fn with_password(
    directory: &Directory,
    global: &Global,
    handle: &Handle,
    app: App,
    location: Option<String>,
) -> Result<Answer, Failure> {
    let password = lines(1)?.remove(0);
    let message_id = member(&mut directory.read().await?, handle).await?.map(|member| member.declared.message_id.clone());
    // Nobody's ID is verified as long as anybody's.
    let (id, domain) = message_id.as_deref().and_then(|id| id.rsplit_once('@')).unwrap_or_default();
    let verified = may_sign_in(directory, &global.hasher()?, domain, id, &password, global.now()).await?;
    if verified.answer != Answer::Granted {
        return Ok(verified.answer);
    }
    match sign_in(directory, handle, app, location, global.now()).await? {
        Ok(()) => Ok(Answer::Granted),
        Err(why) => {
            tracing::info!(member = %handle, %why, "a sign-in was refused");
            Ok(Answer::Refused)
        }
    }
}

/// A member's own password (M36).
async fn own_password(directory: &Directory, global: &Global, handle: &Handle) -> Result<u8, Failure> {
    let mut lines = lines(2)?;
    let (new, present) = (lines.remove(1), lines.remove(0));
    match change(directory, &global.hasher()?, handle, Proof::Present(present), new, global.now()).await? {
        Changed::Done => {
            println!("Changed");
            Ok(OK)
        }
        Changed::Refused => {
            println!("Refused");
            Ok(PARTLY)
        }
        Changed::Violates(violations) => {
            println!("Refused");
            eprintln!("error: the new password: {} (T5)", sentence(&violations));
            Ok(PARTLY)
        }
    }
}

/// So many lines of standard input; those that are missing are empty.
fn lines(count: usize) -> Result<Vec<Confidential>, Failure> {
    let mut input = std::io::stdin().lock();
    let mut lines = Vec::with_capacity(count);
    for _ in 0..count {
        let mut line = Vec::new();
        (&mut input).take(LONGEST).read_until(b'\n', &mut line)?;
        lines.push(Confidential::new(line).without_line_break());
    }
    Ok(lines)
}

/// Notes that orders of the outbox were carried out (I2). Once more is no error.
async fn acknowledge(global: &Global, ids: &[String]) -> Result<u8, Failure> {
    let directory = global.open().await?;
    global.keep_clock(&directory).await?;
    let now = global.now();
    let mut tx = directory.write().await?;
    let mut code = OK;
    for id in ids {
        match outbox::acknowledge(&mut tx, id, now).await? {
            Some(true) => println!("{id} is acknowledged"),
            Some(false) => println!("{id} was acknowledged before"),
            None => {
                eprintln!("error: {id}: there is no such order in the outbox");
                code = PARTLY;
            }
        }
    }
    tx.commit().await?;
    advance(&directory, now).await?;
    Ok(code)
}

/// Whether the member's own time has come and nobody has acted on it.
async fn overdue(directory: &Directory, handle: &Handle, now: Timestamp) -> Result<bool, Failure> {
    Ok(member(&mut directory.read().await?, handle).await?.is_some_and(|member| member.state.wake_at.is_some_and(|at| at <= now)))
}

/// Does what fell due, if nobody leads who does.
async fn advance(directory: &Directory, now: Timestamp) -> Result<(), Failure> {
    if let Some(leader) = leadership::take_if_free(directory).await? {
        let mut engine = Engine::new(directory.clone(), leader).await?;
        engine.advance(now).await?;
        engine.release().await?;
    }
    Ok(())
}

async fn member(tx: &mut Tx, handle: &Handle) -> Result<Option<Arc<MemberRecord>>, Failure> {
    let found = records::load(tx, Kind::Member, By::Handle, handle_keys([handle])).await?;
    Ok(found.into_iter().find_map(|record| match record {
        Kept::Member(member) => Some(member),
        Kept::Tenant(_) | Kept::Organization(_) => None,
    }))
}

/// Writes the fact, if the member may sign in; else tells why not.
async fn sign_in(
    directory: &Directory,
    handle: &Handle,
    app: App,
    location: Option<String>,
    now: Timestamp,
) -> Result<Result<(), String>, Failure> {
    // Checked and written at once, so that no suspension comes between.
    let mut tx = directory.write().await?;
    let Some(member) = member(&mut tx, handle).await? else {
        return Ok(Err(format!("there is no member {handle}")));
    };
    if !member.state.phase.may_sign_in() {
        return Ok(Err(format!("{handle} may not sign in: the member is {}", member.state.phase.name())));
    }
    if member.apps_blocked() && app != App::Web {
        let app = app.name();
        return Ok(Err(format!("{handle} may not sign in with {app}: spec.appUsage is Blocked, only the web is open (M27)")));
    }
    let fact = facts::SignIn {
        id: uuid::Uuid::now_v7().to_string(),
        member: member.uid.clone(),
        app: app.name().to_owned(),
        at: now,
        location,
    };
    facts::sign_in(&mut tx, &fact).await?;
    tx.commit().await?;
    Ok(Ok(()))
}
