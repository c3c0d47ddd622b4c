//! Promise: a worker sees and writes only the areas assigned; what was recorded before a
//! reassignment is not lost: it is admitted or waits in the review list, and its author sees which.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gridlog_client_core::{Query, Standing};
use gridlog_domain::id::RecordId;
use gridlog_domain::reference::Role;
use gridlog_tests::{District, GRID_A, GRID_B, Office, PASSWORD, TestPhone, words};
use serde_json::json;

const HEADER: &str = "id,name,password,role,area,department,valid_from,valid_to,enabled\n";

/// Ends a worker's assignment to one grid now and gives them another one.
fn move_worker(administrator: &Office, person: &str, from: &str, to: &str) {
    let now = jiff::Timestamp::now();
    let file = format!(
        "{HEADER}{person},调岗,,grid_worker,{from},,2020-01-01,{now},\n\
         {person},调岗,,grid_worker,{to},,{now},,\n"
    );
    let (status, answer) = administrator.post_csv("people.csv", &file);
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn a_worker_sees_the_records_of_their_own_grid_only() {
    let district = District::new();
    let here = district.phone(GRID_A, 0);
    let there = district.phone(GRID_B, 0);
    let own = here.report_case("本网格");
    let other = there.report_case("别的网格");
    for phone in [&here, &there, &here] {
        phone.sync_all();
    }
    assert!(here.show(own).unwrap().is_some());
    assert!(here.show(other).unwrap().is_none());
    assert!(there.show(own).unwrap().is_none());
}

#[test]
fn a_write_into_an_area_never_held_is_refused_and_the_words_stay_on_the_phone() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let elsewhere = district.grid(GRID_B);
    let visit = phone
        .visit(gridlog_client_core::NewVisit {
            outcome: "met".to_owned(),
            notes: Some(words("走访记录")),
            area: Some(elsewhere.as_str().into()),
            ..Default::default()
        })
        .unwrap();
    let fine = phone.report_case("同批的案卷");
    for _ in 0..4 {
        phone.sync_all();
    }
    let shown = phone.show(visit).unwrap().expect("the words stay");
    assert_eq!(shown.row.standing, Standing::NeedsYou);
    assert_eq!(shown.needs_you[0].code, "area_never_held");
    assert!(!shown.needs_you[0].zh.is_empty());
    assert!(shown.view.text("notes").contains("走访记录"));
    assert_eq!(
        phone.show(fine).unwrap().unwrap().row.standing,
        Standing::InLog
    );
}

#[test]
fn a_case_may_be_reported_anywhere_and_its_author_keeps_sight_of_it() {
    let district = District::new();
    let passer_by = district.phone(GRID_A, 0);
    let local = district.phone(GRID_B, 0);
    let case = passer_by
        .report(gridlog_client_core::NewReport {
            title: words("路过看到的"),
            category: "01014".to_owned(),
            area: Some(district.grid(GRID_B)),
            ..Default::default()
        })
        .unwrap();
    passer_by.sync_all();
    local.sync_all();
    for phone in [&passer_by, &local] {
        assert_eq!(
            phone.show(case).unwrap().unwrap().row.standing,
            Standing::InLog
        );
    }
}

