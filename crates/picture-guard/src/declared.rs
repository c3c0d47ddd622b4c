//! How large a picture says that it is, wherever it says so, before any decoder is asked.
//!
//! A file can name sizes in several places: a WebP names a canvas and again the size of each frame, and its
//! decoder makes the frame before it looks whether it fits the canvas. So the largest counts.

use crate::kind::PictureKind;
use crate::{jpeg, png, webp};

/// What a picture says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Declared {
    /// Pixels of the largest frame.
    pub(crate) pixels: u64,
    /// How often a decoder goes over all of them.
    pub(crate) scans: u64,
    /// Bytes that a decoder holds besides the picture that it hands over.
    pub(crate) working_bytes: u64,
}

impl Declared {
    fn grow(&mut self, width: u32, height: u32, working_bytes_a_pixel: u64) {
        let pixels = u64::from(width) * u64::from(height);
        let working = pixels.saturating_mul(working_bytes_a_pixel);
        self.pixels = self.pixels.max(pixels);
        self.working_bytes = self.working_bytes.max(working);
    }
}

/// What a file declares; `None` if it names no size, or is of no kind that is understood here.
pub(crate) fn declared(kind: PictureKind, bytes: &[u8]) -> Option<Declared> {
    let mut declared = Declared {
        scans: 1,
        ..Declared::default()
    };
    match kind {
        PictureKind::Jpeg => of_jpeg(bytes, &mut declared)?,
        PictureKind::Png => {
            let (width, height) = png::sides(bytes)?;
            declared.grow(width, height, 0);
        }
        PictureKind::Webp => of_webp(bytes, &mut declared)?,
        PictureKind::Heic | PictureKind::Avif => return None,
    }
    (declared.pixels > 0).then_some(declared)
}

fn of_jpeg(bytes: &[u8], declared: &mut Declared) -> Option<()> {
    let mut scans = 0;
    for part in jpeg::Parts::new(bytes)? {
        if part.marker == jpeg::SOS {
            scans += 1;
        }
        if !jpeg::is_frame(part.marker) {
            continue;
        }
        let [_, h1, h0, w1, w0, components] = *part.body.first_chunk()?;
        let height = u16::from_be_bytes([h1, h0]);
        let width = u16::from_be_bytes([w1, w0]);
        // Two bytes for each coefficient.
        let working = match jpeg::is_progressive(part.marker) {
            true => 2 * u64::from(components),
            false => 0,
        };
        declared.grow(width.into(), height.into(), working);
    }
    declared.scans = scans.max(1);
    Some(())
}

/// Bytes that a WebP decoder holds for each pixel of a frame, besides what it hands over.
const WEBP_WORKING_BYTES: u64 = 4;

fn of_webp(bytes: &[u8], declared: &mut Declared) -> Option<()> {
    for chunk in webp::chunks(bytes)? {
        if chunk.kind == b"ANMF" {
            for inner in webp::frame_chunks(chunk.data) {
                grow_by_chunk(inner, declared);
            }
        } else {
            grow_by_chunk(chunk, declared);
        }
    }
    Some(())
}

fn grow_by_chunk(chunk: webp::Chunk<'_>, declared: &mut Declared) {
    let data = chunk.data;
    let sides = match chunk.kind {
        b"VP8X" => data.get(4..).and_then(|sides| {
            let [a, b, c, d, e, f] = *sides.first_chunk()?;
            let side = |low, middle, high| u32::from_le_bytes([low, middle, high, 0]) + 1;
            Some((side(a, b, c), side(d, e, f)))
        }),
        b"VP8 " => data.get(6..).and_then(|sides| {
            let [a, b, c, d] = *sides.first_chunk()?;
            let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3FFF);
            Some((side(a, b), side(c, d)))
        }),
        b"VP8L" => data.get(1..).and_then(|sides| {
            let sides = u32::from_le_bytes(*sides.first_chunk()?);
            Some(((sides & 0x3FFF) + 1, ((sides >> 14) & 0x3FFF) + 1))
        }),
        _ => None,
    };
    if let Some((width, height)) = sides {
        declared.grow(width, height, WEBP_WORKING_BYTES);
    }
}
