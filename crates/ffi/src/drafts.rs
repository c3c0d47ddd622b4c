//! Unfinished input, kept on this phone only and never sent.

use gridlog_domain::id::EntryId;

use crate::error::GridlogError;
use crate::phone::GridlogPhone;

/// What a screen saved to go on with later.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Draft {
    /// Names it.
    pub id: EntryId,
    /// What the screen saved; its form is the screen's own business.
    pub json: String,
    /// When it was first saved, device time in milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// When it was last saved.
    pub updated_ms: i64,
}

impl From<gridlog_client_core::Draft> for Draft {
    fn from(draft: gridlog_client_core::Draft) -> Self {
        let gridlog_client_core::Draft {
            id,
            json,
            created_ms,
            updated_ms,
        } = draft;
        Self {
            id,
            json,
            created_ms,
            updated_ms,
        }
    }
}

#[uniffi::export]
impl GridlogPhone {
    /// Saves unfinished input: as a new draft, or over the one of that id. [`GridlogPhone::report`] and its like
    /// make a record of it.
    ///
    /// # Errors
    /// [`GridlogError::Input`] with `unknown_draft`; [`GridlogError::Store`].
    #[uniffi::method(default(draft = None))]
    pub fn save_draft(
        &self,
        json: String,
        draft: Option<EntryId>,
    ) -> Result<EntryId, GridlogError> {
        self.ask(|phone| phone.save_draft(draft, &json))
    }

    /// Every draft, the one saved last first.
    ///
    /// # Errors
    /// [`GridlogError::Store`].
    pub fn drafts(&self) -> Result<Vec<Draft>, GridlogError> {
        let drafts = self.ask(|phone| phone.drafts())?;
        Ok(drafts.into_iter().map(Draft::from).collect())
    }

    /// Lets a draft go, for good.
    ///
    /// # Errors
    /// [`GridlogError::Input`] with `unknown_draft`; [`GridlogError::Store`].
    pub fn discard_draft(&self, draft: EntryId) -> Result<(), GridlogError> {
        self.ask(|phone| phone.discard_draft(draft))
    }
}
