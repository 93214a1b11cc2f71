//! A member's own change of its password (M36): with the present one, or with a single-use link (M32, M33).
//! What is set is the member's and never drift. Called by whatever serves members.

use jiff::Timestamp;

use super::Hasher;
use super::verify::{Account, by_handle, by_uid, is_right};
use crate::api::{Confidential, Handle};
use crate::directory::facts::{Sessions, sign_out};
use crate::directory::links::{self, Useless};
use crate::directory::passwords::{self, By, Credential, Fact};
use crate::directory::random::identifier;
use crate::directory::sql::Tx;
use crate::directory::{Directory, Error, records};
use crate::lifecycle::password::{Policy, Violation};
use crate::record::mail::Purpose;

/// How a member shows who it is.
#[derive(Clone, Debug)]
enum Proof {
    /// The present password, which is right.
    Present,
    /// A single-use link. It is used up with the change.
    Link { token: Confidential, purpose: Purpose },
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    Done,
    /// There is no such member, it may not sign in, or the proof is wrong: which of them is not said.
    Refused,
    /// The link does not lead on.
    Useless(Useless),
    /// The new password breaks the policy.
    Violates(Vec<Violation>),
}

/// Sets a member's own password by the present one. Every session is closed.
pub async fn change(
    directory: &Directory,
    hasher: &Hasher,
    member: &Handle,
    present: Confidential,
    new: Confidential,
    now: Timestamp,
) -> Result<Changed, Error> {
    let account = by_handle(&mut directory.read().await?, member).await?;
    // Nothing of the database is held while a hash is computed.
    let proof = is_right(hasher, account.as_ref().and_then(|account| account.credential.as_ref()), &present)
        .await?
        .then_some(Proof::Present);
    set(directory, hasher, account, proof, new, now).await
}

/// Sets a member's password by a single-use link: the first one (M32), or another that was asked for (M33). Every
/// session is closed.
pub async fn change_by_link(
    directory: &Directory,
    hasher: &Hasher,
    token: Confidential,
    new: Confidential,
    now: Timestamp,
) -> Result<Changed, Error> {
    let mut tx = directory.read().await?;
    let text = token.expose_text().unwrap_or_default();
    let mut found = (None, None);
    for purpose in Purpose::ALL {
        match links::look(&mut tx, text, purpose, now).await? {
            Ok(member) => found = (by_uid(&mut tx, &member).await?, Some(purpose)),
            Err(Useless::Unknown) => {}
            Err(useless) => return Ok(Changed::Useless(useless)),
        }
    }
    drop(tx);
    let (account, Some(purpose)) = found else { return Ok(Changed::Useless(Useless::Unknown)) };
    // A mail that was on its way may have brought a link to who has registered meanwhile.
    let is_over = |account: &Account| !account.member.registers_by_link() || account.credential.is_some();
    if purpose == Purpose::Registration && account.as_ref().is_some_and(is_over) {
        return Ok(Changed::Useless(Useless::Ended));
    }
    set(directory, hasher, account, Some(Proof::Link { token, purpose }), new, now).await
}

/// Sets a password whose member has shown who it is, or has not.
async fn set(
    directory: &Directory,
    hasher: &Hasher,
    account: Option<Account>,
    proof: Option<Proof>,
    new: Confidential,
    now: Timestamp,
) -> Result<Changed, Error> {
    let proven = proof.is_some();
    let may = account.as_ref().is_some_and(|account| account.member.state.phase.may_sign_in());
    let (Some(account), Some(proof)) = (account.filter(|_| may), proof) else {
        tracing::info!(proven, may, "a member's own password was refused");
        return Ok(Changed::Refused);
    };
    let former = former_hashes(&mut directory.read().await?, &account).await?;
    let Account { member, tenant, credential } = account;
    let policy = Policy::of(&tenant.intent.spec);
    let violations = match new.expose_text() {
        None => vec![Violation::NotText],
        Some(text) => policy.violations(&member.declared.id, text),
    };
    if !violations.is_empty() {
        return Ok(Changed::Violates(violations));
    }
    // One that must be changed is not met by itself, whatever the policy says of reuse (M32, T5).
    let is_over = |present: &&Credential| present.must_change || policy.is_expired(present.changed_at, now);
    let (spent, violation) = match credential.as_ref().filter(is_over) {
        Some(present) if former.is_empty() => (vec![present.hash.clone()], Violation::Unchanged),
        Some(_) | None => (former, Violation::Reused(policy.forbid_reuse)),
    };
    if is_among(hasher, &spent, &new).await? {
        return Ok(Changed::Violates(vec![violation]));
    }
    let hash = hasher.hash(new).await.map_err(Error::Corrupt)?;
    let uid = &member.uid;
    let mut tx = directory.write().await?;
    // Hashing takes a while: the member may be suspended or purged by now, or somebody else was faster, and the proof is of
    // a password that is no longer.
    records::keep_still(&mut tx, records::By::Uid, vec![uid.as_str().into()]).await?;
    let hash_of = |credential: &Option<Credential>| credential.as_ref().map(|credential| credential.hash.clone());
    let stands = |now: &Account| now.member.state.phase.may_sign_in() && hash_of(&now.credential) == hash_of(&credential);
    if !by_uid(&mut tx, uid).await?.as_ref().is_some_and(stands) {
        return Ok(Changed::Refused);
    }
    if let Proof::Link { token, purpose } = proof {
        let text = token.expose_text().unwrap_or_default();
        if let Err(useless) = links::consume(&mut tx, text, purpose, now).await? {
            return Ok(Changed::Useless(useless));
        }
    }
    let seen = credential.and_then(|credential| credential.seen);
    let next = Credential { hash, must_change: false, changed_at: now, seen, generated: false };
    passwords::set(&mut tx, &[(uid.clone(), next)], now).await?;
    sign_out(&mut tx, std::slice::from_ref(uid), Sessions::All, now).await?;
    let fact = Fact { id: identifier(), changed_at: Some(now), trouble: None, by: By::Member, at: now };
    passwords::tell(&mut tx, &[(uid.clone(), fact)]).await?;
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
