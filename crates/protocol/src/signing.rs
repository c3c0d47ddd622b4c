//! Signatures: of pages and of certificates.
//!
//! Ed25519 (RFC 8032) over a purpose text, a zero byte and the message, so that a signature made
//! for one purpose never fits another.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use minicbor::{Decode, Encode};

use crate::bytes::{Blob, Key};
use crate::codec;
use crate::error::ProtocolError;
use crate::message::Page;

const PAGE: &str = "gridlog page v1";
const CERTIFICATE: &str = "gridlog certificate v1";

#[derive(Encode, Decode)]
struct Signed {
    #[n(0)]
    message: Blob,
    #[cbor(n(1), with = "minicbor::bytes")]
    signature: [u8; 64],
}

fn with_purpose(purpose: &str, message: &[u8]) -> Vec<u8> {
    [purpose.as_bytes(), &[0], message].concat()
}

fn sign<T: Encode<()>>(purpose: &str, value: &T, key: &SigningKey) -> Signed {
    let message = minicbor::to_vec(value).expect("writing CBOR into a Vec cannot fail");
    let signature = key.sign(&with_purpose(purpose, &message)).to_bytes();
    Signed {
        message: Blob(message),
        signature,
    }
}

fn open<T: for<'b> Decode<'b, ()>>(
    purpose: &str,
    what: &'static str,
    signed: &Signed,
    key: &VerifyingKey,
) -> Result<T, ProtocolError> {
    let signature = Signature::from_bytes(&signed.signature);
    key.verify_strict(&with_purpose(purpose, &signed.message.0), &signature)
        .map_err(|_| ProtocolError::BadSignature { what })?;
    minicbor::decode(&signed.message.0).map_err(|_| ProtocolError::Malformed { what })
}

/// A page as a signed body.
pub fn sign_page(page: &Page, key: &SigningKey) -> Vec<u8> {
    codec::encode(&sign(PAGE, page, key))
}

/// Opens a signed body: checks caps, signature, and that it answers the request with `nonce`.
///
/// # Errors
/// [`ProtocolError`].
pub fn open_page(body: &[u8], nonce: Key, key: &VerifyingKey) -> Result<Page, ProtocolError> {
    let signed: Signed = codec::decode_page("page", body)?;
    let page: Page = open(PAGE, "page", &signed, key)?;
    if page.nonce != nonce {
        return Err(ProtocolError::WrongAnswer);
    }
    Ok(page)
}

/// The server's word that an actor belongs to a person's device (DESIGN section 4).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Certificate {
    /// Staff number.
    #[n(0)]
    pub person: String,
    /// The device.
    #[n(1)]
    pub device: Key,
    /// The actor.
    #[n(2)]
    pub actor: Key,
    /// When it was given, milliseconds since the Unix epoch.
    #[n(3)]
    pub issued_ms: i64,
}

impl Certificate {
    /// The certificate with the server's signature.
    pub fn sign(&self, key: &SigningKey) -> Vec<u8> {
        minicbor::to_vec(sign(CERTIFICATE, self, key)).expect("writing CBOR into a Vec cannot fail")
    }

    /// Opens a signed certificate.
    ///
    /// # Errors
    /// [`ProtocolError::Malformed`] or [`ProtocolError::BadSignature`].
    pub fn open(bytes: &[u8], key: &VerifyingKey) -> Result<Self, ProtocolError> {
        let what = "certificate";
        let signed: Signed =
            minicbor::decode(bytes).map_err(|_| ProtocolError::Malformed { what })?;
        open(CERTIFICATE, what, &signed, key)
    }
}
