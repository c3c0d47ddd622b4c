//! A rate: so many of so many.

use std::fmt;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// So many of so many. Prints as a percentage with two decimals, halves rounded up, and as `—` where
/// there is nothing to be a part of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// How many count.
    pub numerator: u64,
    /// Of how many.
    pub denominator: u64,
}

impl Rate {
    /// Hundredths of a percent, halves rounded up; `None` for 0 of 0.
    pub fn basis_points(self) -> Option<u64> {
        let (part, whole) = (u128::from(self.numerator), u128::from(self.denominator));
        let twice = (part * 20_000 + whole).checked_div(whole)?;
        u64::try_from(twice / 2).ok()
    }
}

impl AddAssign for Rate {
    fn add_assign(&mut self, other: Self) {
        self.numerator += other.numerator;
        self.denominator += other.denominator;
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.basis_points() {
            Some(points) => write!(f, "{}.{:02}%", points / 100, points % 100),
            None => f.write_str("—"),
        }
    }
}
