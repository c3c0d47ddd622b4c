//! Sealing the log: an entry that says how far it goes and what its root is (DESIGN section 6).

use gridlog_domain::id::{PersonId, RecordId};
use gridlog_proof::{Node, TreeError, TreeStore, root};
use gridlog_protocol::{Digest, Fact, Key, LogEntry, entry_hash};

use super::sequencer::Sequencer;
use crate::store::{Batch, LogHead, NewEntry, Store, StoreError};

/// How many entries are taken into the tree at once. Others may write in between.
const AT_ONCE: usize = 5_000;

/// A store's tree.
pub(crate) struct Tree<'a>(pub(crate) &'a dyn Store);

impl TreeStore for Tree<'_> {
    type Error = StoreError;

    fn nodes(&self, numbers: &[u64]) -> Result<Vec<Node>, StoreError> {
        self.0.tree_nodes(numbers)
    }
}

/// Brings the tree up to the log's head, as far as it was when asked.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn catch_up(store: &dyn Store) -> Result<(), StoreError> {
    let head = store.head()?.seq;
    while store.grow_tree(AT_ONCE)? < head {}
    Ok(())
}

/// What a tree answers, as a store would.
pub(crate) fn known<T>(answer: Result<T, TreeError<StoreError>>) -> Result<T, StoreError> {
    answer.map_err(|error| match error {
        TreeError::Store(error) => error,
        other => StoreError::Damaged {
            what: "tree node",
            id: other.to_string(),
        },
    })
}

/// The batch that enters a fact about the log itself, and about no record.
pub(super) fn of_the_log(head: LogHead, at_ms: i64, fact: Fact) -> Batch {
    let nothing = [0; 16];
    let entry = LogEntry {
        seq: head.seq + 1,
        previous: head.hash,
        at_ms,
        record: Key(nothing),
        fact,
        origin: None,
    };
    let canonical = entry.to_bytes();
    let mut batch = Batch::on(head);
    batch.head.seq = entry.seq;
    batch.head.hash = entry_hash(&canonical);
    batch.entries.push(NewEntry {
        seq: entry.seq,
        record: RecordId::from_bytes(nothing),
        canonical,
        audiences: Vec::new(),
    });
    batch
}

impl Sequencer {
    /// Seals everything that the log holds. Returns the number of the entry that says so.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was sealed.
    pub fn seal(&mut self, now_ms: i64, by: &PersonId) -> Result<u64, StoreError> {
        catch_up(&*self.store)?;
        let head = self.store.head()?;
        let fact = Fact::Seal {
            size: head.seq,
            root: Digest(known(root(&Tree(&*self.store), head.seq))?),
            by: by.as_str().to_owned(),
        };
        self.enter_of_the_log(now_ms, fact)
    }

    /// Enters a fact about the log itself. Returns its number.
    pub(super) fn enter_of_the_log(&mut self, now_ms: i64, fact: Fact) -> Result<u64, StoreError> {
        let batch = of_the_log(self.store.head()?, now_ms, fact);
        self.store.commit(&batch)?;
        self.memory.published.note(&batch);
        Ok(batch.head.seq)
    }
}

#[cfg(test)]
mod tests {
    use gridlog_proof::{inclusion_path, leaf};
    use gridlog_protocol::{Fact, LogEntry};

    use super::*;
    use crate::town::*;

    fn sealed(town: &Town, seq: u64) -> (u64, Digest) {
        let stored = town.store.entry(seq).unwrap().unwrap();
        let Fact::Seal { size, root, by } = LogEntry::from_bytes(&stored.canonical).unwrap().fact
        else {
            panic!("no seal");
        };
        assert_eq!(by, OFFICE);
        (size, root)
    }

    #[test]
    fn a_seal_covers_every_entry_before_it_and_its_root_is_that_of_their_hashes() {
        let town = Town::new();
        let mut phone = town.phone(1, WORKER);
        phone.bootstrap(&town);
        let seal = |town: &Town| {
            let mut sequencer = town.sequencer.borrow_mut();
            sequencer.seal(NOW, &OFFICE.into()).unwrap()
        };
        let empty = seal(&town);
        assert_eq!(sealed(&town, empty).0, empty - 1);
        for n in 1..=3 {
            let begun = phone.write(&town, record(n), &[new_case(GRID_A, "案卷")]);
            phone.push(&town, vec![begun]);
        }
        let second = seal(&town);
        let (size, root) = sealed(&town, second);
        assert_eq!(size, second - 1);
        let tree = Tree(&*town.store);
        assert_eq!(super::root(&tree, size).unwrap(), root.0);
        for stored in town.store.entries(0, 100).unwrap() {
            let entry = LogEntry::from_bytes(&stored.canonical).unwrap();
            assert_eq!(leaf(&stored.canonical), entry_hash(&stored.canonical).0);
            let path = inclusion_path(&tree, size, entry.seq);
            assert_eq!(path.is_ok(), entry.seq <= size, "{}", entry.seq);
        }
    }
}
