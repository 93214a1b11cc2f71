//! `rollcall record`: what services report.

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::{Failure, Global, OK, PARTLY};
use crate::api::{Handle, Kind};
use crate::directory::records::{By, handle_keys};
use crate::directory::{Directory, facts, leadership, records};
use crate::reconcile::{Engine, FILES};
use crate::record::Record as Kept;

/// Reports what services saw.
#[derive(Debug, Args)]
pub struct Record {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A member signed in
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
        let What::SignIn { member, app, location } = self.what;
        let name = member.strip_prefix("member/").unwrap_or(&member);
        let handle = Handle::new(global.default_namespace(), name);
        let directory = global.open().await?;
        global.keep_clock(&directory).await?;
        let now = global.now();
        // Who leads does what falls due and folds facts in within a second; where nobody does, it is done here.
        let mut engine = match leadership::take_if_free(&directory).await? {
            Some(leader) => Some(Engine::new(directory.clone(), leader, FILES).await?),
            None => None,
        };
        if let Some(engine) = &mut engine {
            engine.advance(now).await?;
        }
        let signed_in = sign_in(&directory, &handle, app, location, now).await;
        if let Some(mut engine) = engine {
            engine.advance(now).await?;
            engine.release().await?;
        }
        signed_in
    }
}

/// Writes the fact, if the member may sign in.
async fn sign_in(
    directory: &Directory,
    handle: &Handle,
    app: App,
    location: Option<String>,
    now: Timestamp,
) -> Result<u8, Failure> {
    let found = records::load(&mut directory.read().await?, Kind::Member, By::Handle, handle_keys([handle])).await?;
    let Some(Kept::Member(member)) = found.into_iter().next() else {
        eprintln!("error: there is no member {handle}");
        return Ok(PARTLY);
    };
    if !member.state.phase.may_sign_in() {
        eprintln!("error: {handle} may not sign in: the member is {}", member.state.phase.name());
        return Ok(PARTLY);
    }
    let fact = facts::SignIn {
        id: uuid::Uuid::now_v7().to_string(),
        member: member.uid.clone(),
        app: app.name().to_owned(),
        at: now,
        location,
    };
    let mut tx = directory.write().await?;
    facts::sign_in(&mut tx, &fact).await?;
    tx.commit().await?;
    println!("{handle} signed in with {}", fact.app);
    Ok(OK)
}
