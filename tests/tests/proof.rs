//! What anybody may rely on who has the district's public key and a file.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::Command;

use gridlog_client_core::PhoneError;
use gridlog_domain::id::RecordId;
use gridlog_domain::reference::Role;
use gridlog_tests::{District, GRID_A, GRID_B, TestPhone, words};
use serde_json::{Value, json};

/// What `gridlog-verify` says of a proof, and whether it believes it.
fn verified(district: &District, proof: &[u8], key: &str) -> (bool, String) {
    let file: PathBuf = district.folder("proofs").join("proof.json");
    std::fs::write(&file, proof).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_gridlog-verify-under-test"))
        .arg("record")
        .arg(&file)
        .args(["--key", key])
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

fn seal(district: &District) -> String {
    let officer = district.office(Role::DutyOfficer);
    let (status, sealed) = officer.post("seals", &Value::Null);
    assert_eq!(status, 200, "{sealed}");
    sealed["key"].as_str().unwrap().to_owned()
}

fn proof(phone: &TestPhone, record: RecordId) -> Vec<u8> {
    phone.proof_of(&phone.transport, record).unwrap()
}

fn refused(phone: &TestPhone, record: RecordId) -> String {
    match phone.proof_of(&phone.transport, record) {
        Err(PhoneError::Refused { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_worker_proves_a_record_to_somebody_who_has_only_the_public_key() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let case = phone.report_case("井盖");
    phone.sync_all();
    let key = seal(&district);
    phone.comment(case, &words("已放警示桩")).unwrap();
    phone.sync_all();
    let (is_believed, said) = verified(&district, &proof(&phone, case), &key);
    assert!(is_believed, "{said}");
    assert!(said.contains("可信 verified"), "{said}");
    assert!(said.contains(&case.to_string()), "{said}");
    assert!(
        said.contains("上报 report") && said.contains("待受理"),
        "{said}"
    );
    assert!(
        said.contains("1 条待封签"),
        "the comment came later: {said}"
    );
    assert!(
        said.contains("已证明") && said.contains("Not proven"),
        "{said}"
    );
}

#[test]
fn a_proof_that_was_touched_or_is_of_another_server_is_not_believed() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let case = phone.report_case("井盖");
    phone.sync_all();
    let key = seal(&district);
    let sound = proof(&phone, case);
    let other = seal(&District::new());
    let (is_believed, said) = verified(&district, &sound, &other);
    assert!(!is_believed && said.contains("bad_signature"), "{said}");
    let mut touched: Value = serde_json::from_slice(&sound).unwrap();
    let entry = touched["entries"][0]["entry"].as_str().unwrap().to_owned();
    let last = entry.chars().next_back().unwrap();
    let flipped = if last == '0' { '1' } else { '0' };
    touched["entries"][0]["entry"] = json!(format!("{}{flipped}", &entry[..entry.len() - 1]));
    let (is_believed, said) = verified(&district, touched.to_string().as_bytes(), &key);
    assert!(!is_believed && said.contains("not_included"), "{said}");
    let mut renamed: Value = serde_json::from_slice(&sound).unwrap();
    renamed["record"] = json!("00".repeat(16));
    let (is_believed, said) = verified(&district, renamed.to_string().as_bytes(), &key);
    assert!(!is_believed && said.contains("other_record"), "{said}");
}

#[test]
fn a_record_that_is_not_sealed_yet_is_said_to_be_so() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let case = phone.report_case("井盖");
    phone.sync_all();
    let key = seal(&District::new());
    let nothing = proof(&phone, case);
    let (is_believed, said) = verified(&district, &nothing, &key);
    assert!(!is_believed && said.contains("nothing_sealed"), "{said}");
    let key = seal(&district);
    let later = phone.report_case("路灯");
    phone.sync_all();
    let (is_believed, said) = verified(&district, &proof(&phone, later), &key);
    assert!(!is_believed && said.contains("尚无封签"), "{said}");
    seal(&district);
    assert!(verified(&district, &proof(&phone, later), &key).0);
}

/// What `gridlog-server check` says of the district's log, and whether it is sound.
fn checked(district: &District) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_gridlog-server-under-test"))
        .arg("check")
        .arg("--data")
        .arg(district.data())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn an_operator_learns_which_entry_of_a_damaged_log_it_is() {
    let mut district = District::new();
    let phone = district.phone(GRID_A, 0);
    phone.report_case("井盖");
    phone.sync_all();
    seal(&district);
    let (is_sound, said) = checked(&district);
    assert!(
        is_sound && said.contains("日志完好"),
        "while it serves: {said}"
    );
    district.stop();
    let database = rusqlite::Connection::open(district.data().join("district.db")).unwrap();
    let sql = "UPDATE entries SET canonical = canonical || x'00' WHERE seq = 3";
    assert_eq!(database.execute(sql, []).unwrap(), 1);
    let (is_sound, said) = checked(&district);
    assert!(!is_sound && said.contains("第 3 条"), "{said}");
    assert!(
        said.contains("条目内容被改动") && !said.contains("第 4 条"),
        "{said}"
    );
}

#[test]
fn nobody_gets_a_proof_of_what_is_not_theirs_to_see() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let case = phone.report_case("井盖");
    phone.sync_all();
    seal(&district);
    let stranger = district.phone(GRID_B, 0);
    assert_eq!(refused(&stranger, case), "not_found");
    let unknown = "01900000-0000-7000-8000-000000000001".parse().unwrap();
    assert_eq!(refused(&phone, unknown), "not_found");
    for path in ["x", "%00", &"a".repeat(4_000)] {
        let url = format!("{}/v1/proof/{path}", district.url());
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        assert_eq!(agent.get(&url).call().unwrap().status().as_u16(), 401);
    }
}
