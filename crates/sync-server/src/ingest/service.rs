//! The sequencer's thread: rounds while there is something to decide, offices in between.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver as Channel, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gridlog_domain::environment::Clock;
use gridlog_domain::id::{AreaCode, PersonId, RecordId};
use gridlog_protocol::Digest;

use super::backlog::Backlog;
use super::day::{DayFigures, DayWish};
use super::delivery::{Delivery, FreshIds};
use super::epoch::Why;
use super::office::{OfficeError, OfficeWrite, OfficeWritten};
use super::published::Published;
use super::sequencer::{Round, Sequencer};
use super::take_back::GivenBack;
use super::take_in::TakenIn;
use crate::outside::Erasure;
use crate::store::OfficeDecision;

/// Most items that one round decides on.
const ROUND: usize = 256;
/// How often cases are looked for that have been over for long, unless that is a shorter time.
const BETWEEN_LOOKS: Duration = Duration::from_secs(60 * 60);
/// How soon, while there are more of them.
const BETWEEN_BATCHES: Duration = Duration::from_secs(1);
/// Most timers that are entered at once, so that nobody who pushes waits for them.
const TIMERS: usize = 64;
/// How long it sleeps at most while something is due later: the clock may be set meanwhile.
const LONGEST_SLEEP_MS: i64 = 60_000;
/// Most wishes that are carried out before the next round.
const WISHES: usize = 32;
/// Most cases that leave the phones at once, so that nobody waits for it.
const LEAVING: usize = 64;
/// How soon a round looks again for proposals whose old rulings may still come.
const FOR_OLD_RULINGS: Duration = Duration::from_secs(15);
/// How long to wait before trying again after the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

type Answer<T> = Sender<Result<T, OfficeError>>;

enum Wish {
    Decide,
    Write(OfficeWrite, Answer<OfficeWritten>),
    Clear(Digest, OfficeDecision, Answer<()>),
    Dismiss(Digest, OfficeDecision, Answer<()>),
    Relocate(RecordId, AreaCode, Answer<u64>),
    Erase(Erasure, Answer<Option<u64>>),
    TakeBack(Vec<GivenBack>, Answer<u64>),
    BeginEpoch((u64, u64), Answer<()>),
    Seal(PersonId, Answer<u64>),
    CloseDay(DayWish, DayFigures, Answer<u64>),
    ReopenDay(DayWish, String, Answer<u64>),
    TakeIn(Box<(Delivery, FreshIds)>, Answer<TakenIn>),
    Stop,
}

/// How far the thread is, for those who wake it and wait.
#[derive(Debug, Default)]
struct Progress {
    /// Whether the thread was woken and has not begun a round since. It is woken once however many
    /// devices push, so that offices do not wait behind a round for each of them.
    is_woken: AtomicBool,
    /// How many rounds were committed.
    rounds: Mutex<u64>,
    changed: Condvar,
}

impl Progress {
    fn rounds(&self) -> MutexGuard<'_, u64> {
        // A number is sound whatever panicked while it was held.
        self.rounds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A way to reach the sequencer's thread; cheap to copy.
#[derive(Debug, Clone)]
pub struct SequencerHandle {
    wishes: Sender<Wish>,
    progress: Arc<Progress>,
    backlog: Arc<Backlog>,
}

/// What the thread does by itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Upkeep {
    /// For how long a case has been over when it leaves the phones, in milliseconds; `None` if it
    /// never does.
    pub archive_after_ms: Option<i64>,
}

/// The running thread.
#[derive(Debug)]
pub struct SequencerService {
    handle: SequencerHandle,
    thread: JoinHandle<()>,
}

