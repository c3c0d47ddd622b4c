//! Makes pictures: honest ones, ones that tell too much, and broken ones. For tests, fuzzing and demos.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder, Rgb, RgbImage};

use crate::exif::PREFIX;
use crate::{PictureKind, sniff};

pub mod hollow;

/// Texts that [`with_metadata`] hides in a picture. None of them may be left after [`crate::strip`].
pub const SECRETS: [&[u8]; 9] = [
    b"Hidden Maker Ltd",
    b"Model X-1000",
    b"SERIAL-0042-4711",
    b"maker note of 31.2304,121.4737",
    b"thumbnail with a face",
    b"2026:09:21 08:00:00",
    b"comment by the owner of the phone",
    &LATITUDE,
    &LONGITUDE,
];

/// 31° 13' 49.44", as EXIF says it.
const LATITUDE: [u8; 24] = *b"\x1F\0\0\0\x01\0\0\0\x0D\0\0\0\x01\0\0\0\x50\x13\0\0\x64\0\0\0";
/// 121° 28' 25.32".
const LONGITUDE: [u8; 24] = *b"\x79\0\0\0\x01\0\0\0\x1C\0\0\0\x01\0\0\0\xE4\x09\0\0\x64\0\0\0";

/// A seeded source of numbers that are good enough for pictures (SplitMix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Begins with `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap_or(0) % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// Something like a street: surfaces with edges, and grain as a camera has it.
fn scene(width: u32, height: u32, seed: u64, grain: u8) -> RgbImage {
    let mut dice = Dice::new(seed);
    let tones: Vec<[u8; 3]> = (0..16)
        .map(|_| [dice.byte(), dice.byte(), dice.byte()])
        .collect();
    RgbImage::from_fn(width, height, |x, y| {
        let across = (x * 4 / width.max(1)).min(3);
        let down = (y * 4 / height.max(1)).min(3);
        let tone = tones[(down * 4 + across) as usize];
        let noise = if grain == 0 { 0 } else { dice.byte() % grain };
        Rgb(tone.map(|colour| colour.saturating_add(noise)))
    })
}

fn encode_jpeg(picture: &RgbImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let done = JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture);
    done.expect("a picture within JPEG's size is encoded into memory");
    bytes
}

/// A JPEG.
pub fn jpeg(width: u32, height: u32, seed: u64) -> Vec<u8> {
    encode_jpeg(&scene(width, height, seed, 24), 80)
}

/// A PNG.
pub fn png(width: u32, height: u32, seed: u64) -> Vec<u8> {
    let picture = scene(width, height, seed, 4);
    let mut bytes = Vec::new();
    image::codecs::png::PngEncoder::new(&mut bytes)
        .write_image(&picture, width, height, ExtendedColorType::Rgb8)
        .expect("a picture is encoded into memory");
    bytes
}

/// A WebP without loss.
pub fn webp(width: u32, height: u32, seed: u64) -> Vec<u8> {
    let picture = scene(width, height, seed, 4);
    let mut bytes = Vec::new();
    WebPEncoder::new_lossless(&mut bytes)
        .encode(&picture, width, height, ExtendedColorType::Rgb8)
        .expect("a picture is encoded into memory");
    bytes
}

/// A JPEG of about so many bytes (within a tenth, from 20,000 on), as a camera would make it: what demos and benches send.
pub fn photo(bytes: usize, seed: u64) -> Vec<u8> {
    // Such grain at such quality takes about one byte a pixel.
    let mut side = 64_u32
        .max(bytes.isqrt().try_into().unwrap_or(u32::MAX))
        .min(20_000);
    let mut made = encode_jpeg(&scene(side, side, seed, 96), 85);
    for _ in 0..4 {
        let scale = bytes as f64 / made.len() as f64;
        if (0.95..1.05).contains(&scale) {
            break;
        }
        side = ((f64::from(side) * scale.sqrt()) as u32).clamp(16, 20_000);
        made = encode_jpeg(&scene(side, side, seed, 96), 85);
    }
    made
}

/// One pixel of WebP with loss, as `cwebp` makes it.
pub const LOSSY_WEBP: [u8; 42] =
    *b"RIFF\x22\0\0\0WEBPVP8 \x16\0\0\0\x30\x01\0\x9D\x01\x2A\x01\0\x01\0\
    \x0E\xC0\xFE\x25\xA4\0\x03\x70\0\0\0\0";

