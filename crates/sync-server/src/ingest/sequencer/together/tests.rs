use gridlog_domain::id::PersonId;
use gridlog_protocol::PushItem;

use super::super::tests::*;
use super::super::*;
use crate::ingest::workers::{Job, Threads};
use crate::ingest::{Pushed, examine};
use crate::store::{Device, NewItem, StoredEntry};

/// Does its work in another order than it was asked for.
struct Backwards;

impl Workers for Backwards {
    fn run(&self, jobs: Vec<Job<'_>>) {
        jobs.into_iter().rev().for_each(|job| job());
    }
}

const HANDED_OVER: [u8; 16] = [2; 16];

fn of_device(device: [u8; 16], actor: u8, record: RecordId, change: Vec<u8>) -> NewItem {
    let person = PersonId::from("W1");
    let by = Pushed {
        device: DeviceId::from_bytes(device),
        person: &person,
        actors: &[ActorId::from([actor; 16])],
        received_ms: NOW,
    };
    let item = PushItem {
        record: Key(*record.as_bytes()),
        change: gridlog_protocol::Blob(change),
        offset_ms: Some(0),
    };
    examine(item, &by, &Limits::default())
}

fn title(text: &str) -> Command {
    Command::Set {
        field: "title".to_owned(),
        value: Value::Text(text.to_owned()),
        shown: None,
    }
}

/// Two rounds: forty records begin, most with edits, some with a second beginning, which is refused; then a phone that was
/// handed over edits one of them twice.
fn play(workers: impl Workers) -> (Vec<StoredEntry>, Vec<Option<ItemStatus>>, Vec<String>) {
    let mut bench = bench();
    bench.sequencer = bench.sequencer.with_workers(Arc::new(workers));
    let handed_over = Device {
        id: DeviceId::from_bytes(HANDED_OVER),
        person: "W1".into(),
        name: "旧手机".to_owned(),
        enrolled_ms: NOW,
        revoked_ms: Some(NOW),
        last_sync_ms: None,
    };
    bench.store.add_device(&handed_over, [8; 16]).unwrap();
    let mut items = Vec::new();
    let mut documents = Vec::new();
    for n in 0..40 {
        let mut document = Automerge::new();
        let begun = change(&mut document, &[new_case(&format!("第{n}件"))]);
        let other = change(&mut Automerge::new(), &[new_case("另一个开头")]);
        items.push(pushed(record(n), begun));
        for edit in 0..n % 4 {
            let edit = change(&mut document, &[title(&format!("改{edit}"))]);
            items.push(pushed(record(n), edit));
        }
        if n % 5 == 0 {
            items.push(pushed(record(n), other));
        }
        documents.push(document);
    }
    let edit = |document: &mut Automerge, text: &str| {
        let author = Author {
            person: "W1".into(),
            actor: ActorId::from([8; 16]),
            now_ms: NOW,
        };
        let change = write(document, &author, &[title(text)]).unwrap().unwrap();
        of_device(HANDED_OVER, 8, record(3), change.raw_bytes().to_vec())
    };
    let late = [
        edit(&mut documents[3], "交出之后"),
        edit(&mut documents[3], "再改一次"),
    ];
    let names: Vec<Digest> = items.iter().chain(&late).map(|item| item.item).collect();
    for brought in [&items[..], &late] {
        bench.store.add_to_inbox(brought).unwrap();
        while bench.sequencer.round(NOW, 100).unwrap().more {}
    }
    let row = |n| bench.store.record(record(n)).unwrap();
    (
        bench.store.entries(0, 1_000).unwrap(),
        bench.store.item_statuses(&names).unwrap(),
        (0..40).map(|n| format!("{:?}", row(n))).collect(),
    )
}

#[test]
fn the_log_is_the_same_whoever_judges_and_in_which_order() {
    let alone = play(Alone);
    assert!(alone.0.len() > 100 && alone.2.len() == 40);
    assert_eq!(play(Backwards), alone);
    assert_eq!(play(Threads::beside(3)), alone);
}

#[test]
fn what_was_found_on_a_change_that_was_not_let_in_does_not_count() {
    let (_, statuses, _) = play(Alone);
    let [.., first, second] = &statuses[..] else {
        panic!("there are two items of the phone that was handed over");
    };
    // On a record with the first, the second would be sound and go to the office, too.
    assert!(matches!(first, Some(ItemStatus::Review(_))), "{first:?}");
    assert!(matches!(second, Some(ItemStatus::Waiting(_))), "{second:?}");
}
