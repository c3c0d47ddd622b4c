//! Cases of the fixture, one for each thing that a screen has to show. They are written through the real
//! engine: every one is admitted, and every step of it ruled on.

use gridlog_domain::environment::Clock as _;
use gridlog_domain::id::{AreaCode, EntryId, PersonId, RecordId};
use gridlog_domain::record::{
    Command, Kind, LogPosition, NewRecord, Proposal, ReferenceVersions, StepDetails, Value,
};
use gridlog_domain::workflow::Step;

use crate::directory::Directory;
use crate::environment::{SystemClock, SystemEntropy};
use crate::ingest::{OfficeError, OfficeWrite, Sequencer};

/// One case, and what was done with it by whom.
struct Fixture {
    title: &'static str,
    description: &'static str,
    category: &'static str,
    condition: &'static str,
    area: &'static str,
    steps: &'static [(&'static str, Step)],
}

const GRID_1: &str = "43011100300101";
const GRID_2: &str = "43011100300102";
const WORKER: &str = "W001";
const COLLEAGUE: &str = "W002";
const NEIGHBOUR: &str = "W003";
const ACCEPTOR: &str = "A001";
const DISPATCHER: &str = "P001";
const HANDLER: &str = "H001";
const CHECKER: &str = "C001";
const DUTY_OFFICER: &str = "O001";

const FIXTURES: &[Fixture] = &[
    Fixture {
        title: "楼道灯不亮",
        description: "3栋2单元一至三层楼道灯不亮，老人出行不便。",
        category: "01037",
        condition: "单盏不亮",
        area: GRID_1,
        steps: &[(WORKER, Step::Report)],
    },
    Fixture {
        title: "楼前垃圾箱破损",
        description: "垃圾箱盖脱落，已临时遮盖。",
        category: "03005",
        condition: "破损、缺失",
        area: GRID_1,
        steps: &[
            (COLLEAGUE, Step::Report),
            (ACCEPTOR, Step::Accept),
            (ACCEPTOR, Step::Register),
        ],
    },
    Fixture {
        title: "绿地内井盖缺失",
        description: "绿地内井盖缺失，已放警示桩。",
        category: "01014",
        condition: "缺失",
        area: GRID_1,
        steps: &[
            (WORKER, Step::Report),
            (ACCEPTOR, Step::Register),
            (DISPATCHER, Step::Dispatch),
        ],
    },
    Fixture {
        title: "背街小巷暴露垃圾",
        description: "巷口堆放装修垃圾约两方。",
        category: "06010",
        condition: "背街小巷、小区",
        area: GRID_2,
        steps: &[
            (NEIGHBOUR, Step::Report),
            (ACCEPTOR, Step::Register),
            (DISPATCHER, Step::Dispatch),
            (HANDLER, Step::Feedback),
            (CHECKER, Step::CheckPass),
            (DUTY_OFFICER, Step::Close),
        ],
    },
    Fixture {
        title: "楼道堆放纸箱",
        description: "二楼平台堆放纸箱，已当场劝导清理。",
        category: "06036",
        condition: "一般",
        area: GRID_1,
        steps: &[(WORKER, Step::SelfHandle)],
    },
    Fixture {
        title: "屋顶搭建菜园",
        description: "屋顶搭建菜园，雨天渗水。",
        category: "06001",
        condition: "已建成，可限期拆除",
        area: GRID_1,
        steps: &[(COLLEAGUE, Step::Report), (ACCEPTOR, Step::Reject)],
    },
    // The second report is refused, so that a screen has a refusal to show.
    Fixture {
        title: "路灯不亮",
        description: "连续三盏路灯不亮。",
        category: "01037",
        condition: "连续三盏不亮",
        area: GRID_1,
        steps: &[(WORKER, Step::Report), (COLLEAGUE, Step::Report)],
    },
];

/// Writes them all.
pub(super) fn write(sequencer: &mut Sequencer, directory: &Directory) -> Result<(), OfficeError> {
    let references: ReferenceVersions = directory
        .parts
        .values()
        .map(|part| (part.name.clone(), part.version))
        .collect();
    for fixture in FIXTURES {
        let now_ms = SystemClock.now_ms();
        let record = RecordId::new(now_ms, &mut SystemEntropy);
        let mut begin = vec![Command::Create(fixture.genesis(&references))];
        for (by, step) in fixture.steps {
            let now_ms = SystemClock.now_ms();
            let mut commands = std::mem::take(&mut begin);
            commands.push(fixture.propose(*step, by, now_ms));
            let wish = OfficeWrite {
                by: PersonId::from(*by),
                record,
                commands,
            };
            sequencer.office_write(now_ms, &wish)?;
        }
    }
    Ok(())
}

impl Fixture {
    fn genesis(&self, references: &ReferenceVersions) -> NewRecord {
        let fields = [
            ("title", self.title),
            ("category", self.category),
            ("condition", self.condition),
            ("description", self.description),
        ];
        NewRecord {
            kind: Kind::Case,
            area: AreaCode::from(self.area),
            fields: fields
                .map(|(field, value)| (field.to_owned(), Value::Text(value.to_owned())))
                .into(),
            references: references.clone(),
        }
    }

    fn propose(&self, step: Step, by: &str, now_ms: i64) -> Command {
        Command::Propose {
            id: EntryId::new(now_ms, &mut SystemEntropy),
            proposal: Box::new(Proposal {
                step,
                by: PersonId::from(by),
                at_ms: now_ms,
                offset_ms: Some(0),
                seen: LogPosition::default(),
                details: self.said(step),
            }),
        }
    }

    fn said(&self, step: Step) -> StepDetails {
        let says = |wanted: &[Step], text: &str| wanted.contains(&step).then(|| text.to_owned());
        StepDetails {
            category: says(&[Step::Register], self.category),
            condition: says(&[Step::Register], self.condition),
            reason: says(&[Step::Reject], "不属于立案范围，已转社区劝导"),
            result: says(
                &[Step::Feedback, Step::CheckPass, Step::SelfHandle],
                "已清理完毕",
            ),
            department: (step == Step::Dispatch).then(|| "城管".into()),
            ..StepDetails::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::prepare;
    use crate::store::{CaseFilter, SqliteStore, Store as _};

    #[test]
    fn the_fixture_has_a_case_for_every_screen() {
        let folder = tempfile::tempdir().unwrap();
        let dev = prepare(&folder.path().join("dev"), "127.0.0.1:0".parse().unwrap()).unwrap();
        let store = SqliteStore::open(&dev.config.database()).unwrap();
        let all = CaseFilter {
            audiences: vec![gridlog_protocol::audience::area("430111003")],
            limit: 100,
            ..CaseFilter::default()
        };
        let mut stages: BTreeMap<String, usize> = BTreeMap::new();
        let mut refused = 0;
        for record in store.records(&all).unwrap() {
            let rulings = store.rulings(record.id).unwrap();
            refused += rulings
                .iter()
                .filter(|ruling| ruling.refused.is_some())
                .count();
            *stages.entry(record.stage).or_default() += 1;
        }
        let wanted = [
            ("reported", 2),
            ("registered", 1),
            ("dispatched", 1),
            ("closed", 1),
            ("self_handled", 1),
            ("rejected", 1),
        ];
        assert_eq!(
            stages,
            wanted.map(|(stage, n)| (stage.to_owned(), n)).into()
        );
        assert_eq!(refused, 1, "a screen has a refusal to show");
    }
}
