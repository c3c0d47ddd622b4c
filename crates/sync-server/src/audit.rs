//! Reading the whole log of a database, and naming every entry that is not what was once entered.
//!
//! Of an entry's hash there are up to four witnesses: the entry's own bytes, the hash stored beside
//! them, its leaf in the tree, and the next entry, which names it as the one before. Where they differ,
//! most of them are believed and the rest is named; so a byte that changed anywhere is found, and found in
//! the right place. An entry is read once and held for one step, so a log of any length takes the same
//! memory.
//!
//! Who rewrites the log and everything that follows from it is not found here, since the database then
//! agrees with itself: that is what seals are for, which are kept where the district has no say.

mod edge;
mod judge;
#[cfg(test)]
mod tests;

use std::fmt;

pub(crate) use judge::{Auditor, Row};

/// What differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Differs {
    /// The entries from this one to that number are not there.
    Missing(u64),
    /// The entry's bytes are not those that were entered.
    Bytes,
    /// The hash that is stored beside the entry is not its own.
    Hash,
    /// Bytes and hash do not fit, and nothing else tells which of them was changed.
    BytesOrHash,
    /// The bytes are no log entry.
    Unreadable,
    /// The entry says another number than the one under which it is stored.
    Number,
    /// The record or the time by which the entry is found is not the one that it says.
    Column(&'static str),
    /// It names another entry as the one before.
    Previous,
    /// The change that it admits is not there.
    ChangeMissing,
    /// The change that it admits is another one by now, or was changed.
    Change,
    /// A change is stored under it that it does not admit.
    ForeignChange,
    /// It says that the log was sealed with another root than that of the entries before it.
    Seal,
    /// It begins another epoch than is noted, or an epoch is noted to begin there and does not.
    Epoch,
    /// A node of the tree that belongs to it is missing or another one; the tree can be built anew.
    TreeNode(u64),
}

impl Differs {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "missing",
            Self::Bytes => "bytes",
            Self::Hash => "hash",
            Self::BytesOrHash => "bytes_or_hash",
            Self::Unreadable => "unreadable",
            Self::Number => "number",
            Self::Column(_) => "column",
            Self::Previous => "previous",
            Self::ChangeMissing => "change_missing",
            Self::Change => "change",
            Self::ForeignChange => "foreign_change",
            Self::Seal => "seal",
            Self::Epoch => "epoch",
            Self::TreeNode(_) => "tree_node",
        }
    }

    /// For an operator, in Chinese.
    pub const fn zh(&self) -> &'static str {
        match self {
            Self::Missing(_) => "条目缺失",
            Self::Bytes => "条目内容被改动",
            Self::Hash => "条目的散列值被改动",
            Self::BytesOrHash => "条目内容与散列值不符",
            Self::Unreadable => "条目无法读取",
            Self::Number => "条目编号不符",
            Self::Column(_) => "条目索引列不符",
            Self::Previous => "与前一条目不相接",
            Self::ChangeMissing => "所收录的变更缺失",
            Self::Change => "所收录的变更被改动",
            Self::ForeignChange => "存有未收录的变更",
            Self::Seal => "封签与此前条目不符",
            Self::Epoch => "纪元不符",
            Self::TreeNode(_) => "散列树节点不符",
        }
    }
}

impl fmt::Display for Differs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing(through) => {
                return write!(f, "the entries up to {through} are missing");
            }
            Self::Bytes => "the entry's bytes were changed",
            Self::Hash => "the entry's stored hash was changed",
            Self::BytesOrHash => "the entry's bytes do not have its stored hash",
            Self::Unreadable => "the bytes are no log entry",
            Self::Number => "the entry says another number",
            Self::Column(column) => return write!(f, "the column {column} is not what it says"),
            Self::Previous => "it does not follow the entry before",
            Self::ChangeMissing => "the change that it admits is missing",
            Self::Change => "the change that it admits was changed",
            Self::ForeignChange => "a change is stored under it that it does not admit",
            Self::Seal => "its root is not that of the entries before it",
            Self::Epoch => "the epoch that it begins is not the one that is noted",
            Self::TreeNode(number) => return write!(f, "node {number} of the tree is wrong"),
        })
    }
}

/// An entry that is not as it was, and what of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Its number.
    pub seq: u64,
    /// The record under which it is stored, hexadecimal; empty if it is missing.
    pub record: String,
    /// What differs.
    pub differs: Differs,
}

/// How much was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Audited {
    /// Entries.
    pub entries: u64,
    /// Admitted changes, but those of erased records.
    pub changes: u64,
    /// Entries that the tree covers.
    pub tree: u64,
    /// Seals.
    pub seals: u64,
    /// Epochs that began.
    pub epochs: u64,
    /// Damages.
    pub damages: u64,
}
