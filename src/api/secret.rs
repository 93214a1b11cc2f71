//! What the Secrets of a set of files hold: content by key, or why there is none. Never prints a content (R7). Used by
//! whoever takes passwords from them.

use std::collections::BTreeMap;

use super::{Confidential, Handle};

/// What a Secret holds by key, as far as something can be had from it.
pub type Data = BTreeMap<String, Result<Confidential, Unusable>>;

/// The Secrets of a set of files.
pub type Contents = BTreeMap<Handle, Data>;

/// Why nothing can be had from a key of a Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    #[error("the Secret is not there")]
    NotFound,
    #[error("the Secret has no such key")]
    NoKey,
    #[error("what stands there under `data` is not base64")]
    NotBase64,
    #[error("what stands there under `stringData` is not text; put it in quotes")]
    NotText,
}

/// The content under a key of a Secret.
pub fn content(contents: &Contents, secret: &Handle, key: &str) -> Result<Confidential, Unusable> {
    let keys = contents.get(secret).ok_or(Unusable::NotFound)?;
    keys.get(key).cloned().unwrap_or(Err(Unusable::NoKey))
}
