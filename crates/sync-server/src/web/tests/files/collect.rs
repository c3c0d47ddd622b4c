//! The job that deletes what nobody needs.

use super::*;
use crate::files::{Collected, Collector};
use crate::store::OfficeDecision;

const DAY_MS: i64 = 24 * 60 * 60_000;
const KEEP_MS: i64 = 7 * DAY_MS;

fn round(site: &Site, now_ms: i64) -> Collected {
    let collector = Collector::new(site.app.file_door.files.clone(), KEEP_MS);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(collector.round(now_ms)).unwrap()
}

#[test]
fn a_file_to_which_no_record_refers_goes_in_time_and_one_that_is_referred_to_never() {
    let (bytes, loose) = (photo(1, 5_000), photo(2, 5_000));
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    worker.upload(record(1), &bytes);
    worker.upload(record(1), &loose);
    let nothing = Collected::default();
    assert_eq!(round(&site, NOW + KEEP_MS), nothing);
    let one = Collected {
        pairs: 1,
        files: 1,
        ..nothing
    };
    assert_eq!(round(&site, NOW + KEEP_MS + 1), one);
    let ten_years = NOW + 3_650 * DAY_MS;
    assert_eq!(round(&site, ten_years).files, 0);
    assert_eq!(worker.read(record(1), hash(&bytes), &[]).body, bytes);
    assert_eq!(on_disk(&town).len(), 1);
    worker.upload(record(1), &loose);
    assert_eq!(town.store.stored_files().unwrap().0, 2);
}

#[test]
fn what_still_waits_may_refer_to_a_file_and_so_it_stays() {
    let loose = photo(2, 5_000);
    let (town, _phone) = town_with(&[]);
    // The colleague left the area after they had taken the photo: an office decides.
    let mut colleague = town.phone(2, COLLEAGUE);
    colleague.bootstrap(&town);
    let said = colleague.write(&town, record(1), &[refer(&town, &loose, None, COLLEAGUE)]);
    let mut person = town.directory.now().people[&staff(COLLEAGUE)].clone();
    person.person.assignments[0].valid_to_ms = Some(NOW + 1);
    town.store.put_people(&[person]).unwrap();
    town.directory.refresh(&*town.store).unwrap();
    town.wait(10);
    colleague.push(&town, vec![said]);
    let waits = town.store.quarantine(None, 9).unwrap();
    assert_eq!(waits.len(), 1);
    let site = Site::over(&town);
    Sender::phone(&site, WORKER, 1).upload(record(1), &loose);
    assert_eq!(round(&site, NOW + 30 * DAY_MS).files, 0);
    let item = waits[0].item.pushed.item;
    town.start_again();
    let by = OfficeDecision {
        by: OFFICE.into(),
        reason: "重复".to_owned(),
    };
    town.sequencer.borrow_mut().dismiss(item, by).unwrap();
    assert_eq!(round(&site, NOW + 30 * DAY_MS).files, 1);
}

#[test]
fn an_upload_says_for_a_day_that_it_has_expired_and_is_gone_then() {
    let bytes = photo(1, 5_000);
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    let at = worker.begun(record(1), &bytes);
    worker.piece(&at, 0, &bytes[..100], &[]);
    assert_eq!(round(&site, NOW + 7 * DAY_MS + 1).uploads, 0);
    assert_eq!(round(&site, NOW + 8 * DAY_MS + 1).uploads, 1);
    assert_eq!(worker.ask("HEAD", &at, &[TUS]).status, 404);
    assert!(on_disk(&town).is_empty());
}

#[test]
fn what_lies_there_without_a_row_is_deleted_when_its_time_is_over() {
    let (bytes, stray) = (photo(1, 5_000), photo(2, 5_000));
    let (town, _phone) = town_with(&[&bytes]);
    let site = Site::over(&town);
    let worker = Sender::phone(&site, WORKER, 1);
    worker.upload(record(1), &bytes);
    let name = hash(&stray).to_string();
    let files = town.folder.path().join("files");
    let folder = files.join("files").join(&name[..2]);
    std::fs::write(folder.join(&name), &stray).unwrap();
    std::fs::write(files.join("unfinished").join("00".repeat(16)), b"x").unwrap();
    let strays = |at_ms: i64| {
        let collector = Collector::new(site.app.file_door.files.clone(), KEEP_MS);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(collector.strays(at_ms)).unwrap()
    };
    let written = std::fs::metadata(folder.join(&name)).unwrap();
    let since = written.modified().unwrap();
    let since = since.duration_since(std::time::UNIX_EPOCH).unwrap();
    let since_ms = i64::try_from(since.as_millis()).unwrap();
    assert_eq!(strays(since_ms), 1, "the unfinished one");
    assert_eq!(strays(since_ms + KEEP_MS + 1), 1);
    assert_eq!(strays(since_ms + 2 * KEEP_MS), 0);
    assert_eq!(worker.read(record(1), hash(&bytes), &[]).body, bytes);
}
