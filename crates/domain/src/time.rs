//! At which time a step counts (DESIGN section 10).

use serde::{Deserialize, Serialize};

/// How far an act may seem to lie after its receipt before its device's clock must have jumped since the
/// offset was measured, in milliseconds: an offset is measured over an exchange, which may take two minutes.
const TOLERANCE_MS: i64 = 60_000;

/// The times that are stored for every act, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActTimes {
    /// What the device's clock said.
    pub device_ms: i64,
    /// Server time minus device time at the device's last sync; `None` if it is unknown or the
    /// device's clock jumped since.
    pub offset_ms: Option<i64>,
    /// When the device had pulled what the act answers; no act is earlier than what it answers.
    pub not_before_ms: i64,
    /// When the server received it.
    pub received_ms: i64,
}

/// The time at which a step counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedTime {
    /// Milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// True where the device's own time could not be used.
    pub flagged: bool,
}

impl ActTimes {
    /// Device time plus offset, clamped between what the act answers and its receipt; without an
    /// offset, the receipt, flagged. Nothing is done after it was received, so a time well after the
    /// receipt shows a clock that jumped forward since its offset was measured: the receipt, flagged. A
    /// smaller jump cannot be told from a clock that the network set right before the sync.
    pub fn counted(self) -> CountedTime {
        match self
            .offset_ms
            .and_then(|offset| self.device_ms.checked_add(offset))
        {
            Some(at) => CountedTime {
                at_ms: at
                    .max(self.not_before_ms.min(self.received_ms))
                    .min(self.received_ms),
                flagged: at > self.received_ms.saturating_add(TOLERANCE_MS),
            },
            None => CountedTime {
                at_ms: self.received_ms,
                flagged: true,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HONEST: ActTimes = ActTimes {
        device_ms: 5_000,
        offset_ms: Some(100),
        not_before_ms: 1_000,
        received_ms: 9_000,
    };

    #[test]
    fn honest_offline_work_counts_when_it_was_done() {
        assert_eq!(
            HONEST.counted(),
            CountedTime {
                at_ms: 5_100,
                flagged: false
            }
        );
    }

    #[test]
    fn a_turned_back_clock_gains_nothing_before_what_it_answers() {
        let turned_back = ActTimes {
            device_ms: -50_000,
            ..HONEST
        };
        assert_eq!(turned_back.counted().at_ms, 1_000);
    }

    #[test]
    fn a_clock_that_jumped_into_the_future_counts_at_receipt_and_is_flagged() {
        let counted = |device_ms| {
            let act = ActTimes {
                device_ms,
                ..HONEST
            };
            let counted = act.counted();
            (counted.at_ms, counted.flagged)
        };
        assert_eq!(counted(99_000), (9_000, true));
        assert_eq!(counted(9_500), (9_000, false), "as well as clocks agree");
        assert_eq!(counted(i64::MAX - 100), (9_000, true));
    }

    #[test]
    fn without_an_offset_it_counts_at_receipt_and_is_flagged() {
        let unknown = ActTimes {
            offset_ms: None,
            ..HONEST
        };
        assert_eq!(
            unknown.counted(),
            CountedTime {
                at_ms: 9_000,
                flagged: true
            }
        );
    }
}
