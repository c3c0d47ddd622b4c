//! Comparing all records that a device has in scope with those that it should have, by range-based
//! set reconciliation (`negentropy`).
//!
//! An element is a record: its id and its print in 32 bytes, in the order of ids. The device
//! begins; the server answers each message from what it holds then, and keeps nothing in between.

use gridlog_protocol::limits::MAX_RECONCILE_BYTES;
use gridlog_protocol::{Blob, Key, Page, ProtocolError, Reconcile};
use gridlog_protocol::{ComparedRecord, compared};
use negentropy::Negentropy;

use super::{Asked, Exchange, ExchangeError};

/// Largest message that is answered, so that it fits a page beside other news.
const FRAME: u64 = 60_000;

impl Exchange {
    pub(super) fn compare(
        &self,
        asked: &Asked<'_>,
        audiences: &[String],
        page: &mut Page,
    ) -> Result<(), ExchangeError> {
        let Some(comparison) = &asked.request.reconcile else {
            return Ok(());
        };
        if comparison.message.0.len() > MAX_RECONCILE_BYTES {
            return Err(ProtocolError::TooMany {
                what: "bytes of a comparison",
                limit: MAX_RECONCILE_BYTES,
            }
            .into());
        }
        let prints = self.store.prints(audiences)?;
        let malformed = |_| ProtocolError::Malformed { what: "comparison" };
        let storage = compared(prints.iter().map(|printed| ComparedRecord {
            record: Key(*printed.id.as_bytes()),
            print: printed.print,
        }))
        .map_err(malformed)?;
        let mut negentropy = Negentropy::owned(storage, FRAME).map_err(malformed)?;
        let answer = negentropy
            .reconcile(&comparison.message.0)
            .map_err(malformed)?;
        page.body.reconcile = Some(Reconcile {
            as_of: comparison.as_of,
            message: Blob(answer),
        });
        page.body.moved_on = prints
            .iter()
            .filter(|printed| printed.as_of > comparison.as_of)
            .map(|printed| Key(*printed.id.as_bytes()))
            .collect();
        Ok(())
    }
}
