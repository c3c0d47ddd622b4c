//! The right edge of a tree that grows: as many nodes as it has levels.

use std::convert::Infallible;

use gridlog_proof::{Node, TreeError, TreeStore, appended, root};

/// The last node of each level, with its number: all that is needed to go on.
#[derive(Debug, Default)]
pub(super) struct Edge {
    last: Vec<(u64, Node)>,
    size: u64,
}

impl TreeStore for Edge {
    type Error = Infallible;

    fn nodes(&self, numbers: &[u64]) -> Result<Vec<Node>, Infallible> {
        let node = |number: &u64| {
            let found = self.last.iter().find(|(known, _)| known == number);
            found.map(|(_, node)| *node)
        };
        // Too few are an error of the tree's.
        Ok(numbers.iter().filter_map(node).collect())
    }
}

impl Edge {
    /// The nodes that a leaf adds, and the number of the first.
    pub(super) fn append(&mut self, leaf: Node) -> Result<(u64, Vec<Node>), TreeError<Infallible>> {
        let (first, nodes) = appended(self, self.size, leaf)?;
        for (level, (number, node)) in (first..).zip(&nodes).enumerate() {
            match self.last.get_mut(level) {
                Some(last) => *last = (number, *node),
                None => self.last.push((number, *node)),
            }
        }
        self.size += 1;
        Ok((first, nodes))
    }

    /// The root over all leaves so far.
    pub(super) fn root(&self) -> Result<Node, TreeError<Infallible>> {
        root(self, self.size)
    }
}
