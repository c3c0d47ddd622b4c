//! The operations of a change, decoded without Automerge.

use automerge::{ObjType, ScalarValue};

use crate::columns::Columns;
use crate::reader::Reader;
use crate::refusal::Refusal;
use crate::runs::{Booleans, Cells, Sums};

const PREDS: &str = "pred column";

/// An operation id inside one change: its counter, and the actor as an index into the change's
/// own list (0 is the author, then the other actors in order).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalId {
    /// Its counter.
    pub counter: u64,
    /// Whose it is.
    pub actor: usize,
}

/// The place an operation names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key<'a> {
    /// A key of a map.
    Map(&'a str),
    /// Before the first element.
    Head,
    /// An element, or the place behind it.
    Element(LocalId),
}

/// What an operation does.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    /// Makes an object.
    Make(ObjType),
    /// Puts a value.
    Put(ScalarValue),
    /// Takes away what it overwrites.
    Delete,
}

/// One operation as the change states it.
#[derive(Debug, Clone, PartialEq)]
pub struct Op<'a> {
    /// The object it writes in; `None` is the root map.
    pub object: Option<LocalId>,
    /// The place in it.
    pub key: Key<'a>,
    /// Whether it puts in a new element behind that place.
    pub insert: bool,
    /// What it does there.
    pub deed: Deed,
    /// The operations that it overwrites.
    pub preds: Vec<LocalId>,
}

/// Decodes the columns into operations. The columns' rows were counted before
/// ([`Columns::count`]), so this allocates no more than the caps allow.
///
/// `name` gives the text for an operation's index in a refusal.
pub(crate) fn decode<'a>(
    columns: &Columns<'a>,
    op_count: u64,
    name: impl Fn(usize) -> String,
) -> Result<Vec<Op<'a>>, Refusal> {
    let rows = usize::try_from(op_count).map_err(|_| Refusal::Malformed { what: "columns" })?;
    let mut cursor = Cursor::new(columns);
    let mut ops = Vec::with_capacity(rows);
    for row in 0..rows {
        let op = cursor.next_op()?;
        ops.push(op.ok_or_else(|| Refusal::UnsupportedOp { op: name(row) })?);
    }
    Ok(ops)
}

/// A place in every column.
struct Cursor<'a> {
    object_actor: Cells<'a, u64>,
    object_counter: Cells<'a, u64>,
    key_actor: Cells<'a, u64>,
    key_counter: Sums<'a>,
    key_string: Cells<'a, &'a str>,
    insert: Booleans<'a>,
    action: Cells<'a, u64>,
    meta: Cells<'a, u64>,
    raw: Reader<'a>,
    pred_count: Cells<'a, u64>,
    pred_actor: Cells<'a, u64>,
    pred_counter: Sums<'a>,
}

impl<'a> Cursor<'a> {
    fn new(columns: &Columns<'a>) -> Self {
        Self {
            object_actor: Cells::new(columns.obj_actor, "object column"),
            object_counter: Cells::new(columns.obj_counter, "object column"),
            key_actor: Cells::new(columns.key_actor, "key column"),
            key_counter: Sums::new(columns.key_counter, "key column"),
            key_string: Cells::new(columns.key_string, "key column"),
            insert: Booleans::new(columns.insert, "insert column"),
            action: Cells::new(columns.action, "action column"),
            meta: Cells::new(columns.value_meta, "value column"),
            raw: Reader::new(columns.value_raw, "value column"),
            pred_count: Cells::new(columns.pred_count, PREDS),
            pred_actor: Cells::new(columns.pred_actor, PREDS),
            pred_counter: Sums::new(columns.pred_counter, PREDS),
        }
    }

