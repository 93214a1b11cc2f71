//! Passwords: hashing on a bounded pool, the work that is ordered by what is declared, verification, and a
//! member's own change. Never holds up the engine: a member is there first, its password follows. Called by
//! the shells.

pub mod hash;
mod maker;
pub mod own;
pub mod verify;
pub mod work;

use std::future::Future;

use crate::api::secret::Unusable;
use crate::api::{Confidential, Handle, Reason};
use crate::directory::random;
use crate::record::Uid;
pub use hash::{Cost, Hasher};
pub use verify::{Answer, Verification, knows, may_sign_in};
pub use work::{Told, Worker};

/// Why something could not be done with a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing can be had from its key.
    Unusable(Unusable),
    /// One of that name is there and is not this member's.
    Exists,
    /// It was not said where to write Secrets to.
    Nowhere,
    /// The namespace is not open to Rollcall.
    NotEnabled,
    /// It failed, and is tried again. The text holds nothing of the content.
    Failed(String),
}

/// The Secret of an initial password (M32).
#[derive(Clone, Debug)]
pub struct Initial<'o> {
    pub member: &'o Handle,
    pub uid: &'o Uid,
    /// The order for which it is written: a Secret that was written for it already is left as it is.
    pub order: &'o str,
    pub username: &'o str,
}

impl Initial<'_> {
    /// The Secret that holds a member's initial password.
    pub fn secret(&self) -> Handle {
        self.member.sibling(&format!("{}-initial-password", self.member.name))
    }
}

/// The annotation, and label, that says whose initial password a Secret holds.
pub const MEMBER_ANNOTATION: &str = "rollcall.dev/member-uid";
/// The annotation that says for which order it was written.
pub const ORDER_ANNOTATION: &str = "rollcall.dev/password-order";
/// The keys of the Secret.
pub const PASSWORD_KEY: &str = "password";
pub const USERNAME_KEY: &str = "username";

/// Where Secrets are: a set of files, or a cluster.
pub trait Secrets: Sync {
    /// The content under a key of a Secret.
    fn read(&self, secret: &Handle, key: &str) -> impl Future<Output = Result<Confidential, Trouble>> + Send;

    /// Makes the Secret of an initial password, owned by the Member, or finds it as it was made for this order.
    /// Returns the password that is in it then; one that was made for an earlier order is replaced.
    fn keep(&self, initial: &Initial<'_>, fresh: &Confidential) -> impl Future<Output = Result<Confidential, Trouble>> + Send;

    /// The Secret of a member's initial password and what is in it, wherever it was written; looked for where it is likely
    /// first.
    fn find(
        &self,
        member: &Uid,
        likely: Option<&Handle>,
    ) -> impl Future<Output = Result<Option<(Handle, Confidential)>, Trouble>> + Send;

    /// Removes this Secret, if it is there and holds the member's initial password.
    fn remove(&self, member: &Uid, secret: &Handle) -> impl Future<Output = Result<(), Trouble>> + Send;
}

impl From<Unusable> for Trouble {
    fn from(why: Unusable) -> Self {
        Trouble::Unusable(why)
    }
}

impl Trouble {
    /// The reason and the message of the condition `PasswordSet`. `about` names the Secret, and its key.
    fn told(&self, about: &str) -> (Reason, String) {
        match self {
            Trouble::Unusable(why) => {
                let reason = match why {
                    Unusable::NotFound | Unusable::NoKey => Reason::SecretNotFound,
                    Unusable::NotBase64 | Unusable::NotText => Reason::SecretInvalid,
                };
                (reason, format!("{about}: {why} (M32)"))
            }
            Trouble::Exists => (
                Reason::SecretExists,
                format!("{about} is there and is not this member's: it is left alone; delete or rename it (M32)"),
            ),
            Trouble::Nowhere => {
                (Reason::NowhereToWrite, "a password is to be generated: say where to with --secrets-out DIR (M32)".to_owned())
            }
            Trouble::NotEnabled => {
                (Reason::SecretsNotEnabled, format!("{about}: Secrets are not enabled in the namespace (M32)"))
            }
            Trouble::Failed(why) => (Reason::SecretFailed, format!("{about}: {why}; it is tried again")),
        }
    }
}

/// A number below another by chance, each as likely as any.
fn below(bound: usize) -> usize {
    let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
    loop {
        let drawn = u64::from_le_bytes(random::bytes());
        // What lies beyond the last whole multiple would favour the small ones.
        if drawn < u64::MAX - u64::MAX % bound {
            return usize::try_from(drawn % bound).unwrap_or(0);
        }
    }
}
