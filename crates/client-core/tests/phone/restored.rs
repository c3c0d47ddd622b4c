//! A phone whose file was put back to an older copy.

use gridlog_domain::record::{StepDetails, Value};
use gridlog_domain::workflow::Step;

use crate::clock::HOUR_MS;
use crate::colleague::*;
use crate::fixture::*;

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
    let f = f.put_back(&copy, 7);
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
    let f = f.put_back(&copy, 7);
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
