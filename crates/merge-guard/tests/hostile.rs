//! Every hostile change is refused with its code, and the history stays usable.

#![allow(clippy::unwrap_used)]

mod fleet;

use fleet::{Fleet, actor, admitted, anything};
use gridlog_merge_guard::forge::{self, Forged, ForgedKey, ForgedOp};
use gridlog_merge_guard::{History, Limits, Outcome, Refusal, admit, admit_unrehearsed, receive};

/// A record that phones 0 and 1 have written in, and phone 1's last change.
fn record() -> (Fleet, History, Vec<u8>) {
    let steps = [
        (0, 1, 0, 1),
        (1, 0, 0, 0),
        (1, 5, 0, 1),
        (1, 1, 2, 2),
        (0, 0, 1, 0),
    ];
    let fleet = Fleet::run(2, &steps);
    let history = fleet::admit_all(&fleet.changes);
    let last = fleet.changes.last().unwrap().clone();
    (fleet, history, last)
}

fn code(history: &History, bytes: &[u8]) -> &'static str {
    let limits = Limits::default();
    let found = code_of(admit(history, bytes, &limits, anything));
    let unrehearsed = code_of(admit_unrehearsed(history, bytes, &limits, anything));
    assert_eq!(found, unrehearsed, "the rehearsal is not what refuses it");
    found
}

fn code_of(outcome: Result<Outcome, Refusal>) -> &'static str {
    match outcome {
        Err(refusal) => refusal.code(),
        Ok(Outcome::Admitted(_)) => "admitted",
        Ok(Outcome::AlreadyKnown) => "already_known",
        Ok(Outcome::Waiting { .. }) => "waiting",
    }
}

#[test]
fn every_hostile_change_is_refused_with_its_code_and_the_history_stays_usable() {
    gridlog_merge_guard::quiet_panics();
    let (mut fleet, history, honest) = record();
    let before = history.document().save();
    let merged = fleet.merged();
    for hostile in forge::gallery(&merged, &actor(1), &honest, &actor(0)) {
        let received = receive(&hostile.bytes, &Limits::default());
        let found = match received {
            Err(refusal) => {
                assert!(
                    hostile.at_receive,
                    "{} stops at receive: {refusal}",
                    hostile.name
                );
                refusal.code()
            }
            Ok(header) => {
                assert!(!hostile.at_receive, "{} passes receive", hostile.name);
                match header.check_actor(&[
                    actor(1),
                    Forged::read(&forge::second_genesis()).unwrap().actor,
                ]) {
                    Err(refusal) => refusal.code(),
                    Ok(()) => code(&history, &hostile.bytes),
                }
            }
        };
        assert_eq!(found, hostile.code, "{}", hostile.name);
        assert!(Refusal::ALL_CODES.contains(&found));
        assert_eq!(history.document().save(), before);
    }
    fleet.step((1, 1, 0, 4));
    admitted(&history, fleet.changes.last().unwrap());
}

#[test]
fn a_change_that_declares_twenty_million_ops_is_refused_before_automerge_sees_it() {
    let bytes = forge::twenty_million_ops();
    assert!(bytes.len() < 100);
    let refusal = receive(&bytes, &Limits::default()).unwrap_err();
    assert_eq!(
        refusal,
        Refusal::TooManyOps {
            limit: Limits::default().max_ops
        }
    );
}

#[test]
fn a_deflated_change_is_refused_whatever_it_holds() {
    let refusal = receive(&forge::deflate_bomb(), &Limits::default()).unwrap_err();
    assert_eq!(refusal, Refusal::CompressedChange);
}

#[test]
fn a_document_chunk_is_not_a_change() {
    let (_, history, _) = record();
    let refusal = receive(&history.document().save(), &Limits::default()).unwrap_err();
    assert_eq!(refusal, Refusal::NotAChange { chunk_type: 0 });
}

#[test]
fn other_bytes_are_no_automerge_data() {
    assert_eq!(receive(b"", &Limits::default()), Err(Refusal::BadMagic));
    assert_eq!(
        receive(b"{\"a\":1}", &Limits::default()),
        Err(Refusal::BadMagic)
    );
}

#[test]
fn every_cut_of_an_honest_change_is_refused() {
    let (_, _, honest) = record();
    for length in 0..honest.len() {
        assert!(
            receive(&honest[..length], &Limits::default()).is_err(),
            "{length}"
        );
    }
}

