//! A record's admitted changes as a document.

use std::collections::VecDeque;

use automerge::{ActorId, Automerge, Change, ChangeHash};

use crate::check::{Sound, check};
use crate::encode;
use crate::header::Frame;
use crate::index::{Index, Standing};
use crate::limits::Limits;
use crate::ops;
use crate::refusal::Refusal;
use crate::shield::shielded;

/// A record's admitted changes: the document they make, and an index for the checks.
///
/// Cloning copies the document and shares the index's operations.
#[derive(Debug, Clone)]
pub struct History {
    pub(crate) document: Automerge,
    pub(crate) index: Index,
}

impl Default for History {
    fn default() -> Self {
        Self::empty()
    }
}

impl History {
    /// The history of a record that has no change yet.
    pub fn empty() -> Self {
        Self {
            document: Automerge::new(),
            index: Index::default(),
        }
    }

    /// Rebuilds a history from changes that were admitted earlier, as stored, in any order.
    /// Repeated changes count once. The production caps do not apply, the other checks do: they
    /// cost little and a damaged store shows here instead of in Automerge.
    ///
    /// # Errors
    /// `genesis_missing` or `missing_dependency` if changes are lacking, and otherwise the code
    /// that [`admit`](crate::admit) would give.
    pub fn load<'a>(changes: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, Refusal> {
        let limits = Limits::admitted_earlier();
        let mut index = Index::default();
        let mut ready = Vec::new();
        let mut waiting = changes
            .into_iter()
            .map(|bytes| Ok((bytes, Frame::read(bytes, &limits)?)))
            .collect::<Result<VecDeque<_>, Refusal>>()?;
        let mut deferred = 0;
        while let Some((bytes, frame)) = waiting.pop_front() {
            match index.stand(&frame.header)? {
                Standing::Known => {}
                Standing::Next(clock) => {
                    let sound = read(&index, &clock, &frame, &limits)?;
                    index.add(&frame.header, clock, sound.entries);
                    ready.push(bytes);
                }
                Standing::Waiting(missing) => {
                    deferred += 1;
                    waiting.push_back((bytes, frame));
                    if deferred > waiting.len() {
                        return Err(lacking(&index, &missing));
                    }
                    continue;
                }
            }
            deferred = 0;
        }
        let document = shielded("load", || apply(Automerge::new(), &ready))??;
        Ok(Self { document, index })
    }

    /// The document. It has an actor id of its own that must not write: set one before editing a
    /// clone of it.
    pub fn document(&self) -> &Automerge {
        &self.document
    }

    /// The changes that no other change builds on.
    pub fn heads(&self) -> Vec<ChangeHash> {
        self.document.get_heads()
    }

    /// Whether the change was admitted.
    pub fn contains(&self, hash: &ChangeHash) -> bool {
        self.index.contains(hash)
    }

    /// Whether no change was admitted.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// How many changes were admitted.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Sequence number of the actor's last admitted change in this record; 0 without one.
    pub fn last_seq(&self, actor: &ActorId) -> u64 {
        self.index.last_seq(actor)
    }
}

/// Decodes a change, requires its canonical form, and checks every operation.
pub(crate) fn read(
    index: &Index,
    clock: &crate::index::Clock,
    frame: &Frame<'_>,
    limits: &Limits,
) -> Result<Sound, Refusal> {
    let header = &frame.header;
    let name = |row: usize| format!("{}@{}", header.start_op + row as u64, header.actor);
    let ops = ops::decode(&frame.columns, header.op_count, name)?;
    if encode::body(encode::Preamble::of(header, frame.message), &ops) != frame.body {
        return Err(Refusal::NotCanonical { hash: header.hash });
    }
    check(index, clock, header, ops, limits)
}

/// Applies changes to a document. Runs inside the shield.
pub(crate) fn apply(mut document: Automerge, changes: &[&[u8]]) -> Result<Automerge, Refusal> {
    let refused = |stage| Refusal::AutomergeRefused { stage };
    let changes = changes
        .iter()
        .map(|bytes| Change::try_from(*bytes).map_err(|_| refused("parse")))
        .collect::<Result<Vec<_>, _>>()?;
    document
        .apply_changes(changes)
        .map_err(|_| refused("apply"))?;
    Ok(document)
}

fn lacking(index: &Index, missing: &[ChangeHash]) -> Refusal {
    match missing.first() {
        Some(missing) if !index.is_empty() => Refusal::MissingDependency { missing: *missing },
        _ => Refusal::GenesisMissing,
    }
}
