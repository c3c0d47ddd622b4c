//! What becomes of phones, seals and proofs when the server's key changes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

use gridlog_client_core::PhoneError;
use gridlog_domain::reference::Role;
use gridlog_protocol::{SigningKey, Succession};
use gridlog_tests::{District, GRID_A, words};
use serde_json::Value;

/// Changes the key, as an operator does, and starts the server again.
fn rotate(district: &mut District) {
    district.stop();
    let output = Command::new(env!("CARGO_BIN_EXE_gridlog-server-under-test"))
        .args(["keys", "rotate", "--data"])
        .arg(district.data())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    district.start();
}

fn verify(what: &str, file: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_gridlog-verify-under-test"))
        .arg(what)
        .arg(file)
        .args(arguments)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

fn seal(district: &District) -> Value {
    let officer = district.office(Role::DutyOfficer);
    let (status, sealed) = officer.post("seals", &Value::Null);
    assert_eq!(status, 200, "{sealed}");
    sealed
}

fn published(district: &District) -> Value {
    let mut answer = ureq::get(format!("{}/v1/keys", district.url()))
        .call()
        .unwrap();
    answer.body_mut().read_json().unwrap()
}

#[test]
fn a_phone_follows_a_new_key_without_anybody_noticing() {
    let mut district = District::new();
    let phone = district.phone(GRID_A, 0);
    let other = district.phone(GRID_A, 1);
    let case = phone.report_case("换钥前");
    phone.sync_all();
    rotate(&mut district);
    phone.comment(case, &words("换钥后")).unwrap();
    phone.sync_all();
    assert!(phone.status().unwrap().all_in_log());
    // One that missed a change altogether follows both.
    rotate(&mut district);
    other.sync_all();
    assert_eq!(other.show(case).unwrap().unwrap().view.comments.len(), 1);
    // And one that is new trusts the new key from the beginning.
    let third = district.phone(GRID_A, 0);
    assert!(third.show(case).unwrap().is_some());
    phone.sync_all();
    phone
        .sign_in(&phone.transport, gridlog_tests::PASSWORD)
        .unwrap();
    phone.sync_all();
}

#[test]
fn a_phone_returns_what_the_server_lost_under_pages_that_an_earlier_key_signed() {
    let mut district = District::new();
    let phone = district.phone(GRID_A, 0);
    let backup = district.folder("backup").join("district.db");
    let server = |arguments: &[&str], district: &District| {
        let output = Command::new(env!("CARGO_BIN_EXE_gridlog-server-under-test"))
            .args(arguments)
            .arg("--data")
            .arg(district.data())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    server(&["backup", "--to", backup.to_str().unwrap()], &district);
    let case = phone.report_case("备份之后");
    phone.sync_all();
    district.stop();
    let from = ["restore", "--replace", "--from", backup.to_str().unwrap()];
    server(&from, &district);
    district.start();
    rotate(&mut district);
    let report = phone.try_sync().unwrap();
    assert!(report.returned > 0, "{report:?}");
    phone.sync_all();
    let officer = district.office(Role::DutyOfficer);
    let (status, _) = officer.get(&format!("records/{case}"));
    assert_eq!(status, 200, "the log has it again");
}

#[test]
fn old_seals_stay_valid_and_whoever_knows_the_old_key_checks_new_ones() {
    let mut district = District::new();
    let phone = district.phone(GRID_A, 0);
    let case = phone.report_case("井盖");
    phone.sync_all();
    let before = seal(&district);
    let old = before["key"].as_str().unwrap();
    rotate(&mut district);
    let after = seal(&district);
    let new = after["key"].as_str().unwrap();
    assert_ne!(old, new);
    let folder = district.folder("proofs");
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let old_seal = file("old.seal", before["note"].as_str().unwrap());
    let new_seal = file("new.seal", after["note"].as_str().unwrap());
    let keys = file("keys.json", &published(&district).to_string());
    let keys = keys.to_str().unwrap();
    assert!(verify("seal", &old_seal, &["--key", old]).0);
    assert!(verify("seal", &new_seal, &["--key", new]).0);
    assert!(!verify("seal", &new_seal, &["--key", old]).0);
    assert!(verify("seal", &new_seal, &["--key", old, "--successions", keys]).0);
    let proof = phone.proof_of(&phone.transport, case).unwrap();
    let proof = file("proof.json", std::str::from_utf8(&proof).unwrap());
    let (is_believed, said) = verify("record", &proof, &["--key", old]);
    assert!(is_believed, "it brings the notes with it: {said}");
    let officer = district.office(Role::DutyOfficer);
    let path = format!(
        "seals/growth?older={}&newer={}",
        before["seq"], after["seq"]
    );
    let (status, growth) = officer.get(&path);
    assert_eq!(status, 200, "{growth}");
    let growth = file("growth.json", &growth.to_string());
    assert!(verify("growth", &growth, &["--key", old]).0);
    let stranger = seal(&District::new());
    let stranger = stranger["key"].as_str().unwrap();
    let (is_believed, said) = verify("record", &proof, &["--key", stranger]);
    assert!(!is_believed && said.contains("bad_signature"), "{said}");
}

#[test]
fn a_key_that_nobody_named_as_the_next_is_refused() {
    let mut district = District::new();
    let phone = district.phone(GRID_A, 0);
    phone.report_case("井盖");
    phone.sync_all();
    district.stop();
    // Somebody else's key, with a note of their own that it follows another one of theirs.
    let [theirs, next] = [[8; 32], [9; 32]].map(|seed| SigningKey::from_bytes(&seed));
    let note = Succession::sign(&theirs, &next, 7);
    let key_file = district.data().join("keys/server.key");
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|b| format!("{b:02x}")).collect() };
    std::fs::write(&key_file, hex(&next.to_bytes())).unwrap();
    let notes = district.data().join("keys/server.key.successions");
    std::fs::write(notes, hex(&note.0)).unwrap();
    district.start();
    assert!(matches!(phone.try_sync(), Err(PhoneError::SignInAgain)));
    let refused = phone.sign_in(&phone.transport, gridlog_tests::PASSWORD);
    assert!(
        matches!(refused, Err(PhoneError::OtherServer)),
        "{refused:?}"
    );
}
