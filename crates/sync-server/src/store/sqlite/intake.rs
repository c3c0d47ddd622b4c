//! Cases by what they say of where they came from and what they are about.

use gridlog_domain::channel::Channel;
use gridlog_domain::id::RecordId;
use gridlog_domain::record::Crs;
use rusqlite::{OptionalExtension, ToSql, Transaction, params};

use super::rows::{COLUMNS, VISIBLE, json_list, read};
use crate::store::error::StoreError;
use crate::store::model::{NearQuery, RecordRow, ReportedFilter};

const CASE_BY_NUMBER: &str = "SELECT id FROM records
    WHERE kind = 'case' AND said_number = ?1 AND said_channel = ?2 ORDER BY id LIMIT 1";
const CONTACTS_OF_CALLER: &str = "SELECT id FROM records WHERE kind = 'contact' AND said_phone =
    (SELECT said_phone FROM records WHERE id = ?1) LIMIT ?2";

pub(super) fn case_by_number(
    tx: &Transaction<'_>,
    channel: Channel,
    number: &str,
) -> Result<Option<RecordId>, StoreError> {
    let mut query = tx.prepare_cached(CASE_BY_NUMBER)?;
    Ok(query
        .query_row(params![number, channel.code()], |row| row.get(0))
        .optional()?
        .map(RecordId::from_bytes))
}

fn cases_of_channel_sql() -> String {
    format!(
        "SELECT {COLUMNS} FROM records
         WHERE kind = 'case' AND said_channel = ?1 AND said_channel <> 'worker'
             AND said_reported_ms BETWEEN ?2 AND ?3 AND said_number IS NOT NULL
             AND (?4 = '[]' OR said_category IN (SELECT value FROM json_each(?4)))
             AND (?5 = '[]' OR stage IN (SELECT value FROM json_each(?5)))
         ORDER BY said_reported_ms DESC, id LIMIT ?6"
    )
}

pub(super) fn cases_of_channel(
    tx: &Transaction<'_>,
    filter: &ReportedFilter,
) -> Result<Vec<RecordRow>, StoreError> {
    let sql = cases_of_channel_sql();
    let values = params![
        filter.channel.code(),
        filter.from_ms,
        filter.to_ms,
        json_list(&filter.categories),
        json_list(&filter.stages),
        filter.limit.cast_signed(),
    ];
    rows(tx, &sql, values)
}

fn rows(
    tx: &Transaction<'_>,
    sql: &str,
    values: &[&dyn ToSql],
) -> Result<Vec<RecordRow>, StoreError> {
    let mut query = tx.prepare_cached(sql)?;
    let rows = query.query_map(values, |row| Ok(read(row)))?;
    let mut cases = Vec::new();
    for row in rows {
        cases.push(row??);
    }
    Ok(cases)
}

const fn crs_code(crs: Crs) -> &'static str {
    match crs {
        Crs::Wgs84 => "wgs84",
        Crs::Gcj02 => "gcj02",
        Crs::Bd09 => "bd09",
        Crs::Cgcs2000 => "cgcs2000",
    }
}

fn cases_near_sql() -> String {
    format!(
        "SELECT {COLUMNS} FROM records INDEXED BY records_by_place
         WHERE kind = 'case' AND said_lat >= ?2 AND said_lat <= ?3 AND said_lon >= ?4
             AND said_lon <= ?5 AND said_crs = ?6
             AND substr(said_category, 1, length(?7)) = ?7
             AND said_reported_ms BETWEEN ?8 AND ?9
             AND stage IN (SELECT value FROM json_each(?10)) AND {VISIBLE}
         ORDER BY id LIMIT ?11"
    )
}

pub(super) fn cases_near(
    tx: &Transaction<'_>,
    query: &NearQuery,
) -> Result<Vec<RecordRow>, StoreError> {
    let sql = cases_near_sql();
    let values = params![
        json_list(&query.audiences),
        query.lat.0,
        query.lat.1,
        query.lon.0,
        query.lon.1,
        crs_code(query.crs),
        query.class,
        query.reported_ms.0,
        query.reported_ms.1,
        json_list(&query.stages),
        query.limit.cast_signed(),
    ];
    rows(tx, &sql, values)
}

fn cases_numbered_sql() -> String {
    format!(
        "SELECT {COLUMNS} FROM records WHERE id IN (
             SELECT r.id FROM json_each(?2) n JOIN records r INDEXED BY records_by_number
                 ON r.kind = 'case' AND r.said_number = n.value
             UNION SELECT r.id FROM json_each(?3) n JOIN records r INDEXED BY records_by_number
                 ON r.kind = 'case' AND r.said_number >= n.value
                     AND r.said_number < n.value || char(1114111))
         AND {VISIBLE} ORDER BY id LIMIT ?4"
    )
}

pub(super) fn cases_numbered(
    tx: &Transaction<'_>,
    audiences: &[String],
    (numbers, beginnings): (&[String], &[String]),
    limit: usize,
) -> Result<Vec<RecordRow>, StoreError> {
    let sql = cases_numbered_sql();
    let values = params![
        json_list(audiences),
        json_list(numbers),
        json_list(beginnings),
        limit.cast_signed(),
    ];
    rows(tx, &sql, values)
}

fn cases_of_caller_sql() -> String {
    format!(
        "SELECT {COLUMNS} FROM records INDEXED BY records_by_contact
         WHERE kind = 'case' AND said_contact IN (SELECT value FROM json_each(?2))
             AND {VISIBLE} ORDER BY id LIMIT ?3"
    )
}

pub(super) fn cases_of_caller(
    tx: &Transaction<'_>,
    audiences: &[String],
    contact: RecordId,
    limit: usize,
) -> Result<Vec<RecordRow>, StoreError> {
    let mut query = tx.prepare_cached(CONTACTS_OF_CALLER)?;
    let found = query.query_map(params![contact.as_bytes(), limit.cast_signed()], |row| {
        Ok(RecordId::from_bytes(row.get(0)?).to_string())
    })?;
    let mut contacts: Vec<String> = found.collect::<Result<_, _>>()?;
    contacts.push(contact.to_string());
    let sql = cases_of_caller_sql();
    let values = params![
        json_list(audiences),
        json_list(&contacts),
        limit.cast_signed()
    ];
    rows(tx, &sql, values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::SqliteStore;

    #[test]
    fn cases_are_looked_up_by_index() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("district.db")).unwrap();
        let plan = |sql: &str| -> String {
            let explained = store.read(|tx| {
                let mut query = tx.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let mut steps = query.raw_query();
                let mut plan = Vec::new();
                while let Some(step) = steps.next()? {
                    plan.push(step.get::<_, String>(3)?);
                }
                Ok(plan.join("\n"))
            });
            explained.unwrap()
        };
        for (sql, index) in [
            (CASE_BY_NUMBER.to_owned(), "records_by_number"),
            (CONTACTS_OF_CALLER.to_owned(), "contacts_by_phone"),
            (cases_of_channel_sql(), "records_by_report"),
            (cases_near_sql(), "records_by_place"),
            (cases_numbered_sql(), "records_by_number"),
            (cases_of_caller_sql(), "records_by_contact"),
        ] {
            let plan = plan(&sql);
            assert!(plan.contains(index), "{plan}");
            assert!(!plan.contains("SCAN records\n"), "{plan}");
        }
    }
}
