use std::collections::BTreeMap;

use automerge::{ActorId, Automerge, Change};
use proptest::prelude::*;

use super::*;
use crate::environment::SeededEntropy;
use crate::id::EntryId;

const NOW: i64 = 1_790_000_000_000;

fn author(n: u8) -> Author {
    Author {
        person: format!("W{n:03}").as_str().into(),
        actor: ActorId::from([n; 16]),
        now_ms: NOW + i64::from(n),
    }
}

fn entry_id(n: u64) -> EntryId {
    EntryId::new(NOW, &mut SeededEntropy::new(n))
}

fn new_case(title: &str) -> Command {
    let fields = BTreeMap::from([
        ("title".to_owned(), Value::Text(title.to_owned())),
        ("category".to_owned(), Value::Text("01014".to_owned())),
        (
            "description".to_owned(),
            Value::Text("井盖缺失，已放警示桩。".to_owned()),
        ),
    ]);
    Command::Create(NewRecord {
        kind: Kind::Case,
        area: "430111003001".into(),
        fields,
        references: BTreeMap::from([("catalogue".to_owned(), 1)]),
    })
}

fn set(field: &str, text: &str) -> Command {
    Command::Set {
        field: field.to_owned(),
        value: Value::Text(text.to_owned()),
        shown: None,
    }
}

fn case() -> Automerge {
    let mut doc = Automerge::new();
    write(&mut doc, &author(1), &[new_case("井盖缺失")]).unwrap();
    doc
}

fn changed(doc: &Automerge, who: u8, commands: &[Command]) -> (Automerge, Option<Change>) {
    let mut copy = doc.clone();
    let change = write(&mut copy, &author(who), commands).unwrap();
    (copy, change)
}

fn merged(mut a: Automerge, b: &Automerge) -> Automerge {
    a.merge(&mut b.clone()).unwrap();
    a
}

fn lost_texts(view: &RecordView, place: &str) -> Vec<String> {
    view.conflicts
        .iter()
        .filter(|conflict| conflict.place == place)
        .flat_map(|conflict| &conflict.lost)
        .filter_map(|lost| lost.value.as_text().map(str::to_owned))
        .collect()
}

#[test]
fn a_new_case_reads_back_as_it_was_written() {
    let view = RecordView::read(&case()).unwrap();
    assert_eq!(view.kind, Kind::Case);
    assert_eq!(view.author, "W001".into());
    assert_eq!(view.text("title"), "井盖缺失");
    assert_eq!(view.text("description"), "井盖缺失，已放警示桩。");
    assert_eq!(view.created_at_ms, NOW + 1);
    assert_eq!(view.references["catalogue"], 1);
    assert!(view.searchable().contains("警示桩"));
}

#[test]
fn a_record_without_what_it_requires_is_not_begun() {
    let mut doc = Automerge::new();
    let mut incomplete = new_case("x");
    if let Command::Create(new) = &mut incomplete {
        new.fields.remove("title");
    }
    let error = write(&mut doc, &author(1), &[incomplete]).unwrap_err();
    assert_eq!(error.code(), "required_missing");
    assert!(doc.is_empty() && RecordView::read(&doc).is_err());
    let late = write(&mut doc, &author(1), &[set("title", "x")]).unwrap_err();
    assert_eq!(late.code(), "not_created");
}

#[test]
fn one_bad_command_leaves_nothing_of_its_change_behind() {
    let mut doc = case();
    let before = doc.get_heads();
    let commands = [set("title", "新标题"), set("no_such_field", "x")];
    assert_eq!(
        write(&mut doc, &author(1), &commands).unwrap_err().code(),
        "unknown_field"
    );
    assert_eq!(doc.get_heads(), before);
    assert_eq!(RecordView::read(&doc).unwrap().text("title"), "井盖缺失");
}

#[test]
fn an_edit_to_the_value_that_stands_makes_no_change() {
    let (_, change) = changed(&case(), 1, &[set("title", "井盖缺失")]);
    assert!(change.is_none());
}

#[test]
fn concurrent_edits_of_one_field_leave_the_lost_value_visible() {
    let base = case();
    let both = merged(
        changed(&base, 2, &[set("title", "甲")]).0,
        &changed(&base, 3, &[set("title", "乙")]).0,
    );
    let view = RecordView::read(&both).unwrap();
    let mut values = lost_texts(&view, "title");
    values.push(view.text("title").to_owned());
    values.sort();
    assert_eq!(values, ["乙", "甲"]);
}

