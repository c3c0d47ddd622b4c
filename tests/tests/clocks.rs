//! Promise: the clock says what it says once, in order, whatever was down meanwhile. Honest offline work is
//! not punished, and a clock that was turned back gains nothing (DESIGN section 10).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gridlog_client_core::Query;
use gridlog_domain::id::{EntryId, RecordId};
use gridlog_domain::record::StepDetails;
use gridlog_domain::reference::{AreaLevel, Role};
use gridlog_domain::workflow::{CaseState, Step};
use gridlog_tests::{District, GRID_A, TestPhone, eventually, words};
use serde_json::{Value, json};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A district, a worker's phone, a phone of 城管, and a case that 城管 has two hours for.
struct Street {
    district: District,
    worker: TestPhone,
    handler: TestPhone,
    case: RecordId,
    /// When the two hours end.
    due_ms: i64,
}

/// Files a case and gives it to 城管.
fn dispatch(district: &District, worker: &TestPhone, title: &str) -> RecordId {
    let case = worker.report_case(title);
    worker.sync_all();
    let category = json!({ "category": "01014", "condition": "缺失" });
    let department = json!({ "department": "城管" });
    for (role, step, details) in [
        (Role::Acceptor, "register", category),
        (Role::Dispatcher, "dispatch", department),
    ] {
        let (status, answer) = district.office(role).step(case, step, details);
        assert_eq!(
            (status, &answer["accepted"]),
            (200, &json!(true)),
            "{answer}"
        );
    }
    case
}

fn street() -> Street {
    let district = District::new();
    let worker = district.phone(GRID_A, 0);
    let handler = TestPhone::enrolled(&district, &district.handler("城管").person);
    let case = dispatch(&district, &worker, "井盖缺失");
    worker.sync_all();
    handler.sync_all();
    let filed_ms = state(&worker, case).course.unwrap().from_ms;
    Street {
        district,
        worker,
        handler,
        case,
        due_ms: filed_ms + 2 * HOUR,
    }
}

fn state(phone: &TestPhone, case: RecordId) -> CaseState {
    phone.show(case).unwrap().unwrap().state.unwrap()
}

/// Says that the work is done.
fn feedback(phone: &TestPhone, case: RecordId) -> EntryId {
    let details = StepDetails {
        result: Some(words("井盖已更换")),
        ..StepDetails::default()
    };
    phone.propose(case, Step::Feedback, details).unwrap()
}

fn log(district: &District) -> Vec<Value> {
    district.office(Role::DutyOfficer).log()
}

fn timers(district: &District) -> Vec<Value> {
    let log = log(district).into_iter();
    log.filter(|line| line["fact"] == "timer").collect()
}

impl Street {
    /// The server is away for so long, and comes back; the phones' clocks go on as if nothing was.
    fn server_is_away(&mut self, ms: i64) {
        self.district.down_for(ms);
        let now_ms = self.district.now_ms();
        for phone in [&self.worker, &self.handler] {
            phone.clock.freeze(now_ms);
        }
    }

    /// What the log holds of the case's overdue deadline and of the feedback, in order.
    fn told(&self) -> Vec<(String, i64)> {
        let case = self.case.to_string();
        let lines = log(&self.district)
            .into_iter()
            .filter(|line| line["record"] == case);
        lines
            .filter_map(
                |line| match (line["timer"].as_str(), line["step"].as_str()) {
                    (Some(kind), _) => Some((kind.to_owned(), line["due_ms"].as_i64()?)),
                    (_, Some("feedback")) => {
                        Some(("feedback".into(), line["counts_at_ms"].as_i64()?))
                    }
                    _ => None,
                },
            )
            .collect()
    }
}

