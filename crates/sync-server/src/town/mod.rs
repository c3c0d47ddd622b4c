//! A small town for tests: a store, a sequencer and the people of a street, without threads and with
//! a clock that the test turns.

mod device;
mod words;

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::sync::Arc;

use gridlog_domain::id::{DeviceId, PersonId, RecordId};
use gridlog_domain::reference::{Area, AreaLevel, Assignment, Part as PartKind, Person, Role};
use gridlog_merge_guard::Limits;
use gridlog_protocol::{Digest, Fact, LogEntry, SigningKey, entry_hash};

use crate::directory::{Directory, SharedDirectory};
use crate::exchange::{Exchange, Hands, PageSize};
use crate::identity::{claim_again, note_claim};
use crate::ingest::{GivenBack, OfficeWrite, OfficeWritten, Sequencer, Why};
use crate::keys::FormerKeys;
use crate::outside::{Claim, Outside as _, OutsideMemory};
use crate::store::{Device, ItemStatus, NewItem, SqliteStore, Store, StoreError, StoredPerson};
use crate::web::office::read_part;

pub(crate) use device::{Kept, TestDevice};
pub(crate) use words::{comment, new_case, propose, set_title};

/// When every test begins.
pub(crate) const NOW: i64 = 1_790_000_000_000;
/// The street, and its grids.
pub(crate) const STREET: &str = "1";
pub(crate) const GRID_A: &str = "11";
pub(crate) const GRID_B: &str = "12";
/// Works in [`GRID_A`].
pub(crate) const WORKER: &str = "W1";
/// Works in [`GRID_A`] too.
pub(crate) const COLLEAGUE: &str = "W2";
/// Works in [`GRID_B`].
pub(crate) const NEIGHBOUR: &str = "W3";
/// Has every role of an office over the street.
pub(crate) const OFFICE: &str = "O1";
/// Handles cases of 城管.
pub(crate) const HANDLER: &str = "H1";
/// Administrator.
pub(crate) const KEEPER: &str = "A1";

/// The town.
pub(crate) struct Town {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) outside: Arc<OutsideMemory>,
    pub(crate) directory: SharedDirectory,
    pub(crate) sequencer: RefCell<Sequencer>,
    pub(crate) key: SigningKey,
    pub(crate) former: FormerKeys,
    pub(crate) now: Cell<i64>,
    entries: Cell<u64>,
}

fn area(code: &str, level: AreaLevel, parent: Option<&str>) -> Area {
    Area {
        code: code.into(),
        name: code.to_owned(),
        level,
        parent: parent.map(Into::into),
        valid_from_ms: 0,
        valid_to_ms: None,
    }
}

fn holds(role: Role, area: &str) -> Assignment {
    Assignment {
        role,
        area: area.into(),
        department: (role == Role::Handler).then(|| "城管".into()),
        valid_from_ms: 0,
        valid_to_ms: None,
    }
}

fn person(id: &str, assignments: Vec<Assignment>) -> StoredPerson {
    StoredPerson {
        person: Person {
            id: id.into(),
            name: id.to_owned(),
            enabled: true,
            assignments,
        },
        password_hash: None,
    }
}

fn settle(store: &SqliteStore) {
    let areas = [
        area(STREET, AreaLevel::Street, None),
        area(GRID_A, AreaLevel::Grid, Some(STREET)),
        area(GRID_B, AreaLevel::Grid, Some(STREET)),
    ];
    let office = [
        Role::Acceptor,
        Role::Dispatcher,
        Role::Checker,
        Role::DutyOfficer,
    ];
    let people = [
        person(WORKER, vec![holds(Role::GridWorker, GRID_A)]),
        person(COLLEAGUE, vec![holds(Role::GridWorker, GRID_A)]),
        person(NEIGHBOUR, vec![holds(Role::GridWorker, GRID_B)]),
        person(OFFICE, office.map(|role| holds(role, STREET)).into()),
        person(HANDLER, vec![holds(Role::Handler, STREET)]),
        person(KEEPER, vec![holds(Role::Administrator, STREET)]),
    ];
    let catalogue = include_bytes!("../../../../data/catalogue.json");
    store.put_areas(&areas).unwrap();
    store.put_people(&people).unwrap();
    let catalogue = read_part(PartKind::Catalogue, catalogue).unwrap();
    store.put_part(&catalogue).unwrap();
}

