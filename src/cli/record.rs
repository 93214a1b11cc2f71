//! `rollcall record`: what services report. Facts are written beside whoever leads; where nobody does, what follows
//! from them is done here.

mod passwords;
mod registration;
mod reports;

mod contacts;

use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::{Failure, Global, OK, PARTLY, output, unknown};
use crate::api::{Handle, Kind};
use crate::directory::accounts::{Choice, chosen};
use crate::directory::cells::handle_keys;
use crate::directory::random::identifier;
use crate::directory::records::By;
use crate::directory::sql::{Tx, keys};
use crate::directory::{Directory, Error, facts, leadership, outbox, records};
use crate::lifecycle::member::account::second_step_required;
use crate::reconcile::Engine;
use crate::record::{MemberRecord, Record as Kept};
pub use registration::tenant;
use registration::{Asked, request};
use reports::{Method, Report};

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
        #[arg(required_unless_present = "by_link")]
        member: Option<String>,
        /// The first line is the end of the link in a mail, which says whose password it is, and works once
        #[arg(long, conflicts_with = "member")]
        by_link: bool,
    },
    /// Report that a person asked for an account by a tenant's registration link
    RegistrationRequest {
        /// The tenant's name
        tenant: String,
        /// The token of the link
        #[arg(long, value_name = "TOKEN")]
        link: String,
        /// The person's family name
        #[arg(long)]
        family: String,
        /// The person's given name
        #[arg(long)]
        given: String,
        /// The login ID that the person wishes
        #[arg(long, value_name = "ID")]
        id: String,
        /// The person's e-mail address
        #[arg(long)]
        email: String,
    },
    /// Report that orders of the outbox were carried out
    Acknowledge {
        /// The rows, as `rollcall outbox` lists them
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Report that a member enrolled a method of the second step, or gave it up
    TwoStep {
        /// The member's name
        member: String,
        /// The method, such as Otp; `none` if it was given up
        #[arg(long)]
        method: String,
    },
    /// Report that a member turned the easy login on, or off
    EasyLogin {
        /// The member's name
        member: String,
        /// The way of the easy login
        method: Method,
    },
    /// Report which language a member chose
    Language {
        /// The member's name
        member: String,
        /// One of the languages in which names may be given, such as ko_KR
        language: String,
    },
    /// Report a device of a member, or that an order for it was carried out
    #[command(disable_version_flag = true)]
    Device {
        /// The member's name
        member: String,
        /// The device's identifier
        device: String,
        /// The app on it
        #[arg(long, value_enum, required_unless_present = "done")]
        app: Option<App>,
        /// The app's version
        #[arg(long)]
        version: Option<String>,
        /// Nothing can be deleted on the device from afar
        #[arg(long)]
        unmanaged: bool,
        /// The order that was carried out: ACTION/TOKEN, such as DeviceReset/lost-1
        #[arg(long, value_name = "ORDER")]
        done: Option<String>,
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
        let directory = global.open().await?;
        global.keep_clock(&directory).await?;
        let now = global.now();
        let handle = |member: &str| member_named(global, member);
        let done = match self.what {
            What::Room(room) => room.run(&directory, global).await?,
            What::AcceptInvitation(accepted) => accepted.run(&directory, global).await?,
            What::Acknowledge { ids } => acknowledge(&directory, &ids, now).await?,
            What::SignIn { member, app, location, password_stdin: true } => {
                passwords::sign_in(&directory, global, &handle(&member), app, location).await?
            }
            What::SignIn { member, app, location, password_stdin: false } => {
                catch_up(&directory, &handle(&member), now).await?;
                said(sign_in(&directory, &handle(&member), app, location, now).await?)?
            }
            What::RegistrationRequest { tenant, link, family, given, id, email } => {
                let handle = Handle::new(global.default_namespace(), tenant.strip_prefix("tenant/").unwrap_or(&tenant));
                said(request(&directory, &handle, &link, Asked { family, given, id, email }, now).await?)?
            }
            What::Password { member: Some(member), by_link: _ } => {
                passwords::change_own(&directory, global, &handle(&member)).await?
            }
            What::Password { member: None, by_link: _ } => passwords::change_by_link(&directory, global).await?,
            What::TwoStep { member, method } => {
                said(reports::write(&directory, &handle(&member), Report::TwoStep(method), now).await?)?
            }
            What::EasyLogin { member, method } => {
                said(reports::write(&directory, &handle(&member), Report::EasyLogin(method), now).await?)?
            }
            What::Language { member, language } => {
                said(reports::write(&directory, &handle(&member), Report::Language(language), now).await?)?
            }
            What::Device { member, device, app, version, unmanaged, done } => {
                let report = Report::Device { device, app, version, unmanaged, done };
                said(reports::write(&directory, &handle(&member), report, now).await?)?
            }
        };
        advance(&directory, now).await?;
        Ok(done)
    }
}

/// What is said of a report that was written, or why it was not.
pub type Said = Result<String, String>;

