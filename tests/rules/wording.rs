//! What the definitions of the kinds hold, as they are printed for a cluster (R1, R10).
//! Never about what a value does. Run by `make test`.

use serde::Deserialize;
use serde_json::Value;

use crate::support::{Roster, on_both};

/// The definitions that `rollcall crds` prints.
fn definitions(roll: &Roster) -> Vec<Value> {
    let printed = roll.run(&["crds"], "").ok().stdout;
    serde_yaml::Deserializer::from_str(&printed).map(|document| Value::deserialize(document).expect("YAML")).collect()
}

/// Every value of every enum below a schema.
fn values(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(fields) => {
            let own = fields.get("enum").and_then(Value::as_array).into_iter().flatten();
            let own = own.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            own.chain(fields.values().flat_map(values)).collect()
        }
        Value::Array(items) => items.iter().flat_map(values).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

// R1
#[test]
fn there_are_four_kinds_in_one_group_all_of_them_namespaced() {
    on_both(|roll| {
        let mut kinds: Vec<_> = definitions(roll)
            .iter()
            .map(|crd| ["/spec/group", "/spec/names/kind", "/spec/scope"].map(|at| crd.pointer(at).cloned().unwrap_or_default()))
            .collect();
        kinds.sort_by_key(|kind| kind[1].to_string());
        let expected = ["ExternalContact", "Member", "Organization", "Tenant"];
        assert_eq!(kinds, expected.map(|kind| ["rollcall.dev", kind, "Namespaced"].map(Value::from)));
    });
}

// R10
#[test]
fn no_value_is_a_word_that_yaml_reads_as_a_boolean() {
    on_both(|roll| {
        let values: Vec<String> = definitions(roll).iter().flat_map(values).collect();
        assert!(["Advanced", "Optional", "None", "Blocked", "ko_KR"].iter().all(|known| values.iter().any(|v| v == known)));
        let booleans = ["y", "n", "yes", "no", "on", "off", "true", "false"];
        let wrong: Vec<_> = values.iter().filter(|value| booleans.contains(&value.to_lowercase().as_str())).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    });
}
