//! Putting a change together.

use std::rc::Rc;

use automerge::{ActorId, ChangeHash, ObjType, ScalarValue};
use gridlog_merge_guard::{Deed, Key, Limits, LocalId, Op, Spelled};

use super::{
    Course, DELETE, ELEMENT, ELSEWHERE, END, INSERT, JSON, LIST, MAP, PREDECESSORS, PREDS, PUT,
    SAME_OBJECT, TEXT, TYPED, at_most, learn, place_of_key, weight_of,
};
use crate::dense::atoms::{As, Atoms, By, CHANGE_TIME, Place};
use crate::dense::streams::Reader;
use crate::dense::{Out, Spoilt, json};

/// A value while the change is put together: names wait until all are there.
struct Row {
    object: Option<LocalId>,
    key: RowKey,
    insert: bool,
    deed: Deed,
    preds: Vec<LocalId>,
}

enum RowKey {
    Map(Rc<str>),
    Head,
    Element(LocalId),
}

/// Puts a change together.
pub(in crate::dense) fn take(
    from: &mut Reader<'_>,
    atoms: &mut Atoms,
    out: &mut Out,
) -> Result<(), Spoilt> {
    let limits = Limits::default();
    let mut deps = Vec::new();
    for _ in 0..at_most(from.count()?, limits.max_deps)? {
        deps.push(ChangeHash(atoms.take_digest(from, By::Step)?));
    }
    let actor = ActorId::from(atoms.take_id(from, By::Distance)?);
    let seq = from.count()? as u64;
    let start_op = (from.count()? as u64).checked_add(seq).ok_or(Spoilt)?;
    let time_ms = atoms.take_time(from, CHANGE_TIME)?;
    let length = from.count()?;
    let message = from.raw(length)?.to_vec();
    let mut other_actors = Vec::new();
    for _ in 0..at_most(from.count()?, limits.max_actors)? {
        other_actors.push(ActorId::from(atoms.take_id(from, By::Distance)?));
    }
    let most = usize::try_from(limits.max_ops).unwrap_or(usize::MAX);
    let rows = take_rows(from, atoms, start_op, most)?;
    let change = Spelled {
        hash: ChangeHash([0; 32]),
        deps,
        actor,
        seq,
        start_op,
        time_ms,
        message: &message,
        other_actors,
        ops: rows.iter().map(Row::op).collect(),
    };
    let (hash, bytes) = change.to_bytes();
    atoms.learn_digest(hash.0);
    out.push(&bytes)
}

impl RowKey {
    fn key(&self) -> Key<'_> {
        match self {
            Self::Map(name) => Key::Map(name),
            Self::Head => Key::Head,
            Self::Element(element) => Key::Element(*element),
        }
    }
}

impl Row {
    fn op(&self) -> Op<'_> {
        Op {
            object: self.object,
            key: self.key.key(),
            insert: self.insert,
            deed: self.deed.clone(),
            preds: self.preds.clone(),
        }
    }
}

fn take_rows(
    from: &mut Reader<'_>,
    atoms: &mut Atoms,
    start_op: u64,
    most: usize,
) -> Result<Vec<Row>, Spoilt> {
    let mut course = Course {
        start_op,
        ..Course::default()
    };
    let mut rows = Vec::new();
    loop {
        let kind = from.kind()?;
        if kind == END {
            return Ok(rows);
        }
        if kind & SAME_OBJECT == 0 {
            course.object = match from.count()? {
                0 => None,
                _ => Some(take_local(from, atoms, &course, ELSEWHERE)?),
            };
        }
        let key = match kind & ELEMENT {
            0 => {
                let name = atoms.take_text(from, As::Name)?;
                course.bear(name.len())?;
                RowKey::Map(name)
            }
            _ if from.count()? == 0 => RowKey::Head,
            _ => RowKey::Element(take_element(from, &mut course)?),
        };
        if kind & 7 == TYPED {
            take_typed(from, atoms, &mut course, key, &mut rows)?;
        } else {
            let preds = take_preds(from, atoms, kind, &key)?;
            let deed = match kind & 7 {
                MAP => Deed::Make(ObjType::Map),
                LIST => Deed::Make(ObjType::List),
                TEXT => Deed::Make(ObjType::Text),
                DELETE => Deed::Delete,
                PUT => {
                    let value = take_value(from, atoms, &key)?;
                    course.bear(weight_of(&value))?;
                    Deed::Put(value)
                }
                _ => return Err(Spoilt),
            };
            rows.push(Row {
                object: course.object,
                key,
                insert: kind & INSERT != 0,
                deed,
                preds,
            });
            course.row += 1;
        }
        at_most(rows.len(), most)?;
    }
}