#[test]
fn an_edit_by_somebody_who_did_not_see_a_conflict_keeps_it_visible() {
    let base = case();
    let both = merged(
        changed(&base, 2, &[set("title", "甲")]).0,
        &changed(&base, 3, &[set("title", "乙")]).0,
    );
    let lost = lost_texts(&RecordView::read(&both).unwrap(), "title");
    let (edited, _) = changed(&both, 4, &[set("title", "丙")]);
    let view = RecordView::read(&edited).unwrap();
    assert_eq!(view.text("title"), "丙");
    assert_eq!(lost_texts(&view, "title"), lost);
}

#[test]
fn resolve_ends_a_conflict_for_the_values_its_author_saw_and_no_others() {
    let base = case();
    let [a, b, c] = [(2, "甲"), (3, "乙"), (4, "丙")]
        .map(|(who, title)| changed(&base, who, &[set("title", title)]).0);
    let two = merged(a, &b);
    let view = RecordView::read(&two).unwrap();
    let seen = view.conflicts[0].all_ops();
    let resolve = Command::Resolve {
        place: "title".to_owned(),
        value: Value::Text("甲乙".to_owned()),
        seen,
    };
    let three = merged(two.clone(), &c);
    let resolved_unseen = changed(&three, 5, std::slice::from_ref(&resolve)).0;
    let unseen = RecordView::read(&resolved_unseen).unwrap();
    assert_eq!(unseen.text("title"), "甲乙");
    assert_eq!(
        lost_texts(&unseen, "title").len(),
        1,
        "the third value was not seen"
    );

    let view = RecordView::read(&changed(&two, 5, &[resolve]).0).unwrap();
    assert_eq!(view.conflicts, []);
}

#[test]
fn equal_concurrent_values_are_no_conflict() {
    let base = case();
    let both = merged(
        changed(&base, 2, &[set("title", "同")]).0,
        &changed(&base, 3, &[set("title", "同")]).0,
    );
    assert_eq!(RecordView::read(&both).unwrap().conflicts, []);
    let (edited, _) = changed(&both, 4, &[set("title", "新")]);
    assert_eq!(RecordView::read(&edited).unwrap().conflicts, []);
}

#[test]
fn concurrent_edits_of_prose_both_survive() {
    let base = case();
    let both = merged(
        changed(
            &base,
            2,
            &[set("description", "东侧井盖缺失，已放警示桩。")],
        )
        .0,
        &changed(
            &base,
            3,
            &[set("description", "井盖缺失，已放警示桩。夜间无灯。")],
        )
        .0,
    );
    let view = RecordView::read(&both).unwrap();
    assert_eq!(
        view.text("description"),
        "东侧井盖缺失，已放警示桩。夜间无灯。"
    );
}

#[test]
fn concurrent_corrections_of_one_finding_leave_the_lost_one_visible() {
    let id = entry_id(1);
    let check = |who: &str, finding, note: &str| Command::Check {
        id,
        check: Check {
            item: "公共区域到".to_owned(),
            finding,
            note: note.to_owned(),
            by: who.into(),
            at_ms: NOW,
        },
        shown: None,
    };
    let (base, _) = changed(&case(), 1, &[check("W001", Finding::Ok, "")]);
    let both = merged(
        changed(&base, 2, &[check("W002", Finding::Problem, "灯坏")]).0,
        &changed(&base, 3, &[check("W003", Finding::Problem, "门坏")]).0,
    );
    let view = RecordView::read(&both).unwrap();
    assert_eq!(view.conflicts.len(), 1);
    let conflict = &view.conflicts[0];
    let resolve = Command::Resolve {
        place: conflict.place.clone(),
        value: conflict.lost[0].value.clone(),
        seen: conflict.all_ops(),
    };
    let view = RecordView::read(&changed(&both, 4, &[resolve]).0).unwrap();
    assert_eq!(view.conflicts, []);
}

#[test]
fn a_deleted_record_says_so_and_takes_no_more_writes() {
    let (mut doc, _) = changed(&case(), 1, &[Command::Delete { at_ms: NOW }]);
    assert_eq!(RecordView::read(&doc).unwrap().deleted_at_ms, Some(NOW));
    let error = write(&mut doc, &author(1), &[set("title", "x")]).unwrap_err();
    assert_eq!(error.code(), "deleted");
}

#[test]
fn a_proposal_is_written_once() {
    let proposal = Proposal {
        step: crate::workflow::Step::Report,
        by: "W001".into(),
        at_ms: NOW,
        offset_ms: None,
        seen: LogPosition::default(),
        details: StepDetails::default(),
    };
    let propose = Command::Propose {
        id: entry_id(1),
        proposal: Box::new(proposal),
    };
    let (mut doc, _) = changed(&case(), 1, std::slice::from_ref(&propose));
    let view = RecordView::read(&doc).unwrap();
    assert_eq!(view.proposals.len(), 1);
    assert_eq!(view.proposals[&entry_id(1)].sha256.len(), 64);
    assert_eq!(
        write(&mut doc, &author(1), &[propose]).unwrap_err().code(),
        "entry_sealed"
    );
}

