//! The long work that runs, so that shutting a phone down ends it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use gridlog_client_core::CancelFlag;

/// What runs. Clones are one.
#[derive(Clone, Default)]
pub(crate) struct Running(Arc<Mutex<Flags>>);

#[derive(Default)]
struct Flags {
    next: u64,
    by_number: BTreeMap<u64, CancelFlag>,
}

/// One work that runs, until this is dropped.
pub(crate) struct Work {
    running: Running,
    number: u64,
}

impl Running {
    /// Something begins that ends when its flag is set.
    pub(crate) fn begin(&self, cancel: CancelFlag) -> Work {
        let number = self.with(|flags| {
            flags.next += 1;
            flags.by_number.insert(flags.next, cancel);
            flags.next
        });
        Work {
            running: self.clone(),
            number,
        }
    }

    /// Asks all of it to end.
    pub(crate) fn cancel_all(&self) {
        let flags: Vec<CancelFlag> = self.with(|flags| flags.by_number.values().cloned().collect());
        for flag in flags {
            flag.cancel();
        }
    }

    /// Whether nothing runs.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.with(|flags| flags.by_number.is_empty())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Flags) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.running
            .with(|flags| flags.by_number.remove(&self.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_is_ended_and_what_has_ended_is_left_alone() {
        let running = Running::default();
        let (over, under_way) = (CancelFlag::new(), CancelFlag::new());
        drop(running.begin(over.clone()));
        let work = running.begin(under_way.clone());
        running.cancel_all();
        assert!(under_way.is_cancelled() && !over.is_cancelled());
        drop(work);
    }
}
