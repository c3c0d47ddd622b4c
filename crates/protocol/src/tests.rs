use proptest::prelude::*;

use super::*;

fn request() -> SyncRequest {
    SyncRequest {
        position: Position {
            epoch: 1,
            seq: 42,
            hash: Digest([8; 32]),
        },
        profile_version: 3,
        parts: vec![PartVersion {
            part: "catalogue".to_owned(),
            version: 1,
        }],
        push: vec![PushItem {
            record: Key([3; 16]),
            change: Blob(vec![1, 2, 3]),
            offset_ms: Some(-5),
        }],
        asks: vec![Digest([4; 32])],
        ..SyncRequest::idle(Key([1; 16]), Key([2; 16]), 1_790_000_000_000)
    }
}

fn entry() -> LogEntry {
    LogEntry {
        seq: 1,
        previous: Digest::ZERO,
        at_ms: 5,
        record: Key([3; 16]),
        fact: Fact::Admit {
            change: Digest([9; 32]),
            by: "W001".to_owned(),
        },
        origin: None,
    }
}

#[test]
fn a_request_survives_the_wire() {
    let body = codec::encode(&request());
    assert_eq!(
        codec::decode::<SyncRequest>("request", &body),
        Ok(request())
    );
}

#[test]
fn an_idle_request_is_small() {
    let idle = SyncRequest {
        push: vec![],
        asks: vec![],
        ..request()
    };
    assert!(codec::encode(&idle).len() < 200);
}

#[test]
fn an_unknown_version_and_too_long_lists_are_refused() {
    let future = SyncRequest {
        version: VERSION + 1,
        ..request()
    };
    assert_eq!(future.check().unwrap_err().code(), "unsupported_version");
    let item = request().push[0].clone();
    let heavy = SyncRequest {
        push: vec![item; limits::MAX_PUSH_ITEMS + 1],
        ..request()
    };
    assert_eq!(heavy.check().unwrap_err().code(), "too_many");
}

#[test]
fn a_body_that_expands_beyond_the_cap_is_refused_in_every_form() {
    let zeros = vec![0_u8; limits::MAX_BODY_BYTES + 1];
    for form in dictionary::Form::ALL {
        let mut bomb = vec![form.byte()];
        bomb.extend(dictionary::compress(&zeros));
        assert!(bomb.len() < 10_000);
        let refused = codec::decode::<SyncRequest>("request", &bomb);
        assert_eq!(refused.unwrap_err().code(), "body_too_large");
    }
}

#[test]
fn every_form_that_there_ever_was_is_read() {
    for form in dictionary::Form::ALL {
        let body = codec::encode_as(form, &request());
        assert_eq!(codec::form_of(&body), Ok(form));
        let read = codec::decode::<SyncRequest>("request", &body);
        assert_eq!(read, Ok(request()));
    }
}

#[test]
fn a_dictionary_takes_out_of_a_small_message_what_every_message_has() {
    let parts = ["areas", "calendar", "catalogue", "checklists", "staff"];
    let idle = SyncRequest {
        parts: (1..)
            .zip(parts)
            .map(|(version, part)| PartVersion {
                part: part.to_owned(),
                version,
            })
            .collect(),
        push: vec![],
        asks: vec![],
        ..request()
    };
    let plain = codec::encode_as(dictionary::Form::Plain, &idle).len();
    let with = codec::encode(&idle).len();
    assert!(with + 30 < plain, "{with} against {plain} bytes");
}

#[test]
fn an_oversized_a_foreign_and_an_empty_body_get_codes_of_their_own() {
    let code = |body: &[u8]| {
        codec::decode::<SyncRequest>("request", body)
            .unwrap_err()
            .code()
    };
    assert_eq!(code(&vec![1; limits::MAX_WIRE_BYTES + 1]), "body_too_large");
    assert_eq!(code(&[9, 1, 2]), "unknown_form");
    assert_eq!(code(&[]), "malformed_message");
    assert_eq!(code(b"\x01not zstd"), "bad_compression");
}

#[test]
fn a_declared_length_does_not_make_the_decoder_reserve_memory() {
    // A CBOR array that announces 2^60 items and ends there.
    let mut body = vec![1];
    let cbor = [0x9b, 0x10, 0, 0, 0, 0, 0, 0, 0];
    body.extend(zstd::bulk::compress(&cbor, 3).unwrap());
    let refused = codec::decode::<Vec<Digest>>("digests", &body);
    assert_eq!(refused.unwrap_err().code(), "malformed_message");
}

#[test]
fn a_certificate_of_another_server_is_not_taken() {
    let key = SigningKey::from_bytes(&[5; 32]);
    let certificate = Certificate {
        person: "W001".to_owned(),
        device: Key([1; 16]),
        actor: Key([2; 16]),
        issued_ms: 7,
    };
    let signed = certificate.sign(&key);
    assert_eq!(
        Certificate::open(&signed, &key.verifying_key()),
        Ok(certificate)
    );
    let other = SigningKey::from_bytes(&[6; 32]).verifying_key();
    assert_eq!(
        Certificate::open(&signed, &other).unwrap_err().code(),
        "bad_signature"
    );
}

