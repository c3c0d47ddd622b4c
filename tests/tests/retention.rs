//! Cases that have been over for long leave the phones, and are not lost by that.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gridlog_domain::id::RecordId;
use gridlog_domain::record::StepDetails;
use gridlog_domain::reference::Role;
use gridlog_domain::workflow::{Stage, Step};
use gridlog_tests::{District, GRID_A, TestPhone, eventually, words};
use serde_json::json;

/// About three seconds.
const SHORT: (&str, &str) = ("GRIDLOG_SERVER_ARCHIVE_AFTER_DAYS", "0.000035");

fn is_here(phone: &TestPhone, id: RecordId) -> bool {
    phone.sync_all();
    phone.show(id).unwrap().is_some()
}

#[test]
fn a_case_that_is_over_leaves_the_phone_is_found_online_and_comes_back_with_the_next_word() {
    let district = District::with_settings(&[SHORT]);
    let (phone, colleague) = (district.phone(GRID_A, 0), district.phone(GRID_A, 1));
    let open = phone.report_case("井盖缺失");
    let over = phone.note("楼道堆物");
    let details = StepDetails {
        result: Some(words("已清走")),
        ..StepDetails::default()
    };
    phone.propose(over, Step::SelfHandle, details).unwrap();
    phone.sync_all();
    let detail = phone.show(over).unwrap();
    assert_eq!(detail.unwrap().row.stage, Some(Stage::SelfHandled));

    // By the running server, by itself.
    for phone in [&phone, &colleague] {
        eventually("it left the phone", || !is_here(phone, over));
        assert!(is_here(phone, open), "what is not over stays");
        assert!(phone.status().unwrap().all_in_log());
    }
    let found = phone.search_online(&phone.transport, "楼道", 10).unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|row| (row.id, row.stage, row.archived, row.on_this_phone))
        .collect();
    assert_eq!(found, [(over, Some(Stage::SelfHandled), true, false)]);

    // Each word brings it back, until it has been over for long again.
    let officer = district.office(Role::DutyOfficer);
    for phone in [&phone, &colleague] {
        eventually("it came back", || {
            let comment = json!({ "text": words("居民来电核实") });
            let (status, answer) = officer.post(&format!("records/{over}/comments"), &comment);
            assert_eq!(status, 200, "{answer}");
            is_here(phone, over)
        });
        eventually("it left again", || !is_here(phone, over));
    }
}
