//! What becomes of pictures, honest and hostile, on their way to a preview.

// Fixtures may fail as loudly as the tests that use them.
#![allow(clippy::unwrap_used)]

use gridlog_picture_guard::gallery::{self, Dice};
use gridlog_picture_guard::{Limits, NoPreview, preview};
use image::ImageReader;

fn sides(jpeg: &[u8]) -> (u32, u32) {
    let reader = ImageReader::new(std::io::Cursor::new(jpeg))
        .with_guessed_format()
        .unwrap();
    assert_eq!(reader.format(), Some(image::ImageFormat::Jpeg));
    reader.into_dimensions().unwrap()
}

#[test]
fn a_preview_is_small_and_keeps_the_shape() {
    let limits = Limits::default();
    for picture in [
        gallery::jpeg(1_200, 800, 1),
        gallery::png(1_200, 800, 2),
        gallery::webp(1_200, 800, 3),
    ] {
        let small = preview(&picture, &limits).unwrap();
        assert!(small.len() <= 24 * 1024, "{} bytes", small.len());
        let (width, height) = sides(&small);
        assert_eq!(width, 320);
        assert!((212..=214).contains(&height), "{height}");
    }
    let tiny = preview(&gallery::jpeg(40, 30, 4), &limits).unwrap();
    assert_eq!(sides(&tiny), (40, 30));
}

#[test]
fn a_preview_stands_upright() {
    let lying = gallery::with_metadata(&gallery::jpeg(400, 200, 1), 6);
    let small = preview(&lying, &Limits::default()).unwrap();
    assert_eq!(sides(&small), (160, 320));
}

#[test]
fn noise_gets_a_preview_that_is_small_enough_too() {
    let mut dice = Dice::new(5);
    let noise = image::RgbImage::from_fn(640, 640, |_, _| {
        let [a, b, c, ..] = dice.next().to_le_bytes();
        image::Rgb([a, b, c])
    });
    let mut png = std::io::Cursor::new(Vec::new());
    noise.write_to(&mut png, image::ImageFormat::Png).unwrap();
    let small = preview(png.get_ref(), &Limits::default()).unwrap();
    assert!(small.len() <= 24 * 1024, "{} bytes", small.len());
}

/// A WebP whose canvas is one pixel, and whose frame has 16,383 pixels a side.
fn webp_that_hides_its_size() -> Vec<u8> {
    let mut frame = gallery::LOSSY_WEBP[12..].to_vec();
    frame[8 + 6..8 + 10].copy_from_slice(&[0xFF, 0x3F, 0xFF, 0x3F]);
    let header = b"VP8X\x0A\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let body = [b"WEBP", &header[..], &frame].concat();
    let length = u32::try_from(body.len()).unwrap();
    [b"RIFF", &length.to_le_bytes()[..], &body].concat()
}

#[test]
fn a_bomb_is_recognised_by_what_it_declares_before_it_is_decoded() {
    let limits = Limits::default();
    let mut jpeg = gallery::jpeg(16, 16, 1);
    let frame = jpeg
        .windows(2)
        .position(|bytes| bytes == [0xFF, 0xC0])
        .unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xFF; 4]);
    let mut png = gallery::png(16, 16, 1);
    png[16..24].copy_from_slice(&[0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF]);
    for (name, bomb) in [
        ("jpeg", jpeg),
        ("png", png),
        ("webp", webp_that_hides_its_size()),
    ] {
        let refused = preview(&bomb, &limits);
        assert!(
            matches!(refused, Err(NoPreview::TooManyPixels { declared, .. }) if declared > 200_000_000),
            "{name}: {refused:?}"
        );
    }
}

#[test]
fn a_picture_that_would_take_too_much_memory_is_not_decoded() {
    let limits = Limits {
        max_memory_bytes: 100_000,
        ..Limits::default()
    };
    for picture in [
        gallery::jpeg(400, 300, 1),
        gallery::png(400, 300, 1),
        gallery::webp(400, 300, 1),
    ] {
        assert!(preview(&picture, &limits).is_err());
    }
    // Of a progressive picture the coefficients count too.
    let mut progressive = gallery::jpeg(400, 300, 1);
    let frame = progressive
        .windows(2)
        .position(|bytes| bytes == [0xFF, 0xC0])
        .unwrap();
    progressive[frame + 1] = 0xC2;
    let limits = Limits {
        max_memory_bytes: 400 * 300 * 3 + 100_000,
        ..Limits::default()
    };
    let refused = preview(&progressive, &limits);
    assert!(
        matches!(refused, Err(NoPreview::TooMuchMemory { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_picture_of_a_great_many_scans_is_not_decoded() {
    let mut jpeg = gallery::jpeg(400, 300, 1);
    let scan = jpeg
        .windows(2)
        .position(|bytes| bytes == [0xFF, 0xDA])
        .unwrap();
    let empty = [0xFF, 0xDA, 0, 8, 1, 1, 0, 1, 63, 0].repeat(99);
    jpeg.splice(scan..scan, empty);
    let limits = Limits {
        max_scanned_pixels: 400 * 300 * 50,
        ..Limits::default()
    };
    let refused = preview(&jpeg, &limits);
    let scanned = 400 * 300 * 100;
    assert!(
        matches!(refused, Err(NoPreview::TooManyScans { scanned: found, .. }) if found == scanned),
        "{refused:?}"
    );
}

#[test]
fn what_is_no_picture_has_no_preview() {
    let limits = Limits::default();
    for (bytes, why) in [
        (&b""[..], NoPreview::NotDecodable),
        (b"a letter, not a picture", NoPreview::NotDecodable),
        (b"\0\0\0\x18ftypheic", NoPreview::NotDecodable),
        (b"\xFF\xD8\xFF\xD9", NoPreview::Malformed),
        (b"RIFF\x04\0\0\0WEBP", NoPreview::Malformed),
    ] {
        assert_eq!(preview(bytes, &limits), Err(why));
    }
}
