//! Scalars that people write: each a newtype that carries its own schema and CEL rule.
//! Nothing here reads a clock or a database. Used by the four kinds and by the records.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Declares a string type whose schema holds its length and its rules, so that the API server,
/// `validate` and `apply` refuse the same values with the same words.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $min:literal..=$max:literal $(, $rule:literal => $message:literal)* $(,)?) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let rules: &[(&str, &str)] = &[$(($rule, $message)),*];
                let mut schema = json_schema!({"type": "string", "maxLength": $max});
                if $min > 0 {
                    schema.insert("minLength".into(), $min.into());
                }
                if !rules.is_empty() {
                    let rules = rules.iter().map(|(rule, message)| serde_json::json!({"rule": rule, "message": message}));
                    schema.insert("x-kubernetes-validations".into(), rules.collect());
                }
                schema
            }
        }

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

text! {
    /// A login ID (M1): 2–40 of `a-z 0-9 . - _`, no dot at either end, no two dots in a row.
    LoginId, 2..=40,
    "self.matches('^[a-z0-9_-]+([.][a-z0-9_-]+)*$')" =>
        "an ID or local part holds only a-z 0-9 . - _, with no dot at either end and no two dots in a row (M1)",
}
text! {
    /// The part of a mail address before the `@`, 2–64 characters, under the rule of an ID (M1, O1).
    LocalPart, 2..=64,
    "self.matches('^[a-z0-9_-]+([.][a-z0-9_-]+)*$')" =>
        "an ID or local part holds only a-z 0-9 . - _, with no dot at either end and no two dots in a row (M1)",
}
text! {
    /// A whole mail address, lowercase (M8). Uppercase is refused, not folded.
    Email, 3..=254,
    "self == self.lowerAscii()" => "a mail address is written in lowercase (M8)",
    "self.matches('^[a-zA-Z0-9!#$%&\\\\x27*+/=?^_`{|}~-]+([.][a-zA-Z0-9!#$%&\\\\x27*+/=?^_`{|}~-]+)*@[a-zA-Z0-9-]+([.][a-zA-Z0-9-]+)+$')" => "not a mail address: expected local-part@domain.tld (M8)",
}
text! {
    /// A DNS name in lowercase, such as `acme.example` (T1).
    DomainName, 3..=253,
    "self.matches('^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$')" =>
        "a domain is a lowercase DNS name of two labels or more, each of at most 63 characters, such as acme.example (T1)",
}
text! {
    /// A phone number in international form (M7); spaces, dots, dashes and parentheses are dropped.
    PhoneNumber, 8..=32,
    "self.matches('^[+][1-9]([ .()-]*[0-9]){6,14}$')" =>
        "a phone number starts with + and its country code and has 7 to 15 digits, such as +82 10-1234-5678 (M7)",
    "!self.matches('[(] *0 *[)]')" =>
        "a (0) is dialled within the country only: write the number as it is dialled from abroad, such as +82 10-1234-5678 (M7)",
}
text! {
    /// A key given by another system (M11, O1): up to 100 characters, none of `% \ # / ?`.
    ExternalKey, 1..=100,
    "self.matches('^[^%#/?\\\\\\\\\\\\p{Cc}\\\\p{Zl}\\\\p{Zp}]*$')" =>
        "an externalKey holds none of % \\ # / ?, no control characters and no line breaks (M11)",
}
text! {
    /// The family name or the given name of a person (M2).
    NamePart, 1..=80,
    "self.matches('^[^\\\\p{Cc}\\\\p{Zl}\\\\p{Zp}]*$')" => "a text on one line holds no control characters and no line breaks",
    "self.matches('[^\\\\p{Z}\\\\p{Cf}]')" => "a name or title is not blank (M2)",
}
text! {
    /// A name or title that people read, up to 100 characters.
    Label, 1..=100,
    "self.matches('^[^\\\\p{Cc}\\\\p{Zl}\\\\p{Zp}]*$')" => "a text on one line holds no control characters and no line breaks",
    "self.matches('[^\\\\p{Z}\\\\p{Cf}]')" => "a name or title is not blank (M2)",
}
text! {
    /// A line of text, up to 300 characters.
    Line, 0..=300,
    "self.matches('^[^\\\\p{Cc}\\\\p{Zl}\\\\p{Zp}]*$')" => "a text on one line holds no control characters and no line breaks",
}
text! {
    /// Free text, up to 4,000 characters.
    Paragraph, 0..=4000,
}
text! {
    /// A one-shot value (R13): each new value acts once.
    Token, 1..=100,
    "self.matches('^[^\\\\p{Cc}\\\\p{Zl}\\\\p{Zp}]*$')" => "a text on one line holds no control characters and no line breaks",
}
text! {
    /// The name of a resource: a DNS subdomain name.
    ObjectName, 1..=253,
    "self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')" => "the name of a resource is a lowercase DNS name, such as jane-doe",
}
text! {
    /// An IANA time zone, such as `Asia/Seoul` (R4).
    ZoneName, 1..=64,
}
text! {
    /// The identifier of a device, as the services report it.
    DeviceId, 1..=128,
    "self.matches('^[^\\\\p{Cc}\\\\p{Zl}\\\\p{Zp}]*$')" => "a text on one line holds no control characters and no line breaks",
}

/// A text on one line, fit for a terminal: white space for line breaks, and `\u{fffd}` for what moves the cursor, colours
/// or turns the direction of what follows.
pub fn one_line(text: &str) -> Cow<'_, str> {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = |c: char| matches!(c, '\u{2028}' | '\u{2029}');
    if !text.contains(|c: char| c.is_control() || turns(c) || breaks(c)) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| match c {
        _ if breaks(c) || (c.is_control() && c.is_whitespace()) => ' ',
        _ if c.is_control() || turns(c) => char::REPLACEMENT_CHARACTER,
        _ => c,
    };
    Cow::Owned(text.chars().map(shown).collect())
}

impl PhoneNumber {
    /// The number in E.164: `+` and digits only.
    pub fn normalized(&self) -> String {
        self.0.chars().filter(|c| *c == '+' || c.is_ascii_digit()).collect()
    }
}
