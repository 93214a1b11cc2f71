//! What services report of a member's account: the second step, the easy login, the language, devices. Called by
//! `rollcall record`.

use clap::ValueEnum;
use jiff::Timestamp;

use super::{App, Said, catch_up, load_still};
use crate::api::member::DeviceOrderState;
use crate::api::{Handle, Language};
use crate::cli::{Failure, unknown};
use crate::directory::accounts::{Choice, Seen};
use crate::directory::random::identifier;
use crate::directory::sql::Tx;
use crate::directory::{Directory, accounts, outbox};
use crate::lifecycle::member::account::easy_login_disabled;
use crate::record::MemberRecord;
use crate::record::account::{DeviceOrder, device_order_id};

/// The ways of the easy login (M27).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Method {
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

/// A report about a member.
pub enum Report {
    TwoStep(String),
    EasyLogin(Method),
    Language(String),
    Device { device: String, app: Option<App>, version: Option<String>, unmanaged: bool, done: Option<String> },
}

/// Writes a report, if it can be.
pub async fn write(directory: &Directory, handle: &Handle, report: Report, now: Timestamp) -> Result<Said, Failure> {
    catch_up(directory, handle, now).await?;
    let mut tx = directory.write().await?;
    let Some(member) = load_still(&mut tx, handle).await? else {
        return Ok(Err(format!("there is no member {}", unknown(handle))));
    };
    let said = match report {
        Report::TwoStep(method) => two_step(&mut tx, &member, &method, now).await?,
        Report::EasyLogin(method) => easy_login(&mut tx, &member, method, now).await?,
        Report::Language(language) => chosen_language(&mut tx, &member, &language, now).await?,
        Report::Device { device, app, version, unmanaged, done } => {
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
    if said.is_ok() {
        tx.commit().await?;
    }
    Ok(said)
}

async fn two_step(tx: &mut Tx, member: &MemberRecord, method: &str, now: Timestamp) -> Result<Said, Failure> {
    if method.trim().is_empty() {
        return Ok(Err("a method has a name, such as Otp; `none` says that it was given up (M26)".to_owned()));
    }
    let method = Some(method).filter(|method| !method.eq_ignore_ascii_case("none"));
    choose(tx, member, Choice::SecondStep, method, now).await?;
    let handle = &member.handle;
    Ok(Ok(match method {
        Some(method) => format!("{handle} enrolled {method} as second step"),
        None => format!("{handle} has no second step"),
    }))
}

async fn easy_login(tx: &mut Tx, member: &MemberRecord, method: Method, now: Timestamp) -> Result<Said, Failure> {
    let handle = &member.handle;
    if method != Method::None && easy_login_disabled(&member.intent.spec) {
        return Ok(Err(format!("{handle} may not use the easy login: spec.easyLogin is Disabled (M27)")));
    }
    choose(tx, member, Choice::EasyLogin, method.name(), now).await?;
    Ok(Ok(format!("the easy login of {handle}: {}", method.name().unwrap_or("None"))))
}

async fn chosen_language(tx: &mut Tx, member: &MemberRecord, language: &str, now: Timestamp) -> Result<Said, Failure> {
    let known = Language::ALL.map(Language::tag);
    if !known.contains(&language) {
        return Ok(Err(format!("`{language}` is no language: there are {} (T1)", known.join(", "))));
    }
    choose(tx, member, Choice::Language, Some(language), now).await?;
    Ok(Ok(format!("{} chose {language}", member.handle)))
}

async fn choose(tx: &mut Tx, member: &MemberRecord, choice: Choice, value: Option<&str>, now: Timestamp) -> Result<(), Failure> {
    accounts::choose(tx, &member.uid, choice, value, now).await?;
    accounts::tell(tx, identifier(), &member.uid).await?;
    Ok(())
}

async fn report_device(
    tx: &mut Tx,
    member: &MemberRecord,
    device: &str,
    seen: Option<Seen>,
    done: Option<String>,
    now: Timestamp,
) -> Result<Said, Failure> {
    let handle = &member.handle;
    if let Some(seen) = seen {
        accounts::device(tx, &member.uid, seen).await?;
    }
    let Some(done) = done else { return Ok(Ok(format!("`{device}` of {handle} was seen"))) };
    let open =
        member.lived.account.orders.iter().filter(|order| order.state == DeviceOrderState::Ordered && order.device == device);
    let Some(order) = open.clone().find(|order| order.name() == done) else {
        let open: Vec<String> = open.map(DeviceOrder::name).collect();
        let open = if open.is_empty() { "none".to_owned() } else { open.join(", ") };
        return Ok(Err(format!("`{done}` is not ordered for `{device}` of {handle}; orders in progress: {open}")));
    };
    outbox::acknowledge(tx, &device_order_id(&member.uid, order), now).await?;
    Ok(Ok(format!("{done} is done on `{device}` of {handle}")))
}
