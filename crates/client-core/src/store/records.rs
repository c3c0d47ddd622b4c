//! The rows that lists and screens read. No function here opens a document.

use gridlog_domain::id::{AreaCode, Department, PersonId, RecordId};
use gridlog_domain::record::{Kind, RecordView};
use gridlog_domain::workflow::{CaseState, Stage};
use gridlog_protocol::Key;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params_from_iter};

use super::meta::{DOUBTED, number};
use super::{outbox, search};
use crate::error::PhoneError;
use crate::reader::Reader;
use crate::rows::{Query, RecordRow};
use crate::standing::Standing;

/// All that the store keeps about a record besides its changes.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// Its row here; `None` if it has none yet.
    pub(crate) stored: Option<StoredRow>,
    /// What the record says.
    pub(crate) view: RecordView,
    /// `view` as JSON, as it came.
    pub(crate) view_json: String,
    /// What the log says of a case.
    pub(crate) state: Option<CaseState>,
    /// `state` as JSON, as it came.
    pub(crate) state_json: Option<String>,
    /// Where the server says it lives.
    pub(crate) ruled_home: Option<AreaCode>,
    /// The last log entry that the row reflects.
    pub(crate) as_of: u64,
    /// Heads as of that entry, one after the other.
    pub(crate) heads: Vec<u8>,
    /// When it last changed.
    pub(crate) updated_ms: i64,
    /// Its print as of that entry; see [`gridlog_protocol::record_print`]. Empty before.
    pub(crate) print: Vec<u8>,
    /// By which audiences the person sees it, a bit for each.
    pub(crate) seen_by: i64,
    /// The page that brought it whole; 0 if none did.
    pub(crate) page: i64,
    /// Whether the server no longer shows it.
    pub(crate) out_of_scope: bool,
}

/// A record's row as it stands.
#[derive(Debug, Clone)]
pub(crate) struct StoredRow {
    /// Its number, which search knows it by.
    row: i64,
    /// The text that search finds it by; `None` if it is to be indexed again in any case.
    searchable: Option<String>,
}

impl StoredRow {
    /// The row, to be indexed again even if its words stay: what is told anew mends what is damaged.
    pub(crate) fn told_anew(self) -> Self {
        Self {
            searchable: None,
            ..self
        }
    }
}

impl Facts {
    /// Where the record lives.
    pub(crate) fn home(&self) -> &AreaCode {
        self.ruled_home.as_ref().unwrap_or(&self.view.area)
    }
}

fn damaged(what: &'static str) -> PhoneError {
    PhoneError::StoreDamaged { what }
}

/// The record's facts, if it is here.
pub(crate) fn get(connection: &Connection, id: RecordId) -> Result<Option<Facts>, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT view, state, ruled_home, as_of, heads, updated_ms, print, seen_by, page,
             out_of_scope, row
         FROM records WHERE id = ?1",
    )?;
    let found = statement.query_row([id.as_bytes()], |row| Ok(read_facts(row)));
    found.optional()?.transpose()
}

fn read_facts(row: &Row<'_>) -> Result<Facts, PhoneError> {
    let view_json: String = row.get(0)?;
    let state_json: Option<String> = row.get(1)?;
    let view: RecordView = serde_json::from_str(&view_json).map_err(|_| damaged("view"))?;
    let state = state_json.as_deref().map(serde_json::from_str).transpose();
    Ok(Facts {
        stored: Some(StoredRow {
            row: row.get(10)?,
            searchable: Some(view.searchable()),
        }),
        view,
        view_json,
        state: state.map_err(|_| damaged("case state"))?,
        state_json,
        ruled_home: row.get::<_, Option<String>>(2)?.map(AreaCode::new),
        as_of: row.get(3)?,
        heads: row.get(4)?,
        updated_ms: row.get(5)?,
        print: row.get(6)?,
        seen_by: row.get(7)?,
        page: row.get(8)?,
        out_of_scope: row.get(9)?,
    })
}

const INSERT: &str = "INSERT INTO records (kind, headline, author, home, category, department,
         stage, expected_stage, standing, conflicts, created_ms, updated_ms, deleted, view, state,
         expected_state, ruled_home, as_of, heads, print, seen_by, page, out_of_scope, id)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
         ?20, ?21, ?22, ?23, ?24)";

