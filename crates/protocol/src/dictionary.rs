//! How bodies are compressed, and with which dictionaries.
//!
//! A page about one small edit is a few hundred bytes, most of them what every page has. A dictionary
//! that both sides know takes that out. Dictionaries have versions and never change: version 1 is
//! `dictionaries/1.zstd-dictionary`, made by `cargo xtask dictionary` from synthetic records (see
//! `examples/train_dictionary`). A new one gets the next form byte; the old ones stay, for old phones.

use std::io::{BufReader, Result, Write as _};
use std::sync::LazyLock;

use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::stream::read::Decoder;

use crate::dense::Packed;

/// For few bytes, where the time hardly counts.
const LEVEL: i32 = 6;
/// For many. Once a message is taken apart, level 6 finds half a percent more, in twice the time.
const LEVEL_OF_LARGE: i32 = 3;

/// Messages from this many bytes on are better off without the dictionary.
const LARGE: usize = 16 * 1024;
/// Pieces from this many bytes on get codes of their own.
const LEAST_APART: usize = 512;

static BYTES_1: &[u8] = include_bytes!("../dictionaries/1.zstd-dictionary");
static ENCODER_1: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(BYTES_1, LEVEL));
static DECODER_1: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(BYTES_1));

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// zstd over CBOR.
    Plain,
    /// zstd over the dense form of the CBOR ([`crate::dense`]); a small one with dictionary 1.
    Dense,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 2] = [Self::Plain, Self::Dense];
    /// What this side sends to one that knows it.
    pub const NEWEST: Self = Self::Dense;

    /// The first byte of a body.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Plain => 1,
            Self::Dense => 2,
        }
    }

    /// The form of that byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.byte() == byte)
    }
}

/// Compresses bytes, without a dictionary.
pub(crate) fn compress(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, LEVEL)
        .expect("zstd compresses any slice at a level that it documents")
}

/// Compresses a message of the dense form. Few bytes go with the dictionary; of many each piece gets
/// codes of its own.
pub(crate) fn compress_packed(packed: &Packed) -> Vec<u8> {
    let compressed = if packed.len() < LARGE {
        zstd::bulk::Compressor::with_prepared_dictionary(&ENCODER_1)
            .and_then(|mut compressor| compressor.compress(&packed.concat()))
    } else {
        compress_apart(packed)
    };
    compressed.expect("zstd compresses any slice at a level that it documents")
}

/// zstd is told the length before, so that it makes its tables and its window no larger than they need to be, on
/// either side.
fn compress_apart(packed: &Packed) -> Result<Vec<u8>> {
    let pieces: Vec<_> = packed.pieces().collect();
    let length: usize = pieces.iter().map(|piece| piece.len()).sum();
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), LEVEL_OF_LARGE)?;
    encoder.set_pledged_src_size(u64::try_from(length).ok())?;
    for piece in pieces {
        encoder.write_all(&piece)?;
        if piece.len() >= LEAST_APART {
            encoder.flush()?;
        }
    }
    encoder.finish()
}

/// Reads what was compressed in that form, from bytes that may be anything. A frame that was made without
/// the dictionary is read just as well.
pub(crate) fn decoder(form: Form, bytes: &[u8]) -> Result<Decoder<'static, BufReader<&[u8]>>> {
    match form {
        Form::Plain => Decoder::new(bytes),
        Form::Dense => Decoder::with_prepared_dictionary(BufReader::new(bytes), &DECODER_1),
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    /// Phones that are out there know version 1 as it is. Whoever trains anew, with
    /// `cargo xtask dictionary crates/protocol/dictionaries/2.zstd-dictionary`, adds a version and a form byte.
    #[test]
    fn a_dictionary_that_was_released_stays_as_it_is() {
        let hash = Sha256::digest(BYTES_1);
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hash,
            "235b7765ad01a2bd8648e5599ef64ca0fe9f4eae07428f7490579d3bba306fd2"
        );
    }
}
