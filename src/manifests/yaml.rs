//! YAML as Rollcall writes it: text that a reader of YAML 1.1, as kubectl is one, would take for something else (`No`, `0o17`,
//! `12:30`) is quoted. Called by whatever prints or writes manifests.

use serde::Serialize;

/// One document.
///
/// # Errors
///
/// Where the value has no form in YAML, such as a map with maps as keys.
pub fn write(value: &impl Serialize) -> Result<String, serde_saphyr::SerializeError> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(value, options)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_looks_like_something_else_is_quoted_and_read_again() {
        for text in
            ["No", "on", "y", "NULL", "~", "0o17", "0b101", "1_000", "12:30:45", "2027-03-01", "1e3", "a: b", "- a", "노", "x\ny"]
        {
            let value = json!({"text": text});
            let written = write(&value).unwrap();
            let plain = ["노"].contains(&text);
            assert_eq!(written.contains(['"', '\'']), !plain, "{written}");
            assert_eq!(serde_saphyr::from_str::<Value>(&written).unwrap(), value);
        }
    }
}
