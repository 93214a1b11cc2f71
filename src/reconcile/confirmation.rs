//! Confirmations (T12): whether what a Secret holds is the password of a supreme administrator, as a fact for
//! the decisions. The password is read, compared and dropped; it is never written or told (R7). Called by the engine.

use std::pin::Pin;
use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc::PasswordHash;
use ring::digest;

use super::Engine;
use super::gathered::Gathered;
use crate::api::secret::{Contents, Unusable, content};
use crate::api::tenant::Cancellation;
use crate::api::{Confidential, Handle};
use crate::directory::audit::hex;
use crate::directory::sql::Tx;
use crate::directory::{Error, passwords};
use crate::lifecycle::cancellation::Confirmation;
use crate::lifecycle::{Declared, Spec};
use crate::record::{Record, Uid};

/// What is read out of a Secret, sooner or later, or why it can't be had.
pub type Reading<'r> = Pin<Box<dyn Future<Output = Result<Confidential, String>> + Send + 'r>>;

/// Where Secrets are found.
pub trait Secrets: Send + Sync {
    /// The value of a key of a Secret.
    fn read<'r>(&'r self, secret: &'r Handle, key: &'r str) -> Reading<'r>;
}

/// The Secrets of a set of files.
impl Secrets for Contents {
    fn read<'r>(&'r self, secret: &'r Handle, key: &'r str) -> Reading<'r> {
        Box::pin(async move {
            content(self, secret, key).map_err(|why| match why {
                Unusable::NotFound => {
                    "it is not among the manifests; it is to hold the supreme administrator's password".to_owned()
                }
                Unusable::NoKey | Unusable::NotBase64 | Unusable::NotText => why.to_string(),
            })
        })
    }
}

impl Engine {
    /// Says where Secrets are found.
    pub fn set_secrets(&mut self, secrets: Arc<dyn Secrets>) {
        self.secrets = secrets;
    }

    /// Finds out what the declared confirmations are worth, for whoever may hold the role.
    pub(super) async fn confirmations(&self, tx: &mut Tx, gathered: &mut Gathered) -> Result<(), Error> {
        let mut asked = Vec::new();
        for visit in &gathered.visits {
            let Declared::Present(manifest) = &visit.declared else { continue };
            let Ok(Spec::Tenant(spec)) = &manifest.spec else { continue };
            let Some(cancellation) = &spec.cancellation else { continue };
            let named = gathered.world.member(&visit.key.handle.sibling(spec.supreme_admin_ref.name()));
            let (mut holders, mut confirmed): (Vec<Uid>, _) =
                (named.map(|member| member.uid.clone()).into_iter().collect(), None);
            if let Some(Record::Tenant(tenant)) = gathered.world.record(&visit.key) {
                holders.extend(tenant.supreme_admin.clone());
                confirmed = tenant.confirmed.clone();
            }
            holders.sort();
            holders.dedup();
            asked.push((visit.key.handle.clone(), cancellation.clone(), holders, confirmed));
        }
        for (tenant, cancellation, holders, confirmed) in asked {
            for holder in holders {
                let confirmation = self.confirmation(tx, &tenant, &cancellation, &holder, confirmed.as_deref()).await?;
                gathered.world.confirmations.insert(holder, confirmation);
            }
        }
        Ok(())
    }

    async fn confirmation(
        &self,
        tx: &mut Tx,
        tenant: &Handle,
        cancellation: &Cancellation,
        holder: &Uid,
        confirmed: Option<&str>,
    ) -> Result<Confirmation, Error> {
        let credential = passwords::credentials(tx, std::slice::from_ref(holder)).await?.remove(holder);
        let Some(hash) = credential.map(|credential| credential.hash) else { return Ok(Confirmation::NoPassword) };
        let reference = &cancellation.confirmation.secret_key_ref;
        let (name, key) = (reference.name.as_str(), reference.key.as_str());
        let mark = mark(name, key, &hash);
        Ok(match self.secrets.read(&tenant.sibling(name), key).await {
            Ok(password) => match is_password(password, hash).await {
                true => Confirmation::Right(mark),
                false => Confirmation::Wrong,
            },
            // The Secret may go once the password was confirmed, and is not at hand when only time moves on.
            Err(_) if confirmed == Some(mark.as_str()) => Confirmation::Right(mark),
            Err(why) => Confirmation::Unreadable(why),
        })
    }
}

/// Tells a hash and a Secret key from others. The hash is salted: nothing can be learned from it.
fn mark(name: &str, key: &str, hash: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [name, key, hash] {
        context.update(part.as_bytes());
        context.update(&[0]);
    }
    hex(context.finish().as_ref())
}

/// Whether this is the password of a hash. Takes long by design, so it is done beside everything else.
async fn is_password(password: Confidential, hash: String) -> bool {
    let compare = move || {
        let Ok(hash) = PasswordHash::new(&hash) else { return false };
        let password = password.without_line_break();
        Argon2::default().verify_password(password.expose(), &hash).is_ok()
    };
    tokio::task::spawn_blocking(compare).await.unwrap_or(false)
}
