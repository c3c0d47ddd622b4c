//! How often each fault really struck.

use std::ops::AddAssign;

/// Counts of faults that took effect, of one machine or of a whole disk.
///
/// A fault that was armed and never met does not count, and neither does a power loss where there
/// was nothing to lose count as lost writes: a simulation that shows zeros here proved nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Strikes {
    /// Processes that were killed.
    pub process_crashes: u64,
    /// Times that the power went.
    pub power_losses: u64,
    /// Writes and truncations that a power loss took back whole.
    pub writes_forgotten: u64,
    /// Writes of which a power loss left a part.
    pub writes_torn: u64,
    /// Writes that outlived an earlier write to the same file, which was forgotten or torn.
    pub writes_reordered: u64,
    /// Files made or deleted, which a power loss undid.
    pub names_undone: u64,
    /// Writes that a full disk refused, in part or whole.
    pub full: u64,
    /// Writes, syncs, truncations and deletions that failed with an I/O error.
    pub io_errors: u64,
    /// Reads that failed with an I/O error.
    pub read_errors: u64,
    /// Syncs that had something to keep and kept nothing.
    pub lying_syncs: u64,
    /// Old copies that were put in the place of a machine's files.
    pub restores: u64,
}

impl Strikes {
    /// Every count with its name, for printing.
    pub const fn each(&self) -> [(&'static str, u64); 11] {
        [
            ("process_crashes", self.process_crashes),
            ("power_losses", self.power_losses),
            ("writes_forgotten", self.writes_forgotten),
            ("writes_torn", self.writes_torn),
            ("writes_reordered", self.writes_reordered),
            ("names_undone", self.names_undone),
            ("full", self.full),
            ("io_errors", self.io_errors),
            ("read_errors", self.read_errors),
            ("lying_syncs", self.lying_syncs),
            ("restores", self.restores),
        ]
    }
}

impl AddAssign for Strikes {
    fn add_assign(&mut self, other: Self) {
        self.process_crashes += other.process_crashes;
        self.power_losses += other.power_losses;
        self.writes_forgotten += other.writes_forgotten;
        self.writes_torn += other.writes_torn;
        self.writes_reordered += other.writes_reordered;
        self.names_undone += other.names_undone;
        self.full += other.full;
        self.io_errors += other.io_errors;
        self.read_errors += other.read_errors;
        self.lying_syncs += other.lying_syncs;
        self.restores += other.restores;
    }
}
