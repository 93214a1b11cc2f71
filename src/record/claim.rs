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
    /// All of them.
    pub const ALL: [Space; 6] =
        [Space::Domain, Space::Address, Space::EmployeeNumber, Space::MemberKey, Space::OrganizationKey, Space::SiblingName];

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
    /// The tenant's uid, or empty for the whole directory. Of a claim that nobody can hold yet, the namespace.
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

    /// What a manifest claims whose tenant is not known: it may be any of its namespace.
    pub fn anywhere(namespace: &str, space: Space, text: &str) -> Claim {
        Claim { scope: namespace.to_owned(), space, key: normalized(text) }
    }

    /// A claim within the whole directory.
    pub fn global(space: Space, text: &str) -> Claim {
        Claim { scope: String::new(), space, key: normalized(text) }
    }

    /// The key under which a declaration waits for the claim to fall free.
    pub fn wait_key(&self) -> String {
        format!("claim/{}/{}/{}", self.scope, self.space.name(), self.key)
    }

    /// The claim for which a declaration waits under a key, if it waits for one.
    pub fn waited_for(key: &str) -> Option<Claim> {
        let mut parts = key.strip_prefix("claim/")?.splitn(3, '/');
        let (scope, space, key) = (parts.next()?, parts.next()?, parts.next()?);
        let space = Space::ALL.into_iter().find(|known| known.name() == space)?;
        Some(Claim { scope: scope.to_owned(), space, key: key.to_owned() })
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
    fn a_claim_is_read_back_from_what_waits_for_it() {
        for space in Space::ALL {
            let claim = Claim::global(space, "a/b");
            assert_eq!(Claim::waited_for(&claim.wait_key()), Some(claim));
        }
        assert_eq!(Claim::waited_for("Member/hr/jane"), None);
    }

    #[test]
    fn what_reads_the_same_is_the_same() {
        let tenant = Uid::from("t".to_owned());
        let claim = |text| Claim::within(&tenant, Space::SiblingName, text);
        assert_eq!(claim("Müller"), claim("MU\u{308}LLER"));
        assert_eq!(claim(" Platform "), claim("platform"));
        assert_ne!(claim("Platform"), claim("Platforms"));
    }
}
