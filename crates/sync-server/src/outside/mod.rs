//! What must outlive a restore of the database, and so is kept beside it and in none of its backups:
//! which records were erased, which devices were revoked, whose each actor is, and the epochs of the
//! log.
//!
//! A backup holds what was erased after it was taken, trusts a phone that was lost after it, and does
//! not know the actors and epochs that began after it. So an erasure, a revocation or the claim of an
//! actor is noted here before the database commits it, and is carried out again when a server starts
//! (DESIGN section 9); and an epoch never begins twice.

mod files;
mod memory;

use std::io;
use std::path::PathBuf;

use gridlog_domain::id::{DeviceId, PersonId, RecordId};

pub use files::OutsideFiles;
pub(crate) use files::sync_folder_of;
pub use memory::OutsideMemory;

/// Why something is not kept beside the database.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// A file cannot be read or written.
    #[error("{path} cannot be used: {source}; nothing that it should hold has happened")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path}, line {line}, does not read back; restore the file from where you keep it")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

/// Why a record is erased. Codes only: the ledger holds no words about anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasureReason {
    /// The person asked for it.
    PersonAsked,
    /// The time is over for which it may be kept.
    RetentionOver,
    /// It should never have been entered.
    EnteredWrongly,
    /// A court or an authority ordered it.
    Ordered,
    /// A device gave back an erasure that this log had lost.
    GivenBack,
}

impl ErasureReason {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::PersonAsked,
        Self::RetentionOver,
        Self::EnteredWrongly,
        Self::Ordered,
        Self::GivenBack,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::PersonAsked => "person_asked",
            Self::RetentionOver => "retention_over",
            Self::EnteredWrongly => "entered_wrongly",
            Self::Ordered => "ordered",
            Self::GivenBack => "given_back",
        }
    }

    /// The reason of that code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

/// A record that was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// The record.
    pub record: RecordId,
    /// Server time, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Why.
    pub reason: ErasureReason,
    /// Who decided.
    pub by: PersonId,
}

/// A device that was revoked: handed over, lost or stolen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// The device.
    pub device: DeviceId,
    /// Whose it was.
    pub person: PersonId,
    /// Server time, milliseconds since the Unix epoch.
    pub at_ms: i64,
}

/// An actor that somebody writes with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The actor.
    pub actor: [u8; 16],
    /// The device; `None` for an office's own.
    pub device: Option<DeviceId>,
    /// Whose device it is; empty for an office's own.
    pub person: PersonId,
    /// Server time, milliseconds since the Unix epoch.
    pub at_ms: i64,
}

/// An epoch of the log, and what it grew from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochBegun {
    /// The epoch.
    pub epoch: u64,
    /// The epoch in which the database was that it went on from.
    pub before: u64,
    /// Number of the last entry that it took over.
    pub base: u64,
}

/// Keeps what must outlive a restore. Whatever a method that writes was given is durable when it
/// returns.
pub trait Outside: Send + Sync {
    /// Notes erasures, before the database carries them out.
    ///
    /// # Errors
    /// [`OutsideError`]; then the records must not be erased yet.
    fn note_erased(&self, erased: &[Erasure]) -> Result<(), OutsideError>;

    /// Every erasure that was ever noted, in order.
    ///
    /// # Errors
    /// [`OutsideError`].
    fn erased(&self) -> Result<Vec<Erasure>, OutsideError>;

    /// Notes that a device is about to be revoked.
    ///
    /// # Errors
    /// [`OutsideError`]; then the device must not be revoked yet.
    fn note_revoked(&self, revoked: &Revocation) -> Result<(), OutsideError>;

    /// Every revocation that was ever noted, in order.
    ///
    /// # Errors
    /// [`OutsideError`].
    fn revoked(&self) -> Result<Vec<Revocation>, OutsideError>;

    /// Notes that actors are about to be somebody's.
    ///
    /// # Errors
    /// [`OutsideError`]; then nobody must write with them yet.
    fn note_claims(&self, claims: &[Claim]) -> Result<(), OutsideError>;

    /// Every claim that was ever noted, in order.
    ///
    /// # Errors
    /// [`OutsideError`].
    fn claims(&self) -> Result<Vec<Claim>, OutsideError>;

    /// Notes that an epoch is about to begin. A smaller number than the one that is noted changes
    /// nothing.
    ///
    /// # Errors
    /// [`OutsideError`]; then the epoch must not begin.
    fn note_epoch(&self, epoch: u64) -> Result<(), OutsideError>;

    /// Notes that an epoch is about to begin, as [`Outside::note_epoch`] does, and what it grows from.
    ///
    /// # Errors
    /// [`OutsideError`]; then the epoch must not begin.
    fn note_begun(&self, begun: EpochBegun) -> Result<(), OutsideError>;

    /// What every epoch grew from of which that was noted, in order.
    ///
    /// # Errors
    /// [`OutsideError`].
    fn begun(&self) -> Result<Vec<EpochBegun>, OutsideError>;

    /// The newest epoch that was noted; 0 for none.
    ///
    /// # Errors
    /// [`OutsideError`].
    fn newest_epoch(&self) -> Result<u64, OutsideError>;
}
