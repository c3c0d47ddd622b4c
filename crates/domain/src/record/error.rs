//! What can go wrong with a record.

use super::schema::Kind;
use crate::id::EntryId;

/// Why a record cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The kind has no such field.
    #[error("a {kind} has no field {field:?}")]
    UnknownField {
        /// The kind.
        kind: Kind,
        /// What was asked for, cut to 64 characters.
        field: String,
    },
    /// The value does not fit.
    #[error("field {field} takes {expected}")]
    WrongValue {
        /// The field.
        field: &'static str,
        /// What it takes.
        expected: String,
    },
    /// A field that the kind cannot do without is missing.
    #[error("a {kind} needs the field {field}")]
    RequiredMissing {
        /// The kind.
        kind: Kind,
        /// The field.
        field: &'static str,
    },
    /// The field is written once, when the record begins.
    #[error("field {field} is written once, when the record begins; say it in a comment")]
    FieldSealed {
        /// The field.
        field: &'static str,
    },
    /// The first command of a new record is not [`super::Command::Create`].
    #[error("the record does not exist yet; create it first")]
    NotCreated,
    /// [`super::Command::Create`] on a record that exists.
    #[error("the record exists already; edit it instead")]
    AlreadyCreated,
    /// The document was not begun by a genesis change.
    #[error("the document is not a record: {missing} is missing")]
    NotARecord {
        /// What is missing.
        missing: &'static str,
    },
    /// An entry that is written once exists already.
    #[error("entry {entry} exists already and is written once; write a new one")]
    EntrySealed {
        /// The entry.
        entry: EntryId,
    },
    /// A comment or check without any text.
    #[error("an entry needs some text")]
    EntryEmpty,
    /// An entry is too long.
    #[error("the entry takes {bytes} bytes, more than a record admits; shorten its text")]
    EntryTooLong {
        /// Its size.
        bytes: usize,
    },
    /// The record is deleted and takes no further writes.
    #[error("the record is deleted")]
    Deleted,
    /// A value cannot be written as JSON, for example a coordinate that is not a number.
    #[error("the value cannot be stored; check its numbers")]
    NotEncodable,
    /// Automerge refused.
    #[error("the document refused the write")]
    Automerge(#[from] automerge::AutomergeError),
}

impl RecordError {
    /// A stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownField { .. } => "unknown_field",
            Self::WrongValue { .. } => "wrong_value",
            Self::RequiredMissing { .. } => "required_missing",
            Self::FieldSealed { .. } => "field_sealed",
            Self::NotCreated => "not_created",
            Self::AlreadyCreated => "already_created",
            Self::NotARecord { .. } => "not_a_record",
            Self::EntrySealed { .. } => "entry_sealed",
            Self::EntryEmpty => "entry_empty",
            Self::EntryTooLong { .. } => "entry_too_long",
            Self::Deleted => "deleted",
            Self::NotEncodable => "not_encodable",
            Self::Automerge(_) => "document_refused",
        }
    }
}
