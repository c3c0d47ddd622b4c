//! The first stores of a process, opened at once: SQLite readies itself then, and SQLCipher after it.

#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::sync::{Arc, Barrier};
use std::thread;

use gridlog_client_core::system::{SystemClock, SystemEntropy};
use gridlog_client_core::{FileMarker, OpenOptions, Phone, StoreKey};

/// Each is a chance to meet the moment between the two.
const PROCESSES: u32 = 40;
const STORES: usize = 8;
const CHILD: &str = "in_a_process_of_its_own";

#[test]
fn the_first_stores_of_a_process_may_be_opened_at_once() {
    for _ in 0..PROCESSES {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", CHILD, "--ignored"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success(), "{said}");
        assert!(said.contains("1 passed"), "{said}");
    }
}

#[test]
#[ignore = "the test above runs it, each time in a process that has opened nothing"]
fn in_a_process_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let all_are_ready = Arc::new(Barrier::new(STORES));
    let threads: Vec<_> = (0..STORES)
        .map(|number| {
            let file = folder.path().join(format!("{number}.db"));
            let all_are_ready = Arc::clone(&all_are_ready);
            thread::spawn(move || {
                let options = OpenOptions {
                    marker: Arc::new(FileMarker::new(file.with_extension("marker"))),
                    path: file,
                    key: StoreKey::new([7; 32]),
                    clock: Arc::new(SystemClock),
                    entropy: Box::new(SystemEntropy),
                };
                all_are_ready.wait();
                Phone::open(options).map(drop)
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap().unwrap();
    }
}
