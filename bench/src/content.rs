//! What one record says, and how it is written: by a phone of Gridlog as one change, by a plain JSON
//! system as fields.

use std::collections::BTreeMap;

use gridlog_domain::id::{AreaCode, EntryId, PersonId};
use gridlog_domain::record::{
    Check, Command, Finding, Kind, LogPosition, NewRecord, PhotoRef, PhotoRole, Place, Proposal,
    ReferenceVersions, StepDetails, Value,
};
use gridlog_domain::workflow::Step;
use serde::Serialize;
use serde_json::Map;

/// One checklist item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Item {
    pub(crate) item: String,
    pub(crate) finding: Finding,
    pub(crate) note: String,
}

/// One photo reference; no photo is behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Photo {
    pub(crate) sha256: String,
    pub(crate) role: PhotoRole,
    pub(crate) bytes: u64,
}

/// What one record says. Its JSON is what "1.5 KB" is counted on; the id comes from the phone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Content {
    pub(crate) grid: AreaCode,
    pub(crate) category: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) place: Place,
    pub(crate) checks: Vec<Item>,
    pub(crate) photos: Vec<Photo>,
}

/// Who writes a record, when, and how much of the log they had seen.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    pub(crate) person: PersonId,
    pub(crate) now_ms: i64,
    pub(crate) offset_ms: Option<i64>,
    pub(crate) seen: LogPosition,
    pub(crate) references: ReferenceVersions,
}

impl Content {
    /// The fields of the record as a plain JSON system keeps them.
    pub(crate) fn plain(
        &self,
        author: &PersonId,
        occurred_at_ms: i64,
    ) -> Result<Map<String, serde_json::Value>, serde_json::Error> {
        #[derive(Serialize)]
        struct Plain<'a> {
            author: &'a PersonId,
            occurred_at: i64,
            #[serde(flatten)]
            content: &'a Content,
        }
        let plain = Plain {
            author,
            occurred_at: occurred_at_ms,
            content: self,
        };
        serde_json::from_value(serde_json::to_value(plain)?)
    }

    /// The record and everything in it as one change: findings, photos and the proposal to report
    /// it, as a worker's app would write it when the form is sent.
    pub(crate) fn commands(
        &self,
        writer: &Writer,
        mut entry_id: impl FnMut() -> EntryId,
    ) -> (NewRecord, Vec<Command>) {
        let fields = [
            ("title", Value::Text(self.title.clone())),
            ("category", Value::Text(self.category.clone())),
            ("description", Value::Text(self.description.clone())),
            ("place", Value::Place(self.place.clone())),
            ("occurred_at", Value::Millis(writer.now_ms)),
        ];
        let new = NewRecord {
            kind: Kind::Case,
            area: self.grid.clone(),
            fields: fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect::<BTreeMap<_, _>>(),
            references: writer.references.clone(),
        };
        let mut also = Vec::new();
        for item in &self.checks {
            let check = Check {
                item: item.item.clone(),
                finding: item.finding,
                note: item.note.clone(),
                by: writer.person.clone(),
                at_ms: writer.now_ms,
            };
            let id = entry_id();
            also.push(Command::Check {
                id,
                check,
                shown: None,
            });
        }
        for photo in &self.photos {
            let photo = PhotoRef {
                sha256: photo.sha256.clone(),
                role: photo.role,
                bytes: photo.bytes,
                by: writer.person.clone(),
                at_ms: writer.now_ms,
                preview: None,
            };
            let id = entry_id();
            also.push(Command::Photo { id, photo });
        }
        let proposal = Proposal {
            step: Step::Report,
            by: writer.person.clone(),
            at_ms: writer.now_ms,
            offset_ms: writer.offset_ms,
            seen: writer.seen,
            details: StepDetails::default(),
        };
        let id = entry_id();
        let proposal = Box::new(proposal);
        also.push(Command::Propose { id, proposal });
        (new, also)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::Generator;

    #[test]
    fn a_plain_record_says_what_the_content_says_and_who_wrote_it() {
        let grid = AreaCode::from("43011100300101");
        let content = Generator::new(1).unwrap().content(&grid, 0, 0);
        let plain = content.plain(&PersonId::new("W001"), 5).unwrap();
        assert_eq!(plain["author"], "W001");
        assert_eq!(plain["occurred_at"], 5);
        assert_eq!(plain["title"], content.title);
        assert_eq!(plain["checks"].as_array().unwrap().len(), 6);
    }
}
