//! Reproducible choices: the same seed gives the same records on every machine.

use gridlog_domain::environment::{Entropy as _, SeededEntropy};

/// A sequence of choices that belongs to a seed.
#[derive(Debug)]
pub(crate) struct Dice(SeededEntropy);

impl Dice {
    /// The sequence of one record: of the run's seed, the device and the record's number.
    pub(crate) const fn of(seed: u64, device: u32, number: u32) -> Self {
        let place = ((device as u64) << 32) | number as u64;
        Self(SeededEntropy::new(
            seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ place,
        ))
    }

    /// A number from `from` up to, but not including, `to`.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        from + u64::from_le_bytes(bytes) % (to - from).max(1)
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.between(0, times) == 0
    }

    /// One of the items; `None` of none.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let index = self.between(0, items.len() as u64);
        items.get(usize::try_from(index).unwrap_or(0))
    }

    /// Random bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_record_has_the_same_choices_and_another_has_others() {
        let draw = |seed, device, number| Dice::of(seed, device, number).bytes::<16>();
        assert_eq!(draw(1, 2, 3), draw(1, 2, 3));
        assert_ne!(draw(1, 2, 3), draw(1, 3, 2));
        assert_ne!(draw(1, 2, 3), draw(2, 2, 3));
    }
}
