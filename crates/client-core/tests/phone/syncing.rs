//! Push and pull on a good line.

use gridlog_client_core::*;
use gridlog_domain::record::Value;
use gridlog_domain::workflow::Stage;
use gridlog_protocol::ViewNews;

use crate::clock::NOW;
use crate::colleague::*;
use crate::fixture::*;

#[test]
fn what_was_recorded_offline_is_in_the_log_after_a_sync() {
    let f = Fixture::synced();
    let id = f.phone.report(report("井盖缺失")).unwrap();
    let visit = NewVisit {
        outcome: "met".to_owned(),
        ..NewVisit::default()
    };
    f.phone.visit(visit).unwrap();
    let report = f.sync();
    assert!(report.complete);
    assert_eq!((report.pushed, report.admitted), (2, 2));
    let status = f.status();
    assert_eq!(
        (status.recorded, status.admitted, status.on_this_phone),
        (2, 2, 0)
    );
    assert_eq!(status.last_sync_ms, Some(NOW));
    let detail = f.detail(id);
    assert_eq!(detail.row.standing, Standing::InLog);
    assert_eq!(detail.row.stage, Some(Stage::Reported));
    assert!(!detail.row.awaits_ruling());
    assert_eq!(detail.proposals[0].standing, ProposalStanding::Accepted);
    let what: Vec<&str> = detail
        .history
        .iter()
        .map(|line| line.what.as_str())
        .collect();
    assert_eq!(what, ["admit", "assignment", "ruling"]);
    f.assert_agrees();
}

#[test]
fn what_was_recorded_before_the_first_sync_is_in_the_log_after_it() {
    let f = Fixture::new();
    let id = f.phone.report(report("井盖缺失")).unwrap();
    let report = f.sync();
    assert!(report.complete);
    assert_eq!((report.pushed, report.admitted), (1, 1));
    let detail = f.detail(id);
    assert_eq!(detail.row.standing, Standing::InLog);
    assert_eq!(detail.row.stage, Some(Stage::Reported));
    assert_eq!(detail.proposals[0].standing, ProposalStanding::Accepted);
    f.assert_agrees();
}

#[test]
fn own_changes_are_not_sent_back_and_yet_everything_is_known_of_them() {
    let f = Fixture::synced();
    let id = f.phone.report(report("井盖缺失")).unwrap();
    f.sync();
    let title = Value::Text("井盖破损".to_owned());
    f.phone.edit(id, &[("title", title)]).unwrap();
    f.phone.comment(id, "已联系社区").unwrap();
    f.sync();
    for page in &f.server.line().pages {
        for delta in &page.body.records {
            assert!(delta.changes.is_empty() && !delta.whole);
            assert_eq!(delta.view, ViewNews::Same);
        }
    }
    let brought: usize = (f.server.line().pages.iter())
        .map(|page| page.body.records.len())
        .sum();
    assert_eq!(brought, 2, "one piece of news for each sync");
    assert_eq!(f.detail(id).row.standing, Standing::InLog);
    f.assert_agrees();
    assert_eq!(f.verify().differing, Some(0));
}

#[test]
fn an_idle_sync_is_one_small_round_trip_and_opens_no_document() {
    let f = Fixture::new();
    f.phone.report(report("井盖缺失")).unwrap();
    f.sync();
    let opened = f.phone.documents_opened();
    let idle = f.sync();
    assert_eq!((idle.rounds, idle.pushed, idle.pulled_entries), (1, 0, 0));
    assert!(idle.bytes_up + idle.bytes_down < 400, "{idle:?}");
    assert_eq!(f.phone.documents_opened(), opened);
}

#[test]
fn pulling_listing_and_searching_open_no_document() {
    for f in [Fixture::new(), Fixture::synced()] {
        for number in 0..20 {
            f.server
                .colleague_writes(new_case(&format!("路灯{number}不亮")), vec![]);
        }
        let report = f.sync();
        assert_eq!(report.pulled_records, 20);
        assert_eq!(f.rows().len(), 20);
        let found = f.phone.search("灯1", 50).unwrap();
        assert_eq!(found.len(), 11);
        f.phone.show(found[0].id).unwrap().unwrap();
        f.phone.tasks().unwrap();
        assert_eq!(f.phone.documents_opened(), 0);
        f.phone.comment(found[0].id, "我去看看").unwrap();
        assert_eq!(f.phone.documents_opened(), 1);
    }
}

