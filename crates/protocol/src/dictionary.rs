//! Compression dictionaries.
//!
//! A page about one small edit is a few hundred bytes, most of them names that every page has. A
//! dictionary that both sides know takes those out. Dictionaries have versions and never change:
//! version 1 is `dictionaries/1.zstd-dictionary`, made by `cargo xtask dictionary` from synthetic
//! records (see `examples/train_dictionary.rs`). A new one gets the next form byte; the old ones
//! stay, for old phones.

use std::io::{BufReader, Result};
use std::sync::LazyLock;

use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::stream::read::Decoder;

/// Pages travel more often than they are made on a fast machine.
const LEVEL: i32 = 6;

static BYTES_1: &[u8] = include_bytes!("../dictionaries/1.zstd-dictionary");
static ENCODER_1: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(BYTES_1, LEVEL));
static DECODER_1: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(BYTES_1));

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// zstd without a dictionary.
    Plain,
    /// zstd with dictionary 1.
    Dictionary1,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 2] = [Self::Plain, Self::Dictionary1];
    /// What this side sends to one that knows it.
    pub const NEWEST: Self = Self::Dictionary1;

    /// The first byte of a body.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Plain => 1,
            Self::Dictionary1 => 2,
        }
    }

    /// The form of that byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.byte() == byte)
    }
}

/// Compresses bytes.
pub(crate) fn compress(form: Form, bytes: &[u8]) -> Vec<u8> {
    let compressed = match form {
        Form::Plain => zstd::bulk::compress(bytes, LEVEL),
        Form::Dictionary1 => zstd::bulk::Compressor::with_prepared_dictionary(&ENCODER_1)
            .and_then(|mut compressor| compressor.compress(bytes)),
    };
    compressed.expect("zstd compresses any slice at a level that it documents")
}

/// Reads what [`compress`] made, from bytes that may be anything.
pub(crate) fn decoder(form: Form, bytes: &[u8]) -> Result<Decoder<'static, BufReader<&[u8]>>> {
    match form {
        Form::Plain => Decoder::new(bytes),
        Form::Dictionary1 => Decoder::with_prepared_dictionary(BufReader::new(bytes), &DECODER_1),
    }
}
