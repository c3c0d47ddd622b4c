//! What both sides of a comparison put into it; see [`crate::Reconcile`].

use negentropy::{Id, NegentropyStorageVector};

use crate::bytes::Key;

/// A record in a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ComparedRecord {
    /// Its id.
    pub record: Key,
    /// Its print; see [`crate::record_print`].
    pub print: Key,
}

impl ComparedRecord {
    fn id(self) -> Id {
        let mut id = [0; 32];
        id[..16].copy_from_slice(&self.record.0);
        id[16..].copy_from_slice(&self.print.0);
        Id::from_byte_array(id)
    }

    /// Reads an element that a comparison yielded.
    pub fn from_id(id: &Id) -> Self {
        let bytes = id.to_bytes();
        let (mut record, mut print) = ([0; 16], [0; 16]);
        record.copy_from_slice(&bytes[..16]);
        print.copy_from_slice(&bytes[16..]);
        Self {
            record: Key(record),
            print: Key(print),
        }
    }

    /// The order of a comparison is that of the time in the id (RFC 9562: the first 48 bits of a
    /// UUIDv7), then of the id.
    fn time(self) -> u64 {
        let mut millis = [0; 8];
        millis[2..].copy_from_slice(&self.record.0[..6]);
        u64::from_be_bytes(millis)
    }
}

/// The sorted set of records that one side has.
///
/// # Errors
/// What the library says, for example where a record occurs twice.
pub fn compared(
    records: impl IntoIterator<Item = ComparedRecord>,
) -> Result<NegentropyStorageVector, negentropy::Error> {
    let mut storage = NegentropyStorageVector::new();
    for record in records {
        storage.insert(record.time(), record.id())?;
    }
    storage.seal()?;
    Ok(storage)
}
