//! Bodies: one form byte, then zstd over CBOR.
//!
//! The form byte leaves room for compression dictionaries: form 1 is zstd without one.

use std::io::Read;

use minicbor::{Decode, Encode};

use crate::error::ProtocolError;
use crate::limits::{MAX_BODY_BYTES, MAX_WIRE_BYTES};

/// zstd without a dictionary.
const PLAIN_ZSTD: u8 = 1;
/// Fast enough for a phone, small enough for its network.
const LEVEL: i32 = 3;

/// Encodes a message as a body.
pub fn encode<T: Encode<()>>(message: &T) -> Vec<u8> {
    let cbor = minicbor::to_vec(message).expect("writing CBOR into a Vec cannot fail");
    let mut body = vec![PLAIN_ZSTD];
    let compressed = zstd::bulk::compress(&cbor, LEVEL)
        .expect("zstd compresses any slice at a level that it documents");
    body.extend_from_slice(&compressed);
    body
}

/// Decodes a body under the caps of [`crate::limits`].
///
/// # Errors
/// [`ProtocolError`]; memory stays bounded whatever the bytes say.
pub fn decode<T: for<'b> Decode<'b, ()>>(
    what: &'static str,
    body: &[u8],
) -> Result<T, ProtocolError> {
    let cbor = decompress(body)?;
    let mut decoder = minicbor::Decoder::new(&cbor);
    let message = decoder
        .decode()
        .map_err(|_| ProtocolError::Malformed { what })?;
    if decoder.position() != cbor.len() {
        return Err(ProtocolError::Malformed { what });
    }
    Ok(message)
}

fn decompress(body: &[u8]) -> Result<Vec<u8>, ProtocolError> {
    if body.len() > MAX_WIRE_BYTES {
        return Err(ProtocolError::TooLarge {
            limit: MAX_WIRE_BYTES,
        });
    }
    let (form, compressed) = body
        .split_first()
        .ok_or(ProtocolError::Malformed { what: "empty body" })?;
    if *form != PLAIN_ZSTD {
        return Err(ProtocolError::UnknownForm { form: *form });
    }
    let mut decoder = zstd::stream::read::Decoder::new(compressed)
        .map_err(|_| ProtocolError::BadCompression)?
        .single_frame();
    // A frame may ask for a window of up to 2^27 bytes; ours never need more than 2^23.
    decoder
        .window_log_max(23)
        .map_err(|_| ProtocolError::BadCompression)?;
    let mut cbor = Vec::new();
    let cap = u64::try_from(MAX_BODY_BYTES).unwrap_or(u64::MAX) + 1;
    decoder
        .take(cap)
        .read_to_end(&mut cbor)
        .map_err(|_| ProtocolError::BadCompression)?;
    if cbor.len() > MAX_BODY_BYTES {
        return Err(ProtocolError::TooLarge {
            limit: MAX_BODY_BYTES,
        });
    }
    Ok(cbor)
}
