//! What the demo is played on: a folder, a server, a street, phones.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use gridlog_cli::matters::{self, Matter};
use gridlog_cli::proxy::Traffic;
use gridlog_cli::server::{DirectoryFiles, Server, ServerError, ServerSetup};
use gridlog_cli::street::{self, Street, StreetError};
use gridlog_domain::id::{AreaCode, PersonId};
use gridlog_domain::record::Kind;
use gridlog_domain::reference::{Catalogue, Role};

use super::DemoArguments;
use super::office::Office;
use super::phone::DemoPhone;
use super::progress::Progress;
use super::rogue::Rogue;
use crate::error::CliError;

/// Everything on stage.
#[derive(Debug)]
pub(super) struct Stage {
    /// The street.
    pub(super) street: Street,
    /// Its catalogue.
    pub(super) catalogue: Catalogue,
    /// What its workers meet.
    pub(super) matters: Vec<Matter>,
    /// What they look at on patrol.
    pub(super) checklist: Vec<String>,
    /// The phones.
    pub(super) phones: Vec<DemoPhone>,
    /// One more phone, in a grid without another: that of the worker who is moved.
    pub(super) mover: DemoPhone,
    /// A grid without any phone: where the rogue device is, and where the mover comes to.
    pub(super) rogue_grid: AreaCode,
    /// Everybody's password.
    pub(super) password: String,
    rogues: [PersonId; 2],
    address: SocketAddr,
    server: Option<Server>,
    setup: ServerSetup,
    folder: Folder,
}

