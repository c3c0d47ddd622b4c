//! Pages that cannot be trusted are taken whole or not at all. What only one record of a page is wrong with
//! is the subject of `set_aside`.

use gridlog_protocol::{
    Blob, Digest, Key, Page, Position, Profile, SigningKey, SyncRequest, codec, sign_page,
};

use crate::colleague::*;
use crate::district::worker;
use crate::fixture::*;
use crate::line::commit_again;
use crate::server::ok;

#[test]
fn a_page_by_another_key_is_refused_and_nothing_of_it_is_stored() {
    let f = Fixture::new();
    f.server.colleague_writes(new_case("假案件"), vec![]);
    f.phone.report(report("真")).unwrap();
    f.server.line().signer = Some(SigningKey::from_bytes(&[1; 32]));
    let error = f.try_sync().unwrap_err();
    assert_eq!(error.code(), "bad_signature");
    assert_eq!(f.only_row().headline, "真");
    assert_eq!(f.status().seq, 0);
    assert_eq!(f.status().on_this_phone, 1);
}

type Spoil = (&'static str, fn(&mut Page));

/// What is wrong with a page, and a page of two new records in which it is wrong.
const SPOILS: [Spoil; 12] = [
    ("out of order", |page| page.body.entries.swap(0, 1)),
    ("log entry is malformed", |page| {
        page.body.entries[0].change_at = Some(7);
    }),
    ("log entry is malformed", |page| {
        page.body.entries[1].change_at = Some(0);
    }),
    ("goes back in the log", |page| {
        page.statement.position.seq = 0;
    }),
    ("before its entries", |page| {
        page.statement.position.seq -= 1;
    }),
    ("does not fit", |page| page.statement.contents = None),
    ("does not fit", |page| {
        let stranger = page.body.records[0].changes[0].clone();
        page.body.records[1].changes.push(stranger);
    }),
    ("does not fit", |page| {
        page.body.entries[1].entry.at_ms += 1;
    }),
    ("does not answer every item", |page| {
        page.body.verdicts.clear();
    }),
    ("certificate is malformed", |page| {
        page.body.certificate = Some(Blob(vec![1, 2, 3]));
    }),
    ("another person's", |page| {
        let mut person = worker(&[]);
        person.id = "W009".into();
        page.body.profile = Some(Profile {
            version: 7,
            person: Blob(serde_json::to_vec(&person).unwrap()),
            audiences: Vec::new(),
        });
    }),
    ("names a record twice", |page| {
        page.body.records[1].record = page.body.records[0].record;
    }),
];

#[test]
fn a_signed_page_of_garbage_is_never_half_stored() {
    for (what, spoil) in SPOILS {
        let f = Fixture::synced();
        f.server.colleague_writes(new_case("一"), vec![]);
        f.server.colleague_writes(new_case("二"), vec![]);
        f.phone.report(report("自己的")).unwrap();
        let seq = f.status().seq;
        f.server.line().tamper_with(spoil);
        let error = f.try_sync().unwrap_err();
        assert!(error.to_string().contains(what), "{what}: {error}");
        assert_eq!(f.rows().len(), 1);
        assert_eq!((f.status().on_this_phone, f.status().seq), (1, seq));
        f.server.line().tamper = None;
        f.sync();
        assert_eq!(f.rows().len(), 3);
        f.assert_agrees();
    }
}

#[test]
fn an_entry_that_does_not_follow_the_one_before_it_is_noticed() {
    let f = Fixture::synced();
    f.server.colleague_writes(new_case("一"), vec![]);
    f.sync();
    f.server.colleague_writes(new_case("二"), vec![]);
    // A server that signs what contradicts what it signed before.
    let mut session = f.phone.begin_sync().unwrap();
    let body = session.next_request().unwrap().unwrap();
    let request: SyncRequest = codec::decode("sync request", &body).unwrap();
    f.server.line().tamper_with(move |page| {
        page.body.entries[0].entry.previous = Digest([3; 32]);
        commit_again(page, &request);
    });
    let error = session.accept(f.carry(&session, &body)).unwrap_err();
    assert!(error.to_string().contains("does not follow"), "{error}");
    assert_eq!(f.rows().len(), 1);
}

#[test]
fn a_page_played_back_is_not_taken() {
    let f = Fixture::new();
    let mut session = f.phone.begin_sync().unwrap();
    let first = session.next_request().unwrap().unwrap();
    let old = f.carry(&session, &first);
    session.next_request().unwrap().unwrap();
    assert_eq!(session.accept(old).unwrap_err().code(), "bad_signature");
    assert_eq!(f.status().epoch, 0);
}

#[test]
fn a_page_for_another_phone_is_not_taken() {
    let f = Fixture::new();
    let other = f.another("W002", 2);
    let device = other.phone.identity().unwrap().unwrap().device;
    let mut session = f.phone.begin_sync().unwrap();
    let body = session.next_request().unwrap().unwrap();
    let request: SyncRequest = codec::decode("sync request", &body).unwrap();
    let page = Page::empty(Position::NOWHERE, f.server.now_ms());
    let device = Key(*device.as_bytes());
    let theirs = sign_page(&page, request.nonce, device, f.server.key());
    let error = session.accept(ok(theirs)).unwrap_err();
    assert_eq!(error.code(), "bad_signature");
}

#[test]
fn a_log_that_shrank_without_a_word_is_not_believed() {
    let f = Fixture::synced();
    f.server.colleague_writes(new_case("别人的"), vec![]);
    f.sync();
    f.server.line().tamper_with(|page| {
        page.statement.position.seq = 0;
        page.statement.position.hash = Digest::ZERO;
    });
    let before = f.status().seq;
    assert_eq!(f.try_sync().unwrap_err().code(), "bad_page");
    assert_eq!(f.status().seq, before);
}
