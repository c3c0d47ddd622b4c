//! How a device's position relates to this log.

use gridlog_protocol::{Digest, Fact, Lineage, LogEntry, Position};

use super::Exchange;
use crate::ingest::Why;
use crate::store::StoreError;

/// Where a device stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standpoint {
    /// It has pulled nothing yet.
    Nowhere,
    /// In this log.
    Here(Position),
    /// In a log that shares its first entries with this one. Those after `common` were lost here.
    Before {
        /// The last shared entry, as a position in this log.
        common: Position,
        /// Whether the device has seen entries that are not here.
        lost: bool,
    },
    /// It names an entry that this log does not have, nor any earlier epoch of it: this log was put
    /// back without anybody saying so, if the device can prove what it says.
    Foreign(Position),
}

impl Standpoint {
    /// The entry that the device pulls after.
    pub(super) const fn after(self) -> Option<u64> {
        match self {
            Self::Here(position) => Some(position.seq),
            Self::Before {
                common,
                lost: false,
            } => Some(common.seq),
            Self::Nowhere | Self::Foreign(_) | Self::Before { .. } => None,
        }
    }

    /// Whether the device knows of entries that are not here: it gives them back before anything is
    /// ruled on anew.
    pub(super) const fn has_lost(self) -> bool {
        matches!(self, Self::Foreign(_) | Self::Before { lost: true, .. })
    }

    /// What to tell the device about what both logs share.
    pub(super) const fn lineage(self) -> Option<Lineage> {
        match self {
            Self::Before { common, .. } => Some(Lineage {
                common: Some(common.seq),
            }),
            Self::Foreign(_) => Some(Lineage { common: None }),
            Self::Nowhere | Self::Here(_) => None,
        }
    }

    /// Where the device goes on from if nothing is pulled for it; `None` for the end of the log.
    ///
    /// A position that this log does not have is never repeated: the page is signed, and would prove
    /// what the device only claimed.
    pub(super) const fn stays_at(self) -> Option<Position> {
        match self {
            Self::Nowhere => None,
            Self::Here(position) => Some(position),
            Self::Before { common, .. } => Some(common),
            Self::Foreign(_) => Some(Position::NOWHERE),
        }
    }
}

/// Where two logs parted that had been one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parting {
    /// After this entry: it was the last one in the backup that was restored.
    At(u64),
    /// Somewhere before this entry: the log was put back without anybody saying so, went on, and was
    /// found out.
    NobodyKnowsBefore(u64),
}

impl Exchange {
    /// How a position relates to this log.
    pub(super) fn standpoint(&self, position: Position) -> Result<Standpoint, StoreError> {
        if position.epoch == 0 {
            return Ok(Standpoint::Nowhere);
        }
        let (head, hash) = self.store.standing(position.seq)?;
        let is_here = hash == Some(position.hash);
        if position.epoch >= head.epoch {
            return Ok(if is_here && position.epoch == head.epoch {
                Standpoint::Here(position)
            } else {
                Standpoint::Foreign(position)
            });
        }
        let here = Position {
            epoch: head.epoch,
            ..position
        };
        Ok(match self.parted(position.epoch)? {
            Some(Parting::At(base)) if position.seq > base => Standpoint::Before {
                common: self.shared(base)?,
                lost: true,
            },
            Some(Parting::At(base) | Parting::NobodyKnowsBefore(base))
                if position.seq <= base && is_here =>
            {
                Standpoint::Before {
                    common: here,
                    lost: false,
                }
            }
            _ => Standpoint::Before {
                common: self.shared(0)?,
                lost: true,
            },
        })
    }

    /// Where a log of `epoch` and this one parted; `None` if this log knows nothing of that epoch.
    fn parted(&self, epoch: u64) -> Result<Option<Parting>, StoreError> {
        let epochs = self.store.epochs()?;
        if !epochs.iter().any(|known| known.epoch == epoch) {
            return Ok(None);
        }
        // The shortest stretch that every epoch since has taken over.
        let later = epochs.iter().filter(|later| later.epoch > epoch);
        let Some(base) = later.map(|later| later.base).min() else {
            return Ok(None);
        };
        let first = self.store.entry(base + 1)?;
        let first = first.and_then(|entry| LogEntry::from_bytes(&entry.canonical).ok());
        let restored = first.is_some_and(
            |entry| matches!(entry.fact, Fact::Epoch { why, .. } if why == Why::Restored.code()),
        );
        Ok(Some(if restored {
            Parting::At(base)
        } else {
            Parting::NobodyKnowsBefore(base)
        }))
    }

    /// An entry of this log as a position to go on from.
    fn shared(&self, seq: u64) -> Result<Position, StoreError> {
        let (head, hash) = self.store.standing(seq)?;
        Ok(Position {
            epoch: head.epoch,
            seq,
            hash: hash.unwrap_or(Digest::ZERO),
        })
    }
}
