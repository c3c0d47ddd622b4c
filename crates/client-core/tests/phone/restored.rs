//! A phone whose file was put back to an older copy.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gridlog_client_core::*;
use gridlog_domain::record::{StepDetails, Value};
use gridlog_domain::workflow::Step;

use crate::clock::HOUR_MS;
use crate::colleague::*;
use crate::fixture::*;
use crate::town::assert_nothing_twice;

#[test]
fn a_phone_put_back_to_an_old_copy_gets_back_what_it_had_sent_and_takes_a_new_actor() {
    let f = Fixture::synced();
    let known = f.phone.report(report("备份前")).unwrap();
    let theirs = f.server.colleague_writes(new_case("同事的"), vec![]);
    f.sync();
    let copy = f.keep_copy();
    f.phone.comment(known, "备份后的话").unwrap();
    f.phone.comment(theirs, "我也说一句").unwrap();
    let new = f.phone.report(report("备份后")).unwrap();
    let title = Value::Text("备份后改的".to_owned());
    f.phone.edit(new, &[("title", title)]).unwrap();
    f.sync();
    f.server.colleague_edits(theirs, &[titled("同事改的")]);
    let recorded = f.status().recorded;
    let admitted = f.server.admitted();

    let f = f.put_back(&copy, 7);
    assert!(!f.has(new));
    assert_eq!(f.detail(known).view.comments.len(), 0);
    f.phone.comment(known, "恢复后的话").unwrap();
    let report = f.sync();
    assert!(report.complete);
    assert_eq!((report.pushed, report.refused), (1, 0));
    assert_eq!(f.server.actors("W001").len(), 2);
    assert_eq!(f.detail(known).view.comments.len(), 2);
    assert_eq!(f.detail(new).row.headline, "备份后改的");
    assert_eq!(f.detail(theirs).view.comments.len(), 1);
    assert_eq!(f.server.admitted(), admitted + 1, "nothing twice");
    let status = f.status();
    assert_eq!(status.recorded, recorded + 1);
    assert!(status.all_in_log(), "{status:?}");
    f.assert_agrees();
    assert_eq!(f.verify().differing, Some(0));
}

#[test]
fn what_an_old_copy_still_held_as_unsent_counts_once() {
    let f = Fixture::synced();
    let id = f.phone.report(report("一")).unwrap();
    f.phone.comment(id, "二").unwrap();
    let copy = f.keep_copy();
    f.sync();
    let f = f.put_on_another_phone(&copy, 7);
    assert_eq!(f.status().on_this_phone, 2);
    let report = f.sync();
    assert_eq!((report.pushed, report.refused), (2, 0));
    assert_eq!(f.server.admitted(), 2);
    let status = f.status();
    assert_eq!((status.recorded, status.admitted), (2, 2));
    assert!(status.all_in_log());
    f.assert_agrees();
}

#[test]
fn a_phone_that_lost_more_than_a_page_holds_gets_all_of_it_back_in_one_sync() {
    let f = Fixture::synced();
    let copy = f.keep_copy();
    for number in 0..40 {
        let id = f.phone.report(report(&format!("案件{number}"))).unwrap();
        for _ in 0..4 {
            f.phone.comment(id, &"长".repeat(5_000)).unwrap();
        }
    }
    f.sync();
    assert!(f.status().all_in_log());
    let f = f.put_back(&copy, 7);
    let report = f.sync();
    assert!(report.complete && report.rounds > 4, "{report:?}");
    assert_eq!(f.rows().len(), 40);
    assert!(f.status().all_in_log(), "{:?}", f.status());
    f.assert_agrees();
}

#[test]
fn a_phone_put_back_again_and_again_keeps_its_rulings() {
    let f = Fixture::synced();
    let id = f.phone.report(report("一")).unwrap();
    f.sync();
    let copy = f.keep_copy();
    f.phone
        .propose(id, Step::Register, Default::default())
        .unwrap();
    f.sync();
    let mut f = f;
    for seed in [7, 8, 9] {
        f = f.put_back(&copy, seed);
        f.phone.comment(id, "又恢复了").unwrap();
        f.sync();
        assert!(f.status().all_in_log(), "{:?}", f.status());
        f.assert_agrees();
    }
    assert_eq!(f.detail(id).view.comments.len(), 3);
    assert_eq!(f.detail(id).view.proposals.len(), 2);
    assert_eq!(f.server.actors("W001").len(), 4);
}

#[test]
fn a_phone_put_back_to_before_its_first_sync_knows_what_it_wrote_with_an_actor_it_forgot() {
    let f = Fixture::new();
    let copy = f.keep_copy();
    let f = f.put_on_another_phone(&copy, 7);
    f.phone.report(report("后来忘了是谁写的")).unwrap();
    f.sync();
    let f = f.put_back(&copy, 8);
    f.sync();
    let status = f.status();
    assert_eq!((status.recorded, status.admitted), (1, 1));
    assert!(status.all_in_log(), "{status:?}");
    f.assert_agrees();
}

