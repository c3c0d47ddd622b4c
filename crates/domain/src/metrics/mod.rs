//! What a district is measured by (指标): rates of cases, never of people.
//!
//! A metric is data: which cases it is about, which of them count, and which moment of a case must lie
//! in the period ([`METRICS`]). So an office can read what a figure means, and two servers never count
//! differently. There is no metric by person and no ranking of communities (DESIGN section 9).
//!
//! Each metric is one row of [`METRICS`]; adding one is adding a row. `docs/metrics.md` is made from that
//! table, and a test keeps the two equal.

mod facts;
mod rate;
mod table;
mod traits;

pub use facts::{CaseFacts, Moment};
pub use rate::Rate;
pub use table::{METRICS, Metric, markdown};
pub use traits::{Trait, TraitSet};

/// A period: from the first moment, inclusive, to the second, exclusive; milliseconds since the Unix
/// epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first moment.
    pub from_ms: i64,
    /// The first moment after it.
    pub to_ms: i64,
}

impl Period {
    /// Whether the moment lies in it.
    pub const fn contains(self, at_ms: i64) -> bool {
        self.from_ms <= at_ms && at_ms < self.to_ms
    }
}

#[cfg(test)]
mod tests;
