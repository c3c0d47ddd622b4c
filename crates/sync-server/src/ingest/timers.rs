//! What the clock does to cases (DESIGN section 10), entered into the log exactly once.
//!
//! Every open case has its next timer in its row, so finding what is due costs nothing while nothing is.
//! What is due is entered in the order of its moments, across cases, also after days without a server;
//! but only when nothing waits to be decided on, so that no deadline overtakes work that had arrived. An
//! entry and the row that has the next timer are one commit: a server that stops in between does it
//! either wholly or not at all.
//!
//! A log that was put back has lost what phones still have. Overdue stays overdue, so nothing is entered until
//! they had time to give it back.

use std::collections::BTreeMap;
use std::sync::Arc;

use gridlog_domain::id::{AreaCode, RecordId};
use gridlog_domain::workflow::{CaseState, Timer, TimerKind};

use super::decide::Circumstances;
use super::sequencer::{Desk, Sequencer};
use super::working::{Ruled, Working};
use crate::directory::Timing;
use crate::store::{NextTimer, RecordRow, Store, StoreError};

/// What [`Sequencer::fire_timers`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fired {
    /// How many timers it entered.
    pub entered: usize,
    /// Whether there is more to do now.
    pub more: bool,
    /// When the next one is due, in milliseconds since the Unix epoch; `None` if none is, or if something
    /// waits to be decided on first.
    pub next_due_ms: Option<i64>,
}

/// How long the clock leaves a log alone that was put back.
#[derive(Debug, Default)]
pub(super) struct Patience {
    for_ms: i64,
    /// Until when, in an epoch.
    known: Option<(u64, i64)>,
}

impl Patience {
    /// Until when nothing is entered; in the past if nobody has to wait.
    fn until_ms(&mut self, store: &dyn Store) -> Result<i64, StoreError> {
        let epoch = store.head()?.epoch;
        if let Some((known, until_ms)) = self.known
            && known == epoch
        {
            return Ok(until_ms);
        }
        let epochs = store.epochs()?;
        let put_back = epochs.iter().skip(1).next_back();
        let began_ms = match put_back {
            Some(begun) => store.entry_time(begun.base + 1)?,
            None => None,
        };
        let until_ms = began_ms.map_or(i64::MIN, |began_ms| began_ms.saturating_add(self.for_ms));
        self.known = Some((epoch, until_ms));
        Ok(until_ms)
    }
}

impl Sequencer {
    /// Enters no timer for so long after the log was put back, in milliseconds: phones have what it lost, and
    /// what they give back may say that a case was handled, or had more time. Without this it does not wait.
    #[must_use]
    pub fn patient_for(mut self, for_ms: i64) -> Self {
        self.patience = Patience {
            for_ms,
            known: None,
        };
        self
    }

    /// Enters what the clock has done to cases by `now_ms`, in the order of its moments, at most `most`
    /// timers. It does nothing while anything waits to be decided on, nor while phones are given time (see
    /// [`Self::patient_for`]). Where the calendar or the limits
    /// have changed it first finds out anew when something is due, of at most so many cases.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing of it counts, and it can be tried again.
    pub fn fire_timers(&mut self, now_ms: i64, most: usize) -> Result<Fired, StoreError> {
        if self.waits_for_rulings() || !self.store.waiting_devices()?.is_empty() {
            return Ok(Fired::default());
        }
        let patient_until_ms = self.patience.until_ms(&*self.store)?;
        if now_ms < patient_until_ms {
            return Ok(Fired {
                next_due_ms: Some(patient_until_ms),
                ..Fired::default()
            });
        }
        if self.time_anew(now_ms, most)? {
            return Ok(Fired {
                more: true,
                ..Fired::default()
            });
        }
        let due = self.store.due_timers(now_ms, most)?;
        let entered = match due.is_empty() {
            true => 0,
            false => self.fire(now_ms, due, most)?,
        };
        let next_due_ms = self.store.next_due()?;
        Ok(Fired {
            entered,
            more: next_due_ms.is_some_and(|due_ms| due_ms <= now_ms),
            next_due_ms,
        })
    }

    /// Finds out anew when something is due of cases that were timed by another calendar or by other
    /// limits, and enters it where a deadline moved that was provisional. Says whether there may be more of
    /// them.
    fn time_anew(&mut self, now_ms: i64, most: usize) -> Result<bool, StoreError> {
        let directory = self.directory.now();
        let timing = &directory.timing;
        if self.timed_by == Some(timing.stamp()) {
            return Ok(false);
        }
        let rows = self.store.timed_otherwise(timing.stamp(), most)?;
        if rows.is_empty() {
            self.timed_by = Some(timing.stamp());
            return Ok(false);
        }
        let store = Arc::clone(&self.store);
        let circumstances = Circumstances {
            store: &*store,
            directory: &directory,
            limits: &self.limits,
            now_ms,
        };
        let mut desk = Desk::new(circumstances, store.head()?, &mut self.memory);
        for row in rows {
            match moved(timing, &row) {
                None => desk.batch.retimed.push((row.id, timed(timing, &row))),
                Some((state, timer)) => {
                    desk.forget(row.id);
                    let mut working = at_hand(&desk.circumstances, &row, state)?;
                    desk.ledger(&mut working).enter_timer(timer, true)?;
                    let row = after(timing, row, &working)?;
                    desk.batch.records.push(row);
                }
            }
        }
        desk.close()?;
        Ok(true)
    }

