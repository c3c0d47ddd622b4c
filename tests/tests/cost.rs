//! What a sync costs, in counts: round trips and bytes, never time.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gridlog_client_core::Query;
use gridlog_tests::{District, GRID_A};

#[test]
fn a_quiet_sync_is_one_round_trip_of_under_a_kilobyte_whatever_the_number_of_records() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let mut quiet = Vec::new();
    for batch in [1, 60] {
        for n in 0..batch {
            phone.report_case(&format!("井盖{n}"));
        }
        phone.sync_all();
        phone.sync_all();
        let before = district.proxy.traffic();
        let opened = phone.documents_opened();
        phone.try_sync().unwrap();
        let cost = district.proxy.traffic().since(&before);
        assert_eq!(cost.requests, 1);
        assert!(cost.bytes() < 1_024, "{cost:?}");
        assert_eq!(phone.documents_opened(), opened, "no document was opened");
        quiet.push(cost.bytes());
    }
    assert!(
        quiet[1] <= quiet[0] + 16,
        "it does not grow with the records: {quiet:?}"
    );
}

#[test]
fn a_new_phone_lists_and_finds_everything_without_opening_a_document() {
    let district = District::new();
    let author = district.phone(GRID_A, 0);
    for n in 0..30 {
        author.report_case(&format!("路灯{n}不亮"));
    }
    author.sync_all();
    let phone = district.phone(GRID_A, 1);
    assert_eq!(phone.list(&Query::default()).unwrap().len(), 30);
    assert_eq!(phone.search("灯2", 100).unwrap().len(), 11);
    assert_eq!(phone.documents_opened(), 0);
}
