//! Everybody who has to do with cases of one street, and what they say.

use std::collections::BTreeMap;

use gridlog_client_core::NewReport;
use gridlog_domain::id::{Department, RecordId};
use gridlog_domain::record::{Attendee, Meeting, StepDetails};
use gridlog_domain::reference::{AreaLevel, Catalogue, Limit, LimitUnit, Minor, Role};
use gridlog_domain::workflow::Step;

use crate::{District, GRID_A, Office, TestPhone, words};

/// The department that takes part wherever somebody besides the responsible one is called.
pub const POLICE: &str = "公安";

/// A matter of `data/matters.json`.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Matter {
    /// Minor class.
    pub code: String,
    /// What it is about.
    pub title: String,
    /// What was found.
    pub description: String,
    /// The way that it takes; see [`gridlog_domain::workflow::PATHS`].
    pub path: String,
}

/// All 42 matters.
pub fn matters() -> Vec<Matter> {
    #[derive(serde::Deserialize)]
    struct File {
        matters: Vec<Matter>,
    }
    let file: Result<File, _> = serde_json::from_str(include_str!("../../data/matters.json"));
    file.expect("the shipped matters read").matters
}

/// The people of a street: two workers with phones, and offices that sign in when they are needed.
pub struct Street<'a> {
    district: &'a District,
    /// Phones of two workers of the same grid.
    pub workers: [TestPhone; 2],
    offices: BTreeMap<(Role, String), Office>,
    catalogue: Catalogue,
    /// A case that others are linked with.
    earlier: RecordId,
}

impl<'a> Street<'a> {
    /// Enrols the workers.
    pub fn of(district: &'a District) -> Self {
        let workers = [0, 1].map(|n| district.phone(GRID_A, n));
        let earlier = workers[0].report_case("此前反映过的问题");
        workers[0].sync_all();
        let catalogue = serde_json::from_str(include_str!("../../data/catalogue.json"));
        Self {
            district,
            workers,
            offices: BTreeMap::new(),
            catalogue: catalogue.expect("the shipped catalogue reads"),
            earlier,
        }
    }

    /// The minor class of a matter.
    pub fn minor(&self, matter: &Matter) -> Minor {
        let minor = self.catalogue.minor(&matter.code);
        minor
            .expect("the catalogue has every matter's class")
            .clone()
    }

    /// The office of that role; for handlers, of the department that has to do with the step.
    pub fn office(&mut self, role: Role, step: Step, matter: &Matter) -> &Office {
        let of = match role {
            Role::Handler => self.department(step, matter),
            _ => Department::new(""),
        };
        let district = self.district;
        let signed_in = self.offices.entry((role, of.as_str().to_owned()));
        signed_in.or_insert_with(|| match role {
            Role::Handler => district.handler(of.as_str()),
            _ => district.office(role),
        })
    }

    fn department(&self, step: Step, matter: &Matter) -> Department {
        match step {
            Step::FinishPart | Step::Respond | Step::ReportIn | Step::FinishCall => POLICE.into(),
            _ => self.minor(matter).department,
        }
    }

    /// The first worker notes a matter, without reporting it.
    pub fn note(&self, matter: &Matter) -> RecordId {
        let new = NewReport {
            title: words(&matter.title),
            category: matter.code.clone(),
            description: Some(words(&matter.description)),
            ..NewReport::default()
        };
        self.workers[0].note_case(new).expect("the phone records")
    }

    /// All that a step on a matter's way may have to say.
    pub fn said(&self, step: Step, matter: &Matter) -> StepDetails {
        let minor = self.minor(matter);
        let rated = step == Step::RateCall;
        let of = [1, 2].map(|n| RecordId::from_bytes([n; 16]));
        StepDetails {
            reason: Some(words("按规定办理")),
            result: Some(words("现场已处理")),
            category: Some(matter.code.clone()),
            condition: minor.filing_conditions.first().map(|one| one.name.clone()),
            department: Some(if rated {
                POLICE.into()
            } else {
                minor.department
            }),
            departments: vec![POLICE.into()],
            limit: Some(Limit {
                unit: LimitUnit::WorkDay,
                amount: 1,
            }),
            answer: Some(true),
            rating: Some(5),
            supervision: Some(2),
            level: Some(AreaLevel::Street),
            person: Some("O001".into()),
            case: Some(self.earlier),
            parties: of.to_vec(),
            meeting: Some(Meeting {
                agenda: matter.title.clone(),
                people: vec![Attendee {
                    role: "社区".to_owned(),
                    contact: None,
                    staff: Some("O001".into()),
                }],
                resolution: words("协商一致"),
                actions: Vec::new(),
            }),
            ..StepDetails::default()
        }
    }
}
