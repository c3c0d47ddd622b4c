//! What every handler shares.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use gridlog_domain::environment::{Clock, Entropy};
use gridlog_domain::id::{DeviceId, PersonId};
use tokio::sync::Semaphore;

use super::error::ApiError;
use crate::config::Config;
use crate::directory::SharedDirectory;
use crate::exchange::{Exchange, Work};
use crate::fairness::{Allowances, UnderWay};
use crate::identity::{Passwords, Tokens};
use crate::ingest::{Receiver, SequencerHandle};
use crate::live::Live;
use crate::outside::Outside;
use crate::store::Store;

/// How long somebody is sent away for whom there is no place, in milliseconds: spread, so that not all
/// come back at once.
const NO_PLACE_MS: (u64, u64) = (1_000, 5_000);

/// Wrong passwords within a minute after which a person has to wait.
const ATTEMPTS: u32 = 10;

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
    pub(crate) tokens: Tokens,
    pub(crate) passwords: Passwords,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Mutex<Box<dyn Entropy>>,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) attempts: Mutex<HashMap<PersonId, (i64, u32)>>,
    pub(crate) live: Live,
    pub(crate) under_way: UnderWay,
    pub(crate) allowances: Allowances,
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

    pub(crate) fn entropy(&self) -> MutexGuard<'_, Box<dyn Entropy>> {
        // A random source is sound whatever panicked while it was held.
        self.entropy.lock().unwrap_or_else(PoisonError::into_inner)
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
        let task = tokio::task::spawn_blocking(move || span.in_scope(|| work(&app)));
        task.await.map_err(|_| ApiError::Internal)?
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
