//! Every case's history is legal, read by the table of steps and by nothing else.

use gridlog_domain::workflow::{CaseState, History, Step};
use gridlog_protocol::{Fact, LogEntry};
use gridlog_sync_server::store::Store;

use super::{by_record, unread};
use crate::broken::Broken;
use crate::tally::Tally;

/// Walks through the rulings of each record, and compares the stage in the end with the stored one.
pub(super) fn check(
    log: &[(LogEntry, Vec<u8>)],
    store: &dyn Store,
    tally: &mut Tally,
) -> Result<(), Broken> {
    for (record, entries) in by_record(log) {
        let broken =
            |found: String| Broken::new("every history is legal", format!("{record}: {found}"));
        let mut history = History::new();
        for entry in entries {
            let stage = history.stage();
            if let Fact::Timer { kind, .. } = &entry.fact {
                tally.count("the clock", kind);
            }
            let Fact::Ruling {
                step,
                refused,
                stage: after,
                ..
            } = &entry.fact
            else {
                continue;
            };
            let step = Step::from_code(step)
                .ok_or_else(|| broken(format!("entry {}: no step {step}", entry.seq)))?;
            if let Some(code) = refused {
                tally.count("step refused", step.code());
                tally.count("reason of a refused step", code);
                if !after.is_empty() && after != stage.code() {
                    return Err(broken(format!(
                        "entry {}: a refusal moved it from {} to {after}",
                        entry.seq,
                        stage.code()
                    )));
                }
                continue;
            }
            tally.count("step accepted", step.code());
            let to = history.accept(step).ok_or_else(|| {
                broken(format!(
                    "entry {}: {} from {}",
                    entry.seq,
                    step.code(),
                    stage.code()
                ))
            })?;
            if after != to.code() {
                return Err(broken(format!(
                    "entry {}: {} leads to {}, not to {after}",
                    entry.seq,
                    step.code(),
                    to.code()
                )));
            }
        }
        let row = store.record(record).map_err(|error| unread(&error))?;
        let state = row.and_then(|row| row.state);
        let state: Option<CaseState> = state.and_then(|json| serde_json::from_str(&json).ok());
        if let Some(state) = state
            && state.stage != history.stage()
        {
            return Err(broken(format!(
                "it stands at {}, its rulings lead to {}",
                state.stage.code(),
                history.stage().code()
            )));
        }
    }
    Ok(())
}