impl Town {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("district.db")).unwrap();
        settle(&store);
        Self::over(folder, store, Arc::default())
    }

    /// A server that starts over a database and what is kept beside it.
    pub(crate) fn over(
        folder: tempfile::TempDir,
        store: SqliteStore,
        outside: Arc<OutsideMemory>,
    ) -> Self {
        let store = Arc::new(store);
        // Fresh at each start, and no phone's.
        let starts = outside.claims().unwrap().into_iter();
        let starts = starts.filter(|claim| claim.device.is_none()).count();
        let office = [200 + u8::try_from(starts).unwrap(); 16];
        claim_again(&*store, &*outside, office, NOW).unwrap();
        let directory = SharedDirectory::new(Directory::load(&*store).unwrap());
        let sequencer = Sequencer::new(store.clone(), directory.clone(), Limits::default(), office)
            .beside(outside.clone());
        Self {
            folder,
            store,
            outside,
            directory,
            sequencer: RefCell::new(sequencer),
            key: SigningKey::from_bytes(&[5; 32]),
            former: FormerKeys::default(),
            now: Cell::new(NOW),
            entries: Cell::new(0),
        }
    }

    pub(crate) fn exchange(&self) -> Exchange {
        Exchange {
            store: self.store.clone(),
            outside: self.outside.clone(),
            directory: self.directory.clone(),
            key: self.key.clone(),
            former: self.former.clone(),
            limits: Limits::default(),
            page: PageSize::default(),
        }
    }

    /// An enrolled phone of a person; `n` tells phones apart.
    pub(crate) fn phone(&self, n: u8, person: &str) -> TestDevice {
        let device = Device {
            id: DeviceId::from_bytes([n; 16]),
            person: person.into(),
            name: format!("手机{n}"),
            enrolled_ms: self.now.get(),
            revoked_ms: None,
            last_sync_ms: None,
        };
        let claim = Claim {
            actor: [n; 16],
            device: Some(device.id),
            person: person.into(),
            at_ms: self.now.get(),
        };
        note_claim(&*self.store, &*self.outside, &claim).unwrap();
        self.store.add_device(&device, claim.actor).unwrap();
        TestDevice::new(device)
    }

    /// Gives the town a calendar, and limits that hold for every class.
    pub(crate) fn keep_time(&self, limits: &serde_json::Value) {
        let calendar = include_bytes!("../../../../data/calendar.json");
        let catalogue = include_bytes!("../../../../data/catalogue.json");
        let mut catalogue: serde_json::Value = serde_json::from_slice(catalogue).unwrap();
        catalogue["limits"] = limits.clone();
        let catalogue = serde_json::to_vec(&catalogue).unwrap();
        for (kind, json) in [
            (PartKind::Calendar, calendar.as_slice()),
            (PartKind::Catalogue, &catalogue),
        ] {
            self.store
                .put_part(&read_part(kind, json).unwrap())
                .unwrap();
        }
        self.directory.refresh(&*self.store).unwrap();
    }

    /// Gives the town another calendar.
    pub(crate) fn keep_calendar(&self, calendar: &serde_json::Value) {
        let json = serde_json::to_vec(calendar).unwrap();
        let part = read_part(PartKind::Calendar, &json).unwrap();
        self.store.put_part(&part).unwrap();
        self.directory.refresh(&*self.store).unwrap();
    }

    /// Lets the server do what the clock has done, some at a time; how many timers it entered.
    pub(crate) fn let_clock_run(&self, at_once: usize) -> usize {
        let mut entered = 0;
        loop {
            let mut sequencer = self.sequencer.borrow_mut();
            let fired = sequencer.fire_timers(self.now.get(), at_once).unwrap();
            entered += fired.entered;
            if !fired.more {
                return entered;
            }
        }
    }

    /// A server that starts again over the same store.
    pub(crate) fn start_again(&self) {
        let (store, directory) = (self.store.clone(), self.directory.clone());
        let sequencer = Sequencer::new(store, directory, Limits::default(), [8; 16])
            .beside(self.outside.clone());
        self.sequencer.replace(sequencer);
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, ms: i64) {
        self.now.set(self.now.get() + ms);
    }

    /// Writes for an office.
    pub(crate) fn office(
        &self,
        by: &str,
        record: RecordId,
        commands: Vec<gridlog_domain::record::Command>,
    ) -> OfficeWritten {
        let wish = OfficeWrite {
            by: by.into(),
            record,
            commands,
        };
        let mut sequencer = self.sequencer.borrow_mut();
        sequencer.office_write(self.now.get(), &wish).unwrap()
    }

    /// A fresh number for an entry of a record.
    pub(crate) fn fresh(&self) -> [u8; 16] {
        self.entries.set(self.entries.get() + 1);
        let mut id = [0; 16];
        id[8..].copy_from_slice(&self.entries.get().to_be_bytes());
        id
    }

    /// Copies the database aside, as a backup does.
    pub(crate) fn back_up(&self) -> PathBuf {
        let n = std::fs::read_dir(self.folder.path()).unwrap().count();
        let file = self.folder.path().join(format!("backup-{n}.db"));
        self.store.back_up(&file).unwrap();
        file
    }

    /// Puts a backup in the database's place, and begins an epoch if the operator says so.
    pub(crate) fn restore(self, backup: &std::path::Path, why: Option<Why>) -> Self {
        let Self {
            folder,
            store,
            outside,
            now,
            entries,
            ..
        } = self;
        let live = folder.path().join("district.db");
        drop(store);
        for suffix in ["", "-wal", "-shm"] {
            let mut name = live.clone().into_os_string();
            name.push(suffix);
            let _ = std::fs::remove_file(name);
        }
        std::fs::copy(backup, &live).unwrap();
        let town = Self::over(folder, SqliteStore::open(&live).unwrap(), outside);
        town.now.set(now.get());
        town.entries.set(entries.get());
        if let Some(why) = why {
            let epoch = town.store.head().unwrap().epoch;
            let mut sequencer = town.sequencer.borrow_mut();
            sequencer
                .begin_epoch(now.get(), (epoch, epoch + 1), why)
                .unwrap();
        }
        town
    }

    /// What the log says of a record, in order.
    pub(crate) fn facts(&self, record: RecordId) -> Vec<Fact> {
        let entries = self.store.record_entries(record).unwrap();
        let facts = entries.iter();
        facts
            .map(|entry| LogEntry::from_bytes(&entry.canonical).unwrap().fact)
            .collect()
    }

    /// Checks that the log is dense and chained, and that the prints are right.
    pub(crate) fn require_sound(&self) {
        let mut previous = Digest::ZERO;
        let mut count = 0;
        for stored in self.store.entries(0, usize::MAX >> 1).unwrap() {
            let entry = LogEntry::from_bytes(&stored.canonical).unwrap();
            count += 1;
            assert_eq!((entry.seq, entry.previous), (count, previous));
            previous = entry_hash(&stored.canonical);
        }
        let head = self.store.head().unwrap();
        assert_eq!((head.seq, head.hash), (count, previous));
    }
}

impl Hands for Town {
    fn receive(&self, items: Vec<NewItem>) -> Result<Vec<ItemStatus>, StoreError> {
        self.store.add_to_inbox(&items)
    }

    fn await_decisions(&self, _items: &[Digest]) -> Result<(), StoreError> {
        self.sequencer
            .borrow_mut()
            .round(self.now.get(), 1_000)
            .map(drop)
    }

    fn take_back(&self, given: Vec<GivenBack>) -> Result<u64, StoreError> {
        self.sequencer
            .borrow_mut()
            .take_back(self.now.get(), &given)
    }

    fn begin_epoch(&self, current: u64, next: u64) -> Result<(), StoreError> {
        let mut sequencer = self.sequencer.borrow_mut();
        sequencer.begin_epoch(self.now.get(), (current, next), Why::RolledBack)
    }
}

/// A record's id; `n` tells records apart.
pub(crate) fn record(n: u8) -> RecordId {
    RecordId::from_bytes([n; 16])
}

/// The person of that staff number.
pub(crate) fn staff(id: &str) -> PersonId {
    id.into()
}
