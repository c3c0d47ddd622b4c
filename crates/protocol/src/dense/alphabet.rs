//! Text as places in an alphabet of its own.
//!
//! A Chinese letter is three bytes of UTF-8, of which a compressor that looks at bytes understands
//! little. So a longer text brings its alphabet: which letters it has, those that come often apart from
//! the others. An often used letter is one byte then, another two, and the first and second bytes stand
//! in streams of their own.

use foldhash::{HashMap, HashMapExt as _};

use super::Spoilt;
use super::streams::{put_unsigned, take_byte, take_unsigned};

/// Letters that are one byte.
const OFTEN: usize = 224;
/// Letters that are two.
const SELDOM: usize = (256 - OFTEN) * 256;
/// Below this many letters an alphabet costs more than it saves.
const LEAST: usize = 256;

/// A text taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Spelling {
    /// The alphabet; empty if the text stands as it is, in `firsts`.
    pub(super) alphabet: Vec<u8>,
    pub(super) firsts: Vec<u8>,
    pub(super) seconds: Vec<u8>,
}

pub(super) fn spell(text: &str) -> Spelling {
    let plain = || Spelling {
        firsts: text.as_bytes().to_vec(),
        ..Spelling::default()
    };
    let mut counts: HashMap<char, u32> = HashMap::new();
    let mut letters = 0;
    for letter in text.chars() {
        *counts.entry(letter).or_default() += 1;
        letters += 1;
    }
    if letters < LEAST || counts.len() > OFTEN + SELDOM {
        return plain();
    }
    let mut ranked: Vec<(char, u32)> = counts.into_iter().collect();
    ranked.sort_unstable_by_key(|(letter, count)| (std::cmp::Reverse(*count), *letter));
    let mut often: Vec<char> = ranked
        .iter()
        .take(OFTEN)
        .map(|(letter, _)| *letter)
        .collect();
    let mut seldom: Vec<char> = ranked
        .iter()
        .skip(OFTEN)
        .map(|(letter, _)| *letter)
        .collect();
    often.sort_unstable();
    seldom.sort_unstable();
    let mut spelling = Spelling::default();
    for class in [&often, &seldom] {
        put_unsigned(&mut spelling.alphabet, class.len() as u64);
        let mut before = 0;
        for letter in class {
            put_unsigned(
                &mut spelling.alphabet,
                u64::from(u32::from(*letter) - before),
            );
            before = u32::from(*letter);
        }
    }
    let mut codes: HashMap<char, (u8, Option<u8>)> = HashMap::new();
    codes.extend(
        often
            .iter()
            .zip(0_u8..)
            .map(|(letter, code)| (*letter, (code, None))),
    );
    codes.extend(seldom.iter().zip(0_u16..).map(|(letter, code)| {
        let [high, low] = code.to_be_bytes();
        (*letter, (OFTEN as u8 + high, Some(low)))
    }));
    for letter in text.chars() {
        if let Some((first, second)) = codes.get(&letter) {
            spelling.firsts.push(*first);
            spelling.seconds.extend(second);
        }
    }
    spelling
}

/// Reads what [`spell`] made, a text of at most `most` bytes.
pub(super) fn read(
    [mut alphabet, firsts, mut seconds]: [&[u8]; 3],
    most: usize,
) -> Result<String, Spoilt> {
    if alphabet.is_empty() {
        let text = std::str::from_utf8(firsts).map_err(|_| Spoilt)?;
        return Ok(text.to_owned());
    }
    let often = class(&mut alphabet, OFTEN)?;
    let seldom = class(&mut alphabet, SELDOM)?;
    if !alphabet.is_empty() {
        return Err(Spoilt);
    }
    let mut text = String::with_capacity(firsts.len());
    for first in firsts {
        let first = usize::from(*first);
        let letter = match first.checked_sub(OFTEN) {
            None => often.get(first),
            Some(high) => seldom.get(high << 8 | usize::from(take_byte(&mut seconds)?)),
        };
        text.push(*letter.ok_or(Spoilt)?);
        if text.len() > most {
            return Err(Spoilt);
        }
    }
    if seconds.is_empty() {
        Ok(text)
    } else {
        Err(Spoilt)
    }
}

fn class(alphabet: &mut &[u8], most: usize) -> Result<Vec<char>, Spoilt> {
    let count = usize::try_from(take_unsigned(alphabet)?).map_err(|_| Spoilt)?;
    if count > most {
        return Err(Spoilt);
    }
    let mut letters = Vec::with_capacity(count);
    let mut before = 0_u64;
    for _ in 0..count {
        before = before.checked_add(take_unsigned(alphabet)?).ok_or(Spoilt)?;
        let letter = u32::try_from(before).ok().and_then(char::from_u32);
        letters.push(letter.ok_or(Spoilt)?);
    }
    Ok(letters)
}
