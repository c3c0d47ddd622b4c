//! `gridlog edit`, `comment` and `resolve`.

use gridlog_client_core::Phone;
use gridlog_domain::record::{Conflict, FieldType, Kind, Value};
use serde_json::json;

use super::recorded;
use super::show::detail;
use crate::answer::Answer;
use crate::arguments::{Comment, Edit, Resolve};
use crate::error::CliError;
use crate::{ids, values};

/// Edits fields.
pub(super) fn edit(phone: &Phone, arguments: &Edit) -> Result<Answer, CliError> {
    let record = ids::record(phone, &arguments.record)?;
    let kind = detail(phone, record)?.view.kind;
    let mut fields = Vec::new();
    for text in &arguments.fields {
        let (name, words) = values::assignment(text)?;
        let field = values::field(kind, name)?;
        let value = match field.holds {
            FieldType::Record => Value::Text(ids::record(phone, words)?.to_string()),
            _ => values::read(field, words)?,
        };
        fields.push((field.name, value));
    }
    match &arguments.shown {
        Some(shown) => phone.edit_as_shown(record, shown, &fields)?,
        None => phone.edit(record, &fields)?,
    }
    Ok(recorded(record, "修改已记录 edit recorded"))
}

/// Says something.
pub(super) fn comment(phone: &Phone, arguments: &Comment) -> Result<Answer, CliError> {
    let record = ids::record(phone, &arguments.record)?;
    let entry = phone.comment(record, &arguments.text)?;
    Ok(Answer::new(
        json!({ "record": record, "entry": entry }),
        format!("批注已记录 comment recorded  {}\n", ids::short(&record)),
    ))
}

/// Ends a conflict, naming the values that are shown to whoever decides.
pub(super) fn resolve(phone: &Phone, arguments: &Resolve) -> Result<Answer, CliError> {
    let record = ids::record(phone, &arguments.record)?;
    let view = detail(phone, record)?.view;
    let conflict = view
        .conflicts
        .iter()
        .find(|conflict| conflict.place == arguments.place)
        .ok_or_else(|| CliError::NoConflict {
            place: arguments.place.clone(),
        })?;
    let value = decided(view.kind, conflict, &arguments.value)?;
    let seen = conflict.all_ops();
    phone.resolve(record, &conflict.place, value.clone(), &seen)?;
    let lost: Vec<String> = conflict
        .lost
        .iter()
        .map(|lost| values::shown(&lost.value))
        .collect();
    Ok(Answer::new(
        json!({ "record": record, "place": conflict.place, "value": value, "settled": conflict.lost }),
        format!(
            "冲突已解决 conflict resolved  {}\n  保留 stands：{}\n  已看过 seen：{}\n",
            conflict.place,
            values::shown(&value),
            lost.join("；")
        ),
    ))
}

/// One of the values that are in conflict if the words are its words, else a value of one's own.
fn decided(kind: Kind, conflict: &Conflict, words: &str) -> Result<Value, CliError> {
    let known = conflict
        .shown
        .iter()
        .chain(conflict.lost.iter().map(|lost| &lost.value))
        .find(|value| values::shown(value) == words);
    match known {
        Some(value) => Ok(value.clone()),
        None if conflict.place.starts_with("checks/") => Err(CliError::BadValue {
            field: conflict.place.clone(),
            expected: "one of the findings in conflict, as they are shown".to_owned(),
        }),
        None => values::read(values::field(kind, &conflict.place)?, words),
    }
}
