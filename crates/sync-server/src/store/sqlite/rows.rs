//! Records, changes and rulings in SQLite.

use gridlog_domain::id::{PersonId, RecordId};
use gridlog_domain::record::Kind;
use gridlog_protocol::Digest;
use rusqlite::types::Value as SqlValue;
use rusqlite::{OptionalExtension, Row, Transaction, params, params_from_iter};

use super::{files, inbox};
use crate::store::error::StoreError;
use crate::store::model::{CaseFilter, NextTimer, RecordRow, StoredChange, StoredRuling};

pub(super) const COLUMNS: &str =
    "id, kind, area, author, headline, created_ms, updated_ms, view, state,
    stage, department, heads, as_of, conflicts, touched, archived, due_ms, timed_by, provisional_ms";

pub(super) fn put_record(tx: &Transaction<'_>, row: &RecordRow) -> Result<(), StoreError> {
    let heads: Vec<u8> = row.heads.iter().flat_map(|head| head.0).collect();
    tx.prepare_cached(
        "INSERT INTO records (id, kind, area, author, headline, created_ms, updated_ms, view,
             state, stage, department, heads, as_of, conflicts, touched, archived, print,
             due_ms, timed_by, provisional_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
         ON CONFLICT (id) DO UPDATE SET area = ?3, headline = ?5, updated_ms = ?7, view = ?8,
             state = ?9, stage = ?10, department = ?11, heads = ?12, as_of = ?13, conflicts = ?14,
             touched = ?15, archived = ?16, print = ?17, due_ms = ?18, timed_by = ?19, provisional_ms = ?20",
    )?
    .execute(params![
        row.id.as_bytes(),
        row.kind.code(),
        row.area,
        row.author.as_str(),
        row.headline,
        row.created_ms,
        row.updated_ms,
        row.view,
        row.state,
        row.stage,
        row.department,
        heads,
        row.as_of.cast_signed(),
        row.conflicts,
        row.touched,
        row.archived,
        row.print().0,
        row.timer.due_ms,
        row.timer.by,
        row.timer.provisional_ms,
    ])?;
    Ok(())
}

pub(super) fn record(tx: &Transaction<'_>, id: RecordId) -> Result<Option<RecordRow>, StoreError> {
    let mut query = tx.prepare_cached(&format!("SELECT {COLUMNS} FROM records WHERE id = ?1"))?;
    query
        .query_row(params![id.as_bytes()], |row| Ok(read(row)))
        .optional()?
        .transpose()
}

/// Every record.
pub(super) fn all(tx: &Transaction<'_>) -> Result<Vec<RecordRow>, StoreError> {
    let mut query = tx.prepare(&format!("SELECT {COLUMNS} FROM records"))?;
    let rows = query.query_map([], |row| Ok(read(row)))?;
    let mut records = Vec::new();
    for row in rows {
        records.push(row??);
    }
    Ok(records)
}

