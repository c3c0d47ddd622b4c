//! What the server asked for, kept in the store: it holds after a restart and for other processes.

use rusqlite::Connection;

use crate::error::PhoneError;
use crate::pace::Hold;
use crate::phone::{Inner, Phone};
use crate::store::meta;

/// What the server asked for last. What does not read back holds nobody.
fn read(connection: &Connection) -> Result<Option<Hold>, PhoneError> {
    let stored = meta::HOLD.get(connection)?;
    Ok(stored.and_then(|json| serde_json::from_str(&json).ok()))
}

/// Keeps what the server asks for now.
pub(super) fn keep(connection: &Connection, hold: Option<Hold>) -> Result<(), PhoneError> {
    let json = hold.and_then(|hold| serde_json::to_string(&hold).ok());
    match json {
        Some(json) => meta::HOLD.set(connection, json),
        None if meta::HOLD.get(connection)?.is_some() => meta::HOLD.clear(connection),
        None => Ok(()),
    }
}

impl Inner {
    /// Until when the server wants to be left alone, device time, and for how long that still is; `None` if
    /// it may be asked now.
    pub(crate) fn held(&self, connection: &Connection) -> Result<Option<(i64, u64)>, PhoneError> {
        let now_ms = self.clock.now_ms();
        let hold = read(connection)?;
        let held = hold.map(|hold| (hold.not_before_ms, hold.left_ms(now_ms)));
        Ok(held.filter(|(_, left_ms)| *left_ms > 0))
    }

    /// Refuses to ask while the server wants to be left alone, whoever wants to know.
    pub(crate) fn mind_hold(&self, connection: &Connection) -> Result<(), PhoneError> {
        match self.held(connection)? {
            None => Ok(()),
            Some((until_ms, retry_after_ms)) => Err(PhoneError::AskedToWait {
                until_ms,
                retry_after_ms,
            }),
        }
    }

    /// Keeps it if the server refused because it has no time.
    pub(crate) fn keep_refusal(&self, refusal: &PhoneError) {
        let PhoneError::Busy { retry_after_ms, .. } = refusal else {
            return;
        };
        let hold = self.new_hold(*retry_after_ms, true);
        let kept = self.store.write(|tx| keep(tx, Some(hold)));
        if let Err(error) = kept {
            // The phone syncs too early then, and is told once more.
            tracing::warn!(
                code = error.code(),
                "what the server asked for was not kept"
            );
        }
    }

    /// The server wants to be left alone for `wait_ms`.
    pub(super) fn new_hold(&self, wait_ms: u64, refused: bool) -> Hold {
        Hold::asked(self.clock.now_ms(), wait_ms, refused, self.random_number())
    }
}

impl Phone {
    /// What the server asked for last, over or not; `None` if it asked for nothing since.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn hold(&self) -> Result<Option<Hold>, PhoneError> {
        self.inner.store.read(read)
    }
}
