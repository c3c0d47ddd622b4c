//! Drafts: unfinished input, kept on this phone only and never sent.

use gridlog_domain::id::EntryId;
use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};

use crate::device_time;
use crate::error::PhoneError;
use crate::phone::Phone;

/// Names a draft.
pub type DraftId = EntryId;

/// What a screen saved to go on with later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The draft.
    pub id: DraftId,
    /// What the screen saved; its form is the screen's own business.
    pub json: String,
    /// When it was first saved, device time in milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// When it was last saved.
    pub updated_ms: i64,
}

const COLUMNS: &str = "id, json, created_ms, updated_ms";

fn read(row: &Row<'_>) -> rusqlite::Result<Draft> {
    Ok(Draft {
        id: DraftId::from_bytes(row.get(0)?),
        json: row.get(1)?,
        created_ms: row.get(2)?,
        updated_ms: row.get(3)?,
    })
}

fn replace(connection: &Connection, id: DraftId, json: &str, at: i64) -> Result<(), PhoneError> {
    let touched = connection.execute(
        "UPDATE drafts SET json = ?2, updated_ms = ?3 WHERE id = ?1",
        (id.as_bytes(), json, at),
    )?;
    match touched {
        0 => Err(PhoneError::UnknownDraft { draft: id }),
        _ => Ok(()),
    }
}

pub(crate) fn discard(connection: &Connection, id: DraftId) -> Result<(), PhoneError> {
    match connection.execute("DELETE FROM drafts WHERE id = ?1", [id.as_bytes()])? {
        0 => Err(PhoneError::UnknownDraft { draft: id }),
        _ => Ok(()),
    }
}

impl Phone {
    /// Saves unfinished input: as a new draft, or over the one of that id.
    ///
    /// # Errors
    /// [`PhoneError::UnknownDraft`] if there is none of that id; [`PhoneError::Store`].
    pub fn save_draft(&self, id: Option<DraftId>, json: &str) -> Result<DraftId, PhoneError> {
        self.inner.store.write(|tx| {
            let now = device_time::now(tx, self.inner.clock.as_ref())?.now_ms;
            if let Some(id) = id {
                replace(tx, id, json, now)?;
                return Ok(id);
            }
            let id = self.inner.entry_id(now);
            tx.execute(
                "INSERT INTO drafts (id, json, created_ms, updated_ms) VALUES (?1, ?2, ?3, ?3)",
                (id.as_bytes(), json, now),
            )?;
            Ok(id)
        })
    }

    /// Every draft, the one saved last first.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn drafts(&self) -> Result<Vec<Draft>, PhoneError> {
        self.inner.store.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM drafts ORDER BY updated_ms DESC, id DESC");
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The draft of that id.
    ///
    /// # Errors
    /// [`PhoneError::UnknownDraft`]; [`PhoneError::Store`].
    pub fn draft(&self, id: DraftId) -> Result<Draft, PhoneError> {
        self.inner.store.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM drafts WHERE id = ?1");
            let found = connection
                .query_row(&sql, [id.as_bytes()], read)
                .optional()?;
            found.ok_or(PhoneError::UnknownDraft { draft: id })
        })
    }

    /// Lets a draft go, for good.
    ///
    /// # Errors
    /// [`PhoneError::UnknownDraft`]; [`PhoneError::Store`].
    pub fn discard_draft(&self, id: DraftId) -> Result<(), PhoneError> {
        self.inner.store.write(|tx| discard(tx, id))
    }
}
