//! `GET /v1/proof/{record}`: what shows anybody that a record is in the log. The answer is the JSON that
//! `gridlog-verify record` reads; a phone hands it on as it comes.

/// Where to ask; the record's id follows, after a slash.
pub const PROOF_PATH: &str = "/v1/proof";
/// Most entries of one record that are proven at once. A record that people write has a few dozen.
pub const MAX_PROVEN: usize = 2_000;
