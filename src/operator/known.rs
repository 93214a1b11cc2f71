//! What is there: for each object who it is, in which generation and with which annotations it was handed to the
//! engine, and digests of its statuses; nothing else of it is kept. Plain data. Kept by the session.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::object::Object;
use super::watch::{Scope, covers};
use crate::api::{Handle, Key, Kind};

/// What is kept of an object that is there.
pub struct Known {
    pub uid: Arc<str>,
    /// What it declares, as far as it was handed to the engine.
    generation: i64,
    annotations: BTreeMap<String, String>,
    /// The status that it carries, if it has one.
    pub seen: Option<u128>,
    /// The status that it should carry, once that is known.
    pub desired: Option<u128>,
    /// The status that is on its way.
    pub sent: Option<u128>,
    /// The status that the server did not take.
    pub refused: Option<u128>,
}

/// Everything that is there.
#[derive(Default)]
pub struct Cluster {
    objects: HashMap<Key, Known>,
    /// The uids of the kinds' CRDs.
    crds: HashMap<Kind, Arc<str>>,
    /// Lists that are not complete yet, and what was in them so far.
    listing: HashMap<(Kind, Scope), HashSet<Key>>,
}

/// What an object that was seen turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// As it was; only its status may be another.
    Same,
    /// New, or declared anew.
    Declared,
}

impl Cluster {
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    pub fn get_mut(&mut self, key: &Key) -> Option<&mut Known> {
        self.objects.get_mut(key)
    }

    pub fn get(&self, key: &Key) -> Option<&Known> {
        self.objects.get(key)
    }

    pub fn contains(&self, key: &Key) -> bool {
        self.objects.contains_key(key)
    }

    /// The Tenants that are there.
    pub fn tenants(&self) -> impl Iterator<Item = &Handle> {
        self.objects.keys().filter(|key| key.kind == Kind::Tenant).map(|key| &key.handle)
    }

    /// The source of what is declared of a tenant in a kind (R9): the uids of the kind's CRD and of the Tenant
    /// resource. Without a Tenant resource it is nobody's.
    pub fn source(&self, kind: Kind, tenant: &Handle) -> String {
        let crd = self.crds.get(&kind).map_or("-", |uid| &**uid);
        let tenant = self.objects.get(&Key::new(Kind::Tenant, tenant.clone())).map_or("-", |tenant| &*tenant.uid);
        format!("{crd}/{tenant}")
    }

    /// A list begins. Objects of another CRD are others, whatever their names.
    pub fn listing(&mut self, kind: Kind, scope: Scope, crd: Arc<str>) {
        let former = self.crds.insert(kind, crd.clone());
        if former.is_some_and(|former| former != crd) {
            self.objects.retain(|key, _| key.kind != kind);
        }
        self.listing.insert((kind, scope), HashSet::new());
    }

    /// An object is there. What is the same as before need not be handed to the engine.
    pub fn there(&mut self, object: &Object) -> News {
        let Object { key, uid, generation, annotations, seen, .. } = object;
        for ((kind, scope), found) in &mut self.listing {
            if *kind == key.kind && covers(scope, &key.handle) {
                found.insert(key.clone());
            }
        }
        let known = self.objects.get_mut(key).filter(|known| known.uid == *uid);
        let (desired, sent) = match known {
            Some(known) if known.generation == *generation && known.annotations == *annotations => {
                // What comes while a status is on its way is older than that.
                if known.sent.is_none() {
                    known.seen = *seen;
                }
                return News::Same;
            }
            Some(known) => (known.desired, known.sent),
            None => (None, None),
        };
        let (uid, generation, annotations, seen) = (uid.clone(), *generation, annotations.clone(), *seen);
        self.objects.insert(key.clone(), Known { uid, generation, annotations, seen, desired, sent, refused: None });
        News::Declared
    }

    /// An object is gone.
    pub fn gone(&mut self, key: &Key) {
        self.objects.remove(key);
    }

    /// A list is complete: what was there and is not in it is gone.
    pub fn listed(&mut self, kind: Kind, scope: &Scope) -> Vec<Key> {
        let Some(found) = self.listing.remove(&(kind, scope.clone())) else { return Vec::new() };
        let in_scope = |key: &Key| key.kind == kind && covers(scope, &key.handle);
        let gone: Vec<Key> = self.objects.keys().filter(|key| in_scope(key) && !found.contains(key)).cloned().collect();
        gone.iter().for_each(|key| self.gone(key));
        gone
    }
}
