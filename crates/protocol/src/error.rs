//! What can be wrong with bytes from the other side.

/// Why a message is not taken.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum ProtocolError {
    /// The body is larger than it may be.
    #[error("the body exceeds {limit} bytes; send less at once")]
    TooLarge {
        /// The cap that it exceeds, in bytes.
        limit: usize,
    },
    /// The frame is of a form that this side does not know.
    #[error("the body has the unknown form {form}; update the app")]
    UnknownForm {
        /// First byte of the body.
        form: u8,
    },
    /// The body does not decompress.
    #[error("the body does not decompress; send it again")]
    BadCompression,
    /// The body is not the CBOR that it should be.
    #[error("the {what} is malformed")]
    Malformed {
        /// What was being read.
        what: &'static str,
    },
    /// The message is of a version that this side does not speak.
    #[error("protocol version {version} is not spoken here; update the app")]
    UnsupportedVersion {
        /// The version it names.
        version: u16,
    },
    /// A list is longer than it may be.
    #[error("the request holds more than {limit} {what}; send fewer at once")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// The cap.
        limit: usize,
    },
    /// A signature does not fit.
    #[error("the {what} is not signed by the server that this device enrolled with")]
    BadSignature {
        /// What was being checked.
        what: &'static str,
    },
    /// A page answers another request.
    #[error("the page answers another request")]
    WrongAnswer,
}

impl ProtocolError {
    /// A stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "body_too_large",
            Self::UnknownForm { .. } => "unknown_form",
            Self::BadCompression => "bad_compression",
            Self::Malformed { .. } => "malformed_message",
            Self::UnsupportedVersion { .. } => "unsupported_version",
            Self::TooMany { .. } => "too_many",
            Self::BadSignature { .. } => "bad_signature",
            Self::WrongAnswer => "wrong_answer",
        }
    }
}
