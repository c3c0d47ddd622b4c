//! One hostile change for each thing that can be wrong.

use super::seal::{seal, seal_as};
use automerge::{ActorId, Automerge, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value};

use super::{Forged, ForgedKey, ForgedOp, Ref};
use crate::columns::spec;
use crate::encode;

/// A hostile change and the code that refuses it.
#[derive(Debug, Clone)]
pub struct Hostile {
    /// What is wrong, in snake case.
    pub name: &'static str,
    /// The change.
    pub bytes: Vec<u8>,
    /// The code that `receive` or `admit` must give. `foreign_actor` comes from
    /// [`Header::check_actor`](crate::Header::check_actor).
    pub code: &'static str,
    /// Whether `receive` already refuses it.
    pub at_receive: bool,
}

/// Every hostile change of this module.
///
/// `document` is an honest record of at least one change; `actor` edits it; `honest` is the
/// actor's own last change in the record, and `victim` another actor that has written in it.
pub fn gallery(
    document: &Automerge,
    actor: &ActorId,
    honest: &[u8],
    victim: &ActorId,
) -> Vec<Hostile> {
    gallery_by(document, || actor.clone(), honest, victim)
}

/// The same, each change by the next of `actors`. A server looks at one change for each of an actor's
/// sequence numbers; changes that all have the same number hide each other from it.
pub fn gallery_by(
    document: &Automerge,
    mut actors: impl FnMut() -> ActorId,
    honest: &[u8],
    victim: &ActorId,
) -> Vec<Hostile> {
    let early = |name, bytes, code| Hostile {
        name,
        bytes,
        code,
        at_receive: true,
    };
    let late = |name, bytes, code| Hostile {
        name,
        bytes,
        code,
        at_receive: false,
    };
    vec![
        early("twenty_million_ops", twenty_million_ops(), "too_many_ops"),
        early("deflate_bomb", deflate_bomb(), "compressed_change"),
        early("wrong_checksum", wrong_checksum(honest), "bad_checksum"),
        early("trailing_bytes", trailing_bytes(honest), "trailing_bytes"),
        early(
            "huge_start_op",
            huge_start_op(document, &actors()),
            "start_op_too_large",
        ),
        early(
            "empty_change",
            empty_change(document, &actors()),
            "empty_change",
        ),
        early(
            "extreme_time",
            extreme_time(document, &actors()),
            "time_out_of_range",
        ),
        early(
            "key_amplifier",
            key_amplifier(document, &actors()),
            "bad_key",
        ),
        late(
            "forged_actor",
            forged_actor(document, victim),
            "foreign_actor",
        ),
        late("bogus_pred", bogus_pred(document, &actors()), "bad_pred"),
        late(
            "pred_at_another_key",
            pred_at_another_key(document, &actors()),
            "bad_pred",
        ),
        late(
            "delete_nothing",
            delete_nothing(document, &actors()),
            "bad_pred",
        ),
        late(
            "map_key_on_list",
            map_key_on_list(document, &actors()),
            "bad_key",
        ),
        late(
            "position_on_map",
            position_on_map(document, &actors()),
            "bad_key",
        ),
        late(
            "missing_element",
            missing_element(document, &actors()),
            "bad_key",
        ),
        late(
            "element_of_another_object",
            element_of_another_object(document, &actors()),
            "bad_key",
        ),
        late(
            "missing_object",
            missing_object(document, &actors()),
            "missing_object",
        ),
        late(
            "unknown_actor",
            unknown_actor(document, &actors()),
            "unknown_actor",
        ),
        late(
            "unused_actor",
            unused_actor(document, &actors(), victim),
            "not_canonical",
        ),
        late("split_run", split_run(document, &actors()), "not_canonical"),
        late(
            "low_start_op",
            low_start_op(document, &actors()),
            "start_op_wrong",
        ),
        late("reused_seq", reused_seq(honest), "actor_seq_reused"),
        late("seq_gap", seq_gap(document, &actors()), "seq_gap"),
        late(
            "own_previous_missing",
            own_previous_missing(document, honest),
            "own_previous_missing",
        ),
        late("second_genesis", second_genesis(), "second_genesis"),
        late("mark", mark(document, &actors()), "unsupported_op"),
        late(
            "deep_nesting",
            deep_nesting(document, &actors()),
            "too_deep",
        ),
    ]
}

