//! JSON as the records' code writes it: without spaces, and no number in two forms.

use super::atoms::{As, Atoms, place_of_name, place_within};
use super::streams::{Reader, Writer};
use super::{Out, Spoilt};

const END: u8 = 0;
const OBJECT: u8 = 1;
const ARRAY: u8 = 2;
const TEXT: u8 = 3;
const NUMBER: u8 = 4;
const DECIMAL: u8 = 5;
const NULL: u8 = 6;
const FALSE: u8 = 7;
const TRUE: u8 = 8;
const MEMBER: u8 = 9;
/// Numbers below this many are kinds of their own.
const SMALL: u8 = 16;

const MOST_DEPTH: u32 = 16;
/// Longest number, its sign and point included.
const MOST_DIGITS: usize = 17;

/// Whether these bytes are JSON that comes back just as it is.
pub(super) fn fits(json: &[u8]) -> bool {
    let Ok(json) = std::str::from_utf8(json) else {
        return false;
    };
    let mut cursor = Cursor { json, to: None };
    cursor.value(0, 0).is_some() && cursor.json.is_empty()
}

/// Takes JSON apart that [`fits`].
pub(super) fn put(out: &mut Writer, atoms: &mut Atoms, json: &[u8]) {
    let Ok(json) = std::str::from_utf8(json) else {
        return;
    };
    let mut cursor = Cursor {
        json,
        to: Some((out, atoms)),
    };
    let _ = cursor.value(0, 0);
}

struct Cursor<'a, 'b> {
    json: &'a str,
    to: Option<(&'b mut Writer, &'b mut Atoms)>,
}

impl<'a> Cursor<'a, '_> {
    fn kind(&mut self, kind: u8) {
        if let Some((out, _)) = &mut self.to {
            out.kind(kind);
        }
    }

    fn eat(&mut self, expected: char) -> Option<()> {
        self.json = self.json.strip_prefix(expected)?;
        Some(())
    }

    fn value(&mut self, place: u64, depth: u32) -> Option<()> {
        if depth > MOST_DEPTH {
            return None;
        }
        match self.json.as_bytes().first()? {
            b'{' => self.object(depth),
            b'[' => self.array(place, depth),
            b'"' => {
                self.kind(TEXT);
                self.text(As::Value).map(drop)
            }
            b'n' => self.literal("null", NULL),
            b'f' => self.literal("false", FALSE),
            b't' => self.literal("true", TRUE),
            _ => self.number(place),
        }
    }

    fn literal(&mut self, text: &str, kind: u8) -> Option<()> {
        self.json = self.json.strip_prefix(text)?;
        self.kind(kind);
        Some(())
    }

    fn object(&mut self, depth: u32) -> Option<()> {
        self.eat('{')?;
        self.kind(OBJECT);
        let mut is_first = true;
        while self.eat('}').is_none() {
            if !is_first {
                self.eat(',')?;
            }
            is_first = false;
            self.kind(MEMBER);
            let name = self.text(As::Name)?;
            self.eat(':')?;
            self.value(place_of_name(name), depth + 1)?;
        }
        self.kind(END);
        Some(())
    }

    fn array(&mut self, place: u64, depth: u32) -> Option<()> {
        self.eat('[')?;
        self.kind(ARRAY);
        let mut is_first = true;
        while self.eat(']').is_none() {
            if !is_first {
                self.eat(',')?;
            }
            is_first = false;
            self.value(place_within(place, 0), depth + 1)?;
        }
        self.kind(END);
        Some(())
    }

    /// A text stays as it is written, escapes included.
    fn text(&mut self, stands: As) -> Option<&'a str> {
        self.eat('"')?;
        let bytes = self.json.as_bytes();
        let mut end = 0;
        loop {
            match bytes.get(end)? {
                b'"' => break,
                b'\\' => end += 2,
                byte if *byte < 0x20 => return None,
                _ => end += 1,
            }
        }
        let text = self.json.get(..end)?;
        self.json = self.json.get(end + 1..)?;
        if let Some((out, atoms)) = &mut self.to {
            atoms.put_text(out, text, stands);
        }
        Some(text)
    }

    fn number(&mut self, place: u64) -> Option<()> {
        let is_of_number = |byte: &&u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
        let length = self
            .json
            .bytes()
            .take_while(|byte| is_of_number(&byte))
            .count();
        let (text, rest) = self.json.split_at(length);
        self.json = rest;
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let scale = part.len();
        let unsigned = whole.strip_prefix('-').unwrap_or(whole);
        let is_whole = unsigned == "0" || !unsigned.starts_with('0');
        let is_part = (scale > 0) == text.contains('.') && !part.contains(['-', '.']);
        if !is_whole || !is_part || unsigned.is_empty() || length > MOST_DIGITS {
            return None;
        }
        let value: i64 = match scale {
            0 => text.parse().ok()?,
            _ => [whole, part].concat().parse().ok()?,
        };
        if value == 0 && text != "0" {
            return None;
        }
        let small = u8::try_from(value)
            .ok()
            .filter(|small| *small < 24 && scale == 0);
        if let Some((out, atoms)) = &mut self.to {
            match small {
                Some(small) => out.kind(SMALL + small),
                _ if scale == 0 => {
                    out.kind(NUMBER);
                    atoms.put_number(out, value, place);
                }
                _ => {
                    // Decimals of different lengths are told alike, with the digits of the longest.
                    out.kind(DECIMAL);
                    out.words.push(scale as u8);
                    atoms.put_number(out, value, place_within(place, scale as u64));
                }
            }
        }
        Some(())
    }
}