#[test]
fn a_long_pull_comes_in_pages() {
    let f = Fixture::synced();
    f.server.colleague_fills_pages(20);
    let report = f.sync();
    assert!(report.rounds > 2, "{report:?}");
    let entries = f.server.entries().len() as u64;
    assert_eq!(report.pulled_entries, entries);
    assert_eq!(report.pulled_records, 20);
    assert_eq!(f.status().seq, entries);
    f.assert_agrees();
}

#[test]
fn many_changes_go_up_in_bounded_requests() {
    let f = Fixture::new();
    let id = f.phone.report(report("一")).unwrap();
    for number in 0..520 {
        f.phone.comment(id, &format!("第{number}句")).unwrap();
    }
    let report = f.sync();
    assert_eq!((report.pushed, report.admitted), (521, 521));
    let most = (f.server.line().requests.iter())
        .map(|request| request.push.len())
        .max();
    assert_eq!(most, Some(512));
    assert!(f.status().all_in_log());
}

#[test]
fn own_unsent_words_stay_on_top_of_what_colleagues_wrote() {
    let f = Fixture::new();
    let id = f.server.colleague_writes(new_case("路灯不亮"), vec![]);
    f.sync();
    f.phone
        .edit(id, &[("title", Value::Text("路灯全不亮".to_owned()))])
        .unwrap();
    f.server.colleague_edits(id, &[titled("路灯闪烁")]);
    // A server that received but did not admit: the page lacks the own change.
    f.server.rest();
    f.sync();
    let detail = f.detail(id);
    assert_eq!(detail.row.standing, Standing::Received);
    assert_eq!(detail.view.conflicts.len(), 1);
    let mut seen = vec![detail.row.headline.clone()];
    seen.extend(
        detail.view.conflicts[0]
            .lost
            .iter()
            .filter_map(|lost| Some(lost.value.as_text()?.to_owned())),
    );
    seen.sort();
    assert_eq!(seen, ["路灯全不亮", "路灯闪烁"]);
    assert!(f.phone.verify_record(id).unwrap().view_fits);
    f.server.work();
    f.sync();
    let detail = f.detail(id);
    let ops: Vec<_> = detail.view.conflicts[0].all_ops();
    assert_eq!(f.phone.tasks().unwrap().len(), 1);
    f.phone
        .resolve(id, "title", Value::Text("路灯不亮，闪烁".to_owned()), &ops)
        .unwrap();
    f.sync();
    assert!(f.detail(id).view.conflicts.is_empty());
    assert_eq!(f.detail(id).row.standing, Standing::InLog);
    f.assert_agrees();
}

#[test]
fn a_proposal_that_the_log_refused_says_why() {
    use gridlog_domain::record::StepDetails;
    use gridlog_domain::workflow::Step;
    let f = Fixture::new();
    let id = f.phone.report(report("一")).unwrap();
    f.sync();
    f.clock.advance(1_000);
    f.phone
        .propose(id, Step::Close, StepDetails::default())
        .unwrap();
    f.sync();
    let detail = f.detail(id);
    let refused = detail
        .proposals
        .iter()
        .find(|status| status.proposal.step == Step::Close);
    match &refused.unwrap().standing {
        ProposalStanding::Refused { code, zh, .. } => {
            assert_eq!(code, "wrong_stage");
            assert!(!zh.is_empty());
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(detail.row.stage, Some(Stage::Reported));
    assert_eq!(detail.expected_stage, Some(Stage::Reported));
    assert_eq!(
        detail.proposals[0].proposal.step,
        Step::Report,
        "oldest first"
    );
    f.phone.withdraw(id, detail.proposals[0].id).unwrap();
    assert_eq!(f.detail(id).expected_stage, Some(Stage::Withdrawn));
}
