//! Crashes and power losses at every step of a workload.

use gridlog_simulator::disk::{Crash, Strikes};
use rusqlite::Connection;

use crate::store::{self, KINDS, Kind};

/// What came of a crash at each step in turn.
#[derive(Default)]
struct Outcome {
    failures: Vec<String>,
    strikes: Strikes,
}

fn crash_at_every_step(
    kind: Kind,
    crash: Crash,
    lie: bool,
    open: impl Fn(&gridlog_simulator::disk::Machine) -> rusqlite::Result<Connection>,
) -> Outcome {
    let mut outcome = Outcome::default();
    for step in 0..store::steps_of_the_work(kind) + 1 {
        let machine = store::machine(step);
        machine.lie_about_sync(lie);
        machine.crash_after(step, crash);
        let mut acknowledged = 0;
        let ended = store::work(&machine, &open, &mut acknowledged);
        assert!(ended.is_ok() || machine.is_down(), "step {step}: {ended:?}");
        machine.crash(crash);
        machine.lie_about_sync(false);
        machine.restart();
        if let Err(what) = store::inspect(&machine, kind, acknowledged) {
            outcome
                .failures
                .push(format!("{kind:?}, {crash:?} at step {step}: {what}"));
        }
        outcome.strikes += machine.strikes();
    }
    outcome
}

#[test]
fn what_was_committed_survives_a_crash_of_the_process_at_every_step() {
    for kind in KINDS {
        let outcome = crash_at_every_step(kind, Crash::Process, false, |m| store::open(m, kind));
        assert_eq!(outcome.failures, [] as [String; 0]);
        assert_eq!(outcome.strikes.writes_forgotten, 0);
    }
}

#[test]
fn what_was_committed_survives_a_power_loss_at_every_step() {
    for kind in KINDS {
        let outcome = crash_at_every_step(kind, Crash::PowerLoss, false, |m| store::open(m, kind));
        assert_eq!(outcome.failures, [] as [String; 0]);
        assert!(outcome.strikes.writes_forgotten > 0);
        assert!(outcome.strikes.writes_torn > 0);
        assert!(outcome.strikes.names_undone > 0);
    }
}

#[test]
fn what_was_committed_survives_writes_that_reach_the_disk_in_any_order() {
    for kind in KINDS {
        let outcome = crash_at_every_step(kind, Crash::ScatteredPowerLoss, false, |m| {
            store::open(m, kind)
        });
        assert_eq!(outcome.failures, [] as [String; 0]);
        assert!(outcome.strikes.writes_reordered > 0);
    }
}

#[test]
fn a_disk_that_lies_about_syncs_loses_what_was_committed() {
    for crash in [Crash::PowerLoss, Crash::ScatteredPowerLoss] {
        for kind in KINDS {
            let outcome = crash_at_every_step(kind, crash, true, |m| store::open(m, kind));
            assert!(!outcome.failures.is_empty(), "{kind:?}");
            assert!(outcome.strikes.lying_syncs > 0);
        }
    }
}

#[test]
fn a_store_that_does_not_sync_loses_what_was_committed() {
    for kind in KINDS {
        let outcome = crash_at_every_step(kind, Crash::PowerLoss, false, |machine| {
            let connection = store::open(machine, kind)?;
            connection.pragma_update(None, "synchronous", "OFF")?;
            Ok(connection)
        });
        assert!(!outcome.failures.is_empty(), "{kind:?}");
    }
}

#[test]
fn a_store_that_does_not_sync_still_survives_a_crash_of_the_process() {
    let kind = Kind::Server;
    let outcome = crash_at_every_step(kind, Crash::Process, false, |machine| {
        let connection = store::open(machine, kind)?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        Ok(connection)
    });
    assert_eq!(outcome.failures, [] as [String; 0]);
}

#[test]
fn the_power_may_go_after_the_process_died() {
    let machine = store::machine(9);
    let mut writer = store::open(&machine, Kind::Phone).unwrap();
    store::make(&mut writer).unwrap();
    writer
        .execute_batch("BEGIN IMMEDIATE; PRAGMA cache_spill = 1; PRAGMA cache_size = 1")
        .unwrap();
    for round in 1..=5 {
        store::write(&writer, round).unwrap();
    }
    machine.crash(Crash::Process);
    let unsynced = machine.unsynced();
    assert!(unsynced > 0);
    machine.crash(Crash::PowerLoss);
    machine.crash(Crash::PowerLoss);
    assert_eq!(machine.unsynced(), 0);
    let strikes = machine.strikes();
    assert_eq!((strikes.process_crashes, strikes.power_losses), (1, 1));
    assert!(strikes.writes_forgotten + strikes.writes_torn <= unsynced as u64);
    machine.restart();
    store::inspect(&machine, Kind::Phone, 0).unwrap();
}
