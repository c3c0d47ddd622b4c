//! A district: its directory, its server, its weather.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use gridlog_cli::environment::SystemClock;
use gridlog_cli::proxy::Proxy;
use gridlog_cli::server::{DirectoryFiles, Server, ServerSetup};
use gridlog_cli::street::Street;
use gridlog_domain::environment::Clock as _;
use gridlog_domain::id::{AreaCode, PersonId};
use tempfile::TempDir;

use crate::logs;
use crate::office::Office;
use crate::phones::TestPhone;

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";
/// A grid.
pub const GRID_A: usize = 0;
/// Another grid.
pub const GRID_B: usize = 20;

/// A district with a server.
pub struct District {
    /// The street.
    pub street: Street,
    /// The weather between phones and server.
    pub proxy: Proxy,
    setup: ServerSetup,
    server: Option<Server>,
    /// How far its clock is ahead of the system's.
    ahead_ms: i64,
    folder: TempDir,
}

fn listen() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

pub(crate) fn server_program() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let target = test
        .ancestors()
        .nth(2)
        .expect("tests run from target/PROFILE/deps");
    target.join("gridlog-server-under-test")
}

impl District {
    /// A district whose server runs.
    pub fn new() -> Self {
        Self::with_settings(&[])
    }

    /// The same with settings of the server, for example `("GRIDLOG_SERVER_RULING_WAIT_MS", "0")`.
    pub fn with_settings(settings: &[(&str, &str)]) -> Self {
        logs::start();
        let folder = tempfile::tempdir().expect("the system has room for a folder");
        let street = Street::load().expect("the shipped street is sound");
        let mut environment = vec![("GRIDLOG_SERVER_LOG".to_owned(), "trace".to_owned())];
        environment.extend(
            settings
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
        );
        let setup = ServerSetup {
            program: server_program(),
            data: folder.path().join("server"),
            log: folder.path().join("server.log"),
            environment,
        };
        let mut district = Self {
            proxy: Proxy::start(listen()).expect("the loopback address takes a port"),
            street,
            setup,
            server: None,
            ahead_ms: 0,
            folder,
        };
        district.load();
        district.start();
        district
    }

    fn load(&self) {
        let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../data");
        let areas = self.street.areas_csv().expect("areas make a table");
        let people = self
            .street
            .people_csv(|person| signs_in(person).then(|| PASSWORD.to_owned()))
            .expect("people make a table");
        let files = DirectoryFiles {
            areas: self.folder.path().join("areas.csv"),
            people: self.folder.path().join("people.csv"),
            catalogue: PathBuf::from(data).join("catalogue.json"),
            checklists: PathBuf::from(data).join("checklists.json"),
            calendar: PathBuf::from(data).join("calendar.json"),
        };
        std::fs::write(&files.areas, areas).expect("the folder takes a file");
        std::fs::write(&files.people, people).expect("the folder takes a file");
        self.setup
            .load(&files)
            .expect("the server takes the street's directory");
    }

    /// Starts the server, or starts it again.
    pub fn start(&mut self) {
        let server = self.setup.start(listen()).expect("the server starts");
        self.proxy.set_upstream(server.address());
        self.server = Some(server);
    }

    /// Ends the server; another one starts when that much more time has passed.
    pub fn down_for(&mut self, ms: i64) {
        self.stop();
        self.ahead_ms += ms;
        let name = "GRIDLOG_UNDER_TEST_AHEAD_MS";
        self.setup.environment.retain(|(known, _)| known != name);
        let ahead = (name.to_owned(), self.ahead_ms.to_string());
        self.setup.environment.push(ahead);
        self.start();
    }

    /// The district's time, milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        SystemClock.now_ms() + self.ahead_ms
    }

    /// Kills the server as a power cut would.
    pub fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill().expect("a child process can be killed");
        }
    }

    /// Asks the server to end.
    pub fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            assert!(
                server.stop().expect("a child process can be asked"),
                "it ended by itself"
            );
        }
    }

    /// The server's data folder.
    pub fn data(&self) -> PathBuf {
        self.setup.data.clone()
    }

    /// Base address of the server itself, past the weather.
    pub fn url(&self) -> String {
        self.server.as_ref().expect("the server runs").url()
    }

    /// The most memory that the server ever held, in bytes; `None` where the system does not say.
    pub fn server_peak_memory(&self) -> Option<u64> {
        let id = self.server.as_ref()?.process_id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kilobytes * 1024)
    }

    /// The code of the grid with that number.
    pub fn grid(&self, grid: usize) -> AreaCode {
        let mut grids = self.street.grids();
        let grid = grids.nth(grid).expect("the street has that many grids");
        grid.code.clone()
    }

    /// The `n`th worker of the grid with that number.
    pub fn worker(&self, grid: usize, n: usize) -> PersonId {
        let grid = self.grid(grid);
        let mut workers = self.street.workers_of(&grid);
        workers
            .nth(n)
            .expect("a grid has that many workers")
            .id
            .clone()
    }

    /// An enrolled phone of that worker, bootstrapped.
    pub fn phone(&self, grid: usize, n: usize) -> TestPhone {
        TestPhone::enrolled(self, &self.worker(grid, n))
    }

    /// A folder for something of the test's own.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(&path).expect("the folder takes a folder");
        path
    }

    /// Somebody of an office, signed in.
    pub fn office(&self, role: gridlog_domain::reference::Role) -> Office {
        let person = self
            .street
            .with_role(role)
            .next()
            .expect("the office has one");
        Office::sign_in(&self.url(), &person.id)
    }

    /// The office's person who acts for a department.
    pub fn handler(&self, department: &str) -> Office {
        let person = self
            .street
            .handler_of(&department.into())
            .expect("there is a handler");
        Office::sign_in(&self.url(), &person.id)
    }
}

impl Default for District {
    fn default() -> Self {
        Self::new()
    }
}

/// Hashing a password takes a while on purpose, so only those get one who are needed.
fn signs_in(person: &PersonId) -> bool {
    let street = Street::load().expect("the shipped street is sound");
    let needed = street
        .people()
        .iter()
        .filter(|known| known.assignments.iter().any(|held| !held.role.is_field()));
    let mut needed: Vec<PersonId> = needed.map(|known| known.id.clone()).collect();
    for grid in [GRID_A, GRID_B] {
        if let Some(grid) = street.grids().nth(grid) {
            needed.extend(
                street
                    .workers_of(&grid.code)
                    .map(|worker| worker.id.clone()),
            );
        }
    }
    needed.contains(person)
}

impl Drop for District {
    fn drop(&mut self) {
        self.server = None;
        if std::thread::panicking() {
            return;
        }
        let log = std::fs::read(&self.setup.log).unwrap_or_default();
        assert!(!log.is_empty(), "the server logs");
        assert_eq!(
            logs::lines_with_contents(&log),
            0,
            "the server's log holds a record's text"
        );
        assert_eq!(
            logs::own_lines_with_contents(),
            0,
            "a phone's log holds a record's text"
        );
    }
}
