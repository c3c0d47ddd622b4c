//! Whatever is packed comes back, and whatever comes is bounded.

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, ObjType, ROOT, ReadDoc};
use minicbor::Encoder;
use proptest::prelude::*;

use super::{Changes, Spoilt, pack, pack_knowing, unpack};
use crate::codec;
use crate::{Blob, Key, Page, Position, PushItem, SyncRequest, ViewNews};

const MOST: usize = 1 << 20;

fn there_and_back(cbor: &[u8]) -> Vec<u8> {
    let packed = pack(cbor).expect("this crate writes it");
    unpack(&packed.concat(), MOST).expect("it was packed")
}

fn request(changes: Vec<Vec<u8>>) -> Vec<u8> {
    let push = changes.into_iter().map(|change| PushItem {
        record: Key([7; 16]),
        change: Blob(change),
        offset_ms: Some(-250),
    });
    let request = SyncRequest {
        push: push.collect(),
        ..SyncRequest::idle(Key([1; 16]), Key([2; 16]), 1_790_000_000_000)
    };
    minicbor::to_vec(&request).unwrap()
}

/// What a hand does to a record.
#[derive(Debug, Clone)]
enum Edit {
    Put(u8, Scalar),
    Entry(u8, String),
    Splice(usize, usize, String),
    Item(usize, i64),
    Forget(u8),
}

#[derive(Debug, Clone)]
enum Scalar {
    Text(String),
    Number(i64),
    Float(f64),
    Flag(bool),
    Bytes(Vec<u8>),
}

fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        text().prop_map(Scalar::Text),
        any::<i64>().prop_map(Scalar::Number),
        (-1e9..1e9).prop_map(Scalar::Float),
        any::<bool>().prop_map(Scalar::Flag),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Scalar::Bytes),
    ]
}

/// Texts of all the kinds that are told in a way of their own.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[井盖破损路面积水垃圾]{0,40}",
        "[0-9]{1,22}",
        "[0-9a-f]{64}",
        "0190b5a0-7c1e-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
        "[0-9A-Fa-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f-]{12}",
        Just("title".to_owned()),
        json().prop_map(|json| json.to_string()),
        "\\{\"step\":[0-9.]{1,20}\\}",
    ]
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        (0_u8..40).prop_map(Into::into),
        (-180_000_000_i64..180_000_000).prop_map(|n| (n as f64 / 1e6).into()),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        "[a-z]{1,9}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            proptest::collection::btree_map("[a-z]{0,6}", inner, 0..5)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<u8>(), scalar()).prop_map(|(key, value)| Edit::Put(key % 6, value)),
        (any::<u8>(), text()).prop_map(|(key, text)| Edit::Entry(key % 6, text)),
        (any::<u16>(), 0_usize..4, text()).prop_map(|(at, removed, text)| Edit::Splice(
            at.into(),
            removed,
            text
        )),
        (any::<u16>(), any::<i64>()).prop_map(|(at, value)| Edit::Item(at.into(), value)),
        any::<u8>().prop_map(|key| Edit::Forget(key % 6)),
    ]
}

/// A record that several actors wrote in, partly at once.
fn changes(edits: &[Vec<Edit>]) -> Vec<Vec<u8>> {
    let mut base = AutoCommit::new().with_actor(ActorId::from([9; 16]));
    for (key, kind) in [
        ("entries", ObjType::Map),
        ("text", ObjType::Text),
        ("items", ObjType::List),
    ] {
        base.put_object(ROOT, key, kind).unwrap();
    }
    base.commit_with(CommitOptions::default().with_time(1_790_000_000_000));
    for (number, edits) in (0_u8..).zip(edits) {
        let mut other = base.fork().with_actor(ActorId::from([number + 1; 16]));
        edits.iter().for_each(|edit| write(&mut other, edit));
        let options = CommitOptions::default().with_time(1_790_000_000_000 + i64::from(number));
        other.commit_with(options);
        // Every other hand has seen what came before.
        if number % 2 == 0 {
            base.merge(&mut other).unwrap();
        } else {
            let behind = base.get_changes(&[]);
            other.apply_changes(behind).unwrap();
            base.merge(&mut other).unwrap();
        }
    }
    let all = base.get_changes(&[]);
    all.iter()
        .map(|change| change.raw_bytes().to_vec())
        .collect()
}

