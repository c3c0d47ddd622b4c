//! When the next attempt may be made: at once, after a failure later and later, and not before the
//! server wants it.
//!
//! No I/O and no clock: time and randomness come in. What is random is so that phones which failed
//! together do not come back together.

use serde::{Deserialize, Serialize};

/// Longest time for which a server can ask to be left alone, in milliseconds: a broken one must not
/// silence a phone for good.
pub const LONGEST_HOLD_MS: u64 = 60 * 60 * 1_000;
/// What the first failure delays the next attempt by at most, in milliseconds; each further one twice
/// as much.
const FIRST_BACKOFF_MS: u64 = 1_000;
/// What any number of failures does.
const LONGEST_BACKOFF_MS: u64 = 5 * 60 * 1_000;
/// A hold is prolonged at random by up to this part of it.
const JITTER_PART: u64 = 5;

/// A part of `most`, from none to all of it.
fn part(most: u64, random: u64) -> u64 {
    random.checked_rem(most.saturating_add(1)).unwrap_or(random)
}

/// How far `then_ms` is ahead, in milliseconds; zero if it is over, or so far ahead that a clock must
/// have jumped.
fn ahead(now_ms: i64, then_ms: i64, longest_ms: u64) -> u64 {
    let ahead = u64::try_from(then_ms.saturating_sub(now_ms)).unwrap_or(0);
    if ahead > longest_ms { 0 } else { ahead }
}

/// A server's wish to be left alone for a while. Times are the device's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// When it was said, milliseconds since the Unix epoch.
    pub asked_ms: i64,
    /// Until when, jitter included.
    pub not_before_ms: i64,
    /// Whether the server refused a request (503, 429); else it answered and asked for it politely.
    pub refused: bool,
}

impl Hold {
    /// The server said at `now_ms` that it wants to be left alone for `wait_ms`. `random` is any
    /// number.
    pub fn asked(now_ms: i64, wait_ms: u64, refused: bool, random: u64) -> Self {
        let wait_ms = wait_ms.min(LONGEST_HOLD_MS);
        let with_jitter = wait_ms + part(wait_ms / JITTER_PART, random);
        let bounded = with_jitter.min(LONGEST_HOLD_MS);
        Self {
            asked_ms: now_ms,
            not_before_ms: now_ms.saturating_add_unsigned(bounded),
            refused,
        }
    }

    /// How long it still holds, in milliseconds. A time more than an hour ahead is void: a clock has
    /// jumped.
    pub fn left_ms(&self, now_ms: i64) -> u64 {
        ahead(now_ms, self.not_before_ms, LONGEST_HOLD_MS)
    }
}

/// Says when the next attempt may be made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pacer {
    failures: u32,
    /// The earliest time by its own failures.
    not_before_ms: Option<i64>,
    hold: Option<Hold>,
}

impl Pacer {
    /// A pacer that knows of no failure. `hold` is what the server asked for earlier.
    pub fn new(hold: Option<Hold>) -> Self {
        Self {
            hold,
            ..Self::default()
        }
    }

    /// An attempt succeeded: the next one may follow at once.
    pub fn succeeded(&mut self) {
        self.failures = 0;
        self.not_before_ms = None;
    }

    /// An attempt failed at `now_ms`. The next one follows after a random part of a time that doubles
    /// with every failure. `random` is any number.
    pub fn failed(&mut self, now_ms: i64, random: u64) {
        let doubled = 1_u64.checked_shl(self.failures.min(63)).unwrap_or(u64::MAX);
        let most = FIRST_BACKOFF_MS
            .saturating_mul(doubled)
            .min(LONGEST_BACKOFF_MS);
        self.failures = self.failures.saturating_add(1);
        self.put_off(now_ms, part(most, random));
    }

    /// The next attempt is not made before `wait_ms` have passed.
    pub fn put_off(&mut self, now_ms: i64, wait_ms: u64) {
        let wait_ms = wait_ms.min(LONGEST_BACKOFF_MS);
        self.not_before_ms = Some(now_ms.saturating_add_unsigned(wait_ms));
    }

