//! The promises, checked on the data of this very day.
//!
//! Each check compares what independent witnesses say: the demo's own list of what was recorded,
//! the phones' stores, the server's records as the office sees them, and the log's bytes.

use std::collections::{BTreeMap, BTreeSet};

use gridlog_client_core::{ProposalStanding, RecordDetail};
use gridlog_domain::id::{AreaCode, RecordId};
use gridlog_domain::record::{RecordView, Value};
use gridlog_protocol::{Digest, Fact};
use serde::Serialize;

use super::day::{Day, addition};
use super::evening::Evening;
use super::evidence::Evidence;
use super::hostile::{self, Hostile};
use super::morning::SharedCase;
use super::phone::DemoPhone;
use super::photos::{self, Photos};
use super::progress::Progress;
use super::stage::Stage;
use crate::error::CliError;

/// One promise.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Promise {
    /// What is promised, in Chinese.
    pub(super) zh: &'static str,
    /// What is promised, in English.
    pub(super) en: &'static str,
    /// Whether it was kept.
    pub(super) kept: bool,
    /// What was looked at, or what is broken.
    pub(super) detail: String,
}

/// `Ok` tells what was looked at, `Err` what is broken.
type Finding = Result<String, String>;

fn promise(zh: &'static str, en: &'static str, finding: Finding) -> Promise {
    let kept = finding.is_ok();
    let (Ok(detail) | Err(detail)) = finding;
    Promise {
        zh,
        en,
        kept,
        detail,
    }
}

/// Checks all of them.
pub(super) fn check(
    stage: &Stage,
    day: &Day,
    evening: &Evening,
    progress: &Progress,
) -> Result<(Vec<Promise>, Evidence, Photos), CliError> {
    progress.line("逐条核对承诺 checking every promise");
    let evidence = Evidence::gather(stage)?;
    let mut promises = vec![
        promise(
            "手机记录的每一处修改都恰好入卷一次，或带原因退回并显示在手机上",
            "everything recorded is in the log exactly once, or refused with a reason shown",
            exactly_once(stage, &evidence)?,
        ),
        promise(
            "被杀死的手机没有丢失任何已确认的记录",
            "the phone that was killed lost nothing that it had confirmed",
            killed_phone(day),
        ),
        promise(
            "断线和服务器被杀死之后，同步接续完成",
            "sync went on after a cut connection and a killed server",
            resumed(evening),
        ),
        promise(
            "同一网格的手机内容一致，与服务器一致，与文档一致",
            "phones of one grid hold equal records, equal to the server's and to their documents",
            equal_views(stage, &evidence)?,
        ),
        promise(
            "并发修改中落选的值都看得见",
            "every concurrent value that lost is visible",
            lost_values(stage, day)?,
        ),
        promise(
            "相互矛盾的步骤一个采纳、一个带原因拒绝，两台手机都看得见",
            "of two contradicting steps one is accepted and one refused with a reason, on both",
            contradictions(stage, day)?,
        ),
        promise(
            "手机只存有本人区域的记录",
            "phones hold the records of their own area only",
            own_areas(stage, &evidence)?,
        ),
        promise(
            "案卷日志编号连续、逐条相扣",
            "the log is dense and hash-chained",
            chained(&evidence),
        ),
        promise(
            "服务器运行日志不含记录内容",
            "no line of the server's log holds a record's text",
            silent(stage)?,
        ),
        promise(
            "每种敌意内容各有错误码，依赖它的修改受阻，同批其他内容照常入卷，服务器不停",
            "everything hostile gets its own code, what depends on it is blocked, the rest of its \
             push is admitted, the server stays up",
            evening.hostile.finding(),
        ),
        promise(
            "调岗之前记录的内容不会丢失：入卷或待社区复核，作者看得见是哪一种",
            "what was recorded before a reassignment is not lost: it is admitted or waits in \
             review, and its author sees which",
            evening.reassigned.finding(),
        ),
    ];
    let photos = photos::count(stage)?;
    promises.push(promise(
        "每张照片都已送达社区，逐字节一致",
        "every photo arrived at the office, byte for byte",
        photos.finding(),
    ));
    promises.push(promise(
        "重复发送不改变任何内容",
        "sending again changes nothing",
        sent_again(stage, &evening.hostile, &evidence)?,
    ));
    Ok((promises, evidence, photos))
}

