//! The operations of a change, decoded without Automerge.

use automerge::{ObjType, ScalarValue};

use crate::columns::{Cell, Columns, Runs};
use crate::reader::Reader;
use crate::refusal::Refusal;

/// An operation id inside one change: its counter, and the actor as an index into the change's
/// own list (0 is the author, then the other actors in order).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LocalId {
    pub(crate) counter: u64,
    pub(crate) actor: usize,
}

/// The place an operation names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key<'a> {
    Map(&'a str),
    Head,
    Element(LocalId),
}

/// What an operation does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Deed {
    Make(ObjType),
    Put(ScalarValue),
    Delete,
}

/// One operation as the change states it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Op<'a> {
    /// The object it writes in; `None` is the root map.
    pub(crate) object: Option<LocalId>,
    pub(crate) key: Key<'a>,
    pub(crate) insert: bool,
    pub(crate) deed: Deed,
    pub(crate) preds: Vec<LocalId>,
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
    let object_actors = expand::<u64>(columns.obj_actor, rows, "object column")?;
    let object_counters = expand::<u64>(columns.obj_counter, rows, "object column")?;
    let key_actors = expand::<u64>(columns.key_actor, rows, "key column")?;
    let key_counters = undelta(expand::<i64>(columns.key_counter, rows, "key column")?)?;
    let key_strings = expand::<&str>(columns.key_string, rows, "key column")?;
    let inserts = expand_booleans(columns.insert, rows)?;
    let actions = expand::<u64>(columns.action, rows, "action column")?;
    let metas = expand::<u64>(columns.value_meta, rows, "value column")?;
    let pred_lists = decode_preds(columns, rows)?;
    let mut raw = Reader::new(columns.value_raw, "value column");
    let mut ops = Vec::with_capacity(rows);
    for (row, preds) in pred_lists.into_iter().enumerate() {
        let value = read_value(&mut raw, metas[row].unwrap_or(0))?;
        let deed = value
            .and_then(|value| deed(actions[row], value))
            .ok_or_else(|| Refusal::UnsupportedOp { op: name(row) })?;
        ops.push(Op {
            object: object(object_actors[row], object_counters[row])?,
            key: key(key_actors[row], key_counters[row], key_strings[row])?,
            insert: inserts[row],
            deed,
            preds,
        });
    }
    Ok(ops)
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

fn decode_preds(columns: &Columns<'_>, rows: usize) -> Result<Vec<Vec<LocalId>>, Refusal> {
    let what = "pred column";
    let malformed = || Refusal::Malformed { what };
    let counts = expand::<u64>(columns.pred_count, rows, what)?;
    let total: u64 = counts.iter().flatten().sum();
    let total = usize::try_from(total).map_err(|_| malformed())?;
    let actors = expand::<u64>(columns.pred_actor, total, what)?;
    let counters = undelta(expand::<i64>(columns.pred_counter, total, what)?)?;
    let mut ids = actors.into_iter().zip(counters);
    let mut lists = Vec::with_capacity(rows);
    for count in counts {
        let mut list = Vec::new();
        for _ in 0..count.ok_or_else(malformed)? {
            let (Some(actor), Some(counter)) = ids.next().ok_or_else(malformed)? else {
                return Err(malformed());
            };
            let counter = u64::try_from(counter).map_err(|_| malformed())?;
            list.push(local_id(actor, counter)?);
        }
        lists.push(list);
    }
    Ok(lists)
}

/// One cell for each row; a missing column is all null.
fn expand<'a, T: Cell<'a>>(
    column: &'a [u8],
    rows: usize,
    what: &'static str,
) -> Result<Vec<Option<T>>, Refusal> {
    let mut cells = Vec::with_capacity(rows);
    for stretch in Runs::<T>::new(column, what) {
        let (value, count) = stretch?;
        let count = usize::try_from(count).map_err(|_| Refusal::Malformed { what })?;
        if count > rows - cells.len() {
            return Err(Refusal::Malformed { what });
        }
        cells.resize(cells.len() + count, value);
    }
    cells.resize(rows, None);
    Ok(cells)
}

fn expand_booleans(column: &[u8], rows: usize) -> Result<Vec<bool>, Refusal> {
    let mut reader = Reader::new(column, "insert column");
    let mut cells = Vec::with_capacity(rows);
    let mut value = false;
    while !reader.is_empty() {
        let count = reader.length()?;
        if count > rows - cells.len() {
            return Err(reader.malformed());
        }
        cells.resize(cells.len() + count, value);
        value = !value;
    }
    cells.resize(rows, false);
    Ok(cells)
}

/// Sums differences up to absolute values.
fn undelta(cells: Vec<Option<i64>>) -> Result<Vec<Option<i64>>, Refusal> {
    let mut absolute = 0_i64;
    cells
        .into_iter()
        .map(|cell| {
            let Some(difference) = cell else {
                return Ok(None);
            };
            absolute = absolute.checked_add(difference).ok_or(Refusal::Malformed {
                what: "counter column",
            })?;
            Ok(Some(absolute))
        })
        .collect()
}
