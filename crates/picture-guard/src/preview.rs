//! Small pictures for lists.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, RgbImage, Rgba};

use crate::declared::declared;
use crate::kind::{PictureKind, sniff};

/// How much a picture may ask for, and how large its preview gets. [`Limits::default`] holds the
/// production values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most pixels that a picture may declare. They bound the time: no decoder can be stopped while it
    /// works.
    pub max_pixels: u64,
    /// Most pixels that a decoder goes over, counted once for each of a JPEG's scans: a few bytes make a scan, and
    /// each touches the whole picture. A camera makes one, an editor about ten.
    pub max_scanned_pixels: u64,
    /// Most memory that decoding may take, in bytes: the picture, and what a decoder holds besides.
    pub max_memory_bytes: u64,
    /// Length of the preview's longer side, in pixels; a smaller picture is not made larger.
    pub longer_side_px: u32,
    /// Largest preview, in bytes.
    pub max_preview_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_pixels: 50_000_000,
            max_scanned_pixels: 300_000_000,
            max_memory_bytes: 256 * 1024 * 1024,
            longer_side_px: 320,
            max_preview_bytes: 24 * 1024,
        }
    }
}

/// Why there is no preview. The file itself is none the worse for it.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
pub enum NoPreview {
    /// It is no picture that is decoded here.
    #[error("no picture that can be shown small: only JPEG, PNG and WebP are")]
    NotDecodable,
    /// It declares more pixels than anybody has to decode.
    #[error("the picture declares {declared} pixels, at most {limit} are decoded")]
    TooManyPixels {
        /// What it declares.
        declared: u64,
        /// The limit.
        limit: u64,
    },
    /// It is made of so many scans that going over all of them takes too long.
    #[error("the picture's scans touch {scanned} pixels, at most {limit} are decoded")]
    TooManyScans {
        /// Its pixels times its scans.
        scanned: u64,
        /// The limit.
        limit: u64,
    },
    /// Decoding would take more memory than it may.
    #[error("decoding the picture takes {bytes} bytes of memory, at most {limit} are given")]
    TooMuchMemory {
        /// What it would take.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The decoder could not read it.
    #[error("the picture is malformed")]
    Malformed,
    /// The decoder panicked, which was caught.
    #[error("the picture broke its decoder, which was stopped")]
    DecoderPanicked,
    /// Nothing small enough came out.
    #[error("no preview of at most {limit} bytes could be made")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
}

impl NoPreview {
    /// A stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotDecodable => "not_decodable",
            Self::TooManyPixels { .. } => "too_many_pixels",
            Self::TooManyScans { .. } => "too_many_scans",
            Self::TooMuchMemory { .. } => "too_much_memory",
            Self::Malformed => "malformed_picture",
            Self::DecoderPanicked => "decoder_panicked",
            Self::TooLarge { .. } => "preview_too_large",
        }
    }
}

/// A small upright JPEG of a picture; the first frame of an animation, on white where it is transparent.
///
/// A panic of a decoder is caught. What it prints goes to the program's panic hook; decoders here name numbers, never
/// contents.
///
/// # Errors
/// [`NoPreview`] for everything that is not a sound picture within `limits`.
pub fn preview(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, NoPreview> {
    let kind = sniff(bytes).ok_or(NoPreview::NotDecodable)?;
    let format = match kind {
        PictureKind::Jpeg => ImageFormat::Jpeg,
        PictureKind::Png => ImageFormat::Png,
        PictureKind::Webp => ImageFormat::WebP,
        PictureKind::Heic | PictureKind::Avif => return Err(NoPreview::NotDecodable),
    };
    let declared = declared(kind, bytes).ok_or(NoPreview::Malformed)?;
    check_pixels(declared.pixels, limits)?;
    let scanned = declared.pixels.saturating_mul(declared.scans);
    if scanned > limits.max_scanned_pixels {
        return Err(NoPreview::TooManyScans {
            scanned,
            limit: limits.max_scanned_pixels,
        });
    }
    // Nobody looks at what the closure held after a panic: all of it is dropped with it.
    let made = catch_unwind(AssertUnwindSafe(|| {
        let small = decode_small(bytes, format, declared.working_bytes, limits)?;
        encode(&small, limits)
    }));
    made.unwrap_or(Err(NoPreview::DecoderPanicked))
}

const fn check_pixels(declared: u64, limits: &Limits) -> Result<(), NoPreview> {
    if declared > limits.max_pixels {
        return Err(NoPreview::TooManyPixels {
            declared,
            limit: limits.max_pixels,
        });
    }
    Ok(())
}

fn decode_small(
    bytes: &[u8],
    format: ImageFormat,
    working_bytes: u64,
    limits: &Limits,
) -> Result<RgbImage, NoPreview> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut allowed = image::Limits::default();
    allowed.max_alloc = Some(limits.max_memory_bytes);
    reader.limits(allowed);
    let mut decoder = reader.into_decoder().map_err(|_| NoPreview::Malformed)?;
    let (width, height) = decoder.dimensions();
    check_pixels(u64::from(width) * u64::from(height), limits)?;
    // The JPEG and WebP decoders heed no limit on memory by themselves.
    let needed = decoder.total_bytes().saturating_add(working_bytes);
    if needed > limits.max_memory_bytes {
        return Err(NoPreview::TooMuchMemory {
            bytes: needed,
            limit: limits.max_memory_bytes,
        });
    }
    let orientation = decoder.orientation().map_err(|_| NoPreview::Malformed)?;
    let picture = DynamicImage::from_decoder(decoder).map_err(|_| NoPreview::Malformed)?;
    let side = limits.longer_side_px.max(1);
    let mut small = match width.max(height) > side {
        true => picture.thumbnail(side, side),
        false => picture,
    };
    small.apply_orientation(orientation);
    Ok(on_white(&small))
}

/// A picture without transparency.
fn on_white(picture: &DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let with_alpha = picture.to_rgba8();
    RgbImage::from_fn(with_alpha.width(), with_alpha.height(), |x, y| {
        let Rgba([red, green, blue, alpha]) = *with_alpha.get_pixel(x, y);
        let alpha = u16::from(alpha);
        let blend = |colour: u8| {
            let mixed = (u16::from(colour) * alpha + 255 * (255 - alpha)) / 255;
            u8::try_from(mixed).unwrap_or(u8::MAX)
        };
        image::Rgb([red, green, blue].map(blend))
    })
}

/// Encodes it as well as its size allows.
fn encode(small: &RgbImage, limits: &Limits) -> Result<Vec<u8>, NoPreview> {
    let half = image::imageops::thumbnail(
        small,
        (small.width() / 2).max(1),
        (small.height() / 2).max(1),
    );
    for (picture, quality) in [
        (small, 75),
        (small, 55),
        (small, 35),
        (&half, 50),
        (&half, 20),
    ] {
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, quality)
            .encode_image(picture)
            .map_err(|_| NoPreview::Malformed)?;
        if bytes.len() <= limits.max_preview_bytes {
            return Ok(bytes);
        }
    }
    Err(NoPreview::TooLarge {
        limit: limits.max_preview_bytes,
    })
}
