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

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap();
    [kind, &length.to_le_bytes()[..], data].concat()
}

/// A WebP whose canvas is one pixel, with these chunks on it.
fn webp_of_one_pixel(flags: u8, chunks: &[&[u8]]) -> Vec<u8> {
    let header = chunk(b"VP8X", &[flags, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    chunk(b"RIFF", &[b"WEBP", &header[..], &chunks.concat()].concat())
}

/// A frame of 16,383 pixels a side.
fn huge_frame() -> Vec<u8> {
    let mut frame = gallery::LOSSY_WEBP[20..].to_vec();
    frame[6..10].copy_from_slice(&[0xFF, 0x3F, 0xFF, 0x3F]);
    frame
}

/// Files whose largest frame stands where only a decoder looks.
fn webps_that_hide_their_size() -> [(&'static str, Vec<u8>); 5] {
    const ANIMATED: u8 = 0b0000_0010;
    let frame = chunk(b"VP8 ", &huge_frame());
    let head = [0; 16];
    let film = |kind: &[u8; 4], chunks: &[u8]| chunk(kind, &[&head[..], chunks].concat());
    let cut_off = {
        let film = film(b"ANMF", &[&frame[..], &[0; 64]].concat());
        let start = chunk(b"ANIM", &[0; 6]);
        let mut file = webp_of_one_pixel(ANIMATED, &[&start, &film]);
        file.truncate(file.len() - 64);
        file
    };
    let transparency = chunk(b"ALPH", &[0, 0]);
    let of_no_kind = chunk(b"MINE", &huge_frame());
    let mut behind_its_end = film(b"ANMF", &[0; 8]);
    behind_its_end[24..].copy_from_slice(&frame[..8]);
    let mut behind_the_end = webp_of_one_pixel(0, &[&frame]);
    behind_the_end[4..8].copy_from_slice(&22_u32.to_le_bytes());
    [
        ("behind a small canvas", webp_of_one_pixel(0, &[&frame])),
        ("in a frame that is cut off", cut_off),
        (
            "behind transparency, under no name",
            webp_of_one_pixel(
                ANIMATED,
                &[&film(b"ANMF", &[transparency, of_no_kind].concat())],
            ),
        ),
        (
            "behind the end of the frame that it begins in",
            webp_of_one_pixel(0, &[&behind_its_end, &frame[8..]]),
        ),
        ("behind the end of the file", behind_the_end),
    ]
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
    let bombs = [("jpeg", jpeg), ("png", png)];
    for (name, bomb) in bombs.into_iter().chain(webps_that_hide_their_size()) {
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
fn a_picture_that_two_decoders_read_in_two_ways_is_not_decoded() {
    let honest = gallery::jpeg(400, 300, 1);
    let behind_the_first = 2 + 2 + 16;
    // To one a restart has no length and a segment begins behind it; the other skips that segment's beginning only,
    // and finds what is hidden in it.
    let hidden = [&[0xFF, 0xD0, 0, 6, 0xFF, 0xE5, 0, 80][..], &[0; 78]].concat();
    for between in [&hidden[..], b"\0\0\0", &[0xFF, 0], &[0xFF, 1]] {
        let mut jpeg = honest.clone();
        jpeg.splice(behind_the_first..behind_the_first, between.iter().copied());
        assert_eq!(
            preview(&jpeg, &Limits::default()),
            Err(NoPreview::Malformed)
        );
    }
    // Padding in front of a marker is no such thing.
    let mut padded = honest;
    padded.splice(behind_the_first..behind_the_first, [0xFF; 3]);
    assert!(preview(&padded, &Limits::default()).is_ok());
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
