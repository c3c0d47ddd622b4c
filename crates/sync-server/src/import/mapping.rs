//! What the columns of a file mean.

use std::collections::BTreeMap;

use gridlog_domain::channel::Channel;
use gridlog_domain::id::AreaCode;
use gridlog_domain::record::{Crs, Fix, NUMBER, Place};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::ingest::{DESCRIPTION, Delivery};

/// Which column means what. Its file form is JSON; see `docs/import.md`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// What file it is for; for people.
    #[serde(default)]
    pub title: String,
    /// The channel that the cases come by.
    pub channel: Channel,
    /// The number of a request.
    pub number: NumberColumn,
    /// When it was reported.
    pub reported_at: TimeColumn,
    /// Columns of the headline, from wide to narrow.
    pub headline: Vec<String>,
    /// Columns of the description; each becomes a line that names it.
    #[serde(default)]
    pub description: Vec<String>,
    /// Columns of the address, from wide to narrow.
    #[serde(default)]
    pub address: Vec<String>,
    /// Columns of the coordinates.
    #[serde(default)]
    pub coordinates: Option<CoordinateColumns>,
    /// The category.
    #[serde(default)]
    pub category: Option<CodeColumn>,
    /// The area.
    #[serde(default)]
    pub area: Option<CodeColumn>,
    /// Whether a quoted field may go over several lines. Without that every line is a row, and a quote
    /// that is broken spoils its own line only.
    #[serde(default)]
    pub line_breaks: bool,
}

/// The column of the number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberColumn {
    /// The column.
    pub column: String,
    /// What is put before it, so that files of several systems do not share numbers.
    #[serde(default)]
    pub prefix: String,
    /// Whether it has digits only.
    #[serde(default)]
    pub digits: bool,
}

/// The column of a moment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeColumn {
    /// The column.
    pub column: String,
    /// How it is written, as for `strptime`.
    pub format: String,
    /// The time zone that it is written in, by its IANA name; absent if each moment says its offset.
    #[serde(default)]
    pub zone: Option<String>,
}

/// The columns of coordinates; a row may have none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoordinateColumns {
    /// Longitude, degrees.
    pub lon: String,
    /// Latitude, degrees.
    pub lat: String,
    /// Their reference system.
    pub crs: Crs,
}

/// A column of which each word stands for a code of ours.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeColumn {
    /// The column.
    pub column: String,
    /// What its words stand for.
    pub codes: BTreeMap<String, String>,
    /// What any other word stands for; absent if such a row is an error.
    #[serde(default)]
    pub otherwise: Option<String>,
}

/// What is wrong with a line. It names the column, never its contents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// There is nothing in it.
    #[error("空行 the line is empty")]
    Empty,
    /// Its bytes are no text.
    #[error("不是 UTF-8 the line is not UTF-8")]
    NotText,
    /// A quote has no other end.
    #[error("引号不成对 a quote has no other end")]
    OpenQuote,
    /// It has not as many columns as the header.
    #[error("应有 {expected} 列，实有 {found} 列 it has {found} columns instead of {expected}")]
    Columns {
        /// As the header has.
        expected: usize,
        /// As it has.
        found: usize,
    },
    /// A column says nothing that can be used.
    #[error("“{column}”列：{expected} column {column:?}: {expected}")]
    Value {
        /// The column.
        column: String,
        /// What it must be.
        expected: &'static str,
    },
}

/// Where the columns of a mapping are in a file.
pub(super) struct Columns<'a> {
    mapping: &'a Mapping,
    places: BTreeMap<&'a str, usize>,
    zone: Option<TimeZone>,
}

impl Mapping {
    fn columns(&self) -> impl Iterator<Item = &str> {
        let codes = self.category.iter().chain(&self.area);
        let points = self.coordinates.iter();
        let lists = [&self.headline, &self.description, &self.address];
        [&self.number.column, &self.reported_at.column]
            .into_iter()
            .chain(lists.into_iter().flatten())
            .chain(codes.map(|code| &code.column))
            .chain(points.flat_map(|point| [&point.lon, &point.lat]))
            .map(String::as_str)
    }
}

impl<'a> Columns<'a> {
    /// Finds the columns; the names of those that the header lacks, if it lacks any.
    pub(super) fn find(mapping: &'a Mapping, header: &[&str]) -> Result<Self, Vec<String>> {
        let mut places = BTreeMap::new();
        let mut missing = Vec::new();
        for column in mapping.columns() {
            match header.iter().position(|name| *name == column) {
                Some(place) => {
                    places.insert(column, place);
                }
                None => missing.push(column.to_owned()),
            }
        }
        let zone = mapping.reported_at.zone.as_deref();
        let zone = zone.map(TimeZone::get).transpose();
        let Ok(zone) = zone else {
            return Err(vec![format!(
                "time zone {}",
                mapping.reported_at.zone.as_deref().unwrap_or_default()
            )]);
        };
        if missing.is_empty() {
            Ok(Self {
                mapping,
                places,
                zone,
            })
        } else {
            Err(missing)
        }
    }