/// Where everything lies. A temporary folder goes with the demo.
#[derive(Debug)]
enum Folder {
    Kept(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

impl From<ServerError> for CliError {
    fn from(error: ServerError) -> Self {
        Self::Demo {
            code: error.code(),
            zh: "服务器进程无法使用，原因见英文说明".to_owned(),
            en: error.to_string(),
        }
    }
}

impl Stage {
    /// Loads the street into a fresh server and starts it; phones come later.
    pub(super) fn build(arguments: &DemoArguments, progress: &Progress) -> Result<Self, CliError> {
        progress.chapter("早晨 Morning");
        let folder = make_folder(arguments.keep.as_deref())?;
        let street = Street::load()?;
        let setup = ServerSetup {
            program: server_program(arguments.server_bin.as_deref())?,
            data: folder.path().join("server"),
            log: folder.path().join("server.log"),
            // All that it can say, for the promise that no line holds a record's text.
            environment: vec![("GRIDLOG_SERVER_LOG".to_owned(), "debug".to_owned())],
        };
        create_dir(&setup.data)?;
        let password = "雨花区-演示-demo".to_owned();
        let files = write_directory(folder.path(), &street, arguments.phones, &password)?;
        setup.load(&files)?;
        let server = setup.start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        progress.line(&format!(
            "服务器已启动 server at {}，已载入 {} 个社区 communities、{} 个网格 grids、{} 人 people",
            server.url(),
            street.communities().count(),
            street.grids().count(),
            street.people().len(),
        ));
        let checklist = street::checklists()?
            .for_kind(Kind::Patrol.code())
            .map(|template| template.items.clone())
            .unwrap_or_default();
        let apart = Apart::of(&street)?;
        let number = usize::from(arguments.phones);
        let mover = DemoPhone::new(
            number,
            apart.mover,
            apart.mover_grid,
            &phones_in(&folder),
            server.address(),
        )?;
        let mut stage = Self {
            mover,
            rogue_grid: apart.rogue_grid,
            rogues: apart.rogues,
            catalogue: street::catalogue()?,
            matters: matters::load().map_err(|source| StreetError::Data {
                file: "matters.json",
                source,
            })?,
            checklist,
            phones: Vec::new(),
            password,
            address: server.address(),
            server: Some(server),
            setup,
            folder,
            street,
        };
        stage.unpack_phones(arguments.phones)?;
        Ok(stage)
    }

    fn unpack_phones(&mut self, count: u16) -> Result<(), CliError> {
        let folders = phones_in(&self.folder);
        for (number, (person, grid)) in owners(&self.street, count).into_iter().enumerate() {
            let phone = DemoPhone::new(number, person, grid, &folders, self.address)?;
            self.phones.push(phone);
        }
        Ok(())
    }

    /// The phones and the mover's.
    pub(super) fn everyone(&self) -> impl Iterator<Item = &DemoPhone> {
        self.phones.iter().chain([&self.mover])
    }

    /// Enrols a rogue device and that of a neighbour of the same grid whom it attacks.
    pub(super) fn rogues(&self) -> Result<[Rogue; 2], CliError> {
        let address = format!("http://{}", self.address);
        let enrol = |person| Rogue::enrol(&address, person, &self.rogue_grid, &self.password);
        let [rogue, neighbour] = &self.rogues;
        Ok([enrol(rogue)?, enrol(neighbour)?])
    }

    /// Kills the server without warning.
    pub(super) fn kill_server(&mut self) -> Result<(), CliError> {
        match self.server.take() {
            Some(server) => Ok(server.kill()?),
            None => Ok(()),
        }
    }

    /// Starts it again, at the same address.
    pub(super) fn start_server(&mut self) -> Result<(), CliError> {
        self.server = Some(self.setup.start(self.address)?);
        Ok(())
    }

    /// Splits off what a second thread needs to kill and start the server.
    pub(super) fn split(&mut self) -> (&mut [DemoPhone], Power<'_>) {
        let power = Power {
            address: self.address,
            setup: &self.setup,
            server: &mut self.server,
        };
        (&mut self.phones, power)
    }

    /// The office's entrance.
    pub(super) fn office(&self) -> Office {
        Office::at(&format!("http://{}", self.address))
    }

    /// What the server said, over all its lives.
    pub(super) fn server_log(&self) -> Result<String, CliError> {
        fs::read(&self.setup.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .map_err(|source| failed(&self.setup.log, "read", source))
    }

    /// What went over all lines.
    pub(super) fn traffic(&self) -> Traffic {
        let mut all = Traffic::default();
        for phone in &self.phones {
            all += phone.proxy.traffic();
        }
        all
    }

    /// Serves until the process is ended; says how to look around.
    pub(super) fn serve_on(&self) -> Result<(), CliError> {
        println!(
            "\n服务器继续运行 the server goes on at http://{}，按 Ctrl-C 结束 press Ctrl-C to end",
            self.address
        );
        if let Some(phone) = self.phones.first() {
            println!(
                "  看一台手机 look at a phone: gridlog --home {} list",
                phone.folder().display()
            );
        }
        println!(
            "  登录 sign in: POST /v1/sign-in {{\"person\":\"O01\",\"password\":\"{}\"}}",
            self.password
        );
        wait_for_the_end().map_err(|source| failed(Path::new("signals"), "awaited", source))
    }
}

/// Waits for Ctrl-C or a request to end, so that the server and a temporary folder go with the
/// demo.
fn wait_for_the_end() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    runtime.block_on(async {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let mut asked = signal(SignalKind::terminate())?;
            tokio::select! {
                pressed = tokio::signal::ctrl_c() => pressed,
                _ = asked.recv() => Ok(()),
            }
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await
    })
}

/// The server's switch.
#[derive(Debug)]
pub(super) struct Power<'a> {
    address: SocketAddr,
    setup: &'a ServerSetup,
    server: &'a mut Option<Server>,
}

impl Power<'_> {
    /// Kills the server (SIGKILL) and starts it again.
    pub(super) fn cut(&mut self) -> Result<(), CliError> {
        if let Some(server) = self.server.take() {
            server.kill()?;
        }
        *self.server = Some(self.setup.start(self.address)?);
        Ok(())
    }
}

/// Grids at the end of the street that are kept free of the demo's phones.
const GRIDS_APART: usize = 2;

/// Who is in the grids that are kept free.
struct Apart {
    mover: PersonId,
    mover_grid: AreaCode,
    rogues: [PersonId; 2],
    rogue_grid: AreaCode,
}

impl Apart {
    fn of(street: &Street) -> Result<Self, CliError> {
        let grids: Vec<&AreaCode> = street.grids().map(|grid| &grid.code).collect();
        let worker = |grid: &AreaCode, number| {
            let person = street.workers_of(grid).nth(number);
            person.map(|person| person.id.clone())
        };
        let found = grids.split_last_chunk().and_then(|(_, [first, second])| {
            Some(Self {
                mover: worker(first, 0)?,
                mover_grid: (*first).clone(),
                rogues: [worker(second, 0)?, worker(second, 1)?],
                rogue_grid: (*second).clone(),
            })
        });
        found.ok_or_else(|| CliError::Demo {
            code: "no_grid_apart",
            zh: "街道没有足够的网格".to_owned(),
            en: "the street has too few grids for the demo".to_owned(),
        })
    }
}

fn phones_in(folder: &Folder) -> PathBuf {
    folder.path().join("phones")
}

