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
    for letter in line.chars() {
        if is_common_han(letter) {
            spaced.push(letter);
            spaced.push(' ');
            continue;
        }
        for letter in letter
            .to_lowercase()
            .filter(|letter| letter.is_alphanumeric())
        {
            spaced.push(letter);
            spaced.push(' ');
        }
    }
}

/// Most of what is indexed: letters without case, which need no look into Unicode's tables.
const fn is_common_han(letter: char) -> bool {
    matches!(letter, '\u{4e00}'..='\u{9fff}')
}

/// The FTS5 expression that finds `text`; `None` if it holds neither letter nor digit.
pub(crate) fn phrase(text: &str) -> Option<String> {
    let mut spaced = String::new();
    push_letters(&mut spaced, text);
    let spaced = spaced.trim_end();
    (!spaced.is_empty()).then(|| format!("\"{spaced}\""))
}

fn add(connection: &Connection, row: i64, text: &str) -> Result<(), PhoneError> {
    connection
        .prepare_cached("INSERT INTO search (rowid, letters) VALUES (?1, ?2)")?
        .execute((row, letters(text)))?;
    Ok(())
}

/// What is to be indexed of a row of `records`.
#[derive(Debug)]
pub(crate) struct News {
    /// The row.
    pub(crate) row: i64,
    /// What it is to be found by.
    pub(crate) text: String,
    /// Whether it is in the index already, with another text.
    pub(crate) is_known: bool,
}

/// Indexes rows. Whatever else is written between two rows makes the index write a segment for the
/// first one, to be merged later, so rows that come together are indexed together.
pub(crate) fn index(connection: &Connection, news: &[News]) -> Result<(), PhoneError> {
    for news in news {
        if news.is_known {
            remove(connection, news.row)?;
        }
        add(connection, news.row, &news.text)?;
    }
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
    fn common_han_letters_are_letters_without_case() {
        for letter in '\u{4e00}'..='\u{9fff}' {
            assert!(letter.is_alphanumeric() && letter.to_lowercase().eq([letter]));
        }
    }

    #[test]
    fn lines_stay_apart() {
        assert_eq!(letters("井盖\n灯"), "井 盖 ⏎ 灯 ⏎ ");
    }
}
