//! The log is dense, chained, and only ever grows, but where it was put back.

use std::collections::BTreeSet;

use gridlog_domain::id::RecordId;
use gridlog_protocol::{Digest, Fact, LogEntry, entry_hash};
use gridlog_sync_server::store::{LogHead, Store};

use crate::broken::Broken;
use crate::world::World;

/// What was seen of the log so far.
#[derive(Debug, Default)]
pub(crate) struct LogWatch {
    /// The hash of every entry, at the last quiet period.
    hashes: Vec<Digest>,
    /// The last head that somebody was told of.
    told: Option<(u64, Digest)>,
    /// Where an operator put the log back and said so: the entry after it begins an epoch.
    declared: Vec<u64>,
    /// Words that are owed although their phone lost them, because others had them.
    inherited: BTreeSet<String>,
    /// How often the log was put back without a word.
    unsaid: u64,
    /// How often the log was put back.
    put_back: u64,
}

impl LogWatch {
    /// Somebody was told of this head.
    pub(crate) fn published(&mut self, head: LogHead) {
        self.told = Some((head.seq, head.hash));
    }

    /// The log was put back to this head.
    pub(crate) fn put_back(&mut self, head: LogHead, is_said: bool) {
        self.put_back += 1;
        let len = usize::try_from(head.seq).unwrap_or(usize::MAX);
        self.hashes.truncate(len);
        self.told = Some((head.seq, head.hash)).filter(|(seq, _)| *seq > 0);
        self.declared.retain(|base| *base < head.seq);
        if is_said {
            self.declared.push(head.seq);
        } else {
            self.unsaid += 1;
        }
    }

    /// How often the log was put back.
    pub(crate) const fn put_back_times(&self) -> u64 {
        self.put_back
    }

    /// A word is owed although its phone lost it.
    pub(crate) fn inherit(&mut self, word: &str) {
        self.inherited.insert(word.to_owned());
    }

    /// Whether a word is owed although its phone lost it.
    pub(crate) fn is_inherited(&self, word: &str) -> bool {
        self.inherited.contains(word)
    }

    /// After a start: what somebody was told of is still there.
    pub(crate) fn check_last(&self, store: &dyn Store) -> Result<(), Broken> {
        let Some((seq, hash)) = self.told.filter(|(seq, _)| *seq > 0) else {
            return Ok(());
        };
        match store.entry(seq) {
            Ok(Some(entry)) if entry_hash(&entry.canonical) == hash => Ok(()),
            Ok(_) => Err(Broken::new(
                "what was published stays",
                format!("entry {seq} is not what it was before the server went down"),
            )),
            // A fault that waits for its turn may strike here too.
            Err(_) => Ok(()),
        }
    }

    /// Dense, chained, and longer than before.
    pub(crate) fn check(&mut self, log: &[(LogEntry, Vec<u8>)]) -> Result<(), Broken> {
        let broken = |found: String| Err(Broken::new("the log is dense and chained", found));
        let mut previous = Digest::ZERO;
        let mut hashes = Vec::with_capacity(log.len());
        for (number, (entry, canonical)) in (1_u64..).zip(log) {
            if entry.seq != number {
                return broken(format!("entry {} stands at place {number}", entry.seq));
            }
            if entry.previous != previous {
                return broken(format!("entry {number} does not name the one before it"));
            }
            previous = entry_hash(canonical);
            hashes.push(previous);
        }
        let kept = self.hashes.iter().zip(&hashes);
        let same = kept.take_while(|(before, now)| before == now).count();
        if same < self.hashes.len() {
            return Err(Broken::new(
                "the log only ever grows",
                format!("entry {} is not what it was", same + 1),
            ));
        }
        self.hashes = hashes;
        self.check_epochs(log)?;
        check_once(log)
    }

    fn check_epochs(&self, log: &[(LogEntry, Vec<u8>)]) -> Result<(), Broken> {
        for base in &self.declared {
            let begun = log.iter().find(|(entry, _)| entry.seq == base + 1);
            if !begun.is_some_and(|(entry, _)| matches!(entry.fact, Fact::Epoch { .. })) {
                return Err(Broken::new(
                    "an epoch begins where a backup is restored",
                    format!("none at entry {}", base + 1),
                ));
            }
        }
        let mut epoch = 1;
        for (entry, _) in log {
            let Fact::Epoch { epoch: next, why } = &entry.fact else {
                continue;
            };
            let is_declared = self.declared.contains(&(entry.seq - 1));
            let fits = match why.as_str() {
                "restored" => is_declared || self.unsaid > 0,
                _ => self.unsaid > 0 || !self.declared.is_empty(),
            };
            if *next <= epoch || !fits {
                return Err(Broken::new(
                    "an epoch begins only where the log was put back",
                    format!("epoch {next} ({why}) at entry {}", entry.seq),
                ));
            }
            epoch = *next;
        }
        Ok(())
    }
}

/// Every change is admitted once and every proposal is ruled on once.
fn check_once(log: &[(LogEntry, Vec<u8>)]) -> Result<(), Broken> {
    let mut admitted = BTreeSet::new();
    let mut ruled = BTreeSet::new();
    let mut fired = BTreeSet::new();
    for (entry, _) in log {
        let (is_new, what) = match &entry.fact {
            Fact::Admit { change, .. } => (admitted.insert((entry.record, *change)), "admitted"),
            Fact::Ruling { proposal, .. } => (ruled.insert((entry.record, *proposal)), "ruled on"),
            Fact::Timer {
                kind,
                due_ms,
                level,
            } => {
                let what = (entry.record, kind.clone(), level.clone(), *due_ms);
                (fired.insert(what), "entered by the clock")
            }
            _ => continue,
        };
        if !is_new {
            let record = RecordId::from_bytes(entry.record.0);
            return Err(Broken::new(
                "nothing is in the log twice",
                format!("entry {}: {what} again in {record}", entry.seq),
            ));
        }
    }
    Ok(())
}

impl World {
    /// A log that was put back is noticed by every phone that had seen more: none of them follows an
    /// epoch or an entry that this log does not have.
    pub(super) fn check_notice(&mut self, log: &[(LogEntry, Vec<u8>)]) -> Result<(), Broken> {
        let epoch = log
            .iter()
            .rev()
            .find_map(|(entry, _)| match entry.fact {
                Fact::Epoch { epoch, .. } => Some(epoch),
                _ => None,
            })
            .unwrap_or(1);
        for number in 0..self.handsets.len() {
            let name = self.handsets[number].name();
            let status = self.read(number, "the status", |phone| phone.status())?;
            let Some(status) = status.filter(|status| status.epoch > 0) else {
                continue;
            };
            if status.epoch != epoch || status.seq > log.len() as u64 {
                return Err(Broken::new(
                    "every phone follows the log",
                    format!(
                        "{name} is at entry {} of epoch {}, the log at {} of {epoch}",
                        status.seq,
                        status.epoch,
                        log.len()
                    ),
                ));
            }
        }
        Ok(())
    }
}
