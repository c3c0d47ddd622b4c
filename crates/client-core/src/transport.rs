//! How requests reach the server. The engine never opens a socket itself (DESIGN section 2).

use gridlog_protocol::limits::MAX_PAGE_WIRE_BYTES;

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

    /// Asks for `path` by GET, and takes the answer whole, at most
    /// `gridlog_protocol::limits::MAX_PAGE_WIRE_BYTES` of it.
    ///
    /// # Errors
    /// [`TransportError`] if no answer came. Unless implemented, what [`Transport::listen`] answers.
    fn get(&self, path: &str, bearer: Option<&str>) -> Result<Answer, TransportError> {
        let mut body = Vec::new();
        let mut is_too_large = false;
        let mut take = |bytes: &[u8]| {
            is_too_large = body.len() + bytes.len() > MAX_PAGE_WIRE_BYTES;
            if !is_too_large {
                body.extend_from_slice(bytes);
            }
            !is_too_large
        };
        let mut answer = self.listen(path, bearer, &mut take)?;
        if is_too_large {
            let limit = MAX_PAGE_WIRE_BYTES;
            return Err(TransportError::AnswerTooLarge { limit });
        }
        if answer.status == 200 {
            answer.body = body;
        }
        Ok(answer)
    }

    /// Opens `path` by GET and hands over what the server says, as it comes, until the server ends it
    /// or `on_bytes` answers false. Blocks until then.
    ///
    /// If the server agrees (200), the answer comes when the line has ended, without a body. Any other
    /// status is an answer as for [`Transport::post`], and `on_bytes` is not called. An implementation
    /// gives up a line on which nothing has come for a minute: the server says something every 25
    /// seconds.
    ///
    /// # Errors
    /// [`TransportError`] if no answer came or the line broke; [`TransportError::CannotListen`] if this
    /// way to the server has no such thing, as it is unless implemented.
    fn listen(
        &self,
        _path: &str,
        _bearer: Option<&str>,
        _on_bytes: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Answer, TransportError> {
        Err(TransportError::CannotListen)
    }
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
    /// This way to the server cannot keep a line open.
    #[error("this way to the server cannot keep a line open; sync from time to time instead")]
    CannotListen,
}

impl TransportError {
    /// A stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut => "timed_out",
            Self::AnswerTooLarge { .. } => "answer_too_large",
            Self::BadAddress => "bad_address",
            Self::CannotListen => "cannot_listen",
        }
    }
}