#[test]
fn an_entry_has_one_canonical_form() {
    let bytes = entry().to_bytes();
    assert_eq!(LogEntry::from_bytes(&bytes), Ok(entry()));
    // The same array with an indefinite length says the same and is not canonical.
    let mut loose = vec![0x9f];
    loose.extend(&bytes[1..]);
    loose.push(0xff);
    assert!(LogEntry::from_bytes(&loose).is_err());
    assert_ne!(entry_hash(&bytes), entry_hash(&loose));
}

#[test]
fn an_entry_comes_out_of_its_holes_as_it_went_in() {
    let first = entry();
    let second = LogEntry {
        seq: 2,
        previous: entry_hash(&first.to_bytes()),
        ..entry()
    };
    let mut reader = Position {
        epoch: 1,
        ..Position::NOWHERE
    };
    let mut writer = reader;
    for (at, entry) in [first, second].into_iter().enumerate() {
        let at = u32::try_from(at).unwrap();
        let sent = with_holes(&entry, &writer, Some(at));
        assert_eq!(sent.entry.previous, Digest::ZERO);
        let hash_of = |_, asked| (asked == at).then_some(Digest([9; 32]));
        let (filled, canonical) = fill(&sent, &mut reader, hash_of).unwrap();
        assert_eq!(filled, entry);
        assert_eq!(canonical, entry.to_bytes());
        writer = reader;
    }
}

#[test]
fn a_hole_that_the_page_cannot_fill_is_refused() {
    let before = Position::NOWHERE;
    let sent = with_holes(&entry(), &before, Some(3));
    assert!(fill(&sent, &mut before.clone(), |_, _| None).is_err());
    // A gap before the entry leaves its hash of the one before it in place.
    let later = LogEntry {
        seq: 7,
        previous: Digest([5; 32]),
        ..entry()
    };
    let sent = with_holes(&later, &before, None);
    assert_eq!(
        fill(&sent, &mut before.clone(), |_, _| None).unwrap().0,
        later
    );
}

#[test]
fn evidence_proves_what_a_page_brought_and_nothing_else() {
    let key = SigningKey::from_bytes(&[5; 32]);
    let entries = vec![Digest([1; 32]), Digest([2; 32])];
    let records = vec![SeenRecord {
        record: Key([3; 16]),
        heads: vec![Digest([4; 32])],
        as_of: 9,
        authors: vec![],
    }];
    let mut page = Page::empty(Position::NOWHERE, 5);
    page.statement.contents = contents(&entries, &records);
    let body = sign_page(&page, Key([1; 16]), Key([2; 16]), &key);
    let opened = open_page(&body, Key([1; 16]), Key([2; 16]), &key.verifying_key()).unwrap();
    let evidence = Evidence {
        entries,
        records,
        ..opened.evidence
    };
    assert_eq!(evidence.check(&key.verifying_key()), Ok(page.statement));
    let mut more = evidence.clone();
    more.entries.push(Digest([7; 32]));
    let mut other_heads = evidence.clone();
    other_heads.records[0].heads = vec![Digest([8; 32])];
    let mut other_device = evidence;
    other_device.device = Key([9; 16]);
    for forged in [more, other_heads, other_device] {
        let refused = forged.check(&key.verifying_key()).unwrap_err();
        assert_eq!(refused.code(), "bad_signature");
    }
}

#[test]
fn a_record_that_is_seen_by_two_audiences_does_not_hide_itself() {
    let (one, other) = (Key([7; 16]), Key([0xFF; 16]));
    let mut scope = ScopePrint::EMPTY;
    scope.add(one, 2);
    assert_ne!(scope, ScopePrint::EMPTY);
    scope.add(other, 3);
    scope.remove(one);
    scope.remove(one);
    let mut again = ScopePrint::EMPTY;
    (0..3).for_each(|_| again.add(other, 1));
    assert_eq!(scope, again);
}

