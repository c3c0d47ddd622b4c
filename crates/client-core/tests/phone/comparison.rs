//! Phone and server compare what they have.

use gridlog_client_core::*;
use gridlog_domain::id::RecordId;

use crate::colleague::*;
use crate::fixture::*;

/// A phone with that many cases of a colleague.
fn with_cases(count: usize) -> (Fixture, Vec<RecordId>) {
    let f = Fixture::new();
    let ids = (0..count)
        .map(|number| {
            f.server
                .colleague_writes(new_case(&format!("案件{number}")), vec![])
        })
        .collect();
    f.sync();
    (f, ids)
}

fn behind_its_back(f: &Fixture, sql: &str, id: RecordId) {
    let raw = raw(&path(&f.folder));
    assert!(raw.execute(sql, [id.as_bytes()]).unwrap() > 0);
}

#[test]
fn a_phone_and_a_server_that_agree_differ_in_nothing() {
    let (f, _) = with_cases(50);
    f.phone.report(report("我的")).unwrap();
    let verified = f.verify();
    assert_eq!(verified.differing, Some(0));
    assert!(verified.complete);
    assert_eq!(
        f.sync().differing,
        None,
        "a plain sync compares only prints"
    );
}

#[test]
fn unsent_words_are_no_difference() {
    let (f, ids) = with_cases(3);
    f.phone.comment(ids[0], "还没发出去").unwrap();
    f.phone.report(report("还没发出去")).unwrap();
    f.server.rest();
    let verified = f.verify();
    assert_eq!(verified.differing, Some(0));
    f.server.work();
    assert_eq!(f.verify().differing, Some(0));
    f.assert_agrees();
}

#[test]
fn a_phone_that_lost_a_row_is_mended_by_the_next_sync_that_brings_anything() {
    let (f, ids) = with_cases(30);
    behind_its_back(&f, "DELETE FROM records WHERE id = ?1", ids[7]);
    behind_its_back(&f, "DELETE FROM changes WHERE record = ?1", ids[7]);
    behind_its_back(
        &f,
        "UPDATE records SET print = zeroblob(16) WHERE id = ?1",
        ids[9],
    );
    f.server.colleague_writes(new_case("新来的"), vec![]);
    f.server.line().pages.clear();
    let report = f.sync();
    assert_eq!(report.differing, Some(2));
    assert!(report.complete);
    let brought: Vec<_> = (f.server.line().pages.iter())
        .flat_map(|page| page.body.records.clone())
        .collect();
    assert_eq!(brought.len(), 3, "only what is new and what differs");
    assert!(brought.iter().all(|delta| delta.whole));
    f.assert_agrees();
    assert_eq!(f.sync().differing, None);
    assert_eq!(f.verify().differing, Some(0));
}

#[test]
fn changes_that_went_missing_behind_everybodys_back_are_found_by_a_verification() {
    let (f, ids) = with_cases(10);
    f.server.colleague_edits(ids[2], &[comment("一句")]);
    let mine = f.phone.report(report("我的")).unwrap();
    f.sync();
    for id in [ids[1], mine] {
        behind_its_back(&f, "DELETE FROM changes WHERE record = ?1", id);
    }
    let last = "DELETE FROM changes WHERE record = ?1
        AND position = (SELECT max(position) FROM changes WHERE record = ?1)";
    behind_its_back(&f, last, ids[2]);
    assert_eq!(f.sync().differing, None, "nothing shows from outside");
    assert!(!f.phone.verify_record(ids[1]).unwrap().view_fits);
    assert_eq!(f.verify().differing, Some(3));
    f.assert_agrees();
    assert!(f.status().all_in_log());
    assert_eq!(f.verify().differing, Some(0));
}

#[test]
fn what_changes_during_a_comparison_is_no_difference() {
    let (f, ids) = with_cases(10);
    let mut session = f.phone.begin_verification().unwrap();
    let body = session.next_request().unwrap().unwrap();
    session.accept(f.carry(&session, &body)).unwrap();
    // The comparison begins with what the phone has now.
    let body = session.next_request().unwrap().unwrap();
    f.server.colleague_edits(ids[3], &[titled("比对途中改的")]);
    f.server.colleague_writes(new_case("比对途中写的"), vec![]);
    session.accept(f.carry(&session, &body)).unwrap();
    f.finish(&mut session);
    assert_eq!(session.report().differing, Some(0));
    drop(session);
    f.sync();
    f.assert_agrees();
}

#[test]
fn a_comparison_of_many_differences_takes_as_many_messages_as_it_needs() {
    let (f, ids) = with_cases(400);
    let raw = raw(&path(&f.folder));
    raw.execute_batch(
        "DELETE FROM changes; DELETE FROM search; DELETE FROM records WHERE row % 3 <> 0;",
    )
    .unwrap();
    drop(raw);
    let report = f.verify();
    assert_eq!(report.differing, Some(400));
    assert!(report.complete);
    assert_eq!(f.rows().len(), ids.len());
    f.assert_agrees();
    assert_eq!(f.phone.search("案件", 500).unwrap().len(), 400);
}

#[test]
fn a_verification_that_is_cut_mends_at_the_next() {
    let (f, ids) = with_cases(20);
    for id in &ids[..5] {
        behind_its_back(&f, "DELETE FROM changes WHERE record = ?1", *id);
    }
    for rounds in 0..4 {
        let options = SyncOptions {
            max_rounds: rounds,
            ..SyncOptions::default()
        };
        f.phone.verify(&f.server, options).unwrap();
        f.server.line().lose_answers = 1;
        let _ = f.phone.verify(&f.server, SyncOptions::default());
        f.server.line().lose_answers = 0;
    }
    assert!(f.verify().complete);
    f.assert_agrees();
}
