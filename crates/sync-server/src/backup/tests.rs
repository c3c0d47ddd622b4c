use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::store::Store;
use crate::store::conformance::scope::require_folds;
use crate::store::conformance::{Entered, device};
use crate::town::Town;

#[test]
fn a_backup_taken_while_others_commit_is_a_whole_log_up_to_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("district.db");
    let store = SqliteStore::open(&database).unwrap();
    store.add_device(&device(1), [1; 16]).unwrap();
    let stop = AtomicBool::new(false);
    let backups = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 0_u8;
            while !stop.load(Ordering::Relaxed) && store.head().unwrap().seq < 250 {
                n = n % 4 + 1;
                let audiences: &[&str] = if n == 2 { &["a:1"] } else { &["a:1", "a:2"] };
                let entered = Entered::begun(n, audiences).by([1; 16]);
                store.commit(&entered.on(store.head().unwrap())).unwrap();
            }
        });
        let mut backups = Vec::new();
        while backups.len() < 5 {
            let to = folder.path().join(format!("{}.db", backups.len()));
            let backup = back_up(&database, &to).unwrap();
            assert!(backup.noted);
            backups.push((to, backup));
        }
        stop.store(true, Ordering::Relaxed);
        backups
    });
    let all = store.entries(0, 1_000).unwrap();
    assert!(backups.is_sorted_by_key(|(_, backup)| backup.head.seq));
    for (file, backup) in backups {
        // Every entry, chained; nothing else belongs to the file.
        assert_eq!(SqliteStore::inspect_file(&file).unwrap(), backup.head);
        assert_eq!(file.metadata().unwrap().len(), backup.bytes);
        let copy = SqliteStore::open(&file).unwrap();
        let entries = copy.entries(0, 1_000).unwrap();
        assert_eq!(entries.len() as u64, backup.head.seq);
        assert_eq!(entries, all[..entries.len()]);
        require_folds(&copy).unwrap();
        let query = crate::store::ExchangeQuery {
            device: device(1).id,
            ..crate::store::conformance::ask(&[])
        };
        let receipt = copy.exchange(&query).unwrap().receipt;
        assert_eq!(receipt.changes.count, backup.head.seq);
    }
}

#[test]
fn the_live_database_tells_through_which_entry_it_is_backed_up() {
    let town = Town::new();
    let database = town.folder.path().join("district.db");
    let through = |town: &Town| {
        let query = crate::store::conformance::ask(&[]);
        town.store.exchange(&query).unwrap().backed_up_through
    };
    let entered = Entered::begun(1, &["a:1"]).on(town.store.head().unwrap());
    town.store.commit(&entered).unwrap();
    let first = town.folder.path().join("first.db");
    assert_eq!(through(&town), 0);
    assert_eq!(back_up(&database, &first).unwrap().head.seq, 1);
    assert_eq!(through(&town), 1);
    // Of a log that is another one by now, nothing is said.
    let other = Town::new();
    let head = other.store.head().unwrap();
    let another = Entered::begun(2, &["a:1"]).on(head);
    other.store.commit(&another).unwrap();
    let database = other.folder.path().join("district.db");
    let copied = SqliteStore::inspect_file(&first).unwrap();
    assert!(!SqliteStore::note_copy(&database, copied).unwrap());
    assert_eq!(through(&other), 0);
}

#[test]
fn a_backup_is_written_over_nothing_and_leaves_nothing_half_done() {
    let town = Town::new();
    let folder = town.folder.path();
    let database = folder.join("district.db");
    let taken = folder.join("taken.db");
    std::fs::write(&taken, "precious").unwrap();
    assert!(matches!(
        back_up(&database, &taken),
        Err(BackupError::Exists(_))
    ));
    assert_eq!(std::fs::read_to_string(&taken).unwrap(), "precious");
    let missing = back_up(&folder.join("none.db"), &folder.join("b.db"));
    assert!(matches!(missing, Err(BackupError::NoDatabase(_))));
    assert!(!folder.join("none.db").exists(), "and none was made");
    std::fs::write(folder.join("letter.db"), "not a database at all").unwrap();
    assert!(back_up(&folder.join("letter.db"), &folder.join("b.db")).is_err());
    assert!(!folder.join("b.db").exists() && !folder.join("b.db.part").exists());
    assert!(back_up(&database, &folder.join("b.db")).is_ok());
    assert!(!folder.join("b.db.part").exists());
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_a_backup() {
    use std::os::unix::fs::PermissionsExt as _;
    let town = Town::new();
    let to = town.folder.path().join("b.db");
    back_up(&town.folder.path().join("district.db"), &to).unwrap();
    assert_eq!(to.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}
