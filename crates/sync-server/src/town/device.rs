//! A phone as far as the wire goes: what it was told, and the proof of it.

use std::collections::BTreeMap;

use automerge::{ActorId, Automerge};
use gridlog_domain::id::RecordId;
use gridlog_domain::record::{Author, Command, write};
use gridlog_merge_guard::{History, Limits, receive};
use gridlog_protocol::{
    Blob, Digest, Evidence, Key, Page, Position, PushItem, Returned, ReturnedChange, SeenRecord,
    SyncRequest, Walk, codec, entry_hash, fill, open_page,
};

use super::Town;
use crate::exchange::{Asker, ExchangeError};
use crate::store::Device;

/// A page that it keeps.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) evidence: Evidence,
    /// The entries of the page, then those that its records bring.
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) changes: Vec<(RecordId, Vec<u8>)>,
}

/// The phone.
pub(crate) struct TestDevice {
    pub(crate) device: Device,
    pub(crate) actor: [u8; 16],
    pub(crate) position: Position,
    pub(crate) profile: u64,
    pub(crate) kept: Vec<Kept>,
    /// Changes of records, by hash.
    pub(crate) changes: BTreeMap<RecordId, BTreeMap<Digest, Vec<u8>>>,
    documents: BTreeMap<RecordId, Automerge>,
    nonce: u8,
}

fn hash(change: &[u8]) -> Digest {
    let header = receive(change, &Limits::default()).unwrap();
    Digest(header.hash.0)
}

impl TestDevice {
    pub(super) fn new(device: Device) -> Self {
        Self {
            actor: *device.id.as_bytes(),
            device,
            position: Position::NOWHERE,
            profile: 0,
            kept: Vec::new(),
            changes: BTreeMap::new(),
            documents: BTreeMap::new(),
            nonce: 0,
        }
    }

    /// Writes in a record, which begins with it if it is new here.
    pub(crate) fn write(
        &mut self,
        town: &Town,
        record: RecordId,
        commands: &[Command],
    ) -> PushItem {
        let author = Author {
            person: self.device.person.clone(),
            actor: ActorId::from(self.actor),
            now_ms: town.now.get(),
        };
        let held = self.changes.entry(record).or_default();
        let document = self.documents.entry(record).or_default();
        let others: Vec<_> = held
            .values()
            .map(|bytes| automerge::Change::from_bytes(bytes.clone()).unwrap())
            .collect();
        document.apply_changes(others).unwrap();
        let change = write(document, &author, commands).unwrap().unwrap();
        let bytes = change.raw_bytes().to_vec();
        held.insert(hash(&bytes), bytes.clone());
        PushItem {
            record: Key(*record.as_bytes()),
            change: Blob(bytes),
            offset_ms: Some(0),
        }
    }

    /// Sends one request, which `fill` completes, and keeps what the page brings.
    pub(crate) fn ask(
        &mut self,
        town: &Town,
        complete: impl FnOnce(&mut SyncRequest),
    ) -> Result<Page, ExchangeError> {
        self.nonce += 1;
        let nonce = Key([self.nonce; 16]);
        let mut request = SyncRequest {
            position: self.position,
            profile_version: self.profile,
            ..SyncRequest::idle(nonce, Key(self.actor), town.now.get())
        };
        complete(&mut request);
        let before = request.position;
        let asker = Asker {
            device: self.device.id,
            person: self.device.person.clone(),
        };
        let body = codec::encode(&request);
        let now = || town.now.get();
        let answer = town.exchange().answer(&asker, &body, town, &now)?;
        let device = Key(*self.device.id.as_bytes());
        let opened = open_page(&answer, nonce, device, &town.key.verifying_key()).unwrap();
        if let Some(profile) = &opened.page.body.profile {
            self.profile = profile.version;
        }
        self.keep(opened.evidence, &opened.page, before);
        Ok(opened.page)
    }

