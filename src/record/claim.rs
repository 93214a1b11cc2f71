//! Claims: what only one record of a tenant, or of the directory, may hold. Each is a row under a
//! constraint, so that uniqueness does not hang on a check. Pure. Made by records, stored by the directory.

use unicode_normalization::UnicodeNormalization;

use super::Uid;

/// What kind of thing is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// Mail domains, in the whole directory (T1).
    Domain,
    /// Login IDs and all mail addresses of members and organizations (M1).
    Address,
    /// Employee numbers (M7).
    EmployeeNumber,
    /// External keys of members (M11).
    MemberKey,
    /// External keys of organizations (O1).
    OrganizationKey,
    /// Names of organizations under one parent (O3).
    SiblingName,
}

impl Space {
    /// The space as it stands in the directory.
    pub fn name(self) -> &'static str {
        match self {
            Space::Domain => "domain",
            Space::Address => "address",
            Space::EmployeeNumber => "employee-number",
            Space::MemberKey => "member-key",
            Space::OrganizationKey => "organization-key",
            Space::SiblingName => "sibling-name",
        }
    }
}

/// One thing that one record holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    /// The tenant's uid, or empty for the whole directory.
    pub scope: String,
    pub space: Space,
    /// Normalised: Unicode NFC, case folded.
    pub key: String,
}

impl Claim {
    /// A claim within a tenant.
    pub fn within(tenant: &Uid, space: Space, text: &str) -> Claim {
        Claim { scope: tenant.to_string(), space, key: normalized(text) }
    }

    /// A claim within the whole directory.
    pub fn global(space: Space, text: &str) -> Claim {
        Claim { scope: String::new(), space, key: normalized(text) }
    }

    /// The key under which a declaration waits for the claim to fall free.
    pub fn wait_key(&self) -> String {
        format!("claim/{}/{}/{}", self.scope, self.space.name(), self.key)
    }
}

/// NFC and case folded, so that what people read as the same is the same.
pub fn normalized(text: &str) -> String {
    if text.is_ascii() {
        return text.trim().to_ascii_lowercase();
    }
    let composed: String = text.trim().nfc().collect();
    caseless::default_case_fold_str(&composed).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_the_same_is_the_same() {
        let tenant = Uid::from("t".to_owned());
        let claim = |text| Claim::within(&tenant, Space::SiblingName, text);
        assert_eq!(claim("Müller"), claim("MU\u{308}LLER"));
        assert_eq!(claim(" Platform "), claim("platform"));
        assert_ne!(claim("Platform"), claim("Platforms"));
    }
}
