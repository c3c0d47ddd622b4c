//! A real server as a process of its own: started, killed without warning, started again.
//!
//! The demo, the benches and the whole-system tests drive the server that ships, not a server
//! inside themselves: only a process can be killed the way a power cut does it.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// What the server prints before its address once it is ready.
const READY: &str = "listening on http://";
/// How long it may take until it is ready, a long recovery included.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// Why a server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// It could not be started or spoken to.
    #[error("{program} cannot be {what}: {source}; build it first, or name it by --server-bin")]
    Process {
        /// The binary.
        program: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// It ended instead of serving.
    #[error("the server ended ({status}); its log says why: {log}")]
    Ended {
        /// How.
        status: String,
        /// Its log.
        log: PathBuf,
    },
    /// It did not say in time that it is ready.
    #[error("the server was not ready in time; its log may say why: {log}")]
    NotReady {
        /// Its log.
        log: PathBuf,
    },
}

impl ServerError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Process { .. } => "server_process",
            Self::Ended { .. } => "server_ended",
            Self::NotReady { .. } => "server_not_ready",
        }
    }
}

/// How a server is run.
#[derive(Debug, Clone)]
pub struct ServerSetup {
    /// The binary `gridlog-server`.
    pub program: PathBuf,
    /// Its data folder.
    pub data: PathBuf,
    /// The file that its log is appended to, over all its lives.
    pub log: PathBuf,
    /// Its configuration, as environment variables.
    pub environment: Vec<(String, String)>,
}

/// The files that a server loads before its first start.
#[derive(Debug, Clone)]
pub struct DirectoryFiles {
    /// Areas, CSV.
    pub areas: PathBuf,
    /// People, CSV.
    pub people: PathBuf,
    /// Catalogue, JSON.
    pub catalogue: PathBuf,
    /// Checklists, JSON.
    pub checklists: PathBuf,
    /// Calendar, JSON.
    pub calendar: PathBuf,
}

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    setup: ServerSetup,
    child: Child,
    address: SocketAddr,
}

impl ServerSetup {
    /// Loads the directory into the data folder. The server must not run.
    ///
    /// # Errors
    /// [`ServerError::Ended`] where it does not take the files; its log says which line.
    pub fn load(&self, files: &DirectoryFiles) -> Result<(), ServerError> {
        let mut command = self.command("load")?;
        command
            .args([Path::new("--areas"), &files.areas])
            .args([Path::new("--people"), &files.people])
            .args([Path::new("--catalogue"), &files.catalogue])
            .args([Path::new("--checklists"), &files.checklists])
            .args([Path::new("--calendar"), &files.calendar])
            .stdout(Stdio::from(self.open_log()?));
        let status = command
            .status()
            .map_err(|source| self.failed("started", source))?;
        if status.success() {
            return Ok(());
        }
        Err(self.ended(status))
    }

    /// Starts the server and waits until it says that it is ready.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn start(&self, listen: SocketAddr) -> Result<Server, ServerError> {
        let mut child = self
            .command("serve")?
            .args(["--listen", &listen.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| self.failed("started", source))?;
        match self.wait_until_ready(&mut child) {
            Ok(address) => Ok(Server {
                setup: self.clone(),
                child,
                address,
            }),
            Err(error) => {
                // It may be gone already, which is what is wanted.
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    fn command(&self, subcommand: &str) -> Result<Command, ServerError> {
        let mut command = Command::new(&self.program);
        command
            .arg(subcommand)
            .args([Path::new("--data"), &self.data]);
        // The variables of whoever runs this are meant for a phone, or for another server.
        for (key, _) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("GRIDLOG_") {
                command.env_remove(key);
            }
        }
        command
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .stderr(Stdio::from(self.open_log()?));
        Ok(command)
    }

    fn open_log(&self) -> Result<File, ServerError> {
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(|source| self.failed("given a log", source))
    }

    fn wait_until_ready(&self, child: &mut Child) -> Result<SocketAddr, ServerError> {
        let (tell, told) = mpsc::channel();
        let mut log = self.open_log()?;
        let output = child.stdout.take().ok_or_else(|| ServerError::NotReady {
            log: self.log.clone(),
        })?;
        // Reads on for as long as the server lives, or it would block on a full pipe.
        let reading = thread::Builder::new().name("server output".to_owned());
        let spawned = reading.spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // A log that cannot be written is no reason to stop reading.
                let _ = writeln!(log, "{line}");
                let address = line
                    .strip_prefix(READY)
                    .and_then(|text| text.trim().trim_end_matches('/').parse().ok());
                if let Some(address) = address {
                    let _ = tell.send(address);
                }
            }
        });
        spawned.map_err(|source| self.failed("read", source))?;
        told.recv_timeout(START_TIMEOUT)
            .map_err(|error| match (error, child.try_wait()) {
                (mpsc::RecvTimeoutError::Disconnected, Ok(Some(status))) => self.ended(status),
                _ => ServerError::NotReady {
                    log: self.log.clone(),
                },
            })
    }

    fn failed(&self, what: &'static str, source: io::Error) -> ServerError {
        ServerError::Process {
            program: self.program.clone(),
            what,
            source,
        }
    }

    fn ended(&self, status: ExitStatus) -> ServerError {
        ServerError::Ended {
            status: status.to_string(),
            log: self.log.clone(),
        }
    }
}

