//! How long the worst pictures within the default limits take. Run in release, with the feature `gallery`.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use gridlog_picture_guard::{Keep, Limits, gallery, preview, strip};

/// A JPEG of a few bytes whose header declares about fifty megapixels.
fn hollow_jpeg(frame_marker: u8) -> Vec<u8> {
    let mut jpeg = gallery::jpeg(16, 16, 1);
    let frame = jpeg
        .windows(2)
        .position(|bytes| bytes == [0xFF, 0xC0])
        .expect("the encoder writes baseline frames");
    jpeg[frame + 1] = frame_marker;
    let side = 7_000_u16.to_be_bytes();
    jpeg[frame + 5..frame + 7].copy_from_slice(&side);
    jpeg[frame + 7..frame + 9].copy_from_slice(&side);
    jpeg
}

/// A progressive picture of that many scans, each of which touches every block.
fn many_scans(side: u16, scans: usize) -> Vec<u8> {
    let mut jpeg = gallery::jpeg(16, 16, 1);
    let at = |marker: u8, bytes: &[u8]| {
        let found = bytes.windows(2).position(|pair| pair == [0xFF, marker]);
        found.expect("the encoder writes each of these")
    };
    let frame = at(0xC0, &jpeg);
    jpeg[frame + 1] = 0xC2;
    jpeg[frame + 5..frame + 7].copy_from_slice(&side.to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&side.to_be_bytes());
    let scan = at(0xDA, &jpeg);
    jpeg.truncate(scan);
    for _ in 0..scans {
        jpeg.extend_from_slice(&[0xFF, 0xDA, 0, 8, 1, 1, 0, 1, 63, 0]);
        jpeg.extend_from_slice(&[0x55; 64]);
    }
    jpeg.extend_from_slice(&[0xFF, 0xD9]);
    jpeg
}

fn main() {
    let limits = Limits::default();
    let files = [
        ("12 MP JPEG, a phone's", gallery::jpeg(4_000, 3_000, 1)),
        ("49 MP JPEG", gallery::jpeg(7_000, 7_000, 1)),
        ("49 MP JPEG, hollow", hollow_jpeg(0xC0)),
        ("20 MP progressive JPEG, 14 scans", many_scans(4_472, 14)),
        ("20 MP progressive JPEG, 100 scans", many_scans(4_472, 100)),
        ("49 MP PNG", gallery::png(7_000, 7_000, 1)),
        ("36 MP WebP without loss", gallery::webp(6_000, 6_000, 1)),
    ];
    for (name, file) in files {
        let begun = Instant::now();
        let made = preview(&file, &limits);
        let preview_ms = begun.elapsed().as_millis();
        let begun = Instant::now();
        let stripped = strip(&file, Keep::Nothing);
        let strip_ms = begun.elapsed().as_millis();
        let outcome = made.map(|bytes| bytes.len()).map_err(|why| why.code());
        println!(
            "{name}: {} bytes, preview {preview_ms} ms {outcome:?}, strip {strip_ms} ms {}",
            file.len(),
            stripped.what.code()
        );
    }
}
