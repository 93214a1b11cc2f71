//! `rollcall record`: what services report.

use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use serde_json::json;

use super::{Failure, Global, OK, PARTLY};
use crate::api::{Handle, Kind, schema};
use crate::directory::records::{By, handle_keys};
use crate::directory::sql::Tx;
use crate::directory::{Directory, facts, leadership, records, registrations};
use crate::reconcile::Engine;
use crate::record::registration::OPEN_FOR;
use crate::record::{MemberRecord, Record as Kept, Request, RequestState, TenantRecord};

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
            What::RegistrationRequest { tenant, link, family, given, id, email } => {
                let asked = Asked { family, given, id, email };
                return request(global, &tenant, &link, asked).await;
            }
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

/// What a person writes by a registration link (M35).
struct Asked {
    family: String,
    given: String,
    id: String,
    email: String,
}

/// Writes a request for an account, if the link is open and an account could be made of it.
async fn request(global: &Global, name: &str, link: &str, asked: Asked) -> Result<u8, Failure> {
    let handle = Handle::new(global.default_namespace(), name.strip_prefix("tenant/").unwrap_or(name));
    let directory = global.open().await?;
    global.keep_clock(&directory).await?;
    let now = global.now();
    let mut tx = directory.write().await?;
    let tenant = tenant(&mut tx, &handle).await?;
    let open = tenant.as_ref().and_then(|tenant| tenant.intent.spec.registration_link.as_ref()).filter(|link| link.enabled);
    let token = open.and_then(|link| link.token.as_ref()).map(|token| token.as_str());
    // A link that was never there and one that is closed are told alike: whoever has none learns nothing.
    let (Some(tenant), true) = (&tenant, token == Some(link)) else {
        eprintln!("error: the link leads nowhere: it was renewed or closed; ask the company for the present one (M35)");
        return Ok(PARTLY);
    };
    let Asked { family, given, id, email } = asked;
    let spec = json!({
        "tenantRef": {"name": handle.name}, "id": id, "name": {"family": family, "given": given}, "personalEmail": email,
    });
    let problems = schema::check(Kind::Member, &spec);
    if !problems.is_empty() {
        problems.iter().for_each(|problem| eprintln!("error: {problem}"));
        return Ok(PARTLY);
    }
    let request = Request {
        id: uuid::Uuid::now_v7().to_string(),
        tenant: tenant.uid.clone(),
        family_name: family,
        given_name: given,
        wished_id: id,
        email,
        requested_at: now,
        expires_at: OPEN_FOR.after(now),
        state: RequestState::Open,
        decided_at: None,
        revision: 1,
        told: 0,
    };
    registrations::add(&mut tx, &request).await?;
    tx.commit().await?;
    advance(&directory, now).await?;
    println!("{}", request.id);
    Ok(OK)
}

/// The tenant under a handle.
pub(super) async fn tenant(tx: &mut Tx, handle: &Handle) -> Result<Option<Arc<TenantRecord>>, Failure> {
    let found = records::load(tx, Kind::Tenant, By::Handle, handle_keys([handle])).await?;
    Ok(found.into_iter().find_map(|record| match record {
        Kept::Tenant(tenant) => Some(tenant),
        Kept::Organization(_) | Kept::Member(_) => None,
    }))
}

/// Does what fell due, if nobody leads who does.
pub(super) async fn advance(directory: &Directory, now: Timestamp) -> Result<(), Failure> {
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
