//! Promise: an update of the app finds everything that the one before wrote, and one that is too old touches nothing.
//!
//! `fixtures/store-1` is the folder of a phone as the engine that knew the first version of the schema alone left it: a
//! case and a visit in the log, and a second case, a comment and a draft that were never sent. `fixtures/store-newer` has
//! a version that nobody knows.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gridlog_cli::environment::{SystemClock, SystemEntropy};
use gridlog_client_core::{FileMarker, NewReport, OpenOptions, Phone, PhoneError, Query, Standing};
use gridlog_domain::workflow::Stage;
use gridlog_tests::store_key;
use rusqlite::Connection;

/// A copy of a fixture, to be opened.
fn copy_of(fixture: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixtures().join(fixture)).unwrap() {
        let file = entry.unwrap();
        fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    folder
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn open(folder: &Path) -> Result<Phone, PhoneError> {
    Phone::open(OpenOptions {
        path: folder.join("phone.db"),
        key: store_key(),
        clock: Arc::new(SystemClock),
        entropy: Box::new(SystemEntropy),
        marker: Arc::new(FileMarker::new(folder.join("generation"))),
    })
}

fn version(folder: &Path) -> i64 {
    let connection = Connection::open(folder.join("phone.db")).unwrap();
    let key = format!("x'{}'", "07".repeat(32));
    connection.pragma_update(None, "key", key).unwrap();
    connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap()
}

#[test]
fn a_store_of_the_first_version_opens_with_everything_that_was_written() {
    let folder = copy_of("store-1");
    assert_eq!(version(folder.path()), 1);
    for _ in 0..2 {
        let phone = open(folder.path()).unwrap();
        assert_eq!(
            phone.identity().unwrap().unwrap().person.id.as_str(),
            "W001"
        );
        let rows = phone.list(&Query::default()).unwrap();
        let seen: Vec<(&str, Option<Stage>, Standing)> = rows
            .iter()
            .map(|row| (&*row.headline, row.stage, row.standing))
            .collect();
        for row in [
            ("3栋201", None, Standing::InLog),
            (
                "人行道井盖缺失",
                Some(Stage::Reported),
                Standing::OnThisPhone,
            ),
            ("楼道灯不亮", Some(Stage::Unreported), Standing::OnThisPhone),
        ] {
            assert!(seen.contains(&row), "{row:?} is not among {seen:?}");
        }
        assert_eq!(seen.len(), 3);
        let found = phone.search("警示桩", 10).unwrap();
        assert_eq!(found.len(), 1);
        let detail = phone.show(found[0].id).unwrap().unwrap();
        assert_eq!(detail.view.comments.len(), 1);
        assert_eq!(phone.drafts().unwrap().len(), 1);
        assert_eq!(phone.status().unwrap().on_this_phone, 2);
    }
    let newest = version(folder.path());
    assert!(newest > 1, "it was migrated");
}

#[test]
fn a_store_of_the_first_version_goes_on_recording() {
    let folder = copy_of("store-1");
    let phone = open(folder.path()).unwrap();
    let before = phone.status().unwrap().recorded;
    let case = phone
        .report(NewReport {
            title: "路灯不亮".to_owned(),
            category: "01037".to_owned(),
            ..NewReport::default()
        })
        .unwrap();
    let old = phone.search("警示桩", 10).unwrap()[0].id;
    phone.comment(old, "升级后补充").unwrap();
    assert_eq!(phone.status().unwrap().recorded, before + 2);
    drop(phone);
    let phone = open(folder.path()).unwrap();
    assert!(phone.show(case).unwrap().is_some());
    assert_eq!(phone.show(old).unwrap().unwrap().view.comments.len(), 2);
}

#[test]
fn a_store_of_a_newer_version_is_refused_and_not_touched() {
    let folder = copy_of("store-newer");
    let file = folder.path().join("phone.db");
    let before = fs::read(&file).unwrap();
    let refused = open(folder.path()).unwrap_err();
    assert!(
        matches!(refused, PhoneError::StoreNewer { found: 1_000, .. }),
        "{refused:?}"
    );
    assert!(refused.zh().contains("升级应用"));
    assert_eq!(fs::read(&file).unwrap(), before);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing was put beside it");
}

/// Writes `fixtures/store-newer` anew; that of the first version is never written again.
#[test]
#[ignore = "makes a fixture"]
fn write_the_newer_fixture() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(fixtures().join("store-newer")).unwrap();
    let file = folder.path().join("phone.db");
    let connection = Connection::open(&file).unwrap();
    let key = format!("x'{}'", "07".repeat(32));
    connection.pragma_update(None, "key", key).unwrap();
    connection
        .execute_batch("CREATE TABLE of_tomorrow (id); PRAGMA user_version = 1000;")
        .unwrap();
    drop(connection);
    fs::copy(file, fixtures().join("store-newer").join("phone.db")).unwrap();
}
