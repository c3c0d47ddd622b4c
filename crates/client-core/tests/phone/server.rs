//! The real server engine in one process: the store, the sequencer and the exchange, without HTTP
//! and without threads. Phones reach it over a [`Line`] that a test can disturb.

use std::cell::{Cell, RefCell, RefMut};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use gridlog_client_core::{Answer, ENROL_PATH, SYNC_PATH, Transport, TransportError};
use gridlog_domain::environment::{Entropy, SeededEntropy};
use gridlog_domain::id::{PersonId, RecordId};
use gridlog_domain::record::RecordView;
use gridlog_domain::reference::Person;
use gridlog_merge_guard::Limits;
use gridlog_protocol::{
    Digest, EnrolAnswer, EnrolRequest, ErrorBody, Fact, LogEntry, Page, SigningKey, SyncRequest,
};
use gridlog_sync_server::directory::{Directory, SharedDirectory};
use gridlog_sync_server::exchange::{Asker, Exchange, ExchangeError, Hands, PageSize};
use gridlog_sync_server::identity::{Bearer, EnrolError, EnrolWish, Tokens, claim_again, enrol};
use gridlog_sync_server::ingest::{GivenBack, Sequencer, Why};
use gridlog_sync_server::outside::OutsideMemory;
use gridlog_sync_server::store::{
    ItemStatus, NewItem, RecordRow, SqliteStore, Store, StoreError, StoredPerson,
};

use crate::clock::{DAY_MS, World};
use crate::district;
use crate::line::Line;

pub(crate) const PASSWORD: &str = "secret";
/// How long a phone stays signed in.
pub(crate) const TOKEN_LASTS_MS: i64 = 90 * DAY_MS;

/// A server, and the line to it. Clones are one server.
#[derive(Clone)]
pub(crate) struct Server(Rc<Parts>);

struct Parts {
    folder: tempfile::TempDir,
    world: World,
    key: SigningKey,
    starts: Cell<u8>,
    copies: Cell<u32>,
    entropy: RefCell<SeededEntropy>,
    outside: Arc<OutsideMemory>,
    running: RefCell<Option<Engine>>,
    line: RefCell<Line>,
}

/// What runs on one opened store.
pub(crate) struct Engine {
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) directory: SharedDirectory,
    pub(crate) sequencer: RefCell<Sequencer>,
    exchange: Exchange,
    tokens: Tokens,
    /// Whether items wait undecided.
    is_busy: bool,
}

/// A copy of a server's database.
pub(crate) struct Backup {
    path: PathBuf,
    epoch: u64,
    /// The last entry in it.
    pub(crate) through: u64,
}

impl Server {
    pub(crate) fn new(world: &World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        district::found(&SqliteStore::open(&folder.path().join("district.db")).unwrap());
        let server = Self(Rc::new(Parts {
            folder,
            world: world.clone(),
            key: SigningKey::from_bytes(&[9; 32]),
            starts: Cell::new(0),
            copies: Cell::new(0),
            entropy: RefCell::new(SeededEntropy::new(99)),
            outside: Arc::default(),
            running: RefCell::new(None),
            line: RefCell::new(Line::default()),
        }));
        server.start();
        server
    }

    fn database(&self) -> PathBuf {
        self.0.folder.path().join("district.db")
    }

    fn start(&self) {
        let starts = self.0.starts.get() + 1;
        self.0.starts.set(starts);
        let engine = Engine::start(&self.0, &self.database(), [starts; 16]);
        let newest = engine
            .sequencer
            .borrow_mut()
            .require_newest_epoch(self.now_ms());
        newest.unwrap();
        *self.0.running.borrow_mut() = Some(engine);
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.0.world.now_ms()
    }

    pub(crate) fn world(&self) -> &World {
        &self.0.world
    }

    pub(crate) fn key(&self) -> &SigningKey {
        &self.0.key
    }

