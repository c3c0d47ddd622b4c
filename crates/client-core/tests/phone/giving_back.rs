//! What a phone gives back, in portions, and what it cannot prove.

use gridlog_client_core::*;
use gridlog_domain::environment::{Entropy, SeededEntropy};
use gridlog_domain::id::RecordId;
use gridlog_protocol::limits::{MAX_RECORD_BYTES, MAX_RETURNS};
use gridlog_sync_server::outside::{Erasure, ErasureReason};
use gridlog_sync_server::store::Store;

use crate::clock::HOUR_MS;
use crate::colleague::*;
use crate::fixture::*;
use crate::town::*;

/// A phone that was told of one record by more pages than one request may give back.
fn told_in_many_pages(f: &Fixture) -> gridlog_domain::id::RecordId {
    let id = f.server.colleague_writes(new_case("说得很多的"), vec![]);
    for number in 0..=MAX_RETURNS {
        f.server
            .colleague_edits(id, &[comment(&format!("第{number}句"))]);
        f.sync();
    }
    id
}

#[test]
fn a_record_that_many_pages_told_of_is_given_back_in_portions() {
    let f = Fixture::synced();
    let backup = f.server.copy();
    let id = told_in_many_pages(&f);
    let before = picture(&f.server);
    f.server.restore(&backup);
    f.server.line().requests.clear();
    f.sync();
    let gave: Vec<usize> = (f.server.line().requests.iter())
        .map(|asked| asked.returns.len())
        .filter(|parts| *parts > 0)
        .collect();
    assert_eq!(gave, [MAX_RETURNS, 1]);
    assert_eq!(picture(&f.server), before);
    assert_eq!(f.detail(id).view.comments.len(), MAX_RETURNS + 1);
    f.assert_agrees();
}

#[test]
fn a_record_that_differs_and_that_many_pages_told_of_is_given_back_in_portions() {
    let f = Fixture::synced();
    let id = told_in_many_pages(&f);
    let sql = "UPDATE records SET print = zeroblob(16) WHERE id = ?1";
    raw(&path(&f.folder)).execute(sql, [id.as_bytes()]).unwrap();
    let before = f.server.entries().len();
    f.server.line().requests.clear();
    let report = f.verify();
    assert_eq!((report.differing, report.complete), (Some(1), true));
    {
        let line = f.server.line();
        let asked = |asks: fn(&gridlog_protocol::SyncRequest) -> bool| {
            line.requests.iter().rposition(asks).unwrap()
        };
        assert!(asked(|asked| !asked.wants.is_empty()) > asked(|asked| !asked.returns.is_empty()));
    }
    assert_eq!(
        f.server.entries().len(),
        before,
        "nothing of it is entered again"
    );
    f.assert_agrees();
    assert_eq!(f.verify().differing, Some(0));
}

#[test]
fn what_two_phones_know_in_parts_comes_back_whole_whoever_comes_first() {
    for order in [[0, 1], [1, 0]] {
        let early = Fixture::synced();
        let backup = early.server.copy();
        early.clock.advance(HOUR_MS);
        let id = early
            .server
            .colleague_writes(new_case("分开知道的"), vec![]);
        early.sync();
        for number in 0..3 {
            early
                .server
                .colleague_edits(id, &[comment(&format!("第{number}句"))]);
        }
        let walked = early.another("W003", 3);
        walked.sync();
        let before = picture(&early.server);
        early.server.restore(&backup);
        let phones = [&early, &walked];
        for place in order {
            phones[place].sync();
        }
        early.sync();
        assert_eq!(picture(&early.server), before, "{order:?}");
        assert_nothing_twice(&early.server);
        for phone in phones {
            phone.sync();
            phone.assert_agrees();
            assert_eq!(phone.verify().differing, Some(0));
        }
    }
}

#[test]
fn giving_back_goes_on_after_the_app_was_closed_in_the_middle() {
    let f = Fixture::synced();
    let backup = f.server.copy();
    told_in_many_pages(&f);
    let before = picture(&f.server);
    f.server.restore(&backup);
    f.sync_rounds(2);
    let Fixture {
        folder,
        clock,
        server,
        phone,
    } = f;
    drop(phone);
    let phone = Phone::open(options(&folder, &clock, 5)).unwrap();
    let f = Fixture {
        folder,
        clock,
        server,
        phone,
    };
    f.sync();
    assert_eq!(picture(&f.server), before);
    assert_nothing_twice(&f.server);
    f.assert_agrees();
}

