//! Honest phones that edit one record at once, for the tests beside this folder.

#![allow(dead_code, unreachable_pub, missing_docs)]

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value};
use gridlog_merge_guard::{Admitted, Candidate, History, Limits, Outcome, PolicyRefusal, admit};
use proptest::prelude::*;

/// One thing that a phone does: which phone, what, and two choices.
pub type Step = (u8, u8, u8, u8);

pub fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(any::<Step>(), 1..most)
}

/// Phones that share a record; the changes are in the order in which they were made.
pub struct Fleet {
    pub phones: Vec<Automerge>,
    pub changes: Vec<Vec<u8>>,
}

pub fn actor(number: u8) -> ActorId {
    // Not in the order of the phones, so that the order of actors matters.
    ActorId::from([number.wrapping_mul(91).wrapping_add(7); 16])
}

impl Fleet {
    /// A record of two maps, a text and a list, known to every phone.
    pub fn with_phones(count: u8) -> Self {
        let mut first = Automerge::new().with_actor(actor(0));
        let genesis = commit(&mut first, |tx| {
            tx.put(ROOT, "v", 1).unwrap();
            tx.put(ROOT, "kind", "case").unwrap();
            tx.put_object(ROOT, "comments", ObjType::Map).unwrap();
            tx.put_object(ROOT, "proposals", ObjType::Map).unwrap();
            let text = tx.put_object(ROOT, "text", ObjType::Text).unwrap();
            tx.splice_text(&text, 0, 0, "井盖破损").unwrap();
            tx.put_object(ROOT, "list", ObjType::List).unwrap();
        });
        let changes: Vec<Vec<u8>> = genesis.into_iter().collect();
        let phones = (0..count)
            .map(|number| first.fork().with_actor(actor(number)))
            .collect();
        Self { phones, changes }
    }

    pub fn run(phones: u8, steps: &[Step]) -> Self {
        let mut fleet = Self::with_phones(phones);
        for step in steps {
            fleet.step(*step);
        }
        fleet
    }

    pub fn step(&mut self, (phone, what, a, b): Step) {
        let count = self.phones.len();
        let phone = phone as usize % count;
        if what % 4 == 0 {
            let mut other = self.phones[a as usize % count].clone();
            self.phones[phone].merge(&mut other).unwrap();
            return;
        }
        let change = commit(&mut self.phones[phone], |tx| {
            edit(tx, what, a, b);
            if b.is_multiple_of(3) {
                edit(tx, a, b, what);
                edit(tx, b, what, a);
            }
        });
        self.changes.extend(change);
    }

    /// Everybody's document.
    pub fn merged(&self) -> Automerge {
        let mut all = Automerge::new().with_actor(actor(200));
        for phone in &self.phones {
            all.merge(&mut phone.clone()).unwrap();
        }
        all
    }
}

