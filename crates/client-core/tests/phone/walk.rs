//! Walking through what one was not told of before.

use std::collections::BTreeSet;

use gridlog_client_core::ProposalStanding;
use gridlog_domain::id::RecordId;
use gridlog_protocol::Key;

use crate::colleague::*;
use crate::district::*;
use crate::fixture::*;
use crate::server::Server;

/// Records that came in pages, each page counted.
fn brought(server: &Server) -> usize {
    let line = server.line();
    let pages = line.pages.iter();
    pages.map(|page| page.body.records.len()).sum()
}

#[test]
fn a_new_phone_walks_through_the_records_instead_of_reading_the_log_from_its_beginning() {
    let f = Fixture::new();
    let id = f.server.colleague_writes(new_case("一"), vec![]);
    for number in 0..10 {
        f.server
            .colleague_edits(id, &[comment(&format!("第{number}句"))]);
    }
    let report = f.sync();
    assert!(report.complete);
    assert_eq!((report.pulled_entries, report.pulled_records), (0, 1));
    assert_eq!(f.detail(id).view.comments.len(), 10);
    assert_eq!(f.status().seq, f.server.entries().len() as u64);
    f.assert_agrees();
    assert_eq!(f.verify().differing, Some(0));
}

#[test]
fn a_walk_that_is_cut_at_any_page_goes_on_from_there() {
    let f = Fixture::new();
    f.server.colleague_fills_pages(30);
    let mut cuts = 0;
    loop {
        let new = f.another("W001", 100 + u64::from(cuts));
        f.server.line().pages.clear();
        if new.sync_rounds(cuts).complete {
            break;
        }
        f.server.line().lose_answers = 1;
        let cut = new.try_sync().unwrap_err();
        assert_eq!(cut.code(), "timed_out");
        // The app is closed and opened again.
        let again = new.reopen(200);
        again.sync(&f.server, Default::default()).unwrap();
        assert_eq!(new.rows().len(), 30);
        assert_eq!(brought(&f.server), 30, "nothing came twice");
        new.assert_agrees();
        cuts += 1;
    }
    assert!(cuts > 4, "the walk had only {cuts} pages");
}

#[test]
fn a_walk_that_had_no_step_yet_when_the_scope_changed_again_is_not_over() {
    let f = Fixture::new();
    let own = f.phone.report(report("自己的")).unwrap();
    let theirs = f.server.colleague_writes(new_case("同事的"), vec![]);
    f.sync_rounds(1);
    f.server.colleague_edits(own, &[titled("同事改的")]);
    f.server.appoint(worker(&[GRID, NEXT_GRID]));
    let report = f.sync();
    assert!(f.has(theirs));
    assert_eq!(report.differing, None, "nothing had to be mended");
    let detail = f.detail(own);
    assert_eq!(detail.proposals[0].standing, ProposalStanding::Accepted);
    f.assert_agrees();
}

#[test]
fn what_others_change_during_a_walk_is_right_at_its_end() {
    let f = Fixture::new();
    let ids = f.server.colleague_fills_pages(20);
    f.sync_rounds(2);
    let here: BTreeSet<RecordId> = f.rows().iter().map(|row| row.id).collect();
    assert!(here.len() > 3 && here.len() < 17, "{}", here.len());
    let walked = *ids.iter().find(|id| here.contains(id)).unwrap();
    let to_come = *ids.iter().find(|id| !here.contains(id)).unwrap();
    for id in [walked, to_come] {
        f.server.colleague_edits(id, &[titled("路上改的")]);
    }
    let new = f.server.colleague_writes(new_case("路上写的"), vec![]);
    let left = *here.iter().find(|id| **id != walked).unwrap();
    let moved = {
        let engine = f.server.engine();
        let mut sequencer = engine.sequencer.borrow_mut();
        sequencer.relocate(f.server.now_ms(), left, &NEXT_GRID.into())
    };
    moved.unwrap();
    f.sync();
    assert_eq!(f.phone.leaving().unwrap()[0].id, left);
    f.sync();
    assert_eq!(f.rows().len(), 20);
    for id in [walked, to_come] {
        assert_eq!(f.detail(id).row.headline, "路上改的");
    }
    assert!(f.has(new));
    f.assert_agrees();
    assert_eq!(f.verify().differing, Some(0));
}

#[test]
fn gaining_an_area_walks_through_what_is_new_and_nothing_else() {
    let f = Fixture::new();
    for number in 0..5 {
        f.server
            .colleague_writes(new_case(&format!("本网格{number}")), vec![]);
    }
    f.sync();
    let mut report = report("我在邻网格写的");
    report.area = Some(NEXT_GRID.into());
    let both = f.phone.report(report).unwrap();
    f.sync();
    let elsewhere = || new_case_in("邻网格的", NEXT_GRID);
    let new = [(); 3].map(|()| f.server.colleague_writes(elsewhere(), vec![]));
    f.server.appoint(worker(&[GRID, NEXT_GRID]));
    f.server.line().requests.clear();
    f.server.line().pages.clear();
    let report = f.sync();
    assert!(report.complete);
    assert_eq!(brought(&f.server), 3);
    {
        let line = f.server.line();
        let walk = line.requests.iter().find_map(|asked| asked.walk.clone());
        let held = walk.unwrap().held;
        assert!(held.contains(&format!("a:{GRID}")) && held.contains(&"p:W001".to_owned()));
        let told = line.pages.iter().find_map(|page| page.body.walk.clone());
        let told = told.unwrap().held;
        assert_eq!(told.len(), 6, "of what is here, names only");
        assert!(told.iter().any(|(key, _)| *key == Key(*both.as_bytes())));
    }
    assert!(new.iter().all(|id| f.has(*id)));
    f.assert_agrees();
    assert_eq!(f.verify().differing, Some(0));

    // The old area goes: what only it showed leaves, what both show stays.
    f.server.appoint(worker(&[NEXT_GRID]));
    f.sync();
    assert_eq!(f.status().leaving, 5);
    f.sync();
    assert_eq!(f.rows().len(), 4);
    f.assert_agrees();
    assert_eq!(f.verify().differing, Some(0));
}

#[test]
fn areas_may_come_and_go_in_any_order_during_a_walk() {
    let f = Fixture::new();
    f.server.colleague_fills_pages(20);
    let elsewhere = f
        .server
        .colleague_writes(new_case_in("邻网格的", NEXT_GRID), vec![]);
    f.sync_rounds(2);
    f.server.appoint(worker(&[GRID, NEXT_GRID]));
    f.sync_rounds(2);
    f.server.appoint(worker(&[NEXT_GRID]));
    f.sync_rounds(2);
    f.server.appoint(worker(&[GRID, NEXT_GRID]));
    f.sync();
    assert!(f.has(elsewhere));
    assert_eq!(f.rows().len(), 21);
    f.assert_agrees();
    assert_eq!(f.verify().differing, Some(0));
}
