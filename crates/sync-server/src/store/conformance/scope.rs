//! Prints of what audiences see: kept up to date, whatever happens to records.

use gridlog_protocol::ScopePrint;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

const AUDIENCES: [&str; 4] = ["a:1", "a:2", "d:城管", "p:W001"];

/// Something that happens to a record.
#[derive(Debug, Clone)]
enum Event {
    Changes,
    Gains(usize),
    Loses(usize),
    Leaves,
    Returns,
    Erased,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(Event::Changes),
        3 => (0..AUDIENCES.len()).prop_map(Event::Gains),
        2 => (0..AUDIENCES.len()).prop_map(Event::Loses),
        1 => Just(Event::Leaves),
        1 => Just(Event::Returns),
        1 => Just(Event::Erased),
    ]
}

/// Batches of events, each with the record that it happens to.
fn batches() -> impl Strategy<Value = Vec<Vec<(u8, Event)>>> {
    let batch = prop::collection::vec((1..=4_u8, event()), 1..6);
    prop::collection::vec(batch, 1..12)
}

/// One batch of all that happens, as a sequencer would make it.
fn commit(store: &impl Store, events: &[(u8, Event)]) {
    let mut batch = Batch::on(store.head().unwrap());
    for (n, event) in events {
        let id = record(*n);
        if batch.erased.contains(&id) || store.is_erased(id).unwrap() {
            continue;
        }
        let next = Entered::change(*n, &[]).on(batch.head);
        batch.head = next.head;
        batch.entries.extend(next.entries);
        let stored = store.record(id).unwrap();
        let earlier = batch.records.iter().find(|row| row.id == id);
        let was_archived = earlier.or(stored.as_ref()).is_some_and(|row| row.archived);
        batch.records.retain(|row| row.id != id);
        if matches!(event, Event::Erased) {
            batch.gained.retain(|(gained, ..)| *gained != id);
            batch.erased.push(id);
            continue;
        }
        batch.records.push(RecordRow {
            archived: match event {
                Event::Leaves => true,
                Event::Returns => false,
                _ => was_archived,
            },
            ..row(*n, batch.head.seq)
        });
        match event {
            Event::Gains(audience) => {
                let audience = AUDIENCES[*audience].to_owned();
                batch.lost.retain(|lost| *lost != (id, audience.clone()));
                batch.gained.push((id, audience, batch.head.seq));
            }
            Event::Loses(audience) => {
                let audience = AUDIENCES[*audience].to_owned();
                let is_other = |(gained, whose, _): &(RecordId, String, u64)| {
                    (*gained, whose) != (id, &audience)
                };
                batch.gained.retain(is_other);
                batch.lost.push((id, audience));
            }
            _ => {}
        }
    }
    if !batch.is_empty() {
        store.commit(&batch).unwrap();
    }
}

/// The prints of what an audience sees, folded anew from the records themselves.
fn folded(store: &impl Store, audience: &str) -> ScopePrint {
    let mut fold = ScopePrint::EMPTY;
    for n in 1..=4 {
        let audiences = store.audiences_of(record(n)).unwrap();
        let row = store.record(record(n)).unwrap();
        if let Some(row) = row.filter(|row| !row.archived)
            && audiences.iter().any(|has| has == audience)
        {
            fold.add(row.print(), 1);
        }
    }
    fold
}

pub(crate) fn require_folds(store: &impl Store) -> Result<(), TestCaseError> {
    let mut all = ScopePrint::EMPTY;
    for audience in AUDIENCES {
        let scope = store.exchange(&ask(&[audience])).unwrap().scope;
        prop_assert_eq!(scope, folded(store, audience), "{}", audience);
        let mut printed = ScopePrint::EMPTY;
        for print in store.prints(&texts(&[audience])).unwrap() {
            printed.add(print.print, 1);
        }
        prop_assert_eq!(scope, printed, "{}", audience);
        all.add(Key(scope.0), 1);
    }
    let scope = store.exchange(&ask(&AUDIENCES)).unwrap().scope;
    prop_assert_eq!(scope, all);
    let prints = store.prints(&texts(&AUDIENCES)).unwrap();
    prop_assert!(prints.is_sorted_by(|one, next| one.id < next.id));
    for print in prints {
        let row = store.record(print.id).unwrap();
        prop_assert_eq!(row.map(|row| row.as_of), Some(print.as_of));
    }
    Ok(())
}

/// Scope prints equal the fold of what is there, after every batch.
pub(super) fn prints_follow_whatever_happens<S: Store, Guard>(make: &impl Fn() -> (S, Guard)) {
    let mut runner = TestRunner::new(Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&batches(), |batches| {
        let (store, _guard) = make();
        for events in &batches {
            commit(&store, events);
            require_folds(&store)?;
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
