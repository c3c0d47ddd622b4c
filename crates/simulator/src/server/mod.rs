//! The server: the real engines on one simulated machine, in one thread.
//!
//! What the web layer does around them is done here by hand and as briefly: who asks, which status
//! an error has. Passwords and token signatures are left out; a token says whose it is.

mod hands;
mod office;

use std::cell::RefCell;
use std::sync::Arc;

use gridlog_client_core::{Answer, ENROL_PATH, SYNC_PATH};
use gridlog_domain::environment::{Clock, Entropy, SeededEntropy};
use gridlog_domain::id::{DeviceId, PersonId};
use gridlog_merge_guard::Limits;
use gridlog_protocol::{EnrolAnswer, EnrolRequest, ErrorBody, ProtocolError, SigningKey};
use gridlog_sync_server::directory::{Directory, SharedDirectory};
use gridlog_sync_server::exchange::{Asker, Exchange, ExchangeError, PageSize};
use gridlog_sync_server::identity::{EnrolError, EnrolWish, claim_again, enrol, revoke_again};
use gridlog_sync_server::ingest::Sequencer;
use gridlog_sync_server::outside::{Outside, OutsideMemory};
use gridlog_sync_server::restore::{end_epochs, go_on};
use gridlog_sync_server::snapshotter::Snapshotter;
use gridlog_sync_server::store::{LogHead, SqliteStore, Store, StoreError};

use crate::clock::DeviceClock;
use crate::disk::{Image, Machine};
use crate::people;
use hands::OneThread;

/// The database's file.
const FILE: &str = "server.db";
/// Most items that one round decides on.
const ROUND: usize = 64;
/// Most timers that are entered at once.
const ROUND_OF_TIMERS: usize = 8;

/// A copy of the database, and the head of its log.
#[derive(Debug, Clone)]
pub(crate) struct Backup {
    image: Image,
    /// The last entry in it.
    pub(crate) head: LogHead,
}

/// The machine in the server's room.
pub(crate) struct House {
    pub(crate) machine: Machine,
    pub(crate) clock: DeviceClock,
    pub(crate) key: SigningKey,
    entropy: SeededEntropy,
    /// How much one of its pages holds.
    page: PageSize,
    /// What outlives a restore. It stands for three small files that no fault reaches here.
    pub(crate) outside: Arc<dyn Outside>,
    running: Option<Running>,
    /// The backup that would be restored.
    pub(crate) backup: Option<Backup>,
}

/// A server process.
pub(crate) struct Running {
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) directory: SharedDirectory,
    exchange: Exchange,
    sequencer: RefCell<Sequencer>,
}

/// What came of something that was asked of the server.
#[derive(Debug)]
pub(crate) enum Done<T> {
    /// It was done.
    Ok(T),
    /// The server refused, with a reason.
    Refused(String),
    /// The store failed.
    Failed(String),
    /// There is no server.
    Off,
}

/// A token, as this server gives it.
fn token(person: &PersonId, device: DeviceId) -> String {
    format!("{device}|{person}")
}

fn asker(bearer: &str) -> Option<Asker> {
    let (device, person) = bearer.split_once('|')?;
    Some(Asker {
        device: device.parse().ok()?,
        person: PersonId::new(person),
    })
}

fn refusal(status: u16, code: &str) -> Answer {
    let body = ErrorBody {
        code: code.to_owned(),
        zh: "不行".to_owned(),
        en: code.to_owned(),
    };
    Answer {
        status,
        body: serde_json::to_vec(&body).unwrap_or_default(),
        retry_after_ms: None,
    }
}

fn taken(body: Vec<u8>) -> Answer {
    Answer {
        status: 200,
        body,
        retry_after_ms: None,
    }
}

/// The status and code that the web layer gives.
fn refused(error: &ExchangeError) -> Answer {
    match error {
        ExchangeError::Protocol(error @ ProtocolError::TooLarge { .. }) => {
            refusal(413, error.code())
        }
        ExchangeError::Protocol(error) => refusal(400, error.code()),
        ExchangeError::UnknownDevice => refusal(401, "unknown_device"),
        ExchangeError::ActorTaken => refusal(409, "actor_taken"),
        ExchangeError::TooManyActors => refusal(409, "too_many_actors"),
        ExchangeError::Damaged(what) => refusal(500, what),
        ExchangeError::Store(_) => refusal(500, "server_failed"),
    }
}

