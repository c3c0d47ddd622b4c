//! Promise: phones that edited the same records in any order end with equal heads and views, and
//! every concurrent value that lost is visible until somebody who saw it resolves it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use gridlog_client_core::RecordDetail;
use gridlog_domain::environment::{Entropy, SeededEntropy};
use gridlog_domain::id::RecordId;
use gridlog_domain::record::{Finding, Value};
use gridlog_domain::reference::Role;
use gridlog_tests::{District, GRID_A, TestPhone, words};
use serde_json::json;

fn title(shown: &RecordDetail) -> String {
    shown.view.text("title").to_owned()
}

fn visible_titles(shown: &RecordDetail) -> BTreeSet<String> {
    let lost = shown
        .view
        .conflicts
        .iter()
        .filter(|conflict| conflict.place == "title")
        .flat_map(|conflict| &conflict.lost)
        .filter_map(|lost| lost.value.as_text().map(str::to_owned));
    lost.chain([title(shown)]).collect()
}

fn settle(phones: &[TestPhone]) {
    for _ in 0..2 {
        for phone in phones {
            phone.sync_all();
        }
    }
}

fn show(phone: &TestPhone, id: RecordId) -> RecordDetail {
    phone.show(id).unwrap().unwrap()
}

#[test]
fn phones_that_edit_the_same_records_in_any_order_end_equal_and_lose_no_value_unseen() {
    let district = District::new();
    let phones: Vec<TestPhone> = (0..4).map(|n| district.phone(GRID_A, n)).collect();
    let cases: Vec<RecordId> = (0..3)
        .map(|n| phones[0].report_case(&format!("案{n}")))
        .collect();
    settle(&phones);
    for seed in 0..4 {
        let mut entropy = SeededEntropy::new(seed);
        let mut draw = |bound: usize| {
            let mut random = [0_u8; 2];
            entropy.fill(&mut random);
            usize::from(u16::from_le_bytes(random)) % bound
        };
        let mut written = vec![BTreeSet::new(); cases.len()];
        let mut replaced = vec![BTreeSet::new(); cases.len()];
        for n in 0..60 {
            let phone = &phones[draw(phones.len())];
            let index = draw(cases.len());
            let case = cases[index];
            match draw(6) {
                0 => {
                    phone.try_sync().unwrap();
                }
                1 | 2 => {
                    let new = words(&format!("{seed}-{n}"));
                    replaced[index].insert(title(&show(phone, case)));
                    phone
                        .edit(case, &[("title", Value::Text(new.clone()))])
                        .unwrap();
                    written[index].insert(new);
                }
                3 => {
                    let longer = format!(
                        "{}续{seed}-{n}。",
                        show(phone, case).view.text("description")
                    );
                    phone
                        .edit_prose(case, "description", None, &longer)
                        .unwrap();
                }
                4 => {
                    phone
                        .comment(case, &words(&format!("评{seed}-{n}")))
                        .unwrap();
                }
                _ => {
                    phone
                        .check(case, None, "安全隐患必报", Finding::Ok, &words("无"))
                        .unwrap();
                }
            }
        }
        settle(&phones);
        for (index, case) in cases.iter().enumerate() {
            let first = show(&phones[0], *case);
            for phone in &phones {
                let other = show(phone, *case);
                assert_eq!(other.view, first.view, "equal views of {case}, seed {seed}");
                assert_eq!(
                    other.heads, first.heads,
                    "equal heads of {case}, seed {seed}"
                );
                assert!(phone.verify_record(*case).unwrap().view_fits, "seed {seed}");
            }
            let visible = visible_titles(&first);
            for title in written[index].difference(&replaced[index]) {
                assert!(
                    visible.contains(title),
                    "{title} was lost unseen, seed {seed}"
                );
            }
        }
    }
    let officer = district.office(Role::DutyOfficer);
    for case in &cases {
        let (_, server) = officer.get(&format!("records/{case}"));
        let view = serde_json::to_value(&show(&phones[0], *case).view).unwrap();
        assert_eq!(server["view"], view, "the office sees what the phones see");
        assert_eq!(server["heads"], json!(show(&phones[0], *case).heads));
    }
}

#[test]
fn a_conflict_stays_until_somebody_who_saw_it_resolves_it_on_a_phone_or_in_the_office() {
    let district = District::new();
    let phones: Vec<TestPhone> = (0..3).map(|n| district.phone(GRID_A, n)).collect();
    let case = phones[0].report_case("原题");
    settle(&phones);
    let set = |phone: &TestPhone, text: &str| {
        phone
            .edit(case, &[("title", Value::Text(words(text)))])
            .unwrap();
    };
    set(&phones[0], "甲");
    set(&phones[1], "乙");
    settle(&phones);
    assert_eq!(show(&phones[2], case).row.conflicts, 1);

    set(&phones[2], "丙");
    settle(&phones);
    let shown = show(&phones[0], case);
    assert_eq!(title(&shown), words("丙"));
    assert_eq!(
        visible_titles(&shown).len(),
        2,
        "an edit that did not look ends no conflict"
    );

    let seen = shown.view.conflicts[0].all_ops();
    phones[0]
        .resolve(case, "title", Value::Text(words("甲乙丙")), &seen)
        .unwrap();
    settle(&phones);
    for phone in &phones {
        let shown = show(phone, case);
        assert_eq!((title(&shown), shown.row.conflicts), (words("甲乙丙"), 0));
    }

    set(&phones[0], "丁");
    set(&phones[1], "戊");
    settle(&phones);
    let officer = district.office(Role::DutyOfficer);
    let (_, server) = officer.get(&format!("records/{case}"));
    let conflict = &server["view"]["conflicts"][0];
    let body = json!({
        "place": "title",
        "value": conflict["lost"][0]["value"],
        "seen": [conflict["shown_op"], conflict["lost"][0]["op"]],
    });
    let (status, answer) = officer.post(&format!("records/{case}/conflicts"), &body);
    assert_eq!(status, 200, "{answer}");
    settle(&phones);
    for phone in &phones {
        assert_eq!(show(phone, case).row.conflicts, 0);
    }
}
