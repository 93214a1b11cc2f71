//! What is made by chance: bytes, texts, identifiers. Used by whoever writes to the directory.

use ring::rand::{SecureRandom, SystemRandom};

use super::audit::hex;

/// Random bytes.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

/// So many random bytes, in hexadecimal digits.
pub fn text<const N: usize>() -> String {
    hex(&bytes::<N>())
}

/// An identifier; a later one is greater.
pub fn identifier() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// A token that nobody guesses: eighty random bits. A later one is greater, so that an index of many grows at its end.
pub fn ordered_token() -> String {
    let identifier = uuid::Uuid::now_v7().simple().to_string();
    format!("{}{}", &identifier[..12], text::<10>())
}
