//! Panics end here: as errors that say nothing of what a record holds.
//!
//! UniFFI catches panics too, but hands their text to the app as an exception of another type; and
//! a panic's text may quote what somebody wrote. After a panic the engine is whole: a transaction
//! rolls back when it is dropped, and the engine's locks hold nothing half-done.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::error::GridlogError;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Restores the mark even if something unwinds through.
struct Marked(bool);

impl Drop for Marked {
    fn drop(&mut self) {
        GUARDED.set(self.0);
    }
}

/// Runs `work`; a panic inside becomes [`GridlogError::Internal`].
pub(crate) fn guarded<T>(
    work: impl FnOnce() -> Result<T, GridlogError>,
) -> Result<T, GridlogError> {
    quiet_panics();
    let _mark = Marked(GUARDED.replace(true));
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(GridlogError::panicked()))
}

/// Makes a panic under guard log its place in the code and nothing else. Panics elsewhere are
/// reported as ever.
fn quiet_panics() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if GUARDED.get() {
                let place = info.location().map(ToString::to_string).unwrap_or_default();
                tracing::error!(place, "a mistake in Gridlog: something panicked");
            } else {
                previous(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_that_does_not_quote_it() {
        let caught = guarded(|| -> Result<(), GridlogError> { panic!("a resident's name") });
        let error = caught.unwrap_err();
        assert_eq!(error.code(), "panicked");
        assert!(!format!("{error:?}").contains("resident"));
        assert!(!GUARDED.get());
    }
}
