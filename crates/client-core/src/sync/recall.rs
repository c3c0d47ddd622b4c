//! Remembering what this device wrote: a store that was put back to an older copy has forgotten what it
//! wrote since, and with which actors (DESIGN section 7, receipt).
//!
//! Where the feed still tells of such a change, its record is wanted and comes whole. Where it does not,
//! because the record came whole by another way or has left the phones, only the names are left to learn;
//! without them no receipt would ever fit again.

use gridlog_domain::id::RecordId;
use rusqlite::Connection;

use super::apply::Taken;
use super::page::CheckedPage;
use crate::error::PhoneError;
use crate::store::meta::{self, number};
use crate::store::{actors, outbox, refused, wants};

/// Takes what a page recalls.
pub(super) fn take(
    connection: &Connection,
    checked: &CheckedPage,
    taken: &mut Taken,
) -> Result<(), PhoneError> {
    let Some(recalled) = &checked.page.body.recalled else {
        return Ok(());
    };
    for known in &recalled.changes {
        let record = RecordId::from_bytes(known.record.0);
        let change = known.change.0;
        actors::remember(connection, known.actor.0)?;
        let was_sent_back = refused::take_admitted(connection, record, change)?;
        if was_sent_back {
            wants::add(connection, record)?;
        }
        if outbox::set_in_log(connection, known.record.0, change)? || was_sent_back {
            taken.admitted += 1;
            taken.touched.insert(record);
        }
        let name = (known.item, change);
        outbox::add_known(connection, name, record, known.actor.0, 0)?;
    }
    match recalled.next {
        Some(next) => meta::RECALL.set(connection, number(next)?),
        None => {
            taken.recalled_all = true;
            meta::RECALL.clear(connection)
        }
    }
}
