use super::*;
use crate::environment::SeededEntropy;
use crate::id::RecordId;
use crate::record::{Attendee, LogPosition, Meeting};
use crate::reference::{Limit, LimitUnit};
use crate::workflow::{Appeal, Asked, Call, Guard, Supervision};

fn catalogue() -> Catalogue {
    serde_json::from_str(include_str!("../../../../../data/catalogue.json")).unwrap()
}

fn entry(n: u64) -> EntryId {
    EntryId::new(i64::try_from(n).unwrap(), &mut SeededEntropy::new(n))
}

fn at(at_ms: i64) -> CountedTime {
    CountedTime {
        at_ms,
        flagged: false,
    }
}

fn actor(person: &str, role: Role) -> Actor {
    let department = (role == Role::Handler).then(|| Department::from("城管"));
    Actor {
        person: person.into(),
        roles: vec![HeldRole { role, department }],
        is_author: false,
    }
}

/// A proposal that says everything any step needs.
fn proposal(step: Step, by: &str, target: Option<EntryId>) -> Proposal {
    let record = |n: u8| RecordId::from_bytes([n; 16]);
    Proposal {
        step,
        by: by.into(),
        at_ms: 0,
        offset_ms: None,
        seen: LogPosition::default(),
        details: StepDetails {
            reason: Some("理由".to_owned()),
            result: Some("已处置".to_owned()),
            category: Some("01014".to_owned()),
            condition: Some("缺失".to_owned()),
            department: Some("城管".into()),
            departments: vec!["公安".into()],
            limit: Some(Limit {
                unit: LimitUnit::WorkDay,
                amount: 2,
            }),
            answer: Some(true),
            rating: Some(5),
            supervision: Some(1),
            level: Some(AreaLevel::Community),
            person: Some("L001".into()),
            case: Some(record(9)),
            parties: vec![record(7), record(8)],
            meeting: Some(Meeting {
                agenda: "停车".into(),
                people: vec![Attendee {
                    role: "居民代表".into(),
                    contact: Some(record(7)),
                    staff: None,
                }],
                resolution: "划线".into(),
                actions: Vec::new(),
            }),
            target,
        },
    }
}

/// A case in which nothing but the stage, the role and what is said can be wrong with the step.
fn ready_for(row: &StepRule, stage: Stage) -> CaseState {
    let moment = Some(at(1));
    let call = |reported_in, finished| Call {
        called: at(1),
        responded: reported_in,
        reported_in,
        finished,
        rating: None,
    };
    let mut state = CaseState {
        stage,
        department: Some("城管".into()),
        handler: Some("h".into()),
        ..CaseState::default()
    };
    let own: Department = "城管".into();
    for guard in row.guards {
        match guard {
            Guard::ExtensionIsAsked => {
                state.asked = Some(Asked::Extension {
                    limit: Limit {
                        unit: LimitUnit::WorkDay,
                        amount: 1,
                    },
                    by: "h".into(),
                });
            }
            Guard::SuspensionIsAsked => state.asked = Some(Asked::Suspension { by: "h".into() }),
            Guard::SupervisionIsOpen => {
                state.supervision = Some(Supervision {
                    overdue: false,
                    level: 1,
                    since: at(1),
                    reply_within: Limit {
                        unit: LimitUnit::WorkDay,
                        amount: 1,
                    },
                    answered: None,
                });
            }
            Guard::CallIsNew | Guard::CallIsUnderWay => {
                state.calls.insert(own.clone(), call(None, None));
            }
            Guard::CallIsAtThePlace => {
                state.calls.insert(own.clone(), call(moment, None));
            }
            Guard::CallIsFinished => {
                state.calls.insert(own.clone(), call(moment, moment));
            }
            Guard::PartIsOpen => {
                state.parts.insert(own.clone(), false);
            }
            Guard::AppealIsTheirsToReview => {
                state.appeal = Some(Appeal {
                    by: "h".into(),
                    at: at(1),
                    reviews: Vec::new(),
                });
            }
            Guard::NothingIsAsked
            | Guard::NobodyIsCalledTwice
            | Guard::NobodyJoinsTwice
            | Guard::PartsAreDone
            | Guard::NoAppealYet
            | Guard::NotOwnWork => {}
        }
    }
    state
}