/// A few dozen bytes that declare twenty million operations. Automerge takes seconds to read it.
pub fn twenty_million_ops() -> Vec<u8> {
    const OPS: i64 = 20_000_000;
    let run = |value: &[u8]| {
        let mut out = Vec::new();
        encode::put_signed(&mut out, OPS);
        out.extend_from_slice(value);
        out
    };
    let mut inserts = Vec::new();
    encode::put_unsigned(&mut inserts, OPS.unsigned_abs());
    let columns = vec![
        (spec::KEY_STRING, run(&[1, b'k'])),
        (spec::INSERT, inserts),
        (spec::ACTION, run(&[1])),
        (spec::VALUE_META, run(&[0])),
        (spec::PRED_COUNT, run(&[0])),
    ];
    seal(&genesis().body(|_| columns.clone()))
}

/// A compressed chunk of 190 KB that inflates to 30 MB of zeros.
pub fn deflate_bomb() -> Vec<u8> {
    const COMPRESSED: u8 = 2;
    let mut bits = Bits::default();
    bits.push(0b011, 3); // last block, fixed codes; least significant bit first
    bits.push_code(0b0011_0000, 8); // a zero byte
    for _ in 0..117_000 {
        bits.push_code(0b1100_0101, 8); // repeat 258 bytes
        bits.push_code(0, 5); // at distance 1
    }
    bits.push_code(0, 7); // end of block
    seal_as(COMPRESSED, &bits.bytes)
}

/// Bits in DEFLATE's order.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        for bit in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> bit & 1) as u8) << (self.used % 8);
            }
            self.used += 1;
        }
    }

    /// Huffman codes go in most significant bit first.
    fn push_code(&mut self, code: u32, count: u32) {
        for bit in (0..count).rev() {
            self.push(code >> bit & 1, 1);
        }
    }
}

/// An honest change with one bit of its checksum flipped. `Change::try_from` ignores it.
pub fn wrong_checksum(honest: &[u8]) -> Vec<u8> {
    let mut bytes = honest.to_vec();
    if let Some(byte) = bytes.get_mut(4) {
        *byte ^= 1;
    }
    bytes
}

/// An honest change and one byte more.
pub fn trailing_bytes(honest: &[u8]) -> Vec<u8> {
    let mut bytes = honest.to_vec();
    bytes.push(0);
    bytes
}

/// A change whose first counter is near `u32::MAX`. Later honest edits would panic.
pub fn huge_start_op(document: &Automerge, actor: &ActorId) -> Vec<u8> {
    let change = Forged::next(document, actor).with([ForgedOp::put("k", 1)]);
    Forged {
        start_op: u64::from(u32::MAX) - 3,
        ..change
    }
    .bytes()
}

/// A change whose first counter repeats one of its ancestors'.
pub fn low_start_op(document: &Automerge, actor: &ActorId) -> Vec<u8> {
    let change = Forged::next(document, actor).with([ForgedOp::put("k", 1)]);
    Forged {
        start_op: change.start_op - 1,
        ..change
    }
    .bytes()
}

/// A change without operations.
pub fn empty_change(document: &Automerge, actor: &ActorId) -> Vec<u8> {
    Forged::next(document, actor).bytes()
}

/// A change from before 1970, by as much as fits. Automerge panics on the difference of times.
pub fn extreme_time(document: &Automerge, actor: &ActorId) -> Vec<u8> {
    let change = Forged::next(document, actor).with([ForgedOp::put("k", 1)]);
    Forged {
        time_ms: i64::MIN,
        ..change
    }
    .bytes()
}

