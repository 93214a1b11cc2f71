//! A member's own change of its password (M36): with the present one, or with a link that was checked before.
//! What is set is the member's and never drift. Called by whatever serves members.

use jiff::Timestamp;

use super::verify::{Account, by_handle, is_right};
use super::{Hasher, identifier};
use crate::api::{Confidential, Handle};
use crate::directory::facts::{Sessions, sign_out};
use crate::directory::passwords::{self, By, Credential, Fact, Order, Why};
use crate::directory::sql::Tx;
use crate::directory::{Directory, Error};
use crate::lifecycle::password::{Policy, Violation};

/// How a member shows who it is.
#[derive(Clone, Debug)]
pub enum Proof {
    /// The present password.
    Present(Confidential),
    /// A single-use link, which the caller has checked and used up.
    Link,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    Done,
    /// There is no such member, it may not sign in, or the proof is wrong: which of them is not said.
    Refused,
    /// The new password breaks the policy.
    Violates(Vec<Violation>),
}

/// Sets a member's own password. Every session is closed.
pub async fn change(
    directory: &Directory,
    hasher: &Hasher,
    member: &Handle,
    proof: Proof,
    new: Confidential,
    now: Timestamp,
) -> Result<Changed, Error> {
    let mut tx = directory.read().await?;
    let account = by_handle(&mut tx, member).await?;
    let former = match &account {
        Some(account) => former_hashes(&mut tx, account).await?,
        None => Vec::new(),
    };
    // Nothing of the database is held while a hash is computed.
    drop(tx);
    let proven = match &proof {
        Proof::Present(password) => is_right(hasher, account.as_ref(), password).await?,
        Proof::Link => account.is_some(),
    };
    let may = account.as_ref().is_some_and(|account| account.member.state.phase.may_sign_in());
    let Some(account) = account.filter(|_| proven && may) else {
        tracing::info!(%member, proven, may, "a member's own password was refused");
        return Ok(Changed::Refused);
    };
    let Account { member, tenant, credential } = account;
    let policy = Policy::of(&tenant.intent.spec);
    let violations = match new.expose_text() {
        None => vec![Violation::NotText],
        Some(text) => policy.violations(&member.declared.id, text),
    };
    if !violations.is_empty() {
        return Ok(Changed::Violates(violations));
    }
    if is_among(hasher, &former, &new).await? {
        return Ok(Changed::Violates(vec![Violation::Reused(policy.forbid_reuse)]));
    }
    let hash = hasher.hash(new).await.map_err(Error::Corrupt)?;
    let uid = &member.uid;
    let mut tx = directory.write().await?;
    let present = passwords::credentials(&mut tx, std::slice::from_ref(uid)).await?.remove(uid);
    if present.as_ref().map(|present| &present.hash) != credential.as_ref().map(|credential| &credential.hash) {
        // Somebody else was faster: the proof is of a password that is no longer.
        return Ok(Changed::Refused);
    }
    let taken = credential.as_ref().and_then(|credential| credential.taken.clone());
    let next = Credential { hash, must_change: false, changed_at: now, taken, generated: false };
    passwords::set(&mut tx, uid, &identifier(), &next).await?;
    sign_out(&mut tx, std::slice::from_ref(uid), Sessions::All, now).await?;
    let fact = Fact { id: identifier(), changed_at: Some(now), trouble: None, by: By::Member, at: now };
    passwords::tell(&mut tx, uid, &fact).await?;
    if credential.is_some_and(|credential| credential.generated) {
        let order = Order { id: identifier(), member: uid.clone(), why: Why::RemoveSecret, at: now };
        passwords::order(&mut tx, &[order]).await?;
    }
    tx.commit().await?;
    Ok(Changed::Done)
}

/// The hashes of the passwords that may not be used again, the present one first (T5).
pub(super) async fn former_hashes(tx: &mut Tx, account: &Account) -> Result<Vec<String>, Error> {
    let Account { member, tenant, credential } = account;
    let count = Policy::of(&tenant.intent.spec).forbid_reuse;
    let Some(before) = count.checked_sub(1) else { return Ok(Vec::new()) };
    let mut hashes: Vec<String> = credential.iter().map(|credential| credential.hash.clone()).collect();
    hashes.extend(passwords::former(tx, &member.uid, before).await?);
    Ok(hashes)
}

/// Whether a password is one of those that were hashed.
pub(super) async fn is_among(hasher: &Hasher, hashes: &[String], password: &Confidential) -> Result<bool, Error> {
    for hash in hashes {
        if hasher.verify(Some(hash), password.clone()).await.map_err(Error::Corrupt)? {
            return Ok(true);
        }
    }
    Ok(false)
}
