//! The Merkle tree over the log.

use std::cell::RefCell;
use std::convert::Infallible;

use gridlog_proof::{TreeError, TreeStore, appended, inclusion_path, leaf, root};

use super::*;

pub(super) fn checks<S: Store>() -> Vec<Check<S>> {
    vec![
        a_log_without_entries_has_a_tree_without_nodes,
        the_tree_of_the_store_is_that_over_the_entries_canonical_bytes,
        the_tree_grows_by_as_many_entries_as_it_is_told,
        a_tree_goes_on_when_a_new_epoch_begins,
        a_node_that_is_not_there_is_an_error,
    ]
}

/// The tree as the proof crate builds it, from nothing but the entries.
#[derive(Default)]
struct Plain(RefCell<Vec<Node>>);

impl TreeStore for Plain {
    type Error = Infallible;

    fn nodes(&self, numbers: &[u64]) -> Result<Vec<Node>, Infallible> {
        let nodes = self.0.borrow();
        let known = numbers
            .iter()
            .filter_map(|n| nodes.get(usize::try_from(*n).unwrap()));
        Ok(known.copied().collect())
    }
}

impl Plain {
    fn over(store: &impl Store) -> (Self, u64) {
        let plain = Self::default();
        let entries = store.entries(0, 1_000).unwrap();
        for (size, stored) in entries.iter().enumerate() {
            let (_, new) = appended(&plain, size as u64, leaf(&stored.canonical)).unwrap();
            plain.0.borrow_mut().extend(new);
        }
        (plain, entries.len() as u64)
    }
}

struct Kept<'a, S>(&'a S);

impl<S: Store> TreeStore for Kept<'_, S> {
    type Error = StoreError;

    fn nodes(&self, numbers: &[u64]) -> Result<Vec<Node>, StoreError> {
        self.0.tree_nodes(numbers)
    }
}

/// Requires that what the store keeps has the roots and paths of a tree that is built anew from its
/// entries, and covers all of them.
pub(crate) fn require_tree_of_entries(store: &impl Store) {
    let (plain, size) = Plain::over(store);
    assert_eq!(store.grow_tree(0).unwrap(), size);
    let kept = Kept(store);
    for covered in 1..=size {
        assert_eq!(
            root(&kept, covered).unwrap(),
            root(&plain, covered).unwrap()
        );
        let path = inclusion_path(&kept, size, covered).unwrap();
        assert_eq!(path, inclusion_path(&plain, size, covered).unwrap());
    }
    let all: Vec<u64> = (0..plain.0.borrow().len() as u64).collect();
    assert_eq!(store.tree_nodes(&all).unwrap(), *plain.0.borrow());
}

pub(crate) fn enter(store: &impl Store, count: u8) {
    for n in 1..=count {
        Entered::begun(n, &["a:1"]).into_log(store);
    }
}

fn a_log_without_entries_has_a_tree_without_nodes(store: &impl Store) {
    assert_eq!(store.grow_tree(10).unwrap(), 0);
    assert!(store.tree_nodes(&[]).unwrap().is_empty());
    require_tree_of_entries(store);
}

fn the_tree_of_the_store_is_that_over_the_entries_canonical_bytes(store: &impl Store) {
    for (more, covers) in [(1, 1), (1, 2), (5, 7), (9, 16)] {
        enter(store, more);
        assert_eq!(store.grow_tree(100).unwrap(), covers);
        require_tree_of_entries(store);
    }
}

fn the_tree_grows_by_as_many_entries_as_it_is_told(store: &impl Store) {
    enter(store, 8);
    assert_eq!(store.grow_tree(0).unwrap(), 0);
    assert_eq!(store.grow_tree(3).unwrap(), 3);
    assert_eq!(store.grow_tree(3).unwrap(), 6);
    assert_eq!(store.grow_tree(3).unwrap(), 8);
    assert_eq!(store.grow_tree(3).unwrap(), 8);
    require_tree_of_entries(store);
}

fn a_tree_goes_on_when_a_new_epoch_begins(store: &impl Store) {
    enter(store, 3);
    store.grow_tree(100).unwrap();
    let before = root(&Kept(store), 3).unwrap();
    let begins = Fact::Epoch {
        epoch: 2,
        why: "restored".to_owned(),
    };
    let mut batch = Entered::fact(0, &[], begins).on(store.head().unwrap());
    batch.records.clear();
    batch.epoch = Some(2);
    batch.head.epoch = 2;
    store.commit(&batch).unwrap();
    enter(store, 3);
    assert_eq!(store.grow_tree(100).unwrap(), 7);
    assert_eq!(root(&Kept(store), 3).unwrap(), before);
    require_tree_of_entries(store);
}

fn a_node_that_is_not_there_is_an_error(store: &impl Store) {
    enter(store, 2);
    store.grow_tree(100).unwrap();
    assert!(store.tree_nodes(&[2]).is_ok());
    assert!(store.tree_nodes(&[0, 3]).is_err());
    let beyond = root(&Kept(store), 4).unwrap_err();
    assert!(matches!(beyond, TreeError::Store(_)));
}
