//! `rollcall describe`: everything that is known of one object; for a member, the member information page.

use clap::Args;
use serde_json::Value;

use super::{Failure, Global, OK, PARTLY, get, history, object, unknown};
use crate::api::confidential::told;
use crate::api::text::one_line;
use crate::api::time::rfc3339;
use crate::api::{Key, Kind};
use crate::directory::accounts::Seen;
use crate::directory::declarations::Filter;
use crate::directory::outbox::{self, Which};
use crate::directory::people::{Person, Viewer};
use crate::directory::records::By;
use crate::directory::sql::{Tx, keys};
use crate::directory::{accounts, audit, facts, people, records};
use crate::record::{LeaveInForce, Uid};

/// Tells everything that is known of one object.
#[derive(Debug, Args)]
pub struct Describe {
    /// KIND NAME or KIND/NAME
    #[arg(num_args = 1..=2, required = true, value_name = "KIND NAME")]
    object: Vec<String>,
}

/// The most rows of the trail that are shown.
const LAST_ROWS: usize = 10;

impl Describe {
    pub async fn run(self, global: &Global) -> Result<u8, Failure> {
        let (kind, Some(handle)) = object(&self.object, global.default_namespace())? else {
            return Err(Failure::Usage("name the object too: KIND NAME or KIND/NAME".into()));
        };
        let directory = global.open().await?;
        let filter = Filter { namespace: Some(handle.namespace.clone()), name: Some(handle.name.clone()) };
        let Some(object) = get::objects(&directory, kind, &filter, true).await?.into_iter().next() else {
            note!("error: {kind} {} is not declared", unknown(&handle));
            return Ok(PARTLY);
        };
        let mut tx = directory.read().await?;
        say!("{kind} {handle}")?;
        section("Metadata", &object["metadata"])?;
        let mut status = object["status"].clone();
        let conditions = status["conditions"].take();
        section("Status", &status)?;
        if let (Kind::Member, Some(uid)) = (kind, object["status"]["uid"].as_str()) {
            let uid = Uid::from(uid.to_owned());
            say!("\nAccess\n  open sessions: {}", facts::open_sessions(&mut tx, &uid).await?)?;
            for (at, app) in facts::last_sign_ins(&mut tx, &uid, 5).await? {
                say!("  signed in: {} with {app}", rfc3339(at))?;
            }
            devices(&mut tx, &uid).await?;
        }
        if let (Kind::Organization, Some(uid)) = (kind, object["status"]["uid"].as_str()) {
            members(&mut tx, uid).await?;
        }
        if let (Kind::Member, Some(uid)) = (kind, object["status"]["uid"].as_str()) {
            let uid = Uid::from(uid.to_owned());
            let waiting = outbox::list(&mut tx, Which::Open, None, Some(&uid)).await?;
            if !waiting.is_empty() {
                say!("\nOutbox")?;
            }
            for row in waiting {
                let error = row.error.map(|error| format!(": {error}")).unwrap_or_default();
                say!("  {} since {} ({}){}", row.effect, rfc3339(row.at), row.consumer, one_line(&error))?;
            }
        }
        section("Spec", &object["spec"])?;
        say!("\nConditions")?;
        for condition in conditions.as_array().into_iter().flatten() {
            let field = |name: &str| condition[name].as_str().unwrap_or_default().to_owned();
            say!("  {}={} {}: {}", field("type"), field("status"), field("reason"), one_line(&field("message")))?;
        }
        let entries = audit::history(&mut tx, &audit::Of::Handle(Key::new(kind, handle))).await?;
        let earlier = entries.len().saturating_sub(LAST_ROWS);
        say!("\nHistory{}", if earlier > 0 { format!(" (the last {LAST_ROWS} of {})", entries.len()) } else { String::new() })?;
        history::table(&entries[earlier..])?;
        Ok(OK)
    }
}

/// Prints the devices of a member (M28).
async fn devices(tx: &mut Tx, member: &Uid) -> Result<(), Failure> {
    let devices = accounts::devices(tx, member).await?;
    if devices.is_empty() {
        return Ok(());
    }
    say!("\nDevices")?;
    for Seen { id, app, app_version, managed, at } in devices {
        let version = app_version.map(|version| format!(" {version}")).unwrap_or_default();
        let unmanaged = if managed { "" } else { ", unmanaged" };
        let version = one_line(&version);
        say!("  {}: {app}{version}, seen {}{unmanaged}", one_line(&id), rfc3339(at))?;
    }
    Ok(())
}

/// Prints the members of an organization, as administrators see them (M5).
async fn members(tx: &mut Tx, organization: &str) -> Result<(), Failure> {
    let people = people::listing(tx, organization, Viewer::Administrator).await?;
    if people.is_empty() {
        return Ok(());
    }
    let mut inside = Vec::new();
    let organization = records::load(tx, Kind::Organization, By::Uid, keys([organization])).await?;
    let name = organization.first().map(|record| record.handle().name.to_string()).unwrap_or_default();
    for Person { handle, id, display_name, nickname: _, phase, on_leave, places } in people {
        let here = places.into_iter().find(|place| place.organization == name);
        let mut told = vec![display_name, id, phase];
        told.extend(here.as_ref().and_then(|here| here.position.clone()));
        told.extend(here.as_ref().filter(|here| here.leader).map(|_| "leader".to_owned()));
        told.extend(on_leave.map(|LeaveInForce { from, until, message: _ }| {
            let until = until.map_or_else(String::new, |until| format!(" until {}", rfc3339(until)));
            format!("on leave since {}{until}", rfc3339(from))
        }));
        told.extend(here.as_ref().filter(|here| here.private).map(|_| "private".to_owned()));
        inside.push(format!("  {}: {}", handle.name, one_line(&told.join(", "))));
    }
    Ok(say!("\nMembers\n{}", inside.join("\n"))?)
}

/// Prints the fields of a mapping under a heading, each on its line.
fn section(heading: &str, value: &Value) -> std::io::Result<()> {
    say!("\n{heading}")?;
    for (name, field) in value.as_object().into_iter().flatten().filter(|(_, field)| !field.is_null()) {
        print_field(name, &told(name, field), 1)?;
    }
    Ok(())
}

fn print_field(name: &str, value: &Value, depth: usize) -> std::io::Result<()> {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => {
            say!("{indent}{name}:")?;
            fields.iter().try_for_each(|(name, field)| print_field(name, field, depth + 1))
        }
        Value::Array(items) if items.iter().any(|item| item.is_object()) => {
            say!("{indent}{name}:")?;
            for item in items {
                let fields = item.as_object().into_iter().flatten();
                let told: Vec<String> = fields.map(|(name, field)| format!("{name} {}", plain(field))).collect();
                say!("{indent}  - {}", told.join(", "))?;
            }
            Ok(())
        }
        other => say!("{indent}{name}: {}", plain(other)),
    }
}

/// A value on one line.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => one_line(text).into_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => match (fields.len(), fields.get("name")) {
            (1, Some(name)) => plain(name),
            _ => value.to_string(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}
