//! Reading: lists, search, one record, tasks, standing. Nothing here opens a document.

use gridlog_client_core::{
    HistoryLine, OwnChange, Phone, ProposalStatus, Query, RecordRow, SetAside, Status, Task,
};
use gridlog_domain::id::{EntryId, RecordId};
use serde_json::to_string;

use crate::error::GridlogError;
use crate::phone::GridlogPhone;

/// Something that was sent back and needs the worker: their words stay until they decide.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct NeedsYou {
    /// Names it.
    pub id: EntryId,
    /// Why, as a stable code.
    pub code: String,
    /// Why, in Chinese.
    pub zh: String,
    /// Why, in English.
    pub en: String,
    /// What the worker meant, every word of it: the commands of the domain, as JSON.
    pub commands_json: String,
    /// When it was recorded, device time in milliseconds since the Unix epoch.
    pub recorded_ms: i64,
}

/// Everything about one record.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RecordDetail {
    /// Its list row.
    pub row: RecordRow,
    /// What it says, conflicts included: the record view of the domain, as JSON with `kind`,
    /// `area`, `author`, `created_at_ms`, `fields`, `comments`, `checks`, `photos`, `proposals` and
    /// `conflicts`. A typed view will come beside it.
    pub view_json: String,
    /// Names what is shown here: an edit that gives it back replaces nothing that came in since.
    pub revision: String,
    /// Its proposals, oldest first, with what was ruled on them.
    pub proposals: Vec<ProposalStatus>,
    /// One's own changes that this phone remembers, oldest first.
    pub changes: Vec<OwnChange>,
    /// What was sent back and waits for a decision.
    pub needs_you: Vec<NeedsYou>,
    /// What the log says about it, oldest first.
    pub history: Vec<HistoryLine>,
}

fn needs_you(item: gridlog_client_core::NeedsYou) -> Result<NeedsYou, GridlogError> {
    Ok(NeedsYou {
        id: item.id,
        code: item.code,
        zh: item.zh,
        en: item.en,
        commands_json: to_string(&item.commands).map_err(|_| GridlogError::not_json())?,
        recorded_ms: item.recorded_ms,
    })
}

fn detail(found: gridlog_client_core::RecordDetail) -> Result<RecordDetail, GridlogError> {
    Ok(RecordDetail {
        row: found.row,
        view_json: to_string(&found.view).map_err(|_| GridlogError::not_json())?,
        revision: found.revision.to_string(),
        proposals: found.proposals,
        changes: found.changes,
        needs_you: found
            .needs_you
            .into_iter()
            .map(needs_you)
            .collect::<Result<_, _>>()?,
        history: found.history,
    })
}

#[uniffi::export]
impl GridlogPhone {
    /// The rows that a query asks for, the latest change first.
    ///
    /// # Errors
    /// [`GridlogError::Store`].
    pub fn list(&self, query: Query) -> Result<Vec<RecordRow>, GridlogError> {
        self.ask(|phone| phone.list(&query))
    }

    /// Records that hold `text`: any substring, from one character on, Chinese or not.
    ///
    /// # Errors
    /// [`GridlogError::Store`].
    #[uniffi::method(default(limit = 100))]
    pub fn search(&self, text: String, limit: u32) -> Result<Vec<RecordRow>, GridlogError> {
        self.ask(|phone| phone.search(&text, limit))
    }

    /// Everything about one record; nothing if it is not here.
    ///
    /// # Errors
    /// [`GridlogError::Store`].
    pub fn show(&self, record: RecordId) -> Result<Option<RecordDetail>, GridlogError> {
        self.ask(|phone| phone.show(record))?
            .map(detail)
            .transpose()
    }

    /// Cases that the person's roles can carry on now, and records of theirs that are in conflict
    /// or have something sent back; the latest change first.
    ///
    /// # Errors
    /// [`GridlogError::SignIn`]; [`GridlogError::Store`].
    pub fn tasks(&self) -> Result<Vec<Task>, GridlogError> {
        self.ask(Phone::tasks)
    }

    /// Where everything stands.
    ///
    /// # Errors
    /// [`GridlogError::Store`].
    pub fn status(&self) -> Result<Status, GridlogError> {
        self.ask(Phone::status)
    }

    /// Whether everything that was recorded here is in the log, by the server's signed word. Nothing else
    /// is reason enough to tell a worker so.
    ///
    /// # Errors
    /// [`GridlogError::Store`].
    pub fn all_in_log(&self) -> Result<bool, GridlogError> {
        self.ask(|phone| Ok(phone.status()?.all_in_log()))
    }

    /// Rows of which something of one's own is not in the log, the latest change first.
    ///
    /// # Errors
    /// [`GridlogError::Store`].
    pub fn not_in_log(&self) -> Result<Vec<RecordRow>, GridlogError> {
        self.ask(Phone::not_in_log)
    }

    /// Rows that are about to leave this phone, with the next sync: its person may no longer see them, or
    /// they were archived. What is unsent in them is sent first.
    ///
    /// # Errors
    /// [`GridlogError::Store`].
    pub fn leaving(&self) -> Result<Vec<RecordRow>, GridlogError> {
        self.ask(Phone::leaving)
    }

    /// Records that could not be read as they came from the server, the longest first. They hold up
    /// nothing, and are asked for again.
    ///
    /// # Errors
    /// [`GridlogError::Store`].
    pub fn set_aside(&self) -> Result<Vec<SetAside>, GridlogError> {
        self.ask(Phone::set_aside)
    }
}
