//! Cases by what they say of where they came from and what they are about.

use gridlog_domain::channel::Channel;
use gridlog_domain::id::RecordId;
use rusqlite::{OptionalExtension, Transaction, params};

use super::rows::{COLUMNS, json_list, read};
use crate::store::error::StoreError;
use crate::store::model::{RecordRow, ReportedFilter};

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

pub(super) fn cases_of_channel(
    tx: &Transaction<'_>,
    filter: &ReportedFilter,
) -> Result<Vec<RecordRow>, StoreError> {
    let mut query = tx.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM records
         WHERE kind = 'case' AND said_channel = ?1 AND said_channel <> 'worker'
             AND said_reported_ms BETWEEN ?2 AND ?3 AND said_number IS NOT NULL
             AND (?4 = '[]' OR said_category IN (SELECT value FROM json_each(?4)))
             AND (?5 = '[]' OR stage IN (SELECT value FROM json_each(?5)))
         ORDER BY said_reported_ms DESC, id LIMIT ?6"
    ))?;
    let values = params![
        filter.channel.code(),
        filter.from_ms,
        filter.to_ms,
        json_list(&filter.categories),
        json_list(&filter.stages),
        filter.limit.cast_signed(),
    ];
    let rows = query.query_map(values, |row| Ok(read(row)))?;
    let mut cases = Vec::new();
    for row in rows {
        cases.push(row??);
    }
    Ok(cases)
}
