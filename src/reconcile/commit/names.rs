//! The names of records, where trail and statuses would else tell identifiers. Plain data. Used by the commit.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::lifecycle::Decision;
use crate::reconcile::gathered::Gathered;
use crate::record::{FieldChange, Uid};

/// The names of records by uid: trail and status tell names, not identifiers.
pub struct Names(HashMap<Uid, Arc<str>>);

impl Names {
    pub fn new(gathered: &Gathered, decisions: &[Decision]) -> Self {
        let world = &gathered.world;
        let mut names: HashMap<Uid, Arc<str>> = HashMap::new();
        names.extend(world.tenants.values().map(|tenant| (tenant.uid.clone(), tenant.handle.name.clone())));
        names.extend(world.organizations.values().map(|o| (o.uid.clone(), o.handle.name.clone())));
        names.extend(world.members.values().map(|member| (member.uid.clone(), member.handle.name.clone())));
        for record in decisions.iter().filter_map(|decision| decision.record.as_ref()) {
            names.insert(record.uid().clone(), record.handle().name.clone());
        }
        Names(names)
    }

    pub fn get(&self, uid: &Uid) -> Option<String> {
        self.0.get(uid).map(|name| name.to_string())
    }

    /// The fields of a change with names in place of identifiers.
    pub fn told(&self, fields: Vec<FieldChange>) -> Vec<FieldChange> {
        fields
            .into_iter()
            .map(|FieldChange { path, from, to }| match path.as_str() {
                "tenant" | "parent" | "supremeAdmin" | "owner" => {
                    FieldChange { from: self.named(from), to: self.named(to), path }
                }
                "organizations" => FieldChange { from: self.each_named(from), to: self.each_named(to), path },
                _ => FieldChange { path, from, to },
            })
            .collect()
    }

    fn named(&self, value: Value) -> Value {
        let name = value.as_str().and_then(|uid| self.get(&Uid::from(uid.to_owned())));
        name.map_or(value, Value::String)
    }

    fn each_named(&self, value: Value) -> Value {
        let Value::Array(mut items) = value else { return value };
        for item in &mut items {
            let named = self.named(item["organization"].take());
            item["organization"] = named;
        }
        Value::Array(items)
    }
}
