//! Facts of members' accounts (M3, M9, M26–M28): what members chose, their devices, what is reported of orders for
//! these, their pictures. Written by anyone, at any time; the leader folds them in. Called by gathering and committing.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;

use super::Error;
use super::sql::{Cell, Table, Tx, keys};
use crate::api::member::{DeviceAction, EasyLoginMethod};
use crate::record::Uid;
use crate::record::account::{AccountFacts, Device, DeviceReport, News, Reported};

pub const CHOICES: Table = Table { name: "choices", columns: &["member", "what", "value", "at"], key: &["member", "what"] };
pub const DEVICES: Table =
    Table { name: "devices", columns: &["member", "id", "app", "app_version", "seen_at", "managed"], key: &["member", "id"] };
pub const DEVICE_REQUESTS: Table = Table {
    name: "device_requests",
    columns: &["member", "device", "action", "token", "at"],
    key: &["member", "device", "action", "token"],
};
pub const NEWS: Table = Table { name: "news", columns: &["id", "member"], key: &["id"] };

/// What a member chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The method of the second step (M26).
    SecondStep,
    /// The way of the easy login (M27).
    EasyLogin,
    /// The language (M9).
    Language,
}

impl Choice {
    fn name(self) -> &'static str {
        match self {
            Choice::SecondStep => "SecondStep",
            Choice::EasyLogin => "EasyLogin",
            Choice::Language => "Language",
        }
    }
}

/// Notes that there is something of a member to fold in. `id` is a new identifier.
pub async fn tell(tx: &mut Tx, id: String, member: &Uid) -> Result<(), Error> {
    tx.insert(&NEWS, vec![vec![id.into(), member.as_str().into()]]).await
}

/// Writes what a member chose, or that it is nothing.
pub async fn choose(tx: &mut Tx, member: &Uid, choice: Choice, value: Option<&str>, at: Timestamp) -> Result<(), Error> {
    match value {
        Some(value) => {
            let row = vec![member.as_str().into(), choice.name().into(), value.into(), at.into()];
            tx.upsert(&CHOICES, vec![row]).await
        }
        None => withdraw(tx, std::slice::from_ref(member), choice).await,
    }
}

/// What a member chose.
pub async fn chosen(tx: &mut Tx, member: &Uid, choice: Choice) -> Result<Option<String>, Error> {
    let row = tx.fetch_one(CHOSEN, vec![member.as_str().into(), choice.name().into()]).await?;
    row.map(|row| row.text(0)).transpose()
}

const CHOSEN: &str = "SELECT value FROM choices WHERE member = $1 AND what = $2";

/// Takes away what members chose.
pub async fn withdraw(tx: &mut Tx, members: &[Uid], choice: Choice) -> Result<(), Error> {
    let keys = members.iter().map(|member| vec![member.as_str().into(), choice.name().into()]).collect();
    tx.delete(CHOICES.name, CHOICES.key, keys).await?;
    Ok(())
}

/// A device as a service saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub id: String,
    pub app: String,
    pub app_version: Option<String>,
    pub managed: bool,
    pub at: Timestamp,
}

/// Writes that a device of a member was seen.
pub async fn device(tx: &mut Tx, member: &Uid, seen: Seen) -> Result<(), Error> {
    let Seen { id, app, app_version, managed, at } = seen;
    tx.upsert(&DEVICES, vec![vec![member.as_str().into(), id.into(), app.into(), app_version.into(), at.into(), managed.into()]])
        .await
}

/// The devices of a member, the one that was seen last first.
pub async fn devices(tx: &mut Tx, member: &Uid) -> Result<Vec<Seen>, Error> {
    let rows = tx.fetch(OF_MEMBER, vec![member.as_str().into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Seen { id: row.text(0)?, app: row.text(1)?, app_version: row.get(2)?, at: row.instant(3)?, managed: row.get(4)? })
        })
        .collect()
}

const OF_MEMBER: &str = "SELECT id, app, app_version, seen_at, managed FROM devices WHERE member = $1 ORDER BY seen_at DESC, id";

/// Writes that an administrator asks for something on a device.
pub async fn request(tx: &mut Tx, member: &Uid, report: &DeviceReport) -> Result<(), Error> {
    let mut row = request_key(member, report);
    row.push(report.at.into());
    tx.upsert(&DEVICE_REQUESTS, vec![row]).await
}

fn request_key(member: &Uid, report: &DeviceReport) -> Vec<Cell> {
    let DeviceReport { device, action, token, what: _, at: _ } = report;
    vec![member.as_str().into(), device.as_str().into(), action.name().into(), token.as_str().into()]
}

