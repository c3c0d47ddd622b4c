//! `gridlog-server dev`: a small district of this machine's own, for whoever writes an app.
//!
//! It is the real server over a folder that it makes itself: fixture areas, people and cases, the
//! catalogue, checklists and calendar that ship. No secret is built in. The password is made at random
//! with the folder and shown at every start; the server listens on this machine alone; and a folder that
//! was not made here is refused, so that nobody serves a real district this way by mistake.

mod cases;

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use gridlog_domain::environment::Entropy as _;

use crate::backup::create_private;
use crate::config::Config;
use crate::directory::Directory;
use crate::environment::SystemEntropy;
use crate::ingest::OfficeError;
use crate::server::{DirectoryFiles, Offline, ServerError, load_directory};
use crate::store::{SqliteStore, StoreError};

const AREAS: &[u8] = include_bytes!("areas.csv");
const PEOPLE: &str = include_str!("people.csv");
/// What stands in the file of people where the password goes.
const PLACE_OF_PASSWORD: &str = "PASSWORD";
const CATALOGUE: &[u8] = include_bytes!("../../../../data/catalogue.json");
const CHECKLISTS: &[u8] = include_bytes!("../../../../data/checklists.json");
const CALENDAR: &[u8] = include_bytes!("../../../../data/calendar.json");

/// Holds the password, and marks a folder as one that was made here.
const PASSWORD_FILE: &str = "dev-password";

/// Why there is no server for developers.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// The address can be reached from elsewhere.
    #[error(
        "a server for developers listens on this machine alone, not on {0}; an emulator or a phone \
         on a cable reaches it through its tools, for example adb reverse"
    )]
    NotLoopback(SocketAddr),
    /// The folder holds something else.
    #[error(
        "{0} was not made by `gridlog-server dev`; name another folder, or one that is not there yet"
    )]
    ForeignFolder(PathBuf),
    /// The folder cannot be made.
    #[error("cannot make the folder {folder}: {source}")]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The fixture cannot be loaded.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine does not take a case of the fixture.
    #[error("a case of the fixture is not taken: {0}")]
    Case(#[from] OfficeError),
}

/// A district that is ready to be served.
#[derive(Debug)]
pub struct Dev {
    /// How it is served.
    pub config: Config,
    /// Who signs in and with what, to be shown.
    pub sign_ins: String,
}

/// Makes the district in `folder`, or takes the one that was made there before.
///
/// # Errors
/// [`DevError`].
pub fn prepare(folder: &Path, listen: SocketAddr) -> Result<Dev, DevError> {
    if !listen.ip().is_loopback() {
        return Err(DevError::NotLoopback(listen));
    }
    if !is_free(folder) && !folder.join(PASSWORD_FILE).is_file() {
        return Err(DevError::ForeignFolder(folder.to_owned()));
    }
    if is_free(folder) {
        make(folder)?;
    }
    let failed = failed(folder);
    let password = fs::read_to_string(folder.join(PASSWORD_FILE)).map_err(failed)?;
    let config = Config {
        listen,
        ..config_of(folder)
    };
    let directory = Directory::load(&SqliteStore::open(&config.database())?)?;
    Ok(Dev {
        sign_ins: sign_ins(folder, &directory, &password),
        config,
    })
}

/// Whether nothing is there, or an empty folder.
fn is_free(folder: &Path) -> bool {
    match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => !folder.exists(),
    }
}

fn failed(folder: &Path) -> impl Fn(io::Error) -> DevError + Copy {
    move |source| DevError::Folder {
        folder: folder.to_owned(),
        source,
    }
}

/// The environment is another server's; this one has the defaults.
fn config_of(folder: &Path) -> Config {
    Config {
        data: folder.to_owned(),
        log: "warn".to_owned(),
        ..Config::default()
    }
}

/// Makes it under another name, so that a folder that is there is whole.
fn make(folder: &Path) -> Result<(), DevError> {
    let failed = failed(folder);
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".gridlog-dev-part");
    let part = folder.with_file_name(name);
    if part.exists() {
        fs::remove_dir_all(&part).map_err(failed)?;
    }
    fs::create_dir_all(&part).map_err(failed)?;
    let password = new_password();
    let password_file = part.join(PASSWORD_FILE);
    create_private(&password_file).map_err(failed)?;
    fs::write(&password_file, &password).map_err(failed)?;
    fill(&config_of(&part), &password)?;
    if folder.exists() {
        fs::remove_dir(folder).map_err(failed)?;
    }
    fs::rename(&part, folder).map_err(failed)
}

fn fill(config: &Config, password: &str) -> Result<(), DevError> {
    let files = DirectoryFiles {
        areas: Some(AREAS.to_vec()),
        people: Some(PEOPLE.replace(PLACE_OF_PASSWORD, password).into_bytes()),
        catalogue: Some(CATALOGUE.to_vec()),
        checklists: Some(CHECKLISTS.to_vec()),
        calendar: Some(CALENDAR.to_vec()),
    };
    load_directory(config, &files)?;
    let directory = Directory::load(&SqliteStore::open(&config.database())?)?;
    let mut offline = Offline::open(config)?;
    cases::write(&mut offline.sequencer, &directory)?;
    Ok(())
}

/// Four groups of letters and digits, easy to type on a phone.
fn new_password() -> String {
    let mut bytes = [0; 8];
    SystemEntropy.fill(&mut bytes);
    let groups: Vec<String> = bytes.chunks(2).map(hex::encode).collect();
    groups.join("-")
}

fn sign_ins(folder: &Path, directory: &Directory, password: &str) -> String {
    let mut text = format!(
        "开发用服务器，仅本机可访问，数据均为虚构 A server for developers: this machine alone, invented data.\n\
         数据 data: {}\n密码 password: {password}\n登录 sign-ins:\n",
        folder.display()
    );
    for known in directory.people.values() {
        let person = &known.person;
        for held in &person.assignments {
            let area = directory.areas.get(&held.area);
            let area = area.map_or("", |area| &*area.name);
            let _ = writeln!(
                text,
                "  {}  {} {}  {} {area}",
                person.id,
                held.role.zh(),
                held.role.code(),
                held.area,
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store as _;

    const HERE: &str = "127.0.0.1:0";

    #[test]
    fn a_server_for_developers_is_reached_from_this_machine_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("dev");
        for open in ["0.0.0.0:8930", "192.168.1.10:8930", "[::]:8930"] {
            let refused = prepare(&data, open.parse().unwrap());
            assert!(matches!(refused, Err(DevError::NotLoopback(_))), "{open}");
        }
        assert!(!data.exists());
    }

    #[test]
    fn the_folder_of_a_real_district_is_refused_and_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("district.db"), "somebody's").unwrap();
        let refused = prepare(folder.path(), HERE.parse().unwrap());
        assert!(matches!(refused, Err(DevError::ForeignFolder(_))));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_second_start_finds_the_people_the_password_and_the_cases_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("dev");
        let first = prepare(&data, HERE.parse().unwrap()).unwrap();
        let head = |dev: &Dev| SqliteStore::open(&dev.config.database()).unwrap().head();
        let entries = head(&first).unwrap().seq;
        let second = prepare(&data, HERE.parse().unwrap()).unwrap();
        assert_eq!(first.sign_ins, second.sign_ins);
        assert_eq!(head(&second).unwrap().seq, entries);
        assert!(
            first.sign_ins.contains("W001  网格员 grid_worker"),
            "{}",
            first.sign_ins
        );
    }

    #[test]
    fn no_two_folders_share_a_password() {
        assert_ne!(new_password(), new_password());
    }
}
