//! After a refusal the phone rebuilds the record, takes a new actor and writes again once; what is
//! refused again stays with its words (DESIGN section 5).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gridlog_client_core::Standing;
use gridlog_domain::record::Value;
use gridlog_tests::{District, GRID_A, TestPhone, words};

#[test]
fn a_phone_restored_from_a_copy_writes_its_refused_words_again_under_a_new_actor() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let case = phone.report_case("原题");
    phone.sync_all();
    let restored = TestPhone::restored(&district, &phone);

    phone.comment(case, &words("原机的说明")).unwrap();
    phone.sync_all();
    restored
        .edit(case, &[("title", Value::Text(words("复本的新题")))])
        .unwrap();
    restored.comment(case, &words("复本的说明")).unwrap();
    let unaffected = restored.report_case("同批新案");
    for _ in 0..3 {
        restored.sync_all();
    }
    let shown = restored.show(case).unwrap().unwrap();
    assert_eq!(shown.row.standing, Standing::InLog, "{:?}", shown.changes);
    assert_eq!(shown.view.text("title"), words("复本的新题"));
    assert!(
        shown.changes.iter().any(|change| change.attempt == 2),
        "it was written again"
    );
    assert!(shown.needs_you.is_empty());
    assert_eq!(
        restored.show(unaffected).unwrap().unwrap().row.standing,
        Standing::InLog
    );

    phone.sync_all();
    restored.sync_all();
    let (a, b) = (
        phone.show(case).unwrap().unwrap(),
        restored.show(case).unwrap().unwrap(),
    );
    assert_eq!(a.view, b.view);
    let comments: Vec<&str> = a.view.comments.values().map(|c| c.text.as_str()).collect();
    assert_eq!(comments.len(), 2, "{comments:?}");
}

#[test]
fn a_phone_whose_marker_was_left_behind_by_the_backup_takes_a_new_actor_by_itself() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let case = phone.report_case("原题");
    phone.sync_all();
    let mut restored = TestPhone::restored(&district, &phone);
    std::fs::remove_file(restored.folder().join("marker")).unwrap();
    restored.reopen();

    phone.comment(case, &words("原机的说明")).unwrap();
    phone.sync_all();
    restored.comment(case, &words("复本的说明")).unwrap();
    restored.sync_all();
    let shown = restored.show(case).unwrap().unwrap();
    assert_eq!(shown.row.standing, Standing::InLog);
    assert!(
        shown.changes.iter().all(|change| change.attempt == 1),
        "nothing was refused"
    );
    assert_eq!(shown.view.comments.len(), 2);
}
