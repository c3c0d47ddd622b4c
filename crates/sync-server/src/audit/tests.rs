use std::path::{Path, PathBuf};

use gridlog_domain::id::PersonId;
use gridlog_protocol::entry_hash;
use proptest::prelude::*;
use rusqlite::Connection;

use super::*;
use crate::ingest::Why;
use crate::store::{SqliteStore, Store as _};
use crate::town::*;

/// A log with cases, seals and two epochs; the tail is under no seal and in no tree.
fn log() -> (Town, PathBuf) {
    let town = Town::new();
    let mut phone = town.phone(1, WORKER);
    phone.bootstrap(&town);
    let write = |phone: &mut TestDevice, n: u8| {
        let begun = phone.write(&town, record(n), &[new_case(GRID_A, "案卷")]);
        phone.push(&town, vec![begun]);
    };
    (1..=4).for_each(|n| write(&mut phone, n));
    seal(&town);
    (5..=7).for_each(|n| write(&mut phone, n));
    let mut sequencer = town.sequencer.borrow_mut();
    sequencer.begin_epoch(NOW, (1, 2), Why::Restored).unwrap();
    drop(sequencer);
    seal(&town);
    let comment = [comment(&town, WORKER, "补充")];
    let comment = phone.write(&town, record(2), &comment);
    phone.push(&town, vec![comment]);
    let database = town.folder.path().join("district.db");
    (town, database)
}

fn seal(town: &Town) {
    let mut sequencer = town.sequencer.borrow_mut();
    sequencer.seal(NOW, &PersonId::from(OFFICE)).unwrap();
}

fn damages(database: &Path) -> Vec<(u64, Differs)> {
    let mut found = Vec::new();
    let mut tell = |damage: Damage| found.push((damage.seq, damage.differs));
    let audited = SqliteStore::audit_file(database, &mut tell).unwrap();
    assert_eq!(audited.damages, found.len() as u64);
    found
}

fn change(database: &Path, sql: &str) {
    let connection = Connection::open(database).unwrap();
    assert!(connection.execute(sql, []).unwrap() > 0, "{sql}");
}

/// Flips bits of one byte of a column of an entry; twice, and all is as it was.
fn flip(database: &Path, (table, column): (&str, &str), seq: u64, byte: usize, bits: u8) -> usize {
    let connection = Connection::open(database).unwrap();
    let key = if table == "tree_nodes" {
        "number"
    } else {
        "seq"
    };
    let sql = format!("SELECT {column} FROM {table} WHERE {key} = ?1");
    let mut bytes: Vec<u8> = connection
        .query_row(&sql, [seq.cast_signed()], |row| row.get(0))
        .unwrap();
    let byte = byte % bytes.len();
    bytes[byte] ^= bits;
    let sql = format!("UPDATE {table} SET {column} = ?2 WHERE {key} = ?1");
    connection
        .execute(&sql, rusqlite::params![seq.cast_signed(), bytes])
        .unwrap();
    byte
}

#[test]
fn a_sound_log_is_read_whole_and_nothing_is_found() {
    let (town, database) = log();
    let mut tell = |damage: Damage| panic!("{damage:?}");
    let audited = SqliteStore::audit_file(&database, &mut tell).unwrap();
    let head = town.store.head().unwrap();
    assert_eq!(audited.entries, head.seq);
    assert_eq!((audited.seals, audited.epochs, audited.changes), (2, 1, 8));
    assert!(audited.tree > 0 && audited.tree < head.seq);
}

#[test]
fn whatever_byte_of_an_entry_is_changed_that_entry_and_no_other_is_named() {
    let (town, database) = log();
    let last = town.store.head().unwrap().seq;
    let place = (
        1..=last,
        prop_oneof![Just("canonical"), Just("hash")],
        any::<usize>(),
        1..=u8::MAX,
    );
    proptest!(ProptestConfig::with_cases(150), |((seq, column, byte, bits) in place)| {
        let byte = flip(&database, ("entries", column), seq, byte, bits);
        let found = damages(&database);
        flip(&database, ("entries", column), seq, byte, bits);
        prop_assert!(!found.is_empty());
        prop_assert!(found.iter().all(|(named, _)| *named == seq), "{seq}: {found:?}");
        let differs = &found[0].1;
        let expected = match column {
            _ if seq == last => Differs::BytesOrHash,
            "hash" => Differs::Hash,
            _ => Differs::Bytes,
        };
        prop_assert_eq!(differs, &expected);
    });
    assert_eq!(damages(&database), []);
}

#[test]
fn an_erased_record_leaves_a_sound_log() {
    let (town, database) = log();
    let erasure = crate::outside::Erasure {
        record: record(3),
        by: KEEPER.into(),
        reason: crate::outside::ErasureReason::PersonAsked,
        at_ms: NOW,
    };
    let mut sequencer = town.sequencer.borrow_mut();
    sequencer.erase(&erasure).unwrap();
    drop(sequencer);
    assert_eq!(damages(&database), []);
}

