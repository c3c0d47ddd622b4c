//! `gridlog patrol` and `gridlog visit`.

use gridlog_client_core::{NewVisit, Phone, Query};
use gridlog_domain::environment::Clock as _;
use gridlog_domain::id::{AreaCode, RecordId};
use gridlog_domain::record::{Finding, Kind};
use serde_json::json;

use super::recorded;
use super::show::detail;
use crate::answer::Answer;
use crate::arguments::{Patrol, Visit};
use crate::error::CliError;
use crate::{ids, values};

/// Carries out one step of a patrol.
pub(super) fn patrol(phone: &Phone, step: Patrol) -> Result<Answer, CliError> {
    match step {
        Patrol::Start { route, area } => start(phone, route.as_deref(), area),
        Patrol::Inspect {
            item,
            finding,
            note,
            patrol,
        } => inspect(
            phone,
            &item,
            finding.into(),
            note.as_deref(),
            patrol.as_deref(),
        ),
        Patrol::Finish { notes, patrol } => {
            let patrol = under_way(phone, patrol.as_deref())?;
            phone.finish_patrol(patrol, notes.as_deref())?;
            Ok(recorded(patrol, "巡查已结束 patrol finished"))
        }
    }
}

fn start(phone: &Phone, route: Option<&str>, area: Option<String>) -> Result<Answer, CliError> {
    let patrol = phone.start_patrol(area.map(AreaCode::new), route)?;
    let items = items(phone)?;
    let mut text = format!("巡查已开始 patrol started  {}\n", ids::short(&patrol));
    for (number, item) in (1..).zip(&items) {
        text.push_str(&format!("  {number}. {item}\n"));
    }
    Ok(Answer::new(
        json!({ "record": patrol, "checklist": items }),
        text,
    ))
}

fn inspect(
    phone: &Phone,
    item: &str,
    finding: Finding,
    note: Option<&str>,
    patrol: Option<&str>,
) -> Result<Answer, CliError> {
    let patrol = under_way(phone, patrol)?;
    let item = item_named(&items(phone)?, item)?;
    let entry = phone.inspect(patrol, &item, finding, note.unwrap_or_default())?;
    Ok(Answer::new(
        json!({ "record": patrol, "entry": entry, "item": item, "finding": finding }),
        format!("已记录 recorded：{item} {}\n", finding.zh()),
    ))
}

fn items(phone: &Phone) -> Result<Vec<String>, CliError> {
    let reference = phone.reference()?;
    let template = reference
        .checklists()
        .and_then(|lists| lists.for_kind(Kind::Patrol.code()));
    Ok(template
        .map(|template| template.items.clone())
        .unwrap_or_default())
}

/// A number names an item of the checklist; anything else is an item of its own.
fn item_named(items: &[String], text: &str) -> Result<String, CliError> {
    let Ok(number) = text.parse::<usize>() else {
        return Ok(text.to_owned());
    };
    number
        .checked_sub(1)
        .and_then(|index| items.get(index))
        .cloned()
        .ok_or_else(|| CliError::UnknownItem {
            item: text.to_owned(),
            count: items.len(),
        })
}

/// The patrol that was named, else the newest of one's own that has not ended.
fn under_way(phone: &Phone, named: Option<&str>) -> Result<RecordId, CliError> {
    if let Some(text) = named {
        return ids::record(phone, text);
    }
    let own = Query {
        kind: Some(Kind::Patrol),
        mine_only: true,
        ..Query::default()
    };
    let mut rows = phone.list(&own)?;
    rows.sort_by_key(|row| std::cmp::Reverse((row.created_ms, row.id)));
    for row in rows {
        if !detail(phone, row.id)?
            .view
            .fields
            .contains_key("finished_at")
        {
            return Ok(row.id);
        }
    }
    Err(CliError::NoPatrol)
}

/// Records a visit.
pub(super) fn visit(phone: &Phone, arguments: Visit) -> Result<Answer, CliError> {
    let now_ms = gridlog_cli::environment::SystemClock.now_ms();
    let record = phone.visit(NewVisit {
        outcome: arguments.outcome.code().to_owned(),
        household: arguments.household,
        purpose: arguments.purpose,
        notes: arguments.notes,
        place: values::place(&arguments.place, now_ms),
        area: arguments.area.map(AreaCode::new),
        ..NewVisit::default()
    })?;
    Ok(recorded(record, "走访已记录 visit recorded"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_named_by_its_number_or_by_words_of_ones_own() {
        let items = ["重点部位到".to_owned(), "公共区域到".to_owned()];
        assert_eq!(item_named(&items, "2").unwrap(), "公共区域到");
        assert_eq!(item_named(&items, "楼顶").unwrap(), "楼顶");
        assert_eq!(item_named(&items, "3").unwrap_err().code(), "unknown_item");
        assert_eq!(item_named(&items, "0").unwrap_err().code(), "unknown_item");
    }
}
