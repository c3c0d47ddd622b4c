//! What a field of a record can hold.

use std::fmt;

use automerge::ScalarValue;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::error::RecordError;
use super::schema::{Field, FieldType};
use crate::id::RecordId;

/// The reference system of raw coordinates.
///
/// Chinese phones and maps use several, some of them shifted by law. They are never converted
/// silently: a coordinate stays what the device gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Crs {
    /// GPS.
    Wgs84,
    /// 国测局坐标, used by most Chinese maps.
    Gcj02,
    /// 百度坐标.
    Bd09,
    /// 2000 国家大地坐标系.
    Cgcs2000,
}

/// A coordinate as a device gave it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fix {
    /// Reference system of `lon` and `lat`.
    pub crs: Crs,
    /// Longitude, degrees.
    pub lon: f64,
    /// Latitude, degrees.
    pub lat: f64,
    /// Radius of uncertainty, metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f64>,
    /// When the fix was taken, milliseconds since the Unix epoch.
    pub fixed_at_ms: i64,
}

/// A place: an address path, raw coordinates, or both. Written and replaced as a whole, so that
/// two places never mix.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// From wide to narrow, for example `["造化塘小区", "3栋", "2单元"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub address: Vec<String>,
    /// Raw coordinates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

impl Place {
    /// Whether the coordinates are possible ones and the address is of sane size.
    fn is_sound(&self) -> bool {
        let fix_is_sound = self.fix.as_ref().is_none_or(|fix| {
            fix.lon.abs() <= 180.0
                && fix.lat.abs() <= 90.0
                && fix.accuracy_m.is_none_or(|m| m.is_finite() && m >= 0.0)
        });
        let parts = self.address.len();
        fix_is_sound && parts <= 12 && self.address.iter().all(|part| part.chars().count() <= 100)
    }
}

/// A value of a field: in JSON a number, a text or an object.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A moment.
    Millis(i64),
    /// A line, a word, prose or the id of a record.
    Text(String),
    /// A place.
    Place(Place),
}

/// What is there decides; a derived reader would try one kind after the other and word an error each
/// time, which was a twentieth of what a phone pays for a record that comes.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a moment in milliseconds, a text or a place")
    }

    fn visit_i64<E: Error>(self, ms: i64) -> Result<Value, E> {
        Ok(Value::Millis(ms))
    }

    fn visit_u64<E: Error>(self, ms: u64) -> Result<Value, E> {
        let ms = i64::try_from(ms).map_err(|_| E::custom("a moment beyond 63 bits"))?;
        Ok(Value::Millis(ms))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        Place::deserialize(MapAccessDeserializer::new(map)).map(Value::Place)
    }
}

impl Value {
    /// The value as text, where it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Millis(_) | Self::Place(_) => None,
        }
    }

    /// The value as milliseconds, where it is a moment.
    pub const fn as_millis(&self) -> Option<i64> {
        match self {
            Self::Millis(ms) => Some(*ms),
            Self::Text(_) | Self::Place(_) => None,
        }
    }

    /// Checks the value against what `field` holds.
    ///
    /// # Errors
    /// [`RecordError::WrongValue`] with what was expected.
    pub fn check(&self, field: &Field) -> Result<(), RecordError> {
        let wrong = |expected: String| RecordError::WrongValue {
            field: field.name,
            expected,
        };
        let at_most = |text: &str, max: usize| {
            if text.chars().count() <= max {
                Ok(())
            } else {
                Err(wrong(format!("at most {max} characters")))
            }
        };
        match (field.holds, self) {
            (FieldType::Line(max), Self::Text(text)) => {
                if text.chars().any(char::is_control) {
                    return Err(wrong("one line without control characters".to_owned()));
                }
                if field.required && text.trim().is_empty() {
                    return Err(wrong("a text that is not empty".to_owned()));
                }
                at_most(text, max)
            }
            (FieldType::Prose(max), Self::Text(text)) => at_most(text, max),
            (FieldType::Word(words), Self::Text(text)) => {
                if words.iter().any(|(code, _)| code == text) {
                    Ok(())
                } else {
                    let codes: Vec<&str> = words.iter().map(|(code, _)| *code).collect();
                    Err(wrong(format!("one of {}", codes.join(", "))))
                }
            }
            (FieldType::Record, Self::Text(text)) => match text.parse::<RecordId>() {
                Ok(_) => Ok(()),
                Err(_) => Err(wrong("the id of a record".to_owned())),
            },
            (FieldType::Millis, Self::Millis(_)) => Ok(()),
            (FieldType::Place, Self::Place(place)) if place.is_sound() => Ok(()),
            (FieldType::Millis, _) => Err(wrong("a moment in milliseconds".to_owned())),
            (FieldType::Place, _) => Err(wrong(
                "a place: an address of at most 12 parts, a possible fix".to_owned(),
            )),
            (_, _) => Err(wrong("a text".to_owned())),
        }
    }

    /// The scalar that a document stores for this value.
    pub(super) fn to_scalar(&self) -> Result<ScalarValue, RecordError> {
        Ok(match self {
            Self::Millis(ms) => ScalarValue::Int(*ms),
            Self::Text(text) => ScalarValue::from(text.as_str()),
            Self::Place(place) => ScalarValue::from(super::entry::to_json(place)?),
        })
    }

    /// The value of a scalar of a document, where it fits the field.
    pub(super) fn from_scalar(field: &Field, scalar: &ScalarValue) -> Option<Self> {
        let value = match (field.holds, scalar) {
            (FieldType::Millis, ScalarValue::Int(ms)) => Self::Millis(*ms),
            (FieldType::Place, ScalarValue::Str(json)) => {
                Self::Place(serde_json::from_str(json).ok()?)
            }
            (FieldType::Millis | FieldType::Place | FieldType::Prose(_), _) => return None,
            (_, ScalarValue::Str(text)) => Self::Text(text.to_string()),
            _ => return None,
        };
        value.check(field).is_ok().then_some(value)
    }
}
