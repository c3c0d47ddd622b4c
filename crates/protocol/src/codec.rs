//! Bodies: one form byte, then zstd over CBOR.
//!
//! The form byte leaves room for compression dictionaries: form 1 is zstd without one.

use std::io::Read;

use minicbor::{Decode, Encode};

use crate::error::ProtocolError;
use crate::limits::{MAX_BODY_BYTES, MAX_PAGE_BYTES, MAX_PAGE_WIRE_BYTES, MAX_WIRE_BYTES};

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

/// How large a body may be.
#[derive(Clone, Copy)]
struct Caps {
    wire: usize,
    body: usize,
}

const REQUEST: Caps = Caps {
    wire: MAX_WIRE_BYTES,
    body: MAX_BODY_BYTES,
};
const PAGE: Caps = Caps {
    wire: MAX_PAGE_WIRE_BYTES,
    body: MAX_PAGE_BYTES,
};

/// Decodes a request's body under the caps of [`crate::limits`].
///
/// # Errors
/// [`ProtocolError`]; memory stays bounded whatever the bytes say.
pub fn decode<T: for<'b> Decode<'b, ()>>(
    what: &'static str,
    body: &[u8],
) -> Result<T, ProtocolError> {
    decode_under(REQUEST, what, body)
}

/// Decodes a page's body, which may be larger.
///
/// # Errors
/// As [`decode`].
pub(crate) fn decode_page<T: for<'b> Decode<'b, ()>>(
    what: &'static str,
    body: &[u8],
) -> Result<T, ProtocolError> {
    decode_under(PAGE, what, body)
}

fn decode_under<T: for<'b> Decode<'b, ()>>(
    caps: Caps,
    what: &'static str,
    body: &[u8],
) -> Result<T, ProtocolError> {
    let cbor = decompress(caps, body)?;
    let mut decoder = minicbor::Decoder::new(&cbor);
    let message = decoder
        .decode()
        .map_err(|_| ProtocolError::Malformed { what })?;
    if decoder.position() != cbor.len() {
        return Err(ProtocolError::Malformed { what });
    }
    Ok(message)
}

fn decompress(caps: Caps, body: &[u8]) -> Result<Vec<u8>, ProtocolError> {
    if body.len() > caps.wire {
        return Err(ProtocolError::TooLarge { limit: caps.wire });
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
    let cap = u64::try_from(caps.body)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    decoder
        .take(cap)
        .read_to_end(&mut cbor)
        .map_err(|_| ProtocolError::BadCompression)?;
    if cbor.len() > caps.body {
        return Err(ProtocolError::TooLarge { limit: caps.body });
    }
    Ok(cbor)
}
