use gridlog_domain::environment::SeededEntropy;
use gridlog_protocol::Fact;

use super::*;
use crate::backup::back_up;
use crate::keys::ServerKeys;
use crate::outside::{Erasure, ErasureReason};
use crate::town::*;

struct At(i64);

impl Clock for At {
    fn now_ms(&self) -> i64 {
        self.0
    }
}

fn config(town: &Town) -> Config {
    Config {
        data: town.folder.path().to_owned(),
        ..Config::default()
    }
}

/// Ends the town's server, and restores.
fn restored(town: Town, from: &Path, replace: bool) -> (Result<Restored, RestoreError>, Town) {
    let config = config(&town);
    let Town {
        folder, store, now, ..
    } = town;
    drop(store);
    let mut entropy = SeededEntropy::new(now.get().cast_unsigned());
    let result = restore(&config, from, replace, (&At(now.get()), &mut entropy));
    let store = SqliteStore::open(&config.database()).unwrap();
    let town = Town::over(folder, store, Arc::default());
    town.now.set(now.get() + 1);
    (result, town)
}

/// A town with a case, its backup, and another case after that, which a phone has seen.
fn a_day() -> (Town, PathBuf, TestDevice) {
    let town = Town::new();
    let mut author = town.phone(1, WORKER);
    author.bootstrap(&town);
    let begun = author.write(&town, record(1), &[new_case(GRID_A, "甲")]);
    author.push(&town, vec![begun]);
    let mut phone = town.phone(2, COLLEAGUE);
    phone.bootstrap(&town);
    let file = town.folder.path().join("night.db");
    back_up(&config(&town).database(), &file).unwrap();
    let begun = author.write(&town, record(2), &[new_case(GRID_A, "乙")]);
    author.push(&town, vec![begun]);
    phone.pull(&town);
    (town, file, phone)
}

#[test]
fn a_restored_log_goes_on_in_a_new_epoch_and_phones_give_back_what_it_lost() {
    let (town, file, mut phone) = a_day();
    let lost = town.store.head().unwrap();
    let (result, town) = restored(town, &file, true);
    let result = result.unwrap();
    assert!(result.backup.seq < lost.seq);
    assert_eq!(result.head.seq, result.backup.seq + 1);
    assert!(result.head.epoch > result.backup.epoch);
    assert!(town.store.record(record(2)).unwrap().is_none());
    let aside = SqliteStore::inspect_file(&result.aside.unwrap()).unwrap();
    assert_eq!(aside, lost, "nothing that was there is thrown away");
    let page = phone.ask(&town, |_| {}).unwrap();
    let common = page.body.lineage.unwrap().common;
    assert_eq!(common, Some(result.backup.seq));
    assert_eq!(
        page.statement.backed_up_through, result.backup.seq,
        "the file is still there"
    );
    let returns = phone.everything();
    phone.give_back(&town, returns);
    assert!(town.store.record(record(2)).unwrap().is_some());
    town.require_sound();
}

#[test]
fn a_database_is_only_replaced_when_that_was_said() {
    let (town, file, _) = a_day();
    let head = town.store.head().unwrap();
    let (result, town) = restored(town, &file, false);
    assert!(matches!(result, Err(RestoreError::Exists(_))));
    assert_eq!(town.store.head().unwrap(), head);
}

#[test]
fn an_empty_folder_takes_a_backup_of_another_machine() {
    let (town, file, _) = a_day();
    let elsewhere = Town::new();
    let folder = elsewhere.folder.path().join("new");
    let config = Config {
        data: folder,
        ..Config::default()
    };
    let mut entropy = SeededEntropy::new(1);
    let result = restore(&config, &file, false, (&At(NOW), &mut entropy)).unwrap();
    assert!(result.head.epoch > 1);
    assert_eq!(result.aside, None);
    drop(town);
}

#[test]
fn nothing_is_restored_under_a_running_server() {
    let (town, file, _) = a_day();
    let _running = FolderLock::take(town.folder.path()).unwrap();
    let (result, _town) = restored(town, &file, true);
    let in_use = matches!(result, Err(RestoreError::Folder(FolderError::InUse { .. })));
    assert!(in_use);
}

#[test]
fn every_restore_begins_an_epoch_that_never_was() {
    let (mut town, file, _) = a_day();
    let mut newest = 1;
    for _ in 0..3 {
        let (result, again) = restored(town, &file, true);
        let epoch = result.unwrap().head.epoch;
        assert!(epoch > newest);
        newest = epoch;
        town = again;
        town.wait(1);
    }
    // Also where the database is gone and only the file beside it knows.
    let config = config(&town);
    let Town { folder, store, .. } = town;
    drop(store);
    std::fs::remove_file(config.database()).unwrap();
    let mut entropy = SeededEntropy::new(1);
    let result = restore(&config, &file, false, (&At(NOW), &mut entropy)).unwrap();
    assert!(result.head.epoch > newest);
    newest = result.head.epoch;
    // Or the file is gone and only the database knows.
    std::fs::remove_file(config.epoch_file()).unwrap();
    let result = restore(&config, &file, true, (&At(NOW + 9), &mut entropy)).unwrap();
    assert!(result.head.epoch > newest);
    drop(folder);
}

