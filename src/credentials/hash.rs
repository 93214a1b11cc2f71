//! Hashing and verifying with Argon2id, as many at once as there are cores, and never on a thread on which others
//! wait. Keeps nothing. Used by the password work and by verification.

use std::str::FromStr;
use std::sync::Arc;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use crate::api::Confidential;
use crate::directory::random;

/// What a hash costs: memory in KiB, passes, lanes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost(Params);

impl Default for Cost {
    /// OWASP's recommendation: 19 MiB, two passes, one lane.
    fn default() -> Self {
        Cost(Params::DEFAULT)
    }
}

impl FromStr for Cost {
    type Err = String;

    /// Reads `m=19456,t=2,p=1`, as hashes carry it.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no cost of a hash; write memory in KiB, passes and lanes as in m=19456,t=2,p=1");
        let mut values = [None; 3];
        for part in text.split(',') {
            let (name, value) = part.trim().split_once('=').ok_or_else(wrong)?;
            let place = ["m", "t", "p"].iter().position(|known| *known == name).ok_or_else(wrong)?;
            values[place] = Some(value.parse::<u32>().map_err(|_| wrong())?);
        }
        let [Some(memory), Some(passes), Some(lanes)] = values else { return Err(wrong()) };
        Params::new(memory, passes, lanes, None).map(Cost).map_err(|error| format!("{}: {error}", wrong()))
    }
}

/// The name of the setting: `m=19456,t=2,p=1`.
pub const COST_SETTING: &str = "ROLLCALL_ARGON2";

/// Hashes and verifies.
#[derive(Clone, Debug)]
pub struct Hasher {
    params: Params,
    free: Arc<Semaphore>,
}

impl Hasher {
    /// A hasher of this cost, with as many workers as there are cores.
    pub fn new(cost: Cost) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Hasher { params: cost.0, free: Arc::new(Semaphore::new(cores)) }
    }

    /// How many hashes are computed at once.
    pub fn at_once(&self) -> usize {
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
    }

    /// The hash of a password with a salt of its own, in the PHC string format.
    pub async fn hash(&self, password: Confidential) -> Result<String, String> {
        let argon2 = argon2(&self.params);
        let hash = move || argon2.hash_password_with_salt(password.expose(), &random::bytes::<16>());
        let hash: PasswordHash = self.work(hash).await?.map_err(|error| format!("hashing failed: {error}"))?;
        Ok(hash.to_string())
    }

    /// Whether a password is the one that was hashed. Where there is no hash, it takes as long as if there were one.
    pub async fn verify(&self, hash: Option<&str>, password: Confidential) -> Result<bool, String> {
        let hash = match hash {
            Some(hash) => PasswordHash::new(hash).map_err(|_| "a stored hash can't be read".to_owned())?,
            None => self.nobodys()?,
        };
        let argon2 = argon2(&self.params);
        self.work(move || argon2.verify_password(password.expose(), &hash).is_ok()).await
    }

    /// Whether a hash was made with other parameters than are set now.
    pub fn is_outdated(&self, hash: &str) -> bool {
        PasswordHash::new(hash).is_ok_and(|hash| {
            hash.algorithm != ARGON2ID_IDENT || Params::try_from(&hash).map_or(true, |params| !same_cost(&params, &self.params))
        })
    }

    /// A hash of the cost of all others, and of no password that anybody knows.
    fn nobodys(&self) -> Result<PasswordHash, String> {
        let failed = |error: &dyn std::fmt::Display| format!("hashing failed: {error}");
        Ok(PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&self.params).map_err(|error| failed(&error))?,
            salt: Some(Salt::new(&random::bytes::<16>()).map_err(|error| failed(&error))?),
            hash: Some(Output::new(&random::bytes::<32>()).map_err(|error| failed(&error))?),
        })
    }

    /// Works on a thread of its own, once one is free.
    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
        let free = self.free.clone().acquire_owned().await.map_err(|error| error.to_string())?;
        let work = move || {
            let done = work();
            drop(free);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| "hashing was ended".to_owned())
    }
}

fn argon2(params: &Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
}

fn same_cost(one: &Params, other: &Params) -> bool {
    let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
    cost(one) == cost(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(cost: &str) -> Hasher {
        Hasher::new(cost.parse().unwrap())
    }

    #[tokio::test]
    async fn a_hash_carries_its_parameters_and_is_verified_by_them() {
        let first = hasher("m=64,t=1,p=1");
        let hash = first.hash(Confidential::new("Kx7Tm2Qw")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        let later = hasher("m=128,t=2,p=1");
        assert_eq!(later.verify(Some(&hash), Confidential::new("Kx7Tm2Qw")).await, Ok(true));
        assert_eq!(later.verify(Some(&hash), Confidential::new("Kx7Tm2Qx")).await, Ok(false));
        assert!(later.is_outdated(&hash) && !first.is_outdated(&hash));
        assert_eq!(later.verify(None, Confidential::new("Kx7Tm2Qw")).await, Ok(false));
        assert_ne!(hash, first.hash(Confidential::new("Kx7Tm2Qw")).await.unwrap());
    }

    #[test]
    fn a_cost_is_read_as_hashes_carry_it() {
        assert_eq!("m=19456,t=2,p=1".parse(), Ok(Cost::default()));
        for wrong in ["", "m=19456", "m=1,t=0,p=1", "x=1,t=2,p=1", "m=a,t=2,p=1"] {
            assert!(wrong.parse::<Cost>().is_err(), "{wrong}");
        }
    }
}
