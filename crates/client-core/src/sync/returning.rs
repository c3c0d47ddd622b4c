//! Giving back, portion by portion, under the pages that prove it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use gridlog_domain::id::RecordId;
use gridlog_protocol::limits::{MAX_RETURNS, RETURN_TARGET_BYTES};
use gridlog_protocol::{Blob, Fact, Key, Returned, ReturnedChange, SeenRecord};
use rusqlite::Connection;

use crate::error::PhoneError;
use crate::store::log::{Among, ProvenEntry};
use crate::store::{changes, evidence, log, records, sealed};

/// Most lost entries that are gathered at once.
const MOST_ENTRIES: u32 = 512;

/// Why something is given back.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Nothing is.
    #[default]
    None,
    /// The server lost it.
    Lost,
    /// A comparison found a difference.
    Differing,
}

/// What a session gives back, and how far it is.
#[derive(Debug, Default)]
pub(super) struct Returning {
    pub(super) purpose: Purpose,
    /// Records of which everything is still to be gathered, and those of which it was.
    records: BTreeSet<RecordId>,
    gathered_records: BTreeSet<RecordId>,
    /// The last lost entry (epoch, number) that was gathered; `None` if there are no more.
    after: Option<(i64, i64)>,
    gathered: VecDeque<Returned>,
    /// What went out and was not answered yet.
    outgoing: Vec<Returned>,
}

impl Returning {
    /// Everything that the server lost: first records that came whole or left this phone, then the
    /// entries of all others.
    pub(super) fn lost(connection: &Connection) -> Result<Self, PhoneError> {
        let mut doubted = records::doubted_whole(connection)?;
        doubted.extend(sealed::doubted(connection)?);
        Ok(Self {
            purpose: Purpose::Lost,
            records: doubted.into_iter().collect(),
            after: Some((i64::MIN, 0)),
            ..Self::default()
        })
    }

    /// Everything that is here of some records.
    pub(super) fn differing(records: BTreeSet<RecordId>) -> Self {
        Self {
            purpose: Purpose::Differing,
            records,
            ..Self::default()
        }
    }

    /// What the next request gives back: what was not answered once more, or the next portion. Empty
    /// once all was given and answered.
    pub(super) fn next(&mut self, connection: &Connection) -> Result<Vec<Returned>, PhoneError> {
        if self.outgoing.is_empty() {
            while self.gathered.is_empty() && self.gather(connection)? {}
            self.outgoing = self.portion();
        }
        Ok(self.outgoing.clone())
    }

    /// The last portion was answered.
    pub(super) fn answered(&mut self) {
        self.outgoing.clear();
    }

    /// Gathers some more; false if there is no more.
    fn gather(&mut self, connection: &Connection) -> Result<bool, PhoneError> {
        let mut parcel = Parcel::new(connection);
        if mutated!(NothingGivenBack) {
            return Ok(false);
        }
        if let Some(record) = self.records.pop_first() {
            let among = match self.purpose {
                Purpose::Lost => Among::Lost,
                _ => Among::All,
            };
            for entry in log::proven_of_record(connection, record, among)? {
                parcel.add_entry(entry)?;
            }
            if let Some(page) = page_of(connection, record)? {
                parcel.add_whole(record, page)?;
            }
            self.gathered_records.insert(record);
        } else if let Some(after) = self.after {
            let entries = log::lost_after(connection, after, MOST_ENTRIES)?;
            self.after = entries.last().map(|entry| entry.at);
            for entry in entries {
                let record = RecordId::from_bytes(entry.entry.record.0);
                if !self.gathered_records.contains(&record) {
                    parcel.add_entry(entry)?;
                }
            }
        } else {
            return Ok(false);
        }
        self.gathered.extend(parcel.parts);
        Ok(true)
    }

    /// As much of what was gathered as one request takes.
    fn portion(&mut self) -> Vec<Returned> {
        let mut portion = Vec::new();
        let mut bytes = 0;
        while portion.len() < MAX_RETURNS
            && let Some(part) = self.gathered.pop_front()
        {
            bytes += size(&part);
            // A larger one goes alone.
            if bytes > RETURN_TARGET_BYTES && !portion.is_empty() {
                self.gathered.push_front(part);
                break;
            }
            portion.push(part);
        }
        portion
    }
}

/// The page that brought a record as a whole, whether the record is in sight or not.
fn page_of(connection: &Connection, record: RecordId) -> Result<Option<i64>, PhoneError> {
    let page = match records::get(connection, record)? {
        Some(known) => Some(known.page),
        None => sealed::page(connection, record)?,
    };
    Ok(page.filter(|page| *page != 0))
}

fn size(part: &Returned) -> usize {
    let entries: usize = part.entries.iter().map(|entry| entry.0.len()).sum();
    let changes: usize = part
        .changes
        .iter()
        .map(|returned| returned.change.0.len())
        .sum();
    part.evidence.to_bytes().len() + entries + changes
}

/// What is given back, by the page that proves it, in the order in which it is added.
struct Parcel<'a> {
    connection: &'a Connection,
    parts: Vec<Returned>,
    /// Which part of a page takes more, and what that part holds in bytes.
    open: BTreeMap<i64, (usize, usize)>,
}

impl<'a> Parcel<'a> {
    const fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            parts: Vec::new(),
            open: BTreeMap::new(),
        }
    }

    /// The part of a page that takes `bytes` more; `None` if nothing proves that page any more.
    fn part(&mut self, page: i64, bytes: usize) -> Result<Option<&mut Returned>, PhoneError> {
        let open = self.open.get(&page).copied();
        let takes_more = |(_, held): &(usize, usize)| held + bytes <= RETURN_TARGET_BYTES;
        let (place, held) = match open.filter(takes_more) {
            Some(open) => open,
            None => {
                let Some(evidence) = evidence::get(self.connection, page)? else {
                    return Ok(None);
                };
                self.parts.push(Returned {
                    evidence,
                    entries: Vec::new(),
                    changes: Vec::new(),
                });
                (self.parts.len() - 1, 0)
            }
        };
        self.open.insert(page, (place, held + bytes));
        Ok(self.parts.get_mut(place))
    }

    fn add_entry(&mut self, entry: ProvenEntry) -> Result<(), PhoneError> {
        let record = RecordId::from_bytes(entry.entry.record.0);
        let change = match &entry.entry.fact {
            Fact::Admit { change, .. } => changes::get(self.connection, record, change.0)?,
            _ => None,
        };
        let bytes = entry.canonical.len() + change.as_ref().map_or(0, Vec::len);
        let key = entry.entry.record;
        if let Some(part) = self.part(entry.page, bytes)? {
            part.entries.push(Blob(entry.canonical));
            part.changes.extend(change.map(|bytes| ReturnedChange {
                record: key,
                change: Blob(bytes),
            }));
        }
        Ok(())
    }

    /// A record that came whole, with every change that its heads prove, in one part.
    fn add_whole(&mut self, record: RecordId, page: i64) -> Result<(), PhoneError> {
        let changes = changes::all_bytes(self.connection, record)?;
        let bytes = changes.iter().map(Vec::len).sum();
        let Some(part) = self.part(page, bytes)? else {
            return Ok(());
        };
        let key = Key(*record.as_bytes());
        let is_it = |seen: &SeenRecord| seen.record == key;
        if part.evidence.records.iter().any(is_it) {
            part.changes
                .extend(changes.into_iter().map(|bytes| ReturnedChange {
                    record: key,
                    change: Blob(bytes),
                }));
        }
        Ok(())
    }
}
