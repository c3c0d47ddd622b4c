//! One sync, request by request.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use gridlog_domain::id::RecordId;
use gridlog_protocol::{
    Digest, Key, Position, ProtocolError, SyncRequest, Unsent, codec, item_digest,
};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::apply::Taken;
use super::comparison::Comparison;
use super::hold;
use super::page::{CheckedPage, Opened, Unsound};
use super::repair;
use super::request::{Errand, Said};
use super::returning::{Purpose, Returning};
use crate::enrol::{body_of, of_sync};
use crate::error::PhoneError;
use crate::identity;
use crate::phone::Phone;
use crate::store::{actors, log, meta, wants};
use crate::transport::Answer;

/// How often a session proves where this phone stands. A server that never believes it must not keep
/// a session going for ever.
const MOST_PROOFS: u32 = 3;
/// For so long, in milliseconds, what was set aside is not asked for again, unless somebody verifies.
const ASIDE_MS: i64 = 10 * 60 * 1_000;

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
    /// Log entries and changes that the server had lost and took back from this phone.
    pub returned: u64,
    /// In how many records phone and server differed; `None` if they were not compared. Each was
    /// then told again by the side that had more.
    pub differing: Option<u64>,
    /// Bytes sent, compressed, headers aside.
    pub bytes_up: u64,
    /// Bytes received, compressed, headers aside.
    pub bytes_down: u64,
    /// Records that could not be read as they came, and were set aside; see [`Phone::set_aside`].
    pub set_aside: u64,
    /// Whether there was nothing more to send or pull in the end, but for what is set aside.
    pub complete: bool,
    /// How long the server asks to wait before the next sync, milliseconds.
    pub retry_after_ms: Option<u64>,
}

/// A request that waits for its answer.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) nonce: Key,
    pub(super) device: Key,
    pub(super) actor: Key,
    pub(super) position: Position,
    pub(super) profile_version: u64,
    pub(super) asked_ms: i64,
    pub(super) pushed: Vec<Digest>,
    pub(super) asks: Vec<Digest>,
    pub(super) wants: Vec<RecordId>,
    /// What the page is to leave out.
    pub(super) without: BTreeSet<RecordId>,
    /// Whether it asked what this device wrote.
    pub(super) recalls: bool,
    /// What it said that this phone holds.
    pub(super) unsent: Option<Unsent>,
    /// Whether the session has taken no page yet.
    pub(super) is_first: bool,
}

impl Asked {
    /// The items of the request, in the order of its verdicts.
    pub(super) fn names(&self) -> impl Iterator<Item = &Digest> {
        self.pushed.iter().chain(&self.asks)
    }

    /// How many verdicts answer it.
    pub(super) fn items(&self) -> usize {
        self.pushed.len() + self.asks.len()
    }
}

/// How far a comparison with the server is.
#[derive(Debug)]
enum Compared {
    /// Not needed so far.
    No,
    /// To begin with the next request.
    Due,
    /// Under way.
    Running(Box<Comparison>),
    /// Over, with the records in which both sides differ. What of them is here is given back, then
    /// they are wanted.
    Over(BTreeSet<RecordId>),
}

/// One sync without I/O: ask for the next request, hand in its answer, until there is none.
///
/// A phone has one session at a time. Dropping it ends it; nothing is lost by that.
#[derive(Debug)]
pub struct SyncSession {
    phone: Phone,
    said: Said,
    asked: Option<Asked>,
    has_taken: bool,
    more: bool,
    returning: Returning,
    proofs: u32,
    compared: Compared,
    must_compare: bool,
    /// Set from a page of another key until the session goes on to ask about it.
    keys_to_ask: bool,
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
    /// [`PhoneError::AskedToWait`] while the server wants to be left alone; [`PhoneError::SyncRunning`] while
    /// another session of this phone is alive; [`PhoneError::NotEnrolled`].
    pub fn begin_sync(&self) -> Result<SyncSession, PhoneError> {
        self.begin_session(false)
    }

    /// Begins a sync that compares every record in scope with the server's, whether anything seems
    /// to differ or not; see [`Phone::verify`].
    ///
    /// # Errors
    /// As [`Phone::begin_sync`].
    pub fn begin_verification(&self) -> Result<SyncSession, PhoneError> {
        self.begin_session(true)
    }