    /// `None` is an operation that records do not use.
    fn next_op(&mut self) -> Result<Option<Op<'a>>, Refusal> {
        let value = read_value(&mut self.raw, self.meta.next_cell()?.unwrap_or(0))?;
        let action = self.action.next_cell()?;
        let Some(deed) = value.and_then(|value| deed(action, value)) else {
            return Ok(None);
        };
        Ok(Some(Op {
            object: object(
                self.object_actor.next_cell()?,
                self.object_counter.next_cell()?,
            )?,
            key: key(
                self.key_actor.next_cell()?,
                self.key_counter.next_cell()?,
                self.key_string.next_cell()?,
            )?,
            insert: self.insert.next_cell()?,
            deed,
            preds: self.preds()?,
        }))
    }

    fn preds(&mut self) -> Result<Vec<LocalId>, Refusal> {
        let malformed = || Refusal::Malformed { what: PREDS };
        let count = self.pred_count.next_cell()?.ok_or_else(malformed)?;
        let mut preds = Vec::new();
        for _ in 0..count {
            let actor = self.pred_actor.next_cell()?.ok_or_else(malformed)?;
            let counter = self.pred_counter.next_cell()?.ok_or_else(malformed)?;
            let counter = u64::try_from(counter).map_err(|_| malformed())?;
            preds.push(local_id(actor, counter)?);
        }
        Ok(preds)
    }
}

fn object(actor: Option<u64>, counter: Option<u64>) -> Result<Option<LocalId>, Refusal> {
    match (actor, counter) {
        (None, None) => Ok(None),
        (Some(actor), Some(counter)) if counter > 0 => local_id(actor, counter).map(Some),
        _ => Err(Refusal::Malformed {
            what: "object column",
        }),
    }
}

fn key<'a>(
    actor: Option<u64>,
    counter: Option<i64>,
    string: Option<&'a str>,
) -> Result<Key<'a>, Refusal> {
    let malformed = Refusal::Malformed { what: "key column" };
    match (actor, counter, string) {
        (None, None, Some(key)) => Ok(Key::Map(key)),
        (None, Some(0), None) => Ok(Key::Head),
        (Some(actor), Some(counter), None) if counter > 0 => {
            let counter = u64::try_from(counter).map_err(|_| malformed)?;
            local_id(actor, counter).map(Key::Element)
        }
        _ => Err(malformed),
    }
}

fn local_id(actor: u64, counter: u64) -> Result<LocalId, Refusal> {
    let actor = usize::try_from(actor).map_err(|_| Refusal::Malformed {
        what: "actor index",
    })?;
    Ok(LocalId { counter, actor })
}

/// `None` for what records do not use: increments, tables, marks, and values on operations that
/// have none.
fn deed(action: Option<u64>, value: ScalarValue) -> Option<Deed> {
    let no_value = value == ScalarValue::Null;
    match action? {
        0 if no_value => Some(Deed::Make(ObjType::Map)),
        1 => Some(Deed::Put(value)),
        2 if no_value => Some(Deed::Make(ObjType::List)),
        3 if no_value => Some(Deed::Delete),
        4 if no_value => Some(Deed::Make(ObjType::Text)),
        _ => None,
    }
}

/// Reads one value; the inner `None` is a value type that records do not use.
fn read_value(raw: &mut Reader<'_>, meta: u64) -> Result<Option<ScalarValue>, Refusal> {
    let length = usize::try_from(meta >> 4).map_err(|_| raw.malformed())?;
    let bytes = raw.take(length)?;
    let mut reader = Reader::new(bytes, "value column");
    let value = match meta & 0x0f {
        0 => ScalarValue::Null,
        1 => ScalarValue::Boolean(false),
        2 => ScalarValue::Boolean(true),
        3 => ScalarValue::Uint(reader.unsigned()?),
        4 => ScalarValue::Int(reader.signed()?),
        5 => {
            let number = f64::from_le_bytes(reader.array()?);
            if !number.is_finite() {
                return Ok(None);
            }
            ScalarValue::F64(number)
        }
        6 => {
            let text = std::str::from_utf8(bytes).map_err(|_| raw.malformed())?;
            return Ok(Some(ScalarValue::Str(text.into())));
        }
        7 => return Ok(Some(ScalarValue::Bytes(bytes.to_vec()))),
        9 => ScalarValue::Timestamp(reader.signed()?),
        _ => return Ok(None),
    };
    if reader.is_empty() {
        Ok(Some(value))
    } else {
        Err(raw.malformed())
    }
}
