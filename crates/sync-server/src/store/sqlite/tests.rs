use rusqlite::StatementStatus;

use super::migrate::MIGRATIONS;
use super::*;
use crate::store::conformance::{DEVICE, Entered, SOMEBODY, device, erase, record, tree};

fn store() -> (SqliteStore, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("district.db")).unwrap();
    (store, folder)
}

#[test]
fn the_sqlite_store_keeps_what_every_store_must() {
    crate::store::conformance::run(store);
}

#[test]
fn the_tree_is_the_same_after_a_restart_and_in_a_restored_backup() {
    let (store, folder) = store();
    tree::enter(&store, 5);
    store.grow_tree(3).unwrap();
    let backup = folder.path().join("backup.db");
    store.back_up(&backup).unwrap();
    drop(store);
    for file in [folder.path().join("district.db"), backup] {
        let again = SqliteStore::open(&file).unwrap();
        tree::enter(&again, 4);
        assert_eq!(again.grow_tree(100).unwrap(), 9);
        tree::require_tree_of_entries(&again);
    }
}

#[test]
fn a_statement_is_prepared_once_whatever_it_is_asked_for() {
    let (store, _folder) = store();
    let ask = |tx: &Transaction<'_>, n: u8| {
        let mut query = tx.prepare_cached(
            "SELECT arrival FROM inbox WHERE record = ?1 AND detail = ?2
             AND status IN ('waiting', 'blocked_by') ORDER BY arrival LIMIT ?3",
        )?;
        query.exists(rusqlite::params![[n; 16], [n; 32], n])?;
        Ok(query.get_status(StatementStatus::RePrepare))
    };
    let again: i32 = store
        .read(|tx| (1..5).map(|n| ask(tx, n)).sum::<Result<i32, StoreError>>())
        .unwrap();
    assert_eq!(again, 0);
}

#[test]
fn a_database_of_a_newer_server_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("district.db");
    drop(SqliteStore::open(&path).unwrap());
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(
        SqliteStore::open(&path),
        Err(StoreError::TooNew { found: 99, .. })
    ));
    let version: i64 = newer
        .pragma_query_value(None, "user_version", |r| r.get(0))
        .unwrap();
    assert_eq!(version, 99);
}

/// A store with records of several devices and of an office.
fn filled(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    store.add_device(&device(1), DEVICE).unwrap();
    store.add_actor([11; 16], device(1).id, 2).unwrap();
    store.add_device(&device(2), [2; 16]).unwrap();
    for (n, actor) in [(1, DEVICE), (2, [2; 16]), (3, SOMEBODY), (1, [11; 16])] {
        let audiences: &[&str] = if n == 2 { &["a:1"] } else { &["a:1", "a:2"] };
        let mut batch = Entered::begun(n, audiences)
            .by(actor)
            .on(store.head().unwrap());
        batch.changes[0].person = "W001".to_owned();
        store.commit(&batch).unwrap();
    }
}

/// Names of tables, of an attached database or of the main one.
fn tables(connection: &Connection, schema: &str) -> Vec<String> {
    let sql = format!(
        "SELECT name FROM {schema}.sqlite_schema
         WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    );
    let mut query = connection.prepare(&sql).unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// Every row of every table, as text.
fn dump(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut dump = Vec::new();
    for table in tables(&connection, "main") {
        let mut query = connection
            .prepare(&format!("SELECT * FROM {table}"))
            .unwrap();
        let columns = query.column_count();
        let mut rows = query.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let cells: Vec<String> = (0..columns)
                .map(|column| format!("{:?}", row.get_ref(column).unwrap()))
                .collect();
            dump.push(format!("{table}: {}", cells.join(", ")));
        }
    }
    dump.sort();
    dump
}

#[test]
fn a_database_of_the_first_schema_comes_to_hold_what_a_fresh_one_would() {
    let folder = tempfile::tempdir().unwrap();
    let (fresh, old) = (folder.path().join("fresh.db"), folder.path().join("old.db"));
    filled(&fresh);
    let first = Connection::open(&old).unwrap();
    first.execute_batch(MIGRATIONS[0].sql).unwrap();
    first.pragma_update(None, "user_version", 1).unwrap();
    first
        .execute("ATTACH ?1 AS fresh", [fresh.to_str().unwrap()])
        .unwrap();
    for table in tables(&first, "main") {
        let sql = format!("SELECT group_concat(name) FROM pragma_table_info('{table}')");
        let columns: String = first.query_row(&sql, [], |row| row.get(0)).unwrap();
        let sql =
            format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM fresh.{table}");
        first.execute(&sql, []).unwrap();
    }
    drop(first);
    drop(SqliteStore::open(&old).unwrap());
    let (fresh, old) = (dump(&fresh), dump(&old));
    assert!(fresh.iter().any(|row| row.starts_with("receipts: ")));
    assert!(fresh.iter().any(|row| row.starts_with("scope_prints: ")));
    assert_eq!(old, fresh);
}

#[test]
fn nothing_of_an_erased_record_stays_in_the_file() {
    let (store, folder) = store();
    let words = b"the words of a resident, to be forgotten".repeat(3);
    let mut batch = Entered::begun(1, &["a:1"]).on(store.head().unwrap());
    batch.changes[0].bytes.clone_from(&words);
    store.commit(&batch).unwrap();
    store.put_snapshot(record(1), 1, &words).unwrap();
    erase(&store, 1, &["a:1"]);
    let found = |file: &str| {
        let bytes = std::fs::read(folder.path().join(file)).unwrap_or_default();
        bytes.windows(20).any(|part| part == &words[..20])
    };
    assert!(!found("district.db"));
    assert!(!found("district.db-wal"));
}

/// How SQLite would carry out a statement.
fn plan(store: &SqliteStore, sql: &str, values: &[rusqlite::types::Value]) -> String {
    let plan = store.read(|tx| {
        let mut query = tx.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
        let values = rusqlite::params_from_iter(values);
        let lines = query.query_map(values, |row| row.get::<_, String>(3))?;
        Ok(lines.collect::<Result<Vec<String>, _>>()?.join("\n"))
    });
    plan.unwrap()
}

#[test]
fn every_metric_is_counted_in_one_range_of_one_index() {
    use gridlog_domain::metrics::METRICS;
    let (store, _folder) = store();
    for metric in METRICS {
        let moment = metric.moment.code();
        let conditions = format!("f.{moment}_ms >= ?1 AND f.{moment}_ms < ?2");
        let by = Some(crate::store::CountedBy::Category);
        let sql = figures::count_statement(metric.moment, by, &conditions);
        let plan = plan(&store, &sql, &[1.into(), 2.into()]);
        let range = format!("({moment}_ms>? AND {moment}_ms<?)");
        let one = plan.lines().count() == 1;
        assert!(
            one && plan.contains("USING COVERING INDEX") && plan.contains(&range),
            "{plan}"
        );
    }
}
