//! What a password must be (T5), whether one has expired, and how an initial one is made from chance that the
//! shell lends. Pure. Called by whoever sets or verifies a password.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::api::TenantSpec;
use crate::api::tenant::{PasswordComplexity, PasswordPolicy};

/// The longest password in characters: hashing is not to be made slow from outside.
pub const MAX_LENGTH: usize = 256;
/// The shortest length of a generated password.
const GENERATED_LENGTH: usize = 16;

/// What the passwords of a tenant must be (T5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    pub min_length: usize,
    pub complexity: PasswordComplexity,
    /// After how many days a password must be changed.
    pub expires_after: Option<u16>,
    /// How many former passwords, the present one among them, may not be used again.
    pub forbid_reuse: usize,
}

/// What is wrong with a password. None of them tells anything of the password itself (R7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    TooShort(usize),
    TooLong,
    NotText,
    NoLetter,
    NoDigit,
    NoSymbol,
    /// Three equal characters in a row.
    Repeated,
    /// Three consecutive letters or digits in a row, up or down.
    Consecutive,
    HoldsLoginId,
    /// One of the last so many.
    Reused(usize),
    /// The present one, which must be changed.
    Unchanged,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::TooShort(least) => write!(f, "it has fewer than {least} characters"),
            Violation::TooLong => write!(f, "it has more than {MAX_LENGTH} characters"),
            Violation::NotText => f.write_str("it is not a line of text in UTF-8"),
            Violation::NoLetter => f.write_str("it has no letter"),
            Violation::NoDigit => f.write_str("it has no digit"),
            Violation::NoSymbol => f.write_str("it has no symbol"),
            Violation::Repeated => f.write_str("it has more than two equal characters in a row"),
            Violation::Consecutive => f.write_str("it has more than two consecutive characters in a row"),
            Violation::HoldsLoginId => f.write_str("it holds the login ID"),
            Violation::Reused(last) => write!(f, "it is one of the last {last}"),
            Violation::Unchanged => f.write_str("it is the present one, which must be changed"),
        }
    }
}