#[test]
fn work_that_was_done_in_time_and_arrives_late_is_said_to_be_so_and_the_overdue_entry_stays() {
    let mut street = street();
    let done_ms = street.district.now_ms() + HOUR;
    street.handler.clock.freeze(done_ms);
    feedback(&street.handler, street.case);
    street.server_is_away(5 * HOUR);
    eventually("the deadline passed", || {
        !timers(&street.district).is_empty()
    });
    street.handler.sync_all();
    street.worker.sync_all();

    let told = street.told();
    assert_eq!(told[0], ("overdue".to_owned(), street.due_ms));
    assert_eq!(told[1].0, "feedback");
    assert!(
        (told[1].1 - done_ms).abs() < MINUTE,
        "it counts when it was done"
    );
    assert_eq!(told.len(), 2);
    for phone in [&street.worker, &street.handler] {
        let state = state(phone, street.case);
        assert_eq!(
            state.overdue_ms,
            Some(street.due_ms),
            "that it was overdue stays"
        );
        assert!(state.done_in_time);
        assert!(!state.handled_at.unwrap().flagged);
        let shown = phone.show(street.case).unwrap().unwrap();
        let clock = shown.history.iter().find_map(|line| line.timer);
        assert_eq!(clock.map(|timer| timer.due_ms), Some(street.due_ms));
    }
}

#[test]
fn what_was_handled_in_time_is_never_overdue_however_long_the_server_is_away() {
    let mut street = street();
    let done_ms = street.district.now_ms() + HOUR;
    street.handler.clock.freeze(done_ms);
    feedback(&street.handler, street.case);
    street.handler.sync_all();
    street.server_is_away(5 * DAY);
    street.worker.sync_all();
    assert_eq!(timers(&street.district), [] as [Value; 0]);
    assert_eq!(state(&street.worker, street.case).overdue_ms, None);
}

#[test]
fn a_clock_that_was_turned_back_counts_at_the_receipt_and_is_flagged() {
    let mut street = street();
    let before_ms = street.district.now_ms();
    street.server_is_away(5 * HOUR);
    street.handler.sync_all();
    eventually("the deadline passed", || {
        !timers(&street.district).is_empty()
    });
    // An hour after the dispatch, it says, when there was time left.
    street.handler.clock.freeze(before_ms + HOUR);
    feedback(&street.handler, street.case);
    street.handler.sync_all();
    street.worker.sync_all();
    let state = state(&street.worker, street.case);
    let handled = state.handled_at.unwrap();
    assert!(handled.flagged, "its device's own time could not be used");
    assert!(
        handled.at_ms >= before_ms + 5 * HOUR,
        "it counts when it was received"
    );
    assert_eq!(state.overdue_ms, Some(street.due_ms));
    assert!(!state.done_in_time);
}

#[test]
fn a_clock_that_was_always_slow_gains_nothing() {
    let mut street = street();
    street.server_is_away(5 * HOUR);
    // The phone that fell behind long ago syncs, so that it is known how far.
    street
        .handler
        .clock
        .freeze(street.district.now_ms() - 5 * HOUR);
    street.handler.sync_all();
    street.handler.sync_all();
    street
        .handler
        .clock
        .freeze(street.district.now_ms() - 5 * HOUR + MINUTE);
    feedback(&street.handler, street.case);
    street.handler.sync_all();
    street.worker.sync_all();
    let state = state(&street.worker, street.case);
    assert!(state.handled_at.unwrap().at_ms > street.due_ms + 2 * HOUR);
    assert_eq!(state.overdue_ms, Some(street.due_ms));
    assert!(!state.done_in_time);
}

#[test]
fn a_phone_that_does_not_know_how_far_its_clock_is_off_counts_at_the_receipt_and_is_flagged() {
    let mut street = street();
    // Somebody set it a day back and then right again, so that what the last sync measured is worth nothing.
    let now_ms = street.district.now_ms();
    street.handler.clock.freeze(now_ms - DAY);
    street
        .handler
        .comment(street.case, &words("在路上"))
        .unwrap();
    street.handler.clock.freeze(now_ms + HOUR);
    feedback(&street.handler, street.case);
    street.server_is_away(5 * HOUR);
    eventually("the deadline passed", || {
        !timers(&street.district).is_empty()
    });
    street.handler.sync_all();
    street.worker.sync_all();
    let state = state(&street.worker, street.case);
    let handled = state.handled_at.unwrap();
    assert!(handled.flagged);
    assert!(handled.at_ms >= now_ms + 5 * HOUR);
    assert!(!state.done_in_time, "nobody can tell that it was");
}

