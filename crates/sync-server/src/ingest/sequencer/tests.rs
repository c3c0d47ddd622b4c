pub(super) use automerge::{ActorId, Automerge};
use gridlog_domain::id::{EntryId, PersonId};
pub(super) use gridlog_domain::record::{
    Author, Command, Kind, LogPosition, NewRecord, Proposal, StepDetails, Value, write,
};
use gridlog_domain::reference::{Area, AreaLevel, Assignment, Person, Role};
use gridlog_domain::workflow::Step;
pub(super) use gridlog_protocol::Key;
use gridlog_protocol::PushItem;

use super::*;
use crate::directory::Directory;
use crate::ingest::{Pushed, examine};
use crate::store::{Device, NewItem, SqliteStore, StoredPerson};

pub(super) const NOW: i64 = 1_790_000_000_000;
const DEVICE: [u8; 16] = [1; 16];

pub(super) struct Bench {
    pub(super) store: Arc<SqliteStore>,
    pub(super) sequencer: Sequencer,
    folder: tempfile::TempDir,
}

pub(super) fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(&folder.path().join("district.db")).unwrap());
    let area = Area {
        code: "1".into(),
        name: "网格".to_owned(),
        level: AreaLevel::Grid,
        parent: None,
        valid_from_ms: 0,
        valid_to_ms: None,
    };
    let assignment = Assignment {
        role: Role::GridWorker,
        area: "1".into(),
        department: None,
        valid_from_ms: 0,
        valid_to_ms: None,
    };
    let was_acceptor = Assignment {
        role: Role::Acceptor,
        valid_to_ms: Some(NOW - 10_000),
        ..assignment.clone()
    };
    let person = Person {
        id: "W1".into(),
        name: "张".to_owned(),
        enabled: true,
        assignments: vec![assignment, was_acceptor],
    };
    let device = Device {
        id: DeviceId::from_bytes(DEVICE),
        person: "W1".into(),
        name: "手机".to_owned(),
        enrolled_ms: NOW,
        revoked_ms: None,
        last_sync_ms: None,
    };
    store.put_areas(&[area]).unwrap();
    store
        .put_people(&[StoredPerson {
            person,
            password_hash: None,
        }])
        .unwrap();
    store.add_device(&device, [7; 16]).unwrap();
    let directory = SharedDirectory::new(Directory::load(&*store).unwrap());
    let sequencer = sequencer(&store, &directory);
    Bench {
        store,
        sequencer,
        folder,
    }
}

fn sequencer(store: &Arc<SqliteStore>, directory: &SharedDirectory) -> Sequencer {
    let store: Arc<dyn Store> = store.clone();
    Sequencer::new(store, directory.clone(), Limits::default(), [9; 16])
}

pub(super) fn record(n: u8) -> RecordId {
    RecordId::from_bytes([n; 16])
}

pub(super) fn change(document: &mut Automerge, commands: &[Command]) -> Vec<u8> {
    let author = Author {
        person: "W1".into(),
        actor: ActorId::from([7; 16]),
        now_ms: NOW,
    };
    let change = write(document, &author, commands).unwrap().unwrap();
    change.raw_bytes().to_vec()
}

pub(super) fn new_case(title: &str) -> Command {
    let fields = [("title", title), ("category", "01014")]
        .map(|(field, value)| (field.to_owned(), Value::Text(value.to_owned())));
    Command::Create(NewRecord {
        kind: Kind::Case,
        area: "1".into(),
        fields: fields.into(),
        references: Default::default(),
    })
}

pub(super) fn pushed(record: RecordId, change: Vec<u8>) -> NewItem {
    let actors = [ActorId::from([7; 16])];
    let person = PersonId::from("W1");
    let by = Pushed {
        device: DeviceId::from_bytes(DEVICE),
        person: &person,
        actors: &actors,
        received_ms: NOW,
    };
    let item = PushItem {
        record: Key(*record.as_bytes()),
        change: gridlog_protocol::Blob(change),
        offset_ms: Some(0),
    };
    examine(item, &by, &Limits::default())
}