struct Story {
    catalogue: Catalogue,
    state: CaseState,
    steps: u64,
}

impl Story {
    fn new() -> Self {
        Self {
            catalogue: catalogue(),
            state: CaseState::default(),
            steps: 0,
        }
    }

    fn try_step(&mut self, step: Step, who: &Actor) -> Outcome {
        self.steps += 1;
        let target = self.state.last.as_ref().map(|last| last.proposal);
        let proposal = proposal(step, who.person.as_str(), target);
        let rulebook = Rulebook::new(&self.catalogue);
        let now = at(i64::try_from(self.steps).unwrap());
        let ruling = rulebook.rule(&self.state, (entry(self.steps), &proposal), who, now);
        self.state = ruling.state;
        ruling.outcome
    }

    fn accept(mut self, step: Step, person: &str, role: Role) -> Self {
        let outcome = self.try_step(step, &actor(person, role));
        assert_eq!(outcome, Outcome::Accepted, "{step:?}");
        self
    }

    fn handled() -> Self {
        Self::new()
            .accept(Step::Report, "w", Role::GridWorker)
            .accept(Step::Register, "a", Role::Acceptor)
            .accept(Step::Dispatch, "d", Role::Dispatcher)
            .accept(Step::Feedback, "h", Role::Handler)
    }
}

#[test]
fn a_case_walks_from_report_to_closure_with_one_rework() {
    let story = Story::handled()
        .accept(Step::CheckFail, "c", Role::Checker)
        .accept(Step::Feedback, "h", Role::Handler)
        .accept(Step::CheckPass, "c", Role::Checker)
        .accept(Step::Close, "o", Role::DutyOfficer);
    assert_eq!(story.state.stage, Stage::Closed);
    assert_eq!(story.state.reworks, 1);
    assert_eq!(story.state.filed_at, Some(at(2)));
    assert_eq!(story.state.department, Some("城管".into()));
}

/// Where a row leads from a stage.
fn target(row: &StepRule, stage: Stage) -> Stage {
    match row.to {
        To::Stage(to) => to,
        To::Stays | To::Back | To::Undone => stage,
    }
}

#[test]
fn a_step_in_a_stage_that_does_not_allow_it_is_refused_and_changes_nothing() {
    for stage in Stage::ALL {
        for row in STEPS.iter().filter(|row| row.step != Step::Withdraw) {
            let mut story = Story::new();
            story.state = ready_for(row, stage);
            let before = story.state.clone();
            let mut who = actor("x", Role::GridWorker);
            who.roles = Role::ALL
                .iter()
                .flat_map(|role| actor("x", *role).roles)
                .collect();
            who.is_author = true;
            let outcome = story.try_step(row.step, &who);
            if row.from.contains(&stage) {
                assert_eq!(outcome, Outcome::Accepted, "{stage:?} {:?}", row.step);
                assert_eq!(story.state.stage, target(row, stage));
            } else {
                assert_eq!(outcome, Outcome::Refused(RefusalReason::WrongStage));
                assert_eq!(story.state, before);
            }
        }
    }
}

#[test]
fn a_role_that_a_step_does_not_name_is_refused() {
    for row in STEPS.iter().filter(|row| row.step != Step::Withdraw) {
        for role in Role::ALL {
            let mut story = Story::new();
            story.state = ready_for(row, row.from[0]);
            let allowed = row.by.iter().any(|who| match who {
                Who::Role(allowed) => *allowed == role,
                Who::Field => role.is_field(),
                Who::HandlingDepartment | Who::CalledDepartment | Who::JoinedDepartment => {
                    role == Role::Handler
                }
                Who::Author | Who::WhoTookIt => false,
            });
            let outcome = story.try_step(row.step, &actor("x", role));
            let expected = if allowed {
                Outcome::Accepted
            } else {
                Outcome::Refused(RefusalReason::NotYourRole)
            };
            assert_eq!(outcome, expected, "{:?} {role:?}", row.step);
        }
    }
}

