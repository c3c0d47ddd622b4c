//! Lists, search and tasks.

use gridlog_client_core::*;
use gridlog_domain::record::{Kind, Place, Value};
use gridlog_domain::workflow::{Stage, Step};

use crate::colleague::new_case;
use crate::district::GRID;
use crate::fixture::*;

fn titles(rows: &[RecordRow]) -> Vec<&str> {
    rows.iter().map(|row| row.headline.as_str()).collect()
}

#[test]
fn any_substring_finds_from_one_character_on() {
    let f = Fixture::new();
    f.phone.report(report("井盖缺失")).unwrap();
    f.phone.report(report("路灯不亮 ABC-12")).unwrap();
    let mut third = report("乱堆杂物");
    third.place = Some(Place {
        address: vec!["造化塘小区".to_owned(), "3栋".to_owned()],
        fix: None,
    });
    f.phone.report(third).unwrap();
    let found = |text: &str| f.phone.search(text, 10).unwrap();
    assert_eq!(titles(&found("灯")), ["路灯不亮 ABC-12"]);
    assert_eq!(titles(&found("灯不")), ["路灯不亮 ABC-12"]);
    assert_eq!(titles(&found("abc")), ["路灯不亮 ABC-12"]);
    assert_eq!(titles(&found("bC1")), ["路灯不亮 ABC-12"]);
    assert_eq!(titles(&found("3栋")), ["乱堆杂物"]);
    assert_eq!(found("井盖").len(), 3, "the description of each names it");
    assert!(found("盖井").is_empty());
    assert!(
        found("缺失井盖").is_empty(),
        "lines do not run into each other"
    );
    assert!(found("\"OR*").is_empty());
    assert!(found("……").is_empty());
    assert_eq!(found("  ").len(), 3, "nothing asked, nothing left out");
}

#[test]
fn search_follows_edits() {
    let f = Fixture::new();
    let id = f.phone.report(report("井盖缺失")).unwrap();
    f.phone
        .edit(id, &[("title", Value::Text("下水道堵塞".to_owned()))])
        .unwrap();
    f.phone.edit_prose(id, "description", None, "积水").unwrap();
    assert!(f.phone.search("井盖", 10).unwrap().is_empty());
    assert_eq!(f.phone.search("堵塞", 10).unwrap().len(), 1);
}

#[test]
fn a_list_shows_the_latest_change_first_and_what_was_asked_for() {
    let f = Fixture::new();
    let first = f.phone.report(report("第一")).unwrap();
    f.clock.advance(1_000);
    f.phone.report(report("第二")).unwrap();
    f.clock.advance(1_000);
    f.phone.start_patrol(None, Some("东片")).unwrap();
    f.clock.advance(1_000);
    f.phone.comment(first, "再看一眼").unwrap();
    let list = |query: Query| f.phone.list(&query).unwrap();
    assert_eq!(titles(&list(Query::default())), ["第一", "东片", "第二"]);
    let cases = Query {
        kind: Some(Kind::Case),
        ..Query::default()
    };
    assert_eq!(titles(&list(cases.clone())), ["第一", "第二"]);
    let second = Query {
        limit: 1,
        offset: 1,
        ..cases
    };
    assert_eq!(titles(&list(second)), ["第二"]);
    f.sync();
    f.server.colleague_writes(new_case("别人的"), vec![]);
    f.sync();
    let mine = Query {
        mine_only: true,
        ..Query::default()
    };
    assert_eq!(list(mine).len(), 3);
    let reported = Query {
        stage: Some(Stage::Reported),
        ..Query::default()
    };
    assert_eq!(list(reported).len(), 2);
    let unsent = Query {
        standing: Some(Standing::OnThisPhone),
        ..Query::default()
    };
    assert!(list(unsent).is_empty());
    let district = Query {
        area: Some("430111".into()),
        ..Query::default()
    };
    assert_eq!(list(district).len(), 4);
    let elsewhere = Query {
        area: Some("430112".into()),
        ..Query::default()
    };
    assert!(list(elsewhere).is_empty());
    let disputed = Query {
        conflicts_only: true,
        ..Query::default()
    };
    assert!(list(disputed).is_empty());
}

#[test]
fn tasks_are_the_cases_that_the_persons_roles_carry_on() {
    let f = Fixture::new();
    let noted = f.phone.note_case(report("先记下")).unwrap();
    f.phone.start_patrol(None, None).unwrap();
    let tasks = f.phone.tasks().unwrap();
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0].row.id, noted);
    assert!(tasks[0].steps.contains(&Step::Report));
    let theirs = f.server.colleague_writes(new_case("别人的"), vec![]);
    f.phone
        .propose(noted, Step::Report, Default::default())
        .unwrap();
    f.sync();
    let tasks = f.phone.tasks().unwrap();
    let steps = |id| {
        tasks
            .iter()
            .find(|task| task.row.id == id)
            .map(|task| task.steps.clone())
    };
    // The person is an acceptor too.
    assert!(steps(noted).unwrap().contains(&Step::Register));
    assert!(steps(theirs).unwrap().contains(&Step::Report));
}

#[test]
fn reference_data_comes_with_the_first_sync() {
    let f = Fixture::new();
    assert!(f.phone.reference().unwrap().catalogue().is_none());
    f.sync();
    let reference = f.phone.reference().unwrap();
    assert_eq!(reference.areas().get(&GRID.into()).unwrap().name, "一网格");
    assert!(reference.catalogue().unwrap().minor("01014").is_some());
    assert!(reference.checklists().is_some() && reference.calendar().is_none());
    assert_eq!(reference.versions()["catalogue"], 1);
    let staff = &reference.staff().people;
    assert_eq!(staff[&"W002".into()].name, "王芳");
}

#[test]
fn a_part_that_this_app_cannot_read_holds_up_nothing() {
    let f = Fixture::new();
    f.server.colleague_writes(new_case("一"), vec![]);
    f.server.line().tamper_with(|page| {
        for part in &mut page.body.parts {
            part.json.0 = b"[1]".to_vec();
        }
    });
    f.sync();
    assert_eq!(f.phone.list(&Query::default()).unwrap().len(), 1);
    assert!(f.phone.reference().unwrap().catalogue().is_none());
    f.server.line().tamper = None;
    f.sync();
    assert!(f.phone.reference().unwrap().catalogue().is_some());
}