impl Server {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a base address for HTTP.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The process, for whoever wants to look at what it uses.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it without warning (SIGKILL on Unix): nothing is flushed, nothing is said.
    ///
    /// # Errors
    /// [`ServerError::Process`] where the system refuses.
    pub fn kill(mut self) -> Result<(), ServerError> {
        self.child
            .kill()
            .and_then(|()| self.child.wait())
            .map(drop)
            .map_err(|source| self.setup.failed("killed", source))
    }

    /// Asks it to end, and kills it if it does not in time. True if it ended by itself.
    ///
    /// # Errors
    /// [`ServerError::Process`] where the system refuses.
    pub fn stop(mut self) -> Result<bool, ServerError> {
        let asked = cfg!(unix)
            && Command::new("kill")
                .args(["-TERM", &self.child.id().to_string()])
                .status()
                .is_ok_and(|status| status.success());
        let asked_at = Instant::now();
        while asked && asked_at.elapsed() < STOP_TIMEOUT {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return Ok(true);
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.kill().map(|()| false)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A stand-in that behaves as the script says. A process of its own writes the script: a file
    /// that this one has open for writing could not be run while another test forks.
    fn setup(folder: &Path, script: &str) -> ServerSetup {
        let program = folder.join("server.sh");
        let written = Command::new("sh")
            .args([
                "-c",
                "printf '#!/bin/sh\\n%s\\n' \"$1\" >\"$0\" && chmod +x \"$0\"",
            ])
            .args([program.as_os_str(), script.as_ref()])
            .status();
        assert!(written.unwrap().success());
        ServerSetup {
            program,
            data: folder.join("data"),
            log: folder.join("server.log"),
            environment: vec![("GREETING".to_owned(), "hello".to_owned())],
        }
    }

    const ANYWHERE: &str = "127.0.0.1:0";

    #[test]
    fn a_server_is_ready_when_it_says_so_and_dies_when_it_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let setup = setup(
            folder.path(),
            "echo $GREETING >&2; echo starting; echo listening on http://127.0.0.1:4711; \
             exec sleep 600",
        );
        let server = setup.start(ANYWHERE.parse().unwrap()).unwrap();
        assert_eq!(server.url(), "http://127.0.0.1:4711");
        server.kill().unwrap();
        let log = fs::read_to_string(folder.path().join("server.log")).unwrap();
        assert!(log.contains("starting") && log.contains("hello"), "{log}");
    }

    #[test]
    fn a_server_that_is_asked_to_stop_may_end_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let setup = setup(
            folder.path(),
            "echo listening on http://127.0.0.1:4711; exec sleep 600",
        );
        let server = setup.start(ANYWHERE.parse().unwrap()).unwrap();
        assert!(server.stop().unwrap());
    }

    #[test]
    fn a_server_that_ends_instead_of_serving_is_an_error_that_names_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let setup = setup(folder.path(), "echo no such option >&2; exit 3");
        let error = setup.start(ANYWHERE.parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains("server.log"), "{error}");
    }
}
