//! Promise: everything hostile gets its own error code, what depends on it answers `blocked_by`,
//! the server stays up, its memory stays bounded, and the other items of the same push are
//! admitted.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use automerge::transaction::{CommitOptions, Transactable as _};
use automerge::{ROOT, ReadDoc as _, ScalarValue};
use gridlog_domain::id::EntryId;
use gridlog_domain::record::{Command, Comment, LogPosition, Proposal, StepDetails};
use gridlog_domain::workflow::Step;
use gridlog_merge_guard::{Limits, forge, receive};
use gridlog_protocol::{Verdict, codec, limits};
use gridlog_tests::{District, GRID_A, GRID_B, RawDevice, words};

/// Far below what any of the attacks wants, and above what an honest day needs.
const MEMORY: u64 = 400 << 20;

fn area(district: &District, grid: usize) -> String {
    district
        .street
        .grids()
        .nth(grid)
        .unwrap()
        .code
        .as_str()
        .to_owned()
}

fn code(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Refused { code } => code,
        other => panic!("not refused: {other:?}"),
    }
}

fn assert_alive_and_small(district: &District) {
    let health = ureq::get(format!("{}/health", district.url()))
        .call()
        .unwrap();
    assert_eq!(health.status(), 200);
    if let Some(peak) = district.server_peak_memory() {
        assert!(peak < MEMORY, "the server held {peak} bytes");
    }
}

#[test]
fn every_hostile_change_gets_its_own_code_and_the_rest_of_its_push_is_admitted() {
    let district = District::new();
    let here = area(&district, GRID_A);
    let mut device = RawDevice::enrol(&district, &district.worker(GRID_A, 0), 1);
    let mut victim = RawDevice::enrol(&district, &district.worker(GRID_A, 1), 2);

    let record = victim.record_id();
    let (mut document, begun) = victim.honest_case(&here);
    let own = device.write(&mut document, &[set_title("改题")]);
    let admitted = victim.push(&[(record, begun.raw_bytes().to_vec())]);
    assert!(matches!(admitted[..], [Verdict::Admitted { .. }]));
    let admitted = device.push(&[(record, own.raw_bytes().to_vec())]);
    assert!(
        matches!(admitted[..], [Verdict::Admitted { .. }]),
        "{admitted:?}"
    );

    for hostile in forge::gallery(&document, &device.actor, own.raw_bytes(), &victim.actor) {
        // A second genesis is written by an actor that is new to the record.
        if hostile.code == "second_genesis" {
            let header = receive(&hostile.bytes, &Limits::default()).unwrap();
            device.register(&header.actor);
        }
        let other = device.record_id();
        let (_, honest) = device.honest_case(&here);
        let verdicts = device.push(&[
            (record, hostile.bytes.clone()),
            (other, honest.raw_bytes().to_vec()),
        ]);
        assert_eq!(code(&verdicts[0]), hostile.code, "{}", hostile.name);
        assert!(
            matches!(verdicts[1], Verdict::Admitted { .. }),
            "{}",
            hostile.name
        );
    }
    let still = device.write(&mut document, &[set_title("之后仍可修改")]);
    let verdicts = device.push(&[(record, still.raw_bytes().to_vec())]);
    assert!(
        matches!(verdicts[..], [Verdict::Admitted { .. }]),
        "{verdicts:?}"
    );
    assert_alive_and_small(&district);
}

fn set_title(title: &str) -> Command {
    Command::Set {
        field: "title".to_owned(),
        value: gridlog_domain::record::Value::Text(words(title)),
        shown: None,
    }
}

fn proposal(by: &str) -> Proposal {
    Proposal {
        step: Step::Report,
        by: by.into(),
        at_ms: 1_790_000_000_000,
        offset_ms: Some(0),
        seen: LogPosition::default(),
        details: StepDetails::default(),
    }
}

