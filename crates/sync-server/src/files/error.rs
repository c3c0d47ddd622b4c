//! Why a file is not taken, or not given.

use gridlog_protocol::file_reason as reason;

use crate::store::StoreError;

/// Why a file is not taken, or not given. No variant names a file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A header is missing or does not read.
    #[error("{0}")]
    BadUpload(&'static str),
    /// The same file was begun with another length.
    #[error("the same file was begun with {0} bytes; a file has one length")]
    LengthChanged(u64),
    /// The person may not write in the record.
    #[error("you may not add files to this record")]
    OutOfScope,
    /// Somebody else began the upload.
    #[error("somebody else began this upload, or another device; begin your own")]
    Foreign,
    /// There is no such upload.
    #[error("there is no such upload; begin again")]
    Unknown,
    /// The record refers to the file, and its bytes have not come.
    #[error("the record refers to the file, and its bytes have not come yet")]
    NotHere,
    /// There is no preview.
    #[error("there is no preview of this file")]
    NoPreview,
    /// The connection broke, or was silent for too long.
    #[error("the connection broke; ask where the upload stands, and go on from there")]
    Cut,
    /// The record has not come yet.
    #[error("the record has not come yet; sync it first, then try again")]
    RecordUnknown,
    /// The record was erased.
    #[error("the record was erased")]
    Erased,
    /// The upload stands elsewhere.
    #[error("the upload stands at byte {0}; go on from there")]
    Offset(u64),
    /// A newer request goes on with the upload.
    #[error("a newer request goes on with this upload")]
    TakenOver,
    /// Nobody went on with it in time.
    #[error("the upload has expired; begin again")]
    Expired,
    /// Another version of the protocol.
    #[error("send Tus-Resumable: 1.0.0")]
    Version,
    /// Larger than the district takes.
    #[error("a file has at most {0} bytes here")]
    TooLarge(u64),
    /// More bytes than were promised.
    #[error("the upload ends at byte {0}; nothing of this piece was taken")]
    BeyondEnd(u64),
    /// A piece says that it is something else.
    #[error("a piece is application/offset+octet-stream")]
    ContentType,
    /// The uploader has too much under way.
    #[error("too much is being uploaded already; finish that first")]
    TooMany,
    /// The piece is not what its checksum says.
    #[error("the piece is not what its checksum says; nothing of it was taken")]
    ChecksumWrong,
    /// The file is not what its name says.
    #[error("the file is not what its hash says; the upload was thrown away")]
    HashWrong,
    /// The disk is full.
    #[error("the server's disk is full; try again later")]
    Full,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder.
    #[error("the folder of files cannot be used: {0}")]
    Folder(std::io::Error),
    /// The object store.
    #[error("the store of files cannot be used: {0}")]
    Objects(object_store::Error),
    /// A thread died.
    #[error("a thread ended before its work")]
    Thread,
}

impl FileError {
    /// The stable code; `None` if the server failed.
    pub fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::BadUpload(_) => reason::BAD_UPLOAD,
            Self::LengthChanged(_) => reason::LENGTH_CHANGED,
            Self::OutOfScope => reason::OUT_OF_SCOPE,
            Self::Foreign => reason::FOREIGN,
            Self::Unknown => reason::UNKNOWN,
            Self::NotHere => reason::NOT_HERE,
            Self::NoPreview => reason::NO_PREVIEW,
            Self::Cut => reason::CUT,
            Self::RecordUnknown => reason::RECORD_UNKNOWN,
            Self::Erased => gridlog_protocol::reason::ERASED,
            Self::Offset(_) => reason::OFFSET,
            Self::TakenOver => reason::TAKEN_OVER,
            Self::Expired => reason::EXPIRED,
            Self::Version => reason::TUS_VERSION,
            Self::TooLarge(_) => reason::TOO_LARGE,
            Self::BeyondEnd(_) => reason::BEYOND_END,
            Self::ContentType => reason::CONTENT_TYPE,
            Self::TooMany => reason::TOO_MANY,
            Self::ChecksumWrong => reason::CHECKSUM_WRONG,
            Self::HashWrong => reason::HASH_WRONG,
            Self::Full => reason::STORAGE_FULL,
            Self::Store(_) | Self::Folder(_) | Self::Objects(_) | Self::Thread => return None,
        })
    }
}

impl From<std::io::Error> for FileError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Folder(error),
        }
    }
}

impl From<object_store::Error> for FileError {
    fn from(error: object_store::Error) -> Self {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(found) = cause {
            let io = found.downcast_ref::<std::io::Error>();
            if io.is_some_and(|io| io.kind() == std::io::ErrorKind::StorageFull) {
                return Self::Full;
            }
            cause = found.source();
        }
        Self::Objects(error)
    }
}