    /// The line to the phones.
    pub(crate) fn line(&self) -> RefMut<'_, Line> {
        self.0.line.borrow_mut()
    }

    /// What runs now. Not to be held over a sync.
    pub(crate) fn engine(&self) -> RefMut<'_, Engine> {
        RefMut::map(self.0.running.borrow_mut(), |running| {
            running.as_mut().unwrap()
        })
    }

    pub(crate) fn store(&self) -> Arc<SqliteStore> {
        Arc::clone(&self.engine().store)
    }

    /// What was last asked.
    pub(crate) fn last_request(&self) -> SyncRequest {
        self.line().requests.last().unwrap().clone()
    }

    /// What was last answered.
    pub(crate) fn last_page(&self) -> Page {
        self.line().pages.last().unwrap().clone()
    }

    /// What the server has of a record.
    pub(crate) fn view(&self, id: RecordId) -> Option<RecordView> {
        let row = self.store().record(id).unwrap()?;
        Some(serde_json::from_str(&row.view).unwrap())
    }

    /// The log.
    pub(crate) fn entries(&self) -> Vec<LogEntry> {
        let stored = self.store().entries(0, usize::MAX >> 1).unwrap();
        stored
            .iter()
            .map(|entry| LogEntry::from_bytes(&entry.canonical).unwrap())
            .collect()
    }

    /// What a person sees, in the order of ids.
    pub(crate) fn seen_by(&self, person: &PersonId) -> Vec<RecordRow> {
        let engine = self.engine();
        let audiences = engine.directory.now().audiences(person, self.now_ms());
        let seen = engine.store.prints(&audiences).unwrap();
        seen.iter()
            .map(|printed| engine.store.record(printed.id).unwrap().unwrap())
            .collect()
    }

    /// How many changes the log admits.
    pub(crate) fn admitted(&self) -> usize {
        let is_admission = |entry: &&LogEntry| matches!(entry.fact, Fact::Admit { .. });
        self.entries().iter().filter(is_admission).count()
    }

    /// Every actor of a person's devices.
    pub(crate) fn actors(&self, person: &str) -> Vec<[u8; 16]> {
        let store = self.store();
        let devices = store.devices_of(&PersonId::new(person)).unwrap();
        let actors = devices.iter().map(|d| store.actors_of(d.id).unwrap());
        actors.flatten().collect()
    }

    /// The directory changes.
    pub(crate) fn appoint(&self, person: Person) {
        let engine = self.engine();
        let stored = StoredPerson {
            person,
            password_hash: None,
        };
        engine.store.put_people(&[stored]).unwrap();
        engine.directory.refresh(&*engine.store).unwrap();
    }

    /// The one item that waits for an office.
    pub(crate) fn reviewed(&self) -> Digest {
        let waiting = self.store().quarantine(None, 10).unwrap();
        assert_eq!(waiting.len(), 1);
        waiting[0].item.pushed.item
    }

    /// Leaves what is pushed undecided from here on.
    pub(crate) fn rest(&self) {
        self.engine().is_busy = true;
    }

    /// Decides on everything, and goes on doing so.
    pub(crate) fn work(&self) {
        let now = self.now_ms();
        let mut engine = self.engine();
        engine.is_busy = false;
        engine.decide(now).unwrap();
    }

    /// Copies the database.
    pub(crate) fn copy(&self) -> Backup {
        let number = self.0.copies.get();
        self.0.copies.set(number + 1);
        let path = self.0.folder.path().join(format!("copy-{number}.db"));
        let head = self.store().back_up(&path).unwrap();
        Backup {
            path,
            epoch: head.epoch,
            through: head.seq,
        }
    }

    /// Notes that a copy is kept as a backup.
    pub(crate) fn note_backup(&self, copy: &Backup) {
        self.store().note_backup(copy.through).unwrap();
    }

    /// Puts an older copy in place of the database, and tells nobody.
    pub(crate) fn put_back(&self, copy: &Backup) {
        self.swap_database(copy);
        self.erase_again();
    }

    /// Restores from a copy, as the operator does it: a new epoch begins.
    pub(crate) fn restore(&self, copy: &Backup) {
        self.swap_database(copy);
        let epoch = self.store().head().unwrap().epoch;
        // If newer ones began since the copy, the server has noticed that by itself.
        if epoch == copy.epoch {
            let engine = self.engine();
            let mut sequencer = engine.sequencer.borrow_mut();
            let epochs = (epoch, epoch + 1);
            let begun = sequencer.begin_epoch(self.now_ms(), epochs, Why::Restored);
            begun.unwrap();
        }
        self.erase_again();
    }

    fn swap_database(&self, copy: &Backup) {
        drop(self.0.running.borrow_mut().take());
        for tail in ["-wal", "-shm"] {
            let mut path = self.database().into_os_string();
            path.push(tail);
            let _ = std::fs::remove_file(path);
        }
        std::fs::copy(&copy.path, self.database()).unwrap();
        self.start();
    }

    /// What a server does at its start with what was erased after the copy was made.
    fn erase_again(&self) {
        let engine = self.engine();
        let mut sequencer = engine.sequencer.borrow_mut();
        sequencer.erase_again(self.now_ms()).unwrap();
    }
}

impl Engine {
    fn start(parts: &Parts, database: &Path, actor: [u8; 16]) -> Self {
        let key = &parts.key;
        let store = Arc::new(SqliteStore::open(database).unwrap());
        let directory = SharedDirectory::new(Directory::load(&*store).unwrap());
        let shared: Arc<dyn Store> = store.clone();
        claim_again(&*store, &*parts.outside, actor, 0).unwrap();
        let limits = Limits::default;
        let sequencer = Sequencer::new(Arc::clone(&shared), directory.clone(), limits(), actor)
            .beside(parts.outside.clone());
        Self {
            exchange: Exchange {
                store: shared,
                outside: parts.outside.clone(),
                directory: directory.clone(),
                key: key.clone(),
                former: gridlog_sync_server::keys::FormerKeys::default(),
                limits: limits(),
                page: PageSize::default(),
            },
            tokens: Tokens::new(key, &[]).unwrap(),
            sequencer: RefCell::new(sequencer),
            directory,
            store,
            is_busy: false,
        }
    }

    /// Rounds until nothing is undecided.
    fn decide(&self, now_ms: i64) -> Result<(), StoreError> {
        while self.sequencer.borrow_mut().round(now_ms, 256)?.decided > 0 {}
        Ok(())
    }

