//! Short names: the beginning of an id, four characters or more, as long as it fits one thing.
//!
//! Ids made within the same minute begin alike, since they begin with the time, so the end of an
//! id is taken as well; lists show eight characters from the end.

use std::fmt::Display;

use gridlog_client_core::{Phone, Query};
use gridlog_domain::id::RecordId;

use crate::error::CliError;

const SHORTEST: usize = 4;
/// How much of an id lists show.
const SHOWN: usize = 8;

/// The record that is meant.
pub(crate) fn record(phone: &Phone, text: &str) -> Result<RecordId, CliError> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let everything = Query {
        with_deleted: true,
        limit: u32::MAX,
        ..Query::default()
    };
    let rows = phone.list(&everything)?;
    pick(text, rows.into_iter().map(|row| row.id))
}

/// The one among `ids` that is meant.
pub(crate) fn pick<T: Display>(
    text: &str,
    ids: impl IntoIterator<Item = T>,
) -> Result<T, CliError> {
    let text = text.trim().to_ascii_lowercase();
    if text.chars().count() < SHORTEST {
        return Err(CliError::TooShort { text });
    }
    let mut fitting: Vec<T> = ids
        .into_iter()
        .filter(|id| {
            let id = id.to_string();
            id.starts_with(&text) || id.ends_with(&text)
        })
        .collect();
    match (fitting.pop(), fitting.len()) {
        (Some(id), 0) => Ok(id),
        (None, _) => Err(CliError::NothingNamed { text }),
        (Some(_), others) => Err(CliError::Ambiguous {
            text,
            count: others + 1,
        }),
    }
}

/// The short form that lists show.
pub(crate) fn short(id: &impl Display) -> String {
    let id = id.to_string();
    let begin = id.len().saturating_sub(SHOWN);
    id[begin..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [&str; 3] = [
        "0190b5a0-7c1e-7000-8000-00000000aaaa",
        "0190b5a0-7c1e-7000-8000-00000000bbbb",
        "0290b5a0-7c1e-7000-8000-00000000cccc",
    ];

    #[test]
    fn a_beginning_or_an_end_that_fits_one_id_names_it() {
        assert_eq!(pick("0290", IDS).unwrap(), IDS[2]);
        assert_eq!(pick(&short(&IDS[1]), IDS).unwrap(), IDS[1]);
        assert_eq!(pick("0290B5A0", IDS).unwrap(), IDS[2]);
    }

    #[test]
    fn what_fits_none_or_several_or_is_too_short_is_said_to_be_so() {
        assert_eq!(pick("0190", IDS).unwrap_err().code(), "ambiguous");
        assert_eq!(pick("ffff", IDS).unwrap_err().code(), "nothing_named");
        assert_eq!(pick("019", IDS).unwrap_err().code(), "too_short");
    }
}
