//! When files leave a phone, and that none does before it is safe.

use gridlog_client_core::*;
use gridlog_domain::record::{PhotoRole, StepDetails};
use gridlog_domain::workflow::Step;

use crate::attaching::{photo, vault};
use crate::clock::DAY_MS;
use crate::fixture::*;
use crate::scope::{between_two_grids, leave_next_grid};
use crate::sending::{attach_bytes, only_file, send};
use crate::shelf::Shelf;

#[test]
fn a_photo_of_a_record_that_left_is_sent_all_the_same_and_goes_once_the_server_is_safe() {
    let f = Fixture::synced();
    let shelf = Shelf::default();
    let id = f.phone.note_case(report("自行处置的")).unwrap();
    let attached = attach_bytes(&f, id, "a.bin", 1_000);
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
    assert!(!f.has(id));
    let backup = f.server.copy();
    f.server.note_backup(&backup);
    f.sync();
    assert_eq!(f.stored("sealed", id), 0, "its words are safe");
    assert_eq!(vault(&f).len(), 1, "its photo is not");
    assert_eq!(f.status().files.only_here(), 1);
    // What left the screen is not shown, though it is here.
    let hidden = f.phone.read_attachment(attached.sha256).unwrap_err();
    assert_eq!(hidden.code(), "unknown_file");
    assert_eq!(send(&f, &shelf).files_sent, 1);
    assert!(shelf.held(id, attached.sha256).is_some());
    assert_eq!(vault(&f).len(), 0);
}

#[test]
fn what_was_fetched_goes_when_its_record_leaves_every_screen() {
    let (f, stays, goes) = between_two_grids();
    let shelf = Shelf::default();
    // Somebody of the other grid took photos of both records.
    let colleague = f.another("W002", 2);
    colleague.sync();
    let taken = [goes, stays].map(|record| {
        let attached = attach_bytes(&colleague, record, "shared.bin", 1_000);
        (record, attached.sha256)
    });
    let lonely = attach_bytes(&colleague, goes, "lonely.bin", 2_000);
    colleague.sync();
    send(&colleague, &shelf);
    f.sync();
    for (record, file) in taken {
        f.phone.fetch_file(&shelf, record, file).unwrap();
    }
    f.phone.fetch_file(&shelf, goes, lonely.sha256).unwrap();
    assert_eq!(vault(&f).len(), 2, "one of them is in both records");
    f.clock.advance(1_000);
    leave_next_grid(&f.server);
    f.sync();
    f.sync();
    assert!(!f.has(goes));
    assert_eq!(vault(&f).len(), 1, "the other record still holds it");
    assert!(f.phone.read_attachment(taken[1].1).is_ok());
    assert_eq!(
        f.phone.read_attachment(lonely.sha256).unwrap_err().code(),
        "unknown_file"
    );
}

#[test]
fn an_erased_record_takes_its_files_along_sent_or_not_but_not_those_of_others() {
    let f = Fixture::synced();
    let shelf = Shelf::default();
    let (erased, other) = (
        f.phone.report(report("一")).unwrap(),
        f.phone.report(report("二")).unwrap(),
    );
    let both = photo(&f, "both.jpg", 1);
    for record in [erased, other] {
        f.phone.attach(record, &both, PhotoRole::Near).unwrap();
    }
    let alone = f
        .phone
        .attach(erased, &photo(&f, "alone.jpg", 2), PhotoRole::Far)
        .unwrap();
    f.sync();
    send(&f, &shelf);
    attach_bytes(&f, erased, "unsent.bin", 1_000);
    assert_eq!(vault(&f).len(), 5);
    f.server.erase(erased);
    f.sync();
    assert!(!f.has(erased));
    assert_eq!(vault(&f).len(), 2);
    assert_eq!(
        f.phone.read_attachment(alone.sha256).unwrap_err().code(),
        "unknown_file"
    );
    assert_eq!(only_file(&f).record, other);
    assert_eq!(f.stored("attachments", erased), 0);
}

#[test]
fn after_a_server_was_put_back_every_file_is_offered_to_it_again() {
    let f = Fixture::synced();
    let shelf = Shelf::default();
    let id = f.phone.report(report("井盖缺失")).unwrap();
    let attached = attach_bytes(&f, id, "a.bin", 1_000);
    f.sync();
    let early = f.server.copy();
    send(&f, &shelf);
    assert_eq!(f.status().files.on_server, 1);
    f.clock.advance(1_000);
    f.phone.comment(id, "之后的话").unwrap();
    f.sync();
    f.server.restore(&early);
    f.sync();
    let restored = Shelf::default();
    assert_eq!(send(&f, &restored).files_sent, 1);
    assert!(restored.held(id, attached.sha256).is_some());
    // A server that has it is asked once, and gets no byte again.
    assert_eq!(f.status().files.on_server, 1);
}

#[test]
fn a_record_that_never_was_takes_its_photos_along_when_the_worker_lets_it_go() {
    let f = Fixture::synced();
    let id = f.phone.report(report("井盖缺失")).unwrap();
    attach_bytes(&f, id, "a.bin", 1_000);
    f.server.line().refuse("too_large", |_| true);
    f.sync();
    f.sync();
    for item in f.detail(id).needs_you {
        f.phone.dismiss_needs_you(item.id).unwrap();
    }
    assert!(!f.has(id));
    assert_eq!(f.status().files, FileCounts::default());
    f.sync();
    assert_eq!(vault(&f).len(), 0);
}
