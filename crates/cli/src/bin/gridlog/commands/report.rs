//! `gridlog report`.

use gridlog_client_core::{NewReport, Phone};
use gridlog_domain::environment::Clock as _;
use gridlog_domain::id::AreaCode;

use super::{categories, drafts, recorded};
use crate::answer::Answer;
use crate::arguments::{CaseFields, Report};
use crate::error::CliError;
use crate::values;

/// Records a case, and reports it unless that is left for later.
pub(super) fn report(phone: &Phone, arguments: Report) -> Result<Answer, CliError> {
    let draft = arguments
        .draft
        .as_deref()
        .map(|text| drafts::named(phone, text))
        .transpose()?;
    let start = draft.as_ref().map(|(_, held)| held.clone());
    let new = fill(start.unwrap_or_default(), arguments.fields);
    complete(phone, &new)?;
    let record = match (draft, arguments.record_only) {
        (Some((draft, _)), true) => phone.note_case_from_draft(draft, new)?,
        (Some((draft, _)), false) => phone.report_from_draft(draft, new)?,
        (None, true) => phone.note_case(new)?,
        (None, false) => phone.report(new)?,
    };
    Ok(recorded(
        record,
        if arguments.record_only {
            "案卷已记录，尚未上报 case recorded, not reported"
        } else {
            "案卷已上报，待裁定 case reported, awaits a ruling"
        },
    ))
}

fn complete(phone: &Phone, new: &NewReport) -> Result<(), CliError> {
    if new.title.trim().is_empty() {
        return Err(CliError::Missing {
            what: "标题 title",
            advice: "gridlog report TITLE CATEGORY",
        });
    }
    if new.category.is_empty() {
        return Err(CliError::Missing {
            what: "小类 category",
            advice: "find its code by: gridlog categories TEXT",
        });
    }
    categories::check(phone, &new.category, new.condition.as_deref())
}

/// What the arguments say on top of what a draft held.
pub(super) fn fill(mut new: NewReport, fields: CaseFields) -> NewReport {
    let now_ms = gridlog_cli::environment::SystemClock.now_ms();
    new.title = fields.title.unwrap_or(new.title);
    new.category = fields.category.unwrap_or(new.category);
    new.condition = fields.condition.or(new.condition);
    new.description = fields.description.or(new.description);
    new.place = values::place(&fields.place, now_ms).or(new.place);
    new.area = fields.area.map(AreaCode::new).or(new.area);
    new
}
