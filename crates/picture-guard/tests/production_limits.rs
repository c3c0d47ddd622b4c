//! What the most expensive pictures cost under the limits that phones and servers have.
//!
//! The only test of its program, since it looks at the most memory that the program ever held.

mod mutated;

use std::time::Duration;

use gridlog_picture_guard::gallery::hollow::{self, Scans};
use gridlog_picture_guard::{Limits, gallery};
use mutated::{Outcomes, peak_memory_bytes};

/// What the program takes beside what decoding may take: itself, the pictures, a copy of one, the preview, and what the
/// allocator keeps of what was given back (64 MB in the C library of Linux).
const BESIDES: u64 = 128 * 1024 * 1024;
/// Four times what the slowest of them takes in a build that is not optimised; a hundred scans would take more.
const LONGEST: Duration = Duration::from_secs(8);

/// Just within some limit, or just beyond it, and as light as they can be.
fn expensive() -> Vec<Vec<u8>> {
    vec![
        hollow::jpeg(7_000, Scans::Together),
        hollow::jpeg(7_000, Scans::Apart),
        hollow::jpeg(5_400, Scans::Apart),
        hollow::jpeg(4_600, Scans::Progressive(14)),
        hollow::jpeg(4_600, Scans::Progressive(200)),
        hollow::webp(5_600, false),
        hollow::webp(4_900, false),
        hollow::webp(5_600, true),
        hollow::webp(3_700, true),
    ]
}

/// Not expensive yet; a mutation makes one of them large now and then.
fn ordinary() -> Vec<Vec<u8>> {
    vec![
        gallery::with_metadata(&gallery::jpeg(400, 300, 1), 6),
        gallery::with_metadata(&gallery::png(400, 300, 2), 6),
        gallery::with_metadata(&gallery::webp(400, 300, 3), 6),
        hollow::jpeg(400, Scans::Apart),
        hollow::jpeg(400, Scans::Progressive(10)),
        hollow::webp(400, false),
        hollow::webp(400, true),
    ]
}

#[test]
fn no_picture_takes_more_time_or_memory_than_the_limits_in_production_allow() {
    let limits = Limits::default();
    let expensive = expensive();
    let mut as_they_are = Outcomes::default();
    for (number, picture) in (0..).zip(&expensive) {
        as_they_are.add(number, picture, &limits);
    }
    as_they_are.assert_bounded(LONGEST);
    // Pictures that are all refused, or all light, would prove nothing.
    assert_eq!((as_they_are.shown, as_they_are.refused), (5, 4));
    let mutated = Outcomes::of(&expensive, 2 * expensive.len() as u64, &limits);
    mutated.assert_bounded(LONGEST);
    let ordinary = Outcomes::of(&ordinary(), 210, &limits);
    ordinary.assert_bounded(LONGEST);
    assert!(ordinary.shown > 50 && ordinary.refused > 50, "{ordinary:?}");
    if let Some(peak) = peak_memory_bytes() {
        let allowed = limits.max_memory_bytes + BESIDES;
        assert!(peak < allowed, "{peak} bytes of {allowed}");
    }
}
