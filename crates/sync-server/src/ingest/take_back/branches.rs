//! Which epoch an entry was born in, and whether the log went on from it.
//!
//! A page names the epoch in which it was signed, and the same entry stands in pages of every epoch that
//! took it over. Where a backup is restored again, these say different things of what was first. So each
//! epoch is noted beside the database with the one that it grew from and the last entry that it took over.
//! An entry is as old as the epoch in which it was entered, since epochs follow one another in time; and
//! what the log dropped before the epoch that was lost last comes after all that had stood in that one.

use std::collections::BTreeMap;

use gridlog_protocol::Origin;

use crate::outside::EpochBegun;
use crate::store::Epoch;

/// Where an entry was entered: epoch and number.
pub(super) type Place = (u64, u64);

/// How the epochs grew from one another.
#[derive(Debug)]
pub(super) struct Branches {
    /// Of each epoch, the one before it and the last entry that it took over.
    grew_from: BTreeMap<u64, (u64, u64)>,
    /// The epochs of the log that was lost last and of this one, each with the last entry that counts.
    counts_through: BTreeMap<u64, u64>,
}

impl Branches {
    /// `begun` is what is noted beside the database, `epochs` what this log knows of itself; it is in the
    /// last of them.
    pub(super) fn new(begun: &[EpochBegun], epochs: &[Epoch]) -> Self {
        let known = epochs
            .windows(2)
            .map(|pair| (pair[1].epoch, (pair[0].epoch, pair[1].base)));
        let noted = begun
            .iter()
            .map(|begun| (begun.epoch, (begun.before, begun.base)));
        let mut grew_from: BTreeMap<u64, (u64, u64)> = known.chain(noted).collect();
        grew_from.retain(|epoch, (before, _)| *before < *epoch);
        let current = epochs.last().map_or(0, |epoch| epoch.epoch);
        let ended = grew_from
            .iter()
            .flat_map(|(epoch, (before, _))| [*epoch, *before]);
        let last = ended.filter(|epoch| *epoch < current).max();
        let mut counts_through = BTreeMap::from([(current, u64::MAX)]);
        let mut next = last.map(|last| (last, u64::MAX));
        while let Some((epoch, through)) = next {
            counts_through.insert(epoch, through);
            let before = grew_from.get(&epoch);
            next = before.map(|(before, base)| (*before, through.min(*base)));
        }
        Self {
            grew_from,
            counts_through,
        }
    }

    /// Where an entry was entered that stood at that number in a log of that epoch.
    pub(super) fn born(&self, epoch: u64, seq: u64) -> Place {
        let mut epoch = epoch;
        while let Some((before, base)) = self.grew_from.get(&epoch)
            && seq <= *base
        {
            epoch = *before;
        }
        (epoch, seq)
    }

    /// The same for what an entry says of where it stood first.
    pub(super) fn first(&self, origin: Origin) -> Origin {
        let (epoch, seq) = self.born(origin.epoch, origin.seq);
        Origin {
            epoch,
            seq,
            ..origin
        }
    }

    /// What entries are taken back by, those of the log that was lost last before those that it did not
    /// have any more.
    pub(super) fn turn(&self, (epoch, seq): Place) -> (bool, Place) {
        let counts = self.counts_through.get(&epoch);
        (counts.is_none_or(|through| seq > *through), (epoch, seq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(epoch: u64, before: u64, base: u64) -> EpochBegun {
        EpochBegun {
            epoch,
            before,
            base,
        }
    }

    fn here(epochs: &[(u64, u64)]) -> Vec<Epoch> {
        let epochs = epochs.iter();
        epochs.map(|&(epoch, base)| Epoch { epoch, base }).collect()
    }

    #[test]
    fn an_entry_is_as_old_as_the_epoch_that_entered_it_whichever_page_shows_it() {
        let noted = [begun(2, 1, 150), begun(3, 1, 100)];
        let branches = Branches::new(&noted, &here(&[(1, 0), (3, 100)]));
        assert_eq!(branches.born(2, 120), (1, 120));
        assert_eq!(branches.born(2, 151), (2, 151));
        assert_eq!(branches.born(3, 100), (1, 100));
        assert_eq!(branches.born(3, 101), (3, 101));
        assert_eq!(branches.born(1, 120), (1, 120));
    }

    #[test]
    fn what_the_log_dropped_earlier_comes_after_what_it_lost_last() {
        let noted = [begun(2, 1, 100), begun(3, 2, 140), begun(4, 1, 90)];
        let branches = Branches::new(&noted, &here(&[(1, 0), (4, 90)]));
        let mut turns = [(1, 120), (3, 141), (2, 141), (2, 110), (1, 95)];
        turns.sort_by_key(|place| branches.turn(*place));
        assert_eq!(turns, [(1, 95), (2, 110), (3, 141), (1, 120), (2, 141)]);
    }

    #[test]
    fn without_notes_of_older_epochs_a_page_is_taken_at_its_word() {
        let branches = Branches::new(&[], &here(&[(1, 0), (5, 40)]));
        assert_eq!(branches.born(3, 20), (3, 20));
        assert_eq!(branches.born(5, 20), (1, 20));
        let nothing = Branches::new(&[begun(2, 2, 9), begun(1, 7, 9)], &[]);
        assert_eq!(nothing.born(2, 3), (2, 3), "and nothing turns in a circle");
    }
}
