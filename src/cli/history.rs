//! `rollcall history`: the audit trail, newest last.

use clap::Args;
use serde_json::{Value, json};
use uuid::Uuid;

use super::output::Format;
use super::{Failure, Global, OK, PARTLY, fields, object, output};
use crate::api::Key;
use crate::api::time::rfc3339;
use crate::directory::audit::{self, Entry, Of};

/// Shows the audit trail, newest last.
#[derive(Debug, Args)]
pub struct History {
    /// Of one object only: KIND NAME, KIND/NAME, or its uid, which is all that the trail knows of a purged member by
    #[arg(num_args = 0..=2, value_name = "KIND NAME")]
    object: Vec<String>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

impl History {
    pub async fn run(self, global: &Global) -> Result<u8, Failure> {
        let of = match self.object.as_slice() {
            [] => Of::Everything,
            [uid] if Uuid::try_parse(uid).is_ok() => Of::Uid(uid.to_ascii_lowercase().into()),
            words => match object(words, global.default_namespace())? {
                (kind, Some(handle)) => Of::Handle(Key::new(kind, handle)),
                (_, None) => return Err(Failure::Usage("name the object too: KIND NAME, KIND/NAME or its uid".into())),
            },
        };
        let directory = global.open().await?;
        let entries = audit::history(&mut directory.read().await?, &of).await?;
        let unknown = match &of {
            Of::Everything => None,
            Of::Handle(key) => Some(format!(
                "{key}; of who was purged only the uid is known: `rollcall history` tells it, `rollcall history UID` the rest"
            )),
            Of::Uid(uid) => Some(uid.to_string()),
        };
        if let Some(unknown) = unknown.filter(|_| entries.is_empty()) {
            note!("error: nothing is known of {unknown}");
            return Ok(PARTLY);
        }
        match self.output {
            Format::Json => output::json(&entries.iter().map(entry_json).collect::<Vec<_>>())?,
            Format::Table => table(&entries)?,
        }
        Ok(OK)
    }
}

/// Prints rows of the trail for people.
pub fn table(entries: &[Entry]) -> Result<(), Failure> {
    let rows = entries.iter().map(|entry| {
        let late = if entry.due == entry.at { String::new() } else { rfc3339(entry.due) };
        let name = entry.handle.as_ref().map_or_else(|| format!("({})", entry.uid), ToString::to_string);
        let fields = if entry.handle.is_some() { fields::told(entry) } else { "(erased)".to_owned() };
        vec![rfc3339(entry.at), late, entry.kind.name().to_owned(), name, entry.action.clone(), entry.cause.clone(), fields]
    });
    output::table(&["AT", "DUE", "KIND", "NAME", "ACTION", "CAUSE", "CHANGES"], rows)
}

fn entry_json(entry: &Entry) -> Value {
    let Entry { due, at, uid, about: _, kind, tenant: _, handle, action, cause, fields, generation, manager, commit } = entry;
    let fields: Vec<Value> = fields.iter().map(|field| json!({"path": field.path, "from": field.from, "to": field.to})).collect();
    json!({
        "at": at.to_string(), "due": due.to_string(), "kind": kind.name(),
        "namespace": handle.as_ref().map(|handle| &handle.namespace), "name": handle.as_ref().map(|handle| &handle.name),
        "uid": uid.as_str(), "cause": cause, "action": action, "fields": fields,
        "generation": generation, "manager": manager, "commit": commit,
    })
}
