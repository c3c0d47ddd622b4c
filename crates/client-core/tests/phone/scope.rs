//! What the person may see changes.

use gridlog_client_core::*;
use gridlog_domain::id::RecordId;
use gridlog_domain::record::StepDetails;
use gridlog_domain::workflow::Step;
use gridlog_sync_server::store::OfficeDecision;

use crate::clock::*;
use crate::colleague::*;
use crate::district::*;
use crate::fixture::*;
use crate::server::Server;

/// A phone of a worker of both grids, with a record of a colleague in each.
pub(crate) fn between_two_grids() -> (Fixture, RecordId, RecordId) {
    let f = Fixture::new();
    f.server.appoint(worker(&[GRID, NEXT_GRID]));
    let stays = f.server.colleague_writes(new_case("留下的"), vec![]);
    let elsewhere = new_case_in("离开的", NEXT_GRID);
    let goes = f.server.colleague_writes(elsewhere, vec![]);
    f.sync();
    assert_eq!(f.rows().len(), 2);
    f.clock.advance(1_000);
    (f, stays, goes)
}

/// The worker's time in the second grid is over.
pub(crate) fn leave_next_grid(server: &Server) {
    let both = worker(&[GRID, NEXT_GRID]);
    server.appoint(without(both, NEXT_GRID, server.now_ms()));
}

#[test]
fn what_the_person_may_no_longer_see_is_announced_and_goes_with_the_next_sync() {
    let (f, stays, goes) = between_two_grids();
    let mut mine = report("我的");
    mine.area = Some(NEXT_GRID.into());
    let mine = f.phone.report(mine).unwrap();
    f.sync();
    leave_next_grid(&f.server);
    let announced = f.sync();
    assert!(announced.complete);
    assert_eq!(announced.purged, 0);
    assert_eq!(f.status().leaving, 1);
    assert_eq!(f.phone.leaving().unwrap()[0].id, goes);
    assert_eq!(f.detail(goes).row.headline, "离开的");
    assert_eq!(f.phone.search("离开", 10).unwrap().len(), 1);

    assert_eq!(f.sync().purged, 1);
    assert_eq!(f.status().leaving, 0);
    assert!(!f.has(goes));
    assert!(f.phone.search("离开", 10).unwrap().is_empty());
    assert!(f.has(stays));
    assert!(f.has(mine), "one's own words stay in sight");
    f.assert_agrees();
    assert_eq!(f.sync().rounds, 1);
    assert_eq!(f.verify().differing, Some(0));
}

#[test]
fn what_left_stays_sealed_until_the_server_has_a_backup_of_it() {
    let (f, _, goes) = between_two_grids();
    let early = f.server.copy();
    f.server.colleague_edits(goes, &[comment("还有一句")]);
    f.sync();
    leave_next_grid(&f.server);
    f.sync();
    f.sync();
    assert!(!f.has(goes));
    assert_eq!(f.stored("changes", goes), 2);
    f.server.note_backup(&early);
    f.sync();
    assert_eq!(f.stored("changes", goes), 2, "that backup lacks the edit");
    let late = f.server.copy();
    f.server.note_backup(&late);
    f.sync();
    for table in ["changes", "entries", "rulings", "sealed", "snapshots"] {
        assert_eq!(f.stored(table, goes), 0, "{table}");
    }
}

#[test]
fn unsent_work_goes_up_before_anything_leaves() {
    let (f, _, goes) = between_two_grids();
    f.phone.comment(goes, "还没发出去的话").unwrap();
    f.clock.advance(1_000);
    leave_next_grid(&f.server);
    f.server.line().requests.clear();
    f.sync();
    assert_eq!(f.server.line().requests[0].push.len(), 1);
    let detail = f.detail(goes);
    assert_eq!(detail.row.standing, Standing::Review);
    assert_eq!(f.phone.leaving().unwrap().len(), 1);
    // Whatever happens, the words stay until somebody has decided on them.
    f.sync();
    f.sync();
    assert_eq!(f.detail(goes).view.comments.len(), 1);
}

fn office(reason: &str) -> OfficeDecision {
    OfficeDecision {
        by: "W002".into(),
        reason: reason.to_owned(),
    }
}

