//! Figures, boards and ledgers: what a store counts is what the domain computes over the same cases.

use gridlog_domain::channel::Channel;
use gridlog_domain::deadline::Course;
use gridlog_domain::environment::{Entropy as _, SeededEntropy};
use gridlog_domain::metrics::{METRICS, Moment, Period, Rate};
use gridlog_domain::reference::{Limit, LimitUnit};
use gridlog_domain::time::CountedTime;
use gridlog_domain::workflow::{Asked, Callback, CaseState, Mediation, Stage};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// A Monday, 00:00 in Shanghai.
const MONDAY: i64 = 1_794_758_400_000;
const AREAS: [&str; 3] = ["11", "12", "13"];
const DEPARTMENTS: [&str; 3] = ["", "城管", "市政"];
const CLASSES: [&str; 2] = ["01014", "06010"];

pub(super) fn checks<S: Store>() -> Vec<Check<S>> {
    vec![
        a_case_is_counted_as_it_stands_and_no_more_once_it_is_erased,
        what_is_over_stays_judged_by_the_calendar_that_it_ended_under,
        the_lists_of_a_board_are_paged_and_show_what_is_open,
        a_ledger_is_read_in_pages_of_any_size,
    ]
}

/// Random choices.
struct Draw(SeededEntropy);

impl Draw {
    fn below(&mut self, end: u32) -> u32 {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        u32::from_le_bytes(bytes) % end
    }

    fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(u32::try_from(items.len()).unwrap()) as usize]
    }

    /// A moment within ten days.
    fn moment(&mut self) -> CountedTime {
        at(MONDAY + i64::from(self.below(240)) * HOUR)
    }

    fn perhaps(&mut self) -> Option<CountedTime> {
        (self.below(3) > 0).then(|| self.moment())
    }

    /// Any state, also one that no workflow leads to.
    fn state(&mut self) -> CaseState {
        let unit = self.of(&LimitUnit::ALL);
        let limit = Limit {
            unit,
            amount: 1 + self.below(5),
        };
        let filed_at = self.perhaps();
        let mut course = filed_at.map(|filed| Course::begin(filed.at_ms, limit));
        if let Some(course) = course.as_mut().filter(|_| self.below(4) == 0) {
            course.pause(course.from_ms + HOUR);
            if self.below(2) == 0 {
                course.resume(course.from_ms + DAY);
            }
        }
        CaseState {
            stage: self.of(&Stage::ALL),
            reported_at: self.perhaps(),
            answered_at: self.perhaps(),
            category: filed_at.map(|_| self.of(&CLASSES).to_owned()),
            filed_at,
            course,
            dispatched_at: self.perhaps(),
            returns: self.below(2),
            handled_at: self.perhaps(),
            overdue_ms: self.perhaps().map(|time| time.at_ms),
            reworks: self.below(2),
            asked: (self.below(5) == 0).then(|| Asked::Suspension { by: "H1".into() }),
            mediation: self.perhaps().map(|ended| Mediation {
                ended: Some(ended),
                agreed: Some(ended.at_ms % (2 * HOUR) == 0),
                ..Mediation::default()
            }),
            callback: self.perhaps().map(|at| Callback {
                at,
                solved: self.below(2) == 0,
                rating: 1 + u8::try_from(self.below(5)).unwrap(),
            }),
            closed_at: self.perhaps(),
            forced: self.below(4) == 0,
            ..CaseState::default()
        }
    }

    fn case(&mut self, n: u8) -> RecordRow {
        let channel = self.of(&Channel::ALL);
        let class = self.of(&CLASSES);
        let fields = serde_json::json!({"category": class, "channel": channel.code()});
        RecordRow {
            area: self.of(&AREAS).to_owned(),
            department: self.of(&DEPARTMENTS).to_owned(),
            view: serde_json::json!({ "fields": fields }).to_string(),
            ..case(n, &self.state())
        }
    }
}

fn at(at_ms: i64) -> CountedTime {
    CountedTime {
        at_ms,
        flagged: false,
    }
}

fn case(n: u8, state: &CaseState) -> RecordRow {
    RecordRow {
        state: Some(serde_json::to_string(state).unwrap()),
        stage: state.stage.code().to_owned(),
        ..row(n, 1)
    }
}

fn commit(store: &impl Store, rows: Vec<RecordRow>) {
    let mut batch = Entered::fact(0, &[], Fact::Archived).on(store.head().unwrap());
    batch.records = rows;
    store.commit(&batch).unwrap();
}

