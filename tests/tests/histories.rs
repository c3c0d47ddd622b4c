//! Promise: no sequence of proposals, from any number of phones and offices, in any order, leads to a history
//! that the table of steps does not allow; what is refused is refused with its code, and changes nothing.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gridlog_domain::id::RecordId;
use gridlog_domain::reference::Role;
use gridlog_domain::workflow::{History, PATHS, RefusalReason, STEPS, Stage, Step};
use gridlog_tests::District;
use gridlog_tests::street::{Matter, Street, matters};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Somebody proposes a step.
#[derive(Debug, Clone)]
struct Proposed {
    step: usize,
    by: By,
    /// What is said with it; without, whatever it needs is missing.
    says: bool,
}

#[derive(Debug, Clone, Copy)]
enum By {
    /// One of the phones, and whether it syncs afterwards.
    Phone(usize, bool),
    Office(Role),
}

fn anybody() -> impl Strategy<Value = By> {
    let roles = vec![
        Role::Acceptor,
        Role::Dispatcher,
        Role::Handler,
        Role::Checker,
        Role::DutyOfficer,
    ];
    prop_oneof![
        (0..2_usize, any::<bool>()).prop_map(|(phone, syncs)| By::Phone(phone, syncs)),
        proptest::sample::select(roles).prop_map(By::Office),
    ]
}

fn anything() -> impl Strategy<Value = Proposed> {
    (0..STEPS.len(), anybody(), proptest::bool::weighted(0.8))
        .prop_map(|(step, by, says)| Proposed { step, by, says })
}

/// A way that some matter takes, with some steps left out and others, by anybody, in between.
fn muddled_way() -> impl Strategy<Value = Vec<Proposed>> {
    let way = (0..PATHS.len()).prop_map(|path| PATHS[path].steps);
    let muddled = proptest::collection::vec((any::<bool>(), proptest::option::of(anything())), 16);
    (way, muddled, 0..2_usize).prop_map(|(way, muddle, phone)| {
        let mut all = Vec::new();
        for (number, (step, role)) in way.iter().enumerate() {
            let (left_out, between) = muddle[number % muddle.len()].clone();
            all.extend(between);
            if left_out && number % 4 == 3 {
                continue;
            }
            let by = match role.is_field() || *step == Step::Report {
                true => By::Phone(phone, true),
                false => By::Office(*role),
            };
            let step = STEPS.iter().position(|row| row.step == *step).unwrap();
            all.push(Proposed {
                step,
                by,
                says: true,
            });
        }
        all
    })
}

fn play(street: &mut Street<'_>, matter: &Matter, way: &[Proposed]) -> RecordId {
    let case = street.note(matter);
    for worker in &street.workers {
        worker.sync_all();
    }
    street.workers[1].sync_all();
    for proposed in way {
        let step = STEPS[proposed.step].step;
        let mut said = match proposed.says {
            true => street.said(step, matter),
            false => Default::default(),
        };
        match proposed.by {
            By::Phone(number, syncs) => {
                let worker = &street.workers[number];
                let shown = worker.show(case).unwrap();
                let last = shown.and_then(|shown| shown.state?.last);
                said.target = last.map(|last| last.proposal);
                // The phone itself refuses what the record cannot take; that is no ruling.
                let _ = worker.propose(case, step, said);
                if syncs {
                    worker.sync_all();
                }
            }
            By::Office(role) => {
                let office = street.office(role, step, matter);
                office.step(case, step.code(), serde_json::to_value(said).unwrap());
            }
        }
    }
    case
}

/// The rulings on a case, read by the table: how many were accepted, and where it stands.
fn read(street: &mut Street<'_>, matter: &Matter, case: RecordId) -> (usize, Stage) {
    let mut history = History::new();
    let mut accepted = 0;
    let office = street.office(Role::DutyOfficer, Step::Close, matter);
    for line in office.log() {
        if line["record"] != case.to_string().as_str() || line["fact"] != "ruling" {
            continue;
        }
        match line["refused"].as_str() {
            Some(code) => assert!(RefusalReason::from_code(code).is_some(), "{line}"),
            None => {
                let step = Step::from_code(line["step"].as_str().unwrap()).unwrap();
                let to = history.accept(step);
                assert!(to.is_some(), "no row of the table leads on: {line}");
                accepted += 1;
            }
        }
        assert_eq!(line["stage"], history.stage().code(), "{line}");
    }
    (accepted, history.stage())
}

#[test]
fn no_order_of_proposals_by_anybody_leads_to_a_history_that_the_table_does_not_allow() {
    let matters = matters();
    let district = District::new();
    let street = std::cell::RefCell::new(Street::of(&district));
    let most = std::cell::Cell::new(0);
    let config = Config {
        cases: 24,
        failure_persistence: None,
        max_shrink_iters: 20,
        ..Config::default()
    };
    let ways = (0..matters.len(), muddled_way());
    let run = TestRunner::new(config).run(&ways, |(matter, way)| {
        let street = &mut *street.borrow_mut();
        let matter = &matters[matter];
        let case = play(street, matter, &way);
        for number in [0, 1, 0] {
            street.workers[number].sync_all();
        }
        let (accepted, stage) = read(street, matter, case);
        most.set(most.get().max(accepted));
        for worker in &street.workers {
            let shown = worker.show(case).unwrap().unwrap();
            prop_assert_eq!(shown.row.stage.unwrap_or(Stage::Unreported), stage);
        }
        Ok(())
    });
    run.unwrap();
    assert!(most.get() > 5, "some way leads far");
}
