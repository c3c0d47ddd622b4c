//! Prints what `receive` and `admit` cost for the changes that a district's phones make: a case as
//! a worker's app writes it when the form is sent (about 1.5 KB as JSON, one change), and small
//! edits of it by several phones.
//!
//! `cargo run --release -p gridlog-merge-guard --example cost`

#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use automerge::{ActorId, Automerge};
use gridlog_domain::environment::SeededEntropy;
use gridlog_domain::id::{AreaCode, EntryId, PersonId};
use gridlog_domain::record::{
    Author, Check, Command, Comment, Crs, Finding, Fix, Kind, NewRecord, PhotoRef, PhotoRole,
    Place, Proposal, Rewrite, StepDetails, Value, policy, write,
};
use gridlog_domain::workflow::Step;
use gridlog_merge_guard::{
    Candidate, History, Limits, Outcome, PolicyRefusal, admit, admit_unrehearsed, receive,
};

const BATCHES: u32 = 200;
const ROUNDS: u32 = 5;
const LETTERS: &str = "幸福路与人民路交叉口东北角井盖破损存在安全隐患请尽快派人处理现场已设置警示标志周边居民反映多次";

fn main() -> Result<(), Box<dyn Error>> {
    let mut case = Case::new();
    case.report("genesis of a case")?;
    for edits in [1, 5, 20, 100] {
        while case.history.len() < edits {
            case.edit(None)?;
        }
        case.edit(Some(&format!("edit of a case of {edits} changes")))?;
    }
    Ok(())
}

/// A case that several phones write in.
struct Case {
    document: Automerge,
    history: History,
    entropy: SeededEntropy,
    turn: usize,
}

impl Case {
    fn new() -> Self {
        Self {
            document: Automerge::new(),
            history: History::empty(),
            entropy: SeededEntropy::new(7),
            turn: 0,
        }
    }

    fn report(&mut self, name: &str) -> Result<(), Box<dyn Error>> {
        let by = person();
        let mut commands = vec![Command::Create(new_case())];
        for number in 0..6_i64 {
            let check = Check {
                item: "消防通道是否畅通".to_owned(),
                finding: Finding::Problem,
                note: text(22, number.unsigned_abs() as usize),
                by: by.clone(),
                at_ms: NOW_MS + number,
            };
            let id = self.entry();
            commands.push(Command::Check {
                id,
                check,
                shown: None,
            });
        }
        for role in [PhotoRole::Near, PhotoRole::Far] {
            let photo = PhotoRef {
                sha256: "6f1c".repeat(16),
                role,
                bytes: 1_234_567,
                by: by.clone(),
                at_ms: NOW_MS,
                preview: None,
            };
            let id = self.entry();
            commands.push(Command::Photo { id, photo });
        }
        let proposal = Proposal {
            step: Step::Report,
            by,
            at_ms: NOW_MS,
            offset_ms: Some(120),
            seen: Default::default(),
            details: StepDetails::default(),
        };
        let id = self.entry();
        let proposal = Box::new(proposal);
        commands.push(Command::Propose { id, proposal });
        self.write(&commands, Some(name))
    }

    /// One small edit: a title, a piece of the description, or a comment, in turn.
    fn edit(&mut self, name: Option<&str>) -> Result<(), Box<dyn Error>> {
        self.turn += 1;
        let number = self.turn;
        let edits = [
            Command::Set {
                field: "title".to_owned(),
                value: Value::Text(text(20, number)),
                shown: None,
            },
            Command::Rewrite {
                field: "description".to_owned(),
                rewrite: Rewrite {
                    from: text(120, 0),
                    to: format!("{}<{number}>", text(120, 0)),
                },
            },
            Command::Comment {
                id: self.entry(),
                comment: Comment {
                    text: text(30, number),
                    by: person(),
                    at_ms: NOW_MS,
                },
            },
        ];
        match name {
            None => self.write(&edits[number % 3..=number % 3], None),
            Some(name) => {
                edits
                    .iter()
                    .zip(["title", "text", "comment"])
                    .try_for_each(|(edit, what)| {
                        self.write(std::slice::from_ref(edit), Some(&format!("{what} {name}")))
                    })
            }
        }
    }

