//! What is recorded is there, at once and after a restart.

use gridlog_client_core::*;
use gridlog_domain::record::{Finding, Kind, PhotoRole, StepDetails, Value};
use gridlog_domain::workflow::{Stage, Step};

use crate::attaching::photo;
use crate::clock::*;
use crate::district::GRID;
use crate::fixture::*;

#[test]
fn a_report_is_a_case_and_its_proposal_in_one_change() {
    let f = Fixture::new();
    let id = f.phone.report(report("井盖缺失")).unwrap();
    let detail = f.detail(id);
    assert_eq!(detail.row.headline, "井盖缺失");
    assert_eq!(detail.row.area.as_str(), GRID);
    assert_eq!(detail.row.standing, Standing::OnThisPhone);
    assert_eq!(detail.row.stage, Some(Stage::Unreported));
    assert_eq!(detail.expected_stage, Some(Stage::Reported));
    assert!(detail.row.awaits_ruling() && detail.row.mine);
    assert_eq!(detail.changes.len(), 1);
    assert_eq!(detail.proposals.len(), 1);
    assert_eq!(detail.proposals[0].standing, ProposalStanding::Pending);
    assert_eq!(detail.proposals[0].proposal.by.as_str(), "W001");
}

#[test]
fn what_was_recorded_survives_closing_the_app() {
    let f = Fixture::new();
    let id = f.phone.report(report("井盖缺失")).unwrap();
    f.phone.comment(id, "已联系社区").unwrap();
    let again = f.reopen(2);
    let detail = again.show(id).unwrap().unwrap();
    assert_eq!(detail.view.comments.len(), 1);
    assert_eq!(again.status().unwrap().on_this_phone, 2);
    assert_eq!(again.search("联系", 10).unwrap().len(), 1);
}

#[test]
fn a_patrol_goes_from_start_to_finish() {
    let f = Fixture::new();
    f.sync();
    let id = f.phone.start_patrol(None, Some("东片")).unwrap();
    let item = f
        .phone
        .inspect(id, "路面是否完好", Finding::Problem, "有坑")
        .unwrap();
    f.phone
        .check(id, Some(item), "路面是否完好", Finding::Ok, "已修")
        .unwrap();
    f.phone.finish_patrol(id, Some("一切正常")).unwrap();
    f.phone.finish_patrol(id, Some("补记一句")).unwrap();
    let view = f.detail(id).view;
    assert_eq!(view.checks.len(), 1);
    assert_eq!(view.checks[&item].note, "已修");
    assert_eq!(view.text("notes"), "一切正常\n补记一句");
    assert_eq!(view.text("template"), "patrol-three-arrivals");
    assert!(view.fields.contains_key("finished_at"));
    assert_eq!(view.references["catalogue"], 1);
}

#[test]
fn a_visit_where_nobody_was_home_is_a_visit() {
    let f = Fixture::new();
    let visit = NewVisit {
        outcome: "nobody_home".to_owned(),
        household: Some("3栋2单元501".to_owned()),
        ..NewVisit::default()
    };
    let id = f.phone.visit(visit).unwrap();
    assert_eq!(f.detail(id).row.kind, Kind::Visit);
    assert_eq!(f.detail(id).row.stage, None);
}

#[test]
fn a_noted_case_is_not_reported_until_somebody_asks() {
    let f = Fixture::new();
    let id = f.phone.note_case(report("乱堆杂物")).unwrap();
    assert_eq!(f.detail(id).expected_stage, Some(Stage::Unreported));
    let details = StepDetails {
        result: Some("已劝离".to_owned()),
        ..StepDetails::default()
    };
    f.phone.propose(id, Step::SelfHandle, details).unwrap();
    assert_eq!(f.detail(id).expected_stage, Some(Stage::SelfHandled));
    assert_eq!(f.detail(id).row.stage, Some(Stage::Unreported));
}

#[test]
fn edits_comments_and_photos_are_one_change_each() {
    let f = Fixture::new();
    let id = f.phone.report(report("井盖缺失")).unwrap();
    let title = Value::Text("井盖破损".to_owned());
    f.phone.edit(id, &[("title", title.clone())]).unwrap();
    f.phone.edit(id, &[("title", title)]).unwrap();
    f.phone
        .edit_prose(
            id,
            "description",
            Some("井盖缺失，已放警示桩。"),
            "井盖缺失，已放两个警示桩。",
        )
        .unwrap();
    let photo = photo(&f, "near.jpg", 1);
    f.phone.attach(id, &photo, PhotoRole::Near).unwrap();
    let detail = f.detail(id);
    assert_eq!(detail.row.headline, "井盖破损");
    assert_eq!(
        detail.view.text("description"),
        "井盖缺失，已放两个警示桩。"
    );
    assert_eq!(detail.view.photos.len(), 1);
    assert_eq!(
        detail.changes.len(),
        4,
        "an edit to what stands is no change"
    );
}