/// EXIF data, as a phone's camera writes them: maker, model, serial number, maker note, time, place and
/// a thumbnail; without the prefix of a JPEG.
pub fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = Tiff::default();
    let serial = tiff.text(SECRETS[2]);
    let note = tiff.bytes(7, SECRETS[3]);
    let time = tiff.text(SECRETS[5]);
    let details = tiff.directory(&[(0x9003, time), (0x927C, note), (0xA431, serial)], 0);
    let latitude = tiff.rationals(&LATITUDE);
    let longitude = tiff.rationals(&LONGITUDE);
    let place = tiff.directory(
        &[
            (1, Entry::inline(2, 2, *b"N\0\0\0")),
            (2, latitude),
            (3, Entry::inline(2, 2, *b"E\0\0\0")),
            (4, longitude),
        ],
        0,
    );
    let thumbnail = tiff.bytes(7, SECRETS[4]);
    let small = tiff.directory(
        &[
            (0x0201, Entry::inline(4, 1, thumbnail.value)),
            (0x0202, Entry::inline(4, 1, thumbnail.count.to_le_bytes())),
        ],
        0,
    );
    let maker = tiff.text(SECRETS[0]);
    let model = tiff.text(SECRETS[1]);
    let first = tiff.directory(
        &[
            (0x010F, maker),
            (0x0110, model),
            (0x0112, Entry::inline(3, 1, [orientation, 0, 0, 0])),
            (0x8769, Entry::inline(4, 1, details.to_le_bytes())),
            (0x8825, Entry::inline(4, 1, place.to_le_bytes())),
        ],
        small,
    );
    tiff.finish(first)
}

/// A value of a directory.
#[derive(Clone, Copy)]
struct Entry {
    form: u16,
    count: u32,
    value: [u8; 4],
}

impl Entry {
    const fn inline(form: u16, count: u32, value: [u8; 4]) -> Self {
        Self { form, count, value }
    }
}

/// A TIFF that is being written, little end first.
#[derive(Default)]
struct Tiff(Vec<u8>);

impl Tiff {
    /// Where the next byte comes to stand; eight bytes go in front.
    fn here(&self) -> u32 {
        u32::try_from(self.0.len() + 8).unwrap_or(u32::MAX)
    }

    fn bytes(&mut self, form: u16, bytes: &[u8]) -> Entry {
        let value = self.here().to_le_bytes();
        self.0.extend_from_slice(bytes);
        let count = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Entry { form, count, value }
    }

    fn text(&mut self, text: &[u8]) -> Entry {
        self.bytes(2, &[text, b"\0"].concat())
    }

    fn rationals(&mut self, three: &[u8; 24]) -> Entry {
        let entry = self.bytes(5, three);
        Entry { count: 3, ..entry }
    }

    fn directory(&mut self, entries: &[(u16, Entry)], next: u32) -> u32 {
        let place = self.here();
        let count = u16::try_from(entries.len()).unwrap_or(u16::MAX);
        self.0.extend_from_slice(&count.to_le_bytes());
        for (tag, entry) in entries {
            self.0.extend_from_slice(&tag.to_le_bytes());
            self.0.extend_from_slice(&entry.form.to_le_bytes());
            self.0.extend_from_slice(&entry.count.to_le_bytes());
            self.0.extend_from_slice(&entry.value);
        }
        self.0.extend_from_slice(&next.to_le_bytes());
        place
    }

    fn finish(self, first: u32) -> Vec<u8> {
        [b"II*\0", &first.to_le_bytes()[..], &self.0].concat()
    }
}

