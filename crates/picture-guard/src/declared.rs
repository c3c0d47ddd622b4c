//! How large a picture says that it is, wherever it says so, before any decoder is asked.
//!
//! A file can name sizes in several places: a WebP names a canvas and again the size of each frame, and its
//! decoder makes the frame before it looks whether it fits the canvas. So the largest counts, and it is looked for
//! wherever a decoder would find it, in files that are cut off or lie about lengths too.

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

/// What a file declares; `None` if it names no size, is of no kind that is understood here, or can be read in two ways.
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
        PictureKind::Webp => of_webp(bytes, &mut declared),
        PictureKind::Heic | PictureKind::Avif => return None,
    }
    (declared.pixels > 0).then_some(declared)
}

fn of_jpeg(bytes: &[u8], declared: &mut Declared) -> Option<()> {
    let mut scans = 0;
    let (mut most_components, mut held_to_the_end) = (0, false);
    let mut parts = jpeg::Parts::new(bytes)?;
    for part in parts.by_ref() {
        if part.marker == jpeg::SOS {
            scans += 1;
            let components = *part.body.first()?;
            held_to_the_end |= components < most_components;
        }
        if !jpeg::is_frame(part.marker) {
            continue;
        }
        let [_, h1, h0, w1, w0, components] = *part.body.first_chunk()?;
        let height = u16::from_be_bytes([h1, h0]);
        let width = u16::from_be_bytes([w1, w0]);
        declared.grow(width.into(), height.into(), 0);
        most_components = most_components.max(components);
        held_to_the_end |= jpeg::is_progressive(part.marker);
    }
    if parts.is_ambiguous {
        return None;
    }
    declared.scans = scans.max(1);
    // A decoder that cannot finish a pixel in one scan holds all coefficients meanwhile, two bytes each.
    if held_to_the_end {
        let a_pixel = 2 * u64::from(most_components);
        declared.working_bytes = declared.pixels.saturating_mul(a_pixel);
    }
    Some(())
}

/// Bytes that a WebP decoder holds for each pixel of a frame, besides what it hands over: the frame with its
/// transparency, which it decodes apart or with the colours.
const WEBP_WORKING_BYTES: u64 = 4;
/// The same where the transparency has a part of its own (five) beside a frame with loss (one and a half).
const WEBP_TRANSPARENT_WORKING_BYTES: u64 = 7;
/// The same for a film: also the canvas, and the frame before it is laid on it, four each.
const WEBP_FILM_WORKING_BYTES: u64 = 15;

fn of_webp(bytes: &[u8], declared: &mut Declared) {
    let mut a_pixel = WEBP_WORKING_BYTES;
    for (kind, _) in webp::beginnings(bytes) {
        a_pixel = a_pixel.max(match kind {
            b"ANMF" => WEBP_FILM_WORKING_BYTES,
            b"ALPH" => WEBP_TRANSPARENT_WORKING_BYTES,
            _ => WEBP_WORKING_BYTES,
        });
    }
    for (kind, behind) in webp::beginnings(bytes) {
        if kind == b"ANMF" {
            for (kind, behind) in webp::frame_beginnings(behind) {
                grow_by_chunk(kind, behind, a_pixel, declared);
            }
        } else {
            grow_by_chunk(kind, behind, a_pixel, declared);
        }
    }
}

/// Begins a frame with loss, behind three bytes.
const LOSSY_MAGIC: [u8; 3] = [0x9D, 0x01, 0x2A];

fn grow_by_chunk(
    kind: &[u8; 4],
    behind: &[u8],
    working_bytes_a_pixel: u64,
    declared: &mut Declared,
) {
    let sides = match kind {
        b"VP8X" => behind.get(4..).and_then(|sides| {
            let [a, b, c, d, e, f] = *sides.first_chunk()?;
            let side = |low, middle, high| u32::from_le_bytes([low, middle, high, 0]) + 1;
            Some((side(a, b, c), side(d, e, f)))
        }),
        b"VP8L" => behind.get(1..).and_then(|sides| {
            let sides = u32::from_le_bytes(*sides.first_chunk()?);
            Some(((sides & 0x3FFF) + 1, ((sides >> 14) & 0x3FFF) + 1))
        }),
        // Behind transparency a decoder takes whatever comes for a frame with loss, whatever kind that says it is.
        _ if behind.get(3..6) == Some(&LOSSY_MAGIC) => behind.get(6..).and_then(|sides| {
            let [a, b, c, d] = *sides.first_chunk()?;
            let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3FFF);
            Some((side(a, b), side(c, d)))
        }),
        _ => None,
    };
    if let Some((width, height)) = sides {
        declared.grow(width, height, working_bytes_a_pixel);
    }
}
