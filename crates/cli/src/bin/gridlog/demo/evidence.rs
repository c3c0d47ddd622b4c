//! What the server holds at the end of the day, as an office sees it.

use std::collections::BTreeMap;

use gridlog_domain::id::{AreaCode, RecordId};
use gridlog_domain::reference::Role;
use gridlog_protocol::{Digest, Fact, LogEntry, entry_hash};

use super::office::{LogLine, Shown};
use super::stage::{Stage, someone};
use crate::error::CliError;

/// The server's side of every comparison.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// The log, decoded from its canonical bytes.
    pub(super) entries: Vec<LogEntry>,
    /// The hash of each entry, made here from those bytes.
    pub(super) hashes: Vec<Digest>,
    /// How many changes the log has admitted to each record.
    pub(super) changes: BTreeMap<RecordId, u64>,
    /// Every record.
    pub(super) records: BTreeMap<RecordId, Shown>,
    /// Where each lives.
    pub(super) areas: BTreeMap<RecordId, AreaCode>,
    /// How many cases are in each stage, by its code.
    pub(super) stages: BTreeMap<String, usize>,
}

impl Evidence {
    /// Asks the office for everything.
    pub(super) fn gather(stage: &Stage) -> Result<Self, CliError> {
        let office = stage.office();
        let officer =
            office.sign_in(&someone(&stage.street, Role::DutyOfficer)?, &stage.password)?;
        let mut evidence = Self::default();
        for line in officer.log()? {
            evidence.add_line(&line)?;
        }
        for row in officer.records()? {
            evidence.records.insert(row.id, officer.show(row.id)?);
            evidence.areas.insert(row.id, AreaCode::new(row.area));
            if !row.stage.is_empty() {
                *evidence.stages.entry(row.stage).or_default() += 1;
            }
        }
        Ok(evidence)
    }

    fn add_line(&mut self, line: &LogLine) -> Result<(), CliError> {
        let bytes = hex::decode(&line.canonical).ok();
        let read =
            bytes.and_then(|bytes| Some((LogEntry::from_bytes(&bytes).ok()?, entry_hash(&bytes))));
        let (entry, hash) = read
            .filter(|(entry, hash)| entry.seq == line.seq && hash.to_string() == line.hash)
            .ok_or_else(|| CliError::Demo {
                code: "bad_log_line",
                zh: format!("日志第 {} 条无法读取", line.seq),
                en: format!("log entry {} is not what its bytes say", line.seq),
            })?;
        if matches!(entry.fact, Fact::Admit { .. }) {
            let record = RecordId::from_bytes(entry.record.0);
            *self.changes.entry(record).or_default() += 1;
        }
        self.entries.push(entry);
        self.hashes.push(hash);
        Ok(())
    }
}
