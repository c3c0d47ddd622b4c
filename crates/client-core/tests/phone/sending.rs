//! Files on their way: in order, in pieces, whatever the network does.

use std::cell::Cell;
use std::fs;
use std::io::Read;

use gridlog_client_core::*;
use gridlog_domain::id::RecordId;
use gridlog_domain::record::PhotoRole;
use gridlog_picture_guard::gallery;

use crate::attaching::{photo, vault};
use crate::fixture::*;
use crate::shelf::{Fault, Shelf};

/// Something of that many bytes that is no picture, and so goes as it is.
pub(crate) fn attach_bytes(f: &Fixture, id: RecordId, name: &str, bytes: usize) -> Attached {
    let path = f.folder.path().join(name);
    let seed = u8::try_from(name.len()).unwrap();
    let plain: Vec<u8> = name
        .bytes()
        .chain((0..).map(|n: u32| n.to_le_bytes()[0] ^ seed))
        .take(bytes)
        .collect();
    fs::write(&path, plain).unwrap();
    f.phone.attach(id, &path, PhotoRole::Near).unwrap()
}

/// Sends until the run is over; time passes when the run waits.
pub(crate) fn send(f: &Fixture, shelf: &Shelf) -> FileReport {
    try_send(f, shelf).unwrap()
}

fn try_send(f: &Fixture, shelf: &Shelf) -> Result<FileReport, PhoneError> {
    let mut session = f.phone.begin_sending()?;
    loop {
        match session.next_step()? {
            FileStep::Done => return Ok(session.report().clone()),
            FileStep::Wait(wait_ms) => f.clock.advance(i64::try_from(wait_ms).unwrap()),
            FileStep::Request(request) => match shelf.exchange(session.bearer(), &request) {
                Ok(answer) => session.accept(&answer)?,
                Err(_) => session.failed(),
            },
        }
    }
}

fn case(f: &Fixture, title: &str) -> RecordId {
    let id = f.phone.report(report(title)).unwrap();
    f.clock.advance(1_000);
    id
}

fn contents(f: &Fixture, file: FileHash) -> Vec<u8> {
    let mut all = Vec::new();
    f.phone
        .read_attachment(file)
        .unwrap()
        .read_to_end(&mut all)
        .unwrap();
    all
}

pub(crate) fn only_file(f: &Fixture) -> FileProgress {
    let files = f.phone.files(None).unwrap();
    assert_eq!(files.len(), 1);
    files.into_iter().next().unwrap()
}

/// Carries so many requests of a session to the shelf.
fn carry(session: &mut FileSession, shelf: &Shelf, requests: usize) {
    for _ in 0..requests {
        let FileStep::Request(request) = session.next_step().unwrap() else {
            panic!("there is more to send");
        };
        session
            .accept(&shelf.exchange("t", &request).unwrap())
            .unwrap();
    }
}

#[test]
fn a_photo_and_its_preview_arrive_byte_for_byte_and_the_status_says_so() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    let id = case(&f, "井盖缺失");
    let attached = f
        .phone
        .attach(id, &photo(&f, "near.jpg", 1), PhotoRole::Near)
        .unwrap();
    let counts = f.status().files;
    assert_eq!(
        (
            counts.on_this_phone,
            counts.only_here(),
            counts.bytes_to_send
        ),
        (1, 1, attached.bytes)
    );
    assert_eq!(f.only_row().photos_here, 1);
    f.sync();
    let report = send(&f, &shelf);
    assert_eq!((report.files_sent, report.bytes_again), (2, 0));
    assert_eq!(
        shelf.held(id, attached.sha256),
        Some(contents(&f, attached.sha256))
    );
    assert!(shelf.held(id, attached.preview.unwrap()).is_some());
    let counts = f.status().files;
    assert_eq!(
        (counts.on_server, counts.only_here(), counts.bytes_to_send),
        (1, 0, 0)
    );
    assert_eq!(only_file(&f).standing, FileStanding::OnServer);
    assert_eq!(f.only_row().photos_here, 0);
    // There is nothing more to say.
    let requests = shelf.log().len();
    assert_eq!(send(&f, &shelf), FileReport::default());
    assert_eq!(shelf.log().len(), requests);
}

#[test]
fn nothing_goes_before_the_server_has_the_record() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    let id = case(&f, "井盖缺失");
    attach_bytes(&f, id, "a.bin", 1_000);
    assert_eq!(send(&f, &shelf).files_sent, 0);
    assert_eq!(shelf.log(), []);
    f.sync();
    assert_eq!(send(&f, &shelf).files_sent, 1);
}

