//! Receipts: when this phone may say that everything is in the log (DESIGN section 7).

use gridlog_protocol::Statement;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::session::Asked;
use crate::error::PhoneError;
use crate::store::{meta, outbox, wants};

/// The server's signed word that everything that this phone knew to be in the log was in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    /// The epoch of the log. A receipt of an earlier epoch confirms nothing.
    pub epoch: u64,
    /// As of this log entry.
    pub seq: u64,
    /// Server time, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// In how many records this phone wrote.
    pub records: u64,
    /// How many changes it wrote.
    pub changes: u64,
}

/// Keeps a receipt if it names just the changes that this store knows to be in the log; else what
/// was confirmed before counts no more. If the log has less, the server is asked for each: a verdict
/// may have been all that this phone ever heard of a change that a restored server lost. If it has more,
/// this store has forgotten something.
pub(super) fn take(
    connection: &Connection,
    statement: &Statement,
    asked: &Asked,
) -> Result<(), PhoneError> {
    let Some(receipt) = &statement.receipt else {
        return Ok(());
    };
    let known = outbox::in_log(connection)?;
    if *receipt != known {
        tracing::warn!("a receipt does not name what this phone knows to be in the log");
        // What was asked for just now is as the server says.
        if asked.asks.is_empty() && receipt.changes.count <= known.changes.count {
            outbox::doubt_all(connection)?;
        }
        let is_more = receipt.changes.count > known.changes.count;
        if is_more && !asked.recalls && is_settled(connection)? {
            meta::recall_after(connection, 0)?;
        }
        return meta::RECEIPT.clear(connection);
    }
    let confirmed = Confirmed {
        epoch: statement.position.epoch,
        seq: statement.position.seq,
        at_ms: statement.server_ms,
        records: receipt.records,
        changes: receipt.changes.count,
    };
    let json = serde_json::to_string(&confirmed);
    let json = json.map_err(|_| PhoneError::StoreDamaged { what: "receipt" })?;
    meta::RECEIPT.set(connection, json)
}

/// Whether nothing is on its way that may explain why the log has more than this store knows.
fn is_settled(connection: &Connection) -> Result<bool, PhoneError> {
    Ok(outbox::undecided_there(connection)?.is_empty()
        && wants::first(connection, 1)?.is_empty()
        && !meta::REPAIRING.get(connection)?.unwrap_or(false))
}

/// What is confirmed in the epoch that this phone follows; `None` also once the log has more of this
/// phone than was confirmed.
pub(crate) fn confirmed(connection: &Connection) -> Result<Option<Confirmed>, PhoneError> {
    let Some(json) = meta::RECEIPT.get(connection)? else {
        return Ok(None);
    };
    let read: Confirmed =
        serde_json::from_str(&json).map_err(|_| PhoneError::StoreDamaged { what: "receipt" })?;
    let epoch = meta::position(connection)?.epoch;
    let known = outbox::in_log(connection)?.changes.count;
    Ok(Some(read).filter(|read| read.epoch == epoch && read.changes == known))
}
