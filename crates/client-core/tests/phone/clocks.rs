//! Phones whose clocks are off record, sync and sort rightly.

use gridlog_client_core::*;
use gridlog_domain::reference::Role;

use crate::clock::*;
use crate::colleague::*;
use crate::district::*;
use crate::fixture::*;

const YEAR_MS: i64 = 365 * DAY_MS;
/// How far the clocks of these phones are off.
const OFF: [i64; 6] = [
    3 * YEAR_MS,
    -3 * YEAR_MS,
    8 * HOUR_MS,
    -8 * HOUR_MS,
    70 * YEAR_MS,
    BEFORE_1970,
];
/// No act carries a time before 1970, so to such a phone no time passes.
const BEFORE_1970: i64 = -60 * YEAR_MS;

fn titles(phone: &Fixture) -> Vec<String> {
    phone.rows().into_iter().map(|row| row.headline).collect()
}

#[test]
fn a_phone_whose_clock_is_off_sorts_its_records_among_those_of_others() {
    for off in OFF {
        let right = Fixture::synced();
        let f = right.another("W003", 3);
        f.clock.set_by(off);
        f.phone.report(report("一")).unwrap();
        f.sync();
        right.clock.advance(HOUR_MS);
        right.phone.report(report("二")).unwrap();
        right.sync();
        f.clock.advance(HOUR_MS);
        f.phone.report(report("三")).unwrap();
        f.sync();
        right.clock.advance(HOUR_MS);
        f.server.colleague_writes(new_case("四"), vec![]);
        right.sync();
        f.sync();
        for phone in [&f, &right] {
            assert_eq!(titles(phone), ["四", "三", "二", "一"], "{off}");
            phone.assert_agrees();
        }
        f.clock.advance(HOUR_MS);
        f.phone.report(report("五")).unwrap();
        if off > BEFORE_1970 {
            // What is not sent yet stands where it will stand: the phone knows how far it is off.
            let row = &f.rows()[0];
            assert_eq!(row.headline, "五");
            assert_eq!(row.updated_ms, f.server.now_ms());
        }
        f.clock.advance(HOUR_MS);
        f.server.colleague_writes(new_case("六"), vec![]);
        f.clock.advance(HOUR_MS);
        f.sync();
        right.sync();
        for phone in [&f, &right] {
            assert_eq!(titles(phone)[..2], ["五", "六"]);
            assert!(phone.status().all_in_log());
            assert_eq!(phone.verify().differing, Some(0));
        }
    }
}

#[test]
fn steps_count_at_the_true_hour_once_the_phone_knows_how_far_it_is_off() {
    for off in [3 * YEAR_MS, -3 * YEAR_MS, -8 * HOUR_MS] {
        let f = Fixture::new();
        f.clock.set_by(off);
        let before = f.phone.report(report("还不知道差多少")).unwrap();
        f.clock.advance(HOUR_MS);
        f.sync();
        let at = |id| f.detail(id).state.unwrap().last.unwrap().at;
        assert!(at(before).flagged, "it counts when the server got it");
        assert_eq!(at(before).at_ms, f.server.now_ms());

        let offset = f.status().clock_offset_ms.unwrap();
        assert_eq!(offset, OFFSET - off);
        f.clock.advance(HOUR_MS);
        let done = f.server.now_ms();
        let after = f.phone.report(report("已知差多少")).unwrap();
        f.clock.advance(5 * HOUR_MS);
        f.sync();
        assert_eq!((at(after).at_ms, at(after).flagged), (done, false));
    }
}