#[test]
fn a_write_into_somebodys_proposal_is_refused_and_what_builds_on_it_is_blocked() {
    let district = District::new();
    let here = area(&district, GRID_A);
    let mut device = RawDevice::enrol(&district, &district.worker(GRID_A, 0), 3);
    let mut victim = RawDevice::enrol(&district, &district.worker(GRID_A, 1), 4);
    let record = victim.record_id();
    let (mut document, begun) = victim.honest_case(&here);
    let id = EntryId::from_bytes([9; 16]);
    let propose = Command::Propose {
        id,
        proposal: Box::new(proposal(victim.person.as_str())),
    };
    let proposed = victim.write(&mut document, &[propose]);
    let items = [begun, proposed].map(|change| (record, change.raw_bytes().to_vec()));
    assert!(
        victim
            .push(&items)
            .iter()
            .all(|v| matches!(v, Verdict::Admitted { .. }))
    );

    let (_, proposals) = document.get(ROOT, "proposals").unwrap().unwrap();
    document.set_actor(device.actor.clone());
    document
        .transact_with::<_, _, automerge::AutomergeError, _>(
            |_| CommitOptions::default().with_time(1_790_000_000_000),
            |tx| tx.put(&proposals, id.to_string(), ScalarValue::from("{}")),
        )
        .unwrap();
    let sealed = document.get_last_local_change().unwrap();
    let follower = device.write(&mut document, &[set_title("其后")]);
    let last = device.write(&mut document, &[set_title("再后")]);
    let verdicts =
        device.push(&[sealed, follower, last].map(|change| (record, change.raw_bytes().to_vec())));
    assert_eq!(code(&verdicts[0]), "proposal_sealed");
    assert!(
        matches!(verdicts[1], Verdict::BlockedBy { .. }),
        "{:?}",
        verdicts[1]
    );
    assert_eq!(verdicts[1], verdicts[2], "both name the refused change");
}

#[test]
fn what_arrives_before_the_change_it_builds_on_waits_and_is_admitted_with_it() {
    let district = District::new();
    let mut device = RawDevice::enrol(&district, &district.worker(GRID_A, 0), 5);
    let record = device.record_id();
    let (mut document, begun) = device.honest_case(&area(&district, GRID_A));
    let edit = device.write(&mut document, &[set_title("后写先到")]);
    let early = (record, edit.raw_bytes().to_vec());
    let verdicts = device.push(std::slice::from_ref(&early));
    assert!(
        matches!(verdicts[..], [Verdict::Waiting { .. }]),
        "{verdicts:?}"
    );
    device.push(&[(record, begun.raw_bytes().to_vec())]);
    let verdicts = device.push(&[early]);
    assert!(
        matches!(verdicts[..], [Verdict::Admitted { .. }]),
        "{verdicts:?}"
    );
}

#[test]
fn forged_authors_and_foreign_areas_are_refused_by_name() {
    let district = District::new();
    let here = area(&district, GRID_A);
    let mut device = RawDevice::enrol(&district, &district.worker(GRID_A, 0), 6);
    let stranger = RawDevice::enrol(&district, &district.worker(GRID_B, 0), 7);

    let record = device.record_id();
    let (mut document, begun) = device.honest_case(&here);
    let id = EntryId::from_bytes([8; 16]);
    let comment = Comment {
        text: words("冒名"),
        by: stranger.person.clone(),
        at_ms: 1_790_000_000_000,
    };
    let forged = device.write(&mut document, &[Command::Comment { id, comment }]);
    let verdicts =
        device.push(&[begun, forged].map(|change| (record, change.raw_bytes().to_vec())));
    assert!(matches!(verdicts[0], Verdict::Admitted { .. }));
    assert_eq!(code(&verdicts[1]), "author_forged");

    let (_, by_stranger) = stranger.honest_case(&here);
    let other = device.record_id();
    let verdicts = device.push(&[(other, by_stranger.raw_bytes().to_vec())]);
    assert_eq!(code(&verdicts[0]), "foreign_actor");

    let mut outsider = RawDevice::enrol(&district, &district.worker(GRID_B, 1), 8);
    let victim = device.record_id();
    let (mut document, begun) = device.honest_case(&here);
    let admitted = device.push(&[(victim, begun.raw_bytes().to_vec())]);
    assert!(matches!(admitted[..], [Verdict::Admitted { .. }]));
    let intrusion = outsider.write(&mut document, &[set_title("外区写入")]);
    let verdicts = outsider.push(&[(victim, intrusion.raw_bytes().to_vec())]);
    assert_eq!(code(&verdicts[0]), "area_never_held");
}

