//! Secrets of the cluster, read one by one when something names them. Keeps none, writes none, tells none (R7).
//! Asked by the engine.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};

use crate::api::{Confidential, Handle};
use crate::reconcile::{Reading, Secrets};

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The Secrets of a cluster.
pub struct Live(pub Client);

impl Secrets for Live {
    fn read<'r>(&'r self, secret: &'r Handle, key: &'r str) -> Reading<'r> {
        Box::pin(async move {
            let secrets: Api<Secret> = Api::namespaced(self.0.clone(), &secret.namespace);
            match tokio::time::timeout(TIMEOUT, secrets.get_opt(&secret.name)).await {
                Ok(Ok(found)) => found?.data?.remove(key).map(|value| Confidential::new(value.0)),
                Ok(Err(error)) => {
                    tracing::warn!(%secret, %error, "a Secret can't be read");
                    None
                }
                Err(_) => {
                    tracing::warn!(%secret, "a Secret can't be read in time");
                    None
                }
            }
        })
    }
}
