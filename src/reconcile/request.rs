//! What is asked of the engine: one object, why, and what is declared of it; and the chance that only the
//! shell may take. Plain data, but for the chance.

use std::sync::Arc;

use ring::rand::SecureRandom;

use super::Submission;
use crate::api::Key;
use crate::directory::audit::hex;
use crate::lifecycle::Trigger;

/// What is asked of an object.
#[derive(Clone, Debug)]
pub enum What {
    /// It is declared.
    Submitted(Arc<Submission>),
    /// Its resource is gone.
    Gone,
    /// It is looked at again, by what is known of it.
    Revisit,
}

/// A place in the queue.
#[derive(Clone, Debug)]
pub struct Request {
    pub key: Key,
    pub trigger: Trigger,
    pub what: What,
}

impl Request {
    /// Another look at an object.
    pub fn revisit(key: Key, trigger: Trigger) -> Self {
        Request { key, trigger, what: What::Revisit }
    }
}

/// That many random bytes, as text.
pub fn random_text(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    ring::rand::SystemRandom::new().fill(&mut buffer).expect("the system gives random bytes");
    hex(&buffer)
}
