//! Trains a compression dictionary: `cargo xtask dictionary FILE`.
//!
//! The samples are requests and pages as phones and servers send them, about synthetic records: what
//! repeats in them is the form, which is what a dictionary is for. Their texts are letters at random
//! that none of `data/matters.json` and `data/catalogue.json` holds, so that a measurement on records
//! made of those words shows what the dictionary does for words that it has never seen. The same
//! command makes the same file.
#![allow(clippy::print_stderr, reason = "it is a command")]

mod letters;

use std::error::Error;

use automerge::{ActorId, Automerge};
use gridlog_domain::environment::{Entropy, SeededEntropy};
use gridlog_domain::id::{AreaCode, EntryId, EntryIds, PersonId, RecordId};
use gridlog_domain::record::{
    Author, Check, Command, Comment, Crs, Finding, Fix, Kind, LogPosition, NewRecord, PhotoRef,
    PhotoRole, Place, Proposal, RecordView, StepDetails, Value, write,
};
use gridlog_domain::workflow::Step;
use gridlog_protocol::{
    Author as Wrote, Blob, Digest, Fact, FeedEntry, Fold, Key, LogEntry, Page, PartVersion,
    Position, PushItem, Receipt, RecordDelta, SigningKey, Splice, SyncRequest, Verdict, ViewNews,
    codec, dense, sign_page,
};
use letters::letters;

const BYTES: usize = 24 * 1024;
const RECORDS: u64 = 1_200;
const NOW: i64 = 1_790_000_000_000;

struct Dice(SeededEntropy);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_be_bytes(bytes) % end.max(1)
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let at = usize::try_from(self.below(items.len() as u64)).unwrap_or(0);
        &items[at]
    }
}

fn text(dice: &mut Dice, letters: &[char], length: u64) -> String {
    (0..length).map(|_| *dice.pick(letters)).collect()
}

struct Sample {
    id: RecordId,
    person: PersonId,
    document: Automerge,
    changes: Vec<Vec<u8>>,
}

fn author(person: &PersonId, actor: [u8; 16], now_ms: i64) -> Author {
    Author {
        person: person.clone(),
        actor: ActorId::from(actor),
        now_ms,
    }
}

fn commands(dice: &mut Dice, letters: &[char], person: &PersonId, now_ms: i64) -> Vec<Command> {
    let mut ids = EntryIds::default();
    let kind = *dice.pick(&[Kind::Case, Kind::Case, Kind::Visit, Kind::Patrol]);
    let named = match kind {
        Kind::Case => vec![
            ("title", text(dice, letters, 12)),
            ("category", format!("0{:04}", dice.below(9_000))),
            ("description", text(dice, letters, 60)),
        ],
        Kind::Visit => vec![
            ("outcome", "met".to_owned()),
            ("household", text(dice, letters, 4)),
            ("notes", text(dice, letters, 40)),
        ],
        _ => vec![("route", text(dice, letters, 8))],
    };
    let mut fields: std::collections::BTreeMap<String, Value> = named
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Value::Text(value)))
        .collect();
    if kind == Kind::Patrol {
        fields.insert("started_at".to_owned(), Value::Millis(now_ms));
    } else {
        fields.insert(
            "place".to_owned(),
            Value::Place(place(dice, letters, now_ms)),
        );
    }
    let mut commands = vec![Command::Create(NewRecord {
        kind,
        area: AreaCode::new(format!("43011100{:04}", dice.below(9_999))),
        fields,
        references: std::collections::BTreeMap::default(),
    })];
    for _ in 0..dice.below(5) {
        commands.push(Command::Check {
            id: ids.make(now_ms, &mut dice.0),
            check: Check {
                item: text(dice, letters, 4),
                finding: *dice.pick(&[Finding::Ok, Finding::Problem, Finding::NotApplicable]),
                note: text(dice, letters, 12),
                by: person.clone(),
                at_ms: now_ms,
            },
            shown: None,
        });
    }
    for _ in 0..dice.below(3) {
        commands.push(Command::Photo {
            id: ids.make(now_ms, &mut dice.0),
            photo: PhotoRef {
                sha256: hex::encode(dice.bytes::<32>()),
                role: *dice.pick(&[PhotoRole::Near, PhotoRole::Far, PhotoRole::After]),
                bytes: dice.below(4_000_000),
                by: person.clone(),
                at_ms: now_ms,
                preview: None,
            },
        });
    }
    if kind == Kind::Case {
        commands.push(Command::Propose {
            id: ids.make(now_ms, &mut dice.0),
            proposal: Box::new(Proposal {
                step: Step::Report,
                by: person.clone(),
                at_ms: now_ms,
                offset_ms: Some(dice.below(2_000).cast_signed() - 1_000),
                seen: LogPosition {
                    epoch: 1,
                    seq: dice.below(50_000),
                },
                details: StepDetails::default(),
            }),
        });
    }
    commands
}

