//! Taking a change apart.

use automerge::{ActorId, ObjType, ScalarValue};
use gridlog_merge_guard::{Deed, Key, LocalId, Op, Spelled};

use super::{
    Course, DELETE, ELEMENT, ELSEWHERE, END, INSERT, JSON, LIST, MAP, PREDECESSORS, PREDS, PUT,
    SAME_OBJECT, TEXT, TYPED, learn, place_of_key,
};
use crate::dense::atoms::{As, Atoms, By, CHANGE_TIME, Place};
use crate::dense::json;
use crate::dense::streams::Writer;

/// Takes a change apart.
pub(in crate::dense) fn put(out: &mut Writer, atoms: &mut Atoms, change: &Spelled<'_>) {
    out.count(change.deps.len());
    for dep in &change.deps {
        atoms.put_digest(out, dep.0, By::Step);
    }
    atoms.put_id(out, id_of(&change.actor), By::Distance);
    out.count(change.seq as usize);
    out.count((change.start_op - change.seq) as usize);
    atoms.put_time(out, change.time_ms, CHANGE_TIME);
    out.count(change.message.len());
    out.raw(change.message);
    out.count(change.other_actors.len());
    for actor in &change.other_actors {
        atoms.put_id(out, id_of(actor), By::Distance);
    }
    let mut course = Course {
        start_op: change.start_op,
        ..Course::default()
    };
    let mut ops = &change.ops[..];
    while let Some((op, rest)) = ops.split_first() {
        let typed = typed(&course, ops);
        ops = rest;
        put_place(out, atoms, &mut course, op, typed.is_some());
        match typed {
            Some((text, length)) => {
                atoms.put_text(out, &text, As::Value);
                ops = &ops[length - 1..];
                course.row += length as u64;
                course.element = course.own(course.row - 1).counter;
            }
            None => {
                put_rest(out, atoms, op);
                course.row += 1;
            }
        }
    }
    out.kind(END);
    atoms.learn_digest(change.hash.0);
}

/// Whether letters are typed from here on: which, and how many.
fn typed(course: &Course, ops: &[Op<'_>]) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut length = 0;
    for op in ops {
        let letter = match &op.deed {
            Deed::Put(ScalarValue::Str(letter)) => letter,
            _ => break,
        };
        let follows = length == 0
            || (op.object == ops[0].object
                && op.key == Key::Element(course.own(course.row + length as u64 - 1)));
        let mut letters = letter.chars();
        let is_letter = letters.next().is_some() && letters.next().is_none();
        if !follows || !is_letter || !op.insert || !op.preds.is_empty() {
            break;
        }
        text.push_str(letter);
        length += 1;
    }
    (length > 0).then_some((text, length))
}

/// Kind, object and key.
fn put_place(out: &mut Writer, atoms: &mut Atoms, course: &mut Course, op: &Op<'_>, typed: bool) {
    let mut kind = match &op.deed {
        _ if typed => TYPED,
        Deed::Make(ObjType::Map | ObjType::Table) => MAP,
        Deed::Make(ObjType::List) => LIST,
        Deed::Make(ObjType::Text) => TEXT,
        Deed::Delete => DELETE,
        Deed::Put(_) => PUT,
    };
    let flags = [
        (op.object == course.object, SAME_OBJECT),
        (op.insert, INSERT),
        (!matches!(op.key, Key::Map(_)), ELEMENT),
        (!op.preds.is_empty(), PREDS),
    ];
    for (is_set, flag) in flags {
        kind |= if is_set { flag } else { 0 };
    }
    out.kind(kind);
    if op.object != course.object {
        match op.object {
            None => out.count(0),
            Some(object) => {
                out.count(1);
                put_local(out, atoms, course, object, ELSEWHERE);
            }
        }
        course.object = op.object;
    }
    match &op.key {
        Key::Map(key) => atoms.put_text(out, key, As::Name),
        Key::Head => out.count(0),
        Key::Element(element) => {
            out.count(1);
            put_element(out, course, *element);
        }
    }
}

/// An own operation by its number, another's by its counter.
fn put_local(out: &mut Writer, atoms: &mut Atoms, course: &Course, id: LocalId, place: Place) {
    match course.own_row(id) {
        Some(row) => {
            out.count(0);
            out.count(row as usize);
        }
        None => {
            out.count(1 + id.actor);
            atoms.put_number(out, id.counter.cast_signed(), place);
        }
    }
}

/// Elements mostly follow each other.
fn put_element(out: &mut Writer, course: &mut Course, id: LocalId) {
    out.count(id.actor);
    out.signed(id.counter.wrapping_sub(course.element).cast_signed());
    course.element = id.counter;
}

/// What is overwritten, and the value.
fn put_rest(out: &mut Writer, atoms: &mut Atoms, op: &Op<'_>) {
    if !op.preds.is_empty() {
        out.count(op.preds.len());
        for pred in &op.preds {
            out.count(pred.actor);
            match &op.key {
                Key::Element(element) => {
                    out.signed(pred.counter.wrapping_sub(element.counter).cast_signed());
                }
                _ => atoms.put_number(out, pred.counter.cast_signed(), PREDECESSORS),
            }
        }
    }
    if let Deed::Put(value) = &op.deed {
        put_value(out, atoms, value, place_of_key(&op.key));
    }
}

fn put_value(out: &mut Writer, atoms: &mut Atoms, value: &ScalarValue, place: Place) {
    match value {
        ScalarValue::Null => out.kind(0),
        ScalarValue::Boolean(false) => out.kind(1),
        ScalarValue::Boolean(true) => out.kind(2),
        ScalarValue::Uint(number) => {
            out.kind(3);
            atoms.put_number(out, number.cast_signed(), place);
        }
        ScalarValue::Int(number) => {
            out.kind(4);
            atoms.put_number(out, *number, place);
        }
        ScalarValue::F64(number) => {
            out.kind(5);
            out.raw(&number.to_le_bytes());
        }
        ScalarValue::Str(text) if text.starts_with('{') && json::fits(text.as_bytes()) => {
            out.kind(JSON);
            json::put(out, atoms, text.as_bytes());
            learn(atoms, text.as_bytes());
        }
        ScalarValue::Str(text) => {
            out.kind(6);
            atoms.put_text(out, text, As::Value);
        }
        ScalarValue::Timestamp(number) => {
            out.kind(9);
            atoms.put_number(out, *number, place);
        }
        // The gate knows no others.
        other => {
            let bytes = match other {
                ScalarValue::Bytes(bytes) => &bytes[..],
                _ => &[],
            };
            out.kind(7);
            out.count(bytes.len());
            out.raw(bytes);
        }
    }
}

fn id_of(actor: &ActorId) -> [u8; 16] {
    actor.to_bytes().try_into().unwrap_or_default()
}
