use gridlog_proof::{Consistency, PublicKey, RecordProof, Seal};
use serde_json::json;

use super::*;
use crate::store::Store as _;
use crate::town::*;

struct Office<'a> {
    site: &'a Site,
    token: String,
}

impl Office<'_> {
    fn seal(&self) -> (Seal, u64, PublicKey) {
        let (status, made) = self.ask(Method::POST, "/v1/office/seals");
        assert_eq!(status, StatusCode::OK, "{made}");
        let key: PublicKey = made["key"].as_str().unwrap().parse().unwrap();
        let seal = Seal::read(made["note"].as_str().unwrap(), std::slice::from_ref(&key)).unwrap();
        assert_eq!(made["size"], seal.size);
        (seal, made["seq"].as_u64().unwrap(), key)
    }

    fn ask(&self, method: Method, path: &str) -> (StatusCode, Value) {
        self.site.ask(method, path, &self.token, &Value::Null)
    }
}

fn town_with_a_case() -> (Town, TestDevice) {
    let town = Town::new();
    let mut worker = town.phone(1, WORKER);
    worker.bootstrap(&town);
    let begun = worker.write(&town, record(1), &[new_case(GRID_A, "井盖")]);
    worker.push(&town, vec![begun]);
    (town, worker)
}

#[test]
fn a_record_is_proven_to_whoever_has_the_key_as_far_as_the_newest_seal_goes() {
    let (town, mut worker) = town_with_a_case();
    let site = Site::over(&town);
    let token = site.token(OFFICE, None);
    let office = Office { site: &site, token };
    let path = format!("/v1/office/records/{}/proof", record(1));
    let (_, nothing) = office.ask(Method::GET, &path);
    assert_eq!(nothing["entries"], json!([]), "nothing is sealed yet");
    assert!(!nothing["not_sealed"].as_array().unwrap().is_empty());
    let (_, _, key) = office.seal();
    let said = [comment(&town, WORKER, "再补充")];
    let said = worker.write(&town, record(1), &said);
    worker.push(&town, vec![said]);
    let proof = |path: &str| -> RecordProof {
        let (status, proof) = office.ask(Method::GET, path);
        assert_eq!(status, StatusCode::OK, "{proof}");
        serde_json::from_value(proof).unwrap()
    };
    let before = proof(&path);
    assert!(!before.entries.is_empty());
    assert_eq!(
        before.not_sealed.len(),
        1,
        "the comment came after the seal"
    );
    office.seal();
    let after = proof(&path);
    assert_eq!(after.entries.len(), before.entries.len() + 1);
    assert_eq!(after.not_sealed, [0; 0]);
    for inclusion in before.entries.iter().chain(&after.entries) {
        let (_, entry) = inclusion.check(std::slice::from_ref(&key)).unwrap();
        let stored = town.store.entry(inclusion.seq).unwrap().unwrap();
        assert_eq!(entry, stored.canonical);
    }
    let neighbour = site.token(NEIGHBOUR, None);
    let refused = site.ask(Method::GET, &path, &neighbour, &Value::Null);
    assert_eq!(code(&refused), (404, "not_found"));
}

#[test]
fn between_two_seals_the_log_is_proven_to_have_grown_and_seals_are_listed() {
    let (town, mut worker) = town_with_a_case();
    let site = Site::over(&town);
    let token = site.token(OFFICE, None);
    let office = Office { site: &site, token };
    let (older, first, key) = office.seal();
    let begun = worker.write(&town, record(2), &[new_case(GRID_A, "路灯")]);
    worker.push(&town, vec![begun]);
    let (newer, second, _) = office.seal();
    let growth = |older: u64, newer: u64| {
        let path = format!("/v1/office/seals/growth?older={older}&newer={newer}");
        office.ask(Method::GET, &path)
    };
    let proof: Consistency = serde_json::from_value(growth(first, second).1).unwrap();
    assert_eq!(proof.check(&[key]), Ok((older, newer)));
    let refused = growth(second, first);
    assert_eq!(code(&refused), (400, "seals_not_comparable"));
    assert_eq!(code(&growth(first, 1)), (404, "not_found"));
    assert_eq!(code(&growth(first, 99)), (404, "not_found"));
    let (_, listed) = office.ask(Method::GET, "/v1/office/seals?limit=1");
    let numbers: Vec<&Value> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["seq"])
        .collect();
    assert_eq!(numbers, [&json!(second)]);
}

#[test]
fn a_worker_does_not_seal_the_log() {
    let (town, _worker) = town_with_a_case();
    let site = Site::over(&town);
    let token = site.token(WORKER, None);
    let refused = site.ask(Method::POST, "/v1/office/seals", &token, &Value::Null);
    assert_eq!(code(&refused), (403, "forbidden"));
}

#[test]
fn a_device_gets_proofs_of_its_persons_records_and_of_nothing_else() {
    let (town, worker) = town_with_a_case();
    let site = Site::over(&town);
    let office = Office {
        site: &site,
        token: site.token(OFFICE, None),
    };
    let (_, _, key) = office.seal();
    let ask = |token: &str, id: &str| {
        let path = format!("/v1/proof/{id}");
        site.ask(Method::GET, &path, token, &Value::Null)
    };
    let id = record(1).to_string();
    let token = site.token(WORKER, Some(worker.device.id));
    let (status, proof) = ask(&token, &id);
    assert_eq!(status, StatusCode::OK, "{proof}");
    let proof: RecordProof = serde_json::from_value(proof).unwrap();
    for inclusion in &proof.entries {
        assert!(inclusion.check(std::slice::from_ref(&key)).is_ok());
    }
    for unknown in ["0", "%00", "..", &"9".repeat(3_000), &record(9).to_string()] {
        let refused = ask(&token, unknown);
        assert_eq!(refused.0, StatusCode::NOT_FOUND, "{unknown}");
    }
    let neighbour = town.phone(2, NEIGHBOUR);
    let stranger = site.token(NEIGHBOUR, Some(neighbour.device.id));
    assert_eq!(code(&ask(&stranger, &id)), (404, "not_found"));
    assert_eq!(code(&ask(&office.token, &id)), (401, "unknown_device"));
    town.store.revoke_device(worker.device.id, NOW).unwrap();
    assert_eq!(code(&ask(&token, &id)), (403, "forbidden"));
}