#[test]
fn a_call_that_fails_leaves_nothing() {
    let f = Fixture::new();
    let untitled = f.phone.report(report("")).unwrap_err();
    assert_eq!(untitled.code(), "wrong_value");
    assert!(f.phone.list(&Query::default()).unwrap().is_empty());
    let id = f.phone.report(report("井盖缺失")).unwrap();
    assert_eq!(f.phone.comment(id, " ").unwrap_err().code(), "entry_empty");
    let long = "长".repeat(30_000);
    let too_long = f
        .phone
        .edit_prose(id, "description", None, &long)
        .unwrap_err();
    assert_eq!(too_long.code(), "wrong_value");
    assert_eq!(f.phone.status().unwrap().recorded, 1);
    assert_eq!(f.detail(id).changes.len(), 1);
    let unknown = f.phone.comment(stranger(), "x").unwrap_err();
    assert_eq!(unknown.code(), "unknown_record");
}

#[test]
fn more_than_a_change_may_hold_is_refused_before_it_is_recorded() {
    let f = Fixture::new();
    let id = f.phone.report(report("井盖缺失")).unwrap();
    let long = "长".repeat(15_000);
    // Fifteen thousand letters in, and as many out, are more operations than a change may have.
    f.phone.edit_prose(id, "description", None, &long).unwrap();
    let other = "短".repeat(15_000);
    let error = f
        .phone
        .edit_prose(id, "description", None, &other)
        .unwrap_err();
    assert_eq!(error.code(), "too_many_ops");
    assert_eq!(f.detail(id).view.text("description"), long);
    assert!(f.phone.verify_record(id).unwrap().view_fits);
}

#[test]
fn a_deleted_record_leaves_the_lists_but_not_the_phone() {
    let f = Fixture::new();
    let id = f.phone.report(report("井盖缺失")).unwrap();
    f.phone.delete(id).unwrap();
    assert!(f.phone.list(&Query::default()).unwrap().is_empty());
    assert!(f.detail(id).row.deleted);
    assert_eq!(f.phone.comment(id, "x").unwrap_err().code(), "deleted");
}

#[test]
fn nobody_records_before_enrolling_and_nobody_else_enrols_later() {
    let folder = tempfile::tempdir().unwrap();
    let f = Fixture::new();
    let phone = Phone::open(options(&folder, &f.clock, 3)).unwrap();
    assert!(phone.identity().unwrap().is_none());
    assert_eq!(
        phone.report(report("x")).unwrap_err().code(),
        "not_enrolled"
    );
    let wrong = phone
        .enrol(&f.server, &"W001".into(), "guess", "x")
        .unwrap_err();
    assert_eq!(wrong.code(), "wrong_password");
    let identity = f.phone.identity().unwrap().unwrap();
    assert_eq!(identity.person.name, "李华");
    let other = f
        .phone
        .enrol(&f.server, &"W002".into(), "secret", "x")
        .unwrap_err();
    assert_eq!(other.code(), "other_person");
}

#[test]
fn acts_carry_the_offset_of_the_last_sync_until_the_clock_is_set_back() {
    let f = Fixture::new();
    let before = f.phone.report(report("一")).unwrap();
    f.sync();
    let after = f.phone.report(report("二")).unwrap();
    f.clock.set_by(-HOUR_MS);
    let set_back = f.phone.report(report("三")).unwrap();
    let offset = |id| f.detail(id).proposals[0].proposal.offset_ms;
    assert_eq!(offset(before), None);
    assert_eq!(offset(after), Some(OFFSET));
    assert_eq!(offset(set_back), None);
    assert_eq!(f.phone.status().unwrap().clock_offset_ms, None);
    f.sync();
    let measured = f.phone.status().unwrap().clock_offset_ms;
    assert_eq!(measured, Some(OFFSET + HOUR_MS));
}

#[test]
fn a_proposal_says_how_much_of_the_log_its_author_had_seen() {
    let f = Fixture::new();
    f.phone.report(report("一")).unwrap();
    f.sync();
    let id = f.phone.report(report("二")).unwrap();
    let seen = f.detail(id).proposals[0].proposal.seen;
    let last = f.server.entries().len() as u64;
    assert_eq!((seen.epoch, seen.seq), (1, last));
}
