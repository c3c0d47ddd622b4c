//! Chunks around bodies: length and checksum put right, so that they get past the framing.

use sha2::{Digest, Sha256};

use crate::encode::put_unsigned;
use crate::header::{CHANGE, MAGIC};

/// Puts a body into a chunk of type `chunk_type` with the right length and checksum.
pub(super) fn seal_as(chunk_type: u8, body: &[u8]) -> Vec<u8> {
    let mut hashed = vec![chunk_type];
    put_unsigned(&mut hashed, body.len() as u64);
    hashed.extend_from_slice(body);
    let hash = Sha256::digest(&hashed);
    let mut chunk = MAGIC.to_vec();
    chunk.extend_from_slice(&hash[..4]);
    chunk.append(&mut hashed);
    chunk
}

/// Puts a body into a change chunk, so that anything gets past the framing.
pub fn seal(body: &[u8]) -> Vec<u8> {
    seal_as(CHANGE, body)
}
