//! A phone in a temporary folder, and a server in memory that can be told to misbehave.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use automerge::{ActorId, Automerge};
use gridlog_client_core::*;
use gridlog_domain::environment::{Clock, SeededEntropy};
use gridlog_domain::id::{AreaCode, EntryId, PersonId, RecordId};
use gridlog_domain::record::{Author, Command, NewRecord, RecordView, policy, write};
use gridlog_domain::reference::{Assignment, Person, Role};
use gridlog_domain::time::CountedTime;
use gridlog_domain::workflow::{Actor, CaseState, HeldRole, Outcome as Ruled, Rulebook};
use gridlog_merge_guard::{History, Limits, Outcome, PolicyRefusal, admit};
use gridlog_protocol::*;

pub(crate) const NOW: i64 = 1_790_000_000_000;
pub(crate) const GRID: &str = "430111003001";
/// Server time minus the phone's time in these tests.
pub(crate) const OFFSET: i64 = 60_000;

#[derive(Debug)]
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

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

impl Fixture {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(NOW)));
        let server = Server::new(&clock);
        let phone = Phone::open(options(&folder, &clock, 1)).unwrap();
        phone
            .enrol(&server, &"W001".into(), "secret", "旧手机")
            .unwrap();
        Self {
            folder,
            clock,
            server,
            phone,
        }
    }

    pub(crate) fn sync(&self) -> SyncReport {
        self.phone
            .sync(&self.server, SyncOptions::default())
            .unwrap()
    }

    pub(crate) fn reopen(&self, seed: u64) -> Phone {
        Phone::open(options(&self.folder, &self.clock, seed)).unwrap()
    }

    pub(crate) fn only_row(&self) -> RecordRow {
        let rows = self.phone.list(&Query::default()).unwrap();
        assert_eq!(rows.len(), 1);
        rows.into_iter().next().unwrap()
    }

    pub(crate) fn detail(&self, id: RecordId) -> RecordDetail {
        self.phone.show(id).unwrap().unwrap()
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

pub(crate) fn worker() -> Person {
    let roles = [Role::GridWorker, Role::Acceptor];
    Person {
        id: "W001".into(),
        name: "李华".to_owned(),
        enabled: true,
        assignments: roles
            .map(|role| Assignment {
                role,
                area: GRID.into(),
                department: None,
                valid_from_ms: 0,
                valid_to_ms: None,
            })
            .to_vec(),
    }
}

struct ServerRecord {
    history: History,
    bytes: Vec<Vec<u8>>,
    state: CaseState,
    ruled: BTreeSet<EntryId>,
    last_seq: u64,
}

type Tamper = Box<dyn Fn(&mut Page) + Send>;
type Judge = Box<dyn Fn(&PushItem) -> Option<Verdict> + Send>;

pub(crate) struct ServerState {
    pub(crate) key: SigningKey,
    pub(crate) epoch: u64,
    pub(crate) entries: Vec<LogEntry>,
    records: BTreeMap<RecordId, ServerRecord>,
    verdicts: BTreeMap<Digest, Verdict>,
    pending: BTreeMap<Digest, PushItem>,
    refused: BTreeSet<[u8; 32]>,
    pub(crate) actors: BTreeSet<[u8; 16]>,
    /// Actors of a device that was revoked.
    pub(crate) taken: BTreeSet<[u8; 16]>,
    /// Says what becomes of an item instead of admitting it.
    pub(crate) judge: Option<Judge>,
    /// Records that the pull leaves out.
    pub(crate) hidden: BTreeSet<RecordId>,
    pub(crate) gone: Vec<Key>,
    pub(crate) profile: (u64, Person),
    pub(crate) page_size: usize,
    /// Loses the next answers, after the server took the request.
    pub(crate) lose_answers: u32,
    /// Answers this instead of a page.
    pub(crate) instead: Option<Answer>,
    /// Changes a page before it is signed.
    pub(crate) tamper: Option<Tamper>,
    pub(crate) requests: Vec<SyncRequest>,
    device: Key,
}

pub(crate) struct Server {
    clock: Arc<TestClock>,
    state: Mutex<ServerState>,
}

fn judge_shape(
    person: &PersonId,
) -> impl Fn(&gridlog_merge_guard::Candidate<'_>) -> Result<(), PolicyRefusal> {
    let person = person.clone();
    move |candidate| {
        policy::judge(policy::Judged {
            author: &person,
            genesis: candidate.genesis,
            before: candidate.before,
            after: candidate.after,
            deps: &candidate.header.deps,
            writes: candidate.writes,
        })
        .map_err(|error| PolicyRefusal {
            code: error.code(),
            detail: error.to_string(),
        })
    }
}

impl Server {
    fn new(clock: &Arc<TestClock>) -> Self {
        Self {
            clock: Arc::clone(clock),
            state: Mutex::new(ServerState {
                key: SigningKey::from_bytes(&[9; 32]),
                epoch: 1,
                entries: Vec::new(),
                records: BTreeMap::new(),
                verdicts: BTreeMap::new(),
                pending: BTreeMap::new(),
                refused: BTreeSet::new(),
                actors: BTreeSet::new(),
                taken: BTreeSet::new(),
                judge: None,
                hidden: BTreeSet::new(),
                gone: Vec::new(),
                profile: (1, worker()),
                page_size: 500,
                lose_answers: 0,
                instead: None,
                tamper: None,
                requests: Vec::new(),
                device: Key([5; 16]),
            }),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, ServerState> {
        self.state.lock().unwrap()
    }

    /// Refuses what `which` picks, with `code`.
    pub(crate) fn refuse(&self, code: &str, which: impl Fn(&PushItem) -> bool + Send + 'static) {
        let code = code.to_owned();
        self.state().judge = Some(Box::new(move |item| {
            which(item).then(|| Verdict::Refused { code: code.clone() })
        }));
    }

    /// A colleague writes a record of their own.
    pub(crate) fn colleague_writes(&self, new: NewRecord, more: Vec<Command>) -> RecordId {
        let mut state = self.state();
        let seed = 1_000 + state.records.len() as u64;
        let id = RecordId::new(NOW, &mut SeededEntropy::new(seed));
        let mut commands = vec![Command::Create(new)];
        commands.extend(more);
        let mut doc = Automerge::new();
        let bytes = colleague(&mut doc, NOW, &commands);
        let verdict = state.take(id, &bytes, &"W002".into(), NOW);
        assert!(matches!(verdict, Verdict::Admitted { .. }), "{verdict:?}");
        id
    }

    /// A colleague edits a record as the server has it.
    pub(crate) fn colleague_edits(&self, id: RecordId, commands: &[Command]) {
        let mut state = self.state();
        let mut doc = state.records[&id].history.document().clone();
        let bytes = colleague(&mut doc, NOW + 1_000, commands);
        let verdict = state.take(id, &bytes, &"W002".into(), NOW);
        assert!(matches!(verdict, Verdict::Admitted { .. }), "{verdict:?}");
    }

    /// What the server has of a record.
    pub(crate) fn view(&self, id: RecordId) -> Option<RecordView> {
        let state = self.state();
        let record = state.records.get(&id)?;
        RecordView::read(record.history.document()).ok()
    }

    fn enrol(&self, body: &[u8]) -> Answer {
        let request: EnrolRequest = serde_json::from_slice(body).unwrap();
        let mut state = self.state();
        if request.password != "secret" {
            return refusal(403, "wrong_password");
        }
        let mut actor = [0; 16];
        hex::decode_to_slice(&request.actor, &mut actor).unwrap();
        if state.taken.contains(&actor) {
            return refusal(409, "actor_taken");
        }
        state.actors.insert(actor);
        let certificate = Certificate {
            person: request.person,
            device: state.device,
            actor: Key(actor),
            issued_ms: NOW,
        };
        let answer = EnrolAnswer {
            device: gridlog_domain::id::DeviceId::from_bytes(state.device.0).to_string(),
            token: "token".to_owned(),
            server_key: hex::encode(state.key.verifying_key().to_bytes()),
            certificate: hex::encode(certificate.sign(&state.key)),
            district: "430111".to_owned(),
            profile: serde_json::to_value(&state.profile.1).unwrap(),
            profile_version: state.profile.0,
        };
        ok(serde_json::to_vec(&answer).unwrap())
    }

    fn sync(&self, body: &[u8]) -> Result<Answer, TransportError> {
        let request: SyncRequest = codec::decode("sync request", body).unwrap();
        request.check().unwrap();
        let mut state = self.state();
        state.requests.push(request.clone());
        if let Some(answer) = state.instead.clone() {
            return Ok(answer);
        }
        let now = self.clock.now_ms() + OFFSET;
        let mut page = state.answer(&request, now);
        if state.lose_answers > 0 {
            state.lose_answers -= 1;
            return Err(TransportError::TimedOut);
        }
        if let Some(tamper) = &state.tamper {
            tamper(&mut page);
        }
        Ok(ok(sign_page(&page, &state.key)))
    }
}

fn colleague(doc: &mut Automerge, now_ms: i64, commands: &[Command]) -> Vec<u8> {
    let author = Author {
        person: "W002".into(),
        actor: ActorId::from([0xEE; 16]),
        now_ms,
    };
    let change = write(doc, &author, commands).unwrap().unwrap();
    change.raw_bytes().to_vec()
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
        match path {
            ENROL_PATH => Ok(self.enrol(body)),
            SYNC_PATH => {
                assert_eq!(bearer, Some("token"));
                self.sync(body)
            }
            _ => panic!("nothing at {path}"),
        }
    }
}

impl ServerState {
    fn append(&mut self, record: RecordId, at_ms: i64, fact: Fact) -> u64 {
        let previous = self.entries.last();
        let previous = previous.map_or(Digest::ZERO, |entry| entry_hash(&entry.to_bytes()));
        let seq = self.entries.len() as u64 + 1;
        self.entries.push(LogEntry {
            seq,
            previous,
            at_ms,
            record: Key(*record.as_bytes()),
            fact,
        });
        seq
    }

    /// Ingest in small.
    fn take(&mut self, id: RecordId, bytes: &[u8], by: &PersonId, now: i64) -> Verdict {
        let history = self.records.get(&id).map(|record| record.history.clone());
        let history = history.unwrap_or_default();
        let outcome = admit(&history, bytes, &Limits::default(), judge_shape(by));
        let admitted = match outcome {
            Ok(Outcome::Admitted(admitted)) => admitted,
            Ok(Outcome::AlreadyKnown) => return Verdict::Admitted { seq: 0 },
            Ok(Outcome::Waiting { missing }) => {
                return Verdict::Waiting {
                    missing: Digest(missing[0].0),
                };
            }
            Err(refusal) => {
                return Verdict::Refused {
                    code: refusal.code().to_owned(),
                };
            }
        };
        let fact = Fact::Admit {
            change: Digest(admitted.header.hash.0),
            by: by.as_str().to_owned(),
        };
        let seq = self.append(id, now, fact);
        let record = self.records.entry(id).or_insert_with(|| ServerRecord {
            history: History::empty(),
            bytes: Vec::new(),
            state: CaseState::default(),
            ruled: BTreeSet::new(),
            last_seq: 0,
        });
        record.history = admitted.history;
        record.bytes.push(bytes.to_vec());
        record.last_seq = seq;
        self.rule(id, now);
        Verdict::Admitted { seq }
    }

    fn rule(&mut self, id: RecordId, now: i64) {
        let view = RecordView::read(self.records[&id].history.document()).unwrap();
        for (entry, stored) in &view.proposals {
            let record = self.records.get_mut(&id).unwrap();
            if !record.ruled.insert(*entry) {
                continue;
            }
            let who = Actor {
                person: stored.proposal.by.clone(),
                roles: vec![HeldRole {
                    role: Role::GridWorker,
                    department: None,
                }],
                is_author: stored.proposal.by == view.author,
            };
            let at = CountedTime {
                at_ms: now,
                flagged: false,
            };
            let catalogue = catalogue();
            let rules = Rulebook {
                catalogue: &catalogue,
            };
            let ruling = rules.rule(&record.state, (*entry, &stored.proposal), &who, at);
            record.state = ruling.state;
            let mut hash = [0; 32];
            hex::decode_to_slice(&stored.sha256, &mut hash).unwrap();
            let fact = Fact::Ruling {
                proposal: Key(*entry.as_bytes()),
                proposal_hash: Digest(hash),
                step: stored.proposal.step.code().to_owned(),
                by: stored.proposal.by.as_str().to_owned(),
                refused: match ruling.outcome {
                    Ruled::Accepted => None,
                    Ruled::Refused(reason) => Some(reason.code().to_owned()),
                },
                stage: record.state.stage.code().to_owned(),
                counts_at_ms: now,
                time_flagged: false,
                department: None,
            };
            let seq = self.append(id, now, fact);
            self.records.get_mut(&id).unwrap().last_seq = seq;
        }
    }

    fn ingest(&mut self, item: &PushItem, now: i64) -> Verdict {
        let name = item_digest(item.record, &item.change.0);
        if let Some(verdict) = self.verdicts.get(&name) {
            return verdict.clone();
        }
        let told = self.judge.as_ref().and_then(|judge| judge(item));
        let verdict = match told {
            Some(verdict) => verdict,
            None => self.take_or_block(item, now),
        };
        if matches!(verdict, Verdict::Refused { .. } | Verdict::BlockedBy { .. }) {
            let header = gridlog_merge_guard::receive(&item.change.0, &Limits::default()).unwrap();
            self.refused.insert(header.hash.0);
        }
        if verdict.is_final() {
            self.verdicts.insert(name, verdict.clone());
        } else if verdict != Verdict::Unknown {
            self.pending.insert(name, item.clone());
        }
        verdict
    }

    fn take_or_block(&mut self, item: &PushItem, now: i64) -> Verdict {
        let header = gridlog_merge_guard::receive(&item.change.0, &Limits::default()).unwrap();
        let actor: [u8; 16] = header.actor.to_bytes().try_into().unwrap();
        if !self.actors.contains(&actor) {
            return Verdict::Refused {
                code: "foreign_actor".to_owned(),
            };
        }
        if let Some(dep) = header.deps.iter().find(|dep| self.refused.contains(&dep.0)) {
            return Verdict::BlockedBy {
                refused: Digest(dep.0),
            };
        }
        let id = RecordId::from_bytes(item.record.0);
        self.take(id, &item.change.0, &"W001".into(), now)
    }

    fn answer(&mut self, request: &SyncRequest, now: i64) -> Page {
        let fresh = self.actors.insert(request.actor.0);
        let certificate = fresh.then(|| {
            let certificate = Certificate {
                person: "W001".to_owned(),
                device: self.device,
                actor: request.actor,
                issued_ms: now,
            };
            Blob(certificate.sign(&self.key))
        });
        let mut verdicts = Vec::new();
        for item in &request.push {
            verdicts.push(ChangeVerdict {
                item: item_digest(item.record, &item.change.0),
                verdict: self.ingest(item, now),
            });
        }
        for item in &request.asks {
            let decided = self.verdicts.get(item).cloned();
            let verdict = match (decided, self.pending.get(item).cloned()) {
                (Some(verdict), _) => verdict,
                (None, Some(pending)) => self.ingest(&pending, now),
                (None, None) => Verdict::Unknown,
            };
            verdicts.push(ChangeVerdict {
                item: *item,
                verdict,
            });
        }
        let from = if request.cursor.epoch == self.epoch {
            request.cursor.seq
        } else {
            0
        };
        let entries: Vec<LogEntry> = self
            .entries
            .iter()
            .filter(|entry| entry.seq > from)
            .take(self.page_size)
            .cloned()
            .collect();
        let last = entries.last().map_or(from, |entry| entry.seq);
        let seen = |entry: &&LogEntry| !self.hidden.contains(&RecordId::from_bytes(entry.record.0));
        let touched: BTreeSet<Key> = entries.iter().filter(seen).map(|e| e.record).collect();
        let profile = (request.profile_version != self.profile.0).then(|| Profile {
            version: self.profile.0,
            person: Blob(serde_json::to_vec(&self.profile.1).unwrap()),
        });
        Page {
            version: VERSION,
            nonce: request.nonce,
            server_ms: now,
            verdicts,
            entries: entries
                .iter()
                .filter(seen)
                .map(|entry| FeedEntry {
                    canonical: Blob(entry.to_bytes()),
                })
                .collect(),
            records: touched.iter().map(|key| self.delta(*key)).collect(),
            gone: self.gone.clone(),
            cursor: Cursor {
                epoch: self.epoch,
                seq: last,
            },
            more: last < self.entries.len() as u64,
            parts: self.parts(request),
            profile,
            certificate,
            retry_after_ms: None,
        }
    }

    fn delta(&self, key: Key) -> RecordDelta {
        let record = &self.records[&RecordId::from_bytes(key.0)];
        let view = RecordView::read(record.history.document()).unwrap();
        let is_case = view.kind == gridlog_domain::record::Kind::Case;
        let rulings = self
            .entries
            .iter()
            .filter(|entry| entry.record == key && matches!(entry.fact, Fact::Ruling { .. }));
        RecordDelta {
            record: key,
            changes: record.bytes.iter().cloned().map(Blob).collect(),
            whole: true,
            heads: record
                .history
                .heads()
                .iter()
                .map(|head| Digest(head.0))
                .collect(),
            as_of: record.last_seq,
            area: GRID.to_owned(),
            view: Blob(serde_json::to_vec(&view).unwrap()),
            state: is_case.then(|| Blob(serde_json::to_vec(&record.state).unwrap())),
            rulings: rulings.map(|entry| Blob(entry.to_bytes())).collect(),
        }
    }

    fn parts(&self, request: &SyncRequest) -> Vec<PartUpdate> {
        let areas = serde_json::json!([
            {"code": "430111", "name": "雨花区", "level": "district", "parent": null, "valid_from_ms": 0},
            {"code": GRID, "name": "一网格", "level": "grid", "parent": "430111", "valid_from_ms": 0},
        ]);
        let texts = [
            ("areas", areas.to_string()),
            (
                "catalogue",
                include_str!("../../../../data/catalogue.json").to_owned(),
            ),
            (
                "checklists",
                include_str!("../../../../data/checklists.json").to_owned(),
            ),
        ];
        texts
            .into_iter()
            .filter(|(name, _)| {
                let known = request.parts.iter().find(|part| &part.part == name);
                known.is_none_or(|part| part.version == 0)
            })
            .map(|(name, json)| PartUpdate {
                part: name.to_owned(),
                version: 1,
                json: Blob(json.into_bytes()),
            })
            .collect()
    }

    /// As if restored from an old backup: the log and everything in it is gone.
    pub(crate) fn lose_everything(&mut self) {
        self.epoch += 1;
        self.entries.clear();
        self.records.clear();
        self.verdicts.clear();
        self.pending.clear();
    }
}

pub(crate) fn catalogue() -> gridlog_domain::reference::Catalogue {
    serde_json::from_str(include_str!("../../../../data/catalogue.json")).unwrap()
}

pub(crate) fn new_case(title: &str) -> NewRecord {
    use gridlog_domain::record::{Kind, Value};
    NewRecord {
        kind: Kind::Case,
        area: AreaCode::new(GRID),
        fields: BTreeMap::from([
            ("title".to_owned(), Value::Text(title.to_owned())),
            ("category".to_owned(), Value::Text("01014".to_owned())),
        ]),
        references: BTreeMap::new(),
    }
}

/// The id of a record that nobody has.
pub(crate) fn stranger() -> RecordId {
    RecordId::from_bytes([0xAB; 16])
}

impl Server {
    /// A colleague tries an edit; one that says nothing new, or comes too late, is none.
    pub(crate) fn try_edit(&self, id: RecordId, commands: &[Command]) {
        let mut state = self.state();
        let mut doc = state.records[&id].history.document().clone();
        let author = Author {
            person: "W002".into(),
            actor: ActorId::from([0xEE; 16]),
            now_ms: NOW,
        };
        if let Ok(Some(change)) = write(&mut doc, &author, commands) {
            let verdict = state.take(id, change.raw_bytes(), &"W002".into(), NOW);
            assert!(matches!(verdict, Verdict::Admitted { .. }), "{verdict:?}");
        }
    }
}
