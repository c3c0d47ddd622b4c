//! A record while the sequencer works on it.

use std::collections::BTreeSet;

use gridlog_domain::id::{AreaCode, PersonId, RecordId};
use gridlog_domain::record::{Kind, RecordView};
use gridlog_domain::workflow::CaseState;
use gridlog_merge_guard::History;
use gridlog_protocol::Digest;

use crate::directory::Timing;
use crate::news::Touched;
use crate::store::{RecordRow, Store, StoreError};

/// What the log says of a record beside its document.
#[derive(Debug, Clone)]
pub(super) struct Ruled {
    pub(super) kind: Kind,
    pub(super) area: AreaCode,
    pub(super) author: PersonId,
    pub(super) state: Option<CaseState>,
}

impl Ruled {
    /// What the log says of a record that begins.
    pub(super) fn new(kind: Kind, area: AreaCode, author: PersonId) -> Self {
        Self {
            kind,
            area,
            author,
            state: (kind == Kind::Case).then(CaseState::default),
        }
    }
}

/// A record with everything that deciding on its next change needs.
#[derive(Debug, Clone)]
pub(super) struct Working {
    pub(super) id: RecordId,
    pub(super) history: History,
    /// Size of all admitted changes together.
    pub(super) bytes: usize,
    /// `None` until the genesis change is admitted.
    pub(super) ruled: Option<Ruled>,
    pub(super) ruled_proposals: BTreeSet<[u8; 16]>,
    pub(super) audiences: BTreeSet<String>,
    pub(super) as_of: u64,
    pub(super) updated_ms: i64,
    /// Its view as stored; `None` for a new record.
    pub(super) view: Option<String>,
    pub(super) touched: Touched,
    pub(super) archived: bool,
    pub(super) erased: bool,
}

impl Working {
    pub(super) fn load(store: &dyn Store, id: RecordId) -> Result<Self, StoreError> {
        let damaged = || StoreError::Damaged {
            what: "record",
            id: id.to_string(),
        };
        let Some(row) = store.record(id)? else {
            let erased = store.is_erased(id)?;
            return Ok(Self {
                erased,
                ..Self::new(id)
            });
        };
        let changes = store.record_changes(id)?;
        let history = History::load(changes.iter().map(|change| change.bytes.as_slice()))
            .map_err(|_| damaged())?;
        let state = row.state.as_deref().map(serde_json::from_str).transpose();
        Ok(Self {
            id,
            history,
            bytes: changes.iter().map(|change| change.bytes.len()).sum(),
            ruled: Some(Ruled {
                kind: row.kind,
                area: AreaCode::new(row.area),
                author: row.author,
                state: state.map_err(|_| damaged())?,
            }),
            ruled_proposals: store.rulings(id)?.into_iter().map(|r| r.proposal).collect(),
            audiences: store.audiences_of(id)?.into_iter().collect(),
            as_of: row.as_of,
            updated_ms: row.updated_ms,
            view: Some(row.view),
            touched: Touched::read(&row.touched),
            archived: row.archived,
            erased: false,
        })
    }

    /// A record as far as can be told without its document: nothing can be written in it.
    pub(super) fn without_document(store: &dyn Store, row: &RecordRow) -> Result<Self, StoreError> {
        Ok(Self {
            audiences: store.audiences_of(row.id)?.into_iter().collect(),
            as_of: row.as_of,
            updated_ms: row.updated_ms,
            archived: row.archived,
            ..Self::new(row.id)
        })
    }

    /// Where its case stands.
    pub(super) fn state(&self) -> Option<&CaseState> {
        self.ruled.as_ref()?.state.as_ref()
    }

    pub(super) fn new(id: RecordId) -> Self {
        Self {
            id,
            history: History::empty(),
            bytes: 0,
            ruled: None,
            ruled_proposals: BTreeSet::new(),
            audiences: BTreeSet::new(),
            as_of: 0,
            updated_ms: 0,
            view: None,
            touched: Touched::default(),
            archived: false,
            erased: false,
        }
    }

    /// The row that stores and feeds hold. What changed in the view since the last row is noted.
    pub(super) fn row(&mut self, timing: &Timing) -> Result<RecordRow, StoreError> {
        let damaged = || StoreError::Damaged {
            what: "record",
            id: self.id.to_string(),
        };
        let view = RecordView::read(self.history.document()).map_err(|_| damaged())?;
        let view_json = serde_json::to_string(&view).map_err(|_| damaged())?;
        if let Some(before) = self.view.replace(view_json.clone()) {
            let read = |json: &str| serde_json::from_str(json).map_err(|_| damaged());
            self.touched
                .note(&read(&before)?, &read(&view_json)?, self.as_of);
        }
        let ruled = self.ruled.as_ref().ok_or_else(damaged)?;
        let state = ruled.state.as_ref().map(serde_json::to_string).transpose();
        let department = ruled
            .state
            .as_ref()
            .and_then(|state| state.department.as_ref());
        let mut heads: Vec<Digest> = self
            .history
            .heads()
            .into_iter()
            .map(|head| Digest(head.0))
            .collect();
        heads.sort();
        Ok(RecordRow {
            id: self.id,
            kind: ruled.kind,
            area: ruled.area.as_str().to_owned(),
            author: ruled.author.clone(),
            headline: view.headline(),
            created_ms: view.created_at_ms,
            updated_ms: self.updated_ms,
            conflicts: u32::try_from(view.conflicts.len()).unwrap_or(u32::MAX),
            view: view_json,
            state: state.map_err(|_| damaged())?,
            stage: ruled
                .state
                .as_ref()
                .map_or("", |state| state.stage.code())
                .to_owned(),
            department: department
                .map_or("", |department| department.as_str())
                .to_owned(),
            heads,
            as_of: self.as_of,
            touched: self.touched.to_json(),
            archived: self.archived,
            timer: timing.next_of(ruled.state.as_ref()),
        })
    }
}