#[test]
fn previews_go_first_and_photos_of_the_newest_case_before_older_ones() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    let old = case(&f, "旧");
    let new = case(&f, "新");
    let photos = [(old, 1), (new, 2), (old, 3)].map(|(id, seed)| {
        f.clock.advance(1_000);
        let path = photo(&f, &format!("{seed}.jpg"), seed);
        (id, f.phone.attach(id, &path, PhotoRole::Near).unwrap())
    });
    f.sync();
    let mut session = f.phone.begin_sending().unwrap();
    let mut order = Vec::new();
    while let FileStep::Request(request) = session.next_step().unwrap() {
        let before = shelf.files();
        session
            .accept(&shelf.exchange("t", &request).unwrap())
            .unwrap();
        order.extend(shelf.files().difference(&before).cloned());
    }
    let name = |hash: FileHash| hash.to_string();
    let previews: Vec<String> = order[..3].to_vec();
    for (_, attached) in &photos {
        assert!(previews.contains(&name(attached.preview.unwrap())));
    }
    let expected = [1, 0, 2].map(|place: usize| name(photos[place].1.sha256));
    assert_eq!(order[3..], expected);
}

#[test]
fn a_line_that_is_cut_at_every_other_request_loses_nothing_and_sends_little_again() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    let id = case(&f, "井盖缺失");
    let attached = attach_bytes(&f, id, "long.bin", 3_000_000);
    f.sync();
    for round in 0..12 {
        let fault = if round % 2 == 0 {
            Fault::Lost
        } else {
            Fault::Unheard
        };
        let method = [
            FileMethod::Post,
            FileMethod::Head,
            FileMethod::Patch,
            FileMethod::Patch,
        ][round % 4];
        shelf.fault(method, fault);
    }
    let report = send(&f, &shelf);
    assert_eq!(
        shelf.held(id, attached.sha256),
        Some(contents(&f, attached.sha256))
    );
    assert!(report.cuts >= 10, "{report:?}");
    assert!(report.bytes_again <= report.cuts * PIECE_BYTES as u64);
    assert!(shelf.received() <= 3_000_000 + report.cuts * PIECE_BYTES as u64);
}

#[test]
fn a_small_file_goes_with_the_request_that_begins_it() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    let id = case(&f, "井盖缺失");
    let small = attach_bytes(&f, id, "small.bin", PIECE_BYTES);
    let larger = attach_bytes(&f, id, "larger.bin", PIECE_BYTES + 1);
    f.sync();
    let report = send(&f, &shelf);
    assert!(shelf.held(id, small.sha256).is_some() && shelf.held(id, larger.sha256).is_some());
    assert_eq!((report.requests, report.bytes_again), (3, 0));
    assert_eq!(report.bytes_sent, 2 * PIECE_BYTES as u64 + 1);
}

#[test]
fn a_server_that_takes_no_piece_at_the_beginning_gets_it_afterwards() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    let id = case(&f, "井盖缺失");
    let attached = attach_bytes(&f, id, "a.bin", 1_000);
    f.sync();
    shelf.only_begin();
    let report = send(&f, &shelf);
    assert!(shelf.held(id, attached.sha256).is_some());
    assert_eq!((report.bytes_sent, report.bytes_again), (1_000, 1_000));
}

#[test]
fn after_a_request_that_was_not_answered_an_upload_begins_without_a_piece() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    let id = case(&f, "井盖缺失");
    let attached = attach_bytes(&f, id, "a.bin", 2 * PIECE_BYTES);
    f.sync();
    shelf.fault(FileMethod::Post, Fault::Unheard);
    let report = send(&f, &shelf);
    assert!(shelf.held(id, attached.sha256).is_some());
    assert_eq!(shelf.received(), 2 * PIECE_BYTES as u64);
    assert_eq!(report.bytes_again, PIECE_BYTES as u64, "as far as it knows");
}

#[test]
fn each_piece_of_a_small_photo_is_seen_and_none_between_the_first_and_the_last_is_a_commit() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    let id = case(&f, "井盖缺失");
    let bytes = 1_500_000;
    attach_bytes(&f, id, "photo.bin", bytes);
    f.sync();
    let store = raw(&path(&f.folder));
    let commits = || -> i64 {
        store
            .query_row("PRAGMA data_version", [], |row| row.get(0))
            .unwrap()
    };
    let mut session = f.phone.begin_sending().unwrap();
    carry(&mut session, &shelf, 1);
    let begun = commits();
    for pieces in 2..=5 {
        carry(&mut session, &shelf, 1);
        let sent = pieces * PIECE_BYTES as u64;
        let file = only_file(&f);
        assert_eq!(
            (file.sent_bytes, file.standing),
            (sent, FileStanding::OnTheWay)
        );
        let counts = f.status().files;
        assert_eq!((counts.bytes_sent, counts.on_the_way), (sent, 1));
        assert_eq!(counts.bytes_to_send, bytes as u64);
        assert_eq!(commits(), begun);
    }
    carry(&mut session, &shelf, 1);
    let counts = f.status().files;
    assert_eq!((counts.bytes_sent, counts.on_server), (0, 1));
    assert_eq!(only_file(&f).sent_bytes, bytes as u64);
    assert_ne!(commits(), begun);
}

