//! Signing seals of the log.

use gridlog_proof::{Node, Origin, ProofError, PublicKey, Seal, SealKey};
use gridlog_protocol::SigningKey;

use crate::keys::FormerKeys;

/// Signs what the log says was sealed, with the server's key. The note's first line tells it from
/// everything else that this key signs.
#[derive(Debug)]
pub(crate) struct SealSigner {
    log: String,
    key: SealKey,
    successions: Vec<String>,
}

impl SealSigner {
    /// Signs for the log of a district.
    ///
    /// # Errors
    /// [`ProofError::Key`] if the district's code has a space or a `+`.
    pub(crate) fn new(
        district: &str,
        key: &SigningKey,
        former: &FormerKeys,
    ) -> Result<Self, ProofError> {
        let log = format!("gridlog/{district}");
        let key = SealKey::new(&log, &key.to_bytes(), &key.verifying_key().to_bytes())?;
        let notes = former.notes.iter();
        let successions = notes.map(|note| hex::encode(&note.0)).collect();
        Ok(Self {
            log,
            key,
            successions,
        })
    }

    /// What its seals are checked with.
    pub(crate) const fn public(&self) -> &PublicKey {
        self.key.public()
    }

    /// The notes by which its key follows earlier ones, hexadecimal.
    pub(crate) fn successions(&self) -> &[String] {
        &self.successions
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
