//! Stories of cases that need more than report, dispatch and close.

use super::{
    Actor, CaseState, HeldRole, Outcome, PATHS, Path, RefusalReason, Rulebook, Stage, Step,
    TimerKind, next_timer,
};
use crate::deadline::Timetable;
use crate::environment::SeededEntropy;
use crate::id::{Department, EntryId, RecordId};
use crate::record::{Attendee, LogPosition, Meeting, Proposal, StepDetails};
use crate::reference::{AreaLevel, Calendar, Catalogue, Limit, LimitUnit, Limits, Role};
use crate::time::CountedTime;

/// Monday 2026-11-16, 09:00 in Shanghai.
const MONDAY_9: i64 = 1_794_790_800_000;
const HOUR: i64 = 3_600_000;

struct Case {
    catalogue: Catalogue,
    timetable: Timetable,
    state: CaseState,
    hour: i64,
}

fn days(amount: u32) -> Option<Limit> {
    let unit = LimitUnit::WorkDay;
    Some(Limit { unit, amount })
}

fn said() -> StepDetails {
    StepDetails {
        reason: Some("理由".into()),
        result: Some("经过".into()),
        ..StepDetails::default()
    }
}

impl Case {
    /// Nobody has reported it yet.
    fn new() -> Self {
        Self {
            catalogue: serde_json::from_str(include_str!("../../../../data/catalogue.json"))
                .unwrap(),
            timetable: Timetable::new(
                &serde_json::from_str::<Calendar>(include_str!("../../../../data/calendar.json"))
                    .unwrap(),
            )
            .unwrap(),
            state: CaseState::default(),
            hour: 0,
        }
    }

    /// Registered on Monday at 9:00, with a limit of two working days; the department has it.
    fn dispatched() -> Self {
        let mut case = Self::new();
        let filing = StepDetails {
            category: Some("01014".into()),
            condition: Some("破损".into()),
            ..said()
        };
        let to = StepDetails {
            department: Some("城管".into()),
            ..said()
        };
        case.take(Step::Report, "w", Role::GridWorker, said());
        case.take(Step::Register, "a", Role::Acceptor, filing);
        case.take(Step::Dispatch, "d", Role::Dispatcher, to);
        case
    }

    /// Lets hours pass.
    fn after(&mut self, hours: i64) -> &mut Self {
        self.hour += hours;
        self
    }

    fn ask(&mut self, step: Step, person: &str, role: Role, details: StepDetails) -> Outcome {
        let of = if person.starts_with("公安") {
            "公安"
        } else {
            "城管"
        };
        let department = (role == Role::Handler).then(|| of.into());
        let who = Actor {
            person: person.into(),
            roles: vec![HeldRole { role, department }],
            is_author: false,
        };
        self.rule(step, &who, details)
    }

    fn rule(&mut self, step: Step, who: &Actor, details: StepDetails) -> Outcome {
        let at = CountedTime {
            at_ms: MONDAY_9 + self.hour * HOUR,
            flagged: false,
        };
        let proposal = Proposal {
            step,
            by: who.person.clone(),
            at_ms: at.at_ms,
            offset_ms: None,
            seen: LogPosition::default(),
            details,
        };
        let id = EntryId::new(at.at_ms, &mut SeededEntropy::new(self.hour.unsigned_abs()));
        let rulebook = Rulebook::new(&self.catalogue);
        let ruling = rulebook.rule(&self.state, (id, &proposal), who, at);
        self.state = ruling.state;
        ruling.outcome
    }

    fn take(&mut self, step: Step, person: &str, role: Role, details: StepDetails) -> &mut Self {
        assert_eq!(
            self.ask(step, person, role, details),
            Outcome::Accepted,
            "{step:?}"
        );
        self
    }

    /// A step on the way of a matter, by somebody who acts for every department that has to do with it.
    fn walk(&mut self, step: Step, role: Role, details: StepDetails) {
        let departments = [details.department.clone(), Some("公安".into())];
        let roles = match role {
            Role::Handler => departments
                .into_iter()
                .map(|department| HeldRole { role, department })
                .collect(),
            _ => vec![HeldRole {
                role,
                department: None,
            }],
        };
        let who = Actor {
            person: format!("{}{}", role.code(), step.code()).as_str().into(),
            roles,
            is_author: step == Step::Report,
        };
        let outcome = self.rule(step, &who, details);
        assert_eq!(
            outcome,
            Outcome::Accepted,
            "{step:?} in {:?}",
            self.state.stage
        );
    }

