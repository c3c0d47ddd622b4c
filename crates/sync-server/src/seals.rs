//! Signing seals of the log.

use gridlog_proof::{Node, Origin, ProofError, PublicKey, Seal, SealKey};
use gridlog_protocol::SigningKey;

/// Signs what the log says was sealed, with the server's key. The note's first line tells it from
/// everything else that this key signs.
#[derive(Debug)]
pub(crate) struct SealSigner {
    log: String,
    key: SealKey,
}

impl SealSigner {
    /// Signs for the log of a district.
    ///
    /// # Errors
    /// [`ProofError::Key`] if the district's code has a space or a `+`.
    pub(crate) fn new(district: &str, key: &SigningKey) -> Result<Self, ProofError> {
        let log = format!("gridlog/{district}");
        let key = SealKey::new(&log, &key.to_bytes(), &key.verifying_key().to_bytes())?;
        Ok(Self { log, key })
    }

    /// What its seals are checked with.
    pub(crate) const fn public(&self) -> &PublicKey {
        self.key.public()
    }

    /// The seal over so many entries, with this root.
    ///
    /// # Errors
    /// [`ProofError`] never, for a log of a size that a disk can hold.
    pub(crate) fn sign(&self, epoch: u64, sealed: (u64, Node)) -> Result<Seal, ProofError> {
        let log = self.log.clone();
        Seal::sign(Origin { log, epoch }, sealed, &[&self.key])
    }
}
