//! One file: what the platter holds, and what was written since the last sync.

use rand::{Rng, RngExt as _};

use super::strikes::Strikes;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// A file's bytes.
#[derive(Debug, Default)]
pub(crate) struct File {
    synced: Vec<u8>,
    current: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    SetLen(usize),
}

impl File {
    /// A file whose bytes are all on the platter.
    pub(crate) fn synced(bytes: &[u8]) -> Self {
        Self {
            synced: bytes.to_vec(),
            current: bytes.to_vec(),
            unsynced: Vec::new(),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.current
    }

    pub(crate) fn len(&self) -> usize {
        self.current.len()
    }

    pub(crate) fn unsynced(&self) -> usize {
        self.unsynced.len()
    }

    /// Fills `into` as far as the file reaches and says how far.
    pub(crate) fn read(&self, offset: usize, into: &mut [u8]) -> usize {
        let there = self.current.get(offset..).unwrap_or_default();
        let count = there.len().min(into.len());
        into[..count].copy_from_slice(&there[..count]);
        count
    }

    pub(crate) fn write(&mut self, offset: usize, bytes: &[u8]) {
        self.change(Change::Write {
            offset,
            bytes: bytes.to_vec(),
        });
    }

    pub(crate) fn set_len(&mut self, len: usize) {
        self.change(Change::SetLen(len));
    }

    fn change(&mut self, change: Change) {
        change.apply_to(&mut self.current);
        self.unsynced.push(change);
    }

    pub(crate) fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            change.apply_to(&mut self.synced);
        }
    }

    /// Keeps the first few of the unsynced changes and perhaps a part of the next.
    pub(crate) fn lose_power(&mut self, random: &mut impl Rng, strikes: &mut Strikes) {
        let mut unsynced = std::mem::take(&mut self.unsynced).into_iter();
        let whole = random.random_range(0..=unsynced.len());
        for change in unsynced.by_ref().take(whole) {
            change.apply_to(&mut self.synced);
        }
        let mut lost = unsynced.len() as u64;
        if let Some(torn) = unsynced
            .next()
            .filter(|_| random.random())
            .and_then(|next| next.head(random))
        {
            torn.apply_to(&mut self.synced);
            strikes.writes_torn += 1;
            lost -= 1;
        }
        strikes.writes_forgotten += lost;
        self.current.clone_from(&self.synced);
    }

    /// Keeps any of the unsynced changes, whole or some of their sectors.
    pub(crate) fn lose_power_scattered(&mut self, random: &mut impl Rng, strikes: &mut Strikes) {
        let mut holes = false;
        for change in std::mem::take(&mut self.unsynced) {
            let mut pieces = change.sectors();
            let whole = pieces.len();
            match random.random_range(0..3) {
                0 => pieces.clear(),
                1 => {}
                _ => pieces.retain(|_| random.random()),
            }
            if pieces.is_empty() {
                strikes.writes_forgotten += 1;
            } else {
                strikes.writes_reordered += u64::from(holes);
                strikes.writes_torn += u64::from(pieces.len() < whole);
            }
            holes |= pieces.len() < whole;
            for piece in pieces {
                piece.apply_to(&mut self.synced);
            }
        }
        self.current.clone_from(&self.synced);
    }
}