#[test]
fn work_from_before_a_reassignment_waits_in_review_and_is_let_in_by_an_office() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let colleague = district.phone(GRID_A, 1);
    let known = colleague.report_case("同事的案卷");
    colleague.sync_all();
    phone.sync_all();
    assert!(phone.show(known).unwrap().is_some());

    let visit = phone
        .visit(gridlog_client_core::NewVisit {
            outcome: "met".to_owned(),
            notes: Some(words("调岗前走访")),
            ..Default::default()
        })
        .unwrap();
    let administrator = district.office(Role::Administrator);
    let (from, to) = (district.grid(GRID_A), district.grid(GRID_B));
    move_worker(
        &administrator,
        phone.person.as_str(),
        from.as_str(),
        to.as_str(),
    );
    phone.try_sync().unwrap();
    phone.try_sync().unwrap();

    let shown = phone
        .show(visit)
        .unwrap()
        .expect("the author keeps the words");
    assert_eq!(shown.row.standing, Standing::Review, "{:?}", shown.changes);
    assert!(
        phone.show(known).unwrap().is_none(),
        "the old grid's records leave the phone"
    );

    let officer = district.office(Role::DutyOfficer);
    let (_, waiting) = officer.get("review");
    let item = waiting
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["record"] == visit.to_string())
        .expect("the office sees it waiting");
    assert_eq!(item["code"], "assignment_ended");
    let name = item["item"].as_str().unwrap();
    let (_, opened) = officer.get(&format!("review/{name}"));
    assert_eq!(opened["view"]["kind"], "visit");
    let unexplained = officer.post(&format!("review/{name}/admit"), &json!({ "reason": " " }));
    assert_eq!(unexplained.0, 400);
    let (status, decided) = officer.post(
        &format!("review/{name}/admit"),
        &json!({ "reason": "调岗前完成" }),
    );
    assert_eq!(
        (status, &decided["status"]),
        (200, &json!("admitted")),
        "{decided}"
    );

    phone.sync_all();
    assert_eq!(
        phone.show(visit).unwrap().unwrap().row.standing,
        Standing::InLog
    );
}

/// A phone whose token has ended, with a case that it has not sent yet.
fn late_phone(district: &District) -> (TestPhone, RecordId) {
    let person = district.worker(GRID_A, 0);
    let phone = TestPhone::fresh(district, &person);
    phone
        .enrol(&phone.transport, &person, PASSWORD, "测试手机")
        .unwrap();
    let case = phone.report_case("停用前写的");
    assert_eq!(phone.try_sync().unwrap_err().code(), "sign_in_again");
    (phone, case)
}

fn disable(district: &District, person: &str) {
    let grid = district.grid(GRID_A);
    let file = format!("{HEADER}{person},停用,,grid_worker,{grid},,2020-01-01,,false\n");
    let administrator = district.office(Role::Administrator);
    let (status, answer) = administrator.post_csv("people.csv", &file);
    assert_eq!(status, 200, "{answer}");
}

