//! What a message is taken apart into: like things beside like things.

use super::{Changes, Spoilt};

/// The parts of a message while it is taken apart.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// What is known of the changes in the message.
    pub(super) changes: Changes,
    /// What comes next, and everything that is the same in most records.
    pub(super) kinds: Vec<u8>,
    /// Numbers, as differences from what was to be expected.
    pub(super) numbers: Vec<u8>,
    /// Words of the vocabulary that stand as values.
    pub(super) words: Vec<u8>,
    /// How long texts are.
    pub(super) lengths: Vec<u8>,
    /// What people wrote.
    pub(super) text: String,
    /// Bytes that nothing makes smaller: ids, hashes, signatures.
    pub(super) raw: Vec<u8>,
}

impl Writer {
    pub(super) fn kind(&mut self, kind: u8) {
        self.kinds.push(kind);
    }

    pub(super) fn count(&mut self, count: usize) {
        put_unsigned(&mut self.kinds, count as u64);
    }

    pub(super) fn signed_kind(&mut self, value: i64) {
        put_unsigned(&mut self.kinds, zigzag(value));
    }

    pub(super) fn number(&mut self, value: u64) {
        put_unsigned(&mut self.numbers, value);
    }

    pub(super) fn signed(&mut self, value: i64) {
        put_unsigned(&mut self.numbers, zigzag(value));
    }

    pub(super) fn text(&mut self, text: &str) {
        put_unsigned(&mut self.lengths, text.chars().count() as u64);
        self.text.push_str(text);
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
    }
}

/// The parts of a message while it is put together.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) kinds: &'a [u8],
    pub(super) numbers: &'a [u8],
    pub(super) words: &'a [u8],
    pub(super) lengths: &'a [u8],
    pub(super) text: &'a str,
    pub(super) raw: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn kind(&mut self) -> Result<u8, Spoilt> {
        take_byte(&mut self.kinds)
    }

    pub(super) fn count(&mut self) -> Result<usize, Spoilt> {
        usize::try_from(take_unsigned(&mut self.kinds)?).map_err(|_| Spoilt)
    }

    pub(super) fn signed_kind(&mut self) -> Result<i64, Spoilt> {
        take_unsigned(&mut self.kinds).map(unzigzag)
    }

    pub(super) fn number(&mut self) -> Result<u64, Spoilt> {
        take_unsigned(&mut self.numbers)
    }

    pub(super) fn signed(&mut self) -> Result<i64, Spoilt> {
        self.number().map(unzigzag)
    }

    pub(super) fn word(&mut self) -> Result<u8, Spoilt> {
        take_byte(&mut self.words)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Spoilt> {
        let chars = usize::try_from(take_unsigned(&mut self.lengths)?).map_err(|_| Spoilt)?;
        let end = match chars {
            0 => 0,
            _ => {
                let last = self.text.char_indices().nth(chars - 1).ok_or(Spoilt)?;
                last.0 + last.1.len_utf8()
            }
        };
        let (text, rest) = self.text.split_at(end);
        self.text = rest;
        Ok(text)
    }

    pub(super) fn raw(&mut self, count: usize) -> Result<&'a [u8], Spoilt> {
        if count > self.raw.len() {
            return Err(Spoilt);
        }
        let (raw, rest) = self.raw.split_at(count);
        self.raw = rest;
        Ok(raw)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Spoilt> {
        self.raw(N)?.try_into().map_err(|_| Spoilt)
    }

    /// Whether nothing is left.
    pub(super) const fn is_empty(&self) -> bool {
        self.kinds.is_empty()
            && self.numbers.is_empty()
            && self.words.is_empty()
            && self.lengths.is_empty()
            && self.text.is_empty()
            && self.raw.is_empty()
    }
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// Appends a number in groups of seven bits, lowest first.
pub(super) fn put_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

pub(super) fn take_byte(bytes: &mut &[u8]) -> Result<u8, Spoilt> {
    let (first, rest) = bytes.split_first().ok_or(Spoilt)?;
    *bytes = rest;
    Ok(*first)
}

/// Reads what [`put_unsigned`] wrote.
pub(super) fn take_unsigned(bytes: &mut &[u8]) -> Result<u64, Spoilt> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = take_byte(bytes)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Spoilt)
}
