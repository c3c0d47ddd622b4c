//! A small store that is opened like the real ones, and work whose loss would show.

use std::time::Duration;

use gridlog_simulator::disk::{Disk, Machine};
use rusqlite::{Connection, TransactionBehavior};

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Rows that each transaction adds.
const ROWS: i64 = 3;

/// Transactions of one run.
const TRANSACTIONS: i64 = 9;

/// Whose store it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Encrypted, as in `client-core`.
    Phone,
    /// In the clear with larger pages, as in `sync-server`.
    Server,
}

pub(crate) const KINDS: [Kind; 2] = [Kind::Phone, Kind::Server];

pub(crate) fn machine(seed: u64) -> Machine {
    Disk::new(seed).unwrap().machine("one").unwrap()
}

/// Opens the store with what the real one sets.
pub(crate) fn open(machine: &Machine, kind: Kind) -> rusqlite::Result<Connection> {
    let connection = Connection::open(machine.path("store.db"))?;
    connection.busy_timeout(Duration::from_millis(5))?;
    match kind {
        Kind::Phone => {
            connection.execute_batch("PRAGMA cipher_log_level = NONE")?;
            connection.execute_batch(&format!("PRAGMA key = \"x'{KEY}'\""))?;
            connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
            connection.execute_batch(
                "PRAGMA synchronous = FULL;
                 PRAGMA temp_store = MEMORY;
                 PRAGMA secure_delete = ON;
                 PRAGMA foreign_keys = ON;",
            )?;
            connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        }
        Kind::Server => {
            connection.pragma_update(None, "page_size", 8192)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "foreign_keys", true)?;
        }
    }
    Ok(connection)
}

pub(crate) fn make(connection: &mut Connection) -> rusqlite::Result<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(
        "CREATE TABLE IF NOT EXISTS entries (round INTEGER NOT NULL, body BLOB NOT NULL);
         CREATE INDEX IF NOT EXISTS entries_by_body ON entries (substr(body, 1, 8));
         CREATE TABLE IF NOT EXISTS tally (rounds INTEGER NOT NULL);
         INSERT INTO tally SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM tally);",
    )?;
    tx.commit()
}

/// One round of work, without its commit.
pub(crate) fn write(connection: &Connection, round: i64) -> rusqlite::Result<()> {
    for row in 0..ROWS {
        connection.execute(
            "INSERT INTO entries (round, body) VALUES (?1, ?2)",
            (round, body(round, row)),
        )?;
    }
    connection.execute("UPDATE tally SET rounds = ?1", [round])?;
    Ok(())
}

pub(crate) fn commit(connection: &mut Connection, round: i64) -> rusqlite::Result<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    write(&tx, round)?;
    tx.commit()
}

pub(crate) fn rounds(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT rounds FROM tally", [], |row| row.get(0))
}

fn body(round: i64, row: i64) -> Vec<u8> {
    (0..1400i64)
        .map(|at| ((at * 7 + round * 31 + row) % 251) as u8)
        .collect()
}

/// Works until done or until the first error: rounds of work with readers beside them,
/// checkpoints of both kinds, a close and a reopening, and a transaction that is never committed.
/// `acknowledged` counts the rounds whose commit came back.
pub(crate) fn work(
    machine: &Machine,
    open: impl Fn(&Machine) -> rusqlite::Result<Connection>,
    acknowledged: &mut i64,
) -> rusqlite::Result<()> {
    let mut writer = open(machine)?;
    make(&mut writer)?;
    let mut reader = open(machine)?;
    for round in 1..=TRANSACTIONS {
        commit(&mut writer, round)?;
        *acknowledged = round;
        assert_eq!(rounds(&reader)?, round);
        match round {
            3 => writer.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?,
            5 => writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?,
            7 => {
                drop(reader);
                drop(writer);
                writer = open(machine)?;
                reader = open(machine)?;
            }
            _ => {}
        }
    }
    writer.execute_batch("BEGIN IMMEDIATE")?;
    write(&writer, TRANSACTIONS + 1)
}

/// Looks at everything: the store is whole, holds what was acknowledged, perhaps the round that was
/// under way, and nothing else. Says what is wrong.
pub(crate) fn inspect(machine: &Machine, kind: Kind, acknowledged: i64) -> Result<(), String> {
    let said = |error: rusqlite::Error| error.to_string();
    let mut store = open(machine, kind).map_err(said)?;
    let integrity: String = store
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .map_err(said)?;
    if integrity != "ok" {
        return Err(integrity);
    }
    let tables: i64 = store
        .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
        .map_err(said)?;
    if tables == 0 && acknowledged == 0 {
        return Ok(());
    }
    let found = rounds(&store).map_err(said)?;
    if found != acknowledged && found != acknowledged + 1 || found > TRANSACTIONS {
        return Err(format!("{acknowledged} rounds acknowledged, {found} found"));
    }
    rows_are_those_of(&store, found).map_err(said)??;
    commit(&mut store, found + 1).map_err(said)
}

fn rows_are_those_of(store: &Connection, last: i64) -> rusqlite::Result<Result<(), String>> {
    let mut statement = store.prepare("SELECT round, body FROM entries ORDER BY rowid")?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<(i64, Vec<u8>)>>>()?;
    let expected: Vec<(i64, Vec<u8>)> = (1..=last)
        .flat_map(|round| (0..ROWS).map(move |row| (round, body(round, row))))
        .collect();
    Ok(if rows == expected {
        Ok(())
    } else {
        Err(format!(
            "the rows of {last} rounds are not what was written"
        ))
    })
}

/// Runs the work without a fault and says how many steps it takes.
pub(crate) fn steps_of_the_work(kind: Kind) -> u64 {
    let machine = machine(0);
    let mut acknowledged = 0;
    work(&machine, |machine| open(machine, kind), &mut acknowledged).unwrap();
    assert_eq!(acknowledged, TRANSACTIONS);
    machine.steps()
}
