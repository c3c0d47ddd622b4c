//! Promise: when a recording call returns, the record survives SIGKILL at once.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use gridlog_domain::environment::{Entropy, SeededEntropy};
use gridlog_domain::id::RecordId;
use gridlog_tests::{District, GRID_A};

const KILLS: u64 = 100;

#[test]
fn a_phone_killed_at_random_moments_loses_nothing_it_acknowledged() {
    let district = District::new();
    let mut phone = district.phone(GRID_A, 0);
    let mut entropy = SeededEntropy::new(20_261_122);
    let mut acknowledged = Vec::new();
    for run in 0..KILLS {
        let mut child = Command::new(env!("CARGO_BIN_EXE_writing-phone"))
            .arg(phone.folder())
            .arg(run.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let reader = std::thread::spawn(move || {
            output
                .lines()
                .map_while(Result::ok)
                .collect::<Vec<String>>()
        });
        let mut random = [0_u8; 1];
        entropy.fill(&mut random);
        std::thread::sleep(Duration::from_millis(30 + u64::from(random[0]) / 3));
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged.extend(reader.join().unwrap());
    }
    assert!(
        acknowledged.len() > 100,
        "only {} acknowledgements",
        acknowledged.len()
    );

    phone.reopen();
    for line in &acknowledged {
        let mut words = line.splitn(3, ' ');
        let (what, id, text) = (
            words.next().unwrap(),
            words.next().unwrap(),
            words.next().unwrap(),
        );
        let id: RecordId = id.parse().unwrap();
        let shown = phone
            .show(id)
            .unwrap()
            .unwrap_or_else(|| panic!("{id} is lost"));
        let kept = match what {
            "record" => shown.view.text("title") == text,
            _ => shown
                .view
                .comments
                .values()
                .any(|comment| comment.text == text),
        };
        assert!(kept, "{what} of {id} is lost");
    }
    assert_eq!(integrity_of(&phone.file()), "ok");
    let status = phone.status().unwrap();
    assert!(status.recorded >= acknowledged.len() as u64);
    assert_eq!(status.recorded, status.on_this_phone);

    phone.sync_all();
    let status = phone.status().unwrap();
    assert_eq!(status.recorded, status.admitted, "{status:?}");
}

fn integrity_of(file: &std::path::Path) -> String {
    let store = rusqlite::Connection::open(file).unwrap();
    store
        .pragma_update(None, "key", format!("x'{}'", "07".repeat(32)))
        .unwrap();
    store
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap()
}
