//! Altered changes whose checksum was set right again: whatever is admitted leaves a record that
//! saves, loads, takes honest edits, and is the same on a phone that applies in one go.

#![allow(clippy::unwrap_used)]

mod fleet;

use automerge::{Automerge, Change};
use fleet::{Fleet, actor, admitted, anything, steps};
use gridlog_merge_guard::forge::{self, Forged, ForgedKey, Ref};
use gridlog_merge_guard::{History, Limits, Outcome, admit, quiet_panics, receive};
use proptest::prelude::*;

/// Where to alter, how, and with what.
type Alteration = (u16, u8, u8);

fn alterations(most: usize) -> impl Strategy<Value = Vec<Alteration>> {
    proptest::collection::vec(any::<Alteration>(), 1..most)
}

fn alter_bytes(body: &mut Vec<u8>, (at, how, with): Alteration) {
    let at = at as usize % body.len().max(1);
    match how % 6 {
        0 if !body.is_empty() => body[at] = with,
        1 => body.insert(at, with),
        2 if !body.is_empty() => drop(body.remove(at)),
        3 if !body.is_empty() => body[at] ^= 1 << (with % 8),
        4 if !body.is_empty() => body[at] = body[at].wrapping_add(1),
        _ if !body.is_empty() => body[at] = body[at].wrapping_sub(1),
        _ => {}
    }
}

/// Any operation of the record or near it.
fn some_ref(change: &Forged, at: u16, with: u8) -> Ref {
    let counter = match with % 4 {
        0 => change.start_op + u64::from(at % 6),
        _ => u64::from(at) % (change.start_op + 2),
    };
    let actor = if with % 8 == 7 {
        actor(99)
    } else {
        actor(with % 3)
    };
    Ref { counter, actor }
}

fn alter_change(change: &mut Forged, (at, how, with): Alteration) {
    let some = some_ref(change, at, with);
    let row = at as usize % change.ops.len().max(1);
    let last = change.ops.len().saturating_sub(1);
    let Some(op) = change.ops.get_mut(row) else {
        return;
    };
    match how % 14 {
        0 => op.object = Some(some),
        1 => op.object = None,
        2 => op.key = ForgedKey::Map(format!("k{}", with % 6)),
        3 => op.key = ForgedKey::Element(some),
        4 => op.key = ForgedKey::Head,
        5 => op.insert = !op.insert,
        6 => op.action = u64::from(with % 8),
        7 => op.preds.push(some),
        8 => drop(op.preds.pop()),
        9 => op.value = ["", "x", "井盖"][with as usize % 3].into(),
        10 => op.value = automerge::ScalarValue::Null,
        11 => change.ops.swap(row, last),
        12 => {
            let again = op.clone();
            change.ops.insert(row, again);
        }
        _ => drop(change.ops.remove(row)),
    }
}

/// Judges `bytes` after `earlier`; whatever is admitted must leave a sound record.
fn judge(earlier: &[Vec<u8>], bytes: &[u8], choice: u8) -> bool {
    quiet_panics();
    let history = fleet::admit_all(earlier);
    let received = receive(bytes, &Limits::default());
    match admit(&history, bytes, &Limits::default(), anything) {
        Ok(Outcome::Admitted(admitted)) => {
            assert!(received.is_ok());
            let mut changes: Vec<Vec<u8>> = earlier.to_vec();
            changes.push(bytes.to_vec());
            require_sound(admitted.history, &changes, choice);
            true
        }
        Ok(_) => false,
        Err(refusal) => {
            assert!(
                !matches!(
                    refusal.code(),
                    "automerge_panicked" | "automerge_refused" | "does_not_reload"
                ),
                "only Automerge noticed: {refusal} in {bytes:02x?}"
            );
            false
        }
    }
}

fn require_sound(history: History, changes: &[Vec<u8>], choice: u8) {
    let document = history.document();
    let parsed: Vec<Change> = changes
        .iter()
        .map(|bytes| Change::try_from(&bytes[..]).unwrap())
        .collect();
    let mut at_once = Automerge::new();
    at_once.apply_changes(parsed.clone()).unwrap();
    let mut one_by_one = Automerge::new();
    for change in parsed.into_iter().rev() {
        one_by_one.apply_changes([change]).unwrap();
    }
    for other in [&at_once, &one_by_one] {
        assert_eq!(other.hydrate(None), document.hydrate(None));
    }
    let stored: Vec<&[u8]> = changes.iter().map(Vec::as_slice).collect();
    assert_eq!(History::load(stored).unwrap().heads(), document.get_heads());

    let mut fleet = Fleet {
        phones: vec![],
        changes: vec![],
    };
    for number in [0, 7] {
        fleet.phones.push(
            Automerge::load(&document.save())
                .unwrap()
                .with_actor(actor(number)),
        );
    }
    let mut history = history;
    for turn in 0..12_u8 {
        fleet.step((
            turn,
            turn.wrapping_mul(37).wrapping_add(choice),
            choice ^ turn,
            turn * 5,
        ));
    }
    for bytes in &fleet.changes {
        history = admitted(&history, bytes).history;
    }
    let loaded = Automerge::load(&history.document().save()).unwrap();
    assert_eq!(loaded.get_heads(), history.document().get_heads());
}

proptest! {
    #![proptest_config(fleet::cases(160))]

    #[test]
    fn altered_bytes_never_break_a_record(
        steps in steps(10),
        which: u8,
        alterations in alterations(4),
    ) {
        let fleet = Fleet::run(3, &steps);
        let which = which as usize % fleet.changes.len();
        let mut body = forge::contents(&fleet.changes[which]).unwrap().to_vec();
        for alteration in &alterations {
            alter_bytes(&mut body, *alteration);
        }
        judge(&fleet.changes[..which], &forge::seal(&body), alterations[0].2);
    }

    #[test]
    fn altered_operations_never_break_a_record(
        steps in steps(10),
        which: u8,
        alterations in alterations(4),
    ) {
        let fleet = Fleet::run(3, &steps);
        let which = which as usize % fleet.changes.len();
        let mut change = Forged::read(&fleet.changes[which]).unwrap();
        for alteration in &alterations {
            alter_change(&mut change, *alteration);
        }
        judge(&fleet.changes[..which], &change.bytes(), alterations[0].2);
    }

    #[test]
    fn other_dependencies_never_break_a_record(steps in steps(12), which: u8, keep: u8, start: u8) {
        let fleet = Fleet::run(3, &steps);
        let which = which as usize % fleet.changes.len();
        let mut change = Forged::read(&fleet.changes[which]).unwrap();
        let mut deps: Vec<_> = fleet.changes[..which]
            .iter()
            .map(|bytes| receive(bytes, &Limits::default()).unwrap())
            .filter(|header| keep >> (header.hash.0[0] % 8) & 1 == 1 || header.actor == change.actor)
            .map(|header| (header.hash, header.max_op()))
            .collect();
        deps.sort_unstable();
        change.start_op = deps.iter().map(|dep| dep.1).max().unwrap_or(0) + 1 + u64::from(start / 255);
        change.deps = deps.into_iter().map(|dep| dep.0).collect();
        judge(&fleet.changes[..which], &change.bytes(), keep);
    }

    #[test]
    fn any_bytes_are_received_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = receive(&bytes, &Limits::default());
        let _ = receive(&forge::seal(&bytes), &Limits::default());
    }
}
