//! The one thing of EXIF that a picture needs to be seen the right way up.

use image::metadata::Orientation;

/// How EXIF data begins in a JPEG, and by mistake in some other files.
pub(crate) const PREFIX: &[u8] = b"Exif\0\0";

/// The orientation that EXIF data names; none where the picture lies as it is, or nothing sensible is said.
/// `data` may have the prefix of a JPEG or not.
pub(crate) fn orientation(data: &[u8]) -> Option<Orientation> {
    let tiff = data.strip_prefix(PREFIX).unwrap_or(data);
    Orientation::from_exif_chunk(tiff).filter(|found| *found != Orientation::NoTransforms)
}

/// EXIF data, without the prefix, that names this orientation and nothing else.
pub(crate) fn minimal(orientation: Orientation) -> [u8; 26] {
    let mut tiff = *b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0";
    tiff[18] = orientation.to_exif();
    tiff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_orientation_comes_back_from_its_minimal_form() {
        for exif in 2..=8 {
            let wanted = Orientation::from_exif(exif).unwrap();
            let tiff = minimal(wanted);
            assert_eq!(orientation(&tiff), Some(wanted));
            assert_eq!(orientation(&[PREFIX, &tiff].concat()), Some(wanted));
        }
        assert_eq!(orientation(&minimal(Orientation::NoTransforms)), None);
        assert_eq!(orientation(b"Exif\0\0MM\0*\xFF\xFF\xFF\xFF"), None);
    }
}