    /// Hours from Monday, 9:00, to its deadline; `None` while it stands still.
    fn due_hours(&self) -> Option<i64> {
        let due = self.state.course.as_ref().unwrap().due(&self.timetable)?;
        Some((due.at_ms - MONDAY_9) / HOUR)
    }
}

/// Wednesday, 18:00.
const WEDNESDAY_18: i64 = 2 * 24 + 9;

#[test]
fn more_time_is_asked_for_and_granted_or_not() {
    let mut case = Case::dispatched();
    assert_eq!(case.due_hours(), Some(WEDNESDAY_18));
    let more = || StepDetails {
        limit: days(1),
        ..said()
    };
    let twice = case
        .take(Step::AskExtension, "h", Role::Handler, more())
        .ask(Step::AskExtension, "h", Role::Handler, more());
    assert_eq!(twice, Outcome::Refused(RefusalReason::AlreadyAsked));
    case.take(Step::DenyExtension, "o", Role::DutyOfficer, said());
    assert_eq!(case.due_hours(), Some(WEDNESDAY_18));
    case.take(Step::AskExtension, "h", Role::Handler, more())
        .take(Step::GrantExtension, "o", Role::DutyOfficer, said());
    assert_eq!(case.due_hours(), Some(WEDNESDAY_18 + 24));
    let nobody_asked = case.ask(Step::GrantExtension, "o", Role::DutyOfficer, said());
    assert_eq!(nobody_asked, Outcome::Refused(RefusalReason::NothingAsked));
}

#[test]
fn a_suspended_case_has_no_deadline_until_it_goes_on_where_it_stood() {
    let mut case = Case::dispatched();
    case.after(24)
        .take(Step::AskSuspension, "h", Role::Handler, said())
        .take(Step::GrantSuspension, "o", Role::DutyOfficer, said());
    assert_eq!(
        (case.state.stage, case.due_hours()),
        (Stage::Suspended, None)
    );
    case.after(7 * 24)
        .take(Step::Resume, "h", Role::Handler, said());
    assert_eq!(case.state.stage, Stage::Dispatched);
    assert_eq!(case.due_hours(), Some(WEDNESDAY_18 + 7 * 24));
}

#[test]
fn a_street_calls_a_department_which_answers_comes_finishes_and_is_rated() {
    let mut case = Case::dispatched();
    let police = || StepDetails {
        departments: vec!["公安".into()],
        department: Some("公安".into()),
        rating: Some(4),
        ..said()
    };
    case.take(Step::Whistle, "d", Role::Dispatcher, police());
    let not_called = case.ask(Step::Respond, "h", Role::Handler, said());
    assert_eq!(
        not_called,
        Outcome::Refused(RefusalReason::NotYourDepartment)
    );
    let not_there = case.ask(Step::FinishCall, "公安1", Role::Handler, said());
    assert_eq!(not_there, Outcome::Refused(RefusalReason::NotReportedIn));
    let too_early = case.ask(Step::RateCall, "d", Role::Dispatcher, police());
    assert_eq!(too_early, Outcome::Refused(RefusalReason::NotCalled));
    case.after(1)
        .take(Step::Respond, "公安1", Role::Handler, said())
        .after(1)
        .take(Step::ReportIn, "公安2", Role::Handler, said())
        .after(1)
        .take(Step::FinishCall, "公安2", Role::Handler, said())
        .take(Step::RateCall, "d", Role::Dispatcher, police());
    let call = &case.state.calls[&"公安".into()];
    let hours = |at: Option<CountedTime>| at.map(|at| (at.at_ms - MONDAY_9) / HOUR);
    assert_eq!(hours(call.responded), Some(1));
    assert_eq!(hours(call.reported_in), Some(2));
    assert_eq!(hours(call.finished), Some(3));
    assert_eq!(call.rating, Some(4));
}

#[test]
fn whoever_leads_answers_when_every_department_has_done_its_part() {
    let mut case = Case::dispatched();
    let police = StepDetails {
        departments: vec!["公安".into()],
        ..said()
    };
    case.take(Step::Join, "d", Role::Dispatcher, police);
    let too_early = case.ask(Step::Feedback, "h", Role::Handler, said());
    assert_eq!(too_early, Outcome::Refused(RefusalReason::PartsOpen));
    case.take(Step::FinishPart, "公安1", Role::Handler, said());
    let twice = case.ask(Step::FinishPart, "公安1", Role::Handler, said());
    assert_eq!(twice, Outcome::Refused(RefusalReason::NotJoined));
    case.take(Step::Feedback, "h", Role::Handler, said());
    assert_eq!(case.state.stage, Stage::Handled);
}

