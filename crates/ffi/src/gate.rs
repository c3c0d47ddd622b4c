//! The way from the engine's threads into the app's code, which can be closed.
//!
//! Some runtimes end the threads that are inside them when they end themselves: Python does, and a thread of the
//! engine that is in a listener then takes the process down with it. So every call of what an app implements goes
//! through here, and an app's language layer closes it before its runtime ends.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::host::HostError;

/// How long the end of a runtime waits for a listener that does not come back.
const LONGEST: Duration = Duration::from_secs(5);

/// A door with a count of who is inside.
pub(crate) struct Gate {
    inside: Mutex<Inside>,
    left: Condvar,
}

struct Inside {
    count: u64,
    closed: bool,
}

/// One call, until it is dropped.
struct Visit<'a>(&'a Gate);

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.0.with(|inside| inside.count -= 1);
        self.0.left.notify_all();
    }
}

impl Gate {
    pub(crate) const fn new() -> Self {
        Self {
            inside: Mutex::new(Inside {
                count: 0,
                closed: false,
            }),
            left: Condvar::new(),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inside) -> T) -> T {
        act(&mut self.inside.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Calls the app; no lock is held while it runs.
    fn pass<T>(&self, call: impl FnOnce() -> Result<T, HostError>) -> Result<T, HostError> {
        let goes = self.with(|inside| {
            inside.count += u64::from(!inside.closed);
            !inside.closed
        });
        if !goes {
            return Err(HostError::Failed {
                code: "app_is_ending".to_owned(),
            });
        }
        let _visit = Visit(self);
        call()
    }

    /// Lets nobody in any more, and waits until everybody is out.
    fn close(&self, longest: Duration) {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.closed = true;
        // Whoever is still inside then does not come back; the runtime ends all the same.
        drop(
            self.left
                .wait_timeout_while(inside, longest, |inside| inside.count > 0),
        );
    }
}

static GATE: Gate = Gate::new();

/// Calls something that the app implements.
pub(crate) fn call_app<T>(call: impl FnOnce() -> Result<T, HostError>) -> Result<T, HostError> {
    GATE.pass(call)
}

/// For language layers whose runtime ends before the process does: after this the engine calls nothing that the app
/// implements, in this process, ever. Calls that run are waited for, at most five seconds. Not to be called from
/// one of them.
#[uniffi::export]
pub fn end_callbacks() {
    GATE.close(LONGEST);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn closing_waits_for_who_is_inside_and_lets_nobody_in_after() {
        let gate = Gate::new();
        let (say, said) = mpsc::channel();
        let (go, may_go) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let say_inside = say.clone();
            scope.spawn(|| {
                gate.pass(move || {
                    say_inside.send("inside").unwrap();
                    may_go.recv().unwrap();
                    say_inside.send("out").unwrap();
                    Ok(())
                })
            });
            assert_eq!(said.recv().unwrap(), "inside");
            scope.spawn(|| {
                gate.close(Duration::from_secs(60));
                say.send("closed").unwrap();
            });
            // The door closes at once, also while somebody is inside.
            while gate.pass(|| Ok(())).is_ok() {
                thread::yield_now();
            }
            go.send(()).unwrap();
            assert_eq!(
                [said.recv().unwrap(), said.recv().unwrap()],
                ["out", "closed"]
            );
        });
        let refused = gate.pass(|| -> Result<(), HostError> { panic!("it was let in") });
        assert!(matches!(refused, Err(HostError::Failed { .. })));
    }
}
