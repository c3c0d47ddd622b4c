//! Bodies under gzip, at the level that servers use by default.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::BaselineError;

/// The name of the content encoding.
pub(super) const NAME: &str = "gzip";

/// Largest body after decompression, in bytes.
const MOST: u64 = 64 * 1024 * 1024;

pub(super) fn pack(body: &[u8]) -> Result<Vec<u8>, BaselineError> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(body).map_err(BaselineError::Gzip)?;
    packed.finish().map_err(BaselineError::Gzip)
}

pub(super) fn unpack(packed: &[u8]) -> Result<Vec<u8>, BaselineError> {
    let mut body = Vec::new();
    let mut unpacking = GzDecoder::new(packed).take(MOST);
    unpacking
        .read_to_end(&mut body)
        .map_err(BaselineError::Gzip)?;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_can_be_unpacked_and_what_is_not_gzip_is_an_error() {
        let body = "巡查".repeat(500);
        let packed = pack(body.as_bytes()).unwrap();
        assert!(packed.len() < 200);
        assert_eq!(unpack(&packed).unwrap(), body.as_bytes());
        assert!(unpack(b"{}").is_err());
    }
}
