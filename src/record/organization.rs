//! The record of an organization. Plain data; nothing is decided here.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::{Claim, Intent, Space, Uid, instant, long_tail, push_tail};
use crate::api::{Handle, OrganizationSpec};

/// An organization as the directory keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct OrganizationRecord {
    pub uid: Uid,
    pub tenant: Uid,
    pub handle: Handle,
    pub intent: Arc<Intent<OrganizationSpec>>,
    pub declared: OrganizationDeclared,
    pub created_at: Timestamp,
    pub revision: i64,
}

/// What of an organization follows from its manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct OrganizationDeclared {
    /// The organization above.
    pub parent: Option<Uid>,
    pub display_name: String,
    pub mail_id: Option<String>,
    pub external_key: Option<String>,
    /// The fields without a column of their own.
    pub profile: Value,
}

const COLUMNS: &[&str] = &["tenantRef", "parentRef", "displayName", "mailId", "externalKey"];

impl OrganizationDeclared {
    /// The declared columns of a spec whose parent is resolved.
    pub fn of(spec: &OrganizationSpec, json: &Value, parent: Option<Uid>) -> Self {
        OrganizationDeclared {
            parent,
            display_name: spec.display_name.0.clone(),
            mail_id: spec.mail_id.as_ref().map(|id| id.0.clone()),
            external_key: spec.external_key.as_ref().map(|key| key.0.clone()),
            profile: long_tail(json, COLUMNS),
        }
    }
}

impl OrganizationRecord {
    pub(super) fn claims(&self) -> Vec<Claim> {
        let declared = &self.declared;
        let above = declared.parent.as_ref().map_or("", Uid::as_str);
        let mut claims =
            vec![Claim::within(&self.tenant, Space::SiblingName, &format!("{above}|{}", declared.display_name.trim()))];
        let aliases = self.intent.spec.mail_aliases.iter().map(|alias| alias.as_str());
        claims.extend(
            declared.mail_id.as_deref().into_iter().chain(aliases).map(|part| Claim::within(&self.tenant, Space::Address, part)),
        );
        claims.extend(declared.external_key.as_deref().map(|key| Claim::within(&self.tenant, Space::OrganizationKey, key)));
        claims.sort();
        claims.dedup();
        claims
    }

    pub(super) fn fields(&self) -> Vec<(String, Value)> {
        let OrganizationRecord { uid: _, tenant, handle, intent: _, declared, created_at, revision: _ } = self;
        let OrganizationDeclared { parent, display_name, mail_id, external_key, profile } = declared;
        let mut fields: Vec<(String, Value)> = vec![
            ("handle".into(), handle.to_string().into()),
            ("tenant".into(), tenant.to_string().into()),
            ("parent".into(), parent.as_ref().map(Uid::to_string).into()),
            ("displayName".into(), display_name.clone().into()),
            ("mailId".into(), mail_id.clone().into()),
            ("externalKey".into(), external_key.clone().into()),
            ("createdAt".into(), instant(Some(*created_at))),
        ];
        push_tail(&mut fields, profile);
        fields
    }
}
