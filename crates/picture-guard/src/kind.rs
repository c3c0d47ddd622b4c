//! What bytes are, by how they begin.

/// A kind of picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PictureKind {
    /// JPEG.
    Jpeg,
    /// PNG, animated ones included.
    Png,
    /// WebP, with or without loss, animated ones included.
    Webp,
    /// HEIC, as some phones make them. Not decoded here: there is no memory-safe decoder.
    Heic,
    /// AVIF. Not decoded here, for the same reason.
    Avif,
}

impl PictureKind {
    /// The media type, as HTTP names it.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Heic => "image/heic",
            Self::Avif => "image/avif",
        }
    }

    /// Whether [`crate::preview`] and [`crate::strip`] know what to do with it.
    pub const fn is_understood(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png | Self::Webp)
    }
}

/// The brands by which a file of the ISO base media format says that it is a HEIC picture.
const HEIC: [&[u8; 4]; 8] = [
    b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1",
];

/// The brands of AVIF.
const AVIF: [&[u8; 4]; 2] = [b"avif", b"avis"];

/// What a file is, by its first bytes; `None` if it is no picture that is known here. Twelve bytes are
/// enough.
pub fn sniff(bytes: &[u8]) -> Option<PictureKind> {
    if bytes.starts_with(&[0xFF, 0xD8, 0xFF]) {
        return Some(PictureKind::Jpeg);
    }
    if bytes.starts_with(crate::png::SIGNATURE) {
        return Some(PictureKind::Png);
    }
    let word = |at: usize| bytes.get(at..at + 4);
    match (word(0)?, word(4)?, word(8)?) {
        (b"RIFF", _, b"WEBP") => Some(PictureKind::Webp),
        (_, b"ftyp", brand) if AVIF.iter().any(|known| brand == *known) => Some(PictureKind::Avif),
        (_, b"ftyp", brand) if HEIC.iter().any(|known| brand == *known) => Some(PictureKind::Heic),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_first_bytes_say() {
        let known: [(&[u8], PictureKind); 6] = [
            (b"\xFF\xD8\xFF\xE0....", PictureKind::Jpeg),
            (b"\x89PNG\r\n\x1A\n....", PictureKind::Png),
            (b"RIFF\x10\0\0\0WEBPVP8 ", PictureKind::Webp),
            (b"\0\0\0\x18ftypheic....", PictureKind::Heic),
            (b"\0\0\0\x18ftypmif1....", PictureKind::Heic),
            (b"\0\0\0\x18ftypavif....", PictureKind::Avif),
        ];
        for (bytes, kind) in known {
            assert_eq!(sniff(bytes), Some(kind), "{kind:?}");
            assert_eq!(sniff(&bytes[..2]), None, "{kind:?}, two bytes of it");
        }
        let others: [&[u8]; 5] = [
            b"",
            b"%PDF-1.7 and so on",
            b"<svg xmlns='http://www.w3.org/2000/svg'>",
            b"RIFF\x10\0\0\0WAVEfmt ",
            b"\0\0\0\x18ftypisom....",
        ];
        for bytes in others {
            assert_eq!(sniff(bytes), None);
        }
    }
}
