//! The rows that lists and screens read. No function here opens a document.

use gridlog_domain::id::{AreaCode, Department, PersonId, RecordId};
use gridlog_domain::record::{Kind, RecordView};
use gridlog_domain::workflow::{CaseState, Stage};
use gridlog_protocol::Key;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params_from_iter};

use super::meta::{DOUBTED, number};
use super::{outbox, search};
use crate::error::PhoneError;
use crate::rows::{Query, RecordRow};
use crate::standing::Standing;

/// All that the store keeps about a record besides its changes.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// What the record says.
    pub(crate) view: RecordView,
    /// `view` as JSON, as it came.
    pub(crate) view_json: String,
    /// What the log says of a case.
    pub(crate) state: Option<CaseState>,
    /// `state` with own pending proposals on top.
    pub(crate) expected: Option<CaseState>,
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

fn to_json(state: Option<&CaseState>) -> Result<Option<String>, PhoneError> {
    let json = state.map(serde_json::to_string).transpose();
    json.map_err(|_| damaged("case state"))
}

/// The record's facts, if it is here.
pub(crate) fn get(connection: &Connection, id: RecordId) -> Result<Option<Facts>, PhoneError> {
    type Columns = (
        String,
        Option<String>,
        Option<String>,
        Option<String>,
        u64,
        Vec<u8>,
        i64,
        Vec<u8>,
        i64,
        i64,
    );
    let mut statement = connection.prepare_cached(
        "SELECT view, state, expected_state, ruled_home, as_of, heads, updated_ms, print, seen_by,
             page
         FROM records WHERE id = ?1",
    )?;
    let found: Option<Columns> = statement
        .query_row([id.as_bytes()], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
                row.get(6)?,
                row.get(7)?,
                row.get(8)?,
                row.get(9)?,
            ))
        })
        .optional()?;
    let Some(found) = found else {
        return Ok(None);
    };
    let (view_json, state, expected, home, as_of, heads, updated_ms, print, seen_by, page) = found;
    let case_state = |json: Option<String>| {
        let state = json.map(|json| serde_json::from_str(&json)).transpose();
        state.map_err(|_| damaged("case state"))
    };
    Ok(Some(Facts {
        view: serde_json::from_str(&view_json).map_err(|_| damaged("view"))?,
        view_json,
        state: case_state(state)?,
        expected: case_state(expected)?,
        ruled_home: home.map(AreaCode::new),
        as_of,
        heads,
        updated_ms,
        print,
        seen_by,
        page,
    }))
}

/// Stores a record's facts, its list row and what search finds it by.
pub(crate) fn put(connection: &Connection, id: RecordId, facts: &Facts) -> Result<(), PhoneError> {
    let view = &facts.view;
    let is_case = view.kind == Kind::Case;
    let state = facts.state.clone().unwrap_or_default();
    let expected = facts.expected.clone().unwrap_or_else(|| state.clone());
    let category = state
        .category
        .as_deref()
        .unwrap_or_else(|| view.text("category"));
    let row: i64 = connection
        .prepare_cached(
            "INSERT INTO records (id, kind, headline, author, home, category, department, stage,
                 expected_stage, standing, conflicts, created_ms, updated_ms, deleted, view, state,
                 expected_state, ruled_home, as_of, heads, print, seen_by, page, out_of_scope)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                 ?18, ?19, ?20, ?21, ?22, ?23, 0)
             ON CONFLICT (id) DO UPDATE SET kind = ?2, headline = ?3, author = ?4, home = ?5,
                 category = ?6, department = ?7, stage = ?8, expected_stage = ?9, standing = ?10,
                 conflicts = ?11, created_ms = ?12, updated_ms = ?13, deleted = ?14, view = ?15,
                 state = ?16, expected_state = ?17, ruled_home = ?18, as_of = ?19, heads = ?20,
                 print = ?21, seen_by = ?22, page = ?23
             RETURNING row",
        )?
        .query_row(
            rusqlite::params![
                id.as_bytes(),
                view.kind.code(),
                view.headline(),
                view.author.as_str(),
                facts.home().as_str(),
                (!category.is_empty()).then_some(category),
                state.department.as_ref().map(Department::as_str),
                is_case.then(|| state.stage.code()),
                is_case.then(|| expected.stage.code()),
                outbox::worst(connection, id)?.rank(),
                view.conflicts.len(),
                view.created_at_ms,
                facts.updated_ms,
                view.deleted_at_ms.is_some(),
                facts.view_json,
                to_json(facts.state.as_ref())?,
                to_json(facts.expected.as_ref())?,
                facts.ruled_home.as_ref().map(AreaCode::as_str),
                number(facts.as_of)?,
                facts.heads,
                facts.print,
                facts.seen_by,
                facts.page,
            ],
            |row| row.get(0),
        )?;
    search::index(connection, row, &view.searchable())
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
                   standing, conflicts, author, created_ms, updated_ms, deleted";

