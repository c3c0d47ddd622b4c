//! What one exchange tells a device of the log.

use gridlog_protocol::{Author, audience};

use super::*;

pub(super) fn checks<S: Store>() -> Vec<Check<S>> {
    vec![
        each_audience_is_told_its_own_entries_in_order,
        a_page_that_is_full_ends_and_the_next_goes_on_where_it_ended,
        a_page_does_not_end_between_a_change_and_what_was_ruled_on_it,
        a_record_that_is_new_to_an_audience_travels_whole,
        a_whole_record_brings_its_rulings_and_who_wrote_in_it,
        news_that_run_ahead_of_their_page_bring_the_entries_that_prove_them,
        what_the_device_wrote_itself_is_left_out,
        a_record_that_the_device_began_is_told_of_without_bytes,
        a_record_that_was_taken_away_is_gone_and_the_entry_says_why,
        what_is_filed_for_everybody_is_told_to_whoever_pulls,
        a_record_that_left_the_phones_comes_back_whole,
        a_record_that_one_audience_loses_stays_for_those_who_see_it_otherwise,
        what_is_wanted_comes_whole_or_is_gone,
        wanted_records_that_do_not_fit_come_with_the_next_page,
        items_are_answered_in_the_order_of_the_question,
        a_device_that_may_see_nothing_is_told_nothing,
    ]
}

fn each_audience_is_told_its_own_entries_in_order(store: &impl Store) {
    Entered::begun(1, &["a:1", "p:W001"]).into_log(store);
    Entered::begun(2, &["a:2"]).into_log(store);
    Entered::change(1, &["a:1", "p:W001"]).into_log(store);
    let told_to = |audiences: &[&str], after| {
        let slice = store.exchange(&pull(audiences, after)).unwrap();
        assert_eq!(slice.reached.0, 3);
        assert_eq!(slice.reached.1, store.head().unwrap().hash);
        assert!(!slice.more);
        numbers(&slice)
    };
    assert_eq!(told_to(&["a:1"], 0), [1, 3]);
    assert_eq!(told_to(&["a:2"], 0), [2]);
    assert_eq!(told_to(&["p:W001", "a:1", "a:2"], 1), [2, 3]);
    assert!(told_to(&["a:9"], 0).is_empty());
    assert!(store.is_visible(record(1), &texts(&["p:W001"])).unwrap());
    assert!(!store.is_visible(record(1), &texts(&["a:2"])).unwrap());
}

fn what_is_filed_for_everybody_is_told_to_whoever_pulls(store: &impl Store) {
    Entered::begun(1, &["a:1"]).into_log(store);
    Entered::begun(2, &["a:2"]).into_log(store);
    let erased = erase(store, 1, &["a:1", audience::EVERYBODY]);
    let told_to = |audience: &str| numbers(&store.exchange(&pull(&[audience], 0)).unwrap());
    assert_eq!(told_to("a:1"), [erased], "what led to it is gone");
    assert_eq!(told_to("a:2"), [2, erased]);
    assert_eq!(told_to("p:W009"), [erased]);
}

/// Pulls page by page; the numbers of the entries in each.
fn pages(store: &impl Store, query: &ExchangeQuery) -> Vec<Vec<u64>> {
    let mut pages = Vec::new();
    let mut after = 0;
    loop {
        let slice = store
            .exchange(&ExchangeQuery {
                after: Some(after),
                ..query.clone()
            })
            .unwrap();
        assert!(slice.reached.0 > after, "a page that leads nowhere");
        after = slice.reached.0;
        pages.push(numbers(&slice));
        if !slice.more {
            return pages;
        }
        let entry = store.entry(after).unwrap().unwrap();
        assert_eq!(slice.reached.1, entry_hash(&entry.canonical));
    }
}

fn a_page_that_is_full_ends_and_the_next_goes_on_where_it_ended(store: &impl Store) {
    for n in 1..=6 {
        Entered::begun(n, &["a:1"]).into_log(store);
    }
    let by_count = ExchangeQuery {
        max_entries: 2,
        ..ask(&["a:1"])
    };
    let by_bytes = ExchangeQuery {
        target_bytes: 300,
        ..ask(&["a:1"])
    };
    for small in [by_count, by_bytes] {
        let pages = pages(store, &small);
        assert!(pages.len() > 1);
        assert!(pages.iter().all(|page| page.len() <= 2));
        assert_eq!(pages.concat(), [1, 2, 3, 4, 5, 6]);
    }
}

