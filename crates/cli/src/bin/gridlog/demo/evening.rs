//! Evening: the server is back, everybody syncs at once, and what can break breaks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use gridlog_cli::proxy::{Cut, Direction, Traffic};
use gridlog_domain::id::{Department, PersonId, RecordId};
use gridlog_domain::record::StepDetails;
use gridlog_domain::reference::Role;
use gridlog_domain::workflow::{Stage as CaseStage, Step};

use super::hands::all_at_once;
use super::hostile::{self, Hostile};
use super::office::{Desk, Office};
use super::photos;
use super::progress::Progress;
use super::reassigned::{self, Moving, Reassigned};
use super::stage::{Stage, someone};
use crate::error::CliError;

/// How much of an answer still reaches the phone whose connection is cut.
const CUT_AFTER: u64 = 300;
/// How many cases go on to departments.
const DISPATCHED: usize = 8;

/// What the evening leaves to be checked.
#[derive(Debug)]
pub(super) struct Evening {
    /// What went over the lines while everybody synced.
    pub(super) traffic: Traffic,
    /// How many phones had come to an end when the server was killed.
    pub(super) done_before_kill: usize,
    /// Exchanges that broke off and were begun again.
    pub(super) broken: u32,
    /// Whether some phones were still syncing then.
    pub(super) was_killed_midway: bool,
    /// Whether the cut connection was cut.
    pub(super) was_cut: bool,
    /// What a rogue device sent, and how it was answered.
    pub(super) hostile: Hostile,
    /// What became of a visit from before a reassignment.
    pub(super) reassigned: Reassigned,
}

/// Plays the evening.
pub(super) fn play(
    stage: &mut Stage,
    moving: Moving,
    progress: &Progress,
) -> Result<Evening, CliError> {
    progress.chapter("晚上 Evening");
    stage.start_server()?;
    progress.line("服务器恢复，所有手机同时同步 the server is back, all phones sync at once");
    let before = stage.traffic();
    stage.phones[0].proxy.cut_next(Cut {
        direction: Direction::Down,
        after: CUT_AFTER,
    });
    let (done_before_kill, broken) = sync_through_a_kill(stage)?;
    let was_cut = stage.phones[0].proxy.traffic().cuts > 0;
    progress.line(&format!(
        "中途杀死服务器一次（当时 {done_before_kill} 台已完成），切断一条连接，{broken} 次中断后续传 \
         the server was killed once and one connection cut; {broken} exchanges resumed"
    ));
    for _ in 0..2 {
        all_at_once(&mut stage.phones, |phone| phone.sync_until_decided())?;
    }
    let traffic = stage.traffic().since(&before);
    progress.line(&format!(
        "同步完成 synced：{} 字节 bytes，{} 次往返 round trips",
        traffic.bytes(),
        traffic.requests
    ));
    all_at_once(&mut stage.phones, |phone| photos::send(phone))?;
    progress.line("照片已上传 photos are on the server");
    office_hours(stage, progress)?;
    let hostile = hostile::play(stage, progress)?;
    let reassigned = reassigned::play(stage, moving, progress)?;
    all_at_once(&mut stage.phones, |phone| phone.sync_until_decided())?;
    progress.line("手机已取得社区的裁定 phones have the office's rulings");
    Ok(Evening {
        traffic,
        done_before_kill,
        broken,
        was_killed_midway: done_before_kill < stage.phones.len(),
        was_cut,
        hostile,
        reassigned,
    })
}

/// All phones sync at once; the server is killed as soon as it has answered a few of them.
fn sync_through_a_kill(stage: &mut Stage) -> Result<(usize, u32), CliError> {
    let done = AtomicUsize::new(0);
    let answered_before = stage.traffic().down;
    let (phones, mut power) = stage.split();
    let count = phones.len();
    let proxies: Vec<_> = phones.iter().map(|phone| phone.proxy.meter()).collect();
    thread::scope(|scope| {
        let done = &done;
        let syncing = scope.spawn(move || {
            all_at_once(phones, |phone| {
                let tries = phone.sync_until_decided();
                done.fetch_add(1, Ordering::SeqCst);
                tries
            })
        });
        let answered = || {
            proxies
                .iter()
                .map(|meter| meter.traffic().down)
                .sum::<u64>()
        };
        while answered() < answered_before + 20_000 && done.load(Ordering::SeqCst) < count {
            thread::sleep(Duration::from_millis(1));
        }
        let done_before_kill = done.load(Ordering::SeqCst);
        power.cut()?;
        let tries = syncing.join().unwrap_or_else(|_| {
            Err(CliError::Demo {
                code: "demo_phone_panicked",
                zh: "一台手机的程序异常退出".to_owned(),
                en: "a phone's thread panicked; its message is above".to_owned(),
            })
        })?;
        Ok((
            done_before_kill,
            tries.iter().map(|tries| tries.broken).sum(),
        ))
    })
}

