//! `rollcall search`: members as their colleagues find them (M5, M27). Administrators' lists are `rollcall get`.

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Failure, Global, OK, PARTLY, output};
use crate::directory::people::{self, Person, Place};
use crate::record::LeaveInForce;

/// Finds members as their colleagues do.
#[derive(Debug, Args)]
pub struct Search {
    /// Beginnings of names, nicknames or IDs
    #[arg(required = true)]
    words: Vec<String>,
    /// The tenant in which to look [default: all of the namespace]
    #[arg(long)]
    tenant: Option<String>,
    /// The form of the output
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    #[default]
    Table,
    Json,
    Name,
}

impl Search {
    pub async fn run(self, global: &Global) -> Result<u8, Failure> {
        let directory = global.open().await?;
        let mut tx = directory.read().await?;
        let words = self.words.join(" ");
        let found = people::search(&mut tx, global.default_namespace(), self.tenant.as_deref(), &words).await?;
        let code = if found.is_empty() { PARTLY } else { OK };
        match self.output {
            Format::Name => found.iter().try_for_each(|person| say!("member/{}", person.handle.name))?,
            Format::Json => output::json(&found.iter().map(person).collect::<Vec<_>>())?,
            Format::Table if found.is_empty() => note!("nobody is found by `{words}`"),
            Format::Table => {
                let rows = found.into_iter().map(|Person { handle, id, display_name, places, .. }| {
                    let organization = places.into_iter().next().map(|place| place.display_name).unwrap_or_default();
                    vec![handle.name.to_string(), id, display_name, organization]
                });
                output::table(&["NAME", "ID", "DISPLAY NAME", "ORGANIZATION"], rows)?;
            }
        }
        Ok(code)
    }
}

fn person(person: &Person) -> serde_json::Value {
    let Person { handle, id, display_name, nickname, phase: _, on_leave, places } = person;
    let places = places.iter().map(|Place { organization, display_name, position, leader, private: _ }| {
        json!({"organization": organization, "displayName": display_name, "position": position, "leader": leader})
    });
    json!({
        "namespace": handle.namespace, "name": handle.name, "id": id, "displayName": display_name, "nickname": nickname,
        "onLeave": on_leave.as_ref().map(LeaveInForce::to_json), "organizations": places.collect::<Vec<_>>(),
    })
}
