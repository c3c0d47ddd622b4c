//! Records whose earlier changes travel as one document chunk.

use gridlog_client_core::*;
use gridlog_domain::id::RecordId;
use gridlog_domain::record::Value;
use gridlog_domain::reference::Role;
use gridlog_merge_guard::History;
use gridlog_sync_server::store::Store;

use crate::clock::HOUR_MS;
use crate::colleague::*;
use crate::district::*;
use crate::fixture::*;
use crate::server::Server;

/// Stores a snapshot of what the server has of a record.
pub(crate) fn take_snapshot(server: &Server, id: RecordId) {
    let store = server.store();
    let changes = store.record_changes(id).unwrap();
    let history = History::load(changes.iter().map(|change| change.bytes.as_slice())).unwrap();
    let through = changes.last().unwrap().seq;
    let chunk = history.to_snapshot().unwrap();
    store.put_snapshot(id, through, &chunk).unwrap();
}

/// A case of a colleague with eleven changes.
fn talked_about(server: &Server) -> RecordId {
    let id = server.colleague_writes(new_case("井盖缺失"), vec![]);
    for number in 0..10 {
        server.colleague_edits(id, &[comment(&format!("第{number}句"))]);
    }
    id
}

#[test]
fn a_record_with_a_snapshot_arrives_as_one_chunk_and_lists_without_a_document() {
    let f = Fixture::new();
    let id = talked_about(&f.server);
    take_snapshot(&f.server, id);
    f.sync();
    let page = f.server.last_page();
    let delta = &page.body.records[0];
    assert!(delta.whole && delta.changes.is_empty());
    assert!(delta.snapshot.is_some());
    assert_eq!(f.only_row().headline, "井盖缺失");
    assert_eq!(f.phone.search("第7句", 10).unwrap().len(), 1);
    assert_eq!(f.detail(id).view.comments.len(), 10);
    f.phone.tasks().unwrap();
    assert_eq!(f.phone.documents_opened(), 0);
    assert_eq!(f.sync().differing, None);
    f.assert_agrees();
    assert_eq!(f.verify().differing, Some(0));
}

#[test]
fn a_record_with_a_snapshot_opens_for_editing_and_goes_on_like_any_other() {
    let f = Fixture::new();
    let id = talked_about(&f.server);
    take_snapshot(&f.server, id);
    f.server.colleague_edits(id, &[titled("快照之后改的")]);
    f.sync();
    assert_eq!(f.server.last_page().body.records[0].changes.len(), 1);
    f.phone.comment(id, "我去看看").unwrap();
    assert_eq!(f.phone.documents_opened(), 1);
    f.server.colleague_edits(id, &[comment("同时说的")]);
    f.phone
        .edit(id, &[("title", Value::Text("我改的".to_owned()))])
        .unwrap();
    let report = f.sync();
    assert_eq!((report.pushed, report.refused), (2, 0));
    assert_eq!(f.detail(id).view.comments.len(), 12);
    assert_eq!(f.detail(id).row.headline, "我改的");
    f.assert_agrees();
    assert!(f.status().all_in_log());
    assert_eq!(f.verify().differing, Some(0));
}

#[test]
fn a_snapshot_of_what_the_phone_has_as_changes_changes_nothing() {
    let f = Fixture::synced();
    let id = talked_about(&f.server);
    f.phone.report(report("我的")).unwrap();
    f.sync();
    f.phone.comment(id, "我也说一句").unwrap();
    f.sync();
    take_snapshot(&f.server, id);
    // The phone wants it whole for some reason.
    let sql = "INSERT INTO wants (record) VALUES (?1)";
    raw(&path(&f.folder)).execute(sql, [id.as_bytes()]).unwrap();
    f.sync();
    let page = f.server.last_page();
    assert!(page.body.records[0].snapshot.is_some());
    f.assert_agrees();
    f.phone.comment(id, "还有一句").unwrap();
    f.server.colleague_edits(id, &[comment("同时说的")]);
    f.sync();
    f.assert_agrees();
    assert!(f.status().all_in_log());
    assert_eq!(f.verify().differing, Some(0));
}

