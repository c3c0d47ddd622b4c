use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, ObjType, ROOT, ReadDoc};
use proptest::prelude::*;

use super::*;
use crate::quiet_panics;

/// A record by two phones that edited it at once and then again: its changes, in the order in which
/// they were made. The last two are not merged into one.
fn record() -> Vec<Vec<u8>> {
    let mut changes = Vec::new();
    let mut first = AutoCommit::new().with_actor(ActorId::from([1; 16]));
    first.put(ROOT, "v", 1).unwrap();
    first.put_object(ROOT, "comments", ObjType::Map).unwrap();
    let text = first.put_object(ROOT, "text", ObjType::Text).unwrap();
    first.splice_text(&text, 0, 0, "井盖缺失").unwrap();
    changes.push(commit(&mut first));
    let mut second = first.fork().with_actor(ActorId::from([2; 16]));
    for round in 0..3 {
        for (place, phone) in [(0, &mut first), (4, &mut second)] {
            let said = format!("第{round}句，{place}");
            phone.put(ROOT, "title", said.as_str()).unwrap();
            phone.splice_text(&text, place, 1, &said).unwrap();
            changes.push(commit(phone));
        }
        if round < 2 {
            first.merge(&mut second).unwrap();
            second.merge(&mut first).unwrap();
        }
    }
    changes
}

fn commit(document: &mut AutoCommit) -> Vec<u8> {
    let options = CommitOptions::default().with_time(1_790_000_000_000);
    document.commit_with(options).unwrap();
    let change = document.get_last_local_change().unwrap();
    change.raw_bytes().to_vec()
}

fn history(changes: &[Vec<u8>]) -> History {
    History::load(changes.iter().map(Vec::as_slice)).unwrap()
}

fn chunk() -> Vec<u8> {
    history(&record()).to_snapshot().unwrap()
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort();
    items
}

/// Both ways to look at a chunk refuse it, and say why in the same word.
fn refused(chunk: &[u8]) -> &'static str {
    quiet_panics();
    let heads = snapshot_heads(chunk).unwrap_err();
    let loaded = History::load_snapshot(chunk, []).unwrap_err();
    assert_eq!(heads.code(), loaded.code());
    heads.code()
}

