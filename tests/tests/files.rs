//! Files on a real server by a client that somebody else wrote.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

use gridlog_client_core::FileHash;
use gridlog_domain::environment::{Entropy as _, SeededEntropy};
use gridlog_domain::id::{EntryId, RecordId};
use gridlog_domain::record::{Command as Said, PhotoRef, PhotoRole};
use gridlog_domain::reference::Role;
use gridlog_protocol::Verdict;
use gridlog_tests::{District, GRID_A, RawDevice};

/// Bytes that begin as a JPEG does and look like nothing else.
fn photo(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    SeededEntropy::new(seed).fill(&mut bytes);
    bytes[..4].copy_from_slice(b"\xff\xd8\xff\xe0");
    bytes
}

/// Puts a case in the log that refers to these photos.
fn case_with(device: &mut RawDevice, area: &str, photos: &[Vec<u8>]) -> RecordId {
    let record = device.record_id();
    let (mut document, genesis) = device.honest_case(area);
    let author = device.author();
    let refer = photos.iter().zip(0_u64..).map(|(bytes, n)| Said::Photo {
        id: EntryId::new(author.now_ms, &mut SeededEntropy::new(n)),
        photo: PhotoRef {
            sha256: FileHash::of(bytes).to_string(),
            role: PhotoRole::Near,
            bytes: bytes.len() as u64,
            by: author.person.clone(),
            at_ms: author.now_ms,
            preview: None,
        },
    });
    let refer = device.write(&mut document, &refer.collect::<Vec<_>>());
    let items = [genesis, refer].map(|change| (record, change.raw_bytes().to_vec()));
    for verdict in device.push(&items) {
        assert!(matches!(verdict, Verdict::Admitted { .. }), "{verdict:?}");
    }
    record
}

#[test]
#[ignore = "takes node, and `npm ci` in tests/tus-js; `cargo xtask test` sees to both"]
fn tus_js_client_unchanged_uploads_pauses_and_goes_on() {
    let district = District::new();
    let grid = district.grid(GRID_A).as_str().to_owned();
    let mut device = RawDevice::enrol(&district, &district.worker(GRID_A, 0), 1);
    let bytes = photo(7, 1_000_003);
    let record = case_with(&mut device, &grid, std::slice::from_ref(&bytes));
    let name = FileHash::of(&bytes).to_string();
    let file = district.folder("photos").join("near.jpg");
    std::fs::write(&file, &bytes).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tus-js/upload.mjs");
    let run = Command::new("node")
        .arg(script)
        .arg(format!("{}/v1/files", district.url()))
        .arg(device.token())
        .arg(record.to_string())
        .arg(&name)
        .arg(&file)
        .output()
        .unwrap();
    let wrong = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{wrong}");
    let said: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(said["finished"], true, "{said}");
    let paused = said["pausedAt"].as_array().unwrap();
    assert_eq!(paused.len(), 2, "{said}");
    let mut went_on = vec![0.into()];
    went_on.extend(paused.iter().cloned());
    assert_eq!(said["wentOnFrom"], serde_json::Value::Array(went_on));
    let office = district.office(Role::DutyOfficer);
    assert!(office.file(record, &name) == bytes, "byte for byte");
}