impl House {
    /// A machine without a database.
    pub(crate) fn new(machine: Machine, clock: DeviceClock, page: PageSize, seed: u64) -> Self {
        let mut entropy = SeededEntropy::new(seed ^ 0x5e17_e5ee_d000);
        let mut secret = [0; 32];
        entropy.fill(&mut secret);
        Self {
            machine,
            clock,
            key: SigningKey::from_bytes(&secret),
            entropy,
            page,
            outside: Arc::new(OutsideMemory::default()),
            running: None,
            backup: None,
        }
    }

    /// The process, if there is one.
    pub(crate) fn running(&self) -> Option<&Running> {
        self.running.as_ref().filter(|_| !self.machine.is_down())
    }

    /// Starts the process; a machine that is down comes up first.
    ///
    /// # Errors
    /// What the store says; there is no process then.
    pub(crate) fn start(&mut self) -> Result<(), StoreError> {
        self.running = None;
        if self.machine.is_down() {
            self.machine.restart();
        }
        let store = Arc::new(SqliteStore::open(&self.machine.path(FILE))?);
        if store.areas()?.is_empty() {
            store.put_areas(&people::areas())?;
            store.put_people(&people::people())?;
            for part in people::parts() {
                store.put_part(&part)?;
            }
        }
        let directory = SharedDirectory::new(Directory::load(&*store)?);
        let mut actor = [0; 16];
        self.entropy.fill(&mut actor);
        let shared: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
        let limits = Limits::default();
        let sequencer = Sequencer::new(Arc::clone(&shared), directory.clone(), limits, actor);
        let mut sequencer = sequencer.beside(Arc::clone(&self.outside));
        let now_ms = self.clock.now_ms();
        claim_again(&*store, &*self.outside, actor, now_ms)?;
        revoke_again(&*store, &*self.outside)?;
        sequencer.require_newest_epoch(now_ms)?;
        sequencer.erase_again(now_ms)?;
        self.running = Some(Running {
            exchange: Exchange {
                store: shared,
                outside: Arc::clone(&self.outside),
                directory: directory.clone(),
                key: self.key.clone(),
                former: gridlog_sync_server::keys::FormerKeys::default(),
                limits: Limits::default(),
                page: self.page,
            },
            sequencer: RefCell::new(sequencer),
            store,
            directory,
        });
        Ok(())
    }

    /// Ends the process, as an operator does.
    pub(crate) fn stop(&mut self) {
        self.running = None;
    }

    /// Answers one request; `None` if nothing answers. `decides` says whether the sequencer gets to
    /// what is pushed before the answer goes out.
    pub(crate) fn post(
        &mut self,
        path: &str,
        bearer: Option<&str>,
        body: &[u8],
        decides: bool,
    ) -> Option<Answer> {
        let running = self.running.as_ref()?;
        if self.machine.is_down() {
            return None;
        }
        let now = || self.clock.now_ms();
        let answer = match path {
            ENROL_PATH => self.enrol(body),
            SYNC_PATH => match bearer.and_then(asker) {
                None => refusal(401, "not_signed_in"),
                Some(asker) => {
                    let hands = OneThread {
                        running,
                        decides,
                        now: &now,
                    };
                    match running.exchange.answer(&asker, body, &hands, &now) {
                        Ok(page) => taken(page),
                        Err(error) => refused(&error),
                    }
                }
            },
            _ => refusal(404, "not_found"),
        };
        (!self.machine.is_down()).then_some(answer)
    }

    fn enrol(&mut self, body: &[u8]) -> Answer {
        let Ok(request) = serde_json::from_slice::<EnrolRequest>(body) else {
            return refusal(400, "bad_json");
        };
        let Some(running) = &self.running else {
            return refusal(500, "server_failed");
        };
        let id = PersonId::new(request.person);
        let directory = running.directory.now();
        let Some(person) = directory.person(&id).filter(|person| person.enabled) else {
            return refusal(401, "wrong_password");
        };
        let mut actor = [0; 16];
        if hex::decode_to_slice(&request.actor, &mut actor).is_err() {
            return refusal(400, "bad_actor");
        }
        let now_ms = self.clock.now_ms();
        let wish = EnrolWish {
            person: id.clone(),
            actor,
            device_name: request.device_name,
            now_ms,
        };
        let enrolled = match enrol(
            (&*running.store, &*self.outside),
            &self.key,
            &mut self.entropy,
            &wish,
        ) {
            Ok(enrolled) => enrolled,
            Err(EnrolError::ActorTaken) => return refusal(409, "actor_taken"),
            Err(EnrolError::TooManyDevices { .. }) => return refusal(409, "too_many_devices"),
            Err(EnrolError::Store(_)) => return refusal(500, "server_failed"),
        };
        let answer = EnrolAnswer {
            device: enrolled.device.to_string(),
            token: token(&id, enrolled.device),
            server_key: hex::encode(self.key.verifying_key().as_bytes()),
            certificate: hex::encode(enrolled.certificate),
            district: people::DISTRICT.to_owned(),
            profile: serde_json::to_value(person).unwrap_or_default(),
            profile_version: directory.profile_version(&id, now_ms),
            successions: Vec::new(),
        };
        serde_json::to_vec(&answer).map_or_else(|_| refusal(500, "server_failed"), taken)
    }