#[test]
fn a_changed_change_or_node_is_named_with_its_entry() {
    let (town, database) = log();
    let admits = town.store.entries(0, 1_000).unwrap();
    let admits = admits.iter().filter(|stored| {
        let entry = gridlog_protocol::LogEntry::from_bytes(&stored.canonical).unwrap();
        matches!(entry.fact, gridlog_protocol::Fact::Admit { .. })
    });
    let admits: Vec<u64> = admits.map(|stored| stored.seq).collect();
    let place = (any::<prop::sample::Index>(), any::<usize>(), 1..=u8::MAX);
    proptest!(ProptestConfig::with_cases(30), |((which, byte, bits) in place)| {
        let seq = *which.get(&admits);
        for column in ["bytes", "hash"] {
            let byte = flip(&database, ("changes", column), seq, byte, bits);
            let found = damages(&database);
            flip(&database, ("changes", column), seq, byte, bits);
            prop_assert_eq!(found, [(seq, Differs::Change)]);
        }
    });
    for (node, seq) in [(0, 1), (2, 2), (6, 4)] {
        let byte = flip(&database, ("tree_nodes", "hash"), node, 5, 1);
        assert_eq!(damages(&database), [(seq, Differs::TreeNode(node))]);
        flip(&database, ("tree_nodes", "hash"), node, byte, 1);
    }
    change(&database, "DELETE FROM tree_nodes WHERE number = 2");
    assert_eq!(damages(&database), [(2, Differs::TreeNode(2))]);
}

#[test]
fn missing_entries_changes_and_epochs_are_named() {
    let (_town, database) = log();
    let first = admitted(&database);
    change(
        &database,
        &format!("DELETE FROM changes WHERE seq = {first}"),
    );
    assert_eq!(damages(&database), [(first, Differs::ChangeMissing)]);
    change(&database, "DELETE FROM epochs WHERE epoch = 2");
    let begins = entry_of_epoch(&database);
    assert_eq!(damages(&database)[1..], [(begins, Differs::Epoch)]);

    let (_town, database) = log();
    change(&database, "DELETE FROM entries WHERE seq IN (2, 3)");
    let found = damages(&database);
    assert!(found.contains(&(2, Differs::Missing(3))), "{found:?}");
    assert!(
        found.iter().all(|(seq, _)| [2, 3].contains(seq)),
        "{found:?}"
    );

    let (town, database) = log();
    let last = town.store.head().unwrap().seq;
    let covered = town.store.grow_tree(100).unwrap();
    assert_eq!(covered, last);
    change(
        &database,
        &format!("DELETE FROM entries WHERE seq = {last}"),
    );
    let found = damages(&database);
    assert!(found.contains(&(last, Differs::Missing(last))), "{found:?}");
}

fn admitted(database: &Path) -> u64 {
    let connection = Connection::open(database).unwrap();
    let first = "SELECT min(seq) FROM changes";
    let first: i64 = connection.query_row(first, [], |row| row.get(0)).unwrap();
    first.cast_unsigned()
}

fn entry_of_epoch(database: &Path) -> u64 {
    let store = SqliteStore::open(database).unwrap();
    let entries = store.entries(0, 1_000).unwrap();
    let begins = entries.iter().find(|stored| {
        let entry = gridlog_protocol::LogEntry::from_bytes(&stored.canonical).unwrap();
        matches!(entry.fact, gridlog_protocol::Fact::Epoch { .. })
    });
    begins.unwrap().seq
}

/// Rewrites an entry and every hash after it, so that the database agrees with itself but for its seals.
#[test]
fn a_log_that_was_rewritten_from_some_entry_on_does_not_fit_its_next_seal() {
    let (town, database) = log();
    let entries = town.store.entries(0, 1_000).unwrap();
    let connection = Connection::open(&database).unwrap();
    let mut previous = None;
    let mut first_seal = None;
    for stored in &entries[1..] {
        let mut entry = gridlog_protocol::LogEntry::from_bytes(&stored.canonical).unwrap();
        if let Some(previous) = previous {
            entry.previous = previous;
        } else {
            entry.at_ms += 1;
        }
        let is_seal = matches!(entry.fact, gridlog_protocol::Fact::Seal { .. });
        first_seal = first_seal.or(is_seal.then_some(entry.seq));
        let canonical = entry.to_bytes();
        let hash = entry_hash(&canonical);
        previous = Some(hash);
        connection
            .execute(
                "UPDATE entries SET canonical = ?2, hash = ?3, at_ms = ?4 WHERE seq = ?1",
                rusqlite::params![entry.seq.cast_signed(), canonical, hash.0, entry.at_ms],
            )
            .unwrap();
    }
    connection.execute("DELETE FROM tree_nodes", []).unwrap();
    connection
        .execute("DELETE FROM meta WHERE key = 'tree_size'", [])
        .unwrap();
    let found = damages(&database);
    assert_eq!(found[0], (first_seal.unwrap(), Differs::Seal));
    assert!(found.iter().all(|(_, differs)| *differs == Differs::Seal));
}
