//! What is asked of the engine: one object, why, and what is declared of it. Plain data.

use std::sync::Arc;

use super::Submission;
use crate::api::Key;
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