fn place(dice: &mut Dice, letters: &[char], now_ms: i64) -> Place {
    let mut degrees =
        |from: f64| from + f64::from(u32::try_from(dice.below(30_000)).unwrap_or(0)) / 1e6;
    let fix = Fix {
        crs: Crs::Gcj02,
        lon: degrees(112.9),
        lat: degrees(28.1),
        accuracy_m: Some(12.5),
        fixed_at_ms: now_ms,
    };
    Place {
        address: vec![text(dice, letters, 5), text(dice, letters, 3)],
        fix: Some(fix),
    }
}

fn sample(dice: &mut Dice, letters: &[char], number: u64) -> Result<Sample, Box<dyn Error>> {
    let person = PersonId::new(format!("W{:03}", number % 300));
    let now_ms = NOW + dice.below(100_000_000).cast_signed();
    let mut document = Automerge::new();
    let mut changes = Vec::new();
    let begin = commands(dice, letters, &person, now_ms);
    let actor = dice.bytes();
    let began = write(&mut document, &author(&person, actor, now_ms), &begin)?;
    changes.extend(began.map(|change| change.raw_bytes().to_vec()));
    let mut ids = EntryIds::default();
    let edits = [
        Command::Comment {
            id: ids.make(now_ms, &mut dice.0),
            comment: Comment {
                text: text(dice, letters, 10),
                by: person.clone(),
                at_ms: now_ms,
            },
        },
        Command::Set {
            field: "place".to_owned(),
            value: Value::Place(place(dice, letters, now_ms)),
            shown: None,
        },
    ];
    for edit in edits {
        if dice.below(3) == 0 {
            let actor = dice.bytes();
            // Not every kind has every field; those that have not give no sample.
            if let Ok(Some(change)) = write(&mut document, &author(&person, actor, now_ms), &[edit])
            {
                changes.push(change.raw_bytes().to_vec());
            }
        }
    }
    Ok(Sample {
        id: RecordId::new(now_ms, &mut dice.0),
        person,
        document,
        changes,
    })
}

fn request(dice: &mut Dice, records: &[Sample]) -> SyncRequest {
    let key = |dice: &mut Dice| Key(dice.bytes());
    let parts = ["areas", "calendar", "catalogue", "checklists", "staff"];
    let push = records.iter().flat_map(|record| {
        record.changes.iter().map(|change| PushItem {
            record: Key(*record.id.as_bytes()),
            change: Blob(change.clone()),
            offset_ms: Some(-250),
        })
    });
    SyncRequest {
        position: Position {
            epoch: 1,
            seq: dice.below(100_000),
            hash: Digest(dice.bytes()),
        },
        profile_version: dice.below(u64::MAX),
        parts: parts
            .map(|part| PartVersion {
                part: part.to_owned(),
                version: u32::try_from(dice.below(u64::from(u32::MAX))).unwrap_or(1),
            })
            .to_vec(),
        push: push.collect(),
        ..SyncRequest::idle(key(dice), key(dice), NOW)
    }
}

