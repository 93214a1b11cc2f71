//! `rollcall requests`: requests for an account (M35), the manifests that would approve them, and their refusal.

use std::collections::HashSet;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::record::{advance, tenant};
use super::{Failure, Global, OK, PARTLY, output, unknown};
use crate::api::time::rfc3339;
use crate::api::{API_VERSION, Handle, Key, Kind};
use crate::directory::cells::handle_keys;
use crate::directory::declarations::Filter;
use crate::directory::records::By;
use crate::directory::sql::Tx;
use crate::directory::{Directory, declarations, records, registrations};
use crate::record::{Request, Uid};

/// Lists open requests for an account.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Requests {
    #[command(subcommand)]
    what: Option<What>,
    /// Of this tenant only
    tenant: Option<String>,
    /// How to print them: yaml is the Member manifests that would approve them
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Refuse a request: what it says of the person is erased
    Reject {
        /// Its identifier
        id: String,
    },
}

/// How to print requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    #[default]
    Table,
    Json,
    Yaml,
}

impl Requests {
    pub async fn run(self, global: &Global) -> Result<u8, Failure> {
        let directory = global.open().await?;
        match self.what {
            Some(What::Reject { id }) => reject(&directory, global, &id).await,
            None => list(&directory, global, self.tenant.as_deref(), self.output).await,
        }
    }
}

async fn reject(directory: &Directory, global: &Global, id: &str) -> Result<u8, Failure> {
    global.keep_clock(directory).await?;
    let mut tx = directory.write().await?;
    let rejected = registrations::reject(&mut tx, id, global.now()).await?;
    tx.commit().await?;
    advance(directory, global.now()).await?;
    if rejected {
        say!("the request {id} is rejected")?;
        return Ok(OK);
    }
    note!("error: there is no open request {id}");
    Ok(PARTLY)
}

async fn list(directory: &Directory, global: &Global, name: Option<&str>, format: Format) -> Result<u8, Failure> {
    let mut tx = directory.read().await?;
    let handles: Vec<Handle> = match name {
        Some(name) => vec![Handle::new(global.default_namespace(), name.strip_prefix("tenant/").unwrap_or(name))],
        None => {
            let filter = Filter { namespace: global.namespace.as_deref().map(Into::into), name: None };
            declarations::list(&mut tx, Kind::Tenant, &filter).await?.into_iter().map(|tenant| tenant.key.handle).collect()
        }
    };
    let mut found: Vec<(Handle, Request)> = Vec::new();
    for handle in handles {
        let Some(tenant) = tenant(&mut tx, &handle).await? else {
            if name.is_some() {
                note!("error: there is no tenant {}", unknown(&handle));
                return Ok(PARTLY);
            }
            continue;
        };
        let uid: Uid = tenant.uid.clone();
        let requests = registrations::of_tenants(&mut tx, &[uid]).await?;
        found.extend(
            requests.into_iter().filter(|request| request.is_open(global.now())).map(|request| (handle.clone(), request)),
        );
    }
    let names = names(&mut tx, &found).await?;
    let found: Vec<(Handle, Request, String)> =
        found.into_iter().zip(names).map(|((tenant, request), name)| (tenant, request, name)).collect();
    match format {
        Format::Table if found.is_empty() => note!("there are no open requests"),
        Format::Table => {
            let rows = found.iter().map(|(tenant, request, _)| {
                let name = format!("{} {}", request.given_name, request.family_name);
                let (at, until) = (rfc3339(request.requested_at), rfc3339(request.expires_at));
                vec![request.id.clone(), tenant.to_string(), name, request.wished_id.clone(), request.email.clone(), at, until]
            });
            output::table(&["REQUEST", "TENANT", "NAME", "WISHED ID", "E-MAIL", "REQUESTED", "ENDS"], rows)?;
        }
        Format::Json => {
            output::json(&found.iter().map(|(tenant, request, name)| told(tenant, request, name)).collect::<Vec<_>>())?
        }
        Format::Yaml => {
            for (tenant, request, name) in &found {
                say!("---")?;
                output::yaml(&manifest(tenant, request, name))?;
            }
        }
    }
    Ok(OK)
}

fn told(tenant: &Handle, request: &Request, name: &str) -> Value {
    json!({
        "id": request.id, "namespace": tenant.namespace, "tenant": tenant.name,
        "name": {"family": request.family_name, "given": request.given_name}, "wishedId": request.wished_id,
        "email": request.email, "requestedAt": rfc3339(request.requested_at), "endsAt": rfc3339(request.expires_at),
        "manifest": manifest(tenant, request, name),
    })
}

/// A name for the member of each request that nobody has, so that none gets another's account.
async fn names(tx: &mut Tx, requests: &[(Handle, Request)]) -> Result<Vec<String>, Failure> {
    let mut taken: HashSet<Key> = HashSet::new();
    let mut names = Vec::with_capacity(requests.len());
    for (tenant, request) in requests {
        let wished = resource_name(&request.wished_id);
        let mut name = wished.clone();
        for number in 2.. {
            let key = Key::new(Kind::Member, tenant.sibling(&name));
            if !taken.contains(&key) && !is_known(tx, &key).await? {
                taken.insert(key);
                break;
            }
            name = format!("{wished}-{number}");
        }
        names.push(name);
    }
    Ok(names)
}

/// An ID as the name of a resource, each of whose labels begins and ends with a letter or a digit.
fn resource_name(id: &str) -> String {
    let labels = id.split('.').map(|label| label.replace('_', "-").trim_matches('-').to_owned());
    let labels: Vec<String> = labels.filter(|label| !label.is_empty()).collect();
    if labels.is_empty() { "member".to_owned() } else { labels.join(".") }
}

/// Whether a member is declared or recorded under a handle.
async fn is_known(tx: &mut Tx, key: &Key) -> Result<bool, Failure> {
    let declared = declarations::load(tx, std::slice::from_ref(key)).await?;
    Ok(!declared.is_empty() || !records::load(tx, key.kind, By::Handle, handle_keys([&key.handle])).await?.is_empty())
}

/// The manifest that approves a request: the person is invited to choose a password.
fn manifest(tenant: &Handle, request: &Request, name: &str) -> Value {
    json!({
        "apiVersion": API_VERSION, "kind": Kind::Member.name(),
        "metadata": {"name": name, "namespace": tenant.namespace},
        "spec": {
            "tenantRef": {"name": tenant.name},
            "id": request.wished_id,
            "name": {"family": request.family_name, "given": request.given_name},
            "personalEmail": request.email,
            "password": {"mode": "CreationLink"},
            "registration": request.id,
        },
    })
}
