//! Watching a list.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gridlog_client_core::{Query, RecordRow};

use crate::error::GridlogError;
use crate::gate::OfApp;
use crate::guard::guarded;
use crate::host::HostError;
use crate::phone::GridlogPhone;

/// A watched list as it is now.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ListUpdate {
    /// 1 for the snapshot that a watch begins with, then counting up.
    pub number: u64,
    /// The rows of the query, all of them.
    pub rows: Vec<RecordRow>,
}

/// How long a watch waits after a call before the next: a screen that is drawn ten times a second is live
/// enough, and a sync that stores a page of records draws it a few times instead of hundreds.
const BETWEEN_UPDATES: Duration = Duration::from_millis(100);

/// What a watch calls.
#[uniffi::export(with_foreign)]
pub trait RowsListener: Send + Sync {
    /// The list, at once and after every commit that changed it, on a thread that belongs to the
    /// watch. At most ten calls a second: several commits between two calls become one.
    ///
    /// # Errors
    /// Whatever it throws is logged, as its code alone, and nothing else: the commit that it was
    /// called for stands, and it is called again after the next.
    fn on_rows(&self, update: ListUpdate) -> Result<(), HostError>;
}

/// A running watch. It ends when it is stopped, or let go of.
#[derive(uniffi::Object)]
pub struct Subscription {
    running: Mutex<Option<gridlog_client_core::Subscription>>,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}

#[uniffi::export]
impl Subscription {
    /// Ends the watch: no call begins after this, one that is running ends by itself. It may be
    /// called from the listener, and again.
    pub fn stop(&self) {
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(running);
    }
}

#[uniffi::export]
impl GridlogPhone {
    /// Calls `listener` with the rows of `query`: at once, and after every commit that changed
    /// them.
    ///
    /// # Errors
    /// [`GridlogError::TryLater`] with `no_thread`.
    pub fn watch(
        &self,
        query: Query,
        listener: Arc<dyn RowsListener>,
    ) -> Result<Arc<Subscription>, GridlogError> {
        let updates = AtomicU64::new(0);
        let listener = OfApp::new(listener);
        let call = move |rows: Vec<RecordRow>| {
            let number = updates.fetch_add(1, Ordering::Relaxed) + 1;
            // A panic on this side shall not end the watch either.
            let told = guarded(|| {
                Ok(listener.call(|listener| listener.on_rows(ListUpdate { number, rows })))
            });
            match told {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, number, "a listener threw"),
                Err(error) => tracing::error!(%error, number, "a listener was not called"),
            }
            // On the watch's own thread, which holds no lock.
            std::thread::sleep(BETWEEN_UPDATES);
        };
        let running = self.ask(|phone| phone.watch(query, Arc::new(call)))?;
        Ok(Arc::new(Subscription {
            running: Mutex::new(Some(running)),
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::phone::tests::open;

    struct Screen(Mutex<mpsc::Sender<ListUpdate>>);

    impl RowsListener for Screen {
        fn on_rows(&self, update: ListUpdate) -> Result<(), HostError> {
            self.0.lock().unwrap().send(update).unwrap();
            Err(HostError::Threw)
        }
    }

    #[test]
    fn a_watch_begins_with_a_snapshot_and_stops_when_told() {
        let folder = tempfile::tempdir().unwrap();
        let phone = open(folder.path(), Arc::default());
        let (tell, told) = mpsc::channel();
        let screen = Arc::new(Screen(Mutex::new(tell)));
        let watch = phone.watch(Query::default(), screen).unwrap();
        let first = told.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!((first.number, first.rows.len()), (1, 0));
        watch.stop();
        watch.stop();
        // The thread lets go of the listener, and with it of the channel.
        let ended = told.recv_timeout(Duration::from_secs(10));
        assert_eq!(ended, Err(mpsc::RecvTimeoutError::Disconnected));
    }
}