/// Says it; the exit code.
pub fn said(said: Said) -> Result<u8, Failure> {
    match said {
        Ok(said) => {
            say!("{said}")?;
            Ok(OK)
        }
        Err(refused) => {
            note!("error: {refused}");
            Ok(PARTLY)
        }
    }
}

/// Says what became of each of several; the exit code.
pub fn said_each(outcomes: Vec<Said>) -> Result<u8, Failure> {
    outcomes.into_iter().try_fold(OK, |code, outcome| Ok(code.max(said(outcome)?)))
}

/// The member of a name, which may be written as kubectl does.
pub fn member_named(global: &Global, name: &str) -> Handle {
    Handle::new(global.default_namespace(), name.strip_prefix("member/").unwrap_or(name))
}

/// Notes that orders of the outbox were carried out (I2). Once more is no error.
async fn acknowledge(directory: &Directory, ids: &[String], now: Timestamp) -> Result<u8, Failure> {
    let mut tx = directory.write().await?;
    let mut outcomes = Vec::with_capacity(ids.len());
    for id in ids {
        outcomes.push(match outbox::acknowledge(&mut tx, id, now).await? {
            Some(true) => Ok(format!("{id} is acknowledged")),
            Some(false) => Ok(format!("{id} was acknowledged before")),
            None => Err(format!("{id}: there is no such order in the outbox")),
        });
    }
    tx.commit().await?;
    said_each(outcomes)
}

/// Does what the member's own time has come for, if nobody did. Who leads does so within a second.
async fn catch_up(directory: &Directory, handle: &Handle, now: Timestamp) -> Result<(), Failure> {
    let member = load(&mut directory.read().await?, handle).await?;
    if member.is_some_and(|member| member.state.wake_at.is_some_and(|at| at <= now)) {
        advance(directory, now).await?;
    }
    Ok(())
}

/// Does what fell due and folds in what was reported, if nobody leads who does.
pub async fn advance(directory: &Directory, now: Timestamp) -> Result<(), Failure> {
    let Some(leader) = leadership::take_if_free(directory).await? else { return Ok(()) };
    let mut engine = Engine::new(directory.clone(), leader).await?;
    match engine.advance(now).await {
        // Another leads by now, and does it.
        Err(Error::Deposed) => Ok(()),
        advanced => {
            let done = advanced?;
            engine.release().await?;
            output::ended(&done);
            Ok(())
        }
    }
}

/// The record of a member, which stays as it is until the transaction ends: no suspension and no purge comes between.
pub async fn load_still(tx: &mut Tx, handle: &Handle) -> Result<Option<Arc<MemberRecord>>, Failure> {
    let keys = handle_keys([handle]).pop().unwrap_or_default();
    records::keep_still(tx, By::Handle, keys).await?;
    load(tx, handle).await
}

/// The record of a member.
pub async fn load(tx: &mut Tx, handle: &Handle) -> Result<Option<Arc<MemberRecord>>, Failure> {
    let found = records::load(tx, Kind::Member, By::Handle, handle_keys([handle])).await?;
    Ok(found.into_iter().find_map(|record| match record {
        Kept::Member(member) => Some(member),
        Kept::Tenant(_) | Kept::Organization(_) | Kept::ExternalContact(_) => None,
    }))
}

/// Writes the sign-in, if the member may.
async fn sign_in(
    directory: &Directory,
    handle: &Handle,
    app: App,
    location: Option<String>,
    now: Timestamp,
) -> Result<Said, Failure> {
    let mut tx = directory.write().await?;
    let Some(member) = load_still(&mut tx, handle).await? else {
        return Ok(Err(format!("there is no member {}", unknown(handle))));
    };
    if !member.state.phase.may_sign_in() {
        return Ok(Err(format!("{handle} may not sign in: the member is {}", member.state.phase.name())));
    }
    if member.apps_blocked() && app != App::Web {
        let app = app.name();
        return Ok(Err(format!("{handle} may not sign in with {app}: spec.appUsage is Blocked, only the web is open (M27)")));
    }
    let fact = facts::SignIn { id: identifier(), member: member.uid.clone(), app: app.name().to_owned(), at: now, location };
    facts::sign_in(&mut tx, &fact).await?;
    let tenant = records::load(&mut tx, Kind::Tenant, By::Uid, keys([&member.tenant])).await?;
    let required = tenant.iter().any(|tenant| match tenant {
        Kept::Tenant(tenant) => second_step_required(&tenant.intent.spec, &member.intent.spec),
        Kept::Organization(_) | Kept::Member(_) | Kept::ExternalContact(_) => false,
    });
    // M26: who has to verify and can't yet is asked to enrol.
    let enrolment = if required && chosen(&mut tx, &member.uid, Choice::SecondStep).await?.is_none() {
        "; enrolment of the second step is asked (M26)"
    } else {
        ""
    };
    tx.commit().await?;
    Ok(Ok(format!("{handle} signed in with {}{enrolment}", fact.app)))
}
