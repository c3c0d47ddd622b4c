//! The key of a store.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// The raw 256-bit key of a store, from the app's key store. Wiped from memory when dropped and
/// never shown.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct StoreKey([u8; 32]);

impl StoreKey {
    /// Takes the key. It must be random: no password is stretched here.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key itself, for deriving others from it.
    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// SQLCipher's form of a raw key, which skips its key derivation.
    pub(crate) fn pragma(&self) -> zeroize::Zeroizing<String> {
        let digits = zeroize::Zeroizing::new(hex::encode(self.0));
        zeroize::Zeroizing::new(format!("PRAGMA key = \"x'{}'\"", digits.as_str()))
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        assert_eq!(format!("{:?}", StoreKey::new([7; 32])), "StoreKey(hidden)");
    }
}
