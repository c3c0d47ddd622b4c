//! Entries of the case log (DESIGN section 6).
//!
//! An entry carries ids, hashes, codes and times, and no personal data. Its canonical bytes are
//! [`LogEntry::to_bytes`]: CBOR with definite lengths, shortest integers and fields in the order of
//! their numbers, which is what the derived encoder writes. They are stored once and never encoded
//! again. The hash of an entry is the RFC 6962 leaf hash of those bytes, so that the chain of today
//! and the Merkle tree to come name an entry alike.

use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};

use crate::bytes::{Digest, Key};
use crate::error::ProtocolError;

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LogEntry {
    /// Dense, from 1.
    #[n(0)]
    pub seq: u64,
    /// The hash of the entry before; [`Digest::ZERO`] for the first.
    #[n(1)]
    pub previous: Digest,
    /// Server time, milliseconds since the Unix epoch.
    #[n(2)]
    pub at_ms: i64,
    /// The record it is about.
    #[n(3)]
    pub record: Key,
    /// What happened.
    #[n(4)]
    pub fact: Fact,
    /// Set if a device gave the entry back after this log had lost it: where it stood before.
    #[n(5)]
    pub origin: Option<Origin>,
}

/// Where an entry stood in the log that was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Origin {
    /// The epoch.
    #[n(0)]
    pub epoch: u64,
    /// Its number there.
    #[n(1)]
    pub seq: u64,
    /// Its time there, milliseconds since the Unix epoch.
    #[n(2)]
    pub at_ms: i64,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Fact {
    /// A change was admitted to the record.
    #[n(0)]
    Admit {
        /// The change.
        #[n(0)]
        change: Digest,
        /// The person whose device or session wrote it.
        #[n(1)]
        by: String,
    },
    /// A proposal was ruled on, once and for all.
    #[n(1)]
    Ruling {
        /// The proposal's entry id.
        #[n(0)]
        proposal: Key,
        /// SHA-256 of its stored text.
        #[n(1)]
        proposal_hash: Digest,
        /// The step's code.
        #[n(2)]
        step: String,
        /// Who asked.
        #[n(3)]
        by: String,
        /// `None` if accepted, else the reason's code.
        #[n(4)]
        refused: Option<String>,
        /// The stage after the ruling.
        #[n(5)]
        stage: String,
        /// The time at which the step counts, milliseconds since the Unix epoch.
        #[n(6)]
        counts_at_ms: i64,
        /// Whether the device's own time could not be used.
        #[n(7)]
        time_flagged: bool,
        /// The department that has the case after it.
        #[n(8)]
        department: Option<String>,
    },
    /// The server ruled where the record lives.
    #[n(2)]
    Assignment {
        /// The area's code.
        #[n(0)]
        area: String,
    },
    /// The record is visible to an audience from here on; see [`crate::audience`].
    #[n(3)]
    Visible {
        /// Who sees it.
        #[n(0)]
        audience: String,
    },
    /// The record is no longer visible to an audience, unless by another one.
    #[n(4)]
    Hidden {
        /// Who no longer sees it.
        #[n(0)]
        audience: String,
    },
    /// The record left the phones, its case being closed for long. It stays in the log and can be
    /// found online; the next entry about it brings it back.
    #[n(5)]
    Archived,
    /// The record was erased. Its id is answered with `gone` ever after.
    #[n(6)]
    Erase {
        /// Who decided.
        #[n(0)]
        by: String,
    },
    /// A new epoch of the log began with this entry; the record is 16 zero bytes.
    #[n(7)]
    Epoch {
        /// Its number.
        #[n(0)]
        epoch: u64,
        /// Why: `restored` from a backup, or `rolled_back` where this log turned out to lack entries,
        /// and nobody knows since which.
        #[n(1)]
        why: String,
    },
    /// The log up to the entry before this one was sealed; the record is 16 zero bytes. The seal itself
    /// is signed anew whenever somebody asks for it, from what this entry says.
    #[n(8)]
    Seal {
        /// How many entries it covers, from the first.
        #[n(0)]
        size: u64,
        /// The root of the Merkle tree over them (RFC 6962).
        #[n(1)]
        root: Digest,
        /// Who asked for it.
        #[n(2)]
        by: String,
    },
    /// The clock did something to the case: a deadline passed, or the next level has it. It is entered
    /// once, after everything that had been pushed before was ruled on.
    #[n(9)]
    Timer {
        /// The code of what it did.
        #[n(0)]
        kind: String,
        /// The code of the level that has the case after it; only for an escalation.
        #[n(1)]
        level: Option<String>,
        /// The moment that passed, milliseconds since the Unix epoch; where a provisional deadline moved,
        /// the new one. The entry's own time is when the server came to it.
        #[n(2)]
        due_ms: i64,
    },
    /// 日结: an office closed its day; the record is 16 zero bytes, and the next entry seals the log.
    #[n(10)]
    DayClosed {
        /// The day in the district's time zone, as `2026-11-23`.
        #[n(0)]
        date: String,
        /// The area whose day it is.
        #[n(1)]
        area: String,
        /// Who closed it.
        #[n(2)]
        by: String,
        /// Phones there that had not synced since the day began.
        #[n(3)]
        out: u32,
        /// Changes that phones there said last they had not sent.
        #[n(4)]
        unsent: u32,
        /// Cases there that were overdue, at most 1000.
        #[n(5)]
        overdue: u32,
    },
    /// A closed day was opened again; the record is 16 zero bytes.
    #[n(11)]
    DayReopened {
        /// The day.
        #[n(0)]
        date: String,
        /// The area whose day it is.
        #[n(1)]
        area: String,
        /// Who opened it.
        #[n(2)]
        by: String,
        /// Why, as a code.
        #[n(3)]
        reason: String,
    },
}

impl LogEntry {
    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        minicbor::to_vec(self).expect("writing CBOR into a Vec cannot fail")
    }

    /// Reads an entry and checks that the bytes are its canonical ones.
    ///
    /// # Errors
    /// [`ProtocolError::Malformed`] otherwise.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProtocolError> {
        let entry: Self =
            minicbor::decode(bytes).map_err(|_| ProtocolError::Malformed { what: "log entry" })?;
        if entry.to_bytes() != bytes {
            return Err(ProtocolError::Malformed { what: "log entry" });
        }
        Ok(entry)
    }
}

/// The hash of an entry: SHA-256 of a zero byte and its canonical bytes (RFC 6962 section 2.1).
pub fn entry_hash(canonical: &[u8]) -> Digest {
    Digest(
        Sha256::new()
            .chain_update([0])
            .chain_update(canonical)
            .finalize()
            .into(),
    )
}