#[test]
fn a_put_that_would_end_a_conflict_unseen_is_refused() {
    let district = District::new();
    let mut device = RawDevice::enrol(&district, &district.worker(GRID_A, 0), 9);
    let mut other = RawDevice::enrol(&district, &district.worker(GRID_A, 1), 10);
    let record = device.record_id();
    let (base, begun) = device.honest_case(&area(&district, GRID_A));
    let (mut mine, mut theirs) = (base.clone(), base);
    let a = device.write(&mut mine, &[set_title("甲")]);
    let b = other.write(&mut theirs, &[set_title("乙")]);
    device.push(&[begun, a].map(|change| (record, change.raw_bytes().to_vec())));
    other.push(&[(record, b.raw_bytes().to_vec())]);
    mine.merge(&mut theirs).unwrap();
    mine.set_actor(device.actor.clone());
    mine.transact_with::<_, _, automerge::AutomergeError, _>(
        |_| CommitOptions::default().with_time(1_790_000_000_000),
        |tx| tx.put(ROOT, "title", words("覆盖")),
    )
    .unwrap();
    let plain = mine.get_last_local_change().unwrap();
    let verdicts = device.push(&[(record, plain.raw_bytes().to_vec())]);
    assert_eq!(code(&verdicts[0]), "conflict_unseen");
}

#[test]
fn a_body_that_is_no_sync_request_is_refused_with_its_own_code() {
    let district = District::new();
    let mut device = RawDevice::enrol(&district, &district.worker(GRID_A, 0), 11);
    let honest = codec::encode(&device.request(&[]));
    let bomb = {
        let mut body = vec![1];
        body.extend(zstd::bulk::compress(&vec![0; limits::MAX_BODY_BYTES + 1], 3).unwrap());
        body
    };
    let future = codec::encode(&gridlog_protocol::SyncRequest {
        version: 99,
        ..device.request(&[])
    });
    let crowded = {
        let record = device.record_id();
        let many = vec![(record, vec![0]); limits::MAX_PUSH_ITEMS + 1];
        codec::encode(&device.request(&many))
    };
    let cases: [(&str, Vec<u8>, u16, &str); 8] = [
        (
            "oversized",
            vec![1; limits::MAX_WIRE_BYTES + 1],
            413,
            "body_too_large",
        ),
        ("bomb", bomb, 413, "body_too_large"),
        (
            "truncated",
            honest[..honest.len() / 2].to_vec(),
            400,
            "bad_compression",
        ),
        (
            "garbage zstd",
            b"\x01garbage".to_vec(),
            400,
            "bad_compression",
        ),
        ("garbage form", b"garbage".to_vec(), 400, "unknown_form"),
        (
            "garbage CBOR",
            codec::encode(&vec![1_u8, 2, 3]),
            400,
            "malformed_message",
        ),
        ("future", future, 400, "unsupported_version"),
        ("crowded", crowded, 400, "too_many"),
    ];
    for (name, body, status, expected) in cases {
        let (got, answer) = device.post(&body);
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!((got, &answer["code"]), (status, &expected.into()), "{name}");
        assert!(
            answer["zh"].as_str().is_some_and(|text| !text.is_empty()),
            "{name}"
        );
    }
    let large = vec![0; limits::MAX_CHANGE_BYTES + 1];
    let record = device.record_id();
    let other = device.record_id();
    let (_, fine) = device.honest_case(&area(&district, GRID_A));
    let verdicts = device.push(&[(record, large), (other, fine.raw_bytes().to_vec())]);
    assert_eq!(code(&verdicts[0]), "too_large");
    assert!(matches!(verdicts[1], Verdict::Admitted { .. }));
    assert_alive_and_small(&district);
}

#[test]
fn nobody_syncs_without_a_token_of_this_server() {
    let district = District::new();
    for token in ["", "Bearer ", "Bearer a.b.c"] {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let answer = agent
            .post(format!("{}/v1/sync", district.url()))
            .header("authorization", token)
            .send(&[1_u8][..])
            .unwrap();
        assert_eq!(answer.status(), 401);
    }
}

/// Pushes one raw put, made on a copy of `document`, into a record; its verdict.
fn push_raw(
    device: &mut RawDevice,
    record: gridlog_domain::id::RecordId,
    document: &automerge::Automerge,
    container: &str,
    key: &str,
    text: &str,
) -> Verdict {
    let mut copy = document.clone();
    let (_, object) = copy.get(ROOT, container).unwrap().unwrap();
    copy.set_actor(device.actor.clone());
    copy.transact_with::<_, _, automerge::AutomergeError, _>(
        |_| CommitOptions::default().with_time(1_790_000_000_000),
        |tx| tx.put(&object, key, text),
    )
    .unwrap();
    let change = copy.get_last_local_change().unwrap();
    device
        .push(&[(record, change.raw_bytes().to_vec())])
        .remove(0)
}

