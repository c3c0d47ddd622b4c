//! Promise: a server that was put back to last night's backup gets back from the phones what it lost,
//! others' words and the rulings included, once each; and a phone says that all is in the log only
//! while that is true.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use gridlog_client_core::{Phone, Query, Standing, SyncOptions};
use gridlog_domain::id::RecordId;
use gridlog_domain::reference::Role;
use gridlog_tests::{District, GRID_A, TestPhone, words};
use serde_json::json;

/// What a phone holds: heads and stage of every record.
fn holdings(phone: &Phone) -> BTreeMap<RecordId, (Vec<String>, Option<String>)> {
    let all = Query {
        limit: u32::MAX,
        ..Query::default()
    };
    let rows = phone.list(&all).unwrap();
    rows.iter()
        .map(|row| {
            let stage = row.stage.map(|stage| stage.code().to_owned());
            (row.id, (phone.show(row.id).unwrap().unwrap().heads, stage))
        })
        .collect()
}

fn assert_nothing_twice(district: &District) {
    let lines = district.office(Role::DutyOfficer).log();
    for (fact, name) in [("admit", "change"), ("ruling", "proposal")] {
        let mut seen: Vec<String> = lines
            .iter()
            .filter(|line| line["fact"] == fact)
            .map(|line| format!("{}{}", line["record"], line[name]))
            .collect();
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), count, "an entry stands twice: {fact}");
    }
}

fn settle(phones: &[&TestPhone]) {
    for _ in 0..3 {
        for phone in phones {
            phone.sync_all();
        }
    }
}

/// An acceptor registers a case.
fn register(district: &District, case: RecordId) {
    let category = json!({ "category": "01014", "condition": "缺失" });
    let (status, answer) = district
        .office(Role::Acceptor)
        .step(case, "register", category);
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn what_a_restored_server_lost_comes_back_from_the_phones_that_saw_it() {
    let mut district = District::new();
    let author = district.phone(GRID_A, 0);
    let colleague = district.phone(GRID_A, 1);
    let before = author.report_case("昨天的案卷");
    settle(&[&author, &colleague]);
    assert!(author.status().unwrap().all_in_log());
    let backup = district.back_up("last-night.db");

    let after = author.report_case("今天的案卷");
    author.comment(before, &words("今天的备注")).unwrap();
    settle(&[&author, &colleague]);
    register(&district, after);
    colleague.comment(after, &words("同事的备注")).unwrap();
    settle(&[&author, &colleague]);
    let held = holdings(&colleague);
    assert_eq!(held, holdings(&author));
    assert_eq!(held[&after].1.as_deref(), Some("registered"));

    // The author's phone falls into the river, and the server's disk fails.
    let lost = author;
    district.kill();
    district.restore(&backup);
    district.start();
    let status = colleague.status().unwrap();
    assert!(status.confirmed.is_some(), "no sync has told it yet");

    let report = colleague.sync_all();
    assert!(report.returned > 0, "{report:?}");
    assert!(report.complete);
    settle(&[&colleague]);
    assert_eq!(holdings(&colleague), held);
    assert_nothing_twice(&district);
    let status = colleague.status().unwrap();
    assert!(status.all_in_log(), "{status:?}");
    assert!(status.epoch > 1);

    // Found again, the author's phone brings nothing that is not there, and agrees.
    let report = lost.sync_all();
    assert!(report.complete, "{report:?}");
    settle(&[&lost, &colleague]);
    assert_eq!(holdings(&lost), held);
    assert_eq!(holdings(&colleague), held);
    assert!(lost.status().unwrap().all_in_log());
    assert_nothing_twice(&district);
    let verified = lost
        .verify(&lost.transport, SyncOptions::default())
        .unwrap();
    assert_eq!(verified.differing, Some(0));
}

#[cfg(unix)]
#[test]
fn only_the_servers_own_account_may_read_its_database_and_its_backups() {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    let mut district = District::new();
    let backup = district.back_up("last-night.db");
    let mode = |file: &Path| file.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&backup), 0o600);
    assert_eq!(mode(&district.database()), 0o600);
    std::fs::set_permissions(&backup, Permissions::from_mode(0o644)).unwrap();
    district.kill();
    district.restore(&backup);
    assert_eq!(
        mode(&district.database()),
        0o600,
        "whoever could read the backup"
    );
}

#[test]
fn a_phone_that_was_lost_after_the_backup_stays_shut_out_of_the_restored_server() {
    let mut district = District::new();
    let known = district.phone(GRID_A, 0);
    known.sync_all();
    let backup = district.back_up("last-night.db");
    let new = district.phone(GRID_A, 1);
    let administrator = district.office(Role::Administrator);
    for phone in [&known, &new] {
        let device = phone.identity().unwrap().unwrap().device;
        let (status, _) = administrator.post(&format!("devices/{device}/revoke"), &json!({}));
        assert_eq!(status, 200);
    }
    district.kill();
    district.restore(&backup);
    district.start();

    let author = district.phone(GRID_A, 2);
    let case = author.report_case("恢复之后的案卷");
    settle(&[&author]);
    for phone in [&known, &new] {
        let late = phone.report_case("丢失的手机上的案卷");
        phone.try_sync().unwrap();
        let standing = phone.show(late).unwrap().unwrap().row.standing;
        assert_eq!(standing, Standing::Review);
        assert!(phone.show(case).unwrap().is_none(), "it pulls nothing");
    }
}

#[test]
fn a_receipt_of_before_the_restore_does_not_count_until_everything_is_back() {
    let mut district = District::new();
    let author = district.phone(GRID_A, 0);
    author.report_case("旧案卷");
    author.sync_all();
    let backup = district.back_up("last-night.db");
    author.report_case("新案卷");
    author.sync_all();
    let before = author.status().unwrap();
    assert!(before.all_in_log());
    district.kill();
    district.restore(&backup);
    district.start();

    // One request tells the phone of the new epoch: what was confirmed is confirmed no more.
    let once = SyncOptions {
        max_rounds: 1,
        ..SyncOptions::default()
    };
    author.sync(&author.transport, once).unwrap();
    let doubting = author.status().unwrap();
    assert!(!doubting.all_in_log(), "{doubting:?}");
    assert_eq!(doubting.recorded, before.recorded, "a word was forgotten");
    author.sync_all();
    let after = author.status().unwrap();
    assert!(after.all_in_log(), "{after:?}");
    assert_eq!(after.recorded, before.recorded);
}

#[test]
fn a_database_that_was_put_back_without_a_word_is_found_out_by_what_a_phone_can_prove() {
    let mut district = District::new();
    let author = district.phone(GRID_A, 0);
    let colleague = district.phone(GRID_A, 1);
    author.report_case("旧案卷");
    settle(&[&author, &colleague]);
    district.stop();
    let copy = district.copy_database("copy.db");
    district.start();
    let after = author.report_case("新案卷");
    settle(&[&author, &colleague]);
    let held = holdings(&colleague);
    district.stop();
    district.put_back(&copy);
    district.start();
    settle(&[&colleague, &author]);
    assert_eq!(holdings(&colleague), held);
    assert!(held.contains_key(&after));
    assert!(author.status().unwrap().epoch > 1, "no epoch began");
    assert!(author.status().unwrap().all_in_log());
    assert_nothing_twice(&district);
}
