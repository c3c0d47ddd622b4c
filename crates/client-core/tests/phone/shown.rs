//! An edit replaces what its author saw, and nothing that came in since.

use gridlog_domain::id::RecordId;
use gridlog_domain::record::{Command, Conflict, Finding, Rewrite, Value};

use crate::colleague::*;
use crate::fixture::*;
use crate::snapshots::take_snapshot;

fn text(words: &str) -> Value {
    Value::Text(words.to_owned())
}

fn lost(conflict: &Conflict) -> Vec<Value> {
    conflict
        .lost
        .iter()
        .map(|lost| lost.value.clone())
        .collect()
}

/// What stands in a field, and what lost there.
fn field(f: &Fixture, id: RecordId, name: &str) -> (String, Vec<Value>) {
    let view = f.detail(id).view;
    let mut conflicts = view.conflicts.iter();
    let conflict = conflicts.find(|conflict| conflict.place == name);
    (
        view.text(name).to_owned(),
        conflict.map_or_else(Vec::new, lost),
    )
}

fn set(field: &str, words: &str) -> Command {
    Command::Set {
        field: field.to_owned(),
        value: text(words),
        shown: None,
    }
}

#[test]
fn a_newer_value_that_a_sync_brought_meanwhile_is_kept_beside_the_edit() {
    for as_snapshot in [false, true] {
        let f = Fixture::new();
        let id = f.server.colleague_writes(new_case("原来的"), vec![]);
        f.sync();
        let shown = f.detail(id).revision;
        f.server.colleague_edits(id, &[titled("同事的")]);
        if as_snapshot {
            take_snapshot(&f.server, id);
            let sql = "INSERT INTO wants (record) VALUES (?1)";
            raw(&path(&f.folder)).execute(sql, [id.as_bytes()]).unwrap();
        }
        f.sync();
        f.phone
            .edit_as_shown(id, &shown, &[("title", text("我的"))])
            .unwrap();
        let both = ("我的".to_owned(), vec![text("同事的")]);
        assert_eq!(field(&f, id, "title"), both);
        let report = f.sync();
        assert_eq!((report.admitted, report.refused), (1, 0));
        assert_eq!(field(&f, id, "title"), both);
        f.assert_agrees();
        // Whoever sees both may end it.
        let conflict = f.detail(id).view.conflicts[0].clone();
        f.phone
            .resolve(id, "title", text("都要"), &conflict.all_ops())
            .unwrap();
        assert_eq!(field(&f, id, "title"), ("都要".to_owned(), vec![]));
    }
}

#[test]
fn where_nothing_came_in_an_edit_is_no_conflict() {
    let f = Fixture::new();
    let theirs = f.server.colleague_writes(new_case("原来的"), vec![]);
    let mine = f.phone.report(report("原来的")).unwrap();
    f.sync();
    for id in [theirs, mine] {
        for words in ["一", "二"] {
            let shown = f.detail(id).revision;
            // Something else in the record is nobody's loss.
            f.server
                .colleague_edits(id, &[comment(words), set("category", words)]);
            f.sync();
            f.phone
                .edit_as_shown(id, &shown, &[("title", text(words))])
                .unwrap();
            assert_eq!(field(&f, id, "title"), (words.to_owned(), vec![]));
        }
        // What one wrote oneself on an old screen is one's own to replace.
        let shown = f.detail(id).revision;
        for words in ["三", "四"] {
            f.phone
                .edit_as_shown(id, &shown, &[("title", text(words))])
                .unwrap();
        }
        assert_eq!(field(&f, id, "title"), ("四".to_owned(), vec![]));
    }
    assert_eq!(f.sync().refused, 0);
    f.assert_agrees();
}

#[test]
fn a_field_that_was_empty_when_it_was_shown_is_not_overwritten_unseen() {
    let f = Fixture::new();
    let id = f.server.colleague_writes(new_case("案件"), vec![]);
    f.sync();
    let shown = f.detail(id).revision;
    f.server.colleague_edits(id, &[set("condition", "缺失")]);
    f.sync();
    f.phone
        .edit_as_shown(id, &shown, &[("condition", text("破损"))])
        .unwrap();
    let both = ("破损".to_owned(), vec![text("缺失")]);
    assert_eq!(field(&f, id, "condition"), both);
    assert_eq!(f.sync().refused, 0);
    f.assert_agrees();
}

#[test]
fn of_prose_what_others_wrote_since_it_was_shown_stays() {
    let f = Fixture::new();
    let mine = f.phone.report(report("案件")).unwrap();
    f.sync();
    let before = f.detail(mine);
    let old = before.view.text("description").to_owned();
    let rewrite = Rewrite {
        from: old.clone(),
        to: format!("{old}已通知养护单位。"),
    };
    let command = Command::Rewrite {
        field: "description".to_owned(),
        rewrite,
    };
    f.server.colleague_edits(mine, &[command]);
    f.sync();
    let edited = text(&format!("路口{old}"));
    f.phone
        .edit_as_shown(mine, &before.revision, &[("description", edited)])
        .unwrap();
    let words = field(&f, mine, "description").0;
    assert_eq!(words, format!("路口{old}已通知养护单位。"));
    f.sync();
    f.assert_agrees();
}

#[test]
fn a_finding_that_was_corrected_meanwhile_is_kept_beside_the_correction() {
    let f = Fixture::new();
    let patrol = f.phone.start_patrol(None, None).unwrap();
    let entry = f
        .phone
        .check(patrol, None, "路灯", Finding::Problem, "不亮")
        .unwrap();
    f.sync();
    let other = f.another("W002", 2);
    other.sync();
    let shown = other.detail(patrol).revision;
    f.phone
        .check(patrol, Some(entry), "路灯", Finding::Ok, "已修好")
        .unwrap();
    f.sync();
    other.sync();
    let words = ("路灯", Finding::Problem, "两盏不亮");
    other
        .phone
        .correct_as_shown(patrol, &shown, entry, words)
        .unwrap();
    other.sync();
    assert_eq!(other.detail(patrol).view.conflicts.len(), 1);
    f.sync();
    assert_eq!(f.detail(patrol).view.conflicts.len(), 1);
    f.assert_agrees();
}

#[test]
fn a_revision_that_held_own_words_which_were_refused_since_still_says_what_was_seen() {
    let f = Fixture::new();
    let id = f.server.colleague_writes(new_case("原来的"), vec![]);
    f.sync();
    f.phone.edit(id, &[("title", text("我先写的"))]).unwrap();
    let shown = f.detail(id).revision;
    f.server.line().refuse("bad_checksum", |_| true);
    f.sync();
    f.server.line().judge = None;
    f.server.colleague_edits(id, &[set("condition", "缺失")]);
    f.sync();
    let fields = [("title", text("我后写的")), ("condition", text("破损"))];
    f.phone.edit_as_shown(id, &shown, &fields).unwrap();
    assert_eq!(field(&f, id, "title").0, "我后写的");
    assert_eq!(field(&f, id, "condition").1, [text("缺失")]);
    f.sync();
    f.assert_agrees();
}
