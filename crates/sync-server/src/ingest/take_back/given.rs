//! What devices give back, once its evidence is right.

use std::collections::{BTreeMap, BTreeSet};

use gridlog_domain::id::{PersonId, RecordId};
use gridlog_merge_guard::{Header, Limits, receive};
use gridlog_protocol::{
    Digest, Fact, LogEntry, Origin, ProtocolError, Returned, SeenRecord, Statement, VerifyingKey,
    entry_hash,
};

use super::branches::Branches;
use crate::grouping::follows_from;

/// What a device gives back, its evidence being right.
#[derive(Debug, Clone)]
pub struct GivenBack {
    /// What the page said that brought it.
    pub statement: Statement,
    /// The entries of the page, by their hashes, in order.
    named: Vec<Digest>,
    /// Those that came back, with their hashes.
    entries: Vec<(Digest, LogEntry)>,
    changes: Vec<(RecordId, Vec<u8>)>,
    pub(super) seen: Vec<SeenRecord>,
}

impl GivenBack {
    /// Checks the evidence: this server signed it, and it names what is given back.
    ///
    /// # Errors
    /// [`ProtocolError::BadSignature`], [`ProtocolError::Malformed`].
    pub fn check(returned: Returned, key: &VerifyingKey) -> Result<Self, ProtocolError> {
        let statement = mutated!(
            SignatureNotChecked,
            crate::mutation::unchecked(&returned.evidence),
            returned.evidence.check(key)
        )?;
        let named: BTreeSet<&Digest> = returned.evidence.entries.iter().collect();
        let mut entries = Vec::with_capacity(returned.entries.len());
        for canonical in &returned.entries {
            let hash = entry_hash(&canonical.0);
            if !named.contains(&hash) && !mutated!(EntryNotNamed) {
                return Err(ProtocolError::BadSignature { what: "entry" });
            }
            entries.push((hash, LogEntry::from_bytes(&canonical.0)?));
        }
        let changes = returned.changes.into_iter();
        Ok(Self {
            statement,
            named: returned.evidence.entries,
            entries,
            changes: changes
                .map(|change| (RecordId::from_bytes(change.record.0), change.change.0))
                .collect(),
            seen: returned.evidence.records,
        })
    }

    /// Whether every entry of the page came back, rulings among them.
    pub(super) fn is_whole(&self) -> bool {
        let here: BTreeSet<&Digest> = self.entries.iter().map(|(hash, _)| hash).collect();
        self.named.iter().all(|hash| here.contains(hash))
    }
}

/// A sound change that came back.
pub(super) struct Pooled {
    pub(super) header: Header,
    pub(super) bytes: Vec<u8>,
}

/// How a change was admitted, by the entry that came back.
#[derive(Clone)]
pub(super) struct Admission {
    pub(super) origin: Origin,
    pub(super) by: PersonId,
    /// Whether the page has entries behind it that did not come back yet: rulings, perhaps.
    pub(super) is_cut: bool,
}

/// All that came back with one request.
pub(super) struct Pool {
    /// Changes, by record and hash.
    changes: BTreeMap<RecordId, BTreeMap<Digest, Pooled>>,
    admitted: BTreeMap<(RecordId, Digest), Admission>,
    /// Entries in the order in which they stood in the log that was lost last, then others, each with
    /// where it stood first.
    pub(super) entries: Vec<(Origin, LogEntry)>,
}

