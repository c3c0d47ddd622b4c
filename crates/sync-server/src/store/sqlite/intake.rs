//! Cases by what they say of where they came from and what they are about.

use gridlog_domain::channel::Channel;
use gridlog_domain::id::RecordId;
use rusqlite::{OptionalExtension, Transaction, params};

use crate::store::error::StoreError;

pub(super) fn case_by_number(
    tx: &Transaction<'_>,
    channel: Channel,
    number: &str,
) -> Result<Option<RecordId>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT id FROM records
         WHERE kind = 'case' AND said_number = ?1 AND said_channel = ?2 ORDER BY id LIMIT 1",
    )?;
    Ok(query
        .query_row(params![number, channel.code()], |row| row.get(0))
        .optional()?
        .map(RecordId::from_bytes))
}
