//! `rollcall device`: orders for devices of members in their grace period, who have no manifest to say it in (M28).
//! What is ordered here is asked for only: who leads decides and carries it out.

use clap::{Args, Subcommand, ValueEnum};

use super::record::{Said, advance, load, load_still, member_named, said};
use super::{Failure, Global, PARTLY, unknown};
use crate::api::member::{DeviceAction, DeviceOrderState};
use crate::directory::accounts;
use crate::directory::random::identifier;
use crate::record::MemberRecord;
use crate::record::account::{DeviceReport, Reported, order_field};

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
        let Some(member) = load_still(&mut tx, &handle).await? else {
            note!("error: there is no member {}", unknown(&handle));
            return Ok(PARTLY);
        };
        if !member.is_deleted() {
            note!("error: {handle} is not deleted: order it in the manifest, under spec.devices (M28)");
            return Ok(PARTLY);
        }
        let known = accounts::devices(&mut tx, &member.uid).await?;
        if !known.iter().any(|known| known.id == device) {
            let known: Vec<String> = known.iter().map(|known| format!("`{}`", known.id)).collect();
            let known = if known.is_empty() { "none is known".to_owned() } else { format!("there are {}", known.join(", ")) };
            note!("error: `{device}` is no device of {handle}: {known} (M28)");
            return Ok(PARTLY);
        }
        let token = token.unwrap_or_else(|| now.to_string());
        let report = DeviceReport { device, action: action.of(), token, what: Reported::Requested, at: now };
        accounts::request(&mut tx, &member.uid, &report).await?;
        accounts::tell(&mut tx, identifier(), &member.uid).await?;
        tx.commit().await?;
        advance(&directory, now).await?;
        let after = load(&mut directory.read().await?, &handle).await?.filter(|after| after.uid == member.uid);
        said(outcome(&report, &member, after.as_deref()))
    }
}

/// What became of what was asked for: of a member as it was before, and as it is now, if it still is.
fn outcome(asked: &DeviceReport, before: &MemberRecord, after: Option<&MemberRecord>) -> Said {
    let DeviceReport { device, action, token, what: _, at: _ } = asked;
    let what = format!("{}/{token} for `{device}` of {}", action.name(), before.handle);
    let is_spent =
        |member: &MemberRecord| member.lived.spent.get(&order_field(device, *action)).is_some_and(|spent| spent.contains(token));
    let Some(after) = after else { return Err(format!("{what} is not ordered: the member was purged (M25)")) };
    let order = after.lived.account.orders.iter().find(|order| order.is(device, *action, token));
    match order.map(|order| order.state) {
        Some(state @ (DeviceOrderState::Waiting | DeviceOrderState::Ordered | DeviceOrderState::Done)) if is_spent(before) => {
            Ok(format!("{what} was ordered before, and is {state:?}; only another token orders again (M28)"))
        }
        Some(DeviceOrderState::Waiting) => Ok(format!("{what} is ordered, and sent once the tenant and the member thaw (R14)")),
        Some(DeviceOrderState::Ordered | DeviceOrderState::Done) => Ok(format!("{what} is ordered")),
        Some(DeviceOrderState::DeviceUnmanaged) => {
            Err(format!("{what} is not ordered: the device is not managed, it can only be signed out (M28)"))
        }
        Some(DeviceOrderState::DeviceUnknown) => Err(format!("{what} is not ordered: the device is not known (M28)")),
        None if is_spent(after) => Err(format!("{what} is not ordered: the token acted before, take another one (R13)")),
        None => Ok(format!("{what} is asked for: who leads carries it out within a second")),
    }
}
