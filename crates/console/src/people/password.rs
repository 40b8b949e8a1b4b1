//! Passwords: argon2id (RFC 9106), one salt each, the cost kept beside the hash so that it can be raised.

use argon2::{Algorithm, Argon2, Params, Version};

use super::secret::{equal, random};
use super::{Error, Result};

/// Shortest password, in characters. Length is what counts; kinds of characters are not asked for (NIST SP 800-63B 5.1.1.2).
pub const SHORTEST_PASSWORD_CHARACTERS: usize = 12;
/// Longest password, in bytes, so that nobody makes the hash of a book the server's work.
pub const LONGEST_PASSWORD_BYTES: usize = 256;

/// What one try costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for Cost {
    /// 19 MiB and two passes: the first of OWASP's equal choices that leaves room on a small machine.
    fn default() -> Self {
        Self { memory_kib: 19 * 1_024, passes: 2 }
    }
}

impl Cost {
    /// Worth nothing: for tests and demonstrations, where hashes of unoptimised builds would take seconds.
    pub const LIGHT: Self = Self { memory_kib: 64, passes: 1 };
}

/// A password as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Hashed {
    pub(crate) salt: Vec<u8>,
    pub(crate) hash: Vec<u8>,
    pub(crate) cost: Cost,
}

impl Hashed {
    /// Hashes a new password.
    pub(crate) fn new(password: &str, cost: Cost) -> Result<Self> {
        let salt = random::<16>()?.to_vec();
        let hash = derive(password, &salt, cost)?;
        Ok(Self { salt, hash, cost })
    }

    /// Whether this is the password; takes as long whatever the answer.
    pub(crate) fn is(&self, password: &str) -> Result<bool> {
        Ok(equal(&derive(password, &self.salt, self.cost)?, &self.hash))
    }
}

fn derive(password: &str, salt: &[u8], cost: Cost) -> Result<Vec<u8>> {
    let wrong = |_| Error::Refused("this password cannot be hashed");
    let parameters = Params::new(cost.memory_kib, cost.passes, 1, Some(32)).map_err(wrong)?;
    let mut hash = vec![0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into(password.as_bytes(), salt, &mut hash)
        .map_err(wrong)?;
    Ok(hash)
}

/// Whether a new password will do for this name.
pub(crate) fn acceptable(name: &str, password: &str) -> Result<()> {
    if password.chars().count() < SHORTEST_PASSWORD_CHARACTERS {
        return Err(Error::Refused("The password needs at least 12 characters; a few words do well."));
    }
    if password.len() > LONGEST_PASSWORD_BYTES {
        return Err(Error::Refused("The password is longer than 256 bytes."));
    }
    let first = password.chars().next();
    if password.chars().all(|letter| Some(letter) == first) {
        return Err(Error::Refused("The password is one character repeated."));
    }
    if password.to_lowercase().contains(&name.to_lowercase()) {
        return Err(Error::Refused("The password contains the name."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_itself_fits_and_salts_differ() {
        let hashed = Hashed::new("correct horse battery", Cost::LIGHT).unwrap();
        assert!(hashed.is("correct horse battery").unwrap());
        assert!(!hashed.is("correct horse batterz").unwrap());
        assert_ne!(hashed.hash, Hashed::new("correct horse battery", Cost::LIGHT).unwrap().hash);
    }

    /// The reference program: `printf password | argon2 somesalt -id -t 2 -k 1024 -p 1 -l 32 -r`.
    #[test]
    fn the_hash_is_argon2id_version_13() {
        let hash = derive("password", b"somesalt", Cost { memory_kib: 65_536, passes: 2 }).unwrap();
        let known = "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7";
        assert_eq!(super::super::secret::hex(&hash), known);
    }

    #[test]
    fn short_long_dull_and_own_names_are_refused() {
        for bad in ["short", &"x".repeat(300), "aaaaaaaaaaaaaaa", "my name is Ada!!"] {
            assert!(acceptable("ada", bad).is_err(), "{bad}");
        }
        assert!(acceptable("ada", "correct horse battery").is_ok());
    }
}
