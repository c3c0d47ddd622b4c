//! Snapshots in the background (DESIGN section 7, bootstrap): the changes of a record as one chunk,
//! which is smaller than the changes are and opens faster on a phone.
//!
//! A phone relies on a snapshot instead of changes that it never saw, so one is kept only after it was
//! read again like untrusted bytes and turned out to hold the very changes that the log's entries name.
//! What the store says of its own changes is no proof: a row that was damaged or replaced says so of itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use automerge::ChangeHash;
use gridlog_domain::id::RecordId;
use gridlog_merge_guard::{History, Refusal};
use gridlog_protocol::{Fact, LogEntry};

use crate::store::{Store, StoreError, StoredChange};

/// Makes snapshots, some at a time.
pub struct Snapshotter {
    store: Arc<dyn Store>,
    after_changes: u64,
    /// The log's head when nothing was left to do.
    done_at: Option<u64>,
    /// Records of which no good snapshot could be made; each is logged once.
    given_up: BTreeSet<RecordId>,
}

impl std::fmt::Debug for Snapshotter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshotter").finish_non_exhaustive()
    }
}

/// Why a record gets no snapshot.
#[derive(Debug, thiserror::Error)]
enum NoSnapshot {
    #[error("its changes do not read back ({0})")]
    Unreadable(&'static str),
    #[error("the chunk does not read back ({0})")]
    BadChunk(&'static str),
    #[error("the chunk holds other changes than the log")]
    OtherChanges,
}

impl Snapshotter {
    /// Takes records with at least `after_changes` changes after their snapshot.
    pub fn new(store: Arc<dyn Store>, after_changes: u64) -> Self {
        Self {
            store,
            after_changes: after_changes.max(1),
            done_at: None,
            given_up: BTreeSet::new(),
        }
    }

    /// Looks at no more than `limit` records. Returns how many it looked at; fewer than `limit` means
    /// that nothing is left until the log grows.
    ///
    /// # Errors
    /// [`StoreError`]; the snapshots that were made before stay.
    pub fn run(&mut self, limit: usize) -> Result<usize, StoreError> {
        let head = self.store.head()?.seq;
        if self.done_at == Some(head) {
            return Ok(0);
        }
        let most = limit.saturating_add(self.given_up.len());
        let lacking = self.store.without_snapshot(self.after_changes, most)?;
        let mut count = 0;
        for id in lacking {
            if count < limit && !self.given_up.contains(&id) {
                self.take(id)?;
                count += 1;
            }
        }
        if count < limit {
            self.done_at = Some(head);
        }
        Ok(count)
    }

    fn take(&mut self, id: RecordId) -> Result<(), StoreError> {
        let changes = self.store.record_changes(id)?;
        let Some(through) = changes.last().map(|change| change.seq) else {
            // Erased a moment ago.
            return Ok(());
        };
        let held = mutated!(SnapshotTooShort, changes.len() - 1, changes.len());
        let changes = &changes[..held];
        let logged = self.logged(id, changes.last().map_or(0, |change| change.seq))?;
        match chunk_of(changes, &logged) {
            Ok(chunk) => self.store.put_snapshot(id, through, &chunk),
            Err(reason) => {
                tracing::error!(record = %id, %reason, "no snapshot is kept");
                self.given_up.insert(id);
                Ok(())
            }
        }
    }

    /// The changes that the log admitted to a record up to an entry, as its entries say; one that does
    /// not read back says nothing.
    fn logged(&self, id: RecordId, through: u64) -> Result<BTreeSet<ChangeHash>, StoreError> {
        let stored = self.store.record_entries(id)?;
        let entries = stored.iter().filter(|stored| stored.seq <= through);
        let facts = entries.filter_map(|stored| LogEntry::from_bytes(&stored.canonical).ok());
        Ok(facts
            .filter_map(|entry| match entry.fact {
                Fact::Admit { change, .. } => Some(ChangeHash(change.0)),
                _ => None,
            })
            .collect())
    }
}

/// The chunk that holds just these changes, verified against those that the log names.
fn chunk_of(
    changes: &[StoredChange],
    logged: &BTreeSet<ChangeHash>,
) -> Result<Vec<u8>, NoSnapshot> {
    let unreadable = |refusal: Refusal| NoSnapshot::Unreadable(refusal.code());
    let history =
        History::load(changes.iter().map(|change| change.bytes.as_slice())).map_err(unreadable)?;
    let chunk = history.to_snapshot().map_err(unreadable)?;
    verify(&chunk, logged)?;
    Ok(chunk)
}

/// Whether a chunk holds just the changes that the log names.
fn verify(chunk: &[u8], logged: &BTreeSet<ChangeHash>) -> Result<(), NoSnapshot> {
    let read = History::load_snapshot(chunk, [])
        .map_err(|refusal| NoSnapshot::BadChunk(refusal.code()))?;
    let holds_all = logged.iter().all(|hash| read.contains(hash));
    if holds_all && read.len() == logged.len() {
        Ok(())
    } else {
        Err(NoSnapshot::OtherChanges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::town::*;

    /// A town whose worker wrote `count` changes in each record.
    fn town_with(records: &[(u8, usize)]) -> (Town, TestDevice) {
        let town = Town::new();
        let mut phone = town.phone(1, WORKER);
        phone.bootstrap(&town);
        for (n, count) in records {
            let mut items = vec![phone.write(&town, record(*n), &[new_case(GRID_A, "案卷")])];
            for _ in 1..*count {
                let said = comment(&town, WORKER, "又看了一次");
                items.push(phone.write(&town, record(*n), &[said]));
            }
            phone.push(&town, items);
        }
        (town, phone)
    }

    fn whole(town: &Town, n: u8) -> crate::store::TouchedRecord {
        let query = crate::store::ExchangeQuery {
            device: gridlog_domain::id::DeviceId::from_bytes([99; 16]),
            actors: Vec::new(),
            items: Vec::new(),
            audiences: vec!["a:11".to_owned()],
            after: None,
            walk: None,
            wants: vec![record(n)],
            recall: None,
            max_entries: 10,
            target_bytes: 1 << 20,
        };
        town.store.exchange(&query).unwrap().records.remove(0)
    }

    #[test]
    fn records_that_were_written_in_often_get_snapshots_some_at_a_time() {
        let (town, _phone) = town_with(&[(1, 8), (2, 7), (3, 9), (4, 8)]);
        let mut snapshotter = Snapshotter::new(town.store.clone(), 8);
        assert_eq!(snapshotter.run(2).unwrap(), 2);
        assert_eq!(snapshotter.run(2).unwrap(), 1);
        assert_eq!(snapshotter.run(2).unwrap(), 0);
        for n in 1..=4 {
            let told = whole(&town, n);
            assert_eq!(told.snapshot.is_some(), n != 2);
            assert_eq!(told.changes.len(), if n == 2 { 7 } else { 0 });
        }
    }

    #[test]
    fn a_snapshot_and_what_came_after_it_are_the_record() {
        let (town, mut phone) = town_with(&[(1, 8)]);
        let mut snapshotter = Snapshotter::new(town.store.clone(), 8);
        assert_eq!(snapshotter.run(10).unwrap(), 1);
        let later = phone.write(&town, record(1), &[set_title("改")]);
        phone.push(&town, vec![later]);
        assert_eq!(snapshotter.run(10).unwrap(), 0, "one change is too few");
        let told = whole(&town, 1);
        assert_eq!(told.changes.len(), 1);
        let chunk = told.snapshot.unwrap();
        let later = told.changes.iter().map(|change| change.bytes.as_slice());
        let read = History::load_snapshot(&chunk, later).unwrap();
        let all = town.store.record_changes(record(1)).unwrap();
        let loaded = History::load(all.iter().map(|change| change.bytes.as_slice())).unwrap();
        assert_eq!((read.len(), read.heads()), (9, loaded.heads()));
        // A new phone takes it instead of nine changes, and can prove what it holds.
        let mut new = town.phone(2, COLLEAGUE);
        new.bootstrap(&town);
        assert_eq!(new.kept.last().unwrap().evidence.records[0].heads.len(), 1);
    }

    #[test]
    fn a_chunk_that_holds_something_else_than_the_log_is_no_snapshot() {
        let (town, _phone) = town_with(&[(1, 3), (2, 3)]);
        let changes = |n| town.store.record_changes(record(n)).unwrap();
        let chunk = |changes: &[StoredChange]| {
            let bytes = changes.iter().map(|change| change.bytes.as_slice());
            History::load(bytes).unwrap().to_snapshot().unwrap()
        };
        let snapshotter = Snapshotter::new(town.store.clone(), 3);
        let logged = |n, through| snapshotter.logged(record(n), through).unwrap();
        let (one, two) = (changes(1), changes(2));
        let in_one = logged(1, u64::MAX);
        assert!(verify(&chunk(&one), &in_one).is_ok());
        let others = [
            (chunk(&two), in_one.clone()),
            (chunk(&one[..2]), in_one.clone()),
            (chunk(&one), logged(1, one[1].seq)),
        ];
        for (chunk, logged) in &others {
            assert!(matches!(
                verify(chunk, logged),
                Err(NoSnapshot::OtherChanges)
            ));
        }
        let mut torn = chunk(&one);
        let last = torn.len() - 1;
        torn[last] ^= 1;
        assert!(matches!(
            verify(&torn, &in_one),
            Err(NoSnapshot::BadChunk(_))
        ));
        assert!(verify(&torn[..last], &in_one).is_err());
    }

    #[test]
    fn changes_that_no_log_entry_names_get_no_snapshot_however_well_they_agree_with_themselves() {
        let (town, mut phone) = town_with(&[(1, 3), (2, 3)]);
        let never_pushed = phone.write(&town, record(1), &[set_title("从未上报")]);
        let never_pushed = never_pushed.change.0;
        let header = gridlog_merge_guard::receive(&never_pushed, &Default::default()).unwrap();
        let direct = rusqlite::Connection::open(town.folder.path().join("district.db")).unwrap();
        let more = "INSERT INTO changes (record, hash, actor, actor_seq, person, seq, bytes)
            SELECT record, ?2, actor, actor_seq + 1, person, seq + 1, ?3 FROM changes
            WHERE record = ?1 ORDER BY seq DESC LIMIT 1";
        let id = record(1);
        let row = rusqlite::params![id.as_bytes(), header.hash.0, never_pushed];
        assert_eq!(direct.execute(more, row).unwrap(), 1);
        let mut snapshotter = Snapshotter::new(town.store.clone(), 3);
        assert_eq!(snapshotter.run(10).unwrap(), 2);
        assert!(whole(&town, 1).snapshot.is_none());
        assert!(whole(&town, 2).snapshot.is_some());
    }

    #[test]
    fn a_record_that_does_not_read_back_gets_none_and_delays_no_other() {
        let (town, _phone) = town_with(&[(1, 3), (2, 3)]);
        let direct = rusqlite::Connection::open(town.folder.path().join("district.db")).unwrap();
        direct
            .execute(
                "UPDATE changes SET bytes = x'00' WHERE record = ?1 AND seq = 3",
                [record(1).as_bytes()],
            )
            .unwrap();
        let mut snapshotter = Snapshotter::new(town.store.clone(), 3);
        for expected in [1, 1, 0, 0] {
            assert_eq!(snapshotter.run(1).unwrap(), expected);
        }
        assert!(whole(&town, 2).snapshot.is_some());
        assert!(whole(&town, 1).snapshot.is_none());
    }
}
