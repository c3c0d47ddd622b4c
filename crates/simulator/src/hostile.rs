//! A hostile device: enrolled, with the token of a real person, and bound by nothing.

use automerge::{ActorId, Automerge};
use gridlog_client_core::SYNC_PATH;
use gridlog_domain::environment::{Entropy as _, SeededEntropy};
use gridlog_domain::id::{DeviceId, PersonId, RecordId};
use gridlog_domain::record::{Author, Command, Kind, NewRecord, Value, write};
use gridlog_merge_guard::forge::gallery;
use gridlog_protocol::{
    Blob, Digest, EnrolAnswer, EnrolRequest, Evidence, Key, LogEntry, Page, Position, PushItem,
    Returned, SyncRequest, Verdict, codec, open_page, sign_page,
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
    actor: ActorId,
    token: Option<(String, Key)>,
    record: RecordId,
    document: Automerge,
    /// Its own honest changes, in order.
    honest: Vec<Vec<u8>>,
    overheard: Vec<Vec<u8>>,
}

impl Rogue {
    /// A device that is not enrolled yet.
    pub(crate) fn new(seed: u64) -> Self {
        let mut entropy = SeededEntropy::new(seed ^ 0xbad_dea1);
        let mut actor = [0; 16];
        entropy.fill(&mut actor);
        Self {
            record: RecordId::new(crate::people::BEGINNING_MS, &mut entropy),
            entropy,
            actor: ActorId::from(actor),
            token: None,
            document: Automerge::new(),
            honest: Vec::new(),
            overheard: Vec::new(),
        }
    }

    /// Keeps a request of somebody else.
    pub(crate) fn overhears(&mut self, body: &[u8]) {
        if self.overheard.len() < MOST_OVERHEARD {
            self.overheard.push(body.to_vec());
        }
    }

    fn key(&mut self) -> Key {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        Key(bytes)
    }

    fn actor_key(&self) -> Key {
        Key(self.actor.to_bytes().try_into().unwrap_or_default())
    }

    fn request(&mut self, push: Vec<PushItem>, now_ms: i64) -> SyncRequest {
        SyncRequest {
            push,
            ..SyncRequest::idle(self.key(), self.actor_key(), now_ms)
        }
    }

    fn item(&self, bytes: Vec<u8>) -> PushItem {
        PushItem {
            record: Key(*self.record.as_bytes()),
            change: Blob(bytes),
            offset_ms: Some(0),
        }
    }

    /// Two honest changes, so that there is something to build on.
    fn honest_changes(&mut self, now_ms: i64) -> Vec<PushItem> {
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
        let honest = self.honest.clone();
        honest.into_iter().map(|bytes| self.item(bytes)).collect()
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
            return Ok(());
        }
        match chance.below(6) {
            0 => self.send_garbage(chance),
            1 => self.send_overheard(chance),
            2 => self.send_forged_evidence(chance),
            3 => self.write_in_others_records(chance),
            _ => self.send_gallery(chance),
        }
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

