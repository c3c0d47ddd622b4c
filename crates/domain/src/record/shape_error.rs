//! Why a change does not keep to the shape of a record, in codes and words.

/// Why a change does not keep to the shape of a record.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum ShapeError {
    /// The genesis change lacks something or has it in the wrong form.
    #[error("the genesis change has no sound {missing}")]
    BadGenesis {
        /// What is missing or wrong.
        missing: &'static str,
    },
    /// The record is of a schema that this server does not know.
    #[error("the record has a schema version that this server does not know; update the server")]
    UnknownSchema,
    /// A place that a record of this kind does not have.
    #[error("a record of this kind has nothing at {place:?}")]
    UnknownPlace {
        /// Keys joined by slashes, cut to 128 characters.
        place: String,
    },
    /// Something that only the genesis change writes.
    #[error("{place:?} is written once, when the record begins")]
    Sealed {
        /// Keys joined by slashes.
        place: String,
    },
    /// A second write to a proposal.
    #[error("proposal {id} is written once; withdraw it by another proposal")]
    ProposalSealed {
        /// The proposal.
        id: String,
    },
    /// A second write to a comment or photo reference.
    #[error("entry {id} is written once; write a new one")]
    EntrySealed {
        /// The entry.
        id: String,
    },
    /// A value that does not fit its place.
    #[error("the value at {place:?} does not fit there")]
    BadValue {
        /// Keys joined by slashes.
        place: String,
    },
    /// An entry or genesis that names another author than its device's certificate does.
    #[error("{place:?} names an author other than the person whose device wrote it")]
    AuthorForged {
        /// Keys joined by slashes.
        place: String,
    },
    /// A put that would end a conflict unseen.
    #[error("the put at {place:?} ends a conflict without keeping or settling what it overwrites")]
    ConflictUnseen {
        /// Keys joined by slashes.
        place: String,
    },
    /// An operation that no record uses: a list, a counter, a mark, a deletion outside a text.
    #[error("the operation at {place:?} is of a kind that records do not have")]
    Unsupported {
        /// Keys joined by slashes.
        place: String,
    },
    /// A text grew past its limit.
    #[error("the text {place:?} is longer than records admit")]
    TooLong {
        /// The field.
        place: String,
    },
}

impl ShapeError {
    /// The stable code of this refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadGenesis { .. } => "bad_genesis",
            Self::UnknownSchema => "unknown_schema",
            Self::UnknownPlace { .. } => "unknown_place",
            Self::Sealed { .. } => "sealed",
            Self::ProposalSealed { .. } => "proposal_sealed",
            Self::EntrySealed { .. } => "entry_sealed",
            Self::BadValue { .. } => "bad_value",
            Self::AuthorForged { .. } => "author_forged",
            Self::ConflictUnseen { .. } => "conflict_unseen",
            Self::Unsupported { .. } => "unsupported_write",
            Self::TooLong { .. } => "text_too_long",
        }
    }
}

/// Every code of a [`ShapeError`], in Chinese and English for a worker.
pub const REASONS: &[(&str, &str, &str)] = &[
    (
        "bad_genesis",
        "记录的开头不完整",
        "the record does not begin as it must",
    ),
    (
        "unknown_schema",
        "记录版本过新，服务器尚未升级",
        "the record is newer than the server",
    ),
    (
        "unknown_place",
        "记录没有这一项",
        "the record has no such place",
    ),
    (
        "sealed",
        "这一项建立后不能修改",
        "this is written once, when the record begins",
    ),
    (
        "proposal_sealed",
        "办理步骤提出后不能修改，请撤回后重新提出",
        "a proposal is written once; withdraw it and propose again",
    ),
    (
        "entry_sealed",
        "这一条写入后不能修改，请另写一条",
        "an entry is written once; write a new one",
    ),
    (
        "bad_value",
        "填写的内容不符合要求",
        "a value does not fit its place",
    ),
    (
        "author_forged",
        "署名与登录人员不符",
        "it names another author",
    ),
    (
        "conflict_unseen",
        "有未查看的不同内容，请查看后再改",
        "it ends a conflict that was not seen",
    ),
    (
        "unsupported_write",
        "记录不支持这种写法",
        "records do not have such writes",
    ),
    ("text_too_long", "文字过长，请缩短", "the text is too long"),
];

/// The words of a code, Chinese and English; `None` if it is not one of [`REASONS`].
pub fn describe(code: &str) -> Option<(&'static str, &'static str)> {
    REASONS
        .iter()
        .find(|(known, _, _)| *known == code)
        .map(|(_, zh, en)| (*zh, *en))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_words() {
        let place = String::new;
        let all = [
            ShapeError::BadGenesis { missing: "v" },
            ShapeError::UnknownSchema,
            ShapeError::UnknownPlace { place: place() },
            ShapeError::Sealed { place: place() },
            ShapeError::ProposalSealed { id: place() },
            ShapeError::EntrySealed { id: place() },
            ShapeError::BadValue { place: place() },
            ShapeError::AuthorForged { place: place() },
            ShapeError::ConflictUnseen { place: place() },
            ShapeError::Unsupported { place: place() },
            ShapeError::TooLong { place: place() },
        ];
        assert_eq!(all.len(), REASONS.len());
        assert!(all.iter().all(|error| describe(error.code()).is_some()));
    }
}
