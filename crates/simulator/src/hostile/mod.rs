//! A hostile device: enrolled, with the token of a real person, and bound by nothing.

mod gallery;

use std::collections::BTreeSet;

use automerge::{ActorId, Automerge};
use gridlog_client_core::SYNC_PATH;
use gridlog_domain::environment::{Entropy as _, SeededEntropy};
use gridlog_domain::id::{DeviceId, PersonId, RecordId};
use gridlog_domain::record::{Author, Command, Kind, NewRecord, Value, write};
use gridlog_protocol::{
    Blob, Digest, EnrolAnswer, EnrolRequest, Evidence, Fact, Key, LogEntry, Page, Position,
    PushItem, Returned, SigningKey, SyncRequest, Verdict, codec, contents, entry_hash, open_page,
    sign_page,
};
use gridlog_sync_server::store::Store as _;

use crate::broken::Broken;
use crate::chance::Chance;
use crate::people::{CATEGORY, GRIDS, ROGUE};
use crate::server::Done;
use crate::world::World;

/// Most requests of others that the device keeps for later.
const MOST_OVERHEARD: usize = 32;

/// The device.
pub(crate) struct Rogue {
    entropy: SeededEntropy,
    /// The actor that it enrolled with.
    actor: ActorId,
    /// Every actor of its own.
    actors: BTreeSet<ActorId>,
    token: Option<(String, Key)>,
    record: RecordId,
    document: Automerge,
    /// Its own honest changes, in order.
    honest: Vec<Vec<u8>>,
    overheard: Vec<Vec<u8>>,
    /// The last page that the server signed for it. It brought nothing, since the device never says
    /// where it stands.
    page: Option<Evidence>,
}

impl Rogue {
    /// A device that is not enrolled yet.
    pub(crate) fn new(seed: u64) -> Self {
        let mut entropy = SeededEntropy::new(seed ^ 0xbad_dea1);
        let record = RecordId::new(crate::people::BEGINNING_MS, &mut entropy);
        let mut rogue = Self {
            record,
            entropy,
            actor: ActorId::from([0; 16]),
            actors: BTreeSet::new(),
            token: None,
            document: Automerge::new(),
            honest: Vec::new(),
            overheard: Vec::new(),
            page: None,
        };
        rogue.start_over();
        rogue
    }

    /// It is to enrol, as a device that nobody has seen before.
    fn start_over(&mut self) {
        self.token = None;
        self.honest.clear();
        self.actors.clear();
        self.page = None;
        self.actor = self.fresh_actor();
    }

    /// Keeps a request of somebody else.
    pub(crate) fn overhears(&mut self, body: &[u8]) {
        if self.overheard.len() < MOST_OVERHEARD {
            self.overheard.push(body.to_vec());
        }
    }

    /// The log was put back: the last page proves that, and is not hostile any more.
    pub(crate) fn lets_go_of_its_page(&mut self) {
        self.page = None;
    }

    fn key(&mut self) -> Key {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        Key(bytes)
    }

    fn actor_key(&self) -> Key {
        key_of(&self.actor)
    }

    fn request(&mut self, push: Vec<PushItem>, now_ms: i64) -> SyncRequest {
        SyncRequest {
            push,
            ..SyncRequest::idle(self.key(), self.actor_key(), now_ms)
        }
    }

    fn item(&self, record: RecordId, bytes: Vec<u8>) -> PushItem {
        PushItem {
            record: Key(*record.as_bytes()),
            change: Blob(bytes),
            offset_ms: Some(0),
        }
    }

    /// An actor in whose name it has written nothing yet.
    fn fresh_actor(&mut self) -> ActorId {
        let mut actor = [0; 16];
        self.entropy.fill(&mut actor);
        let actor = ActorId::from(actor);
        self.actors.insert(actor.clone());
        actor
    }

    /// Writes a record with two honest changes, so that there is something to build on.
    fn begin_record(&mut self, now_ms: i64) {
        self.record = RecordId::new(now_ms, &mut self.entropy);
        self.document = Automerge::new();
        self.honest.clear();
        let author = Author {
            person: PersonId::new(ROGUE),
            actor: self.actor.clone(),
            now_ms,
        };
        let fields = [
            ("title", "自家的案卷".to_owned()),
            ("category", CATEGORY.to_owned()),
        ];
        let new = NewRecord {
            kind: Kind::Case,
            area: GRIDS[1].into(),
            fields: fields
                .map(|(name, text)| (name.to_owned(), Value::Text(text)))
                .into(),
            references: Default::default(),
        };
        let title = Command::Set {
            field: "title".to_owned(),
            value: Value::Text("改过的标题".to_owned()),
            shown: None,
        };
        for command in [Command::Create(new), title] {
            if let Ok(Some(change)) = write(&mut self.document, &author, &[command]) {
                self.honest.push(change.raw_bytes().to_vec());
            }
        }
    }
}

