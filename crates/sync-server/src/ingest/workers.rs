//! Several threads for pieces of work that do not depend on each other.
//!
//! The sequencer decides alone, one change after the other. What goes before a decision can be done by
//! others: judging a change is a function of its record and its bytes, whoever computes it and when. Where the
//! threads come from is not the sequencer's to know. Without any, all is done on its own ([`Alone`]); a test
//! and the simulator play the very same decisions with that.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, available_parallelism, scope};

/// A piece of work.
pub type Job<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Whoever does pieces of work.
pub trait Workers: Send + Sync + 'static {
    /// Does all of them, in any order, and returns when they are done. None of them panics.
    fn run(&self, jobs: Vec<Job<'_>>);
}

/// Does one after the other on the thread that asks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Workers for Alone {
    fn run(&self, jobs: Vec<Job<'_>>) {
        jobs.into_iter().for_each(|job| job());
    }
}

/// The thread that asks, and others beside it.
#[derive(Debug, Clone, Copy)]
pub struct Threads {
    beside: usize,
}

impl Threads {
    /// So many threads beside the one that asks.
    pub const fn beside(beside: usize) -> Self {
        Self { beside }
    }
}

impl Default for Threads {
    /// One for each core beyond two: of two cores one decides, and the other answers those who wait for it. Judging
    /// on both took more time of theirs and was not through any sooner.
    fn default() -> Self {
        Self::beside(available_parallelism().map_or(0, |cores| cores.get().saturating_sub(2)))
    }
}

impl Workers for Threads {
    fn run(&self, jobs: Vec<Job<'_>>) {
        let helpers = self.beside.min(jobs.len().saturating_sub(1));
        let jobs = Mutex::new(jobs.into_iter());
        let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || std::iter::from_fn(next).for_each(|job| job());
        scope(|threads| {
            for _ in 0..helpers {
                let helper = Builder::new().name("rehearsal".to_owned());
                // Where the system refuses a thread, those that are there do its part.
                let _ = helper.spawn_scoped(threads, work);
            }
            work();
        });
    }
}

/// What `work` makes of each input, in their order; `None` where it panicked.
pub(super) fn each<T: Send, R: Send>(
    workers: &dyn Workers,
    inputs: Vec<T>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<Option<R>> {
    let mut made: Vec<Option<R>> = inputs.iter().map(|_| None).collect();
    let work = &work;
    let jobs = inputs.into_iter().zip(&mut made).map(|(input, place)| {
        let job = move || *place = catch_unwind(AssertUnwindSafe(|| work(input))).ok();
        Box::new(job) as Job<'_>
    });
    workers.run(jobs.collect());
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_is_in_order_whoever_did_it_and_a_panic_costs_nobody_else() {
        gridlog_merge_guard::quiet_panics();
        let work = |n: u32| {
            assert_ne!(n, 13, "this one breaks down");
            n * n
        };
        let expected: Vec<Option<u32>> = (0..100).map(|n| (n != 13).then_some(n * n)).collect();
        let inputs = || (0..100).collect();
        assert_eq!(each(&Alone, inputs(), work), expected);
        for beside in [0, 1, 3, 200] {
            assert_eq!(each(&Threads::beside(beside), inputs(), work), expected);
        }
    }
}
