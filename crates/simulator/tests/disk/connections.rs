//! Several connections to one file, and what a crash does to them.

use gridlog_simulator::disk::{Crash, Disk, DiskError};
use rusqlite::{Connection, ErrorCode};

use crate::store::{self, KINDS, Kind};

fn code(error: &rusqlite::Error) -> Option<ErrorCode> {
    error.sqlite_error_code()
}

#[test]
fn readers_see_a_commit_at_once_and_keep_the_snapshot_that_they_began_with() {
    for kind in KINDS {
        let machine = store::machine(1);
        let mut writer = store::open(&machine, kind).unwrap();
        store::make(&mut writer).unwrap();
        let mut old = store::open(&machine, kind).unwrap();
        let new = store::open(&machine, kind).unwrap();
        store::commit(&mut writer, 1).unwrap();
        let snapshot = old.transaction().unwrap();
        assert_eq!(store::rounds(&snapshot).unwrap(), 1);
        for round in 2..40 {
            store::commit(&mut writer, round).unwrap();
            assert_eq!(store::rounds(&snapshot).unwrap(), 1);
            assert_eq!(store::rounds(&new).unwrap(), round);
        }
        snapshot.commit().unwrap();
        assert_eq!(store::rounds(&old).unwrap(), 39);
    }
}

#[test]
fn a_checkpoint_does_not_take_a_snapshot_away_from_its_reader() {
    let machine = store::machine(1);
    let mut writer = store::open(&machine, Kind::Phone).unwrap();
    store::make(&mut writer).unwrap();
    let mut reader = store::open(&machine, Kind::Phone).unwrap();
    let snapshot = reader.transaction().unwrap();
    assert_eq!(store::rounds(&snapshot).unwrap(), 0);
    store::commit(&mut writer, 1).unwrap();
    let checkpoint = |connection: &Connection| {
        connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, i64>(0)
            })
            .unwrap()
    };
    assert_eq!(checkpoint(&writer), 1, "busy: the reader is in the way");
    assert_eq!(store::rounds(&snapshot).unwrap(), 0);
    snapshot.commit().unwrap();
    assert_eq!(checkpoint(&writer), 0);
    assert_eq!(store::rounds(&reader).unwrap(), 1);
}

#[test]
fn there_is_one_writer_at_a_time() {
    for kind in KINDS {
        let machine = store::machine(1);
        let mut first = store::open(&machine, kind).unwrap();
        store::make(&mut first).unwrap();
        let mut second = store::open(&machine, kind).unwrap();
        first.execute_batch("BEGIN IMMEDIATE").unwrap();
        store::write(&first, 1).unwrap();
        let refused = store::commit(&mut second, 1).unwrap_err();
        assert_eq!(code(&refused), Some(ErrorCode::DatabaseBusy));
        first.execute_batch("COMMIT").unwrap();
        store::commit(&mut second, 2).unwrap();
        assert_eq!(store::rounds(&first).unwrap(), 2);
    }
}

#[test]
fn without_a_log_a_reader_keeps_the_writer_from_committing() {
    let machine = store::machine(1);
    let open = || {
        let connection = Connection::open(machine.path("plain.db")).unwrap();
        connection.busy_timeout(std::time::Duration::ZERO).unwrap();
        connection
    };
    let mut writer = open();
    store::make(&mut writer).unwrap();
    let mut reader = open();
    let snapshot = reader.transaction().unwrap();
    assert_eq!(store::rounds(&snapshot).unwrap(), 0);
    let refused = store::commit(&mut writer, 1).unwrap_err();
    assert_eq!(code(&refused), Some(ErrorCode::DatabaseBusy));
    snapshot.commit().unwrap();
    store::commit(&mut writer, 1).unwrap();
    assert_eq!(store::rounds(&reader).unwrap(), 1);
}

#[test]
fn threads_that_share_a_store_lose_nothing() {
    let machine = store::machine(1);
    let mut writer = store::open(&machine, Kind::Server).unwrap();
    store::make(&mut writer).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let reader = store::open(&machine, Kind::Server).unwrap();
                let mut last = 0;
                while last < 60 {
                    let now = store::rounds(&reader).unwrap();
                    assert!(now >= last);
                    last = now;
                }
            });
        }
        for round in 1..=60 {
            store::commit(&mut writer, round).unwrap();
        }
    });
    let whole: String = writer
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(whole, "ok");
}

