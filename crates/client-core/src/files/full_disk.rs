//! A phone without room: a photo is refused, nothing of it stays, nothing else is lost.
//!
//! The phone is the stored one of `tests/fixtures/store-1`, which is enrolled and has recorded something.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use gridlog_domain::id::RecordId;
use gridlog_domain::record::PhotoRole;
use gridlog_picture_guard::gallery;
use tempfile::TempDir;

use crate::system::{SystemClock, SystemEntropy};
use crate::{FileMarker, OpenOptions, Phone, PhoneError, Query, StoreKey};

const CHILD: &str = "files::full_disk::on_a_disk_of_its_own";

fn open(folder: &Path) -> Phone {
    Phone::open(OpenOptions {
        path: folder.join("phone.db"),
        key: StoreKey::new([7; 32]),
        clock: Arc::new(SystemClock),
        entropy: Box::new(SystemEntropy),
        marker: Arc::new(FileMarker::new(folder.join("generation"))),
    })
    .unwrap()
}

fn enrolled() -> (TempDir, Phone) {
    let folder = tempfile::tempdir().unwrap();
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/store-1");
    for name in ["phone.db", "generation"] {
        fs::copy(stored.join(name), folder.path().join(name)).unwrap();
    }
    let phone = open(folder.path());
    (folder, phone)
}

fn photo(folder: &Path) -> PathBuf {
    let path = folder.join("near.jpg");
    fs::write(&path, gallery::jpeg(1_200, 900, 1)).unwrap();
    path
}

/// A case of the stored phone.
fn case(phone: &Phone) -> RecordId {
    let rows = phone.list(&Query::default()).unwrap();
    rows.iter().find(|row| row.stage.is_some()).unwrap().id
}

fn vault(folder: &Path) -> usize {
    fs::read_dir(folder.join("phone.db.files")).map_or(0, Iterator::count)
}

/// Attaches where there is no room, twice; then where there is room.
fn refuses_until_there_is_room(folder: &Path, phone: &Phone, make_room: impl FnOnce()) {
    let case = case(phone);
    let photo = photo(folder);
    let told = |phone: &Phone| {
        let status = phone.status().unwrap();
        (
            status.recorded,
            status.files,
            phone.show(case).unwrap().unwrap().heads,
            phone.files(None).unwrap(),
        )
    };
    let before = told(phone);
    for _ in 0..2 {
        let refused = phone.attach(case, &photo, PhotoRole::Near).unwrap_err();
        assert_eq!(refused.code(), "disk_full", "{refused:?}");
        assert_eq!(vault(folder), 0, "nothing was left");
        assert_eq!(told(phone), before, "nothing was lost");
    }
    make_room();
    let attached = phone.attach(case, &photo, PhotoRole::Near).unwrap();
    assert_eq!(vault(folder), 2, "a photo and its preview");
    let photos = phone.show(case).unwrap().unwrap().view.photos;
    assert!(photos.contains_key(&attached.id));
    let mut contents = Vec::new();
    let mut reader = phone.read_attachment(attached.sha256).unwrap();
    std::io::Read::read_to_end(&mut reader, &mut contents).unwrap();
    assert_eq!(contents.len() as u64, attached.bytes);
    assert_eq!(told(phone).1.on_this_phone, before.1.on_this_phone + 1);
}

#[test]
fn a_database_without_room_for_the_commit_leaves_no_file_behind() {
    let (folder, phone) = enrolled();
    let write = |sql: &str| {
        let done = phone.inner.store.write(|tx| Ok(tx.execute_batch(sql)?));
        done.unwrap();
    };
    // Whatever free pages there are, the commit needs more; and the database may not grow by one.
    write(
        "CREATE TABLE ballast (bytes);
         CREATE TRIGGER takes_room AFTER INSERT ON attachments
         BEGIN INSERT INTO ballast VALUES (zeroblob(1000000)); END",
    );
    let limit = |pages: &str| {
        let set = phone.inner.store.write(|tx| {
            let sql = format!("PRAGMA max_page_count = {pages}");
            Ok(tx.query_row(&sql, [], |row| row.get::<_, i64>(0))?)
        });
        set.unwrap();
    };
    limit("1");
    refuses_until_there_is_room(folder.path(), &phone, || limit("1000000"));
    drop(phone);
    assert_eq!(open(folder.path()).files(None).unwrap().len(), 1);
    assert_eq!(vault(folder.path()), 2);
}

/// Runs this program's test of that name where it may mount disks; false where nobody may.
fn ran_where_disks_may_be_mounted() -> bool {
    let unshared = |program: &Path, arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount"]);
        command.arg(program).args(arguments).output().ok()
    };
    let may = unshared(Path::new("true"), &[]).is_some_and(|tried| tried.status.success());
    if may {
        let this = std::env::current_exe().unwrap();
        let child = unshared(&this, &["--exact", CHILD, "--ignored"]).unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success(), "{said}");
        assert!(said.contains("1 passed"), "{said}");
    }
    may
}

#[test]
fn a_disk_without_room_for_the_files_leaves_no_file_behind() {
    // Only Linux lets a test have a small disk; the test above needs none.
    if cfg!(target_os = "linux") && !ran_where_disks_may_be_mounted() {
        tracing::warn!("no disk may be mounted here");
    }
}

#[test]
#[ignore = "the test above runs it, where it may mount a disk"]
fn on_a_disk_of_its_own() {
    let (folder, phone) = enrolled();
    let files = folder.path().join("phone.db.files");
    fs::create_dir_all(&files).unwrap();
    let mount = |options: &str| {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&files)
            .status();
        assert!(mounted.unwrap().success());
    };
    mount("size=64k");
    refuses_until_there_is_room(folder.path(), &phone, || mount("remount,size=8m"));
}

#[test]
fn only_a_full_disk_is_called_one() {
    let failed = |code| {
        let failure = rusqlite::ffi::Error::new(code);
        super::attach::full(PhoneError::Store(rusqlite::Error::SqliteFailure(
            failure, None,
        )))
    };
    assert_eq!(failed(rusqlite::ffi::SQLITE_FULL).code(), "disk_full");
    assert_eq!(failed(rusqlite::ffi::SQLITE_IOERR).code(), "store_failed");
}