#[test]
fn a_record_that_does_not_read_back_is_put_before_an_office_and_stops_nobody_else() {
    let mut bench = bench();
    let mut document = Automerge::new();
    let begun = change(&mut document, &[new_case("甲")]);
    bench
        .store
        .add_to_inbox(&[pushed(record(1), begun)])
        .unwrap();
    bench.sequencer.round(NOW, 10).unwrap();

    let direct = rusqlite::Connection::open(bench.folder.path().join("district.db")).unwrap();
    direct
        .execute("UPDATE changes SET bytes = x'00'", [])
        .unwrap();
    // A server that starts again has no document open.
    let directory = SharedDirectory::new(Directory::load(&*bench.store).unwrap());
    let mut restarted = sequencer(&bench.store, &directory);

    let set = Command::Set {
        field: "title".to_owned(),
        value: Value::Text("乙".to_owned()),
        shown: None,
    };
    let edit = pushed(record(1), change(&mut document, &[set]));
    let other = pushed(record(2), change(&mut Automerge::new(), &[new_case("丙")]));
    let names = [edit.item, other.item];
    bench.store.add_to_inbox(&[edit, other]).unwrap();
    let round = restarted.round(NOW, 10).unwrap();
    assert_eq!(round.decided, 2);
    let statuses = bench.store.item_statuses(&names).unwrap();
    let damaged = ItemStatus::Review("record_damaged".to_owned());
    assert_eq!(statuses[0], Some(damaged));
    assert!(matches!(statuses[1], Some(ItemStatus::Admitted(_))));
}

#[test]
fn a_round_decides_what_waits_as_soon_as_what_it_waits_for_is_there() {
    let mut bench = bench();
    let mut document = Automerge::new();
    let begun = pushed(record(1), change(&mut document, &[new_case("甲")]));
    let edits: Vec<NewItem> = (0..3)
        .map(|n| {
            let set = Command::Set {
                field: "title".to_owned(),
                value: Value::Text(n.to_string()),
                shown: None,
            };
            pushed(record(1), change(&mut document, &[set]))
        })
        .collect();
    let names: Vec<Digest> = edits.iter().map(|edit| edit.item).collect();
    let mut backwards = edits;
    backwards.reverse();
    bench.store.add_to_inbox(&backwards).unwrap();
    bench.sequencer.round(NOW, 10).unwrap();
    let waiting = bench.store.item_statuses(&names).unwrap();
    assert!(
        waiting
            .iter()
            .all(|status| matches!(status, Some(ItemStatus::Waiting(_))))
    );

    bench.store.add_to_inbox(&[begun]).unwrap();
    bench.sequencer.round(NOW, 10).unwrap();
    let statuses = bench.store.item_statuses(&names).unwrap();
    assert!(
        statuses
            .iter()
            .all(|status| matches!(status, Some(ItemStatus::Admitted(_))))
    );
}

#[test]
fn a_step_cannot_be_backdated_to_a_role_that_its_author_no_longer_holds() {
    let mut bench = bench();
    let mut document = Automerge::new();
    let propose = |n: u8, step, at_ms| Command::Propose {
        id: EntryId::from_bytes([n; 16]),
        proposal: Box::new(Proposal {
            step,
            by: "W1".into(),
            at_ms,
            offset_ms: Some(0),
            seen: LogPosition::default(),
            details: StepDetails::default(),
        }),
    };
    let reported = [new_case("甲"), propose(1, Step::Report, NOW)];
    let begun = change(&mut document, &reported);
    let registered = change(&mut document, &[propose(2, Step::Register, NOW - 50_000)]);
    let items = [begun, registered].map(|bytes| pushed(record(1), bytes));
    bench.store.add_to_inbox(&items).unwrap();
    bench.sequencer.round(NOW, 10).unwrap();
    let rulings = bench.store.rulings(record(1)).unwrap();
    let refused: Vec<Option<&str>> = rulings.iter().map(|r| r.refused.as_deref()).collect();
    assert_eq!(refused, [None, Some("not_your_role")]);
}