#[test]
fn a_step_whose_condition_does_not_hold_is_refused_with_its_own_reason() {
    let expected = |guard: Guard| match guard {
        Guard::NothingIsAsked => RefusalReason::AlreadyAsked,
        Guard::ExtensionIsAsked | Guard::SuspensionIsAsked => RefusalReason::NothingAsked,
        Guard::SupervisionIsOpen => RefusalReason::NotSupervised,
        Guard::NobodyIsCalledTwice => RefusalReason::AlreadyCalled,
        // Who was not called has no call to answer.
        Guard::CallIsNew | Guard::CallIsUnderWay | Guard::CallIsAtThePlace | Guard::PartIsOpen => {
            RefusalReason::NotYourDepartment
        }
        Guard::CallIsFinished => RefusalReason::NotCalled,
        Guard::NobodyJoinsTwice => RefusalReason::AlreadyJoined,
        Guard::PartsAreDone => RefusalReason::PartsOpen,
        Guard::NoAppealYet => RefusalReason::AlreadyAppealed,
        Guard::AppealIsTheirsToReview => RefusalReason::NoAppeal,
        Guard::NotOwnWork => RefusalReason::OwnWork,
    };
    let joined: Department = "公安".into();
    for row in STEPS {
        for guard in row.guards {
            let mut story = Story::new();
            story.state = ready_for(
                &StepRule {
                    guards: &[],
                    ..*row
                },
                row.from[0],
            );
            match guard {
                Guard::NothingIsAsked => {
                    story.state.asked = Some(Asked::Suspension { by: "h".into() });
                }
                Guard::NobodyIsCalledTwice => {
                    let called = ready_for(Step::Respond.rule(), Stage::Dispatched).calls;
                    let call = called.values().next().cloned().unwrap();
                    story.state.calls.insert(joined.clone(), call);
                }
                Guard::NobodyJoinsTwice | Guard::PartsAreDone => {
                    story.state.parts.insert(joined.clone(), false);
                }
                Guard::NoAppealYet => {
                    story.state.appeal = ready_for(Step::ReviewAppeal.rule(), Stage::Closed).appeal;
                }
                Guard::NotOwnWork => story.state.handler = Some("x".into()),
                _ => {}
            }
            let mut who = actor("x", Role::Handler);
            who.roles = Role::ALL
                .iter()
                .flat_map(|role| actor("x", *role).roles)
                .collect();
            let before = story.state.clone();
            let outcome = story.try_step(row.step, &who);
            assert_eq!(
                outcome,
                Outcome::Refused(expected(*guard)),
                "{:?} {guard:?}",
                row.step
            );
            assert_eq!(story.state, before);
        }
    }
}

#[test]
fn what_a_step_needs_must_be_said_with_it() {
    let catalogue = catalogue();
    let rulebook = Rulebook::new(&catalogue);
    let empty = StepDetails::default();
    let cases = [
        (Need::Reason, RefusalReason::ReasonRequired),
        (Need::Result, RefusalReason::ResultRequired),
        (Need::Category, RefusalReason::UnknownCategory),
        (Need::Department, RefusalReason::UnknownDepartment),
        (Need::Departments, RefusalReason::UnknownDepartment),
        (Need::Answer, RefusalReason::AnswerRequired),
        (Need::Limit, RefusalReason::LimitRequired),
        (Need::Rating, RefusalReason::RatingRequired),
        (Need::Supervision, RefusalReason::LevelRequired),
        (Need::Level, RefusalReason::NotHigher),
        (Need::Person, RefusalReason::PersonRequired),
        (Need::Case, RefusalReason::CaseRequired),
        (Need::Parties, RefusalReason::PeopleRequired),
        (Need::Target, RefusalReason::NothingToWithdraw),
    ];
    let state = CaseState::default();
    for (need, reason) in cases {
        assert_eq!(rulebook.check_need(need, &state, &empty), Err(reason));
    }
    let half = StepDetails {
        category: Some("01014".to_owned()),
        ..StepDetails::default()
    };
    assert_eq!(
        rulebook.check_need(Need::Category, &state, &half),
        Err(RefusalReason::UnknownCondition)
    );
}