fn exactly_once(stage: &Stage, evidence: &Evidence) -> Result<Finding, CliError> {
    let mut admitted: BTreeMap<&str, u64> = BTreeMap::new();
    let mut changes: BTreeSet<Digest> = BTreeSet::new();
    let mut twice = 0;
    for entry in &evidence.entries {
        if let Fact::Admit { change, by } = &entry.fact {
            *admitted.entry(by).or_default() += 1;
            twice += usize::from(!changes.insert(*change));
        }
    }
    if twice > 0 {
        return Ok(Err(format!(
            "{twice} 处修改入卷两次 changes are in the log twice"
        )));
    }
    let mut recorded = 0;
    for phone in stage.everyone() {
        let status = phone.phone.status()?;
        recorded += status.recorded;
        let person = phone.person.as_str();
        let logged = admitted.get(person).copied().unwrap_or_default();
        if status.recorded != status.admitted + status.needs_you || logged != status.admitted {
            return Ok(Err(format!(
                "{person}：记录 recorded {}，入卷 admitted {}，日志中 in the log {logged}，退回 refused {}",
                status.recorded, status.admitted, status.needs_you
            )));
        }
        if let Some(missing) = missing(phone, evidence)? {
            return Ok(Err(format!("{person}：{missing}")));
        }
    }
    Ok(Ok(format!("{recorded} 处修改 changes")))
}

/// Something that the demo had this phone record and that is nowhere.
fn missing(phone: &DemoPhone, evidence: &Evidence) -> Result<Option<String>, CliError> {
    let refused = |record: &RecordId| -> Result<bool, CliError> {
        let detail = phone.phone.show(*record)?;
        Ok(detail.is_some_and(|detail| {
            !detail.needs_you.is_empty() && detail.needs_you.iter().all(|item| !item.zh.is_empty())
        }))
    };
    let ledger = &phone.ledger;
    let view = |record: &RecordId| evidence.records.get(record).map(|shown| &shown.view);
    for record in &ledger.records {
        if view(record).is_none() && !refused(record)? {
            return Ok(Some(format!("缺少记录 record {record} is missing")));
        }
    }
    for (record, entry) in &ledger.comments {
        let there = view(record).is_some_and(|view| view.comments.contains_key(entry));
        if !there && !refused(record)? {
            return Ok(Some(format!("缺少批注 comment {entry} is missing")));
        }
    }
    for (record, entry) in &ledger.proposals {
        let there = view(record).is_some_and(|view| view.proposals.contains_key(entry));
        if !there && !refused(record)? {
            return Ok(Some(format!("缺少步骤 proposal {entry} is missing")));
        }
    }
    Ok(None)
}

fn killed_phone(day: &Day) -> Finding {
    let words = format!(
        "已确认 confirmed {}，找到 found {}",
        day.confirmed, day.found
    );
    if day.confirmed > 0 && day.found == day.confirmed {
        Ok(words)
    } else {
        Err(words)
    }
}

fn resumed(evening: &Evening) -> Finding {
    let words = format!(
        "服务器被杀死时 {} 台已完成 phones were done at the kill，{} 次接续 resumed",
        evening.done_before_kill, evening.broken
    );
    if evening.was_cut && evening.was_killed_midway && evening.broken > 0 {
        Ok(words)
    } else {
        Err(format!(
            "{words}，断线 cut: {}，中途杀死 killed midway: {}",
            evening.was_cut, evening.was_killed_midway
        ))
    }
}

fn details(phone: &DemoPhone) -> Result<BTreeMap<RecordId, RecordDetail>, CliError> {
    let everything = gridlog_client_core::Query {
        with_deleted: true,
        limit: u32::MAX,
        ..gridlog_client_core::Query::default()
    };
    let mut details = BTreeMap::new();
    for row in phone.phone.list(&everything)? {
        if let Some(detail) = phone.phone.show(row.id)? {
            details.insert(row.id, detail);
        }
    }
    Ok(details)
}

