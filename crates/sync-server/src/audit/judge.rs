//! What of an entry is believed.

use std::ops::Range;

use gridlog_merge_guard::{Limits, receive};
use gridlog_proof::{Node, leaf, leaf_number};
use gridlog_protocol::{Fact, LogEntry};

use super::edge::Edge;
use super::{Audited, Damage, Differs};
use crate::store::{Epoch, StoreError};

/// An entry as it is stored, with what belongs to it. Nothing of it is taken for granted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pub(crate) seq: u64,
    pub(crate) record: Vec<u8>,
    pub(crate) at_ms: i64,
    pub(crate) hash: Vec<u8>,
    pub(crate) canonical: Vec<u8>,
    /// Hash and bytes of the change under it.
    pub(crate) change: Option<(Vec<u8>, Vec<u8>)>,
    pub(crate) is_erased: bool,
}

/// An entry that waits for the next one.
struct Held {
    row: Row,
    own: Node,
    entry: Option<LogEntry>,
}

/// Judges the entries of a log one after the other.
pub(crate) struct Auditor<'a> {
    /// A stored node of the tree.
    node: &'a mut dyn FnMut(u64) -> Result<Option<Vec<u8>>, StoreError>,
    /// Is told each damage.
    found: &'a mut dyn FnMut(Damage),
    /// Entries that the tree is said to cover.
    covered: u64,
    /// The epochs that are noted.
    epochs: Vec<Epoch>,
    held: Option<Held>,
    /// The hash of the last entry that was judged.
    before: Node,
    edge: Edge,
    /// Whether entries are missing of which not even the leaves are known, so that nothing can be said of
    /// roots any more.
    is_torn: bool,
    audited: Audited,
}

impl<'a> Auditor<'a> {
    pub(crate) fn new(
        covered: u64,
        epochs: Vec<Epoch>,
        node: &'a mut dyn FnMut(u64) -> Result<Option<Vec<u8>>, StoreError>,
        found: &'a mut dyn FnMut(Damage),
    ) -> Self {
        Self {
            node,
            found,
            covered,
            epochs,
            held: None,
            before: [0; 32],
            edge: Edge::default(),
            is_torn: false,
            audited: Audited {
                tree: covered,
                ..Audited::default()
            },
        }
    }

    /// Takes the next entry, in the order of numbers.
    ///
    /// # Errors
    /// If a node cannot be read.
    pub(crate) fn take(&mut self, row: Row) -> Result<(), StoreError> {
        let entry = LogEntry::from_bytes(&row.canonical).ok();
        let own = leaf(&row.canonical);
        let named = entry.as_ref().map(|entry| entry.previous.0);
        let expected = match &self.held {
            Some(held) => held.row.seq + 1,
            None => 1,
        };
        if row.seq < expected {
            self.damage(row.seq, &row.record, Differs::Number);
            return Ok(());
        }
        // What follows a gap says nothing of the entry before the gap.
        let next = named.filter(|_| row.seq == expected);
        self.judge_held(next)?;
        self.skip(expected..row.seq, named)?;
        self.held = Some(Held { row, own, entry });
        Ok(())
    }

    /// There are no more entries.
    ///
    /// # Errors
    /// If a node cannot be read.
    pub(crate) fn end(mut self) -> Result<Audited, StoreError> {
        let last = self.held.as_ref().map_or(0, |held| held.row.seq);
        self.judge_held(None)?;
        self.skip(last + 1..self.covered + 1, None)?;
        let epochs = std::mem::take(&mut self.epochs);
        for epoch in epochs.iter().filter(|epoch| epoch.base >= last.max(1)) {
            self.damage(epoch.base + 1, &[], Differs::Epoch);
        }
        Ok(self.audited)
    }

    fn damage(&mut self, seq: u64, record: &[u8], differs: Differs) {
        self.audited.damages += 1;
        (self.found)(Damage {
            seq,
            record: hex::encode(record),
            differs,
        });
    }

    /// A stray change, which belongs to no entry.
    pub(crate) fn stray_change(&mut self, seq: u64, record: &[u8]) {
        self.damage(seq, record, Differs::ForeignChange);
    }

    /// Entries that are not there. The tree still knows their leaves, as far as it was built, and the next
    /// entry the last of them.
    fn skip(&mut self, gap: Range<u64>, named: Option<Node>) -> Result<(), StoreError> {
        if gap.is_empty() {
            return Ok(());
        }
        self.damage(gap.start, &[], Differs::Missing(gap.end - 1));
        for seq in gap.start..gap.end.min(self.covered + 1) {
            let leaf = (self.node)(leaf_number(seq))?;
            let leaf = leaf.and_then(|node| Node::try_from(node).ok());
            self.before = leaf.unwrap_or_default();
            self.edge.append(self.before).map_err(|_| broken(seq))?;
        }
        if gap.end > self.covered + 1 {
            self.is_torn = true;
        }
        self.before = named.unwrap_or_default();
        Ok(())
    }