/// All that is wrong with a password, in a sentence.
pub fn sentence(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Policy {
    /// The policy of a tenant.
    pub fn of(tenant: &TenantSpec) -> Policy {
        Policy::declared(tenant.password_policy.as_ref())
    }

    /// What is declared, with the defaults.
    pub fn declared(declared: Option<&PasswordPolicy>) -> Policy {
        Policy {
            min_length: declared.and_then(|policy| policy.min_length).map_or(8, usize::from),
            complexity: declared.and_then(|policy| policy.complexity).unwrap_or(PasswordComplexity::LettersAndDigits),
            expires_after: declared.and_then(|policy| policy.expires_after),
            forbid_reuse: declared.and_then(|policy| policy.forbid_reuse).map_or(0, usize::from),
        }
    }

    /// Everything that is wrong with a password for a login ID, but for its reuse: that only the hashes can tell.
    pub fn violations(&self, id: &str, password: &str) -> Vec<Violation> {
        let characters: Vec<char> = password.chars().collect();
        let any = |holds: fn(&char) -> bool| characters.iter().any(holds);
        let symbols = match self.complexity {
            PasswordComplexity::LettersAndDigits => false,
            PasswordComplexity::LettersDigitsAndSymbols => true,
        };
        let folded = password.to_lowercase();
        [
            (characters.len() < self.min_length, Violation::TooShort(self.min_length)),
            (characters.len() > MAX_LENGTH, Violation::TooLong),
            (any(|c| c.is_control()), Violation::NotText),
            (!any(|c| c.is_alphabetic()), Violation::NoLetter),
            (!any(|c| c.is_numeric()), Violation::NoDigit),
            (symbols && !any(|c| !c.is_alphanumeric()), Violation::NoSymbol),
            (characters.windows(3).any(|w| w[0] == w[1] && w[1] == w[2]), Violation::Repeated),
            (has_run(&folded), Violation::Consecutive),
            (!id.is_empty() && folded.contains(&id.to_lowercase()), Violation::HoldsLoginId),
        ]
        .into_iter()
        .filter_map(|(broken, violation)| broken.then_some(violation))
        .collect()
    }

    /// Whether a password that was set at an instant must be changed by now.
    pub fn is_expired(&self, changed_at: Timestamp, now: Timestamp) -> bool {
        self.expires_after.is_some_and(|days| {
            let lasts = SignedDuration::from_hours(24 * i64::from(days));
            changed_at.checked_add(lasts).is_ok_and(|end| end <= now)
        })
    }

    /// An initial password that the policy allows, of characters that nobody takes for others. `below` gives a
    /// number below another by chance, each as likely as any.
    pub fn generate(&self, id: &str, below: &mut dyn FnMut(usize) -> usize) -> String {
        const PLAIN: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";
        const WITH_SYMBOLS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789!#%+=?@-";
        let alphabet = match self.complexity {
            PasswordComplexity::LettersAndDigits => PLAIN,
            PasswordComplexity::LettersDigitsAndSymbols => WITH_SYMBOLS,
        };
        loop {
            let length = self.min_length.max(GENERATED_LENGTH);
            let password: String = (0..length).map(|_| char::from(alphabet[below(alphabet.len())])).collect();
            // What breaks a rule is thrown away whole: all that keep them are as likely as each other.
            if self.violations(id, &password).is_empty() {
                return password;
            }
        }
    }
}

/// Whether three letters or digits follow each other as they do in their order, up or down.
fn has_run(text: &str) -> bool {
    let ranks: Vec<Option<i64>> = text.chars().map(|c| c.is_ascii_alphanumeric().then_some(i64::from(u32::from(c)))).collect();
    ranks.windows(3).any(|window| match window {
        [Some(a), Some(b), Some(c)] => (b - a == 1 && c - b == 1) || (a - b == 1 && b - c == 1),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(complexity: PasswordComplexity, min_length: usize) -> Policy {
        Policy { min_length, complexity, expires_after: Some(30), forbid_reuse: 0 }
    }

    // T5, case by case.
    #[test]
    fn a_policy_names_everything_that_is_wrong() {
        let plain = policy(PasswordComplexity::LettersAndDigits, 8);
        let cases: &[(&str, &[Violation])] = &[
            ("Kx7Tm2Qw", &[]),
            ("Kx7Tm2Q", &[Violation::TooShort(8)]),
            ("KxTmQwRz", &[Violation::NoDigit]),
            ("80529417", &[Violation::NoLetter]),
            ("Kx777Tm2", &[Violation::Repeated]),
            ("Kx77Tm22", &[]),
            ("Kx7Tm2abC", &[Violation::Consecutive]),
            ("Kx7Tm2321", &[Violation::Consecutive]),
            ("Kx7TmjAne2", &[Violation::HoldsLoginId]),
            ("김철수입니다방가7", &[]),
            ("Kx7\tTm2Qw", &[Violation::NotText]),
            ("", &[Violation::TooShort(8), Violation::NoLetter, Violation::NoDigit]),
        ];
        for (password, expected) in cases {
            assert_eq!(plain.violations("jane", password), *expected, "{password}");
        }
        let strict = policy(PasswordComplexity::LettersDigitsAndSymbols, 12);
        assert_eq!(strict.violations("jane", "Kx7Tm2Qw"), [Violation::TooShort(12), Violation::NoSymbol]);
        assert_eq!(strict.violations("jane", "Kx7Tm2Qw!+Rz"), []);
        assert_eq!(plain.violations("jane", &"Kx7Tm2Qw".repeat(40)), [Violation::TooLong]);
    }

    #[test]
    fn what_is_generated_keeps_every_policy() {
        let mut state = 7_u64;
        let mut below = |bound: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap_or(0) % bound
        };
        for complexity in [PasswordComplexity::LettersAndDigits, PasswordComplexity::LettersDigitsAndSymbols] {
            for min_length in 8..=20 {
                for id in ["jane.doe", "ab", "k7"] {
                    let policy = policy(complexity, min_length);
                    let password = policy.generate(id, &mut below);
                    assert_eq!(policy.violations(id, &password), [], "{password}");
                    assert!(password.len() >= 16 && !password.contains(['0', 'O', '1', 'l', 'I', 'o']), "{password}");
                }
            }
        }
    }

    #[test]
    fn a_password_expires_after_its_days() {
        let policy = policy(PasswordComplexity::LettersAndDigits, 8);
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert!(!policy.is_expired(at("2027-03-01T09:00:00Z"), at("2027-03-31T08:59:59Z")));
        assert!(policy.is_expired(at("2027-03-01T09:00:00Z"), at("2027-03-31T09:00:00Z")));
        let never = Policy { expires_after: None, ..policy };
        assert!(!never.is_expired(at("2027-03-01T09:00:00Z"), at("2090-03-31T09:00:00Z")));
    }
}
