//! The one canonical encoding of a change.
//!
//! When Automerge loads a document it encodes every change anew and compares hashes. A change
//! whose bytes differ from that encoding (an unused actor, a run split in two) poisons the saved
//! document. So [`admit`](crate::admit) encodes what it decoded and requires the same bytes. It
//! also means that Automerge, with its more lenient reader, can only see what was checked here.

use automerge::{ActorId, ChangeHash, ObjType, ScalarValue};

use crate::columns::spec;
use crate::header::Header;
use crate::ops::{Deed, Key, LocalId, Op};

/// An operation that can be written in the numbers of the format.
pub(crate) trait Line {
    fn object(&self) -> Option<LocalId>;
    fn key(&self) -> &Key<'_>;
    fn insert(&self) -> bool;
    fn action(&self) -> u64;
    fn value(&self) -> &ScalarValue;
    fn preds(&self) -> &[LocalId];
}

impl Line for Op<'_> {
    fn object(&self) -> Option<LocalId> {
        self.object
    }

    fn key(&self) -> &Key<'_> {
        &self.key
    }

    fn insert(&self) -> bool {
        self.insert
    }

    fn action(&self) -> u64 {
        match &self.deed {
            Deed::Make(ObjType::Map) => 0,
            Deed::Put(_) => 1,
            Deed::Make(ObjType::List) => 2,
            Deed::Delete => 3,
            Deed::Make(ObjType::Text) => 4,
            Deed::Make(ObjType::Table) => 6,
        }
    }

    fn value(&self) -> &ScalarValue {
        match &self.deed {
            Deed::Put(value) => value,
            Deed::Make(_) | Deed::Delete => &ScalarValue::Null,
        }
    }

    fn preds(&self) -> &[LocalId] {
        &self.preds
    }
}

/// The fields of a change before its columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Preamble<'a> {
    pub(crate) deps: &'a [ChangeHash],
    pub(crate) actor: &'a ActorId,
    pub(crate) seq: u64,
    pub(crate) start_op: u64,
    pub(crate) time_ms: i64,
    pub(crate) message: &'a [u8],
    pub(crate) other_actors: &'a [ActorId],
}

impl<'a> Preamble<'a> {
    pub(crate) fn of(header: &'a Header, message: &'a [u8]) -> Self {
        Self {
            deps: &header.deps,
            actor: &header.actor,
            seq: header.seq,
            start_op: header.start_op,
            time_ms: header.time_ms,
            message,
            other_actors: &header.other_actors,
        }
    }
}

/// A column's specification and bytes.
pub(crate) type Column = (u64, Vec<u8>);

/// The contents of a change chunk.
pub(crate) fn body(preamble: Preamble<'_>, rows: &[impl Line]) -> Vec<u8> {
    assemble(preamble, &columns(rows))
}

/// The contents of a change chunk with the given columns.
pub(crate) fn assemble(preamble: Preamble<'_>, columns: &[Column]) -> Vec<u8> {
    let mut out = Vec::new();
    put_unsigned(&mut out, preamble.deps.len() as u64);
    for dep in preamble.deps {
        out.extend_from_slice(&dep.0);
    }
    put_bytes(&mut out, preamble.actor.to_bytes());
    put_unsigned(&mut out, preamble.seq);
    put_unsigned(&mut out, preamble.start_op);
    put_signed(&mut out, preamble.time_ms);
    put_bytes(&mut out, preamble.message);
    put_unsigned(&mut out, preamble.other_actors.len() as u64);
    for actor in preamble.other_actors {
        put_bytes(&mut out, actor.to_bytes());
    }
    put_unsigned(&mut out, columns.len() as u64);
    for (spec, data) in columns {
        put_unsigned(&mut out, *spec);
        put_unsigned(&mut out, data.len() as u64);
    }
    for (_, data) in columns {
        out.extend_from_slice(data);
    }
    out
}

/// The columns of `rows`, without those that are empty.
pub(crate) fn columns(rows: &[impl Line]) -> Vec<Column> {
    let preds = || rows.iter().flat_map(Line::preds);
    let mut metas = Vec::with_capacity(rows.len());
    let mut raw = Vec::new();
    for row in rows {
        metas.push(put_value(&mut raw, row.value()));
    }
    let all = [
        (
            spec::OBJ_ACTOR,
            run_lengths(
                rows.iter()
                    .map(|row| row.object().map(|id| id.actor as u64)),
            ),
        ),
        (
            spec::OBJ_COUNTER,
            run_lengths(rows.iter().map(|row| row.object().map(|id| id.counter))),
        ),
        (
            spec::KEY_ACTOR,
            run_lengths(rows.iter().map(|row| key_actor(row.key()))),
        ),
        (
            spec::KEY_COUNTER,
            deltas(rows.iter().map(|row| key_counter(row.key()))),
        ),
        (
            spec::KEY_STRING,
            run_lengths(rows.iter().map(|row| key_string(row.key()))),
        ),
        (spec::INSERT, booleans(rows.iter().map(Line::insert))),
        (
            spec::ACTION,
            run_lengths(rows.iter().map(|row| Some(row.action()))),
        ),
        (spec::VALUE_META, run_lengths(metas.into_iter().map(Some))),
        (spec::VALUE_RAW, raw),
        (
            spec::PRED_COUNT,
            run_lengths(rows.iter().map(|row| Some(row.preds().len() as u64))),
        ),
        (
            spec::PRED_ACTOR,
            run_lengths(preds().map(|id| Some(id.actor as u64))),
        ),
        (
            spec::PRED_COUNTER,
            deltas(preds().map(|id| Some(id.counter as i64))),
        ),
    ];
    all.into_iter()
        .filter(|(_, data)| !data.is_empty())
        .collect()
}