impl SequencerService {
    /// Starts the thread. It first decides on what an earlier run left undecided.
    ///
    /// `published` is called after commits that made something known, on that thread, so it must not
    /// block.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn start(
        sequencer: Sequencer,
        clock: Arc<dyn Clock>,
        upkeep: Upkeep,
        published: impl Fn(Published) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (wishes, channel) = channel();
        let progress = Arc::new(Progress::default());
        let backlog = Arc::new(Backlog::default());
        let handle = SequencerHandle {
            wishes,
            progress: Arc::clone(&progress),
            backlog: Arc::clone(&backlog),
        };
        let mut desk = Service {
            sequencer,
            clock,
            progress,
            backlog,
            published: Box::new(published),
            upkeep,
            next_look: Instant::now(),
        };
        let thread = std::thread::Builder::new()
            .name("sequencer".to_owned())
            .spawn(move || desk.run(&channel))?;
        Ok(Self { handle, thread })
    }

    /// A handle.
    pub fn handle(&self) -> SequencerHandle {
        self.handle.clone()
    }

    /// Ends the thread after the round it is in.
    pub fn stop(self) {
        // If the thread has ended already, there is nobody to tell and nothing to wait for.
        let _ = self.handle.wishes.send(Wish::Stop);
        let _ = self.thread.join();
    }
}

impl SequencerHandle {
    /// How far it is behind.
    pub fn backlog(&self) -> &Backlog {
        &self.backlog
    }

    /// Says that something was put into the inbox.
    pub fn wake(&self) {
        if !self.progress.is_woken.swap(true, Ordering::AcqRel) {
            // A stopped sequencer decides at the next start.
            let _ = self.wishes.send(Wish::Decide);
        }
    }

    /// Waits until `is_decided` says so, at most `limit`. It is asked now and after every round.
    ///
    /// # Errors
    /// What `is_decided` answers.
    pub fn wait_until<E>(
        &self,
        limit: Duration,
        mut is_decided: impl FnMut() -> Result<bool, E>,
    ) -> Result<(), E> {
        let started = Instant::now();
        loop {
            let round = *self.progress.rounds();
            let left = limit.saturating_sub(started.elapsed());
            if is_decided()? || left.is_zero() {
                return Ok(());
            }
            let rounds = self.progress.rounds();
            // Whether a round was committed or the time is over: the caller looks again.
            let _ = self
                .progress
                .changed
                .wait_timeout_while(rounds, left, |rounds| *rounds == round);
        }
    }

    /// Writes for an office.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn write(&self, wish: OfficeWrite) -> Result<OfficeWritten, OfficeError> {
        self.ask(|answer| Wish::Write(wish, answer))
    }

    /// Lets a reviewed item in.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn clear(&self, item: Digest, by: OfficeDecision) -> Result<(), OfficeError> {
        self.ask(|answer| Wish::Clear(item, by, answer))
    }

    /// Takes an item off the office's list.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn dismiss(&self, item: Digest, by: OfficeDecision) -> Result<(), OfficeError> {
        self.ask(|answer| Wish::Dismiss(item, by, answer))
    }

    /// Moves a record; see [`Sequencer::relocate`].
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn relocate(&self, record: RecordId, area: AreaCode) -> Result<u64, OfficeError> {
        self.ask(|answer| Wish::Relocate(record, area, answer))
    }

    /// Erases a record; see [`Sequencer::erase`].
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn erase(&self, erasure: Erasure) -> Result<Option<u64>, OfficeError> {
        self.ask(|answer| Wish::Erase(erasure, answer))
    }

    /// Takes back what the log lost; see [`Sequencer::take_back`].
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn take_back(&self, given: Vec<GivenBack>) -> Result<u64, OfficeError> {
        self.ask(|answer| Wish::TakeBack(given, answer))
    }

    /// Seals the log; see [`Sequencer::seal`].
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn seal(&self, by: PersonId) -> Result<u64, OfficeError> {
        self.ask(|answer| Wish::Seal(by, answer))
    }

    /// Closes a day; see [`Sequencer::close_day`].
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn close_day(&self, wish: DayWish, figures: DayFigures) -> Result<u64, OfficeError> {
        self.ask(|answer| Wish::CloseDay(wish, figures, answer))
    }

    /// Opens a closed day again; see [`Sequencer::reopen_day`].
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn reopen_day(&self, wish: DayWish, reason: String) -> Result<u64, OfficeError> {
        self.ask(|answer| Wish::ReopenDay(wish, reason, answer))
    }

    /// Takes a case in; see [`Sequencer::take_in`].
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn take_in(&self, delivery: Delivery, ids: FreshIds) -> Result<TakenIn, OfficeError> {
        self.ask(|answer| Wish::TakeIn(Box::new((delivery, ids)), answer))
    }

    /// Begins a new epoch where devices prove that the log was put back.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn begin_epoch(&self, current: u64, next: u64) -> Result<(), OfficeError> {
        self.ask(|answer| Wish::BeginEpoch((current, next), answer))
    }

    fn ask<T>(&self, wish: impl FnOnce(Answer<T>) -> Wish) -> Result<T, OfficeError> {
        let (answer, wait) = channel();
        self.wishes
            .send(wish(answer))
            .map_err(|_| OfficeError::Stopping)?;
        wait.recv().map_err(|_| OfficeError::Stopping)?
    }
}

