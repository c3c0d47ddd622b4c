//! Sync over a transport.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use super::request::SYNC_PATH;
use super::session::{SyncReport, SyncSession};
use crate::error::PhoneError;
use crate::phone::{Phone, lock};
use crate::transport::Transport;
use crate::watch::Signal;

/// The form of sync bodies, as HTTP names it.
const CONTENT_TYPE: &str = "application/vnd.gridlog.sync";

/// Cancels long work from another thread: a sync between two requests, work with files between two pieces.
/// Clones are one flag.
#[derive(Clone, Default)]
pub struct CancelFlag(Arc<Cancelled>);

struct Cancelled {
    is_set: AtomicBool,
    /// After how many looks it sets itself.
    looks_left: AtomicU64,
    /// What it is set with.
    parent: Option<CancelFlag>,
    /// What somebody waits on who wants to know.
    waits: Mutex<Vec<Weak<Signal>>>,
}

impl Default for Cancelled {
    fn default() -> Self {
        Self {
            is_set: AtomicBool::new(false),
            looks_left: AtomicU64::new(u64::MAX),
            parent: None,
            waits: Mutex::default(),
        }
    }
}

impl fmt::Debug for CancelFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CancelFlag")
            .field(&self.is_cancelled())
            .finish()
    }
}

impl CancelFlag {
    /// A flag that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// A flag that is set when it is looked at for that time, from 1: a test goes through every place at which
    /// work can be cancelled.
    pub fn at_look(look: u64) -> Self {
        let flag = Self::new();
        flag.0.looks_left.store(look, Ordering::SeqCst);
        flag
    }

    /// Asks the work to end after the request or the piece that is under way.
    pub fn cancel(&self) {
        self.0.is_set.store(true, Ordering::SeqCst);
        for signal in lock(&self.0.waits).drain(..) {
            if let Some(signal) = signal.upgrade() {
                signal.nudge();
            }
        }
    }

    /// Whether it was asked to end.
    pub fn is_cancelled(&self) -> bool {
        if self.0.looks_left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.cancel();
        }
        let parent = self.0.parent.as_ref();
        self.0.is_set.load(Ordering::SeqCst) || parent.is_some_and(Self::is_cancelled)
    }

    /// One that can be set alone, and is set with this one. Waits end with the flag that they were told of.
    pub(crate) fn child(&self) -> Self {
        Self(Arc::new(Cancelled {
            parent: Some(self.clone()),
            ..Cancelled::default()
        }))
    }

    /// Goes on, unless it was asked to end.
    pub(crate) fn check(&self) -> Result<(), PhoneError> {
        match self.is_cancelled() {
            true => Err(PhoneError::Cancelled),
            false => Ok(()),
        }
    }

    /// From here on, cancelling ends every wait on `signal`.
    pub(crate) fn ends_waiting_on(&self, signal: &Arc<Signal>) {
        let mut waits = lock(&self.0.waits);
        waits.retain(|known| known.strong_count() > 0);
        waits.push(Arc::downgrade(signal));
    }
}

/// How far a sync is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncProgress {
    /// Requests that were answered.
    pub rounds: u32,
    /// Changes sent so far.
    pub pushed: u64,
    /// Changes on this phone that the server does not have.
    pub unsent: u64,
    /// Log entries pulled so far.
    pub pulled_entries: u64,
    /// Records pulled so far.
    pub pulled_records: u64,
}

/// How to sync.
#[derive(Clone, Copy)]
pub struct SyncOptions<'a> {
    /// Called after every answer, on the calling thread.
    pub progress: Option<&'a dyn Fn(SyncProgress)>,
    /// Ends the sync early.
    pub cancel: Option<&'a CancelFlag>,
    /// Most requests; the rest is the next sync's.
    pub max_rounds: u32,
}

impl Default for SyncOptions<'_> {
    fn default() -> Self {
        Self {
            progress: None,
            cancel: None,
            max_rounds: 10_000,
        }
    }
}

impl fmt::Debug for SyncOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncOptions")
            .field("max_rounds", &self.max_rounds)
            .finish_non_exhaustive()
    }
}

impl Phone {
    /// Sends everything unsent and pulls everything new. It may be called at any time and again
    /// after any failure; whatever was exchanged is kept. What a phone that stays in sync waits by itself
    /// after a failure does not hold it up; what the server asked for does.
    ///
    /// # Errors
    /// [`PhoneError::AskedToWait`], without a request, while the server wants to be left alone, also for
    /// somebody who presses a button; [`PhoneError::Busy`] if it says so now;
    /// [`PhoneError::SyncRunning`], [`PhoneError::Cancelled`], [`PhoneError::Transport`], and the
    /// errors of [`SyncSession::accept`](super::SyncSession::accept).
    pub fn sync(
        &self,
        transport: &dyn Transport,
        options: SyncOptions<'_>,
    ) -> Result<SyncReport, PhoneError> {
        let session = self.begin_session(false)?;
        self.drive(session, transport, options)
    }

    /// Syncs, and compares every record in scope with the server's, whether anything seems to differ
    /// or not. It reads every change that is here, so records of which some went missing, as with a
    /// failing disk, are found too. [`SyncReport::differing`] says in how many they differed; those were
    /// mended.
    ///
    /// # Errors
    /// As [`Phone::sync`].
    pub fn verify(
        &self,
        transport: &dyn Transport,
        options: SyncOptions<'_>,
    ) -> Result<SyncReport, PhoneError> {
        let session = self.begin_session(true)?;
        self.drive(session, transport, options)
    }

    fn drive(
        &self,
        mut session: SyncSession,
        transport: &dyn Transport,
        options: SyncOptions<'_>,
    ) -> Result<SyncReport, PhoneError> {
        let bearer = session.bearer()?;
        while session.report().rounds < options.max_rounds {
            if options.cancel.is_some_and(CancelFlag::is_cancelled) {
                return Err(PhoneError::Cancelled);
            }
            let Some(body) = session.next_request()? else {
                break;
            };
            let answer = transport.post(SYNC_PATH, Some(&bearer), CONTENT_TYPE, &body)?;
            match session.accept(answer) {
                Err(_) if session.may_follow_key() => continue,
                accepted => accepted?,
            }
            if let Some(progress) = options.progress {
                progress(self.progress(session.report())?);
            }
        }
        let report = session.report().clone();
        tracing::info!(
            rounds = report.rounds,
            pushed = report.pushed,
            pulled_records = report.pulled_records,
            complete = report.complete,
            "synced"
        );
        Ok(report)
    }

    fn progress(&self, report: &SyncReport) -> Result<SyncProgress, PhoneError> {
        Ok(SyncProgress {
            rounds: report.rounds,
            pushed: report.pushed,
            unsent: self.status()?.on_this_phone,
            pulled_entries: report.pulled_entries,
            pulled_records: report.pulled_records,
        })
    }
}