impl Change {
    fn apply_to(&self, content: &mut Vec<u8>) {
        match self {
            Self::SetLen(len) => content.resize(*len, 0),
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(bytes);
            }
        }
    }

    /// The part of a write before a tear, at the edge of a sector or inside one; `None` for what
    /// cannot be torn.
    fn head(self, random: &mut impl Rng) -> Option<Self> {
        let Self::Write { offset, mut bytes } = self else {
            return None;
        };
        if bytes.len() < 2 {
            return None;
        }
        let first_edge = SECTOR - offset % SECTOR;
        let at_an_edge: bool = random.random();
        let cut = if at_an_edge && first_edge < bytes.len() {
            let edges = (bytes.len() - 1 - first_edge) / SECTOR;
            first_edge + random.random_range(0..=edges) * SECTOR
        } else {
            random.random_range(1..bytes.len())
        };
        bytes.truncate(cut);
        Some(Self::Write { offset, bytes })
    }

    /// The write as one write for each sector that it touches.
    fn sectors(self) -> Vec<Self> {
        let Self::Write { offset, bytes } = self else {
            return vec![self];
        };
        let mut pieces = Vec::new();
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done;
            let count = (SECTOR - at % SECTOR).min(bytes.len() - done);
            pieces.push(Self::Write {
                offset: at,
                bytes: bytes[done..done + count].to_vec(),
            });
            done += count;
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    /// 1000 bytes of `1`, synced; then three writes of `2`, `3` and `4` that are not.
    fn written() -> File {
        let mut file = File::synced(&[1; 1000]);
        file.write(500, &[2; 1024]);
        file.write(1524, &[3; 1024]);
        file.write(0, &[4; 600]);
        file
    }

    fn lost(seed: u64, lose: fn(&mut File, &mut ChaCha8Rng, &mut Strikes)) -> (Vec<u8>, Strikes) {
        let mut file = written();
        let mut strikes = Strikes::default();
        lose(
            &mut file,
            &mut ChaCha8Rng::seed_from_u64(seed),
            &mut strikes,
        );
        assert_eq!(file.unsynced(), 0);
        (file.bytes().to_vec(), strikes)
    }

    #[test]
    fn reads_see_a_write_at_once_and_end_where_the_file_ends() {
        let file = written();
        let mut into = [0; 4];
        assert_eq!(file.read(2546, &mut into), 2);
        assert_eq!(into, [3, 3, 0, 0]);
        assert_eq!(file.read(9999, &mut into), 0);
        assert_eq!(file.read(598, &mut into), 4);
        assert_eq!(into, [4, 4, 2, 2]);
    }

    #[test]
    fn what_was_synced_survives() {
        for seed in 0..64 {
            let mut file = written();
            file.sync();
            let before = file.bytes().to_vec();
            file.set_len(10);
            file.sync();
            file.set_len(4000);
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut strikes = Strikes::default();
            file.lose_power(&mut random, &mut strikes);
            assert!([10, 4000].contains(&file.len()));
            assert_eq!(file.bytes()[..10], before[..10]);
        }
    }

    #[test]
    fn an_orderly_power_loss_keeps_writes_up_to_a_point_and_none_after_it() {
        let mut torn = 0;
        for seed in 0..200 {
            let (bytes, strikes) = lost(seed, File::lose_power);
            let second = bytes.len() > 1524;
            let third = bytes[0] == 4;
            assert!(!second || bytes[1000..1524] == [2; 524], "seed {seed}");
            assert!(!third || bytes.len() == 2548, "seed {seed}");
            assert_eq!(strikes.writes_reordered, 0);
            torn += strikes.writes_torn;
        }
        assert!(torn > 20, "only {torn} torn");
    }

    #[test]
    fn a_scattered_power_loss_may_keep_a_later_write_without_an_earlier_one() {
        let reordered: u64 = (0..200)
            .map(|seed| lost(seed, File::lose_power_scattered).1.writes_reordered)
            .sum();
        assert!(reordered > 20, "only {reordered} reordered");
    }

    #[test]
    fn the_same_seed_loses_the_same_bytes() {
        for seed in 0..50 {
            for lose in [File::lose_power, File::lose_power_scattered] {
                assert_eq!(lost(seed, lose), lost(seed, lose));
            }
        }
        assert_ne!(lost(1, File::lose_power).0, lost(2, File::lose_power).0);
    }

    #[test]
    fn a_scattered_tear_runs_along_sectors() {
        let write = Change::Write {
            offset: 500,
            bytes: vec![9; 1000],
        };
        let pieces: Vec<(usize, usize)> = write
            .sectors()
            .into_iter()
            .filter_map(|piece| match piece {
                Change::Write { offset, bytes } => Some((offset, bytes.len())),
                Change::SetLen(_) => None,
            })
            .collect();
        assert_eq!(pieces, [(500, 12), (512, 512), (1024, 476)]);
    }
}
