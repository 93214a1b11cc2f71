//! What several kinds share: references, names in several languages, keys of Secrets.
//! Plain data, no I/O. Used by the four kinds.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{Label, NamePart, ObjectName};

/// A reference to a resource of the same namespace (R1).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct LocalRef {
    /// The `metadata.name` of the resource.
    pub name: ObjectName,
}

impl LocalRef {
    /// The name that is referred to.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }
}

/// A key of a Secret or ConfigMap of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyRef {
    /// The name of the Secret or ConfigMap.
    pub name: ObjectName,
    /// The key within it.
    pub key: Label,
}

/// The languages in which names may be given (T1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[allow(non_camel_case_types)]
pub enum Language {
    ko_KR,
    ja_JP,
    en_US,
    zh_CN,
    zh_TW,
}

impl Language {
    pub const ALL: [Language; 5] = [Language::ko_KR, Language::ja_JP, Language::en_US, Language::zh_CN, Language::zh_TW];

    /// The tag as it is written in manifests.
    pub fn tag(self) -> &'static str {
        match self {
            Language::ko_KR => "ko_KR",
            Language::ja_JP => "ja_JP",
            Language::en_US => "en_US",
            Language::zh_CN => "zh_CN",
            Language::zh_TW => "zh_TW",
        }
    }
}

/// A display name by language.
pub type DisplayNames = BTreeMap<String, Label>;

/// The CEL rule for maps whose keys are languages.
pub const LANGUAGE_KEYS: (&str, &str) = (
    "self.all(language, language in ['ko_KR', 'ja_JP', 'en_US', 'zh_CN', 'zh_TW'])",
    "the languages are ko_KR, ja_JP, en_US, zh_CN and zh_TW (T1)",
);

/// The CEL rule for the company's own values, whose order counts.
pub const LISTED_ONCE: (&str, &str) = ("self.all(one, self.exists_one(other, other == one))", "a value is listed once (T8)");

/// `size()` counts characters on the API server, bytes elsewhere: the pattern has the last word.
const TOGETHER: (&str, &str) = (
    "self.family.size() + self.given.size() <= 80 || (self.family + self.given).matches('^.{0,80}$')",
    "family and given name together have at most 80 characters (M2)",
);

/// A person's name (M2). Family and given name together have at most 80 characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = TOGETHER)]
pub struct PersonName {
    /// The family name.
    pub family: NamePart,
    /// The given name.
    pub given: NamePart,
}