/// Who carries the phones: pairs of workers of one grid, grid after grid; once every grid has a
/// pair, a second pair of each. The last grids stay without phones.
fn owners(street: &Street, count: u16) -> Vec<(PersonId, AreaCode)> {
    let mut grids: Vec<&AreaCode> = street.grids().map(|grid| &grid.code).collect();
    grids.truncate(grids.len().saturating_sub(GRIDS_APART));
    (0..usize::from(count))
        .filter_map(|number| {
            let pair = number / 2;
            let grid = grids.get(pair.checked_rem(grids.len())?)?;
            let worker = pair / grids.len() * 2 + number % 2;
            let person = street.workers_of(grid).nth(worker)?;
            Some((person.id.clone(), (*grid).clone()))
        })
        .collect()
}

fn make_folder(keep: Option<&Path>) -> Result<Folder, CliError> {
    let Some(path) = keep else {
        let folder = tempfile::Builder::new().prefix("gridlog-demo-").tempdir();
        return folder
            .map(Folder::Temporary)
            .map_err(|source| failed(Path::new("temporary folder"), "created", source));
    };
    create_dir(path)?;
    let mut entries = fs::read_dir(path).map_err(|source| failed(path, "read", source))?;
    if entries.next().is_some() {
        return Err(CliError::Demo {
            code: "folder_not_empty",
            zh: format!("目录 {} 不是空的，请换一个", path.display()),
            en: format!("{} is not empty; name another folder", path.display()),
        });
    }
    Ok(Folder::Kept(path.to_owned()))
}

fn server_program(named: Option<&Path>) -> Result<PathBuf, CliError> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let here = std::env::current_exe()
        .map_err(|source| failed(Path::new("this program"), "found", source))?;
    let name = format!("gridlog-server{}", std::env::consts::EXE_SUFFIX);
    Ok(here.with_file_name(name))
}

fn write_directory(
    folder: &Path,
    street: &Street,
    phones: u16,
    password: &str,
) -> Result<DirectoryFiles, CliError> {
    let apart = Apart::of(street)?;
    let carriers: Vec<PersonId> = owners(street, phones)
        .into_iter()
        .map(|(id, _)| id)
        .chain(apart.rogues)
        .chain([apart.mover])
        .collect();
    let office: Vec<&PersonId> = street
        .people()
        .iter()
        .filter(|person| person.assignments.iter().any(|held| !held.role.is_field()))
        .map(|person| &person.id)
        .collect();
    let people = street.people_csv(|id| {
        (carriers.contains(id) || office.contains(&id)).then(|| password.to_owned())
    })?;
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text)
            .map(|()| path.clone())
            .map_err(|source| failed(&path, "written", source))
    };
    Ok(DirectoryFiles {
        areas: write("areas.csv", &street.areas_csv()?)?,
        people: write("people.csv", &people)?,
        catalogue: write("catalogue.json", street::CATALOGUE)?,
        checklists: write("checklists.json", street::CHECKLISTS)?,
        calendar: write("calendar.json", street::CALENDAR)?,
    })
}

fn create_dir(path: &Path) -> Result<(), CliError> {
    fs::create_dir_all(path).map_err(|source| failed(path, "created", source))
}

fn failed(path: &Path, what: &'static str, source: std::io::Error) -> CliError {
    CliError::File {
        path: path.to_owned(),
        what,
        source,
    }
}

/// Somebody of the office who has that role.
pub(super) fn someone(street: &Street, role: Role) -> Result<PersonId, CliError> {
    let person = street
        .with_role(role)
        .next()
        .map(|person| person.id.clone());
    person.ok_or_else(|| CliError::Demo {
        code: "nobody_there",
        zh: format!("街道没有{}", role.zh()),
        en: format!("the street has no {}", role.code()),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn phones_come_in_pairs_that_share_a_grid_and_no_person_carries_two() {
        let street = Street::load().unwrap();
        let owners = owners(&street, 192);
        assert_eq!(owners.len(), 192);
        for pair in owners.chunks(2) {
            assert_eq!(pair[0].1, pair[1].1);
        }
        let people: BTreeSet<_> = owners.iter().map(|(person, _)| person).collect();
        assert_eq!(people.len(), 192);
        let grids: BTreeSet<_> = owners[..34].iter().map(|(_, grid)| grid).collect();
        assert_eq!(grids.len(), 17);
    }

    #[test]
    fn the_mover_and_the_rogue_are_in_grids_where_no_phone_is() {
        let street = Street::load().unwrap();
        let apart = Apart::of(&street).unwrap();
        assert_ne!(apart.mover_grid, apart.rogue_grid);
        for (_, grid) in owners(&street, 192) {
            assert!(![&apart.mover_grid, &apart.rogue_grid].contains(&&grid));
        }
    }
}
