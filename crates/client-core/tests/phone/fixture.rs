//! A phone in a temporary folder, and the server that it enrolled with.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gridlog_client_core::*;
use gridlog_domain::environment::{Clock, SeededEntropy};
use gridlog_domain::id::RecordId;
use gridlog_domain::record::RecordView;

use crate::clock::{TestClock, World};
use crate::server::{PASSWORD, Server};

/// A phone of somebody, with its server.
pub(crate) struct Fixture {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) server: Server,
    pub(crate) phone: Phone,
}

pub(crate) fn options(
    folder: &tempfile::TempDir,
    clock: &Arc<TestClock>,
    seed: u64,
) -> OpenOptions {
    OpenOptions {
        path: path(folder),
        key: StoreKey::new([7; 32]),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        entropy: Box::new(SeededEntropy::new(seed)),
        marker: Arc::new(FileMarker::new(folder.path().join("marker"))),
    }
}

pub(crate) fn path(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("phone.db")
}

/// Opens a phone's file behind its back.
pub(crate) fn raw(path: &Path) -> rusqlite::Connection {
    let raw = rusqlite::Connection::open(path).unwrap();
    let key = format!("PRAGMA key = \"x'{}'\"", "07".repeat(32));
    raw.execute_batch(&key).unwrap();
    raw
}

impl Fixture {
    /// The phone of W001, enrolled; it has not synced yet.
    pub(crate) fn new() -> Self {
        Self::enrolled(&Server::new(&World::new()), "W001", 1)
    }

    /// The phone of W001 after its first sync.
    pub(crate) fn synced() -> Self {
        let fixture = Self::new();
        fixture.sync();
        fixture
    }

    /// One more phone of the same server, enrolled; each has a seed of its own.
    pub(crate) fn another(&self, person: &str, seed: u64) -> Self {
        Self::enrolled(&self.server, person, seed)
    }

    fn enrolled(server: &Server, person: &str, seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock::new(server.world()));
        let phone = Phone::open(options(&folder, &clock, seed)).unwrap();
        phone
            .enrol(server, &person.into(), PASSWORD, "旧手机")
            .unwrap();
        Self {
            folder,
            clock,
            server: server.clone(),
            phone,
        }
    }

    pub(crate) fn sync(&self) -> SyncReport {
        self.try_sync().unwrap()
    }

    pub(crate) fn try_sync(&self) -> Result<SyncReport, PhoneError> {
        self.phone.sync(&self.server, SyncOptions::default())
    }

    pub(crate) fn sync_rounds(&self, most: u32) -> SyncReport {
        self.try_rounds(most).unwrap()
    }

    pub(crate) fn try_rounds(&self, most: u32) -> Result<SyncReport, PhoneError> {
        let options = SyncOptions {
            max_rounds: most,
            ..SyncOptions::default()
        };
        self.phone.sync(&self.server, options)
    }

    pub(crate) fn verify(&self) -> SyncReport {
        self.phone
            .verify(&self.server, SyncOptions::default())
            .unwrap()
    }

    /// Exchanges until the session is over.
    pub(crate) fn finish(&self, session: &mut SyncSession) {
        while let Some(body) = session.next_request().unwrap() {
            session.accept(self.carry(session, &body)).unwrap();
        }
    }

    /// Carries a request of a session by hand.
    pub(crate) fn carry(&self, session: &SyncSession, body: &[u8]) -> Answer {
        let bearer = session.bearer().unwrap();
        self.server
            .post(SYNC_PATH, Some(&bearer), "", body)
            .unwrap()
    }

    pub(crate) fn reopen(&self, seed: u64) -> Phone {
        Phone::open(options(&self.folder, &self.clock, seed)).unwrap()
    }

    /// Copies the phone's file, as a backup of the whole phone does.
    pub(crate) fn keep_copy(&self) -> PathBuf {
        let raw = raw(&path(&self.folder));
        raw.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        let copy = self.folder.path().join("copy.db");
        fs::copy(path(&self.folder), &copy).unwrap();
        copy
    }

    /// The phone after its file was replaced by a copy. The marker is where backups do not reach: it
    /// stays as it was.
    pub(crate) fn put_back(self, copy: &Path, seed: u64) -> Self {
        let Self {
            folder,
            clock,
            server,
            phone,
        } = self;
        drop(phone);
        for tail in ["-wal", "-shm"] {
            let _ = fs::remove_file(folder.path().join(format!("phone.db{tail}")));
        }
        fs::copy(copy, path(&folder)).unwrap();
        let phone = Phone::open(options(&folder, &clock, seed)).unwrap();
        Self {
            folder,
            clock,
            server,
            phone,
        }
    }

    /// The same on another phone, where there is no marker.
    pub(crate) fn put_on_another_phone(self, copy: &Path, seed: u64) -> Self {
        fs::remove_file(self.folder.path().join("marker")).unwrap();
        self.put_back(copy, seed)
    }

    pub(crate) fn rows(&self) -> Vec<RecordRow> {
        let everything = Query {
            limit: u32::MAX,
            ..Query::default()
        };
        self.phone.list(&everything).unwrap()
    }

    pub(crate) fn only_row(&self) -> RecordRow {
        let rows = self.rows();
        assert_eq!(rows.len(), 1);
        rows.into_iter().next().unwrap()
    }

    pub(crate) fn has(&self, id: RecordId) -> bool {
        self.phone.show(id).unwrap().is_some()
    }

    pub(crate) fn detail(&self, id: RecordId) -> RecordDetail {
        self.phone.show(id).unwrap().unwrap()
    }

    pub(crate) fn status(&self) -> Status {
        self.phone.status().unwrap()
    }

    /// Rows of a table of the phone's file about a record.
    pub(crate) fn stored(&self, table: &str, id: RecordId) -> u64 {
        let sql = format!("SELECT count(*) FROM {table} WHERE record = ?1");
        let raw = raw(&path(&self.folder));
        raw.query_row(&sql, [id.as_bytes()], |row| row.get(0))
            .unwrap()
    }

    /// What is here is what the person may see, as the server has it, and documents say what their
    /// rows say.
    pub(crate) fn assert_agrees(&self) {
        let me = self.phone.identity().unwrap().unwrap().person.id;
        let seen = self.server.seen_by(&me);
        let mut rows = self.rows();
        rows.sort_by_key(|row| row.id);
        let ids: Vec<RecordId> = rows.iter().map(|row| row.id).collect();
        assert_eq!(ids, seen.iter().map(|row| row.id).collect::<Vec<_>>());
        for there in seen {
            let here = self.detail(there.id);
            let view: RecordView = serde_json::from_str(&there.view).unwrap();
            assert_eq!(here.view, view);
            let heads: Vec<String> = there.heads.iter().map(ToString::to_string).collect();
            assert_eq!(here.heads, heads);
            let state = there.state.map(|json| serde_json::from_str(&json).unwrap());
            assert_eq!(here.state, state);
            assert!(self.phone.verify_record(there.id).unwrap().view_fits);
        }
    }
}

pub(crate) fn report(title: &str) -> NewReport {
    NewReport {
        title: title.to_owned(),
        category: "01014".to_owned(),
        description: Some("井盖缺失，已放警示桩。".to_owned()),
        ..NewReport::default()
    }
}

/// The id of a record that nobody has.
pub(crate) fn stranger() -> RecordId {
    RecordId::from_bytes([0xAB; 16])
}

/// Whether a change holds a text.
pub(crate) fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}
