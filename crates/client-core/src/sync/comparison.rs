//! Comparing everything in scope with the server, by range-based set reconciliation.

use std::collections::BTreeSet;

use gridlog_domain::id::RecordId;
use gridlog_protocol::{Blob, ComparedRecord, Key, Reconcile, compared};
use negentropy::{Id, Negentropy, NegentropyStorageVector};
use rusqlite::Connection;

use crate::error::PhoneError;
use crate::store::{changes, meta, records};

/// Largest message that this phone sends.
const FRAME: u64 = 60_000;

/// A comparison that is under way. What is compared is what this phone held when it began.
#[derive(Debug)]
pub(super) struct Comparison {
    storage: NegentropyStorageVector,
    as_of: u64,
    next: Vec<u8>,
    here: BTreeSet<Key>,
    there: BTreeSet<Key>,
    moved_on: BTreeSet<Key>,
}

/// The print of a record that is not what its print says. No record of the server has it.
const NO_PRINT: Key = Key([0; 16]);

/// Whether the changes that are here lead to the heads that the log is known to have.
fn is_sound(connection: &Connection, record: RecordId) -> Result<bool, PhoneError> {
    let Some(known) = records::get(connection, record)? else {
        return Ok(false);
    };
    let heads = match changes::pulled_heads(connection, record) {
        Err(PhoneError::Unopenable { .. }) => return Ok(false),
        heads => heads?,
    };
    Ok(heads.concat() == known.heads)
}

fn failed(_: negentropy::Error) -> PhoneError {
    PhoneError::BadPage {
        what: "its part of a comparison is malformed",
    }
}

impl Comparison {
    /// Begins one at the position of the pull. A thorough one also finds records of which changes went
    /// missing here behind everybody's back.
    pub(super) fn begin(connection: &Connection, is_thorough: bool) -> Result<Self, PhoneError> {
        let mut elements = Vec::new();
        for printed in records::printed(connection)? {
            let is_damaged = is_thorough && !is_sound(connection, printed.id)?;
            elements.push(ComparedRecord {
                record: Key(*printed.id.as_bytes()),
                print: match is_damaged {
                    true => NO_PRINT,
                    false => printed.print,
                },
            });
        }
        let storage = compared(elements).map_err(failed)?;
        let next = Negentropy::borrowed(&storage, FRAME)
            .map_err(failed)?
            .initiate()
            .map_err(failed)?;
        Ok(Self {
            storage,
            as_of: meta::position(connection)?.seq,
            next,
            here: BTreeSet::new(),
            there: BTreeSet::new(),
            moved_on: BTreeSet::new(),
        })
    }

    /// The next message.
    pub(super) fn message(&self) -> Reconcile {
        Reconcile {
            as_of: self.as_of,
            message: Blob(self.next.clone()),
        }
    }

    /// Takes the server's answer; the differences once that was the last one.
    pub(super) fn take(
        &mut self,
        answer: &Reconcile,
        moved_on: &[Key],
    ) -> Result<Option<BTreeSet<RecordId>>, PhoneError> {
        self.moved_on.extend(moved_on);
        let mut negentropy = Negentropy::borrowed(&self.storage, FRAME).map_err(failed)?;
        negentropy.set_initiator();
        let (mut here, mut there) = (Vec::new(), Vec::new());
        let next = negentropy
            .reconcile_with_ids(&answer.message.0, &mut here, &mut there)
            .map_err(failed)?;
        let record = |id: &Id| ComparedRecord::from_id(id).record;
        self.here.extend(here.iter().map(record));
        self.there.extend(there.iter().map(record));
        match next {
            Some(next) => {
                self.next = next;
                Ok(None)
            }
            None => Ok(Some(self.differences())),
        }
    }

    /// The records in which both sides differ.
    fn differences(&self) -> BTreeSet<RecordId> {
        let records = self.here.union(&self.there);
        records
            .filter(|key| !self.moved_on.contains(*key))
            .map(|key| RecordId::from_bytes(key.0))
            .collect()
    }
}
