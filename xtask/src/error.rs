//! What can go wrong in a developer command.

use std::path::PathBuf;
use std::process::ExitCode;

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TaskError {
    /// A program ended with a failure.
    #[error("`{command}` failed ({status}); its output is above")]
    Failed {
        /// What was run.
        command: String,
        /// How it ended.
        status: String,
        /// Its exit code, where it had one.
        code: Option<i32>,
    },
    /// A program could not be started.
    #[error("cannot start `{program}`: {source}; is it installed?")]
    NotStarted {
        /// Which.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Programs are missing and cannot be installed from here.
    #[error("missing {missing}; {advice}")]
    Missing {
        /// Their names.
        missing: String,
        /// What to do.
        advice: String,
    },
    /// Apps are built against another surface than the library has.
    #[error(
        "the surface is not what mobile-bindings/api.txt says:\n{change}\n\
         if that is meant, run `cargo xtask api-check --write`"
    )]
    SurfaceChanged {
        /// The first line that differs, before and after.
        change: String,
    },
    /// The changelog says nothing of the surface.
    #[error(
        "mobile-bindings/CHANGELOG.md does not say what changed for apps; add a line that begins with \
         - `{fingerprint}`"
    )]
    SurfaceUnexplained {
        /// Names the surface.
        fingerprint: String,
    },
    /// The library says another fingerprint of itself.
    #[error(
        "the library says that its surface is {told}, it is {fingerprint}: bindings of another surface would be let \
         in; cargo xtask api-check --write"
    )]
    SurfaceUntold {
        /// What the library says.
        told: String,
        /// What it has.
        fingerprint: String,
    },
    /// The documentation names places of one machine.
    #[error(
        "the documentation names places that exist on one machine only:\n{places}\n\
         write them relative to the repository"
    )]
    LocalPaths {
        /// `file:line: text`, one a line.
        places: String,
    },
}

impl TaskError {
    /// The exit code: that of the program that failed, else 1.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Failed {
                code: Some(code), ..
            } => ExitCode::from(u8::try_from(*code).unwrap_or(1)),
            _ => ExitCode::FAILURE,
        }
    }
}
