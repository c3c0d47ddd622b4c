//! Figures, boards and ledgers in SQLite. Everything here reads ranges of the indexes of `case_facts`.

use std::collections::HashMap;

use gridlog_domain::metrics::{Moment, Period, TraitSet};
use rusqlite::types::Value as SqlValue;
use rusqlite::{Row, Transaction, params_from_iter};

use super::facts;
use super::rows::json_list;
use crate::store::error::StoreError;
use crate::store::facts::{
    AlikeCases, BoardCounts, BoardList, BoardPlace, CaseLine, CaseScope, CountQuery, CountedBy,
};

/// Conditions and their values, in the order of their numbers.
struct Conditions {
    sql: Vec<String>,
    values: Vec<SqlValue>,
}

impl Conditions {
    fn of(scope: &CaseScope) -> Self {
        let mut conditions = Self {
            sql: Vec::new(),
            values: Vec::new(),
        };
        for (column, codes) in [("area", &scope.areas), ("department", &scope.departments)] {
            if let Some(codes) = codes {
                let list = conditions.value(json_list(codes));
                let sql = format!("f.{column} IN (SELECT value FROM json_each({list}))");
                conditions.sql.push(sql);
            }
        }
        if let Some(category) = &scope.category {
            let category = conditions.value(category.clone());
            conditions.sql.push(format!("f.category = {category}"));
        }
        conditions
    }

    /// Adds a value; its place in the statement.
    fn value(&mut self, value: impl Into<SqlValue>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }

    /// Only what comes after a place in the order of `column`.
    fn beyond(&mut self, column: &str, sign: &str, after: Option<BoardPlace>) {
        let Some(after) = after else { return };
        let (at, number) = (self.value(after.at_ms), self.value(after.number));
        self.sql
            .push(format!("({column}, f.number) {sign} ({at}, {number})"));
    }

    fn within(&mut self, column: &str, period: Period) {
        let from = self.value(period.from_ms);
        let to = self.value(period.to_ms);
        self.sql
            .push(format!("{column} >= {from} AND {column} < {to}"));
    }

    fn joined(&self) -> String {
        self.sql.join(" AND ")
    }
}

/// Counts cases that are alike, by each moment and in each period.
pub(super) fn counts(
    tx: &Transaction<'_>,
    query: &CountQuery,
) -> Result<Vec<AlikeCases>, StoreError> {
    let mut counted = Vec::new();
    for moment in &query.moments {
        for (index, period) in query.periods.iter().enumerate() {
            let alike = count(tx, *moment, *period, &query.scope, query.by)?;
            counted.extend(alike.into_iter().map(|((key, traits), cases)| AlikeCases {
                moment: *moment,
                period: index,
                key,
                traits,
                cases,
            }));
        }
    }
    counted.sort();
    Ok(counted)
}

/// What counting by one moment in one period reads; see the indexes of `case_facts`.
pub(super) fn count_statement(moment: Moment, by: Option<CountedBy>, conditions: &str) -> String {
    let key = match by {
        None => "''",
        Some(CountedBy::Area) => "f.area",
        Some(CountedBy::Department) => "f.department",
        Some(CountedBy::Category) => "f.category",
    };
    let moment = moment.code();
    format!(
        "SELECT f.traits, {key} FROM case_facts f INDEXED BY case_facts_by_{moment} WHERE {conditions}"
    )
}

/// Folds while it reads: SQLite would sort to group.
fn count(
    tx: &Transaction<'_>,
    moment: Moment,
    period: Period,
    scope: &CaseScope,
    by: Option<CountedBy>,
) -> Result<HashMap<(String, TraitSet), u64>, StoreError> {
    let mut conditions = Conditions::of(scope);
    conditions.within(&format!("f.{}_ms", moment.code()), period);
    let sql = count_statement(moment, by, &conditions.joined());
    let mut statement = tx.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(conditions.values))?;
    let mut alike: HashMap<String, HashMap<u32, u64>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let traits: u32 = row.get(0)?;
        let key = row.get_ref(1)?.as_str().unwrap_or_default();
        let of_key = match alike.get_mut(key) {
            Some(known) => known,
            None => alike.entry(key.to_owned()).or_default(),
        };
        *of_key.entry(traits).or_default() += 1;
    }
    let flat = alike.into_iter().flat_map(|(key, of_key)| {
        of_key
            .into_iter()
            .map(move |(traits, cases)| ((key.clone(), TraitSet::from_bits(traits)), cases))
    });
    Ok(flat.collect())
}

