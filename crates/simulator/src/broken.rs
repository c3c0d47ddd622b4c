//! A promise that was broken.

use std::fmt;

/// Which promise was broken, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The promise, as a stable name.
    pub promise: &'static str,
    /// What was found.
    pub found: String,
}

impl Broken {
    /// A promise broken as `found` says.
    pub(crate) fn new(promise: &'static str, found: impl Into<String>) -> Self {
        Self {
            promise,
            found: found.into(),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.found)
    }
}