fn a_page_does_not_end_between_a_change_and_what_was_ruled_on_it(store: &impl Store) {
    for n in 1..=4 {
        Entered::begun(n, &["a:1"]).into_log(store);
        Entered::fact(n, &["a:1"], ruling(n)).into_log(store);
    }
    let by_bytes = ExchangeQuery {
        target_bytes: 1,
        ..ask(&["a:1"])
    };
    let by_count = ExchangeQuery {
        max_entries: 8,
        ..ask(&["a:1"])
    };
    let pairs = [vec![1, 2], vec![3, 4], vec![5, 6], vec![7, 8]];
    assert_eq!(pages(store, &by_bytes), pairs);
    for n in 5..=8 {
        Entered::begun(n, &["a:1"]).into_log(store);
        Entered::fact(n, &["a:1"], ruling(n)).into_log(store);
    }
    for page in pages(store, &by_count) {
        assert_eq!(page.len() % 2, 0, "{page:?} ends before a ruling");
        assert!(page.len() <= 8);
    }
}

fn a_record_that_is_new_to_an_audience_travels_whole(store: &impl Store) {
    Entered::begun(1, &["a:1"]).into_log(store);
    let first = store.exchange(&pull(&["a:1"], 0)).unwrap();
    assert!(first.records[0].whole);
    Entered::change(1, &["a:1"]).into_log(store);
    let next = store.exchange(&pull(&["a:1"], 1)).unwrap();
    assert!(!next.records[0].whole);
    assert_eq!(next.records[0].changes.len(), 1);
    let visible = Entered {
        gains: &["d:城管"],
        ..Entered::fact(
            1,
            &["a:1", "d:城管"],
            Fact::Visible {
                audience: "d:城管".to_owned(),
            },
        )
    };
    visible.into_log(store);
    let department = store.exchange(&pull(&["d:城管"], 2)).unwrap();
    assert!(department.records[0].whole);
    assert_eq!(department.records[0].changes.len(), 2);
    assert_eq!(department.records[0].seen_by, 1);
    let both = store.exchange(&pull(&["a:1", "a:2", "d:城管"], 2)).unwrap();
    assert!(!both.records[0].whole, "it was there before");
    assert_eq!(both.records[0].seen_by, 0b101);
}

/// A page is full before the entries of a record that it tells of, and the server is put back before the
/// device asks for the next one.
fn news_that_run_ahead_of_their_page_bring_the_entries_that_prove_them(store: &impl Store) {
    Entered::begun(1, &["a:1"]).into_log(store);
    Entered::change(1, &["a:1"]).into_log(store);
    Entered::begun(2, &["a:1"]).into_log(store);
    Entered::change(1, &["a:1"]).into_log(store);
    Entered::fact(1, &["a:1"], ruling(1)).into_log(store);
    let one_entry = ExchangeQuery {
        max_entries: 1,
        ..pull(&["a:1"], 1)
    };
    let first = store.exchange(&one_entry).unwrap();
    assert_eq!((first.reached.0, first.records[0].changes.len()), (2, 2));
    let ahead: Vec<u64> = first.records[0].rulings.iter().map(|e| e.seq).collect();
    assert_eq!(ahead, [4, 5]);
    let all = store.exchange(&pull(&["a:1"], 1)).unwrap();
    assert!(all.records.iter().all(|told| told.rulings.is_empty()));
}