fn key_actor(key: &Key<'_>) -> Option<u64> {
    match key {
        Key::Element(id) => Some(id.actor as u64),
        Key::Map(_) | Key::Head => None,
    }
}

fn key_counter(key: &Key<'_>) -> Option<i64> {
    match key {
        Key::Map(_) => None,
        Key::Head => Some(0),
        Key::Element(id) => Some(id.counter as i64),
    }
}

fn key_string<'a>(key: &Key<'a>) -> Option<&'a str> {
    match key {
        Key::Map(key) => Some(key),
        Key::Head | Key::Element(_) => None,
    }
}

/// Appends a value's bytes; returns its type and length as the format has them.
fn put_value(raw: &mut Vec<u8>, value: &ScalarValue) -> u64 {
    let before = raw.len();
    let kind = match value {
        ScalarValue::Null => 0,
        ScalarValue::Boolean(false) => 1,
        ScalarValue::Boolean(true) => 2,
        ScalarValue::Uint(number) => {
            put_unsigned(raw, *number);
            3
        }
        ScalarValue::Int(number) => {
            put_signed(raw, *number);
            4
        }
        ScalarValue::F64(number) => {
            raw.extend_from_slice(&number.to_le_bytes());
            5
        }
        ScalarValue::Str(text) => {
            raw.extend_from_slice(text.as_bytes());
            6
        }
        ScalarValue::Bytes(bytes) => {
            raw.extend_from_slice(bytes);
            7
        }
        ScalarValue::Counter(counter) => {
            put_signed(raw, i64::from(counter));
            8
        }
        ScalarValue::Timestamp(number) => {
            put_signed(raw, *number);
            9
        }
        ScalarValue::Unknown { type_code, bytes } => {
            raw.extend_from_slice(bytes);
            u64::from(type_code & 0x0f)
        }
    };
    ((raw.len() - before) as u64) << 4 | kind
}

/// A value that a run-length encoded column can hold.
trait Put: PartialEq + Copy {
    fn put(self, out: &mut Vec<u8>);
}

impl Put for u64 {
    fn put(self, out: &mut Vec<u8>) {
        put_unsigned(out, self);
    }
}

impl Put for i64 {
    fn put(self, out: &mut Vec<u8>) {
        put_signed(out, self);
    }
}

impl Put for &str {
    fn put(self, out: &mut Vec<u8>) {
        put_bytes(out, self.as_bytes());
    }
}

/// Run-length encodes cells; a column of nulls only is empty.
fn run_lengths<T: Put>(cells: impl Iterator<Item = Option<T>>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut literals: Vec<T> = Vec::new();
    let mut run: Option<(Option<T>, u64)> = None;
    for cell in cells {
        match &mut run {
            Some((value, count)) if *value == cell => *count += 1,
            _ => {
                let ended = run.replace((cell, 1));
                put_run(&mut out, &mut literals, ended);
            }
        }
    }
    let only_nulls = out.is_empty() && literals.is_empty() && matches!(run, Some((None, _)));
    if !only_nulls {
        put_run(&mut out, &mut literals, run);
        put_literals(&mut out, &mut literals);
    }
    out
}

/// Appends a run; single values are gathered in `literals` until another kind of run comes.
fn put_run<T: Put>(out: &mut Vec<u8>, literals: &mut Vec<T>, run: Option<(Option<T>, u64)>) {
    match run {
        None => {}
        Some((Some(value), 1)) => literals.push(value),
        Some((Some(value), count)) => {
            put_literals(out, literals);
            put_signed(out, count as i64);
            value.put(out);
        }
        Some((None, count)) => {
            put_literals(out, literals);
            put_signed(out, 0);
            put_unsigned(out, count);
        }
    }
}

fn put_literals<T: Put>(out: &mut Vec<u8>, literals: &mut Vec<T>) {
    if literals.is_empty() {
        return;
    }
    put_signed(out, -(literals.len() as i64));
    for value in literals.drain(..) {
        value.put(out);
    }
}

/// Run-length encodes the differences between values.
fn deltas(cells: impl Iterator<Item = Option<i64>>) -> Vec<u8> {
    let mut previous = 0_i64;
    run_lengths(cells.map(|cell| {
        cell.map(|value| {
            let difference = value.wrapping_sub(previous);
            previous = value;
            difference
        })
    }))
}

/// Lengths of alternating runs, beginning with false.
fn booleans(cells: impl Iterator<Item = bool>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut current = false;
    let mut count = 0_u64;
    for cell in cells {
        if cell != current {
            put_unsigned(&mut out, count);
            current = cell;
            count = 0;
        }
        count += 1;
    }
    if count > 0 {
        put_unsigned(&mut out, count);
    }
    out
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_unsigned(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends an unsigned LEB128 number in its shortest form.
pub(crate) fn put_unsigned(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// Appends a signed LEB128 number in its shortest form.
pub(crate) fn put_signed(out: &mut Vec<u8>, mut value: i64) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        let sign = byte & 0x40 != 0;
        if (value == 0 && !sign) || (value == -1 && sign) {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}