const UPDATE: &str = "UPDATE records SET kind = ?1, headline = ?2, author = ?3, home = ?4,
         category = ?5, department = ?6, stage = ?7, expected_stage = ?8, standing = ?9,
         conflicts = ?10, created_ms = ?11, updated_ms = ?12, deleted = ?13, view = ?14,
         state = ?15, expected_state = ?16, ruled_home = ?17, as_of = ?18, heads = ?19,
         print = ?20, seen_by = ?21, page = ?22, out_of_scope = ?23
     WHERE id = ?24";

/// Stores a record's facts and its list row. `expected` is the state of a case with own pending
/// proposals on top, if there are any. Returns what is to be indexed with [`search::index`] before
/// the transaction ends.
pub(crate) fn put(
    connection: &Connection,
    id: RecordId,
    facts: &Facts,
    expected: Option<&CaseState>,
) -> Result<Option<search::News>, PhoneError> {
    let view = &facts.view;
    let is_case = view.kind == Kind::Case;
    let begins = CaseState::default();
    let state = facts.state.as_ref().unwrap_or(&begins);
    let expected_json = expected.map(serde_json::to_string).transpose();
    let category = state
        .category
        .as_deref()
        .unwrap_or_else(|| view.text("category"));
    let searchable = view.searchable();
    let sql = if facts.stored.is_some() {
        UPDATE
    } else {
        INSERT
    };
    connection.prepare_cached(sql)?.execute(rusqlite::params![
        view.kind.code(),
        view.headline(),
        view.author.as_str(),
        facts.home().as_str(),
        (!category.is_empty()).then_some(category),
        state.department.as_ref().map(Department::as_str),
        is_case.then(|| state.stage.code()),
        is_case.then(|| expected.unwrap_or(state).stage.code()),
        outbox::worst(connection, id)?.rank(),
        view.conflicts.len(),
        view.created_at_ms,
        facts.updated_ms,
        view.deleted_at_ms.is_some(),
        facts.view_json,
        facts.state_json,
        expected_json.map_err(|_| damaged("case state"))?,
        facts.ruled_home.as_ref().map(AreaCode::as_str),
        number(facts.as_of)?,
        facts.heads,
        facts.print,
        facts.seen_by,
        facts.page,
        facts.out_of_scope,
        id.as_bytes(),
    ])?;
    let (row, before) = match &facts.stored {
        Some(stored) => (stored.row, stored.searchable.as_ref()),
        None => (connection.last_insert_rowid(), None),
    };
    let is_known = facts.stored.is_some();
    let is_news = before != Some(&searchable);
    Ok(is_news.then_some(search::News {
        row,
        text: searchable,
        is_known,
    }))
}

/// Brings the row's standing in line with the outbox.
pub(crate) fn refresh_standing(connection: &Connection, id: RecordId) -> Result<(), PhoneError> {
    let worst = outbox::worst(connection, id)?.rank();
    connection
        .prepare_cached("UPDATE records SET standing = ?2 WHERE id = ?1")?
        .execute((id.as_bytes(), worst))?;
    Ok(())
}

const ROW: &str = "id, kind, headline, home, category, department, stage, expected_stage, \
                   standing, conflicts, author, created_ms, updated_ms, deleted, \
                   coalesce(expected_state, state), \
                   (SELECT count(*) FROM attachments a WHERE a.record = records.id \
                    AND a.preview_of IS NULL AND a.standing IN ('here', 'refused'))";

fn read_row(row: &Row<'_>, reader: &Reader) -> rusqlite::Result<Option<RecordRow>> {
    let stage = |code: Option<String>| code.as_deref().and_then(Stage::from_code);
    let kind = Kind::from_code(row.get_ref(1)?.as_str()?);
    let standing = Standing::from_rank(row.get(8)?);
    let (Some(kind), Some(standing)) = (kind, standing) else {
        return Ok(None);
    };
    let author: String = row.get(10)?;
    let expected = stage(row.get(7)?);
    Ok(Some(RecordRow {
        id: RecordId::from_bytes(row.get(0)?),
        kind,
        headline: row.get(2)?,
        area: AreaCode::new(row.get::<_, String>(3)?),
        category: row.get(4)?,
        department: row.get::<_, Option<String>>(5)?.map(Department::new),
        stage: stage(row.get(6)?),
        expected_stage: expected,
        standing,
        conflicts: row.get(9)?,
        mine: author == reader.me,
        author: PersonId::new(author),
        created_ms: row.get(11)?,
        updated_ms: row.get(12)?,
        deleted: row.get(13)?,
        photos_here: row.get(15)?,
        urgency: match expected {
            Some(stage) if !stage.is_over() => {
                let json = row.get_ref(14)?.as_str_or_null()?;
                json.and_then(|json| reader.urgency(json))
            }
            _ => None,
        },
    }))
}