#[test]
fn what_an_office_let_in_keeps_the_record_in_its_authors_sight() {
    let (f, _, goes) = between_two_grids();
    f.phone.comment(goes, "还没发出去的话").unwrap();
    f.clock.advance(1_000);
    leave_next_grid(&f.server);
    f.sync();
    let item = f.server.reviewed();
    {
        let engine = f.server.engine();
        let mut sequencer = engine.sequencer.borrow_mut();
        sequencer.clear(item, office("")).unwrap();
    }
    f.server.work();
    f.sync();
    assert_eq!(f.status().leaving, 0);
    assert_eq!(f.detail(goes).row.standing, Standing::InLog);
    f.sync();
    f.assert_agrees();
}

#[test]
fn what_an_office_dismissed_leaves_once_its_author_let_it_go() {
    let (f, _, goes) = between_two_grids();
    f.phone.comment(goes, "还没发出去的话").unwrap();
    f.clock.advance(1_000);
    leave_next_grid(&f.server);
    f.sync();
    let item = f.server.reviewed();
    {
        let engine = f.server.engine();
        let mut sequencer = engine.sequencer.borrow_mut();
        sequencer.dismiss(item, office("不属实")).unwrap();
    }
    f.sync();
    f.sync();
    let refused = f.detail(goes).needs_you;
    assert_eq!(refused[0].code, "dismissed");
    f.phone.dismiss_needs_you(refused[0].id).unwrap();
    f.sync();
    assert!(!f.has(goes));
    f.assert_agrees();
}

#[test]
fn a_person_whose_account_is_disabled_pushes_and_loses_nothing() {
    let (f, stays, goes) = between_two_grids();
    let mine = f.phone.report(report("我的")).unwrap();
    // Something that the phone would ask for whole.
    let sql = "INSERT INTO wants (record) VALUES (?1)";
    raw(&path(&f.folder))
        .execute(sql, [stays.as_bytes()])
        .unwrap();
    let mut person = worker(&[GRID, NEXT_GRID]);
    person.enabled = false;
    f.server.appoint(person);
    f.server.colleague_edits(stays, &[titled("不再告诉")]);
    f.sync();
    f.sync();
    assert_eq!(f.detail(mine).row.standing, Standing::Review);
    assert_eq!(f.status().leaving, 0);
    assert_eq!(f.detail(stays).row.headline, "留下的");
    assert!(f.has(goes));
    f.server.appoint(worker(&[GRID, NEXT_GRID]));
    f.sync();
    assert_eq!(f.detail(stays).row.headline, "不再告诉");
}

#[test]
fn what_was_erased_goes_at_once_with_every_word_of_it() {
    let f = Fixture::synced();
    let goes = f.phone.report(report("涂销的")).unwrap();
    let stays = f.phone.report(report("留下的")).unwrap();
    f.sync();
    f.phone.comment(goes, "还没发出去的话").unwrap();
    f.server.erase(goes);
    assert_eq!(f.sync().purged, 1);
    assert!(!f.has(goes) && f.has(stays));
    assert!(f.phone.search("涂销", 10).unwrap().is_empty());
    for table in ["changes", "entries", "rulings", "outbox", "needs_you"] {
        assert_eq!(f.stored(table, goes), 0, "{table}");
    }
    f.sync();
    f.assert_agrees();
    let status = f.status();
    assert_eq!((status.recorded, status.admitted), (1, 1));
    assert!(status.all_in_log(), "{status:?}");
}

#[test]
fn what_was_erased_before_the_phone_heard_that_it_was_in_the_log_goes_too() {
    let f = Fixture::new();
    let id = f.phone.report(report("涂销的")).unwrap();
    f.server.line().lose_answers = 1;
    f.try_sync().unwrap_err();
    f.server.erase(id);
    f.sync();
    assert!(!f.has(id));
    for table in ["changes", "outbox", "needs_you"] {
        assert_eq!(f.stored(table, id), 0, "{table}");
    }
    let status = f.status();
    assert_eq!(status.recorded, 0);
    assert!(status.all_in_log(), "{status:?}");
    f.assert_agrees();
    assert_eq!(f.sync().rounds, 1, "and then it is quiet");
}

const EVERY_TRACE: [&str; 9] = [
    "changes",
    "entries",
    "rulings",
    "outbox",
    "needs_you",
    "owed",
    "wants",
    "sealed",
    "snapshots",
];

