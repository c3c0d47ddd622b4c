//! What the server does while hardly anybody asks anything of it: snapshots.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::snapshotter::Snapshotter;

/// Most snapshots in a second.
const EACH_SECOND: usize = 16;
const SECOND: Duration = Duration::from_secs(1);
/// How long to pause when there is nothing to do.
const PAUSE: Duration = Duration::from_secs(30);

/// The thread that works while the server is idle.
#[derive(Debug)]
pub(crate) struct IdleThread {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl IdleThread {
    /// Starts it. The server is idle while at least nine tenths of its `places`, `count` of them, are
    /// free: with many phones somebody always asks something.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub(crate) fn start(
        mut snapshotter: Snapshotter,
        places: Arc<Semaphore>,
        count: usize,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = channel::<()>();
        let work = move || {
            let mut pause = SECOND;
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let is_idle = places.available_permits() >= count - count / 10;
                pause = match is_idle.then(|| snapshotter.run(EACH_SECOND)) {
                    None | Some(Ok(EACH_SECOND)) => SECOND,
                    Some(Ok(_)) => PAUSE,
                    Some(Err(error)) => {
                        tracing::error!(%error, "no snapshots were made; it will be tried again");
                        PAUSE
                    }
                };
            }
        };
        let thread = std::thread::Builder::new()
            .name("idle".to_owned())
            .spawn(work)?;
        Ok(Self { stop, thread })
    }

    /// Ends it after what it is doing.
    pub(crate) fn stop(self) {
        // A thread that ended already is ended.
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}
