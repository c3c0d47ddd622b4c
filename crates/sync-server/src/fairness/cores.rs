//! How many requests are worked on at the same moment.
//!
//! Far more requests are under way than there are cores, and nearly all of them wait: for the disk, for
//! rulings. What a request takes while it is read and answered (a decoded body, a page, the tables
//! of a compressor) is some megabytes. A round of the sequencer wakes everybody who waits for it, and if all of
//! them then worked at once, all of that would be there once for each. So a request takes a core while it works
//! and gives it back while it waits.

use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many requests share a core: one of them may be waiting for a page of the database.
const FOR_EACH: usize = 2;

/// Gives cores to requests, in the order in which they ask. Clones share the same cores.
#[derive(Debug, Clone)]
pub struct Cores(Arc<Semaphore>);

/// The right to work. Dropping it ends it.
#[derive(Debug)]
pub struct Core {
    of: Cores,
    permit: Option<OwnedSemaphorePermit>,
}

impl Default for Cores {
    /// As many as this machine has.
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self::new(cores * FOR_EACH)
    }
}

impl Cores {
    /// Lets so many requests work at once.
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count)))
    }

    /// Waits for a core, on a thread for blocking work of a tokio runtime.
    pub fn take(&self) -> Core {
        Core {
            permit: self.permit(),
            of: self.clone(),
        }
    }

    /// Waits for a core without a thread, for work that gets one afterwards.
    pub async fn wait_for_one(&self) -> Core {
        Core {
            permit: Arc::clone(&self.0).acquire_owned().await.ok(),
            of: self.clone(),
        }
    }

    /// A permit; `None` only if the semaphore were closed, which nobody does.
    fn permit(&self) -> Option<OwnedSemaphorePermit> {
        let asked = Arc::clone(&self.0).acquire_owned();
        Handle::current().block_on(asked).ok()
    }
}

impl Core {
    /// Lets others work while this one waits for something.
    pub fn lend<T>(&mut self, wait: impl FnOnce() -> T) -> T {
        self.permit = None;
        let came = wait();
        self.permit = self.of.permit();
        came
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Runs the work on so many threads at once, as requests do.
    fn at_once(requests: usize, work: impl Fn() + Send + Sync + Clone + 'static) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        runtime.block_on(async {
            let tasks: Vec<_> = (0..requests)
                .map(|_| tokio::task::spawn_blocking(work.clone()))
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
    }

    #[test]
    fn no_more_requests_work_at_once_than_there_are_cores() {
        let cores = Cores::new(3);
        let (working, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let seen = Arc::clone(&most);
        at_once(40, move || {
            let _core = cores.take();
            seen.fetch_max(working.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::yield_now();
            working.fetch_sub(1, Ordering::SeqCst);
        });
        assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
    }

    #[test]
    fn a_request_that_waits_leaves_its_core_to_others_and_has_it_again_afterwards() {
        at_once(1, || {
            let cores = Cores::new(1);
            let free = || cores.0.available_permits();
            let mut core = cores.take();
            assert_eq!(free(), 0);
            assert_eq!(core.lend(free), 1);
            assert_eq!(free(), 0);
            drop(core);
            assert_eq!(free(), 1);
        });
    }
}