/// The picture with everything in it that a camera and an editor may add: EXIF (see [`exif`]), XMP, comments, texts and
/// something behind its end. A WebP is made an extended one.
pub fn with_metadata(picture: &[u8], orientation: u8) -> Vec<u8> {
    let exif = exif(orientation);
    match sniff(picture) {
        Some(PictureKind::Jpeg) => {
            let segment = |marker: u8, body: &[u8]| {
                let length = u16::try_from(body.len() + 2).unwrap_or(u16::MAX);
                [&[0xFF, marker], &length.to_be_bytes()[..], body].concat()
            };
            let xmp = [b"http://ns.adobe.com/xap/1.0/\0", SECRETS[3]].concat();
            let iptc = [b"Photoshop 3.0\0", SECRETS[6]].concat();
            [
                &picture[..2],
                &segment(0xE1, &[PREFIX, &exif].concat()),
                &segment(0xE1, &xmp),
                &segment(0xE2, b"ICC_PROFILE\0\x01\x01a profile of colours"),
                &segment(0xED, &iptc),
                &segment(0xE5, SECRETS[1]),
                &segment(0xFE, SECRETS[6]),
                &picture[2..],
                b"\xFF\xD8\xFF\xE1 a film: ",
                SECRETS[2],
            ]
            .concat()
        }
        Some(PictureKind::Png) => {
            let chunk = |kind: &[u8; 4], data: &[u8]| {
                let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
                let sum = crc32fast::hash(&[kind, data].concat());
                let sum = sum.to_be_bytes();
                [&length.to_be_bytes()[..], kind, data, &sum].concat()
            };
            // The header is 25 bytes behind the signature.
            let (head, tail) = picture.split_at(8 + 25);
            [
                head,
                &chunk(b"eXIf", &exif),
                &chunk(b"tEXt", &[b"Comment\0", SECRETS[6]].concat()),
                &chunk(
                    b"iTXt",
                    &[b"XML:com.adobe.xmp\0\0\0\0\0", SECRETS[3]].concat(),
                ),
                &chunk(b"maKe", SECRETS[0]),
                tail,
                SECRETS[2],
            ]
            .concat()
        }
        Some(PictureKind::Webp) => {
            let chunk = |kind: &[u8; 4], data: &[u8]| {
                let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
                let padding = &b"\0"[..data.len() % 2];
                [kind, &length.to_le_bytes()[..], data, padding].concat()
            };
            let sides = extended_header(picture);
            let body = [
                b"WEBP",
                &chunk(b"VP8X", &sides)[..],
                &picture[12..],
                &chunk(b"EXIF", &exif),
                &chunk(b"XMP ", SECRETS[3]),
                &chunk(b"MINE", SECRETS[6]),
            ]
            .concat();
            let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
            [b"RIFF", &length.to_le_bytes()[..], &body, SECRETS[2]].concat()
        }
        _ => picture.to_vec(),
    }
}

/// The contents of an extended header for a simple WebP, that says EXIF and XMP are there.
fn extended_header(picture: &[u8]) -> Vec<u8> {
    let mut width = 0;
    let mut height = 0;
    if let Some(bytes) = picture.get(21..25).and_then(<[u8]>::first_chunk) {
        let sides = u32::from_le_bytes(*bytes);
        width = sides & 0x3FFF;
        height = (sides >> 14) & 0x3FFF;
    }
    if picture.get(12..16) == Some(b"VP8 ") {
        (width, height) = (0, 0);
    }
    let (width, height) = (width.to_le_bytes(), height.to_le_bytes());
    [&[0b0000_1100, 0, 0, 0], &width[..3], &height[..3]].concat()
}

/// A copy with a few changes: bytes flipped, replaced by ones that matter, doubled, moved, cut off. The
/// checksums of a PNG are set right again in half of the cases, so that more than the checksum sees it.
pub fn mutate(picture: &[u8], seed: u64) -> Vec<u8> {
    const TELLING: [u8; 8] = [0x00, 0x01, 0x7F, 0x80, 0xD9, 0xDA, 0xFE, 0xFF];
    let mut dice = Dice::new(seed);
    let mut bytes = picture.to_vec();
    for _ in 0..=dice.below(6) {
        if bytes.is_empty() {
            break;
        }
        let at = dice.below(bytes.len());
        // Most of what decides anything stands in front.
        let at = if dice.below(2) == 0 {
            at % 256 % bytes.len()
        } else {
            at
        };
        match dice.below(8) {
            0 | 1 => bytes[at] ^= 1 << dice.below(8),
            2 => bytes[at] = dice.byte(),
            3 | 4 => bytes[at] = TELLING[dice.below(TELLING.len())],
            5 => {
                let end = (at + dice.below(64)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            6 => {
                let end = (at + dice.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => bytes.truncate(at),
        }
    }
    if dice.below(2) == 0 {
        crate::png::reseal(&mut bytes);
    }
    bytes
}
