//! What every handler shares.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use gridlog_domain::environment::{Clock, Entropy};
use gridlog_domain::id::{DeviceId, PersonId};
use tokio::sync::Semaphore;

use super::error::ApiError;
use super::files::FileDoor;
use crate::config::Config;
use crate::directory::SharedDirectory;
use crate::exchange::{Exchange, Work};
use crate::fairness::{Allowances, Cores, UnderWay};
use crate::identity::{Passwords, Tokens};
use crate::ingest::{Published, Receiver, SequencerHandle};
use crate::live::Live;
use crate::outside::Outside;
use crate::seals::SealSigner;
use crate::store::Store;

/// How long somebody is sent away for whom there is no place, in milliseconds: spread, so that not all
/// come back at once.
const NO_PLACE_MS: (u64, u64) = (1_000, 5_000);

/// Wrong passwords within a minute after which a person has to wait.
const ATTEMPTS: u32 = 10;
/// Most passwords that wait to be checked. They are checked one after the other: a check is slow on
/// purpose, and whoever tries many names must not take the processor from those who sync.
pub(crate) const PASSWORDS_WAITING: usize = 16;

/// Gives out random sources.
pub(crate) type EntropySource = Box<dyn Fn() -> Box<dyn Entropy> + Send + Sync>;

/// Takes a request up only if there is a place for it, before anything of its body is read.
pub(super) async fn one_of_many(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let _place = app.places.try_acquire().map_err(|_| app.busy())?;
    Ok(next.run(request).await)
}

/// The server's parts, shared by every request; cheap to copy.
#[derive(Clone)]
pub struct App(Arc<Parts>);

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("App")
    }
}

/// The parts.
pub struct Parts {
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) outside: Arc<dyn Outside>,
    pub(crate) directory: SharedDirectory,
    pub(crate) receiver: Receiver,
    pub(crate) sequencer: SequencerHandle,
    pub(crate) exchange: Exchange,
    pub(crate) seals: SealSigner,
    pub(crate) tokens: Tokens,
    pub(crate) passwords: Mutex<Passwords>,
    pub(crate) passwords_waiting: Semaphore,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: EntropySource,
    pub(crate) places: Arc<Semaphore>,
    /// Threads for blocking work. Work that began goes on when its asker hangs up, so it is counted
    /// apart from the places.
    pub(crate) threads: Arc<Semaphore>,
    pub(crate) attempts: Mutex<HashMap<PersonId, (i64, u32)>>,
    pub(crate) live: Live,
    pub(crate) under_way: UnderWay,
    pub(crate) cores: Cores,
    pub(crate) allowances: Allowances,
    pub(crate) file_door: FileDoor,
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// A random source of the caller's own, so that nobody waits for another's slow work with one.
    pub(crate) fn entropy(&self) -> Box<dyn Entropy> {
        (self.entropy)()
    }

    /// A number from the first to the second, as likely as any other.
    pub(crate) fn random_between(&self, (from, to): (u64, u64)) -> u64 {
        let mut random = [0; 8];
        self.entropy().fill(&mut random);
        from + u64::from_be_bytes(random) % (to - from + 1)
    }

    /// Lets a device ask for something that costs at least `work`, and counts that.
    ///
    /// # Errors
    /// [`ApiError::SlowDown`] if it has asked for more than its share.
    pub(crate) fn let_ask(&self, device: DeviceId, work: Work) -> Result<(), ApiError> {
        let now_ms = self.now_ms();
        let allowed = self.allowances.check(device, now_ms);
        allowed.map_err(|wait_ms| ApiError::SlowDown { wait_ms })?;
        self.allowances.charge(device, work, now_ms);
        Ok(())
    }

    /// Takes up what was just stored of people, areas or reference data, and tells those who listen.
    ///
    /// # Errors
    /// [`ApiError`]; then it counts from the server's next start on.
    pub(crate) fn directory_changed(&self) -> Result<(), ApiError> {
        self.directory.refresh(&*self.store)?;
        let head = self.store.head()?;
        self.live.publish(Published::directory_changed(head));
        // Deadlines may be other ones by now.
        self.sequencer.wake();
        Ok(())
    }

    /// There is no place now.
    pub(crate) fn busy(&self) -> ApiError {
        ApiError::Busy {
            wait_ms: self.random_between(NO_PLACE_MS),
        }
    }

    /// Runs blocking work on a thread of its own.
    ///
    /// # Errors
    /// What the work says.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let app = self.clone();
        let span = tracing::Span::current();
        let threads = Arc::clone(&self.threads);
        let thread = threads
            .acquire_owned()
            .await
            .map_err(|_| ApiError::Internal)?;
        let task = tokio::task::spawn_blocking(move || {
            let _thread = thread;
            span.in_scope(|| work(&app))
        });
        task.await.map_err(|_| ApiError::Internal)?
    }

    /// The same on a core of its own, for work that seldom waits for anything.
    ///
    /// # Errors
    /// What the work says.
    pub(crate) async fn work_on_a_core<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let core = self.cores.wait_for_one().await;
        self.work(move |app| {
            let _core = core;
            work(app)
        })
        .await
    }

    /// Whether the password fits; see [`Passwords::verify`].
    ///
    /// # Errors
    /// [`ApiError::Busy`] if too many are waiting to be checked.
    pub(crate) fn verify_password(
        &self,
        password: &str,
        stored: Option<&str>,
    ) -> Result<bool, ApiError> {
        let _waiting = self
            .passwords_waiting
            .try_acquire()
            .map_err(|_| self.busy())?;
        // It holds nothing that a panic could leave half done.
        let passwords = self
            .passwords
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Ok(passwords.verify(password, stored))
    }

    /// Counts an attempt to sign in.
    ///
    /// # Errors
    /// [`ApiError::TooManyAttempts`] after too many within a minute.
    pub(crate) fn count_attempt(&self, person: &PersonId) -> Result<(), ApiError> {
        let now = self.now_ms();
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.retain(|_, (since, _)| now.saturating_sub(*since) < 60_000);
        let (_, count) = attempts.entry(person.clone()).or_insert((now, 0));
        *count += 1;
        if *count > ATTEMPTS {
            Err(ApiError::TooManyAttempts)
        } else {
            Ok(())
        }
    }

    /// Forgets the attempts of somebody who knew the password.
    pub(crate) fn forget_attempts(&self, person: &PersonId) {
        self.attempts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(person);
    }
}
