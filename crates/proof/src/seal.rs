//! A seal: a signed checkpoint of the log.

use std::fmt;

use signed_note::{Note, Signer, VerifierList};
use tlog_tiles::checkpoint::Checkpoint;
use tlog_tiles::tlog::Hash;

use crate::error::ProofError;
use crate::key::{PublicKey, SealKey};
use crate::tree::{MOST_ENTRIES, Node};

/// Which log, and which epoch of it. Prints as `gridlog/430111/epoch/3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The log's name, the same in all its epochs: `gridlog/` and the district's code.
    pub log: String,
    /// The epoch.
    pub epoch: u64,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/epoch/{}", self.log, self.epoch)
    }
}

impl Origin {
    fn read(text: &str) -> Result<Self, ProofError> {
        let parts = text.rsplit_once("/epoch/");
        let read = parts.and_then(|(log, epoch)| {
            let origin = Self {
                log: log.to_owned(),
                epoch: epoch.parse().ok()?,
            };
            (origin.to_string() == text).then_some(origin)
        });
        read.ok_or_else(|| ProofError::Origin {
            origin: text.to_owned(),
        })
    }
}

/// A seal whose signature is right: so many entries of this log have this root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Which log.
    pub origin: Origin,
    /// How many entries it covers, from the first.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Node,
    note: String,
}

impl Seal {
    /// Signs the state of a log with each key: with the old one and the new one while keys change.
    ///
    /// # Errors
    /// [`ProofError::Seal`] where the origin has a line break, or no key is given.
    pub fn sign(
        origin: Origin,
        (size, root): (u64, Node),
        keys: &[&SealKey],
    ) -> Result<Self, ProofError> {
        let checkpoint = Checkpoint::new(&origin.to_string(), size, Hash(root), "")
            .map_err(|_| ProofError::Seal)?;
        let signers: Vec<&dyn Signer> = keys.iter().map(|key| &key.signer as &dyn Signer).collect();
        let mut note = Note::new(&checkpoint.to_bytes(), &[]).map_err(|_| ProofError::Seal)?;
        note.add_sigs(&signers).map_err(|_| ProofError::Seal)?;
        let note = String::from_utf8(note.to_bytes()).map_err(|_| ProofError::Seal)?;
        let known: Vec<PublicKey> = keys.iter().map(|key| key.public().clone()).collect();
        Self::read(&note, &known)
    }

    /// Reads a note, and checks that one of these keys signed it.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn read(note: &str, keys: &[PublicKey]) -> Result<Self, ProofError> {
        let parsed = Note::from_bytes(note.as_bytes()).map_err(|_| ProofError::Seal)?;
        let mut known: Vec<Box<dyn signed_note::Verifier>> = Vec::new();
        for key in keys {
            known.push(Box::new(key.verifier()?));
        }
        parsed
            .verify(&VerifierList::new(known))
            .map_err(|_| ProofError::Signature)?;
        let checkpoint = Checkpoint::from_bytes(parsed.text()).map_err(|_| ProofError::Seal)?;
        if checkpoint.size() >= MOST_ENTRIES {
            return Err(ProofError::Seal);
        }
        Ok(Self {
            origin: Origin::read(checkpoint.origin())?,
            size: checkpoint.size(),
            root: checkpoint.hash().0,
            note: note.to_owned(),
        })
    }

    /// The signed note.
    pub fn note(&self) -> &str {
        &self.note
    }
}
