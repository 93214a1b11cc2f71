//! `rollcall record`: what services report.

use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::{Failure, Global, OK, PARTLY};
use crate::api::member::DeviceOrderState;
use crate::api::{Handle, Kind, Language};
use crate::directory::accounts::{Choice, Seen};
use crate::directory::records::{By, handle_keys};
use crate::directory::sql::Tx;
use crate::directory::{Directory, accounts, facts, leadership, records};
use crate::lifecycle::member::account::{easy_login_disabled, second_step_required};
use crate::reconcile::Engine;
use crate::record::account::device_order_id;
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

/// The ways of the easy login (M27).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Method {
    Line,
    MobilePhone,
    None,
}

impl Method {
    fn name(self) -> Option<&'static str> {
        match self {
            Method::Line => Some("Line"),
            Method::MobilePhone => Some("MobilePhone"),
            Method::None => None,
        }
    }
}

impl Record {
    pub async fn run(self, global: &Global) -> Result<u8, Failure> {
        let (What::SignIn { member, .. }
        | What::TwoStep { member, .. }
        | What::EasyLogin { member, .. }
        | What::Language { member, .. }
        | What::Device { member, .. }) = &self.what;
        let handle = member_named(global, member);
        let directory = global.open().await?;
        global.keep_clock(&directory).await?;
        let now = global.now();
        // Who leads does what falls due and folds facts in within a second. Where nobody does, it is done here;
        // facts themselves are never held up by who leads.
        if overdue(&directory, &handle, now).await? {
            advance(&directory, now).await?;
        }
        // Checked and written at once, so that no suspension comes between.
        let mut tx = directory.write().await?;
        let Some(member) = load(&mut tx, &handle).await? else {
            eprintln!("error: there is no member {handle}");
            return Ok(PARTLY);
        };
        let said = match self.what {
            What::SignIn { member: _, app, location } => sign_in(&mut tx, &member, app, location, now).await?,
            What::TwoStep { member: _, method } => two_step(&mut tx, &member, &method, now).await?,
            What::EasyLogin { member: _, method } => easy_login(&mut tx, &member, method, now).await?,
            What::Language { member: _, language } => chosen_language(&mut tx, &member, &language, now).await?,
            What::Device { member: _, device, app, version, unmanaged, done } => {
                let seen = app.map(|app| Seen {
                    id: device.clone(),
                    app: app.name().to_owned(),
                    app_version: version,
                    managed: !unmanaged,
                    at: now,
                });
                report_device(&mut tx, &member, &device, seen, done, now).await?
            }
        };
        let code = match said {
            Ok(said) => {
                tx.commit().await?;
                println!("{said}");
                OK
            }
            Err(refused) => {
                eprintln!("error: {refused}");
                PARTLY
            }
        };
        advance(&directory, now).await?;
        Ok(code)
    }
}

/// The member of a name, which may be written as kubectl does.
pub fn member_named(global: &Global, name: &str) -> Handle {
    Handle::new(global.default_namespace(), name.strip_prefix("member/").unwrap_or(name))
}

/// Whether the member's own time has come and nobody has acted on it.
async fn overdue(directory: &Directory, handle: &Handle, now: Timestamp) -> Result<bool, Failure> {
    Ok(load(&mut directory.read().await?, handle).await?.is_some_and(|member| member.state.wake_at.is_some_and(|at| at <= now)))
}

/// Does what fell due and folds in what was reported, if nobody leads who does.
pub async fn advance(directory: &Directory, now: Timestamp) -> Result<(), Failure> {
    if let Some(leader) = leadership::take_if_free(directory).await? {
        let mut engine = Engine::new(directory.clone(), leader).await?;
        engine.advance(now).await?;
        engine.release().await?;
    }
    Ok(())
}

/// The record of a member.
pub async fn load(tx: &mut Tx, handle: &Handle) -> Result<Option<Arc<MemberRecord>>, Failure> {
    let found = records::load(tx, Kind::Member, By::Handle, handle_keys([handle])).await?;
    Ok(found.into_iter().find_map(|record| match record {
        Kept::Member(member) => Some(member),
        Kept::Tenant(_) | Kept::Organization(_) => None,
    }))
}

