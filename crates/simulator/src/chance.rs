//! Chance: everything that could go one way or the other, drawn from the seed alone.
//!
//! Each turn and each message has a stream of its own, named by what it belongs to, so that leaving
//! out one turn does not change what the others draw.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest as _, Sha256};

/// A stream of draws.
#[derive(Debug, Clone)]
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream of that name under a seed.
    pub(crate) fn of(seed: u64, name: &str, numbers: &[u64]) -> Self {
        let mut hash = Sha256::new()
            .chain_update(seed.to_le_bytes())
            .chain_update(name.as_bytes());
        for number in numbers {
            hash.update(number.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(hash.finalize().into()))
    }

    /// Any number.
    pub(crate) fn any(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `end`; 0 if there is none.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.any() % end }
    }

    /// A number from `first` to `last`.
    pub(crate) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last.saturating_sub(first).saturating_add(1))
    }

    /// True in so many of a hundred draws.
    pub(crate) fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < u64::from(percent)
    }

    /// An element.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = usize::try_from(self.below(from.len() as u64)).ok()?;
        from.get(at)
    }

    /// An index below `len`.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// An element, as often as its weight says; `None` if all weights are zero.
    pub(crate) fn weighted<T: Copy>(&mut self, from: &[(T, u32)]) -> Option<T> {
        let all = from.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut at = self.below(all);
        for (element, weight) in from {
            let weight = u64::from(*weight);
            if at < weight {
                return Some(*element);
            }
            at -= weight;
        }
        None
    }

    /// Milliseconds, mostly few and sometimes very many.
    pub(crate) fn wait_ms(&mut self) -> i64 {
        let limit = match self.below(10) {
            0..4 => 200,
            4..7 => 20_000,
            7..9 => 1_200_000,
            _ => 8 * 3_600_000,
        };
        i64::try_from(self.between(1, limit)).unwrap_or(1)
    }
}
