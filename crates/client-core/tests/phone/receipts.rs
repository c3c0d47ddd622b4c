//! When a phone may say that everything is in the log.

use gridlog_client_core::*;
use gridlog_domain::id::RecordId;
use gridlog_domain::record::StepDetails;
use gridlog_domain::workflow::Step;
use gridlog_sync_server::store::Store;

use crate::clock::*;
use crate::colleague::*;
use crate::district::*;
use crate::fixture::*;
use crate::server::{Backup, PASSWORD};

fn titles(rows: &[RecordRow]) -> Vec<&str> {
    rows.iter().map(|row| row.headline.as_str()).collect()
}

#[test]
fn a_phone_says_that_all_is_in_the_log_only_by_the_servers_signed_word() {
    let f = Fixture::new();
    assert_eq!(f.status().confirmed, None);
    assert!(!f.status().all_in_log());
    f.phone.report(report("一")).unwrap();
    f.sync();
    let confirmed = f.status().confirmed.unwrap();
    assert_eq!((confirmed.records, confirmed.changes), (1, 1));
    assert_eq!(confirmed.epoch, 1);
    assert_eq!(confirmed.seq, f.server.entries().len() as u64);
    assert_eq!(confirmed.at_ms, f.server.now_ms());
    assert!(f.status().all_in_log());
    assert!(f.phone.not_in_log().unwrap().is_empty());

    // What colleagues write is none of this phone's business.
    f.server.colleague_writes(new_case("同事的"), vec![]);
    f.sync();
    assert_eq!(f.status().confirmed.unwrap().changes, 1);
    assert!(f.status().all_in_log());

    let id = f.phone.report(report("二")).unwrap();
    assert!(!f.status().all_in_log(), "it is not sent yet");
    assert_eq!(f.phone.not_in_log().unwrap()[0].id, id);
    f.server.line().lose_answers = 1;
    f.try_sync().unwrap_err();
    assert!(!f.status().all_in_log(), "no answer, no receipt");
    f.sync();
    assert!(f.status().all_in_log());
    assert_eq!(f.status().confirmed.unwrap().records, 2);
}

#[test]
fn what_is_received_reviewed_or_refused_is_not_in_the_log_and_is_named() {
    let f = Fixture::synced();
    f.phone.report(report("在卷")).unwrap();
    f.sync();
    f.clock.advance(1_000);
    f.phone.report(report("待复核")).unwrap();
    f.clock.advance(1_000);
    f.server
        .appoint(without(worker(&[GRID]), GRID, f.server.now_ms()));
    f.sync();
    f.server.appoint(worker(&[GRID]));
    f.sync();
    f.clock.advance(1_000);
    f.phone.report(report("被退回")).unwrap();
    f.server
        .line()
        .refuse("bad_value", |item| contains(&item.change.0, "被退回"));
    f.sync();
    f.server.rest();
    f.clock.advance(1_000);
    f.phone.report(report("已收到")).unwrap();
    f.sync();
    f.clock.advance(1_000);
    f.phone.report(report("在本机")).unwrap();
    let status = f.status();
    assert_eq!(
        (
            status.admitted,
            status.review,
            status.needs_you,
            status.received,
            status.on_this_phone
        ),
        (1, 1, 1, 1, 1)
    );
    assert!(!status.all_in_log());
    assert_eq!(status.confirmed.unwrap().changes, 1);
    let rows = f.phone.not_in_log().unwrap();
    assert_eq!(titles(&rows), ["在本机", "已收到", "被退回", "待复核"]);
}

#[test]
fn a_receipt_that_names_other_changes_than_the_phone_knows_confirms_nothing() {
    let f = Fixture::synced();
    f.phone.report(report("一")).unwrap();
    f.server.line().tamper_with(|page| {
        if let Some(receipt) = &mut page.statement.receipt {
            receipt.changes.names.0[0] ^= 1;
        }
    });
    f.sync();
    assert_eq!(f.server.admitted(), 1);
    assert_eq!(f.status().confirmed, None);
    assert!(!f.status().all_in_log());
    f.server.line().tamper = None;
    f.sync();
    assert!(f.status().all_in_log());
}

#[test]
fn two_phones_of_one_person_have_receipts_of_their_own() {
    let f = Fixture::synced();
    let other = f.another("W001", 2);
    f.phone.report(report("一")).unwrap();
    f.sync();
    other.phone.report(report("二")).unwrap();
    other.phone.report(report("三")).unwrap();
    other.sync();
    f.sync();
    assert_eq!(f.status().confirmed.unwrap().changes, 1);
    assert_eq!(other.status().confirmed.unwrap().changes, 2);
    assert!(f.status().all_in_log() && other.status().all_in_log());
}

#[test]
fn after_a_restore_a_receipt_counts_no_more_until_it_is_confirmed_again() {
    let f = Fixture::synced();
    f.phone.report(report("备份前")).unwrap();
    f.sync();
    let backup = f.server.copy();
    f.clock.advance(DAY_MS);
    let lost = f.phone.report(report("备份后")).unwrap();
    f.sync();
    assert!(f.status().all_in_log());
    f.server.restore(&backup);
    f.sync_rounds(1);
    assert_eq!(f.status().epoch, 2);
    assert_eq!(f.status().confirmed, None);
    assert!(!f.status().all_in_log());
    assert_eq!(f.phone.not_in_log().unwrap()[0].id, lost);
    f.sync();
    let confirmed = f.status().confirmed.unwrap();
    assert_eq!((confirmed.epoch, confirmed.changes), (2, 2));
    assert!(f.status().all_in_log());
    f.assert_agrees();
}