/// A body behind the right magic number, type, length and checksum.
fn sealed(body: &[u8]) -> Vec<u8> {
    let mut hashed = vec![DOCUMENT];
    let mut length = body.len();
    while length >= 0x80 {
        hashed.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    hashed.push(length as u8);
    hashed.extend_from_slice(body);
    let checksum = Sha256::digest(&hashed);
    [&MAGIC[..], &checksum[..4], &hashed].concat()
}

#[test]
fn the_heads_of_a_chunk_are_those_of_its_record() {
    let changes = record();
    for count in [1, 2, 3, changes.len()] {
        let history = history(&changes[..count]);
        let heads = snapshot_heads(&history.to_snapshot().unwrap()).unwrap();
        assert_eq!(sorted(heads), sorted(history.heads()));
    }
    assert_eq!(history(&changes).heads().len(), 2, "two heads at once");
}

#[test]
fn changes_come_out_as_they_went_in() {
    let changes = record();
    let whole = history(&changes);
    let chunk = whole.to_snapshot().unwrap();
    let loaded = History::load_snapshot(&chunk, []).unwrap();
    let out = loaded.changes().unwrap();
    assert_eq!(sorted(out), sorted(changes.clone()));
    assert_eq!(loaded.len(), changes.len());
    assert_eq!(sorted(loaded.heads()), sorted(whole.heads()));
    assert_eq!(
        loaded.document().text(text(&loaded)),
        whole.document().text(text(&whole))
    );
    assert_eq!(loaded.to_snapshot().unwrap(), chunk);
}

fn text(history: &History) -> automerge::ObjId {
    let found = history.document().get(ROOT, "text").unwrap();
    found.unwrap().1
}

#[test]
fn later_changes_go_on_top_of_a_chunk_and_those_in_it_count_once() {
    let changes = record();
    let chunk = history(&changes[..3]).to_snapshot().unwrap();
    let all = changes.iter().map(Vec::as_slice);
    for later in [all.clone().skip(3).collect(), all.collect::<Vec<&[u8]>>()] {
        let loaded = History::load_snapshot(&chunk, later).unwrap();
        assert_eq!(loaded.len(), changes.len());
        assert_eq!(sorted(loaded.heads()), sorted(history(&changes).heads()));
    }
    let lacking = changes.iter().skip(5).map(Vec::as_slice);
    let refusal = History::load_snapshot(&chunk, lacking).unwrap_err();
    assert_eq!(refusal.code(), "missing_dependency");
}

#[test]
fn compressed_columns_are_refused() {
    let mut document = AutoCommit::new();
    let text = document.put_object(ROOT, "text", ObjType::Text).unwrap();
    document
        .splice_text(&text, 0, 0, &"长".repeat(2_000))
        .unwrap();
    let plain = document.save_nocompress();
    let compressed = document.save();
    assert!(compressed.len() < plain.len());
    assert_eq!(snapshot_heads(&plain).unwrap(), document.get_heads());
    assert_eq!(refused(&compressed), "compressed_change");
}

#[test]
fn a_change_is_no_snapshot() {
    assert_eq!(refused(&record()[0]), "malformed");
}

#[test]
fn a_chunk_is_refused_with_any_byte_changed() {
    let chunk = chunk();
    for place in 0..chunk.len() {
        let mut spoilt = chunk.clone();
        spoilt[place] ^= 0x10;
        let expected = match place {
            0..4 => "bad_magic",
            _ => "bad_checksum",
        };
        assert_eq!(refused(&spoilt), expected, "byte {place}");
    }
}

#[test]
fn a_chunk_is_refused_with_any_byte_missing_or_added() {
    let chunk = chunk();
    for length in 0..chunk.len() {
        refused(&chunk[..length]);
    }
    refused(&[&chunk[..], &[0]].concat());
    refused(&[&chunk[..], &chunk[..]].concat());
}

#[test]
fn a_body_that_is_cut_is_refused_under_the_right_checksum_too() {
    let chunk = chunk();
    let body = open(&chunk).unwrap();
    assert_eq!(sealed(body), chunk);
    quiet_panics();
    // The places of the heads stand at the end, and Automerge can do without them.
    let places = 2;
    for length in 0..body.len() - places {
        let cut = sealed(&body[..length]);
        assert!(History::load_snapshot(&cut, []).is_err(), "{length}");
    }
    let without_places = sealed(&body[..body.len() - places]);
    let loaded = History::load_snapshot(&without_places, []).unwrap();
    assert_eq!(sorted(loaded.changes().unwrap()), sorted(record()));
}

#[test]
fn a_chunk_larger_than_any_record_is_refused_unread() {
    assert_eq!(refused(&vec![0; MAX_CHUNK_BYTES + 1]), "too_large");
}

#[test]
fn what_a_body_declares_is_bounded_by_what_it_holds() {
    let huge = [0xff, 0xff, 0xff, 0xff, 0x0f];
    // So many actors, heads, columns; an actor or a column so long.
    let no_actor_and = |rest: &[u8]| sealed(&[&[0], rest].concat());
    let bodies = [
        sealed(&huge),
        sealed(&[&[1][..], &huge].concat()),
        no_actor_and(&huge),
        no_actor_and(&[&[0][..], &huge].concat()),
        no_actor_and(&[&[0, 0][..], &huge].concat()),
        no_actor_and(&[&[0, 1, 0x42][..], &huge, &[0]].concat()),
    ];
    quiet_panics();
    for body in bodies {
        assert!(History::load_snapshot(&body, []).is_err());
    }
}

#[test]
fn a_few_bytes_cannot_promise_more_rows_than_a_record_may_have() {
    // No actor and no head; a column of each kind, which says so many times: the same.
    let many = [0x80, 0x80, 0x80, 0x80, 0x01];
    for (specification, value) in [
        (0x01, &[0][..]),
        (0x03, &[1]),
        (0x15, &[1, b'k']),
        (0x34, &[]),
    ] {
        let column = [&many[..], value].concat();
        for body in [
            [
                &[0, 0, 1, specification, column.len() as u8, 0][..],
                &column,
            ]
            .concat(),
            [
                &[0, 0, 0, 1, specification, column.len() as u8][..],
                &column,
            ]
            .concat(),
        ] {
            assert_eq!(
                refused(&sealed(&body)),
                "too_many_ops",
                "{specification:#x}"
            );
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        refused(&bytes);
    }

    #[test]
    fn a_random_body_under_the_right_checksum_never_panics(
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        quiet_panics();
        if let Ok(loaded) = History::load_snapshot(&sealed(&body), []) {
            // Only the empty record takes so little.
            prop_assert!(loaded.is_empty());
        }
    }

    #[test]
    fn what_is_taken_is_what_the_chunk_says(
        alterations in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..4),
    ) {
        quiet_panics();
        let chunk = chunk();
        let mut body = open(&chunk).unwrap().to_vec();
        for (place, with) in alterations {
            let place = usize::from(place) % body.len();
            body[place] = with;
        }
        let altered = sealed(&body);
        if let Ok(loaded) = History::load_snapshot(&altered, []) {
            prop_assert_eq!(sorted(loaded.heads()), sorted(snapshot_heads(&altered).unwrap()));
        }
    }
}
