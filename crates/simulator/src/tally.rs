//! How often everything occurred: a run in which something never did proves nothing about it.

use std::collections::BTreeMap;
use std::fmt;

use gridlog_domain::workflow::{RefusalReason, STEPS};

use crate::turn::Turn;

/// Counts, in groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    groups: BTreeMap<&'static str, BTreeMap<String, u64>>,
}

impl Tally {
    /// Counts one.
    pub(crate) fn count(&mut self, group: &'static str, what: &str) {
        self.add(group, what, 1);
    }

    /// Counts so many.
    pub(crate) fn add(&mut self, group: &'static str, what: &str, times: u64) {
        let counts = self.groups.entry(group).or_default();
        *counts.entry(what.to_owned()).or_default() += times;
    }

    /// How often something occurred.
    pub fn get(&self, group: &str, what: &str) -> u64 {
        let counts = self.groups.get(group);
        counts
            .and_then(|counts| counts.get(what))
            .copied()
            .unwrap_or(0)
    }

    /// Adds another tally.
    pub fn join(&mut self, other: &Self) {
        for (group, counts) in &other.groups {
            for (what, times) in counts {
                self.add(group, what, *times);
            }
        }
    }

    /// What can occur and never did.
    pub fn missing(&self) -> Vec<String> {
        let can_occur = expected().into_iter();
        can_occur
            .filter(|(group, what)| self.get(group, what) == 0)
            .map(|(group, what)| format!("{group}: {what}"))
            .collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups = self.groups.clone();
        for (group, what) in expected() {
            groups.entry(group).or_default().entry(what).or_default();
        }
        for (group, counts) in groups {
            writeln!(f, "{group}")?;
            for (what, times) in counts {
                writeln!(f, "  {times:>9}  {what}")?;
            }
        }
        Ok(())
    }
}

/// Faults of the disk. Not among them: `lying_syncs`, which a test of the checks turns on and no
/// honest disk does.
const DISK: [&str; 10] = [
    "process_crashes",
    "power_losses",
    "writes_forgotten",
    "writes_torn",
    "writes_reordered",
    "names_undone",
    "full",
    "io_errors",
    "read_errors",
    "restores",
];

/// Faults of the network.
const NETWORK: [&str; 9] = [
    "request lost",
    "answer lost",
    "message doubled",
    "message overtaken",
    "request cut",
    "answer cut",
    "answer garbled",
    "late answer handed to a later request",
    "sync broken off between two pages",
];

/// Every verdict on a pushed item.
const VERDICTS: [&str; 7] = [
    "received",
    "admitted",
    "waiting",
    "blocked_by",
    "review",
    "refused",
    "unknown",
];

/// Codes with which changes are refused. Not among them, because nothing here can lead to them:
/// `record_full`, which takes 4 MiB of honest words; `too_many_waiting` and `too_much_held`, which take
/// thousands of changes; `automerge_panicked`, `automerge_refused` and `does_not_reload`, which no input is
/// known to reach any more; `genesis_missing` and `missing_dependency`, which only what is stored can be
/// refused for: a pushed change that builds on what is not here waits.
const REFUSED: [&str; 32] = [
    "actor_seq_reused",
    "area_never_held",
    "bad_actor",
    "bad_checksum",
    "bad_key",
    "bad_magic",
    "bad_pred",
    "compressed_change",
    "dismissed",
    "empty_change",
    "foreign_actor",
    "malformed",
    "message_too_long",
    "missing_object",
    "not_a_change",
    "not_canonical",
    "own_previous_missing",
    "record_erased",
    "second_genesis",
    "seq_gap",
    "start_op_too_large",
    "start_op_wrong",
    "time_out_of_range",
    "too_deep",
    "too_large",
    "too_many_actors",
    "too_many_deps",
    "too_many_ops",
    "trailing_bytes",
    "unknown_actor",
    "unknown_area",
    "unsupported_op",
];

/// What the hostile device does.
const HOSTILE: [&str; 7] = [
    "garbage",
    "overheard",
    "forged evidence",
    "forged entries under a real page",
    "forged in others' records",
    "sound, and out of place",
    "gallery",
];

/// Why something waits for an office. Not among them: `record_damaged`, which takes a damaged
/// database.
const REVIEWED: [&str; 4] = [
    "account_disabled",
    "assignment_ended",
    "device_handed_over",
    "not_assigned_then",
];

/// What the clock does to a case.
const CLOCK: [&str; 4] = ["overdue", "stage_overdue", "reply_overdue", "escalated"];

/// All that can occur here, in its groups. Of steps and of the reasons for which they are refused nothing is
/// left out.
fn expected() -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    let mut group = |name: &'static str, list: &[&str]| {
        all.extend(list.iter().map(|what| (name, (*what).to_owned())));
    };
    group("fault of a disk", &DISK);
    group("fault of the network", &NETWORK);
    group("verdict", &VERDICTS);
    group("change refused", &REFUSED);
    group("change reviewed", &REVIEWED);
    group("end of a sync", &["complete", "broken off"]);
    group("snapshot", &["made", "told"]);
    group("seal", &["true"]);
    group("the clock", &CLOCK);
    group("restore", &["with a new epoch", "unsaid"]);
    group("hostile", &HOSTILE);
    all.extend(
        Turn::ALL
            .iter()
            .map(|turn| ("turn", turn.name().to_owned())),
    );
    for row in STEPS {
        let code = row.step.code();
        all.push(("step accepted", code.to_owned()));
        all.push(("step refused", code.to_owned()));
    }
    let reasons = RefusalReason::ALL.iter();
    all.extend(reasons.map(|reason| ("reason of a refused step", reason.code().to_owned())));
    all
}