    /// Writes as one of five phones, measures if there is a name, and admits.
    fn write(&mut self, commands: &[Command], name: Option<&str>) -> Result<(), Box<dyn Error>> {
        let author = Author {
            person: person(),
            actor: ActorId::from([1 + (self.turn % 5) as u8; 16]),
            now_ms: NOW_MS + self.turn as i64,
        };
        let change = write(&mut self.document, &author, commands)?.ok_or("nothing was written")?;
        let bytes = change.raw_bytes();
        let limits = Limits::default();
        if let Some(name) = name {
            let receiving = measure(|| receive(bytes, &limits).is_ok());
            let admitting = measure(|| {
                matches!(
                    admit(&self.history, bytes, &limits, judge),
                    Ok(Outcome::Admitted(_))
                )
            });
            let unrehearsed = measure(|| {
                matches!(
                    admit_unrehearsed(&self.history, bytes, &limits, judge),
                    Ok(Outcome::Admitted(_))
                )
            });
            println!(
                "{name}: {} operations in {} bytes, receive {receiving:.1} us, admit {admitting:.0} us \
                 ({unrehearsed:.0} us before the rehearsal)",
                change.len(),
                bytes.len(),
            );
        }
        match admit(&self.history, bytes, &limits, judge)? {
            Outcome::Admitted(admitted) => self.history = admitted.history,
            other => return Err(format!("not admitted: {other:?}").into()),
        }
        Ok(())
    }

    fn entry(&mut self) -> EntryId {
        EntryId::new(NOW_MS, &mut self.entropy)
    }
}

const NOW_MS: i64 = 1_790_000_000_000;

fn person() -> PersonId {
    PersonId::from("w0001")
}

fn new_case() -> NewRecord {
    let place = Place {
        address: vec![
            "造化塘小区".to_owned(),
            "12栋".to_owned(),
            "3单元".to_owned(),
        ],
        fix: Some(Fix {
            crs: Crs::Gcj02,
            lon: 112.987_654,
            lat: 28.156_789,
            accuracy_m: Some(12.5),
            fixed_at_ms: NOW_MS,
        }),
    };
    let fields = [
        ("title", Value::Text(text(20, 0))),
        ("category", Value::Text("010203".to_owned())),
        ("description", Value::Text(text(120, 0))),
        ("place", Value::Place(place)),
        ("occurred_at", Value::Millis(NOW_MS)),
    ];
    NewRecord {
        kind: Kind::Case,
        area: AreaCode::from("43011100300101"),
        fields: fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        references: BTreeMap::from([("catalogue".to_owned(), 1), ("checklists".to_owned(), 1)]),
    }
}

fn text(length: usize, from: usize) -> String {
    LETTERS
        .chars()
        .cycle()
        .skip(from % 48)
        .take(length)
        .collect()
}

fn judge(candidate: &Candidate<'_>) -> Result<(), PolicyRefusal> {
    policy::judge(policy::Judged {
        author: &person(),
        genesis: candidate.genesis,
        before: candidate.before,
        after: candidate.after,
        deps: &candidate.header.deps,
        writes: candidate.writes,
    })
    .map_err(|error| PolicyRefusal {
        code: error.code(),
        detail: error.to_string(),
    })
}

/// Microseconds of one call, in the quietest of several batches: other work on the machine only
/// ever adds.
fn measure(mut work: impl FnMut() -> bool) -> f64 {
    let batch = || {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            assert!(black_box(work()));
        }
        start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS)
    };
    std::iter::repeat_with(batch)
        .take(BATCHES as usize)
        .fold(f64::INFINITY, f64::min)
}
