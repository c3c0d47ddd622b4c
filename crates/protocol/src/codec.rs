//! Bodies: one form byte, then zstd (RFC 8878) over CBOR or over its dense form.
//!
//! The form byte names what was compressed, and with which dictionary; see [`dense`] and [`dictionary`].
//! Both sides know every form there ever was, and the sender takes the newest that the other side
//! knows: a server answers in the form of the request.

use std::io::Read;

use minicbor::{Decode, Encode};

use crate::dense::{self, Changes};
use crate::dictionary::{self, Form};
use crate::error::ProtocolError;
use crate::limits::{MAX_BODY_BYTES, MAX_PAGE_BYTES, MAX_PAGE_WIRE_BYTES, MAX_WIRE_BYTES};

/// Encodes a message as a body of the newest form.
pub fn encode<T: Encode<()>>(message: &T) -> Vec<u8> {
    encode_as(Form::NEWEST, message)
}

/// Encodes a message as a body of that form, or plainly where it has no dense form.
pub fn encode_as<T: Encode<()>>(form: Form, message: &T) -> Vec<u8> {
    encode_knowing(Changes::Any, form, message)
}

/// As [`encode_as`], where something is known of the changes in the message.
pub(crate) fn encode_knowing<T: Encode<()>>(changes: Changes, form: Form, message: &T) -> Vec<u8> {
    let cbor = minicbor::to_vec(message).expect("writing CBOR into a Vec cannot fail");
    let packed = match form {
        Form::Plain => None,
        Form::Dense => dense::pack_knowing(changes, &cbor),
    };
    let (form, compressed) = match packed {
        Some(packed) => (form, dictionary::compress_packed(&packed)),
        None => (Form::Plain, dictionary::compress(&cbor)),
    };
    let mut body = vec![form.byte()];
    body.extend_from_slice(&compressed);
    body
}

/// The form of a body.
///
/// # Errors
/// [`ProtocolError::Malformed`] for an empty one, [`ProtocolError::UnknownForm`].
pub fn form_of(body: &[u8]) -> Result<Form, ProtocolError> {
    let first = body
        .first()
        .ok_or(ProtocolError::Malformed { what: "empty body" })?;
    Form::from_byte(*first).ok_or(ProtocolError::UnknownForm { form: *first })
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

/// The CBOR of a request's or page's body.
///
/// # Errors
/// As [`decode`].
pub fn uncompressed(body: &[u8]) -> Result<Vec<u8>, ProtocolError> {
    decompress(PAGE, body)
}

fn decompress(caps: Caps, body: &[u8]) -> Result<Vec<u8>, ProtocolError> {
    if body.len() > caps.wire {
        return Err(ProtocolError::TooLarge { limit: caps.wire });
    }
    let form = form_of(body)?;
    let mut decoder = dictionary::decoder(form, &body[1..])
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
    if form == Form::Dense {
        return dense::unpack(&cbor, caps.body)
            .map_err(|_| ProtocolError::Malformed { what: "dense body" });
    }
    Ok(cbor)
}
