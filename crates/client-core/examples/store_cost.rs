//! Prints what a phone pays for records that come with a walk: cases of about 1.5 KB as JSON, each
//! with its change, its view, the state of the case and a ruling. A server in memory makes and
//! signs the pages; only taking them is counted, in processor time of the thread.
//!
//! `cargo run --release -p gridlog-client-core --example store_cost -- 11000`

#![allow(clippy::print_stdout)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use automerge::{ActorId, Automerge, Change};
use gridlog_client_core::{
    Answer, ENROL_PATH, FileMarker, OpenOptions, Phone, Query, StoreKey, Transport, TransportError,
};
use gridlog_domain::environment::{Clock, Entropy, SeededEntropy};
use gridlog_domain::id::{AreaCode, DeviceId, EntryId, PersonId, RecordId};
use gridlog_domain::record::{
    Author, Check, Command, Crs, Finding, Fix, Kind, NewRecord, PhotoRef, PhotoRole, Place,
    Proposal, RecordView, StepDetails, Value, write,
};
use gridlog_domain::reference::{Assignment, Catalogue, Person, Role};
use gridlog_domain::time::CountedTime;
use gridlog_domain::workflow::{Actor, CaseState, HeldRole, Rulebook, Step};
use gridlog_protocol::{
    Blob, Certificate, Digest, EnrolAnswer, EnrolRequest, Fact, Key, LogEntry, Page, Position,
    Profile, RecordDelta, SeenRecord, SigningKey, SyncRequest, ViewNews, WalkNews, codec, contents,
    entry_hash, sign_page,
};

const NOW_MS: i64 = 1_790_000_000_000;
const GRID: &str = "430111003001";
const DEVICE: [u8; 16] = [5; 16];
/// A page of about a megabyte.
const RECORDS_IN_A_PAGE: u64 = 200;
/// The words of different cases; further ones repeat them under ids of their own.
const DIFFERENT: u64 = 1_000;
const CATALOGUE: &str = include_str!("../../../data/catalogue.json");

fn main() -> Result<(), Box<dyn Error>> {
    let records = std::env::args().nth(1).map_or(Ok(11_000), |n| n.parse())?;
    let folder = tempfile::tempdir()?;
    let server = Server::new(records)?;
    let phone = Phone::open(OpenOptions {
        path: folder.path().join("phone.db"),
        key: StoreKey::new([7; 32]),
        clock: Arc::new(Noon),
        entropy: Box::new(SeededEntropy::new(1)),
        marker: Arc::new(FileMarker::new(folder.path().join("marker"))),
    })?;
    phone.enrol(&server, &"W001".into(), "secret", "a phone")?;
    let mut session = phone.begin_sync()?;
    let mut band = Band::default();
    while let Some(request) = session.next_request()? {
        let page = server.answer(&request)?;
        let before = Used::now();
        session.accept(page)?;
        band.add(RECORDS_IN_A_PAGE, before.since());
        if band.records == 1_000 {
            band.print(server.told.get());
            band = Band::default();
        }
    }
    drop(session);
    let before = Used::now();
    let found = phone.search("井盖", 50)?.len();
    println!(
        "first search: {found} rows, {:.1} ms",
        before.since().wall * 1e3
    );
    let before = Used::now();
    for text in ["路", "造化塘", "1 2", "盖井盖井"] {
        phone.search(text, 50)?;
    }
    println!("a search: {:.2} ms", before.since().wall * 1e3 / 4.0);
    let before = Used::now();
    let rows = phone.list(&Query::default())?.len();
    println!("a list: {rows} rows, {:.2} ms", before.since().wall * 1e3);
    drop(phone);
    for file in std::fs::read_dir(folder.path())? {
        let file = file?;
        let kib = file.metadata()?.len() / 1024;
        println!("{}: {kib} KiB", file.file_name().to_string_lossy());
    }
    Ok(())
}

struct Noon;

impl Clock for Noon {
    fn now_ms(&self) -> i64 {
        NOW_MS
    }
}