    /// Judges the entry that waits, now that it is known what the next one says of it.
    fn judge_held(&mut self, next: Option<Node>) -> Result<(), StoreError> {
        let Some(Held { row, own, entry }) = self.held.take() else {
            return Ok(());
        };
        self.audited.entries += 1;
        let tree = match row.seq <= self.covered {
            true => (self.node)(leaf_number(row.seq))?,
            false => None,
        };
        let stored = Node::try_from(&row.hash[..]).ok();
        let in_tree = tree.and_then(|node| Node::try_from(node).ok());
        let witnesses = [in_tree, next, stored, Some(own)];
        let (believed, votes) = most(&witnesses);
        let is_whole = own == believed;
        if !is_whole || stored != Some(believed) {
            let differs = match (is_whole, votes) {
                (_, 1) => Differs::BytesOrHash,
                (false, _) => Differs::Bytes,
                (true, _) => Differs::Hash,
            };
            self.damage(row.seq, &row.record, differs);
        }
        match &entry {
            None => self.damage(row.seq, &row.record, Differs::Unreadable),
            // Where its bytes were changed, what they say proves nothing.
            Some(entry) if is_whole => self.judge_words(&row, entry),
            Some(_) => {}
        }
        self.judge_tree(&row, believed)?;
        self.before = believed;
        Ok(())
    }

    fn judge_words(&mut self, row: &Row, entry: &LogEntry) {
        let mut differs = Vec::new();
        if entry.seq != row.seq {
            differs.push(Differs::Number);
        }
        if entry.record.0[..] != row.record {
            differs.push(Differs::Column("record"));
        }
        if entry.at_ms != row.at_ms {
            differs.push(Differs::Column("at_ms"));
        }
        if entry.previous.0 != self.before {
            differs.push(Differs::Previous);
        }
        differs.extend(self.of_change(row, entry));
        differs.extend(self.of_the_log(entry));
        for differs in differs {
            self.damage(row.seq, &row.record, differs);
        }
    }

    /// What is wrong with the change under an entry.
    fn of_change(&mut self, row: &Row, entry: &LogEntry) -> Option<Differs> {
        let Fact::Admit { change, .. } = &entry.fact else {
            return row.change.is_some().then_some(Differs::ForeignChange);
        };
        match &row.change {
            None if row.is_erased => None,
            None => Some(Differs::ChangeMissing),
            Some((hash, bytes)) => {
                self.audited.changes += 1;
                let read = receive(bytes, &Limits::default());
                let is_right =
                    hash[..] == change.0 && read.is_ok_and(|header| header.hash.0 == change.0);
                (!is_right).then_some(Differs::Change)
            }
        }
    }

    /// What is wrong with what it says of the log itself.
    fn of_the_log(&mut self, entry: &LogEntry) -> Option<Differs> {
        let noted = self.epochs.iter();
        let noted = noted.filter(|epoch| epoch.base > 0 && epoch.base + 1 == entry.seq);
        let noted = noted.map(|epoch| epoch.epoch).next_back();
        let begun = match &entry.fact {
            Fact::Epoch { epoch, .. } => Some(*epoch),
            _ => None,
        };
        self.audited.epochs += u64::from(begun.is_some());
        if begun != noted && !(entry.seq == 1 && begun.is_some()) {
            return Some(Differs::Epoch);
        }
        if let Fact::Seal { size, root, .. } = &entry.fact {
            self.audited.seals += 1;
            let is_root = self.is_torn || self.edge.root() == Ok(root.0);
            let is_right = *size + 1 == entry.seq && is_root;
            return (!is_right).then_some(Differs::Seal);
        }
        None
    }

    fn judge_tree(&mut self, row: &Row, believed: Node) -> Result<(), StoreError> {
        if self.is_torn {
            return Ok(());
        }
        let (first, nodes) = self.edge.append(believed).map_err(|_| broken(row.seq))?;
        if row.seq > self.covered {
            return Ok(());
        }
        for (number, node) in (first..).zip(nodes) {
            if (self.node)(number)?.as_deref() != Some(&node[..]) {
                self.damage(row.seq, &row.record, Differs::TreeNode(number));
            }
        }
        Ok(())
    }
}

/// What most witnesses say, the first of them where they are as many, and how many say so.
fn most(witnesses: &[Option<Node>; 4]) -> (Node, usize) {
    let votes = |node: &Node| witnesses.iter().flatten().filter(|w| *w == node).count();
    let mut best = ([0; 32], 0);
    for node in witnesses.iter().flatten() {
        if votes(node) > best.1 {
            best = (*node, votes(node));
        }
    }
    best
}

fn broken(seq: u64) -> StoreError {
    StoreError::Damaged {
        what: "tree over the log",
        id: seq.to_string(),
    }
}
