//! Reading bytes of unknown origin.

use crate::refusal::Refusal;

/// A cursor over bytes. Every method either advances or refuses; none panics.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    /// What is being read, for the refusal.
    what: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { bytes, what }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) fn malformed(&self) -> Refusal {
        Refusal::Malformed { what: self.what }
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Refusal> {
        let (first, rest) = self.bytes.split_first().ok_or(self.malformed())?;
        self.bytes = rest;
        Ok(*first)
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Refusal> {
        if count > self.bytes.len() {
            return Err(self.malformed());
        }
        let (taken, rest) = self.bytes.split_at(count);
        self.bytes = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        self.take(N)?.try_into().map_err(|_| self.malformed())
    }

    /// An unsigned LEB128 number in its shortest form.
    pub(crate) fn unsigned(&mut self) -> Result<u64, Refusal> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(self.malformed());
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                let padded = byte == 0 && shift > 0;
                return if padded {
                    Err(self.malformed())
                } else {
                    Ok(value)
                };
            }
        }
        Err(self.malformed())
    }

    /// A signed LEB128 number in its shortest form.
    pub(crate) fn signed(&mut self) -> Result<i64, Refusal> {
        let mut value = 0_i64;
        let mut previous = 0_u8;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte != 0 && byte != 0x7f {
                return Err(self.malformed());
            }
            value |= i64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let padded = shift > 0
                    && ((byte == 0 && previous & 0x40 == 0)
                        || (byte == 0x7f && previous & 0x40 != 0));
                if padded {
                    return Err(self.malformed());
                }
                if byte & 0x40 != 0 && shift < 57 {
                    value |= -1_i64 << (shift + 7);
                }
                return Ok(value);
            }
            previous = byte;
        }
        Err(self.malformed())
    }

    /// An unsigned number that counts something in memory.
    pub(crate) fn length(&mut self) -> Result<usize, Refusal> {
        usize::try_from(self.unsigned()?).map_err(|_| self.malformed())
    }

    /// A length and that many bytes of UTF-8.
    pub(crate) fn text(&mut self) -> Result<&'a str, Refusal> {
        let length = self.length()?;
        std::str::from_utf8(self.take(length)?).map_err(|_| self.malformed())
    }
}

#[cfg(test)]
mod tests {
    use super::Reader;
    use crate::encode::{put_signed, put_unsigned};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_unsigned_number_reads_back(value: u64, shift in 0_u32..64) {
            let value = value >> shift;
            let mut bytes = Vec::new();
            put_unsigned(&mut bytes, value);
            let mut reader = Reader::new(&bytes, "number");
            prop_assert_eq!(reader.unsigned(), Ok(value));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn every_signed_number_reads_back(value: i64, shift in 0_u32..64) {
            let value = value >> shift;
            let mut bytes = Vec::new();
            put_signed(&mut bytes, value);
            let mut reader = Reader::new(&bytes, "number");
            prop_assert_eq!(reader.signed(), Ok(value));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn a_number_that_reads_is_in_its_shortest_form(
            bytes in proptest::collection::vec(any::<u8>(), 0..12),
        ) {
            let mut reader = Reader::new(&bytes, "number");
            if let Ok(value) = reader.unsigned() {
                let mut again = Vec::new();
                put_unsigned(&mut again, value);
                prop_assert_eq!(&bytes[..bytes.len() - reader.remaining()], &again[..]);
            }
            let mut reader = Reader::new(&bytes, "number");
            if let Ok(value) = reader.signed() {
                let mut again = Vec::new();
                put_signed(&mut again, value);
                prop_assert_eq!(&bytes[..bytes.len() - reader.remaining()], &again[..]);
            }
        }
    }
}
