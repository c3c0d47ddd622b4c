//! What a record said when a screen showed it.
//!
//! A sync may bring a colleague's words while somebody edits. An edit that names the revision that it was made on
//! replaces only what its author saw; what came since is kept as a conflict.

use std::fmt;
use std::str::FromStr;

use automerge::ChangeHash;
use gridlog_domain::id::RecordId;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::error::PhoneError;
use crate::store::changes;
use crate::store::records::Facts;

/// Names what a record said at one moment; see [`RecordDetail::revision`](crate::RecordDetail::revision).
/// As text, hashes in lower-case hex with dots between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Revision(Vec<[u8; 32]>);

impl Revision {
    /// The revision that is shown now: what the log has, as far as it came, and own changes on top. What
    /// the log has is named even where own changes build on it, since they may be refused.
    pub(crate) fn shown(
        connection: &Connection,
        record: RecordId,
        facts: &Facts,
    ) -> Result<Self, PhoneError> {
        let logged = facts.heads.chunks_exact(32);
        let mut heads: Vec<[u8; 32]> = logged.filter_map(|head| head.try_into().ok()).collect();
        heads.extend(changes::heads_not_pulled(connection, record)?);
        Ok(Self(heads))
    }

    pub(crate) fn heads(&self) -> Vec<ChangeHash> {
        self.0.iter().copied().map(ChangeHash).collect()
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads: Vec<String> = self.0.iter().map(hex::encode).collect();
        f.write_str(&heads.join("."))
    }
}

impl From<Revision> for String {
    fn from(revision: Revision) -> Self {
        revision.to_string()
    }
}

impl FromStr for Revision {
    type Err = PhoneError;

    fn from_str(text: &str) -> Result<Self, PhoneError> {
        let read = |part: &str| {
            let mut head = [0; 32];
            hex::decode_to_slice(part, &mut head).map(|()| head)
        };
        let heads = text.split('.').map(read).collect::<Result<_, _>>();
        heads.map(Self).map_err(|_| PhoneError::BadRevision)
    }
}

impl TryFrom<String> for Revision {
    type Error = PhoneError;

    fn try_from(text: String) -> Result<Self, PhoneError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_reads_back_and_anything_else_is_none() {
        let revision = Revision(vec![[1; 32], [2; 32]]);
        assert_eq!(revision.to_string().parse::<Revision>().unwrap(), revision);
        for not_one in ["", "xyz", &"00".repeat(31), &format!("{revision}.")] {
            let error = not_one.parse::<Revision>().unwrap_err();
            assert_eq!(error.code(), "bad_revision");
        }
    }
}