fn calendar(store: &impl Store) {
    let json = include_str!("../../../../../data/calendar.json").to_owned();
    let name = "calendar".to_owned();
    let part = Part {
        name,
        version: 1,
        json,
    };
    store.put_part(&part).unwrap();
}

fn moments() -> Vec<Moment> {
    let mut moments: Vec<Moment> = METRICS.iter().map(|metric| metric.moment).collect();
    moments.sort_unstable();
    moments.dedup();
    moments
}

fn reported_at(at_ms: i64, stage: Stage) -> CaseState {
    CaseState {
        stage,
        reported_at: Some(at(at_ms)),
        ..CaseState::default()
    }
}

fn everything() -> Period {
    Period {
        from_ms: 0,
        to_ms: i64::MAX,
    }
}

fn count(store: &impl Store, moment: Moment) -> u64 {
    let query = CountQuery {
        moments: vec![moment],
        periods: vec![everything()],
        scope: CaseScope::default(),
        by: None,
    };
    let alike = store.counts(&query).unwrap();
    alike.iter().map(|alike| alike.cases).sum()
}

/// Random cases, counted in random periods, of random scopes, by everything.
pub(super) fn figures_are_what_the_domain_computes<S: Store, Guard: Any>(
    make: &impl Fn() -> (S, Guard),
) {
    let mut runner = TestRunner::new(Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    });
    let strategy = (any::<u64>(), 0_usize..40, 0_i64..240, 1_i64..240);
    let outcome = runner.run(&strategy, |(seed, cases, from, length)| {
        let (store, _guard) = make();
        calendar(&store);
        let timetable = timetable(Some(&store.parts().unwrap()[0].json)).unwrap();
        let mut draw = Draw(SeededEntropy::new(seed));
        // Some come twice: the store counts a case as it stands last.
        let numbers = (0..cases).map(|n| u8::try_from(n % 25).unwrap());
        let rows: Vec<RecordRow> = numbers.map(|n| draw.case(n)).collect();
        for pair in rows.chunks(7) {
            let mut newest: Vec<RecordRow> = Vec::new();
            for row in pair {
                newest.retain(|other| other.id != row.id);
                newest.push(row.clone());
            }
            commit(&store, newest);
        }
        let standing: Vec<CountedCase> = (0..25)
            .filter_map(|n| rows.iter().rfind(|row| row.id == record(n)))
            .map(|row| CountedCase::of(row, &timetable).unwrap().unwrap())
            .collect();
        let first = Period {
            from_ms: MONDAY + from * HOUR,
            to_ms: MONDAY + (from + length) * HOUR,
        };
        let second = Period {
            from_ms: first.to_ms,
            to_ms: first.to_ms + DAY,
        };
        let scope = CaseScope {
            areas: (draw.below(2) == 0).then(|| texts(&AREAS[..2])),
            departments: (draw.below(3) == 0).then(|| texts(&DEPARTMENTS[1..])),
            category: (draw.below(3) == 0).then(|| CLASSES[0].to_owned()),
        };
        let by = [
            None,
            Some(CountedBy::Area),
            Some(CountedBy::Department),
            Some(CountedBy::Category),
        ];
        let query = CountQuery {
            moments: moments(),
            periods: vec![first, second],
            by: draw.of(&by),
            scope,
        };
        require_rows(&store, &standing, &query.scope)?;
        let alike = store.counts(&query).unwrap();
        for (index, period) in query.periods.iter().enumerate() {
            for key in AREAS.into_iter().chain(DEPARTMENTS).chain(CLASSES) {
                let of = |case: &&CountedCase| is_meant(case, &query.scope, query.by, key);
                let meant = || standing.iter().filter(of).map(|case| &case.facts);
                for metric in METRICS {
                    let mut counted = Rate::default();
                    let found = alike.iter().filter(|found| {
                        found.moment == metric.moment && found.period == index && found.key == key
                    });
                    for found in found {
                        counted += metric.of_alike(found.traits, found.cases);
                    }
                    let expected = metric.rate(meant(), *period);
                    prop_assert_eq!(counted, expected, "{} of {:?}", metric.code, key);
                }
            }
        }
        Ok(())
    });
    outcome.unwrap();
}

