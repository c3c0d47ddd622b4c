//! Promises: what the server answered `received` survives its SIGKILL, every record is in the log
//! exactly once, and sending anything again, in any order, changes nothing.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gridlog_client_core::{Answer, Transport, TransportError};
use gridlog_domain::environment::{Entropy, SeededEntropy};
use gridlog_domain::reference::Role;
use gridlog_protocol::{SyncRequest, codec};
use gridlog_tests::{District, GRID_A, GRID_B, TestPhone, words};
use serde_json::Value;

const PHONES: usize = 8;
const RECORDS: usize = 12;
const KILLS: u32 = 6;

/// How often each change is in the log; also checks that the log is dense and chained.
fn admissions(log: &[Value]) -> BTreeMap<String, u32> {
    let mut count = BTreeMap::new();
    let mut previous = "0".repeat(64);
    for (index, entry) in log.iter().enumerate() {
        assert_eq!(entry["seq"], index as u64 + 1, "the log is dense");
        assert_eq!(entry["previous"], previous.as_str(), "the log is chained");
        previous = entry["hash"].as_str().unwrap().to_owned();
        if entry["fact"] == "admit" {
            *count
                .entry(entry["change"].as_str().unwrap().to_owned())
                .or_insert(0) += 1;
        }
    }
    count
}

fn phones(district: &District) -> Vec<TestPhone> {
    (0..PHONES)
        .map(|n| district.phone(if n % 2 == 0 { GRID_A } else { GRID_B }, n / 2))
        .collect()
}

#[test]
fn a_server_killed_at_random_while_eight_phones_sync_keeps_everything_exactly_once() {
    let mut district = District::new();
    let phones = phones(&district);
    for phone in &phones {
        for n in 0..RECORDS {
            let case = phone.report_case(&format!("井盖{n}"));
            phone.comment(case, &words("已到现场")).unwrap();
        }
    }
    let mut entropy = SeededEntropy::new(7);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for phone in &phones {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    // While the server is down a sync fails, as it does in a cellar.
                    let _ = phone.try_sync();
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
        }
        for _ in 0..KILLS {
            let mut random = [0_u8; 1];
            entropy.fill(&mut random);
            std::thread::sleep(Duration::from_millis(20 + u64::from(random[0])));
            district.kill();
            district.start();
        }
        done.store(true, Ordering::SeqCst);
    });
    for phone in &phones {
        phone.sync_all();
    }
    let admitted = admissions(&district.office(Role::DutyOfficer).log());
    let recorded: u64 = phones
        .iter()
        .map(|phone| phone.status().unwrap().recorded)
        .sum();
    assert_eq!(recorded, (PHONES * RECORDS * 2) as u64);
    assert_eq!(
        admitted.len() as u64,
        recorded,
        "every change is in the log"
    );
    assert!(
        admitted.values().all(|count| *count == 1),
        "and exactly once"
    );
    for phone in &phones {
        let status = phone.status().unwrap();
        assert_eq!(status.admitted, status.recorded, "{status:?}");
    }
}

/// Sends what a phone sends, and keeps it.
struct Keeping<'a> {
    phone: &'a TestPhone,
    sent: std::sync::Mutex<Vec<(String, Vec<u8>)>>,
}

impl Transport for Keeping<'_> {
    fn post(
        &self,
        path: &str,
        bearer: Option<&str>,
        content_type: &str,
        body: &[u8],
    ) -> Result<Answer, TransportError> {
        let token = bearer.unwrap_or_default().to_owned();
        self.sent.lock().unwrap().push((token, body.to_vec()));
        self.phone.transport.post(path, bearer, content_type, body)
    }
}

#[test]
fn sending_everything_again_in_any_order_changes_nothing() {
    let mut district = District::new();
    let phones = phones(&district);
    let mut sent = Vec::new();
    for phone in &phones[..4] {
        let case = phone.report_case("路灯不亮");
        for n in 0..5 {
            phone
                .comment(case, &words(&format!("第{n}次说明")))
                .unwrap();
        }
        let keeping = Keeping {
            phone,
            sent: std::sync::Mutex::default(),
        };
        phone
            .sync(&keeping, gridlog_client_core::SyncOptions::default())
            .unwrap();
        sent.extend(keeping.sent.into_inner().unwrap());
    }
    phones[0].sync_all();
    let before = district.office(Role::DutyOfficer).log();
    let mut entropy = SeededEntropy::new(3);
    for round in 0..6 {
        for (token, body) in &sent {
            let mut request: SyncRequest = codec::decode("request", body).unwrap();
            // The items in another order, and each of them twice.
            let again = request.push.clone();
            request.push.extend(again);
            for index in (1..request.push.len()).rev() {
                let mut random = [0_u8; 1];
                entropy.fill(&mut random);
                request
                    .push
                    .swap(index, usize::from(random[0]) % (index + 1));
            }
            let answer = phones[0]
                .transport
                .post(
                    "/v1/sync",
                    Some(token),
                    "application/cbor",
                    &codec::encode(&request),
                )
                .unwrap();
            assert_eq!(answer.status, 200);
        }
        if round == 3 {
            district.kill();
            district.start();
        }
    }
    assert_eq!(district.office(Role::DutyOfficer).log(), before);
    for phone in &phones[..4] {
        phone.sync_all();
        let status = phone.status().unwrap();
        assert_eq!(status.admitted, status.recorded);
    }
}

#[test]
fn a_sync_that_is_cut_half_way_goes_on_where_it_was() {
    use gridlog_cli::proxy::{Cut, Direction};
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    for n in 0..40 {
        phone.report_case(&format!("暴露垃圾{n}"));
    }
    for (direction, after) in [
        (Direction::Up, 300),
        (Direction::Up, 1_500),
        (Direction::Down, 1),
        (Direction::Down, 400),
    ] {
        district.proxy.drop_open();
        district.proxy.cut_next(Cut { direction, after });
        assert!(
            phone.try_sync().is_err(),
            "{direction:?} {after} was not cut"
        );
    }
    phone.sync_all();
    let status = phone.status().unwrap();
    assert_eq!((status.recorded, status.admitted), (40, 40));
    let admitted = admissions(&district.office(Role::DutyOfficer).log());
    assert_eq!(admitted.len(), 40);
    assert!(admitted.values().all(|count| *count == 1));
}