fn a_whole_record_brings_its_rulings_and_who_wrote_in_it(store: &impl Store) {
    Entered::begun(1, &["a:1"]).by([4; 16]).into_log(store);
    let mut ruled = Entered::fact(1, &["a:1"], ruling(1)).on(store.head().unwrap());
    ruled.rulings.push(NewRuling {
        record: record(1),
        proposal: [1; 16],
        seq: 2,
        refused: None,
    });
    store.commit(&ruled).unwrap();
    Entered::change(1, &["a:1"]).by([5; 16]).into_log(store);
    Entered::change(1, &["a:1"]).by([4; 16]).into_log(store);
    let slice = store.exchange(&pull(&["a:1"], 0)).unwrap();
    let whole = &slice.records[0];
    assert_eq!(whole.rulings.len(), 1);
    assert_eq!(whole.rulings[0], store.entry(2).unwrap().unwrap());
    let author = |n: u8| Author {
        actor: Key([n; 16]),
        person: format!("W{n}"),
    };
    assert_eq!(whole.authors, [author(4), author(5)]);
    assert_eq!((whole.row.as_of, whole.first_seq), (4, 1));
    let news = store.exchange(&pull(&["a:1"], 1)).unwrap();
    assert!(news.records[0].rulings.is_empty() && news.records[0].authors.is_empty());
}

fn what_the_device_wrote_itself_is_left_out(store: &impl Store) {
    Entered::begun(1, &["a:1"]).by([4; 16]).into_log(store);
    Entered::change(1, &["a:1"]).by([5; 16]).into_log(store);
    Entered::change(1, &["a:1"]).by([6; 16]).into_log(store);
    Entered::change(1, &["a:1"]).by([5; 16]).into_log(store);
    let mine = ExchangeQuery {
        actors: vec![[4; 16], [5; 16]],
        ..pull(&["a:1"], 1)
    };
    let slice = store.exchange(&mine).unwrap();
    assert_eq!(numbers(&slice), [2, 3, 4]);
    let news = &slice.records[0];
    assert_eq!(
        news.changes.iter().map(|c| c.seq).collect::<Vec<_>>(),
        [3],
        "only what somebody else wrote"
    );
    assert!(!news.own_news);
    let later = ExchangeQuery {
        after: Some(3),
        ..mine
    };
    let slice = store.exchange(&later).unwrap();
    assert!(slice.records[0].own_news && slice.records[0].changes.is_empty());
}

fn a_record_that_the_device_began_is_told_of_without_bytes(store: &impl Store) {
    Entered::begun(1, &["a:1"]).by([4; 16]).into_log(store);
    Entered::fact(1, &["a:1"], ruling(1)).into_log(store);
    let mine = ExchangeQuery {
        actors: vec![[4; 16]],
        ..pull(&["a:1"], 0)
    };
    let slice = store.exchange(&mine).unwrap();
    let told = &slice.records[0];
    assert_eq!(numbers(&slice), [1, 2]);
    assert!(!told.whole && told.own_news && told.changes.is_empty());
    // Once somebody else wrote in it before the device was told, it has to come whole.
    Entered::change(1, &["a:1"]).by([5; 16]).into_log(store);
    let slice = store.exchange(&mine).unwrap();
    assert!(slice.records[0].whole && !slice.records[0].own_news);
    assert_eq!(slice.records[0].changes.len(), 2);
}

fn a_record_that_was_taken_away_is_gone_and_the_entry_says_why(store: &impl Store) {
    let everybody = ["a:1", "d:城管"];
    for n in 1..=3 {
        Entered::begun(n, &everybody).into_log(store);
    }
    Entered::change(1, &everybody).into_log(store);
    let hidden = Fact::Hidden {
        audience: "d:城管".to_owned(),
    };
    Entered {
        loses: &["d:城管"],
        ..Entered::fact(1, &everybody, hidden)
    }
    .into_log(store);
    Entered {
        archived: true,
        ..Entered::fact(2, &everybody, Fact::Archived)
    }
    .into_log(store);
    erase(store, 3, &everybody);
    let department = store.exchange(&pull(&["d:城管"], 3)).unwrap();
    assert_eq!(department.gone, [record(1), record(2), record(3)]);
    assert_eq!(numbers(&department), [5, 6, 7], "and not the change before");
    assert!(department.records.is_empty());
    assert_eq!(department.reached.0, 7);
    let area = store.exchange(&pull(&["a:1"], 3)).unwrap();
    assert_eq!(area.gone, [record(2), record(3)]);
    assert_eq!(told(&area), [record(1)]);
}