/// A ledger reads back what was counted, and a board counts what is open.
fn require_rows(
    store: &impl Store,
    standing: &[CountedCase],
    scope: &CaseScope,
) -> Result<(), TestCaseError> {
    let meant = || {
        standing
            .iter()
            .filter(|case| is_meant(case, scope, None, ""))
    };
    let mut reported: Vec<&CountedCase> = meant().collect();
    reported.retain(|case| case.facts.reported_ms.is_some());
    let lines = store
        .reported_cases(scope, everything(), None, 100)
        .unwrap();
    prop_assert_eq!(lines.len(), reported.len());
    prop_assert!(lines.iter().all(|line| reported.contains(&&line.counted)));
    let (now, soon) = (MONDAY + 5 * DAY, MONDAY + 6 * DAY);
    let counts = store.board_counts(scope, now, soon).unwrap();
    let open = || meant().filter(|case| case.open);
    for stage in Stage::ALL {
        let expected = open().filter(|case| case.facts.stage == stage).count() as u64;
        let found = counts
            .by_stage
            .iter()
            .find(|(code, _)| code == stage.code());
        prop_assert_eq!(
            found.map_or(0, |(_, cases)| *cases),
            expected,
            "{:?}",
            stage
        );
    }
    let by_time = |is: &dyn Fn(i64) -> bool| {
        open()
            .filter(|case| case.late_from_ms.is_some_and(is))
            .count() as u64
    };
    prop_assert_eq!(counts.late, by_time(&|from| from <= now));
    prop_assert_eq!(
        counts.late_soon,
        by_time(&|from| now < from && from <= soon)
    );
    prop_assert_eq!(counts.in_time, by_time(&|from| from > soon));
    let no_clock = open().filter(|case| case.late_from_ms.is_none()).count() as u64;
    prop_assert_eq!(counts.no_clock, no_clock);
    let late = BoardList::Late { by_ms: now };
    let listed = store.board_list(scope, &late, None, 100).unwrap();
    prop_assert_eq!(listed.len() as u64, counts.late);
    Ok(())
}

fn is_meant(case: &CountedCase, scope: &CaseScope, by: Option<CountedBy>, key: &str) -> bool {
    let within = |list: &Option<Vec<String>>, code: &String| {
        list.as_ref().is_none_or(|list| list.contains(code))
    };
    let counted_under = match by {
        None => "",
        Some(CountedBy::Area) => &case.area,
        Some(CountedBy::Department) => &case.department,
        Some(CountedBy::Category) => &case.category,
    };
    within(&scope.areas, &case.area)
        && within(&scope.departments, &case.department)
        && scope
            .category
            .as_ref()
            .is_none_or(|code| *code == case.category)
        && counted_under == key
}

fn a_case_is_counted_as_it_stands_and_no_more_once_it_is_erased(store: &impl Store) {
    let begun = Entered::begun(1, &["a:1"]).on(store.head().unwrap());
    store.commit(&begun).unwrap();
    assert_eq!(count(store, Moment::Reported), 0);
    let reported = reported_at(MONDAY, Stage::Reported);
    commit(store, vec![case(1, &reported)]);
    commit(store, vec![case(1, &reported)]);
    assert_eq!(count(store, Moment::Reported), 1);
    let patrol = RecordRow {
        kind: Kind::Patrol,
        state: None,
        ..row(2, 1)
    };
    commit(store, vec![patrol]);
    assert_eq!(count(store, Moment::Reported), 1);
    erase(store, 1, &["a:1"]);
    assert_eq!(count(store, Moment::Reported), 0);
    let scope = CaseScope::default();
    assert_eq!(
        store.board_counts(&scope, MONDAY, MONDAY).unwrap(),
        BoardCounts::default()
    );
}

fn what_is_over_stays_judged_by_the_calendar_that_it_ended_under(store: &impl Store) {
    // Thursday, 2026-09-24; Friday is a holiday of the calendar, and none without one.
    let thursday = 1_790_208_000_000 + 9 * HOUR;
    let filed = |stage| CaseState {
        filed_at: Some(at(thursday)),
        course: Some(Course::begin(
            thursday,
            Limit {
                unit: LimitUnit::WorkDay,
                amount: 1,
            },
        )),
        ..reported_at(thursday, stage)
    };
    let (open, closed) = (filed(Stage::Dispatched), filed(Stage::Closed));
    commit(store, vec![case(1, &open), case(2, &closed)]);
    let due = || {
        let lines = store.reported_cases(&CaseScope::default(), everything(), None, 9);
        let lines = lines.unwrap();
        let due = |n: u8| lines.iter().find(|line| line.id == record(n)).unwrap();
        [1, 2].map(|n| due(n).counted.facts.due_ms.unwrap())
    };
    let before = due();
    assert_eq!(before[0], before[1]);
    calendar(store);
    let after = due();
    assert!(after[0] > before[0], "the open one has a holiday more");
    assert_eq!(after[1], before[1]);
}

