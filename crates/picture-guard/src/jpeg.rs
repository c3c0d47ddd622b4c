//! The parts of a JPEG: markers, segments, scans.

use crate::exif;
use crate::strip::Keep;

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
/// Begins a scan.
pub(crate) const SOS: u8 = 0xDA;
const APP0: u8 = 0xE0;
const APP1: u8 = 0xE1;
const APP2: u8 = 0xE2;
const APP14: u8 = 0xEE;

const JFIF: &[u8] = b"JFIF\0";
/// Length of a JFIF segment without its thumbnail.
const JFIF_BYTES: usize = 14;
const ICC: &[u8] = b"ICC_PROFILE\0";
const ADOBE: &[u8] = b"Adobe";
/// Length of an Adobe segment, which says how colours were transformed.
const ADOBE_BYTES: usize = 12;

/// One marker, with what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    pub(crate) marker: u8,
    /// What stands in the segment, its length field aside.
    pub(crate) body: &'a [u8],
    /// The compressed pixels that follow a scan's header.
    scan: &'a [u8],
}

/// The parts of a JPEG, one by one, up to its end. Ends early, and says so, where a segment is cut off.
pub(crate) struct Parts<'a> {
    rest: &'a [u8],
    /// Whether the end of the picture was reached, by a marker or by there being no more.
    pub(crate) is_over: bool,
    /// Whether anything stood where only a marker with a segment may stand. Decoders differ in what they make of it, so
    /// nobody knows what one of them finds behind it.
    pub(crate) is_ambiguous: bool,
    has_scan: bool,
}

impl<'a> Parts<'a> {
    /// The parts behind the first marker, if that is there.
    pub(crate) fn new(bytes: &'a [u8]) -> Option<Self> {
        Some(Self {
            rest: bytes.strip_prefix(&[0xFF, SOI])?,
            is_over: false,
            is_ambiguous: false,
            has_scan: false,
        })
    }

    /// The next marker. Bytes in front of it that belong to none, and padding, are passed over.
    fn marker(&mut self) -> Option<u8> {
        loop {
            let at = self.rest.iter().position(|byte| *byte == 0xFF)?;
            self.is_ambiguous |= at > 0;
            self.rest = &self.rest[at + 1..];
            match self.rest.first()? {
                0x00 => self.is_ambiguous = true,
                0xFF => continue,
                marker => {
                    let marker = *marker;
                    self.rest = &self.rest[1..];
                    return Some(marker);
                }
            }
        }
    }

    fn body(&mut self) -> Option<&'a [u8]> {
        let (length, behind) = self.rest.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes(*length)).checked_sub(2)?;
        let (body, behind) = behind.split_at_checked(length)?;
        self.rest = behind;
        Some(body)
    }

    /// The compressed pixels up to the next marker that is none of a scan's own.
    fn scan(&mut self) -> &'a [u8] {
        let mut end = 0;
        loop {
            let Some(at) = self.rest[end..].iter().position(|byte| *byte == 0xFF) else {
                end = self.rest.len();
                break;
            };
            let at = end + at;
            match self.rest.get(at + 1) {
                None => {
                    end = self.rest.len();
                    break;
                }
                Some(0x00 | 0xD0..=0xD7) => end = at + 2,
                Some(0xFF) => end = at + 1,
                Some(_) => {
                    end = at;
                    break;
                }
            }
        }
        let (scan, behind) = self.rest.split_at(end);
        self.rest = behind;
        scan
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        loop {
            if self.is_over {
                return None;
            }
            let marker = match self.marker() {
                Some(EOI) | None => {
                    self.is_over = true;
                    return None;
                }
                // These have no body and mean nothing outside of a scan.
                Some(0x01 | 0xD0..=SOI) => {
                    self.is_ambiguous = true;
                    continue;
                }
                Some(marker) => marker,
            };
            let Some(body) = self.body() else {
                // A picture that was cut off ends here; what was no picture yet is none.
                self.is_over = self.has_scan;
                return None;
            };
            let scan = if marker == SOS {
                self.has_scan = true;
                self.scan()
            } else {
                &[]
            };
            return Some(Part { marker, body, scan });
        }
    }
}

/// Whether the marker begins a frame, and so says how large it is.
pub(crate) const fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
}

/// Whether a decoder has to hold the whole frame's coefficients before it makes a pixel.
pub(crate) const fn is_progressive(marker: u8) -> bool {
    matches!(marker, 0xC2 | 0xC6 | 0xCA | 0xCE)
}

