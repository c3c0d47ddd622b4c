//! How one key of the server follows another: a note that the former key signed, and the next one too,
//! so that nobody can name a key that is not theirs.
//!
//! Whoever knows a key follows the notes from it. That protects from a key that grows old, not from one
//! that was stolen: a thief signs notes as well. After a theft phones and verifiers are given the new key by
//! hand.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use minicbor::{Decode, Encode};

use crate::bytes::{Blob, Digest};
use crate::error::ProtocolError;

const SUCCESSION: &str = "gridlog succession v1";
/// Most notes that one side sends to another. A key that lasts a year gets there in a lifetime.
pub const MAX_SUCCESSIONS: usize = 64;

/// What a note says.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Succession {
    /// The public key that signed so far.
    #[n(0)]
    pub former: Digest,
    /// The one that signs from here on.
    #[n(1)]
    pub next: Digest,
    /// When, milliseconds since the Unix epoch.
    #[n(2)]
    pub at_ms: i64,
}

#[derive(Encode, Decode)]
struct Signed {
    #[n(0)]
    message: Blob,
    #[cbor(n(1), with = "minicbor::bytes")]
    former: [u8; 64],
    #[cbor(n(2), with = "minicbor::bytes")]
    next: [u8; 64],
}

fn purpose(message: &[u8]) -> Vec<u8> {
    [SUCCESSION.as_bytes(), &[0], message].concat()
}

const WHAT: &str = "key succession";

fn key(digest: Digest) -> Result<VerifyingKey, ProtocolError> {
    VerifyingKey::from_bytes(&digest.0).map_err(|_| ProtocolError::Malformed { what: WHAT })
}

impl Succession {
    /// The note by which `next` follows `former`.
    pub fn sign(former: &SigningKey, next: &SigningKey, at_ms: i64) -> Blob {
        let said = Self {
            former: Digest(former.verifying_key().to_bytes()),
            next: Digest(next.verifying_key().to_bytes()),
            at_ms,
        };
        let never = "writing CBOR into a Vec cannot fail";
        let message = minicbor::to_vec(&said).expect(never);
        let signed = purpose(&message);
        let note = Signed {
            former: former.sign(&signed).to_bytes(),
            next: next.sign(&signed).to_bytes(),
            message: Blob(message),
        };
        Blob(minicbor::to_vec(&note).expect(never))
    }

    /// Opens a note: both keys that it names signed it. Whether the former one is to be trusted, the reader
    /// knows.
    ///
    /// # Errors
    /// [`ProtocolError::Malformed`] or [`ProtocolError::BadSignature`].
    pub fn open(note: &Blob) -> Result<Self, ProtocolError> {
        let malformed = |_| ProtocolError::Malformed { what: WHAT };
        let signed: Signed = minicbor::decode(&note.0).map_err(malformed)?;
        let said: Self = minicbor::decode(&signed.message.0).map_err(malformed)?;
        let message = purpose(&signed.message.0);
        let by = [(said.former, signed.former), (said.next, signed.next)];
        for (signer, signature) in by {
            key(signer)?
                .verify_strict(&message, &Signature::from_bytes(&signature))
                .map_err(|_| ProtocolError::BadSignature { what: WHAT })?;
        }
        Ok(said)
    }

    /// Every key that follows a known one by these notes, the newest last. Notes that do not lead on from it
    /// are passed over.
    pub fn follow(known: &VerifyingKey, notes: &[Blob]) -> Vec<VerifyingKey> {
        let mut reached = vec![*known];
        for note in notes.iter().take(MAX_SUCCESSIONS) {
            let Ok(said) = Self::open(note) else {
                continue;
            };
            let leads_on = reached.last().map(VerifyingKey::to_bytes) == Some(said.former.0);
            if let (true, Ok(next)) = (leads_on, key(said.next)) {
                reached.push(next);
            }
        }
        reached.split_off(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signing(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn note(former: u8, next: u8) -> Blob {
        Succession::sign(&signing(former), &signing(next), 7)
    }

    fn follow(known: u8, notes: &[Blob]) -> Vec<VerifyingKey> {
        Succession::follow(&signing(known).verifying_key(), notes)
    }

    #[test]
    fn whoever_knows_a_key_follows_to_the_newest_from_wherever_they_stand() {
        let notes = [note(1, 2), note(2, 3), note(3, 4)];
        let keys = |seeds: &[u8]| -> Vec<VerifyingKey> {
            let seeds = seeds.iter();
            seeds.map(|seed| signing(*seed).verifying_key()).collect()
        };
        assert_eq!(follow(1, &notes), keys(&[2, 3, 4]));
        assert_eq!(follow(3, &notes), keys(&[4]));
        assert_eq!(follow(4, &notes), []);
        assert_eq!(follow(9, &notes), [], "a stranger's key leads nowhere");
    }

    #[test]
    fn a_note_that_either_key_did_not_sign_is_refused() {
        let honest = note(1, 2);
        assert_eq!(Succession::open(&honest).unwrap().at_ms, 7);
        for byte in 0..honest.0.len() {
            let mut forged = honest.clone();
            forged.0[byte] ^= 1;
            assert!(Succession::open(&forged).is_err(), "byte {byte}");
        }
        // Somebody names a key as their own that is not theirs, or follows without being named.
        let mut signed: Signed = minicbor::decode(&honest.0).unwrap();
        let message = purpose(&signed.message.0);
        signed.former = signing(9).sign(&message).to_bytes();
        let forged = Blob(minicbor::to_vec(&signed).unwrap());
        assert!(Succession::open(&forged).is_err());
        assert_eq!(follow(1, &[forged, note(9, 3)]), []);
    }
}
