//! Day: there is no server. Workers work all the same; colleagues contradict each other unseen.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use gridlog_client_core::{NewReport, NewVisit, PhoneError, SyncOptions};
use gridlog_domain::id::{EntryId, RecordId};
use gridlog_domain::record::{Finding, StepDetails, VISIT_OUTCOMES, Value};
use gridlog_domain::workflow::Step;

use super::hands::all_at_once;
use super::morning::{SharedCase, place};
use super::phone::DemoPhone;
use super::photos;
use super::progress::Progress;
use super::scribe;
use super::stage::Stage;
use crate::error::CliError;

/// How many comments the phone that is killed has confirmed before it is.
const CONFIRMED: usize = 12;

/// What the day leaves to be checked.
#[derive(Debug)]
pub(super) struct Day {
    /// The cases that two phones worked on.
    pub(super) shared: Vec<SharedCase>,
    /// What the killed phone had confirmed, and how much of it was there when it was opened again.
    pub(super) confirmed: usize,
    /// Of that, what was there.
    pub(super) found: usize,
}

/// Plays the day.
pub(super) fn play(
    stage: &mut Stage,
    shared: &[SharedCase],
    progress: &Progress,
) -> Result<Day, CliError> {
    progress.chapter("白天 Day");
    stage.kill_server()?;
    progress.line("服务器已停机 the server is down");
    nobody_answers(&stage.phones[0])?;
    let plan = Plan {
        checklist: stage.checklist.clone(),
        reports: reports(stage),
    };
    all_at_once(&mut stage.phones, |phone| work(phone, &plan))?;
    progress.line(
        "巡查、走访（有无人在家、有拒绝走访）、上报、照片、修改、批注已离线记录 \
         patrols, visits (nobody home, refused), reports, photos, edits, comments recorded offline",
    );
    all_at_once(&mut stage.phones, |phone| contradict(phone, shared))?;
    progress.line(&format!(
        "{} 对手机离线修改同一案卷，并提出相互矛盾的步骤 pairs edited one case and proposed \
         contradicting steps",
        shared.len()
    ));
    let last = stage.phones.len() - 1;
    let (confirmed, found) = kill_in_the_middle(&mut stage.phones[last])?;
    progress.line(&format!(
        "一台手机在写入中被杀死并重新打开：已确认 {confirmed} 条，找到 {found} 条 \
         a phone was killed while writing: {confirmed} confirmed, {found} found"
    ));
    let mut changes = 0;
    for phone in &stage.phones {
        changes += phone.phone.status()?.on_this_phone;
    }
    progress.line(&format!(
        "{changes} 处修改在手机上等待 changes wait on the phones"
    ));
    Ok(Day {
        shared: shared.to_vec(),
        confirmed,
        found,
    })
}

struct Plan {
    checklist: Vec<String>,
    /// What each phone reports; together all matters.
    reports: Vec<Vec<NewReport>>,
}

fn reports(stage: &Stage) -> Vec<Vec<NewReport>> {
    let phones = stage.phones.len();
    let mut plan: Vec<Vec<NewReport>> = vec![Vec::new(); phones];
    let rounds = phones.max(stage.matters.len());
    for number in 0..rounds {
        let matter = &stage.matters[number % stage.matters.len()];
        let condition = stage
            .catalogue
            .minor(&matter.code)
            .and_then(|minor| minor.filing_conditions.first());
        plan[number % phones].push(NewReport {
            title: matter.title.clone(),
            category: matter.code.clone(),
            condition: condition.map(|condition| condition.name.clone()),
            description: Some(matter.description.clone()),
            ..NewReport::default()
        });
    }
    plan
}

/// A day without a server is only one if nobody answers.
fn nobody_answers(phone: &DemoPhone) -> Result<(), CliError> {
    match phone.phone.sync(&phone.wire, SyncOptions::default()) {
        Err(PhoneError::Transport(_)) => Ok(()),
        _ => Err(CliError::Demo {
            code: "server_answered",
            zh: "服务器本应停机，却有应答".to_owned(),
            en: "the server should be down, yet a sync did not fail".to_owned(),
        }),
    }
}

fn work(phone: &mut DemoPhone, plan: &Plan) -> Result<(), CliError> {
    let patrol = patrol(phone, &plan.checklist)?;
    for (visit, (outcome, _)) in VISIT_OUTCOMES.iter().enumerate() {
        let household = format!(
            "{}栋{}0{}室",
            phone.number % 20 + 1,
            visit + 1,
            phone.number % 9
        );
        let record = phone.phone.visit(NewVisit {
            outcome: (*outcome).to_owned(),
            household: Some(phone.ledger.text(household)),
            purpose: Some("入户走访".to_owned()),
            notes: Some(phone.ledger.text(format!(
                "走访记事：第{}台手机第{}户，已告知消防通道须知。",
                phone.number + 1,
                visit + 1
            ))),
            place: Some(place(phone)),
            ..NewVisit::default()
        })?;
        phone.ledger.records.push(record);
    }
    for report in &plan.reports[phone.number] {
        let case = phone.phone.report(NewReport {
            title: phone.ledger.text(&report.title),
            description: report
                .description
                .as_ref()
                .map(|text| phone.ledger.text(text)),
            place: Some(place(phone)),
            patrol: Some(patrol),
            ..report.clone()
        })?;
        phone.ledger.records.push(case);
        photos::take(phone, case)?;
        let title = phone.ledger.text(format!("{}（已复看）", report.title));
        phone.phone.edit(case, &[("title", Value::Text(title))])?;
        let words = format!("第{}台手机：已现场拍照，等待处置。", phone.number + 1);
        comment(phone, case, words)?;
    }
    Ok(())
}