#[test]
fn a_restore_that_lost_nothing_confirms_at_once() {
    let f = Fixture::synced();
    f.phone.report(report("备份前")).unwrap();
    f.sync();
    let backup = f.server.copy();
    f.server.restore(&backup);
    let report = f.sync();
    assert_eq!((report.rounds, report.returned), (1, 0));
    assert_eq!(f.status().confirmed.unwrap().epoch, 2);
    assert!(f.status().all_in_log());
}

#[test]
fn a_phone_that_became_a_new_device_says_again_that_all_is_in_the_log() {
    let f = Fixture::synced();
    f.phone.report(report("旧设备写的")).unwrap();
    f.sync();
    let waiting = f.phone.report(report("还没发出去")).unwrap();
    let device = f.phone.identity().unwrap().unwrap().device;
    let now = f.server.now_ms();
    f.server.store().revoke_device(device, now).unwrap();
    f.phone.sign_in(&f.server, PASSWORD).unwrap();
    f.sync();
    assert_eq!(f.detail(waiting).row.standing, Standing::InLog);
    let status = f.status();
    assert_eq!(
        status.recorded, 1,
        "what the old device has in the log is its own business"
    );
    assert!(status.all_in_log(), "{status:?}");
    f.phone.report(report("新设备写的")).unwrap();
    assert!(!f.status().all_in_log());
    f.sync();
    assert!(f.status().all_in_log());
    f.assert_agrees();
}

#[test]
fn what_a_phone_knew_to_be_in_the_log_by_a_verdict_alone_is_sent_again_after_a_restore() {
    let f = Fixture::new();
    let backup = f.server.copy();
    let id = f.phone.report(report("只有回执")).unwrap();
    // The first page of a new phone tells of nothing but what was sent.
    f.sync_rounds(1);
    assert_eq!(f.status().admitted, 1);
    f.server.restore(&backup);
    f.sync();
    f.sync();
    assert!(f.server.view(id).is_some());
    assert!(f.status().all_in_log(), "{:?}", f.status());
    f.assert_agrees();
}

/// A phone whose own case was archived and has left it, a backup of the server from before that case
/// and one from after all that.
fn archived_between_two_backups() -> (Fixture, RecordId, [Backup; 2]) {
    let f = Fixture::synced();
    let early = f.server.copy();
    let id = f.phone.note_case(report("自行处置的")).unwrap();
    let handled = StepDetails {
        result: Some("已劝离".to_owned()),
        ..StepDetails::default()
    };
    f.phone.propose(id, Step::SelfHandle, handled).unwrap();
    f.sync();
    f.clock.advance(40 * DAY_MS);
    {
        let engine = f.server.engine();
        let mut sequencer = engine.sequencer.borrow_mut();
        let archived = sequencer.archive_closed(f.server.now_ms(), 30 * DAY_MS, 100);
        assert_eq!(archived.unwrap(), 1);
    }
    f.sync();
    f.sync();
    assert!(!f.has(id) && f.stored("sealed", id) == 1);
    let late = f.server.copy();
    (f, id, [early, late])
}

#[test]
fn a_restore_from_a_backup_that_holds_what_left_the_phone_confirms_it_again() {
    let (f, id, [_, late]) = archived_between_two_backups();
    f.server.restore(&late);
    f.server.note_backup(&late);
    f.sync();
    assert_eq!(f.stored("changes", id), 0, "the backup has it");
    let status = f.status();
    assert_eq!((status.recorded, status.admitted), (2, 2));
    assert!(status.all_in_log(), "{status:?}");
}

#[test]
fn what_left_the_phone_stays_on_it_while_something_of_ones_own_in_it_is_undecided() {
    let (f, id, [early, _]) = archived_between_two_backups();
    // Without proof its words can only be sent once more.
    raw(&path(&f.folder))
        .execute_batch("DELETE FROM evidence")
        .unwrap();
    f.server.restore(&early);
    f.sync_rounds(2);
    assert_eq!(f.status().on_this_phone, 2);
    // By now a backup holds everything up to where the phone is.
    let later = f.server.copy();
    f.server.note_backup(&later);
    f.server.line().lose_answers = 1;
    f.try_sync().unwrap_err();
    f.server.line().lose_answers = 0;
    f.sync();
    assert!(f.server.view(id).is_some());
    assert!(f.status().all_in_log(), "{:?}", f.status());
}

#[test]
fn what_the_server_lost_after_it_left_every_phone_is_called_lost() {
    let (f, id, [early, late]) = archived_between_two_backups();
    f.server.note_backup(&late);
    f.sync();
    assert_eq!(f.stored("changes", id), 0);
    // The newest backup turns out to be unreadable.
    f.server.restore(&early);
    let new = f.phone.report(report("之后的")).unwrap();
    f.sync();
    let report = f.sync();
    assert!(report.complete && report.rounds < 3, "{report:?}");
    let status = f.status();
    assert_eq!((status.on_this_phone, status.lost), (0, 2));
    assert_eq!((status.recorded, status.admitted), (3, 1));
    assert!(!status.all_in_log());
    assert_eq!(f.detail(new).row.standing, Standing::InLog);
    f.assert_agrees();
}
