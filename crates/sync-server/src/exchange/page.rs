//! From what the store holds to what a page says.

use std::collections::{BTreeMap, BTreeSet};

use gridlog_domain::id::RecordId;
use gridlog_protocol::{
    Blob, Digest, Fact, FeedEntry, Key, LogEntry, Page, Position, RecordDelta, SeenRecord, Verdict,
    ViewNews, WalkNews, contents, entry_hash, text_check, with_holes,
};

use super::{Asked, verdict};
use crate::news::Touched;
use crate::store::{ExchangeSlice, ItemStatus, StoreError, TouchedRecord};

/// The page that tells of a slice, `pulls` if it was read from the device's position on.
pub(super) fn told(
    asked: &Asked<'_>,
    mut slice: ExchangeSlice,
    pulls: bool,
) -> Result<Page, StoreError> {
    leave_out_what_cannot_be_read(asked, &mut slice);
    leave_out_what_entries_tell(&mut slice);
    let (seq, hash) = slice.reached;
    let pulled = Position {
        epoch: slice.head.epoch,
        seq,
        hash,
    };
    let reached = match asked.standpoint.stays_at() {
        Some(position) if !pulls => position,
        _ => pulled,
    };
    let mut page = Page::empty(reached, asked.answered_ms);
    page.statement.backed_up_through = slice.backed_up_through;
    let is_walking = slice.walked.is_some();
    if !slice.more && !asked.standpoint.has_lost() {
        page.statement.receipt = Some(mutated!(
            ReceiptOneTooMany,
            crate::mutation::one_more(slice.receipt),
            slice.receipt
        ));
        page.statement.scope = Some(Key(slice.scope.0));
    }
    let places = places(&slice.records);
    let mut before = asked.request.position;
    let mut hashes = Vec::with_capacity(slice.entries.len());
    for stored in &slice.entries {
        let (entry, feed) = feed(stored.seq, &stored.canonical, &before, &places)?;
        let hash = entry_hash(&stored.canonical);
        before.seq = entry.seq;
        before.hash = hash;
        hashes.push(hash);
        page.body.entries.push(feed);
    }
    for record in &slice.records {
        hashes.extend(
            record
                .rulings
                .iter()
                .map(|ruling| entry_hash(&ruling.canonical)),
        );
    }
    let whole = slice.records.iter().filter(|record| record.whole);
    let seen: Vec<SeenRecord> = whole.map(seen).collect();
    page.statement.contents = contents(&hashes, &seen);
    page.body.verdicts = verdicts(asked, slice.statuses);
    page.body.records = slice
        .records
        .into_iter()
        .map(delta)
        .collect::<Result<_, _>>()?;
    let gone = mutated!(HiddenNotDelivered, Vec::new(), slice.gone);
    page.body.gone = gone.into_iter().map(key).collect();
    page.body.erased = slice.erased.into_iter().map(key).collect();
    page.body.recalled = slice.recalled;
    page.body.more = slice.more || is_walking;
    page.body.walk = asked.request.walk.as_ref().map(|_| WalkNews {
        held: slice
            .held
            .into_iter()
            .map(|(id, by)| (key(id), by))
            .collect(),
        next: slice.walked.map(key),
    });
    Ok(page)
}

/// What became of what was pushed and asked for. Of what another device pushed before and was refused,
/// only how it was received now is this device's to know.
fn verdicts(asked: &Asked<'_>, statuses: Vec<Option<ItemStatus>>) -> Vec<Verdict> {
    let received = asked.received.iter().cloned().map(Some);
    let received = received.chain(std::iter::repeat(None));
    let both = statuses.into_iter().zip(received);
    both.map(|(known, received)| verdict(known.or(received)))
        .collect()
}

/// The device could not read these records before. Their entries stay, and are told whole.
fn leave_out_what_cannot_be_read(asked: &Asked<'_>, slice: &mut ExchangeSlice) {
    let Some(without) = &asked.request.without else {
        return;
    };
    let without: BTreeSet<&Key> = without.iter().collect();
    let told = &mut slice.records;
    told.retain(|told| !without.contains(&key(told.row.id)));
}

