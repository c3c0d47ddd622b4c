//! [`Outside`] in memory, for a whole system in one process.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Claim, EpochBegun, Erasure, Outside, OutsideError, Revocation};

/// Keeps it for as long as the value lives, and so beyond the database of a simulated server.
#[derive(Debug, Default)]
pub struct OutsideMemory {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    erased: Vec<Erasure>,
    revoked: Vec<Revocation>,
    claims: Vec<Claim>,
    epoch: u64,
    begun: Vec<EpochBegun>,
}

impl OutsideMemory {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing here panics half way through a change.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outside for OutsideMemory {
    fn note_erased(&self, erased: &[Erasure]) -> Result<(), OutsideError> {
        self.kept().erased.extend_from_slice(erased);
        Ok(())
    }

    fn erased(&self) -> Result<Vec<Erasure>, OutsideError> {
        Ok(self.kept().erased.clone())
    }

    fn note_revoked(&self, revoked: &Revocation) -> Result<(), OutsideError> {
        self.kept().revoked.push(revoked.clone());
        Ok(())
    }

    fn revoked(&self) -> Result<Vec<Revocation>, OutsideError> {
        Ok(self.kept().revoked.clone())
    }

    fn note_claims(&self, claims: &[Claim]) -> Result<(), OutsideError> {
        self.kept().claims.extend_from_slice(claims);
        Ok(())
    }

    fn claims(&self) -> Result<Vec<Claim>, OutsideError> {
        Ok(self.kept().claims.clone())
    }

    fn note_epoch(&self, epoch: u64) -> Result<(), OutsideError> {
        let mut kept = self.kept();
        kept.epoch = kept.epoch.max(epoch);
        Ok(())
    }

    fn note_begun(&self, begun: EpochBegun) -> Result<(), OutsideError> {
        let mut kept = self.kept();
        kept.begun.push(begun);
        kept.epoch = kept.epoch.max(begun.epoch);
        Ok(())
    }

    fn begun(&self) -> Result<Vec<EpochBegun>, OutsideError> {
        Ok(self.kept().begun.clone())
    }

    fn newest_epoch(&self) -> Result<u64, OutsideError> {
        Ok(self.kept().epoch)
    }
}