    /// What a row says. Its hand is nobody yet.
    pub(super) fn delivery(&self, row: &[&str]) -> Result<Delivery, RowError> {
        let mapping = self.mapping;
        let reported_ms = self.moment(row)?;
        let code = |column: &Option<CodeColumn>| match column {
            Some(column) => self.code(row, column).map(Some),
            None => Ok(None),
        };
        let headline: Vec<&str> = self
            .filled(row, &mapping.headline)
            .map(|(_, v)| v)
            .collect();
        Ok(Delivery {
            by: "".into(),
            channel: mapping.channel,
            number: Some(self.number(row)?),
            reported_ms,
            area: code(&mapping.area)?.map(AreaCode::new),
            place: self.place(row, reported_ms)?,
            category: code(&mapping.category)?,
            title: Some(headline.join("：")).filter(|title| !title.is_empty()),
            description: self.description(row)?,
            caller: None,
            photos: Vec::new(),
        })
    }

    fn value<'r>(&self, row: &[&'r str], column: &str) -> &'r str {
        let place = self.places.get(column).copied();
        let value = place.and_then(|place| row.get(place));
        value.copied().unwrap_or_default().trim()
    }

    fn filled<'r>(
        &self,
        row: &[&'r str],
        columns: &'a [String],
    ) -> impl Iterator<Item = (&'a str, &'r str)> {
        let values = columns
            .iter()
            .map(|name| (name.as_str(), self.value(row, name)));
        let filled: Vec<_> = values.filter(|(_, value)| !value.is_empty()).collect();
        filled.into_iter()
    }

    fn number(&self, row: &[&str]) -> Result<String, RowError> {
        let rule = &self.mapping.number;
        let said = self.value(row, &rule.column);
        let is_digits = said.bytes().all(|letter| letter.is_ascii_digit());
        let whole = format!("{}{said}", rule.prefix);
        let fits = whole.chars().count() <= NUMBER && !whole.chars().any(char::is_control);
        if said.is_empty() || !fits || (rule.digits && !is_digits) {
            return Err(bad(&rule.column, "一个编号 a number"));
        }
        Ok(whole)
    }

    fn moment(&self, row: &[&str]) -> Result<i64, RowError> {
        let rule = &self.mapping.reported_at;
        let said = self.value(row, &rule.column);
        let moment = match &self.zone {
            Some(zone) => DateTime::strptime(&rule.format, said)
                .and_then(|moment| moment.to_zoned(zone.clone()))
                .map(|moment| moment.timestamp()),
            None => Timestamp::strptime(&rule.format, said),
        };
        let moment = moment.map_err(|_| bad(&rule.column, "一个时间 a moment in its format"))?;
        Ok(moment.as_millisecond())
    }

    fn code(&self, row: &[&str], rule: &CodeColumn) -> Result<String, RowError> {
        let said = self.value(row, &rule.column);
        let code = rule.codes.get(said).or(rule.otherwise.as_ref());
        code.cloned()
            .ok_or_else(|| bad(&rule.column, "映射中的一个词 a word of the mapping"))
    }

    fn place(&self, row: &[&str], reported_ms: i64) -> Result<Option<Place>, RowError> {
        let address = self.filled(row, &self.mapping.address);
        let address: Vec<String> = address
            .map(|(_, part)| part.chars().take(100).collect())
            .collect();
        let fix = match &self.mapping.coordinates {
            Some(columns) => self.fix(row, columns, reported_ms)?,
            None => None,
        };
        let is_nowhere = address.is_empty() && fix.is_none();
        Ok((!is_nowhere).then_some(Place { address, fix }))
    }

    fn fix(
        &self,
        row: &[&str],
        columns: &CoordinateColumns,
        reported_ms: i64,
    ) -> Result<Option<Fix>, RowError> {
        let degrees = |column: &str, most: f64| {
            let said = self.value(row, column);
            if said.is_empty() {
                return Ok(None);
            }
            let degrees = said
                .parse()
                .ok()
                .filter(|degrees: &f64| degrees.abs() <= most);
            degrees.map(Some).ok_or_else(|| bad(column, "度数 degrees"))
        };
        match (degrees(&columns.lon, 180.0)?, degrees(&columns.lat, 90.0)?) {
            (None, None) => Ok(None),
            (Some(lon), Some(lat)) => Ok(Some(Fix {
                crs: columns.crs,
                lon,
                lat,
                accuracy_m: None,
                fixed_at_ms: reported_ms,
            })),
            (Some(_), None) => Err(bad(&columns.lat, "度数 degrees")),
            (None, Some(_)) => Err(bad(&columns.lon, "度数 degrees")),
        }
    }

    fn description(&self, row: &[&str]) -> Result<String, RowError> {
        let columns = &self.mapping.description;
        let said = self.filled(row, columns);
        let lines: Vec<String> = said
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        let whole = lines.join("\n");
        match columns.first() {
            Some(first) if whole.chars().count() > DESCRIPTION => Err(bad(
                first,
                "合起来不超过 4000 字 4000 characters with the others",
            )),
            _ => Ok(whole),
        }
    }
}

fn bad(column: &str, expected: &'static str) -> RowError {
    RowError::Value {
        column: column.to_owned(),
        expected,
    }
}