    fn enrol(&self, body: &[u8], entropy: &mut dyn Entropy, now_ms: i64) -> Answer {
        let request: EnrolRequest = serde_json::from_slice(body).unwrap();
        if request.password != PASSWORD {
            return refusal(401, "wrong_password");
        }
        let mut actor = [0; 16];
        hex::decode_to_slice(&request.actor, &mut actor).unwrap();
        let wish = EnrolWish {
            person: PersonId::new(request.person),
            actor,
            device_name: request.device_name,
            now_ms,
        };
        let key = &self.exchange.key;
        let enrolled = match enrol((&*self.store, &*self.exchange.outside), key, entropy, &wish) {
            Ok(enrolled) => enrolled,
            Err(EnrolError::ActorTaken) => return refusal(409, "actor_taken"),
            Err(EnrolError::TooManyDevices { .. }) => return refusal(409, "too_many_devices"),
            Err(error) => panic!("{error}"),
        };
        let bearer = Bearer {
            person: wish.person.clone(),
            device: Some(enrolled.device),
        };
        let directory = self.directory.now();
        let answer = EnrolAnswer {
            device: enrolled.device.to_string(),
            token: self.tokens.issue(&bearer, now_ms, TOKEN_LASTS_MS).unwrap(),
            server_key: hex::encode(key.verifying_key().to_bytes()),
            certificate: hex::encode(enrolled.certificate),
            district: "430111".to_owned(),
            profile: serde_json::to_value(directory.person(&wish.person).unwrap()).unwrap(),
            profile_version: directory.profile_version(&wish.person, now_ms),
            successions: Vec::new(),
        };
        ok(serde_json::to_vec(&answer).unwrap())
    }

    /// Answers a sync request as the web layer does: who asks, and the signed page.
    fn sync(
        &self,
        bearer: Option<&str>,
        body: &[u8],
        now: i64,
    ) -> Result<(Asker, Vec<u8>), Answer> {
        let bearer = self.tokens.read(bearer.unwrap_or_default(), now);
        let bearer = bearer.map_err(|_| refusal(401, "token_expired"))?;
        let asker = Asker {
            device: bearer.device.unwrap(),
            person: bearer.person,
        };
        match self
            .exchange
            .answer(&asker, body, &Inline { engine: self, now }, &|| now)
        {
            Ok(page) => Ok((asker, page)),
            Err(error) => Err(refused(&error)),
        }
    }
}

/// One step after the other.
struct Inline<'a> {
    engine: &'a Engine,
    now: i64,
}

impl Hands for Inline<'_> {
    fn receive(&self, items: Vec<NewItem>) -> Result<Vec<ItemStatus>, StoreError> {
        self.engine.store.add_to_inbox(&items)
    }

    fn await_decisions(&self, _: &[Digest]) -> Result<(), StoreError> {
        if self.engine.is_busy {
            return Ok(());
        }
        self.engine.decide(self.now)
    }

    fn take_back(&self, given: Vec<GivenBack>) -> Result<u64, StoreError> {
        self.engine
            .sequencer
            .borrow_mut()
            .take_back(self.now, &given)
    }

    fn begin_epoch(&self, current: u64, next: u64) -> Result<(), StoreError> {
        let mut sequencer = self.engine.sequencer.borrow_mut();
        sequencer.begin_epoch(self.now, (current, next), Why::RolledBack)
    }
}

fn refused(error: &ExchangeError) -> Answer {
    match error {
        ExchangeError::Protocol(error) => refusal(400, error.code()),
        ExchangeError::UnknownDevice => refusal(401, "unknown_device"),
        ExchangeError::ActorTaken => refusal(409, "actor_taken"),
        ExchangeError::TooManyActors => refusal(409, "too_many_actors"),
        failed => panic!("{failed}"),
    }
}

pub(crate) fn ok(body: Vec<u8>) -> Answer {
    Answer {
        status: 200,
        body,
        retry_after_ms: None,
    }
}

pub(crate) fn refusal(status: u16, code: &str) -> Answer {
    let body = ErrorBody {
        code: code.to_owned(),
        zh: "不行".to_owned(),
        en: "no".to_owned(),
    };
    Answer {
        status,
        body: serde_json::to_vec(&body).unwrap(),
        retry_after_ms: None,
    }
}

impl Transport for Server {
    fn post(
        &self,
        path: &str,
        bearer: Option<&str>,
        _: &str,
        body: &[u8],
    ) -> Result<Answer, TransportError> {
        let now = self.now_ms();
        match path {
            ENROL_PATH => {
                let mut entropy = self.0.entropy.borrow_mut();
                Ok(self.engine().enrol(body, &mut *entropy, now))
            }
            SYNC_PATH => {
                let mut line = self.line();
                let sending = match line.send(body) {
                    Ok(sending) => sending,
                    Err(instead) => return Ok(instead),
                };
                let answered = self.engine().sync(bearer, &sending.body, now);
                line.bring(&self.0.key, &sending, answered)
            }
            _ => panic!("nothing at {path}"),
        }
    }
}
