//! Words of the command line as values of fields.

use gridlog_domain::record::{Field, FieldType, Fix, Kind, Place, RecordError, Value};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::arguments::PlaceArguments;
use crate::error::CliError;

/// The field of that name.
pub(crate) fn field(kind: Kind, name: &str) -> Result<&'static Field, CliError> {
    kind.field(name).ok_or_else(|| CliError::UnknownField {
        field: name.to_owned(),
        fields: kind
            .fields()
            .iter()
            .map(|field| format!("{} {}", field.name, field.zh))
            .collect::<Vec<_>>()
            .join(", "),
    })
}

/// Reads what a field shall hold: a moment as RFC 3339, a place as an address parted by slashes,
/// everything else as it is.
pub(crate) fn read(field: &Field, text: &str) -> Result<Value, CliError> {
    let bad = |expected: &str| CliError::BadValue {
        field: field.name.to_owned(),
        expected: expected.to_owned(),
    };
    let value = match field.holds {
        FieldType::Millis => {
            let moment: Timestamp = text
                .parse()
                .map_err(|_| bad("a moment such as 2026-03-02T08:30:00+08:00"))?;
            Value::Millis(moment.as_millisecond())
        }
        FieldType::Place => Value::Place(Place {
            address: address(text),
            fix: None,
        }),
        _ => Value::Text(text.to_owned()),
    };
    value.check(field).map_err(|error| match error {
        RecordError::WrongValue { expected, .. } => bad(&expected),
        other => bad(&other.to_string()),
    })?;
    Ok(value)
}

/// `field=value`, parted.
pub(crate) fn assignment(text: &str) -> Result<(&str, &str), CliError> {
    text.split_once('=').ok_or_else(|| CliError::BadValue {
        field: text.to_owned(),
        expected: "the form field=value".to_owned(),
    })
}

fn address(text: &str) -> Vec<String> {
    text.split('/')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A place from its arguments; nothing if none was given.
pub(crate) fn place(arguments: &PlaceArguments, now_ms: i64) -> Option<Place> {
    let fix = arguments.lon.zip(arguments.lat).map(|(lon, lat)| Fix {
        crs: arguments.crs.into(),
        lon,
        lat,
        accuracy_m: None,
        fixed_at_ms: now_ms,
    });
    let address = arguments.address.as_deref().map(address);
    (fix.is_some() || address.is_some()).then(|| Place {
        address: address.unwrap_or_default(),
        fix,
    })
}

/// A value as a person reads it.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Millis(ms) => moment(*ms),
        Value::Place(place) => {
            let mut words = place.address.join(" ");
            if let Some(fix) = &place.fix {
                words = format!("{words} ({}, {} {:?})", fix.lon, fix.lat, fix.crs);
            }
            words.trim().to_owned()
        }
    }
}

/// A moment in the terminal's time zone.
pub(crate) fn moment(ms: i64) -> String {
    in_form("%Y-%m-%d %H:%M", ms)
}

/// The same for a moment that is close.
pub(crate) fn moment_to_the_second(ms: i64) -> String {
    in_form("%Y-%m-%d %H:%M:%S", ms)
}

fn in_form(form: &str, ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(
        |_| "—".to_owned(),
        |moment| {
            let moment = moment.to_zoned(TimeZone::system());
            moment.strftime(form).to_string()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_the_values_that_their_fields_hold() {
        let read_case = |name: &str, text: &str| read(field(Kind::Case, name).unwrap(), text);
        assert_eq!(
            read_case("title", "井盖缺失").unwrap(),
            Value::Text("井盖缺失".to_owned())
        );
        assert_eq!(
            read_case("occurred_at", "1970-01-01T08:00:01+08:00").unwrap(),
            Value::Millis(1000)
        );
        let Value::Place(place) = read_case("place", "造化塘小区/3栋/").unwrap() else {
            panic!("not a place");
        };
        assert_eq!(place.address, ["造化塘小区", "3栋"]);
        assert_eq!(
            read_case("occurred_at", "yesterday").unwrap_err().code(),
            "bad_value"
        );
        let empty = read_case("title", "").unwrap_err().to_string();
        assert_eq!(empty, "title takes a text that is not empty");
    }

    #[test]
    fn a_field_that_does_not_exist_is_answered_with_those_that_do() {
        let words = field(Kind::Case, "titel").unwrap_err().to_string();
        assert!(words.contains("title 标题"), "{words}");
    }
}