impl Pool {
    pub(super) fn new(given: &[GivenBack], limits: &Limits, branches: &Branches) -> Self {
        let mut changes: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for (record, bytes) in given.iter().flat_map(|given| &given.changes) {
            // Bytes that are no sound change were never admitted by anybody.
            if let Ok(header) = receive(bytes, limits) {
                let hash = Digest(header.hash.0);
                let bytes = bytes.clone();
                let of_record = changes.entry(*record).or_default();
                of_record.insert(hash, Pooled { header, bytes });
            }
        }
        let mut entries: Vec<(u64, &LogEntry)> = given
            .iter()
            .flat_map(|given| {
                let epoch = given.statement.position.epoch;
                given.entries.iter().map(move |(_, entry)| (epoch, entry))
            })
            .collect();
        entries.sort_by_key(|(epoch, entry)| branches.turn(branches.born(*epoch, entry.seq)));
        let entries = entries.into_iter();
        Self {
            changes,
            admitted: admitted(given, branches),
            entries: entries
                .map(|(epoch, entry)| (origin(epoch, entry, branches), entry.clone()))
                .collect(),
        }
    }

    pub(super) fn change(&self, record: RecordId, hash: Digest) -> Option<&Pooled> {
        self.changes.get(&record)?.get(&hash)
    }

    pub(super) fn admission(&self, record: RecordId, hash: Digest) -> Option<&Admission> {
        self.admitted.get(&(record, hash))
    }

    /// The changes that the heads of a whole record prove, each after what it builds on.
    pub(super) fn proven(&self, seen: &SeenRecord) -> Vec<(Digest, &Pooled)> {
        let Some(pool) = self.changes.get(&RecordId::from_bytes(seen.record.0)) else {
            return Vec::new();
        };
        let mut found: BTreeMap<Digest, &Pooled> = BTreeMap::new();
        let mut next = seen.heads.clone();
        while let Some(hash) = next.pop() {
            if let Some(change) = pool.get(&hash)
                && found.insert(hash, change).is_none()
            {
                next.extend(change.header.deps.iter().map(|dep| Digest(dep.0)));
            }
        }
        let mut proven: Vec<(Digest, &Pooled)> = found.into_iter().collect();
        // An operation's number is larger than those of everything that its author had seen.
        proven.sort_by_key(|(_, change)| change.header.start_op);
        proven
    }
}

impl Pooled {
    /// Who wrote it, as a whole record says that holds it.
    pub(super) fn author(&self, seen: &SeenRecord) -> Option<PersonId> {
        let actor = self.header.actor.to_bytes();
        let mut authors = seen.authors.iter();
        let author = authors.find(|author| author.actor.0.as_slice() == actor)?;
        Some(PersonId::new(author.person.clone()))
    }
}

/// How each change was admitted of which the entry came back.
fn admitted(given: &[GivenBack], branches: &Branches) -> BTreeMap<(RecordId, Digest), Admission> {
    let here: BTreeMap<Digest, &LogEntry> = given
        .iter()
        .flat_map(|given| given.entries.iter().map(|(hash, entry)| (*hash, entry)))
        .collect();
    let mut admitted = BTreeMap::new();
    for given in given {
        for (place, hash) in given.named.iter().enumerate() {
            let Some(entry) = here.get(hash) else {
                continue;
            };
            if let Fact::Admit { change, by } = &entry.fact {
                let record = RecordId::from_bytes(entry.record.0);
                let admission = Admission {
                    origin: origin(given.statement.position.epoch, entry, branches),
                    by: PersonId::new(by.clone()),
                    is_cut: is_cut(entry, &given.named[place + 1..], &here),
                };
                admitted.insert((record, *change), admission);
            }
        }
    }
    admitted
}

/// Whether of what stands behind an entry in its page something may be missing that follows from it.
fn is_cut(entry: &LogEntry, behind: &[Digest], here: &BTreeMap<Digest, &LogEntry>) -> bool {
    for hash in behind {
        match here.get(hash) {
            None => return true,
            Some(next) if !follows_from(next, entry) => return false,
            Some(_) => {}
        }
    }
    false
}

/// Where an entry stood first that a page of that epoch brought.
fn origin(epoch: u64, entry: &LogEntry, branches: &Branches) -> Origin {
    branches.first(entry.origin.unwrap_or(Origin {
        epoch,
        seq: entry.seq,
        at_ms: entry.at_ms,
    }))
}