struct Service {
    sequencer: Sequencer,
    clock: Arc<dyn Clock>,
    progress: Arc<Progress>,
    backlog: Arc<Backlog>,
    published: Box<dyn Fn(Published) + Send>,
    upkeep: Upkeep,
    next_look: Instant,
}

/// Runs what an office asked for. A fault there must not end the thread; nothing of it was committed.
fn contained<T>(work: impl FnOnce() -> Result<T, OfficeError>) -> Result<T, OfficeError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(OfficeError::Failed))
}

impl Service {
    fn run(&mut self, wishes: &Channel<Wish>) {
        let mut wait = self.decide();
        loop {
            let wish = match wait.into_iter().chain(self.until_look()).min() {
                Some(limit) => wishes.recv_timeout(limit),
                None => wishes.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match wish {
                Ok(wish) => {
                    if self.carry_out_waiting(wish, wishes).is_break() {
                        return;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.look_after();
            wait = self.decide();
        }
    }

    /// Carries out what offices wait for, before the next round. Breaks where the thread is to end.
    fn carry_out_waiting(&mut self, first: Wish, wishes: &Channel<Wish>) -> ControlFlow<()> {
        let waiting = wishes.try_iter().take(WISHES);
        for wish in std::iter::once(first).chain(waiting) {
            if matches!(wish, Wish::Stop) {
                return ControlFlow::Break(());
            }
            self.carry_out(wish);
        }
        ControlFlow::Continue(())
    }

    /// Does one thing. A request that went away has nobody to answer.
    fn carry_out(&mut self, wish: Wish) {
        let now = self.clock.now_ms();
        let sequencer = &mut self.sequencer;
        match wish {
            Wish::Stop | Wish::Decide => {}
            Wish::Write(wish, answer) => {
                let _ = answer.send(contained(|| sequencer.office_write(now, &wish)));
            }
            Wish::Clear(item, by, answer) => {
                let _ = answer.send(sequencer.clear(item, by));
            }
            Wish::Dismiss(item, by, answer) => {
                let _ = answer.send(sequencer.dismiss(item, by));
            }
            Wish::Relocate(record, area, answer) => {
                let _ = answer.send(contained(|| sequencer.relocate(now, record, &area)));
            }
            Wish::Erase(erasure, answer) => {
                let _ = answer.send(contained(|| sequencer.erase(&erasure)));
            }
            Wish::TakeBack(given, answer) => {
                let take = || Ok(sequencer.take_back(now, &given)?);
                let _ = answer.send(contained(take));
            }
            Wish::Seal(by, answer) => {
                let _ = answer.send(contained(|| Ok(sequencer.seal(now, &by)?)));
            }
            Wish::CloseDay(wish, figures, answer) => {
                let close = || sequencer.close_day(now, &wish, figures);
                let _ = answer.send(contained(close));
            }
            Wish::ReopenDay(wish, reason, answer) => {
                let reopen = || sequencer.reopen_day(now, &wish, &reason);
                let _ = answer.send(contained(reopen));
            }
            Wish::TakeIn(wish, answer) => {
                let (delivery, ids) = *wish;
                let _ = answer.send(contained(|| sequencer.take_in(now, &delivery, &ids)));
            }
            Wish::BeginEpoch(epochs, answer) => {
                let begun = sequencer.begin_epoch(now, epochs, Why::RolledBack);
                let _ = answer.send(begun.map_err(OfficeError::from));
            }
        }
    }

    /// How long until it looks for cases that have been over for long, if it does.
    fn until_look(&self) -> Option<Duration> {
        self.upkeep.archive_after_ms?;
        Some(self.next_look.saturating_duration_since(Instant::now()))
    }

    /// Lets cases leave the phones that have been over for long, some at a time.
    fn look_after(&mut self) {
        let Some(older_than_ms) = self.upkeep.archive_after_ms else {
            return;
        };
        if Instant::now() < self.next_look {
            return;
        }
        let now = self.clock.now_ms();
        let left = contained(|| Ok(self.sequencer.archive_closed(now, older_than_ms, LEAVING)?));
        let long = Duration::from_millis(older_than_ms.unsigned_abs());
        let between_looks = long.clamp(BETWEEN_BATCHES, BETWEEN_LOOKS);
        let pause = match left {
            Ok(LEAVING) => BETWEEN_BATCHES,
            Ok(_) => between_looks,
            Err(error) => {
                tracing::error!(%error, "no case left the phones; it will be tried again");
                between_looks
            }
        };
        self.next_look = Instant::now() + pause;
    }

    fn measure(&self, round: &Round, began_ms: i64) {
        if round.more {
            let took_ms = self.clock.now_ms().saturating_sub(began_ms);
            self.backlog.note(&round.waited, round.decided, took_ms);
        } else {
            self.backlog.clear();
        }
    }

    fn publish(&mut self) {
        if let Some(published) = self.sequencer.take_published() {
            (self.published)(published);
        }
    }

    /// Enters what the clock has done to cases. Returns after which time to look again, if at all.
    fn fire(&mut self) -> Option<Duration> {
        let now_ms = self.clock.now_ms();
        let fired = contained(|| Ok(self.sequencer.fire_timers(now_ms, TIMERS)?));
        self.publish();
        match fired {
            Ok(fired) if fired.more => Some(Duration::ZERO),
            Ok(fired) => {
                let left_ms = fired.next_due_ms?.saturating_sub(now_ms);
                let left_ms = left_ms.clamp(0, LONGEST_SLEEP_MS);
                Some(Duration::from_millis(left_ms.unsigned_abs()))
            }
            Err(error) => {
                tracing::error!(%error, "no timer was entered; it will be tried again");
                Some(AFTER_FAILURE)
            }
        }
    }

    /// One round. Returns after which time to look again by itself, if at all.
    fn decide(&mut self) -> Option<Duration> {
        self.progress.is_woken.store(false, Ordering::Release);
        let began_ms = self.clock.now_ms();
        let round = self.sequencer.round(began_ms, ROUND);
        self.publish();
        match round {
            Ok(round) => {
                let is_empty = !round.more;
                self.measure(&round, began_ms);
                *self.progress.rounds() += 1;
                self.progress.changed.notify_all();
                if !is_empty {
                    Some(Duration::ZERO)
                } else {
                    let waits = self.sequencer.waits_for_rulings();
                    let rulings = waits.then_some(FOR_OLD_RULINGS);
                    rulings.into_iter().chain(self.fire()).min()
                }
            }
            Err(error) => {
                tracing::error!(%error, "a round was not committed; it will be tried again");
                Some(AFTER_FAILURE)
            }
        }
    }
}
