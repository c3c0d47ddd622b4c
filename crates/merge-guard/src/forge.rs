//! Builds hostile changes. For tests, fuzzing and the simulator's hostile device.
//!
//! Each function returns the bytes of one change that is sound except for what its name says, so
//! that a test shows which check catches it. [`gallery`] lists them all with their codes. What
//! needs a record takes the record's document and the actor that pretends to edit it.

mod gallery;
mod seal;

use automerge::{ActorId, Automerge, ChangeHash, ScalarValue};

use crate::encode::{self, Line, Preamble};
use crate::header::Frame;
use crate::limits::Limits;
use crate::ops::{self, Key, LocalId};
use crate::refusal::Refusal;

pub use seal::seal;

pub use gallery::{
    Hostile, bogus_pred, deep_nesting, deflate_bomb, delete_nothing, element_of_another_object,
    empty_change, extreme_time, forged_actor, gallery, gallery_by, huge_start_op, key_amplifier,
    low_start_op, map_key_on_list, mark, missing_element, missing_object, own_previous_missing,
    position_on_map, pred_at_another_key, reused_seq, second_genesis, seq_gap, split_run,
    trailing_bytes, twenty_million_ops, unknown_actor, unused_actor, wrong_checksum,
};

/// An operation id, as change authors mean it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ref {
    /// The operation's counter.
    pub counter: u64,
    /// The actor that wrote it.
    pub actor: ActorId,
}

/// The place that a forged operation names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForgedKey {
    /// A key of a map.
    Map(String),
    /// Before the first element of a list or text.
    Head,
    /// An element, or after it when inserting.
    Element(Ref),
}

/// An operation in the numbers of the format.
#[derive(Debug, Clone, PartialEq)]
pub struct ForgedOp {
    /// The object written in; `None` is the root.
    pub object: Option<Ref>,
    /// The place in the object.
    pub key: ForgedKey,
    /// Whether an element is inserted.
    pub insert: bool,
    /// 0 map, 1 put, 2 list, 3 delete, 4 text, 5 increment, 6 table, 7 mark.
    pub action: u64,
    /// The value; null unless it is put.
    pub value: ScalarValue,
    /// The operations overwritten.
    pub preds: Vec<Ref>,
}

impl ForgedOp {
    /// Puts a value under a key of the root.
    pub fn put(key: &str, value: impl Into<ScalarValue>) -> Self {
        Self {
            object: None,
            key: ForgedKey::Map(key.to_owned()),
            insert: false,
            action: 1,
            value: value.into(),
            preds: Vec::new(),
        }
    }

    /// Makes an object under a key of the root; see [`ForgedOp::action`].
    pub fn make(key: &str, action: u64) -> Self {
        Self {
            action,
            ..Self::put(key, ScalarValue::Null)
        }
    }

    /// The same operation in another object.
    pub fn within(self, object: Ref) -> Self {
        Self {
            object: Some(object),
            ..self
        }
    }
}

/// A change whose every field can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Forged {
    /// Dependencies.
    pub deps: Vec<ChangeHash>,
    /// Author.
    pub actor: ActorId,
    /// Number among the author's changes.
    pub seq: u64,
    /// Counter of the first operation.
    pub start_op: u64,
    /// Time in milliseconds since 1970.
    pub time_ms: i64,
    /// Commit message.
    pub message: Vec<u8>,
    /// Actors listed although no operation names them.
    pub idle_actors: Vec<ActorId>,
    /// Operations.
    pub ops: Vec<ForgedOp>,
}

/// A forged operation with the actors of its change numbered.
#[derive(Debug)]
struct Row<'a> {
    object: Option<LocalId>,
    key: Key<'a>,
    preds: Vec<LocalId>,
    op: &'a ForgedOp,
}

impl Line for Row<'_> {
    fn object(&self) -> Option<LocalId> {
        self.object
    }

    fn key(&self) -> &Key<'_> {
        &self.key
    }

    fn insert(&self) -> bool {
        self.op.insert
    }

    fn action(&self) -> u64 {
        self.op.action
    }

    fn value(&self) -> &ScalarValue {
        &self.op.value
    }

    fn preds(&self) -> &[LocalId] {
        &self.preds
    }
}

