//! One sync, request by request.

use std::sync::atomic::Ordering;

use gridlog_protocol::{Cursor, Digest, Key, SyncRequest, codec, item_digest};
use serde::{Deserialize, Serialize};

use super::request::Said;
use crate::enrol::body_of;
use crate::error::PhoneError;
use crate::phone::Phone;
use crate::store::meta;
use crate::transport::Answer;

/// What a sync did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SyncReport {
    /// Requests that were answered.
    pub rounds: u32,
    /// Changes sent, those sent again included.
    pub pushed: u64,
    /// Changes that the log has since this sync.
    pub admitted: u64,
    /// Changes that were refused.
    pub refused: u64,
    /// Changes that were written again after a refusal, as new ones.
    pub replayed: u64,
    /// What was sent back for the worker to decide.
    pub needs_you: u64,
    /// Log entries pulled.
    pub pulled_entries: u64,
    /// Records that came, each page counted.
    pub pulled_records: u64,
    /// Records that left this phone, because the person may no longer see them.
    pub purged: u64,
    /// Bytes sent, compressed, headers aside.
    pub bytes_up: u64,
    /// Bytes received, compressed, headers aside.
    pub bytes_down: u64,
    /// Whether there was nothing more to send or pull in the end.
    pub complete: bool,
    /// How long the server asks to wait before the next sync, milliseconds.
    pub retry_after_ms: Option<u64>,
}

/// A request that waits for its answer.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) nonce: Key,
    pub(super) actor: Key,
    pub(super) cursor: Cursor,
    pub(super) profile_version: u64,
    pub(super) asked_ms: i64,
    pushed: Vec<Digest>,
    asks: Vec<Digest>,
}

/// One sync without I/O: ask for the next request, hand in its answer, until there is none.
///
/// A phone has one session at a time. Dropping it ends it; nothing is lost by that.
#[derive(Debug)]
pub struct SyncSession {
    phone: Phone,
    said: Said,
    asked: Option<Asked>,
    more: bool,
    report: SyncReport,
}

impl Drop for SyncSession {
    fn drop(&mut self) {
        self.phone.inner.syncing.store(false, Ordering::SeqCst);
    }
}

impl Phone {
    /// Begins a sync without I/O.
    ///
    /// # Errors
    /// [`PhoneError::SyncRunning`] while another session of this phone is alive;
    /// [`PhoneError::NotEnrolled`].
    pub fn begin_sync(&self) -> Result<SyncSession, PhoneError> {
        self.inner.store.read(crate::identity::require)?;
        if self.inner.syncing.swap(true, Ordering::SeqCst) {
            return Err(PhoneError::SyncRunning);
        }
        Ok(SyncSession {
            phone: self.clone(),
            said: Said::default(),
            asked: None,
            more: true,
            report: SyncReport::default(),
        })
    }
}

fn names(request: &SyncRequest) -> Vec<Digest> {
    let items = request.push.iter();
    items
        .map(|item| item_digest(item.record, &item.change.0))
        .collect()
}

impl SyncSession {
    /// The body of the next request, for `POST` to [`SYNC_PATH`](super::SYNC_PATH); `None` once
    /// there is nothing more to say, or the server asked to wait.
    ///
    /// A request whose answer never came is simply followed by another.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn next_request(&mut self) -> Result<Option<Vec<u8>>, PhoneError> {
        let unanswered = self.asked.take().is_some();
        if self.report.retry_after_ms.is_some() {
            return self.end();
        }
        let inner = &self.phone.inner;
        let request = inner.store.write(|tx| inner.sync_request(tx, &self.said))?;
        let silent = request.push.is_empty() && request.asks.is_empty();
        if silent && !self.more && !unanswered {
            return self.end();
        }
        self.asked = Some(Asked {
            nonce: request.nonce,
            actor: request.actor,
            cursor: request.cursor,
            profile_version: request.profile_version,
            asked_ms: request.device_ms,
            pushed: names(&request),
            asks: request.asks.clone(),
        });
        let body = codec::encode(&request);
        self.report.pushed += request.push.len() as u64;
        self.report.bytes_up += body.len() as u64;
        Ok(Some(body))
    }

    fn end(&mut self) -> Result<Option<Vec<u8>>, PhoneError> {
        let unsent = self.phone.status()?.on_this_phone;
        self.report.complete = !self.more && unsent == 0;
        Ok(None)
    }

    /// Takes the answer to the last request: all of it or, on an error, nothing.
    ///
    /// # Errors
    /// [`PhoneError::NothingAsked`]; [`PhoneError::SignInAgain`], [`PhoneError::Busy`] and
    /// [`PhoneError::Refused`] as the server said; [`PhoneError::Protocol`] and
    /// [`PhoneError::BadPage`] for an answer that cannot be trusted; [`PhoneError::Store`].
    pub fn accept(&mut self, answer: Answer) -> Result<(), PhoneError> {
        let asked = self.asked.take().ok_or(PhoneError::NothingAsked)?;
        self.report.bytes_down += answer.body.len() as u64;
        if answer.status == 401 {
            return Err(PhoneError::SignInAgain);
        }
        let body = body_of(answer)?;
        let inner = &self.phone.inner;
        let answered_ms = inner.clock.now_ms().max(0);
        let page = inner.open_page(&body, &asked)?;
        let (more, wait) = (page.page.more, page.page.retry_after_ms);
        let taken = inner
            .store
            .write(|tx| inner.take_page(tx, &page, &asked, answered_ms))?;
        inner.signal.committed();
        self.said.remember(&asked.pushed, &asked.asks);
        self.more = more || taken.starts_over;
        self.report.rounds += 1;
        self.report.retry_after_ms = wait;
        self.report.pulled_entries += page.entries.len() as u64;
        self.report.pulled_records += page.deltas.len() as u64;
        self.report.admitted += taken.admitted;
        self.report.refused += taken.refused;
        self.report.replayed += taken.replayed;
        self.report.needs_you += taken.needs_you;
        self.report.purged += taken.purged;
        Ok(())
    }

    /// What the session did so far.
    pub const fn report(&self) -> &SyncReport {
        &self.report
    }

    /// The bearer token that requests go with.
    ///
    /// # Errors
    /// [`PhoneError::NotEnrolled`]; [`PhoneError::Store`].
    pub fn bearer(&self) -> Result<String, PhoneError> {
        let token = self
            .phone
            .inner
            .store
            .read(|connection| meta::TOKEN.get(connection))?;
        token.ok_or(PhoneError::NotEnrolled)
    }
}