fn a_record_that_left_the_phones_comes_back_whole(store: &impl Store) {
    Entered::begun(1, &["a:1"]).into_log(store);
    Entered {
        archived: true,
        ..Entered::fact(1, &["a:1"], Fact::Archived)
    }
    .into_log(store);
    assert!(store.is_visible(record(1), &texts(&["a:1"])).unwrap());
    assert_eq!(
        store.exchange(&pull(&["a:1"], 0)).unwrap().gone,
        [record(1)]
    );
    Entered::begun(1, &["a:1"]).into_log(store);
    let slice = store.exchange(&pull(&["a:1"], 2)).unwrap();
    assert!(slice.gone.is_empty() && slice.records[0].whole);
    assert_eq!(slice.records[0].changes.len(), 2);
}

fn a_record_that_one_audience_loses_stays_for_those_who_see_it_otherwise(store: &impl Store) {
    Entered::begun(1, &["a:1", "d:城管"]).into_log(store);
    let hidden = Fact::Hidden {
        audience: "d:城管".to_owned(),
    };
    Entered {
        loses: &["d:城管"],
        ..Entered::fact(1, &["a:1", "d:城管"], hidden)
    }
    .into_log(store);
    let slice = store.exchange(&pull(&["a:1", "d:城管"], 1)).unwrap();
    assert!(slice.gone.is_empty());
    assert_eq!(slice.records[0].seen_by, 1, "no longer by the department");
}

fn what_is_wanted_comes_whole_or_is_gone(store: &impl Store) {
    for n in 1..=2 {
        Entered::begun(n, &["a:1"]).into_log(store);
    }
    Entered::begun(3, &["a:2"]).into_log(store);
    Entered::change(1, &["a:1"]).into_log(store);
    let wants = ExchangeQuery {
        wants: vec![record(1), record(3), record(9)],
        actors: vec![SOMEBODY],
        ..pull(&["a:1"], 3)
    };
    let slice = store.exchange(&wants).unwrap();
    assert_eq!(told(&slice), [record(1)], "once, and not as news as well");
    assert!(slice.records[0].whole);
    assert_eq!(
        slice.records[0].changes.len(),
        2,
        "whoever wrote them: the device lacks some"
    );
    assert_eq!(slice.gone, [record(3), record(9)]);
    assert_eq!(numbers(&slice), [4]);
    assert!(!slice.more);
}

fn wanted_records_that_do_not_fit_come_with_the_next_page(store: &impl Store) {
    for n in 1..=3 {
        Entered::begun(n, &["a:1"]).into_log(store);
    }
    let mut wants = vec![record(1), record(2), record(3)];
    let mut seen = Vec::new();
    loop {
        let slice = store
            .exchange(&ExchangeQuery {
                wants: wants.clone(),
                target_bytes: 1,
                ..ask(&["a:1"])
            })
            .unwrap();
        assert!(!slice.records.is_empty(), "a page that leads nowhere");
        seen.extend(told(&slice));
        wants.retain(|want| !seen.contains(want));
        assert_eq!(slice.more, !wants.is_empty());
        if !slice.more {
            break;
        }
    }
    assert_eq!(seen, [record(1), record(2), record(3)]);
}

fn items_are_answered_in_the_order_of_the_question(store: &impl Store) {
    let items = [Digest([1; 32]), Digest([2; 32])];
    let pushed = NewItem {
        item: items[1],
        record: record(1),
        change: None,
        actor_seq: None,
        device: DeviceId::from_bytes(DEVICE),
        person: "W001".into(),
        received_ms: 5,
        offset_ms: None,
        bytes: vec![1],
        status: ItemStatus::Received,
    };
    store.add_to_inbox(&[pushed]).unwrap();
    let query = ExchangeQuery {
        items: items.to_vec(),
        ..ask(&[])
    };
    assert_eq!(
        store.exchange(&query).unwrap().statuses,
        [None, Some(ItemStatus::Received)]
    );
}

fn a_device_that_may_see_nothing_is_told_nothing(store: &impl Store) {
    Entered::begun(1, &["a:1"]).into_log(store);
    let nothing = ExchangeQuery {
        wants: vec![record(1)],
        walk: Some(WalkQuery::default()),
        ..pull(&[], 0)
    };
    let slice = store.exchange(&nothing).unwrap();
    assert!(slice.entries.is_empty() && slice.records.is_empty() && slice.held.is_empty());
    assert_eq!(slice.gone, [record(1)]);
    assert_eq!(slice.scope.0, [0; 16]);
}
