//! What travels: JSON.
//!
//! - `POST /v1/devices` [`NewDevice`] → [`Token`]: once, before anything is measured.
//! - `POST /v1/changes` [`Push`] → 204: when the answer comes, all of it is on the disk.
//! - `GET /v1/records?after=N` → [`Page`].

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The fields of a record.
pub(super) type Fields = Map<String, Value>;

/// The field of the area that decides who gets a record.
pub(super) const GRID: &str = "grid";

/// A phone that is new.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NewDevice {
    /// The area whose records it gets.
    pub(super) grid: String,
}

/// What a phone shows with every request.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Token {
    pub(super) token: String,
}

/// Fields of one record that were written at one moment: all of a new record, or those of an edit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Change {
    /// The record.
    pub(super) id: String,
    /// When, by the phone's clock, in milliseconds.
    pub(super) at_ms: i64,
    /// What was written.
    pub(super) fields: Fields,
}

/// What a phone sends.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Push {
    pub(super) changes: Vec<Change>,
}

/// One record as the server has it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) id: String,
    #[serde(flatten)]
    pub(super) fields: Fields,
}

/// What a phone gets.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    /// Where to go on.
    pub(super) cursor: i64,
    /// Whether there is more already.
    pub(super) more: bool,
    /// What is new.
    pub(super) records: Vec<Record>,
}