#[test]
fn connections_of_an_earlier_life_cannot_touch_the_files() {
    for kind in KINDS {
        let machine = store::machine(1);
        let mut ghost = store::open(&machine, kind).unwrap();
        store::make(&mut ghost).unwrap();
        store::commit(&mut ghost, 1).unwrap();
        ghost.execute_batch("BEGIN IMMEDIATE").unwrap();
        store::write(&ghost, 2).unwrap();
        machine.crash(Crash::Process);
        assert!(store::open(&machine, kind).is_err());
        machine.restart();
        assert_eq!(machine.life(), 2);

        let mut store = store::open(&machine, kind).unwrap();
        store::commit(&mut store, 3).unwrap();
        let before = machine.copy();
        assert!(ghost.execute_batch("COMMIT").is_err());
        assert!(store::commit(&mut ghost, 4).is_err());
        drop(ghost);
        assert_eq!(machine.copy(), before);
        assert_eq!(store::rounds(&store).unwrap(), 3);
        store::commit(&mut store, 5).unwrap();
    }
}

#[test]
fn machines_and_disks_do_not_share_files() {
    let disk = Disk::new(7).unwrap();
    let other_disk = Disk::new(7).unwrap();
    let one = disk.machine("one").unwrap();
    let mut connection = store::open(&one, Kind::Server).unwrap();
    store::make(&mut connection).unwrap();
    for machine in [
        disk.machine("two").unwrap(),
        other_disk.machine("one").unwrap(),
    ] {
        assert_eq!(machine.copy().names().count(), 0);
        let empty = store::open(&machine, Kind::Server).unwrap();
        assert!(store::rounds(&empty).is_err());
        machine.crash(Crash::PowerLoss);
    }
    assert_eq!(store::rounds(&connection).unwrap(), 0);
    let again = disk.machine("one").unwrap();
    assert_eq!(again.path("store.db"), one.path("store.db"));
    assert_eq!(disk.strikes().power_losses, 1);
}

#[test]
fn files_that_are_on_no_machine_are_not_found() {
    let disk = Disk::new(7).unwrap();
    let folder = disk.machine("one").unwrap().path("");
    let nobody = folder.parent().unwrap().join("nobody/store.db");
    for path in [nobody.as_path(), "store.db".as_ref(), "/store.db".as_ref()] {
        let refused = Connection::open(path).unwrap_err();
        assert_eq!(code(&refused), Some(ErrorCode::CannotOpen), "{path:?}");
    }
    assert!(matches!(
        disk.machine("one/two"),
        Err(DiskError::BadMachineName { .. })
    ));
}

#[test]
fn a_sort_that_does_not_fit_in_memory_finds_a_temporary_file() {
    let machine = store::machine(1);
    let connection = store::open(&machine, Kind::Server).unwrap();
    connection
        .execute_batch(
            "PRAGMA temp_store = FILE;
             PRAGMA cache_size = 10;
             CREATE TABLE numbers AS
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
             SELECT i, zeroblob(1000) AS filler FROM n;",
        )
        .unwrap();
    let steps = machine.steps();
    let mut statement = connection
        .prepare("SELECT i, filler FROM numbers ORDER BY i * 7919 % 6007")
        .unwrap();
    let sorted: Vec<i64> = statement
        .query_map([], |row| Ok(row.get::<_, i64>(0)? * 7919 % 6007))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    assert_eq!(sorted.len(), 6000);
    assert!(sorted.is_sorted());
    assert_eq!(machine.steps(), steps, "temporary files are not steps");
}

#[test]
fn a_connection_that_outlives_its_disk_touches_no_file_of_another_disk() {
    for kind in KINDS {
        let gone = store::machine(1);
        let mut left_over = store::open(&gone, kind).unwrap();
        store::make(&mut left_over).unwrap();
        drop(gone);
        // Other tests make disks too: the number that came free is given to one of these.
        let others: Vec<_> = (0..16).map(store::machine).collect();
        let mut writers = Vec::new();
        for machine in &others {
            let mut writer = store::open(machine, kind).unwrap();
            store::make(&mut writer).unwrap();
            store::commit(&mut writer, 1).unwrap();
            writers.push(writer);
        }
        drop(left_over);
        for (machine, writer) in others.iter().zip(&writers) {
            assert_eq!(store::rounds(writer).unwrap(), 1);
            assert_eq!(
                store::rounds(&store::open(machine, kind).unwrap()).unwrap(),
                1
            );
        }
    }
}
