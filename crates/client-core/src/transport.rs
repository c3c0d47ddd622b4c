//! How requests reach the server. The engine never opens a socket itself (DESIGN section 2).

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body, as it came.
    pub body: Vec<u8>,
    /// The header `Retry-After`, milliseconds.
    pub retry_after_ms: Option<u64>,
}

/// Carries one request to the server and its answer back.
pub trait Transport {
    /// Sends `body` by POST to `path`, for example `/v1/sync`, with a bearer token if there is one.
    ///
    /// Any status that the server gives is an [`Answer`]. An implementation caps the size of what
    /// it reads at `gridlog_protocol::limits::MAX_PAGE_WIRE_BYTES` and gives up after a time of its own.
    ///
    /// # Errors
    /// [`TransportError`] if no answer came.
    fn post(
        &self,
        path: &str,
        bearer: Option<&str>,
        content_type: &str,
        body: &[u8],
    ) -> Result<Answer, TransportError>;
}

/// Why no answer came. Whether the server got the request is unknown; sending it again is harmless.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum TransportError {
    /// No connection: no signal, an unknown host, a refused certificate.
    #[error("no connection ({reason})")]
    Unreachable {
        /// What the network said; never contents.
        reason: String,
    },
    /// The answer did not come in time.
    #[error("no answer in time")]
    TimedOut,
    /// The answer is larger than a page may be.
    #[error("the answer is larger than {limit} bytes")]
    AnswerTooLarge {
        /// The cap, in bytes.
        limit: usize,
    },
    /// The base URL cannot be used.
    #[error("the server's address cannot be used; it looks like https://host")]
    BadAddress,
}

impl TransportError {
    /// A stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut => "timed_out",
            Self::AnswerTooLarge { .. } => "answer_too_large",
            Self::BadAddress => "bad_address",
        }
    }
}
