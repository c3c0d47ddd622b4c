//! Walking through everything that an audience sees, in the order of ids.

use super::*;

pub(super) fn checks<S: Store>() -> Vec<Check<S>> {
    vec![
        a_walk_brings_every_record_whole_in_the_order_of_ids,
        a_walk_goes_on_from_any_page,
        what_the_device_has_by_other_audiences_is_only_named,
        a_walk_passes_by_what_left_the_phones,
        news_that_fill_a_page_do_not_end_a_walk,
    ]
}

fn walking(audiences: &[&str], after: Option<RecordId>, held: &[&str]) -> ExchangeQuery {
    ExchangeQuery {
        walk: Some(WalkQuery {
            after,
            held: texts(held),
        }),
        ..ask(audiences)
    }
}

fn a_walk_brings_every_record_whole_in_the_order_of_ids(store: &impl Store) {
    for n in [5, 2, 9, 3] {
        Entered::begun(n, if n == 9 { &["a:2"] } else { &["a:1", "a:2"] }).into_log(store);
    }
    let one = store.exchange(&walking(&["a:1"], None, &[])).unwrap();
    assert_eq!(told(&one), [record(2), record(3), record(5)]);
    assert!(one.records.iter().all(|told| told.whole));
    assert!(one.entries.is_empty() && one.walked.is_none());
    let both = ExchangeQuery {
        actors: vec![SOMEBODY],
        ..walking(&["a:1", "a:2"], None, &[])
    };
    let both = store.exchange(&both).unwrap();
    assert_eq!(told(&both), [record(2), record(3), record(5), record(9)]);
    let own = both.records.iter().all(|told| told.changes.len() == 1);
    assert!(own, "a new phone has nothing of what its person wrote");
}

/// Walks page by page, each page cut by `cut`; the records of each.
fn pages(store: &impl Store, cut: impl Fn(ExchangeQuery) -> ExchangeQuery) -> Vec<Vec<RecordId>> {
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let query = cut(walking(&["a:1", "a:2"], after, &[]));
        let slice = store.exchange(&query).unwrap();
        pages.push(told(&slice));
        match slice.walked {
            Some(walked) => {
                assert!(Some(walked) > after, "a page that leads nowhere");
                after = Some(walked);
            }
            None => return pages,
        }
    }
}

fn a_walk_goes_on_from_any_page(store: &impl Store) {
    for n in 1..=7 {
        let audiences: &[&str] = match n % 3 {
            0 => &["a:1"],
            1 => &["a:2"],
            _ => &["a:1", "a:2"],
        };
        Entered::begun(n, audiences).into_log(store);
    }
    let all: Vec<RecordId> = (1..=7).map(record).collect();
    for most in 1..=8 {
        let pages = pages(store, |query| ExchangeQuery {
            max_entries: most,
            ..query
        });
        assert_eq!(pages.concat(), all);
        assert!(pages.iter().all(|page| page.len() <= most));
    }
    let one_each = pages(store, |query| ExchangeQuery {
        target_bytes: 1,
        ..query
    });
    assert_eq!(one_each.concat(), all);
    assert!(one_each.iter().all(|page| page.len() <= 1));
}

fn what_the_device_has_by_other_audiences_is_only_named(store: &impl Store) {
    Entered::begun(1, &["a:1"]).into_log(store);
    Entered::begun(2, &["a:1", "d:城管"]).into_log(store);
    Entered::begun(3, &["d:城管"]).into_log(store);
    let slice = store
        .exchange(&walking(&["a:1", "d:城管"], None, &["a:1"]))
        .unwrap();
    assert_eq!(slice.held, [(record(1), 0b01), (record(2), 0b11)]);
    assert_eq!(told(&slice), [record(3)]);
    assert_eq!(slice.records[0].seen_by, 0b10);
}

fn a_walk_passes_by_what_left_the_phones(store: &impl Store) {
    for n in 1..=3 {
        Entered::begun(n, &["a:1"]).into_log(store);
    }
    Entered {
        archived: true,
        ..Entered::fact(1, &["a:1"], Fact::Archived)
    }
    .into_log(store);
    erase(store, 3, &["a:1"]);
    let slice = store.exchange(&walking(&["a:1"], None, &[])).unwrap();
    assert_eq!(told(&slice), [record(2)]);
    assert!(slice.gone.is_empty());
}

fn news_that_fill_a_page_do_not_end_a_walk(store: &impl Store) {
    for n in 1..=4 {
        Entered::begun(n, &["a:1"]).into_log(store);
    }
    let query = ExchangeQuery {
        after: Some(3),
        target_bytes: 1,
        ..walking(&["a:1"], None, &[])
    };
    let slice = store.exchange(&query).unwrap();
    assert_eq!(numbers(&slice), [4]);
    assert_eq!(slice.walked, Some(record(1)), "three more to come");
    assert_eq!(told(&slice), [record(4), record(1)]);
}
