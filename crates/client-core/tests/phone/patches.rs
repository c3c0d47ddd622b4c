//! Small edits travel as small patches of what lists show.

use gridlog_domain::record::{Command, Rewrite, Value};
use gridlog_protocol::{Blob, Page, ViewNews};

use crate::colleague::*;
use crate::fixture::*;

/// A phone with a case of a colleague that says a lot.
fn with_a_long_case() -> (Fixture, gridlog_domain::id::RecordId) {
    let f = Fixture::new();
    let mut long = new_case("井盖缺失");
    let description = "井盖缺失，已放警示桩。".repeat(20);
    long.fields
        .insert("description".to_owned(), Value::Text(description));
    let words = (0..5)
        .map(|number| comment(&format!("第{number}句")))
        .collect();
    let id = f.server.colleague_writes(long, words);
    f.sync();
    (f, id)
}

fn is_patch(page: &Page) -> bool {
    let mut records = page.body.records.iter();
    records.any(|delta| matches!(delta.view, ViewNews::Patch { .. }))
}

#[test]
fn a_small_edit_arrives_as_a_patch_and_shows() {
    let (f, id) = with_a_long_case();
    f.server.colleague_edits(id, &[titled("井盖破损")]);
    let report = f.sync();
    assert_eq!((report.rounds, report.pulled_records), (1, 1));
    assert!(is_patch(&f.server.last_page()));
    assert!(report.bytes_up + report.bytes_down < 700, "{report:?}");
    assert_eq!(f.only_row().headline, "井盖破损");
    assert_eq!(f.phone.search("破损", 10).unwrap().len(), 1);
    assert!(f.phone.search("盖缺失井", 10).unwrap().is_empty());
    assert_eq!(f.phone.documents_opened(), 0);
    f.assert_agrees();
}

#[test]
fn patches_add_change_and_take_away_in_any_number_of_edits() {
    let (f, id) = with_a_long_case();
    let words = f.detail(id).view.text("description").to_owned();
    let rewritten = words.replacen("警示桩", "两个警示桩", 1);
    let rewrite = |from: &str, to: &str| Command::Rewrite {
        field: "description".to_owned(),
        rewrite: Rewrite {
            from: from.to_owned(),
            to: to.to_owned(),
        },
    };
    let steps = [
        vec![comment("又一句"), titled("一")],
        vec![rewrite(&words, &rewritten)],
        vec![rewrite(&rewritten, "短了")],
        vec![titled("二"), comment("最后一句")],
    ];
    for step in steps {
        f.server.colleague_edits(id, &step);
        f.server.colleague_edits(id, &[comment("顺带一句")]);
        f.sync();
        f.assert_agrees();
    }
    assert_eq!(f.detail(id).view.text("description"), "短了");
    assert_eq!(f.detail(id).view.comments.len(), 11);
    assert_eq!(f.verify().differing, Some(0));
}

type Spoil = fn(&mut ViewNews);

/// What makes a patch lead to something else than the server has.
const SPOILS: [Spoil; 3] = [
    |news| {
        if let ViewNews::Patch { check, .. } = news {
            *check ^= 1;
        }
    },
    |news| {
        if let ViewNews::Patch { patch, .. } = news {
            *patch = Blob(b"{\"fields\":{\"title\":\"\xE5\x81\x87\xE7\x9A\x84\"}}".to_vec());
        }
    },
    |news| {
        if let ViewNews::Patch { patch, .. } = news {
            *patch = Blob(b"{}".to_vec());
        }
    },
];

#[test]
fn a_patch_that_does_not_fit_makes_the_phone_want_the_record_whole() {
    for spoil in SPOILS {
        let (f, id) = with_a_long_case();
        f.server.colleague_edits(id, &[titled("井盖破损")]);
        f.server.line().tamper_with(move |page| {
            for delta in &mut page.body.records {
                spoil(&mut delta.view);
            }
        });
        let report = f.sync();
        assert!(report.complete);
        assert_eq!(report.rounds, 2);
        assert_eq!(f.server.last_request().wants.len(), 1);
        assert!(f.server.last_page().body.records[0].whole);
        assert_eq!(f.only_row().headline, "井盖破损");
        assert_eq!(f.phone.documents_opened(), 0);
        f.server.line().tamper = None;
        f.assert_agrees();
        assert_eq!(f.sync().rounds, 1);
    }
}

#[test]
fn a_patch_that_is_no_view_at_all_does_not_hold_up_what_comes_behind_it() {
    let (f, id) = with_a_long_case();
    let other = f.server.colleague_writes(new_case("后面的"), vec![]);
    f.server.colleague_edits(id, &[titled("井盖破损")]);
    f.server.line().tamper_with(|page| {
        for delta in &mut page.body.records {
            if let ViewNews::Patch { patch, .. } = &mut delta.view {
                *patch = Blob(b"{\"kind\":7}".to_vec());
            }
        }
    });
    f.sync();
    f.server.line().tamper = None;
    assert!(f.has(other));
    assert_eq!(f.detail(id).row.headline, "井盖破损");
    f.assert_agrees();
}