    /// What the server asks for now; it replaces what it asked for before.
    pub fn hold(&mut self, hold: Option<Hold>) {
        self.hold = hold;
    }

    /// How long to wait for the next attempt, in milliseconds; zero if it may be made now.
    pub fn wait_ms(&self, now_ms: i64) -> u64 {
        let held = self.hold.map_or(0, |hold| hold.left_ms(now_ms));
        let failed = self.not_before_ms;
        failed
            .map_or(0, |then| ahead(now_ms, then, LONGEST_BACKOFF_MS))
            .max(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_790_000_000_000;
    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_server_is_left_alone_for_as_long_as_it_asks_and_up_to_a_fifth_more() {
        for random in [0, 1, 7_777, u64::MAX - 1, u64::MAX] {
            let hold = Hold::asked(NOW, 10_000, true, random);
            let left = hold.left_ms(NOW);
            assert!((10_000..=12_000).contains(&left), "{left}");
            let pacer = Pacer::new(Some(hold));
            assert_eq!(pacer.wait_ms(NOW), left);
            assert_eq!(pacer.wait_ms(NOW + 9_000), left - 9_000);
            assert_eq!(pacer.wait_ms(NOW + 12_000), 0);
        }
        let spread = |random| Hold::asked(NOW, 10_000, true, random).left_ms(NOW);
        assert_eq!(
            (spread(0), spread(2_000), spread(2_001)),
            (10_000, 12_000, 10_000)
        );
    }

    #[test]
    fn no_server_silences_a_phone_for_more_than_an_hour() {
        for wait in [u64::MAX, 3 * LONGEST_HOLD_MS] {
            let hold = Hold::asked(NOW, wait, true, u64::MAX);
            assert_eq!(hold.left_ms(NOW), LONGEST_HOLD_MS);
            assert_eq!(hold.left_ms(NOW + HOUR), 0);
        }
    }

    #[test]
    fn a_clock_that_jumps_does_not_lock_the_phone() {
        let hold = Hold::asked(NOW, 60_000, true, 0);
        assert_eq!(hold.left_ms(NOW - 24 * HOUR), 0);
        assert_eq!(hold.left_ms(NOW + 24 * HOUR), 0);
        assert!(hold.left_ms(NOW - 60_000) <= LONGEST_HOLD_MS);
        let mut pacer = Pacer::default();
        pacer.failed(NOW, 999);
        assert_eq!(pacer.wait_ms(NOW), 999);
        assert_eq!(pacer.wait_ms(NOW - HOUR), 0);
    }

    #[test]
    fn failures_delay_the_next_attempt_more_and_more_up_to_five_minutes() {
        let mut pacer = Pacer::default();
        assert_eq!(pacer.wait_ms(NOW), 0);
        let mut longest = Vec::new();
        for _ in 0..12 {
            let mut best = 0;
            for random in [999, 1_999, 3_999, 299_999, 300_000] {
                let mut attempt = pacer;
                attempt.failed(NOW, random);
                best = best.max(attempt.wait_ms(NOW));
            }
            longest.push(best);
            pacer.failed(NOW, 0);
            assert_eq!(pacer.wait_ms(NOW), 0, "jitter is full");
        }
        assert!(longest.is_sorted());
        assert!(longest[0] <= 1_000 && longest[1] <= 2_000 && longest[11] == 300_000);
        pacer.succeeded();
        pacer.failed(NOW, u64::MAX);
        assert!(pacer.wait_ms(NOW) <= 1_000, "a success forgives");
    }

    #[test]
    fn a_success_does_not_end_a_hold() {
        let mut pacer = Pacer::new(Some(Hold::asked(NOW, 5_000, false, 0)));
        pacer.failed(NOW, 0);
        pacer.succeeded();
        assert_eq!(pacer.wait_ms(NOW), 5_000);
        pacer.hold(None);
        assert_eq!(pacer.wait_ms(NOW), 0);
    }
}