fn page(dice: &mut Dice, records: &[Sample]) -> Result<Page, Box<dyn Error>> {
    let seq = dice.below(100_000);
    let position = Position {
        epoch: 1,
        seq,
        hash: Digest(dice.bytes()),
    };
    let mut page = Page::empty(position, NOW);
    page.statement.receipt = Some(Receipt {
        records: dice.below(2_000),
        changes: Fold {
            count: dice.below(5_000),
            names: Digest(dice.bytes()),
        },
    });
    page.statement.scope = Some(Key(dice.bytes()));
    page.statement.contents = (!records.is_empty()).then(|| Digest(dice.bytes()));
    for (at, record) in records.iter().enumerate() {
        let is_edit = dice.below(2) == 0;
        page.body.verdicts.push(Verdict::Admitted { seq });
        let entry = LogEntry {
            seq: seq + at as u64,
            previous: Digest::ZERO,
            at_ms: NOW,
            record: Key(*record.id.as_bytes()),
            fact: Fact::Admit {
                change: Digest::ZERO,
                by: record.person.as_str().to_owned(),
            },
            origin: None,
        };
        page.body.entries.push(FeedEntry {
            entry,
            change_at: Some(0),
        });
        let view = RecordView::read(&record.document)?;
        let json = serde_json::to_vec(&view)?;
        let patch = serde_json::json!({"fields": {"title": view.headline()}});
        page.body.records.push(RecordDelta {
            record: Key(*record.id.as_bytes()),
            changes: match is_edit {
                true => record.changes.last().cloned().map(Blob).into_iter().collect(),
                false => record.changes.iter().cloned().map(Blob).collect(),
            },
            whole: !is_edit,
            snapshot: None,
            as_of: seq,
            updated_ms: NOW,
            area: view.area.as_str().to_owned(),
            seen_by: 1 + dice.below(3),
            view: match is_edit {
                true => ViewNews::Patch {
                    patch: Blob(patch.to_string().into_bytes()),
                    splices: vec![Splice::between(
                        "fields/description",
                        "",
                        &text(dice, &letters(), 3),
                    )],
                    check: 7,
                },
                false => ViewNews::Whole(Blob(json)),
            },
            state: (view.kind == Kind::Case).then(|| {
                let state = format!(
                    r#"{{"stage":"reported","reporter":"{by}","reworks":0,"last":{{"proposal":"{id}","step":"report","by":"{by}","at":{{"at_ms":{NOW},"flagged":false}}}}}}"#,
                    by = record.person.as_str(),
                    id = EntryId::new(NOW, &mut dice.0),
                );
                Blob(state.into_bytes())
            }),
            rulings: Vec::new(),
            authors: vec![Wrote {
                actor: Key(dice.bytes()),
                person: record.person.as_str().to_owned(),
            }],
        });
    }
    Ok(page)
}

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("name the file to write")?;
    let mut dice = Dice(SeededEntropy::new(1));
    let letters = letters();
    let key = SigningKey::from_bytes(&[1; 32]);
    let mut samples = Vec::new();
    for number in 0..RECORDS {
        let count = dice.below(3);
        let records = (0..count)
            .map(|_| sample(&mut dice, &letters, number))
            .collect::<Result<Vec<_>, _>>()?;
        let request = codec::encode(&request(&mut dice, &records));
        let page = page(&mut dice, &records)?;
        let page = sign_page(&page, Key(dice.bytes()), Key(dice.bytes()), &key);
        for body in [request, page] {
            let packed = dense::pack(&codec::uncompressed(&body)?);
            samples.push(packed.ok_or("a message has no dense form")?.concat());
        }
    }
    let dictionary = zstd::dict::from_samples(&samples, BYTES)?;
    std::fs::write(&file, &dictionary)?;
    let plain: usize = samples.iter().map(Vec::len).sum();
    eprintln!(
        "{file}: {} bytes from {} samples of {plain} bytes",
        dictionary.len(),
        samples.len()
    );
    Ok(())
}
