//! `rollcall device`: orders for devices of members in their grace period, who have no manifest to say it in (M28).
//! What is ordered here is asked for only: who leads decides and carries it out.

use clap::{Args, Subcommand, ValueEnum};

use super::record::{advance, load, member_named};
use super::{Failure, Global, OK, PARTLY};
use crate::api::member::DeviceAction;
use crate::directory::accounts;
use crate::directory::random::identifier;
use crate::record::account::{DeviceReport, Reported};

/// Orders something for a device.
#[derive(Debug, Args)]
pub struct Device {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Order something for a device of a deleted member; it can't be taken back
    Order {
        /// The member's name
        member: String,
        /// The device, as the services report it
        device: String,
        /// What is done
        #[arg(long, value_enum)]
        action: Action,
        /// Tells this order from others: the same one is carried out once [default: the instant]
        #[arg(long)]
        token: Option<String>,
    },
}

/// What can be done to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Action {
    #[value(alias = "SignedOut")]
    SignedOut,
    #[value(alias = "AppDataDeleted")]
    AppDataDeleted,
    #[value(alias = "DeviceReset")]
    DeviceReset,
}

impl Action {
    fn of(self) -> DeviceAction {
        match self {
            Action::SignedOut => DeviceAction::SignedOut,
            Action::AppDataDeleted => DeviceAction::AppDataDeleted,
            Action::DeviceReset => DeviceAction::DeviceReset,
        }
    }
}

impl Device {
    pub async fn run(self, global: &Global) -> Result<u8, Failure> {
        let What::Order { member, device, action, token } = self.what;
        let handle = member_named(global, &member);
        let directory = global.open().await?;
        global.keep_clock(&directory).await?;
        let now = global.now();
        let mut tx = directory.write().await?;
        let Some(member) = load(&mut tx, &handle).await? else {
            eprintln!("error: there is no member {handle}");
            return Ok(PARTLY);
        };
        if !member.is_deleted() {
            eprintln!("error: {handle} is not deleted: order it in the manifest, under spec.devices (M28)");
            return Ok(PARTLY);
        }
        let known = accounts::devices(&mut tx, &member.uid).await?;
        if !known.iter().any(|known| known.id == device) {
            let known: Vec<&str> = known.iter().map(|known| known.id.as_str()).collect();
            eprintln!("error: `{device}` is no device of {handle}: there are {} (M28)", known.join(", "));
            return Ok(PARTLY);
        }
        let token = token.unwrap_or_else(|| now.to_string());
        let report = DeviceReport { device, action: action.of(), token, what: Reported::Requested, at: now };
        accounts::request(&mut tx, &member.uid, &report).await?;
        accounts::tell(&mut tx, identifier(), &member.uid).await?;
        tx.commit().await?;
        advance(&directory, now).await?;
        println!("{}/{} is ordered for `{}` of {handle}", report.action.name(), report.token, report.device);
        Ok(OK)
    }
}
