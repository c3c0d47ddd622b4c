//! The phone's engine for Kotlin, Swift and Python.
//!
//! This crate has no logic of its own: it hands [`gridlog_client_core::Phone`] across the border of
//! languages by UniFFI. What it adds is what a border needs:
//!
//! - **Types** of the engine cross as they are ([`words`], [`records`]); a type that the engine
//!   changes does not compile here until the surface says what apps shall see of it.
//! - **Errors** ([`GridlogError`]) have few variants, one for each thing that an app can do about
//!   it, and a stable code, a Chinese and an English text in every one of them.
//! - **Panics** become errors, say nothing of what a record holds, and leave the store usable.
//! - **Long work** ([`GridlogPhone::enrol`], [`GridlogPhone::sync`]) is async, needs no runtime,
//!   ends when it is dropped, and has an explicit [`SyncCancel`], as not every language tells Rust when a
//!   task is cancelled. Everything else is short and
//!   blocks until it is committed.
//! - **What only the app can do** comes in by traits that apps implement ([`host`]): the key of the
//!   store, the marker that backups do not reach, the log; [`connectivity`]: whether there is a network.
//!
//! ## How it grows without breaking apps
//!
//! Arguments that may become more are records whose later fields have defaults; a listener gets one
//! record, so that a later version can say more in it; error codes may become more, variants may
//! not. [`surface_refusal`] keeps an app whose bindings come from another build out, before anything else is called.

#[cfg(not(panic = "unwind"))]
compile_error!("gridlog-ffi turns panics into errors: every profile needs panic = \"unwind\"");

const _: () = assert!(
    !gridlog_client_core::IS_FAULTY_ON_PURPOSE,
    "an app must not be built with deliberate bugs"
);

#[cfg(test)]
mod codes;
pub mod connectivity;
pub mod decisions;
pub mod drafts;
pub mod error;
pub mod files;
mod gate;
mod guard;
pub mod host;
mod log;
mod long_work;
pub mod phone;
pub mod proposals;
pub mod reading;
pub mod records;
mod running;
pub mod sync;
pub mod version;
pub mod watch;
pub mod words;

pub use connectivity::Connectivity;
pub use drafts::Draft;
pub use error::GridlogError;
pub use gate::end_callbacks;
pub use host::{GenerationMarker, HostError, KeyStore};
pub use log::{LogLevel, LogLine, LogSink, set_log_sink};
pub use phone::{FieldValue, GridlogPhone, OpenOptions};
pub use reading::{NeedsYou, RecordDetail};
pub use sync::{EnrolOptions, SyncCancel};
pub use version::{Versions, surface_refusal, versions};
pub use watch::{ListUpdate, RowsListener, Subscription};

uniffi::setup_scaffolding!();

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    #[test]
    fn every_profile_unwinds() {
        const { assert!(cfg!(panic = "unwind")) };
    }

    #[test]
    fn no_unsafe_code_is_written_by_hand() {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let word = ["un", "safe "].concat();
        for entry in fs::read_dir(sources).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let code = fs::read_to_string(&path).unwrap();
                let mut lines = code
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"));
                assert!(lines.all(|line| !line.contains(&word)), "{path:?}");
            }
        }
    }
}