#[test]
fn an_answer_lost_while_giving_back_costs_nothing_but_a_repetition() {
    let f = Fixture::synced();
    let backup = f.server.copy();
    told_in_many_pages(&f);
    let before = picture(&f.server);
    f.server.restore(&backup);
    let mut session = f.phone.begin_sync().unwrap();
    let mut lost = 0;
    while let Some(body) = session.next_request().unwrap() {
        let answer = f.carry(&session, &body);
        // Every first answer of two never comes.
        lost += 1;
        if lost % 2 == 0 {
            session.accept(answer).unwrap();
        }
    }
    drop(session);
    assert_eq!(picture(&f.server), before);
    assert_nothing_twice(&f.server);
    f.assert_agrees();
}

#[test]
fn own_words_come_back_even_without_proof_and_those_of_others_only_with_it() {
    let f = Fixture::synced();
    let backup = f.server.copy();
    f.clock.advance(HOUR_MS);
    let mine = f.phone.report(report("我的")).unwrap();
    let theirs = f.server.colleague_writes(new_case("同事的"), vec![]);
    f.sync();
    raw(&path(&f.folder))
        .execute_batch("DELETE FROM evidence")
        .unwrap();
    f.server.restore(&backup);
    f.sync();
    assert_eq!(f.detail(mine).row.standing, Standing::InLog);
    assert!(f.status().all_in_log(), "{:?}", f.status());
    assert!(f.server.view(theirs).is_none());
    // It is announced before it goes, like everything that leaves.
    assert_eq!(f.phone.leaving().unwrap()[0].id, theirs);
    f.sync();
    assert!(!f.has(theirs));
    f.assert_agrees();
}

#[test]
fn what_was_erased_stays_erased_whatever_comes_back() {
    let f = Fixture::synced();
    let other = f.another("W003", 3);
    other.sync();
    let id = f.phone.report(report("涂销的")).unwrap();
    f.sync();
    other.sync();
    let backup = f.server.copy();
    let erasure = Erasure {
        record: id,
        at_ms: f.server.now_ms(),
        reason: ErasureReason::PersonAsked,
        by: "W002".into(),
    };
    let erased = f.server.engine().sequencer.borrow_mut().erase(&erasure);
    erased.unwrap();
    f.sync();
    f.server.restore(&backup);
    for phone in [&other, &f, &other] {
        phone.sync();
    }
    for phone in [&f, &other] {
        phone.sync();
        assert!(!phone.has(id));
        assert_eq!(phone.stored("changes", id), 0);
        phone.assert_agrees();
    }
    assert!(f.server.view(id).is_none());
}

/// A case of a colleague, more than half as large as a record may be, in words that no compression makes
/// short.
fn very_large(f: &Fixture) -> RecordId {
    let mut entropy = SeededEntropy::new(5);
    let mut words = || {
        let mut bytes = [0; 10_000];
        entropy.fill(&mut bytes);
        let letters = bytes.chunks_exact(2).map(|pair| {
            let letter = u32::from(u16::from_be_bytes([pair[0], pair[1]])) % 20_000;
            char::from_u32(0x4E00 + letter).unwrap()
        });
        comment(&letters.collect::<String>())
    };
    let id = f.server.colleague_writes(new_case("很大的"), vec![]);
    loop {
        let spoken: Vec<_> = (0..16).map(|_| words()).collect();
        f.server.colleague_edits(id, &spoken);
        let sizes: Vec<usize> = (f.server.store().record_changes(id).unwrap().iter())
            .map(|change| change.bytes.len())
            .collect();
        if sizes.iter().sum::<usize>() > MAX_RECORD_BYTES / 2 {
            return id;
        }
    }
}

#[test]
fn a_very_large_record_comes_back_and_holds_up_nothing() {
    let f = Fixture::synced();
    let backup = f.server.copy();
    let id = very_large(&f);
    let walked = f.another("W003", 3);
    walked.sync();
    let before = picture(&f.server);
    drop(f);
    let f = walked;
    f.server.restore(&backup);
    let mine = f.phone.report(report("还没发出去的")).unwrap();
    let report = f.sync();
    let size = u64::try_from(MAX_RECORD_BYTES).unwrap() / 2;
    assert!(report.bytes_up < size && report.bytes_down < size, "once");
    assert!(report.rounds < 6, "{report:?}");
    assert_eq!(picture(&f.server).get(&id), before.get(&id));
    assert_eq!(f.detail(mine).row.standing, Standing::InLog);
    f.assert_agrees();
}
