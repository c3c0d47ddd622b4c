//! A full disk and I/O errors on a machine that goes on.

use gridlog_simulator::disk::{Crash, Strikes};
use rusqlite::ErrorCode;

use crate::store::{self, KINDS, Kind};

#[test]
fn a_full_disk_refuses_and_the_store_goes_on_after_room_is_made() {
    for kind in KINDS {
        let mut strikes = Strikes::default();
        for room in (0..60_000).step_by(1900) {
            let machine = store::machine(room as u64);
            let mut connection = store::open(&machine, kind).unwrap();
            store::make(&mut connection).unwrap();
            machine.full_after(room);
            let mut acknowledged = 0;
            let refused = loop {
                if let Err(refused) = store::commit(&mut connection, acknowledged + 1) {
                    break refused;
                }
                acknowledged += 1;
            };
            assert_eq!(
                refused.sqlite_error_code(),
                Some(ErrorCode::DiskFull),
                "{kind:?}, room for {room}"
            );
            assert_eq!(store::rounds(&connection).unwrap(), acknowledged);
            machine.make_room();
            store::commit(&mut connection, acknowledged + 1).unwrap();
            machine.crash(Crash::PowerLoss);
            machine.restart();
            store::inspect(&machine, kind, acknowledged + 1).unwrap();
            strikes += machine.strikes();
        }
        assert!(strikes.full > 0);
    }
}

#[test]
fn a_checkpoint_that_finds_the_disk_full_loses_nothing() {
    let machine = store::machine(3);
    let mut connection = store::open(&machine, Kind::Phone).unwrap();
    store::make(&mut connection).unwrap();
    for round in 1..=5 {
        store::commit(&mut connection, round).unwrap();
    }
    machine.full_after(0);
    let refused = connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap_err();
    assert_eq!(refused.sqlite_error_code(), Some(ErrorCode::DiskFull));
    machine.crash(Crash::ScatteredPowerLoss);
    machine.restart();
    machine.make_room();
    store::inspect(&machine, Kind::Phone, 5).unwrap();
}

#[test]
fn an_io_error_at_any_step_loses_nothing() {
    for kind in KINDS {
        let steps = store::steps_of_the_work(kind);
        for step in 0..steps {
            let machine = store::machine(step);
            machine.io_error_after(step);
            let mut acknowledged = 0;
            let _ended = store::work(&machine, |m| store::open(m, kind), &mut acknowledged);
            assert_eq!(machine.strikes().io_errors, 1);
            assert!(!machine.is_down());
            machine.crash(Crash::PowerLoss);
            machine.restart();
            if let Err(what) = store::inspect(&machine, kind, acknowledged) {
                panic!("{kind:?}, step {step}: {what}");
            }
        }
    }
}

#[test]
fn a_read_that_fails_at_any_time_loses_nothing() {
    for kind in KINDS {
        let mut struck = 0;
        loop {
            let machine = store::machine(struck);
            machine.read_error_after(struck);
            let mut acknowledged = 0;
            let _ended = store::work(&machine, |m| store::open(m, kind), &mut acknowledged);
            if machine.strikes().read_errors == 0 {
                break;
            }
            struck += 1;
            machine.restart();
            if let Err(what) = store::inspect(&machine, kind, acknowledged) {
                panic!("{kind:?}, read {struck}: {what}");
            }
        }
        assert!(struck > 10, "only {struck} reads");
    }
}
