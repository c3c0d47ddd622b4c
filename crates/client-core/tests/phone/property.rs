//! Whatever a worker does, in whatever order: rows and documents say the same.

use gridlog_client_core::*;
use gridlog_domain::id::RecordId;
use gridlog_domain::record::{Finding, Value};
use gridlog_domain::workflow::{STEPS, Step};
use gridlog_merge_guard::{Limits, receive};
use proptest::prelude::*;

use crate::colleague::titled;
use crate::fixture::*;

type Deed = (u8, u8, u8);

const TEXTS: [&str; 6] = ["井盖", "路灯不亮", "", "3栋abc", "…！", "长安街\n二段"];

fn act(f: &Fixture, records: &mut Vec<RecordId>, (what, which, how): Deed) {
    let text = TEXTS[how as usize % TEXTS.len()];
    let id = records
        .get(which as usize % records.len().max(1))
        .copied()
        .unwrap_or(stranger());
    let phone = &f.phone;
    let value = Value::Text(text.to_owned());
    match what % 16 {
        0 => records.extend(phone.report(report(text))),
        1 => records.extend(phone.start_patrol(None, Some(text))),
        2 => drop(phone.edit(id, &[("title", value)])),
        3 => drop(phone.edit_prose(id, "description", None, text)),
        4 => drop(phone.edit_prose(id, "notes", Some("别的"), text)),
        5 => drop(phone.comment(id, text)),
        6 => drop(phone.check(id, None, text, Finding::Ok, "")),
        7 => {
            let step: Step = STEPS[how as usize % STEPS.len()].step;
            drop(phone.propose(id, step, Default::default()));
        }
        8 => drop(phone.finish_patrol(id, Some(text))),
        9 if how % 8 == 0 => drop(phone.delete(id)),
        10 => drop(phone.sync(&f.server, SyncOptions::default())),
        11 if f.server.view(id).is_some() => {
            let edit = titled(&format!("同事改{how}"));
            f.server.colleague_tries(id, &[edit]);
        }
        12 => {
            let unlucky = how;
            f.server.line().refuse("seq_gap", move |item| {
                let header = receive(&item.change.0, &Limits::default()).unwrap();
                header.hash.0[0] % 3 == unlucky % 3
            });
        }
        13 => f.server.line().judge = None,
        14 => f.server.line().lose_answers = u32::from(how % 2),
        15 => f.clock.advance(i64::from(how) * 1_000),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn rows_say_what_documents_say(deeds in proptest::collection::vec(any::<Deed>(), 1..40)) {
        let f = Fixture::new();
        let mut records = Vec::new();
        for deed in deeds {
            act(&f, &mut records, deed);
        }
        check_all(&f);
        f.server.line().judge = None;
        f.server.line().lose_answers = 0;
        f.sync();
        check_all(&f);
        let status = f.phone.status().unwrap();
        prop_assert_eq!(status.recorded, status.admitted + status.needs_you);
        for row in f.phone.list(&everything()).unwrap() {
            if row.standing == Standing::InLog {
                let view = f.phone.show(row.id).unwrap().unwrap().view;
                prop_assert_eq!(f.server.view(row.id).unwrap(), view);
            }
        }
    }
}

fn everything() -> Query {
    Query {
        with_deleted: true,
        limit: u32::MAX,
        ..Query::default()
    }
}

fn check_all(f: &Fixture) {
    for row in f.phone.list(&everything()).unwrap() {
        let detail = f.phone.show(row.id).unwrap().unwrap();
        let check = f.phone.verify_record(row.id).unwrap();
        let nothing_taken = check.changes == 0 && !detail.needs_you.is_empty();
        assert!(check.view_fits || nothing_taken, "{}", row.id);
        assert_eq!(detail.view.headline(), row.headline);
    }
    f.phone.tasks().unwrap();
}
