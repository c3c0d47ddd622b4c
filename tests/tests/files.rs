//! Files on a real server: many at once, and by a client that somebody else wrote.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

use gridlog_domain::environment::{Entropy as _, SeededEntropy};
use gridlog_domain::id::{EntryId, RecordId};
use gridlog_domain::record::{Command as Said, PhotoRef, PhotoRole};
use gridlog_domain::reference::Role;
use gridlog_protocol::Verdict;
use gridlog_tests::{District, FileSender, GRID_A, RawDevice, sha256};

const PIECE: usize = 256 * 1024;

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
            sha256: sha256(bytes),
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

/// A phone's case in the log, with the photos to which it refers and a token to send them with.
struct Taken {
    token: String,
    record: RecordId,
    photos: Vec<Vec<u8>>,
}

fn taken(district: &District, n: u64) -> Taken {
    let grid = district.grid(GRID_A).as_str().to_owned();
    let mut device = RawDevice::enrol(district, &district.worker(GRID_A, 0), n);
    let photos: Vec<Vec<u8>> = (0..10).map(|p| photo(n * 100 + p, 300_000)).collect();
    Taken {
        record: case_with(&mut device, &grid, &photos),
        token: device.token().to_owned(),
        photos,
    }
}

#[test]
fn two_hundred_photos_from_twenty_phones_at_once_all_arrive_and_memory_stays_small() {
    let mut district = District::new();
    let phones: Vec<Taken> = (1..=20).map(|n| taken(&district, n)).collect();
    // Checking twenty passwords takes memory of its own; what photos take is what is counted here.
    district.stop();
    district.start();
    let url = district.url();
    std::thread::scope(|scope| {
        for phone in &phones {
            let sender = FileSender::new(&url, &phone.token);
            scope.spawn(move || {
                for bytes in &phone.photos {
                    sender.upload(phone.record, bytes, PIECE);
                }
            });
        }
    });
    let peak = district.server_peak_memory();
    let office = district.office(Role::DutyOfficer);
    let reader = FileSender::new(&url, office.token());
    for phone in &phones {
        for bytes in &phone.photos {
            let answer = reader.fetch(phone.record, &sha256(bytes));
            assert_eq!(answer.status, 200);
            assert!(answer.body == *bytes, "byte for byte");
        }
    }
    println!("the server's memory at its peak: {peak:?} bytes");
    assert!(peak.is_none_or(|peak| peak < 200 << 20), "{peak:?}");
}

#[test]
#[ignore = "takes node, and `npm ci` in tests/tus-js; `cargo xtask test` sees to both"]
fn tus_js_client_unchanged_uploads_pauses_and_goes_on() {
    let district = District::new();
    let grid = district.grid(GRID_A).as_str().to_owned();
    let mut device = RawDevice::enrol(&district, &district.worker(GRID_A, 0), 1);
    let bytes = photo(7, 1_000_003);
    let record = case_with(&mut device, &grid, std::slice::from_ref(&bytes));
    let file = district.folder("photos").join("near.jpg");
    std::fs::write(&file, &bytes).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tus-js/upload.mjs");
    let run = Command::new("node")
        .arg(script)
        .arg(format!("{}/v1/files", district.url()))
        .arg(device.token())
        .arg(record.to_string())
        .arg(sha256(&bytes))
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
    let sender = FileSender::new(&district.url(), device.token());
    let answer = sender.fetch(record, &sha256(&bytes));
    assert!(answer.status == 200 && answer.body == bytes);
}