#[test]
fn work_is_judged_by_the_assignment_of_the_true_hour() {
    let f = Fixture::synced();
    f.clock.set_by(-3 * YEAR_MS);
    f.sync();
    f.clock.advance(HOUR_MS);
    // An assignment that began today, and a phone that thinks it is three years ago.
    let mut today = person("W001", "李华", &[(Role::GridWorker, GRID)]);
    today.assignments[0].valid_from_ms = f.server.now_ms() - HOUR_MS / 2;
    f.server.appoint(today);
    let mut visit = NewVisit {
        outcome: "met".to_owned(),
        ..NewVisit::default()
    };
    visit.area = Some(GRID.into());
    let id = f.phone.visit(visit).unwrap();
    f.sync();
    assert_eq!(f.detail(id).row.standing, Standing::InLog);
    f.assert_agrees();
}

#[test]
fn a_clock_that_jumps_between_two_syncs_is_measured_again() {
    let f = Fixture::synced();
    for (number, jump) in [YEAR_MS, -2 * YEAR_MS, HOUR_MS, YEAR_MS]
        .into_iter()
        .enumerate()
    {
        f.clock.advance(HOUR_MS);
        f.phone.report(report(&format!("跳之前{number}"))).unwrap();
        f.clock.set_by(jump);
        f.clock.advance(HOUR_MS);
        f.phone.report(report(&format!("跳之后{number}"))).unwrap();
        f.sync();
        let measured = f.status().clock_offset_ms.unwrap();
        f.clock.advance(HOUR_MS);
        let now = gridlog_domain::environment::Clock::now_ms(&*f.clock);
        assert_eq!(measured, f.server.now_ms() - now);
        let next = f.phone.report(report("量过之后")).unwrap();
        assert_eq!(f.rows()[0].id, next);
        f.sync();
    }
    assert!(f.status().all_in_log());
    f.assert_agrees();
}

#[test]
fn the_own_area_and_the_tasks_are_those_of_the_true_hour() {
    let f = Fixture::new();
    f.server
        .appoint(person("W001", "李华", &[(Role::GridWorker, GRID)]));
    f.clock.set_by(-3 * YEAR_MS);
    f.sync();
    f.clock.advance(HOUR_MS);
    let mut today = person("W001", "李华", &[(Role::GridWorker, GRID)]);
    today.assignments.extend(worker(&[GRID]).assignments);
    for held in &mut today.assignments {
        held.valid_from_ms = f.server.now_ms() - HOUR_MS / 2;
    }
    f.server.appoint(today);
    f.sync();
    let id = f.phone.report(report("没有选区域")).unwrap();
    assert_eq!(f.detail(id).row.area, GRID.into());
    f.sync();
    let tasks = f.phone.tasks().unwrap();
    assert!(
        tasks
            .iter()
            .any(|task| task.row.id == id && !task.steps.is_empty())
    );
}

#[test]
fn what_is_tried_again_stands_at_the_true_hour_in_every_list() {
    let f = Fixture::synced();
    let theirs = f.server.colleague_writes(new_case("同事的"), vec![]);
    f.clock.set_by(-3 * YEAR_MS);
    f.sync();
    f.clock.advance(HOUR_MS);
    f.phone.comment(theirs, "被退回的话").unwrap();
    let written = f.server.now_ms();
    f.server.line().refuse("bad_value", |_| true);
    f.sync();
    f.server.line().judge = None;
    let refused = f.detail(theirs).needs_you;
    f.phone.retry_needs_you(refused[0].id).unwrap();
    assert_eq!(f.only_row().updated_ms, written);
}

#[test]
fn a_clock_that_is_set_during_a_request_leaves_no_false_offset() {
    for jump in [YEAR_MS, 3 * 60_000, -3 * 60_000] {
        let f = Fixture::synced();
        let mut session = f.phone.begin_sync().unwrap();
        let body = session.next_request().unwrap().unwrap();
        let answer = f.carry(&session, &body);
        f.clock.set_by(jump);
        session.accept(answer).unwrap();
        drop(session);
        assert_eq!(f.status().clock_offset_ms, None, "{jump}");
        f.sync();
        assert_eq!(f.status().clock_offset_ms, Some(OFFSET - jump));
    }
}