#[test]
fn a_case_neither_repeats_itself_nor_is_linked_with_itself() {
    let catalogue = catalogue();
    let [this, other] = [1, 2].map(|n| RecordId::from_bytes([n; 16]));
    let names = |case| StepDetails {
        case: Some(case),
        ..StepDetails::default()
    };
    let rulebook = Rulebook::new(&catalogue).of(this);
    let named = |case| rulebook.check_need(Need::Case, &CaseState::default(), &names(case));
    assert_eq!(named(this), Err(RefusalReason::CaseRequired));
    assert_eq!(named(other), Ok(()));
}

#[test]
fn a_department_that_does_not_have_the_case_cannot_answer_for_it() {
    let mut story = Story::handled().accept(Step::CheckFail, "c", Role::Checker);
    let mut other = actor("h2", Role::Handler);
    other.roles[0].department = Some("公安".into());
    let outcome = story.try_step(Step::Feedback, &other);
    assert_eq!(outcome, Outcome::Refused(RefusalReason::NotYourDepartment));
}

#[test]
fn nobody_checks_what_they_handled_themselves() {
    let mut story = Story::handled();
    let outcome = story.try_step(Step::CheckPass, &actor("h", Role::Checker));
    assert_eq!(outcome, Outcome::Refused(RefusalReason::OwnWork));
}

#[test]
fn a_reporter_takes_a_report_back_until_somebody_answers_it() {
    let mut story = Story::new().accept(Step::Report, "w", Role::GridWorker);
    let stranger = story.try_step(Step::Withdraw, &actor("v", Role::GridWorker));
    assert_eq!(stranger, Outcome::Refused(RefusalReason::NotYourRole));
    assert_eq!(
        story.try_step(Step::Withdraw, &actor("w", Role::GridWorker)),
        Outcome::Accepted
    );
    assert_eq!(story.state.stage, Stage::Withdrawn);

    let mut answered = Story::new()
        .accept(Step::Report, "w", Role::GridWorker)
        .accept(Step::Register, "a", Role::Acceptor);
    let late = answered.try_step(Step::Withdraw, &actor("a", Role::GridWorker));
    assert_eq!(late, Outcome::Refused(RefusalReason::CannotWithdraw));
}

#[test]
fn next_steps_are_those_that_would_not_be_refused_for_stage_or_role() {
    let story = Story::handled();
    let rulebook = Rulebook::new(&story.catalogue);
    let steps = rulebook.next_steps(&story.state, &actor("c", Role::Checker));
    assert_eq!(steps, [Step::CheckPass, Step::CheckFail]);
    assert_eq!(
        rulebook.next_steps(&story.state, &actor("w", Role::GridWorker)),
        [Step::Escalate, Step::Consult]
    );
    assert_eq!(
        rulebook.next_steps(&story.state, &actor("h", Role::Handler)),
        [Step::Withdraw]
    );
}

#[test]
fn every_reason_has_a_code_of_its_own_and_words_in_both_languages() {
    for reason in RefusalReason::ALL {
        assert_eq!(RefusalReason::from_code(reason.code()), Some(reason));
        assert!(!reason.zh().is_empty() && !reason.en().is_empty());
    }
}
