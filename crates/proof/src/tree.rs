//! The Merkle tree over a log, kept as a list of nodes that only grows.
//!
//! A store keeps a [`Node`] under each number from 0 on, in the order in which [`appended`] gives them;
//! that order is `tlog_tiles`'s. Roots and paths then take about twenty reads in a log of a million
//! entries.

use std::cell::RefCell;

use tlog_tiles::tlog::{self, Hash, HashReader};

/// A node: SHA-256 of a leaf, or of two nodes.
pub type Node = [u8; 32];

/// Larger trees are no district's.
pub(crate) const MOST_ENTRIES: u64 = 1 << 40;

/// Where nodes are kept.
pub trait TreeStore {
    /// Why a node cannot be read.
    type Error;

    /// The nodes of these numbers, in that order.
    ///
    /// # Errors
    /// The store's own, also where one is missing.
    fn nodes(&self, numbers: &[u64]) -> Result<Vec<Node>, Self::Error>;
}

/// Why a root or a path cannot be had.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError<E> {
    /// The store failed.
    #[error(transparent)]
    Store(E),
    /// There are not so many entries.
    #[error("entry {seq} is not among {size}")]
    Beyond {
        /// The entry that was asked for.
        seq: u64,
        /// How many there are.
        size: u64,
    },
    /// The store gave other nodes than it was asked for.
    #[error("the tree's nodes do not fit together; build them again from the log")]
    Damaged,
}

/// How many nodes a tree over `size` entries has.
fn node_count(size: u64) -> u64 {
    tlog::stored_hash_count(size)
}

/// The number of the node that is the leaf of entry `seq`, counted from 1.
pub fn leaf_number(seq: u64) -> u64 {
    tlog::stored_hash_index(0, seq.saturating_sub(1))
}

/// The leaf of an entry: SHA-256 of a zero byte and its canonical bytes.
pub fn leaf(entry: &[u8]) -> Node {
    tlog::record_hash(entry).0
}

/// The nodes that the entry after the first `size` ones adds, by its leaf, and the number of the first
/// of them.
///
/// # Errors
/// [`TreeError`].
pub fn appended<S: TreeStore>(
    store: &S,
    size: u64,
    leaf: Node,
) -> Result<(u64, Vec<Node>), TreeError<S::Error>> {
    check_size(size)?;
    let nodes = ask(store, |reader| {
        tlog::stored_hashes_for_record_hash(size, Hash(leaf), reader)
    })?;
    Ok((
        node_count(size),
        nodes.into_iter().map(|hash| hash.0).collect(),
    ))
}

/// The root of the tree over the first `size` entries.
///
/// # Errors
/// [`TreeError`].
pub fn root<S: TreeStore>(store: &S, size: u64) -> Result<Node, TreeError<S::Error>> {
    check_size(size)?;
    Ok(ask(store, |reader| tlog::tree_hash(size, reader))?.0)
}

/// The path from entry `seq`, counted from 1, to the root of the first `size` entries.
///
/// # Errors
/// [`TreeError`].
pub fn inclusion_path<S: TreeStore>(
    store: &S,
    size: u64,
    seq: u64,
) -> Result<Vec<Node>, TreeError<S::Error>> {
    check_size(size)?;
    if seq == 0 || seq > size {
        return Err(TreeError::Beyond { seq, size });
    }
    let path = ask(store, |reader| tlog::prove_record(size, seq - 1, reader))?;
    Ok(path.into_iter().map(|hash| hash.0).collect())
}

/// What shows that the tree over `older` entries is the beginning of the one over `newer`.
///
/// # Errors
/// [`TreeError`].
pub fn consistency_path<S: TreeStore>(
    store: &S,
    older: u64,
    newer: u64,
) -> Result<Vec<Node>, TreeError<S::Error>> {
    check_size(newer)?;
    if older == 0 || older > newer {
        return Err(TreeError::Beyond {
            seq: older,
            size: newer,
        });
    }
    let path = ask(store, |reader| tlog::prove_tree(newer, older, reader))?;
    Ok(path.into_iter().map(|hash| hash.0).collect())
}

const fn check_size<E>(size: u64) -> Result<(), TreeError<E>> {
    if size < MOST_ENTRIES {
        Ok(())
    } else {
        Err(TreeError::Beyond {
            seq: size,
            size: MOST_ENTRIES,
        })
    }
}

/// `tlog_tiles` reads nodes through a trait with an error of its own; the store's is kept aside.
fn ask<S: TreeStore, T>(
    store: &S,
    question: impl FnOnce(&Reader<'_, S>) -> Result<T, tlog::Error>,
) -> Result<T, TreeError<S::Error>> {
    let reader = Reader {
        store,
        failed: RefCell::new(None),
    };
    let answer = question(&reader);
    match (reader.failed.into_inner(), answer) {
        (Some(error), _) => Err(TreeError::Store(error)),
        (None, Ok(answer)) => Ok(answer),
        (None, Err(_)) => Err(TreeError::Damaged),
    }
}

struct Reader<'a, S: TreeStore> {
    store: &'a S,
    failed: RefCell<Option<S::Error>>,
}

impl<S: TreeStore> HashReader for Reader<'_, S> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog::Error> {
        match self.store.nodes(indexes) {
            Ok(nodes) if nodes.len() == indexes.len() => Ok(nodes.into_iter().map(Hash).collect()),
            Ok(_) => Err(tlog::Error::IndexesNotInTree),
            Err(error) => {
                *self.failed.borrow_mut() = Some(error);
                Err(tlog::Error::IndexesNotInTree)
            }
        }
    }
}
