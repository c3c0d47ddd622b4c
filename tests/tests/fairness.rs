//! Promise: whatever one device sends, and however much, the others are served as if it were not
//! there.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use automerge::Automerge;
use gridlog_domain::record::{Command, Value};
use gridlog_protocol::{Verdict, codec};
use gridlog_tests::{District, GRID_A, GRID_B, RawDevice, TestPhone, eventually};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn area(district: &District, grid: usize) -> String {
    let grid = district.street.grids().nth(grid).unwrap();
    grid.code.as_str().to_owned()
}

fn set_title(title: &str) -> Command {
    Command::Set {
        field: "title".to_owned(),
        value: Value::Text(title.to_owned()),
        shown: None,
    }
}

fn all_in_log(phone: &TestPhone) -> bool {
    phone.status().unwrap().all_in_log()
}

/// The token of a phone.
fn bearer(phone: &TestPhone) -> String {
    phone.begin_sync().unwrap().bearer().unwrap()
}

/// A sync request that never comes to its end.
fn half_a_request(district: &District, bearer: &str) -> TcpStream {
    let address = district.url().replace("http://", "");
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /v1/sync HTTP/1.1\r\nHost: gridlog\r\nAuthorization: Bearer {bearer}\r\n\
         Content-Length: 1000\r\n\r\nhalf"
    )
    .unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn a_device_has_two_requests_under_way_and_everybody_else_has_theirs() {
    let district = District::new();
    let (greedy, other) = (district.phone(GRID_A, 0), district.phone(GRID_A, 1));
    let token = bearer(&greedy);
    let mut held = Vec::new();
    // The server takes requests up when it comes to them, so one more is sent until it says no.
    let refused = loop {
        held.push(half_a_request(&district, &token));
        let mut probe = half_a_request(&district, &token);
        probe
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        let mut answer = [0; 512];
        match probe.read(&mut answer) {
            Ok(count) => break String::from_utf8_lossy(&answer[..count]).to_lowercase(),
            Err(_) => held.push(probe),
        }
        assert!(held.len() < 10, "no limit was found");
    };
    assert!(refused.starts_with("http/1.1 429"), "{refused}");
    assert!(refused.contains("retry-after: 1\r\n"), "{refused}");
    assert!(greedy.try_sync().is_err());
    other.report_case("井盖缺失");
    other.sync_all();
    assert!(all_in_log(&other));
    // Whoever hangs up has room again, once the time is over for which it was sent away.
    drop(held);
    greedy.report_case("路灯不亮");
    eventually("the device has room again", || {
        let _ = greedy.try_sync();
        all_in_log(&greedy)
    });
}

#[test]
fn a_device_that_floods_the_server_is_told_to_slow_down_and_nobody_else_is() {
    let settings = [
        ("GRIDLOG_SERVER_DEVICE_WORK_MS", "2000"),
        ("GRIDLOG_SERVER_DEVICE_WORK_MS_PER_SECOND", "1"),
        ("GRIDLOG_SERVER_RULING_WAIT_MS", "0"),
    ];
    let district = District::with_settings(&settings);
    let mut flooder = RawDevice::enrol(&district, &district.worker(GRID_A, 0), 1);
    let honest = district.phone(GRID_A, 1);
    // Well-formed nonsense, as much as a request takes.
    let mut flood = |n: u32| {
        let items: Vec<_> = (0..512_u32)
            .map(|k| (flooder.record_id(), (n * 1_000 + k).to_be_bytes().to_vec()))
            .collect();
        let request = flooder.request(&items);
        flooder.post(&codec::encode(&request))
    };
    let mut taken = 0;
    let refused = loop {
        match flood(taken) {
            (200, _) => taken += 1,
            refused => break refused,
        }
        assert!(taken < 20, "nobody stops it");
    };
    assert_eq!(refused.0, 429);
    let said = String::from_utf8(refused.1).unwrap();
    assert!(said.contains("\"slow_down\""), "{said}");
    assert!(taken >= 3, "it is generous: {taken}");
    for n in 0..20 {
        honest.report_case(&format!("案卷{n}"));
        honest.sync_all();
    }
    assert!(all_in_log(&honest));
    assert_eq!(flood(taken).0, 429, "it still has to wait");
}

#[test]
fn a_heap_of_one_device_does_not_delay_anothers_single_record() {
    let settings = [("GRIDLOG_SERVER_RULING_WAIT_MS", "0")];
    let district = District::with_settings(&settings);
    let here = area(&district, GRID_A);
    let mut heavy = RawDevice::enrol(&district, &district.worker(GRID_A, 0), 1);
    let light = district.phone(GRID_B, 0);
    // Sound changes: each has to be admitted.
    let heap: Vec<_> = (0..2_000)
        .map(|_| {
            let (_, begun) = heavy.honest_case(&here);
            (heavy.record_id(), begun.raw_bytes().to_vec())
        })
        .collect();
    for part in heap.chunks(500) {
        heavy.push_once(part);
    }
    light.report_case("井盖缺失");
    eventually("the single record is in the log", || {
        light.sync_all();
        all_in_log(&light)
    });
    let last = &heap[1_900..];
    let mut is_worked_off = || !heavy.push_once(last).contains(&Verdict::Received);
    assert!(!is_worked_off(), "before the heap is");
    eventually("the heap is worked off", is_worked_off);
}

#[test]
fn what_waits_for_something_missing_is_limited_for_each_device() {
    let settings = [("GRIDLOG_SERVER_MAX_WAITING_ITEMS", "10")];
    let district = District::with_settings(&settings);
    let here = area(&district, GRID_A);
    let mut device = RawDevice::enrol(&district, &district.worker(GRID_A, 0), 1);
    let record = device.record_id();
    let (mut document, begun): (Automerge, _) = device.honest_case(&here);
    let edits: Vec<_> = (0..15)
        .map(|n| device.write(&mut document, &[set_title(&n.to_string())]))
        .map(|change| (record, change.raw_bytes().to_vec()))
        .collect();
    let verdicts = device.push(&edits);
    let waiting = |verdict: &&Verdict| matches!(verdict, Verdict::Waiting { .. });
    assert_eq!(verdicts.iter().filter(waiting).count(), 10);
    let too_many = Verdict::Refused {
        code: "too_many_waiting".to_owned(),
    };
    assert_eq!(verdicts[10], too_many);
    let blocked = |verdict: &Verdict| matches!(verdict, Verdict::BlockedBy { .. });
    assert!(verdicts[11..].iter().all(blocked), "they build on it");
    let verdicts = device.push(&[(record, begun.raw_bytes().to_vec())]);
    assert!(matches!(verdicts[..], [Verdict::Admitted { .. }]));
    let verdicts = device.push(&edits[..10]);
    let admitted = |verdict: &Verdict| matches!(verdict, Verdict::Admitted { .. });
    assert!(verdicts.iter().all(admitted));
}
