//! What the demo says in the end, for people and, with `--json`, for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gridlog_domain::workflow::{RefusalReason, Stage as CaseStage};
use gridlog_protocol::Fact;
use serde::Serialize;

use super::evening::Evening;
use super::evidence::Evidence;
use super::hostile::Attack;
use super::photos::Photos;
use super::promises::Promise;
use super::reassigned::Reassigned;
use super::stage::Stage;
use crate::answer::Table;
use crate::error::CliError;

/// The day in numbers.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    stages: BTreeMap<String, usize>,
    rulings_accepted: usize,
    /// By reason code.
    rulings_refused: BTreeMap<String, usize>,
    /// Cases whose descriptions two phones wrote in at once.
    merged_edits: usize,
    /// Places in conflict that nobody has resolved.
    visible_conflicts: usize,
    phones: Vec<PhoneLine>,
    evening_bytes_up: u64,
    evening_bytes_down: u64,
    evening_round_trips: u64,
    photos_on_phones: usize,
    photos_on_server: usize,
    photo_bytes: u64,
    log_entries: usize,
    log_head: String,
    hostile: Vec<Attack>,
    reassigned: Reassigned,
    promises: Vec<Promise>,
}

#[derive(Debug, Serialize)]
struct PhoneLine {
    person: String,
    grid: String,
    recorded: u64,
    received: u64,
    admitted: u64,
    refused: u64,
    unsent: u64,
    bytes: u64,
    round_trips: u64,
}

impl Summary {
    /// Counts the day.
    pub(super) fn of(
        stage: &Stage,
        merged_edits: usize,
        evening: &Evening,
        (promises, evidence, photos): (Vec<Promise>, Evidence, Photos),
    ) -> Result<Self, CliError> {
        let (rulings_accepted, rulings_refused) = rulings(&evidence);
        let conflicts = evidence
            .records
            .values()
            .map(|shown| shown.view.conflicts.len());
        Ok(Self {
            rulings_accepted,
            rulings_refused,
            merged_edits,
            visible_conflicts: conflicts.sum(),
            phones: phone_lines(stage)?,
            evening_bytes_up: evening.traffic.up,
            evening_bytes_down: evening.traffic.down,
            evening_round_trips: evening.traffic.requests,
            photos_on_phones: photos.on_phones,
            photos_on_server: photos.on_server,
            photo_bytes: photos.bytes,
            log_entries: evidence.entries.len(),
            log_head: evidence
                .hashes
                .last()
                .map(ToString::to_string)
                .unwrap_or_default(),
            stages: evidence.stages,
            hostile: evening.hostile.attacks.clone(),
            reassigned: evening.reassigned.clone(),
            promises,
        })
    }

    /// Whether every promise was kept.
    pub(super) fn all_kept(&self) -> bool {
        self.promises.iter().all(|promise| promise.kept)
    }

    /// For a terminal.
    pub(super) fn text(&self) -> String {
        let sections = [
            ("案卷各环节 Cases by stage", self.stages_text()),
            ("裁定 Rulings", self.rulings_text()),
            ("手机 Phones", self.phones_text()),
            ("同步与日志 Sync and log", self.sync_text()),
            ("承诺 Promises", self.promises_text()),
        ];
        let mut text = String::new();
        for (title, body) in sections {
            // Writing into a String cannot fail.
            let _ = write!(text, "\n{title}\n{body}");
        }
        text
    }

    fn stages_text(&self) -> String {
        let mut table = Table::default();
        for stage in CaseStage::ALL {
            if let Some(count) = self.stages.get(stage.code()) {
                table.row([
                    format!("  {}", stage.zh()),
                    stage.code().to_owned(),
                    count.to_string(),
                ]);
            }
        }
        table.text()
    }

    fn rulings_text(&self) -> String {
        let mut table = Table::default();
        let row = |zh: &str, en: &str, count: usize| {
            [format!("  {zh}"), en.to_owned(), count.to_string()]
        };
        table.row(row("采纳", "accepted", self.rulings_accepted));
        for (code, count) in &self.rulings_refused {
            let reason = RefusalReason::from_code(code);
            let zh = reason.map_or("未采纳", RefusalReason::zh);
            table.row(row(
                &format!("未采纳：{zh}"),
                &format!("refused: {code}"),
                *count,
            ));
        }
        table.row(row("自动合并的描述", "merged edits", self.merged_edits));
        table.row(row(
            "可见的冲突",
            "visible conflicts",
            self.visible_conflicts,
        ));
        table.text()
    }

    fn phones_text(&self) -> String {
        let mut table = Table::with_headings(&[
            "  工号",
            "网格 grid",
            "记录 recorded",
            "收到 received",
            "入卷 admitted",
            "退回 refused",
            "未发 unsent",
            "字节 bytes",
            "往返 round trips",
        ]);
        for phone in &self.phones {
            table.row([
                format!("  {}", phone.person),
                phone.grid.clone(),
                phone.recorded.to_string(),
                phone.received.to_string(),
                phone.admitted.to_string(),
                phone.refused.to_string(),
                phone.unsent.to_string(),
                phone.bytes.to_string(),
                phone.round_trips.to_string(),
            ]);
        }
        table.text()
    }

    fn sync_text(&self) -> String {
        format!(
            "  晚上 in the evening：上行 up {} 字节，下行 down {} 字节，{} 次往返 round trips\n  \
             照片 photos：手机 on phones {}，服务器 on the server {}，{} 字节 bytes\n  \
             日志 log：{} 条 entries，末条 head {}\n",
            self.evening_bytes_up,
            self.evening_bytes_down,
            self.evening_round_trips,
            self.photos_on_phones,
            self.photos_on_server,
            self.photo_bytes,
            self.log_entries,
            self.log_head
        )
    }

    fn promises_text(&self) -> String {
        let mut text = String::new();
        for promise in &self.promises {
            let mark = if promise.kept { "✓" } else { "✗" };
            let _ = writeln!(
                text,
                "  {mark} {}\n    {}\n    {}",
                promise.zh, promise.en, promise.detail
            );
        }
        text
    }
}

fn rulings(evidence: &Evidence) -> (usize, BTreeMap<String, usize>) {
    let mut accepted = 0;
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for entry in &evidence.entries {
        if let Fact::Ruling { refused, .. } = &entry.fact {
            match refused {
                None => accepted += 1,
                Some(code) => *reasons.entry(code.clone()).or_default() += 1,
            }
        }
    }
    (accepted, reasons)
}

fn phone_lines(stage: &Stage) -> Result<Vec<PhoneLine>, CliError> {
    let lines = stage.everyone().map(|phone| {
        let status = phone.phone.status()?;
        let traffic = phone.proxy.traffic();
        Ok(PhoneLine {
            person: phone.person.to_string(),
            grid: phone.grid.to_string(),
            recorded: status.recorded,
            received: status.recorded - status.on_this_phone,
            admitted: status.admitted,
            refused: status.needs_you,
            unsent: status.on_this_phone,
            bytes: traffic.bytes(),
            round_trips: traffic.requests,
        })
    });
    lines.collect()
}
