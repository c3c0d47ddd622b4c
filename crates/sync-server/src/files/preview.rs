//! What a file is, by its first bytes.

/// So many bytes tell what a file is.
pub(super) const TOLD_BY: usize = 64;

/// The media type of a picture that a browser may show; empty for everything else.
pub(super) fn media_type(beginning: &[u8]) -> &'static str {
    let at = |range: std::ops::Range<usize>| beginning.get(range).unwrap_or_default();
    if beginning.starts_with(b"\xff\xd8\xff") {
        "image/jpeg"
    } else if beginning.starts_with(b"\x89PNG\r\n\x1a\n") {
        "image/png"
    } else if at(0..4) == b"RIFF" && at(8..12) == b"WEBP" {
        "image/webp"
    } else {
        ""
    }
}
