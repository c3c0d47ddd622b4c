//! Sending files beside a phone that stays in sync: on a thread of its own, so that no photo holds up a record.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::error::PhoneError;
use crate::files::{FilePolicy, FileReport, FileTransport, Network, SendOptions};
use crate::pace::{Hold, Pacer};
use crate::phone::Phone;
use crate::sync::CancelFlag;

/// How files go while a phone stays in sync.
#[derive(Clone, Copy)]
pub struct StayFiles<'a> {
    /// Carries them.
    pub transport: &'a (dyn FileTransport + Sync),
    /// What the app allows: asked again before every piece. After it allows more, call [`Phone::look_again`].
    pub may_send: &'a (dyn Fn() -> (FilePolicy, Network) + Sync),
}

impl fmt::Debug for StayFiles<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StayFiles").finish_non_exhaustive()
    }
}

/// The sending that runs beside a sync.
pub(super) struct Sending<'a> {
    pub(super) phone: &'a Phone,
    pub(super) files: StayFiles<'a>,
    pub(super) cancel: &'a CancelFlag,
    /// How many syncs have succeeded: after one there is signal, and the server knows more records.
    pub(super) syncs: &'a AtomicU64,
}

impl Sending<'_> {
    /// Sends whatever may go, whenever something changes, until it is cancelled. Trouble with photos is tried again,
    /// later each time and after every sync.
    ///
    /// # Errors
    /// [`PhoneError::SignInAgain`], which ends the sync as well.
    pub(super) fn run(&self) -> Result<(), PhoneError> {
        let inner = &self.phone.inner;
        let mut pacer = Pacer::default();
        let mut syncs = 0;
        loop {
            // What happens after this ends the wait below.
            let seen = inner.signal.seen();
            if self.cancel.is_cancelled() {
                return Ok(());
            }
            let synced = self.syncs.load(Ordering::SeqCst);
            if synced != syncs {
                syncs = synced;
                pacer.succeeded();
            }
            if pacer.wait_ms(inner.clock.now_ms()) == 0 {
                self.send(&mut pacer)?;
            }
            let wait_ms = pacer.wait_ms(inner.clock.now_ms());
            let longest = (wait_ms > 0).then(|| Duration::from_millis(wait_ms));
            inner.signal.wait_beyond(seen, longest);
        }
    }

    fn send(&self, pacer: &mut Pacer) -> Result<(), PhoneError> {
        let inner = &self.phone.inner;
        let options = SendOptions {
            may_send: Some(self.files.may_send),
            cancel: Some(self.cancel),
            ..SendOptions::default()
        };
        let now_ms = || inner.clock.now_ms();
        let hold = |wait_ms| Hold::asked(now_ms(), wait_ms, true, inner.random_number());
        match self.phone.send_files(self.files.transport, options) {
            Ok(report) => {
                pacer.hold(report.retry_after_ms.map(hold));
                match is_stuck(&report) {
                    true => pacer.failed(now_ms(), inner.random_number()),
                    false => pacer.succeeded(),
                }
            }
            Err(PhoneError::Cancelled) => {}
            Err(error @ PhoneError::SignInAgain) => return Err(error),
            Err(
                PhoneError::Busy { retry_after_ms, .. }
                | PhoneError::AskedToWait { retry_after_ms, .. },
            ) => pacer.hold(Some(hold(retry_after_ms.max(1)))),
            Err(error) => {
                tracing::info!(code = error.code(), "photos not sent; it is tried again");
                pacer.failed(now_ms(), inner.random_number());
            }
        }
        Ok(())
    }
}

/// Whether the server was asked and nothing moved. What each run notes would wake the next one at once.
fn is_stuck(report: &FileReport) -> bool {
    report.requests > 0 && report.files_sent == 0 && report.bytes_sent == 0
}