fn waiting_reasons(district: &District) -> Vec<String> {
    let (_, waiting) = district.office(Role::DutyOfficer).get("review");
    let waiting = waiting.as_array().unwrap().iter();
    waiting
        .map(|item| item["code"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn who_cannot_sign_in_any_more_still_pushes_and_pulls_nothing() {
    let district = District::with_settings(&[("GRIDLOG_SERVER_DEVICE_TOKEN_DAYS", "0")]);
    let (disabled, case) = late_phone(&district);
    disable(&district, disabled.person.as_str());
    disabled.try_sync().unwrap();
    let shown = disabled.show(case).unwrap().unwrap();
    assert_eq!(shown.row.standing, Standing::Review, "{:?}", shown.changes);
    assert_eq!(waiting_reasons(&district), ["account_disabled"]);
    let search = disabled.search_online(&disabled.transport, "井盖", 10);
    assert_eq!(
        search.unwrap_err().code(),
        "sign_in_again",
        "and only pushes"
    );

    let colleague = TestPhone::fresh(&district, &district.worker(GRID_A, 1));
    colleague
        .enrol(&colleague.transport, &colleague.person, PASSWORD, "移交")
        .unwrap();
    colleague.report_case("移交前写的");
    let administrator = district.office(Role::Administrator);
    let (_, devices) = administrator.get(&format!("people/{}/devices", colleague.person));
    let device = devices[0]["id"].as_str().unwrap();
    let (status, _) = administrator.post(&format!("devices/{device}/revoke"), &json!({}));
    assert_eq!(status, 200);
    let report = colleague.try_sync().unwrap();
    assert_eq!((report.pulled_entries, report.pulled_records), (0, 0));
    assert_eq!(
        waiting_reasons(&district),
        ["device_handed_over", "account_disabled"]
    );
}

#[test]
fn a_phone_that_cannot_sign_in_pushes_for_as_long_as_the_operator_says() {
    let district = District::with_settings(&[
        ("GRIDLOG_SERVER_DEVICE_TOKEN_DAYS", "0"),
        ("GRIDLOG_SERVER_LATE_PUSH_DAYS", "0"),
    ]);
    let (phone, case) = late_phone(&district);
    disable(&district, phone.person.as_str());
    assert_eq!(phone.try_sync().unwrap_err().code(), "sign_in_again");
    let shown = phone.show(case).unwrap().unwrap();
    assert_eq!(shown.row.standing, Standing::OnThisPhone, "nothing is lost");
    assert!(waiting_reasons(&district).is_empty());
}

#[test]
fn what_an_office_dismisses_needs_its_author_and_keeps_the_words() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let administrator = district.office(Role::Administrator);
    let (_, devices) = administrator.get(&format!("people/{}/devices", phone.person));
    let device = devices[0]["id"].as_str().unwrap();
    let case = phone.report_case("移交后的手机");
    assert_eq!(
        administrator
            .post(&format!("devices/{device}/revoke"), &json!({}))
            .0,
        200
    );
    phone.try_sync().unwrap();
    assert_eq!(
        phone.show(case).unwrap().unwrap().row.standing,
        Standing::Review
    );

    let officer = district.office(Role::DutyOfficer);
    let (_, waiting) = officer.get("review");
    assert_eq!(waiting[0]["code"], "device_handed_over");
    let name = waiting[0]["item"].as_str().unwrap();
    let reason = json!({ "reason": "重复" });
    assert_eq!(
        officer.post(&format!("review/{name}/dismiss"), &reason).0,
        200
    );
    assert_eq!(officer.get("review").1, json!([]));
    phone.try_sync().unwrap();
    let shown = phone.show(case).unwrap().unwrap();
    assert_eq!(shown.row.standing, Standing::NeedsYou);
    assert_eq!(shown.needs_you[0].code, "dismissed");
    assert!(shown.view.text("title").contains("移交后的手机"));
    phone.try_sync().unwrap();
    assert_eq!(officer.get("review").1, json!([]), "it was not sent again");
}

#[test]
fn an_area_that_has_ended_takes_no_new_visits_and_a_case_there_goes_to_its_reporters_own_grid() {
    let district = District::new();
    let passer_by = district.phone(GRID_A, 0);
    let ended = district.grid(GRID_B);
    let areas = district.street.areas_csv().unwrap();
    let lines = areas.lines().map(|line| match line.strip_suffix(',') {
        Some(open) if line.starts_with(ended.as_str()) => format!("{open},2021-01-01\n"),
        _ => format!("{line}\n"),
    });
    let administrator = district.office(Role::Administrator);
    let (status, answer) = administrator.post_csv("areas.csv", &lines.collect::<String>());
    assert_eq!(status, 200, "{answer}");

    let case = passer_by
        .report(gridlog_client_core::NewReport {
            title: words("停用网格里的问题"),
            category: "01014".to_owned(),
            area: Some(ended.as_str().into()),
            ..Default::default()
        })
        .unwrap();
    let visit = passer_by
        .visit(gridlog_client_core::NewVisit {
            outcome: "met".to_owned(),
            area: Some(ended.as_str().into()),
            ..Default::default()
        })
        .unwrap();
    for _ in 0..3 {
        passer_by.sync_all();
    }
    let shown = passer_by.show(case).unwrap().unwrap();
    assert_eq!(shown.row.standing, Standing::InLog);
    assert_eq!(shown.row.area, district.grid(GRID_A));
    let visit = passer_by.show(visit).unwrap().unwrap();
    assert_eq!(visit.needs_you[0].code, "unknown_area");
}

#[test]
fn a_disabled_account_pushes_into_review_and_pulls_nothing() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let colleague = district.phone(GRID_A, 1);
    let case = phone.report_case("停用前的案卷");
    let (person, area) = (phone.person.clone(), district.grid(GRID_A));
    let file = format!("{HEADER}{person},停用,,grid_worker,{area},,2020-01-01,,false\n");
    let administrator = district.office(Role::Administrator);
    assert_eq!(administrator.post_csv("people.csv", &file).0, 200);
    colleague.report_case("同事的新案卷");
    colleague.sync_all();

    phone.try_sync().unwrap();
    assert_eq!(
        phone.show(case).unwrap().unwrap().row.standing,
        Standing::Review
    );
    let all = phone.list(&Query::default()).unwrap();
    assert_eq!(all.len(), 1, "nothing new was pulled");
}

#[test]
fn an_office_without_the_role_cannot_look_at_the_log_or_the_review_list() {
    let district = District::new();
    let checker = district.office(Role::Checker);
    for path in ["log", "review", "people"] {
        assert_eq!(checker.get(path).0, 403, "{path}");
    }
    let bad = format!("{HEADER}W9,名,,king,nowhere,,,,\n");
    let (status, answer) = district
        .office(Role::Administrator)
        .post_csv("people.csv", &bad);
    assert_eq!((status, &answer["code"]), (400, &json!("bad_file")));
    assert!(answer["en"].as_str().unwrap().contains("line 2"));
}

#[test]
fn having_written_in_a_record_once_is_no_right_to_write_in_it_after_one_has_moved() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let colleague = district.phone(GRID_A, 1);
    let case = colleague.report_case("同事的案卷");
    colleague.sync_all();
    phone.sync_all();
    phone.comment(case, &words("任职时的说明")).unwrap();
    phone.sync_all();

    let administrator = district.office(Role::Administrator);
    let (from, to) = (district.grid(GRID_A), district.grid(GRID_B));
    move_worker(
        &administrator,
        phone.person.as_str(),
        from.as_str(),
        to.as_str(),
    );
    phone.try_sync().unwrap();
    let shown = phone
        .show(case)
        .unwrap()
        .expect("authors keep sight of their words");
    assert_eq!(shown.view.comments.len(), 1);
    phone.comment(case, &words("调岗后的说明")).unwrap();
    phone.try_sync().unwrap();
    let shown = phone.show(case).unwrap().unwrap();
    assert_eq!(shown.row.standing, Standing::Review, "{:?}", shown.changes);
}