#[test]
fn what_was_erased_goes_from_a_phone_that_lost_sight_of_it_long_ago() {
    let (f, stays, goes) = between_two_grids();
    leave_next_grid(&f.server);
    f.sync();
    f.sync();
    let moves = f.server.colleague_writes(new_case("移交的"), vec![]);
    f.sync();
    {
        let engine = f.server.engine();
        let mut sequencer = engine.sequencer.borrow_mut();
        let moved = sequencer.relocate(f.server.now_ms(), moves, &NEXT_GRID.into());
        moved.unwrap();
    }
    f.sync();
    f.sync();
    let sealed = [goes, moves].map(|id| (f.has(id), f.stored("changes", id)));
    assert_eq!(sealed, [(false, 1); 2], "sealed, and no backup has it yet");
    let elsewhere = new_case_in("从未见过的", NEXT_GRID);
    let unseen = f.server.colleague_writes(elsewhere, vec![]);
    for id in [goes, moves, unseen] {
        f.server.erase(id);
    }
    assert_eq!(f.sync().purged, 2);
    for table in EVERY_TRACE {
        let left = [goes, moves, unseen].map(|id| f.stored(table, id));
        assert_eq!(left, [0; 3], "{table}");
    }
    assert!(f.has(stays));
    f.assert_agrees();
    assert_eq!(f.sync().rounds, 1, "and then it is quiet");
}

#[test]
fn late_words_for_an_erased_record_go_although_their_author_lost_the_grid() {
    let (f, _, goes) = between_two_grids();
    f.phone.comment(goes, "还没发出去的话").unwrap();
    f.clock.advance(1_000);
    leave_next_grid(&f.server);
    f.sync();
    assert_eq!(f.detail(goes).row.standing, Standing::Review);
    f.phone.comment(goes, "更晚的话").unwrap();
    f.server.erase(goes);
    f.sync();
    assert!(!f.has(goes));
    for table in EVERY_TRACE {
        assert_eq!(f.stored(table, goes), 0, "{table}");
    }
    let status = f.status();
    assert!(status.all_in_log(), "{status:?}");
    f.assert_agrees();
    assert_eq!(f.sync().rounds, 1, "and then it is quiet");
}

#[test]
fn a_record_that_moved_to_another_grid_leaves_and_comes_back_with_it() {
    let f = Fixture::new();
    let id = f.server.colleague_writes(new_case("移交的"), vec![]);
    f.sync();
    let relocate = |area: &str| {
        let engine = f.server.engine();
        let mut sequencer = engine.sequencer.borrow_mut();
        let moved = sequencer.relocate(f.server.now_ms(), id, &area.into());
        moved.unwrap();
    };
    relocate(NEXT_GRID);
    f.sync();
    assert_eq!(f.phone.leaving().unwrap()[0].id, id);
    f.sync();
    assert!(!f.has(id));
    f.assert_agrees();
    relocate(GRID);
    f.server.colleague_edits(id, &[comment("又回来了")]);
    f.sync();
    assert_eq!(f.detail(id).view.comments.len(), 1);
    assert_eq!(f.stored("sealed", id), 0);
    f.assert_agrees();
    assert_eq!(f.verify().differing, Some(0));
}

#[test]
fn a_record_that_comes_back_before_it_left_stays() {
    let (f, _, goes) = between_two_grids();
    leave_next_grid(&f.server);
    f.sync();
    assert_eq!(f.status().leaving, 1);
    f.server.appoint(worker(&[GRID, NEXT_GRID]));
    f.sync();
    f.sync();
    assert_eq!(f.status().leaving, 0);
    assert!(f.has(goes));
    f.assert_agrees();
}

#[test]
fn a_case_that_was_archived_leaves_and_comes_back_when_somebody_writes_in_it() {
    let f = Fixture::synced();
    let id = f.phone.note_case(report("自行处置的")).unwrap();
    let handled = StepDetails {
        result: Some("已劝离".to_owned()),
        ..StepDetails::default()
    };
    f.phone.propose(id, Step::SelfHandle, handled).unwrap();
    f.sync();
    f.clock.advance(40 * DAY_MS);
    let archived = {
        let engine = f.server.engine();
        let mut sequencer = engine.sequencer.borrow_mut();
        sequencer.archive_closed(f.server.now_ms(), 30 * DAY_MS, 100)
    };
    assert_eq!(archived.unwrap(), 1);
    f.sync();
    assert_eq!(f.phone.leaving().unwrap()[0].id, id);
    f.sync();
    assert!(!f.has(id));
    f.assert_agrees();
    assert!(f.status().all_in_log(), "{:?}", f.status());

    f.server.colleague_edits(id, &[comment("补充材料")]);
    f.sync();
    assert_eq!(f.detail(id).view.comments.len(), 1);
    f.assert_agrees();
    f.phone
        .propose(id, Step::Report, StepDetails::default())
        .unwrap();
    f.sync();
    assert!(f.status().all_in_log(), "{:?}", f.status());
}
