//! The one door of cases: whatever brings one, a counter, a hotline, a file, another city's app.
//!
//! The sequencer looks up the number and writes the case in one go, so the same number twice at once is
//! one case. Who has a number is read from the records, so it holds after a restart and after a restore.

use gridlog_domain::id::{AreaCode, RecordId};
use gridlog_domain::record::{Command, RecordView, ReferenceVersions};
use gridlog_merge_guard::History;

use super::delivery::{Delivery, FreshIds, contacts};
use super::office::{OfficeError, OfficeWrite};
use super::sequencer::Sequencer;
use crate::directory::{Directory, sees_area};
use crate::store::StoreError;

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenIn {
    /// The case.
    pub record: RecordId,
    /// What it was to this server.
    pub news: News,
}

/// What a delivery was to this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// A new case.
    Begun,
    /// A case that was there already, with words that were not: they are a comment now.
    Added,
    /// Nothing new.
    Known,
}

impl Sequencer {
    /// Takes a case in, in the log when this returns.
    ///
    /// # Errors
    /// [`OfficeError`]; nothing was written.
    pub fn take_in(
        &mut self,
        now_ms: i64,
        delivery: &Delivery,
        ids: &FreshIds,
    ) -> Result<TakenIn, OfficeError> {
        let known = match &delivery.number {
            Some(number) => self.store.case_by_number(delivery.channel, number)?,
            None => None,
        };
        match known {
            None => self.begin(now_ms, delivery, ids),
            Some(record) => self.add(now_ms, delivery, ids, record),
        }
    }

    fn begin(
        &mut self,
        now_ms: i64,
        delivery: &Delivery,
        ids: &FreshIds,
    ) -> Result<TakenIn, OfficeError> {
        let directory = self.directory.now();
        let area = delivered_to(&directory, delivery, now_ms)?;
        let references = references(&directory);
        let mut wishes = Vec::new();
        let mut wish = |record, commands| {
            let by = delivery.by.clone();
            wishes.push(OfficeWrite {
                by,
                record,
                commands,
            });
        };
        if let Some(caller) = delivery.caller() {
            let contact = delivery.begin_contact(caller, &area, &references);
            wish(ids.contact, vec![contact]);
        }
        let case = delivery.begin_case(ids, &area, references, now_ms);
        wish(ids.case, case);
        self.write_together(now_ms, &wishes)?;
        Ok(TakenIn {
            record: ids.case,
            news: News::Begun,
        })
    }

    fn add(
        &mut self,
        now_ms: i64,
        delivery: &Delivery,
        ids: &FreshIds,
        record: RecordId,
    ) -> Result<TakenIn, OfficeError> {
        let row = self.store.record(record)?;
        let row = row.ok_or(OfficeError::UnknownRecord(record))?;
        let now = self.view(&row.view, record)?;
        let began = self.as_it_began(record)?;
        let stranger = match delivery.caller() {
            Some(caller) => {
                let mut known = contacts(&now).into_iter();
                let is_known = known.try_fold(false, |found, id| {
                    let contact = self.store.record(id)?;
                    let same = match contact {
                        Some(contact) => caller.is(&self.view(&contact.view, id)?),
                        None => false,
                    };
                    Ok::<_, StoreError>(found || same)
                })?;
                (!is_known).then_some(caller)
            }
            None => None,
        };
        let contact = stranger.map(|_| ids.contact);
        let news = delivery.news(ids, (&began, &now), contact, now_ms);
        if news.is_empty() {
            return Ok(TakenIn {
                record,
                news: News::Known,
            });
        }
        let mut wishes = vec![(record, news)];
        if let Some(caller) = stranger {
            let directory = self.directory.now();
            let area = AreaCode::new(row.area);
            let contact = delivery.begin_contact(caller, &area, &references(&directory));
            wishes.insert(0, (ids.contact, vec![contact]));
        }
        let wish = |(record, commands): (RecordId, Vec<Command>)| OfficeWrite {
            by: delivery.by.clone(),
            record,
            commands,
        };
        let wishes: Vec<OfficeWrite> = wishes.into_iter().map(wish).collect();
        self.write_together(now_ms, &wishes)?;
        Ok(TakenIn {
            record,
            news: News::Added,
        })
    }

    fn view(&self, json: &str, record: RecordId) -> Result<RecordView, StoreError> {
        serde_json::from_str(json).map_err(|_| damaged(record))
    }

    /// What a record said when it began: what was edited since is still the same delivery.
    fn as_it_began(&self, record: RecordId) -> Result<RecordView, StoreError> {
        let changes = self.store.record_changes(record)?;
        let first = changes.first().ok_or_else(|| damaged(record))?;
        let history = History::load([first.bytes.as_slice()]).map_err(|_| damaged(record))?;
        RecordView::read(history.document()).map_err(|_| damaged(record))
    }
}

fn damaged(record: RecordId) -> StoreError {
    StoreError::Damaged {
        what: "record",
        id: record.to_string(),
    }
}

fn references(directory: &Directory) -> ReferenceVersions {
    let parts = directory.parts.values();
    parts
        .map(|part| (part.name.clone(), part.version))
        .collect()
}

/// The area of a new case: the one that is named, or else where the hand that writes it works.
fn delivered_to(
    directory: &Directory,
    delivery: &Delivery,
    now_ms: i64,
) -> Result<AreaCode, OfficeError> {
    if let Some(named) = &delivery.area {
        let area = directory.areas.get(named);
        return match area.filter(|area| area.is_valid_at(now_ms)) {
            Some(area) => Ok(area.code.clone()),
            None => Err(OfficeError::UnknownArea(named.clone())),
        };
    }
    let person = directory.person(&delivery.by);
    let held = person.into_iter().flat_map(|person| &person.assignments);
    let mut held = held.filter(|held| held.is_valid_at(now_ms) && sees_area(held.role));
    held.next()
        .map(|held| held.area.clone())
        .ok_or_else(|| OfficeError::OutOfScope(delivery.by.clone()))
}
