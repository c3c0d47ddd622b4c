use super::*;
use crate::environment::SeededEntropy;
use crate::record::LogPosition;
use crate::workflow::STEPS;

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
            target,
        },
    }
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
        let rulebook = Rulebook {
            catalogue: &self.catalogue,
        };
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

#[test]
fn a_step_in_a_stage_that_does_not_allow_it_is_refused_and_changes_nothing() {
    for stage in Stage::ALL {
        for row in STEPS.iter().filter(|row| row.step != Step::Withdraw) {
            let mut story = Story::new();
            story.state.stage = stage;
            story.state.department = Some("城管".into());
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
                assert_eq!(story.state.stage, row.to);
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
            story.state.stage = row.from[0];
            story.state.department = Some("城管".into());
            let allowed = row.by.iter().any(|who| match who {
                Who::Role(allowed) => *allowed == role,
                Who::Field => role.is_field(),
                Who::HandlingDepartment => role == Role::Handler,
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
fn what_a_step_needs_must_be_said_with_it() {
    let catalogue = catalogue();
    let rulebook = Rulebook {
        catalogue: &catalogue,
    };
    let empty = StepDetails::default();
    let cases = [
        (Need::Reason, RefusalReason::ReasonRequired),
        (Need::Result, RefusalReason::ResultRequired),
        (Need::Category, RefusalReason::UnknownCategory),
        (Need::Department, RefusalReason::UnknownDepartment),
        (Need::Target, RefusalReason::NothingToWithdraw),
    ];
    for (need, reason) in cases {
        assert_eq!(rulebook.check_need(need, &empty), Err(reason));
    }
    let half = StepDetails {
        category: Some("01014".to_owned()),
        ..StepDetails::default()
    };
    assert_eq!(
        rulebook.check_need(Need::Category, &half),
        Err(RefusalReason::UnknownCondition)
    );
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
    let rulebook = Rulebook {
        catalogue: &story.catalogue,
    };
    let steps = rulebook.next_steps(&story.state, &actor("c", Role::Checker));
    assert_eq!(steps, [Step::CheckPass, Step::CheckFail]);
    assert_eq!(
        rulebook.next_steps(&story.state, &actor("w", Role::GridWorker)),
        []
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
