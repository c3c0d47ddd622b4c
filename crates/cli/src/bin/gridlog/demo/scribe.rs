//! A phone that is killed in the middle of writing.
//!
//! It runs in a process of its own. It says that a comment is recorded only after the engine has
//! said so, which is all that a worker can see; whatever it said must be there afterwards.

use std::io::Write as _;

use gridlog_client_core::Phone;

use crate::answer::Answer;
use crate::error::CliError;
use crate::ids;

/// Comments until it is killed, or until nobody listens any more.
pub(crate) fn scribe(phone: &Phone, record: &str) -> Result<Answer, CliError> {
    let record = ids::record(phone, record)?;
    for number in 1.. {
        let entry = phone.comment(record, &text(number))?;
        if writeln!(std::io::stdout(), "{number} {entry}").is_err() {
            break;
        }
    }
    Ok(Answer::new(serde_json::Value::Null, ""))
}

/// What it writes.
pub(super) fn text(number: u32) -> String {
    format!("连续记录第{number}条：楼道巡查正常，未见堆物。")
}