/// The figures of a board: open cases by stage, and how their time stands at the first moment and will by
/// the second one.
pub(super) fn board_counts(
    tx: &Transaction<'_>,
    scope: &CaseScope,
    (now_ms, soon_ms): (i64, i64),
) -> Result<BoardCounts, StoreError> {
    let mut conditions = Conditions::of(scope);
    conditions.sql.push("f.open = 1".to_owned());
    let (now, soon) = (conditions.value(now_ms), conditions.value(soon_ms));
    let sql = format!(
        "SELECT f.stage, count(*), coalesce(sum(f.late_from_ms <= {now}), 0),
             coalesce(sum(f.late_from_ms > {now} AND f.late_from_ms <= {soon}), 0),
             coalesce(sum(f.late_from_ms > {soon}), 0), sum(f.late_from_ms IS NULL), sum(f.asked)
         FROM case_facts f INDEXED BY case_facts_open WHERE {} GROUP BY f.stage",
        conditions.joined()
    );
    let mut counts = BoardCounts::default();
    let mut statement = tx.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(conditions.values))?;
    while let Some(row) = rows.next()? {
        let number = |column: usize| row.get::<_, i64>(column).map(i64::cast_unsigned);
        counts.by_stage.push((row.get(0)?, number(1)?));
        counts.late += number(2)?;
        counts.late_soon += number(3)?;
        counts.in_time += number(4)?;
        counts.no_clock += number(5)?;
        counts.asked += number(6)?;
    }
    Ok(counts)
}

/// A page of a list of a board.
pub(super) fn board_list(
    tx: &Transaction<'_>,
    scope: &CaseScope,
    list: &BoardList,
    after: Option<BoardPlace>,
    limit: usize,
) -> Result<Vec<CaseLine>, StoreError> {
    let mut conditions = Conditions::of(scope);
    conditions.sql.push("f.open = 1".to_owned());
    let (column, newest_first) = match list {
        BoardList::Late { by_ms } => {
            let by = conditions.value(*by_ms);
            conditions.sql.push(format!("f.late_from_ms <= {by}"));
            ("f.late_from_ms", false)
        }
        BoardList::LateSoon { after_ms, by_ms } => {
            let (after, by) = (conditions.value(*after_ms), conditions.value(*by_ms));
            let soon = format!("f.late_from_ms > {after} AND f.late_from_ms <= {by}");
            conditions.sql.push(soon);
            ("f.late_from_ms", false)
        }
        BoardList::InStages { stages, or_asked } => {
            let stages = conditions.value(json_list(stages));
            let asked = if *or_asked { " OR f.asked = 1" } else { "" };
            let sql = format!("(f.stage IN (SELECT value FROM json_each({stages})){asked})");
            conditions.sql.push(sql);
            ("coalesce(f.reported_ms, 0)", false)
        }
        BoardList::Newest => ("coalesce(f.reported_ms, 0)", true),
    };
    let (beyond, order) = if newest_first {
        ("<", "DESC")
    } else {
        (">", "ASC")
    };
    conditions.beyond(column, beyond, after);
    let limit = conditions.value(limit.cast_signed() as i64);
    // What is on the page is chosen from the index alone.
    let page = format!(
        "SELECT f.number AS number, {column} AS at_ms FROM case_facts f INDEXED BY case_facts_open
         WHERE {} ORDER BY at_ms {order}, number {order} LIMIT {limit}",
        conditions.joined()
    );
    lines(tx, &page, order, conditions.values)
}

/// Cases that were reported in a period, those reported first first.
pub(super) fn reported(
    tx: &Transaction<'_>,
    scope: &CaseScope,
    period: Period,
    after: Option<BoardPlace>,
    limit: usize,
) -> Result<Vec<CaseLine>, StoreError> {
    let mut conditions = Conditions::of(scope);
    let from_ms = after.map_or(period.from_ms, |after| after.at_ms);
    let rest = Period { from_ms, ..period };
    conditions.within("f.reported_ms", rest);
    conditions.beyond("f.reported_ms", ">", after);
    let limit = conditions.value(limit.cast_signed() as i64);
    let page = format!(
        "SELECT f.number AS number, f.reported_ms AS at_ms
         FROM case_facts f INDEXED BY case_facts_by_reported
         WHERE {} ORDER BY f.reported_ms, f.number LIMIT {limit}",
        conditions.joined()
    );
    lines(tx, &page, "ASC", conditions.values)
}

/// The lines of the cases that `page` chooses.
fn lines(
    tx: &Transaction<'_>,
    page: &str,
    order: &str,
    values: Vec<SqlValue>,
) -> Result<Vec<CaseLine>, StoreError> {
    let sql = format!(
        "SELECT {}, r.headline, page.at_ms, page.number
         FROM ({page}) page JOIN case_facts f USING (number) JOIN records r ON r.id = f.record
         ORDER BY page.at_ms {order}, page.number {order}",
        facts::COLUMNS
    );
    let mut statement = tx.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| Ok(line(row)))?;
    rows.map(|row| row?).collect()
}

fn line(row: &Row<'_>) -> Result<CaseLine, StoreError> {
    let (id, counted) = facts::read(row)?;
    let next = facts::COLUMN_COUNT;
    Ok(CaseLine {
        id,
        headline: row.get(next)?,
        counted,
        place: BoardPlace {
            at_ms: row.get(next + 1)?,
            number: row.get(next + 2)?,
        },
    })
}
