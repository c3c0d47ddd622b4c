//! Erasing a record erases its files.

use super::*;
use crate::files::Collector;
use crate::ingest::Why;
use crate::outside::{Erasure, ErasureReason};

const KEEP_MS: i64 = 7 * 24 * 60 * 60_000;

fn collect(site: &Site, now_ms: i64) -> crate::files::Collected {
    let collector = Collector::new(site.app.file_door.files.clone(), KEEP_MS);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut collected = collector.round(now_ms).await.unwrap();
        collected.strays = collector.strays(now_ms).await.unwrap();
        collected
    })
}

fn erasure(n: u8) -> Erasure {
    Erasure {
        record: record(n),
        at_ms: NOW,
        reason: ErasureReason::Ordered,
        by: KEEPER.into(),
    }
}

/// The worker's two cases, both of which refer to the photo and hold it.
fn two_cases(bytes: &[u8]) -> (Town, TestDevice) {
    let (town, mut phone) = town_with(&[bytes]);
    let said = [
        new_case(GRID_A, "第二件"),
        refer(&town, bytes, None, WORKER),
    ];
    let second = phone.write(&town, record(2), &said);
    phone.push(&town, vec![second]);
    let site = Site::over(&town);
    for n in [1, 2] {
        Sender::phone(&site, WORKER, 1).upload(record(n), bytes);
    }
    drop(site);
    (town, phone)
}

#[test]
fn an_erased_records_files_go_unless_another_record_holds_them() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = two_cases(&bytes);
    let erase = |n| town.sequencer.borrow_mut().erase(&erasure(n)).unwrap();
    erase(1);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    assert_eq!(collect(&site, NOW).files, 0);
    let answer = worker.read(record(1), hash(&bytes), &[]);
    assert_eq!(answer.code(), (410, "record_erased".to_owned()));
    let answer = worker.begin(record(1), hash(&bytes), bytes.len());
    assert_eq!(answer.code(), (410, "record_erased".to_owned()));
    assert_eq!(worker.read(record(2), hash(&bytes), &[]).body, bytes);
    town.start_again();
    town.sequencer.borrow_mut().erase(&erasure(2)).unwrap();
    assert_eq!(collect(&site, NOW).files, 1);
    assert!(on_disk(&town).is_empty());
    assert_eq!(town.store.stored_files().unwrap(), (0, 0));
}

#[test]
fn the_preview_that_the_server_made_goes_with_its_file() {
    let bytes = gridlog_picture_guard::gallery::jpeg(800, 600, 3);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    worker.upload(record(1), &bytes);
    let path = format!("/v1/files/{}/{}/preview", record(1), hash(&bytes));
    assert_eq!(worker.ask("GET", &path, &[]).status, 200);
    assert_eq!(on_disk(&town).len(), 2);
    town.sequencer.borrow_mut().erase(&erasure(1)).unwrap();
    assert_eq!(collect(&site, NOW).files, 1);
    assert!(on_disk(&town).is_empty());
}

#[test]
fn an_upload_for_a_record_that_is_erased_meanwhile_leaves_nothing() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let at = worker.begun(record(1), &bytes);
    worker.piece(&at, 0, &bytes[..4_000], &[]);
    town.sequencer.borrow_mut().erase(&erasure(1)).unwrap();
    assert_eq!(worker.piece(&at, 4_000, &bytes[4_000..], &[]).status, 404);
    assert_eq!(collect(&site, NOW).strays, 1);
    assert!(on_disk(&town).is_empty());
}

#[test]
fn what_was_erased_after_a_backup_is_erased_again_with_its_files() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    Sender::phone(&site, WORKER, 1).upload(record(1), &bytes);
    let backup = town.back_up();
    drop(site);
    town.sequencer.borrow_mut().erase(&erasure(1)).unwrap();
    // The job had not come to it when the disk broke.
    assert_eq!(
        on_disk(&town)
            .iter()
            .filter(|file| file.starts_with(town.folder.path().join("files/files")))
            .count(),
        1
    );
    let town = town.restore(&backup, Some(Why::Restored));
    assert!(town.store.held_file(pair(1, &bytes)).unwrap().is_some());
    town.sequencer.borrow_mut().erase_again(NOW).unwrap();
    let site = Site::over(&town);
    assert_eq!(collect(&site, NOW).files, 1);
    assert!(
        !on_disk(&town)
            .iter()
            .any(|file| file.starts_with(town.folder.path().join("files/files")))
    );
}

#[test]
fn after_a_restore_of_an_older_database_a_file_is_sent_again() {
    let bytes = photo(1, 5_000);
    let (town, mut phone) = town_with(&[&bytes]);
    phone.bootstrap(&town);
    let backup = town.back_up();
    let site = Site::over(&town);
    Sender::phone(&site, WORKER, 1).upload(record(1), &bytes);
    drop(site);
    let town = town.restore(&backup, Some(Why::Restored));
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let answer = worker.read(record(1), hash(&bytes), &[]);
    assert_eq!(answer.code(), (404, "file_not_here".to_owned()));
    worker.upload(record(1), &bytes);
    assert_eq!(worker.read(record(1), hash(&bytes), &[]).body, bytes);
}

#[test]
fn a_file_whose_bytes_are_gone_is_taken_again_when_somebody_offers_it() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    worker.upload(record(1), &bytes);
    for file in on_disk(&town) {
        std::fs::remove_file(file).unwrap();
    }
    let answer = worker.read(record(1), hash(&bytes), &[]);
    assert_eq!(answer.code(), (404, "file_not_here".to_owned()));
    worker.upload(record(1), &bytes);
    assert_eq!(worker.read(record(1), hash(&bytes), &[]).body, bytes);
}
