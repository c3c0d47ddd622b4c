//! What lists show, and what can be asked of them.

use gridlog_domain::id::{AreaCode, Department, PersonId, RecordId};
use gridlog_domain::record::Kind;
use gridlog_domain::workflow::{Stage, Urgency};
use serde::{Deserialize, Serialize};

use crate::standing::Standing;

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordRow {
    /// The record.
    pub id: RecordId,
    /// Its kind.
    pub kind: Kind,
    /// A short line: title, name, route or household.
    pub headline: String,
    /// Where it lives: the server's ruling, or what its author named while there is none.
    pub area: AreaCode,
    /// Minor class: the one that a case is filed under, else the one its author named.
    pub category: Option<String>,
    /// The department that has the case.
    pub department: Option<Department>,
    /// Where the log says a case stands; `None` for other kinds.
    pub stage: Option<Stage>,
    /// Where it stands with the person's own pending proposals on top (待裁定).
    pub expected_stage: Option<Stage>,
    /// The worst standing of one's own changes.
    pub standing: Standing,
    /// Places in conflict.
    pub conflicts: u32,
    /// Who began it.
    pub author: PersonId,
    /// Whether the phone's person began it.
    pub mine: bool,
    /// When it was begun, by its author's device; milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// When it last changed here; milliseconds since the Unix epoch.
    pub updated_ms: i64,
    /// Whether it is marked as deleted.
    pub deleted: bool,
    /// Photos of it that were attached here and that the server does not have whole.
    #[serde(default)]
    pub photos_here: u32,
    /// How urgent a case is that somebody has to handle, with the person's own pending proposals on top;
    /// `None` for others, and while the phone has no calendar.
    pub urgency: Option<Urgency>,
}

impl RecordRow {
    /// Whether own proposals wait for a ruling that would move the case (待裁定).
    pub fn awaits_ruling(&self) -> bool {
        self.stage != self.expected_stage
    }
}

/// What a list shows: every condition that is set must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Query {
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only cases that the log has in this stage.
    pub stage: Option<Stage>,
    /// Only records that live in this area or inside it.
    pub area: Option<AreaCode>,
    /// Only records that hold this text: any substring, from one character on, whatever its case.
    pub text: Option<String>,
    /// Only records whose own changes stand there.
    pub standing: Option<Standing>,
    /// Only records that the phone's person began.
    pub mine_only: bool,
    /// Only records in conflict.
    pub conflicts_only: bool,
    /// Deleted records too.
    pub with_deleted: bool,
    /// Most rows.
    pub limit: u32,
    /// Rows to pass over.
    pub offset: u32,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            kind: None,
            stage: None,
            area: None,
            text: None,
            standing: None,
            mine_only: false,
            conflicts_only: false,
            with_deleted: false,
            limit: 100,
            offset: 0,
        }
    }
}
