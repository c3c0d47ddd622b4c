//! Judging changes ahead of the decision on them, those of different records at the same time.
//!
//! Most of what deciding costs is judging: checking every operation, applying the change to a scratch copy,
//! saving and loading that. It depends on the record's history and the change alone. So a few items before it is
//! their turn, each is judged on what its record is now, and items of one record on what
//! the one before would make of it. When it is an item's turn, what was found counts only if its record's history
//! is still the one that it was found on: heads name a history by hash, so equal heads are equal histories.
//! Otherwise the item is judged then, as without any of this. So what is decided does not depend on who
//! judged what, or when.

use std::collections::{BTreeMap, HashMap};

use automerge::ChangeHash;
use gridlog_domain::id::RecordId;
use gridlog_merge_guard::{History, Outcome as Judged, Refusal};
use gridlog_protocol::Digest;

use super::decide::{Circumstances, judge};
use super::memory::Memory;
use super::workers::{Workers, each};
use super::working::Working;
use crate::store::InboxItem;

/// How many items are judged ahead at most. What was found holds a whole document each.
pub(super) const AT_ONCE: usize = 32;

/// Bytes of changes in the documents that are made ahead of one record. The rest of its items is judged
/// when it is their turn; in memory a document is many times its changes.
const MOST_OF_A_RECORD: usize = 64 * 1024;

/// What was found about items.
#[derive(Debug, Default)]
pub(super) struct Ahead(HashMap<Digest, Found>);

/// What was found about an item.
#[derive(Debug)]
pub(super) struct Found {
    /// The heads of the history on which the item was judged.
    on: Vec<ChangeHash>,
    judged: Result<Judged, Refusal>,
}

/// The items of one record, in order, with the record if it is open.
struct Task<'a> {
    record: RecordId,
    open: Option<&'a Working>,
    items: Vec<&'a InboxItem>,
}

/// What came of a task: the record if it had to be opened, and what was found.
type Told = (Option<Working>, Vec<(Digest, Found)>);

impl Ahead {
    /// Judges the items. Records that are not open yet are opened and put among `working`. Where that
    /// fails or breaks down nothing is found, and it shows again when it is the item's turn.
    pub(super) fn look<'a>(
        workers: &dyn Workers,
        circumstances: &Circumstances<'_>,
        working: &mut BTreeMap<RecordId, Working>,
        memory: &mut Memory,
        items: impl Iterator<Item = &'a InboxItem>,
    ) -> Self {
        let mut by_record: BTreeMap<RecordId, Vec<&InboxItem>> = BTreeMap::new();
        for item in items {
            by_record.entry(item.pushed.record).or_default().push(item);
        }
        for record in by_record.keys() {
            if !working.contains_key(record)
                && let Some(cached) = memory.cache.take(*record)
            {
                working.insert(*record, cached);
            }
        }
        let tasks = by_record.into_iter().map(|(record, items)| Task {
            record,
            open: working.get(&record),
            items,
        });
        let told = each(workers, tasks.collect(), |task| task.judge(circumstances));
        let mut ahead = HashMap::new();
        for (opened, found) in told.into_iter().flatten().flatten() {
            working.extend(opened.map(|opened| (opened.id, opened)));
            ahead.extend(found);
        }
        Self(ahead)
    }

    /// What was found about an item.
    pub(super) fn take(&mut self, item: Digest) -> Option<Found> {
        self.0.remove(&item)
    }
}

impl Found {
    /// What the item is judged as on a history, if it was judged on that very one.
    pub(super) fn on(self, history: &History) -> Option<Result<Judged, Refusal>> {
        (self.on == history.heads()).then_some(self.judged)
    }
}

impl Task<'_> {
    fn judge(self, circumstances: &Circumstances<'_>) -> Option<Told> {
        let opened = match self.open {
            Some(_) => None,
            None => Some(Working::load(circumstances.store, self.record).ok()?),
        };
        let found = match self.open.or(opened.as_ref()) {
            Some(working) => chain(circumstances, working, &self.items),
            None => Vec::new(),
        };
        Some((opened, found))
    }
}

/// Judges items of one record, each on the history that the one before it leaves.
fn chain(
    circumstances: &Circumstances<'_>,
    working: &Working,
    items: &[&InboxItem],
) -> Vec<(Digest, Found)> {
    let mut found: Vec<(Digest, Found)> = Vec::with_capacity(items.len());
    let mut grown = working.bytes;
    let mut made = 0;
    let mut last = None;
    for item in items {
        let pushed = &item.pushed;
        grown += pushed.bytes.len();
        made += grown;
        if working.erased || made > MOST_OF_A_RECORD {
            break;
        }
        let history = last
            .and_then(|at: usize| admitted(&found[at].1))
            .unwrap_or(&working.history);
        let on = history.heads();
        let judged = judge(circumstances.limits, history, &pushed.bytes, &pushed.person);
        if let Ok(Judged::Admitted(_)) = judged {
            last = Some(found.len());
        }
        found.push((pushed.item, Found { on, judged }));
    }
    found
}

fn admitted(found: &Found) -> Option<&History> {
    match &found.judged {
        Ok(Judged::Admitted(admitted)) => Some(&admitted.history),
        _ => None,
    }
}