#[test]
fn parties_sit_together_until_they_agree_or_give_up() {
    let parties = || StepDetails {
        parties: vec![RecordId::from_bytes([1; 16]), RecordId::from_bytes([2; 16])],
        ..said()
    };
    let mut case = Case::dispatched();
    case.take(Step::BeginMediation, "w", Role::GridWorker, parties())
        .take(Step::Mediate, "w", Role::GridWorker, said())
        .take(Step::FailMediation, "w", Role::GridWorker, said());
    assert_eq!(case.state.stage, Stage::Dispatched);
    case.take(Step::BeginMediation, "w", Role::GridWorker, parties())
        .take(Step::Mediate, "w", Role::GridWorker, said())
        .take(Step::Agree, "w", Role::GridWorker, said());
    let mediation = case.state.mediation.as_ref().unwrap();
    assert_eq!((mediation.sessions, mediation.agreed), (2, Some(true)));
    assert_eq!(case.state.stage, Stage::Handled);
    let own = case.ask(Step::CheckPass, "w", Role::Checker, said());
    assert_eq!(own, Outcome::Refused(RefusalReason::OwnWork));
}

#[test]
fn an_appeal_is_made_once_and_decided_by_two_others() {
    let mut case = Case::dispatched();
    case.take(Step::Feedback, "h", Role::Handler, said())
        .take(Step::CheckPass, "c", Role::Checker, said())
        .take(Step::Close, "o", Role::DutyOfficer, said())
        .take(Step::Appeal, "h2", Role::Handler, said());
    let again = case.ask(Step::Appeal, "h", Role::Handler, said());
    assert_eq!(again, Outcome::Refused(RefusalReason::AlreadyAppealed));
    let upholds = || StepDetails {
        answer: Some(true),
        ..said()
    };
    for own in ["h", "h2"] {
        let outcome = case.ask(Step::ReviewAppeal, own, Role::Checker, upholds());
        assert_eq!(outcome, Outcome::Refused(RefusalReason::NotYoursToReview));
    }
    case.take(Step::ReviewAppeal, "c", Role::Checker, upholds());
    assert_eq!(case.state.appeal.as_ref().unwrap().outcome(), None);
    let twice = case.ask(Step::ReviewAppeal, "c", Role::DutyOfficer, upholds());
    assert_eq!(twice, Outcome::Refused(RefusalReason::NotYoursToReview));
    case.take(Step::ReviewAppeal, "o", Role::DutyOfficer, upholds());
    assert_eq!(case.state.appeal.as_ref().unwrap().outcome(), Some(true));
    let decided = case.ask(Step::ReviewAppeal, "c3", Role::Checker, upholds());
    assert_eq!(decided, Outcome::Refused(RefusalReason::NoAppeal));
}

#[test]
fn a_case_goes_up_one_level_at_a_time_or_more_and_never_down() {
    let mut case = Case::dispatched();
    let to = |level| StepDetails {
        level: Some(level),
        ..said()
    };
    case.take(Step::Escalate, "w", Role::GridWorker, to(AreaLevel::Street));
    for level in [AreaLevel::Street, AreaLevel::Community, AreaLevel::Grid] {
        let outcome = case.ask(Step::Escalate, "w", Role::GridWorker, to(level));
        assert_eq!(outcome, Outcome::Refused(RefusalReason::NotHigher));
    }
    case.take(
        Step::Escalate,
        "d",
        Role::Dispatcher,
        to(AreaLevel::District),
    );
}

#[test]
fn a_case_that_is_opened_again_begins_anew_and_remembers() {
    let mut case = Case::dispatched();
    case.take(Step::ForceClose, "o", Role::DutyOfficer, said());
    assert!(case.state.forced);
    case.take(Step::Reopen, "o", Role::DutyOfficer, said());
    assert_eq!(case.state.stage, Stage::Reported);
    assert_eq!((case.state.reopened, case.state.forced), (1, false));
    assert_eq!((&case.state.department, &case.state.course), (&None, &None));
}

#[test]
fn what_only_watches_a_case_does_not_stop_its_reporter_from_taking_it_back() {
    let mut case = Case::dispatched();
    case.take(Step::Feedback, "h", Role::Handler, said());
    let feedback = case.state.last.as_ref().unwrap().proposal;
    case.take(Step::Urge, "o", Role::DutyOfficer, said());
    let back = StepDetails {
        target: Some(feedback),
        ..said()
    };
    case.take(Step::Withdraw, "h", Role::Handler, back);
    assert_eq!((case.state.stage, case.state.urges), (Stage::Dispatched, 1));
}

