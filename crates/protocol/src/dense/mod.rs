//! The dense form of a message.
//!
//! A message is CBOR, in which changes, JSON and log entries stand as byte strings. A compressor that
//! looks at bytes finds in it neither that a view says what a change says, nor that an id in hex is the
//! id that came before in binary. So a message is taken apart into what it says ([`pack`]): structure,
//! numbers, texts, and bytes that nothing makes smaller, each in a stream of its own, and what was said
//! before or follows by rule is not said again. [`unpack`] makes the very same bytes of it, so that
//! signatures and hashes are over what they always were.

mod alphabet;
mod atoms;
mod cbor;
mod change;
mod json;
mod memory;
mod streams;
mod vocabulary;

use std::borrow::Cow;
use std::iter;

use atoms::Atoms;
use streams::{Reader, Writer, put_unsigned, take_unsigned};

#[cfg(test)]
mod tests;

/// Bytes that no packer made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no message in the dense form")]
pub struct Spoilt;

/// What is put together, with a cap on it.
#[derive(Debug)]
pub(crate) struct Out {
    bytes: Vec<u8>,
    most: usize,
}

impl Out {
    const fn below(most: usize) -> Self {
        Self {
            bytes: Vec::new(),
            most,
        }
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Spoilt> {
        if bytes.len() > self.left() {
            return Err(Spoilt);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    const fn left(&self) -> usize {
        self.most - self.bytes.len()
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// How many parts a message has.
const PARTS: usize = 8;

/// A message that was taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    parts: [Vec<u8>; PARTS],
}

impl Packed {
    /// The lengths of the parts, then the parts. Each is best compressed by itself.
    pub fn pieces(&self) -> impl Iterator<Item = Cow<'_, [u8]>> {
        let mut lengths = Vec::new();
        for part in &self.parts {
            put_unsigned(&mut lengths, part.len() as u64);
        }
        let parts = self.parts.iter().map(|part| Cow::Borrowed(&part[..]));
        iter::once(Cow::Owned(lengths)).chain(parts)
    }

    /// How many bytes the parts have.
    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(Vec::len).sum()
    }

    /// How many bytes travel as they are.
    #[cfg(test)]
    fn raw_bytes(&self) -> usize {
        self.parts[PARTS - 1].len()
    }

    /// All of it, as [`unpack`] takes it.
    pub fn concat(&self) -> Vec<u8> {
        self.pieces().fold(Vec::new(), |mut all, piece| {
            all.extend_from_slice(&piece);
            all
        })
    }
}

/// What is known of the changes in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Changes {
    /// Nothing: each is made anew to see whether it comes back as it is.
    #[default]
    Any,
    /// They are in the log: the gate lets in only those that come back.
    Admitted,
}

/// Takes a message apart; `None` if it is not CBOR as this crate writes it.
pub fn pack(cbor: &[u8]) -> Option<Packed> {
    pack_knowing(Changes::Any, cbor)
}

/// As [`pack`], where something is known of the changes in the message.
pub(crate) fn pack_knowing(changes: Changes, cbor: &[u8]) -> Option<Packed> {
    if !cbor::fits(cbor) {
        return None;
    }
    let mut out = Writer {
        changes,
        ..Writer::default()
    };
    cbor::put(&mut out, &mut Atoms::default(), cbor, 0);
    let text = alphabet::spell(&out.text);
    Some(Packed {
        parts: [
            out.kinds,
            out.numbers,
            out.words,
            out.lengths,
            text.alphabet,
            text.firsts,
            text.seconds,
            out.raw,
        ],
    })
}

/// Puts a message together. Takes time and memory in proportion to what came and to `most`, which the
/// message has at most, whatever the bytes say.
///
/// # Errors
/// [`Spoilt`].
pub fn unpack(bytes: &[u8], most: usize) -> Result<Vec<u8>, Spoilt> {
    let [
        kinds,
        numbers,
        words,
        lengths,
        alphabet,
        firsts,
        seconds,
        raw,
    ] = parted(bytes)?;
    let text = alphabet::read([alphabet, firsts, seconds], most)?;
    let mut from = Reader {
        kinds,
        numbers,
        words,
        lengths,
        text: &text,
        raw,
    };
    let mut out = Out::below(most);
    cbor::take(&mut from, &mut Atoms::default(), &mut out, 0)?;
    if from.is_empty() {
        Ok(out.bytes)
    } else {
        Err(Spoilt)
    }
}

fn parted(mut bytes: &[u8]) -> Result<[&[u8]; PARTS], Spoilt> {
    let mut lengths = [0; PARTS];
    for length in &mut lengths {
        *length = usize::try_from(take_unsigned(&mut bytes)?).map_err(|_| Spoilt)?;
    }
    let mut parts = [&[][..]; PARTS];
    for (part, length) in parts.iter_mut().zip(lengths) {
        let (taken, rest) = bytes.split_at_checked(length).ok_or(Spoilt)?;
        *part = taken;
        bytes = rest;
    }
    if bytes.is_empty() {
        Ok(parts)
    } else {
        Err(Spoilt)
    }
}
