//! 日结: an office closes its day, and opens it again.
//!
//! Closing is a word of the log, not a lock: what a phone brings later is admitted as ever, and counts on the
//! day on which it came. What was known at the close stands in the entry, and the seal after it says
//! that nothing before it was changed since.

use gridlog_domain::id::PersonId;
use gridlog_protocol::{Fact, LogEntry};

use super::office::OfficeError;
use super::sequencer::Sequencer;
use crate::store::StoreError;

/// What is known when a day is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayFigures {
    /// Phones that have not synced since it began.
    pub out: u32,
    /// Changes that phones said last they had not sent.
    pub unsent: u32,
    /// Cases that are overdue.
    pub overdue: u32,
}

/// Whose day, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayWish {
    /// The day, as `2026-11-23`.
    pub date: String,
    /// The area whose day it is.
    pub area: String,
    /// Who closes it or opens it again.
    pub by: PersonId,
}

impl Sequencer {
    /// Closes a day and seals the log, the closing with it. Returns the number of the entry that closes it. A
    /// day that was closed when the server stopped before the seal is sealed only.
    ///
    /// # Errors
    /// [`OfficeError::DayClosed`]; [`StoreError`].
    pub fn close_day(
        &mut self,
        now_ms: i64,
        wish: &DayWish,
        figures: DayFigures,
    ) -> Result<u64, OfficeError> {
        let day = self.store.day(&wish.date, &wish.area)?;
        let closed = match day.closed.filter(|_| day.is_closed()) {
            Some(closed) if self.is_sealed_after(closed)? => {
                return Err(OfficeError::DayClosed(wish.date.clone()));
            }
            Some(closed) => closed,
            None => self.enter_of_the_log(
                now_ms,
                Fact::DayClosed {
                    date: wish.date.clone(),
                    area: wish.area.clone(),
                    by: wish.by.as_str().to_owned(),
                    out: figures.out,
                    unsent: figures.unsent,
                    overdue: figures.overdue,
                },
            )?,
        };
        self.seal(now_ms, &wish.by)?;
        Ok(closed)
    }

    /// Opens a closed day again. Returns the number of the entry that says so.
    ///
    /// # Errors
    /// [`OfficeError::DayOpen`]; [`StoreError`].
    pub fn reopen_day(
        &mut self,
        now_ms: i64,
        wish: &DayWish,
        reason: &str,
    ) -> Result<u64, OfficeError> {
        if !self.store.day(&wish.date, &wish.area)?.is_closed() {
            return Err(OfficeError::DayOpen(wish.date.clone()));
        }
        let fact = Fact::DayReopened {
            date: wish.date.clone(),
            area: wish.area.clone(),
            by: wish.by.as_str().to_owned(),
            reason: reason.to_owned(),
        };
        Ok(self.enter_of_the_log(now_ms, fact)?)
    }

    fn is_sealed_after(&self, seq: u64) -> Result<bool, StoreError> {
        let next = self.store.entry(seq + 1)?;
        let next = next.and_then(|stored| LogEntry::from_bytes(&stored.canonical).ok());
        Ok(next.is_some_and(|entry| matches!(entry.fact, Fact::Seal { .. })))
    }
}
