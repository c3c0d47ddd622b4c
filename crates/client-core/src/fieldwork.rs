//! A worker's day in calls: patrols, visits, reports.

use gridlog_domain::channel::Channel;
use gridlog_domain::id::{AreaCode, EntryId, RecordId};
use gridlog_domain::record::{Command, Finding, Kind, Place, StepDetails, Value};
use gridlog_domain::workflow::Step;
use serde::{Deserialize, Serialize};

use crate::drafts::DraftId;
use crate::error::PhoneError;
use crate::phone::Phone;
use crate::record::Scene;

/// A visit to a household or shop. Only the outcome is required, and nobody home is one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewVisit {
    /// `met`, `nobody_home` or `refused`; see [`gridlog_domain::record::VISIT_OUTCOMES`].
    pub outcome: String,
    /// Whom or where, in the worker's words.
    pub household: Option<String>,
    /// Why.
    pub purpose: Option<String>,
    /// What was said.
    pub notes: Option<String>,
    /// The site's record.
    pub site: Option<RecordId>,
    /// The contact's record.
    pub contact: Option<RecordId>,
    /// Where.
    pub place: Option<Place>,
    /// The area; the worker's own if `None`.
    pub area: Option<AreaCode>,
    /// When, device time in milliseconds since the Unix epoch; now if `None`.
    pub visited_at_ms: Option<i64>,
}

/// A problem that a worker found. Title and category are required.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewReport {
    /// One line.
    pub title: String,
    /// Minor class of the catalogue.
    pub category: String,
    /// Filing condition of that class.
    pub condition: Option<String>,
    /// What was seen.
    pub description: Option<String>,
    /// Where.
    pub place: Option<Place>,
    /// The area; the worker's own if `None`.
    pub area: Option<AreaCode>,
    /// When it happened, milliseconds since the Unix epoch.
    pub occurred_at_ms: Option<i64>,
    /// The patrol that found it.
    pub patrol: Option<RecordId>,
    /// The visit that found it.
    pub visit: Option<RecordId>,
    /// The site it is about.
    pub site: Option<RecordId>,
    /// Who told of it.
    pub contact: Option<RecordId>,
}

fn text(value: Option<String>) -> Option<Value> {
    value.map(Value::Text)
}

fn link(record: Option<RecordId>) -> Option<Value> {
    record.map(|id| Value::Text(id.to_string()))
}

/// Recording in the words of the field; errors as for the generic calls, and
/// [`PhoneError::AreaNeeded`] for a person who walks no grid and names none.
impl Phone {
    /// Starts a patrol. The area is the worker's own if none is named.
    ///
    /// # Errors
    /// See above.
    pub fn start_patrol(
        &self,
        area: Option<AreaCode>,
        route: Option<&str>,
    ) -> Result<RecordId, PhoneError> {
        self.begin(|scene| {
            let checklists = scene.knowledge.reference.checklists();
            let template = checklists.and_then(|lists| lists.for_kind(Kind::Patrol.code()));
            let fields = [
                ("started_at", Some(Value::Millis(scene.moment.now_ms))),
                ("route", text(route.map(str::to_owned))),
                (
                    "template",
                    text(template.map(|template| template.id.clone())),
                ),
            ];
            Ok(vec![scene.create(Kind::Patrol, area, fields)?])
        })
    }

    /// Enters the finding of one checklist item.
    ///
    /// # Errors
    /// See above.
    pub fn inspect(
        &self,
        patrol: RecordId,
        item: &str,
        finding: Finding,
        note: &str,
    ) -> Result<EntryId, PhoneError> {
        self.check(patrol, None, item, finding, note)
    }

    /// Ends a patrol, with what there is to say about it. `notes` are added to those that stand.
    ///
    /// # Errors
    /// See above.
    pub fn finish_patrol(&self, patrol: RecordId, notes: Option<&str>) -> Result<(), PhoneError> {
        self.act(patrol, |scene| {
            let mut commands = vec![Command::Set {
                field: "finished_at".to_owned(),
                value: Value::Millis(scene.moment.now_ms),
                shown: None,
            }];
            if let Some(notes) = notes.filter(|notes| !notes.trim().is_empty()) {
                let standing = scene.view.as_ref().map_or("", |view| view.text("notes"));
                let all = match standing {
                    "" => notes.to_owned(),
                    standing => format!("{standing}\n{notes}"),
                };
                commands.push(scene.rewrite("notes", None, &all));
            }
            Ok((commands, ()))
        })
    }

