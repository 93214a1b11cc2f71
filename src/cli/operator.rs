//! `rollcall operator`: run against Kubernetes.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use kube::{Client, Config};
use tokio::net::TcpListener;

use super::mail::Mailing;
use super::{Failure, Global, OK, ended};
use crate::directory::{Absent, Address, Directory};
use crate::operator::health::Health;
use crate::operator::{Clients, Settings, run};
use crate::service::{Probed, serve};

/// How long the directory may take to close.
const CLOSING: Duration = Duration::from_secs(5);

/// Runs against Kubernetes: what is declared there becomes accounts, and time does the rest.
#[derive(Debug, Args)]
pub struct Operator {
    /// Watch this namespace only; repeatable
    #[arg(long = "watch-namespace", value_name = "NAMESPACE")]
    namespaces: Vec<String>,
    /// Read and write Secrets, for passwords and photos, and read ConfigMaps in this namespace; repeatable
    #[arg(long = "secrets-namespace", value_name = "NAMESPACE")]
    secret_namespaces: Vec<String>,
    /// Where to serve /livez, /readyz and /metrics
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// How often to look for drift, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    drift_interval: u64,
    #[command(flatten)]
    mailing: Mailing,
}

impl Probed for Health {
    fn ready(&self) -> Result<String, String> {
        Health::ready(self)
    }

    fn metrics(&self) -> String {
        Health::metrics(self)
    }
}

impl Operator {
    pub async fn run(self, global: &Global) -> Result<u8, Failure> {
        if global.now.is_some() {
            return Err(Failure::Usage("an operator follows the clock: leave --now out".into()));
        }
        let post = self.mailing.post()?.map(Arc::new);
        let hasher = global.hasher()?;
        let failed = |what: &str, error: &dyn std::fmt::Display| Failure::Usage(format!("{what}: {error}"));
        let health = Arc::new(Health::default());
        let listener =
            TcpListener::bind(self.listen).await.map_err(|error| failed(&format!("listening on {}", self.listen), &error))?;
        let server = tokio::spawn(serve(listener, health.clone()));
        let address: Address = global.directory.parse()?;
        let config = Config::infer().await.map_err(|error| failed("finding the API server", &error))?;
        let client = |read_timeout| {
            let mut config = config.clone();
            config.connect_timeout = Some(Duration::from_secs(5));
            config.read_timeout = Some(read_timeout);
            config.reset_reader_on_write = true;
            // Everything is tried again where it is asked, with what is known there.
            config.default_retry = false;
            Client::try_from(config).map_err(|error| failed("preparing to call the API server", &error))
        };
        // A watch is silent for up to 295 s before it is begun anew.
        let clients = Clients { watching: client(Duration::from_secs(310))?, calling: client(Duration::from_secs(15))? };
        let end = ended();
        tokio::pin!(end);
        let directory = loop {
            match Directory::open(address.clone(), Absent::Create).await {
                Ok(directory) => break directory,
                Err(error) => {
                    tracing::error!(target: "rollcall::operator", %error, "the directory can't be opened; trying again");
                    health.trouble("directory", error);
                }
            }
            tokio::select! {
                () = &mut end => return Ok(OK),
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        };
        health.well("directory");
        let namespaces: BTreeSet<Arc<str>> = self.namespaces.iter().map(|namespace| namespace.as_str().into()).collect();
        let drift_interval = Duration::from_secs(self.drift_interval);
        let namespaces = namespaces.into_iter().collect();
        let secret_namespaces: BTreeSet<Arc<str>> =
            self.secret_namespaces.iter().map(|namespace| namespace.as_str().into()).collect();
        let secret_namespaces = secret_namespaces.into_iter().collect();
        let settings =
            Settings { clients, directory: directory.clone(), namespaces, secret_namespaces, hasher, drift_interval, post };
        let done = run(settings, health, end).await;
        server.abort();
        if tokio::time::timeout(CLOSING, directory.close()).await.is_err() {
            tracing::warn!(target: "rollcall::operator", "the directory did not close in time");
        }
        done?;
        Ok(OK)
    }
}