    /// Evidence that no server signed, or that a server of its own signed.
    fn send_forged_evidence(&mut self, chance: &mut Chance) -> Result<(), Broken> {
        let Some((_, device)) = self.rogue.token.clone() else {
            return Ok(());
        };
        self.tell("the hostile device gives back what nobody ever had");
        self.tally.count("hostile", "forged evidence");
        let now_ms = self.time.now_ms();
        let mut request = self.rogue.request(Vec::new(), now_ms);
        let mut secret = [0; 32];
        self.rogue.entropy.fill(&mut secret);
        let key = gridlog_protocol::SigningKey::from_bytes(&secret);
        let far = Position {
            epoch: 1 + chance.below(5),
            seq: 1_000_000,
            hash: Digest([7; 32]),
        };
        let page = Page::empty(far, now_ms);
        let signed = sign_page(&page, request.nonce, device, &key);
        let opened = open_page(&signed, request.nonce, device, &key.verifying_key());
        let mut evidence: Evidence = match opened {
            Ok(opened) => opened.evidence,
            Err(_) => return Ok(()),
        };
        let entry = LogEntry {
            seq: 1,
            previous: Digest::ZERO,
            at_ms: now_ms,
            record: Key(*self.rogue.record.as_bytes()),
            fact: gridlog_protocol::Fact::Archived,
            origin: None,
        };
        evidence.entries = vec![gridlog_protocol::entry_hash(&entry.to_bytes())];
        request.position = far;
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

    /// A change in somebody else's record, as the rogue and as its author.
    fn write_in_others_records(&mut self, chance: &mut Chance) -> Result<(), Broken> {
        let Some(running) = self.house.running() else {
            return Ok(());
        };
        let entries = running.store.entries(0, 100_000).unwrap_or_default();
        let entries: Vec<LogEntry> = entries
            .iter()
            .filter_map(|stored| LogEntry::from_bytes(&stored.canonical).ok())
            .collect();
        let records = crate::offices::records_of(&entries);
        let Some(record) = chance.pick(&records).copied() else {
            return Ok(());
        };
        let changes = running.store.record_changes(record).unwrap_or_default();
        let changes: Vec<automerge::Change> = changes
            .into_iter()
            .filter_map(|change| automerge::Change::try_from(change.bytes.as_slice()).ok())
            .collect();
        let mut document = Automerge::new();
        if changes.is_empty() || document.apply_changes(changes).is_err() {
            return Ok(());
        }
        self.tell(format!(
            "the hostile device forges changes in {}",
            crate::deeds::short(record)
        ));
        self.tally.count("hostile", "forged in others' records");
        let authors: Vec<ActorId> = document
            .get_changes(&[])
            .iter()
            .map(|change| change.actor_id().clone())
            .collect();
        let victim = chance
            .pick(&authors)
            .cloned()
            .unwrap_or_else(ActorId::random);
        let last = document.get_changes(&[]).pop();
        let honest = last.map(|change| change.raw_bytes().to_vec());
        let honest = honest.unwrap_or_default();
        let forged = gallery(&document, &self.rogue.actor.clone(), &honest, &victim);
        let push = forged.into_iter().map(|hostile| PushItem {
            record: Key(*record.as_bytes()),
            change: Blob(hostile.bytes),
            offset_ms: None,
        });
        let push: Vec<PushItem> = push.collect();
        self.push_as_rogue(push, |_, verdict| {
            // What stands in the log already stays there, whoever sends it again.
            !matches!(verdict, Verdict::Admitted { .. }) || !honest.is_empty()
        })
    }

    /// One hostile change for each thing that can be wrong.
    fn send_gallery(&mut self, chance: &mut Chance) -> Result<(), Broken> {
        let now_ms = self.time.now_ms();
        if self.rogue.honest.is_empty() {
            let push = self.rogue.honest_changes(now_ms);
            return self.push_as_rogue(push, |_, _| true);
        }
        self.tell("the hostile device sends one change for each thing that can be wrong");
        self.tally.count("hostile", "gallery");
        let honest = self.rogue.honest.last().cloned().unwrap_or_default();
        let mut victim = [0; 16];
        self.rogue.entropy.fill(&mut victim);
        let victim = match chance.percent(50) {
            true => self.rogue.actor.clone(),
            false => ActorId::from(victim),
        };
        let forged = gallery(
            &self.rogue.document.clone(),
            &self.rogue.actor.clone(),
            &honest,
            &victim,
        );
        let push: Vec<PushItem> = forged
            .iter()
            .map(|hostile| self.rogue.item(hostile.bytes.clone()))
            .collect();
        self.push_as_rogue(push, |_, verdict| {
            !matches!(verdict, Verdict::Admitted { .. })
        })
    }

    /// Pushes as the rogue, and looks at every verdict.
    fn push_as_rogue(
        &mut self,
        push: Vec<PushItem>,
        is_right: impl Fn(usize, &Verdict) -> bool,
    ) -> Result<(), Broken> {
        let Some((_, device)) = self.rogue.token.clone() else {
            return Ok(());
        };
        let now_ms = self.time.now_ms();
        let request = self.rogue.request(push, now_ms);
        let before = self.house.machine.strikes();
        let Some(answer) = self.send_as_rogue(&codec::encode(&request)) else {
            return Ok(());
        };
        let struck = self.house.machine.strikes() != before;
        if answer.status == 401 {
            self.rogue.token = None;
        }
        if answer.status != 200 {
            let fine = struck || answer.status == 401;
            let said = String::from_utf8_lossy(&answer.body).into_owned();
            return match fine {
                true => Ok(()),
                false => Err(Broken::new("every item gets a verdict", said)),
            };
        }
        let key = self.house.key.verifying_key();
        let opened = open_page(&answer.body, request.nonce, device, &key);
        let opened = opened.map_err(|error| {
            Broken::new("every page is signed for its reader", error.to_string())
        })?;
        for (number, verdict) in opened.page.body.verdicts.iter().enumerate() {
            self.tally.count("verdict", verdict.code());
            match verdict {
                Verdict::Refused { code } => self.tally.count("change refused", code),
                Verdict::Review { reason } => self.tally.count("change reviewed", reason),
                _ => {}
            }
            if !is_right(number, verdict) {
                return Err(Broken::new(
                    "a hostile change is never admitted",
                    format!("item {number}: {}", verdict.code()),
                ));
            }
        }
        Ok(())
    }
}
