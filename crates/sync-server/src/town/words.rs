//! What people of the town write.

use gridlog_domain::id::EntryId;
use gridlog_domain::record::{
    Command, Comment, Kind, LogPosition, NewRecord, Proposal, StepDetails, Value,
};
use gridlog_domain::workflow::Step;

use super::Town;

/// Begins a case in a grid.
pub(crate) fn new_case(area: &str, title: &str) -> Command {
    let fields = [("title", title), ("category", "01014")]
        .map(|(field, value)| (field.to_owned(), Value::Text(value.to_owned())));
    Command::Create(NewRecord {
        kind: Kind::Case,
        area: area.into(),
        fields: fields.into(),
        references: Default::default(),
    })
}

/// Gives it another title.
pub(crate) fn set_title(title: &str) -> Command {
    Command::Set {
        field: "title".to_owned(),
        value: Value::Text(title.to_owned()),
        shown: None,
    }
}

/// Says something.
pub(crate) fn comment(town: &Town, by: &str, text: &str) -> Command {
    Command::Comment {
        id: EntryId::from_bytes(town.fresh()),
        comment: Comment {
            text: text.to_owned(),
            by: by.into(),
            at_ms: town.now.get(),
        },
    }
}

/// Asks for a step, with all that any step could need said.
pub(crate) fn propose(town: &Town, by: &str, step: Step) -> Command {
    let text = |said: &str| Some(said.to_owned());
    Command::Propose {
        id: EntryId::from_bytes(town.fresh()),
        proposal: Box::new(Proposal {
            step,
            by: by.into(),
            at_ms: town.now.get(),
            offset_ms: Some(0),
            seen: LogPosition::default(),
            details: StepDetails {
                reason: text("核实"),
                result: text("已处置"),
                category: text("01014"),
                condition: text("缺失"),
                department: Some("城管".into()),
                ..StepDetails::default()
            },
        }),
    }
}