#[test]
fn a_photo_whose_upload_began_without_a_piece_is_on_the_way_with_the_first_one() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    let id = case(&f, "井盖缺失");
    attach_bytes(&f, id, "photo.bin", 1_500_000);
    f.sync();
    let mut session = f.phone.begin_sending().unwrap();
    assert!(matches!(session.next_step(), Ok(FileStep::Request(_))));
    // The server may have begun the upload: the next request brings no piece along.
    session.failed();
    f.clock.advance(60_000);
    carry(&mut session, &shelf, 2);
    let counts = f.status().files;
    assert_eq!((counts.on_this_phone, counts.on_the_way), (0, 1));
    assert_eq!(only_file(&f).standing, FileStanding::OnTheWay);
    // An upload that begins anew has nothing.
    shelf.expire();
    carry(&mut session, &shelf, 1);
    assert_eq!(only_file(&f).sent_bytes, 0);
    assert_eq!(f.status().files.on_this_phone, 1);
}

#[test]
fn an_app_that_is_killed_goes_on_where_the_server_is() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    let id = case(&f, "井盖缺失");
    let attached = attach_bytes(&f, id, "long.bin", 3_000_000);
    f.sync();
    let mut session = f.phone.begin_sending().unwrap();
    carry(&mut session, &shelf, 4);
    // A killed process notes nothing.
    std::mem::forget(session);
    let received = shelf.received();
    assert_eq!(received, 4 * PIECE_BYTES as u64);
    let phone = f.reopen(9);
    let report = phone.send_files(&shelf, SendOptions::default()).unwrap();
    assert_eq!(shelf.received(), 3_000_000);
    assert_eq!(report.bytes_sent, 3_000_000 - received);
    assert!(shelf.held(id, attached.sha256).is_some());
}

#[test]
fn an_upload_that_expired_or_is_unknown_begins_anew() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    let id = case(&f, "井盖缺失");
    let attached = attach_bytes(&f, id, "long.bin", 1_000_000);
    f.sync();
    let mut session = f.phone.begin_sending().unwrap();
    carry(&mut session, &shelf, 3);
    drop(session);
    shelf.expire();
    send(&f, &shelf);
    assert!(shelf.held(id, attached.sha256).is_some());
}

#[test]
fn a_piece_that_arrived_damaged_is_sent_again() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    let id = case(&f, "井盖缺失");
    let attached = attach_bytes(&f, id, "a.bin", 400_000);
    f.sync();
    shelf.fault(FileMethod::Patch, Fault::Answered(460, "checksum_wrong"));
    let report = send(&f, &shelf);
    assert_eq!(report.bytes_again, 400_000 - PIECE_BYTES as u64);
    assert!(shelf.held(id, attached.sha256).is_some());
}

#[test]
fn a_server_that_finds_another_hash_gets_it_again_unless_the_file_here_is_damaged() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    let id = case(&f, "井盖缺失");
    let attached = attach_bytes(&f, id, "a.bin", 400_000);
    f.sync();
    shelf.fault(FileMethod::Patch, Fault::Answered(460, "file_hash_wrong"));
    send(&f, &shelf);
    assert!(shelf.held(id, attached.sha256).is_some());
    attach_bytes(&f, id, "bb.bin", 400_000);
    f.sync();
    let fresh = f.phone.files(None).unwrap();
    let fresh = fresh
        .iter()
        .find(|file| file.standing == FileStanding::OnThisPhone)
        .unwrap();
    for path in vault(&f) {
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    let report = send(&f, &shelf);
    assert_eq!(report.needs_you, 1);
    let files = f.phone.files(Some(id)).unwrap();
    let damaged = files
        .iter()
        .find(|file| file.sha256 == fresh.sha256)
        .unwrap();
    assert_eq!(damaged.standing, FileStanding::NeedsYou);
    assert_eq!(damaged.code.as_deref(), Some("file_damaged"));
    assert!(damaged.zh.is_some());
}