fn write(doc: &mut AutoCommit, edit: &Edit) {
    let object = |doc: &AutoCommit, key: &str| doc.get(ROOT, key).unwrap().unwrap().1;
    match edit {
        Edit::Put(key, value) => {
            let key = format!("field{key}");
            match value {
                Scalar::Text(value) => doc.put(ROOT, key, value.as_str()),
                Scalar::Number(value) => doc.put(ROOT, key, *value),
                Scalar::Float(value) => doc.put(ROOT, key, *value),
                Scalar::Flag(value) => doc.put(ROOT, key, *value),
                Scalar::Bytes(value) => doc.put(ROOT, key, value.clone()),
            }
            .unwrap();
        }
        Edit::Entry(key, text) => {
            let entries = object(doc, "entries");
            doc.put(entries, format!("entry{key}"), text.as_str())
                .unwrap();
        }
        Edit::Splice(at, removed, inserted) => {
            let text = object(doc, "text");
            let length = doc.length(&text);
            let at = at % (length + 1);
            let removed = (*removed).min(length - at).cast_signed();
            doc.splice_text(text, at, removed, inserted).unwrap();
        }
        Edit::Item(at, value) => {
            let items = object(doc, "items");
            let at = at % (doc.length(&items) + 1);
            doc.insert(items, at, *value).unwrap();
        }
        Edit::Forget(key) => {
            // There may be nothing to forget.
            let _ = doc.delete(ROOT, format!("field{key}"));
        }
    }
}

/// Any CBOR that `minicbor` writes.
#[derive(Debug, Clone)]
enum Tree {
    Unsigned(u64),
    Signed(i64),
    Bytes(Vec<u8>),
    Text(String),
    Flag(bool),
    Null,
    Array(Vec<Tree>),
    Nested(Box<Tree>),
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        any::<u64>().prop_map(Tree::Unsigned),
        (0_u64..40).prop_map(Tree::Unsigned),
        (1_790_000_000_000_i64..1_790_000_000_009).prop_map(Tree::Signed),
        any::<i64>().prop_map(Tree::Signed),
        proptest::collection::vec(any::<u8>(), 0..80).prop_map(Tree::Bytes),
        (0_u8..4).prop_map(|id| Tree::Bytes(vec![id; 16])),
        (0_u8..4).prop_map(|digest| Tree::Bytes(vec![digest; 32])),
        text().prop_map(Tree::Text),
        json().prop_map(|json| Tree::Bytes(json.to_string().into_bytes())),
        any::<bool>().prop_map(Tree::Flag),
        Just(Tree::Null),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Tree::Array),
            inner.prop_map(|inside| Tree::Nested(Box::new(inside))),
        ]
    })
}

fn grow(tree: &Tree, out: &mut Encoder<Vec<u8>>) {
    let grown = match tree {
        Tree::Unsigned(number) => out.u64(*number),
        Tree::Signed(number) => out.i64(*number),
        Tree::Bytes(bytes) => out.bytes(bytes),
        Tree::Text(text) => out.str(text),
        Tree::Flag(flag) => out.bool(*flag),
        Tree::Null => out.null(),
        Tree::Array(items) => {
            out.array(items.len() as u64).unwrap();
            return items.iter().for_each(|item| grow(item, out));
        }
        Tree::Nested(inside) => out.bytes(&cbor_of(inside)),
    };
    grown.map(drop).unwrap();
}

fn cbor_of(tree: &Tree) -> Vec<u8> {
    let mut out = Encoder::new(Vec::new());
    grow(tree, &mut out);
    out.into_writer()
}

/// A page about two records that say the same.
fn sample() -> Vec<u8> {
    page_about(&[11, 12])
}

fn page_about(records: &[u8]) -> Vec<u8> {
    let changes = changes(&[
        vec![
            Edit::Put(0, Scalar::Text("井盖破损".to_owned())),
            Edit::Entry(
                0,
                r#"{"step":"report","by":"W001","at_ms":1790000000000}"#.to_owned(),
            ),
            Edit::Splice(0, 0, "路面积水，车辆绕行".to_owned()),
        ],
        vec![Edit::Splice(2, 1, "很深".to_owned()), Edit::Forget(0)],
    ]);
    let mut page = Page::empty(Position::NOWHERE, 1_790_000_000_500);
    for record in records.iter().copied() {
        page.body.records.push(crate::RecordDelta {
            record: Key([record; 16]),
            changes: changes.iter().cloned().map(Blob).collect(),
            whole: true,
            snapshot: None,
            as_of: 70_000 + u64::from(record),
            updated_ms: 1_790_000_000_400,
            area: "43011100300101".to_owned(),
            seen_by: 1,
            view: ViewNews::Whole(Blob(
                br#"{"fields":{"title":"\u4e95","lon":112.980001},"n":[1,-30,4.5]}"#.to_vec(),
            )),
            state: None,
            rulings: Vec::new(),
            authors: Vec::new(),
        });
    }
    minicbor::to_vec(&page.body).unwrap()
}

#[test]
fn what_was_said_before_is_not_said_again() {
    let of = |records: &[u8]| {
        let page = page_about(records);
        assert_eq!(there_and_back(&page), page);
        let packed = pack(&page).unwrap();
        (page.len(), packed.concat().len(), packed.raw_bytes())
    };
    let (one, two, three) = (of(&[11]), of(&[11, 12]), of(&[11, 12, 13]));
    assert!((two.1 - one.1) * 3 < two.0 - one.0, "{one:?} {two:?}");
    assert_eq!(
        three.2 - two.2,
        16,
        "a third record that says the same needs its id only"
    );
}

