//! Every seal in the log is true: its root is that of the entries before it, built anew from their bytes.

use std::convert::Infallible;

use gridlog_proof::{Node, TreeStore, appended, leaf, root};
use gridlog_protocol::{Fact, LogEntry};

use crate::broken::Broken;
use crate::tally::Tally;

/// A tree in memory.
#[derive(Default)]
struct Nodes(Vec<Node>);

impl TreeStore for Nodes {
    type Error = Infallible;

    fn nodes(&self, numbers: &[u64]) -> Result<Vec<Node>, Infallible> {
        let at = |number: &u64| usize::try_from(*number).ok();
        Ok(numbers
            .iter()
            .filter_map(|number| self.0.get(at(number)?).copied())
            .collect())
    }
}

/// Builds the tree, and looks at each seal as it comes by.
pub(super) fn check(log: &[(LogEntry, Vec<u8>)], tally: &mut Tally) -> Result<(), Broken> {
    let mut tree = Nodes::default();
    for (before, (entry, canonical)) in (0..).zip(log) {
        let broken = |found: String| {
            Broken::new(
                "every seal is true",
                format!("entry {}: {found}", entry.seq),
            )
        };
        if let Fact::Seal {
            size, root: said, ..
        } = &entry.fact
        {
            let is = root(&tree, *size).map_err(|error| broken(error.to_string()))?;
            if *size != before || is != said.0 {
                return Err(broken(format!("it seals {size} entries with another root")));
            }
            tally.count("seal", "true");
        }
        let added = appended(&tree, before, leaf(canonical));
        let (_, nodes) = added.map_err(|error| broken(error.to_string()))?;
        tree.0.extend(nodes);
    }
    Ok(())
}