#[test]
fn what_the_server_refuses_needs_the_worker_and_holds_up_nobody_else() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    let (refused, other) = (case(&f, "一"), case(&f, "二"));
    let attached = attach_bytes(&f, refused, "a.bin", 1_000);
    let fine = attach_bytes(&f, other, "bb.bin", 1_000);
    f.sync();
    shelf.refuse(refused, Some((403, "record_out_of_scope")));
    let report = send(&f, &shelf);
    assert_eq!((report.files_sent, report.needs_you), (1, 1));
    assert!(shelf.held(other, fine.sha256).is_some());
    assert_eq!(f.status().files.needs_you, 1);
    let told = f.phone.files(Some(refused)).unwrap().remove(0);
    assert_eq!(told.code.as_deref(), Some("record_out_of_scope"));
    // It is not sent again by itself, but when the worker wants it.
    assert_eq!(send(&f, &shelf).requests, 0);
    shelf.refuse(refused, None);
    f.phone.retry_file(refused, attached.sha256).unwrap();
    assert_eq!(send(&f, &shelf).files_sent, 1);
    let settled = f.phone.retry_file(refused, attached.sha256).unwrap_err();
    assert_eq!(settled.code(), "unknown_file");
}

#[test]
fn a_record_that_the_server_does_not_know_yet_waits_for_the_next_sync() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    let id = case(&f, "井盖缺失");
    attach_bytes(&f, id, "a.bin", 1_000);
    f.sync();
    shelf.refuse(id, Some((409, "record_unknown")));
    assert_eq!(send(&f, &shelf).requests, 1);
    shelf.refuse(id, None);
    assert_eq!(send(&f, &shelf).requests, 0, "nothing changed meanwhile");
    f.clock.advance(1_000);
    f.sync();
    assert_eq!(send(&f, &shelf).files_sent, 1);
}

#[test]
fn a_server_that_asks_to_wait_is_left_alone() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    attach_bytes(&f, case(&f, "井盖缺失"), "a.bin", 1_000);
    f.sync();
    shelf.be_busy(Some(60_000));
    let report = f.phone.send_files(&shelf, SendOptions::default()).unwrap();
    assert!(
        report
            .retry_after_ms
            .is_some_and(|wait| (60_000..=72_000).contains(&wait))
    );
    assert_eq!((report.requests, report.left), (1, 1));
    shelf.be_busy(None);
    assert_eq!(send(&f, &shelf).files_sent, 1);
}

#[test]
fn without_signal_a_run_ends_after_a_few_attempts_and_keeps_everything() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    attach_bytes(&f, case(&f, "井盖缺失"), "a.bin", 1_000);
    f.sync();
    shelf.fault(FileMethod::Post, Fault::Lost);
    let options = SendOptions {
        patience: 1,
        ..SendOptions::default()
    };
    let cut = f.phone.send_files(&shelf, options).unwrap_err();
    assert_eq!(cut.code(), "timed_out");
    assert_eq!(f.status().files.on_this_phone, 1);
    assert_eq!(f.phone.send_files(&shelf, options).unwrap().files_sent, 1);
}

#[test]
fn the_worker_says_over_which_network_files_go_also_half_way() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    let id = case(&f, "井盖缺失");
    attach_bytes(&f, id, "long.bin", 2_000_000);
    f.sync();
    let asked = Cell::new(0);
    let may_send = || {
        asked.set(asked.get() + 1);
        let network = if asked.get() > 4 {
            Network::Metered
        } else {
            Network::Unmetered
        };
        (FilePolicy::UnmeteredOnly, network)
    };
    let options = SendOptions {
        may_send: Some(&may_send),
        ..SendOptions::default()
    };
    let report = f.phone.send_files(&shelf, options).unwrap();
    assert_eq!(report.held_back, Some(HeldBack::Metered));
    let file = only_file(&f);
    assert_eq!(file.standing, FileStanding::OnTheWay);
    assert_eq!(file.sent_bytes, 4 * PIECE_BYTES as u64);
    let paused = || (FilePolicy::Paused, Network::Unmetered);
    let options = SendOptions {
        may_send: Some(&paused),
        ..SendOptions::default()
    };
    let report = f.phone.send_files(&shelf, options).unwrap();
    assert_eq!(
        (report.held_back, report.requests),
        (Some(HeldBack::Paused), 0)
    );
}

