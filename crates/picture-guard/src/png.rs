//! The chunks of a PNG.

use crate::exif;
use crate::strip::Keep;

/// How every PNG begins.
pub(crate) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1A\n";

/// Chunks that say how pixels are made, which colours they have and how frames follow one another.
const KEPT: [&[u8; 4]; 18] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP",
    b"mDCV", b"cLLI", b"sBIT", b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT",
];
const EXIF: &[u8; 4] = b"eXIf";

/// One chunk.
struct Chunk<'a> {
    kind: &'a [u8; 4],
    data: &'a [u8],
    /// All of it: length, kind, data, checksum.
    whole: &'a [u8],
}

/// The chunks, one by one, up to the one that ends a picture or to where the file was cut off.
struct Chunks<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let (length, behind) = self.rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (kind, behind) = behind.split_first_chunk()?;
        let data = behind.get(..length)?;
        let whole = self.rest.get(..length.checked_add(12)?)?;
        self.rest = match kind {
            b"IEND" => &[],
            _ => &self.rest[whole.len()..],
        };
        Some(Chunk { kind, data, whole })
    }
}

fn chunks(bytes: &[u8]) -> Option<Chunks<'_>> {
    let rest = bytes.strip_prefix(SIGNATURE)?;
    Some(Chunks { rest })
}

/// How wide and high the picture says that it is.
pub(crate) fn sides(bytes: &[u8]) -> Option<(u32, u32)> {
    let first = chunks(bytes)?.next()?;
    let number = |at: usize| -> Option<u32> {
        let bytes = first.data.get(at..)?.first_chunk()?;
        Some(u32::from_be_bytes(*bytes))
    };
    (first.kind == b"IHDR").then_some(())?;
    Some((number(0)?, number(4)?))
}

fn push_chunk(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&kind);
    checksum.update(data);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&kind);
    out.extend_from_slice(data);
    out.extend_from_slice(&checksum.finalize().to_be_bytes());
}

/// The picture with nothing but what it needs; `None` if it cannot be followed.
pub(crate) fn strip(bytes: &[u8], keep: Keep) -> Option<Vec<u8>> {
    let exif_chunk = |chunk: &Chunk<'_>| chunk.kind == EXIF;
    let orientation = chunks(bytes)?
        .find(exif_chunk)
        .and_then(|chunk| exif::orientation(chunk.data));
    let mut out = Vec::with_capacity(bytes.len() + 64);
    out.extend_from_slice(SIGNATURE);
    let mut has_pixels = false;
    for (place, chunk) in chunks(bytes)?.enumerate() {
        if (place == 0) != (chunk.kind == b"IHDR") {
            return None;
        }
        let is_kept = KEPT.contains(&chunk.kind) || (keep == Keep::Exif && exif_chunk(&chunk));
        // A decoder must not go on without a chunk whose name begins with a capital letter.
        if !is_kept && chunk.kind[0].is_ascii_uppercase() {
            return None;
        }
        if chunk.kind == b"IDAT" && !has_pixels {
            has_pixels = true;
            if let Some(orientation) = orientation.filter(|_| keep == Keep::Nothing) {
                push_chunk(&mut out, *EXIF, &exif::minimal(orientation));
            }
        }
        if is_kept {
            out.extend_from_slice(chunk.whole);
        }
    }
    has_pixels.then_some(out)
}

/// Writes right checksums into a PNG, as far as its chunks go, so that a mutation is not noticed by them.
#[cfg(feature = "gallery")]
pub(crate) fn reseal(bytes: &mut [u8]) {
    let Some(chunks) = chunks(bytes) else { return };
    let mut at = SIGNATURE.len();
    let mut sums = Vec::new();
    for chunk in chunks {
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(chunk.kind);
        checksum.update(chunk.data);
        at += chunk.whole.len();
        sums.push((at - 4, checksum.finalize()));
    }
    for (at, sum) in sums {
        bytes[at..at + 4].copy_from_slice(&sum.to_be_bytes());
    }
}