/// One key of 100 KB, written once and repeated for each of 10 000 operations.
pub fn key_amplifier(document: &Automerge, actor: &ActorId) -> Vec<u8> {
    let op = ForgedOp::put(&"k".repeat(100_000), 1);
    Forged::next(document, actor).with(vec![op; 10_000]).bytes()
}

/// A sound change in the name of another actor.
pub fn forged_actor(document: &Automerge, victim: &ActorId) -> Vec<u8> {
    Forged::next(document, victim)
        .with([ForgedOp::put("k", 1)])
        .bytes()
}

/// Overwrites an operation that does not exist. The saved document would not load.
pub fn bogus_pred(document: &Automerge, actor: &ActorId) -> Vec<u8> {
    let change = Forged::next(document, actor);
    let preds = vec![change.id(40)];
    change
        .with([ForgedOp {
            preds,
            ..ForgedOp::put("k", 1)
        }])
        .bytes()
}

/// Overwrites an operation that exists, at another key. Loading the saved document panics.
pub fn pred_at_another_key(document: &Automerge, actor: &ActorId) -> Vec<u8> {
    let change = Forged::next(document, actor);
    let preds = vec![change.id(0)];
    let second = ForgedOp {
        preds,
        ..ForgedOp::put("b", 1)
    };
    change.with([ForgedOp::put("a", 1), second]).bytes()
}

/// Deletes without naming what. The saved document would not load.
pub fn delete_nothing(document: &Automerge, actor: &ActorId) -> Vec<u8> {
    Forged::next(document, actor)
        .with([ForgedOp::make("k", 3)])
        .bytes()
}

/// Puts a map key in a list (a text, if the record has one). The saved document would not load.
pub fn map_key_on_list(document: &Automerge, actor: &ActorId) -> Vec<u8> {
    let change = Forged::next(document, actor);
    match sequence(document) {
        Some(list) => change.with([ForgedOp::put("k", 1).within(list)]),
        None => {
            let list = change.id(0);
            change.with([ForgedOp::make("l", 2), ForgedOp::put("k", 1).within(list)])
        }
    }
    .bytes()
}

/// Inserts at a position in the root map.
pub fn position_on_map(document: &Automerge, actor: &ActorId) -> Vec<u8> {
    let op = ForgedOp {
        key: ForgedKey::Head,
        insert: true,
        ..ForgedOp::put("", "x")
    };
    Forged::next(document, actor).with([op]).bytes()
}

/// Inserts after an element that does not exist. Automerge panics.
pub fn missing_element(document: &Automerge, actor: &ActorId) -> Vec<u8> {
    let change = Forged::next(document, actor);
    let (text, element) = (change.id(0), change.id(40));
    let op = insert_after(ForgedKey::Element(element), text);
    change.with([ForgedOp::make("t", 4), op]).bytes()
}

/// Inserts in one text after an element of another.
pub fn element_of_another_object(document: &Automerge, actor: &ActorId) -> Vec<u8> {
    let change = Forged::next(document, actor);
    let (first, second, element) = (change.id(0), change.id(1), change.id(2));
    let ops = [
        ForgedOp::make("t", 4),
        ForgedOp::make("u", 4),
        insert_after(ForgedKey::Head, first),
        insert_after(ForgedKey::Element(element), second),
    ];
    change.with(ops).bytes()
}

/// Writes in an object that does not exist. Automerge panics.
pub fn missing_object(document: &Automerge, actor: &ActorId) -> Vec<u8> {
    let change = Forged::next(document, actor);
    let object = change.id(40);
    change.with([ForgedOp::put("k", 1).within(object)]).bytes()
}

/// Writes in an object of an actor that nobody knows. Automerge panics.
pub fn unknown_actor(document: &Automerge, actor: &ActorId) -> Vec<u8> {
    let object = Ref {
        counter: 1,
        actor: ActorId::from([0xee; 16]),
    };
    Forged::next(document, actor)
        .with([ForgedOp::put("k", 1).within(object)])
        .bytes()
}

