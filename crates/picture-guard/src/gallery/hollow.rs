//! Pictures that cost the most for what they weigh: large sides, and next to nothing between them.

use super::jpeg as honest_jpeg;

/// How a hollow JPEG goes over its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scans {
    /// Once, all three components together, as a camera does.
    Together,
    /// Once for each of the three components, so that a decoder has to hold all of them until the last.
    Apart,
    /// Progressively, in that many scans.
    Progressive(usize),
}

/// A JPEG of `side` times `side` pixels, all of them grey. Whatever `scans` names is decoded wholly: no
/// decoder can leave anything out.
pub fn jpeg(side: u16, scans: Scans) -> Vec<u8> {
    let mut jpeg = honest_jpeg(16, 16, 1);
    let at = |marker: u8, bytes: &[u8]| {
        let found = bytes.windows(2).position(|pair| pair == [0xFF, marker]);
        found.expect("the encoder writes baseline frames in one scan")
    };
    let frame = at(0xC0, &jpeg);
    for place in [frame + 5, frame + 7] {
        jpeg[place..place + 2].copy_from_slice(&side.to_be_bytes());
    }
    let scan = at(0xDA, &jpeg);
    jpeg.truncate(scan);
    let blocks = usize::from(side).div_ceil(8).pow(2);
    match scans {
        Scans::Together => {
            jpeg.extend_from_slice(&[0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0]);
            jpeg.extend(empty_blocks(blocks * 3));
        }
        Scans::Apart => {
            for component in 1..=3 {
                jpeg.extend_from_slice(&[0xFF, 0xDA, 0, 8, 1, component, 0, 0, 63, 0]);
                jpeg.extend(empty_blocks(blocks));
            }
        }
        Scans::Progressive(scans) => {
            jpeg[frame + 1] = 0xC2;
            // The first coefficient of every block, two bits each.
            jpeg.extend_from_slice(&[0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 0, 0]);
            jpeg.resize(jpeg.len() + (blocks * 3).div_ceil(4), 0);
            for _ in 1..scans {
                jpeg.extend_from_slice(&[0xFF, 0xDA, 0, 8, 1, 1, 0, 1, 63, 0]);
                jpeg.extend_from_slice(&[0x55; 64]);
            }
        }
    }
    jpeg.extend_from_slice(&[0xFF, 0xD9]);
    jpeg
}

/// So many blocks in which nothing differs from the block before and nothing follows: `00` and `1010` in the tables of
/// brightness.
fn empty_blocks(blocks: usize) -> Vec<u8> {
    let mut bytes = [0x28, 0xA2, 0x8A].repeat(blocks.div_ceil(4));
    bytes.truncate((blocks * 6).div_ceil(8));
    bytes
}

/// A WebP with loss and transparency of `side` times `side` pixels; in a film of one frame if `animated`.
pub fn webp(side: u16, animated: bool) -> Vec<u8> {
    let sides = {
        let [a, b] = side.saturating_sub(1).to_le_bytes();
        [a, b, 0, a, b, 0]
    };
    let picture = [chunk(b"ALPH", &transparency()), lossy_frame(side)].concat();
    let flags = if animated { 0b0001_0010 } else { 0b0001_0000 };
    let header = chunk(b"VP8X", &[&[flags, 0, 0, 0], &sides[..]].concat());
    let body = match animated {
        true => {
            let frame = [&[0; 6], &sides[..], &[0; 4], &picture].concat();
            [header, chunk(b"ANIM", &[0; 6]), chunk(b"ANMF", &frame)].concat()
        }
        false => [header, picture].concat(),
    };
    chunk(b"RIFF", &[b"WEBP", &body[..]].concat())
}

/// Compressed without loss, with five codes of one symbol each: a pixel takes no bit at all.
fn transparency() -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&[1, 0x88, 0x88, 0x08]);
    bytes
}

fn lossy_frame(side: u16) -> Vec<u8> {
    // Behind the chunk's head: a head of ten bytes, nine of the modes, three of the pixels.
    let mut frame = super::LOSSY_WEBP[20..39].to_vec();
    frame[6..8].copy_from_slice(&side.to_le_bytes());
    frame[8..10].copy_from_slice(&side.to_le_bytes());
    let blocks = usize::from(side).div_ceil(16).pow(2);
    let modes = (9 + blocks * 4).min(0x7_FFFF);
    frame.resize(10 + modes, 0);
    let shown_key_frame = 0x10;
    let tag = u32::try_from(modes).unwrap_or(0) << 5 | shown_key_frame;
    frame[..3].copy_from_slice(&tag.to_le_bytes()[..3]);
    frame.resize(frame.len() + blocks * 4, 0);
    chunk(b"VP8 ", &frame)
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let padding = &b"\0"[..data.len() % 2];
    [kind, &length.to_le_bytes()[..], data, padding].concat()
}
