//! What can go wrong when a disk is set up; faults of the disk itself reach SQLite's callers.

/// Why a disk or one of its machines could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiskError {
    /// SQLite did not take the disk as its file system.
    #[error("SQLite refused the simulated disk with code {code}; nothing was simulated")]
    NotRegistered {
        /// SQLite's result code.
        code: i32,
    },
    /// A machine's name is one part of a path.
    #[error("{name:?} cannot name a machine; use letters, digits, '-', '_' and '.'")]
    BadMachineName {
        /// The name asked for.
        name: String,
    },
}

impl DiskError {
    /// A stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotRegistered { .. } => "not_registered",
            Self::BadMachineName { .. } => "bad_machine_name",
        }
    }
}