/// A number with so many decimals, as it is written.
fn written(value: i64, scale: usize) -> Option<String> {
    if !(1..=MOST_DIGITS).contains(&scale) || value == 0 {
        return None;
    }
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    Some(format!("{sign}{whole}.{part}"))
}

/// Puts JSON together.
pub(super) fn take(from: &mut Reader<'_>, atoms: &mut Atoms, out: &mut Out) -> Result<(), Spoilt> {
    let kind = from.kind()?;
    value(kind, 0, from, atoms, out, 0)
}

fn value(
    kind: u8,
    place: u64,
    from: &mut Reader<'_>,
    atoms: &mut Atoms,
    out: &mut Out,
    depth: u32,
) -> Result<(), Spoilt> {
    if depth > MOST_DEPTH {
        return Err(Spoilt);
    }
    match kind {
        OBJECT => {
            out.push(b"{")?;
            let mut is_first = true;
            loop {
                match from.kind()? {
                    END => return out.push(b"}"),
                    MEMBER => {}
                    _ => return Err(Spoilt),
                }
                if !is_first {
                    out.push(b",")?;
                }
                is_first = false;
                let name = atoms.take_text(from, As::Name)?;
                out.push(b"\"")?;
                out.push(name.as_bytes())?;
                out.push(b"\":")?;
                let kind = from.kind()?;
                value(kind, place_of_name(&name), from, atoms, out, depth + 1)?;
            }
        }
        ARRAY => {
            out.push(b"[")?;
            let mut is_first = true;
            loop {
                let kind = from.kind()?;
                if kind == END {
                    return out.push(b"]");
                }
                if !is_first {
                    out.push(b",")?;
                }
                is_first = false;
                value(kind, place_within(place, 0), from, atoms, out, depth + 1)?;
            }
        }
        TEXT => {
            let text = atoms.take_text(from, As::Value)?;
            out.push(b"\"")?;
            out.push(text.as_bytes())?;
            out.push(b"\"")
        }
        NUMBER => {
            let number = atoms.take_number(from, place)?;
            out.push(number.to_string().as_bytes())
        }
        DECIMAL => {
            let scale = usize::from(from.word()?);
            let number = atoms.take_number(from, place_within(place, scale as u64))?;
            out.push(written(number, scale).ok_or(Spoilt)?.as_bytes())
        }
        NULL => out.push(b"null"),
        FALSE => out.push(b"false"),
        TRUE => out.push(b"true"),
        small => match small.checked_sub(SMALL) {
            Some(small) => out.push(small.to_string().as_bytes()),
            None => Err(Spoilt),
        },
    }
}
