//! Proofs against a seal.

use serde::{Deserialize, Serialize};
use tlog_tiles::tlog::{Hash, check_record, check_tree, record_hash};

use crate::error::ProofError;
use crate::key::PublicKey;
use crate::seal::Seal;
use crate::tree::Node;

/// Shows that an entry is in the log under a seal (RFC 6962, 2.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inclusion {
    /// The seal, as a signed note.
    pub seal: String,
    /// The entry's number, from 1.
    pub seq: u64,
    /// The entry's canonical bytes, hexadecimal.
    pub entry: String,
    /// The path to the root, hexadecimal hashes.
    pub path: Vec<String>,
}

/// Shows that the log under an older seal is the beginning of the one under a newer seal (RFC 6962,
/// 2.1.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consistency {
    /// The older seal, as a signed note.
    pub older: String,
    /// The newer one.
    pub newer: String,
    /// Hexadecimal hashes.
    pub path: Vec<String>,
    /// The server's notes by which the key that signed follows earlier ones, hexadecimal. They are nothing
    /// of this crate's: a reader who knows an earlier key follows them to the keys with which this is checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub successions: Vec<String>,
}

/// Shows that a record's entries are in the log under one seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordProof {
    /// The record's id, 32 hexadecimal digits.
    pub record: String,
    /// One proof for each of its entries that the seal covers, in order.
    pub entries: Vec<Inclusion>,
    /// Numbers of its entries that came after the seal; the next seal covers them.
    pub not_sealed: Vec<u64>,
    /// As [`Consistency::successions`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub successions: Vec<String>,
}

impl Inclusion {
    /// What shows that `entry` is number `seq` under the seal.
    pub fn new(seal: &Seal, (seq, entry): (u64, &[u8]), path: &[Node]) -> Self {
        Self {
            seal: seal.note().to_owned(),
            seq,
            entry: hex::encode(entry),
            path: path.iter().map(hex::encode).collect(),
        }
    }

    /// Checks it, and answers the seal and the entry's bytes.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn check(&self, keys: &[PublicKey]) -> Result<(Seal, Vec<u8>), ProofError> {
        let seal = Seal::read(&self.seal, keys)?;
        let (seq, size) = (self.seq, seal.size);
        if seq == 0 || seq > size {
            return Err(ProofError::NotUnderSeal { seq, size });
        }
        let entry = hex::decode(&self.entry).map_err(|_| ProofError::Entry)?;
        let path = hashes(&self.path)?;
        check_record(&path, size, Hash(seal.root), seq - 1, record_hash(&entry))
            .map_err(|_| ProofError::NotIncluded { seq })?;
        Ok((seal, entry))
    }
}

impl Consistency {
    /// What shows that the log of `newer` begins with that of `older`.
    pub fn new(older: &Seal, newer: &Seal, path: &[Node]) -> Self {
        Self {
            older: older.note().to_owned(),
            newer: newer.note().to_owned(),
            path: path.iter().map(hex::encode).collect(),
            successions: Vec::new(),
        }
    }

    /// Checks it, and answers both seals.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn check(&self, keys: &[PublicKey]) -> Result<(Seal, Seal), ProofError> {
        let older = Seal::read(&self.older, keys)?;
        let newer = Seal::read(&self.newer, keys)?;
        if older.origin != newer.origin {
            return Err(ProofError::OtherLog {
                older: older.origin.to_string(),
                newer: newer.origin.to_string(),
            });
        }
        let path = hashes(&self.path)?;
        // Of an empty log every log is the continuation.
        if older.size > 0 {
            let (after, before) = (Hash(newer.root), Hash(older.root));
            check_tree(&path, newer.size, after, older.size, before).map_err(|_| {
                ProofError::NotGrown {
                    older: older.size,
                    newer: newer.size,
                }
            })?;
        }
        Ok((older, newer))
    }
}

fn hashes(path: &[String]) -> Result<Vec<Hash>, ProofError> {
    let hash = |text: &String| {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| ProofError::Hash)?;
        Ok(Hash(bytes))
    };
    path.iter().map(hash).collect()
}