    /// Records a visit.
    ///
    /// # Errors
    /// See above.
    pub fn visit(&self, new: NewVisit) -> Result<RecordId, PhoneError> {
        self.begin(|scene| visit(scene, new))
    }

    /// Records a visit that was a draft so far; the draft goes with the same commit.
    ///
    /// # Errors
    /// See above; [`PhoneError::UnknownDraft`]. The draft stays then.
    pub fn visit_from_draft(&self, draft: DraftId, new: NewVisit) -> Result<RecordId, PhoneError> {
        self.begin_from(Some(draft), |scene| visit(scene, new))
    }

    /// Reports a problem: the case and the proposal to report it, in one change.
    ///
    /// # Errors
    /// See above.
    pub fn report(&self, new: NewReport) -> Result<RecordId, PhoneError> {
        self.begin(|scene| reported(scene, new))
    }

    /// Reports a problem that was a draft so far; the draft goes with the same commit, so that nobody
    /// reports it twice.
    ///
    /// # Errors
    /// See above; [`PhoneError::UnknownDraft`]. The draft stays then.
    pub fn report_from_draft(
        &self,
        draft: DraftId,
        new: NewReport,
    ) -> Result<RecordId, PhoneError> {
        self.begin_from(Some(draft), |scene| reported(scene, new))
    }

    /// Notes a problem without reporting it: the case stays 未上报 until somebody proposes
    /// [`Step::Report`] or [`Step::SelfHandle`].
    ///
    /// # Errors
    /// See above.
    pub fn note_case(&self, new: NewReport) -> Result<RecordId, PhoneError> {
        self.begin(|scene| case(scene, new))
    }

    /// Notes a problem that was a draft so far; the draft goes with the same commit.
    ///
    /// # Errors
    /// See above; [`PhoneError::UnknownDraft`]. The draft stays then.
    pub fn note_case_from_draft(
        &self,
        draft: DraftId,
        new: NewReport,
    ) -> Result<RecordId, PhoneError> {
        self.begin_from(Some(draft), |scene| case(scene, new))
    }
}

fn visit(scene: &Scene<'_>, new: NewVisit) -> Result<Vec<Command>, PhoneError> {
    let at_ms = new.visited_at_ms.unwrap_or(scene.moment.now_ms);
    let fields = [
        ("outcome", Some(Value::Text(new.outcome))),
        ("visited_at", Some(Value::Millis(at_ms))),
        ("purpose", text(new.purpose)),
        ("site", link(new.site)),
        ("household", text(new.household)),
        ("contact", link(new.contact)),
        ("notes", text(new.notes)),
        ("place", new.place.map(Value::Place)),
    ];
    Ok(vec![scene.create(Kind::Visit, new.area, fields)?])
}

fn reported(scene: &Scene<'_>, new: NewReport) -> Result<Vec<Command>, PhoneError> {
    let mut commands = case(scene, new)?;
    commands.push(scene.proposal(Step::Report, StepDetails::default()).1);
    Ok(commands)
}

fn case(scene: &Scene<'_>, new: NewReport) -> Result<Vec<Command>, PhoneError> {
    let fields = [
        ("title", Some(Value::Text(new.title))),
        ("category", Some(Value::Text(new.category))),
        ("condition", text(new.condition)),
        ("description", text(new.description)),
        ("place", new.place.map(Value::Place)),
        ("occurred_at", new.occurred_at_ms.map(Value::Millis)),
        ("patrol", link(new.patrol)),
        ("visit", link(new.visit)),
        ("site", link(new.site)),
        ("contact", link(new.contact)),
        ("channel", text(Some(Channel::Worker.code().to_owned()))),
    ];
    Ok(vec![scene.create(Kind::Case, new.area, fields)?])
}