fn the_lists_of_a_board_are_paged_and_show_what_is_open(store: &impl Store) {
    let hours = |amount| Limit {
        unit: LimitUnit::UrgentHour,
        amount,
    };
    let dispatched = |from: i64, limit| CaseState {
        filed_at: Some(at(from)),
        course: Some(Course::begin(from, hours(limit))),
        dispatched_at: Some(at(from)),
        ..reported_at(from, Stage::Dispatched)
    };
    let now = MONDAY + 10 * HOUR;
    let mut rows = Vec::new();
    for n in 0..6 {
        // Late since 8, 7 … 3 hours.
        rows.push(case(n, &dispatched(MONDAY + i64::from(n) * HOUR, 2)));
    }
    rows.push(case(10, &dispatched(now, 2)));
    rows.push(case(11, &dispatched(now, 100)));
    rows.push(case(12, &reported_at(now + 1, Stage::Reported)));
    let asked = CaseState {
        asked: Some(Asked::Suspension { by: "H1".into() }),
        ..dispatched(now + 2, 100)
    };
    rows.push(case(13, &asked));
    rows.push(case(14, &reported_at(now, Stage::Closed)));
    rows.push(case(15, &CaseState::default()));
    let handled = CaseState {
        handled_at: Some(at(now)),
        stage: Stage::Handled,
        ..dispatched(MONDAY, 1)
    };
    rows.push(case(16, &handled));
    let elsewhere = RecordRow {
        area: "99".to_owned(),
        ..case(17, &dispatched(MONDAY, 1))
    };
    rows.push(elsewhere);
    commit(store, rows);
    let scope = CaseScope {
        areas: Some(vec![row(1, 1).area]),
        ..CaseScope::default()
    };
    let all = |list: &BoardList| {
        let mut ids = Vec::new();
        let mut after = None;
        loop {
            let page = store.board_list(&scope, list, after, 2).unwrap();
            let Some(last) = page.last() else {
                return ids;
            };
            after = Some(last.place);
            ids.extend(page.iter().map(|line| line.id));
        }
    };
    let records = |numbers: &[u8]| numbers.iter().map(|n| record(*n)).collect::<Vec<_>>();
    assert_eq!(
        all(&BoardList::Late { by_ms: now }),
        records(&[0, 1, 2, 3, 4, 5])
    );
    let soon = BoardList::LateSoon {
        after_ms: now,
        by_ms: now + DAY,
    };
    assert_eq!(all(&soon), records(&[10]));
    let in_stages = |stages: &[&str], or_asked| {
        all(&BoardList::InStages {
            stages: texts(stages),
            or_asked,
        })
    };
    assert_eq!(in_stages(&["reported", "closed"], false), records(&[12]));
    assert_eq!(in_stages(&["reported", "closed"], true), records(&[12, 13]));
    let newest = all(&BoardList::Newest);
    assert_eq!(newest[..4], records(&[13, 12, 11, 10])[..]);
    assert_eq!(newest.len(), 11);
    let counts = store.board_counts(&scope, now, now + DAY).unwrap();
    let stages = [("dispatched", 9), ("handled", 1), ("reported", 1)];
    assert_eq!(
        counts.by_stage,
        stages.map(|(stage, n)| (stage.to_owned(), n))
    );
    let by_time = [
        counts.late,
        counts.late_soon,
        counts.in_time,
        counts.no_clock,
    ];
    assert_eq!((by_time, counts.asked), ([6, 1, 2, 2], 1));
}

fn a_ledger_is_read_in_pages_of_any_size(store: &impl Store) {
    // Several at one moment, which a page may end within.
    let rows = (0..20).map(|n| {
        let reported = MONDAY + i64::from(n / 5) * HOUR;
        case(n, &reported_at(reported, Stage::Reported))
    });
    commit(store, rows.collect());
    let period = Period {
        from_ms: MONDAY + HOUR,
        to_ms: MONDAY + 3 * HOUR,
    };
    for size in [1, 3, 5, 100] {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let scope = CaseScope::default();
            let page = store.reported_cases(&scope, period, after, size).unwrap();
            assert!(page.len() <= size);
            let Some(last) = page.last() else { break };
            after = Some(last.place);
            ids.extend(page.iter().map(|line| line.id));
        }
        let expected: Vec<RecordId> = (5..15).map(record).collect();
        assert_eq!(ids, expected, "pages of {size}");
    }
}
