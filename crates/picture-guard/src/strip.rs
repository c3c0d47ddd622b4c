//! Taking out of a picture what says something of place, device and person.

use std::borrow::Cow;

use crate::kind::{PictureKind, sniff};
use crate::{jpeg, png, webp};

/// What may stay in a picture besides what a decoder needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// Nothing but the colour profile and which way is up.
    #[default]
    Nothing,
    /// The EXIF data as they are, with place, time and device: for a district that has decided that its
    /// photos are evidence and has told its people so. Everything else goes all the same.
    Exif,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There was nothing to take out; the bytes are as they were.
    Clean,
    /// Something was taken out.
    Removed {
        /// By how many bytes the file is smaller.
        bytes: usize,
    },
    /// The file is of no kind that is understood here, or is broken where its parts begin. It was left as
    /// it was and may say where it was made.
    NotUnderstood,
}

impl Outcome {
    /// A stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Removed { .. } => "removed",
            Self::NotUnderstood => "not_understood",
        }
    }
}

/// A file after [`strip`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stripped<'a> {
    /// Its bytes; those that were given if nothing changed.
    pub bytes: Cow<'a, [u8]>,
    /// What became of it.
    pub what: Outcome,
}

/// Takes location, device, maker notes, thumbnails, texts, comments and whatever stands behind the end
/// out of a picture.
///
/// Works by what may stay, not by what must go: only parts that a decoder needs are copied, so what a
/// maker thinks of next year goes as well. The colour profile stays, and of EXIF which way is up. Pixels
/// are copied as they are. The second layer of a picture that has one (HDR gain maps, depth, the film of a
/// "live" photo) lies behind the end or in what goes, and so goes too. A picture that was cut off is cleaned as far as
/// it goes. Doing it twice changes nothing more.
pub fn strip(bytes: &[u8], keep: Keep) -> Stripped<'_> {
    let stripped = match sniff(bytes) {
        Some(PictureKind::Jpeg) => jpeg::strip(bytes, keep),
        Some(PictureKind::Png) => png::strip(bytes, keep),
        Some(PictureKind::Webp) => webp::strip(bytes, keep),
        Some(PictureKind::Heic | PictureKind::Avif) | None => None,
    };
    let (bytes, what) = match stripped {
        None => (Cow::Borrowed(bytes), Outcome::NotUnderstood),
        Some(same) if same == bytes => (Cow::Borrowed(bytes), Outcome::Clean),
        Some(less) => {
            let removed = bytes.len().saturating_sub(less.len());
            (Cow::Owned(less), Outcome::Removed { bytes: removed })
        }
    };
    Stripped { bytes, what }
}
