//! `rollcall record`: what services report.

mod contacts;

use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::{Failure, Global, OK, PARTLY};
use crate::api::{Handle, Kind};
use crate::directory::records::{By, handle_keys};
use crate::directory::sql::Tx;
use crate::directory::{Directory, facts, leadership, records};
use crate::reconcile::Engine;
use crate::record::{MemberRecord, Record as Kept};

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
    },
    /// Report who came into a message room, and who left it
    Room(contacts::Room),
    /// Report that a member accepted the invitation of an external contact
    AcceptInvitation(contacts::AcceptInvitation),
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
        let (member, app, location) = match self.what {
            What::SignIn { member, app, location } => (member, app, location),
            What::Room(room) => return room.run(global).await,
            What::AcceptInvitation(accepted) => return accepted.run(global).await,
        };
        let name = member.strip_prefix("member/").unwrap_or(&member);
        let handle = Handle::new(global.default_namespace(), name);
        let directory = global.open().await?;
        global.keep_clock(&directory).await?;
        let now = global.now();
        // Who leads does what falls due and folds facts in within a second. Where nobody does, it is done here;
        // facts themselves are never held up by who leads.
        if overdue(&directory, &handle, now).await? {
            advance(&directory, now).await?;
        }
        let signed_in = sign_in(&directory, &handle, app, location, now).await?;
        advance(&directory, now).await?;
        Ok(signed_in)
    }
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
        Kept::Tenant(_) | Kept::Organization(_) | Kept::ExternalContact(_) => None,
    }))
}

/// Writes the fact, if the member may sign in.
async fn sign_in(
    directory: &Directory,
    handle: &Handle,
    app: App,
    location: Option<String>,
    now: Timestamp,
) -> Result<u8, Failure> {
    // Checked and written at once, so that no suspension comes between.
    let mut tx = directory.write().await?;
    let Some(member) = member(&mut tx, handle).await? else {
        eprintln!("error: there is no member {handle}");
        return Ok(PARTLY);
    };
    if !member.state.phase.may_sign_in() {
        eprintln!("error: {handle} may not sign in: the member is {}", member.state.phase.name());
        return Ok(PARTLY);
    }
    if member.apps_blocked() && app != App::Web {
        eprintln!("error: {handle} may not sign in with {}: spec.appUsage is Blocked, only the web is open (M27)", app.name());
        return Ok(PARTLY);
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
    println!("{handle} signed in with {}", fact.app);
    Ok(OK)
}