#[test]
fn each_cap_refuses_with_its_own_code() {
    let (fleet, _, _) = record();
    let change = Forged::next(&fleet.merged(), &actor(1)).with([ForgedOp::put("k", 1)]);
    let bytes = Forged {
        message: b"hello".to_vec(),
        ..change.clone()
    }
    .bytes();
    let limits = Limits::default();
    let found = |bytes: &[u8], limits: Limits| receive(bytes, &limits).unwrap_err().code();
    assert_eq!(
        found(
            &bytes,
            Limits {
                max_change_bytes: 40,
                ..limits.clone()
            }
        ),
        "too_large"
    );
    assert_eq!(
        found(
            &bytes,
            Limits {
                max_deps: 0,
                ..limits.clone()
            }
        ),
        "too_many_deps"
    );
    let quiet = Limits {
        max_message_bytes: 4,
        ..limits.clone()
    };
    assert_eq!(found(&bytes, quiet), "message_too_long");
    assert_eq!(
        found(
            &bytes,
            Limits {
                max_ops: 0,
                ..limits.clone()
            }
        ),
        "too_many_ops"
    );
    let idle = Forged {
        idle_actors: vec![actor(0)],
        ..change.clone()
    }
    .bytes();
    assert_eq!(
        found(
            &idle,
            Limits {
                max_actors: 0,
                ..limits.clone()
            }
        ),
        "too_many_actors"
    );
    let short = Forged {
        actor: automerge::ActorId::from([1; 15]),
        ..change
    }
    .bytes();
    assert_eq!(found(&short, limits), "bad_actor");
}

#[test]
fn preds_are_capped_over_the_whole_change() {
    let (fleet, _, _) = record();
    let change = Forged::next(&fleet.merged(), &actor(1));
    let preds = vec![change.id(0); 3_000];
    let op = ForgedOp {
        preds,
        ..ForgedOp::put("k", 1)
    };
    let refusal = receive(&change.with(vec![op; 20]).bytes(), &Limits::default()).unwrap_err();
    assert_eq!(
        refusal,
        Refusal::TooManyOps {
            limit: Limits::default().max_preds
        }
    );
}

#[test]
fn an_object_made_beside_the_change_is_not_there_for_its_author() {
    let mut fleet = Fleet::with_phones(2);
    fleet.step((0, 2, 0, 1));
    let history = fleet::admit_all(&fleet.changes);
    let made = Forged::read(&fleet.changes[1]).unwrap().id(0);
    let change = Forged::next(&fleet.phones[1], &actor(1));
    // Named as unknown actor if its maker is unknown at the dependencies, else as missing.
    let bytes = change.with([ForgedOp::put("x", 1).within(made)]).bytes();
    assert_eq!(code(&history, &bytes), "missing_object");
}

#[test]
fn a_value_overwritten_by_somebody_else_meanwhile_can_still_be_overwritten() {
    let mut fleet = Fleet::with_phones(3);
    fleet.step((0, 10, 0, 1));
    for phone in 1..3 {
        fleet.step((phone, 0, 0, 0));
        fleet.step((phone, 10, 0, 2));
    }
    let history = fleet::admit_all(&fleet.changes);
    assert_eq!(history.heads().len(), 2);
}

#[test]
fn the_same_pred_named_twice_is_refused() {
    let (fleet, history, _) = record();
    let change = Forged::next(&fleet.merged(), &actor(1));
    let preds = vec![change.id(0); 2];
    let second = ForgedOp {
        preds,
        ..ForgedOp::put("a", 2)
    };
    let bytes = change.with([ForgedOp::put("a", 1), second]).bytes();
    assert_eq!(code(&history, &bytes), "bad_pred");
}

#[test]
fn what_records_do_not_use_is_refused() {
    use automerge::ScalarValue;
    let (fleet, history, _) = record();
    let change = || Forged::next(&fleet.merged(), &actor(1));
    let values = [
        ScalarValue::counter(1),
        ScalarValue::F64(f64::NAN),
        ScalarValue::F64(f64::INFINITY),
        ScalarValue::Unknown {
            type_code: 12,
            bytes: vec![1],
        },
    ];
    for value in values {
        let bytes = change().with([ForgedOp::put("k", value.clone())]).bytes();
        assert_eq!(code(&history, &bytes), "unsupported_op", "{value:?}");
    }
    for action in [5, 6, 7, 8, u64::MAX] {
        let bytes = change().with([ForgedOp::make("k", action)]).bytes();
        assert_eq!(code(&history, &bytes), "unsupported_op", "action {action}");
    }
    let text = change().id(0);
    for value in [
        ScalarValue::Str("".into()),
        ScalarValue::Str("ab".into()),
        ScalarValue::Null,
    ] {
        let op = ForgedOp {
            key: ForgedKey::Head,
            insert: true,
            ..ForgedOp::put("", value)
        };
        let bytes = change()
            .with([ForgedOp::make("t", 4), op.within(text.clone())])
            .bytes();
        assert_eq!(code(&history, &bytes), "unsupported_op");
    }
}

#[test]
fn the_largest_change_allowed_is_admitted() {
    let (fleet, history, _) = record();
    let change = Forged::next(&fleet.merged(), &actor(1));
    let ops = (0..Limits::default().max_ops).map(|row| ForgedOp::put(&format!("k{row}"), 1));
    let ops: Vec<ForgedOp> = ops.collect();
    let bytes = change.clone().with(ops[..18_000].to_vec()).bytes();
    assert_eq!(code(&history, &bytes), "admitted");
}
