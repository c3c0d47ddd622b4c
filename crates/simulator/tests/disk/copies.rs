//! Old copies, torn logs, and runs that repeat.

use gridlog_simulator::disk::{Crash, Disk, Image, Strikes};

use crate::store::{self, KINDS, Kind};

const CHECKPOINT: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

#[test]
fn a_restored_copy_is_the_store_of_that_moment() {
    for kind in KINDS {
        let machine = store::machine(1);
        let mut ghost = store::open(&machine, kind).unwrap();
        store::make(&mut ghost).unwrap();
        for round in 1..=3 {
            store::commit(&mut ghost, round).unwrap();
        }
        let running = machine.copy();
        ghost.query_row(CHECKPOINT, [], |_| Ok(())).unwrap();
        let settled = machine.copy();
        assert!(!running.file("store.db-wal").unwrap().is_empty());
        assert!(settled.file("store.db-wal").unwrap().is_empty());
        for round in 4..=6 {
            store::commit(&mut ghost, round).unwrap();
        }
        for image in [running, settled] {
            machine.restore(&image);
            assert!(store::rounds(&ghost).is_err());
            machine.crash(Crash::PowerLoss);
            machine.restart();
            store::inspect(&machine, kind, 3).unwrap();
        }
        assert_eq!(machine.strikes().restores, 2);
    }
}

#[test]
fn a_backup_that_sqlite_makes_is_another_file_of_the_machine() {
    let machine = store::machine(1);
    let mut writer = store::open(&machine, Kind::Server).unwrap();
    store::make(&mut writer).unwrap();
    store::commit(&mut writer, 1).unwrap();
    let target = machine.path("backups/monday.db");
    writer
        .execute("VACUUM INTO ?1", [target.to_str().unwrap()])
        .unwrap();
    store::commit(&mut writer, 2).unwrap();
    assert!(machine.copy().file("backups/monday.db").is_some());
    let backup = rusqlite::Connection::open(target).unwrap();
    assert_eq!(store::rounds(&backup).unwrap(), 1);
}

#[test]
fn a_log_that_ends_anywhere_gives_back_whole_transactions() {
    for kind in KINDS {
        let machine = store::machine(1);
        let mut writer = store::open(&machine, kind).unwrap();
        store::make(&mut writer).unwrap();
        let mut ends = Vec::new();
        for round in 1..=4 {
            store::commit(&mut writer, round).unwrap();
            ends.push(machine.copy().file("store.db-wal").unwrap().len());
        }
        let whole = machine.copy();
        let last = ends[3];
        for cut in (0..last - ends[0]).step_by(1001).chain([1]) {
            machine.restore(&whole.clone().cut("store.db-wal", cut));
            let left = ends.iter().filter(|end| **end <= last - cut).count();
            let store = store::open(&machine, kind).unwrap();
            assert_eq!(store::rounds(&store).unwrap(), left as i64, "cut {cut}");
        }
    }
}

/// What is left of a run in which the power goes after some steps, all in the database file.
fn run(disk: &Disk, machine: &str, steps: u64) -> (Image, [u8; 32], Strikes) {
    let machine = disk.machine(machine).unwrap();
    machine.crash_after(steps, Crash::PowerLoss);
    let _ended = store::work(&machine, |m| store::open(m, Kind::Server), &mut 0);
    machine.crash(Crash::PowerLoss);
    machine.restart();
    let store = store::open(&machine, Kind::Server).unwrap();
    store.query_row(CHECKPOINT, [], |_| Ok(())).unwrap();
    (machine.copy(), machine.history(), machine.strikes())
}

#[test]
fn the_same_seed_leaves_the_same_bytes_whatever_other_machines_do() {
    for seed in 0..20 {
        let alone = run(&Disk::new(seed).unwrap(), "one", 20 + seed * 5);
        let beside = Disk::new(seed).unwrap();
        run(&beside, "two", 33);
        assert_eq!(run(&beside, "one", 20 + seed * 5), alone);
    }
}

#[test]
fn another_seed_loses_other_writes() {
    let strikes = |seed| run(&Disk::new(seed).unwrap(), "one", 60).2;
    let first = strikes(0);
    assert!((1..20).any(|seed| strikes(seed) != first));
}

#[test]
fn machines_of_one_disk_do_not_all_lose_the_same() {
    let disk = Disk::new(0).unwrap();
    let first = run(&disk, "one", 60).2;
    assert!((2..20).any(|other| run(&disk, &other.to_string(), 60).2 != first));
}

#[test]
fn a_power_loss_with_nothing_unsynced_loses_and_counts_no_write() {
    let machine = store::machine(5);
    let mut connection = store::open(&machine, Kind::Phone).unwrap();
    store::make(&mut connection).unwrap();
    store::commit(&mut connection, 1).unwrap();
    assert_eq!(machine.unsynced(), 0);
    machine.crash(Crash::PowerLoss);
    let strikes = machine.strikes();
    assert_eq!(strikes.power_losses, 1);
    let rest = strikes.each().into_iter().skip(2);
    assert!(rest.into_iter().all(|(_, count)| count == 0), "{strikes:?}");
}