#[test]
fn a_run_is_cancelled_half_way_and_there_is_only_one_at_a_time() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    attach_bytes(&f, case(&f, "井盖缺失"), "long.bin", 2_000_000);
    f.sync();
    let flag = CancelFlag::new();
    let seen = Cell::new(SendProgress {
        files_sent: 0,
        bytes_sent: 0,
        files_left: 0,
        bytes_left: 0,
    });
    let progress = |now: SendProgress| {
        seen.set(now);
        if now.bytes_sent > 0 {
            let second = f.phone.begin_sending().map(drop).unwrap_err();
            assert_eq!(second.code(), "sending_files");
            // Whoever records is not held up.
            f.phone.report(report("积水")).unwrap();
            flag.cancel();
        }
    };
    let options = SendOptions {
        progress: Some(&progress),
        cancel: Some(&flag),
        ..SendOptions::default()
    };
    let cancelled = f.phone.send_files(&shelf, options).unwrap_err();
    assert_eq!(cancelled.code(), "cancelled");
    let piece = PIECE_BYTES as u64;
    assert_eq!(
        (seen.get().bytes_sent, seen.get().bytes_left),
        (piece, 2_000_000 - piece)
    );
    assert_eq!(only_file(&f).sent_bytes, piece);
    assert_eq!(send(&f, &shelf).files_sent, 1);
}

#[test]
fn somebody_elses_photo_is_fetched_when_asked_for_and_only_if_it_is_the_one_named() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    let id = case(&f, "井盖缺失");
    let attached = f
        .phone
        .attach(id, &photo(&f, "near.jpg", 1), PhotoRole::Near)
        .unwrap();
    let large = attach_bytes(&f, id, "large.bin", 1_200_000);
    f.sync();
    send(&f, &shelf);
    let other = f.another("W001", 2);
    other.sync();
    let unsent = other.phone.read_attachment(attached.sha256).unwrap_err();
    assert_eq!(unsent.code(), "unknown_file", "nothing comes by itself");
    for file in [attached.sha256, large.sha256] {
        other.phone.fetch_file(&shelf, id, file).unwrap();
        assert_eq!(contents(&other, file), contents(&f, file));
    }
    let requests = shelf.log().len();
    other.phone.fetch_file(&shelf, id, large.sha256).unwrap();
    assert_eq!(shelf.log().len(), requests, "it is here");
    assert_eq!(
        other.status().files,
        FileCounts::default(),
        "what was fetched is not sent"
    );
    let unknown = other
        .phone
        .fetch_file(&shelf, id, FileHash::of(b"?"))
        .unwrap_err();
    assert_eq!(unknown.code(), "unknown_file");

    let liar = f.another("W001", 3);
    liar.sync();
    let mut false_bytes = contents(&f, large.sha256);
    false_bytes[1_000_000] ^= 1;
    shelf.hold(id, large.sha256, &false_bytes);
    let refused = liar.phone.fetch_file(&shelf, id, large.sha256).unwrap_err();
    assert_eq!(refused.code(), "bad_answer");
    shelf.hold(id, large.sha256, &false_bytes[..100]);
    assert!(liar.phone.fetch_file(&shelf, id, large.sha256).is_err());
    assert_eq!(vault(&liar).len(), 0);
}

#[test]
fn a_preview_is_fetched_as_named_or_made_anew_from_what_the_server_shows() {
    let (f, shelf) = (Fixture::synced(), Shelf::default());
    let id = case(&f, "井盖缺失");
    let attached = f
        .phone
        .attach(id, &photo(&f, "near.jpg", 1), PhotoRole::Near)
        .unwrap();
    let own = f.phone.preview(attached.sha256).unwrap().unwrap();
    f.sync();
    let other = f.another("W001", 2);
    other.sync();
    let none = other
        .phone
        .fetch_preview(&shelf, id, attached.sha256)
        .unwrap_err();
    assert_eq!(none.code(), "no_preview");
    shelf.show(attached.sha256, &own);
    assert_eq!(
        other
            .phone
            .fetch_preview(&shelf, id, attached.sha256)
            .unwrap(),
        own
    );
    assert_eq!(other.phone.preview(attached.sha256).unwrap(), Some(own));

    let third = f.another("W001", 3);
    third.sync();
    shelf.show(attached.sha256, b"<html>no picture</html>");
    let bad = third
        .phone
        .fetch_preview(&shelf, id, attached.sha256)
        .unwrap_err();
    assert_eq!(bad.code(), "bad_answer");
    shelf.show(
        attached.sha256,
        &gallery::with_metadata(&gallery::png(64, 64, 5), 1),
    );
    let made = third
        .phone
        .fetch_preview(&shelf, id, attached.sha256)
        .unwrap();
    assert_eq!(
        gridlog_picture_guard::sniff(&made),
        Some(gridlog_picture_guard::PictureKind::Jpeg)
    );
    assert_eq!(third.phone.preview(attached.sha256).unwrap(), Some(made));
}
