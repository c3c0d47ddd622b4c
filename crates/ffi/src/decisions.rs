//! What only the worker can decide: what stands where values differ, and what becomes of what was sent back.

use gridlog_domain::id::{EntryId, RecordId};

use crate::error::GridlogError;
use crate::phone::{FieldValue, GridlogPhone};

#[uniffi::export]
impl GridlogPhone {
    /// Ends a conflict: `value` stands at `place`, and the values that `seen` names by their `op` are settled.
    /// Name those that the worker had before them, `shown_op` and each `op` of `lost` in the view; a value
    /// that came in meanwhile stays visible.
    ///
    /// # Errors
    /// As for [`GridlogPhone::report`].
    pub fn resolve(
        &self,
        record: RecordId,
        place: String,
        value: FieldValue,
        seen: Vec<String>,
    ) -> Result<(), GridlogError> {
        self.ask(|phone| phone.resolve(record, &place, value.into(), &seen))
    }

    /// Sends something that was sent back once more, with the next sync. If it is refused again it needs
    /// the worker again.
    ///
    /// # Errors
    /// [`GridlogError::Input`] with `unknown_item`, or if the record does not take it;
    /// [`GridlogError::Store`].
    pub fn retry(&self, item: EntryId) -> Result<(), GridlogError> {
        self.ask(|phone| phone.retry_needs_you(item))
    }

    /// Lets something that was sent back go, for good.
    ///
    /// # Errors
    /// [`GridlogError::Input`] with `unknown_item`; [`GridlogError::Store`].
    pub fn dismiss(&self, item: EntryId) -> Result<(), GridlogError> {
        self.ask(|phone| phone.dismiss_needs_you(item))
    }
}