#[test]
fn after_days_without_a_server_the_clock_catches_up_in_order_once_and_phones_are_told() {
    let mut street = street();
    let mut catalogue: Value =
        serde_json::from_str(include_str!("../../data/catalogue.json")).unwrap();
    let after = |hours: u32, to: &str| json!({ "after": { "unit": "urgent_hour", "amount": hours }, "to": to });
    catalogue["version"] = json!(99);
    catalogue["limits"] = json!({ "escalations": [after(24, "community"), after(48, "street")] });
    let keeper = street.district.office(Role::Administrator);
    let (status, answer) = keeper.put("reference/catalogue", &catalogue);
    assert_eq!(status, 200, "{answer}");
    let others: Vec<RecordId> = ["路灯不亮", "占道经营"]
        .map(|title| dispatch(&street.district, &street.worker, title))
        .into();

    street.server_is_away(5 * DAY);
    eventually("the clock caught up", || {
        timers(&street.district).len() >= 9
    });
    let caught_up = timers(&street.district);
    assert_eq!(caught_up.len(), 9);
    let due: Vec<i64> = caught_up
        .iter()
        .map(|line| line["due_ms"].as_i64().unwrap())
        .collect();
    assert!(due.is_sorted(), "{due:?}");
    assert_eq!(caught_up[0]["due_ms"], json!(street.due_ms));
    let levels: Vec<&Value> = caught_up[3..].iter().map(|line| &line["level"]).collect();
    assert_eq!(levels[..3], [&json!("community"); 3]);
    assert_eq!(levels[3..], [&json!("street"); 3]);

    street.worker.sync_all();
    for case in others.iter().chain([&street.case]) {
        let state = state(&street.worker, *case);
        assert_eq!(state.level, Some(AreaLevel::Street));
        assert!(state.overdue_ms.is_some());
        assert!(street.worker.verify_record(*case).unwrap().view_fits);
    }
    street.server_is_away(DAY);
    street.worker.sync_all();
    assert_eq!(
        timers(&street.district),
        caught_up,
        "and nothing of it twice"
    );
}

#[test]
fn office_and_phones_show_the_same_light_and_the_moment_when_a_case_is_due() {
    let mut street = street();
    for (away, light, zh) in [
        (0, "green", "绿灯"),
        (100 * MINUTE, "yellow", "黄灯"),
        (HOUR, "red", "超期"),
    ] {
        street.server_is_away(away);
        if light == "red" {
            eventually("the deadline passed", || {
                !timers(&street.district).is_empty()
            });
        }
        let office = street.district.office(Role::DutyOfficer);
        let (_, rows) = office.get("records?kind=case");
        let row = rows
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["id"] == street.case.to_string());
        let expected = json!({
            "due_ms": street.due_ms,
            "provisional": false,
            "light": light,
            "overdue": light == "red",
            "zh": zh,
        });
        assert_eq!(row.unwrap()["urgency"], expected);
        for phone in [&street.worker, &street.handler] {
            phone.sync_all();
            let rows = phone.list(&Query::default()).unwrap();
            let shown = rows
                .iter()
                .find(|row| row.id == street.case)
                .unwrap()
                .urgency
                .unwrap();
            assert_eq!((shown.due_ms, shown.zh()), (Some(street.due_ms), zh));
        }
    }
    street.handler.sync_all();
    feedback(&street.handler, street.case);
    let rows = street.handler.list(&Query::default()).unwrap();
    assert!(
        rows.iter().all(|row| row.urgency.is_none()),
        "who has just done it is not urged to do it"
    );
}