#[test]
fn nobody_can_hide_or_invent_a_colleagues_words() {
    let district = District::new();
    let mut victim = RawDevice::enrol(&district, &district.worker(GRID_A, 0), 20);
    let mut device = RawDevice::enrol(&district, &district.worker(GRID_A, 1), 21);
    let record = victim.record_id();
    let (mut document, begun) = victim.honest_case(&area(&district, GRID_A));
    let id = EntryId::from_bytes([0xab; 16]);
    let comment = Comment {
        text: words("原话"),
        by: victim.person.clone(),
        at_ms: 1_790_000_000_000,
    };
    let said = victim.write(&mut document, &[Command::Comment { id, comment }]);
    let items = [begun, said].map(|change| (record, change.raw_bytes().to_vec()));
    assert!(
        victim
            .push(&items)
            .iter()
            .all(|verdict| matches!(verdict, Verdict::Admitted { .. }))
    );

    let own = format!(
        r#"{{"text":"x","by":"{}","at_ms":1790000000000}}"#,
        device.person
    );
    let alias = id.to_string().to_uppercase();
    let verdict = push_raw(&mut device, record, &document, "comments", &alias, &own);
    assert_eq!(code(&verdict), "unknown_place", "another spelling of an id");

    let finding = format!(
        r#"{{"item":"x","finding":"ok","by":"{}","at_ms":1790000000000}}"#,
        victim.person
    );
    let fresh = EntryId::from_bytes([0xcd; 16]).to_string();
    let verdict = push_raw(&mut device, record, &document, "checks", &fresh, &finding);
    assert_eq!(
        code(&verdict),
        "author_forged",
        "a finding in another's name"
    );

    let invented = "title|1@00000000000000000000000000000000";
    let verdict = push_raw(&mut device, record, &document, "kept", invented, "从未写过");
    assert_eq!(code(&verdict), "bad_value", "a lost value that never was");
}

#[test]
fn a_record_is_full_before_it_can_keep_phones_from_pulling() {
    let district = District::new();
    let mut device = RawDevice::enrol(&district, &district.worker(GRID_A, 0), 22);
    let record = device.record_id();
    let (mut document, begun) = device.honest_case(&area(&district, GRID_A));
    device.push(&[(record, begun.raw_bytes().to_vec())]);
    let mut last = None;
    for n in 0..40_u8 {
        let commands: Vec<Command> = (0..14_u8)
            .map(|entry| Command::Comment {
                id: EntryId::from_bytes([n, entry, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
                comment: Comment {
                    text: words(&"长".repeat(5_000)),
                    by: device.person.clone(),
                    at_ms: 1_790_000_000_000,
                },
            })
            .collect();
        let change = device.write(&mut document, &commands);
        let verdict = device
            .push(&[(record, change.raw_bytes().to_vec())])
            .remove(0);
        if !matches!(verdict, Verdict::Admitted { .. }) {
            last = Some(verdict);
            break;
        }
    }
    assert_eq!(code(&last.expect("the record fills up")), "record_full");
    let phone = district.phone(GRID_A, 1);
    assert!(
        phone.show(record).unwrap().is_some(),
        "a new phone still gets it"
    );
}

#[test]
fn many_changes_that_wait_for_nothing_do_not_hold_up_the_district() {
    let district = District::new();
    let mut device = RawDevice::enrol(&district, &district.worker(GRID_A, 0), 23);
    let record = device.record_id();
    let (mut document, _begun) = device.honest_case(&area(&district, GRID_A));
    // The first change is never sent, so all others wait for something.
    for _ in 0..4 {
        let items: Vec<_> = (0..200)
            .map(|n| {
                let change = device.write(&mut document, &[set_title(&format!("第{n}次"))]);
                (record, change.raw_bytes().to_vec())
            })
            .collect();
        let verdicts = device.push(&items);
        assert!(
            verdicts
                .iter()
                .all(|verdict| matches!(verdict, Verdict::Waiting { .. }))
        );
    }
    let phone = district.phone(GRID_A, 1);
    let case = phone.report_case("照常");
    phone.sync_all();
    assert_eq!(
        phone.show(case).unwrap().unwrap().row.standing,
        gridlog_client_core::Standing::InLog
    );
}
