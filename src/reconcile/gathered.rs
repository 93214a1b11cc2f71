//! A batch with everything that the decisions about it may look at. Made by the gathering.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Submission;
use crate::api::Key;
use crate::directory::declarations::Declaration;
use crate::lifecycle::{Visit, World};
use crate::record::Uid;

/// A batch, ready to be decided.
pub struct Gathered {
    pub world: World,
    pub visits: Vec<Visit>,
    /// What was declared before.
    pub stored: HashMap<Key, Declaration>,
    /// What is declared now.
    pub submitted: HashMap<Key, Arc<Submission>>,
    /// Objects that another source declares, and that are left to it.
    pub elsewhere: Vec<(Key, String)>,
    /// Contacts whose invitation was accepted since they were looked at.
    pub accepted: HashSet<Uid>,
}
