//! What only the app can do: traits that Kotlin, Swift and Python implement.
//!
//! An implementation may be called on any thread. Whatever it throws becomes an error of the call
//! that needed it; what the exception said is dropped, it could quote a key or a record.

use std::io;
use std::sync::Arc;

use gridlog_client_core::StoreKey;

use crate::error::GridlogError;
use crate::gate::{OfApp, call_app};

/// Why the app's side did not do what the engine asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum HostError {
    /// It said why.
    #[error("{code}")]
    Failed {
        /// The app's own stable code, for example `device_locked`; never contents.
        code: String,
    },
    /// It threw something that it does not declare.
    #[error("it threw")]
    Threw,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for HostError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Threw
    }
}

/// The system's key store (Android Keystore, Keychain): where the key of the database lives.
#[uniffi::export(with_foreign)]
pub trait KeyStore: Send + Sync {
    /// The key of that store: 32 random bytes, made and kept by the app before it is opened for
    /// the first time, and the same ever after. A store without its key is lost.
    ///
    /// # Errors
    /// [`HostError`] if it is not to be had now, for example before the first unlock.
    fn store_key(&self) -> Result<Vec<u8>, HostError>;
}

/// A place for 16 bytes that backups do not reach (Keychain with "this device only", a file
/// outside of what is backed up). By it a phone that was restored from a backup is told from the
/// one that the backup was made of.
#[uniffi::export(with_foreign)]
pub trait GenerationMarker: Send + Sync {
    /// The 16 bytes that were written last; nothing on a new phone, and after a restore.
    ///
    /// # Errors
    /// [`HostError`], for example while the key store is locked; the store is not opened then.
    fn read(&self) -> Result<Option<Vec<u8>>, HostError>;

    /// Keeps these 16 bytes, durably. It is called when the store is opened first or after a restore, and
    /// by every sync that sends something.
    ///
    /// # Errors
    /// [`HostError`]; the store is not opened then, and nothing is sent.
    fn write(&self, generation: Vec<u8>) -> Result<(), HostError>;
}

/// Asks the app for the key.
pub(crate) fn take_key(keys: &dyn KeyStore) -> Result<StoreKey, GridlogError> {
    let bytes = call_app(|| keys.store_key()).map_err(|error| GridlogError::no_key(&error))?;
    let count = bytes.len();
    let key: [u8; 32] = bytes.try_into().map_err(|_| GridlogError::bad_key(count))?;
    Ok(StoreKey::new(key))
}

/// The app's marker as the engine's.
pub(crate) struct AppMarker(OfApp<dyn GenerationMarker>);

impl AppMarker {
    pub(crate) const fn new(marker: Arc<dyn GenerationMarker>) -> Self {
        Self(OfApp::new(marker))
    }
}

impl gridlog_client_core::GenerationMarker for AppMarker {
    fn read(&self) -> io::Result<Option<[u8; 16]>> {
        let stored = self
            .0
            .call(|marker| marker.read())
            .map_err(io::Error::other)?;
        Ok(stored.and_then(|bytes| bytes.try_into().ok()))
    }

    fn write(&self, generation: [u8; 16]) -> io::Result<()> {
        self.0
            .call(|marker| marker.write(generation.to_vec()))
            .map_err(io::Error::other)
    }
}
