//! Promise: of two contradicting steps one is accepted and the other refused with its reason, and
//! both phones show it. And a case walks its whole way.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gridlog_client_core::ProposalStanding;
use gridlog_domain::record::StepDetails;
use gridlog_domain::reference::Role;
use gridlog_domain::workflow::{Stage, Step};
use gridlog_tests::{District, GRID_A, words};
use serde_json::json;

fn reason(text: &str) -> StepDetails {
    StepDetails {
        reason: Some(words(text)),
        result: Some(words("现场已处理")),
        ..StepDetails::default()
    }
}

#[test]
fn two_phones_that_propose_contradicting_steps_both_show_which_one_was_taken() {
    let district = District::new();
    let first = district.phone(GRID_A, 0);
    let second = district.phone(GRID_A, 1);
    let case = first.note("楼道堆物");
    first.sync_all();
    second.sync_all();

    let handled = first.propose(case, Step::SelfHandle, reason("")).unwrap();
    let reported = second
        .propose(case, Step::Report, StepDetails::default())
        .unwrap();
    assert_eq!(
        first.show(case).unwrap().unwrap().expected_stage,
        Some(Stage::SelfHandled),
        "a pending proposal shows on top of the ruled stage"
    );
    second.sync_all();
    first.sync_all();
    second.sync_all();

    for phone in [&first, &second] {
        let shown = phone.show(case).unwrap().unwrap();
        assert_eq!(shown.row.stage, Some(Stage::Reported));
        let standing = |id| {
            shown
                .proposals
                .iter()
                .find(|p| p.id == id)
                .map(|p| p.standing.clone())
                .unwrap()
        };
        assert_eq!(standing(reported), ProposalStanding::Accepted);
        let ProposalStanding::Refused { code, zh, .. } = standing(handled) else {
            panic!("the second step was not refused: {:?}", standing(handled));
        };
        assert_eq!(code, "wrong_stage");
        assert!(!zh.is_empty());
    }
}

#[test]
fn a_case_walks_from_the_street_to_its_closure_with_one_rework() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let case = phone.report_case("路灯不亮");
    phone.sync_all();

    let category = json!({ "category": "01037", "condition": "单盏不亮" });
    let department = json!({ "department": "城管" });
    let result = json!({ "result": words("已更换灯泡") });
    let why = json!({ "reason": words("仍不亮") });
    let acceptor = district.office(Role::Acceptor);
    let handler = district.handler("城管");
    let checker = district.office(Role::Checker);

    assert_eq!(
        handler.get(&format!("records/{case}")).0,
        404,
        "not dispatched yet"
    );
    let accepted = |answer: (u16, serde_json::Value)| {
        assert_eq!(
            (answer.0, &answer.1["accepted"]),
            (200, &json!(true)),
            "{}",
            answer.1
        );
    };
    let too_early = checker.step(case, "check_pass", json!({}));
    assert_eq!(
        too_early.1["refused"],
        json!("wrong_stage"),
        "{}",
        too_early.1
    );
    accepted(acceptor.step(case, "register", category));
    accepted(
        district
            .office(Role::Dispatcher)
            .step(case, "dispatch", department),
    );
    let (status, shown) = handler.get(&format!("records/{case}"));
    assert_eq!(status, 200);
    let steps = [
        "forward",
        "return",
        "feedback",
        "ask_extension",
        "ask_suspension",
        "begin_mediation",
    ];
    assert_eq!(shown["next_steps"], json!(steps));
    accepted(handler.step(case, "feedback", result.clone()));
    accepted(checker.step(case, "check_fail", why));
    accepted(handler.step(case, "feedback", result));
    accepted(checker.step(case, "check_pass", json!({})));
    accepted(
        district
            .office(Role::DutyOfficer)
            .step(case, "close", json!({})),
    );

    phone.sync_all();
    let shown = phone.show(case).unwrap().unwrap();
    assert_eq!(shown.row.stage, Some(Stage::Closed));
    assert_eq!(shown.state.unwrap().reworks, 1);
    assert!(phone.verify_record(case).unwrap().view_fits);
}

#[test]
fn a_worker_takes_a_report_back_and_reports_it_again() {
    let district = District::new();
    let phone = district.phone(GRID_A, 0);
    let case = phone.report_case("误报");
    phone.sync_all();
    let report = phone.show(case).unwrap().unwrap().proposals[0].id;
    phone.withdraw(case, report).unwrap();
    phone.sync_all();
    assert_eq!(
        phone.show(case).unwrap().unwrap().row.stage,
        Some(Stage::Withdrawn)
    );
    phone
        .propose(case, Step::Report, StepDetails::default())
        .unwrap();
    phone.sync_all();
    assert_eq!(
        phone.show(case).unwrap().unwrap().row.stage,
        Some(Stage::Reported)
    );
}
