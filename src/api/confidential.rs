//! A value that nobody is to see: passwords and contents of Secrets (R7). It can't be printed, compared or
//! stored by accident. Pure. Used by whoever carries such a value from one place to another.
//! And what is told in the place of a secret that stands in a manifest, by whoever tells of fields.

use std::fmt;

use serde_json::Value;

/// What stands in the place of a secret that is not to be told (R7).
pub const GIVEN: &str = "(given)";
/// The field of a Tenant that holds one: who knows it may ask for an account (M35).
pub const REGISTRATION_LINK: &str = "registrationLink";

/// A field of a spec as it is told: without its token.
pub fn told(field: &str, value: &Value) -> Value {
    let mut value = value.clone();
    if field == REGISTRATION_LINK
        && let Some(token) = value.get_mut("token").filter(|token| !token.is_null())
    {
        *token = GIVEN.into();
    }
    value
}

/// The fields that say where a password is.
const WHERE_PASSWORDS_ARE: [&str; 5] =
    ["password", "password.secretKeyRef", "cancellation", "cancellation.confirmation", "cancellation.confirmation.secretKeyRef"];

/// Whether what stands at a path of a manifest may be a secret: all of the registration link; and a text where the
/// schema has a mapping that says where a password is, for that may be the password.
pub fn is_confidential(path: &str) -> bool {
    let field = path.strip_prefix("spec.").unwrap_or_default();
    match field.strip_prefix(REGISTRATION_LINK) {
        Some(rest) => rest.is_empty() || rest.starts_with('.'),
        None => WHERE_PASSWORDS_ARE.contains(&field),
    }
}

/// Bytes that are shown as nothing.
#[derive(Clone, Default)]
pub struct Confidential(Vec<u8>);

impl Confidential {
    /// Hides these bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Confidential(bytes.into())
    }

    /// The bytes, for those who hash or hand them on.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The text, if it is one.
    pub fn expose_text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Without the line break at its end, which an editor or `echo` left there and nobody can type.
    #[must_use]
    pub fn without_line_break(mut self) -> Self {
        if self.0.last() == Some(&b'\n') {
            self.0.pop();
            if self.0.last() == Some(&b'\r') {
                self.0.pop();
            }
        }
        self
    }
}

impl fmt::Debug for Confidential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(confidential)")
    }
}

impl Drop for Confidential {
    /// Overwritten, so that it does not lie about in memory.
    fn drop(&mut self) {
        self.0.fill(0);
        std::hint::black_box(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::Confidential;

    #[test]
    fn it_is_never_shown() {
        assert_eq!(format!("{:?}", Confidential::new("hunter2")), "(confidential)");
    }

    #[test]
    fn a_line_break_at_the_end_is_no_part_of_a_password() {
        for text in ["a b", "a b\n", "a b\r\n"] {
            assert_eq!(Confidential::new(text).without_line_break().expose_text(), Some("a b"));
        }
        assert_eq!(Confidential::new("a\n\n").without_line_break().expose_text(), Some("a\n"));
    }
}