impl Forged {
    /// The change that honest Automerge would write next in `document` as `actor`, still without
    /// operations.
    pub fn next(document: &Automerge, actor: &ActorId) -> Self {
        let changes = document.get_changes(&[]);
        let mut deps = document.get_heads();
        let own = changes.iter().filter(|change| change.actor_id() == actor);
        let last = own.max_by_key(|change| change.seq());
        if let Some(last) = last
            && !deps.contains(&last.hash())
        {
            deps.push(last.hash());
        }
        deps.sort_unstable();
        Self {
            deps,
            actor: actor.clone(),
            seq: last.map_or(0, automerge::Change::seq) + 1,
            start_op: changes
                .iter()
                .map(automerge::Change::max_op)
                .max()
                .unwrap_or(0)
                + 1,
            time_ms: 1_700_000_000_000,
            message: Vec::new(),
            idle_actors: Vec::new(),
            ops: Vec::new(),
        }
    }

    /// Reads a change, to alter it.
    ///
    /// # Errors
    /// As [`receive`](crate::receive), and `unsupported_op`.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let frame = Frame::read(bytes, &Limits::admitted_earlier())?;
        let header = frame.header;
        let ops = ops::decode(&frame.columns, header.op_count, |row| row.to_string())?;
        let actors: Vec<ActorId> = std::iter::once(&header.actor)
            .chain(&header.other_actors)
            .cloned()
            .collect();
        let name = |id: LocalId| match actors.get(id.actor) {
            Some(actor) => Ok(Ref {
                counter: id.counter,
                actor: actor.clone(),
            }),
            None => Err(Refusal::BadActor),
        };
        let forge = |op: &ops::Op<'_>| {
            Ok(ForgedOp {
                object: op.object.map(name).transpose()?,
                key: match op.key {
                    Key::Map(key) => ForgedKey::Map(key.to_owned()),
                    Key::Head => ForgedKey::Head,
                    Key::Element(id) => ForgedKey::Element(name(id)?),
                },
                insert: op.insert,
                action: op.action(),
                value: op.value().clone(),
                preds: op
                    .preds
                    .iter()
                    .map(|id| name(*id))
                    .collect::<Result<_, _>>()?,
            })
        };
        Ok(Self {
            ops: ops.iter().map(forge).collect::<Result<_, Refusal>>()?,
            deps: header.deps,
            actor: header.actor,
            seq: header.seq,
            start_op: header.start_op,
            time_ms: header.time_ms,
            message: frame.message.to_vec(),
            idle_actors: Vec::new(),
        })
    }

    /// This change with these operations.
    pub fn with(self, ops: impl IntoIterator<Item = ForgedOp>) -> Self {
        Self {
            ops: ops.into_iter().collect(),
            ..self
        }
    }

    /// The id of this change's operation at `row`.
    pub fn id(&self, row: u64) -> Ref {
        Ref {
            counter: self.start_op + row,
            actor: self.actor.clone(),
        }
    }

    /// The change as bytes, with the right length and checksum and in canonical form.
    pub fn bytes(&self) -> Vec<u8> {
        seal(&self.body(|rows| encode::columns(rows)))
    }

    fn body(&self, columns: impl Fn(&[Row<'_>]) -> Vec<encode::Column>) -> Vec<u8> {
        let mut others: Vec<ActorId> = self.refs().map(|id| id.actor.clone()).collect();
        others.extend_from_slice(&self.idle_actors);
        others.retain(|actor| *actor != self.actor);
        others.sort_unstable();
        others.dedup();
        let local = |id: &Ref| LocalId {
            counter: id.counter,
            actor: others
                .iter()
                .position(|actor| *actor == id.actor)
                .map_or(0, |at| at + 1),
        };
        let rows: Vec<Row<'_>> = self
            .ops
            .iter()
            .map(|op| Row {
                object: op.object.as_ref().map(local),
                key: match &op.key {
                    ForgedKey::Map(key) => Key::Map(key),
                    ForgedKey::Head => Key::Head,
                    ForgedKey::Element(id) => Key::Element(local(id)),
                },
                preds: op.preds.iter().map(local).collect(),
                op,
            })
            .collect();
        let preamble = Preamble {
            deps: &self.deps,
            actor: &self.actor,
            seq: self.seq,
            start_op: self.start_op,
            time_ms: self.time_ms,
            message: &self.message,
            other_actors: &others,
        };
        encode::assemble(preamble, &columns(&rows))
    }

    fn refs(&self) -> impl Iterator<Item = &Ref> {
        self.ops.iter().flat_map(|op| {
            let element = match &op.key {
                ForgedKey::Element(id) => Some(id),
                ForgedKey::Map(_) | ForgedKey::Head => None,
            };
            op.object.iter().chain(element).chain(&op.preds)
        })
    }
}

/// The contents of a change chunk, without magic number, checksum, type and length.
///
/// # Errors
/// As [`receive`](crate::receive).
pub fn contents(bytes: &[u8]) -> Result<&[u8], Refusal> {
    Frame::read(bytes, &Limits::admitted_earlier()).map(|frame| frame.body)
}
