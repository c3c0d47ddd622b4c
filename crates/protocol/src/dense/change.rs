//! A change as what its author said: the rest follows by rule.
//!
//! Automerge stores a change as a dozen columns. Here it is told operation by operation: which object,
//! as far as it is not the one of the operation before; which place, as far as it does not follow; what
//! was put there. Letters that were typed one after the other are one text. The bytes are made anew from
//! that, by the one canonical encoding, and are what they were; a change for which that is not so travels
//! as it is.

mod apart;
mod together;

use automerge::ScalarValue;
use gridlog_merge_guard::{Deed, Key, Limits, LocalId, Op, Spelled};
use sha2::{Digest as _, Sha256};

pub(super) use apart::put;
pub(super) use together::take;

use super::atoms::{Atoms, Place, place_of_name};
use super::{Changes, Spoilt};

const END: u8 = 7;
const MAP: u8 = 0;
const LIST: u8 = 1;
const TEXT: u8 = 2;
const DELETE: u8 = 3;
const PUT: u8 = 4;
/// Letters put in one after the other.
const TYPED: u8 = 5;

const SAME_OBJECT: u8 = 1 << 3;
const INSERT: u8 = 1 << 4;
const ELEMENT: u8 = 1 << 5;
const PREDS: u8 = 1 << 6;

/// How a value is told; the others are their type codes.
const JSON: u8 = 16;

const ELSEWHERE: Place = 3;
const ELEMENTS: Place = 4;
const PREDECESSORS: Place = 5;
/// The change in these bytes, if it comes back just as it is.
pub(super) fn read(bytes: &[u8], changes: Changes) -> Option<Spelled<'_>> {
    let limits = Limits::default();
    let change = match changes {
        Changes::Any => Spelled::read(bytes, &limits).ok()?,
        Changes::Admitted => Spelled::read_admitted(bytes, &limits).ok()?,
    };
    let weight: usize = change.ops.iter().map(weight).sum();
    (weight <= limits.max_change_bytes).then_some(change)
}

/// What an operation takes in memory beyond itself. A name of few bytes can stand for a long text, so
/// both sides bound the sum.
fn weight(op: &Op<'_>) -> usize {
    let key = match op.key {
        Key::Map(key) => key.len(),
        Key::Head | Key::Element(_) => 0,
    };
    key + match &op.deed {
        Deed::Put(value) => weight_of(value),
        Deed::Make(_) | Deed::Delete => 0,
    }
}

fn weight_of(value: &ScalarValue) -> usize {
    match value {
        ScalarValue::Str(text) => text.len(),
        ScalarValue::Bytes(bytes) => bytes.len(),
        _ => 0,
    }
}

/// What of a change later operations go by.
#[derive(Debug, Default)]
struct Course {
    /// What the operations so far weigh.
    weight: usize,
    start_op: u64,
    /// How many operations came.
    row: u64,
    object: Option<LocalId>,
    element: u64,
}

impl Course {
    const fn own(&self, row: u64) -> LocalId {
        LocalId {
            counter: self.start_op.saturating_add(row),
            actor: 0,
        }
    }

    /// Counts what an operation takes.
    fn bear(&mut self, weight: usize) -> Result<(), Spoilt> {
        self.weight = self.weight.saturating_add(weight);
        at_most(self.weight, Limits::default().max_change_bytes).map(drop)
    }

    /// The number of one of the change's own operations.
    fn own_row(&self, id: LocalId) -> Option<u64> {
        let row = id.counter.checked_sub(self.start_op)?;
        (id.actor == 0 && row < self.row).then_some(row)
    }
}

/// Where a number stands that is put under a key.
fn place_of_key(key: &Key<'_>) -> Place {
    match key {
        Key::Map(name) => place_of_name(name),
        Key::Head | Key::Element(_) => ELEMENTS,
    }
}

/// A ruling names a proposal by the hash of its text.
fn learn(atoms: &mut Atoms, json: &[u8]) {
    if json.starts_with(br#"{"step":"#) {
        atoms.learn_digest(Sha256::digest(json).into());
    }
}

fn at_most(count: usize, most: usize) -> Result<usize, Spoilt> {
    if count <= most {
        Ok(count)
    } else {
        Err(Spoilt)
    }
}