/// What was used up to a moment.
struct Used {
    wall: Instant,
    processor: Duration,
}

struct Since {
    wall: f64,
    processor: f64,
}

impl Used {
    fn now() -> Self {
        Self {
            processor: processor_time(),
            wall: Instant::now(),
        }
    }

    fn since(&self) -> Since {
        Since {
            wall: self.wall.elapsed().as_secs_f64(),
            processor: (processor_time() - self.processor).as_secs_f64(),
        }
    }
}

/// Processor time of this thread; zero where the system does not tell.
fn processor_time() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = told.split(' ').next().and_then(|n| n.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

/// Records that came one after the other.
#[derive(Default)]
struct Band {
    records: u64,
    wall: f64,
    processor: f64,
}

impl Band {
    fn add(&mut self, records: u64, used: Since) {
        self.records += records;
        self.wall += used.wall;
        self.processor += used.processor;
    }

    fn print(&self, so_far: u64) {
        let each = |seconds: f64| seconds * 1e6 / self.records as f64;
        println!(
            "up to {so_far} records: {:.0} us of processor time each, {:.0} us on the clock",
            each(self.processor),
            each(self.wall)
        );
    }
}

/// A case as the server keeps it.
struct Case {
    change: Vec<u8>,
    hash: Digest,
    view: Vec<u8>,
    state: Vec<u8>,
    ruling: Fact,
}

struct Server {
    key: SigningKey,
    records: u64,
    cases: Vec<Case>,
    ids: RefCell<SeededEntropy>,
    told: Cell<u64>,
}

impl Server {
    fn new(records: u64) -> Result<Self, Box<dyn Error>> {
        let mut words = Words::new();
        let cases = (0..records.min(DIFFERENT)).map(|_| words.case());
        Ok(Self {
            key: SigningKey::from_bytes(&[9; 32]),
            records,
            cases: cases.collect::<Result<_, _>>()?,
            ids: RefCell::new(SeededEntropy::new(2)),
            told: Cell::new(0),
        })
    }

    /// The next page of a walk through everything.
    fn answer(&self, request: &[u8]) -> Result<Answer, Box<dyn Error>> {
        let request: SyncRequest = codec::decode("sync request", request)?;
        let told = self.told.get();
        let until = self.records.min(told + RECORDS_IN_A_PAGE);
        self.told.set(until);
        let position = Position {
            epoch: 1,
            seq: self.records * 3,
            hash: Digest([3; 32]),
        };
        let mut page = Page::empty(position, NOW_MS);
        if request.profile_version == 0 || told == 0 {
            page.body.profile = Some(Profile {
                version: 2,
                person: Blob(serde_json::to_vec(&worker())?),
                audiences: vec![format!("area:{GRID}")],
            });
        }
        page.body.records = (told..until).map(|number| self.delta(number)).collect();
        let last = page.body.records.last().map(|delta| delta.record);
        page.body.more = until < self.records;
        page.body.walk = Some(WalkNews {
            held: Vec::new(),
            next: last.filter(|_| page.body.more),
        });
        let brought = page.body.records.iter();
        let rulings: Vec<Digest> = brought
            .flat_map(|delta| delta.rulings.iter().map(|ruling| entry_hash(&ruling.0)))
            .collect();
        let seen: Vec<SeenRecord> = (told..until)
            .zip(&page.body.records)
            .map(|(number, delta)| SeenRecord {
                record: delta.record,
                heads: vec![self.case(number).hash],
                as_of: delta.as_of,
                authors: Vec::new(),
            })
            .collect();
        page.statement.contents = contents(&rulings, &seen);
        Ok(Answer {
            status: 200,
            body: sign_page(&page, request.nonce, Key(DEVICE), &self.key),
            retry_after_ms: None,
        })
    }

    fn case(&self, number: u64) -> &Case {
        &self.cases[(number % DIFFERENT) as usize]
    }

    fn delta(&self, number: u64) -> RecordDelta {
        let case = self.case(number);
        let made_ms = NOW_MS - 86_400_000 + number.cast_signed();
        let id = RecordId::new(made_ms, &mut *self.ids.borrow_mut());
        let entry = LogEntry {
            seq: number * 3 + 3,
            previous: Digest([1; 32]),
            at_ms: made_ms,
            record: Key(*id.as_bytes()),
            fact: case.ruling.clone(),
            origin: None,
        };
        RecordDelta {
            record: entry.record,
            changes: vec![Blob(case.change.clone())],
            whole: true,
            snapshot: None,
            as_of: entry.seq,
            updated_ms: made_ms,
            area: GRID.to_owned(),
            seen_by: 1,
            view: ViewNews::Whole(Blob(case.view.clone())),
            state: Some(Blob(case.state.clone())),
            rulings: vec![Blob(entry.to_bytes())],
            authors: Vec::new(),
        }
    }

    fn enrol(&self, body: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
        let request: EnrolRequest = serde_json::from_slice(body)?;
        let mut actor = [0; 16];
        hex::decode_to_slice(&request.actor, &mut actor)?;
        let certificate = Certificate {
            person: request.person,
            device: Key(DEVICE),
            actor: Key(actor),
            issued_ms: NOW_MS,
        };
        Ok(serde_json::to_vec(&EnrolAnswer {
            device: DeviceId::from_bytes(DEVICE).to_string(),
            token: "token".to_owned(),
            server_key: hex::encode(self.key.verifying_key().to_bytes()),
            certificate: hex::encode(certificate.sign(&self.key)),
            district: "430111".to_owned(),
            profile: serde_json::to_value(worker())?,
            profile_version: 1,
            successions: Vec::new(),
        })?)
    }
}

impl Transport for Server {
    fn post(
        &self,
        path: &str,
        _: Option<&str>,
        _: &str,
        body: &[u8],
    ) -> Result<Answer, TransportError> {
        assert_eq!(path, ENROL_PATH, "the pages are asked for one by one");
        self.enrol(body)
            .map(|body| Answer {
                status: 200,
                body,
                retry_after_ms: None,
            })
            .map_err(|_| TransportError::TimedOut)
    }
}

fn worker() -> Person {
    Person {
        id: "W001".into(),
        name: "李华".to_owned(),
        enabled: true,
        assignments: vec![Assignment {
            role: Role::GridWorker,
            area: GRID.into(),
            department: None,
            valid_from_ms: 0,
            valid_to_ms: None,
        }],
    }
}

/// Makes cases from the letters of the catalogue, so that no sentence comes twice.
struct Words {
    letters: Vec<char>,
    entropy: SeededEntropy,
    cases: i64,
}

impl Words {
    fn new() -> Self {
        let is_word = |letter: &char| letter.is_alphabetic() && !letter.is_ascii();
        Self {
            letters: CATALOGUE.chars().filter(is_word).collect(),
            entropy: SeededEntropy::new(3),
            cases: 0,
        }
    }

    fn number(&mut self, below: usize) -> usize {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % below as u64) as usize
    }

    fn text(&mut self, length: usize) -> String {
        let mut text = String::new();
        let mut letters = 0;
        while letters < length {
            let at = self.number(self.letters.len() - 1);
            text.extend(&self.letters[at..at + 2]);
            letters += 2;
        }
        text.chars().take(length).collect()
    }

    fn case(&mut self) -> Result<Case, Box<dyn Error>> {
        self.cases += 1;
        let by = PersonId::new("W002");
        let mut doc = Automerge::new();
        let author = Author {
            person: by.clone(),
            actor: ActorId::from([0xEE; 16]),
            now_ms: NOW_MS + self.cases,
        };
        let proposal_id = EntryId::new(NOW_MS, &mut self.entropy);
        let mut commands = vec![Command::Create(self.new_case())];
        commands.extend(self.findings_and_photos(&by));
        let proposal = Proposal {
            step: Step::Report,
            by: by.clone(),
            at_ms: NOW_MS,
            offset_ms: Some(120),
            seen: Default::default(),
            details: StepDetails::default(),
        };
        commands.push(Command::Propose {
            id: proposal_id,
            proposal: Box::new(proposal.clone()),
        });
        let change: Change =
            write(&mut doc, &author, &commands)?.ok_or("a case that says nothing")?;
        let view = RecordView::read(&doc)?;
        let mut proposal_hash = [0; 32];
        let stored = view.proposals.get(&proposal_id).ok_or("no proposal")?;
        hex::decode_to_slice(&stored.sha256, &mut proposal_hash)?;
        let state = rule(&by, proposal_id, &proposal)?;
        Ok(Case {
            hash: Digest(change.hash().0),
            change: change.raw_bytes().to_vec(),
            view: serde_json::to_vec(&view)?,
            ruling: Fact::Ruling {
                proposal: Key(*proposal_id.as_bytes()),
                proposal_hash: Digest(proposal_hash),
                step: proposal.step.code().to_owned(),
                by: by.as_str().to_owned(),
                refused: None,
                stage: state.stage.code().to_owned(),
                counts_at_ms: NOW_MS,
                time_flagged: false,
                department: None,
            },
            state: serde_json::to_vec(&state)?,
        })
    }

    fn new_case(&mut self) -> NewRecord {
        let place = Place {
            address: vec![
                "造化塘小区".to_owned(),
                format!("{}栋", self.number(40)),
                format!("{}单元", self.number(6)),
            ],
            fix: Some(Fix {
                crs: Crs::Gcj02,
                lon: 112.98 + self.number(30_000) as f64 / 1e6,
                lat: 28.15 + self.number(30_000) as f64 / 1e6,
                accuracy_m: Some(12.5),
                fixed_at_ms: NOW_MS,
            }),
        };
        let fields = [
            ("title", Value::Text(self.text(20))),
            ("category", Value::Text("01014".to_owned())),
            ("description", Value::Text(self.text(120))),
            ("place", Value::Place(place)),
            ("occurred_at", Value::Millis(NOW_MS)),
        ];
        NewRecord {
            kind: Kind::Case,
            area: AreaCode::from(GRID),
            fields: fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            references: BTreeMap::from([("catalogue".to_owned(), 1)]),
        }
    }

    fn findings_and_photos(&mut self, by: &PersonId) -> Vec<Command> {
        let mut commands = Vec::new();
        for _ in 0..6 {
            commands.push(Command::Check {
                check: Check {
                    item: "消防通道是否畅通".to_owned(),
                    finding: Finding::Problem,
                    note: self.text(22),
                    by: by.clone(),
                    at_ms: NOW_MS,
                },
                id: EntryId::new(NOW_MS, &mut self.entropy),
                shown: None,
            });
        }
        for role in [PhotoRole::Near, PhotoRole::Far] {
            let mut sha256 = [0; 32];
            self.entropy.fill(&mut sha256);
            commands.push(Command::Photo {
                id: EntryId::new(NOW_MS, &mut self.entropy),
                photo: PhotoRef {
                    sha256: hex::encode(sha256),
                    role,
                    bytes: 1_234_567,
                    by: by.clone(),
                    at_ms: NOW_MS,
                    preview: None,
                },
            });
        }
        commands
    }
}

/// What the log says of a case that was reported.
fn rule(by: &PersonId, id: EntryId, proposal: &Proposal) -> Result<CaseState, Box<dyn Error>> {
    let catalogue: Catalogue = serde_json::from_str(CATALOGUE)?;
    let rules = Rulebook::new(&catalogue);
    let who = Actor {
        person: by.clone(),
        roles: vec![HeldRole {
            role: Role::GridWorker,
            department: None,
        }],
        is_author: true,
    };
    let at = CountedTime {
        at_ms: NOW_MS,
        flagged: false,
    };
    Ok(rules
        .rule(&CaseState::default(), (id, proposal), &who, at)
        .state)
}
