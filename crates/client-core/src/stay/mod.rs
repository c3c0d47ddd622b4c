//! Staying in sync while there is signal: a thread of the app that syncs when something is recorded
//! here or published there, and leaves the server alone otherwise.
//!
//! What to do next is decided in [`duty`], without I/O. Here it is done: a sync on this thread, a line
//! to the server on another, and waiting, which ends as soon as there is news. Files go beside it ([`photos`]).

mod duty;
mod line;
mod photos;

use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rusqlite::ErrorCode;

use crate::error::PhoneError;
use crate::live::Wake;
use crate::phone::Phone;
use crate::store::meta;
use crate::sync::{CancelFlag, SyncOptions, SyncProgress, SyncReport};
use crate::transport::Transport;
use duty::{Duty, LineEnd, Next, Synced};
use line::{LineNews, Listening};
use photos::Sending;
pub use photos::StayFiles;

/// What is called after every attempt to sync.
pub type OnSynced<'a> = &'a dyn Fn(&Result<SyncReport, PhoneError>);

/// How to stay in sync.
#[derive(Clone, Copy, Default)]
pub struct StayOptions<'a> {
    /// Called after every answer of a sync, on the calling thread.
    pub progress: Option<&'a dyn Fn(SyncProgress)>,
    /// Called after every attempt to sync, on the calling thread. Failures are told and tried again.
    pub synced: Option<OnSynced<'a>>,
    /// Sends files too; none if `None`.
    pub files: Option<StayFiles<'a>>,
}

impl fmt::Debug for StayOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StayOptions").finish_non_exhaustive()
    }
}

impl Phone {
    /// Keeps this phone in sync until it is cancelled: syncs, listens, and syncs again when the server
    /// has something or something was recorded here. It blocks, so it is for a thread of its own. A
    /// phone has one at a time. With [`StayOptions::files`] it sends photos too, beside the syncs: as soon as
    /// the server has their records and the app allows it.
    ///
    /// Without signal and on errors that time may mend it tries again, later each time; it leaves the
    /// server alone for as long as the server asks. A `transport` that cannot listen makes it sync from
    /// time to time instead. After `cancel` it returns as soon as the request that is under way is
    /// answered; the line to the server, on a thread of its own, ends with the next word of the server,
    /// within half a minute.
    ///
    /// # Errors
    /// What time does not mend: [`PhoneError::SignInAgain`], [`PhoneError::NotEnrolled`],
    /// [`PhoneError::Refused`] but for the server's own trouble, [`PhoneError::Store`] but for a full disk
    /// or a lock, and the like; [`PhoneError::NoThread`].
    pub fn stay_in_sync(
        &self,
        transport: &Arc<dyn Transport + Send + Sync>,
        options: StayOptions<'_>,
        cancel: &CancelFlag,
    ) -> Result<(), PhoneError> {
        cancel.ends_waiting_on(&self.inner.signal);
        let syncs = AtomicU64::new(0);
        let Some(files) = options.files else {
            return self.stay(transport, options, cancel, &syncs);
        };
        // Whichever of the two ends, ends the other.
        let cancel = &cancel.child();
        cancel.ends_waiting_on(&self.inner.signal);
        let sending = Sending {
            phone: self,
            files,
            cancel,
            syncs: &syncs,
        };
        thread::scope(|scope| {
            let sender = thread::Builder::new()
                .name("gridlog-files".to_owned())
                .spawn_scoped(scope, || {
                    let sent = sending.run();
                    cancel.cancel();
                    sent
                })
                .map_err(PhoneError::NoThread)?;
            let stayed = self.stay(transport, options, cancel, &syncs);
            cancel.cancel();
            let sent = sender.join().unwrap_or_else(|panic| resume_unwind(panic));
            stayed.and(sent)
        })
    }

    /// Ends every wait of what keeps running on this phone, so that it looks at what it may do now: to be called
    /// after the app allows more than before.
    pub fn look_again(&self) {
        self.inner.signal.nudge();
    }

    fn stay(
        &self,
        transport: &Arc<dyn Transport + Send + Sync>,
        options: StayOptions<'_>,
        cancel: &CancelFlag,
        syncs: &AtomicU64,
    ) -> Result<(), PhoneError> {
        let mut stay = Stay {
            phone: self,
            transport,
            options,
            cancel,
            syncs,
            duty: Duty::new(self.hold()?),
            listening: None,
            looked_at: None,
        };
        loop {
            // What happens after this ends the wait below.
            let seen = self.inner.signal.seen();
            if cancel.is_cancelled() {
                return Ok(());
            }
            stay.hear()?;
            stay.look_at_outbox(seen.commits)?;
            match stay.duty.next(self.inner.clock.now_ms()) {
                Next::Sync => stay.sync()?,
                Next::Listen => stay.listen()?,
                Next::Wait(longest) => {
                    let longest = longest.map(Duration::from_millis);
                    self.inner.signal.wait_beyond(seen, longest);
                }
            }
        }
    }
}

/// A phone while it stays in sync.
struct Stay<'a> {
    phone: &'a Phone,
    transport: &'a Arc<dyn Transport + Send + Sync>,
    options: StayOptions<'a>,
    cancel: &'a CancelFlag,
    /// How many syncs succeeded.
    syncs: &'a AtomicU64,
    duty: Duty,
    listening: Option<Listening>,
    /// The commit after which the outbox was looked at.
    looked_at: Option<u64>,
}

