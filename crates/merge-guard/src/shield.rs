//! Catching panics of Automerge without leaking what they say.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::refusal::Refusal;

thread_local! {
    static SHIELDED: Cell<bool> = const { Cell::new(false) };
}

/// Marks the thread as shielded until dropped, also while unwinding.
struct Mark {
    before: bool,
}

impl Mark {
    fn set() -> Self {
        Self {
            before: SHIELDED.replace(true),
        }
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        SHIELDED.set(self.before);
    }
}

/// Runs `work`, turning a panic into [`Refusal::AutomergePanicked`] of `stage`.
///
/// `AssertUnwindSafe` holds because callers give `work` only values that nobody looks at after a
/// panic: a scratch copy of the document, dropped with the closure, and shared references to a
/// document that Automerge cannot change behind them (it has no interior mutability).
pub(crate) fn shielded<T>(stage: &'static str, work: impl FnOnce() -> T) -> Result<T, Refusal> {
    let mark = Mark::set();
    let result = catch_unwind(AssertUnwindSafe(work));
    drop(mark);
    result.map_err(|_| Refusal::AutomergePanicked { stage })
}

/// Silences the panic hook for panics that this crate catches; others reach the hook that was
/// installed before. Call once when a program starts; calling again does nothing.
///
/// The default hook prints a panic's message, and a panic inside Automerge can quote what a
/// record says, which logs never carry (DESIGN section 9). The hook is process-wide state, so
/// the program decides and [`admit`](crate::admit) never touches it.
pub fn quiet_panics() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !SHIELDED.get() {
                previous(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::{SHIELDED, quiet_panics, shielded};

    #[test]
    fn a_panic_becomes_a_refusal_and_leaves_the_thread_unmarked() {
        quiet_panics();
        let caught = shielded("apply", || panic!("a resident's name"));
        let refusal = caught.expect_err("the work panicked");
        assert_eq!(refusal.code(), "automerge_panicked");
        assert!(!refusal.to_string().contains("resident"));
        assert!(!SHIELDED.get());
    }
}
