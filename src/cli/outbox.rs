//! `rollcall outbox`: what others must do and have not acknowledged; and another try of what was refused.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::output::Format;
use super::record::said_each;
use super::{Failure, Global, OK, fields, output};
use crate::api::time::rfc3339;
use crate::directory::outbox::{self, Listed, Retried, Which};
use crate::record;

/// Lists what others must do and have not acknowledged: mails, and orders to services.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Outbox {
    #[command(subcommand)]
    what: Option<What>,
    /// Of one consumer only
    #[arg(long, value_enum)]
    consumer: Option<Consumer>,
    /// What was acknowledged, too
    #[arg(long)]
    all: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Try mails again at once, also those that were refused
    Retry {
        /// The rows, as `rollcall outbox` lists them
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
}

/// Who carries orders out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Consumer {
    Mail,
    Messages,
    Storage,
    Devices,
    Teams,
}

impl Outbox {
    pub async fn run(self, global: &Global) -> Result<u8, Failure> {
        let directory = global.open().await?;
        if let Some(What::Retry { ids }) = self.what {
            global.keep_clock(&directory).await?;
            let mut tx = directory.write().await?;
            let mut outcomes = Vec::with_capacity(ids.len());
            for id in ids {
                let why = match outbox::retry(&mut tx, &id, global.now()).await? {
                    Retried::Due => {
                        outcomes.push(Ok(format!("{id} is tried again")));
                        continue;
                    }
                    Retried::Held => "the mail is held; the tenant's condition Held says how to approve it (T15)".to_owned(),
                    Retried::TakenBy(consumer) => {
                        format!("it waits for `{consumer}`, which takes its orders by itself; only mails are tried again")
                    }
                    Retried::Unknown => "there is no such order that is not acknowledged".to_owned(),
                };
                outcomes.push(Err(format!("{id}: {why}")));
            }
            tx.commit().await?;
            return said_each(outcomes);
        }
        let consumer = self.consumer.map(|consumer| match consumer {
            Consumer::Mail => record::Consumer::Mail,
            Consumer::Messages => record::Consumer::Messages,
            Consumer::Storage => record::Consumer::Storage,
            Consumer::Devices => record::Consumer::Devices,
            Consumer::Teams => record::Consumer::Teams,
        });
        let which = if self.all { Which::All } else { Which::Open };
        let rows = outbox::list(&mut directory.read().await?, which, consumer, None).await?;
        match self.output {
            Format::Json => output::json(&rows.iter().map(row_json).collect::<Vec<_>>())?,
            Format::Table => {
                let header = ["ID", "SINCE", "CONSUMER", "EFFECT", "OF", "STATE", "TRIES", "ERROR"];
                output::table(&header, rows.iter().map(row_table))?;
            }
        }
        Ok(OK)
    }
}

fn state(row: &Listed) -> &'static str {
    if row.acknowledged_at.is_some() {
        "Acknowledged"
    } else if row.refused_at.is_some() {
        "Refused"
    } else if row.held {
        "Held"
    } else {
        "Waiting"
    }
}

fn row_table(row: &Listed) -> Vec<String> {
    let of = row.of.as_ref().map_or_else(|| format!("({})", row.uid), ToString::to_string);
    let effect = match row.payload["data"].as_str() {
        Some(data) => format!("{} {data}", row.effect),
        None => row.effect.clone(),
    };
    let error = row.error.as_deref().map(|error| fields::brief(&error.into())).unwrap_or_default();
    let tries = row.attempts.to_string();
    vec![row.id.clone(), rfc3339(row.at), row.consumer.clone(), effect, of, state(row).to_owned(), tries, error]
}

fn row_json(row: &Listed) -> Value {
    let Listed { id, at, uid, of, consumer, effect, payload, attempts, next_at, error, refused_at, acknowledged_at, held: _ } =
        row;
    let handle = of.as_ref().map(|of| &of.handle);
    json!({
        "id": id, "at": at.to_string(), "uid": uid.as_str(), "kind": of.as_ref().map(|of| of.kind.name()),
        "namespace": handle.map(|handle| &handle.namespace), "name": handle.map(|handle| &handle.name), "consumer": consumer,
        "effect": effect, "payload": payload, "state": state(row), "attempts": attempts, "nextAt": next_at.to_string(),
        "error": error, "refusedAt": refused_at.map(|at| at.to_string()),
        "acknowledgedAt": acknowledged_at.map(|at| at.to_string()),
    })
}
