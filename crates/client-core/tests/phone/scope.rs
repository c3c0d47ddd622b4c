//! What the person may see changes; the log may be another one.

use gridlog_client_core::*;
use gridlog_protocol::{Key, Verdict};

use crate::support::*;

#[test]
fn a_new_profile_starts_the_pull_again_and_purges_what_is_not_named_any_more() {
    let f = Fixture::new();
    let stays = f.server.colleague_writes(new_case("留下的"), vec![]);
    let goes = f.server.colleague_writes(new_case("离开的"), vec![]);
    let mine = f.phone.report(report("我的")).unwrap();
    f.sync();
    f.server.state().hidden.insert(goes);
    f.server.state().profile.0 = u64::MAX;
    f.server.state().page_size = 1;
    let report = f.sync();
    assert!(report.complete);
    assert_eq!(report.purged, 1);
    assert!(f.phone.show(goes).unwrap().is_none());
    assert!(f.phone.search("离开", 10).unwrap().is_empty());
    assert!(f.phone.show(stays).unwrap().is_some());
    assert!(f.phone.show(mine).unwrap().is_some());
    assert_eq!(f.sync().rounds, 1);
}

#[test]
fn a_record_out_of_scope_stays_until_own_words_in_it_are_decided() {
    let f = Fixture::new();
    let goes = f.server.colleague_writes(new_case("离开的"), vec![]);
    f.sync();
    f.phone.comment(goes, "还没发出去的话").unwrap();
    f.server.state().judge = Some(Box::new(|_| Some(Verdict::Received)));
    f.server.state().hidden.insert(goes);
    f.server.state().profile.0 = 2;
    f.sync();
    assert_eq!(f.detail(goes).view.comments.len(), 1);
    f.server.state().judge = None;
    f.sync();
    f.sync();
    assert!(f.phone.show(goes).unwrap().is_none());
    assert_eq!(f.server.view(goes).unwrap().comments.len(), 1);
}

/// What a device gets that may push but not pull: its own cursor, and nothing else.
fn push_only(page: &mut gridlog_protocol::Page) {
    page.entries.clear();
    page.records.clear();
    page.cursor.seq = 0;
    page.more = false;
}

#[test]
fn a_device_that_may_not_pull_any_more_purges_nothing_by_that() {
    let f = Fixture::new();
    let theirs = f.server.colleague_writes(new_case("别人的"), vec![]);
    f.sync();
    f.server.state().profile.0 = 2;
    let mut session = f.phone.begin_sync().unwrap();
    let mut exchange = || {
        let body = session.next_request().unwrap().unwrap();
        let answer = f.server.post(SYNC_PATH, Some("token"), "", &body).unwrap();
        session.accept(answer).unwrap();
    };
    exchange();
    f.server.state().tamper = Some(Box::new(push_only));
    exchange();
    assert!(f.phone.show(theirs).unwrap().is_some());
}

#[test]
fn a_log_that_shrank_is_not_believed() {
    let f = Fixture::new();
    f.server.colleague_writes(new_case("别人的"), vec![]);
    f.sync();
    f.server.state().tamper = Some(Box::new(push_only));
    let error = f.phone.sync(&f.server, SyncOptions::default());
    assert_eq!(error.unwrap_err().code(), "bad_page");
}

#[test]
fn what_is_gone_is_purged() {
    let f = Fixture::new();
    let goes = f.server.colleague_writes(new_case("涂销的"), vec![]);
    f.sync();
    f.server.state().gone.push(Key(*goes.as_bytes()));
    assert_eq!(f.sync().purged, 1);
    assert!(f.phone.show(goes).unwrap().is_none());
    f.server.state().gone.clear();
    f.server.state().profile.0 = 2;
    f.sync();
    assert!(
        f.phone.show(goes).unwrap().is_some(),
        "seen again, it comes back whole"
    );
}

#[test]
fn after_a_restore_of_the_server_the_phone_gives_back_its_own_words_and_purges_nothing() {
    let f = Fixture::new();
    let theirs = f.server.colleague_writes(new_case("别人的"), vec![]);
    let mine = f.phone.report(report("我的")).unwrap();
    f.sync();
    f.phone.comment(mine, "又一句").unwrap();
    f.sync();
    assert_eq!(f.phone.status().unwrap().admitted, 2);
    f.server.state().lose_everything();
    let report = f.sync();
    assert!(report.complete);
    assert!(f.phone.show(theirs).unwrap().is_some());
    let detail = f.detail(mine);
    assert_eq!(detail.row.standing, Standing::InLog);
    assert_eq!(detail.view.comments.len(), 1);
    assert_eq!(f.server.view(mine).unwrap(), detail.view);
    assert_eq!(f.phone.status().unwrap().epoch, 2);
}

#[test]
fn a_proposal_that_the_log_refused_says_why() {
    use gridlog_domain::record::StepDetails;
    use gridlog_domain::workflow::{Stage, Step};
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