impl Stay<'_> {
    fn now_ms(&self) -> i64 {
        self.phone.inner.clock.now_ms()
    }

    fn random(&self) -> u64 {
        self.phone.inner.random_number()
    }

    /// Takes in what came over the line.
    fn hear(&mut self) -> Result<(), PhoneError> {
        let news = self.listening.as_ref().map(Listening::news);
        for news in news.unwrap_or_default() {
            match news {
                LineNews::Heard => self.duty.hears(self.now_ms()),
                LineNews::Wake(wake) => {
                    if self.is_news(wake)? {
                        self.duty.is_woken(self.now_ms());
                    }
                }
                LineNews::Ended(end) => {
                    tracing::debug!(?end, "the line is down");
                    self.listening = None;
                    self.duty.hung_up(self.now_ms(), end, self.random());
                }
            }
        }
        Ok(())
    }

    /// Whether there is more than this phone pulled. A phone is woken by what it sent itself, too.
    fn is_news(&self, wake: Wake) -> Result<bool, PhoneError> {
        let position = self.phone.inner.store.read(meta::position)?;
        Ok(wake.directory || wake.epoch != position.epoch || wake.seq > position.seq)
    }

    /// After a commit: is there something to send?
    fn look_at_outbox(&mut self, commits: u64) -> Result<(), PhoneError> {
        if self.looked_at == Some(commits) {
            return Ok(());
        }
        self.looked_at = Some(commits);
        if self.phone.status()?.on_this_phone > 0 {
            self.duty.wants_sync();
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), PhoneError> {
        let options = SyncOptions {
            progress: self.options.progress,
            cancel: Some(self.cancel),
            ..SyncOptions::default()
        };
        let transport: &dyn Transport = self.transport.as_ref();
        let outcome = self.phone.sync(transport, options);
        if let Some(synced) = self.options.synced {
            synced(&outcome);
        }
        let now_ms = self.now_ms();
        match outcome {
            Ok(report) => {
                self.syncs.fetch_add(1, Ordering::SeqCst);
                self.phone.look_again();
                let synced = self.came_out(&report)?;
                let hold = self.phone.hold()?;
                self.duty.synced(now_ms, synced, hold, self.random());
            }
            Err(PhoneError::Busy { .. } | PhoneError::AskedToWait { .. }) => {
                let hold = self.phone.hold()?;
                self.duty.held(now_ms, hold, self.random());
            }
            Err(PhoneError::Cancelled) => {}
            Err(error) if time_mends(&error) => {
                tracing::info!(code = error.code(), "not synced; it is tried again");
                self.duty.failed(now_ms, self.random());
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn came_out(&self, report: &SyncReport) -> Result<Synced, PhoneError> {
        let sent = report.admitted + report.refused + report.returned;
        let brought = report.pulled_entries + report.pulled_records + report.purged;
        let status = self.phone.status()?;
        Ok(Synced {
            complete: report.complete,
            progressed: sent + brought > 0,
            undecided: status.received > 0,
            waits_for_others: status.review + status.waiting + status.blocked > 0,
        })
    }

    fn listen(&mut self) -> Result<(), PhoneError> {
        let (position, bearer) = self.phone.inner.store.read(|connection| {
            let token = meta::TOKEN.get(connection)?;
            let bearer = token.ok_or(PhoneError::NotEnrolled)?;
            Ok((meta::position(connection)?, bearer))
        })?;
        let signal = Arc::clone(&self.phone.inner.signal);
        let listening = Listening::begin(Arc::clone(self.transport), position, bearer, signal)?;
        self.listening = Some(listening);
        self.duty.calls(self.now_ms());
        Ok(())
    }
}

/// Whether the next attempt may succeed although this one did not and nobody does anything.
fn time_mends(error: &PhoneError) -> bool {
    match error {
        PhoneError::Transport(_)
        | PhoneError::SyncRunning
        | PhoneError::Protocol(_)
        | PhoneError::BadPage { .. }
        | PhoneError::Marker(_) => true,
        // The server's own trouble, or a request that took too long.
        PhoneError::Refused { status, .. } => *status >= 500 || *status == 408,
        PhoneError::Store(cause) => matches!(
            cause.sqlite_error_code(),
            Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy)
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    fn refused(status: u16) -> PhoneError {
        PhoneError::Refused {
            status,
            code: "no".to_owned(),
            zh: String::new(),
            en: String::new(),
        }
    }

    fn store(code: i32) -> PhoneError {
        PhoneError::Store(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
    }

    #[test]
    fn a_full_disk_a_lock_and_a_servers_trouble_pass_and_a_refusal_does_not() {
        for passes in [
            refused(500),
            refused(502),
            refused(408),
            store(ffi::SQLITE_FULL),
            store(ffi::SQLITE_BUSY),
            PhoneError::Marker(std::io::Error::other("locked")),
        ] {
            assert!(time_mends(&passes), "{passes}");
        }
        for stays in [
            refused(400),
            refused(409),
            refused(413),
            store(ffi::SQLITE_CORRUPT),
            PhoneError::SignInAgain,
            PhoneError::NotEnrolled,
        ] {
            assert!(!time_mends(&stays), "{stays}");
        }
    }
}
