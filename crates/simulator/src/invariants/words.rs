//! No word is lost and none is there twice.

use std::collections::{BTreeMap, BTreeSet};

use gridlog_domain::id::RecordId;
use gridlog_protocol::{Digest, Fact};
use gridlog_sync_server::store::{ItemStatus, Store, StoreError};

use super::{ALL, unread, whole_log};
use crate::broken::Broken;
use crate::words::{Claim, found_in, meant_by, written_by};
use crate::world::World;

/// Words that the server has somewhere, and in how many admitted changes.
pub(crate) fn words_at(store: &dyn Store) -> Result<BTreeMap<String, usize>, StoreError> {
    let mut words = BTreeMap::new();
    for (text, count) in admitted(store)? {
        words.insert(text, count);
    }
    for text in waiting(store)? {
        words.entry(text).or_insert(0);
    }
    Ok(words)
}

/// In how many admitted changes each word stands.
fn admitted(store: &dyn Store) -> Result<BTreeMap<String, usize>, StoreError> {
    let mut words = BTreeMap::new();
    let mut records: BTreeSet<RecordId> = BTreeSet::new();
    for stored in store.entries(0, ALL)? {
        if let Ok(entry) = gridlog_protocol::LogEntry::from_bytes(&stored.canonical)
            && matches!(entry.fact, Fact::Admit { .. })
        {
            records.insert(RecordId::from_bytes(entry.record.0));
        }
    }
    for record in records {
        for change in store.record_changes(record)? {
            for text in written_by(&change.bytes) {
                *words.entry(text).or_insert(0) += 1;
            }
        }
        // Prose that is merged can be written in pieces: then no change holds the word whole, and what
        // the record says does.
        let row = store.record(record)?;
        for text in found_in(row.map_or(String::new(), |row| row.view).as_bytes()) {
            words.entry(text).or_insert(1);
        }
    }
    Ok(words)
}

/// Words that wait in the office's review list, or behind something that does.
fn waiting(store: &dyn Store) -> Result<BTreeSet<String>, StoreError> {
    let mut words = BTreeSet::new();
    let mut behind: Vec<(RecordId, Digest)> = Vec::new();
    for item in store.quarantine(None, ALL)? {
        let pushed = &item.item.pushed;
        if matches!(item.status, ItemStatus::Review(_)) {
            let whole = store.inbox_item(pushed.item)?;
            words.extend(whole.map_or_else(BTreeSet::new, |whole| written_by(&whole.pushed.bytes)));
        }
        behind.extend(pushed.change.map(|change| (pushed.record, change)));
    }
    let mut looked_at: BTreeSet<(RecordId, Digest)> = BTreeSet::new();
    while let Some((record, change)) = behind.pop() {
        if !looked_at.insert((record, change)) {
            continue;
        }
        for item in store.held_back_by(record, change, ALL)? {
            words.extend(written_by(&item.pushed.bytes));
            behind.extend(item.pushed.change.map(|change| (record, change)));
        }
    }
    Ok(words)
}

impl World {
    /// Every word that must not be lost is in the log once, or where its phone or an office shows it.
    pub(super) fn check_words(&mut self, store: &dyn Store) -> Result<(), Broken> {
        let admitted = admitted(store).map_err(|error| unread(&error))?;
        let waiting = waiting(store).map_err(|error| unread(&error))?;
        let mut shown: BTreeMap<String, String> = BTreeMap::new();
        for number in 0..self.handsets.len() {
            for (_, item) in self.needs_you(number)? {
                for word in meant_by(&item.commands) {
                    shown.insert(word, item.code.clone());
                }
            }
        }
        let erased: BTreeSet<RecordId> = whole_log(store)?
            .iter()
            .filter(|(entry, _)| matches!(entry.fact, Fact::Erase { .. }))
            .map(|(entry, _)| RecordId::from_bytes(entry.record.0))
            .collect();
        for (text, word) in self.words.iter() {
            let times = admitted.get(text).copied().unwrap_or(0);
            let name = match word.handset {
                Some(number) => self.handsets[number].name(),
                None => "an office".to_owned(),
            };
            if times > 1 && !self.words.may_be_carried_along(text) {
                return Err(Broken::new(
                    "no word is there twice",
                    format!("{text} of {name} is in {times} admitted changes"),
                ));
            }
            if times > 0 && shown.contains_key(text) {
                return Err(Broken::new(
                    "what is in the log is not shown as sent back",
                    format!("{text} of {name}"),
                ));
            }
            let is_erased = match word.record {
                Some(record) => erased.contains(&record),
                // It began a record whose id the call may not have told.
                None => !erased.is_empty(),
            };
            let is_somewhere =
                times > 0 || shown.contains_key(text) || waiting.contains(text) || is_erased;
            if word.claim == Claim::Kept && !is_somewhere {
                return Err(Broken::new(
                    "no word is lost",
                    format!("{text} of {name} is nowhere"),
                ));
            }
        }
        for (text, times) in &admitted {
            if self.words.get(text).is_none() && *times > 0 {
                return Err(Broken::new(
                    "nobody invents words",
                    format!("{text} was never recorded"),
                ));
            }
        }
        Ok(())
    }
}