    pub(super) fn begin_session(&self, must_compare: bool) -> Result<SyncSession, PhoneError> {
        self.inner.store.read(|connection| {
            identity::require(connection)?;
            self.inner.mind_hold(connection)
        })?;
        if self.inner.syncing.swap(true, Ordering::SeqCst) {
            return Err(PhoneError::SyncRunning);
        }
        Ok(SyncSession {
            phone: self.clone(),
            said: Said::default(),
            asked: None,
            has_taken: false,
            more: true,
            returning: Returning::default(),
            proofs: 0,
            compared: Compared::No,
            must_compare,
            keys_to_ask: false,
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
    /// [`PhoneError::Store`]; [`PhoneError::Marker`], and then nothing may be sent.
    pub fn next_request(&mut self) -> Result<Option<Vec<u8>>, PhoneError> {
        let unanswered = self.asked.take().is_some();
        if self.report.retry_after_ms.is_some() || self.proofs >= MOST_PROOFS {
            return self.end();
        }
        let phone = self.phone.clone();
        let inner = &phone.inner;
        if matches!(self.compared, Compared::Due) {
            // A thorough one reads every change that is here, which nobody who writes is to wait for.
            let begin = |connection: &Connection| Comparison::begin(connection, self.must_compare);
            self.compared = Compared::Running(Box::new(inner.store.read(begin)?));
        }
        let (request, device, registers) = inner.store.write(|tx| {
            let errand = self.errand(tx)?;
            let request = inner.sync_request(tx, &self.said, errand)?;
            if !request.push.is_empty() {
                inner.renew_generation(tx)?;
            }
            let device = identity::require(tx)?.device;
            let registers = actors::unregistered_writer(tx)?.is_some();
            Ok((request, device, registers))
        })?;
        let silent = request.push.is_empty()
            && request.asks.is_empty()
            && request.wants.is_empty()
            && request.returns.is_empty()
            && request.reconcile.is_none()
            && request.recall.is_none()
            && !registers;
        if silent && !self.more && !unanswered {
            return match self.tries_again()? {
                true => self.next_request(),
                false => self.end(),
            };
        }
        if !request.push.is_empty() {
            inner.mark_generation()?;
        }
        self.asked = Some(Asked {
            nonce: request.nonce,
            device: Key(*device.as_bytes()),
            actor: request.actor,
            position: request.position,
            profile_version: request.profile_version,
            asked_ms: request.device_ms,
            pushed: names(&request),
            asks: request.asks.clone(),
            wants: request
                .wants
                .iter()
                .map(|want| RecordId::from_bytes(want.0))
                .collect(),
            without: request
                .without
                .iter()
                .flatten()
                .map(|key| RecordId::from_bytes(key.0))
                .collect(),
            recalls: request.recall.is_some(),
            unsent: request.unsent,
            is_first: !self.has_taken,
        });
        let body = codec::encode(&request);
        self.report.pushed += request.push.len() as u64;
        self.report.bytes_up += body.len() as u64;
        Ok(Some(body))
    }

    /// What the next request does besides pushing and pulling: first proves where this phone stands,
    /// then gives back what was lost, then compares.
    fn errand(&mut self, connection: &Connection) -> Result<Errand, PhoneError> {
        if meta::PROVING.get(connection)?.unwrap_or(false) {
            self.proofs += 1;
            return Ok(Errand {
                returns: repair::proof(connection)?,
                gives_back: true,
                ..Errand::default()
            });
        }
        let is_repairing = meta::REPAIRING.get(connection)?.unwrap_or(false);
        if is_repairing && self.returning.purpose != Purpose::Lost {
            self.returning = Returning::lost(connection)?;
        }
        let returns = self.returning.next(connection)?;
        if returns.is_empty() {
            self.end_returning(connection)?;
            let step = match &self.compared {
                Compared::Running(comparison) => Some(comparison.message()),
                _ => None,
            };
            return Ok(Errand {
                reconcile: step,
                ..Errand::default()
            });
        }
        Ok(Errand {
            returns,
            gives_back: true,
            ..Errand::default()
        })
    }

    /// All was given back.
    fn end_returning(&mut self, connection: &Connection) -> Result<(), PhoneError> {
        match std::mem::take(&mut self.returning).purpose {
            Purpose::None => Ok(()),
            Purpose::Lost => repair::end_repair(connection),
            Purpose::Differing => {
                if let Compared::Over(differing) = &self.compared {
                    for record in differing {
                        wants::add(connection, *record)?;
                    }
                }
                log::forget_lost(connection)
            }
        }
    }

    /// Everything else is done: what is set aside is asked for once more, if that was not done lately.
    fn tries_again(&mut self) -> Result<bool, PhoneError> {
        let aside = self.phone.inner.store.read(wants::aside)?;
        let now_ms = self.phone.inner.clock.now_ms();
        let is_due = |aside: &wants::Aside| {
            self.must_compare || !(0..ASIDE_MS).contains(&now_ms.saturating_sub(aside.asked_ms))
        };
        let due: Vec<RecordId> = aside
            .iter()
            .filter(|aside| is_due(aside))
            .map(|aside| aside.record)
            .collect();
        Ok(self.said.try_again(due.into_iter()))
    }

    /// A page that is not signed by the key that this phone knows is refused. The next request of this session
    /// asks whether the key which signs follows that one.
    fn ask_for_keys(&mut self, refused: &PhoneError) {
        if matches!(
            refused,
            PhoneError::Protocol(ProtocolError::BadSignature { .. })
        ) {
            self.keys_to_ask = !self.said.asks_keys;
            self.said.asks_keys = true;
            self.more = true;
        }
    }

    /// Whether the answer that was refused just now is worth one more request, since the server's key may have
    /// changed. True once in a session.
    pub(super) fn may_follow_key(&mut self) -> bool {
        std::mem::take(&mut self.keys_to_ask)
    }

    /// Nothing of a page was taken, since some of its records cannot be read. They are set aside; the
    /// page is asked for again without them.
    fn set_aside(
        &mut self,
        records: &[Unsound],
        retry_after_ms: Option<u64>,
        now_ms: i64,
    ) -> Result<(), PhoneError> {
        let phone = self.phone.clone();
        phone.inner.store.write(|tx| {
            for unsound in records {
                wants::set_aside(tx, unsound.record, unsound.code, now_ms)?;
            }
            let hold = retry_after_ms.map(|wait_ms| phone.inner.new_hold(wait_ms, false));
            hold::keep(tx, hold)
        })?;
        phone.inner.signal.committed();
        for unsound in records {
            self.said.give_up(unsound.record);
        }
        self.more = true;
        self.report.rounds += 1;
        self.report.set_aside += records.len() as u64;
        self.report.retry_after_ms = retry_after_ms;
        Ok(())
    }

    fn end(&mut self) -> Result<Option<Vec<u8>>, PhoneError> {
        let unsent = self.phone.status()?.on_this_phone;
        let wanted = self.phone.inner.store.read(|c| wants::first(c, 1))?;
        self.report.complete = !self.more && unsent == 0 && wanted.is_empty();
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
        let phone = self.phone.clone();
        let inner = &phone.inner;
        let body = body_of(answer).map_err(of_sync);
        let body = body.inspect_err(|error| inner.keep_refusal(error))?;
        let answered_ms = inner.clock.now_ms().max(0);
        let opened = inner.open_page(&body, &asked);
        let mut page = match opened.inspect_err(|error| self.ask_for_keys(error))? {
            Opened::Sound(page) => page,
            Opened::Unsound {
                records,
                retry_after_ms,
            } => return self.set_aside(&records, retry_after_ms, answered_ms),
        };
        let deltas = std::mem::take(&mut page.deltas);
        let pulled_records = deltas.len() as u64;
        if mutated!(CursorBeforeCommit) {
            let position = page.page.statement.position;
            inner.store.write(|tx| meta::set_position(tx, position))?;
        }
        let (taken, is_repairing) = inner.store.write(|tx| {
            let taken = inner.take_page(tx, &page, deltas, &asked, answered_ms)?;
            self.take_repair(tx, &page, &asked, &taken)?;
            let is_repairing = meta::REPAIRING.get(tx)?.unwrap_or(false);
            let wait_ms = page.page.body.retry_after_ms;
            hold::keep(tx, wait_ms.map(|wait_ms| inner.new_hold(wait_ms, false)))?;
            Ok((taken, is_repairing))
        })?;
        inner.signal.committed();
        if let Err(error) = inner.let_go() {
            // What was taken is taken; the next sync or start tries it again.
            tracing::warn!(
                code = error.code(),
                "files that nobody holds were not removed"
            );
        }
        self.has_taken = true;
        self.more = page.page.body.more || is_repairing;
        for record in &taken.unopenable {
            self.said.give_up(*record);
        }
        self.report.set_aside += taken.unopenable.len() as u64;
        self.said.remember(&asked, self.more);
        self.said.leave_for_later(&taken.no_room);
        if taken.recalled_all {
            self.said.remember_recall();
        }
        self.report.rounds += 1;
        self.report.retry_after_ms = page.page.body.retry_after_ms;
        self.report.pulled_entries += page.entries.len() as u64;
        self.report.pulled_records += pulled_records;
        self.report.admitted += taken.admitted;
        self.report.refused += taken.refused;
        self.report.replayed += taken.replayed;
        self.report.needs_you += taken.needs_you;
        self.report.purged += taken.purged;
        self.report.returned += page.page.body.returned;
        Ok(())
    }

    /// Goes on with giving back and comparing.
    fn take_repair(
        &mut self,
        connection: &Connection,
        page: &CheckedPage,
        asked: &Asked,
        taken: &Taken,
    ) -> Result<(), PhoneError> {
        self.returning.answered();
        let begins_anew = page.page.body.lineage.is_some()
            && page.page.statement.position.epoch != asked.position.epoch;
        if begins_anew || taken.parted {
            self.returning = Returning::default();
        }
        if let Some(answer) = &page.page.body.reconcile
            && let Compared::Running(comparison) = &mut self.compared
        {
            if let Some(differing) = comparison.take(answer, &page.page.body.moved_on)? {
                repair::explain_difference(connection, &page.page.statement, &differing)?;
                self.report.differing = Some(differing.len() as u64);
                self.returning = Returning::differing(differing.clone());
                self.compared = Compared::Over(differing);
            }
            return Ok(());
        }
        if meta::REPAIRING.get(connection)?.unwrap_or(false) {
            // Whether both sides agree shows once everything was given back.
            return Ok(());
        }
        match (taken.agrees, &self.compared) {
            (Some(true), Compared::No) if !self.must_compare => log::forget_lost(connection),
            (Some(_), Compared::No) => {
                tracing::info!("comparing what is here with what should be");
                self.compared = Compared::Due;
                Ok(())
            }
            _ => Ok(()),
        }
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