#[test]
fn a_page_of_the_log_is_packed_alike_without_a_second_look_at_its_changes() {
    let page = page_about(&[11, 12, 13]);
    let packed = pack_knowing(Changes::Admitted, &page).unwrap();
    assert_eq!(packed, pack(&page).unwrap());
    assert_eq!(unpack(&packed.concat(), page.len()).unwrap(), page);
}

#[test]
fn bytes_that_are_not_cbor_are_not_packed() {
    // An empty body, a tail, a number that is not in its shortest form, a map, a text that is none.
    let bodies: [&[u8]; 5] = [b"", &[0, 0], &[0x18, 1], &[0xa0], &[0x61, 0xff]];
    for body in bodies {
        assert_eq!(pack(body), None, "{body:?}");
    }
}

#[test]
fn what_is_not_in_one_form_travels_as_it_is() {
    // JSON with spaces, numbers in other forms, a member twice, hex in upper case.
    for json in [
        r#"{ "a":1}"#,
        r#"{"a":01}"#,
        r#"{"a":-0}"#,
        r#"{"a":1e3}"#,
        r#"{"a":0.0}"#,
        r#"{"a":1.}"#,
        r#"{"a":-.5}"#,
        r#"{"a":-0.5,"a":1.50}"#,
        r#"{"a":123456789012345678901234567890}"#,
        r#"{"a":"\u00e9\"\\"}"#,
        r#"{"a":"0190B5A0-7C1E-7000-8000-000000000001"}"#,
        r#"{"a""#,
        "{}",
        r#"{"a":1,}"#,
    ] {
        let cbor = cbor_of(&Tree::Bytes(json.as_bytes().to_vec()));
        assert_eq!(there_and_back(&cbor), cbor, "{json}");
    }
}

#[test]
fn an_empty_message_is_not_put_together_of_nothing() {
    assert_eq!(unpack(&[], MOST), Err(Spoilt));
    assert_eq!(unpack(&[0; 8], MOST), Err(Spoilt));
}

#[test]
fn a_long_text_that_is_named_again_and_again_is_refused_before_it_fills_the_memory() {
    let long = "井".repeat(20_000);
    let edits: Vec<Edit> = (0..5).map(|key| Edit::Entry(key, long.clone())).collect();
    let heavy = request(changes(&[edits]));
    assert!(heavy.len() > 256 * 1024, "beyond what a change may have");
    // It travels all the same, as it is.
    assert_eq!(there_and_back(&heavy), heavy);
    let packed = pack(&heavy).unwrap();
    assert!(packed.raw_bytes() > 256 * 1024);
}

#[test]
fn nothing_grows_beyond_what_the_reader_allows() {
    let page = sample();
    let packed = pack(&page).unwrap().concat();
    assert_eq!(unpack(&packed, page.len()).as_deref(), Ok(&page[..]));
    assert_eq!(unpack(&packed, page.len() - 1), Err(Spoilt));
}

#[test]
fn a_dense_body_is_decoded_and_one_with_a_tail_is_not() {
    let request = SyncRequest::idle(Key([1; 16]), Key([2; 16]), 5);
    let body = codec::encode(&request);
    assert_eq!(
        codec::decode::<SyncRequest>("request", &body).as_ref(),
        Ok(&request)
    );
    let mut parts = pack(&minicbor::to_vec(&request).unwrap()).unwrap().concat();
    parts.push(0);
    assert_eq!(unpack(&parts, MOST), Err(Spoilt));
}

proptest! {
    #[test]
    fn every_message_comes_back_byte_for_byte(tree in tree()) {
        let cbor = cbor_of(&tree);
        prop_assert_eq!(there_and_back(&cbor), cbor);
    }

    #[test]
    fn every_change_comes_back_byte_for_byte(
        edits in proptest::collection::vec(proptest::collection::vec(edit(), 1..5), 1..5),
    ) {
        let cbor = request(changes(&edits));
        prop_assert_eq!(there_and_back(&cbor), cbor);
    }

    #[test]
    fn spoilt_bytes_are_refused_and_bounded(
        cut in any::<u16>(),
        edits in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..6),
    ) {
        let mut packed = pack(&sample()).unwrap().concat();
        for (at, with) in edits {
            let at = usize::from(at) % packed.len();
            packed[at] = with;
        }
        for bytes in [&packed[..], &packed[..usize::from(cut) % packed.len()]] {
            if let Ok(cbor) = unpack(bytes, MOST) {
                prop_assert!(cbor.len() <= MOST);
            }
        }
    }

    #[test]
    fn random_bytes_are_refused_and_bounded(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(cbor) = unpack(&bytes, MOST) {
            prop_assert!(cbor.len() <= MOST);
        }
    }
}