#[test]
fn a_photo_names_its_preview_and_one_without_is_written_as_ever() {
    let photo = |preview| PhotoRef {
        sha256: "ab".repeat(32),
        role: PhotoRole::Near,
        bytes: 300_000,
        by: "W001".into(),
        at_ms: NOW,
        preview,
    };
    let plain = serde_json::to_string(&photo(None)).unwrap();
    assert!(!plain.contains("preview"), "{plain}");
    let preview = PreviewRef {
        sha256: "cd".repeat(32),
        bytes: 12_000,
    };
    for (n, preview) in [(1, None), (2, Some(preview))] {
        let photo = photo(preview);
        let command = Command::Photo {
            id: entry_id(n),
            photo: photo.clone(),
        };
        let view = RecordView::read(&changed(&case(), 1, &[command]).0).unwrap();
        assert_eq!(view.photos[&entry_id(n)], photo);
    }
}

#[test]
fn a_value_comes_back_from_json_as_what_it_is_and_nothing_else_is_a_value() {
    let place = Place {
        address: vec!["造化塘小区".to_owned(), "3栋".to_owned()],
        fix: None,
    };
    for value in [
        Value::Millis(-1),
        Value::Millis(i64::MAX),
        Value::Text("12".to_owned()),
        Value::Text(String::new()),
        Value::Place(place),
        Value::Place(Place::default()),
    ] {
        let json = serde_json::to_string(&value).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&json).unwrap(),
            value,
            "{json}"
        );
    }
    let no_values = [
        "1.5",
        "true",
        "null",
        "[]",
        "9223372036854775808",
        "{\"a\":1}",
    ];
    for json in no_values {
        assert!(serde_json::from_str::<Value>(json).is_err(), "{json}");
    }
}

#[test]
fn a_place_is_stored_raw_and_an_impossible_one_is_refused() {
    let place = |lat| {
        Value::Place(Place {
            address: vec!["造化塘小区".to_owned(), "3栋".to_owned()],
            fix: Some(Fix {
                crs: Crs::Gcj02,
                lon: 112.985_123_4,
                lat,
                accuracy_m: Some(8.5),
                fixed_at_ms: NOW,
            }),
        })
    };
    let put = |lat| {
        [Command::Set {
            field: "place".to_owned(),
            value: place(lat),
            shown: None,
        }]
    };
    let (doc, _) = changed(&case(), 1, &put(28.187_654_3));
    assert_eq!(
        RecordView::read(&doc).unwrap().fields["place"],
        place(28.187_654_3)
    );
    assert_eq!(
        write(&mut case(), &author(1), &put(91.0))
            .unwrap_err()
            .code(),
        "wrong_value"
    );
}

/// One edit by one of several devices, and whether it first merges another device's copy.
#[derive(Debug, Clone)]
struct Move {
    device: usize,
    merge_from: Option<usize>,
    field: bool,
    text: u8,
}

fn a_move(devices: usize) -> impl Strategy<Value = Move> {
    (
        0..devices,
        proptest::option::of(0..devices),
        any::<bool>(),
        any::<u8>(),
    )
        .prop_map(|(device, merge_from, field, text)| Move {
            device,
            merge_from,
            field,
            text,
        })
}

