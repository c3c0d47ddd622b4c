//! What honest Automerge writes is admitted, in any causal order.

#![allow(clippy::unwrap_used)]

mod fleet;

use std::collections::VecDeque;

use automerge::ReadDoc;
use fleet::{Fleet, admitted, anything, steps};
use gridlog_domain::writes::{Action, Target};
use gridlog_merge_guard::forge::Forged;
use gridlog_merge_guard::{
    History, Limits, Outcome, PolicyRefusal, admit, admit_unrehearsed, receive,
};
use proptest::prelude::*;

proptest! {
    #![proptest_config(fleet::cases(96))]

    #[test]
    fn honest_concurrent_histories_are_admitted_in_any_causal_order(
        steps in steps(24),
        order in proptest::collection::vec(any::<u16>(), 64),
    ) {
        let fleet = Fleet::run(4, &steps);
        let mut shuffled: Vec<&Vec<u8>> = fleet.changes.iter().collect();
        shuffled.sort_by_key(|bytes| order[bytes[5] as usize % order.len()]);
        let mut waiting = VecDeque::from(shuffled);
        let mut history = History::empty();
        while let Some(bytes) = waiting.pop_front() {
            match admit(&history, bytes, &Limits::default(), anything) {
                Ok(Outcome::Admitted(admitted)) => history = admitted.history,
                Ok(Outcome::Waiting { missing }) => {
                    prop_assert!(missing.iter().all(|hash| !history.contains(hash)));
                    waiting.push_back(bytes);
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
        let merged = fleet.merged();
        let mut heads = merged.get_heads();
        let mut found = history.heads();
        heads.sort_unstable();
        found.sort_unstable();
        prop_assert_eq!(heads, found);
        prop_assert_eq!(merged.hydrate(None), history.document().hydrate(None));
        prop_assert_eq!(history.len(), fleet.changes.len());
    }

    #[test]
    fn changes_that_share_one_rehearsal_make_the_same_record(steps in steps(16)) {
        let fleet = Fleet::run(3, &steps);
        let mut together = History::empty();
        for bytes in &fleet.changes {
            match admit_unrehearsed(&together, bytes, &Limits::default(), anything) {
                Ok(Outcome::Admitted(admitted)) => together = admitted.history,
                other => prop_assert!(false, "{other:?}"),
            }
        }
        prop_assert_eq!(together.rehearse(), Ok(()));
        let one_by_one = fleet::admit_all(&fleet.changes);
        prop_assert_eq!(together.heads(), one_by_one.heads());
        prop_assert_eq!(together.len(), one_by_one.len());
        prop_assert_eq!(
            together.document().hydrate(None),
            one_by_one.document().hydrate(None)
        );
    }

    #[test]
    fn a_loaded_history_equals_the_admitted_one(steps in steps(16), turn: u8) {
        let fleet = Fleet::run(3, &steps);
        let history = fleet::admit_all(&fleet.changes);
        let mut stored: Vec<&[u8]> = fleet.changes.iter().map(Vec::as_slice).collect();
        let middle = turn as usize % stored.len();
        stored.rotate_left(middle);
        stored.reverse();
        let loaded = History::load(stored).unwrap();
        prop_assert_eq!(loaded.document().hydrate(None), history.document().hydrate(None));
        let mut heads = (loaded.heads(), history.heads());
        heads.0.sort_unstable();
        heads.1.sort_unstable();
        prop_assert_eq!(heads.0, heads.1);
    }

    #[test]
    fn a_header_says_what_automerge_says(steps in steps(12)) {
        let fleet = Fleet::run(3, &steps);
        for bytes in &fleet.changes {
            let header = receive(bytes, &Limits::default()).unwrap();
            let change = automerge::Change::try_from(&bytes[..]).unwrap();
            prop_assert_eq!(header.hash, change.hash());
            prop_assert_eq!(&header.actor, change.actor_id());
            prop_assert_eq!(header.seq, change.seq());
            prop_assert_eq!(header.start_op, change.start_op().get());
            prop_assert_eq!(header.time_ms, change.timestamp());
            prop_assert_eq!(&header.deps[..], change.deps());
            prop_assert_eq!(&header.other_actors[..], change.other_actor_ids());
            prop_assert_eq!(header.op_count, change.len() as u64);
            prop_assert_eq!(header.max_op(), change.max_op());
            prop_assert_eq!(&Forged::read(bytes).unwrap().bytes(), bytes);
        }
    }
}

#[test]
fn sending_again_is_harmless() {
    let fleet = Fleet::with_phones(1);
    let history = fleet::admit_all(&fleet.changes);
    let again = admit(&history, &fleet.changes[0], &Limits::default(), anything);
    assert!(matches!(again, Ok(Outcome::AlreadyKnown)));
}

#[test]
fn the_policy_sees_paths_and_its_refusal_keeps_its_code() {
    let mut fleet = Fleet::with_phones(1);
    let history = fleet::admit_all(&fleet.changes);
    let bytes = fleet::commit(&mut fleet.phones[0], |tx| {
        use automerge::transaction::Transactable;
        let (_, comments) = tx.get(automerge::ROOT, "comments").unwrap().unwrap();
        let comment = tx
            .put_object(&comments, "c1", automerge::ObjType::Map)
            .unwrap();
        tx.put(&comment, "author", "p1").unwrap();
    })
    .unwrap();
    let refused = admit(&history, &bytes, &Limits::default(), |candidate| {
        assert!(!candidate.genesis);
        assert_eq!(candidate.before.get_heads(), history.heads());
        assert_eq!(candidate.after.get_heads(), [candidate.header.hash]);
        let write = &candidate.writes[1];
        assert_eq!(write.path, ["comments", "c1"]);
        assert_eq!(write.target, Target::Key("author".to_owned()));
        assert_eq!(write.action, Action::Put("p1".into()));
        Err(PolicyRefusal {
            code: "proposal_sealed",
            detail: "c1".to_owned(),
        })
    });
    assert_eq!(refused.unwrap_err().code(), "proposal_sealed");
    assert_eq!(admitted(&history, &bytes).writes.len(), 2);
}

#[test]
fn a_panicking_policy_refuses_and_leaves_the_history_usable() {
    gridlog_merge_guard::quiet_panics();
    let fleet = Fleet::with_phones(1);
    let refused = admit(
        &History::empty(),
        &fleet.changes[0],
        &Limits::default(),
        |_| panic!("a resident's name"),
    );
    assert_eq!(refused.unwrap_err().code(), "automerge_panicked");
}

#[test]
fn a_history_without_its_first_change_does_not_load() {
    let fleet = Fleet::run(2, &[(0, 1, 1, 1), (0, 1, 2, 2), (0, 1, 1, 3)]);
    let load = |changes: &[Vec<u8>]| History::load(changes.iter().map(Vec::as_slice));
    assert_eq!(
        load(&fleet.changes[1..]).unwrap_err().code(),
        "genesis_missing"
    );
    let holed = [fleet.changes[0].clone(), fleet.changes[2].clone()];
    assert_eq!(load(&holed).unwrap_err().code(), "missing_dependency");
    assert!(load(&[]).unwrap().is_empty());
}
