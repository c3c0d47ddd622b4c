//! The chunks of a WebP.

use crate::exif;
use crate::strip::Keep;

/// Bits of the extended header's first byte.
const HAS_EXIF: u8 = 0b0000_1000;
const HAS_XMP: u8 = 0b0000_0100;
/// In front of a frame's chunks stand its place, size, duration and how it is put on.
const FRAME_HEAD: usize = 16;

/// One chunk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk<'a> {
    pub(crate) kind: &'a [u8; 4],
    pub(crate) data: &'a [u8],
}

/// Chunks, one by one, up to the end or to where the file was cut off.
pub(crate) struct Chunks<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let (kind, behind) = self.rest.split_first_chunk()?;
        let (length, behind) = behind.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (data, behind) = behind.split_at_checked(length)?;
        // An odd length is followed by a byte of padding; at the very end it is often forgotten.
        self.rest = behind.get(length % 2..).unwrap_or_default();
        Some(Chunk { kind, data })
    }
}

/// The chunks of a file; what stands behind its declared end is none.
pub(crate) fn chunks(bytes: &[u8]) -> Option<Chunks<'_>> {
    let (length, behind) = bytes.strip_prefix(b"RIFF")?.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let body = &behind[..length.min(behind.len())];
    let rest = body.strip_prefix(b"WEBP")?;
    Some(Chunks { rest })
}

/// The chunks of a frame of an animation.
pub(crate) fn frame_chunks(data: &[u8]) -> Chunks<'_> {
    let rest = data.get(FRAME_HEAD..).unwrap_or_default();
    Chunks { rest }
}

/// Where chunks begin, one by one: the kind, and all bytes behind the head. A decoder reads the head of a picture
/// there whatever length the chunk, the chunk around it or the file says.
pub(crate) struct Beginnings<'a>(&'a [u8]);

impl<'a> Iterator for Beginnings<'a> {
    type Item = (&'a [u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, behind) = self.0.split_first_chunk()?;
        let (length, behind) = behind.split_first_chunk()?;
        let length = u64::from(u32::from_le_bytes(*length));
        let next = usize::try_from(length + length % 2).unwrap_or(usize::MAX);
        self.0 = behind.get(next..).unwrap_or_default();
        Some((kind, behind))
    }
}

/// Where the chunks of a file begin, to the last byte that is there.
pub(crate) fn beginnings(bytes: &[u8]) -> Beginnings<'_> {
    Beginnings(bytes.get(12..).unwrap_or_default())
}

/// Where the chunks in a frame of an animation begin; `frame` is all that is behind the frame's head. Decoders
/// read two.
pub(crate) fn frame_beginnings(frame: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    Beginnings(frame.get(FRAME_HEAD..).unwrap_or_default()).take(2)
}

fn push_chunk(out: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(kind);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(data);
    if data.len() % 2 == 1 {
        out.push(0);
    }
}

/// A frame of an animation without chunks that are none of pixels.
fn clean_frame(data: &[u8]) -> Vec<u8> {
    let mut out = data.get(..FRAME_HEAD).unwrap_or(data).to_vec();
    for chunk in frame_chunks(data) {
        if matches!(chunk.kind, b"ALPH" | b"VP8 " | b"VP8L") {
            push_chunk(&mut out, chunk.kind, chunk.data);
        }
    }
    out
}

/// The picture with nothing but what it needs; `None` if it cannot be followed.
pub(crate) fn strip(bytes: &[u8], keep: Keep) -> Option<Vec<u8>> {
    let is_exif = |chunk: &Chunk<'_>| chunk.kind == b"EXIF";
    let exif_data = chunks(bytes)?.find(is_exif).map(|chunk| chunk.data);
    let minimal = exif_data
        .and_then(exif::orientation)
        .map(|orientation| exif::minimal(orientation).to_vec());
    let kept_exif = match keep {
        Keep::Nothing => minimal,
        Keep::Exif => exif_data.map(<[u8]>::to_vec),
    };
    let mut out = Vec::with_capacity(bytes.len() + 64);
    out.extend_from_slice(b"RIFF\0\0\0\0WEBP");
    let mut has_pixels = false;
    let mut is_extended = false;
    for (place, chunk) in chunks(bytes)?.enumerate() {
        match chunk.kind {
            b"VP8X" if place == 0 && !chunk.data.is_empty() => {
                is_extended = true;
                let mut data = chunk.data.to_vec();
                data[0] &= !(HAS_EXIF | HAS_XMP);
                if kept_exif.is_some() {
                    data[0] |= HAS_EXIF;
                }
                push_chunk(&mut out, chunk.kind, &data);
            }
            b"ICCP" | b"ANIM" | b"ALPH" => push_chunk(&mut out, chunk.kind, chunk.data),
            b"VP8 " | b"VP8L" => {
                has_pixels = true;
                push_chunk(&mut out, chunk.kind, chunk.data);
            }
            b"ANMF" => {
                has_pixels = true;
                push_chunk(&mut out, chunk.kind, &clean_frame(chunk.data));
            }
            _ => {}
        }
    }
    if let Some(data) = kept_exif.filter(|_| is_extended) {
        push_chunk(&mut out, b"EXIF", &data);
    }
    let length = u32::try_from(out.len() - 8).ok()?;
    out[4..8].copy_from_slice(&length.to_le_bytes());
    has_pixels.then_some(out)
}
