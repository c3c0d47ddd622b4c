//! Ten thousand broken pictures: none breaks anything else.
//!
//! The only test of its program, since it looks at the most memory that the program ever held.

mod mutated;

use std::time::Duration;

use gridlog_picture_guard::{Limits, gallery};
use mutated::{Outcomes, peak_memory_bytes};

const MUTATIONS: u64 = 10_000;
/// What the program takes beside what decoding may take: itself, the pictures, the preview.
const BESIDES: u64 = 32 * 1024 * 1024;

#[test]
fn ten_thousand_mutated_pictures_panic_nowhere_and_take_little_time_and_memory() {
    let seeds: Vec<Vec<u8>> = [
        gallery::jpeg(48, 32, 1),
        gallery::png(48, 32, 2),
        gallery::webp(48, 32, 3),
        gallery::LOSSY_WEBP.to_vec(),
    ]
    .iter()
    .flat_map(|picture| [picture.clone(), gallery::with_metadata(picture, 6)])
    .collect();
    // A mutation may name any size; what is large enough to take long is refused as every bomb is.
    let limits = Limits {
        max_pixels: 1_000_000,
        max_scanned_pixels: 6_000_000,
        max_memory_bytes: 16 * 1024 * 1024,
        ..Limits::default()
    };
    let outcomes = Outcomes::of(&seeds, MUTATIONS, &limits);
    outcomes.assert_bounded(Duration::from_secs(2));
    // Mutations that all break everything, or nothing, would prove nothing.
    assert!(
        outcomes.shown > 1_000 && outcomes.refused > 1_000 && outcomes.cleaned > 1_000,
        "{outcomes:?}"
    );
    if let Some(peak) = peak_memory_bytes() {
        let allowed = limits.max_memory_bytes + BESIDES;
        assert!(peak < allowed, "{peak} bytes of {allowed}");
    }
}