/// What is said of a report that was written, or why it was not.
type Said = Result<Result<String, String>, Failure>;

/// Writes the sign-in, if the member may.
async fn sign_in(tx: &mut Tx, member: &MemberRecord, app: App, location: Option<String>, now: Timestamp) -> Said {
    let handle = &member.handle;
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
    facts::sign_in(tx, &fact).await?;
    let tenant = records::load(tx, Kind::Tenant, By::Uid, crate::directory::sql::keys([&member.tenant])).await?;
    let required = tenant.iter().any(|tenant| match tenant {
        Kept::Tenant(tenant) => second_step_required(&tenant.intent.spec, &member.intent.spec),
        Kept::Organization(_) | Kept::Member(_) => false,
    });
    // M26: who has to verify and can't yet is asked to enrol.
    let enrolment = if required && accounts::chosen(tx, &member.uid, Choice::SecondStep).await?.is_none() {
        "; enrolment of the second step is asked (M26)"
    } else {
        ""
    };
    Ok(Ok(format!("{handle} signed in with {}{enrolment}", fact.app)))
}

async fn two_step(tx: &mut Tx, member: &MemberRecord, method: &str, now: Timestamp) -> Said {
    let method = Some(method).filter(|method| !method.eq_ignore_ascii_case("none"));
    choose(tx, member, Choice::SecondStep, method, now).await?;
    let handle = &member.handle;
    Ok(Ok(match method {
        Some(method) => format!("{handle} enrolled {method} as second step"),
        None => format!("{handle} has no second step"),
    }))
}

async fn easy_login(tx: &mut Tx, member: &MemberRecord, method: Method, now: Timestamp) -> Said {
    let handle = &member.handle;
    if method != Method::None && easy_login_disabled(&member.intent.spec) {
        return Ok(Err(format!("{handle} may not use the easy login: spec.easyLogin is Disabled (M27)")));
    }
    choose(tx, member, Choice::EasyLogin, method.name(), now).await?;
    Ok(Ok(format!("the easy login of {handle}: {}", method.name().unwrap_or("None"))))
}

async fn chosen_language(tx: &mut Tx, member: &MemberRecord, language: &str, now: Timestamp) -> Said {
    let known = Language::ALL.map(Language::tag);
    if !known.contains(&language) {
        return Ok(Err(format!("`{language}` is no language: there are {} (T1)", known.join(", "))));
    }
    choose(tx, member, Choice::Language, Some(language), now).await?;
    Ok(Ok(format!("{} chose {language}", member.handle)))
}

async fn choose(tx: &mut Tx, member: &MemberRecord, choice: Choice, value: Option<&str>, now: Timestamp) -> Result<(), Failure> {
    accounts::choose(tx, &member.uid, choice, value, now).await?;
    accounts::tell(tx, uuid::Uuid::now_v7().to_string(), &member.uid).await?;
    Ok(())
}

async fn report_device(
    tx: &mut Tx,
    member: &MemberRecord,
    device: &str,
    seen: Option<Seen>,
    done: Option<String>,
    now: Timestamp,
) -> Said {
    let handle = &member.handle;
    if let Some(seen) = seen {
        accounts::device(tx, &member.uid, seen).await?;
    }
    let Some(done) = done else { return Ok(Ok(format!("`{device}` of {handle} was seen"))) };
    let open =
        member.lived.account.orders.iter().filter(|order| order.state == DeviceOrderState::Ordered && order.device == device);
    let Some(order) = open.clone().find(|order| order.name() == done) else {
        let open: Vec<String> = open.map(crate::record::account::DeviceOrder::name).collect();
        let open = if open.is_empty() { "none".to_owned() } else { open.join(", ") };
        return Ok(Err(format!("`{done}` is not ordered for `{device}` of {handle}; orders in progress: {open}")));
    };
    accounts::acknowledge(tx, &device_order_id(&member.uid, order), now).await?;
    Ok(Ok(format!("{done} is done on `{device}` of {handle}")))
}