fn equal_views(stage: &Stage, evidence: &Evidence) -> Result<Finding, CliError> {
    let mut grids: BTreeMap<&AreaCode, BTreeMap<RecordId, (RecordView, Vec<String>)>> =
        BTreeMap::new();
    let mut compared = 0;
    for phone in stage.everyone() {
        let views: BTreeMap<RecordId, (RecordView, Vec<String>)> = details(phone)?
            .into_iter()
            .filter(|(_, detail)| detail.row.area == phone.grid)
            .map(|(id, detail)| (id, (detail.view, detail.heads)))
            .collect();
        for (id, (view, heads)) in &views {
            if let Some(difference) = difference(phone, *id, view, heads, evidence)? {
                return Ok(Err(format!("{} {id}：{difference}", phone.person)));
            }
            compared += 1;
        }
        if let Some(other) = grids.get(&phone.grid)
            && other != &views
        {
            return Ok(Err(format!(
                "网格 grid {} 的手机不一致 phones differ",
                phone.grid
            )));
        }
        grids.insert(&phone.grid, views);
    }
    Ok(Ok(format!(
        "{} 个网格 grids，{compared} 条记录逐一比对 records compared",
        grids.len()
    )))
}

/// How a phone's record differs from the server's, from its own document or from the log.
fn difference(
    phone: &DemoPhone,
    id: RecordId,
    view: &RecordView,
    heads: &[String],
    evidence: &Evidence,
) -> Result<Option<&'static str>, CliError> {
    let check = phone.phone.verify_record(id)?;
    let logged = evidence.changes.get(&id).copied().unwrap_or_default();
    Ok(match evidence.records.get(&id) {
        None => Some("服务器没有 the server does not have it"),
        Some(shown) if &shown.view != view => Some("与服务器不同 differs from the server"),
        Some(shown) if shown.heads != heads => Some("修改不同 has other heads than the server"),
        Some(_) if !check.view_fits => Some("与文档不同 differs from its document"),
        Some(_) if check.changes != logged => Some("修改数不同 has other changes than the log"),
        Some(_) => None,
    })
}

fn shared_detail(
    stage: &Stage,
    case: &SharedCase,
    phone: usize,
) -> Result<Option<RecordDetail>, CliError> {
    Ok(stage.phones[phone].phone.show(case.record)?)
}

fn lost_values(stage: &Stage, day: &Day) -> Result<Finding, CliError> {
    let mut merged = 0;
    for case in &day.shared {
        for phone in [case.first, case.second] {
            let Some(detail) = shared_detail(stage, case, phone)? else {
                return Ok(Err(format!("{} 不在手机上 is not on a phone", case.record)));
            };
            if !both_titles_show(&detail.view) {
                return Ok(Err(format!(
                    "{} 的标题冲突不可见 the title's conflict",
                    case.record
                )));
            }
            let description = detail.view.text("description");
            if !description.contains(addition(true)) || !description.contains(addition(false)) {
                return Ok(Err(format!("{} 的描述未合并 the description", case.record)));
            }
        }
        merged += 1;
    }
    Ok(Ok(format!(
        "{merged} 件案卷：标题冲突可见，描述逐字合并 titles in visible conflict, descriptions merged"
    )))
}

fn both_titles_show(view: &RecordView) -> bool {
    let conflict = view
        .conflicts
        .iter()
        .find(|conflict| conflict.place == "title");
    let Some(conflict) = conflict else {
        return false;
    };
    let values: Vec<&str> = conflict
        .shown
        .iter()
        .chain(conflict.lost.iter().map(|lost| &lost.value))
        .filter_map(Value::as_text)
        .collect();
    ["（甲改）", "（乙改）"]
        .iter()
        .all(|mark| values.iter().any(|value| value.ends_with(mark)))
}

