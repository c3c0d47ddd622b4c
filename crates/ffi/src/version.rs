//! The version handshake.
//!
//! Generated bindings and the library that an app ships can come from two builds. An app calls
//! [`check_api`] with the version that it was written for before anything else.

use crate::error::GridlogError;

/// The version of this surface. It goes up when an app that was written for the one before would
/// not work; what is only added does not raise it.
const API: u32 = 1;

/// Who this library is.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Versions {
    /// The surface: what [`check_api`] compares.
    pub api: u32,
    /// The engine's release.
    pub engine: String,
    /// The newest protocol that it speaks with servers.
    pub protocol: u32,
    /// The oldest protocol that it speaks with servers.
    pub oldest_protocol: u32,
}

/// The versions of this library.
#[uniffi::export]
pub fn versions() -> Versions {
    Versions {
        api: API,
        engine: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: u32::from(gridlog_protocol::VERSION),
        oldest_protocol: u32::from(gridlog_protocol::OLDEST_VERSION),
    }
}

/// Makes sure that an app that was written for version `api` of the surface can use this library.
///
/// # Errors
/// [`GridlogError::Internal`] with the code `other_api`.
#[uniffi::export]
pub fn check_api(api: u32) -> Result<(), GridlogError> {
    if api == API {
        Ok(())
    } else {
        Err(GridlogError::other_api(api, API))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_surface_is_told_so() {
        assert_eq!(check_api(versions().api), Ok(()));
        assert_eq!(check_api(API + 1).unwrap_err().code(), "other_api");
    }
}
