//! How long the worst pictures within the default limits take. Run in release, with the feature `gallery`.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use gridlog_picture_guard::gallery::hollow::{self, Scans};
use gridlog_picture_guard::{Keep, Limits, gallery, preview, strip};

fn main() {
    let limits = Limits::default();
    let files = [
        ("12 MP JPEG, a phone's", gallery::jpeg(4_000, 3_000, 1)),
        ("49 MP JPEG", gallery::jpeg(7_000, 7_000, 1)),
        ("49 MP JPEG, hollow", hollow::jpeg(7_000, Scans::Together)),
        (
            "29 MP JPEG of three scans, hollow",
            hollow::jpeg(5_400, Scans::Apart),
        ),
        (
            "20 MP progressive JPEG, 14 scans",
            hollow::jpeg(4_472, Scans::Progressive(14)),
        ),
        (
            "20 MP progressive JPEG, 100 scans",
            hollow::jpeg(4_472, Scans::Progressive(100)),
        ),
        ("49 MP PNG", gallery::png(7_000, 7_000, 1)),
        ("36 MP WebP without loss", gallery::webp(6_000, 6_000, 1)),
        (
            "24 MP WebP with transparency, hollow",
            hollow::webp(4_900, false),
        ),
        ("14 MP WebP in a film, hollow", hollow::webp(3_700, true)),
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
