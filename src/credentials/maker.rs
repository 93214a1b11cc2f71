//! Where a new password comes from: chance, or the Secret that a manifest names (M32, M33). Reads and writes Secrets, and no
//! database. Called by the password work.

use ring::hmac;

use super::own::is_among;
use super::verify::Account;
use super::{Hasher, Initial, Secrets, Trouble, below};
use crate::api::member::PasswordMode;
use crate::api::{Confidential, Reason};
use crate::directory::Error;
use crate::directory::audit::hex;
use crate::directory::passwords::{Seen, Why};
use crate::lifecycle::password::{Policy, Violation, sentence};
use crate::record::{MemberRecord, Uid};

/// What became of the search for a password.
pub enum Made {
    /// It, and the digest of the Secret's content if it was taken from one.
    Password(Confidential, Option<String>),
    /// There is no other than there was.
    Nothing,
    /// There is one that is not to be taken: its digest, and what is told.
    PassedOver(String, String),
    Waits(Reason, String),
}

/// What there is at the place that a manifest names, and how it is called.
struct Content {
    found: Result<Confidential, Trouble>,
    about: String,
}

impl Made {
    fn passed_over(digest: String, about: &str) -> Made {
        let message = format!(
            "{about}: the member had a password before; what is there now is taken with a new resetToken, other content at once (M33)"
        );
        Made::PassedOver(digest, message)
    }

    fn waits(trouble: &Trouble, about: &str) -> Made {
        let (reason, message) = trouble.told(about);
        Made::Waits(reason, message)
    }
}

/// Makes passwords.
#[derive(Clone, Debug)]
pub struct Maker<S> {
    pub hasher: Hasher,
    pub digest_key: hmac::Key,
    pub secrets: S,
}

impl<S: Secrets> Maker<S> {
    /// What tells one content of a Secret from another, and nothing else.
    pub fn digest(&self, member: &Uid, content: &Confidential) -> String {
        let mut context = hmac::Context::with_key(&self.digest_key);
        for part in [b"password".as_slice(), member.as_str().as_bytes(), content.expose()] {
            context.update(part);
            context.update(&[0]);
        }
        hex(&context.sign().as_ref()[..16])
    }

    /// A password by chance, which is in its Secret before anything else happens with it (M32).
    pub async fn generated(&self, initial: &Initial<'_>, account: &Account, policy: &Policy) -> Made {
        let Account { member, tenant: _, credential } = account;
        let fresh = Confidential::new(policy.generate(&member.declared.id, &mut below));
        // What its Secret holds by now is known; where passwords come from elsewhere, nothing is.
        let seen = match self.content(member).await {
            Some(Content { found: Ok(password), about: _ }) => Some(self.digest(&member.uid, &password)),
            Some(Content { found: Err(trouble), about }) => match trouble {
                Trouble::Failed(_) => return Made::waits(&trouble, &about),
                Trouble::Unusable(_) | Trouble::Exists | Trouble::Nowhere | Trouble::NotEnabled => {
                    credential.as_ref().and_then(|credential| credential.seen.clone()).map(|seen| seen.digest)
                }
            },
            None => None,
        };
        let has_initial = credential.as_ref().is_some_and(|credential| credential.generated);
        let kept = async {
            // The one before is void; under another name of the member it would not be overwritten.
            if has_initial
                && let Some((before, _)) = self.secrets.find(initial.uid, Some(&initial.secret())).await?
                && before != initial.secret()
            {
                self.secrets.remove(initial.uid, &before).await?;
            }
            self.secrets.keep(initial, &fresh).await
        };
        match kept.await {
            Ok(password) => Made::Password(password, seen),
            Err(trouble) => Made::waits(&trouble, &format!("the Secret `{}`", initial.secret().name)),
        }
    }

    /// What there is in the Secret that the manifest names, if it names one.
    async fn content(&self, member: &MemberRecord) -> Option<Content> {
        let password = member.intent.spec.password.as_ref();
        let password = password.filter(|password| password.mode == PasswordMode::FromSecret)?;
        let reference = password.secret_key_ref.as_ref()?;
        let (name, key) = (reference.name.as_str(), reference.key.as_str());
        let about = format!("spec.password.secretKeyRef: the key `{key}` of the Secret `{name}`");
        let found = self.secrets.read(&member.handle.sibling(name), key).await;
        Some(Content { found: found.map(Confidential::without_line_break), about })
    }

    /// The password in the Secret that the manifest names. Of who has one, only another than was last taken.
    pub async fn taken(&self, why: Why, account: &Account, policy: &Policy, former: &[String]) -> Result<Made, Error> {
        let Account { member, tenant: _, credential } = account;
        let Some(Content { found, about }) = self.content(member).await else { return Ok(Made::Nothing) };
        let password = match found {
            Ok(password) => password,
            Err(trouble) => return Ok(Made::waits(&trouble, &about)),
        };
        let digest = self.digest(&member.uid, &password);
        if let Some(known) = credential.as_ref().filter(|_| why == Why::FromSecret) {
            match &known.seen {
                Some(Seen { digest: seen, passed_over: false }) if *seen == digest => return Ok(Made::Nothing),
                Some(Seen { digest: seen, passed_over: _ }) if *seen != digest => {}
                Some(_) | None => return Ok(Made::passed_over(digest, &about)),
            }
        }
        let mut violations = match password.expose_text() {
            None => vec![Violation::NotText],
            Some(text) => policy.violations(&member.declared.id, text),
        };
        if violations.is_empty() && is_among(&self.hasher, former, &password).await? {
            violations.push(Violation::Reused(policy.forbid_reuse));
        }
        Ok(if violations.is_empty() {
            Made::Password(password, Some(digest))
        } else {
            Made::Waits(Reason::PolicyViolated, format!("{about}: {} (T5)", sentence(&violations)))
        })
    }
}
