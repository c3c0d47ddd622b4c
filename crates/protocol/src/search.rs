//! The JSON bodies of `POST /v1/search`: finding records that a device does not hold, such as cases that
//! have left the phones.

use serde::{Deserialize, Serialize};

/// Where the question goes.
pub const SEARCH_PATH: &str = "/v1/search";
/// Most rows of one answer.
pub const MAX_FOUND: u32 = 50;
/// Most characters of a search text.
pub const MAX_SEARCH_CHARACTERS: usize = 64;

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    /// Text that the headline holds, 1 to [`MAX_SEARCH_CHARACTERS`] characters, spaces around it aside.
    pub text: String,
    /// Most rows; at most [`MAX_FOUND`], which is the default.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A record that was found, as little as a list needs. The answer is a list of these, those touched last
/// first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundRecord {
    /// Its id.
    pub id: String,
    /// Code of its kind.
    pub kind: String,
    /// Its headline.
    pub headline: String,
    /// Code of the area where it lives.
    pub area: String,
    /// Code of the stage; empty unless it is a case.
    pub stage: String,
    /// Server time of the last word in it, milliseconds since the Unix epoch.
    pub updated_ms: i64,
    /// Whether it left the phones; it comes back when something is written in it.
    pub archived: bool,
}
