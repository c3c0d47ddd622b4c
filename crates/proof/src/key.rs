//! The key that signs seals, and the one that checks them.

use std::fmt;
use std::str::FromStr;

use signed_note::{StandardSigner, StandardVerifier, Verifier as _};

use crate::error::ProofError;

/// How `signed-note` marks an Ed25519 key.
const ED25519: u8 = 1;

/// What seals are checked with: the text `name+hash+base64` of C2SP `signed-note`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(String);

impl PublicKey {
    /// The key of that name with these 32 bytes of an Ed25519 public key. The name has no spaces and no
    /// `+`.
    ///
    /// # Errors
    /// [`ProofError::Key`].
    pub fn new(name: &str, key: &[u8; 32]) -> Result<Self, ProofError> {
        let marked = [&[ED25519][..], key].concat();
        let id = signed_note::key_id(name, &marked);
        format!("{name}+{id:08x}+{}", base64(&marked)).parse()
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        self.0.split('+').next().unwrap_or_default()
    }

    /// The 32 bytes of the Ed25519 public key.
    ///
    /// # Errors
    /// [`ProofError::Key`] never, for a key that was read.
    pub fn bytes(&self) -> Result<[u8; 32], ProofError> {
        use base64::prelude::{BASE64_STANDARD, Engine as _};
        // The base64 may hold a plus sign, name and hash do not.
        let marked = self.0.splitn(3, '+').nth(2).ok_or(ProofError::Key)?;
        let marked = BASE64_STANDARD.decode(marked);
        let marked = marked.map_err(|_| ProofError::Key)?;
        let key = marked.get(1..).and_then(|key| key.try_into().ok());
        key.ok_or(ProofError::Key)
    }

    pub(crate) fn verifier(&self) -> Result<StandardVerifier, ProofError> {
        StandardVerifier::new(&self.0).map_err(|_| ProofError::Key)
    }
}

impl FromStr for PublicKey {
    type Err = ProofError;

    fn from_str(text: &str) -> Result<Self, ProofError> {
        let key = Self(text.trim().to_owned());
        key.verifier().map(|_| key)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What seals are signed with.
#[derive(Clone)]
pub struct SealKey {
    pub(crate) signer: StandardSigner,
    public: PublicKey,
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SealKey").field(&self.public.0).finish()
    }
}

impl SealKey {
    /// The key of that name with this Ed25519 seed; `public` is what belongs to the seed.
    ///
    /// # Errors
    /// [`ProofError::Key`] where they do not belong together, or the name has a space or a `+`.
    pub fn new(name: &str, seed: &[u8; 32], public: &[u8; 32]) -> Result<Self, ProofError> {
        let public = PublicKey::new(name, public)?;
        let id = public.verifier()?.key_id();
        let marked = base64(&[&[ED25519][..], seed].concat());
        let text = format!("PRIVATE+KEY+{name}+{id:08x}+{marked}");
        let signer = StandardSigner::new(&text).map_err(|_| ProofError::Key)?;
        Ok(Self { signer, public })
    }

    /// What its seals are checked with.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }
}

/// Standard base64; a hash prints so, and a key of `signed-note` is written so.
fn base64(bytes: &[u8]) -> String {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    BASE64_STANDARD.encode(bytes)
}