proptest! {
    #[test]
    fn a_splice_makes_one_text_of_the_other_and_repeats_neither_end(
        from in "[a人b民]{0,12}", to in "[a人b民]{0,12}"
    ) {
        let splice = Splice::between("fields/notes", &from, &to);
        prop_assert_eq!(splice.apply(&from), Some(to.clone()));
        let kept = usize::try_from(splice.before + splice.after).unwrap();
        prop_assert_eq!(kept + splice.text.chars().count(), to.chars().count());
        // A text that is too short for it is refused, not guessed at.
        let short = from.chars().count() < kept;
        prop_assert!(!short);
        prop_assert_eq!(splice.apply("").is_some(), kept == 0);
    }

    #[test]
    fn folds_and_prints_do_not_depend_on_the_order(
        mut names in prop::collection::vec(any::<[u8; 32]>(), 0..20)
    ) {
        let fold = |names: &[[u8; 32]]| {
            let mut fold = Fold::default();
            names.iter().for_each(|name| fold.add(Digest(*name)));
            fold
        };
        let before = fold(&names);
        names.reverse();
        prop_assert_eq!(before, fold(&names));
        prop_assert_eq!(before.count, names.len() as u64);
    }

    #[test]
    fn no_bytes_make_the_decoders_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut body = vec![1];
        body.extend(zstd::bulk::compress(&bytes, 1).unwrap());
        let _ = codec::decode::<SyncRequest>("request", &body);
        let _ = codec::decode::<SyncRequest>("request", &bytes);
        let key = SigningKey::from_bytes(&[9; 32]).verifying_key();
        let _ = open_page(&body, Key([0; 16]), Key([0; 16]), &key);
        let _ = LogEntry::from_bytes(&bytes);
        let _ = Certificate::open(&bytes, &key);
    }

    #[test]
    fn a_cut_request_is_refused(cut in 0..100_usize) {
        let body = codec::encode(&request());
        prop_assume!(cut < body.len());
        prop_assert!(codec::decode::<SyncRequest>("request", &body[..cut]).is_err());
    }
}

#[test]
fn a_search_is_said_in_the_same_words_by_both_sides() {
    let question: SearchRequest = serde_json::from_str(r#"{"text":"路灯"}"#).unwrap();
    assert_eq!(question.limit, None, "the server decides");
    let typo = r#"{"text":"路灯","limits":5}"#;
    assert!(serde_json::from_str::<SearchRequest>(typo).is_err());
    let row = FoundRecord {
        id: "0190b5a0-7c1e-7000-8000-000000000001".to_owned(),
        kind: "case".to_owned(),
        headline: "路灯不亮".to_owned(),
        area: "43011100300101".to_owned(),
        stage: "closed".to_owned(),
        updated_ms: 1_790_000_000_000,
        archived: true,
    };
    let said = r#"{"id":"0190b5a0-7c1e-7000-8000-000000000001","kind":"case","headline":"路灯不亮","area":"43011100300101","stage":"closed","updated_ms":1790000000000,"archived":true}"#;
    assert_eq!(serde_json::to_string(&row).unwrap(), said);
}

#[test]
fn a_page_of_a_new_key_is_believed_only_if_the_known_one_named_it() {
    let key = |seed: u8| SigningKey::from_bytes(&[seed; 32]);
    let note = |former: u8, next: u8| Succession::sign(&key(former), &key(next), 7);
    let (nonce, device) = (Key([1; 16]), Key([2; 16]));
    let answer = |notes: Option<Vec<Blob>>, signer: u8| {
        let mut page = Page::empty(Position::NOWHERE, 5);
        page.body.successions = notes;
        sign_page(&page, nonce, device, &key(signer))
    };
    let open = |body: &[u8], known: u8| {
        let opened = open_page_following(body, nonce, device, &key(known).verifying_key());
        opened.map(|(_, next)| next)
    };
    let newest = Some(key(3).verifying_key());
    let notes = vec![note(1, 2), note(2, 3)];
    assert_eq!(open(&answer(Some(notes.clone()), 3), 1), Ok(newest));
    assert_eq!(open(&answer(Some(notes.clone()), 3), 2), Ok(newest));
    assert_eq!(open(&answer(Some(notes.clone()), 3), 3), Ok(None));
    assert_eq!(open(&answer(None, 1), 1), Ok(None));
    let refused = Err(ProtocolError::BadSignature { what: "page" });
    assert_eq!(open(&answer(None, 3), 1), refused, "no notes");
    assert_eq!(open(&answer(Some(notes), 9), 1), refused, "another signer");
    assert_eq!(open(&answer(Some(vec![note(8, 9)]), 9), 1), refused);
    let mut forged = note(1, 9);
    forged.0[100] ^= 1;
    assert_eq!(open(&answer(Some(vec![forged]), 9), 1), refused);
}

#[test]
fn what_the_clock_did_has_one_canonical_form() {
    for level in [None, Some("street".to_owned())] {
        let timer = LogEntry {
            fact: Fact::Timer {
                kind: "escalated".to_owned(),
                level,
                due_ms: 1_790_000_000_000,
            },
            ..entry()
        };
        let canonical = timer.to_bytes();
        assert_eq!(LogEntry::from_bytes(&canonical), Ok(timer.clone()));
        let before = Position {
            epoch: 1,
            seq: 0,
            hash: Digest::ZERO,
        };
        let told = with_holes(&timer, &before, None);
        let (filled, again) = fill(&told, &mut before.clone(), |_, _| None).unwrap();
        assert_eq!((filled, again), (timer, canonical));
    }
}
