//! Watching a list: a screen gets its rows, and gets them again when they change.
//!
//! Each subscription has a thread of its own. A write only bumps a number and goes on, so a slow
//! or broken listener never holds up recording or sync, and several writes while a listener works
//! become one call. No lock is held while a listener runs. Writes of another process show with the
//! next write of this one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::error::PhoneError;
use crate::phone::{Inner, Phone, lock};
use crate::rows::{Query, RecordRow};

/// What a subscription calls with the rows of its query.
pub type Listener = Arc<dyn Fn(Vec<RecordRow>) + Send + Sync>;

/// Tells watchers that something was committed.
#[derive(Default)]
pub(crate) struct Signal {
    state: Mutex<SignalState>,
    changed: Condvar,
}

#[derive(Default)]
struct SignalState {
    commits: u64,
    nudges: u64,
    closed: bool,
}

/// What had happened at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// How many commits there were.
    pub(crate) commits: u64,
    nudges: u64,
}

impl Signal {
    /// Something was committed.
    pub(crate) fn committed(&self) {
        let mut state = lock(&self.state);
        state.commits = state.commits.wrapping_add(1);
        drop(state);
        self.changed.notify_all();
    }

    /// The phone is gone.
    pub(crate) fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_all();
    }

    fn commits(&self) -> u64 {
        lock(&self.state).commits
    }

    /// Something happened that is no commit: whoever waits looks again.
    pub(crate) fn nudge(&self) {
        let mut state = lock(&self.state);
        state.nudges = state.nudges.wrapping_add(1);
        drop(state);
        self.changed.notify_all();
    }

    /// What has happened so far.
    pub(crate) fn seen(&self) -> Seen {
        let state = lock(&self.state);
        Seen {
            commits: state.commits,
            nudges: state.nudges,
        }
    }

    /// Waits until something happens after that, at most `longest`.
    pub(crate) fn wait_beyond(&self, seen: Seen, longest: Option<Duration>) {
        let nothing_new = |state: &mut SignalState| {
            state.commits == seen.commits && state.nudges == seen.nudges && !state.closed
        };
        let state = lock(&self.state);
        // Whether something happened or the time is over: the caller looks again.
        match longest {
            Some(longest) => drop(self.changed.wait_timeout_while(state, longest, nothing_new)),
            None => drop(self.changed.wait_while(state, nothing_new)),
        }
    }

    /// Waits for a commit after the one of that number; false if there will be none.
    fn wait_after(&self, seen: u64, stop: &AtomicBool) -> bool {
        let goes_on = |state: &mut SignalState| {
            state.commits == seen && !state.closed && !stop.load(Ordering::SeqCst)
        };
        let state = self
            .changed
            .wait_while(lock(&self.state), goes_on)
            .unwrap_or_else(PoisonError::into_inner);
        !state.closed && !stop.load(Ordering::SeqCst)
    }
}

/// A running watch. Dropping it stops the watch: no call begins after that, one that is running
/// ends by itself.
#[must_use = "dropping a subscription stops it"]
pub struct Subscription {
    stop: Arc<AtomicBool>,
    signal: Arc<Signal>,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // Under the lock, so that a watcher about to wait does not miss it.
        let state = lock(&self.signal.state);
        self.stop.store(true, Ordering::SeqCst);
        drop(state);
        self.signal.changed.notify_all();
    }
}

struct Watcher {
    phone: Weak<Inner>,
    signal: Arc<Signal>,
    stop: Arc<AtomicBool>,
    query: Query,
    listener: Listener,
}

impl Watcher {
    fn run(&self) {
        let mut shown: Option<Vec<RecordRow>> = None;
        loop {
            let seen = self.signal.commits();
            let Some(rows) = self.rows() else { return };
            match rows {
                Ok(rows) if shown.as_ref() != Some(&rows) => {
                    shown = Some(rows.clone());
                    if !self.call(rows) {
                        return;
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(code = error.code(), "a watched list could not be read");
                }
            }
            if !self.signal.wait_after(seen, &self.stop) {
                return;
            }
        }
    }

    fn rows(&self) -> Option<Result<Vec<RecordRow>, PhoneError>> {
        let inner = self.phone.upgrade()?;
        Some(Phone { inner }.list(&self.query))
    }

    /// Calls the listener; false once it is to be called no more. What a panic said is dropped
    /// unread, it could quote a record.
    fn call(&self, rows: Vec<RecordRow>) -> bool {
        if self.stop.load(Ordering::SeqCst) {
            return false;
        }
        let called = catch_unwind(AssertUnwindSafe(|| (self.listener)(rows)));
        if called.is_err() {
            tracing::error!("a listener panicked and is called no more");
        }
        called.is_ok()
    }
}

impl Phone {
    /// Calls `listener` with the rows of `query`: at once, and after every commit that changed
    /// them, on a thread of its own.
    ///
    /// A listener that panics is reported to the log and called no more.
    ///
    /// # Errors
    /// [`PhoneError::NoThread`] if the system gives no thread.
    pub fn watch(&self, query: Query, listener: Listener) -> Result<Subscription, PhoneError> {
        let signal = Arc::clone(&self.inner.signal);
        let stop = Arc::new(AtomicBool::new(false));
        let watcher = Watcher {
            phone: Arc::downgrade(&self.inner),
            signal: Arc::clone(&signal),
            stop: Arc::clone(&stop),
            query,
            listener,
        };
        std::thread::Builder::new()
            .name("gridlog-watch".to_owned())
            .spawn(move || watcher.run())
            .map_err(PhoneError::NoThread)?;
        Ok(Subscription { stop, signal })
    }
}
