//! Why a seal or a proof is not believed.

/// Why a seal or a proof is not believed. None of these can be mended by the reader: ask the server
/// again, and the district's office if it stays so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The public key is none.
    #[error("the public key cannot be read; it looks like name+hash+base64, on one line")]
    Key,
    /// The note is not a signed note, or no checkpoint.
    #[error("the seal is not a signed checkpoint")]
    Seal,
    /// None of the known keys signed it, or a signature does not fit.
    #[error("the seal is not signed by the given key")]
    Signature,
    /// The origin does not name a log and its epoch.
    #[error("the seal's origin {origin:?} names no log and epoch")]
    Origin {
        /// What it says.
        origin: String,
    },
    /// A hash of the proof is not 32 bytes of hexadecimal digits.
    #[error("a hash of the proof is not 64 hexadecimal digits")]
    Hash,
    /// The entry's bytes are no hexadecimal digits.
    #[error("the entry's bytes are not hexadecimal digits")]
    Entry,
    /// The entry is beyond the seal.
    #[error("entry {seq} is not under a seal over {size} entries")]
    NotUnderSeal {
        /// The entry's number.
        seq: u64,
        /// Entries under the seal.
        size: u64,
    },
    /// The path does not lead from the entry to the seal's root: one of the three was changed.
    #[error("entry {seq} is not the one that was sealed, or the proof was changed")]
    NotIncluded {
        /// The entry's number.
        seq: u64,
    },
    /// The newer seal's log does not begin with the older one's.
    #[error(
        "the log over {newer} entries does not begin with the one over {older}: it was rewritten"
    )]
    NotGrown {
        /// Entries under the older seal.
        older: u64,
        /// Entries under the newer one.
        newer: u64,
    },
    /// The seals are of different logs, or of different epochs of one.
    #[error(
        "the seals are of {older} and of {newer}; only seals of one epoch of one log can be compared"
    )]
    OtherLog {
        /// Origin of the older seal.
        older: String,
        /// Origin of the newer one.
        newer: String,
    },
}

impl ProofError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Key => "bad_key",
            Self::Seal => "bad_seal",
            Self::Signature => "bad_signature",
            Self::Origin { .. } => "bad_origin",
            Self::Hash => "bad_hash",
            Self::Entry => "bad_entry",
            Self::NotUnderSeal { .. } => "not_under_seal",
            Self::NotIncluded { .. } => "not_included",
            Self::NotGrown { .. } => "not_grown",
            Self::OtherLog { .. } => "other_log",
        }
    }

    /// What somebody in an office reads.
    pub const fn zh(&self) -> &'static str {
        match self {
            Self::Key => "公钥无法识别",
            Self::Seal => "封签格式有误",
            Self::Signature => "封签不是由该公钥签署",
            Self::Origin { .. } => "封签未注明案卷日志及其纪元",
            Self::Hash => "证明中的散列值有误",
            Self::Entry => "条目内容有误",
            Self::NotUnderSeal { .. } => "该条目不在封签范围内",
            Self::NotIncluded { .. } => "该条目与封签不符，内容或证明被改动",
            Self::NotGrown { .. } => "新旧封签不一致，日志被改写",
            Self::OtherLog { .. } => "两个封签不属于同一日志的同一纪元",
        }
    }
}