fn take_typed(
    from: &mut Reader<'_>,
    atoms: &mut Atoms,
    course: &mut Course,
    key: RowKey,
    rows: &mut Vec<Row>,
) -> Result<(), Spoilt> {
    let text = atoms.take_text(from, As::Value)?;
    course.bear(text.len())?;
    let mut key = key;
    for letter in text.chars() {
        rows.push(Row {
            object: course.object,
            key,
            insert: true,
            deed: Deed::Put(ScalarValue::Str(letter.to_string().into())),
            preds: Vec::new(),
        });
        key = RowKey::Element(course.own(course.row));
        course.element = course.own(course.row).counter;
        course.row += 1;
    }
    Ok(())
}

fn take_local(
    from: &mut Reader<'_>,
    atoms: &mut Atoms,
    course: &Course,
    place: Place,
) -> Result<LocalId, Spoilt> {
    Ok(match from.count()? {
        0 => course.own(from.count()? as u64),
        actor => LocalId {
            actor: actor - 1,
            counter: atoms.take_number(from, place)?.cast_unsigned(),
        },
    })
}

fn take_element(from: &mut Reader<'_>, course: &mut Course) -> Result<LocalId, Spoilt> {
    let actor = from.count()?;
    course.element = course.element.wrapping_add(from.signed()?.cast_unsigned());
    Ok(LocalId {
        actor,
        counter: course.element,
    })
}

fn take_preds(
    from: &mut Reader<'_>,
    atoms: &mut Atoms,
    kind: u8,
    key: &RowKey,
) -> Result<Vec<LocalId>, Spoilt> {
    let mut preds = Vec::new();
    if kind & PREDS != 0 {
        for _ in 0..from.count()? {
            let actor = from.count()?;
            let counter = match key {
                RowKey::Element(element) => {
                    element.counter.wrapping_add(from.signed()?.cast_unsigned())
                }
                _ => atoms.take_number(from, PREDECESSORS)?.cast_unsigned(),
            };
            preds.push(LocalId { counter, actor });
        }
    }
    Ok(preds)
}

fn take_value(
    from: &mut Reader<'_>,
    atoms: &mut Atoms,
    key: &RowKey,
) -> Result<ScalarValue, Spoilt> {
    let place = place_of_key(&key.key());
    Ok(match from.kind()? {
        0 => ScalarValue::Null,
        1 => ScalarValue::Boolean(false),
        2 => ScalarValue::Boolean(true),
        3 => ScalarValue::Uint(atoms.take_number(from, place)?.cast_unsigned()),
        4 => ScalarValue::Int(atoms.take_number(from, place)?),
        5 => ScalarValue::F64(f64::from_le_bytes(from.array()?)),
        6 => ScalarValue::Str((&*atoms.take_text(from, As::Value)?).into()),
        7 => {
            let length = from.count()?;
            ScalarValue::Bytes(from.raw(length)?.to_vec())
        }
        9 => ScalarValue::Timestamp(atoms.take_number(from, place)?),
        JSON => {
            let mut text = Out::below(Limits::default().max_change_bytes);
            json::take(from, atoms, &mut text)?;
            learn(atoms, text.bytes());
            let text = std::str::from_utf8(text.bytes()).map_err(|_| Spoilt)?;
            ScalarValue::Str(text.into())
        }
        _ => return Err(Spoilt),
    })
}
