//! Who did what in a record: the part of a history that checks read.
//!
//! Automerge can tell what a document shows now. A check needs more: whether an operation existed
//! *for the author of a change*, that is among the ancestors of the change, even if others have
//! overwritten it since. So the index keeps every operation's place and every change's clock.

use std::collections::HashMap;
use std::sync::Arc;

use automerge::{ActorId, ChangeHash, ObjType};

use crate::header::Header;
use crate::refusal::Refusal;

/// An operation id inside one record; the actor is an index into [`Index::actors`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct OpId {
    pub(crate) counter: u64,
    pub(crate) actor: usize,
}

/// Where an operation stands in its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A key of a map.
    Key(Box<str>),
    /// An element of a list or text, named by the operation that inserted it.
    Element(OpId),
}

/// What the index keeps of one operation.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The object it writes in; `None` is the root.
    pub(crate) object: Option<OpId>,
    pub(crate) place: Place,
    /// The object it makes, if it makes one.
    pub(crate) makes: Option<ObjType>,
    /// Deletions exist only as marks on what they delete; nothing can refer to them.
    pub(crate) deletes: bool,
}

/// One change's operations.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) start_op: u64,
    pub(crate) entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct ActorLog {
    id: ActorId,
    /// The actor's changes; the one with sequence number n is at n - 1.
    changes: Vec<(ChangeHash, Arc<Block>)>,
}

#[derive(Debug, Clone)]
struct Node {
    actor: usize,
    seq: u64,
    max_op: u64,
    clock: Arc<Clock>,
}

/// For each actor index, how many of its changes are ancestors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Clock(Vec<u64>);

impl Clock {
    fn get(&self, actor: usize) -> u64 {
        self.0.get(actor).copied().unwrap_or(0)
    }

    fn raise(&mut self, actor: usize, seq: u64) {
        if self.0.len() <= actor {
            self.0.resize(actor + 1, 0);
        }
        self.0[actor] = self.0[actor].max(seq);
    }

    fn merge(&mut self, other: &Self) {
        for (actor, seq) in other.0.iter().enumerate() {
            self.raise(actor, *seq);
        }
    }
}

/// The changes, actors and operations of a record.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    actors: Vec<ActorLog>,
    nodes: HashMap<ChangeHash, Node>,
}

/// Where a change stands in a record: what was found by [`Index::stand`].
#[derive(Debug)]
pub(crate) enum Standing {
    /// The record holds it.
    Known,
    /// The record lacks these dependencies.
    Waiting(Vec<ChangeHash>),
    /// It is next; this is the clock of its dependencies.
    Next(Clock),
}

impl Index {
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn contains(&self, hash: &ChangeHash) -> bool {
        self.nodes.contains_key(hash)
    }

    pub(crate) fn last_seq(&self, actor: &ActorId) -> u64 {
        self.actor(actor)
            .map_or(0, |actor| self.actors[actor].changes.len() as u64)
    }

    pub(crate) fn actor(&self, id: &ActorId) -> Option<usize> {
        self.actors.iter().position(|log| log.id == *id)
    }

    /// The index that `id` has, or will have once its first change is added.
    pub(crate) fn actor_or_next(&self, id: &ActorId) -> usize {
        self.actor(id).unwrap_or(self.actors.len())
    }

    pub(crate) fn actor_id(&self, actor: usize) -> Option<&ActorId> {
        self.actors.get(actor).map(|log| &log.id)
    }

    /// The changes that no other change depends on need no recomputing here: Automerge has them.
    /// This decides how a change with `header` relates to the record.
    pub(crate) fn stand(&self, header: &Header) -> Result<Standing, Refusal> {
        if self.contains(&header.hash) {
            return Ok(Standing::Known);
        }
        let expected = self.last_seq(&header.actor) + 1;
        let (actor, seq) = (header.actor.clone(), header.seq);
        if seq < expected {
            return Err(Refusal::ActorSeqReused { actor, seq });
        }
        let missing: Vec<ChangeHash> = header
            .deps
            .iter()
            .filter(|dep| !self.contains(dep))
            .copied()
            .collect();
        if !missing.is_empty() {
            return Ok(Standing::Waiting(missing));
        }
        if header.deps.is_empty() && !self.is_empty() {
            return Err(Refusal::SecondGenesis);
        }
        if seq > expected {
            return Err(Refusal::SeqGap {
                actor,
                seq,
                expected,
            });
        }
        self.require_own_previous(header)?;
        let (clock, max_op) = self.gather(&header.deps);
        if header.start_op != max_op + 1 {
            let start_op = header.start_op;
            return Err(Refusal::StartOpWrong {
                start_op,
                expected: max_op + 1,
            });
        }
        Ok(Standing::Next(clock))
    }

    /// Automerge adds the actor's previous change to the dependencies if it is no head.
    fn require_own_previous(&self, header: &Header) -> Result<(), Refusal> {
        let previous = self
            .actor(&header.actor)
            .and_then(|actor| self.actors[actor].changes.last())
            .map(|(hash, _)| *hash);
        match previous {
            Some(hash) if !header.deps.contains(&hash) => Err(Refusal::OwnPreviousMissing {
                actor: header.actor.clone(),
                seq: header.seq,
            }),
            _ => Ok(()),
        }
    }

    /// The clock of changes and all their ancestors, and their largest operation counter.
    fn gather(&self, deps: &[ChangeHash]) -> (Clock, u64) {
        let mut clock = Clock::default();
        let mut max_op = 0;
        for node in deps.iter().filter_map(|dep| self.nodes.get(dep)) {
            clock.merge(&node.clock);
            clock.raise(node.actor, node.seq);
            max_op = max_op.max(node.max_op);
        }
        (clock, max_op)
    }

    /// An operation that the author of a change with `clock` can have seen.
    pub(crate) fn entry(&self, id: OpId, clock: &Clock) -> Option<&Entry> {
        let changes = &self.actors.get(id.actor)?.changes;
        let after = changes.partition_point(|(_, block)| block.start_op <= id.counter);
        let seq = u64::try_from(after).ok()?;
        if seq == 0 || seq > clock.get(id.actor) {
            return None;
        }
        let block = &changes[after - 1].1;
        block
            .entries
            .get(usize::try_from(id.counter - block.start_op).ok()?)
    }

    /// Whether the author of a change with `clock` can have known the actor.
    pub(crate) fn knows(&self, actor: usize, clock: &Clock) -> bool {
        clock.get(actor) > 0
    }

    /// Adds a change that [`Index::stand`] found to be next.
    pub(crate) fn add(&mut self, header: &Header, clock: Clock, entries: Vec<Entry>) {
        let actor = self.actor_or_next(&header.actor);
        if actor == self.actors.len() {
            self.actors.push(ActorLog {
                id: header.actor.clone(),
                changes: Vec::new(),
            });
        }
        let block = Arc::new(Block {
            start_op: header.start_op,
            entries,
        });
        self.actors[actor].changes.push((header.hash, block));
        self.nodes.insert(
            header.hash,
            Node {
                actor,
                seq: header.seq,
                max_op: header.max_op(),
                clock: Arc::new(clock),
            },
        );
    }
}
