//! Ten thousand broken pictures: none breaks anything else.

use gridlog_picture_guard::{Keep, Limits, Outcome, gallery, preview, strip};

const MUTATIONS: u64 = 10_000;

#[test]
fn ten_thousand_mutated_pictures_panic_nowhere_and_come_out_bounded() {
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
        ..Limits::default()
    };
    let (mut shown, mut refused, mut cleaned) = (0, 0, 0);
    for seed in 0..MUTATIONS {
        let honest = &seeds[usize::try_from(seed).unwrap() % seeds.len()];
        let broken = gallery::mutate(honest, seed);
        match preview(&broken, &limits) {
            Ok(small) => {
                shown += 1;
                assert!(small.len() <= limits.max_preview_bytes);
                assert!(
                    preview(&small, &limits).is_ok(),
                    "mutation {seed}: no picture came out"
                );
            }
            Err(_) => refused += 1,
        }
        let stripped = strip(&broken, Keep::Nothing);
        // An orientation that stays is written anew.
        assert!(
            stripped.bytes.len() <= broken.len() + 64,
            "mutation {seed} grew"
        );
        if stripped.what != Outcome::NotUnderstood {
            cleaned += 1;
            let again = strip(&stripped.bytes, Keep::Nothing);
            assert_eq!(
                again.what,
                Outcome::Clean,
                "mutation {seed} was not clean at once"
            );
        }
    }
    // Mutations that all break everything, or nothing, would prove nothing.
    assert!(
        shown > 1_000 && refused > 1_000 && cleaned > 1_000,
        "{shown} {refused} {cleaned}"
    );
}