/// A ruling that the page brings as an entry need not come with its record, too.
fn leave_out_what_entries_tell(slice: &mut ExchangeSlice) {
    let told: BTreeSet<u64> = slice.entries.iter().map(|entry| entry.seq).collect();
    for record in &mut slice.records {
        record.rulings.retain(|ruling| !told.contains(&ruling.seq));
    }
}

fn key(id: RecordId) -> Key {
    Key(*id.as_bytes())
}

/// Where in the page each change stands, by record and hash.
fn places(records: &[TouchedRecord]) -> BTreeMap<(Key, Digest), u32> {
    let mut places = BTreeMap::new();
    for record in records {
        for (place, change) in (0..).zip(&record.changes) {
            places.insert((key(record.row.id), change.hash), place);
        }
    }
    places
}

fn feed(
    seq: u64,
    canonical: &[u8],
    before: &Position,
    places: &BTreeMap<(Key, Digest), u32>,
) -> Result<(LogEntry, FeedEntry), StoreError> {
    let entry = LogEntry::from_bytes(canonical).map_err(|_| StoreError::Damaged {
        what: "log entry",
        id: seq.to_string(),
    })?;
    let place = match &entry.fact {
        Fact::Admit { change, .. } => places.get(&(entry.record, *change)).copied(),
        _ => None,
    };
    let feed = with_holes(&entry, before, place);
    Ok((entry, feed))
}

/// A whole record, as evidence names it.
fn seen(record: &TouchedRecord) -> SeenRecord {
    SeenRecord {
        record: key(record.row.id),
        heads: record.row.heads.clone(),
        as_of: record.row.as_of,
        authors: record.authors.clone(),
    }
}

fn delta(touched: TouchedRecord) -> Result<RecordDelta, StoreError> {
    let view = view_news(&touched)?;
    let TouchedRecord {
        row,
        seen_by,
        changes,
        whole,
        snapshot,
        rulings,
        new_rulings,
        authors,
        ..
    } = touched;
    Ok(RecordDelta {
        record: key(row.id),
        changes: changes
            .into_iter()
            .map(|change| Blob(change.bytes))
            .collect(),
        whole,
        snapshot: snapshot.map(Blob),
        as_of: row.as_of,
        updated_ms: row.updated_ms,
        area: row.area,
        seen_by,
        view,
        state: row
            .state
            .filter(|_| new_rulings)
            .map(|state| Blob(state.into_bytes())),
        rulings: rulings
            .into_iter()
            .map(|entry| Blob(entry.canonical))
            .collect(),
        authors,
    })
}

/// A device that wrote all the news itself shows them already; one that has the record gets what
/// changed in its view, where that is shorter.
fn view_news(touched: &TouchedRecord) -> Result<ViewNews, StoreError> {
    let row = &touched.row;
    if touched.own_news {
        return Ok(ViewNews::Same);
    }
    let whole = || ViewNews::Whole(Blob(row.view.clone().into_bytes()));
    if touched.whole || touched.begun_after() {
        return Ok(whole());
    }
    let damaged = |_| StoreError::Damaged {
        what: "view",
        id: row.id.to_string(),
    };
    let view = serde_json::from_str(&row.view).map_err(damaged)?;
    let patch = Touched::read(&row.touched).patch(&view, touched.after);
    let merge = patch.merge.to_string();
    Ok(if merge.len() * 2 < row.view.len() {
        ViewNews::Patch {
            patch: Blob(merge.into_bytes()),
            splices: patch.splices,
            check: text_check(row.view.as_bytes()),
        }
    } else {
        whole()
    })
}

impl TouchedRecord {
    /// Whether the record began after the device's position: it has no view to change.
    fn begun_after(&self) -> bool {
        self.first_seq > self.after
    }
}
