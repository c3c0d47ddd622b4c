//! The version handshake.
//!
//! Generated bindings and the library that an app ships can come from two builds. Then the app would ask for what
//! is not there, or read one record as another: it would die, or wait for ever, somewhere far from the cause.
//! So the generated code carries the fingerprint of the surface that it was made from, and hands it to
//! [`surface_refusal`] before anything else is called.
//!
//! The fingerprint is the one of `mobile-bindings/api.txt`. It covers every call, record, field and variant, where
//! the generator's own checksums cover signatures alone. `cargo xtask api-check` holds it equal.

/// The version of this surface for those who write apps: it goes up when an app's code has to change. What is only
/// added does not raise it.
const API: u32 = 2;

/// Who this library is.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Versions {
    /// The surface: it goes up when an app's code has to change.
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

/// The fingerprint stands in two places, and an attribute takes no constant: hence once, here.
macro_rules! surface {
    ($fingerprint:literal) => {
        /// The fingerprint of this library's surface.
        const SURFACE: &str = $fingerprint;

        /// Why bindings of another `surface` cannot use this library, and what to do, for developers; nothing if
        /// they can.
        ///
        /// Called without an argument, generated code names the surface that it was made from. The answer is a
        /// text and no error: how an error is laid out is itself a part of the surface that may differ.
        #[uniffi::export(default(surface = $fingerprint))]
        pub fn surface_refusal(surface: String) -> Option<String> {
            (surface != SURFACE).then(|| refusal(&surface, SURFACE))
        }
    };
}

surface!("acd60975");

pub(crate) fn refusal(theirs: &str, ours: &str) -> String {
    format!(
        "the bindings were generated from surface {theirs}, this library has {ours}: generate them again from this \
         library (cargo xtask bindings), and ship both from one build"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bindings_of_another_surface_are_told_what_to_do() {
        assert_eq!(surface_refusal(SURFACE.to_owned()), None);
        let said = surface_refusal("12ab34cd".to_owned()).expect("another surface is refused");
        assert!(said.contains("12ab34cd") && said.contains(SURFACE));
        assert!(said.contains("generate them again from this library"));
    }

    #[test]
    fn the_fingerprint_is_that_of_the_surface_that_is_checked_in() {
        let checked_in = include_str!("../../../mobile-bindings/api.txt");
        let first = checked_in.lines().next();
        assert_eq!(first, Some(format!("surface {SURFACE}").as_str()));
    }
}