    /// Sends changes, and goes on from where the page ends.
    pub(crate) fn push(&mut self, town: &Town, items: Vec<PushItem>) -> Page {
        let page = self.ask(town, |request| request.push = items).unwrap();
        self.position = page.statement.position;
        page
    }

    /// Pulls until there is no more; the last page.
    pub(crate) fn pull(&mut self, town: &Town) -> Page {
        loop {
            let page = self.push(town, Vec::new());
            if !page.body.more {
                return page;
            }
        }
    }

    /// Becomes a phone that has everything that it may see.
    pub(crate) fn bootstrap(&mut self, town: &Town) {
        self.pull(town);
        let mut walk = Walk {
            after: None,
            held: Vec::new(),
        };
        loop {
            let wish = Some(walk.clone());
            let page = self.ask(town, |request| request.walk = wish).unwrap();
            self.position = page.statement.position;
            match page.body.walk.unwrap().next {
                Some(next) => walk.after = Some(next),
                None => return,
            }
        }
    }

    fn keep(&mut self, evidence: Evidence, page: &Page, mut before: Position) {
        let mut kept = Kept {
            evidence,
            entries: Vec::new(),
            changes: Vec::new(),
        };
        let mut placed = BTreeMap::new();
        for delta in &page.body.records {
            let id = RecordId::from_bytes(delta.record.0);
            let held = self.changes.entry(id).or_default();
            for (place, change) in (0_u32..).zip(&delta.changes) {
                let hash = hash(&change.0);
                placed.insert((delta.record, place), hash);
                held.insert(hash, change.0.clone());
                kept.changes.push((id, change.0.clone()));
            }
        }
        for feed in &page.body.entries {
            let change = |record, at| placed.get(&(record, at)).copied();
            let (_, canonical) = fill(feed, &mut before, change).unwrap();
            kept.entries.push(canonical);
        }
        for delta in &page.body.records {
            kept.entries
                .extend(delta.rulings.iter().map(|r| r.0.clone()));
        }
        for delta in page.body.records.iter().filter(|delta| delta.whole) {
            let changes = delta.changes.iter().map(|change| change.0.as_slice());
            let history = match &delta.snapshot {
                None => History::load(changes).unwrap(),
                Some(chunk) => History::load_snapshot(&chunk.0, changes).unwrap(),
            };
            let mut heads: Vec<Digest> = history.heads().iter().map(|h| Digest(h.0)).collect();
            heads.sort();
            kept.evidence.records.push(SeenRecord {
                record: delta.record,
                heads,
                as_of: delta.as_of,
                authors: delta.authors.clone(),
            });
        }
        kept.evidence.entries = kept.entries.iter().map(|e| entry_hash(e)).collect();
        self.kept.push(kept);
    }

    /// All that it was ever told, to be given back, with its own changes among it.
    pub(crate) fn everything(&self) -> Vec<Returned> {
        let own: Vec<ReturnedChange> = self
            .changes
            .iter()
            .flat_map(|(id, held)| held.values().map(move |bytes| returned(*id, bytes)))
            .collect();
        let pages = self.kept.iter().map(|kept| Returned {
            evidence: kept.evidence.clone(),
            entries: kept.entries.iter().cloned().map(Blob).collect(),
            changes: kept
                .changes
                .iter()
                .map(|(id, bytes)| returned(*id, bytes))
                .collect(),
        });
        let mut pages: Vec<Returned> = pages.collect();
        if let Some(last) = pages.last_mut() {
            last.changes = own;
        }
        pages
    }

    /// Gives back, and goes on from what both logs share.
    pub(crate) fn give_back(&mut self, town: &Town, returns: Vec<Returned>) -> Page {
        let page = self.ask(town, |request| request.returns = returns).unwrap();
        self.position = page.statement.position;
        page
    }
}

fn returned(record: RecordId, bytes: &[u8]) -> ReturnedChange {
    ReturnedChange {
        record: Key(*record.as_bytes()),
        change: Blob(bytes.to_vec()),
    }
}
