//! The way from the engine's threads into the app's code, which can be closed.
//!
//! Some runtimes end the threads that are inside them when they end themselves: Python does, and a thread of the
//! engine that is in a listener then takes the process down with it. So everything that leads a thread of the
//! engine into the app goes through here: calling what the app implements, letting go of it, and saying that a
//! future is ready. An app's language layer closes the gate before its runtime ends.

use std::mem;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
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

    /// Goes in, unless the gate is closed. No lock is held while a visit lasts.
    fn enter(&self) -> Option<Visit<'_>> {
        self.with(|inside| {
            inside.count += u64::from(!inside.closed);
            !inside.closed
        })
        .then(|| Visit(self))
    }

    fn pass<T>(&self, call: impl FnOnce() -> Result<T, HostError>) -> Result<T, HostError> {
        let _visit = self.enter().ok_or_else(|| HostError::Failed {
            code: "app_is_ending".to_owned(),
        })?;
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

/// Calls something that the app implements, on a thread of its own.
pub(crate) fn call_app<T>(call: impl FnOnce() -> Result<T, HostError>) -> Result<T, HostError> {
    GATE.pass(call)
}

/// Tells the app something, if it still listens; else what was to be told is never dropped, since that could be
/// telling too.
pub(crate) fn tell_app<T>(tell: T, act: impl FnOnce(T)) {
    match GATE.enter() {
        Some(_visit) => act(tell),
        None => mem::forget(tell),
    }
}

/// Something that the app implements, held by the engine. The last one to let go of it runs the app's code that
/// takes it away, on whatever thread that is.
pub(crate) struct OfApp<T: ?Sized> {
    it: Arc<T>,
    /// After `it`, so that it is dropped after it.
    leaving: Option<Visit<'static>>,
}

impl<T: ?Sized> OfApp<T> {
    pub(crate) const fn new(it: Arc<T>) -> Self {
        Self { it, leaving: None }
    }

    pub(crate) fn call<R>(
        &self,
        call: impl FnOnce(&T) -> Result<R, HostError>,
    ) -> Result<R, HostError> {
        call_app(|| call(&self.it))
    }
}

impl<T: ?Sized> Clone for OfApp<T> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.it))
    }
}

impl<T: ?Sized> Drop for OfApp<T> {
    fn drop(&mut self) {
        self.leaving = GATE.enter();
        if self.leaving.is_none() {
            mem::forget(Arc::clone(&self.it));
        }
    }
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