/// What is known of accounts: of `news`, what services reported; of `devices`, the devices; of `photos`, the pictures.
pub async fn load(tx: &mut Tx, news: &[Uid], devices: &[Uid], photos: &[Uid]) -> Result<HashMap<Uid, AccountFacts>, Error> {
    let mut facts: HashMap<Uid, AccountFacts> = HashMap::new();
    if !news.is_empty() && tx.fetch_one(ANY_NEWS, vec![]).await?.is_some() {
        for row in tx.lookup("member, id", "news", &["member"], keys(news)).await? {
            let news = &mut facts.entry(row.text(0)?.into()).or_default().news;
            news.get_or_insert_default().ids.push(row.text(1)?);
        }
        told(tx, &mut facts).await?;
    }
    let asked_for = facts.iter().filter(|(_, facts)| facts.news.as_ref().is_some_and(|news| !news.reports.is_empty()));
    let mut wanted: Vec<Uid> = asked_for.map(|(member, _)| member.clone()).chain(devices.iter().cloned()).collect();
    wanted.sort();
    wanted.dedup();
    for row in tx.lookup("member, id, managed", "devices", &["member"], keys(wanted)).await? {
        let device = Device { id: row.text(1)?, managed: row.get(2)? };
        facts.entry(row.text(0)?.into()).or_default().devices.push(device);
    }
    facts.values_mut().for_each(|facts| facts.devices.sort_by(|one, other| one.id.cmp(&other.id)));
    for (member, photo) in super::photos::load(tx, photos).await? {
        facts.entry(member).or_default().photo = Some(photo);
    }
    Ok(facts)
}

const ANY_NEWS: &str = "SELECT id FROM news LIMIT 1";

/// What the members chose of whom there are news, and what was reported of their devices.
async fn told(tx: &mut Tx, facts: &mut HashMap<Uid, AccountFacts>) -> Result<(), Error> {
    let members: Vec<Uid> = facts.keys().cloned().collect();
    let ids: Vec<String> = facts.values().filter_map(|facts| facts.news.as_ref()).flat_map(|news| news.ids.clone()).collect();
    let mut of = |member: String, write: &mut dyn FnMut(&mut News)| {
        if let Some(news) = facts.get_mut(&Uid::from(member)).and_then(|facts| facts.news.as_mut()) {
            write(news);
        }
    };
    for row in tx.lookup("member, what, value", "choices", &["member"], keys(&members)).await? {
        let (what, value) = (row.text(1)?, row.text(2)?);
        of(row.text(0)?, &mut |news| match what.as_str() {
            "SecondStep" => news.second_step = Some(value.clone()),
            "EasyLogin" => news.easy_login = read::<EasyLoginMethod>(&value),
            "Language" => news.language = Some(value.clone()),
            // Somebody's own.
            _ => {}
        });
    }
    for row in tx.lookup("member, device, action, token, at", "device_requests", &["member"], keys(&members)).await? {
        let Some(action) = read::<DeviceAction>(&row.text(2)?) else { continue };
        let (device, token, what) = (row.text(1)?, row.text(3)?, Reported::Requested);
        let report = DeviceReport { device, action, token, what, at: row.instant(4)? };
        of(row.text(0)?, &mut |news| news.reports.push(report.clone()));
    }
    for row in tx.lookup("uid, payload, acknowledged_at", "outbox", &["id"], keys(&ids)).await? {
        let payload = row.json(1)?;
        let text = |field: &str| payload[field].as_str().unwrap_or_default().to_owned();
        let (Some(action), Some(at)) = (read::<DeviceAction>(&text("action")), row.maybe_instant(2)?) else { continue };
        let report = DeviceReport { device: text("device"), action, token: text("token"), what: Reported::Done, at };
        of(row.text(0)?, &mut |news| news.reports.push(report.clone()));
    }
    let news = facts.values_mut().filter_map(|facts| facts.news.as_mut());
    news.for_each(|news| news.reports.sort_by(|one, other| (one.at, &one.device).cmp(&(other.at, &other.device))));
    Ok(())
}

fn read<T: serde::de::DeserializeOwned>(name: &str) -> Option<T> {
    serde_json::from_value(Value::String(name.to_owned())).ok()
}

/// Notes that the records know of these news.
pub async fn fold(tx: &mut Tx, news: &[(Uid, News)]) -> Result<(), Error> {
    if news.is_empty() {
        return Ok(());
    }
    let ids = news.iter().flat_map(|(_, news)| &news.ids);
    tx.delete(NEWS.name, NEWS.key, keys(ids)).await?;
    let reports = news.iter().flat_map(|(member, news)| news.reports.iter().map(move |report| (member, report)));
    let requests = reports.filter(|(_, report)| report.what == Reported::Requested);
    let requests: Vec<Vec<Cell>> = requests.map(|(member, report)| request_key(member, report)).collect();
    tx.delete(DEVICE_REQUESTS.name, DEVICE_REQUESTS.key, requests).await?;
    Ok(())
}

/// Every statement of this file that stands by itself.
pub const STATEMENTS: &[&str] = &[CHOSEN, OF_MEMBER, ANY_NEWS];
