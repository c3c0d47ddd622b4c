//! The sequencer's thread: rounds while there is something to decide, offices in between.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver as Channel, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gridlog_domain::environment::Clock;
use gridlog_protocol::Digest;

use super::epoch::Why;
use super::office::{OfficeError, OfficeWrite, OfficeWritten};
use super::sequencer::Sequencer;
use super::take_back::GivenBack;
use crate::store::OfficeDecision;

/// Most items that one round decides on.
const ROUND: usize = 256;
/// How long to wait before trying again after the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

type Answer<T> = Sender<Result<T, OfficeError>>;

enum Wish {
    Decide,
    Write(OfficeWrite, Answer<OfficeWritten>),
    Clear(Digest, OfficeDecision, Answer<()>),
    Dismiss(Digest, OfficeDecision, Answer<()>),
    TakeBack(Vec<GivenBack>, Answer<u64>),
    BeginEpoch((u64, u64), Answer<()>),
    Stop,
}

/// Which calls of [`SequencerHandle::wake`] have been answered by a round that began after them
/// and left nothing undecided.
#[derive(Debug, Default)]
struct Progress {
    tickets: AtomicU64,
    done: Mutex<Done>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Done {
    /// The last ticket that was drawn before a round that left nothing undecided.
    ticket: u64,
    /// How many rounds were committed.
    rounds: u64,
}

impl Progress {
    fn done(&self) -> MutexGuard<'_, Done> {
        // A number is sound whatever panicked while it was held.
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A way to reach the sequencer's thread; cheap to copy.
#[derive(Debug, Clone)]
pub struct SequencerHandle {
    wishes: Sender<Wish>,
    progress: Arc<Progress>,
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
    /// `published` is called with the log's head after every commit.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn start(
        sequencer: Sequencer,
        clock: Arc<dyn Clock>,
        published: impl Fn(u64) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (wishes, channel) = channel();
        let progress = Arc::new(Progress::default());
        let handle = SequencerHandle {
            wishes,
            progress: Arc::clone(&progress),
        };
        let mut desk = Service {
            sequencer,
            clock,
            progress,
            published: Box::new(published),
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
    /// Says that something was put into the inbox.
    pub fn wake(&self) {
        self.progress.tickets.fetch_add(1, Ordering::AcqRel);
        // A stopped sequencer decides at the next start.
        let _ = self.wishes.send(Wish::Decide);
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
            let round = self.progress.done().rounds;
            let left = limit.saturating_sub(started.elapsed());
            if is_decided()? || left.is_zero() {
                return Ok(());
            }
            let done = self.progress.done();
            // Whether a round was committed or the time is over: the caller looks again.
            let _ = self
                .progress
                .changed
                .wait_timeout_while(done, left, |done| done.rounds == round);
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

    /// Takes back what the log lost; see [`Sequencer::take_back`].
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn take_back(&self, given: Vec<GivenBack>) -> Result<u64, OfficeError> {
        self.ask(|answer| Wish::TakeBack(given, answer))
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
    published: Box<dyn Fn(u64) + Send>,
}

impl Service {
    fn run(&mut self, wishes: &Channel<Wish>) {
        let mut wait = self.decide();
        loop {
            let wish = match wait {
                Some(limit) => wishes.recv_timeout(limit),
                None => wishes.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match wish {
                Ok(Wish::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Wish::Decide) if self.is_up_to_date() => continue,
                Ok(Wish::Decide) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Wish::Write(wish, answer)) => {
                    let now = self.clock.now_ms();
                    // A request that went away has nobody to answer.
                    let write = AssertUnwindSafe(|| self.sequencer.office_write(now, &wish));
                    // A fault there must not end this thread; nothing of the write was committed.
                    let written = catch_unwind(write).unwrap_or(Err(OfficeError::Failed));
                    let _ = answer.send(written);
                }
                Ok(Wish::Clear(item, by, answer)) => {
                    let _ = answer.send(self.sequencer.clear(item, by));
                }
                Ok(Wish::Dismiss(item, by, answer)) => {
                    let _ = answer.send(self.sequencer.dismiss(item, by));
                }
                Ok(Wish::TakeBack(given, answer)) => {
                    let now = self.clock.now_ms();
                    let take = AssertUnwindSafe(|| self.sequencer.take_back(now, &given));
                    let taken =
                        catch_unwind(take).map_or(Err(OfficeError::Failed), |taken| Ok(taken?));
                    let _ = answer.send(taken);
                }
                Ok(Wish::BeginEpoch(epochs, answer)) => {
                    let now = self.clock.now_ms();
                    let begun = self.sequencer.begin_epoch(now, epochs, Why::RolledBack);
                    let _ = answer.send(begun.map_err(OfficeError::from));
                }
            }
            wait = self.decide();
        }
    }

    /// Many wake-ups in a row need one round.
    fn is_up_to_date(&self) -> bool {
        self.progress.done().ticket >= self.progress.tickets.load(Ordering::Acquire)
    }

    /// One round. Returns after which time to look again by itself, if at all.
    fn decide(&mut self) -> Option<Duration> {
        let ticket = self.progress.tickets.load(Ordering::Acquire);
        match self.sequencer.round(self.clock.now_ms(), ROUND) {
            Ok(round) => {
                (self.published)(round.head);
                let is_empty = round.decided < ROUND;
                let mut done = self.progress.done();
                done.rounds += 1;
                if is_empty {
                    done.ticket = ticket;
                }
                self.progress.changed.notify_all();
                (!is_empty).then_some(Duration::ZERO)
            }
            Err(error) => {
                tracing::error!(%error, "a round was not committed; it will be tried again");
                Some(AFTER_FAILURE)
            }
        }
    }
}
