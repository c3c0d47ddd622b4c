//! Phones: a store in a folder, a clock that a test sets, the district's weather.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use gridlog_cli::environment::{SystemClock, SystemEntropy};
use gridlog_client_core::{
    FileMarker, HttpTransport, NewReport, OpenOptions, Phone, PhoneError, StoreKey, SyncOptions,
    SyncReport,
};
use gridlog_domain::environment::Clock;
use gridlog_domain::id::{PersonId, RecordId};

use crate::district::{District, PASSWORD};
use crate::words;

/// The system's clock, or one that stands still.
#[derive(Debug, Default)]
pub struct HandClock(AtomicI64);

impl HandClock {
    /// Stops the clock at a moment after 1970.
    pub fn freeze(&self, at_ms: i64) {
        self.0.store(at_ms, Ordering::SeqCst);
    }

    /// Lets it go right again.
    pub fn thaw(&self) {
        self.0.store(0, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now_ms(&self) -> i64 {
        match self.0.load(Ordering::SeqCst) {
            0 => SystemClock.now_ms(),
            frozen => frozen,
        }
    }
}

/// The key of every store in tests.
pub fn store_key() -> StoreKey {
    StoreKey::new([7; 32])
}

/// A phone and where it lives.
pub struct TestPhone {
    /// The engine.
    pub phone: Phone,
    /// Its clock.
    pub clock: Arc<HandClock>,
    /// Its person.
    pub person: PersonId,
    /// Its way to the server.
    pub transport: HttpTransport,
    folder: PathBuf,
}

impl std::ops::Deref for TestPhone {
    type Target = Phone;

    fn deref(&self) -> &Phone {
        &self.phone
    }
}

/// Opens the phone in a folder.
pub fn open_phone(folder: &Path, clock: Arc<dyn Clock>) -> Phone {
    Phone::open(OpenOptions {
        path: folder.join("phone.db"),
        key: store_key(),
        clock,
        entropy: Box::new(SystemEntropy),
        marker: Arc::new(FileMarker::new(folder.join("marker"))),
    })
    .expect("the store opens")
}

fn free_folder(district: &District, person: &PersonId) -> PathBuf {
    (1..)
        .map(|n| district.folder(&format!("phone-{person}-{n}")))
        .find(|folder| !folder.join("phone.db").exists())
        .expect("there is no end of numbers")
}

impl TestPhone {
    /// A phone in a folder of its own, not enrolled.
    pub fn fresh(district: &District, person: &PersonId) -> Self {
        Self::in_folder(district, person, free_folder(district, person))
    }

    /// A phone restored from a careless copy of another one: its files, the generation marker
    /// included.
    pub fn restored(district: &District, from: &Self) -> Self {
        let folder = free_folder(district, &from.person);
        for name in ["phone.db", "phone.db-wal", "marker"] {
            let file = from.folder.join(name);
            if file.exists() {
                std::fs::copy(file, folder.join(name)).expect("the file is copied");
            }
        }
        Self::in_folder(district, &from.person, folder)
    }

    fn in_folder(district: &District, person: &PersonId, folder: PathBuf) -> Self {
        let clock = Arc::new(HandClock::default());
        Self {
            phone: open_phone(&folder, clock.clone()),
            clock,
            person: person.clone(),
            transport: HttpTransport::new(&district.proxy.url()).expect("the proxy has an address"),
            folder,
        }
    }

    /// An enrolled phone that has pulled everything.
    pub fn enrolled(district: &District, person: &PersonId) -> Self {
        let phone = Self::fresh(district, person);
        phone
            .phone
            .enrol(&phone.transport, person, PASSWORD, "测试手机")
            .expect("the server enrols the phone");
        phone.sync_all();
        phone
    }

    /// The store's file.
    pub fn file(&self) -> PathBuf {
        self.folder.join("phone.db")
    }

    /// The store's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Closes the store and opens it again, as a restart of the app does.
    pub fn reopen(&mut self) {
        self.phone = open_phone(&self.folder, self.clock.clone());
    }

    /// One sync.
    ///
    /// # Errors
    /// As [`Phone::sync`].
    pub fn try_sync(&self) -> Result<SyncReport, PhoneError> {
        self.phone.sync(&self.transport, SyncOptions::default())
    }

    /// Syncs until nothing is undecided that the server could decide on, at most a few times.
    pub fn sync_all(&self) -> SyncReport {
        let mut report = self.try_sync().expect("the sync succeeds");
        for _ in 0..20 {
            let status = self.phone.status().expect("the status reads");
            if report.complete && status.on_this_phone == 0 && status.received == 0 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
            report = self.try_sync().expect("the sync succeeds");
        }
        report
    }

    /// Reports a problem.
    pub fn report_case(&self, title: &str) -> RecordId {
        self.phone
            .report(new_report(title))
            .expect("the phone records")
    }

    /// Notes a problem without reporting it.
    pub fn note(&self, title: &str) -> RecordId {
        self.phone
            .note_case(new_report(title))
            .expect("the phone records")
    }
}

fn new_report(title: &str) -> NewReport {
    NewReport {
        title: words(title),
        category: "01014".to_owned(),
        condition: Some("缺失".to_owned()),
        description: Some(words("井盖缺失，已放警示桩。")),
        ..NewReport::default()
    }
}
