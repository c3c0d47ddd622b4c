//! Passwords: Argon2id (RFC 9106) in PHC strings.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use gridlog_domain::environment::Entropy;

/// Most characters of a password.
pub const LONGEST_PASSWORD: usize = 256;

/// Why a password is not taken.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
pub enum PasswordError {
    /// It is too short to protect anything, or absurdly long.
    #[error("a password has 8 to 256 characters")]
    Length,
    /// The hash function refused.
    #[error("the password cannot be hashed")]
    Hash,
}

/// Hashes and verifies.
#[derive(Debug, Clone)]
pub struct Passwords {
    /// Compared with when a person is unknown, so that an answer's time does not tell who exists.
    decoy: String,
}

impl Passwords {
    /// # Errors
    /// [`PasswordError::Hash`] if Argon2 does not work here.
    pub fn new(entropy: &mut dyn Entropy) -> Result<Self, PasswordError> {
        Ok(Self {
            decoy: hash_any("decoy of no account", entropy)?,
        })
    }

    /// The PHC string of a new password.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn hash(password: &str, entropy: &mut dyn Entropy) -> Result<String, PasswordError> {
        if !(8..=LONGEST_PASSWORD).contains(&password.chars().count()) {
            return Err(PasswordError::Length);
        }
        hash_any(password, entropy)
    }

    /// Whether the password fits. Takes as long when there is none to compare with.
    pub fn verify(&self, password: &str, stored: Option<&str>) -> bool {
        let phc = stored.unwrap_or(&self.decoy);
        let Ok(parsed) = PasswordHash::new(phc) else {
            return false;
        };
        let fits = Argon2::default()
            .verify_password(password.as_bytes(), &parsed)
            .is_ok();
        fits && stored.is_some()
    }
}

fn hash_any(password: &str, entropy: &mut dyn Entropy) -> Result<String, PasswordError> {
    let mut salt = [0; 16];
    entropy.fill(&mut salt);
    let hash: argon2::password_hash::phc::PasswordHash = Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|_| PasswordError::Hash)?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gridlog_domain::environment::SeededEntropy;

    #[test]
    fn a_password_fits_its_own_hash_only() {
        let mut entropy = SeededEntropy::new(1);
        let passwords = Passwords::new(&mut entropy).unwrap();
        let stored = Passwords::hash("correct horse", &mut entropy).unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert!(passwords.verify("correct horse", Some(&stored)));
        assert!(!passwords.verify("wrong horse!", Some(&stored)));
        assert!(!passwords.verify("decoy of no account", None));
    }

    #[test]
    fn a_short_password_is_refused() {
        let refused = Passwords::hash("1234567", &mut SeededEntropy::new(1));
        assert_eq!(refused, Err(PasswordError::Length));
    }
}