/// The office works through what came in.
fn office_hours(stage: &Stage, progress: &Progress) -> Result<(), CliError> {
    let office = stage.office();
    let sign_in = |person: &PersonId| office.sign_in(person, &stage.password);
    let acceptor = sign_in(&someone(&stage.street, Role::Acceptor)?)?;
    let dispatcher = sign_in(&someone(&stage.street, Role::Dispatcher)?)?;
    let checker = sign_in(&someone(&stage.street, Role::Checker)?)?;
    let officer = sign_in(&someone(&stage.street, Role::DutyOfficer)?)?;
    let registered = register(stage, &acceptor)?;
    progress.line(&format!(
        "受理员立案 {} 件，不予立案 1 件 the acceptor registered {} and rejected 1",
        registered.len(),
        registered.len()
    ));
    let refused = acceptor
        .step(registered[0], Step::Dispatch, &StepDetails::default())?
        .refused;
    progress.line(&format!(
        "受理员越权派遣，未采纳 the acceptor may not dispatch: {}",
        refused.unwrap_or_default()
    ));
    let dispatched = &registered[..DISPATCHED.min(registered.len())];
    for case in dispatched {
        dispatch(stage, &dispatcher, *case)?;
    }
    for case in &dispatched[..dispatched.len() - 1] {
        feed_back(stage, &office, &officer, *case, "已派员到场处置完毕。")?;
    }
    progress.line(&format!(
        "派遣员派遣 {} 件，部门反馈 {} 件 dispatched {}, fed back {}",
        dispatched.len(),
        dispatched.len() - 1,
        dispatched.len(),
        dispatched.len() - 1
    ));
    check(stage, &office, &checker, &officer, dispatched)?;
    progress.line(
        "核查员通过一件、返工一件，值班长结案一件 \
         the checker passed one and sent one back, the duty officer closed one",
    );
    Ok(())
}

fn register(stage: &Stage, acceptor: &Desk<'_>) -> Result<Vec<RecordId>, CliError> {
    let reported = acceptor.cases(Some(CaseStage::Reported.code()))?;
    let mut registered = Vec::new();
    for (number, row) in reported.iter().enumerate() {
        if number == reported.len() - 1 {
            let details = StepDetails {
                reason: Some("不属于本街道事项".to_owned()),
                ..StepDetails::default()
            };
            must(acceptor.step(row.id, Step::Reject, &details)?.refused)?;
            continue;
        }
        let view = acceptor.show(row.id)?.view;
        let category = view.text("category");
        let condition = stage
            .catalogue
            .minor(category)
            .and_then(|minor| minor.filing_conditions.first())
            .map(|condition| condition.name.clone());
        let details = StepDetails {
            category: Some(category.to_owned()),
            condition,
            ..StepDetails::default()
        };
        must(acceptor.step(row.id, Step::Register, &details)?.refused)?;
        registered.push(row.id);
    }
    if registered.len() < 3 {
        return Err(CliError::Demo {
            code: "too_few_cases",
            zh: "上报的案卷太少，无法演示核查".to_owned(),
            en: "too few reported cases reached the office".to_owned(),
        });
    }
    Ok(registered)
}

fn dispatch(stage: &Stage, dispatcher: &Desk<'_>, case: RecordId) -> Result<(), CliError> {
    let view = dispatcher.show(case)?.view;
    let minor = stage.catalogue.minor(view.text("category"));
    let details = StepDetails {
        department: minor.map(|minor| minor.department.clone()),
        ..StepDetails::default()
    };
    must(dispatcher.step(case, Step::Dispatch, &details)?.refused)
}

/// The department that has the case answers.
fn feed_back(
    stage: &Stage,
    office: &Office,
    officer: &Desk<'_>,
    case: RecordId,
    result: &str,
) -> Result<(), CliError> {
    let rows = officer.cases(Some(CaseStage::Dispatched.code()))?;
    let department = rows
        .iter()
        .find(|row| row.id == case)
        .map(|row| Department::new(row.department.clone()));
    let handler = department
        .and_then(|department| stage.street.handler_of(&department))
        .ok_or_else(|| CliError::Demo {
            code: "no_handler",
            zh: "没有承办部门的处置人员".to_owned(),
            en: "nobody answers for the department that has the case".to_owned(),
        })?;
    let details = StepDetails {
        result: Some(result.to_owned()),
        ..StepDetails::default()
    };
    let desk = office.sign_in(&handler.id, &stage.password)?;
    must(desk.step(case, Step::Feedback, &details)?.refused)
}

fn check(
    stage: &Stage,
    office: &Office,
    checker: &Desk<'_>,
    officer: &Desk<'_>,
    cases: &[RecordId],
) -> Result<(), CliError> {
    let (passed, reworked) = (cases[0], cases[1]);
    must(
        checker
            .step(passed, Step::CheckPass, &StepDetails::default())?
            .refused,
    )?;
    must(
        officer
            .step(passed, Step::Close, &StepDetails::default())?
            .refused,
    )?;
    let details = StepDetails {
        reason: Some("现场仍有残留，请返工".to_owned()),
        ..StepDetails::default()
    };
    must(checker.step(reworked, Step::CheckFail, &details)?.refused)?;
    feed_back(stage, office, officer, reworked, "返工完成，残留已清除。")
}

/// A step of the demo's office that is refused is a fault of the demo.
fn must(refused: Option<String>) -> Result<(), CliError> {
    match refused {
        None => Ok(()),
        Some(code) => Err(CliError::Demo {
            code: "step_refused",
            zh: format!("社区的步骤未被采纳：{code}"),
            en: format!("a step of the office was refused: {code}"),
        }),
    }
}
