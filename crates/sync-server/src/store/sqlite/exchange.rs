//! One exchange with a device in SQLite: where its items stand, and what it may see.

use std::collections::{BTreeMap, BTreeSet};

use gridlog_domain::id::{DeviceId, RecordId};
use gridlog_protocol::limits::MAX_RECALLED;
use gridlog_protocol::{
    Author, Digest, Fact, Key, LogEntry, Recalled, RecalledChange, ScopePrint, audience,
    item_digest,
};
use rusqlite::{Transaction, params};

use super::{inbox, log, rows, tallies, visibility};
use crate::grouping::follows_from;
use crate::store::error::StoreError;
use crate::store::model::{
    ExchangeQuery, ExchangeSlice, RecordRow, StoredChange, StoredEntry, TouchedRecord, WalkQuery,
};

/// Numbers of the entries after `after` for any of the audiences or for everybody, in order, each once.
fn numbers(
    tx: &Transaction<'_>,
    query: &ExchangeQuery,
    after: u64,
) -> Result<Vec<u64>, StoreError> {
    let limit = query.max_entries.saturating_add(1).cast_signed();
    let mut numbers = Vec::new();
    let own = query.audiences.iter().map(String::as_str);
    for audience in own.chain([audience::EVERYBODY]) {
        let mut select = tx.prepare_cached(
            "SELECT seq FROM feed WHERE audience = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
        )?;
        let rows = select.query_map(params![audience, after.cast_signed(), limit], |row| {
            row.get::<_, i64>(0)
        })?;
        for row in rows {
            numbers.push(row?.cast_unsigned());
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

struct Teller<'a> {
    tx: &'a Transaction<'a>,
    query: &'a ExchangeQuery,
    slice: ExchangeSlice,
    bytes: usize,
    visible: BTreeMap<RecordId, bool>,
    told: BTreeSet<RecordId>,
}

/// Names what of a device is in the log after entry `after`.
fn recall(tx: &Transaction<'_>, device: DeviceId, after: u64) -> Result<Recalled, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT c.record, c.hash, c.actor, c.seq, c.bytes
         FROM changes c JOIN actors a ON a.actor = c.actor
         WHERE a.device = ?1 AND c.seq > ?2 ORDER BY c.seq LIMIT ?3",
    )?;
    let limit = i64::try_from(MAX_RECALLED + 1).unwrap_or(i64::MAX);
    let mut rows = query.query(params![device.as_bytes(), after.cast_signed(), limit])?;
    let (mut changes, mut last) = (Vec::new(), after);
    while let Some(row) = rows.next()? {
        if changes.len() == MAX_RECALLED {
            return Ok(Recalled {
                changes,
                next: Some(last),
            });
        }
        let record = Key(row.get(0)?);
        let bytes: Vec<u8> = row.get(4)?;
        changes.push(RecalledChange {
            record,
            change: Digest(row.get(1)?),
            item: item_digest(record, &bytes),
            actor: Key(row.get(2)?),
        });
        last = row.get::<_, i64>(3)?.cast_unsigned();
    }
    Ok(Recalled {
        changes,
        next: None,
    })
}

/// Answers an exchange.
pub(super) fn exchange(
    tx: &Transaction<'_>,
    query: &ExchangeQuery,
) -> Result<ExchangeSlice, StoreError> {
    let head = log::head(tx)?;
    let items = query.items.iter();
    let statuses = items.map(|item| inbox::status_for(tx, query.device, *item));
    let mut teller = Teller {
        tx,
        query,
        slice: ExchangeSlice {
            statuses: statuses.collect::<Result<_, _>>()?,
            receipt: tallies::receipt(tx, query.device)?,
            scope: ScopePrint::EMPTY,
            backed_up_through: log::backed_up_through(tx)?,
            head,
            entries: Vec::new(),
            records: Vec::new(),
            gone: Vec::new(),
            reached: (head.seq, head.hash),
            more: false,
            held: Vec::new(),
            walked: None,
            erased: inbox::erased_records(tx, &query.items)?,
            recalled: query
                .recall
                .map(|after| recall(tx, query.device, after))
                .transpose()?,
        },
        bytes: 0,
        visible: BTreeMap::new(),
        told: BTreeSet::new(),
    };
    if let Some(after) = query.after {
        teller.pull(after)?;
    }
    teller.tell_wanted()?;
    if let Some(walk) = &query.walk {
        teller.walk(walk)?;
    }
    teller.slice.scope = tallies::scope(tx, &query.audiences)?;
    Ok(teller.slice)
}

impl Teller<'_> {
    fn is_full(&self) -> bool {
        self.bytes >= self.query.target_bytes
    }

    fn pull(&mut self, after: u64) -> Result<(), StoreError> {
        let numbers = numbers(self.tx, self.query, after)?;
        let most = self.query.max_entries;
        let enough = most - most / 8;
        let mut ahead = numbers.first().map(|seq| self.entry(*seq)).transpose()?;
        for (index, seq) in numbers.iter().enumerate() {
            let Some(read) = ahead.take() else { break };
            ahead = numbers
                .get(index + 1)
                .map(|next| self.entry(*next))
                .transpose()?;
            let (stored, entry) = &read;
            self.take(stored, entry, after)?;
            let Some((_, next)) = &ahead else { break };
            // A page does not end between a change and what was ruled on it, so that a device that has
            // only the one page can give back both.
            let ends_well = !follows_from(next, entry);
            // Nor does it leave entries of a record to the next one for its bytes: they are in this page
            // already, and the next would bring the same changes once more.
            let is_told = self.told.contains(&RecordId::from_bytes(next.record.0));
            let is_full = self.is_full() && !is_told;
            let count = index + 1;
            if count >= most || (ends_well && (count >= enough || is_full)) {
                self.slice.more = true;
                self.slice.reached = (*seq, log::hash(self.tx, *seq)?);
                return self.tell_ahead(*seq);
            }
        }
        Ok(())
    }

    /// News of a record bring all of it, also what the log says behind the end of the page. A device that
    /// has only this page has to prove that, too, so the entries come with the record.
    fn tell_ahead(&mut self, end: u64) -> Result<(), StoreError> {
        for told in &mut self.slice.records {
            if told.whole || told.row.as_of <= end {
                continue;
            }
            for stored in log::record_entries(self.tx, told.row.id)? {
                if stored.seq > end && is_of_what_it_says(&stored)? {
                    told.rulings.push(stored);
                }
            }
        }
        Ok(())
    }

    /// An entry that cannot be read any more would stop every phone behind it.
    fn entry(&self, seq: u64) -> Result<(StoredEntry, LogEntry), StoreError> {
        let stored = log::entry(self.tx, seq)?.ok_or_else(|| damaged(seq))?;
        let entry = read(&stored)?;
        Ok((stored, entry))
    }

    fn take(
        &mut self,
        stored: &StoredEntry,
        entry: &LogEntry,
        after: u64,
    ) -> Result<(), StoreError> {
        let record = RecordId::from_bytes(entry.record.0);
        let visible = match self.visible.get(&record) {
            Some(visible) => *visible,
            None => self.touch(record, Some(after))?,
        };
        let takes_away = matches!(
            entry.fact,
            Fact::Hidden { .. } | Fact::Archived | Fact::Erase { .. }
        );
        // Where a record went, or that it went, says nothing of what was in it, and a device may have
        // to give it back to a log that lost it.
        let is_place = matches!(entry.fact, Fact::Assignment { .. });
        if visible || takes_away || is_place {
            self.bytes += stored.canonical.len();
            self.slice.entries.push(stored.clone());
        }
        if !visible && takes_away && !self.slice.gone.contains(&record) {
            self.slice.gone.push(record);
        }
        Ok(())
    }

    /// Tells of a record, as news since `after` or, without it, as a whole. Says whether it is to be
    /// seen at all.
    fn touch(&mut self, record: RecordId, after: Option<u64>) -> Result<bool, StoreError> {
        let seen = visibility::of(self.tx, record, &self.query.audiences)?;
        self.visible.insert(record, seen.is_some());
        let Some(seen) = seen else { return Ok(false) };
        self.told.insert(record);
        let row = rows::record(self.tx, record)?.ok_or_else(|| StoreError::Damaged {
            what: "record",
            id: record.to_string(),
        })?;
        let changes = rows::changes_after(self.tx, record, 0)?;
        let is_own = |actor: &[u8; 16]| self.query.actors.contains(actor);
        let begun_here = changes.iter().all(|change| is_own(&change.actor));
        let whole = after.is_none_or(|after| seen.since > after && !begun_here);
        let after = if whole { 0 } else { after.unwrap_or(0) };
        let first_seq = changes.first().map_or(0, |change| change.seq);
        // A case that began since stands where every case begins, which nobody has told yet.
        let begun_since = first_seq > after;
        let news = changes.iter().filter(|change| change.seq > after);
        let own_news = !whole && news.clone().all(|change| is_own(&change.actor));
        let mut touched = TouchedRecord {
            changes: Vec::new(),
            snapshot: None,
            rulings: Vec::new(),
            new_rulings: whole || begun_since || rows::has_rulings_after(self.tx, record, after)?,
            authors: Vec::new(),
            first_seq,
            seen_by: seen.by,
            row,
            whole,
            own_news,
            after,
        };
        if whole {
            let snapshot = rows::snapshot(self.tx, record)?;
            let through = snapshot.as_ref().map_or(0, |(through, _)| *through);
            touched.snapshot = snapshot.map(|(_, chunk)| chunk);
            touched.rulings = log::rulings(self.tx, record)?;
            touched.rulings.extend(last_move(self.tx, &touched.row)?);
            touched.rulings.sort_by_key(|entry| entry.seq);
            touched.authors = authors(&changes);
            touched.changes = changes
                .into_iter()
                .filter(|change| change.seq > through)
                .collect();
        } else {
            touched.changes = news
                .filter(|change| !is_own(&change.actor))
                .cloned()
                .collect();
        }
        self.bytes += size(&touched);
        self.slice.records.push(touched);
        Ok(true)
    }

    fn tell_wanted(&mut self) -> Result<(), StoreError> {
        for record in &self.query.wants {
            if self.is_full() {
                self.slice.more = true;
                return Ok(());
            }
            self.tell_whole(*record)?;
        }
        Ok(())
    }

    /// Tells of a record as a whole, instead of as news where the pull did that.
    fn tell_whole(&mut self, record: RecordId) -> Result<(), StoreError> {
        if self.told.contains(&record) {
            self.slice.records.retain(|told| told.row.id != record);
        }
        if !self.touch(record, None)? && !self.slice.gone.contains(&record) {
            self.slice.gone.push(record);
            if rows::is_erased(self.tx, record)? && !self.slice.erased.contains(&record) {
                self.slice.erased.push(record);
            }
        }
        Ok(())
    }

    fn walk(&mut self, walk: &WalkQuery) -> Result<(), StoreError> {
        let limit = self.query.max_entries;
        let mut last = walk.after;
        let ids = visibility::ids_after(self.tx, &self.query.audiences, last, limit)?;
        let is_last_page = ids.len() < limit;
        for id in ids {
            // At least one, or a page that news have filled would bring the walk no further.
            if self.is_full() && last != walk.after {
                self.slice.walked = last;
                return Ok(());
            }
            last = Some(id);
            match visibility::of(self.tx, id, &walk.held)? {
                Some(_) => {
                    let seen = visibility::of(self.tx, id, &self.query.audiences)?;
                    self.slice.held.extend(seen.map(|seen| (id, seen.by)));
                }
                None => self.tell_whole(id)?,
            }
        }
        self.slice.walked = last.filter(|_| !is_last_page);
        Ok(())
    }
}

