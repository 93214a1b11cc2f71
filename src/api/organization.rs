//! `Organization`: a team in a tenant's tree (rules O1–O6). Its types, its schema and the rules that need
//! only the object itself. No I/O. Used by everything that reads or decides about an organization.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{DisplayNames, LANGUAGE_KEYS, LocalRef};
use super::text::{ExternalKey, Label, Line, LocalPart};

/// A team in a tenant's tree.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "rollcall.dev",
    version = "v1alpha1",
    kind = "Organization",
    plural = "organizations",
    shortname = "org",
    category = "rollcall",
    namespaced,
    status = "OrganizationStatus",
    doc = "A team in a tenant's tree.",
    printcolumn(name = "Display name", type_ = "string", json_path = ".spec.displayName"),
    printcolumn(name = "Path", type_ = "string", json_path = ".status.path"),
    printcolumn(name = "Members", type_ = "integer", json_path = ".status.members"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationSpec {
    /// The tenant it belongs to.
    pub tenant_ref: LocalRef,
    /// The organization above; none for one at the top (O1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_ref: Option<LocalRef>,
    /// Its name, which differs from its siblings' (O3).
    pub display_name: Label,
    /// Its name in further languages of the tenant.
    #[serde(default, skip_serializing_if = "DisplayNames::is_empty")]
    #[schemars(extend("maxProperties" = 5))]
    #[x_kube(validation = LANGUAGE_KEYS)]
    pub display_names: DisplayNames,
    /// What it does, up to 300 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Line>,
    /// Its place among its siblings, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub display_order: Option<i32>,
    /// The local part of its mail address, unique in the tenant with the members' (O1, M1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail_id: Option<LocalPart>,
    /// Further local parts, up to 20 (O1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub mail_aliases: Vec<LocalPart>,
    /// Who sees it. `Public` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<OrganizationVisibility>,
    /// A key given by another system, unique among the tenant's organizations; a renamed manifest finds its record by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_key: Option<ExternalKey>,
}

/// Who sees an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OrganizationVisibility {
    Public,
    Private,
}

/// What is known of an organization (O6).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The directory's identifier of the organization, which never changes (R3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Its depth in the tree: 1 at the top, 15 at most (O2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<i64>,
    /// The display names from the top down to it, joined by ` / `.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Members assigned to it directly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<i64>,
    /// Members assigned to it or to any organization below, each counted once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members_with_all_below: Option<i64>,
    /// The names of the members who lead it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaders: Vec<String>,
    /// What holds of this object now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}