    fn fire(&mut self, now_ms: i64, due: Vec<RecordRow>, most: usize) -> Result<usize, StoreError> {
        let store = Arc::clone(&self.store);
        let directory = self.directory.now();
        let circumstances = Circumstances {
            store: &*store,
            directory: &directory,
            limits: &self.limits,
            now_ms,
        };
        let mut desk = Desk::new(circumstances, store.head()?, &mut self.memory);
        let queue = desk.line_up(due)?;
        // A case's timers follow one another, and others that the list had no room for may lie in between:
        // no more are entered than it holds cases, of which each is due before those.
        let entered = desk.enter_due(queue, most - desk.batch.retimed.len())?;
        desk.close()?;
        Ok(entered)
    }
}

/// Cases to which the clock does something now, by its moment.
type Queue = BTreeMap<(i64, RecordId), (Timer, RecordRow, Working)>;

impl Desk<'_> {
    /// Opens cases of which something is due. What is due later than the row says is noted.
    fn line_up(&mut self, due: Vec<RecordRow>) -> Result<Queue, StoreError> {
        let timing = &self.circumstances.directory.timing;
        let mut queue = Queue::new();
        for row in due {
            self.forget(row.id);
            match open(timing, &row) {
                Some((state, timer)) if timer.due_ms <= self.circumstances.now_ms => {
                    let working = at_hand(&self.circumstances, &row, state)?;
                    queue.insert((timer.due_ms, row.id), (timer, row, working));
                }
                _ => self.batch.retimed.push((row.id, timed(timing, &row))),
            }
        }
        Ok(queue)
    }

    /// Enters what is due in the order of its moments; how much that was.
    fn enter_due(&mut self, mut queue: Queue, most: usize) -> Result<usize, StoreError> {
        let timing = &self.circumstances.directory.timing;
        let mut entered = 0;
        let mut rows: BTreeMap<RecordId, RecordRow> = BTreeMap::new();
        while entered < most
            && let Some((_, (timer, row, mut working))) = queue.pop_first()
        {
            self.ledger(&mut working).enter_timer(timer, true)?;
            entered += 1;
            let row = after(timing, row, &working)?;
            rows.insert(row.id, row.clone());
            let next = working.state().and_then(|state| timing.next(state));
            if let Some(next) = next.filter(|next| next.due_ms <= self.circumstances.now_ms) {
                queue.insert((next.due_ms, row.id), (next, row, working));
            }
        }
        self.batch.records.extend(rows.into_values());
        Ok(entered)
    }
}

/// The case of a row and what the clock does to it next.
fn open(timing: &Timing, row: &RecordRow) -> Option<(CaseState, Timer)> {
    let state: CaseState = serde_json::from_str(row.state.as_deref()?).ok()?;
    let next = timing.next(&state)?;
    Some((state, next))
}

/// The deadline of a case that was provisional and is another one by now.
fn moved(timing: &Timing, row: &RecordRow) -> Option<(CaseState, Timer)> {
    let before_ms = row.timer.provisional_ms?;
    let state: CaseState = serde_json::from_str(row.state.as_deref()?).ok()?;
    let due = state.course.as_ref()?.due(timing.timetable()?)?;
    let timer = Timer {
        due_ms: due.at_ms,
        kind: TimerKind::DeadlineMoved,
    };
    (due.at_ms != before_ms).then_some((state, timer))
}

/// When something is due of the case of a row. One that does not read back is left alone, so that it
/// keeps no other from its time.
fn timed(timing: &Timing, row: &RecordRow) -> NextTimer {
    let state = row.state.as_deref().map(serde_json::from_str::<CaseState>);
    match state {
        Some(Err(_)) => {
            tracing::error!(record = %row.id, "no deadline is watched: its state does not read back");
            NextTimer {
                by: Some(timing.stamp()),
                ..NextTimer::default()
            }
        }
        Some(Ok(state)) => timing.next_of(Some(&state)),
        None => NextTimer::default(),
    }
}

/// A case without its document, which no timer touches.
fn at_hand(
    circumstances: &Circumstances<'_>,
    row: &RecordRow,
    state: CaseState,
) -> Result<Working, StoreError> {
    let mut working = Working::without_document(circumstances.store, row)?;
    working.ruled = Some(Ruled {
        kind: row.kind,
        area: AreaCode::new(row.area.clone()),
        author: row.author.clone(),
        state: Some(state),
    });
    Ok(working)
}

/// The row after what was entered.
fn after(timing: &Timing, row: RecordRow, working: &Working) -> Result<RecordRow, StoreError> {
    let damaged = || StoreError::Damaged {
        what: "record",
        id: row.id.to_string(),
    };
    let state = working.state();
    let json = state.map(serde_json::to_string).transpose();
    Ok(RecordRow {
        as_of: working.as_of,
        updated_ms: working.updated_ms,
        timer: timing.next_of(state),
        state: json.map_err(|_| damaged())?,
        ..row
    })
}

#[cfg(test)]
mod tests;
