//! Repair: what a restored server lost is given back, and what this store lacks is wanted (DESIGN
//! section 7).

use std::collections::BTreeSet;

use gridlog_domain::id::RecordId;
use gridlog_protocol::{Key, Position, Returned, ScopePrint, Statement};
use rusqlite::Connection;

use super::apply::Taken;
use super::page::{CheckedDelta, CheckedPage};
use super::session::Asked;
use crate::error::PhoneError;
use crate::store::{actors, attachments, evidence, log, meta, records, sealed, wants};

/// The folded prints of everything in scope, as the server folds them: once for every audience.
pub(super) fn own_scope(connection: &Connection) -> Result<Key, PhoneError> {
    let mut scope = ScopePrint::EMPTY;
    for printed in records::printed(connection)? {
        scope.add(printed.print, printed.seen_by.count_ones());
    }
    Ok(Key(scope.0))
}

/// What the server's prints come to beyond those of this phone.
fn difference(scope: Key, own: Key) -> Key {
    let mut difference = ScopePrint(scope.0);
    difference.remove(own);
    Key(difference.0)
}

/// Whether phone and server differ just as they did when only what is set aside differed.
pub(super) fn is_explained(
    connection: &Connection,
    scope: Key,
    own: Key,
) -> Result<bool, PhoneError> {
    let known = meta::ASIDE_DIFFERENCE.get(connection)?;
    Ok(known == Some(difference(scope, own).0) && !wants::aside(connection)?.is_empty())
}

/// A comparison came to its end. If only what is set aside differs, the same difference begins no other.
pub(super) fn explain_difference(
    connection: &Connection,
    statement: &Statement,
    differing: &BTreeSet<RecordId>,
) -> Result<(), PhoneError> {
    let aside = wants::aside(connection)?;
    let is_aside = |record: &RecordId| aside.iter().any(|aside| aside.record == *record);
    match statement.scope {
        Some(scope) if !aside.is_empty() && differing.iter().all(is_aside) => {
            let difference = difference(scope, own_scope(connection)?);
            meta::ASIDE_DIFFERENCE.set(connection, difference.0)
        }
        _ => meta::ASIDE_DIFFERENCE.clear(connection),
    }
}

/// The server's log is another one than the one that was pulled: what both share stays, what lies
/// behind it is to be given back and asked for again. Nothing is lost here by that.
pub(super) fn take_lineage(
    connection: &Connection,
    checked: &CheckedPage,
    asked: &Asked,
    taken: &mut Taken,
) -> Result<(), PhoneError> {
    let Some(lineage) = &checked.page.body.lineage else {
        return meta::PROVING.clear(connection);
    };
    let Some(common) = lineage.common else {
        return meta::PROVING.set(connection, true);
    };
    meta::PROVING.clear(connection)?;
    let epoch = checked.page.statement.position.epoch;
    if epoch == asked.position.epoch {
        return Ok(());
    }
    tracing::warn!(epoch, common, "the server's log has a new epoch");
    part(connection, epoch, common, taken)?;
    if common < asked.position.seq {
        meta::REPAIRING.set(connection, true)?;
    }
    Ok(())
}

/// What this store knows of the log counts up to entry `common` only, which epoch `epoch` took over.
fn part(
    connection: &Connection,
    epoch: u64,
    common: u64,
    taken: &mut Taken,
) -> Result<(), PhoneError> {
    taken
        .touched
        .extend(records::changed_after(connection, common)?);
    records::doubt_after(connection, common)?;
    sealed::doubt_after(connection, common)?;
    attachments::doubt_all(connection)?;
    log::begin_epoch(connection, epoch, common)?;
    actors::doubt_registration(connection)?;
    meta::TAKEN_OVER.set(connection, meta::number(common)?)?;
    if meta::RECALL.get(connection)?.is_some() {
        meta::recall_after(connection, common)?;
    }
    Ok(())
}

/// Whether both logs parted earlier than the server thinks. Before it was restored and said so, it may
/// have been put back in silence and gone on: then it shares less with this phone than it took over from
/// the epoch before. An entry that differs shows it. Nobody knows where they parted, so everything is
/// given back.
pub(super) fn take_parting(
    connection: &Connection,
    (checked, deltas): (&CheckedPage, &[CheckedDelta]),
    taken: &mut Taken,
) -> Result<bool, PhoneError> {
    let shared = meta::TAKEN_OVER.get(connection)?.unwrap_or(0);
    let epoch = checked.page.statement.position.epoch;
    let of_records = deltas.iter().flat_map(|delta| &delta.rulings);
    for (entry, canonical) in checked.entries.iter().chain(of_records) {
        // The first entry of an epoch names the one before it.
        let may_differ = entry.seq.cast_signed() <= shared.saturating_add(1) && shared > 0;
        if may_differ && log::contradicts(connection, epoch, entry, canonical)? {
            tracing::warn!(
                epoch,
                "the server's log parted from this one earlier than it says"
            );
            log::lose_all(connection, epoch)?;
            part(connection, epoch, 0, taken)?;
            meta::set_position(
                connection,
                Position {
                    epoch,
                    ..Position::NOWHERE
                },
            )?;
            meta::REPAIRING.set(connection, true)?;
            taken.parted = true;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Everything that was lost was given back: what the server told nothing of since is as of now.
pub(super) fn end_repair(connection: &Connection) -> Result<(), PhoneError> {
    let position = meta::position(connection)?;
    records::doubt_no_more(connection, position.seq)?;
    sealed::doubt_no_more(connection, position.seq)?;
    meta::REPAIRING.clear(connection)
}

/// Proof that this phone pulled what the server does not know: the last page.
pub(super) fn proof(connection: &Connection) -> Result<Vec<Returned>, PhoneError> {
    let Some(cbor) = meta::LAST_PAGE.get(connection)? else {
        return Ok(Vec::new());
    };
    Ok(vec![Returned {
        evidence: evidence::from_cbor(&cbor)?,
        entries: Vec::new(),
        changes: Vec::new(),
    }])
}