proptest! {
    #[test]
    fn devices_that_edit_in_any_order_end_with_equal_heads_and_views_and_no_value_is_lost_unseen(
        moves in prop::collection::vec(a_move(4), 1..24),
        order in Just((0..4_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let base = case();
        let mut copies = [base.clone(), base.clone(), base.clone(), base];
        // Titles that their author's device replaced, having shown them, are not lost.
        let mut replaced = std::collections::BTreeSet::new();
        let mut written = Vec::new();
        for (n, step) in moves.iter().enumerate() {
            if let Some(from) = step.merge_from {
                let other = copies[from].clone();
                copies[step.device] = merged(copies[step.device].clone(), &other);
            }
            let who = u8::try_from(step.device).unwrap() + 1;
            let text = format!("{n}-{}", step.text);
            if step.field {
                let shown = RecordView::read(&copies[step.device]).unwrap();
                replaced.insert(shown.text("title").to_owned());
                written.push(text.clone());
                copies[step.device] = changed(&copies[step.device], who, &[set("title", &text)]).0;
            } else {
                let shown = RecordView::read(&copies[step.device]).unwrap();
                let longer = format!("{}{text}。", shown.text("description"));
                let edit = set("description", &longer);
                copies[step.device] = changed(&copies[step.device], who, &[edit]).0;
            }
        }
        let mut ends = Vec::new();
        for start in 0..4 {
            let mut end = copies[order[start]].clone();
            for offset in 1..4 {
                end = merged(end, &copies[order[(start + offset) % 4]]);
            }
            ends.push(end);
        }
        let view = RecordView::read(&ends[0]).unwrap();
        for end in &ends {
            prop_assert_eq!(end.get_heads(), ends[0].get_heads());
            prop_assert_eq!(&RecordView::read(end).unwrap(), &view);
        }
        let mut visible = lost_texts(&view, "title");
        visible.push(view.text("title").to_owned());
        for title in written {
            prop_assert!(replaced.contains(&title) || visible.contains(&title), "{}", title);
        }
    }
}

#[test]
fn a_value_that_came_in_after_somebody_looked_survives_their_resolution() {
    let base = case();
    let [a, b, c] = [(2, "甲"), (3, "乙"), (9, "丙")]
        .map(|(who, title)| changed(&base, who, &[set("title", title)]).0);
    let two = merged(a, &b);
    let seen = RecordView::read(&two).unwrap().conflicts[0].all_ops();
    let three = merged(two, &c);
    let before = RecordView::read(&three).unwrap();
    assert_eq!(before.text("title"), "丙", "the late value stands");
    let resolve = Command::Resolve {
        place: "title".to_owned(),
        value: Value::Text("甲乙".to_owned()),
        seen,
    };
    let view = RecordView::read(&changed(&three, 5, &[resolve]).0).unwrap();
    assert_eq!(view.text("title"), "甲乙");
    assert_eq!(lost_texts(&view, "title"), ["丙"]);
}

#[test]
fn words_that_are_written_again_do_not_silently_replace_what_others_wrote_meanwhile() {
    let base = case();
    let meant = pinned(&base, &[set("title", "我的")], None).unwrap();
    let (meanwhile, _) = changed(&base, 2, &[set("title", "同事的")]);
    let view = RecordView::read(&changed(&meanwhile, 3, &meant).0).unwrap();
    assert_eq!(view.text("title"), "我的");
    assert_eq!(lost_texts(&view, "title"), ["同事的"]);

    let own_chain = pinned(&base, &[set("title", "一"), set("title", "二")], None).unwrap();
    let view = RecordView::read(&changed(&base, 3, &own_chain).0).unwrap();
    assert_eq!(
        view.conflicts,
        [],
        "what one replaced oneself is no conflict"
    );
}

#[test]
fn concurrent_corrections_of_the_area_show_the_lost_one() {
    let base = case();
    let both = merged(
        changed(&base, 2, &[set("area", "430111003002")]).0,
        &changed(&base, 3, &[set("area", "430111003003")]).0,
    );
    let view = RecordView::read(&both).unwrap();
    assert_eq!(lost_texts(&view, "area").len(), 1);
}

fn hotline_case() -> Automerge {
    let Command::Create(mut new) = new_case("井盖缺失") else {
        panic!("it begins a record")
    };
    for (field, value) in [("channel", "hotline"), ("number", "20260101-7")] {
        new.fields
            .insert(field.to_owned(), Value::Text(value.to_owned()));
    }
    let mut doc = Automerge::new();
    write(&mut doc, &author(1), &[Command::Create(new)]).unwrap();
    doc
}

#[test]
fn the_way_a_case_came_in_and_its_number_there_never_change() {
    let mut doc = hotline_case();
    for (field, value) in [("channel", "worker"), ("number", "20260101-8")] {
        let error = write(&mut doc, &author(1), &[set(field, value)]).unwrap_err();
        assert_eq!(error.code(), "field_sealed");
        let resolve = Command::Resolve {
            place: field.to_owned(),
            value: Value::Text(value.to_owned()),
            seen: Vec::new(),
        };
        let error = write(&mut doc, &author(1), &[resolve]).unwrap_err();
        assert_eq!(error.code(), "field_sealed");
    }
    let view = RecordView::read(&doc).unwrap();
    assert_eq!(view.text("number"), "20260101-7");
    assert!(view.searchable().contains("20260101-7"));
}

#[test]
fn a_change_that_writes_the_number_again_is_not_of_a_records_shape() {
    use crate::writes::{Action, Target, Write};
    let before = hotline_case();
    let by = author(1).person;
    let write = Write {
        path: Vec::new(),
        target: Target::Key("number".to_owned()),
        action: Action::Put(automerge::ScalarValue::from("20260101-8")),
        id: "90@01".to_owned(),
        overwrites: Vec::new(),
    };
    let judged = policy::judge(policy::Judged {
        author: &by,
        genesis: false,
        before: &before,
        after: &before,
        deps: &[],
        writes: &[write],
    });
    assert_eq!(judged.unwrap_err().code(), "sealed");
}
