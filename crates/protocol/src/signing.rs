//! Signatures: of pages and of certificates.
//!
//! Ed25519 (RFC 8032) over a purpose text, a zero byte and the message, so that a signature made
//! for one purpose never fits another.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use minicbor::{Decode, Encode};

use sha2::{Digest as _, Sha256};

use crate::bytes::{Blob, Digest, Key};
use crate::codec;
use crate::dense::Changes;
use crate::dictionary::Form;
use crate::error::ProtocolError;
use crate::page::{Page, PageBody, Statement};
use crate::returned::{Evidence, contents};
use crate::succession::Succession;

const PAGE: &str = "gridlog page v1";
const PAGE_NAME: &str = "page";
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

/// A signed page on the wire. Which request and device it answers both sides know.
#[derive(Encode, Decode)]
struct SignedPage {
    #[n(0)]
    statement: Blob,
    #[n(1)]
    body: Blob,
    #[cbor(n(2), with = "minicbor::bytes")]
    signature: [u8; 64],
}

/// What the signature of a page is made over: purpose, nonce, device, and the SHA-256 of statement
/// and body.
fn page_message(nonce: Key, device: Key, statement: &[u8], body: Digest) -> Vec<u8> {
    let statement = Sha256::digest(statement);
    let parts = [&nonce.0[..], &device.0, &statement, &body.0].concat();
    with_purpose(PAGE, &parts)
}

fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// A page as a signed body of the newest form, for the request with `nonce` of `device`.
pub fn sign_page(page: &Page, nonce: Key, device: Key, key: &SigningKey) -> Vec<u8> {
    sign_page_as(Form::NEWEST, page, nonce, device, key)
}

/// As [`sign_page`], in the form that the device knows. The changes in a page are those of the log.
pub fn sign_page_as(form: Form, page: &Page, nonce: Key, device: Key, key: &SigningKey) -> Vec<u8> {
    let never = "writing CBOR into a Vec cannot fail";
    let statement = minicbor::to_vec(&page.statement).expect(never);
    let body = minicbor::to_vec(&page.body).expect(never);
    let message = page_message(nonce, device, &statement, digest(&body));
    let signed = SignedPage {
        signature: key.sign(&message).to_bytes(),
        statement: Blob(statement),
        body: Blob(body),
    };
    codec::encode_knowing(Changes::Admitted, form, &signed)
}

/// A page whose signature was checked, with what makes its [`Evidence`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedPage {
    /// The page.
    pub page: Page,
    /// Evidence without contents: the reader fills in what the page brought.
    pub evidence: Evidence,
}

/// Opens a signed body: checks caps, signature, and that it answers the request with `nonce` of
/// `device`.
///
/// # Errors
/// [`ProtocolError`].
pub fn open_page(
    body: &[u8],
    nonce: Key,
    device: Key,
    key: &VerifyingKey,
) -> Result<OpenedPage, ProtocolError> {
    let signed: SignedPage = codec::decode_page(PAGE_NAME, body)?;
    opened(&signed, nonce, device, key)
}

/// As [`open_page`], where the page brings the notes by which another key follows the one that the device
/// knows. Also returns that key, if it is another one. What the page says counts only once a key that follows
/// has signed it.
///
/// # Errors
/// [`ProtocolError`].
pub fn open_page_following(
    body: &[u8],
    nonce: Key,
    device: Key,
    known: &VerifyingKey,
) -> Result<(OpenedPage, Option<VerifyingKey>), ProtocolError> {
    let signed: SignedPage = codec::decode_page(PAGE_NAME, body)?;
    let refused = match opened(&signed, nonce, device, known) {
        Ok(opened) => return Ok((opened, None)),
        Err(refused) => refused,
    };
    let said: PageBody = minicbor::decode(&signed.body.0)
        .map_err(|_| ProtocolError::Malformed { what: PAGE_NAME })?;
    let notes = said.successions.unwrap_or_default();
    match Succession::follow(known, &notes).pop() {
        Some(next) => Ok((opened(&signed, nonce, device, &next)?, Some(next))),
        None => Err(refused),
    }
}

fn opened(
    signed: &SignedPage,
    nonce: Key,
    device: Key,
    key: &VerifyingKey,
) -> Result<OpenedPage, ProtocolError> {
    let evidence = Evidence {
        nonce,
        device,
        body: digest(&signed.body.0),
        statement: signed.statement.clone(),
        signature: signed.signature,
        entries: Vec::new(),
        records: Vec::new(),
    };
    let statement = evidence.check_signature(key)?;
    let body = minicbor::decode(&signed.body.0)
        .map_err(|_| ProtocolError::Malformed { what: PAGE_NAME })?;
    Ok(OpenedPage {
        page: Page { statement, body },
        evidence,
    })
}

impl Evidence {
    fn check_signature(&self, key: &VerifyingKey) -> Result<Statement, ProtocolError> {
        let what = "page";
        let message = page_message(self.nonce, self.device, &self.statement.0, self.body);
        key.verify_strict(&message, &Signature::from_bytes(&self.signature))
            .map_err(|_| ProtocolError::BadSignature { what })?;
        minicbor::decode(&self.statement.0).map_err(|_| ProtocolError::Malformed { what })
    }

    /// Checks that the server signed it and that it names just these entries and records.
    ///
    /// # Errors
    /// [`ProtocolError::BadSignature`], also where the contents are not what was signed.
    pub fn check(&self, key: &VerifyingKey) -> Result<Statement, ProtocolError> {
        let statement = self.check_signature(key)?;
        if contents(&self.entries, &self.records) == statement.contents {
            Ok(statement)
        } else {
            Err(ProtocolError::BadSignature { what: "evidence" })
        }
    }
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