fn damaged(seq: u64) -> StoreError {
    StoreError::Damaged {
        what: "log entry",
        id: seq.to_string(),
    }
}

fn read(stored: &StoredEntry) -> Result<LogEntry, StoreError> {
    LogEntry::from_bytes(&stored.canonical).map_err(|_| damaged(stored.seq))
}

/// Whether an entry is about what a record says or where its case stands.
fn is_of_what_it_says(stored: &StoredEntry) -> Result<bool, StoreError> {
    let fact = read(stored)?.fact;
    Ok(matches!(
        fact,
        Fact::Admit { .. } | Fact::Ruling { .. } | Fact::Timer { .. }
    ))
}

/// What of a view says where its record began.
#[derive(serde::Deserialize)]
struct Begun {
    area: String,
}

/// The entry that moved a record last, if it does not live where it says that it began: whoever gives it
/// back to a log that lost it could not tell otherwise.
fn last_move(tx: &Transaction<'_>, row: &RecordRow) -> Result<Option<StoredEntry>, StoreError> {
    let begun = serde_json::from_str(&row.view).ok();
    if begun.is_none_or(|begun: Begun| begun.area == row.area) {
        return Ok(None);
    }
    for stored in log::record_entries(tx, row.id)?.into_iter().rev() {
        if matches!(read(&stored)?.fact, Fact::Assignment { .. }) {
            return Ok(Some(stored));
        }
    }
    Ok(None)
}

/// Who wrote the changes, each actor once.
fn authors(changes: &[StoredChange]) -> Vec<Author> {
    let mut authors: Vec<Author> = Vec::new();
    for change in changes {
        let actor = Key(change.actor);
        if authors.iter().all(|author| author.actor != actor) {
            authors.push(Author {
                actor,
                person: change.person.clone(),
            });
        }
    }
    authors
}

/// What a record adds to a page.
fn size(touched: &TouchedRecord) -> usize {
    let view = if touched.own_news {
        0
    } else {
        touched.row.view.len()
    };
    let changes: usize = touched
        .changes
        .iter()
        .map(|change| change.bytes.len())
        .sum();
    let rulings: usize = touched
        .rulings
        .iter()
        .map(|entry| entry.canonical.len())
        .sum();
    let snapshot = touched.snapshot.as_ref().map_or(0, Vec::len);
    view + changes + rulings + snapshot
}
