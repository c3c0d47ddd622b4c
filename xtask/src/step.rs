//! Running the steps of a command, each under a heading that says how long it has been so far.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::error::TaskError;

/// One run of a command.
pub(crate) struct Run {
    root: PathBuf,
    cargo: String,
    started: Instant,
}

impl Run {
    /// Starts the clock and finds the repository.
    pub(crate) fn start() -> Result<Self, TaskError> {
        let here = env::current_dir().map_err(|source| TaskError::Unreadable {
            path: PathBuf::from("."),
            source,
        })?;
        let root = env::var_os("CARGO_MANIFEST_DIR")
            .map(PathBuf::from)
            .and_then(|package| package.parent().map(Path::to_path_buf))
            .unwrap_or(here);
        Ok(Self {
            root,
            cargo: env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()),
            started: Instant::now(),
        })
    }

    /// The repository's folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo builds, whatever the developer calls the folder.
    pub(crate) fn target(&self) -> PathBuf {
        env::var_os("CARGO_TARGET_DIR").map_or_else(
            || self.root.join("target"),
            |folder| self.root.join(PathBuf::from(folder)),
        )
    }

    /// Where a release binary is.
    pub(crate) fn release_binary(&self, name: &str) -> PathBuf {
        self.binary("release", name)
    }

    /// Where a debug binary is.
    pub(crate) fn debug_binary(&self, name: &str) -> PathBuf {
        self.binary("debug", name)
    }

    /// Where a binary of any profile is.
    pub(crate) fn binary(&self, profile: &str, name: &str) -> PathBuf {
        self.target()
            .join(profile)
            .join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// Prints a step's heading.
    pub(crate) fn heading(&self, text: &str) {
        println!("[{:>7.1}s] {text}", self.started.elapsed().as_secs_f64());
    }

    /// `cargo` in the repository.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(&self.cargo);
        command.args(arguments);
        command
    }

    /// Any program, started in the repository.
    pub(crate) fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// Builds binaries in release.
    pub(crate) fn build_release(&self, binaries: &[&str]) -> Result<(), TaskError> {
        self.heading(&format!("构建 building {}", binaries.join(", ")));
        let mut command = self.cargo(&["build", "--release", "--quiet"]);
        for binary in binaries {
            command.args(["--bin", binary]);
        }
        execute(&mut command)
    }
}

/// Runs a program to its end with this terminal.
pub(crate) fn execute(command: &mut Command) -> Result<(), TaskError> {
    let status = command.status().map_err(|source| TaskError::NotStarted {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    })?;
    if status.success() {
        return Ok(());
    }
    Err(TaskError::Failed {
        command: in_words(command),
        status: status.to_string(),
        code: status.code(),
    })
}

/// How a program ended whose words decide what is to be made of it.
pub(crate) enum Said {
    /// Well.
    Done,
    /// Not well.
    Failed {
        /// All that it said.
        output: String,
        /// The failure.
        error: TaskError,
    },
}

/// Runs a program to its end and listens.
pub(crate) fn said_by(command: &mut Command) -> Result<Said, TaskError> {
    let ended = command.output().map_err(|source| TaskError::NotStarted {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    })?;
    if ended.status.success() {
        return Ok(Said::Done);
    }
    let output = [ended.stdout, ended.stderr].concat();
    Ok(Said::Failed {
        output: String::from_utf8_lossy(&output).into_owned(),
        error: TaskError::Failed {
            command: in_words(command),
            status: ended.status.to_string(),
            code: ended.status.code(),
        },
    })
}

fn in_words(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_stem().unwrap_or(command.get_program());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_was_run_and_keeps_the_exit_code() {
        let failed = execute(Command::new("sh").args(["-c", "exit 7"]));
        let Err(TaskError::Failed { command, code, .. }) = failed else {
            panic!("it did not fail");
        };
        assert_eq!(command, "sh -c exit 7");
        assert_eq!(code, Some(7));
    }
}
