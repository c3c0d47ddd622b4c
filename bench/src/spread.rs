//! How a figure is spread over many phones.

/// The middle, the hundredth that waited longest, and the last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of at least one value; each figure is one of the values (nearest rank).
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let at = |percent: usize| {
            let rank = (values.len() * percent).div_ceil(100);
            values.get(rank.saturating_sub(1)).copied()
        };
        Some(Self {
            p50: at(50)?,
            p99: at(99)?,
            most: at(100)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_thousand_ten_are_later_than_the_99th_percentile() {
        let spread = Spread::of((1..=1_000).rev().map(f64::from).collect()).unwrap();
        assert_eq!(
            (spread.p50, spread.p99, spread.most),
            (500.0, 990.0, 1_000.0)
        );
    }

    #[test]
    fn one_value_is_all_of_them_and_none_has_no_spread() {
        let spread = Spread::of(vec![4.0]).unwrap();
        assert_eq!((spread.p50, spread.p99, spread.most), (4.0, 4.0, 4.0));
        assert_eq!(Spread::of(Vec::new()), None);
    }
}