/// The row of one record.
pub(crate) fn row(
    connection: &Connection,
    id: RecordId,
    reader: &Reader,
) -> Result<Option<RecordRow>, PhoneError> {
    let sql = format!("SELECT {ROW} FROM records WHERE id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement
        .query_row([id.as_bytes()], |row| read_row(row, reader))
        .optional()?;
    Ok(found.flatten())
}

/// The rows that a query asks for, the latest change first. `inside` are the areas that the
/// query's area covers.
pub(crate) fn list(
    connection: &Connection,
    query: &Query,
    inside: &[AreaCode],
    reader: &Reader,
) -> Result<Vec<RecordRow>, PhoneError> {
    let mut conditions = vec!["1"];
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    let mut require = |condition: &'static str, value: Box<dyn ToSql>| {
        conditions.push(condition);
        values.push(value);
    };
    if !query.with_deleted {
        require("deleted = ?", Box::new(false));
    }
    if let Some(kind) = query.kind {
        require("kind = ?", Box::new(kind.code()));
    }
    if let Some(stage) = query.stage {
        require("stage = ?", Box::new(stage.code()));
    }
    if query.area.is_some() {
        let codes: Vec<&str> = inside.iter().map(AreaCode::as_str).collect();
        let codes = serde_json::to_string(&codes).map_err(|_| damaged("area"))?;
        require("home IN (SELECT value FROM json_each(?))", Box::new(codes));
    }
    if let Some(standing) = query.standing {
        require("standing = ?", Box::new(standing.rank()));
    }
    if query.mine_only {
        require("author = ?", Box::new(reader.me.clone()));
    }
    if query.conflicts_only {
        require("conflicts > ?", Box::new(0_i64));
    }
    if let Some(text) = query.text.as_deref().filter(|text| !text.trim().is_empty()) {
        let Some(phrase) = search::phrase(text) else {
            return Ok(Vec::new());
        };
        require(
            "row IN (SELECT rowid FROM search WHERE search MATCH ?)",
            Box::new(phrase),
        );
    }
    let sql = format!(
        "SELECT {ROW} FROM records WHERE {} ORDER BY updated_ms DESC, id DESC LIMIT ? OFFSET ?",
        conditions.join(" AND ")
    );
    values.push(Box::new(query.limit));
    values.push(Box::new(query.offset));
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| read_row(row, reader))?;
    rows.filter_map(|row| row.map_err(PhoneError::from).transpose())
        .collect()
}

/// Rows of cases with what the log says of each, own pending proposals on top; not deleted.
pub(crate) fn cases(
    connection: &Connection,
    reader: &Reader,
) -> Result<Vec<(RecordRow, CaseState)>, PhoneError> {
    let sql = format!(
        "SELECT {ROW} FROM records
         WHERE kind = 'case' AND deleted = 0 ORDER BY updated_ms DESC, id DESC"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], |row| {
        Ok((read_row(row, reader)?, row.get::<_, Option<String>>(14)?))
    })?;
    let mut cases = Vec::new();
    for row in rows {
        let (Some(row), json) = row? else { continue };
        let state = json.map(|json| serde_json::from_str(&json)).transpose();
        cases.push((
            row,
            state
                .map_err(|_| damaged("case state"))?
                .unwrap_or_default(),
        ));
    }
    Ok(cases)
}

/// Marks a record that the server no longer shows; it goes once nothing of it is undecided.
pub(crate) fn mark_out_of_scope(connection: &Connection, id: RecordId) -> Result<(), PhoneError> {
    connection
        .prepare_cached("UPDATE records SET out_of_scope = 1 WHERE id = ?1")?
        .execute([id.as_bytes()])?;
    Ok(())
}

