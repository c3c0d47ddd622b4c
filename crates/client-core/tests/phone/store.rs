//! The file: its key, its version, its generation, two processes.

use std::fs;
use std::sync::Arc;

use gridlog_client_core::*;

use crate::fixture::*;
use crate::server::PASSWORD;

#[test]
fn a_wrong_key_opens_nothing_and_touches_nothing() {
    let f = Fixture::new();
    f.phone.report(report("井盖缺失")).unwrap();
    drop(f.phone);
    let before = fs::read(path(&f.folder)).unwrap();
    let mut wrong = options(&f.folder, &f.clock, 2);
    wrong.key = StoreKey::new([8; 32]);
    assert_eq!(Phone::open(wrong).unwrap_err().code(), "wrong_key");
    assert_eq!(fs::read(path(&f.folder)).unwrap(), before);
}

#[test]
fn the_file_shows_nothing_of_what_was_written() {
    let f = Fixture::new();
    f.phone.report(report("ABCDEFGHIJK")).unwrap();
    for entry in fs::read_dir(f.folder.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(11).any(|window| window == b"ABCDEFGHIJK"));
        assert!(!bytes.starts_with(b"SQLite format 3"));
    }
}

#[test]
fn a_store_of_a_newer_app_is_not_touched() {
    let f = Fixture::new();
    drop(f.phone);
    let raw = raw(&path(&f.folder));
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);
    let before = fs::read(path(&f.folder)).unwrap();
    let error = Phone::open(options(&f.folder, &f.clock, 2)).unwrap_err();
    assert!(matches!(
        error,
        PhoneError::StoreNewer {
            found: 99,
            known: 5
        }
    ));
    assert_eq!(fs::read(path(&f.folder)).unwrap(), before);
}

#[test]
fn a_store_restored_from_a_backup_writes_with_a_new_actor() {
    let f = Fixture::new();
    f.phone.report(report("备份前")).unwrap();
    f.sync();
    let first = f.server.line().requests[0].actor;
    let same = f.reopen(2);
    same.sync(&f.server, SyncOptions::default()).unwrap();
    assert_eq!(f.server.last_request().actor, first);
    drop(same);

    fs::remove_file(f.folder.path().join("marker")).unwrap();
    let restored = f.reopen(3);
    restored.report(report("恢复后")).unwrap();
    restored.sync(&f.server, SyncOptions::default()).unwrap();
    let second = f.server.last_request().actor;
    assert_ne!(first, second);
    assert_eq!(restored.status().unwrap().admitted, 2);

    fs::write(f.folder.path().join("marker"), "00".repeat(16)).unwrap();
    let again = f.reopen(4);
    again.sync(&f.server, SyncOptions::default()).unwrap();
    assert_ne!(f.server.last_request().actor, second);
}

#[test]
fn what_an_actor_wrote_that_was_never_certified_goes_up_under_its_own_name() {
    let f = Fixture::new();
    f.phone.report(report("一")).unwrap();
    for seed in [2, 3] {
        fs::remove_file(f.folder.path().join("marker")).unwrap();
        let restored = f.reopen(seed);
        restored.report(report("又一件")).unwrap();
    }
    let report = f.sync();
    assert_eq!((report.refused, report.admitted), (0, 3));
    assert_eq!(f.server.actors("W001").len(), 3);
}

#[test]
fn a_marker_that_cannot_be_written_is_an_error_not_a_silent_risk() {
    let f = Fixture::new();
    let mut options = options(&f.folder, &f.clock, 2);
    options.marker = Arc::new(FileMarker::new(f.folder.path().join("no/such/folder")));
    assert_eq!(Phone::open(options).unwrap_err().code(), "marker_failed");
    f.phone.report(report("照常")).unwrap();
}

#[test]
fn two_processes_may_open_and_write_one_store() {
    let folder = tempfile::tempdir().unwrap();
    let f = Fixture::new();
    let opening = [10, 11, 12].map(|seed| {
        let options = options(&folder, &f.clock, seed);
        std::thread::spawn(move || Phone::open(options).unwrap())
    });
    let phones = opening.map(|thread| thread.join().unwrap());
    phones[0]
        .enrol(&f.server, &"W001".into(), PASSWORD, "x")
        .unwrap();
    let id = phones[0].report(report("共同")).unwrap();
    let writing = phones.clone().map(|phone| {
        std::thread::spawn(move || {
            for number in 0..10 {
                phone.comment(id, &format!("第{number}句")).unwrap();
            }
        })
    });
    for thread in writing {
        thread.join().unwrap();
    }
    let detail = phones[1].show(id).unwrap().unwrap();
    assert_eq!(detail.view.comments.len(), 30);
    assert!(phones[2].verify_record(id).unwrap().view_fits);
}

#[test]
fn a_reader_does_not_wait_for_a_writer() {
    let f = Fixture::new();
    f.phone.report(report("一")).unwrap();
    let raw = raw(&path(&f.folder));
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(f.phone.list(&Query::default()).unwrap().len(), 1);
    assert_eq!(f.phone.search("一", 10).unwrap().len(), 1);
}
