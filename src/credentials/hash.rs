//! Hashing and verifying with Argon2id, as many at once as there are cores, and never on a thread on which others
//! wait. Keeps no password, and no hash. Used by the password work and by verification.

use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
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

impl Cost {
    /// The least that there is, for hashes that nobody will keep.
    pub fn least() -> Cost {
        Cost(Params::new(Params::MIN_M_COST, Params::MIN_T_COST, Params::MIN_P_COST, None).unwrap_or(Params::DEFAULT))
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
    /// The memory of hashes that were computed, for those to come: to get it from the system takes a tenth of a hash's time.
    memory: Arc<Mutex<Vec<Vec<Block>>>>,
}

impl Hasher {
    /// A hasher of this cost, with as many workers as there are cores.
    pub fn new(cost: Cost) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Hasher { params: cost.0, free: Arc::new(Semaphore::new(cores)), memory: Arc::default() }
    }

    /// How many hashes are computed at once.
    pub fn at_once(&self) -> usize {
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
    }

    /// The hash of a password with a salt of its own, in the PHC string format.
    pub async fn hash(&self, password: Confidential) -> Result<String, String> {
        let fresh = self.hash_of(&random::bytes::<16>(), &[0; Params::DEFAULT_OUTPUT_LEN])?;
        let hash = fresh.clone();
        let output = self.work(move |memory| output(&hash, &password, memory)).await?;
        let output = output.ok_or("hashing failed: the cost can't be met")?;
        Ok(PasswordHash { hash: Some(output), ..fresh }.to_string())
    }

    /// Whether a password is the one that was hashed. Where there is no hash, it takes as long as if there were one.
    pub async fn verify(&self, hash: Option<&str>, password: Confidential) -> Result<bool, String> {
        let hash = match hash {
            Some(hash) => PasswordHash::new(hash).map_err(|_| "a stored hash can't be read".to_owned())?,
            // Of the cost of all others, and of no password that anybody knows.
            None => self.hash_of(&random::bytes::<16>(), &random::bytes::<32>())?,
        };
        // Compared in constant time.
        self.work(move |memory| output(&hash, &password, memory).is_some_and(|found| Some(found) == hash.hash)).await
    }

    /// Whether a hash was made with other parameters than are set now.
    pub fn is_outdated(&self, hash: &str) -> bool {
        PasswordHash::new(hash).is_ok_and(|hash| {
            hash.algorithm != ARGON2ID_IDENT || Params::try_from(&hash).map_or(true, |params| !same_cost(&params, &self.params))
        })
    }

    /// A hash of the cost that is set, of this salt and with this output.
    fn hash_of(&self, salt: &[u8], output: &[u8]) -> Result<PasswordHash, String> {
        let failed = |error: &dyn std::fmt::Display| format!("hashing failed: {error}");
        Ok(PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&self.params).map_err(|error| failed(&error))?,
            salt: Some(Salt::new(salt).map_err(|error| failed(&error))?),
            hash: Some(Output::new(output).map_err(|error| failed(&error))?),
        })
    }

    /// Works on a thread of its own, once one is free.
    async fn work<T: Send + 'static>(&self, work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static) -> Result<T, String> {
        let free = self.free.clone().acquire_owned().await.map_err(|error| error.to_string())?;
        let kept = self.memory.clone();
        let work = move || {
            let mut memory = kept.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
            let done = work(&mut memory);
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
            drop(free);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| "hashing was ended".to_owned())
    }
}

/// What a password comes to with the parameters and the salt of a hash; nothing, where these are not understood.
fn output(hash: &PasswordHash, password: &Confidential, memory: &mut Vec<Block>) -> Option<Output> {
    let params = Params::try_from(hash).ok()?;
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = hash.version.map(Version::try_from).transpose().ok()?.unwrap_or_default();
    let mut output = vec![0; hash.hash.as_ref()?.len()];
    memory.resize(params.block_count(), Block::default());
    let argon2 = Argon2::new(algorithm, version, params);
    argon2.hash_password_into_with_memory(password.expose(), hash.salt.as_ref()?, &mut output, memory).ok()?;
    Output::new(&output).ok()
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
