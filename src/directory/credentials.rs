//! Password hashes, as far as a confirmation looks at them (T12). Never hands out a password: there is none.
//! Called by the engine.

use super::Error;
use super::sql::Tx;
use crate::record::Uid;

/// The hash of a member's password, as a PHC string, if the member has one.
pub async fn hash(tx: &mut Tx, member: &Uid) -> Result<Option<String>, Error> {
    tx.fetch_one(HASH, vec![member.as_str().into()]).await?.map(|row| row.text(0)).transpose()
}

const HASH: &str = "SELECT hash FROM credentials WHERE member = $1";

/// Every statement of this file.
pub const STATEMENTS: &[&str] = &[HASH];
