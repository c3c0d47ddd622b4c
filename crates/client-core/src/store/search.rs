//! Search for any substring, from one character on.
//!
//! Chinese has no spaces to split at, and FTS5's trigrams find nothing under three characters. So
//! a text is indexed letter by letter: every letter or digit is a token, in lower case, and what
//! is searched for becomes a phrase of such tokens. Punctuation and spaces drop out on both sides,
//! so `3栋` finds `3 栋`. Lines are kept apart by a token that no query holds.

use rusqlite::Connection;

use crate::error::PhoneError;

/// Stands between lines. It is no letter, so no query has it; the tokenizer takes it as a token
/// because it is not ASCII.
const LINE_END: &str = "⏎ ";

/// A text as the index stores it.
fn letters(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len() * 2);
    for line in text.lines() {
        push_letters(&mut spaced, line);
        spaced.push_str(LINE_END);
    }
    spaced
}

fn push_letters(spaced: &mut String, line: &str) {
    for letter in line.chars().flat_map(char::to_lowercase) {
        if letter.is_alphanumeric() {
            spaced.push(letter);
            spaced.push(' ');
        }
    }
}

/// The FTS5 expression that finds `text`; `None` if it holds neither letter nor digit.
pub(crate) fn phrase(text: &str) -> Option<String> {
    let mut spaced = String::new();
    push_letters(&mut spaced, text);
    let spaced = spaced.trim_end();
    (!spaced.is_empty()).then(|| format!("\"{spaced}\""))
}

/// Replaces what is indexed for a row of `records`.
pub(crate) fn index(connection: &Connection, row: i64, text: &str) -> Result<(), PhoneError> {
    remove(connection, row)?;
    connection
        .prepare_cached("INSERT INTO search (rowid, letters) VALUES (?1, ?2)")?
        .execute((row, letters(text)))?;
    Ok(())
}

/// Takes a row out of the index.
pub(crate) fn remove(connection: &Connection, row: i64) -> Result<(), PhoneError> {
    connection
        .prepare_cached("DELETE FROM search WHERE rowid = ?1")?
        .execute([row])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_of_punctuation_only_finds_nothing() {
        assert_eq!(phrase("…，\"*"), None);
        assert_eq!(phrase("3栋-B").as_deref(), Some("\"3 栋 b\""));
    }

    #[test]
    fn lines_stay_apart() {
        assert_eq!(letters("井盖\n灯"), "井 盖 ⏎ 灯 ⏎ ");
    }
}
