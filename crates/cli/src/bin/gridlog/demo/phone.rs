//! One phone of the demo: a home of its own, a proxy of its own, and a list of what it recorded.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use gridlog_cli::proxy::Proxy;
use gridlog_client_core::{Phone, PhoneError, Query, SyncOptions};
use gridlog_domain::id::{AreaCode, EntryId, PersonId, RecordId};

use super::photos::Taken;
use super::wire::Wire;
use crate::error::CliError;
use crate::home::Home;

/// How long a phone goes on trying before the demo is given up.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// How long it waits between two tries.
pub(super) const PAUSE: Duration = Duration::from_millis(150);

/// What a phone recorded, as the demo told it to; kept apart from the phone's own store, so that
/// the promises are checked against something that the store cannot have lost.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Records it began.
    pub(super) records: Vec<RecordId>,
    /// Comments it made.
    pub(super) comments: Vec<(RecordId, EntryId)>,
    /// Steps it proposed.
    pub(super) proposals: Vec<(RecordId, EntryId)>,
    /// Every text that it wrote.
    pub(super) texts: Vec<String>,
    /// Photos that it attached.
    pub(super) photos: Vec<Taken>,
}

impl Ledger {
    /// Notes a text that was written, and hands it on.
    pub(super) fn text(&mut self, text: impl Into<String>) -> String {
        let text = text.into();
        self.texts.push(text.clone());
        text
    }
}

/// What a sync of the demo met on its way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tries {
    /// Exchanges that broke off and were begun again.
    pub(super) broken: u32,
}

/// One phone.
#[derive(Debug)]
pub(super) struct DemoPhone {
    /// Its number, from 0.
    pub(super) number: usize,
    /// Whose it is.
    pub(super) person: PersonId,
    /// The grid that the person walks.
    pub(super) grid: AreaCode,
    /// The engine.
    pub(super) phone: Phone,
    /// Between it and the server.
    pub(super) proxy: Proxy,
    /// Its line through the proxy.
    pub(super) wire: Wire,
    /// What it recorded.
    pub(super) ledger: Ledger,
    folder: PathBuf,
}

impl DemoPhone {
    /// Takes a phone out of its box.
    pub(super) fn new(
        number: usize,
        person: PersonId,
        grid: AreaCode,
        folders: &Path,
        server: SocketAddr,
    ) -> Result<Self, CliError> {
        let folder = folders.join(person.as_str());
        let proxy = Proxy::start(server).map_err(|source| CliError::File {
            path: PathBuf::from("127.0.0.1"),
            what: "listened on",
            source,
        })?;
        let wire = Wire::to(&proxy.url()).map_err(PhoneError::from)?;
        let phone = Home::at(folder.clone()).open()?;
        Ok(Self {
            number,
            person,
            grid,
            phone,
            proxy,
            wire,
            ledger: Ledger::default(),
            folder,
        })
    }

    /// Its folder, which `gridlog --home` takes.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Opens its store anew, as after a crash.
    pub(super) fn reopen(&mut self) -> Result<(), CliError> {
        self.phone = Home::at(self.folder.clone()).open()?;
        Ok(())
    }

    /// How many records of an area it holds.
    pub(super) fn holds(&self, area: &AreaCode) -> Result<usize, CliError> {
        let everything = Query {
            limit: u32::MAX,
            ..Query::default()
        };
        let rows = self.phone.list(&everything)?;
        Ok(rows.iter().filter(|row| &row.area == area).count())
    }

    /// Signs its person in, as often as a busy server asks to come back.
    pub(super) fn enrol(&self, password: &str) -> Result<(), CliError> {
        let begun = Instant::now();
        let name = "演示手机 demo phone";
        while let Err(error) = self.phone.enrol(&self.wire, &self.person, password, name) {
            match error {
                PhoneError::Busy { retry_after_ms, .. } if begun.elapsed() < PATIENCE => {
                    thread::sleep(Duration::from_millis(retry_after_ms));
                }
                error => return Err(error.into()),
            }
        }
        Home::at(self.folder.clone()).set_server(&self.proxy.url())
    }

    /// Syncs until it comes to an end, however often the line breaks.
    pub(super) fn sync(&self) -> Result<Tries, CliError> {
        let begun = Instant::now();
        let mut tries = Tries::default();
        loop {
            let pause = match self.phone.sync(&self.wire, SyncOptions::default()) {
                Ok(_) => return Ok(tries),
                Err(error) if begun.elapsed() > PATIENCE => return Err(error.into()),
                Err(
                    PhoneError::Busy { retry_after_ms, .. }
                    | PhoneError::AskedToWait { retry_after_ms, .. },
                ) => Duration::from_millis(retry_after_ms),
                Err(PhoneError::Transport(_)) => PAUSE,
                Err(error) => return Err(error.into()),
            };
            tries.broken += 1;
            thread::sleep(pause.min(Duration::from_secs(2)));
        }
    }

    /// Syncs until the server has decided on everything that the phone sent.
    pub(super) fn sync_until_decided(&self) -> Result<Tries, CliError> {
        let begun = Instant::now();
        let mut tries = Tries::default();
        loop {
            tries.broken += self.sync()?.broken;
            let status = self.phone.status()?;
            let undecided = status.on_this_phone + status.received + status.waiting;
            if undecided == 0 || begun.elapsed() > PATIENCE {
                return Ok(tries);
            }
            thread::sleep(PAUSE);
        }
    }
}