#[test]
fn a_phone_gives_back_what_it_has_only_as_a_snapshot() {
    for edited_later in [false, true] {
        let old = Fixture::synced();
        let backup = old.server.copy();
        old.clock.advance(HOUR_MS);
        let id = talked_about(&old.server);
        let theirs = old.phone.report(report("同事的")).unwrap();
        old.sync();
        take_snapshot(&old.server, id);
        take_snapshot(&old.server, theirs);
        let f = old.another("W003", 3);
        f.sync();
        assert!(
            f.server
                .last_page()
                .body
                .records
                .iter()
                .all(|r| r.snapshot.is_some())
        );
        if edited_later {
            f.server.colleague_edits(id, &[titled("快照之后改的")]);
            f.sync();
        }
        let of = |id| {
            let store = f.server.store();
            let row = store.record(id).unwrap().unwrap();
            let changes = store.record_changes(id).unwrap();
            let mut bytes: Vec<_> = changes.into_iter().map(|change| change.bytes).collect();
            bytes.sort();
            (row.view, row.state, row.heads, bytes)
        };
        let before = [id, theirs].map(of);
        drop(old);
        f.server.restore(&backup);
        assert!(f.server.store().record(id).unwrap().is_none());
        let report = f.sync();
        assert!(report.complete && report.returned > 0, "{report:?}");
        assert_eq!([id, theirs].map(of), before, "byte for byte");
        f.assert_agrees();
        assert_eq!(f.verify().differing, Some(0));
    }
}

#[test]
fn a_phone_put_back_to_an_old_copy_finds_its_own_words_in_a_snapshot() {
    let f = Fixture::synced();
    let id = f.phone.report(report("备份前")).unwrap();
    f.sync();
    let copy = f.keep_copy();
    f.phone.comment(id, "备份后的话").unwrap();
    let new = f.phone.report(report("备份后")).unwrap();
    f.sync();
    for record in [id, new] {
        f.server.colleague_edits(record, &[comment("同事的话")]);
        take_snapshot(&f.server, record);
    }
    let f = f.put_back(&copy, 7);
    f.sync();
    assert_eq!(f.detail(id).view.comments.len(), 2);
    assert!(f.has(new));
    let status = f.status();
    assert_eq!((status.recorded, status.admitted), (3, 3));
    assert!(status.all_in_log(), "{status:?}");
    f.assert_agrees();
    assert_eq!(f.detail(new).row.standing, Standing::InLog);
}

#[test]
fn what_only_a_snapshot_holds_is_given_back_though_the_record_came_again_without_it() {
    let first = Fixture::synced();
    let second = first.another("W003", 3);
    let backup = first.server.copy();
    first.phone.report(report("先还的")).unwrap();
    // Records are given back in the order of their ids, one after the other.
    first.clock.advance(HOUR_MS);
    let id = first.phone.start_patrol(None, Some("后还的")).unwrap();
    first.sync();
    let copy = first.keep_copy();
    first.server.colleague_edits(id, &[comment("只在快照里")]);
    take_snapshot(&first.server, id);
    second.sync();
    first.server.restore(&backup);
    let first = first.put_back(&copy, 7);
    first.sync();
    assert_eq!(first.server.view(id).unwrap().comments.len(), 0);
    second.sync();
    assert_eq!(first.server.view(id).unwrap().comments.len(), 1);
    first.sync();
    for phone in [&first, &second] {
        phone.assert_agrees();
        assert_eq!(phone.verify().differing, Some(0));
    }
}

#[test]
fn what_left_a_phone_is_given_back_though_it_came_again_with_less() {
    let first = Fixture::synced();
    let second = first.another("W003", 3);
    let backup = first.server.copy();
    for title in ["先还的", "再还的"] {
        first.phone.report(report(title)).unwrap();
        first.clock.advance(HOUR_MS);
    }
    let id = first.phone.start_patrol(None, Some("后还的")).unwrap();
    first.sync();
    let copy = first.keep_copy();
    first.server.colleague_edits(id, &[comment("后来丢失")]);
    second.sync();
    let moved = person("W003", "赵强", &[(Role::GridWorker, NEXT_GRID)]);
    first.server.appoint(moved);
    second.sync();
    second.sync();
    assert!(!second.has(id));
    // The directory is older, too: what left comes again.
    first.server.restore(&backup);
    let first = first.put_back(&copy, 7);
    first.sync();
    second.sync();
    assert!(second.has(id));
    assert_eq!(first.server.view(id).unwrap().comments.len(), 1);
    first.sync();
    for phone in [&first, &second] {
        phone.assert_agrees();
        assert_eq!(phone.verify().differing, Some(0));
    }
}