#[test]
fn two_records_that_begin_with_equal_words_are_two_records() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let visit = || {
        phone
            .visit(gridlog_client_core::NewVisit {
                outcome: "nobody_home".to_owned(),
                visited_at_ms: Some(1_790_000_000_000),
                ..Default::default()
            })
            .unwrap()
    };
    phone.clock.freeze(1_790_000_000_000);
    let (first, second) = (visit(), visit());
    phone.clock.thaw();
    phone.sync_all();
    let colleague = district.phone(GRID_A, 1);
    for id in [first, second] {
        assert_eq!(
            phone.show(id).unwrap().unwrap().row.standing,
            Standing::InLog
        );
        assert!(colleague.show(id).unwrap().is_some());
    }
}

#[test]
fn the_review_list_shows_and_takes_decisions_only_from_an_office_of_the_records_own_area() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let visit = phone
        .visit(gridlog_client_core::NewVisit {
            outcome: "met".to_owned(),
            notes: Some(words("移交前的走访")),
            ..Default::default()
        })
        .unwrap();
    let administrator = district.office(Role::Administrator);
    let (_, devices) = administrator.get(&format!("people/{}/devices", phone.person));
    let device = devices[0]["id"].as_str().unwrap();
    assert_eq!(
        administrator
            .post(&format!("devices/{device}/revoke"), &json!({}))
            .0,
        200
    );
    phone.try_sync().unwrap();

    let officer = district.office(Role::DutyOfficer);
    let (_, waiting) = officer.get("review");
    assert_eq!(waiting[0]["record"], visit.to_string());
    let name = waiting[0]["item"].as_str().unwrap();
    assert_eq!(officer.get(&format!("review/{name}")).0, 200);

    // An administrator looks after accounts and sees no records.
    assert_eq!(administrator.get("review").1, json!([]));
    assert_eq!(administrator.get(&format!("review/{name}")).0, 404);
    let reason = json!({ "reason": "越权" });
    for decision in ["admit", "dismiss"] {
        let path = format!("review/{name}/{decision}");
        assert_eq!(administrator.post(&path, &reason).0, 404, "{decision}");
    }
}
