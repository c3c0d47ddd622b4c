//! Which log entries belong together: a change, and what was ruled on it.

use gridlog_protocol::{Fact, LogEntry};

/// Whether an entry is a consequence of the one before it: where a record lives, who sees it, what was
/// ruled on the change that came with it.
pub(crate) fn follows_from(entry: &LogEntry, before: &LogEntry) -> bool {
    let begins = matches!(
        entry.fact,
        Fact::Admit { .. }
            | Fact::Archived
            | Fact::Erase { .. }
            | Fact::Epoch { .. }
            | Fact::Seal { .. }
            | Fact::Timer { .. }
            | Fact::DayClosed { .. }
            | Fact::DayReopened { .. }
    );
    entry.record == before.record && !begins
}