fn contradictions(stage: &Stage, day: &Day) -> Result<Finding, CliError> {
    for case in &day.shared {
        let mut seen = Vec::new();
        for phone in [case.first, case.second] {
            let Some(detail) = shared_detail(stage, case, phone)? else {
                return Ok(Err(format!("{} 不在手机上 is not on a phone", case.record)));
            };
            let mut standings: Vec<&ProposalStanding> = Vec::new();
            for number in [case.first, case.second] {
                let own = stage.phones[number].ledger.proposals.iter();
                let own = own.filter(|(record, _)| *record == case.record);
                standings.extend(own.filter_map(|(_, entry)| {
                    let found = detail.proposals.iter().find(|status| status.id == *entry);
                    found.map(|status| &status.standing)
                }));
            }
            let accepted = standings
                .iter()
                .filter(|s| ***s == ProposalStanding::Accepted);
            let refused = standings
                .iter()
                .filter(|s| matches!(s, ProposalStanding::Refused { zh, .. } if !zh.is_empty()));
            if (accepted.count(), refused.count(), standings.len()) != (1, 1, 2) {
                return Ok(Err(format!("{}：{standings:?}", case.record)));
            }
            seen.push(standings.into_iter().cloned().collect::<Vec<_>>());
        }
        if seen[0] != seen[1] {
            return Ok(Err(format!("{} 两台手机不同 phones differ", case.record)));
        }
    }
    Ok(Ok(format!("{} 对 pairs", day.shared.len())))
}

fn own_areas(stage: &Stage, evidence: &Evidence) -> Result<Finding, CliError> {
    let mut held = 0;
    for phone in stage.everyone() {
        for (id, detail) in details(phone)? {
            let home = evidence.areas.get(&id);
            let own = detail.view.author == phone.person;
            if !own && home != Some(&phone.grid) {
                return Ok(Err(format!("{} 存有 holds {id}", phone.person)));
            }
            held += 1;
        }
        let inside = evidence.areas.values().filter(|area| **area == phone.grid);
        let here = details(phone)?
            .values()
            .filter(|detail| detail.row.area == phone.grid)
            .count();
        if inside.count() != here {
            return Ok(Err(format!(
                "{} 缺少本网格记录 lacks records",
                phone.person
            )));
        }
    }
    Ok(Ok(format!("{held} 条在手机上的记录 records on phones")))
}

fn chained(evidence: &Evidence) -> Finding {
    let mut previous = Digest::ZERO;
    for (expected, (entry, hash)) in (1..).zip(evidence.entries.iter().zip(&evidence.hashes)) {
        if entry.seq != expected || entry.previous != previous {
            return Err(format!(
                "第 {expected} 条断开 entry {expected} does not follow"
            ));
        }
        previous = *hash;
    }
    if evidence.entries.is_empty() {
        return Err("日志为空 the log is empty".to_owned());
    }
    Ok(format!("{} 条 entries", evidence.entries.len()))
}

/// Texts of fewer characters than this could stand in a log by chance.
const TELLING: usize = 6;

fn silent(stage: &Stage) -> Result<Finding, CliError> {
    let log = stage.server_log()?;
    let texts: BTreeSet<&str> = stage
        .everyone()
        .flat_map(|phone| phone.ledger.texts.iter().map(String::as_str))
        .chain(hostile::TEXTS)
        .filter(|text| text.chars().count() >= TELLING)
        .collect();
    let told = texts.iter().filter(|text| log.contains(**text)).count();
    let lines = log.lines().count();
    Ok(if told > 0 || lines == 0 {
        Err(format!(
            "{told} 段内容出现在 {lines} 行中 texts stand in the log"
        ))
    } else {
        Ok(format!(
            "{} 段内容不在 {lines} 行中 texts in none of its lines",
            texts.len()
        ))
    })
}

fn sent_again(stage: &Stage, hostile: &Hostile, evidence: &Evidence) -> Result<Finding, CliError> {
    let mut requests = 0;
    let phones = stage.everyone().map(|phone| &phone.wire);
    let rogues = hostile.devices.iter().map(|device| &device.wire);
    for wire in phones.chain(rogues) {
        let sent = wire.send_again();
        requests += sent.map_err(gridlog_client_core::PhoneError::from)?;
    }
    let after = Evidence::gather(stage)?;
    let heads = |evidence: &Evidence| -> Vec<Vec<String>> {
        evidence
            .records
            .values()
            .map(|shown| shown.heads.clone())
            .collect()
    };
    let unchanged = after.hashes == evidence.hashes && heads(&after) == heads(evidence);
    Ok(if unchanged {
        Ok(format!("{requests} 个请求重发 requests sent again"))
    } else {
        Err(format!(
            "日志从 {} 条变为 {} 条 the log went from {} to {} entries",
            evidence.entries.len(),
            after.entries.len(),
            evidence.entries.len(),
            after.entries.len()
        ))
    })
}

#[cfg(test)]
mod tests;