impl World {
    /// The hostile device does something.
    pub(crate) fn attack(&mut self, chance: &mut Chance) -> Result<(), Broken> {
        if self.house.running().is_none() {
            return Ok(());
        }
        if self.rogue.token.is_none() {
            self.rogue_enrols();
        }
        for _ in 0..chance.between(1, 3) {
            match chance.below(6) {
                0 => self.send_garbage(chance)?,
                1 => self.send_overheard(chance)?,
                2 | 3 => self.send_forged_evidence(chance)?,
                4 => self.write_in_others_records(chance)?,
                _ => self.send_gallery(chance)?,
            }
        }
        Ok(())
    }

    fn rogue_enrols(&mut self) {
        self.tell("a hostile device enrols");
        let request = EnrolRequest {
            person: ROGUE.to_owned(),
            password: "secret".to_owned(),
            actor: self.rogue.actor.to_hex_string(),
            device_name: "自制设备".to_owned(),
        };
        let body = serde_json::to_vec(&request).unwrap_or_default();
        let path = gridlog_client_core::ENROL_PATH;
        let answer = self.house.post(path, None, &body, true);
        self.server_fell();
        if answer.as_ref().is_some_and(|answer| answer.status == 409) {
            // It was enrolled, and the answer went astray.
            self.rogue.start_over();
        }
        let Some(answer) = answer.filter(|answer| answer.status == 200) else {
            return;
        };
        if let Ok(said) = serde_json::from_slice::<EnrolAnswer>(&answer.body)
            && let Ok(device) = said.device.parse::<DeviceId>()
        {
            self.rogue.token = Some((said.token, Key(*device.as_bytes())));
        }
    }

    /// Sends a body as it is. Whatever it is, the server answers something.
    fn send_as_rogue(&mut self, body: &[u8]) -> Option<gridlog_client_core::Answer> {
        let (token, _) = self.rogue.token.clone()?;
        let answer = self.house.post(SYNC_PATH, Some(&token), body, true);
        if answer.is_some() {
            self.note_published();
        }
        self.server_fell();
        answer
    }

    fn send_garbage(&mut self, chance: &mut Chance) -> Result<(), Broken> {
        self.tell("the hostile device sends garbage");
        self.tally.count("hostile", "garbage");
        let len = chance.index(3_000);
        let mut body = vec![0; len];
        self.rogue.entropy.fill(&mut body);
        if chance.percent(60)
            && let Some(first) = body.first_mut()
        {
            *first = 1;
        }
        if let Some(answer) = self.send_as_rogue(&body)
            && answer.status == 200
        {
            return Err(Broken::new("garbage is refused", "status 200".to_owned()));
        }
        Ok(())
    }

    fn send_overheard(&mut self, chance: &mut Chance) -> Result<(), Broken> {
        let Some(mut body) = chance.pick(&self.rogue.overheard.clone()).cloned() else {
            return Ok(());
        };
        self.tell("the hostile device sends what it overheard");
        self.tally.count("hostile", "overheard");
        if chance.percent(50) {
            let at = chance.index(body.len());
            if let Some(byte) = body.get_mut(at) {
                *byte ^= 1 << chance.below(8);
            }
        } else if let Ok(mut request) = codec::decode::<SyncRequest>("sync request", &body) {
            // The words of others, as if they were its own.
            request.actor = self.rogue.actor_key();
            request.position = Position::NOWHERE;
            for item in &mut request.push {
                item.record = Key(*self.rogue.record.as_bytes());
            }
            body = codec::encode(&request);
        }
        self.send_as_rogue(&body);
        Ok(())
    }

