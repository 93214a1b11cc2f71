//! `rollcall get`: what is declared and what became of it, as kubectl would show it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Failure, Global, OK, PARTLY, object, output, unknown};
use crate::api::time::rfc3339;
use crate::api::{API_VERSION, Handle, Kind};
use crate::directory::declarations::{Declaration, Filter};
use crate::directory::records::By;
use crate::directory::sql::keys;
use crate::directory::{Directory, Error, records, unattended};
use crate::reconcile::{figures, status_of};
use crate::record::{Record, Uid};

/// Lists what is declared and what became of it.
#[derive(Debug, Args)]
pub struct Get {
    /// tenants (tn), organizations (org), members (mem) or externalcontacts (xc), and a name: KIND NAME or KIND/NAME
    #[arg(num_args = 1..=2, required = true, value_name = "KIND NAME")]
    object: Vec<String>,
    /// In all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Deleted members in their grace period and contacts in the trash, too
    #[arg(long)]
    all: bool,
    /// How to print them
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    /// Stay, and print again what changed
    #[arg(short, long)]
    watch: bool,
}

/// How to print objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    #[default]
    Table,
    Wide,
    Json,
    Yaml,
    Name,
}

impl Get {
    pub async fn run(self, global: &Global) -> Result<u8, Failure> {
        let (kind, named) = object(&self.object, global.default_namespace())?;
        let directory = global.open().await?;
        let filter = Filter {
            namespace: (!self.all_namespaces || named.is_some()).then(|| global.default_namespace().into()),
            name: named.as_ref().map(|handle| handle.name.clone()),
        };
        let mut before: HashMap<String, Value> = HashMap::new();
        loop {
            let objects = objects(&directory, kind, &filter, self.all || named.is_some()).await?;
            if let Some(handle) = named.as_ref().filter(|_| objects.is_empty() && !self.watch) {
                note!("error: {kind} {} is not declared", unknown(handle));
                return Ok(PARTLY);
            }
            if self.watch {
                let changed: Vec<Value> =
                    objects.iter().filter(|object| before.get(&handle_of(object)) != Some(object)).cloned().collect();
                if !changed.is_empty() {
                    self.print(kind, &changed, false, global.now())?;
                }
                before = objects.into_iter().map(|object| (handle_of(&object), object)).collect();
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
            if objects.is_empty() && matches!(self.output, Format::Table | Format::Wide) {
                let place = filter.namespace.map_or_else(String::new, |namespace| format!(" in namespace {namespace}"));
                note!("there are no {}{place}", kind.plural());
                return Ok(OK);
            }
            self.print(kind, &objects, named.is_some(), global.now())?;
            return Ok(OK);
        }
    }

    fn print(&self, kind: Kind, objects: &[Value], single: bool, now: Timestamp) -> Result<(), Failure> {
        let whole = || match objects {
            [object] if single => object.clone(),
            objects => json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": objects}),
        };
        match self.output {
            Format::Json => output::json(&whole()),
            Format::Yaml => {
                // What is meant to be applied again holds nothing of who is erased.
                let kept: Vec<Value> = objects.iter().filter(|object| object["spec"] != json!({})).cloned().collect();
                let erased = objects.len() - kept.len();
                if erased > 0 && !single {
                    note!("{} left out: nothing is kept of what was declared", output::counted(erased, kind.name()));
                    return self.print(kind, &kept, false, now);
                }
                output::yaml(&whole())
            }
            Format::Name => {
                for object in objects {
                    let plural = kind.name().to_ascii_lowercase();
                    say!("{plural}.rollcall.dev/{}", object["metadata"]["name"].as_str().unwrap_or_default())?;
                }
                Ok(())
            }
            Format::Table | Format::Wide => {
                let columns = columns(kind, self.output == Format::Wide);
                let mut header: Vec<&str> = vec!["NAME"];
                header.extend(columns.iter().map(|(name, _)| *name));
                header.push("AGE");
                if self.all_namespaces {
                    header.insert(0, "NAMESPACE");
                }
                let rows = objects.iter().map(|object| {
                    let mut row = vec![text(&object["metadata"]["name"])];
                    row.extend(columns.iter().map(|(_, value)| value(object)));
                    let created = object["metadata"]["creationTimestamp"].as_str().and_then(|at| at.parse().ok());
                    row.push(created.map_or_else(String::new, |created| output::age(created, now)));
                    if self.all_namespaces {
                        row.insert(0, text(&object["metadata"]["namespace"]));
                    }
                    row
                });
                output::table(&header, rows)
            }
        }
    }
}

fn handle_of(object: &Value) -> String {
    format!("{}/{}", object["metadata"]["namespace"], object["metadata"]["name"])
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The condition `Ready` of an object.
fn ready(object: &Value, field: &str) -> String {
    let conditions = object["status"]["conditions"].as_array();
    let ready = conditions.into_iter().flatten().find(|condition| condition["type"] == "Ready");
    ready.map_or_else(String::new, |ready| text(&ready[field]))
}

type Column = (&'static str, fn(&Value) -> String);

/// The columns of a kind between name and age: what one looks for first.
fn columns(kind: Kind, wide: bool) -> Vec<Column> {
    let phase: Column = ("PHASE", |object| {
        let phase = text(&object["status"]["phase"]);
        if object["status"]["onLeave"].is_object() { format!("{phase} (on leave)") } else { phase }
    });
    let is_ready: Column = ("READY", |object| ready(object, "status"));
    let reason: Column = ("REASON", |object| ready(object, "reason"));
    let mut list: Vec<Column> = match kind {
        Kind::Tenant => vec![
            ("DOMAIN", |object| text(&object["spec"]["domain"])),
            ("PLAN", |object| text(&object["spec"]["products"]["core"]["plan"])),
            ("MEMBERS", |object| text(&object["status"]["members"])),
            phase,
            is_ready,
            reason,
        ],
        Kind::Organization => vec![
            ("DISPLAY NAME", |object| text(&object["spec"]["displayName"])),
            ("PATH", |object| text(&object["status"]["path"])),
            ("MEMBERS", |object| text(&object["status"]["members"])),
            is_ready,
            reason,
        ],
        Kind::Member => vec![
            ("ID", |object| text(&object["status"]["id"])),
            ("DISPLAY NAME", |object| text(&object["status"]["displayName"])),
            ("ORGANIZATION", |object| text(&object["status"]["organization"])),
            phase,
            is_ready,
            reason,
        ],
        Kind::ExternalContact => vec![
            ("CONTACT", |object| text(&object["status"]["name"])),
            ("COMPANY", |object| text(&object["status"]["company"])),
            ("OWNER", |object| text(&object["spec"]["ownerRef"]["name"])),
            phase,
            is_ready,
            reason,
        ],
    };
    if wide {
        let more: Vec<Column> = match kind {
            Kind::Tenant => vec![
                ("ORGANIZATIONS", |object| text(&object["status"]["organizations"])),
                ("SUPREME ADMIN", |object| text(&object["status"]["supremeAdmin"])),
            ],
            Kind::Organization => vec![
                ("WITH ALL BELOW", |object| text(&object["status"]["membersWithAllBelow"])),
                ("LEADERS", |object| {
                    let leaders = object["status"]["leaders"].as_array().into_iter().flatten();
                    leaders.map(text).collect::<Vec<_>>().join(", ")
                }),
            ],
            Kind::Member => vec![
                ("NEXT TRANSITION", |object| text(&object["status"]["nextTransitionAt"])),
                ("PURGE AT", |object| text(&object["status"]["purgeAt"])),
                ("UID", |object| text(&object["status"]["uid"])),
            ],
            Kind::ExternalContact => vec![
                ("NICKNAME", |object| text(&object["status"]["nickname"])),
                ("PURGE AT", |object| text(&object["status"]["purgeAt"])),
                ("UID", |object| text(&object["status"]["uid"])),
            ],
        };
        list.extend(more);
    }
    list
}

/// The objects of a kind as kubectl would print them, and tenants that nobody declares now. `deleted` adds members
/// and contacts whose resource is gone.
pub async fn objects(directory: &Directory, kind: Kind, filter: &Filter, deleted: bool) -> Result<Vec<Value>, Error> {
    let mut tx = directory.read().await?;
    let declared = figures::list(&mut tx, kind, filter).await?;
    let mut list = Vec::with_capacity(declared.len());
    let mut known: HashSet<Handle> = HashSet::new();
    for (declaration, status) in declared {
        known.insert(declaration.key.handle.clone());
        list.push(manifest(&declaration, status));
    }
    // Records that nobody declares now: members in grace and contacts in the trash, where they are asked for, and
    // tenants (T14).
    let asked = deleted || kind == Kind::Tenant;
    let records = if asked { unattended::undeclared(&mut tx, kind, filter).await? } else { Vec::new() };
    let worked_in = records.iter().filter_map(|record| match record {
        Record::Member(member) => member.primary_organization(),
        Record::Tenant(_) | Record::Organization(_) | Record::ExternalContact(_) => None,
    });
    let organizations = records::load(&mut tx, Kind::Organization, By::Uid, keys(worked_in)).await?;
    let name = |uid: &Uid| {
        let organization = organizations.iter().find(|organization| organization.uid() == uid);
        organization.map(|organization| organization.handle().name.to_string())
    };
    for record in records.iter().filter(|record| !known.contains(record.handle())) {
        let (spec, generation, created_at) = record.declared();
        list.push(json!({
            "apiVersion": API_VERSION, "kind": kind.name(),
            "metadata": {
                "name": record.handle().name, "namespace": record.handle().namespace,
                "creationTimestamp": rfc3339(created_at), "generation": generation,
            },
            "spec": spec,
            "status": status_of(record, &name),
        }));
    }
    if !records.is_empty() {
        list.sort_by_key(|object| (text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"])));
    }
    Ok(list)
}

fn manifest(declaration: &Declaration, status: Value) -> Value {
    let handle = &declaration.key.handle;
    let mut metadata = json!({
        "name": handle.name, "namespace": handle.namespace, "generation": declaration.generation,
        "creationTimestamp": rfc3339(declaration.created_at),
    });
    let mut annotations = declaration.annotations.clone();
    if let Some(commit) = &declaration.commit {
        annotations[crate::api::COMMIT_ANNOTATION] = json!(commit);
    }
    if annotations.as_object().is_some_and(|annotations| !annotations.is_empty()) {
        metadata["annotations"] = annotations;
    }
    json!({
        "apiVersion": API_VERSION, "kind": declaration.key.kind.name(),
        "metadata": metadata, "spec": declaration.spec, "status": status,
    })
}
