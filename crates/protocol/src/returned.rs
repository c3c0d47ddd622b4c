//! Giving back what a restored server lost (DESIGN section 7, repair).
//!
//! A device keeps of every page its statement, its signature, and the hashes of the entries and
//! whole records that it brought: the [`Evidence`]. With it the device can hand the same entries
//! and changes back later, and the server knows its own word again, whoever wrote them.

use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};

use crate::bytes::{Blob, Digest, Key};
use crate::error::ProtocolError;

/// A whole record as a page brought it: its id, its heads and the last entry that it reflects.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SeenRecord {
    /// The record.
    #[n(0)]
    pub record: Key,
    /// Its heads, sorted.
    #[n(1)]
    pub heads: Vec<Digest>,
    /// The entry.
    #[n(2)]
    pub as_of: u64,
    /// Who wrote in it.
    #[n(3)]
    pub authors: Vec<Author>,
}

/// Whose an actor is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Author {
    /// The actor.
    #[n(0)]
    pub actor: Key,
    /// The staff number of the person.
    #[n(1)]
    pub person: String,
}

/// What a signed page was about, short enough to keep.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Evidence {
    /// The nonce of the request that the page answered.
    #[n(0)]
    pub nonce: Key,
    /// The device that it was made for.
    #[n(1)]
    pub device: Key,
    /// The page's [`crate::Statement`], as it was signed.
    #[n(2)]
    pub statement: Blob,
    /// SHA-256 of the page's body as it was signed.
    #[n(3)]
    pub body: Digest,
    /// The signature.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub signature: [u8; 64],
    /// The hashes of its entries, then of the rulings that came with whole records, in order.
    #[n(5)]
    pub entries: Vec<Digest>,
    /// Its whole records, in order.
    #[n(6)]
    pub records: Vec<SeenRecord>,
}

impl Evidence {
    /// As a device keeps it.
    pub fn to_bytes(&self) -> Vec<u8> {
        minicbor::to_vec(self).expect("writing CBOR into a Vec cannot fail")
    }

    /// Reads what [`Evidence::to_bytes`] made.
    ///
    /// # Errors
    /// [`ProtocolError::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProtocolError> {
        minicbor::decode(bytes).map_err(|_| ProtocolError::Malformed { what: "evidence" })
    }
}

/// What [`crate::Statement::contents`] commits to; `None` for nothing at all.
pub fn contents(entries: &[Digest], records: &[SeenRecord]) -> Option<Digest> {
    if entries.is_empty() && records.is_empty() {
        return None;
    }
    let listed = minicbor::to_vec((entries, records));
    let listed = listed.expect("writing CBOR into a Vec cannot fail");
    Some(Digest(Sha256::digest(&listed).into()))
}

/// A change that is given back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ReturnedChange {
    /// Its record.
    #[n(0)]
    pub record: Key,
    /// Its bytes. An entry given back admits it, or a head of the evidence builds on it.
    #[n(1)]
    pub change: Blob,
}

/// What one page brought and the server lost.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Returned {
    /// Proves it.
    #[n(0)]
    pub evidence: Evidence,
    /// Canonical bytes of log entries, each named by the evidence.
    #[n(1)]
    pub entries: Vec<Blob>,
    /// Changes.
    #[n(2)]
    pub changes: Vec<ReturnedChange>,
}