/// Commits an edit; returns the change's bytes, if it made one.
pub fn commit(
    document: &mut Automerge,
    edit: impl FnOnce(&mut automerge::transaction::Transaction<'_>),
) -> Option<Vec<u8>> {
    let mut tx = document.transaction();
    edit(&mut tx);
    let options = CommitOptions::default().with_time(1_754_000_000_000);
    let (hash, _) = tx.commit_with(options);
    let hash = hash?;
    document
        .get_change_by_hash(&hash)
        .map(|change| change.raw_bytes().to_vec())
}

fn edit(tx: &mut automerge::transaction::Transaction<'_>, what: u8, a: u8, b: u8) {
    let map = object(tx, a, ObjType::Map);
    let key = format!("k{}", b % 5);
    match what % 11 {
        1 => tx.put(&map, key, scalar(a, b)).unwrap(),
        2 => drop(tx.put_object(&map, key, ObjType::Map).unwrap()),
        3 => {
            let text = tx.put_object(&map, key, ObjType::Text).unwrap();
            tx.splice_text(&text, 0, 0, "一条备注 ok").unwrap();
        }
        4 => tx.delete(&map, key).unwrap_or_default(),
        5 | 6 => {
            let text = object(tx, a, ObjType::Text);
            let length = tx.length(&text);
            if matches!(tx.object_type(&text), Ok(ObjType::Text)) {
                let at = a as usize % (length + 1);
                let delete = (b as usize % 4).min(length - at) as isize;
                tx.splice_text(&text, at, delete, ["路", "面破", "", "x y"][b as usize % 4])
                    .unwrap();
            }
        }
        7 | 8 => {
            let list = object(tx, a, ObjType::List);
            if matches!(tx.object_type(&list), Ok(ObjType::List)) {
                let length = tx.length(&list);
                let at = b as usize % (length + 1);
                match a % 4 {
                    0 if at < length => tx.put(&list, at, scalar(a, b)).unwrap(),
                    1 if at < length => tx.delete(&list, at).unwrap(),
                    2 => drop(tx.insert_object(&list, at, ObjType::Map).unwrap()),
                    _ => tx.insert(&list, at, scalar(a, b)).unwrap(),
                }
            }
        }
        9 => drop(tx.put_object(&map, key, ObjType::List).unwrap()),
        _ => tx
            .put(
                ROOT,
                ["title", "area", "kind"][a as usize % 3],
                scalar(a, b),
            )
            .unwrap(),
    }
}

fn scalar(a: u8, b: u8) -> ScalarValue {
    match a % 8 {
        0 => ScalarValue::Str(format!("值{b}").into()),
        1 => ScalarValue::Int(i64::from(b) - 100),
        2 => ScalarValue::Boolean(b.is_multiple_of(2)),
        3 => ScalarValue::Timestamp(1_754_000_000_000 + i64::from(b)),
        4 => ScalarValue::F64(f64::from(b) / 7.0),
        5 => ScalarValue::Bytes(vec![b; b as usize]),
        6 => ScalarValue::Uint(u64::MAX - u64::from(b)),
        _ => ScalarValue::Null,
    }
}

/// Some object of the type, chosen by `choice`, among those that are visible; else the root.
fn object(tx: &impl ReadDoc, choice: u8, wanted: ObjType) -> ObjId {
    let mut found = if wanted == ObjType::Map {
        vec![ROOT]
    } else {
        Vec::new()
    };
    let mut open = vec![(ROOT, 0)];
    while let Some((object, depth)) = open.pop() {
        let children: Vec<ObjId> = match tx.object_type(&object) {
            Ok(ObjType::Map) => tx
                .map_range(&object, ..)
                .filter_map(|item| match tx.get(&object, item.key.as_ref()) {
                    Ok(Some((Value::Object(_), id))) => Some(id),
                    _ => None,
                })
                .collect(),
            Ok(ObjType::List) => (0..tx.length(&object))
                .filter_map(|at| match tx.get(&object, at) {
                    Ok(Some((Value::Object(_), id))) => Some(id),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        for child in children {
            if tx.object_type(&child).ok() == Some(wanted) {
                found.push(child.clone());
            }
            if depth < 8 {
                open.push((child, depth + 1));
            }
        }
    }
    found
        .get(choice as usize % found.len().max(1))
        .cloned()
        .unwrap_or(ROOT)
}

pub fn anything(_: &Candidate<'_>) -> Result<(), PolicyRefusal> {
    Ok(())
}

/// Admits a change that must be admitted.
pub fn admitted(history: &History, bytes: &[u8]) -> Admitted {
    match admit(history, bytes, &Limits::default(), anything) {
        Ok(Outcome::Admitted(admitted)) => *admitted,
        other => panic!("not admitted: {other:?}"),
    }
}

/// Admits all changes, one after the other.
pub fn admit_all(changes: &[Vec<u8>]) -> History {
    changes.iter().fold(History::empty(), |history, bytes| {
        admitted(&history, bytes).history
    })
}

/// So many cases, unless the environment asks for another number (`PROPTEST_CASES`).
pub fn cases(count: u32) -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig {
            cases: count,
            ..ProptestConfig::default()
        },
    }
}