    /// Does something with the running process.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&Running, i64) -> Result<T, StoreError>,
    ) -> Done<T> {
        let Some(running) = self.running() else {
            return Done::Off;
        };
        match work(running, self.clock.now_ms()) {
            _ if self.machine.is_down() => Done::Off,
            Ok(value) => Done::Ok(value),
            Err(error) => Done::Failed(error.to_string()),
        }
    }

    /// Makes a snapshot of every record that has some changes after its last one.
    pub(crate) fn snapshot(&self) -> Done<usize> {
        const AFTER_CHANGES: u64 = 2;
        self.with(|running, _| {
            let store: Arc<dyn Store> = Arc::clone(&running.store) as Arc<dyn Store>;
            Snapshotter::new(store, AFTER_CHANGES).run(1_000)
        })
    }

    /// Decides on everything that was received.
    pub(crate) fn decide(&self) -> Done<()> {
        self.with(|running, now_ms| running.decide(now_ms))
    }

    /// Makes a backup while the server runs: as its command does, or as a copy of the files. A backup of
    /// the first kind is noted, and phones then rely on it.
    pub(crate) fn back_up(&mut self, by_files: bool) -> Done<u64> {
        if self.running().is_none() {
            return Done::Off;
        }
        let made = match by_files {
            true => self.copy_files(),
            false => self.copy_database(),
        };
        match made {
            _ if self.machine.is_down() => Done::Off,
            Err(error) => Done::Failed(error.to_string()),
            Ok(None) => Done::Failed("the backup is not there".to_owned()),
            Ok(Some(backup)) => {
                let seq = backup.head.seq;
                self.backup = Some(backup);
                Done::Ok(seq)
            }
        }
    }

    fn copy_files(&self) -> Result<Option<Backup>, StoreError> {
        let Some(running) = self.running() else {
            return Ok(None);
        };
        let head = running.store.head()?;
        let image = self.machine.copy().only(&[FILE, "server.db-wal"]);
        Ok(Some(Backup { image, head }))
    }

    /// What [`gridlog_sync_server::backup::back_up`] does, on this disk: copies, reads the copy through,
    /// and notes it in the database.
    fn copy_database(&self) -> Result<Option<Backup>, StoreError> {
        // Every backup has a name of its own, as an operator gives it; then it is taken away.
        let name = format!("backup-{}.db", self.machine.steps());
        let (database, copy) = (self.machine.path(FILE), self.machine.path(&name));
        SqliteStore::copy_file(&database, &copy)?;
        let head = SqliteStore::inspect_file(&copy)?;
        let image = self.machine.copy().renamed(&name, FILE);
        self.machine.remove(&name);
        SqliteStore::note_copy(&database, head)?;
        Ok(image.map(|image| Backup { image, head }))
    }

    /// Puts the backup in the place of the database and starts. With `is_said`, as the operator's
    /// command does: the log goes on in a new epoch. Without, nobody says anything.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) fn restore(&mut self, backup: &Backup, is_said: bool) -> Result<(), StoreError> {
        self.running = None;
        if self.machine.is_down() {
            self.machine.restart();
        }
        if !is_said {
            self.machine.restore(&backup.image);
            return self.start();
        }
        let database = self.machine.path(FILE);
        let outside = Arc::clone(&self.outside);
        end_epochs(&*outside, &database, backup.head)?;
        self.machine.restore(&backup.image);
        let with = (
            &self.clock as &dyn Clock,
            &mut self.entropy as &mut dyn Entropy,
        );
        go_on(&database, backup.head, outside, with)?;
        self.start()
    }
}

impl Running {
    /// Rounds until nothing is left.
    fn decide(&self, now_ms: i64) -> Result<(), StoreError> {
        loop {
            let round = self.sequencer.borrow_mut().round(now_ms, ROUND)?;
            if !round.more {
                break;
            }
        }
        while self
            .sequencer
            .borrow_mut()
            .fire_timers(now_ms, ROUND_OF_TIMERS)?
            .more
        {}
        Ok(())
    }
}