#[test]
fn supervision_is_answered_by_the_department_once() {
    let mut case = Case::dispatched();
    let level = StepDetails {
        supervision: Some(2),
        limit: days(3),
        ..said()
    };
    case.take(Step::Supervise, "o", Role::DutyOfficer, level)
        .take(Step::AnswerSupervision, "h", Role::Handler, said());
    let twice = case.ask(Step::AnswerSupervision, "h", Role::Handler, said());
    assert_eq!(twice, Outcome::Refused(RefusalReason::NotSupervised));
    assert_eq!(case.state.supervision.as_ref().unwrap().level, 2);
}

#[test]
fn a_community_is_given_only_what_its_list_admits() {
    let community = Department::from("430111003001");
    let mut case = Case::dispatched();
    let admitted = ["01037".to_owned(), "55".to_owned()];
    case.catalogue
        .admitted
        .insert(community.clone(), admitted.into());
    let there = StepDetails {
        department: Some(community.clone()),
        departments: vec![community.clone()],
        ..said()
    };
    for step in [Step::Forward, Step::Join, Step::Whistle] {
        let refused = case.ask(step, "d", Role::Dispatcher, there.clone());
        assert_eq!(
            refused,
            Outcome::Refused(RefusalReason::NotAdmitted),
            "{step:?}"
        );
    }
    let list = case.catalogue.admitted.get_mut(&community).unwrap();
    list.insert("01014".to_owned());
    case.take(Step::Forward, "d", Role::Dispatcher, there);
    assert_eq!(case.state.department, Some(community));
}

#[test]
fn work_done_in_time_whose_word_came_late_is_said_to_have_been_in_time_and_the_entry_stays() {
    let mut case = Case::dispatched();
    let due = case
        .state
        .course
        .as_ref()
        .unwrap()
        .due(&case.timetable)
        .unwrap();
    let overdue = next_timer(&case.state, &case.timetable, &Limits::default()).unwrap();
    assert_eq!(
        (overdue.due_ms, overdue.kind),
        (due.at_ms, TimerKind::Overdue)
    );
    case.state = case.state.after(overdue);
    case.after(2)
        .take(Step::Feedback, "h", Role::Handler, said());
    assert!(case.state.done_in_time);
    assert_eq!(case.state.overdue_ms, Some(due.at_ms));
    case.take(Step::CheckFail, "c", Role::Checker, said());
    case.after(24 * 30)
        .take(Step::Feedback, "h", Role::Handler, said());
    assert!(!case.state.done_in_time, "the second time it was late");
}

/// All that a step on a way may have to say.
fn all_said(matter: &Matter) -> StepDetails {
    let departments = || vec!["公安".into()];
    StepDetails {
        category: Some(matter.code.clone()),
        departments: departments(),
        limit: days(1),
        answer: Some(true),
        rating: Some(5),
        supervision: Some(2),
        level: Some(AreaLevel::Street),
        person: Some("领导".into()),
        case: Some(RecordId::from_bytes([9; 16])),
        parties: vec![RecordId::from_bytes([1; 16]), RecordId::from_bytes([2; 16])],
        meeting: Some(Meeting {
            agenda: matter.title.clone(),
            people: vec![Attendee {
                role: "居民代表".into(),
                contact: Some(RecordId::from_bytes([3; 16])),
                staff: None,
            }],
            resolution: "协商一致".into(),
            actions: Vec::new(),
        }),
        ..said()
    }
}

#[derive(serde::Deserialize)]
struct Matter {
    code: String,
    title: String,
    path: String,
}

#[derive(serde::Deserialize)]
struct Matters {
    matters: Vec<Matter>,
}

#[test]
fn every_matter_walks_the_way_that_it_names() {
    let text = include_str!("../../../../data/matters.json");
    let matters: Matters = serde_json::from_str(text).unwrap();
    assert_eq!(matters.matters.len(), 42);
    for matter in &matters.matters {
        let path = Path::from_code(&matter.path).unwrap();
        let mut case = Case::new();
        let minor = case.catalogue.minor(&matter.code).unwrap().clone();
        for (step, role) in path.steps {
            let mut details = all_said(matter);
            details.condition = Some(minor.filing_conditions[0].name.clone());
            details.department = Some(match step {
                Step::RateCall => "公安".into(),
                _ => minor.department.clone(),
            });
            case.after(1).walk(*step, *role, details);
        }
        assert!(
            case.state.stage.is_over(),
            "{} {}",
            matter.path,
            matter.title
        );
    }
    for path in PATHS {
        let is_walked = matters
            .matters
            .iter()
            .any(|matter| matter.path == path.code);
        assert!(is_walked, "no matter takes the way {}", path.code);
    }
}
