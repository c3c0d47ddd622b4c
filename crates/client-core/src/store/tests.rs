use super::*;
use crate::key::StoreKey;

fn key() -> StoreKey {
    StoreKey::new([7; 32])
}

fn pragma(connection: &Connection, name: &str) -> String {
    let value = connection.query_row(&format!("PRAGMA {name}"), [], |row| {
        row.get::<_, rusqlite::types::Value>(0)
    });
    match value.unwrap() {
        rusqlite::types::Value::Text(text) => text,
        rusqlite::types::Value::Integer(number) => number.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_commit_is_synced_and_deleted_words_are_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("phone.db"), key()).unwrap();
    let writer = lock(&store.writer);
    let found = [
        "journal_mode",
        "synchronous",
        "temp_store",
        "secure_delete",
        "foreign_keys",
    ]
    .map(|name| pragma(&writer, name));
    assert_eq!(found, ["wal", "2", "2", "1", "1"]);
}

#[test]
fn a_new_store_and_an_empty_one_come_to_the_newest_version_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("phone.db");
    drop(connect(&path, &key()).unwrap());
    for _ in 0..2 {
        let store = Store::open(&path, key()).unwrap();
        let version = pragma(&lock(&store.writer), "user_version");
        assert_eq!(version, migrate::NEWEST.to_string());
    }
}

#[test]
fn work_that_fails_or_panics_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("phone.db"), key()).unwrap();
    let failed = store.write(|tx| {
        meta::DISTRICT.set(tx, "430111".to_owned())?;
        Err::<(), _>(PhoneError::NotEnrolled)
    });
    assert!(failed.is_err());
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        store.write(|tx| -> Result<(), PhoneError> {
            meta::DISTRICT.set(tx, "430111".to_owned())?;
            panic!("in the middle")
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(store.read(|c| meta::DISTRICT.get(c)).unwrap(), None);
    store
        .write(|tx| meta::DISTRICT.set(tx, "430112".to_owned()))
        .unwrap();
    let found = store.read(|c| meta::DISTRICT.get(c)).unwrap();
    assert_eq!(found.as_deref(), Some("430112"));
}

#[test]
fn a_disk_that_fails_for_a_moment_does_not_make_the_store_unusable() {
    const LETTERS: usize = 1_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("phone.db");
    let many = |tx: &Transaction<'_>| {
        for number in 0..200_i64 {
            let draft = (number, "x".repeat(LETTERS));
            tx.execute("INSERT INTO drafts VALUES (?1, ?2, 0, 0)", draft)?;
        }
        Ok(())
    };
    Store::open(&path, key()).unwrap().write(many).unwrap();
    let store = Store::open(&path, key()).unwrap();
    let sound = std::fs::read(&path).unwrap();
    let mut broken = sound.clone();
    broken[8_192..].fill(0xFF);
    let count = |connection: &Connection| -> Result<usize, PhoneError> {
        let sql = "SELECT sum(length(json)) FROM drafts";
        Ok(connection.query_row(sql, [], |row| row.get(0))?)
    };
    std::fs::write(&path, &broken).unwrap();
    store.read(count).unwrap_err();
    store.write(|tx| count(tx)).unwrap_err();
    std::fs::write(&path, &sound).unwrap();
    assert_eq!(store.read(count).unwrap(), 200 * LETTERS);
    assert_eq!(store.write(|tx| count(tx)).unwrap(), 200 * LETTERS);
}
