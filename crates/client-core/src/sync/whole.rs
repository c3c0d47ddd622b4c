//! What was here of a record that comes whole.

use std::collections::BTreeSet;

use gridlog_merge_guard::snapshot_heads;
use gridlog_protocol::Digest;

use super::page::CheckedDelta;
use super::pull::Pull;
use crate::error::PhoneError;
use crate::store::changes;

impl Pull<'_> {
    /// A whole record takes the place of the snapshot that was here. What only that one has is kept change
    /// by change: the log may have lost it, and then it is given back, or goes out again.
    pub(super) fn take_apart(&self, delta: &CheckedDelta) -> Result<(), PhoneError> {
        let (connection, record) = (self.connection, delta.record);
        let Some(before) = changes::snapshot(connection, record)? else {
            return Ok(());
        };
        let is_brought = |hash: &[u8; 32]| delta.heads.contains(&Digest(*hash));
        let heads = snapshot_heads(&before).unwrap_or_default();
        if heads.is_empty() || !heads.iter().all(|head| is_brought(&head.0)) {
            let (Some(mut lacking), Some(brought)) =
                (self.within(record, &before), self.brought(delta))
            else {
                return Ok(());
            };
            lacking.retain(|change| !brought.contains(&change.hash));
            for change in lacking {
                changes::add_pulled(connection, record, change.hash, &change.bytes)?;
            }
        }
        changes::drop_snapshot(connection, record)
    }

    /// The changes that a whole record brings, those in its snapshot too; `None` if that does not open.
    pub(super) fn brought(&self, delta: &CheckedDelta) -> Option<BTreeSet<[u8; 32]>> {
        let mut brought: BTreeSet<[u8; 32]> =
            delta.changes.iter().map(|change| change.hash).collect();
        if let Some(chunk) = &delta.snapshot {
            let within = self.within(delta.record, chunk)?;
            brought.extend(within.iter().map(|change| change.hash));
        }
        Some(brought)
    }
}