fn patrol(phone: &mut DemoPhone, checklist: &[String]) -> Result<RecordId, CliError> {
    let route = phone.ledger.text(format!("网格{}日常路线", phone.grid));
    let patrol = phone.phone.start_patrol(None, Some(&route))?;
    phone.ledger.records.push(patrol);
    for (number, item) in checklist.iter().enumerate() {
        let finding = match (phone.number + number) % 3 {
            0 => Finding::Ok,
            1 => Finding::Problem,
            _ => Finding::NotApplicable,
        };
        phone.phone.inspect(patrol, item, finding, "")?;
    }
    let notes = phone.ledger.text("巡查记事：全程步行，沿线秩序正常。");
    phone.phone.finish_patrol(patrol, Some(&notes))?;
    Ok(patrol)
}

fn comment(phone: &mut DemoPhone, record: RecordId, words: String) -> Result<(), CliError> {
    let words = phone.ledger.text(words);
    let entry = phone.phone.comment(record, &words)?;
    phone.ledger.comments.push((record, entry));
    Ok(())
}

/// One says that the case is reported, the other that it is dealt with. Both rename it; one writes
/// at the beginning of its description, the other at its end.
fn contradict(phone: &mut DemoPhone, shared: &[SharedCase]) -> Result<(), CliError> {
    let number = phone.number;
    let Some(case) = shared
        .iter()
        .find(|case| case.first == number || case.second == number)
    else {
        return Ok(());
    };
    let is_first = case.first == number;
    let detail = phone
        .phone
        .show(case.record)?
        .ok_or(PhoneError::UnknownRecord {
            record: case.record,
        })?;
    let title = phone
        .ledger
        .text(conflicting_title(detail.view.text("title"), is_first));
    phone
        .phone
        .edit(case.record, &[("title", Value::Text(title))])?;
    let description = detail.view.text("description");
    let (words, step) = if is_first {
        (format!("{}{description}", addition(true)), Step::Report)
    } else {
        (
            format!("{description}{}", addition(false)),
            Step::SelfHandle,
        )
    };
    phone.ledger.texts.push(addition(is_first).to_owned());
    phone
        .phone
        .edit_prose(case.record, "description", None, &words)?;
    let details = StepDetails {
        result: (!is_first).then(|| phone.ledger.text("已当场劝离并清理完毕。")),
        ..StepDetails::default()
    };
    let proposal = phone.phone.propose(case.record, step, details)?;
    phone.ledger.proposals.push((case.record, proposal));
    comment(
        phone,
        case.record,
        format!("第{}台手机对共有案卷的批注。", number + 1),
    )
}

/// What each colleague calls their shared case.
pub(super) fn conflicting_title(title: &str, is_first: bool) -> String {
    let who = if is_first { "甲" } else { "乙" };
    format!("{title}（{who}改）")
}

/// What each colleague adds to its description.
pub(super) const fn addition(is_first: bool) -> &'static str {
    if is_first {
        "【甲先写：上午复看】"
    } else {
        "【乙后补：下午已清理】"
    }
}

/// Lets a process of its own write in this phone's store, and kills it in the middle.
fn kill_in_the_middle(phone: &mut DemoPhone) -> Result<(usize, usize), CliError> {
    let record = *phone.ledger.records.last().ok_or(CliError::Demo {
        code: "nothing_recorded",
        zh: "这台手机没有记录".to_owned(),
        en: "the phone has no record to write in".to_owned(),
    })?;
    let confirmed = scribe_until_killed(phone, record).map_err(|source| CliError::File {
        path: phone.folder().to_owned(),
        what: "written by a process of its own",
        source,
    })?;
    phone.reopen()?;
    let detail = phone
        .phone
        .show(record)?
        .ok_or(PhoneError::UnknownRecord { record })?;
    let found = confirmed
        .iter()
        .filter(|entry| detail.view.comments.contains_key(entry))
        .count();
    // What was committed and not yet confirmed is the phone's word as well.
    for (entry, comment) in &detail.view.comments {
        if comment.by == phone.person && !phone.ledger.comments.contains(&(record, *entry)) {
            phone.ledger.comments.push((record, *entry));
        }
    }
    phone.ledger.texts.extend((1..=3).map(scribe::text));
    Ok((confirmed.len(), found))
}

fn scribe_until_killed(phone: &DemoPhone, record: RecordId) -> std::io::Result<Vec<EntryId>> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("--home")
        .arg(phone.folder())
        .args(["scribe", &record.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().map(BufReader::new);
    let mut lines = output.into_iter().flat_map(|output| output.lines());
    let mut confirmed = Vec::new();
    for line in lines.by_ref().take(CONFIRMED) {
        confirmed.extend(entry_in(line));
    }
    child.kill()?;
    child.wait()?;
    // What it still said before it died was said, too.
    for line in lines {
        confirmed.extend(entry_in(line));
    }
    Ok(confirmed)
}

fn entry_in(line: std::io::Result<String>) -> Option<EntryId> {
    line.ok()?.split(' ').nth(1)?.parse().ok()
}