/// Lists an actor that no operation names. The saved document would not load.
pub fn unused_actor(document: &Automerge, actor: &ActorId, victim: &ActorId) -> Vec<u8> {
    let change = Forged::next(document, actor).with([ForgedOp::put("k", 1)]);
    Forged {
        idle_actors: vec![victim.clone()],
        ..change
    }
    .bytes()
}

/// Encodes a run of two operations as two runs of one. The saved document would not load.
pub fn split_run(document: &Automerge, actor: &ActorId) -> Vec<u8> {
    let change = Forged::next(document, actor).with([ForgedOp::put("a", 1), ForgedOp::put("b", 1)]);
    let body = change.body(|rows| {
        let mut columns = encode::columns(rows);
        for (spec, data) in &mut columns {
            if *spec == spec::ACTION {
                *data = vec![1, 1, 1, 1];
            }
        }
        columns
    });
    seal(&body)
}

/// Another change with the actor and sequence number of an honest one.
pub fn reused_seq(honest: &[u8]) -> Vec<u8> {
    match Forged::read(honest) {
        Ok(change) => Forged {
            time_ms: change.time_ms + 1,
            ..change
        }
        .bytes(),
        Err(_) => honest.to_vec(),
    }
}

/// A change that skips a sequence number of its actor. Automerge panics.
pub fn seq_gap(document: &Automerge, actor: &ActorId) -> Vec<u8> {
    let change = Forged::next(document, actor).with([ForgedOp::put("k", 1)]);
    Forged {
        seq: change.seq + 1,
        ..change
    }
    .bytes()
}

/// A change that depends on what the actor's last change `honest` built on, but not on that.
/// Loading the saved document panics.
pub fn own_previous_missing(document: &Automerge, honest: &[u8]) -> Vec<u8> {
    match Forged::read(honest) {
        Ok(last) => {
            let change = Forged::next(document, &last.actor).with([ForgedOp::put("k", 1)]);
            Forged {
                deps: last.deps,
                start_op: last.start_op,
                ..change
            }
            .bytes()
        }
        Err(_) => honest.to_vec(),
    }
}

/// A first change for a record that has one.
pub fn second_genesis() -> Vec<u8> {
    genesis().with([ForgedOp::put("kind", "case")]).bytes()
}

/// Formats text, which no record does.
pub fn mark(document: &Automerge, actor: &ActorId) -> Vec<u8> {
    Forged::next(document, actor)
        .with([ForgedOp::make("k", 7)])
        .bytes()
}

/// Maps in maps, thousands deep. `Automerge::hydrate` overflows its stack, which nothing catches.
pub fn deep_nesting(document: &Automerge, actor: &ActorId) -> Vec<u8> {
    let change = Forged::next(document, actor);
    let mut ops = vec![ForgedOp::make("d", 0)];
    for row in 0..15_000 {
        ops.push(ForgedOp::make("d", 0).within(change.id(row)));
    }
    change.with(ops).bytes()
}

fn genesis() -> Forged {
    Forged::next(&Automerge::new(), &ActorId::from([0xdd; 16]))
}

fn insert_after(key: ForgedKey, object: Ref) -> ForgedOp {
    ForgedOp {
        key,
        insert: true,
        value: ScalarValue::Str("x".into()),
        ..ForgedOp::put("", 0)
    }
    .within(object)
}

/// The first list or text under the root.
fn sequence(document: &Automerge) -> Option<Ref> {
    document
        .keys(ROOT)
        .find_map(|key| match document.get(ROOT, key) {
            Ok(Some((
                Value::Object(ObjType::List | ObjType::Text),
                ObjId::Id(counter, actor, _),
            ))) => Some(Ref { counter, actor }),
            _ => None,
        })
}