#[test]
fn what_was_erased_after_the_backup_is_erased_again() {
    let (town, file, mut phone) = a_day();
    let outside = Arc::new(config(&town).outside());
    let limits = Limits::default();
    let mut sequencer =
        Sequencer::new(town.store.clone(), town.directory.clone(), limits, [3; 16]).beside(outside);
    for n in [1, 2] {
        let erasure = Erasure {
            record: record(n),
            at_ms: NOW,
            reason: ErasureReason::Ordered,
            by: KEEPER.into(),
        };
        sequencer.erase(&erasure).unwrap();
    }
    drop(sequencer);
    let (result, town) = restored(town, &file, true);
    assert_eq!(result.unwrap().erased, 2);
    assert_eq!(town.store.record(record(1)).unwrap(), None);
    assert_eq!(
        town.facts(record(1)).last(),
        Some(&Fact::Erase { by: KEEPER.into() })
    );
    // A phone that missed the erasure brings nothing back.
    let returns = phone.everything();
    phone.give_back(&town, returns);
    assert!(town.store.is_erased(record(2)).unwrap());
    assert_eq!(town.store.record(record(2)).unwrap(), None);
}

#[test]
fn a_backup_holds_neither_the_signing_key_nor_the_ledger_of_erasures() {
    let (town, _, _) = a_day();
    let config = config(&town);
    let keys = ServerKeys::load_or_create(&config.key_file(), &mut SeededEntropy::new(4));
    let key = keys.unwrap().current;
    config
        .outside()
        .note_erased(&[Erasure {
            record: record(77),
            at_ms: NOW,
            reason: ErasureReason::Ordered,
            by: KEEPER.into(),
        }])
        .unwrap();
    let file = town.folder.path().join("later.db");
    back_up(&config.database(), &file).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let holds = |secret: &[u8]| bytes.windows(secret.len()).any(|part| part == secret);
    assert!(holds("甲".as_bytes()), "it holds what it should");
    assert!(!holds(&key.to_bytes()));
    assert!(!holds(hex::encode(key.to_bytes()).as_bytes()));
    assert!(!holds(&[77; 16]) && !holds(record(77).to_string().as_bytes()));
}

#[test]
fn a_file_that_is_no_sound_backup_is_refused_and_changes_nothing() {
    let (town, file, _) = a_day();
    let head = town.store.head().unwrap();
    let folder = town.folder.path().to_owned();
    let good = std::fs::read(&file).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let mut bad = vec![
        folder.join("no-such-file.db"),
        write("letter.db", b"Dear sir"),
        write("empty.db", b""),
        write("half.db", &good[..good.len() / 2]),
    ];
    for (name, sql) in [
        ("newer.db", "PRAGMA user_version = 99"),
        ("hole.db", "DELETE FROM entries WHERE seq = 1"),
        (
            "changed.db",
            "UPDATE entries SET canonical = (SELECT canonical FROM entries WHERE seq = 2) WHERE seq = 1",
        ),
    ] {
        let path = write(name, &good);
        let direct = rusqlite::Connection::open(&path).unwrap();
        direct.execute_batch(sql).unwrap();
        bad.push(path);
    }
    let mut town = town;
    for path in bad {
        let (result, again) = restored(town, &path, true);
        let error = result.unwrap_err();
        assert!(
            matches!(error, RestoreError::BadBackup { .. }),
            "{path:?}: {error}"
        );
        town = again;
        assert_eq!(town.store.head().unwrap(), head);
    }
}

#[test]
fn a_restore_that_ended_half_way_is_run_again_before_anybody_is_served() {
    let (town, file, _) = a_day();
    let config = config(&town);
    let database = config.database();
    let Town { folder, store, .. } = town;
    drop(store);
    // The power went after the old database was moved aside, and its WAL was not yet.
    std::fs::copy(&file, part_of(&database)).unwrap();
    std::fs::rename(&database, folder.path().join("aside.db")).unwrap();
    let mut wal = database.clone().into_os_string();
    wal.push("-wal");
    std::fs::write(&wal, [0x37, 0x7f, 6, 0x82].repeat(2_000)).unwrap();
    assert!(is_unfinished(&database));
    let mut entropy = SeededEntropy::new(1);
    let result = restore(&config, &file, false, (&At(NOW), &mut entropy)).unwrap();
    assert!(!is_unfinished(&database) && !part_of(&database).exists());
    assert!(result.aside.is_some());
    assert_eq!(SqliteStore::inspect_file(&database).unwrap(), result.head);
}
