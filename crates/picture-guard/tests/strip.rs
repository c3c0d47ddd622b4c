//! What is left of a picture that told too much.

// Fixtures may fail as loudly as the tests that use them.
#![allow(clippy::unwrap_used)]

use std::borrow::Cow;
use std::io::Cursor;

use gridlog_picture_guard::gallery::{self, SECRETS};
use gridlog_picture_guard::{Keep, Outcome, strip};
use image::{DynamicImage, ImageDecoder, ImageReader};

fn pictures() -> [(&'static str, Vec<u8>); 4] {
    [
        ("jpeg", gallery::jpeg(48, 32, 1)),
        ("png", gallery::png(48, 32, 2)),
        ("webp", gallery::webp(48, 32, 3)),
        ("lossy webp", gallery::LOSSY_WEBP.to_vec()),
    ]
}

fn finds(bytes: &[u8], secret: &[u8]) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret)
}

/// The pixels, and what EXIF the decoder finds.
fn decoded(bytes: &[u8]) -> (DynamicImage, Option<Vec<u8>>, u8) {
    let reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .unwrap();
    let mut decoder = reader.into_decoder().unwrap();
    let exif = decoder.exif_metadata().unwrap();
    let orientation = decoder.orientation().unwrap().to_exif();
    (
        DynamicImage::from_decoder(decoder).unwrap(),
        exif,
        orientation,
    )
}

#[test]
fn no_place_maker_model_or_serial_number_is_left_and_no_pixel_changes() {
    for (name, picture) in pictures() {
        for orientation in [1, 6, 8] {
            let telling = gallery::with_metadata(&picture, orientation);
            for secret in SECRETS {
                let said = String::from_utf8_lossy(secret);
                assert!(finds(&telling, secret), "{name} never said {said}");
            }
            let stripped = strip(&telling, Keep::Nothing);
            assert!(
                matches!(stripped.what, Outcome::Removed { bytes } if bytes > 300),
                "{name}"
            );
            for secret in SECRETS {
                let said = String::from_utf8_lossy(secret);
                assert!(!finds(&stripped.bytes, secret), "{name} still says {said}");
            }
            let (before, _, upright) = decoded(&telling);
            let (after, exif, still_upright) = decoded(&stripped.bytes);
            assert_eq!(before, after, "{name}");
            assert_eq!(upright, still_upright, "{name}");
            assert_eq!(upright, orientation, "{name}");
            // The one thing of EXIF that is left is which way is up.
            assert_eq!(
                exif.map(|exif| exif.len()),
                (orientation != 1).then_some(26),
                "{name}"
            );
        }
    }
}

#[test]
fn the_profile_of_colours_stays() {
    let telling = gallery::with_metadata(&gallery::jpeg(16, 16, 1), 1);
    let stripped = strip(&telling, Keep::Nothing);
    assert!(finds(
        &stripped.bytes,
        b"ICC_PROFILE\0\x01\x01a profile of colours"
    ));
}

#[test]
fn a_clean_picture_is_left_as_it_is_and_stripping_twice_changes_nothing_more() {
    for (name, picture) in pictures() {
        let once = strip(&gallery::with_metadata(&picture, 6), Keep::Nothing)
            .bytes
            .into_owned();
        let twice = strip(&once, Keep::Nothing);
        assert_eq!(twice.what, Outcome::Clean, "{name}");
        assert!(
            matches!(twice.bytes, Cow::Borrowed(same) if same == once),
            "{name}"
        );
        assert_eq!(strip(&picture, Keep::Nothing).bytes, picture, "{name}");
    }
}

#[test]
fn a_district_that_keeps_exif_keeps_it_whole_and_nothing_else() {
    for (name, picture) in pictures() {
        let telling = gallery::with_metadata(&picture, 6);
        let stripped = strip(&telling, Keep::Exif);
        let (_, exif, orientation) = decoded(&stripped.bytes);
        assert_eq!(exif.as_deref(), Some(&gallery::exif(6)[..]), "{name}");
        assert_eq!(orientation, 6, "{name}");
        assert!(
            !finds(&stripped.bytes, SECRETS[6]),
            "{name} still has its comment"
        );
    }
}

#[test]
fn a_file_that_is_not_understood_stays_as_it_is_and_says_so() {
    let files: [&[u8]; 5] = [
        b"",
        b"%PDF-1.7 a plan of the building",
        b"\0\0\0\x18ftypheic and what a phone makes of it",
        b"\xFF\xD8\xFF\xE1\xFF\xFFcut off",
        b"\x89PNG\r\n\x1A\n\0\0\0\0IDAT",
    ];
    for file in files {
        let stripped = strip(file, Keep::Nothing);
        assert_eq!(stripped.what, Outcome::NotUnderstood);
        assert_eq!(stripped.bytes, file);
    }
}
