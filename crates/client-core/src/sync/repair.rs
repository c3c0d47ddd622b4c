//! Repair: what a restored server lost is given back, and what this store lacks is wanted (DESIGN
//! section 7).

use std::collections::{BTreeMap, BTreeSet};

use gridlog_domain::id::RecordId;
use gridlog_protocol::limits::{MAX_RETURNS, RETURN_TARGET_BYTES};
use gridlog_protocol::{Blob, Fact, Key, Returned, ReturnedChange, ScopePrint, SeenRecord};
use rusqlite::Connection;

use super::apply::Taken;
use super::page::CheckedPage;
use super::session::Asked;
use crate::error::PhoneError;
use crate::store::log::ProvenEntry;
use crate::store::{changes, evidence, log, meta, records, sealed};

/// Most entries that are looked at for one request.
const MOST_ENTRIES: u32 = 512;

/// The folded prints of everything in scope, as the server folds them: once for every audience.
pub(super) fn own_scope(connection: &Connection) -> Result<Key, PhoneError> {
    let mut scope = ScopePrint::EMPTY;
    for printed in records::printed(connection)? {
        if printed.seen_by.count_ones() % 2 == 1 {
            scope.toggle(printed.print);
        }
    }
    Ok(Key(scope.0))
}

/// The server's log is another one than the one that was pulled: what both share stays, what lies
/// behind it is to be given back and asked for again. Nothing is lost here by that.
pub(super) fn take_lineage(
    connection: &Connection,
    checked: &CheckedPage,
    asked: &Asked,
    taken: &mut Taken,
) -> Result<(), PhoneError> {
    let Some(lineage) = &checked.page.body.lineage else {
        return meta::PROVING.clear(connection);
    };
    let Some(common) = lineage.common else {
        return meta::PROVING.set(connection, true);
    };
    meta::PROVING.clear(connection)?;
    let epoch = checked.page.statement.position.epoch;
    if epoch == asked.position.epoch {
        return Ok(());
    }
    tracing::warn!(epoch, common, "the server's log has a new epoch");
    taken
        .touched
        .extend(records::changed_after(connection, common)?);
    records::doubt_after(connection, common)?;
    log::begin_epoch(connection, epoch, common)?;
    sealed::hold_until(connection, common, u64::MAX >> 1)
}

/// What the next request gives back.
#[derive(Debug, Default)]
pub(super) struct Giving {
    /// It, by page.
    pub(super) returns: Vec<Returned>,
    /// The last lost entry among it.
    pub(super) through: (i64, i64),
    /// Whether that was all.
    pub(super) is_last: bool,
}

/// Proof that this phone pulled what the server does not know: the last page.
pub(super) fn proof(connection: &Connection) -> Result<Vec<Returned>, PhoneError> {
    let Some(cbor) = meta::LAST_PAGE.get(connection)? else {
        return Ok(Vec::new());
    };
    Ok(vec![Returned {
        evidence: evidence::from_cbor(&cbor)?,
        entries: Vec::new(),
        changes: Vec::new(),
    }])
}

/// The entries that the server lost, from the one after `after` on, with the changes that they
/// admit, as much as one request takes.
pub(super) fn lost_after(connection: &Connection, after: (i64, i64)) -> Result<Giving, PhoneError> {
    let entries = log::lost_after(connection, after, MOST_ENTRIES)?;
    let is_short = entries.len() < usize::try_from(MOST_ENTRIES).unwrap_or(usize::MAX);
    let mut parcel = Parcel::new(connection);
    let mut giving = Giving {
        through: after,
        is_last: is_short,
        ..Giving::default()
    };
    for entry in entries {
        if parcel.is_full(entry.page) {
            giving.is_last = false;
            break;
        }
        giving.through = entry.at;
        parcel.add_entry(entry)?;
    }
    giving.returns = parcel.close();
    Ok(giving)
}

/// Everything about some records that pages brought: for records in which both sides differ.
pub(super) fn all_of(
    connection: &Connection,
    differing: &mut BTreeSet<RecordId>,
) -> Result<Vec<Returned>, PhoneError> {
    let mut parcel = Parcel::new(connection);
    while let Some(record) = differing.pop_first() {
        for entry in log::proven_of_record(connection, record)? {
            parcel.add_entry(entry)?;
        }
        if let Some(known) = records::get(connection, record)?
            && known.page != 0
        {
            parcel.add_whole(record, known.page)?;
        }
        if parcel.is_full(0) {
            break;
        }
    }
    Ok(parcel.close())
}

/// What one request gives back, by the page that proves it.
struct Parcel<'a> {
    connection: &'a Connection,
    returns: BTreeMap<i64, Returned>,
    bytes: usize,
}

impl<'a> Parcel<'a> {
    const fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            returns: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// Whether something of that page has to wait for the next request.
    fn is_full(&self, page: i64) -> bool {
        let is_new = !self.returns.contains_key(&page);
        self.bytes >= RETURN_TARGET_BYTES || (is_new && self.returns.len() >= MAX_RETURNS)
    }

    fn page(&mut self, page: i64) -> Result<Option<&mut Returned>, PhoneError> {
        if !self.returns.contains_key(&page) {
            let Some(evidence) = evidence::get(self.connection, page)? else {
                return Ok(None);
            };
            self.bytes += evidence.to_bytes().len();
            let returned = Returned {
                evidence,
                entries: Vec::new(),
                changes: Vec::new(),
            };
            self.returns.insert(page, returned);
        }
        Ok(self.returns.get_mut(&page))
    }

    fn add_entry(&mut self, entry: ProvenEntry) -> Result<(), PhoneError> {
        let record = RecordId::from_bytes(entry.entry.record.0);
        let change = match &entry.entry.fact {
            Fact::Admit { change, .. } => changes::get(self.connection, record, change.0)?,
            _ => None,
        };
        let added = entry.canonical.len() + change.as_ref().map_or(0, Vec::len);
        if let Some(returned) = self.page(entry.page)? {
            returned.entries.push(Blob(entry.canonical));
            let key = entry.entry.record;
            returned.changes.extend(change.map(|bytes| ReturnedChange {
                record: key,
                change: Blob(bytes),
            }));
            self.bytes += added;
        }
        Ok(())
    }

    /// A record that came whole, with every change that its heads prove.
    fn add_whole(&mut self, record: RecordId, page: i64) -> Result<(), PhoneError> {
        let bytes = changes::all_bytes(self.connection, record)?;
        let Some(returned) = self.page(page)? else {
            return Ok(());
        };
        let key = Key(*record.as_bytes());
        let is_seen = |seen: &SeenRecord| seen.record == key;
        if !returned.evidence.records.iter().any(is_seen) {
            return Ok(());
        }
        let added: usize = bytes.iter().map(Vec::len).sum();
        returned
            .changes
            .extend(bytes.into_iter().map(|bytes| ReturnedChange {
                record: key,
                change: Blob(bytes),
            }));
        self.bytes += added;
        Ok(())
    }

    fn close(self) -> Vec<Returned> {
        self.returns.into_values().collect()
    }
}
