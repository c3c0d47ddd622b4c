//! The checksum of one piece, as the tus extension has it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::error::FileError;

/// What the server knows, as `Tus-Checksum-Algorithm` lists it.
pub const ALGORITHMS: &str = "sha256,sha1";

/// A checksum that a piece must have, while it is computed.
#[derive(Debug, Clone)]
pub struct Checksum {
    expected: Vec<u8>,
    hash: Hash,
}

#[derive(Debug, Clone)]
enum Hash {
    Sha256(Sha256),
    Sha1(Sha1),
}

impl Checksum {
    /// Reads `Upload-Checksum`.
    ///
    /// # Errors
    /// [`FileError::BadUpload`] for another algorithm, or a value that is none of its.
    pub fn read(header: &str) -> Result<Self, FileError> {
        let (algorithm, value) = header.split_once(' ').ok_or(FileError::BadUpload(
            "Upload-Checksum is an algorithm and a value",
        ))?;
        let (hash, length) = match algorithm {
            "sha256" => (Hash::Sha256(Sha256::new()), 32),
            "sha1" => (Hash::Sha1(Sha1::new()), 20),
            _ => {
                return Err(FileError::BadUpload(
                    "Upload-Checksum is by sha256 or by sha1",
                ));
            }
        };
        let expected = STANDARD.decode(value.trim()).unwrap_or_default();
        if expected.len() != length {
            return Err(FileError::BadUpload(
                "Upload-Checksum's value is not a hash in Base64",
            ));
        }
        Ok(Self { expected, hash })
    }

    /// Goes on with these bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match &mut self.hash {
            Hash::Sha256(hash) => hash.update(bytes),
            Hash::Sha1(hash) => hash.update(bytes),
        }
    }

    /// Whether all bytes together have the checksum.
    pub(crate) fn fits(self) -> bool {
        match self.hash {
            Hash::Sha256(hash) => hash.finalize().as_slice() == self.expected,
            Hash::Sha1(hash) => hash.finalize().as_slice() == self.expected,
        }
    }

    /// The hash of all bytes so far, if it is by SHA-256.
    pub(crate) fn sha256(&self) -> Option<&Sha256> {
        match &self.hash {
            Hash::Sha256(hash) => Some(hash),
            Hash::Sha1(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_fits_its_bytes_and_no_others_by_both_algorithms() {
        let of = |algorithm: &str, hash: &[u8]| {
            Checksum::read(&format!("{algorithm} {}", STANDARD.encode(hash))).unwrap()
        };
        let sha256 = of("sha256", &Sha256::digest(b"abc"));
        let sha1 = of("sha1", &Sha1::digest(b"abc"));
        for mut checksum in [sha256, sha1] {
            checksum.update(b"ab");
            assert!(!checksum.clone().fits());
            checksum.update(b"c");
            assert!(checksum.fits());
        }
    }

    #[test]
    fn what_is_no_checksum_is_refused() {
        for header in [
            "",
            "sha256",
            "md5 1B2M2Y8AsgTpgAmY7PhCfg==",
            "sha256 AAAA",
            "sha1 ?",
        ] {
            assert!(Checksum::read(header).is_err(), "{header}");
        }
    }
}