/// By which audiences the person sees a record that is here.
pub(crate) fn set_seen_by(
    connection: &Connection,
    id: RecordId,
    seen_by: i64,
) -> Result<bool, PhoneError> {
    let set = connection
        .prepare_cached("UPDATE records SET seen_by = ?2, out_of_scope = 0 WHERE id = ?1")?
        .execute((id.as_bytes(), seen_by))?;
    Ok(set > 0)
}

/// Records that are out of scope.
pub(crate) fn out_of_scope(connection: &Connection) -> Result<Vec<RecordId>, PhoneError> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM records WHERE out_of_scope = 1")?;
    let rows = statement.query_map([], |row| Ok(RecordId::from_bytes(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The log was put back to entry `common`: what later entries said of records is to be told anew,
/// and whether it has own changes of those records is to be asked. Their prints stay, so that a record
/// that the log lost shows in a comparison.
pub(crate) fn doubt_after(connection: &Connection, common: u64) -> Result<(), PhoneError> {
    let common = number(common)?;
    connection.execute(
        "UPDATE outbox SET standing = 'received' WHERE standing = 'in_log' AND record IN
             (SELECT id FROM records WHERE as_of > ?1
              UNION SELECT record FROM sealed WHERE as_of > ?1)",
        [common],
    )?;
    connection.execute(
        "UPDATE records SET as_of = ?2 WHERE as_of > ?1",
        (common, DOUBTED),
    )?;
    Ok(())
}

/// Records that came whole and that the server may have lost.
pub(crate) fn doubted_whole(connection: &Connection) -> Result<Vec<RecordId>, PhoneError> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM records WHERE as_of = ?1 AND page <> 0")?;
    let rows = statement.query_map([DOUBTED], |row| Ok(RecordId::from_bytes(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Everything was given back: what was not told anew is as of entry `seq`, as far as is known here.
pub(crate) fn doubt_no_more(connection: &Connection, seq: u64) -> Result<(), PhoneError> {
    connection.execute(
        "UPDATE records SET as_of = ?1 WHERE as_of = ?2",
        (number(seq)?, DOUBTED),
    )?;
    Ok(())
}

/// Records of which the log said something after entry `common`, with own changes.
pub(crate) fn changed_after(
    connection: &Connection,
    common: u64,
) -> Result<Vec<RecordId>, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM records WHERE as_of > ?1 AND id IN (SELECT record FROM outbox)",
    )?;
    let rows = statement.query_map([number(common)?], |row| {
        Ok(RecordId::from_bytes(row.get(0)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A record's print and by which audiences it is seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printed {
    /// The record.
    pub(crate) id: RecordId,
    /// Its print.
    pub(crate) print: Key,
    /// A bit for each audience.
    pub(crate) seen_by: i64,
}

/// The prints of everything that the log is known to have and that is in scope.
pub(crate) fn printed(connection: &Connection) -> Result<Vec<Printed>, PhoneError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, print, seen_by FROM records
         WHERE length(print) = 16 AND seen_by <> 0 AND out_of_scope = 0 ORDER BY id",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Printed {
            id: RecordId::from_bytes(row.get(0)?),
            print: Key(row.get(1)?),
            seen_by: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Rows that are about to leave this phone.
pub(crate) fn leaving(
    connection: &Connection,
    reader: &Reader,
) -> Result<Vec<RecordRow>, PhoneError> {
    let sql = format!("SELECT {ROW} FROM records WHERE out_of_scope = 1 ORDER BY id");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], |row| read_row(row, reader))?;
    rows.filter_map(|row| row.map_err(PhoneError::from).transpose())
        .collect()
}

/// Rows of which something of one's own is not in the log.
pub(crate) fn unsettled(
    connection: &Connection,
    reader: &Reader,
) -> Result<Vec<RecordRow>, PhoneError> {
    let sql = format!("SELECT {ROW} FROM records WHERE standing <> 0 ORDER BY updated_ms DESC, id");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], |row| read_row(row, reader))?;
    rows.filter_map(|row| row.map_err(PhoneError::from).transpose())
        .collect()
}