    /// Gives back that a record was erased, under a page that a server of its own signed, or under a
    /// page of the real server that said nothing of the kind.
    fn send_forged_evidence(&mut self, chance: &mut Chance) -> Result<(), Broken> {
        let now_ms = self.time.now_ms();
        let record = match self.house.running() {
            Some(running) => crate::offices::some_record(running, chance),
            None => return Ok(()),
        };
        let record = record.map_or(self.rogue.record, |row| row.id);
        let mut request = self.rogue.request(Vec::new(), now_ms);
        let entry = LogEntry {
            seq: 1,
            previous: Digest::ZERO,
            at_ms: now_ms,
            record: Key(*record.as_bytes()),
            fact: Fact::Erase {
                by: ROGUE.to_owned(),
            },
            origin: None,
        };
        let real = self.rogue.page.clone().filter(|_| chance.percent(50));
        let (what, evidence) = match real {
            Some(evidence) => ("forged entries under a real page", evidence),
            None => {
                let Some(forged) = self.forged_page(&mut request, now_ms, &entry, chance) else {
                    return Ok(());
                };
                ("forged evidence", forged)
            }
        };
        self.tell(format!("the hostile device sends {what}"));
        self.tally.count("hostile", what);
        request.returns = vec![Returned {
            evidence,
            entries: vec![Blob(entry.to_bytes())],
            changes: Vec::new(),
        }];
        let before = self.house.with(|running, _| running.store.head());
        self.send_as_rogue(&codec::encode(&request));
        let after = self.house.with(|running, _| running.store.head());
        match (before, after) {
            (Done::Ok(before), Done::Ok(after)) if before != after => Err(Broken::new(
                "forged evidence changes nothing",
                format!("the log went from {before:?} to {after:?}"),
            )),
            _ => Ok(()),
        }
    }

    /// A page far ahead of every log, by a server that the device made up.
    fn forged_page(
        &mut self,
        request: &mut SyncRequest,
        now_ms: i64,
        entry: &LogEntry,
        chance: &mut Chance,
    ) -> Option<Evidence> {
        let (_, device) = self.rogue.token.clone()?;
        let mut secret = [0; 32];
        self.rogue.entropy.fill(&mut secret);
        let key = SigningKey::from_bytes(&secret);
        request.position = Position {
            epoch: 1 + chance.below(5),
            seq: 1_000_000,
            hash: Digest([7; 32]),
        };
        let entries = vec![entry_hash(&entry.to_bytes())];
        let mut page = Page::empty(request.position, now_ms);
        page.statement.contents = contents(&entries, &[]);
        let signed = sign_page(&page, request.nonce, device, &key);
        let opened = open_page(&signed, request.nonce, device, &key.verifying_key());
        let evidence = opened.ok()?.evidence;
        Some(Evidence {
            entries,
            ..evidence
        })
    }

    /// Pushes as the rogue, which claims `actor` or its first one. The verdicts; `None` for an item
    /// that the server did not get to, because a fault struck.
    fn push_as_rogue(
        &mut self,
        actor: Option<&ActorId>,
        push: Vec<PushItem>,
    ) -> Result<Vec<Option<Verdict>>, Broken> {
        let Some((_, device)) = self.rogue.token.clone() else {
            return Ok(Vec::new());
        };
        let now_ms = self.time.now_ms();
        let mut request = self.rogue.request(push, now_ms);
        if let Some(actor) = actor {
            request.actor = key_of(actor);
        }
        let before = self.house.machine.strikes();
        let Some(answer) = self.send_as_rogue(&codec::encode(&request)) else {
            return Ok(Vec::new());
        };
        let struck = self.house.machine.strikes() != before;
        if answer.status != 200 {
            let said = String::from_utf8_lossy(&answer.body).into_owned();
            // It is not known any more, or has used up its actors: it comes back as a new one.
            let is_over = answer.status == 401 || said.contains("too_many_actors");
            if is_over {
                self.rogue.start_over();
            }
            return match struck || is_over {
                true => Ok(Vec::new()),
                false => Err(Broken::new("every item gets a verdict", said)),
            };
        }
        let key = self.house.key.verifying_key();
        let opened = open_page(&answer.body, request.nonce, device, &key);
        let opened = opened.map_err(|error| {
            Broken::new("every page is signed for its reader", error.to_string())
        })?;
        self.rogue.page = Some(opened.evidence);
        let mut verdicts = Vec::new();
        for verdict in opened.page.body.verdicts {
            self.tally.count("verdict", verdict.code());
            match &verdict {
                Verdict::Refused { code } => self.tally.count("change refused", code),
                Verdict::Review { reason } => self.tally.count("change reviewed", reason),
                _ => {}
            }
            let is_reached = !(struck && matches!(verdict, Verdict::Received | Verdict::Unknown));
            verdicts.push(Some(verdict).filter(|_| is_reached));
        }
        Ok(verdicts)
    }
}

fn key_of(actor: &ActorId) -> Key {
    Key(actor.to_bytes().try_into().unwrap_or_default())
}
