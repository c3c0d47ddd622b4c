//! Sending over a transport, when the app's policy allows it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::session::{FileReport, FileSession, FileStep};
use super::wire::FileTransport;
use crate::error::PhoneError;
use crate::phone::Phone;
use crate::sync::CancelFlag;
use crate::transport::TransportError;

/// What a server that turns everything away and names no time is given, milliseconds.
const BUSY_MS: u64 = 5_000;

/// Over what the worker lets files go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilePolicy {
    /// Over whatever network there is.
    #[default]
    AnyNetwork,
    /// Only where bytes cost nothing.
    UnmeteredOnly,
    /// Not at all for now.
    Paused,
}

/// What network there is, as the system tells the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// None.
    None,
    /// One where bytes cost something.
    Metered,
    /// One where they do not; also where nobody can tell.
    #[default]
    Unmetered,
}

/// Why files are held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldBack {
    /// The worker paused them.
    Paused,
    /// There is only a network where bytes cost something.
    Metered,
    /// There is no network.
    NoNetwork,
}

impl FilePolicy {
    /// Whether files may go over that network; if not, why.
    pub const fn holds_back(self, network: Network) -> Option<HeldBack> {
        match (self, network) {
            (Self::Paused, _) => Some(HeldBack::Paused),
            (_, Network::None) => Some(HeldBack::NoNetwork),
            (Self::UnmeteredOnly, Network::Metered) => Some(HeldBack::Metered),
            _ => None,
        }
    }
}

/// How far sending is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendProgress {
    /// Files that were sent by now, previews included.
    pub files_sent: u64,
    /// Bytes that were sent by now.
    pub bytes_sent: u64,
    /// Files still to go.
    pub files_left: u64,
    /// Bytes still to go.
    pub bytes_left: u64,
}

/// What the app wants of sending, and what network there is: asked again before every piece.
pub type MaySend<'a> = &'a dyn Fn() -> (FilePolicy, Network);

/// How to send files.
#[derive(Clone, Copy)]
pub struct SendOptions<'a> {
    /// What the app allows; everything if `None`.
    pub may_send: Option<MaySend<'a>>,
    /// Called after every answer, on the calling thread.
    pub progress: Option<&'a dyn Fn(SendProgress)>,
    /// Ends the run early, between two requests.
    pub cancel: Option<&'a CancelFlag>,
    /// How many requests in a row may go unanswered, or be turned away for now, before the run ends.
    pub patience: u32,
    /// For how long at most, in milliseconds, the run waits for a server that wants to be left alone; if it is longer,
    /// the run ends and says so.
    pub longest_wait_ms: u64,
}

impl Default for SendOptions<'_> {
    fn default() -> Self {
        Self {
            may_send: None,
            progress: None,
            cancel: None,
            patience: 6,
            longest_wait_ms: 30_000,
        }
    }
}

impl fmt::Debug for SendOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendOptions")
            .field("patience", &self.patience)
            .field("longest_wait_ms", &self.longest_wait_ms)
            .finish_non_exhaustive()
    }
}

impl SendOptions<'_> {
    fn held_back(&self) -> Option<HeldBack> {
        let (policy, network) = self.may_send.map(|may_send| may_send())?;
        policy.holds_back(network)
    }
}

impl Phone {
    /// Sends the files that are only on this phone, until nothing is left that may go: previews first, then photos
    /// of the newest case first. Only files of records go that the server has; sync first. It may run beside a
    /// sync and while people record, and be called again after any failure: each file goes on where the server has it.
    ///
    /// # Errors
    /// [`PhoneError::AskedToWait`] without a request while the server wants to be left alone;
    /// [`PhoneError::SendingFiles`]; [`PhoneError::Cancelled`]; [`PhoneError::Transport`] after
    /// [`SendOptions::patience`] requests without answer, and [`PhoneError::Busy`] after so many that were
    /// turned away; [`PhoneError::SignInAgain`];
    /// [`PhoneError::Store`], [`PhoneError::FileStore`]. What was sent stays sent.
    pub fn send_files(
        &self,
        transport: &dyn FileTransport,
        options: SendOptions<'_>,
    ) -> Result<FileReport, PhoneError> {
        if let Some(cancel) = options.cancel {
            cancel.ends_waiting_on(&self.inner.signal);
        }
        let mut session = self.begin_sending()?;
        let outcome = self.drive_files(&mut session, transport, options);
        let report = session.end()?;
        if report.requests + report.cuts > 0 {
            tracing::info!(
                files = report.files_sent,
                bytes = report.bytes_sent,
                left = report.left,
                cuts = report.cuts,
                "sent files"
            );
        }
        outcome.map(|()| report)
    }

    fn drive_files(
        &self,
        session: &mut FileSession,
        transport: &dyn FileTransport,
        options: SendOptions<'_>,
    ) -> Result<(), PhoneError> {
        loop {
            let seen = self.inner.signal.seen();
            if options.cancel.is_some_and(CancelFlag::is_cancelled) {
                return Err(PhoneError::Cancelled);
            }
            if let Some(why) = options.held_back() {
                session.note_held_back(why);
                return Ok(());
            }
            let request = match session.next_step()? {
                FileStep::Done => return Ok(()),
                FileStep::Wait(wait_ms) if wait_ms > options.longest_wait_ms => {
                    session.note_hold(wait_ms);
                    return Ok(());
                }
                FileStep::Wait(wait_ms) => {
                    let longest = Some(Duration::from_millis(wait_ms));
                    self.inner.signal.wait_beyond(seen, longest);
                    continue;
                }
                FileStep::Request(request) => request,
            };
            match transport.exchange(session.bearer(), &request) {
                Ok(answer) => {
                    session.accept(&answer)?;
                    if session.failures() >= options.patience {
                        let retry_after_ms = answer.retry_after_ms.unwrap_or(BUSY_MS);
                        return Err(PhoneError::Busy {
                            retry_after_ms,
                            said: None,
                        });
                    }
                }
                Err(error @ (TransportError::BadAddress | TransportError::CannotListen)) => {
                    return Err(error.into());
                }
                Err(error) => {
                    session.failed();
                    if session.failures() >= options.patience {
                        return Err(error.into());
                    }
                }
            }
            if let Some(progress) = options.progress {
                let (files_left, bytes_left) = session.to_go();
                progress(SendProgress {
                    files_sent: session.report().files_sent,
                    bytes_sent: session.report().bytes_sent,
                    files_left,
                    bytes_left,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_where_the_worker_lets_them() {
        use FilePolicy::{AnyNetwork, Paused, UnmeteredOnly};
        for (policy, network, held_back) in [
            (AnyNetwork, Network::Metered, None),
            (AnyNetwork, Network::None, Some(HeldBack::NoNetwork)),
            (UnmeteredOnly, Network::Unmetered, None),
            (UnmeteredOnly, Network::Metered, Some(HeldBack::Metered)),
            (Paused, Network::Unmetered, Some(HeldBack::Paused)),
        ] {
            assert_eq!(policy.holds_back(network), held_back);
        }
    }
}