/// Every record of which that is so, one after the other.
pub(super) fn each(
    tx: &Transaction<'_>,
    condition: &'static str,
    mut work: impl FnMut(RecordRow) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut query = tx.prepare(&format!("SELECT {COLUMNS} FROM records WHERE {condition}"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        work(read(row)?)?;
    }
    Ok(())
}

pub(super) fn read(row: &Row<'_>) -> Result<RecordRow, StoreError> {
    let id = RecordId::from_bytes(row.get(0)?);
    let damaged = || StoreError::Damaged {
        what: "record",
        id: id.to_string(),
    };
    let heads: Vec<u8> = row.get(11)?;
    Ok(RecordRow {
        id,
        kind: Kind::from_code(&row.get::<_, String>(1)?).ok_or_else(damaged)?,
        area: row.get(2)?,
        author: PersonId::new(row.get::<_, String>(3)?),
        headline: row.get(4)?,
        created_ms: row.get(5)?,
        updated_ms: row.get(6)?,
        view: row.get(7)?,
        state: row.get(8)?,
        stage: row.get(9)?,
        department: row.get(10)?,
        heads: heads
            .chunks(32)
            .map(|head| head.try_into().map(Digest).map_err(|_| damaged()))
            .collect::<Result<_, _>>()?,
        as_of: row.get::<_, i64>(12)?.cast_unsigned(),
        conflicts: row.get(13)?,
        touched: row.get(14)?,
        archived: row.get(15)?,
        timer: NextTimer {
            due_ms: row.get(16)?,
            by: row.get(17)?,
            provisional_ms: row.get(18)?,
        },
    })
}

/// Changes of a record admitted after entry `after`, in log order.
pub(super) fn changes_after(
    tx: &Transaction<'_>,
    id: RecordId,
    after: u64,
) -> Result<Vec<StoredChange>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT hash, seq, bytes, actor, person FROM changes WHERE record = ?1 AND seq > ?2 ORDER BY seq",
    )?;
    let rows = query.query_map(params![id.as_bytes(), after.cast_signed()], |row| {
        Ok(StoredChange {
            hash: Digest(row.get(0)?),
            seq: row.get::<_, i64>(1)?.cast_unsigned(),
            bytes: row.get(2)?,
            actor: row.get(3)?,
            person: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A record's snapshot: the entry that it goes up to, and the document chunk.
pub(super) fn snapshot(
    tx: &Transaction<'_>,
    id: RecordId,
) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
    let mut query = tx.prepare_cached("SELECT through, chunk FROM snapshots WHERE record = ?1")?;
    Ok(query
        .query_row(params![id.as_bytes()], |row| {
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?))
        })
        .optional()?)
}

pub(super) fn put_snapshot(
    tx: &Transaction<'_>,
    id: RecordId,
    through: u64,
    chunk: &[u8],
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO snapshots (record, through, changes, chunk)
         SELECT id, ?2, (SELECT count(*) FROM changes WHERE record = ?1 AND seq <= ?2), ?3
         FROM records WHERE id = ?1",
    )?
    .execute(params![id.as_bytes(), through.cast_signed(), chunk])?;
    Ok(())
}

