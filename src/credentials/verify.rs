//! Whether an ID and a password may sign in now. What the outside learns is kept apart from what administrators
//! may know. Opens no session. Called by whatever takes a sign-in.

use std::sync::Arc;

use jiff::Timestamp;

use super::Hasher;
use crate::api::tenant::PasswordPolicy;
use crate::api::{Confidential, Handle, Kind, MemberPhase};
use crate::directory::cells::handle_keys;
use crate::directory::passwords::{self, Credential, SigningIn};
use crate::directory::records::{self, By};
use crate::directory::sql::{Cell, Tx, keys};
use crate::directory::{Directory, Error};
use crate::lifecycle::password::Policy;
use crate::record::{MemberRecord, Record, TenantRecord, Uid};

/// What the outside is answered, and nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The person may sign in.
    Granted,
    /// The password is right and must be changed first.
    MustChange,
    /// The ID or the password is wrong, or the account is not open: which of them is not said.
    Refused,
}

impl Answer {
    /// The answer as it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Answer::Granted => "Granted",
            Answer::MustChange => "MustChange",
            Answer::Refused => "Refused",
        }
    }
}

/// Why it was answered so: for administrators only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Right,
    /// An administrator set the password, or asked for a change.
    MustChange,
    /// The password is older than the policy allows (T5).
    Expired,
    WrongPassword,
    /// The member signs in by single sign-on, or has not registered yet.
    NoPassword,
    UnknownId,
    Scheduled,
    Suspended,
    Deleted,
}

/// What became of an attempt to sign in.
#[derive(Clone, Debug)]
pub struct Verification {
    pub answer: Answer,
    pub why: Why,
    /// Whose ID it is, if anybody's.
    pub member: Option<Handle>,
}

/// Somebody who may have a password.
pub(super) struct Account {
    pub member: Arc<MemberRecord>,
    pub tenant: Arc<TenantRecord>,
    pub credential: Option<Credential>,
}

/// Whether a login ID of a tenant, by its domain, and a password may sign in now. It takes one verification at the
/// configured cost, whoever asks for whom. A hash of another cost is replaced once the password is known to be right.
pub async fn may_sign_in(
    directory: &Directory,
    hasher: &Hasher,
    domain: &str,
    id: &str,
    password: &Confidential,
    now: Timestamp,
) -> Result<Verification, Error> {
    let found = passwords::signing_in(directory, domain, id).await?;
    let is_right = is_right(hasher, found.as_ref().and_then(|found| found.credential.as_ref()), password).await?;
    let Some(SigningIn { member, handle, phase, policy, credential }) = found else {
        return Ok(Verification { answer: Answer::Refused, why: Why::UnknownId, member: None });
    };
    let policy: Option<PasswordPolicy> = serde_json::from_value(policy).unwrap_or_default();
    let (answer, why) = judge(phase, credential.as_ref(), &Policy::declared(policy.as_ref()), is_right, now);
    if is_right
        && let Some(credential) = &credential
        && hasher.is_outdated(&credential.hash)
    {
        let hash = hasher.hash(password.clone()).await.map_err(Error::Corrupt)?;
        let mut tx = directory.write().await?;
        passwords::rehash(&mut tx, &member, &credential.hash, &hash).await?;
        tx.commit().await?;
    }
    tracing::info!(member = %handle, ?answer, ?why, "a password was verified");
    Ok(Verification { answer, why, member: Some(handle) })
}

/// The answer to a password that is right or wrong.
fn judge(phase: MemberPhase, credential: Option<&Credential>, policy: &Policy, is_right: bool, now: Timestamp) -> (Answer, Why) {
    let Some(credential) = credential else { return (Answer::Refused, Why::NoPassword) };
    if !is_right {
        return (Answer::Refused, Why::WrongPassword);
    }
    match phase {
        MemberPhase::Scheduled => (Answer::Refused, Why::Scheduled),
        MemberPhase::Suspended => (Answer::Refused, Why::Suspended),
        MemberPhase::Deleted => (Answer::Refused, Why::Deleted),
        MemberPhase::Pending | MemberPhase::Active if credential.must_change => (Answer::MustChange, Why::MustChange),
        MemberPhase::Pending | MemberPhase::Active if policy.is_expired(credential.changed_at, now) => {
            (Answer::MustChange, Why::Expired)
        }
        MemberPhase::Pending | MemberPhase::Active => (Answer::Granted, Why::Right),
    }
}

/// Whether a password is a member's present one, whatever the member may do with it. It takes one verification, also
/// where there is no such member.
pub async fn knows(directory: &Directory, hasher: &Hasher, member: &Handle, password: &Confidential) -> Result<bool, Error> {
    let account = by_handle(&mut directory.read().await?, member).await?;
    is_right(hasher, account.as_ref().and_then(|account| account.credential.as_ref()), password).await
}

/// Verifies a password once, also where there is nobody to verify it for.
pub(super) async fn is_right(hasher: &Hasher, credential: Option<&Credential>, password: &Confidential) -> Result<bool, Error> {
    hasher.verify(credential.map(|credential| credential.hash.as_str()), password.clone()).await.map_err(Error::Corrupt)
}

/// The account under a handle.
pub(super) async fn by_handle(tx: &mut Tx, handle: &Handle) -> Result<Option<Account>, Error> {
    account(tx, By::Handle, handle_keys([handle])).await
}

/// The account of a member.
pub(super) async fn by_uid(tx: &mut Tx, uid: &Uid) -> Result<Option<Account>, Error> {
    account(tx, By::Uid, keys([uid])).await
}

async fn account(tx: &mut Tx, by: By, wanted: Vec<Vec<Cell>>) -> Result<Option<Account>, Error> {
    let Some(Record::Member(member)) = records::load(tx, Kind::Member, by, wanted).await?.pop() else { return Ok(None) };
    let tenant = records::load(tx, Kind::Tenant, By::Uid, keys([&member.tenant])).await?.pop();
    let Some(Record::Tenant(tenant)) = tenant else { return Ok(None) };
    let credential = passwords::credentials(tx, std::slice::from_ref(&member.uid)).await?.remove(&member.uid);
    Ok(Some(Account { member, tenant, credential }))
}