#[test]
fn a_phone_put_back_counts_what_it_wrote_in_cases_that_have_left_the_phones_since() {
    let f = Fixture::synced();
    let copy = f.keep_copy();
    let id = f.phone.report(report("一")).unwrap();
    f.phone.propose(id, Step::Void, because("重复")).unwrap();
    f.sync();
    f.clock.advance(HOUR_MS);
    let archived = {
        let engine = f.server.engine();
        let mut sequencer = engine.sequencer.borrow_mut();
        sequencer.archive_closed(f.server.now_ms(), 0, 10)
    };
    assert_eq!(archived.unwrap(), 1);
    let f = f.put_back(&copy, 7);
    f.sync();
    assert!(!f.has(id));
    let status = f.status();
    assert_eq!((status.recorded, status.admitted), (2, 2));
    assert!(status.all_in_log(), "{status:?}");
    assert_eq!(f.sync().rounds, 1, "and then it is quiet");
}

/// A step's reason.
fn because(reason: &str) -> StepDetails {
    StepDetails {
        reason: Some(reason.to_owned()),
        ..StepDetails::default()
    }
}

#[test]
fn no_word_is_lost_when_phone_and_server_are_put_back_to_the_same_night() {
    let f = Fixture::synced();
    let other = f.another("W003", 3);
    let id = f.phone.report(report("一")).unwrap();
    f.sync();
    other.sync();
    let (copy, backup) = (f.keep_copy(), f.server.copy());
    // The app was open when the copy was made, and goes on.
    f.phone.comment(id, "备份后的话").unwrap();
    f.sync();
    other.sync();
    f.server.restore(&backup);
    let f = f.put_back(&copy, 7);
    f.phone.comment(id, "恢复后的话").unwrap();
    for phone in [&f, &other, &f] {
        phone.sync();
    }
    assert_eq!(f.detail(id).view.comments.len(), 2);
    assert_eq!(f.server.view(id).unwrap().comments.len(), 2);
    assert_nothing_twice(&f.server);
    f.assert_agrees();
    other.assert_agrees();
}

#[test]
fn a_copy_that_knows_all_that_was_sent_goes_on_with_its_actor() {
    let f = Fixture::synced();
    let id = f.phone.report(report("一")).unwrap();
    f.sync();
    let copy = f.keep_copy();
    // What never left the phone is lost with it, and nobody else knows its numbers.
    f.phone.comment(id, "没有发出去的话").unwrap();
    let f = f.put_back(&copy, 7);
    f.phone.comment(id, "恢复后的话").unwrap();
    f.sync();
    assert_eq!(f.server.actors("W001").len(), 1);
    assert_eq!(f.server.view(id).unwrap().comments.len(), 1);
    assert!(f.status().all_in_log(), "{:?}", f.status());
    f.assert_agrees();
}

/// A marker that fails once, before or after it has kept what it was given: as a phone that is cut
/// there.
struct Cut {
    place: FileMarker,
    keeps: bool,
    fails: AtomicBool,
}

impl GenerationMarker for Cut {
    fn read(&self) -> io::Result<Option<[u8; 16]>> {
        self.place.read()
    }

    fn write(&self, generation: [u8; 16]) -> io::Result<()> {
        let fails = self.fails.swap(false, Ordering::SeqCst);
        if self.keeps || !fails {
            self.place.write(generation)?;
        }
        match fails {
            true => Err(io::Error::other("cut")),
            false => Ok(()),
        }
    }
}

#[test]
fn a_phone_that_is_cut_between_store_and_marker_sends_nothing_and_keeps_its_actor() {
    for keeps in [[false, false], [false, true], [true, false], [true, true]] {
        let f = Fixture::synced();
        let actor = f.server.last_request().actor;
        let id = f.phone.report(report("一")).unwrap();
        f.server.line().requests.clear();
        for (keeps, seed) in keeps.into_iter().zip(20..) {
            let mut options = options(&f.folder, &f.clock, seed);
            options.marker = Arc::new(Cut {
                place: FileMarker::new(f.folder.path().join("marker")),
                keeps,
                fails: AtomicBool::new(true),
            });
            let phone = Phone::open(options).unwrap();
            let cut = phone.sync(&f.server, SyncOptions::default());
            assert_eq!(cut.unwrap_err().code(), "marker_failed");
            assert!(f.server.line().requests.is_empty());
        }
        let copy = f.keep_copy();
        let phone = f.reopen(22);
        phone.comment(id, "又说一句").unwrap();
        phone.sync(&f.server, SyncOptions::default()).unwrap();
        assert_eq!(f.server.last_request().actor, actor, "{keeps:?}");
        assert_eq!(phone.status().unwrap().admitted, 2);
        drop(phone);
        let f = f.put_back(&copy, 23);
        f.phone.comment(id, "恢复后的话").unwrap();
        f.sync();
        assert_eq!(f.server.actors("W001").len(), 2, "{keeps:?}");
        assert_eq!(f.server.view(id).unwrap().comments.len(), 2);
        f.assert_agrees();
    }
}