/// Records with at least `least` changes after their snapshot.
pub(super) fn without_snapshot(
    tx: &Transaction<'_>,
    least: u64,
    limit: usize,
) -> Result<Vec<RecordId>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT c.record FROM changes c LEFT JOIN snapshots s USING (record)
         WHERE c.seq > coalesce(s.through, 0) GROUP BY c.record HAVING count(*) >= ?1 LIMIT ?2",
    )?;
    let rows = query.query_map(params![least.cast_signed(), limit.cast_signed()], |row| {
        Ok(RecordId::from_bytes(row.get(0)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Drops everything of a record but its log entries, and remembers that it is gone.
pub(super) fn erase(tx: &Transaction<'_>, id: RecordId) -> Result<(), StoreError> {
    for (table, column) in [
        ("records", "id"),
        ("changes", "record"),
        ("rulings", "record"),
        ("timers", "record"),
        ("snapshots", "record"),
        ("record_audiences", "record"),
        ("case_facts", "record"),
    ] {
        let sql = format!("DELETE FROM {table} WHERE {column} = ?1");
        tx.execute(&sql, params![id.as_bytes()])?;
    }
    files::erase(tx, id)?;
    inbox::erase(tx, id)?;
    tx.execute(
        "INSERT OR IGNORE INTO erased (record) VALUES (?1)",
        params![id.as_bytes()],
    )?;
    Ok(())
}

pub(super) fn is_erased(tx: &Transaction<'_>, id: RecordId) -> Result<bool, StoreError> {
    let mut query = tx.prepare_cached("SELECT 1 FROM erased WHERE record = ?1")?;
    Ok(query.exists(params![id.as_bytes()])?)
}

pub(super) fn rulings(tx: &Transaction<'_>, id: RecordId) -> Result<Vec<StoredRuling>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT proposal, seq, refused FROM rulings WHERE record = ?1 ORDER BY seq",
    )?;
    let rows = query.query_map(params![id.as_bytes()], |row| {
        Ok(StoredRuling {
            proposal: row.get(0)?,
            seq: row.get::<_, i64>(1)?.cast_unsigned(),
            refused: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether anything was ruled on a record after an entry, or the clock did something to it.
pub(super) fn has_rulings_after(
    tx: &Transaction<'_>,
    id: RecordId,
    after: u64,
) -> Result<bool, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT 1 FROM rulings WHERE record = ?1 AND seq > ?2
         UNION ALL SELECT 1 FROM timers WHERE record = ?1 AND seq > ?2",
    )?;
    Ok(query.exists(params![id.as_bytes(), after.cast_signed()])?)
}

pub(super) const VISIBLE: &str = "EXISTS (SELECT 1 FROM record_audiences a, json_each(?1) mine
    WHERE a.record = records.id AND a.audience = mine.value)";

pub(super) fn json_list(texts: &[String]) -> String {
    serde_json::Value::from(texts).to_string()
}

pub(super) fn filtered(
    tx: &Transaction<'_>,
    filter: &CaseFilter,
) -> Result<Vec<RecordRow>, StoreError> {
    let mut conditions = vec![VISIBLE.to_owned()];
    let mut values = vec![SqlValue::from(json_list(&filter.audiences))];
    let wanted = [
        ("kind", filter.kind.map(|kind| kind.code().to_owned())),
        ("stage", filter.stage.clone()),
        ("area", filter.area.clone()),
        ("department", filter.department.clone()),
    ];
    for (column, value) in wanted {
        if let Some(value) = value {
            values.push(SqlValue::from(value));
            conditions.push(format!("{column} = ?{}", values.len()));
        }
    }
    if let Some(text) = &filter.text {
        values.push(SqlValue::from(text.clone()));
        let n = values.len();
        // A number is found by how it begins, from its index.
        conditions.push(format!(
            "(instr(headline, ?{n}) > 0 OR id IN (SELECT id FROM records
                INDEXED BY records_by_number WHERE kind = 'case'
                AND said_number >= ?{n} AND said_number < ?{n} || char(1114111)))"
        ));
    }
    values.push(SqlValue::from(filter.limit.cast_signed() as i64));
    values.push(SqlValue::from(filter.offset.cast_signed() as i64));
    let sql = format!(
        "SELECT {COLUMNS} FROM records WHERE {} ORDER BY updated_ms DESC, id LIMIT ?{} OFFSET ?{}",
        conditions.join(" AND "),
        values.len() - 1,
        values.len()
    );
    let mut query = tx.prepare_cached(&sql)?;
    let rows = query.query_map(params_from_iter(values), |row| Ok(read(row)))?;
    let mut records = Vec::new();
    for row in rows {
        records.push(row??);
    }
    Ok(records)
}

/// Cases in one of the stages that nothing happened to since `before_ms`.
pub(super) fn over_since(
    tx: &Transaction<'_>,
    stages: &[String],
    before_ms: i64,
    limit: usize,
) -> Result<Vec<RecordRow>, StoreError> {
    let mut query = tx.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM records
         WHERE kind = 'case' AND archived = 0 AND updated_ms < ?2
             AND stage IN (SELECT value FROM json_each(?1))
         ORDER BY updated_ms LIMIT ?3"
    ))?;
    let values = params![json_list(stages), before_ms, limit.cast_signed()];
    let rows = query.query_map(values, |row| Ok(read(row)))?;
    let mut records = Vec::new();
    for row in rows {
        records.push(row??);
    }
    Ok(records)
}

pub(super) fn cases_by_stage(
    tx: &Transaction<'_>,
    audiences: &[String],
) -> Result<Vec<(String, u64)>, StoreError> {
    let sql = format!(
        "SELECT stage, count(*) FROM records WHERE kind = 'case' AND {VISIBLE} GROUP BY stage"
    );
    let mut query = tx.prepare_cached(&sql)?;
    let rows = query.query_map(params![json_list(audiences)], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
