//! Passwords as the tests set them: a hash in the directory, made with the least work that Argon2 allows.
//! Never asserts a rule. Used by `cancellation` and `erasure`.

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};

use crate::support::Roster;

/// Gives a member this password.
pub fn set(roll: &Roster, member: &str, password: &str) {
    let least = Params::new(8, 1, 1, None).expect("parameters");
    let hash = Argon2::new(Algorithm::Argon2id, Version::V0x13, least).hash_password(password.as_bytes()).expect("a hash");
    roll.sql(&format!("DELETE FROM credentials WHERE member = '{member}'")).unwrap();
    roll.sql(&format!("INSERT INTO credentials (member, hash, must_change, changed_at, generated) VALUES ('{member}', '{hash}', FALSE, 0, FALSE)"))
        .unwrap();
}
