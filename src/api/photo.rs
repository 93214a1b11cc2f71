//! A member's picture (M3): as it is declared, and where it is to be found. No I/O. Used by `Member` and by everything that
//! looks for pictures or tells of them.

use std::fmt;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::common::KeyRef;
use super::text::Line;

/// A picture (M3): from a Secret, a ConfigMap or, offline, a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "(has(self.secretKeyRef) ? 1 : 0) + (has(self.configMapKeyRef) ? 1 : 0) + (has(self.file) ? 1 : 0) == 1",
    "give one of secretKeyRef, configMapKeyRef and file (M3)"
))]
pub struct Photo {
    /// A key of a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<KeyRef>,
    /// A key of a ConfigMap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<KeyRef>,
    /// A path beside the manifest; offline only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Line>,
}

impl Photo {
    /// Where it is, if that is said.
    pub fn place(self) -> Option<Place> {
        match self {
            Photo { file: Some(file), .. } => Some(Place::File(file.0)),
            Photo { secret_key_ref: Some(reference), .. } => Some(Place::Key(Source::Secret, reference)),
            Photo { config_map_key_ref: Some(reference), .. } => Some(Place::Key(Source::ConfigMap, reference)),
            Photo { secret_key_ref: None, config_map_key_ref: None, file: None } => None,
        }
    }
}

/// The kinds of objects that a key with a picture may be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    Secret,
    ConfigMap,
}

impl Source {
    /// The name of the kind.
    pub fn name(self) -> &'static str {
        match self {
            Source::Secret => "Secret",
            Source::ConfigMap => "ConfigMap",
        }
    }
}

/// Where a manifest says that a picture is.
pub enum Place {
    /// A file beside the manifest.
    File(String),
    /// A key of an object.
    Key(Source, KeyRef),
}

impl Place {
    /// The place that `spec.photo` names, if it names one.
    pub fn of(photo: &Value) -> Option<Place> {
        serde_json::from_value::<Photo>(photo.clone()).ok()?.place()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File(file) => write!(f, "`{file}`"),
            Place::Key(source, KeyRef { name, key, .. }) => write!(f, "{} `{name}`, key `{key}`", source.name()),
        }
    }
}
