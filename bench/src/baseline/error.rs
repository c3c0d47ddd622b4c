//! What can go wrong in the baseline.

/// Why it did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BaselineError {
    /// SQLite, on the server or on a phone.
    #[error("its database failed: {0}")]
    Store(#[from] rusqlite::Error),
    /// Something is not the JSON that it should be.
    #[error("its JSON cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A body is not gzip, or too large.
    #[error("its gzip cannot be read: {0}")]
    Gzip(std::io::Error),
    /// The server was not reached.
    #[error("its server was not reached: {0}")]
    Http(Box<ureq::Error>),
    /// The server refused.
    #[error("its server answered {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// A folder, a thread or a socket.
    #[error("it cannot {what}: {source}")]
    System {
        /// What it needed.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

impl From<ureq::Error> for BaselineError {
    fn from(error: ureq::Error) -> Self {
        Self::Http(Box::new(error))
    }
}