fn read_row(row: &Row<'_>, me: &str) -> rusqlite::Result<Option<RecordRow>> {
    let stage = |code: Option<String>| code.as_deref().and_then(Stage::from_code);
    let kind = Kind::from_code(row.get_ref(1)?.as_str()?);
    let standing = Standing::from_rank(row.get(8)?);
    let (Some(kind), Some(standing)) = (kind, standing) else {
        return Ok(None);
    };
    let author: String = row.get(10)?;
    Ok(Some(RecordRow {
        id: RecordId::from_bytes(row.get(0)?),
        kind,
        headline: row.get(2)?,
        area: AreaCode::new(row.get::<_, String>(3)?),
        category: row.get(4)?,
        department: row.get::<_, Option<String>>(5)?.map(Department::new),
        stage: stage(row.get(6)?),
        expected_stage: stage(row.get(7)?),
        standing,
        conflicts: row.get(9)?,
        mine: author == me,
        author: PersonId::new(author),
        created_ms: row.get(11)?,
        updated_ms: row.get(12)?,
        deleted: row.get(13)?,
    }))
}

/// The row of one record.
pub(crate) fn row(
    connection: &Connection,
    id: RecordId,
    me: &str,
) -> Result<Option<RecordRow>, PhoneError> {
    let sql = format!("SELECT {ROW} FROM records WHERE id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement
        .query_row([id.as_bytes()], |row| read_row(row, me))
        .optional()?;
    Ok(found.flatten())
}

/// The rows that a query asks for, the latest change first. `inside` are the areas that the
/// query's area covers.
pub(crate) fn list(
    connection: &Connection,
    query: &Query,
    inside: &[AreaCode],
    me: &str,
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
        require("author = ?", Box::new(me.to_owned()));
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
    let rows = statement.query_map(params_from_iter(values), |row| read_row(row, me))?;
    rows.filter_map(|row| row.map_err(PhoneError::from).transpose())
        .collect()
}

/// Rows of cases with what the log says of each, own pending proposals on top; not deleted.
pub(crate) fn cases(
    connection: &Connection,
    me: &str,
) -> Result<Vec<(RecordRow, CaseState)>, PhoneError> {
    let sql = format!(
        "SELECT {ROW}, expected_state FROM records
         WHERE kind = 'case' AND deleted = 0 ORDER BY updated_ms DESC, id DESC"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], |row| {
        Ok((read_row(row, me)?, row.get::<_, Option<String>>(14)?))
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
    connection.execute(
        "UPDATE records SET out_of_scope = 1 WHERE id = ?1",
        [id.as_bytes()],
    )?;
    Ok(())
}

/// The server shows the record.
pub(crate) fn mark_in_scope(connection: &Connection, id: RecordId) -> Result<(), PhoneError> {
    connection
        .prepare_cached("UPDATE records SET out_of_scope = 0 WHERE id = ?1")?
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
             (SELECT id FROM records WHERE as_of > ?1 UNION SELECT record FROM sealed)",
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
pub(crate) fn leaving(connection: &Connection, me: &str) -> Result<Vec<RecordRow>, PhoneError> {
    let sql = format!("SELECT {ROW} FROM records WHERE out_of_scope = 1 ORDER BY id");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], |row| read_row(row, me))?;
    rows.filter_map(|row| row.map_err(PhoneError::from).transpose())
        .collect()
}

/// Rows of which something of one's own is not in the log.
pub(crate) fn unsettled(connection: &Connection, me: &str) -> Result<Vec<RecordRow>, PhoneError> {
    let sql = format!("SELECT {ROW} FROM records WHERE standing <> 0 ORDER BY updated_ms DESC, id");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], |row| read_row(row, me))?;
    rows.filter_map(|row| row.map_err(PhoneError::from).transpose())
        .collect()
}
