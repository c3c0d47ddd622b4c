//! Promise: `gridlog-server dev` gives whoever writes an app a district at once, on this machine alone.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use gridlog_cli::environment::{SystemClock, SystemEntropy};
use gridlog_client_core::{FileMarker, HttpTransport, OpenOptions, Phone, Query, SyncOptions};
use gridlog_domain::workflow::Stage;
use gridlog_tests::store_key;

/// A server for developers, and what it printed before it served.
struct Dev {
    child: Child,
    url: String,
    password: String,
}

impl Drop for Dev {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(data: &Path, listen: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gridlog-server-under-test"));
    command
        .args(["dev", "--listen", listen, "--data"])
        .arg(data);
    command
}

fn start(data: &Path) -> Dev {
    let mut child = command(data, "127.0.0.1:0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut after = |mark: &str| {
        let line = lines.find_map(|line| {
            line.unwrap()
                .split_once(mark)
                .map(|(_, rest)| rest.to_owned())
        });
        line.unwrap_or_else(|| panic!("it never said {mark:?}"))
    };
    let password = after("password: ");
    let url = after("listening on ");
    Dev {
        child,
        url,
        password,
    }
}

#[test]
fn a_phone_signs_in_with_what_was_printed_and_finds_cases_in_different_stages() {
    let folder = tempfile::tempdir().unwrap();
    let dev = start(&folder.path().join("dev"));
    let phone = Phone::open(OpenOptions {
        path: folder.path().join("phone.db"),
        key: store_key(),
        clock: Arc::new(SystemClock),
        entropy: Box::new(SystemEntropy),
        marker: Arc::new(FileMarker::new(folder.path().join("marker"))),
    })
    .unwrap();
    let transport = HttpTransport::new(&dev.url).unwrap();
    phone
        .enrol(&transport, &"W001".into(), &dev.password, "开发手机")
        .unwrap();
    phone.sync(&transport, SyncOptions::default()).unwrap();
    let rows = phone.list(&Query::default()).unwrap();
    let stages: Vec<Stage> = rows.iter().filter_map(|row| row.stage).collect();
    for stage in [Stage::Reported, Stage::Dispatched, Stage::SelfHandled] {
        assert!(stages.contains(&stage), "{stages:?}");
    }
}

#[test]
fn it_does_not_start_where_others_could_reach_it() {
    let folder = tempfile::tempdir().unwrap();
    let refused = command(&folder.path().join("dev"), "0.0.0.0:0")
        .output()
        .unwrap();
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("this machine alone"), "{said}");
}
