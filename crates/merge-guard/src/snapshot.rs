//! Snapshots: a record's changes as one uncompressed document chunk.
//!
//! A chunk is smaller than its changes, since it names no change by its hash but the heads. A
//! server makes it from changes that it admitted, and a phone takes it under the server's
//! signature; still nothing of it is believed before every change in it was checked like any other.

use automerge::{Automerge, ChangeHash};
use sha2::{Digest, Sha256};

use crate::columns::declared_rows;
use crate::header::MAGIC;
use crate::history::History;
use crate::limits::Limits;
use crate::reader::Reader;
use crate::refusal::Refusal;
use crate::shield::shielded;

/// The type of a document chunk.
const DOCUMENT: u8 = 0;
/// Largest chunk, in bytes: far above the changes of the largest record.
const MAX_CHUNK_BYTES: usize = 16 * 1024 * 1024;
/// The bit of a column's specification that says that the column is compressed.
const COMPRESSED_COLUMN: u64 = 8;
/// Most columns that a chunk declares.
const MAX_COLUMNS: usize = 64;

const MALFORMED: Refusal = Refusal::Malformed { what: "snapshot" };

/// The heads that a document chunk declares, without Automerge. Its checksum is right, none of its
/// columns is compressed, and none declares more rows than a record may have: a few bytes of a
/// run-length column can promise any number.
///
/// # Errors
/// `malformed`, `too_large`, `bad_magic`, `bad_checksum`, `compressed_change`, `too_many_ops`.
pub fn snapshot_heads(chunk: &[u8]) -> Result<Vec<ChangeHash>, Refusal> {
    if chunk.len() > MAX_CHUNK_BYTES {
        return Err(Refusal::TooLarge {
            bytes: chunk.len(),
            limit: MAX_CHUNK_BYTES,
        });
    }
    let mut reader = Reader::new(open(chunk)?, "snapshot");
    for _ in 0..reader.length()? {
        let length = reader.length()?;
        reader.take(length)?;
    }
    let count = reader.length()?;
    if count > reader.remaining() / 32 {
        return Err(MALFORMED);
    }
    let heads = (0..count)
        .map(|_| Ok(ChangeHash(reader.array()?)))
        .collect::<Result<Vec<_>, Refusal>>()?;
    // The columns of the changes, then those of the operations.
    let mut columns = column_list(&mut reader)?;
    columns.extend(column_list(&mut reader)?);
    let limits = Limits::admitted_earlier();
    for (specification, length) in columns {
        declared_rows(specification, reader.take(length)?, &limits)?;
    }
    Ok(heads)
}

/// What stands behind magic number, checksum, type and length.
fn open(chunk: &[u8]) -> Result<&[u8], Refusal> {
    let mut reader = Reader::new(chunk, "snapshot");
    if reader.array()? != MAGIC {
        return Err(Refusal::BadMagic);
    }
    let checksum: [u8; 4] = reader.array()?;
    let digest: [u8; 32] = Sha256::digest(reader.rest()).into();
    if digest[..4] != checksum {
        return Err(Refusal::BadChecksum {
            hash: ChangeHash(digest),
        });
    }
    if reader.byte()? != DOCUMENT {
        return Err(MALFORMED);
    }
    let length = reader.length()?;
    if length != reader.remaining() {
        return Err(MALFORMED);
    }
    Ok(reader.rest())
}

/// Specification and length of each column.
fn column_list(reader: &mut Reader<'_>) -> Result<Vec<(u64, usize)>, Refusal> {
    let count = reader.length()?;
    if count > MAX_COLUMNS {
        return Err(MALFORMED);
    }
    (0..count)
        .map(|_| match reader.unsigned()? {
            compressed if compressed & COMPRESSED_COLUMN != 0 => Err(Refusal::CompressedChange),
            specification => Ok((specification, reader.length()?)),
        })
        .collect()
}

impl History {
    /// The record as one uncompressed document chunk.
    ///
    /// # Errors
    /// `automerge_panicked`.
    pub fn to_snapshot(&self) -> Result<Vec<u8>, Refusal> {
        shielded("save", || self.document().save_nocompress())
    }

    /// Rebuilds a history from a snapshot and the changes after it, as [`History::load`] does from
    /// changes alone: every change in the chunk is taken out and checked.
    ///
    /// # Errors
    /// Those of [`snapshot_heads`] and of [`History::load`].
    pub fn load_snapshot<'a>(
        chunk: &[u8],
        later: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, Refusal> {
        snapshot_heads(chunk)?;
        let document = shielded("load", || Automerge::load(chunk))?
            .map_err(|_| Refusal::AutomergeRefused { stage: "load" })?;
        let mut all = changes(&document)?;
        all.extend(later.into_iter().map(<[u8]>::to_vec));
        Self::load(all.iter().map(Vec::as_slice))
    }

    /// The changes of the record, dependencies first, as they were admitted.
    ///
    /// # Errors
    /// `automerge_panicked`.
    pub fn changes(&self) -> Result<Vec<Vec<u8>>, Refusal> {
        changes(self.document())
    }
}

fn changes(document: &Automerge) -> Result<Vec<Vec<u8>>, Refusal> {
    shielded("changes", || {
        let changes = document.get_changes(&[]);
        changes
            .iter()
            .map(|change| change.raw_bytes().to_vec())
            .collect()
    })
}

#[cfg(test)]
mod tests;