/// What of a segment stays; `None` if nothing does.
fn kept<'a>(part: &Part<'a>, keep: Keep) -> Option<&'a [u8]> {
    let body = part.body;
    match part.marker {
        // Tables, frames, scans, restarts, number of lines.
        0xC0..=0xC7 | 0xC9..=0xCF | SOS..=0xDD => Some(body),
        APP1 if keep == Keep::Exif && body.starts_with(exif::PREFIX) => Some(body),
        APP2 if body.starts_with(ICC) => Some(body),
        APP14 if body.starts_with(ADOBE) => body.get(..ADOBE_BYTES),
        _ => None,
    }
}

fn push_segment(out: &mut Vec<u8>, marker: u8, body: &[u8]) {
    // A body came out of a segment, or is a few bytes of our own.
    let length = u16::try_from(body.len() + 2).unwrap_or(u16::MAX);
    out.extend_from_slice(&[0xFF, marker]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(body);
}

/// The picture with nothing but what it needs; `None` if it cannot be followed.
pub(crate) fn strip(bytes: &[u8], keep: Keep) -> Option<Vec<u8>> {
    let mut parts = Parts::new(bytes)?;
    let mut orientation = None;
    let mut jfif = None;
    let mut rest = Vec::with_capacity(bytes.len());
    let mut has_frame = false;
    for part in parts.by_ref() {
        has_frame |= is_frame(part.marker);
        if part.marker == APP1 && part.body.starts_with(exif::PREFIX) && orientation.is_none() {
            orientation = exif::orientation(part.body);
        }
        if part.marker == APP0 && part.body.starts_with(JFIF) && jfif.is_none() {
            jfif = part.body.first_chunk::<JFIF_BYTES>();
        }
        if let Some(body) = kept(&part, keep) {
            push_segment(&mut rest, part.marker, body);
            rest.extend_from_slice(part.scan);
        }
    }
    if !parts.is_over || !has_frame {
        return None;
    }
    let mut out = Vec::with_capacity(rest.len() + 64);
    out.extend_from_slice(&[0xFF, SOI]);
    if let Some(mut jfif) = jfif.copied() {
        // The last two are the sides of a thumbnail.
        jfif[JFIF_BYTES - 2..].fill(0);
        push_segment(&mut out, APP0, &jfif);
    }
    if let Some(orientation) = orientation.filter(|_| keep == Keep::Nothing) {
        let body = [exif::PREFIX, &exif::minimal(orientation)].concat();
        push_segment(&mut out, APP1, &body);
    }
    out.extend_from_slice(&rest);
    out.extend_from_slice(&[0xFF, EOI]);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        push_segment(&mut out, marker, body);
        out
    }

    /// A progressive picture as far as parts go: two scans with a comment between them.
    fn with_two_scans(between: &[u8]) -> Vec<u8> {
        [
            &[0xFF, SOI][..],
            &segment(0xC2, b"\x08\0\x10\0\x10\x01\x01\x11\0"),
            &segment(SOS, b"\x01\x01\0\0\0\0"),
            b"first\xFF\0scan\xFF\xD0more",
            between,
            &segment(SOS, b"\x01\x01\0\x01\x3F\0"),
            b"second",
            &[0xFF, EOI],
        ]
        .concat()
    }

    #[test]
    fn what_stands_between_two_scans_or_behind_the_end_goes() {
        let clean = with_two_scans(b"");
        assert_eq!(strip(&clean, Keep::Nothing).as_ref(), Some(&clean));
        let comment = segment(0xFE, b"31.2304,121.4737");
        let mut dirty = with_two_scans(&comment);
        dirty.extend_from_slice(b"\xFF\xD8\xFF\xE1 a second picture, or a film");
        assert_eq!(strip(&dirty, Keep::Nothing), Some(clean));
    }

    #[test]
    fn a_thumbnail_in_the_first_segment_goes_and_the_density_stays() {
        let jfif = |thumbnail: &[u8], sides: [u8; 2]| {
            let body = [b"JFIF\0\x01\x02\x01\0\x48\0\x48", &sides[..], thumbnail].concat();
            segment(APP0, &body)
        };
        let tail = &with_two_scans(b"")[2..];
        let small = [&[0xFF, SOI][..], &jfif(b"", [0, 0]), tail].concat();
        let large = [&[0xFF, SOI][..], &jfif(b"face", [1, 1]), tail].concat();
        assert_eq!(strip(&large, Keep::Nothing), Some(small));
    }

    #[test]
    fn a_picture_that_was_cut_off_is_cleaned_as_far_as_it_goes() {
        let whole = with_two_scans(&segment(0xFE, b"31.2304,121.4737"));
        let cut = &whole[..whole.len() - 12];
        let clean = strip(cut, Keep::Nothing).unwrap();
        assert!(!clean.windows(7).any(|bytes| bytes == b"31.2304"));
        // Before there is any picture there is nothing to clean.
        assert_eq!(strip(&whole[..9], Keep::Nothing), None);
    }
}
